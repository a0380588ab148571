# davit run: what docker's users expect of it.
load lib
load engine

# --- exit statuses ---

@test "the exit status is the process' own, or 128 and the signal" {
	run -0 davit run --rm bb true
	run -7 davit run --rm bb sh -c 'exit 7'
	run_background sig bb sleep 1000
	kill -9 "$(pid_of sig)"
	status=0
	wait "$run_pid" || status=$?
	[ "$status" = 137 ]
	[ "$(davit inspect -f '{{.State.ExitCode}} {{.State.OOMKilled}}' sig)" = "137 false" ]
}

@test "125 for our own failures, 126 and 127 for programs that cannot be run" {
	run -125 davit run --nosuchflag bb true
	[[ $output == *"unknown flag: --nosuchflag"* ]]
	run -127 davit run --rm bb nosuch
	[[ $output == *'"nosuch": executable file not found in $PATH'* ]]
	run -127 davit run --rm bb /bin/nosuch
	run -126 davit run --rm bb /etc/passwd
	run -126 davit run --rm bb /etc
	run -125 davit run --rm --pull never nosuch:1 true
	[[ $output == *"Unable to find image 'nosuch:1' locally"* ]]
	run -125 davit run --rm --network nosuch bb true
	[[ $output == *"network nosuch not found"* ]]
	run -125 davit run --rm -v no/volume:/x bb true
	[[ $output == *"invalid characters for a local volume name"* ]]
	run -125 davit run --rm -w relative bb true
	[[ $output == *"absolute path"* ]]
	run -125 davit run --rm --cap-add nosuch bb true
	run -125 davit run --rm -m 1m bb true
	[[ $output == *"6MB"* ]]
	run -125 davit run --rm --memory-swap 64m bb true
	run -125 davit run --rm --cpus 0.001 bb true
	run -125 davit run --rm --cpus 1x bb true
	run -125 davit run --rm --entrypoint "" bb
	[[ $output == *"no command specified"* ]]
	[ "$(davit ps -aq)" = "" ]
}

@test "a container that did not start stays as docker's does, and goes with --rm" {
	run -127 davit run --name stays bb nosuch
	[ "$(status_of stays)" = created ]
	[ "$(davit inspect -f '{{.State.ExitCode}}' stays)" = 127 ]
	davit rm stays
	run -127 davit run --rm --name goes bb nosuch
	[ "$(davit ps -aq)" = "" ]
	[ "$(leftovers)" = "" ]
}

# --- environment and command ---

@test "the image's command, environment and labels, and ours above them" {
	run -0 davit run --rm bb
	[ "$output" = default ]
	printf '# comment\nFILE=a b\n\nFROM_US\nNOT_SET_ANYWHERE\n' >"$T/env"
	FROM_US=ours run -0 davit run --rm -e FOO=ours -e FROM_US -e UNSET_HERE --env-file "$T/env" bb env
	[[ $output == *"FOO=ours"* && $output == *"FROM_US=ours"* && $output == *"FILE=a b"* ]]
	[[ $output != *UNSET_HERE* && $output != *NOT_SET_ANYWHERE* && $output != *FOO=image* ]]
	[[ $output == *"HOME=/root"* && $output == *"PATH=/bin"* && $output == *"HOSTNAME="* && $output != *TERM=* ]]
	run -0 davit run --rm --entrypoint /bin/echo bb a b
	[ "$output" = "a b" ]
	davit run --name labelled -l mine=1 -l empty bb true
	[ "$(davit inspect -f '{{.Config.Labels.from}} {{.Config.Labels.mine}} [{{.Config.Labels.empty}}]' labelled)" = "image 1 []" ]
}

