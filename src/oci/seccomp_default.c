/* seccomp_default.c - the default profile as a table of groups. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include "base/str.h"
#include "oci/seccomp_default.h"
#include "oci/seccomp_profile.h"
#include "oci/syscalls_data.h"

/* --- the calls --- */

#define S(name) SYSCALL_##name,

static const uint16_t calls_of_all[] = {
	S(accept) S(accept4) S(access) S(adjtimex) S(alarm) S(bind) S(brk) S(cachestat) S(capget) S(capset)
	S(chdir) S(chmod) S(chown) S(chown32) S(clock_adjtime) S(clock_adjtime64) S(clock_getres)
	S(clock_getres_time64) S(clock_gettime) S(clock_gettime64) S(clock_nanosleep) S(clock_nanosleep_time64)
	S(close) S(close_range) S(connect) S(copy_file_range) S(creat) S(dup) S(dup2) S(dup3) S(epoll_create)
	S(epoll_create1) S(epoll_ctl) S(epoll_ctl_old) S(epoll_pwait) S(epoll_pwait2) S(epoll_wait)
	S(epoll_wait_old) S(eventfd) S(eventfd2) S(execve) S(execveat) S(exit) S(exit_group) S(faccessat)
	S(faccessat2) S(fadvise64) S(fadvise64_64) S(fallocate) S(fanotify_mark) S(fchdir) S(fchmod) S(fchmodat)
	S(fchmodat2) S(fchown) S(fchown32) S(fchownat) S(fcntl) S(fcntl64) S(fdatasync) S(fgetxattr)
	S(file_getattr) S(file_setattr) S(flistxattr) S(flock) S(fork) S(fremovexattr) S(fsetxattr) S(fstat)
	S(fstat64) S(fstatat64) S(fstatfs) S(fstatfs64) S(fsync) S(ftruncate) S(ftruncate64) S(futex)
	S(futex_requeue) S(futex_time64) S(futex_wait) S(futex_waitv) S(futex_wake) S(futimesat) S(get_robust_list)
	S(get_thread_area) S(getcpu) S(getcwd) S(getdents) S(getdents64) S(getegid) S(getegid32) S(geteuid)
	S(geteuid32) S(getgid) S(getgid32) S(getgroups) S(getgroups32) S(getitimer) S(getpeername) S(getpgid)
	S(getpgrp) S(getpid) S(getppid) S(getpriority) S(getrandom) S(getresgid) S(getresgid32) S(getresuid)
	S(getresuid32) S(getrlimit) S(getrusage) S(getsid) S(getsockname) S(getsockopt) S(gettid) S(gettimeofday)
	S(getuid) S(getuid32) S(getxattr) S(getxattrat) S(inotify_add_watch) S(inotify_init) S(inotify_init1)
	S(inotify_rm_watch) S(io_cancel) S(io_destroy) S(io_getevents) S(io_pgetevents) S(io_pgetevents_time64)
	S(io_setup) S(io_submit) S(ioctl) S(ioprio_get) S(ioprio_set) S(ipc) S(kill) S(landlock_add_rule)
	S(landlock_create_ruleset) S(landlock_restrict_self) S(lchown) S(lchown32) S(lgetxattr) S(link) S(linkat)
	S(listen) S(listmount) S(listxattr) S(listxattrat) S(llistxattr) S(_llseek) S(lremovexattr) S(lseek)
	S(lsetxattr) S(lstat) S(lstat64) S(madvise) S(map_shadow_stack) S(membarrier) S(memfd_create)
	S(memfd_secret) S(mincore) S(mkdir) S(mkdirat) S(mknod) S(mknodat) S(mlock) S(mlock2) S(mlockall) S(mmap)
	S(mmap2) S(mprotect) S(mq_getsetattr) S(mq_notify) S(mq_open) S(mq_timedreceive) S(mq_timedreceive_time64)
	S(mq_timedsend) S(mq_timedsend_time64) S(mq_unlink) S(mremap) S(mseal) S(msgctl) S(msgget) S(msgrcv)
	S(msgsnd) S(msync) S(munlock) S(munlockall) S(munmap) S(name_to_handle_at) S(nanosleep) S(newfstatat)
	S(_newselect) S(open) S(openat) S(openat2) S(pause) S(pidfd_open) S(pidfd_send_signal) S(pipe) S(pipe2)
	S(pkey_alloc) S(pkey_free) S(pkey_mprotect) S(poll) S(ppoll) S(ppoll_time64) S(prctl) S(pread64) S(preadv)
	S(preadv2) S(prlimit64) S(process_mrelease) S(process_vm_readv) S(process_vm_writev) S(pselect6)
	S(pselect6_time64) S(ptrace) S(pwrite64) S(pwritev) S(pwritev2) S(read) S(readahead) S(readlink)
	S(readlinkat) S(readv) S(recv) S(recvfrom) S(recvmmsg) S(recvmmsg_time64) S(recvmsg) S(remap_file_pages)
	S(removexattr) S(removexattrat) S(rename) S(renameat) S(renameat2) S(restart_syscall) S(riscv_hwprobe)
	S(rmdir) S(rseq) S(rseq_slice_yield) S(rt_sigaction) S(rt_sigpending) S(rt_sigprocmask) S(rt_sigqueueinfo)
	S(rt_sigreturn) S(rt_sigsuspend) S(rt_sigtimedwait) S(rt_sigtimedwait_time64) S(rt_tgsigqueueinfo)
	S(sched_get_priority_max) S(sched_get_priority_min) S(sched_getaffinity) S(sched_getattr) S(sched_getparam)
	S(sched_getscheduler) S(sched_rr_get_interval) S(sched_rr_get_interval_time64) S(sched_setaffinity)
	S(sched_setattr) S(sched_setparam) S(sched_setscheduler) S(sched_yield) S(seccomp) S(select) S(semctl)
	S(semget) S(semop) S(semtimedop) S(semtimedop_time64) S(send) S(sendfile) S(sendfile64) S(sendmmsg)
	S(sendmsg) S(sendto) S(set_robust_list) S(set_thread_area) S(set_tid_address) S(setfsgid) S(setfsgid32)
	S(setfsuid) S(setfsuid32) S(setgid) S(setgid32) S(setgroups) S(setgroups32) S(setitimer) S(setpgid)
	S(setpriority) S(setregid) S(setregid32) S(setresgid) S(setresgid32) S(setresuid) S(setresuid32)
	S(setreuid) S(setreuid32) S(setrlimit) S(setsid) S(setsockopt) S(setuid) S(setuid32) S(setxattr)
	S(setxattrat) S(shmat) S(shmctl) S(shmdt) S(shmget) S(shutdown) S(sigaltstack) S(signalfd) S(signalfd4)
	S(sigprocmask) S(sigreturn) S(socketcall) S(socketpair) S(splice) S(stat) S(stat64) S(statfs) S(statfs64)
	S(statmount) S(statx) S(symlink) S(symlinkat) S(sync) S(sync_file_range) S(syncfs) S(sysinfo) S(tee)
	S(tgkill) S(time) S(timer_create) S(timer_delete) S(timer_getoverrun) S(timer_gettime) S(timer_gettime64)
	S(timer_settime) S(timer_settime64) S(timerfd_create) S(timerfd_gettime) S(timerfd_gettime64)
	S(timerfd_settime) S(timerfd_settime64) S(times) S(tkill) S(truncate) S(truncate64) S(ugetrlimit) S(umask)
	S(uname) S(unlink) S(unlinkat) S(uprobe) S(uretprobe) S(utime) S(utimensat) S(utimensat_time64) S(utimes)
	S(vfork) S(vmsplice) S(wait4) S(waitid) S(waitpid) S(write) S(writev)
};
static const uint16_t calls_of_admin[] = {
	S(bpf) S(clone) S(clone3) S(fanotify_init) S(fsconfig) S(fsmount) S(fsopen) S(fspick) S(listns)
	S(lookup_dcookie) S(lsm_get_self_attr) S(lsm_list_modules) S(lsm_set_self_attr) S(mount) S(mount_setattr)
	S(move_mount) S(open_tree) S(open_tree_attr) S(perf_event_open) S(quotactl) S(quotactl_fd) S(setdomainname)
	S(sethostname) S(setns) S(syslog) S(umount) S(umount2) S(unshare)
};
static const uint16_t calls_of_dac_read_search[] = {
	S(open_by_handle_at)
};
static const uint16_t calls_of_boot[] = {
	S(reboot)
};
static const uint16_t calls_of_chroot[] = {
	S(chroot)
};
static const uint16_t calls_of_module[] = {
	S(delete_module) S(finit_module) S(init_module)
};
static const uint16_t calls_of_pacct[] = {
	S(acct)
};
static const uint16_t calls_of_ptrace[] = {
	S(kcmp) S(pidfd_getfd) S(process_madvise)
};
static const uint16_t calls_of_rawio[] = {
	S(ioperm) S(iopl)
};
static const uint16_t calls_of_time[] = {
	S(clock_settime) S(clock_settime64) S(settimeofday) S(stime)
};
static const uint16_t calls_of_tty_config[] = {
	S(vhangup)
};
static const uint16_t calls_of_nice[] = {
	S(get_mempolicy) S(mbind) S(set_mempolicy) S(set_mempolicy_home_node)
};
static const uint16_t calls_of_syslog[] = {
	S(syslog)
};
static const uint16_t calls_of_bpf[] = {
	S(bpf)
};
static const uint16_t calls_of_perfmon[] = {
	S(perf_event_open)
};
static const uint16_t calls_of_arm[] = {
	S(arm_fadvise64_64) S(arm_sync_file_range) S(breakpoint) S(cacheflush) S(set_tls) S(sync_file_range2)
};
static const uint16_t calls_of_ppc[] = {
	S(swapcontext) S(sync_file_range2)
};
static const uint16_t calls_of_s390[] = {
	S(s390_pci_mmio_read) S(s390_pci_mmio_write) S(s390_runtime_instr)
};
static const uint16_t calls_of_riscv[] = {
	S(riscv_flush_icache)
};
static const uint16_t calls_of_amd64[] = {
	S(arch_prctl) S(modify_ldt)
};
static const uint16_t call_personality[] = {
	S(personality)
};
static const uint16_t call_socket[] = {
	S(socket)
};
static const uint16_t call_clone[] = {
	S(clone)
};
static const uint16_t call_clone3[] = {
	S(clone3)
};
#undef S

