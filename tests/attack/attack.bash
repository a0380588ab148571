# attack.bash - what the bats files about attacks share.
#
# Every attack runs twice: against the runtime as it is ("held": it fails, and nothing outside has changed), and
# against davit-oci-weak with the one defence off ("shown": it works, so the test would notice). The marker above a
# test says which attacks of attacks.tsv it is about: "# attack: ID held shown"; tools/coverage_attacks.py lists
# what lacks one. Whatever an attack reaches for is in $OUT, a directory of the test.

source "${BASH_SOURCE[0]%/*}/../it/oci.bash"

WEAK=$DAVIT_BUILD/tests/attack/davit-oci-weak
EVIL=$DAVIT_BUILD/tests/attack/evil

setup_file() {
	make_rootfs "$BATS_FILE_TMPDIR/rootfs"
	cp "$DAVIT_BUILD/tests/it/probe" "$EVIL" "$BATS_FILE_TMPDIR/rootfs/bin/"
	chmod 755 "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
}

setup() {
	oci_setup
	OUT=$T/outside
	mkdir "$OUT"
	NO_DEV='.mounts |= map(select(.destination | startswith("/dev") | not))'
}

# without NAME COMMAND...: with this defence off.
without() {
	local name=$1
	shift
	DAVIT_OCI=$WEAK DAVIT_WEAK=$name "$@"
}

# fresh FILTER: the bundle once more from the beginning.
fresh() {
	rm -rf --one-file-system "$B"
	bundle "$1"
}

untouched() {
	[ -z "$(ls -A "$OUT")" ] || {
		echo "outside of the root:"
		ls -lA "$OUT"
		return 1
	}
}

# The racer on $T/vol/link and its neighbour $SWAPPED, for SECONDS.
SWAPPED=real
race() {
	"$EVIL" exchange "$T/vol/$SWAPPED" "$T/vol/link" "$1" 3>&- 8>&- &
	RACER=$!
}
end_race() {
	kill "$RACER" 2>/dev/null
	wait "$RACER" 2>/dev/null || true
}

# racing SECONDS COMMAND...: over and over while the racer runs; the first success is ours. It mostly comes within the
# first ten tries, so what must not happen gets 2 seconds, and what must happen a limit for slow machines.
racing() {
	local seconds=$1 end won=1
	shift
	race "$seconds"
	end=$((${EPOCHREALTIME/./} + seconds * 1000000))
	while [ "$won" -ne 0 ] && [ "${EPOCHREALTIME/./}" -lt "$end" ]; do
		if "$@"; then
			won=0
		fi
	done
	end_race
	return "$won"
}
