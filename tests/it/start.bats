# start.bats - containers and their monitors: create, start, restart, attach, policies, adoption, wait.
load lib
load engine

# The monitor of a container: who holds the lock of its record.
monitor_of() { davit_owner "$(id_of "$1")"; }
davit_owner() {
	local inode
	inode=$(stat -c %i "$T/run/containers/$1/monitor") || return 1
	awk -v i=":$inode" '$2 == "POSIX" && substr($6, length($6) - length(i) + 1) == i { print $5 }' /proc/locks
}
# A container that writes a line, and ends with a status when it is told to: by a file in what is new at each start.
waiting='echo begun; while [ ! -e /dev/shm/end ]; do sleep 0.05; done; echo over; exit 5'	# allow(sleep): in the container
let_end() { touch "/proc/$(pid_of "$1")/root/dev/shm/end"; }
# Who adopted a process may never wait for it.
gone() { ! grep -qs '^State:.[^ZX]' "/proc/$1/status"; }
log_of() { jq -rj .log "$T/root/containers/$(id_of "$1")/log/"*.log; }
has_log() { log_of "$1" 2>/dev/null | grep -q "$2"; }

@test "create: a row and nothing else, until it is started; its files and exit status stay over starts" {
	id=$(davit create --name box -e A=1 bb sh -c 'echo $A; echo x >>/file; cat /file; exit 3')
	[ "${#id}" = 64 ]
	[ "$(status_of box)" = created ]
	[[ $(davit ps -a --format '{{.Status}}') == Created ]]
	[ "$(leftovers "$id")" = "" ]
	run -3 davit start -a box
	[ "$output" = $'1\nx' ]
	[ "$(davit inspect -f '{{.State.Status}} {{.State.ExitCode}}' box)" = "exited 3" ]
	run -3 davit start -a box
	[ "$output" = $'1\nx\nx' ]
	[ "$(davit start box)" = box ]
	[ "$(davit wait box)" = 3 ]
	run -1 davit start nosuch
	[[ $output == *"No such container: nosuch"* ]]
	davit rm box
	[ "$(leftovers "$id")" = "" ]
}

@test "create: what the command line had then counts, not what start has" {
	echo FROM=file >"$T/env"
	OWN=then davit create --name box --env-file "$T/env" -e OWN bb sh -c 'echo $FROM $OWN' >/dev/null
	rm "$T/env"
	[ "$(OWN=now davit start -a box)" = "file then" ]
}

@test "run -d: the id at once; stop, start, restart" {
	id=$(davit run -d --name box --stop-timeout 1 bb sh -c "$waiting")
	[ "$id" = "$(id_of box)" ]
	pid=$(pid_of box)
	[ "$(davit start box)" = box ]          # it runs already
	[ "$(pid_of box)" = "$pid" ]
	davit restart -t 0 box
	[ "$(status_of box)" = running ]
	[ "$(pid_of box)" != "$pid" ]
	davit stop -t 0 box
	[ "$(davit inspect -f '{{.State.Status}} {{.State.ExitCode}}' box)" = "exited 137" ]
	davit restart box                       # starts one that does not run
	let_end box
	[ "$(davit wait box)" = 5 ]
	run -1 davit attach box
	[[ $output == *"cannot attach to a stopped container"* ]]
}

@test "run -d holds nothing open of who called it" {
	exec 8>"$T/lock"
	flock 8
	davit run -d --name box bb sleep 1000 >/dev/null
	exec 8>&-
	flock -n "$T/lock" true
	# Not its output either: a substitution ends.
	id=$(davit run -d bb sleep 1000 2>&1)
	[ "${#id}" = 64 ]
}

@test "killed davit run and start -a: the container goes on, with its log" {
	davit_background run --name box bb sh -c "$waiting"
	wait_for has_status box running
	kill -9 "$run_pid"
	wait "$run_pid" || true
	let_end box
	[ "$(davit wait box)" = 5 ]
	[ "$(log_of box)" = $'begun\nover' ]
	davit_background start -a box
	wait_for has_status box running
	kill -9 "$run_pid"
	wait "$run_pid" || true
	davit stop -t 0 box
	[ "$(davit wait box)" = 137 ]
}

