/* copy_blobs.c - the blobs of one document, several at once. */
#include "base/job.h"
#include "base/str.h"
#include "transfer/copy_parts.h"
#include "transfer/deflate.h"

struct blob_job {
	struct copy *c;
	const struct descriptor *in;
	struct descriptor *out;
	bool layer, change;             /* change: to be compressed as `to` */
	enum compression to;
	struct blob_run *run;
};

struct blob_run {
	bool failed;
	struct dv_err why;              /* of the first that failed; on the waiting thread */
};

static void tell(const struct blob_job *j, const char *step)
{
	const struct copy_events *ev = j->c->o->events;

	if (ev && ev->blob)
		ev->blob(ev->ctx, j->in, step);
}

/* --- streams --- */

/* Counts what comes, and ends early when another blob has failed. */
struct counted {
	struct tar_source in;
	const struct blob_job *job;
	uint64_t bytes;
};

static int counted_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct counted *n = ctx;
	const struct copy_events *ev = n->job->c->o->events;

	if (__atomic_load_n(&n->job->run->failed, __ATOMIC_RELAXED))
		return dv_fail(e, DV_UNAVAILABLE, "another blob failed");
	int rc = n->in.next(n->in.ctx, ret, ret_len, e);
	if (rc <= 0)
		return rc;
	n->bytes += *ret_len;
	if (ev && ev->bytes)
		ev->bytes(ev->ctx, n->job->in, n->bytes);
	return 1;
}

/* What is recompressed is verified here, as the destination sees other bytes. */
struct raw_check {
	struct tar_source in;
	const struct descriptor *d;
	struct digest_stream hash;
	uint64_t bytes;
};

static int raw_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct raw_check *r = ctx;
	struct digest have;
	int rc = r->in.next(r->in.ctx, ret, ret_len, e);

	if (rc > 0) {
		r->bytes += *ret_len;
		digest_add(&r->hash, *ret, *ret_len);
	}
	if (rc != 0)
		return rc;
	struct digest_stream end = r->hash;
	digest_end(&end, &have);
	return r->bytes == r->d->size && digest_equal(&have, &r->d->digest) ? 0 :
	       dv_fail(e, DV_INVALID, "the content does not have the descriptor's digest and size");
}

static int send_changed(const struct blob_job *j, const struct tar_source *in, struct dv_err *e)
{
	static const struct inflate_limits limits;
	auto_inflate struct inflate *z = NULL;
	auto_deflate struct deflate *w = NULL;
	struct raw_check raw = { .in = *in, .d = j->in };
	const struct tar_source raw_in = { raw_next, &raw };

	digest_begin(&raw.hash, j->in->digest.alg);
	int rc = inflate_new(&raw_in, &limits, &z, e);
	if (rc < 0)
		return rc;
	struct tar_source out = inflate_source(z);
	if (j->to != COMPRESS_NONE) {
		rc = deflate_new(&out, j->to, j->c->o->level, &w, e);
		if (rc < 0)
			return rc;
		out = deflate_source(w);
	}
	struct descriptor made;
	rc = dest_blob_new(j->c->d, j->out->media_type, &out, &made, e);
	if (rc < 0)
		return rc;
	j->out->digest = made.digest;
	j->out->size = made.size;
	return 0;
}

static int send(const struct blob_job *j, struct dv_err *e)
{
	struct blob_stream s;
	int rc = source_blob(j->c->s, j->in, 0, &s, e);

	if (rc < 0)
		return rc;
	struct counted n = { s.in, j, 0 };
	const struct tar_source in = { counted_next, &n };
	rc = j->change ? send_changed(j, &in, e) : dest_blob(j->c->d, j->in, &in, e);
	blob_stream_close(&s);
	return rc;
}

/* --- one blob --- */

static bool worth_again(int rc)
{
	return rc == -DV_UNAVAILABLE || rc == -DV_TIMEOUT;
}

static int copy_one(const struct blob_job *j, struct dv_err *e)
{
	bool has = false;
	int rc = j->change ? 0 : dest_has_blob(j->c->d, j->in, j->c->s, &has, e);

	if (rc < 0)
		return rc;
	if (has) {
		tell(j, "exists");
		return 0;
	}
	tell(j, "copying");
	for (unsigned i = 0;; i++) {
		struct dv_err why = DV_ERR_NONE;

		rc = send(j, &why);
		if (rc == -DV_NOT_FOUND && j->in->foreign && dest_accepts(j->c->d) == DEST_ANY) {
			tell(j, "skipped");
			return 0;       /* not the registry's to give: the descriptor says where it is */
		}
		if (rc == 0)
			break;
		if (!worth_again(rc) || i >= j->c->o->retries || __atomic_load_n(&j->run->failed, __ATOMIC_RELAXED)) {
			*e = why;
			return rc;
		}
	}
	tell(j, "done");
	return 0;
}

