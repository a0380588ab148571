/* config.h - what the store itself reads of an image's configuration. */
#pragma once

#include "image/digest.h"
#include "json/json.h"

struct image_config {
	const struct json *tree;
	struct digest *diff_ids;        /* lowest layer first */
	size_t n_layers;
	const char *os, *arch, *variant;/* "" when absent */
	int64_t created;                /* seconds since 1970; 0 when absent or no time */
};

/* INVALID for what is no image configuration, LIMIT for too many layers. */
int image_config_parse(struct arena *a, const char *text, size_t len, struct image_config *ret, struct dv_err *e) DV_MUST_USE;
/* RFC 3339 to seconds since 1970; false when it is none. */
bool image_time_parse(const char *text, int64_t *ret);
