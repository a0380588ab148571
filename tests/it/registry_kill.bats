# The registry is killed at random moments while clients push: what they were told is there is there, the rest can be
# pushed again, and no blob is anything but its name.
load lib
load registry

export BATS_TEST_TIMEOUT=${DAVIT_KILL_TIMEOUT:-1800}

# pusher CLIENT ROUND: pushes images until the registry is gone; "CLIENT.done" has what it was promised. No tag is
# used twice: one that had moved would be no broken promise.
pusher() {
	local i
	for i in $(seq 1000); do
		head -c $((RANDOM * 20)) /dev/urandom >"$T/$1.layer"
		printf '{"n":"%s-%s-%s"}' "$1" "$2" "$i" >"$T/$1.config"
		client_push "$1" "r$2-$i" || return 0
		echo "r$2-$i $(sha "$T/$1.layer")" >>"$T/$1.done"
	done
}

# Everything that was promised, and every tag that is there.
check_promises() {
	local tag layer
	while read -r tag layer; do
		[ "$(get "/v2/$1/manifests/$tag" | jq -r '.layers[0].digest')" = "sha256:$layer" ] || return 1
	done <"$T/$1.done"
	for tag in $(get "/v2/$1/tags/list" | jq -r '.tags[]?'); do
		layer=$(get "/v2/$1/manifests/$tag" | jq -r '.layers[0].digest')
		[ "sha256:$(get "/v2/$1/blobs/$layer" | sha256sum | cut -d' ' -f1)" = "$layer" ] || return 1
	done
}

@test "20 times: what was pushed is there, the store is sound, the same push succeeds" {
	seed=${KILL_SEED:-$RANDOM}
	echo "seed $seed"
	for i in $(seq "${DAVIT_KILL_ROUNDS:-20}"); do
		RANDOM=$((seed + i))
		registry_start
		for p in p0 p1; do
			: >>"$T/$p.done"
			pusher $p "$i" 3>&- &
			eval "pid_$p=\$!"
		done
		sleep "0.$(printf %03d $((RANDOM % 600)))"	# allow(sleep): the moment is the test
		kill -9 "$REG_PID"
		wait "$REG_PID" || true
		wait "$pid_p0" "$pid_p1" || true
		registry_start
		blobs_verify
		for p in p0 p1; do
			check_promises $p
			client_push $p again
		done
		"$DAVIT_BUILD/davit-image" registry gc --root "$T/root" --grace 0 --format json >/dev/null
		for p in p0 p1; do check_promises $p; done
		registry_stop
		run -0 "$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" system check
	done
}
