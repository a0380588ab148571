/* file.h - files by directory descriptor and name.
 *
 * AT_FDCWD is accepted as dirfd. Errors name the file. Writers of state use
 * file_replace(): a reader sees the old content or the new, also after a crash.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fd.h"

/* openat with close-on-exec; NOT_FOUND, EXISTS, FORBIDDEN as errno says. */
int file_open(int dirfd, const char *name, int flags, mode_t mode, int *ret_fd, struct dv_err *e) DV_MUST_USE;

/* How far a path from outside may go; combine with |. */
enum file_how {
	FILE_BENEATH = 1,       /* never leaves dirfd: absolute paths and ".." out of it fail */
	FILE_IN_ROOT = 2,       /* dirfd is "/": absolute links and ".." stay inside */
	FILE_NO_LINKS = 4,      /* no symbolic link anywhere on the way */
	FILE_NO_XDEV = 8,       /* no mount point on the way */
};
/* openat2(2); magic links are always refused. FORBIDDEN when the path leaves its root,
 * INVALID for a refused link, UNSUPPORTED on kernels before 5.6. */
int file_open_how(int dirfd, const char *name, int flags, mode_t mode, enum file_how how, int *ret_fd,
		  struct dv_err *e) DV_MUST_USE;

/* The whole file; LIMIT past b's maximum. */
int file_read(int dirfd, const char *name, struct buf *b, struct dv_err *e) DV_MUST_USE;
/* A small text that the kernel makes (/proc, /sys): one read(2) gives all of it. LIMIT when it fills out;
 * out is NUL-terminated. Returns the length. */
int file_read_kernel(int dirfd, const char *name, char *out, size_t size, struct dv_err *e) DV_MUST_USE;
/* One write(2) to an existing file (a cgroup or proc file). */
int file_write(int dirfd, const char *name, const char *text, struct dv_err *e) DV_MUST_USE;
/* Temporary file, write, rename over name; with sync also fsync of file and directory.
 * The umask applies to mode. */
int file_replace(int dirfd, const char *name, mode_t mode, const void *data, size_t len, bool sync,
		 struct dv_err *e) DV_MUST_USE;

/* mkdir -p below dirfd: each component is made and opened without following links
 * (O_NOFOLLOW), so a racing link is an error and never a way out. EXISTS when a component is no
 * directory; ".." is INVALID. *ret_fd is an O_PATH descriptor; ret_fd may be NULL. */
int file_mkdirs(int dirfd, const char *path, mode_t mode, int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* rm -rf of name in dirfd: does not follow links, does not cross mounts (also not bind mounts: CONFLICT).
 * Any depth with a bounded number of descriptors. Absent is success. */
int file_remove_tree(int dirfd, const char *name, struct dv_err *e) DV_MUST_USE;
/* A directory (no link to one) that can be read and has no entry. */
bool file_is_empty_dir(int dirfd, const char *path);

/* flock; exclusive or shared. CONFLICT when busy and wait is false. Unlocks on close. */
int file_lock(int fd, bool exclusive, bool wait, const char *what, struct dv_err *e) DV_MUST_USE;

/* The link's target (arena-free: caller frees). */
int file_readlink(int dirfd, const char *name, char **ret, struct dv_err *e) DV_MUST_USE;
