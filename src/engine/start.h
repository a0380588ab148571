/* start.h - a container that exists begins to run: root, configuration, monitor. */
#pragma once

#include "engine/attach.h"
#include "engine/create.h"
#include "engine/monitors.h"

/* The container's lock is held (life_lock). It runs, and its row says so; or it does not, and *ret_status is what a
 * shell shall see. attach: enum attach_flags of our connection. */
int start_made(struct making *x, const struct monitor_proc *p, int lock, uint32_t attach, int *ret_status,
	       struct dv_err *e) DV_MUST_USE;

/* A new monitor for a container that runs without one; its lock is held. Its row is saved. */
int start_adopt(struct engine *g, struct arena *a, struct ctr *c, struct dv_err *e) DV_MUST_USE;

struct start_request {
	const char *container;
	bool attach, interactive;
	bool no_sig_proxy;
	const char *detach_keys;        /* NULL: docker's */
	bool again;                     /* by its restart policy: not the user's wish */
};
/* With attach or interactive until it has ended: its exit status. CONFLICT: it runs already (without attach that is
 * success), or is being removed. On failure *ret_status is the shell's. */
int engine_start(struct engine *g, struct arena *a, const struct start_request *q, int *ret_status,
		 struct dv_err *e) DV_MUST_USE;
/* Stopped (control_stop()) and started. */
int engine_restart(struct engine *g, struct arena *a, const char *ref, int seconds, struct dv_err *e) DV_MUST_USE;
/* `attach`: the same with one that runs; CONFLICT for any other. */
int engine_attach(struct engine *g, struct arena *a, const char *ref, const struct start_request *q, int *ret_status,
		  struct dv_err *e) DV_MUST_USE;
/* Follows a container whose monitor we are connected to, to the end; takes sock. */
int start_follow(struct engine *g, struct arena *a, const struct ctr *row, struct attach *at, int sock,
		 struct dv_err *e) DV_MUST_USE;
