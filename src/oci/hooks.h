/* hooks.h - the six kinds of hooks: programs that get the container's state on stdin. */
#pragma once

#include "oci/spec.h"

/* One after another. The first that fails, times out or is missing ends it: the error names kind and number.
 * state_text is the JSON of runtime-spec "state". Output goes to the files named by the annotations
 * run.oci.hooks.stdout and run.oci.hooks.stderr where they are set, else into the error. */
int hooks_run(const char *kind, const struct view_list *hooks, const char *state_text,
	      const struct view_map *annotations, struct dv_err *e) DV_MUST_USE;
