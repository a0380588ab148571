/* commit.h - what a container has changed: shown, or as a new image. */
#pragma once

#include "engine/ctr.h"
#include "engine/imagediff.h"

/* Against its image, from the upper directory of its overlay; also while it runs. */
int ctr_diff(struct engine *g, struct arena *a, const struct ctr *c, struct image_changes *ret, struct dv_err *e) DV_MUST_USE;

struct commit_request {
	const char *name;               /* canonical, or NULL: the image has none */
	const char *author, *message;   /* or NULL */
	const char *const *changes;     /* instructions of a Dockerfile (image/change.h); NULL-terminated or NULL */
	bool pause;                     /* hold its processes meanwhile */
};
/* The image appears whole or not at all. *ret_id: "sha256:HEX". */
int ctr_commit(struct engine *g, struct arena *a, const struct ctr *c, const struct commit_request *q, const char **ret_id,
	       struct dv_err *e) DV_MUST_USE;
