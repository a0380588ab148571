/* stats.h - what top and stats share with those of pods. */
#pragma once

#include "cli/cli.h"
#include "engine/top.h"

/* One table of the processes of several containers. */
int top_show(struct engine *g, struct arena *a, struct ctr *const *v, size_t n, const char *const *args, struct dv_err *e) DV_MUST_USE;

struct stats_look {
	struct ctr *ctr;
	bool runs;
	struct ctr_usage was, now;
};
/* docker's fields; ref is what the user called it, or NULL. */
struct json *stats_row(struct arena *a, const struct stats_look *l, const char *ref, bool whole);

struct stats_how {
	bool once, clear;               /* clear: the screen, where there is one */
	int interval_ms;
};
typedef int stats_print(struct verb_call *c, const struct stats_look *v, size_t n, struct dv_err *e);
/* Looks and prints until nobody reads it any more. */
int stats_loop(struct verb_call *c, struct engine *g, struct stats_look *v, size_t n, const struct stats_how *how, stats_print *show,
	       struct dv_err *e) DV_MUST_USE;
