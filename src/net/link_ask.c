/* link_ask.c - what a host has: links and routes. */
#include <errno.h>
#include <linux/rtnetlink.h>

#include "base/str.h"
#include "net/link.h"

#define LIST_MAX 65536

/* --- links --- */

static bool name_of_kind(const struct nl_value *info, char *out, size_t size, struct dv_err *e)
{
	struct nl_value v[IFLA_INFO_KIND + 1];

	*out = '\0';
	if (info->p && nl_parse(info->p, info->len, v, IFLA_INFO_KIND, e) < 0)
		return false;
	if (info->p && v[IFLA_INFO_KIND].p && !nl_get_str(&v[IFLA_INFO_KIND], out, size))
		*out = '\0';
	return true;
}

int link_parse(const void *body, size_t len, struct link_info *ret, struct dv_err *e)
{
	struct nl_value v[IFLA_GROUP + 1];
	struct link_info l = { 0 };
	struct ifinfomsg m;
	int r;

	if (len < sizeof m)
		return dv_fail(e, DV_CORRUPT, "netlink: a link of %zu bytes", len);
	memcpy(&m, body, sizeof m);
	if ((r = nl_parse((const char *)body + NLMSG_ALIGN(sizeof m), len - NLMSG_ALIGN(sizeof m), v, IFLA_GROUP, e)) < 0)
		return r;
	if (!nl_get_str(&v[IFLA_IFNAME], l.name, sizeof l.name))
		return 1;
	if (!name_of_kind(&v[IFLA_LINKINFO], l.kind, sizeof l.kind, e))
		return -DV_CORRUPT;
	l.index = m.ifi_index;
	l.flags = m.ifi_flags;
	l.master = (int)nl_get_u32(&v[IFLA_MASTER]);
	l.mtu = nl_get_u32(&v[IFLA_MTU]);
	l.group = nl_get_u32(&v[IFLA_GROUP]);
	if (v[IFLA_ADDRESS].p && v[IFLA_ADDRESS].len == sizeof l.mac.b)
		memcpy(l.mac.b, v[IFLA_ADDRESS].p, sizeof l.mac.b);
	*ret = l;
	return 0;
}

static int take_one(void *ctx, const struct nlmsghdr *h, const void *body, size_t len, struct dv_err *e)
{
	return h->nlmsg_type == RTM_NEWLINK ? link_parse(body, len, ctx, e) : 0;
}

int link_find(int fd, const char *name, struct link_info *ret, struct dv_err *e)
{
	auto_nl struct nl_batch b = NL_BATCH;
	struct ifinfomsg m = { 0 };
	struct link_info l = { 0 };
	int r;

	nl_msg(&b, name, RTM_GETLINK, 0, &m, sizeof m);
	nl_str(&b, IFLA_IFNAME, name);
	r = nl_dump(fd, &b, take_one, &l, e);
	if (r < 0)
		return e && e->sys == ENODEV ? dv_fail(e, DV_NOT_FOUND, "interface %s does not exist", name) : r;
	if (!l.index)
		return dv_fail(e, DV_NOT_FOUND, "interface %s does not exist", name);
	*ret = l;
	return 0;
}

struct links {
	struct arena *a;
	struct link_list *list;
};

/* Room for one more of `size` bytes, or NULL past the limit. */
static void *grow(struct arena *a, void *list, size_t n, size_t *cap, size_t size)
{
	void *more;

	if (n < *cap)
		return list;
	if (n >= LIST_MAX)
		return NULL;
	*cap = *cap ? *cap * 2 : 32;
	more = arena_alloc(a, mem_mul(*cap, size));
	if (n)
		memcpy(more, list, n * size);
	return more;
}

static int take_link(void *ctx, const struct nlmsghdr *h, const void *body, size_t len, struct dv_err *e)
{
	struct links *x = ctx;
	struct link_list *l = x->list;
	int r;

	if (h->nlmsg_type != RTM_NEWLINK)
		return 0;
	l->v = grow(x->a, l->v, l->n, &l->cap, sizeof *l->v);
	if (!l->v)
		return dv_fail(e, DV_LIMIT, "more than %d interfaces", LIST_MAX);
	r = link_parse(body, len, &l->v[l->n], e);
	if (r == 0)
		l->n++;
	return r < 0 ? r : 0;
}

int link_list(int fd, struct arena *a, struct link_list *ret, struct dv_err *e)
{
	auto_nl struct nl_batch b = NL_BATCH;
	struct ifinfomsg m = { 0 };
	struct link_list l = { 0 };
	struct links x = { a, &l };
	int r;

	nl_msg(&b, "list interfaces", RTM_GETLINK, NLM_F_DUMP, &m, sizeof m);
	r = nl_dump(fd, &b, take_link, &x, e);
	if (r >= 0)
		*ret = l;
	return r;
}

