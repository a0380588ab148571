# kill -9 of the runtime at random moments: `delete --force` removes what is left. DAVIT_KILL_ROUNDS and DAVIT_SEED
# repeat a failure (the seed is printed).
export BATS_TEST_TIMEOUT=${DAVIT_KILL_TIMEOUT:-1800}
load oci

# As many milliseconds (with fraction) as one command takes, a little more at the end.
pause_random() {
	local us=$((RANDOM * 7 % ${1:-6000}))
	read -r -t "0.$(printf %06d "$us")" _ <>"$T/never" || true
}

left_over() {
	[ -n "$(ls -A "$R" 2>/dev/null)" ] && echo "state: $(ls -A "$R")"
	find /sys/fs/cgroup -depth -name "$ID*" 2>/dev/null
	leaked_mounts
	leaked_processes | grep -v bats
	true
}

check_rounds() {
	RANDOM=${DAVIT_SEED:=$$}
	echo "# seed $DAVIT_SEED" >&3
	mkfifo "$T/never"
	local i
	for i in $(seq "${DAVIT_KILL_ROUNDS:-20}"); do
		"$@" "$i" || { echo "round $i of seed $DAVIT_SEED"; return 1; }
		dv delete --force "$ID" || { echo "round $i of seed $DAVIT_SEED: delete"; left_over; return 1; }
		wait_for eval '[ -z "$(left_over)" ]' || { echo "round $i of seed $DAVIT_SEED"; left_over; return 1; }
	done
}

kill_create() {
	dv_bg create -b "$B" "$ID"
	pause_random
	kill -9 "$BG" 2>/dev/null || true
	wait "$BG" 2>/dev/null || true
}

@test "create killed at random moments" {
	bundle 'userns | .linux.resources.memory.limit = 67108864'
	set_args probe wait
	check_rounds kill_create
}

kill_run() {
	dv_bg run -b "$B" "$ID"
	pause_random 9000
	kill -9 "$BG" 2>/dev/null || true
	wait "$BG" 2>/dev/null || true
}

@test "run killed at random moments" {
	bundle 'ns("cgroup") | hook("createRuntime"; "true") | ns("time")'
	set_args sh -c 'probe wait & exec probe wait'
	check_rounds kill_run
}

kill_start() {
	dv create -b "$B" "$ID" </dev/null >/dev/null 2>&1 || return 1
	dv_bg start "$ID"
	pause_random 3000
	kill -9 "$BG" 2>/dev/null || true
	wait "$BG" 2>/dev/null || true
	# Whichever way it went, the container is in a state that the verbs agree on. One that is created may have the
	# killed one's message already: then it runs in a moment, and to start it again fails.
	case $(dv state "$ID" | jq -r .status) in
	created) dv start "$ID" || true; wait_for status_is running ;;
	running) ! dv start "$ID" 2>/dev/null ;;
	*) false ;;
	esac
}

@test "start killed at random moments" {
	bundle
	set_args probe wait
	check_rounds kill_start
}

kill_delete() {
	dv run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1 || return 1
	dv_bg delete --force "$ID"
	pause_random 4000
	kill -9 "$BG" 2>/dev/null || true
	wait "$BG" 2>/dev/null || true
}

@test "delete killed at random moments" {
	bundle
	set_args sh -c 'probe wait & exec probe wait'
	check_rounds kill_delete
}

kill_exec() {
	[ -n "$(dv list -q)" ] || dv run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1 || return 1
	dv_bg exec "$ID" true
	pause_random
	kill -9 "$BG" 2>/dev/null || true
	wait "$BG" 2>/dev/null || true
	wait_for eval '[ "$(dv ps --format json "$ID" | jq length)" = 1 ]'
}

@test "exec killed at random moments leaves the container as it was" {
	bundle
	set_args probe wait
	check_rounds kill_exec
}
