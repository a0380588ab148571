/* proc.c - processes: spawning by vfork semantics, waiting, running with captured output. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"

#define CHILD_STACK_BYTES 16384
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define SIGNAL_MAX 64
#define OUTPUT_CHUNK_BYTES 16384
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

/* Ignored signals would survive exec, and a handler of ours must not run on shared memory. */
static void child_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig <= SIGNAL_MAX; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			(void)sigaction(sig, &dfl, NULL);
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

static int64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* What is left until the deadline; -1 when there is none. */
static int left_ms(int64_t deadline)
{
	int64_t left = deadline - now_ms();

	return deadline < 0 ? -1 : (int)DV_MAX(left, (int64_t)0);
}

static int64_t deadline_in(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
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

	while ((n = poll(&pf, 1, left_ms(deadline))) < 0)
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

int proc_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A file instead of a pipe for stdin: nothing to feed, no SIGPIPE, no deadlock. */
static int input_file(const void *input, size_t len, int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	int r;

	if (!len)
		return file_open(AT_FDCWD, "/dev/null", O_RDONLY, 0, ret_fd, e);
	fd = memfd_create("input", MFD_CLOEXEC);
	if (fd < 0)
		return dv_fail_errno(e, errno, "make a memory file for input");
	r = fd_write_all(fd, input, len, "the input of a program", e);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return dv_fail_errno(e, errno, "rewind the input of a program");
	*ret_fd = take_fd(&fd);
	return 0;
}

/* One read from the non-blocking pipe; true while more may be there at once. */
static bool take_output(int fd, struct buf *out, bool *eof)
{
	char chunk[OUTPUT_CHUNK_BYTES];
	ssize_t n;

	do
		n = read(fd, chunk, sizeof chunk);
	while (n < 0 && errno == EINTR);
	if (n <= 0) {
		*eof = n == 0 || errno != EAGAIN;
		return false;
	}
	if (out) {
		size_t fits = DV_MIN((size_t)n, out->max - out->len);

		buf_add(out, chunk, fits);
		if (fits < (size_t)n)
			out->over = true;
	}
	return true;
}

/* Until the process ends; what it left in the pipe is taken then, but no one who inherited it is
 * waited for. */
static int follow_output(int pidfd, int fd, struct buf *out, int timeout_ms, struct dv_err *e)
{
	struct pollfd pf[2] = { { .fd = pidfd, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	int64_t deadline = deadline_in(timeout_ms);
	bool eof = false;

	for (;;) {
		int n = poll(pf, 2, left_ms(deadline));

		if (n < 0 && errno != EINTR)
			return dv_fail_errno(e, errno, "wait for a program");
		if (n == 0)
			return dv_fail(e, DV_TIMEOUT, "did not end within %d ms", timeout_ms);
		if (n > 0 && pf[0].revents) {
			/* bounded: a grandchild may write for ever */
			for (int i = 0; i < 256 && take_output(fd, out, &eof); i++)
				;
			return 0;
		}
		if (n > 0 && pf[1].revents)
			(void)take_output(fd, out, &eof);
		if (eof)
			pf[1].fd = -1;
	}
}

static void kill_child(const struct proc_spawn *s, pid_t pid)
{
	(void)kill(s->own_session ? -pid : pid, SIGKILL);     /* not reaped yet: the number is still its own */
	reap(pid);
}

int proc_run(const struct proc_spawn *s, const void *input, size_t len, struct buf *out, int timeout_ms,
	     int *ret_status, struct dv_err *e)
{
	auto_close int in = -1, out_r = -1, out_w = -1, pidfd = -1;
	auto_free struct proc_map *fds = mem_alloc(mem_mul(s->n_fds + 3, sizeof *fds));
	struct proc_spawn with = *s;
	int p[2], r;
	pid_t pid;

	r = input_file(input, len, &in, e);
	if (r < 0 || (r = fd_pipe(p, e)) < 0)
		return r;
	out_r = p[0];
	out_w = p[1];
	fds[0] = (struct proc_map){ in, 0 };
	fds[1] = (struct proc_map){ out_w, 1 };
	fds[2] = (struct proc_map){ out_w, 2 };
	if (s->n_fds)
		memcpy(fds + 3, s->fds, s->n_fds * sizeof *fds);
	with.fds = fds;
	with.n_fds = s->n_fds + 3;
	r = fd_set_nonblock(out_r, true, e);
	if (r < 0 || (r = proc_spawn(&with, &pid, &pidfd, e)) < 0)
		return r;
	fd_close(&out_w);
	r = follow_output(pidfd, out_r, out, timeout_ms, e);
	if (r < 0) {
		kill_child(s, pid);
		return dv_wrap(e, "run %s", s->path);
	}
	return proc_wait(pid, ret_status, e);
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
static int read_stat(pid_t pid, char *ret_state, uint64_t *ret_start, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(4096);
	char name[32], *end;
	struct scan sc;
	uint64_t start;
	int r;

	if (pid <= 0)
		return dv_fail(e, DV_NOT_FOUND, "there is no process %d", (int)pid);
	(void)snprintf(name, sizeof name, "/proc/%d/stat", (int)pid);
	r = file_read(AT_FDCWD, name, &b, e);
	if (r < 0)
		return r;
	end = b.p ? strrchr(b.p, ')') : NULL;
	if (!end || end[1] != ' ' || !end[2])
		return dv_fail(e, DV_CORRUPT, "%s cannot be understood", name);
	sc = scan_of(end + 2, strlen(end + 2));
	for (int field = 3; field < 22; field++) {
		const char *word;
		size_t len;

		(void)scan_until(&sc, ' ', &word, &len);
	}
	if (!scan_u64(&sc, &start))
		return dv_fail(e, DV_CORRUPT, "%s has no start time", name);
	*ret_state = end[2];
	*ret_start = start;
	return 0;
}

int proc_identify(pid_t pid, struct proc_id *ret, struct dv_err *e)
{
	uint64_t start;
	char state;
	int r = read_stat(pid, &state, &start, e);

	if (r == 0)
		*ret = (struct proc_id){ pid, start };
	return r;
}

bool proc_alive(const struct proc_id *id)
{
	uint64_t start;
	char state;

	return read_stat(id->pid, &state, &start, NULL) == 0 && start == id->start_ticks && state != 'Z' &&
	       state != 'X';
}
