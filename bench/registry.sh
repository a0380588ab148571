#!/bin/bash
# registry.sh - davit registry serve against Debian's docker-registry, on loopback: small manifests by wrk, large blobs
# by curl, and our memory under many clients.
#
# Both hold the same repository, pushed by skopeo; what each answers is compared before anything is timed.
# BENCH_BLOB_MB (200), BENCH_PULLS (100) and BENCH_PUSHES (20) are the size of the crowd.
set -u
build=$(realpath "${BUILD:-build}")
blob_mb=${BENCH_BLOB_MB:-200} pulls=${BENCH_PULLS:-100} pushes=${BENCH_PUSHES:-20}
here=$(dirname "$(realpath "$0")")
T=$(mktemp -d /var/tmp/davit-bench.XXXXXX)
pids=()
cleanup() {
	[ ${#pids[@]} = 0 ] || { kill "${pids[@]}" 2>/dev/null; wait "${pids[@]}" 2>/dev/null; }
	rm -rf --one-file-system "$T"
}
trap cleanup EXIT
die() { echo "bench registry: $*" >&2; exit 1; }
for p in skopeo umoci curl wrk docker-registry; do command -v $p >/dev/null || die "$p is wanted"; done
until_there() { for _ in $(seq 2000); do "$@" 2>/dev/null && return; read -rt 0.01 <> <(:); done; die "nothing answers: $*"; }

# --- the sides ---
"$build/davit-image" registry serve --root "$T/root" --listen 127.0.0.1:0 --addr-file "$T/addr" --access-log "$T/access" \
	--uploads-per-peer 1000 >"$T/serve" 2>&1 </dev/null &
pids+=($!)
until_there test -s "$T/addr"
ours=$(cat "$T/addr")
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$T/peer.yml" <<END
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $T/peer}}
http: {addr: "127.0.0.1:$port"}
END
docker-registry serve "$T/peer.yml" >"$T/peer.log" 2>&1 </dev/null &
pids+=($!)
peer=127.0.0.1:$port
until_there curl -sf -o /dev/null "http://$peer/v2/"

# --- the same content ---
umoci init --layout "$T/L" >/dev/null && umoci new --image "$T/L:i" >/dev/null &&
	umoci unpack --image "$T/L:i" "$T/B" >/dev/null 2>&1 || die "no image"
head -c "${blob_mb}M" /dev/urandom >"$T/B/rootfs/data"
umoci repack --compress=none --image "$T/L:i" "$T/B" >/dev/null 2>&1 || umoci repack --image "$T/L:i" "$T/B" >/dev/null 2>&1
for r in "$ours" "$peer"; do
	skopeo copy -q --insecure-policy --dest-tls-verify=false "oci:$T/L:i" "docker://$r/bench:v1" || die "push to $r failed"
done
accept='Accept: application/vnd.oci.image.manifest.v1+json'
manifest() { curl -sf -H "$accept" "http://$1/v2/bench/manifests/v1"; }
[ "$(manifest "$ours" | sha256sum)" = "$(manifest "$peer" | sha256sum)" ] || die "the manifests differ: no figures"
blob=$(manifest "$ours" | python3 -c 'import json, sys; print(json.load(sys.stdin)["layers"][0]["digest"])')
for r in "$ours" "$peer"; do
	[ "sha256:$(curl -sf "http://$r/v2/bench/blobs/$blob" | sha256sum | cut -d' ' -f1)" = "$blob" ] || die "a blob differs"
done

# --- figures: in turns, the best of three ---
rps() { wrk -t1 -c32 -d3 -H "$accept" "http://$1/v2/bench/manifests/v1" | awk '/Non-2xx/ { bad = 1 } /^Requests\/sec/ { v = $2 }
	END { print bad ? 0 : v }'; }
speed() { curl -sf -o /dev/null -w '%{speed_download}\n' "http://$1/v2/bench/blobs/$blob"; }
best() { printf '%s\n' "$@" | sort -n | tail -n 1; }
for _ in 1 2 3; do
	ours_rps=$(best "${ours_rps:-0}" "$(rps "$ours")") peer_rps=$(best "${peer_rps:-0}" "$(rps "$peer")")
	ours_speed=$(best "${ours_speed:-0}" "$(speed "$ours")") peer_speed=$(best "${peer_speed:-0}" "$(speed "$peer")")
done
row() {
	awk -v n="$1" -v o="$2" -v p="$3" -v unit="$4" -v least="$5" 'BEGIN {
		ok = o >= p * least ? "ok" : "MISSED"
		printf "%s\t%.0f %s\t%.0f %s\t%.2fx\t>=%gx\t%s\n", n, o, unit, p, unit, o / p, least, ok }'
}
row "registry: small manifests" "$ours_rps" "$peer_rps" /s 3
row "registry: a blob of $blob_mb MB to curl" "$(awk "BEGIN { print $ours_speed / 1e6 }")" \
	"$(awk "BEGIN { print $peer_speed / 1e6 }")" MB/s 1

# --- memory ---
top=$(python3 "$here/registry_crowd.py" "$ours" "${pids[0]}" "$pulls" "$pushes" "$blob_mb") || die "the crowd: $top"
awk -v t="$top" -v n="registry: resident, $pulls pulls and $pushes pushes of $blob_mb MB" 'BEGIN {
	ok = t < 32 * 1024 ? "ok" : "MISSED"
	printf "%s\t%.1f MB\t-\t-\t<32 MB\t%s\n", n, t / 1024, ok }'
