/* docker_archive_dest.c - write what docker load reads: plain layers, configurations, manifest.json.
 *
 * Layers are inflated on the way into the archive and named by their diff ids; that
 * these are the configuration's is checked when the manifest comes. Several images,
 * and several names of one, share what they have in common.
 */
#include <pthread.h>
#include <stdio.h>

#include "base/map.h"
#include "base/str.h"
#include "image/config.h"
#include "image/name.h"
#include "image/store.h"
#include "transfer/compress.h"
#include "transfer/docker_parts.h"
#include "transfer/tarfile.h"

struct docker_image {
	struct docker_image *next;
	struct digest config;
	struct json *tags;
};

struct docker_dest {
	struct arena a;                 /* under lock */
	struct tarfile *tar;
	struct map *layers;             /* digest of the blob -> struct digest, the diff id */
	struct map *configs;            /* digest of the configuration -> struct image_config */
	pthread_mutex_t lock;
	struct json *list;              /* manifest.json */
	struct docker_image *first;
	const char *ref;
};

static void dest_done(void *ctx)
{
	struct docker_dest *d = ctx;

	tarfile_close(d->tar);
	map_free(d->layers, NULL);
	map_free(d->configs, NULL);
	(void)pthread_mutex_destroy(&d->lock);
	arena_done(&d->a);
	free(d);
}

static int dest_begin(const struct place *p, const struct place_options *o, void **ret, struct dv_err *e)
{
	struct tarfile *tar;
	int rc = o->stream_fd > 0 ? tarfile_on(o->stream_fd, p->path, &tar, e) : tarfile_create(p->path, &tar, e);

	if (rc < 0)
		return rc;
	struct docker_dest *d = mem_new(struct docker_dest);
	d->tar = tar;
	d->layers = map_new();
	d->configs = map_new();
	d->ref = p->ref;
	(void)pthread_mutex_init(&d->lock, NULL);
	arena_init(&d->a, 0);
	d->list = json_new_array(&d->a);
	*ret = d;
	return 0;
}

/* --- blobs --- */

static void *known(struct docker_dest *d, struct map *m, const struct digest *digest)
{
	char text[DIGEST_TEXT_SIZE];

	(void)pthread_mutex_lock(&d->lock);
	void *v = map_get(m, digest_text(digest, text));
	(void)pthread_mutex_unlock(&d->lock);
	return v;
}

static int dest_has(void *ctx, const struct descriptor *blob, const struct place *from, bool *ret, struct dv_err *e)
{
	struct docker_dest *d = ctx;

	(void)from;
	(void)e;
	*ret = known(d, d->layers, &blob->digest) || known(d, d->configs, &blob->digest);
	return 0;
}

/* Inflated and hashed; at its end the raw stream is read to its own end, which verifies it. */
struct plain {
	struct tar_source raw, in;
	struct digest_stream hash;
	struct digest diff;
};

static int plain_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct plain *p = ctx;
	const void *rest;
	size_t len;
	int rc = p->in.next(p->in.ctx, ret, ret_len, e);

	if (rc > 0)
		digest_add(&p->hash, *ret, *ret_len);
	if (rc != 0)
		return rc;
	while ((rc = p->raw.next(p->raw.ctx, &rest, &len, e)) > 0)
		;
	digest_end(&p->hash, &p->diff);
	return rc;
}

static const char *layer_name(void *ctx, char out[TARFILE_NAME_MAX + 1])
{
	const struct plain *p = ctx;
	char hex[DIGEST_TEXT_SIZE];

	(void)snprintf(out, TARFILE_NAME_MAX + 1, "%.90s.tar", digest_hex(&p->diff, hex));
	return out;
}

static int put_layer(struct docker_dest *d, struct descriptor *blob, const struct tar_source *raw, struct dv_err *e)
{
	static const struct inflate_limits limits;
	auto_inflate struct inflate *z = NULL;
	struct plain p = { .raw = *raw };
	char text[DIGEST_TEXT_SIZE];
	int rc = inflate_new(raw, &limits, &z, e);

	if (rc < 0)
		return rc;
	p.in = inflate_source(z);
	digest_begin(&p.hash, DIGEST_SHA256);
	const struct tar_source in = { plain_next, &p };
	const bool as_is = inflate_kind(z) == COMPRESS_NONE && blob->size != BLOB_SIZE_UNKNOWN &&
			   blob->digest.alg == DIGEST_SHA256;
	if (as_is)
		p.diff = blob->digest;          /* a pipe wants to know the name before */
	rc = tarfile_add(d->tar, &(struct tarfile_name){ layer_name, &p }, as_is ? blob->size : TARFILE_SIZE_UNKNOWN, &in, e);
	if (rc < 0)
		return rc;
	(void)pthread_mutex_lock(&d->lock);
	struct digest *diff = arena_new(&d->a, struct digest);
	*diff = p.diff;
	(void)map_set(d->layers, digest_text(&blob->digest, text), diff);
	(void)pthread_mutex_unlock(&d->lock);
	return 0;
}

