# Flags of create and run, the global flags, update, events, spec, features.
load oci

fd_numbers() { cut -d' ' -f1 <<<"$output" | tr '\n' ' '; }

# flag: run --console-socket
# spec: process.terminal
# spec: process.consoleSize.height
# spec: process.consoleSize.width
@test "run --detach --console-socket: terminal of the asked size, as /dev/console too" {
	bundle '.process.terminal = true | .process.consoleSize = {height: 30, width: 70}'
	set_args sh -c 'tty; stty size; readlink /proc/self/fd/1; echo on console >/dev/console; echo bye'
	agent console "$T/sock"
	dv run -d --console-socket "$T/sock" -b "$B" "$ID" </dev/null
	wait_for grep -q bye "$T/agent"
	grep -q '^name /dev/pts/0' "$T/agent"
	[ "$(sed -n '/bye/q; s/\r//; s,^name /dev/pts/0,,; p' "$T/agent" | grep -v ready | xargs)" = '/dev/pts/0 30 70 /dev/pts/0 on console' ]
	wait_for status_is stopped
	dv delete "$ID"
	wait "$AGENT"
}

# flag: create --console-socket
@test "create --console-socket, and what contradicts it" {
	bundle '.process.terminal = true'
	set_args sh -c 'read x; echo "got $x"'
	agent console "$T/sock" 'typed\n'
	dv create --console-socket "$T/sock" -b "$B" "$ID" </dev/null
	dv start "$ID"
	wait_for grep -q "got typed" "$T/agent"
	wait "$AGENT"
	dv delete -f "$ID"
	for verb in create 'run -d'; do
		run dv $verb -b "$B" "$ID" </dev/null
		fails 1
		expect "cannot allocate tty if runc will detach without setting console socket"
	done
	run dv create --console-socket "$T/nosuch" -b "$B" "$ID" </dev/null
	fails 1
	expect "$T/nosuch"
	change '.process.terminal = false'
	run dv create --console-socket "$T/sock" -b "$B" "$ID" </dev/null
	fails 1
	expect "cannot use console socket if runc will not detach or allocate tty"
	[ -z "$(ls "$R")" ]
}

@test "run in the foreground relays a terminal both ways while nothing is typed" {
	bundle '.process.terminal = true'
	set_args sh -c 'stty size; sleep 0.1; echo later; read x; echo "got $x"; exit 6' # allow(sleep): inside
	mkfifo "$T/in"
	exec 9<>"$T/in"
	script -qec "stty rows 40 cols 90; exec $DAVIT_OCI --root $R run -b $B $ID" /dev/null <"$T/in" >"$T/out" 2>&1 3>&- &
	local pid=$! status=0
	wait_for grep -q later "$T/out"
	grep -q '40 90' "$T/out"
	echo line >&9
	exec 9>&-
	wait "$pid" || status=$?
	[ "$status" = 6 ]
	grep -q 'got line' "$T/out"
}

@test "run with a terminal and files around it" {
	bundle '.process.terminal = true'
	set_args sh -c 'head -c 300000 /dev/zero | tr "\0" x; echo; echo end; read line; echo "got $line"'
	echo text >"$T/in"
	dv run -b "$B" "$ID" <"$T/in" >"$T/out"
	[ "$(tr -cd x <"$T/out" | wc -c)" -ge 300000 ]
	grep -q 'got text' "$T/out"
}

# flag: create --pidfd-socket
# flag: run --pidfd-socket
@test "--pidfd-socket gets a pidfd of the process" {
	bundle
	set_args probe wait
	for verb in create 'run -d'; do
		rm -f "$T/sock"
		agent pidfd "$T/sock"
		dv $verb --pidfd-socket "$T/sock" --pid-file "$T/pid" -b "$B" "$ID" </dev/null >/dev/null 2>&1
		wait "$AGENT"
		grep -qx "pid $(cat "$T/pid")" "$T/agent"
		dv delete -f "$ID"
	done
	run dv run -d --pidfd-socket "$T/nosuch" -b "$B" "$ID"
	fails 1
	[ -z "$(ls "$R")" ]
}

