/* request.h - what the user asks of a container, and what it becomes together with its image's configuration. */
#pragma once

#include "engine/engine.h"
#include "json/json.h"

/* Lists are NULL-terminated; NULL is an empty one. */
struct run_request {
	const char *image;
	const char *const *args;        /* the command; NULL: the image's */
	const char *name;               /* NULL: a random one */
	const char *hostname, *workdir, *user, *network;
	const char *entrypoint;         /* NULL: the image's; "": none */
	const char *const *env;         /* "K=V", or "K" for our own value */
	const char *const *env_files;
	const char *const *volumes;     /* SRC:DST[:OPTIONS] */
	const char *const *tmpfs;       /* DST[:OPTIONS] */
	const char *const *labels;      /* "k=v" or "k" */
	const char *const *cap_add, *const *cap_drop;
	int64_t memory;                 /* bytes; 0: no limit */
	int64_t memory_swap;            /* memory and swap together; 0: twice the memory, -1: no limit */
	const char *cpus;               /* "1.5"; NULL: no limit */
	int64_t pids;                   /* 0 and -1: no limit */
	bool rm, interactive, tty, read_only, privileged;
};

struct run_config {
	const char **args;
	const char **env;
	const char *cwd, *user, *hostname, *stop_signal;
	const struct json *labels;
	int64_t nano_cpus;
	bool host_network;
	struct json *mounts;            /* binds and tmpfs, as in an OCI configuration */
	struct json *mount_points;      /* the same as `inspect` shows them */
	uint64_t caps;                  /* what the container may have: bit i is capability i */
	struct json *inspect;           /* Config, HostConfig, Mounts */
};

/* Checks and merges. INVALID names the flag. id is the container's. Makes missing sources of binds, as docker does. */
int run_configure(struct arena *a, const struct run_request *q, const struct image *img, const char *id,
		  struct run_config *ret, struct dv_err *e) DV_MUST_USE;

/* --- parts --- */

/* defaults, then the image's, then files, then the user's: later values replace earlier ones in place. */
int env_merge(struct arena *a, const char *const *defaults, const struct json *image, const struct run_request *q,
	      const char ***ret, struct dv_err *e) DV_MUST_USE;
/* cap_add and cap_drop on docker's default; `available` is what we may give. */
int caps_choose(const struct run_request *q, uint64_t available, uint64_t *ret, struct dv_err *e) DV_MUST_USE;
/* What this process may hand out. */
uint64_t caps_available(void);
/* Fills mounts and mount_points. */
int binds_parse(struct arena *a, const struct run_request *q, struct run_config *c, struct dv_err *e) DV_MUST_USE;
