/* container.h - the life of a container: what the verbs of davit-oci and the engine's monitor call.
 *
 * A container is a directory below the state root (state.h), a cgroup, and a first process. Any
 * command may be killed at any time: what it made is named in the state before it is made, so that
 * the next delete removes it.
 *
 * Kinds a caller may act on: EXISTS (create), NOT_FOUND (no such container, no such program),
 * CONFLICT (wrong status), FORBIDDEN (rights).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "json/json.h"
#include "oci/cgroup.h"
#include "oci/seccomp.h"
#include "oci/state.h"

struct container;

struct container_opts {
	const char *root;               /* state root */
	const char *id;
	const char *bundle;             /* NULL: the working directory */
	const char *config_file;        /* NULL: BUNDLE/config.json */
	const struct json *config;      /* instead of a file; must outlive the call */
	int root_tree;                  /* > 0: a detached mount (mount_fresh, mount_clone) that is the root instead of
					 * root.path; stays the caller's. Nothing of it is ever visible on the host */
	const uint64_t *default_filter; /* instead of linux.seccomp: the default profile for these capabilities */
	const char *console_socket;     /* path of a listening socket, or NULL */
	int console_fd;                 /* instead: a connected socket that gets the master; -1 */
	const char *pid_file;
	const char *pidfd_socket;
	bool console_optional;          /* console_fd is used if the process wants a terminal, else ignored */
	bool console_pair;              /* instead: make a socket pair if it wants one; see container_started */
	unsigned preserve_fds;
	unsigned listen_fds;            /* how many of them are sockets of a service manager (LISTEN_FDS) */
	bool notify;                    /* the container gets a NOTIFY_SOCKET (notify.h) */
	bool no_pivot, no_new_keyring;
	enum cgroup_manager cgroup_manager;
	int rootless;                   /* 1, 0, or -1: found out */
	/* The process waits for container_start(); otherwise it is started when this returns. */
	bool wait_for_start;
	/* Filled with the running container, not locked (container_close): spares the caller that waits for its end
	 * opening it again to delete it. NULL: not wanted. */
	struct container *keep;
	bool *ret_no_program;           /* set when it failed because the program itself cannot be run (exit statuses 126 and
					 * 127 of engines); may be NULL */
	bool detached;                  /* the caller will not wait: the process survives its death at once */
};

struct container_started {
	pid_t pid;
	int pidfd;                      /* foreground_wait() takes it */
	int notify_fd;                  /* with `notify`: the socket's other end, foreground_wait() takes it */
	bool terminal;                  /* process.terminal */
	int console_fd;                 /* with console_pair and a terminal: the master arrives here; foreground_wait() takes it */
};

/* create, and without wait_for_start also start. On failure nothing is left. */
int container_create(struct arena *a, const struct container_opts *o, struct container_started *ret,
		     struct dv_err *e) DV_MUST_USE;
/* CONFLICT unless it is created. NOT_FOUND and others from exec itself. */
int container_start(const char *root, const char *id, struct dv_err *e) DV_MUST_USE;

struct container_exec_opts {
	const char *root, *id;
	const struct json *process;     /* a process object; fields it lacks are taken from the configuration */
	const char *console_socket;
	int console_fd;
	const char *pid_file;
	const char *pidfd_socket;
	const char *cgroup;             /* exec --cgroup: [CONTROLLERS:]PATH, or NULL */
	const struct seccomp_filter *filter;    /* instead of linux.seccomp of the container, already compiled */
	bool *ret_no_program;           /* set when it failed because the program itself cannot be run; may be NULL */
	unsigned preserve_fds;
	bool ignore_paused;
	bool detached;
};
/* One more process in a running container. */
int container_exec(struct arena *a, const struct container_exec_opts *o, struct container_started *ret,
		   struct dv_err *e) DV_MUST_USE;

/* A loaded container with its lock (when asked for) and its cgroup. */
struct container {
	struct container_state state;
	enum container_status status;
	int root_fd, dir_fd;
	struct cgroup *cgroup;
};
int container_open(struct arena *a, const char *root, const char *id, bool lock, struct container *ret,
		   struct dv_err *e) DV_MUST_USE;
void container_close(struct container *c);
#define auto_container __attribute__((cleanup(container_close)))
#define CONTAINER_NONE ((struct container){ .root_fd = -1, .dir_fd = -1 })

/* all: every process in the cgroup, not only the first. CONFLICT: "container not running". */
int container_kill(struct container *c, int sig, bool all, struct dv_err *e) DV_MUST_USE;
int container_pause(struct container *c, struct dv_err *e) DV_MUST_USE;
int container_resume(struct container *c, struct dv_err *e) DV_MUST_USE;
/* linux.resources as JSON. The stored configuration is changed too, so that a later update starts from it. */
int container_update(struct arena *a, struct container *c, const struct json *resources, struct dv_err *e) DV_MUST_USE;
/* CONFLICT for a container that is not stopped, unless force: then it is killed first. With force a
 * container that does not exist is success. Runs the poststop hooks. */
int container_delete_open(struct arena *a, struct container *c, bool force, struct dv_err *e) DV_MUST_USE;
int container_delete(struct arena *a, const char *root, const char *id, bool force, struct dv_err *e) DV_MUST_USE;
