# names.bats - containers find each other by name, and the host finds them on its loopback: through davit-netd.
load lib
load engine
load network

lookup() { davit run --rm "${@:2}" bb nslookup "$1"; }
# unknown NETWORK NAME: its server does not have the name, and nobody else can be asked from here.
unknown() {
	local gateway
	gateway=$(davit network inspect -f '{{(index .IPAM.Config 0).Gateway}}' "$1")
	[ "$(python3 "$DAVIT_SOURCE/tests/it/dns_ask.py" "$gateway" "$2")" = SERVFAIL ]
}

# flag: run --network-alias
@test "in a network that a user made, by name, alias and id; not in the default one" {
	run -0 davit network create front
	run -0 davit run -d --name db --network front --network-alias store bb sleep 600
	id=${output:0:12}
	address=$(ip_of db front)
	for name in db store "$id" DB; do
		run -0 lookup "$name" --network front
		[[ $output == *"Address: $address"* ]]
	done
	run -0 davit run --rm --network front bb cat /etc/resolv.conf
	[[ $output == *"nameserver ${address%.*}.1"* ]]
	run -0 davit run --rm --network bridge bb cat /etc/resolv.conf
	[[ $output != *"nameserver 172.24.0.1"* ]]
	run -0 davit network create back
	run -0 davit run -d --name other --network back bb sleep 600
	unknown back db
	# One who is in both networks finds both.
	run -0 lookup db --network back --network front
	run -0 davit rename db data
	run -0 lookup data --network front
	[[ $output == *"Address: $address"* ]]
	unknown front db
	run -0 davit run -d --name stays --network front bb sleep 600
	run -0 davit network disconnect front data
	unknown front data
	run -0 davit network connect front data
	run -0 lookup data --network front
	run -0 davit stop -t 0 data
	unknown front data
	run -0 davit rm -f other stays
	[ -z "$(ls "$T/run/netd/names" | grep ctr)" ]
}

@test "a published port is there on the loopback, and is free when the container has ended" {
	run -0 davit run -d --name web -p 8080:80 -p 127.0.0.1:8081:80 bb sh -c 'echo hello >/tmp/x; exec httpd -f -h /tmp -p 80'
	wait_for serves web
	[ "$(get 127.0.0.1:8080)" = hello ]
	[ "$(get 127.0.0.1:8081)" = hello ]
	[ "$(davit ps --format '{{.Ports}}')" = "0.0.0.0:8080->80/tcp, 127.0.0.1:8081->80/tcp" ]
	# 127.0.0.1 is not the host's other addresses.
	make_outside
	run -0 outside curl -s --max-time 10 192.0.2.1:8080/x
	run ! outside curl -s --max-time 3 192.0.2.1:8081/x
	# More than one piece, both ways, and its end.
	run -0 davit exec web sh -c 'head -c 5000000 /dev/zero | tr "\0" x >/tmp/big'
	[ "$(curl -s --max-time 20 http://127.0.0.1:8080/big | wc -c)" = 5000000 ]
	run -0 davit restart -t 0 web
	wait_for serves web
	[ "$(get 127.0.0.1:8080)" = hello ]
	run -0 davit rm -f web
	wait_for eval '! curl -s --max-time 5 http://127.0.0.1:8080/x'
	run -0 davit run --rm -p 8080:80 bb true
}

@test "davit-netd that is killed comes back with the next command; a flushed table without any" {
	run -0 davit network create front
	run -0 davit run -d --name web --network front -p 8080:80 bb sh -c 'echo hello >/tmp/x; exec httpd -f -h /tmp -p 80'
	wait_for serves web
	pid=$(ps -C davit-netd -o pid=,args= | awk -v t="$T/" 'index($0, t) { print $1 }')
	kill -9 "$pid"
	wait_for eval '! kill -0 '"$pid"
	run -0 lookup web --network front
	[ "$(get 127.0.0.1:8080)" = hello ]
	make_outside
	nft flush ruleset
	wait_for eval 'outside curl -s --max-time 2 192.0.2.1:8080/x | grep -q hello'
}
