/* inspect.h - containers, images and the engine as JSON, in docker's shape. */
#pragma once

#include "engine/ctr.h"

/* RFC 3339 with nanoseconds; the year 1 for 0. */
struct json *inspect_time(struct arena *a, int64_t ns);
/* The row must be settled. */
int inspect_container(struct engine *g, struct arena *a, const struct ctr *c, struct json **ret,
		      struct dv_err *e) DV_MUST_USE;
/* docker's fields, and podman's Digest: that of the manifest. */
int inspect_image(struct engine *g, struct arena *a, const struct image *img, struct json **ret, struct dv_err *e) DV_MUST_USE;
/* An index or artifact, by the same names as far as they make sense, and what it refers to. */
struct manifest_row;
int inspect_manifest(struct engine *g, struct arena *a, const struct manifest_row *m, struct json **ret,
		     struct dv_err *e) DV_MUST_USE;

/* --- info.c --- */

/* The version of docker's API whose words the command line speaks. */
#define INFO_API_VERSION "1.50"
#define INFO_API_VERSION_MIN "1.24"
/* docker's fields, and podman's below "host", "store" and "version". */
int inspect_info(struct engine *g, struct arena *a, struct json **ret, struct dv_err *e) DV_MUST_USE;
/* docker's fields of version. */
struct json *inspect_version(struct arena *a);
