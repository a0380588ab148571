/* tarwalk.h - a directory tree as a tar: for export, commit and the builder.
 *
 * Everything is opened by descriptor below the directory and never followed, so a
 * tree that changes meanwhile cannot lead out of it. Names are sorted: the same tree
 * gives the same bytes. Sockets are left out, and so are the marks of overlayfs
 * (0:0 devices, its xattrs) unless they are asked for.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

struct tarwalk_options {
	bool one_filesystem;    /* directories other file systems are mounted on come without their content */
	bool no_xattrs;
	bool plain_names;       /* "etc/passwd", and nothing for the directory itself */
	bool whiteouts;         /* the tree is an overlay's upper directory: 0:0 devices and opaque directories become the
				 * whiteouts of a layer (".wh."). CORRUPT for one with redirects, which no layer can say */
};

#define TARWALK_DEPTH_MAX 1024

/* The tree below dirfd into out_fd, as "./", "./etc/", "./etc/passwd" and so on, with the end of the archive. `what`
 * names the output in errors. LIMIT for trees too deep, or paths too long. */
int tar_walk(int dirfd, int out_fd, const char *what, const struct tarwalk_options *o, struct dv_err *e) DV_MUST_USE;
/* The same for one entry of the directory, which is called `as` in the archive. */
int tar_walk_entry(int dirfd, const char *name, const char *as, int out_fd, const char *what, const struct tarwalk_options *o,
		   struct dv_err *e) DV_MUST_USE;
