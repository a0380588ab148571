/* load.c - load an archive: plan, run the layers, publish.
 *
 * First every distinct layer is unpacked without regard to the others, two at a
 * time. Layers that leave out parent directories come again after that, from the
 * lowest up, with those below at hand. Nothing is visible before image_publish().
 */
#include <pthread.h>

#include "base/fd.h"
#include "base/job.h"
#include "base/str.h"
#include "image/name.h"
#include "transfer/load_parts.h"

#define THREADS 2

/* --- the plan --- */

int plan_image_add(struct plan *p, struct plan_image **ret, struct dv_err *e)
{
	if (p->n_images == LOAD_IMAGES_MAX)
		return dv_fail(e, DV_LIMIT, "more than %d images in one archive", LOAD_IMAGES_MAX);
	if (!p->images)
		p->images = arena_array(p->a, struct plan_image, LOAD_IMAGES_MAX);
	struct plan_image *img = &p->images[p->n_images++];
	img->names = arena_array(p->a, const char *, 1);
	*ret = img;
	return 0;
}

int plan_config(struct plan *p, struct plan_image *img, const char *text, size_t len, struct dv_err *e)
{
	int rc = image_config_parse(p->a, text, len, &img->config, e);

	if (rc < 0)
		return rc;
	img->config_text = text;
	img->config_len = len;
	img->layers = arena_array(p->a, struct layer_job *, img->config.n_layers + 1);
	img->media_types = arena_array(p->a, const char *, img->config.n_layers + 1);
	return 0;
}

int plan_name(struct plan *p, struct plan_image *img, const char *name, struct dv_err *e)
{
	struct image_name n;
	size_t count = 0;
	int rc = image_name_parse(p->a, name, &n, e);

	if (rc < 0)
		return rc;
	n.digest = NULL;
	if (!n.tag)
		return 0;
	while (img->names[count])
		count++;
	const char **more = arena_array(p->a, const char *, count + 2);
	memcpy(more, img->names, count * sizeof(*more));
	more[count] = image_name_text(p->a, &n);
	img->names = more;
	return 0;
}

int plan_read(struct plan *p, const char *member, size_t max, const char **ret, size_t *ret_len, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(max);
	int rc = archive_read(p->ar, member, &b, e);

	if (rc < 0)
		return rc;
	char *copy = arena_try(p->a, b.len + 1);
	if (!copy)
		return dv_fail(e, DV_LIMIT, "the archive's descriptions are too large");
	memcpy(copy, buf_cstr(&b), b.len);
	*ret = copy;
	*ret_len = b.len;
	return 0;
}

int plan_layer(struct plan *p, struct plan_image *img, size_t i, const char *member, const struct descriptor *d,
	       struct dv_err *e)
{
	const struct digest *parent = i > 0 ? &img->layers[i - 1]->chain : NULL;
	char text[DIGEST_TEXT_SIZE];
	struct digest chain;

	(void)e;
	digest_chain(parent, &img->config.diff_ids[i], &chain);
	const char *key = arena_printf(p->a, "%s %s", digest_text(&chain, text), member);
	struct layer_job *j = map_get(p->jobs, key);
	if (!j) {
		j = arena_new(p->a, struct layer_job);
		j->member = member;
		j->diff_id = img->config.diff_ids[i];
		j->chain = chain;
		j->no = p->n_jobs++;
		j->watch = p->o->watch;
		if (d) {
			j->blob = d->digest;
			j->check_size = true;
			j->size = d->size;
		}
		(void)map_set(p->jobs, key, j);
	}
	img->layers[i] = j;
	return 0;
}

static bool has_member(struct plan *p, const char *name)
{
	struct archive_member m;

	if (archive_find(p->ar, name, &m, NULL) < 0)
		return false;
	archive_member_done(&m);
	return true;
}

static int plan_fill(struct plan *p, struct dv_err *e)
{
	/* Newer docker writes both: the layout says more, and can be verified. */
	if (has_member(p, "oci-layout") && has_member(p, "index.json"))
		return plan_oci(p, e);
	if (has_member(p, "manifest.json"))
		return plan_docker(p, e);
	return dv_fail(e, DV_INVALID, "neither a docker archive nor an OCI layout (no manifest.json, no index.json)");
}

/* --- layers that the store has --- */

