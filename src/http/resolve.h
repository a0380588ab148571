/* resolve.h - names to addresses without blocking a loop: getaddrinfo on a job pool. */
#pragma once

#include <netdb.h>

#include "base/job.h"

struct resolve;

/* On the loop thread, once: list is NULL on failure, NOT_FOUND for a name that does not exist and
 * UNAVAILABLE when that could not be found out. The list is freed after the call. */
typedef void resolve_done(void *ctx, const struct addrinfo *list, const struct dv_err *e);

/* Host is a name or a numeric address (no brackets). LIMIT when the pool's queue is full. */
int resolve_start(struct job_pool *pool, const char *host, uint16_t port, resolve_done *done, void *ctx,
		  struct resolve **ret, struct dv_err *e) DV_MUST_USE;
/* `done` will not be called. The query itself runs to its end; it frees itself then. */
void resolve_cancel(struct resolve *r);
/* A numeric address without a job; NULL when host is a name. Free with freeaddrinfo(). */
struct addrinfo *resolve_numeric(const char *host, uint16_t port);
