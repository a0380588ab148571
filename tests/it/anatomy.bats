# davit anatomy: every field against what /proc and the cgroup trees say.
load lib
load engine

@test "namespaces, ids, capabilities and seccomp are those of /proc" {
	run_background box -m 32m --pids-limit 20 bb sleep 1000
	pid=$(pid_of box)
	davit anatomy -o json box >"$T/j"
	[ "$(jq -r .Pid "$T/j")" = "$pid" ]
	for ns in pid mnt net uts ipc cgroup user time; do
		[ "$(jq -r --arg t $ns '.Namespaces[] | select(.Type == $t) | "\($t):[\(.Inode)]"' "$T/j")" = "$(readlink /proc/$pid/ns/$ns)" ]
		[ "$(jq -r --arg t $ns '.Namespaces[] | select(.Type == $t) | "\($t):[\(.HostInode)]"' "$T/j")" = "$(readlink /proc/self/ns/$ns)" ]
	done
	[ "$(jq -c '[.Namespaces[] | select(.SameAsHost) | .Type]' "$T/j")" = '["user","time"]' ]
	[ "$(jq -r '.Capabilities.Effective | length' "$T/j")" = 13 ]
	[ "$(jq -r '.Capabilities.Bounding | index("CAP_NET_RAW")' "$T/j")" = null ]
	[ "$(jq -c '.Capabilities.Ambient' "$T/j")" = '[]' ]
	[ "$(jq -c .Seccomp "$T/j")" = '{"Mode":"filter","Filters":1}' ]
	[ "$(jq -r '.UidMap[0] | "\(.Inside) \(.Outside) \(.Count)"' "$T/j")" = "$(awk '{ print $1, $2, $3 }' /proc/$pid/uid_map)" ]
	[ "$(jq -r '.Limits[] | select(.Name == "Max open files") | .Hard' "$T/j")" = "$(awk '/Max open files/ { print $5 }' /proc/$pid/limits)" ]
	davit rm -f box
	wait "$run_pid" || true
}

@test "cgroups: paths that exist, limits and use" {
	run_background box -m 32m --pids-limit 20 bb sleep 1000
	davit anatomy -o json box >"$T/j"
	jq -r '.Cgroups[].Path' "$T/j" | while read -r p; do [ -d "$p" ]; done
	[ "$(jq '[.Cgroups[].Limits["memory.limit"] | values][0]' "$T/j")" = $((32 << 20)) ]
	[ "$(jq '[.Cgroups[].Limits["pids.limit"] | values][0]' "$T/j")" = 20 ]
	[ "$(jq '[.Cgroups[].Use["pids.use"] | values][0]' "$T/j")" = 1 ]
	davit rm -f box
	wait "$run_pid" || true
}

@test "mounts are unescaped and complete; layers have the command that made them" {
	mkdir "$T/a b"
	run_background box -v "$T/a b:/with blank:ro" bb sleep 1000
	pid=$(pid_of box)
	davit anatomy -o json box >"$T/j"
	[ "$(jq '.Mounts | length' "$T/j")" = "$(wc -l </proc/$pid/mountinfo)" ]
	[ "$(jq -r '.Mounts[] | select(.Target == "/with blank") | .Root' "$T/j")" = "$T/a b" ]
	[[ $(jq -r '.Mounts[] | select(.Target == "/with blank") | .Options' "$T/j") == ro,* ]]
	[ "$(jq -r '.Mounts[] | select(.Target == "/") | .Type' "$T/j")" = overlay ]
	[ "$(jq -r '.Layers[0].CreatedBy' "$T/j")" = "COPY rootfs / # the base" ]
	[ -x "$(jq -r '.Layers[0].Directory' "$T/j")/bin/busybox" ]
	[ "$(jq -r '.Layers[1] | "\(.CreatedBy) \(.DiffId)"' "$T/j")" = "ENV FOO=image null" ]
	davit rm -f box
	wait "$run_pid" || true
}

@test "as a tree: no colour and nothing cut in a pipe; without a process only the layers" {
	run_background box bb sleep 1000
	run -0 davit anatomy box
	[[ $output == *"├─ namespaces"* && $output == *"└─ layers"* && $output == *"COPY rootfs"* && $output != *$'\e'* ]]
	run -0 terminal "stty cols 60; '$DAVIT_BUILD/davit' --root $T/root --runroot $T/run anatomy box"
	[[ $output == *$'\e[1m'* ]]
	# No line is wider than the terminal (colours and the carriage return apart).
	longest=$(printf '%s\n' "$output" | sed 's/\x1b\[[0-9]*m//g; s/\r//' | LC_ALL=C.UTF-8 wc -L)
	[ "$longest" -le 60 ]
	davit rm -f box
	wait "$run_pid" || true
	davit run --name done bb true
	run -0 davit anatomy done
	[[ $output == *"it does not run"* && $output == *"layers"* && $output != *"namespaces"* ]]
	run -1 davit anatomy nosuch
	[[ $output == *"No such container: nosuch"* ]]
}
