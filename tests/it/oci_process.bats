# spec: process.args
# The process object, read from inside.
load oci

# spec: process.user.uid
# spec: process.user.gid
# spec: process.user.umask
# spec: process.user.additionalGids
@test "user, groups, umask" {
	bundle 'privileged | .process.user = {uid: 12, gid: 34, umask: 23, additionalGids: [5, 66]}'
	in_container 'id -u; id -g; umask; grep Groups /proc/self/status; touch /tmp/f; stat -c %u:%g:%a /tmp/f'
	[ "$(xargs <<<"$output")" = '12 34 0027 Groups: 5 66 12:34:640' ]
	bundle
	in_container 'id -u; umask; grep Groups /proc/self/status'
	[ "$(xargs <<<"$output")" = '0 0022 Groups:' ]
	bundle '.process.user.additionalGids = [1, "x"]'
	run dv run -b "$B" "$ID"
	fails 1
	expect 'process.user.additionalGids[1]'
}

@test "a user's program keeps its own stdio" {
	bundle '.process.user = {uid: 1000, gid: 1000}'
	in_container 'echo a >/dev/stdout; echo b >/proc/self/fd/2; : </dev/stdin'
	is $'a\nb'
}

# spec: process.cwd
@test "cwd: made when missing, as the user, never outside" {
	bundle '.process.cwd = "/new/deep/dir"'
	in_container 'pwd; stat -c %a:%u /new'
	is $'/new/deep/dir\n755:0'
	bundle '.process.cwd = "/priv" | .process.user = {uid: 1000, gid: 1000}'
	mkdir -m 700 "$B/rootfs/priv"
	chown 1000 "$B/rootfs/priv"
	in_container pwd
	is /priv
	bundle '.process.cwd = "/etc/passwd"'
	run dv run -b "$B" "$ID"
	fails 1
	expect /etc/passwd
}

# spec: process.env
@test "env is exactly what is configured, and HOME from passwd" {
	bundle '.process.env = ["PATH=/bin", "A=b=c", "EMPTY="]'
	set_args env
	run dv run -b "$B" "$ID"
	is $'PATH=/bin\nA=b=c\nEMPTY=\nHOME=/root'
	change '.process.user.uid = 1000'
	run dv run -b "$B" "$ID"
	expect HOME=/tmp
	change '.process.user.uid = 4242'
	run dv run -b "$B" "$ID"
	expect HOME=/
	change '.process.env += ["HOME=/own"]'
	run dv run -b "$B" "$ID"
	expect HOME=/own
	change '.process.env = []'
	set_args /bin/env
	run dv run -b "$B" "$ID"
	is HOME=/
}

@test "a program that cannot be run: the reason, exit 1, nothing left" {
	bundle
	printf '#!/bin/nosuch\n' >"$B/rootfs/bin/script"
	printf 'no program' >"$B/rootfs/bin/junk"
	chmod 755 "$B/rootfs/bin/script" "$B/rootfs/bin/junk"
	while IFS='|' read -r program want; do
		set_args "$program"
		for verb in run 'run -d'; do
			run dv $verb -b "$B" "$ID"
			fails 1
			[[ ${output,,} == *"$want"* ]] || { expect "$want"; return 1; }
			run rc $verb -b "$B" "$ID-r"
			fails 1
			[[ ${output,,} == *"$want"* ]]
			rc delete -f "$ID-r" 2>/dev/null || true
		done
		[ -z "$(ls "$R")" ]
	done <<-'EOF'
		nosuch|executable file not found in $path
		/nosuch|no such file or directory
		/etc|permission denied
		/etc/passwd|permission denied
		script|no such file or directory
		junk|exec format error
	EOF
}

# spec: process.capabilities.bounding
# spec: process.capabilities.effective
# spec: process.capabilities.permitted
# spec: process.capabilities.inheritable
# spec: process.capabilities.ambient
@test "five sets of capabilities" {
	bundle '.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"], permitted: ["CAP_CHOWN", "CAP_KILL"],
		effective: ["CAP_CHOWN"], inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"]} | .process.user.uid = 1000
		| .process.args = ["grep", "Cap", "/proc/self/status"]'
	run dv run -b "$B" "$ID"
	# After exec a user's permitted and effective sets are the ambient one.
	[ "$(xargs <<<"$output")" = 'CapInh: 0000000000000020 CapPrm: 0000000000000020 CapEff: 0000000000000020 CapBnd: 00000000000000a1 CapAmb: 0000000000000020' ]
	bundle 'del(.process.capabilities) | .process.args = ["grep", "Cap", "/proc/self/status"]'
	run dv run -b "$B" "$ID"
	[[ $output != *[1-9a-f]* ]] || [ "$(grep -c 0000000000000000 <<<"$output")" = 5 ]
	# Of process 1 before it runs the program, while it waits for start.
	bundle '.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"], permitted: ["CAP_CHOWN", "CAP_KILL"], effective: ["CAP_CHOWN"]}'
	dv create -b "$B" --pid-file "$T/pid" "$ID" </dev/null >/dev/null 2>&1
	[ "$(grep -E 'Cap(Prm|Eff|Bnd)' "/proc/$(cat "$T/pid")/status" | xargs)" = 'CapPrm: 0000000000000021 CapEff: 0000000000000001 CapBnd: 00000000000000a1' ]
}

