/* url_test.c - URLs taken and refused, references of RFC 3986, percent-encoding, paths. */
#include "base/str.h"
#include "base/unit.h"
#include "http/url.h"

static struct arena arena;

static void test_parse(void **state)
{
	static const struct { const char *in, *host, *target, *text; uint16_t port; bool v6; } cases[] = {
		{ "http://a", "a", "/", "http://a/", 80, false },
		{ "HTTPS://Registry.Example:5000/V2/?Q=1#frag", "registry.example", "/V2/?Q=1",
		  "https://registry.example:5000/V2/?Q=1", 5000, false },
		{ "https://[2001:DB8::1]/x", "2001:db8::1", "/x", "https://[2001:db8::1]/x", 443, true },
		{ "http://[::1]:81?q", "::1", "/?q", "http://[::1]:81/?q", 81, true },
		{ "http://127.0.0.1:80/a%2Fb", "127.0.0.1", "/a%2Fb", "http://127.0.0.1/a%2Fb", 80, false },
		{ "http://a_b-c.example/?", "a_b-c.example", "/?", "http://a_b-c.example/?", 80, false },
		{ "grpc+x://a:1", "a", "/", "grpc+x://a:1/", 1, false },
		{ "unix://a", "a", "/", "unix://a/", 0, false },
		{ "http://a#x", "a", "/", "http://a/", 80, false },
	};
	struct dv_err e = DV_ERR_NONE;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct url u;

		assert_ok(url_parse(&arena, cases[i].in, &u, &e), &e);
		assert_string_equal(u.host, cases[i].host);
		assert_int_equal(u.port, cases[i].port);
		assert_int_equal(u.host_is_v6, cases[i].v6);
		assert_string_equal(url_target(&arena, &u), cases[i].target);
		assert_string_equal(url_text(&arena, &u), cases[i].text);
	}
}

static void test_refused(void **state)
{
	static const char *const cases[] = {
		"", "a", "/x", "//a", "http:/a", "http:a", "http://", "http:///x", "://a", "1http://a", "h_p://a", "http ://a",
		"http://a b", "http://a/ b", "http://a/\xc3\xa4", "http://a/%", "http://a/%0", "http://a/%00",
		"http://a/%zz", "http://a:", "http://a:0", "http://a:65536", "http://a:123456", "http://a:8o",
		"http://u@a", "http://u:p@a/", "http://[::1", "http://[::1]x", "http://[g]", "http://[]", "http://[::1%25lo]",
		"http://a\\b", "http://a/\\", "http://a\n/", "http://a/\n", "http://a/?\x01", "http://a/?x y",
	};
	struct dv_err e;
	struct url u;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (url_parse(&arena, cases[i], &u, &e) != -DV_INVALID)
			fail_msg("%s was taken", cases[i]);
	/* a password is not repeated in the message */
	assert_fails(url_parse(&arena, "http://u:secret@a/", &u, &e), INVALID);
	assert_null(strstr(e.msg, "secret"));
}

static void test_too_long(void **state)
{
	char *long_one = arena_alloc(&arena, URL_MAX + 20);
	struct url u, base = { .scheme = "http", .host = "a", .port = 80, .path = "/" };
	struct dv_err e;

	memset(long_one, 'a', URL_MAX + 10);
	memcpy(long_one, "http://a/", 9);
	assert_fails(url_parse(&arena, long_one, &u, &e), LIMIT);
	assert_fails(url_resolve(&arena, &base, long_one, &u, &e), LIMIT);
}

/* The examples of RFC 3986, 5.4, as far as they are about http. */
static void test_resolve(void **state)
{
	static const struct { const char *ref, *want; } cases[] = {
		{ "g", "http://a/b/c/g" }, { "./g", "http://a/b/c/g" }, { "g/", "http://a/b/c/g/" },
		{ "/g", "http://a/g" }, { "//g", "http://g/" }, { "?y", "http://a/b/c/d;p?y" },
		{ "g?y", "http://a/b/c/g?y" }, { "#s", "http://a/b/c/d;p?q" }, { "g#s", "http://a/b/c/g" },
		{ ";x", "http://a/b/c/;x" }, { "", "http://a/b/c/d;p?q" }, { ".", "http://a/b/c/" },
		{ "./", "http://a/b/c/" }, { "..", "http://a/b/" }, { "../", "http://a/b/" }, { "../g", "http://a/b/g" },
		{ "../..", "http://a/" }, { "../../", "http://a/" }, { "../../g", "http://a/g" },
		{ "../../../g", "http://a/g" }, { "/./g", "http://a/g" }, { "/../g", "http://a/g" },
		{ "g.", "http://a/b/c/g." }, { ".g", "http://a/b/c/.g" }, { "..g", "http://a/b/c/..g" },
		{ "./../g", "http://a/b/g" }, { "./g/.", "http://a/b/c/g/" }, { "g/./h", "http://a/b/c/g/h" },
		{ "g/../h", "http://a/b/c/h" }, { "g;x=1/../y", "http://a/b/c/y" }, { "g?y/../x", "http://a/b/c/g?y/../x" },
		{ "https://h:444/x/../y?z", "https://h:444/y?z" }, { "//h:81/p", "http://h:81/p" },
		{ "g:80/x", NULL }, { "ftp://h/", NULL }, { "javascript:x", NULL }, { "http:g", NULL }, { "g h", NULL },
		{ "//u@h/", NULL }, { "/%", NULL }, { "\\\\h", NULL },
	};
	struct dv_err e = DV_ERR_NONE;
	struct url base, u;

	assert_ok(url_parse(&arena, "http://a/b/c/d;p?q", &base, &e), &e);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int r = url_resolve(&arena, &base, cases[i].ref, &u, &e);

		if (!cases[i].want ? r != -DV_INVALID : r < 0 || !streq(url_text(&arena, &u), cases[i].want))
			fail_msg("%s: %s", cases[i].ref, r < 0 ? e.msg : url_text(&arena, &u));
	}
}

