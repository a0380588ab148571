/* stores.h - a connection to the image store for each job thread: a store belongs to one thread at a time. */
#pragma once

#include "image/image.h"

struct stores;

/* Opens one at once, so that a root that cannot be used is told now; n_max at the same time. */
int stores_new(const char *root, unsigned n_max, struct stores **ret, struct dv_err *e) DV_MUST_USE;
void stores_free(struct stores *s);
/* Any thread. The caller gives it back. */
int stores_take(struct stores *s, struct image_store **ret, struct dv_err *e) DV_MUST_USE;
void stores_give(struct stores *s, struct image_store *st);
