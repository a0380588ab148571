/* stdio.c - the container's input and output: FIFOs in the run directory, or a terminal.
 *
 * The container's ends of 1 and 2 are open for reading and writing, so neither a monitor that died nor the time until
 * the next one hurts the container; the end of the output is the end of the process. The end of input must be seen,
 * so that of 0 is open for reading only: when we die, the container's input ends.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#include "base/file.h"
#include "monitor/inner.h"

static const char *const fifo_names[] = { "0", "1", "2" };

static int place(int *fd, int number, struct dv_err *e)
{
	int r = 0;

	/* allow(fd): the container's process inherits exactly these three */
	if (dup2(*fd, number) < 0)
		r = dv_fail_errno(e, errno, "take descriptor %d", number);
	fd_close(fd);
	return r;
}

static int null_as(int number, struct dv_err *e)
{
	int fd = -1, r = file_open(AT_FDCWD, "/dev/null", O_RDWR, 0, &fd, e);

	return r < 0 ? r : place(&fd, number, e);
}

/* The process that writes to /dev/stdout by name must be allowed to open it. */
static void give_to_user(struct monitor *m, int fd)
{
	int64_t uid = 0;

	if (json_i64(json_path(m->config, "process.user.uid"), &uid) && uid > 0)
		dv_ignore(fchown(fd, (uid_t)uid, (gid_t)-1));
}

