/* pod_pins.h - what a pod holds while it is up: namespaces, shared memory, a cgroup, addresses.
 *
 *	RUNROOT/pods/ID/{net,ipc,uts,pid}       namespaces, bound onto empty files
 *	RUNROOT/pods/ID/shm                     the /dev/shm that goes with the IPC namespace
 *	cgroup PARENT/ID                        above those of its containers
 *
 * The pod's lock is held exclusively.
 */
#pragma once

#include "engine/pod.h"

/* Makes all of it; the row says POD_STARTING. p->first is filled. What there is after a failure, pod_unpin() takes away. */
int pod_pin(struct engine *g, struct arena *a, struct pod *p, int dir, struct dv_err *e) DV_MUST_USE;
/* Idempotent; no container of the pod runs. */
int pod_unpin(struct engine *g, struct arena *a, struct pod *p, int dir, struct dv_err *e) DV_MUST_USE;
/* CONFLICT: the mounts are not to be seen from here. */
int pod_pins_seen(struct engine *g, struct arena *a, const struct pod *p, int dir, struct dv_err *e) DV_MUST_USE;

/* RUNROOT/pods/ID/NAME */
const char *pod_pin_path(struct engine *g, struct arena *a, const char *id, const char *name);
/* "/davit/ID" */
const char *pod_cgroup(struct arena *a, const struct pod *p);
/* The pod has a network namespace: it shares one, which is neither the host's nor another container's. */
bool pod_pins_net(struct arena *a, const struct pod *p);
