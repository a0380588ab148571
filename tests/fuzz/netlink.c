/* netlink.c - any bytes as an answer of the kernel's: what is taken apart stays inside, and what is accepted is sane. */
#include <string.h>

#include "base/str.h"
#include "fuzz.h"
#include "net/link.h"

static void check_attrs(const void *body, size_t len)
{
	struct nl_attrs rest = { body, len };
	struct nl_value v;
	unsigned type;

	while (nl_next(&rest, &type, &v, NULL) > 0) {
		char text[8];

		FUZZ_CHECK(v.len <= len && (const char *)v.p >= (const char *)body &&
			   (const char *)v.p + v.len <= (const char *)body + len);
		if (nl_get_str(&v, text, sizeof text))
			FUZZ_CHECK(strlen(text) < sizeof text);
		(void)nl_get_u32(&v);
		(void)nl_get_be64(&v);
	}
}

static int take(void *ctx, const struct nlmsghdr *h, const void *body, size_t len, struct dv_err *e)
{
	struct link_info l;
	struct route_info r;
	struct net_addr source;

	(void)e;
	FUZZ_CHECK(sizeof *h + len == h->nlmsg_len);
	++*(size_t *)ctx;
	check_attrs(body, len);
	if (link_parse(body, len, &l, NULL) == 0)
		FUZZ_CHECK(strlen(l.name) < LINK_NAME_SIZE && strlen(l.kind) < sizeof l.kind);
	if (route_parse(body, len, &r, &source, NULL) == 0)
		FUZZ_CHECK(r.to.bits <= addr_len(&r.to.addr) * 8);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n = 0;
	struct dv_err e = DV_ERR_NONE;
	int sys = 0, r = nl_walk(data, size, 0, take, &n, &sys, &e);

	FUZZ_CHECK(r == 0 || e.kind == DV_CORRUPT);
	FUZZ_CHECK(n <= size / sizeof(struct nlmsghdr));
	r = nl_walk(data, size, 1, take, &n, &sys, &e);
	FUZZ_CHECK(sys >= 0 && (r >= 0 || e.kind == DV_CORRUPT));
	return 0;
}
