/* cp.h - files between containers and the host, by docker's rules of names.
 *
 * Paths of a container are resolved inside its root by openat2, whatever its processes do meanwhile, and from
 * there on everything goes by descriptor and single names.
 */
#pragma once

#include "engine/engine.h"

struct cp_place {
	const char *ctr;        /* NULL: the host */
	const char *path;       /* "-" with ctr NULL: a tar on `stream` */
};
struct cp_request {
	struct cp_place from, to;
	int stream;             /* -1: none */
	bool archive;           /* owners as in the source, also on the host */
	bool follow;            /* a link as the source stands for what it leads to */
};
int engine_cp(struct engine *g, struct arena *a, const struct cp_request *q, struct dv_err *e) DV_MUST_USE;
