/* security.h - rights: --security-opt, namespaces, devices. */
#pragma once

#include "engine/request.h"

/* Fills sec and ns of the configuration. INVALID. */
int security_choose(struct arena *a, const struct run_request *q, struct run_config *c, struct dv_err *e) DV_MUST_USE;
int nsmode_choose(struct arena *a, const struct run_request *q, struct run_config *c, struct dv_err *e) DV_MUST_USE;
/* The namespaces of containers that are named get their paths. NOT_FOUND, CONFLICT: it does not run. */
int nsmode_resolve(struct engine *g, struct arena *a, struct run_config *c, struct dv_err *e) DV_MUST_USE;
/* linux.namespaces, without the network's. */
struct json *nsmode_json(struct arena *a, const struct run_config *c);

/* The nodes of --device and every rule that follows from it and from --device-cgroup-rule: the lists `devices` and
 * `rules` grow. NOT_FOUND, INVALID. */
int devices_parse(struct arena *a, const struct run_request *q, struct json *devices, struct json *rules,
		  struct dv_err *e) DV_MUST_USE;
/* HostConfig.Devices */
struct json *devices_inspect(struct arena *a, const struct run_request *q);

/* docker's seccomp profile (names, includes, excludes, archMap) as linux.seccomp of a container with these
 * capabilities. A profile that is linux.seccomp already stays as it is. INVALID. */
int seccomp_profile_parse(struct arena *a, const char *text, uint64_t caps, struct json **ret,
			  struct dv_err *e) DV_MUST_USE;
/* Profiles that are named by their files become their texts. */
int security_resolve(struct arena *a, struct run_request *q, struct dv_err *e) DV_MUST_USE;

/* "1m30s" in nanoseconds; -DV_INVALID. */
int duration_parse(const char *text, int64_t *ret_ns) DV_MUST_USE;
/* Config.Healthcheck of flags over the image's; NULL for none. */
int health_choose(struct arena *a, const struct run_request *q, const struct json *image, struct json **ret,
		  struct dv_err *e) DV_MUST_USE;
