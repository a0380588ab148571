/* tmpdir.h - where large temporary files go, and things that appear beside their place and move there. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "image/tar.h"

/* Memory as a source. */
struct memory_source { const void *p; size_t len; };
int memory_source_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e);

/* A descriptor of $TMPDIR, or of /var/tmp. */
int tmpdir_open(int *ret_fd, struct dv_err *e) DV_MUST_USE;

/* path as its directory (O_PATH) and its last component, which lives in path. INVALID without one. */
int tmpdir_split(const char *path, int *ret_dirfd, const char **ret_name, struct dv_err *e) DV_MUST_USE;

/* --- a directory that appears at once ---
 *
 * It is made beside its place under a name of its own and locked; those of owners that were
 * killed are removed by the next one. */
struct newdir {
	int parent;             /* O_PATH */
	int fd;                 /* the new directory; -1 when there is none */
	char *name, *temp;
};

/* `path` (absent or a directory) is to become what is written below *ret's fd. */
int newdir_make(struct newdir *n, const char *path, struct dv_err *e) DV_MUST_USE;
/* Sync, and take the place; with replace what was there is removed, otherwise it must be free: EXISTS. */
int newdir_commit(struct newdir *n, bool replace, struct dv_err *e) DV_MUST_USE;
void newdir_done(struct newdir *n);

/* Of an open directory. */
bool newdir_is_empty(int fd);

/* --- a file that appears at once --- */

struct newfile {
	int fd, dirfd;          /* dirfd stays the caller's */
	char temp[40];          /* "" while it has no name */
};
/* Filled from `in` to its end. */
int newfile_make(struct newfile *n, int dirfd, const struct tar_source *in, struct dv_err *e) DV_MUST_USE;
/* Under its name, unless there is one already: that is success too. */
int newfile_place(struct newfile *n, const char *name, struct dv_err *e) DV_MUST_USE;
void newfile_done(struct newfile *n);
