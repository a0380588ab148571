/* nft_test.c - what we write is what nft(8) reads: it is the judge of every encoding here. */
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>

#include "net/netunit.h"
#include "net/nft.h"

#define ESTABLISHED (1u << 1 | 1u << 2)         /* NF_CT_STATE_BIT of established, related */

static const struct nft_set ports = {
	.name = "ports", .key_type = NFT_T2(NFT_T_PROTO, NFT_T_PORT), .key_len = 8,
	.data_type = NFT_T2(NFT_T_IPV4, NFT_T_PORT), .data_len = 8,
};
static const struct nft_set names = { .name = "names", .key_type = NFT_T_IFNAME, .key_len = 16 };
static const unsigned char port_key[8] = { 6, 0, 0, 0, 0x1f, 0x90 }, port_to[8] = { 10, 7, 0, 2, 0, 80 };

struct box {
	struct arena a;
	int fd;
	struct nl_batch b;
	struct nft t;
};

static void box_begin(struct box *x, int family)
{
	struct dv_err e = DV_ERR_NONE;

	arena_init(&x->a, 0);
	assert_ok(nl_open(NETLINK_NETFILTER, -1, &x->fd, &e), &e);
	x->b = NL_BATCH;
	x->t = (struct nft){ &x->b, family, "davit-test" };
	nft_begin(&x->b);
	nft_table(&x->t, NLM_F_EXCL);
}

static void box_commit(struct box *x)
{
	struct dv_err e = DV_ERR_NONE;

	assert_ok(nft_send(x->fd, &x->b, &e), &e);
	nl_batch_done(&x->b);
	x->b = NL_BATCH;
	nft_begin(&x->b);
}

static void box_end(struct box *x)
{
	nft_del_table(&x->t);
	box_commit(x);
	assert_string_equal(netunit_run(&x->a, "nft", "list", "ruleset"), "");
	nl_batch_done(&x->b);
	fd_close(&x->fd);
	arena_done(&x->a);
}

static const char *ruleset(struct box *x)
{
	return netunit_run(&x->a, "nft", "list", "ruleset");
}

static void test_sets(void **state)
{
	struct nft_elems l;
	struct box x;
	const char *text;

	(void)state;
	box_begin(&x, NFPROTO_INET);
	nft_set(&x.t, &ports, 1);
	nft_set(&x.t, &names, 2);
	l = nft_elems(&x.t, "ports", false, NLM_F_CREATE | NLM_F_EXCL);
	nft_elem(&l, port_key, 8, port_to, 8);
	nft_elems_end(&l);
	l = nft_elems(&x.t, "names", false, NLM_F_CREATE);
	nft_elem(&l, "br-x\0\0\0\0\0\0\0\0\0\0\0", 16, NULL, 0);
	nft_elems_end(&l);
	box_commit(&x);
	text = ruleset(&x);
	expect_has(text, "type inet_proto . inet_service : ipv4_addr . inet_service");
	expect_has(text, "elements = { tcp . 8080 : 10.7.0.2 . 80 }");
	expect_has(text, "elements = { \"br-x\" }");
	l = nft_elems(&x.t, "ports", true, 0);
	nft_elem(&l, port_key, 8, NULL, 0);
	nft_elems_end(&l);
	box_commit(&x);
	expect_not(ruleset(&x), "10.7.0.2");
	box_end(&x);
}

/* A transaction that fails has done nothing; the next one works. */
static void test_transaction(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct nft_elems l;
	struct box x;

	(void)state;
	box_begin(&x, NFPROTO_INET);
	nft_set(&x.t, &ports, 1);
	box_commit(&x);
	nft_chain(&x.t, "never", NULL);
	l = nft_elems(&x.t, "ports", true, 0);
	nft_elem(&l, port_key, 8, NULL, 0);
	nft_elems_end(&l);
	assert_fails(nft_send(x.fd, &x.b, &e), NOT_FOUND);
	assert_int_equal(e.sys, ENOENT);
	nl_batch_done(&x.b);
	x.b = NL_BATCH;
	nft_begin(&x.b);
	expect_not(ruleset(&x), "never");
	nft_table(&x.t, NLM_F_EXCL);
	nft_chain(&x.t, "behind", NULL);
	assert_fails(nft_send(x.fd, &x.b, &e), EXISTS);
	nl_batch_done(&x.b);
	x.b = NL_BATCH;
	nft_begin(&x.b);
	box_end(&x);
}

