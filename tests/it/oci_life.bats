# The verbs of a container's life and their statuses.
load oci

# flag: create --bundle
# flag: create --pid-file
@test "create, start, state, kill, delete" {
	bundle
	set_args sh -c 'echo started >/tmp/mark; exec probe wait'
	dv create --bundle "$B" --pid-file "$T/pid" "$ID" </dev/null >"$T/out" 2>&1
	PID=$(cat "$T/pid")
	[ ! -e "$B/rootfs/tmp/mark" ]
	run -0 dv state "$ID"
	jq -e --arg id "$ID" --arg b "$B" --argjson pid "$PID" '.id == $id and .status == "created" and .pid == $pid
		and .bundle == $b and .rootfs == $b + "/rootfs" and .ociVersion == "1.0.2" and .owner == "root"' <<<"$output"
	dv start "$ID"
	wait_for test -e "$B/rootfs/tmp/mark"
	status_is running
	dv kill "$ID" KILL
	wait_for status_is stopped
	[ "$(dv state "$ID" | jq .pid)" = 0 ]
	dv delete "$ID"
	run dv state "$ID"
	fails 1
	expect "container does not exist"
	[ ! -e "$R/$ID" ]
}

@test "created times and annotations are in the state" {
	bundle '.annotations = {"org.example.a": "1"}'
	start_idle
	run -0 dv state "$ID"
	[ "$(jq -r '.annotations["org.example.a"]' <<<"$output")" = 1 ]
	date -d "$(jq -r .created <<<"$output")" +%s
	dv delete -f "$ID"
}

# flag: run --bundle
@test "run: exit status, signals as 128 + n, deleted afterwards" {
	bundle
	for pair in 0:'exit 0' 7:'exit 7' 255:'exit 255' 137:'sh -c "kill -9 \$\$"; exit $?'; do
		in_container "${pair#*:}"
		fails "${pair%%:*}"
	done
	dv_bg run -b "$B" --config <(jq '.process.args = ["probe", "wait"]' "$B/config.json") --pid-file "$T/pid" "$ID"
	wait_for test -s "$T/pid"
	kill -9 "$(cat "$T/pid")"
	bg_end
	fails 137
	in_container 'echo out; echo err >&2; cat'
	is $'out\nerr'
	[ -z "$(ls "$R")" ]
}

@test "run passes stdin on and its end" {
	bundle
	set_args cat
	[ "$(printf 'a\nb\n' | dv run -b "$B" "$ID")" = $'a\nb' ]
}

@test "run forwards signals" {
	bundle
	set_args sh -c 'trap "echo got; exit 42" TERM; echo up >/tmp/up; while :; do read -t 1 x </dev/zero; done'
	dv_bg run -b "$B" "$ID"
	wait_for test -e "$B/rootfs/tmp/up"
	kill -TERM "$BG"
	bg_end
	fails 42
	[ "$(cat "$T/bg")" = got ]
}

# flag: run --detach
# flag: run --pid-file
@test "run --detach returns at once and leaves the container" {
	bundle
	start_idle --detach
	status_is running
	[ "$(readlink "/proc/$PID/exe")" = /bin/probe ]
	dv kill "$ID" 9
	wait_for status_is stopped
	dv delete "$ID"
}

# flag: run --keep
@test "run --keep leaves the stopped container" {
	bundle
	set_args probe exit 3
	run dv run --keep -b "$B" "$ID"
	fails 3
	status_is stopped
	run dv run --keep -b "$B" "$ID"
	fails 1
	expect "container with given ID already exists"
	dv delete "$ID"
}

# flag: create --config
# flag: run --config
@test "--config takes another file" {
	bundle
	set_args echo other
	mv "$B/config.json" "$T/other.json"
	[ "$(dv run -b "$B" --config "$T/other.json" "$ID")" = other ]
	dv create -b "$B" -f "$T/other.json" "$ID" >"$T/out" 2>&1
	dv start "$ID"
	wait_for status_is stopped
	[ "$(cat "$T/out")" = other ]
	dv delete "$ID"
}

@test "the bundle is the working directory unless given" {
	bundle
	set_args echo here
	cd "$B"
	[ "$(dv run "$ID")" = here ]
	cd "$T"
	[ "$(dv run --bundle b "$ID")" = here ]
}

@test "start: only what is created, and only once" {
	bundle
	set_args probe wait
	dv create -b "$B" "$ID" >/dev/null 2>&1 </dev/null
	dv start "$ID"
	run dv start "$ID"
	fails 1
	expect "cannot start an already running container"
	dv kill "$ID" KILL
	wait_for status_is stopped
	run dv start "$ID"
	fails 1
	expect "cannot start a container that has stopped"
	dv delete "$ID"
}

@test "two starts at once: one wins" {
	bundle
	set_args sh -c 'echo x >>/tmp/starts; exec probe wait'
	local i pids won
	for i in 1 2 3 4 5; do
		dv create -b "$B" "$ID" >/dev/null 2>&1 </dev/null
		pids=()
		for _ in 1 2 3 4; do
			dv start "$ID" 2>/dev/null 3>&- &
			pids+=($!)
		done
		won=0
		for p in "${pids[@]}"; do wait "$p" && won=$((won + 1)); done
		[ "$won" = 1 ]
		wait_for test -s "$B/rootfs/tmp/starts"
		[ "$(wc -l <"$B/rootfs/tmp/starts")" = 1 ]
		rm "$B/rootfs/tmp/starts"
		dv delete --force "$ID"
	done
}

