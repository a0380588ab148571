/* flow.h - bytes between threads: a file that another thread still writes, and a source run ahead of its reader. */
#pragma once

#include <stdint.h>

#include "image/tar.h"

/* --- growing: a file as far as it has come ---
 * One thread writes the file and tells how far; one reads it from the start, and waits for more. */
struct growing;

/* fd stays the caller's and outlives it; `bytes` of it are there. */
struct growing *growing_new(int fd, uint64_t bytes);
void growing_free(struct growing *g);
/* Writer: so many bytes are there now; everything is there; there will be no more. */
void growing_set(struct growing *g, uint64_t bytes);
void growing_end(struct growing *g);
void growing_fail(struct growing *g, const struct dv_err *why);
/* Anybody: what there is was not all of it. */
bool growing_failed(struct growing *g);
/* Reader: no more will be read; also wakes a reader that waits on another thread, which gets UNAVAILABLE. */
void growing_give_up(struct growing *g);
/* Reader: go on from there. */
void growing_seek(struct growing *g, uint64_t offset);
/* A chunk stays valid until the next call. */
struct tar_source growing_source(struct growing *g);

/* --- relay: the source's work on a thread of its own ---
 * The chunks of `in` must stay valid while keep - 1 more are made; at most that many are ahead of the reader. */
struct relay;

int relay_new(const struct tar_source *in, unsigned keep, struct relay **ret, struct dv_err *e) DV_MUST_USE;
/* Waits for the thread: what `in` may wait for must be given up before. NULL is fine. */
void relay_free(struct relay *r);
struct tar_source relay_source(struct relay *r);
