/* root.h - the files of a container, whatever state it is in: through its first process, or mounted once more. */
#pragma once

#include "engine/ctr.h"

struct ctr_root {
	int fd;         /* its "/", for openat2 with FILE_IN_ROOT */
	int ns;         /* keeps what is mounted below it, or -1 */
	int lock;       /* the container's, while it does not run */
	int mount;      /* the detached overlay, while it does not run */
	int run_dir;    /* with shared_by: where that is said */
	struct engine *shared_by;
};
#define CTR_ROOT_NONE ((struct ctr_root){ -1, -1, -1, -1, -1, NULL })

/* mounts: with the volumes and binds of one that does not run (one that runs has them anyway). The container must have
 * been settled. CONFLICT when it ends meanwhile. */
int ctr_root_open(struct engine *g, struct arena *a, const struct ctr *c, bool mounts, struct ctr_root *ret,
		  struct dv_err *e) DV_MUST_USE;
/* Lets the lock go, so that others may work with the same files at the same time: whoever is at the other end of a
 * stream of ours may want them. */
int ctr_root_share(struct ctr_root *r, struct engine *g, struct dv_err *e) DV_MUST_USE;
void ctr_root_close(struct ctr_root *r);
#define auto_ctr_root __attribute__((cleanup(ctr_root_close)))
/* By name or id, settled: NOT_FOUND: "No such container". */
int ctr_get(struct engine *g, struct arena *a, const char *ref, struct ctr **ret, struct dv_err *e) DV_MUST_USE;
