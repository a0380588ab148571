/* treecopy.c - recursive copies; a file with several names is copied once. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/map.h"
#include "base/str.h"
#include "engine/treecopy.h"

#define XATTR_BYTES_MAX 65536
#define LINKS_MAX 1000000
#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW)

struct copy {
	const struct treecopy_options *o;
	struct map *links;      /* "DEV:INODE" of a source with several names -> struct done */
	size_t n_links;
	dev_t dev;
	int top;                /* of the target: what paths in `links` start at */
	char *list, *value;     /* for xattrs */
};

/* Where the first name of a file went. The path is opened without following links, and what is there must be the file
 * that we made. */
struct done {
	dev_t dev;
	ino_t ino;
	char path[];
};

static int copy_dir(struct copy *c, int from, int to, const char *path, int depth, struct dv_err *e);

/* --- attributes --- */

static bool xattr_wanted(const char *name)
{
	return !str_starts(name, "trusted.overlay.") && !str_starts(name, "user.overlay.") && !str_starts(name, "security.selinux");
}

static int copy_xattrs(struct copy *c, int from, int to, struct dv_err *e)
{
	ssize_t n = c->o->keep_xattrs ? flistxattr(from, c->list, XATTR_BYTES_MAX) : 0;

	for (char *p = c->list; n > 0 && p < c->list + n; p += strlen(p) + 1) {
		ssize_t len = xattr_wanted(p) ? fgetxattr(from, p, c->value, XATTR_BYTES_MAX) : -1;

		if (len >= 0 && fsetxattr(to, p, c->value, (size_t)len, 0) < 0 && errno != EOPNOTSUPP && errno != EPERM)
			return dv_fail_errno(e, errno, "attribute %.100s", p);
	}
	return 0;
}

static uid_t owner(const struct copy *c, const struct stat *st)
{
	return c->o->keep_owner ? st->st_uid : c->o->uid;
}

static gid_t group(const struct copy *c, const struct stat *st)
{
	return c->o->keep_owner ? st->st_gid : c->o->gid;
}

