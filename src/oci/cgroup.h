/* cgroup.h - the container's place in the cgroup trees: layout, limits, devices, freezer, statistics.
 *
 * One struct cgroup is the container's directory in every hierarchy there is:
 * several on cgroup v1, one on v2, both kinds on a hybrid machine. It is made
 * by cgroup_open() (computes paths, touches nothing), or by
 * cgroup_from_json() from what an earlier command stored.
 *
 * On an odd layout it goes on: what cannot be had and was not asked for is a
 * warning (cgroup_warning()), what was asked for and cannot be had is an error
 * that names the file or controller. No function sleeps: waits are polls of a
 * descriptor with a deadline.
 *
 * Kinds a caller may act on: CONFLICT (create: a non-empty cgroup is there),
 * NOT_FOUND (the cgroup is gone), UNSUPPORTED (no such controller, freezer,
 * ...), FORBIDDEN (no rights), TIMEOUT (destroy, freeze).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "json/json.h"

enum cgroup_manager { CGROUP_FS, CGROUP_DISABLED };
enum cgroup_layout { CGROUP_NONE, CGROUP_V1, CGROUP_HYBRID, CGROUP_V2 };

struct cgroup;

struct cgroup_spec {
	enum cgroup_manager manager;
	/* linux.cgroupsPath or NULL. Absolute: from the root of each hierarchy. Relative: below our own cgroup
	 * (on v2 below its parent, since processes live in ours). NULL or "": the id, as a relative path. */
	const char *path;
	const char *id;
	bool rootless;              /* missing rights are warnings where nothing was asked for */
};

/* With CGROUP_DISABLED, or no cgroup tree at all, every later call does nothing (resources asked for
 * without a tree are UNSUPPORTED); cgroup_layout() tells. */
int cgroup_open(const struct cgroup_spec *spec, struct cgroup **ret, struct dv_err *e) DV_MUST_USE;
/* The same on a given tree: root is a directory such as /sys/fs/cgroup, self the text of /proc/self/cgroup. */
int cgroup_open_at(const char *root, const char *self, const struct cgroup_spec *spec, struct cgroup **ret,
		   struct dv_err *e) DV_MUST_USE;
void cgroup_close(struct cgroup *cg);                   /* forgets; removes nothing */

/* {"memory": "/sys/fs/cgroup/memory/ID", ...}, on v2 {"": "/sys/fs/cgroup/ID"}: runc's cgroup_paths. The tree lives
 * in `a`. An empty object is CGROUP_DISABLED. INVALID for anything else. */
struct json *cgroup_to_json(const struct cgroup *cg, struct arena *a);
int cgroup_from_json(const struct json *paths, bool rootless, struct cgroup **ret, struct dv_err *e) DV_MUST_USE;

enum cgroup_layout cgroup_layout(const struct cgroup *cg);
/* The i-th thing that was left out, one line; NULL after the last. */
const char *cgroup_warning(const struct cgroup *cg, size_t i);

/* --- life --- */

/* Makes the directories. On failure those it made are removed again, and only those. */
int cgroup_create(struct cgroup *cg, struct dv_err *e) DV_MUST_USE;
/* Only the one that a process is born in (v2); cgroup_create() makes the others later. */
int cgroup_create_born(struct cgroup *cg, struct dv_err *e) DV_MUST_USE;
/* Undo of cgroup_create(): removes what it made in this process (also parent directories). */
void cgroup_undo(struct cgroup *cg);
/* The limits of linux.resources (may be NULL), and the device rules: with `create` always (defaults included),
 * otherwise only when "devices" is there. What fails names file and value. Written values stay when a later
 * one fails. */
int cgroup_set(struct cgroup *cg, const struct json *resources, bool create, struct dv_err *e) DV_MUST_USE;
/* Descriptor for CLONE_INTO_CGROUP (borrowed), or -1 where there is no v2 tree. On CGROUP_HYBRID,
 * cgroup_add() is still needed for the other hierarchies. */
int cgroup_clone_fd(const struct cgroup *cg);
/* Into every hierarchy (those it is cloned into may be joined again). */
int cgroup_add(struct cgroup *cg, pid_t pid, struct dv_err *e) DV_MUST_USE;
/* exec --cgroup: into `sub` below the container's cgroup, which must exist; controllers is NULL for all or a
 * comma list of v1 names. INVALID for a path that leaves the container's cgroup. */
int cgroup_add_below(struct cgroup *cg, pid_t pid, const char *controllers, const char *sub,
		     struct dv_err *e) DV_MUST_USE;
/* The quick way in. Moving another process makes the kernel wait for a grace period (milliseconds); a process that
 * is born into the v2 cgroup (cgroup_clone_fd()) and moves itself in v1 waits for nothing. In the parent, before
 * the process exists: opens what it will need. Then cgroup_add() only does what is left. */
