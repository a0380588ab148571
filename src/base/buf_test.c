/* buf_test.c - growth, the maximum, termination. */
#include "base/buf.h"
#include "base/unit.h"

static void test_writes(void **state)
{
	auto_buf struct buf b = BUF_INIT(1000);

	assert_string_equal(buf_cstr(&b), "");
	buf_str(&b, "");
	buf_add(&b, "ab\0c", 4);
	buf_char(&b, 'd');
	buf_printf(&b, "%03d", 7);
	assert_int_equal(b.len, 8);
	assert_memory_equal(buf_cstr(&b), "ab\0cd007", 9);
	buf_reset(&b);
	assert_string_equal(buf_cstr(&b), "");
	assert_int_equal(b.len, 0);
}

/* Exactly the maximum fits; one byte more does not, by whichever function. */
static void test_maximum(void **state)
{
	for (size_t max = 0; max < 200; max++) {
		for (int how = 0; how < 4; how++) {
			auto_buf struct buf b = BUF_INIT(max);

			for (size_t i = 0; i < max; i++)
				how == 0 ? buf_char(&b, 'x') : how == 1 ? buf_str(&b, "x") :
				how == 2 ? buf_add(&b, "x", 1) : buf_printf(&b, "x");
			assert_int_equal(buf_check(&b, "b", NULL), 0);
			assert_int_equal(b.len, max);
			assert_int_equal(strlen(buf_cstr(&b)), max);
			assert_true(b.cap <= max + 64);
			how == 0 ? buf_char(&b, 'y') : how == 1 ? buf_str(&b, "y") :
			how == 2 ? buf_add(&b, "y", 1) : buf_printf(&b, "y");
			assert_int_equal(b.len, max);
			assert_fails(buf_check(&b, "b", NULL), LIMIT);
		}
	}
}

/* What did not fit is not replaced by something shorter that follows. */
static void test_no_holes(void **state)
{
	auto_buf struct buf b = BUF_INIT(10);
	struct dv_err e = DV_ERR_NONE;

	buf_str(&b, "12345");
	buf_str(&b, "too long");
	buf_str(&b, "x");
	assert_string_equal(buf_cstr(&b), "12345");
	assert_fails(buf_check(&b, "the text", &e), LIMIT);
	assert_string_equal(e.msg, "the text is larger than 10 bytes");
	assert_null(buf_room(&b, 1));
	buf_reset(&b);
	buf_str(&b, "x");
	assert_int_equal(buf_check(&b, "the text", &e), 0);
}

static void test_room_and_commit(void **state)
{
	auto_buf struct buf b = BUF_INIT(SIZE_MAX);
	char *p = buf_room(&b, 100);

	assert_non_null(p);
	memset(p, 'x', 100);
	b.len += 3;
	assert_string_equal(buf_cstr(&b), "xxx");
	assert_null(buf_room(&b, SIZE_MAX));
	assert_null(buf_room(&b, 1));
}

static void test_take_is_terminated(void **state)
{
	struct buf b = BUF_INIT(10), none = BUF_INIT(0);
	auto_free char *s = NULL, *empty = buf_take(&none);

	assert_non_null(buf_room(&b, 5));
	memset(b.p, 'x', 5);
	b.len = 2;
	s = buf_take(&b);
	assert_string_equal(s, "xx");
	assert_string_equal(empty, "");
	assert_null(b.p);
	assert_int_equal(b.max, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writes), cmocka_unit_test(test_maximum), cmocka_unit_test(test_no_holes),
		cmocka_unit_test(test_room_and_commit), cmocka_unit_test(test_take_is_terminated),
	};

	return unit_run(tests);
}
