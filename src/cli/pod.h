/* pod.h - between the files of `davit pod`. */
#pragma once

#include "cli/cli.h"
#include "engine/pod.h"

enum { POD_EXIT_ERROR = 125 };

extern const struct verb verb_pod_create, verb_pod_ps, verb_pod_inspect, verb_pod_logs, verb_pod_top, verb_pod_stats;

/* The pods that are meant: names, files with ids in them, all of them, the newest. */
struct pod_refs {
	bool all, latest;
	struct opt_strs files;
};
/* *ret is NULL-terminated. INVALID: none is named. */
int pod_refs(struct verb_call *c, struct engine *g, const struct pod_refs *x, const char ***ret, struct dv_err *e) DV_MUST_USE;
/* The newest, or the one that is named. NOT_FOUND. */
int pod_one(struct verb_call *c, struct engine *g, bool latest, struct pod **ret, struct dv_err *e) DV_MUST_USE;
/* The first line of a file. */
int pod_id_of_file(struct arena *a, const char *path, const char **ret, struct dv_err *e) DV_MUST_USE;
/* A failure is told, and is podman's exit status. */
int pod_failed(const struct verb_call *c, const struct dv_err *e);
