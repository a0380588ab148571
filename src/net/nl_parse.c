/* nl_parse.c - what the kernel answers, taken apart without trust in a single length. */
#include <endian.h>

#include "base/mem.h"
#include "base/str.h"
#include "net/nl.h"

int nl_next(struct nl_attrs *rest, unsigned *ret_type, struct nl_value *ret, struct dv_err *e)
{
	struct nlattr a;
	size_t step;

	if (!rest->len)
		return 0;
	if (rest->len < sizeof a)
		return dv_fail(e, DV_CORRUPT, "netlink: an attribute is cut off");
	memcpy(&a, rest->data, sizeof a);
	if (a.nla_len < sizeof a || a.nla_len > rest->len)
		return dv_fail(e, DV_CORRUPT, "netlink: an attribute of %u bytes in %zu", a.nla_len, rest->len);
	*ret_type = a.nla_type & NLA_TYPE_MASK;
	*ret = (struct nl_value){ (const char *)rest->data + sizeof a, a.nla_len - sizeof a };
	step = DV_MIN((size_t)NLA_ALIGN(a.nla_len), rest->len);
	rest->data = (const char *)rest->data + step;
	rest->len -= step;
	return 1;
}

int nl_parse(const void *data, size_t len, struct nl_value *ret, unsigned max, struct dv_err *e)
{
	struct nl_attrs rest = { data, len };
	struct nl_value v;
	unsigned type = 0;
	int r;

	memset(ret, 0, sizeof *ret * (max + 1));
	while ((r = nl_next(&rest, &type, &v, e)) > 0)
		if (type <= max)
			ret[type] = v;
	return r;
}

static int end_of(const struct nlmsghdr *h, const void *body, size_t len, int *ret_sys, struct dv_err *e)
{
	int error = 0;

	if (len >= sizeof error)
		memcpy(&error, body, sizeof error);
	else if (h->nlmsg_type == NLMSG_ERROR)
		return dv_fail(e, DV_CORRUPT, "netlink: a short answer");
	*ret_sys = error < 0 && error > -4096 ? -error : 0;
	return 1;
}

int nl_walk(const void *data, size_t len, uint32_t seq, nl_take *take, void *ctx, int *ret_sys, struct dv_err *e)
{
	const char *p = data;

	while (len) {
		struct nlmsghdr h;
		size_t step;
		int r;

		if (len < sizeof h)
			return dv_fail(e, DV_CORRUPT, "netlink: a message is cut off");
		memcpy(&h, p, sizeof h);
		if (h.nlmsg_len < sizeof h || h.nlmsg_len > len)
			return dv_fail(e, DV_CORRUPT, "netlink: a message of %u bytes in %zu", h.nlmsg_len, len);
		step = DV_MIN((size_t)NLMSG_ALIGN(h.nlmsg_len), len);
		/* seq 0: every answer is wanted, and none of them is the end. */
		if (!seq || h.nlmsg_seq == seq) {
			if (seq && (h.nlmsg_type == NLMSG_ERROR || h.nlmsg_type == NLMSG_DONE))
				return end_of(&h, p + sizeof h, h.nlmsg_len - sizeof h, ret_sys, e);
			if (h.nlmsg_type >= NLMSG_MIN_TYPE || (!seq && h.nlmsg_type == NLMSG_ERROR)) {
				r = take(ctx, &h, p + sizeof h, h.nlmsg_len - sizeof h, e);
				if (r < 0)
					return r;
			}
		}
		p += step;
		len -= step;
	}
	return 0;
}

uint32_t nl_get_u32(const struct nl_value *v)
{
	uint32_t n = 0;

	if (v->p && v->len == sizeof n)
		memcpy(&n, v->p, sizeof n);
	return n;
}

uint32_t nl_get_be32(const struct nl_value *v)
{
	return be32toh(nl_get_u32(v));
}

uint64_t nl_get_be64(const struct nl_value *v)
{
	uint64_t n = 0;

	if (v->p && v->len == sizeof n)
		memcpy(&n, v->p, sizeof n);
	return be64toh(n);
}

bool nl_get_str(const struct nl_value *v, char *out, size_t size)
{
	size_t len = v->p ? strnlen(v->p, v->len) : 0;

	if (!v->p || len >= size)
		return false;
	memcpy(out, v->p, len);
	out[len] = '\0';
	return true;
}
