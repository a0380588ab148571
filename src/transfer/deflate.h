/* deflate.h - streaming compression, as a source over a source: gzip or zstd.
 *
 * The same input gives the same output, however many processors there are: headers have no time and no name.
 */
#pragma once

#include "transfer/compress.h"

struct deflate;

/* Reads `in` from now on; for gzip on threads of its own, one at a time, and some megabytes ahead. level 0 is the usual
 * one: for gzip ISA-L's, which is many times as fast as zlib at a few percent more bytes; gzip from 4 to 9 is zlib's.
 * INVALID for levels there are not, and for COMPRESS_NONE. */
int deflate_new(const struct tar_source *in, enum compression c, int level, struct deflate **ret,
		struct dv_err *e) DV_MUST_USE;
/* Waits for a call of `in` that runs: what it may wait for must be given up before. */
void deflate_free(struct deflate *d);
static inline void deflate_auto_free(struct deflate **d) { deflate_free(*d); }
#define auto_deflate __attribute__((cleanup(deflate_auto_free)))
/* Its output as a source; a chunk stays valid until the next call. */
struct tar_source deflate_source(struct deflate *d);
