/* boot.h - after a restart of the machine: what shall run is started. */
#pragma once

#include "engine/ctr.h"

/* Containers whose restart policy is always, or unless-stopped and which no user stopped. Told one by one: why is NULL
 * for one that was started. */
typedef void boot_told(void *ctx, const struct ctr *c, const char *why);
int engine_boot_start(struct engine *g, struct arena *a, boot_told *told, void *ctx, struct dv_err *e) DV_MUST_USE;
/* The container's health check, now. *ret_healthy: it succeeded. CONFLICT: it does not run, or has no check. */
int engine_healthcheck(struct engine *g, struct arena *a, const char *ref, bool *ret_healthy, struct dv_err *e) DV_MUST_USE;
