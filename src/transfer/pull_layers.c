/* pull_layers.c - the layers of a pull: which are wanted, downloads beside unpacking, commits.
 *
 *	registry -> hash, partial/ -> inflate || hash || tar -> files
 *
 * A blob has four threads: one receives, one decompresses, one hashes, one unpacks. The second
 * reads what the first wrote, so a slow disk never stops the registry, what an earlier pull
 * left is read like the rest, and no buffer grows. The thread of the store commits blobs
 * as they are complete.
 */
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/job.h"
#include "base/map.h"
#include "base/str.h"
#include "transfer/pull_parts.h"

#define PARALLEL 4              /* blobs at once */
#define TELL_BYTES ((uint64_t)1 << 20)
#define HOLD_BYTES ((size_t)256 << 10)  /* written at once; what comes, comes in small pieces */
#define GIVE_WAY 5              /* niceness: a third of the processor's time, beside one that does not */

/* --- failures --- */

/* The reason comes before the order to stop: who gives up because of it is never the first to say why. */
static void fail(struct pull *p, const struct dv_err *e)
{
	(void)pthread_mutex_lock(&p->lock);
	if (!p->why.kind)
		p->why = *e;
	(void)pthread_mutex_unlock(&p->lock);
	__atomic_store_n(&p->stop, true, __ATOMIC_RELAXED);
}

static bool stopped(const struct pull *p)
{
	return __atomic_load_n(&p->stop, __ATOMIC_RELAXED);
}

static int wrap_layer(const struct pull *p, const struct digest *d, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];

	return dv_wrap(e, "%s: layer %.19s", p->shown, digest_text(d, text));
}

/* --- what is here already --- */

static bool adopt(struct pull *p, struct layer_job *j, const struct digest *dir, const struct digest *blob, uint64_t size)
{
	struct dv_err why;

	if (image_stage_hold_layer(p->st, dir, &why) < 0 || image_stage_hold_blob(p->st, blob, &why) < 0)
		return false;
	j->dir = *dir;
	j->blob = *blob;
	j->blob_size = size;
	j->has_blob = true;
	return true;
}

static const char *media_type_of(struct pull *p, const struct blob_info *i)
{
	unsigned char head[4];
	auto_close int fd = -1;

	if (i->media_type)
		return i->media_type;
	ssize_t n = blob_open(p->store, &i->digest, &fd, NULL, NULL) < 0 ? 0 : fd_read_full(fd, head, sizeof(head), "blob", NULL);
	enum compression kind = compress_detect(head, n > 0 ? (size_t)n : 0);
	return kind == COMPRESS_NONE ? MEDIA_OCI_LAYER
				     : arena_printf(p->a, MEDIA_OCI_LAYER "+%s", compress_name(kind));
}

/* A layer that was unpacked here before, whichever blob it came from. */
static int adopt_layer(struct pull *p, size_t i, struct dv_err *e)
{
	struct layer_job *j = &p->jobs[i];
	struct digest names[2];
	struct blob_list blobs = { 0 };
	bool has = false;
	int rc = blob_of_layer(p->store, p->a, &j->diff_id, &blobs, e);

	layer_names(j, &names[0], &names[1]);
	for (size_t n = 0; n < 2 && rc == 0 && blobs.n > 0 && !j->dir.alg; n++) {
		rc = image_store_has_layer(p->store, &names[n], &has, e);
		/* The very blob of the manifest is best. */
		for (size_t b = 0; rc == 0 && has && b < blobs.n && !j->dir.alg; b++)
			if (digest_equal(&blobs.v[b].digest, &p->manifest.v[i].digest))
				(void)adopt(p, j, &names[n], &blobs.v[b].digest, blobs.v[b].size);
		for (size_t b = 0; rc == 0 && has && b < blobs.n && !j->dir.alg; b++)
			if (adopt(p, j, &names[n], &blobs.v[b].digest, blobs.v[b].size))
				p->media_types[i] = media_type_of(p, &blobs.v[b]);
	}
	return rc;
}

/* --- which blobs are wanted --- */

static int larger_first(const void *x, const void *y)
{
	const struct pull_blob *a = x, *b = y;

	return a->d.size != b->d.size ? (a->d.size < b->d.size ? 1 : -1) : (a->no > b->no) - (a->no < b->no);
}

