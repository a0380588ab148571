/* network_rules.c - the firewall's table: all rules are there from the start and never change; what changes is data.
 *
 * Two tables of one name, davit-XXXXXXXX (the digits are the root's own):
 *
 *	inet	early		prerouting before anything: loopback addresses from outside, containers addressed directly
 *		arrive, leave	DNAT of published ports: of packets that come in, and of this host's own
 *		pass		forward: replies; into a network: the same network, or a published port; out of one; the host
 *				is no router between the links that it had before
 *		ask		input: a network's name server is asked from that network only
 *		out		masquerading
 *	bridge	guard		a port of a bridge sends with its own MAC and addresses only, in IP, ARP and neighbour
 *				advertisements, and nothing else
 *
 * Each rule that holds an attack off has a name (base/defence.h), by which tests/attack/attack_net.bats leaves it out.
 *
 * A container is one element of `addresses` and one of `guard` for each address, a published port one of the maps.
 */
#include <errno.h>
#include <linux/rtnetlink.h>

#include "base/defence.h"
#include "engine/network_rules.h"
#include "net/nft.h"

#define STATE_REPLIES (1u << 1 | 1u << 2)       /* established, related */
#define STATUS_DNAT (1u << 5)

/* --- sets --- */

enum { KEY_PORT = NFT_T2(NFT_T_PROTO, NFT_T_PORT), PAIR = NFT_T2(NFT_T_IFNAME, NFT_T_IFNAME) };

static const struct {
	int family;
	struct nft_set set;
} sets[] = {
	{ NFPROTO_INET, { "bridges", NFT_T_IFNAME, 16, 0, 0 } },
	{ NFPROTO_INET, { "same", PAIR, 32, 0, 0 } },
	{ NFPROTO_INET, { "talk", PAIR, 32, 0, 0 } },
	{ NFPROTO_INET, { "hidden", NFT_T_IFNAME, 16, 0, 0 } },
	{ NFPROTO_INET, { "internal", NFT_T_IFNAME, 16, 0, 0 } },
	{ NFPROTO_INET, { "open", NFT_T_IFNAME, 16, 0, 0 } },
	{ NFPROTO_INET, { "uplinks", NFT_T_IFNAME, 16, 0, 0 } },
	{ NFPROTO_INET, { "addresses4", NFT_T_IPV4, 4, 0, 0 } },
	{ NFPROTO_INET, { "addresses6", NFT_T_IPV6, 16, 0, 0 } },
	{ NFPROTO_INET, { "gateways4", NFT_T_IPV4, 4, 0, 0 } },
	{ NFPROTO_INET, { "gateways6", NFT_T_IPV6, 16, 0, 0 } },
	{ NFPROTO_INET, { "asked4", NFT_T2(NFT_T_IFNAME, NFT_T_IPV4), 20, 0, 0 } },
	{ NFPROTO_INET, { "asked6", NFT_T2(NFT_T_IFNAME, NFT_T_IPV6), 32, 0, 0 } },
	{ NFPROTO_INET, { "self4", NFT_T2(NFT_T_IPV4, NFT_T_IPV4), 8, 0, 0 } },
	{ NFPROTO_INET, { "self6", NFT_T2(NFT_T_IPV6, NFT_T_IPV6), 32, 0, 0 } },
	{ NFPROTO_INET, { "any4", KEY_PORT, 8, NFT_T2(NFT_T_IPV4, NFT_T_PORT), 8 } },
	{ NFPROTO_INET, { "any6", KEY_PORT, 8, NFT_T2(NFT_T_IPV6, NFT_T_PORT), 20 } },
	{ NFPROTO_INET, { "host4", NFT_T3(NFT_T_IPV4, NFT_T_PROTO, NFT_T_PORT), 12, NFT_T2(NFT_T_IPV4, NFT_T_PORT), 8 } },
	{ NFPROTO_INET, { "host6", NFT_T3(NFT_T_IPV6, NFT_T_PROTO, NFT_T_PORT), 24, NFT_T2(NFT_T_IPV6, NFT_T_PORT), 20 } },
	{ NFPROTO_BRIDGE, { "guard4", NFT_T3(NFT_T_IFNAME, NFT_T_ETHER, NFT_T_IPV4), 28, 0, 0 } },
	{ NFPROTO_BRIDGE, { "guard6", NFT_T3(NFT_T_IFNAME, NFT_T_ETHER, NFT_T_IPV6), 40, 0, 0 } },
};

