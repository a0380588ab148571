# Volumes: named, anonymous, of images, of other containers; what is mounted where, and what goes when.
load lib
load engine

# The image has a directory with owners, modes, links, a hard link and an attribute.
eval "$(declare -f make_rootfs | sed '1s/make_rootfs/plain_rootfs/')"
make_rootfs() {
	plain_rootfs "$1"
	mkdir -p "$1/data/sub"
	echo content >"$1/data/file"
	echo deep >"$1/data/sub/deep"
	ln "$1/data/file" "$1/data/hard"
	ln -s /etc/passwd "$1/data/link"
	chown 12:34 "$1/data" "$1/data/file"
	chown -h 5:6 "$1/data/link"
	chmod 4711 "$1/data/file"
	chmod 1750 "$1/data"
	touch -d '2020-01-02 03:04:05 UTC' "$1/data/sub/deep" "$1/data/sub"
}

mounts_of() { davit inspect -f '{{json .Mounts}}' "$1" | jq -r ".[] | $2"; }

@test "create, ls, inspect, exists, rm: docker's output" {
	[ "$(davit volume create data --label a=1 --label b)" = data ]
	[ "$(davit volume create data)" = data ]
	[ "$(davit volume ls)" = "$(printf 'DRIVER    VOLUME NAME\nlocal     data')" ]
	davit volume create other
	[ "$(davit volume ls -q)" = "$(printf 'data\nother')" ]
	[ "$(davit volume ls -q --filter name=oth)" = other ]
	[ "$(davit volume ls -q --filter label=a=1)" = data ]
	[ "$(davit volume ls -q --filter label=nosuch)" = "" ]
	[ "$(davit volume ls --format '{{.Name}} {{.Driver}} {{.Scope}} {{.Labels}}' -f name=data)" = "data local local a=1,b=" ]
	[ "$(davit volume inspect data | jq -c '.[0] | [.Name, .Driver, .Scope, .Labels, .Options]')" = '["data","local","local",{"a":"1","b":""},{}]' ]
	[ "$(davit volume inspect -f '{{.Mountpoint}}' data)" = "$T/root/volumes/data/_data" ]
	[[ $(davit volume inspect -f '{{.CreatedAt}}' data) =~ ^20[0-9-]+T[0-9:]+Z$ ]]
	davit volume exists data
	run -1 davit volume exists nosuch
	run -1 davit volume inspect nosuch
	[[ $output == *"no such volume: nosuch"* ]]
	[ "$(davit volume rm data other)" = "$(printf 'data\nother')" ]
	run -1 davit volume rm data
	davit volume rm -f data
	[ -z "$(ls -A "$T/root/volumes")" ]
	[[ $(davit volume create) =~ ^[0-9a-f]{64}$ ]]
	for bad in x /x a/b -x .x 'a b'; do
		run -1 davit volume create -- "$bad"
	done
	run -1 davit volume create -d nosuch data
	run -1 davit volume ls -f nosuch=1
}

@test "a new volume gets what the image has: content, owners, modes, links, attributes, times" {
	python3 -c 'import glob, os, sys; [os.setxattr(f, "user.mark", b"yes") for f in glob.glob(sys.argv[1])]' "$T/root/layers/*/data/file"
	davit run --rm -v data:/data bb true
	local d=$T/root/volumes/data/_data
	[ "$(cat "$d/file" "$d/sub/deep")" = "$(printf 'content\ndeep')" ]
	[ "$(stat -c '%u:%g %a' "$d" "$d/file")" = "$(printf '12:34 1750\n12:34 4711')" ]
	[ "$(stat -c '%u:%g' "$d/link") $(readlink "$d/link")" = "5:6 /etc/passwd" ]
	[ "$(stat -c %i "$d/file")" = "$(stat -c %i "$d/hard")" ]
	[ "$(python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "user.mark").decode())' "$d/file")" = yes ]
	[ "$(stat -c %Y "$d/sub/deep" "$d/sub")" = "$(printf '1577934245\n1577934245')" ]
	[ ! -e "$T/root/volumes/data/_new" ]
	# Never again once there is something in it; and what is written stays.
	davit run --rm -v data:/data bb sh -c 'rm -rf /data/*; echo mine >/data/own'
	davit run --rm -v data:/data bb true
	[ "$(ls "$d")" = own ]
	# An empty one that exists is filled, unless nocopy.
	davit volume create empty
	davit run --rm -v empty:/data:nocopy bb true
	davit run --rm --mount type=volume,src=empty,dst=/data,volume-nocopy bb true
	[ -z "$(ls "$T/root/volumes/empty/_data")" ]
	davit run --rm -v empty:/data bb true
	[ -e "$T/root/volumes/empty/_data/file" ]
	# The directory of the image as a file is none, and one that is missing is made.
	davit run --rm -v file:/none bb touch /none/x
	[ "$(ls "$T/root/volumes/file/_data")" = x ]
}

