/* ns.h - namespaces: the table of their kinds, and what a configuration asks of each. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci/spec.h"

enum ns_kind { NS_USER, NS_PID, NS_NET, NS_IPC, NS_UTS, NS_MNT, NS_CGROUP, NS_TIME, NS_COUNT };

struct ns_type {
	const char *spec_name;      /* "network" */
	const char *proc_name;      /* "net": /proc/PID/ns/net */
	int flag;                   /* CLONE_NEWNET */
};
extern const struct ns_type ns_types[NS_COUNT];

enum ns_mode { NS_HOST, NS_NEW, NS_JOIN };

struct ns_plan {
	enum ns_mode mode[NS_COUNT];
	int fd[NS_COUNT];           /* of NS_JOIN, else -1 */
};

/* Reads linux.namespaces and opens the paths. INVALID for unknown or repeated types; an error names
 * a path that is missing or no namespace of that kind. Close with ns_plan_done(). */
int ns_plan_open(const struct spec_linux *l, struct ns_plan *ret, struct dv_err *e) DV_MUST_USE;
void ns_plan_done(struct ns_plan *p);
/* CLONE_NEW* of all kinds in that mode. */
int ns_plan_flags(const struct ns_plan *p, enum ns_mode mode);

/* "boottime" and "monotonic" of linux.timeOffsets into timens_offsets of the calling process, whose
 * children will live in the new time namespace. */
int ns_time_offsets(const struct json *offsets, struct dv_err *e) DV_MUST_USE;

/* This process lives in a user namespace (which it never changes): its root is somebody else outside. */
bool ns_in_user_namespace(void);

/* Write uid_map and gid_map of pid: directly with the rights to, else by newuidmap and newgidmap. */
int ns_write_maps(pid_t pid, const struct spec_linux *l, struct dv_err *e) DV_MUST_USE;