static int adopt_stored(struct plan *p, struct layer_job *j, struct dv_err *e)
{
	/* A docker archive does not tell; there the layer usually is its own diff. */
	const struct digest *blob = j->blob.alg ? &j->blob : &j->diff_id;
	struct digest diff, names[2];
	bool has = false;
	int rc = j->blob.alg ? image_store_has_blob(p->store, blob, &has, e) : 0;

	if (rc < 0)
		return rc;
	/* A blob without its layer (one that was copied here) is read where it is, and not written again. */
	if (has && image_stage_hold_blob(p->st, blob, NULL) == 0)
		j->has_blob = j->from_store = true;
	has = false;
	rc = image_store_blob_layer(p->store, blob, &j->blob_size, &diff, e);
	if (rc == -DV_NOT_FOUND || (rc == 0 && !digest_equal(&diff, &j->diff_id)))
		return 0;
	layer_names(j, &names[0], &names[1]);
	for (int i = 0; i < 2 && rc == 0 && !has; i++) {
		rc = image_store_has_layer(p->store, &names[i], &has, e);
		if (rc == 0 && has) {
			j->blob = *blob;
			j->has_blob = true;
			j->dir = names[i];
			layer_tell(j, LAYER_EXISTS, j->blob_size, j->blob_size);
		}
	}
	return rc;
}

/* --- all layers, without those below --- */

struct worker {
	struct plan *p;
	struct layer_job *j;
};

static int worker_run(void *ctx, struct dv_err *e)
{
	struct worker *w = ctx;
	/* The lowest layer has nothing below. */
	bool lowest = digest_equal(&w->j->chain, &w->j->diff_id);

	if (__atomic_load_n(&w->p->failed, __ATOMIC_RELAXED))
		return 0;
	int rc = layer_run(w->j, w->p->store, w->p->ar, w->p->st, NULL, 0, !lowest, e);
	if (rc < 0)
		__atomic_store_n(&w->p->failed, true, __ATOMIC_RELAXED);
	return rc;
}

static void worker_done(void *ctx, int result, const struct dv_err *e)
{
	struct worker *w = ctx;

	if (result < 0 && !w->p->why.kind)
		w->p->why = *e;
}

static int submit_all(struct plan *p, struct job_pool *pool, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	const char *key;
	size_t pos = 0;
	void *value;
	int rc = 0;

	while (rc == 0 && map_next(p->jobs, &pos, &key, &value)) {
		struct worker *w = arena_new(p->a, struct worker);

		*w = (struct worker){ p, value };
		rc = adopt_stored(p, w->j, e);
		/* The same layer twice, as empty ones often are: one is enough. */
		if (rc < 0 || w->j->dir.alg || map_get(p->diffs, digest_text(&w->j->diff_id, text)))
			continue;
		(void)map_set(p->diffs, text, w->j);
		layer_tell(w->j, LAYER_WAITING, 0, w->j->size);
		rc = job_submit(pool, worker_run, worker_done, w, e);
	}
	return rc;
}

static int run_blind(struct plan *p, struct dv_err *e)
{
	struct job_pool *pool;
	int rc = job_pool_new(NULL, THREADS, LOAD_IMAGES_MAX * IMAGE_LAYERS_MAX, &pool, e);

	if (rc < 0)
		return rc;
	rc = submit_all(p, pool, e);
	job_wait_all(pool);
	job_pool_free(pool);
	if (rc == 0 && p->why.kind) {
		*e = p->why;
		return -(int)e->kind;
	}
	return rc;
}

/* --- what is left, from the lowest layer up --- */

/* What another job made of the same layer in the same form, if it does not depend on where it lies. */
static void adopt_twin(struct plan *p, struct layer_job *j)
{
	char text[DIGEST_TEXT_SIZE];
	const struct layer_job *twin = map_get(p->diffs, digest_text(&j->diff_id, text));

	if (!twin || twin == j || !twin->has_blob || !digest_equal(&twin->dir, &j->diff_id) ||
	    !streq(twin->member, j->member))
		return;
	j->dir = twin->dir;
	j->blob = twin->blob;
	j->blob_size = twin->blob_size;
	j->kind = twin->kind;
	j->has_blob = true;
	layer_tell(j, LAYER_EXISTS, j->blob_size, j->blob_size);
}

static int run_above(struct plan *p, struct plan_image *img, size_t i, struct dv_err *e)
{
	auto_free int *fds = mem_alloc((i + 1) * sizeof(*fds));
	size_t n = 0;
	int rc = 0;

	for (; n < i && rc == 0; n++)
		rc = image_stage_layer_open(p->st, &img->layers[i - 1 - n]->dir, &fds[n], e);
	if (rc == 0)
		rc = layer_run(img->layers[i], p->store, p->ar, p->st, fds, n, false, e);
	else
		n--;
	while (n > 0)
		fd_close(&fds[--n]);
	return rc;
}

static int run_rest(struct plan *p, struct plan_image *img, struct dv_err *e)
{
	int rc = 0;

	for (size_t i = 0; i < img->config.n_layers && rc == 0; i++) {
		struct layer_job *j = img->layers[i];

		if (!j->dir.alg)
			adopt_twin(p, j);
		if (!j->dir.alg)
			rc = run_above(p, img, i, e);
	}
	return rc;
}

/* --- records --- */

static const char *layer_type(struct plan *p, const struct layer_job *j)
{
	return j->kind == COMPRESS_NONE ? MEDIA_OCI_LAYER
					: arena_printf(p->a, MEDIA_OCI_LAYER "+%s", compress_name(j->kind));
}