static void make_foreign(struct box *x)
{
	struct nft_rule r;

	nft_chain(&x->t, "fwd", &(struct nft_hook){ "filter", NF_INET_FORWARD, 0 });
	nft_chain(&x->t, "sub", NULL);
	for (int i = 0; i < 3; i++) {
		r = i ? nft_rule(&x->t, "fwd", i == 1 ? "mine" : "other") : nft_rule_first(&x->t, "sub", "mine");
		nft_verdict(&r, NF_ACCEPT, NULL);
		nft_rule_end(&r);
	}
	r = nft_rule_first(&x->t, "fwd", "mine");
	nft_verdict(&r, NF_ACCEPT, NULL);
	nft_rule_end(&r);
	box_commit(x);
}

static void test_asking(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct nft_handles h;
	struct box x;

	(void)state;
	box_begin(&x, NFPROTO_INET);
	make_foreign(&x);
	assert_ok(nft_rules_with(x.fd, &x.t, "fwd", "mine", &h, &e), &e);
	assert_int_equal(h.n, 2);
	nft_del_rule(&x.t, "fwd", h.v[0]);
	box_commit(&x);
	assert_ok(nft_rules_with(x.fd, &x.t, "fwd", "mine", &h, &e), &e);
	assert_int_equal(h.n, 1);
	assert_ok(nft_rules_with(x.fd, &x.t, "fwd", "min", &h, &e), &e);
	assert_int_equal(h.n, 0);
	assert_ok(nft_rules_with(x.fd, &x.t, "sub", "mine", &h, &e), &e);
	assert_int_equal(h.n, 1);
	box_end(&x);
}

static void nat_rules(struct nft *t)
{
	static const unsigned char v4 = NFPROTO_IPV4;
	static const uint32_t local = RTN_LOCAL;
	struct nft_rule r = nft_rule(t, "pre", "published ports");

	nft_fib_daddr_type(&r, NFT_REG_1);
	nft_cmp(&r, NFT_CMP_EQ, NFT_REG_1, &local, sizeof local);
	nft_if_meta(&r, NFT_META_NFPROTO, NFT_CMP_EQ, &v4, 1);
	nft_meta(&r, NFT_META_L4PROTO, NFT_R(0));
	nft_payload(&r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_R(1));
	nft_lookup(&r, "ports", NFT_R(0), NFT_R(0), false);
	nft_dnat(&r, NFPROTO_IPV4, NFT_R(0), NFT_R(1));
	nft_rule_end(&r);
	r = nft_rule(t, "post", NULL);
	nft_meta(&r, NFT_META_IIFNAME, NFT_REG_1);
	nft_lookup(&r, "names", NFT_REG_1, 0, false);
	nft_meta(&r, NFT_META_OIFNAME, NFT_REG_1);
	nft_lookup(&r, "names", NFT_REG_1, 0, true);
	nft_masquerade(&r, NF_NAT_RANGE_PROTO_RANDOM_FULLY);
	nft_rule_end(&r);
}

static void test_rules(void **state)
{
	struct nft_rule r;
	struct box x;
	const char *text;

	(void)state;
	box_begin(&x, NFPROTO_INET);
	nft_set(&x.t, &ports, 1);
	nft_set(&x.t, &names, 2);
	nft_chain(&x.t, "pre", &(struct nft_hook){ "nat", NF_INET_PRE_ROUTING, -100 });
	nft_chain(&x.t, "post", &(struct nft_hook){ "nat", NF_INET_POST_ROUTING, 100 });
	nft_chain(&x.t, "fwd-test", &(struct nft_hook){ "filter", NF_INET_FORWARD, 0 });
	nft_chain(&x.t, "sub", NULL);
	nat_rules(&x.t);
	r = nft_rule(&x.t, "fwd-test", NULL);
	nft_if_ct(&r, NFT_CT_STATE, ESTABLISHED);
	nft_verdict(&r, NF_ACCEPT, NULL);
	nft_rule_end(&r);
	r = nft_rule(&x.t, "fwd-test", NULL);
	nft_if_name(&r, NFT_META_OIFNAME, NFT_CMP_EQ, "br-x");
	nft_verdict(&r, NFT_JUMP, "sub");
	nft_rule_end(&r);
	r = nft_rule(&x.t, "sub", "the end");
	nft_counter(&r);
	nft_verdict(&r, NF_DROP, NULL);
	nft_rule_end(&r);
	box_commit(&x);
	text = ruleset(&x);
	expect_has(text, "type nat hook prerouting priority dstnat; policy accept;");
	expect_has(text, "fib daddr type local meta nfproto ipv4 dnat ip to meta l4proto . th dport map @ports comment \"published ports\"");
	expect_has(text, "type nat hook postrouting priority srcnat; policy accept;");
	expect_has(text, "iifname @names oifname != @names masquerade fully-random");
	expect_has(text, "type filter hook forward priority filter; policy accept;");
	expect_has(text, "ct state established,related accept");
	expect_has(text, "oifname \"br-x\" jump sub");
	expect_has(text, "counter packets 0 bytes 0 drop comment \"the end\"");
	box_end(&x);
}

