# engine.bash - for the bats files of the engine: an image, and davit with roots of the test's own.
#
#	load lib
#	load engine

# What is about networks says so; everything else needs none.
export DAVIT_NETWORK=${DAVIT_NETWORK-none}

# DAVIT_ENGINE: another program in davit's place.
davit() { "${DAVIT_ENGINE:-$DAVIT_BUILD/davit}" --root "$T/root" --runroot "$T/run" "$@"; }
# In the background without a shell between: its pid is davit's.
davit_background() {
	"${DAVIT_ENGINE:-$DAVIT_BUILD/davit}" --root "$T/root" --runroot "$T/run" "$@" >"$T/out" 2>&1 3>&- &
	run_pid=$!
}

setup() {
	it_setup
	make_image bb
}

# Containers of this test are below $T; their cgroups are named by their ids.
teardown() {
	local ids
	ids=$(davit ps -aq --no-trunc 2>/dev/null) || true
	[ -z "$ids" ] || davit rm -f $ids >/dev/null 2>&1 || true
	[ ! -d "$T/run/pods" ] || davit pod rm -fa >/dev/null 2>&1 || true
	it_teardown
}

# make_image NAME [JQ FILTER of the configuration]: a docker archive of busybox, loaded.
make_image() {
	local d=$T/image-$1 sum id
	make_rootfs "$d/rootfs"
	tar -C "$d/rootfs" -cf "$d/layer.tar" .
	sum=$(sha256sum "$d/layer.tar" | cut -d' ' -f1)
	jq -cn --arg d "sha256:$sum" '{architecture: "amd64", os: "linux", created: "2026-01-01T00:00:00Z",
		config: {Env: ["PATH=/bin", "FOO=image"], Cmd: ["sh", "-c", "echo default"], Labels: {from: "image"}},
		rootfs: {type: "layers", diff_ids: [$d]},
		history: [{created: "2026-01-01T00:00:00Z", created_by: "COPY rootfs / # the base"},
			  {created: "2026-01-02T00:00:00Z", created_by: "ENV FOO=image", empty_layer: true}]}' |
		jq -c "${2:-.}" >"$d/config.json"
	id=$(sha256sum "$d/config.json" | cut -d' ' -f1)
	mv "$d/config.json" "$d/$id.json"
	jq -cn --arg c "$id.json" --arg n "$1:latest" '[{Config: $c, RepoTags: [$n], Layers: ["layer.tar"]}]' >"$d/manifest.json"
	tar -C "$d" -cf "$d.tar" manifest.json "$id.json" layer.tar
	davit load -q -i "$d.tar" >/dev/null
	rm -rf "$d"
}

# The full id of a container, its process.
id_of() { davit inspect -f '{{.Id}}' "$1"; }
pid_of() { davit inspect -f '{{.State.Pid}}' "$1"; }
status_of() { davit inspect -f '{{.State.Status}}' "$1" 2>/dev/null; }
has_status() { [ "$(status_of "$1")" = "$2" ]; }

# davit run in the background, until the container runs. Its pid is in $run_pid.
run_background() {
	davit_background run --name "$@"
	wait_for has_status "$1" running
}

# Everything of this test that a container may leave: mounts, cgroups, directories.
leftovers() {
	grep -F "$T/" /proc/self/mountinfo
	for id in "$@"; do
		find /sys/fs/cgroup -depth -type d -name "$id" 2>/dev/null
	done
	ls -A "$T/root/containers" "$T/run/containers" "$T/run/oci" "$T/run/pods" 2>/dev/null | grep -E '^[0-9a-f.]'
	return 0
}
