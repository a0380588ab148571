# davit top and davit stats: what runs in containers, and what they use.
load lib
load engine

@test "top: columns of ps" {
	run_background box bb sh -c 'sleep 61 & exec sleep 60'
	wait_for eval '[ "$(davit top box | wc -l)" = 3 ]'
	run -0 davit top box
	[[ ${lines[0]} =~ ^UID\ +PID\ +PPID\ +C\ +STIME\ +TTY\ +TIME\ +CMD$ ]]
	[[ $output == *"sleep 60"* && $output == *"sleep 61"* ]]
	[ "$(davit top box -o pid | tail -n +2 | head -1 | tr -d ' ')" = "$(pid_of box)" ]
	[ "$(davit top box -o pid=ID,ppid,comm | head -1 | tr -s ' ')" = "ID PPID COMMAND" ]
	[ "$(davit top box -eo comm | tail -1)" = sleep ]
	[ "$(davit top box user,args | sed -n 2p | tr -s ' ')" = "root sleep 60" ]
	[[ $(davit top box aux | head -1) =~ ^USER\ +PID\ +%CPU\ +%MEM\ +VSZ\ +RSS\ +TTY\ +STAT\ +START\ +TIME\ +COMMAND$ ]]
	# The same numbers as ps has.
	[ "$(davit top box -o pid,ppid,pgid,sid,nice,vsz,nlwp | tail -n +2 | tr -s ' ' | sed 's/ $//')" = \
		"$(ps -o pid=,ppid=,pgid=,sid=,nice=,vsz=,nlwp= -p "$(davit top box -o pid | tail -n +2 | tr -d ' ' | paste -sd,)" | tr -s ' ' | sed 's/^ //')" ]
	run -1 davit top box -o nosuch
	run -1 davit top nosuch
	davit rm -f box
	wait "$run_pid" || true
	davit run --name ended bb true
	run -1 davit top ended
	[[ $output == *"is not running"* ]]
}

@test "stats: docker's fields, from the cgroup" {
	run_background box -m 64m bb sh -c 'dd if=/dev/zero of=/dev/shm/x bs=1M count=20 2>/dev/null; echo full >/full; while :; do :; done'
	wait_for davit exec box test -e /full
	run -0 davit stats --no-stream
	[[ ${lines[0]} =~ ^CONTAINER\ ID\ +NAME\ +CPU\ %\ +MEM\ USAGE\ /\ LIMIT\ +MEM\ %\ +NET\ I/O\ +BLOCK\ I/O\ +PIDS$ ]]
	[[ ${lines[1]} == "$(id_of box | cut -c1-12)"*box* ]]
	local j
	j=$(davit stats --no-stream --format json box)
	[ "$(jq -c keys <<<"$j")" = '["BlockIO","CPUPerc","Container","ID","MemPerc","MemUsage","Name","NetIO","PIDs"]' ]
	[ "$(jq -r '.MemUsage | split(" / ")[1]' <<<"$j")" = 64MiB ]
	# 20 MiB are in /dev/shm, and it spins.
	jq -e '(.MemPerc | rtrimstr("%") | tonumber) > 20 and (.CPUPerc | rtrimstr("%") | tonumber) > 0 and (.PIDs | tonumber) >= 1' <<<"$j"
	[ "$(davit stats --no-stream --no-trunc --format '{{.ID}}' box)" = "$(id_of box)" ]
	davit run --name ended bb true
	[ "$(davit stats --no-stream --format '{{.Name}}' | tr '\n' ' ')" = "box " ]
	[ "$(davit stats -a --no-stream --format '{{.Name}} {{.PIDs}}' | sort | tail -1)" = "ended --" ]
	run -1 davit stats --no-stream nosuch
	# A stream goes on until nobody reads it.
	[ "$(davit stats --format '{{.Name}}' box | head -3 | sort -u)" = box ]
	davit rm -f box
	wait "$run_pid" || true
}
