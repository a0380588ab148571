/* compress.h - streaming decompression, recognised by magic: gzip, zstd, or plain.
 *
 * gzip goes through ISA-L (2.2 times zlib); zlib is kept as the reference. Streams
 * may have several members or frames; garbage behind the last one, a stream that
 * is cut short and one that grows beyond its limits are errors.
 */
#pragma once

#include "image/tar.h"

enum compression { COMPRESS_NONE, COMPRESS_GZIP, COMPRESS_ZSTD };

/* By the first bytes (4 are enough). */
enum compression compress_detect(const void *head, size_t len);
const char *compress_name(enum compression c);

struct inflate_limits {
	uint64_t bytes_max;     /* of output; 0: 1 TiB */
	bool zlib;              /* gzip by zlib instead of ISA-L */
	unsigned keep;          /* a chunk stays valid while keep - 1 more are made (not of plain streams); 0: 1 */
};

/* Past this much output it must not be more than INFLATE_RATIO_MAX times the input. */
#define INFLATE_FREE_BYTES ((uint64_t)512 << 20)
#define INFLATE_RATIO_MAX 200
#define INFLATE_ZSTD_WINDOW_LOG 27

struct inflate;

/* Reads `in` (which must outlive it) from now on. INVALID for malformed data, LIMIT past the limits. */
int inflate_new(const struct tar_source *in, const struct inflate_limits *limits, struct inflate **ret,
		struct dv_err *e) DV_MUST_USE;
void inflate_free(struct inflate *z);
static inline void inflate_auto_free(struct inflate **z) { inflate_free(*z); }
#define auto_inflate __attribute__((cleanup(inflate_auto_free)))
enum compression inflate_kind(const struct inflate *z);
/* Its output as a source. */
struct tar_source inflate_source(struct inflate *z);
