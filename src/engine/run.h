/* run.h - run a container in the foreground. */
#pragma once

#include "engine/request.h"

/* Until its process has ended; returns its exit status (128 + N for signal N). On failure *ret_status is what the
 * shell shall see: 125 for our own failures, 126 for a program that cannot be run, 127 for one that is not there. */
int engine_run(struct engine *g, struct arena *a, const struct run_request *q, int *ret_status,
	       struct dv_err *e) DV_MUST_USE;
