# Processes: descriptors of the host, the program file, capabilities, users, names.
load attack

# A caller that leaves descriptor 7 open, on a directory of the host.
leaky() {
	"$EVIL" with-fd "$OUT" 7 "$DAVIT_OCI" --root "$R" "$@"
}

cwd_run() {
	fresh ".process.cwd = \"$1\""
	set_args cat "${2:-secret}"
	run leaky run -b "$B" "$ID"
}

# attack: 2024-21626 held shown
@test "create: a working directory by a descriptor of the host is refused" {
	echo secret >"$OUT/secret"
	for n in $(seq 3 20); do
		cwd_run "/proc/self/fd/$n"
		fails
		[[ $output != *secret ]]
	done
	cwd_run /proc/self/fd/7/../outside
	fails
	without cwd,fds cwd_run /proc/self/fd/7
	is secret
	# each of the two defences is enough
	without fds cwd_run /proc/self/fd/7
	expect 'outside of the container'
	without cwd cwd_run /proc/self/fd/7
	fails
}

# attack: 2024-21626 held
@test "a working directory that is a link or missing" {
	mkdir "$OUT/dir"
	fresh '.process.cwd = "/work/new"'
	in_container pwd
	is /work/new
	fresh '.process.cwd = "/work/new"'
	ln -s "$OUT" "$B/rootfs/work"
	in_container pwd
	fails
	[ ! -e "$OUT/new" ]
	fresh '.process.cwd = "/work"'
	ln -s "$OUT/dir" "$B/rootfs/work"
	in_container pwd
	fails
	fresh '.process.cwd = "/work"'
	ln -s /proc/self/fd/7 "$B/rootfs/work"
	set_args pwd
	run leaky run -b "$B" "$ID"
	fails
	without fds run leaky run -b "$B" "$ID"
	fails
	expect 'outside of the container'
}

# attack: 2024-21626 held shown
@test "exec: a working directory by a descriptor of the host is refused" {
	echo secret >"$OUT/secret"
	bundle
	start_idle
	for n in $(seq 3 20); do
		run leaky exec --cwd "/proc/self/fd/$n" "$ID" cat secret
		[ "$status" -ne 0 ]
		[[ $output != *secret ]]
	done
	without cwd,fds run leaky exec --cwd /proc/self/fd/7 "$ID" cat secret
	is secret
	dv delete -f "$ID"
}

run_by_fd() {
	fresh
	rm "$B/rootfs/bin/true"
	set_args "$1"
	run leaky run -b "$B" "$ID"
}

# attack: 2024-21626 held shown
@test "a program by a descriptor of the host is not found" {
	cp "$(command -v busybox)" "$OUT/true"
	for path in /proc/self/fd/7/true /proc/self/fd/7/../outside/true; do
		run_by_fd "$path"
		fails
		without fds run_by_fd "$path"
		succeeds
	done
	fresh '.process.env = ["PATH=/proc/self/fd/7"]'
	rm "$B/rootfs/bin/true"
	set_args true
	run leaky run -b "$B" "$ID"
	fails
	expect "not found in \$PATH"
	bundle
	start_idle
	run leaky exec "$ID" /proc/self/fd/7/true
	[ "$status" -ne 0 ]
	without fds run leaky exec "$ID" /proc/self/fd/7/true
	succeeds
	dv delete -f "$ID"
}

# With CAP_SYS_PTRACE the host's /proc leads to the host's root.
run_by_proc() {
	local n
	fresh 'caps(["CAP_SYS_PTRACE"])'
	for n in $(seq 3 20); do
		set_args "/proc/self/fd/$n/$$/root$OUT/true"
		run dv run -b "$B" "$ID"
		[ "$status" -ne 0 ] || return 0
	done
	return 1
}

# attack: 2024-21626 held shown
@test "a program by the host's /proc is not found" {
	cp "$(command -v busybox)" "$OUT/true"
	run ! run_by_proc
	without fds run_by_proc
}

# attack: 2024-21626 held
@test "exec --preserve-fds wants the descriptors to be there" {
	bundle
	start_idle
	run dv exec --preserve-fds 9 "$ID" true
	[ "$status" -ne 0 ]
	expect "unable to preserve"
	dv delete -f "$ID"
}

leaked_fds() {
	fresh
	set_args probe fds
	run leaky run -b "$B" "$ID"
	output=$(grep -vE '^[0-2] ' <<<"$output" || true)
}

