# The flags of run and create: each one by what it does. "# flag: run --x" names a flag whose effect a test reads
# (tools/coverage_flags.py wants one for every flag).
load lib
load engine

# In volumes.bats:
# flag: run --volume
# flag: run --mount
# flag: run --volumes-from
# flag: run --volume-driver
# flag: run --image-volume
# In run.bats:
# flag: run --rm
# flag: run --tmpfs
# flag: run --network
# flag: run --net
# flag: run --interactive
# flag: run --tty
# In control.bats:
# flag: exec --detach
# flag: exec --env
# flag: exec --interactive
# flag: exec --tty
# flag: exec --privileged
# flag: exec --user
# flag: exec --workdir

once() { davit run --rm "$@"; }

# cg FILE-ON-V1 FILE-ON-V2: a file of the own cgroup, read inside.
cg() {
	if [ -d /sys/fs/cgroup/memory ]; then echo "/sys/fs/cgroup/$1"; else echo "/sys/fs/cgroup/$2"; fi
}

# --- identity ---

# flag: run --domainname
# flag: run --hostname
# flag: run --annotation
# flag: run --label
# flag: run --label-file
@test "identity: names, labels, annotations" {
	printf '# comment\nfile=1\nboth=file\n' >"$T/labels"
	davit run --name box -h hh --domainname dd -l both=line -l alone --label-file "$T/labels" --annotation a.b=c bb \
		sh -c 'hostname; cat /proc/sys/kernel/domainname /etc/hostname' >"$T/out"
	[ "$(cat "$T/out")" = $'hh\ndd\nhh' ]
	[ "$(davit inspect -f '{{json .Config.Labels}}' box)" = '{"from":"image","file":"1","both":"line","alone":""}' ]
	[ "$(davit inspect -f '{{.Config.Hostname}}.{{.Config.Domainname}} {{.HostConfig.Annotations}}' box)" = "hh.dd map[a.b:c]" ]
	run -125 once --annotation nothing bb true
	run -125 once --label-file "$T/missing" bb true
}

# flag: run --name
# flag: run --replace
@test "--replace: a new container in the place of the old one" {
	davit run --name same bb true
	local old
	old=$(id_of same)
	run -125 davit run --name same bb true
	davit run --name same --replace bb echo new
	[ "$(id_of same)" != "$old" ]
	[ "$(davit ps -aq | wc -l)" = 1 ]
	davit run --rm --replace --name fresh bb true
}

# flag: run --platform
# flag: run --pull
# flag: run --quiet
@test "--platform and --pull: what the image must be, whether it is fetched" {
	run -0 once --platform linux/amd64 bb echo here
	[ "$output" = here ]
	run -125 once --platform linux/s390x --pull never bb true
	[[ $output == *"does not provide the specified platform (linux/s390x): it is of linux/amd64"* ]]
	run -125 once --pull never nosuch:1 true
	[[ $output == *"Unable to find image 'nosuch:1' locally"* ]]
	run -125 once --pull sometimes bb true
	[[ $output == *"must be one of always, missing, newer, never"* ]]
	run -125 once -q localhost:1/nosuch true
	[[ $output != *"Unable to find image"* ]]
	run -125 once localhost:1/nosuch true
	[[ $output == *"Unable to find image 'localhost:1/nosuch:latest' locally"* ]]
}

# --- process ---

# flag: run --entrypoint
@test "--entrypoint: a word, a JSON list, none; it takes the image's command away" {
	run -0 once --entrypoint echo bb a 'b c'
	[ "$output" = "a b c" ]
	run -0 once --entrypoint '["echo", "-n", "x y"]' bb z
	[ "$output" = "x y z" ]
	run -0 once --entrypoint echo bb
	[ "$output" = "" ]
	run -0 once --entrypoint "" bb echo plain
	[ "$output" = plain ]
	davit run --name entry --entrypoint '["echo", "1"]' bb 2
	[ "$(davit inspect -f '{{json .Config.Entrypoint}} {{json .Config.Cmd}} {{.Path}} {{json .Args}}' entry)" = '["echo","1"] ["2"] echo ["1","2"]' ]
}

# flag: run --env
# flag: run --env-file
# flag: run --env-host
# flag: run --unsetenv
# flag: run --unsetenv-all
# flag: run --http-proxy
@test "variables: files, our own, globs, and those taken away" {
	printf '# x\n\nFILE=a b\nBOTH=file\nOURS1\n' >"$T/env"
	export OURS1=one OURS2=two http_proxy=proxy.example:1
	run -0 once -e 'OURS*' --env-file "$T/env" -e BOTH=line -e MISSING bb sh -c 'echo "$OURS1 $OURS2 $FILE $BOTH ${MISSING-unset} ${http_proxy-unset}"'
	[ "$output" = "one two a b line unset unset" ]
	run -0 once --unsetenv FOO bb sh -c 'echo "${FOO-unset} $PATH"'
	[ "$output" = "unset /bin" ]
	run -0 once --unsetenv-all -e A=1 bb /bin/busybox env
	[ "$output" = $'A=1\nHOME=/root' ]
	run -0 once --env-host bb sh -c 'echo "$OURS2 $PATH"'
	[ "$output" = "two $PATH" ]
	run -0 once --http-proxy bb sh -c 'echo "$http_proxy"'
	[ "$output" = proxy.example:1 ]
	run -0 once --http-proxy -e http_proxy=mine bb sh -c 'echo "$http_proxy"'
	[ "$output" = mine ]
	printf 'A B=1\n' >"$T/env"
	run -125 once --env-file "$T/env" bb true
	[[ $output == *"contains whitespaces"* ]]
}

