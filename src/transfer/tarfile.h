/* tarfile.h - an archive being written: a file that appears by rename, or a pipe.
 *
 * Members are written one after the other; a call waits for the one before, so
 * several threads may add. What a failed member wrote is cut off again, except
 * in a pipe, where nothing more can be added then.
 */
#pragma once

#include <stdint.h>

#include "image/tar.h"

struct tarfile;

#define TARFILE_SIZE_UNKNOWN UINT64_MAX
#define TARFILE_NAME_MAX 100

/* The file appears at path with tarfile_commit(), in place of one that is there. Something there that is
 * no regular file (a pipe, /dev/stdout) is written to directly. */
int tarfile_create(const char *path, struct tarfile **ret, struct dv_err *e) DV_MUST_USE;
/* Straight into fd, which stays the caller's. */
int tarfile_on(int fd, const char *what, struct tarfile **ret, struct dv_err *e) DV_MUST_USE;
/* Without a commit before, nothing is left. */
void tarfile_close(struct tarfile *t);
static inline void tarfile_auto_close(struct tarfile **t) { tarfile_close(*t); }
#define auto_tarfile __attribute__((cleanup(tarfile_auto_close)))

/* `in` to its end as a member. With TARFILE_SIZE_UNKNOWN, name is called after `in` has ended: it may depend
 * on what came. */
struct tarfile_name {
	const char *(*text)(void *ctx, char out[TARFILE_NAME_MAX + 1]);
	void *ctx;
};
int tarfile_add(struct tarfile *t, const struct tarfile_name *name, uint64_t size, const struct tar_source *in,
		struct dv_err *e) DV_MUST_USE;
int tarfile_add_bytes(struct tarfile *t, const char *name, const void *data, size_t len, struct dv_err *e) DV_MUST_USE;
int tarfile_commit(struct tarfile *t, struct dv_err *e) DV_MUST_USE;
