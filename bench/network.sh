#!/bin/bash
# network.sh - what containers' networks cost: a container with a bridge and one published port started and removed, bytes
# through a published port, and an answer of the name server, beside docker, podman (with netavark) and aardvark-dns.
#
# Everything happens in a network namespace of its own. Answers are compared before a figure is printed.
set -u
[ -n "${BENCH_INSIDE:-}" ] || BENCH_INSIDE=1 exec unshare -n -m --propagation private "$0"
source "${0%/*}/image.bash"
build=$(realpath "${BUILD:-build}")
rounds=${BENCH_ROUNDS:-10} queries=${BENCH_QUERIES:-20000} streams=${BENCH_STREAMS:-5}
T=$(mktemp -d /var/tmp/network-bench.XXXXXX)
pids=()
d() { "$build/davit" --root "$T/lib" --runroot "$T/run" "$@"; }
cleanup() {
	ids=$(d ps -aq 2>/dev/null)
	[ -z "$ids" ] || d rm -f $ids >/dev/null 2>&1
	d network prune -f >/dev/null 2>&1
	[ -z "${podman+x}" ] || "${podman[@]}" rm -af -t 0 >/dev/null 2>&1
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done
	[ -z "${dockerd:-}" ] || wait "$dockerd" 2>/dev/null
	awk -v t="$T/" 'index($5, t) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r m; do umount -l "$m"; done
	rm -rf --one-file-system "$T"
}
trap cleanup EXIT
die() { echo "bench network: $*" >&2; exit 1; }
# row NAME OURS PEER UNIT TARGET: at most TARGET of the peer; with ">=", at least.
row() {
	awk -v n="$1" -v o="$2" -v p="$3" -v u="$4" -v t="$5" 'BEGIN {
		least = sub(/^>=/, "", t)
		ok = (least ? o >= t * p : o <= t * p) ? "ok" : "MISSED"
		printf "%s\t%.4g %s\t%.4g %s\t%.3fx\t%s%sx\t%s\n", n, o, u, p, u, o / p, least ? ">=" : "<=", t, ok }'
}
until_true() { for _ in $(seq 1000); do "$@" 2>/dev/null && return; timeout 0.02 tail -f /dev/null; done; die "no success: $*"; }

ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
make_archive "$T" sh true sleep cat
d load -q -i "$T/bb.tar" >/dev/null || die "davit cannot load the image"

# --- a container with a published port ---
look='cat /proc/net/dev | while read -r name rest; do case $name in lo:* | eth0:*) echo "${name%%:*}";; esac; done'
want=$(d run --rm -p 18080:80 bench sh -c "$look") || die "davit run failed"
[[ $want == *eth0* ]] || die "no network in the container"
same() { [ "$(sort <<<"$2")" = "$(sort <<<"$want")" ] || die "$1's container has other links: $2"; }
sides=(ours "$build/davit" --root "$T/lib" --runroot "$T/run" run --rm -p 18080:80 bench true)
nofile=$(ulimit -Hn) nproc=$(cat /proc/sys/kernel/pid_max)
if command -v podman >/dev/null && [ -x /usr/lib/podman/netavark ]; then
	printf '[network]\nnetwork_backend="netavark"\nnetwork_config_dir="%s"\n' "$T/pmnet" >"$T/containers.conf"
	podman=(/usr/bin/env CONTAINERS_CONF="$T/containers.conf" /usr/bin/podman --root "$T/pm" --runroot "$T/pmrun" --tmpdir "$T/pmtmp"
		--storage-driver overlay --cgroup-manager cgroupfs --events-backend file --runtime "$(command -v runc)")
	podman_flags=(--ulimit "nofile=$nofile:$nofile" --ulimit "nproc=$nproc:$nproc" -p 18081:80)
	"${podman[@]}" load -q -i "$T/bb.tar" >/dev/null 2>&1 || die "podman cannot load the image"
	name=$("${podman[@]}" images --format '{{.Repository}}:{{.Tag}}' | head -n 1)
	if out=$("${podman[@]}" run --rm "${podman_flags[@]}" "$name" sh -c "$look" 2>"$T/podman.err"); then
		same podman "$out"
		sides+=(--- podman "${podman[@]}" run --rm "${podman_flags[@]}" "$name" true)
	else
		echo "bench network: podman does not publish ports here: $(tail -n 1 "$T/podman.err")" >&2
	fi
fi
if command -v dockerd >/dev/null; then
	echo '{}' >"$T/daemon.json"
	dockerd --config-file "$T/daemon.json" --data-root "$T/dk" --exec-root "$T/dkexec" -p "$T/dk.pid" -H "unix://$T/dk.sock" \
		>"$T/dockerd.log" 2>&1 &
	dockerd=$!
	pids+=("$dockerd")
	docker=("$(command -v docker)" -H "unix://$T/dk.sock")
	until_true "${docker[@]}" version >/dev/null
	"${docker[@]}" load -q -i "$T/bb.tar" >/dev/null || die "docker cannot load the image"
	if out=$("${docker[@]}" run --rm -p 18082:80 bench sh -c "$look" 2>"$T/docker.err"); then
		same docker "$out"
		sides+=(--- docker "${docker[@]}" run --rm -p 18082:80 bench true)
	else
		echo "bench network: docker does not publish ports here: $(tail -n 1 "$T/docker.err")" >&2
	fi
