# The helpers of lib.bash: that they find what a test leaves behind, and nothing else.
load lib

@test "wait_for returns when the command succeeds, and fails at the deadline" {
	(wait_for test -e "$T/never" && touch "$T/seen") &
	touch "$T/never"
	wait $!
	[ -e "$T/seen" ]
	run ! wait_for -t 0 false
}

@test "a test that leaves nothing has no leaks" {
	run leaks
	[ "$output" = "" ]
	true &
	wait $!
	no_leaks
}

# in_private SCRIPT: with our functions, where no other test can have a copy of what is mounted; without our mark.
in_private() {
	export T TAG
	# shellcheck disable=SC2046
	export -f $(compgen -A function | grep -E '^(leak|no_leaks|remove_leaks|wait_for)')
	run -0 env -u DAVIT_IT unshare -m --propagation private bash -ec "$1" 3>&-
	echo "$output"
}

@test "a mount is a leak" {
	in_private 'mkdir "$T/m"; mount -t tmpfs left "$T/m"; leaks; umount "$T/m"; no_leaks'
	[ "$output" = "mount $T/m" ]
}

@test "a cgroup is a leak" {
	g=/sys/fs/cgroup/pids
	[ -d $g ] || g=/sys/fs/cgroup
	mkdir "$g/$TAG-x" || skip "no right to make cgroups"
	run leaks
	rmdir "$g/$TAG-x"
	[ "$output" = "cgroup $g/$TAG-x" ]
}

@test "a process is a leak, with our environment or with a root of ours" {
	tail -f /dev/null 3>&- &
	one=$!
	make_rootfs "$T/r"
	env -i unshare -m --propagation private sh -c 'mount --bind "$1/r" "$1/r" && exec chroot "$1/r" sleep 1000' - "$T" 3>&- &
	two=$!
	wait_for grep -q sleep /proc/$two/comm
	run leaked_pids
	kill $one $two
	[ "$output" = "$(printf '%s\n' $one $two | sort -n)" ]
	wait_for no_leaks
}

@test "what others run in a copy of our mounts is none of ours" {
	in_private 'mkdir "$T/m"; mount -t tmpfs left "$T/m"
		unshare -m --propagation private tail -f /dev/null &
		wait_for grep -q tail /proc/$!/comm
		grep -q "$T/m" /proc/$!/mountinfo
		umount "$T/m"
		leaked_pids
		kill $!'
	[ "$output" = "" ]
}

@test "remove_leaks leaves nothing" {
	in_private 'mkdir "$T/m"; mount -t tmpfs left "$T/m"; DAVIT_IT=$T tail -f /dev/null &
		wait_for grep -q tail /proc/$!/comm
		[ "$(leaks | cut -d" " -f1 | tr "\n" " ")" = "process mount " ]
		remove_leaks
		no_leaks'
	[ ! -e "$T" ]
	mkdir "$T"
}

@test "make_bundle makes what a runtime accepts" {
	command -v runc || skip "no runc"
	make_bundle "$T/b" '.process.args = ["sh", "-c", "echo $HOSTNAME; hostname; id -u"] | .process.env += ["HOSTNAME=x"]'
	run -0 runc --root "$T/run" run -b "$T/b" "$TAG"
	[ "$output" = $'x\nbox\n0' ]
}
