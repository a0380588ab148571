/* place.h - trees mounted for people: below RUNROOT/KIND, until they are unmounted.
 *
 *	RUNROOT/KIND/NAME           the mount point
 *	RUNROOT/KIND/NAME.count     how often it was asked for
 *
 * Whether something is mounted is asked of the kernel, never of the files: what a killed command or a
 * restart left counts as not mounted and is made again or removed.
 */
#pragma once

#include "engine/engine.h"

/* The directory RUNROOT/KIND, made when missing and locked as long as it is open: mounts and counts change together. */
int place_open(struct engine *g, const char *kind, int *ret_dir, struct dv_err *e) DV_MUST_USE;
const char *place_path(struct engine *g, struct arena *a, const char *kind, const char *name);

/* A detached mount. */
typedef int place_make(void *ctx, int dir, int *ret_tree, struct dv_err *e);
/* Mounts what `make` gives, or counts one more when something is there. */
int place_mount(int dir, const char *name, place_make *make, void *ctx, struct dv_err *e) DV_MUST_USE;
/* One less, and the mount goes with the last one (or at once, with force). NOT_FOUND when nothing is mounted. */
int place_unmount(int dir, const char *name, bool force, struct dv_err *e) DV_MUST_USE;

/* Without the lock. */
bool place_is_mounted(struct engine *g, const char *kind, const char *name);
/* A detached copy of what is mounted there: 1, or 0 when nothing is. */
int place_clone(struct engine *g, const char *kind, const char *name, int *ret_tree, struct dv_err *e) DV_MUST_USE;

struct places {
	const char **names, **paths;
	size_t n;
};
/* What is mounted; leftovers are removed on the way. */
int place_list(struct engine *g, struct arena *a, const char *kind, struct places *ret, struct dv_err *e) DV_MUST_USE;
