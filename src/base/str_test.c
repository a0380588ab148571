/* str_test.c - strict numbers, sizes, hex, splitting, the cursor. */
#include "base/str.h"
#include "base/unit.h"

static void test_u64(void **state)
{
	static const struct {
		const char *text;
		uint64_t max, want;
		bool ok;
	} cases[] = {
		{ "0", 0, 0, true }, { "00", 0, 0, true }, { "1", 0, 0, false }, { "65535", 65535, 65535, true },
		{ "65536", 65535, 0, false }, { "18446744073709551615", UINT64_MAX, UINT64_MAX, true },
		{ "18446744073709551616", UINT64_MAX, 0, false }, { "99999999999999999999999", UINT64_MAX, 0, false },
		{ "", 9, 0, false }, { "-1", 9, 0, false }, { "+1", 9, 0, false }, { " 1", 9, 0, false },
		{ "1 ", 9, 0, false }, { "0x1", 9, 0, false }, { "1e1", 99, 0, false }, { "1:", 99, 0, false },
		{ "\xff", 9, 0, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t v = 4711;
		int r = str_u64(cases[i].text, cases[i].max, "port", &v, NULL);

		assert_int_equal(r, cases[i].ok ? 0 : -DV_INVALID);
		assert_int_equal(v, cases[i].ok ? cases[i].want : 4711);
	}
}

static void test_i64(void **state)
{
	static const struct {
		const char *text;
		int64_t min, max, want;
		bool ok;
	} cases[] = {
		{ "-1", -1, 1, -1, true }, { "-2", -1, 1, 0, false }, { "2", -1, 1, 0, false }, { "-0", 0, 0, 0, true },
		{ "-9223372036854775808", INT64_MIN, INT64_MAX, INT64_MIN, true },
		{ "-9223372036854775809", INT64_MIN, INT64_MAX, 0, false },
		{ "9223372036854775807", INT64_MIN, INT64_MAX, INT64_MAX, true },
		{ "9223372036854775808", INT64_MIN, INT64_MAX, 0, false },
		{ "-", -9, 9, 0, false }, { "--1", -9, 9, 0, false }, { "", -9, 9, 0, false }, { "1-", -9, 9, 0, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t v = 4711;
		int r = str_i64(cases[i].text, cases[i].min, cases[i].max, "n", &v, NULL);

		assert_int_equal(r, cases[i].ok ? 0 : -DV_INVALID);
		assert_true(v == (cases[i].ok ? cases[i].want : 4711));
	}
}

static void test_octal(void **state)
{
	uint64_t v;
	struct dv_err e = DV_ERR_NONE;

	assert_int_equal(str_octal("0755", 07777, "mode", &v, NULL), 0);
	assert_int_equal(v, 0755);
	assert_fails(str_octal("8", 07777, "mode", &v, &e), INVALID);
	assert_string_equal(e.msg, "mode \"8\" is not a number");
	assert_fails(str_octal("10000", 07777, "mode", &v, NULL), INVALID);
}

static void test_bytes(void **state)
{
	static const struct {
		const char *text;
		int64_t want;     /* -1: refused */
	} cases[] = {
		{ "0", 0 }, { "512", 512 }, { "512b", 512 }, { "64k", 65536 }, { "64K", 65536 }, { "16m", 16 << 20 },
		{ "1g", 1 << 30 }, { "1GiB", 1 << 30 }, { "1.5g", 3 << 29 }, { "1 g", 1 << 30 }, { "0.5k", 512 },
		{ "1.50000000000k", 1536 }, { "1.1", 1 }, { "1p", 1LL << 50 }, { "0.999999p", 1125898780942717 },
		{ "8191p", 8191LL << 50 }, { "8192p", -1 }, { "9223372036854775807", INT64_MAX },
		{ "9223372036854775808", -1 }, { "8589934591.999999g", 9223372036854774734 },
		{ "1.", -1 }, { "1.k", -1 }, { ".5k", -1 }, { "", -1 }, { "k", -1 }, { "-1", -1 }, { "1x", -1 },
		{ "1kk", -1 }, { "1 ", -1 }, { " 1", -1 }, { "1.2.3", -1 }, { "99999999999999999999", -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t v = 4711;
		int r = str_bytes(cases[i].text, "size", &v, NULL);

		if (r != (cases[i].want < 0 ? -DV_INVALID : 0) || v != (cases[i].want < 0 ? 4711 : (uint64_t)cases[i].want))
			fail_msg("%s: %d, %llu", cases[i].text, r, (unsigned long long)v);
	}
}

static void test_human(void **state)
{
	static const struct {
		uint64_t n;
		bool binary;
		const char *want;
	} cases[] = {
		{ 0, false, "0B" }, { 999, false, "999B" }, { 1000, false, "1kB" }, { 4260000, false, "4.26MB" },
		{ 42600000, false, "42.6MB" }, { 426000000, false, "426MB" }, { 999499, false, "999kB" },
		{ 999500, false, "1MB" }, { 999999, false, "1MB" }, { UINT64_MAX, false, "18.4EB" },
		{ 1023, true, "1023B" }, { 1024, true, "1KiB" }, { 1048575, true, "1024KiB" },
		{ 1610612736, true, "1.5GiB" }, { UINT64_MAX, true, "16EiB" },
	};
	auto_arena struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(str_human(&a, cases[i].n, cases[i].binary), cases[i].want);
}

static void test_hex(void **state)
{
	char hex[9];
	unsigned char back[4];

	str_hex("\x00\x7f\xff\xa5", 4, hex);
	assert_string_equal(hex, "007fffa5");
	assert_true(str_unhex(hex, back, 4));
	assert_memory_equal(back, "\x00\x7f\xff\xa5", 4);
	assert_false(str_unhex("007fffa", back, 4));
	assert_false(str_unhex("007fffa55", back, 4));
	assert_false(str_unhex("007fffA5", back, 4));
	assert_false(str_unhex("", back, 1));
	assert_true(str_unhex("", back, 0));
}

static void test_compare(void **state)
{
	assert_true(str_starts("abc", "ab") && str_starts("abc", "") && !str_starts("ab", "abc"));
	assert_true(str_ends("abc", "bc") && str_ends("abc", "") && !str_ends("bc", "abc"));
	assert_string_equal(str_after("a=b", "a="), "b");
	assert_null(str_after("a", "a="));
	assert_true(str_only("aab", "ab") && !str_only("abc", "ab") && !str_only("", "ab"));
}

static void test_split(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		const char *parts[4];
	} cases[] = {
		{ "", 0, { NULL } }, { "a", 1, { "a" } }, { "a:b", 2, { "a", "b" } }, { "a:", 2, { "a", "" } },
		{ ":a", 2, { "", "a" } }, { ":", 2, { "", "" } }, { "::", 3, { "", "", "" } },
	};
	auto_arena struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n;
		char **parts = str_split(&a, cases[i].text, ':', &n);

		assert_int_equal(n, cases[i].n);
		for (size_t k = 0; k < n; k++)
			assert_string_equal(parts[k], cases[i].parts[k]);
		assert_null(parts[n]);
	}
}

static void test_scan(void **state)
{
	struct scan s = scan_of("12 \t:x18446744073709551616", 26);
	const char *word;
	uint64_t v = 0;
	size_t len;

	assert_true(scan_u64(&s, &v));
	assert_int_equal(v, 12);
	assert_false(scan_u64(&s, &v));
	scan_blanks(&s);
	assert_true(scan_char(&s, ':') && !scan_char(&s, ':'));
	assert_true(scan_char(&s, 'x'));
	assert_false(scan_u64(&s, &v));     /* too large: nothing eaten */
	assert_int_equal(v, 12);
	assert_true(scan_until(&s, '/', &word, &len));
	assert_int_equal(len, 20);
	assert_false(scan_until(&s, '/', &word, &len));
	assert_false(scan_char(&s, '6'));     /* never past the end */
	s = scan_of("123", 2);
	assert_true(scan_u64(&s, &v));
	assert_int_equal(v, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64), cmocka_unit_test(test_i64), cmocka_unit_test(test_octal),
		cmocka_unit_test(test_bytes), cmocka_unit_test(test_human), cmocka_unit_test(test_hex),
		cmocka_unit_test(test_compare), cmocka_unit_test(test_split), cmocka_unit_test(test_scan),
	};

	return unit_run(tests);
}
