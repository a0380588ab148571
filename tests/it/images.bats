# images.bats - images as docker and podman users handle them: list, names, history, inspect, mount, diff, prune.
load lib
load engine

# Another image: the base and a layer of its own, from a directory; make_second NAME COMMAND... that changes it.
make_second() {
	local d=$T/second-$1 base sum id name=$1
	shift
	mkdir -p "$d/up"
	(cd "$d/up" && "$@")
	tar -C "$d/up" -cf "$d/up.tar" .
	tar -C "$T" -xf "$T/image-bb.tar" --one-top-level="$d/bb"
	base=$(sha256sum "$d/bb/layer.tar" | cut -d' ' -f1)
	sum=$(sha256sum "$d/up.tar" | cut -d' ' -f1)
	mv "$d/bb/layer.tar" "$d/layer.tar"
	jq -cn --arg a "sha256:$base" --arg b "sha256:$sum" '{architecture: "amd64", os: "linux", created: "2026-02-01T00:00:00Z",
		config: {Cmd: ["sh"], Labels: {tier: "front"}}, rootfs: {type: "layers", diff_ids: [$a, $b]},
		history: [{created: "2026-01-01T00:00:00Z", created_by: "COPY rootfs / # the base"},
			  {created: "2026-02-01T00:00:00Z", created_by: "RUN something", comment: "second"}]}' >"$d/config.json"
	id=$(sha256sum "$d/config.json" | cut -d' ' -f1)
	mv "$d/config.json" "$d/$id.json"
	jq -cn --arg c "$id.json" --arg n "$name:latest" '[{Config: $c, RepoTags: [$n], Layers: ["layer.tar", "up.tar"]}]' >"$d/manifest.json"
	tar -C "$d" -cf "$T/second-$name.tar" manifest.json "$id.json" layer.tar up.tar
	davit load -q -i "$T/second-$name.tar" >/dev/null
	rm -rf "$d"
}
image_id() { davit image inspect -f '{{.Id}}' "$1"; }

@test "images: names, ids, filters, formats" {
	make_second web touch file
	davit tag bb localhost:5000/tools/bb:v1
	[ "$(davit images --format '{{.Repository}}:{{.Tag}}' | tr '\n' ' ')" = "web:latest bb:latest localhost:5000/tools/bb:v1 " ]
	run -0 davit images
	[[ ${lines[0]} == "REPOSITORY"*"TAG"*"IMAGE ID"*"CREATED"*"SIZE" ]]
	id=$(image_id web)
	[ "$(davit images -q web)" = "${id:7:12}" ]
	[ "$(davit images -q --no-trunc web:latest)" = "$id" ]
	names() { davit image ls --format '{{.Repository}}' "$@" | tr '\n' ' '; }
	[ "$(names 'w*')" = "web " ]
	[ "$(names --filter reference='*/tools/bb')" = "localhost:5000/tools/bb " ]
	[ "$(names --filter reference=web --filter reference=bb:latest)" = "web bb " ]
	[ "$(names --filter label=tier)" = "web " ]
	[ "$(names --filter label=tier=back)" = "" ]
	[ "$(names --filter label=from=image)" = "bb localhost:5000/tools/bb " ]
	[ "$(names --filter before=web)" = "bb localhost:5000/tools/bb " ]
	[ "$(names --filter since=bb)" = "web " ]
	[ "$(names --filter until=2026-01-15T00:00:00Z)" = "bb localhost:5000/tools/bb " ]
	[ "$(names --filter dangling=true)" = "" ]
	davit untag web web
	[ "$(names --filter dangling=true)" = "<none> " ]
	[ "$(davit images --format json | jq -r 'select(.Tag == "v1").Repository')" = localhost:5000/tools/bb ]
	run -1 davit images --filter colour=red
	[[ $output == *"invalid filter 'colour'"* ]]
}

