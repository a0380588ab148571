/* untar.h - a tar into a directory that others may be working in: cp - CTR:PATH, volume import.
 *
 * Nothing outside the directory is touched: parents are opened by openat2 below it without following links (a link on
 * the way is an error, as in docker), leaves are made exclusively. No whiteouts: names are names.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct untar_options {
	bool keep_owner;        /* as the archive says; else uid and gid */
	uid_t uid;
	gid_t gid;
	const char *rename_from, *rename_to;    /* the first component of every path; NULL: as it is */
	bool no_devices;
};

/* The plain archive that fd gives, to its end. INVALID for a malformed one, CONFLICT as in treecopy.h. */
int untar(int dir, int fd, const char *what, const struct untar_options *o, struct dv_err *e) DV_MUST_USE;
