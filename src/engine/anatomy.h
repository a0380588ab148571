/* anatomy.h - what a container is made of, read from the kernel: for learners, beside ps and lsns.
 *
 * Every block is read from /proc and the cgroup trees at the time of asking, nothing from what davit
 * meant it to be. Without a process only what is on disk is there.
 */
#pragma once

#include "engine/ctr.h"

/* {"Id", "Name", "Image", "Status", "Pid", "Process": {...}, "Namespaces": [...], "Cgroups": [...],
 * "Capabilities": {...}, "Seccomp": {...}, "UidMap", "GidMap", "Limits", "Mounts": [...], "Layers": [...]}.
 * The row must be settled. */
int anatomy_read(struct engine *g, struct arena *a, const struct ctr *c, struct json **ret,
		 struct dv_err *e) DV_MUST_USE;

/* --- parts, each from the process' directory in /proc --- */
int anatomy_namespaces(struct arena *a, int proc_dir, struct json **ret, struct dv_err *e) DV_MUST_USE;
int anatomy_status(struct arena *a, int proc_dir, struct json *ret, struct dv_err *e) DV_MUST_USE;
int anatomy_maps(struct arena *a, int proc_dir, struct json *ret, struct dv_err *e) DV_MUST_USE;
int anatomy_mounts(struct arena *a, int proc_dir, struct json **ret, struct dv_err *e) DV_MUST_USE;
int anatomy_limits(struct arena *a, int proc_dir, struct json **ret, struct dv_err *e) DV_MUST_USE;
/* One line of mountinfo as an object; NULL when it is none. */
struct json *anatomy_mount_line(struct arena *a, const char *line);
/* {"memory": "/sys/fs/cgroup/memory/davit/ID", ...} as the runtime stored it. */
struct json *anatomy_cgroups(struct arena *a, const struct json *paths);
