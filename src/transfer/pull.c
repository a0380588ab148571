/* pull.c - from a name to an image: policy, names, manifests, publication. */
#include "base/buf.h"
#include "base/str.h"
#include "image/manifests.h"
#include "transfer/pull_parts.h"

/* --- watching --- */

void pull_tell(struct pull *p, const struct pull_blob *b, enum layer_step step, uint64_t done)
{
	if (p->o->watch && p->o->watch->layer)
		p->o->watch->layer(p->o->watch->ctx, b->no, &b->d.digest, step, done, b->d.size);
}

/* --- what is here --- */

static bool platform_is(const struct platform *want, const struct image_config *c)
{
	return streq(want->os, c->os) && streq(want->arch, c->arch) &&
	       (!*want->variant || !*c->variant || streq(want->variant, c->variant));
}

/* NULL when the store has no such name for the platform. */
static int local_image(struct pull *p, struct image **ret, struct dv_err *e)
{
	struct image_config c;
	struct dv_err why = DV_ERR_NONE;
	int rc = image_resolve(p->store, p->a, image_name_text(p->a, &p->name), ret, &why);

	if (rc == 0 && p->o->platform)
		rc = image_config_parse(p->a, (*ret)->config, (*ret)->config_len, &c, &why);
	if (rc == 0 && p->o->platform && !platform_is(&p->platform, &c))
		rc = -DV_NOT_FOUND;
	if (rc == -DV_NOT_FOUND) {
		*ret = NULL;
		return 0;
	}
	if (rc < 0)
		*e = why;
	return rc;
}

/* The registry's word for the name is what we have: one HEAD. */
static int up_to_date(struct pull *p, bool *ret, struct dv_err *e)
{
	const char *name = image_name_text(p->a, &p->name);
	struct remote_manifest head;
	struct manifest_row row;
	int rc = 0;

	/* What is named by its digest does not change. */
	*ret = p->name.digest != NULL;
	if (!*ret)
		rc = remote_manifest_head(p->repo, p->name.tag, p->a, &head, e);
	if (rc < 0 || *ret || !head.digest.alg)
		return rc;
	*ret = manifest_resolve(p->store, p->a, name, &row, NULL) == 0 && digest_equal(&row.digest, &head.digest);
	return 0;
}

/* --- documents --- */

static int get_document(struct pull *p, const char *ref, const char *want, struct dv_err *e)
{
	int rc = remote_manifest_get(p->repo, ref, p->a, &p->doc, e);

	if (rc < 0)
		return rc;
	if (p->doc.len > IMAGE_MANIFEST_MAX)
		return dv_fail(e, DV_LIMIT, "%s: manifest is larger than %zu bytes", p->shown, IMAGE_MANIFEST_MAX);
	if (*want && *p->doc.media_type && !streq(want, p->doc.media_type))
		return dv_fail(e, DV_INVALID, "%s: media type of the manifest is %.80s, its descriptor says %.80s", p->shown,
			       p->doc.media_type, want);
	rc = manifest_parse(p->a, p->doc.bytes, p->doc.len, *want ? want : p->doc.media_type, &p->manifest, e);
	return rc < 0 ? dv_wrap(e, "%s: manifest", p->shown) : 0;
}

static int stage_document(struct pull *p, struct dv_err *e)
{
	return image_stage_bytes(p->st, &p->doc.digest, p->doc.bytes, p->doc.len, e);
}

/* Through indexes to the image of the platform. */
static int get_manifest(struct pull *p, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	const struct descriptor *d;
	int rc = get_document(p, p->name.digest ? p->name.digest : p->name.tag, "", e);

	if (rc == 0)
		rc = stage_document(p, e);
	while (rc == 0 && p->manifest.kind == MANIFEST_INDEX) {
		if (p->n_indexes == PULL_INDEXES_MAX)
			return dv_fail(e, DV_LIMIT, "%s: more than %d indexes in each other", p->shown, PULL_INDEXES_MAX);
		p->indexes[p->n_indexes++] = p->doc.digest;
		if (manifest_select(&p->manifest, &p->platform, &d, e) < 0)
			return dv_wrap(e, "%s", p->shown);
		rc = get_document(p, digest_text(&d->digest, text), d->media_type, e);
		if (rc == 0 && p->doc.len != d->size)
			rc = dv_fail(e, DV_INVALID, "%s: manifest has %zu bytes, its descriptor says %llu", p->shown, p->doc.len,
				     (unsigned long long)d->size);
		if (rc == 0)
			rc = stage_document(p, e);
	}
	return rc;
}

