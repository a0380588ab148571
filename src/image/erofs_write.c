/* erofs_write.c - from the tree in memory to an erofs image around the tar.
 *
 * Two passes over the nodes in the order of their directories: the first gives
 * every node its place, the second writes from front to back. Nothing but the
 * sparse files' data is written that is not in the tar.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/erofs_parts.h"

#define OUT_SIZE ((size_t)256 << 10)
#define COPY_SIZE ((size_t)64 << 10)

struct out {                    /* the file from `at` on, buffered */
	int fd;
	uint64_t at;
	size_t len;
	char *p;
	struct digest_stream hash;
};

struct writer {
	struct erofs_tree *t;
	int fd;
	uint64_t meta_at, meta_len;     /* in the file; bytes of inodes so far */
	uint64_t sparse_at;             /* where the next sparse chunk goes, in the file */
	uint64_t n_nodes;
	uint32_t shared_len, blocks;    /* of shared attributes in bytes; of data blocks */
	uint64_t xattrs_at, blocks_at;  /* in meta */
	bool chunked;
	struct erofs_node *first, **last;
	struct erofs_xattr *placed, **placed_end;
	struct out out;
};

static uint64_t round_to(uint64_t n, uint64_t step)
{
	return (n + step - 1) / step * step;
}

/* --- directories --- */

struct entry {
	const char *text;
	size_t len;
	const struct erofs_node *node;
};

static int entry_compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = memcmp(x->text, y->text, DV_MIN(x->len, y->len));

	return r ? r : (x->len > y->len) - (x->len < y->len);
}

/* All of a directory in the order of bytes, "." and ".." among them; to be freed. */
static struct entry *dir_entries(const struct erofs_node *dir)
{
	struct entry *v = mem_resize(NULL, dir->n_names + 2, sizeof(*v));
	size_t n = 2;

	v[0] = (struct entry){ ".", 1, dir };
	v[1] = (struct entry){ "..", 2, dir->parent };
	for (const struct erofs_name *x = dir->names; x; x = x->next)
		v[n++] = (struct entry){ x->text, x->len, x->node };
	qsort(v, n, sizeof(*v), entry_compare);
	return v;
}

/* How many of the entries from v on go into one block, and their bytes. */
static size_t dir_block(const struct entry *v, size_t n, size_t *ret_bytes)
{
	size_t bytes = 0, i = 0;

	for (; i < n && bytes + sizeof(struct erofs_dirent) + v[i].len <= EROFS_BLOCK; i++)
		bytes += sizeof(struct erofs_dirent) + v[i].len;
	*ret_bytes = bytes;
	return i;
}

static uint64_t dir_size(const struct entry *v, size_t n)
{
	uint64_t size = 0;
	size_t bytes = 0;

	for (size_t i = 0; i < n;) {
		size = round_to(size, EROFS_BLOCK);
		i += dir_block(v + i, n - i, &bytes);
		size += bytes;
	}
	return size;
}

static uint8_t file_type(uint32_t mode)
{
	static const struct { uint32_t mode; uint8_t type; } types[] = {
		{ S_IFREG, 1 }, { S_IFDIR, 2 }, { S_IFCHR, 3 }, { S_IFBLK, 4 }, { S_IFIFO, 5 }, { S_IFLNK, 7 },
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].mode == (mode & S_IFMT))
			return types[i].type;
	return 0;
}

static void dir_fill(const struct entry *v, size_t n, char block[EROFS_BLOCK])
{
	size_t at = n * sizeof(struct erofs_dirent);

	memset(block, 0, EROFS_BLOCK);
	for (size_t i = 0; i < n; i++) {
		const struct erofs_dirent d = { .nid = htole64(v[i].node->at / EROFS_SLOT), .name_at = htole16((uint16_t)at),
						.type = file_type(v[i].node->mode) };

		memcpy(block + i * sizeof(d), &d, sizeof(d));
		memcpy(block + at, v[i].text, v[i].len);
		at += v[i].len;
	}
}

/* --- sparse files --- */

