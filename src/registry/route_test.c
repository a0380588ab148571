/* route_test.c - paths become routes, names are what the specification allows, ranges. */
#include "base/str.h"
#include "base/unit.h"
#include "registry/route.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA256 "sha256:" HEX64
#define SHA512 "sha512:" HEX64 HEX64
#define ID "00112233445566778899aabbccddeeff"

static void test_routes(void **state)
{
	static const struct {
		const char *path;
		enum route_kind kind;
		enum problem problem;
		const char *name, *tag;
	} cases[] = {
		{ "/v2/", ROUTE_BASE, 0, "", "" },
		{ "/v2", ROUTE_BASE, 0, "", "" },
		{ "/v2/_catalog", ROUTE_CATALOG, 0, "", "" },
		{ "/token", ROUTE_TOKEN, 0, "", "" },
		{ "/metrics", ROUTE_METRICS, 0, "", "" },
		{ "/healthz", ROUTE_HEALTH, 0, "", "" },
		{ "/v2/a/manifests/latest", ROUTE_MANIFEST, 0, "a", "latest" },
		{ "/v2/a/b-c/d__e/manifests/V1.0_x-y", ROUTE_MANIFEST, 0, "a/b-c/d__e", "V1.0_x-y" },
		{ "/v2/a/manifests/" SHA256, ROUTE_MANIFEST, 0, "a", "" },
		{ "/v2/a/manifests/" SHA512, ROUTE_MANIFEST, 0, "a", "" },
		{ "/v2/a/manifests/sha256:baddigeststring", ROUTE_MANIFEST, PROBLEM_DIGEST_INVALID, "a", "" },
		{ "/v2/a/manifests/.x", ROUTE_MANIFEST, PROBLEM_TAG_INVALID, "a", "" },
		{ "/v2/a/manifests/", ROUTE_UNKNOWN, PROBLEM_NO_ROUTE, "", "" },
		{ "/v2/manifests/x", ROUTE_UNKNOWN, PROBLEM_NO_ROUTE, "", "" },
		{ "/v2//manifests/x", ROUTE_UNKNOWN, PROBLEM_NO_ROUTE, "", "" },
		{ "/v2//a/manifests/x", ROUTE_MANIFEST, PROBLEM_NAME_INVALID, "", "" },
		{ "/v2/A/manifests/x", ROUTE_MANIFEST, PROBLEM_NAME_INVALID, "", "" },
		{ "/v2/a/../b/manifests/x", ROUTE_MANIFEST, PROBLEM_NAME_INVALID, "", "" },
		{ "/v2/a/blobs/" SHA256, ROUTE_BLOB, 0, "a", "" },
		{ "/v2/a/blobs/latest", ROUTE_BLOB, PROBLEM_DIGEST_INVALID, "a", "" },
		{ "/v2/a/blobs/uploads/", ROUTE_UPLOADS, 0, "a", "" },
		{ "/v2/a/blobs/uploads", ROUTE_UPLOADS, 0, "a", "" },
		{ "/v2/a/blobs/uploads/" ID, ROUTE_UPLOAD, 0, "a", "" },
		{ "/v2/a/blobs/uploads/../x", ROUTE_UNKNOWN, PROBLEM_NO_ROUTE, "", "" },
		{ "/v2/a/blobs/uploads/zz", ROUTE_UPLOAD, PROBLEM_UPLOAD_UNKNOWN, "a", "" },
		{ "/v2/blobs/uploads/blobs/uploads/", ROUTE_UPLOADS, 0, "blobs/uploads", "" },
		{ "/v2/a/manifests/b/manifests/c", ROUTE_MANIFEST, 0, "a/manifests/b", "c" },
		{ "/v2/a/tags/list", ROUTE_TAGS, 0, "a", "" },
		{ "/v2/tags/list", ROUTE_UNKNOWN, PROBLEM_NO_ROUTE, "", "" },
		{ "/v2/a/referrers/" SHA256, ROUTE_REFERRERS, 0, "a", "" },
		{ "/v2/a/referrers/x", ROUTE_REFERRERS, PROBLEM_DIGEST_INVALID, "a", "" },
		{ "/v1/a/tags/list", ROUTE_UNKNOWN, PROBLEM_NO_ROUTE, "", "" },
		{ "/", ROUTE_UNKNOWN, PROBLEM_NO_ROUTE, "", "" },
		{ "", ROUTE_UNKNOWN, PROBLEM_NO_ROUTE, "", "" },
	};
	struct route r;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("# %s\n", cases[i].path);
		assert_int_equal(route_parse(cases[i].path, &r), cases[i].problem);
		assert_int_equal(r.kind, cases[i].kind);
		assert_string_equal(r.name, cases[i].name);
		assert_string_equal(r.tag, cases[i].tag);
	}
}

static void test_digest_and_id(void **state)
{
	char text[DIGEST_TEXT_SIZE];
	struct route r;

	assert_int_equal(route_parse("/v2/a/blobs/" SHA512, &r), PROBLEM_NONE);
	assert_string_equal(digest_text(&r.digest, text), SHA512);
	assert_int_equal(route_parse("/v2/a/blobs/uploads/" ID, &r), PROBLEM_NONE);
	assert_string_equal(r.upload, ID);
}

