/* rundir.h - the directory that a container or a pod has in RUNROOT, which is its lock. */
#pragma once

#include "engine/engine.h"

enum rundir_kind { RUNDIR_CONTAINER, RUNDIR_POD };
#define RUNDIR_NAME_SIZE (sizeof "containers/" + 65)

/* "containers/ID" or "pods/ID", below the run directory. */
const char *rundir_name(enum rundir_kind kind, const char *id, char out[RUNDIR_NAME_SIZE]);
/* The directory, locked until it is closed; made when missing (also after a reboot). NOT_FOUND when somebody removed it
 * while we waited. */
int rundir_lock(struct engine *g, enum rundir_kind kind, const char *id, bool exclusive, int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* Its row is gone, and we have the lock: the directory that the lock made goes too. */
void rundir_forget(struct engine *g, enum rundir_kind kind, const char *id);
