/* foreground.c - relay of signals and terminal between us and one process. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>

#include "base/fd.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/proc.h"
#include "oci/foreground.h"

#define RELAY_BYTES 32768

/* One direction of the terminal: what was read and could not be written yet. */
struct relay {
	int from, to;
	char *data;             /* RELAY_BYTES */
	size_t start, end;
	foreground_filter *filter;
	void *ctx;
	char *typed;            /* RELAY_BYTES, where there is a filter */
	bool left;
};

struct foreground {
	struct loop *loop;
	sigset_t old_mask;
	int socket[2];              /* the runtime sends the master over [1] to [0] */
	int master;
	bool raw;
	struct termios saved;
	struct relay in, out;
	struct loop_source *in_read, *master_io;
	bool in_is_file;            /* cannot be polled: always ready */
	const struct container_started *process;
	int status;
};

static int forwarded_signals(sigset_t *set)
{
	(void)sigfillset(set);
	/* Those that are about us, or that the kernel raises for our own faults. */
	static const int own[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS, SIGKILL, SIGSTOP,
				   SIGPIPE, SIGTTIN, SIGTTOU };

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		(void)sigdelset(set, own[i]);
	return 0;
}

int foreground_new(bool terminal, struct foreground **ret, int *ret_console_fd, struct dv_err *e)
{
	struct foreground *f = mem_new(struct foreground);
	sigset_t set;
	int r;

	f->master = f->socket[0] = f->socket[1] = -1;
	(void)forwarded_signals(&set);
	(void)sigprocmask(SIG_BLOCK, &set, &f->old_mask);
	r = terminal ? fd_socketpair(SOCK_STREAM, f->socket, e) : 0;
	if (r < 0) {
		foreground_free(f);
		return r;
	}
	*ret_console_fd = f->socket[1];
	*ret = f;
	return 0;
}

static void copy_size(const struct foreground *f)
{
	struct winsize size;

	/* Without -i the standard input may be something else. */
	if (f->master >= 0 && (ioctl(0, TIOCGWINSZ, &size) == 0 || ioctl(1, TIOCGWINSZ, &size) == 0))
		(void)ioctl(f->master, TIOCSWINSZ, &size);
}

static void on_signal(void *ctx, int signo)
{
	struct foreground *f = ctx;

	if (signo == SIGWINCH && f->master >= 0)
		copy_size(f);
	else if (signo != SIGCHLD)
		dv_ignore(proc_signal(f->process->pidfd, signo, NULL));
}

static void on_exit_(void *ctx, int pidfd)
{
	struct foreground *f = ctx;
	struct dv_err e = DV_ERR_NONE;

	if (proc_wait_pidfd(pidfd, 0, &f->status, &e) < 0)
		f->status = 255 << 8;
	loop_stop(f->loop, 0);
}

/* --- the terminal --- */

/* Writes what is pending; false when the writing side is broken. */
static bool relay_flush(struct relay *r)
{
	while (r->start < r->end) {
		ssize_t n = write(r->to, r->data + r->start, r->end - r->start);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		r->start += (size_t)n;
	}
	r->start = r->end = 0;
	return true;
}

/* Moves what one read gives: our own stdin may block, so it is asked only once for each time it is ready.
 * False at its end. */
static bool relay_pump(struct relay *r, bool *ret_more)
{
	ssize_t n;

	*ret_more = false;
	if (!relay_flush(r))
		return false;
	if (r->end)
		return true;
	if (r->left)
		return true;
	n = read(r->from, r->filter ? r->typed : r->data, RELAY_BYTES);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	r->end = r->filter ? r->filter(r->ctx, r->typed, (size_t)n, r->data, &r->left) : (size_t)n;
	*ret_more = true;
	return relay_flush(r);
}

/* All that is there, from a side that does not block; false at its end. */
static bool relay_drain(struct relay *r)
{
	bool more = true, open = true;

	while (open && more)
		open = relay_pump(r, &more);
	return open;
}

/* What the terminal has not taken yet comes first; until then our input waits. */
static void watch_terminal(struct foreground *f)
{
	bool pending = f->in.end > 0;

	if (f->in.left && !pending)
		loop_stop(f->loop, 0);
	if (f->master_io)
		dv_ignore(loop_change_fd(f->master_io, EPOLLIN | (pending ? EPOLLOUT : 0), NULL));
	if (f->in_read)
		dv_ignore(loop_change_fd(f->in_read, pending || f->in.left ? 0 : EPOLLIN, NULL));
}

static void on_stdin(void *ctx, int fd, uint32_t events)
{
	struct foreground *f = ctx;
	bool more;

	if (!relay_pump(&f->in, &more)) {
		loop_remove(f->in_read);
		f->in_read = NULL;
	}
	watch_terminal(f);
}

