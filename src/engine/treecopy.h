/* treecopy.h - files from one directory to another, by descriptor on both sides.
 *
 * No link is followed anywhere, no device is opened, and nothing is looked up by a path
 * that has more than one component: either side may be a container's that runs and is hostile.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define TREECOPY_DEPTH_MAX 1024

struct treecopy_options {
	bool keep_owner;        /* else uid and gid */
	uid_t uid;
	gid_t gid;
	bool keep_xattrs;
	bool one_filesystem;    /* what is mounted below comes as empty directories */
};

/* What `from` has goes into `to`: directories that are there already stay and are added to, files take the place of
 * files. CONFLICT where a directory would take the place of a file, or a file that of a directory. */
int tree_copy(int from_dir, int to_dir, const struct treecopy_options *o, struct dv_err *e) DV_MUST_USE;
/* The same for one entry, which gets the name to_name (a single component). */
int tree_copy_entry(int from_dir, const char *name, int to_dir, const char *to_name, const struct treecopy_options *o,
		    struct dv_err *e) DV_MUST_USE;
/* Owner, mode, times and xattrs of a directory itself. */
int tree_copy_attributes(int from_dir, int to_dir, const struct treecopy_options *o, struct dv_err *e) DV_MUST_USE;
/* chown of everything below and of the directory itself. */
int tree_chown(int dir, uid_t uid, gid_t gid, struct dv_err *e) DV_MUST_USE;
/* Bytes on disk of everything below. */
int tree_usage(int dir, uint64_t *ret, struct dv_err *e) DV_MUST_USE;