/* A docker archive has no manifest: make the one a registry would have. */
static void manifest_make(struct plan *p, struct plan_image *img)
{
	struct descriptor *layers = arena_array(p->a, struct descriptor, img->config.n_layers + 1);
	const struct descriptor config = { .media_type = MEDIA_OCI_CONFIG, .digest = img->id, .size = img->config_len };

	for (size_t i = 0; i < img->config.n_layers; i++)
		layers[i] = (struct descriptor){ .media_type = img->media_types[i], .digest = img->layers[i]->blob,
						 .size = img->layers[i]->blob_size };
	img->manifest_text = manifest_write(p->a, &config, layers, img->config.n_layers);
	img->manifest_len = strlen(img->manifest_text);
}

static int record_make(struct plan *p, struct plan_image *img, struct image_record *r, struct dv_err *e)
{
	size_t n = img->config.n_layers;
	struct image_record_layer *layers = arena_array(p->a, struct image_record_layer, n + 1);

	for (size_t i = 0; i < n; i++) {
		const struct layer_job *j = img->layers[i];

		if (!img->media_types[i] || !*img->media_types[i])
			img->media_types[i] = layer_type(p, j);
		layers[i] = (struct image_record_layer){ j->dir, j->diff_id, j->blob, j->blob_size, img->media_types[i] };
	}
	if (!img->manifest_text)
		manifest_make(p, img);
	*r = (struct image_record){ .id = img->id, .config = img->config_text, .config_len = img->config_len,
				    .created = img->config.created, .layers = layers, .n_layers = n,
				    .names = img->names, .indexes = p->o->indexes, .n_indexes = p->o->n_indexes };
	digest_of(DIGEST_SHA256, img->manifest_text, img->manifest_len, &r->manifest);
	int rc = image_stage_bytes(p->st, &r->manifest, img->manifest_text, img->manifest_len, e);
	return rc < 0 ? rc : image_stage_bytes(p->st, &r->id, img->config_text, img->config_len, e);
}

static int publish(struct plan *p, struct dv_err *e)
{
	struct image_record *recs = arena_array(p->a, struct image_record, p->n_images);
	int rc = 0;

	for (size_t i = 0; i < p->n_images && rc == 0; i++)
		rc = record_make(p, &p->images[i], &recs[i], e);
	return rc < 0 ? rc : image_publish(p->st, recs, p->n_images, e);
}

static void result_make(struct plan *p, struct load_result *ret)
{
	char text[DIGEST_TEXT_SIZE];

	ret->n = p->n_images;
	ret->v = arena_array(p->a, struct load_image, p->n_images + 1);
	for (size_t i = 0; i < p->n_images; i++)
		ret->v[i] = (struct load_image){ arena_str(p->a, digest_text(&p->images[i].id, text)), p->images[i].names };
}

/* --- public --- */

static int load_planned(struct plan *p, struct dv_err *e)
{
	int rc = plan_fill(p, e);

	if (rc == 0)
		rc = run_blind(p, e);
	for (size_t i = 0; i < p->n_images && rc == 0; i++)
		rc = run_rest(p, &p->images[i], e);
	return rc < 0 ? rc : publish(p, e);
}

static int load_once(struct image_store *s, struct image_stage *st, struct archive *ar, const struct platform *platform,
		     const struct load_options *o, struct arena *a, struct load_result *ret, struct dv_err *e)
{
	struct plan p = { .a = a, .store = s, .st = st, .ar = ar, .platform = *platform, .o = o, .jobs = map_new(),
			  .diffs = map_new() };
	int rc = load_planned(&p, e);

	if (rc == 0)
		result_make(&p, ret);
	map_free(p.jobs, NULL);
	map_free(p.diffs, NULL);
	return rc;
}

int image_load(struct image_store *s, const struct load_options *o, struct arena *a, struct load_result *ret,
	       struct dv_err *e)
{
	auto_stage struct image_stage *st = NULL, *again = NULL;
	auto_archive struct archive *ar = NULL;
	struct platform platform;
	struct dv_err why = DV_ERR_NONE;
	int rc = platform_parse(a, o->platform, &platform, e);

	if (rc == 0)
		rc = image_stage_open(s, &st, e);
	if (rc == 0)
		rc = archive_open(o->fd, image_stage_dirfd(st), o->what, &ar, e);
	if (rc < 0)
		return rc;
	rc = load_once(s, st, ar, &platform, o, a, ret, &why);
	/* A layer that the store had was removed while we worked: unpack it this time. */
	if (rc == -DV_CONFLICT && image_stage_open(s, &again, &why) == 0)
		rc = load_once(s, again, ar, &platform, o, a, ret, &why);
	if (rc == 0)
		return 0;
	if (e)
		*e = why;
	(void)dv_wrap(e, "%s", o->what);
	return rc;
}
