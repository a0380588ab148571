# image.bash - the image of the benches: busybox, as an archive that all engines load.
#
#	make_archive DIR APPLET...: DIR/bb.tar, whose image is called "bench"

make_archive() {
	local d=$1 a
	shift
	mkdir -p "$d/rootfs/bin" "$d/rootfs/etc" "$d/rootfs/tmp"
	cp /bin/busybox "$d/rootfs/bin/" || die "busybox-static is wanted"
	for a in "$@"; do ln -s busybox "$d/rootfs/bin/$a"; done
	echo root:x:0:0:root:/root:/bin/sh >"$d/rootfs/etc/passwd"
	umoci init --layout "$d/layout" >/dev/null && umoci new --image "$d/layout:bb" >/dev/null &&
		umoci unpack --image "$d/layout:bb" "$d/unpacked" >/dev/null && cp -a "$d/rootfs/." "$d/unpacked/rootfs/" &&
		umoci repack --image "$d/layout:bb" "$d/unpacked" >/dev/null &&
		skopeo copy -q --insecure-policy "oci:$d/layout:bb" "docker-archive:$d/bb.tar:bench:latest" ||
		die "umoci and skopeo are wanted"
}