@test "tag, untag, rmi: names go one by one, the image with the last" {
	id=$(image_id bb)
	davit tag bb one two:2
	run -1 davit rmi "$id"
	[[ $output == *"conflict: unable to delete ${id:7:12} (must be forced) - image is referenced in multiple repositories"* ]]
	[ "$(davit rmi one)" = "Untagged: one:latest" ]
	run -1 davit untag bb two
	[[ $output == *"two is not a name of image ${id:7:12}"* ]]
	davit untag bb two:2
	run -0 davit rmi bb
	[ "${lines[0]}" = "Untagged: bb:latest" ]
	[ "${lines[1]}" = "Deleted: $id" ]
	[[ ${lines[2]} == "Deleted: sha256:"* ]]
	run -1 davit rmi bb
	[ "$output" = "davit: No such image: bb" ]
	run -0 davit rmi -f bb
	run -0 davit rmi --ignore bb
	run -1 davit tag bb x
	run -1 davit image exists bb
	[ "$output" = "" ]
	run -1 davit rmi
	[ -z "$(find "$T/root/layers" "$T/root/blobs" "$T/root/tmp" -mindepth 1 ! -name 'sha*')" ]
}

@test "rmi: an image that a container uses, or that is mounted, stays" {
	davit run --name box bb true
	run -1 davit rmi -f bb
	[[ $output == *"conflict: unable to remove image"*"container"*"(box) is using it"* ]]
	davit rm box
	davit image mount bb
	run -1 davit rmi bb
	[[ $output == *"it is mounted"* ]]
	davit image unmount bb
	davit rmi --all
	[ "$(davit images -q)" = "" ]
}

@test "history: newest first, docker's columns" {
	make_second web touch file
	run -0 davit history web
	[[ ${lines[0]} == "IMAGE"*"CREATED"*"CREATED BY"*"SIZE"*"COMMENT" ]]
	id=$(image_id web)
	[[ ${lines[1]} == "${id:7:12}"*"RUN something"*"0B"*"second" ]]
	[[ ${lines[2]} == "<missing>"*"COPY rootfs / # the base"*"MB"* ]]
	[ "${#lines[@]}" = 3 ]
	[ "$(davit history -q bb | wc -l)" = 2 ]
	[ "$(davit history --format '{{.CreatedBy}}|{{.Size}}' bb | head -1)" = "ENV FOO=image|0B" ]
	[ "$(davit image history --human=false --format '{{.CreatedSince}}' bb | head -1)" = 2026-01-02T00:00:00Z ]
	[ "$(davit history --no-trunc -q web | head -1)" = "$id" ]
	[ "$(davit history --format json web | jq -r .Comment | head -1)" = second ]
}

@test "inspect: docker's fields; a container wins over an image" {
	run -0 davit inspect bb
	jq -e --arg id "$(image_id bb)" '.[0] | .Id == $id and .RepoTags == ["bb:latest"] and .Config.Labels.from == "image"
		and .Architecture == "amd64" and .Os == "linux" and .Created == "2026-01-01T00:00:00Z" and .RootFS.Type == "layers"
		and (.RootFS.Layers | length) == 1 and .Size > 100000 and (.GraphDriver.Data.UpperDir | startswith("/"))' <<<"$output"
	davit run --name bb bb true
	[ "$(davit inspect -f '{{.Name}}' bb)" = /bb ]
	[ "$(davit inspect --type image -f '{{.Os}}' bb)" = linux ]
	[ "$(davit image inspect -f '{{json .Config.Cmd}}' bb)" = '["sh","-c","echo default"]' ]
	run -1 davit inspect nosuch
	[[ $output == *"No such object: nosuch"* ]]
	run -1 davit image inspect nosuch
	[[ $output == *"No such image: nosuch"* ]]
	run -1 davit container inspect nosuch
	[[ $output == *"No such container: nosuch"* ]]
}

@test "inspect and history say what podman says" {
	command -v podman >/dev/null || skip "podman is missing"
	p=(podman --root "$T/p" --runroot "$T/pr" --tmpdir "$T/pt" --storage-driver vfs)
	make_second web touch file
	"${p[@]}" load -q -i "$T/second-web.tar" >/dev/null 2>&1 || skip "podman cannot load here"
	fields='.[0] | {Id: (.Id | sub("sha256:"; "")), Layers: .RootFS.Layers, Cmd: .Config.Cmd, Labels: .Config.Labels, Os, Architecture}'
	diff <("${p[@]}" inspect web | jq -S "$fields") <(davit inspect web | jq -S "$fields")
	diff <("${p[@]}" history --no-trunc --format '{{.CreatedBy}}' web) <(davit history --no-trunc --format '{{.CreatedBy}}' web)
	"${p[@]}" rmi -f web >/dev/null
}

