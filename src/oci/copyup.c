/* copyup.c - copy a directory's content into a fresh tmpfs (tmpcopyup).
 *
 * Everything goes by descriptor and name, no link is followed and no device opened, since
 * the content is the image's.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "base/str.h"
#include "oci/mount.h"

#define COPY_DEPTH_MAX 256
#define XATTR_BYTES_MAX 65536

static int copy_dir(int from, int to, int depth, struct dv_err *e);

static int copy_xattrs(int from, int to, const char *name, struct dv_err *e)
{
	auto_free char *list = mem_alloc(XATTR_BYTES_MAX), *value = mem_alloc(XATTR_BYTES_MAX);
	ssize_t n = flistxattr(from, list, XATTR_BYTES_MAX);

	for (char *p = list; n > 0 && p < list + n; p += strlen(p) + 1) {
		ssize_t len = fgetxattr(from, p, value, XATTR_BYTES_MAX);

		if (len >= 0 && fsetxattr(to, p, value, (size_t)len, 0) < 0 && errno != EOPNOTSUPP && errno != EPERM)
			return dv_fail_errno(e, errno, "copy attribute %s of %s", p, name);
	}
	return 0;
}

static int copy_owner_mode(int fd, const struct stat *st, const char *name, struct dv_err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0 || futimens(fd, times) < 0)
		return dv_fail_errno(e, errno, "copy owner and mode of %s", name);
	return 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st, struct dv_err *e)
{
	auto_close int from = -1, to = -1;
	struct stat now;
	int r;

	if ((r = file_open(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0, &from, e)) < 0)
		return r;
	if (fstat(from, &now) < 0 || !S_ISREG(now.st_mode))
		return dv_fail(e, DV_CONFLICT, "copy %s: it changes while it is copied", name);
	if ((r = file_open(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, &to, e)) < 0)
		return r;
	for (;;) {
		ssize_t n = sendfile(to, from, NULL, 1 << 20);

		if (n < 0)
			return dv_fail_errno(e, errno, "copy %s", name);
		if (n == 0)
			break;
	}
	r = copy_xattrs(from, to, name, e);
	return r < 0 ? r : copy_owner_mode(to, st, name, e);
}

static int copy_subdir(int from_dir, int to_dir, const char *name, const struct stat *st, int depth,
		       struct dv_err *e)
{
	auto_close int from = -1, to = -1;
	int r;

	if (mkdirat(to_dir, name, 0700) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make directory %s", name);
	if ((r = file_open(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &from, e)) < 0 ||
	    (r = file_open(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &to, e)) < 0 ||
	    (r = copy_dir(from, to, depth + 1, e)) < 0 || (r = copy_xattrs(from, to, name, e)) < 0)
		return r;
	return copy_owner_mode(to, st, name, e);
}

static int copy_special(int from_dir, int to_dir, const char *name, const struct stat *st, struct dv_err *e)
{
	if (S_ISLNK(st->st_mode)) {
		auto_free char *to = NULL;
		int r = file_readlink(from_dir, name, &to, e);

		if (r < 0)
			return r;
		if (symlinkat(to, to_dir, name) < 0)
			return dv_fail_errno(e, errno, "copy link %s", name);
	} else if (mknodat(to_dir, name, st->st_mode, st->st_rdev) < 0) {
		return dv_fail_errno(e, errno, "copy %s", name);
	}
	if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return dv_fail_errno(e, errno, "copy owner of %s", name);
	return 0;
}

static int copy_entry(int from, int to, const char *name, int depth, struct dv_err *e)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return dv_fail_errno(e, errno, "copy %s", name);
	if (S_ISDIR(st.st_mode))
		return copy_subdir(from, to, name, &st, depth, e);
	if (S_ISREG(st.st_mode))
		return copy_file(from, to, name, &st, e);
	return copy_special(from, to, name, &st, e);
}

static int copy_dir(int from, int to, int depth, struct dv_err *e)
{
	int copy, r = 0;
	struct dirent *de;
	DIR *d;

	if (depth > COPY_DEPTH_MAX)
		return dv_fail(e, DV_LIMIT, "copy: more than %d levels deep", COPY_DEPTH_MAX);
	r = file_open(from, ".", O_RDONLY | O_DIRECTORY, 0, &copy, e);
	if (r < 0)
		return r;
	d = fdopendir(copy);
	if (!d) {
		(void)close(copy);
		return dv_fail_errno(e, errno, "read a directory");
	}
	while (r >= 0 && (de = readdir(d)))
		if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
			r = copy_entry(from, to, de->d_name, depth, e);
	(void)closedir(d);
	return r;
}

int mount_copy_up(int from_dir, int to_dir, struct dv_err *e)
{
	int r = copy_dir(from_dir, to_dir, 0, e);

	return r < 0 ? dv_wrap(e, "tmpcopyup") : 0;
}
