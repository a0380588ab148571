/* unpack.c - apply a layer's entries, one kind after the other.
 *
 * A leaf is made with O_EXCL (or mkdir, symlink, link, mknod, which never replace);
 * only when something is there already is it removed and made again, so that the
 * last of several entries with one name wins and nothing is ever opened that was
 * not made here.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "image/unpack_parts.h"

/* --- leaves --- */

/* Make the leaf; returns 0 or an errno. */
static int leaf_make(struct unpack *u, const struct tar_entry *t, int dirfd, int *ret_fd)
{
	char target[TAR_PATH_MAX + 1];
	const mode_t mode = t->mode & 0777;     /* mostly all that is to be said about it, see unpack_meta() */
	char *slash;
	int rc = 0, fd;

	switch (t->type) {
	case TAR_FILE:
		fd = openat(dirfd, u->leaf, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		if (fd < 0)
			return errno;
		*ret_fd = fd;
		return 0;
	case TAR_DIR:
		rc = mkdirat(dirfd, u->leaf, mode);
		break;
	case TAR_SYMLINK:
		rc = symlinkat(t->link, dirfd, u->leaf);
		break;
	case TAR_CHAR:
	case TAR_BLOCKDEV:
		rc = mknodat(dirfd, u->leaf, (t->type == TAR_CHAR ? S_IFCHR : S_IFBLK) | mode,
			     makedev(t->major, t->minor));
		break;
	case TAR_FIFO:
		rc = mkfifoat(dirfd, u->leaf, mode);
		break;
	case TAR_HARDLINK:
		if (unpack_clean(t->link, target, NULL) < 0 || !*target)
			return EINVAL;
		slash = strrchr(target, '/');
		if (slash)
			*slash = '\0';
		/* The target is of this layer: looked up inside the root, its leaf not followed. */
		if (file_open_how(u->rootfd, slash ? target : ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
				  FILE_IN_ROOT | FILE_NO_XDEV, &fd, NULL) < 0)
			return ENOENT;
		rc = linkat(fd, slash ? slash + 1 : target, dirfd, u->leaf, 0);
		if (rc < 0)
			rc = -errno;
		(void)close(fd);
		return -rc;
	}
	return rc < 0 ? errno : 0;
}

/* What stands in the way of the leaf goes; a directory only for what is none. *opaque when it was a whiteout. */
static int leaf_clear(struct unpack *u, const struct tar_entry *t, int dirfd, bool *ret_opaque, bool *ret_keep,
		      struct dv_err *e)
{
	struct stat st;

	if (fstatat(dirfd, u->leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return dv_fail_errno(e, errno, "stat");
	*ret_keep = S_ISDIR(st.st_mode) && t->type == TAR_DIR;
	if (*ret_keep)
		return 0;
	*ret_opaque = S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0) && t->type == TAR_DIR;
	/* The descriptor of the parent is the cache's: forgotten only by the caller, after use. */
	if (S_ISDIR(st.st_mode))
		return file_remove_tree(dirfd, u->leaf, e);
	return unlinkat(dirfd, u->leaf, 0) < 0 ? dv_fail_errno(e, errno, "replace") : 0;
}

/* A hard link onto itself stays as it is, and must not be removed first. */
static bool same_file(struct unpack *u, const struct tar_entry *t)
{
	char target[TAR_PATH_MAX + 1], mine[TAR_PATH_MAX + 1];

	(void)snprintf(mine, sizeof(mine), "%s%s%s", u->parent, *u->parent ? "/" : "", u->leaf);
	return t->type == TAR_HARDLINK && unpack_clean(t->link, target, NULL) == 0 && streq(target, mine);
}

static int leaf_replace(struct unpack *u, const struct tar_entry *t, int dirfd, int *ret_fd, struct dv_err *e)
{
	bool opaque = false, keep = false;

	if (same_file(u, t))
		return dv_fail(e, DV_INVALID, "hard link to itself");
	int rc = leaf_clear(u, t, dirfd, &opaque, &keep, e);
	if (rc < 0 || keep)
		return rc;
	int sys = leaf_make(u, t, dirfd, ret_fd);
	if (sys)
		return dv_fail_errno(e, sys, "make again");
	return opaque ? unpack_opaque(u, dirfd, u->leaf, e) : 0;
}

/* --- data --- */

static int data_write(struct tar_reader *r, int fd, struct dv_err *e)
{
	const void *p;
	uint64_t offset;
	size_t len;
	int rc;

	while ((rc = tar_data(r, &p, &len, &offset, e)) > 0) {
		for (size_t done = 0; done < len;) {
			ssize_t n = pwrite(fd, (const char *)p + done, len - done, (off_t)(offset + done));

			if (n < 0 && errno != EINTR)
				return dv_fail_errno(e, errno, "write");
			done += n > 0 ? (size_t)n : 0;
		}
	}
	return rc;
}

static int file_fill(struct unpack *u, struct tar_reader *r, const struct tar_entry *t, int fd, struct dv_err *e)
{
	int rc = data_write(r, fd, e);

	if (rc == 0 && t->sparse && ftruncate(fd, (off_t)t->size) < 0)
		return dv_fail_errno(e, errno, "set size");
	return rc;
}

/* --- entries --- */

int unpack_account(const struct unpack_options *o, struct unpack_result *sum, const struct tar_entry *t, struct dv_err *e)
{
	uint64_t max = o->bytes_max ? o->bytes_max : UNPACK_BYTES_MAX;

	sum->entries++;
	if (t->size > max - sum->bytes)
		return dv_fail(e, DV_LIMIT, "layer is larger than %llu bytes", (unsigned long long)max);
	sum->bytes += t->size;
	return 0;
}

static int dir_later(struct unpack *u, const struct tar_entry *t, const char *path, struct dv_err *e)
{
	const struct tar_xattr *acl = unpack_acl_default(t);

	return unpack_later(u, path, t->mtime_s, t->mtime_ns, acl ? acl->value : NULL, acl ? acl->len : 0, e);
}

/* "." and what cleans to it: only metadata of the layer's own directory. */
static int entry_root(struct unpack *u, const struct tar_entry *t, struct dv_err *e)
{
	if (t->type != TAR_DIR)
		return dv_fail(e, DV_INVALID, "the root of a layer is not a directory");
	int rc = unpack_meta(u, t, u->rootfd, ".", -1, e);
	return rc < 0 ? rc : dir_later(u, t, "", e);
}

static int entry_make(struct unpack *u, struct tar_reader *r, const struct tar_entry *t, struct dv_err *e)
{
	char at[TAR_PATH_MAX + 1];
	auto_close int fd = -1;
	int dirfd, rc = unpack_parent(u, u->parent, true, &dirfd, e);

	if (rc < 0)
		return rc;
	int sys = leaf_make(u, t, dirfd, &fd);
	if (sys == EEXIST) {
		rc = leaf_replace(u, t, dirfd, &fd, e);
		if (rc < 0)
			return rc;
	} else if (sys == ENOENT && t->type == TAR_HARDLINK) {
		return dv_fail(e, DV_INVALID, "hard link to what the layer does not have");
	} else if (sys) {
		return dv_fail_errno(e, sys, "make");
	}
	rc = t->type == TAR_FILE ? file_fill(u, r, t, fd, e) : 0;
	if (rc == 0 && t->type != TAR_HARDLINK)
		rc = unpack_meta(u, t, dirfd, u->leaf, fd, e);
	if (sys == EEXIST)
		unpack_forget(u);
	if (rc < 0 || t->type != TAR_DIR)
		return rc;
	(void)snprintf(at, sizeof(at), "%s%s%s", u->parent, *u->parent ? "/" : "", u->leaf);
	return dir_later(u, t, at, e);
}

/* --- whiteouts --- */

static int mark_opaque(struct unpack *u, struct dv_err *e)
{
	struct dv_err why;
	int fd, rc = unpack_parent(u, u->parent, false, &fd, &why);

	if (rc == -DV_NOT_FOUND)
		return 0;
	if (rc < 0) {
		*e = why;
		return rc;
	}
	return unpack_opaque(u, fd, ".", e);
}

/* What this layer has of its own under that name stays: a whiteout speaks of the layers below. */
static int mark_deleted(struct unpack *u, const char *name, struct dv_err *e)
{
	struct dv_err why;
	int fd, rc = unpack_parent(u, u->parent, false, &fd, &why);

	if (rc == -DV_NOT_FOUND)
		return 0;
	if (rc < 0) {
		*e = why;
		return rc;
	}
	if (mknodat(fd, name, S_IFCHR, makedev(0, 0)) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make whiteout");
	return 0;
}

int unpack_whiteout(const char *leaf, enum unpack_mark *ret, struct dv_err *e)
{
	const char *name = leaf + strlen(WHITEOUT);

	if (!str_starts(leaf, WHITEOUT)) {
		*ret = MARK_NONE;
		return 0;
	}
	if (streq(leaf, WHITEOUT_OPAQUE)) {
		*ret = MARK_OPAQUE;
		return 0;
	}
	if (!*name || streq(name, ".") || streq(name, ".."))
		return dv_fail(e, DV_INVALID, "whiteout of nothing");
	/* aufs kept its own files under such names */
	*ret = str_starts(leaf, WHITEOUT_RESERVED) ? MARK_RESERVED : MARK_DELETED;
	return 0;
}

static int entry_mark(struct unpack *u, enum unpack_mark mark, struct dv_err *e)
{
	switch (mark) {
	case MARK_OPAQUE:
		return mark_opaque(u, e);
	case MARK_DELETED:
		return mark_deleted(u, u->leaf + strlen(WHITEOUT), e);
	case MARK_NONE:
	case MARK_RESERVED:
		break;
	}
	return 0;
}

/* --- the layer --- */

static int entry_apply(struct unpack *u, struct tar_reader *r, const struct tar_entry *t, struct dv_err *e)
{
	int rc = unpack_account(u->o, &u->result, t, e);
	enum unpack_mark mark;

	if (rc == 0)
		rc = unpack_clean(t->path, u->path, e);
	if (rc < 0)
		return rc;
	if (!u->path[0])
		return entry_root(u, t, e);
	char *slash = strrchr(u->path, '/');
	u->leaf = slash ? slash + 1 : u->path;
	u->parent = slash ? u->path : "";
	if (slash)
		*slash = '\0';
	rc = unpack_whiteout(u->leaf, &mark, e);
	if (rc < 0 || mark != MARK_NONE)
		return rc < 0 ? rc : entry_mark(u, mark, e);
	if (u->o->rootless && (t->type == TAR_CHAR || t->type == TAR_BLOCKDEV))
		return 0;
	return entry_make(u, r, t, e);
}

/* Last, because making an entry changes its parent's time. A directory that is gone again is skipped. */
static int times_apply(struct unpack *u, struct dv_err *e)
{
	u->closing = true;
	for (const struct unpack_dir *d = u->dirs; d; d = d->next) {
		const struct timespec times[2] = { { d->mtime_s, d->mtime_ns }, { d->mtime_s, d->mtime_ns } };
		const char *slash = strrchr(d->path, '/');
		auto_free char *parent = slash ? strndup(d->path, slash - d->path) : mem_str("");
		const char *leaf = slash ? slash + 1 : *d->path ? d->path : ".";
		struct stat st;
		int fd, rc = unpack_parent(u, parent, false, &fd, NULL);

		if (rc < 0 || fstatat(fd, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
			continue;
		if (utimensat(fd, leaf, times, AT_SYMLINK_NOFOLLOW) < 0)
			return dv_fail_errno(e, errno, "set time of a directory");
		rc = d->acl_len > 0 ? unpack_acl_default_set(fd, leaf, d->acl, d->acl_len, e) : 0;
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int entries_apply(struct unpack *u, struct tar_reader *r, struct dv_err *e)
{
	char shown[UNPACK_SHOW_SIZE];
	const struct tar_entry *t;
	int rc;

	while ((rc = tar_next(r, &t, e)) > 0) {
		rc = entry_apply(u, r, t, e);
		if (rc < 0)
			return dv_wrap(e, "%s", unpack_show(t->path, shown));
	}
	return rc < 0 ? rc : times_apply(u, e);
}

int unpack_layer(struct tar_reader *r, int dirfd, const struct unpack_options *o, struct unpack_result *ret,
		 struct dv_err *e)
{
	struct dv_err none;
	auto_free struct unpack *u = mem_new(struct unpack);

	u->rootfd = dirfd;
	u->o = o;
	u->dirs_end = &u->dirs;
	u->below_fd = -1;
	arena_init(&u->arena, UNPACK_PATHS_MAX);
	for (size_t i = 0; i < UNPACK_FDS; i++)
		u->fds[i].fd = -1;
	/* An archive that says nothing about the root gives the same tree whenever it is unpacked. */
	int rc = unpack_later(u, "", 0, 0, NULL, 0, e);
	if (rc == 0)
		rc = entries_apply(u, r, e ? e : &none);
	if (rc == 0)
		*ret = u->result;
	unpack_forget(u);
	arena_done(&u->arena);
	return rc;
}
