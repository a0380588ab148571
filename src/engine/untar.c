/* untar.c - entry by entry below a descriptor. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "engine/untar.h"
#include "image/tar.h"

#define CHUNK ((size_t)256 << 10)

struct untar {
	int dir, in;
	const char *what;
	const struct untar_options *o;
	struct tar_reader *tar;
	struct arena *a;        /* of the current entry */
	char *chunk;
};

static int next_chunk(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct untar *u = ctx;
	ssize_t n;

	do
		n = read(u->in, u->chunk, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return dv_fail_errno(e, errno, "read %s", u->what);
	*ret = u->chunk;
	*ret_len = (size_t)n;
	return n > 0;
}

/* --- paths --- */

/* "./a//b/" -> "a/b"; "" is the directory itself. NULL for what leads out. */
static const char *clean(struct untar *u, const char *path)
{
	char *out = arena_alloc(u->a, strlen(path) + 1);
	struct scan s = scan_of(path, strlen(path));
	const char *word;
	size_t len, n = 0;

	while (scan_until(&s, '/', &word, &len)) {
		if (len == 0 || (len == 1 && *word == '.'))
			continue;
		if (len == 2 && word[0] == '.' && word[1] == '.')
			return NULL;
		if (n)
			out[n++] = '/';
		memcpy(out + n, word, len);
		n += len;
	}
	return out;
}

static const char *renamed(struct untar *u, const char *path)
{
	const char *from = u->o->rename_from, *rest = from && u->o->rename_to ? str_after(path, from) : NULL;

	if (!rest || (*rest && *rest != '/'))
		return path;
	return arena_printf(u->a, "%s%s", u->o->rename_to, rest);
}

/* The parent, made when missing, and the last component. */
static int open_parent(struct untar *u, const char *path, int *ret_dir, const char **ret_name, struct dv_err *e)
{
	const char *slash = strrchr(path, '/');
	const char *parent = slash ? arena_strn(u->a, path, (size_t)(slash - path)) : ".";
	int r;

	*ret_name = slash ? slash + 1 : path;
	r = file_open_how(u->dir, parent, O_RDONLY | O_DIRECTORY, 0, FILE_BENEATH | FILE_NO_LINKS, ret_dir, e);
	if (r != -DV_NOT_FOUND || !slash)
		return r;
	if ((r = file_mkdirs(u->dir, parent, 0755, NULL, e)) < 0)
		return r;
	return file_open_how(u->dir, parent, O_RDONLY | O_DIRECTORY, 0, FILE_BENEATH | FILE_NO_LINKS, ret_dir, e);
}

/* --- one entry --- */

static int set_meta(struct untar *u, int fd, const struct tar_entry *t, struct dv_err *e)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { .tv_sec = t->mtime_s, .tv_nsec = t->mtime_ns } };

	if (fchown(fd, u->o->keep_owner ? t->uid : u->o->uid, u->o->keep_owner ? t->gid : u->o->gid) < 0 ||
	    fchmod(fd, t->mode) < 0)
		return dv_fail_errno(e, errno, "owner and mode");
	for (size_t i = 0; i < t->n_xattrs; i++)
		if (!str_starts(t->xattrs[i].name, "trusted.") &&
		    fsetxattr(fd, t->xattrs[i].name, t->xattrs[i].value, t->xattrs[i].len, 0) < 0 && errno != EOPNOTSUPP && errno != EPERM)
			return dv_fail_errno(e, errno, "attribute %.100s", t->xattrs[i].name);
	return futimens(fd, times) < 0 ? dv_fail_errno(e, errno, "times") : 0;
}

static int make_room(int dir, const char *name, bool is_dir, bool *ret_there, struct dv_err *e)
{
	struct stat st;

	*ret_there = false;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : dv_fail_errno(e, errno, "stat");
	if (is_dir && S_ISDIR(st.st_mode)) {
		*ret_there = true;
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		return dv_fail(e, DV_CONFLICT, "cannot overwrite directory with non-directory");
	if (is_dir)
		return dv_fail(e, DV_CONFLICT, "cannot overwrite non-directory with directory");
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? dv_fail_errno(e, errno, "replace") : 0;
}

static int put_dir(struct untar *u, int dir, const char *name, const struct tar_entry *t, struct dv_err *e)
{
	auto_close int fd = -1;
	int r;

	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make directory");
	r = file_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e);
	return r < 0 ? r : set_meta(u, fd, t, e);
}

