# layers.bats - the two layer drivers: which one is used and why, containers on erofs images, and that both show
# the same for what Debian really ships. DAVIT_LAYERS_FULL=1 takes all of /usr, /etc and /var.
bats_require_minimum_version 1.5.0
load lib
load engine

setup() {
	it_setup
	diff_tool=$DAVIT_BUILD/tests/it/layerdiff
}

# Where nothing can mount an image there is nothing to test but the fallback.
need_erofs() {
	[ "$(DAVIT_LAYER_DRIVER=erofs davit info -f '{{.LayerDriver}}')" = erofs ] ||
		skip "no erofs here: $(DAVIT_LAYER_DRIVER=erofs davit info -f '{{.LayerDriverWhyNot}}')"
}

# make_layers NAME TAR...: a docker archive of these layers, lowest first; loaded.
make_layers() {
	local name=$1 d=$T/image-$1 i=0 diffs=() files=() id
	shift
	mkdir -p "$d"
	for tar in "$@"; do
		i=$((i + 1))
		cp "$tar" "$d/$i.tar"
		files+=("$i.tar")
		diffs+=("sha256:$(sha256sum "$tar" | cut -d' ' -f1)")
	done
	jq -cn --args '{architecture: "amd64", os: "linux", created: "2026-01-01T00:00:00Z",
		config: {Env: ["PATH=/bin"], Cmd: ["sh"]}, rootfs: {type: "layers", diff_ids: $ARGS.positional}}' \
		"${diffs[@]}" >"$d/config.json"
	id=$(sha256sum "$d/config.json" | cut -d' ' -f1)
	mv "$d/config.json" "$d/$id.json"
	jq -cn --arg c "$id.json" --arg n "$name:latest" --args '[{Config: $c, RepoTags: [$n], Layers: $ARGS.positional}]' \
		"${files[@]}" >"$d/manifest.json"
	tar -C "$d" -cf "$d.tar" manifest.json "$id.json" "${files[@]}"
	davit load -q -i "$d.tar" >/dev/null
	rm -rf "$d" "$d.tar"
}

# Two layers: busybox, and one that changes it.
make_tars() {
	make_rootfs "$T/a"
	mkdir "$T/a/opaque" "$T/a/plain"
	echo low >"$T/a/opaque/low"
	echo low >"$T/a/plain/low"
	echo gone >"$T/a/gone"
	tar -C "$T/a" --sort=name -cf "$T/a.tar" .
	mkdir -p "$T/b/opaque" "$T/b/plain"
	echo high >"$T/b/opaque/high"
	echo high >"$T/b/plain/high"
	touch "$T/b/opaque/.wh..wh..opq" "$T/b/.wh.gone"
	echo secret >"$T/b/mine"
	chown 1000:1000 "$T/b/mine"
	chmod 4751 "$T/b/mine"
	touch -d '2001-02-03 04:05:06.789' "$T/b/mine"
	tar -C "$T/b" --sort=name --format=posix -cf "$T/b.tar" .
}

# --- which one ---

@test "directories are the default, and nothing is tried for them" {
	run -0 davit info
	[[ $output == *"LayerDriver: dirs"* && $output == *"LayerDriverMount: "$'\n'* ]]
	[ "$(davit info -f '[{{.LayerDriverMount}}{{.LayerDriverWhyNot}}]')" = "[]" ]
}

@test "asked for by the environment or the configuration, the environment first" {
	echo '{"layerDriver": "nonsense"}' >"$T/engine.json"
	DAVIT_CONFIG=$T/engine.json run -1 davit info
	[[ $output == *"engine.json: there is no layer driver \"nonsense\""* ]]
	DAVIT_LAYER_DRIVER=dirs DAVIT_CONFIG=$T/engine.json run -0 davit info
	DAVIT_LAYER_DRIVER=nonsense run -1 davit info
	[[ $output == *"DAVIT_LAYER_DRIVER: there is no layer driver"* ]]
	echo '{"layerDriver": 1}' >"$T/engine.json"
	DAVIT_CONFIG=$T/engine.json run -1 davit info
	[[ $output == *layerDriver* ]]
	echo '{"layerDriver": ' >"$T/engine.json"
	DAVIT_CONFIG=$T/engine.json run -1 davit info
	need_erofs
	echo '{"layerDriver": "erofs"}' >"$T/engine.json"
	[ "$(DAVIT_CONFIG=$T/engine.json davit info -f '{{.LayerDriver}}')" = erofs ]
	[[ "$(DAVIT_CONFIG=$T/engine.json davit info -f '{{.LayerDriverMount}}')" =~ ^(file|loop)$ ]]
	[ -z "$(ls -A "$T/root/tmp")" ]
}

