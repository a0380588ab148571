/* records_test.c - records are read as they were written; what was not written by us is refused. */
#include <arpa/inet.h>

#include "base/unit.h"
#include "base/str.h"
#include "dns/records.h"

static void networks_and_containers(void **state)
{
	static const char *const gateways[] = { "10.0.0.1", "fd00::1", NULL }, *const upstreams[] = { "9.9.9.9", "host", "127.0.0.1#5353", NULL };
	static const char *const names[] = { "web", "Alias.one", NULL }, *const addrs[] = { "10.0.0.2", "fd00::2", NULL };
	static const struct records_publish ports[] = { { false, "127.0.0.1#8080", "10.0.0.2#80" }, { true, "::1#53", "10.0.0.2#5353" } };
	auto_arena struct arena a = { 0 };
	struct records_container c;
	struct records_network n;
	struct unit_tmp t;
	struct dv_err e;

	arena_init(&a, 0);
	unit_tmp_new(&t);
	assert_int_equal(records_write_network(t.fd, "abc", gateways, upstreams, NULL), 0);
	assert_int_equal(records_write_container(t.fd, "abc", "c0ffee", names, addrs, ports, 2, NULL), 0);
	assert_int_equal(records_read_network(t.fd, "abc.net", &n, NULL), 0);
	assert_string_equal(n.id, "abc");
	assert_int_equal(n.n_gateways, 2);
	assert_int_equal(n.gateways[1].ss_family, AF_INET6);
	assert_int_equal(n.upstreams.n, 2);
	assert_true(n.upstream_host);
	assert_int_equal(ntohs(((struct sockaddr_in *)&n.upstreams.v[1])->sin_port), 5353);
	assert_int_equal(records_read_container(t.fd, &a, "abc.c0ffee.ctr", &c, NULL), 0);
	assert_string_equal(c.network, "abc");
	assert_string_equal(c.id, "c0ffee");
	assert_int_equal(c.n_names, 2);
	assert_string_equal(c.names[1], "Alias.one");
	assert_int_equal(c.n_addrs, 2);
	assert_int_equal(c.addrs[0].len, 4);
	assert_int_equal(c.n_ports, 2);
	assert_false(c.ports[0].udp);
	assert_int_equal(ntohs(((struct sockaddr_in *)&c.ports[0].to)->sin_port), 80);
	assert_true(c.ports[1].udp);
	assert_int_equal(c.ports[1].at.ss_family, AF_INET6);
	assert_int_equal(ntohs(((struct sockaddr_in *)&c.ports[1].to)->sin_port), 5353);
	assert_memory_equal(c.addrs[0].bytes, ((uint8_t[]){ 10, 0, 0, 2 }), 4);
	assert_int_equal(records_remove_container(t.fd, "abc", "c0ffee", NULL), 0);
	assert_int_equal(records_remove_container(t.fd, "abc", "c0ffee", NULL), 0);
	assert_int_equal(records_read_container(t.fd, &a, "abc.c0ffee.ctr", &c, &e), -DV_NOT_FOUND);
	assert_int_equal(records_remove_network(t.fd, "abc", NULL), 0);
	assert_int_equal(records_read_network(t.fd, "abc.net", &n, &e), -DV_NOT_FOUND);
	unit_tmp_done(&t);
}

static void what_could_not_be_read_is_not_written(void **state)
{
	static const char *const bad[] = { "", "a b", "a\nname b", "a..b" };
	struct unit_tmp t;
	struct dv_err e;

	unit_tmp_new(&t);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(records_write_container(t.fd, "abc", "c", (const char *[]){ bad[i], NULL }, NULL, NULL, 0, &e), -DV_INVALID);
	assert_int_equal(records_write_network(t.fd, "../x", NULL, NULL, &e), -DV_INVALID);
	assert_int_equal(records_write_network(t.fd, "a.b", NULL, NULL, &e), -DV_INVALID);
	assert_int_equal(records_remove_network(t.fd, "../x", &e), -DV_INVALID);
	unit_tmp_done(&t);
}

static void names_of_files(void **state)
{
	static const struct { const char *file; enum records_kind kind; } cases[] = {
		{ "abc.net", RECORDS_NETWORK },  { "abc.def.ctr", RECORDS_CONTAINER }, { ".abc.net.tmp", RECORDS_OTHER },
		{ "abc", RECORDS_OTHER },        { "net", RECORDS_OTHER },             { "abc..ctr", RECORDS_OTHER },
		{ "a.b.c.ctr", RECORDS_OTHER },  { "abc.def.ctr.x", RECORDS_OTHER },   { "", RECORDS_OTHER },
	};
	struct records_container c;
	struct records_network n;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(records_parse_name(cases[i].file, &n, &c), cases[i].kind);
}

static void bad_lines_are_named(void **state)
{
	static const char *const bad[] = { "gateway\n", "gateway \n", "upstream here\n", "nonsense 1\n", "\n" };
	struct records_network n;
	struct unit_tmp t;
	struct dv_err e;

	unit_tmp_new(&t);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(file_replace(t.fd, "x.net", 0644, bad[i], strlen(bad[i]), false, NULL), 0);
		assert_int_equal(records_read_network(t.fd, "x.net", &n, &e), -DV_INVALID);
		assert_true(str_starts(e.msg, "x.net line 1: "));
	}
	unit_tmp_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_and_containers), cmocka_unit_test(what_could_not_be_read_is_not_written),
		cmocka_unit_test(names_of_files), cmocka_unit_test(bad_lines_are_named),
	};

	return unit_run(tests);
}
