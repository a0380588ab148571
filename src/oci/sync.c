/* sync.c - messages between runtime and container process (SEQPACKET or a stream of whole structs). */
#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "base/fd.h"
#include "oci/sync.h"

#define HEAD_BYTES offsetof(struct sync_msg, err)

void sync_send_error(int fd, bool no_program, const struct dv_err *err)
{
	struct sync_msg m = { .kind = SYNC_ERROR, .value = no_program, .err = *err };

	(void)!write(fd, &m, sizeof m);
}

/* 1 with a message of n bytes, as sync_recv(). */
static int received(struct sync_msg *ret, ssize_t n, struct dv_err *e)
{
	if (n < (ssize_t)HEAD_BYTES)
		return dv_fail_errno(e, EBADMSG, "listen to the container's process");
	if (ret->kind != SYNC_ERROR)
		return 1;
	if (n != (ssize_t)sizeof *ret || ret->err.kind <= DV_OK || ret->err.kind >= DV_KIND_MAX)
		return dv_fail(e, DV_INTERNAL, "the container's process failed without a reason");
	ret->err.msg[sizeof ret->err.msg - 1] = '\0';
	if (e)
		*e = ret->err;
	return -(int)ret->err.kind;
}

int sync_recv(int fd, struct sync_msg *ret, struct dv_err *e)
{
	ssize_t n;

	/* A process that died with an unread message of ours: the kernel says so once, before its last words. */
	do
		n = read(fd, ret, sizeof *ret);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return dv_fail_errno(e, errno, "listen to the container's process");
	return n == 0 ? 0 : received(ret, n, e);
}

/* The other side is gone: what it said before it went is the reason. */
static int last_words(int fd, int sys, struct dv_err *e)
{
	struct sync_msg m;
	int r;

	while ((r = sync_recv(fd, &m, e)) > 0)
		;
	return r < 0 ? r : dv_fail_errno(e, sys, "talk to the container's process");
}

int sync_send(int fd, enum sync_kind kind, int value, struct dv_err *e)
{
	struct sync_msg m = { .kind = kind, .value = value };

	if (write(fd, &m, HEAD_BYTES) != (ssize_t)HEAD_BYTES)
		return errno == EPIPE || errno == ECONNRESET ?
			       last_words(fd, errno, e) :
			       dv_fail_errno(e, errno, "talk to the container's process");
	return 0;
}

static int expected(const struct sync_msg *m, int r, enum sync_kind kind, struct dv_err *e)
{
	if (r < 0)
		return r;
	if (r == 0)
		return dv_fail(e, DV_INTERNAL, "the other side of the container's start has died");
	if (m->kind != kind)
		return dv_fail(e, DV_INTERNAL, "unexpected message %d from the container's process", m->kind);
	return 0;
}

int sync_expect_value(int fd, enum sync_kind kind, int *ret_value, struct dv_err *e)
{
	struct sync_msg m;
	int r = sync_recv(fd, &m, e);

	r = expected(&m, r, kind, e);
	if (r >= 0)
		*ret_value = m.value;
	return r;
}

int sync_expect(int fd, enum sync_kind kind, struct dv_err *e)
{
	int value;

	return sync_expect_value(fd, kind, &value, e);
}

int sync_send_fds(int fd, const struct sync_msg *m, const int *fds, size_t n, struct dv_err *e)
{
	struct dv_err why;

	if (fd_send_msg(fd, m, HEAD_BYTES, fds, n, &why) >= 0)
		return 0;
	return why.sys == EPIPE || why.sys == ECONNRESET ? last_words(fd, why.sys, e) :
							   dv_fail_errno(e, why.sys, "talk to the container's process");
}

int sync_expect_fds(int fd, enum sync_kind kind, struct sync_msg *ret, int *ret_fds, size_t n, struct dv_err *e)
{
	ssize_t len = fd_recv_msg(fd, ret, sizeof *ret, ret_fds, n, e);
	int r = len <= 0 ? (int)len : received(ret, len, e);

	return expected(ret, r, kind, e);
}