# flag: kill --all
@test "kill: names, numbers, --all, and what does not run" {
	bundle
	set_args sh -c 'trap "exit 5" USR1; probe wait & while :; do read -t 1 x </dev/zero; done'
	dv run -d -b "$B" "$ID" >/dev/null 2>&1 </dev/null
	wait_for eval '[ "$(dv ps --format json "$ID" | jq length)" = 2 ]'
	run dv kill "$ID" NOSUCH
	fails 1
	expect NOSUCH
	status_is running
	dv kill "$ID" SIGUSR1
	wait_for status_is stopped
	run dv kill "$ID" TERM
	fails 1
	expect "container not running"
	dv kill --all "$ID" KILL
	dv delete "$ID"
}

@test "kill --all reaches every process of a container without its own pid namespace" {
	bundle 'no_ns("pid")'
	set_args sh -c 'probe wait & probe wait & exec probe wait'
	dv run -d -b "$B" --pid-file "$T/pid" "$ID" >/dev/null 2>&1 </dev/null
	wait_for eval '[ "$(dv ps --format json "$ID" | jq length)" = 3 ]'
	local pids
	pids=$(dv ps --format json "$ID" | jq '.[]')
	dv kill --all "$ID" KILL
	for p in $pids; do wait_for gone "$p"; done
	dv delete "$ID"
}

# flag: kill --regex
# flag: delete --regex
# flag: delete --force
@test "kill and delete take a pattern" {
	bundle
	set_args probe wait
	for i in 1 2 3; do dv run -d -b "$B" "$ID-$i" >/dev/null 2>&1 </dev/null; done
	dv run -d -b "$B" "$ID-x" >/dev/null 2>&1 </dev/null
	dv kill --regex "^$ID-[123]$" KILL
	for i in 1 2 3; do wait_for eval "[ \"\$(dv state $ID-$i | jq -r .status)\" = stopped ]"; done
	[ "$(dv state "$ID-x" | jq -r .status)" = running ]
	dv delete --regex "^$ID-[0-9]"
	[ "$(dv list -q)" = "$ID-x" ]
	run dv delete --regex '['
	fails 1
	dv delete --force --regex .
	[ -z "$(dv list -q)" ]
}

@test "delete: a running one needs --force, an unknown one is an error without" {
	bundle
	start_idle
	run dv delete "$ID"
	fails 1
	expect "is not stopped: running"
	dv delete --force "$ID"
	wait_for gone "$PID"
	run dv delete "$ID"
	fails 1
	expect "container does not exist"
	dv delete --force "$ID"
}

@test "delete without --force removes one that was only created" {
	bundle
	dv create -b "$B" --pid-file "$T/pid" "$ID" >/dev/null 2>&1 </dev/null
	dv delete "$ID"
	wait_for gone "$(cat "$T/pid")"
}

@test "pause, resume, and what a paused container refuses" {
	bundle
	start_idle
	dv pause "$ID"
	status_is paused
	run dv exec "$ID" true
	fails 255
	expect "cannot exec in a paused container"
	run dv pause "$ID"
	fails 1
	dv resume "$ID"
	status_is running
	run dv resume "$ID"
	fails 1
	expect "container not paused"
	dv pause "$ID"
	dv delete --force "$ID"
	wait_for gone "$PID"
}

@test "kill of a paused container takes effect" {
	bundle
	start_idle
	dv pause "$ID"
	dv kill "$ID" KILL
	wait_for status_is stopped
	dv delete "$ID"
}

# flag: list --format
# flag: list --quiet
@test "list: table, ids, JSON" {
	bundle
	[ "$(dv list -q)" = "" ]
	[ "$(dv list --format json)" = "[]" ] || [ "$(dv list --format json)" = "null" ]
	start_idle
	[ "$(dv list --quiet)" = "$ID" ]
	run -0 dv list
	[[ ${lines[0]} =~ ^ID\ +PID\ +STATUS\ +BUNDLE\ +CREATED\ +OWNER ]]
	[[ ${lines[1]} =~ ^$ID\ +$PID\ +running\ +$B\ .*\ root ]]
	dv list --format json | jq -e --arg id "$ID" --argjson pid "$PID" '.[0] | .id == $id and .pid == $pid and .status == "running"'
	run dv list --format xml
	fails 1
	dv delete -f "$ID"
}

# flag: ps --format
@test "ps: table and JSON" {
	bundle
	start_idle
	run -0 dv ps "$ID"
	[[ ${lines[0]} =~ ^UID\ +PID\ +PPID ]]
	[[ ${lines[1]} =~ $PID.*probe\ wait ]]
	[ "$(dv ps --format json "$ID")" = "[$PID]" ]
	dv delete -f "$ID"
}

# flag: run --no-subreaper
# flag: create --no-subreaper
@test "--no-subreaper is taken, and an orphan is never ours" {
	bundle
	set_args sh -c '(sh -c "sleep 0.05" &) ; echo done'
	[ "$(dv run --no-subreaper -b "$B" "$ID")" = done ]
	dv create --no-subreaper -b "$B" "$ID" >/dev/null 2>&1 </dev/null
	dv delete "$ID"
}

@test "checkpoint and restore say that they are not there" {
	for verb in checkpoint restore; do
		run dv $verb "$ID"
		fails 1
		expect "not supported"
	done
}