static int put_config(struct docker_dest *d, struct descriptor *blob, const struct tar_source *in, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(IMAGE_CONFIG_MAX);
	char text[DIGEST_TEXT_SIZE], name[DIGEST_TEXT_SIZE + 8];
	const void *p;
	size_t len;
	int rc;

	while ((rc = in->next(in->ctx, &p, &len, e)) > 0)
		buf_add(&b, p, len);
	if (rc == 0)
		rc = buf_check(&b, "image configuration", e);
	if (rc < 0)
		return rc;
	(void)snprintf(name, sizeof(name), "%.90s.json", digest_hex(&blob->digest, text));
	rc = tarfile_add_bytes(d->tar, name, buf_cstr(&b), b.len, e);
	(void)pthread_mutex_lock(&d->lock);
	struct image_config *c = arena_new(&d->a, struct image_config);
	if (rc == 0)
		rc = image_config_parse(&d->a, buf_cstr(&b), b.len, c, e);
	if (rc == 0)
		(void)map_set(d->configs, digest_text(&blob->digest, text), c);
	(void)pthread_mutex_unlock(&d->lock);
	return rc;
}

static int dest_put(void *ctx, struct descriptor *blob, const struct tar_source *in, struct dv_err *e)
{
	bool config = streq(blob->media_type, MEDIA_OCI_CONFIG) || streq(blob->media_type, MEDIA_DOCKER_CONFIG);

	return config ? put_config(ctx, blob, in, e) : put_layer(ctx, blob, in, e);
}

/* --- documents --- */

static int layers_of(struct docker_dest *d, const struct manifest *m, struct json **ret, struct dv_err *e)
{
	const struct image_config *c = known(d, d->configs, &m->config.digest);
	struct json *list = json_new_array(&d->a);
	char hex[DIGEST_TEXT_SIZE];

	if (!c || c->n_layers != m->n)
		return dv_fail(e, DV_INVALID, "the manifest has %zu layers, its configuration %zu", m->n, c ? c->n_layers : 0);
	for (size_t i = 0; i < m->n; i++) {
		const struct digest *diff = known(d, d->layers, &m->v[i].digest);

		if (!diff)
			return dv_fail(e, DV_INTERNAL, "layer %zu was not written", i);
		if (c->diff_ids[i].alg == DIGEST_SHA256 && !digest_equal(diff, &c->diff_ids[i]))
			return dv_fail(e, DV_INVALID, "layer %zu is not the one of the configuration: its diff id differs", i);
		json_append(&d->a, list, json_new_str(&d->a, arena_printf(&d->a, "%.90s.tar", digest_hex(diff, hex))));
	}
	*ret = list;
	return 0;
}

static int image_add(struct docker_dest *d, const struct manifest *m, struct docker_image **ret, struct dv_err *e)
{
	char hex[DIGEST_TEXT_SIZE];
	struct json *layers = NULL;

	for (struct docker_image *it = d->first; it; it = it->next) {
		if (digest_equal(&it->config, &m->config.digest)) {
			*ret = it;
			return 0;
		}
	}
	int rc = layers_of(d, m, &layers, e);
	if (rc < 0)
		return rc;
	struct docker_image *x = arena_new(&d->a, struct docker_image);
	*x = (struct docker_image){ d->first, m->config.digest, json_new_array(&d->a) };
	d->first = x;
	const char *config = arena_printf(&d->a, "%.90s.json", digest_hex(&m->config.digest, hex));
	json_append(&d->a, d->list, json_obj(&d->a, "Config", json_new_str(&d->a, config), "RepoTags", x->tags, "Layers",
					     layers, NULL));
	*ret = x;
	return 0;
}

static int dest_doc(void *ctx, const struct document *doc, const char *name, struct dv_err *e)
{
	struct docker_dest *d = ctx;
	struct docker_image *x = NULL;
	const char *full;
	struct manifest m;
	int rc = manifest_parse(&d->a, doc->text, doc->len, doc->media_type, &m, e);

	if (rc == 0 && m.kind != MANIFEST_IMAGE)
		return dv_fail(e, DV_UNSUPPORTED, "a docker archive has images only, no index");
	if (rc == 0)
		rc = image_add(d, &m, &x, e);
	if (name && !*name)
		name = d->ref;
	if (rc < 0 || !name)
		return rc;
	/* In full: docker shortens it again, podman would take a short one for localhost's. */
	rc = image_name_normalize(&d->a, name, &full, e);
	if (rc == 0)
		json_append(&d->a, x->tags, json_new_str(&d->a, full));
	return rc;
}

static int dest_end(void *ctx, struct dv_err *e)
{
	struct docker_dest *d = ctx;
	const char *text = json_text(&d->a, d->list, JSON_COMPACT);
	int rc = tarfile_add_bytes(d->tar, "manifest.json", text, strlen(text), e);

	return rc < 0 ? rc : tarfile_commit(d->tar, e);
}

static const struct dest_ops ops = {
	.accepts = DEST_IMAGES_ONLY, .open = dest_begin, .close = dest_done, .has = dest_has, .blob = dest_put,
	.document = dest_doc, .commit = dest_end,
};

const struct transport transport_docker_archive = { "docker-archive", place_parse_path, &docker_archive_source_ops, &ops };
