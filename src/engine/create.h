/* create.h - make a container: its request, its configuration, its row. */
#pragma once

#include "engine/ctr.h"
#include "engine/request.h"
#include "image/image.h"

/* What create, run and start work on. */
struct making {
	struct engine *g;
	struct arena *a;
	struct run_request q;           /* nothing in it depends on this process any more */
	struct image *image;
	struct run_config config;
	struct ctr row;
	const char *pod_idle;           /* its pod, if that stops with its last container */
	char id[CTR_ID_SIZE];
};

/* Checks, configures and inserts the row with this status (CTR_CREATED, or CTR_CREATING with us as its owner). INVALID
 * names the flag, NOT_FOUND the image, EXISTS the name. */
int making_record(struct making *x, enum ctr_status status, struct dv_err *e) DV_MUST_USE;
/* The same of a container that exists. */
int making_load(struct making *x, const struct ctr *c, struct dv_err *e) DV_MUST_USE;

/* `create`: one durable row; its directories come with its first start. */
int engine_create(struct engine *g, struct arena *a, const struct run_request *q, const char **ret_id,
		  struct dv_err *e) DV_MUST_USE;
