/* exec_keep.h - a process that somebody executed in a container and left alone. */
#pragma once

#include "engine/ctr.h"

struct exec_kept {
	struct engine *g;
	const struct ctr *row;
	const char *id;         /* of the exec, in events */
	int pidfd;
	int terminal;           /* its other side, -1: none */
};

/* A process of our own stays with it: reads its terminal, which would be gone with us, and tells how it ended. */
int exec_keep(const struct exec_kept *k, struct dv_err *e) DV_MUST_USE;
