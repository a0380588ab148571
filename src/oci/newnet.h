/* newnet.h - the container's network namespace, made by a thread while the runtime does other things.
 *
 * It is the one dear namespace: as much work for the kernel as all others together. The thread sends it over the
 * sync socket (SYNC_NET), with its loopback interface up, and ends; the container's process joins it.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/* At most one at a time. `sock` is the runtime's end. False where it cannot be done: then the namespace is made by
 * clone. */
bool newnet_begin(int sock);
/* Until the thread has sent its message, so that the next one comes after it. */
void newnet_wait(void);
/* In the container's process. */
int newnet_join(int sock, struct dv_err *e) DV_MUST_USE;