static int plan_one(struct pull *p, struct map *seen, size_t i, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	struct layer_job *j = &p->jobs[i];
	const struct descriptor *d = &p->manifest.v[i];

	*j = (struct layer_job){ .blob = d->digest, .check_size = true, .size = d->size,
				 .diff_id = p->config.diff_ids[i] };
	digest_chain(i > 0 ? &p->jobs[i - 1].chain : NULL, &j->diff_id, &j->chain);
	p->media_types[i] = *d->media_type ? d->media_type : MEDIA_OCI_LAYER;
	struct pull_blob *twin = map_get(seen, digest_text(&d->digest, text));
	if (twin)
		return twin->d.size == d->size && digest_equal(&twin->job->diff_id, &j->diff_id) ? 0 :
		       dv_fail(e, DV_INVALID, "one blob is said to be two different layers");
	int rc = adopt_layer(p, i, e);
	struct pull_blob *b = &p->blobs[p->n_blobs];
	*b = (struct pull_blob){ .p = p, .d = *d, .no = i, .job = j, .lowest = i == 0, .fd = -1 };
	if (rc == 0 && j->dir.alg)
		pull_tell(p, b, LAYER_EXISTS, 0);
	if (rc < 0 || j->dir.alg)
		return rc;
	(void)map_set(seen, text, b);
	pull_tell(p, b, LAYER_WAITING, 0);
	p->n_blobs++;
	return 0;
}

static int plan(struct pull *p, struct dv_err *e)
{
	size_t n = p->manifest.n;
	struct map *seen = map_new();
	int rc = 0;

	p->jobs = arena_array(p->a, struct layer_job, n + 1);
	p->media_types = arena_array(p->a, const char *, n + 1);
	p->blobs = arena_array(p->a, struct pull_blob, n + 1);
	p->n_blobs = 0;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = plan_one(p, seen, i, e);
	map_free(seen, NULL);
	qsort(p->blobs, p->n_blobs, sizeof(*p->blobs), larger_first);
	return rc;
}

/* --- download --- */

/* What is held into the file, and to who reads it. */
static int held_write(struct pull_blob *b, struct dv_err *e)
{
	int rc = b->n_held > 0 ? blob_fetch_write(b->fetch, b->held, b->n_held, e) : 0;

	b->n_held = 0;
	if (rc == 0)
		growing_set(b->growing, blob_fetch_offset(b->fetch));
	return rc;
}

static int sink(void *ctx, const void *data, size_t len, struct dv_err *e)
{
	struct pull_blob *b = ctx;
	int rc = stopped(b->p) ? dv_fail(e, DV_UNAVAILABLE, "given up") : 0;

	while (len > 0 && rc == 0) {
		size_t n = DV_MIN(len, HOLD_BYTES - b->n_held);

		memcpy(b->held + b->n_held, data, n);
		b->n_held += n;
		data = (const char *)data + n;
		len -= n;
		if (b->n_held == HOLD_BYTES)
			rc = held_write(b, e);
	}
	if (rc < 0)
		return rc;
	uint64_t at = blob_fetch_offset(b->fetch) + b->n_held;
	if (at - b->told >= TELL_BYTES || at == b->d.size) {
		b->told = at;
		pull_tell(b->p, b, LAYER_DOWNLOADING, at);
	}
	return 0;
}

/* What came before it broke off is kept, for the next one to go on from. */
static int receive(struct pull_blob *b, uint64_t from, struct dv_err *e)
{
	auto_free char *held = mem_alloc(HOLD_BYTES);

	b->held = held;
	b->n_held = 0;
	int rc = remote_blob_get(b->p->repo, &b->d.digest, b->d.size, from, sink, b, e);
	if (rc == 0)
		rc = held_write(b, e);
	else
		(void)!held_write(b, NULL);
	b->held = NULL;
	return rc;
}

static int download(void *ctx, struct dv_err *e)
{
	struct pull_blob *b = ctx;
	uint64_t from = blob_fetch_offset(b->fetch);
	int rc = 0;

	if (stopped(b->p))
		rc = dv_fail(e, DV_UNAVAILABLE, "given up");
	else if (from < b->d.size)
		rc = receive(b, from, e);
	if (rc < 0) {
		growing_fail(b->growing, e);
		return rc;
	}
	growing_end(b->growing);
	__atomic_add_fetch(&b->p->downloaded, b->d.size - from, __ATOMIC_RELAXED);
	return 0;
}

