/* heap_test.c - the heap of the small programs, under other names: sizes, contents, reuse, limits. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/unit.h"

void *heap_malloc(size_t size);
void *heap_calloc(size_t n, size_t size);
void *heap_realloc(void *p, size_t size);
void *heap_aligned_alloc(size_t align, size_t size);
void heap_free(void *p);

static void fill(unsigned char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(seed + i * 7);
}

static void check_filled(const unsigned char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], (unsigned char)(seed + i * 7));
}

/* Many blocks at once, changed in a random order: none touches another. */
static void test_blocks_are_apart(void **state)
{
	enum { N = 300 };
	unsigned char *p[N] = { 0 };
	size_t size[N] = { 0 };
	unsigned rnd = 12345;

	for (int step = 0; step < 20000; step++) {
		rnd = rnd * 1103515245u + 12345u;
		size_t i = rnd / 65536 % N, want = rnd / 7 % (step % 50 ? 2000 : 200000);

		if (p[i] && step % 3 == 0) {
			check_filled(p[i], size[i], (unsigned)i);
			heap_free(p[i]);
			p[i] = NULL;
			continue;
		}
		unsigned char *q = heap_realloc(p[i], want);

		assert_non_null(q);
		assert_int_equal((uintptr_t)q % 16, 0);
		check_filled(q, p[i] ? DV_MIN(size[i], want) : 0, (unsigned)i);
		p[i] = q;
		size[i] = want;
		fill(q, want, (unsigned)i);
	}
	for (size_t i = 0; i < N; i++) {
		check_filled(p[i], p[i] ? size[i] : 0, (unsigned)i);
		heap_free(p[i]);
	}
}

static void test_zeroed(void **state)
{
	for (size_t n = 1; n < 300000; n = n * 3 + 1) {
		unsigned char *p = heap_malloc(n);

		memset(p, 0xff, n);
		heap_free(p);
		p = heap_calloc(1, n);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		heap_free(p);
	}
}

static void test_freed_is_used_again(void **state)
{
	void *p = heap_malloc(100), *q;

	heap_free(p);
	q = heap_malloc(90);
	assert_ptr_equal(p, q);
	heap_free(q);
	heap_free(NULL);
}

static void test_refused(void **state)
{
	errno = 0;
	assert_null(heap_malloc(SIZE_MAX / 2));
	assert_int_equal(errno, ENOMEM);
	assert_null(heap_calloc(SIZE_MAX / 4, 8));
	assert_null(heap_malloc((size_t)1 << 50));
	assert_null(heap_aligned_alloc(4096, 10));
	void *p = heap_malloc(10);
	assert_null(heap_realloc(p, (size_t)1 << 50));
	heap_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks_are_apart),
		cmocka_unit_test(test_zeroed),
		cmocka_unit_test(test_freed_is_used_again),
		cmocka_unit_test(test_refused),
	};

	return unit_run(tests);
}
