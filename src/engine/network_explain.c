/* network_explain.c - the way of a packet to a port of the host, rule by rule, as things are now.
 *
 * Every step says where the packet is looked at, what happens to it there, and whether that is so at this moment: rows
 * tell what should be, the kernel and /proc what is.
 */
#include <netinet/in.h>        /* before those of the kernel */
#include <linux/if.h>
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/life.h"
#include "engine/network_parts.h"
#include "engine/pod.h"
#include "net/elems.h"

#define TCP_LISTENS 0x0a
#define UDP_BOUND 0x07
#define SOCKETS_BYTES (16 << 20)

struct explain {
	struct engine *g;
	struct arena *a;
	const char *proto;
	unsigned port;
	int route, nft;
	struct network_rows nets;
	struct json *steps;
};

/* One published port, and the container behind it. */
struct way {
	const struct endpoint *p;
	const struct network *n;
	const char *name;               /* of the container, or pod */
	pid_t pid;                      /* its first process; 0: that of a pod's is not known */
	const char *ip;                 /* of the host: "" is all */
	unsigned inner;
};

/* ok: true, false, or what nobody can tell (-1). */
static void step(struct explain *x, int ok, const char *where, const char *what)
{
	json_append(x->a, x->steps,
		    json_obj(x->a, "Where", json_new_str(x->a, where), "What", json_new_str(x->a, what), "Ok",
			     ok < 0 ? json_null(x->a) : json_new_bool(x->a, ok > 0), NULL));
}

static bool is_on(const char *path)
{
	char text[16];

	return file_read_kernel(AT_FDCWD, path, text, sizeof text, NULL) > 0 && *text != '0';
}

/* --- sockets, as /proc shows them --- */

/* "  0: 00000000:1F90 00000000:0000 0A ..." */
static bool line_has(const char *line, unsigned port, unsigned state)
{
	char local[80], want[8], st[4];
	const char *colon;

	(void)snprintf(want, sizeof want, ":%04X", port);
	(void)snprintf(st, sizeof st, "%02X", state);
	line = strchr(line, ':');
	if (!line)
		return false;
	line += 1 + strspn(line + 1, " ");
	(void)snprintf(local, sizeof local, "%.*s", (int)strcspn(line, " "), line);
	colon = strrchr(local, ':');
	line += strcspn(line, " ");
	line += strspn(line, " ");
	line += strcspn(line, " ");
	line += strspn(line, " ");
	return colon && streq(colon, want) && strncmp(line, st, 2) == 0;
}

static bool file_listens(struct explain *x, const char *path, unsigned port)
{
	auto_buf struct buf b = BUF_INIT(SOCKETS_BYTES);
	const char *line;
	struct scan s;
	size_t len;

	if (file_read(AT_FDCWD, path, &b, NULL) < 0)
		return false;
	s = scan_of(buf_cstr(&b), b.len);
	while (scan_until(&s, '\n', &line, &len))
		if (line_has(arena_strn(x->a, line, len), port, streq(x->proto, "udp") ? UDP_BOUND : TCP_LISTENS))
			return true;
	return false;
}

static bool listens(struct explain *x, const char *proc, unsigned port)
{
	return file_listens(x, arena_printf(x->a, "%s/net/%s", proc, x->proto), port) ||
	       file_listens(x, arena_printf(x->a, "%s/net/%s6", proc, x->proto), port);
}

/* --- steps --- */

static void explain_dnat(struct explain *x, const struct way *w, int f)
{
	const char *table = arena_printf(x->a, "davit-%s", network_tag(x->g, x->a));
	struct elem e = rules_port(x->a, x->proto, w->ip, x->port, &w->p->addr[f], w->inner);

	step(x, elem_there(x->nft, table, &e),
	     arena_printf(x->a, "nftables: table inet %s, chain arrive (leave, for what this host sends), map %s", table, e.set),
	     arena_printf(x->a, "%s port %u of %s becomes %s port %u (DNAT)", x->proto, x->port,
			  *w->ip ? w->ip : "any address of this host", addr_str(x->a, &w->p->addr[f]), w->inner));
}

