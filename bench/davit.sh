#!/bin/bash
# davit.sh - `davit run --rm --network none IMAGE /bin/true` against podman's and docker's, one image for all.
#
# All three load the same archive. Before anything is timed each runs a program that prints what it sees; the
# answers must be the same. A peer that is not installed has no row.
set -u
source "${0%/*}/image.bash"
build=$(realpath "${BUILD:-build}")
rounds=${BENCH_ROUNDS:-20}
T=$(mktemp -d /var/tmp/davit-bench.XXXXXX)
dockerd=''
cleanup() {
	[ -z "$dockerd" ] || { kill "$dockerd" 2>/dev/null; wait "$dockerd" 2>/dev/null; }
	awk -v t="$T/" 'index($5, t) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r m; do umount -l "$m"; done
	rm -rf --one-file-system "$T"
}
trap cleanup EXIT
die() { echo "bench davit: $*" >&2; exit 1; }

# --- the image ---
make_archive "$T" sh true id hostname cat

# --- the sides ---
ours=("$build/davit" --root "$T/lib" --runroot "$T/run")
"${ours[@]}" load -i "$T/bb.tar" >/dev/null || die "davit cannot load the image"
nofile=$(ulimit -Hn) nproc=$(cat /proc/sys/kernel/pid_max)
if command -v podman >/dev/null; then
	podman=(/usr/bin/podman --root "$T/pm" --runroot "$T/pmrun" --tmpdir "$T/pmtmp" --storage-driver overlay
		--cgroup-manager cgroupfs --events-backend file --runtime "$(command -v runc)")
	podman_flags=(--ulimit "nofile=$nofile:$nofile" --ulimit "nproc=$nproc:$nproc")
	"${podman[@]}" load -q -i "$T/bb.tar" >/dev/null 2>&1 || die "podman cannot load the image"
fi
if command -v dockerd >/dev/null; then
	echo '{}' >"$T/daemon.json"
	dockerd --config-file "$T/daemon.json" --data-root "$T/dk" --exec-root "$T/dkexec" -p "$T/dk.pid" -H "unix://$T/dk.sock" \
		--iptables=false --ip6tables=false --bridge=none >"$T/dockerd.log" 2>&1 &
	dockerd=$!
	docker=("$(command -v docker)" -H "unix://$T/dk.sock")
	for _ in $(seq 500); do "${docker[@]}" version >/dev/null 2>&1 && break; done
	"${docker[@]}" load -q -i "$T/bb.tar" >/dev/null || die "docker cannot load the image"
fi

# --- the same answers ---
look="id -u; cat /proc/1/comm; cat /proc/self/status | while read k v; do case \$k in Seccomp:|NoNewPrivs:) echo \$k \$v;; esac; done"
want=$("${ours[@]}" run --rm --network none bench sh -c "$look") || die "davit run failed"
same() { [ "$2" = "$want" ] || { printf '%s:\n%s\ndavit:\n%s\n' "$1" "$2" "$want" >&2; die "the answers differ: no figures"; }; }
sides=(ours "${ours[@]}" run --rm --network none bench /bin/true)
if [ -n "${podman+x}" ]; then
	same podman "$("${podman[@]}" run --rm --network none "${podman_flags[@]}" localhost/bench sh -c "$look" 2>/dev/null ||
		"${podman[@]}" run --rm --network none "${podman_flags[@]}" bench sh -c "$look")"
	name=$("${podman[@]}" images --format '{{.Repository}}:{{.Tag}}' | head -n 1)
	sides+=(--- podman "${podman[@]}" run --rm --network none "${podman_flags[@]}" "$name" /bin/true)
fi
if [ -n "${docker+x}" ]; then
	same docker "$("${docker[@]}" run --rm --network none bench sh -c "$look")"
	sides+=(--- docker "${docker[@]}" run --rm --network none bench /bin/true)
fi

# --- the figures ---
python3 bench/turns.py "$rounds" "${sides[@]}" 2>"$T/err" >"$T/times" || die "$(tail -n 1 "$T/err")"
awk -F '\t' '
	$1 == "ours" { ours = $2; next }
	{ ok = ours * 20 <= $2 ? "ok" : "MISSED"
	  printf "davit run vs %s\t%.2f ms\t%.2f ms\t%.3fx\t<=0.05x\t%s\n", $1, ours, $2, ours / $2, ok }' "$T/times"
