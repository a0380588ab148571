# push.bats - davit push to docker-registry: blobs as they came, layers compressed on the way, what is there already.
load lib
load pull

inspect() { skopeo inspect --raw --tls-verify=false "docker://$1"; }
steps() { jq -r 'select(.step) | .step' "$T/json" | sort | uniq -c | awk '{ print $2 "=" $1 }' | tr '\n' ' '; }

@test "what was pulled keeps its digest; a second push sends nothing, another repository takes over" {
	command -v skopeo >/dev/null || skip "no skopeo"
	serve_docker
	mk good
	skopeo copy -q --insecure-policy --preserve-digests --dest-tls-verify=false "oci:$T/reg/good:case:latest" "docker://$REG/team/web:1"
	want=$(inspect "$REG/team/web:1" | sha256sum | cut -d' ' -f1)
	pull -q "$REG/team/web:1" >/dev/null
	[ "$(push "$REG/team/web:1" "docker://$REG/mirror/web:2" 2>/dev/null)" = "sha256:$want" ]
	[ "$(inspect "$REG/mirror/web:2" | sha256sum | cut -d' ' -f1)" = "$want" ]
	push --progress json "$REG/team/web:1" "$REG/mirror/web:2" >"$T/json"
	[[ $(steps) != *pushing* ]]
	[[ $(steps) == *"exists=3"* ]]
	push --progress json "$REG/team/web:1" "$REG/third/web" >"$T/json"
	steps
	[[ $(steps) == *"mounted=2"* ]]
	run davit push --help
	[[ $output == *"davit push [OPTIONS] IMAGE [DESTINATION]"* ]]
}

@test "plain layers are compressed once, and remembered" {
	command -v skopeo >/dev/null || skip "no skopeo"
	serve_docker
	mk plain
	"$DAVIT_BUILD/davit-image" --root "$T/root" load -q -i "$T/reg/plain" >/dev/null
	push --progress json --digestfile "$T/digest" case "$REG/team/plain:1" >"$T/json"
	[[ $(steps) == *compressing* ]]
	inspect "$REG/team/plain:1" >"$T/manifest"
	[ "$(cat "$T/digest")" = "sha256:$(sha256sum <"$T/manifest" | cut -d' ' -f1)" ]
	[ "$(jq -r '.layers[].mediaType' "$T/manifest" | sort -u)" = application/vnd.oci.image.layer.v1.tar+gzip ]
	push --progress json case "$REG/team/plain:1" >"$T/json"
	[[ $(steps) != *compressing* && $(steps) != *pushing* ]]
	# Another repository takes over what this one has, although no image of that name is here.
	push --progress json case "$REG/another/plain:1" >"$T/json"
	steps
	[[ $(steps) != *compressing* && $(steps) == *"mounted=2"* ]]
	[ "$(inspect "$REG/another/plain:1")" = "$(cat "$T/manifest")" ]
	# The same image comes back.
	id=$(davit images -q --no-trunc)
	[ "$(timeout 300 "$DAVIT_BUILD/davit-image" --root "$T/other" pull -q --tls-verify=false "$REG/team/plain:1")" = "$id" ]
	[ "$(ls "$T/other/layers")" = "$(ls "$T/root/layers")" ]
	skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$REG/team/plain:1" "oci:$T/back:x"
}

@test "zstd, docker's manifests, levels" {
	command -v skopeo >/dev/null || skip "no skopeo"
	serve_docker
	mk good
	"$DAVIT_BUILD/davit-image" --root "$T/root" load -q -i "$T/reg/good" >/dev/null
	push -q --compression-format zstd --compression-level 5 case "$REG/z:1"
	[ "$(inspect "$REG/z:1" | jq -r '.layers[0].mediaType')" = application/vnd.oci.image.layer.v1.tar+zstd ]
	id=$(davit images -q --no-trunc)
	[ "$(timeout 300 "$DAVIT_BUILD/davit-image" --root "$T/other" pull -q --tls-verify=false "$REG/z:1")" = "$id" ]
	push -q --format v2s2 case "$REG/d:1"
	[ "$(inspect "$REG/d:1" | jq -r .mediaType)" = application/vnd.docker.distribution.manifest.v2+json ]
	[ "$(timeout 300 "$DAVIT_BUILD/davit-image" --root "$T/third" pull -q --tls-verify=false "$REG/d:1")" = "$id" ]
	run push --format v2s2 --compression-format zstd case "$REG/d:2"
	[ "$status" = 1 ]
	[[ $output == *"no zstd"* ]]
}

@test "an index: by id, with all its images; all tags of a repository" {
	serve_docker
	cd "$T"
	python3 "$DAVIT_SOURCE/tests/it/mkcopy.py" L
	copy() { timeout 100 "$DAVIT_BUILD/davit-image" --root "$T/root" copy -q "$@"; }
	copy oci:L:one davit:one
	davit manifest create list one >/dev/null
	davit manifest add --all list oci:L:multi
	id=$(davit images -q list)
	run -1 push -q "$id"
	[[ $output == *"$id is an id: say also where to push it"* ]]
	run -1 push -q "$(davit images -q one)"
	[[ $output == *"is an id"* ]]
	push -q --all "$id" "$REG/a/list:1"
	[ "$(davit manifest inspect --raw list | sha256sum)" = "$(davit manifest inspect --raw --tls-verify=false "docker://$REG/a/list:1" | sha256sum)" ]
	timeout 100 "$DAVIT_BUILD/davit-image" --root "$T/other" copy -q --src-tls-verify=false --all "docker://$REG/a/list:1" dir:all
	[ "$(find all -type f | wc -l)" -ge 8 ]
	push -q "$id" "$REG/a/host:1"
	[ "$(davit manifest inspect --raw --tls-verify=false "docker://$REG/a/host:1" | jq -r .config.digest)" = "$(davit inspect -f '{{.Id}}' one)" ]
	davit manifest create far >/dev/null
	davit manifest add --arch riscv64 far oci:L:two
	push -q "$(davit images -q far)" "$REG/a/far:1"
	davit manifest inspect --raw --tls-verify=false "docker://$REG/a/far:1" | jq -e '.manifests | length == 1'

	davit tag one "$REG/t/web:1"
	davit tag one "$REG/t/web:2"
	davit tag one "$REG/t/website:3"
	davit tag far "$REG/t/web:far"
	push --progress json --all-tags "$REG/t/web" >"$T/json"
	[ "$(jq -r 'select(.name) | .name' "$T/json" | sort | tr '\n' ' ')" = "$REG/t/web:1 $REG/t/web:2 $REG/t/web:far " ]
	davit list-tags --tls-verify=false "docker://$REG/t/web" | jq -e ".Tags | sort == [\"1\", \"2\", \"far\"]"
	run -1 push -q --all-tags "$REG/t/web:1"
	[[ $output == *"without tag"* ]]
	run -1 push -q -a "$REG/t/none"
	[[ $output == *"no image of the repository $REG/t/none"* ]]
}

@test "a full disk and a read-only store: the reason is told, nothing is left, what needs no writing works" {
	serve_docker
	big_layout big 6000
	"$DAVIT_BUILD/davit-image" --root "$T/made" load -q -i "$T/reg/big" >/dev/null
	"$DAVIT_BUILD/davit-image" --root "$T/made" save -q --format oci-archive --uncompressed -o "$T/plain.tar" case
	cat >"$T/try" <<-'SH'
		mkdir -p "$1/small" && mount -t tmpfs -o size=64m small "$1/small" || exit 99
		"$2" --root "$1/small" load -q -i "$1/plain.tar"
		used=$(df -k --output=used "$1/small" | tail -n 1)
		mount -o "remount,size=$((used + 1000))k" "$1/small"
		"$2" --root "$1/small" push -q --retry 0 --tls-verify=false case "$3/full:1"
		echo "status $?"
		[ -z "$(find "$1/small/tmp" -mindepth 1)" ] && echo clean
		mount -o remount,size=64m,ro "$1/small"
		"$2" --root "$1/small" push -q --retry 0 --tls-verify=false case "$3/ro:1"
		echo "read-only $?"
		mount -o remount,rw "$1/small"
		"$2" --root "$1/small" push -q --tls-verify=false case "$3/good:1" && echo pushed
		mount -o remount,ro "$1/small"
		"$2" --root "$1/small" push -q --tls-verify=false case "$3/again:1" && echo pushed again
	SH
	run unshare -m --propagation private timeout 200 sh "$T/try" "$T" "$DAVIT_BUILD/davit-image" "$REG"
	echo "$output"
	[[ $output == *"No space left on device"*"status 1"*"clean"*"ead-only"*"read-only 1"*"pushed"*"pushed again"* ]]
	[ "$(inspect "$REG/good:1")" = "$(inspect "$REG/again:1")" ]
}

@test "errors name what is wrong" {
	run push "127.0.0.1:1/none"
	[ "$status" = 1 ]
	[[ $output == *"127.0.0.1:1/none"* ]]
	mk plain
	"$DAVIT_BUILD/davit-image" --root "$T/root" load -q -i "$T/reg/plain" >/dev/null
	run push -q --retry 0 case 127.0.0.1:1/none
	[ "$status" = 1 ]
	[[ $output == "davit-image: "*"127.0.0.1:1"* ]]
	[ -z "$(ls "$T/root/tmp")" ]
	run push
	[ "$status" = 125 ]
}
