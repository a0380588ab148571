/* network_link.c - bridges and the links of containers. */
#include <errno.h>
#include <netinet/in.h>        /* before those of the kernel */
#include <linux/if.h>
#include <linux/if_link.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/network_parts.h"

/* The inner ends have numbers that we choose, so nobody has to ask for them; low ones may be those of tunnels that some
 * kernels put into every namespace. */
#define INNER_INDEX 100
#define LINK_TRIES 4

/* --- forwarding --- */

static bool is_on(const char *path)
{
	char text[16];

	return file_read_kernel(AT_FDCWD, path, text, sizeof text, NULL) > 0 && *text != '0';
}

/* Interfaces that the host had before we made it forward: it shall not become a router between them. */
static int note_uplinks(struct engine *g, struct arena *a, int route, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);
	struct link_list l;
	int r = link_list(route, a, &l, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < l.n; i++)
		if (!(l.v[i].flags & IFF_LOOPBACK) && !str_starts(l.v[i].name, arena_printf(a, "br%s-", network_tag(g, a))))
			buf_printf(&b, "%s\n", l.v[i].name);
	return file_replace(engine_runfd(g), "network.uplinks", 0600, buf_cstr(&b), b.len, false, e);
}

static int forward(struct engine *g, struct arena *a, int route, bool v6, struct dv_err *e)
{
	static const char v4_path[] = "/proc/sys/net/ipv4/ip_forward", v6_path[] = "/proc/sys/net/ipv6/conf/all/forwarding";
	int r;

	if (!is_on(v4_path)) {
		if ((r = note_uplinks(g, a, route, e)) < 0 || (r = file_write(AT_FDCWD, v4_path, "1", e)) < 0)
			return r;
	}
	return v6 && !is_on(v6_path) ? file_write(AT_FDCWD, v6_path, "1", e) : 0;
}

/* --- bridges --- */

/* Neighbours that must not talk: the firewall says so where it sees what passes a bridge, the bridge itself elsewhere. The
 * firewall is the better one, since it lets through what goes to a published port. */
static bool has_bridge_filter(void)
{
	return access("/proc/sys/net/bridge", F_OK) == 0;
}

static void bridge_addresses(struct nl_batch *b, int index, const struct network *n)
{
	for (int f = 0; f < NET_FAMILIES; f++) {
		const struct network_subnet *s = &n->subnets[f];
		struct net_prefix own = { s->gateway, s->prefix.bits };

		if (addr_is(&s->prefix.addr) && addr_is(&s->gateway))
			link_add_addr(b, index, &own);
	}
}

/* Since the network was made the host may have got a route to the same addresses: nobody would be found. */
static int check_routes(struct arena *a, int route, const struct network *n, struct dv_err *e)
{
	struct route_list l;
	int r = route_list(route, a, &l, e);

	for (size_t i = 0; r >= 0 && i < l.n; i++)
		for (int f = 0; f < NET_FAMILIES; f++)
			if (addr_is(&n->subnets[f].prefix.addr) && l.v[i].to.bits && prefix_overlap(&l.v[i].to, &n->subnets[f].prefix))
				return dv_fail(e, DV_CONFLICT, "network %.64s: the host has a route to %s, which meets its subnet %s",
					       n->name, prefix_str(a, &l.v[i].to), prefix_str(a, &n->subnets[f].prefix));
	return r;
}

static void set_port(struct nl_batch *b, const char *link, int bridge, const struct network *n, const struct endpoint *p)
{
	/* Its own published port leads it back to itself. */
	if (json_len(p->ports))
		link_set_hairpin(b, link);
	if (!n->icc && !has_bridge_filter())
		link_set_isolated(b, link);
	/* Nobody has to ask who has the address: it is known, and cannot be claimed by another. */
	for (int f = 0; f < NET_FAMILIES; f++)
		if (addr_is(&p->addr[f]))
			link_add_neigh(b, bridge, &p->addr[f], &p->mac);
}