static int put_file(struct untar *u, int dir, const char *name, const struct tar_entry *t, struct dv_err *e)
{
	auto_close int fd = -1;
	const void *data;
	uint64_t at;
	size_t len;
	int r = file_open(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, &fd, e);

	while (r >= 0 && (r = tar_data(u->tar, &data, &len, &at, e)) > 0)
		for (size_t done = 0; r > 0 && done < len;) {
			ssize_t n = pwrite(fd, (const char *)data + done, len - done, (off_t)(at + done));

			if (n < 0)
				r = dv_fail_errno(e, errno, "write");
			done += n > 0 ? (size_t)n : 0;
		}
	if (r >= 0 && ftruncate(fd, (off_t)t->size) < 0)
		r = dv_fail_errno(e, errno, "size");
	return r < 0 ? r : set_meta(u, fd, t, e);
}

/* The target is looked up where it would be, without links on the way. */
static int put_hardlink(struct untar *u, int dir, const char *name, const struct tar_entry *t, struct dv_err *e)
{
	const char *target = clean(u, t->link);
	auto_close int fd = -1;
	int r;

	if (!target || !*target)
		return dv_fail(e, DV_INVALID, "hard link to %.200s", t->link);
	r = file_open_how(u->dir, renamed(u, target), O_PATH | O_NOFOLLOW, 0, FILE_BENEATH | FILE_NO_LINKS, &fd, e);
	if (r < 0)
		return r;
	return linkat(fd, "", dir, name, AT_EMPTY_PATH) < 0 ? dv_fail_errno(e, errno, "hard link to %.200s", t->link) : 0;
}

static int put_special(struct untar *u, int dir, const char *name, const struct tar_entry *t, struct dv_err *e)
{
	static const mode_t types[] = { [TAR_CHAR] = S_IFCHR, [TAR_BLOCKDEV] = S_IFBLK, [TAR_FIFO] = S_IFIFO };
	const struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { .tv_sec = t->mtime_s, .tv_nsec = t->mtime_ns } };

	if (t->type == TAR_SYMLINK) {
		if (symlinkat(t->link, dir, name) < 0)
			return dv_fail_errno(e, errno, "link");
	} else if (u->o->no_devices && t->type != TAR_FIFO) {
		return 0;
	} else if (mknodat(dir, name, types[t->type] | t->mode, makedev(t->major, t->minor)) < 0 ||
		   fchmodat(dir, name, t->mode, 0) < 0) {
		return dv_fail_errno(e, errno, "node");
	}
	if (fchownat(dir, name, u->o->keep_owner ? t->uid : u->o->uid, u->o->keep_owner ? t->gid : u->o->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return dv_fail_errno(e, errno, "owner");
	(void)utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static int put_entry(struct untar *u, const struct tar_entry *t, struct dv_err *e)
{
	const char *path = clean(u, t->path), *name;
	auto_close int dir = -1;
	bool there;
	int r;

	if (!path)
		return dv_fail(e, DV_INVALID, "the path leads out of the directory");
	if (!*path)
		return t->type == TAR_DIR ? 0 : dv_fail(e, DV_INVALID, "the path is empty");
	if ((r = open_parent(u, renamed(u, path), &dir, &name, e)) < 0 ||
	    (r = make_room(dir, name, t->type == TAR_DIR, &there, e)) < 0)
		return r;
	switch (t->type) {
	case TAR_DIR: return put_dir(u, dir, name, t, e);
	case TAR_FILE: return put_file(u, dir, name, t, e);
	case TAR_HARDLINK: return put_hardlink(u, dir, name, t, e);
	default: return put_special(u, dir, name, t, e);
	}
}

/* --- the archive --- */

static int put_all(struct untar *u, struct dv_err *e)
{
	const struct tar_entry *t;
	int r;

	while ((r = tar_next(u->tar, &t, e)) > 0) {
		auto_arena struct arena a = { 0 };

		arena_init(&a, 0);
		u->a = &a;
		if ((r = put_entry(u, t, e)) < 0)
			return dv_wrap(e, "%.300s", t->path);
	}
	return r < 0 ? r : tar_drain(u->tar, e);
}

int untar(int dir, int fd, const char *what, const struct untar_options *o, struct dv_err *e)
{
	struct untar u = { .dir = dir, .in = fd, .what = what, .o = o, .chunk = mem_alloc(CHUNK) };
	const struct tar_source src = { next_chunk, &u };
	int r = tar_reader_new(&src, &u.tar, e);

	if (r >= 0) {
		r = put_all(&u, e);
		tar_reader_free(u.tar);
	}
	free(u.chunk);
	return r < 0 ? r : 0;
}
