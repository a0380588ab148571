/* copy.c - which documents are copied: one image of an index, or all that is below it, and what refers to them. */
#include "base/str.h"
#include "image/config.h"
#include "image/store.h"
#include "transfer/copy_parts.h"

static int copy_document(struct copy *c, const struct document *doc, const char *name, unsigned depth,
			 const struct copied **ret, struct dv_err *e);

/* --- reading --- */

static const char *type_of(const struct manifest_info *m)
{
	static const char *const types[] = {
		[MANIFEST_CLASS_IMAGE] = MEDIA_OCI_MANIFEST, [MANIFEST_CLASS_INDEX] = MEDIA_OCI_INDEX,
		[MANIFEST_CLASS_ARTIFACT] = MEDIA_OCI_MANIFEST,
	};

	return *m->media_type ? m->media_type : types[m->kind];
}

/* The parsed document; its media type is known afterwards. */
static int parse(struct copy *c, struct document *doc, struct manifest_info *ret, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	size_t n, max;
	int rc = manifest_info_parse(c->a, doc->text, doc->len, doc->media_type, ret, e);

	if (rc < 0)
		return dv_wrap(e, "%.71s", digest_text(&doc->digest, text));
	/* An image's configuration is no layer. */
	n = ret->kind == MANIFEST_CLASS_IMAGE ? ret->n - 1 : ret->n;
	max = ret->kind == MANIFEST_CLASS_INDEX ? COPY_ENTRIES_MAX : IMAGE_LAYERS_MAX;
	if (n > max)
		return dv_fail(e, DV_LIMIT, "%.71s: %zu %s, at most %zu are allowed", digest_text(&doc->digest, text), n,
			       ret->kind == MANIFEST_CLASS_INDEX ? "manifests" : "layers", max);
	doc->media_type = type_of(ret);
	return 0;
}

/* What a descriptor leads to: digest, size and type are as it says. */
static int fetch(struct copy *c, const struct descriptor *d, struct document *ret, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];

	if (c->n_documents++ >= COPY_DOCUMENTS_MAX)
		return dv_fail(e, DV_LIMIT, "more than %d manifests", COPY_DOCUMENTS_MAX);
	if (d->size > IMAGE_MANIFEST_MAX)
		return dv_fail(e, DV_LIMIT, "%.71s: manifest of %llu bytes, at most %zu are allowed",
			       digest_text(&d->digest, text), (unsigned long long)d->size, IMAGE_MANIFEST_MAX);
	int rc = source_document(c->s, c->a, &d->digest, ret, e);
	if (rc < 0)
		return rc;
	if (ret->len != d->size)
		return dv_fail(e, DV_INVALID, "%.71s: manifest of %zu bytes, its descriptor says %llu",
			       digest_text(&d->digest, text), ret->len, (unsigned long long)d->size);
	if (*ret->media_type && *d->media_type && !streq(ret->media_type, d->media_type))
		return dv_fail(e, DV_INVALID, "%.71s: is sent as %.80s, its descriptor says %.80s",
			       digest_text(&d->digest, text), ret->media_type, d->media_type);
	if (*d->media_type)
		ret->media_type = d->media_type;
	return 0;
}

/* --- writing --- */

static int put(struct copy *c, const struct document *doc, const struct digest *was, const char *name,
	       const struct copied **ret, struct dv_err *e)
{
	const struct copied x = { *was, *doc, { .media_type = doc->media_type, .digest = doc->digest, .size = doc->len } };
	const char *const *more = name && c->o->more_names ? c->o->more_names : NULL;
	char text[DIGEST_TEXT_SIZE];
	int rc = dest_document(c->d, doc, name, e);

	for (; more && *more && rc == 0; more++)
		rc = dest_document(c->d, doc, *more, e);
	if (rc < 0)
		return rc;
	struct copied *kept = arena_new(c->a, struct copied);
	*kept = x;
	(void)map_set(c->done, digest_text(was, text), kept);
	*ret = kept;
	return 0;
}

/* --- images --- */

/* The configuration must be one, and of these layers. It is small; it is read twice. */
static int config_check(struct copy *c, const struct manifest_info *m, struct dv_err *e)
{
	struct image_config config;
	const char *text;
	size_t len;
	int rc = source_bytes(c->s, c->a, &m->refs[0], IMAGE_CONFIG_MAX, &text, &len, e);

	if (rc == 0)
		rc = image_config_parse(c->a, text, len, &config, e);
	if (rc == 0 && config.n_layers != m->n - 1)
		rc = dv_fail(e, DV_INVALID, "the manifest has %zu layers, its configuration %zu", m->n - 1, config.n_layers);
	return rc;
}

static int copy_leaf(struct copy *c, const struct document *doc, const struct manifest_info *m, const char *name,
		     const struct copied **ret, struct dv_err *e)
{
	struct descriptor *refs = arena_array(c->a, struct descriptor, m->n + 1);
	struct document out;
	int rc = m->kind == MANIFEST_CLASS_IMAGE ? config_check(c, m, e) : 0;

	for (size_t i = 0; i < m->n; i++) {
		refs[i] = m->refs[i];
		if (m->kind == MANIFEST_CLASS_IMAGE)
			refs[i].media_type = form_type(c->a, refs[i].media_type, form_wanted(c));
	}
	/* What cannot be is told before anything is sent. */
	if (rc == 0)
		rc = form_rewrite(c, doc, m, refs, &out, e);
	if (rc == 0)
		rc = copy_blobs(c, m, refs, e);
	if (rc == 0)
		rc = form_rewrite(c, doc, m, refs, &out, e);
	return rc < 0 ? rc : put(c, &out, &doc->digest, name, ret, e);
}