# flag: run --user
# flag: run --group-add
# flag: run --workdir
# flag: run --umask
@test "user, groups, directory, mask" {
	run -0 once -u user --group-add 77 --group-add extra -w /new/dir --umask 027 bb sh -c 'id; pwd; umask'
	[ "$output" = $'uid=1000(user) gid=1000(user) groups=77,1000(user),2000(extra)\n/new/dir\n0027' ]
	run -0 once bb sh -c 'umask; pwd'
	[ "$output" = $'0022\n/' ]
	run -125 once --group-add nosuch bb true
	[[ $output == *"unable to find group nosuch"* ]]
	run -125 once --umask 9 bb true
	run -0 setpriv --groups 4321 "$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" run --rm --group-add keep-groups bb id -G
	[ "$output" = "0 4321" ]
}

# flag: run --passwd
# flag: run --passwd-entry
# flag: run --group-entry
# flag: run --hostuser
@test "lines of passwd and group" {
	run -0 once -u 1234:55 bb sh -c 'id; tail -1 /etc/passwd'
	[ "$output" = $'uid=1234 gid=55 groups=55\nuser:x:1000:1000:user:/tmp:/bin/sh' ]
	run -0 once --passwd -u 1234:55 bb sh -c 'id; tail -1 /etc/passwd; tail -1 /etc/group'
	[ "$output" = $'uid=1234(1234) gid=55(55) groups=55(55)\n1234:*:1234:55:container user:/:/bin/sh\n55:*:55:' ]
	run -0 once -u 1234:55 --passwd-entry 'me:x:$UID:$GID:it is me:/home:$SHELL' --group-entry 'us:x:$GID:me' bb sh -c 'id; tail -1 /etc/passwd'
	[ "$output" = $'uid=1234(me) gid=55(us) groups=55(us)\nme:x:1234:55:it is me:/home:$SHELL' ]
	run -0 once --hostuser daemon bb grep ^daemon /etc/passwd
	[ "$output" = "$(grep ^daemon /etc/passwd)" ]
	run -125 once --hostuser nosuchuser bb true
}

# flag: run --tz
@test "--tz: the zone of the host's files, copied" {
	[ -e /usr/share/zoneinfo/Asia/Tokyo ] || skip "no tzdata"
	run -0 once --tz Asia/Tokyo bb date +%z
	[ "$output" = +0900 ]
	run -0 once --tz local bb sh -c 'date +%z'
	[ "$output" = "$(TZ=:/etc/localtime date +%z)" ]
	for bad in Nowhere/City ../../../etc/passwd tzdata.zi; do
		run -125 once --tz "$bad" bb true
	done
}

# flag: run --stop-signal
# flag: run --stop-timeout
@test "what stop sends, and how long it waits" {
	run_background stopped --stop-signal USR1 bb sh -c 'trap "exit 7" USR1; trap "" TERM; echo ready; while :; do sleep 0.05; done'	# allow(sleep): inside the container
	wait_for grep -q ready "$T/out"
	davit stop stopped
	[ "$(davit inspect -f '{{.State.ExitCode}} {{.Config.StopSignal}}' stopped)" = "7 USR1" ]
	wait "$run_pid" || true
	davit run --name timed --stop-timeout 3 bb true
	[ "$(davit inspect -f '{{.Config.StopTimeout}}' timed)" = 3 ]
	run -125 once --stop-signal nosuch bb true
}

# flag: run --personality
# flag: run --oom-score-adj
# flag: run --ulimit
@test "personality, score, resource limits cut to our own" {
	run -0 once --personality LINUX32 --oom-score-adj 321 --ulimit nofile=90:100 --ulimit core=0 --ulimit nproc=-1 bb \
		sh -c 'uname -m; cat /proc/self/oom_score_adj; ulimit -Sn; ulimit -Hn; ulimit -c'
	[ "$output" = "$(setarch linux32 uname -m)"$'\n321\n90\n100\n0' ]
	run -0 once --ulimit nofile=999999999 bb sh -c 'ulimit -Hn'
	[ "$output" = "$(ulimit -Hn)" ]
	run -0 once --ulimit nofile=150 --ulimit nofile=160 bb sh -c 'ulimit -n'
	[ "$output" = 160 ]
	run -0 bash -c "ulimit -Sn 177; '$DAVIT_BUILD/davit' --root $T/root --runroot $T/run run --rm --ulimit host bb sh -c 'ulimit -Sn'"
	[ "$output" = 177 ]
	for bad in nofile nofile=5:3 nosuch=1 nofile=x =1; do
		run -125 once --ulimit "$bad" bb true
		[[ $output == *ulimit* ]]
	done
	run -125 once --oom-score-adj 2000 bb true
	run -125 once --personality BSD bb true
}

# --- health: kept for who runs the checks ---

