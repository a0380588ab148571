# pod_net.bats - addresses, published ports and names belong to the pod, whichever of its containers serves.
load lib
load engine
load network

# The address of a pod, as a container of it shows it.
pod_serve() {
	davit run -d --pod "$1" --name "$2" bb sh -c "echo $3 >/tmp/x; exec httpd -f -h /tmp -p ${4:-80}" >/dev/null
	wait_for eval '[[ $(nsenter --net="/proc/$(pid_of '"$2"')/ns/net" ss -ltn) == *":'"${4:-80}"' "* ]]'
}
has_state() { [ "$(davit pod inspect -f '{{.State}}' "$1")" = "$2" ]; }

# flag: pod create --publish
@test "ports are the pod's: there as long as it is up, and free afterwards" {
	run -0 davit pod create --name web -p 8080:80 -p 127.0.0.1:8081:81
	run -0 davit pod start web
	pod_serve web one eighty
	pod_serve web two eighty-one 81
	[ "$(get 127.0.0.1:8080)" = eighty ]
	[ "$(get 127.0.0.1:8081)" = eighty-one ]
	[ "$(get "$(ip_of one):80")" = eighty ]
	[ "$(ip_of one)" = "$(ip_of two)" ]
	# They find each other on their loopback.
	[ "$(davit exec two wget -qO- http://127.0.0.1:80/x)" = eighty ]
	[[ $(davit ps --format '{{.Ports}}' -f name=two) == *"0.0.0.0:8080->80/tcp"* ]]
	[ "$(davit pod inspect web | jq -c '.InfraConfig | [.Networks, .PortBindings["80/tcp"][0].HostPort]')" = '[["bridge"],"8080"]' ]
	run -125 davit run --rm -p 8080:80 bb true
	[[ $output == *"port is already allocated"* ]]
	run -0 davit pod create --name second -p 8080:80
	run -125 davit pod start second
	[[ $output == *"port is already allocated"* ]]
	has_state second Created
	# Who comes and goes changes nothing.
	run -0 davit rm -f -t 0 two
	[ "$(get 127.0.0.1:8080)" = eighty ]
	run -0 davit restart -t 0 one
	wait_for eval '[ "$(get 127.0.0.1:8080)" = eighty ]'
	# One that its monitor starts again is in the same network.
	run -0 davit pod stop -t 0 web
	run -7 curl -s --max-time 5 http://127.0.0.1:8080/x
	run -0 davit pod start second
	run -125 davit pod start web
	[[ $output == *"port is already allocated"* ]]
	run -0 davit pod rm -f second
	run -0 davit pod start web
	wait_for eval '[ "$(get 127.0.0.1:8080)" = eighty ]'
	run -0 davit pod rm -f -t 0 web
	[ -z "$(ls -A "$T/run/pods")" ]
}

# flag: pod create --ip
# flag: pod create --ip6
# flag: pod create --mac-address
# flag: pod create --network-alias
@test "networks, addresses and names are those of pod create" {
	run -0 davit network create --subnet 10.77.0.0/24 --ipv6 --subnet fd77::/64 front
	run -0 davit pod create --name db --network front --ip 10.77.0.9 --ip6 fd77::9 --mac-address 02:00:00:00:77:09 --network-alias store
	run -0 davit run -d --pod db --name one bb sleep 1000
	[ "$(davit inspect one | jq -c '.[0].NetworkSettings.Networks.front | [.IPAddress, .GlobalIPv6Address, .MacAddress]')" = \
		'["10.77.0.9","fd77::9","02:00:00:00:77:09"]' ]
	[[ $(davit exec one ip addr show eth0) == *02:00:00:00:77:09*10.77.0.9/24*fd77::9* ]]
	[[ $(davit exec one cat /etc/hosts) == *$'10.77.0.9\tdb'* ]]
	# Neighbours find it by its name, and it finds them.
	run -0 davit run -d --name neighbour --network front bb sleep 1000
	for name in db store; do
		run -0 davit exec neighbour nslookup "$name"
		[[ $output == *"Address: 10.77.0.9"* ]]
	done
	run -0 davit exec one nslookup neighbour
	[[ $output == *"Address: $(ip_of neighbour front)"* ]]
	[ "$(davit network inspect front | jq -r '.[0].Containers[].Name' | sort | paste -sd' ')" = "db neighbour" ]
	run -1 davit network rm front
	[[ $output == *"has active endpoints"* ]]
	[ "$(davit pod ps -f network=front --format '{{.Name}} {{.Networks}}')" = "db front" ]
	run -0 davit pod stop -t 0 db
	run ! davit exec neighbour nslookup db
	run -0 davit pod start db
	[[ $(davit exec one ip addr show eth0) == *10.77.0.9/24* ]]
	run -0 davit exec neighbour nslookup db
	run -0 davit pod rm -f -t 0 db
	run -0 davit rm -f neighbour
	run -0 davit network rm front
}

@test "--pod new: takes ports and networks along; other containers' networks are joined" {
	run -0 davit run -d --pod new:web -p 8080:80 --name one bb sh -c 'echo new >/tmp/x; exec httpd -f -h /tmp -p 80'
	wait_for eval '[ "$(get 127.0.0.1:8080)" = new ]'
	run -0 davit pod create --name guest --network container:one
	[ "$(davit run --rm --pod guest bb readlink /proc/self/ns/net)" = "$(readlink "/proc/$(pid_of one)/ns/net")" ]
	# A pod that shares no network: each container has its own, with its own ports.
	run -0 davit pod create --name apart --share ipc
	run -0 davit run -d --pod apart -p 8090:80 --name two bb sh -c 'echo apart >/tmp/x; exec httpd -f -h /tmp -p 80'
	wait_for eval '[ "$(get 127.0.0.1:8090)" = apart ]'
}

@test "exit policy stop: ports and addresses are free with its last container" {
	run -0 davit pod create --name p --exit-policy stop -p 8080:80
	pod_serve p one here
	[ "$(get 127.0.0.1:8080)" = here ]
	run -0 davit stop -t 0 one
	wait_for has_state p Exited
	run -0 davit run --rm -p 8080:80 bb true
}