@test "an image with entrypoint, working directory and user" {
	make_image app '.config += {Entrypoint: ["/bin/sh", "-c"], Cmd: ["pwd; id -u"], WorkingDir: "/not/there", User: "user"}'
	run -0 davit run --rm app
	[ "$output" = "$(printf '/not/there\n1000')" ]
	run -0 davit run --rm -w /tmp -u 0 app 'pwd; id -u'
	[ "$output" = "$(printf '/tmp\n0')" ]
}

@test "users and groups are those of the image" {
	run -0 davit run --rm -u user bb id
	[ "$output" = "uid=1000(user) gid=1000(user) groups=1000(user),2000(extra)" ]
	run -0 davit run --rm -u 1234 bb sh -c 'id; echo $HOME'
	[ "$output" = "$(printf 'uid=1234 gid=0(root) groups=0(root)\n/')" ]
	run -0 davit run --rm -u 1234:extra bb id
	[ "$output" = "uid=1234 gid=2000(extra) groups=2000(extra)" ]
	run -0 davit run --rm -u user:77 bb id
	[ "$output" = "uid=1000(user) gid=77 groups=77" ]
	for bad in nosuch root:nosuch 1000: 4294967296 -1 1:2:3; do
		run -125 davit run --rm --user="$bad" bb id
	done
}