# flag: run --preserve-fds
# flag: create --preserve-fds
@test "--preserve-fds passes those and no others" {
	bundle
	echo three >"$T/f"
	set_args probe fds
	run bash -c "exec 3<$T/f 4<$T/f 7<$T/f; $DAVIT_OCI --root $R run -b $B $ID </dev/null"
	[ "$(fd_numbers)" = '0 1 2 ' ]
	run bash -c "exec 3<$T/f 4<$T/f 7<$T/f; $DAVIT_OCI --root $R run --preserve-fds 2 -b $B $ID </dev/null"
	[ "$(fd_numbers)" = '0 1 2 3 4 ' ]
	set_args sh -c 'cat <&4'
	run bash -c "exec 3<$T/f 4<$T/f; $DAVIT_OCI --root $R create --preserve-fds 2 -b $B $ID >$T/out 2>&1 </dev/null"
	succeeds
	dv start "$ID"
	wait_for status_is stopped
	[ "$(cat "$T/out")" = three ]
	dv delete "$ID"
	run bash -c "exec 3<&-; $DAVIT_OCI --root $R run --preserve-fds 1 -b $B $ID </dev/null"
	fails 1
	expect "unable to preserve descriptor 3"
}

@test "sockets of a service manager (LISTEN_FDS) are passed on as process 1's" {
	bundle
	set_args sh -c 'echo $LISTEN_FDS $LISTEN_PID; probe fds'
	agent_listen() { run /usr/bin/python3 "$DAVIT_SOURCE/tests/it/agent.py" listen "$T/sock" "$DAVIT_OCI" --root "$R" "$@" </dev/null; }
	agent_listen run -b "$B" "$ID"
	succeeds
	[ "${lines[0]}" = '1 1' ]
	[[ ${lines[4]} == '3 socket:'* ]]
	[ "${#lines[@]}" = 5 ]
	# Sockets for somebody else stay outside.
	run env LISTEN_FDS=1 LISTEN_PID=1 "$DAVIT_OCI" --root "$R" run -b "$B" "$ID"
	[ "${lines[0]}" = '' ] || [[ ${lines[0]} != 1* ]]
}

# flag: run --no-pivot
# flag: create --no-pivot
@test "--no-pivot: the root is the same, moved instead of pivoted to" {
	bundle
	in_container 'cat /etc/passwd | head -1; awk "\$5 == \"/\" {print \$5}" /proc/self/mountinfo; ls /..'
	local want=$output
	run dv run --no-pivot -b "$B" "$ID"
	is "$want"
	run strace -f -e trace=pivot_root -o "$T/st" "$DAVIT_OCI" --root "$R" run --no-pivot -b "$B" "$ID"
	! grep -q pivot_root "$T/st"
	dv create --no-pivot -b "$B" "$ID" >"$T/out" 2>&1 </dev/null
	dv start "$ID"
	wait_for status_is stopped
	dv delete "$ID"
	[ "$(cat "$T/out")" = "$want" ]
}

# flag: run --no-new-keyring
# flag: create --no-new-keyring
@test "--no-new-keyring keeps the caller's session keyring" {
	bundle
	set_args probe keyring
	run dv run -b "$B" "$ID"
	is "_ses.$ID"
	run dv run --no-new-keyring -b "$B" "$ID"
	[ "$output" != "_ses.$ID" ]
	dv create --no-new-keyring -b "$B" "$ID" >"$T/out" 2>&1 </dev/null
	dv start "$ID"
	wait_for status_is stopped
	dv delete "$ID"
	[ "$(cat "$T/out")" = "$output" ]
}

@test "--pid-file where it cannot be written: nothing is left" {
	bundle
	set_args probe wait
	run dv run -d --pid-file "$T/nosuch/pid" -b "$B" "$ID"
	fails 1
	expect "pid file"
	[ -z "$(ls "$R")" ]
}

# flag: --root
@test "--root is the state directory, made when missing" {
	bundle
	start_idle
	[ -d "$R/$ID" ]
	[ -z "$("$DAVIT_OCI" --root "$T/other" list -q)" ]
	dv delete -f "$ID"
}

