/* check.h - whether everything in the store is what it says; and putting right what can be.
 *
 * Every blob's size and digest, every row's file and every file's row, manifests and what they refer
 * to, diff ids, and each layer against the tar of its blob: names, types, modes, owners, times,
 * attributes and content. Layers and blobs are read on several threads. Repair makes layers again from their
 * blobs, drops what is half made, and marks what cannot be put right.
 *
 * Layers are compressed, and this module has no decompressor: the caller brings one.
 */
#pragma once

#include "image/digest.h"
#include "image/image.h"
#include "image/tar.h"

/* A plain stream of a compressed one; *ret_ctx is given to done(). in outlives it. */
struct check_inflate {
	int (*begin)(const struct tar_source *in, struct tar_source *ret, void **ret_ctx, struct dv_err *e);
	void (*done)(void *ctx);
};

struct check_options {
	bool repair;
	unsigned threads;                       /* 0: one per core */
	const struct check_inflate *inflate;
	/* Called in the caller's thread after each blob and layer; may be NULL. */
	void (*progress)(void *ctx, uint64_t done_bytes, uint64_t all_bytes);
	void *ctx;
};

struct check_problem {
	const char *what;                       /* "blob", "layer", "manifest", "row", "file", "name" */
	const char *name;                       /* digest or path */
	const char *text;                       /* one line: what is wrong, the first of several */
	bool repaired;
	const char **images;                    /* names (or ids) that suffer, NULL-terminated */
};
struct check_result {
	struct check_problem *v;
	size_t n, n_repaired;
	uint64_t blobs, layers, files, bytes;   /* looked at */
	bool blobs_only;                        /* a store that cannot be written: files of layers were not compared */
};
/* 0 also when there are problems: look at ret->n. */
int image_check(struct image_store *s, const struct check_options *o, struct arena *a, struct check_result *ret,
		struct dv_err *e) DV_MUST_USE;
