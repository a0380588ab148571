/* tarwalk.h - a directory tree as a tar: for export, commit and the builder.
 *
 * Everything is opened by descriptor below the directory and never followed, so a
 * tree that changes meanwhile cannot lead out of it. Names are sorted: the same tree
 * gives the same bytes. Sockets are left out, and so are the marks of overlayfs
 * (0:0 devices, its xattrs).
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

struct tarwalk_options {
	bool one_filesystem;    /* directories other file systems are mounted on come without their content */
	bool no_xattrs;
};

#define TARWALK_DEPTH_MAX 1024

/* The tree below dirfd into out_fd, as "./", "./etc/", "./etc/passwd" and so on, with the end of the archive. `what`
 * names the output in errors. LIMIT for trees too deep, or paths too long. */
int tar_walk(int dirfd, int out_fd, const char *what, const struct tarwalk_options *o, struct dv_err *e) DV_MUST_USE;
