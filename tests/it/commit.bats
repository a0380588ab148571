# davit diff and davit commit: what a container has changed, and an image of it.
load lib
load engine

changed() { davit diff "$1" | tr '\n' ';'; }

@test "diff: added, changed, deleted" {
	davit run --name box bb sh -c 'rm -rf /var; mkdir /var; echo x >/new; mkdir -p /dir/sub; touch /dir/sub/f; rm /bin/ls; echo more >>/etc/passwd; rm -rf /root; ln -s a /link; touch /gone; rm /gone'
	[ "$(changed box)" = 'C /bin;D /bin/ls;A /dir;A /dir/sub;A /dir/sub/f;C /etc;C /etc/passwd;A /link;A /new;D /root;C /var;' ]
	[ "$(davit diff --format json box | jq -c '[.added[0], .changed[0], .deleted]')" = '["/dir","/bin",["/bin/ls","/root"]]' ]
	davit run --name none bb true
	[ -z "$(davit diff none)" ]
	# A directory that was made again hides what the image has there.
	davit run --name again bb sh -c 'mv /bin /b; /b/busybox mkdir /bin; /b/busybox mv /b/busybox /bin'
	[ "$(davit diff again | grep -c '^D /bin/')" -gt 100 ]
	[ "$(davit diff again | grep -E '^. /bin(/busybox)?$' | tr '\n' ';')" = 'C /bin;C /bin/busybox;' ]
	run_background live bb sh -c 'echo x >/live; exec tail -f /dev/null'
	wait_for eval '[ "$(davit diff live)" = "A /live" ]'
	davit rm -f live
	wait "$run_pid" || true
	run -1 davit diff nosuch
}

@test "commit: files, removals, owners, links; configuration from the container and --change" {
	davit run --name box -e MADE=here -l mine=1 bb sh -c 'echo x >/new; chown 12:34 /new; chmod 4711 /new; ln /new /hard; rm -r /root /bin/ls; mkdir /root; echo y >/root/y; ln -s /new /soft'
	id=$(davit commit -a me -m why -c 'CMD ["cat", "/new"]' -c 'ENV ADDED=1' -c 'WORKDIR /tmp' -c 'EXPOSE 80' -c 'VOLUME /v' -c 'LABEL l=2' -c 'USER 0' box saved:1)
	[[ $id =~ ^sha256:[0-9a-f]{64}$ ]]
	[ "$(davit image inspect -f '{{.Id}}' saved:1)" = "$id" ]
	[ "$(davit run --rm saved:1)" = x ]
	run -0 davit run --rm saved:1 sh -c 'stat -c "%u:%g %a" /new; ls -i /new | cut -d" " -f1; ls -i /hard | cut -d" " -f1; ls -A /root; readlink /soft; [ -e /bin/ls ] || echo gone; echo $MADE $ADDED; pwd'
	[ "${lines[0]}" = "12:34 4711" ]
	[ "${lines[1]}" = "${lines[2]}" ]
	[ "${lines[*]:3}" = "y /new gone here 1 /tmp" ]
	davit image inspect saved:1 | jq -e '.[0] | .Author == "me" and .Config.Labels.l == "2" and .Config.Labels.mine == "1" and .Config.Labels.from == "image" and (.Config.Env | map(select(startswith("HOSTNAME="))) == []) and .Config.ExposedPorts["80/tcp"] == {} and (.RootFS.Layers | length) == 2'
	[ "$(davit history --format '{{.Comment}}' saved:1 | head -1)" = why ]
	# Layers over layers, without a name, and what loads from an archive of it.
	davit run --name two saved:1 rm /new
	id=$(davit commit two)
	run -1 davit run --rm "$id" cat /new
	davit save -o "$T/two.tar" "$id"
	davit rm box two
	davit rmi -f "$id" saved:1
	davit load -i "$T/two.tar"
	[ "$(davit run --rm "$id" cat /root/y)" = y ]
	davit system check
}

@test "commit: a container that runs is held meanwhile, unless asked not to" {
	run_background box bb sh -c 'while :; do echo x >>/grows; done'
	davit commit box saved
	[ "$(status_of box)" = running ]
	davit commit --pause=false box saved2
	davit pause box
	davit commit box saved3
	[ "$(status_of box)" = paused ]
	davit unpause box
	davit rm -f box
	wait "$run_pid" || true
	[ "$(davit run --rm saved sh -c 'sort -u /grows')" = x ]
	run -1 davit commit nosuch x
	davit run --name bad bb true
	run -1 davit commit bad 'BAD NAME'
	run -1 davit commit -c 'NOSUCH x' bad good
	run -1 davit image inspect good
	[ -z "$(ls -A "$T/root/tmp")" ]
}

@test "commit: volumes are left out" {
	davit run --name box -v vol:/data bb sh -c 'echo secret >/data/file'
	davit commit box saved
	[ -z "$(davit run --rm saved ls -A /data)" ]
}

@test "killed at any moment: the image is there and whole, or not" {
	local i id
	davit run --name box bb sh -c 'i=0; while [ $i -lt 300 ]; do echo $i >/tmp/$i; i=$((i + 1)); done'
	for i in 1 2 3 4 5 6 7 8; do
		davit_background commit box saved
		sleep "0.0$((RANDOM % 90 + 10))"	# allow(sleep): the moment of the kill is the test's input
		kill -9 "$run_pid" 2>/dev/null || true
		wait "$run_pid" 2>/dev/null || true
		if davit image exists saved; then
			[ "$(davit run --rm saved ls /tmp | wc -l)" = 300 ]
			davit rmi saved
		fi
	done
	davit commit box saved
	[ "$(davit run --rm saved ls /tmp | wc -l)" = 300 ]
	davit system check
}