static void add_sets(const struct nft *t)
{
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		if (sets[i].family == t->family)
			nft_set(t, &sets[i].set, (uint32_t)i + 1);
}

/* --- pieces of rules --- */

static void if_in(struct nft_rule *r, uint32_t key, const char *set, bool inverted)
{
	nft_meta(r, key, NFT_REG_1);
	nft_lookup(r, set, NFT_REG_1, 0, inverted);
}

static void if_pair(struct nft_rule *r, const char *set)
{
	nft_meta(r, NFT_META_IIFNAME, NFT_R(0));
	nft_meta(r, NFT_META_OIFNAME, NFT_R(4));
	nft_lookup(r, set, NFT_R(0), 0, false);
}

static void if_family(struct nft_rule *r, int family)
{
	unsigned char v = (unsigned char)family;

	nft_if_meta(r, NFT_META_NFPROTO, NFT_CMP_EQ, &v, 1);
}

static void end_with(struct nft_rule *r, int verdict)
{
	nft_verdict(r, verdict, NULL);
	nft_rule_end(r);
}

static const struct {
	int family;
	uint32_t saddr, daddr, len;
} ip[NET_FAMILIES] = { { NFPROTO_IPV4, 12, 16, 4 }, { NFPROTO_IPV6, 8, 24, 16 } };

static const char *const any_map[NET_FAMILIES] = { "any4", "any6" }, *const host_map[NET_FAMILIES] = { "host4", "host6" },
			 *const address_set[NET_FAMILIES] = { "addresses4", "addresses6" },
			 *const self_set[NET_FAMILIES] = { "self4", "self6" },
			 *const gateway_set[NET_FAMILIES] = { "gateways4", "gateways6" },
			 *const asked_set[NET_FAMILIES] = { "asked4", "asked6" };

/* --- early --- */

static void early_rules(const struct nft *t)
{
	struct nft_rule r;

	nft_chain(t, "early", &(struct nft_hook){ "filter", NF_INET_PRE_ROUTING, -300 });
	if (defence_on("net-loopback")) {
		r = nft_rule(t, "early", "loopback addresses do not come from outside");
		nft_if_name(&r, NFT_META_IIFNAME, NFT_CMP_NEQ, "lo");
		if_family(&r, NFPROTO_IPV4);
		nft_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, 16, 1, NFT_REG_1);
		nft_cmp(&r, NFT_CMP_EQ, NFT_REG_1, "\x7f", 1);
		end_with(&r, NF_DROP);
	}
	for (int f = 0; f < NET_FAMILIES && defence_on("net-direct"); f++) {
		r = nft_rule(t, "early", "containers are not addressed from outside");
		if_family(&r, ip[f].family);
		nft_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, ip[f].daddr, ip[f].len, NFT_REG_1);
		nft_lookup(&r, address_set[f], NFT_REG_1, 0, false);
		nft_if_name(&r, NFT_META_IIFNAME, NFT_CMP_NEQ, "lo");
		if_in(&r, NFT_META_IIFNAME, "bridges", true);
		end_with(&r, NF_DROP);
	}
}

/* --- DNAT --- */

/* The value has the address in its first registers, the port behind it. */
static void dnat_from(struct nft_rule *r, int f, const char *map)
{
	nft_lookup(r, map, NFT_R(0), NFT_R(0), false);
	nft_dnat(r, (uint32_t)ip[f].family, NFT_R(0), NFT_R(ip[f].len / 4));
	nft_rule_end(r);
}

