# davit cp: docker's rules of names, both ways, running or not; and nothing of a container leads out of it.
load lib
load engine

make_source() {
	mkdir -p "$T/src/sub"
	echo one >"$T/src/one"
	echo deep >"$T/src/sub/deep"
	ln "$T/src/one" "$T/src/hard"
	ln -s one "$T/src/link"
	chown 12:34 "$T/src/one"
	chmod 4750 "$T/src/one"
	touch -d '2020-01-02 03:04:05 UTC' "$T/src/sub/deep"
}

# in_box COMMAND: what the files of the container that ended are.
upper() { echo "$T/root/containers/$(id_of "$1")/upper"; }

@test "names: files and directories, what is there and what is not, trailing slash and /." {
	make_source
	davit run --name box bb mkdir -p /there/sub
	local u
	u=$(upper box)
	davit cp "$T/src/one" box:/new
	[ "$(cat "$u/new")" = one ]
	davit cp "$T/src/one" box:there
	[ "$(cat "$u/there/one")" = one ]
	davit cp "$T/src/sub/deep" box:/there/one
	[ "$(cat "$u/there/one")" = deep ]
	davit cp "$T/src" box:/made
	[ "$(cat "$u/made/sub/deep")" = deep ]
	davit cp "$T/src" box:/made
	[ "$(cat "$u/made/src/sub/deep")" = deep ]
	davit cp "$T/src/." box:/there
	[ "$(cat "$u/there/one" "$u/there/sub/deep")" = "$(printf 'one\ndeep')" ]
	davit cp "$T/src/" box:/there/
	[ -e "$u/there/src/sub/deep" ]
	run -1 davit cp "$T/src/one" box:/none/
	run -1 davit cp "$T/src/one" box:/none/below
	run -1 davit cp "$T/src" box:/new
	run -1 davit cp "$T/src/one/" box:/x
	run -1 davit cp "$T/nosuch" box:/x
	run -1 davit cp nosuch:/x "$T/x"
	[[ $output == *"No such container: nosuch"* ]]
	run -1 davit cp box:/nosuch "$T/x"
	[[ $output == *"Could not find the file /nosuch"* ]]
	run -1 davit cp "$T/a" "$T/b"
	# The other way.
	davit cp box:/made/one "$T/copy"
	[ "$(cat "$T/copy")" = one ]
	davit cp box:made "$T/dir"
	diff -r --no-dereference "$u/made" "$T/dir"
	davit cp box:/made/. "$T/dir/sub"
	[ -e "$T/dir/sub/sub/deep" ]
	(cd "$T" && davit cp box:/made/sub . && [ "$(cat sub/deep)" = deep ])
	davit cp box:/ "$T/all"
	[ -e "$T/all/etc/passwd" ]
}

@test "owners, modes, times, links" {
	make_source
	davit run --name box bb true
	davit cp "$T/src" box:/dst
	local u
	u=$(upper box)/dst
	[ "$(stat -c '%u:%g %a' "$u/one")" = "12:34 4750" ]
	[ "$(stat -c %i "$u/one")" = "$(stat -c %i "$u/hard")" ]
	[ "$(readlink "$u/link")" = one ]
	[ "$(stat -c %Y "$u/sub/deep")" = 1577934245 ]
	davit cp box:/dst/one "$T/mine"
	[ "$(stat -c '%u:%g %a' "$T/mine")" = "0:0 4750" ]
	davit cp -a box:/dst/one "$T/theirs"
	[ "$(stat -c '%u:%g' "$T/theirs")" = 12:34 ]
	davit cp box:/dst/link "$T/link"
	[ "$(readlink "$T/link")" = one ]
	davit cp -L box:/dst/link "$T/followed"
	[ "$(cat "$T/followed")" = one ]
	ln -s src "$T/to-src"
	davit cp -L "$T/to-src" box:/from-link
	[ -e "${u%/dst}/from-link/one" ]
}