static void on_master(void *ctx, int fd, uint32_t events)
{
	struct foreground *f = ctx;

	if (events & EPOLLOUT)
		f->in_is_file ? (void)relay_drain(&f->in) : (void)relay_flush(&f->in);
	if ((events & (EPOLLIN | EPOLLHUP)) && (!relay_drain(&f->out) || !(events & EPOLLIN))) {
		/* Every slave is closed: nothing more will come. */
		loop_remove(f->master_io);
		f->master_io = NULL;
		return;
	}
	watch_terminal(f);
}

static int take_master(struct foreground *f, struct dv_err *e)
{
	char name[64];
	struct termios raw;
	int r;

	fd_close(&f->socket[1]);
	if (fd_recv_msg(f->socket[0], name, sizeof name, &f->master, 1, e) <= 0 || f->master < 0)
		return dv_fail(e, DV_INTERNAL, "the container's terminal did not arrive");
	f->in.to = f->master;
	f->in.data = mem_alloc(RELAY_BYTES + FOREGROUND_EXTRA);
	f->in.typed = f->in.filter ? mem_alloc(RELAY_BYTES) : NULL;
	f->out = (struct relay){ .from = f->master, .to = 1, .data = mem_alloc(RELAY_BYTES) };
	if (tcgetattr(0, &f->saved) == 0) {
		raw = f->saved;
		cfmakeraw(&raw);
		f->raw = tcsetattr(0, TCSANOW, &raw) == 0;
		copy_size(f);
	}
	if ((r = fd_set_nonblock(f->master, true, e)) < 0 ||
	    (r = loop_add_fd(f->loop, f->master, EPOLLIN, on_master, f, &f->master_io, e)) < 0)
		return r;
	/* A regular file or /dev/null cannot be polled: it is read at once. */
	if (loop_add_fd(f->loop, 0, EPOLLIN, on_stdin, f, &f->in_read, NULL) < 0) {
		f->in_is_file = true;
		(void)relay_drain(&f->in);
		watch_terminal(f);
	}
	return 0;
}

/* Nothing to relay but signals, and the child's end is one of them: no loop is needed. */
static int wait_plain(const struct container_started *p, const sigset_t *set, struct dv_err *e)
{
	siginfo_t info;
	int status;

	for (;;) {
		pid_t got;

		if (sigwaitinfo(set, &info) < 0)
			continue;
		if (info.si_signo != SIGCHLD) {
			dv_ignore(proc_signal(p->pidfd, info.si_signo, NULL));
			continue;
		}
		got = waitpid(p->pid, &status, WNOHANG);
		if (got == p->pid)
			return proc_exit_code(status);
		if (got < 0)
			return dv_fail_errno(e, errno, "wait for the container's process");
	}
}

static int wait_terminal(struct foreground *f, const sigset_t *set, struct dv_err *e)
{
	struct loop_source *signals, *child;
	int r;

	if ((r = loop_new(&f->loop, e)) < 0 || (r = take_master(f, e)) < 0 ||
	    (r = loop_add_signals(f->loop, set, on_signal, f, &signals, e)) < 0 ||
	    (r = loop_add_pidfd(f->loop, f->process->pidfd, on_exit_, f, &child, e)) < 0 ||
	    (r = loop_run(f->loop, e)) < 0)
		return r;
	/* What the process wrote last is still in the terminal. */
	(void)relay_drain(&f->out);
	return f->in.left ? 0 : proc_exit_code(f->status);
}

void foreground_set_filter(struct foreground *f, foreground_filter *filter, void *ctx)
{
	f->in.filter = filter;
	f->in.ctx = ctx;
}

bool foreground_left(struct foreground *f, int *ret_master)
{
	*ret_master = f->in.left ? take_fd(&f->master) : -1;
	return f->in.left;
}

int foreground_wait(struct foreground *f, const struct container_started *p, struct dv_err *e)
{
	sigset_t set;

	f->process = p;
	(void)forwarded_signals(&set);
	if (p->terminal && p->console_fd >= 0)
		f->socket[0] = p->console_fd;
	if (p->terminal && f->socket[0] >= 0)
		return wait_terminal(f, &set, e);
	return wait_plain(p, &set, e);
}

void foreground_free(struct foreground *f)
{
	if (!f)
		return;
	if (f->loop)
		loop_free(f->loop);
	if (f->raw)
		(void)tcsetattr(0, TCSANOW, &f->saved);
	fd_close(&f->master);
	fd_close(&f->socket[0]);
	fd_close(&f->socket[1]);
	free(f->in.data);
	free(f->in.typed);
	free(f->out.data);
	(void)sigprocmask(SIG_SETMASK, &f->old_mask, NULL);
	free(f);
}
