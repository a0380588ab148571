/* map_test.c - against a plain array, with deletions, growth and iteration. */
#include "base/map.h"
#include "base/unit.h"

#define KEYS 500

static void test_basics(void **state)
{
	struct map *m = map_new();
	int a, b;

	assert_null(map_get(m, "x"));
	assert_null(map_del(m, "x"));
	assert_null(map_set(m, "x", &a));
	assert_null(map_set(m, "", &b));
	assert_ptr_equal(map_set(m, "x", &b), &a);
	assert_ptr_equal(map_get(m, "x"), &b);
	assert_ptr_equal(map_get(m, ""), &b);
	assert_int_equal(map_len(m), 2);
	assert_ptr_equal(map_del(m, "x"), &b);
	assert_null(map_get(m, "x"));
	assert_int_equal(map_len(m), 1);
	assert_null(map_setn(m, "a\0b", 3, &a));
	assert_null(map_get(m, "a"));
	assert_ptr_equal(map_getn(m, "a\0b", 3), &a);
	map_free(m, NULL);
	map_free(NULL, NULL);
}

/* The same random steps on the map and on an array: they agree after each. */
static void test_random_steps(void **state)
{
	static int values[KEYS];
	bool in[KEYS] = { false };
	struct map *m = map_new();
	size_t n = 0;
	unsigned seed = 1;

	for (int step = 0; step < 50000; step++) {
		unsigned k = (unsigned)rand_r(&seed) % KEYS, what = (unsigned)rand_r(&seed) % 3;
		char key[20];

		(void)snprintf(key, sizeof key, "key-%u", k);
		if (what == 0) {
			assert_ptr_equal(map_set(m, key, &values[k]), in[k] ? &values[k] : NULL);
			n += !in[k];
			in[k] = true;
		} else if (what == 1) {
			assert_ptr_equal(map_del(m, key), in[k] ? &values[k] : NULL);
			n -= in[k];
			in[k] = false;
		} else {
			assert_ptr_equal(map_get(m, key), in[k] ? &values[k] : NULL);
		}
		assert_int_equal(map_len(m), n);
	}
	map_free(m, NULL);
}

static void test_order_and_delete_while_walking(void **state)
{
	struct map *m = map_new();
	const char *key;
	size_t pos = 0;
	void *value;
	int n = 0;

	for (int i = 0; i < 100; i++) {
		char name[20];

		(void)snprintf(name, sizeof name, "%d", i);
		(void)map_set(m, name, mem_str(name));
	}
	while (map_next(m, &pos, &key, &value)) {
		assert_string_equal(key, value);
		assert_int_equal(strtol(key, NULL, 10), n++);
		if (n % 2)
			free(map_del(m, key));
	}
	assert_int_equal(n, 100);
	assert_int_equal(map_len(m), 50);
	pos = 0;
	n = 1;
	while (map_next(m, &pos, &key, &value)) {
		assert_int_equal(strtol(key, NULL, 10), n);
		n += 2;
	}
	map_free(m, free);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_basics), cmocka_unit_test(test_random_steps),
		cmocka_unit_test(test_order_and_delete_while_walking),
	};

	return unit_run(tests);
}
