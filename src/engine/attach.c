/* attach.c - relay between our descriptors and the monitor's socket.
 *
 * Output is written with blocking writes: that we do not read on is what holds the container back. Input never blocks
 * us: a container that waits for us to take its output must not wait for itself.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/str.h"
#include "engine/attach.h"
#include "monitor/protocol.h"

#define INPUT_BYTES 16384

struct attach {
	struct attach_opts o;
	struct detach_keys keys;
	sigset_t old_mask;
	int signals;
	bool raw, input_ended, end_sent;
	struct termios saved;
	char input[INPUT_BYTES + DETACH_KEYS_MAX];
	size_t n_input;                 /* waits to be sent */
	bool detach;                    /* after that */
};

/* --- begin and end --- */

static void forwarded_signals(sigset_t *set)
{
	/* Those that are about us, or that the kernel raises for our own faults. */
	static const int own[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS, SIGKILL, SIGSTOP,
				   SIGPIPE, SIGTTIN, SIGTTOU, SIGCHLD, SIGURG };

	(void)sigfillset(set);
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		(void)sigdelset(set, own[i]);
}

int attach_new(const struct attach_opts *o, struct attach **ret, struct dv_err *e)
{
	struct attach *at = mem_new(struct attach);
	sigset_t set;
	int r = 0;

	at->o = *o;
	at->signals = -1;
	if (o->tty && o->in)
		r = detach_keys_parse(&at->keys, o->detach_keys, e);
	if (r < 0) {
		free(at);
		return r;
	}
	if (o->sig_proxy) {
		forwarded_signals(&set);
	} else {
		(void)sigemptyset(&set);
		(void)sigaddset(&set, SIGWINCH);
	}
	(void)sigprocmask(SIG_BLOCK, &set, &at->old_mask);
	at->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (at->signals < 0) {
		r = dv_fail_errno(e, errno, "signals");
		attach_free(at);
		return r;
	}
	*ret = at;
	return 0;
}

void attach_free(struct attach *at)
{
	if (!at)
		return;
	if (at->raw)
		(void)tcsetattr(0, TCSANOW, &at->saved);
	fd_close(&at->signals);
	(void)sigprocmask(SIG_SETMASK, &at->old_mask, NULL);
	free(at);
}

uint32_t attach_flags(const struct attach *at)
{
	const struct attach_opts *o = &at->o;

	return (o->in ? ATTACH_IN : 0) | (o->out && !o->no_stdout ? ATTACH_OUT : 0) |
	       (o->out && !o->no_stderr ? ATTACH_ERR : 0) | ATTACH_WAITS;
}

static bool own_size(struct winsize *size)
{
	return ioctl(0, TIOCGWINSZ, size) == 0 || ioctl(1, TIOCGWINSZ, size) == 0;
}

int attach_begin(struct attach *at, int sock, struct dv_err *e)
{
	struct msg m = { .type = MSG_ATTACH, .flags = attach_flags(at) };
	struct winsize size;

	if (at->o.tty && own_size(&size)) {
		m.a = size.ws_row;
		m.b = size.ws_col;
	}
	return msg_send(sock, &m, e);
}

static void make_raw(struct attach *at)
{
	struct termios raw;

	if (at->raw || !at->o.tty || !at->o.in || tcgetattr(0, &at->saved) < 0)
		return;
	raw = at->saved;
	cfmakeraw(&raw);
	at->raw = tcsetattr(0, TCSANOW, &raw) == 0;
}

/* --- what comes from us --- */

static void send_size(int sock)
{
	struct winsize size;

	if (own_size(&size))
		dv_ignore(msg_send(sock, &(struct msg){ .type = MSG_RESIZE, .a = size.ws_row, .b = size.ws_col }, NULL));
}

static void on_signals(struct attach *at, int sock)
{
	struct signalfd_siginfo si;

	while (read(at->signals, &si, sizeof si) == (ssize_t)sizeof si) {
		if (si.ssi_signo == SIGWINCH && at->o.tty)
			send_size(sock);
		else if (si.ssi_signo != SIGWINCH && at->o.sig_proxy)
			dv_ignore(msg_send(sock, &(struct msg){ .type = MSG_SIGNAL, .a = (int64_t)si.ssi_signo }, NULL));
	}
}