static int read_config(struct pull *p, struct dv_err *e)
{
	const struct descriptor *d = &p->manifest.config;
	auto_buf struct buf b = BUF_INIT(IMAGE_CONFIG_MAX);

	if (d->size > IMAGE_CONFIG_MAX)
		return dv_fail(e, DV_LIMIT, "%s: configuration is larger than %zu bytes", p->shown, IMAGE_CONFIG_MAX);
	if (blob_read(p->store, &d->digest, &b, NULL) < 0 || b.len != d->size)
		return remote_blob_read(p->repo, &d->digest, d->size, IMAGE_CONFIG_MAX, p->a, &p->config_text,
					&p->config_len, e);
	p->config_text = arena_strn(p->a, b.p, b.len);
	p->config_len = b.len;
	return 0;
}

static int check_config(struct pull *p, struct dv_err *e)
{
	int rc = image_config_parse(p->a, p->config_text, p->config_len, &p->config, e);

	if (rc < 0)
		return rc;
	if (p->config.n_layers != p->manifest.n)
		return dv_fail(e, DV_INVALID, "it names %zu layers, the manifest %zu", p->config.n_layers, p->manifest.n);
	if (platform_is(&p->platform, &p->config))
		return 0;
	if (p->o->platform)
		return dv_fail(e, DV_NOT_FOUND, "the image is for platform %s/%s, not %s", p->config.os, p->config.arch,
			       p->o->platform);
	if (p->o->watch && p->o->watch->note)
		p->o->watch->note(p->o->watch->ctx, arena_printf(p->a, "%s is for platform %s/%s, not this host's", p->shown,
								 p->config.os, p->config.arch));
	return 0;
}

static int get_config(struct pull *p, struct dv_err *e)
{
	int rc = read_config(p, e);

	if (rc == 0 && check_config(p, e) < 0)
		return dv_wrap(e, "%s: configuration", p->shown);
	return rc < 0 ? rc : image_stage_bytes(p->st, &p->manifest.config.digest, p->config_text, p->config_len, e);
}

/* --- publication --- */

static const char **digest_names(struct pull *p)
{
	char text[DIGEST_TEXT_SIZE];
	const char **v = arena_array(p->a, const char *, 3);
	size_t n = 0;

	if (p->n_indexes > 0)
		v[n++] = arena_printf(p->a, "%s/%s@%s", p->name.host, p->name.path, digest_text(&p->indexes[0], text));
	v[n] = arena_printf(p->a, "%s/%s@%s", p->name.host, p->name.path, digest_text(&p->doc.digest, text));
	return v;
}

static int publish(struct pull *p, struct dv_err *e)
{
	struct image_record_layer *layers = arena_array(p->a, struct image_record_layer, p->manifest.n + 1);
	const char *names[2] = { p->name.digest ? NULL : image_name_text(p->a, &p->name), NULL };
	const struct image_record r = {
		.id = p->manifest.config.digest, .manifest = p->doc.digest, .config = p->config_text,
		.config_len = p->config_len, .created = p->config.created, .layers = layers, .n_layers = p->manifest.n,
		.names = names, .indexes = p->indexes, .n_indexes = p->n_indexes, .digests = digest_names(p),
	};

	for (size_t i = 0; i < p->manifest.n; i++) {
		const struct layer_job *j = &p->jobs[i];

		layers[i] = (struct image_record_layer){ j->dir, j->diff_id, j->blob, j->blob_size, p->media_types[i] };
	}
	return image_publish(p->st, &r, 1, e);
}

/* --- one try --- */

