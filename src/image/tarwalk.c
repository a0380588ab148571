/* tarwalk.c - walk a tree and write what it has.
 *
 * A file's header says the size that fstat told: one that shrinks while it is read
 * is filled up with zeros, one that grows is cut.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/map.h"
#include "base/str.h"
#include "image/tar.h"
#include "image/tarwalk.h"

#define CHUNK ((size_t)256 << 10)
#define NAMES_MAX ((size_t)1 << 20)             /* of xattrs, of one entry */
#define HEADER_MAX ((size_t)4 << 20)

struct walk {
	int out;
	const char *what;
	const struct tarwalk_options *o;
	struct map *links;              /* "DEV:INODE" -> first path */
	dev_t dev;                      /* of the root */
	struct buf b;                   /* of headers */
	char *chunk;
};

/* --- xattrs --- */

/* What overlayfs keeps there is no part of the tree. */
static bool xattr_wanted(const char *name)
{
	return !str_starts(name, "trusted.overlay.") && !str_starts(name, "user.overlay.") &&
	       !str_starts(name, "security.selinux");
}

static int xattr_get(struct arena *a, int fd, const char *name, struct tar_xattr *ret, struct dv_err *e)
{
	ssize_t len = fgetxattr(fd, name, NULL, 0);
	char *value = len >= 0 ? arena_try(a, (size_t)len + 1) : NULL;

	if (value)
		len = fgetxattr(fd, name, value, (size_t)len);
	if (!value || len < 0)
		return dv_fail_errno(e, errno ? errno : ENOMEM, "read xattr %s", name);
	*ret = (struct tar_xattr){ arena_str(a, name), value, (size_t)len };
	return 0;
}

static int xattrs_get(struct arena *a, int fd, struct tar_entry *t, struct dv_err *e)
{
	ssize_t len = flistxattr(fd, NULL, 0);
	char *names = len > 0 && (size_t)len <= NAMES_MAX ? arena_alloc(a, (size_t)len + 1) : NULL;

	if (len == 0 || (len < 0 && errno == EOPNOTSUPP))
		return 0;
	if (names)
		len = flistxattr(fd, names, (size_t)len);
	if (!names || len < 0)
		return dv_fail_errno(e, len < 0 ? errno : E2BIG, "list xattrs");
	struct tar_xattr *v = arena_array(a, struct tar_xattr, TAR_XATTRS_MAX);
	for (const char *p = names; p < names + len; p += strlen(p) + 1) {
		if (!xattr_wanted(p))
			continue;
		if (t->n_xattrs == TAR_XATTRS_MAX)
			return dv_fail(e, DV_LIMIT, "more than %d xattrs", TAR_XATTRS_MAX);
		int rc = xattr_get(a, fd, p, &v[t->n_xattrs++], e);
		if (rc < 0)
			return rc;
	}
	t->xattrs = v;
	return 0;
}

/* --- entries --- */

static int flush(struct walk *w, struct dv_err *e)
{
	int rc = fd_write_all(w->out, w->b.p, w->b.len, w->what, e);

	buf_reset(&w->b);
	return rc;
}

static int put_entry(struct walk *w, const struct tar_entry *t, struct dv_err *e)
{
	int rc = tar_write_entry(&w->b, t, e);

	return rc < 0 ? rc : flush(w, e);
}

static int put_data(struct walk *w, int fd, uint64_t size, struct dv_err *e)
{
	for (uint64_t left = size; left > 0;) {
		size_t want = DV_MIN(left, (uint64_t)CHUNK);
		ssize_t n = fd_read_full(fd, w->chunk, want, "file", e);

		if (n < 0)
			return (int)n;
		memset(w->chunk + n, 0, want - (size_t)n);
		int rc = fd_write_all(w->out, w->chunk, want, w->what, e);
		if (rc < 0)
			return rc;
		left -= want;
	}
	tar_write_pad(&w->b, size);
	return flush(w, e);
}

static void entry_of(const struct stat *st, const char *path, struct tar_entry *ret)
{
	*ret = (struct tar_entry){ .path = path, .mode = st->st_mode & 07777, .uid = st->st_uid, .gid = st->st_gid,
				   .mtime_s = st->st_mtim.tv_sec, .mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
				   .major = major(st->st_rdev), .minor = minor(st->st_rdev), .link = "" };
}