@test "a container that runs sees how the empty volume under it is filled" {
	run_background box -v shared:/elsewhere bb sleep 60
	davit run --rm -v shared:/data bb true
	[ "$(davit exec box cat /elsewhere/file)" = content ]
	davit rm -f box
	wait "$run_pid" || true
}

@test "an image cannot have files of the host copied into a volume" {
	make_image evil
	local l
	for l in "$T"/root/layers/*; do
		rm -rf "$l/data"
		ln -s "$T/secret" "$l/data"
		rm -rf "$l/var"
		ln -s ../../../../../../../../../../../../..$T/secret "$l/var"
	done
	mkdir "$T/secret"
	echo secret >"$T/secret/file"
	davit run --rm -v one:/data -v two:/var -v three:/proc/self/root bb true || true
	[ -z "$(find "$T/root/volumes" -name file)" ]
	# Links inside of what is copied stay links.
	for l in "$T"/root/layers/*; do
		rm "$l/data"
		mkdir "$l/data"
		ln -s "$T/secret" "$l/data/dir"
		ln -s "$T/secret/file" "$l/data/leaf"
	done
	davit run --rm -v four:/data bb true
	[ -L "$T/root/volumes/four/_data/dir" ]
	[ -L "$T/root/volumes/four/_data/leaf" ]
}

@test "anonymous volumes go with --rm and rm -v, named ones never" {
	davit run --rm -v /anon -v named:/n bb sh -c 'touch /anon/x /n/x'
	[ "$(davit volume ls -q)" = named ]
	davit run --name box -v /anon -v named:/n bb touch /anon/x
	[ "$(davit volume ls -q | wc -l)" = 2 ]
	local anon
	anon=$(mounts_of box 'select(.Destination == "/anon") | .Name')
	[[ $anon =~ ^[0-9a-f]{64}$ ]]
	[ -e "$T/root/volumes/$anon/_data/x" ]
	davit rm box
	[ "$(davit volume ls -q --filter dangling=true | sort)" = "$(printf '%s\nnamed' "$anon" | sort)" ]
	# prune takes anonymous ones, -a all.
	run -0 davit volume prune -f
	[[ $output == "Deleted Volumes:"*"$anon"*"Total reclaimed space: "* ]]
	[ "$(davit volume ls -q)" = named ]
	davit run --name box -v /anon -v named:/n bb true
	davit rm -v box
	[ "$(davit volume ls -q)" = named ]
	davit volume prune -f
	[ "$(davit volume ls -q)" = named ]
	davit volume prune -af
	[ -z "$(ls -A "$T/root/volumes")" ]
}

@test "VOLUME of the image is an anonymous volume, unless something else is mounted there" {
	make_image vol '.config.Volumes = {"/data": {}, "/empty/deep": {}}'
	davit run --name box vol sh -c 'cat /data/file; touch /empty/deep/x'
	[ "$(mounts_of box '.Destination' | sort)" = "$(printf '/data\n/empty/deep')" ]
	[ "$(davit volume ls -q | wc -l)" = 2 ]
	davit rm -v box
	[ -z "$(davit volume ls -q)" ]
	davit run --rm -v own:/data --tmpfs /empty/deep vol true
	[ "$(davit volume ls -q)" = own ]
	davit run --name box --image-volume ignore vol true
	[ -z "$(mounts_of box .Name)" ]
	davit run --rm --image-volume tmpfs vol sh -c 'grep " /data tmpfs " /proc/mounts; ls /data | wc -l'
	[ "$(davit volume ls -q)" = own ]
}

@test "a volume that a container has cannot be removed" {
	davit run --name box -v data:/d bb true
	run -1 davit volume rm data
	[[ $output == *"volume is in use - [$(id_of box)]"* ]]
	run -1 davit volume rm -f data
	davit volume prune -af
	[ "$(davit volume ls -q)" = data ]
	[ "$(davit volume ls -q -f dangling=true)" = "" ]
	davit rm box
	davit volume rm data
}

@test "volumes of another container" {
	mkdir "$T/src"
	davit run --name first -v data:/d -v "$T/src:/s" -v /anon --tmpfs /t bb sh -c 'echo d >/d/x; echo s >/s/x; echo a >/anon/x'
	run -0 davit run --rm --volumes-from first bb cat /d/x /s/x /anon/x
	[ "$output" = "$(printf 'd\ns\na')" ]
	run -1 davit run --rm --volumes-from first:ro bb touch /anon/y
	[[ $output == *"Read-only"* ]]
	# What is asked for by name wins, and the other's anonymous volume does not go with us.
	davit run --rm --volumes-from first -v other:/d bb sh -c '[ ! -e /d/x ]'
	davit run --name second --volumes-from first bb true
	davit rm -v first
	[ "$(davit run --rm --volumes-from second bb cat /anon/x)" = a ]
	run -125 davit run --rm --volumes-from nosuch bb true
	run -125 davit run --rm --volumes-from second:bad bb true
}

@test "--mount: kinds, options, errors" {
	mkdir "$T/src"
	echo x >"$T/src/file"
	run -0 davit run --rm --mount "type=bind,src=$T/src,dst=/m,readonly" bb cat /m/file
	[ "$output" = x ]
	run -1 davit run --rm --mount "type=bind,source=$T/src,target=/m,ro=true" bb touch /m/y
	run -0 davit run --rm --mount '"type=volume","source=vol","target=/m"' bb touch /m/y
	[ -e "$T/root/volumes/vol/_data/y" ]
	run -0 davit run --rm --mount type=tmpfs,dst=/m,tmpfs-size=1m,tmpfs-mode=1700 bb sh -c 'df -k /m | tail -1 | awk "{print \$2}"; stat -c %a /m'
	[ "$output" = "$(printf '1024\n1700')" ]
	run -0 davit run --rm --mount type=image,src=bb,dst=/m bb sh -c 'cat /m/data/file; touch /m/x 2>/dev/null || echo ro'
	[ "$output" = "$(printf 'content\nro')" ]
	run -0 davit run --rm --mount type=devpts,dst=/m bb sh -c 'ls /m'
	[ "$output" = ptmx ]
	davit run --name lab --mount type=volume,dst=/m,volume-label=k=v,src=labelled bb true
	[ "$(davit volume inspect -f '{{.Labels.k}}' labelled)" = v ]
	run -125 davit run --rm --mount "type=bind,src=$T/none,dst=/m" bb true
	[[ $output == *"bind source path does not exist: $T/none"* ]]
	[ ! -e "$T/none" ]
	for bad in type=nosuch,dst=/m type=bind,dst=/m type=volume,src=a/b,dst=/m type=tmpfs type=tmpfs,dst=m type=tmpfs,dst=/ \
		type=tmpfs,dst=/m,nosuch=1 'type=tmpfs,dst="/m' type=tmpfs,dst=/m,tmpfs-size=x type=tmpfs,dst=/m,tmpfs-mode=9 \
		type=volume,src=v,dst=/m,volume-subpath=x type=volume,src=v,dst=/m,volume-driver=x type=bind,src=/etc,dst=/m,ro=perhaps; do
		run -125 davit run --rm --mount "$bad" bb true
	done
	run -125 davit run --rm -v nosuch/volume:/x bb true
	[[ $output == *"includes invalid characters for a local volume name"* ]]
	run -125 davit run --rm --volume-driver nosuch -v v:/x bb true
}

@test "options of -v: exec and dev, private overlay, change of owner" {
	cp "$(command -v busybox)" "$T/busybox"
	run -126 davit run --rm -v "$T:/m:noexec" bb /m/busybox true
	davit run --rm -v "$T:/m:exec,nodev,nosuid" bb /m/busybox true
	davit run --rm -v "$T:/m:nodev,nosuid" bb grep -q ' /m .*nosuid,nodev' /proc/mounts
	mkdir -p "$T/lower/sub"
	echo old >"$T/lower/file"
	davit run --name over -v "$T/lower:/m:O" bb sh -c 'echo new >/m/file; rm -r /m/sub; cat /m/file' >"$T/out"
	[ "$(cat "$T/out")" = new ]
	[ "$(cat "$T/lower/file")" = old ]
	[ -d "$T/lower/sub" ]
	davit rm over
	mkdir -p "$T/own/sub"
	ln -s "$T/busybox" "$T/own/link"
	touch "$T/own/sub/file"
	davit run --rm -u 1000:2000 -v "$T/own:/m:U" bb touch /m/sub/mine
	[ "$(stat -c %u:%g "$T/own" "$T/own/sub/file" "$T/own/sub/mine" | sort -u)" = 1000:2000 ]
	[ "$(stat -c %u:%g "$T/busybox")" = 0:0 ]
	davit run --rm -u 7 -v fresh:/data:U bb touch /data/mine
}

@test "options of the driver: tmpfs shared by those who use it, binds; what is not there is refused" {
	davit volume create -o type=tmpfs -o device=tmpfs -o o=size=1m,mode=1777 scratch
	run_background box -v scratch:/s bb sh -c 'echo x >/s/file; exec sleep 60'
	wait_for eval 'davit run --rm -v scratch:/s bb cat /s/file >"$T/got" 2>/dev/null'
	[ "$(cat "$T/got")" = x ]
	davit rm -f box
	wait "$run_pid" || true
	[ -z "$(davit run --rm -v scratch:/s bb ls /s)" ]
	! grep -F "$T/root/volumes" /proc/self/mountinfo
	mkdir "$T/dir"
	davit volume create -o type=none -o o=bind -o "device=$T/dir" bound
	davit run --rm -v bound:/b bb touch /b/x
	[ -e "$T/dir/x" ]
	davit volume rm bound
	[ -e "$T/dir/x" ]
	run -1 davit volume create -o type=nfs -o device=:/x -o o=addr=1.2.3.4 net
	[[ $output == *"nfs are not supported"* ]]
	run -1 davit volume create -o nosuch=1 net
	run -1 davit volume create -o type=ext4 net
	run -1 davit volume create -o o=bind -o device=relative net
	davit volume create -o o=bind -o "device=$T/gone" gone
	run -125 davit run --rm -v gone:/x bb true
}

@test "export and import" {
	davit run --rm -v data:/data bb true
	davit volume export -o "$T/data.tar" data
	tar -tf "$T/data.tar" | grep -q '^\./sub/deep$'
	davit volume create copy
	davit volume import copy "$T/data.tar"
	diff -r --no-dereference "$T/root/volumes/data/_data" "$T/root/volumes/copy/_data"
	[ "$(stat -c '%u:%g %a' "$T/root/volumes/copy/_data/file")" = "12:34 4711" ]
	davit volume create pipe
	davit volume export data | davit volume import pipe -
	[ -e "$T/root/volumes/pipe/_data/sub/deep" ]
	# An archive that wants out.
	mkdir "$T/a"
	ln -s "$T" "$T/a/link"
	tar -C "$T/a" -cf "$T/evil.tar" link
	rm "$T/a/link"
	mkdir "$T/a/link"
	echo evil >"$T/a/link/escaped"
	tar -C "$T/a" -rf "$T/evil.tar" link/escaped
	run -1 davit volume import copy "$T/evil.tar"
	[ ! -e "$T/escaped" ]
	run -1 davit volume import nosuch "$T/data.tar"
}

@test "depth decides the order, and mounts of volumes are shown" {
	davit run --name box -v deep:/m/a/b -v top:/m -v mid:/m/a bb sh -c 'touch /m/1 /m/a/2 /m/a/b/3'
	[ "$(ls "$T"/root/volumes/{top,mid,deep}/_data | grep '^[0-9]$' | sort)" = "$(printf '1\n2\n3')" ]
	[ "$(davit inspect -f '{{range .Mounts}}{{.Type}} {{.Name}} {{.Source}} {{.Destination}} {{.Driver}} {{.RW}} {{end}}' box | tr ' ' '\n' | grep -c "^$T/root/volumes/")" = 3 ]
}

@test "create and remove at the same time: nothing is left half, and no container loses its volume" {
	local i pids=
	for i in 1 2 3 4 5 6; do
		davit run --rm -v race:/data bb sh -c '[ -e /data/file ] || echo bad' >"$T/race.$i" 2>&1 3>&- &
		pids+=" $!"
		davit volume rm race >"$T/rm.$i" 2>&1 3>&- &
		pids+=" $!"
	done
	for i in $pids; do wait "$i" || true; done
	! grep -h bad "$T"/race.*
	davit volume rm -f race
	[ -z "$(ls -A "$T/root/volumes")" ]
}
