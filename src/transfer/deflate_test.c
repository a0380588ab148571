/* deflate_test.c - what is compressed comes back, by zlib and by us; always the same bytes; failures; early ends. */
#include <stdlib.h>
#include <zlib.h>

#include "image/tarunit.h"
#include "transfer/deflate.h"

#define LEN_MAX (((size_t)3 << 20) + 12345)

/* Words, and stretches that do not get smaller. */
static char *data_new(void)
{
	char *p = mem_alloc(LEN_MAX);
	uint32_t x = 1;

	for (size_t i = 0; i < LEN_MAX; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = i >> 20 == 1 || (i / 1000) % 3 == 0 ? (char)(x >> 24) : "the words "[i % 10];
	}
	return p;
}

static int read_all(struct tar_source src, struct buf *out, struct dv_err *e)
{
	const void *p;
	size_t len;
	int rc;

	while ((rc = src.next(src.ctx, &p, &len, e)) > 0) {
		assert_true(len > 0);
		buf_add(out, p, len);
	}
	return rc;
}

static void expect_deflated(const char *data, size_t len, size_t step, enum compression c, int level, struct buf *out)
{
	struct mem_source m = { data, len, step };
	const struct tar_source in = { mem_source_next, &m };
	auto_deflate struct deflate *d = NULL;
	struct dv_err e = DV_ERR_NONE;

	assert_ok(deflate_new(&in, c, level, &d, &e), &e);
	assert_ok(read_all(deflate_source(d), out, &e), &e);
}

static void expect_inflated(const struct buf *in, bool zlib, const char *data, size_t len)
{
	struct mem_source m = { in->p, in->len, SIZE_MAX };
	const struct tar_source src = { mem_source_next, &m };
	const struct inflate_limits limits = { .zlib = zlib };
	auto_inflate struct inflate *z = NULL;
	auto_buf struct buf out = BUF_INIT(16 << 20);
	struct dv_err e = DV_ERR_NONE;

	assert_ok(inflate_new(&src, &limits, &z, &e), &e);
	assert_ok(read_all(inflate_source(z), &out, &e), &e);
	assert_int_equal(out.len, len);
	if (len > 0)
		assert_memory_equal(out.p, data, len);
}

/* zlib takes one member only: whoever reads no more than one has it all. */
static void expect_one_member(const struct buf *in, size_t len)
{
	z_stream z = { 0 };
	auto_free char *out = mem_alloc(len + 1);

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	z.next_in = (Bytef *)in->p;
	z.avail_in = (uInt)in->len;
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)len + 1;
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	assert_int_equal(z.total_out, len);
	(void)inflateEnd(&z);
}

static void test_round_trip(void **state)
{
	static const size_t lens[] = { 0, 1, 65536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, LEN_MAX };
	static const struct { enum compression c; int level; } kinds[] = {
		{ COMPRESS_GZIP, 0 }, { COMPRESS_GZIP, 1 }, { COMPRESS_GZIP, 2 }, { COMPRESS_GZIP, 3 }, { COMPRESS_GZIP, 4 },
		{ COMPRESS_GZIP, 9 }, { COMPRESS_ZSTD, 0 }, { COMPRESS_ZSTD, 1 },
	};
	auto_free char *data = data_new();

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
			auto_buf struct buf out = BUF_INIT(16 << 20);

			expect_deflated(data, lens[i], 100000, kinds[k].c, kinds[k].level, &out);
			expect_inflated(&out, false, data, lens[i]);
			if (kinds[k].c == COMPRESS_ZSTD)
				continue;
			expect_inflated(&out, true, data, lens[i]);
			expect_one_member(&out, lens[i]);
		}
	}
}

/* However the input comes, and whichever thread is faster. */
static void test_same_bytes(void **state)
{
	static const size_t steps[] = { 4097, 262144, SIZE_MAX };
	auto_free char *data = data_new();
	auto_buf struct buf first = BUF_INIT(16 << 20);

	(void)state;
	expect_deflated(data, LEN_MAX, 100000, COMPRESS_GZIP, 0, &first);
	for (size_t i = 0; i < 2 * ARRAY_LEN(steps); i++) {
		auto_buf struct buf out = BUF_INIT(16 << 20);

		expect_deflated(data, LEN_MAX, steps[i / 2], COMPRESS_GZIP, 0, &out);
		assert_int_equal(out.len, first.len);
		assert_memory_equal(out.p, first.p, first.len);
	}
}

struct broken {
	unsigned calls, good;
	char chunk[300000];
};

static int broken_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct broken *b = ctx;

	if (b->calls++ >= b->good)
		return dv_fail(e, DV_CORRUPT, "the source is broken");
	*ret = b->chunk;
	*ret_len = sizeof(b->chunk);
	return 1;
}

static void test_failure(void **state)
{
	static const unsigned good[] = { 0, 1, 5, 40 };
	static const enum compression kinds[] = { COMPRESS_GZIP, COMPRESS_ZSTD };
	auto_free struct broken *b = mem_new(struct broken);
	const struct tar_source in = { broken_next, b };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(good); i++) {
		auto_deflate struct deflate *d = NULL;
		auto_buf struct buf out = BUF_INIT(16 << 20);
		struct dv_err e = DV_ERR_NONE;

		b->calls = 0;
		b->good = good[i / 2];
		assert_ok(deflate_new(&in, kinds[i % 2], 0, &d, &e), &e);
		assert_fails(read_all(deflate_source(d), &out, &e), CORRUPT);
		assert_string_equal(e.msg, "the source is broken");
	}
}

/* It reads some megabytes ahead, not more. */
static void test_early_end(void **state)
{
	auto_free struct broken *b = mem_new(struct broken);
	const struct tar_source in = { broken_next, b };
	struct dv_err e = DV_ERR_NONE;
	struct deflate *d = NULL;
	const void *p;
	size_t len;

	(void)state;
	b->good = UINT32_MAX;
	assert_ok(deflate_new(&in, COMPRESS_GZIP, 0, &d, &e), &e);
	struct tar_source src = deflate_source(d);
	for (int i = 0; i < 2; i++)
		assert_int_equal(src.next(src.ctx, &p, &len, &e), 1);
	deflate_free(d);
	deflate_free(NULL);
	assert_true((uint64_t)b->calls * sizeof(b->chunk) < (uint64_t)16 << 20);
}

static void test_levels(void **state)
{
	struct mem_source m = { "", 0, 1 };
	const struct tar_source in = { mem_source_next, &m };
	struct deflate *d = NULL;
	struct dv_err e = DV_ERR_NONE;

	(void)state;
	assert_fails(deflate_new(&in, COMPRESS_GZIP, 10, &d, &e), INVALID);
	assert_fails(deflate_new(&in, COMPRESS_ZSTD, 20, &d, &e), INVALID);
	assert_fails(deflate_new(&in, COMPRESS_GZIP, -1, &d, &e), INVALID);
	assert_fails(deflate_new(&in, COMPRESS_NONE, 1, &d, &e), INVALID);
	assert_null(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_early_end),
		cmocka_unit_test(test_levels),
	};

	return unit_run(tests);
}
