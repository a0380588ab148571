/* erofs_tree.c - nodes and names of a layer in memory.
 *
 * All names are in one hash table, keyed by directory and text, and each directory
 * has a list of its own. The hash is seeded: an archive cannot be made to collide.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "image/erofs_parts.h"

#define TABLE_FIRST 256

int erofs_alloc(struct erofs_tree *t, size_t size, void *ret, struct dv_err *e)
{
	void *p = arena_try(&t->arena, size);

	if (!p)
		return dv_fail(e, DV_LIMIT, "the layer's index is too large");
	*(void **)ret = p;
	return 0;
}

int erofs_tree_init(struct erofs_tree *t, const struct unpack_options *o, struct dv_err *e)
{
	arena_init(&t->arena, EROFS_MEMORY_MAX);
	t->o = o;
	t->later_end = &t->later;
	t->names_size = t->xattrs_size = TABLE_FIRST;
	t->names = mem_resize(NULL, t->names_size, sizeof(struct erofs_name *));
	t->xattrs = mem_resize(NULL, t->xattrs_size, sizeof(struct erofs_xattr *));
	memset(t->names, 0, t->names_size * sizeof(struct erofs_name *));
	memset(t->xattrs, 0, t->xattrs_size * sizeof(struct erofs_xattr *));
	if (getrandom(&t->seed, sizeof(t->seed), 0) != sizeof(t->seed))
		return dv_fail_errno(e, errno, "random numbers");
	int rc = erofs_node_new(t, S_IFDIR | 0755, &t->root, e);
	if (rc < 0)
		return rc;
	t->root->parent = t->root;
	t->root->nlink = 2;
	return 0;
}

void erofs_tree_done(struct erofs_tree *t)
{
	arena_done(&t->arena);
	free(t->names);
	free(t->xattrs);
}

int erofs_node_new(struct erofs_tree *t, uint32_t mode, struct erofs_node **ret, struct dv_err *e)
{
	struct erofs_node *n = NULL;
	int rc = erofs_alloc(t, sizeof(*n), &n, e);

	if (rc < 0)
		return rc;
	n->mode = mode;
	*ret = n;
	return 0;
}

/* --- names --- */

static uint32_t hash_name(const struct erofs_tree *t, const struct erofs_node *dir, const char *name, size_t len)
{
	uint64_t h = t->seed ^ (uint64_t)(uintptr_t)dir * 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 0xff51afd7ed558ccdu ^ h >> 29;
	return (uint32_t)(h ^ h >> 32);
}

static void table_grow(struct erofs_tree *t)
{
	size_t size = 2 * t->names_size;
	struct erofs_name **table = mem_resize(NULL, size, sizeof(struct erofs_name *));

	memset(table, 0, size * sizeof(struct erofs_name *));
	for (size_t i = 0; i < t->names_size; i++) {
		for (struct erofs_name *x = t->names[i], *next; x; x = next) {
			next = x->same_hash;
			x->same_hash = table[x->hash & (size - 1)];
			table[x->hash & (size - 1)] = x;
		}
	}
	free(t->names);
	t->names = table;
	t->names_size = size;
}

struct erofs_name *erofs_lookup(const struct erofs_tree *t, const struct erofs_node *dir, const char *name, size_t len)
{
	uint32_t hash = hash_name(t, dir, name, len);
	struct erofs_name *x = t->names[hash & (t->names_size - 1)];

	while (x && !(x->hash == hash && x->dir == dir && x->len == len && memcmp(x->text, name, len) == 0))
		x = x->same_hash;
	return x;
}

int erofs_link(struct erofs_tree *t, struct erofs_node *dir, const char *name, struct erofs_node *node, struct dv_err *e)
{
	size_t len = strlen(name);
	struct erofs_name *x = NULL;
	int rc = erofs_alloc(t, sizeof(*x) + len + 1, &x, e);

	if (rc < 0)
		return rc;
	if (t->n_names >= t->names_size)
		table_grow(t);
	t->n_names++;
	memcpy(x->text, name, len);
	x->len = (uint8_t)len;
	x->dir = dir;
	x->node = node;
	x->hash = hash_name(t, dir, name, len);
	x->same_hash = t->names[x->hash & (t->names_size - 1)];
	t->names[x->hash & (t->names_size - 1)] = x;
	x->next = dir->names;
	x->link = &dir->names;
	if (x->next)
		x->next->link = &x->next;
	dir->names = x;
	dir->n_names++;
	node->nlink++;
	if (S_ISDIR(node->mode)) {
		node->parent = dir;
		node->name = x;
		node->nlink = 2;
		dir->nlink++;
	}
	return 0;
}

static void forget(struct erofs_tree *t, struct erofs_name *x)
{
	struct erofs_name **p = &t->names[x->hash & (t->names_size - 1)];

	while (*p != x)
		p = &(*p)->same_hash;
	*p = x->same_hash;
	*x->link = x->next;
	if (x->next)
		x->next->link = x->link;
	x->dir->n_names--;
	x->node->nlink--;
	if (S_ISDIR(x->node->mode))
		x->dir->nlink--;
	t->n_names--;
}

void erofs_unlink(struct erofs_tree *t, struct erofs_name *name)
{
	struct erofs_name *x = name;

	/* Down to a name that has nothing below it, away with it, and on from its directory. */
	for (;;) {
		while (S_ISDIR(x->node->mode) && x->node->names)
			x = x->node->names;
		struct erofs_node *dir = x->dir;
		forget(t, x);
		if (x == name)
			return;
		x = dir->names ? dir->names : dir->name;
	}
}
