# Bad configurations: each names the field; nothing is left. And what must be tolerated.
load oci

# spec: ociVersion
@test "wrong types and values are rejected by their JSON path" {
	bundle
	cp "$B/config.json" "$T/good.json"
	local n=0 bad=
	while IFS='@' read -r filter want; do
		jq "$JQ_NAMES $filter" "$T/good.json" >"$B/config.json"
		run dv run -b "$B" "$ID"
		[[ $status = 1 && $output == davit-oci:*"$want"* && $(wc -l <<<"$output") = 1 ]] || {
			bad+="$filter"$'\n'"	wanted $want, status $status: $output"$'\n'
		}
		n=$((n + 1))
	done <<-'EOF'
		del(.ociVersion)@ociVersion
		.ociVersion = 1@ociVersion
		.ociVersion = "2.0.0"@ociVersion
		.ociVersion = "x"@ociVersion
		del(.root)@root
		.linux.cgroupsPath = "/a/../../b"@linux.cgroupsPath
		del(.root.path)@root.path
		.root.path = ""@root.path
		.root = "rootfs"@root
		.root.readonly = "yes"@root.readonly
		.process = []@process
		.process.args = "sh"@process.args
		.process.args = []@process.args
		.process.args = [1]@process.args[0]
		del(.process.args)@process.args
		del(.process.cwd)@process.cwd
		.process.cwd = "tmp"@process.cwd
		.process.cwd = 1@process.cwd
		.process.env = ["A"]@process.env[0]
		.process.env = [["A"]]@process.env[0]
		.process.user.uid = "0"@process.user.uid
		.process.user.uid = -1@process.user.uid
		.process.user.uid = 4294967296@process.user.uid
		.process.user.uid = 1.5@process.user.uid
		.process.terminal = 1@process.terminal
		.process.rlimits = [{type: "RLIMIT_X", soft: 1, hard: 1}]@process.rlimits[0].type
		.process.rlimits = [{type: "RLIMIT_CORE", hard: 1}]@process.rlimits[0].soft
		.process.rlimits = [{type: "RLIMIT_CORE", soft: 1, hard: 1}, {type: "RLIMIT_CORE", soft: 1, hard: 1}]@process.rlimits[1]
		.process.capabilities.bounding = "CAP_KILL"@process.capabilities.bounding
		.process.oomScoreAdj = "1"@process.oomScoreAdj
		.process.scheduler = {policy: "SCHED_X"}@process.scheduler.policy
		.process.ioPriority = {class: "X"}@process.ioPriority.class
		.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 9}@process.ioPriority.priority
		.hostname = 5@hostname
		.mounts = {}@mounts
		.mounts += ["x"]@mounts[6]
		.mounts += [{type: "tmpfs"}]@mounts[6].destination
		.mounts += [{destination: "", type: "tmpfs"}]@mounts[6].destination
		.mounts += [{destination: "/x", type: "tmpfs", options: "ro"}]@mounts[6].options
		.mounts += [{destination: "/x", type: "bind", source: "/", uidMappings: [{containerID: 0, hostID: 0, size: 1}]}]@mounts[6]
		.linux = []@linux
		.linux.namespaces += [{path: "/x"}]@linux.namespaces[5].type
		.linux.namespaces += [{type: "bogus"}]@linux.namespaces[5].type
		.linux.namespaces += [{type: "pid"}]@linux.namespaces[5]
		.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}]@linux.uidMappings
		.linux.sysctl = {"kernel.shmmax": 1}@linux.sysctl
		.linux.resources = 1@linux.resources
		.linux.resources.memory.limit = "1m"@linux.resources.memory.limit
		.linux.resources.devices = [{allow: "x"}]@linux.resources.devices[0].allow
		.linux.resources.devices = [{allow: true, access: "rwz"}]@linux.resources.devices[0]
		.linux.resources.hugepageLimits = [{limit: 1}]@linux.resources.hugepageLimits[0].pageSize
		.linux.seccomp = {syscalls: []}@linux.seccomp.defaultAction
		.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{action: "SCMP_ACT_ALLOW"}]}@linux.seccomp.syscalls[0].names
		.linux.maskedPaths = [1]@linux.maskedPaths[0]
		.linux.rootfsPropagation = "x"@linux.rootfsPropagation
		.linux.devices = [{path: "/dev/x"}]@linux.devices[0].type
		.linux.timeOffsets = {monotonic: {secs: "x"}} | ns("time")@linux.timeOffsets.monotonic.secs
		.hooks = []@hooks
		.hooks.prestart = [{}]@hooks.prestart[0].path
		.hooks.prestart = [{path: "bin/true"}]@hooks.prestart[0].path
		.annotations = {a: 1}@annotations
		.annotations = []@annotations
		.linux.intelRdt = {closID: "../x"}@closID
		.linux.netDevices = []@linux.netDevices
	EOF
	echo "$bad"
	[ -z "$bad" ]
	[ "$n" -ge 60 ]
	[ -z "$(ls "$R" 2>/dev/null)" ]
	[ -z "$(find /sys/fs/cgroup -name "$ID" 2>/dev/null)" ]
}

