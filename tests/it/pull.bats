# pull.bats - davit pull: from docker-registry, and from a registry that serves whatever bytes a test wants.
load lib
load pull

@test "from docker-registry: the image that load gives; a second pull asks once and moves nothing" {
	command -v skopeo >/dev/null || skip "no skopeo"
	serve_docker
	mk good
	skopeo copy -q --insecure-policy --dest-tls-verify=false "oci:$T/reg/good:case:latest" "docker://$REG/team/web:1"
	run --separate-stderr pull "$REG/team/web:1"
	[ "$status" = 0 ]
	id=$output
	[[ $id == sha256:* ]]
	"$DAVIT_BUILD/davit-image" --root "$T/other" load -q -i "$T/reg/good" >/dev/null
	for l in $(cd "$T/other/layers" && ls); do diff -r "$T/other/layers/$l" "$T/root/layers/$l"; done
	[ "$(davit images -q --no-trunc)" = "$id" ]
	run --separate-stderr pull -q "$REG/team/web:1"
	[ "$output" = "$id" ]
	[ "$stderr" = "" ]
}

@test "an image that is here: one HEAD, and no request for one named by its digest" {
	mk good
	serve_layouts
	pull -q "$REG/good" >/dev/null
	digest=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["manifests"][0]["digest"])' "$T/reg/good/index.json")
	: >"$T/reg/requests"
	pull -q "$REG/good" >/dev/null
	[ "$(grep -v ' /v2/ ' "$T/reg/requests")" = "HEAD /v2/good/manifests/latest " ]
	: >"$T/reg/requests"
	pull -q "$REG/good@$digest" >/dev/null
	pull -q --policy missing "$REG/good" >/dev/null
	pull -q --policy never "$REG/good" >/dev/null
	[ ! -s "$T/reg/requests" ]
}

@test "by digest: no tag is made, and the digest finds it" {
	mk good
	serve_layouts
	digest=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["manifests"][0]["digest"])' "$T/reg/good/index.json")
	id=$(pull -q "$REG/good@$digest")
	[ "$(query 'SELECT count(*) FROM names')" = 0 ]
	: >"$T/reg/requests"
	[ "$(pull -q "$REG/good@$digest")" = "$id" ]
	[ ! -s "$T/reg/requests" ]
	run pull "$REG/good@sha256:$(printf '%064d' 0)"
	[ "$status" = 1 ]
	[[ $output == *"$REG/good"* ]]
}

@test "policies" {
	mk good
	serve_layouts
	run pull --policy never "$REG/good"
	[ "$status" = 1 ]
	[[ $output == *"no such image"* ]]
	id=$(pull -q --policy missing "$REG/good")
	# The name moves in the registry.
	rm -rf "$T/reg/good"
	mk plain good
	[ "$(pull -q --policy missing "$REG/good")" = "$id" ]
	[ "$(pull -q "$REG/good")" = "$id" ]
	kill "${SERVERS[0]}"
	wait "${SERVERS[0]}" || true
	[ "$(pull -q --retry 0 --policy newer "$REG/good")" = "$id" ]
	run pull --retry 0 "$REG/good"
	[ "$status" = 1 ]
	[[ $output == *"$REG/good"* ]]
}

@test "platforms through an index, and all tags" {
	mk platforms
	mk good
	serve_layouts
	pull -q --platform linux/s390x "$REG/platforms" >/dev/null
	[ "$(cat "$T"/root/layers/*/arch)" = s390x ]
	one=$(davit images -q --no-trunc)
	two=$(pull -q "$REG/platforms:two")
	[ "$one" != "$two" ]
	run pull --platform linux/mips "$REG/platforms"
	[ "$status" = 1 ]
	[[ $output == *"no image for platform linux/mips"* ]]
	run --separate-stderr pull -a -q "$REG/good"
	echo "$stderr"
	[ "$status" = 0 ]
	[ "${#lines[@]}" = 2 ]
	[ "${lines[0]}" = "${lines[1]}" ]
	[ "$(query "SELECT count(*) FROM names WHERE name LIKE '%good:%'")" = 2 ]
	run pull -a "$REG/good:one"
	[ "$status" = 1 ]
	[[ $output == *"without tag"* ]]
}

@test "layers that are here in any form are not downloaded again" {
	mk good
	mk plain
	serve_layouts
	pull -q "$REG/good" >/dev/null
	: >"$T/reg/requests"
	# The same tars, not compressed: other blobs, the same layers.
	pull -q "$REG/plain" >/dev/null
	config=$(davit images -q --no-trunc | head -n 1)
	[ "$(grep -c "GET .*/blobs/" "$T/reg/requests")" = 0 ]
	[ "$(query 'SELECT count(*) FROM images')" = 1 ]
}

