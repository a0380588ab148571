/* message_test.c - tables of methods and statuses, headers, queries, types, preferences, dates, ranges, addresses. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/str.h"
#include "base/unit.h"
#include "http/message.h"

static void test_methods_and_statuses(void **state)
{
	for (unsigned m = 1; m < HTTP_METHOD_MAX; m++) {
		const char *name = http_method_name((enum http_method)m);

		assert_int_equal(http_method_of(name, strlen(name)), m);
	}
	assert_int_equal(http_method_of("get", 3), HTTP_OTHER);
	assert_int_equal(http_method_of("GETX", 4), HTTP_OTHER);
	assert_int_equal(http_method_of("GETX", 3), HTTP_GET);
	assert_int_equal(http_method_of("", 0), HTTP_OTHER);
	assert_string_equal(http_method_name(HTTP_PATCH), "PATCH");
	assert_string_equal(http_method_name(HTTP_OTHER), "");
	assert_string_equal(http_status_reason(404), "Not Found");
	assert_string_equal(http_status_reason(599), "");
}

static void test_headers(void **state)
{
	static const struct http_header h[] = {
		{ "accept", "a/b, \"x,y\"" }, { "x", "1" }, { "accept", " , Foo;q=1,bar" },
	};
	size_t pos = 0;

	assert_string_equal(http_header_get(h, 3, "x"), "1");
	assert_null(http_header_get(h, 3, "y"));
	assert_ptr_equal(http_header_next(h, 3, "accept", &pos), h[0].value);
	assert_ptr_equal(http_header_next(h, 3, "accept", &pos), h[2].value);
	assert_null(http_header_next(h, 3, "accept", &pos));
	assert_true(http_header_lists(h, 3, "accept", "BAR"));
	assert_true(http_header_lists(h, 3, "accept", "\"x,y\""));
	assert_false(http_header_lists(h, 3, "accept", "foo"));
	assert_false(http_header_lists(h, 3, "accept", "y"));
	assert_false(http_header_lists(h, 3, "accept", "ba"));
}

static void test_what_may_be_sent(void **state)
{
	static const struct { const char *name; bool ok; } names[] = {
		{ "a", true }, { "X-Y!", true }, { "", false }, { "a b", false }, { "a:", false }, { "a\r\n", false }, { "\xc3", false },
	};
	static const struct { const char *value; bool ok; } values[] = {
		{ "", true }, { "a b\tc", true }, { "\xff", true }, { " a", false }, { "a ", false }, { "\t", false },
		{ "a\r\nSet-Cookie: x", false }, { "a\n", false }, { "a\rb", false }, { "\x01", false }, { "\x7f", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(http_name_valid(names[i].name), names[i].ok);
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		if (http_value_valid(values[i].value) != values[i].ok)
			fail_msg("value %zu", i);
}

static void test_queries(void **state)
{
	static const struct { const char *query, *name, *want; int r; } cases[] = {
		{ "a=1&b=2", "b", "2", 0 }, { "a=1&a=2", "a", "1", 0 }, { "a", "a", "", 0 }, { "a=", "a", "", 0 },
		{ "x=a=b", "x", "a=b", 0 }, { "&&a=1", "a", "1", 0 }, { NULL, "a", NULL, 0 }, { "", "a", NULL, 0 },
		{ "ab=1", "a", NULL, 0 }, { "a=%20+%2B", "a", "  +", 0 }, { "%61=1", "a", "1", 0 }, { "a%20b=1", "a b", "1", 0 },
		{ "a+b=1", "a b", "1", 0 }, { "a=%", "a", NULL, -DV_INVALID }, { "a=%0", "a", NULL, -DV_INVALID },
		{ "a=%00", "a", NULL, -DV_INVALID }, { "b=%&a=1", "a", "1", 0 }, { "fieldSelector=a%3Db%2Cc", "fieldSelector", "a=b,c", 0 },
	};
	auto_arena struct arena a = { 0 };
	struct http_header *list;
	struct dv_err e = DV_ERR_NONE;
	size_t n;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *v = NULL;

		if (http_query_get(&a, cases[i].query, cases[i].name, &v, &e) != cases[i].r ||
		    !v != !cases[i].want || (v && !streq(v, cases[i].want)))
			fail_msg("case %zu: %s", i, v ? v : e.msg);
	}
	assert_ok(http_query_parse(&a, "a=1&&b&%63=x+y", &list, &n, &e), &e);
	assert_int_equal(n, 3);
	assert_string_equal(list[0].value, "1");
	assert_string_equal(list[1].name, "b");
	assert_string_equal(list[1].value, "");
	assert_string_equal(list[2].name, "c");
	assert_string_equal(list[2].value, "x y");
	assert_ok(http_query_parse(&a, NULL, &list, &n, &e), &e);
	assert_int_equal(n, 0);
	assert_fails(http_query_parse(&a, "a=%x", &list, &n, &e), INVALID);
}

static void test_too_many_parameters(void **state)
{
	auto_buf struct buf b = BUF_INIT(1 << 16);
	auto_arena struct arena a = { 0 };
	struct http_header *list;
	struct dv_err e;
	size_t n;

	arena_init(&a, 0);
	for (int i = 0; i < 1001; i++)
		buf_str(&b, "a&");
	assert_fails(http_query_parse(&a, buf_cstr(&b), &list, &n, &e), LIMIT);
}

static void test_types(void **state)
{
	static const struct { const char *value, *name, *want; } params[] = {
		{ "a/b; charset=utf-8", "charset", "utf-8" }, { "a/b;x=1;Boundary=\"q ;\\\"r\"", "boundary", "q ;\"r" },
		{ "a/b; x=\"boundary=z\"; boundary=y", "boundary", "y" }, { "a/b", "x", NULL }, { "a/b;x", "x", NULL },
		{ "a/b;x=", "x", NULL }, { "a/b;x=\"y", "x", NULL }, { "a/b ; x = y", "x", NULL }, { "a/b;;x=y", "x", "y" },
	};
	auto_arena struct arena a = { 0 };

	arena_init(&a, 0);
	assert_true(http_type_is("Application/JSON ; charset=utf-8", "application/json"));
	assert_true(http_type_is("application/json", "application/json"));
	assert_false(http_type_is("application/jsonx", "application/json"));
	assert_false(http_type_is("application/jso", "application/json"));
	assert_false(http_type_is(NULL, "application/json"));
	for (size_t i = 0; i < ARRAY_LEN(params); i++) {
		const char *got = http_param_get(&a, params[i].value, params[i].name);

		if (!got != !params[i].want || (got && !streq(got, params[i].want)))
			fail_msg("%s: %s", params[i].value, got ? got : "(none)");
	}
}

static void test_accept(void **state)
{
	static const char *const offers[] = { "application/json", "application/yaml", "text/plain; charset=utf-8" };
	static const struct { const char *accept; int want; } cases[] = {
		{ NULL, 0 }, { "", 0 }, { "*/*", 0 }, { "application/yaml", 1 }, { "APPLICATION/YAML", 1 }, { "text/plain", 2 },
		{ "application/*;q=0.5, text/*", 2 }, { "application/yaml, */*;q=0.1", 1 }, { "image/png", -1 },
		{ "application/json;q=0", -1 }, { "*/*, application/json;q=0", 1 }, { "application/json;q=0.9,application/yaml;q=0.95", 1 },
		{ "application/json; q=0.001, application/yaml; q=0.0009", 0 }, { "application/json;as=Table;v=v1;q=0.5, application/yaml;q=0.7", 1 },
		{ "application/json;q=x, application/yaml", 1 }, { "application/json;q=7,application/yaml;q=0.5", 1 }, { ",,application/yaml,", 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (http_accept_best(cases[i].accept, offers, 3) != cases[i].want)
			fail_msg("%s: %d", cases[i].accept, http_accept_best(cases[i].accept, offers, 3));
	assert_int_equal(http_accept_best("a/b", NULL, 0), -1);
}

