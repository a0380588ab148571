/* user.h - "USER[:GROUP]" by the passwd and group files of the container's own root. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
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
/* --group-add: names of the container's group file, numbers, or "keep-groups" for our own. */
int user_add_groups(struct arena *a, int root_fd, const char *const *groups, struct user *u, struct dv_err *e) DV_MUST_USE;

struct run_request;
/* `passwd` and `group` of the container with the lines that flags add, written into dir_fd: only where flags ask for
 * that (passwd_wanted()). */
bool passwd_wanted(const struct run_request *q);
int passwd_write(struct arena *a, int dir_fd, int root_fd, const struct run_request *q, const struct user *u,
		 struct dv_err *e) DV_MUST_USE;
/* A file of the container's own root into b, which stays empty when it is missing. A pipe, a device or a link out of the
 * root is refused. */
int user_read_inside(int root_fd, const char *path, struct buf *b, struct dv_err *e) DV_MUST_USE;
#define USER_FILE_MAX ((size_t)4 << 20)
