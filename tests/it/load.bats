# load.bats - davit-image load: archives of skopeo, umoci, buildah and our own, good and bad.
# Every bad one must leave the store as it was, and a canary tree beside it untouched.

bats_require_minimum_version 1.5.0

setup_file() {
	export LOAD="$DAVIT_BUILD/davit-image"
	export MK="$DAVIT_SOURCE/tests/it/mklayout.py"
	export WORK="$BATS_FILE_TMPDIR"
	mkdir -p "$WORK/canary"
	echo secret > "$WORK/canary/secret"
	export CANARY="$WORK/canary"
	make_busybox
}

# umoci makes the layout, skopeo the archives of it.
make_busybox() {
	cd "$WORK" || return 1
	command -v umoci skopeo busybox > have 2>&1 || return 0
	umoci init --layout L
	umoci new --image L:bb
	umoci unpack --image L:bb B > umoci.log 2>&1
	mkdir -p B/rootfs/bin B/rootfs/etc B/rootfs/tmp
	chmod 1777 B/rootfs/tmp
	cp "$(command -v busybox)" B/rootfs/bin/busybox
	chmod 4755 B/rootfs/bin/busybox
	ln -s busybox B/rootfs/bin/sh
	ln B/rootfs/bin/busybox B/rootfs/bin/hard
	echo root:x:0:0:root:/:/bin/sh > B/rootfs/etc/passwd
	umoci repack --image L:bb B >> umoci.log 2>&1
	umoci config --image L:bb --config.cmd /bin/sh
	skopeo copy -q --insecure-policy oci:L:bb oci-archive:bb-oci.tar:busybox:latest
	skopeo copy -q --insecure-policy oci:L:bb docker-archive:bb-docker.tar:busybox:latest
	: > ready
}

setup() {
	root="$BATS_TEST_TMPDIR/root"
	before=$(canary_state)
}

teardown() {
	[ "$(canary_state)" = "$before" ]
}

canary_state() {
	find "$CANARY" -printf '%P %m %U %G %s %T@ %n\n' | sort
	cat "$CANARY/secret"
}

need_busybox() {
	[ -e "$WORK/ready" ] || skip "umoci, skopeo or busybox is missing"
}

load() {
	"$LOAD" --root "$root" load "$@"
}

# One value out of the store's database.
query() {
	python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])' "$root/engine.db" "$1"
}

layer_dirs() {
	find "$root/layers" -mindepth 1 -maxdepth 1 -type d
}

# No image, layer, blob or temporary file.
assert_empty() {
	[ -z "$(find "$root/layers" "$root/blobs" "$root/tmp" -mindepth 1 ! -name sha256 ! -name sha512)" ]
	[ "$(query 'SELECT count(*) FROM images')" = 0 ]
}

refuses() {
	run load "$@"
	[ "$status" = 1 ]
	[ "${#lines[@]}" = 1 ]
	[[ $output == "davit-image: "* ]]
	assert_empty
}

@test "an OCI archive, a docker archive and a layout give the same tree" {
	need_busybox
	for from in bb-oci.tar bb-docker.tar L; do
		root="$BATS_TEST_TMPDIR/$from"
		run --separate-stderr load -i "$WORK/$from"
		[ "$status" = 0 ]
		[ "$stderr" = "" ]
		if [ "$from" = L ]; then
			[ "$output" = "Loaded image: bb:latest" ]
		else
			[ "$output" = "Loaded image: busybox:latest" ]
		fi
		diff -r --no-dereference "$WORK/B/rootfs" "$(layer_dirs)"
		[ "$(stat -c %a "$(layer_dirs)/bin/busybox")" = 4755 ]
		[ "$(stat -c %h "$(layer_dirs)/bin/hard")" = 2 ]
		[ "$(stat -c %a "$(layer_dirs)/tmp")" = 1777 ]
	done
}

@test "compressed archives, and standard input" {
	need_busybox
	cd "$WORK"
	gzip -k bb-oci.tar
	zstd -q -k bb-docker.tar
	load -i bb-oci.tar.gz
	load -i bb-docker.tar.zst
	load < bb-oci.tar
	load < bb-docker.tar.zst
	cat bb-oci.tar.gz | load --quiet | grep -x 'Loaded image: busybox:latest'
	[ "$(layer_dirs | wc -l)" = 1 ]
	[ -z "$(ls "$root/tmp")" ]
}

