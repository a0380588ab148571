/* unpack_meta.c - owners, modes, times and extended attributes of unpacked files.
 *
 * Files are reached by their descriptor, everything else by name below a
 * directory descriptor without following. The order matters: chown clears setuid
 * bits and capabilities, so it comes first.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/unpack_parts.h"

/* --- extended attributes --- */

bool unpack_xattr_wanted(const char *name, bool plain)
{
	if (str_starts(name, "trusted.overlay.") || str_starts(name, "user.overlay."))
		return false;
	if (str_starts(name, "user."))
		return plain;
	return str_starts(name, "trusted.") || streq(name, "security.capability") ||
	       streq(name, "system.posix_acl_access") || streq(name, "system.posix_acl_default");
}

/* /proc/self/fd/DIR/NAME: the directory is ours, the name is not followed. */
static char *proc_path(int dirfd, const char *name)
{
	return mem_printf("/proc/self/fd/%d/%s", dirfd, name);
}

static int xattr_set(int fd, const char *path, const struct tar_xattr *x, struct dv_err *e)
{
	int rc = fd >= 0 ? fsetxattr(fd, x->name, x->value, x->len, 0)
			 : lsetxattr(path, x->name, x->value, x->len, 0);

	/* A file system without them, and names it reserves, lose them as with other engines. */
	if (rc < 0 && errno != ENOTSUP && errno != EPERM)
		return dv_fail_errno(e, errno, "set xattr %.64s", x->name);
	return 0;
}

static int xattrs_set(const struct tar_entry *t, int dirfd, const char *name, int fd, struct dv_err *e)
{
	bool plain = t->type == TAR_FILE || t->type == TAR_DIR;

	if (t->n_xattrs == 0)
		return 0;
	auto_free char *path = fd < 0 ? proc_path(dirfd, name) : NULL;
	for (size_t i = 0; i < t->n_xattrs; i++) {
		if (!unpack_xattr_wanted(t->xattrs[i].name, plain))
			continue;
		if (t->type == TAR_DIR && streq(t->xattrs[i].name, UNPACK_ACL_DEFAULT))
			continue;
		int rc = xattr_set(fd, path, &t->xattrs[i], e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int unpack_opaque(const struct unpack *u, int dirfd, const char *name, struct dv_err *e)
{
	auto_free char *path = proc_path(dirfd, name);
	const char *xattr = u->o->rootless ? "user.overlay.opaque" : "trusted.overlay.opaque";

	if (lsetxattr(path, xattr, "y", 1, 0) < 0)
		return dv_fail_errno(e, errno, "mark directory opaque");
	return 0;
}

/* --- default ACLs --- */

const struct tar_xattr *unpack_acl_default(const struct tar_entry *t)
{
	const struct tar_xattr *x = NULL;

	for (size_t i = 0; i < t->n_xattrs; i++)
		if (streq(t->xattrs[i].name, UNPACK_ACL_DEFAULT))
			x = &t->xattrs[i];
	return x;
}

size_t unpack_acl_default_of(int dirfd, char out[UNPACK_ACL_MAX])
{
	auto_free char *path = mem_printf("/proc/self/fd/%d", dirfd);
	ssize_t n = getxattr(path, UNPACK_ACL_DEFAULT, out, UNPACK_ACL_MAX);

	return n > 0 ? (size_t)n : 0;
}

int unpack_acl_default_set(int dirfd, const char *name, const void *acl, size_t len, struct dv_err *e)
{
	auto_free char *path = proc_path(dirfd, name);
	const struct tar_xattr x = { UNPACK_ACL_DEFAULT, acl, len };

	return xattr_set(-1, path, &x, e);
}

/* --- owners, modes, times --- */

/* What was just made has the wanted owner and mode most of the time; a look is several times as cheap as setting them
 * again. */
static int owner_mode_set(const struct unpack *u, const struct tar_entry *t, int dirfd, const char *name, int fd,
			  struct dv_err *e)
{
	struct stat st;
	bool by_fd = fd >= 0, owner;

	if ((by_fd ? fstat(fd, &st) : fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW)) < 0)
		return dv_fail_errno(e, errno, "stat");
	owner = !u->o->rootless && (st.st_uid != t->uid || st.st_gid != t->gid);
	if (owner && (by_fd ? fchown(fd, t->uid, t->gid) : fchownat(dirfd, name, t->uid, t->gid, AT_SYMLINK_NOFOLLOW)) < 0)
		return dv_fail_errno(e, errno, "chown");
	/* chown may have cleared bits. The name was made by us a moment ago and nobody else works here: without a
	 * descriptor, fchmodat of what is no link cannot meet one. */
	if (t->type == TAR_SYMLINK || (!owner && (st.st_mode & 07777) == t->mode))
		return 0;
	if ((by_fd ? fchmod(fd, t->mode) : fchmodat(dirfd, name, t->mode, 0)) < 0)
		return dv_fail_errno(e, errno, "chmod");
	return 0;
}

int unpack_meta(const struct unpack *u, const struct tar_entry *t, int dirfd, const char *name, int fd,
		struct dv_err *e)
{
	const struct timespec times[2] = { { t->mtime_s, t->mtime_ns }, { t->mtime_s, t->mtime_ns } };
	int rc = owner_mode_set(u, t, dirfd, name, fd, e);

	if (rc < 0)
		return rc;
	rc = xattrs_set(t, dirfd, name, fd, e);
	if (rc < 0 || t->type == TAR_DIR)
		return rc;
	if ((fd >= 0 ? futimens(fd, times) : utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW)) < 0)
		return dv_fail_errno(e, errno, "set time");
	return 0;
}

/* --- from a layer below --- */

static int xattrs_copy(int from_fd, int dirfd, const char *name, struct dv_err *e)
{
	auto_free char *names = mem_alloc(2 * UNPACK_ACL_MAX);
	char *value = names + UNPACK_ACL_MAX;
	auto_free char *from = mem_printf("/proc/self/fd/%d", from_fd);
	auto_free char *to = proc_path(dirfd, name);
	ssize_t len = listxattr(from, names, UNPACK_ACL_MAX);

	for (const char *p = names; len > 0 && p < names + len; p += strlen(p) + 1) {
		ssize_t n = unpack_xattr_wanted(p, true) && !streq(p, UNPACK_ACL_DEFAULT) ? getxattr(from, p, value, UNPACK_ACL_MAX) : -1;
		const struct tar_xattr x = { p, value, n < 0 ? 0 : (size_t)n };
		int rc = n < 0 ? 0 : xattr_set(-1, to, &x, e);

		if (rc < 0)
			return rc;
	}
	return 0;
}

int unpack_meta_copy(const struct unpack *u, int from_fd, int dirfd, const char *name, struct dv_err *e)
{
	struct stat st;

	if (fstat(from_fd, &st) < 0)
		return dv_fail_errno(e, errno, "stat directory of a layer below");
	const struct tar_entry t = { .type = TAR_DIR, .mode = st.st_mode & 07777, .uid = st.st_uid, .gid = st.st_gid };
	int rc = unpack_meta(u, &t, dirfd, name, -1, e);
	return rc < 0 ? rc : xattrs_copy(from_fd, dirfd, name, e);
}
