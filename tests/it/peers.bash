# peers.bash - davit-oci below the engine of another project: what peers_podman.bats and peers_docker.bats share.
#
# A file defines peer_start, peer_stop and `engine RUNTIME VERB ARGUMENT...`; one engine and one image serve all of
# its tests. `d` is the engine with davit-oci, `same` wants the very same result with runc.

load lib

setup_file() {
	export PEER=$BATS_FILE_TMPDIR/peer DAVIT_IT=$BATS_FILE_TMPDIR/peer
	mkdir "$PEER"
	chmod 755 "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
	peer_start
	make_rootfs "$PEER/rootfs"
	tar -C "$PEER/rootfs" -c . | engine davit import - busybox >"$PEER/import" 2>&1
}

# What runs below the engine's directory is ours to end, and has to be gone.
teardown_file() {
	[ -d "$PEER" ] || return 0
	peer_stop
	T=$PEER TAG=none-of-these
	wait_for no_leaks || {
		leaks
		remove_leaks
		return 1
	}
}

setup() {
	it_setup
	C=$TAG
}

teardown() {
	engine davit rm -f $(engine davit ps -aq) >/dev/null 2>&1 || true
	it_teardown
}

d() { engine davit "$@"; }

# What names the runtime or the container is no difference.
neutral() {
	sed -E -e 's/(runc create failed: |exec failed: exec failed: )?unable to start container process: /exec failed: /' \
		-e 's/exec failed: (exec failed: )*//' -e 's/^Error: (runc|davit: davit-oci): /Error: /' \
		-e 's/[0-9a-f]{64}/ID/g' -e 's/: stat [^ ]*: /: /' -e 's/(\(".*"\)) set in config.json failed/\1/' <<<"$1"
}

# same ARGUMENT...: $status and $output of davit-oci, after a comparison with runc's.
same() {
	local theirs
	if command -v runc >/dev/null; then
		run engine runc "$@"
		theirs="$status: $(neutral "$output")"
	fi
	run d "$@"
	[ -z "$theirs" ] || [ "$status: $(neutral "$output")" = "$theirs" ] ||
		{ diff <(echo "$theirs") <(echo "$status: $(neutral "$output")"); return 1; }
}

# once ARGUMENT...: a container that is removed when it has ended, without network
once() { same run --rm --network none "$@"; }

# up [FLAG...]: container $C that stays and ends with status 3 on SIGTERM
LOOP='trap "exit 3" TERM; echo started; while :; do sleep 0.05; done'	# allow(sleep): in the container
up() {
	d run -d --name "$C" --network none "$@" busybox sh -c "$LOOP" </dev/null >"$T/up" 2>&1
}

STATE='{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}'
state() { d inspect --format "${1:-$STATE}" "$C"; }
state_is() { [ "$(state)" = "$1" ]; }

expect() {
	[[ $output == *"$1"* ]] || {
		printf 'wanted: %s\nstatus %s, output: %s\n' "$1" "$status" "$output"
		return 1
	}
}

is() {
	[ "$status: $output" = "$1" ] || {
		printf 'wanted: %q\nis: %q\n' "$1" "$status: $output"
		return 1
	}
}

# run and exec with a terminal. The programs end when their output was seen here: a peer's attach can miss the last words
# of a process that ends at once.
expect_terminals() {
	export -f engine d
	run terminal console=go 'd run --rm -it --network none busybox sh -c "tty; ls /dev/console; read x; exit 4"'
	expect /dev/pts/0
	[ "$status" = 4 ]
	up
	run terminal isone=go "d exec -it $C sh -c 'test -t 0 && test -t 1 && echo isone; read x; exit 5'"
	expect isone
	[ "$status" = 5 ]
}

# expect_loads ARCHIVE-TRANSPORT: the engine loads what we save of an image of one file.
expect_loads() {
	local image=$DAVIT_BUILD/davit-image
	python3 "$DAVIT_SOURCE/tests/it/mkcopy.py" "$T/L"
	timeout 300 "$image" --root "$T/store" copy -q "oci:$T/L:one" "davit:$TAG"
	timeout 300 "$image" --root "$T/store" save --format "$1" -o "$T/saved.tar" "$TAG"
	d load -i "$T/saved.tar"
	d create --name "$C" "$TAG" /bin/true
	d cp "$C:/etc/one" "$T/one"
	[ "$(cat "$T/one")" = one ]
	d rm "$C"
	d rmi "$TAG"
}
