/* zone_test.c - names of containers: who sees which, and when they are gone. */
#include "dns/client_unit.h"
#include "dns/zone.h"

static void put(struct zone *z, const char *network, const char *owner, const char *names, uint8_t last)
{
	struct zone_addr addrs[2] = { { 4, { 10, 0, 0, last } }, { 16, { 0xfd } } };
	const char *list[3] = { names, names + strlen(names) + 1 };

	addrs[1].bytes[15] = last;
	assert_int_equal(zone_set(z, network, owner, list, *list[1] ? 2 : 1, addrs, 2, NULL), 0);
}

static const char *ask(struct zone *z, const char *network, uint8_t from, const char *name, unsigned type)
{
	static char text[1024];
	struct zone_asker asker = { network, { 4, { 10, 0, 0, from } } };
	unsigned char p[512], out[512];
	struct dns_query q;
	size_t len = client_query(p, name, type, 0), n = 0;

	assert_true(dns_query_parse(p, len, &q));
	if (!zone_answer(z, &asker, &q, p, out, sizeof out, &n))
		return "not ours";
	client_read(out, n, text, sizeof text);
	return text;
}

static void names_lead_to_addresses_and_back(void **state)
{
	struct zone *z = zone_new();

	put(z, "front", "c1", "web\0alias\0", 2);
	assert_string_equal(ask(z, "front", 9, "web", DNS_A), "10.0.0.2");
	assert_string_equal(ask(z, "front", 9, "WEB", DNS_AAAA), "v6:2");
	assert_string_equal(ask(z, "front", 9, "alias.", DNS_A), "10.0.0.2");
	assert_string_equal(ask(z, "front", 9, "2.0.0.10.in-addr.arpa", DNS_PTR), "web");
	assert_string_equal(ask(z, "front", 9, "web", 16), "NODATA");
	assert_string_equal(ask(z, "front", 9, "other", DNS_A), "not ours");
	assert_string_equal(ask(z, "back", 9, "web", DNS_A), "not ours");
	assert_string_equal(ask(z, "front", 9, "3.0.0.10.in-addr.arpa", DNS_PTR), "not ours");
	zone_free(z);
}

static void a_name_of_the_other_family_exists(void **state)
{
	struct zone *z = zone_new();
	struct zone_addr four = { 4, { 10, 0, 0, 2 } };
	const char *name = "web";

	assert_int_equal(zone_set(z, "front", "c1", &name, 1, &four, 1, NULL), 0);
	assert_string_equal(ask(z, "front", 9, "web", DNS_AAAA), "NODATA");
	zone_free(z);
}

static void who_is_in_two_networks_sees_both(void **state)
{
	struct zone *z = zone_new();

	put(z, "front", "c1", "web\0", 2);
	put(z, "front", "proxy", "proxy\0", 3);
	put(z, "back", "proxy", "proxy\0", 13);
	put(z, "back", "c2", "db\0", 12);
	assert_string_equal(ask(z, "front", 2, "db", DNS_A), "not ours");
	assert_string_equal(ask(z, "front", 3, "db", DNS_A), "10.0.0.12");
	assert_string_equal(ask(z, "back", 13, "web", DNS_A), "10.0.0.2");
	zone_drop(z, "back", "proxy");
	assert_string_equal(ask(z, "front", 3, "db", DNS_A), "not ours");
	zone_free(z);
}

static void a_shared_alias_takes_turns(void **state)
{
	struct zone *z = zone_new();

	put(z, "front", "c1", "a\0web\0", 2);
	put(z, "front", "c2", "b\0web\0", 3);
	assert_string_equal(ask(z, "front", 9, "web", DNS_A), "10.0.0.2 10.0.0.3");
	assert_string_equal(ask(z, "front", 9, "web", DNS_A), "10.0.0.3 10.0.0.2");
	zone_drop(z, "front", "c1");
	assert_string_equal(ask(z, "front", 9, "web", DNS_A), "10.0.0.3");
	zone_free(z);
}

static void records_are_replaced_and_dropped(void **state)
{
	struct zone *z = zone_new();
	const char *bad = "a..b";
	struct dv_err e;

	put(z, "front", "c1", "old\0", 2);
	put(z, "front", "c1", "new\0", 3);
	assert_int_equal(zone_owners(z), 1);
	assert_string_equal(ask(z, "front", 9, "old", DNS_A), "not ours");
	assert_string_equal(ask(z, "front", 9, "new", DNS_A), "10.0.0.3");
	assert_string_equal(ask(z, "front", 9, "2.0.0.10.in-addr.arpa", DNS_PTR), "not ours");
	assert_int_equal(zone_set(z, "front", "c1", &bad, 1, NULL, 0, &e), -DV_INVALID);
	assert_string_equal(ask(z, "front", 9, "new", DNS_A), "10.0.0.3");
	zone_drop(z, "front", "c1");
	zone_drop(z, "front", "c1");
	zone_drop(z, "none", "c1");
	assert_int_equal(zone_owners(z), 0);
	assert_string_equal(ask(z, "front", 9, "new", DNS_A), "not ours");
	zone_free(z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_lead_to_addresses_and_back), cmocka_unit_test(a_name_of_the_other_family_exists),
		cmocka_unit_test(who_is_in_two_networks_sees_both), cmocka_unit_test(a_shared_alias_takes_turns),
		cmocka_unit_test(records_are_replaced_and_dropped),
	};

	return unit_run(tests);
}
