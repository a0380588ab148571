# lib.bash - what every bats file loads: paths, waiting, bundles, and the search for leaks.
#
#	load lib
#	@test "a container runs" {
#		make_bundle "$T/b" '.process.args = ["true"]'
#		davit-oci --root "$T/run" run -b "$T/b" "$TAG"
#	}
#
# Each test has a directory $T and a word $TAG of its own. Whatever a test makes on the host carries
# one of the two (roots and bundles below $T, container ids that begin with $TAG): that is how
# teardown knows what this test left behind while others run beside it. A file that needs a setup
# or teardown of its own calls it_setup and it_teardown in it.

bats_require_minimum_version 1.5.0

DAVIT_SOURCE=${DAVIT_SOURCE:-$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)}
DAVIT_BUILD=${DAVIT_BUILD:-$DAVIT_SOURCE/build}
PATH=$DAVIT_BUILD:$PATH
DAVIT_OCI=${DAVIT_OCI:-$DAVIT_BUILD/davit-oci}
# What programs look at, the same everywhere: script(1) starts $SHELL, which has to know our functions.
export SHELL=/bin/bash TERM=xterm LANG=C.UTF-8

setup() { it_setup; }
teardown() { it_teardown; }

it_setup() {
	T=$(mktemp -d /tmp/davit-it.XXXXXX)
	TAG=it${T##*.}
	export DAVIT_IT=$T          # marks the processes of this test
}

it_teardown() {
	[ -n "$T" ] && [ -n "$TAG" ] || return 1        # without a name, everything would be ours
	if ! wait_for no_leaks; then
		echo "left behind:"
		leaks
		remove_leaks
		return 1
	fi
	rm -rf --one-file-system "$T"
}

# wait_for [-t SECONDS] COMMAND...: until it succeeds; fails at the deadline, which is for hangs, not for slow machines.
wait_for() {
	local seconds=60 deadline
	if [ "$1" = -t ]; then
		seconds=$2
		shift 2
	fi
	deadline=$((SECONDS + seconds))
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.02	# allow(sleep): the one place that polls
	done
}

# run_detached COMMAND...: `run` for what leaves a process behind; a process that keeps our output
# open would make `run` wait for its end.
run_detached() {
	run timeout 300 sh -c '"$@" >"$DAVIT_IT/output" 2>&1 3>&-; s=$?; cat "$DAVIT_IT/output"; exit $s' - "$@"
}

# terminal [PROMPT=ANSWER...] LINE: a line of shell at a terminal; its output and its status.
terminal() {
	local answers=("${@:1:$#-1}")
	timeout 300 python3 "$DAVIT_SOURCE/tests/it/typist.py" "${answers[@]}" -- bash -c "${!#}"
}

# --- leaks: one line for each thing of this test that is still there ---

leaked_mounts() { awk -v t="$T" 'index($0, t) { print "mount " $5 }' /proc/self/mountinfo; }

leaked_cgroups() { find /sys/fs/cgroup -depth -type d -name "*$TAG*" -printf 'cgroup %p\n' 2>/dev/null; }

# By the mark in the environment, or (the processes of containers, whose environment and root are their own)
# by what is mounted in a mount namespace that is not ours. One with our root or another test's mark merely has a copy
# of our mounts, because it was started while they were there: it is none of ours, and not to be killed.
leaked_pids() (
	unset DAVIT_IT      # the commands of this search are not what it looks for
	own=$(readlink /proc/self/ns/mnt)
	{
		grep -slF "DAVIT_IT=$T" /proc/[0-9]*/environ
		grep -slF "$T/" /proc/[0-9]*/mountinfo | while IFS=/ read -r _ _ pid _; do
			ns=$(readlink "/proc/$pid/ns/mnt") && [ "$ns" != "$own" ] &&
				[ -e "/proc/$pid/root" ] && ! [ "/proc/$pid/root" -ef / ] &&
				! grep -qs "DAVIT_IT=" "/proc/$pid/environ" && echo "/proc/$pid"
		done
	} 2>/dev/null | cut -d/ -f3 | sort -un
)

leaked_processes() {
	local pid
	for pid in $(leaked_pids); do
		echo "process $pid $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
	done
}

leaks() {
	leaked_processes
	leaked_mounts
	leaked_cgroups
}

no_leaks() { [ -z "$(leaks)" ]; }

# So that one failure does not bring the next; the test has failed already.
remove_leaks() {
	local pid path
	[ -n "$T" ] && [ -n "$TAG" ] || return 1
	for pid in $(leaked_pids); do
		kill -9 "$pid" 2>/dev/null
	done
	wait_for -t 10 eval '[ -z "$(leaked_pids)" ]' || true
	leaked_mounts | while read -r _ path; do umount -l "$path" 2>/dev/null; done
	leaked_cgroups | while read -r _ path; do rmdir "$path" 2>/dev/null; done
	rm -rf --one-file-system "$T"
}

# --- bundles ---

# make_rootfs DIR: Debian's static busybox with all its applets.
make_rootfs() {
	mkdir -p "$1"/{bin,dev,etc,proc,sys,tmp,root,run,usr,var}
	cp "$(command -v busybox)" "$1/bin/busybox"
	chroot "$1" /bin/busybox --install -s /bin
	chmod 1777 "$1/tmp"
	printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\n' >"$1/etc/passwd"
	printf 'root:x:0:\nuser:x:1000:\nextra:x:2000:user\n' >"$1/etc/group"
}

# make_bundle DIR [JQ FILTER]: DIR/rootfs and DIR/config.json, which is tests/lib/config.json changed by
# the filter: what runtimes print for `spec`, cut to what the tests need, without a terminal.
make_bundle() {
	make_rootfs "$1/rootfs"
	jq "${2:-.}" "$DAVIT_SOURCE/tests/lib/config.json" >"$1/config.json"
}

# change_config DIR FILTER: change the configuration of a bundle.
change_config() {
	jq "$2" "$1/config.json" >"$1/config.json.new"
	mv "$1/config.json.new" "$1/config.json"
}