/* --- routes --- */

static void get_addr(const struct nl_value *v, int family, struct net_addr *ret)
{
	struct net_addr a = { .family = family };

	*ret = (struct net_addr){ 0 };
	if ((family == AF_INET || family == AF_INET6) && v->p && v->len == addr_len(&a)) {
		memcpy(a.b, v->p, v->len);
		*ret = a;
	}
}

int route_parse(const void *body, size_t len, struct route_info *ret, struct net_addr *ret_source, struct dv_err *e)
{
	struct nl_value v[RTA_TABLE + 1];
	struct route_info i = { 0 };
	struct rtmsg m;
	int r;

	if (len < sizeof m)
		return dv_fail(e, DV_CORRUPT, "netlink: a route of %zu bytes", len);
	memcpy(&m, body, sizeof m);
	if ((r = nl_parse((const char *)body + sizeof m, len - sizeof m, v, RTA_TABLE, e)) < 0)
		return r;
	if (m.rtm_family != AF_INET && m.rtm_family != AF_INET6)
		return 1;
	get_addr(&v[RTA_DST], m.rtm_family, &i.to.addr);
	get_addr(&v[RTA_GATEWAY], m.rtm_family, &i.via);
	i.to.addr.family = m.rtm_family;
	i.to.bits = m.rtm_dst_len;
	if (i.to.bits > addr_len(&i.to.addr) * 8)
		return dv_fail(e, DV_CORRUPT, "netlink: a route of %u bits", i.to.bits);
	i.index = (int)nl_get_u32(&v[RTA_OIF]);
	i.type = m.rtm_type;
	get_addr(&v[RTA_PREFSRC], m.rtm_family, ret_source);
	*ret = i;
	return (v[RTA_TABLE].p ? nl_get_u32(&v[RTA_TABLE]) : m.rtm_table) == RT_TABLE_MAIN ? 0 : 1;
}

struct routes {
	struct arena *a;
	struct route_list *list;
};

static int take_route(void *ctx, const struct nlmsghdr *h, const void *body, size_t len, struct dv_err *e)
{
	struct routes *x = ctx;
	struct route_list *l = x->list;
	struct net_addr source;
	int r;

	if (h->nlmsg_type != RTM_NEWROUTE)
		return 0;
	l->v = grow(x->a, l->v, l->n, &l->cap, sizeof *l->v);
	if (!l->v)
		return dv_fail(e, DV_LIMIT, "more than %d routes", LIST_MAX);
	r = route_parse(body, len, &l->v[l->n], &source, e);
	if (r == 0)
		l->n++;
	return r < 0 ? r : 0;
}

static int dump_routes(int fd, int family, struct routes *x, struct dv_err *e)
{
	auto_nl struct nl_batch b = NL_BATCH;
	struct rtmsg m = { .rtm_family = (uint8_t)family };

	nl_msg(&b, "list routes", RTM_GETROUTE, NLM_F_DUMP, &m, sizeof m);
	return nl_dump(fd, &b, take_route, x, e);
}

int route_list(int fd, struct arena *a, struct route_list *ret, struct dv_err *e)
{
	struct route_list l = { 0 };
	struct routes x = { a, &l };
	int r;

	if ((r = dump_routes(fd, AF_INET, &x, e)) < 0 || (r = dump_routes(fd, AF_INET6, &x, e)) < 0)
		return r;
	*ret = l;
	return 0;
}

struct found_route {
	struct route_info route;
	struct net_addr source;
};

static int take_found(void *ctx, const struct nlmsghdr *h, const void *body, size_t len, struct dv_err *e)
{
	struct found_route *x = ctx;
	int r = h->nlmsg_type == RTM_NEWROUTE ? route_parse(body, len, &x->route, &x->source, e) : 0;

	return r < 0 ? r : 0;
}

int route_get(int fd, const struct net_addr *to, struct net_addr *ret_source, int *ret_index, struct dv_err *e)
{
	auto_nl struct nl_batch b = NL_BATCH;
	struct rtmsg m = { .rtm_family = (uint8_t)to->family, .rtm_dst_len = (uint8_t)(addr_len(to) * 8) };
	struct found_route x = { 0 };
	int r;

	nl_msg(&b, "ask for a route", RTM_GETROUTE, 0, &m, sizeof m);
	nl_attr(&b, RTA_DST, to->b, addr_len(to));
	r = nl_dump(fd, &b, take_found, &x, e);
	if (r < 0)
		return e && (e->sys == ENETUNREACH || e->sys == EHOSTUNREACH) ? dv_fail(e, DV_NOT_FOUND, "no route") : r;
	*ret_source = x.source;
	*ret_index = x.route.index;
	return 0;
}
