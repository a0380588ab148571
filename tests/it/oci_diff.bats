# The same bundle under davit-oci and under runc: what the container sees has to be the same.
#
# Differences that are meant to be, taken out by `normal`:
#   * masked files are the host's null device (runc: the container's own, which an image can replace), masked
#     directories a tmpfs that takes no entry (runc: one that does);
#   * the order of mounts made in the same place, ids of mounts, devices and peer groups, times;
#   * /sys/fs/cgroup is read-only where "ro" was asked for (runc: the tmpfs stays writable), and shows the v2 tree of
#     a hybrid machine as well;
#   * a read-only tmpfs is so as a file system too; the message queues of a user namespace belong to its root and its
#     group, not only to its root;
#   * without rootfsPropagation the root is private (runc: a slave of the host).
load oci

PROBE='
echo "--- ids"; id; grep -E "^(Groups|Cap|NoNew|Seccomp:|Speculation_Store|Cpus_allowed_list)" /proc/self/status
echo "--- limits"; cat /proc/self/limits; umask; cat /proc/self/oom_score_adj
echo "--- mounts"; cat /proc/self/mountinfo
echo "--- dev"; ls -l /dev
echo "--- names"; hostname; cat /proc/sys/kernel/domainname /proc/self/uid_map /proc/self/gid_map
echo "--- place"; pwd; env | sort; cat /proc/self/cgroup | sort; ls /proc/self/fd | wc -l
echo "--- masks"; for f in /proc/keys /proc/kcore /proc/timer_list; do head -c 1 $f | wc -c; done 2>&1; ls /sys/firmware /proc/acpi
'
LIMITS='pids/pids.max memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes memory/memory.soft_limit_in_bytes
	memory/memory.swappiness cpu/cpu.shares cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us cpuset/cpuset.cpus cpuset/cpuset.mems
	devices/devices.list blkio/blkio.throttle.read_bps_device'

normal() {
	awk '/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ / {
			line = $5 " " $6
			for (i = 7; $i != "-"; i++) { kind = $i; sub(":.*", "", kind); if ($5 != "/") line = line " " kind }
			if ($5 == "/proc/acpi" || $5 ~ "^/proc/(keys|timer_list|kcore|latency_stats|timer_stats|sched_debug|scsi)$" || $5 == "/sys/firmware")
				line = $5 " masked"
			else
				line = line " " $(i + 1) " " $(i + 3)
			if ($5 ~ "^/sys/fs/cgroup/unified") next
			if ($5 == "/sys/fs/cgroup") line = $5 " tmpfs"
			print "mount " line | "sort"; next
		} { close("sort"); print }' | sed -E 's/ [A-Z][a-z]{2} +[0-9]+ [0-9:]{5} / /; s/(^[0-9]+:[^:]*:).*/\1/; s/,inode64//; / tmpfs /s/ ro,/ rw,/g; s/ (root|65534) +(root|65534) +([0-9]+ mqueue)/ \3/'
}

