/* update.h - other limits for a container that is there. */
#pragma once

#include "engine/request.h"

/* Only what is set in q counts: limits, and the restart policy. It holds at once where the container runs, and for every
 * later start. NOT_FOUND: no such container; INVALID: the limits do not go together with those that stay. */
int engine_update(struct engine *g, struct arena *a, const char *ref, const struct run_request *q,
		  struct dv_err *e) DV_MUST_USE;
