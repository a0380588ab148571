/* driver_dirs.c - layers as plain directories: for every kernel, and the default. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "image/driver_parts.h"

#define DEPTH_MAX 4096          /* of a tree that is walked; one descriptor for each level */

static int dirs_make(int dirfd, const char *name, const struct tar_source *src, const struct unpack_options *o,
		     struct unpack_result *ret, struct dv_err *e)
{
	auto_tar struct tar_reader *r = NULL;
	auto_close int fd = -1;

	/* A layer that says nothing about its root gets what a root directory usually has. */
	if (mkdirat(dirfd, name, 0755) < 0 || fchmodat(dirfd, name, 0755, 0) < 0)
		return dv_fail_errno(e, errno, "make layer directory");
	int rc = file_open(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e);
	if (rc == 0)
		rc = tar_reader_new(src, &r, e);
	return rc < 0 ? rc : unpack_layer(r, fd, o, ret, e);
}

static int dirs_open(int dirfd, const char *name, int *ret_fd, struct dv_err *e)
{
	return file_open(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd, e);
}

/* --- usage --- */

static int usage_at(int dirfd, const char *name, unsigned depth, uint64_t *sum, struct dv_err *e);

static int usage_below(DIR *d, unsigned depth, uint64_t *sum, struct dv_err *e)
{
	struct dirent *de;
	int rc = 0;

	if (depth > DEPTH_MAX)
		return dv_fail(e, DV_LIMIT, "the tree is deeper than %d", DEPTH_MAX);
	while (rc == 0 && (de = readdir(d)))
		if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
			rc = usage_at(dirfd(d), de->d_name, depth + 1, sum, e);
	return rc;
}

static int usage_at(int dirfd, const char *name, unsigned depth, uint64_t *sum, struct dv_err *e)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return dv_fail_errno(e, errno, "%s", name);
	/* Every name of a file with several carries its part. */
	*sum += (uint64_t)st.st_blocks * 512 / (S_ISDIR(st.st_mode) ? 1 : DV_MAX(st.st_nlink, 1));
	if (!S_ISDIR(st.st_mode))
		return 0;
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		int sys = errno;

		fd_close(&fd);
		return dv_fail_errno(e, sys, "read directory %s", name);
	}
	int rc = usage_below(d, depth, sum, e);
	(void)closedir(d);
	return rc;
}

static int dirs_usage(int dirfd, const char *name, uint64_t *ret, struct dv_err *e)
{
	uint64_t sum = 0;
	int rc = usage_at(dirfd, name, 0, &sum, e);

	if (rc == 0)
		*ret = sum;
	return rc;
}

/* A tree carries no checksum: it is there, or it is not. */
static int dirs_check(int dirfd, const char *name, const struct digest *diff_id, struct dv_err *e)
{
	auto_close int fd = -1;

	(void)diff_id;
	return dirs_open(dirfd, name, &fd, e);
}

const struct layer_driver layer_driver_dirs = {
	.name = "dirs", .type = S_IFDIR, .make = dirs_make, .open = dirs_open, .usage = dirs_usage, .check = dirs_check,
};
