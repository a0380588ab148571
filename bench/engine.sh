#!/bin/bash
# engine.sh - many containers: 200 started from 20 command lines, ps with 500, stop of 100 at once, and what a monitor
# costs while nothing happens, beside podman's conmon where podman runs.
#
# Both load the same archive. Outputs and states are checked before a figure is printed; the time of a stop is without
# the grace that the container takes, since its process ends at once.
set -u
source "${0%/*}/image.bash"
build=$(realpath "${BUILD:-build}")
n=${BENCH_STARTS:-200} listed=${BENCH_LISTED:-500} stopped=${BENCH_STOPPED:-100}
T=$(mktemp -d /var/tmp/engine-bench.XXXXXX)
export T build
d() { "$build/davit" --root "$T/lib" --runroot "$T/run" "$@"; }
cleanup() {
	ids=$(d ps -aq 2>/dev/null)
	[ -z "$ids" ] || d rm -f $ids >/dev/null 2>&1
	[ -z "${podman+x}" ] || "${podman[@]}" rm -af -t 0 >/dev/null 2>&1
	awk -v t="$T/" 'index($5, t) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r m; do umount -l "$m"; done
	rm -rf --one-file-system "$T"
}
trap cleanup EXIT
die() { echo "bench engine: $*" >&2; exit 1; }
now() { date +%s%N; }
# seconds COMMAND...: its wall time in milliseconds.
ms() {
	local from
	from=$(now)
	"$@" || return 1
	echo $((($(now) - from) / 1000000))
}
row() {	# NAME OURS UNIT PEER TARGET(ratio or -) LIMIT(or -)
	awk -v n="$1" -v o="$2" -v u="$3" -v p="$4" -v t="$5" -v l="$6" 'BEGIN {
		ok = (t == "-" || p == "-" || o <= t * p) && (l == "-" || o <= l) ? "ok" : "MISSED"
		printf "%s\t%s %s\t%s\t%s\t%s\t%s\n", n, o, u, p == "-" ? "-" : p " " u, p == "-" ? "-" : sprintf("%.3fx", o / p),
			t != "-" ? "<=" t "x" : l != "-" ? "<=" l " " u : "", ok }'
}

make_archive "$T" sh true sleep
d load -q -i "$T/bb.tar" >/dev/null || die "davit cannot load the image"
nofile=$(ulimit -Hn) nproc=$(cat /proc/sys/kernel/pid_max)
if command -v podman >/dev/null; then
	podman=(/usr/bin/podman --root "$T/pm" --runroot "$T/pmrun" --tmpdir "$T/pmtmp" --storage-driver overlay
		--cgroup-manager cgroupfs --events-backend file --runtime "$(command -v runc)")
	podman_flags=(--ulimit "nofile=$nofile:$nofile" --ulimit "nproc=$nproc:$nproc")
	"${podman[@]}" load -q -i "$T/bb.tar" >/dev/null 2>&1 || die "podman cannot load the image"
	name=$("${podman[@]}" images --format '{{.Repository}}:{{.Tag}}' | head -n 1)
fi

# 20 command lines at a time; any output but an id is an error.
start_many() { seq "$n" | xargs -P 20 -I{} "$@" >"$T/ids" 2>"$T/err" && [ ! -s "$T/err" ] && [ "$(sort -u "$T/ids" | wc -l)" = "$n" ]; }
ours=$(ms start_many "$build/davit" --root "$T/lib" --runroot "$T/run" run -d --network none bench sleep 100000) ||
	die "start: $(head -n 1 "$T/err")"
[ "$(d ps -q | wc -l)" = "$n" ] || die "not all of them run"
peer=-
if [ -n "${podman+x}" ]; then
	peer=$(ms start_many "${podman[@]}" run -d --network none "${podman_flags[@]}" "$name" sleep 100000) || peer=-
fi
row "$n starts from 20 command lines" "$ours" ms "$peer" 0.1 -

# --- what it costs that nothing happens ---
private() { awk '/^Private_(Clean|Dirty)/ { s += $2 } END { print s }' "/proc/$1/smaps_rollup"; }
switches() { awk '/ctxt_switches/ { s += $2 } END { print s }' "/proc/$1/status"; }
inode=$(stat -c %i "$T/run/containers/$(ls "$T/run/containers" | head -n 1)/monitor")
monitor=$(awk -v i=":$inode" '$2 == "POSIX" && substr($6, length($6) - length(i) + 1) == i { print $5 }' /proc/locks)
peer=-
conmon=$(pgrep -f "conmon .*$T/pm" | head -n 1)
[ -z "$conmon" ] || peer=$(private "$conmon")
row "private memory of an idle monitor" "$(private "$monitor")" KiB "$peer" - 400
before=$(switches "$monitor")
timeout 3 tail -f /dev/null
row "its wake-ups in 3 s" $(($(switches "$monitor") - before)) times - - 0

# --- stop of many ---
stop_many() { d ps -q | head -n "$stopped" | xargs -P "$stopped" -n 1 "$build/davit" --root "$T/lib" --runroot "$T/run" stop -t 0 >/dev/null; }
row "stop of $stopped at once" "$(ms stop_many)" ms - - 1000
[ "$(d ps -q | wc -l)" = $((n - stopped)) ] || die "not all of them have stopped"

# --- ps of many ---
seq $((n + 1)) "$listed" | xargs -P 4 -I{} "$build/davit" --root "$T/lib" --runroot "$T/run" create --network none bench true >/dev/null
[ "$(d ps -aq | wc -l)" = "$listed" ] || die "not $listed containers"
best=$(for _ in 1 2 3 4 5; do s=$(now); d ps -a >/dev/null; echo $((($(now) - s) / 10000)); done | sort -n | head -n 1)
row "ps of $listed containers" "$(awk -v b="$best" 'BEGIN { print b / 100 }')" ms - - 10
