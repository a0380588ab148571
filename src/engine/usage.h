/* usage.h - how much a container has written. */
#pragma once

#include "engine/engine.h"

/* Bytes of the files in its own layer; 0 when there are none. */
uint64_t usage_of_container(struct engine *g, struct arena *a, const char *id);
