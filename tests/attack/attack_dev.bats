# /dev: an image's own one, links in it, masks, terminals.
load attack

linked_dev() {
	fresh "$NO_DEV"
	rm -r "$B/rootfs/dev"
	ln -s "$OUT" "$B/rootfs/dev"
	in_container true
}

# attack: 2026-41579 held shown
@test "an image's /dev that is a link has no device made outside" {
	linked_dev
	untouched
	succeeds
	[ -c "$B/rootfs$OUT/null" ]
	without dev-inside linked_dev
	[ -c "$OUT/null" ]
	[ -L "$OUT/ptmx" ]
	rm "$OUT"/*
}

# attack: 2026-41579 held
@test "links in an image's /dev: refused or replaced, never followed" {
	for name in null zero tty ptmx fd stdin shm; do
		fresh "$NO_DEV | .linux.devices = [{path: \"/dev/own/x\", type: \"c\", major: 1, minor: 3}]"
		ln -s "$OUT/$name" "$B/rootfs/dev/$name"
		in_container true
		untouched
		case $name in
		null | zero | tty)
			fails
			expect "/dev/$name is there already"
			;;
		*) succeeds ;;
		esac
	done
	fresh "$NO_DEV | .linux.devices = [{path: \"/dev/own/x\", type: \"c\", major: 1, minor: 3}]"
	ln -s "$OUT" "$B/rootfs/dev/own"
	in_container true
	fails
	untouched
}

# attack: 2026-41579 held
@test "a device outside of /dev is made inside the root, and a path that climbs is refused" {
	bundle '.linux.devices = [{path: "/data/x", type: "c", major: 1, minor: 3}]'
	ln -s "$OUT" "$B/rootfs/data"
	in_container true
	succeeds
	untouched
	[ -c "$B/rootfs$OUT/x" ]
	change '.linux.devices[0].path = "/dev/../../../x"'
	in_container true
	fails
	expect linux.devices
}

null_link_userns() {
	fresh "$NO_DEV | userns"
	ln -s "$OUT/null" "$B/rootfs/dev/null"
	chown -R 100000:100000 "$B/rootfs/dev"
	chmod 777 "$OUT"
	chmod 755 "$T" "$B" "$B/rootfs"
	in_container 'echo x >/dev/null && echo through'
}

# attack: 2026-88264 held shown
@test "in a user namespace a device is bound over a link, not onto what it means" {
	null_link_userns
	untouched
	is through
	without dev-nofollow null_link_userns
	[ -f "$OUT/null" ]
}

wrong_device() {
	fresh 'userns | .linux.devices = [{path: "/dev/zero", type: "c", major: 1, minor: 3}]'
	in_container 'head -c 1 /dev/zero | wc -c'
}

# attack: dev-bind held shown
@test "in a user namespace the host's node must be the device that was asked for" {
	wrong_device
	fails
	expect "/dev/zero of the host is not device 1:3"
	without dev-bind wrong_device
	is 1
}

@test "a refusal is told whatever the runtime is doing when it comes" {
	for _ in $(seq 100); do
		[ -e "$B" ] || wrong_device
		run dv run -b "$B" "$ID"
		fails
		expect "is not device 1:3"
	done
}

console_link() {
	fresh '.process.terminal = true | .mounts |= map(select(.destination != "/dev"))'
	mkdir -p "$B/rootfs/dev/pts" "$B/rootfs/dev/shm" "$B/rootfs/dev/mqueue"
	ln -s "$OUT/console" "$B/rootfs/dev/console"
	in_container 'tty'
}

# attack: 2026-88264 held shown
# attack: 2025-52565 held
@test "/dev/console on a link is refused" {
	console_link
	fails
	expect console
	untouched
	without console console_link
	[ -f "$OUT/console" ]
}

# attack: 2025-52565 held
@test "/dev/console is the terminal, and without a terminal not there" {
	bundle '.process.terminal = true'
	in_container 'test -c /dev/console && stat -c %t:%T /dev/console "$(tty)" | uniq | wc -l'
	expect 1
	change '.process.terminal = false'
	in_container 'ls /dev/console'
	fails
}

# stdin is the null device here
null_stdin() {
	fresh "$NO_DEV | .linux.devices = [{path: \"/dev/null\", type: \"c\", major: 1, minor: 3}]"
	mkdir -p "$T/vol"
	[ -L "$T/vol/null" ] || ln -s "$OUT/secret" "$T/vol/null"
	change "bind(\"/dev\"; \"$T/vol\"; [\"rbind\"])"
	set_args cat
	run sh -c '"$@" </dev/null' - "$DAVIT_OCI" --root "$R" run -b "$B" "$ID"
}

# attack: 2026-88265 held shown
@test "a null device on stdin is not looked up again in the root" {
	echo secret >"$OUT/secret"
	null_stdin
	succeeds
	is ""
	without stdio null_stdin
	is secret
}

# attack: 2026-88265 held
@test "closed descriptors 0 to 2 become the host's null device" {
	bundle
	set_args sh -c 'probe fds >/tmp/fds'
	run "$EVIL" without-stdio "$DAVIT_OCI" --root "$R" run -b "$B" "$ID"
	run grep -cvE '^([02] /dev/null|1 /tmp/fds)$' "$B/rootfs/tmp/fds"
	is 0
	run wc -l <"$B/rootfs/tmp/fds"
	is 3
}

own_null() {	# the container's /dev is a volume in which null is a link
	fresh "bind(\"/dev\"; \"$T/vol\"; [\"rbind\"]) | .linux.maskedPaths = [\"/secret\", \"/secrets\"]"
	mkdir -p "$T/vol" "$B/rootfs/secrets"
	[ -L "$T/vol/null" ] || ln -s ../etc/shown "$T/vol/null"
	change "$NO_DEV | bind(\"/dev\"; \"$T/vol\"; [\"rbind\"])"
	echo shown >"$B/rootfs/etc/shown"
	echo hidden | tee "$B/rootfs/secret" >"$B/rootfs/secrets/one"
	in_container 'cat /secret; ls -A /secrets; echo x >/secrets/x; true'
}

# attack: 2025-31133 held shown
@test "masked files are the host's null device, masked directories empty and read-only" {
	own_null
	succeeds
	is "sh: can't create /secrets/x: Read-only file system"
	without mask-null own_null
	expect shown
}

null_is_shown() {
	dv run -b "$B" "$ID" >"$T/masked" 2>/dev/null && [ -s "$T/masked" ]
}

# attack: 2025-31133 held shown
@test "a racer that swaps /dev/null does not unmask" {
	mkdir -p "$T/vol"
	mknod "$T/vol/real" c 1 3
	ln -s ../etc/shown "$T/vol/link"
	ln -s real "$T/vol/null"
	bundle "$NO_DEV | bind(\"/dev\"; \"$T/vol\"; [\"rbind\"]) | .linux.maskedPaths = [\"/secret\"]"
	echo shown >"$B/rootfs/etc/shown"
	echo hidden >"$B/rootfs/secret"
	set_args cat /secret
	run ! racing 2 null_is_shown
	without mask-null racing 120 null_is_shown
}

# The container ran and said nothing on the terminal that the runtime relays.
stolen() {
	dv run -b "$B" "$ID" </dev/null >"$T/relayed" 2>&1 && ! grep -q mark "$T/relayed"
}

# attack: 2025-52565 held shown
@test "a racer on /dev/pts gets nobody else's terminal into the container" {
	mkdir -p "$T/vol/pts"
	ln -s "$OUT" "$T/vol/link"
	mkfifo "$T/in"
	"$EVIL" terminal <"$T/in" >"$T/victim" 3>&- &
	victim=$!
	exec 8>"$T/in"
	wait_for test -s "$T/victim"
	ln -s "$(head -1 "$T/victim")" "$OUT/0"
	bundle ".process.terminal = true | $NO_DEV | .linux.maskedPaths = [] |
		bind(\"/dev\"; \"$T/vol\"; [\"rbind\"]) |
		mnt(\"/dev/pts\"; \"devpts\"; \"devpts\"; [\"newinstance\", \"ptmxmode=0666\"])"
	set_args echo mark
	SWAPPED=pts
	run ! racing 2 stolen
	without tty-peer racing 120 stolen
	exec 8>&-
	wait $victim
	[ "$(grep -c mark "$T/victim")" = 1 ]
}
