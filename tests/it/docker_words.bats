# The command lines of docker_words.py for docker and for davit: exit status, output, effects.
#
# Containers cost docker a third of a second each, so a run of the check takes a third of the lines that make one, by the
# day; DAVIT_WORDS=all (make soak) takes all.
load peers
load engine

peer_start() {
	command -v dockerd >/dev/null && command -v docker >/dev/null || skip "no docker"
	dockerd --data-root "$PEER/data" --exec-root "$PEER/exec" -p "$PEER/pid" -H "unix://$PEER/sock" --iptables=false \
		--ip6tables=false --bridge=none >"$PEER/log" 2>&1 3>&- &
	wait_for -t 60 docker -H "unix://$PEER/sock" version >/dev/null 2>&1
}

peer_stop() {
	local pid
	pid=$(cat "$PEER/pid") || return 0
	kill "$pid"
	wait_for -t 30 test ! -e "/proc/$pid"
	awk -v p="$PEER" 'index($5, p) { print $5 }' /proc/self/mountinfo | while read -r path; do umount "$path"; done
}

# One image for both: what davit loads is what docker loads.
setup_file() {
	export PEER=$BATS_FILE_TMPDIR/peer
	mkdir "$PEER"
	peer_start
	T=$PEER TAG=none make_image bb
	docker -H "unix://$PEER/sock" load -q -i "$PEER/image-bb.tar"
}

setup() { it_setup; }

teardown() {
	docker -H "unix://$PEER/sock" ps -aq | xargs -r docker -H "unix://$PEER/sock" rm -f >/dev/null 2>&1 || true
	T=$PEER davit ps -aq | xargs -r "$DAVIT_BUILD/davit" --root "$PEER/root" --runroot "$PEER/run" rm -f >/dev/null 2>&1 || true
	it_teardown
}

words() {
	run python3 "$DAVIT_SOURCE/tests/it/docker_words.py" "$1" "docker -H unix://$PEER/sock" \
		"$DAVIT_BUILD/davit --root $PEER/root --runroot $PEER/run"
	echo "$output"
	[ "$status" = 0 ]
}

@test "what a flag does is seen in the container" { words read; }

@test "what docker refuses is refused" { words refused; }

@test "inspect: the fields that scripts read" { words inspect; }

@test "ps: rows, filters, templates" { words ps; }

@test "a life: create, start, exec, logs, pause, stop, restart, kill, rm" { words life; }

@test "system: info, version, df, prune" { words system; }

@test "create, attach, logs, cp, export, commit" { words files; }

@test "at least 250 lines" {
	[ "$(python3 "$DAVIT_SOURCE/tests/it/docker_words.py" --count)" -ge 250 ]
}