@test "a passwd file that leads outside or is no file is not read" {
	make_image evil
	local layer
	layer=$(echo "$T"/root/layers/*)
	mkfifo "$T/fifo"
	for l in "$T"/root/layers/*; do
		rm "$l/etc/passwd"
		mkfifo "$l/etc/passwd"
	done
	run -125 timeout 300 "$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" run --rm bb id
	[[ $output == *"not a regular file"* ]]
	for l in "$T"/root/layers/*; do
		rm "$l/etc/passwd"
		ln -s /proc/self/root/etc/passwd "$l/etc/passwd"
	done
	run -125 davit run --rm -u daemon bb id
}

# --- isolation ---

@test "no network but loopback by default, the host's on demand" {
	run -0 davit run --rm bb ls /sys/class/net
	[ "$output" = lo ]
	run -0 davit run --rm --network host bb readlink /proc/self/ns/net
	[ "$output" = "$(readlink /proc/self/ns/net)" ]
	run -0 davit run --rm --network host bb hostname
	[ "$output" = "$(uname -n)" ]
}

@test "host name, and the files that belong to it" {
	run -0 davit run --rm -h box bb sh -c 'hostname; cat /etc/hostname; grep -c localhost /etc/hosts; test -e /etc/resolv.conf && echo resolv'
	[ "$output" = "$(printf 'box\nbox\n2\nresolv')" ]
	davit run --name named bb hostname >"$T/name"
	[ "$(cat "$T/name")" = "$(id_of named | cut -c1-12)" ]
	run -125 davit run --rm -h 'a b' bb true
}

@test "docker's capabilities without NET_RAW, a filter, nothing for other users" {
	run -0 davit run --rm bb grep -E '^(Cap(Eff|Bnd|Inh|Amb)|Seccomp|NoNewPrivs)' /proc/self/status
	[ "$output" = "$(printf 'CapInh:\t0000000000000000\nCapEff:\t00000000a80405fb\nCapBnd:\t00000000a80405fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t2\nSeccomp_filters:\t1')" ]
	run -0 davit run --rm -u user bb grep -E '^Cap(Eff|Prm|Bnd)' /proc/self/status
	[ "$output" = "$(printf 'CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t00000000a80405fb')" ]
	run -0 davit run --rm --cap-drop ALL --cap-add CHOWN --cap-add cap_kill bb grep CapEff /proc/self/status
	[ "$output" = "$(printf 'CapEff:\t0000000000000021')" ]
	run -0 davit run --rm --cap-drop chown bb grep CapEff /proc/self/status
	[ "$output" = "$(printf 'CapEff:\t00000000a80405fa')" ]
	run -1 davit run --rm bb unshare -U true
	run -1 davit run --rm bb mount -t tmpfs x /tmp
}

@test "privileged: every capability and device, no filter, nothing hidden" {
	run -0 davit run --rm --privileged bb sh -c 'grep -E "^(CapEff|Seccomp):" /proc/self/status; test -e /dev/kmsg && echo kmsg; mount -t tmpfs x /tmp && echo mounted; grep -c " /proc/" /proc/self/mountinfo || true'
	own=$(awk '/^CapPrm/ { print $2 }' /proc/self/status)
	[ "$output" = "$(printf "CapEff:\t$own\nSeccomp:\t0\nkmsg\nmounted\n0")" ]
}

@test "masked and read-only paths of /proc and /sys" {
	run davit run --rm bb sh -c 'wc -c </proc/keys; ls /sys/firmware | wc -l; for f in /proc/sys/kernel/hostname /sys/kernel/mm/ksm/run; do (echo 0 >$f) 2>&1; done; mkdir /sys/fs/cgroup/x 2>&1'
	[[ ${lines[0]} == 0 && ${lines[1]} == 0 ]]
	[ "$(printf '%s\n' "${lines[@]:2}" | grep -c 'Read-only file system')" = 3 ]
}

@test "a read-only root, with what is mounted on it writable" {
	run -1 davit run --rm --read-only bb touch /x
	run -0 davit run --rm --read-only --tmpfs /tmp:size=1m,mode=1777 bb sh -c 'touch /tmp/x /dev/shm/x; ls /tmp; df -k /tmp | tail -1 | awk "{print \$2}"; touch /etc/hosts 2>/dev/null || echo ro'
	[ "$output" = "$(printf 'x\n1024\nro')" ]
}

# --- volumes ---

@test "directories of the host: read and write, read-only, made when missing" {
	mkdir "$T/src"
	echo inside >"$T/src/file"
	run -0 davit run --rm -v "$T/src:/data" bb sh -c 'cat /data/file; echo new >/data/made'
	[ "$output" = inside ]
	[ "$(cat "$T/src/made")" = new ]
	run -1 davit run --rm -v "$T/src:/data:ro" bb touch /data/x
	[[ $output == *"Read-only"* ]]
	run -0 davit run --rm -v "$T/not/yet:/data" bb touch /data/x
	[ -e "$T/not/yet/x" ]
	run -0 davit run --rm -v "$T/src/file:/etc/deep/er/file:ro" bb cat /etc/deep/er/file
	[ "$output" = inside ]
	for bad in "$T/src:data" "$T/src:/" "$T/src:/a:nosuch" "$T/src:/a:ro:rw" ":/a"; do
		run -125 davit run --rm -v "$bad" bb true
	done
	run -125 davit run --rm -v "$T/src:/a" -v "$T/src:/a/" bb true
	[[ $output == *"Duplicate mount point"* ]]
}

@test "the volume of a directory hides defaults below it, parents come first" {
	mkdir -p "$T/a" "$T/b"
	run -0 davit run --rm -v "$T/b:/m/sub" -v "$T/a:/m" bb sh -c 'touch /m/sub/x'
	[ -e "$T/b/x" ]
}

# --- limits ---

@test "limits are those of the cgroup, and memory is enforced" {
	run_background lim -m 32m --cpus 0.5 --pids-limit 17 bb sleep 1000
	id=$(id_of lim)
	if [ -d /sys/fs/cgroup/memory ]; then
		[ "$(cat /sys/fs/cgroup/memory/davit/$id/memory.limit_in_bytes)" = $((32 << 20)) ]
		[ "$(cat /sys/fs/cgroup/memory/davit/$id/memory.memsw.limit_in_bytes)" = $((64 << 20)) ]
		[ "$(cat /sys/fs/cgroup/cpu/davit/$id/cpu.cfs_quota_us)" = 50000 ]
		[ "$(cat /sys/fs/cgroup/pids/davit/$id/pids.max)" = 17 ]
	else
		[ "$(cat /sys/fs/cgroup/davit/$id/memory.max)" = $((32 << 20)) ]
		[ "$(cat /sys/fs/cgroup/davit/$id/pids.max)" = 17 ]
	fi
	davit rm -f lim
	wait "$run_pid" || [ $? = 137 ]
	run -137 davit run --name hog -m 16m bb sh -c 'x=a; while :; do x=$x$x; done'
	[ "$(davit inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' hog)" = "true 137" ]
	run -2 davit run --rm --pids-limit 3 bb sh -c 'for i in 1 2 3 4 5; do sleep 60 & done; wait' || [ "$status" != 0 ]
	[[ $output == *"fork"* ]]
}

# --- streams and signals ---

@test "standard input with -i only; both outputs apart" {
	run -0 bash -c "echo typed | '$DAVIT_BUILD/davit' --root $T/root --runroot $T/run run --rm -i bb cat"
	[ "$output" = typed ]
	run -0 bash -c "echo typed | '$DAVIT_BUILD/davit' --root $T/root --runroot $T/run run --rm bb cat"
	[ "$output" = "" ]
	davit run --rm bb sh -c 'echo out; echo err >&2' >"$T/1" 2>"$T/2"
	[ "$(cat "$T/1")" = out ]
	[ "$(cat "$T/2")" = err ]
}

@test "a terminal with -it, and an error where there is none to give" {
	run -125 davit run --rm -it bb true </dev/null
	[[ $output == *"the input device is not a TTY"* ]]
	run -3 terminal "'$DAVIT_BUILD/davit' --root $T/root --runroot $T/run run --rm -it bb sh -c 'tty; echo \$TERM; exit 3'"
	[[ $output == *"/dev/pts/0"* && $output == *xterm* ]]
	run -5 terminal '#=echo he""llo' 'hello=exit 5' "$DAVIT_BUILD/davit --root $T/root --runroot $T/run run --rm -it bb sh"
	[[ $output == *hello* ]]
}

@test "signals reach the process" {
	run_background sig bb sh -c 'trap "echo got; exit 9" TERM; echo ready; while :; do sleep 0.05; done'	# allow(sleep): inside the container
	wait_for grep -q ready "$T/out"
	kill -TERM "$run_pid"
	status=0
	wait "$run_pid" || status=$?
	[ "$status" = 9 ]
	[ "$(cat "$T/out")" = $'ready\ngot' ]
	[ "$(davit inspect -f '{{.State.ExitCode}}' sig)" = 9 ]
}

# --- names, ps, rm ---

@test "names: rules, random ones, one owner" {
	for bad in a -x .x 'a b' a/b; do
		run -125 davit run --rm --name="$bad" bb true
		[[ $output == *"only [a-zA-Z0-9][a-zA-Z0-9_.-]+ are allowed"* ]]
	done
	davit run bb true
	[[ $(davit ps -a --format '{{.Names}}') =~ ^[a-z]+_[a-z]+[0-9]*$ ]]
	davit run --name mine bb true
	run -125 davit run --name mine bb true
	[[ $output == *"is already in use by container \"$(id_of mine)\""* ]]
	davit rm mine
	davit run --rm --name mine bb true
}

@test "two command lines want one name: one wins" {
	pids=
	for i in 1 2 3 4 5 6; do
		davit run --name race bb sh -c 'echo won' >"$T/race.$i" 2>&1 3>&- &
		pids+=" $!"
	done
	for p in $pids; do wait "$p" || true; done
	[ "$(cat "$T"/race.* | grep -c '^won$')" = 1 ]
	[ "$(cat "$T"/race.* | grep -c 'already in use')" = 5 ]
	[ "$(davit ps -aq | wc -l)" = 1 ]
}

@test "ps and rm: running, ended, forced, missing" {
	run_background one bb sleep 1000
	davit run --name two bb sh -c 'exit 4' || true
	[ "$(davit ps --format '{{.Names}} {{.State}}')" = "one running" ]
	run -0 davit ps -a
	[[ ${lines[0]} == "CONTAINER ID"*"IMAGE"*"COMMAND"*"CREATED"*"STATUS"*"PORTS"*"NAMES"* ]]
	[[ $output == *"Exited (4)"*"two"* && $output == *"Up "*"one"* ]]
	[ "$(davit container ls -q --no-trunc)" = "$(id_of one)" ]
	[ "$(davit ps -q)" = "$(id_of one | cut -c1-12)" ]
	[ "$(davit ps -a --format json | jq -r .Names | sort | tr '\n' ' ')" = "one two " ]
	run -1 davit rm one
	[[ $output == *"running container"* ]]
	run -1 davit rm nosuch two
	[[ $output == *"No such container: nosuch"* ]]
	run -0 davit rm -f nosuch
	id=$(id_of one)
	davit rm -f "${id:0:12}"
	status=0
	wait "$run_pid" || status=$?
	[ "$status" = 137 ]
	[ "$(davit ps -aq)" = "" ]
	[ "$(leftovers "$id")" = "" ]
}

@test "what --rm ran leaves nothing, whatever it wrote" {
	davit run --rm --name gone bb sh -c 'rm -rf /bin/ls /etc; mkdir /etc /new; echo x >/new/x; chmod 000 /new'
	[ "$(davit ps -aq)" = "" ]
	[ "$(leftovers)" = "" ]
	run -0 davit run --rm bb ls /etc/passwd
}

# --- when davit run is killed ---

@test "killed davit run: the container goes on, and its end is known" {
	run_background left bb sh -c 'while [ ! -e /tmp/end ]; do sleep 0.05; done; exit 4'	# allow(sleep): inside the container
	kill -9 "$run_pid"
	wait "$run_pid" || true
	pid=$(pid_of left)
	[ "$(davit ps --format '{{.Names}}')" = left ]
	kill -0 "$pid"
	touch "/proc/$pid/root/tmp/end"
	wait_for has_status left exited
	[[ $(davit ps -a --format '{{.Status}}') == "Exited (4)"* ]]
	[ "$(davit inspect left | jq '.[0].State.ExitCode')" = 4 ]
	id=$(id_of left)
	davit rm left
	[ "$(leftovers "$id")" = "" ]
}

@test "killed davit run --rm: the next command removes it" {
	run_background gone --rm bb sh -c 'while [ ! -e /tmp/end ]; do sleep 0.05; done'	# allow(sleep): inside the container
	kill -9 "$run_pid"
	wait "$run_pid" || true
	id=$(id_of gone)
	touch "/proc/$(pid_of gone)/root/tmp/end"
	ps_is_empty() { [ "$(davit ps -aq)" = "" ]; }
	wait_for ps_is_empty
	[ "$(leftovers "$id")" = "" ]
}

@test "the clock was set back by a year: times of the future are now, and everything goes on" {
	davit run -d --name later --health-cmd true --health-interval 100ms --restart always bb sleep 1000 >/dev/null
	python3 - "$T/root/engine.db" <<-'P'
		import sqlite3, sys
		d = sqlite3.connect(sys.argv[1])
		d.execute("UPDATE containers SET created = created + 31536000000000000, started = started + 31536000000000000")
		d.commit()
	P
	# How long ago it was made is not known; when it started is (its monitor knows), however long that took.
	[[ $(davit ps --format '{{.RunningFor}} {{.Status}}') == "Less than a second ago Up "* ]]
	healthy() { [ "$(davit inspect -f '{{.State.Health.Status}}' later)" = healthy ]; }
	wait_for healthy
	[ "$(davit ps -q --filter status=running | wc -l)" = 1 ]
	davit stop -t 0 later
	davit start later
	[[ $(davit inspect -f '{{.State.StartedAt}}' later) < $(davit inspect -f '{{.Created}}' later) ]]
	davit rm -f later
}

@test "after a reboot nothing runs" {
	run_background was bb sleep 1000
	python3 - "$T/root/engine.db" <<-'P'
		import sqlite3, sys
		d = sqlite3.connect(sys.argv[1])
		d.execute("UPDATE containers SET boot = 'another'")
		d.commit()
	P
	[[ $(davit ps -a --format '{{.Status}}') == "Exited (unknown)"* ]]
	davit rm was
	wait "$run_pid" || true
}

# --- images ---

@test "images and rmi: a container keeps its image" {
	[ "$(davit images --format '{{.Repository}}:{{.Tag}}')" = bb:latest ]
	[ "$(davit image ls -q)" = "$(davit images --no-trunc -q | cut -c8-19)" ]
	[[ $(davit images --digests | head -1) == *DIGEST* ]]
	davit run --name user bb true
	run -1 davit rmi bb
	[[ $output == *"container"*"is using it"* ]]
	run -1 davit rmi -f bb
	davit rm user
	run -0 davit rmi bb
	[[ ${lines[0]} == "Untagged: bb:latest" ]]
	[ "$(davit images -q)" = "" ]
	run -1 davit rmi bb
	run -0 davit rmi -f bb
	[ "$(ls "$T/root/layers")" = "" ]
}

@test "the program that containers see cannot be written" {
	run_background self bb sleep 1000
	run ! bash -c ": >>/proc/$run_pid/exe"
	davit rm -f self
	wait "$run_pid" || true
}

@test "after a restart of the machine, directories of containers that nobody knows are gone" {
	local stray
	stray=$T/root/containers/$(printf '%064d' 7)
	davit run --rm bb true
	mkdir -p "$stray/upper"
	echo x >"$stray/upper/file"
	davit ps
	[ -e "$stray" ]
	rm -rf "$T/run"
	davit ps
	[ ! -e "$stray" ]
}

@test "davit, run from a detached copy of its mount, knows its path; containers do not" {
	run_background box bb sleep 1000
	[ "$(tr '\0' '\n' <"/proc/$run_pid/environ" | grep '^DAVIT_SELF=')" = "DAVIT_SELF=$(readlink -f "$DAVIT_BUILD/davit")" ]
	[ "$(davit run --rm bb env | grep -c DAVIT_SELF)" = 0 ]
	davit rm -f box
	wait "$run_pid" || true
}

@test "places to mount on come from a layer below, not from the container's own directory" {
	davit run --name kept bb sh -c 'ls -d /proc /sys /dev /etc/hosts /etc/resolv.conf /etc/hostname'
	[ -z "$(ls -A "$T/root/containers/$(id_of kept)/upper")" ]
	[ "$(stat -c %a "$T/root/ground" "$T/root/ground/proc" "$T/root/ground/etc/hosts" | tr '\n' ' ')" = "755 755 644 " ]
	# A maker that was killed half-way left this.
	rm -rf "$T/root/ground"
	mkdir -p "$T/root/ground.making/etc"
	run_background box bb sleep 1000
	[ ! -e "$T/root/ground.making" ]
	[ -d "$T/root/ground/sys" ]
	davit rm -f box
	wait "$run_pid" || true
}

@test "--rm: what was written is gone at once, empty directories with the next container" {
	davit run --rm bb sh -c 'echo x >/file'
	[ -z "$(ls -A "$T/root/containers" "$T/root/trash" 2>/dev/null | grep -v :)" ]
	davit run --rm bb true
	[ -z "$(ls -A "$T/root/containers")" ]
	[ "$(ls "$T/root/trash" | wc -l)" = 1 ]
	# Only what is in the trash: a link there is not followed.
	mkdir "$T/safe"
	touch "$T/safe/file"
	ln -s "$T/safe" "$T/root/trash/link"
	davit run --name kept bb true
	[ -z "$(ls -A "$T/root/trash")" ]
	[ -e "$T/safe/file" ]
}
