/* self.h - no container may get hold of a writable runtime program. */
#pragma once

#include "base/err.h"

/* Runs this program again from a read-only copy of its own mount (once), so that /proc/PID/exe, seen from a
 * container, cannot be opened for writing. Without the right to mount: from a sealed copy in memory. */
int self_protect(struct dv_err *e) DV_MUST_USE;
/* Keeps argv for it; called first in main. */
void self_remember(char **argv);
/* Lets go of the mount the program runs from. Whoever does that last waits for a grace period of the kernel, so it is
 * called while there is nothing else to do: by the runtime when it waits for the container's process, and before that
 * by the process itself. Who closes descriptors that it does not know calls this first. */
void self_release(void);
