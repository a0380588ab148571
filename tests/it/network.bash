# network.bash - for the bats files of networks: each runs in a network namespace of its own (meson does that;
# by hand: unshare -n bats tests/it/network.bats), so that neither the host's links nor other tests are touched.
#
#	load lib
#	load engine
#	load network

# Without it a test would change the host.
setup_file() {
	[ "$(readlink /proc/self/ns/net)" != "$(readlink /proc/1/ns/net)" ] ||
		skip "needs a network namespace of its own: unshare -n bats $BATS_TEST_FILENAME"
	ip link set lo up
}

setup() {
	export DAVIT_NETWORK=
	HELPERS=
	it_setup
	make_image bb
	echo 1 >/proc/sys/net/ipv4/ip_forward
}

# Nothing of a test is left for the next one. HELPERS: pids that end with it.
teardown() {
	local ids names
	ids=$(davit ps -aq --no-trunc 2>/dev/null) || true
	[ -z "$ids" ] || davit rm -f $ids >/dev/null 2>&1 || true
	[ ! -d "$T/run/pods" ] || davit pod rm -fa >/dev/null 2>&1 || true
	davit network prune -f >/dev/null 2>&1 || true
	kill $OUTSIDE $HELPERS 2>/dev/null || true
	wait_for -t 20 no_links || {
		ip -br link
		nft list ruleset
		it_teardown
		return 1
	}
	it_teardown
}

no_links() { [ "$(ip -o link | grep -cv ' lo:')" = 0 ] && [ "$(nft list tables)" = "" ]; }

# serve NAME TEXT FLAG...: a container that answers TEXT on port 80 by HTTP, in the background.
serve() {
	local name=$1 text=$2
	shift 2
	davit_background run --name "$name" "$@" bb sh -c "echo $text >/tmp/x; exec httpd -f -h /tmp -p 80"
	wait_for has_status "$name" running
	wait_for serves "$name"
}
serves() { [[ $(nsenter --net="/proc/$(pid_of "$1")/ns/net" ss -ltn) == *:80* ]]; }
# The first address of a container, in a network.
ip_of() { davit inspect -f "{{(index .NetworkSettings.Networks \"${2:-bridge}\").IPAddress}}" "$1"; }
get() { curl -s --max-time "${2:-10}" "http://$1/x"; }
# from CONTAINER COMMAND...: in its network namespace, with the host's programs.
from() {
	local pid
	pid=$(pid_of "$1")
	shift
	nsenter --net="/proc/$pid/ns/net" "$@"
}

# Another host: 192.0.2.2, while ours is 192.0.2.1. `outside COMMAND...` runs there.
make_outside() {
	unshare -n sleep 600 3>&- &
	OUTSIDE=$!
	wait_for other_netns "$OUTSIDE"
	ip link add up0 type veth peer name up1 netns "$OUTSIDE"
	ip addr add 192.0.2.1/24 dev up0
	ip link set up0 up
	outside ip addr add 192.0.2.2/24 dev up1
	outside ip link set up1 up
	outside ip link set lo up
}
other_netns() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
outside() { nsenter --net="/proc/$OUTSIDE/ns/net" "$@"; }
