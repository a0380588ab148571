# davit-oci as the runtime of Debian's podman, beside runc.
load peers

peer_start() {
	local files processes
	command -v podman >/dev/null || skip "no podman"
	files=$(ulimit -Hn) processes=$(cat /proc/sys/kernel/pid_max)	# podman asks for more than we may give
	cat >"$PEER/conf" <<-END
		[containers]
		default_ulimits = ["nofile=$files:$files", "nproc=$processes:$processes"]
		[engine.runtimes]
		davit = ["$DAVIT_OCI"]
	END
}

peer_stop() { umount "$PEER/root/overlay" 2>/dev/null || true; }

engine() {
	local runtime=$1
	shift
	CONTAINERS_CONF=$PEER/conf timeout --foreground 300 podman --root "$PEER/root" --runroot "$PEER/run" --tmpdir "$PEER/tmp" \
		--storage-driver overlay --cgroup-manager cgroupfs --events-backend file --runtime "$runtime" "$@" 3>&-
}

@test "podman run: output, statuses, what cannot be run" {
	once busybox sh -c 'echo out; exit 9'
	is "9: out"
	once busybox sh -c 'echo err >&2'
	is "0: err"
	once busybox sh -c 'kill -9 $$; exit 4'
	once busybox nosuch
	is '127: Error: davit: davit-oci: exec: "nosuch": executable file not found in $PATH: OCI runtime attempted to invoke a command that was not found'
	run d run --rm --network none busybox /nosuch
	[ "$status" = 127 ]
	once busybox /etc/passwd
	[ "$status" = 126 ]
	run d run --rm --network none busybox /etc
	[ "$status" = 126 ]
	expect "permission denied"
	once -w /nowhere busybox pwd
	once -i busybox cat </dev/null
	once -w /tmp busybox pwd
}

@test "podman run: user, groups, capabilities, filter, no_new_privs" {
	rights='grep -E ^(Cap|Seccomp|NoNew|Groups) /proc/self/status'
	once busybox $rights
	expect $'Seccomp:\t2'
	once -u user busybox sh -c "id; $rights"
	once -u 1000:2000 --group-add 77 busybox id
	once --cap-drop all --cap-add net_admin busybox $rights
	once -u 1000 --cap-add net_admin busybox $rights
	once --security-opt no-new-privileges busybox $rights
	expect $'NoNewPrivs:\t1'
	once --security-opt seccomp=unconfined busybox $rights
	expect $'Seccomp:\t0'
	once --privileged busybox $rights
	once --uidmap 0:100000:65536 --gidmap 0:100000:65536 -u 1000 busybox sh -c 'id; cat /proc/self/uid_map'
	expect 100000
}

@test "podman run: mounts, devices, read-only" {
	mkdir "$T/v"
	echo v >"$T/v/f"
	line='grep /vol /proc/self/mountinfo | cut -d" " -f 6-7 | sed s/shared:.*/shared/'
	once -v "$T/v:/vol" busybox sh -c "cat /vol/f; $line"
	once -v "$T/v:/vol:ro" busybox sh -c "exec 2>&1; touch /vol/g; $line"
	once -v "$T/v:/vol:rshared" busybox sh -c "$line"
	expect shared
	once -v "$T/v:/vol:rslave" busybox sh -c "$line"
	once --mount "type=bind,src=$T/v,dst=/vol,ro=true" busybox sh -c "$line"
	once -v named:/vol busybox sh -c "ls -ld /vol | cut -c1-30; $line"
	once --read-only busybox sh -c 'exec 2>&1; touch /x; touch /tmp/x /run/x /dev/shm/x && echo fine'
	once --read-only --tmpfs /foo:rw,size=1m,mode=1770 busybox sh -c 'ls -ld /foo | cut -c1-10; grep foo /proc/mounts'
	once --device /dev/zero:/dev/zz:r busybox sh -c 'ls -l /dev/zz | cut -c1-40; head -c 3 /dev/zz | od -x'
	once --device-cgroup-rule 'c 1:5 rwm' busybox sh -c 'mknod /tmp/z c 1 5 && head -c 1 /tmp/z | od -x'
	once busybox sh -c 'ls -l /dev /dev/pts | sed "s/ [A-Z][a-z]* [0-9 ]* ..:.. / /"'
	once --security-opt mask=/etc/group busybox sh -c 'cat /etc/group; ls /proc/acpi /sys/firmware; wc -c </proc/keys'
}

@test "podman run: limits, names, namespaces, sysctls" {
	[ -d /sys/fs/cgroup/memory ] || skip "cgroup v1 is what this reads"
	once -m 64m --memory-swap 64m --pids-limit 7 --cpus 0.5 --cpu-shares 333 --cpuset-cpus 0 busybox sh -c \
		'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes pids/pids.max \
		cpu/cpu.cfs_quota_us cpu/cpu.shares cpuset/cpuset.cpus'
	is $'0: 67108864\n67108864\n7\n50000\n333\n0'
	once --pids-limit 3 busybox sh -c 'for i in 1 2 3 4; do sleep 60 & done; wait'	# allow(sleep): in the container, which ends when it cannot fork
	expect "can't fork"
	once --sysctl net.ipv4.ip_forward=1 --sysctl kernel.shmmax=12345 busybox cat /proc/sys/net/ipv4/ip_forward \
		/proc/sys/kernel/shmmax
	is $'0: 1\n12345'
	once --hostname hh busybox hostname
	once --uts host --ipc host --pid host busybox hostname
	once --cgroupns private busybox cat /proc/self/cgroup
	expect ":/"
	once --oom-score-adj 77 --umask 0027 busybox sh -c 'cat /proc/self/oom_score_adj; umask'
	is $'0: 77\n0027'
	once -e A=B busybox sh -c 'echo $A $HOME $container'
	is "0: B /root podman"
}

