/* store_parts.h - what the files of the image store share. */
#pragma once

#include <pthread.h>

#include "image/manifest.h"
#include "image/store.h"

struct image_store {
	int rootfd;
	char *root;
	struct db *db;
};

/* --- stages --- */

struct staged {
	bool layer, done, placed;
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
	unsigned n, trash, trash_gone;
	int *held;                      /* descriptors with a shared lock */
	unsigned n_held;
	struct layer_choice choice;     /* of the driver; made when the first layer comes */
	bool chosen;
	struct stage_flush *flush;      /* NULL until there is much to write */
	uint64_t unflushed;             /* bytes since it was last asked to */
};

/* So many bytes of a layer came: what there is of the stage begins to be written. Any thread. */
void stage_flush_count(struct image_stage *st, size_t bytes);
/* Nothing more comes: waits for what runs. */
void stage_flush_end(struct image_stage *st);

/* Of the file or directory in the stage. */
void staged_name(unsigned no, char out[16]);
/* Where it goes; returns out. */
#define STORE_PATH_SIZE (16 + DIGEST_TEXT_SIZE)
const char *staged_path(const struct staged *x, char out[STORE_PATH_SIZE]);

/* --- locks and paths --- */

/* images.lock; unlocked by closing *ret_fd. */
int store_lock(struct image_store *s, int *ret_fd, struct dv_err *e) DV_MUST_USE;

/* "layers/HEX", "blobs/sha256/HEX" into out; returns out. */
const char *store_layer_path(const struct digest *name, char out[STORE_PATH_SIZE]);
const char *store_blob_path(const struct digest *d, char out[STORE_PATH_SIZE]);

/* Move a path of the root into the stage, to be deleted with it. Absent is success. */
int stage_trash(struct image_stage *st, const char *path, struct dv_err *e) DV_MUST_USE;
/* Delete what was moved there; without locks, because it may take long. */
int stage_empty(struct image_stage *st, struct dv_err *e) DV_MUST_USE;
/* Calls each() for every name in the directory but "." and "..". */
int store_dir_each(int rootfd, const char *path, int (*each)(void *ctx, const char *name, struct dv_err *e), void *ctx,
		   struct dv_err *e) DV_MUST_USE;
/* Whether a layer's path or a blob's digest is in the database, and not marked as damaged. */
int store_has_row(struct image_store *s, bool layer, const char *key, bool *ret, struct dv_err *e) DV_MUST_USE;
struct image_store *stage_store(struct image_stage *st);

/* "partial/ALG-HEX" */
const char *store_partial_path(const struct digest *d, char out[STORE_PATH_SIZE]);
/* The descriptor is of what has this name. */
bool store_same_file(int fd, int dirfd, const char *name);
/* A shared lock on a file or directory below the root, which stays as long as it is open. NOT_FOUND. */
int store_hold(const struct image_store *s, const char *path, int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* Turns the failure of a writer in a store that cannot be written into one that says so. Returns rc. */
int store_wrap_readonly(const struct image_store *s, int rc, struct dv_err *e);

/* --- file system calls that tests let fail --- */

int store_sync(int fd, const char *what, struct dv_err *e) DV_MUST_USE;
int store_sync_dir(const struct image_store *s, const char *path, struct dv_err *e) DV_MUST_USE;
int store_rename(int from_fd, const char *from, int to_fd, const char *to, struct dv_err *e) DV_MUST_USE;
/* Begins to write back what came since *begun, when that is much. */
void store_writeback(int fd, uint64_t *begun, uint64_t size);

/* --- blobs --- */

struct blob_meta;
/* INVALID unless they are equal. */
int digest_expect(const struct digest *have, const struct digest *want, struct dv_err *e) DV_MUST_USE;
/* The synced and verified file becomes the blob: a second link to it, then the row. The first link stays.
 * lockfd: through which the caller has it locked, or -1; a stage of m's makes the lock a shared one. */
int blob_place(struct image_store *s, const struct digest *d, int dirfd, const char *name, uint64_t size, int lockfd,
	       const struct blob_meta *m, struct dv_err *e) DV_MUST_USE;
/* Inside a transaction. NOT_FOUND when the blob has no row. */
int blob_meta_rows(struct image_store *s, const struct digest *d, const struct blob_meta *m, struct dv_err *e) DV_MUST_USE;

/* A transaction unless one is open; store_end() commits or rolls back ours, and returns rc when it is not. */
int store_begin(struct image_store *s, bool *ret_own, struct dv_err *e) DV_MUST_USE;
int store_end(struct image_store *s, bool own, int rc, struct dv_err *e) DV_MUST_USE;

/* --- what an image may leave behind --- */

struct orphan {
	struct orphan *next;
	const char *key;                /* "layers/HEX", or a blob's digest */
	const char *diff_id;            /* of layers */
	int64_t before;                 /* blobs: only one that came before */
	int fd;                         /* exclusively locked, or -1 */
	bool tried, held, lost, gone, moved;
};
struct orphans {
	struct arena *a;
	struct orphan *first, **end;
	unsigned n_locked;
};
void orphans_init(struct orphans *o, struct arena *a);
void orphans_done(struct orphans *o);
#define auto_orphans __attribute__((cleanup(orphans_done)))
/* diff_id only for layers. */
void orphans_add(struct orphans *o, const char *key, const char *diff_id, int64_t before);
/* What the image uses; what the name stands for beside its image. */
int orphans_of_image(struct image_store *s, struct orphans *o, const char *id, struct dv_err *e) DV_MUST_USE;
int orphans_of_name(struct image_store *s, struct orphans *o, const char *name, struct dv_err *e) DV_MUST_USE;

/* Under images.lock, in this order: parts are added and locked; inside the transaction that takes the image, rows of
 * what nothing refers to; after its commit the files, and in further transactions what was too much for one. */
int orphans_lock(struct image_store *s, struct orphans *o, struct dv_err *e) DV_MUST_USE;       /* without parts */
int orphans_prepare(struct image_store *s, struct orphans *o, struct dv_err *e) DV_MUST_USE;
int orphans_rows(struct image_store *s, struct orphans *o, struct dv_err *e) DV_MUST_USE;
int orphans_files(struct image_stage *st, struct orphans *o, struct dv_err *e) DV_MUST_USE;
int orphans_rest(struct image_stage *st, struct orphans *o, struct dv_err *e) DV_MUST_USE;

/* --- manifests --- */

/* Inside a transaction: the row of a stored manifest, and what it refers to. Known ones are left as they are. */
int manifest_row_add(struct image_store *s, const struct digest *d, const struct manifest_info *info,
		     struct dv_err *e) DV_MUST_USE;
struct manifest_row;
/* What a canonical name stands for beside or instead of an image: 1, or 0 when nothing. */
int manifest_name(struct image_store *s, struct arena *a, const char *name, struct manifest_row *ret,
		  struct dv_err *e) DV_MUST_USE;
