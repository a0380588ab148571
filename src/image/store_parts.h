/* store_parts.h - what the files of the image store share. */
#pragma once

#include <pthread.h>

#include "image/store.h"

struct image_store {
	int rootfd;
	char *root;
	struct db *db;
};

/* --- stages --- */

struct staged {
	bool layer, done;
	struct digest name;             /* of the blob, or of the layer's directory */
	struct digest diff_id;          /* of the layer */
	const char *driver;             /* of the layer; NULL: "dirs" */
	uint64_t size;
};

struct image_stage {
	struct image_store *store;
	int fd;
	char name[40];                  /* in tmp/ */
	pthread_mutex_t lock;           /* of the list */
	struct staged *v;
	unsigned n, trash;
};

/* Of the file or directory in the stage. */
void staged_name(unsigned no, char out[16]);

/* --- locks and paths --- */

/* images.lock; unlocked by closing *ret_fd. */
int store_lock(struct image_store *s, int *ret_fd, struct dv_err *e) DV_MUST_USE;

/* "layers/HEX", "blobs/sha256/HEX" into out; returns out. */
#define STORE_PATH_SIZE (16 + DIGEST_TEXT_SIZE)
const char *store_layer_path(const struct digest *name, char out[STORE_PATH_SIZE]);
const char *store_blob_path(const struct digest *d, char out[STORE_PATH_SIZE]);

/* Move a path of the root into the stage, to be deleted with it. Absent is success. */
int stage_trash(struct image_stage *st, const char *path, struct dv_err *e) DV_MUST_USE;
struct image_store *stage_store(struct image_stage *st);

/* --- what nothing refers to --- */

struct store_garbage_item {
	struct store_garbage_item *next;
	const char *path;
	const char *diff_id;    /* of layers */
};
struct store_garbage {
	struct store_garbage_item *first;
	size_t n_layers;
};
/* Inside a transaction: takes the rows out. After its commit, still under images.lock: the files. */
int store_garbage_rows(struct image_store *s, struct arena *a, struct store_garbage *ret, struct dv_err *e) DV_MUST_USE;
int store_garbage_files(struct image_stage *st, const struct store_garbage *g, struct dv_err *e) DV_MUST_USE;
