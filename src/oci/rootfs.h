/* rootfs.h - the container's root: from a directory on the host to the "/" of a process. */
#pragma once

#include <stdbool.h>

#include "oci/mount.h"
#include "oci/spec.h"

/* A detached tree of the root directory, made with the rights of the caller; *ret_fd stays -1 (and 0 is
 * returned) where only the new mount namespace may. NOT_FOUND names a missing rootfs. */
int rootfs_open(const char *path, const char *propagation, int *ret_fd, struct dv_err *e) DV_MUST_USE;

/* --- in the new mount namespace, in this order --- */

/* Cut or keep the propagation of what was inherited, put the tree in place. *tree_fd is made by `path` when it is -1. */
int rootfs_enter(const char *path, const char *propagation, int *tree_fd, struct dv_err *e) DV_MUST_USE;
/* Default devices and those of linux.devices, links in /dev. bind_devices: nodes cannot be made here (user
 * namespace), the host's are bound instead. */
int rootfs_devices(int root_fd, const struct spec *s, bool bind_devices, struct dv_err *e) DV_MUST_USE;
/* maskedPaths and readonlyPaths. null_fd is from rootfs_host_null(). */
int rootfs_masks(int root_fd, const struct spec_linux *l, int null_fd, struct dv_err *e) DV_MUST_USE;
/* pivot_root, or with no_pivot chroot. The old root is gone afterwards. */
int rootfs_pivot(int root_fd, const char *propagation, bool no_pivot, struct dv_err *e) DV_MUST_USE;
/* linux.rootfsPropagation and root.readonly, after everything else: pivot_root refuses a shared root. */
int rootfs_finish(int root_fd, const struct spec *s, struct dv_err *e) DV_MUST_USE;

/* A descriptor of the host's null device, checked to be one; taken in the new mount namespace before the
 * container's tree is in place. */
int rootfs_host_null(int *ret_fd, struct dv_err *e) DV_MUST_USE;