static void test_names(void **state)
{
	static const char *const good[] = { "a", "0", "a.b", "a_b", "a__b", "a---b", "a/b/c", "library/web", "1/2.3" };
	static const char *const bad[] = { "", "A", "a..b", "a___b", "a/", "/a", "a//b", ".a", "a.", "a-", "-a", "a b", "a_-b",
					   "a:b", "\xc3\xa4", "a/../b", "a\nb" };
	char longest[ROUTE_NAME_MAX + 2];

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(repo_name_valid(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(repo_name_valid(bad[i]));
	memset(longest, 'a', sizeof longest - 1);
	longest[ROUTE_NAME_MAX + 1] = '\0';
	assert_false(repo_name_valid(longest));
	longest[ROUTE_NAME_MAX] = '\0';
	assert_true(repo_name_valid(longest));
}

static void test_tags(void **state)
{
	static const char *const bad[] = { "", ".a", "-a", "a b", "a/b", "a:b", "\xc3\xa4", "a@b" };
	char longest[ROUTE_TAG_MAX + 2];

	assert_true(tag_valid("_A.b-9"));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(tag_valid(bad[i]));
	memset(longest, 'a', sizeof longest - 1);
	longest[ROUTE_TAG_MAX + 1] = '\0';
	assert_false(tag_valid(longest));
	longest[ROUTE_TAG_MAX] = '\0';
	assert_true(tag_valid(longest));
}

static void test_methods(void **state)
{
	static const struct {
		enum route_kind kind;
		enum http_method method;
		bool want;
	} cases[] = {
		{ ROUTE_BASE, HTTP_GET, true },      { ROUTE_BASE, HTTP_POST, false },
		{ ROUTE_MANIFEST, HTTP_PUT, true },  { ROUTE_MANIFEST, HTTP_PATCH, false },
		{ ROUTE_BLOB, HTTP_PUT, false },     { ROUTE_BLOB, HTTP_DELETE, true },
		{ ROUTE_UPLOADS, HTTP_POST, true },  { ROUTE_UPLOADS, HTTP_GET, false },
		{ ROUTE_UPLOAD, HTTP_PATCH, true },  { ROUTE_UPLOAD, HTTP_POST, false },
		{ ROUTE_UNKNOWN, HTTP_GET, false },  { ROUTE_TAGS, HTTP_OTHER, false },
	};
	const char *allow;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(route_allows(cases[i].kind, cases[i].method, &allow), cases[i].want);
	(void)route_allows(ROUTE_BLOB, HTTP_PUT, &allow);
	assert_string_equal(allow, "GET, HEAD, DELETE");
}

static void test_ranges(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
		enum http_range want;
		uint64_t first, len;
	} cases[] = {
		{ NULL, 2048, HTTP_RANGE_NONE, 0, 0 },
		{ "bytes=500-1499", 2048, HTTP_RANGE_ONE, 500, 1000 },
		{ "bytes=500-", 2048, HTTP_RANGE_ONE, 500, 1548 },
		{ "bytes=-500", 2048, HTTP_RANGE_ONE, 1548, 500 },
		{ "bytes=2000-5000", 2048, HTTP_RANGE_ONE, 2000, 48 },
		{ "bytes=0-0", 2048, HTTP_RANGE_ONE, 0, 1 },
		{ "bytes=500-0", 2048, HTTP_RANGE_BAD, 0, 0 },
		{ "bytes=5000-10000", 2048, HTTP_RANGE_BAD, 0, 0 },
		{ "bytes=2048-", 2048, HTTP_RANGE_BAD, 0, 0 },
		{ "bytes=0-1,5-6", 2048, HTTP_RANGE_NONE, 0, 0 },
		{ "lines=0-1", 2048, HTTP_RANGE_NONE, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t first = 0, len = 0;

		assert_int_equal(blob_range_parse(cases[i].text, cases[i].size, &first, &len), cases[i].want);
		assert_int_equal(first, cases[i].first);
		assert_int_equal(len, cases[i].len);
	}
}

static void test_content_ranges(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t first, last;
	} cases[] = {
		{ "0-99", true, 0, 99 },          { "100-100", true, 100, 100 },
		{ "bytes 0-9/100", true, 0, 9 },  { "bytes 0-9/*", true, 0, 9 },
		{ "9-0", false, 0, 0 },           { "", false, 0, 0 },
		{ "0-", false, 0, 0 },            { "-9", false, 0, 0 },
		{ "0-9 ", false, 0, 0 },          { "0-9/x", false, 0, 0 },
		{ "bytes=0-9", false, 0, 0 },     { "0-18446744073709551615", false, 0, 0 },
		{ "0-18446744073709551616", false, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t first = 0, last = 0;

		assert_int_equal(content_range_parse(cases[i].text, &first, &last), cases[i].ok);
		assert_int_equal(first, cases[i].first);
		assert_int_equal(last, cases[i].last);
	}
}

static void test_problem_body(void **state)
{
	auto_buf struct buf b = BUF_INIT(4096);

	problem_body(&b, PROBLEM_BLOB_UNKNOWN, "x\"y");
	assert_string_equal(buf_cstr(&b), "{\"errors\":[{\"code\":\"BLOB_UNKNOWN\",\"message\":\"blob unknown to registry\","
					  "\"detail\":\"x\\\"y\"}]}\n");
	assert_int_equal(problem_status(PROBLEM_UPLOAD_RANGE), 416);
	for (enum problem p = PROBLEM_NONE + 1; p < PROBLEM_MAX; p++) {
		assert_true(problem_status(p) >= 400);
		assert_true(*problem_code(p) && *problem_message(p));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),  cmocka_unit_test(test_digest_and_id), cmocka_unit_test(test_names), cmocka_unit_test(test_tags),
		cmocka_unit_test(test_methods), cmocka_unit_test(test_ranges),        cmocka_unit_test(test_content_ranges),
		cmocka_unit_test(test_problem_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
