/* erofs_path.c - from an entry's path to its parent's node, as unpack_path.c does it with descriptors.
 *
 * First what openat2 does inside the root: links are followed physically. Where
 * that leads nowhere, component by component, with the layers below at hand;
 * there ".." in links is taken as text. Both have to be as they are there, or the
 * two drivers would differ.
 */
#include <limits.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "image/erofs_parts.h"

#define LINKS_MAX 40

/* --- inside the layer --- */

static struct erofs_node *step_inside(const struct erofs_tree *t, struct erofs_node *at, const char *p, size_t n)
{
	if (n == 0 || (n == 1 && *p == '.'))
		return at;
	if (n == 2 && p[0] == '.' && p[1] == '.')
		return at->parent;
	struct erofs_name *x = erofs_lookup(t, at, p, n);
	return x ? x->node : NULL;
}

struct erofs_node *erofs_find(const struct erofs_tree *t, const char *path)
{
	auto_buf struct buf todo = BUF_INIT((size_t)(LINKS_MAX + 1) * (PATH_MAX + 1));
	struct erofs_node *at = t->root;
	unsigned links = 0;

	if (strlen(path) >= PATH_MAX)
		return NULL;
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");
		struct erofs_node *next = step_inside(t, at, p, n);

		p += n + (p[n] == '/');
		if (!next || !(S_ISDIR(next->mode) || S_ISLNK(next->mode)))
			return NULL;
		if (S_ISDIR(next->mode)) {
			at = next;
			continue;
		}
		if (++links > LINKS_MAX)
			return NULL;
		auto_free char *rest = mem_str(p);
		buf_reset(&todo);
		buf_printf(&todo, "%s/%s", next->target, rest);
		if (*next->target == '/')
			at = t->root;
		p = buf_cstr(&todo);
	}
	return at;
}

/* --- with the layers below --- */

struct walk {
	struct erofs_tree *t;
	bool make;
	struct erofs_node *dir;         /* where we are */
	char at[TAR_PATH_MAX + 1];      /* its path, without links */
	char todo[TAR_PATH_MAX + 1];    /* what is still to walk */
	unsigned links;
};

static void walk_to_root(struct walk *w)
{
	w->dir = w->t->root;
	w->at[0] = '\0';
}

static int walk_link(struct walk *w, const char *target, struct dv_err *e)
{
	auto_buf struct buf path = BUF_INIT(4 * TAR_PATH_MAX);

	if (++w->links > LINKS_MAX)
		return dv_fail(e, DV_INVALID, "too many links on the way");
	if (*target != '/')
		buf_str(&path, w->at);
	buf_printf(&path, "/%s/%s", target, w->todo);
	int rc = buf_check(&path, "path", e);
	if (rc == 0)
		rc = unpack_clean(buf_cstr(&path), w->todo, e);
	if (rc == 0)
		walk_to_root(w);
	return rc;
}

static int walk_into(struct walk *w, const char *name, struct erofs_node *dir, struct dv_err *e)
{
	size_t at = strlen(w->at), n = strlen(name);

	w->dir = dir;
	if (at + 1 + n > TAR_PATH_MAX)
		return dv_fail(e, DV_LIMIT, "path is longer than %d bytes", TAR_PATH_MAX);
	if (at > 0)
		w->at[at++] = '/';
	memcpy(w->at + at, name, n + 1);
	return 0;
}

static int later_as(struct walk *w, int like, struct dv_err *e)
{
	auto_free char *acl = mem_alloc(UNPACK_ACL_MAX);
	size_t acl_len = unpack_acl_default_of(like, acl);
	struct stat st = { 0 };

	(void)fstat(like, &st);
	return erofs_later(w->t, w->at, st.st_mtim.tv_sec, (uint32_t)st.st_mtim.tv_nsec, acl, acl_len, e);
}

static int walk_make(struct walk *w, const char *name, int like, bool opaque, struct dv_err *e)
{
	struct erofs_node *n;
	int rc = erofs_node_new(w->t, S_IFDIR | 0755, &n, e);

	if (rc < 0)
		return rc;
	n->gid = w->dir->mode & S_ISGID ? w->dir->gid : 0;      /* as mkdir(2) has it */
	rc = erofs_link(w->t, w->dir, name, n, e);
	if (rc == 0 && like >= 0)
		rc = erofs_meta_copy(w->t, n, like, e);
	if (rc == 0 && opaque)
		rc = erofs_opaque(w->t, n, e);
	if (rc == 0)
		rc = walk_into(w, name, n, e);
	if (rc < 0)
		return rc;
	return like >= 0 ? later_as(w, like, e) : erofs_later(w->t, w->at, 0, 0, NULL, 0, e);
}

static int walk_below(struct walk *w, const char *name, struct dv_err *e)
{
	auto_free char *path = mem_printf("%s%s%s", w->at, *w->at ? "/" : "", name), *target = NULL;
	auto_close int fd = -1;
	enum lower_kind kind;

	if (w->t->o->blind)
		return dv_fail(e, DV_UNAVAILABLE, "the layers below are wanted");
	w->t->result.used_lowers = true;
	int rc = unpack_lower(w->t->o, path, &kind, &fd, e);
	if (rc == 0 && kind == LOWER_LINK) {
		rc = file_readlink(fd, "", &target, e);
		return rc < 0 ? rc : walk_link(w, target, e);
	}
	if (rc < 0)
		return rc;
	if ((kind != LOWER_DIR && !w->make) || w->t->closing)
		return dv_fail(e, DV_NOT_FOUND, "no such directory");
	return walk_make(w, name, kind == LOWER_DIR ? fd : -1, false, e);
}

static int walk_step(struct walk *w, const char *name, struct dv_err *e)
{
	struct erofs_name *x = erofs_lookup(w->t, w->dir, name, strlen(name));

	if (!x)
		return walk_below(w, name, e);
	if (S_ISDIR(x->node->mode))
		return walk_into(w, name, x->node, e);
	if (S_ISLNK(x->node->mode))
		return walk_link(w, x->node->target, e);
	if (!erofs_is_whiteout(x->node))
		return dv_fail(e, DV_INVALID, "a parent is not a directory");
	if (!w->make)
		return dv_fail(e, DV_NOT_FOUND, "no such directory");
	erofs_unlink(w->t, x);
	return walk_make(w, name, -1, true, e);
}

static int walk_run(struct walk *w, const char *path, struct dv_err *e)
{
	char name[TAR_NAME_MAX + 1];
	int rc = 0;

	walk_to_root(w);
	memcpy(w->todo, path, strlen(path) + 1);
	while (rc == 0 && w->todo[0]) {
		size_t n = strcspn(w->todo, "/");

		memcpy(name, w->todo, n);
		name[n] = '\0';
		n += w->todo[n] == '/';
		memmove(w->todo, w->todo + n, strlen(w->todo + n) + 1);
		rc = walk_step(w, name, e);
	}
	return rc;
}

int erofs_parent(struct erofs_tree *t, const char *path, bool make, struct erofs_node **ret, struct dv_err *e)
{
	struct erofs_node *n = erofs_find(t, path);

	if (!n) {
		auto_free struct walk *w = mem_new(struct walk);

		w->t = t;
		w->make = make;
		int rc = walk_run(w, path, e);
		if (rc < 0)
			return rc;
		n = w->dir;
	}
	*ret = n;
	return 0;
}
