# oci.bash - what the bats files about the runtime share.
#
# A file gets one root directory with busybox and tests/it/probe.c in it; every test has a copy of it by
# hard links, so a bundle costs a few milliseconds. Markers say which field or flag a test reads the
# effect of ("# spec: process.cwd", "# flag: exec --cwd"); tools/coverage_spec.py lists what lacks one.
#
#	load oci
#	@test "the host's name is the container's own" {
#		bundle '.hostname = "box2"'
#		in_container hostname
#		[ "$output" = box2 ]
#	}

load lib

# Short names for jq: NAMESPACE and mount lists change in most tests.
JQ_NAMES='
def ns($t): .linux.namespaces += [{type: $t}];
def ns($t; $path): .linux.namespaces |= map(select(.type != $t)) + [{type: $t, path: $path}];
def no_ns($t): .linux.namespaces |= map(select(.type != $t));
def mnt($to; $type; $from; $opts): .mounts += [{destination: $to, type: $type, source: $from, options: $opts}];
def bind($to; $from; $opts): mnt($to; "bind"; $from; $opts);
def map($in; $out; $n): [{containerID: $in, hostID: $out, size: $n}];
def userns: ns("user") | .linux.uidMappings = map(0; 100000; 65536) | .linux.gidMappings = map(0; 100000; 65536);
def caps($set): .process.capabilities = ({bounding: $set, effective: $set, permitted: $set});
def privileged: caps(["CAP_SYS_ADMIN", "CAP_CHOWN", "CAP_SETUID", "CAP_SETGID", "CAP_DAC_OVERRIDE", "CAP_FOWNER",
	"CAP_MKNOD", "CAP_NET_ADMIN", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_SYS_RESOURCE"]);
def hook($kind; $script): .hooks[$kind] += [{path: "/bin/sh", args: ["sh", "-c", $script], env: ["PATH=/usr/bin:/bin"]}];
'

setup_file() {
	make_rootfs "$BATS_FILE_TMPDIR/rootfs"
	cp "$DAVIT_BUILD/tests/it/probe" "$BATS_FILE_TMPDIR/rootfs/bin/probe"
	chmod 755 "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
}

setup() { oci_setup; }
teardown() { oci_teardown; }

oci_setup() {
	it_setup
	chmod 755 "$T"
	R=$T/run
	B=$T/b
	ID=$TAG
}

# What a failed test left running; a passed one has deleted its containers, or there is nothing to check.
oci_teardown() {
	local id
	for id in $(ls "$R" 2>/dev/null); do
		dv delete --force "$id" >/dev/null 2>&1
	done
	it_teardown
}

dv() { "$DAVIT_OCI" --root "$R" "$@"; }

# In the background, output in $T/bg; a function would leave a shell between.
dv_bg() {
	"$DAVIT_OCI" --root "$R" "$@" >"$T/bg" 2>&1 </dev/null 3>&- &
	BG=$!
}

# Its end; $status and $output as from run.
bg_end() {
	status=0
	wait "$BG" || status=$?
	output=$(cat "$T/bg")
}

# A peer for comparisons, with a state directory of its own.
rc() { runc --root "$T/runc" "$@"; }

# bundle [JQ FILTER]: $B with a writable root.
bundle() {
	mkdir -p "$B"
	[ -d "$B/rootfs" ] || cp -al "$BATS_FILE_TMPDIR/rootfs" "$B/rootfs"
	configure ".root.readonly = false | ${1:-.}"
}

# configure FILTER: a fresh config.json.
configure() { jq "$JQ_NAMES $1" "$DAVIT_SOURCE/tests/lib/config.json" >"$B/config.json"; }

# change FILTER: over the one that is there.
change() { change_config "$B" "$JQ_NAMES $1"; }

# set_args WORD...: the process of the bundle.
set_args() {
	local IFS=$'\x1f'      # jq takes words that begin with a dash for options
	WORDS="$*" jq '.process.args = ($ENV.WORDS | split("\u001f"))' "$B/config.json" >"$B/config.json.new"
	mv "$B/config.json.new" "$B/config.json"
}

# in_container SCRIPT: run it in the container of $B; $output and $status are the script's.
in_container() {
	set_args sh -c "$1"
	run dv run -b "$B" "$ID"
}

# start_idle [FLAG...]: a container that waits for its end.
start_idle() {
	set_args probe wait
	dv run -d -b "$B" --pid-file "$T/pid" "$@" "$ID" </dev/null >"$T/idle.out" 2>&1 || {
		cat "$T/idle.out"
		return 1
	}
	PID=$(cat "$T/pid")
}

# A zombie is gone: whoever adopted it in a shared pid namespace may never wait for it.
gone() { ! grep -qs '^State:.[^ZX]' "/proc/$1/status"; }
status_is() { [ "$(dv state "$ID" | jq -r .status)" = "$1" ]; }

# expect TEXT: $output holds it; says what it was instead.
expect() {
	[[ $output == *"$1"* ]] || {
		printf 'wanted: %s\nstatus %s, output: %s\n' "$1" "${status-}" "$output"
		return 1
	}
}

# is WANT: $output is exactly that.
is() {
	[ "$output" = "$1" ] || {
		printf 'wanted: %q\nstatus %s, output: %q\n' "$1" "${status-}" "$output"
		return 1
	}
}

# is_words WANT: the same, white space aside.
is_words() {
	output=$(xargs <<<"$output")
	is "$1"
}

succeeds() {
	[ "$status" -eq 0 ] || {
		printf 'status %s, output: %s\n' "$status" "$output"
		return 1
	}
}

fails() {
	[ "$status" -eq "${1:-1}" ] || {
		printf 'status %s instead of %s, output: %s\n' "$status" "${1:-1}" "$output"
		return 1
	}
}

# agent COMMAND ARGUMENT...: tests/it/agent.py in the background, its output in $T/agent.
agent() {
	/usr/bin/python3 "$DAVIT_SOURCE/tests/it/agent.py" "$@" >"$T/agent" 2>"$T/agent.err" 3>&- &
	AGENT=$!
	wait_for grep -q ready "$T/agent"
}

# A process that keeps namespaces alive: keep_namespaces UNSHARE-FLAG... -> $KEEPER
keep_namespaces() {
	mkfifo "$T/keep"
	unshare --kill-child "$@" sh -c "echo x >'$T/keep'; exec sleep 1000" </dev/null >/dev/null 2>&1 3>&- &	# allow(sleep)
	KEEPER=$!
	read -r _ <"$T/keep"
	rm "$T/keep"
}
release_namespaces() {
	kill -9 "$KEEPER"
	wait "$KEEPER" 2>/dev/null || true
}

# The cgroup of the container in hierarchy $1 (a v1 controller, or "unified").
cgroup_dir() {
	local path
	path=$(awk -F: -v c="$1" '(c == "unified" && $1 == 0) || $2 == c || $2 ~ "(^|,)" c "(,|$)" { print $3; exit }' \
		"/proc/$PID/cgroup")
	echo "/sys/fs/cgroup/$1$path"
}
