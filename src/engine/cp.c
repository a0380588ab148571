/* cp.c - docker's rules: what a trailing slash and "/." mean, what a name becomes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "engine/cp.h"
#include "engine/events.h"
#include "engine/root.h"
#include "engine/treecopy.h"
#include "engine/untar.h"
#include "image/tarwalk.h"

#define LINKS_MAX 40

/* One side: a path below a root, taken apart. */
struct side {
	const char *path;               /* as it was written */
	bool host;
	const struct ctr *row;          /* NULL: the host */
	struct ctr_root root;
	bool slash, contents;           /* the path ends with "/", "/." */
	/* found by side_find() */
	int dir;                        /* the parent; for "/" the directory itself */
	const char *name;               /* NULL: dir itself */
	bool there;
	struct stat st;
};

/* --- paths --- */

static int open_at(const struct side *s, const char *path, int flags, int *ret, struct dv_err *e)
{
	return s->host ? file_open(AT_FDCWD, path, flags, 0, ret, e) :
			 file_open_how(s->root.fd, path, flags, 0, FILE_IN_ROOT, ret, e);
}

/* "a/b//" -> "a" and "b"; "/" and "." and what ends with ".." have no name. */
static void take_apart(struct arena *a, const char *path, bool host, const char **ret_parent, const char **ret_name)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	path = arena_strn(a, path, len);
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	if (!*name || streq(name, ".") || streq(name, "..")) {
		*ret_parent = path;
		*ret_name = NULL;
		return;
	}
	*ret_parent = !slash ? (host ? "." : "/") : slash == path ? "/" : arena_strn(a, path, (size_t)(slash - path));
	*ret_name = name;
}

/* The entry at path, its last component not followed. NOT_FOUND only for the parent. */
static int look(struct side *s, struct arena *a, const char *path, struct dv_err *e)
{
	const char *parent;
	int r;

	fd_close(&s->dir);
	take_apart(a, path, s->host, &parent, &s->name);
	if ((r = open_at(s, parent, O_RDONLY | O_DIRECTORY, &s->dir, e)) < 0)
		return r;
	if (!s->name) {
		s->there = true;
		return fstat(s->dir, &s->st) < 0 ? dv_fail_errno(e, errno, "%.300s", s->path) : 0;
	}
	s->there = fstatat(s->dir, s->name, &s->st, AT_SYMLINK_NOFOLLOW) == 0;
	return s->there || errno == ENOENT ? 0 : dv_fail_errno(e, errno, "%.300s", s->path);
}

/* Where a link leads to, as a path from the root again. */
static int step(struct side *s, struct arena *a, const char **path, struct dv_err *e)
{
	auto_free char *target = NULL;
	const char *parent, *name;
	int r = file_readlink(s->dir, s->name, &target, e);

	if (r < 0)
		return r;
	take_apart(a, *path, s->host, &parent, &name);
	*path = *target == '/' ? arena_str(a, target) : arena_printf(a, "%s/%s", parent, target);
	return 0;
}

static int side_find(struct side *s, struct arena *a, bool follow, struct dv_err *e)
{
	const char *path = s->path;
	int r = look(s, a, path, e);

	for (int i = 0; r >= 0 && follow && s->there && s->name && S_ISLNK(s->st.st_mode); i++) {
		if (i == LINKS_MAX)
			return dv_fail_errno(e, ELOOP, "%.300s", s->path);
		if ((r = step(s, a, &path, e)) >= 0)
			r = look(s, a, path, e);
	}
	return r;
}

static int side_open(struct side *s, struct engine *g, struct arena *a, const struct cp_place *p, struct dv_err *e)
{
	struct ctr *c = NULL;
	int r;

	s->path = p->path;
	s->host = !p->ctr;
	s->slash = str_ends(p->path, "/");
	s->contents = str_ends(p->path, "/.") || streq(p->path, ".");
	if (s->host)
		return 0;
	s->path = *p->path == '/' ? p->path : arena_printf(a, "/%s", p->path);
	s->contents = s->contents || streq(p->path, "/.");
	if ((r = ctr_get(g, a, p->ctr, &c, e)) < 0)
		return r;
	s->row = c;
	return ctr_root_open(g, a, c, true, &s->root, e);
}

