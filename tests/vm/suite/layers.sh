# Layers on an older kernel, which mounts no file as it is and takes no layers of an overlay by descriptor: asked for
# erofs, davit finds out by trying that a loop device does it; without those it works with directories.
export DAVIT_NETWORK=none       # of layers only: the modules of its firewall are not here
. /vm/lib.sh

[ -x /vm/davit ] && [ -x /vm/davit-image ] || { skip "all" "no davit in this tree"; exit 0; }
export DAVIT_LAYER_DRIVER=erofs
ROOT=/tmp/root

davit() { /vm/davit --root $ROOT --runroot /run/davit "$@"; }

make_image() {
	make_rootfs
	mkdir -p /tmp/image
	tar -C /vm/rootfs -cf /tmp/image/layer.tar .
	sum=$(sha256sum /tmp/image/layer.tar | cut -d' ' -f1)
	jq -cn --arg d "sha256:$sum" '{architecture: "amd64", os: "linux", config: {Env: ["PATH=/bin"], Cmd: ["sh"]},
		rootfs: {type: "layers", diff_ids: [$d]}}' >/tmp/image/config.json
	echo '[{"Config": "config.json", "RepoTags": ["bb:latest"], "Layers": ["layer.tar"]}]' >/tmp/image/manifest.json
	(cd /tmp/image && tar -cf /tmp/bb.tar manifest.json config.json layer.tar)
}

# uses DRIVER MOUNT: info says so, and load does it.
uses() {
	driver=$(davit info -f '{{.LayerDriver}}')
	mount=$(davit info -f '{{.LayerDriverMount}}')
	why=$(davit info -f '{{.LayerDriverWhyNot}}')
	echo "driver '$driver' mount '$mount' why not '$why'"
	is driver "$driver" "$1"
	is mount "$mount" "$2"
	davit load -i /tmp/bb.tar
	case $driver in
	dirs) [ -d "$(echo $ROOT/layers/*)" ] ;;
	erofs) [ -f "$(echo $ROOT/layers/*)" ] ;;
	esac
	is "left in tmp" "$(ls -A $ROOT/tmp)" ""
}

by_loop() {
	make_image
	uses erofs loop
	is "why not" "$why" ""
}

by_directories() {
	ROOT=/tmp/root2
	rm /dev/loop-control
	uses dirs ""
	has "why not" "$why" "erofs: as a file: "
	has "why not" "$why" "; by a loop device: "
	runs
	removed
}

runs() {
	is output "$(davit run --rm bb sh -c 'echo hello >/new; rm /etc/group; cat /new; id -u')" "hello
0"
	is containers "$(davit ps -aq)" ""
	fails grep -q -e $ROOT -e erofs /proc/self/mountinfo
}

removed() {
	davit rmi bb
	is layers "$(ls -A $ROOT/layers)" ""
}

no_loop_is_left() {
	for f in /sys/block/loop*/loop/backing_file; do
		[ ! -e "$f" ] || { cat "$f"; return 1; }
	done
}

t "a loop device mounts layers here: found out, said, used" by_loop
t "a container runs on it" runs
t "the image is removed" removed
t "no loop device is left" wait_for no_loop_is_left
t "without loop devices it is directories, and info says why" by_directories
if [ -x /vm/engine-overlay_test ]; then
	t "the overlay's way for older kernels" /vm/engine-overlay_test
else
	skip "the overlay's way for older kernels" "not in this tree"
fi
