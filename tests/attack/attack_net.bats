# Networks: what a container, or a machine on the host's links, tries against others; in a network namespace of its own
# (unshare -n bats tests/attack/attack_net.bats).
#
# "held" is davit as it is; "shown" is the same set-up after davit-weak has made the firewall's table anew with one defence
# left out.
bats_require_minimum_version 1.5.0
source "${BATS_TEST_FILENAME%/*}/../it/lib.bash"
source "${BATS_TEST_FILENAME%/*}/../it/engine.bash"
source "${BATS_TEST_FILENAME%/*}/../it/network.bash"

WEAK=$DAVIT_BUILD/tests/attack
FORGE=$DAVIT_SOURCE/tests/attack/forge.py

# without NAME: these defences off from now on.
without() { DAVIT_WEAK=$1 DAVIT_ENGINE=$WEAK/davit-weak davit network reload; }

box() { davit run -d --name "$1" "${@:2}" bb sleep 600 >/dev/null; }
# web NAME FLAG...: says its name by HTTP on port 80.
web() {
	davit run -d --name "$1" "${@:2}" bb sh -c "echo $1 >/tmp/x; exec httpd -f -h /tmp -p 80" >/dev/null
	wait_for serves "$1"
}
# fetch COMMAND... ADDRESS: what is at the address, as COMMAND (from NAME, outside) reaches it.
fetch() { "${@:1:$#-1}" curl -gs --max-time "$SECONDS_MAX" "http://${!#}/x"; }
SECONDS_MAX=10
# What must not be reached, tried for a second; afterwards with the defence off, it is.
unreached() { SECONDS_MAX=1 run fetch "$@"; [ "$status" != 0 ]; }

# forge NAME KIND KEY=VALUE...: a frame from the container's interface. On one processor: frames keep their order.
forge() { from "$1" taskset -c 0 python3 "$FORGE" "$2" eth0 "${@:3}"; }
# Not by `from`: the pid is to be that of the program.
# listen NAME: what comes to its port 7000 is in $T/NAME.heard, with the sender's address.
listen() {
	: >"$T/$1.heard"
	nsenter --net="/proc/$(pid_of "$1")/ns/net" python3 -c 'import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 7000))
print("ready", flush=True)
while True:
    text, who = s.recvfrom(2000)
    print(text.decode(), who[0].removeprefix("::ffff:"), flush=True)' >"$T/$1.heard" 3>&- &
	HELPERS+=" $!"
	wait_for grep -q ready "$T/$1.heard"
}
heard() { grep -q "$2" "$T/$1.heard"; }
# One for each line "genuine" so far, and then another one.
genuine() {
	local n
	n=$(grep -c genuine "$T/$1.heard") || true
	"${@:2}"
	wait_for eval '[ "$(grep -c genuine "$T/'"$1"'.heard")" -gt '"$n"' ]'
}
mac_of() { davit inspect -f "{{(index .NetworkSettings.Networks \"$2\").MacAddress}}" "$1"; }
ip6_of() { davit inspect -f "{{(index .NetworkSettings.Networks \"$2\").GlobalIPv6Address}}" "$1"; }
# What the container takes for the MAC of an address.
neighbour() { from "$1" ip neigh show "$2" | grep -o 'lladdr [0-9a-f:]*' | cut -d' ' -f2; }
takes_for() { [ "$(neighbour "$1" "$2")" = "$3" ]; }
meet() {	# NAME ADDRESS: it knows the address' MAC afterwards, and believes news at once
	from "$1" sh -c 'echo 0 >/proc/sys/net/ipv4/neigh/eth0/locktime; echo 0 >/proc/sys/net/ipv6/neigh/eth0/locktime 2>/dev/null'
	from "$1" busybox ping -c 1 -W 10 "$2" >/dev/null
}

# attack: net-isolate held shown
@test "a container of another network is not reached" {
	davit network create front
	davit network create --subnet 10.88.0.0/24 back
	web db --network back --ip 10.88.0.9
	box evil --network front
	unreached from evil 10.88.0.9
	without net-isolate
	[ "$(fetch from evil 10.88.0.9)" = db ]
}

