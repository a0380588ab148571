# copy.bats - davit copy between every two transports, beside skopeo and umoci.

load lib

setup_file() {
	export W=$BATS_FILE_TMPDIR
	make_layout "$W/L"
}

setup() {
	it_setup
	cd "$T" || return 1
}

copy() { timeout 300 "$DAVIT_BUILD/davit-image" --root "$T/root" copy -q "$@"; }
davit_() { timeout 300 "$DAVIT_BUILD/davit" --root "$T/root" "$@"; }
skopeo_() { timeout 300 skopeo --insecure-policy "$@" 2>&1; }
digest_in() { sha256sum <"$1/manifest.json" | cut -d' ' -f1; }
# The digest of what a place names.
digest_of() {
	copy --all "$1" "dir:$T/digest" && digest_in "$T/digest"
}
manifest_of() { copy --all "$1" "dir:$T/manifest" && cat "$T/manifest/manifest.json"; }

# make_layout DIR: images one and two, index multi of two platforms, and a referrer of one.
make_layout() {
	python3 "$DAVIT_SOURCE/tests/it/mkcopy.py" "$1"
}

# --- a registry, on a port of the kernel's choosing ---

start_registry() {
	command -v docker-registry >/dev/null || skip "no docker-registry"
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	cat >"$T/reg.yml" <<-END
		version: 0.1
		log: {level: error}
		storage: {filesystem: {rootdirectory: $T/reg}, delete: {enabled: true}}
		http: {addr: "127.0.0.1:$port"}
	END
	docker-registry serve "$T/reg.yml" >"$T/reg.log" 2>&1 3>&- </dev/null &
	registry_pid=$!
	reg=localhost:$port
	wait_for eval "(exec 4<>/dev/tcp/127.0.0.1/$port) 2>/dev/null"
}

teardown() {
	[ -z "${registry_pid:-}" ] || kill "$registry_pid"
	it_teardown
}

reg_copy() { copy --src-tls-verify=false --dest-tls-verify=false "$@"; }

# --- local places ---

@test "every pair of local places keeps the digest, and skopeo reads what we wrote" {
	want=$(digest_of "oci:$W/L:one")
	for to in oci:O:one oci-archive:o.tar:one dir:D davit:one; do
		copy "oci:$W/L:one" "$to"
		[ "$(digest_of "$to")" = "$want" ]
		for next in oci:P:x oci-archive:p.tar:x dir:Q davit:again; do
			rm -rf P Q p.tar
			copy "$to" "$next"
			[ "$(digest_of "$next")" = "$want" ]
		done
		[ "$to" = davit:one ] || [ "$(skopeo_ inspect --raw "$to" | sha256sum | cut -d' ' -f1)" = "$want" ]
	done
}

@test "umoci and skopeo accept our layouts" {
	command -v umoci skopeo >/dev/null || skip "no umoci or skopeo"
	copy --all "oci:$W/L:multi" oci:O:multi
	copy "oci:$W/L:one" oci:O:one
	run umoci ls --layout O
	[[ $output == *one* && $output == *multi* ]]
	umoci unpack --rootless --image O:one B
	[ "$(cat B/rootfs/etc/one)" = "one" ]
	skopeo_ copy --all oci:O:multi dir:S
	cmp S/manifest.json <(manifest_of "oci:$W/L:multi")
}

@test "from davit to skopeo and back, digests stay" {
	command -v skopeo >/dev/null || skip "no skopeo"
	copy "oci:$W/L:one" oci-archive:a.tar:one
	skopeo_ copy oci-archive:a.tar:one oci:S:one
	copy oci:S:one davit:one
	[ "$(digest_of davit:one)" = "$(digest_of "oci:$W/L:one")" ]
	davit_ images | grep '^one '
}

