/* gc.h - what the store keeps and why; and taking away the rest while others pull, push and upload.
 *
 * Kept are images with their layers, named manifests and indexes, what these refer to, referrers of what
 * is kept, pins, what a process holds (blob_hold, stages), and what came lately. The rest goes in small
 * steps: some rows in a transaction of about a millisecond, then their files. Also taken: files
 * without a row, stages of dead owners, downloads that nobody continued.
 */
#pragma once

#include "image/image.h"

#define GC_GRACE_S (60 * 60)                    /* of blobs that nothing refers to (yet) */
#define GC_PARTIAL_S (24 * 60 * 60)             /* of downloads since the last byte */

struct gc_options {
	bool dry_run;
	int64_t grace_s;                        /* 0: GC_GRACE_S; negative: none */
	int64_t partial_s;                      /* 0: GC_PARTIAL_S; negative: none */
};

enum gc_what { GC_BLOB, GC_LAYER, GC_MANIFEST, GC_PARTIAL, GC_STAGE, GC_FILE };
const char *gc_what_name(enum gc_what what);

struct gc_item {
	enum gc_what what;
	const char *name;                       /* digest of blobs, path below the root of the rest */
	uint64_t bytes;
	bool goes;
	const char *why;                        /* "layer 2 of docker.io/library/web:latest", "no reference since ..." */
};
struct gc_result {
	struct gc_item *v;                      /* dry run: everything; otherwise what went */
	size_t n;
	size_t gone, kept;
	uint64_t gone_bytes, kept_bytes;
};
int image_gc(struct image_store *s, const struct gc_options *o, struct arena *a, struct gc_result *ret,
	     struct dv_err *e) DV_MUST_USE;