static void dnat_rules(const struct nft *t, const char *chain)
{
	static const uint32_t local = RTN_LOCAL;
	struct nft_rule r;

	for (int f = 0; f < NET_FAMILIES; f++) {
		uint32_t words = ip[f].len / 4;

		r = nft_rule(t, chain, "ports published on one address");
		if_family(&r, ip[f].family);
		nft_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, ip[f].daddr, ip[f].len, NFT_R(0));
		nft_meta(&r, NFT_META_L4PROTO, NFT_R(words));
		nft_payload(&r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_R(words + 1));
		dnat_from(&r, f, host_map[f]);
		r = nft_rule(t, chain, "ports published on all addresses of the host");
		if_family(&r, ip[f].family);
		nft_fib_daddr_type(&r, NFT_REG_1);
		nft_cmp(&r, NFT_CMP_EQ, NFT_REG_1, &local, sizeof local);
		nft_meta(&r, NFT_META_L4PROTO, NFT_R(0));
		nft_payload(&r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_R(1));
		dnat_from(&r, f, any_map[f]);
	}
}

/* What the host itself sends to its loopback addresses cannot leave by another interface. */
static void leave_rules(const struct nft *t)
{
	struct nft_rule r;

	nft_chain(t, "leave", &(struct nft_hook){ "nat", NF_INET_LOCAL_OUT, -100 });
	r = nft_rule(t, "leave", "loopback stays on the host");
	nft_if_name(&r, NFT_META_OIFNAME, NFT_CMP_EQ, "lo");
	if_family(&r, NFPROTO_IPV4);
	nft_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, 16, 1, NFT_REG_1);
	nft_cmp(&r, NFT_CMP_EQ, NFT_REG_1, "\x7f", 1);
	end_with(&r, NFT_RETURN);
	r = nft_rule(t, "leave", "loopback stays on the host");
	if_family(&r, NFPROTO_IPV6);
	nft_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, 24, 16, NFT_REG_1);
	nft_cmp(&r, NFT_CMP_EQ, NFT_REG_1, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	end_with(&r, NFT_RETURN);
	dnat_rules(t, "leave");
}

/* --- forward --- */

static void into_rules(const struct nft *t)
{
	struct nft_rule r;

	nft_chain(t, "into", NULL);
	r = nft_rule(t, "into", "from the same network");
	if_pair(&r, "talk");
	end_with(&r, NF_ACCEPT);
	for (int i = 0; i < 2 && defence_on("net-internal"); i++) {
		r = nft_rule(t, "into", "internal networks are closed");
		if_in(&r, i ? NFT_META_OIFNAME : NFT_META_IIFNAME, "internal", false);
		end_with(&r, NF_DROP);
	}
	r = nft_rule(t, "into", "published ports");
	nft_if_ct(&r, NFT_CT_STATUS, STATUS_DNAT);
	end_with(&r, NF_ACCEPT);
	r = nft_rule(t, "into", "between networks without isolation");
	if_in(&r, NFT_META_IIFNAME, "open", false);
	if_in(&r, NFT_META_OIFNAME, "open", false);
	end_with(&r, NF_ACCEPT);
	if (!defence_on("net-isolate"))
		return;
	r = nft_rule(t, "into", "another network, or from outside and not published");
	nft_counter(&r);
	end_with(&r, NF_DROP);
}

static void pass_rules(const struct nft *t)
{
	struct nft_rule r;

	nft_chain(t, "pass", &(struct nft_hook){ "filter", NF_INET_FORWARD, 0 });
	r = nft_rule(t, "pass", "replies");
	nft_if_ct(&r, NFT_CT_STATE, STATE_REPLIES);
	end_with(&r, NF_ACCEPT);
	r = nft_rule(t, "pass", "into a network");
	if_in(&r, NFT_META_OIFNAME, "bridges", false);
	nft_verdict(&r, NFT_JUMP, "into");
	nft_rule_end(&r);
	if (defence_on("net-internal")) {
		r = nft_rule(t, "pass", "no way out of an internal network");
		if_in(&r, NFT_META_IIFNAME, "internal", false);
		end_with(&r, NF_DROP);
	}
	r = nft_rule(t, "pass", "out of a network");
	if_in(&r, NFT_META_IIFNAME, "bridges", false);
	end_with(&r, NF_ACCEPT);
	if (!defence_on("net-router"))
		return;
	r = nft_rule(t, "pass", "no router between the host's own links");
	if_in(&r, NFT_META_IIFNAME, "uplinks", false);
	if_in(&r, NFT_META_OIFNAME, "uplinks", false);
	end_with(&r, NF_DROP);
}

