# control.bats - what is done to a container that runs: exec, kill, stop, pause, wait, rename.
load lib
load engine

@test "exec: output, statuses, environment, directory, user, what cannot be run" {
	run_background box bb sleep 1000
	[ "$(davit exec box sh -c 'echo $FOO; cat /proc/1/comm')" = $'image\nsleep' ]
	run -7 davit exec box sh -c 'exit 7'
	run -137 davit exec box sh -c 'kill -9 $$'
	run -127 davit exec box nosuch
	[[ $output == *"nosuch"* ]]
	run -126 davit exec box /etc
	run -1 davit exec nobody true
	[[ $output == *"No such container: nobody"* ]]
	[ "$(OWN=ours davit exec -e A=1 -e FOO=2 -e OWN -w /tmp box sh -c 'echo $A $FOO $OWN; pwd')" = $'1 2 ours\n/tmp' ]
	[ "$(davit exec -u 12:34 box id -u)" = 12 ]
	run -1 davit exec -u nosuch box true
	[ "$(echo typed | davit exec -i box cat)" = typed ]
	[ -z "$(echo typed | davit exec box cat)" ]
	davit rm -f box
	wait "$run_pid" || true
	davit run --name old bb true
	run -1 davit exec old true
	[[ $output == *"is not running"* ]]
}

@test "exec: no more rights than the container's own process, and its filter" {
	run_background box bb sleep 1000
	line='grep -E "^(Cap|Seccomp:|NoNewPrivs)" /proc/self/status; cat /proc/self/cgroup; ls -l /proc/self/ns | sed "s/.*-> //"'
	davit exec box sh -c "$line" >"$T/exec"
	# The same line as the container's own process.
	davit run --rm bb sh -c 'grep -E "^(Cap|Seccomp:|NoNewPrivs)" /proc/self/status' >"$T/own"
	[ "$(grep -E '^(Cap|Seccomp:|NoNewPrivs)' "$T/exec")" = "$(cat "$T/own")" ]
	grep -q $'^Seccomp:\t2' "$T/exec"
	for ns in pid net mnt uts ipc cgroup; do
		grep -qF "$(readlink "/proc/$(pid_of box)/ns/$ns")" "$T/exec"
	done
	[ "$(davit exec -u 12 box sh -c 'grep CapEff /proc/self/status')" = $'CapEff:\t0000000000000000' ]
	davit exec --privileged box sh -c 'grep CapEff /proc/self/status' >"$T/more"
	[ "$(cat "$T/more")" != "$(grep CapEff "$T/own")" ]
	# Nobody waits for it.
	davit exec -d box sleep 61
	wait_for eval 'davit exec box ps 2>/dev/null | grep -q "sleep 61"'
	davit rm -f box
	wait "$run_pid" || true
}

@test "exec -it: a terminal" {
	run_background box bb sleep 1000
	run -3 terminal "'$DAVIT_BUILD/davit' --root $T/root --runroot $T/run exec -it box sh -c 'tty; echo \$TERM; exit 3'"
	[[ $output == */dev/pts/0*xterm* ]]
	run -1 davit exec -it box sh </dev/null
	[[ $output == *"not a TTY"* ]]
	davit rm -f box
	wait "$run_pid" || true
}

@test "kill: signals by name and number; what does not run cannot be killed" {
	run_background box bb sh -c 'trap "exit 5" HUP; trap "echo usr1" USR1; echo ready; while :; do sleep 0.05; done'	# allow(sleep): in the container
	wait_for grep -q ready "$T/out"     # as process 1 it does not hear what it has no trap for
	[ "$(davit kill -s USR1 box)" = box ]
	wait_for grep -q usr1 "$T/out"
	run -1 davit kill -s NOSUCH box
	davit kill --signal 1 box
	wait_for has_status box exited
	run -1 davit kill box
	[[ $output == *"is not running"* ]]
	run -1 davit kill nosuch
	[[ $output == *"No such container: nosuch"* ]]
	[ "$(davit inspect -f '{{.State.ExitCode}}' box)" = 5 ]
}

