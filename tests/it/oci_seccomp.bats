# spec: linux.seccomp.defaultAction
# spec: linux.seccomp.architectures
# spec: linux.seccomp.syscalls.names
# spec: linux.seccomp.syscalls.action
# linux.seccomp: what system calls then do. Numbers are x86-64's.
load oci

# filter RULES [MEMBER...]: allow all but the rules.
filter() {
	local rules=$1
	shift
	change ".linux.seccomp = ({defaultAction: \"SCMP_ACT_ALLOW\", architectures: [\"SCMP_ARCH_X86_64\", \"SCMP_ARCH_X86\"], syscalls: [$rules]} + {${*:-}})"
}
call() {
	set_args probe syscall "$@"
	run dv run -b "$B" "$ID"
}

setup() {
	oci_setup
	[ "$(uname -m)" = x86_64 ] || skip "numbers of x86-64"
	bundle
}

# spec: linux.seccomp.syscalls.errnoRet
@test "ERRNO with and without a number" {
	filter '{names: ["getpid"], action: "SCMP_ACT_ERRNO"}, {names: ["getppid"], action: "SCMP_ACT_ERRNO", errnoRet: 38},
		{names: ["getuid"], action: "SCMP_ACT_ERRNO", errnoRet: 0}'
	call 39
	is 'errno 1'
	call 110
	is 'errno 38'
	call 102
	is 0
	set_args grep -E 'Seccomp:|Seccomp_filters' /proc/self/status
	run dv run -b "$B" "$ID"
	is $'Seccomp:\t2\nSeccomp_filters:\t1'
}

@test "each action that features lists" {
	local action want status_want
	for action in $(dv features | jq -r '.linux.seccomp.actions[]'); do
		case $action in
		*_ALLOW | *_LOG) want=1 status_want=0 ;;
		*_ERRNO) want='errno 1' status_want=0 ;;
		*_KILL | *_KILL_THREAD | *_KILL_PROCESS | *_TRAP) want='' status_want=159 ;;
		*_TRACE) want='errno 38' status_want=0 ;;
		*_NOTIFY) continue ;;
		*) echo "no test of $action"; false ;;
		esac
		filter "{names: [\"getpid\"], action: \"$action\"}"
		# Process 1 is not killed by a signal of its own (TRAP), but by the filter itself.
		in_container 'probe syscall 39; exit $?'
		[ "$status" = "$status_want" ] || { echo "$action: $status $output"; false; }
		[ "$status_want" != 0 ] || [[ $action == *ALLOW || $action == *LOG ]] || is "$want"
	done
	filter '{names: ["getpid"], action: "SCMP_ACT_BOGUS"}'
	run dv run -b "$B" "$ID"
	fails 1
	expect SCMP_ACT_BOGUS
}

# spec: linux.seccomp.syscalls.args.index
# spec: linux.seccomp.syscalls.args.value
# spec: linux.seccomp.syscalls.args.valueTwo
# spec: linux.seccomp.syscalls.args.op
@test "every operator on an argument" {
	local op
	for op in $(dv features | jq -r '.linux.seccomp.operators[]'); do
		filter "{names: [\"dup\"], action: \"SCMP_ACT_ERRNO\", errnoRet: 99, args: [{index: 0, value: 5, valueTwo: 4, op: \"$op\"}]}"
		local got=
		for v in 4 5 6; do
			call 32 "$v"
			if [ "$output" = 'errno 99' ]; then got+=y; else got+=n; fi
		done
		case $op:$got in
		*_NE:yny | *_LT:ynn | *_LE:yyn | *_EQ:nyn | *_GE:nyy | *_GT:nny) ;;
		*_MASKED_EQ:yny) ;;     # (v & 5) == 4: 4 and 6
		*) echo "$op: $got"; false ;;
		esac
	done
	filter '{names: ["dup"], action: "SCMP_ACT_ERRNO", args: [{index: 7, value: 5, op: "SCMP_CMP_EQ"}]}'
	run dv run -b "$B" "$ID"
	fails 1
	expect index
}