@test "mount: all layers as one tree, read-only, until it is unmounted as often" {
	make_second web sh -c 'mkdir etc; echo new >etc/motd; touch bin; rm bin; mkdir bin; touch bin/.wh.ls'
	run -0 davit image mount web
	dir=$output
	[ "$(cat "$dir/etc/motd")" = new ]
	[ -x "$dir/bin/busybox" ]
	[ ! -e "$dir/bin/ls" ]
	! touch "$dir/x" 2>/dev/null
	[ "$(davit image mount web)" = "$dir" ]
	[ "$(davit image mount)" = "docker.io/library/web:latest $dir" ]
	[ "$(davit image mount --format json | jq -r '.[0].mountpoint')" = "$dir" ]
	davit image unmount web
	[ -e "$dir/etc/motd" ]
	[ "$(davit image umount web)" = "$(image_id web | cut -c8-)" ]
	[ ! -e "$dir" ]
	run -1 davit image unmount web
	[[ $output == *"is not mounted"* ]]
	run -0 davit image mount --all
	[ "${#lines[@]}" = 2 ]
	davit image mount web
	run -0 davit image unmount --all --force
	[ "${#lines[@]}" = 2 ]
	[ "$(davit image mount)" = "" ]
	# What a killed command or a restart leaves.
	mkdir "$dir"
	[ "$(davit image mount)" = "" ]
	[ ! -e "$dir" ]
}

