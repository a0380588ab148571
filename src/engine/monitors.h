/* monitors.h - the engine's side of a container's monitor: found, started, given its job, asked. */
#pragma once

#include "engine/ctr.h"
#include "engine/request.h"
#include "monitor/protocol.h"
#include "monitor/record.h"

struct monitor_proc {
	int sock;               /* our end, or -1 */
	struct proc_id id;
};

/* The path of its program; free with free(). */
int monitor_program(char **ret, struct dv_err *e) DV_MUST_USE;
/* Starts one that waits for its job; it ends when it gets none. Early, so that its start takes place beside our own
 * preparations. From a copy of its mount that no container can write to. */
int monitor_spawn(struct engine *g, struct monitor_proc *ret, struct dv_err *e) DV_MUST_USE;

/* The first process of the namespaces that the calling thread's children are born in (monitor/monitor.h). */
int monitor_spawn_first(struct engine *g, int go, struct proc_id *ret, struct dv_err *e) DV_MUST_USE;

struct monitor_job {
	const struct ctr *row;
	const struct run_request *q;
	const struct run_config *config;
	const struct json *oci;         /* NULL: an adoption */
	int lock, root, netns, ports;   /* -1: none */
	const char *pod_idle;           /* the pod that is to be stopped when no container of it runs, or NULL */
	uint32_t attach;                /* enum attach_flags of our own connection */
};
/* Hands the job over and waits for the answer: the container runs, or does not (*ret_status is what a shell shall see
 * then; ret_init is not filled). */
int monitor_start(struct engine *g, struct arena *a, const struct monitor_proc *p, const struct monitor_job *j,
		  struct proc_id *ret_init, int *ret_status, struct dv_err *e) DV_MUST_USE;

/* A connection to the monitor of a container. NOT_FOUND and UNAVAILABLE: there is none. */
int monitor_connect(struct engine *g, const char *id, int *ret_sock, struct dv_err *e) DV_MUST_USE;
/* One message and its answer. */
int monitor_ask(struct engine *g, const char *id, const struct msg *question, struct msg *ret, char space[MSG_MAX],
		struct dv_err *e) DV_MUST_USE;
/* The record of a living one. False: there is none (then *ret is its last word, if *ret_known). */
bool monitor_alive(struct engine *g, const char *id, struct record *ret, bool *ret_known);
/* The record of a container's end; NOT_FOUND or INVALID when there is none. */
int monitor_end_record(struct engine *g, const char *id, struct record *ret, struct dv_err *e) DV_MUST_USE;
