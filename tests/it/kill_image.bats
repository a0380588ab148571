# load, rmi and gc are killed at random moments, two at a time: the store checks clean, and the same commands work.
export BATS_TEST_TIMEOUT=${DAVIT_KILL_TIMEOUT:-1800}
load lib
load engine

@test "20 times: nothing is half there" {
	seed=${KILL_SEED:-$RANDOM}
	echo "seed $seed"
	RANDOM=$seed
	make_image other '.config.Labels.from = "other"'
	commands=("load -q -i $T/image-bb.tar" "load -q -i $T/image-other.tar" "rmi -f bb" "rmi -f other" "system gc --grace 0"
		"image prune -af" "tag bb third")
	for i in $(seq "${DAVIT_KILL_ROUNDS:-20}"); do
		pids=()
		for k in 1 2; do
			davit_background ${commands[RANDOM % ${#commands[@]}]}
			pids+=("$run_pid")
		done
		sleep "0.0$(printf %02d $((RANDOM % 50)))"	# allow(sleep): the moment is the test
		kill -9 "${pids[@]}" 2>/dev/null || true
		wait "${pids[@]}" 2>/dev/null || true
		run davit system check
		echo "round $i: $output"
		[ "$status" = 0 ]
	done
	davit load -q -i "$T/image-bb.tar" >/dev/null
	davit run --rm bb true
	davit rmi --all >/dev/null
	davit system gc --grace 0 >/dev/null
	[ -z "$(find "$T/root/layers" "$T/root/blobs" "$T/root/tmp" -mindepth 1 ! -name 'sha*')" ]
}
