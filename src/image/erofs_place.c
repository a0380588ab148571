/* erofs_place.c - a place in the image for every node of a layer's tree.
 *
 * Nodes in the order of their directories, so that what is looked at together lies
 * together. Sparse files are the only ones whose data is copied.
 */
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "image/erofs_layout.h"

#define COPY_SIZE ((size_t)64 << 10)

/* --- directories --- */

static int entry_compare(const void *a, const void *b)
{
	const struct erofs_entry *x = a, *y = b;
	int r = memcmp(x->text, y->text, DV_MIN(x->len, y->len));

	return r ? r : (x->len > y->len) - (x->len < y->len);
}

struct erofs_entry *erofs_entries(const struct erofs_node *dir)
{
	struct erofs_entry *v = mem_resize(NULL, dir->n_names + 2, sizeof(*v));
	size_t n = 2;

	v[0] = (struct erofs_entry){ ".", 1, dir };
	v[1] = (struct erofs_entry){ "..", 2, dir->parent };
	for (const struct erofs_name *x = dir->names; x; x = x->next)
		v[n++] = (struct erofs_entry){ x->text, x->len, x->node };
	qsort(v, n, sizeof(*v), entry_compare);
	return v;
}

size_t erofs_block_take(const struct erofs_entry *v, size_t n, size_t *ret_bytes)
{
	size_t bytes = 0, i = 0;

	for (; i < n && bytes + sizeof(struct erofs_dirent) + v[i].len <= EROFS_BLOCK; i++)
		bytes += sizeof(struct erofs_dirent) + v[i].len;
	*ret_bytes = bytes;
	return i;
}

static uint64_t dir_size(const struct erofs_entry *v, size_t n)
{
	uint64_t size = 0;
	size_t bytes = 0;

	for (size_t i = 0; i < n;) {
		size = erofs_round(size, EROFS_BLOCK);
		i += erofs_block_take(v + i, n - i, &bytes);
		size += bytes;
	}
	return size;
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
static uint64_t chunk_place(struct erofs_writer *w, struct erofs_node *n, uint64_t i)
{
	uint64_t rest = n->size - (i << n->chunk_bits), size = (uint64_t)1 << n->chunk_bits;

	if (n->chunks[i] == EROFS_HOLE) {
		n->chunks[i] = (uint32_t)(w->sparse_at / EROFS_BLOCK);
		w->sparse_at += erofs_round(DV_MIN(rest, size), EROFS_PAGE);
	}
	return (uint64_t)n->chunks[i] * EROFS_BLOCK;
}

static int sparse_place(struct erofs_writer *w, struct erofs_node *n, struct dv_err *e)
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

static int xattrs_place(struct erofs_writer *w, struct erofs_node *n, struct dv_err *e)
{
	for (struct erofs_xref *r = n->xattrs; r; r = r->next) {
		struct erofs_xattr *x = r->x;

		if (x->place != UINT32_MAX)
			continue;
		x->place = w->shared_len;
		*w->placed_end = x;
		w->placed_end = &x->next_placed;
		uint64_t len = w->shared_len + erofs_round(sizeof(x->entry) + x->entry.name_len + x->entry.value_len, 4);
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
static void inode_place(struct erofs_writer *w, struct erofs_node *n, uint64_t inlined)
{
	uint64_t size = sizeof(struct erofs_inode) + xattrs_size(n) + inlined;

	w->meta_len = erofs_round(w->meta_len, EROFS_SLOT);
	if (inlined > 0 && w->meta_len % EROFS_BLOCK + size > EROFS_BLOCK)
		w->meta_len = erofs_round(w->meta_len, EROFS_BLOCK);
	n->at = w->meta_len;
	w->meta_len += size;
}

/* Text or entries of n->size bytes: behind the inode, or in blocks of their own. */
static void small_place(struct erofs_writer *w, struct erofs_node *n)
{
	bool inlined = sizeof(struct erofs_inode) + xattrs_size(n) + n->size <= EROFS_BLOCK;

	n->layout = inlined ? EROFS_INLINE : EROFS_FLAT;
	inode_place(w, n, inlined ? n->size : 0);
	if (!inlined) {
		n->address = w->blocks;         /* the first data block's is added when it is known */
		w->blocks += (uint32_t)erofs_round(n->size, EROFS_BLOCK) / EROFS_BLOCK;
	}
}

static int node_place(struct erofs_writer *w, struct erofs_node *n, struct dv_err *e)
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
		w->meta_len = erofs_round(w->meta_len, 4) + 4 * (uint64_t)n->n_chunks;
	return rc;
}

static void list_add(struct erofs_writer *w, struct erofs_node *n)
{
	if (n->listed)
		return;
	n->listed = true;
	*w->last = n;
	w->last = &n->next;
}

/* Directories first come, first served: what is in one directory lies together. */
int erofs_place(struct erofs_writer *w, struct dv_err *e)
{
	int rc = 0;

	w->meta_len = (uint64_t)EROFS_ROOT_NID * EROFS_SLOT;
	list_add(w, w->t->root);
	for (struct erofs_node *n = w->first; n && rc == 0; n = n->next) {
		if (S_ISDIR(n->mode)) {
			auto_free struct erofs_entry *v = erofs_entries(n);

			n->size = dir_size(v, n->n_names + 2);
			for (size_t i = 0; i < n->n_names + 2; i++)
				list_add(w, (struct erofs_node *)v[i].node);
		}
		rc = node_place(w, n, e);
	}
	w->xattrs_at = erofs_round(w->meta_len, EROFS_BLOCK);
	w->blocks_at = erofs_round(w->xattrs_at + w->shared_len, EROFS_BLOCK);
	w->meta_at = erofs_round(w->sparse_at, EROFS_PAGE);
	uint64_t end = w->meta_at + w->blocks_at + (uint64_t)w->blocks * EROFS_BLOCK + EROFS_PAGE;
	if (rc == 0 && end / EROFS_BLOCK > EROFS_BLOCKS_MAX)
		return dv_fail(e, DV_LIMIT, "layer is too large for an erofs image");
	return rc;
}
