# lib.sh - what the suites of the virtual machine load (busybox sh).
#
#	. /vm/lib.sh
#	limit_is_set() { ...; is limit "$x" 5; }
#	t "the limit is set" limit_is_set
#
# A test is a function: `set -e` holds in it, its output is shown when it fails, it has five minutes: the machine is emulated, on one that may be busy.
# Lines for the host begin with "VM "; tests/vm/run.py makes TAP of them.

RUNTIME=/vm/runtime
CGROUP=/sys/fs/cgroup

t() {
	name=$1
	shift
	(set -e; "$@") >/tmp/output 2>&1 </dev/null &
	test_pid=$!
	(sleep 300; kill -9 $test_pid) >/dev/null 2>&1 &
	guard_pid=$!
	wait $test_pid
	status=$?
	kill -9 $guard_pid 2>/dev/null
	if [ $status = 0 ]; then
		echo "VM ok $SUITE: $name"
	else
		echo "VM not ok $SUITE: $name"
		{ echo "status $status"; tail -n 20 /tmp/output; } | sed 's/^/VM note   /'
	fi
}

skip() { echo "VM ok $SUITE: $1 # SKIP $2"; }

# A suite that needs the runtime: ends here, as one named skip, in a tree that has none yet.
need_runtime() {
	[ -x $RUNTIME ] && return
	skip "all" "no davit-oci in this tree"
	exit 0
}

# is WHAT GOT WANT
is() {
	[ "$2" = "$3" ] || { echo "$1 is '$2', not '$3'"; return 1; }
}

has() {
	case $2 in *"$3"*) ;; *) echo "$1 is '$2', without '$3'"; return 1 ;; esac
}

fails() {
	if "$@"; then
		echo "$*: did not fail"
		return 1
	fi
}

# wait_for COMMAND...: until it succeeds, or two minutes have gone by
wait_for() {
	tries=2400
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { echo "waited for: $*"; return 1; }
		usleep 50000
	done
}

oci() { $RUNTIME --root /run/oci "$@"; }

# bundle DIR [FILTER]: a root file system that all share (it is read-only) and config.json changed by
# the jq filter; the container's cgroup is /vm/NAME.
bundle() {
	mkdir -p "$1"
	jq ".root.path = \"/vm/rootfs\" | .linux.cgroupsPath = \"/vm/${1##*/}\" | ${2:-.}" /vm/config.json >"$1/config.json"
}

make_rootfs() {
	[ ! -d /vm/rootfs ] || return 0
	(cd / && mkdir -p vm/rootfs && cd vm/rootfs && mkdir bin dev etc proc sys tmp root)
	cp /bin/busybox /vm/rootfs/bin/
	chroot /vm/rootfs /bin/busybox --install -s /bin
	echo root:x:0:0:root:/root:/bin/sh >/vm/rootfs/etc/passwd
}

# start ID [FILTER]: a container that stays
start() {
	bundle "/tmp/$1" ".process.args = [\"sleep\", \"1000\"] | ${2:-.}"
	oci create -b "/tmp/$1" "$1"
	oci start "$1"
}

gone() { oci delete --force "$1"; }

state_of() { oci state "$1" | jq -r .status; }

in_state() { [ "$(state_of "$1")" = "$2" ]; }

# cg ID FILE: what stands in a file of the container's cgroup
cg() { cat "$CGROUP/vm/$1/$2"; }

make_rootfs