static void read_input(struct attach *at)
{
	char space[INPUT_BYTES];
	ssize_t n = read(0, space, sizeof space);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		at->input_ended = true;
		return;
	}
	at->n_input = detach_keys_filter(&at->keys, space, (size_t)n, at->input, &at->detach);
}

/* One message of ours; false when it must wait. What the monitor does not take any more is nothing to anybody. */
static bool give(struct attach *at, int sock, const struct msg *m)
{
	int r = msg_send(sock, m, NULL);

	if (r == -DV_UNAVAILABLE)
		return false;
	if (r < 0)
		at->input_ended = at->end_sent = true;
	return true;
}

static void send_input(struct attach *at, int sock)
{
	if (at->n_input && give(at, sock, &(struct msg){ .type = MSG_STDIN, .body = at->input, .len = at->n_input }))
		at->n_input = 0;
	if (!at->n_input && at->input_ended && !at->end_sent)
		at->end_sent = at->o.tty || give(at, sock, &(struct msg){ .type = MSG_STDIN_EOF });
}

static bool input_waits(const struct attach *at)
{
	return at->n_input || (at->input_ended && !at->end_sent);
}

/* --- what comes to us --- */

static int on_output(const struct msg *m)
{
	/* Nobody reads it any more: the container goes on. */
	dv_ignore(fd_write_all(m->flags == 2 ? 2 : 1, m->body, m->len, "output", NULL));
	return 0;
}

/* ATTACH_*, or 0 to go on. */
static int on_socket(int sock, int *ret_code, struct dv_err *e)
{
	char space[MSG_MAX];
	struct msg m;
	int r = msg_recv(sock, space, &m, e);

	if (r == -DV_UNAVAILABLE)
		return 0;
	if (r <= 0)
		return r < 0 ? r : ATTACH_LOST;
	switch ((int)m.type) {
	case MSG_OUT:
		return on_output(&m);
	case MSG_EXITED:
		*ret_code = (int)m.a;
		return m.flags & EXITED_AGAIN ? ATTACH_ENDED_AGAIN : ATTACH_ENDED;
	case MSG_FAILED:
		return msg_failed(&m, e);
	default:
		return 0;
	}
}

static void wait_for_news(struct attach *at, int sock, struct pollfd p[3])
{
	bool waits = input_waits(at), want = at->o.in && !at->input_ended && !waits && !at->detach;

	p[0] = (struct pollfd){ .fd = sock, .events = (short)(POLLIN | (waits ? POLLOUT : 0)) };
	p[1] = (struct pollfd){ .fd = at->signals, .events = POLLIN };
	p[2] = (struct pollfd){ .fd = want ? 0 : -1, .events = POLLIN };
	while (poll(p, 3, -1) < 0 && errno == EINTR)
		;
}

int attach_serve(struct attach *at, int sock, int *ret_code, struct dv_err *e)
{
	int r = fd_set_nonblock(sock, true, e);

	if (r < 0)
		return r;
	make_raw(at);
	if (at->raw)
		send_size(sock);
	while (r == 0) {
		struct pollfd p[3];

		wait_for_news(at, sock, p);
		if (p[1].revents)
			on_signals(at, sock);
		if (p[0].revents & (POLLIN | POLLHUP | POLLERR))
			r = on_socket(sock, ret_code, e);
		if (p[2].revents)
			read_input(at);
		send_input(at, sock);
		if (r == 0 && at->detach && !at->n_input) {
			dv_ignore(msg_send(sock, &(struct msg){ .type = MSG_DETACH }, NULL));
			r = ATTACH_DETACHED;
		}
	}
	return r;
}

void attach_wait_closed(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	char space[MSG_MAX];
	struct msg m;
	int r;

	do {
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return;
		r = msg_recv(sock, space, &m, NULL);
	} while (r > 0 || r == -DV_UNAVAILABLE);
}
