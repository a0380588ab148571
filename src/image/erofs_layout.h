/* erofs_layout.h - what placing (erofs_place.c) and writing (erofs_write.c) an erofs image share. */
#pragma once

#include "image/digest.h"
#include "image/erofs_parts.h"

struct erofs_out {              /* the file from `at` on, buffered */
	int fd;
	uint64_t at;
	size_t len;
	char *p;
	struct digest_stream hash;
};

struct erofs_writer {
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
	struct erofs_out out;
};

static inline uint64_t erofs_round(uint64_t n, uint64_t step)
{
	return (n + step - 1) / step * step;
}

/* --- directories --- */

struct erofs_entry {
	const char *text;
	size_t len;
	const struct erofs_node *node;
};
/* All of a directory in the order of bytes, "." and ".." among them: n_names + 2, to be freed. */
struct erofs_entry *erofs_entries(const struct erofs_node *dir);
/* How many of the entries from v on go into one block, and their bytes. */
size_t erofs_block_take(const struct erofs_entry *v, size_t n, size_t *ret_bytes);

/* Every node its place, in w and in the nodes; the data of sparse files is written meanwhile. LIMIT. */
int erofs_place(struct erofs_writer *w, struct dv_err *e) DV_MUST_USE;
