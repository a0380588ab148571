/* erofs_parts.h - the tree of a layer in memory, from which an erofs image is written.
 *
 * What unpack.c does to a directory is done here to nodes: the same archive gives
 * the same tree. No name of the archive ever reaches the host's file system. All
 * of it lives in one arena with a limit.
 */
#pragma once

#include <sys/stat.h>

#include "base/mem.h"
#include "image/erofs_disk.h"
#include "image/unpack_parts.h"

#define EROFS_MEMORY_MAX ((size_t)1 << 30)

struct erofs_xattr {            /* each distinct one once */
	struct erofs_xattr *same_hash, *next_placed;
	uint32_t hash;
	uint32_t place;                 /* in the shared area; UINT32_MAX: not there */
	struct erofs_xattr_entry entry; /* in the host's byte order */
	char bytes[];                   /* name without its prefix, then value */
};
struct erofs_xref {
	struct erofs_xref *next;
	struct erofs_xattr *x;
};

struct erofs_run {              /* data of a sparse file */
	struct erofs_run *next;
	uint64_t offset, len;
	uint64_t at;                    /* in the tar */
};

struct erofs_node {
	uint32_t mode, uid, gid, nlink;
	int64_t mtime_s;
	uint32_t mtime_ns, device;
	uint64_t size;
	struct erofs_xref *xattrs;
	union {
		uint64_t data_at;                       /* file: in the tar */
		const char *target;                     /* link */
		struct {                                /* directory */
			struct erofs_name *names;
			struct erofs_node *parent;      /* the root's is itself */
			struct erofs_name *name;        /* the only one it has; NULL: the root */
			size_t n_names;
		};
	};
	struct erofs_run *runs, *runs_end;      /* sparse file */
	bool sparse;
	/* the layout, by erofs_write.c */
	bool listed;
	uint8_t layout, chunk_bits;
	uint16_t n_xattrs;
	uint32_t address, n_chunks;
	uint32_t *chunks;
	uint64_t at;                            /* in meta */
	struct erofs_node *next;
};

struct erofs_name {
	struct erofs_name *same_hash, *next, **link;    /* link: what points here in the directory's list */
	struct erofs_node *dir, *node;
	uint32_t hash;
	uint8_t len;
	char text[];
};

struct erofs_tree {
	const struct unpack_options *o;
	struct unpack_result result;
	struct arena arena;
	struct erofs_node *root;
	struct erofs_name **names;      /* hash tables, powers of two */
	size_t n_names, names_size;
	struct erofs_xattr **xattrs;
	size_t n_xattrs, xattrs_size;
	uint64_t seed;
	bool closing;                   /* as in struct unpack */
	struct erofs_later *later, **later_end;
	char path[TAR_PATH_MAX + 1];    /* of the entry, as in struct unpack */
	char *leaf;
	const char *parent;
};

/* --- erofs_tree.c: nodes and names --- */

int erofs_tree_init(struct erofs_tree *t, const struct unpack_options *o, struct dv_err *e) DV_MUST_USE;
void erofs_tree_done(struct erofs_tree *t);
/* Memory of the tree; LIMIT. */
int erofs_alloc(struct erofs_tree *t, size_t size, void *ret, struct dv_err *e) DV_MUST_USE;

int erofs_node_new(struct erofs_tree *t, uint32_t mode, struct erofs_node **ret, struct dv_err *e) DV_MUST_USE;
struct erofs_name *erofs_lookup(const struct erofs_tree *t, const struct erofs_node *dir, const char *name, size_t len);
/* A new name in dir, which has none like it. A directory gets its parent. */
int erofs_link(struct erofs_tree *t, struct erofs_node *dir, const char *name, struct erofs_node *node,
	       struct dv_err *e) DV_MUST_USE;
/* The name goes, and everything below it. */
void erofs_unlink(struct erofs_tree *t, struct erofs_name *name);
static inline bool erofs_is_whiteout(const struct erofs_node *n)
{
	return S_ISCHR(n->mode) && n->device == 0;
}

/* --- erofs_path.c: parents --- */

/* The directory that a lookup inside the layer leads to, as openat2 finds it; NULL when there is none. */
struct erofs_node *erofs_find(const struct erofs_tree *t, const char *path);
/* As unpack_parent(). */
int erofs_parent(struct erofs_tree *t, const char *path, bool make, struct erofs_node **ret, struct dv_err *e) DV_MUST_USE;

/* --- erofs_meta.c --- */

/* As the kernel does it for root: INVALID and so on where it would refuse; what is not wanted is dropped. */
int erofs_xattr_set(struct erofs_tree *t, struct erofs_node *n, const char *name, const void *value, size_t len,
		    struct dv_err *e) DV_MUST_USE;
/* A file, or the attributes of all others, as unpack_meta(). */
int erofs_meta(struct erofs_tree *t, struct erofs_node *n, const struct tar_entry *x, struct dv_err *e) DV_MUST_USE;
int erofs_opaque(struct erofs_tree *t, struct erofs_node *n, struct dv_err *e) DV_MUST_USE;
/* As the directory behind fd, of a layer below. */
int erofs_meta_copy(struct erofs_tree *t, struct erofs_node *n, int fd, struct dv_err *e) DV_MUST_USE;
/* Time and default ACL of the directory that is at the path in the end, as unpack_later(). */
int erofs_later(struct erofs_tree *t, const char *path, int64_t mtime_s, uint32_t mtime_ns, const void *acl,
		size_t acl_len, struct dv_err *e) DV_MUST_USE;

/* --- erofs_apply.c, erofs_write.c --- */

int erofs_apply(struct erofs_tree *t, struct tar_reader *r, struct dv_err *e) DV_MUST_USE;
/* Everything but the tar, which is in the file (read and write) already. */
int erofs_write(struct erofs_tree *t, int fd, uint64_t tar_size, struct dv_err *e) DV_MUST_USE;

/* --- erofs_check.c --- */

/* Everything that can be seen in the file itself: the head's checksum, every inode, directory, attribute and
 * chunk inside its bounds, names in order, links counted, nothing in two places. CORRUPT. */
int erofs_check(int fd, struct dv_err *e) DV_MUST_USE;
