/* push_blobs.c - blobs to a registry: asked for, taken over, sent, or compressed on the way.
 *
 *	store -> inflate -> compress || hash, store, send
 *
 * What comes before the bars has a thread of its own. The compressed blob is kept, so
 * that the next push finds it.
 */
#include <errno.h>

#include "base/fd.h"
#include "base/job.h"
#include "base/str.h"
#include "transfer/deflate.h"
#include "transfer/flow.h"
#include "transfer/push_parts.h"

#define PARALLEL 6
#define TELL_BYTES ((uint64_t)1 << 20)

static bool stopped(const struct push *p)
{
	return __atomic_load_n(&p->stop, __ATOMIC_RELAXED);
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
	struct push_blob *b;
	struct growing *growing;
	struct inflate *inflate;
	struct deflate *deflate;
	struct relay *relay;
	struct tar_source out;
	const char *p;                  /* of a chunk, not yet taken */
	size_t len;
	uint64_t told;
};

static int presser_more(struct presser *x, struct dv_err *e)
{
	const void *p;
	int rc = x->out.next(x->out.ctx, &p, &x->len, e);

	if (rc < 0)
		return rc;
	if (rc == 0) {
		blob_written_digest(x->b->writer, &x->b->d.digest);
		x->b->d.size = blob_written(x->b->writer);
		x->len = 0;
		return 0;
	}
	x->p = p;
	return blob_write(x->b->writer, p, x->len, e);
}

static int presser_read(void *ctx, void *buf, size_t size, size_t *ret_n, struct dv_err *e)
{
	struct presser *x = ctx;
	int rc = stopped(x->b->p) ? dv_fail(e, DV_UNAVAILABLE, "given up") : 0;

	if (rc == 0 && x->len == 0)
		rc = presser_more(x, e);
	if (rc < 0)
		return rc;
	size_t n = DV_MIN(size, x->len);
	if (n > 0)
		memcpy(buf, x->p, n);
	x->p += n;
	x->len -= n;
	*ret_n = n;
	if (blob_written(x->b->writer) - x->told >= TELL_BYTES) {
		x->told = blob_written(x->b->writer);
		tell(x->b, PUSH_COMPRESSING, x->told);
	}
	return 0;
}

static int presser_open(struct presser *x, int fd, uint64_t size, struct dv_err *e)
{
	static const struct inflate_limits limits;
	const struct push_options *o = x->b->p->o;

	x->growing = growing_new(fd, size);
	growing_end(x->growing);
	struct tar_source src = growing_source(x->growing);
	int rc = inflate_new(&src, &limits, &x->inflate, e);
	if (rc < 0)
		return rc;
	src = inflate_source(x->inflate);
	rc = deflate_new(&src, o->compression ? o->compression : COMPRESS_GZIP, o->level, &x->deflate, e);
	if (rc < 0)
		return rc;
	src = deflate_source(x->deflate);
	rc = relay_new(&src, DEFLATE_KEEP, &x->relay, e);
	if (rc == 0)
		x->out = relay_source(x->relay);
	return rc;
}

static int send_fresh(struct push_blob *b, struct dv_err *e)
{
	struct presser x = { .b = b };
	const struct remote_source src = { presser_read, NULL, &x };
	auto_close int fd = -1;
	uint64_t size = 0;
	int rc = blob_open(b->p->store, &b->plain, &fd, &size, e);

	if (rc == 0)
		rc = presser_open(&x, fd, size, e);
	tell(b, PUSH_COMPRESSING, 0);
	if (rc == 0)
		rc = remote_blob_put(b->p->repo, &b->d.digest, REMOTE_SIZE_UNKNOWN, &src, e);
	relay_free(x.relay);
	deflate_free(x.deflate);
	inflate_free(x.inflate);
	growing_free(x.growing);
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

	/* Those after the first may have given up because of it. */
	if (rc < 0)
		b->first_to_fail = !__atomic_exchange_n(&b->p->stop, true, __ATOMIC_RELAXED);
	return rc;
}

/* On the store's thread. */
static void send_done(void *ctx, int result, const struct dv_err *e)
{
	struct push_blob *b = ctx;
	const struct blob_meta meta = { .media_type = b->d.media_type, .diff_id = &b->diff_id };
	struct dv_err why = DV_ERR_NONE;

	if (result < 0 && b->first_to_fail)
		why = *e;
	else if (result < 0 || !b->compress || blob_commit(b->writer, NULL, &meta, NULL, &why) == 0)
		return;
	if (!b->p->why.kind)
		b->p->why = why;
}

static int larger_first(const void *x, const void *y)
{
	const struct push_blob *const *a = x, *const *b = y;

	return ((*a)->d.size < (*b)->d.size) - ((*a)->d.size > (*b)->d.size);
}

int push_blobs(struct push *p, struct push_blob *blobs, size_t n, struct dv_err *e)
{
	struct push_blob **order = arena_array(p->a, struct push_blob *, n + 1);
	struct job_pool *pool;
	int rc = job_pool_new(NULL, PARALLEL, IMAGE_LAYERS_MAX + 2, &pool, e);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		order[i] = &blobs[i];
		tell(&blobs[i], PUSH_WAITING, 0);
	}
	qsort(order, n, sizeof(*order), larger_first);
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (order[i]->compress)
			rc = blob_begin(p->store, DIGEST_SHA256, &order[i]->writer, e);
		if (rc == 0)
			rc = job_submit(pool, send_one, send_done, order[i], e);
	}
	if (rc < 0)
		__atomic_store_n(&p->stop, true, __ATOMIC_RELAXED);
	job_wait_all(pool);
	job_pool_free(pool);
	for (size_t i = 0; i < n; i++)
		blob_writer_free(blobs[i].writer);
	if (rc == 0 && p->why.kind) {
		*e = p->why;
		rc = -(int)p->why.kind;
	}
	return rc;
}
