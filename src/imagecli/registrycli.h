/* registrycli.h - what the verbs of registry share. */
#pragma once

#include "ui/opt.h"

extern const struct verb registryverb_serve, registryverb_gc;

/* "90", "90s", "15m", "24h", "7d" in seconds. INVALID. */
int registry_seconds(const char *text, const char *what, struct opt_int *ret, struct dv_err *e) DV_MUST_USE;