static int copy_meta(struct copy *c, int from, int to, const struct stat *st, struct dv_err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	/* The owner first: chown takes set-id bits and capabilities away. */
	if (fchown(to, owner(c, st), group(c, st)) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return dv_fail_errno(e, errno, "owner and mode");
	int r = copy_xattrs(c, from, to, e);
	if (r >= 0 && futimens(to, times) < 0)
		r = dv_fail_errno(e, errno, "times");
	return r;
}

/* --- files with several names --- */

static void link_key(const struct stat *st, char out[48])
{
	(void)snprintf(out, 48, "%llx:%llx", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
}

/* 1 when it is a link to the copy now. */
static int link_again(struct copy *c, const struct stat *st, int to, const char *name)
{
	auto_close int fd = -1;
	struct stat now;
	struct done *d;
	char key[48];

	if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
		return 0;
	link_key(st, key);
	d = map_get(c->links, key);
	if (!d || file_open_how(c->top, d->path, O_PATH | O_NOFOLLOW, 0, FILE_BENEATH | FILE_NO_LINKS, &fd, NULL) < 0 ||
	    fstat(fd, &now) < 0 || now.st_dev != d->dev || now.st_ino != d->ino)
		return 0;
	return linkat(fd, "", to, name, AT_EMPTY_PATH) == 0;
}

static void link_remember(struct copy *c, const struct stat *st, int to, const char *name, const char *path)
{
	struct stat now;
	struct done *d;
	char key[48];

	if (st->st_nlink < 2 || c->n_links == LINKS_MAX || fstatat(to, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	link_key(st, key);
	if (map_get(c->links, key))
		return;
	d = mem_alloc(sizeof *d + strlen(path) + 1);
	d->dev = now.st_dev;
	d->ino = now.st_ino;
	memcpy(d->path, path, strlen(path) + 1);
	(void)map_set(c->links, key, d);
	c->n_links++;
}

/* --- entries --- */

static int copy_bytes(int from, int to, struct dv_err *e)
{
	for (;;) {
		ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)16 << 20, 0);

		if (n < 0)
			break;          /* not between these: the slower way, from where we are */
		if (n == 0)
			break;
	}
	for (;;) {
		ssize_t n = sendfile(to, from, NULL, (size_t)1 << 20);

		if (n <= 0)
			return n < 0 ? dv_fail_errno(e, errno, "copy") : 0;
	}
}

static int copy_file(struct copy *c, int from_dir, const char *name, int to_dir, const char *to_name, struct dv_err *e)
{
	auto_close int from = -1, to = -1;
	struct stat st;
	int r = file_open(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0, &from, e);

	if (r < 0)
		return r;
	if (fstat(from, &st) < 0 || !S_ISREG(st.st_mode))
		return dv_fail(e, DV_CONFLICT, "it changes while it is copied");
	if ((r = file_open(to_dir, to_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, &to, e)) < 0 ||
	    (r = copy_bytes(from, to, e)) < 0)
		return r;
	return copy_meta(c, from, to, &st, e);
}

static int copy_special(struct copy *c, int from_dir, const char *name, const struct stat *st, int to_dir, const char *to_name,
			struct dv_err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (S_ISSOCK(st->st_mode))
		return 0;
	if (S_ISLNK(st->st_mode)) {
		auto_free char *to = NULL;
		int r = file_readlink(from_dir, name, &to, e);

		if (r < 0)
			return r;
		if (symlinkat(to, to_dir, to_name) < 0)
			return dv_fail_errno(e, errno, "link");
	} else if (mknodat(to_dir, to_name, st->st_mode, st->st_rdev) < 0) {
		return dv_fail_errno(e, errno, "node");
	}
	if (fchownat(to_dir, to_name, owner(c, st), group(c, st), AT_SYMLINK_NOFOLLOW) < 0)
		return dv_fail_errno(e, errno, "owner");
	(void)utimensat(to_dir, to_name, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static int copy_subdir(struct copy *c, int from_dir, const char *name, int to_dir, const char *to_name, const char *path,
		       int depth, struct dv_err *e)
{
	auto_close int from = -1, to = -1;
	struct stat st;
	int r;

	if (depth > TREECOPY_DEPTH_MAX)
		return dv_fail(e, DV_LIMIT, "more than %d levels deep", TREECOPY_DEPTH_MAX);
	if (mkdirat(to_dir, to_name, 0700) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make directory");
	if ((r = file_open(from_dir, name, DIR_FLAGS, 0, &from, e)) < 0 || (r = file_open(to_dir, to_name, DIR_FLAGS, 0, &to, e)) < 0)
		return r;
	if (fstat(from, &st) < 0)
		return dv_fail_errno(e, errno, "stat");
	if (!c->o->one_filesystem || st.st_dev == c->dev)
		r = copy_dir(c, from, to, path, depth, e);
	return r < 0 ? r : copy_meta(c, from, to, &st, e);
}

/* What is in the way. */
static int make_room(const struct stat *st, int to_dir, const char *to_name, struct dv_err *e)
{
	struct stat old;

	if (fstatat(to_dir, to_name, &old, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : dv_fail_errno(e, errno, "stat");
	if (S_ISDIR(st->st_mode) && S_ISDIR(old.st_mode))
		return 0;
	if (S_ISDIR(old.st_mode))
		return dv_fail(e, DV_CONFLICT, "cannot overwrite directory with non-directory");
	if (S_ISDIR(st->st_mode))
		return dv_fail(e, DV_CONFLICT, "cannot overwrite non-directory with directory");
	return unlinkat(to_dir, to_name, 0) < 0 && errno != ENOENT ? dv_fail_errno(e, errno, "replace") : 0;
}

static int copy_any(struct copy *c, int from, const char *name, int to, const char *to_name, const char *path, int depth,
		    struct dv_err *e)
{
	struct stat st;
	int r;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT && depth > 0 ? 0 : dv_fail_errno(e, errno, "%.300s", path);
	if ((r = make_room(&st, to, to_name, e)) >= 0 && !link_again(c, &st, to, to_name)) {
		if (S_ISDIR(st.st_mode))
			return copy_subdir(c, from, name, to, to_name, path, depth, e);
		r = S_ISREG(st.st_mode) ? copy_file(c, from, name, to, to_name, e) :
					  copy_special(c, from, name, &st, to, to_name, e);
		if (r >= 0)
			link_remember(c, &st, to, to_name, path);
	}
	return r < 0 ? dv_wrap(e, "%.300s", path) : 0;
}

/* --- directories --- */

static int open_list(int dir, DIR **ret, struct dv_err *e)
{
	int copy, r = file_open(dir, ".", O_RDONLY | O_DIRECTORY, 0, &copy, e);
	DIR *d = r < 0 ? NULL : fdopendir(copy);

	if (r < 0)
		return r;
	if (!d) {
		(void)close(copy);
		return dv_fail_errno(e, errno, "read a directory");
	}
	*ret = d;
	return 0;
}

static bool is_dots(const char *name)
{
	return streq(name, ".") || streq(name, "..");
}

static int copy_dir(struct copy *c, int from, int to, const char *path, int depth, struct dv_err *e)
{
	struct dirent *de;
	DIR *d;
	int r = open_list(from, &d, e);

	if (r < 0)
		return r;
	while (r >= 0 && (de = readdir(d))) {
		auto_free char *below = is_dots(de->d_name) ? NULL : mem_printf("%s%s%s", path, *path ? "/" : "", de->d_name);

		if (below)
			r = copy_any(c, from, de->d_name, to, de->d_name, below, depth + 1, e);
	}
	(void)closedir(d);
	return r;
}

static void begin(struct copy *c, const struct treecopy_options *o, int from, int to)
{
	struct stat st;

	*c = (struct copy){ .o = o, .links = map_new(), .top = to, .list = mem_alloc(XATTR_BYTES_MAX),
			    .value = mem_alloc(XATTR_BYTES_MAX) };
	c->dev = fstat(from, &st) == 0 ? st.st_dev : 0;
}

static int end(struct copy *c, int r)
{
	map_free(c->links, free);
	free(c->list);
	free(c->value);
	return r;
}

int tree_copy(int from_dir, int to_dir, const struct treecopy_options *o, struct dv_err *e)
{
	struct copy c;

	begin(&c, o, from_dir, to_dir);
	return end(&c, copy_dir(&c, from_dir, to_dir, "", 0, e));
}

int tree_copy_entry(int from_dir, const char *name, int to_dir, const char *to_name, const struct treecopy_options *o,
		    struct dv_err *e)
{
	struct copy c;

	begin(&c, o, from_dir, to_dir);
	return end(&c, copy_any(&c, from_dir, name, to_dir, to_name, to_name, 0, e));
}

int tree_copy_attributes(int from_dir, int to_dir, const struct treecopy_options *o, struct dv_err *e)
{
	struct stat st;
	struct copy c;

	if (fstat(from_dir, &st) < 0)
		return dv_fail_errno(e, errno, "stat");
	begin(&c, o, from_dir, to_dir);
	return end(&c, copy_meta(&c, from_dir, to_dir, &st, e));
}

/* --- owners and sizes --- */

struct visit {
	uid_t uid;
	gid_t gid;
	bool change;
	uint64_t bytes;
};

static int visit_dir(struct visit *v, int dir, int depth, struct dv_err *e);

static int visit_entry(struct visit *v, int dir, const char *name, int depth, struct dv_err *e)
{
	auto_close int below = -1;
	struct stat st;
	int r;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : dv_fail_errno(e, errno, "%.255s", name);
	v->bytes += (uint64_t)st.st_blocks * 512;
	if (v->change && fchownat(dir, name, v->uid, v->gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
		return dv_fail_errno(e, errno, "owner of %.255s", name);
	if (!S_ISDIR(st.st_mode))
		return 0;
	r = file_open(dir, name, DIR_FLAGS, 0, &below, e);
	return r < 0 ? (r == -DV_NOT_FOUND ? 0 : r) : visit_dir(v, below, depth + 1, e);
}

static int visit_dir(struct visit *v, int dir, int depth, struct dv_err *e)
{
	struct dirent *de;
	DIR *d;
	int r = depth > TREECOPY_DEPTH_MAX ? dv_fail(e, DV_LIMIT, "more than %d levels deep", TREECOPY_DEPTH_MAX) :
					     open_list(dir, &d, e);

	if (r < 0)
		return r;
	while (r >= 0 && (de = readdir(d)))
		if (!is_dots(de->d_name))
			r = visit_entry(v, dir, de->d_name, depth, e);
	(void)closedir(d);
	return r;
}

int tree_chown(int dir, uid_t uid, gid_t gid, struct dv_err *e)
{
	struct visit v = { .uid = uid, .gid = gid, .change = true };

	if (fchown(dir, uid, gid) < 0)
		return dv_fail_errno(e, errno, "change the owner");
	return visit_dir(&v, dir, 0, e);
}

int tree_usage(int dir, uint64_t *ret, struct dv_err *e)
{
	struct visit v = { 0 };
	int r = visit_dir(&v, dir, 0, e);

	if (r >= 0)
		*ret = v.bytes;
	return r;
}