@test "running, paused, created and ended containers; with their volumes" {
	make_source
	run_background box -v vol:/vol --tmpfs /tmpfs bb sleep 60
	davit cp "$T/src/one" box:/vol/one
	[ "$(cat "$T/root/volumes/vol/_data/one")" = one ]
	davit cp "$T/src/one" box:/tmpfs/one
	[ "$(davit exec box cat /tmpfs/one)" = one ]
	davit pause box
	davit cp box:/vol/one "$T/paused"
	davit unpause box
	davit rm -f box
	wait "$run_pid" || true
	mkdir "$T/bound"
	davit run --name ended -v vol:/vol -v "$T/bound:/bound:ro" bb true
	davit cp "$T/src/sub" ended:/vol
	[ -e "$T/root/volumes/vol/_data/sub/deep" ]
	[ "$(davit cp ended:/vol/one - | tar -xO)" = one ]
	run -1 davit cp "$T/src/one" ended:/bound/x
	[[ $output == *"ead-only"* ]]
	! grep -F "$T/" /proc/self/mountinfo
}

@test "tar on standard input and output" {
	make_source
	davit run --name box bb mkdir /d
	tar -C "$T" -cf - src | davit cp - box:/d
	[ "$(stat -c %u:%g "$(upper box)/d/src/one")" = 12:34 ]
	[ "$(davit cp box:/d/src - | tar -tf - | sort | tr '\n' ' ')" = "src/ src/hard src/link src/one src/sub/ src/sub/deep " ]
	[ "$(davit cp box:/d/src/one - | tar -tf -)" = one ]
	davit cp box:/d - >"$T/d.tar"
	davit cp - box:/tmp <"$T/d.tar"
	[ -e "$(upper box)/tmp/d/src/sub/deep" ]
	run -1 davit cp - box:/none <"$T/src/one"
	run -1 bash -c "echo junk | '$DAVIT_BUILD/davit' --root $T/root --runroot $T/run cp - box:/d"
}

# Both ends are one container that does not run: its overlay is mounted once, whichever comes first, and nobody waits for
# the other.
@test "from a container to itself by a pipe" {
	davit run --name box -v vol:/v bb sh -c '[ ! -e /a ] || exit 0; mkdir /a /b; head -c 3000000 /dev/urandom >/a/big; echo small >/a/small; echo vol >/v/f; mkdir /etc/x'
	local round
	for round in 1 2 3; do
		davit cp box:/a - | davit cp - box:/b
		davit cp box:/v/f - | davit cp - box:/etc
		davit export box | davit cp - box:/b
		davit start -a box
	done
	davit cp box:/ "$T/all"
	cmp "$T/all/a/big" "$T/all/b/a/big"
	[ "$(cat "$T/all/b/a/small" "$T/all/etc/f" "$T/all/b/etc/f")" = $'small\nvol\nvol' ]
	[ ! -e "$T/run/containers/$(id_of box)/roots" ]
}

# Three of them hang on each other by their pipes.
@test "a container that is written by several streams at once, and started meanwhile" {
	davit create --name box bb sh -c 'cat /one/f /two/f; touch /etc/mine'
	mkdir "$T/one" "$T/two"
	head -c 2000000 /dev/zero | tr '\0' x >"$T/one/f"
	cp "$T/one/f" "$T/two/f"
	mkfifo "$T/hold"
	{ tar -C "$T" -c one; cat "$T/hold"; } | davit cp - box:/ &
	local first=$!
	exec 7>"$T/hold"
	wait_for eval 'ls "$T/run/containers/$(id_of box)/roots" 2>/dev/null | grep -q .'
	tar -C "$T" -c two | davit cp - box:/
	wait_for eval 'davit cp box:/one/f - | tar -xO | cmp - "$T/one/f"'
	[ "$(davit start -a box | wc -c)" = 4000000 ]
	exec 7>&-
	wait "$first"
	davit cp box:/etc/mine "$T/mine"
	[ -e "$T/mine" ]
	run -0 davit diff box
	[[ $output == *"A /one/f"* && $output == *"A /two/f"* && $output == *"A /etc/mine"* ]]
}

@test "who died with a container's files is not waited for" {
	davit create --name box bb true
	mkfifo "$T/hold"
	local id
	id=$(id_of box)
	exec 7<>"$T/hold"
	"$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" cp - box:/ <"$T/hold" 3>&- 7>&- &
	local run_pid=$!
	wait_for [ -e "$T/run/containers/$id/roots/$run_pid" ]
	kill -9 "$run_pid"
	wait "$run_pid" || true
	exec 7>&-
	echo new >"$T/new"
	davit cp "$T/new" box:/new
	davit start -a box
	davit cp box:/new - | tar -xO | grep -x new
	[ ! -e "$T/run/containers/$id/roots/$run_pid" ]
}