# spec: process.noNewPrivileges
@test "noNewPrivileges" {
	bundle
	in_container 'grep NoNewPrivs /proc/self/status'
	is $'NoNewPrivs:\t1'
	change '.process.noNewPrivileges = false'
	run dv run -b "$B" "$ID"
	is $'NoNewPrivs:\t0'
}

# spec: process.rlimits.type
# spec: process.rlimits.soft
# spec: process.rlimits.hard
@test "every rlimit" {
	bundle
	set_args probe limits
	local number=0 want=
	for name in CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME; do
		local soft=$((1000 + number)) hard=$((2000 + number))
		case $name in
		DATA | AS | FSIZE | STACK) soft=$((soft << 28)) hard=$((hard << 28)) ;;
		NICE | RTPRIO) soft=0 hard=0 ;;
		esac
		change ".process.rlimits += [{type: \"RLIMIT_$name\", soft: $soft, hard: $hard}]"
		want+="$number $soft $hard"$'\n'
		number=$((number + 1))
	done
	run dv run -b "$B" "$ID"
	# Under the sanitizer the address space has to stay unlimited until exec: it is set from outside before.
	if [[ $output == *AddressSanitizer* || $output == *"failed to allocate"* || $output == *"Failed to mmap"* ]]; then
		change '.process.rlimits |= map(select(.type != "RLIMIT_AS" and .type != "RLIMIT_DATA"))'
		want=$(grep -v '^[29] ' <<<"$want")
		run dv run -b "$B" "$ID"
		output=$(grep -v '^[29] ' <<<"$output")
	fi
	is "${want%$'\n'}"
	bundle '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 10, hard: 9999999999}]'
	run dv run -b "$B" "$ID"
	fails 1
	expect RLIMIT_NOFILE
}

# spec: process.oomScoreAdj
@test "oomScoreAdj" {
	bundle '.process.oomScoreAdj = 500'
	in_container 'cat /proc/self/oom_score_adj'
	is 500
	bundle '.process.oomScoreAdj = 1001'
	run dv run -b "$B" "$ID"
	fails 1
	expect 'process.oomScoreAdj: 1001'
}

# spec: process.scheduler.policy
# spec: process.scheduler.nice
# spec: process.scheduler.priority
# spec: process.scheduler.flags
# spec: process.scheduler.runtime
# spec: process.scheduler.deadline
# spec: process.scheduler.period
@test "scheduler: each policy that this machine grants" {
	while IFS='|' read -r scheduler want; do
		bundle ".process.scheduler = $scheduler"
		set_args probe sched
		run dv run -b "$B" "$ID"
		if [ "$status" -ne 0 ]; then
			# No real-time group budget in this cgroup: the kernel's refusal is named.
			expect "set scheduler $(jq -r .policy <<<"$scheduler"): operation not permitted"
			continue
		fi
		expect "$want"
	done <<-'EOF'
		{"policy": "SCHED_OTHER", "nice": 5}|policy=0 nice=5
		{"policy": "SCHED_BATCH", "nice": 3}|policy=3 nice=3
		{"policy": "SCHED_IDLE"}|policy=5
		{"policy": "SCHED_FIFO", "priority": 7}|policy=1 nice=0 priority=7
		{"policy": "SCHED_RR", "priority": 8, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}|policy=2 nice=0 priority=8 flags=1
		{"policy": "SCHED_DEADLINE", "runtime": 10000000, "deadline": 20000000, "period": 30000000}|policy=6 nice=0 priority=0 flags=0 runtime=10000000 deadline=20000000 period=30000000
		{"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_RESET_ON_FORK"]}|flags=1
	EOF
}

# spec: process.ioPriority.class
# spec: process.ioPriority.priority
@test "ioPriority" {
	for row in 'BE 5 2' 'IDLE 0 3' 'RT 1 1'; do
		read -r class data number <<<"$row"
		bundle ".process.ioPriority = {class: \"IOPRIO_CLASS_$class\", priority: $data}"
		set_args probe ioprio
		run dv run -b "$B" "$ID"
		is "class=$number data=$data"
	done
}

