#!/bin/bash
# image.sh - pull and push of a realistic image against podman, docker, containerd's ctr and skopeo.
#
# The image (bench/image/make; BENCH_IMAGE=small for quick runs) is served by Debian's docker-registry on loopback.
# Each side has a fresh ext4 of its own on a loop device, since the past of a file system shows in the cost of making
# files, and an empty page cache; its time ends when syncfs has returned. Ids and file trees are compared. A
# peer that is not installed has no row.
set -u
if [ -z "${BENCH_INNER:-}" ]; then
	exec env BENCH_INNER=1 unshare -m --propagation private "$0" "$@"
fi
here=$(realpath "$(dirname "$0")")
build=$(realpath "${BUILD:-build}")
kind=${BENCH_IMAGE:-full}
cache=${BENCH_CACHE:-/var/tmp/davit-bench}
"$here/image/make" "$cache" "$kind" >&2 || exit 1
. "$cache/$kind/facts"
T=$(mktemp -d /var/tmp/davit-bench.XXXXXX)
servers=()
cleanup() {
	for s in "${servers[@]}"; do kill "$s" 2>/dev/null; wait "$s" 2>/dev/null; done
	awk -v t="$T/" 'index($5, t) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r m; do umount -l "$m"; done
	rm -rf --one-file-system "$T"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
die() { echo "bench image: $*" >&2; exit 1; }
has() { command -v "$1" >/dev/null; }
until_ok() { for _ in $(seq 500); do "$@" >/dev/null 2>&1 && return; read -rt 0.02 <> <(:); done; die "no answer: $*"; }

# An empty file system at $T/NAME.
new_fs() {
	local loop
	truncate -s 8G "$T/$1.img"
	mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0,nodiscard "$T/$1.img" || die "mkfs.ext4"
	mkdir -p "$T/$1"
	loop=$(losetup -f --show --direct-io=on "$T/$1.img") || die "no loop device"
	mount "$loop" "$T/$1" || die "mount"
	losetup -d "$loop"
}
drop_fs() { umount -l "$T/$1"; rm -f "$T/$1.img"; }
cold() { sync; echo 3 >/proc/sys/vm/drop_caches; }

# timed NAME COMMAND...: "SECONDS MAXRSS" in $T/NAME.time
timed() {
	local name=$1
	shift
	cold
	"$here/image/timed.py" "$T/${name%%.*}" "$T/$name.time" "$@" >"$T/$name.out" 2>"$T/$name.err" ||
		die "$name: $(tail -n 1 "$T/$name.err")"
}
seconds() { cut -d' ' -f1 "$T/$1.time"; }

# row TEXT OURS PEER TARGET: both in seconds; a target of "-" is none.
row() {
	awk -v n="$1" -v a="$2" -v b="$3" -v t="$4" 'BEGIN {
		printf "%s\t%.2f s\t%.2f s\t%.3fx\t%s\t%s\n", n, a, b, a / b, t == "-" ? "" : "<=" t "x",
			t == "-" ? "" : a <= b * t ? "ok" : "MISSED" }'
}
# limit TEXT OURS MAXIMUM UNIT
limit() {
	awk -v n="$1" -v a="$2" -v m="$3" -v u="$4" 'BEGIN {
		printf "%s\t%.2f %s\t\t\t<=%s %s\t%s\n", n, a, u, m, u, a <= m ? "ok" : "MISSED" }'
}
# Without the root itself: engines make that as they like.
tree_of() {
	(cd "$1" && find . -mindepth 1 -printf '%P %y %m %U %G %l ' \( -type f -printf '%s %Ts %n\n' -o -printf '\n' \)) |
		LC_ALL=C sort | md5sum | cut -d' ' -f1
}
same() { [ "$2" = "$3" ] || die "$1: $2, expected $3: no figures"; }

# --- the registry ---
serve() {
	"$here/image/registry" "$1" "$2" </dev/null >"$T/registry.log" 2>&1 &
	servers+=($!)
	until_ok test -s "$2"
}
serve "$cache/$kind/registry" "$T/port"
ref=127.0.0.1:$(cat "$T/port")/bench/image:1

# --- pull: ours ---
davit_at() { local fs=$1; shift; env DAVIT_LAYER_DRIVER="$driver" "$build/davit" --root "$T/$fs/lib" --runroot "$T/$fs/run" "$@"; }
for driver in dirs erofs; do
	new_fs "$driver"
	export DAVIT_LAYER_DRIVER=$driver
	timed "$driver" "$build/davit-image" --root "$T/$driver/lib" pull -q --tls-verify=false "$ref"
	same "davit's id" "$(cat "$T/$driver.out")" "$id"
	davit_at "$driver" run --rm --network none "$ref" true || die "the image does not run ($driver)"
	merged=$(davit_at "$driver" image mount "$ref") || die "image mount ($driver)"
	tree=$(tree_of "$merged")
	[ "$driver" = dirs ] && want=$tree
	same "the tree of erofs" "$tree" "$want"
	davit_at "$driver" image unmount "$ref" >/dev/null
done
unset DAVIT_LAYER_DRIVER
driver=dirs
drop_fs erofs