# flag: --log
# flag: --log-format
@test "--log and --log-format as runc's" {
	for format in text json; do
		run dv --log "$T/log" --log-format "$format" state nosuch
		fails 1
		expect "container does not exist"
	done
	sed -n 1p "$T/log" | grep -qE '^time="?[0-9]{4}-[0-9-]+T[^ ]+ level=error msg="container does not exist: nosuch"$'
	sed -n 2p "$T/log" | jq -e '.level == "error" and (.msg | contains("container does not exist"))
		and (.time | fromdate? // (sub("\\.[0-9]+"; "") | fromdate)) > 0 and (keys == ["level", "msg", "time"])'
	rc --log "$T/theirs" --log-format json state nosuch 2>/dev/null || true
	[ "$(jq -c keys "$T/theirs")" = "$(sed -n 2p "$T/log" | jq -c keys)" ]
	run dv --log "$T/nosuch/log" state x
	fails 1
	expect "--log"
}

@test "an error of the container's process is in the log too" {
	bundle
	set_args nosuch
	run dv --log "$T/log" --log-format json run -b "$B" "$ID"
	fails 1
	jq -e 'select(.level == "error") | .msg | contains("executable file not found in $PATH")' "$T/log"
}

# flag: --log-level
# flag: --debug
@test "--log-level and --debug" {
	bundle '.process.capabilities.bounding += ["CAP_NOSUCH"]'
	set_args true
	dv --log "$T/log" --log-level warn run -b "$B" "$ID"
	grep -q CAP_NOSUCH "$T/log"
	rm "$T/log"
	dv --log "$T/log" --log-level error run -b "$B" "$ID"
	[ ! -s "$T/log" ]
	dv --log "$T/log" --log-level error --debug run -b "$B" "$ID"
	grep -q CAP_NOSUCH "$T/log"
	run dv --log-level bogus list
	fails 1
}

# flag: --systemd-cgroup
# flag: --cgroup-manager
@test "--cgroup-manager: cgroupfs and disabled; systemd is refused" {
	bundle
	in_container 'grep :pids: /proc/self/cgroup'
	[[ $output == *"/$ID" ]]
	run dv --cgroup-manager cgroupfs run -b "$B" "$ID"
	[[ $output == *"/$ID" ]]
	run dv --cgroup-manager disabled run -b "$B" "$ID"
	[[ $output != *"/$ID" ]]
	for flag in --systemd-cgroup --cgroup-manager=systemd; do
		run dv "$flag" run -b "$B" "$ID"
		fails 1
		expect "systemd cgroup driver is not supported"
	done
	run dv --cgroup-manager bogus list
	fails 1
}

# flag: --rootless
@test "--rootless=true does without what only root may" {
	bundle
	for value in true false auto; do
		run dv --rootless="$value" run -b "$B" "$ID"
		is hello
	done
	run dv --rootless=bogus list
	fails 1
}

# flag: spec --bundle
# flag: spec --rootless
@test "spec writes a configuration that runs" {
	mkdir -p "$B"
	dv spec --bundle "$B"
	run dv spec -b "$B"
	fails 1
	expect "config.json exists"
	cp -al "$BATS_FILE_TMPDIR/rootfs" "$B/rootfs"
	change '.process.terminal = false | .process.args = ["sh", "-c", "hostname; id -u"]'
	run dv run -b "$B" "$ID"
	is $'davit\n0'
	mkdir "$T/r"
	(cd "$T/r" && dv spec --rootless)
	jq -e '.linux.uidMappings[0].size == 1 and ([.linux.namespaces[].type] | index("user"))
		and ([.linux.namespaces[].type] | index("network") | not)' "$T/r/config.json"
}

@test "features lists what the spec wants listed" {
	dv features | jq -e '.ociVersionMin == "1.0.0" and .ociVersionMax == "1.3.0" and (.hooks | length) == 6
		and (.linux.namespaces | length) == 8 and (.linux.capabilities | length) == 41
		and (.mountOptions | index("rro")) and .linux.cgroup.v1 and .linux.cgroup.v2
		and (.linux.seccomp.actions | index("SCMP_ACT_NOTIFY")) and .linux.mountExtensions.idmap.enabled'
}

@test "--version and --help, also after global flags" {
	run dv --version
	succeeds
	[[ ${lines[0]} =~ ^davit-oci\ version\ [0-9.]+$ ]]
	[ "${lines[1]}" = 'spec: 1.3.0' ]
	run dv run --help
	succeeds
	expect --bundle
	# As runc: an unknown verb is another thing than an unknown flag.
	run dv bogus
	fails 3
	expect "unknown command: davit-oci bogus"
	run dv --bogus
	fails 1
}