# flag: run --health-cmd
# flag: run --health-interval
# flag: run --health-timeout
# flag: run --health-retries
# flag: run --health-start-period
# flag: run --health-start-interval
# flag: run --health-on-failure
# flag: run --no-healthcheck
@test "health checks: flags over the image's" {
	make_image sick '.config.Healthcheck = {Test: ["CMD", "true"], Interval: 5000000000, Retries: 9}'
	davit run --name aa --health-cmd 'test -e /x' --health-interval 1m30s --health-timeout 1.5s --health-retries 2 \
		--health-start-period 100ms --health-start-interval 2s --health-on-failure kill bb true
	[ "$(davit inspect -f '{{json .Config.Healthcheck}} {{.Config.HealthcheckOnFailureAction}}' aa)" = \
		'{"Test":["CMD-SHELL","test -e /x"],"Interval":90000000000,"Timeout":1500000000,"StartPeriod":100000000,"StartInterval":2000000000,"Retries":2} kill' ]
	davit run --name bbb --health-cmd '["a", "b c"]' --health-retries 3 sick true
	[ "$(davit inspect -f '{{json .Config.Healthcheck}}' bbb)" = '{"Test":["CMD","a","b c"],"Interval":5000000000,"Retries":3}' ]
	davit run --name cc --no-healthcheck sick true
	[ "$(davit inspect -f '{{json .Config.Healthcheck}}' cc)" = '{"Test":["NONE"]}' ]
	run -125 once --no-healthcheck --health-cmd true bb true
	[[ $output == *"conflicts"* ]]
	run -125 once --health-interval soon bb true
	run -125 once --health-retries -1 bb true
	run -125 once --health-on-failure sing bb true
}

# --- limits ---

# flag: run --memory
# flag: run --memory-swap
# flag: run --memory-reservation
# flag: run --memory-swappiness
# flag: run --oom-kill-disable
# flag: run --cpu-shares
# flag: run --cpu-period
# flag: run --cpu-quota
# flag: run --cpus
# flag: run --cpuset-cpus
# flag: run --cpuset-mems
# flag: run --pids-limit
@test "limits of memory, processors and processes" {
	[ -d /sys/fs/cgroup/memory ] || skip "cgroup v1 is what this reads"
	run -0 once -m 64m --memory-swap 96m --memory-reservation 32m --memory-swappiness 7 --cpu-shares 333 --cpu-period 50000 \
		--cpu-quota 20000 --cpuset-cpus 0 --cpuset-mems 0 --pids-limit 33 bb sh -c 'cd /sys/fs/cgroup
		cat memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes memory/memory.soft_limit_in_bytes \
			memory/memory.swappiness cpu/cpu.shares cpu/cpu.cfs_period_us cpu/cpu.cfs_quota_us cpuset/cpuset.cpus \
			cpuset/cpuset.mems pids/pids.max'
	[ "$output" = $'67108864\n100663296\n33554432\n7\n333\n50000\n20000\n0\n0\n33' ]
	run -0 once -m 32m --oom-kill-disable --cpus 0.25 --memory-swap -1 bb sh -c 'cd /sys/fs/cgroup
		head -1 memory/memory.oom_control; cat cpu/cpu.cfs_quota_us; test "$(cat memory/memory.memsw.limit_in_bytes)" -gt 999999999999 && echo none'
	[ "$output" = $'oom_kill_disable 1\n25000\nnone' ]
}

@test "limits that make no sense are refused in docker's words" {
	refused() {
		local message=$1
		shift
		run -125 once "$@" bb true
		[[ $output == *"$message"* ]] || { echo "$*: $output"; return 1; }
	}
	refused 6MB -m 1m
	refused "reservation allowed is 6MB" --memory-reservation 1m
	refused "can not be less than memory reservation" -m 10m --memory-reservation 20m
	refused "should be larger than memory limit" -m 20m --memory-swap 10m
	refused "always set the Memory limit" --memory-swap 10m
	refused "range is 0-100" --memory-swappiness 200
	refused "cannot both be set" --cpus 1 --cpu-quota 5000
	refused "cfs period" --cpu-period 10
	refused "cfs quota" --cpu-quota 10
	refused "range of CPUs" --cpus 1000
	refused "Requested CPUs are not available" --cpuset-cpus 4000
	refused "Invalid value x for cpuset cpus" --cpuset-cpus x
	refused "blkio weight" --blkio-weight 5
	refused "is not a size" --shm-size -1
	refused "[-1000, 1000]" --oom-score-adj 5000
}

