# kill_engine.bats - command lines, monitors, or both are killed at random moments of a container's life: whatever
# comes next finds a state that makes sense, and when the container is removed nothing of it is left.
export BATS_TEST_TIMEOUT=${DAVIT_KILL_TIMEOUT:-1800}
load lib
load engine

# Who holds the lock of a record below our run directory.
monitors() {
	local inode
	for f in "$T"/run/containers/*/monitor; do
		inode=$(stat -c %i "$f" 2>/dev/null) || continue
		awk -v i=":$inode" '$2 == "POSIX" && substr($6, length($6) - length(i) + 1) == i { print $5 }' /proc/locks
	done
}
pick() { eval "picked=\${$((RANDOM % $# + 1))}"; }

@test "rounds of create, start, run -d, stop, restart and rm: nothing is left, names are free" {
	seed=${KILL_SEED:-$RANDOM}
	echo "seed $seed"
	RANDOM=$seed
	for i in $(seq "${DAVIT_KILL_ROUNDS:-20}"); do
		pick create start run run-rm stop restart rm
		verb=$picked
		case $verb in
		create) set -- create --name victim bb sleep 1000 ;;
		run) set -- run -d --name victim bb sleep 1000 ;;
		run-rm) set -- run -d --rm --name victim bb sleep 1000 ;;
		start)
			davit create --name victim bb sleep 1000 >/dev/null
			set -- start victim
			;;
		*)
			davit run -d --name victim --stop-timeout 0 bb sleep 1000 >/dev/null
			set -- "$verb" victim
			[ "$verb" != rm ] || set -- rm -f victim
			;;
		esac
		pick client monitor both
		echo "round $i: $verb, $picked"
		davit_background "$@"
		sleep "0.0$(printf %02d $((RANDOM % 60)))"	# allow(sleep): the moment is the test
		[ "$picked" = monitor ] || kill -9 "$run_pid" 2>/dev/null || true
		[ "$picked" = client ] || kill -9 $(monitors) 2>/dev/null || true
		wait "$run_pid" 2>/dev/null || true
		# The state is one that there is, and told without a hang.
		state=$(timeout 120 "$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" ps -a --format '{{.State}}')
		case $state in
		'' | created | running | exited | removing) ;;
		*) echo "state: $state"; return 1 ;;
		esac
		timeout 120 "$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" rm -f victim >/dev/null
		[ "$(davit ps -aq)" = "" ]
		[ "$(monitors)" = "" ]
		run leftovers
		[ "$output" = "" ]
	done
	run -0 davit run --rm --name victim bb true
}
