/* blobput.c - blobs come into the store one at a time: temporary file, verify, sync, link, record.
 *
 * The temporary file is in tmp/, flocked by its owner like a stage. It keeps that
 * name until the row is committed: whoever finds it without an owner knows that a
 * file without a row may be there too.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "image/blob.h"
#include "image/store_parts.h"

#define COPY_BYTES ((size_t)1 << 20)
/* Writing back begins long before the end, so that the sync is short. */
#define WRITEBACK_BYTES ((uint64_t)8 << 20)

/* --- file system calls that tests let fail --- */

int store_sync(int fd, const char *what, struct dv_err *e)
{
	int sys = fault_hit("fsync");

	if (sys || fsync(fd) < 0)
		return dv_fail_errno(e, sys ? sys : errno, "sync %s", what);
	return 0;
}

int store_sync_dir(const struct image_store *s, const char *path, struct dv_err *e)
{
	auto_close int fd = -1;
	int rc = file_open(s->rootfd, path, O_RDONLY | O_DIRECTORY, 0, &fd, e);

	return rc < 0 ? rc : store_sync(fd, path, e);
}

int store_rename(int from_fd, const char *from, int to_fd, const char *to, struct dv_err *e)
{
	int sys = fault_hit("rename");

	if (sys || renameat(from_fd, from, to_fd, to) < 0)
		return dv_fail_errno(e, sys ? sys : errno, "move %s to %s", from, to);
	return 0;
}

static int store_link(int from_fd, const char *from, int to_fd, const char *to, struct dv_err *e)
{
	int sys = fault_hit("link");

	if (sys || linkat(from_fd, from, to_fd, to, 0) < 0)
		return dv_fail_errno(e, sys ? sys : errno, "link %s to %s", from, to);
	return 0;
}

void store_writeback(int fd, uint64_t *begun, uint64_t size)
{
	if (size - *begun < WRITEBACK_BYTES)
		return;
	(void)sync_file_range(fd, (off_t)*begun, (off_t)(size - *begun), SYNC_FILE_RANGE_WRITE);
	*begun = size;
}

/* --- into place --- */

static int record(struct image_store *s, const struct digest *d, uint64_t size, const struct blob_meta *m, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	int rc = db_begin(s->db, e);

	if (rc < 0)
		return rc;
	rc = db_exec(s->db, e, "INSERT INTO blobs (digest, size) VALUES (?, ?) ON CONFLICT (digest) DO UPDATE SET bad = 0", "ti",
		     digest_text(d, text), (int64_t)size);
	if (rc >= 0)
		rc = blob_meta_rows(s, d, m, e);
	return store_end(s, true, rc, e);
}