static int pull_staged(struct pull *p, struct dv_err *e)
{
	int rc = get_manifest(p, e);

	if (rc == 0)
		rc = get_config(p, e);
	if (rc == 0)
		rc = pull_layers(p, e);
	return rc < 0 ? rc : publish(p, e);
}

static int pull_once(struct pull *p, struct dv_err *e)
{
	auto_stage struct image_stage *st = NULL;
	int rc = image_stage_open(p->store, &st, e);

	if (rc < 0)
		return rc;
	p->st = st;
	p->n_indexes = 0;
	p->resumed = p->stop = false;
	p->why = DV_ERR_NONE;
	return pull_staged(p, e);
}

/* Again, once: what was here has been removed meanwhile, or what an earlier pull left was not good. */
static int pull_new(struct pull *p, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	int rc = pull_once(p, &why);

	if (rc == -DV_CONFLICT || (rc < 0 && p->resumed && (rc == -DV_INVALID || rc == -DV_CORRUPT)))
		rc = pull_once(p, &why);
	if (rc < 0)
		*e = why;
	return rc;
}

/* --- one meaning of the name --- */

static void result_of(struct pull *p, const char *id, bool changed, struct pull_result *ret)
{
	*ret = (struct pull_result){ id, image_name_text(p->a, &p->name), changed, p->downloaded };
}

static int pull_remote(struct pull *p, struct image *have, struct pull_result *ret, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	auto_remote_repo struct remote_repo *repo = NULL;
	const char *name = arena_printf(p->a, "%s/%s", p->name.host, p->name.path);
	bool same = false;
	int rc = remote_repo_open(p->remote, name, REMOTE_PULL, &repo, e);

	p->repo = repo;
	if (rc == 0 && have)
		rc = up_to_date(p, &same, e);
	if (rc == 0 && same) {
		result_of(p, have->id, false, ret);
		return 0;
	}
	if (rc == 0)
		rc = pull_new(p, e);
	if (rc == 0)
		result_of(p, arena_str(p->a, digest_text(&p->manifest.config.digest, text)), true, ret);
	return rc;
}

static int pull_name(struct pull *p, struct pull_result *ret, struct dv_err *e)
{
	struct image *have = NULL;
	int rc = local_image(p, &have, e);

	if (rc < 0)
		return rc;
	if (have && (p->o->policy == PULL_MISSING || p->o->policy == PULL_NEVER)) {
		result_of(p, have->id, false, ret);
		return 0;
	}
	if (p->o->policy == PULL_NEVER)
		return dv_fail(e, DV_NOT_FOUND, "%s: no such image here, and the policy is never to pull", p->shown);
	rc = pull_remote(p, have, ret, e);
	if (rc == 0 || !have || p->o->policy != PULL_NEWER)
		return rc;
	result_of(p, have->id, false, ret);
	return 0;
}

/* --- public --- */

int image_pull(struct image_store *s, struct remote *r, const char *ref, const struct pull_options *o, struct arena *a,
	       struct pull_result *ret, struct dv_err *e)
{
	struct pull p = { .a = a, .store = s, .remote = r, .o = o };
	struct dv_err why = DV_ERR_NONE;
	struct remote_names names;
	int rc = platform_parse(a, o->platform, &p.platform, e);

	if (rc == 0)
		rc = remote_resolve(r, ref, a, &names, e);
	if (rc < 0)
		return rc;
	(void)pthread_mutex_init(&p.lock, NULL);
	rc = -DV_NOT_FOUND;
	/* A short name may mean several: the first registry that has it. */
	for (size_t i = 0; i < names.n && rc < 0; i++) {
		p.name = names.v[i];
		if (p.name.digest)
			p.name.tag = NULL;
		else if (!p.name.tag)
			p.name.tag = "latest";
		p.shown = image_name_familiar(image_name_text(a, &p.name));
		rc = pull_name(&p, ret, &why);
		if (rc < 0 && rc != -DV_NOT_FOUND && rc != -DV_UNAVAILABLE && rc != -DV_FORBIDDEN)
			break;
	}
	(void)pthread_mutex_destroy(&p.lock);
	if (rc < 0 && e)
		*e = why;
	return rc;
}