# flag: run --blkio-weight
# flag: run --blkio-weight-device
# flag: run --device-read-bps
# flag: run --device-write-bps
# flag: run --device-read-iops
# flag: run --device-write-iops
@test "limits of disks" {
	local disk
	disk=$(find /dev -maxdepth 1 -type b | sort | head -1)
	[ -n "$disk" ] || skip "no block device"
	[ -e /sys/fs/cgroup/blkio/blkio.throttle.read_bps_device ] || skip "no throttling on this kernel"
	local number
	number=$((0x$(stat -c %t "$disk"))):$((0x$(stat -c %T "$disk")))
	run -0 once --device-read-bps "$disk:1mb" --device-write-bps "$disk:2mb" --device-read-iops "$disk:30" \
		--device-write-iops "$disk:40" bb sh -c 'cd /sys/fs/cgroup/blkio
		for f in read_bps write_bps read_iops write_iops; do cat blkio.throttle.${f}_device; done'
	[ "$output" = "$number 1048576"$'\n'"$number 2097152"$'\n'"$number 30"$'\n'"$number 40" ]
	for bad in "$disk" "relative:1" "$disk:x" /dev/null:1 /dev/nosuch:1; do
		run -125 once --device-read-bps "$bad" bb true
	done
	run -125 once --blkio-weight-device "$disk:5" bb true
	davit run --name ww --device-read-bps "$disk:1mb" bb true
	[ "$(davit inspect -f '{{json .HostConfig.BlkioDeviceReadBps}}' ww)" = "[{\"Path\":\"$disk\",\"Rate\":1048576}]" ]
	run once --blkio-weight 300 --blkio-weight-device "$disk:400" bb cat /sys/fs/cgroup/blkio/blkio.bfq.weight
	# Kernels without such weights refuse them by name.
	[ "$status: $output" = "0: 300" ] || [[ "$output" == *weight* ]]
}

# flag: run --cpu-rt-period
# flag: run --cpu-rt-runtime
@test "real-time limits: given, or refused by name" {
	if [ -e /sys/fs/cgroup/cpu/cpu.rt_runtime_us ]; then
		run once --cpu-rt-period 100000 --cpu-rt-runtime 0 bb cat /sys/fs/cgroup/cpu/cpu.rt_period_us
		[ "$status: $output" = "0: 100000" ]
	else
		run -125 once --cpu-rt-period 100000 --cpu-rt-runtime 1000 bb true
		[[ $output == *rt_* || $output == *realtime* || $output == *real-time* ]]
	fi
}

# flag: run --shm-size
# flag: run --cgroup-parent
# flag: run --cgroup-conf
@test "shared memory, the cgroup's parent, files of v2" {
	run -0 once --shm-size 3m bb df -k /dev/shm
	[[ $output == *" 3072 "* ]]
	run -0 once --cgroup-parent "/$TAG/deep" --cgroupns host bb cat /proc/self/cgroup
	[[ $output == *":/$TAG/deep/"* ]]
	find /sys/fs/cgroup -depth -type d -path "*/$TAG*" -exec rmdir {} +
	if [ -d /sys/fs/cgroup/memory ]; then
		run -125 once --cgroup-conf memory.high=100000000 bb true
	else
		run -0 once --cgroup-conf memory.high=104857600 bb cat /sys/fs/cgroup/memory.high
		[ "$output" = 104857600 ]
	fi
	run -125 once --cgroup-conf nothing bb true
}

# --- security ---

# flag: run --security-opt
@test "--security-opt: privileges, filters, paths" {
	rights='grep -E ^(NoNewPrivs|Seccomp): /proc/self/status'
	run -0 once --security-opt no-new-privileges bb $rights
	[ "$output" = $'NoNewPrivs:\t1\nSeccomp:\t2' ]
	run -0 once --security-opt no-new-privileges=false --security-opt seccomp=unconfined bb $rights
	[ "$output" = $'NoNewPrivs:\t0\nSeccomp:\t0' ]
	run -0 once --security-opt seccomp=builtin --security-opt label=disable --security-opt apparmor=unconfined bb $rights
	[ "$output" = $'NoNewPrivs:\t0\nSeccomp:\t2' ]
	run -0 once bb sh -c 'wc -c </proc/keys; (: >/proc/sys/kernel/hostname) 2>/dev/null || echo ro'
	[ "$output" = $'0\nro' ]
	run -0 once --security-opt systempaths=unconfined bb sh -c 'test "$(wc -c </proc/keys)" -gt 0 && echo shown; (: >/proc/sys/kernel/domainname) && echo writable'
	[ "$output" = $'shown\nwritable' ]
	run -0 once --security-opt unmask=/proc/keys --security-opt mask=/etc/passwd:/proc/cpuinfo bb sh -c 'test "$(wc -c </proc/keys)" -gt 0 && echo shown; wc -c </etc/passwd; wc -c </proc/cpuinfo'
	[ "$output" = $'shown\n0\n0' ]
	run -0 once --security-opt unmask=ALL bb sh -c 'grep -c " /proc/" /proc/mounts || true'
	[ "$output" = 0 ]
	run -0 once --security-opt proc-opts=hidepid=2 bb grep ' /proc ' /proc/mounts
	[[ $output == *hidepid=* ]]
	run -0 once --security-opt writable-cgroups bb sh -c 'grep " /sys/fs/cgroup" /proc/mounts | grep -c "[ ,]ro[, ]" || true'
	[ "$output" -lt 2 ]
	for bad in nosuch seccomp= no-new-privileges=x systempaths=x label=x mask=relative "seccomp=$T/missing"; do
		run -125 once --security-opt "$bad" bb true
	done
}