static void test_encodings(void **state)
{
	static const struct { const char *accept, *coding; bool want; } cases[] = {
		{ NULL, "gzip", false }, { NULL, "identity", true }, { "gzip", "gzip", true }, { "x, GZIP;q=0.1", "gzip", true },
		{ "gzip;q=0", "gzip", false }, { "gzip;q=0.000", "gzip", false }, { "*", "zstd", true }, { "*;q=0, zstd", "zstd", true },
		{ "*;q=0", "gzip", false }, { "gzipx", "gzip", false }, { "", "gzip", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (http_accepts_encoding(cases[i].accept, cases[i].coding) != cases[i].want)
			fail_msg("%s %s", cases[i].accept, cases[i].coding);
}

static void test_dates(void **state)
{
	static const struct { time_t t; const char *s; } good[] = {
		{ 784111777, "Sun, 06 Nov 1994 08:49:37 GMT" }, { 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
		{ 951782400, "Tue, 29 Feb 2000 00:00:00 GMT" }, { 253402300799, "Fri, 31 Dec 9999 23:59:59 GMT" },
	};
	static const char *const bad[] = {
		"", "now", "Sun, 06 Nov 1994 08:49:37 UTC", "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 6 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Wed, 30 Feb 2000 00:00:00 GMT",
		"Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 0x Nov 1994 08:49:37 GMT", "Fri, 01 Jan 1960 00:00:00 GMT",
	};
	char out[HTTP_DATE_LEN + 1];
	struct dv_err e = DV_ERR_NONE;
	time_t t;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		http_date_format(good[i].t, out);
		assert_string_equal(out, good[i].s);
		assert_ok(http_date_parse(out, &t, &e), &e);
		assert_true(t == good[i].t);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (http_date_parse(bad[i], &t, &e) != -DV_INVALID)
			fail_msg("%s was taken", bad[i]);
	http_date_format(-5, out);
	assert_string_equal(out, good[1].s);
	http_date_format(INT64_MAX, out);
	assert_string_equal(out, good[3].s);
}

static void test_ranges(void **state)
{
	static const struct { const char *range; uint64_t size; enum http_range want; uint64_t first, len; } cases[] = {
		{ NULL, 10, HTTP_RANGE_NONE, 0, 0 }, { "bytes=0-0", 10, HTTP_RANGE_ONE, 0, 1 }, { "bytes=2-5", 10, HTTP_RANGE_ONE, 2, 4 },
		{ "bytes=2-", 10, HTTP_RANGE_ONE, 2, 8 }, { "bytes=2-99", 10, HTTP_RANGE_ONE, 2, 8 }, { "bytes=-3", 10, HTTP_RANGE_ONE, 7, 3 },
		{ "bytes=-30", 10, HTTP_RANGE_ONE, 0, 10 }, { "bytes=-0", 10, HTTP_RANGE_BAD, 0, 0 }, { "bytes=10-", 10, HTTP_RANGE_BAD, 0, 0 },
		{ "bytes=10-12", 10, HTTP_RANGE_BAD, 0, 0 }, { "bytes=0-", 0, HTTP_RANGE_BAD, 0, 0 }, { "bytes=-5", 0, HTTP_RANGE_BAD, 0, 0 },
		{ "bytes=5-2", 10, HTTP_RANGE_NONE, 0, 0 }, { "bytes=0-1,3-4", 10, HTTP_RANGE_NONE, 0, 0 }, { "bytes=", 10, HTTP_RANGE_NONE, 0, 0 },
		{ "bytes=-", 10, HTTP_RANGE_NONE, 0, 0 }, { "bytes=--5", 10, HTTP_RANGE_NONE, 0, 0 }, { "bytes=+1-2", 10, HTTP_RANGE_NONE, 0, 0 },
		{ "items=0-1", 10, HTTP_RANGE_NONE, 0, 0 }, { "bytes=18446744073709551616-", 10, HTTP_RANGE_NONE, 0, 0 },
		{ "bytes=0-18446744073709551615", 10, HTTP_RANGE_ONE, 0, 10 },
		{ "bytes=0-18446744073709551615", UINT64_MAX, HTTP_RANGE_ONE, 0, UINT64_MAX },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t first = 0, len = 0;

		if (http_range_parse(cases[i].range, cases[i].size, &first, &len) != cases[i].want || first != cases[i].first ||
		    len != cases[i].len)
			fail_msg("%s: %llu %llu", cases[i].range, (unsigned long long)first, (unsigned long long)len);
	}
}

static void test_addresses(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(81), .sin6_scope_id = 2 };
	struct sockaddr un = { .sa_family = AF_UNIX };
	char text[HTTP_ADDR_TEXT_MAX];
	struct http_addr a, b;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	http_addr_of(&a, (struct sockaddr *)&in, sizeof in);
	assert_string_equal(http_addr_text(&a, true, text), "127.0.0.1:80");
	assert_string_equal(http_addr_text(&a, false, text), "127.0.0.1");
	assert_int_equal(inet_pton(AF_INET6, "fe80::1", &in6.sin6_addr), 1);
	http_addr_of(&a, (struct sockaddr *)&in6, sizeof in6);
	assert_string_equal(http_addr_text(&a, true, text), "[fe80::1%2]:81");
	assert_string_equal(http_addr_text(&a, false, text), "fe80::1%2");
	assert_int_equal(inet_pton(AF_INET6, "::ffff:127.0.0.1", &in6.sin6_addr), 1);
	in6.sin6_port = in.sin_port;
	http_addr_of(&a, (struct sockaddr *)&in6, sizeof in6);
	http_addr_of(&b, (struct sockaddr *)&in, sizeof in);
	assert_memory_equal(&a, &b, sizeof a);
	http_addr_of(&a, &un, sizeof un.sa_family);
	assert_string_equal(http_addr_text(&a, true, text), "unix");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_methods_and_statuses), cmocka_unit_test(test_headers),
		cmocka_unit_test(test_what_may_be_sent), cmocka_unit_test(test_queries),
		cmocka_unit_test(test_too_many_parameters), cmocka_unit_test(test_types), cmocka_unit_test(test_accept),
		cmocka_unit_test(test_encodings), cmocka_unit_test(test_dates), cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_addresses),
	};

	return unit_run(tests);
}