/* --- indexes --- */

static int choose(struct copy *c, const struct manifest_info *m, const struct descriptor **ret, struct dv_err *e)
{
	const struct manifest index = { .kind = MANIFEST_INDEX, .v = m->refs, .n = m->n };
	struct platform host;
	int rc = 0;

	if (!c->o->platform)
		rc = platform_parse(c->a, NULL, &host, e);
	return rc < 0 ? rc : manifest_select(&index, c->o->platform ? c->o->platform : &host, ret, e);
}

static int copy_children(struct copy *c, const struct manifest_info *m, struct descriptor *refs, unsigned depth,
			 struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];

	for (size_t i = 0; i < m->n; i++) {
		const struct copied *child = map_get(c->done, digest_text(&m->refs[i].digest, text));
		struct document doc;
		int rc = child ? 0 : fetch(c, &m->refs[i], &doc, e);

		if (!child && rc == 0)
			rc = copy_document(c, &doc, NULL, depth + 1, &child, e);
		if (rc < 0)
			return dv_wrap(e, "manifest %zu of the index", i + 1);
		refs[i].digest = child->d.digest;
		refs[i].size = child->d.size;
		if (*refs[i].media_type)
			refs[i].media_type = child->d.media_type;
	}
	return 0;
}

static int copy_index(struct copy *c, const struct document *doc, const struct manifest_info *m, const char *name,
		      unsigned depth, const struct copied **ret, struct dv_err *e)
{
	struct descriptor *refs = arena_array(c->a, struct descriptor, m->n + 1);
	const struct descriptor *one = NULL;
	struct document out;
	int rc = 0;

	if (depth >= COPY_NESTED_MAX)
		return dv_fail(e, DV_LIMIT, "indexes are nested more than %d deep", COPY_NESTED_MAX);
	if (c->o->which == COPY_SYSTEM) {
		rc = choose(c, m, &one, e);
		if (rc == 0)
			rc = fetch(c, one, &out, e);
		return rc < 0 ? rc : copy_document(c, &out, name, depth + 1, ret, e);
	}
	if (dest_accepts(c->d) == DEST_IMAGES_ONLY)
		return dv_fail(e, DV_UNSUPPORTED, "%s: cannot hold an index: choose one platform", dest_place(c->d)->text);
	memcpy(refs, m->refs, m->n * sizeof(*refs));
	if (c->o->which == COPY_ALL)
		rc = copy_children(c, m, refs, depth, e);
	if (rc == 0)
		rc = form_rewrite(c, doc, m, refs, &out, e);
	return rc < 0 ? rc : put(c, &out, &doc->digest, name, ret, e);
}

/* --- referrers --- */

static void note(const struct copy *c, const char *line)
{
	if (c->o->events && c->o->events->note)
		c->o->events->note(c->o->events->ctx, line);
}

static int copy_referrers(struct copy *c, const struct copied *x, unsigned depth, struct dv_err *e)
{
	struct descriptor *v = NULL;
	char text[DIGEST_TEXT_SIZE];
	size_t n = 0;

	if (c->o->no_referrers || dest_accepts(c->d) == DEST_IMAGES_ONLY)
		return 0;
	int rc = source_referrers(c->s, c->a, &x->was, &v, &n, e);
	if (rc < 0 || n == 0)
		return rc;
	if (!digest_equal(&x->was, &x->doc.digest)) {
		note(c, arena_printf(c->a, "%zu referrers of %.19s are left out: its digest has changed", n,
				     digest_text(&x->was, text)));
		return 0;
	}
	if (depth >= COPY_NESTED_MAX)
		return dv_fail(e, DV_LIMIT, "referrers of referrers are more than %d deep", COPY_NESTED_MAX);
	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct copied *done = map_get(c->done, digest_text(&v[i].digest, text));
		struct document doc;

		if (done)
			continue;
		rc = fetch(c, &v[i], &doc, e);
		if (rc == 0)
			rc = copy_document(c, &doc, NULL, depth + 1, &done, e);
	}
	return rc < 0 ? dv_wrap(e, "referrers of %.19s", digest_text(&x->was, text)) : 0;
}

/* --- any document --- */

static int copy_document(struct copy *c, const struct document *in, const char *name, unsigned depth,
			 const struct copied **ret, struct dv_err *e)
{
	struct document doc = *in;
	struct manifest_info m;
	int rc = parse(c, &doc, &m, e);

	if (rc < 0)
		return rc;
	if (m.kind == MANIFEST_CLASS_INDEX)
		rc = copy_index(c, &doc, &m, name, depth, ret, e);
	else
		rc = copy_leaf(c, &doc, &m, name, ret, e);
	/* Of an index that was followed to one image, the image counts. */
	if (rc == 0 && digest_equal(&(*ret)->was, &doc.digest))
		rc = copy_referrers(c, *ret, depth, e);
	return rc;
}

int copy_image(struct source *s, struct dest *d, const struct copy_options *o, struct arena *a, struct document *ret,
	       struct dv_err *e)
{
	struct copy c = { .s = s, .d = d, .o = o, .a = a, .done = map_new(), .seen = map_new() };
	const struct copied *x;
	struct document doc;
	struct dv_err why = DV_ERR_NONE;
	int rc = source_document(s, a, NULL, &doc, &why);

	if (rc == 0)
		rc = copy_document(&c, &doc, o->unnamed ? NULL : o->name ? o->name : "", 0, &x, &why);
	map_free(c.done, NULL);
	map_free(c.seen, NULL);
	if (rc == 0)
		*ret = x->doc;
	else if (e)
		*e = why;
	return rc;
}
