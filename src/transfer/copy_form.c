/* copy_form.c - the form of documents: OCI or docker, plain or compressed layers. */
#include "base/str.h"
#include "transfer/copy_parts.h"

/* --- media types --- */

static const struct { const char *oci, *docker; } pairs[] = {
	{ MEDIA_OCI_MANIFEST, MEDIA_DOCKER_MANIFEST },
	{ MEDIA_OCI_INDEX, MEDIA_DOCKER_LIST },
	{ MEDIA_OCI_CONFIG, MEDIA_DOCKER_CONFIG },
	{ MEDIA_OCI_LAYER, MEDIA_DOCKER_LAYER },
	{ MEDIA_OCI_LAYER "+gzip", MEDIA_DOCKER_LAYER ".gzip" },
	{ MEDIA_OCI_LAYER "+zstd", MEDIA_DOCKER_LAYER ".zstd" },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar", "application/vnd.docker.image.rootfs.foreign.diff.tar" },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
	  "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" },
};

const char *form_type(struct arena *a, const char *type, enum copy_format format)
{
	(void)a;
	for (size_t i = 0; i < ARRAY_LEN(pairs) && format != COPY_FORMAT_ANY; i++)
		if (streq(type, pairs[i].oci) || streq(type, pairs[i].docker))
			return format == COPY_FORMAT_OCI ? pairs[i].oci : pairs[i].docker;
	return type;
}

static const struct { const char *type; char separator; } layers[] = {
	{ MEDIA_OCI_LAYER, '+' }, { MEDIA_DOCKER_LAYER, '.' },
};
static const struct { const char *suffix; enum compression c; } suffixes[] = {
	{ "", COMPRESS_NONE }, { "gzip", COMPRESS_GZIP }, { "zstd", COMPRESS_ZSTD },
};

bool form_compression(const char *type, enum compression *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(layers); i++) {
		const char *rest = str_after(type, layers[i].type);

		if (!rest || (*rest && *rest++ != layers[i].separator))
			continue;
		for (size_t k = 0; k < ARRAY_LEN(suffixes); k++) {
			if (streq(rest, suffixes[k].suffix)) {
				*ret = suffixes[k].c;
				return true;
			}
		}
	}
	return false;
}

const char *form_layer_type(struct arena *a, const char *type, enum compression c)
{
	for (size_t i = 0; i < ARRAY_LEN(layers); i++)
		if (str_starts(type, layers[i].type))
			return c == COMPRESS_NONE ? layers[i].type :
			       arena_printf(a, "%s%c%s", layers[i].type, layers[i].separator, suffixes[c].suffix);
	return type;
}

enum copy_format form_wanted(const struct copy *c)
{
	if (c->o->format == COPY_FORMAT_ANY && dest_accepts(c->d) == DEST_OCI_ONLY)
		return COPY_FORMAT_OCI;
	return c->o->format;
}

/* --- rewriting --- */

static bool ref_same(const struct descriptor *a, const struct descriptor *b)
{
	return a->size == b->size && digest_equal(&a->digest, &b->digest) && streq(a->media_type, b->media_type);
}

static void ref_write(struct arena *a, struct json *j, const struct descriptor *d)
{
	char text[DIGEST_TEXT_SIZE];

	json_set(a, j, "mediaType", json_new_str(a, d->media_type));
	json_set(a, j, "digest", json_new_str(a, digest_text(&d->digest, text)));
	json_set(a, j, "size", json_new_u64(a, d->size));
}

/* In the order of manifest_info: config, layers, blobs, manifests. */
static void refs_write(struct arena *a, struct json *tree, const struct descriptor *refs)
{
	static const char *const lists[] = { "layers", "blobs", "manifests" };
	struct json *config = json_get_mut(tree, "config");
	size_t n = 0;

	if (json_type(config) == JSON_OBJECT)
		ref_write(a, config, &refs[n++]);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (JSON_EACH(it, json_get(tree, lists[i])))
			ref_write(a, (struct json *)it.value, &refs[n++]);
}

/* Docker's documents know none of these. */
static void docker_strip(struct json *tree)
{
	static const char *const keys[] = { "annotations", "subject", "artifactType" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		(void)json_del(tree, keys[i]);
}

static int write_document(struct copy *c, const struct document *doc, const char *type, const struct descriptor *refs,
			  struct document *ret, struct dv_err *e)
{
	struct json *tree;
	int rc = json_parse(c->a, doc->text, doc->len, &tree, e);

	if (rc < 0)
		return rc;
	json_set(c->a, tree, "mediaType", json_new_str(c->a, type));
	refs_write(c->a, tree, refs);
	if (streq(type, MEDIA_DOCKER_MANIFEST) || streq(type, MEDIA_DOCKER_LIST))
		docker_strip(tree);
	*ret = (struct document){ .text = json_text(c->a, tree, JSON_COMPACT), .media_type = type };
	ret->len = strlen(ret->text);
	digest_of(DIGEST_SHA256, ret->text, ret->len, &ret->digest);
	return 0;
}

static int check_docker(const struct manifest_info *m, const struct descriptor *refs, struct dv_err *e)
{
	for (size_t i = 0; i < m->n; i++)
		if (streq(refs[i].media_type, MEDIA_DOCKER_LAYER ".zstd"))
			return dv_fail(e, DV_UNSUPPORTED, "docker's format (v2s2) has no zstd layers: copy with "
							  "--dest-compress-format gzip, or as oci");
	return 0;
}

int form_rewrite(struct copy *c, const struct document *doc, const struct manifest_info *m,
		 const struct descriptor *refs, struct document *ret, struct dv_err *e)
{
	const char *type = m->kind == MANIFEST_CLASS_ARTIFACT ? doc->media_type :
			   form_type(c->a, doc->media_type, form_wanted(c));
	bool same = streq(type, doc->media_type);

	for (size_t i = 0; i < m->n && same; i++)
		same = ref_same(&m->refs[i], &refs[i]);
	if (same) {
		*ret = *doc;
		return 0;
	}
	if (c->o->preserve_digests)
		return dv_fail(e, DV_INVALID, "the digest cannot be preserved: %.80s has to become %.80s%s", doc->media_type,
			       type, streq(type, doc->media_type) ? " with other layers" : "");
	int rc = form_wanted(c) == COPY_FORMAT_DOCKER ? check_docker(m, refs, e) : 0;
	return rc < 0 ? rc : write_document(c, doc, type, refs, ret, e);
}
