# davit pull and push are killed at random moments: the store stays whole, and the same command succeeds.
load lib

export BATS_TEST_TIMEOUT=${DAVIT_KILL_TIMEOUT:-1800}

load pull

# The seed is printed, so that a failure can be had again: KILL_SEED=N.
rounds() {
	seed=${KILL_SEED:-$RANDOM}
	echo "seed $seed"
	RANDOM=$seed
	seq "${DAVIT_KILL_ROUNDS:-20}"
}

# killed MAX_MS COMMAND...: killed within that time, in a process without a shell between.
killed() {
	local ms=$((RANDOM % $1)) pid
	shift
	"$@" >"$T/out" 2>&1 3>&- &
	pid=$!
	sleep "0.$(printf %03d "$ms")"	# allow(sleep): the moment is the test
	kill -9 "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
}

store_is_whole() {
	run timeout 300 "$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" system check
	echo "$output"
	[ "$status" = 0 ]
}

@test "pull: the store checks clean, and the next pull is good" {
	big_layout big 8000
	mk good
	serve_layouts
	for i in $(rounds); do
		killed 250 "$DAVIT_BUILD/davit-image" --root "$T/root" pull -q --tls-verify=false "$REG/big"
		[ $((RANDOM % 3)) != 0 ] || pull -q "$REG/good" >/dev/null
		[ ! -e "$T/root/engine.db" ] || store_is_whole
		[ $((RANDOM % 4)) != 0 ] || { pull -q "$REG/big" >/dev/null; davit rmi "$REG/big" >/dev/null; }
	done
	pull -q "$REG/big" >/dev/null
	store_is_whole
	cmp "$T/files/noise" "$T"/root/layers/*/noise
	run find "$T/root/tmp" -mindepth 1
	[ "$output" = "" ]
}

@test "push: the same push succeeds" {
	serve_docker
	big_layout big 8000
	"$DAVIT_SOURCE/tests/it/mklayout.py" plain "$T/reg/plain"
	"$DAVIT_BUILD/davit-image" --root "$T/root" load -q -i "$T/reg/big" >/dev/null
	n=0
	for i in $(rounds); do
		n=$((n + 1))
		killed 150 "$DAVIT_BUILD/davit-image" --root "$T/root" push -q --tls-verify=false --compression-format zstd case "$REG/k/$n:1"
		store_is_whole
		[ $((RANDOM % 3)) != 0 ] || push -q --compression-format zstd case "$REG/k/$n:1"
	done
	push -q case "$REG/k/last:1"
	timeout 300 "$DAVIT_BUILD/davit-image" --root "$T/other" pull -q --tls-verify=false "$REG/k/last:1" >/dev/null
	cmp "$T/files/noise" "$T"/other/layers/*/noise
	run find "$T/root/tmp" -mindepth 1
	[ "$output" = "" ]
}