static void explain_forward(struct explain *x, const struct way *w, int f)
{
	const char *path = f == NET_V4 ? "/proc/sys/net/ipv4/ip_forward" : "/proc/sys/net/ipv6/conf/all/forwarding";
	const char *table = arena_printf(x->a, "davit-%s", network_tag(x->g, x->a));
	struct link_info l = { 0 };
	bool up;

	step(x, is_on(path), "kernel: routing", arena_printf(x->a, "%s is 1: the host passes packets on", path + strlen("/proc/sys/")));
	step(x, rules_there(x->g, x->a), arena_printf(x->a, "nftables: table inet %s, chains pass and into", table),
	     "\"published ports\": what was changed above is let through; anything else into the network is dropped");
	up = link_find(x->route, w->n->bridge, &l, NULL) >= 0 && (l.flags & IFF_UP);
	step(x, up, arena_printf(x->a, "bridge %s", w->n->bridge), arena_printf(x->a, "network %s is up", w->n->name));
	up = link_find(x->route, endpoint_link(x->g, x->a, w->p), &l, NULL) >= 0 && (l.flags & IFF_UP);
	step(x, up, arena_printf(x->a, "link %s", endpoint_link(x->g, x->a, w->p)),
	     arena_printf(x->a, "leads to %s of container %s", w->p->ifname, w->name));
}

static const char *family_name(int family)
{
	return family == NFPROTO_IPV4 ? "ip" : family == NFPROTO_IPV6 ? "ip6" : "inet";
}

/* Chains of others that drop what nobody lets through there. */
static void explain_others(struct explain *x, int f)
{
	struct nft_bases l = { 0 };
	char names[64];

	if (nft_bases(x->nft, x->a, &l, NULL) < 0)
		return;
	for (size_t i = 0; i < l.n; i++)
		if (l.v[i].hook == NF_INET_FORWARD && others_drop(&l.v[i]) &&
		    (l.v[i].family == NFPROTO_INET || l.v[i].family == (f == NET_V4 ? NFPROTO_IPV4 : NFPROTO_IPV6)))
			step(x, others_open(x->g, x->a, x->nft, &l.v[i]),
			     arena_printf(x->a, "nftables: table %s %s, chain %s", family_name(l.v[i].family), l.v[i].table, l.v[i].chain),
			     "another program's, which drops what it does not know: rules of ours in front let containers through");
	if (f == NET_V4 && file_read_kernel(AT_FDCWD, "/proc/net/ip_tables_names", names, sizeof names, NULL) > 0 && strstr(names, "filter"))
		step(x, -1, "iptables (legacy): table filter, chain FORWARD", "another program's: may drop; see `iptables-legacy -L FORWARD`");
}

static void explain_program(struct explain *x, const struct way *w)
{
	const char *proc = arena_printf(x->a, "/proc/%d", (int)w->pid);

	step(x, w->pid ? listens(x, proc, w->inner) : -1, arena_printf(x->a, "container %s", w->name),
	     arena_printf(x->a, "a program listens on %s port %u", x->proto, w->inner));
}

static void path_begin(struct explain *x, struct json *paths, const char *from)
{
	x->steps = json_new_array(x->a);
	json_append(x->a, paths, json_obj(x->a, "From", json_new_str(x->a, from), "Steps", x->steps, NULL));
}

static void explain_outside(struct explain *x, const struct way *w, int f, struct json *paths)
{
	const char *to = *w->ip ? w->ip : f == NET_V4 ? "any address of this host" : "any IPv6 address of this host";

	path_begin(x, paths, arena_printf(x->a, "another machine, another container or this host, to %s", to));
	step(x, 1, arena_printf(x->a, "nftables: table inet davit-%s, chain early", network_tag(x->g, x->a)),
	     "passes: it is sent neither to a loopback address from outside nor to a container's own address");
	explain_dnat(x, w, f);
	explain_forward(x, w, f);
	explain_others(x, f);
	explain_program(x, w);
}

