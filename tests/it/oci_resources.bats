# linux.resources, read back from the cgroup's files, and linux.cgroupsPath.
load oci

cg() { cat "$(cgroup_dir "$1")/$2"; }

# check FILTER CONTROLLER FILE WANT: skipped by name where the kernel has no such file.
check() {
	bundle "$1"
	PID=$$
	if [ ! -e "/sys/fs/cgroup/$2/$3" ] && ! ls /sys/fs/cgroup/"$2"/*/"$3" >/dev/null 2>&1; then
		dv run -b "$B" "$ID" >"$T/out" 2>&1 || true
		[[ $(cat "$T/out") == hello* || $(cat "$T/out") == *"$2"* || $(cat "$T/out") == *"${3%%.*}"* ]] || { cat "$T/out"; return 1; }
		echo "# skipped: this kernel has no $3" >&3
		return 0
	fi
	start_idle
	[ "$(cg "$2" "$3")" = "$4" ] || { echo "$1: $(cg "$2" "$3")"; return 1; }
	dv delete -f "$ID"
}

# spec: linux.resources.memory.limit
# spec: linux.resources.memory.reservation
# spec: linux.resources.memory.swap
# spec: linux.resources.memory.kernelTCP
# spec: linux.resources.memory.swappiness
# spec: linux.resources.memory.disableOOMKiller
# spec: linux.resources.memory.useHierarchy
# spec: linux.resources.cpu.shares
# spec: linux.resources.cpu.quota
# spec: linux.resources.cpu.period
# spec: linux.resources.cpu.burst
# spec: linux.resources.cpu.realtimeRuntime
# spec: linux.resources.cpu.realtimePeriod
# spec: linux.resources.cpu.cpus
# spec: linux.resources.cpu.mems
# spec: linux.resources.cpu.idle
# spec: linux.resources.pids.limit
# spec: linux.resources.hugepageLimits.pageSize
# spec: linux.resources.hugepageLimits.limit
# spec: linux.resources.network.classID
@test "one value, one file" {
	while IFS='@' read -r filter controller file want; do
		check ".linux.resources += $filter" "$controller" "$file" "$want"
	done <<-'EOF'
		{memory: {limit: 67108864}}@memory@memory.limit_in_bytes@67108864
		{memory: {limit: 67108864, swap: 134217728}}@memory@memory.memsw.limit_in_bytes@134217728
		{memory: {limit: 67108864, swap: -1}}@memory@memory.limit_in_bytes@67108864
		{memory: {reservation: 33554432}}@memory@memory.soft_limit_in_bytes@33554432
		{memory: {kernelTCP: 16777216}}@memory@memory.kmem.tcp.limit_in_bytes@16777216
		{memory: {swappiness: 33}}@memory@memory.swappiness@33
		{memory: {useHierarchy: true}}@memory@memory.use_hierarchy@1
		{cpu: {shares: 333}}@cpu@cpu.shares@333
		{cpu: {quota: 30000, period: 60000}}@cpu@cpu.cfs_quota_us@30000
		{cpu: {quota: 30000, period: 60000}}@cpu@cpu.cfs_period_us@60000
		{cpu: {quota: 30000, period: 60000, burst: 10000}}@cpu@cpu.cfs_burst_us@10000
		{cpu: {realtimePeriod: 900000}}@cpu@cpu.rt_period_us@900000
		{cpu: {realtimePeriod: 900000, realtimeRuntime: 1000}}@cpu@cpu.rt_runtime_us@1000
		{cpu: {cpus: "0"}}@cpuset@cpuset.cpus@0
		{cpu: {mems: "0"}}@cpuset@cpuset.mems@0
		{cpu: {idle: 1}}@cpu@cpu.idle@1
		{pids: {limit: 55}}@pids@pids.max@55
		{pids: {limit: -1}}@pids@pids.max@max
		{blockIO: {weight: 300}}@blkio@blkio.bfq.weight@300
		{hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}@hugetlb@hugetlb.2MB.limit_in_bytes@4194304
		{network: {classID: 1048577}}@net_cls@net_cls.classid@1048577
	EOF
	bundle '.linux.resources.memory.disableOOMKiller = true'
	start_idle
	[ "$(cg memory memory.oom_control | head -1)" = 'oom_kill_disable 1' ]
}

# spec: linux.resources.blockIO.weight
# spec: linux.resources.blockIO.leafWeight
# spec: linux.resources.blockIO.weightDevice.major
# spec: linux.resources.blockIO.weightDevice.minor
# spec: linux.resources.blockIO.weightDevice.weight
# spec: linux.resources.blockIO.weightDevice.leafWeight
# spec: linux.resources.blockIO.throttleReadBpsDevice.major
# spec: linux.resources.blockIO.throttleReadBpsDevice.minor
# spec: linux.resources.blockIO.throttleReadBpsDevice.rate
# spec: linux.resources.blockIO.throttleWriteBpsDevice.major
# spec: linux.resources.blockIO.throttleWriteBpsDevice.minor
# spec: linux.resources.blockIO.throttleWriteBpsDevice.rate
# spec: linux.resources.blockIO.throttleReadIOPSDevice.major
# spec: linux.resources.blockIO.throttleReadIOPSDevice.minor
# spec: linux.resources.blockIO.throttleReadIOPSDevice.rate
# spec: linux.resources.blockIO.throttleWriteIOPSDevice.major
# spec: linux.resources.blockIO.throttleWriteIOPSDevice.minor
# spec: linux.resources.blockIO.throttleWriteIOPSDevice.rate
@test "block I/O of a device" {
	local major minor device
	device=$(lsblk -dno MAJ:MIN | head -1 | tr -d ' ')
	major=${device%:*} minor=${device#*:}
	for row in throttleReadBpsDevice:throttle.read_bps_device throttleWriteBpsDevice:throttle.write_bps_device \
		throttleReadIOPSDevice:throttle.read_iops_device throttleWriteIOPSDevice:throttle.write_iops_device; do
		check ".linux.resources.blockIO.${row%:*} = [{major: $major, minor: $minor, rate: 4096}]" blkio "blkio.${row#*:}" "$device 4096"
	done
	# Weights want a scheduler that knows them: the file is set or the error (or warning) names it.
	bundle ".linux.resources.blockIO = {weight: 100, leafWeight: 100, weightDevice: [{major: $major, minor: $minor, weight: 200, leafWeight: 300}]}"
	run dv --debug run -b "$B" "$ID"
	if [ "$status" -ne 0 ]; then
		expect blkio
	elif ls /sys/fs/cgroup/blkio/*/blkio.bfq.weight_device >/dev/null 2>&1; then
		start_idle
		[[ $(cg blkio blkio.bfq.weight_device) == *"$device 200"* ]]
	fi
	bundle '.linux.resources.blockIO.throttleReadBpsDevice = [{major: 1, rate: 1}]'
	run dv run -b "$B" "$ID"
	fails 1
	expect 'linux.resources.blockIO.throttleReadBpsDevice[0].minor'
}

