# kill_copy.bats - davit copy is killed at random moments: the destination is as before, or complete.

export BATS_TEST_TIMEOUT=${DAVIT_KILL_TIMEOUT:-1800}
load lib

setup() {
	it_setup
	cd "$T" || return 1
	python3 "$DAVIT_SOURCE/tests/it/mkcopy.py" L
	seed=${KILL_SEED:-$RANDOM}
	echo "seed $seed"
	RANDOM=$seed
}

copy() { timeout 300 "$DAVIT_BUILD/davit-image" --root "$T/root" copy -q "$@"; }

killed_copy() {
	"$DAVIT_BUILD/davit-image" --root "$T/root" copy -q "$@" >out 2>&1 3>&- </dev/null &
	local pid=$!
	sleep "0.0$(printf %03d $((RANDOM % 400)))"	# allow(sleep): the moment is the test
	kill -9 "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
}

digest_of() { copy --all "$1" "dir:$T/digest" && sha256sum <digest/manifest.json; }

@test "to a new layout: nothing, or all of it; what is left beside it goes" {
	want=$(digest_of oci:L:multi)
	for i in $(seq "${DAVIT_KILL_ROUNDS:-20}"); do
		killed_copy --all oci:L:multi oci:O:x
		[ ! -e O ] || [ "$(digest_of oci:O:x)" = "$want" ]
		rm -rf O
		copy --all oci:L:multi oci:O:x
		[ "$(digest_of oci:O:x)" = "$want" ]
		[ -z "$(find . -maxdepth 1 -name '.O.davit-*')" ]
		rm -rf O
	done
}

@test "to a layout, a directory and an archive that exist: the old or the new" {
	old=$(digest_of oci:L:two) new=$(digest_of oci:L:one)
	for i in $(seq "${DAVIT_KILL_ROUNDS:-20}"); do
		for to in oci:O:x dir:D oci-archive:a.tar:x; do
			copy oci:L:two "$to"
			killed_copy oci:L:one "$to"
			now=$(digest_of "$to")
			[ "$now" = "$old" ] || [ "$now" = "$new" ]
		done
	done
}

@test "to the store: it can be used, and the same copy succeeds" {
	want=$(digest_of oci:L:one)
	copy oci:L:two davit:two
	for i in $(seq "${DAVIT_KILL_ROUNDS:-20}"); do
		killed_copy oci:L:one davit:one
		[ "$(digest_of davit:two)" = "$(digest_of oci:L:two)" ]
		copy oci:L:one davit:one
		[ "$(digest_of davit:one)" = "$want" ]
		timeout 300 "$DAVIT_BUILD/davit" --root "$T/root" rmi one
	done
	[ -z "$(ls root/tmp)" ]
}
