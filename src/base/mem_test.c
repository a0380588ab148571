/* mem_test.c - arenas: alignment, zeroing, limits; ownership macros. */
#include "base/unit.h"

static bool is_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static void test_arena_sizes(void **state)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 4063, 4064, 4065, 5000, 100000, 1 << 20, (1 << 20) + 1 };
	auto_arena struct arena a;

	arena_init(&a, 0);
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			char *p = arena_alloc(&a, sizes[i]);

			assert_int_equal((uintptr_t)p % 16, 0);
			assert_true(is_zero(p, sizes[i]));
			memset(p, 0xff, sizes[i]);
		}
}

static void test_arena_limit(void **state)
{
	auto_arena struct arena a;

	arena_init(&a, 1000);
	assert_null(arena_try(&a, 1001));
	assert_null(arena_try(&a, SIZE_MAX));
	assert_non_null(arena_try(&a, 992));
	assert_null(arena_try(&a, 9));
	assert_non_null(arena_try(&a, 8));
	assert_null(arena_try(&a, 1));
	assert_non_null(arena_alloc(&a, 100));     /* our own structs are not bounded */
	arena_done(&a);
	assert_non_null(arena_try(&a, 1000));     /* empty again, with the same limit */
}

static void test_arena_strings(void **state)
{
	auto_arena struct arena a;
	char *s;

	arena_init(&a, 0);
	assert_string_equal(arena_str(&a, ""), "");
	assert_string_equal(arena_strn(&a, "abcdef", 3), "abc");
	s = arena_printf(&a, "%05000d|%s", 7, "x");
	assert_int_equal(strlen(s), 5002);
	assert_string_equal(s + 4999, "7|x");
}

static void test_take(void **state)
{
	auto_free char *p = mem_printf("%d-%s", 5, "x");
	char *q = take_ptr(&p);

	assert_null(p);
	assert_string_equal(q, "5-x");
	q = mem_resize(q, 3, 100);
	assert_string_equal(q, "5-x");
	free(q);
	p = mem_alloc(0);
	assert_non_null(p);
	assert_int_equal(mem_mul(SIZE_MAX / 3, 3), SIZE_MAX / 3 * 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_sizes), cmocka_unit_test(test_arena_limit),
		cmocka_unit_test(test_arena_strings), cmocka_unit_test(test_take),
	};

	return unit_run(tests);
}
