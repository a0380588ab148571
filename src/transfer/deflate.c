/* deflate.c - compression as a source: zstd here, gzip in deflate_gzip.c. */
#include <zstd.h>

#include "base/mem.h"
#include "transfer/deflate_parts.h"

#define OUT_SIZE ((size_t)256 << 10)
#define GZIP_USUAL 1
#define ZSTD_USUAL 3

struct deflate {
	struct tar_source in;
	struct gzip_blocks *gzip;       /* or, for zstd, what follows */
	ZSTD_CCtx *zstd;
	ZSTD_inBuffer chunk;
	bool last;                      /* no input after this chunk */
	bool ended;
	uint8_t *out;
};

/* --- zstd --- */

static int more_input(struct deflate *d, struct dv_err *e)
{
	int rc = d->in.next(d->in.ctx, &d->chunk.src, &d->chunk.size, e);

	if (rc < 0)
		return rc;
	d->chunk.pos = 0;
	if (rc == 0) {
		d->chunk.size = 0;
		d->last = true;
	}
	return 0;
}

static int zstd_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct deflate *d = ctx;
	ZSTD_outBuffer out = { d->out, OUT_SIZE, 0 };

	while (!d->ended && out.pos < out.size) {
		int rc = d->chunk.pos == d->chunk.size && !d->last ? more_input(d, e) : 0;

		if (rc < 0)
			return rc;
		size_t left = ZSTD_compressStream2(d->zstd, &out, &d->chunk, d->last ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left))
			return dv_fail(e, DV_INTERNAL, "zstd: %s", ZSTD_getErrorName(left));
		d->ended = d->last && left == 0;
	}
	*ret = d->out;
	*ret_len = out.pos;
	return out.pos > 0;
}

static void zstd_open(struct deflate *d, int level)
{
	d->zstd = ZSTD_createCCtx();
	if (!d->zstd)
		abort();
	(void)ZSTD_CCtx_setParameter(d->zstd, ZSTD_c_compressionLevel, level);
	d->out = mem_alloc(OUT_SIZE);
}

/* --- public --- */

static const struct { int usual, max; } levels[] = {
	[COMPRESS_NONE] = { 0, 0 }, [COMPRESS_GZIP] = { GZIP_USUAL, 9 }, [COMPRESS_ZSTD] = { ZSTD_USUAL, 19 },
};

int deflate_new(const struct tar_source *in, enum compression c, int level, struct deflate **ret, struct dv_err *e)
{
	if (c == COMPRESS_NONE)
		return dv_fail(e, DV_INVALID, "no compression was chosen");
	if (level < 0 || level > levels[c].max)
		return dv_fail(e, DV_INVALID, "%s has levels from 1 to %d, not %d", compress_name(c), levels[c].max, level);
	level = level ? level : levels[c].usual;
	auto_deflate struct deflate *d = mem_new(struct deflate);
	d->in = *in;
	if (c == COMPRESS_ZSTD)
		zstd_open(d, level);
	int rc = d->zstd ? 0 : gzip_blocks_new(in, level, &d->gzip, e);
	if (rc == 0)
		*ret = take_ptr(&d);
	return rc;
}

void deflate_free(struct deflate *d)
{
	if (!d)
		return;
	gzip_blocks_free(d->gzip);
	(void)ZSTD_freeCCtx(d->zstd);
	free(d->out);
	free(d);
}

struct tar_source deflate_source(struct deflate *d)
{
	return d->gzip ? (struct tar_source){ gzip_blocks_next, d->gzip } : (struct tar_source){ zstd_next, d };
}