/* On the store's thread. Whether it was unpacked well is known only when its digest is. */
static void download_done(void *ctx, int result, const struct dv_err *e)
{
	struct pull_blob *b = ctx;
	const struct blob_meta meta = { .media_type = *b->d.media_type ? b->d.media_type : NULL, .stage = b->p->st };
	struct dv_err why = DV_ERR_NONE;

	if (result < 0) {
		fail(b->p, e);
		return;
	}
	if (blob_fetch_commit(b->fetch, &meta, &why) == 0) {
		/* Its name in partial/ goes; who unpacks has a descriptor of his own. */
		blob_fetch_close(b->fetch);
		b->fetch = NULL;
		b->fetched = true;
		why = b->doubt;
	}
	if (why.kind) {
		(void)wrap_layer(b->p, &b->d.digest, &why);
		fail(b->p, &why);
	}
}

/* --- unpacking --- */

static void give_up(void *growing)
{
	growing_give_up(growing);
}

/* Malformed: the digest may tell that it is not what was asked for. Cut short: the download says why. */
static bool download_tells(struct pull_blob *b, int result)
{
	return b->wanted && (result == -DV_INVALID || growing_failed(b->growing));
}

/* The largest layer takes longest. The others give way to it, or it would be alone at the end, with one processor at
 * work. Niceness is a thread's; those that it starts have it too. */
static void give_way(void)
{
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), getpriority(PRIO_PROCESS, (id_t)getpid()) + GIVE_WAY);
}

static int unpack(void *ctx, struct dv_err *e)
{
	struct pull_blob *b = ctx;
	const struct tar_source in = growing_source(b->growing);
	const struct layer_below below = { .blind = !b->lowest, .give_up = give_up, .ctx = b->growing };

	if (stopped(b->p))
		return dv_fail(e, DV_UNAVAILABLE, "given up");
	if (b != b->p->blobs)
		give_way();
	int rc = layer_apply(b->job, &in, b->p->st, &below, e);
	if (rc == 0)
		pull_tell(b->p, b, LAYER_DONE, b->d.size);
	if (rc < 0 && !download_tells(b, rc)) {
		struct dv_err why = *e;

		(void)wrap_layer(b->p, &b->d.digest, &why);
		fail(b->p, &why);
	}
	return rc;
}

static void unpack_done(void *ctx, int result, const struct dv_err *e)
{
	struct pull_blob *b = ctx;

	if (result == 0)
		return;
	b->doubt = *e;
	if (download_tells(b, result) && !b->fetched)
		return;
	(void)wrap_layer(b->p, &b->d.digest, &b->doubt);
	fail(b->p, &b->doubt);
}

/* --- all of them --- */

static int blob_stored(struct pull *p, struct pull_blob *b, struct dv_err *e)
{
	uint64_t size = 0;
	int rc = image_stage_hold_blob(p->st, &b->d.digest, e);

	if (rc == 0)
		rc = blob_open(p->store, &b->d.digest, &b->fd, &size, e);
	if (rc == 0 && size != b->d.size)
		rc = dv_fail(e, DV_INVALID, "it has %llu bytes, its descriptor says %llu", (unsigned long long)size,
			     (unsigned long long)b->d.size);
	if (rc < 0)
		return rc;
	b->growing = growing_new(b->fd, size);
	growing_end(b->growing);
	return 0;
}

/* 0 also when another process has it under way: awaited. */
static int blob_prepare(struct pull *p, struct pull_blob *b, bool wait, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	int rc = blob_fetch_open(p->store, &b->d.digest, wait, &b->fetch, &why);

	b->awaited = rc == -DV_CONFLICT && !wait;
	if (b->awaited)
		return 0;
	if (rc < 0) {
		*e = why;
		return rc;
	}
	if (!b->fetch)
		return blob_stored(p, b, e);
	if (blob_fetch_offset(b->fetch) > b->d.size) {
		rc = blob_fetch_rewind(b->fetch, e);
		if (rc < 0)
			return rc;
	}
	b->told = blob_fetch_offset(b->fetch);
	p->resumed = p->resumed || b->told > 0;
	rc = fd_dup(blob_fetch_fd(b->fetch), &b->fd, e);
	if (rc < 0)
		return rc;
	b->wanted = true;
	b->growing = growing_new(b->fd, b->told);
	return 0;
}

static void blob_done(struct pull_blob *b)
{
	blob_fetch_close(b->fetch);
	growing_free(b->growing);
	fd_close(&b->fd);
	b->fetch = NULL;
	b->growing = NULL;
}

