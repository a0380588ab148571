/* link.c - rtnetlink messages that change something. */
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "base/str.h"
#include "net/link.h"

bool link_name_ok(const char *s)
{
	return *s && strlen(s) < LINK_NAME_SIZE && !streq(s, ".") && !streq(s, "..") && !s[strcspn(s, "/: \t\n%*\"")];
}

#define NEW (NLM_F_CREATE | NLM_F_EXCL)

static void link_msg(struct nl_batch *b, const char *label, unsigned type, unsigned flags, int index, unsigned up)
{
	struct ifinfomsg m = { .ifi_index = index, .ifi_flags = up, .ifi_change = up };

	nl_msg(b, label, type, flags, &m, sizeof m);
}

static void set_mac(struct nl_batch *b, const struct net_mac *mac)
{
	if (mac_is(mac))
		nl_attr(b, IFLA_ADDRESS, mac->b, sizeof mac->b);
}

/* --- links --- */

void link_add_bridge(struct nl_batch *b, const char *name, const struct net_mac *mac, unsigned mtu)
{
	size_t info, data;

	link_msg(b, "make a bridge", RTM_NEWLINK, NEW, 0, IFF_UP);
	nl_str(b, IFLA_IFNAME, name);
	set_mac(b, mac);
	if (mtu)
		nl_u32(b, IFLA_MTU, mtu);
	info = nl_nest(b, IFLA_LINKINFO);
	nl_str(b, IFLA_INFO_KIND, "bridge");
	data = nl_nest(b, IFLA_INFO_DATA);
	nl_u32(b, IFLA_BR_FORWARD_DELAY, 0);
	nl_u32(b, IFLA_BR_STP_STATE, 0);
	nl_u8(b, IFLA_BR_MCAST_SNOOPING, 0);
	nl_nest_end(b, data);
	nl_nest_end(b, info);
}

void link_add_veth(struct nl_batch *b, const struct link_veth *v)
{
	struct ifinfomsg peer = { .ifi_index = v->peer_index };
	size_t info, data, nest;

	link_msg(b, "make a veth pair", RTM_NEWLINK, NEW, v->index, IFF_UP);
	nl_str(b, IFLA_IFNAME, v->name);
	if (v->mtu)
		nl_u32(b, IFLA_MTU, v->mtu);
	nl_u32(b, IFLA_MASTER, (uint32_t)v->master);
	info = nl_nest(b, IFLA_LINKINFO);
	nl_str(b, IFLA_INFO_KIND, "veth");
	data = nl_nest(b, IFLA_INFO_DATA);
	nest = nl_nest(b, VETH_INFO_PEER);
	nl_raw(b, &peer, sizeof peer);
	nl_str(b, IFLA_IFNAME, v->peer_name);
	nl_u32(b, IFLA_NET_NS_FD, (uint32_t)v->peer_netns);
	if (v->mtu)
		nl_u32(b, IFLA_MTU, v->mtu);
	set_mac(b, &v->peer_mac);
	nl_nest_end(b, nest);
	nl_nest_end(b, data);
	nl_nest_end(b, info);
}

void link_add_macvlan(struct nl_batch *b, const struct link_macvlan *v)
{
	size_t info, data;

	link_msg(b, "make a macvlan", RTM_NEWLINK, NEW, v->index, 0);
	nl_str(b, IFLA_IFNAME, v->name);
	nl_u32(b, IFLA_LINK, (uint32_t)v->parent);
	nl_u32(b, IFLA_NET_NS_FD, (uint32_t)v->netns);
	if (v->mtu)
		nl_u32(b, IFLA_MTU, v->mtu);
	set_mac(b, &v->mac);
	info = nl_nest(b, IFLA_LINKINFO);
	nl_str(b, IFLA_INFO_KIND, "macvlan");
	data = nl_nest(b, IFLA_INFO_DATA);
	nl_u32(b, IFLA_MACVLAN_MODE, v->mode);
	nl_nest_end(b, data);
	nl_nest_end(b, info);
}

void link_up(struct nl_batch *b, int index)
{
	link_msg(b, "set an interface up", RTM_NEWLINK, 0, index, IFF_UP);
}

void link_down(struct nl_batch *b, const char *name)
{
	struct ifinfomsg m = { .ifi_change = IFF_UP };

	nl_msg(b, "set an interface down", RTM_NEWLINK, 0, &m, sizeof m);
	nl_str(b, IFLA_IFNAME, name);
}

void link_rename(struct nl_batch *b, int index, const char *name)
{
	link_msg(b, "rename an interface", RTM_NEWLINK, 0, index, 0);
	nl_str(b, IFLA_IFNAME, name);
}

void link_set_group(struct nl_batch *b, const char *name, uint32_t group)
{
	link_msg(b, "set the group of an interface", RTM_NEWLINK, 0, 0, 0);
	nl_str(b, IFLA_IFNAME, name);
	nl_u32(b, IFLA_GROUP, group);
}

void link_set_master(struct nl_batch *b, const char *name, int master)
{
	link_msg(b, "make a link a bridge's port", RTM_NEWLINK, 0, 0, 0);
	nl_str(b, IFLA_IFNAME, name);
	nl_u32(b, IFLA_MASTER, (uint32_t)master);
}

