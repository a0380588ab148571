/* link.h - rtnetlink: bridges, veth pairs, macvlan, addresses, routes, neighbours, and what a host has of them.
 *
 * The functions that take a batch only write a message into it (nl.h); the kernel sees it with nl_send().
 * Links are named by name or, where an index is given, by that. Nothing here deletes a link that somebody
 * waits for: RTM_DELLINK blocks for tens of milliseconds, while a veth whose other end was in a network
 * namespace that nobody holds any more is removed by the kernel.
 */
#pragma once

#include "net/addr.h"
#include "net/nl.h"

#define LINK_NAME_SIZE 16

bool link_name_ok(const char *name);

/* A bridge that forwards at once, does no spanning tree and no multicast snooping, with a MAC of its own, set up. */
void link_add_bridge(struct nl_batch *b, const char *name, const struct net_mac *mac, unsigned mtu);
struct link_veth {
	const char *name;               /* our end */
	int index;                      /* its number; 0: any, and then the other end's is any, too */
	int master;                     /* index of its bridge */
	unsigned mtu;                   /* 0: the kernel's */
	const char *peer_name;          /* the other end, made inside peer_netns */
	int peer_netns;
	int peer_index;                 /* 0: any. Known beforehand it spares asking for it */
	struct net_mac peer_mac;
};
/* Our end comes up by itself; the other one cannot come up in the same message. */
void link_add_veth(struct nl_batch *b, const struct link_veth *v);
/* A macvlan (bridge mode) of parent, made inside netns. */
struct link_macvlan {
	int parent, netns, index;
	const char *name;
	unsigned mode;                  /* MACVLAN_MODE_* */
	unsigned mtu;
	struct net_mac mac;
};
void link_add_macvlan(struct nl_batch *b, const struct link_macvlan *v);
void link_up(struct nl_batch *b, int index);
void link_down(struct nl_batch *b, const char *name);
void link_rename(struct nl_batch *b, int index, const char *name);
void link_set_group(struct nl_batch *b, const char *name, uint32_t group);
/* The link becomes a port of the bridge with this index. */
void link_set_master(struct nl_batch *b, const char *name, int master);
/* Ports of a bridge that do not see each other. */
void link_set_isolated(struct nl_batch *b, const char *name);
/* What came in by the port may leave by it: where frames are redirected (br_netfilter and DNAT). */
void link_set_hairpin(struct nl_batch *b, const char *name);
/* What passes a bridge goes through the firewall of IP as well, as far as the kernel has br_netfilter. */
void link_set_filtered(struct nl_batch *b, int bridge);
/* No link-local IPv6 address comes up with it. */
void link_no_addrgen(struct nl_batch *b, int index);
/* Blocks; see above. */
void link_delete(struct nl_batch *b, const char *name);
void link_delete_group(struct nl_batch *b, uint32_t group);

/* Usable at once: no duplicate address detection. */
void link_add_addr(struct nl_batch *b, int index, const struct net_prefix *addr);
void link_del_addr(struct nl_batch *b, int index, const struct net_prefix *addr);
/* to->addr.family 0 with via: the default route of via's family. metric 0: none. */
void link_add_route(struct nl_batch *b, int index, const struct net_prefix *to, const struct net_addr *via, uint32_t metric);
/* addr is mac, for good. */
void link_add_neigh(struct nl_batch *b, int index, const struct net_addr *addr, const struct net_mac *mac);
void link_del_neigh(struct nl_batch *b, int index, const struct net_addr *addr);

/* --- asking --- */

struct link_info {
	int index;
	char name[LINK_NAME_SIZE];
	char kind[16];                  /* "bridge", "veth", "" */
	int master;
	unsigned flags;                 /* IFF_* */
	unsigned mtu;
	uint32_t group;
	struct net_mac mac;
};
struct link_list {
	struct link_info *v;
	size_t n, cap;
};
/* One link by name: NOT_FOUND. */
int link_find(int fd, const char *name, struct link_info *ret, struct dv_err *e) DV_MUST_USE;
int link_list(int fd, struct arena *a, struct link_list *ret, struct dv_err *e) DV_MUST_USE;

struct route_info {
	struct net_prefix to;           /* bits 0: a default route */
	struct net_addr via;
	int index;
	unsigned char type;             /* RTN_* */
};
struct route_list {
	struct route_info *v;
	size_t n, cap;
};
/* Of the main table, both families. */
int route_list(int fd, struct arena *a, struct route_list *ret, struct dv_err *e) DV_MUST_USE;
/* The host's own address that packets to `to` would have, and the interface they leave by. NOT_FOUND without a route. */
int route_get(int fd, const struct net_addr *to, struct net_addr *ret_source, int *ret_index, struct dv_err *e) DV_MUST_USE;

/* Parsers of single answers, for tests: 0, or 1 when it is something else than wanted. */
int link_parse(const void *body, size_t len, struct link_info *ret, struct dv_err *e) DV_MUST_USE;
int route_parse(const void *body, size_t len, struct route_info *ret, struct net_addr *ret_source,
		struct dv_err *e) DV_MUST_USE;
