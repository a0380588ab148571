/* network_make.c - `network create`, and the default network that is there when it is first needed. */
#include <stdio.h>

#include "base/fd.h"
#include "base/str.h"
#include "engine/network_parts.h"

#define LABELS_MAX 1000
#define MTU_MAX 65535

/* --- options: one row for each, in docker's and in podman's words --- */

struct make {
	struct engine *g;
	struct arena *a;
	const struct network_request *q;
	struct network n;
	bool reserved[NET_FAMILIES];
};

static int parse_bool(const char *v, const char *key, bool *ret, struct dv_err *e)
{
	static const char *const yes[] = { "true", "1", "yes" }, *const no[] = { "false", "0", "no" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (streq(v, yes[i]) || streq(v, no[i])) {
			*ret = streq(v, yes[i]);
			return 0;
		}
	return dv_fail(e, DV_INVALID, "-o %.64s: \"%.64s\" is not true or false", key, v);
}

static int set_mtu(struct make *m, const char *v, struct dv_err *e)
{
	uint64_t mtu;
	int r = str_u64(v, MTU_MAX, "-o mtu", &mtu, e);

	if (r >= 0 && mtu && mtu < 68)
		return dv_fail(e, DV_INVALID, "-o mtu: %.16s is too small", v);
	if (r >= 0)
		m->n.mtu = (unsigned)mtu;
	return r;
}

static int set_isolate(struct make *m, const char *v, struct dv_err *e)
{
	if (!streq(v, "strict"))
		return parse_bool(v, "isolate", &m->n.isolate, e);
	m->n.isolate = true;
	return 0;
}
static int set_icc(struct make *m, const char *v, struct dv_err *e) { return parse_bool(v, "enable_icc", &m->n.icc, e); }
static int set_masquerade(struct make *m, const char *v, struct dv_err *e)
{
	return parse_bool(v, "enable_ip_masquerade", &m->n.masquerade, e);
}
static int set_bridge(struct make *m, const char *v, struct dv_err *e)
{
	if (!link_name_ok(v))
		return dv_fail(e, DV_INVALID, "\"%.64s\" is not a name of an interface", v);
	m->n.bridge = arena_str(m->a, v);
	return 0;
}
static int set_mode(struct make *m, const char *v, struct dv_err *e)
{
	static const char *const modes[] = { "bridge", "private", "vepa", "passthru" };

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (streq(v, modes[i])) {
			m->n.mode = modes[i];
			return 0;
		}
	return dv_fail(e, DV_INVALID, "-o mode: \"%.64s\" is no mode of a macvlan: bridge, private, vepa, passthru", v);
}
/* Known, and the same here whatever is said. */
static int set_nothing(struct make *m, const char *v, struct dv_err *e)
{
	(void)m, (void)v, (void)e;
	return 0;
}

static const struct {
	const char *key;
	const char *driver;             /* NULL: of any */
	int (*set)(struct make *m, const char *v, struct dv_err *e);
} options[] = {
	{ "mtu", NULL, set_mtu },
	{ "com.docker.network.driver.mtu", NULL, set_mtu },
	{ "isolate", "bridge", set_isolate },
	{ "com.docker.network.bridge.enable_icc", "bridge", set_icc },
	{ "com.docker.network.bridge.enable_ip_masquerade", "bridge", set_masquerade },
	{ "com.docker.network.bridge.name", "bridge", set_bridge },
	{ "com.docker.network.bridge.host_binding_ipv4", "bridge", set_nothing },
	{ "com.docker.network.container_iface_prefix", NULL, set_nothing },
	{ "parent", "macvlan", set_bridge },
	{ "mode", "macvlan", set_mode },
	{ "macvlan_mode", "macvlan", set_mode },
};

static int set_option(struct make *m, const char *key, const char *v, struct dv_err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (streq(options[i].key, key) && (!options[i].driver || streq(options[i].driver, m->n.driver)))
			return options[i].set(m, v, e);
	return dv_fail(e, DV_INVALID, "-o %.64s: unknown option of a %s network", key, m->n.driver);
}

/* "K=V" of a list into an object. */
static int pairs(struct make *m, const char *const *list, struct json **ret, const char *flag, struct dv_err *e)
{
	struct json *j = json_new_object(m->a);

	for (; list && *list; list++) {
		const char *eq = strchr(*list, '=');
		const char *key = eq ? arena_strn(m->a, *list, (size_t)(eq - *list)) : *list;

		if (!*key || json_len(j) >= LABELS_MAX)
			return dv_fail(e, DV_INVALID, "%s: \"%.100s\" is not KEY=VALUE", flag, *list);
		json_set(m->a, j, key, json_new_str(m->a, eq ? eq + 1 : ""));
	}
	*ret = j;
	return 0;
}

static int take_options(struct make *m, struct dv_err *e)
{
	struct json *labels = NULL, *opts = NULL;
	int r;

	if ((r = pairs(m, m->q->labels, &labels, "--label", e)) < 0 || (r = pairs(m, m->q->options, &opts, "-o", e)) < 0)
		return r;
	for (JSON_EACH(it, opts))
		if ((r = set_option(m, json_iter_key(it), json_str(it.value), e)) < 0)
			return r;
	m->n.labels = labels;
	m->n.options = opts;
	if (m->q->interface && (r = set_bridge(m, m->q->interface, e)) < 0)
		return r;
	return m->q->parent ? set_bridge(m, m->q->parent, e) : 0;
}

/* --- subnets --- */

static int family_of(const struct net_addr *x)
{
	return x->family == AF_INET6 ? NET_V6 : NET_V4;
}

static int take_subnets(struct make *m, struct dv_err *e)
{
	for (const char *const *s = m->q->subnets; s && *s; s++) {
		struct net_prefix p;
		struct network_subnet *to;
		int r = prefix_parse(*s, "--subnet", &p, e);

		if (r < 0)
			return r;
		to = &m->n.subnets[family_of(&p.addr)];
		if (addr_is(&to->prefix.addr))
			return dv_fail(e, DV_INVALID, "--subnet %.64s: one of each family at most", *s);
		if (prefix_size(&p) < 2 || !p.bits)
			return dv_fail(e, DV_INVALID, "--subnet %.64s: too small or too large", *s);
		p.addr = prefix_first(&p);
		to->prefix = p;
	}
	return 0;
}

static int take_ranges(struct make *m, struct dv_err *e)
{
	for (const char *const *s = m->q->ranges; s && *s; s++) {
		struct net_prefix p;
		struct network_subnet *to;
		int r = prefix_parse(*s, "--ip-range", &p, e);

		if (r < 0)
			return r;
		to = &m->n.subnets[family_of(&p.addr)];
		if (!addr_is(&to->prefix.addr) || p.bits < to->prefix.bits || !prefix_has(&to->prefix, &p.addr))
			return dv_fail(e, DV_INVALID, "--ip-range %.64s: no matching subnet", *s);
		p.addr = prefix_first(&p);
		to->range = p;
	}
	return 0;
}

static int take_gateways(struct make *m, struct dv_err *e)
{
	for (const char *const *s = m->q->gateways; s && *s; s++) {
		struct net_addr x;
		struct network_subnet *to;
		int r = addr_parse(*s, "--gateway", &x, e);

		if (r < 0)
			return r;
		to = &m->n.subnets[family_of(&x)];
		if (!addr_is(&to->prefix.addr) || !prefix_has(&to->prefix, &x))
			return dv_fail(e, DV_INVALID, "--gateway %.64s: no matching subnet", *s);
		to->gateway = x;
	}
	return 0;
}

/* What was not said is chosen; every subnet of a bridge is reserved on the host. */
static int complete(struct make *m, int f, struct dv_err *e)
{
	struct network_subnet *s = &m->n.subnets[f];
	bool known = addr_is(&s->prefix.addr), bridge = streq(m->n.driver, "bridge");
	int r = 0;

	if (!known && !(f == NET_V4 ? !addr_is(&m->n.subnets[NET_V6].prefix.addr) || m->q->ipv6 : m->q->ipv6))
		return 0;
	if (!known)
		r = pool_choose(m->g, m->a, f, streq(m->n.name, NETWORK_DEFAULT), &s->prefix, e);
	else if (bridge)
		r = pool_reserve(m->g, m->a, &s->prefix, e);
	if (r < 0)
		return r;
	m->reserved[f] = bridge || !known;
	if (!addr_is(&s->gateway) && (bridge || !m->n.internal)) {
		s->gateway = prefix_first(&s->prefix);
		(void)addr_add(&s->gateway, 1);
	}
	return 0;
}

static void give_back(struct make *m)
{
	for (int f = 0; f < NET_FAMILIES; f++)
		if (m->reserved[f])
			dv_ignore(pool_release(m->g, m->a, &m->n.subnets[f].prefix, NULL));
}

/* --- the network --- */

/* A macvlan without a parent takes the interface that leads out. */
static int find_parent(struct make *m, struct dv_err *e)
{
	auto_close int fd = -1;
	struct route_list routes;
	struct link_list links;
	int r;

	if (!streq(m->n.driver, "macvlan") || m->n.bridge)
		return 0;
	if ((r = nl_open(NETLINK_ROUTE, -1, &fd, e)) < 0 || (r = route_list(fd, m->a, &routes, e)) < 0 ||
	    (r = link_list(fd, m->a, &links, e)) < 0)
		return r;
	for (size_t i = 0; i < routes.n; i++)
		for (size_t k = 0; k < links.n && !routes.v[i].to.bits; k++)
			if (links.v[k].index == routes.v[i].index) {
				m->n.bridge = arena_str(m->a, links.v[k].name);
				return 0;
			}
	return dv_fail(e, DV_INVALID, "a macvlan needs a parent interface: -o parent=NAME");
}

static int check_name(struct make *m, struct dv_err *e)
{
	static const char *const taken[] = { "host", "none", "default", "private", NETWORK_DEFAULT_ALIAS, "container", "ns",
					     "pasta", "slirp4netns" };

	if (!network_name_ok(m->n.name))
		return dv_fail(e, DV_INVALID, "network name \"%.128s\" invalid: only [a-zA-Z0-9][a-zA-Z0-9_.-]* are allowed",
			       m->n.name);
	for (size_t i = 0; i < ARRAY_LEN(taken); i++)
		if (streq(m->n.name, taken[i]))
			return dv_fail(e, DV_INVALID, "network name \"%s\" is reserved", m->n.name);
	return 0;
}

static int make(struct make *m, struct dv_err *e)
{
	int r;

	if ((r = check_name(m, e)) < 0 || (r = take_options(m, e)) < 0 || (r = take_subnets(m, e)) < 0 ||
	    (r = take_ranges(m, e)) < 0 || (r = take_gateways(m, e)) < 0 || (r = find_parent(m, e)) < 0 ||
	    (r = complete(m, NET_V4, e)) < 0 || (r = complete(m, NET_V6, e)) < 0)
		return r;
	return network_insert(m->g, m->a, &m->n, e);
}

static int start(struct make *m, const char *name, struct dv_err *e)
{
	char *id = arena_alloc(m->a, CTR_ID_SIZE);
	int r = ctr_new_id(id, e);

	m->n = (struct network){ .id = id, .name = name, .created_ns = ctr_now_ns(),
				 .driver = m->q->driver ? m->q->driver : "bridge", .internal = m->q->internal, .isolate = true,
				 .icc = true, .masquerade = true, .dns = !m->q->no_dns };
	if (r < 0)
		return r;
	if (!streq(m->n.driver, "bridge") && !streq(m->n.driver, "macvlan"))
		return dv_fail(e, DV_UNSUPPORTED, "unsupported driver %.64s: bridge and macvlan are there", m->n.driver);
	return network_migrate(m->g, e);
}

int network_create(struct engine *g, struct arena *a, const struct network_request *q, const char **ret, struct dv_err *e)
{
	struct make m = { .g = g, .a = a, .q = q };
	const char *name = q->name ? arena_str(a, q->name) : ctr_random_name(a, 0);
	struct network *old;
	int r = start(&m, name, e);

	if (r < 0)
		return r;
	if (network_find(g, a, name, &old, NULL) >= 0 && streq(old->name, name)) {
		r = dv_fail(e, DV_EXISTS, "network with name %.128s already exists", name);
	} else {
		r = make(&m, e);
		if (r < 0)
			give_back(&m);
		else if (network_find(g, a, name, &old, NULL) >= 0)
			network_event(g, old, "create", NULL);
	}
	if (r == -DV_EXISTS && q->ignore)
		r = 0;
	if (r >= 0)
		*ret = name;
	return r;
}

int network_need(struct engine *g, struct arena *a, const char *ref, struct network **ret, struct dv_err *e)
{
	static const struct network_request plain = { .name = NETWORK_DEFAULT, .ignore = true };
	const char *name;
	int r = network_find(g, a, ref, ret, e);

	if (r != -DV_NOT_FOUND || !streq(ref, NETWORK_DEFAULT))
		return r;
	if ((r = network_create(g, a, &plain, &name, e)) < 0)
		return r;
	return network_find(g, a, NETWORK_DEFAULT, ret, e);
}
