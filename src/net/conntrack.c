/* conntrack.c - flows are listed and those of the ports deleted one by one. */
#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/mem.h"
#include "net/conntrack.h"
#include "net/nl.h"

#define PROTO_UDP 17

struct forget {
	const unsigned *ports;
	size_t n;
	struct nl_batch b;              /* deletions */
};

static void message(struct nl_batch *b, unsigned type, unsigned flags, int family)
{
	struct nfgenmsg m = { .nfgen_family = (uint8_t)family, .version = NFNETLINK_V0 };

	nl_msg(b, "forget UDP flows", NFNL_SUBSYS_CTNETLINK << 8 | type, flags, &m, sizeof m);
}

static bool is_ours(const struct forget *x, const struct nl_value *tuple)
{
	struct nl_value t[CTA_TUPLE_PROTO + 1], p[CTA_PROTO_DST_PORT + 1];
	uint16_t port;

	if (!tuple->p || nl_parse(tuple->p, tuple->len, t, CTA_TUPLE_PROTO, NULL) < 0 || !t[CTA_TUPLE_PROTO].p ||
	    nl_parse(t[CTA_TUPLE_PROTO].p, t[CTA_TUPLE_PROTO].len, p, CTA_PROTO_DST_PORT, NULL) < 0 || p[CTA_PROTO_NUM].len != 1 ||
	    *(const unsigned char *)p[CTA_PROTO_NUM].p != PROTO_UDP || p[CTA_PROTO_DST_PORT].len != sizeof port)
		return false;
	memcpy(&port, p[CTA_PROTO_DST_PORT].p, sizeof port);
	for (size_t i = 0; i < x->n; i++)
		if (x->ports[i] == be16toh(port))
			return true;
	return false;
}

static int take_flow(void *ctx, const struct nlmsghdr *h, const void *body, size_t len, struct dv_err *e)
{
	struct forget *x = ctx;
	struct nl_value v[CTA_TUPLE_ORIG + 1];
	struct nfgenmsg m;
	int r;

	if (len < sizeof m)
		return 0;
	memcpy(&m, body, sizeof m);
	if ((r = nl_parse((const char *)body + sizeof m, len - sizeof m, v, CTA_TUPLE_ORIG, e)) < 0)
		return r;
	if (!is_ours(x, &v[CTA_TUPLE_ORIG]))
		return 0;
	message(&x->b, IPCTNL_MSG_CT_DELETE, 0, m.nfgen_family);
	nl_attr(&x->b, CTA_TUPLE_ORIG | NLA_F_NESTED, v[CTA_TUPLE_ORIG].p, v[CTA_TUPLE_ORIG].len);
	return 0;
}

static int forget_family(int fd, struct forget *x, int family, struct dv_err *e)
{
	auto_nl struct nl_batch b = NL_BATCH;
	int r;

	message(&b, IPCTNL_MSG_CT_GET, NLM_F_DUMP, family);
	x->b = NL_BATCH;
	r = nl_dump(fd, &b, take_flow, x, e);
	/* One that has ended by itself meanwhile is no error. */
	if (r >= 0 && x->b.n && (r = nl_send(fd, &x->b, e)) == -DV_NOT_FOUND)
		r = 0;
	nl_batch_done(&x->b);
	return r;
}

int conntrack_forget_udp(const unsigned *ports, size_t n, struct dv_err *e)
{
	struct forget x = { .ports = ports, .n = n };
	auto_close int fd = -1;
	struct dv_err why = DV_ERR_NONE;
	int r;

	if (!n || nl_open(NETLINK_NETFILTER, -1, &fd, NULL) < 0)
		return 0;
	if ((r = forget_family(fd, &x, AF_INET, &why)) >= 0)
		r = forget_family(fd, &x, AF_INET6, &why);
	if (r >= 0 || r == -DV_UNSUPPORTED || r == -DV_INVALID)
		return 0;
	if (e)
		*e = why;
	return r;
}