@test "podman: a life" {
	up -m 64m --memory-swap 64m --health-cmd 'test -e /tmp/healthy' --health-interval disable
	wait_for eval '[ "$(d logs "$C")" = started ]'
	run d exec "$C" sh -c 'echo in; exit 5'
	is "5: in"
	run ! d healthcheck run "$C"
	d exec -d "$C" touch /tmp/healthy
	wait_for d exec "$C" test -e /tmp/healthy
	d healthcheck run "$C"
	run d top "$C" pid comm
	expect "sh"
	[ "$(state '{{.OCIRuntime}}')" = davit ]
	d pause "$C"
	state_is "paused 0 false"
	run ! d exec "$C" true
	d unpause "$C"
	d update --memory 96m --memory-swap 96m --cpus 0.7 "$C"
	[ -d /sys/fs/cgroup/memory ] && [ "$(d exec "$C" cat /sys/fs/cgroup/memory/memory.limit_in_bytes)" = 100663296 ]
	echo data >"$T/data"
	d cp "$T/data" "$C:/tmp/data"
	[ "$(d exec "$C" cat /tmp/data)" = data ]
	d cp "$C:/etc/passwd" - | tar -xO | grep -q 'user:x:1000'
	d stats --no-stream "$C"
	d stop -t 5 "$C"
	state_is "exited 3 false"
	d start "$C"
	d kill -s KILL "$C"
	[ "$(d wait "$C")" = 137 ]
	d restart "$C"
	state_is "running 0 false"
	d rm -f -t 0 "$C"
	run ! d inspect "$C"
}

@test "podman exec: what cannot be run, user, directory, privileges" {
	up
	for runtime in davit runc; do
		[ $runtime = davit ] || { d rm -f -t 0 "$C"; engine runc run -d --name "$C" --network none busybox sh -c "$LOOP" </dev/null; }
		for words in nosuch /nosuch /etc/passwd "-w /nowhere $C pwd" "-u user -w /tmp -e X=y $C env" \
			"-u 1234 $C grep -E Cap|NoNew|Secc /proc/self/status" "--privileged $C grep Cap /proc/self/status"; do
			case $words in -*) ;; *) words="$C $words" ;; esac
			run engine $runtime exec $words
			echo "$words: $status: $(neutral "$output" | sort)"
		done >"$T/$runtime"
		command -v runc || return 0
	done
	diff "$T/davit" "$T/runc"
}

@test "podman -t: a terminal in run and exec" {
	expect_terminals
}

@test "podman: a process above the memory limit" {
	run d run --name "$C" --network none -m 16m --memory-swap 16m busybox dd if=/dev/zero of=/dev/null bs=64M count=1
	[ "$status" = 137 ]
	expect ""
	[[ $(state) == "exited 137 "* ]]
}

@test "podman: kill -9 of the monitor" {
	up
	kill -9 "$(state '{{.State.ConmonPid}}')"
	[ "$(d exec "$C" echo alive)" = alive ]
	d rm -f -t 0 "$C"
	run ! d inspect "$C"
}

@test "podman pod: containers share namespaces" {
	d pod create --name "$C-pod" --network none --infra-image busybox --infra-command 'sleep 1000' >"$T/pod"	# allow(sleep): in the container
	up --pod "$C-pod" --network none 2>/dev/null || d run -d --name "$C" --pod "$C-pod" busybox sh -c "$LOOP" </dev/null
	[ "$(d exec "$C" hostname)" = "$C-pod" ]
	[ "$(d inspect --format '{{.State.Pid}}' "$C" | xargs -I{} readlink /proc/{}/ns/net)" = \
		"$(d run --rm --pod "$C-pod" busybox readlink /proc/self/ns/net)" ]
	d kill -s KILL "$C"
	d pod kill -s KILL "$C-pod" || true
	d pod rm -f "$C-pod"
}

@test "podman run: a network in a network namespace of the test's" {
	[ -x /usr/lib/cni/bridge ] || [ -x /usr/lib/podman/netavark ] || skip "no CNI plugins, no netavark"
	export -f engine
	mkdir "$T/nets"
	run unshare -n -m --propagation private bash -c '
		mkdir -p /run/netns; mount -t tmpfs t /run/netns; mount --make-shared /run/netns; ip link set lo up
		engine davit --network-config-dir "$1/nets" run --rm busybox ip addr show eth0' - "$T"
	[ "$status" = 0 ]
	expect "inet 10.88."
}

@test "podman load reads what davit save writes" {
	TAG=image${TAG,,}
	expect_loads docker-archive
	expect_loads oci-archive
}
