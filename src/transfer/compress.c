/* compress.c - one inflate loop over three codecs.
 *
 * A codec is a row of four functions; step() takes what it can from the input and
 * fills what it can of the output, and says when a member has ended.
 */
#include <isa-l/igzip_lib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"
#include "transfer/compress.h"

#define OUT_SIZE ((size_t)256 << 10)
#define BYTES_MAX ((uint64_t)1 << 40)

struct window {
	const uint8_t *in;
	size_t in_len;
	uint8_t *out;
	size_t out_len;         /* room */
};

struct codec {
	const char *name;
	void *(*begin)(void);
	void (*again)(void *state);             /* another member follows */
	/* 1 at the end of a member, 0 otherwise. */
	int (*step)(void *state, struct window *w, struct dv_err *e);
	void (*end)(void *state);
};

struct inflate {
	struct tar_source in;
	struct inflate_limits limits;
	enum compression kind;
	const struct codec *codec;
	void *state;
	const uint8_t *chunk;   /* input not yet used */
	size_t chunk_len;
	uint8_t head[4];        /* the first bytes, gathered for the magic; then comes rest */
	const uint8_t *rest;
	size_t rest_len;
	bool at_boundary;       /* between members */
	bool ended;
	uint64_t in_bytes, out_bytes;
	uint8_t *out;           /* keep times OUT_SIZE */
	unsigned turn;
};

/* --- ISA-L --- */

static void igzip_again(void *state)
{
	struct inflate_state *s = state;

	isal_inflate_reset(s);
	s->crc_flag = ISAL_GZIP;
}

static void *igzip_begin(void)
{
	struct inflate_state *s = mem_new(struct inflate_state);

	isal_inflate_init(s);
	s->crc_flag = ISAL_GZIP;
	return s;
}

static int igzip_step(void *state, struct window *w, struct dv_err *e)
{
	struct inflate_state *s = state;

	s->next_in = (uint8_t *)w->in;
	s->avail_in = (uint32_t)w->in_len;
	s->next_out = w->out;
	s->avail_out = (uint32_t)w->out_len;
	int rc = isal_inflate(s);
	w->in = s->next_in;
	w->in_len = s->avail_in;
	w->out = s->next_out;
	w->out_len = s->avail_out;
	if (rc != ISAL_DECOMP_OK)
		return dv_fail(e, DV_INVALID, "gzip: malformed data (%d)", rc);
	return s->block_state == ISAL_BLOCK_FINISH;
}

/* --- zlib --- */

static void *zlib_begin(void)
{
	z_stream *s = mem_new(z_stream);

	/* 16: gzip only. It fails for want of memory alone. */
	if (inflateInit2(s, 15 + 16) != Z_OK)
		abort();
	return s;
}

static void zlib_again(void *state)
{
	(void)inflateReset(state);
}

static int zlib_step(void *state, struct window *w, struct dv_err *e)
{
	z_stream *s = state;

	s->next_in = (Bytef *)w->in;
	s->avail_in = (uInt)w->in_len;
	s->next_out = w->out;
	s->avail_out = (uInt)w->out_len;
	int rc = inflate(s, Z_NO_FLUSH);
	w->in = s->next_in;
	w->in_len = s->avail_in;
	w->out = s->next_out;
	w->out_len = s->avail_out;
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		return dv_fail(e, DV_INVALID, "gzip: %s", s->msg ? s->msg : "malformed data");
	return rc == Z_STREAM_END;
}

static void zlib_end(void *state)
{
	(void)inflateEnd(state);
	free(state);
}

/* --- zstd --- */

static void *zstd_begin(void)
{
	ZSTD_DStream *s = ZSTD_createDStream();

	if (!s)
		abort();
	(void)ZSTD_DCtx_setParameter(s, ZSTD_d_windowLogMax, INFLATE_ZSTD_WINDOW_LOG);
	return s;
}

static void zstd_again(void *state)
{
	(void)ZSTD_DCtx_reset(state, ZSTD_reset_session_only);
}

static int zstd_step(void *state, struct window *w, struct dv_err *e)
{
	ZSTD_inBuffer in = { w->in, w->in_len, 0 };
	ZSTD_outBuffer out = { w->out, w->out_len, 0 };
	size_t rc = ZSTD_decompressStream(state, &out, &in);

	w->in += in.pos;
	w->in_len -= in.pos;
	w->out += out.pos;
	w->out_len -= out.pos;
	if (ZSTD_isError(rc))
		return dv_fail(e, DV_INVALID, "zstd: %s", ZSTD_getErrorName(rc));
	return rc == 0;
}

static void zstd_end(void *state)
{
	(void)ZSTD_freeDStream(state);
}

static const struct codec igzip = { "gzip", igzip_begin, igzip_again, igzip_step, free };
static const struct codec zlib = { "gzip", zlib_begin, zlib_again, zlib_step, zlib_end };
static const struct codec zstd = { "zstd", zstd_begin, zstd_again, zstd_step, zstd_end };

/* --- kinds --- */

static const struct {
	const char *name, *magic;
	size_t len;
} kinds[] = {
	[COMPRESS_NONE] = { "none", "", 0 },
	[COMPRESS_GZIP] = { "gzip", "\x1f\x8b", 2 },
	[COMPRESS_ZSTD] = { "zstd", "\x28\xb5\x2f\xfd", 4 },
};

enum compression compress_detect(const void *head, size_t len)
{
	for (size_t i = COMPRESS_GZIP; i < ARRAY_LEN(kinds); i++)
		if (len >= kinds[i].len && memcmp(head, kinds[i].magic, kinds[i].len) == 0)
			return i;
	return COMPRESS_NONE;
}

const char *compress_name(enum compression c)
{
	return kinds[c].name;
}

