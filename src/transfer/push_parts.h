/* push_parts.h - what the files of a push share. */
#pragma once

#include <pthread.h>

#include "base/buf.h"
#include "image/blob.h"
#include "image/manifests.h"
#include "transfer/push.h"

#define PUSH_MOUNTS_MAX 3       /* repositories that are tried for one blob */

struct push_blob {
	struct push *p;
	size_t no;
	struct descriptor d;            /* digest and size of what is compressed: afterwards */
	struct digest diff_id;          /* of a layer that is compressed */
	struct digest plain;            /* from this blob */
	bool compress;
	struct blob_writer *writer;
	struct growing *growing;        /* what the writer has, for who sends it */
	const char *mounts[PUSH_MOUNTS_MAX + 1];
};

struct push {
	struct arena *a;
	struct image_store *store;
	struct remote_repo *repo;
	const struct push_options *o;
	struct image_name name;         /* there */
	const char *shown;
	struct image_list list;         /* of the store, read when a mount is thought of */
	bool listed;
	pthread_mutex_t lock;           /* of why */
	struct dv_err why;              /* the first failure */
	bool stop;
	uint64_t sent;
};

/* Descriptors of the layers as they will be in the manifest; those to be compressed have no digest yet, and *ret_same
 * says that they are the manifest's own. blobs has room for all of them. */
int push_layers(struct push *p, const struct image *img, const struct manifest *m, struct push_blob *blobs,
		bool *ret_same, struct dv_err *e) DV_MUST_USE;
/* All of them are at the registry. */
int push_blobs(struct push *p, struct push_blob *blobs, size_t n, struct dv_err *e) DV_MUST_USE;