/* Who is in a network finds its neighbours there; others are told nothing. This host asks as it likes. */
static void ask_rules(const struct nft *t)
{
	static const unsigned char port[2] = { 0, 53 };
	struct nft_rule r;

	nft_chain(t, "ask", &(struct nft_hook){ "filter", NF_INET_LOCAL_IN, 0 });
	for (int f = 0; f < NET_FAMILIES && defence_on("net-names"); f++) {
		r = nft_rule(t, "ask", "names of a network are asked for in that network");
		nft_if_name(&r, NFT_META_IIFNAME, NFT_CMP_NEQ, "lo");
		if_family(&r, ip[f].family);
		nft_payload(&r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1);
		nft_cmp(&r, NFT_CMP_EQ, NFT_REG_1, port, sizeof port);
		nft_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, ip[f].daddr, ip[f].len, NFT_R(4));
		nft_lookup(&r, gateway_set[f], NFT_R(4), 0, false);
		nft_meta(&r, NFT_META_IIFNAME, NFT_R(0));
		nft_lookup(&r, asked_set[f], NFT_R(0), 0, true);
		end_with(&r, NF_DROP);
	}
}

static void out_rules(const struct nft *t)
{
	struct nft_rule r;

	nft_chain(t, "out", &(struct nft_hook){ "nat", NF_INET_POST_ROUTING, 100 });
	r = nft_rule(t, "out", "a neighbour through its published port: answers must come back here");
	nft_if_ct(&r, NFT_CT_STATUS, STATUS_DNAT);
	if_pair(&r, "same");
	nft_masquerade(&r, NF_NAT_RANGE_PROTO_RANDOM_FULLY);
	nft_rule_end(&r);
	/* Packets that only pass a bridge (br_netfilter) have no interface they came from here. */
	for (int f = 0; f < NET_FAMILIES; f++) {
		r = nft_rule(t, "out", "a container through its own published port");
		nft_if_ct(&r, NFT_CT_STATUS, STATUS_DNAT);
		if_family(&r, ip[f].family);
		nft_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, ip[f].saddr, ip[f].len, NFT_R(0));
		nft_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, ip[f].daddr, ip[f].len, NFT_R(ip[f].len / 4));
		nft_lookup(&r, self_set[f], NFT_R(0), 0, false);
		nft_masquerade(&r, NF_NAT_RANGE_PROTO_RANDOM_FULLY);
		nft_rule_end(&r);
	}
	r = nft_rule(t, "out", "containers look like the host outside");
	if_in(&r, NFT_META_IIFNAME, "hidden", false);
	if_in(&r, NFT_META_OIFNAME, "bridges", true);
	nft_masquerade(&r, NF_NAT_RANGE_PROTO_RANDOM_FULLY);
	nft_rule_end(&r);
}

/* --- guard --- */

static void guard_key(struct nft_rule *r, uint32_t mac_base, uint32_t mac_at, uint32_t ip_base, uint32_t ip_at, uint32_t len)
{
	nft_meta(r, NFT_META_IIFNAME, NFT_R(0));
	nft_payload(r, mac_base, mac_at, 6, NFT_R(4));
	nft_payload(r, ip_base, ip_at, len, NFT_R(6));
}

static void if_ethertype(struct nft_rule *r, unsigned type)
{
	unsigned char v[2] = { (unsigned char)(type >> 8), (unsigned char)type };

	nft_if_meta(r, NFT_META_PROTOCOL, NFT_CMP_EQ, v, sizeof v);
}

static void if_icmp6(struct nft_rule *r, unsigned char type)
{
	unsigned char icmp6 = 58;

	if_ethertype(r, 0x86dd);
	nft_if_meta(r, NFT_META_L4PROTO, NFT_CMP_EQ, &icmp6, 1);
	nft_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, NFT_REG_1);
	nft_cmp(r, NFT_CMP_EQ, NFT_REG_1, &type, 1);
}

/* Of a test that leaves a defence out. */
static void accept_all(const struct nft *t, unsigned type)
{
	struct nft_rule r = nft_rule(t, "guard", "anybody's");

	if_ethertype(&r, type);
	end_with(&r, NF_ACCEPT);
}

