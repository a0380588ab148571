/* proc.c - processes: spawning by vfork semantics, waiting, identity. */
#include <errno.h>
#include <linux/ioctl.h>
#include <linux/types.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/deadline.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"

#define CHILD_STACK_BYTES 16384
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define SIGNAL_MAX 64
#define WAIT_P_PIDFD 3

/* What the child works on. Memory is shared until exec, so it reports its error here. */
struct child {
	const struct proc_spawn *s;
	const char *path;
	int *moved;             /* n_fds numbers that no target overwrites */
	int fd_floor;           /* first number above all targets */
	const char *step;       /* what failed */
	int sys;
};

static int child_fail(struct child *c, const char *step)
{
	c->step = step;
	c->sys = errno;
	return -1;
}

/* Ignored signals would survive exec, and a handler of ours must not run on shared memory. The kernel is
 * asked directly: sigaction() refuses the two signals that glibc keeps to itself, which its posix_spawn()
 * (so every program that make runs) leaves ignored. */
static void child_signals(void)
{
	static const struct { unsigned long handler, flags, restorer; uint64_t mask; } dfl;     /* SIG_DFL is 0 */
	sigset_t none;

	for (int sig = 1; sig <= SIGNAL_MAX; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			(void)syscall(SYS_rt_sigaction, sig, &dfl, NULL, sizeof dfl.mask);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Sources below the highest target move above it first: then no dup2 destroys a source. */
static int child_fds(struct child *c)
{
	const struct proc_spawn *s = c->s;

	for (size_t i = 0; i < s->n_fds; i++) {
		int from = s->fds[i].from;

		c->moved[i] = from >= c->fd_floor ? from : fcntl(from, F_DUPFD_CLOEXEC, c->fd_floor);
		if (c->moved[i] < 0)
			return child_fail(c, "move a descriptor");
	}
	for (size_t i = 0; i < s->n_fds; i++)
		if (dup2(c->moved[i], s->fds[i].to) < 0)
			return child_fail(c, "place a descriptor");
	return 0;
}

/* Runs on the parent's memory while the parent waits: system calls only. */
__attribute__((no_sanitize("address", "undefined")))
static int child_main(void *arg)
{
	struct child *c = arg;
	const struct proc_spawn *s = c->s;

	child_signals();
	if (s->own_session && setsid() < 0)
		child_fail(c, "make a session");
	else if (s->cwd_fd > 0 && fchdir(s->cwd_fd) < 0)
		child_fail(c, "change directory");
	else if (child_fds(c) == 0) {
		(void)execve(c->path, s->argv, s->envp ? s->envp : environ);
		child_fail(c, "execute");
	}
	_exit(127);
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* Relative entries of PATH are left out: what runs must not depend on where we are. */
static int find_program(const char *name, char **ret, struct dv_err *e)
{
	const char *path = getenv("PATH"), *word;
	struct scan sc;
	size_t len;

	if (strchr(name, '/')) {
		*ret = mem_str(name);
		return 0;
	}
	if (!path || !*path)
		path = PATH_DEFAULT;
	sc = scan_of(path, strlen(path));
	while (scan_until(&sc, ':', &word, &len)) {
		auto_free char *full = mem_printf("%.*s/%s", (int)len, word, name);

		if (*full == '/' && *name && is_program(full)) {
			*ret = take_ptr(&full);
			return 0;
		}
	}
	return dv_fail(e, DV_NOT_FOUND, "program %s is not in PATH", name);
}

static int clone_child(struct child *c, bool want_pidfd, int *ret_pidfd)
{
	char stack[CHILD_STACK_BYTES] __attribute__((aligned(16)));
	int flags = CLONE_VM | CLONE_VFORK | SIGCHLD | (want_pidfd ? CLONE_PIDFD : 0);
	sigset_t all, old;
	int pid, sys;

	/* No handler may run in the child before it has reset them. */
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = clone(child_main, stack + sizeof stack, flags, c, ret_pidfd);
	sys = errno;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = sys;
	return pid;
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int proc_spawn(const struct proc_spawn *s, pid_t *ret_pid, int *ret_pidfd, struct dv_err *e)
{
	auto_free char *found = NULL;
	auto_free int *moved = mem_alloc(mem_mul(s->n_fds, sizeof *moved));
	auto_close int pidfd = -1;
	struct child c = { .s = s, .moved = moved, .path = s->path };
	int sys = fault_hit("clone"), r, pid = -1;

	if (s->search && (r = find_program(s->path, &found, e)) < 0)
		return r;
	if (found)
		c.path = found;
	for (size_t i = 0; i < s->n_fds; i++)
		c.fd_floor = DV_MAX(c.fd_floor, s->fds[i].to + 1);
	if (!sys) {
		pid = clone_child(&c, ret_pidfd != NULL, &pidfd);
		sys = errno;
	}
	if (pid < 0)
		return dv_fail_errno(e, sys, "start %s", c.path);
	if (c.step) {
		reap(pid);
		if (streq(c.step, "execute"))
			return dv_fail_errno(e, c.sys, "execute %s", c.path);
		return dv_fail_errno(e, c.sys, "start %s: %s", c.path, c.step);
	}
	*ret_pid = pid;
	if (ret_pidfd)
		*ret_pidfd = take_fd(&pidfd);
	return 0;
}

int proc_wait(pid_t pid, int *ret_status, struct dv_err *e)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return dv_fail_errno(e, errno, "wait for process %d", (int)pid);
	*ret_status = status;
	return 0;
}

static int status_of(const siginfo_t *si)
{
	switch (si->si_code) {
	case CLD_EXITED:
		return (si->si_status & 0xff) << 8;
	case CLD_DUMPED:
		return si->si_status | 0x80;
	default:
		return si->si_status;
	}
}

int proc_wait_pidfd(int pidfd, int timeout_ms, int *ret_status, struct dv_err *e)
{
	struct pollfd pf = { .fd = pidfd, .events = POLLIN };
	int64_t deadline = deadline_in(timeout_ms);
	siginfo_t si = { 0 };
	int n;

	while ((n = poll(&pf, 1, deadline_left(deadline))) < 0)
		if (errno != EINTR)
			return dv_fail_errno(e, errno, "wait for a process");
	if (n == 0)
		return dv_fail(e, DV_TIMEOUT, "the process still runs after %d ms", timeout_ms);
	while (waitid((idtype_t)WAIT_P_PIDFD, (id_t)pidfd, &si, WEXITED) < 0)
		if (errno != EINTR)
			return dv_fail_errno(e, errno, "wait for a process");
	*ret_status = status_of(&si);
	return 0;
}

/* What pidfds tell of a process that has ended, since Linux 6.15. */
struct exit_info {
	__u64 mask, cgroupid;
	__u32 ids[11];
	__s32 exit_code;
};
#define EXIT_INFO_HAS_EXIT (1ULL << 3)
#define EXIT_INFO_GET _IOWR(0xFF, 11, struct exit_info)

int proc_info_pidfd(int pidfd, int *ret_status)
{
	struct exit_info info = { .mask = EXIT_INFO_HAS_EXIT };

	if (ioctl(pidfd, EXIT_INFO_GET, &info) < 0)
		return errno == ESRCH ? 0 : -1;
	if (!(info.mask & EXIT_INFO_HAS_EXIT))
		return 0;
	*ret_status = info.exit_code;
	return 1;
}

int proc_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int proc_open(pid_t pid, int *ret_pidfd, struct dv_err *e)
{
	long fd = syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return dv_fail_errno(e, errno, "open process %d", (int)pid);
	*ret_pidfd = (int)fd;
	return 0;
}

int proc_of_pidfd(int pidfd, pid_t *ret, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(4096);
	char name[48];
	const char *p;
	struct scan s;
	uint64_t pid;
	int r;

	(void)snprintf(name, sizeof name, "/proc/self/fdinfo/%d", pidfd);
	r = file_read(AT_FDCWD, name, &b, e);
	if (r < 0)
		return r;
	p = strstr(buf_cstr(&b), "Pid:");
	s = p ? scan_of(p + 4, strlen(p + 4)) : scan_of("", 0);
	scan_blanks(&s);
	if (!scan_u64(&s, &pid) || pid == 0 || pid > INT32_MAX)
		return dv_fail(e, DV_NOT_FOUND, "the process has ended");
	*ret = (pid_t)pid;
	return 0;
}

int proc_signal(int pidfd, int sig, struct dv_err *e)
{
	if (syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0)
		return dv_fail_errno(e, errno, "send signal %d", sig);
	return 0;
}

/* The name in the stat line may hold blanks and parentheses: the last ")" ends it. */
struct stat_line {
	char state;
	uint64_t start, ignored;
};

static void skip_fields(struct scan *sc, int n)
{
	const char *word;
	size_t len;

	while (n-- > 0)
		(void)scan_until(sc, ' ', &word, &len);
}

static int read_stat(pid_t pid, struct stat_line *ret, struct dv_err *e)
{
	struct stat_line line = { 0 };
	char name[32], text[4096], *end;
	struct scan sc;
	int r;

	if (pid <= 0)
		return dv_fail(e, DV_NOT_FOUND, "there is no process %d", (int)pid);
	(void)snprintf(name, sizeof name, "/proc/%d/stat", (int)pid);
	r = file_read_kernel(AT_FDCWD, name, text, sizeof text, e);
	if (r < 0)
		return r;
	end = strrchr(text, ')');
	if (!end || end[1] != ' ' || !end[2])
		return dv_fail(e, DV_CORRUPT, "%s cannot be understood", name);
	sc = scan_of(end + 2, strlen(end + 2));
	line.state = end[2];
	skip_fields(&sc, 22 - 3);
	if (!scan_u64(&sc, &line.start))
		return dv_fail(e, DV_CORRUPT, "%s has no start time", name);
	skip_fields(&sc, 33 - 22);
	if (!scan_u64(&sc, &line.ignored))
		return dv_fail(e, DV_CORRUPT, "%s has no ignored signals", name);
	*ret = line;
	return 0;
}

int proc_program(char **ret, struct dv_err *e)
{
	auto_free char *path = NULL;
	int r = file_readlink(AT_FDCWD, "/proc/self/exe", &path, e);
	/* "/" is the root of a detached mount: no other program has this path. */
	const char *kept = r >= 0 && streq(path, "/") ? getenv(PROC_SELF_ENV) : NULL;

	if (r < 0)
		return r;
	*ret = kept && *kept == '/' ? mem_str(kept) : take_ptr(&path);
	return 0;
}

int proc_identify(pid_t pid, struct proc_id *ret, struct dv_err *e)
{
	uint32_t ignored;

	return proc_look(pid, ret, &ignored, e);
}

int proc_look(pid_t pid, struct proc_id *ret, uint32_t *ret_ignored, struct dv_err *e)
{
	struct stat_line line;
	int r = read_stat(pid, &line, e);

	if (r < 0)
		return r;
	*ret = (struct proc_id){ pid, line.start };
	*ret_ignored = (uint32_t)line.ignored & INT32_MAX;
	return 0;
}

bool proc_alive(const struct proc_id *id)
{
	struct stat_line line;

	return read_stat(id->pid, &line, NULL) == 0 && line.start == id->start_ticks && line.state != 'Z' && line.state != 'X';
}