# attack: 2016-9962 held shown
@test "no descriptor reaches the container that was not asked for" {
	leaked_fds
	is ""
	without fds leaked_fds
	expect "7 $OUT"
	bundle
	start_idle
	run leaky exec "$ID" probe fds
	[ "$(grep -cvE '^[0-2] ' <<<"$output")" = 0 ]
	without fds run leaky exec "$ID" probe fds
	expect "7 $OUT"
	dv delete -f "$ID"
	leaky create -b "$B" "$ID" >"$T/fds" 2>&1 </dev/null
	dv start "$ID"
	wait_for status_is running
	dv delete -f "$ID"
}

hook_fds() {
	fresh '.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "probe fds >/tmp/fds"], env: ["PATH=/bin"]}]'
	set_args true
	run leaky run -b "$B" "$ID"
	succeeds
	output=$(grep -c "$OUT" "$B/rootfs/tmp/fds" || true)
}

# attack: 2016-9962 held shown
@test "a hook that the image can change inherits nothing of the host" {
	hook_fds
	is 0
	without fds hook_fds
	is 1
}

look_at_exec() {	# FILTER SECONDS
	fresh "$1"
	set_args evil look davit-oci "$2"
	dv run -d -b "$B" "$ID" >"$T/seen" 2>/dev/null </dev/null
	while status_is running; do
		dv exec "$ID" true >/dev/null 2>&1 || true
	done
	dv delete "$ID"
	output=$(cat "$T/seen")
}

# attack: 2016-9962 held
@test "what exec brings in cannot be looked into before it is the program" {
	look_at_exec . 1.5
	is seen
	look_at_exec 'userns | caps(["CAP_SYS_PTRACE"])' 1.5
	is seen
	# without a user namespace the right to trace is one over the host's processes, too
	look_at_exec 'caps(["CAP_SYS_PTRACE"])' 60
	is "seen open"
}

# A copy of the runtime that may be overwritten; the container runs the program that overwrites.
start_overwriter() {	# RUNTIME SECONDS
	PROGRAM=$T/bin/davit-oci
	rm -rf "$T/bin"
	mkdir -p "$T/bin"
	cp "$1" "$PROGRAM"
	SHA=$(sha256sum <"$PROGRAM")
	fresh ".process.env += [\"DAVIT_WEAK=${DAVIT_WEAK-}\"]"
	mkfifo "$B/rootfs/tmp/log"
	printf '#!/proc/self/exe features\n' >"$B/rootfs/bin/script"
	chmod +x "$B/rootfs/bin/script"
	set_args evil overwrite /proc/self/exe "$2"
	DAVIT_OCI=$PROGRAM dv run -d -b "$B" "$ID" >"$T/attacker" 2>&1 </dev/null
}
end_overwriter() {
	wait_for status_is stopped
	dv delete "$ID"
	output=$(cat "$T/attacker" "$T/bait")
}

# The process is held back by a pipe that nobody reads.
exe_attack() {
	start_overwriter "$1" "$2"
	timeout 60 "$PROGRAM" --root "$R" exec "$ID" /proc/self/exe --log /tmp/log features >"$T/bait" 2>&1 </dev/null 3>&- || true
	end_overwriter
}

# The process is gone in a moment, so there is one after the other.
script_attack() {
	start_overwriter "$1" "$2"
	while status_is running; do
		timeout 60 "$PROGRAM" --root "$R" exec "$ID" /bin/script >"$T/bait" 2>&1 </dev/null 3>&- || true
	done
	: >"$T/bait"
	end_overwriter
}

overwritten() { [ "$(sha256sum <"$PROGRAM")" != "$SHA" ]; }

# attack: 2019-5736 held shown
@test "the runtime's program file cannot be written from the container" {
	for attack in exe_attack script_attack; do
		$attack "$DAVIT_OCI" 2.5
		expect seen
		expect held
		run ! overwritten
		export DAVIT_WEAK=self-exe
		$attack "$WEAK" 60
		unset DAVIT_WEAK
		expect overwritten
		overwritten
	done
}

caps_of() { awk '/^Cap(Inh|Amb)/ { print $2 }' <<<"$output" | sort -u; }

careless() { "$EVIL" with-caps "$DAVIT_OCI" --root "$R" "$@"; }

