/* bundle.h - the OCI configuration of a container: docker's defaults, and what was asked for. */
#pragma once

#include "engine/request.h"
#include "engine/user.h"

/* run_dir is the directory with the container's own /etc files. */
int bundle_make(struct arena *a, const struct run_request *q, const struct run_config *c, const struct user *u,
		const char *id, const char *run_dir, struct json **ret, struct dv_err *e) DV_MUST_USE;
/* "user" and "capabilities" of a process object. */
struct json *bundle_user(struct arena *a, const struct user *u);
struct json *bundle_capabilities(struct arena *a, uint64_t caps, uid_t uid);
/* Every device node of the host, for --privileged: the "devices" list. */
int bundle_host_devices(struct arena *a, struct json **ret, struct dv_err *e) DV_MUST_USE;