@test "unknown fields are ignored everywhere, null counts as absent" {
	bundle '.x = 1 | .process.y = {} | .linux.z = [1] | .mounts[0].w = "v" | .linux.resources.q = {} | .root.r = null
		| .linux.seccomp = null | .process.rlimits = null | .hooks = null | .solaris = {} | .windows = {} | .vm = {}'
	run dv run -b "$B" "$ID"
	is hello
}

@test "files that are no configuration" {
	bundle
	for text in '' '{' '[]' '{"a": 1} x' '{"ociVersion": "1.0.0", "ociVersion": "1.0.0"}' $'{"a\xff": 1}' 'null'; do
		printf '%s' "$text" >"$B/config.json"
		run dv run -b "$B" "$ID"
		fails 1
		[[ $output == davit-oci:\ config:* ]]
	done
	rm "$B/config.json"
	run dv run -b "$B" "$ID"
	fails 1
	expect "$B/config.json: no such file or directory"
	run dv run -b "$T/nosuch" "$ID"
	fails 1
	mkdir "$B/config.json"
	run dv run -b "$B" "$ID"
	fails 1
	yes '[' | head -100000 | tr -d '\n' >"$T/deep.json"
	run dv run -b "$B" -f "$T/deep.json" "$ID"
	fails 1
}

@test "ids: what is allowed, and what no verb takes" {
	bundle
	for id in "$ID" "$ID.x-y_z+1" "_$ID" "$(printf "$ID%0200d" 0)"; do
		run dv run -b "$B" "$id"
		is hello
	done
	for id in '' . .. ../x a/b /a .a 'a b' "a"$'\n' 'ä' '*' "$(printf 'a%02000d' 0)"; do
		for verb in run create start state kill delete 'delete -f' pause resume ps update 'events --stats'; do
			run dv $verb "$id"
			fails 1
			[[ $output == *"container id"* || $output == *"does not exist"* ]] || { echo "$verb '$id'"; expect 'container id'; return 1; }
		done
		run dv exec "$id" true
		fails 255
	done
	[ -z "$(ls "$R" 2>/dev/null)" ]
	[ ! -e "$T/x" ]
}

@test "missing namespace paths, and paths that are none of that kind" {
	bundle
	for kind in pid network ipc uts mount user cgroup time; do
		configure "no_ns(\"$kind\") | del(.hostname) | ns(\"$kind\"; \"/nosuch/ns\")"
		run dv run -b "$B" "$ID"
		fails 1
		expect "$kind namespace"
		expect /nosuch/ns
	done
	configure 'ns("network"; "/proc/self/ns/uts")'
	run dv run -b "$B" "$ID"
	fails 1
	expect 'is not a network namespace'
	configure 'ns("network"; "/etc/passwd")'
	run dv run -b "$B" "$ID"
	fails 1
	expect 'is not a network namespace'
	[ -z "$(ls "$R" 2>/dev/null)" ]
}

@test "a state directory without room: an error, nothing left" {
	bundle
	mkdir "$T/small"
	mount -t tmpfs -o size=4k,nr_inodes=10 "davit-$TAG" "$T/small"
	printf '%04000d' 0 >"$T/small/fill"
	run "$DAVIT_OCI" --root "$T/small/run" run -b "$B" "$ID"
	local first=$status text=$output
	[ -z "$(ls -A "$T/small/run" 2>/dev/null)" ]
	umount "$T/small"
	[ "$first" = 1 ]
	[[ $text == *"no space left on device"* ]]
	[ -z "$(find /sys/fs/cgroup -name "$ID" 2>/dev/null)" ]
}

# spec: linux.intelRdt.closID
# spec: linux.intelRdt.l3CacheSchema
# spec: linux.intelRdt.memBwSchema
# spec: linux.intelRdt.schemata
# spec: linux.intelRdt.enableMonitoring
@test "Intel RDT on a machine without it" {
	[ ! -e /sys/fs/resctrl/schemata ] || skip "resctrl is mounted"
	for rdt in '{"closID": "c"}' '{"l3CacheSchema": "L3:0=f"}' '{"memBwSchema": "MB:0=10"}' '{"schemata": ["L3:0=f"]}' '{"enableMonitoring": true}'; do
		bundle ".linux.intelRdt = $rdt"
		run dv run -b "$B" "$ID"
		fails 1
		expect 'intelRdt: /sys/fs/resctrl is not mounted (no resctrl)'
	done
}
