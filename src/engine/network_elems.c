/* network_elems.c - the elements of the firewall's sets: what a network, an address and a published port are there. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/defence.h"
#include "base/file.h"
#include "base/str.h"
#include "engine/network_rules.h"
#include "monitor/job.h"
#include "net/conntrack.h"
#include "net/elems.h"

/* --- elements as values --- */

struct elems {
	struct arena *a;
	struct elem *v;
	size_t n, cap;
};

static struct elem *new_elem(struct elems *l, int family, const char *set, size_t key_len)
{
	if (l->n == l->cap) {
		struct elem *more = arena_array(l->a, struct elem, l->cap ? l->cap * 2 : 16);

		if (l->n)
			memcpy(more, l->v, l->n * sizeof *more);
		l->v = more;
		l->cap = l->cap ? l->cap * 2 : 16;
	}
	l->v[l->n] = (struct elem){ .family = family, .key_len = key_len };
	(void)snprintf(l->v[l->n].set, sizeof l->v[l->n].set, "%s", set);
	return &l->v[l->n++];
}

static void put_name(unsigned char *to, const char *name)
{
	memcpy(to, name, DV_MIN(strlen(name), (size_t)15));
}

static void add_name(struct elems *l, const char *set, const char *name)
{
	put_name(new_elem(l, NFPROTO_INET, set, 16)->key, name);
}

static void add_pair(struct elems *l, const char *set, const char *name)
{
	struct elem *x = new_elem(l, NFPROTO_INET, set, 32);

	put_name(x->key, name);
	put_name(x->key + 16, name);
}

static bool has_bridge(const struct network *n)
{
	return !streq(n->driver, "macvlan");
}

/* Its bridge's own addresses, where names are asked for. */
static void gateway_elems(struct elems *l, const struct network *n)
{
	for (int f = 0; f < NET_FAMILIES; f++) {
		const struct net_addr *x = &n->subnets[f].gateway;
		struct elem *asked;

		if (!addr_is(x))
			continue;
		memcpy(new_elem(l, NFPROTO_INET, f == NET_V4 ? "gateways4" : "gateways6", addr_len(x))->key, x->b, addr_len(x));
		asked = new_elem(l, NFPROTO_INET, f == NET_V4 ? "asked4" : "asked6", 16 + addr_len(x));
		put_name(asked->key, n->bridge);
		memcpy(asked->key + 16, x->b, addr_len(x));
	}
}

static void network_elems(struct elems *l, const struct network *n)
{
	if (!n || !has_bridge(n))
		return;
	add_name(l, "bridges", n->bridge);
	add_pair(l, "same", n->bridge);
	if (n->icc || !defence_on("net-icc"))
		add_pair(l, "talk", n->bridge);
	if (n->masquerade && !n->internal)
		add_name(l, "hidden", n->bridge);
	if (n->internal)
		add_name(l, "internal", n->bridge);
	if (!n->isolate)
		add_name(l, "open", n->bridge);
	gateway_elems(l, n);
}

/* --- an endpoint --- */

static void add_guard(struct elems *l, int f, const char *link, const struct net_mac *mac, const struct net_addr *addr)
{
	struct elem *x = new_elem(l, NFPROTO_BRIDGE, f == NET_V4 ? "guard4" : "guard6", 24 + addr_len(addr));

	put_name(x->key, link);
	memcpy(x->key + 16, mac->b, 6);
	memcpy(x->key + 24, addr->b, addr_len(addr));
}

static void address_elems(struct engine *g, struct elems *l, const struct network *n, const struct endpoint *p)
{
	const char *link = endpoint_link(g, l->a, p);
	struct net_addr local = addr_link_local(&p->mac);

	for (int f = 0; f < NET_FAMILIES; f++) {
		if (!addr_is(&p->addr[f]))
			continue;
		add_guard(l, f, link, &p->mac, &p->addr[f]);
		/* A routed network is there to be addressed. */
		if (n->masquerade)
			memcpy(new_elem(l, NFPROTO_INET, f == NET_V4 ? "addresses4" : "addresses6", addr_len(&p->addr[f]))->key,
			       p->addr[f].b, addr_len(&p->addr[f]));
	}
	if (addr_is(&p->addr[NET_V6]))
		add_guard(l, NET_V6, link, &p->mac, &local);
}

static unsigned number(const struct json *j, const char *key)
{
	uint64_t v = 0;

	return json_u64(json_get(j, key), &v) ? (unsigned)v : 0;
}

