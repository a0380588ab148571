/* blobshow.h - progress of a copy: bars on a terminal, plain lines, or JSON lines, on standard error. */
#pragma once

#include "transfer/copy.h"

extern const char *const blobshow_modes[];      /* "auto", "plain", "json", "none" */

struct blobshow;

/* mode is one of blobshow_modes, or NULL for auto. */
struct blobshow *blobshow_new(const char *mode, bool quiet);
void blobshow_free(struct blobshow *b);
static inline void blobshow_auto_free(struct blobshow **b) { blobshow_free(*b); }
#define auto_blobshow __attribute__((cleanup(blobshow_auto_free)))
const struct copy_events *blobshow_events(struct blobshow *b);
