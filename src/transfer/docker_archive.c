/* docker_archive.c - what docker save writes, as a source: a manifest is made of what manifest.json says.
 *
 * Such an archive has no digests of blobs. Layers are taken plain, under their diff
 * ids, which the configuration tells: compressed ones are inflated on the way.
 */
#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "image/config.h"
#include "image/name.h"
#include "image/store.h"
#include "json/view.h"
#include "transfer/compress.h"
#include "transfer/docker_parts.h"

#define ENTRY_VIEW(F, c) \
	F(c, str,  config, "Config",   REQ, NULL) \
	F(c, strs, tags,   "RepoTags", 0,   NULL) \
	F(c, strs, layers, "Layers",   0,   NULL)
DV_VIEW(entry_view, ENTRY_VIEW);
#define FILE_VIEW(F, c) F(c, list, images, "images", REQ, &entry_view_schema)
DV_VIEW(file_view, FILE_VIEW);

struct docker_source {
	struct arena a;
	struct archive *ar;
	int fd;
	struct place place;
	struct view_list images;
	/* of the image that was asked for */
	const struct entry_view *image;
	const char *config;
	size_t config_len;
	struct digest config_digest;
	struct image_config parsed;
};

/* --- open --- */

static int read_list(struct docker_source *s, struct dv_err *e)
{
	struct json *tree;
	struct file_view v;
	const char *text;
	size_t len;
	int rc = archive_text(s->ar, "manifest.json", IMAGE_MANIFEST_MAX, &s->a, &text, &len, e);

	if (rc == 0)
		rc = json_parse(&s->a, text, len, &tree, e);
	if (rc == 0)
		rc = view_decode(&s->a, json_obj(&s->a, "images", tree, NULL), &file_view_schema, "", &v, e);
	if (rc < 0)
		return dv_wrap(e, "%s: manifest.json", s->place.path);
	s->images = v.images;
	return 0;
}

static void docker_close(void *ctx)
{
	struct docker_source *s = ctx;

	archive_close(s->ar);
	fd_close(&s->fd);
	arena_done(&s->a);
	free(s);
}

static int docker_open(const struct place *p, const struct place_options *o, void **ret, struct dv_err *e)
{
	struct docker_source *s = mem_new(struct docker_source);
	auto_close int tmp = -1;

	(void)o;
	s->fd = -1;
	arena_init(&s->a, 0);
	s->place = *p;
	int rc = file_open(AT_FDCWD, p->path, O_RDONLY, 0, &s->fd, e);
	if (rc == 0)
		rc = tmpdir_open(&tmp, e);
	if (rc == 0)
		rc = archive_open(s->fd, tmp, p->path, &s->ar, e);
	if (rc == 0)
		rc = read_list(s, e);
	if (rc < 0) {
		docker_close(s);
		return rc;
	}
	*ret = s;
	return 0;
}

/* --- which image --- */

static bool has_tag(struct arena *a, const struct entry_view *v, const char *want)
{
	const char *name;

	for (size_t i = 0; v->tags && v->tags[i]; i++)
		if (image_name_normalize(a, v->tags[i], &name, NULL) == 0 && streq(name, want))
			return true;
	return false;
}

static int choose(struct docker_source *s, struct dv_err *e)
{
	const char *ref = s->place.ref, *want;
	uint64_t no = 0;
	int rc = 0;

	if (!ref && s->images.n != 1)
		return dv_fail(e, DV_INVALID, "%s: there are %zu images: name one", s->place.text, s->images.n);
	if (ref && *ref == '@') {
		rc = str_u64(ref + 1, UINT32_MAX, "number of an image", &no, e);
	} else if (ref) {
		rc = image_name_normalize(&s->a, ref, &want, e);
		while (rc == 0 && no < s->images.n && !has_tag(&s->a, view_at(&s->images, struct entry_view, no), want))
			no++;
	}
	if (rc < 0)
		return rc;
	if (no >= s->images.n)
		return dv_fail(e, DV_NOT_FOUND, "%s: no such image in the archive", s->place.text);
	s->image = view_at(&s->images, struct entry_view, no);
	return 0;
}

/* --- the manifest --- */

static int layer_source(struct docker_source *s, size_t i, struct blob_stream *raw, struct inflate **ret, struct dv_err *e)
{
	static const struct inflate_limits limits;
	int rc = archive_blob(s->ar, s->image->layers[i], BLOB_SIZE_UNKNOWN, 0, raw, e);

	if (rc < 0)
		return rc;
	rc = inflate_new(&raw->in, &limits, ret, e);
	if (rc < 0)
		blob_stream_close(raw);
	return rc;
}

/* A plain layer is as long as its member; a compressed one has to be read once to know. */
static int layer_size(struct docker_source *s, size_t i, uint64_t *ret, struct dv_err *e)
{
	auto_inflate struct inflate *z = NULL;
	struct archive_member m;
	struct blob_stream raw;
	const void *p;
	size_t len;
	uint64_t bytes = 0;
	int rc = layer_source(s, i, &raw, &z, e);

	if (rc < 0)
		return rc;
	if (inflate_kind(z) == COMPRESS_NONE) {
		rc = archive_find(s->ar, s->image->layers[i], &m, e);
		bytes = rc < 0 ? 0 : m.size;
		if (rc == 0)
			archive_member_done(&m);
	} else {
		const struct tar_source in = inflate_source(z);

		while ((rc = in.next(in.ctx, &p, &len, e)) > 0)
			bytes += len;
	}
	blob_stream_close(&raw);
	if (rc == 0)
		*ret = bytes;
	return rc;
}

