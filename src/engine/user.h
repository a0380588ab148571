/* user.h - "USER[:GROUP]" by the passwd and group files of the container's own root. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"

struct user {
	uid_t uid;
	gid_t gid;
	gid_t *groups;          /* supplementary */
	size_t n_groups;
	const char *home;       /* "/" when the passwd file has none */
};

/* root_fd is the container's root, its files are foreign: nothing of them leads out of it. Names must be in
 * the files, numbers need not. */
int user_find(struct arena *a, int root_fd, const char *text, struct user *ret, struct dv_err *e) DV_MUST_USE;
