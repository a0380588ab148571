/* imagemount.h - images mounted read-only for people: RUNROOT/images/HEX, HEX of the image's id (place.h).
 *
 *	RUNROOT/images/empty        a directory without anything: the lowest layer, so that there are always two
 */
#pragma once

#include "engine/place.h"

/* Mounts it, or counts one more when it is; *ret is the path, in the arena. */
int image_mount(struct engine *g, struct arena *a, const struct image *img, const char **ret, struct dv_err *e) DV_MUST_USE;
/* One less, and the mount goes with the last one (or at once, with force). NOT_FOUND when it is not mounted. */
int image_unmount(struct engine *g, const char *id, bool force, struct dv_err *e) DV_MUST_USE;
bool image_is_mounted(struct engine *g, const char *id);

/* What is mounted; names are ids, "sha256:HEX". */
int image_mount_list(struct engine *g, struct arena *a, struct places *ret, struct dv_err *e) DV_MUST_USE;

/* The merged tree of an image, read-only and detached: it goes with the descriptor. */
int image_tree_open(struct engine *g, const struct image *img, int *ret_fd, struct dv_err *e) DV_MUST_USE;
