/* loop.h - the event loop: epoll, timerfd, signalfd, pidfd. One thread, nothing blocks.
 *
 * A source belongs to the loop from loop_add_*() until loop_remove() or
 * loop_free(); callbacks may remove any source, also themselves. Callbacks
 * return nothing: they own their errors.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct loop;
struct loop_source;

typedef void loop_on_fd(void *ctx, int fd, uint32_t events);            /* EPOLLIN, EPOLLOUT, ... */
typedef void loop_on_timer(void *ctx);
typedef void loop_on_signal(void *ctx, int signo);
typedef void loop_on_exit(void *ctx, int pidfd);                        /* the process ended: reap it */

int loop_new(struct loop **ret, struct dv_err *e) DV_MUST_USE;
void loop_free(struct loop *l);

/* The descriptor stays the caller's; it must outlive the source. */
int loop_add_fd(struct loop *l, int fd, uint32_t events, loop_on_fd *cb, void *ctx, struct loop_source **ret,
		struct dv_err *e) DV_MUST_USE;
int loop_change_fd(struct loop_source *s, uint32_t events, struct dv_err *e) DV_MUST_USE;
int loop_add_pidfd(struct loop *l, int pidfd, loop_on_exit *cb, void *ctx, struct loop_source **ret,
		   struct dv_err *e) DV_MUST_USE;
/* Blocks the signals for the thread and delivers them here. Once per loop. */
int loop_add_signals(struct loop *l, const sigset_t *set, loop_on_signal *cb, void *ctx,
		     struct loop_source **ret, struct dv_err *e) DV_MUST_USE;
/* A timer that is not armed. All timers of a loop share one timerfd. */
struct loop_source *loop_add_timer(struct loop *l, loop_on_timer *cb, void *ctx);
/* Fire once in delay_ms (monotonic), replacing an earlier arming. */
void loop_arm(struct loop_source *timer, uint64_t delay_ms);
void loop_disarm(struct loop_source *timer);
void loop_remove(struct loop_source *s);                                /* NULL is fine */

/* A task that is not posted. */
struct loop_source *loop_add_task(struct loop *l, loop_on_timer *cb, void *ctx);
/* Run it once, when the callbacks of this turn have returned (from a task: in the next turn). Posting twice is
 * once. No system call. */
void loop_post(struct loop_source *task);

uint64_t loop_now_ms(const struct loop *l);                             /* monotonic, read once per turn */
/* Until loop_stop(); returns its code. */
int loop_run(struct loop *l, struct dv_err *e) DV_MUST_USE;
void loop_stop(struct loop *l, int code);