@test "docker archives: skopeo reads ours, we read skopeo's, several images in none" {
	copy "oci:$W/L:one" docker-archive:d.tar:one:1
	copy docker-archive:d.tar:one:1 oci:O:one
	copy docker-archive:d.tar oci:O:two
	config=$(manifest_of "oci:$W/L:one" | jq -r .config.digest)
	[ "$(manifest_of oci:O:one | jq -r .config.digest)" = "$config" ]
	command -v skopeo >/dev/null || skip "no skopeo"
	skopeo_ copy docker-archive:d.tar:one:1 dir:S
	[ "$(jq -r .config.digest S/manifest.json)" = "$config" ]
	skopeo_ copy "oci:$W/L:one" docker-archive:s.tar:one:1
	copy docker-archive:s.tar:one:1 davit:s
	davit_ images -q --no-trunc | grep -x "$config"
	run copy docker-archive:s.tar:none dir:N
	[ "$status" -eq 1 ]
	[[ $output == *"no such image"* ]]
}

@test "--format and back: media types change, layers and configuration do not" {
	copy --format v2s2 "oci:$W/L:one" dir:D
	[ "$(jq -r .mediaType D/manifest.json)" = application/vnd.docker.distribution.manifest.v2+json ]
	[ "$(jq -r '.layers[0].mediaType' D/manifest.json)" = application/vnd.docker.image.rootfs.diff.tar.gzip ]
	[ "$(jq -c '[.config.digest, .layers[].digest]' D/manifest.json)" = \
		"$(manifest_of "oci:$W/L:one" | jq -c '[.config.digest, .layers[].digest]')" ]
	copy dir:D oci:O:one            # layouts are OCI
	[ "$(manifest_of oci:O:one | jq -r .mediaType)" = application/vnd.oci.image.manifest.v1+json ]
	run copy --preserve-digests dir:D oci:P:one
	[ "$status" -eq 1 ]
	[[ $output == *"digest cannot be preserved"* ]]
	[ ! -e P ]
	copy --all --format v2s2 "oci:$W/L:multi" dir:M
	[ "$(jq -r .mediaType M/manifest.json)" = application/vnd.docker.distribution.manifest.list.v2+json ]
	[ "$(jq -r '.manifests[1].platform.architecture' M/manifest.json)" = arm64 ]
}

@test "--platform and --multi-arch" {
	copy --platform linux/arm64 "oci:$W/L:multi" dir:D
	[ "$(digest_in D)" = "$(manifest_of "oci:$W/L:multi" | jq -r '.manifests[1].digest' | cut -d: -f2)" ]
	copy --multi-arch index-only "oci:$W/L:multi" dir:I
	[ "$(find I -type f | wc -l)" -eq 2 ]
	run copy --platform linux/s390x "oci:$W/L:multi" dir:E
	[ "$status" -eq 1 ]
	[[ $output == *"no image for platform linux/s390x"* ]]
	[ ! -e E ]
	copy --all "oci:$W/L:multi" davit:multi
	[ "$(digest_of davit:multi)" = "$(digest_of "oci:$W/L:multi")" ]
}

@test "layers are compressed and decompressed, diff ids stay" {
	copy --dest-decompress "oci:$W/L:one" dir:P
	[ "$(jq -r '.layers[0].mediaType' P/manifest.json)" = application/vnd.oci.image.layer.v1.tar ]
	diff=$(jq -r '.rootfs.diff_ids[0]' "P/$(jq -r .config.digest P/manifest.json | cut -d: -f2)")
	[ "$(jq -r '.layers[0].digest' P/manifest.json)" = "$diff" ]
	copy --dest-compress-format zstd dir:P dir:Z
	[ "$(jq -r '.layers[0].mediaType' Z/manifest.json)" = application/vnd.oci.image.layer.v1.tar+zstd ]
	copy --dest-compress-format gzip --dest-compress-level 9 dir:Z dir:G
	[ "$(jq -r '.layers[0].mediaType' G/manifest.json)" = application/vnd.oci.image.layer.v1.tar+gzip ]
	[ "$(gzip -dc "G/$(jq -r '.layers[0].digest' G/manifest.json | cut -d: -f2)" | sha256sum | cut -d' ' -f1)" = "${diff#*:}" ]
	copy dir:Z davit:z
	davit_ images | grep '^z '
	run copy --format v2s2 dir:Z dir:E
	[ "$status" -eq 1 ]
	[[ $output == *"no zstd layers"* ]]
}

