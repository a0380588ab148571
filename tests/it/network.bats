# Networks of containers: addresses, ports, names of the verbs, what is left.
load lib
load engine
load network

@test "a container has an address, a way out and a name for the host" {
	run -0 davit run --rm bb sh -c 'ip -4 -o addr show eth0; ip route; cat /etc/hosts'
	[[ $output == *"inet 172.24.0.2/16"* && $output == *"default via 172.24.0.1 dev eth0"* ]]
	[[ $output == *"172.24.0.2"$'\t'* && $output == *"172.24.0.1"$'\t'"host.docker.internal"* ]]
	run -0 davit run --rm bb sh -c 'ip -6 addr show eth0'
	[ "$output" = "" ]
	run -0 davit run --rm --network none bb sh -c 'ip -o link | wc -l'
	[ "$output" = 1 ]
	run -0 davit run --rm --network host bb readlink /proc/self/ns/net
	[ "$output" = "$(readlink /proc/self/ns/net)" ]
}

# flag: run --publish
@test "a published port: from the host, from outside, from a neighbour; docker's words for it" {
	make_outside
	serve web hello -p 8080:80 -p 192.0.2.1:8081:80 -p 53:53/udp
	[ "$(get 192.0.2.1:8080)" = hello ]
	[ "$(outside curl -s --max-time 10 192.0.2.1:8080/x)" = hello ]
	[ "$(outside curl -s --max-time 10 "192.0.2.1:8081/x")" = hello ]
	serve other there
	[ "$(from other curl -s --max-time 10 "192.0.2.1:8080/x")" = hello ]
	[ "$(from web curl -s --max-time 10 "192.0.2.1:8080/x")" = hello ]
	[ "$(from other curl -s --max-time 10 "http://$(ip_of web)/x")" = hello ]
	[ "$(davit port web)" = "$(printf '53/udp -> 0.0.0.0:53\n80/tcp -> 0.0.0.0:8080\n80/tcp -> 192.0.2.1:8081')" ]
	[ "$(davit port web 53/udp)" = 0.0.0.0:53 ]
	run -1 davit port web 81
	[[ $output == *"No public port '81/tcp'"* ]]
	[ "$(davit inspect -f '{{(index (index .NetworkSettings.Ports "53/udp") 0).HostPort}}' web)" = 53 ]
	[ "$(davit inspect -f '{{.HostConfig.NetworkMode}}' web)" = bridge ]
}

@test "a link that the last start left is no obstacle for the next" {
	run -0 davit run -d --name web bb sleep 1000
	link=$(ip -o link show type veth | sed -n 's/^[0-9]*: \([^@]*\)@.*/\1/p')
	index=$(ip -o link show "$link" | cut -d : -f 1)
	run -0 davit stop -t 0 web
	wait_for eval "! ip link show $link"
	ip link add "$link" index "$index" type veth peer name left
	run -0 davit start web
	run ! ip link show left
	for round in 1 2 3; do
		run -0 davit restart -t 0 web
	done
}

@test "a bridge that somebody removed under containers comes back with the next start, or reload" {
	run -0 davit network create front
	for name in one two; do
		run -0 davit run -d --name $name --network front bb sh -c "echo $name >/tmp/x; exec httpd -f -h /tmp -p 80"
	done
	reaches() { [ "$(from "$1" curl -s --max-time 2 "http://$(ip_of "$2" front)/x")" = "$2" ]; }
	wait_for reaches one two
	bridge=$(davit network inspect -f '{{.NetworkInterface}}' front)
	ip link del "$bridge"
	run ! reaches one two
	run -0 davit network reload --all
	wait_for reaches one two
	ip link del "$bridge"
	run -0 davit restart -t 0 one
	wait_for reaches one two
	wait_for reaches two one
	wait_for davit exec one nslookup -type=a two
	run -1 davit network rm front
	[[ $output == *"has active endpoints"* ]]
	run -0 davit network rm -f front
	run ! ip link show "$bridge"
	run -0 davit exec one ip -o link
	[[ $output != *eth0* ]]
}

@test "the way out is masqueraded, and stays when the host was no router before" {
	echo 0 >/proc/sys/net/ipv4/ip_forward
	make_outside
	outside python3 -c '
import socket
s = socket.create_server(("192.0.2.2", 7000))
print("ready", flush=True)
c, a = s.accept()
c.sendall(a[0].encode())' >"$T/server" 3>&- &
	wait_for grep -q ready "$T/server"
	run -0 davit run --rm bb sh -c 'nc 192.0.2.2 7000 </dev/null'
	[ "$output" = 192.0.2.1 ]
	# from one link of the host to another it is none still
	nft list set inet "$(nft list tables inet | cut -d' ' -f3)" uplinks | grep -q '"up0"'
}

@test "a port that is taken is told, and nothing is left of the container" {
	serve web hello -p 8080:80
	run -125 davit run --rm -p 8080:80 bb true
	[[ $output == *"Bind for 0.0.0.0:8080 failed: port is already allocated"* ]]
	run -125 davit run --rm -p 127.0.0.1:8080:80 bb true
	python3 -c 'import socket, time; s = socket.create_server(("", 8099)); print("ready", flush=True); time.sleep(60)' \
		>"$T/server" 3>&- &
	server=$!
	wait_for grep -q ready "$T/server"
	run -125 davit run --rm -p 8099:80 bb true
	[[ $output == *"Bind for 0.0.0.0:8099 failed: port is already allocated"* ]]
	kill "$server"
	run -0 davit run --rm -p 80 -p 8000-8003:90-93 -p 9000-9005:100/udp --name many bb true
	run -125 davit run --rm -p 192.0.2.77:80:80 bb true
	[[ $output == *"cannot assign requested address"* ]]
	davit rm -f web
	wait "$run_pid" || true
	run -0 davit run --rm -p 8080:80 bb true
	[ "$(davit ps -aq)" = "" ]
}

# taken KIND PORT: nobody gets the port, whatever sockets are told to share.
taken() {
	python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM)
for option in [] if len(sys.argv) < 4 else [socket.SO_REUSEADDR, socket.SO_REUSEPORT]:
    s.setsockopt(socket.SOL_SOCKET, option, 1)
try:
    s.bind(("0.0.0.0", int(sys.argv[2])))
    s.listen() if sys.argv[1] == "tcp" else None
except OSError as e:
    sys.exit(0 if e.errno == 98 else 2)
sys.exit(1)' "$@"
}

@test "ports are held as long as the container lives, from programs and from other roots" {
	local proto two ok
	davit run -d --name web -p 8080:80 -p 5353:53/udp -p 9000-9299:9000-9299 bb sleep 600
	for proto in 'tcp 8080' 'udp 5353' 'tcp 9000' 'tcp 9299'; do
		taken $proto
		taken $proto share
	done
	two="$DAVIT_BUILD/davit --root $T/root2 --runroot $T/run2"
	davit save bb >"$T/bb.tar"
	$two load -q -i "$T/bb.tar"
	for proto in 8080:80 127.0.0.1:8080:80 5353:1/udp; do
		run -125 $two run --rm -p $proto bb true
		[[ $output == *"failed: port is already allocated"* ]]
	done
	run -0 $two run --rm -p 8080:1/udp bb true
	$two network prune -f
	# Its monitor killed, the next one holds them again.
	kill -9 "$(monitor_pid web)"
	davit ps >/dev/null
	taken tcp 8080 share
	taken udp 5353
	davit rm -f web
	! taken tcp 8080
	! taken udp 5353
}
monitor_pid() {
	local inode
	inode=$(stat -c %i "$T/run/containers/$(id_of "$1")/monitor")
	awk -v i=":$inode" '$2 == "POSIX" && substr($6, length($6) - length(i) + 1) == i { print $5 }' /proc/locks
}

@test "a container that ends by itself gives back all that it had, without a command" {
	davit network create --subnet 10.77.0.0/24 one
	davit run -d --name keeper --network one bb sleep 600
	davit run -d --name web --network one --ip 10.77.0.9 --network-alias store -p 8080:80 -p 5353:53/udp bb sleep 600
	record=$T/run/netd/names/$(davit network inspect -f '{{.Id}}' one).$(id_of web).ctr
	[ -e "$record" ]
	nft list ruleset | grep -q '8080 : 10.77.0.9 . 80'
	nft list ruleset | grep -q '10.77.0.9 }\|10.77.0.9,'
	kill -9 "$(pid_of web)"
	wait_for eval '[ ! -e '"$record"' ]'
	wait_for eval '! nft list ruleset | grep -q 10.77.0.9'
	wait_for eval '! taken tcp 8080'
	wait_for eval '! taken udp 5353'
	wait_for eval '[ "$(ip -o link | grep -c " dv")" = 1 ]'
	# The rows are behind, and nobody sees that.
	davit run -d --name next --network one --ip 10.77.0.9 -p 8080:80 -p 5353:53/udp bb sleep 600
	nft list ruleset | grep -q '8080 : 10.77.0.9 . 80'
	[ "$(davit ps -a --filter name=web --format '{{.State}} {{.Ports}}')" = "exited " ]
	nft list ruleset | grep -q '8080 : 10.77.0.9 . 80'
	# What was connected and disconnected while it ran is known.
	davit network create --subnet 10.78.0.0/24 two
	davit network connect --ip 10.78.0.9 two next
	davit network disconnect one next
	kill -9 "$(pid_of next)"
	wait_for eval '! nft list ruleset | grep -q "10.78.0.9"'
	wait_for eval '! taken tcp 8080'
}

@test "a container that is started again keeps its ports in between" {
	davit run -d --name web --restart always -p 8080:80 bb sleep 600
	first=$(pid_of web)
	kill -9 "$first"
	other() { [ "$(pid_of web)" != "$first" ] && [ "$(pid_of web)" != 0 ]; }
	taken tcp 8080 share
	wait_for other
	taken tcp 8080 share
	nft list ruleset | grep -q '8080 : 172.24.0.2 . 80'
	davit stop -t 0 web
	! taken tcp 8080
}

@test "explain: the way of a packet to a port, and what is in the way" {
	davit run -d --name web -p 8080:80 -p 5353:53/udp bb sh -c 'echo hello >/tmp/x; exec httpd -f -h /tmp -p 80'
	wait_for serves web
	run -0 davit network explain 8080
	[[ $output == "tcp port 8080 of all addresses is published by container web ("*" as its port 80, in network bridge."* ]]
	[[ $output == *"any address of this host becomes 172.24.0.2 port 80 (DNAT)"* && $output == *"From this host, to 127.0.0.1:"* ]]
	[[ $output == *"ok     container web"*"a program listens on tcp port 80"* && $output != *"NOT SO"* ]]
	# The rules that it names are there.
	nft list map inet "$(nft list tables inet | cut -d' ' -f3)" any4 | grep -q '8080 : 172.24.0.2 . 80'
	nft list ruleset | grep -q '"published ports"'
	run -1 davit network explain 5353/udp
	[[ $output == *"NOT SO container web"*"a program listens on udp port 53"* ]]
	run -0 davit network explain 8080 -o json
	jq -e '.Port == 8080 and .Protocol == "tcp" and (.Published | length) == 1 and .Published[0].Container == "web" and
		(.Published[0].Paths | length) == 3 and ([.Published[0].Paths[].Steps[].Ok] | all)' <<<"$output"
	# What could be in the way is named.
	nft add table ip other
	nft add chain ip other shut '{ type filter hook forward priority 5; policy drop; }'
	in_front() { [[ $(davit network explain 8080) == *"ok     nftables: table ip other, chain shut"* ]]; }
	wait_for in_front
	nft delete table ip other
	echo 0 >/proc/sys/net/ipv4/ip_forward
	run -1 davit network explain 8080
	[[ $output == *"NOT SO kernel: routing"* ]]
	echo 1 >/proc/sys/net/ipv4/ip_forward
	nft flush map inet "$(nft list tables inet | cut -d' ' -f3)" any4
	run -1 davit network explain 8080
	[[ $output == *"NOT SO nftables: table inet davit-"*"map any4"* ]]
	davit network reload
	run -0 davit network explain 8080
	# Ports that are nobody's, and a program's.
	run -1 davit network explain 8099
	[[ $output == *"No container publishes tcp port 8099"*"No program of this host has it either"* ]]
	: >"$T/server"
	python3 -c 'import socket, time; s = socket.create_server(("", 8099)); print("ready", flush=True); time.sleep(60)' \
		>"$T/server" 3>&- &
	HELPERS+=" $!"
	wait_for grep -q ready "$T/server"
	run -1 davit network explain 8099
	[[ $output == *"A program of this host has it"* ]]
	for bad in 0 70000 x 80/sctp 80/; do
		run -1 davit network explain $bad
		[[ $output == davit:* ]]
	done
	run -1 davit network explain 80 -o yaml
	[[ $output == *"neither text nor json"* ]]
}

# echo_udp NAME PORT: in the container's network: answers each datagram with the container's name.
echo_udp() {
	: >"$T/$1.udp"
	nsenter --net="/proc/$(pid_of "$1")/ns/net" python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", int(sys.argv[2])))
print("ready", flush=True)
while True:
    text, who = s.recvfrom(70000)
    s.sendto(sys.argv[1].encode() + b" " + text[:60000], who)' "$1" "$2" >"$T/$1.udp" 3>&- &
	HELPERS+=" $!"
	wait_for grep -q ready "$T/$1.udp"
}
# ask_udp ADDRESS PORT TEXT [FROM]: what comes back within some seconds.
ask_udp() {
	python3 -c 'import socket, sys
address, port, text = sys.argv[1:4]
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
if len(sys.argv) > 4:
    s.bind(("", int(sys.argv[4])))
s.connect((address, int(port)))
for _ in range(20):
    s.settimeout(0.5)
    try:
        s.send(text.encode())
        print(s.recv(70000).decode())
        break
    except OSError:
        pass' "$@"
}

@test "a UDP port that is another container's now: clients that went on sending find the new one" {
	make_outside
	davit run -d --name one -p 5353:53/udp bb sleep 600
	echo_udp one 53
	[ "$(outside bash -c "$(declare -f ask_udp); ask_udp 192.0.2.1 5353 x 4000")" = "one x" ]
	davit run -d --name two bb sleep 600
	echo_udp two 53
	kill -9 "$(pid_of one)"
	wait_for eval '! taken udp 5353'
	davit rm -f two
	davit run -d --name two -p 5353:53/udp bb sleep 600
	echo_udp two 53
	[ "$(outside bash -c "$(declare -f ask_udp); ask_udp 192.0.2.1 5353 x 4000")" = "two x" ]
	# A program of the host has it next.
	davit rm -f two
	outside bash -c "$(declare -f ask_udp); ask_udp 192.0.2.1 5353 x 4000" >"$T/answer" 3>&- &
	HELPERS+=" $!"
	python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 5353))
text, who = s.recvfrom(100)
s.sendto(b"host " + text, who)'
	wait_for grep -q "host x" "$T/answer"
}