/* ip: the address it is published on, "" for all. */
struct elem rules_port(struct arena *a, const char *proto, const char *ip, unsigned outer, const struct net_addr *to,
		       unsigned inner)
{
	static const char *const names[2][NET_FAMILIES] = { { "any4", "any6" }, { "host4", "host6" } };
	struct elems l = { .a = a };
	struct net_addr host = { 0 };
	struct elem *x;
	size_t at;
	bool one;

	if (*ip)
		dv_ignore(addr_parse(ip, "port", &host, NULL));
	one = addr_is(&host) && !addr_is_any(&host) && defence_on("net-host-address");
	at = one ? addr_len(to) : 0;
	x = new_elem(&l, NFPROTO_INET, names[one][to->family == AF_INET6 ? NET_V6 : NET_V4], at + 8);
	memcpy(x->key, host.b, at);
	x->key[at] = streq(proto, "udp") ? IPPROTO_UDP : IPPROTO_TCP;
	x->key[at + 4] = (unsigned char)(outer >> 8);
	x->key[at + 5] = (unsigned char)outer;
	memcpy(x->data, to->b, addr_len(to));
	x->data[addr_len(to)] = (unsigned char)(inner >> 8);
	x->data[addr_len(to) + 1] = (unsigned char)inner;
	x->data_len = addr_len(to) + 4;
	return *x;
}

static void self_elem(struct elems *l, int f, const struct net_addr *addr)
{
	size_t len = addr_len(addr);
	struct elem *x = new_elem(l, NFPROTO_INET, f == NET_V4 ? "self4" : "self6", 2 * len);

	memcpy(x->key, addr->b, len);
	memcpy(x->key + len, addr->b, len);
}

static void port_elems(struct elems *l, const struct endpoint *p)
{
	for (int f = 0; f < NET_FAMILIES && json_len(p->ports); f++)
		if (addr_is(&p->addr[f]))
			self_elem(l, f, &p->addr[f]);
	for (JSON_EACH(it, p->ports)) {
		const char *ip = json_str(json_get(it.value, "ip")), *proto = json_str(json_get(it.value, "proto"));
		unsigned outer = number(it.value, "host");
		struct net_addr host = { 0 };

		if (!outer || !proto || (ip && *ip && addr_parse(ip, "port", &host, NULL) < 0) || addr_is_loopback(&host))
			continue;       /* loopback is not the firewall's */
		for (int f = 0; f < NET_FAMILIES; f++)
			if (addr_is(&p->addr[f]) && (!host.family || host.family == p->addr[f].family)) {
				struct elem x = rules_port(l->a, proto, ip ? ip : "", outer, &p->addr[f], number(it.value, "port"));

				*new_elem(l, x.family, x.set, x.key_len) = x;
			}
	}
}

static void endpoint_elems(struct engine *g, struct elems *l, const struct network_rows *nets, const struct endpoint *p)
{
	const struct network *n = network_by_seq(nets, p->network);

	if (!n || !has_bridge(n) || !endpoint_active(g, p))
		return;
	address_elems(g, l, n, p);
	port_elems(l, p);
}

/* --- transactions --- */

static const char *table_name(struct engine *g, struct arena *a)
{
	return arena_printf(a, "davit-%s", network_tag(g, a));
}

struct tables {
	struct nl_batch b;
	struct nft inet, bridge;
	const char *prefix;
	int fd;
};

static int tables_begin(struct engine *g, struct arena *a, struct tables *t, struct dv_err *e)
{
	const char *name = table_name(g, a);

	t->b = NL_BATCH;
	t->fd = -1;
	t->inet = (struct nft){ &t->b, NFPROTO_INET, name };
	t->bridge = (struct nft){ &t->b, NFPROTO_BRIDGE, name };
	t->prefix = arena_printf(a, "dv%s", network_tag(g, a));
	nft_begin(&t->b);
	return nl_open(NETLINK_NETFILTER, -1, &t->fd, e);
}

static void tables_end(struct tables *t)
{
	nl_batch_done(&t->b);
	fd_close(&t->fd);
}

/* --- what is asked for --- */

/* What a kernel says that lacks a part of it; where the table is known to be there, NOT_FOUND as well. */
static int rules_failed(int r, bool table, struct dv_err *e)
{
	int sys = e ? e->sys : 0;

	if (sys == EPROTONOSUPPORT || sys == EOPNOTSUPP || sys == EAFNOSUPPORT || (table && sys == ENOENT))
		return dv_fail(e, DV_UNSUPPORTED, "this kernel has no nf_tables with NAT for IPv4, IPv6 and bridges, which networks need "
			       "(modprobe nf_tables nft_chain_nat nft_fib_inet nft_masq nft_meta_bridge); --network host and none work");
	return table ? dv_wrap(e, "firewall") : r;
}

int rules_add(struct engine *g, struct arena *a, const struct network_rows *nets, struct endpoint *const *v, size_t n,
	      struct dv_err *e)
{
	struct elems l = { .a = a };
	int r;

	for (size_t i = 0; i < n; i++) {
		network_elems(&l, network_by_seq(nets, v[i]->network));
		endpoint_elems(g, &l, nets, v[i]);
	}
	if (l.n && (r = elems_add(table_name(g, a), l.v, l.n, e)) < 0)
		return rules_failed(r, false, e);
	return 0;
}

int rules_remove(struct engine *g, struct arena *a, const struct network_rows *nets, struct endpoint *const *v, size_t n,
		 struct dv_err *e)
{
	struct elems l = { .a = a };

	for (size_t i = 0; i < n; i++)
		endpoint_elems(g, &l, nets, v[i]);
	return elems_remove(table_name(g, a), l.v, l.n, e);
}

