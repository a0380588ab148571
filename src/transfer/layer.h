/* layer.h - one layer into a stage: hash, decompress, hash, unpack, in one pass. */
#pragma once

#include "image/store.h"
#include "transfer/archive.h"
#include "transfer/compress.h"
#include "transfer/watch.h"

struct layer_job {
	/* what is wanted */
	const char *member;             /* in the archive */
	struct digest blob;             /* of the member; alg NONE: not known before (docker archives) */
	bool check_size;
	uint64_t size;                  /* of the member, when check_size */
	struct digest diff_id;
	struct digest chain;            /* chain id up to here */
	size_t no;                      /* for watch */
	const struct layer_watch *watch;/* of layer_run(); NULL: nobody looks */
	/* what became of it */
	struct digest dir;              /* the name of its directory; alg NONE: not unpacked yet */
	uint64_t blob_size;
	bool has_blob;                  /* staged or stored */
	bool from_store;                /* read there: verified long ago, and not hashed again */
	enum compression kind;
	bool wants_lowers;              /* unpacking has to wait for the layers below */
};

/* The directory names a layer can have. */
void layer_names(const struct layer_job *j, struct digest *ret_alone, struct digest *ret_dependent);

/* Descriptors of the layers below, uppermost first; blind when they are not at hand, then the outcome
 * may be wants_lowers. */
struct layer_below {
	const int *fds;
	size_t n;
	bool blind;
	void (*give_up)(void *ctx);     /* called on failure, to wake a source that waits; may be NULL */
	void *ctx;
};

/* The layer's stream as it came, compressed or not, whose digest is the caller's matter. Any thread. INVALID
 * when it is not the diff id. The stream is read to its end unless it fails. */
int layer_apply(struct layer_job *j, const struct tar_source *in, struct image_stage *st, const struct layer_below *below,
		struct dv_err *e) DV_MUST_USE;

/* Tells j's watch. */
void layer_tell(const struct layer_job *j, enum layer_step step, uint64_t done, uint64_t total);

/* A member of an archive, as blob and as layer; or the blob that the store has of it. Any thread. */
int layer_run(struct layer_job *j, const struct image_store *s, struct archive *ar, struct image_stage *st,
	      const int *lowers, size_t n_lowers, bool blind, struct dv_err *e) DV_MUST_USE;
