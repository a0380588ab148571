/* nl.c - raw netlink: making and sending. */
#include <endian.h>
#include <errno.h>
#include <sched.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/str.h"
#include "net/nl.h"

#define SEQ_BASE 1u
#define ANSWER_BYTES 65536

void nl_batch_done(struct nl_batch *b)
{
	buf_done(&b->b);
}

/* --- sockets --- */

static int open_here(int protocol, int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	int on = 1, big = 8 << 20, r = fd_socket(AF_NETLINK, SOCK_RAW, protocol, &fd, e);

	if (r < 0)
		return r;
	/* Answers that only say what failed do not carry the request along; large batches have room. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big);
	*ret_fd = take_fd(&fd);
	return 0;
}

int nl_open(int protocol, int netns_fd, int *ret_fd, struct dv_err *e)
{
	auto_close int home = -1;
	int r;

	if (netns_fd < 0)
		return open_here(protocol, ret_fd, e);
	if ((r = file_open(AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY, 0, &home, e)) < 0)
		return r;
	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return dv_fail_errno(e, errno, "visit a network namespace");
	r = open_here(protocol, ret_fd, e);
	if (setns(home, CLONE_NEWNET) < 0) {
		if (r >= 0)
			fd_close(ret_fd);
		return dv_fail_errno(e, errno, "return from a network namespace");
	}
	return r;
}

/* --- making --- */

static struct nlmsghdr *header(struct nl_batch *b)
{
	return (struct nlmsghdr *)(void *)(b->b.p + b->at);
}

/* Appends, padded; the message's length follows, unless the batch is full (buf_check tells at the end). */
static void put(struct nl_batch *b, const void *data, size_t len)
{
	static const char zero[NLMSG_ALIGNTO];

	buf_add(&b->b, data, len);
	buf_add(&b->b, zero, NLMSG_ALIGN(len) - len);
	if (!b->b.over)
		header(b)->nlmsg_len = (uint32_t)(b->b.len - b->at);
}

void nl_msg(struct nl_batch *b, const char *label, unsigned type, unsigned flags, const void *body, size_t len)
{
	struct nlmsghdr h = { .nlmsg_len = sizeof h, .nlmsg_type = (uint16_t)type,
			      .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags), .nlmsg_seq = SEQ_BASE + b->n };

	if (b->n < NL_LABELS)
		b->labels[b->n] = label;
	b->n++;
	if (!b->b.over)
		b->at = b->b.len;
	buf_add(&b->b, &h, sizeof h);
	if (!b->b.over)
		put(b, body, len);
}

void nl_attr(struct nl_batch *b, unsigned type, const void *data, size_t len)
{
	struct nlattr a = { .nla_len = (uint16_t)(sizeof a + len), .nla_type = (uint16_t)type };

	if (len > UINT16_MAX - sizeof a) {
		b->b.over = true;
		return;
	}
	buf_add(&b->b, &a, sizeof a);
	put(b, data, len);
}

void nl_u8(struct nl_batch *b, unsigned type, uint8_t v) { nl_attr(b, type, &v, sizeof v); }
void nl_u16(struct nl_batch *b, unsigned type, uint16_t v) { nl_attr(b, type, &v, sizeof v); }
void nl_u32(struct nl_batch *b, unsigned type, uint32_t v) { nl_attr(b, type, &v, sizeof v); }
void nl_be16(struct nl_batch *b, unsigned type, uint16_t v) { nl_u16(b, type, htobe16(v)); }
void nl_be32(struct nl_batch *b, unsigned type, uint32_t v) { nl_u32(b, type, htobe32(v)); }
void nl_str(struct nl_batch *b, unsigned type, const char *s) { nl_attr(b, type, s, strlen(s) + 1); }
void nl_raw(struct nl_batch *b, const void *data, size_t len) { put(b, data, len); }

void nl_be64(struct nl_batch *b, unsigned type, uint64_t v)
{
	v = htobe64(v);
	nl_attr(b, type, &v, sizeof v);
}

size_t nl_nest(struct nl_batch *b, unsigned type)
{
	size_t at = b->b.len;

	nl_attr(b, type, "", 0);
	return at;
}

void nl_nest_end(struct nl_batch *b, size_t nest)
{
	size_t len = b->b.len - nest;

	if (len > UINT16_MAX)
		b->b.over = true;
	if (!b->b.over)
		((struct nlattr *)(void *)(b->b.p + nest))->nla_len = (uint16_t)len;
}