# one RUNTIME...: what the probe prints, and the limits read from the host
one() {
	local f dir
	set_args sh -c "$PROBE"
	"$@" run -b "$B" "$ID" </dev/null 2>&1 | normal
	set_args probe wait
	"$@" run -d -b "$B" --pid-file "$T/pid" "$ID" </dev/null >/dev/null 2>&1 || { echo "does not run"; return; }
	PID=$(cat "$T/pid")
	for f in $LIMITS; do
		[ -d "/sys/fs/cgroup/${f%%/*}" ] || continue
		dir=$(cgroup_dir "${f%%/*}")
		echo "$f: $(sort "$dir/${f##*/}" 2>&1)"
	done
	"$@" delete -f "$ID"
}

# same_as_runc: a jq filter in each line of stdin, each a bundle
same_as_runc() {
	local filter failed=0
	command -v runc >/dev/null || skip "no runc"
	while read -r filter; do
		configure ".root.readonly = false | $filter"
		one dv >"$T/out.davit"
		configure ".root.readonly = false | $filter"
		one rc >"$T/out.runc"
		grep -q '^--- masks' "$T/out.davit" || { echo "$filter: does not run"; cat "$T/out.davit"; failed=1; }
		diff "$T/out.runc" "$T/out.davit" || { echo "$filter: differs"; failed=1; }
	done
	return $failed
}

setup() {
	oci_setup
	bundle
	mkdir -p "$T/src/d"
	echo x >"$T/src/f"
	chmod 755 "$T/src"
}

@test "as runc: identity, capabilities, limits" {
	same_as_runc <<-'END'
		.
		.process.user = {uid: 1000, gid: 1000, additionalGids: [5, 2000]}
		.process.user = {uid: 0, gid: 0, umask: 63}
		.process.capabilities = {}
		caps(["CAP_CHOWN", "CAP_NET_ADMIN"])
		caps(["CAP_CHOWN"]) | .process.user.uid = 1000
		caps(["CAP_CHOWN"]) | .process.capabilities += {inheritable: ["CAP_CHOWN"], ambient: ["CAP_CHOWN"]} | .process.user.uid = 1000
		.process.noNewPrivileges = true
		.process.noNewPrivileges = false
		.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}, {type: "RLIMIT_CORE", soft: 0, hard: 0}]
		.process.oomScoreAdj = 77
		.process.env += ["A=1", "B=", "HOME=/x"] | .process.cwd = "/tmp"
		.process.cwd = "/not/there"
		.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_ERRNO"}]}
	END
}

@test "as runc: mounts" {
	export SRC=$T/src
	same_as_runc <<-'END'
		.root.readonly = true
		bind("/mnt"; $ENV.SRC; ["bind"])
		bind("/mnt"; $ENV.SRC; ["rbind", "ro", "nosuid", "nodev", "noexec"])
		bind("/mnt/f"; $ENV.SRC + "/f"; ["bind", "ro"])
		bind("/mnt"; $ENV.SRC; ["rbind", "rprivate"])
		bind("/mnt"; $ENV.SRC; ["rbind", "rslave"])
		bind("/mnt"; $ENV.SRC; ["rbind", "rshared"])
		bind("/mnt"; $ENV.SRC; ["bind", "noatime"])
		bind("/mnt"; $ENV.SRC; ["bind", "nodiratime", "strictatime"])
		mnt("/mnt"; "tmpfs"; "tmpfs"; ["nosuid", "nodev", "size=64k", "mode=1777"])
		mnt("/mnt"; "tmpfs"; "tmpfs"; ["noexec", "ro", "sync"])
		mnt("/etc"; "tmpfs"; "tmpfs"; ["tmpcopyup"])
		.linux.maskedPaths = ["/proc/keys", "/proc/acpi", "/nowhere"] | .linux.readonlyPaths = ["/proc/sys", "/proc/bus", "/nowhere"]
		.linux.maskedPaths = [] | .linux.readonlyPaths = []
		mnt("/sys/fs/cgroup"; "cgroup"; "cgroup"; ["ro", "nosuid", "nodev", "noexec", "relatime"])
	END
}

@test "as runc: namespaces, devices" {
	same_as_runc <<-'END'
		no_ns("network")
		no_ns("uts") | del(.hostname)
		no_ns("ipc")
		ns("cgroup")
		userns
		userns | .process.user = {uid: 1000, gid: 1000}
		.hostname = "other"
		.linux.devices = [{path: "/dev/foo", type: "c", major: 1, minor: 5, fileMode: 432, uid: 3, gid: 4}]
		.linux.sysctl = {"kernel.shmmax": "12345"}
	END
}

@test "as runc: cgroup limits" {
	[ -d /sys/fs/cgroup/memory ] || skip "cgroup v1 is what this reads"
	same_as_runc <<-'END'
		.linux.resources.memory = {limit: 67108864, swap: 134217728, reservation: 33554432}
		.linux.resources.memory = {limit: -1}
		.linux.resources.memory = {limit: 67108864, swappiness: 10}
		.linux.resources.cpu = {shares: 512, quota: 50000, period: 200000}
		.linux.resources.cpu = {cpus: "0", mems: "0"}
		.linux.resources.pids = {limit: 55}
		.linux.resources.pids = {limit: -1}
		.linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 10, minor: 200, access: "rw"}]
		.linux.resources.devices = [{allow: true, access: "rwm"}]
	END
}