static void test_same_origin(void **state)
{
	static const struct { const char *x, *y; bool same; } cases[] = {
		{ "http://a/x", "http://A:80/y?z", true }, { "http://a", "https://a", false },
		{ "http://a", "http://a:81", false }, { "http://a", "http://a.example", false },
		{ "https://a:443", "https://a", true },
	};
	struct url x, y;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(url_parse(&arena, cases[i].x, &x, NULL), 0);
		assert_int_equal(url_parse(&arena, cases[i].y, &y, NULL), 0);
		assert_int_equal(url_same_origin(&x, &y), cases[i].same);
	}
}

static void test_encoding(void **state)
{
	auto_buf struct buf b = BUF_INIT(4000);
	auto_buf struct buf all = BUF_INIT(400);
	struct dv_err e = DV_ERR_NONE;
	const char *s;

	url_encode(&b, "a b/c?\xff%~", 9, "/");
	assert_string_equal(buf_cstr(&b), "a%20b/c%3F%FF%25~");
	assert_ok(url_decode(&arena, b.p, b.len, false, &s, &e), &e);
	assert_string_equal(s, "a b/c?\xff%~");
	assert_ok(url_decode(&arena, "a+b%2B", 6, true, &s, &e), &e);
	assert_string_equal(s, "a b+");
	for (unsigned c = 1; c < 256; c++)
		buf_char(&all, (char)c);
	buf_reset(&b);
	url_encode(&b, all.p, all.len, "");
	assert_ok(url_decode(&arena, b.p, b.len, true, &s, &e), &e);
	assert_string_equal(s, buf_cstr(&all));
	assert_fails(url_decode(&arena, "%", 1, false, &s, &e), INVALID);
	assert_fails(url_decode(&arena, "%4", 2, false, &s, &e), INVALID);
	/* what stands behind the end is not looked at */
	assert_fails(url_decode(&arena, "%41", 2, false, &s, &e), INVALID);
	assert_fails(url_decode(&arena, "%4g", 3, false, &s, &e), INVALID);
	assert_fails(url_decode(&arena, "a%00", 4, false, &s, &e), INVALID);
}

static void test_paths(void **state)
{
	static const struct { const char *in, *want; } cases[] = {
		{ "/", "/" }, { "/a%20b/c", "/a b/c" }, { "/v2/x/blobs/sha256:0", "/v2/x/blobs/sha256:0" },
		{ "/%C3%A4", "/\xc3\xa4" }, { "/%F0%9F%98%80", "/\xf0\x9f\x98\x80" }, { "/a/...", "/a/..." }, { "/.a", "/.a" },
		{ "/a%2Fb", NULL }, { "/a%2fb", NULL }, { "/..", NULL }, { "/../a", NULL }, { "/a/..", NULL }, { "/a/.", NULL },
		{ "/a/./b", NULL }, { "/%2e%2e/a", NULL }, { "/a/%2E", NULL }, { "/a/.%2e", NULL }, { "/%00", NULL }, { "/%0a", NULL },
		{ "/%7f", NULL }, { "/%ff", NULL }, { "/%c0%af", NULL }, { "/%c3", NULL }, { "/%ed%a0%80", NULL }, { "/%f8%88%80%80%80", NULL },
		{ "/%f4%90%80%80", NULL }, { "/%80", NULL }, { "/%e0%80%af", NULL }, { "/%", NULL },
	};
	struct dv_err e;
	const char *s;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int r = url_path_decode(&arena, cases[i].in, &s, &e);

		if (!cases[i].want ? r != -DV_INVALID : r < 0 || !streq(s, cases[i].want))
			fail_msg("%s: %s", cases[i].in, r < 0 ? e.msg : s);
	}
}

static void test_authority(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	const char *host;
	uint16_t port;
	bool v6;

	assert_ok(url_authority_parse(&arena, "A.b:81", &host, &v6, &port, &e), &e);
	assert_string_equal(host, "a.b");
	assert_int_equal(port, 81);
	assert_false(v6);
	assert_ok(url_authority_parse(&arena, "[FE80::1]", &host, &v6, &port, &e), &e);
	assert_string_equal(host, "fe80::1");
	assert_int_equal(port, 0);
	assert_true(v6);
	assert_fails(url_authority_parse(&arena, "a:b", &host, &v6, &port, &e), INVALID);
	assert_false(url_authority_valid("", 0));
}

static int end(void **state)
{
	arena_done(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse), cmocka_unit_test(test_refused), cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_resolve), cmocka_unit_test(test_same_origin), cmocka_unit_test(test_encoding),
		cmocka_unit_test(test_paths), cmocka_unit_test(test_authority), cmocka_unit_test_teardown(test_parse, end),
	};

	arena_init(&arena, 0);
	return unit_run(tests);
}
