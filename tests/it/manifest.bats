# manifest.bats - davit manifest, import: lists made by hand, images made of a tar.

load lib

setup() {
	it_setup
	cd "$T" || return 1
	python3 "$DAVIT_SOURCE/tests/it/mkcopy.py" L
}

davit() { timeout 300 "$DAVIT_BUILD/davit" --root "$T/root" "$@"; }
copy() { timeout 300 "$DAVIT_BUILD/davit-image" --root "$T/root" copy -q "$@"; }

@test "create, add, annotate, remove, rm" {
	copy oci:L:one davit:one
	davit manifest create list one
	run davit manifest create list
	[ "$status" -eq 1 ]
	[[ $output == *"exists already"* ]]
	davit manifest exists list
	run davit manifest exists none
	[ "$status" -eq 1 ]
	davit manifest inspect list | jq -e '.manifests | length == 1 and .[0].platform == {architecture: "amd64", os: "linux"}'
	davit manifest add --all list oci:L:multi
	davit manifest inspect list | jq -e '[.manifests[].platform.architecture] == ["amd64", "amd64", "arm64"]'
	davit manifest add --arch riscv64 --variant v1 --annotation a=b=c --features f list oci:L:two
	davit manifest inspect list | jq -e '.manifests[3] | .platform == {architecture: "riscv64", os: "linux", variant: "v1", features: ["f"]} and .annotations.a == "b=c"'
	digest=$(davit manifest inspect list | jq -r '.manifests[3].digest')
	davit manifest annotate --os plan9 --os-version 4 list "$digest"
	davit manifest inspect list | jq -e '.manifests[3].platform | .os == "plan9" and ."os.version" == "4" and .architecture == "riscv64"'
	davit manifest add list oci:L:two               # the same again replaces
	davit manifest inspect list | jq -e '.manifests | length == 4'
	davit manifest remove list "$digest"
	davit manifest remove list one
	davit manifest inspect list | jq -e '.manifests | length == 2'
	run davit manifest remove list "$digest"
	[ "$status" -eq 1 ]
	davit manifest rm list
	run davit manifest exists list
	[ "$status" -eq 1 ]
	run davit manifest inspect one --config
	[ "$(jq -r .architecture <<<"$output")" = amd64 ]
}

@test "a list is pushed with its images, in both formats" {
	davit manifest create list
	davit manifest add --all list oci:L:multi
	davit manifest push --digestfile d list oci:O:list
	[ "$(davit manifest inspect --raw oci:O:list | sha256sum | cut -d' ' -f1)" = "$(cut -d: -f2 d)" ]
	[ "$(find O/blobs/sha256 -type f | wc -l)" -eq 7 ]
	davit manifest push -q --format v2s2 list dir:D
	[ "$(jq -r .mediaType D/manifest.json)" = application/vnd.docker.distribution.manifest.list.v2+json ]
	davit manifest push -q --rm --all=false list dir:E
	[ "$(find E -type f | wc -l)" -eq 2 ]
	run davit manifest exists list
	[ "$status" -eq 1 ]
	command -v skopeo >/dev/null || skip "no skopeo"
	skopeo --insecure-policy copy --all oci:O:list dir:S
}

# index_id NAME: as davit images shows it.
index_id() { davit images -q "$1"; }

@test "an index goes by its id: tag, untag, inspect, save, rmi, all that images lists" {
	copy oci:L:one davit:one
	davit manifest create list one >"$T/id"
	id=$(index_id list)
	[ "sha256:$id" = "$(head -c 19 "$T/id")" ]
	davit tag "$id" other:1
	[ "$(davit manifest inspect --raw other:1 | sha256sum | cut -c -12)" = "$id" ]
	davit image exists "$id"
	[ "$(davit inspect -f '{{.Id}}' "$id")" = "$(davit inspect -f '{{.Id}}' one)" ]
	davit save -q --format oci-archive -o s.tar "$(cat "$T/id")"
	[ "$(copy oci-archive:s.tar dir:S && jq -r .config.digest S/manifest.json)" = "$(davit inspect -f '{{.Id}}' one)" ]
	run -1 davit rmi "$id"
	[[ $output == *"must be forced"* ]]
	run -1 davit untag "$id" one
	[[ $output == *"one is not a name of image $id"* ]]
	davit untag "$id" list
	run -1 davit manifest exists list
	run -0 davit rmi "${id:0:6}"
	[ "$output" = "Untagged: other:1
Deleted: $(cat "$T/id")" ]
	davit manifest create list one
	davit tag list again
	davit untag list
	[ "$(davit images --format '{{.Repository}}')" = one ]
	davit manifest create list one
	davit tag list again
	davit rmi -f $(davit images -q)
	[ -z "$(davit images -q)" ]
	davit system gc --grace 0
	[ -z "$(find "$T/root/blobs" -type f)" ]
}

@test "an index for other machines is inspected, and a name that looks like an id wins" {
	copy oci:L:two davit:two
	davit manifest create far
	davit manifest add --arch riscv64 far oci:L:two
	id=$(index_id far)
	[ "$(davit inspect -f '{{.RepoTags}} {{(index .Manifests 0).platform.architecture}}' "$id")" = "[far:latest] riscv64" ]
	[ "$(davit image inspect far | jq -r '.[0].Digest')" = "$(davit inspect -f '{{.Id}}' far)" ]
	davit tag two "$id"
	[ "$(davit inspect -f '{{.Id}}' "$id")" = "$(davit inspect -f '{{.Id}}' two)" ]
	run -0 davit rmi "$id"
	[ "$output" = "Untagged: $id:latest" ]
	davit manifest exists far
}

@test "import: an image of a tar, with changes" {
	mkdir -p r/bin
	echo hello >r/hello
	tar -C r -cf r.tar .
	id=$(davit import -c 'CMD ["/bin/sh"]' -c 'ENV A=1 B=2' -c 'EXPOSE 80' -m 'a message' r.tar made:1)
	[ "$id" = "$(davit images -q --no-trunc)" ]
	davit manifest inspect --config made:1 | jq -e '.config == {Cmd: ["/bin/sh"], Env: ["A=1", "B=2"], ExposedPorts: {"80/tcp": {}}}
		and .history[0].comment == "a message"'
	[ "$(davit manifest inspect --config made:1 | jq -r '.rootfs.diff_ids[0]')" = "sha256:$(sha256sum <r.tar | cut -d' ' -f1)" ]
	gzip -c r.tar | davit import - made:2
	davit save -o s.tar made:2
	tar -xOf s.tar "$(sha256sum <r.tar | cut -d' ' -f1).tar" | cmp - r.tar
	davit import r.tar
	run davit import -c 'RUN x' r.tar broken
	[ "$status" -eq 1 ]
	[[ $output == *"no instruction that changes"* ]]
	head -c 700 r.tar >cut.tar
	run davit import cut.tar broken
	[ "$status" -eq 1 ]
	run davit manifest inspect davit:broken
	[ "$status" -eq 1 ]
}