int cgroup_prepare_join(struct cgroup *cg, struct dv_err *e) DV_MUST_USE;
/* In the parent: the process was cloned into the v2 cgroup. */
void cgroup_cloned_into(struct cgroup *cg);
/* In the process itself, while it has one thread. */
int cgroup_join_self(struct cgroup *cg, struct dv_err *e) DV_MUST_USE;
/* For a process that was born before the directories were made: what cgroup_prepare_join() has opened (borrowed),
 * of which hierarchies that is, and in which there is a cgroup at all. The process takes them over, and joins. */
#define CGROUP_TREES_MAX 24
struct cgroup_joint {
	int opened, made;           /* a bit for each hierarchy */
	int fds[CGROUP_TREES_MAX];
	size_t n;
};
void cgroup_joint(const struct cgroup *cg, struct cgroup_joint *ret);
void cgroup_take_joint(struct cgroup *cg, const struct cgroup_joint *j);

/* exec: as cgroup_add(), but when the container passes controllers on to cgroups of its own (v2), into the one where
 * its first process is. */
int cgroup_add_beside(struct cgroup *cg, pid_t pid, pid_t init, struct dv_err *e) DV_MUST_USE;
/* Removes the directories, children first. Waits up to timeout_ms for processes that are still dying;
 * TIMEOUT names the directory. Absent is success. Kills nothing. */
int cgroup_destroy(struct cgroup *cg, int timeout_ms, struct dv_err *e) DV_MUST_USE;
bool cgroup_exists(struct cgroup *cg);
/* v2: the container (uid `owner`, in a cgroup namespace of its own) may make children. Nothing on v1. */
int cgroup_delegate(struct cgroup *cg, uid_t owner, struct dv_err *e) DV_MUST_USE;

/* --- processes --- */

#define CGROUP_PIDS_MAX 100000
#define CGROUP_DEPTH_MAX 32

/* All of them, children's included, ascending. LIMIT past CGROUP_PIDS_MAX. The array lives in `a`. */
int cgroup_pids(struct cgroup *cg, struct arena *a, pid_t **ret, size_t *ret_n, struct dv_err *e) DV_MUST_USE;
/* Signal every process: SIGKILL by cgroup.kill where there is one, else freeze, signal each, thaw. */
int cgroup_kill(struct cgroup *cg, int sig, struct dv_err *e) DV_MUST_USE;
/* Returns when frozen (TIMEOUT, and thawed again, after 10 s). UNSUPPORTED without a freezer. */
int cgroup_freeze(struct cgroup *cg, struct dv_err *e) DV_MUST_USE;
int cgroup_thaw(struct cgroup *cg, struct dv_err *e) DV_MUST_USE;
int cgroup_frozen(struct cgroup *cg, bool *ret, struct dv_err *e) DV_MUST_USE;

/* --- what it uses --- */

/* The "data" of `runc events --stats` (without intel_rdt and network_interfaces); what an absent controller would
 * count is left out or 0. "psi" is there on v2 and hybrid. */
int cgroup_stats(struct cgroup *cg, struct arena *a, struct json **ret, struct dv_err *e) DV_MUST_USE;

/* Out-of-memory events. fd polls readable when there may be news; read gives the kills since the last read (v1 tells
 * before it kills: a kill that is certain to come counts). NOT_FOUND when the cgroup is gone. UNSUPPORTED without a
 * memory controller. */
struct cgroup_oom;
int cgroup_oom_open(struct cgroup *cg, struct cgroup_oom **ret, struct dv_err *e) DV_MUST_USE;
void cgroup_oom_close(struct cgroup_oom *w);
int cgroup_oom_fd(const struct cgroup_oom *w);
int cgroup_oom_read(struct cgroup_oom *w, uint64_t *ret_kills, struct dv_err *e) DV_MUST_USE;

/* --- mounts of type "cgroup" --- */

struct cgroup_mount {
	const char *name;           /* directory below the mount point: "memory", "cpu,cpuacct", "systemd"; "" on v2 */
	const char *controllers;    /* "cpu,cpuacct": what a link per controller is made for when there are several */
	int fd;                     /* O_PATH of the container's own directory there (borrowed) */
};
/* One per hierarchy (the v2 tree of a hybrid machine as "unified"). The array lives in `a`. */
int cgroup_mounts(struct cgroup *cg, struct arena *a, struct cgroup_mount **ret, size_t *ret_n,
		  struct dv_err *e) DV_MUST_USE;
/* The same, nothing opened: fd may be -1. */
void cgroup_mount_names(struct cgroup *cg, struct arena *a, struct cgroup_mount **ret, size_t *ret_n);
