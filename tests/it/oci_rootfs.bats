# spec: root.path
# The root: read-only, masked and read-only paths, propagation, devices.
load oci

@test "root.path: relative to the bundle or absolute; missing, a file, with .." {
	bundle
	mv "$B/rootfs" "$T/elsewhere"
	change ".root.path = \"$T/elsewhere\""
	run dv run -b "$B" "$ID"
	is hello
	change '.root.path = "../elsewhere"'
	run dv run -b "$B" "$ID"
	is hello
	touch "$T/file"
	for path in nosuch "$T/nosuch" "$T/file" "$T/file/x"; do
		change ".root.path = \"$path\""
		run dv run -b "$B" "$ID"
		fails 1
		expect rootfs
		[ -z "$(ls "$R")" ]
	done
}

# spec: root.readonly
@test "root.readonly" {
	bundle '.root.readonly = true'
	in_container 'touch /x; touch /dev/shm/ok && echo fine'
	expect 'Read-only file system'
	expect fine
	change '.root.readonly = false'
	in_container 'touch /x && echo fine'
	is fine
}

# spec: linux.maskedPaths
@test "masked paths: files are empty, directories are, missing ones do not matter" {
	bundle '.linux.maskedPaths = ["/etc/passwd", "/etc", "/usr", "/proc/kcore", "/nosuch/path", "/etc/passwd/x"]'
	mkdir -p "$B/rootfs/usr/secret"
	bundle '.linux.maskedPaths = ["/etc/passwd", "/usr", "/var", "/proc/kcore", "/nosuch/path", "/etc/group/x"]'
	in_container 'cat /etc/passwd; ls -A /usr /var; touch /usr/x; head -c 1 /proc/kcore | wc -c; stat -c %t:%T /etc/passwd'
	expect 'Read-only file system'
	[[ $output != *root:x* && $output != *secret* ]]
	expect $'\n0\n1:3'
}

# spec: linux.readonlyPaths
@test "read-only paths, submounts included" {
	bundle 'mnt("/var/sub"; "tmpfs"; "x"; []) | .linux.readonlyPaths = ["/var", "/proc/sys", "/nosuch"]'
	in_container 'touch /var/x; touch /var/sub/x; echo 1 >/proc/sys/kernel/domainname; touch /tmp/fine && echo fine'
	[ "$(grep -c 'Read-only file system' <<<"$output")" = 3 ]
	expect fine
}

# spec: linux.rootfsPropagation
@test "rootfsPropagation" {
	for name in private shared slave unbindable; do
		for r in '' r; do
			bundle ".linux.rootfsPropagation = \"$r$name\""
			in_container 'awk "\$5 == \"/\" { o = \"\"; for (i = 7; \$i != \"-\"; i++) o = o \$i \" \"; print o }" /proc/self/mountinfo'
			case $name in
			private) is '' ;;
			shared) [[ $output == shared:* ]] || is shared ;;
			unbindable) is 'unbindable ' ;;
			slave) succeeds ;;
			esac
		done
	done
	bundle '.linux.rootfsPropagation = "bogus"'
	run dv run -b "$B" "$ID"
	fails 1
	expect 'linux.rootfsPropagation: "bogus"'
}

@test "rootfsPropagation shared: mounts in a shared volume reach the host, others do not" {
	mkdir -p "$T/m"
	mount -t tmpfs "davit-$TAG" "$T/m"
	mount --make-shared "$T/m"
	mkdir "$T/m/vol"
	for mode in shared rslave private; do
		bundle "bind(\"/v\"; \"$T/m\"; [\"rbind\", \"rshared\"]) | bind(\"/p\"; \"$T/m\"; [\"rbind\", \"rprivate\"])
			| .linux.rootfsPropagation = \"$mode\" | caps([\"CAP_SYS_ADMIN\"])"
		set_args sh -c 'mount -t tmpfs x /v/vol; touch /v/vol/in; awk "\$5 == \"/p\" {print \$7}" /proc/self/mountinfo; exec probe wait'
		dv run -d -b "$B" "$ID" </dev/null >"$T/out" 2>&1
		wait_for eval "dv exec $ID test -e /v/vol/in"
		[ "$(cat "$T/out")" = - ]
		if [ "$mode" = shared ]; then [ -e "$T/m/vol/in" ]; else [ ! -e "$T/m/vol/in" ]; fi
		dv delete -f "$ID"
		umount "$T/m/vol" 2>/dev/null || true
	done
	[ "$(grep -c "$T/m" /proc/self/mountinfo)" = 1 ]
	umount "$T/m"
}

