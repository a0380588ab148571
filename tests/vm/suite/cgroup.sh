# Limits of the configuration, read back from cgroup v2 and felt by the processes.
. /vm/lib.sh
need_runtime

memory() {
	start mem '.linux.resources.memory = {"limit": 67108864, "reservation": 33554432, "swap": 134217728}'
	is memory.max "$(cg mem memory.max)" 67108864
	is memory.low "$(cg mem memory.low)" 33554432
	is memory.swap.max "$(cg mem memory.swap.max)" 67108864
	gone mem
}

memory_unlimited() {
	start memu '.linux.resources.memory = {"limit": -1}'
	is memory.max "$(cg memu memory.max)" max
	gone memu
}

out_of_memory() {
	bundle /tmp/oom '.linux.resources.memory = {"limit": 33554432, "swap": 33554432}
		| .process.args = ["dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"]'
	oci run -b /tmp/oom oom && code=0 || code=$?
	is status $code 137
}

cpu() {
	start cpu '.linux.resources.cpu = {"quota": 50000, "period": 100000, "shares": 1024}'
	is cpu.max "$(cg cpu cpu.max)" "50000 100000"
	has cpu.weight " 39 100 " " $(cg cpu cpu.weight) "	# the old formula, and the one of 2025 that keeps the default
	gone cpu
}

cpuset() {
	start cpuset '.linux.resources.cpu = {"cpus": "1", "mems": "0"}'
	is cpuset.cpus "$(cg cpuset cpuset.cpus)" 1
	has allowed "$(oci exec cpuset grep Cpus_allowed_list /proc/1/status)" "$(printf '\t1')"
	gone cpuset
}

pids() {
	start pids '.linux.resources.pids = {"limit": 4}'
	is pids.max "$(cg pids pids.max)" 4
	fails oci exec pids sh -c 'sleep 10 & sleep 10 & sleep 10 & sleep 10 & sleep 10 & wait'
	gone pids
}

io() {
	start io '.linux.resources.blockIO = {"throttleReadBpsDevice": [{"major": 7, "minor": 0, "rate": 1048576}],
		"throttleWriteIOPSDevice": [{"major": 7, "minor": 0, "rate": 100}]}'
	is io.max "$(cg io io.max)" "7:0 rbps=1048576 wbps=max riops=max wiops=100"
	gone io
}

unified() {
	start unified '.linux.resources.unified = {"memory.high": "50331648", "pids.max": "77"}'
	is memory.high "$(cg unified memory.high)" 50331648
	is pids.max "$(cg unified pids.max)" 77
	gone unified
}

unified_unknown() {
	bundle /tmp/badkey '.linux.resources.unified = {"nothing.max": "1"}'
	fails oci run -b /tmp/badkey badkey
	fails test -e $CGROUP/vm/badkey
}

update() {
	start update '.linux.resources.memory = {"limit": 67108864}'
	oci update --memory 50331648 --pids-limit 55 update
	is memory.max "$(cg update memory.max)" 50331648
	is pids.max "$(cg update pids.max)" 55
	gone update
}

MKNOD='.process.capabilities[] += ["CAP_MKNOD"]'
LOOP0='"type": "b", "major": 7, "minor": 0'

# Every device may be made, as everywhere; the first loop device may be read, the second not even that.
devices() {
	start dev "$MKNOD | .linux.resources.devices = [{\"allow\": false, \"access\": \"rwm\"},
		{\"allow\": true, \"access\": \"r\", $LOOP0}]"
	oci exec dev sh -c 'echo x >/dev/null'
	oci exec dev mknod /dev/one b 7 0
	oci exec dev sh -c 'exec 3</dev/one'
	fails oci exec dev sh -c 'exec 3<>/dev/one'
	oci exec dev mknod /dev/two b 7 1
	fails oci exec dev sh -c 'exec 3</dev/two'
	gone dev
}

# The same device node, made outside: denied and allowed by nothing but the list.
device_list() {
	start "$1" "$MKNOD | .linux.devices = [{$LOOP0, \"path\": \"/dev/lo\", \"fileMode\": 438}] | .linux.resources.devices = $2"
	oci exec "$1" sh -c 'exec 3</dev/lo' 2>&1 && result=opened || result=refused
	gone "$1"
	is "opening a device with $2" $result "$3"
}

device_order() {
	device_list dev0 "[{\"allow\": false, \"access\": \"rwm\"}]" refused
	device_list dev1 "[{\"allow\": true, \"access\": \"rwm\"}]" opened
	device_list dev2 "[{\"allow\": true, \"access\": \"rwm\"}, {\"allow\": false, \"access\": \"rwm\", $LOOP0}]" refused
}

t "memory: limit, reservation, swap" memory
t "memory: -1 is no limit" memory_unlimited
t "memory: a process above the limit is killed" out_of_memory
t "cpu: quota, period, shares" cpu
t "cpu: set of processors" cpuset
t "pids: the limit holds" pids
t "io: limits of a device" io
t "unified: keys as they stand" unified
t "unified: an unknown key is refused, nothing left" unified_unknown
t "update" update
t "devices: the list is enforced" devices
t "devices: a later row wins" device_order
