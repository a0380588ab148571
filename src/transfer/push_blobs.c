/* push_blobs.c - blobs to a registry: asked for, taken over, sent, or compressed on the way.
 *
 *	store -> inflate -> compress || hash, store || send
 *
 * What stands between bars has threads of its own. The compressed blob is kept, so that the next push finds it; who
 * sends reads that file as it grows, so a slow registry stops nobody, and what broke off goes on where the registry is.
 */
#include <errno.h>

#include "base/fd.h"
#include "base/job.h"
#include "base/str.h"
#include "transfer/deflate.h"
#include "transfer/flow.h"
#include "transfer/push_parts.h"

#define PARALLEL 6
#define PRESSERS 2              /* layers at once; each on several threads */
#define TELL_BYTES ((uint64_t)1 << 20)

static bool stopped(const struct push *p)
{
	return __atomic_load_n(&p->stop, __ATOMIC_RELAXED);
}

/* The first one counts: whoever gives up because of it comes later. */
static void fail(struct push *p, const struct dv_err *why)
{
	(void)pthread_mutex_lock(&p->lock);
	if (!p->why.kind)
		p->why = *why;
	(void)pthread_mutex_unlock(&p->lock);
	__atomic_store_n(&p->stop, true, __ATOMIC_RELAXED);
}

static void tell(const struct push_blob *b, enum push_step step, uint64_t done)
{
	const struct push_watch *w = b->p->o->watch;

	if (w && w->blob)
		w->blob(w->ctx, b->no, b->compress ? &b->diff_id : &b->d.digest, step, done, b->compress ? 0 : b->d.size);
}

/* --- as it is --- */

struct reader {
	const struct push_blob *b;
	int fd;
	uint64_t pos, told;
};

static int reader_read(void *ctx, void *buf, size_t size, size_t *ret_n, struct dv_err *e)
{
	struct reader *r = ctx;
	ssize_t n;

	if (stopped(r->b->p))
		return dv_fail(e, DV_UNAVAILABLE, "given up");
	do
		n = pread(r->fd, buf, size, (off_t)r->pos);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return dv_fail_errno(e, errno, "read blob");
	r->pos += (uint64_t)n;
	*ret_n = (size_t)n;
	if (r->pos - r->told >= TELL_BYTES) {
		r->told = r->pos;
		tell(r->b, PUSH_PUSHING, r->pos);
	}
	return 0;
}

static int reader_seek(void *ctx, uint64_t offset, struct dv_err *e)
{
	struct reader *r = ctx;

	(void)e;
	r->pos = r->told = offset;
	return 0;
}

static int send_stored(struct push_blob *b, struct dv_err *e)
{
	auto_close int fd = -1;
	struct reader r = { .b = b };
	const struct remote_source src = { reader_read, reader_seek, &r };
	uint64_t size = 0;
	int rc = blob_open(b->p->store, &b->d.digest, &fd, &size, e);

	if (rc == 0 && size != b->d.size)
		rc = dv_fail(e, DV_CORRUPT, "the store has %llu bytes of it, its descriptor says %llu", (unsigned long long)size,
			     (unsigned long long)b->d.size);
	if (rc < 0)
		return rc;
	r.fd = fd;
	tell(b, PUSH_PUSHING, 0);
	rc = remote_blob_put(b->p->repo, &b->d.digest, size, &src, e);
	if (rc == 0)
		__atomic_add_fetch(&b->p->sent, size, __ATOMIC_RELAXED);
	return rc;
}

static int send_known(struct push_blob *b, struct dv_err *e)
{
	bool has = false;
	int rc = remote_blob_exists(b->p->repo, &b->d.digest, &has, NULL, e);

	if (rc < 0)
		return rc;
	for (size_t i = 0; b->mounts[i] && !has; i++) {
		/* Whatever is wrong with it: then the bytes are sent. */
		if (remote_blob_mount(b->p->repo, &b->d.digest, b->mounts[i], &has, NULL) == 0 && has) {
			tell(b, PUSH_MOUNTED, b->d.size);
			return 0;
		}
	}
	if (has) {
		tell(b, PUSH_EXISTS, b->d.size);
		return 0;
	}
	rc = send_stored(b, e);
	if (rc == 0)
		tell(b, PUSH_DONE, b->d.size);
	return rc;
}

