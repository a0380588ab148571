/* access_log.h - lines on their way to a file, written by a job: a slow reader never stops the loop. */
#pragma once

#include "base/job.h"
#include "http/server.h"
#include "registry/metrics.h"

struct access_log;

/* fd stays the caller's. */
int access_log_new(struct loop *loop, int fd, bool json, struct access_log **ret, struct dv_err *e) DV_MUST_USE;
/* Writes what waits. */
void access_log_free(struct access_log *l);
/* A line for the call; one that finds no room is counted. */
void access_log_add(struct access_log *l, const struct http_log_entry *en, struct metrics *m);