@test "killed monitor: the next command gives the container a new one; output, log and exit status are whole" {
	id=$(davit run -d --name box bb sh -c "$waiting")
	wait_for has_log box begun
	first=$(davit_owner "$id")
	kill -9 "$first"
	wait_for eval '[ -z "$(davit_owner $id)" ]'
	[ "$(status_of box)" = running ]
	second=$(davit_owner "$id")
	[ -n "$second" ] && [ "$second" != "$first" ]
	[ "$(davit exec box echo inside)" = inside ]
	let_end box
	if [ "$(printf '%s\n' 6.15 "$(uname -r)" | sort -V | head -n 1)" = 6.15 ]; then
		[ "$(davit wait box)" = 5 ]
	else
		run -1 davit wait box
		[[ $output == *unknown* ]]
	fi
	[ "$(log_of box)" = $'begun\nover' ]
	davit rm box
	[ "$(leftovers "$id")" = "" ]
}

@test "killed monitor of a container that ends meanwhile: its exit status is unknown, not zero" {
	id=$(davit run -d --name box bb sh -c "$waiting")
	pid=$(pid_of box)
	kill -9 "$(davit_owner "$id")"
	touch "/proc/$pid/root/dev/shm/end"
	wait_for gone "$pid"
	wait_for has_status box exited
	[ "$(davit inspect box | jq '.[0].State.ExitCode')" = null ]
	run -1 davit wait box
	[[ $output == *"unknown"* ]]
	davit rm box
	[ "$(leftovers "$id")" = "" ]
}

# flag: run --restart
@test "restart policies: on-failure counts, always goes on until it is stopped" {
	davit run -d --name few --restart on-failure:2 bb sh -c 'echo x; exit 4' >/dev/null
	wait_for eval '[ "$(davit inspect -f "{{.State.Status}} {{.RestartCount}}" few)" = "exited 2" ]'
	[ "$(davit inspect -f '{{.State.ExitCode}}' few)" = 4 ]
	[ "$(log_of few | wc -l)" = 3 ]
	davit run -d --name good --restart on-failure bb true >/dev/null
	wait_for has_status good exited
	davit run -d --name ever --restart always bb sh -c 'echo x' >/dev/null
	wait_for eval '[ "$(davit inspect -f "{{.RestartCount}}" ever)" -ge 2 ]'
	[[ $(davit ps -a --filter name=ever --format '{{.Status}}' 2>/dev/null || davit ps -a --format '{{.Status}}') == *@(Restarting|Up)* ]]
	davit stop ever
	[ "$(status_of ever)" = exited ]
	n=$(davit inspect -f '{{.RestartCount}}' ever)
	davit start ever
	davit kill ever 2>/dev/null || davit stop ever
	wait_for has_status ever exited
	run -125 davit run --rm --restart always bb true
	[[ $output == *"cannot specify both --restart and --rm"* ]]
	run -125 davit run --restart sometimes bb true
	[[ $output == *"invalid restart policy"* ]]
}

@test "attach: several at once, input to one of them, its exit status to all" {
	davit run -di --name box bb sh -c 'read a; echo got $a; read b; echo got $b; exit 6' >/dev/null
	"$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" attach --no-stdin box >"$T/one" 2>&1 3>&- </dev/null &
	one=$!
	wait_for eval 'ls -l "/proc/$one/fd" | grep -q socket:'
	printf 'x\ny\n' | davit attach box >"$T/two" || code=$?
	[ "$code" = 6 ]
	wait "$one" || code=$?
	[ "$code" = 6 ]
	[ "$(cat "$T/two")" = $'got x\ngot y' ]
	[ "$(cat "$T/one")" = $'got x\ngot y' ]
}

