/* unpack.h - apply a layer's tar to a directory of its own, in the form overlayfs wants below.
 *
 * Nothing outside the directory is read or changed, whatever the archive says:
 * parents are opened by openat2 inside the root, leaves are made exclusively and
 * never followed, device nodes are made and never opened. Whiteouts become 0:0
 * character devices, opaque markers an xattr.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/tar.h"

struct unpack_options {
	/* The layers below, uppermost first: where parent directories that the archive leaves out, and
	 * links on the way, are looked up. With blind they are not at hand: such an entry is UNAVAILABLE. */
	const int *lowers;
	size_t n_lowers;
	bool blind;
	bool rootless;          /* user.overlay.* xattrs, devices left out, owners kept as they are */
	uint64_t bytes_max;     /* of all files, holes included; 0: 1 TiB */
};

struct unpack_result {
	uint64_t bytes;         /* of the files */
	uint64_t entries;
	bool used_lowers;       /* parents were left out: the result depends on the layers below, or on their absence */
};

/* INVALID and LIMIT for archives that are refused; UNAVAILABLE only with blind. What was made until then
 * stays in the directory. */
int unpack_layer(struct tar_reader *r, int dirfd, const struct unpack_options *o, struct unpack_result *ret,
		 struct dv_err *e) DV_MUST_USE;
