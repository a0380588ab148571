/* ps.h - the list of containers: rows, and what selects them. */
#pragma once

#include "cli/cli.h"
#include "engine/ctr.h"

struct ps_item {
	const struct ctr *ctr;
	const struct json *config;      /* Config, HostConfig, Mounts; an empty object when it cannot be read */
};

struct ps_item ps_item_of(struct arena *a, const struct ctr *c);

enum {
	PS_WHOLE = 1,                   /* cut nothing */
	PS_SIZE = 2,                    /* sizes are looked up: slow */
	PS_MORE = 4,                    /* fields that only templates can ask for */
	PS_POD = 8,
};
struct json *ps_row(struct engine *g, struct arena *a, const struct ps_item *x, unsigned what);

/* "none", "starting", "healthy", "unhealthy" */
const char *ps_health(const struct ps_item *x);

/* --- ps_filter.c --- */

struct ps_filter;
/* "name=web", "label=k=v", "status=exited": see the table there. Containers and images that are named are looked up.
 * INVALID, NOT_FOUND. */
int ps_filter_parse(struct engine *g, struct arena *a, const struct opt_strs *texts, struct ps_filter **ret,
		    struct dv_err *e) DV_MUST_USE;
/* Whether it asks for states, so that those that do not run are meant too. */
bool ps_filter_names_states(const struct ps_filter *f);
bool ps_filter_match(struct arena *a, const struct ps_filter *f, const struct ps_item *x);
void ps_filter_done(struct ps_filter *f);