@test "diff and tree: what changed, who shares" {
	make_second web sh -c 'mkdir -p etc srv/new var/empty; echo changed >etc/passwd; chmod 600 etc/passwd; echo x >srv/new/file
		cp -a /bin/true bin 2>/dev/null || true; rm -f bin; touch .wh.usr; mkdir tmp; chmod 1777 tmp'
	run -0 davit image diff bb web
	[ "$output" = "C /etc
C /etc/passwd
A /srv
A /srv/new
A /srv/new/file
D /usr
C /var
A /var/empty" ]
	[ "$(davit image diff web bb --format json | jq -c .added)" = '["/usr"]' ]
	[ "$(davit image diff bb bb)" = "" ]
	run -0 davit image tree web
	[ "${lines[0]}" = "Image ID: $(image_id web | cut -c8-19)" ]
	[ "${lines[1]}" = "Tags:     [web:latest]" ]
	[[ ${lines[4]} == "├── ID: "*"COPY rootfs"* ]]
	[[ ${lines[5]} == *"shared with bb:latest" ]]
	[[ ${lines[6]} == "└── ID: "*"RUN something" ]]
	[ "$(davit image tree --format json web | jq -r '.Layers[0].SharedWith[0]')" = bb:latest ]
}

@test "prune: those without a name, or all that nothing uses" {
	make_second web touch file
	davit untag web
	echo n | davit image prune >/dev/null
	[ "$(davit images -q | wc -l)" = 2 ]
	run -0 davit image prune -f --filter label=tier=back
	[ "$output" = "Total reclaimed space: 0B" ]
	run -0 davit image prune --force
	[ "${lines[0]}" = "Deleted Images:" ]
	[[ ${lines[1]} == "deleted: sha256:"* ]]
	[ "$(davit images -q | wc -l)" = 1 ]
	davit run --name box bb true
	run -0 davit image prune -af
	[ "$output" = "Total reclaimed space: 0B" ]
	davit rm box
	run -0 davit image prune --all --force
	[[ $output == *"untagged: bb:latest"*"Total reclaimed space: "*"MB" ]]
}

@test "gc says of each thing why it stays or goes; df" {
	echo stray >"$T/root/blobs/sha256/stray"
	run -0 davit system gc --dry-run
	[[ $output == *"stays"*"layer 1 of docker.io/library/bb:latest"* ]]
	[[ $output == *"goes"*"blobs/sha256/stray"*"no row of the database knows it"* ]]
	[ -e "$T/root/blobs/sha256/stray" ]
	[ "$(davit image gc -n --format json | jq '[.Items[] | select(.Removed)] | length')" = 1 ]
	run -0 davit system gc --grace 0
	[[ $output == *"Removed: 6B in 1"* ]]
	[ ! -e "$T/root/blobs/sha256/stray" ]
	run -0 davit run --rm bb true
	[[ $(davit system df --format '{{.Type}} {{.TotalCount}} {{.Active}}' | head -1) == "Images 1 0" ]]
}

@test "system check finds one flipped byte anywhere, and repairs what it can" {
	run -0 davit system check
	[[ $output == *": no problems" ]]
	layer=$(davit image inspect bb -f '{{.GraphDriver.Data.UpperDir}}')
	printf 'X' | dd of="$layer/etc/passwd" bs=1 conv=notrunc status=none
	run -1 davit system check
	[[ ${lines[0]} == "layer layers/"*"etc"*"; images: bb:latest" ]]
	[ "$(davit system check --format json | jq -c '.Problems[0].Images')" = '["docker.io/library/bb:latest"]' ]
	run -0 davit system check --repair
	[[ ${lines[0]} == *"(repaired); images: bb:latest" ]]
	run -0 davit system check
	davit run --rm bb sh -c 'head -c 4 /etc/passwd' | grep -x root
	# The largest blob is the layer: it cannot be made again, but loading the image brings it back.
	blob=$(find "$T/root/blobs" -type f -printf '%s %p\n' | sort -n | tail -1 | cut -d' ' -f2)
	printf 'X' | dd of="$blob" bs=1 seek=100000 conv=notrunc status=none
	run -1 davit system check --repair
	[[ ${lines[0]} == "blob sha256:"*"another digest; images: bb:latest" ]]
	davit run --rm bb true
	davit load -q -i "$T/image-bb.tar" >/dev/null
	run -0 davit system check
	[[ $output == *": no problems" ]]
}

@test "system check of a read-only store: blobs are verified, nothing is changed, what was left out is told" {
	export T DAVIT_BUILD
	export -f davit
	read_only() { unshare -m --propagation private bash -c 'mount --bind "$T/root" "$T/root"; mount -o remount,bind,ro "$T/root"; "$@"' sh "$@"; }
	run -0 read_only davit system check
	[[ $output == *"read-only: the files of layers were not compared"*": no problems" ]]
	[ "$(read_only davit system check --format json | jq .BlobsOnly)" = true ]
	[ "$(davit system check --format json | jq .BlobsOnly)" = false ]
	blob=$(find "$T/root/blobs" -type f -printf '%s %p\n' | sort -n | tail -1 | cut -d' ' -f2)
	printf 'X' | dd of="$blob" bs=1 seek=100000 conv=notrunc status=none
	before=$(find "$T/root" -type f -printf '%p %s %T@\n' | grep -v 'engine.db' | sort)
	run -1 read_only davit system check
	[[ $output == *"blob sha256:"*"another digest; images: bb:latest"*"1 problems, 0 repaired" ]]
	run -1 read_only davit system check --repair
	[[ $output == *"is read-only" ]]
	[ "$(find "$T/root" -type f -printf '%p %s %T@\n' | grep -v 'engine.db' | sort)" = "$before" ]
}

@test "a layer that an image has twice" {
	"$DAVIT_SOURCE/tests/it/mklayout.py" same-layer-twice "$T/twice"
	davit load -q -i "$T/twice"
	dir=$(davit image mount case)
	[ -n "$(ls "$dir")" ]
	davit image unmount case
	run -127 davit run --rm case nosuch
	[[ $output == *"nosuch"* && $output != *"symbolic"* ]]
}

@test "a read-only store: reading works, writing says so" {
	davit images >/dev/null
	export -f davit
	export T DAVIT_BUILD
	run -0 unshare -m --propagation private bash -c 'mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"
		davit images -q; davit history -q bb; davit image inspect bb -f "{{.Os}}"; davit system gc --dry-run | tail -1
		davit rmi bb; davit tag bb x; "$DAVIT_BUILD/davit-image" --root "$1" load -i "$2"; true' sh "$T/root" "$T/image-bb.tar"
	[ "${lines[0]}" = "$(davit images -q)" ]
	[ "${lines[3]}" = linux ]
	[[ $output == *"Kept: "* ]]
	[ "$(grep -c "read-only" <<<"$output")" = 3 ]
	[ "$(davit images -q)" = "${lines[0]}" ]
}
