/* compress_test.c - three codecs against their own compressors: members, pieces, garbage, cuts, bombs. */
#include <zlib.h>
#include <zstd.h>

#include "image/tarunit.h"
#include "transfer/compress.h"

#define DATA_LEN ((size_t)700000)

static char *data_new(void)
{
	char *p = mem_alloc(DATA_LEN);
	uint32_t x = 1;

	for (size_t i = 0; i < DATA_LEN; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (i / 1000) % 3 ? "the words "[i % 10] : (char)(x >> 24);
	}
	return p;
}

static void add_gzip(struct buf *b, const char *p, size_t len)
{
	z_stream s = { 0 };
	char *room = buf_room(b, len + 1000);

	assert_int_equal(deflateInit2(&s, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	s.next_in = (Bytef *)p;
	s.avail_in = (uInt)len;
	s.next_out = (Bytef *)room;
	s.avail_out = (uInt)(len + 1000);
	assert_int_equal(deflate(&s, Z_FINISH), Z_STREAM_END);
	b->len += len + 1000 - s.avail_out;
	(void)deflateEnd(&s);
}

static void add_zstd(struct buf *b, const char *p, size_t len)
{
	size_t room = ZSTD_compressBound(len);
	char *to = buf_room(b, room);
	size_t n = ZSTD_compress(to, room, p, len, 3);

	assert_false(ZSTD_isError(n));
	b->len += n;
}

static int inflate_all(const struct buf *in, size_t step, bool zlib, struct buf *out, struct dv_err *e)
{
	struct mem_source m = { in->p, in->len, step };
	const struct tar_source src = { mem_source_next, &m };
	const struct inflate_limits limits = { .bytes_max = 8 << 20, .zlib = zlib };
	auto_inflate struct inflate *z = NULL;
	const void *p;
	size_t len;
	int rc = inflate_new(&src, &limits, &z, e);

	if (rc < 0)
		return rc;
	struct tar_source plain = inflate_source(z);
	while ((rc = plain.next(plain.ctx, &p, &len, e)) > 0) {
		assert_true(len > 0);
		buf_add(out, p, len);
	}
	return rc;
}

enum form { GZIP, GZIP_MEMBERS, GZIP_EMPTY_MEMBER, ZSTD_ONE, ZSTD_FRAMES, PLAIN, FORMS };

static void compress_as(enum form form, const char *p, struct buf *b)
{
	size_t half = DATA_LEN / 3;

	switch (form) {
	case GZIP: add_gzip(b, p, DATA_LEN); break;
	case GZIP_MEMBERS: add_gzip(b, p, half); add_gzip(b, p + half, 1); add_gzip(b, p + half + 1, DATA_LEN - half - 1); break;
	case GZIP_EMPTY_MEMBER: add_gzip(b, "", 0); add_gzip(b, p, DATA_LEN); add_gzip(b, "", 0); break;
	case ZSTD_ONE: add_zstd(b, p, DATA_LEN); break;
	case ZSTD_FRAMES: add_zstd(b, p, half); add_zstd(b, p + half, DATA_LEN - half); break;
	default: buf_add(b, p, DATA_LEN);
	}
}

static void test_forms(void **state)
{
	static const size_t steps[] = { 1, 7, 4096, SIZE_MAX };
	auto_free char *data = data_new();

	for (int form = 0; form < FORMS; form++) {
		auto_buf struct buf in = BUF_INIT(8 << 20);

		compress_as(form, data, &in);
		for (size_t i = 0; i < ARRAY_LEN(steps) * 2; i++) {
			auto_buf struct buf out = BUF_INIT(8 << 20);
			struct dv_err e = DV_ERR_NONE;

			if (inflate_all(&in, steps[i / 2], i % 2, &out, &e) < 0)
				fail_msg("form %d, steps of %zu, zlib %zu: %s", form, steps[i / 2], i % 2, e.msg);
			if (out.len != DATA_LEN)
				fail_msg("form %d, steps of %zu, zlib %zu: %zu bytes", form, steps[i / 2], i % 2, out.len);
			assert_memory_equal(out.p, data, DATA_LEN);
		}
	}
}

static void test_damage(void **state)
{
	auto_free char *data = data_new();

	for (int form = 0; form < PLAIN; form++) {
		for (int damage = 0; damage < 4; damage++) {
			for (int zlib = 0; zlib < 2; zlib++) {
				auto_buf struct buf in = BUF_INIT(8 << 20), out = BUF_INIT(8 << 20);
				struct dv_err e = DV_ERR_NONE;

				compress_as(form, data, &in);
				if (damage == 0)
					buf_str(&in, "garbage");
				else if (damage == 1)
					in.len -= 3;
				else if (damage == 2)
					in.len = in.len / 2;
				else
					buf_add(&in, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 18);
				int rc = inflate_all(&in, 1000, zlib, &out, &e);
				if (rc != -DV_INVALID)
					fail_msg("form %d, damage %d, zlib %d: %d %s", form, damage, zlib, rc, e.msg);
			}
		}
	}
}

/* A wrong checksum in the trailer. */
static void test_checksum(void **state)
{
	auto_free char *data = data_new();

	for (int zlib = 0; zlib < 2; zlib++) {
		auto_buf struct buf in = BUF_INIT(8 << 20), out = BUF_INIT(8 << 20);
		struct dv_err e = DV_ERR_NONE;

		add_gzip(&in, data, DATA_LEN);
		in.p[in.len - 6] ^= 1;
		assert_fails(inflate_all(&in, SIZE_MAX, zlib, &out, &e), INVALID);
	}
}

static void test_limit(void **state)
{
	auto_buf struct buf in = BUF_INIT(32 << 20), out = BUF_INIT(64 << 20);
	auto_free char *zero = mem_alloc(9 << 20);
	struct dv_err e = DV_ERR_NONE;

	add_gzip(&in, zero, 9 << 20);
	assert_fails(inflate_all(&in, SIZE_MAX, false, &out, &e), LIMIT);
	assert_true(out.len <= 9 << 20);
	buf_reset(&in);
	buf_reset(&out);
	add_zstd(&in, zero, 9 << 20);
	assert_fails(inflate_all(&in, SIZE_MAX, false, &out, &e), LIMIT);
	buf_reset(&in);
	buf_reset(&out);
	buf_add(&in, "\x28\xb5\x2f\xfd\x00\xb0\x00\x00\x00", 9);        /* a frame with a window of 4 GiB */
	assert_true(inflate_all(&in, SIZE_MAX, false, &out, &e) < 0);
	assert_non_null(strstr(e.msg, "much memory"));
}

static void test_empty(void **state)
{
	auto_buf struct buf in = BUF_INIT(100), out = BUF_INIT(100);
	struct dv_err e = DV_ERR_NONE;

	assert_int_equal(inflate_all(&in, 1, false, &out, &e), 0);
	assert_int_equal(out.len, 0);
	assert_int_equal(compress_detect("\x1f\x8b\x08", 3), COMPRESS_GZIP);
	assert_int_equal(compress_detect("\x28\xb5\x2f", 3), COMPRESS_NONE);
	assert_int_equal(compress_detect("\x28\xb5\x2f\xfd", 4), COMPRESS_ZSTD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_empty),
	};

	return unit_run(tests);
}
