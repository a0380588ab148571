# exec: every flag, read from inside.
load oci

ex() { run dv exec "$@" </dev/null; }

@test "exec: command, its output, its exit status" {
	bundle
	start_idle
	ex "$ID" sh -c 'echo out; echo err >&2; exit 3'
	fails 3
	is $'out\nerr'
	ex "$ID" sh -c 'kill -9 $$'
	fails 137
	[ "$(echo text | dv exec "$ID" cat)" = text ]
	ex "$ID" sh -c 'readlink /proc/1/exe; hostname'
	is $'/bin/probe\nbox'
}

@test "exec failures exit with 255 and name the program, as runc" {
	bundle
	start_idle
	rc run -d -b "$B" "$ID-r" </dev/null >/dev/null 2>&1
	printf '#!/bin/nosuch\n' >"$B/rootfs/bin/badscript"
	chmod 755 "$B/rootfs/bin/badscript"
	while IFS='|' read -r args want; do
		run rc exec ${args/@/"$ID-r"}
		theirs=$status
		[[ ${output,,} == *"$want"* ]]
		ex ${args/@/"$ID"}
		fails "$theirs"
		[[ ${output,,} == *"$want"* ]] || { expect "$want"; return 1; }
	done <<-'EOF'
		@ nosuch|exec: 
		@ nosuch|executable file not found in $path
		@ /nosuch|no such file or directory
		@ /etc|permission denied
		@ /etc/passwd|permission denied
		--cwd nosuch @ true|cwd
		-u x @ true|x
		-u 1:x @ true|x
		-e FOO @ true|foo
		-p /nosuch @|/nosuch: no such file or directory
	EOF
	rc delete -f "$ID-r"
}

# flag: exec --cwd
# flag: exec --env
@test "exec --cwd --env" {
	bundle '.process.cwd = "/tmp" | .process.env += ["A=1"]'
	start_idle
	ex --env B=2 -e A=3 "$ID" sh -c 'pwd; echo $A $B $PATH'
	is $'/tmp\n3 2 /bin:/usr/bin'
	ex --cwd /etc "$ID" pwd
	is /etc
	run dv exec --cwd /tmp/none "$ID" pwd
	fails 255
	expect 'cwd ("/tmp/none")'
	expect "no such file or directory"
	ex -e HOME=/x "$ID" sh -c 'echo $HOME'
	is /x
	ex "$ID" sh -c 'echo $HOME'
	is /root
}

# flag: exec --user
# flag: exec --additional-gids
@test "exec --user --additional-gids" {
	bundle 'privileged'
	start_idle
	ex --user 1000 "$ID" sh -c 'id -u; id -g; echo $HOME'
	is $'1000\n0\n/tmp'
	ex -u 1000:2000 --additional-gids 5 -g 6 "$ID" id
	expect 'uid=1000(user) gid=2000(extra) groups=5,6'
	ex "$ID" grep -E 'Groups' /proc/self/status
	[[ $output =~ ^Groups:[[:space:]]*$ ]]
}

@test "exec --user refuses what is not all number" {
	bundle
	start_idle
	for user in 1000: 1000x '' -1 4294967296 4294967295 :1 ' 1' 1:-1 0x10 root +1; do
		ex --user="$user" "$ID" id
		fails 255
		[[ $output != *uid=* ]]
	done
}

# flag: exec --cap
@test "exec --cap adds to the configured sets, and nothing is inheritable" {
	bundle 'caps(["CAP_KILL"])'
	start_idle
	ex "$ID" grep Cap /proc/self/status
	expect $'CapInh:\t0000000000000000\nCapPrm:\t0000000000000020\nCapEff:\t0000000000000020\nCapBnd:\t0000000000000020\nCapAmb:\t0000000000000000'
	ex --cap CAP_CHOWN -c cap_net_raw "$ID" grep Cap /proc/self/status
	expect $'CapInh:\t0000000000000000\nCapPrm:\t0000000000002021\nCapEff:\t0000000000002021\nCapBnd:\t0000000000002021\nCapAmb:\t0000000000000000'
	ex --cap NOSUCH "$ID" true
	fails 255
	expect 'unknown capability "NOSUCH"'
}

# flag: exec --no-new-privs
@test "exec --no-new-privs" {
	bundle '.process.noNewPrivileges = false'
	start_idle
	ex "$ID" grep NoNewPrivs /proc/self/status
	is $'NoNewPrivs:\t0'
	ex --no-new-privs "$ID" grep NoNewPrivs /proc/self/status
	is $'NoNewPrivs:\t1'
}

# flag: exec --process
@test "exec --process takes the whole process from a file" {
	bundle 'privileged'
	start_idle
	jq -n '{args: ["sh", "-c", "id -u; pwd; echo $X; umask; ulimit -n"], cwd: "/tmp", env: ["PATH=/bin", "X=y"],
		user: {uid: 7, gid: 8, umask: 63}, rlimits: [{type: "RLIMIT_NOFILE", soft: 50, hard: 60}]}' >"$T/p.json"
	ex --process "$T/p.json" "$ID"
	is $'7\n/tmp\ny\n0077\n50'
	jq '.cwd = "tmp"' "$T/p.json" >"$T/bad.json"
	ex -p "$T/bad.json" "$ID"
	fails 255
	expect 'cwd: "tmp" is not an absolute path'
}

# flag: exec --tty
@test "exec --tty: a terminal of the container, raw here" {
	bundle
	start_idle
	run terminal "stty rows 33 cols 99; $DAVIT_OCI --root $R exec -t $ID sh -c 'tty; stty size; exit 4'"
	fails 4
	expect /dev/pts/0
	expect '33 99'
	# Without a terminal here there still is one there.
	ex -t "$ID" tty
	expect /dev/pts/0
	ex "$ID" tty
	is 'not a tty'
}

