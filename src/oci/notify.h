/* notify.h - sd_notify: a container tells the service manager of its runtime that it is ready.
 *
 * The manager's own socket is never given away. The container sees a directory of its state with another socket
 * in it; what arrives there is sent on, and only that the service is ready.
 */
#pragma once

#include <sys/types.h>

#include "base/mem.h"
#include "oci/spec.h"

/* Makes the directory (when `make`) and binds the socket in it anew. NOT_FOUND: the container was made without. */
int notify_bind(int state_dir, bool make, int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* Adds the mount of STATE_DIR/notify and NOTIFY_SOCKET to a decoded configuration. */
void notify_configure(struct arena *a, const char *state_dir, struct spec *s);
/* Until the service says READY=1, which is sent on to `host` (a path, or "@" and an abstract name) with MAINPID of
 * `pid` unless that is 0; or until the process behind pidfd ends. */
int notify_relay(int fd, int pidfd, pid_t pid, const char *host, struct dv_err *e) DV_MUST_USE;
