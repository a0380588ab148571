/* erofs_check.c - read an image of ours as strictly as it can be read.
 *
 * A reader of its own, which shares only the structs with the writer: it walks the
 * tree from the root, claims every byte range that something refers to, and says
 * what is outside, out of order, counted wrong or claimed twice.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/erofs_parts.h"

#define INODES_MAX (2 * (uint64_t)TAR_ENTRIES_MAX)

struct range { uint64_t from, to; };

struct seen {                   /* an inode, in the order of discovery */
	uint64_t nid, parent;
	uint32_t mode, names, nlink;    /* names: how many were found */
};

struct check {
	const char *meta;
	uint64_t meta_at, meta_size, xattrs_at;         /* xattrs_at: in meta */
	uint64_t tar_size;
	struct range *ranges;
	size_t n_ranges, ranges_cap;
	struct seen *seen;
	size_t n_seen, seen_cap;
	uint32_t *index;                /* slot of meta -> 1 + place in seen */
	bool chunked;
};

static int corrupt(struct dv_err *e, const char *what, uint64_t where)
{
	return dv_fail(e, DV_CORRUPT, "erofs image: %s at %llu", what, (unsigned long long)where);
}

/* --- what belongs to whom --- */

/* Bytes of the file that nobody else may have. */
static void claim(struct check *c, uint64_t from, uint64_t len)
{
	if (len == 0)
		return;
	if (c->n_ranges == c->ranges_cap) {
		c->ranges_cap = c->ranges_cap ? 2 * c->ranges_cap : 1024;
		c->ranges = mem_resize(c->ranges, c->ranges_cap, sizeof(*c->ranges));
	}
	c->ranges[c->n_ranges++] = (struct range){ from, from + len };
}

/* A piece of meta; NULL when it is outside. */
static const char *meta_take(struct check *c, uint64_t at, uint64_t len)
{
	if (at > c->meta_size || len > c->meta_size - at)
		return NULL;
	claim(c, c->meta_at + at, len);
	return c->meta + at;
}

