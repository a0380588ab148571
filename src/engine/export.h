/* export.h - the file system of a container as a tar. */
#pragma once

#include "engine/engine.h"

/* The root as the container sees it, without what is mounted on it, into out_fd; `what` names that in errors. ref is a
 * name, an id, or the first digits of one; it may run. NOT_FOUND: no such container. */
int engine_export(struct engine *g, struct arena *a, const char *ref, int out_fd, const char *what,
		  struct dv_err *e) DV_MUST_USE;