/* Somebody removed the bridge under containers that run: their links become ports of the new one. */
static int take_ports(struct engine *g, struct arena *a, int route, int bridge, const struct network *n, struct dv_err *e)
{
	struct endpoint_list l;
	int r = endpoint_rows(g, a, NULL, n->seq, &l, e);

	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		auto_nl struct nl_batch b = NL_BATCH;

		if (!endpoint_active(g, l.v[i]))
			continue;
		link_set_master(&b, endpoint_link(g, a, l.v[i]), bridge);
		set_port(&b, endpoint_link(g, a, l.v[i]), bridge, n, l.v[i]);
		dv_ignore(nl_send(route, &b, NULL));    /* one whose container has not got its link yet, or has ended */
	}
	return r;
}

static int bridge_make(struct engine *g, struct arena *a, int route, const struct network *n, int *ret_index, struct dv_err *e)
{
	auto_nl struct nl_batch b = NL_BATCH, addrs = NL_BATCH;
	const struct net_addr *gate = &n->subnets[addr_is(&n->subnets[NET_V4].gateway) ? NET_V4 : NET_V6].gateway;
	struct net_mac mac = mac_of_addr(addr_is(gate) ? gate : &(struct net_addr){ AF_INET, { 0 } }, 0x42);
	bool v6 = addr_is(&n->subnets[NET_V6].prefix.addr);
	struct link_info l;
	int r;

	mac.b[1] = (unsigned char)(n->seq & 0xff);
	link_add_bridge(&b, n->bridge, &mac, n->mtu);
	if ((r = check_routes(a, route, n, e)) < 0 || (r = forward(g, a, route, v6, e)) < 0)
		return r;
	/* Somebody else may be doing the same: the kernel takes one of us, the addresses of both. */
	r = nl_send(route, &b, e);
	if (r < 0 && b.sys == EOPNOTSUPP)
		return dv_fail(e, DV_UNSUPPORTED, "this kernel makes no bridges (modprobe bridge); --network host and none work");
	if (r < 0 && r != -DV_EXISTS)
		return r;
	if ((r = link_find(route, n->bridge, &l, e)) < 0)
		return r;
	bridge_addresses(&addrs, l.index, n);
	if (!n->icc && has_bridge_filter())
		link_set_filtered(&addrs, l.index);
	if ((r = nl_send(route, &addrs, e)) < 0 || (r = take_ports(g, a, route, l.index, n, e)) < 0)
		return r;
	*ret_index = l.index;
	return 0;
}

int bridge_up(struct engine *g, struct arena *a, int route, const struct network *n, int *ret_index, struct dv_err *e)
{
	struct link_info l = { 0 };
	int r = link_find(route, n->bridge, &l, NULL);

	if (r >= 0) {
		*ret_index = l.index;
		if (streq(n->driver, "macvlan") || streq(l.kind, "bridge"))
			return 0;
		return dv_fail(e, DV_CONFLICT, "network %.64s: interface %s is not a bridge", n->name, n->bridge);
	}
	if (streq(n->driver, "macvlan"))
		return dv_fail(e, DV_NOT_FOUND, "network %.64s: parent interface %s does not exist", n->name, n->bridge);
	r = bridge_make(g, a, route, n, ret_index, e);
	return r < 0 ? dv_wrap(e, "network %.64s", n->name) : 0;
}

/* --- a container's link --- */

static unsigned macvlan_mode(const char *mode)
{
	static const struct {
		const char *name;
		unsigned mode;
	} rows[] = { { "private", MACVLAN_MODE_PRIVATE }, { "vepa", MACVLAN_MODE_VEPA }, { "passthru", MACVLAN_MODE_PASSTHRU } };

	for (size_t i = 0; mode && i < ARRAY_LEN(rows); i++)
		if (streq(rows[i].name, mode))
			return rows[i].mode;
	return MACVLAN_MODE_BRIDGE;
}

/* Our end has a number that we choose as well, or the kernel does not take the other's. */
static int outer_index(struct engine *g, struct arena *a, const struct endpoint *p)
{
	unsigned char tag[4] = { 0 };

	(void)str_unhex(network_tag(g, a), tag, sizeof tag);
	return 0x10000000 | tag[0] << 20 | (int)(p->seq & 0xfffff);
}