static void explain_loopback(struct explain *x, const struct way *w, struct json *paths)
{
	size_t n;
	const struct records_publish *v = names_published(x->a, w->p, &n);

	for (size_t i = 0; i < n; i++) {
		const char *hash = strchr(v[i].at, '#'), *to = strchr(v[i].to, '#');

		if (v[i].udp != streq(x->proto, "udp") || !streq(hash + 1, arena_printf(x->a, "%u", x->port)))
			continue;
		path_begin(x, paths, arena_printf(x->a, "this host, to %.*s", (int)(hash - v[i].at), v[i].at));
		step(x, names_are_served(x->g), "davit-netd", "takes it there: packets of the loopback cannot leave by a bridge");
		step(x, 1, "davit-netd", arena_printf(x->a, "passes it on to %.*s port %s", (int)(to - v[i].to), v[i].to, to + 1));
		explain_program(x, w);
	}
}

/* --- who publishes it --- */

static bool is_it(struct explain *x, const struct json *port, struct way *w)
{
	uint64_t host = 0, inner = 0;
	const char *proto = json_str(json_get(port, "proto"));

	if (!proto || !streq(proto, x->proto) || !json_u64(json_get(port, "host"), &host) || host != x->port ||
	    !json_u64(json_get(port, "port"), &inner))
		return false;
	w->inner = (unsigned)inner;
	w->ip = json_str(json_get(port, "ip"));
	if (!w->ip || streq(w->ip, "0.0.0.0"))
		w->ip = "";
	return true;
}

static struct json *explain_way(struct explain *x, const struct way *w)
{
	struct json *paths = json_new_array(x->a);
	struct net_addr host = { 0 };

	if (*w->ip)
		dv_ignore(addr_parse(w->ip, "port", &host, NULL));
	for (int f = 0; f < NET_FAMILIES; f++)
		if (addr_is(&w->p->addr[f]) && (!host.family || host.family == w->p->addr[f].family) && !addr_is_loopback(&host))
			explain_outside(x, w, f, paths);
	explain_loopback(x, w, paths);
	return json_obj(x->a, "Container", json_new_str(x->a, w->name), "Id", json_new_str(x->a, w->p->container), "Network",
			json_new_str(x->a, w->n->name), "HostIp", json_new_str(x->a, w->ip), "HostPort", json_new_u64(x->a, x->port),
			"Port", json_new_u64(x->a, w->inner), "Paths", paths, NULL);
}

static int find_ways(struct explain *x, struct json *found, struct dv_err *e)
{
	struct endpoint_list l;
	int r = network_users(x->g, x->a, 0, &l, e);

	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		struct way w = { .p = l.v[i], .n = network_by_seq(&x->nets, l.v[i]->network) };
		struct ctr *c = NULL;

		if (!w.n || !endpoint_active(x->g, w.p) || !(w.name = pod_or_ctr_name(x->g, x->a, w.p->container)))
			continue;
		if (ctr_find(x->g, x->a, w.p->container, &c, NULL) >= 0 && life_settle(x->g, x->a, c, NULL) == 0)
			w.pid = c->init.pid;
		for (JSON_EACH(it, l.v[i]->ports))
			if (is_it(x, it.value, &w))
				json_append(x->a, found, explain_way(x, &w));
	}
	return r;
}

int network_explain(struct engine *g, struct arena *a, const char *proto, unsigned port, struct json **ret, struct dv_err *e)
{
	struct explain x = { .g = g, .a = a, .proto = proto, .port = port, .route = -1, .nft = -1 };
	struct json *found = json_new_array(a);
	int r;

	if ((r = network_migrate(g, e)) < 0 || (r = network_rows(g, a, &x.nets, e)) < 0 ||
	    (r = nl_open(NETLINK_ROUTE, -1, &x.route, e)) < 0 || (r = nl_open(NETLINK_NETFILTER, -1, &x.nft, e)) < 0)
		goto out;
	if ((r = find_ways(&x, found, e)) < 0)
		goto out;
	*ret = json_obj(a, "Port", json_new_u64(a, port), "Protocol", json_new_str(a, proto), "Published", found, "HostListens",
			json_new_bool(a, listens(&x, "/proc/self", port)), NULL);
out:
	fd_close(&x.route);
	fd_close(&x.nft);
	return r < 0 ? r : 0;
}
