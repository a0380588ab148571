/* link_test.c - links, addresses and routes, as ip(8) shows them afterwards; in a network namespace of our own. */
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "net/link.h"
#include "net/netns.h"
#include "net/netunit.h"

struct host {
	struct arena a;
	int fd;
	struct link_info bridge;
};

static const struct net_mac bridge_mac = { { 2, 0x42, 9, 9, 9, 9 } }, peer_mac = { { 2, 0x42, 10, 7, 0, 2 } };

static struct net_prefix prefix(const char *text)
{
	struct net_prefix p;

	assert_int_equal(prefix_parse(text, "test", &p, NULL), 0);
	return p;
}

static void host_begin(struct host *h, const char *bridge)
{
	struct dv_err e = DV_ERR_NONE;
	auto_nl struct nl_batch b = NL_BATCH;

	arena_init(&h->a, 0);
	assert_ok(nl_open(NETLINK_ROUTE, -1, &h->fd, &e), &e);
	link_up(&b, 1);
	link_add_bridge(&b, bridge, &bridge_mac, 1400);
	assert_ok(nl_send(h->fd, &b, &e), &e);
	assert_ok(link_find(h->fd, bridge, &h->bridge, &e), &e);
}

static void host_end(struct host *h)
{
	struct dv_err e = DV_ERR_NONE;
	auto_nl struct nl_batch b = NL_BATCH;

	link_delete(&b, h->bridge.name);
	assert_ok(nl_send(h->fd, &b, &e), &e);
	assert_fails(link_find(h->fd, h->bridge.name, &h->bridge, &e), NOT_FOUND);
	fd_close(&h->fd);
	arena_done(&h->a);
}

static void test_bridge(void **state)
{
	struct host h;
	const char *text;

	(void)state;
	host_begin(&h, "br-a");
	assert_string_equal(h.bridge.kind, "bridge");
	assert_memory_equal(h.bridge.mac.b, bridge_mac.b, 6);
	assert_true(h.bridge.flags & IFF_UP);
	assert_int_equal(h.bridge.mtu, 1400);
	text = netunit_run(&h.a, "ip", "-d", "link", "show", "br-a");
	expect_has(text, "stp_state 0");
	expect_has(text, "mcast_snooping 0");
	host_end(&h);
}

/* Both ends, the address, the routes and the neighbour with two sends. */
static void test_container(void **state)
{
	auto_netns struct netns_job *job = NULL;
	struct dv_err e = DV_ERR_NONE;
	auto_nl struct nl_batch out = NL_BATCH, in = NL_BATCH;
	int netns = -1, inside = -1;
	struct net_prefix own = prefix("10.7.0.2/24"), six = prefix("fd00:7::2/64"), gate = prefix("10.7.0.1/24");
	struct host h;
	struct link_info veth, gone;
	struct link_list links;
	struct route_list routes;
	struct net_addr source;
	int index = 0;

	(void)state;
	host_begin(&h, "br-b");
	assert_ok(netns_begin(&job, &e), &e);
	assert_ok(netns_take(take_ptr(&job), &netns, &inside, &e), &e);
	link_add_veth(&out, &(struct link_veth){ .name = "dvtest0", .index = 4711, .master = h.bridge.index, .mtu = 1400, .peer_name = "eth0",
						 .peer_netns = netns, .peer_index = 100, .peer_mac = peer_mac });
	link_add_addr(&out, h.bridge.index, &gate);
	link_add_neigh(&out, h.bridge.index, &own.addr, &peer_mac);
	assert_ok(nl_send(h.fd, &out, &e), &e);
	link_up(&in, 100);
	link_add_addr(&in, 100, &own);
	link_add_addr(&in, 100, &six);
	link_add_route(&in, 100, NULL, &gate.addr, 0);
	assert_ok(nl_send(inside, &in, &e), &e);

	assert_ok(link_find(inside, "eth0", &veth, &e), &e);
	assert_int_equal(veth.index, 100);
	assert_true(veth.flags & IFF_UP);
	assert_memory_equal(veth.mac.b, peer_mac.b, 6);
	assert_ok(route_list(inside, &h.a, &routes, &e), &e);
	assert_true(routes.n >= 3);
	assert_ok(route_get(inside, &(struct net_addr){ AF_INET, { 192, 0, 2, 1 } }, &source, &index, &e), &e);
	assert_true(addr_equal(&source, &own.addr));
	assert_ok(link_list(h.fd, &h.a, &links, &e), &e);
	assert_int_equal(links.n, 3);   /* lo, the bridge, our end of the veth */
	assert_ok(link_find(h.fd, "dvtest0", &veth, &e), &e);
	assert_int_equal(veth.master, h.bridge.index);
	expect_has(netunit_run(&h.a, "ip", "neigh", "show"), "10.7.0.2 dev br-b lladdr 02:42:0a:07:00:02 PERMANENT");
	(void)netunit_run(&h.a, "busybox", "ping", "-c1", "-W5", "10.7.0.2");

	/* Nobody holds the namespace: the kernel removes the pair, some time. */
	fd_close(&inside);
	fd_close(&netns);
	for (int i = 0; i < 1000 && link_find(h.fd, "dvtest0", &gone, NULL) >= 0; i++)
		(void)poll(NULL, 0, 20);
	assert_fails(link_find(h.fd, "dvtest0", &gone, &e), NOT_FOUND);
	host_end(&h);
}

