# spec: mounts.destination
# Mounts: every option that features lists, binds, propagation, identity maps.
load oci

# opts PATH: the mount's own options as the container sees them.
mount_options() { awk -v p="$1" '$5 == p { o = $6 } END { print o }' "/proc/$PID/mountinfo"; }
optional_fields() { awk -v p="$1" '$5 == p { o = ""; for (i = 7; $i != "-"; i++) o = o $i " " } END { print o }' "/proc/$PID/mountinfo"; }

# What each option does to a bind mount: words that must (and after "!" must not) be in its options.
option_table() {
	cat <<-'EOF'
		ro ro
		rw rw
		nosuid nosuid
		suid !nosuid
		nodev nodev
		dev !nodev
		noexec noexec
		exec !noexec
		nodiratime nodiratime
		diratime !nodiratime
		nosymfollow nosymfollow
		symfollow !nosymfollow
		noatime noatime
		atime relatime
		relatime relatime
		norelatime !relatime
		strictatime !relatime
		nostrictatime relatime
		defaults rw
		async rw
		nomand rw
		noiversion rw
		loud rw
		nolazytime rw
		acl rw
		noacl rw
		silent rw
	EOF
}

check_word() {
	case $2 in
	!*) [[ ,$1, != *,"${2#!}",* ]] ;;
	*) [[ ,$1, == *,"$2",* ]] ;;
	esac || { echo "option $3: $1"; return 1; }
}

# spec: mounts.options
# spec: mounts.source
# spec: mounts.type
@test "options of a bind mount and, with r in front, of the whole tree" {
	bundle
	mkdir -p "$T/tree/sub"
	mount -t tmpfs "davit-$TAG" "$T/tree"
	mkdir "$T/tree/sub"
	mount -t tmpfs "davit-$TAG" "$T/tree/sub"
	local known='bind rbind remount tmpcopyup idmap ridmap copy-symlink src-nofollow dest-nofollow' name want
	while read -r name want; do
		known+=" $name"
		change ".mounts += [{destination: \"/m/$name\", type: \"bind\", source: \"$T/tree\", options: [\"rbind\", \"$name\"]}]"
		case $name in defaults | async | nomand | noiversion | loud | nolazytime | acl | noacl | silent) continue ;; esac
		known+=" r$name"
		change ".mounts += [{destination: \"/m/r$name\", type: \"bind\", source: \"$T/tree\", options: [\"rbind\", \"r$name\"]}]"
	done < <(option_table)
	start_idle
	umount -R "$T/tree"
	while read -r name want; do
		check_word "$(mount_options "/m/$name")" "$want" "$name"
		[[ $want == !* || $want == rw || $want == relatime ]] || check_word "$(mount_options "/m/$name/sub")" "!$want" "$name (sub)"
		[[ " $known " == *" r$name "* ]] || continue
		check_word "$(mount_options "/m/r$name")" "$want" "r$name"
		check_word "$(mount_options "/m/r$name/sub")" "$want" "r$name (sub)"
	done < <(option_table)
	for name in private shared slave unbindable; do known+=" $name r$name"; done
	for name in $(dv features | jq -r '.mountOptions[]'); do
		[[ " $known " == *" $name "* ]] || { echo "no test of option $name"; false; }
	done
	dv delete -f "$ID"
}

@test "the last of contradicting options counts" {
	bundle 'mnt("/t"; "tmpfs"; "x"; ["ro", "rw", "noexec", "exec", "noatime", "strictatime"])'
	start_idle
	[[ ,$(mount_options /t), == *,rw,* ]]
	[[ $(mount_options /t) != *noexec* && $(mount_options /t) != *noatime* ]]
}

@test "fresh file systems with their own options" {
	bundle 'mnt("/t"; "tmpfs"; "src"; ["nosuid", "nodev", "mode=0751", "size=1m", "uid=5"]) | mnt("/r"; "tmpfs"; "x"; ["ro"])'
	in_container 'stat -c %a:%u /t; df -k /t | tail -1 | awk "{print \$1, \$2}"; touch /r/x; mount | grep " /t "'
	[ "${lines[0]}" = 751:5 ]
	[ "${lines[1]}" = 'src 1024' ]
	expect 'Read-only file system'
	expect 'nosuid,nodev'
	bundle 'mnt("/t"; "nosuchfs"; "x"; [])'
	run dv run -b "$B" "$ID"
	fails 1
	expect 'mount /t'
	expect nosuchfs
	bundle 'mnt("/t"; "tmpfs"; "x"; ["bogus=1"])'
	run dv run -b "$B" "$ID"
	fails 1
	expect 'mount /t'
	expect bogus
}