/* --- conditions --- */

#define CONDS(...) (const struct seccomp_cond[]){ __VA_ARGS__ }, ARRAY_LEN(((struct seccomp_cond[]){ __VA_ARGS__ }))
#define ARG(nth, op_, value_) { .arg = nth, .op = SECCOMP_##op_, .value = value_ }

/* CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET */
#define CLONE_NAMESPACES 0x7e020000
#define NO_NAMESPACES(nth) { .arg = nth, .op = SECCOMP_MASKED_EQ, .mask = CLONE_NAMESPACES }

/* --- the groups, in the order of the profile --- */

#define CAP(name) (1ull << CAP_##name)
#define CALLS(list) .calls = list, .n_calls = ARRAY_LEN(list)

struct group {
	const uint16_t *calls;
	unsigned n_calls;
	const struct seccomp_cond *conds;
	unsigned n_conds;
	uint64_t with_cap;      /* only with one of these; 0: always */
	uint64_t without_cap;   /* not with any of these */
	uint32_t archs[2];      /* AUDIT_ARCH_* of the machine; 0: all */
	uint32_t not_arch;
	uint32_t errno_ret;     /* refuse with it; 0: allow */
};

static const struct group groups[] = {
	{ CALLS(calls_of_all) },
	{ CALLS(call_socket), CONDS(ARG(0, NE, AF_VSOCK)) },   /* it knows no namespaces */
	{ CALLS(call_personality), CONDS(ARG(0, EQ, PER_LINUX)) },
	{ CALLS(call_personality), CONDS(ARG(0, EQ, PER_LINUX32)) },
	{ CALLS(call_personality), CONDS(ARG(0, EQ, UNAME26)) },
	{ CALLS(call_personality), CONDS(ARG(0, EQ, UNAME26 | PER_LINUX32)) },
	{ CALLS(call_personality), CONDS(ARG(0, EQ, 0xffffffff)) },   /* asks for the present one */
	{ CALLS(calls_of_ppc), .archs = { AUDIT_ARCH_PPC64LE } },
	{ CALLS(calls_of_arm), .archs = { AUDIT_ARCH_ARM, AUDIT_ARCH_AARCH64 } },
	{ CALLS(calls_of_amd64), .archs = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 } },
	{ CALLS(calls_of_s390), .archs = { AUDIT_ARCH_S390, AUDIT_ARCH_S390X } },
	{ CALLS(calls_of_riscv), .archs = { AUDIT_ARCH_RISCV64 } },
	{ CALLS(calls_of_dac_read_search), .with_cap = CAP(DAC_READ_SEARCH) },
	{ CALLS(calls_of_admin), .with_cap = CAP(SYS_ADMIN) },
	/* s390 has the flags of clone in its second argument */
	{ CALLS(call_clone), CONDS(NO_NAMESPACES(0)), .without_cap = CAP(SYS_ADMIN), .not_arch = AUDIT_ARCH_S390X },
	{ CALLS(call_clone), CONDS(NO_NAMESPACES(1)), .without_cap = CAP(SYS_ADMIN),
	  .archs = { AUDIT_ARCH_S390, AUDIT_ARCH_S390X } },
	/* its flags are in memory, where no filter sees them; C libraries then use clone */
	{ CALLS(call_clone3), .without_cap = CAP(SYS_ADMIN), .errno_ret = ENOSYS },
	{ CALLS(calls_of_boot), .with_cap = CAP(SYS_BOOT) },
	{ CALLS(calls_of_chroot), .with_cap = CAP(SYS_CHROOT) },
	{ CALLS(calls_of_module), .with_cap = CAP(SYS_MODULE) },
	{ CALLS(calls_of_pacct), .with_cap = CAP(SYS_PACCT) },
	{ CALLS(calls_of_ptrace), .with_cap = CAP(SYS_PTRACE) },
	{ CALLS(calls_of_rawio), .with_cap = CAP(SYS_RAWIO) },
	{ CALLS(calls_of_time), .with_cap = CAP(SYS_TIME) },
	{ CALLS(calls_of_tty_config), .with_cap = CAP(SYS_TTY_CONFIG) },
	{ CALLS(calls_of_nice), .with_cap = CAP(SYS_NICE) },
	{ CALLS(calls_of_syslog), .with_cap = CAP(SYSLOG) },
	{ CALLS(calls_of_bpf), .with_cap = CAP(BPF) },
	{ CALLS(calls_of_perfmon), .with_cap = CAP(PERFMON) },
};