void nl_ask(struct nl_batch *b)
{
	if (!b->n || b->b.over)
		return;
	header(b)->nlmsg_flags |= NLM_F_ACK;
	b->asked = b->n;
}

/* --- sending --- */

static int send_all(int fd, struct nl_batch *b, struct dv_err *e)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;
	int r = buf_check(&b->b, "netlink messages", e);

	if (r < 0)
		return r;
	do
		n = sendto(fd, b->b.p, b->b.len, 0, (struct sockaddr *)&kernel, sizeof kernel);
	while (n < 0 && errno == EINTR);
	return n < 0 ? dv_fail_errno(e, errno, "send to netlink") : 0;
}

/* One datagram of the kernel's; LIMIT when it did not fit. */
static int receive(int fd, char *out, size_t size, int flags, size_t *ret_len, struct dv_err *e)
{
	struct sockaddr_nl from = { 0 };
	struct iovec io = { out, size };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &io, .msg_iovlen = 1 };
	ssize_t n;

	do
		n = recvmsg(fd, &m, flags);
	while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0));
	if (n < 0)
		return dv_fail_errno(e, errno, "answer of netlink");
	if (m.msg_flags & MSG_TRUNC)
		return dv_fail(e, DV_LIMIT, "an answer of netlink has more than %zu bytes", size);
	*ret_len = (size_t)n;
	return 0;
}

struct answers {
	struct nl_batch *b;
	bool last;
};

/* Keeps the first failure. */
static int take_answer(void *ctx, const struct nlmsghdr *h, const void *body, size_t len, struct dv_err *e)
{
	struct answers *x = ctx;
	uint32_t i = h->nlmsg_seq - SEQ_BASE;
	int error;

	if (h->nlmsg_type != NLMSG_ERROR)
		return 0;
	if (len < sizeof error)
		return dv_fail(e, DV_CORRUPT, "netlink: a short answer");
	memcpy(&error, body, sizeof error);
	x->last |= i == x->b->asked - 1;
	if (error && !x->b->sys) {
		x->b->sys = -error;
		x->b->failed = i;
	}
	/* A batch that fails as a whole answers for its first message. */
	x->last |= error && i == 0;
	return 0;
}

static int read_answers(int fd, struct nl_batch *b, struct dv_err *e)
{
	auto_free char *data = mem_alloc(ANSWER_BYTES);
	struct answers x = { b, false };
	size_t len;
	int r, sys = 0;

	while (!x.last) {
		if ((r = receive(fd, data, ANSWER_BYTES, MSG_DONTWAIT, &len, e)) < 0)
			return b->sys ? 0 : r;
		if ((r = nl_walk(data, len, 0, take_answer, &x, &sys, e)) < 0)
			return r;
	}
	/* More answers may wait after a failure: they are not to be taken for those of the next request. */
	while (b->sys && receive(fd, data, ANSWER_BYTES, MSG_DONTWAIT, &len, NULL) >= 0)
		;
	return 0;
}

int nl_send(int fd, struct nl_batch *b, struct dv_err *e)
{
	const char *label;
	int r;

	if (!b->n)
		return 0;
	b->sys = 0;
	if (!b->asked)
		nl_ask(b);
	if ((r = send_all(fd, b, e)) < 0 || (r = read_answers(fd, b, e)) < 0)
		return r;
	if (!b->sys)
		return 0;
	label = b->failed < DV_MIN(b->n, (uint32_t)NL_LABELS) ? b->labels[b->failed] : NULL;
	return dv_fail_errno(e, b->sys, "%s", label ? label : "netlink");
}

int nl_dump(int fd, struct nl_batch *b, nl_take *take, void *ctx, struct dv_err *e)
{
	auto_free char *data = mem_alloc(ANSWER_BYTES);
	bool whole = header(b)->nlmsg_flags & NLM_F_DUMP;
	uint32_t seq = header(b)->nlmsg_seq;
	size_t len;
	int sys = 0, r;

	if (!whole)
		nl_ask(b);
	if ((r = send_all(fd, b, e)) < 0)
		return r;
	do {
		if ((r = receive(fd, data, ANSWER_BYTES, 0, &len, e)) < 0)
			return r;
		r = nl_walk(data, len, seq, take, ctx, &sys, e);
	} while (r == 0);
	if (r > 0 && sys)
		return dv_fail_errno(e, sys, "%s", b->labels[0] ? b->labels[0] : "netlink");
	return r < 0 ? r : 0;
}