@test "overlay, with a long list of lower directories" {
	mkdir -p "$T/up" "$T/work"
	local lower= i
	for i in $(seq 30); do
		mkdir -p "$T/lower-directory-$i"
		echo "$i" >"$T/lower-directory-$i/f$i"
		lower+=:$T/lower-directory-$i
	done
	bundle "mnt(\"/o\"; \"overlay\"; \"overlay\"; [\"lowerdir=${lower#:}\", \"upperdir=$T/up\", \"workdir=$T/work\"])"
	in_container 'ls /o | wc -l; cat /o/f30; echo new >/o/new'
	is $'30\n30'
	[ "$(cat "$T/up/new")" = new ]
}

@test "bind: directory, file, relative source, missing source" {
	bundle
	mkdir "$T/dir" "$B/rel"
	echo file >"$T/file"
	echo rel >"$B/rel/f"
	change "bind(\"/d/e/p\"; \"$T/dir\"; [\"bind\"]) | bind(\"/etc/made\"; \"$T/file\"; [\"bind\", \"ro\"]) | bind(\"/rel\"; \"rel\"; [\"rbind\"])
		| mnt(\"/none\"; \"none\"; \"$T/file\"; [\"bind\"])"
	in_container 'cat /etc/made /rel/f /none; echo out >/d/e/p/f; echo x >/etc/made'
	expect $'file\nrel\nfile'
	expect 'Read-only file system'
	[ "$(cat "$T/dir/f")" = out ]
	bundle 'bind("/x"; "/nosuch"; ["bind"])'
	run dv run -b "$B" "$ID"
	fails 1
	expect 'mount /x'
	expect '/nosuch: no such file or directory'
	bundle '.mounts += [{destination: "/x", options: ["bind"]}]'
	run dv run -b "$B" "$ID"
	fails 1
	expect 'mount /x: a bind mount wants a source'
}

@test "bind leaves submounts out, rbind takes them" {
	bundle
	mkdir -p "$T/tree"
	mount -t tmpfs "davit-$TAG" "$T/tree"
	mkdir "$T/tree/sub"
	mount -t tmpfs "davit-$TAG" "$T/tree/sub"
	touch "$T/tree/sub/inner"
	change "bind(\"/one\"; \"$T/tree\"; [\"bind\"]) | bind(\"/all\"; \"$T/tree\"; [\"rbind\"])"
	in_container 'ls /one/sub; echo -; ls /all/sub'
	umount -R "$T/tree"
	is $'-\ninner'
}

@test "propagation of each mount" {
	bundle
	mkdir "$T/tree"
	for name in private shared slave unbindable; do
		change "bind(\"/$name\"; \"$T/tree\"; [\"bind\", \"$name\"]) | bind(\"/r$name\"; \"$T/tree\"; [\"rbind\", \"r$name\"])"
	done
	start_idle
	for r in '' r; do
		[ "$(optional_fields "/${r}private")" = '' ]
		[[ $(optional_fields "/${r}shared") == shared:* ]]
		[ "$(optional_fields "/${r}unbindable")" = 'unbindable ' ]
	done
}

@test "slave: what the host mounts later shows up inside, and not the other way" {
	bundle
	mkdir "$T/tree"
	mount -t tmpfs "davit-$TAG" "$T/tree"
	mount --make-shared "$T/tree"
	mkdir "$T/tree/late"
	change "bind(\"/v\"; \"$T/tree\"; [\"rbind\", \"rslave\"]) | bind(\"/p\"; \"$T/tree\"; [\"rbind\", \"rprivate\"])"
	start_idle
	mount -t tmpfs "davit-$TAG" "$T/tree/late"
	touch "$T/tree/late/f"
	run dv exec "$ID" ls /v/late /p/late
	umount -R "$T/tree"
	is_words '/p/late: /v/late: f'
}

@test "remount changes a mount that is there" {
	bundle 'mnt("/t"; "tmpfs"; "x"; ["nosuid"]) | mnt("/t"; "tmpfs"; "x"; ["remount", "ro", "noexec"])'
	start_idle
	check_word "$(mount_options /t)" ro remount
	check_word "$(mount_options /t)" noexec remount
	check_word "$(mount_options /t)" nosuid remount
}

@test "tmpcopyup keeps what the directory holds: modes, owners, links" {
	bundle 'privileged | mnt("/data"; "tmpfs"; "tmpfs"; ["tmpcopyup"])'
	mkdir -p "$B/rootfs/data/sub"
	echo text >"$B/rootfs/data/sub/f"
	chown 7:8 "$B/rootfs/data/sub/f"
	chmod 4751 "$B/rootfs/data/sub/f"
	ln -s sub/f "$B/rootfs/data/link"
	in_container 'cat /data/link; stat -c %a:%u:%g /data/sub/f; echo new >/data/new; grep -c " /data " /proc/self/mountinfo'
	is $'text\n4751:7:8\n1'
	[ ! -e "$B/rootfs/data/new" ]
	change '.mounts[-1].options += ["ro"]'
	in_container 'cat /data/link; touch /data/x'
	expect text
	expect 'Read-only'
}

# spec: mounts.uidMappings.containerID
# spec: mounts.uidMappings.hostID
# spec: mounts.uidMappings.size
# spec: mounts.gidMappings.containerID
# spec: mounts.gidMappings.hostID
# spec: mounts.gidMappings.size
@test "identity maps of a mount: by its own mappings, by the namespace's, inline" {
	bundle
	mkdir "$T/d"
	touch "$T/d/f"
	chown 1005:1006 "$T/d" "$T/d/f"
	local maps='uidMappings: [{containerID: 1005, hostID: 2005, size: 1}], gidMappings: [{containerID: 1006, hostID: 2006, size: 1}]'
	change ".mounts += [{destination: \"/own\", type: \"bind\", source: \"$T/d\", options: [\"bind\", \"idmap\"], $maps},
		{destination: \"/implied\", type: \"bind\", source: \"$T/d\", options: [\"bind\"], $maps},
		{destination: \"/rec\", type: \"bind\", source: \"$T/d\", options: [\"rbind\", \"ridmap\"], $maps},
		{destination: \"/inline\", type: \"bind\", source: \"$T/d\",
		 options: [\"bind\", \"idmap=uids=1005-2005-1#0-50000-1;gids=1006-2006-1\"]}]"
	in_container 'stat -c %u:%g /own/f /implied/f /rec/f /inline/f'
	is $'2005:2006\n2005:2006\n2005:2006\n2005:2006'
	bundle "userns | bind(\"/ns\"; \"$T/d\"; [\"bind\", \"idmap\"])"
	chown -R 5:6 "$T/d"
	mkdir "$B/rootfs/ns"
	chmod 777 "$T/d"
	in_container 'stat -c %u:%g /ns/f; touch /ns/new'
	is 5:6
	[ "$(stat -c %u:%g "$T/d/new")" = 0:0 ]
	for bad in 'idmap' 'idmap=uids=0-1;gids=0-0-1' 'idmap=x' 'idmap=uids=0-0-1'; do
		bundle "bind(\"/x\"; \"$T/d\"; [\"bind\", \"$bad\"])"
		run dv run -b "$B" "$ID"
		fails 1
		expect 'mount /x'
	done
}

@test "copy-symlink, src-nofollow, dest-nofollow" {
	bundle
	mkdir "$T/s"
	echo real >"$T/s/real"
	ln -s real "$T/s/link"
	ln -s /etc/passwd "$B/rootfs/tmp/dest"
	change "bind(\"/copied\"; \"$T/s/link\"; [\"bind\", \"copy-symlink\"]) | bind(\"/tmp/nf\"; \"$T/s/link\"; [\"bind\", \"src-nofollow\", \"dest-nofollow\"])"
	in_container 'readlink /copied; readlink /tmp/nf; head -1 /etc/passwd'
	is $'real\nreal\nroot:x:0:0:root:/root:/bin/sh'
	change "bind(\"/tmp/dest\"; \"$T/s/real\"; [\"bind\", \"dest-nofollow\"])"
	in_container 'cat /tmp/dest; head -1 /etc/passwd'
	[[ $output == *root:x:0:0* ]]
}

@test "a destination through links stays inside the root" {
	bundle
	mkdir "$T/dir"
	touch "$T/dir/mark"
	ln -s /var/target "$B/rootfs/abs"
	ln -s ../../../../var/target2 "$B/rootfs/rel"
	change "bind(\"/abs\"; \"$T/dir\"; [\"bind\"]) | bind(\"/rel\"; \"$T/dir\"; [\"bind\"])"
	in_container 'ls /var/target /var/target2'
	is_words '/var/target: mark /var/target2: mark'
	[ ! -e /var/target ] && [ ! -e /var/target2 ]
}

@test "mounts of type cgroup: the container's own, read-only when asked" {
	bundle 'mnt("/sys/fs/cgroup"; "cgroup"; "cgroup"; ["ro", "nosuid"]) | .linux.resources.pids.limit = 77'
	in_container 'cat /sys/fs/cgroup/pids/pids.max; echo 5 >/sys/fs/cgroup/pids/pids.max; ls /sys/fs/cgroup/pids | grep -c "^it"'
	[ "${lines[0]}" = 77 ]
	expect 'Read-only file system'
	change 'ns("cgroup") | .mounts[-1].options = ["nosuid"]'
	in_container 'cat /sys/fs/cgroup/pids/pids.max; echo 55 >/sys/fs/cgroup/pids/pids.max; cat /sys/fs/cgroup/pids/pids.max'
	is $'77\n55'
}