static size_t udp_ports(struct arena *a, struct endpoint *const *v, size_t n, unsigned **ret)
{
	size_t k = 0, most = 0;

	for (size_t i = 0; i < n; i++)
		most += json_len(v[i]->ports);
	*ret = arena_array(a, unsigned, most + 1);
	for (size_t i = 0; i < n; i++)
		for (JSON_EACH(it, v[i]->ports))
			if (streq(json_str(json_get(it.value, "proto")), "udp"))
				(*ret)[k++] = number(it.value, "host");
	return k;
}

void rules_forget_flows(struct arena *a, struct endpoint *const *v, size_t n)
{
	unsigned *ports;
	size_t n_ports = udp_ports(a, v, n, &ports);

	/* Flows that cannot be looked at end by themselves, later. */
	dv_ignore(conntrack_forget_udp(ports, n_ports, NULL));
}

static struct json *udp_json(struct arena *a, struct endpoint *const *v, size_t n)
{
	struct json *list = json_new_array(a);
	unsigned *ports;
	size_t n_ports = udp_ports(a, v, n, &ports);

	for (size_t i = 0; i < n_ports; i++)
		json_append(a, list, json_new_u64(a, ports[i]));
	return list;
}

/* The same as text, and the names of its records (dns/records.h). */
int rules_note(struct engine *g, struct arena *a, const struct network_rows *nets, struct endpoint *const *v, size_t n,
	       struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(JOB_BYTES_MAX);
	struct json *records = json_new_array(a);
	struct elems l = { .a = a };
	int r;

	for (size_t i = 0; i < n; i++) {
		const struct network *net = network_by_seq(nets, v[i]->network);

		endpoint_elems(g, &l, nets, v[i]);
		if (net)
			json_append(a, records, json_new_str(a, arena_printf(a, "%s.%s.ctr", net->id, v[i]->container)));
	}
	if (!n)
		return 0;
	json_write(&b, json_obj(a, "table", json_new_str(a, table_name(g, a)), "elements", elems_json(a, l.v, l.n), "records", records,
				"udp", udp_json(a, v, n), NULL), JSON_COMPACT);
	r = file_replace(engine_runfd(g), arena_printf(a, "containers/%s/" JOB_LEAVES, v[0]->container), 0600, buf_cstr(&b), b.len,
			 false, e);
	return r == -DV_NOT_FOUND ? 0 : r;      /* a pod: nobody is there at its end but who ends it */
}

int rules_remove_network(struct engine *g, struct arena *a, const struct network *n, struct dv_err *e)
{
	struct elems l = { .a = a };

	network_elems(&l, n);
	return elems_remove(table_name(g, a), l.v, l.n, e);
}

static void uplink_elems(struct engine *g, struct elems *l)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);
	struct scan s;
	const char *line;
	size_t len;

	if (file_read(engine_runfd(g), "network.uplinks", &b, NULL) < 0)
		return;
	s = scan_of(buf_cstr(&b), b.len);
	while (scan_until(&s, '\n', &line, &len))
		if (len && len < 16)
			add_name(l, "uplinks", arena_strn(l->a, line, len));
}

int rules_install(struct engine *g, struct arena *a, struct dv_err *e)
{
	struct network_rows nets;
	struct endpoint_list points;
	struct elems l = { .a = a };
	struct tables t;
	int r;

	if ((r = network_rows(g, a, &nets, e)) < 0 || (r = endpoint_rows(g, a, NULL, 0, &points, e)) < 0)
		return r;
	for (size_t i = 0; i < nets.n; i++)
		network_elems(&l, nets.v[i]);
	for (size_t i = 0; i < points.n; i++)
		endpoint_elems(g, &l, &nets, points.v[i]);
	uplink_elems(g, &l);
	r = tables_begin(g, a, &t, e);
	if (r >= 0) {
		rules_write_tables(&t.inet, &t.bridge, t.prefix);
		for (size_t i = 0; i < l.n; i++)
			elem_put(&t.inet, &t.bridge, &l.v[i], false);
		r = nft_send(t.fd, &t.b, e);
	}
	tables_end(&t);
	return r < 0 ? rules_failed(r, true, e) : others_write(g, a, true, e);
}

int rules_uninstall(struct engine *g, struct arena *a, struct dv_err *e)
{
	struct tables t;
	int r = tables_begin(g, a, &t, e);

	if (r >= 0) {
		nft_table(&t.inet, 0);
		nft_table(&t.bridge, 0);
		nft_del_table(&t.inet);
		nft_del_table(&t.bridge);
		r = nft_send(t.fd, &t.b, e);
	}
	tables_end(&t);
	return r < 0 ? r : others_write(g, a, false, e);
}

bool rules_there(struct engine *g, struct arena *a)
{
	struct tables t;
	bool there = tables_begin(g, a, &t, NULL) >= 0 && nft_table_there(t.fd, &t.inet) && nft_table_there(t.fd, &t.bridge);

	tables_end(&t);
	return there;
}