static int read_config(struct docker_source *s, struct dv_err *e)
{
	size_t n = 0;
	int rc = archive_text(s->ar, s->image->config, IMAGE_CONFIG_MAX, &s->a, &s->config, &s->config_len, e);

	if (rc == 0)
		rc = image_config_parse(&s->a, s->config, s->config_len, &s->parsed, e);
	if (rc < 0)
		return rc;
	while (s->image->layers && s->image->layers[n])
		n++;
	if (n != s->parsed.n_layers)
		return dv_fail(e, DV_INVALID, "manifest.json has %zu layers, the configuration %zu", n, s->parsed.n_layers);
	digest_of(DIGEST_SHA256, s->config, s->config_len, &s->config_digest);
	return 0;
}

static int make_manifest(struct docker_source *s, struct arena *a, struct document *ret, struct dv_err *e)
{
	const struct descriptor config = { .media_type = MEDIA_DOCKER_CONFIG, .digest = s->config_digest,
					   .size = s->config_len };
	struct json *layers = json_new_array(a);

	for (size_t i = 0; i < s->parsed.n_layers; i++) {
		struct descriptor d = { .media_type = MEDIA_DOCKER_LAYER, .digest = s->parsed.diff_ids[i] };
		int rc = layer_size(s, i, &d.size, e);

		if (rc < 0)
			return dv_wrap(e, "layer %s", s->image->layers[i]);
		json_append(a, layers, descriptor_json(a, &d));
	}
	ret->text = json_text(a, json_obj(a, "schemaVersion", json_new_u64(a, 2), "mediaType",
					  json_new_str(a, MEDIA_DOCKER_MANIFEST), "config", descriptor_json(a, &config),
					  "layers", layers, NULL), JSON_COMPACT);
	ret->len = strlen(ret->text);
	ret->media_type = MEDIA_DOCKER_MANIFEST;
	return 0;
}

static int docker_document(void *ctx, struct arena *a, const struct digest *d, struct document *ret, struct dv_err *e)
{
	struct docker_source *s = ctx;
	char text[DIGEST_TEXT_SIZE];

	if (d)
		return dv_fail(e, DV_NOT_FOUND, "%s: a docker archive has no manifest %s", s->place.text,
			       digest_text(d, text));
	int rc = choose(s, e);
	if (rc == 0)
		rc = read_config(s, e);
	if (rc == 0)
		rc = make_manifest(s, a, ret, e);
	return rc < 0 ? dv_wrap(e, "%s", s->place.path) : 0;
}

/* --- blobs --- */

struct docker_blob {
	struct blob_stream raw;
	struct inflate *z;
	struct memory_source config;
};

static void docker_blob_close(void *ctx)
{
	struct docker_blob *b = ctx;

	inflate_free(b->z);
	blob_stream_close(&b->raw);
	free(b);
}

static int find_layer(const struct docker_source *s, const struct digest *d, size_t *ret, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];

	for (size_t i = 0; s->image && i < s->parsed.n_layers; i++) {
		if (digest_equal(&s->parsed.diff_ids[i], d)) {
			*ret = i;
			return 0;
		}
	}
	return dv_fail(e, DV_NOT_FOUND, "%s: no layer %s", s->place.text, digest_text(d, text));
}

static int stream_layer(struct docker_source *s, const struct digest *d, struct docker_blob *b, struct blob_stream *ret,
		      struct dv_err *e)
{
	size_t i = 0;
	int rc = find_layer(s, d, &i, e);

	if (rc == 0)
		rc = layer_source(s, i, &b->raw, &b->z, e);
	if (rc == 0)
		ret->in = inflate_source(b->z);
	return rc;
}

static int docker_blob(void *ctx, const struct descriptor *d, uint64_t offset, struct blob_stream *ret, struct dv_err *e)
{
	struct docker_source *s = ctx;
	struct docker_blob *b = mem_new(struct docker_blob);
	struct blob_stream out = { .close = docker_blob_close, .ctx = b };
	int rc = 0;

	if (digest_equal(&d->digest, &s->config_digest)) {
		b->config = (struct memory_source){ s->config, s->config_len };
		out.in = (struct tar_source){ memory_source_next, &b->config };
	} else {
		rc = stream_layer(s, &d->digest, b, &out, e);
	}
	if (rc == 0 && offset > 0)
		rc = dv_fail(e, DV_UNSUPPORTED, "%s: layers are read from their start", s->place.text);
	if (rc < 0) {
		docker_blob_close(b);
		return rc;
	}
	*ret = out;
	return 0;
}

static int docker_tags(void *ctx, struct arena *a, const char ***ret, struct dv_err *e)
{
	struct docker_source *s = ctx;
	size_t n = 0;

	(void)e;
	for (size_t i = 0; i < s->images.n; i++)
		for (const char **t = view_at(&s->images, struct entry_view, i)->tags; t && *t; t++)
			n++;
	const char **v = arena_array(a, const char *, n + 1);
	n = 0;
	for (size_t i = 0; i < s->images.n; i++)
		for (const char **t = view_at(&s->images, struct entry_view, i)->tags; t && *t; t++)
			v[n++] = arena_str(a, *t);
	*ret = v;
	return 0;
}

const struct source_ops docker_archive_source_ops = {
	.open = docker_open, .close = docker_close, .document = docker_document, .blob = docker_blob,
	.tags = docker_tags,
};