@test "where it does not work, directories are used, and info says why" {
	make_tars
	# a mount namespace is not needed for it: without the privilege nothing can be mounted
	run -0 setpriv --bounding-set -sys_admin --inh-caps -sys_admin env DAVIT_LAYER_DRIVER=erofs "$DAVIT_BUILD/davit" \
		--root "$T/root" --runroot "$T/run" info
	[[ $output == *"LayerDriver: dirs"* && $output == *"LayerDriverWhyNot: erofs: "*"not permitted"* ]]
}

# --- containers ---

@test "containers run on erofs images: whiteouts, copies up, owners, times" {
	need_erofs
	export DAVIT_LAYER_DRIVER=erofs
	make_tars
	make_layers two "$T/a.tar" "$T/b.tar"
	[ "$(find "$T/root/layers" -mindepth 1 -type f | wc -l)" = 2 ]
	[ "$(find "$T/root/layers" -mindepth 1 | wc -l)" = 2 ]
	run -0 davit run --rm two sh -c 'exec 2>&1; ls /opaque /plain; ls /gone; stat -c "%a %u:%g %Y" /mine; cat /mine'
	[ "$output" = $'/opaque:\nhigh\n\n/plain:\nhigh\nlow\nls: /gone: No such file or directory\n4751 1000:1000 '"$(stat -c %Y "$T/b/mine")"$'\nsecret' ]
	davit run --name copies two sh -c 'echo more >>/mine; rm /plain/low; mv /etc/group /etc/groups; chmod 700 /bin; cat /mine'
	davit run --rm two sh -c '[ "$(cat /mine)" = secret ] && [ -e /plain/low ]'
	[ "$(cat "$T/root/containers/$(id_of copies)/upper/mine")" = $'secret\nmore' ]
	davit rm copies
	[ "$(leftovers)" = "" ]
}

@test "nothing of it can be seen on the host: no mount, no loop device" {
	need_erofs
	make_tars
	DAVIT_LAYER_DRIVER=erofs make_layers two "$T/a.tar" "$T/b.tar"
	run_background box two sleep 1000
	run -1 grep erofs /proc/self/mountinfo
	davit rm -f box
	wait "$run_pid" || true
	! losetup -a 2>/dev/null | grep -F "$T"
}

@test "existing layers keep their driver, and both kinds are mixed in one image" {
	need_erofs
	make_tars
	make_layers base "$T/a.tar"
	[ "$(find "$T/root/layers" -mindepth 1 -maxdepth 1 -type d | wc -l)" = 1 ]
	DAVIT_LAYER_DRIVER=erofs make_layers two "$T/a.tar" "$T/b.tar"
	[ "$(find "$T/root/layers" -mindepth 1 -maxdepth 1 -type d | wc -l)" = 1 ]
	[ "$(find "$T/root/layers" -mindepth 1 -maxdepth 1 -type f | wc -l)" = 1 ]
	[ "$(davit run --rm two sh -c 'cat /plain/low /plain/high; ls /opaque')" = $'low\nhigh\nhigh' ]
	# the other way round: the layer that is there is an image
	davit rmi base two
	[ -z "$(ls -A "$T/root/layers")" ]
	DAVIT_LAYER_DRIVER=erofs make_layers base "$T/a.tar"
	DAVIT_LAYER_DRIVER=dirs make_layers two "$T/a.tar" "$T/b.tar"
	[ "$(davit run --rm two sh -c 'cat /plain/low /plain/high; ls /opaque')" = $'low\nhigh\nhigh' ]
}

@test "a layer that leaves out directories gets them from the images below" {
	need_erofs
	export DAVIT_LAYER_DRIVER=erofs
	make_tars
	mkdir -p "$T/c/opaque"
	echo new >"$T/c/opaque/new"
	chmod 700 "$T/a/opaque"
	tar -C "$T/a" --sort=name -cf "$T/a.tar" .
	tar -C "$T/c" -cf "$T/c.tar" opaque/new
	make_layers three "$T/a.tar" "$T/c.tar"
	[ "$(davit run --rm three sh -c 'stat -c %a /opaque; ls /opaque')" = $'700\nlow\nnew' ]
}

@test "an image goes in a handful of unlinks" {
	command -v strace >/dev/null || skip "no strace"
	need_erofs
	export DAVIT_LAYER_DRIVER=erofs
	make_tars
	make_layers two "$T/a.tar" "$T/b.tar"
	# the leak check cannot work in a traced process
	ASAN_OPTIONS=detect_leaks=0 run -0 strace -f -qq -e trace=unlink,unlinkat,rmdir -o "$T/trace" "$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" rmi two
	[ -z "$(ls -A "$T/root/layers")" ]
	# two layers, their blobs, config and manifest, the stage they are removed in
	[ "$(grep -c ' = 0$' "$T/trace")" -le 12 ]
}