fi
python3 bench/turns.py "$rounds" "${sides[@]}" 2>"$T/err" >"$T/times" || die "$(tail -n 1 "$T/err")"
ours=$(awk -F '\t' '$1 == "ours" { print $2 }' "$T/times")
while IFS=$'\t' read -r name ms _; do
	[ "$name" = ours ] || row "run --rm -p vs $name" "$ours" "$ms" ms 0.05
done <"$T/times"
if [ -n "${dockerd:-}" ]; then
	kill "$dockerd"
	wait "$dockerd"
	dockerd=''
fi

# --- bytes through a published port, and on the same way without one ---
# A machine beside the host; the other way ends in a namespace that is routed to through a bridge like the container's.
hold() { unshare -n sleep 100000 >/dev/null 2>&1 & pids+=($!); last=$!; until_true eval '[ "$(readlink /proc/$last/ns/net)" != "$(readlink /proc/self/ns/net)" ]'; }
hold; outside=$last
hold; plain=$last
in_ns() { nsenter --net="/proc/$1/ns/net" "${@:2}"; }
ip link add up0 type veth peer name eth0 netns "$outside"
ip addr add 192.0.2.1/24 dev up0
ip link set up0 up
in_ns "$outside" sh -c 'ip link set lo up; ip addr add 192.0.2.2/24 dev eth0; ip link set eth0 up; ip route add default via 192.0.2.1'
ip link add plain0 type bridge forward_delay 0
ip addr add 198.51.100.1/24 dev plain0
ip link set plain0 up
ip link add plain1 type veth peer name eth0 netns "$plain"
ip link set plain1 master plain0 up
in_ns "$plain" sh -c 'ip link set lo up; ip addr add 198.51.100.2/24 dev eth0; ip link set eth0 up; ip route add default via 198.51.100.1'
d run -d --name sink -p 5201:5201 bench sleep 100000 >/dev/null || die "no container"
sink=$(d inspect -f '{{.State.Pid}}' sink)
for ns in "$sink" "$plain"; do
	in_ns "$ns" iperf3 -s >/dev/null 2>&1 &
	pids+=($!)
	until_true eval 'in_ns "$ns" ss -ltn | grep -q :5201'
done
# stream ADDRESS: bit/s that have arrived
stream() { in_ns "$outside" iperf3 -J -t 2 -O 0.5 -c "$1" | jq -e .end.sum_received.bits_per_second; }
for _ in $(seq "$streams"); do
	stream 192.0.2.1 >>"$T/published" || die "no stream through the published port"
	stream 198.51.100.2 >>"$T/direct" || die "no stream on the direct way"
done
median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] / 1e9 }'; }
row "bytes through a published port, of $streams" "$(median "$T/published")" "$(median "$T/direct")" Gbit/s '>=0.95'

# --- names: processor time of the server for each answer ---
cpu() { cat /proc/"$1"/task/*/schedstat | awk '{ s += $1 } END { print s }'; }
# ask PID SERVER: nanoseconds of PID for an answer; the answers are in $T/answers.
ask() {
	local before
	python3 bench/dns_ask.py "$2" 32 web 1000 >/dev/null || die "$2 does not answer"
	before=$(cpu "$1")
	python3 bench/dns_ask.py "$2" 32 web "$queries" >"$T/answers" || die "$2 does not answer all"
	echo $((($(cpu "$1") - before) / queries))
}
d network create --subnet 10.77.0.0/24 names >/dev/null
d run -d --name web --network names --ip 10.77.0.9 bench sleep 100000 >/dev/null || die "no container"
netd=$(pgrep -f "davit-netd serve --root $T/lib ")
ours=$(ask "$netd" 10.77.0.1) || exit 1
want=$(cat "$T/answers")
[ "$want" = 10.77.0.9 ] || die "davit-netd says $want"
if [ -x /usr/lib/podman/aardvark-dns ]; then
	mkdir "$T/aardvark"
	printf '127.0.53.1\n%064d 10.77.0.9  web\n' 1 >"$T/aardvark/bench"
	/usr/lib/podman/aardvark-dns --config "$T/aardvark" --port 53 run >"$T/aardvark.log" 2>&1 &
	until_true test -s "$T/aardvark/aardvark.pid"
	aardvark=$(cat "$T/aardvark/aardvark.pid")
	pids+=("$aardvark")
	until_true eval "python3 bench/dns_ask.py 127.0.53.1 1 web 1 >/dev/null"
	peer=$(ask "$aardvark" 127.0.53.1) || exit 1
	[ "$(cat "$T/answers")" = "$want" ] || die "aardvark-dns says $(cat "$T/answers")"
	row "processor time for an answer vs aardvark-dns" "$ours" "$peer" ns 0.2
fi