@test "--security-opt seccomp=FILE: a profile in docker's words, kept by the container" {
	cat >"$T/profile" <<-'P'
		{"defaultAction": "SCMP_ACT_ALLOW", "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
			{"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}],
		 "syscalls": [
			{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "args": null, "comment": "", "includes": {}, "excludes": {}},
			{"name": "chmod", "action": "SCMP_ACT_ERRNO", "errnoRet": 95, "includes": {"caps": ["CAP_CHOWN"], "arches": ["amd64", "arm64"]}},
			{"names": ["fchmodat", "fchmodat2"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95, "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
			{"names": ["getcwd"], "action": "SCMP_ACT_ERRNO", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
			{"names": ["getcwd"], "action": "SCMP_ACT_ERRNO", "includes": {"minKernel": "99.0"}}]}
	P
	run once --security-opt seccomp="$T/profile" bb sh -c 'exec 2>&1; mkdir /tmp/x; chmod 600 /etc/passwd; cd /tmp && /bin/busybox pwd'
	[[ ${lines[0]} == *"Operation not permitted"* && ${lines[1]} == *"not supported"* && ${lines[2]} == /tmp ]]
	run_background kept --security-opt seccomp="$T/profile" bb sleep 60
	rm "$T/profile"
	run -1 davit exec kept mkdir /tmp/x
	[[ $output == *"Operation not permitted"* ]]
	davit exec kept unshare -U true
	[[ $(davit inspect -f '{{index .HostConfig.SecurityOpt 0}}' kept) == 'seccomp={'*SCMP_ACT_ALLOW* ]]
	davit rm -f kept
	wait "$run_pid" || true
	run_background open --security-opt seccomp=unconfined bb sleep 60
	davit exec open unshare -U true
	davit rm -f open
	wait "$run_pid" || true
	echo '{"syscalls": []}' >"$T/bad"
	run -125 once --security-opt seccomp="$T/bad" bb true
	echo '{' >"$T/bad"
	run -125 once --security-opt seccomp="$T/bad" bb true
}

# flag: run --device
# flag: run --device-cgroup-rule
@test "devices: nodes, rights, rules" {
	run -0 once --device /dev/zero:/dev/zz --device /dev/full:/dev/other bb sh -c 'head -c 2 /dev/zz | od -An -tx1; ls -l /dev/other | cut -c1-43'
	[ "$output" = $'0000 00 00\ncrw-rw-rw-    1 root     root        1,   7' ] || [ "$output" = $' 00 00\ncrw-rw-rw-    1 root     root        1,   7' ]
	if [ -c /dev/loop-control ]; then	# opened, nothing else
		run -0 once --device /dev/loop-control:/dev/lc:r bb sh -c '(exec </dev/lc) && echo read; (exec 1<>/dev/lc) 2>/dev/null || echo no writing'
		[ "$output" = $'read\nno writing' ]
	fi
	if [ -c /dev/loop-control ]; then	# a node may be made, but opened with a rule only
		local k="mknod /tmp/k c $((0x$(stat -c %t /dev/loop-control))) $((0x$(stat -c %T /dev/loop-control)))"
		run -0 once bb sh -c "$k; (exec </tmp/k) 2>/dev/null || echo refused"
		[ "$output" = refused ]
		run -0 once --device-cgroup-rule 'c 10:* rwm' bb sh -c "$k; (exec </tmp/k) && echo open"
		[ "$output" = open ]
	fi
	davit run --name dev --device /dev/zero:/dev/zz:r bb true
	[ "$(davit inspect -f '{{json .HostConfig.Devices}}' dev)" = '[{"PathOnHost":"/dev/zero","PathInContainer":"/dev/zz","CgroupPermissions":"r"}]' ]
	for bad in /dev/nosuch relative /dev/zero:/dev/a:q /etc/passwd vendor.com/gpu=0; do
		run -125 once --device "$bad" bb true
	done
	for bad in x 'c 1' 'c 1:2 q' 'd 1:2 r' 'c 1:2'; do
		run -125 once --device-cgroup-rule "$bad" bb true
		[[ $output == *"invalid device cgroup format"* ]]
	done
}

# flag: run --sysctl
@test "--sysctl: of the container's namespaces only" {
	run -0 once --sysctl net.ipv4.ip_forward=1 --sysctl kernel.shmmax=12345 bb cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax
	[ "$output" = $'1\n12345' ]
	run -125 once --sysctl kernel.panic=1 bb true
	[[ $output == *kernel.panic* ]]
	run -125 once --sysctl nothing bb true
}

# flag: run --read-only
# flag: run --read-only-tmpfs
@test "--read-only-tmpfs: places to write on a root that is read-only" {
	run -1 once --read-only bb touch /tmp/x
	run -0 once --read-only --read-only-tmpfs bb sh -c 'touch /tmp/x /run/x /var/tmp/x; touch /x 2>/dev/null || echo ro'
	[ "$output" = ro ]
}

# flag: run --cap-add
# flag: run --cap-drop
# flag: run --privileged
@test "capabilities by name, all, none" {
	run -0 once --cap-drop ALL --cap-add chown bb grep CapEff /proc/self/status
	[ "$output" = $'CapEff:\t0000000000000001' ]
	run -0 once --privileged bb sh -c 'grep ^Seccomp: /proc/self/status; test -e /dev/kmsg && echo devices'
	[ "$output" = $'Seccomp:\t0\ndevices' ]
}

# --- namespaces ---

# flag: run --pid
# flag: run --ipc
# flag: run --uts
# flag: run --cgroupns
# flag: run --userns
@test "namespaces: the host's, another container's, by path" {
	ns() { once "$@" bb readlink "/proc/self/ns/$what"; }
	for what in pid ipc uts cgroup; do
		flag=--$what
		[ "$what" != cgroup ] || flag=--cgroupns
		[ "$(ns "$flag" host)" = "$(readlink "/proc/self/ns/$what")" ]
		[ "$(ns "$flag" private)" != "$(readlink "/proc/self/ns/$what")" ]
		[ "$(ns "$flag" "ns:/proc/$$/ns/$what")" = "$(readlink "/proc/self/ns/$what")" ]
	done
	run_background other bb sleep 60
	for what in pid ipc uts cgroup; do
		flag=--$what
		[ "$what" != cgroup ] || flag=--cgroupns
		[ "$(ns "$flag" container:other)" = "$(readlink "/proc/$(pid_of other)/ns/$what")" ]
	done
	run -0 once --pid container:other bb ps -o args
	[[ $output == *"sleep 60"* ]]
	davit rm -f other
	wait "$run_pid" || true
	run -0 once --ipc none bb sh -c 'grep -c /dev/shm /proc/mounts || true'
	[ "$output" = 0 ]
	run -0 once --ipc shareable bb grep -c /dev/shm /proc/mounts
	[ "$output" = 1 ]
	run -0 once --uts host --userns host bb hostname
	[ "$output" = "$(uname -n)" ]
	davit run --name modes --pid host --ipc host bb true
	[ "$(davit inspect -f '{{.HostConfig.PidMode}} {{.HostConfig.IpcMode}} {{.HostConfig.CgroupnsMode}}' modes)" = "host host private" ]
	run -125 once --pid container:other bb true
	[[ $output == *"No such container: other"* ]]
	run -125 once --uts host -h name bb true
	run -125 once --pid nosuch bb true
	run -125 once --userns auto bb true
	[[ $output == *"not supported"* ]]
}

# --- flags that are of no use here ---

# flag: run --kernel-memory
# flag: run --disable-content-trust
# flag: run --isolation
# flag: run --runtime
# flag: run --gpus
# flag: run --cpu-count
# flag: run --cpu-percent
# flag: run --io-maxbandwidth
# flag: run --io-maxiops
# flag: run --use-api-socket
# flag: run --subuidname
# flag: run --subgidname
# flag: run --health-startup-cmd
# flag: run --storage-opt
# flag: run --rootfs
@test "rare flags: taken where they change nothing, refused with a reason elsewhere" {
	run -0 once --kernel-memory 10m --disable-content-trust --isolation default --runtime runc bb echo fine
	[ "$output" = fine ]
	for flag in gpus=all cpu-count=1 cpu-percent=10 io-maxbandwidth=1 io-maxiops=1 use-api-socket=x subuidname=x subgidname=x \
		health-startup-cmd=x storage-opt=size=1g rootfs=/x isolation=hyperv runtime=kata; do
		run -125 once "--$flag" bb true
		[[ ${lines[0]} == *"for --${flag%%=*}: "?* ]] || { echo "$flag: $output"; false; }
	done
}

# flag: exec --env-file
@test "exec: variables of files, and the shorter name of --network" {
	run_background box --net none bb sleep 60
	printf 'FILE=a b\nBOTH=file\n' >"$T/env"
	run -0 davit exec --env-file "$T/env" -e BOTH=line box sh -c 'echo "$FILE $BOTH $FOO"; ls /sys/class/net'
	[ "$output" = $'a b line image\nlo' ]
	run -1 davit exec --env-file "$T/missing" box true
	davit rm -f box
	wait "$run_pid" || true
}

# --- ps, rm, container prune ---

# flag: ps --all
# flag: ps --quiet
# flag: ps --no-trunc
# flag: ps --size
# flag: ps --last
# flag: ps --latest
# flag: ps --format
# flag: ps --sort
# flag: ps --noheading
@test "ps: which, how many, in which order and form" {
	davit run --name older -l team.name=red bb sh -c 'head -c 5000 /dev/zero >/tmp/x'
	davit run --name newer bb sh -c 'exit 3' || true
	run_background runs bb sleep 60
	names() { davit ps --format '{{.Names}}' "$@" | tr '\n' ' '; }
	[ "$(names)" = "runs " ]
	[ "$(names -a)" = "runs newer older " ]
	[ "$(names -n 2)" = "runs newer " ]
	[ "$(names -l)" = "runs " ]
	[ "$(names --last -1 --external)" = "runs " ]
	[ "$(names -a --sort names)" = "newer older runs " ]
	[ "$(names -a --sort created)" = "older newer runs " ]
	[ "$(davit ps -aq | wc -l)" = 3 ]
	[ "$(davit ps -q --no-trunc)" = "$(id_of runs)" ]
	[[ $(davit ps -as | head -1) == *NAMES*SIZE ]]
	[[ $(davit ps -a --format '{{.Names}} {{.Size}}' | grep older) == "older 5kB (virtual "*MB")" ]]
	[ "$(davit ps --noheading | wc -l)" = 1 ]
	[ "$(davit ps -a --format 'table {{.Label "team.name"}}' | sed -n '1p;4p' | tr '\n' ' ')" = "name red " ]
	[ "$(davit ps -a --format '{{.Label "team.name"}}{{.Platform}} {{.State}} {{.ExitCode}}' | tail -1)" = "redlinux/amd64 exited 0" ]
	davit ps -a --format json | jq -se 'all(.Names | type == "string") and length == 3' >/dev/null
	davit rm -f runs
	wait "$run_pid" || true
}

# flag: ps --filter
@test "ps --filter: docker's keys" {
	davit run --name web1 -l app=web -v "$T:/data" bb true
	davit run --name db1 -l app=db -l tier bb sh -c 'exit 3' || true
	run_background web2 -l app=web bb sleep 60
	f() {
		local want=$1 args=()
		shift
		for x; do args+=(-f "$x"); done
		[ "$(davit ps -a --format '{{.Names}}' "${args[@]}" | tr '\n' ' ')" = "$want" ] ||
			{ echo "$*: $(davit ps -a --format '{{.Names}}' "${args[@]}")"; return 1; }
	}
	f "web2 web1 " name=web
	f "db1 " name='^/db'
	f "db1 " "id=$(id_of db1 | cut -c1-20)"
	f "web2 web1 " label=app=web
	f "" label=app=web label=tier
	f "db1 " label=tier
	f "web2 web1 " 'label!=tier'
	f "web2 " status=running
	f "web2 db1 web1 " status=exited status=running name=1 name=2
	[ "$(davit ps -q -f status=exited | wc -l)" = 2 ]
	f "db1 " exited=3
	f "web2 db1 web1 " ancestor=bb
	f "web2 db1 web1 " "ancestor=$(davit inspect -f '{{.Image}}' db1)"
	f "" ancestor=nosuch
	f "web1 " before=db1
	f "web2 " since=db1
	f "web2 db1 web1 " health=none
	f "" health=healthy
	f "web1 " "volume=$T"
	f "web1 " volume=/data
	f "" publish=80 
	f "" expose=1-9/udp
	f "web2 db1 web1 " is-task=false
	f "" is-task=true
	f "" pod=x
	f "web2 db1 web1 " "network=$(davit inspect -f '{{.HostConfig.NetworkMode}}' db1)"
	f "" network=nosuch
	f "" until=24h
	for bad in nosuch=1 name status=nosuch health=x exited=x publish=x 'name=[' is-task=x before=nosuch; do
		run -1 davit ps -f "$bad"
		[[ $output == *filter* || $output == *"No such container"* ]] || { echo "$bad: $output"; false; }
	done
	davit rm -f web2
	wait "$run_pid" || true
}

# flag: rm --all
# flag: rm --force
# flag: rm --volumes
# flag: rm --ignore
# flag: rm --latest
# flag: rm --depend
# flag: rm --time
# flag: rm --cidfile
# flag: rm --filter
# flag: rm --link
@test "rm: by name, file, filter, all of them, with those that depend on it" {
	for n in one two three four; do davit run --name "$n" bb true; done
	id_of three >"$T/cid"
	run -0 davit rm --cidfile "$T/cid"
	[ "$output" = "$(cat "$T/cid")" ]
	run -1 davit rm --cidfile "$T/missing"
	run -0 davit rm --ignore nosuch --cidfile "$T/missing"
	davit rm --latest
	[ "$(davit ps -a --format '{{.Names}}' | tr '\n' ' ')" = "two one " ]
	davit rm --filter name=two
	run -1 davit rm
	run -1 davit rm --all one
	run -1 davit rm --link one
	run_background main bb sh -c 'trap "exit 5" TERM; while :; do sleep 0.05; done'	# allow(sleep): inside the container
	davit run --name user --pid container:main bb true
	davit rm --depend -v main
	wait "$run_pid" || true
	[ "$(davit ps -a --format '{{.Names}}')" = one ]
	run_background soft bb sh -c "trap 'touch /out/stopped; exit 5' TERM; echo ready; while :; do sleep 0.05; done" 	# allow(sleep): inside the container
	wait_for grep -q ready "$T/out"
	davit rm -f -t 20 soft
	status=0
	wait "$run_pid" || status=$?
	[ "$status" = 5 ]
	davit rm -a
	[ "$(davit ps -aq)" = "" ]
}

# flag: container prune --force
# flag: container prune --filter
@test "container prune and exists" {
	davit run --name keep -l keep bb true
	davit run --name go bb true
	run -0 davit container exists keep
	run -1 davit container exists nosuch
	[ "$output" = "" ]
	local id
	id=$(id_of go)
	run -0 davit container prune -f --filter 'label!=keep'
	[[ ${lines[0]} == "Deleted Containers:" && ${lines[1]} == "$id" && $output == *"Total reclaimed space: "* ]]
	run -0 davit container prune -f --filter until=24h
	[ "$output" = "Total reclaimed space: 0B" ]
	run -1 davit container prune -f --filter name=keep
	run_background runs bb sleep 60
	davit container prune --force >/dev/null
	[ "$(davit ps -a --format '{{.Names}}')" = runs ]
	davit rm -f runs
	wait "$run_pid" || true
}

@test "--ulimit nofile: fewer than it takes to build the root" {
	local flags
	for flags in 60 60:60 20:20 "8:$(ulimit -Hn)"; do
		[ "$(davit run --rm --ulimit "nofile=$flags" bb sh -c 'echo $(ulimit -Sn):$(ulimit -Hn)')" = "${flags%:*}:${flags#*:}" ]
	done
	davit run -d --name few --ulimit nofile=12:12 bb sleep 1000
	[ "$(davit exec few sh -c 'ulimit -n')" = 12 ]
	davit rm -f few
}

# flag: run --attach
@test "--attach: only these streams" {
	run --separate-stderr -0 davit run --rm -a stdout bb sh -c 'echo out; echo err >&2'
	[ "$output" = out ]
	[ -z "$stderr" ]
	run --separate-stderr -0 davit run --rm -a stderr bb sh -c 'echo out; echo err >&2'
	[ -z "$output" ]
	[ "$stderr" = err ]
	[ "$(echo given | davit run --rm -i -a stdin -a stdout bb cat)" = given ]
	run -125 davit run --rm -a nosuch bb true
}

# flag: run --init-path
@test "--init-path: this program instead of ours" {
	run davit run --rm --init --init-path "$T/nosuch" bb true
	[ "$status" = 125 ]
	printf '#!/bin/sh\nshift\necho "init of ours: $*"\nexec "$@"\n' >"$T/init"
	chmod 755 "$T/init"
	[ "$(davit run --rm --init --init-path "$T/init" bb echo run | tr '\n' ' ')" = "init of ours: echo run run " ]
}

# flag: run --sig-proxy
@test "--sig-proxy: signals that we get are the container's, or ours" {
	davit_background run --name box bb sh -c 'trap "echo got; exit 9" USR1; touch /ready; while :; do usleep 10000; done'
	wait_for davit exec box test -e /ready
	kill -USR1 "$run_pid"
	local got=0
	wait "$run_pid" || got=$?
	[ "$got" = 9 ]
	grep -qx got "$T/out"
	davit_background run --sig-proxy=false --name alone bb sh -c 'trap "exit 9" USR1; touch /ready; while :; do usleep 10000; done'
	wait_for davit exec alone test -e /ready
	kill -USR1 "$run_pid"
	got=0
	wait "$run_pid" || got=$?
	[ "$got" = 138 ]
	has_status alone running
	davit rm -f box alone
}

# --- update ---

# flag: update --memory
# flag: update --memory-swap
# flag: update --memory-reservation
# flag: update --cpus
# flag: update --cpu-shares
# flag: update --cpu-period
# flag: update --cpu-quota
# flag: update --cpuset-cpus
# flag: update --cpuset-mems
# flag: update --pids-limit
# flag: update --blkio-weight
# flag: update --restart
# flag: update --cpu-rt-period
# flag: update --cpu-rt-runtime
@test "update: at once, and for the next start" {
	[ -d /sys/fs/cgroup/memory ] || skip "cgroup v1 is what this reads"
	davit run -d --name box -m 64m --memory-swap 128m --cpus 0.5 bb sleep 300
	read_all() { davit exec box sh -c 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes \
		memory/memory.soft_limit_in_bytes cpu/cpu.shares cpu/cpu.cfs_period_us cpu/cpu.cfs_quota_us cpuset/cpuset.cpus \
		cpuset/cpuset.mems pids/pids.max' | tr '\n' ' '; }
	run -0 davit update -m 96m --memory-swap 100m --memory-reservation 32m --cpu-shares 222 --cpu-period 50000 --cpu-quota 20000 \
		--cpuset-cpus 0 --cpuset-mems 0 --pids-limit 55 --restart on-failure:2 box
	[ "$output" = box ]
	[ "$(read_all)" = "100663296 104857600 33554432 222 50000 20000 0 0 55 " ]
	[ "$(davit inspect -f '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.CpuQuota}} {{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}' box)" = \
		"100663296 0 20000 on-failure:2" ]
	davit update --cpus 0.25 box
	davit restart -t 0 box
	wait_for has_status box running
	[ "$(read_all)" = "100663296 104857600 33554432 222 100000 25000 0 0 55 " ]
	run -1 davit update -m 1m box
	run -1 davit update --memory-swap 10m box
	run -1 davit update --restart nosuch box
	run -1 davit update --blkio-weight 5 box
	run -1 davit update --cpuset-cpus 4000 box
	run -1 davit update --cpu-rt-period 100000 --cpu-rt-runtime 1000 box
	run -1 davit update -m 64m nosuch
	[[ $output == *"No such container: nosuch"* ]]
	davit rm -f box
}

# --- completion ---

@test "completion: names of containers and images where the table says so" {
	davit run --name first bb true
	davit run --name second bb true
	c() { davit __complete --root "$T/root" --runroot "$T/run" "$@" | cut -f1 | tr '\n' ' '; }
	[ "$(c rm fi)" = "first " ]      # no id begins so
	[ "$(c rm first s)" = "second " ]
	[ "$(c container inspect '')" = "second first " ]
	[ "$(c run b)" = "bb:latest " ]
	[ "$(c run --rm -it b)" = "bb:latest " ]
	[ "$(c run bb '')" = ":files " ]
	[ "$(c exec fi)" = "first " ]
	[ "$(c rmi '')" = "bb:latest " ]
	[ "$(c inspect '')" = "second first bb:latest " ]
	[ "$(c rm "$(id_of first | cut -c1-6)")" = "$(id_of first | cut -c1-12) " ]
	[ "$(davit __complete --root="$T/none" rm '' | wc -c)" = 0 ]
	[ ! -e "$T/none" ]
}