/* docker's words for the two directions. */
static void tell_copied(struct engine *g, const struct side *from, const struct side *to)
{
	if (from->row)
		event_ctr(g, from->row, "archive-path", NULL, NULL);
	if (to->row)
		event_ctr(g, to->row, "extract-to-dir", NULL, NULL);
}

static void side_close(struct side *s)
{
	fd_close(&s->dir);
	ctr_root_close(&s->root);
}
#define SIDE_NONE { .root = CTR_ROOT_NONE, .dir = -1 }
#define auto_side __attribute__((cleanup(side_close)))

/* --- source --- */

static int find_source(struct side *s, struct arena *a, bool follow, struct dv_err *e)
{
	int r = side_find(s, a, follow || s->slash || s->contents, e);

	if (r == -DV_NOT_FOUND || (r >= 0 && !s->there))
		return dv_fail(e, DV_NOT_FOUND, s->host ? "lstat %.300s: no such file or directory" :
							  "Could not find the file %.300s in the container", s->path);
	if (r >= 0 && (s->slash || s->contents) && !S_ISDIR(s->st.st_mode))
		return dv_fail(e, DV_INVALID, "%.300s: not a directory", s->path);
	return r;
}

/* The directory that the source is. */
static int open_source(const struct side *s, int *ret, struct dv_err *e)
{
	return file_open(s->dir, s->name ? s->name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, ret, e);
}

/* The name in the archive or in a directory that is there: that of the path, also for a link that was followed. */
static const char *base_name(const struct side *s, struct arena *a)
{
	const char *parent, *name;

	take_apart(a, s->path, s->host, &parent, &name);
	return name;
}

/* --- copies --- */

static int copy_contents(const struct side *from, int to_dir, const char *name, const struct treecopy_options *o, struct dv_err *e)
{
	auto_close int src = -1, dst = -1;
	bool fresh = false;
	int r;

	if (name && mkdirat(to_dir, name, 0700) == 0)
		fresh = true;
	else if (name && errno != EEXIST)
		return dv_fail_errno(e, errno, "make directory %.255s", name);
	if ((r = open_source(from, &src, e)) < 0 ||
	    (r = file_open(to_dir, name ? name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &dst, e)) < 0 ||
	    (r = tree_copy(src, dst, o, e)) < 0)
		return r;
	return fresh ? tree_copy_attributes(src, dst, o, e) : 0;
}

/* Into a directory that is there. */
static int copy_into(const struct side *from, struct arena *a, int dir, const struct treecopy_options *o, struct dv_err *e)
{
	const char *name = base_name(from, a);

	if (!name || from->contents)
		return copy_contents(from, dir, NULL, o, e);
	if (S_ISDIR(from->st.st_mode)) {
		struct stat st;

		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
			return dv_fail(e, DV_CONFLICT, "cannot overwrite non-directory \"%.255s\" with directory", name);
		return copy_contents(from, dir, name, o, e);
	}
	return tree_copy_entry(from->dir, from->name, dir, name, o, e);
}

