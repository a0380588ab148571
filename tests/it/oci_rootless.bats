# davit-oci without the rights of root: as a throw-away user with ranges of ids, and as root of a user namespace.
load oci

USER_ID=54321

setup() {
	oci_setup
	bundle
	mkdir "$T/xdg"
	printf 'peer:100000:65536\n' >"$T/ids"
	{ cat /etc/passwd; printf 'peer:x:%d:%d::/tmp:/bin/sh\n' $USER_ID $USER_ID; } >"$T/passwd"
	rm -r "$B/rootfs"
	cp -a "$BATS_FILE_TMPDIR/rootfs" "$B/rootfs"
	chown -R $USER_ID:$USER_ID "$B" "$T/xdg"
	rm "$B/config.json"
	[ -e /etc/subuid ] && [ -e /etc/subgid ] || skip "no /etc/subuid"
	u spec --rootless -b "$B"
	change '.process.terminal = false'
}

# as_user COMMAND...: with the user's own /etc/subuid, in a mount namespace that ends with the command
as_user() {
	unshare -m --propagation private bash -c '
		for f in subuid subgid; do mount --bind "$1/ids" /etc/$f; done
		mount --bind "$1/passwd" /etc/passwd
		export XDG_RUNTIME_DIR=$1/xdg
		shift
		exec setpriv --reuid '$USER_ID' --regid '$USER_ID' --clear-groups --inh-caps=-all "$@"' - "$T" "$@"
}
u() { as_user timeout --foreground 30 "$DAVIT_OCI" "$@"; }
in_mine() {
	set_args sh -c "$1"
	run u run -b "$B" "$ID"
	output=$(grep -v '^warning: ' <<<"$output")
}
RANGES='.linux.uidMappings = map(0; 54321; 1) + map(1; 100000; 65536) | .linux.gidMappings = .linux.uidMappings'

@test "rootless: spec --rootless runs, with a warning about cgroups" {
	set_args sh -c 'id -u; cat /proc/self/uid_map /proc/self/setgroups; hostname; mount | grep -c cgroup; test -w /dev/null'
	run u run -b "$B" "$ID"
	succeeds
	expect "warning: no cgroup for the container"
	expect $'\ndeny\n'
	[[ $output =~ 0\ +54321\ +1 ]]
	[ ! -e "$T/xdg/davit-oci/$ID" ]
}

@test "rootless: create, start, exec, kill, delete; the state is in XDG_RUNTIME_DIR" {
	set_args probe wait
	u create -b "$B" --pid-file "$T/xdg/pid" "$ID" </dev/null >"$T/out" 2>&1
	[ -d "$T/xdg/davit-oci/$ID" ]
	[ "$(u state "$ID" | jq -r '.status, .owner')" = $'created\n54321' ]
	u start "$ID"
	run u exec "$ID" sh -c 'id -u; exit 6'
	fails 6
	is 0
	[ "$(u list -q)" = "$ID" ]
	# Without a cgroup, by the pid namespace.
	[ "$(u ps -f json "$ID")" = "[$(cat "$T/xdg/pid")]" ]
	[ "$(u ps "$ID" | wc -l)" = 2 ]
	run u pause "$ID"
	fails
	expect "cgroup"
	run u delete "$ID"
	fails
	u kill "$ID" KILL
	wait_for eval '[ "$(u state "$ID" | jq -r .status)" = stopped ]'
	u delete "$ID"
	[ ! -e "$T/xdg/davit-oci/$ID" ]
}

