/* io.h - one connected byte stream: a plain socket, TLS over one, or whatever has these operations.
 *
 * Nothing blocks: an operation that cannot go on returns HTTP_IO_WAIT, and
 * io_events() says what to wait for with epoll on io->fd (level-triggered).
 * A stream that keeps bytes inside (TLS) has more to read although epoll is
 * silent: read until HTTP_IO_WAIT, or ask http_io_pending() before waiting.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/err.h"
#include "http/message.h"

/* Not now; errors are negative kinds, all above this. */
#define HTTP_IO_WAIT (-1000)

struct http_io {
	const struct http_io_ops *ops;
	int fd;                    /* the socket: for epoll, getpeername; owned by the stream */
};

struct http_io_ops {
	/* Bytes read, 0 at the end of the stream, HTTP_IO_WAIT, or a negative kind. IO or CORRUPT when the peer broke
	 * off (a TLS stream that ends without close_notify is CORRUPT). */
	ssize_t (*read)(struct http_io *io, void *p, size_t n, struct dv_err *e);
	/* Bytes written (at least 1), HTTP_IO_WAIT, or a negative kind. A stream that said HTTP_IO_WAIT is given the
	 * same bytes again, or the same and more after them. Never raises SIGPIPE. */
	ssize_t (*write)(struct http_io *io, const struct iovec *v, int n, struct dv_err *e);
	/* Up to n bytes of `file` from *offset, which moves on. As write; 0 when the file ends before. */
	ssize_t (*sendfile)(struct http_io *io, int file, off_t *offset, size_t n, struct dv_err *e);
	/* EPOLLIN and EPOLLOUT to wait for when one wants to read and/or write. NULL: exactly those. */
	uint32_t (*events)(const struct http_io *io, bool want_read, bool want_write);
	/* Can be read without the socket becoming readable? NULL: never. */
	bool (*pending)(const struct http_io *io);
	/* No more will be written (close_notify, FIN). Best effort, does not wait. */
	void (*shutdown)(struct http_io *io);
	/* Closes the socket, frees the stream. Sends nothing. */
	void (*close)(struct http_io *io);
	/* What ALPN chose ("h2", "http/1.1"), once the first byte was read; NULL: nothing, or no TLS. NULL op: no TLS. */
	const char *(*protocol)(const struct http_io *io);
	/* The peer's verified certificate, in the arena; NULL: none. NULL op: no TLS. */
	const struct http_peer_cert *(*cert)(const struct http_io *io, struct arena *a);
	const char *scheme;        /* "http" or "https" */
};

/* A plain stream over a connected, non-blocking socket (TCP or unix), which it owns from now on, also if it fails. */
struct http_io *http_io_plain(int fd);

/* What makes the stream of a socket that a server accepted: plain sockets, or TLS. */
struct http_io_maker {
	/* Owns fd from now on, also on failure. Does not wait: a handshake happens in the first reads and writes. */
	int (*make)(void *ctx, int fd, struct http_io **ret, struct dv_err *e);
	void *ctx;
	bool tls;
};

static inline ssize_t http_io_read(struct http_io *io, void *p, size_t n, struct dv_err *e)
{
	return io->ops->read(io, p, n, e);
}

static inline ssize_t http_io_write(struct http_io *io, const struct iovec *v, int n, struct dv_err *e)
{
	return io->ops->write(io, v, n, e);
}

static inline ssize_t http_io_sendfile(struct http_io *io, int file, off_t *offset, size_t n, struct dv_err *e)
{
	return io->ops->sendfile(io, file, offset, n, e);
}

uint32_t http_io_events(const struct http_io *io, bool want_read, bool want_write);
bool http_io_pending(const struct http_io *io);
void http_io_shutdown(struct http_io *io);
void http_io_close(struct http_io *io);                                /* NULL is fine */
const char *http_io_protocol(const struct http_io *io);
/* The other side's address; AF_UNIX when there is none. */
void http_io_peer(const struct http_io *io, struct http_addr *ret);