/* --- compressed on the way --- */

struct presser {
	struct growing *in;
	struct inflate *inflate;
	struct deflate *deflate;
};

static int presser_open(struct presser *x, const struct push_blob *b, int fd, uint64_t size, struct dv_err *e)
{
	static const struct inflate_limits limits;
	const struct push_options *o = b->p->o;

	x->in = growing_new(fd, size);
	growing_end(x->in);
	struct tar_source src = growing_source(x->in);
	int rc = inflate_new(&src, &limits, &x->inflate, e);
	if (rc < 0)
		return rc;
	src = inflate_source(x->inflate);
	return deflate_new(&src, o->compression ? o->compression : COMPRESS_GZIP, o->level, &x->deflate, e);
}

static int presser_run(struct presser *x, struct push_blob *b, struct dv_err *e)
{
	const struct tar_source out = deflate_source(x->deflate);
	uint64_t told = 0;
	const void *p;
	size_t len;
	int rc;

	while ((rc = out.next(out.ctx, &p, &len, e)) > 0) {
		rc = stopped(b->p) ? dv_fail(e, DV_UNAVAILABLE, "given up") : blob_write(b->writer, p, len, e);
		if (rc < 0)
			break;
		growing_set(b->growing, blob_written(b->writer));
		if (blob_written(b->writer) - told >= TELL_BYTES) {
			told = blob_written(b->writer);
			tell(b, PUSH_COMPRESSING, told);
		}
	}
	return rc;
}

/* Into a file of the store, as fast as it goes; who sends it reads that. */
static int press(void *ctx, struct dv_err *e)
{
	struct push_blob *b = ctx;
	struct presser x = { 0 };
	auto_close int fd = -1;
	uint64_t size = 0;
	int rc = stopped(b->p) ? dv_fail(e, DV_UNAVAILABLE, "given up") : blob_open(b->p->store, &b->plain, &fd, &size, e);

	if (rc == 0)
		rc = presser_open(&x, b, fd, size, e);
	if (rc == 0)
		rc = presser_run(&x, b, e);
	deflate_free(x.deflate);
	inflate_free(x.inflate);
	growing_free(x.in);
	if (rc < 0) {
		fail(b->p, e);
		growing_fail(b->growing, e);
		return rc;
	}
	blob_written_digest(b->writer, &b->d.digest);
	b->d.size = blob_written(b->writer);
	growing_end(b->growing);
	return 0;
}

struct fresh {
	const struct push_blob *b;
	struct tar_source in;
	const char *p;                  /* of a chunk, not yet taken */
	size_t len;
};

static int fresh_read(void *ctx, void *buf, size_t size, size_t *ret_n, struct dv_err *e)
{
	struct fresh *f = ctx;
	const void *p = NULL;
	int rc = stopped(f->b->p) ? dv_fail(e, DV_UNAVAILABLE, "given up") : 0;

	if (rc == 0 && f->len == 0) {
		rc = f->in.next(f->in.ctx, &p, &f->len, e);
		f->p = p;
	}
	if (rc < 0)
		return rc;
	size_t n = DV_MIN(size, f->len);
	if (n > 0)
		memcpy(buf, f->p, n);
	f->p += n;
	f->len -= n;
	*ret_n = n;
	return 0;
}

static int fresh_seek(void *ctx, uint64_t offset, struct dv_err *e)
{
	struct fresh *f = ctx;

	(void)e;
	f->len = 0;
	growing_seek(f->b->growing, offset);
	return 0;
}

