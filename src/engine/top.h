/* top.h - what runs in containers, and what they use. */
#pragma once

#include "engine/ctr.h"

/* The processes of a container as ps(1) shows them: *ret has a "Titles" list and a "Processes" list of lists of strings.
 * args: "-ef" (also NULL), "aux", "-o NAME,NAME" or bare names. CONFLICT: it does not run. */
int ctr_top(struct engine *g, struct arena *a, const struct ctr *c, const char *const *args, struct json **ret,
	    struct dv_err *e) DV_MUST_USE;

struct ctr_usage {
	uint64_t cpu_ns;                /* since its start */
	int64_t at_ns;                  /* when it was read: monotonic */
	uint64_t memory, limit;         /* bytes; limit: the machine's when it has none. memory without what the kernel can drop */
	uint64_t rx, tx;                /* bytes of its network interfaces but loopback; 0 in the host's network */
	uint64_t read, written;         /* bytes of block devices */
	uint64_t pids;
};
/* CONFLICT: it does not run. */
int ctr_usage(struct engine *g, struct arena *a, const struct ctr *c, struct ctr_usage *ret, struct dv_err *e) DV_MUST_USE;
