/* name.h - image names as docker writes them: [HOST[:PORT]/]PATH[:TAG][@DIGEST]. */
#pragma once

#include "base/err.h"
#include "base/mem.h"

#define IMAGE_NAME_MAX 255

struct image_name {
	const char *host;       /* "docker.io" */
	const char *path;       /* "library/busybox" */
	const char *tag;        /* "latest"; NULL when only a digest was given */
	const char *digest;     /* "sha256:HEX" or NULL */
};

/* Fills in docker's defaults: "busybox" is docker.io/library/busybox:latest. INVALID otherwise. */
int image_name_parse(struct arena *a, const char *text, struct image_name *ret, struct dv_err *e) DV_MUST_USE;
/* The canonical text, as stored: "docker.io/library/busybox:latest". */
const char *image_name_text(struct arena *a, const struct image_name *n);
/* parse and text in one. */
int image_name_normalize(struct arena *a, const char *text, const char **ret, struct dv_err *e) DV_MUST_USE;
/* What people see: "busybox:latest" for a canonical text of docker.io/library. */
const char *image_name_familiar(const char *canonical);
