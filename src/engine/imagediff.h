/* imagediff.h - what differs between the trees of two images.
 *
 * Layers that both have at the bottom are the same files: only what one of the others touches
 * is looked at, in both merged trees. Times and attributes do not count.
 */
#pragma once

#include "engine/engine.h"

struct image_change {
	char kind;                      /* A added, C changed, D deleted, in the second against the first */
	const char *path;               /* "/etc/passwd" */
};
struct image_changes {
	struct image_change *v;         /* by path; directories on the way to a change are changed; of deleted ones only the top */
	size_t n, cap;
};
/* The path stays the caller's. LIMIT. */
int image_changes_add(struct arena *a, struct image_changes *list, char kind, const char *path, struct dv_err *e) DV_MUST_USE;
int image_diff(struct engine *g, struct arena *a, const struct image *from, const struct image *to,
	       struct image_changes *ret, struct dv_err *e) DV_MUST_USE;
