# davit is killed while it fills, makes or removes a volume: afterwards each volume is empty or full, and everything
# can be removed. DAVIT_KILL_ROUNDS says how often (12).
export BATS_TEST_TIMEOUT=${DAVIT_KILL_TIMEOUT:-1800}
load lib
load engine

eval "$(declare -f make_rootfs | sed '1s/make_rootfs/plain_rootfs/')"
make_rootfs() {
	local i
	plain_rootfs "$1"
	mkdir -p "$1/data/sub"
	for i in {1..12}; do
		echo "$i" >"$1/data/sub/$i"
	done
}

rounds=${DAVIT_KILL_ROUNDS:-12}

# How long a command takes, in milliseconds, is what kills are spread over.
measure() {
	local start=${EPOCHREALTIME/./}
	"$@" >/dev/null
	ms=$(((${EPOCHREALTIME/./} - start) / 1000 + 2))
}

# Kill the background davit at a random moment of the $1 milliseconds that it takes.
kill_after() {
	sleep "0.$(printf %03d $((RANDOM % ($1 < 900 ? $1 : 900))))"	# allow(sleep): the moment of the kill is the test's input
	kill -9 "$run_pid" 2>/dev/null || true
	wait "$run_pid" 2>/dev/null || true
}

@test "killed while a volume is filled: it is empty or full" {
	local i n ms full=0 empty=0
	measure davit run --rm -v vol:/data bb true
	davit volume rm vol
	for ((i = 0; i < rounds; i++)); do
		davit_background run --rm -v vol:/data bb true
		kill_after "$ms"
		n=$(ls "$T/root/volumes/vol/_data/sub" 2>/dev/null | wc -l)
		case $n in
		0) [ -z "$(ls -A "$T/root/volumes/vol/_data" 2>/dev/null)" ] && empty=$((empty + 1)) ;;
		12) full=$((full + 1)) ;;
		*) echo "$n files"; return 1 ;;
		esac
		# The next one finds it usable.
		[ "$(davit run --rm -v vol:/data bb ls /data/sub | wc -l)" = 12 ]
		wait_for eval '[ -z "$(davit ps -aq)" ]'
		davit volume rm vol
		[ -z "$(ls -A "$T/root/volumes")" ]
	done
	echo "# $full full, $empty empty" >&3
}

@test "killed while a volume is made or removed: the next command finishes it" {
	local round ms		# not i: `run` has one of its own name, and it is ours when we have one
	measure davit volume create one
	for ((round = 0; round < rounds; round++)); do
		davit_background volume create one
		kill_after "$ms"
		davit volume create one >/dev/null
		davit run --rm -v one:/data bb true
		davit_background volume rm one
		kill_after "$ms"
		davit volume rm -f one >/dev/null
		run -1 davit volume exists one
		[ -z "$(davit run --rm -v one:/empty bb ls /empty)" ]
		davit volume rm one >/dev/null
		[ -z "$(ls -A "$T/root/volumes")" ]
	done
}
