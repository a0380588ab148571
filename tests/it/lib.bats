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

@test "a mount is a leak" {
	mkdir "$T/m"
	mount -t tmpfs left "$T/m"
	run leaks
	umount "$T/m"
	[ "$output" = "mount $T/m" ]
	no_leaks
}

@test "a cgroup is a leak" {
	g=/sys/fs/cgroup/pids
	[ -d $g ] || g=/sys/fs/cgroup
	mkdir "$g/$TAG-x" || skip "no right to make cgroups"
	run leaks
	rmdir "$g/$TAG-x"
	[ "$output" = "cgroup $g/$TAG-x" ]
}

@test "a process is a leak, with our environment or with mounts of ours" {
	tail -f /dev/null 3>&- &
	one=$!
	mkdir "$T/m"
	env -i unshare -m --propagation private sh -c 'mount -t tmpfs x "$1/m" && exec tail -f /dev/null' - "$T" 3>&- &
	two=$!
	wait_for grep -q "$T/m" /proc/$two/mountinfo
	run leaked_pids
	kill $one $two
	[ "$output" = "$(printf '%s\n' $one $two | sort -n)" ]
	wait_for no_leaks
}

@test "remove_leaks leaves nothing" {
	mkdir "$T/m"
	mount -t tmpfs left "$T/m"
	tail -f /dev/null 3>&- &
	run ! no_leaks
	remove_leaks
	no_leaks
	[ ! -e "$T" ]
	mkdir "$T"
}

@test "make_bundle makes what a runtime accepts" {
	command -v runc || skip "no runc"
	make_bundle "$T/b" '.process.args = ["sh", "-c", "echo $HOSTNAME; hostname; id -u"] | .process.env += ["HOSTNAME=x"]'
	run -0 runc --root "$T/run" run -b "$T/b" "$TAG"
	[ "$output" = $'x\nbox\n0' ]
}