static int make_fifo(struct monitor *m, int n, bool anew, struct dv_err *e)
{
	if (anew)
		(void)unlinkat(m->run, fifo_names[n], 0);
	if (mkfifoat(m->run, fifo_names[n], 0600) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make FIFO %s", fifo_names[n]);
	return 0;
}

static int open_output(struct monitor *m, int n, bool anew, struct dv_err *e)
{
	int theirs = -1, r;

	if ((r = make_fifo(m, n, anew, e)) < 0 ||
	    (r = file_open(m->run, fifo_names[n], O_RDWR | O_NOFOLLOW, 0, &theirs, e)) < 0)
		return r;
	give_to_user(m, theirs);
	r = file_open(m->run, fifo_names[n], O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0, &m->out[n - 1].fd, e);
	if (r >= 0)
		return place(&theirs, n, e);
	fd_close(&theirs);
	return r;
}

static int open_input(struct monitor *m, bool anew, struct dv_err *e)
{
	int theirs = -1, r;

	if ((r = make_fifo(m, 0, anew, e)) < 0 ||
	    (r = file_open(m->run, fifo_names[0], O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0, &theirs, e)) < 0)
		return r;
	give_to_user(m, theirs);
	if ((r = file_open(m->run, fifo_names[0], O_WRONLY | O_NONBLOCK | O_NOFOLLOW, 0, &m->in.fd, e)) >= 0 &&
	    (r = fd_set_nonblock(theirs, false, e)) >= 0)
		return place(&theirs, 0, e);
	fd_close(&theirs);
	return r;
}

int stdio_make(struct monitor *m, bool anew, struct dv_err *e)
{
	int r;

	if (m->tty) {
		for (int i = 0; i < 3; i++)
			if ((r = null_as(i, e)) < 0)
				return r;
		return 0;
	}
	r = m->job.open_stdin ? open_input(m, anew, e) : null_as(0, e);
	for (int i = 1; r >= 0 && i <= 2; i++)
		r = open_output(m, i, anew, e);
	return r;
}

/* --- output --- */

/* One read to log and clients; false when nothing is there, or nothing can be taken now. */
static bool pump(struct output *o)
{
	struct monitor *m = o->m;
	ssize_t n;

	if (o->fd < 0 || o->ended || m->n_pending)
		return false;
	do
		n = read(o->fd, m->chunk, sizeof m->chunk);
	while (n < 0 && errno == EINTR);
	if (n <= 0) {
		/* EIO: every slave of the terminal is closed. */
		o->ended = n < 0 && errno == EIO;
		return false;
	}
	outlog_data(m->log, o->stream, m->chunk, (size_t)n);
	m->news = (struct msg){ .type = MSG_OUT, .flags = (uint32_t)o->stream, .body = m->chunk, .len = (size_t)n };
	clients_tell(m);
	return true;
}

static void on_output(void *ctx, int fd, uint32_t events)
{
	struct output *o = ctx;

	(void)pump(o);
	/* A terminal that hangs up would wake us for ever; its process tells when it has ended. */
	if (o->ended)
		loop_remove(take_ptr(&o->source));
}

static int watch(struct output *o, struct dv_err *e)
{
	if (o->source || o->fd < 0 || o->ended || o->m->n_pending)
		return 0;
	return loop_add_fd(o->m->loop, o->fd, EPOLLIN, on_output, o, &o->source, e);
}

bool stdio_drain(struct monitor *m)
{
	for (size_t i = 0; i < ARRAY_LEN(m->out); i++)
		while (pump(&m->out[i]))
			;
	return !m->n_pending;
}

void stdio_pause(struct monitor *m, bool pause)
{
	for (size_t i = 0; i < ARRAY_LEN(m->out); i++) {
		if (pause)
			loop_remove(take_ptr(&m->out[i].source));
		else
			dv_ignore(watch(&m->out[i], NULL));
	}
}

static int take_terminal(struct monitor *m, struct dv_err *e)
{
	char name[64];
	int r;

	if (m->started.console_fd < 0 ||
	    fd_recv_msg(m->started.console_fd, name, sizeof name, &m->out[0].fd, 1, e) <= 0 || m->out[0].fd < 0)
		return dv_fail(e, DV_INTERNAL, "the container's terminal did not arrive");
	fd_close(&m->started.console_fd);
	if ((r = fd_set_nonblock(m->out[0].fd, true, e)) < 0)
		return r;
	return fd_dup(m->out[0].fd, &m->in.fd, e);
}

int stdio_begin(struct monitor *m, struct dv_err *e)
{
	int r = m->tty ? take_terminal(m, e) : null_as(0, e);

	for (int i = 0; r >= 0 && i < 2; i++) {
		m->out[i].m = m;
		m->out[i].stream = i + 1;
		m->out[i].ended = false;
		r = watch(&m->out[i], e);
	}
	return r;
}

void stdio_end(struct monitor *m)
{
	for (size_t i = 0; i < ARRAY_LEN(m->out); i++) {
		loop_remove(take_ptr(&m->out[i].source));
		fd_close(&m->out[i].fd);
	}
	loop_remove(take_ptr(&m->in.source));
	fd_close(&m->in.fd);
	m->in.start = m->in.end = 0;
	m->in.eof_follows = false;
	clients_pause_input(m, false);
}

/* --- input --- */

static void close_input(struct monitor *m)
{
	loop_remove(take_ptr(&m->in.source));
	m->in.start = m->in.end = 0;
	if (!m->tty)
		fd_close(&m->in.fd);
	clients_pause_input(m, false);
}

static void on_input(void *ctx, int fd, uint32_t events);

/* What does not fit waits, and with it those who send. */
static void flush(struct monitor *m)
{
	struct stdin_queue *q = &m->in;

	while (q->fd >= 0 && q->start < q->end) {
		ssize_t n = write(q->fd, q->data + q->start, q->end - q->start);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			close_input(m);
			return;
		}
		if (n < 0)
			break;
		q->start += (size_t)n;
	}
	if (q->start < q->end && q->fd >= 0) {
		if (!q->source && loop_add_fd(m->loop, q->fd, EPOLLOUT, on_input, m, &q->source, NULL) >= 0)
			clients_pause_input(m, true);
		return;
	}
	q->start = q->end = 0;
	loop_remove(take_ptr(&q->source));
	if (q->eof_follows)
		close_input(m);
	else
		clients_pause_input(m, false);
}

static void on_input(void *ctx, int fd, uint32_t events)
{
	flush(ctx);
}

void stdio_input(struct monitor *m, const char *data, size_t len)
{
	struct stdin_queue *q = &m->in;

	if (q->fd < 0)
		return;
	if (q->start) {
		memmove(q->data, q->data + q->start, q->end - q->start);
		q->end -= q->start;
		q->start = 0;
	}
	len = DV_MIN(len, sizeof q->data - q->end);
	memcpy(q->data + q->end, data, len);
	q->end += len;
	flush(m);
}

void stdio_input_eof(struct monitor *m)
{
	m->in.eof_follows = true;
	flush(m);
}

void stdio_resize(struct monitor *m, int64_t rows, int64_t columns)
{
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };

	if (m->tty && m->out[0].fd >= 0 && rows && columns)
		(void)ioctl(m->out[0].fd, TIOCSWINSZ, &size);
}