@test "a changed byte of an image is found, and the layer made again" {
	need_erofs
	export DAVIT_LAYER_DRIVER=erofs
	make_tars
	make_layers two "$T/a.tar" "$T/b.tar"
	davit system check
	for layer in "$T"/root/layers/*; do
		printf '\377' | dd of="$layer" bs=1 seek=$(($(stat -c %s "$layer") - 4000)) conv=notrunc status=none
	done
	run -1 davit system check
	[[ $output == *"checksum of the index does not match"* ]]
	davit system check --repair
	davit system check
	[ "$(find "$T/root/layers" -mindepth 1 -type f | wc -l)" = 2 ]
	[ "$(davit run --rm two cat /plain/low /plain/high)" = $'low\nhigh' ]
}

# --- both drivers, and GNU tar, show the same ---

# same LOWERS... : $T/x.tar as a layer of both drivers.
same() {
	run -0 "$diff_tool" make dirs "$T/x.dirs" "$T/x.tar" "$@"
	[ "$("$diff_tool" make erofs "$T/x.erofs" "$T/x.tar" "$@")" = "$output" ]
	"$diff_tool" check "$T/x.erofs" "$T/x.tar"
	"$diff_tool" show "$T/x.dirs" >"$T/x.dirs.txt"
	"$diff_tool" show "$T/x.erofs" >"$T/x.erofs.txt"
	cmp "$T/x.dirs.txt" "$T/x.erofs.txt" || { diff "$T/x.dirs.txt" "$T/x.erofs.txt" | head -20; return 1; }
}

@test "what is odd in archives, one after the other" {
	need_erofs
	local d=$T/odd
	mkdir -p "$d/dir/sub" "$d/$(printf 'n%.0s' {1..255})"
	echo data >"$d/dir/file"
	ln "$d/dir/file" "$d/hard"
	ln "$d/dir/file" "$d/dir/sub/hard2"
	ln -s "$(printf 't%.0s' {1..600})" "$d/long-link"
	ln -s dir/file "$d/link"
	ln "$d/link" "$d/link2" 2>/dev/null || true
	mknod "$d/null" c 1 3
	mknod "$d/disk" b 259 65537
	mkfifo "$d/fifo"
	truncate -s 300M "$d/sparse"
	printf data | dd of="$d/sparse" bs=1 seek=$((250 << 20)) conv=notrunc status=none
	truncate -s 10M "$d/hole"
	setfattr -n user.note -v hello "$d/dir/file" 2>/dev/null || true
	setfattr -n trusted.mark -v hello "$d/dir" 2>/dev/null || true
	setcap cap_net_raw+ep "$d/dir/file" 2>/dev/null || true
	setfacl -m u:1000:rw "$d/hole" 2>/dev/null || true
	setfacl -d -m u:1000:rwx "$d/dir" 2>/dev/null || true
	chmod 6755 "$d/hard"
	chmod 1777 "$d/dir"
	chown 4000000000:4000000001 "$d/fifo"
	touch -d '1969-12-31 12:00:00.123456789 UTC' "$d/dir/sub"
	for format in posix gnu; do
		tar -C "$d" -S --format=$format $([ $format = posix ] && echo --xattrs --xattrs-include='*') -cf "$T/x.tar" .
		rm -rf "$T/x.dirs" "$T/x.erofs"
		same
		[ "$(grep -c . "$T/x.erofs.txt")" -ge 15 ]
	done
	[ "$(du -k "$T/x.erofs" | cut -f1)" -lt 2048 ]
}

@test "a tree of Debian" {
	need_erofs
	local parts=(etc usr/sbin usr/share/zoneinfo usr/lib/python3 var/lib/dpkg/info)
	[ -z "${DAVIT_LAYERS_FULL:-}" ] || parts=(etc usr var)
	for i in "${!parts[@]}"; do [ -e "/${parts[i]}" ] || unset "parts[i]"; done
	# files may change while we read; what counts is the archive
	tar -C / --one-file-system --xattrs --xattrs-include='*' --sort=name --format=posix --exclude=var/lib/davit \
		--exclude=var/cache/apt --exclude=var/tmp --exclude="./*.sock" -cf "$T/x.tar" "${parts[@]}" 2>/dev/null || true
	[ "$(stat -c %s "$T/x.tar")" -gt 5000000 ]
	same
	# the archive as GNU tar unpacks it, with what an overlay needs left out on neither side
	mkdir "$T/gnu"
	tar -C "$T/gnu" --xattrs --xattrs-include='*' --same-owner -xpf "$T/x.tar"
	touch -d @0 "$T/gnu"
	for p in usr usr/share usr/lib var var/lib var/lib/dpkg; do
		[ ! -d "$T/gnu/$p" ] || [[ " ${parts[*]} " == *" $p "* ]] || touch -d @0 "$T/gnu/$p"
	done
	"$diff_tool" show "$T/gnu" >"$T/gnu.txt"
	diff "$T/gnu.txt" "$T/x.erofs.txt" >"$T/diff" || { head -20 "$T/diff"; return 1; }
	[ "$(wc -l <"$T/gnu.txt")" -gt 1000 ]
}
