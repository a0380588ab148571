/* tls_io.c - a stream of bytes over TLS: the operations of io.h on a non-blocking SSL.
 *
 * The handshake is part of the first reads and writes, so either of them may
 * have to wait for the other direction: what an operation waited for last is
 * what its events are. Records are decrypted one at a time and nothing is read
 * ahead, so that epoll tells about all that SSL_pending() does not.
 */
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/str.h"
#include "http/tls_parts.h"

#define RECORD_MAX 16384

struct tls_io {
	struct http_io io;
	SSL *ssl;
	struct tls_refusal refusal;
	uint32_t read_waits, write_waits;   /* EPOLLIN or EPOLLOUT */
	struct dv_err *broken;              /* why no more may be asked of ssl; NULL while all is well */
};

static struct tls_io *tls_of(const struct http_io *io)
{
	return container_of((struct http_io *)io, struct tls_io, io);
}

/* --- errors --- */

static int fail_again(const struct tls_io *t, struct dv_err *e)
{
	if (e)
		*e = *t->broken;
	return -(int)t->broken->kind;
}

static int fail_refused(struct tls_io *t, struct dv_err *e)
{
	char text[HTTP_ADDR_TEXT_MAX];
	struct http_addr peer;

	ERR_clear_error();
	if (t->refusal.host)
		return dv_fail(e, DV_FORBIDDEN, "certificate of %s: %s", t->refusal.host, t->refusal.why);
	http_io_peer(&t->io, &peer);
	return dv_fail(e, DV_FORBIDDEN, "certificate of client %s: %s", http_addr_text(&peer, true, text), t->refusal.why);
}

static int fail_ssl(struct tls_io *t, struct dv_err *e)
{
	char text[HTTP_ADDR_TEXT_MAX];
	struct http_addr peer;
	const char *who = t->refusal.host;

	if (!who) {
		http_io_peer(&t->io, &peer);
		who = http_addr_text(&peer, true, text);
	}
	switch (ERR_GET_REASON(ERR_peek_last_error())) {
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		ERR_clear_error();
		return dv_fail(e, DV_CORRUPT, "TLS with %s: the connection broke off", who);
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
		ERR_clear_error();
		return dv_fail(e, DV_INVALID, "TLS with %s: it does not speak TLS", who);
	default:
		return tls_fail(e, DV_IO, "TLS with %s", who);
	}
}

static int fail_socket(struct tls_io *t, int sys, struct dv_err *e)
{
	const char *who = t->refusal.host ? t->refusal.host : "a client";

	ERR_clear_error();
	return sys ? dv_fail_errno(e, sys, "TLS with %s", who) :
	       dv_fail(e, DV_CORRUPT, "TLS with %s: the connection broke off", who);
}

/* The connection has failed for good: every operation says so from now on. */
static int fail_for_good(struct tls_io *t, int code, int sys, struct dv_err *e)
{
	t->broken = mem_new(struct dv_err);
	if (code == SSL_ERROR_SYSCALL)
		(void)fail_socket(t, sys, t->broken);
	else if (t->refusal.why)
		(void)fail_refused(t, t->broken);
	else
		(void)fail_ssl(t, t->broken);
	return fail_again(t, e);
}

/* What an operation that returned no bytes means; *waits is what it waits for. sys is errno right after it. */
static int outcome(struct tls_io *t, int ret, int sys, uint32_t *waits, struct dv_err *e)
{
	int code = SSL_get_error(t->ssl, ret);

	switch (code) {
	case SSL_ERROR_WANT_READ:
		*waits = EPOLLIN;
		return HTTP_IO_WAIT;
	case SSL_ERROR_WANT_WRITE:
		*waits = EPOLLOUT;
		return HTTP_IO_WAIT;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		return fail_for_good(t, code, sys, e);
	}
}

/* --- operations --- */

static ssize_t tls_read(struct http_io *io, void *p, size_t n, struct dv_err *e)
{
	struct tls_io *t = tls_of(io);
	size_t got = 0;
	int r;

	if (t->broken)
		return fail_again(t, e);
	t->read_waits = EPOLLIN;
	ERR_clear_error();
	errno = 0;
	r = SSL_read_ex(t->ssl, p, n, &got);
	return r == 1 ? (ssize_t)got : outcome(t, r, errno, &t->read_waits, e);
}

/* One record of exactly these bytes: the same again after WAIT, maybe with more behind. */
static ssize_t write_record(struct tls_io *t, const void *p, size_t n, struct dv_err *e)
{
	size_t put = 0;
	int r;

	if (t->broken)
		return fail_again(t, e);
	t->write_waits = EPOLLOUT;
	ERR_clear_error();
	errno = 0;
	r = SSL_write_ex(t->ssl, p, n, &put);
	if (r == 1)
		return (ssize_t)put;
	r = outcome(t, r, errno, &t->write_waits, e);
	/* close_notify of the peer is no reason for a write to end. */
	return r == 0 ? dv_fail(e, DV_IO, "TLS: the peer has closed the connection") : r;
}