# attack: net-internal held shown
@test "an internal network has no way out and no way in" {
	make_outside
	davit network create --internal --subnet 10.88.0.0/24 closed
	davit network create front
	web db --network closed --ip 10.88.0.9
	box evil --network front
	davit network create --subnet 10.89.0.0/24 -o isolate=false open
	box open --network open
	# A way that root in there could add.
	from db ip route add default via 10.88.0.1
	outside ip route add 10.88.0.0/24 via 192.0.2.1
	run ! from db busybox ping -c 1 -W 1 192.0.2.2
	unreached from evil 10.88.0.9
	unreached outside 10.88.0.9
	without net-internal,net-isolate,net-direct
	from db busybox ping -c 1 -W 10 192.0.2.2
	[ "$(fetch outside 10.88.0.9)" = db ]
}

# attack: net-icc held shown
@test "neighbours that shall not talk do not, whether the firewall sees bridged packets or not" {
	davit network create --subnet 10.88.0.0/24 -o com.docker.network.bridge.enable_icc=false quiet
	for seen in 1 0; do
		[ ! -e /proc/sys/net/bridge ] || echo $seen >/proc/sys/net/bridge/bridge-nf-call-iptables
		web db --network quiet --ip 10.88.0.9 -p 8080:80
		box evil --network quiet
		unreached from evil 10.88.0.9
		# what is published is there
		[ "$(fetch from evil 10.88.0.1:8080)" = db ]
		[ "$(get 10.88.0.9)" = db ]
		davit rm -f db evil
	done
	web db --network quiet --ip 10.88.0.9
	box evil --network quiet
	without net-icc
	[ "$(fetch from evil 10.88.0.9)" = db ]
}

# attack: net-direct held shown
@test "a machine beside the host does not reach containers by their addresses, whatever they publish on the loopback" {
	make_outside
	web db -p 127.0.0.1:8081:80
	address=$(ip_of db)
	outside ip route add "$address" via 192.0.2.1
	unreached outside "$address"
	# Each of the two holds by itself.
	without net-isolate
	unreached outside "$address"
	without net-direct
	unreached outside "$address"
	without net-direct,net-isolate
	[ "$(fetch outside "$address")" = db ]
}

# attack: 2020-8558 held shown
@test "services of the host's loopback are not reached where somebody routes loopback addresses" {
	make_outside
	box any
	echo 1 >/proc/sys/net/ipv4/conf/up0/route_localnet
	outside sh -c 'echo 1 >/proc/sys/net/ipv4/conf/up1/route_localnet; ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.1 via 192.0.2.1 src 192.0.2.2'
	mkdir "$T/www"
	echo secret >"$T/www/x"
	busybox httpd -f -p 127.0.0.1:7001 -h "$T/www" 3>&- &
	HELPERS+=" $!"
	wait_for eval 'ss -ltn | grep -q 127.0.0.1:7001'
	unreached outside 127.0.0.1:7001
	without net-loopback
	[ "$(fetch outside 127.0.0.1:7001)" = secret ]
}

# attack: net-host-address held shown
@test "a port published on one address of the host is not at its others" {
	make_outside
	ip addr add 198.51.100.1/32 dev lo
	outside ip route add 198.51.100.1 via 192.0.2.1
	web db -p 192.0.2.1:8081:80
	[ "$(fetch outside 192.0.2.1:8081)" = db ]
	unreached outside 198.51.100.1:8081
	without net-host-address
	[ "$(fetch outside 198.51.100.1:8081)" = db ]
	ip addr del 198.51.100.1/32 dev lo
}

# attack: net-proxy held shown
@test "a port published on the loopback is there only: not outside, not in containers" {
	mkdir "$T/bin"
	cp "$DAVIT_BUILD"/davit "$DAVIT_BUILD"/davit-monitor "$T/bin/"
	cp "$WEAK/davit-netd-weak" "$T/bin/davit-netd"
	export DAVIT_ENGINE=$T/bin/davit
	make_outside
	web db -p 127.0.0.1:8081:80
	box evil
	[ "$(get 127.0.0.1:8081)" = db ]
	unreached outside 192.0.2.1:8081
	unreached from evil 172.24.0.1:8081
	davit rm -f db
	wait_for eval '! pgrep -f "davit-netd serve --root $T/root"'
	export DAVIT_WEAK=net-proxy
	web db -p 127.0.0.1:8081:80
	[ "$(fetch outside 192.0.2.1:8081)" = db ]
	[ "$(fetch from evil 172.24.0.1:8081)" = db ]
}