@test "UDP and IPv6 on the loopback" {
	davit run -d --name web -p 8080:80 -p 5353:53/udp -p 127.0.0.1:5354:53/udp bb sh -c 'echo hello >/tmp/x; exec httpd -f -h /tmp -p 80'
	wait_for serves web
	echo_udp web 53
	[ "$(get 127.0.0.1:8080)" = hello ]
	[ "$(curl -gs --max-time 10 'http://[::1]:8080/x')" = hello ]
	for at in 127.0.0.1 ::1; do
		[ "$(ask_udp $at 5353 "by $at")" = "web by $at" ]
	done
	[ "$(ask_udp 127.0.0.1 5354 more)" = "web more" ]
	# Each client has its own answers, and large ones come whole.
	for n in 1 2 3 4 5 6 7 8; do
		[ "$(ask_udp 127.0.0.1 5353 "client $n")" = "web client $n" ]
	done
	long=$(printf '%020000d' 7)
	[ "$(ask_udp 127.0.0.1 5353 "$long")" = "web $long" ]
	davit network create --ipv6 --subnet fd88::/64 six
	davit run -d --name both --network six -p 8082:80 -p 5355:53/udp bb sh -c 'echo six >/tmp/x; exec httpd -f -h /tmp -p 80'
	wait_for serves both
	echo_udp both 53
	[ "$(curl -gs --max-time 10 'http://[::1]:8082/x')" = six ]
	[ "$(ask_udp ::1 5355 x)" = "both x" ]
	davit rm -f web
	wait_for eval '! curl -gs --max-time 5 "http://[::1]:8080/x"'
	wait_for eval '! ss -ulnH | grep -q ":535[34] "'
}