# attack: 2022-29162 held shown
@test "a caller's inheritable capabilities do not get in, by run or by exec" {
	bundle
	set_args cat /proc/self/status
	run careless run -b "$B" "$ID"
	[ "$(caps_of)" = 0000000000000000 ]
	without caps-inherit run careless run -b "$B" "$ID"
	[ "$(caps_of | wc -l)" = 2 ]
	start_idle
	for flags in "" "--cap CAP_NET_RAW"; do
		# shellcheck disable=SC2086
		run careless exec $flags "$ID" cat /proc/self/status
		[ "$(caps_of)" = 0000000000000000 ]
		# shellcheck disable=SC2086
		without caps-inherit run careless exec $flags "$ID" cat /proc/self/status
		[ "$(caps_of | wc -l)" = 2 ]
	done
	dv delete -f "$ID"
}

# attack: 2022-29162 held
@test "inheritable capabilities are those of the configuration" {
	bundle '.process.capabilities.inheritable = ["CAP_KILL"]'
	set_args cat /proc/self/status
	run careless run -b "$B" "$ID"
	[ "$(awk '/^CapInh/ { print $2 }' <<<"$output")" = 0000000000000020 ]
	[ "$(awk '/^CapAmb/ { print $2 }' <<<"$output")" = 0000000000000000 ]
}

# attack: 2026-30892 held shown
@test "exec --user takes whole numbers only" {
	bundle '.process.user = {uid: 1000, gid: 1000}'
	start_idle
	for user in 1000: 1000x "" -1 4294967296 4294967295 :0 " 0" 0x0 1e3 1000:x 1000:-1 root; do
		run dv exec --user="$user" "$ID" id -u
		[ "$status" -ne 0 ]
		expect --user
	done
	without user-strict run dv exec --user=1000x "$ID" id -u
	is 0
	run dv exec --user=1001:5 "$ID" id -u
	is 1001
	dv delete -f "$ID"
}

# attack: id-path held shown
@test "an id does not lead out of the state directory" {
	bundle
	set_args true
	mkdir -p "$R"
	for id in ../outside .. . a/b /x "" .hidden "a b" $'a\nb'; do
		for verb in "create -b $B" "run -b $B" state delete kill start ps; do
			# shellcheck disable=SC2086
			run dv $verb -- "$id"
			[ "$status" -ne 0 ]
		done
	done
	untouched
	without id dv run -b "$B" --keep ../outside/evil
	[ -f "$OUT/evil/state.json" ]
	rm -r "$OUT/evil"
}

# attack: state-root held shown
@test "a state directory that others can write to is refused" {
	bundle
	set_args true
	mkdir "$R"
	chown 1000 "$R"
	run dv run -b "$B" "$ID"
	fails
	expect "others can write"
	without state-root dv run -b "$B" "$ID"
	chown 0 "$R"
	chmod 1777 "$R"
	run dv list
	fails
	expect "others can write"
	without state-root dv list
	chmod 711 "$R"
	dv list
}

# attack: annotation-path held
@test "an annotation's path that climbs or is a link is refused" {
	bundle 'hook("createRuntime"; "echo said")'
	ln -s "$OUT/x" "$T/link"
	set_args true
	for path in "$T/b/../outside/x" "$T/link"; do
		change ".annotations[\"run.oci.hooks.stdout\"] = \"$path\""
		run dv run -b "$B" "$ID"
		fails
		untouched
	done
	change ".annotations[\"run.oci.hooks.stdout\"] = \"$T/said\""
	dv run -b "$B" "$ID"
	[ "$(cat "$T/said")" = said ]
}

# attack: 2025-24965 held
@test "the runtime writes no file of its own into the root" {
	bundle '.process.terminal = true | hook("createRuntime"; "true")'
	(cd "$B/rootfs" && find . -printf '%p %y %s %T@\n' | sort) >"$T/before"
	in_container true
	succeeds
	(cd "$B/rootfs" && find . -printf '%p %y %s %T@\n' | sort) >"$T/after"
	run diff "$T/before" "$T/after"
	is ""
}

# attack: stdin-owner held
@test "a file that is only read on stdin keeps its owner" {
	bundle '.process.user = {uid: 1000, gid: 1000}'
	echo text >"$OUT/file"
	set_args cat
	run sh -c '"$@" <"$0"' "$OUT/file" "$DAVIT_OCI" --root "$R" run -b "$B" "$ID"
	is text
	[ "$(stat -c %u "$OUT/file")" = 0 ]
}
