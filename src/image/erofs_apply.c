/* erofs_apply.c - a layer's entries onto the tree in memory: the rules of unpack.c, without a file system.
 *
 * The functions have the shape and the order of those there on purpose: what a
 * system call answers there, a lookup answers here, also in errors.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/str.h"
#include "image/erofs_parts.h"

#define LINKS_MAX 65000         /* names of one file, as ext4 has it */

struct erofs_later {
	struct erofs_later *next;
	const char *path;
	int64_t mtime_s;
	uint32_t mtime_ns;
	size_t acl_len;
	char acl[];
};

int erofs_later(struct erofs_tree *t, const char *path, int64_t mtime_s, uint32_t mtime_ns, const void *acl,
		size_t acl_len, struct dv_err *e)
{
	struct erofs_later *l = NULL;
	int rc = erofs_alloc(t, sizeof(*l) + acl_len + strlen(path) + 1, &l, e);

	if (rc < 0)
		return rc;
	if (acl_len > 0)
		memcpy(l->acl, acl, acl_len);
	l->path = memcpy(l->acl + acl_len, path, strlen(path) + 1);
	l->mtime_s = mtime_s;
	l->mtime_ns = mtime_ns;
	l->acl_len = acl_len;
	*t->later_end = l;
	t->later_end = &l->next;
	return 0;
}

/* --- leaves --- */

static int mode_of(enum tar_type type)
{
	static const uint32_t modes[] = {
		[TAR_FILE] = S_IFREG, [TAR_SYMLINK] = S_IFLNK | 0777, [TAR_CHAR] = S_IFCHR, [TAR_BLOCKDEV] = S_IFBLK,
		[TAR_DIR] = S_IFDIR, [TAR_FIFO] = S_IFIFO,
	};

	return (int)modes[type];
}

/* 0, or the errno that linkat(2) would give. */
static int hardlink(struct erofs_tree *t, const struct tar_entry *x, struct erofs_node *dir, struct dv_err *e)
{
	char target[TAR_PATH_MAX + 1];

	if (unpack_clean(x->link, target, NULL) < 0 || !*target)
		return EINVAL;
	char *slash = strrchr(target, '/');
	if (slash)
		*slash = '\0';
	struct erofs_node *from = erofs_find(t, slash ? target : "");
	const char *leaf = slash ? slash + 1 : target;
	struct erofs_name *name = from ? erofs_lookup(t, from, leaf, strlen(leaf)) : NULL;
	if (!name)
		return ENOENT;
	if (erofs_lookup(t, dir, t->leaf, strlen(t->leaf)))
		return EEXIST;
	if (S_ISDIR(name->node->mode))
		return EPERM;
	if (name->node->nlink >= LINKS_MAX)
		return EMLINK;
	return erofs_link(t, dir, t->leaf, name->node, e) < 0 ? -1 : 0;
}

/* Make the leaf: 0, or what a system call would say; -1 with *e. */
static int leaf_make(struct erofs_tree *t, const struct tar_entry *x, struct erofs_node *dir, struct erofs_node **ret,
		     struct dv_err *e)
{
	size_t len = strlen(x->link);
	struct erofs_node *n = NULL;
	char *target = NULL;

	if (x->type == TAR_HARDLINK)
		return hardlink(t, x, dir, e);
	if (len >= PATH_MAX)
		return ENAMETOOLONG;
	if (erofs_lookup(t, dir, t->leaf, strlen(t->leaf)))
		return EEXIST;
	if (erofs_node_new(t, (uint32_t)mode_of(x->type), &n, e) < 0)
		return -1;
	if (x->type == TAR_SYMLINK) {
		if (erofs_alloc(t, len + 1, &target, e) < 0)
			return -1;
		n->target = memcpy(target, x->link, len + 1);
		n->size = len;
	} else if (x->type == TAR_CHAR || x->type == TAR_BLOCKDEV) {
		n->device = (x->minor & 0xff) | x->major << 8 | (x->minor & ~0xffu) << 12;
	} else if (x->type == TAR_FILE) {
		n->size = x->size;
		n->data_at = x->data_offset;
		n->sparse = x->sparse && x->size > 0;
	}
	if (erofs_link(t, dir, t->leaf, n, e) < 0)
		return -1;
	*ret = n;
	return 0;
}

