# The machine itself: what the other suites take for granted.
. /vm/lib.sh

controllers() {
	for c in cpuset cpu io memory pids; do
		has controllers " $(cat $CGROUP/cgroup.controllers) " " $c "
	done
}

only_v2() { is "v1 hierarchies" "$(grep -c ' - cgroup ' /proc/self/mountinfo)" 0; }

overlay() {
	mkdir -p /tmp/o/l /tmp/o/u /tmp/o/w /tmp/o/m
	echo lower >/tmp/o/l/f
	mount -t overlay -o lowerdir=/tmp/o/l,upperdir=/tmp/o/u,workdir=/tmp/o/w overlay /tmp/o/m
	is f "$(cat /tmp/o/m/f)" lower
	echo upper >/tmp/o/m/f
	is lower "$(cat /tmp/o/l/f)" lower
	umount /tmp/o/m
}

apparmor() { is apparmor "$(cat /sys/module/apparmor/parameters/enabled)" Y; }

pivot() { is "type of the root" "$(stat -f -c %T /)" tmpfs; }

davit_oci_version() { has version "$(/vm/davit-oci --version)" davit; }

t "kernel $(uname -r) has the cgroup v2 controllers" controllers
t "no cgroup v1 is mounted" only_v2
t "the root is one that pivot_root accepts" pivot
t "overlay works" overlay
t "AppArmor is on" apparmor
if [ -x /vm/davit-oci ]; then
	t "davit-oci tells its version" davit_oci_version
else
	skip "davit-oci tells its version" "no davit-oci in this tree"
fi
