# linux.netDevices: interfaces move into the container. The "host" is a network namespace of the test's own.
load oci

# in_net COMMAND...: in the test's network namespace.
in_net() { nsenter --net="/proc/$KEEPER/ns/net" "$@"; }
run_net() { run in_net "$DAVIT_OCI" --root "$R" run -b "$B" "$ID"; }

setup() {
	oci_setup
	keep_namespaces --net
	in_net ip link add v0 type veth peer name v1
	in_net ip addr add 10.1.2.3/24 dev v0
	in_net ip addr add 10.1.2.4/32 dev v0
	in_net ip -6 addr add fd00::7/64 dev v0 nodad
	in_net ip link set v0 mtu 1400 address 02:00:00:00:00:07 up
	in_net ip link set v1 up
	bundle
}

teardown() {
	release_namespaces
	oci_teardown
}

# spec: linux.netDevices
@test "an interface moves with its addresses, address and mtu, is renamed and up" {
	change '.linux.netDevices = {v0: {name: "eth0"}}'
	set_args sh -c 'ls /sys/class/net; cat /sys/class/net/eth0/mtu /sys/class/net/eth0/address; ip -o addr show dev eth0; ip link show eth0'
	run_net
	succeeds
	expect $'eth0\nlo\n1400\n02:00:00:00:00:07'
	expect 'inet 10.1.2.3/24'
	expect 'inet 10.1.2.4/32'
	expect 'inet6 fd00::7/64'
	expect 'UP'
}

@test "without a name it keeps its own; two at once; into a joined namespace, too" {
	change '.linux.netDevices = {v0: {}, v1: {name: "other"}}'
	set_args sh -c 'ls /sys/class/net | xargs; ip -o -4 addr show dev v0'
	run_net
	expect 'lo other v0'
	expect 10.1.2.3/24
	in_net ip link add w0 type veth peer name w1
	local first=$KEEPER
	keep_namespaces --net
	change ".linux.netDevices = {w0: {name: \"e0\"}} | ns(\"network\"; \"/proc/$KEEPER/ns/net\")"
	set_args sh -c 'ls /sys/class/net | xargs'
	run nsenter --net="/proc/$first/ns/net" "$DAVIT_OCI" --root "$R" run -b "$B" "$ID"
	release_namespaces
	KEEPER=$first
	expect 'e0 lo'
}

@test "a moved interface can have its sysctls set" {
	change '.linux.netDevices = {v0: {name: "eth0"}} | .linux.sysctl = {"net.ipv4.conf.eth0.forwarding": "1"}'
	set_args cat /proc/sys/net/ipv4/conf/eth0/forwarding
	run_net
	is 1
}

@test "what cannot be moved is named, and nothing is left" {
	while IFS='@' read -r filter want; do
		configure "$filter"
		run_net
		fails 1
		expect "$want"
		[ -z "$(ls "$R" 2>/dev/null)" ]
	done <<-'EOF'
		.linux.netDevices = {nosuch: {}}@interface nosuch: no such file or directory
		.linux.netDevices = {v0: {name: "lo"}}@interface v0
		.linux.netDevices = {v0: {name: "a/b"}}@linux.netDevices.v0.name
		.linux.netDevices = {v0: {name: "much-too-long-name"}}@linux.netDevices.v0.name
		.linux.netDevices = {v0: "x"}@linux.netDevices
		.linux.netDevices = {v0: {}} | no_ns("network")@linux.netDevices: wants a network namespace
	EOF
	in_net ip -o addr show dev v0 | grep -q 10.1.2.3
}
