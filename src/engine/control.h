/* control.h - what is done to a container that runs: signals, stop, pause, wait, another name.
 *
 * ref is a name, an id, or the first digits of one. NOT_FOUND: no such container; CONFLICT: it is in another state.
 */
#pragma once

#include "engine/ctr.h"
#include "oci/container.h"

#define CONTROL_STOP_SECONDS 10         /* docker's grace between the stop signal and the kill */

#define CONTROL_STOP_OWN (-2)           /* as the container was made with, else that */

/* The row and the runtime's container, which runs or is paused; locked when asked for. */
int control_open(struct engine *g, struct arena *a, const char *ref, bool lock, struct ctr **ret,
		 struct container *ret_box, struct dv_err *e) DV_MUST_USE;
/* CONFLICT: "Container ID is not running" */
int control_not_running(const struct ctr *c, struct dv_err *e);

/* signal: "SIGTERM", "term", "15"; NULL is SIGKILL. */
int control_kill(struct engine *g, struct arena *a, const char *ref, const char *signal, struct dv_err *e) DV_MUST_USE;
/* The container's stop signal, and SIGKILL after so many seconds (-1: never, CONTROL_STOP_OWN). Returns when it has ended and its row
 * says so. One that does not run is success. */
int control_stop(struct engine *g, struct arena *a, const char *ref, int seconds, struct dv_err *e) DV_MUST_USE;
/* The same for several at once: the signal to each, and then the wait for each, which began at since_ms (the monotonic
 * clock, as control_signal_stop() returns it). The container's row runs, and has been settled. */
int64_t control_signal_stop(struct engine *g, struct arena *a, struct ctr *c);
int control_stop_signalled(struct engine *g, struct arena *a, struct ctr *c, int64_t since_ms, int seconds, struct dv_err *e) DV_MUST_USE;
/* For `rm -f`: killed, not started again, and its monitor is gone when this returns. 1: so is the container. */
int control_end(struct engine *g, struct arena *a, struct ctr *c, struct dv_err *e) DV_MUST_USE;
int control_pause(struct engine *g, struct arena *a, const char *ref, struct dv_err *e) DV_MUST_USE;
int control_unpause(struct engine *g, struct arena *a, const char *ref, struct dv_err *e) DV_MUST_USE;
/* Until it has ended. *ret_code is -1 when nobody knows it any more. */
int control_wait(struct engine *g, struct arena *a, const char *ref, int *ret_code, struct dv_err *e) DV_MUST_USE;
/* EXISTS when another one has the name. */
int control_rename(struct engine *g, struct arena *a, const char *ref, const char *name, struct dv_err *e) DV_MUST_USE;
