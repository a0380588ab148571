/* gc.h - the registry's collection while it serves, and as a command beside it. */
#pragma once

#include "registry/meta.h"

struct registry_gc_options {
	bool dry_run, delete_untagged;
	int64_t grace_s;                /* negative: none */
};
struct registry_gc_result {
	struct meta_gc_result meta;     /* what leaves its repository */
	uint64_t files, file_bytes;     /* what the store takes away */
};
/* Rows of repositories first, then the store's own collector. With dry_run nothing changes, and the store counts only
 * what was garbage before. Blocks. */
int registry_gc(struct image_store *s, struct arena *a, const struct registry_gc_options *o,
		struct registry_gc_result *ret, struct dv_err *e) DV_MUST_USE;
