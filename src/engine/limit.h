/* limit.h - flags of limits: checked in docker's words, and as parts of an OCI configuration. */
#pragma once

#include "engine/request.h"

/* What can be checked without a container. Fills nano_cpus. INVALID. */
int limits_check(const struct run_request *q, struct run_config *c, struct dv_err *e) DV_MUST_USE;
/* linux.resources without its devices: for a new container, and for update, which has only what was asked for.
 * INVALID, NOT_FOUND: a device that is named. */
int limits_resources(struct arena *a, const struct run_request *q, const struct run_config *c, struct json **ret,
		     struct dv_err *e) DV_MUST_USE;
/* process.rlimits, cut to what we may give. */
int limits_rlimits(struct arena *a, const struct run_request *q, struct json **ret, struct dv_err *e) DV_MUST_USE;
/* What `inspect` calls Ulimits, BlkioDeviceReadBps and so on. */
void limits_inspect(struct arena *a, const struct run_request *q, const struct run_config *c, struct json *host);

#define LIMITS_SHM_DEFAULT (INT64_C(64) << 20)
static inline int64_t limits_shm(const struct run_request *q)
{
	return q->shm_size.v ? q->shm_size.v : LIMITS_SHM_DEFAULT;
}
/* HostConfig.Ulimits */
struct json *ulimits_inspect(struct arena *a, const struct run_request *q);
