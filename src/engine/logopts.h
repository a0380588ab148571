/* logopts.h - --log-driver and --log-opt, checked and made a monitor's job. */
#pragma once

#include "engine/ctr.h"
#include "engine/request.h"

#define LOG_DRIVER_DEFAULT "json-file"

/* INVALID in docker's words for drivers and options that are not there. row may lack a name and may be NULL to check
 * only. */
int logopts_parse(struct arena *a, const struct run_request *q, const struct ctr *row, const struct run_config *c,
		  struct json **ret, struct dv_err *e) DV_MUST_USE;
/* docker's LogConfig. */
struct json *logopts_inspect(struct arena *a, const struct run_request *q);
