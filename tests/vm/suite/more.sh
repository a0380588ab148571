# More of cgroup v2 and of this kernel: what the test machine itself cannot show.
. /vm/lib.sh
need_runtime

hugetlb() {
	start huge '.linux.resources.hugepageLimits = [{"pageSize": "2MB", "limit": 4194304}]'
	is hugetlb.2MB.max "$(cg huge hugetlb.2MB.max)" 4194304
	gone huge
}

memory_update() {
	start mem2 '.linux.resources.memory = {"limit": 67108864, "swap": 67108864}'
	oci update --memory 83886080 --memory-swap 167772160 --memory-reservation 41943040 mem2
	is memory.max "$(cg mem2 memory.max)" 83886080
	is memory.swap.max "$(cg mem2 memory.swap.max)" 83886080
	is memory.low "$(cg mem2 memory.low)" 41943040
	oci update --memory -1 --memory-swap -1 mem2
	is memory.max "$(cg mem2 memory.max)" max
	gone mem2
}

cpu_more() {
	start cpu2 '.linux.resources.cpu = {"quota": 40000, "period": 100000, "burst": 10000}'
	is cpu.max.burst "$(cg cpu2 cpu.max.burst)" 10000
	oci update --cpu-idle 1 cpu2
	is cpu.idle "$(cg cpu2 cpu.idle)" 1
	oci update --cpu-quota -1 cpu2
	is cpu.max "$(cg cpu2 cpu.max)" "max 100000"
	gone cpu2
}

io_weight() {
	start iow '.linux.resources.blockIO = {"weight": 100}'
	is io.weight "$(cg iow io.weight)" "default 910"	# of 10 to 1000, on the scale of 1 to 10000
	gone iow
}

oom_event() {
	start oome '.linux.resources.memory = {"limit": 33554432, "swap": 33554432}'
	$RUNTIME --root /run/oci events --interval 1s oome >/tmp/oome/events &
	events_pid=$!
	wait_for grep -q stats /tmp/oome/events
	fails oci exec oome dd if=/dev/zero of=/dev/null bs=64M count=1
	wait_for grep -q '"oom"' /tmp/oome/events
	has memory.events "$(cg oome memory.events)" "oom_kill 1"
	gone oome
	wait $events_pid || true
}

stats() {
	start stat '.linux.resources = {"memory": {"limit": 67108864}, "pids": {"limit": 50}}'
	s=$(oci events --stats stat)
	is "memory limit" "$(echo "$s" | jq .data.memory.usage.limit)" 67108864
	is "pids limit" "$(echo "$s" | jq .data.pids.limit)" 50
	is "cpu counted" "$(echo "$s" | jq '.data.cpu.usage.total > 0')" true
	gone stat
}

# A writable tree with a cgroup namespace: the container makes groups of its own, exec and delete still work.
delegation() {
	start dele '.linux.namespaces += [{"type": "cgroup"}] | .mounts += [{"destination": "/sys/fs/cgroup",
		"type": "cgroup", "source": "cgroup", "options": ["rw", "nosuid", "noexec", "nodev"]}]'
	oci exec dele mkdir /sys/fs/cgroup/inner
	oci exec dele sh -c 'echo 1 >/sys/fs/cgroup/inner/cgroup.procs'
	oci exec dele sh -c 'for p in $(cat /sys/fs/cgroup/cgroup.procs); do echo $p >/sys/fs/cgroup/inner/cgroup.procs; done;
		echo +pids >/sys/fs/cgroup/cgroup.subtree_control'
	has "controllers of the inner group" "$(cg dele inner/cgroup.controllers)" pids
	is "exec finds a place" "$(oci exec dele echo in)" in
	gone dele
	fails test -e $CGROUP/vm/dele
}

exec_cgroup() {
	start excg
	mkdir $CGROUP/vm/excg/sub
	has cgroup "$(oci exec --cgroup sub excg cat /proc/self/cgroup)" /vm/excg/sub
	gone excg
}

mount_options() {
	bundle /tmp/mo '.mounts += [{"destination": "/tmp", "type": "tmpfs", "source": "t",
			"options": ["nosuid", "nodev", "noexec", "noatime", "size=64k", "mode=1777"]},
			{"destination": "/root", "type": "bind", "source": "/vm", "options": ["rbind", "rro"]}]
		| .process.args = ["sh", "-c", "grep -E \" /(tmp|root) \" /proc/self/mounts; touch /root/x"]'
	out=$(oci run -b /tmp/mo mo 2>&1) || true
	has tmpfs "$out" "rw,nosuid,nodev,noexec,noatime,size=64k"
	has bind "$out" " /root tmpfs ro"
	has "recursive read-only" "$out" "Read-only file system"
}

time_namespace() {
	bundle /tmp/tns '.linux.namespaces += [{"type": "time"}] | .linux.timeOffsets = {"boottime": {"secs": 1000000}}
		| .process.args = ["cut", "-d.", "-f1", "/proc/uptime"]'
	test "$(oci run -b /tmp/tns tns)" -gt 1000000
}

IDMAP='[{"containerID": 0, "hostID": 100000, "size": 65536}]'

# Files of root look like root's in the namespace, and what is made there is root's outside.
idmapped() {
	mkdir -p /tmp/idm/v
	touch /tmp/idm/v/f
	bundle /tmp/idm '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = '"$IDMAP"' | .linux.gidMappings = '"$IDMAP"'
		| .mounts += [{"destination": "/root", "type": "bind", "source": "/tmp/ext4", "options": ["bind", "idmap"]}]
		| .process.args = ["sh", "-c", "stat -c %u /root/f; touch /root/g"]'
	dd if=/dev/zero of=/tmp/disk bs=1M count=8 2>/dev/null
	mkdir -p /tmp/ext4
	mke2fs -F /tmp/disk >/dev/null
	mount -t ext4 -o loop /tmp/disk /tmp/ext4
	touch /tmp/ext4/f
	out=$(oci run -b /tmp/idm idm) || { umount /tmp/ext4; return 1; }
	owner=$(stat -c %u /tmp/ext4/g)
	umount /tmp/ext4
	is "owner inside" "$out" 0
	is "owner outside" "$owner" 0
}

t "hugetlb" hugetlb
t "update of memory, both ways" memory_update
t "cpu: burst, idle, no quota" cpu_more
t "io: weight" io_weight
t "events: out of memory is told" oom_event
t "events --stats: limits and use" stats
t "a delegated tree: groups inside, exec, delete" delegation
t "exec --cgroup" exec_cgroup
t "mount options" mount_options
t "time namespace" time_namespace
t "idmapped mount" idmapped
for test in /vm/unit/*; do
	t "unit test ${test##*/}" $test
done
