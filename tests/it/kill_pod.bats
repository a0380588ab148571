# kill_pod.bats - command lines, monitors, or both are killed at random moments of a pod's life: whatever comes next finds a
# pod that makes sense, and when it is removed nothing is left: no mount, namespace, cgroup, link, address, port or record.
export BATS_TEST_TIMEOUT=${DAVIT_KILL_TIMEOUT:-1800}
load lib
load engine
load network

pick() { eval "picked=\${$((RANDOM % $# + 1))}"; }
# ours WORD: davit-monitor's processes of this test that were called so.
ours() {
	local pid
	for pid in $(grep -slxzF davit-monitor /proc/[0-9]*/cmdline | cut -d/ -f3); do
		grep -qsxzF "$1" "/proc/$pid/cmdline" && grep -qsxzF "DAVIT_IT=$T" "/proc/$pid/environ" && echo "$pid"
	done
	return 0
}
monitors() { ours serve; }
firsts() { ours first; }
nothing_runs() { [ -z "$(monitors)$(firsts)" ]; }
quick() { timeout 120 "$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" "$@"; }
# Rows that only a pod or a container that is there may have.
rows() {
	python3 - "$T/root/engine.db" <<-'END'
		import sqlite3, sys
		with sqlite3.connect(sys.argv[1]) as d:
		    names = {r[0] for r in d.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
		    for t in ("containers", "pods", "endpoints"):
		        if t in names:
		            for row in d.execute("SELECT * FROM " + t): print(t, row)
	END
}

@test "rounds of pod create, start, stop, restart, kill, rm and run --pod: nothing is left, names and ports are free" {
	local round verb seed state id ids
	seed=${KILL_SEED:-$RANDOM}
	echo "seed $seed"
	RANDOM=$seed
	davit network create front >/dev/null
	for round in $(seq "${DAVIT_KILL_ROUNDS:-20}"); do
		pick create start run new stop restart kill rm
		verb=$picked
		pick net,ipc,uts net,ipc,uts,pid
		make=(pod create --name victim --share "$picked" --network front -p 8080:80)
		case $verb in
		create) set -- "${make[@]}" ;;
		new) set -- run -d --pod new:victim --network front -p 8080:80 --name inside bb sleep 1000 ;;
		start | run)
			davit "${make[@]}" >/dev/null
			davit create --pod victim --name inside bb sleep 1000 >/dev/null
			set -- pod start victim
			[ "$verb" != run ] || set -- run -d --pod victim --name second bb sleep 1000
			;;
		*)
			davit "${make[@]}" >/dev/null
			davit run -d --pod victim --name inside --stop-timeout 0 bb sleep 1000 >/dev/null
			davit run -d --pod victim --name second --stop-timeout 0 bb sleep 1000 >/dev/null
			[ "$(monitors | wc -l)" = 2 ]
			set -- pod "$verb" victim
			[ "$verb" != rm ] || set -- pod rm -f victim
			;;
		esac
		ids=$(quick pod ps -q --no-trunc)
		pick client monitor both client
		echo "round $round: $verb, $picked"
		davit_background "$@"
		sleep "0.0$(printf %02d $((RANDOM % 70)))"	# allow(sleep): the moment is the test
		[ "$picked" = monitor ] || kill -9 "$run_pid" 2>/dev/null || true
		[ "$picked" = client ] || kill -9 $(monitors) 2>/dev/null || true
		wait "$run_pid" 2>/dev/null || true
		# The state is one that there is, and told without a hang.
		state=$(quick pod ps --format '{{.Status}}')
		case $state in
		'' | Created | Running | Degraded | Exited) ;;
		*) echo "state: $state"; return 1 ;;
		esac
		# It can be started whatever became of it, or made anew.
		if [ -n "$state" ] && [ $((RANDOM % 2)) = 0 ]; then
			quick pod start victim >/dev/null
			[ "$(quick pod ps --format '{{.Status}}')" = Running ]
		fi
		ids+=" $(quick pod ps -q --no-trunc)"
		quick pod rm -f -t 0 victim >/dev/null
		quick rm -f inside second >/dev/null
		[ "$(davit ps -aq)$(davit pod ps -q)" = "" ]
		wait_for nothing_runs
		run leftovers $ids
		[ "$output" = "" ] || { echo "$output"; return 1; }
		run rows
		[ "$output" = "" ] || { echo "$output"; return 1; }
		[ -z "$(ip -o link | grep -v ' lo:' | grep '@')" ] || wait_for eval '[ -z "$(ip -o link | grep "@")" ]'
		[ -z "$(ls -A "$T"/run/netd/names 2>/dev/null | grep ctr)" ]
		[ -z "$(nft list ruleset | grep -w 8080)" ]
	done
	run -0 davit run --rm --name victim -p 8080:80 bb true
}
