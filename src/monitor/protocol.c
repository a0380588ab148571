/* protocol.c - the messages' bytes: strict in what is taken. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/mem.h"
#include "monitor/protocol.h"

struct head {
	uint32_t type, flags;
	int64_t a, b;
};
_Static_assert(sizeof(struct head) == MSG_HEAD, "no padding");

/* What each type may carry. */
static const struct rule {
	bool known, body;
	uint32_t flags_max;
	int64_t a_min, a_max, b_min, b_max;
} rules[] = {
	[MSG_JOB] = { true, false, (1 << JOB_FDS) - 1, 0, 0, 0, 0 },
	[MSG_ATTACH] = { true, false, 15, 0, 65535, 0, 65535 },
	[MSG_STDIN] = { true, true, 0, 0, 0, 0, 0 },
	[MSG_STDIN_EOF] = { true, false, 0, 0, 0, 0, 0 },
	[MSG_RESIZE] = { true, false, 0, 0, 65535, 0, 65535 },
	[MSG_SIGNAL] = { true, false, 0, 1, 64, 0, 0 },
	[MSG_DETACH] = { true, false, 0, 0, 0, 0, 0 },
	[MSG_USER_STOP] = { true, false, 0, 0, 0, 0, 0 },
	[MSG_HEALTH] = { true, false, 0, 0, 0, 0, 0 },
	[MSG_UPDATE] = { true, true, 0, 0, 0, 0, 0 },
	[MSG_RENAME] = { true, true, 0, 0, 0, 0, 0 },
	[MSG_STARTED] = { true, false, 0, 1, INT32_MAX, 0, INT64_MAX },
	[MSG_FAILED] = { true, true, 255, 1, DV_KIND_MAX - 1, 0, INT32_MAX },
	[MSG_OUT] = { true, true, 2, 0, 0, 0, 0 },
	[MSG_EXITED] = { true, false, 3, -1, 255, 0, 0 },
	[MSG_OK] = { true, false, 0, 0, 0, 0, 0 },
	[MSG_HEALTH_RESULT] = { true, true, 3, -1, 255, 0, 0 },
};

size_t msg_encode(const struct msg *m, char *out)
{
	struct head h = { m->type, m->flags, m->a, m->b };
	size_t len = DV_MIN(m->len, (size_t)MSG_BODY_MAX);

	memcpy(out, &h, sizeof h);
	if (len)
		memcpy(out + sizeof h, m->body, len);
	return sizeof h + len;
}

int msg_decode(const char *data, size_t len, struct msg *ret, struct dv_err *e)
{
	const struct rule *rule;
	struct head h;

	if (len < sizeof h || len > MSG_MAX)
		return dv_fail(e, DV_INVALID, "monitor: a message of %zu bytes", len);
	memcpy(&h, data, sizeof h);
	rule = h.type < ARRAY_LEN(rules) ? &rules[h.type] : NULL;
	if (!rule || !rule->known)
		return dv_fail(e, DV_INVALID, "monitor: a message of unknown type %u", h.type);
	if (h.flags > rule->flags_max || h.a < rule->a_min || h.a > rule->a_max || h.b < rule->b_min || h.b > rule->b_max ||
	    (len > sizeof h && !rule->body) || (h.type == MSG_OUT && !h.flags))
		return dv_fail(e, DV_INVALID, "monitor: a message of type %u is not well-formed", h.type);
	*ret = (struct msg){ (enum msg_type)h.type, h.flags, h.a, h.b, data + sizeof h, len - sizeof h };
	return 0;
}

int msg_send(int sock, const struct msg *m, struct dv_err *e)
{
	struct head h = { m->type, m->flags, m->a, m->b };
	struct iovec iov[2] = { { &h, sizeof h }, { (void *)m->body, DV_MIN(m->len, (size_t)MSG_BODY_MAX) } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = m->len ? 2 : 1 };
	ssize_t n;

	do
		n = sendmsg(sock, &mh, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
		return dv_fail(e, DV_UNAVAILABLE, "monitor: the other side does not read");
	return n < 0 ? dv_fail_errno(e, errno, "monitor: send") : 0;
}

int msg_send_job(int sock, const int *fds, struct dv_err *e)
{
	struct head h = { .type = MSG_JOB };
	int list[JOB_FDS];
	size_t n = 0;

	for (int i = 0; i < JOB_FDS; i++)
		if (fds[i] >= 0) {
			h.flags |= 1u << i;
			list[n++] = fds[i];
		}
	return fd_send_msg(sock, &h, sizeof h, list, n, e);
}

int msg_recv_job(int sock, int *ret_fds, struct dv_err *e)
{
	char space[MSG_HEAD];
	int list[JOB_FDS];
	size_t at = 0;
	struct msg m;
	ssize_t n = fd_recv_msg(sock, space, sizeof space, list, JOB_FDS, e);
	int r;

	if (n <= 0)
		return n < 0 ? (int)n : dv_fail(e, DV_NOT_FOUND, "monitor: nobody has a job for it");
	r = msg_decode(space, (size_t)n, &m, e);
	if (r >= 0 && m.type != MSG_JOB)
		r = dv_fail(e, DV_INVALID, "monitor: the first message is no job");
	for (int i = 0; i < JOB_FDS; i++)
		ret_fds[i] = r >= 0 && (m.flags & 1u << i) ? list[at++] : -1;
	for (; at < JOB_FDS; at++)
		fd_close(&list[at]);
	return r;
}

int msg_recv(int sock, char *space, struct msg *ret, struct dv_err *e)
{
	struct iovec iov = { space, MSG_MAX };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;
	int r;

	/* That the other side went with something of ours unread is told once, before what it had said. */
	do
		n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0 && errno == EAGAIN)
		return dv_fail(e, DV_UNAVAILABLE, "monitor: no message");
	if (n < 0)
		return dv_fail_errno(e, errno, "monitor: receive");
	if (n == 0)
		return 0;
	if (mh.msg_flags & MSG_TRUNC)
		return dv_fail(e, DV_INVALID, "monitor: a message is too long");
	r = msg_decode(space, (size_t)n, ret, e);
	return r < 0 ? r : 1;
}

int msg_send_failed(int sock, int status, const struct dv_err *why, struct dv_err *e)
{
	struct msg m = { .type = MSG_FAILED, .flags = (uint32_t)status, .a = why->kind ? (int64_t)why->kind : DV_INTERNAL, .b = why->sys,
			 .body = why->msg, .len = strlen(why->msg) };

	return msg_send(sock, &m, e);
}

int msg_failed(const struct msg *m, struct dv_err *e)
{
	int r = dv_fail(e, (enum dv_kind)m->a, "%.*s", (int)DV_MIN(m->len, sizeof e->msg - 1), m->body);

	if (e)
		e->sys = (int)m->b;
	return r;
}