static void set_port(struct nl_batch *b, const char *label, const char *name, unsigned attr)
{
	size_t info, data;

	link_msg(b, label, RTM_NEWLINK, 0, 0, 0);
	nl_str(b, IFLA_IFNAME, name);
	info = nl_nest(b, IFLA_LINKINFO);
	nl_str(b, IFLA_INFO_SLAVE_KIND, "bridge");
	data = nl_nest(b, IFLA_INFO_SLAVE_DATA);
	nl_u8(b, attr, 1);
	nl_nest_end(b, data);
	nl_nest_end(b, info);
}

void link_set_isolated(struct nl_batch *b, const char *name)
{
	set_port(b, "isolate a bridge's port", name, IFLA_BRPORT_ISOLATED);
}

void link_set_hairpin(struct nl_batch *b, const char *name)
{
	set_port(b, "set a bridge's port", name, IFLA_BRPORT_MODE);
}

void link_set_filtered(struct nl_batch *b, int bridge)
{
	size_t info, data;

	link_msg(b, "filter what passes a bridge", RTM_NEWLINK, 0, bridge, 0);
	info = nl_nest(b, IFLA_LINKINFO);
	nl_str(b, IFLA_INFO_KIND, "bridge");
	data = nl_nest(b, IFLA_INFO_DATA);
	nl_u8(b, IFLA_BR_NF_CALL_IPTABLES, 1);
	nl_u8(b, IFLA_BR_NF_CALL_IP6TABLES, 1);
	nl_nest_end(b, data);
	nl_nest_end(b, info);
}

void link_no_addrgen(struct nl_batch *b, int index)
{
	size_t spec, inet6;

	link_msg(b, "set the IPv6 mode of an interface", RTM_NEWLINK, 0, index, 0);
	spec = nl_nest(b, IFLA_AF_SPEC);
	inet6 = nl_nest(b, AF_INET6);
	nl_u8(b, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	nl_nest_end(b, inet6);
	nl_nest_end(b, spec);
}

void link_delete(struct nl_batch *b, const char *name)
{
	link_msg(b, "delete an interface", RTM_DELLINK, 0, 0, 0);
	nl_str(b, IFLA_IFNAME, name);
}

void link_delete_group(struct nl_batch *b, uint32_t group)
{
	link_msg(b, "delete a group of interfaces", RTM_DELLINK, 0, 0, 0);
	nl_u32(b, IFLA_GROUP, group);
}

/* --- addresses, routes, neighbours --- */

static void addr_msg(struct nl_batch *b, const char *label, unsigned type, unsigned flags, int index,
		     const struct net_prefix *addr)
{
	struct ifaddrmsg m = { .ifa_family = (uint8_t)addr->addr.family, .ifa_prefixlen = (uint8_t)addr->bits,
			       .ifa_index = (uint32_t)index, .ifa_scope = RT_SCOPE_UNIVERSE,
			       .ifa_flags = addr->addr.family == AF_INET6 ? IFA_F_NODAD : 0 };
	struct net_addr last = prefix_last(addr);

	if (addr->addr.family == AF_INET6 && addr->addr.b[0] == 0xfe && addr->addr.b[1] == 0x80)
		m.ifa_scope = RT_SCOPE_LINK;
	nl_msg(b, label, type, flags, &m, sizeof m);
	nl_attr(b, IFA_LOCAL, addr->addr.b, addr_len(&addr->addr));
	nl_attr(b, IFA_ADDRESS, addr->addr.b, addr_len(&addr->addr));
	if (addr->addr.family == AF_INET && addr->bits < 31)
		nl_attr(b, IFA_BROADCAST, last.b, 4);
}

void link_add_addr(struct nl_batch *b, int index, const struct net_prefix *addr)
{
	addr_msg(b, "set an address", RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, addr);
}

void link_del_addr(struct nl_batch *b, int index, const struct net_prefix *addr)
{
	addr_msg(b, "remove an address", RTM_DELADDR, 0, index, addr);
}

void link_add_route(struct nl_batch *b, int index, const struct net_prefix *to, const struct net_addr *via, uint32_t metric)
{
	int family = to && addr_is(&to->addr) ? to->addr.family : via->family;
	struct rtmsg m = { .rtm_family = (uint8_t)family, .rtm_dst_len = to ? (uint8_t)to->bits : 0,
			   .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC, .rtm_type = RTN_UNICAST,
			   .rtm_scope = via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK };

	nl_msg(b, "set a route", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &m, sizeof m);
	if (to && to->bits)
		nl_attr(b, RTA_DST, to->addr.b, addr_len(&to->addr));
	if (via)
		nl_attr(b, RTA_GATEWAY, via->b, addr_len(via));
	nl_u32(b, RTA_OIF, (uint32_t)index);
	if (metric)
		nl_u32(b, RTA_PRIORITY, metric);
}

static void neigh_msg(struct nl_batch *b, const char *label, unsigned type, unsigned flags, int index,
		      const struct net_addr *addr)
{
	struct ndmsg m = { .ndm_family = (uint8_t)addr->family, .ndm_ifindex = index, .ndm_state = NUD_PERMANENT };

	nl_msg(b, label, type, flags, &m, sizeof m);
	nl_attr(b, NDA_DST, addr->b, addr_len(addr));
}

void link_add_neigh(struct nl_batch *b, int index, const struct net_addr *addr, const struct net_mac *mac)
{
	neigh_msg(b, "set a neighbour", RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, index, addr);
	nl_attr(b, NDA_LLADDR, mac->b, sizeof mac->b);
}

void link_del_neigh(struct nl_batch *b, int index, const struct net_addr *addr)
{
	neigh_msg(b, "remove a neighbour", RTM_DELNEIGH, 0, index, addr);
}
