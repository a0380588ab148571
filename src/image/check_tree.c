/* check_tree.c - whether two trees are the same in everything that a layer carries.
 *
 * A directory at a time, found by its path from the top, so that depth costs no
 * descriptors. Times of directories count too: layers are made with them.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "image/check_parts.h"
#include "image/unpack_parts.h"

#define CHUNK ((size_t)256 << 10)
#define XATTR_MAX 65536
#define HOW (FILE_BENEATH | FILE_NO_LINKS | FILE_NO_XDEV)

struct trees {
	int roots[2];
	uint64_t *files;
	char *text;
	size_t size;
	char *chunk[2];
	struct dv_err *e;
};

/* --- what is said --- */

static int differs(struct trees *t, const char *path, const char *name, const char *what)
{
	char shown[UNPACK_SHOW_SIZE], full[UNPACK_SHOW_SIZE];

	(void)snprintf(full, sizeof(full), "%s/%s", path, name);
	(void)snprintf(t->text, t->size, "%s: %s", unpack_show(full, shown), what);
	return 1;
}

/* --- entries --- */

static int read_names(struct trees *t, struct arena *a, int fd, const char ***ret, size_t *ret_n)
{
	const char **v = NULL;
	size_t n = 0, cap = 0;
	struct dirent *de;
	DIR *d = fdopendir(fd);

	if (!d) {
		(void)close(fd);
		return dv_fail_errno(t->e, ENOMEM, "read a directory");
	}
	while ((de = readdir(d))) {
		if (streq(de->d_name, ".") || streq(de->d_name, ".."))
			continue;
		if (n == cap) {
			size_t more = cap ? 2 * cap : 32;
			const char **w = arena_array(a, const char *, more);

			if (n)
				memcpy(w, v, n * sizeof(*w));
			v = w;
			cap = more;
		}
		v[n++] = arena_str(a, de->d_name);
	}
	(void)closedir(d);
	*ret = v;
	*ret_n = n;
	return 0;
}