@test "a kernel without nf_tables: said in words, and the networks that need none work" {
	# A kernel whose netlink has no netfilter, as a program sees it.
	lacking() {
		python3 -c 'import ctypes, errno, os, struct, sys
steps = [(0x20, 0, 0, 0), (0x15, 0, 5, 41), (0x20, 0, 0, 16), (0x15, 0, 3, 16), (0x20, 0, 0, 32), (0x15, 0, 1, 12),
         (0x06, 0, 0, 0x50000 | errno.EPROTONOSUPPORT), (0x06, 0, 0, 0x7fff0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *s) for s in steps))
prog = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(22, 2, ctypes.byref(prog), 0, 0):
    sys.exit("no filter: " + os.strerror(ctypes.get_errno()))
os.execv(sys.argv[1], sys.argv[1:])' "$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" "$@"
	}
	[ "$(uname -m)" = x86_64 ] || skip "the filter knows numbers of x86-64 only"
	run -125 lacking run --rm bb true
	[[ $output == *"this kernel has no nf_tables"*"--network host and none work" ]]
	run -0 lacking run --rm --network none bb echo fine
	[ "$output" = fine ]
	[ "$(davit ps -aq)" = "" ]
}

@test "words that are none are told before anything is made" {
	for flags in '-p 0:80' '-p 1:2:3:4' '-p 80/sctp' '-p 70000:80' '-p 8000-8001:80-85' '-p x:80' '-p 1.2.3:80:80' '--expose x' \
		'--ip 10.0.0.1.2' '--mac-address zz' '--network a/b' '--network container:' '--add-host x' '--add-host a:b' '--dns x' \
		'--network none --network bridge' '--network none --ip 10.0.0.9' '--network bridge:what=1'; do
		run -125 davit run --rm $flags bb true
	done
	run -125 davit run --rm --network nosuch bb true
	[[ $output == *"network nosuch not found"* ]]
	[ "$(davit ps -aq)" = "" ]
}

