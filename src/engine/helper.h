/* helper.h - a short-lived process of our own, for what must be done in another mount namespace: its descriptors come here. */
#pragma once

#include <stddef.h>

#include "base/err.h"

#define HELPER_FDS_MAX 4

/* In the process. It may change whatever belongs to it; ret has room for HELPER_FDS_MAX, filled with -1. */
typedef int helper_fn(const void *ctx, int *ret, struct dv_err *e);
/* Runs fn in a new process (flags: CLONE_NEWNS or 0) and gets n descriptors of it. The error is its own. */
int helper_run(unsigned flags, helper_fn *fn, const void *ctx, int *ret, size_t n, struct dv_err *e) DV_MUST_USE;