static int range_compare(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

static int check_overlaps(struct check *c, struct dv_err *e)
{
	if (c->n_ranges > 1)
		qsort(c->ranges, c->n_ranges, sizeof(*c->ranges), range_compare);
	for (size_t i = 1; i < c->n_ranges; i++)
		if (c->ranges[i].from < c->ranges[i - 1].to)
			return corrupt(e, "two things in one place", c->ranges[i].from);
	return 0;
}

/* --- inodes --- */

/* The inode's place in seen; a new one is appended. */
static int inode_see(struct check *c, uint64_t nid, uint64_t parent, struct seen **ret, struct dv_err *e)
{
	struct erofs_inode i;
	uint64_t at = nid * EROFS_SLOT;

	if (nid < EROFS_ROOT_NID || nid > c->xattrs_at / EROFS_SLOT || at + sizeof(i) > c->xattrs_at)
		return corrupt(e, "inode outside", nid);
	if (c->index[nid] > 0) {
		*ret = &c->seen[c->index[nid] - 1];
		return 0;
	}
	if (c->n_seen == INODES_MAX)
		return dv_fail(e, DV_LIMIT, "erofs image: too many inodes");
	if (c->n_seen == c->seen_cap) {
		c->seen_cap = c->seen_cap ? 2 * c->seen_cap : 256;
		c->seen = mem_resize(c->seen, c->seen_cap, sizeof(*c->seen));
	}
	memcpy(&i, meta_take(c, at, sizeof(i)), sizeof(i));
	c->seen[c->n_seen] = (struct seen){ nid, parent, le16toh(i.mode), 0, le32toh(i.nlink) };
	c->index[nid] = (uint32_t)++c->n_seen;
	*ret = &c->seen[c->n_seen - 1];
	return 0;
}

static int xattr_check(struct check *c, uint32_t id, struct dv_err *e)
{
	struct erofs_xattr_entry x;
	uint64_t at = c->xattrs_at + (uint64_t)id * 4;

	if (at > c->meta_size || sizeof(x) > c->meta_size - at)
		return corrupt(e, "attribute outside", id);
	memcpy(&x, c->meta + at, sizeof(x));
	if (x.prefix < EROFS_XATTR_USER || x.prefix > EROFS_XATTR_SECURITY || x.prefix == 5 ||
	    (uint64_t)x.name_len + le16toh(x.value_len) > c->meta_size - at - sizeof(x))
		return corrupt(e, "malformed attribute", id);
	return 0;
}

/* Attributes behind the inode; *at moves behind them. */
static int xattrs_check(struct check *c, const struct erofs_inode *i, uint64_t *at, struct dv_err *e)
{
	struct erofs_xattr_head h;
	uint16_t count = le16toh(i->xattr_count);
	uint32_t id, before = UINT32_MAX;

	if (count == 0)
		return 0;
	const char *p = meta_take(c, *at, sizeof(h) + 4 * ((uint64_t)count - 1));
	if (!p)
		return corrupt(e, "attributes outside", *at);
	memcpy(&h, p, sizeof(h));
	if (count < 2 || h.shared != count - 1)
		return corrupt(e, "attributes of a number that does not fit", *at);
	for (uint16_t k = 0; k < h.shared; k++, before = id) {
		memcpy(&id, p + sizeof(h) + 4 * (size_t)k, 4);
		id = le32toh(id);
		int rc = id == before ? corrupt(e, "attribute named twice", *at) : xattr_check(c, id, e);
		if (rc < 0)
			return rc;
	}
	*at += sizeof(h) + 4 * ((uint64_t)count - 1);
	return 0;
}

/* --- contents --- */

static int file_check(struct check *c, const struct erofs_inode *i, struct dv_err *e)
{
	uint64_t size = le64toh(i->size), at = (uint64_t)le32toh(i->address) * EROFS_BLOCK;

	if (size == 0)
		return 0;
	if (at < EROFS_TAR_AT || at > EROFS_TAR_AT + c->tar_size || size > EROFS_TAR_AT + c->tar_size - at)
		return corrupt(e, "data outside of the tar", at);
	claim(c, at, size);
	return 0;
}

static int chunks_check(struct check *c, const struct erofs_inode *i, uint64_t at, struct dv_err *e)
{
	uint32_t bits = EROFS_BITS + le32toh(i->address), block;
	uint64_t size = le64toh(i->size);

	if (bits < 12 || bits > 48 || !c->chunked || !S_ISREG(le16toh(i->mode)))
		return corrupt(e, "chunks", at);
	uint64_t n = (size + ((uint64_t)1 << bits) - 1) >> bits;
	const char *p = n < c->meta_size ? meta_take(c, at, 4 * n) : NULL;
	if (!p)
		return corrupt(e, "chunks outside", at);
	for (uint64_t k = 0; k < n; k++) {
		memcpy(&block, p + 4 * k, 4);
		uint64_t from = (uint64_t)le32toh(block) * EROFS_BLOCK, len = DV_MIN((uint64_t)1 << bits, size - (k << bits));

		if (block == EROFS_HOLE)
			continue;
		if (from < EROFS_TAR_AT + c->tar_size || from > c->meta_at || len > c->meta_at - from)
			return corrupt(e, "chunk outside", from);
		claim(c, from, len);
	}
	return 0;
}

struct dir_walk {
	struct seen self;
	size_t at;                      /* of self in seen */
	char last[TAR_NAME_MAX + 1];
	size_t last_len;
	uint32_t subdirs, entries;
};

static int entry_check(struct check *c, struct dir_walk *w, const struct erofs_dirent *d, const char *name, size_t len,
		       struct dv_err *e)
{
	static const uint32_t types[] = { 0, S_IFREG, S_IFDIR, S_IFCHR, S_IFBLK, S_IFIFO, 0, S_IFLNK };
	bool dot = len == 1 && *name == '.', dots = len == 2 && name[0] == '.' && name[1] == '.';
	uint64_t nid = le64toh(d->nid);
	struct seen *s;
	int r = memcmp(w->last, name, DV_MIN(w->last_len, len));

	if (len == 0 || len > TAR_NAME_MAX || memchr(name, '/', len) || memchr(name, '\0', len))
		return corrupt(e, "malformed name", w->self.nid);
	if (w->entries++ > 0 && (r > 0 || (r == 0 && w->last_len >= len)))
		return corrupt(e, "names out of order", w->self.nid);
	memcpy(w->last, name, len);
	w->last_len = len;
	if ((dot && nid != w->self.nid) || (dots && nid != w->self.parent))
		return corrupt(e, "\".\" or \"..\" leads elsewhere", w->self.nid);
	int rc = inode_see(c, nid, w->self.nid, &s, e);
	if (rc < 0)
		return rc;
	if (d->type >= ARRAY_LEN(types) || types[d->type] != (s->mode & S_IFMT))
		return corrupt(e, "entry of another type", nid);
	if (dot || dots)
		return 0;
	s->names++;
	w->subdirs += S_ISDIR(s->mode);
	return S_ISDIR(s->mode) && s->parent != w->self.nid ? corrupt(e, "directory in two places", nid) : 0;
}

static int block_check(struct check *c, struct dir_walk *w, const char *p, size_t size, struct dv_err *e)
{
	struct erofs_dirent d, next;

	if (size < sizeof(d))
		return corrupt(e, "short directory block", w->self.nid);
	memcpy(&d, p, sizeof(d));
	size_t first = le16toh(d.name_at), n = first / sizeof(d);
	if (n == 0 || first % sizeof(d) || first > size)
		return corrupt(e, "malformed directory block", w->self.nid);
	for (size_t i = 0; i < n; i++, d = next) {
		size_t from = le16toh(d.name_at), to = size;

		if (i + 1 < n) {
			memcpy(&next, p + (i + 1) * sizeof(d), sizeof(d));
			to = le16toh(next.name_at);
		}
		if (from < first || to < from || to > size)
			return corrupt(e, "malformed directory block", w->self.nid);
		size_t len = i + 1 < n ? to - from : strnlen(p + from, to - from);
		int rc = entry_check(c, w, &d, p + from, len, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int dir_check(struct check *c, size_t at, const char *p, uint64_t size, struct dv_err *e)
{
	struct dir_walk w = { .self = c->seen[at], .at = at };
	int rc = 0;

	for (uint64_t done = 0; done < size && rc == 0; done += EROFS_BLOCK)
		rc = block_check(c, &w, p + done, (size_t)DV_MIN((uint64_t)EROFS_BLOCK, size - done), e);
	if (rc == 0 && (w.entries < 2 || w.self.nlink != 2 + w.subdirs))
		return corrupt(e, "directory with a wrong count", w.self.nid);
	return rc;
}

/* Where a link's or directory's bytes are. */
static int small_check(struct check *c, size_t which, const struct erofs_inode *i, uint64_t at, struct dv_err *e)
{
	uint64_t size = le64toh(i->size), block = (uint64_t)le32toh(i->address) * EROFS_BLOCK;
	bool inlined = le16toh(i->format) == EROFS_FORMAT(EROFS_INLINE);
	const char *p = NULL;

	if (size > c->meta_size || (inlined && at % EROFS_BLOCK + size > EROFS_BLOCK))
		return corrupt(e, "content across a block", at);
	if (inlined)
		p = meta_take(c, at, size);
	else if (block >= c->meta_at)
		p = meta_take(c, block - c->meta_at, (size + EROFS_BLOCK - 1) / EROFS_BLOCK * EROFS_BLOCK);
	if (!p)
		return corrupt(e, "content outside", at);
	if (S_ISDIR(le16toh(i->mode)))
		return dir_check(c, which, p, size, e);
	return size == 0 || memchr(p, '\0', size) ? corrupt(e, "malformed link", at) : 0;
}

static int inode_check(struct check *c, size_t which, struct dv_err *e)
{
	uint64_t at = c->seen[which].nid * EROFS_SLOT;
	struct erofs_inode i;

	memcpy(&i, c->meta + at, sizeof(i));
	at += sizeof(i);
	int rc = xattrs_check(c, &i, &at, e);
	if (rc < 0)
		return rc;
	uint32_t mode = le16toh(i.mode);
	uint16_t format = le16toh(i.format);
	if (format != EROFS_FORMAT(EROFS_FLAT) && format != EROFS_FORMAT(EROFS_INLINE) && format != EROFS_FORMAT(EROFS_CHUNKS))
		return corrupt(e, "inode of unknown format", c->seen[which].nid);
	if (le32toh(i.mtime_ns) >= 1000000000)
		return corrupt(e, "malformed time", c->seen[which].nid);
	if (format == EROFS_FORMAT(EROFS_CHUNKS))
		return chunks_check(c, &i, at, e);
	if (S_ISDIR(mode) || S_ISLNK(mode))
		return small_check(c, which, &i, at, e);
	if (format != EROFS_FORMAT(EROFS_FLAT) || (!S_ISREG(mode) && le64toh(i.size) > 0))
		return corrupt(e, "inode of a format that does not fit", c->seen[which].nid);
	return S_ISREG(mode) ? file_check(c, &i, e) : 0;
}

static int tree_check(struct check *c, uint64_t inos, struct dv_err *e)
{
	struct seen *root;
	int rc = inode_see(c, EROFS_ROOT_NID, EROFS_ROOT_NID, &root, e);

	if (rc == 0 && !S_ISDIR(root->mode))
		return corrupt(e, "root that is no directory", EROFS_ROOT_NID);
	/* seen grows as directories are read. */
	for (size_t i = 0; i < c->n_seen && rc == 0; i++)
		rc = inode_check(c, i, e);
	for (size_t i = 0; i < c->n_seen && rc == 0; i++)
		if (S_ISDIR(c->seen[i].mode) ? c->seen[i].names != (i > 0) : c->seen[i].names != c->seen[i].nlink)
			return corrupt(e, "wrong number of names", c->seen[i].nid);
	if (rc == 0 && c->n_seen != inos)
		return corrupt(e, "wrong number of inodes", c->n_seen);
	return rc < 0 ? rc : check_overlaps(c, e);
}

/* --- head and super block --- */

static int head_check(struct check *c, const char *page, uint64_t file_size, uint64_t *ret_inos, struct dv_err *e)
{
	struct layer_head h;
	struct erofs_super s, want = { .magic = htole32(EROFS_MAGIC), .block_bits = EROFS_BITS,
				       .root_nid = htole16(EROFS_ROOT_NID), .blocks = htole32((uint32_t)(file_size / EROFS_BLOCK)) };

	memcpy(&h, page, sizeof(h));
	memcpy(&s, page + EROFS_SUPER_AT, sizeof(s));
	c->tar_size = le64toh(h.tar_size);
	c->meta_at = le64toh(h.meta_at);
	c->meta_size = le64toh(h.meta_size);
	if (memcmp(h.magic, LAYER_HEAD_MAGIC, sizeof(h.magic)) != 0 || c->meta_at % EROFS_PAGE || c->meta_at > file_size ||
	    c->meta_size != file_size - c->meta_at || c->meta_at < EROFS_TAR_AT || c->tar_size > c->meta_at - EROFS_TAR_AT)
		return corrupt(e, "malformed head", 0);
	want.inos = s.inos;
	want.meta_block = htole32((uint32_t)(c->meta_at / EROFS_BLOCK));
	want.xattr_block = s.xattr_block;
	want.incompat = htole32(le32toh(s.incompat) & EROFS_CHUNKED_FILE);
	memcpy(want.uuid, h.meta_sha256, sizeof(want.uuid));
	if (memcmp(&s, &want, sizeof(s)) != 0)
		return corrupt(e, "malformed super block", EROFS_SUPER_AT);
	uint64_t xattrs = (uint64_t)le32toh(s.xattr_block) * EROFS_BLOCK;
	if (xattrs < c->meta_at || xattrs > file_size)
		return corrupt(e, "attributes outside", xattrs);
	c->xattrs_at = xattrs - c->meta_at;
	c->chunked = s.incompat != 0;
	*ret_inos = le64toh(s.inos);
	return 0;
}

static int map_check(struct check *c, const char *file, uint64_t size, struct dv_err *e)
{
	uint64_t inos = 0;
	struct layer_head h;
	struct digest d;
	int rc = head_check(c, file, size, &inos, e);

	if (rc < 0)
		return rc;
	memcpy(&h, file, sizeof(h));
	c->meta = file + c->meta_at;
	digest_of(DIGEST_SHA256, c->meta, c->meta_size, &d);
	if (memcmp(d.bytes, h.meta_sha256, sizeof(h.meta_sha256)) != 0)
		return corrupt(e, "checksum of the index does not match", c->meta_at);
	c->index = mem_resize(NULL, c->meta_size / EROFS_SLOT + 1, sizeof(*c->index));
	memset(c->index, 0, (c->meta_size / EROFS_SLOT + 1) * sizeof(*c->index));
	return tree_check(c, inos, e);
}

int erofs_check(int fd, struct dv_err *e)
{
	struct check c = { 0 };
	struct stat st;

	if (fstat(fd, &st) < 0)
		return dv_fail_errno(e, errno, "stat erofs image");
	if (!S_ISREG(st.st_mode) || st.st_size < 2 * EROFS_PAGE || st.st_size % EROFS_PAGE)
		return corrupt(e, "size", (uint64_t)st.st_size);
	char *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return dv_fail_errno(e, errno, "map erofs image");
	int rc = map_check(&c, p, (uint64_t)st.st_size, e);
	(void)munmap(p, (size_t)st.st_size);
	free(c.ranges);
	free(c.seen);
	free(c.index);
	return rc;
}