@test "a shared root takes nothing away from the host" {
	local mode
	mkdir -p "$T/m"
	mount -t tmpfs m "$T/m"
	mount --make-shared "$T/m"
	mkdir "$T/m/inner"
	mount -t tmpfs inner "$T/m/inner"
	for mode in rshared shared rslave private; do
		bundle ".linux.rootfsPropagation = \"$mode\""
		set_args true
		dv run -b "$B" "$ID"
		[ "$(grep -c "$T/m" /proc/self/mountinfo)" = 2 ]
	done
	umount "$T/m/inner" "$T/m"
}

# spec: linux.devices.type
# spec: linux.devices.path
# spec: linux.devices.major
# spec: linux.devices.minor
# spec: linux.devices.fileMode
# spec: linux.devices.uid
# spec: linux.devices.gid
@test "devices: c, u, b, p; mode, owner; in and outside of /dev" {
	bundle '.linux.devices = [{type: "c", path: "/dev/c1", major: 1, minor: 5, fileMode: 384, uid: 7, gid: 8},
		{type: "u", path: "/dev/sub/u1", major: 1, minor: 3}, {type: "b", path: "/dev/b1", major: 7, minor: 9, fileMode: 511},
		{type: "p", path: "/run/deep/p1", fileMode: 420}, {type: "c", path: "/tmp/full", major: 1, minor: 7}]'
	in_container 'for f in /dev/c1 /dev/sub/u1 /dev/b1 /run/deep/p1 /tmp/full; do stat -c "%F %t:%T %a %u:%g" $f; done'
	is $'character special file 1:5 600 7:8\ncharacter special file 1:3 666 0:0\nblock special file 7:9 777 0:0\nfifo 0:0 644 0:0\ncharacter special file 1:7 666 0:0'
	while IFS='@' read -r device want; do
		bundle ".linux.devices = [$device]"
		run dv run -b "$B" "$ID"
		fails 1
		expect "$want"
	done <<-'EOF'
		{type: "x", path: "/dev/x", major: 1, minor: 1}@linux.devices[0].type: "x"
		{type: "c", path: "dev/x", major: 1, minor: 1}@linux.devices[0].path
		{type: "c", path: "/dev/x", minor: 1}@linux.devices[0]
		{type: "c", path: "/dev/x", major: -1, minor: 1}@linux.devices[0]
		{type: "c", path: "/dev/x", major: 1, minor: 99999999}@linux.devices[0]
		{type: "c", path: "/dev/shm", major: 1, minor: 1}@/dev/shm
	EOF
}

@test "default devices and links" {
	bundle
	in_container 'for f in null zero full tty random urandom; do stat -c "%n %t:%T %a" /dev/$f; done; for f in fd stdin stdout stderr ptmx; do readlink /dev/$f; done'
	is $'/dev/null 1:3 666\n/dev/zero 1:5 666\n/dev/full 1:7 666\n/dev/tty 5:0 666\n/dev/random 1:8 666\n/dev/urandom 1:9 666\n/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx'
}

@test "a bound /dev is left as the host has it" {
	bundle 'bind("/dev"; "/dev"; ["rbind", "ro"]) | .mounts |= map(select(.destination | startswith("/dev/") | not))'
	in_container 'test -c /dev/null && echo there'
	is there
}

@test "a read-only root without mounts on /dev works when the nodes are there, and says what is missing" {
	bundle '.mounts |= map(select(.destination | startswith("/dev") | not)) | .root.readonly = true'
	in_container 'test -c /dev/null && echo there'
	is there
}

@test "a userns container whose root it owns can write there" {
	bundle userns
	rm -rf "$B/rootfs"
	cp -a "$BATS_FILE_TMPDIR/rootfs" "$B/rootfs"
	chown -R 100000:100000 "$B/rootfs"
	in_container 'touch /new && stat -c %u /new; mkdir /run/d; echo 1 >/tmp/x; id -u'
	is $'0\n0'
	[ "$(stat -c %u "$B/rootfs/new")" = 100000 ]
}

@test "a user namespace and a root that its ids may not enter: the path is named" {
	bundle userns
	chmod 700 "$B/rootfs"
	run dv run -b "$B" "$ID"
	[ "$status" -ne 0 ] && [ -n "$output" ]
	[ -z "$(ls "$R")" ]
}