static void arp_rules(const struct nft *t)
{
	struct nft_rule r;

	if (!defence_on("net-arp")) {
		accept_all(t, 0x0806);
		return;
	}
	r = nft_rule(t, "guard", "ARP says whose address is whose: only its own");
	if_ethertype(&r, 0x0806);
	guard_key(&r, NFT_PAYLOAD_NETWORK_HEADER, 8, NFT_PAYLOAD_NETWORK_HEADER, 14, 4);
	nft_lookup(&r, "guard4", NFT_R(0), 0, true);
	end_with(&r, NF_DROP);
	r = nft_rule(t, "guard", "ARP from its own MAC");
	if_ethertype(&r, 0x0806);
	guard_key(&r, NFT_PAYLOAD_LL_HEADER, 6, NFT_PAYLOAD_NETWORK_HEADER, 14, 4);
	nft_lookup(&r, "guard4", NFT_R(0), 0, false);
	end_with(&r, NF_ACCEPT);
}

static void ip_rules(const struct nft *t)
{
	struct nft_rule r;

	if (!defence_on("net-ipv4"))
		accept_all(t, 0x0800);
	r = nft_rule(t, "guard", "IPv4 from its own addresses");
	if_ethertype(&r, 0x0800);
	guard_key(&r, NFT_PAYLOAD_LL_HEADER, 6, NFT_PAYLOAD_NETWORK_HEADER, 12, 4);
	nft_lookup(&r, "guard4", NFT_R(0), 0, false);
	end_with(&r, NF_ACCEPT);
}

static void ip6_rules(const struct nft *t)
{
	struct nft_rule r;

	if (defence_on("net-advert")) {
		r = nft_rule(t, "guard", "no container is a router");
		if_icmp6(&r, 134);
		end_with(&r, NF_DROP);
	}
	if (defence_on("net-neighbour")) {
		r = nft_rule(t, "guard", "a neighbour advertises its own address only");
		if_icmp6(&r, 136);
		guard_key(&r, NFT_PAYLOAD_LL_HEADER, 6, NFT_PAYLOAD_TRANSPORT_HEADER, 8, 16);
		nft_lookup(&r, "guard6", NFT_R(0), 0, true);
		end_with(&r, NF_DROP);
	}
	if (!defence_on("net-ipv6"))
		accept_all(t, 0x86dd);
	r = nft_rule(t, "guard", "IPv6 from its own addresses");
	if_ethertype(&r, 0x86dd);
	guard_key(&r, NFT_PAYLOAD_LL_HEADER, 6, NFT_PAYLOAD_NETWORK_HEADER, 8, 16);
	nft_lookup(&r, "guard6", NFT_R(0), 0, false);
	end_with(&r, NF_ACCEPT);
}

static void guard_rules(const struct nft *t, const char *prefix)
{
	struct nft_rule r;

	nft_chain(t, "guard", &(struct nft_hook){ "filter", NF_BR_PRE_ROUTING, -300 });
	r = nft_rule(t, "guard", "no container of ours");
	nft_if_meta(&r, NFT_META_IIFNAME, NFT_CMP_NEQ, prefix, strlen(prefix));
	end_with(&r, NF_ACCEPT);
	arp_rules(t);
	ip_rules(t);
	ip6_rules(t);
	if (!defence_on("net-frames"))
		return;
	r = nft_rule(t, "guard", "anything else");
	nft_counter(&r);
	end_with(&r, NF_DROP);
}

/* --- all --- */

void rules_write_tables(const struct nft *inet, const struct nft *bridge, const char *prefix)
{
	const struct nft *const tables[] = { inet, bridge };

	/* Made so that it can be removed, whatever it was, and made again: one step for those who look. */
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		nft_table(tables[i], 0);
		nft_del_table(tables[i]);
		nft_table(tables[i], 0);
		add_sets(tables[i]);
	}
	early_rules(inet);
	nft_chain(inet, "arrive", &(struct nft_hook){ "nat", NF_INET_PRE_ROUTING, -100 });
	dnat_rules(inet, "arrive");
	leave_rules(inet);
	into_rules(inet);
	pass_rules(inet);
	ask_rules(inet);
	out_rules(inet);
	guard_rules(bridge, prefix);
}
