/* cgroup_priv.h - what the cgroup_*.c files share; nobody else includes it. */
#pragma once

#include "oci/cgroup.h"

#define HIER_MAX CGROUP_TREES_MAX
#define WARNINGS_MAX 16
#define CG_TEXT_MAX ((size_t)1 << 20)       /* largest cgroup file we read */

/* One tree of cgroups, and the container's directory in it. */
struct hier {
	const char *name;           /* directory below the root: "memory", "cpu,cpuacct", "unified"; "" on plain v2 */
	const char *controllers;    /* as in /proc/self/cgroup: "cpu,cpuacct", "name=systemd"; "" on v2 */
	const char *mount;          /* where the tree is mounted; "" when it came from JSON */
	const char *full;           /* absolute path of the container's directory */
	bool v2;
	int fd;                     /* O_PATH of it, -1 before it was needed */
	int tasks_fd;               /* v1: tasks, for writing, until the process has joined; else -1 */
	bool joins_itself;          /* cgroup_add() has nothing to do here */
	bool created;               /* cgroup_create() was here */
	unsigned made;              /* so many last components of `full` were made by us */
	const char *lost;           /* why we go on without it, or NULL */
	int lost_errno;
	bool told;                  /* the user was warned of it */
	const char *refused;        /* v2: why controllers may be missing, or NULL */
};

struct cgroup {
	struct arena mem;           /* strings and warnings */
	enum cgroup_layout layout;
	bool disabled;
	bool rootless;
	bool cpuset_bare;           /* made by us and still without cpus and mems: no process may enter yet */
	bool path_given;            /* a place was asked for: not getting it is an error even when rootless */
	struct hier h[HIER_MAX];
	size_t n;
	const char *warnings[WARNINGS_MAX];
	size_t n_warnings;
};

struct cgroup *cg_new(void);
void cg_auto_close(struct cgroup **cg);
#define auto_cgroup __attribute__((cleanup(cg_auto_close)))
/* Lexically clean: no "//", "." or "..", which end at the top; a leading slash stays. */
char *cg_path_clean(struct arena *a, const char *path);

void cg_warn(struct cgroup *cg, const char *fmt, ...) DV_PRINTF(2, 3);

/* A new v1 cpuset takes over from its parent what is not given. */
int cg_fill_cpuset(struct cgroup *cg, bool cpus_given, bool mems_given, struct dv_err *e) DV_MUST_USE;
/* Is it an errno of missing rights (or of a read-only mount)? */
bool cg_no_rights(int sys);
/* Go on without this hierarchy; cg_tell_lost() then makes one warning for all that were lost for the same reason. */
void cg_lose(struct cgroup *cg, struct hier *h, int sys, const char *why);
void cg_tell_lost(struct cgroup *cg);
/* The hierarchy with that controller ("" is the v2 tree, "freezer" on v1 only), lost ones too; or NULL. */
struct hier *cg_find(struct cgroup *cg, const char *controller);
/* The same for something asked for (`what`: "pids.limit"): UNSUPPORTED or the errno it was lost by. */
int cg_need(struct cgroup *cg, const char *controller, const char *what, struct hier **ret,
	    struct dv_err *e) DV_MUST_USE;
/* The v2 tree of plain v2 (not of hybrid), or NULL. */
struct hier *cg_v2(struct cgroup *cg);
/* Opens h->fd when it is not open. NOT_FOUND when the directory is gone. */
int cg_open_dir(struct hier *h, struct dv_err *e) DV_MUST_USE;
/* A hierarchy that lists the container's processes, opened: the v2 tree, else devices, else any. NULL without one. */
struct hier *cg_any(struct cgroup *cg);

/* --- files of one directory (dirfd is O_PATH) --- */

/* 0 or the errno. */
int cg_try_write(int dirfd, const char *file, const char *value);
/* `cgroup: write "-5" to memory.limit_in_bytes: Invalid argument` */
int cg_write(const struct hier *h, const char *file, const char *value, struct dv_err *e) DV_MUST_USE;
int cg_write_error(int sys, const char *file, const char *value, struct dv_err *e);
/* Without the final newline; b is emptied first. */
int cg_read(int dirfd, const char *file, struct buf *b, struct dv_err *e) DV_MUST_USE;
/* One number; "max" is UINT64_MAX. */
int cg_read_u64(int dirfd, const char *file, uint64_t *ret, struct dv_err *e) DV_MUST_USE;
/* The number behind "key " at the start of a line of text; false when there is none. */
bool cg_key_u64(const char *text, const char *key, uint64_t *ret);

/* Milliseconds of the monotonic clock. */
int64_t cg_now_ms(void);
/* Poll once: POLLPRI for news of a kernfs file that was read before, POLLIN for the end of a pidfd; with fd -1 just
 * for time to pass, where cgroup v1 has no news to give. */
void cg_wait(int fd, short events, int64_t deadline_ms, int at_most_ms);

/* --- parts --- */

int cg_stats_v1(struct cgroup *cg, struct arena *a, struct json *out, struct dv_err *e) DV_MUST_USE;
int cg_stats_v2(struct hier *h, struct arena *a, struct json *out, struct dv_err *e) DV_MUST_USE;
/* "psi" of some file ("cpu.pressure"), or NULL where the kernel does not count it. */
struct json *cg_psi(const struct hier *h, struct arena *a, const char *file);
/* Adds a number to obj; 0 is left out, as in runc's JSON, unless `always`. */
void cg_put(struct arena *a, struct json *obj, const char *key, uint64_t v, bool always);
/* The object "name value" lines make. */
struct json *cg_flat(struct arena *a, const char *text);
/* "0-2,5" as [0,1,2,5]; NULL for an empty or odd list. */
struct json *cg_list(struct arena *a, const char *text);
/* One operation of a block device, added to out.NAME (made when it is not there). */
void cg_put_io(struct arena *a, struct json *out, const char *name, uint64_t major, uint64_t minor, const char *op,
	       uint64_t value);
/* Calls `on_dir` for every directory below dirfd (O_PATH), deepest first, `name` relative to parent_fd. */
int cg_walk(int dirfd, int depth, int (*on_dir)(void *ctx, int parent_fd, const char *name, int fd, struct dv_err *e),
	    void *ctx, struct dv_err *e) DV_MUST_USE;
