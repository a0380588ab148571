/* pstable.h - a table of processes as `ps -ef` prints it, read from /proc. */
#pragma once

#include <sys/types.h>

#include "base/mem.h"

/* Processes that end meanwhile are left out. */
int pstable_print(struct arena *a, const pid_t *pids, size_t n, struct dv_err *e) DV_MUST_USE;
