/* job.h - a pool of threads for blocking work without shared state (files, hashes, compression). */
#pragma once

#include "base/err.h"
#include "base/loop.h"

struct job_pool;

typedef int job_work(void *ctx, struct dv_err *e);                      /* on a pool thread */
typedef void job_done(void *ctx, int result, const struct dv_err *e);   /* on the loop thread */

/* threads workers (0: one per core), at most queue_max waiting jobs. loop may be NULL: then
 * job_wait_all() is the only way to see results and `done` is called from there. */
int job_pool_new(struct loop *loop, unsigned threads, unsigned queue_max, struct job_pool **ret,
		 struct dv_err *e) DV_MUST_USE;
/* Waits for what runs; jobs still queued get `done` with UNAVAILABLE. Not to be called from a `done`. */
void job_pool_free(struct job_pool *p);
/* LIMIT when the queue is full. */
int job_submit(struct job_pool *p, job_work *work, job_done *done, void *ctx, struct dv_err *e) DV_MUST_USE;
void job_wait_all(struct job_pool *p);
