/* fetch.c - downloads that continue, and that two who want the same blob share.
 *
 * partial/ALG-HEX is locked as long as somebody downloads into it. The lock is the
 * kernel's: when its owner is killed the next one has it, and the bytes. A file that
 * was finished or dropped meanwhile lost its name, which is looked at after every
 * lock.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/blob.h"
#include "image/store_parts.h"

#define READ_BYTES ((size_t)1 << 20)

struct blob_fetch {
	struct image_store *store;
	struct digest digest;
	struct digest_stream hash;
	uint64_t size;
	char name[STORE_PATH_SIZE];
	int fd;
	bool locked;
	bool drop;              /* on close: nothing in it is of use */
};

const char *store_partial_path(const struct digest *d, char out[STORE_PATH_SIZE])
{
	char hex[DIGEST_TEXT_SIZE];

	(void)snprintf(out, STORE_PATH_SIZE, "partial/%s-%s", digest_alg_name(d->alg), digest_hex(d, hex));
	return out;
}

static int open_partial(struct blob_fetch *f, struct dv_err *e)
{
	int flags = O_RDWR | O_CREAT | O_NOFOLLOW, rootfd = f->store->rootfd;
	struct dv_err why = DV_ERR_NONE;
	int rc = file_open(rootfd, f->name, flags, 0600, &f->fd, &why);

	if (rc == -DV_NOT_FOUND) {      /* a store of before there were downloads */
		if (mkdirat(rootfd, "partial", 0700) < 0 && errno != EEXIST)
			return dv_fail_errno(e, errno, "make partial");
		return file_open(rootfd, f->name, flags, 0600, &f->fd, e);
	}
	if (rc < 0 && e)
		*e = why;
	return rc;
}

/* What is there goes into the hash; a file that cannot be read is as good as none. */
static int resume(struct blob_fetch *f, struct dv_err *e)
{
	auto_free char *chunk = mem_alloc(READ_BYTES);

	digest_begin(&f->hash, f->digest.alg);
	f->size = 0;
	for (;;) {
		ssize_t n = fd_read_full(f->fd, chunk, READ_BYTES, f->name, NULL);

		if (n < 0)
			return blob_fetch_rewind(f, e);
		if (n == 0)
			return 0;
		digest_add(&f->hash, chunk, (size_t)n);
		f->size += (uint64_t)n;
	}
}

/* A second name of a blob that is there: who downloaded it was killed before he took it away. As long as somebody
 * has a lock of it, it may be him; then it stays for the next one, or the collector. */
static void take_leftover(struct blob_fetch *f)
{
	if (file_open(f->store->rootfd, f->name, O_RDWR | O_NOFOLLOW, 0, &f->fd, NULL) < 0)
		return;
	f->locked = file_lock(f->fd, true, false, f->name, NULL) == 0;
	f->drop = true;
}

/* 1: ours. 0: the store has it by now. */
static int acquire(struct blob_fetch *f, bool wait, struct dv_err *e)
{
	for (;;) {
		bool has = false;
		int rc = image_store_has_blob(f->store, &f->digest, &has, e);

		if (rc == 0 && has)
			take_leftover(f);
		if (rc < 0 || has)
			return rc;
		rc = open_partial(f, e);
		if (rc == 0)
			rc = file_lock(f->fd, true, wait, f->name, e);
		f->locked = rc == 0;
		if (rc == 0)
			rc = image_store_has_blob(f->store, &f->digest, &has, e);
		if (rc < 0)
			return rc;
		if (has) {      /* finished between our look and our lock: an empty file of ours may be there */
			f->drop = true;
			return 0;
		}
		if (store_same_file(f->fd, f->store->rootfd, f->name))
			return 1;
		fd_close(&f->fd);
	}
}

int blob_fetch_open(struct image_store *s, const struct digest *d, bool wait, struct blob_fetch **ret, struct dv_err *e)
{
	auto_fetch struct blob_fetch *f = mem_new(struct blob_fetch);

	f->store = s;
	f->digest = *d;
	f->fd = -1;
	(void)store_partial_path(d, f->name);
	int rc = acquire(f, wait, e);
	if (rc < 0)
		return store_wrap_readonly(s, rc, e);
	if (rc == 0) {
		*ret = NULL;
		return 0;
	}
	rc = resume(f, e);
	if (rc == 0)
		*ret = take_ptr(&f);
	return rc;
}

uint64_t blob_fetch_offset(const struct blob_fetch *f)
{
	return f->size;
}

int blob_fetch_fd(const struct blob_fetch *f)
{
	return f->fd;
}

int blob_fetch_rewind(struct blob_fetch *f, struct dv_err *e)
{
	if (ftruncate(f->fd, 0) < 0 || lseek(f->fd, 0, SEEK_SET) < 0)
		return dv_fail_errno(e, errno, "empty %s", f->name);
	digest_begin(&f->hash, f->digest.alg);
	f->size = 0;
	return 0;
}

int blob_fetch_write(struct blob_fetch *f, const void *data, size_t len, struct dv_err *e)
{
	int rc = fd_write_all(f->fd, data, len, f->name, e);

	if (rc < 0) {   /* a part of it may be there */
		if (ftruncate(f->fd, (off_t)f->size) < 0 || lseek(f->fd, (off_t)f->size, SEEK_SET) < 0)
			f->drop = true;
		return rc;
	}
	digest_add(&f->hash, data, len);
	f->size += len;
	return 0;
}

int blob_fetch_commit(struct blob_fetch *f, const struct blob_meta *m, struct dv_err *e)
{
	struct digest_stream hash = f->hash;
	struct digest have;

	digest_end(&hash, &have);
	int rc = digest_expect(&have, &f->digest, e);
	if (rc < 0) {
		f->drop = true;
		return rc;
	}
	rc = store_sync(f->fd, f->name, e);
	if (rc == 0)
		rc = blob_place(f->store, &have, f->store->rootfd, f->name, f->size, f->fd, m, e);
	if (rc == 0)
		f->drop = true;
	return rc;
}

void blob_fetch_close(struct blob_fetch *f)
{
	if (!f)
		return;
	/* Under the lock, so that nobody waits for a name that goes. */
	if (f->locked && (f->drop || f->size == 0) && store_same_file(f->fd, f->store->rootfd, f->name))
		(void)unlinkat(f->store->rootfd, f->name, 0);
	fd_close(&f->fd);
	free(f);
}
