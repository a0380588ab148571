/* ctrmount.h - the roots of containers mounted for people: RUNROOT/mounts/ID (place.h). */
#pragma once

#include "engine/ctr.h"
#include "engine/place.h"

/* Mounts it, or counts one more when it is; *ret is the path, in the arena. What the container writes is seen there, and
 * the other way round. The container must have been settled. */
int ctr_mount(struct engine *g, struct arena *a, const struct ctr *c, const char **ret, struct dv_err *e) DV_MUST_USE;
/* One less, and the mount goes with the last one (or at once, with force). NOT_FOUND when it is not mounted. */
int ctr_unmount(struct engine *g, const char *id, bool force, struct dv_err *e) DV_MUST_USE;
/* Names are ids. */
int ctr_mount_list(struct engine *g, struct arena *a, struct places *ret, struct dv_err *e) DV_MUST_USE;