static int copy_onto(const struct side *from, struct side *to, struct arena *a, const struct treecopy_options *o, struct dv_err *e)
{
	bool is_dir = S_ISDIR(from->st.st_mode);

	if (to->there && S_ISDIR(to->st.st_mode)) {
		auto_close int dir = -1;
		int r = file_open(to->dir, to->name ? to->name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &dir, e);

		return r < 0 ? r : copy_into(from, a, dir, o, e);
	}
	if (to->there && is_dir)
		return dv_fail(e, DV_INVALID, "cannot copy a directory onto the file %.300s", to->path);
	if (!to->there && (to->slash || to->contents) && !is_dir)
		return dv_fail(e, DV_NOT_FOUND, "no such directory: %.300s", to->path);
	if (to->there && to->slash)
		return dv_fail(e, DV_INVALID, "%.300s: not a directory", to->path);
	return is_dir ? copy_contents(from, to->dir, to->name, o, e) :
			tree_copy_entry(from->dir, from->name, to->dir, to->name, o, e);
}

/* Who the copies belong to: in a container as in the source, on the host to us. */
static struct treecopy_options options_for(const struct cp_request *q)
{
	return (struct treecopy_options){ .keep_owner = q->archive || q->to.ctr, .uid = geteuid(), .gid = getegid(),
					  .keep_xattrs = true };
}

static int find_target(struct side *s, struct arena *a, struct dv_err *e)
{
	int r = side_find(s, a, true, e);

	return r == -DV_NOT_FOUND ? dv_fail(e, DV_NOT_FOUND, "%.300s: the directory it would be in does not exist", s->path) : r;
}

/* --- streams --- */

static int to_stream(const struct cp_request *q, struct side *from, struct arena *a, struct dv_err *e)
{
	static const struct tarwalk_options o = { 0 };
	const char *as = base_name(from, a);

	if (!from->name || from->contents) {
		auto_close int dir = -1;
		int r = open_source(from, &dir, e);

		return r < 0 ? r : tar_walk(dir, q->stream, "standard output", &o, e);
	}
	return tar_walk_entry(from->dir, from->name, as, q->stream, "standard output", &o, e);
}

static int from_stream(const struct cp_request *q, struct side *to, struct arena *a, struct dv_err *e)
{
	static const struct untar_options o = { .keep_owner = true };
	auto_close int dir = -1;
	int r = find_target(to, a, e);

	if (r < 0)
		return r;
	if (!to->there || !S_ISDIR(to->st.st_mode))
		return dv_fail(e, DV_INVALID, "destination \"%.300s\" must be a directory", to->path);
	r = file_open(to->dir, to->name ? to->name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &dir, e);
	return r < 0 ? r : untar(dir, q->stream, "standard input", &o, e);
}

static bool is_stream(const struct cp_place *p)
{
	return !p->ctr && streq(p->path, "-");
}

/* --- all of it --- */

int engine_cp(struct engine *g, struct arena *a, const struct cp_request *q, struct dv_err *e)
{
	const struct treecopy_options o = options_for(q);
	auto_side struct side from = SIDE_NONE, to = SIDE_NONE;
	int r;

	/* Who is at the other end of a stream may wait for the same container: no lock is held over it. */
	if (is_stream(&q->from)) {
		if ((r = side_open(&to, g, a, &q->to, e)) < 0 || (r = ctr_root_share(&to.root, g, e)) < 0)
			return r;
		if ((r = from_stream(q, &to, a, e)) >= 0)
			tell_copied(g, &from, &to);
		return r;
	}
	if ((r = side_open(&from, g, a, &q->from, e)) < 0 || (r = find_source(&from, a, q->follow, e)) < 0)
		return r;
	if (is_stream(&q->to)) {
		if ((r = ctr_root_share(&from.root, g, e)) >= 0 && (r = to_stream(q, &from, a, e)) >= 0)
			tell_copied(g, &from, &to);
		return r;
	}
	/* The same container twice, perhaps: then it is one mount. */
	if (q->from.ctr && q->to.ctr && (r = ctr_root_share(&from.root, g, e)) < 0)
		return r;
	if ((r = side_open(&to, g, a, &q->to, e)) < 0 || (r = find_target(&to, a, e)) < 0)
		return r;
	if ((r = copy_onto(&from, &to, a, &o, e)) >= 0)
		tell_copied(g, &from, &to);
	return r;
}
