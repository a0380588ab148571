/* volume_parts.h - what the files about volumes share. */
#pragma once

#include "engine/volume.h"

/* --- volume_db.c --- */

int volume_migrate(struct engine *g, struct dv_err *e) DV_MUST_USE;
/* NOT_FOUND. *ret_removing: somebody began to remove it. */
int volume_row(struct engine *g, struct arena *a, const char *name, struct volume **ret, bool *ret_removing,
	       struct dv_err *e) DV_MUST_USE;
/* In the caller's transaction. 0, or 1 when it was there. */
int volume_row_insert(struct engine *g, const char *name, const char *config, struct dv_err *e) DV_MUST_USE;
/* A transaction: CONFLICT with a user (but for the container `but`, which may be NULL). */
int volume_row_removing(struct engine *g, struct arena *a, const char *name, const char *but, struct dv_err *e) DV_MUST_USE;
int volume_row_drop(struct engine *g, const char *name, struct dv_err *e) DV_MUST_USE;
/* Whether another container than `but` that runs uses it. */
int volume_busy(struct engine *g, const char *name, const char *but, bool *ret, struct dv_err *e) DV_MUST_USE;
/* Mounts of type "volume" of a container's config; an empty list without any. Cheap when there is none. */
const struct json *volume_mounts(struct arena *a, const char *config);

/* --- volume.c --- */

/* The volume's directory, made when missing and locked until it is closed. A removal that was left half-way is finished
 * first. */
int volume_lock(struct engine *g, struct arena *a, const char *name, int *ret_dir, struct dv_err *e) DV_MUST_USE;
/* An event; ctr is the container's id or NULL. */
void volume_tell(struct engine *g, struct arena *a, const char *action, const char *name, const char *ctr);
/* _data; 1 when it was made. */
int volume_data(int dir, int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* The removal itself, with the lock and the row marked. */
int volume_remove_locked(struct engine *g, const char *name, struct dv_err *e) DV_MUST_USE;
int volume_remove_but(struct engine *g, struct arena *a, const char *name, const char *but, struct dv_err *e) DV_MUST_USE;

/* --- volume_driver.c --- */

/* What the options ask for is mounted on _data, unless it is already. *ret_bind: instead, the directory that is to be
 * bound; else NULL. */
int volume_driver_mount(struct engine *g, const struct volume *v, int dir, const char **ret_bind, struct dv_err *e) DV_MUST_USE;
void volume_driver_unmount(int dir);
