/* addr_test.c - addresses as values. */
#include "base/unit.h"
#include "net/addr.h"

static struct net_prefix prefix(const char *text)
{
	struct net_prefix p;
	struct dv_err e = DV_ERR_NONE;

	assert_ok(prefix_parse(text, "test", &p, &e), &e);
	return p;
}

static struct net_addr addr(const char *text)
{
	struct net_addr a;
	struct dv_err e = DV_ERR_NONE;

	assert_ok(addr_parse(text, "test", &a, &e), &e);
	return a;
}

static void same_text(const struct net_addr *a, const char *want)
{
	char text[NET_ADDR_TEXT];

	assert_string_equal(addr_text(a, text), want);
}

static void test_parse(void **state)
{
	static const char *const bad[] = { "", "1.2.3", "01.2.3.4", "1.2.3.4.5", "256.0.0.1", "1.2.3.4 ", "::g", "fe80::1%lo", "a" };
	struct net_addr a;
	struct dv_err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_fails(addr_parse(bad[i], "test", &a, &e), INVALID);
	a = addr("fd00::0:1");
	same_text(&a, "fd00::1");
	a = addr("10.1.2.3");
	same_text(&a, "10.1.2.3");
	assert_true(addr_is(&a) && !addr_is_loopback(&a) && !addr_is_any(&a));
	a = addr("::1");
	assert_true(addr_is_loopback(&a));
	a = addr("127.3.2.1");
	assert_true(addr_is_loopback(&a));
	a = addr("0.0.0.0");
	assert_true(addr_is_any(&a));
}

static void test_prefix(void **state)
{
	static const struct {
		const char *text, *first, *last;
		uint64_t size;
	} rows[] = {
		{ "10.1.2.3/24", "10.1.2.0", "10.1.2.255", 256 }, { "10.1.2.3/32", "10.1.2.3", "10.1.2.3", 1 },
		{ "10.1.2.3/0", "0.0.0.0", "255.255.255.255", UINT64_C(1) << 32 },
		{ "10.1.255.9/19", "10.1.224.0", "10.1.255.255", 8192 },
		{ "fd00:1::5/64", "fd00:1::", "fd00:1::ffff:ffff:ffff:ffff", UINT64_C(1) << 63 },
		{ "fd00:1::5/127", "fd00:1::4", "fd00:1::5", 2 },
	};
	static const char *const bad[] = { "10.0.0.0", "10.0.0.0/33", "/8", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct net_prefix p = prefix(rows[i].text);
		struct net_addr first = prefix_first(&p), last = prefix_last(&p);

		same_text(&first, rows[i].first);
		same_text(&last, rows[i].last);
		assert_true(prefix_size(&p) == rows[i].size);
		assert_true(prefix_has(&p, &first) && prefix_has(&p, &last) && prefix_has(&p, &p.addr));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct net_prefix p;
		struct dv_err e;

		assert_fails(prefix_parse(bad[i], "test", &p, &e), INVALID);
	}
}

static void test_overlap(void **state)
{
	static const struct {
		const char *x, *y;
		bool want;
	} rows[] = {
		{ "10.0.0.0/8", "10.9.0.0/16", true },    { "10.9.0.0/16", "10.0.0.0/8", true },
		{ "10.0.0.0/24", "10.0.1.0/24", false },  { "10.0.0.0/23", "10.0.1.0/24", true },
		{ "0.0.0.0/0", "192.168.1.0/24", true },  { "fd00::/8", "fd12::/64", true },
		{ "fd00::/64", "fd00:0:0:1::/64", false }, { "10.0.0.0/8", "::/0", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct net_prefix x = prefix(rows[i].x), y = prefix(rows[i].y);

		assert_int_equal(prefix_overlap(&x, &y), rows[i].want);
	}
}

static void test_arithmetic(void **state)
{
	struct net_addr a = addr("10.0.0.255"), b = addr("10.0.1.0"), v6 = addr("fd00::ffff:ffff");

	(void)state;
	assert_true(addr_before(&a, &b));
	assert_true(addr_add(&a, 1));
	assert_true(addr_equal(&a, &b));
	assert_true(addr_add(&a, 0x10203));
	same_text(&a, "10.1.3.3");
	assert_true(addr_host(&a, 16) == 0x303);
	assert_true(addr_host(&a, 0) == 0x0a010303);
	assert_true(addr_add(&v6, 2));
	same_text(&v6, "fd00::1:0:1");
	assert_true(addr_host(&v6, 64) == UINT64_C(0x100000001));
	a = addr("255.255.255.255");
	assert_false(addr_add(&a, 1));
}

static void test_mac(void **state)
{
	static const char *const bad[] = { "", "02:42:ac:11:00", "02:42:ac:11:00:0g", "01:00:5e:00:00:01", "02-42:ac:11:00:02",
					   "00:00:00:00:00:00", "02:42:ac:11:00:022", "0242ac110002" };
	struct arena ar = { 0 };
	struct net_addr a = addr("172.17.0.2"), ll;
	struct net_mac m;
	struct dv_err e = DV_ERR_NONE;

	(void)state;
	arena_init(&ar, 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_fails(mac_parse(bad[i], &m, &e), INVALID);
	assert_ok(mac_parse("02-42-AC-11-00-02", &m, &e), &e);
	assert_string_equal(mac_str(&ar, &m), "02:42:ac:11:00:02");
	m = mac_of_addr(&a, 0x42);
	assert_string_equal(mac_str(&ar, &m), "02:42:ac:11:00:02");
	ll = addr_link_local(&m);
	same_text(&ll, "fe80::42:acff:fe11:2");
	arena_done(&ar);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),	   cmocka_unit_test(test_prefix), cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_arithmetic), cmocka_unit_test(test_mac),
	};

	return unit_run(tests);
}
