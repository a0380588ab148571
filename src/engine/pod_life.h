/* pod_life.h - between the files of pods: locked, up, down. */
#pragma once

#include "engine/pod_pins.h"

/* "start", "stop", ... of a pod, to those who listen to events. */
void pod_event(struct engine *g, struct arena *a, const struct pod *p, const char *action);
/* *p is read again below the lock, and settled when that is exclusive. NOT_FOUND: it is gone. */
int pod_lock(struct engine *g, struct arena *a, struct pod *p, bool exclusive, int *ret_dir, struct dv_err *e) DV_MUST_USE;

/* The lock is held exclusively. dir is its descriptor. */
/* As pod_settle(). */
int pod_settle_locked(struct engine *g, struct arena *a, struct pod *p, int dir, struct dv_err *e) DV_MUST_USE;
/* None of its containers runs. One that is not up is left as it is. */
int pod_down(struct engine *g, struct arena *a, struct pod *p, int dir, struct dv_err *e) DV_MUST_USE;
/* It is marked as being removed. */
int pod_finish_removal(struct engine *g, struct arena *a, struct pod *p, int dir, struct dv_err *e) DV_MUST_USE;
