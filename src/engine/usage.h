/* usage.h - how much a container has written. */
#pragma once

#include "engine/ctr.h"

/* Bytes of the files in its own layer; 0 when there are none. */
uint64_t usage_of_container(struct engine *g, struct arena *a, const char *id);
/* That, and with the size of its image; the same when the image is gone. */
void usage_sizes(struct engine *g, struct arena *a, const struct ctr *c, uint64_t *ret_own, uint64_t *ret_all);
