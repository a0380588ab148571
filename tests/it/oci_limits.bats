# update and events.
load oci

cg() { cat "$(cgroup_dir "$1")/$2"; }

# flag: update --memory
# flag: update --memory-reservation
# flag: update --memory-swap
# flag: update --pids-limit
# flag: update --cpu-period
# flag: update --cpu-quota
# flag: update --cpu-share
# flag: update --cpuset-cpus
# flag: update --cpuset-mems
@test "update: each flag is read back from its file" {
	bundle
	start_idle
	while read -r flag value controller file want; do
		[ -e "$(cgroup_dir "$controller")/$file" ] || { echo "no $file"; false; }
		dv update "$flag" "$value" "$ID"
		[ "$(cg "$controller" "$file")" = "$want" ] || { echo "$flag: $(cg "$controller" "$file")"; false; }
	done <<-'EOF'
		--memory-reservation 32m memory memory.soft_limit_in_bytes 33554432
		--memory 64m memory memory.limit_in_bytes 67108864
		--memory-swap 128m memory memory.memsw.limit_in_bytes 134217728
		--pids-limit 33 pids pids.max 33
		--pids-limit -1 pids pids.max max
		--cpu-period 50000 cpu cpu.cfs_period_us 50000
		--cpu-quota 25000 cpu cpu.cfs_quota_us 25000
		--cpu-share 512 cpu cpu.shares 512
		--cpuset-cpus 0 cpuset cpuset.cpus 0
		--cpuset-mems 0 cpuset cpuset.mems 0
	EOF
	dv delete -f "$ID"
}

# flag: update --blkio-weight
# flag: update --cpu-rt-period
# flag: update --cpu-rt-runtime
# flag: update --cpu-burst
# flag: update --cpu-idle
# flag: update --kernel-memory-tcp
@test "update: what this kernel may lack is set or named" {
	bundle
	start_idle
	while read -r flag value controller file want; do
		run dv update "$flag" "$value" "$ID"
		if [ -e "$(cgroup_dir "$controller")/$file" ]; then
			succeeds
			[ "$(cg "$controller" "$file")" = "$want" ] || { echo "$flag: $(cg "$controller" "$file")"; false; }
		elif [ "$status" -ne 0 ] || [ -n "$output" ]; then
			[[ $output == *"$file"* || $output == *"$controller"* ]] || { expect "$file"; false; }
		fi
	done <<-'EOF'
		--blkio-weight 200 blkio blkio.bfq.weight 200
		--cpu-rt-period 500000 cpu cpu.rt_period_us 500000
		--cpu-rt-runtime 1000 cpu cpu.rt_runtime_us 1000
		--cpu-burst 1000 cpu cpu.cfs_burst_us 1000
		--cpu-idle 1 cpu cpu.idle 1
		--kernel-memory-tcp 32m memory memory.kmem.tcp.limit_in_bytes 33554432
	EOF
	dv delete -f "$ID"
}

# flag: update --kernel-memory
@test "update --kernel-memory is taken; kernels from 5.16 ignore it" {
	bundle
	start_idle
	strace -f -e trace=write -o "$T/st" "$DAVIT_OCI" --root "$R" update --kernel-memory 64m "$ID" || [ "$?" = 99 ]
	[ "$(cg memory memory.kmem.limit_in_bytes)" = 67108864 ] || grep -q 67108864 "$T/st" || grep -q kernel "$T/st"
}

# flag: update --resources
@test "update --resources takes a file or stdin; a later update keeps it" {
	bundle
	start_idle
	echo '{"pids": {"limit": 44}, "memory": {"limit": 50331648}}' >"$T/res.json"
	dv update --resources "$T/res.json" "$ID"
	[ "$(cg pids pids.max) $(cg memory memory.limit_in_bytes)" = '44 50331648' ]
	echo '{"pids": {"limit": 45}}' | dv update -r - "$ID"
	[ "$(cg pids pids.max) $(cg memory memory.limit_in_bytes)" = '45 50331648' ]
	echo '{"pids": {"limit": "x"}}' >"$T/bad.json"
	run dv update -r "$T/bad.json" "$ID"
	fails 1
	expect "pids.limit"
	run dv update --memory 1 "$ID"
	fails 1
	expect "unable to set memory limit to 1"
	run dv update --pids-limit x "$ID"
	fails 1
	expect pids-limit
	dv kill "$ID" KILL
	wait_for status_is stopped
	run dv update --pids-limit 9 "$ID"
	fails 1
	expect "container not running"
}

# flag: update --l3-cache-schema
# flag: update --mem-bw-schema
@test "update of Intel RDT says that it cannot" {
	bundle
	start_idle
	for flag in --l3-cache-schema --mem-bw-schema; do
		run dv update "$flag" L3:0=f "$ID"
		fails 1
		expect "Intel RDT"
	done
}

# flag: events --stats
@test "events --stats: the shape of runc's" {
	bundle
	start_idle
	run -0 dv events --stats "$ID"
	jq -e --arg id "$ID" '.type == "stats" and .id == $id and .data.pids.current == 1
		and .data.memory.usage.usage > 0 and .data.cpu.usage.total > 0 and (.data.cpuset.cpus | length) > 0' <<<"$output"
	rc run -d -b "$B" "$ID-r" </dev/null >/dev/null 2>&1
	# Both leave out what is 0 of a container's memory; the rest is there in both, or in neither.
	rc events --stats "$ID-r" | jq -c '[paths(type != "object" and type != "array") | map(select(type == "string")) | join(".")]
		| unique | map(select(test("raw|percpu|network_interfaces|memory[.]cache|memory.*[.](usage|max)$") | not))' >"$T/theirs"
	rc delete -f "$ID-r"
	jq -e --slurpfile theirs "$T/theirs" '[paths(type != "object" and type != "array") | map(select(type == "string")) | join(".")]
		| unique as $ours | $theirs[0] - $ours | if . == [] then true else error("missing: \(.)") end' <<<"$output"
}

# flag: events --interval
@test "events --interval repeats until the container ends; oom is told" {
	bundle '.linux.resources.memory = {limit: 16777216}'
	set_args sh -c 'read x; probe hog 100000000'
	mkfifo "$T/in"
	dv run -d -b "$B" "$ID" <"$T/in" >/dev/null 2>&1 &
	exec 9>"$T/in"
	wait_for status_is running
	dv_bg events --interval 20ms "$ID"
	wait_for eval '[ "$(grep -c stats "$T/bg")" -gt 3 ]'
	echo >&9
	exec 9>&-
	bg_end
	succeeds
	grep -q '"type":"oom"' "$T/bg"
	jq -es --arg id "$ID" 'any(.type == "oom" and .id == $id)' "$T/bg"
	run dv events --interval 0s "$ID"
	fails 1
	run dv events --stats "$ID"
	fails 1
	expect "is not running"
	dv delete "$ID"
}
