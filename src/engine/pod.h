/* pod.h - pods: containers that share namespaces, an address and a cgroup.
 *
 * A pod is a row of engine.db. Nothing runs for it: while it is up, its namespaces are pinned by mounts in its directory
 * of the run directory (pod_pins.h), and its endpoints (network.h) have its id where those of a container have the
 * container's. Only a pod that shares process ids has a process of its own, the first of them.
 *
 * Order of locks: the pod's directory, before that of a container. Whoever starts a container in it holds it shared;
 * up, down and removal hold it exclusively. A status that says that somebody is at work, under an exclusive lock, is what
 * a dead one left: pod_settle() finishes it.
 */
#pragma once

#include "engine/ctr.h"
#include "engine/request.h"

enum pod_status { POD_CREATED, POD_STARTING, POD_UP, POD_STOPPING, POD_EXITED, POD_REMOVING };
enum pod_share { POD_NET = 1, POD_IPC = 2, POD_UTS = 4, POD_PID = 8 };

struct pod {
	const char *id, *name;
	int64_t created_ns;
	enum pod_status status;
	const char *boot;               /* of the fields that follow */
	struct proc_id owner;           /* who takes it up or down; pid 0: nobody */
	struct proc_id first;           /* its first process, with POD_PID */
	const struct json *config;      /* as it is stored: request, share, exitPolicy, noInfra, noParent, command */
	/* of config */
	unsigned share;                 /* enum pod_share */
	const char *exit_policy;        /* "continue", "stop" */
	bool no_infra, no_parent;
	struct run_request q;           /* what its containers have in common */
};
struct pod_list {
	struct pod **v;
	size_t n;
};

/* --- pod_db.c --- */

int pod_migrate(struct engine *g, struct dv_err *e) DV_MUST_USE;
/* EXISTS when a pod or a container has the name. */
int pod_insert(struct engine *g, struct arena *a, const struct pod *p, struct dv_err *e) DV_MUST_USE;
/* status, boot, owner and first process. */
int pod_save(struct engine *g, const struct pod *p, struct dv_err *e) DV_MUST_USE;
/* No container can be made in it from here on. CONFLICT: there is one. */
int pod_mark_removing(struct engine *g, struct pod *p, struct dv_err *e) DV_MUST_USE;
int pod_drop(struct engine *g, const char *id, struct dv_err *e) DV_MUST_USE;
/* By name, id, or the first digits of one. NOT_FOUND; CONFLICT: ambiguous. */
int pod_find(struct engine *g, struct arena *a, const char *ref, struct pod **ret, struct dv_err *e) DV_MUST_USE;
/* Newest first. */
int pod_list(struct engine *g, struct arena *a, struct pod_list *ret, struct dv_err *e) DV_MUST_USE;
/* In a transaction: NOT_FOUND when no container may be made in it. */
int pod_check_there(struct engine *g, const char *id, struct dv_err *e) DV_MUST_USE;
/* The name of a container or pod: whose endpoint it is. NULL when there is neither. */
const char *pod_or_ctr_name(struct engine *g, struct arena *a, const char *id);

/* --- pod.c: up, down, settled --- */

/* Finishes what dead command lines left: 0, or 1 when the pod is gone now. *p is changed. */
int pod_settle(struct engine *g, struct arena *a, struct pod *p, struct dv_err *e) DV_MUST_USE;
/* Found and settled. NOT_FOUND. */
int pod_get(struct engine *g, struct arena *a, const char *ref, struct pod **ret, struct dv_err *e) DV_MUST_USE;
/* It is up when this returns, and stays so until *ret_lock is closed. */
int pod_enter(struct engine *g, struct arena *a, const char *ref, struct pod **ret, int *ret_lock, struct dv_err *e) DV_MUST_USE;

struct pod_request {
	struct run_request q;           /* name, hostname, labels, networks, ports, limits ... */
	const char *share;              /* "net,ipc,uts"; NULL: that; "+pid": that and more; "none" */
	const char *exit_policy;        /* NULL: continue */
	bool no_infra, no_parent;
	const char *const *command;     /* the command line, for inspect */
};
/* EXISTS; INVALID names the flag. */
int engine_pod_create(struct engine *g, struct arena *a, const struct pod_request *q, struct pod **ret, struct dv_err *e) DV_MUST_USE;

/* What went wrong with single containers; what is told is no reason to stop. */
struct pod_told {
	void (*fn)(void *ctx, const char *container, const struct dv_err *why);
	void *ctx;
	bool failed;
};
int engine_pod_start(struct engine *g, struct arena *a, const char *ref, struct pod_told *told, struct dv_err *e) DV_MUST_USE;
/* seconds as for control_stop(). idle: only if none of its containers runs. */
int engine_pod_stop(struct engine *g, struct arena *a, const char *ref, int seconds, bool idle, struct pod_told *told,
		    struct dv_err *e) DV_MUST_USE;
/* signal: NULL is SIGKILL, after which the pod is down. */
int engine_pod_kill(struct engine *g, struct arena *a, const char *ref, const char *signal, struct pod_told *told,
		    struct dv_err *e) DV_MUST_USE;
int engine_pod_pause(struct engine *g, struct arena *a, const char *ref, bool pause, struct pod_told *told,
		     struct dv_err *e) DV_MUST_USE;
/* With its containers. CONFLICT: one runs, unless force: then it is stopped first (seconds as for control_stop()). */
int engine_pod_remove(struct engine *g, struct arena *a, const char *ref, bool force, int seconds, struct dv_err *e) DV_MUST_USE;

/* --- pod_join.c: a container of the pod --- */

/* Flags of a container that clash with its pod: INVALID, in podman's words. */
int pod_check_flags(const struct pod *p, const struct run_request *q, struct dv_err *e) DV_MUST_USE;
/* What the container has of its pod goes into its request. The pod's id is in q->pod already. */
void pod_apply(struct engine *g, struct arena *a, const struct pod *p, struct run_request *q);
/* The pod's /dev/shm, if that is what the container's IPC namespace goes with; else NULL. */
const char *pod_shm(struct arena *a, const struct run_request *q, const struct run_config *c);
/* Whose endpoints a container's are: its pod's, or its own. mode is its NetworkMode. */
const char *pod_endpoints_of(const struct ctr *c, const char *mode);

/* --- pod_show.c --- */

/* podman's word: "Created", "Running", "Degraded", "Paused", "Exited". The containers have been settled. */
const char *pod_state(const struct pod *p, const struct ctr_list *l);
/* Its containers, oldest first, settled. */
int pod_containers(struct engine *g, struct arena *a, const struct pod *p, struct ctr_list *ret, struct dv_err *e) DV_MUST_USE;
/* podman's `pod inspect`, and one object of its `pod ps --format json`. */
int pod_inspect(struct engine *g, struct arena *a, const struct pod *p, struct json **ret, struct dv_err *e) DV_MUST_USE;
int pod_summary(struct engine *g, struct arena *a, const struct pod *p, struct json **ret, struct dv_err *e) DV_MUST_USE;
