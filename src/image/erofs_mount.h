/* erofs_mount.h - erofs images mounted without a trace: detached, from a descriptor.
 *
 * Newer kernels mount a file as it is. Others need a loop device, which goes with
 * the mount. Which way works is found out by trying, never by version numbers.
 */
#pragma once

#include "base/err.h"

enum erofs_way { EROFS_BY_FILE, EROFS_BY_LOOP };
const char *erofs_way_name(enum erofs_way way);        /* "file", "loop" */

/* fd: a file with an image, open for reading. *ret_fd is its root; it goes when the descriptor and all
 * mounts made from it are gone. UNSUPPORTED where this kernel has no such way. */
int erofs_mount_by(enum erofs_way way, int fd, int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* The first way that works. UNSUPPORTED says why none does. */
int erofs_mount(int fd, enum erofs_way *ret_way, int *ret_fd, struct dv_err *e) DV_MUST_USE;