static void test_macvlan_and_groups(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	auto_nl struct nl_batch b = NL_BATCH, del = NL_BATCH;
	auto_netns struct netns_job *job = NULL;
	struct link_info l;
	int netns = -1, inside = -1;
	struct host h;

	(void)state;
	host_begin(&h, "br-c");
	assert_ok(netns_begin(&job, &e), &e);
	assert_ok(netns_take(take_ptr(&job), &netns, &inside, &e), &e);
	link_add_macvlan(&b, &(struct link_macvlan){ .parent = h.bridge.index, .netns = netns, .index = 2, .name = "eth0",
						     .mode = MACVLAN_MODE_BRIDGE, .mac = peer_mac });
	link_set_group(&b, "br-c", 4711);
	assert_ok(nl_send(h.fd, &b, &e), &e);
	assert_ok(link_find(inside, "eth0", &l, &e), &e);
	assert_string_equal(l.kind, "macvlan");
	assert_ok(link_find(h.fd, "br-c", &l, &e), &e);
	assert_int_equal(l.group, 4711);
	fd_close(&inside);
	fd_close(&netns);
	link_delete_group(&del, 4711);
	assert_ok(nl_send(h.fd, &del, &e), &e);
	assert_fails(link_find(h.fd, "br-c", &l, &e), NOT_FOUND);
	fd_close(&h.fd);
	arena_done(&h.a);
}

/* The first failure has its label; what came before it has happened, and the socket is good for more. */
static void test_failures(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	auto_nl struct nl_batch b = NL_BATCH, again = NL_BATCH, nothing = NL_BATCH;
	struct link_info l;
	struct host h;

	(void)state;
	host_begin(&h, "br-d");
	link_add_bridge(&b, "br-d2", &bridge_mac, 0);
	link_add_bridge(&b, "br-d", &bridge_mac, 0);
	link_down(&b, "nosuch");
	link_delete(&b, "br-d2");
	assert_fails(nl_send(h.fd, &b, &e), EXISTS);
	assert_int_equal(b.failed, 1);
	expect_has(e.msg, "make a bridge");
	link_up(&again, h.bridge.index);
	assert_ok(nl_send(h.fd, &again, &e), &e);
	assert_fails(link_find(h.fd, "br-d2", &l, &e), NOT_FOUND);
	assert_ok(nl_send(h.fd, &nothing, &e), &e);
	host_end(&h);
}

static void test_names(void **state)
{
	static const char *const good[] = { "eth0", "br-12345678901", "a.b" };
	static const char *const bad[] = { "", ".", "..", "a/b", "a b", "a:b", "1234567890123456", "a%d", "a*" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(link_name_ok(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(link_name_ok(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	 cmocka_unit_test(test_bridge), cmocka_unit_test(test_container),
		cmocka_unit_test(test_macvlan_and_groups), cmocka_unit_test(test_failures),
	};

	netunit_enter();
	return unit_run(tests);
}