static bool same_file(const struct erofs_tree *t, const struct tar_entry *x)
{
	char target[TAR_PATH_MAX + 1];
	auto_free char *mine = mem_printf("%s%s%s", t->parent, *t->parent ? "/" : "", t->leaf);

	return x->type == TAR_HARDLINK && unpack_clean(x->link, target, NULL) == 0 && streq(target, mine);
}

/* Something is there: a directory stays for a directory, all else goes. */
static int leaf_replace(struct erofs_tree *t, const struct tar_entry *x, struct erofs_node *dir, struct erofs_node **ret,
			struct dv_err *e)
{
	struct erofs_name *old = erofs_lookup(t, dir, t->leaf, strlen(t->leaf));

	if (same_file(t, x))
		return dv_fail(e, DV_INVALID, "hard link to itself");
	if (!old)
		return dv_fail(e, DV_INTERNAL, "a name went");
	if (S_ISDIR(old->node->mode) && x->type == TAR_DIR) {
		*ret = old->node;
		return 0;
	}
	bool opaque = erofs_is_whiteout(old->node) && x->type == TAR_DIR;
	erofs_unlink(t, old);
	int sys = leaf_make(t, x, dir, ret, e);
	if (sys)
		return sys < 0 ? -DV_LIMIT : dv_fail_errno(e, sys, "make again");
	return opaque ? erofs_opaque(t, *ret, e) : 0;
}

/* --- data --- */

static int run_add(struct erofs_tree *t, struct erofs_node *n, uint64_t offset, size_t len, uint64_t at, struct dv_err *e)
{
	struct erofs_run *run = n->runs_end;

	if (run && run->offset + run->len == offset) {
		run->len += len;
		return 0;
	}
	int rc = erofs_alloc(t, sizeof(*run), &run, e);
	if (rc < 0)
		return rc;
	*run = (struct erofs_run){ NULL, offset, len, at };
	if (n->runs_end)
		n->runs_end->next = run;
	else
		n->runs = run;
	n->runs_end = run;
	return 0;
}

/* The bytes are in the file already; here it matters only where they belong. */
static int file_fill(struct erofs_tree *t, struct tar_reader *r, const struct tar_entry *x, struct erofs_node *n,
		     struct dv_err *e)
{
	uint64_t offset, at = x->data_offset;
	const void *p;
	size_t len;
	int rc = 0;

	if (x->data_offset % EROFS_BLOCK)
		return dv_fail(e, DV_INTERNAL, "data in the middle of a block");
	while (n->sparse && (rc = tar_data(r, &p, &len, &offset, e)) > 0) {
		rc = run_add(t, n, offset, len, at, e);
		if (rc < 0)
			return rc;
		at += len;
	}
	return rc;
}

/* --- entries --- */

static int dir_later(struct erofs_tree *t, const struct tar_entry *x, const char *path, struct dv_err *e)
{
	const struct tar_xattr *acl = unpack_acl_default(x);

	return erofs_later(t, path, x->mtime_s, x->mtime_ns, acl ? acl->value : NULL, acl ? acl->len : 0, e);
}

static int entry_root(struct erofs_tree *t, const struct tar_entry *x, struct dv_err *e)
{
	if (x->type != TAR_DIR)
		return dv_fail(e, DV_INVALID, "the root of a layer is not a directory");
	int rc = erofs_meta(t, t->root, x, e);
	return rc < 0 ? rc : dir_later(t, x, "", e);
}

