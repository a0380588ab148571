/* netns.h - a new network namespace, held by a descriptor only: nothing is mounted, so nothing is left of it when
 * its holders are gone, and the kernel removes what was in it without anybody waiting.
 */
#pragma once

#include "base/err.h"

/* One with lo up, made by a thread beside the caller: begin early, take it when it is needed. */
struct netns_job;
int netns_begin(struct netns_job **ret, struct dv_err *e) DV_MUST_USE;
/* Waits; gives the namespace and a rtnetlink socket inside it. The job is gone afterwards, whatever the result. */
int netns_take(struct netns_job *j, int *ret_netns, int *ret_route, struct dv_err *e) DV_MUST_USE;
/* Gives it up; NULL is fine. */
void netns_drop(struct netns_job *j);
static inline void netns_auto_drop(struct netns_job **j) { netns_drop(*j); }
#define auto_netns __attribute__((cleanup(netns_auto_drop)))