# flag: exec --console-socket
@test "exec --console-socket hands the terminal over" {
	bundle
	start_idle
	agent console "$T/sock"
	ex -t -d --console-socket "$T/sock" "$ID" sh -c 'tty; echo bye'
	succeeds
	wait_for grep -q bye "$T/agent"
	grep -q '^name /dev/pts/0' "$T/agent"
	wait "$AGENT"
	ex -t -d "$ID" true
	fails 255
	expect "cannot allocate tty if runc will detach without setting console socket"
}

# flag: exec --detach
# flag: exec --pid-file
@test "exec --detach --pid-file" {
	bundle
	start_idle
	dv exec --detach --pid-file "$T/p2" "$ID" probe wait </dev/null >/dev/null 2>&1
	local pid
	pid=$(cat "$T/p2")
	[ "$(readlink "/proc/$pid/ns/pid")" = "$(readlink "/proc/$PID/ns/pid")" ]
	[ "$(dv ps --format json "$ID" | jq -c sort)" = "$(jq -cn "[$PID, $pid] | sort")" ]
	dv delete -f "$ID"
	wait_for gone "$pid"
}

# flag: exec --pidfd-socket
@test "exec --pidfd-socket" {
	bundle
	start_idle
	agent pidfd "$T/sock"
	dv exec -d --pid-file "$T/p2" --pidfd-socket "$T/sock" "$ID" probe wait </dev/null >/dev/null 2>&1
	wait "$AGENT"
	grep -qx "pid $(cat "$T/p2")" "$T/agent"
}

# flag: exec --preserve-fds
@test "exec --preserve-fds passes those and no others" {
	bundle
	start_idle
	echo three >"$T/f3"
	run bash -c "exec 3<$T/f3 4<$T/f3 5<$T/f3; $DAVIT_OCI --root $R exec --preserve-fds 2 $ID probe fds </dev/null"
	[ "$(cut -d' ' -f1 <<<"$output" | tr '\n' ' ')" = '0 1 2 3 4 ' ]
	run bash -c "exec 3<$T/f3; $DAVIT_OCI --root $R exec --preserve-fds 1 $ID cat /proc/self/fd/3"
	is three
	run bash -c "exec 3<$T/f3 4<$T/f3; $DAVIT_OCI --root $R exec $ID probe fds </dev/null"
	[ "$(cut -d' ' -f1 <<<"$output" | tr '\n' ' ')" = '0 1 2 ' ]
}

# flag: exec --cgroup
@test "exec --cgroup: below the container's" {
	bundle
	start_idle
	mkdir "$(cgroup_dir pids)/sub"
	ex --cgroup pids:sub "$ID" grep pids: /proc/self/cgroup
	[[ $output == *"/$ID/sub" ]]
	for bad in ../x /../x pids:../..; do
		ex --cgroup "$bad" "$ID" true
		fails 255
	done
	ex --cgroup nosuch "$ID" true
	fails 255
	expect nosuch
}

# flag: exec --ignore-paused
@test "exec --ignore-paused starts the process, which runs after resume" {
	bundle
	start_idle
	dv pause "$ID"
	ex "$ID" true
	fails 255
	expect "cannot exec in a paused container"
	dv_bg exec --ignore-paused "$ID" echo late
	dv resume "$ID"
	bg_end
	succeeds
	is late
}

# flag: exec --process-label
# flag: exec --apparmor
@test "exec: labels where the kernel has no such module" {
	[ ! -d /sys/fs/selinux ] && [ ! -d /sys/kernel/security/apparmor ] || skip "a label module is there"
	bundle
	start_idle
	ex --process-label a:b:c:s0 "$ID" true
	fails 255
	expect 'SELinux label "a:b:c:s0"'
	ex --apparmor profile "$ID" true
	fails 255
	expect 'AppArmor profile "profile"'
}

@test "exec without namespaces of its own: mount, pid, user" {
	for filter in 'no_ns("pid")' 'no_ns("network") | no_ns("ipc")' 'userns' 'ns("cgroup") | ns("time")' \
		'no_ns("mount") | .mounts = [] | .linux.maskedPaths = [] | .linux.readonlyPaths = []'; do
		bundle "$filter"
		start_idle
		ex "$ID" sh -c 'cat /etc/passwd | head -1'
		is root:x:0:0:root:/root:/bin/sh
		for kind in pid net ipc uts mnt user cgroup time; do
			dv exec -d --pid-file "$T/p2" "$ID" probe wait </dev/null >/dev/null 2>&1
			[ "$(readlink "/proc/$(cat "$T/p2")/ns/$kind")" = "$(readlink "/proc/$PID/ns/$kind")" ]
			kill -9 "$(cat "$T/p2")"
		done
		dv delete -f "$ID"
	done
}

@test "exec into a created container" {
	bundle
	set_args probe wait
	dv create -b "$B" "$ID" </dev/null >/dev/null 2>&1
	ex "$ID" sh -c 'echo here; id -u'
	is $'here\n0'
}

@test "exec starts with no signal blocked or ignored, and in the container's limits" {
	bundle '.process.rlimits = [{type: "RLIMIT_CORE", soft: 5, hard: 6}] | .process.oomScoreAdj = 77'
	start_idle
	trap '' INT QUIT USR1
	ex "$ID" probe signals
	trap - INT QUIT USR1
	is ""
	ex "$ID" sh -c 'probe limits | grep "^4 "; cat /proc/self/oom_score_adj'
	is $'4 5 6\n77'
}