@test "zstd layers, as skopeo makes them" {
	need_busybox
	cd "$WORK"
	skopeo copy -q --insecure-policy --dest-compress-format zstd --dest-compress oci:L:bb oci:Z:zz || skip "skopeo without zstd"
	load -i Z
	diff -r --no-dereference "$WORK/B/rootfs" "$(layer_dirs)"
}

@test "the blobs are kept as they came, under their digest" {
	need_busybox
	load -i "$WORK/bb-oci.tar"
	for b in "$root"/blobs/sha256/*; do
		[ "$(sha256sum < "$b")" = "$(basename "$b")  -" ]
	done
	[ "$(find "$root/blobs" -type f | wc -l)" = 3 ]
	[ "$(stat -c %a "$root")" = 700 ]
}

@test "an image that buildah built" {
	command -v buildah > /dev/null || skip "buildah is missing"
	cd "$BATS_TEST_TMPDIR"
	printf 'FROM scratch\nCOPY f /d/f\nCOPY f /d/g\nCMD ["/d/f"]\n' > Dockerfile
	echo content > f
	b=(buildah --root "$PWD/R" --runroot "$PWD/RR" --storage-driver vfs)
	"${b[@]}" bud -q --layers --isolation chroot -t bb . > log 2>&1 || { cat log; return 1; }
	"${b[@]}" push -q bb "oci-archive:$PWD/o.tar:bb" >> log 2>&1
	"${b[@]}" push -q bb "docker-archive:$PWD/d.tar:bb:two" >> log 2>&1
	[ "$(load -i o.tar)" = "Loaded image: bb:latest" ]
	[ "$(load -i d.tar)" = $'Loaded image: bb:two\nLoaded image: localhost/bb:latest' ]
	[ "$(cat "$root"/layers/*/d/g)" = content ]
}

@test "several tags, links to layers: a docker archive of old" {
	"$MK" docker-legacy "$BATS_TEST_TMPDIR/d"
	tar -C "$BATS_TEST_TMPDIR/d" -cf "$BATS_TEST_TMPDIR/d.tar" .
	run load -i "$BATS_TEST_TMPDIR/d.tar"
	[ "$output" = $'Loaded image: legacy:1\nLoaded image: legacy:2' ]
	[ "$(cat "$(layer_dirs)/etc/motd")" = hello ]
}

@test "good layouts: plain, without a name, without layers, gzip members, one layer three times" {
	for case in good plain no-layers members same-layer-twice smuggler; do
		"$MK" $case "$BATS_TEST_TMPDIR/$case"
		run load -i "$BATS_TEST_TMPDIR/$case"
		[ "$output" = "Loaded image: case:latest" ]
	done
	"$MK" unnamed "$BATS_TEST_TMPDIR/unnamed"
	run load -i "$BATS_TEST_TMPDIR/unnamed"
	[[ $output == "Loaded image ID: sha256:"* ]]
	# The parent that a layer leaves out is as the layer below has it.
	[ "$(cat "$root"/layers/*/etc/top)" = top ]
	[ -z "$(find "$root" -name 'smuggled')" ]
	[ -n "$(find "$root" -name 'outer')" ]
}