@test "streams: both apart, much of it, a reader that is slow; stdin to the end" {
	[ "$(davit run --rm bb sh -c 'echo out; echo err >&2' 2>/dev/null)" = out ]
	[ "$(davit run --rm bb sh -c 'echo out; echo err >&2' 2>&1 >/dev/null)" = err ]
	[ "$(davit run --rm -a stderr bb sh -c 'echo out; echo err >&2' 2>&1)" = err ]
	sum=$(head -c 3000000 /dev/urandom | tee "$T/random" | sha256sum)
	[ "$(davit run --rm -i bb cat <"$T/random" | sha256sum)" = "$sum" ]
	[ "$(davit run --rm bb sh -c 'yes | head -n 400000' | { sleep 0.5; wc -l; })" = 400000 ]	# allow(sleep): a slow reader
}

@test "a terminal: detach by keys, attach again" {
	# The keys are typed when it has said something.
	: >"$T/typescript"
	{ wait_for grep -q pts "$T/typescript" && printf '\020\021'; } |
		timeout 300 script -qec "'$DAVIT_BUILD/davit' --root $T/root --runroot $T/run run -it --name box bb sh -c 'tty; exec sleep 1000'" /dev/null >"$T/typescript"
	[ "$(status_of box)" = running ]
	grep -q /dev/pts/0 "$T/typescript"
	# Their beginning alone, and other keys, are for the program.
	davit run -dit --name cat bb sh -c 'stty raw -echo; echo ready; head -c 2 | od -An -tx1; exec sleep 1000' >/dev/null
	wait_for has_log cat ready
	{ printf '\020a' && wait_for has_log cat '10 61' && printf 'xy'; } | timeout 300 script -qec \
		"'$DAVIT_BUILD/davit' --root $T/root --runroot $T/run attach --detach-keys x,y cat" /dev/null >/dev/null
	[ "$(status_of cat)" = running ]
	run -125 davit run -it --detach-keys ctrl-1 bb true </dev/null
	davit rm -f box cat
}

# flag: run --cidfile
# flag: run --pidfile
# flag: run --timeout
# flag: run --detach
@test "--cidfile, --pidfile, --timeout" {
	davit run -d --name box --cidfile "$T/cid" --pidfile "$T/pid" bb sleep 1000 >/dev/null
	[ "$(cat "$T/cid")" = "$(id_of box)" ]
	[ "$(cat "$T/pid")" = "$(pid_of box)" ]
	run -125 davit run --cidfile "$T/cid" bb true
	[[ $output == *"Container ID file found"* ]]
	run -137 davit run --rm --timeout 1 bb sleep 1000
}

# flag: run --init
@test "--init: a first process that passes signals on and reaps" {
	! readelf -l "$DAVIT_BUILD/davit-monitor" | grep -q INTERP || skip "davit-monitor is not static here"
	davit run -d --name box --init bb sleep 1000 >/dev/null
	davit exec box cat /proc/1/cmdline | tr '\0' ' ' | grep -q '^/sbin/docker-init -- sleep 1000'
	davit stop box                          # no need to wait for ten seconds
	[ "$(davit wait box)" = 143 ]
	run -7 davit run --rm --init bb sh -c 'sleep 0.01 & exit 7'	# allow(sleep): an orphan in the container
	run -127 davit run --rm --init bb nosuch
}

@test "health: a check that fails makes it unhealthy; its results; healthcheck on demand" {
	davit run -d --name box --health-cmd 'test -e /tmp/good || { echo bad; exit 1; }' --health-interval 100ms --health-retries 2 bb sleep 1000 >/dev/null
	health_is() { [ "$(davit inspect -f '{{.State.Health.Status}}' box)" = "$1" ]; }
	wait_for health_is unhealthy
	[[ $(davit ps --format '{{.Status}}') == *"(unhealthy)" ]]
	[ "$(davit inspect -f '{{json .State.Health.Log}}' box | jq -r '.[0] | "\(.ExitCode) \(.Output)"')" = "1 bad" ]
	[ "$(davit inspect -f '{{json .State.Health.Log}}' box | jq length)" -le 5 ]
	touch "/proc/$(pid_of box)/root/tmp/good"
	wait_for health_is healthy
	davit rm -f box
}

@test "health: restart of what is unhealthy" {
	davit run -d --name box --health-cmd false --health-interval 100ms --health-retries 1 --health-on-failure restart --stop-timeout 0 bb sleep 1000 >/dev/null
	pid=$(pid_of box)
	wait_for eval '[ "$(davit inspect -f "{{.RestartCount}}" box)" -ge 1 ]'
	davit rm -f box
}