# spec: process.execCPUAffinity.initial
# spec: process.execCPUAffinity.final
@test "execCPUAffinity is for exec: initial before its cgroup, final after" {
	[ "$(nproc)" -ge 2 ] || skip "one CPU"
	bundle '.process.execCPUAffinity = {initial: "0", final: "1"}'
	start_idle
	run dv exec "$ID" probe cpu
	is '1 '
	[ "$(taskset -pc "$PID" | sed 's/.*: //')" = "$(taskset -pc $$ | sed 's/.*: //')" ]
	strace -f -e trace=sched_setaffinity -o "$T/st" "$DAVIT_OCI" --root "$R" exec "$ID" true || [ $? = 99 ]
	[ "$(grep -o '\[[01]\]' "$T/st" | xargs)" = '[0] [1]' ]
}

# spec: linux.personality.domain
# spec: linux.personality.flags
@test "personality" {
	bundle '.linux.personality = {domain: "LINUX32"}'
	in_container 'probe personality; uname -m'
	is $'0x8\ni686'
	bundle '.linux.personality = {domain: "LINUX"}'
	in_container 'probe personality'
	is 0
	for bad in '{"domain": "BSD"}' '{"domain": "LINUX", "flags": ["X"]}'; do
		bundle ".linux.personality = $bad"
		run dv run -b "$B" "$ID"
		fails 1
		expect linux.personality.
	done
}

# spec: linux.memoryPolicy.mode
# spec: linux.memoryPolicy.nodes
# spec: linux.memoryPolicy.flags
@test "memoryPolicy: every mode that features lists" {
	declare -A number=([MPOL_DEFAULT]=0 [MPOL_PREFERRED]=0x1 [MPOL_BIND]=0x2 [MPOL_INTERLEAVE]=0x3 [MPOL_LOCAL]=0x4
		[MPOL_PREFERRED_MANY]=0x5 [MPOL_WEIGHTED_INTERLEAVE]=0x6)
	for mode in $(dv features | jq -r '.linux.memoryPolicy.modes[]'); do
		local nodes=0
		case $mode in MPOL_DEFAULT | MPOL_LOCAL) nodes= ;; esac
		bundle ".linux.memoryPolicy = {mode: \"$mode\", nodes: \"$nodes\"}"
		set_args probe mempolicy
		run dv run -b "$B" "$ID"
		[[ $output == "mode=${number[$mode]} nodes="* ]] || { echo "$mode: $output"; false; }
	done
	bundle '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"]}'
	set_args probe mempolicy
	run dv run -b "$B" "$ID"
	is 'mode=0x8002 nodes=0x1'
	for bad in '{"mode": "X"}' '{"mode": "MPOL_BIND", "nodes": "a"}' '{"mode": "MPOL_BIND", "nodes": "0", "flags": ["X"]}'; do
		bundle ".linux.memoryPolicy = $bad"
		run dv run -b "$B" "$ID"
		fails 1
		expect linux.memoryPolicy.
	done
}

# spec: process.apparmorProfile
# spec: process.selinuxLabel
# spec: linux.mountLabel
@test "labels of modules that this kernel lacks are an error" {
	[ ! -d /sys/fs/selinux ] && [ ! -d /sys/kernel/security/apparmor ] || skip "a label module is there"
	for row in '.process.apparmorProfile = "p1"|p1' '.process.selinuxLabel = "a:b:c:s0"|a:b:c:s0' '.linux.mountLabel = "a:b:c:s1"|context=a:b:c:s1'; do
		bundle "${row%|*}"
		run dv run -b "$B" "$ID"
		fails 1
		expect "${row##*|}"
	done
}

@test "no descriptor, signal or zombie of the runtime in the container" {
	bundle
	in_container 'probe fds | cut -d" " -f1; probe signals; ls /proc | grep -c "^[0-9]"'
	[ "$(head -3 <<<"$output" | xargs)" = '0 1 2' ]
	[ "$(wc -l <<<"$output")" = 4 ]
	dv create -b "$B" --pid-file "$T/pid" "$ID" </dev/null >"$T/out" 2>&1
	dv start "$ID"
	wait_for status_is stopped
	[ "$(head -3 "$T/out" | xargs)" = '0 1 2' ]
	dv delete "$ID"
	# What the caller ignores (a shell's background job SIGINT and SIGQUIT) is the container's no less.
	trap '' INT QUIT USR1 PIPE
	run dv run -b "$B" "$ID"
	trap - INT QUIT USR1 PIPE
	[ "$(wc -l <<<"$output")" = 4 ]
}