static int entry_make(struct erofs_tree *t, struct tar_reader *r, const struct tar_entry *x, struct dv_err *e)
{
	struct erofs_node *dir, *n = NULL;
	int rc = erofs_parent(t, t->parent, true, &dir, e);

	if (rc < 0)
		return rc;
	int sys = leaf_make(t, x, dir, &n, e);
	if (sys == EEXIST)
		rc = leaf_replace(t, x, dir, &n, e);
	else if (sys == ENOENT && x->type == TAR_HARDLINK)
		return dv_fail(e, DV_INVALID, "hard link to what the layer does not have");
	else if (sys)
		return sys < 0 ? -DV_LIMIT : dv_fail_errno(e, sys, "make");
	if (rc < 0 || x->type == TAR_HARDLINK)
		return rc;
	rc = x->type == TAR_FILE ? file_fill(t, r, x, n, e) : 0;
	if (rc == 0)
		rc = erofs_meta(t, n, x, e);
	if (rc < 0 || x->type != TAR_DIR)
		return rc;
	auto_free char *at = mem_printf("%s%s%s", t->parent, *t->parent ? "/" : "", t->leaf);
	return dir_later(t, x, at, e);
}

/* --- whiteouts --- */

static int entry_mark(struct erofs_tree *t, enum unpack_mark mark, struct dv_err *e)
{
	const char *name = t->leaf + strlen(WHITEOUT);
	struct erofs_node *dir, *n = NULL;
	struct dv_err why;

	if (mark == MARK_RESERVED)
		return 0;
	int rc = erofs_parent(t, t->parent, false, &dir, &why);
	if (rc == -DV_NOT_FOUND)
		return 0;
	if (rc < 0) {
		*e = why;
		return rc;
	}
	if (mark == MARK_OPAQUE)
		return erofs_opaque(t, dir, e);
	if (erofs_lookup(t, dir, name, strlen(name)))
		return 0;
	rc = erofs_node_new(t, S_IFCHR, &n, e);
	if (rc < 0)
		return rc;
	n->gid = dir->mode & S_ISGID ? dir->gid : 0;
	return erofs_link(t, dir, name, n, e);
}

/* --- the layer --- */

static int entry_apply(struct erofs_tree *t, struct tar_reader *r, const struct tar_entry *x, struct dv_err *e)
{
	int rc = unpack_account(t->o, &t->result, x, e);
	enum unpack_mark mark;

	if (rc == 0)
		rc = unpack_clean(x->path, t->path, e);
	if (rc < 0)
		return rc;
	if (!t->path[0])
		return entry_root(t, x, e);
	char *slash = strrchr(t->path, '/');
	t->leaf = slash ? slash + 1 : t->path;
	t->parent = slash ? t->path : "";
	if (slash)
		*slash = '\0';
	rc = unpack_whiteout(t->leaf, &mark, e);
	if (rc < 0 || mark != MARK_NONE)
		return rc < 0 ? rc : entry_mark(t, mark, e);
	return entry_make(t, r, x, e);
}

static int later_one(struct erofs_tree *t, const struct erofs_later *l, struct dv_err *e)
{
	const char *slash = strrchr(l->path, '/'), *leaf = slash ? slash + 1 : l->path;
	auto_free char *parent = slash ? strndup(l->path, (size_t)(slash - l->path)) : mem_str("");
	struct erofs_name *x = NULL;
	struct erofs_node *n;

	if (erofs_parent(t, parent, false, &n, NULL) < 0)
		return 0;
	if (*leaf) {
		x = erofs_lookup(t, n, leaf, strlen(leaf));
		n = x ? x->node : NULL;
	}
	if (!n || !S_ISDIR(n->mode))
		return 0;
	n->mtime_s = l->mtime_s;
	n->mtime_ns = l->mtime_ns;
	return l->acl_len > 0 ? erofs_xattr_set(t, n, UNPACK_ACL_DEFAULT, l->acl, l->acl_len, e) : 0;
}

int erofs_apply(struct erofs_tree *t, struct tar_reader *r, struct dv_err *e)
{
	char shown[UNPACK_SHOW_SIZE];
	const struct tar_entry *x;
	int rc;

	while ((rc = tar_next(r, &x, e)) > 0) {
		rc = entry_apply(t, r, x, e);
		if (rc < 0)
			return dv_wrap(e, "%s", unpack_show(x->path, shown));
	}
	t->closing = true;
	for (const struct erofs_later *l = t->later; l && rc == 0; l = l->next)
		rc = later_one(t, l, e);
	return rc;
}
