/* elems_test.c - elements as values: added, removed, and read back from text. */
#include "net/elems.h"
#include "net/netunit.h"

#define TABLE "davit-test"

static const struct nft_set ports = {
	.name = "ports", .key_type = NFT_T2(NFT_T_PROTO, NFT_T_PORT), .key_len = 8,
	.data_type = NFT_T2(NFT_T_IPV4, NFT_T_PORT), .data_len = 8,
};
static const struct nft_set macs = { .name = "macs", .key_type = NFT_T_ETHER, .key_len = 6 };

static struct elem elem(int family, const char *set, const char *key, size_t key_len, const char *data, size_t data_len)
{
	struct elem x = { .family = family, .key_len = key_len, .data_len = data_len };

	(void)snprintf(x.set, sizeof x.set, "%s", set);
	memcpy(x.key, key, key_len);
	memcpy(x.data, data, data_len);
	return x;
}

static void tables(bool remove)
{
	auto_nl struct nl_batch b = NL_BATCH;
	struct nft inet = { &b, NFPROTO_INET, TABLE }, bridge = { &b, NFPROTO_BRIDGE, TABLE };
	struct dv_err e = DV_ERR_NONE;
	auto_close int fd = -1;

	assert_ok(nl_open(NETLINK_NETFILTER, -1, &fd, &e), &e);
	nft_begin(&b);
	if (remove) {
		nft_del_table(&inet);
		nft_del_table(&bridge);
	} else {
		nft_table(&inet, NLM_F_EXCL);
		nft_table(&bridge, NLM_F_EXCL);
		nft_set(&inet, &ports, 1);
		nft_set(&bridge, &macs, 2);
	}
	assert_ok(nft_send(fd, &b, &e), &e);
}

static bool there(const struct elem *x)
{
	struct dv_err e = DV_ERR_NONE;
	auto_close int fd = -1;

	assert_ok(nl_open(NETLINK_NETFILTER, -1, &fd, &e), &e);
	return elem_there(fd, TABLE, x);
}

static void test_removed(void **state)
{
	struct elem v[] = { elem(NFPROTO_INET, "ports", "\6\0\0\0\x1f\x90\0\0", 8, "\12\7\0\2\0\120\0\0", 8),
			    elem(NFPROTO_BRIDGE, "macs", "\2\1\1\1\1\1", 6, "", 0) };
	struct elem other = elem(NFPROTO_INET, "ports", "\6\0\0\0\x1f\x90\0\0", 8, "\12\7\0\3\0\120\0\0", 8);
	struct dv_err e = DV_ERR_NONE;
	struct arena a;
	const char *text;

	(void)state;
	arena_init(&a, 0);
	assert_fails(elems_add(TABLE, v, 2, &e), NOT_FOUND);
	assert_ok(elems_remove(TABLE, v, 2, &e), &e);
	tables(false);
	assert_ok(elems_add(TABLE, v, 2, &e), &e);
	text = netunit_run(&a, "nft", "list", "ruleset");
	expect_has(text, "tcp . 8080 : 10.7.0.2 . 80");
	expect_has(text, "02:01:01:01:01:01");
	assert_true(there(&v[0]) && there(&v[1]) && there(&other));
	v[1].key[5] = 9;
	assert_false(there(&v[1]));
	v[1].key[5] = 1;
	assert_ok(elems_remove(TABLE, v, 2, &e), &e);
	assert_ok(elems_remove(TABLE, v, 2, &e), &e);
	text = netunit_run(&a, "nft", "list", "ruleset");
	expect_not(text, "8080");
	expect_not(text, "02:01");
	/* Somebody else has the port by now. */
	assert_ok(elems_add(TABLE, &other, 1, &e), &e);
	assert_ok(elems_add(TABLE, &v[1], 1, &e), &e);
	assert_ok(elems_remove(TABLE, v, 2, &e), &e);
	text = netunit_run(&a, "nft", "list", "ruleset");
	expect_has(text, "tcp . 8080 : 10.7.0.3 . 80");
	expect_not(text, "02:01");
	tables(true);
	arena_done(&a);
}

static void test_text(void **state)
{
	static const char *const bad[] = {
		"[{}]", "[{\"family\": 1, \"set\": \"x\"}]", "[{\"family\": 3, \"set\": \"x\", \"key\": \"00\"}]",
		"[{\"family\": 1, \"set\": \"x\", \"key\": \"0g\"}]", "[{\"family\": 1, \"set\": \"seventeen-letters\", \"key\": \"00\"}]",
		"[{\"family\": 1, \"set\": \"x\", \"key\": \"00\", \"data\": \"000000000000000000000000000000000000000000\"}]",
	};
	struct elem v[] = { elem(NFPROTO_INET, "ports", "\6\0\0\0\x1f\x90\0\0", 8, "\12\7\0\2\0\120\0\0", 8),
			    elem(NFPROTO_BRIDGE, "macs", "\2\1\1\1\1\1", 6, "", 0) };
	struct dv_err e = DV_ERR_NONE;
	struct elem *got = NULL;
	struct json *j = NULL;
	struct arena a;
	size_t n = 0;

	(void)state;
	arena_init(&a, 0);
	assert_ok(elems_parse(&a, elems_json(&a, v, 2), &got, &n, &e), &e);
	assert_int_equal(n, 2);
	assert_memory_equal(got, v, sizeof v);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_ok(json_parse(&a, bad[i], strlen(bad[i]), &j, &e), &e);
		assert_fails(elems_parse(&a, j, &got, &n, &e), INVALID);
	}
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_text),
	};

	netunit_enter();
	return unit_run(tests);
}