/* A download is always queued before the one who reads it, so that it has a thread when that one waits. */
static int blob_submit(struct pull *p, struct job_pool *pool, struct pull_blob *b, struct dv_err *e)
{
	int rc = 0;

	if (b->wanted) {
		pull_tell(p, b, LAYER_DOWNLOADING, b->told);
		rc = job_submit(pool, download, download_done, b, e);
	}
	return rc < 0 ? rc : job_submit(pool, unpack, unpack_done, b, e);
}

static int start(struct pull *p, struct job_pool *pool, struct pull_blob *b, bool wait, struct dv_err *e)
{
	int rc = blob_prepare(p, b, wait, e);

	if (rc == 0 && !b->awaited)
		rc = blob_submit(p, pool, b, e);
	if (rc < 0) {
		(void)wrap_layer(p, &b->d.digest, e);
		fail(p, e);
	}
	return rc;
}

static int run_ours(struct pull *p, struct job_pool *pool, struct dv_err *e)
{
	int rc = 0;

	for (size_t i = 0; i < p->n_blobs && rc == 0; i++)
		rc = start(p, pool, &p->blobs[i], false, e);
	job_wait_all(pool);
	for (size_t i = 0; i < p->n_blobs; i++)
		blob_done(&p->blobs[i]);
	return p->why.kind ? -(int)p->why.kind : 0;
}

/* Those that another pull downloads, one by one: nobody waits while he has what others wait for. */
static int run_awaited(struct pull *p, struct job_pool *pool, struct dv_err *e)
{
	int rc = 0;

	for (size_t i = 0; i < p->n_blobs && rc == 0; i++) {
		struct pull_blob *b = &p->blobs[i];

		if (!b->awaited)
			continue;
		if (p->o->watch && p->o->watch->note)
			p->o->watch->note(p->o->watch->ctx, "waiting for another pull of the same layer");
		rc = start(p, pool, b, true, e);
		job_wait_all(pool);
		blob_done(b);
		if (p->why.kind)
			rc = -(int)p->why.kind;
	}
	return rc;
}

static int run(struct pull *p, struct dv_err *e)
{
	struct job_pool *pool;
	int rc = job_pool_new(NULL, 2 * PARALLEL, 2 * IMAGE_LAYERS_MAX, &pool, e);

	if (rc < 0)
		return rc;
	rc = run_ours(p, pool, e);
	if (rc == 0)
		rc = run_awaited(p, pool, e);
	job_pool_free(pool);
	if (rc < 0)
		*e = p->why;
	return rc;
}

/* --- what is left, from the lowest layer up --- */

static const struct layer_job *twin_of(const struct pull *p, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (digest_equal(&p->manifest.v[k].digest, &p->manifest.v[i].digest) && p->jobs[k].dir.alg)
			return &p->jobs[k];
	return NULL;
}

static int run_above(struct pull *p, size_t i, struct dv_err *e)
{
	auto_free int *fds = mem_alloc((i + 1) * sizeof(*fds));
	struct layer_below below = { .fds = fds };
	auto_close int fd = -1;
	uint64_t size = 0;
	int rc = blob_open(p->store, &p->manifest.v[i].digest, &fd, &size, e);

	for (; below.n < i && rc == 0; below.n += rc == 0)
		rc = image_stage_layer_open(p->st, &p->jobs[i - 1 - below.n].dir, &fds[below.n], e);
	if (rc == 0) {
		struct growing *g = growing_new(fd, size);
		const struct tar_source in = growing_source(g);

		growing_end(g);
		rc = layer_apply(&p->jobs[i], &in, p->st, &below, e);
		growing_free(g);
	}
	while (below.n > 0)
		fd_close(&fds[--below.n]);
	return rc;
}

static int run_rest(struct pull *p, struct dv_err *e)
{
	int rc = 0;

	for (size_t i = 0; i < p->manifest.n && rc == 0; i++) {
		struct layer_job *j = &p->jobs[i];
		const struct layer_job *twin = j->dir.alg ? NULL : twin_of(p, i);

		if (twin && digest_equal(&twin->dir, &j->diff_id)) {
			j->dir = twin->dir;
			j->blob = twin->blob;
			j->blob_size = twin->blob_size;
		}
		if (!j->dir.alg)
			rc = run_above(p, i, e);
		if (rc < 0)
			return wrap_layer(p, &p->manifest.v[i].digest, e);
		if (!j->has_blob)
			j->blob_size = j->size;
	}
	return rc;
}

int pull_layers(struct pull *p, struct dv_err *e)
{
	int rc = plan(p, e);

	if (rc == 0 && p->n_blobs > 0)
		rc = run(p, e);
	return rc < 0 ? rc : run_rest(p, e);
}
