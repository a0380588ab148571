/* store.h - putting images into the store: staging and publishing, for load, pull, commit and build.
 *
 * Work happens in a directory of one's own in tmp/, locked while its owner lives.
 * Publishing syncs, renames everything into place and records it in one
 * transaction, under the store's lock; until then nobody sees anything, and what a
 * killed owner leaves is removed by the next one who stages.
 *
 * Order of locks: images.lock, then engine.db.lock.
 */
#pragma once

#include "image/digest.h"
#include "image/driver.h"
#include "image/image.h"

#define IMAGE_LAYERS_MAX 500
#define IMAGE_CONFIG_MAX ((size_t)8 << 20)
#define IMAGE_MANIFEST_MAX ((size_t)4 << 20)

struct image_stage;

/* Also removes what dead owners left. */
int image_stage_open(struct image_store *s, struct image_stage **ret, struct dv_err *e) DV_MUST_USE;
/* Removes everything that was not published. */
void image_stage_close(struct image_stage *st);
static inline void image_stage_auto_close(struct image_stage **st) { image_stage_close(*st); }
#define auto_stage __attribute__((cleanup(image_stage_auto_close)))

/* The stage's own directory, for files without a name. */
int image_stage_dirfd(const struct image_stage *st);

/* A new file for a blob; write it, then hand it over with its digest. fd stays the caller's.
 * These calls may come from several threads, each with its own number. */
int image_stage_blob(struct image_stage *st, unsigned *ret_no, int *ret_fd, struct dv_err *e) DV_MUST_USE;
int image_stage_blob_done(struct image_stage *st, unsigned no, const struct digest *d, uint64_t size,
			  struct dv_err *e) DV_MUST_USE;
/* The whole of it. */
int image_stage_bytes(struct image_stage *st, const struct digest *d, const void *data, size_t len,
		      struct dv_err *e) DV_MUST_USE;
/* A layer from the plain tar, by the driver that is asked for where it works here (driver.h), else by
 * `dirs`. The source is read to its end, also when the outcome is UNAVAILABLE (o->blind). */
int image_stage_layer_make(struct image_stage *st, const struct tar_source *src, const struct unpack_options *o,
			   unsigned *ret_no, struct unpack_result *ret, struct dv_err *e) DV_MUST_USE;
/* A new empty directory to be filled as a layer; name it when it is complete. */
int image_stage_layer(struct image_stage *st, unsigned *ret_no, int *ret_fd, struct dv_err *e) DV_MUST_USE;
int image_stage_layer_done(struct image_stage *st, unsigned no, const struct digest *name,
			   const struct digest *diff_id, uint64_t size, struct dv_err *e) DV_MUST_USE;
/* How the directory holds the layer, a constant: without this call it is "dirs", the files themselves. */
void image_stage_layer_driver(struct image_stage *st, unsigned no, const char *driver);

/* What the store has already (not what is staged). The answer may be out of date by the time of
 * publishing, which then says CONFLICT. */
int image_store_has_blob(struct image_store *s, const struct digest *d, bool *ret, struct dv_err *e) DV_MUST_USE;
/* Size and diff id of a layer's blob that is stored; NOT_FOUND, also when the blob is no layer's. */
int image_store_blob_layer(struct image_store *s, const struct digest *d, uint64_t *ret_size,
			   struct digest *ret_diff_id, struct dv_err *e) DV_MUST_USE;
int image_store_has_layer(struct image_store *s, const struct digest *name, bool *ret, struct dv_err *e) DV_MUST_USE;
/* Keep a blob or a layer of the store until the stage is closed: one that is held is not removed by others, so that
 * publishing finds it. NOT_FOUND. [any thread, as the calls above] */
int image_stage_hold_blob(struct image_stage *st, const struct digest *d, struct dv_err *e) DV_MUST_USE;
int image_stage_hold_layer(struct image_stage *st, const struct digest *name, struct dv_err *e) DV_MUST_USE;
/* The tree of a layer, staged or stored (layer_open). NOT_FOUND. */
int image_stage_layer_open(struct image_stage *st, const struct digest *name, int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* A blob of the store, for reading. NOT_FOUND. */
int image_store_blob_open(struct image_store *s, const struct digest *d, int *ret_fd, struct dv_err *e) DV_MUST_USE;

struct image_record_layer {
	struct digest dir;              /* the name of its directory: diff id, or chain id when it depends on those below */
	struct digest diff_id;
	struct digest blob;
	uint64_t blob_size;
	const char *media_type;
};
struct image_record {
	struct digest id, manifest;     /* both are blobs */
	const char *config;
	size_t config_len;
	int64_t created;
	const struct image_record_layer *layers;
	size_t n_layers;
	const char *const *names;       /* canonical, NULL-terminated */
	/* What follows may be left 0. */
	const struct digest *indexes;   /* it was pulled through these, outermost first: blobs that stay with it, and
					 * the names stand for the first of them */
	size_t n_indexes;
	const char *const *digests;     /* "docker.io/library/x@sha256:HEX", NULL-terminated: resolve finds them */
};
/* All records become visible together; names move here from other images. CONFLICT when a layer or blob
 * that was there when asked has been removed meanwhile: load again. */
int image_publish(struct image_stage *st, const struct image_record *recs, size_t n, struct dv_err *e) DV_MUST_USE;
