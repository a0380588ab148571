# Mounts: targets that lead out of the root, what is mounted over /proc and /sys, writes to /proc.
load attack

link_out() {	# link_out absolute|relative|chained: rootfs/data leads to $OUT
	case $1 in
	absolute) ln -s "$OUT" "$B/rootfs/data" ;;
	relative) ln -s "../../../../../../../..$OUT" "$B/rootfs/data" ;;
	chained)
		ln -s "$OUT" "$B/rootfs/tmp/c"
		ln -s tmp/b "$B/rootfs/data"
		ln -s c "$B/rootfs/tmp/b"
		;;
	esac
}

mount_on_link() {	# KIND TYPE
	case $2 in
	tmpfs) fresh 'mnt("/data/sub"; "tmpfs"; "tmpfs"; [])' ;;
	dir) fresh "bind(\"/data/sub\"; \"$T\"; [\"ro\"])" ;;
	file) fresh "bind(\"/data/sub\"; \"$BATS_TEST_FILENAME\"; [\"ro\"])" ;;
	copyup) fresh 'mnt("/data/sub"; "tmpfs"; "tmpfs"; ["tmpcopyup"])' ;;
	esac
	link_out "$1"
	in_container true
}

# attack: 2019-18837 held shown
@test "a mount's destination on a link stays inside the root" {
	for kind in absolute relative chained; do
		for type in tmpfs dir file copyup; do
			mount_on_link $kind $type
			succeeds
			untouched
			[ -e "$B/rootfs$OUT/sub" ]
		done
	done
	for kind in absolute chained; do
		for type in tmpfs dir; do
			without in-root mount_on_link $kind $type
			[ -d "$OUT/sub" ]
			rm -r "$OUT/sub"
		done
	done
}

deep_target() {
	fresh 'mnt("/data/a/b"; "tmpfs"; "tmpfs"; [])'
	ln -s "$OUT" "$B/rootfs/data"
	in_container true
}

# attack: 2024-45310 held shown
@test "missing parents of a destination are made inside the root" {
	deep_target
	succeeds
	untouched
	without mkdir-steps deep_target
	[ -d "$OUT/a/b" ]
}

# attack: 2024-45310 held
@test "parents are made below a directory with the setgid bit" {
	bundle 'mnt("/data/a/b"; "tmpfs"; "tmpfs"; [])'
	mkdir -m 2775 "$B/rootfs/data"
	in_container 'grep -c " /data/a/b tmpfs" /proc/mounts'
	is 1
	[ -d "$B/rootfs/data/a/b" ]
}

shared_volume() {
	mkdir -p "$T/vol/real"
	ln -s "$OUT" "$T/vol/link"
	bundle "bind(\"/vol\"; \"$T/vol\"; [\"rbind\", \"rw\"]) | mnt(\"/vol/real/t/u\"; \"tmpfs\"; \"tmpfs\"; [])"
	set_args true
}

# A container of the volume; true when something has come to be outside.
made_outside() {
	rmdir "$T"/vol/{real,link}/t/u "$T"/vol/{real,link}/t 2>/dev/null
	dv run -b "$B" "$ID" >/dev/null 2>&1 || true
	[ -n "$(ls -A "$OUT")" ]
}

# attack: 2021-30465 held shown
# attack: 2024-45310 held shown
@test "a racer that swaps a directory for a link has nothing made outside" {
	shared_volume
	run ! racing 2 made_outside
	untouched
	without in-root racing 120 made_outside
	rm -r "$OUT/t"
	without mkdir-steps racing 120 made_outside
}

# True when a container ran whose mount is not in it: then it is somewhere else.
mounted_outside() {
	local out
	out=$(dv run -b "$B" "$ID" 2>/dev/null) && [ "$out" = 0 ]
}

# attack: 2021-30465 held shown
@test "a racer does not move a mount out of the root" {
	shared_volume
	change '.mounts[-1] |= (.destination = "/vol/real" | .source = "marker")'
	set_args sh -c 'grep -c ^marker /proc/mounts; true'
	run ! racing 2 mounted_outside
	without target-fd racing 120 mounted_outside
}

