# pod.bats - pods as podman has them: what its containers share, seen from inside; states, words, exit statuses.
# "# flag: pod ..." names a flag whose effect a test here reads (tools/coverage_flags.py).
load lib
load engine

# ns NAME CONTAINER: the namespace that its first process is in.
ns() { readlink "/proc/$(pid_of "$2")/ns/$1"; }
state_of() { davit pod inspect -f '{{.State}}' "$1"; }
has_state() { [ "$(state_of "$1")" = "$2" ]; }
pod_id() { davit pod inspect -f '{{.Id}}' "$1"; }
cgroup_of() { sed -n "s/.*:$1:\|^0:://p" "/proc/$(pid_of "$2")/cgroup" | head -1; }
# Ends the monitors of this test, and nobody else's.
kill_monitors() {
	local pid
	for pid in $(grep -slxzF "davit-monitor" /proc/[0-9]*/cmdline | cut -d/ -f3); do
		grep -qsxzF serve "/proc/$pid/cmdline" && grep -qsxzF "DAVIT_IT=$T" "/proc/$pid/environ" && kill -9 "$pid"
	done
	return 0
}
# first_of CONTAINER: the first process of its process ids, as the host numbers it.
first_of() {
	local f want
	want=$(ns pid "$1")
	for f in $(grep -slxzF davit-monitor /proc/[0-9]*/cmdline | cut -d/ -f3); do
		[ "$(readlink "/proc/$f/ns/pid" 2>/dev/null)" != "$want" ] || echo "$f"
	done
}
gone() { ! kill -0 "$1" 2>/dev/null; }
# The machine goes down: everything dies at once, mounts, cgroups and the run directory are gone, the boot id is another.
reboot() {
	local name pid id pids=()
	for name in $(davit ps --format '{{.Names}}'); do
		pids+=("$(pid_of "$name")")
	done
	kill_monitors
	for pid in "${pids[@]}"; do
		kill -9 "$pid"
		wait_for gone "$pid"
	done
	awk -v t="$T/run" 'index($5, t) == 1 { print $5 }' /proc/self/mountinfo | while read -r name; do umount -l "$name"; done
	for id in $(davit_ids); do
		find /sys/fs/cgroup -depth -type d -path "*/$id/*" -exec rmdir {} + 2>/dev/null || true
		find /sys/fs/cgroup -depth -type d -name "$id" -exec rmdir {} + 2>/dev/null || true
	done
	rm -rf "$T/run"
	python3 - "$T/root/engine.db" <<-'END'
		import sqlite3, sys
		with sqlite3.connect(sys.argv[1]) as d:
		    d.execute("UPDATE containers SET boot = 'another'")
		    d.execute("UPDATE pods SET boot = 'another'")
	END
}
# Of all containers and pods, without asking davit.
davit_ids() {
	python3 - "$T/root/engine.db" <<-'END'
		import sqlite3, sys
		with sqlite3.connect(sys.argv[1]) as d:
		    for row in d.execute("SELECT id FROM containers UNION SELECT id FROM pods"): print(row[0])
	END
}

# flag: pod create --name
# flag: pod create --label
# flag: pod create --label-file
# flag: pod start --all
# flag: pod inspect --format
# flag: pod inspect --latest
@test "create, start, inspect: podman's states and names of fields" {
	echo from=file >"$T/labels"
	run -0 davit pod create --name web -l a=b --label-file "$T/labels"
	[[ $output =~ ^[0-9a-f]{64}$ ]]
	id=$output
	has_state web Created
	[ "$(davit pod inspect web | jq -c 'keys_unsorted')" = '["Id","Name","Created","CreateCommand","ExitPolicy","State","Hostname","Labels","CreateCgroup","CgroupParent","CgroupPath","CreateInfra","InfraContainerID","InfraConfig","SharedNamespaces","NumContainers","Containers"]' ]
	[ "$(davit pod inspect web | jq -c '[.Labels, .SharedNamespaces, .CgroupPath, .CreateCommand[-4:]]')" = \
		'[{"from":"file","a":"b"},["uts","ipc","net"],"/davit/'"$id"'",["-l","a=b","--label-file","'"$T/labels"'"]]' ]
	run -0 davit pod start --all
	[ "$output" = "$id" ]
	has_state web Running
	run -0 davit run -d --pod web --name one bb sleep 1000
	run -0 davit create --pod "${id:0:10}" --name two bb sleep 1000
	has_state web Degraded
	[ "$(davit pod inspect -l -f '{{.NumContainers}} {{(index .Containers 1).Name}} {{(index .Containers 1).State}}')" = "2 two created" ]
	[ "$(davit inspect -f '{{.Pod}}' two)" = "$id" ]
	run -0 davit pod start web
	has_state web Running
	run -0 davit pod create other
	[ "$(davit pod inspect web other | jq -c '[.[].Name]')" = '["web","other"]' ]
	run -125 davit pod create web
	[ "$output" = 'davit: name "web" is in use: pod already exists' ]
	run -125 davit pod create one
	[[ $output == *"is in use: container already exists" ]]
	run -125 davit pod create --name "a b"
	[[ $output == *"names must match"* ]]
	run -125 davit pod create --name x y
	run -0 davit pod create
	[[ $(davit pod ps --format '{{.Name}}' --latest) == *_* ]]
}

