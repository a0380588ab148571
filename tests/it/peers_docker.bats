# davit-oci as the runtime of Debian's docker (containerd and its shim below it), beside runc.
load peers

peer_start() {
	command -v dockerd >/dev/null && command -v docker >/dev/null || skip "no docker"
	jq -n --arg path "$DAVIT_OCI" '{runtimes: {davit: {path: $path}}}' >"$PEER/daemon.json"
	dockerd --config-file "$PEER/daemon.json" --data-root "$PEER/data" --exec-root "$PEER/exec" -p "$PEER/pid" \
		-H "unix://$PEER/sock" --iptables=false --ip6tables=false --bridge=none >"$PEER/log" 2>&1 3>&- &
	wait_for engine davit version >/dev/null 2>&1
}

peer_stop() {
	local pid
	pid=$(cat "$PEER/pid") || return 0
	kill "$pid"
	wait_for test ! -e "/proc/$pid"
	awk -v p="$PEER/" 'index($5, p) { print $5 }' /proc/self/mountinfo | while read -r path; do umount "$path"; done
}

# docker names the runtime of a container when it is made.
engine() {
	local runtime=$1 verb=$2
	shift 2
	case $verb in run | create) set -- --runtime "$runtime" "$@" ;; esac
	timeout --foreground 300 docker -H "unix://$PEER/sock" "$verb" "$@" 3>&-
}

@test "docker run: output, statuses, what cannot be run" {
	once busybox sh -c 'echo out; exit 9'
	is "9: out"
	once busybox sh -c 'echo err >&2'
	is "0: err"
	once busybox nosuch
	[ "$status" = 127 ]
	expect 'exec: "nosuch": executable file not found in $PATH'
	once busybox /nosuch
	[ "$status" = 127 ]
	once busybox /etc/passwd
	[ "$status" = 126 ]
	run d run --rm --network none busybox /etc
	[ "$status" = 126 ]
	once -w /nowhere busybox pwd
	is "0: /nowhere"
	once --init busybox cat /proc/1/comm
	is "0: docker-init"
	[ "$(echo text | d run --rm -i --network none busybox cat)" = text ]
}

@test "docker run: user, groups, capabilities, filter, no_new_privs" {
	rights='grep -E ^(Cap|Seccomp|NoNew|Groups) /proc/self/status'
	once busybox $rights
	expect $'Seccomp:\t2'
	once -u 1000:2000 --group-add 77 busybox id
	once --cap-drop all --cap-add net_admin busybox $rights
	once -u 1000 --cap-add net_admin busybox $rights
	once --security-opt no-new-privileges busybox $rights
	expect $'NoNewPrivs:\t1'
	once --security-opt seccomp=unconfined busybox $rights
	expect $'Seccomp:\t0'
	# with all capabilities this machine has: runc fails where one is missing
	run d run --rm --network none --privileged busybox $rights
	[ "$status" = 0 ]
	once busybox unshare -m true
	[ "$status" != 0 ]
}

@test "docker run: mounts, devices, read-only" {
	mkdir "$T/v"
	echo v >"$T/v/f"
	line='grep /vol /proc/self/mountinfo | cut -d" " -f 6-7 | sed s/master:.*/slave/'
	once -v "$T/v:/vol" busybox sh -c "cat /vol/f; $line"
	once -v "$T/v:/vol:ro" busybox sh -c "exec 2>&1; touch /vol/g; $line"
	once --mount "type=bind,src=$T/v,dst=/vol,readonly" busybox sh -c "$line"
	once -v named:/vol busybox sh -c "ls -ld /vol | cut -c1-30; $line"
	once --read-only busybox sh -c 'exec 2>&1; touch /x; touch /dev/shm/x && echo fine'
	once --tmpfs /foo:rw,size=1m,mode=1770 busybox sh -c 'ls -ld /foo | cut -c1-10; grep foo /proc/mounts'
	once --device /dev/zero:/dev/zz:r busybox sh -c 'ls -l /dev/zz | cut -c1-40; head -c 3 /dev/zz | od -x'
	once busybox sh -c 'ls -l /dev /dev/pts | sed "s/ [A-Z][a-z]* [0-9 ]* ..:.. / /"'
	once busybox sh -c 'exec 2>&1; ls /proc/acpi /sys/firmware; wc -c </proc/keys'
}