/* The second path of a file is a hard link to the first. */
static const char *link_first(struct walk *w, const struct stat *st, const char *path)
{
	char key[48];

	if (st->st_nlink < 2)
		return NULL;
	(void)snprintf(key, sizeof(key), "%llx:%llx", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
	char *first = map_get(w->links, key);
	if (!first)
		(void)map_set(w->links, key, mem_str(path));
	return first;
}

static int put_file(struct walk *w, struct arena *a, int dirfd, const char *name, struct tar_entry *t, struct dv_err *e)
{
	auto_close int fd = -1;
	struct stat st;
	int rc = file_open(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd, e);

	if (rc < 0)
		return rc;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return dv_fail(e, DV_CONFLICT, "is not the file it was");
	t->type = TAR_FILE;
	t->size = (uint64_t)st.st_size;
	if (!w->o->no_xattrs)
		rc = xattrs_get(a, fd, t, e);
	if (rc == 0)
		rc = put_entry(w, t, e);
	return rc < 0 ? rc : put_data(w, fd, t->size, e);
}

static int put_symlink(struct walk *w, struct arena *a, int dirfd, const char *name, struct tar_entry *t, struct dv_err *e)
{
	auto_free char *target = NULL;
	int rc = file_readlink(dirfd, name, &target, e);

	(void)a;
	if (rc < 0)
		return rc;
	t->type = TAR_SYMLINK;
	t->mode = 0777;
	t->link = target;
	return put_entry(w, t, e);
}

/* What is gone is told by an empty file ".wh.NAME". */
static int put_whiteout(struct walk *w, const char *path, struct dv_err *e)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	auto_free char *as = mem_printf("%.*s.wh.%s", (int)(name - path), path, name);
	const struct tar_entry t = { .type = TAR_FILE, .path = as, .link = "" };

	return w->o->whiteouts ? put_entry(w, &t, e) : 0;
}

/* A directory of the upper tree that hides what is below, and marks that mean another tree than the one we see. */
static int put_opaque(struct walk *w, int fd, const char *path, struct dv_err *e)
{
	auto_free char *as = mem_printf("%s.wh..wh..opq", path);
	const struct tar_entry t = { .type = TAR_FILE, .path = as, .link = "" };
	char v = 0;

	if (!w->o->whiteouts)
		return 0;
	if (fgetxattr(fd, "trusted.overlay.redirect", NULL, 0) >= 0)
		return dv_fail(e, DV_CORRUPT, "%.200s: the kernel has noted it as renamed, which no layer can say", path);
	return fgetxattr(fd, "trusted.overlay.opaque", &v, 1) == 1 && v == 'y' ? put_entry(w, &t, e) : 0;
}

static int put_leaf(struct walk *w, int dirfd, const char *name, const char *path, const struct stat *st, struct dv_err *e)
{
	auto_arena struct arena a;
	struct tar_entry t;

	arena_init(&a, 0);
	entry_of(st, path, &t);
	t.link = link_first(w, st, path);
	if (t.link) {
		t.type = TAR_HARDLINK;
		return put_entry(w, &t, e);
	}
	switch (st->st_mode & S_IFMT) {
	case S_IFREG:
		return put_file(w, &a, dirfd, name, &t, e);
	case S_IFLNK:
		return put_symlink(w, &a, dirfd, name, &t, e);
	case S_IFCHR:
		t.type = TAR_CHAR;
		return st->st_rdev == 0 ? put_whiteout(w, path, e) : put_entry(w, &t, e);
	case S_IFBLK:
		t.type = TAR_BLOCKDEV;
		return put_entry(w, &t, e);
	case S_IFIFO:
		t.type = TAR_FIFO;
		return put_entry(w, &t, e);
	default:
		return 0;
	}
}

/* --- directories --- */

struct names {
	struct arena a;
	const char **v;
	size_t n, cap;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int names_read(int dirfd, struct names *x, struct dv_err *e)
{
	struct dirent *de;
	int fd;
	int rc = file_open(dirfd, ".", O_RDONLY | O_DIRECTORY, 0, &fd, e);
	DIR *d = rc < 0 ? NULL : fdopendir(fd);

	if (rc == 0 && !d) {
		(void)close(fd);
		return dv_fail_errno(e, ENOMEM, "read directory");
	}
	while (d && (errno = 0, de = readdir(d))) {
		if (streq(de->d_name, ".") || streq(de->d_name, ".."))
			continue;
		if (x->n == x->cap) {
			x->cap = x->cap ? 2 * x->cap : 64;
			x->v = mem_resize(x->v, x->cap, sizeof(*x->v));
		}
		x->v[x->n++] = arena_str(&x->a, de->d_name);
	}
	if (d && errno)
		rc = dv_fail_errno(e, errno, "read directory");
	if (d)
		(void)closedir(d);
	if (x->n > 0)
		qsort(x->v, x->n, sizeof(*x->v), by_name);
	return rc;
}

static int put_dir(struct walk *w, int fd, const char *path, unsigned depth, struct dv_err *e);

static int put_name(struct walk *w, int dirfd, const char *dir, const char *name, unsigned depth, struct dv_err *e)
{
	auto_free char *path = mem_printf("%s%s", dir, name);
	struct stat st;
	int rc = 0;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		/* It went meanwhile. */
		return errno == ENOENT ? 0 : dv_fail_errno(e, errno, "stat %.200s", path);
	}
	if (S_ISDIR(st.st_mode)) {
		auto_close int fd = -1;
		auto_free char *below = mem_printf("%s/", path);

		rc = file_open(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e);
		if (rc == 0)
			rc = put_dir(w, fd, below, depth + 1, e);
		return rc;
	}
	rc = put_leaf(w, dirfd, name, path, &st, e);
	return rc < 0 ? dv_wrap(e, "%.200s", path) : 0;
}