# flag: run --add-host
# flag: run --dns
# flag: run --dns-search
# flag: run --dns-opt
@test "names: --add-host, --dns and the others are in the container's files" {
	run -0 davit run --rm --add-host one:192.0.2.7 --add-host gate:host-gateway --dns 192.0.2.53 --dns-search a.test \
		--dns-opt ndots:3 bb cat /etc/hosts /etc/resolv.conf
	[[ $output == *$'192.0.2.7\tone'* && $output == *$'172.24.0.1\tgate'* ]]
	[[ $output == *"nameserver 192.0.2.53"* && $output == *"search a.test"* && $output == *"options ndots:3"* ]]
	[ "$(grep -c nameserver <<<"$output")" = 1 ]
}

@test "create, ls, inspect, rm, prune" {
	run -0 davit network create --subnet 10.77.0.0/24 --gateway 10.77.0.254 --ip-range 10.77.0.128/25 -o mtu=1400 --label a=b one
	[ "$output" = one ]
	run -1 davit network create one
	[[ $output == *"already exists"* ]]
	run -0 davit network create --ignore one
	run -0 davit network create --internal --ipv6 two
	run -1 davit network create --subnet 10.77.0.128/25 three
	[[ $output == *"is used"* ]]
	for flags in '--subnet x' '--subnet 10.0.0.0/33' '--subnet 10.9.0.0/24 --gateway 10.8.0.1' '-o what=1' '-d overlay' \
		'--subnet 10.9.0.0/24 --ip-range 10.8.0.0/25' '-o mtu=12'; do
		run -1 davit network create $flags bad
	done
	run -1 davit network create host
	[ "$(davit network ls --format '{{.Name}} {{.Driver}}')" = "$(printf 'bridge bridge\none bridge\ntwo bridge\nhost host\nnone null')" ]
	[ "$(davit network ls -f label=a=b --format '{{.Name}}')" = one ]
	[ "$(davit network inspect -f '{{range .IPAM.Config}}{{.Subnet}} {{.Gateway}}{{end}}' one)" = "10.77.0.0/24 10.77.0.254" ]
	run -0 davit run --rm --network one bb sh -c 'ip -4 -o addr show eth0; ip route; cat /sys/class/net/eth0/mtu'
	[[ $output == *"inet 10.77.0.128/24"* && $output == *"via 10.77.0.254"* && $output == *1400 ]]
	run -0 davit network prune -f
	[ "$output" = "$(printf 'Deleted Networks:\none\ntwo')" ]
	run -1 davit network rm bridge
	[[ $output == *"pre-defined"* ]]
	run -1 davit network inspect one
	[[ $output == *"network one not found"* ]]
}