# --- pull: theirs ---
pull_rows() {
	row "pull (dirs) vs $1" "$(seconds dirs)" "$(seconds "$1")" "$2"
	[ -z "${3:-}" ] || row "pull (erofs) vs $1" "$(seconds erofs)" "$(seconds "$1")" "$3"
}
if has podman; then
	new_fs podman
	podman=(podman --root "$T/podman/root" --runroot "$T/podman/run" --tmpdir "$T/podman/tmp" --storage-driver overlay
		--cgroup-manager cgroupfs --events-backend file)
	export TMPDIR=$T/podman
	timed podman "${podman[@]}" pull -q --tls-verify=false "$ref"
	same "podman's id" "sha256:$(cat "$T/podman.out")" "$id"
	same "podman's tree" "$(tree_of "$("${podman[@]}" image mount "$ref")")" "$want"
	"${podman[@]}" image unmount "$ref" >/dev/null
	unset TMPDIR
	pull_rows podman 0.2 0.125
fi
if has dockerd; then
	new_fs docker
	echo '{}' >"$T/daemon.json"
	dockerd --config-file "$T/daemon.json" --data-root "$T/docker/data" --exec-root "$T/dkexec" -p "$T/dk.pid" -H "unix://$T/dk.sock" \
		--iptables=false --ip6tables=false --bridge=none </dev/null >"$T/dockerd.log" 2>&1 &
	dockerd=$!
	servers+=($dockerd)
	docker=("$(command -v docker)" -H "unix://$T/dk.sock")
	until_ok "${docker[@]}" version
	timed docker "${docker[@]}" pull -q "$ref"
	same "docker's id" "$("${docker[@]}" image inspect -f '{{.Id}}' "$ref")" "$id"
	lower=$("${docker[@]}" image inspect -f '{{.GraphDriver.Data.UpperDir}}:{{.GraphDriver.Data.LowerDir}}' "$ref")
	mkdir "$T/merged"
	mount -t overlay overlay -o "ro,lowerdir=$lower" "$T/merged" && same "docker's tree" "$(tree_of "$T/merged")" "$want"
	umount "$T/merged"
	kill "$dockerd"
	wait "$dockerd" 2>/dev/null
	drop_fs docker
	pull_rows docker 0.2
fi
if has containerd; then
	new_fs ctr
	printf 'version = 2\nroot = "%s"\nstate = "%s"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "%s"\n' \
		"$T/ctr/root" "$T/ctr-state" "$T/ctr.sock" >"$T/containerd.toml"
	containerd -c "$T/containerd.toml" </dev/null >"$T/containerd.log" 2>&1 &
	containerd=$!
	servers+=($containerd)
	ctr=(ctr -a "$T/ctr.sock")
	until_ok "${ctr[@]}" version
	timed ctr "${ctr[@]}" images pull --plain-http --snapshotter overlayfs "$ref"
	mkdir -p "$T/merged"
	"${ctr[@]}" images mount --snapshotter overlayfs "$ref" "$T/merged" >/dev/null && same "ctr's tree" "$(tree_of "$T/merged")" "$want"
	umount "$T/merged"
	kill "$containerd"
	wait "$containerd" 2>/dev/null
	drop_fs ctr
	pull_rows ctr 0.334
fi
if has skopeo; then
	new_fs skopeo
	timed skopeo skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$ref" "oci:$T/skopeo/layout:1"
	drop_fs skopeo
	pull_rows skopeo -
fi
limit "pull (dirs): memory" "$(cut -d' ' -f2 "$T/dirs.time")" 64 MB
limit "pull (erofs): memory" "$(cut -d' ' -f2 "$T/erofs.time")" 64 MB
timed dirs.again "$build/davit-image" --root "$T/dirs/lib" pull -q --tls-verify=false "$ref"
limit "pull of what is here" "$(seconds dirs.again)" 0.2 s

# --- push: an image that came without compression ---
new_fs storage
serve "$T/storage/registry" "$T/port2"
to=127.0.0.1:$(cat "$T/port2")
pushed() {
	curl -sf -H 'Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json' \
		"http://$to/v2/$1/manifests/1" | python3 -c 'import json, sys; print(sum(l["size"] for l in json.load(sys.stdin)["layers"]))'
}
"$build/davit-image" --root "$T/dirs/lib2" load -q -i "$cache/$kind/archive.tar" >/dev/null || die "davit load"
timed storage.push "$build/davit-image" --root "$T/dirs/lib2" push -q --tls-verify=false bench/archive:1 "$to/ours:1"
timed storage.push2 "$build/davit-image" --root "$T/dirs/lib2" push -q --tls-verify=false bench/archive:1 "$to/ours:1"
same "the image that comes back" "$("$build/davit-image" --root "$T/dirs/lib2" pull -q --tls-verify=false "$to/ours:1")" "$id"
if has podman; then
	export TMPDIR=$T/podman
	drop_fs dirs
	"${podman[@]}" rmi -af >/dev/null
	name=$("${podman[@]}" load -q -i "$cache/$kind/archive.tar" | sed -n 's/^Loaded image[^:]*: *//p')
	timed storage.podman "${podman[@]}" push -q --tls-verify=false "$name" "$to/theirs:1"
	row "push vs podman" "$(seconds storage.push)" "$(seconds storage.podman)" 0.1
	awk -v a="$(pushed ours)" -v b="$(pushed theirs)" 'BEGIN {
		printf "push: size vs podman\t%.1f MB\t%.1f MB\t%.3fx\t<=1.1x\t%s\n", a / 1e6, b / 1e6, a / b, a <= b * 1.1 ? "ok" : "MISSED" }'
fi
limit "second push" "$(seconds storage.push2)" 0.2 s
