/* overlay.h - a container's root: the image's layers below, a private directory above, never visible on the host. */
#pragma once

#include "engine/engine.h"

/* Makes ROOT/containers/ID and a detached overlay of the image's layers on it: *ret_fd is used up by
 * container_create(). not_kept: the content need not survive a crash (--rm); such a directory must not be mounted
 * again without removing work/work/incompat/volatile. The caller holds the container's lock. One that is mounted already
 * (overlay_shared()) is not mounted a second time: overlayfs would take the first one's work directory away. */
int overlay_make(struct engine *g, const struct image *img, const char *id, bool not_kept, int *ret_fd,
		 struct dv_err *e) DV_MUST_USE;
/* --- overlay_share.c --- */

/* Visible mounts of containers: RUNROOT/mounts/ID (place.h). */
#define OVERLAY_PLACES "mounts"

/* 1: a detached copy of the mount that somebody has of the container; 0: nobody has one. TIMEOUT on kernels before 6.15,
 * where only its end can be waited for. The caller holds the container's lock. */
int overlay_shared(struct engine *g, const char *id, int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* Others may come and share our detached mount from now on, so that the container's lock may go; run_dir is the
 * container's. */
int overlay_share(struct engine *g, int run_dir, int mount, struct dv_err *e) DV_MUST_USE;
/* Before it is closed. */
void overlay_unshare(struct engine *g, int run_dir);
/* A visible mount goes, if there is one: the container is being removed. */
int overlay_hide(struct engine *g, const char *id, struct dv_err *e) DV_MUST_USE;
/* For kernels that do not know layers by descriptor, or none that are mounted detached: mounted in a mount namespace
 * of a helper process, that comes here as a detached copy. Lowers as image_layer_open() gives them, lowest first;
 * dir holds upper and work; place is an empty directory. Called by overlay_make() where needed; separate for its test. */
int overlay_mount_old(const int *lowers, size_t n, int dir, int place, bool not_kept, int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* The layer below those of the image, made when missing; O_PATH. */
int ground_open(struct engine *g, int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* The same for a container that ends while somebody waits: when nothing was written, its empty directories are put
 * aside in ROOT/trash, for overlay_tidy() at a quieter moment. */
int overlay_discard(struct engine *g, const char *id, struct dv_err *e) DV_MUST_USE;
int overlay_tidy(struct engine *g, struct dv_err *e) DV_MUST_USE;
/* Everything below ROOT/containers/ID. */
int overlay_remove(struct engine *g, const char *id, struct dv_err *e) DV_MUST_USE;