@test "healthcheck run: the check now, its status" {
	davit run -d --name box --health-cmd 'test -e /tmp/good' --health-interval 1h bb sleep 1000 >/dev/null
	run -1 davit healthcheck run box
	[ "$output" = unhealthy ]
	touch "/proc/$(pid_of box)/root/tmp/good"
	run -0 davit healthcheck run box
	[ "$(davit inspect -f '{{.State.Health.Status}}' box)" = healthy ]
	davit run -d --name none bb sleep 1000 >/dev/null
	run -1 davit healthcheck run none
	[[ $output == *"no health check"* ]]
	davit rm -f box none
}

@test "system boot: what shall run after a restart of the machine" {
	for policy in no on-failure always unless-stopped; do
		davit run -d --name "$policy" --restart "$policy" bb sleep 1000 >/dev/null
	done
	davit run -d --name stopped --restart unless-stopped --stop-timeout 0 bb sleep 1000 >/dev/null
	davit stop stopped
	davit create --name never --restart always bb sleep 1000 >/dev/null
	ids=$(davit ps -aq --no-trunc)
	# The machine goes down: everything dies at once, the run directory is empty, the boot id another.
	for name in no on-failure always unless-stopped; do
		pid=$(pid_of "$name")
		kill -9 "$(monitor_of "$name")"
		kill -9 "$pid"
		wait_for eval '! kill -0 $pid 2>/dev/null'
	done
	for id in $ids; do
		find /sys/fs/cgroup -depth -type d -name "$id" -exec rmdir {} + 2>/dev/null || true
	done
	rm -rf "$T/run"
	python3 - "$T/root/engine.db" <<-'P'
		import sqlite3, sys
		d = sqlite3.connect(sys.argv[1])
		d.execute("UPDATE containers SET boot = 'another'")
		d.commit()
	P
	[ "$(davit system boot | sort | tr '\n' ' ')" = "always unless-stopped " ]
	[ "$(davit ps --format '{{.Names}}' | sort | tr '\n' ' ')" = "always unless-stopped " ]
	[ "$(davit system boot)" = "" ]
	davit rm -f $(davit ps -aq) >/dev/null
}

@test "a container that runs without a monitor and cannot get one is still there, and can be removed" {
	id=$(davit run -d --name box bb sleep 1000)
	kill -9 "$(davit_owner "$id")"
	wait_for eval '[ -z "$(davit_owner $id)" ]'
	# As an older davit has left it.
	python3 - "$T/root/engine.db" <<-'P'
		import sqlite3, sys
		d = sqlite3.connect(sys.argv[1])
		d.execute("UPDATE containers SET request = ''")
		d.commit()
	P
	[ "$(status_of box)" = running ]
	run -0 davit ps
	[[ $output == *"without a monitor"*box* ]]
	davit rm -f box
	[ "$(davit ps -aq)" = "" ]
	[ "$(leftovers "$id")" = "" ]
}

@test "restart policy of a container whose monitor was killed: it is started again, and counted on" {
	id=$(davit run -d --name box --restart on-failure:2 bb sh -c "rm -f /dev/shm/end; $waiting")
	wait_for has_log box begun
	kill -9 "$(davit_owner "$id")"
	wait_for eval '[ -z "$(davit_owner $id)" ]'
	[ "$(status_of box)" = running ]        # adopted
	for n in 1 2; do
		pid=$(pid_of box)
		touch "/proc/$pid/root/dev/shm/end"
		wait_for eval '[ "$(davit inspect -f "{{.State.Status}} {{.RestartCount}}" box)" = "running $n" ] && [ "$(pid_of box)" != "$pid" ]'
		wait_for eval '[ "$(log_of box | grep -c begun)" = $((n + 1)) ]'
	done
	let_end box
	wait_for has_status box exited
	[ "$(davit inspect -f '{{.State.ExitCode}} {{.RestartCount}}' box)" = "5 2" ]
}