# spec: linux.resources.memory.kernel
# spec: linux.resources.memory.checkBeforeUpdate
# spec: linux.resources.network.priorities.name
# spec: linux.resources.network.priorities.priority
# spec: linux.resources.rdma
@test "what this kernel lacks is taken with a warning or refused by name, never silently" {
	for row in 'network = {priorities: [{name: "lo", priority: 3}]}@net_prio' 'rdma = {mlx0: {hcaHandles: 3, hcaObjects: 4}}@rdma'; do
		[ ! -d "/sys/fs/cgroup/${row#*@}" ] || skip "this kernel has ${row#*@}"
		bundle ".linux.resources.${row%@*}"
		run dv run -b "$B" "$ID"
		expect "${row#*@}"
	done
	# Writes to kmem.limit_in_bytes do nothing since 5.16, so there is only its reading.
	bundle '.linux.resources.memory = {kernel: 33554432}'
	run dv run -b "$B" "$ID"
	succeeds
	bundle '.linux.resources.memory = {limit: 4096, checkBeforeUpdate: true}'
	run dv run -b "$B" "$ID"
	[ -z "$(ls "$R" 2>/dev/null)" ]
}

# spec: linux.resources.unified
@test "the unified map goes to the v2 files; unknown ones are named" {
	bundle '.linux.resources.unified = {"cgroup.max.descendants": "7"}'
	if [ -d /sys/fs/cgroup/unified ]; then
		start_idle
		[ "$(cg unified cgroup.max.descendants)" = 7 ]
		dv delete -f "$ID"
	fi
	bundle '.linux.resources.unified = {"memory.nosuch": "7"}'
	run dv run -b "$B" "$ID"
	fails 1
	expect memory.nosuch
	bundle '.linux.resources.unified = {"../cgroup.procs": "7"}'
	run dv run -b "$B" "$ID"
	fails 1
}