@test "output: plain lines, JSON lines, an error as JSON" {
	mk good
	serve_layouts
	run --separate-stderr pull "$REG/good"
	[ "${#lines[@]}" = 1 ]
	[[ $stderr == *": downloading"*": done"* ]]
	davit rmi "$REG/good" >/dev/null
	pull --progress json "$REG/good" >"$T/json"
	python3 - "$T/json" <<-'PY'
		import json, sys
		lines = [json.loads(l) for l in open(sys.argv[1])]
		assert lines[-1]['id'].startswith('sha256:') and lines[-1]['status'] == 'pulled', lines[-1]
		assert {l['step'] for l in lines if 'layer' in l} >= {'waiting', 'downloading', 'done'}, lines
	PY
	run --separate-stderr pull --progress json "$REG/missing"
	[ "$status" = 1 ]
	[ "$stderr" = "" ]
	[ "$(jq -r .kind <<<"$output")" = NOT_FOUND ]
	[[ $(jq -r .error <<<"$output") == *"$REG/missing"* ]]
}

@test "a connection that breaks: the rest is asked for, not all of it" {
	big_layout big
	serve_layouts
	echo cut >"$T/reg/mode"
	pull -q "$REG/big" >/dev/null
	[ "$(requests 'blobs/.* bytes=[1-9]')" -ge 1 ]
	cmp "$T/files/noise" "$T"/root/layers/*/noise
}

@test "one wrong bit: refused, and the next pull is good" {
	big_layout big
	serve_layouts
	echo flip >"$T/reg/mode"
	run --separate-stderr pull "$REG/big"
	[ "$status" = 1 ]
	nothing_half
	# The refused bytes are gone; another layer's half may wait for the next pull.
	[[ $stderr =~ sha256:([0-9a-f]{64}) ]]
	[ -z "$(find "$T/root/partial" "$T/root/blobs" -name "*${BASH_REMATCH[1]}*")" ]
	rm "$T/reg/mode"
	pull -q "$REG/big" >/dev/null
	cmp "$T/files/noise" "$T"/root/layers/*/noise
}

@test "killed in the middle of a layer: the next pull downloads the rest only" {
	big_layout big
	serve_layouts
	echo hold >"$T/reg/mode"
	"$DAVIT_BUILD/davit-image" --root "$T/root" pull -q --tls-verify=false "$REG/big" >"$T/out" 2>&1 3>&- &
	pid=$!
	has_half() { [ "$(find "$T/root/partial" -size +1000k 2>/dev/null | wc -l)" = 1 ]; }
	wait_for has_half
	kill -9 $pid
	wait $pid || true
	rm "$T/reg/mode"
	: >"$T/reg/requests"
	pull -q "$REG/big" >/dev/null
	[ "$(requests 'GET .*blobs/.* bytes=[1-9]')" = 1 ]
	cmp "$T/files/noise" "$T"/root/layers/*/noise
	run find "$T/root/partial" "$T/root/tmp" -mindepth 1
	echo "$output"
	[ "$output" = "" ]
}

@test "what an earlier pull left is bad: it is dropped and asked for again" {
	big_layout big
	serve_layouts
	pull -q "$REG/big" >/dev/null
	name=$(cd "$T/root/blobs/sha256" && find . -size +1000k -printf 'sha256-%f')
	davit rmi "$REG/big" >/dev/null
	rm -rf "$T/root"
	pull -q --policy never "$REG/big" 2>/dev/null || true
	mkdir -p "$T/root/partial"
	head -c 100000 /dev/urandom >"$T/root/partial/$name"
	pull -q "$REG/big" >/dev/null
	cmp "$T/files/noise" "$T"/root/layers/*/noise
}

@test "two pulls at once share one download" {
	big_layout big
	serve_layouts
	echo hold >"$T/reg/mode"
	for i in 1 2; do
		"$DAVIT_BUILD/davit-image" --root "$T/root" pull --progress plain --tls-verify=false "$REG/big" >"$T/out$i" 2>"$T/err$i" 3>&- &
		pids[i]=$!
	done
	wait_for grep -q "waiting for another pull" "$T/err1" "$T/err2"
	rm "$T/reg/mode"
	wait "${pids[1]}"
	wait "${pids[2]}"
	[ "$(cat "$T/out1")" = "$(cat "$T/out2")" ]
	big=$(find "$T/reg/big/blobs/sha256" -size +1000k -printf '%f')
	[ "$(requests "GET .*blobs/sha256:$big")" = 1 ]
	cmp "$T/files/noise" "$T"/root/layers/*/noise
}

@test "layouts that lie or attack are refused, and nothing stays" {
	mk_all flip-manifest flip-config flip-layer wrong-size negative-size huge-config digest-path digest-md5 no-blob both \
		wrong-type wrong-diff diff-count trailing-garbage cut-gzip cut-tar nested-indexes layers-501 layers-5000 \
		a-then-b root-link hardlink-out whiteout-dots
	serve_layouts
	for d in "$T"/reg/*/; do
		case=$(basename "$d")
		echo "# $case"
		run --separate-stderr pull -q --retry 0 "$REG/$case"
		echo "status $status: $stderr"
		[ "$status" = 1 ]
		[[ $stderr == "davit-image: "*"$REG/$case"* ]]
		[ "${#stderr_lines[@]}" = 1 ]
		nothing_staged
	done
	nothing_half
	mk_all through-link whiteout-through-link smuggler same-layer-twice members no-layers
	for case in through-link whiteout-through-link smuggler same-layer-twice members no-layers; do
		echo "# $case"
		pull -q "$REG/$case" >/dev/null
	done
	[ -z "$(find "$T/root" -name smuggled)" ]
}