@test "rootless: ranges of ids by newuidmap and newgidmap" {
	command -v newuidmap || skip "no newuidmap"
	change "$RANGES | .root.readonly = false | .process.user.additionalGids = [7]
		| .process.capabilities[] += [\"CAP_CHOWN\"]"
	in_mine 'id -G; touch /x; chown 1000:1001 /x; ls -ln /x | cut -c15-40'
	succeeds
	expect "0 7"
	[ "$(stat -c %u:%g "$B/rootfs/x")" = 100999:101000 ]
	change "$RANGES | .linux.uidMappings[1].hostID = 200000"
	in_mine true
	fails
	expect "newuidmap: uid range"
}

@test "rootless: limits that were asked for cannot be had: an error; so is what else needs root" {
	while IFS='@' read -r filter want; do
		cp "$B/config.json" "$T/keep.json"
		change "$filter"
		in_mine true
		fails
		expect "$want"
		[ ! -e "$T/xdg/davit-oci/$ID" ]
		cp "$T/keep.json" "$B/config.json"
	done <<-'END'
		.linux.resources = {memory: {limit: 67108864}}@linux.resources.memory is asked for
		.linux.cgroupsPath = "/nowhere/x"@permission denied
		.process.user.additionalGids = [7]@set additional groups: operation not permitted
		.process.oomScoreAdj = -500@oom_score_adj: permission denied
		.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 9999999}]@set RLIMIT_NOFILE
		.linux.namespaces -= [{type: "user"}]@wants a user namespace
		.linux.sysctl = {"net.ipv4.ip_forward": "1"} | no_ns("network")@not allowed in the host's network namespace
		.linux.devices = [{path: "/dev/nowhere", type: "c", major: 1, minor: 5}]@/dev/nowhere: no such file or directory
		.root.path = "/root/none"@rootfs /root/none: permission denied
	END
}

@test "rootless: namespaces of its own: sysctl, time, seccomp, loopback" {
	change 'ns("network"; "") | .linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "12345"}'
	in_mine 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax; ip addr show lo | grep -c 127.0.0.1'
	is $'1\n12345\n1'
	change 'ns("time") | .linux.timeOffsets = {boottime: {secs: 1000000}}'
	in_mine 'cut -d. -f1 /proc/uptime'
	[ "$output" -gt 1000000 ]
	change '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_ERRNO"}]}'
	in_mine 'mkdir /dev/shm/x; grep Seccomp: /proc/self/status'
	expect "Operation not permitted"
	expect $'Seccomp:\t2'
}

@test "rootless: a terminal" {
	change '.process.terminal = true'
	set_args sh -c 'tty; test -c /dev/console; ls -ln /dev/pts/0; exit 3'
	export -f u as_user
	export T USER_ID DAVIT_OCI B ID
	run terminal 'u run -b "$B" "$ID"'
	fails 3
	expect /dev/pts/0
}

@test "--rootless true as root, and root of a user namespace" {
	configure '.root.readonly = false'
	in_container 'id -u'
	is 0
	set_args sh -c 'id -u; cat /proc/self/uid_map'
	run dv --rootless true run -b "$B" "$ID"
	succeeds
	change '.mounts[].options |= ((. // []) - ["gid=5"])'      # only one id is mapped
	set_args sh -c 'id -u'
	run unshare -U -m -r --propagation private "$DAVIT_OCI" --root "$R-user" run -b "$B" "$ID"
	[ "$(tail -n 1 <<<"$output")" = 0 ] || { echo "$output"; return 1; }
}

@test "root of a user namespace: the state is in XDG_RUNTIME_DIR, as runc and crun have it" {
	in_userns() { unshare -U -m -r --propagation private "$@"; }
	configure '.root.readonly = false | .mounts[].options |= ((. // []) - ["gid=5"])'
	mkdir "$T/run"
	in_userns env XDG_RUNTIME_DIR="$T/run" "$DAVIT_OCI" create -b "$B" "$ID" </dev/null >"$T/out" 2>&1
	[ -e "$T/run/davit-oci/$ID/state.json" ]
	[ "$(in_userns env XDG_RUNTIME_DIR="$T/run" "$DAVIT_OCI" list -q)" = "$ID" ]
	# The host's root has its own place, whatever is in its environment.
	run env XDG_RUNTIME_DIR="$T/run" "$DAVIT_OCI" list -q
	succeeds
	[[ "$output" != *"$ID"* ]]
	"$DAVIT_OCI" --root "$T/run/davit-oci" delete --force "$ID"
	[ ! -e "$T/run/davit-oci/$ID" ]
}