/* A file without a row, or one of another size, is what a crash or a bad disk left. */
static bool is_there(const char *path, const struct image_store *s, uint64_t size, bool row)
{
	struct stat st;

	return row && fstatat(s->rootfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == size;
}

static int place_locked(struct image_store *s, const struct digest *d, int dirfd, const char *name, uint64_t size,
			const struct blob_meta *m, struct dv_err *e)
{
	char path[STORE_PATH_SIZE], dir[32];
	bool row = false;
	int rc = image_store_has_blob(s, d, &row, e);

	if (rc < 0)
		return rc;
	if (is_there(store_blob_path(d, path), s, size, row))
		return record(s, d, size, m, e);
	if (unlinkat(s->rootfd, path, 0) < 0 && errno != ENOENT)
		return dv_fail_errno(e, errno, "replace %s", path);
	(void)snprintf(dir, sizeof(dir), "blobs/%s", digest_alg_name(d->alg));
	rc = store_link(dirfd, name, s->rootfd, path, e);
	if (rc == 0)
		rc = store_sync_dir(s, dir, e);
	if (rc == 0)
		rc = record(s, d, size, m, e);
	if (rc < 0 && !row)
		(void)unlinkat(s->rootfd, path, 0);
	return rc;
}

int blob_place(struct image_store *s, const struct digest *d, int dirfd, const char *name, uint64_t size, int lockfd,
	       const struct blob_meta *m, struct dv_err *e)
{
	auto_close int lock = -1;
	int rc = store_lock(s, &lock, e);

	if (rc == 0)
		rc = place_locked(s, d, dirfd, name, size, m, e);
	if (rc < 0 || !m || !m->stage)
		return rc;
	/* To hold it is a shared lock of the same file. Under images.lock still: nobody takes it away between. */
	if (lockfd >= 0)
		rc = file_lock(lockfd, false, true, name, e);
	return rc < 0 ? rc : image_stage_hold_blob(m->stage, d, e);
}

/* --- streams --- */

struct blob_writer {
	struct image_store *store;
	struct digest_stream hash;
	uint64_t size, begun;
	char name[48];          /* below the root */
	int fd;
	bool hashed_elsewhere;
};

/* Whoever looks for what dead owners left may lock it between open and flock, and remove it: then once more. */
static int writer_open(struct blob_writer *w, struct dv_err *e)
{
	static atomic_uint count;

	for (int i = 0; i < 1000; i++) {
		(void)snprintf(w->name, sizeof(w->name), "tmp/blob.%d.%u", (int)getpid(), atomic_fetch_add(&count, 1));
		int rc = file_open(w->store->rootfd, w->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, &w->fd, e);

		if (rc == -DV_EXISTS)
			continue;
		if (rc == 0)
			rc = file_lock(w->fd, true, true, w->name, e);
		if (rc < 0)
			return rc;
		if (store_same_file(w->fd, w->store->rootfd, w->name))
			return 0;
		fd_close(&w->fd);
	}
	return dv_fail(e, DV_LIMIT, "too many files in tmp");
}

int blob_begin(struct image_store *s, enum digest_alg alg, struct blob_writer **ret, struct dv_err *e)
{
	struct blob_writer *w = mem_new(struct blob_writer);

	w->store = s;
	w->fd = -1;
	w->hashed_elsewhere = alg == DIGEST_NONE;
	digest_begin(&w->hash, alg);
	int rc = writer_open(w, e);
	if (rc < 0) {
		blob_writer_free(w);
		return store_wrap_readonly(s, rc, e);
	}
	*ret = w;
	return 0;
}

int blob_write(struct blob_writer *w, const void *data, size_t len, struct dv_err *e)
{
	int rc = fd_write_all(w->fd, data, len, "blob", e);

	if (rc < 0)
		return rc;
	if (!w->hashed_elsewhere)
		digest_add(&w->hash, data, len);
	w->size += len;
	store_writeback(w->fd, &w->begun, w->size);
	return 0;
}

uint64_t blob_written(const struct blob_writer *w)
{
	return w->size;
}

int blob_writer_fd(const struct blob_writer *w)
{
	return w->fd;
}

void blob_written_digest(const struct blob_writer *w, struct digest *ret)
{
	struct digest_stream hash = w->hash;

	digest_end(&hash, ret);
}

int digest_expect(const struct digest *have, const struct digest *want, struct dv_err *e)
{
	char have_text[DIGEST_TEXT_SIZE], want_text[DIGEST_TEXT_SIZE];

	return digest_equal(have, want) ? 0 :
	       dv_fail(e, DV_INVALID, "the content is %s, not %s", digest_text(have, have_text),
		       digest_text(want, want_text));
}

int blob_commit(struct blob_writer *w, const struct digest *want, const struct blob_meta *m, struct digest *ret_digest,
		struct dv_err *e)
{
	struct digest have;
	int rc = 0;

	if (!w->hashed_elsewhere)
		blob_written_digest(w, &have);
	else if (want && want->alg)
		have = *want;
	else
		return dv_fail(e, DV_INTERNAL, "a blob without a digest");
	if (want && !w->hashed_elsewhere)
		rc = digest_expect(&have, want, e);
	if (rc == 0)
		rc = store_sync(w->fd, "blob", e);
	if (rc == 0)
		rc = blob_place(w->store, &have, w->store->rootfd, w->name, w->size, w->fd, m, e);
	if (rc == 0 && ret_digest)
		*ret_digest = have;
	return rc;
}

void blob_writer_free(struct blob_writer *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		(void)unlinkat(w->store->rootfd, w->name, 0);
	fd_close(&w->fd);
	free(w);
}

/* --- all at once --- */

int blob_put_bytes(struct image_store *s, const struct digest *d, const void *data, size_t len,
		   const struct blob_meta *m, struct dv_err *e)
{
	auto_blob_writer struct blob_writer *w = NULL;
	int rc = blob_begin(s, d->alg, &w, e);

	if (rc == 0)
		rc = blob_write(w, data, len, e);
	return rc < 0 ? rc : blob_commit(w, d, m, NULL, e);
}

static int copy_in(struct blob_writer *w, int fd, struct dv_err *e)
{
	auto_free char *chunk = mem_alloc(COPY_BYTES);

	for (;;) {
		ssize_t n = fd_read_full(fd, chunk, COPY_BYTES, "blob", e);
		int rc = n <= 0 ? (int)n : blob_write(w, chunk, (size_t)n, e);

		if (rc < 0 || n == 0)
			return rc;
	}
}

int blob_put_fd(struct image_store *s, const struct digest *d, int fd, const struct blob_meta *m, struct dv_err *e)
{
	auto_blob_writer struct blob_writer *w = NULL;
	int rc = blob_begin(s, d->alg, &w, e);

	if (rc == 0)
		rc = copy_in(w, fd, e);
	return rc < 0 ? rc : blob_commit(w, d, m, NULL, e);
}

int blob_put_file(struct image_store *s, const struct digest *have, int dirfd, const char *name,
		  const struct blob_meta *m, struct dv_err *e)
{
	auto_close int fd = -1;
	struct stat st, root;
	int rc = file_open(dirfd, name, O_RDONLY | O_NOFOLLOW, 0, &fd, e);

	if (rc < 0)
		return rc;
	if (fstat(fd, &st) < 0 || fstat(s->rootfd, &root) < 0)
		return dv_fail_errno(e, errno, "stat %s", name);
	if (st.st_dev != root.st_dev)
		return blob_put_fd(s, have, fd, m, e);
	rc = store_sync(fd, name, e);
	if (rc == 0)
		rc = blob_place(s, have, dirfd, name, (uint64_t)st.st_size, -1, m, e);
	if (rc == 0 && unlinkat(dirfd, name, 0) < 0)
		return dv_fail_errno(e, errno, "remove %s", name);
	return rc;
}