@test "overlayfs over the layers shows the union: whiteouts, opaque directories, parents left out" {
	"$MK" whiteouts "$BATS_TEST_TMPDIR/w"
	load -i "$BATS_TEST_TMPDIR/w"
	lower=$(query 'SELECT group_concat(dir, ":") FROM (SELECT l.dir FROM image_layers il
		JOIN layers l ON l.id = il.layer ORDER BY il.idx DESC)')
	mkdir "$BATS_TEST_TMPDIR/m"
	run unshare -m --propagation private sh -ec 'cd "$1"
		mount -t overlay overlay -o "ro,lowerdir=$2" "$3"
		cd "$3"; find . -mindepth 1 -printf "%P %m %l\n" | sort' sh "$root" "$lower" "$BATS_TEST_TMPDIR/m"
	[ "$status" = 0 ]
	[ "$output" = "a 711 
a/y 644 
b 711 
b/new 644 
bin 777 usr/bin
file 755 
file/inside 644 
gone 755 
gone/again 644 
usr 711 
usr/bin 711 
usr/bin/ls 644 
usr/bin/tool 644 " ]
}

@test "the platform is chosen: the host's, or the one asked for" {
	"$MK" platforms "$BATS_TEST_TMPDIR/p"
	load --platform linux/s390x -i "$BATS_TEST_TMPDIR/p"
	[ "$(cat "$root"/layers/*/arch)" = s390x ]
	run load --platform linux/mips -i "$BATS_TEST_TMPDIR/p"
	[ "$status" = 1 ]
	[[ $output == *"no image for platform linux/mips"* ]]
	run load --platform nonsense -i "$BATS_TEST_TMPDIR/p"
	[ "$status" = 1 ]
}

@test "JSON output" {
	"$MK" good "$BATS_TEST_TMPDIR/g"
	load --format json -i "$BATS_TEST_TMPDIR/g" | python3 -c '
import json, sys
doc = json.load(sys.stdin)
assert doc[0]["Names"] == ["docker.io/library/case:latest"], doc
assert doc[0]["Id"].startswith("sha256:"), doc'
}

@test "progress: bars on a terminal, lines and JSON where they are asked for" {
	"$MK" good "$BATS_TEST_TMPDIR/g"
	layer=$(python3 -c 'import json, sys
d = sys.argv[1]
m = json.load(open(d + "/index.json"))["manifests"][0]["digest"][7:]
print(json.load(open(d + "/blobs/sha256/" + m))["layers"][0]["digest"][7:19])' "$BATS_TEST_TMPDIR/g")
	python3 "$DAVIT_SOURCE/tests/it/typist.py" -- $LOAD --root $root load -i $BATS_TEST_TMPDIR/g >"$BATS_TEST_TMPDIR/typed"
	grep -q "$layer.*done" "$BATS_TEST_TMPDIR/typed"
	grep -q "Loaded image: case:latest" "$BATS_TEST_TMPDIR/typed"
	python3 "$DAVIT_SOURCE/tests/it/typist.py" -- $LOAD --root $root load -q -i $BATS_TEST_TMPDIR/g >"$BATS_TEST_TMPDIR/typed"
	! grep -q "$layer" "$BATS_TEST_TMPDIR/typed"
	run --separate-stderr load --progress plain -i "$BATS_TEST_TMPDIR/g"
	[ "$output" = "Loaded image: case:latest" ]
	[[ $stderr == *"$layer: exists"* ]]
	rm -rf "$root"
	load --progress json -i "$BATS_TEST_TMPDIR/g" >"$BATS_TEST_TMPDIR/json"
	jq -se '.[-1].status == "loaded" and .[-1].name == "docker.io/library/case:latest"' "$BATS_TEST_TMPDIR/json"
	jq -se --arg l "$layer" '[.[] | select(.layer) | select(.layer | contains($l)) | .step] |
		(.[0] == "waiting" and .[-1] == "done" and any(. == "extracting"))' "$BATS_TEST_TMPDIR/json"
	run load --progress json -i "$BATS_TEST_TMPDIR/nothing"
	[ "$status" = 1 ]
	[ "$(jq -r .kind <<<"$output")" = NOT_FOUND ]
}

@test "layouts that lie are refused, and nothing stays" {
	for case in flip-manifest flip-config flip-layer wrong-size negative-size huge-config digest-path digest-md5 \
		    no-blob both wrong-type wrong-diff diff-count trailing-garbage cut-gzip cut-tar nested-indexes \
		    bad-name; do
		"$MK" $case "$BATS_TEST_TMPDIR/$case"
		echo "# $case"
		refuses -i "$BATS_TEST_TMPDIR/$case"
		[ "$status" = 1 ]
	done
}

@test "layers that attack: refused, or kept inside" {
	for case in a-then-b root-link hardlink-out whiteout-dots; do
		"$MK" $case "$BATS_TEST_TMPDIR/$case"
		echo "# $case"
		refuses -i "$BATS_TEST_TMPDIR/$case"
	done
	for case in through-link whiteout-through-link; do
		"$MK" $case "$BATS_TEST_TMPDIR/$case"
		run load -i "$BATS_TEST_TMPDIR/$case"
		[ "$output" = "Loaded image: case:latest" ]
	done
}

@test "500 layers are the limit; 5000 are refused at once" {
	"$MK" layers-501 "$BATS_TEST_TMPDIR/l501"
	refuses -i "$BATS_TEST_TMPDIR/l501"
	[[ $output == *"layers"* ]]
	"$MK" layers-5000 "$BATS_TEST_TMPDIR/l5000"
	refuses -i "$BATS_TEST_TMPDIR/l5000"
}

@test "a bomb of 2 GiB in 2 MiB is refused within memory and disk limits" {
	"$MK" bomb "$BATS_TEST_TMPDIR/bomb"
	# 700 MB of file size, 300 MB of address space (not under a sanitizer, which maps terabytes).
	limits='ulimit -f 716800'
	nm "$LOAD" 2>/dev/null | grep -q __asan_init || limits="$limits; ulimit -v 307200"
	run bash -c "$limits; exec \"$LOAD\" --root \"$root\" load -i \"$BATS_TEST_TMPDIR/bomb\""
	[ "$status" = 1 ]
	[[ $output == *"bomb"* ]]
	assert_empty
}

@test "inputs that are no image" {
	need_busybox
	cd "$BATS_TEST_TMPDIR"
	head -c 100000 /dev/urandom > noise
	refuses -i noise
	: > empty
	refuses -i empty
	tar -cf other.tar noise
	refuses -i other.tar
	mkdir dir
	refuses -i dir
	head -c 500000 "$WORK/bb-oci.tar" > cut.tar
	refuses -i cut.tar
	gzip -c "$WORK/bb-oci.tar" | head -c 300000 > cut.tar.gz
	refuses -i cut.tar.gz
	run load -i does-not-exist
	[ "$status" = 1 ]
	[[ $output == *"does-not-exist"* ]]
}

@test "killed in the middle: nothing half-loaded is listed, and the next load works" {
	need_busybox
	cd "$BATS_TEST_TMPDIR"
	mkdir -p big
	for i in $(seq 40); do head -c 500000 /dev/urandom > big/$i; done
	tar -C big -cf layer.tar .
	umoci init --layout K
	umoci new --image K:k
	umoci unpack --image K:k KB > log 2>&1
	cp -a big KB/rootfs/
	umoci repack --image K:k KB >> log 2>&1
	for ms in 5 10 20 30 40 60 80 100 130 160 200; do
		# In the foreground timeout waits until the process has really ended, with its locks.
		timeout --foreground -s KILL 0.$(printf %03d $ms) "$LOAD" --root "$root" load -i K > out 2>&1 || true
		images=$(query 'SELECT count(*) FROM images' 2>/dev/null || echo 0)
		dirs=$(find "$root/layers" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)
		[ "$images" = 0 ] || [ "$dirs" -ge 1 ]
		[ "$images" = 0 ] || rm -rf "$root"
	done
	load -i K
	diff -r --no-dereference KB/rootfs "$(layer_dirs)"
	[ -z "$(ls "$root/tmp")" ]
	[ "$(find "$root/blobs" -type f | wc -l)" = 3 ]
}

@test "two loads of the same image at once" {
	need_busybox
	load -i "$WORK/bb-oci.tar" > "$BATS_TEST_TMPDIR/1" & one=$!
	load -i "$WORK/bb-oci.tar" > "$BATS_TEST_TMPDIR/2" & two=$!
	wait $one
	wait $two
	[ "$(layer_dirs | wc -l)" = 1 ]
	[ -z "$(ls "$root/tmp")" ]
}

@test "davit has the verbs of davit-image: options, help, completion and errors are its own" {
	davit=$DAVIT_BUILD/davit
	[ "$("$davit" --root "$root" load -i "$WORK/bb-oci.tar")" = "Loaded image: busybox:latest" ]
	[ "$("$davit" --root "$root" image load -q -i "$WORK/bb-oci.tar")" = "Loaded image: busybox:latest" ]
	for line in "load --help" "help load" "help image load"; do
		run "$davit" $line
		[ "$status" = 0 ]
		[[ $output == "Usage:  davit load [OPTIONS]"*"--platform"* ]]
	done
	[[ $("$davit" __complete load --plat) == --platform$'\t'* ]]
	[[ $("$davit" __complete loa) == load$'\t'* ]]
	[[ $("$davit" __man load) == *"davit"*"platform"* ]]
	run "$davit" load --bogus
	[ "$status" = 125 ]
	[[ $output == "davit: unknown flag: --bogus"* ]]
}
