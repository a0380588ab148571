/* run.h - make a container and start it. */
#pragma once

#include "engine/request.h"

/* Called when it runs: to tell its id, and to write what scripts wait for. */
typedef int run_started(void *ctx, const char *id, pid_t pid, struct dv_err *e);

/* Until its process has ended, or at once with q->detach; returns its exit status (128 + N for signal N; 0 detached).
 * On failure *ret_status is what the shell shall see: 125 for our own failures, 126 for a program that cannot be run,
 * 127 for one that is not there. started may be NULL. */
int engine_run(struct engine *g, struct arena *a, const struct run_request *q, bool sig_proxy, run_started *started,
	       void *ctx, int *ret_status, struct dv_err *e) DV_MUST_USE;
