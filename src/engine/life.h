/* life.h - locking a container, finishing what dead command lines left, removing. */
#pragma once

#include "engine/ctr.h"
#include "oci/container.h"

/* The container's directory in RUNROOT, locked until it is closed; made when missing (also after a reboot).
 * NOT_FOUND when somebody removed the container while we waited. */
int life_lock(struct engine *g, const char *id, int *ret_fd, struct dv_err *e) DV_MUST_USE;

/* Its row is gone, and we have the lock: the directory that the lock made goes too. */
void life_forget(struct engine *g, const char *id);

/* Bring a row up to date with the world: 0, or 1 when the container is gone now. *c is changed. What its living
 * command line is about to do itself is left to it. */
int life_settle(struct engine *g, struct arena *a, struct ctr *c, struct dv_err *e) DV_MUST_USE;
/* The same for who has the container's lock. */
int life_settle_locked(struct engine *g, struct arena *a, struct ctr *c, struct dv_err *e) DV_MUST_USE;
/* All containers, newest first, settled; those that are gone by now are left out. */
int life_list(struct engine *g, struct arena *a, struct ctr_list *ret, struct dv_err *e) DV_MUST_USE;
/* All rows that a command line was changing. */
int life_settle_busy(struct engine *g, struct arena *a, struct dv_err *e) DV_MUST_USE;

/* Removes directories of containers without a row: for the first command after a restart (engine_fresh()). */
int life_sweep(struct engine *g, struct arena *a, struct dv_err *e) DV_MUST_USE;

/* The process has ended (or never ran): runtime state and cgroup go, the row says so. The lock is held. open: the
 * runtime's container where the caller has it open, or NULL. */
int life_ended(struct engine *g, struct arena *a, struct ctr *c, struct container *open, struct dv_err *e) DV_MUST_USE;
/* Its addresses, ports and rules are free again; with forget for good. */
int life_leave_networks(struct engine *g, struct arena *a, const struct ctr *c, bool forget, struct dv_err *e) DV_MUST_USE;
/* Everything goes, the row last. The lock is held. With `open` somebody waits: see overlay_discard(). */
int life_remove(struct engine *g, struct arena *a, const struct ctr *c, struct container *open,
		struct dv_err *e) DV_MUST_USE;

/* The same of one whose monitor has ended in order while we waited: see overlay_discard(). */
int life_remove_ended(struct engine *g, struct arena *a, const struct ctr *c, struct dv_err *e) DV_MUST_USE;

/* `rm`: CONFLICT for one that runs, unless force. volumes: its anonymous volumes go too. */
int ctr_remove(struct engine *g, struct arena *a, const char *ref, bool force, bool volumes, struct dv_err *e) DV_MUST_USE;
