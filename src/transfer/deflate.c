/* deflate.c - one loop over three compressors, as compress.c has one over three decompressors. */
#include <isa-l/igzip_lib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"
#include "transfer/deflate.h"

#define OUT_SIZE ((size_t)256 << 10)
#define ISAL_USUAL 2
#define ZSTD_USUAL 3

struct pieces {
	const uint8_t *in;
	size_t in_len;
	bool last;              /* nothing follows */
	uint8_t *out;
	size_t out_len;         /* room */
};

struct compressor {
	void *(*begin)(int level);
	/* 1 when all is written, 0 to go on. */
	int (*step)(void *state, struct pieces *p, struct dv_err *e);
	void (*end)(void *state);
};

struct deflate {
	struct tar_source in;
	const struct compressor *c;
	void *state;
	struct pieces p;
	bool ended;
	uint8_t *out;           /* DEFLATE_KEEP times OUT_SIZE */
	unsigned turn;
};

/* --- ISA-L --- */

struct igzip {
	struct isal_zstream z;
	uint8_t *level_buf;
};

static void *igzip_begin(int level)
{
	static const uint32_t sizes[] = { ISAL_DEF_LVL0_DEFAULT, ISAL_DEF_LVL1_DEFAULT, ISAL_DEF_LVL2_DEFAULT,
					  ISAL_DEF_LVL3_DEFAULT };
	struct igzip *s = mem_new(struct igzip);

	isal_deflate_init(&s->z);
	s->z.level = (uint32_t)level;
	s->z.gzip_flag = IGZIP_GZIP;
	s->level_buf = mem_alloc(sizes[level]);
	s->z.level_buf = s->level_buf;
	s->z.level_buf_size = sizes[level];
	return s;
}

static int igzip_step(void *state, struct pieces *p, struct dv_err *e)
{
	struct igzip *s = state;

	s->z.next_in = (uint8_t *)p->in;
	s->z.avail_in = (uint32_t)p->in_len;
	s->z.end_of_stream = p->last;
	s->z.next_out = p->out;
	s->z.avail_out = (uint32_t)p->out_len;
	int rc = isal_deflate(&s->z);
	p->in = s->z.next_in;
	p->in_len = s->z.avail_in;
	p->out = s->z.next_out;
	p->out_len = s->z.avail_out;
	if (rc != COMP_OK)
		return dv_fail(e, DV_INTERNAL, "gzip: ISA-L says %d", rc);
	return s->z.internal_state.state == ZSTATE_END;
}

static void igzip_end(void *state)
{
	struct igzip *s = state;

	free(s->level_buf);
	free(s);
}

/* --- zlib --- */

static void *zlib_begin(int level)
{
	z_stream *s = mem_new(z_stream);

	/* 16: gzip. It fails for want of memory alone. */
	if (deflateInit2(s, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	return s;
}

static int zlib_step(void *state, struct pieces *p, struct dv_err *e)
{
	z_stream *s = state;

	s->next_in = (Bytef *)p->in;
	s->avail_in = (uInt)p->in_len;
	s->next_out = p->out;
	s->avail_out = (uInt)p->out_len;
	int rc = deflate(s, p->last ? Z_FINISH : Z_NO_FLUSH);
	p->in = s->next_in;
	p->in_len = s->avail_in;
	p->out = s->next_out;
	p->out_len = s->avail_out;
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		return dv_fail(e, DV_INTERNAL, "gzip: zlib says %d", rc);
	return rc == Z_STREAM_END;
}

static void zlib_end(void *state)
{
	(void)deflateEnd(state);
	free(state);
}

/* --- zstd --- */

static void *zstd_begin(int level)
{
	ZSTD_CCtx *s = ZSTD_createCCtx();

	if (!s)
		abort();
	(void)ZSTD_CCtx_setParameter(s, ZSTD_c_compressionLevel, level);
	return s;
}

static int zstd_step(void *state, struct pieces *p, struct dv_err *e)
{
	ZSTD_inBuffer in = { p->in, p->in_len, 0 };
	ZSTD_outBuffer out = { p->out, p->out_len, 0 };
	size_t rc = ZSTD_compressStream2(state, &out, &in, p->last ? ZSTD_e_end : ZSTD_e_continue);

	p->in += in.pos;
	p->in_len -= in.pos;
	p->out += out.pos;
	p->out_len -= out.pos;
	if (ZSTD_isError(rc))
		return dv_fail(e, DV_INTERNAL, "zstd: %s", ZSTD_getErrorName(rc));
	return p->last && rc == 0;
}

static void zstd_end(void *state)
{
	(void)ZSTD_freeCCtx(state);
}

static const struct compressor igzip = { igzip_begin, igzip_step, igzip_end };
static const struct compressor zlib = { zlib_begin, zlib_step, zlib_end };
static const struct compressor zstd = { zstd_begin, zstd_step, zstd_end };

/* --- the loop --- */

static int more_input(struct deflate *d, struct dv_err *e)
{
	const void *p;
	int rc = d->in.next(d->in.ctx, &p, &d->p.in_len, e);

	if (rc < 0)
		return rc;
	d->p.in = p;
	if (rc == 0) {
		d->p.in_len = 0;
		d->p.last = true;
	}
	return 0;
}

static int next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct deflate *d = ctx;

	uint8_t *out = d->out + OUT_SIZE * (d->turn++ % DEFLATE_KEEP);
	d->p.out = out;
	d->p.out_len = OUT_SIZE;
	while (!d->ended && d->p.out_len > 0) {
		int rc = d->p.in_len == 0 && !d->p.last ? more_input(d, e) : 0;

		if (rc == 0)
			rc = d->c->step(d->state, &d->p, e);
		if (rc < 0)
			return rc;
		d->ended = rc > 0;
	}
	*ret = out;
	*ret_len = OUT_SIZE - d->p.out_len;
	return *ret_len > 0;
}

/* --- public --- */

static const struct { int usual, max; } levels[] = {
	[COMPRESS_NONE] = { 0, 0 }, [COMPRESS_GZIP] = { ISAL_USUAL, 9 }, [COMPRESS_ZSTD] = { ZSTD_USUAL, 19 },
};

int deflate_new(const struct tar_source *in, enum compression c, int level, struct deflate **ret, struct dv_err *e)
{
	if (c == COMPRESS_NONE)
		return dv_fail(e, DV_INVALID, "no compression was chosen");
	if (level < 0 || level > levels[c].max)
		return dv_fail(e, DV_INVALID, "%s has levels from 1 to %d, not %d", compress_name(c), levels[c].max, level);
	level = level ? level : levels[c].usual;
	struct deflate *d = mem_new(struct deflate);
	d->in = *in;
	d->c = c == COMPRESS_ZSTD ? &zstd : level <= 3 ? &igzip : &zlib;
	d->out = mem_alloc(OUT_SIZE * DEFLATE_KEEP);
	d->state = d->c->begin(level);
	*ret = d;
	return 0;
}

void deflate_free(struct deflate *d)
{
	if (!d)
		return;
	d->c->end(d->state);
	free(d->out);
	free(d);
}

struct tar_source deflate_source(struct deflate *d)
{
	return (struct tar_source){ next, d };
}
