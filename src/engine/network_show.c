/* network_show.c - a container's networks and ports as docker shows them. */
#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/str.h"
#include "engine/network_parts.h"

static struct json *text(struct arena *a, const char *s)
{
	return json_new_str(a, s ? s : "");
}

static struct json *addr_json(struct arena *a, const struct net_addr *x)
{
	return text(a, addr_str(a, x));
}

static unsigned number(const struct json *j, const char *key)
{
	uint64_t v = 0;

	return json_u64(json_get(j, key), &v) ? (unsigned)v : 0;
}

/* --- ports --- */

static int by_port(const void *x, const void *y)
{
	const struct network_port *p = x, *q = y;

	if (p->port != q->port)
		return p->port < q->port ? -1 : 1;
	if (!streq(p->proto, q->proto))
		return strcmp(p->proto, q->proto);
	if (!streq(p->host_ip, q->host_ip))
		return strcmp(p->host_ip, q->host_ip);
	return p->host_port < q->host_port ? -1 : p->host_port > q->host_port;
}

static void add_ports(const struct endpoint *p, struct network_port_list *l)
{
	bool v6 = addr_is(&p->addr[NET_V6]), v4 = addr_is(&p->addr[NET_V4]);

	for (JSON_EACH(it, p->ports)) {
		const char *ip = json_str(json_get(it.value, "ip"));
		struct network_port x = { json_str(json_get(it.value, "proto")), number(it.value, "port"), ip,
					  number(it.value, "host") };

		if (!ip || !x.proto)
			continue;
		if (*ip) {
			l->v[l->n++] = x;
			continue;
		}
		x.host_ip = "0.0.0.0";
		if (v4)
			l->v[l->n++] = x;
		x.host_ip = "::";
		if (v6)
			l->v[l->n++] = x;
	}
}

static void ports_of(struct engine *g, struct arena *a, const struct endpoint_list *points, struct network_port_list *ret)
{
	struct network_port_list l = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < points->n; i++)
		n += 2 * json_len(points->v[i]->ports);
	l.v = arena_array(a, struct network_port, n + 1);
	for (size_t i = 0; i < points->n; i++)
		if (endpoint_active(g, points->v[i]))
			add_ports(points->v[i], &l);
	if (l.n)
		qsort(l.v, l.n, sizeof *l.v, by_port);
	*ret = l;
}

int network_ports(struct engine *g, struct arena *a, const char *id, struct network_port_list *ret, struct dv_err *e)
{
	struct endpoint_list l;
	int r;

	if ((r = network_migrate(g, e)) < 0 || (r = endpoint_rows(g, a, id, 0, &l, e)) < 0)
		return r;
	ports_of(g, a, &l, ret);
	return 0;
}

/* Neighbours that run along with each other are one range. */
static size_t run_length(const struct network_port *v, size_t n)
{
	size_t i = 1;

	while (i < n && streq(v[i].proto, v[0].proto) && streq(v[i].host_ip, v[0].host_ip) && v[i].port == v[0].port + i &&
	       v[i].host_port == (v[0].host_port ? v[0].host_port + i : 0))
		i++;
	return i;
}

static const char *range_text(struct arena *a, unsigned first, size_t n)
{
	return n > 1 ? arena_printf(a, "%u-%u", first, first + (unsigned)n - 1) : arena_printf(a, "%u", first);
}

const char *network_ports_text(struct arena *a, const struct network_port_list *l)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);
	size_t n;

	for (size_t i = 0; i < l->n; i += n) {
		const struct network_port *p = &l->v[i];

		n = run_length(p, l->n - i);
		buf_str(&b, b.len ? ", " : "");
		if (p->host_port)
			buf_printf(&b, strchr(p->host_ip, ':') ? "[%s]:%s->" : "%s:%s->", p->host_ip, range_text(a, p->host_port, n));
		buf_printf(&b, "%s/%s", range_text(a, p->port, n), p->proto);
	}
	return arena_str(a, buf_cstr(&b));
}

static struct json *ports_json(struct arena *a, const struct network_port_list *l)
{
	struct json *out = json_new_object(a);

	for (size_t i = 0; i < l->n; i++) {
		const char *key = arena_printf(a, "%u/%s", l->v[i].port, l->v[i].proto);
		struct json *list = json_get_mut(out, key);

		if (!list)
			json_set(a, out, key, list = json_new_array(a));
		json_append(a, list, json_obj(a, "HostIp", text(a, l->v[i].host_ip), "HostPort",
					      text(a, arena_printf(a, "%u", l->v[i].host_port)), NULL));
	}
	return out;
}