/* The machine, and the other architectures its kernel runs. */
static const char *const families[][3] = {
	{ "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32" },
	{ "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM" },
	{ "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64N32" },
	{ "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64N32" },
	{ "SCMP_ARCH_S390X", "SCMP_ARCH_S390" },
};

static bool group_holds(const struct group *g, uint64_t caps)
{
	uint32_t audit = syscall_arch_native()->audit;

	if ((g->with_cap && !(caps & g->with_cap)) || caps & g->without_cap || g->not_arch == audit)
		return false;
	return !g->archs[0] || g->archs[0] == audit || g->archs[1] == audit;
}

/* NULL-terminated after at most three */
static void native_family(const char *ret_names[4])
{
	const char *native = syscall_arch_native()->name;

	memset(ret_names, 0, 4 * sizeof *ret_names);
	ret_names[0] = native;
	for (unsigned i = 0; i < ARRAY_LEN(families); i++)
		if (streq(families[i][0], native))
			memcpy(ret_names, families[i], sizeof families[i]);
}

/* --- as a program --- */

int seccomp_default_compile(struct arena *a, uint64_t caps, struct seccomp_filter *ret, struct dv_err *e)
{
	struct seccomp_filter filter = { .flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW };
	struct seccomp_profile p;
	const char *names[4];

	filter.soft_flags = filter.flags | SECCOMP_FILTER_FLAG_TSYNC;
	seccomp_profile_init(&p, a, SECCOMP_RET_ERRNO | EPERM);
	native_family(names);
	for (unsigned i = 0; names[i]; i++)
		p.archs |= 1u << (syscall_arch_find(names[i]) - syscall_archs);
	for (const struct group *g = groups; g < groups + ARRAY_LEN(groups); g++) {
		uint32_t action = g->errno_ret ? SECCOMP_RET_ERRNO | g->errno_ret : SECCOMP_RET_ALLOW;

		for (unsigned i = 0; i < g->n_calls && group_holds(g, caps); i++)
			seccomp_profile_add(&p, g->calls[i], action, g->conds, g->n_conds);
	}
	if (seccomp_generate(&p, &filter, e) < 0)
		return -DV_LIMIT;
	*ret = filter;
	return 0;
}