static void test_bridge_family(void **state)
{
	static const struct nft_set who = { .name = "who", .key_type = NFT_T3(NFT_T_IFNAME, NFT_T_ETHER, NFT_T_IPV4), .key_len = 28 };
	unsigned char key[28] = { 'd', 'v', '1', [16] = 2, 0x42, 10, 7, 0, 2, [24] = 10, 7, 0, 2 };
	struct nft_elems l;
	struct nft_rule r;
	struct box x;
	const char *text;

	(void)state;
	box_begin(&x, NFPROTO_BRIDGE);
	nft_set(&x.t, &who, 1);
	nft_chain(&x.t, "guard", &(struct nft_hook){ "filter", NF_BR_PRE_ROUTING, -300 });
	l = nft_elems(&x.t, "who", false, NLM_F_CREATE);
	nft_elem(&l, key, sizeof key, NULL, 0);
	nft_elems_end(&l);
	r = nft_rule(&x.t, "guard", NULL);
	nft_if_meta(&r, NFT_META_IIFNAME, NFT_CMP_NEQ, "dv1234567", 9);
	nft_verdict(&r, NF_ACCEPT, NULL);
	nft_rule_end(&r);
	r = nft_rule(&x.t, "guard", NULL);
	nft_if_meta(&r, NFT_META_PROTOCOL, NFT_CMP_EQ, "\x08\x06", 2);
	nft_meta(&r, NFT_META_IIFNAME, NFT_R(0));
	nft_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, 8, 6, NFT_R(4));
	nft_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, 14, 4, NFT_R(6));
	nft_lookup(&r, "who", NFT_R(0), 0, false);
	nft_verdict(&r, NF_ACCEPT, NULL);
	nft_rule_end(&r);
	box_commit(&x);
	text = ruleset(&x);
	expect_has(text, "elements = { \"dv1\" . 02:42:0a:07:00:02 . 10.7.0.2 }");
	expect_has(text, "iifname != \"dv1234567*\" accept");
	expect_has(text, "iifname . arp saddr ether . arp saddr ip @who accept");
	box_end(&x);
}

static void test_bases(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct nft_bases l = { 0 };
	struct box x;

	(void)state;
	box_begin(&x, NFPROTO_INET);
	nft_chain(&x.t, "plain", NULL);
	nft_chain(&x.t, "pass", &(struct nft_hook){ "filter", NF_INET_FORWARD, 0 });
	box_commit(&x);
	(void)netunit_run(&x.a, "nft", "add table ip6 other; add chain ip6 other shut { type filter hook input priority 0; policy drop; }");
	assert_ok(nft_bases(x.fd, &x.a, &l, &e), &e);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.v[0].chain, "pass");
	assert_int_equal(l.v[0].hook, NF_INET_FORWARD);
	assert_int_equal(l.v[0].policy, NF_ACCEPT);
	assert_string_equal(l.v[1].table, "other");
	assert_int_equal(l.v[1].family, NFPROTO_IPV6);
	assert_int_equal(l.v[1].hook, NF_INET_LOCAL_IN);
	assert_int_equal(l.v[1].policy, NF_DROP);
	(void)netunit_run(&x.a, "nft", "delete table ip6 other");
	box_end(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets), cmocka_unit_test(test_transaction), cmocka_unit_test(test_rules),
		cmocka_unit_test(test_bridge_family),
		cmocka_unit_test(test_bases),
		cmocka_unit_test(test_asking),
	};

	netunit_enter();
	return unit_run(tests);
}