static int copy(int fd, uint64_t from, uint64_t to, uint64_t len, struct dv_err *e)
{
	auto_free char *p = mem_alloc(COPY_SIZE);

	while (len > 0) {
		ssize_t n = pread(fd, p, DV_MIN(len, COPY_SIZE), (off_t)from);

		if (n > 0)
			n = pwrite(fd, p, (size_t)n, (off_t)to);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return dv_fail_errno(e, n < 0 ? errno : EIO, "copy data of a sparse file");
		from += (uint64_t)n;
		to += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

/* Chunks so large that there are not many more than pieces of data. */
static uint8_t chunk_bits(const struct erofs_node *n)
{
	uint64_t pieces = 0;
	uint8_t bits = 12;

	for (const struct erofs_run *r = n->runs; r; r = r->next)
		pieces++;
	while (n->size >> bits > 4 * pieces + 64)
		bits++;
	return bits;
}

/* A place for chunk i, in whole pages; only what has data is ever written there. */
static uint64_t chunk_place(struct writer *w, struct erofs_node *n, uint64_t i)
{
	uint64_t rest = n->size - (i << n->chunk_bits), size = (uint64_t)1 << n->chunk_bits;

	if (n->chunks[i] == EROFS_HOLE) {
		n->chunks[i] = (uint32_t)(w->sparse_at / EROFS_BLOCK);
		w->sparse_at += round_to(DV_MIN(rest, size), EROFS_PAGE);
	}
	return (uint64_t)n->chunks[i] * EROFS_BLOCK;
}

static int sparse_place(struct writer *w, struct erofs_node *n, struct dv_err *e)
{
	n->chunk_bits = chunk_bits(n);
	n->n_chunks = (uint32_t)((n->size + ((uint64_t)1 << n->chunk_bits) - 1) >> n->chunk_bits);
	int rc = erofs_alloc(w->t, n->n_chunks * sizeof(*n->chunks), &n->chunks, e);
	if (rc < 0)
		return rc;
	memset(n->chunks, 0xff, n->n_chunks * sizeof(*n->chunks));
	for (const struct erofs_run *r = n->runs; r; r = r->next) {
		for (uint64_t done = 0; done < r->len && rc == 0;) {
			uint64_t at = r->offset + done, i = at >> n->chunk_bits, in = at & (((uint64_t)1 << n->chunk_bits) - 1);
			uint64_t len = DV_MIN(r->len - done, ((uint64_t)1 << n->chunk_bits) - in);
			uint64_t to = chunk_place(w, n, i);

			if (w->sparse_at / EROFS_BLOCK > EROFS_BLOCKS_MAX)
				return dv_fail(e, DV_LIMIT, "layer is too large for an erofs image");
			rc = copy(w->fd, EROFS_TAR_AT + r->at + done, to + in, len, e);
			done += len;
		}
		if (rc < 0)
			return rc;
	}
	w->chunked = true;
	return 0;
}

/* --- places --- */

static int xattrs_place(struct writer *w, struct erofs_node *n, struct dv_err *e)
{
	for (struct erofs_xref *r = n->xattrs; r; r = r->next) {
		struct erofs_xattr *x = r->x;

		if (x->place != UINT32_MAX)
			continue;
		x->place = w->shared_len;
		*w->placed_end = x;
		w->placed_end = &x->next_placed;
		uint64_t len = w->shared_len + round_to(sizeof(x->entry) + x->entry.name_len + x->entry.value_len, 4);
		if (len > INT32_MAX)
			return dv_fail(e, DV_LIMIT, "too many attributes");
		w->shared_len = (uint32_t)len;
	}
	return 0;
}

static uint64_t xattrs_size(const struct erofs_node *n)
{
	return n->n_xattrs ? sizeof(struct erofs_xattr_head) + 4 * (uint64_t)n->n_xattrs : 0;
}

/* The inode at the end of meta; with `inlined` bytes behind it that must not cross a block's end. */
static void inode_place(struct writer *w, struct erofs_node *n, uint64_t inlined)
{
	uint64_t size = sizeof(struct erofs_inode) + xattrs_size(n) + inlined;

	w->meta_len = round_to(w->meta_len, EROFS_SLOT);
	if (inlined > 0 && w->meta_len % EROFS_BLOCK + size > EROFS_BLOCK)
		w->meta_len = round_to(w->meta_len, EROFS_BLOCK);
	n->at = w->meta_len;
	w->meta_len += size;
}

/* Text or entries of n->size bytes: behind the inode, or in blocks of their own. */
static void small_place(struct writer *w, struct erofs_node *n)
{
	bool inlined = sizeof(struct erofs_inode) + xattrs_size(n) + n->size <= EROFS_BLOCK;

	n->layout = inlined ? EROFS_INLINE : EROFS_FLAT;
	inode_place(w, n, inlined ? n->size : 0);
	if (!inlined) {
		n->address = w->blocks;         /* the first data block's is added when it is known */
		w->blocks += (uint32_t)round_to(n->size, EROFS_BLOCK) / EROFS_BLOCK;
	}
}

static int node_place(struct writer *w, struct erofs_node *n, struct dv_err *e)
{
	int rc = xattrs_place(w, n, e);

	if (rc < 0)
		return rc;
	w->n_nodes++;
	if (S_ISDIR(n->mode) || S_ISLNK(n->mode)) {
		small_place(w, n);
		return 0;
	}
	n->layout = EROFS_FLAT;
	if (n->sparse) {
		n->layout = EROFS_CHUNKS;
		rc = sparse_place(w, n, e);
	} else if (S_ISREG(n->mode) && n->size > 0) {
		n->address = (uint32_t)((EROFS_TAR_AT + n->data_at) / EROFS_BLOCK);
	} else if (!S_ISREG(n->mode)) {
		n->address = n->device;
	}
	inode_place(w, n, 0);
	if (n->sparse)
		w->meta_len = round_to(w->meta_len, 4) + 4 * (uint64_t)n->n_chunks;
	return rc;
}

static void list_add(struct writer *w, struct erofs_node *n)
{
	if (n->listed)
		return;
	n->listed = true;
	*w->last = n;
	w->last = &n->next;
}

/* Directories first come, first served: what is in one directory lies together. */
static int place_all(struct writer *w, struct dv_err *e)
{
	int rc = 0;

	w->meta_len = (uint64_t)EROFS_ROOT_NID * EROFS_SLOT;
	list_add(w, w->t->root);
	for (struct erofs_node *n = w->first; n && rc == 0; n = n->next) {
		if (S_ISDIR(n->mode)) {
			auto_free struct entry *v = dir_entries(n);

			n->size = dir_size(v, n->n_names + 2);
			for (size_t i = 0; i < n->n_names + 2; i++)
				list_add(w, (struct erofs_node *)v[i].node);
		}
		rc = node_place(w, n, e);
	}
	w->xattrs_at = round_to(w->meta_len, EROFS_BLOCK);
	w->blocks_at = round_to(w->xattrs_at + w->shared_len, EROFS_BLOCK);
	w->meta_at = round_to(w->sparse_at, EROFS_PAGE);
	uint64_t end = w->meta_at + w->blocks_at + (uint64_t)w->blocks * EROFS_BLOCK + EROFS_PAGE;
	if (rc == 0 && end / EROFS_BLOCK > EROFS_BLOCKS_MAX)
		return dv_fail(e, DV_LIMIT, "layer is too large for an erofs image");
	return rc;
}

/* --- writing --- */

static int out_flush(struct out *o, struct dv_err *e)
{
	for (size_t done = 0; done < o->len;) {
		ssize_t n = pwrite(o->fd, o->p + done, o->len - done, (off_t)(o->at + done));

		if (n < 0 && errno != EINTR)
			return dv_fail_errno(e, errno, "write erofs image");
		done += n > 0 ? (size_t)n : 0;
	}
	digest_add(&o->hash, o->p, o->len);
	o->at += o->len;
	o->len = 0;
	return 0;
}

static int out_add(struct out *o, const void *data, size_t len, struct dv_err *e)
{
	while (len > 0) {
		size_t n = DV_MIN(len, OUT_SIZE - o->len);
		int rc = 0;

		if (data)
			memcpy(o->p + o->len, data, n);
		else
			memset(o->p + o->len, 0, n);
		o->len += n;
		data = data ? (const char *)data + n : NULL;
		len -= n;
		if (o->len == OUT_SIZE && (rc = out_flush(o, e)) < 0)
			return rc;
	}
	return 0;
}

/* Zeros up to the place in meta. */
static int out_to(struct writer *w, uint64_t at, struct dv_err *e)
{
	return out_add(&w->out, NULL, (size_t)(w->meta_at + at - (w->out.at + w->out.len)), e);
}

static int xattr_refs_write(struct writer *w, const struct erofs_node *n, struct dv_err *e)
{
	const struct erofs_xattr_head h = { .shared = (uint8_t)n->n_xattrs };
	int rc = n->n_xattrs ? out_add(&w->out, &h, sizeof(h), e) : 0;

	for (const struct erofs_xref *r = n->xattrs; r && rc == 0; r = r->next) {
		uint32_t id = htole32(r->x->place / 4);

		rc = out_add(&w->out, &id, sizeof(id), e);
	}
	return rc;
}

static uint32_t inode_address(const struct writer *w, const struct erofs_node *n)
{
	if (n->layout == EROFS_CHUNKS)
		return (uint32_t)(n->chunk_bits - EROFS_BITS);
	if (n->layout == EROFS_FLAT && (S_ISDIR(n->mode) || S_ISLNK(n->mode)))
		return n->address + (uint32_t)((w->meta_at + w->blocks_at) / EROFS_BLOCK);
	return n->address;
}

static int inode_write(struct writer *w, const struct erofs_node *n, uint32_t ino, struct dv_err *e)
{
	const struct erofs_inode i = {
		.format = htole16(EROFS_FORMAT(n->layout)), .xattr_count = htole16(n->n_xattrs ? 1 + n->n_xattrs : 0),
		.mode = htole16((uint16_t)n->mode), .size = htole64(n->size), .address = htole32(inode_address(w, n)),
		.ino = htole32(ino), .uid = htole32(n->uid), .gid = htole32(n->gid),
		.mtime_s = (int64_t)htole64((uint64_t)n->mtime_s), .mtime_ns = htole32(n->mtime_ns), .nlink = htole32(n->nlink),
	};
	int rc = out_to(w, n->at, e);

	if (rc == 0)
		rc = out_add(&w->out, &i, sizeof(i), e);
	return rc < 0 ? rc : xattr_refs_write(w, n, e);
}

static int chunks_write(struct writer *w, const struct erofs_node *n, struct dv_err *e)
{
	int rc = out_to(w, round_to(w->out.at + w->out.len - w->meta_at, 4), e);

	for (uint32_t i = 0; i < n->n_chunks && rc == 0; i++) {
		uint32_t block = htole32(n->chunks[i]);

		rc = out_add(&w->out, &block, sizeof(block), e);
	}
	return rc;
}

/* Of a link or directory: inline, or padded to whole blocks. */
static int small_write(struct writer *w, const struct erofs_node *n, struct dv_err *e)
{
	size_t pad = n->layout == EROFS_INLINE ? 0 : (size_t)(round_to(n->size, EROFS_BLOCK) - n->size), bytes = 0;
	char block[EROFS_BLOCK];
	int rc = 0;

	if (S_ISLNK(n->mode)) {
		rc = out_add(&w->out, n->target, n->size, e);
		return rc < 0 ? rc : out_add(&w->out, NULL, pad, e);
	}
	auto_free struct entry *v = dir_entries(n);
	for (size_t i = 0; i < n->n_names + 2 && rc == 0;) {
		size_t some = dir_block(v + i, n->n_names + 2 - i, &bytes);

		dir_fill(v + i, some, block);
		i += some;
		rc = out_add(&w->out, block, n->layout == EROFS_INLINE ? bytes : EROFS_BLOCK, e);
	}
	return rc;
}

static int inodes_write(struct writer *w, struct dv_err *e)
{
	uint32_t ino = 0;
	int rc = 0;

	for (const struct erofs_node *n = w->first; n && rc == 0; n = n->next) {
		rc = inode_write(w, n, ++ino, e);
		if (rc == 0 && n->layout == EROFS_CHUNKS)
			rc = chunks_write(w, n, e);
		else if (rc == 0 && n->layout == EROFS_INLINE)
			rc = small_write(w, n, e);
	}
	return rc;
}

static int xattrs_write(struct writer *w, struct dv_err *e)
{
	int rc = out_to(w, w->xattrs_at, e);

	for (const struct erofs_xattr *x = w->placed; x && rc == 0; x = x->next_placed) {
		const struct erofs_xattr_entry head = { x->entry.name_len, x->entry.prefix, htole16(x->entry.value_len) };
		size_t len = (size_t)x->entry.name_len + x->entry.value_len;

		rc = out_add(&w->out, &head, sizeof(head), e);
		if (rc == 0)
			rc = out_add(&w->out, x->bytes, len, e);
		if (rc == 0)
			rc = out_add(&w->out, NULL, (size_t)-len & 3, e);
	}
	return rc;
}

static int blocks_write(struct writer *w, struct dv_err *e)
{
	int rc = out_to(w, w->blocks_at, e);

	for (const struct erofs_node *n = w->first; n && rc == 0; n = n->next)
		if (n->layout == EROFS_FLAT && (S_ISDIR(n->mode) || S_ISLNK(n->mode)))
			rc = small_write(w, n, e);
	/* The image ends with a page, as devices and mappings want it. */
	return rc < 0 ? rc : out_to(w, round_to(w->blocks_at + (uint64_t)w->blocks * EROFS_BLOCK, EROFS_PAGE), e);
}

static int head_write(struct writer *w, uint64_t tar_size, struct dv_err *e)
{
	char page[EROFS_TAR_AT] = "";
	uint64_t end = w->out.at;
	struct layer_head h = { .tar_size = htole64(tar_size), .meta_at = htole64(w->meta_at),
				.meta_size = htole64(end - w->meta_at) };
	struct erofs_super s = {
		.magic = htole32(EROFS_MAGIC), .block_bits = EROFS_BITS, .root_nid = htole16(EROFS_ROOT_NID),
		.inos = htole64(w->n_nodes), .blocks = htole32((uint32_t)(end / EROFS_BLOCK)),
		.meta_block = htole32((uint32_t)(w->meta_at / EROFS_BLOCK)),
		.xattr_block = htole32((uint32_t)((w->meta_at + w->xattrs_at) / EROFS_BLOCK)),
		.incompat = htole32(w->chunked ? EROFS_CHUNKED_FILE : 0),
	};
	struct digest d;

	digest_end(&w->out.hash, &d);
	memcpy(h.magic, LAYER_HEAD_MAGIC, sizeof(h.magic));
	memcpy(h.meta_sha256, d.bytes, sizeof(h.meta_sha256));
	memcpy(s.uuid, d.bytes, sizeof(s.uuid));
	memcpy(page, &h, sizeof(h));
	memcpy(page + EROFS_SUPER_AT, &s, sizeof(s));
	w->out.at = 0;
	digest_begin(&w->out.hash, DIGEST_SHA256);
	int rc = out_add(&w->out, page, sizeof(page), e);
	return rc < 0 ? rc : out_flush(&w->out, e);
}

static int write_all(struct writer *w, uint64_t tar_size, struct dv_err *e)
{
	int rc = place_all(w, e);

	if (rc < 0)
		return rc;
	w->out.at = w->meta_at;
	if ((rc = inodes_write(w, e)) < 0 || (rc = xattrs_write(w, e)) < 0 || (rc = blocks_write(w, e)) < 0 ||
	    (rc = out_flush(&w->out, e)) < 0)
		return rc;
	return head_write(w, tar_size, e);
}

int erofs_write(struct erofs_tree *t, int fd, uint64_t tar_size, struct dv_err *e)
{
	struct writer w = { .t = t, .fd = fd };

	if (tar_size / EROFS_BLOCK > EROFS_BLOCKS_MAX - EROFS_PAGE)
		return dv_fail(e, DV_LIMIT, "layer is too large for an erofs image");
	w.last = &w.first;
	w.placed_end = &w.placed;
	w.sparse_at = round_to(EROFS_TAR_AT + tar_size, EROFS_PAGE);
	w.out.fd = fd;
	w.out.p = mem_alloc(OUT_SIZE);
	digest_begin(&w.out.hash, DIGEST_SHA256);
	int rc = write_all(&w, tar_size, e);
	free(w.out.p);
	return rc;
}