static int send_fresh(struct push_blob *b, struct dv_err *e)
{
	struct fresh f = { .b = b, .in = growing_source(b->growing) };
	const struct remote_source src = { fresh_read, fresh_seek, &f };

	tell(b, PUSH_COMPRESSING, 0);
	int rc = remote_blob_put(b->p->repo, &b->d.digest, REMOTE_SIZE_UNKNOWN, &src, e);
	if (rc < 0)
		return rc;
	__atomic_add_fetch(&b->p->sent, b->d.size, __ATOMIC_RELAXED);
	tell(b, PUSH_DONE, b->d.size);
	return 0;
}

/* --- all of them --- */

static int send_one(void *ctx, struct dv_err *e)
{
	struct push_blob *b = ctx;
	int rc = stopped(b->p) ? dv_fail(e, DV_UNAVAILABLE, "given up") : b->compress ? send_fresh(b, e) : send_known(b, e);

	if (rc < 0)
		fail(b->p, e);
	return rc;
}

/* On the store's thread. It is ours now, and synced while it is sent. */
static void press_done(void *ctx, int result, const struct dv_err *e)
{
	struct push_blob *b = ctx;
	const struct blob_meta meta = { .media_type = b->d.media_type, .diff_id = &b->diff_id };
	struct dv_err why = DV_ERR_NONE;

	(void)e;
	if (result == 0 && blob_commit(b->writer, NULL, &meta, NULL, &why) < 0)
		fail(b->p, &why);
}

static int larger_first(const void *x, const void *y)
{
	const struct push_blob *const *a = x, *const *b = y;

	return ((*a)->d.size < (*b)->d.size) - ((*a)->d.size > (*b)->d.size);
}

static int submit(struct push_blob *b, struct job_pool *pressers, struct job_pool *senders, struct dv_err *e)
{
	int rc = 0;

	if (b->compress)
		rc = blob_begin(b->p->store, DIGEST_SHA256, &b->writer, e);
	if (rc == 0 && b->compress) {
		b->growing = growing_new(blob_writer_fd(b->writer), 0);
		rc = job_submit(pressers, press, press_done, b, e);
	}
	return rc < 0 ? rc : job_submit(senders, send_one, NULL, b, e);
}

static int run(struct push *p, struct push_blob **order, size_t n, struct dv_err *e)
{
	struct job_pool *pressers = NULL, *senders = NULL;
	int rc = job_pool_new(NULL, PRESSERS, IMAGE_LAYERS_MAX + 2, &pressers, e);

	if (rc == 0)
		rc = job_pool_new(NULL, PARALLEL, IMAGE_LAYERS_MAX + 2, &senders, e);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = submit(order[i], pressers, senders, e);
	if (rc < 0)
		__atomic_store_n(&p->stop, true, __ATOMIC_RELAXED);
	/* Who sends may wait for who compresses, never the other way. */
	if (pressers)
		job_wait_all(pressers);
	if (senders)
		job_wait_all(senders);
	job_pool_free(senders);
	job_pool_free(pressers);
	return rc;
}

int push_blobs(struct push *p, struct push_blob *blobs, size_t n, struct dv_err *e)
{
	struct push_blob **order = arena_array(p->a, struct push_blob *, n + 1);

	for (size_t i = 0; i < n; i++) {
		order[i] = &blobs[i];
		tell(&blobs[i], PUSH_WAITING, 0);
	}
	qsort(order, n, sizeof(*order), larger_first);
	(void)pthread_mutex_init(&p->lock, NULL);
	int rc = run(p, order, n, e);
	(void)pthread_mutex_destroy(&p->lock);
	for (size_t i = 0; i < n; i++) {
		growing_free(blobs[i].growing);
		blob_writer_free(blobs[i].writer);
	}
	if (rc == 0 && p->why.kind) {
		*e = p->why;
		rc = -(int)p->why.kind;
	}
	return rc;
}
