/* exec.h - one more process in a container that runs. */
#pragma once

#include "engine/engine.h"

/* Lists are NULL-terminated; NULL is an empty one. */
struct exec_request {
	const char *container;          /* name, id, or the first digits of one */
	const char *const *args;
	const char *const *env;         /* "K=V", or "K" for our own value; over those of the container */
	const char *const *env_files;
	const char *user;               /* NULL: the container's */
	const char *workdir;            /* NULL: the container's */
	const char *detach_keys;        /* keys.h */
	bool interactive, tty, detach, privileged;
};

/* Until the process has ended (at once with detach, or when the detach keys are typed); returns its exit status, 128 + N for signal N. On failure
 * *ret_status is what the shell shall see: 126 for a program that cannot be run, 127 for one that is not there, 1 for
 * anything else. NOT_FOUND: no such container; CONFLICT: it does not run. */
int engine_exec(struct engine *g, struct arena *a, const struct exec_request *q, int *ret_status,
		struct dv_err *e) DV_MUST_USE;