@test "from one container to another, and within one" {
	make_source
	davit run --name one bb true
	run_background two bb sleep 60
	davit cp "$T/src" one:/src
	davit cp one:/src two:/dst
	[ "$(davit exec two cat /dst/sub/deep)" = deep ]
	davit cp two:/dst/one one:/back
	davit cp one:/back one:/again
	[ "$(davit cp one:/again - | tar -xO)" = one ]
	davit rm -f two
	wait "$run_pid" || true
}

# --- attacks ---

@test "links of a container lead to places inside of it (CVE-2019-14271, CVE-2018-15664 and their like)" {
	mkdir "$T/secret"
	echo secret >"$T/secret/file"
	run_background box bb sh -c "mkdir -p /tmp$T; ln -s $T/secret /tmp/abs; ln -s ../../../../../../../../..$T/secret /tmp/up; ln -s /proc/1/root$T/secret /tmp/magic; ln -s $T/secret/file /tmp/leaf; ln -s $T/made /tmp/dangling; echo ready; exec sleep 60"
	wait_for grep -q ready "$T/out"
	for l in abs up magic; do
		run -1 davit cp "box:/tmp/$l/file" "$T/stolen"
		run -1 davit cp "box:/tmp/$l/." "$T/stolen"
		run davit cp "$T/out" "box:/tmp/$l/planted"
	done
	run -1 davit cp -L box:/tmp/leaf "$T/stolen"
	run davit cp "$T/out" box:/tmp/leaf
	run davit cp "$T/out" box:/tmp/dangling
	[ ! -e "$T/stolen" ]
	[ ! -e "$T/made" ]
	[ "$(ls "$T/secret")" = file ]
	[ "$(cat "$T/secret/file")" = secret ]
	# The copy of a link is a link, never what it leads to.
	davit cp box:/tmp "$T/got"
	[ -L "$T/got/abs" ]
	[ -L "$T/got/leaf" ]
	davit rm -f box
	wait "$run_pid" || true
}

@test "a path that changes between a directory and a link while it is copied (the race of CVE-2018-15664)" {
	mkdir "$T/w" "$T/in"
	echo secret >"$T/w/file"
	echo inside >"$T/in/mine"
	local i
	# renameat2 with RENAME_EXCHANGE, as fast as it goes
	run_background box -v "$T/in:/x" bb sh -c "mkdir -p /a/totally_safe /b; echo inside >/a/totally_safe/file; ln -s $T/w /a/stash; while :; do mv /a/totally_safe /b/d; mv /a/stash /a/totally_safe; mv /a/totally_safe /a/stash; mv /b/d /a/totally_safe; done"
	wait_for davit exec box test -e /a
	for i in {1..60}; do
		rm -rf "$T/out.d"
		davit cp box:/a/totally_safe/file "$T/out.d" >/dev/null 2>&1 || true
		if [ -e "$T/out.d" ]; then
			[ "$(cat "$T/out.d")" = inside ]
		fi
		davit cp "$T/in/mine" box:/a/totally_safe/planted >/dev/null 2>&1 || true
	done
	[ "$(ls "$T/w")" = file ]
	davit rm -f box
	wait "$run_pid" || true
}

@test "archives that want out of the directory they are put into" {
	davit run --name box bb mkdir /d
	mkdir "$T/out.d"
	python3 - "$T" <<-'P'
		import io, sys, tarfile
		def make(name, entries):
		    with tarfile.open(sys.argv[1] + "/" + name, "w") as t:
		        for path, kind, link in entries:
		            i = tarfile.TarInfo(path)
		            i.type, i.linkname = kind, link
		            i.size = 4 if kind == tarfile.REGTYPE else 0
		            t.addfile(i, io.BytesIO(b"evil"))
		R, S, L = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
		make("up.tar", [("../planted", R, "")])
		make("link.tar", [("l", S, sys.argv[1] + "/out.d"), ("l/planted", R, "")])
		make("rel.tar", [("l", S, ".."), ("l/planted", R, "")])
		make("hard.tar", [("h", L, "../../etc/passwd"), ("h", R, "")])
	P
	for i in up link rel hard; do
		run -1 davit cp - box:/d <"$T/$i.tar"
	done
	[ -z "$(ls "$T/out.d")" ]
	[ -z "$(find "$T/root/containers" -name planted)" ]
	# A path from the root is one below the directory.
	run davit cp - box:/d < <(tar -P -C / -cf - /etc/hostname)
	[ -e "$(upper box)/d/etc/hostname" ]
}
