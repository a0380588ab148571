/* pull.h - an image from a registry into the store.
 *
 * Layers come in parallel, the largest first. The bytes of a layer go to partial/
 * as they come, and are hashed, decompressed, hashed again and unpacked meanwhile.
 * What the store has already, in whatever compression, is neither downloaded nor
 * unpacked again. Nothing is visible before everything was verified and synced; what
 * a killed pull leaves of a download is continued by the next one.
 */
#pragma once

#include "image/store.h"
#include "transfer/remote.h"
#include "transfer/watch.h"

enum pull_policy {
	PULL_ALWAYS,            /* ask the registry; a name that moved there moves here */
	PULL_MISSING,           /* only when the store has no such name */
	PULL_NEWER,             /* as always, but what is here will do when the registry cannot be asked */
	PULL_NEVER,             /* only look here */
};

struct pull_options {
	enum pull_policy policy;
	const char *platform;           /* NULL: the host's */
	const struct layer_watch *watch; /* NULL: nobody looks */
};

struct pull_result {
	const char *id;                 /* "sha256:HEX" */
	const char *name;               /* canonical: "docker.io/library/busybox:latest" or "...@sha256:HEX" */
	bool changed;                   /* false: it was here already */
	uint64_t downloaded;            /* bytes of layers */
};

/* ref is a name as people write it. NOT_FOUND when neither registry nor (with NEVER) store has it; else the kinds
 * of remote.h, INVALID and LIMIT for images that are refused. After a failure r may be cancelled. */
int image_pull(struct image_store *s, struct remote *r, const char *ref, const struct pull_options *o, struct arena *a,
	       struct pull_result *ret, struct dv_err *e) DV_MUST_USE;
