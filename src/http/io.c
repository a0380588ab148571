/* io.c - the plain socket as a stream, and what all streams have. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>

#include "base/fd.h"
#include "base/mem.h"
#include "http/io.h"

/* What a failed system call means to a stream. */
static ssize_t failed(const char *what, struct dv_err *e)
{
	if (errno == EAGAIN || errno == EINTR)
		return HTTP_IO_WAIT;
	return dv_fail_errno(e, errno, "%s", what);
}

static ssize_t plain_read(struct http_io *io, void *p, size_t n, struct dv_err *e)
{
	ssize_t got = recv(io->fd, p, n, 0);

	return got >= 0 ? got : failed("read from a connection", e);
}

static ssize_t plain_write(struct http_io *io, const struct iovec *v, int n, struct dv_err *e)
{
	struct msghdr m = { .msg_iov = (struct iovec *)v, .msg_iovlen = (size_t)n };
	ssize_t put = sendmsg(io->fd, &m, MSG_NOSIGNAL);

	return put >= 0 ? put : failed("write to a connection", e);
}

/* sendfile() has no MSG_NOSIGNAL: a SIGPIPE of it is taken back. */
static ssize_t plain_sendfile(struct http_io *io, int file, off_t *offset, size_t n, struct dv_err *e)
{
	const struct timespec now = { 0 };
	sigset_t pipe_only, before;
	ssize_t put;
	int sys;

	(void)sigemptyset(&pipe_only);
	(void)sigaddset(&pipe_only, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	put = sendfile(io->fd, file, offset, n);
	sys = errno;
	if (put < 0 && sys == EPIPE && !sigismember(&before, SIGPIPE))
		(void)sigtimedwait(&pipe_only, NULL, &now);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = sys;
	return put >= 0 ? put : failed("send a file to a connection", e);
}

static void plain_shutdown(struct http_io *io)
{
	(void)shutdown(io->fd, SHUT_WR);
}

static void plain_close(struct http_io *io)
{
	fd_close(&io->fd);
	free(io);
}

static const struct http_io_ops plain_ops = {
	.read = plain_read,
	.write = plain_write,
	.sendfile = plain_sendfile,
	.shutdown = plain_shutdown,
	.close = plain_close,
	.scheme = "http",
};

struct http_io *http_io_plain(int fd)
{
	struct http_io *io = mem_new(struct http_io);

	io->ops = &plain_ops;
	io->fd = fd;
	return io;
}

uint32_t http_io_events(const struct http_io *io, bool want_read, bool want_write)
{
	if (io->ops->events)
		return io->ops->events(io, want_read, want_write);
	return (want_read ? EPOLLIN : 0U) | (want_write ? EPOLLOUT : 0U);
}

bool http_io_pending(const struct http_io *io)
{
	return io->ops->pending && io->ops->pending(io);
}

void http_io_shutdown(struct http_io *io)
{
	if (io->ops->shutdown)
		io->ops->shutdown(io);
}

void http_io_close(struct http_io *io)
{
	if (io)
		io->ops->close(io);
}

const char *http_io_protocol(const struct http_io *io)
{
	return io->ops->protocol ? io->ops->protocol(io) : NULL;
}

void http_io_peer(const struct http_io *io, struct http_addr *ret)
{
	struct sockaddr_storage sa = { .ss_family = AF_UNIX };
	socklen_t len = sizeof sa;

	if (getpeername(io->fd, (struct sockaddr *)&sa, &len) < 0)
		len = 0;
	http_addr_of(ret, (const struct sockaddr *)&sa, len);
}