static int job_run(void *ctx, struct dv_err *e)
{
	struct blob_job *j = ctx;

	if (__atomic_load_n(&j->run->failed, __ATOMIC_RELAXED))
		return 0;
	int rc = copy_one(j, e);
	if (rc < 0)
		__atomic_store_n(&j->run->failed, true, __ATOMIC_RELAXED);
	return rc;
}

static void job_end(void *ctx, int result, const struct dv_err *e)
{
	struct blob_job *j = ctx;

	if (result < 0 && !j->run->why.kind)
		j->run->why = *e;
}

/* --- all of them --- */

static void plan_layer(struct copy *c, struct blob_job *j)
{
	enum compression now;

	if (!form_compression(j->in->media_type, &now) || j->in->foreign)
		return;
	j->to = c->o->compress == COPY_DECOMPRESS ? COMPRESS_NONE : c->o->compression;
	if (c->o->compress == COPY_COMPRESS_PLAIN)
		j->change = now == COMPRESS_NONE && j->to != now;
	else
		j->change = c->o->compress != COPY_COMPRESS_KEEP && now != j->to;
	if (j->change)
		j->out->media_type = form_layer_type(c->a, j->out->media_type, j->to);
}

static int by_size(const void *a, const void *b)
{
	const struct blob_job *x = *(struct blob_job *const *)a, *y = *(struct blob_job *const *)b;

	return (x->in->size < y->in->size) - (x->in->size > y->in->size);
}

static int run_all(struct copy *c, struct blob_job **v, size_t n, struct blob_run *run, struct dv_err *e)
{
	struct job_pool *pool;
	unsigned threads = c->o->parallel ? c->o->parallel : COPY_PARALLEL_DEFAULT;
	int rc = n > 0 ? job_pool_new(NULL, (unsigned)DV_MIN((size_t)threads, n), (unsigned)n, &pool, e) : 0;

	if (rc < 0 || n == 0)
		return rc;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = job_submit(pool, job_run, job_end, v[i], e);
	job_wait_all(pool);
	job_pool_free(pool);
	if (rc == 0 && run->why.kind) {
		*e = run->why;
		return -(int)e->kind;
	}
	return rc;
}

/* A blob that comes twice, as empty layers do, or that another document had. */
static const struct blob_job *twin_of(struct copy *c, struct blob_job *j)
{
	char text[DIGEST_TEXT_SIZE];
	const char *key = digest_text(&j->in->digest, text);
	struct blob_job *twin = map_get(c->seen, key);

	if (!twin || twin->change != j->change || twin->to != j->to)
		(void)map_set(c->seen, key, j);
	return twin && twin->change == j->change && twin->to == j->to ? twin : NULL;
}

int copy_blobs(struct copy *c, const struct manifest_info *m, struct descriptor *refs, struct dv_err *e)
{
	struct blob_job *jobs = arena_array(c->a, struct blob_job, m->n + 1);
	const struct blob_job **twins = arena_array(c->a, const struct blob_job *, m->n + 1);
	struct blob_job **v = arena_array(c->a, struct blob_job *, m->n + 1);
	struct blob_run *run = arena_new(c->a, struct blob_run);
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		struct blob_job *j = &jobs[i];

		*j = (struct blob_job){ .c = c, .in = &m->refs[i], .out = &refs[i], .layer = i > 0, .run = run };
		if (m->kind == MANIFEST_CLASS_IMAGE && i > 0)
			plan_layer(c, j);
		twins[i] = twin_of(c, j);
		if (twins[i])
			continue;
		tell(j, "waiting");
		v[n++] = j;
	}
	qsort(v, n, sizeof(*v), by_size);
	int rc = run_all(c, v, n, run, e);
	for (size_t i = 0; i < m->n && rc == 0; i++) {
		if (!twins[i])
			continue;
		refs[i].digest = twins[i]->out->digest;
		refs[i].size = twins[i]->out->size;
	}
	return rc;
}
