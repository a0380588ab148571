# The life of a container, with cgroup v2 below it.
. /vm/lib.sh
need_runtime

run_once() {
	bundle /tmp/once '.process.args = ["sh", "-c", "echo out; exit 7"]'
	out=$(oci run -b /tmp/once once) && code=0 || code=$?
	is output "$out" out
	is status $code 7
	fails test -e $CGROUP/vm/once
}

verbs() {
	bundle /tmp/life '.process.args = ["sleep", "1000"]'
	oci create -b /tmp/life --pid-file /tmp/life/pid life
	is state "$(state_of life)" created
	is pid "$(oci state life | jq .pid)" "$(cat /tmp/life/pid)"
	oci start life
	is state "$(state_of life)" running
	is "command" "$(tr '\0' ' ' </proc/$(cat /tmp/life/pid)/cmdline)" "sleep 1000 "
	oci kill life KILL
	wait_for in_state life stopped
	oci delete life
	fails oci state life
	fails test -e $CGROUP/vm/life
}

in_own_cgroup() {
	start own
	has procs "$(cg own cgroup.procs)" "$(oci state own | jq .pid)"
	gone own
}

exec_joins() {
	start exec
	is "its own view" "$(oci exec exec cat /proc/1/cmdline | tr '\0' ' ')" "sleep 1000 "
	has cgroup "$(oci exec exec cat /proc/self/cgroup)" "$(oci exec exec cat /proc/1/cgroup)"
	oci exec exec sh -c 'exit 9' && code=0 || code=$?
	is status $code 9
	gone exec
}

ps_lists() {
	start ps
	has ps "$(oci ps --format json ps)" "$(oci state ps | jq .pid)"
	gone ps
}

freeze() {
	start frozen
	oci pause frozen
	is state "$(state_of frozen)" paused
	is cgroup.freeze "$(cg frozen cgroup.freeze)" 1
	has events "$(cg frozen cgroup.events)" "frozen 1"
	oci resume frozen
	is state "$(state_of frozen)" running
	is cgroup.freeze "$(cg frozen cgroup.freeze)" 0
	gone frozen
}

delete_frozen() {
	start frozen2
	oci pause frozen2
	oci delete --force frozen2
	fails test -e $CGROUP/vm/frozen2
}

kill_all() {
	bundle /tmp/all '.process.args = ["sh", "-c", "sleep 2000 & sleep 2001 & wait"]'
	oci create -b /tmp/all all
	oci start all
	wait_for eval '[ $(cat $CGROUP/vm/all/cgroup.procs | wc -l) = 3 ]'
	oci delete --force all
	fails test -e $CGROUP/vm/all
	is "processes left" "$(ps -o args | grep -c '^sleep 200')" 0
}

events() {
	start events
	stats=$(oci events --stats events)
	is type "$(echo "$stats" | jq -r .type)" stats
	is "memory counted" "$(echo "$stats" | jq '.data.memory.usage.usage > 0')" true
	is pids "$(echo "$stats" | jq .data.pids.current)" 1
	gone events
}

cgroup_namespace() {
	start cgns '.linux.namespaces += [{"type": "cgroup"}] | .mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup",
		"source": "cgroup", "options": ["ro", "nosuid", "noexec", "nodev"]}]'
	is "own cgroup" "$(oci exec cgns cat /proc/1/cgroup)" "0::/"
	has controllers "$(oci exec cgns cat /sys/fs/cgroup/cgroup.controllers)" memory
	fails oci exec cgns mkdir /sys/fs/cgroup/x
	gone cgns
}

overlay_root() {
	mkdir -p /tmp/ov/u /tmp/ov/w /tmp/ov/m
	mount -t overlay -o lowerdir=/vm/rootfs,upperdir=/tmp/ov/u,workdir=/tmp/ov/w overlay /tmp/ov/m
	bundle /tmp/ov '.root.path = "/tmp/ov/m" | .root.readonly = false | .process.args = ["sh", "-c", "echo x >/new; cat /etc/passwd"]'
	has passwd "$(oci run -b /tmp/ov ov)" root:x:0
	is upper "$(cat /tmp/ov/u/new)" x
	umount /tmp/ov/m
	fails test -e /vm/rootfs/new
}

t "run: output, exit status, nothing left" run_once
t "create, start, kill, delete" verbs
t "the process is in its cgroup" in_own_cgroup
t "exec joins namespaces and cgroup" exec_joins
t "ps" ps_lists
t "pause and resume" freeze
t "delete --force of a paused container" delete_frozen
t "delete --force kills all of them" kill_all
if $RUNTIME --help 2>&1 | grep -q '^ *events'; then
	t "events --stats" events
else
	skip "events --stats" "this runtime has no events"
fi
t "a cgroup namespace shows only its own tree, read-only" cgroup_namespace
t "an overlay as root" overlay_root
