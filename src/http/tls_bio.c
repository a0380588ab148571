/* tls_bio.c - OpenSSL's way to a socket: recv and send that raise no SIGPIPE.
 *
 * OpenSSL's own socket BIO writes with write(2), and a peer that has gone
 * would end a program that does not ignore the signal.
 */
#include <errno.h>
#include <openssl/bio.h>
#include <pthread.h>
#include <sys/socket.h>

#include "http/tls_parts.h"

static BIO_METHOD *method;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool again(int sys)
{
	return sys == EAGAIN || sys == EWOULDBLOCK || sys == EINTR;
}

static int sock_read(BIO *b, char *out, int len)
{
	ssize_t n = recv((int)(intptr_t)BIO_get_data(b), out, (size_t)len, 0);

	BIO_clear_retry_flags(b);
	if (n < 0 && again(errno))
		BIO_set_retry_read(b);
	if (n == 0)
		BIO_set_flags(b, BIO_FLAGS_IN_EOF);
	return (int)n;
}

static int sock_write(BIO *b, const char *data, int len)
{
	ssize_t n = send((int)(intptr_t)BIO_get_data(b), data, (size_t)len, MSG_NOSIGNAL);

	BIO_clear_retry_flags(b);
	if (n < 0 && again(errno))
		BIO_set_retry_write(b);
	return (int)n;
}

static long sock_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	switch (cmd) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_EOF:
		return BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0;
	default:
		return 0;
	}
}

static void make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "davit socket");
	if (!method || BIO_meth_set_read(method, sock_read) != 1 || BIO_meth_set_write(method, sock_write) != 1 ||
	    BIO_meth_set_ctrl(method, sock_ctrl) != 1)
		abort();
}

BIO *tls_bio_new(int fd)
{
	BIO *b;

	(void)pthread_once(&once, make_method);
	b = BIO_new(method);
	if (!b)
		abort();
	BIO_set_data(b, (void *)(intptr_t)fd);
	BIO_set_init(b, 1);
	return b;
}