@test "a bomb of 2 GiB in 2 MiB from a registry is refused within memory and disk limits" {
	mk bomb
	serve_layouts
	# 700 MB of file size, 1 GB of address space, stacks of threads included (not under a sanitizer, which maps terabytes).
	limits='ulimit -f 716800'
	nm "$DAVIT_BUILD/davit-image" 2>/dev/null | grep -q __asan_init || limits="$limits; ulimit -v 1048576"
	run bash -c "$limits; exec timeout 300 \"$DAVIT_BUILD/davit-image\" --root \"$T/root\" pull -q --retry 0 --tls-verify=false $REG/bomb"
	[ "$status" = 1 ]
	[[ $output == *"$REG/bomb"*"bomb"* ]]
	nothing_half
}

@test "parents that a layer leaves out are as the layers below have them" {
	mk good
	mk whiteouts
	serve_layouts
	pull -q "$REG/good" >/dev/null
	pull -q "$REG/whiteouts" >/dev/null
	"$DAVIT_BUILD/davit-image" --root "$T/other" load -q -i "$T/reg/good" >/dev/null
	"$DAVIT_BUILD/davit-image" --root "$T/other" load -q -i "$T/reg/whiteouts" >/dev/null
	[ "$(ls "$T/root/layers")" = "$(ls "$T/other/layers")" ]
	diff <(cd "$T/root/layers" && find . -type f -printf '%P %M %U %G %l %T@\n' -o -printf '%P %M %U %G %l\n' | sort) \
		<(cd "$T/other/layers" && find . -type f -printf '%P %M %U %G %l %T@\n' -o -printf '%P %M %U %G %l\n' | sort)
}

@test "a full disk and a read-only store: the reason is told, nothing is left" {
	big_layout big 6000
	serve_layouts
	cat >"$T/try" <<-'SH'
		mkdir -p "$1/small" && mount -t tmpfs -o size="$2" small "$1/small" || exit 99
		"$3" --root "$1/small" pull -q --retry 0 --tls-verify=false "$4"
		echo "status $?"
		[ -z "$(find "$1/small/layers" "$1/small/tmp" -mindepth 1 2>/dev/null)" ] && echo clean
		mount -o remount,size=64m "$1/small"
		"$3" --root "$1/small" pull -q --tls-verify=false "$4"
		mount -o remount,ro "$1/small"
		"$3" --root "$1/small" pull -q --tls-verify=false "$4-other" || echo "read-only $?"
	SH
	run unshare -m --propagation private timeout 300 sh "$T/try" "$T" 5m "$DAVIT_BUILD/davit-image" "$REG/big"
	echo "$output"
	[[ $output == *"No space left on device"*"status 1"*"clean"*"sha256:"*"is read-only"*"read-only 1"* ]]
}

@test "a registry that is not there, a repository that is not there" {
	run pull --retry 0 127.0.0.1:1/none
	[ "$status" = 1 ]
	[[ $output == *"127.0.0.1:1/none"* ]]
	serve_layouts
	run pull "$REG/none"
	[ "$status" = 1 ]
	[[ $output == *"$REG/none"* ]]
	run pull "Not a Name"
	[ "$status" = 1 ]
	run pull
	[ "$status" = 125 ]
}

@test "davit run pulls what is not here, and says in 125 why it cannot" {
	mk good
	make_rootfs "$T/rootfs"
	python3 - "$DAVIT_SOURCE/tests/it" "$T/reg/box" "$T/rootfs" <<-'PY'
		import io, sys, tarfile
		sys.dont_write_bytecode = True
		sys.path.insert(0, sys.argv[1])
		import mklayout as m
		out = io.BytesIO()
		with tarfile.open(fileobj=out, mode='w') as tar:
		    tar.add(sys.argv[3], '.')
		m.simple(sys.argv[2], plains=[out.getvalue()])
	PY
	serve_layouts
	printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$REG" >"$T/registries.conf"
	run --separate-stderr davit run --rm --network none "$REG/box" /bin/echo hello
	echo "$stderr"
	[ "$status" = 0 ]
	[ "$output" = hello ]
	[[ $stderr == "Unable to find image '$REG/box:latest' locally"*"downloading"*"done"* ]]
	: >"$T/reg/requests"
	run --separate-stderr davit run --rm --network none "$REG/box" /bin/echo again
	[ "$output" = again ]
	[ "$stderr" = "" ]
	[ ! -s "$T/reg/requests" ]
	run --separate-stderr davit run --rm --network none --pull always -q "$REG/box" /bin/echo third
	[ "$output" = third ]
	[ "$(requests HEAD)" = 1 ]
	run davit run --rm --network none "$REG/none" /bin/true
	[ "$status" = 125 ]
	[[ $output == *"Unable to find image"*"davit: $REG/none"* ]]
	run davit run --rm --network none --pull never "$REG/none" /bin/true
	[ "$status" = 125 ]
	[[ $output == "davit: Unable to find image '$REG/none:latest' locally" ]]
}