# attack: net-router held shown
@test "the host does not become a router between links that it had before" {
	echo 0 >/proc/sys/net/ipv4/ip_forward
	make_outside
	unshare -n sleep 600 3>&- &
	FAR=$!
	HELPERS+=" $FAR"
	wait_for other_netns "$FAR"
	ip link add up2 type veth peer name up3 netns "$FAR"
	ip addr add 198.51.100.1/24 dev up2
	ip link set up2 up
	nsenter --net="/proc/$FAR/ns/net" sh -c 'ip addr add 198.51.100.2/24 dev up3; ip link set up3 up; ip route add default via 198.51.100.1'
	outside ip route add 198.51.100.0/24 via 192.0.2.1
	box any
	[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
	run ! outside busybox ping -c 1 -W 1 198.51.100.2
	without net-router
	outside busybox ping -c 1 -W 10 198.51.100.2
}

# attack: net-names held shown
@test "names of a network are not told to those who are not in it" {
	make_outside
	davit network create --subnet 10.88.0.0/24 back
	davit network create front
	box db --network back --ip 10.88.0.9
	box evil --network front
	outside ip route add 10.88.0.1 via 192.0.2.1
	ask() { timeout "$1" "${@:2}" python3 "$DAVIT_SOURCE/tests/it/dns_ask.py" 10.88.0.1 db; }
	[ "$(ask 20 nsenter --net=/proc/self/ns/net)" = 10.88.0.9 ]
	run ask 1 nsenter --net="/proc/$(pid_of evil)/ns/net"
	[ "$output" = "" ]
	run ask 1 nsenter --net="/proc/$OUTSIDE/ns/net"
	[ "$output" = "" ]
	run timeout 1 nsenter --net="/proc/$(pid_of evil)/ns/net" python3 "$DAVIT_SOURCE/tests/it/dns_ask.py" +tcp 10.88.0.1 db
	[ "$output" = "" ]
	without net-names
	[ "$(ask 20 nsenter --net="/proc/$(pid_of evil)/ns/net")" = 10.88.0.9 ]
	[ "$(ask 20 nsenter --net="/proc/$OUTSIDE/ns/net")" = 10.88.0.9 ]
}

# attack: net-control held
@test "davit-netd has nothing that a container could talk to but the ports of its networks" {
	davit network create --subnet 10.88.0.0/24 back
	web db --network back -p 8080:80
	box evil --network back
	local pid
	pid=$(pgrep -f "davit-netd serve --root $T/root")
	# No socket with a name, none that listens on every address.
	run -0 ss -xlpH
	[[ $output != *"pid=$pid,"* ]]
	run -0 ss -tulpnH
	[[ $output == *"pid=$pid,"* && $output == *10.88.0.1:53* ]]
	run ! eval "ss -tulpnH | grep -F 'pid=$pid,' | grep -E '(0\.0\.0\.0|\[::\]|\*):[0-9]+ '"
	# What it is told lies where only its user can write, and not in the container.
	[ "$(stat -c '%a %u' "$T/run/netd/names")" = "711 0" ]
	run davit exec evil ls "$T/run/netd"
	[ "$status" != 0 ]
}

# attack: net-spoof4 held shown
@test "a container does not answer in the name server's place, nor send from any other address" {
	davit network create --subnet 10.88.0.0/24 one
	box victim --network one --ip 10.88.0.9
	box evil --network one
	listen victim
	to=$(mac_of victim one)
	forged() { forge evil udp "src=$1" dst=10.88.0.9 "sport=$2" dport=7000 text=forged "to=$to" then=10.88.0.9; }
	genuine victim forged 10.88.0.1 53
	genuine victim forged 192.0.2.66 9
	! heard victim forged
	without net-ipv4
	forged 10.88.0.1 53
	wait_for heard victim "forged 10.88.0.1"
	forged 192.0.2.66 9
	wait_for heard victim "forged 192.0.2.66"
}

# attack: net-spoof-mac held shown
@test "a container does not get frames for a neighbour's MAC" {
	davit network create --subnet 10.88.0.0/24 one
	box victim --network one --ip 10.88.0.9
	box evil --network one --ip 10.88.0.66
	listen victim
	mac=$(mac_of victim one)
	bridge=$(ip -4 -o addr | awk '/10.88.0.1\// { print $2 }')
	where() { bridge fdb show br "$bridge" | awk -v m="$mac" '$1 == m { print $3 }'; }
	meet victim 10.88.0.66
	home=$(where)
	[ -n "$home" ]
	forged() { forge evil udp "as=$mac" src=10.88.0.66 dst=10.88.0.1 sport=9 dport=9 text=x then=10.88.0.9; }
	genuine victim forged
	[ "$(where)" = "$home" ]
	without net-ipv4
	forged
	wait_for eval '[ "$(where)" != '"$home"' ]'
}

# attack: net-spoof6 held shown
@test "a container does not send from a neighbour's IPv6 address" {
	davit network create --ipv6 --subnet fd88::/64 six
	box victim --network six --ip6 fd88::9
	box evil --network six
	listen victim
	forged() { forge evil udp src=fd88::77 dst=fd88::9 sport=9 dport=7000 text=forged "to=$(mac_of victim six)" then=fd88::9; }
	genuine victim forged
	! heard victim forged
	without net-ipv6
	forged
	wait_for heard victim "forged fd88::77"
}

# attack: net-arp held shown
@test "a container does not claim the gateway's address by ARP" {
	davit network create --subnet 10.88.0.0/24 one
	box victim --network one --ip 10.88.0.9
	box evil --network one
	listen victim
	meet victim 10.88.0.1
	gate=$(neighbour victim 10.88.0.1)
	mine=$(mac_of evil one)
	forged() { forge evil arp "mac=$mine" ip=10.88.0.1 then=10.88.0.9; }
	genuine victim forged
	takes_for victim 10.88.0.1 "$gate"
	without net-arp
	forged
	wait_for takes_for victim 10.88.0.1 "$mine"
}

# attack: net-neighbour held shown
@test "a container does not claim a neighbour's address by IPv6's discovery" {
	davit network create --ipv6 --subnet fd88::/64 six
	box victim --network six --ip6 fd88::9
	box db --network six --ip6 fd88::5
	box evil --network six --ip6 fd88::66
	listen victim
	meet victim fd88::5
	mine=$(mac_of evil six)
	forged() { forge evil na src=fd88::66 dst=fd88::9 target=fd88::5 "mac=$mine" "to=$(mac_of victim six)" then=fd88::9; }
	genuine victim forged
	takes_for victim fd88::5 "$(mac_of db six)"
	without net-neighbour
	forged
	wait_for takes_for victim fd88::5 "$mine"
}

# attack: 2020-10749 held shown
@test "a container is no router to its neighbours" {
	davit network create --ipv6 --subnet fd88::/64 six
	box victim --network six --ip6 fd88::9
	box evil --network six
	listen victim
	from victim sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_ra'
	routed() { from victim ip -6 route | grep -q '^fd66::'; }
	forged() { forge evil ra prefix=fd66:: then=fd88::9; }
	genuine victim forged
	! routed
	without net-advert
	forged
	wait_for routed
}

# attack: net-frames held shown
@test "frames that are neither IP nor ARP stay with their sender" {
	davit network create --subnet 10.88.0.0/24 one
	box victim --network one --ip 10.88.0.9
	box evil --network one
	listen victim
	nsenter --net="/proc/$(pid_of victim)/ns/net" python3 "$FORGE" hear eth0 type=88b5 >"$T/frames" 3>&- &
	HELPERS+=" $!"
	wait_for grep -q ready "$T/frames"
	forged() { forge evil frame type=88b5 text=forged then=10.88.0.9; }
	genuine victim forged
	! grep -q forged "$T/frames"
	without net-frames
	forged
	wait_for grep -q forged "$T/frames"
}