@test "docker run: limits, names, namespaces, sysctls" {
	[ -d /sys/fs/cgroup/memory ] || skip "cgroup v1 is what this reads"
	once -m 64m --memory-swap 64m --pids-limit 7 --cpus 0.5 --cpu-shares 333 --cpuset-cpus 0 busybox sh -c \
		'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes pids/pids.max \
		cpu/cpu.cfs_quota_us cpu/cpu.shares cpuset/cpuset.cpus'
	is $'0: 67108864\n67108864\n7\n50000\n333\n0'
	once --sysctl net.ipv4.ip_forward=1 --sysctl kernel.shmmax=12345 busybox cat /proc/sys/net/ipv4/ip_forward \
		/proc/sys/kernel/shmmax
	is $'0: 1\n12345'
	once --hostname hh --oom-score-adj 77 busybox sh -c 'hostname; cat /proc/self/oom_score_adj'
	is $'0: hh\n77'
	once --uts host --ipc host --pid host busybox hostname
	once --cgroupns private busybox cat /proc/self/cgroup
	once --ulimit nofile=100:200 --ulimit core=0 busybox sh -c 'ulimit -n; ulimit -Hn; ulimit -c'
	is $'0: 100\n200\n0'
}

@test "docker: a life" {
	up -m 64m --memory-swap 64m --health-cmd 'test -e /tmp/healthy' --health-interval 1s
	wait_for eval '[ "$(d logs "$C")" = started ]'
	run d exec "$C" sh -c 'echo in; exit 5'
	is "5: in"
	d exec -d "$C" touch /tmp/healthy
	wait_for eval '[ "$(state "{{.State.Health.Status}}")" = healthy ]'
	run d top "$C"
	expect "sh -c trap"
	d pause "$C"
	state_is "paused 0 false"
	d unpause "$C"
	d update --memory 96m --memory-swap 96m --cpus 0.7 "$C"
	[ ! -d /sys/fs/cgroup/memory ] || [ "$(d exec "$C" cat /sys/fs/cgroup/memory/memory.limit_in_bytes)" = 100663296 ]
	echo data >"$T/data"
	d cp "$T/data" "$C:/tmp/data"
	[ "$(d exec "$C" cat /tmp/data)" = data ]
	d stop -t 5 "$C"
	state_is "exited 3 false"
	d start "$C"
	d kill -s KILL "$C"
	[ "$(d wait "$C")" = 137 ]
	d restart "$C"
	state_is "running 0 false"
}

@test "docker exec: what cannot be run, user, directory" {
	up
	engine runc run -d --name "$C-r" --network none busybox sh -c "$LOOP" </dev/null
	for name in "$C" "$C-r"; do
		for words in "@ nosuch" "@ /etc/passwd" "-w /nowhere @ pwd" "-u user -w /tmp -e X=y @ env" \
			"-u 1234 @ grep -E Cap|NoNew|Secc /proc/self/status"; do
			run d exec ${words/@/$name}
			echo "$words: $status: $(neutral "$output" | grep -v HOSTNAME | sort)"
		done >"$T/$name"
	done
	diff "$T/$C" "$T/$C-r"
}

@test "docker -t: a terminal in run and exec" {
	expect_terminals
}

@test "docker: a process above the memory limit is seen as such" {
	# The shim looks for it from the end of the start on.
	d run -d --name "$C" --network none -m 16m --memory-swap 16m busybox \
		sh -c 'until [ -e /go ]; do sleep 0.05; done; exec dd if=/dev/zero of=/dev/null bs=64M count=1'	# allow(sleep): inside
	d exec "$C" touch /go
	wait_for state_is "exited 137 true"
}

@test "docker: kill -9 of the shim ends the container" {
	up
	pid=$(state '{{.State.Pid}}')
	kill -9 "$(awk '/^PPid/ { print $2 }' "/proc/$pid/status")"
	wait_for eval '[[ $(state) == exited* ]]'
	wait_for test ! -e "/proc/$pid"
}

@test "docker load reads what davit save writes" {
	TAG=image${TAG,,}
	expect_loads docker-archive
}