static int send_link(struct engine *g, struct arena *a, int route, int netns, int bridge, int index, const struct network *n,
		     const struct endpoint *p, struct dv_err *e)
{
	auto_nl struct nl_batch b = NL_BATCH;

	if (streq(n->driver, "macvlan")) {
		link_add_macvlan(&b, &(struct link_macvlan){ .parent = bridge, .netns = netns, .index = index, .name = p->ifname,
							     .mode = macvlan_mode(n->mode), .mtu = n->mtu, .mac = p->mac });
	} else {
		link_add_veth(&b, &(struct link_veth){ .name = endpoint_link(g, a, p), .index = outer_index(g, a, p),
						       .master = bridge, .mtu = n->mtu, .peer_name = p->ifname, .peer_netns = netns, .peer_index = index,
						       .peer_mac = p->mac });
		set_port(&b, endpoint_link(g, a, p), bridge, n, p);
	}
	return nl_send(route, &b, e);
}

static void delete_link(const char *name)
{
	auto_nl struct nl_batch b = NL_BATCH;
	auto_close int fd = -1;

	link_delete(&b, name);
	if (nl_open(NETLINK_ROUTE, -1, &fd, NULL) >= 0)
		dv_ignore(nl_send(fd, &b, NULL));
}

/* The link of the container's last start goes when the kernel gets to its namespace, which may be later than now: then
 * it is removed here, which waits for it. */
static int make_link(struct engine *g, struct arena *a, int route, int netns, int bridge, int index, const struct network *n,
		     const struct endpoint *p, struct dv_err *e)
{
	int r = -DV_EXISTS;

	for (int tries = 0; tries < LINK_TRIES && r == -DV_EXISTS; tries++) {
		if (tries)
			delete_link(endpoint_link(g, a, p));
		r = send_link(g, a, route, netns, bridge, index, n, p, e);
	}
	return r;
}

static void address(struct nl_batch *b, int index, const struct network *n, const struct endpoint *p, int family)
{
	struct net_prefix own = { p->addr[family], n->subnets[family].prefix.bits };

	if (addr_is(&own.addr))
		link_add_addr(b, index, &own);
}

static int configure(int inside, int index, const struct network *n, const struct endpoint *p, bool gateway, struct dv_err *e)
{
	auto_nl struct nl_batch b = NL_BATCH;
	struct net_prefix own = { addr_link_local(&p->mac), 64 };

	/* Without an IPv6 subnet there is no IPv6 at all: programs would believe that there is some. */
	link_no_addrgen(&b, index);
	link_up(&b, index);
	address(&b, index, n, p, NET_V4);
	if (addr_is(&p->addr[NET_V6])) {
		link_add_addr(&b, index, &own);
		address(&b, index, n, p, NET_V6);
	}
	for (int f = 0; f < NET_FAMILIES && gateway && !n->internal; f++)
		if (addr_is(&p->addr[f]) && addr_is(&n->subnets[f].gateway))
			link_add_route(&b, index, NULL, &n->subnets[f].gateway, 0);
	return nl_send(inside, &b, e);
}

int endpoint_up(struct engine *g, struct arena *a, int route, int inside, int netns, int bridge, unsigned which,
		const struct network *n, const struct endpoint *p, bool gateway, struct dv_err *e)
{
	int index = INNER_INDEX + (int)which, r;

	if ((r = make_link(g, a, route, netns, bridge, index, n, p, e)) < 0 ||
	    (r = configure(inside, index, n, p, gateway, e)) < 0)
		return dv_wrap(e, "network %.64s", n->name);
	return 0;
}

/* --- away --- */

/* The kernel lets the caller wait for tens of milliseconds: a process that nobody waits for does that. It has no parent
 * from the start, so that it leaves no zombie. */
int link_delete_later(const char *name, struct dv_err *e)
{
	pid_t child = fork();

	if (child < 0)
		return dv_fail_errno(e, errno, "fork");
	if (child == 0) {
		if (fork() == 0) {
			for (int fd = 0; fd < 3; fd++)
				(void)close(fd);
			(void)setsid();
			delete_link(name);
		}
		_exit(0);
	}
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}
