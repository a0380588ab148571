#include "base/base64.h"
#include "base/str.h"
#include "base/unit.h"

static const struct { const char *plain, *text; } pairs[] = {
	{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" }, { "\xff\xfe\xfd", "//79" }, { "user:p\xc3\xa4ss", "dXNlcjpww6Rzcw==" },
};

static void test_pairs(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		auto_buf struct buf to = BUF_INIT(100), back = BUF_INIT(100);
		struct dv_err e;

		base64_encode(&to, pairs[i].plain, strlen(pairs[i].plain));
		assert_string_equal(buf_cstr(&to), pairs[i].text);
		assert_int_equal(to.len, BASE64_LEN(strlen(pairs[i].plain)));
		assert_ok(base64_decode(&back, pairs[i].text, strlen(pairs[i].text), &e), &e);
		assert_string_equal(buf_cstr(&back), pairs[i].plain);
	}
}

static void test_bad(void **state)
{
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Z===", "====", "Zm9v=", "Zm9vZ", "Zm 9", "Zh==", "Zm9=", "Zg==Zg==",
					   "Zm9\n", "-_==" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_buf struct buf b = BUF_INIT(100);
		struct dv_err e;

		if (base64_decode(&b, bad[i], strlen(bad[i]), &e) != -(int)DV_INVALID)
			fail_msg("accepted: %s", bad[i]);
	}
}

static void test_bytes(void **state)
{
	unsigned char all[256];
	auto_buf struct buf to = BUF_INIT(1000), back = BUF_INIT(1000), small = BUF_INIT(10);
	struct dv_err e;

	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (unsigned char)(255 - i);
	base64_encode(&to, all, sizeof all);
	assert_ok(base64_decode(&back, to.p, to.len, &e), &e);
	assert_int_equal(back.len, sizeof all);
	assert_memory_equal(back.p, all, sizeof all);
	assert_fails(base64_decode(&small, to.p, to.len, &e), LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_bytes),
	};

	return unit_run(tests);
}