/* --- networks --- */

struct part {
	struct json *address, *bits, *gateway;
};

/* Empty while it does not run. */
static struct part part_of(struct arena *a, const struct network *n, const struct endpoint *p, int f, bool active)
{
	const struct network_subnet *s = &n->subnets[f];
	bool has = active && addr_is(&p->addr[f]);

	return (struct part){ has ? addr_json(a, &p->addr[f]) : text(a, ""), json_new_u64(a, has ? s->prefix.bits : 0),
			      has && addr_is(&s->gateway) ? addr_json(a, &s->gateway) : text(a, "") };
}

static struct json *ipam_config(struct arena *a, const struct endpoint *p)
{
	if (!p->want[NET_V4] && !p->want[NET_V6])
		return json_null(a);
	return json_obj(a, "IPv4Address", p->want[NET_V4] ? text(a, p->want[NET_V4]) : NULL, "IPv6Address",
			p->want[NET_V6] ? text(a, p->want[NET_V6]) : NULL, NULL);
}

static struct json *one_network(struct engine *g, struct arena *a, const struct network *n, const struct endpoint *p)
{
	bool active = endpoint_active(g, p);
	struct part v4 = part_of(a, n, p, NET_V4, active), v6 = part_of(a, n, p, NET_V6, active);

	return json_obj(a, "IPAMConfig", ipam_config(a, p), "Links", json_null(a), "Aliases",
			p->aliases ? json_copy(a, p->aliases) : json_new_array(a), "NetworkID", text(a, n->id), "EndpointID",
			text(a, active ? arena_printf(a, "%064llx", (long long)p->seq) : ""), "Gateway", v4.gateway, "IPAddress",
			v4.address, "IPPrefixLen", v4.bits, "IPv6Gateway", v6.gateway, "GlobalIPv6Address", v6.address,
			"GlobalIPv6PrefixLen", v6.bits, "MacAddress", text(a, active ? mac_str(a, &p->mac) : ""), "DriverOpts",
			json_null(a), NULL);
}

static struct json *empty_network(struct arena *a)
{
	static const char *const keys[] = { "NetworkID", "EndpointID", "Gateway", "IPAddress", "IPv6Gateway", "GlobalIPv6Address",
					    "MacAddress" };
	struct json *j = json_new_object(a);

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		json_set(a, j, keys[i], text(a, ""));
	return j;
}

/* The fields of the first network stand outside as well, as they did when there was one only. */
static void copy_first(struct arena *a, struct json *to, const struct json *from)
{
	static const char *const keys[] = { "EndpointID", "Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPAddress",
					    "IPPrefixLen", "IPv6Gateway", "MacAddress" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		json_set(a, to, keys[i],
			 from && json_get(from, keys[i]) ? json_copy(a, json_get(from, keys[i])) :
			 str_ends(keys[i], "Len")	 ? json_new_u64(a, 0) :
							   text(a, ""));
}

int network_settings(struct engine *g, struct arena *a, const char *id, const char *mode, struct json **ret, struct dv_err *e)
{
	struct json *nets = json_new_object(a), *j;
	struct network_port_list ports = { 0 };
	struct endpoint_list l = { 0 };
	struct network_rows rows;
	int r = 0;

	if (!streq(mode, "none") && !streq(mode, "host") &&
	    ((r = network_migrate(g, e)) < 0 || (r = endpoint_rows(g, a, id, 0, &l, e)) < 0 || (r = network_rows(g, a, &rows, e)) < 0))
		return r;
	for (size_t i = 0; i < l.n; i++) {
		const struct network *n = network_by_seq(&rows, l.v[i]->network);

		if (n)
			json_set(a, nets, n->name, one_network(g, a, n, l.v[i]));
	}
	if (!l.n && !strchr(mode, ':'))
		json_set(a, nets, mode, empty_network(a));
	ports_of(g, a, &l, &ports);
	j = json_obj(a, "Bridge", text(a, ""), "SandboxID", text(a, ""), "SandboxKey", text(a, ""), "HairpinMode",
		     json_new_bool(a, false), "Ports", ports_json(a, &ports), NULL);
	copy_first(a, j, l.n ? json_at(nets, 0) : NULL);
	json_set(a, j, "Networks", nets);
	*ret = j;
	return 0;
}