# spec: linux.resources.devices.allow
# spec: linux.resources.devices.type
# spec: linux.resources.devices.major
# spec: linux.resources.devices.minor
# spec: linux.resources.devices.access
@test "device rules: what is allowed opens, what is not does not" {
	bundle 'caps(["CAP_SYSLOG", "CAP_SYS_RAWIO", "CAP_DAC_OVERRIDE"]) | .linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 1, minor: 11, access: "r"},
		{allow: true, type: "b", major: 7, access: "rw"}] | .linux.devices = [{type: "c", path: "/dev/kmsg", major: 1, minor: 11},
		{type: "c", path: "/dev/mem2", major: 1, minor: 1}]'
	in_container 'head -c 0 /dev/kmsg && echo readable; (: >>/dev/kmsg) || echo no write; head -c 1 /dev/mem2 || echo no mem; : >/dev/null && echo null'
	expect readable
	expect 'no write'
	expect 'no mem'
	expect null
	start_idle
	[[ $(cg devices devices.list) == *"c 1:11 r"* ]]
	[[ $(cg devices devices.list) == *"b 7:* rw"* ]]
}

@test "limits act: processes and memory" {
	bundle '.linux.resources = {pids: {limit: 3}}'
	in_container 'probe wait & probe wait & probe wait & echo after; kill %1 %2 %3'
	expect "can't fork"
	bundle '.linux.resources = {memory: {limit: 16777216}}'
	in_container 'probe hog 100000000; echo "was $?"'
	expect 'was 137'
}

# spec: linux.cgroupsPath
@test "cgroupsPath: absolute, relative, and none below another's" {
	for path in "/$TAG-a/b" "$TAG-c"; do
		bundle ".linux.cgroupsPath = \"$path\""
		start_idle
		[[ $(cgroup_dir pids) == */"${path#/}" ]]
		[ -d "$(cgroup_dir pids)" ]
		local dir
		dir=$(cgroup_dir pids)
		dv delete -f "$ID"
		[ ! -d "$dir" ]
	done
	rmdir "/sys/fs/cgroup"/*/"$TAG-a" 2>/dev/null || true
	find /sys/fs/cgroup -depth -name "$TAG-a" -exec rmdir {} + 2>/dev/null || true
	for path in "../$TAG-d" "/a/../../$TAG-d"; do
		bundle ".linux.cgroupsPath = \"$path\""
		run dv run -b "$B" "$ID"
		fails
		expect "linux.cgroupsPath"
		[ ! -d "/sys/fs/cgroup/pids/$TAG-d" ]
	done
}

@test "a cgroup that another container lives in is refused, and that one lives on" {
	# In one hierarchy or in all: what was made for the second one is gone, what belongs to the first is not.
	bundle ".linux.cgroupsPath = \"/$TAG-one\""
	start_idle
	run dv run -b "$B" "$ID-two"
	fails
	expect "container's cgroup is not empty"
	kill -0 "$PID"
	status_is running
	[ -d "$(cgroup_dir pids)" ]
	[ "$(dv list -q)" = "$ID" ]
	dv delete -f "$ID"
	[ -z "$(find /sys/fs/cgroup -name "$TAG-one" 2>/dev/null)" ]
	mkdir "/sys/fs/cgroup/pids/$TAG-one"
	sleep 1000 </dev/null >/dev/null 2>&1 3>&- &    # allow(sleep): a process that is there until it is killed
	PID=$!
	echo "$PID" >"/sys/fs/cgroup/pids/$TAG-one/cgroup.procs"
	run dv run -b "$B" "$ID"
	fails
	expect "container's cgroup is not empty"
	kill -0 "$PID"
	[ "$(find /sys/fs/cgroup -name "$TAG-one")" = "/sys/fs/cgroup/pids/$TAG-one" ]
	kill "$PID"
	wait_for rmdir "/sys/fs/cgroup/pids/$TAG-one"
}

@test "a memory limit that is too low for the start is said to be" {
	bundle '.linux.resources.memory.limit = 4096'
	run dv run -b "$B" "$ID"
	fails
	expect "is the memory limit of 4096 bytes too low?"
	[ -z "$(find /sys/fs/cgroup -name "$ID" 2>/dev/null)" ]
	run dv create -b "$B" "$ID"
	fails
	expect "is the memory limit of 4096 bytes too low?"
	[ -z "$(ls "$R")" ]
}

@test "an error in the middle leaves no cgroup" {
	for filter in '.linux.resources.memory.limit = 1' '.linux.resources.cpu.cpus = "999"' '.linux.resources.pids = "x"' \
		'.process.args = ["nosuch"]' 'bind("/x"; "/nosuch"; [])' '.linux.resources.unified = {"a.b": "1"}'; do
		bundle "$filter"
		run dv run -b "$B" "$ID"
		[ -z "$(find /sys/fs/cgroup -name "$ID" 2>/dev/null)" ] || { echo "$filter"; false; }
		[ -z "$(ls "$R" 2>/dev/null)" ]
	done
}