/* The first bytes of what is left behind `skip`: in place when they are in one piece, else gathered into room. */
static const char *gather(const struct iovec *v, int n, size_t skip, char room[RECORD_MAX], size_t *ret_len)
{
	size_t len = 0;

	for (int i = 0; i < n && len < RECORD_MAX; i++) {
		const char *p = (const char *)v[i].iov_base + DV_MIN(skip, v[i].iov_len);
		size_t left = v[i].iov_len - DV_MIN(skip, v[i].iov_len), take = DV_MIN(left, RECORD_MAX - len);

		skip -= DV_MIN(skip, v[i].iov_len);
		if (len == 0 && (left >= RECORD_MAX || (left && i == n - 1))) {
			*ret_len = take;
			return p;
		}
		if (take)
			memcpy(room + len, p, take);
		len += take;
	}
	*ret_len = len;
	return room;
}

static ssize_t tls_write(struct http_io *io, const struct iovec *v, int n, struct dv_err *e)
{
	char room[RECORD_MAX];
	size_t done = 0, len = 0;

	for (;;) {
		const char *p = gather(v, n, done, room, &len);
		ssize_t put = len ? write_record(tls_of(io), p, len, e) : 0;

		/* A failure behind some bytes is told by the next call. */
		if (put <= 0)
			return done ? (ssize_t)done : put;
		done += (size_t)put;
	}
}

static ssize_t tls_sendfile(struct http_io *io, int file, off_t *offset, size_t n, struct dv_err *e)
{
	char room[RECORD_MAX];
	ssize_t len, put;

	do
		len = pread(file, room, DV_MIN(n, sizeof room), *offset);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return dv_fail_errno(e, errno, "read a file to send");
	if (len == 0)
		return 0;
	put = write_record(tls_of(io), room, (size_t)len, e);
	if (put > 0)
		*offset += put;
	return put;
}

static uint32_t tls_events(const struct http_io *io, bool want_read, bool want_write)
{
	const struct tls_io *t = tls_of(io);

	return (want_read ? t->read_waits : 0) | (want_write ? t->write_waits : 0);
}

static bool tls_pending(const struct http_io *io)
{
	return SSL_pending(tls_of(io)->ssl) > 0;
}

static void tls_shutdown(struct http_io *io)
{
	struct tls_io *t = tls_of(io);

	if (!t->broken && SSL_is_init_finished(t->ssl)) {
		ERR_clear_error();
		(void)SSL_shutdown(t->ssl);
		ERR_clear_error();
	}
	(void)shutdown(io->fd, SHUT_WR);
}

static void tls_close(struct http_io *io)
{
	struct tls_io *t = tls_of(io);

	SSL_free(t->ssl);
	fd_close(&io->fd);
	free(t->refusal.host);
	free(t->refusal.why);
	free(t->broken);
	free(t);
}

static const char *tls_protocol(const struct http_io *io)
{
	static const char *const known[] = { "h2", "http/1.1" };
	const unsigned char *name = NULL;
	unsigned len = 0;

	SSL_get0_alpn_selected(tls_of(io)->ssl, &name, &len);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (len == strlen(known[i]) && memcmp(name, known[i], len) == 0)
			return known[i];
	return NULL;
}

static const struct http_peer_cert *tls_cert(const struct http_io *io, struct arena *a)
{
	const SSL *ssl = tls_of(io)->ssl;
	X509 *x = SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER ? SSL_get0_peer_certificate(ssl) : NULL;

	return x && SSL_get_verify_result(ssl) == X509_V_OK ? tls_peer_cert(x, a) : NULL;
}

static const struct http_io_ops tls_ops = {
	.read = tls_read,
	.write = tls_write,
	.sendfile = tls_sendfile,
	.events = tls_events,
	.pending = tls_pending,
	.shutdown = tls_shutdown,
	.close = tls_close,
	.protocol = tls_protocol,
	.cert = tls_cert,
	.scheme = "https",
};

int tls_io_new(SSL_CTX *ctx, int fd, const char *host, struct http_io **ret, SSL **ret_ssl, struct dv_err *e)
{
	auto_close int owned = fd;
	struct tls_io *t;
	SSL *ssl = SSL_new(ctx);
	BIO *bio;

	if (!ssl)
		return tls_fail(e, DV_INTERNAL, "make a TLS connection");
	t = mem_new(struct tls_io);
	t->io.ops = &tls_ops;
	t->io.fd = take_fd(&owned);
	t->ssl = ssl;
	t->refusal.host = host ? mem_str(host) : NULL;
	t->read_waits = EPOLLIN;
	t->write_waits = EPOLLOUT;
	bio = tls_bio_new(fd);
	SSL_set_app_data(ssl, &t->refusal);
	SSL_set_bio(ssl, bio, bio);
	*ret = &t->io;
	*ret_ssl = ssl;
	return 0;
}

bool tls_io_ready(const struct http_io *io)
{
	return SSL_is_init_finished(tls_of(io)->ssl) == 1;
}