@test "stop: by the image's signal, then by force; wait prints the status" {
	run_background box bb sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done'	# allow(sleep): in the container
	wait_for grep -q ready "$T/out"
	davit wait box >"$T/wait" &
	waiter=$!
	[ "$(davit stop box)" = box ]
	[ "$(status_of box)" = exited ]
	wait "$waiter"
	[ "$(cat "$T/wait")" = 9 ]
	[ "$(davit wait box)" = 9 ]
	[ "$(davit stop box)" = box ]       # again: nothing to do
	run -1 davit stop nosuch
	run_background deaf bb sh -c 'trap "" TERM; echo ready; while :; do sleep 0.05; done'	# allow(sleep): in the container
	wait_for grep -q ready "$T/out"
	davit stop -t 0 deaf
	[ "$(davit inspect -f '{{.State.Status}} {{.State.ExitCode}}' deaf)" = "exited 137" ]
	# One that goes with its end.
	run_background gone --rm bb sleep 1000
	"$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" wait gone >"$T/wait" 2>&1 3>&- &
	waiter=$!
	wait_for eval 'ls -l "/proc/$waiter/fd" | grep -q socket:'
	davit kill gone
	wait "$run_pid" || true
	wait "$waiter" || true
	[ "$(cat "$T/wait")" = 137 ]
}

@test "stop: the command line of the container has died" {
	run_background box bb sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done'	# allow(sleep): in the container
	wait_for grep -q ready "$T/out"
	kill -9 "$run_pid"
	wait "$run_pid" || true
	davit stop box
	[ "$(status_of box)" = exited ]
	[ "$(davit wait box)" = 9 ]
}

@test "pause and unpause" {
	run_background box bb sleep 1000
	[ "$(davit pause box)" = box ]
	[ "$(davit inspect -f '{{.State.Status}} {{.State.Paused}} {{.State.Running}}' box)" = "paused true true" ]
	[[ $(davit ps --format '{{.State}} {{.Status}}') == "paused Up "*"(Paused)" ]]
	run -1 davit pause box
	[[ $output == *"already paused"* ]]
	run -1 davit exec box true
	[[ $output == *"is paused"* ]]
	davit unpause box
	run -1 davit unpause box
	[[ $output == *"is not paused"* ]]
	davit exec box true
	davit pause box
	davit stop -t 5 box                 # sleep does not trap TERM as process 1: it is killed
	[ "$(davit inspect -f '{{.State.Status}} {{.State.Paused}}' box)" = "exited false" ]
	run -1 davit pause box
	[[ $output == *"is not running"* ]]
}

@test "rename" {
	davit run --name one bb true
	davit run --name two bb true
	davit rename one three
	[ "$(davit ps -a --format '{{.Names}}' | sort | tr '\n' ' ')" = "three two " ]
	run -1 davit rename three two
	[[ $output == *"already in use"* ]]
	run -1 davit rename three 'no/name'
	[[ $output == *"Invalid container name"* ]]
	run -1 davit rename one four
	[[ $output == *"No such container: one"* ]]
}

@test "export: a container that runs and one that has ended; import makes an image of it" {
	run_background box bb sh -c 'echo new >/file; rm /bin/id 2>/dev/null; exec sleep 1000'
	wait_for davit exec box test -e /file
	davit export box >"$T/running.tar"
	[ "$(tar -xOf "$T/running.tar" file)" = new ]
	tar -tf "$T/running.tar" | grep -qx proc/
	! tar -tf "$T/running.tar" | grep -q '^proc/.'
	davit stop -t 0 box
	davit export -o "$T/ended.tar" box
	[ "$(tar -tf "$T/running.tar" | sort)" = "$(tar -tf "$T/ended.tar" | sort)" ]
	davit import -q "$T/ended.tar" again:1 >/dev/null 2>&1 || davit import "$T/ended.tar" again:1
	[ "$(davit run --rm again:1 /bin/cat /file)" = new ]
	[ -z "$(grep -F "$T/" /proc/self/mountinfo)" ]
	run -1 davit export -o "$T/none.tar" nosuch
	[[ $output == *"No such container: nosuch"* ]]
	[ -z "$(ls "$T" | grep -E 'none|part')" ]
	# Killed in the middle: no file, whole or half; over an old one at the end.
	echo old >"$T/kept.tar"
	"$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" export -o "$T/kept.tar" box 3>&- &
	kill -9 "$!" 2>/dev/null || true
	wait "$!" || true
	[ "$(cat "$T/kept.tar")" = old ] || cmp "$T/kept.tar" "$T/ended.tar"
	[ -z "$(find "$T" -maxdepth 1 -name '.davit-export*')" ]
	davit export -o "$T/kept.tar" box
	cmp "$T/kept.tar" "$T/ended.tar"
	mkfifo "$T/fifo"
	cat "$T/fifo" >"$T/through" &
	davit export -o "$T/fifo" box
	wait "$!"
	[ -p "$T/fifo" ]
	cmp "$T/through" "$T/ended.tar"
	run -1 davit export -o "$T" box
	[[ $output == *"s a directory"* ]]
	run bash -c "'$DAVIT_BUILD/davit' --root '$T/root' --runroot '$T/run' export box >/dev/full"
	[ "$status" = 1 ]
	[[ $output == *"o space left"* ]]
}
