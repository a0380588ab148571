/* check_parts.h - what the files of the check share: jobs, and the comparison of trees. */
#pragma once

#include "image/check.h"
#include "image/store_parts.h"

/* One blob to be read, and the layer that is made of it. Filled in by the store's thread, worked on by any. */
struct check_job {
	struct check_job *next;
	const struct check *c;
	struct digest digest;
	uint64_t size;                          /* as the row says */
	struct digest diff_id;                  /* alg 0: no layer, or not known */
	const char *dir;                        /* "layers/HEX" to be compared with it, or NULL */
	const char *driver;
	const char *const *lowers;              /* directories below, uppermost first */
	size_t n_lowers;
	unsigned no;
	char blob_text[300], layer_text[300];   /* what is wrong; "" when nothing */
	bool blob_lost;                         /* the bytes are not those of the digest, or not there */
	uint64_t files;
};
struct check {
	struct image_store *s;
	const struct check_options *o;
	struct image_stage *st;                 /* NULL in a store that cannot be written: layers are not compared */
	uint64_t all_bytes, done_bytes;
	struct check_job *first, **end;
	size_t n;
};

/* The whole job, on any thread. What is wrong is in its texts; the result is for what keeps it from being known. */
int check_job_run(void *job, struct dv_err *e) DV_MUST_USE;
/* The layer made from its blob by its driver, as a name in the stage. */
int check_job_make(const struct check_job *j, const struct layer_driver *d, const char *name, struct dv_err *e) DV_MUST_USE;

/* Two trees: names, types, modes, owners, times, attributes, links and content. 0, or 1 with the first difference
 * in text; files counts. */
int check_trees(int want, int have, uint64_t *files, char *text, size_t size, struct dv_err *e) DV_MUST_USE;
