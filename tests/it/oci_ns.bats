# Namespaces: new, joined, the host's; names, sysctls, clocks, identity maps.
load oci

KINDS='pid:pid network:net ipc:ipc uts:uts mount:mnt cgroup:cgroup time:time user:user'
own() { readlink "/proc/self/ns/$1"; }
theirs() { readlink "/proc/$PID/ns/$1"; }

# spec: linux.namespaces.type
@test "every kind of namespace: new when listed, else the host's" {
	for pair in $KINDS; do
		local spec=${pair%:*} proc=${pair#*:}
		bundle '.linux.namespaces = [{type: "mount"}] | del(.hostname)'
		[ "$spec" = mount ] || change "ns(\"$spec\")"
		if [ "$spec" = user ]; then
			change '.linux.uidMappings = map(0; 100000; 1000) | .linux.gidMappings = map(0; 100000; 1000) | del(.mounts[] | select(.type == "mqueue"))'
		fi
		start_idle
		for other in $KINDS; do
			case ${other%:*} in
			"$spec" | mount) [ "$(theirs "${other#*:}")" != "$(own "${other#*:}")" ] ;;
			*) [ "$(theirs "${other#*:}")" = "$(own "${other#*:}")" ] ;;
			esac || { echo "$spec: ${other%:*} is wrong"; false; }
		done
		dv delete -f "$ID"
	done
}

@test "without a mount namespace: only another root" {
	bundle 'no_ns("mount") | .mounts = [] | .linux.maskedPaths = [] | .linux.readonlyPaths = [] | del(.hostname)'
	set_args sh -c 'cat /etc/passwd | head -1; ls /'
	run dv run -b "$B" "$ID"
	expect root:x:0:0:root:/root:/bin/sh
	start_idle
	[ "$(theirs mnt)" = "$(own mnt)" ]
	[ "$(readlink "/proc/$PID/root")" = "$B/rootfs" ]
}

# spec: linux.namespaces.path
@test "namespaces are joined by path, all kinds at once and one by one" {
	bundle 'del(.hostname)'
	keep_namespaces --fork --pid --net --ipc --uts --cgroup --time
	local child
	child=$(cat "/proc/$KEEPER/task/$KEEPER/children" | tr -d ' ')
	for set in 'network:net' 'ipc:ipc' 'uts:uts' 'pid:pid' 'cgroup:cgroup' 'time:time' \
		'network:net ipc:ipc uts:uts pid:pid cgroup:cgroup time:time'; do
		configure 'del(.hostname) | .root.readonly = false'
		for pair in $set; do change "ns(\"${pair%:*}\"; \"/proc/$child/ns/${pair#*:}\")"; done
		start_idle
		for pair in $set; do
			[ "$(theirs "${pair#*:}")" = "$(readlink "/proc/$child/ns/${pair#*:}")" ] || { echo "$set: $pair"; false; }
		done
		run dv exec "$ID" sh -c 'head -1 /etc/passwd'
		is root:x:0:0:root:/root:/bin/sh
		dv delete -f "$ID"
		wait_for gone "$PID"
	done
	release_namespaces
}

@test "a shared pid namespace: the other's processes are seen and survive" {
	bundle
	start_idle
	local first=$PID
	change "ns(\"pid\"; \"/proc/$first/ns/pid\")"
	set_args sh -c 'ps | grep -c "probe wait"; echo $$'
	run dv run -b "$B" "$ID-2"
	[ "${lines[0]}" -ge 1 ]
	[ "${lines[1]}" -gt 1 ]
	kill -0 "$first"
	set_args sh -c 'probe wait & exec probe wait'
	dv run -d -b "$B" "$ID-3" </dev/null >/dev/null 2>&1
	wait_for eval '[ "$(dv ps --format json $ID-3 | jq length)" = 2 ]'
	local pids
	pids=$(dv ps --format json "$ID-3" | jq '.[]')
	dv delete -f "$ID-3"
	for p in $pids; do wait_for gone "$p"; done
	kill -0 "$first"
}

@test "a user namespace is joined by path, with its ids" {
	keep_namespaces --fork --user --net
	local keeper
	keeper=$(tr -d ' ' <"/proc/$KEEPER/task/$KEEPER/children")
	echo '0 200000 65536' | tee "/proc/$keeper/uid_map" >"/proc/$keeper/gid_map"
	bundle "ns(\"user\"; \"/proc/$keeper/ns/user\") | ns(\"network\"; \"/proc/$keeper/ns/net\")"
	chmod 755 "$B" "$T"
	start_idle
	[ "$(theirs user)" = "$(readlink "/proc/$keeper/ns/user")" ]
	[ "$(stat -c %u "/proc/$PID")" = 200000 ]
	run dv exec "$ID" id -u
	is 0
	release_namespaces
}

# spec: linux.uidMappings.containerID
# spec: linux.uidMappings.hostID
# spec: linux.uidMappings.size
# spec: linux.gidMappings.containerID
# spec: linux.gidMappings.hostID
# spec: linux.gidMappings.size
@test "a user namespace: maps, ownership, rights" {
	bundle 'userns | .linux.uidMappings += [{containerID: 70000, hostID: 300000, size: 5}]'
	in_container 'cat /proc/self/uid_map /proc/self/gid_map; id -u; stat -c %u /dev/null /proc/1 /etc/passwd; echo x >/dev/null; echo 1 >/dev/shm/f; hostname'
	succeeds
	is_words '0 100000 65536 70000 300000 5 0 100000 65536 0 65534 0 65534 box'
	start_idle
	[ "$(stat -c %u:%g "/proc/$PID")" = 100000:100000 ]
}

# spec: hostname
# spec: domainname
@test "hostname and domainname" {
	bundle '.hostname = "h1" | .domainname = "d.example"'
	in_container 'hostname; cat /proc/sys/kernel/domainname'
	is $'h1\nd.example'
	bundle 'no_ns("uts") | .hostname = "x"'
	run dv run -b "$B" "$ID"
	fails 1
	expect "unable to set hostname without a private UTS namespace"
	bundle 'no_ns("uts") | del(.hostname) | .domainname = "x"'
	run dv run -b "$B" "$ID"
	fails 1
	expect "domainname"
}

# spec: linux.timeOffsets.boottime.secs
# spec: linux.timeOffsets.boottime.nanosecs
# spec: linux.timeOffsets.monotonic.secs
# spec: linux.timeOffsets.monotonic.nanosecs
@test "time offsets, also with a user namespace" {
	local host
	for filter in . userns; do
		bundle "$filter | ns(\"time\") | .linux.timeOffsets = {monotonic: {secs: 100000, nanosecs: 5}, boottime: {secs: 2000000, nanosecs: 7}}"
		in_container 'probe clock; cat /proc/self/timens_offsets'
		succeeds
		host=$(cut -d. -f1 /proc/uptime)
		[[ ${lines[0]} =~ monotonic=([0-9]+)\ boottime=([0-9]+) ]]
		[ $((BASH_REMATCH[1] - host)) -ge 99990 ] && [ $((BASH_REMATCH[1] - host)) -le 100010 ]
		[ $((BASH_REMATCH[2] - host)) -ge 1999990 ] && [ $((BASH_REMATCH[2] - host)) -le 2000010 ]
		[ "$(awk '{print $3}' <<<"${lines[1]}${lines[2]+ }")" = 5 ]
		[ "$(awk '{print $3}' <<<"${lines[2]}")" = 7 ]
	done
	bundle '.linux.timeOffsets = {monotonic: {secs: 1}}'
	run dv run -b "$B" "$ID"
	fails 1
	expect timeOffsets
}

# spec: linux.sysctl
@test "sysctls of the container's namespaces, with dots or slashes; never the host's" {
	bundle '.linux.sysctl = {"net.ipv4.ip_forward": "1", "net/ipv4/conf/lo/accept_local": "1", "kernel.shmmax": "12345", "fs.mqueue.msg_max": "33"}'
	local before
	before=$(cat /proc/sys/net/ipv4/ip_forward)
	in_container 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/lo/accept_local /proc/sys/kernel/shmmax /proc/sys/fs/mqueue/msg_max'
	is $'1\n1\n12345\n33'
	[ "$(cat /proc/sys/net/ipv4/ip_forward)" = "$before" ]
	while IFS='@' read -r filter want; do
		bundle "$filter"
		run dv run -b "$B" "$ID"
		fails 1
		expect "$want"
	done <<-'EOF'
		.linux.sysctl = {"vm.swappiness": "1"}@sysctl vm.swappiness is not in a separate kernel namespace
		.linux.sysctl = {"net.ipv4.ip_forward": "1"} | no_ns("network")@host's network namespace
		.linux.sysctl = {"kernel.shmmax": "1"} | no_ns("ipc")@host's ipc namespace
		.linux.sysctl = {"net.ipv4.nosuch": "1"}@net/ipv4/nosuch
		.linux.sysctl = {"net.ipv4.../../vm/swappiness": "1"}@sysctl
	EOF
}

@test "the loopback interface is up in a new network namespace" {
	bundle
	in_container 'cat /sys/class/net/lo/flags; ls /sys/class/net'
	is $'0x9\nlo'
}

@test "a network namespace that cannot be had is an error, and nothing is left" {
	bundle '.mounts[].options |= ((. // []) - ["gid=5"])'
	set_args true
	for user in '.' 'ns("user") | .linux.uidMappings = map(0; 0; 1) | .linux.gidMappings = .linux.uidMappings'; do
		change "$user"
		# As root of a user namespace that may have none.
		run unshare -U -m -r --propagation private sh -c 'echo 0 >/proc/sys/user/max_net_namespaces && exec "$@"' - \
			"$DAVIT_OCI" --root "$R-user" run -b "$B" "$ID"
		fails
		expect "namespace"
		expect "no space left on device"
		[ -z "$(ls "$R-user" 2>/dev/null)" ]
	done
}

@test "the cgroup namespace starts at the container's cgroup" {
	bundle 'ns("cgroup")'
	in_container 'cut -d: -f3 /proc/self/cgroup | sort -u'
	is /
}
