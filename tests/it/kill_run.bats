# davit run is killed at random moments: nothing it left cannot be removed, and most removes itself.
export BATS_TEST_TIMEOUT=${DAVIT_KILL_TIMEOUT:-1800}
load lib
load engine

# Half of them with --rm. The seed is printed, so that a failure can be had again: KILL_SEED=N.
@test "20 times: no mount, cgroup, directory or name is left" {
	seed=${KILL_SEED:-$RANDOM}
	echo "seed $seed"
	RANDOM=$seed
	for i in $(seq "${DAVIT_KILL_ROUNDS:-20}"); do
		rm_flag=
		[ $((RANDOM % 2)) = 0 ] || rm_flag=--rm
		davit_background run --name victim $rm_flag -m 64m bb sleep 1000
		sleep "0.0$(printf %02d $((RANDOM % 60)))"	# allow(sleep): the moment is the test
		kill -9 "$run_pid" 2>/dev/null || true
		wait "$run_pid" 2>/dev/null || true
		! grep -F "$T/" /proc/self/mountinfo
		davit rm -f victim >/dev/null
		[ "$(davit ps -aq)" = "" ]
		run leftovers
		[ "$output" = "" ]
		run -0 davit run --rm --name victim bb true
	done
}