/* --- as JSON --- */

static struct json *cond_json(struct arena *a, const struct seccomp_cond *c)
{
	static const char *const ops[] = { [SECCOMP_NE] = "SCMP_CMP_NE", [SECCOMP_EQ] = "SCMP_CMP_EQ",
					   [SECCOMP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ" };
	bool masked = c->op == SECCOMP_MASKED_EQ;

	return json_obj(a, "index", json_new_u64(a, c->arg), "value", json_new_u64(a, masked ? c->mask : c->value),
			"valueTwo", masked ? json_new_u64(a, c->value) : NULL, "op", json_new_str(a, ops[c->op]), NULL);
}

static struct json *group_json(struct arena *a, const struct group *g)
{
	struct json *names = json_new_array(a);
	struct json *args = g->n_conds ? json_new_array(a) : NULL;

	for (unsigned i = 0; i < g->n_calls; i++)
		json_append(a, names, json_new_str(a, syscall_name(g->calls[i])));
	for (unsigned i = 0; i < g->n_conds; i++)
		json_append(a, args, cond_json(a, &g->conds[i]));
	return json_obj(a, "names", names, "action",
			json_new_str(a, g->errno_ret ? "SCMP_ACT_ERRNO" : "SCMP_ACT_ALLOW"), "errnoRet",
			g->errno_ret ? json_new_u64(a, g->errno_ret) : NULL, "args", args, NULL);
}

struct json *seccomp_default_json(struct arena *a, uint64_t caps)
{
	struct json *calls = json_new_array(a);
	const char *names[4];

	native_family(names);
	for (const struct group *g = groups; g < groups + ARRAY_LEN(groups); g++)
		if (group_holds(g, caps))
			json_append(a, calls, group_json(a, g));
	return json_obj(a, "defaultAction", json_new_str(a, "SCMP_ACT_ERRNO"), "defaultErrnoRet",
			json_new_u64(a, EPERM), "architectures", json_new_strs(a, names), "syscalls", calls, NULL);
}