static int put_names(struct walk *w, int fd, const char *path, unsigned depth, struct dv_err *e)
{
	struct names x = { 0 };

	arena_init(&x.a, 0);
	int rc = names_read(fd, &x, e);
	for (size_t i = 0; i < x.n && rc == 0; i++)
		rc = put_name(w, fd, path, x.v[i], depth, e);
	arena_done(&x.a);
	free(x.v);
	return rc;
}

/* path ends with a slash. */
static int put_dir(struct walk *w, int fd, const char *path, unsigned depth, struct dv_err *e)
{
	auto_arena struct arena a = { 0 };
	struct tar_entry t;
	struct stat st;
	int rc = 0;

	if (depth > TARWALK_DEPTH_MAX)
		return dv_fail(e, DV_LIMIT, "%.100s...: more than %d directories deep", path, TARWALK_DEPTH_MAX);
	if (fstat(fd, &st) < 0)
		return dv_fail_errno(e, errno, "stat %.200s", path);
	arena_init(&a, 0);
	entry_of(&st, path, &t);
	t.type = TAR_DIR;
	if (!w->o->no_xattrs)
		rc = xattrs_get(&a, fd, &t, e);
	if (rc == 0)
		rc = put_entry(w, &t, e);
	if (rc == 0)
		rc = put_opaque(w, fd, path, e);
	if (rc < 0)
		return dv_wrap(e, "%.200s", path);
	if (w->o->one_filesystem && st.st_dev != w->dev)
		return 0;
	return put_names(w, fd, path, depth, e);
}

/* --- public --- */

static int walk_begin(struct walk *w, int dirfd, int out_fd, const char *what, const struct tarwalk_options *o,
		      struct dv_err *e)
{
	struct stat st;

	*w = (struct walk){ .out = out_fd, .what = what, .o = o, .b = BUF_INIT(HEADER_MAX) };
	if (fstat(dirfd, &st) < 0)
		return dv_fail_errno(e, errno, "stat the root of the tree");
	w->dev = st.st_dev;
	w->links = map_new();
	w->chunk = mem_alloc(CHUNK);
	return 0;
}

static int walk_end(struct walk *w, int rc, struct dv_err *e)
{
	if (rc == 0) {
		tar_write_end(&w->b);
		rc = flush(w, e);
	}
	map_free(w->links, free);
	buf_done(&w->b);
	free(w->chunk);
	return rc;
}

int tar_walk(int dirfd, int out_fd, const char *what, const struct tarwalk_options *o, struct dv_err *e)
{
	struct walk w;
	int rc = walk_begin(&w, dirfd, out_fd, what, o, e);

	return rc < 0 ? rc : walk_end(&w, o->plain_names ? put_names(&w, dirfd, "", 0, e) : put_dir(&w, dirfd, "./", 0, e), e);
}

static int put_named(struct walk *w, int dirfd, const char *name, const char *as, struct dv_err *e)
{
	auto_close int fd = -1;
	auto_free char *below = mem_printf("%s/", as);
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return dv_fail_errno(e, errno, "stat %.200s", name);
	if (!S_ISDIR(st.st_mode))
		return put_leaf(w, dirfd, name, as, &st, e);
	int rc = file_open(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e);
	return rc < 0 ? rc : put_dir(w, fd, below, 0, e);
}

int tar_walk_entry(int dirfd, const char *name, const char *as, int out_fd, const char *what, const struct tarwalk_options *o,
		   struct dv_err *e)
{
	struct walk w;
	int rc = walk_begin(&w, dirfd, out_fd, what, o, e);

	return rc < 0 ? rc : walk_end(&w, put_named(&w, dirfd, name, as, e), e);
}
