/* watch.h - how far a pull or a load is, layer by layer, for those who show it. */
#pragma once

#include "image/digest.h"

enum layer_step { LAYER_WAITING, LAYER_EXISTS, LAYER_DOWNLOADING, LAYER_EXTRACTING, LAYER_DONE };
const char *layer_step_name(enum layer_step step);      /* "downloading" */

/* Called from any thread, several at once. */
struct layer_watch {
	/* layer counts from 0 on; downloading and extracting again and again, as bytes come. blob is the diff id where
	 * the digest of the blob is not known before. */
	void (*layer)(void *ctx, size_t layer, const struct digest *blob, enum layer_step step, uint64_t done,
		      uint64_t total);
	void (*note)(void *ctx, const char *line);      /* may be NULL */
	void *ctx;
};