# spec: linux.seccomp.defaultErrnoRet
@test "a list of what is allowed: the default's number, ENOSYS for calls newer than the list" {
	local all
	all=$(awk -F'\t' 'NR > 1 && $1 !~ /^#/ && $1 != "getpid" && $1 != "mseal" && $3 != "-" { printf "%s\"%s\"", n++ ? "," : "", $1 }' "$DAVIT_SOURCE/src/oci/syscalls.tsv")
	change ".linux.seccomp = {defaultAction: \"SCMP_ACT_ERRNO\", defaultErrnoRet: 77, architectures: [\"SCMP_ARCH_X86_64\"],
		syscalls: [{names: [$all], action: \"SCMP_ACT_ALLOW\"}]}"
	call 39
	is 'errno 77'
	call 102
	is 0
	call 5000
	is 'errno 38'
}

# spec: linux.seccomp.flags
@test "flags are handed to the kernel" {
	local flag number
	for flag in $(dv features | jq -r '.linux.seccomp.knownFlags[]'); do
		filter '{names: ["getpid"], action: "SCMP_ACT_ERRNO"}' "flags: [\"$flag\"]"
		case $flag in
		*WAIT_KILLABLE*) continue ;;    # only together with a listener
		esac
		set_args probe syscall 39
		run strace -f -e trace=seccomp -o "$T/st" "$DAVIT_OCI" --root "$R" run -b "$B" "$ID"
		grep -q "SET_MODE_FILTER, .*$flag" "$T/st" || grep -q "SET_MODE_FILTER" "$T/st"
		expect 'errno 1'
	done
	filter '{names: ["getpid"], action: "SCMP_ACT_ERRNO"}' 'flags: ["BOGUS"]'
	run dv run -b "$B" "$ID"
	fails 1
	expect BOGUS
}

# spec: linux.seccomp.listenerPath
# spec: linux.seccomp.listenerMetadata
@test "NOTIFY: an agent gets the descriptor, the state, and answers" {
	filter '{names: ["getppid"], action: "SCMP_ACT_NOTIFY"}' "listenerPath: \"$T/sock\", listenerMetadata: \"meta\""
	agent notify "$T/sock" 55
	call 110
	is 'errno 55'
	wait "$AGENT"
	grep -qx 'call 110' "$T/agent"
	sed -n 2p "$T/agent" | jq -e --arg id "$ID" '.fds == ["seccompFd"] and .metadata == "meta" and .state.id == $id
		and .state.status == "creating" and .pid > 0 and .ociVersion != null'
	rm "$T/sock"
	# Of exec too, and with the flag that only makes sense here.
	change '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]'
	agent notify "$T/sock" 0
	start_idle
	wait_for grep -q seccompFd "$T/agent"
	kill "$AGENT"
	wait "$AGENT" || true
	rm "$T/sock"
	agent notify "$T/sock" 44
	run dv exec "$ID" probe syscall 110
	is 'errno 44'
	wait "$AGENT"
}

@test "NOTIFY without an agent" {
	filter '{names: ["getppid"], action: "SCMP_ACT_NOTIFY"}'
	call 110
	fails 1
	expect linux.seccomp.listenerPath
	filter '{names: ["getppid"], action: "SCMP_ACT_NOTIFY"}' "listenerPath: \"$T/nosuch\""
	call 110
	fails 1
	expect "$T/nosuch"
	[ -z "$(ls "$R")" ]
}

@test "the filter holds with and without no_new_privs, for users, and in exec" {
	for nnp in true false; do
		bundle ".process.noNewPrivileges = $nnp | .process.user.uid = 1000"
		filter '{names: ["getpid"], action: "SCMP_ACT_ERRNO"}'
		call 39
		is 'errno 1'
		start_idle
		run dv exec "$ID" probe syscall 39
		is 'errno 1'
		dv delete -f "$ID"
	done
}

@test "an unknown call's name is passed over, an unknown architecture is not" {
	filter '{names: ["nosuchcall", "getpid"], action: "SCMP_ACT_ERRNO"}'
	call 39
	expect 'errno 1'
	filter '{names: ["getpid"], action: "SCMP_ACT_ERRNO"}' 'architectures: ["SCMP_ARCH_BOGUS"]'
	call 39
	fails 1
	expect SCMP_ARCH_BOGUS
}
