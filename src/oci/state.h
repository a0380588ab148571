/* state.h - what is known of a container between commands: one directory per container below the state root.
 *
 *	ROOT/ID/            locked (flock) by whoever changes the container
 *	ROOT/ID/state.json  who it is: written once, before anything else is made
 *	ROOT/ID/pid         "PID START_TICKS\n" of its first process, once there is one
 *	ROOT/ID/start.sock  its first process listens there until it is started
 *
 * The status is never stored: it follows from these files and from the process, so a killed command
 * cannot leave a wrong one behind.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/proc.h"
#include "json/json.h"

enum container_status { STATUS_CREATING, STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_STOPPED };
const char *status_name(enum container_status s);       /* "running" */

struct container_state {
	const char *id;
	const char *bundle;             /* absolute */
	const char *rootfs;             /* absolute */
	const char *created;            /* RFC 3339 */
	const char *owner;              /* user name or uid */
	const struct json *config;
	const struct json *cgroup;      /* cgroup_to_json() */
	bool rootless;
	bool no_cgroup_limits;
	struct proc_id init;            /* pid 0: there is none (yet) */
};

/* [a-zA-Z0-9_+-][a-zA-Z0-9_+.-]*, at most 1024 bytes. INVALID otherwise. */
int state_check_id(const char *id, struct dv_err *e) DV_MUST_USE;

/* The root directory; made (0700) when make is set. NOT_FOUND otherwise. */
int state_root_open(const char *root, bool make, int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* Default: /run/davit-oci, or below XDG_RUNTIME_DIR for users and the root of a user namespace. The string lives in the arena. */
const char *state_root_default(struct arena *a);

/* Make the container's directory, locked. EXISTS when there is one. */
int state_make(int root_fd, const char *id, int *ret_dir, struct dv_err *e) DV_MUST_USE;
/* Open it; with lock wait until no other command changes it. NOT_FOUND: "container does not exist". */
int state_open(int root_fd, const char *id, bool lock, int *ret_dir, struct dv_err *e) DV_MUST_USE;
int state_save(int dir_fd, struct arena *a, const struct container_state *s, struct dv_err *e) DV_MUST_USE;
int state_save_pid(int dir_fd, const struct proc_id *id, struct dv_err *e) DV_MUST_USE;
/* INVALID or NOT_FOUND when it was cut off half way: such a container can only be deleted. */
int state_load(int dir_fd, struct arena *a, struct container_state *ret, struct dv_err *e) DV_MUST_USE;
/* Renamed aside first: a container is there or not, never half. */
int state_remove(int root_fd, const char *id, struct dv_err *e) DV_MUST_USE;
/* What a state_remove() that was killed has left of it. */
void state_sweep(int root_fd, const char *id);
/* Ids of all containers, sorted. */
int state_list(int root_fd, struct arena *a, char ***ret, size_t *ret_n, struct dv_err *e) DV_MUST_USE;

/* Asks the kernel: the process, the lock (whoever makes a container holds it), the freezer. have_lock: it is ours. */
enum container_status state_status(int dir_fd, const struct container_state *s, bool have_lock);

/* The "state" object of runtime-spec, as hooks get it and `state` prints it. pid 0 is left out. */
struct json *state_json(struct arena *a, const struct container_state *s, enum container_status status, pid_t pid);