@test "referrers come along, unless they are not wanted; artifacts as they are" {
	copy "oci:$W/L:one" oci:O:one
	[ "$(jq '.manifests | length' O/index.json)" -eq 2 ]
	sbom=$(jq -r '.manifests[1].digest' O/index.json)
	[ "$(jq -r .subject.digest "O/blobs/sha256/${sbom#*:}")" = "sha256:$(digest_of oci:O:one)" ]
	copy oci:O oci:O2               # the referrer is no second image
	copy --no-referrers "oci:$W/L:one" oci:P:one
	[ "$(jq '.manifests | length' P/index.json)" -eq 1 ]
	copy "oci:$W/L:art" oci:A:art
	[ "$(digest_of oci:A:art)" = "$(digest_of "oci:$W/L:art")" ]
	copy oci:O:one davit:one
	copy davit:one oci:Q:one
	[ "$(jq '.manifests | length' Q/index.json)" -eq 2 ]
}

@test "sha512 digests" {
	copy "oci:$W/L:sha512" oci:O:x
	[ "$(find O/blobs/sha512 -type f | wc -l)" -eq 1 ]
	[ "$(digest_of oci:O:x)" = "$(digest_of "oci:$W/L:sha512")" ]
	copy oci:O:x davit:x
	davit_ images | grep '^x '
}

@test "--digestfile, --additional-tag, --progress" {
	copy --digestfile d --additional-tag three "oci:$W/L:one" oci:O:one
	[ "$(cat d)" = "sha256:$(digest_of oci:O:three)" ]
	run timeout 300 "$DAVIT_BUILD/davit" copy --no-referrers --progress json "oci:$W/L:one" oci:P:one
	[ "$status" -eq 0 ]
	echo "$output" | jq -es 'map(select(.status == "done")) | length == 2'
	run timeout 300 "$DAVIT_BUILD/davit" copy --progress plain oci:P:one oci:P:two
	[[ $output == *": exists"* ]]
}

@test "an archive to a pipe, and one in place of an old one" {
	timeout 300 "$DAVIT_BUILD/davit-image" copy -q "oci:$W/L:one" oci-archive:/dev/stdout:one | cat >a.tar
	[ "$(digest_of oci-archive:a.tar:one)" = "$(digest_of "oci:$W/L:one")" ]
	timeout 300 "$DAVIT_BUILD/davit-image" copy -q "oci:$W/L:one" docker-archive:/dev/stdout:one | cat >b.tar
	copy docker-archive:b.tar:one dir:D
	cp a.tar old.tar
	run copy oci:nowhere:x oci-archive:a.tar:one
	[ "$status" -eq 1 ]
	cmp a.tar old.tar
	copy "oci:$W/L:two" oci-archive:a.tar:one
	[ "$(digest_of oci-archive:a.tar:one)" = "$(digest_of "oci:$W/L:two")" ]
	[ -z "$(find . -name '.*davit-*')" ]
}

@test "what is not ours is not overwritten" {
	mkdir D
	echo precious >D/file
	for to in dir:D oci:D:x; do
		run copy "oci:$W/L:one" "$to"
		[ "$status" -eq 1 ]
		[[ $output == *"neither empty nor"* ]]
	done
	[ "$(ls D)" = file ]
}

# --- registries ---

@test "registry: there and back, all platforms, known blobs are left out, mounts" {
	start_registry
	reg_copy --all "oci:$W/L:multi" "docker://$reg/a/multi:1"
	reg_copy --all "$reg/a/multi:1" oci:O:multi
	[ "$(digest_of oci:O:multi)" = "$(digest_of "oci:$W/L:multi")" ]
	run timeout 300 "$DAVIT_BUILD/davit-image" copy --progress plain --src-tls-verify=false --dest-tls-verify=false --all \
		"docker://$reg/a/multi:1" "docker://$reg/b/multi:2"
	[ "$status" -eq 0 ]
	[[ $output != *": copying"* ]]
	reg_copy --all "docker://$reg/b/multi:2" dir:D
	[ "$(digest_in D)" = "$(digest_of "oci:$W/L:multi")" ]
	command -v skopeo >/dev/null || skip "no skopeo"
	skopeo_ copy --all --src-tls-verify=false "docker://$reg/b/multi:2" dir:S
	cmp S/manifest.json D/manifest.json
}

@test "registry: plain layers are compressed, referrers by the fallback tag, by digest" {
	start_registry
	copy "oci:$W/L:one" docker-archive:d.tar:one
	reg_copy docker-archive:d.tar:one "docker://$reg/x:1"
	reg_copy "docker://$reg/x:1" dir:D
	[ "$(jq -r '.layers[0].mediaType' D/manifest.json)" = application/vnd.docker.image.rootfs.diff.tar.gzip ]
	reg_copy "docker://$reg/x:1" davit:x
	davit_ images | grep '^x '
	reg_copy --digestfile d "oci:$W/L:one" "docker://$reg/one:1"
	reg_copy "docker://$reg/one@$(cat d)" oci:O:one
	[ "$(jq '.manifests | length' O/index.json)" -eq 2 ]
}

@test "registry: between two, without a copy here; errors name the place" {
	start_registry
	first=$reg first_pid=$registry_pid
	reg_copy "oci:$W/L:one" "docker://$first/one:1"
	reg_copy "docker://$first/one:1" "docker://$first/other/one:1"
	run reg_copy "docker://$first/none:1" dir:D
	[ "$status" -eq 1 ]
	[[ $output == *"$first/none:1"* ]]
	run reg_copy "docker://$first/one:1" "docker://localhost:1/one:1"
	[ "$status" -eq 1 ]
	[[ $output == *"localhost:1/one"* ]]
	[ ! -e root ]
}

# --- save, list-tags, delete ---

@test "save: every format can be loaded, several images share one archive" {
	copy "oci:$W/L:one" davit:one
	copy "oci:$W/L:two" davit:two
	davit_ save one two >a.tar
	timeout 300 "$DAVIT_BUILD/davit" --root "$T/r2" load -i a.tar
	[ "$(timeout 300 "$DAVIT_BUILD/davit" --root "$T/r2" images -q --no-trunc | sort)" = "$(davit_ images -q --no-trunc | sort)" ]
	davit_ save --format oci-archive -o b.tar one two
	timeout 300 "$DAVIT_BUILD/davit" --root "$T/r3" load -i b.tar
	timeout 300 "$DAVIT_BUILD/davit" --root "$T/r3" images | grep '^two '
	davit_ save --format oci-dir -o O one
	timeout 300 "$DAVIT_BUILD/davit" --root "$T/r4" load -i O
	davit_ save --format docker-dir -o D one
	[ "$(jq -r .mediaType D/manifest.json)" = application/vnd.docker.distribution.manifest.v2+json ]
	run davit_ save --format docker-dir one
	[ "$status" -eq 1 ]
	run terminal "$DAVIT_BUILD/davit --root $T/root save one"
	[[ $output == *"not written to a terminal"* ]]
	run davit_ save -o c.tar none
	[ "$status" -eq 1 ]
	[ ! -e c.tar ]
}

@test "list-tags and delete" {
	davit_ list-tags "oci:$W/L" | jq -e '.Tags == ["art", "multi", "one", "sha512", "two"]'
	start_registry
	reg_copy "oci:$W/L:one" "docker://$reg/x:1"
	reg_copy "oci:$W/L:two" "docker://$reg/x:2"
	davit_ list-tags --tls-verify=false --text "docker://$reg/x" >tags
	[ "$(grep -c '^[12]$' tags)" -eq 2 ]
	davit_ delete --tls-verify=false "docker://$reg/x:1"
	run reg_copy "docker://$reg/x:1" dir:D
	[ "$status" -eq 1 ]
}
