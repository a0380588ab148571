#!/bin/bash
# layer.sh - a layer from its plain tar to the disk, and away again: both drivers against GNU tar's extraction.
#
# The archive is made of this machine's own files, some ten thousand. The two drivers, and tar, must show the same
# tree before anything is timed. Wall time includes the sync of what was written; the sides take turns, best of
# several rounds. mkfs.erofs has a row where it knows --tar (from 1.7), without which it cannot do the same work.
set -u
build=$(realpath "${BUILD:-build}")
rounds=${BENCH_ROUNDS:-2}
T=$(mktemp -d /var/tmp/davit-bench.XXXXXX)
trap 'rm -rf --one-file-system "$T"' EXIT
die() { echo "bench layer: $*" >&2; exit 1; }
tool=$build/tests/it/layerdiff
ninja -C "$build" --quiet tests/it/layerdiff >&2 || die "layerdiff is wanted"
cd "$T" || exit 1

parts=()
for p in etc usr/include usr/lib/python3 usr/share/perl usr/share/zoneinfo; do [ ! -e "/$p" ] || parts+=("$p"); done
tar -C / --one-file-system --sort=name --format=posix -cf in.tar "${parts[@]}" 2>/dev/null
[ "$(stat -c %s in.tar)" -gt 10000000 ] || die "too little to measure"

# --- the same work ---
make_dirs() { "$tool" make dirs dirs in.tar >/dev/null; }
make_erofs() { "$tool" make erofs erofs in.tar >/dev/null; }
make_tar() { mkdir tar && tar -C tar -xpf in.tar; }
make_mkfs() { mkfs.erofs --quiet --tar=i mkfs in.tar && cp in.tar mkfs.tar; }
sides=(dirs erofs tar)
mkfs.erofs --help 2>&1 | grep -q -- --tar && sides+=(mkfs)
for s in "${sides[@]}"; do make_$s || die "$s does not work"; done
"$tool" show dirs >dirs.txt && "$tool" show erofs >erofs.txt || die "erofs cannot be mounted here"
cmp -s dirs.txt erofs.txt || die "the drivers differ"
touch -d @0 tar tar/usr tar/usr/share tar/usr/lib
"$tool" show tar >tar.txt
cmp -s dirs.txt tar.txt || die "tar shows another tree"
declare -A kib
for s in "${sides[@]}"; do kib[$s]=$(du -sk "$s" | cut -f1); done
n=$(wc -l <dirs.txt)
rm -rf dirs erofs tar mkfs mkfs.tar

# --- time ---
# clock NAME COMMAND: the best wall and CPU seconds of it
declare -A wall cpu
clock() {
	local TIMEFORMAT='%R %U %S' t
	t=$({ time { "${@:2}" && sync -f .; } 2>&3; } 3>&2 2>&1)
	read -r r u s <<<"$t"
	wall[$1]=$(awk -v a="${wall[$1]:-1e9}" -v b="$r" 'BEGIN { print a < b ? a : b }')
	cpu[$1]=$(awk -v a="${cpu[$1]:-1e9}" -v u="$u" -v s="$s" 'BEGIN { print a < u + s ? a : u + s }')
}
sync -f .
for _ in $(seq "$rounds"); do
	for s in "${sides[@]}"; do clock "make $s" make_$s; done
	for s in "${sides[@]}"; do clock "remove $s" rm -rf "$s"; done
	rm -f mkfs.tar
done

# --- rows ---
# row NAME UNIT OURS PEER TARGET
row() {
	awk -v n="$1" -v u="$2" -v a="$3" -v b="$4" -v t="$5" 'BEGIN {
		if (a == 0) a = 0.001
		target = t ? (">=" t "x") : "-"
		verdict = (b / a >= t) ? "ok" : "MISSED"
		printf("%s\t%.4g %s\t%.4g %s\t%.2fx\t%s\t%s\n", n, a, u, b, u, b / a, target, verdict)
	}'
}
row "layer of $n files, dirs / tar -x, wall" s "${wall[make dirs]}" "${wall[make tar]}" 0
row "layer, dirs / tar -x, CPU" s "${cpu[make dirs]}" "${cpu[make tar]}" 0
row "layer, erofs / tar -x, wall" s "${wall[make erofs]}" "${wall[make tar]}" 0
row "layer, erofs / tar -x, CPU" s "${cpu[make erofs]}" "${cpu[make tar]}" 2
row "layer, erofs / dirs, CPU" s "${cpu[make erofs]}" "${cpu[make dirs]}" 2
row "layer, erofs / dirs, on disk" MiB "$((kib[erofs] / 1024))" "$((kib[dirs] / 1024))" 0
row "layer removed, erofs / dirs, wall" s "${wall[remove erofs]}" "${wall[remove dirs]}" 2
row "layer removed, erofs / dirs, CPU" s "${cpu[remove erofs]}" "${cpu[remove dirs]}" 5
[ -z "${wall[make mkfs]:-}" ] || row "layer, erofs / mkfs.erofs --tar=i, CPU" s "${cpu[make erofs]}" "${cpu[make mkfs]}" 0
exit 0