@test "network, ipc with /dev/shm, and host name are one; the rest is each container's own" {
	run -0 davit pod create --name p
	run -0 davit run -d --pod p --name one bb sleep 1000
	run -0 davit run -d --pod p --name two bb sh -c 'echo from-two >/dev/shm/x; exec sleep 1000'
	for n in net ipc uts; do
		[ "$(ns $n one)" = "$(ns $n two)" ]
		[ "$(ns $n one)" != "$(readlink /proc/self/ns/$n)" ]
	done
	for n in pid mnt cgroup; do
		[ "$(ns $n one)" != "$(ns $n two)" ]
	done
	wait_for eval '[ "$(davit exec one cat /dev/shm/x)" = from-two ]'
	[ "$(davit exec one hostname)$(davit exec two cat /etc/hostname)$(davit exec two sh -c 'echo $HOSTNAME')" = ppp ]
	# One listens, the other one finds it on its loopback.
	run -0 davit exec -d one sh -c 'echo inside >/tmp/x; httpd -f -h /tmp -p 127.0.0.1:8081'
	wait_for eval '[ "$(davit exec two wget -qO- http://127.0.0.1:8081/x)" = inside ]'
	# What a container says of itself counts.
	run -0 davit run -d --pod p --name alone --network none --ipc private --uts private bb sleep 1000
	for n in net ipc uts; do
		[ "$(ns $n alone)" != "$(ns $n one)" ]
	done
	# When all have ended, a new one is in the same namespaces: they are the pod's.
	was=$(ns net one)
	run -0 davit stop -t 0 one two alone
	has_state p Degraded
	[ "$(davit run --rm --pod p bb sh -c 'readlink /proc/self/ns/net; cat /dev/shm/x')" = "$was
from-two" ]
	run -0 davit pod stop p
	has_state p Exited
	[ -z "$(grep -F "$T/run/pods" /proc/self/mountinfo)" ]
	run -0 davit pod start p
	wait_for eval '[ "$(davit exec one cat /dev/shm/x)" = from-two ]'
	[ "$(ns net one)" = "$(ns net two)" ]
}

# flag: pod create --share
# flag: pod create --infra
# flag: pod create --hostname
# flag: pod create --shm-size
@test "what is shared is what --share says" {
	run -0 davit pod create --share ipc --shm-size 1m --name p
	run -0 davit run -d --pod p --name one bb sleep 1000
	run -0 davit run -d --pod p --name two --hostname own bb sleep 1000
	[ "$(ns ipc one)" = "$(ns ipc two)" ]
	[ "$(ns uts one)" != "$(ns uts two)" ]
	[ "$(ns net one)" != "$(ns net two)" ]
	[ "$(davit exec two hostname)" = own ]
	[ "$(davit exec two df /dev/shm | awk 'END { print $2 }')" = 1024 ]
	for word in none ""; do
		run -0 davit pod create --share "$word" --name "q$word"
		[ "$(davit pod inspect "q$word" | jq -c .SharedNamespaces)" = '[]' ]
	done
	run -0 davit pod create --infra=false --name r
	[ "$(davit pod inspect r | jq -c '[.SharedNamespaces, .CreateInfra]')" = '[[],false]' ]
	run -0 davit run -d --pod r --name three bb sleep 1000
	[ "$(ns ipc three)" != "$(ns ipc one)" ]
	run -125 davit pod create --infra=false --share net
	[[ $output == *"cannot set share(net) namespaces without an infra container" ]]
	run -125 davit pod create --share net,foo
	[[ $output == *"invalid kernel namespace to share: foo. options are: cgroup, ipc, net, pid, uts or none" ]]
	run -0 davit pod create --share +pid --hostname big --name s
	[ "$(davit pod inspect s | jq -c '[.SharedNamespaces, .Hostname]')" = '[["uts","ipc","net","pid"],"big"]' ]
	[ "$(davit run --rm --pod s bb hostname)" = big ]
}

@test "process ids: a first process without rights, that reaps and goes with the pod" {
	run -0 davit pod create --share pid --name p
	run -0 davit run -d --pod p --name one bb sleep 1000
	run -0 davit run -d --pod p --name two bb sh -c '(sleep 0.2 &); exec sleep 1000'
	[ "$(ns pid one)" = "$(ns pid two)" ]
	[[ $(davit exec two ps -o pid,args) == *"1 "*"davit-monitor first"*"sleep 1000"*"sleep 1000"* ]]
	# Neither it nor what is behind it is of use to a container that may trace everything.
	run -0 davit run --rm --privileged --pod p bb sh -c 'ls -A /proc/1/root; grep -E "^(Uid|CapEff|CapPrm|NoNewPrivs)" /proc/1/status'
	[ "$output" = "$(printf 'Uid:\t65534\t65534\t65534\t65534\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nNoNewPrivs:\t1')" ]
	run -0 davit exec two kill -9 1
	has_state p Running
	# Orphans end somewhere.
	wait_for eval '! davit exec one ps -o stat,args | grep -q "^Z"'
	# It is in the pod's cgroup, and goes with the pod.
	[[ $(cat "/proc/$(first_of one)/cgroup") == *":/davit/$(pod_id p)/"* ]]
	run -0 davit stop -t 0 one
	run -0 davit run --rm --pod p bb true
	has_status two running
	run -0 davit pod rm -f -t 0 p
	run leftovers
	[ "$output" = "" ]
}

@test "when the first process dies, the containers end, and the pod starts anew" {
	run -0 davit pod create --share pid --name p
	run -0 davit run -d --pod p --name one bb sleep 1000
	kill -9 "$(first_of one)"
	wait_for has_status one exited
	has_state p Exited
	run -0 davit pod start p
	has_status one running
	has_state p Running
}

# flag: pod create --userns
@test "flags of a container that are the pod's: podman's words" {
	run -0 davit pod create --name p
	refuses() {
		local words=$1
		shift
		run -125 davit run --pod p "$@" bb true
		[ "$output" = "davit: $words" ] || { echo "$*: $output"; return 1; }
		run -1 davit create --pod p "$@" bb true
		[ "$output" = "davit: $words" ]
	}
	net=": network cannot be configured when it is shared with a pod"
	refuses "published or exposed ports must be defined when the pod is created$net" -p 80:80
	refuses "published or exposed ports must be defined when the pod is created$net" -P
	refuses "published or exposed ports must be defined when the pod is created$net" --expose 80
	refuses "networks must be defined when the pod is created$net" --network bridge
	refuses "networks must be defined when the pod is created$net" --ip 10.0.0.9
	refuses "networks must be defined when the pod is created$net" --mac-address 92:d0:c6:0a:29:33
	refuses "networks must be defined when the pod is created$net" --network-alias x
	refuses "extra host entries must be specified on the pod$net" --add-host a:1.1.1.1
	refuses "cannot set hostname when joining the pod UTS namespace: invalid configuration" --hostname x
	run -125 davit run --pod nosuch bb true
	[ "$output" = "davit: no pod with name or ID nosuch found: no such pod" ]
	[ "$(davit ps -aq)" = "" ]
	run -125 davit pod create --share ipc -p 80:80
	run -125 davit pod create --network host -p 80:80
	run -125 davit pod create --userns keep-id
	run -0 davit pod create --userns host
	run -125 davit pod create --exit-policy maybe
	run -125 davit pod create --restart sometimes
}

@test "what is not there, and what runs: exit statuses" {
	for verb in start stop restart kill pause unpause inspect logs top stats; do
		run -125 davit pod $verb nosuch
		[[ $output == *"no pod with name or ID nosuch found: no such pod"* ]] || { echo "$verb: $output"; false; }
	done
	run -1 davit pod rm nosuch
	run -0 davit pod rm -f nosuch
	run -1 davit pod exists nosuch
	for verb in start stop restart kill pause unpause rm inspect logs top; do
		run -125 davit pod $verb
		[[ $output == *"you must provide"* ]]
	done
	run -0 davit pod create --name p
	run -0 davit pod exists p
	run -0 davit run -d --pod p --name one bb sleep 1000
	run -125 davit pod rm p
	[[ $output == *"container one is running - running or paused containers cannot be removed without force"* ]]
	run -125 davit pod top nosuch
	run -125 davit pod kill -s NOSUCH p
	run -125 davit pod stop -t -5 p
	run -125 davit pod stop --all p
	has_status one running
}

# flag: pod stop --time
# flag: pod stop --ignore
# flag: pod stop --all
# flag: pod stop --latest
# flag: pod restart --all
# flag: pod restart --latest
# flag: pod kill --signal
# flag: pod kill --all
# flag: pod kill --latest
# flag: pod pause --all
# flag: pod pause --latest
# flag: pod unpause --all
# flag: pod unpause --latest
# flag: pod start --latest
@test "stop, restart, kill, pause: all of its containers, at once" {
	run -0 davit pod create --name p
	id=$output
	for c in one two three; do
		run -0 davit run -d --pod p --name $c bb sh -c 'trap "echo term" TERM; trap "echo hup" HUP; echo ready; while :; do sleep 0.1; done'	# allow(sleep): in the container
	done
	for c in one two three; do
		wait_for eval '[ "$(davit logs $c)" = ready ]'
	done
	run -0 davit pod kill -s HUP --all
	[ "$output" = "$id" ]
	for c in one two three; do
		wait_for eval '[ "$(davit logs $c)" = "$(printf "ready\nhup")" ]'
	done
	has_state p Running
	run -0 davit pod pause -l
	[ "$output" = "$id" ]
	has_state p Paused
	[ "$(davit ps --format '{{.State}}' | sort -u)" = paused ]
	run -0 davit pod unpause --all
	has_state p Running
	run -0 davit pod pause --all
	run -0 davit pod unpause --latest
	# The last of three that do not end by TERM has heard it before the first is killed.
	run -0 davit pod stop -t 3 --latest
	[ "$output" = "$id" ]
	heard=$(davit logs -t three | sed -n 's/ term$//p')
	[ "$(date -d "$heard" +%s%N)" -lt "$(date -d "$(davit inspect -f '{{.State.FinishedAt}}' one)" +%s%N)" ]
	has_state p Exited
	[ "$(davit ps -a --format '{{.Status}}' | grep -c 'Exited (137)')" = 3 ]
	run -0 davit pod start -l
	has_state p Running
	pids=$(for c in one two three; do pid_of $c; done)
	run -0 davit stop -t 0 two
	has_state p Degraded
	run -0 davit pod kill --latest
	has_state p Exited
	run -0 davit pod restart --latest
	has_state p Running
	[ "$(for c in one two three; do pid_of $c; done)" != "$pids" ]
	run -0 davit pod kill --all
	run -0 davit pod restart --all
	has_state p Running
	run -0 davit pod stop -t 0 --all
	has_state p Exited
	run -0 davit pod stop -i nosuch
	[ "$output" = "" ]
}

# flag: pod rm --all
# flag: pod rm --force
# flag: pod rm --ignore
# flag: pod rm --latest
# flag: pod rm --time
# flag: pod rm --pod-id-file
# flag: pod start --pod-id-file
# flag: pod stop --pod-id-file
# flag: pod create --pod-id-file
# flag: pod create --replace
# flag: pod prune --force
# flag: run --pod
# flag: run --pod-id-file
@test "rm, prune, --replace, --pod-id-file: a pod goes with its containers" {
	run -0 davit pod create --name p --pod-id-file "$T/id"
	id=$output
	[ "$(cat "$T/id")" = "$id" ]
	run -0 davit run --pod-id-file "$T/id" --name one -v /anonymous bb true
	[ "$(davit inspect -f '{{.Pod}}' one)" = "$id" ]
	run -0 davit pod start --pod-id-file "$T/id"
	run -0 davit pod stop --pod-id-file "$T/id"
	[ "$output" = "$id" ]
	run -125 davit run --pod p --pod-id-file "$T/id" bb true
	run -0 davit pod rm --pod-id-file "$T/id"
	[ "$output" = "$id" ]
	[ "$(davit ps -aq)$(davit volume ls -q)$(davit pod ps -q)" = "" ]
	run -0 davit pod rm -i p
	run -0 davit pod create --name p
	run -0 davit run -d --pod p --name one bb sh -c 'trap exit TERM; while :; do sleep 0.1; done'	# allow(sleep): in the container
	run -0 davit pod create --name p --replace
	[ "$(davit ps -aq)" = "" ]
	[ "$(davit pod ps -q --no-trunc)" = "$output" ]
	run -0 davit run -d --pod p --name one bb sleep 1000
	run -0 davit pod create --name q
	run -0 davit run --pod q bb true
	run -0 davit pod prune -f
	[ "$output" = "" ]
	run -0 davit pod stop -t 0 q
	run -0 davit pod prune -f
	[ "$(davit pod ps --format '{{.Name}}')" = p ]
	run -0 davit pod rm -f -t 0 --latest
	run -0 davit pod create
	run -0 davit pod rm --all
	run leftovers
	[ "$output" = "" ]
	# One that was not in a pod is untouched by all of it.
	run -0 davit run --name lone bb true
	run -0 davit pod rm -fa
	[ "$(davit ps -a --format '{{.Names}}')" = lone ]
}

@test "--pod new: a pod is made, and gets what is a pod's of the flags" {
	run -0 davit run -d --pod new:fresh --name one --hostname host --add-host other:10.1.2.3 bb sleep 1000
	[ "$(davit pod inspect fresh | jq -c '[.Hostname, .InfraConfig.HostAdd, .NumContainers]')" = '["host",["other:10.1.2.3"],1]' ]
	[[ $(davit run --rm --pod fresh bb sh -c 'hostname; cat /etc/hosts') == host*"10.1.2.3"?other* ]]
	run -125 davit run --pod new:fresh bb true
	[ "$output" = 'davit: name "fresh" is in use: pod already exists' ]
	run -0 davit create --pod new: bb true
	[ "$(davit pod ps -q | wc -l)" = 2 ]
}

# flag: pod create --memory
# flag: pod create --memory-swap
# flag: pod create --cpus
# flag: pod create --cpu-shares
# flag: pod create --cpuset-cpus
# flag: pod create --cpuset-mems
# flag: pod create --cgroup-parent
# flag: pod create --share-parent
@test "limits are the pod's: its cgroup is above those of its containers" {
	[ -d /sys/fs/cgroup/memory ] || skip "written for cgroup v1"
	run -0 davit pod create --name p -m 64m --memory-swap 64m --cpus 0.5 -c 512 --cpuset-cpus 0 --cpuset-mems 0
	run -0 davit run -d --pod p --name one bb sleep 1000
	[ "$(cgroup_of memory one)" = "/davit/$(pod_id p)/$(id_of one)" ]
	c=/sys/fs/cgroup
	[ "$(cat "$c/memory/davit/$(pod_id p)/memory.limit_in_bytes")" = 67108864 ]
	[ "$(cat "$c/memory/davit/$(pod_id p)/memory.memsw.limit_in_bytes" 2>/dev/null || echo 67108864)" = 67108864 ]
	[ "$(cat "$c/cpu/davit/$(pod_id p)/cpu.cfs_quota_us")" = 50000 ]
	[ "$(cat "$c/cpu/davit/$(pod_id p)/cpu.shares")" = 512 ]
	[ "$(cat "$c/cpuset/davit/$(pod_id p)/cpuset.cpus") $(cat "$c/cpuset/davit/$(pod_id p)/cpuset.mems")" = "0 0" ]
	[ "$(davit pod inspect -f '{{.memory_limit}}' p)" = 67108864 ]
	# Together they may not have more.
	run -137 davit run --rm --pod p bb sh -c 'dd if=/dev/zero of=/tmp/x bs=1M count=1 2>/dev/null; exec awk "BEGIN { s = \"0123456789abcdef\"; while (1) s = s s }"'
	has_status one running
	run -0 davit pod create --name q --cgroup-parent "/davit/$TAG"
	run -0 davit run -d --pod q --name two bb sleep 1000
	[ "$(cgroup_of memory two)" = "/davit/$TAG/$(pod_id q)/$(id_of two)" ]
	run -0 davit pod create --name r --share-parent=false
	run -0 davit run -d --pod r --name three bb sleep 1000
	[ "$(cgroup_of memory three)" = "/davit/$(id_of three)" ]
	run -0 davit pod rm -f -t 0 p q r
	find /sys/fs/cgroup -depth -type d -name "$TAG" -exec rmdir {} +
}

# flag: pod create --volume
# flag: pod create --volumes-from
# flag: pod create --device
# flag: pod create --security-opt
# flag: pod create --sysctl
# flag: pod create --add-host
# flag: pod create --dns
# flag: pod create --dns-search
# flag: pod create --dns-option
# flag: pod create --network
@test "what a pod gives each of its containers" {
	run -0 davit create --name source -v data:/from bb true
	mkdir "$T/dir"
	run -0 davit pod create --name p -v "$T/dir:/dir" --volumes-from source --device /dev/null:/dev/hole --security-opt no-new-privileges \
		--sysctl net.ipv4.ip_default_ttl=77 --add-host other:10.1.2.3 --dns 10.9.9.9 --dns-search example.com --dns-option ndots:3 --network none
	run -0 davit run --rm --pod p -v own:/own bb sh -c 'echo x >/dir/file; ls -d /own /from; cat /proc/sys/net/ipv4/ip_default_ttl
		grep NoNewPrivs /proc/self/status; ls -l /dev/hole; cat /etc/hosts /etc/resolv.conf; ls /sys/class/net'
	[ -f "$T/dir/file" ]
	for word in /own /from 77 NoNewPrivs:?1 "1,   3" 10.1.2.3?other "nameserver 10.9.9.9" "search example.com" "options ndots:3"; do
		[[ $output == *$word* ]] || { echo "no $word"; false; }
	done
	[ "${lines[-1]}" = lo ]
	# A container's own name server stands for the pod's.
	[[ $(davit run --rm --pod p --dns 10.8.8.8 bb cat /etc/resolv.conf) == *10.8.8.8* ]]
	run -0 davit pod create --name h --network host
	[ "$(davit run --rm --pod h bb readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ]
}

# flag: pod create --exit-policy
@test "exit policy stop: the pod goes down with its last container" {
	run -0 davit pod create --name p --exit-policy stop
	run -0 davit run -d --pod p --name one bb sleep 1000
	run -0 davit run -d --pod p --name two bb sleep 1000
	run -0 davit stop -t 0 one
	has_state p Degraded
	run -0 davit stop -t 0 two
	wait_for has_state p Exited
	[ -z "$(grep -F "$T/run/pods" /proc/self/mountinfo)" ]
	run -0 davit start one
	has_state p Degraded
	run -0 davit kill one
	wait_for has_state p Exited
	run -0 davit run --rm --pod p bb true
	wait_for has_state p Exited
}

# flag: pod create --restart
@test "restart policies: the pod's is that of its containers, also after a restart of the machine" {
	run -0 davit pod create --name p --restart always
	run -0 davit run -d --pod p --name one bb sleep 1000
	run -0 davit run -d --pod p --name never --restart no bb sleep 1000
	[ "$(davit inspect -f '{{.HostConfig.RestartPolicy.Name}}' one never | paste -sd' ')" = "always no" ]
	was=$(ns net one)
	kill -9 "$(pid_of one)"
	wait_for eval '[ "$(davit inspect -f "{{.RestartCount}}" one)" = 1 ] && has_status one running'
	[ "$(ns net one)" = "$was" ]
	[ "$(ns net one)" = "$(ns net never)" ]
	reboot
	has_state p Exited
	run -0 davit system boot
	[ "$output" = one ]
	has_state p Degraded
	[ "$(davit exec one hostname)" = p ]
	run -0 davit pod start p
	[ "$(ns net one)" = "$(ns net never)" ]
}

@test "a monitor that is killed: the container is adopted, and its restart is in the pod" {
	run -0 davit pod create --name p --restart always
	run -0 davit run -d --pod p --name one bb sleep 1000
	run -0 davit run -d --pod p --name two bb sleep 1000
	kill_monitors
	has_status one running
	kill -9 "$(pid_of one)"
	wait_for eval '[ "$(davit inspect -f "{{.RestartCount}}" one)" = 1 ] && has_status one running'
	[ "$(ns net one)" = "$(ns net two)" ]
	[ "$(ns uts one)" = "$(ns uts two)" ]
}

# flag: pod ps --quiet
# flag: pod ps --no-trunc
# flag: pod ps --noheading
# flag: pod ps --latest
# flag: pod ps --ctr-ids
# flag: pod ps --ctr-names
# flag: pod ps --ctr-status
# flag: pod ps --ns
# flag: pod ps --filter
# flag: pod ps --format
# flag: pod ps --sort
# flag: ps --pod
@test "pod ps and ps --pod: columns, filters, formats" {
	run -0 davit pod create --name web -l tier=front
	web=$output
	run -0 davit run -d --pod web --name one bb sleep 1000
	one=$output
	run -0 davit run --pod web --name two bb true
	run -0 davit pod create --name db -l tier=back --network none
	[[ $(davit pod ps | head -1) =~ ^POD\ ID\ +NAME\ +STATUS\ +CREATED\ +INFRA\ ID\ +"# OF CONTAINERS"$ ]]
	[[ $(davit pod ps --noheading --latest) =~ ^[0-9a-f]{12}\ +db\ +Created\ +.*\ ago\ +0$ ]]
	[ "$(davit pod ps -q | wc -l)" = 2 ]
	[ "$(davit pod ps -q --no-trunc -f name=web)" = "$web" ]
	[[ $(davit pod ps --ctr-ids --ctr-names --ctr-status --noheading -f name=web) == *"${one:0:12},"*" one,two "*"running,exited"* ]]
	[[ $(davit pod ps --ns --noheading -f name=web) == *" /davit "*" uts,ipc,net "* ]]
	[ "$(davit pod ps --format '{{.ID}} {{.Name}} {{.Status}} {{.NumberOfContainers}} {{.ContainerNames}}' -f name=web)" = \
		"${web:0:12} web Degraded 2 one,two" ]
	[ "$(davit pod ps --format json | jq -c '[.[] | [.Name, .Status, (.Containers | length), .Labels.tier]]')" = \
		'[["db","Created",0,"back"],["web","Degraded",2,"front"]]' ]
	[ "$(davit pod ps --format json | jq -c '.[1] | keys_unsorted')" = \
		'["Cgroup","Containers","Created","Id","InfraId","Name","Namespace","Networks","Status","Labels"]' ]
	[ "$(davit pod ps --format json | jq -c '.[1].Containers[0]')" = '{"Id":"'"$one"'","Names":"one","Status":"running"}' ]
	f() {
		local want=$1
		shift
		[ "$(davit pod ps --format '{{.Name}}' "${@/#/--filter=}" | paste -sd' ')" = "$want" ] || { echo "$*"; davit pod ps; return 1; }
	}
	f web id="${web:0:8}"
	f "db web" name=b
	f web label=tier=front
	f "db web" label=tier
	f "" label=tier=front label=tier=back
	f web status=degraded
	f "db web" status=created status=degraded
	f web ctr-names=two
	f web ctr-ids="${one:0:12}"
	f db ctr-number=0
	f web ctr-status=exited
	f "" network=nosuch
	f "db web" until=2999-01-01T00:00:00Z
	f "" until=24h
	run -125 davit pod ps -f nosuch=x
	[ "$(davit pod ps --sort name --format '{{.Name}}' | paste -sd' ')" = "db web" ]
	[ "$(davit pod ps --sort number --format '{{.Name}}' | paste -sd' ')" = "db web" ]
	[ "$(davit pod ls --sort created --format '{{.Name}}' | paste -sd' ')" = "db web" ]
	[[ $(davit ps --pod | head -1) == *"POD ID"*PODNAME ]]
	[[ $(davit ps -p --noheading) == *"${web:0:12}   web" ]]
	[ "$(davit ps -a -f pod=web --format '{{.Names}} {{.PodName}}' | paste -sd' ')" = "two web one web" ]
	[ "$(davit ps -a -f pod="${web:0:12}" -q | wc -l)" = 2 ]
	[ "$(davit ps -a -f pod=db -q)" = "" ]
}

# flag: pod logs --names
# flag: pod logs --container
# flag: pod logs --latest
# flag: pod logs --follow
# flag: pod logs --since
# flag: pod logs --until
# flag: pod logs --tail
# flag: pod logs --timestamps
# flag: pod logs --details
# flag: pod stats --all
# flag: pod stats --latest
# flag: pod stats --no-stream
# flag: pod stats --no-reset
# flag: pod stats --format
# flag: pod top --latest
@test "logs, top, stats: of all its containers" {
	run -0 davit pod create --name p
	run -0 davit run --pod p --name one --log-opt env=WHO -e WHO=me bb sh -c 'echo a; echo b'
	run -0 davit run -d --pod p --name two bb sh -c 'echo c; while ! [ -e /end ]; do sleep 0.05; done; echo d'	# allow(sleep): in the container
	id=$(id_of one)
	wait_for eval '[ "$(davit logs two)" = c ]'
	[ "$(davit pod logs -n p)" = "$(printf 'one a\none b\ntwo c')" ]
	[ "$(davit pod logs -c one p)" = "$(printf '%s a\n%s b' "${id:0:12}" "${id:0:12}")" ]
	[ "$(davit pod logs -n --tail 1 --latest)" = "$(printf 'one b\ntwo c')" ]
	[[ $(davit pod logs -n -t -c two p) =~ ^two\ 20[0-9-]+T[0-9:.]+Z?\ c$ ]]
	[[ $(davit pod logs --details -c one p) == *"WHO=me a"* ]]
	[ "$(davit pod logs --since 1h p | wc -l)$(davit pod logs --until 1h p | wc -l)" = 30 ]
	run -125 davit pod logs -c nosuch p
	davit_background pod logs -f -n p
	wait_for grep -q "two c" "$T/out"
	run -0 davit exec two touch /end
	wait "$run_pid"
	[ "$(sort "$T/out")" = "$(printf 'one a\none b\ntwo c\ntwo d')" ]
	run -125 davit pod top p
	run -0 davit run -d --pod p --name three bb sleep 1001
	run -0 davit run -d --pod p --name four bb sleep 1002
	[ "$(davit pod top p -o args | tail -n +2 | sed 's/ *$//')" = "$(printf 'sleep 1001\nsleep 1002')" ]
	[[ $(davit pod top -l) == *"sleep 1001"*"sleep 1002"* ]]
	[[ $(davit pod stats --no-stream --no-reset p | head -1) =~ ^POD\ +CID\ +NAME\ +CPU\ %\ +MEM\ USAGE/\ LIMIT\ +MEM\ %\ +NET\ IO\ +BLOCK\ IO\ +PIDS$ ]]
	[ "$(davit pod stats --no-stream --format json --all | jq -c '[.[] | [.Name, .PIDS]]')" = '[["one","--"],["two","--"],["three","1"],["four","1"]]' ]
	[ "$(davit pod stats --no-stream --format '{{.Pod}} {{.CID}}' --latest | tail -1)" = "$(pod_id p | cut -c1-12) $(id_of four | cut -c1-12)" ]
	[ "$(davit pod stats --no-stream --format '{{.Name}}' | paste -sd' ')" = "three four" ]
}

@test "two command lines on one pod: each finds it whole" {
	local n pids=()
	run -0 davit pod create --name p
	for n in 1 2 3 4 5 6; do
		davit run --rm --pod p bb sh -c 'hostname; readlink /proc/self/ns/uts' >"$T/out.$n" 2>&1 3>&- &
		pids+=($!)
	done
	for n in "${pids[@]}"; do
		wait "$n"
	done
	[ "$(cat "$T"/out.* | sort -u | wc -l)" = 2 ]
	pids=()
	for n in 1 2 3 4; do
		davit pod start p >"$T/out.$n" 2>&1 3>&- &
		pids+=($!)
		davit pod stop p >>"$T/out.$n" 2>&1 3>&- &
		pids+=($!)
	done
	for n in "${pids[@]}"; do
		wait "$n"
	done
	run -0 davit pod stop p
	[ -z "$(grep -F "$T/run/pods" /proc/self/mountinfo)" ]
	run -0 davit pod rm p
	run leftovers
	[ "$output" = "" ]
}

@test "completion and help know pods" {
	run -0 davit pod create --name completed
	[ "$(davit __complete --root "$T/root" --runroot "$T/run" pod start comp | cut -f1)" = completed ]
	run -0 davit pod --help
	for verb in create start stop restart kill pause unpause rm ps inspect logs top stats exists prune; do
		[[ $output == *" $verb "* ]]
	done
	run -0 davit pod create --help
	[[ $output == *--exit-policy* ]]
}
