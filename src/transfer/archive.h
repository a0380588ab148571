/* archive.h - where images come from on disk: a tar (plain or compressed), a stream, a layout directory.
 *
 * Members are found by name and read in place: a plain tar file is indexed once
 * and then read at offsets. A compressed one or a stream is first written to an
 * unnamed file. Links inside the archive are followed, inside only.
 */
#pragma once

#include "base/buf.h"
#include "image/tar.h"

#define ARCHIVE_MEMBERS_MAX 20000
#define ARCHIVE_SPOOL_MAX ((uint64_t)256 << 30)

struct archive;

/* fd is a file, a pipe or a directory and stays the caller's; tmpfd is a directory for the spool. */
int archive_open(int fd, int tmpfd, const char *what, struct archive **ret, struct dv_err *e) DV_MUST_USE;
void archive_close(struct archive *ar);
static inline void archive_auto_close(struct archive **ar) { archive_close(*ar); }
#define auto_archive __attribute__((cleanup(archive_auto_close)))

struct archive_member {
	int fd;                 /* owned; -1: the archive's own */
	uint64_t offset, size;
};
/* NOT_FOUND names the member. Threads may use different members at once. */
int archive_find(struct archive *ar, const char *name, struct archive_member *ret, struct dv_err *e) DV_MUST_USE;
void archive_member_done(struct archive_member *m);
/* The whole member; LIMIT past b's maximum. */
int archive_read(struct archive *ar, const char *name, struct buf *b, struct dv_err *e) DV_MUST_USE;

/* A member as a source; storage is the caller's, archive_reader_done() frees the buffer. */
struct archive_reader {
	int fd;
	uint64_t offset, left;
	char *buf;
};
void archive_reader_init(struct archive *ar, const struct archive_member *m, struct archive_reader *ret);
void archive_reader_done(struct archive_reader *r);
int archive_reader_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e);