static int by_text(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static int same_content(struct trees *t, const int *dirs, const char *path, const char *name)
{
	auto_close int a = -1, b = -1;
	int rc = file_open(dirs[0], name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &a, t->e);

	if (rc == 0)
		rc = file_open(dirs[1], name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &b, t->e);
	while (rc == 0) {
		ssize_t n = fd_read_full(a, t->chunk[0], CHUNK, name, t->e);
		ssize_t m = n < 0 ? n : fd_read_full(b, t->chunk[1], CHUNK, name, NULL);

		if (n < 0)
			return (int)n;
		if (m < 0)
			return differs(t, path, name, "cannot be read");
		if (n != m || memcmp(t->chunk[0], t->chunk[1], (size_t)n) != 0)
			return differs(t, path, name, "its content is another");
		if (n == 0)
			return 0;
	}
	return rc;
}

static int same_link(struct trees *t, const int *dirs, const char *path, const char *name)
{
	auto_free char *a = NULL, *b = NULL;
	int rc = file_readlink(dirs[0], name, &a, t->e);

	if (rc == 0)
		rc = file_readlink(dirs[1], name, &b, t->e);
	return rc == 0 && !streq(a, b) ? differs(t, path, name, "the link leads elsewhere") : rc;
}

/* Attributes by path through the directory's descriptor: links and devices cannot be opened. */
static ssize_t list_attrs(int dir, const char *name, char *out)
{
	auto_free char *path = mem_printf("/proc/self/fd/%d/%s", dir, name);

	return llistxattr(path, out, XATTR_MAX);
}

static ssize_t get_attr(int dir, const char *name, const char *key, char *out)
{
	auto_free char *path = mem_printf("/proc/self/fd/%d/%s", dir, name);

	return lgetxattr(path, key, out, XATTR_MAX);
}

static int same_attrs(struct trees *t, const int *dirs, const char *path, const char *name)
{
	auto_free char *keys = mem_alloc(2 * XATTR_MAX);
	ssize_t n = list_attrs(dirs[0], name, keys), m = list_attrs(dirs[1], name, keys + XATTR_MAX);

	if (n <= 0 && m <= 0)
		return 0;
	if (n != m)
		return differs(t, path, name, "its extended attributes are others");
	for (const char *key = keys; key < keys + n; key += strlen(key) + 1) {
		ssize_t x = get_attr(dirs[0], name, key, t->chunk[0]), y = get_attr(dirs[1], name, key, t->chunk[1]);

		if (x != y || x < 0 || memcmp(t->chunk[0], t->chunk[1], (size_t)x) != 0)
			return differs(t, path, name, "an extended attribute is another");
	}
	return 0;
}

static bool same_time(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static const char *meta_differs(const struct stat *a, const struct stat *b)
{
	if ((a->st_mode & S_IFMT) != (b->st_mode & S_IFMT))
		return "its type is another";
	if (a->st_mode != b->st_mode)
		return "its mode is another";
	if (a->st_uid != b->st_uid || a->st_gid != b->st_gid)
		return "its owner is another";
	if (!S_ISDIR(a->st_mode) && a->st_size != b->st_size)
		return "its size is another";
	if (a->st_rdev != b->st_rdev)
		return "its device number is another";
	if (!S_ISDIR(a->st_mode) && a->st_nlink != b->st_nlink)
		return "it has another number of hard links";
	/* A whiteout has no time in the archive; a directory's changes with what is in it, so that it is told last. */
	return S_ISDIR(a->st_mode) || (S_ISCHR(a->st_mode) && a->st_rdev == 0) || same_time(a, b) ? NULL : "its time is another";
}

static int same_entry(struct trees *t, const int *dirs, const char *path, const char *name, bool *ret_dir)
{
	struct stat st[2];

	++*t->files;
	for (int i = 0; i < 2; i++)
		if (fstatat(dirs[i], name, &st[i], AT_SYMLINK_NOFOLLOW) < 0)
			return dv_fail_errno(t->e, errno, "stat %.100s", name);
	const char *what = meta_differs(&st[0], &st[1]);
	if (what)
		return differs(t, path, name, what);
	*ret_dir = S_ISDIR(st[0].st_mode);
	int rc = same_attrs(t, dirs, path, name);
	if (rc == 0 && S_ISREG(st[0].st_mode))
		return same_content(t, dirs, path, name);
	return rc == 0 && S_ISLNK(st[0].st_mode) ? same_link(t, dirs, path, name) : rc;
}

/* --- directories --- */

struct listing {
	const char **v[2];
	size_t n[2];
};

static int list_both(struct trees *t, struct arena *a, const int *dirs, struct listing *l)
{
	for (int i = 0; i < 2; i++) {
		int fd, rc = file_open(dirs[i], ".", O_RDONLY | O_DIRECTORY, 0, &fd, t->e);

		if (rc == 0)
			rc = read_names(t, a, fd, &l->v[i], &l->n[i]);
		if (rc < 0)
			return rc;
		if (l->n[i])
			qsort(l->v[i], l->n[i], sizeof(*l->v[i]), by_text);
	}
	return 0;
}

/* Subdirectories are left in v[0], n[0] of the listing. */
static int same_names(struct trees *t, const int *dirs, const char *path, struct listing *l)
{
	size_t n_dirs = 0;

	for (size_t i = 0; i < l->n[0] || i < l->n[1]; i++) {
		bool is_dir = false;
		int order = i >= l->n[0] ? 1 : i >= l->n[1] ? -1 : strcmp(l->v[0][i], l->v[1][i]);

		if (order != 0)
			return order < 0 ? differs(t, path, l->v[0][i], "is missing") : differs(t, path, l->v[1][i], "does not belong there");
		int rc = same_entry(t, dirs, path, l->v[0][i], &is_dir);
		if (rc != 0)
			return rc;
		if (is_dir)
			l->v[0][n_dirs++] = l->v[0][i];
	}
	l->n[0] = n_dirs;
	return 0;
}

static int same_dir(struct trees *t, struct arena *a, const char *path, struct listing *l)
{
	auto_close int want = -1, have = -1;
	int rc = file_open_how(t->roots[0], *path ? path : ".", O_PATH | O_DIRECTORY, 0, HOW, &want, t->e);

	if (rc == 0)
		rc = file_open_how(t->roots[1], *path ? path : ".", O_PATH | O_DIRECTORY, 0, HOW, &have, t->e);
	const int dirs[2] = { want, have };
	if (rc == 0)
		rc = list_both(t, a, dirs, l);
	return rc < 0 ? rc : same_names(t, dirs, path, l);
}

static int same_dir_time(struct trees *t, const char *path)
{
	struct stat st[2];

	for (int i = 0; i < 2; i++) {
		auto_close int fd = -1;
		int rc = file_open_how(t->roots[i], *path ? path : ".", O_PATH | O_DIRECTORY, 0, HOW, &fd, t->e);

		if (rc < 0)
			return rc;
		if (fstat(fd, &st[i]) < 0)
			return dv_fail_errno(t->e, errno, "stat");
	}
	return same_time(&st[0], &st[1]) ? 0 : differs(t, path, "", "its time is another");
}

static int same_below(struct trees *t, const char *path, int depth)
{
	auto_arena struct arena a;
	struct listing l = { 0 };

	arena_init(&a, 0);
	if (depth > UNPACK_DEPTH_MAX)
		return dv_fail(t->e, DV_LIMIT, "the tree is deeper than %d", UNPACK_DEPTH_MAX);
	int rc = same_dir(t, &a, path, &l);
	for (size_t i = 0; i < l.n[0] && rc == 0; i++)
		rc = same_below(t, *path ? arena_printf(&a, "%s/%s", path, l.v[0][i]) : l.v[0][i], depth + 1);
	return rc == 0 ? same_dir_time(t, path) : rc;
}

int check_trees(int want, int have, uint64_t *files, char *text, size_t size, struct dv_err *e)
{
	auto_free char *one = mem_alloc(CHUNK), *two = mem_alloc(CHUNK);
	struct trees t = { { want, have }, files, text, size, { one, two }, e };
	const int dirs[2] = { want, have };
	bool is_dir;
	int rc = same_entry(&t, dirs, "", ".", &is_dir);

	return rc != 0 ? rc : same_below(&t, "", 0);
}
