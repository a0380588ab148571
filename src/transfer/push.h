/* push.h - an image of the store to a registry.
 *
 * Blobs that are compressed already are sent as they are, and the manifest with
 * them. A layer that the store has as a plain tar only is compressed on the way,
 * once: the result stays in the store beside the layer's diff id. What the registry has is
 * asked first, and taken over from other repositories of it where it can be.
 */
#pragma once

#include "image/store.h"
#include "transfer/compress.h"
#include "transfer/remote.h"

enum push_step { PUSH_WAITING, PUSH_EXISTS, PUSH_MOUNTED, PUSH_COMPRESSING, PUSH_PUSHING, PUSH_DONE };
const char *push_step_name(enum push_step step);

struct push_watch {
	/* Any thread. blob: its digest, or the diff id of a layer that is being compressed. total 0: not known. */
	void (*blob)(void *ctx, size_t no, const struct digest *blob, enum push_step step, uint64_t done, uint64_t total);
	void *ctx;
};

enum push_format { PUSH_AS_IT_IS, PUSH_OCI, PUSH_DOCKER };

struct push_options {
	enum compression compression;   /* of layers; COMPRESS_NONE: what they have, gzip where they have none */
	int level;                      /* 0: the usual one */
	enum push_format format;
	bool all;                       /* a name of an index: the whole of it */
	const struct push_watch *watch; /* NULL: nobody looks */
};

struct push_result {
	struct digest digest;           /* of the manifest or index that dest stands for now */
	uint64_t size;                  /* of the layers there */
	uint64_t sent;                  /* bytes of layers that were */
};

/* ref names what is sent as for image_resolve(), dest is a name as people write it, NULL: ref's. NOT_FOUND when the
 * store has it not, or (all) not completely; else the kinds of remote.h. */
int image_push(struct image_store *s, struct remote *r, const char *ref, const char *dest, const struct push_options *o,
	       struct arena *a, struct push_result *ret, struct dv_err *e) DV_MUST_USE;