@test "static addresses, a MAC, several networks, and one who has the address already" {
	davit network create --subnet 10.77.0.0/24 one
	davit network create --subnet 10.78.0.0/24 --subnet fd78::/64 two
	run -0 davit run --rm --network one:ip=10.77.0.9,mac=02:00:00:00:00:09 --network two:ip6=fd78::9 bb ip -o addr
	[[ $output == *"eth0    inet 10.77.0.9/24"* && $output == *"eth1    inet 10.78.0.2/24"* && $output == *"inet6 fd78::9/64"* ]]
	serve web hello --network one --ip 10.77.0.9
	run -125 davit run --rm --network one --ip 10.77.0.9 bb true
	[[ $output == *"Address already in use"* ]]
	run -125 davit run --rm --network one --ip 10.99.0.9 bb true
	[[ $output == *"not in a subnet"* ]]
	run -1 davit network rm one
	[[ $output == *"active endpoints"* ]]
	# the last address is given again as late as can be
	run -0 davit run --rm --network one bb ip -4 -o addr show eth0
	first=$output
	run -0 davit run --rm --network one bb ip -4 -o addr show eth0
	[ "$output" != "$first" ]
}

@test "a pool without a free address says so" {
	davit network create --subnet 10.77.0.0/30 small
	serve web hello --network small
	run -125 davit run --rm --network small bb true
	[[ $output == *"no address of network small is free"* ]]
	davit rm -f web
	run -0 davit run --rm --network small bb true
}

