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
#include "image/erofs_layout.h"

#define OUT_SIZE ((size_t)256 << 10)

/* --- directories --- */

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

static void dir_fill(const struct erofs_entry *v, size_t n, char block[EROFS_BLOCK])
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

/* --- writing --- */

static int out_flush(struct erofs_out *o, struct dv_err *e)
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

static int out_add(struct erofs_out *o, const void *data, size_t len, struct dv_err *e)
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
static int out_to(struct erofs_writer *w, uint64_t at, struct dv_err *e)
{
	return out_add(&w->out, NULL, (size_t)(w->meta_at + at - (w->out.at + w->out.len)), e);
}

static int xattr_refs_write(struct erofs_writer *w, const struct erofs_node *n, struct dv_err *e)
{
	const struct erofs_xattr_head h = { .shared = (uint8_t)n->n_xattrs };
	int rc = n->n_xattrs ? out_add(&w->out, &h, sizeof(h), e) : 0;

	for (const struct erofs_xref *r = n->xattrs; r && rc == 0; r = r->next) {
		uint32_t id = htole32(r->x->place / 4);

		rc = out_add(&w->out, &id, sizeof(id), e);
	}
	return rc;
}

static uint32_t inode_address(const struct erofs_writer *w, const struct erofs_node *n)
{
	if (n->layout == EROFS_CHUNKS)
		return (uint32_t)(n->chunk_bits - EROFS_BITS);
	if (n->layout == EROFS_FLAT && (S_ISDIR(n->mode) || S_ISLNK(n->mode)))
		return n->address + (uint32_t)((w->meta_at + w->blocks_at) / EROFS_BLOCK);
	return n->address;
}

static int inode_write(struct erofs_writer *w, const struct erofs_node *n, uint32_t ino, struct dv_err *e)
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

static int chunks_write(struct erofs_writer *w, const struct erofs_node *n, struct dv_err *e)
{
	int rc = out_to(w, erofs_round(w->out.at + w->out.len - w->meta_at, 4), e);

	for (uint32_t i = 0; i < n->n_chunks && rc == 0; i++) {
		uint32_t block = htole32(n->chunks[i]);

		rc = out_add(&w->out, &block, sizeof(block), e);
	}
	return rc;
}

/* Of a link or directory: inline, or padded to whole blocks. */
static int small_write(struct erofs_writer *w, const struct erofs_node *n, struct dv_err *e)
{
	size_t pad = n->layout == EROFS_INLINE ? 0 : (size_t)(erofs_round(n->size, EROFS_BLOCK) - n->size), bytes = 0;
	char block[EROFS_BLOCK];
	int rc = 0;

	if (S_ISLNK(n->mode)) {
		rc = out_add(&w->out, n->target, n->size, e);
		return rc < 0 ? rc : out_add(&w->out, NULL, pad, e);
	}
	auto_free struct erofs_entry *v = erofs_entries(n);
	for (size_t i = 0; i < n->n_names + 2 && rc == 0;) {
		size_t some = erofs_block_take(v + i, n->n_names + 2 - i, &bytes);

		dir_fill(v + i, some, block);
		i += some;
		rc = out_add(&w->out, block, n->layout == EROFS_INLINE ? bytes : EROFS_BLOCK, e);
	}
	return rc;
}

static int inodes_write(struct erofs_writer *w, struct dv_err *e)
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

static int xattrs_write(struct erofs_writer *w, struct dv_err *e)
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

static int blocks_write(struct erofs_writer *w, struct dv_err *e)
{
	int rc = out_to(w, w->blocks_at, e);

	for (const struct erofs_node *n = w->first; n && rc == 0; n = n->next)
		if (n->layout == EROFS_FLAT && (S_ISDIR(n->mode) || S_ISLNK(n->mode)))
			rc = small_write(w, n, e);
	/* The image ends with a page, as devices and mappings want it. */
	return rc < 0 ? rc : out_to(w, erofs_round(w->blocks_at + (uint64_t)w->blocks * EROFS_BLOCK, EROFS_PAGE), e);
}

static int head_write(struct erofs_writer *w, uint64_t tar_size, struct dv_err *e)
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

static int write_all(struct erofs_writer *w, uint64_t tar_size, struct dv_err *e)
{
	int rc = erofs_place(w, e);

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
	struct erofs_writer w = { .t = t, .fd = fd };

	if (tar_size / EROFS_BLOCK > EROFS_BLOCKS_MAX - EROFS_PAGE)
		return dv_fail(e, DV_LIMIT, "layer is too large for an erofs image");
	w.last = &w.first;
	w.placed_end = &w.placed;
	w.sparse_at = erofs_round(EROFS_TAR_AT + tar_size, EROFS_PAGE);
	w.out.fd = fd;
	w.out.p = mem_alloc(OUT_SIZE);
	digest_begin(&w.out.hash, DIGEST_SHA256);
	int rc = write_all(&w, tar_size, e);
	free(w.out.p);
	return rc;
}
