/* self.h - no container may get hold of a writable runtime program. */
#pragma once

#include "base/err.h"

/* Runs this program again from a read-only copy of its own mount (once), so that /proc/PID/exe, seen from a
 * container, cannot be opened for writing. Without the right to mount: from a sealed copy in memory. */
int self_protect(struct dv_err *e) DV_MUST_USE;
/* Keeps argc and argv for it; called first in main. */
void self_remember(char **argv);