@test "connect and disconnect a container that runs" {
	davit network create --subnet 10.77.0.0/24 one
	serve web hello
	davit network connect --ip 10.77.0.7 one web
	[ "$(ip_of web one)" = 10.77.0.7 ]
	[ "$(get 10.77.0.7)" = hello ]
	run -1 davit network connect one web
	[[ $output == *"already exists"* ]]
	davit network disconnect one web
	run -28 curl -s --max-time 1 "10.77.0.7/x"
	[ "$(get "$(ip_of web)")" = hello ]
	run -1 davit network disconnect one web
	[[ $output == *"is not connected"* ]]
	gone() { [ "$(from web ip -o link | grep -c eth1)" = 0 ]; }
	wait_for gone
}

# flag: run --expose
# flag: run --publish-all
# flag: run --ip
# flag: run --ip6
# flag: run --mac-address
# flag: run --net-alias
# flag: run --dns-option
@test "--ip, --ip6, --mac-address, --net-alias, --expose, -P, --dns-option" {
	make_outside
	davit network create --subnet 10.77.0.0/24 --subnet fd77::/64 one
	serve web hello --network one --ip 10.77.0.9 --ip6 fd77::9 --mac-address 02:00:00:00:00:09 --net-alias shop --expose 80 -P --dns-option ndots:4
	run -0 davit exec web sh -c 'ip -o addr show eth0; cat /sys/class/net/eth0/address /etc/resolv.conf'
	[[ $output == *"inet 10.77.0.9/24"*"inet6 fd77::9/64"*02:00:00:00:00:09*"options ndots:4"* ]]
	[ "$(davit inspect -f '{{json .NetworkSettings.Networks.one.Aliases}}' web | jq 'index("shop") != null')" = true ]
	[ "$(davit inspect -f '{{json .Config.ExposedPorts}}' web)" = '{"80/tcp":{}}' ]
	local port
	port=$(davit port web 80)
	[ "$(get "192.0.2.1:${port##*:}")" = hello ]
}

@test "events: networks come and go, containers join and leave" {
	davit network create one
	davit network create two
	davit run -d --name box --network one bb sleep 1000
	davit network connect two box
	davit network disconnect two box
	davit stop -t 0 box
	davit rm box
	davit network rm one
	davit network prune -f
	[ "$(davit events --since 1h --until 0s --filter type=network --format '{{.Action}} {{.Actor.Attributes.name}}' | tr '\n' ',')" = \
		"create one,create two,connect one,connect two,disconnect two,disconnect one,destroy one,destroy two,prune <no value>," ]
	[[ "$(davit events --since 1h --until 0s --filter event=connect --format '{{.Actor.Attributes.type}} {{.Actor.Attributes.container}}' | head -1)" =~ ^bridge\ [0-9a-f]{64}$ ]]
}

@test "another container's network, and one by path" {
	serve web hello
	run -0 davit run --rm --network container:web bb sh -c 'ip -4 -o addr show eth0'
	[[ $output == *"$(ip_of web)"* ]]
	run -0 davit run --rm --network "ns:/proc/$(pid_of web)/ns/net" bb sh -c 'ip -4 -o addr show eth0'
	[[ $output == *"$(ip_of web)"* ]]
	run -125 davit run --rm --network container:nosuch bb true
	[[ $output == *"No such container"* ]]
}

# davit-netd would be faster: it is told to end first (names.bats has the test with it).
flush() {
	pkill -9 -f "davit-netd serve --root $T/root" || true
	wait_for eval '! pgrep -f "davit-netd serve --root $T/root"'
	nft flush ruleset
}

# docker makes the policy of FORWARD drop, ufw that of INPUT too; firewalld ends its chains with a rule.
drop_unknown() {
	iptables -P FORWARD DROP
	iptables -P INPUT DROP
	iptables -A INPUT -i lo -j ACCEPT
	iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
	nft 'table inet firewalld { chain filter_FORWARD { type filter hook forward priority 10; policy accept; reject; }; }'
}

@test "another firewall drops what it does not know: containers are let through, and nothing else" {
	command -v iptables >/dev/null || skip "no iptables"
	make_outside
	drop_unknown
	run -0 davit network create front
	run -0 davit run -d --name web --network front -p 8080:80 bb sh -c 'echo hello >/tmp/x; exec httpd -f -h /tmp -p 80'
	wait_for serves web
	[ "$(outside curl -s --max-time 10 192.0.2.1:8080/x)" = hello ]
	run -0 davit run --rm --network front bb nslookup -type=a web
	# Its owner still reads its table, and sees two rules of ours in each chain.
	run -0 iptables -S FORWARD
	[[ $output == *"-P FORWARD DROP"* && $output == *" -j ACCEPT"* ]]
	[ "$(iptables -S FORWARD | grep -c "br.*+ ")" = 2 ]
	[ "$(iptables -S INPUT | grep -c "br.*--dport 53 ")" = 2 ]
	run -0 davit network explain 8080
	[[ $output == *"table ip filter, chain FORWARD"*"table inet firewalld, chain filter_FORWARD"* ]]
	# It is emptied, or a firewall is started, while containers run: seen by davit-netd.
	iptables -F FORWARD
	wait_for eval '[ "$(outside curl -s --max-time 2 192.0.2.1:8080/x)" = hello ]'
	nft flush ruleset
	drop_unknown
	wait_for eval '[ "$(outside curl -s --max-time 2 192.0.2.1:8080/x)" = hello ]'
	run -0 davit rm -f web
	run -0 davit network rm front
	run -0 davit network prune -f
	run ! grep -E 'davit|br[0-9a-f]{8}' <(nft list ruleset)
	nft flush ruleset
}

@test "what others flush comes back with the next command" {
	serve web hello -p 8080:80
	address=$(ip -4 -o addr | awk '/ br/ { sub("/.*", "", $4); print $4 }')
	[ "$(get "$address:8080")" = hello ]
	flush
	run -7 curl -s --max-time 2 "$address:8080/x"
	davit network reload
	[ "$(get "$address:8080")" = hello ]
	flush
	davit run --rm bb true
	[ "$(get "$address:8080")" = hello ]
}

@test "a macvlan: its own place on the parent's network" {
	make_outside
	davit network create -d macvlan -o parent=up0 --subnet 192.0.2.0/24 --gateway 192.0.2.2 lan
	serve web hello --network lan --ip 192.0.2.40
	[ "$(outside curl -s --max-time 10 "192.0.2.40/x")" = hello ]
	run -1 davit network create -d macvlan -o parent=nosuch --subnet 10.1.0.0/24 --internal lan
}

@test "killed command lines leave no address, element or link" {
	RANDOM=${KILL_SEED:-$RANDOM$$}
	echo "seed $RANDOM"
	for i in $(seq "${DAVIT_KILL_ROUNDS:-8}"); do
		davit_background run --name victim -p 8080:80 bb sleep 60
		sleep "0.0$(printf %02d $((RANDOM % 60)))"	# allow(sleep): the moment is the test
		kill -9 "$run_pid" 2>/dev/null || true
		wait "$run_pid" 2>/dev/null || true
		davit rm -f victim >/dev/null
		! nft list ruleset | grep -E 'elements = .*(8080|172\.24\.0\.[2-9])'
		[ "$(davit network inspect -f '{{len .Containers}}' bridge)" = 0 ]
	done
	only_bridge() { [ "$(ip -o link | grep -c ' dv')" = 0 ]; }
	wait_for only_bridge
}
