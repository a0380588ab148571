/* tar.h - the one tar reader and writer: ustar, pax, GNU, sparse files, xattrs.
 *
 * The reader pulls chunks from a source and hands out entries and their data
 * without copying. It is strict where parsers are known to disagree: a pax size
 * always wins over the header's, also for skipping; a malformed extended header,
 * a negative or overflowing number, a lone zero block or data behind a hard link
 * rejects the archive. Paths come as they are: unpack.c confines them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

#define TAR_BLOCK 512
#define TAR_PATH_MAX 4096       /* of a path or link target, without the NUL */
#define TAR_NAME_MAX 255        /* of one component */
#define TAR_PAX_MAX ((size_t)1 << 20)
#define TAR_XATTRS_MAX 256      /* of one entry */
#define TAR_SPARSE_MAX 262144   /* data runs of one sparse file */
#define TAR_ENTRIES_MAX 2000000

/* The next piece of the stream: 1 with a non-empty chunk that stays valid until the next call, 0 at the end. */
struct tar_source {
	int (*next)(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e);
	void *ctx;
	/* Pass over n bytes without reading them; NULL where that cannot be done. */
	int (*skip)(void *ctx, uint64_t n, struct dv_err *e);
};

enum tar_type { TAR_FILE, TAR_HARDLINK, TAR_SYMLINK, TAR_CHAR, TAR_BLOCKDEV, TAR_DIR, TAR_FIFO };

struct tar_xattr {
	const char *name;
	const void *value;
	size_t len;
};

struct tar_entry {
	enum tar_type type;
	const char *path;
	const char *link;       /* of links; "" otherwise */
	uint32_t mode;          /* 07777 at most */
	uint32_t uid, gid;
	uint64_t size;          /* of the file, holes included; 0 for what is no file */
	int64_t mtime_s;
	uint32_t mtime_ns;
	uint32_t major, minor;
	const struct tar_xattr *xattrs;
	size_t n_xattrs;
	bool sparse;
	uint64_t stored;        /* bytes in the archive, from data_offset on */
	uint64_t data_offset;   /* in the stream (after the map of a sparse file) */
};

struct tar_reader;

int tar_reader_new(const struct tar_source *src, struct tar_reader **ret, struct dv_err *e) DV_MUST_USE;
void tar_reader_free(struct tar_reader *r);
static inline void tar_reader_auto_free(struct tar_reader **r) { tar_reader_free(*r); }
#define auto_tar __attribute__((cleanup(tar_reader_auto_free)))

/* The next entry, valid until the next call; what is left of the one before is skipped. 1, or 0 at the
 * end of the archive. INVALID for a malformed archive, LIMIT past a limit. */
int tar_next(struct tar_reader *r, const struct tar_entry **ret, struct dv_err *e) DV_MUST_USE;
/* The next piece of the entry's data and its place in the file. 1, or 0 at its end. */
int tar_data(struct tar_reader *r, const void **ret, size_t *ret_len, uint64_t *ret_offset, struct dv_err *e) DV_MUST_USE;
/* Read the source to its end (what follows the archive), so that hashes cover everything. */
int tar_drain(struct tar_reader *r, struct dv_err *e) DV_MUST_USE;

/* --- writer --- */

/* Append the header of an entry (with a pax header in front where ustar cannot say it). The caller adds
 * size bytes of data and tar_write_pad(). */
int tar_write_entry(struct buf *b, const struct tar_entry *t, struct dv_err *e) DV_MUST_USE;
void tar_write_pad(struct buf *b, uint64_t size);
/* The header of a plain file (mode 0644, root, no time) in one block whatever its size, so that it can be written
 * when the size is known at last. name has at most 100 bytes: INVALID. */
int tar_write_header(char out[TAR_BLOCK], const char *name, uint64_t size, struct dv_err *e) DV_MUST_USE;
void tar_write_end(struct buf *b);
