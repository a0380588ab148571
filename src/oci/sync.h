/* sync.h - what the runtime and the container's first process say to each other before exec. */
#pragma once

#include <stdbool.h>

#include "base/err.h"

enum sync_kind {
	SYNC_PID,           /* middle process: here is the pidfd of the container's first process (descriptor) */
	SYNC_MAPPED,        /* runtime: the user namespace has its maps */
	SYNC_NET,           /* a thread of the runtime: the network namespace, or without a descriptor the errno in `value` */
	SYNC_CGROUP,        /* runtime: the cgroups are made, here are descriptors; `value` and `more` say of which hierarchies */
	SYNC_GO,            /* runtime: cgroup, limits and state are in place; `value`: signals that are ignored (proc_look()) */
	SYNC_HOOKS,         /* process: mounts are done, run prestart and createRuntime */
	SYNC_HOOKS_DONE,
	SYNC_NOTIFY,        /* process: my descriptor `value` is the seccomp listener */
	SYNC_NOTIFY_DONE,
	SYNC_READY,         /* process: only start is missing */
	SYNC_EXEC,          /* process: exec comes next (launch_tells_exec) */
	SYNC_START,         /* start command: go on */
	SYNC_ERROR,         /* process: it failed, see err */
};

struct sync_msg {
	enum sync_kind kind;
	int value;              /* of SYNC_ERROR: 1 when the program itself cannot be run */
	int more;
	struct dv_err err;      /* sent only with SYNC_ERROR */
};

/* Plain write and read: seccomp filters rarely forbid those. */
int sync_send(int fd, enum sync_kind kind, int value, struct dv_err *e) DV_MUST_USE;
/* The process' last word; ignores failure, since nobody is left to tell. */
void sync_send_error(int fd, bool no_program, const struct dv_err *err);
/* 1 with a message, 0 at the end; a SYNC_ERROR becomes this call's error, *ret is filled all the same. */
int sync_recv(int fd, struct sync_msg *ret, struct dv_err *e) DV_MUST_USE;
/* Exactly this kind, or an error. */
int sync_expect(int fd, enum sync_kind kind, struct dv_err *e) DV_MUST_USE;
int sync_expect_value(int fd, enum sync_kind kind, int *ret_value, struct dv_err *e) DV_MUST_USE;
/* The same with descriptors; those that did not come are -1. */
int sync_send_fds(int fd, const struct sync_msg *m, const int *fds, size_t n, struct dv_err *e) DV_MUST_USE;
int sync_expect_fds(int fd, enum sync_kind kind, struct sync_msg *ret, int *ret_fds, size_t n,
		    struct dv_err *e) DV_MUST_USE;
