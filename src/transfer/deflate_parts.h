/* deflate_parts.h - what the files of deflate share. */
#pragma once

#include "transfer/deflate.h"

/* gzip, in blocks that several threads compress. */
struct gzip_blocks;

int gzip_blocks_new(const struct tar_source *in, int level, struct gzip_blocks **ret, struct dv_err *e) DV_MUST_USE;
void gzip_blocks_free(struct gzip_blocks *g);
int gzip_blocks_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e);