/* --- the loop --- */

/* 1 with input, 0 at the end of it. */
static int input(struct inflate *z, struct dv_err *e)
{
	const void *p;

	if (z->chunk_len > 0)
		return 1;
	if (z->rest_len > 0) {
		z->chunk = z->rest;
		z->chunk_len = z->rest_len;
		z->rest_len = 0;
		return 1;
	}
	int rc = z->in.next(z->in.ctx, &p, &z->chunk_len, e);
	if (rc <= 0) {
		z->chunk_len = 0;
		return rc;
	}
	z->chunk = p;
	z->in_bytes += z->chunk_len;
	return 1;
}

static int limits_check(const struct inflate *z, struct dv_err *e)
{
	uint64_t max = z->limits.bytes_max ? z->limits.bytes_max : BYTES_MAX;

	if (z->out_bytes > max)
		return dv_fail(e, DV_LIMIT, "more than %llu bytes after decompression", (unsigned long long)max);
	if (z->codec && z->out_bytes > INFLATE_FREE_BYTES && z->out_bytes / INFLATE_RATIO_MAX > z->in_bytes)
		return dv_fail(e, DV_LIMIT, "decompression bomb: %llu bytes grow to more than %llu",
			       (unsigned long long)z->in_bytes, (unsigned long long)z->out_bytes);
	return 0;
}

static int next_plain(struct inflate *z, const void **ret, size_t *ret_len, struct dv_err *e)
{
	int rc = input(z, e);

	if (rc <= 0)
		return rc;
	*ret = z->chunk;
	*ret_len = z->chunk_len;
	z->out_bytes += z->chunk_len;
	z->chunk_len = 0;
	rc = limits_check(z, e);
	return rc < 0 ? rc : 1;
}

/* Between members there may be another one, or the end; the codec refuses anything else. */
static int member_begin(struct inflate *z, struct dv_err *e)
{
	int rc = input(z, e);

	if (rc == 0)
		z->ended = true;
	if (rc > 0) {
		z->codec->again(z->state);
		z->at_boundary = false;
	}
	return rc;
}

static int fill(struct inflate *z, struct window *w, struct dv_err *e)
{
	int rc = input(z, e);
	bool dry = rc == 0;

	if (rc < 0)
		return rc;
	w->in = z->chunk;
	w->in_len = z->chunk_len;
	size_t room = w->out_len;
	rc = z->codec->step(z->state, w, e);
	bool moved = w->in_len != z->chunk_len || w->out_len != room;
	z->chunk = w->in;
	z->chunk_len = w->in_len;
	if (rc < 0)
		return rc;
	if (rc > 0)
		z->at_boundary = true;
	else if (!moved)
		return dv_fail(e, DV_INVALID, dry ? "%s: the data is cut short" : "%s: malformed data", z->codec->name);
	return 0;
}

static int next_inflated(struct inflate *z, const void **ret, size_t *ret_len, struct dv_err *e)
{
	uint8_t *out = z->out + OUT_SIZE * (z->turn++ % z->limits.keep);
	struct window w = { .out = out, .out_len = OUT_SIZE };
	int rc = 0;

	while (rc >= 0 && w.out_len > 0 && !z->ended) {
		rc = z->at_boundary ? member_begin(z, e) : fill(z, &w, e);
		/* Hand out what is there rather than wait for a full buffer. */
		if (rc == 0 && !z->at_boundary && z->chunk_len == 0 && w.out_len < OUT_SIZE / 2)
			break;
	}
	if (rc < 0)
		return rc;
	*ret = out;
	*ret_len = OUT_SIZE - w.out_len;
	z->out_bytes += *ret_len;
	rc = limits_check(z, e);
	return rc < 0 ? rc : *ret_len > 0;
}

static int next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct inflate *z = ctx;

	return z->codec ? next_inflated(z, ret, ret_len, e) : next_plain(z, ret, ret_len, e);
}

/* A pipe may give its first bytes one by one. */
static int head_read(struct inflate *z, struct dv_err *e)
{
	size_t n = 0;
	int rc = 1;

	while (n < sizeof(z->head) && (rc = input(z, e)) > 0) {
		size_t part = DV_MIN(sizeof(z->head) - n, z->chunk_len);

		memcpy(z->head + n, z->chunk, part);
		n += part;
		z->rest = z->chunk + part;
		z->rest_len = z->chunk_len - part;
		z->chunk_len = 0;
	}
	z->chunk = z->head;
	z->chunk_len = n;
	return rc < 0 ? rc : 0;
}

/* --- public --- */

int inflate_new(const struct tar_source *in, const struct inflate_limits *limits, struct inflate **ret,
		struct dv_err *e)
{
	auto_inflate struct inflate *z = mem_new(struct inflate);

	z->in = *in;
	z->limits = *limits;
	z->limits.keep = DV_MAX(limits->keep, 1U);
	int rc = head_read(z, e);
	if (rc < 0)
		return rc;
	z->kind = compress_detect(z->head, z->chunk_len);
	if (z->kind == COMPRESS_GZIP)
		z->codec = limits->zlib ? &zlib : &igzip;
	else if (z->kind == COMPRESS_ZSTD)
		z->codec = &zstd;
	if (z->codec) {
		z->state = z->codec->begin();
		z->out = mem_alloc(OUT_SIZE * z->limits.keep);
	}
	*ret = take_ptr(&z);
	return 0;
}

void inflate_free(struct inflate *z)
{
	if (!z)
		return;
	if (z->state)
		z->codec->end(z->state);
	free(z->out);
	free(z);
}

enum compression inflate_kind(const struct inflate *z)
{
	return z->kind;
}

struct tar_source inflate_source(struct inflate *z)
{
	return (struct tar_source){ next, z };
}