proc_link() {	# NAME TYPE OPTION: rootfs/NAME is a link inside the root
	fresh ".mounts |= map(select(.destination != \"/$1\")) | .linux.maskedPaths = [] | .linux.readonlyPaths = [] |
		mnt(\"/$1\"; \"$2\"; \"/$1\"; [$3])"
	rmdir "$B/rootfs/$1"
	ln -s tmp "$B/rootfs/$1"
	in_container 'ls -d /tmp/self /tmp/kernel 2>/dev/null | wc -l'
}

# attack: 2019-16884 held shown
@test "proc and sysfs are not mounted on a link" {
	for args in 'proc proc ' 'sys sysfs "ro"' 'proc bind "rbind"' 'sys none "rbind","ro"'; do
		# shellcheck disable=SC2086
		proc_link $args
		fails
		expect "mount /${args%% *}"
		# shellcheck disable=SC2086
		without proc-target proc_link $args
		is 1
	done
}

volume_on_proc() {
	rm -rf "$T/vol"
	mkdir -p "$T/vol/sys/net/ipv4" "$T/vol/self/attr"
	echo fake >"$T/vol/sys/net/ipv4/ip_unprivileged_port_start"
	echo fake | tee "$T/vol/self/attr/exec" >"$T/vol/self/attr/keycreate"
	fresh "bind(\"/proc\"; \"$T/vol\"; [\"rbind\"]) | mnt(\"/real\"; \"proc\"; \"proc\"; []) |
		.linux.maskedPaths = [] | .linux.readonlyPaths = [] | $1"
	in_container 'cat /real/sys/net/ipv4/ip_unprivileged_port_start'
}

volume() {
	rm -rf "$T/vol"
	mkdir -p "$T/vol/sys/net/ipv4" "$T/vol/self/attr"
	echo fake >"$T/vol/sys/net/ipv4/ip_unprivileged_port_start"
	echo fake | tee "$T/vol/self/attr/exec" >"$T/vol/self/attr/keycreate"
}

sysctl_under() {	# PATH: a volume covers this part of /proc
	volume
	fresh "bind(\"/proc$1\"; \"$T/vol$1\"; [\"rbind\"]) | mnt(\"/real\"; \"proc\"; \"proc\"; []) |
		.linux.maskedPaths = [] | .linux.readonlyPaths = [] |
		.linux.sysctl = {\"net.ipv4.ip_unprivileged_port_start\": \"77\"}"
	in_container 'cat /real/sys/net/ipv4/ip_unprivileged_port_start'
}

# attack: 2025-52881 held shown
# attack: 2019-16884 held shown
@test "a sysctl is written to the kernel, not to a volume over /proc or a part of it" {
	for path in "" /sys/net; do
		sysctl_under "$path"
		is 77
		[ "$(cat "$T/vol/sys/net/ipv4/ip_unprivileged_port_start")" = fake ]
		without procfs sysctl_under "$path"
		is 1024
		[[ $(cat "$T/vol/sys/net/ipv4/ip_unprivileged_port_start") == 77* ]]
	done
}

label_under() {
	volume
	fresh "bind(\"/proc$1\"; \"$T/vol$1\"; [\"rbind\"]) | .linux.maskedPaths = [] | .linux.readonlyPaths = [] |
		.process.selinuxLabel = \"a_u:b_r:c_t:s0\""
	in_container 'echo ran'
}

# attack: 2025-52881 held shown
# attack: 2019-16884 held shown
@test "a label is written to the kernel, not to a volume over /proc/self/attr: what it refuses is an error" {
	[ ! -d /sys/fs/selinux/policy_capabilities ] || skip "SELinux is on here: the label would be taken"
	for path in "" /self/attr; do
		label_under "$path"
		fails
		expect label
		[ "$(cat "$T/vol/self/attr/exec")" = fake ]
		without procfs label_under "$path"
		is ran
		[[ $(cat "$T/vol/self/attr/exec") == a_u:b_r* ]]
	done
}

sysctl_up() {
	fresh '.linux.sysctl = {"net/../kernel/domainname": "evil"}'
	in_container 'cat /proc/sys/kernel/domainname'
}

# attack: sysctl-path held shown
@test "a sysctl does not climb out of what its name says" {
	sysctl_up
	fails
	expect '".." in it'
	without sysctl-path sysctl_up
	is evil
}

# A directory of a hierarchy that the container's root owns, as a user's delegated one is.
delegated() {
	HIER=/sys/fs/cgroup/pids
	[ -d "$HIER" ] || HIER=/sys/fs/cgroup
	mkdir "$HIER/$TAG-mine"
	chown -R 100000 "$HIER/$TAG-mine"
}

host_cgroups() {	# FILTER
	fresh "userns | no_ns(\"network\") | $1"
	in_container "mkdir $HIER/$TAG-mine/made"
}

# attack: 2023-25809 held shown
@test "the host's cgroups below a host /sys are read-only" {
	delegated
	for how in . '.mounts |= map(select(.destination != "/sys")) | mnt("/sys"; "none"; "/sys"; ["rbind", "ro"])'; do
		host_cgroups "$how"
		fails
		expect Read-only
		[ ! -e "$HIER/$TAG-mine/made" ]
		without cgroup-ro host_cgroups "$how"
		succeeds
		rmdir "$HIER/$TAG-mine/made"
	done
	rmdir "$HIER/$TAG-mine"
}

# attack: 2023-25809 held
@test "a read-only cgroup mount is read-only in all its parts, with a cgroup namespace and without" {
	for how in . 'ns("cgroup")' 'userns' 'userns | ns("cgroup")'; do
		fresh "$how | mnt(\"/sys/fs/cgroup\"; \"cgroup\"; \"cgroup\"; [\"ro\", \"nosuid\"])"
		in_container 'grep " /sys/fs/cgroup" /proc/mounts | grep -vc " ro,"; grep -q " /sys/fs/cgroup" /proc/mounts'
		succeeds
		is 0
	done
}
