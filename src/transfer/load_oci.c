/* load_oci.c - the plan of an OCI layout: index.json, manifests, configurations. */
#include "base/str.h"
#include "image/name.h"
#include "json/view.h"
#include "transfer/load_parts.h"

#define NESTED_MAX 3

#define LAYOUT_VIEW(F, c) F(c, str, version, "imageLayoutVersion", REQ, NULL)
DV_VIEW(layout_view, LAYOUT_VIEW);

static int layout_check(struct plan *p, struct dv_err *e)
{
	struct layout_view v;
	struct json *tree;
	const char *text;
	size_t len;
	int rc = plan_read(p, "oci-layout", 4096, &text, &len, e);

	if (rc == 0)
		rc = json_parse(p->a, text, len, &tree, e);
	if (rc == 0)
		rc = view_decode(p->a, tree, &layout_view_schema, "oci-layout", &v, e);
	if (rc < 0)
		return dv_wrap(e, "oci-layout");
	return streq(v.version, "1.0.0") ? 0 :
	       dv_fail(e, DV_UNSUPPORTED, "oci-layout of version \"%.40s\"", v.version);
}

static const char *blob_member(struct arena *a, const struct digest *d)
{
	char hex[DIGEST_TEXT_SIZE];

	return arena_printf(a, "blobs/%s/%s", digest_alg_name(d->alg), digest_hex(d, hex));
}

/* The size is compared before anything is read. */
static int blob_read(struct plan *p, const struct descriptor *d, size_t max, const char **ret, size_t *ret_len,
		     struct dv_err *e)
{
	const char *member = blob_member(p->a, &d->digest), *text;
	struct digest have;
	size_t len;

	if (d->size > max)
		return dv_fail(e, DV_LIMIT, "%s: %llu bytes, at most %zu are allowed", member,
			       (unsigned long long)d->size, max);
	int rc = plan_read(p, member, max, &text, &len, e);
	if (rc < 0)
		return rc;
	if (len != d->size)
		return dv_fail(e, DV_INVALID, "%s: %zu bytes, its descriptor says %llu", member, len,
			       (unsigned long long)d->size);
	digest_of(d->digest.alg, text, len, &have);
	if (!digest_equal(&have, &d->digest))
		return dv_fail(e, DV_INVALID, "%s: the content does not have this digest", member);
	*ret = text;
	*ret_len = len;
	return 0;
}

/* containerd and docker give the whole name in their own annotation and only the tag in the OCI one. */
static int entry_name(struct plan *p, struct plan_image *img, const struct descriptor *d, struct dv_err *e)
{
	const char *name = json_str(json_get(d->annotations, "io.containerd.image.name"));

	if (!name)
		name = json_str(json_get(d->annotations, "org.opencontainers.image.ref.name"));
	return name ? plan_name(p, img, name, e) : 0;
}

static int image_of(struct plan *p, const struct descriptor *entry, const struct manifest *m, const char *text,
		    size_t len, struct dv_err *e)
{
	struct plan_image *img;
	const char *config;
	size_t config_len;
	int rc = plan_image_add(p, &img, e);

	if (rc == 0)
		rc = blob_read(p, &m->config, IMAGE_CONFIG_MAX, &config, &config_len, e);
	if (rc == 0)
		rc = plan_config(p, img, config, config_len, e);
	if (rc < 0)
		return rc;
	img->id = m->config.digest;
	img->manifest_text = text;
	img->manifest_len = len;
	if (img->config.n_layers != m->n)
		return dv_fail(e, DV_INVALID, "the manifest has %zu layers, its configuration %zu", m->n,
			       img->config.n_layers);
	for (size_t i = 0; i < m->n && rc == 0; i++) {
		rc = plan_layer(p, img, i, blob_member(p->a, &m->v[i].digest), &m->v[i], e);
		img->media_types[i] = m->v[i].media_type;
	}
	return rc < 0 ? rc : entry_name(p, img, entry, e);
}

/* A signature or SBOM of an image, which a layout lists beside it. */
static bool is_referrer(struct plan *p, const struct descriptor *d, const char *text, size_t len)
{
	struct manifest_info info;

	return manifest_info_parse(p->a, text, len, d->media_type, &info, NULL) == 0 &&
	       info.kind == MANIFEST_CLASS_ARTIFACT && info.subject.alg;
}

/* A descriptor leads to an image, perhaps through indexes; `entry` is the one in index.json. */
static int descriptor_follow(struct plan *p, const struct descriptor *entry, struct dv_err *e)
{
	const struct descriptor *d = entry;

	for (int i = 0; i < NESTED_MAX; i++) {
		struct manifest m;
		const char *text;
		size_t len;
		int rc = blob_read(p, d, IMAGE_MANIFEST_MAX, &text, &len, e);

		if (rc == 0 && is_referrer(p, d, text, len))
			return 0;
		if (rc == 0)
			rc = manifest_parse(p->a, text, len, d->media_type, &m, e);
		if (rc < 0)
			return rc;
		if (m.kind == MANIFEST_IMAGE)
			return image_of(p, entry, &m, text, len, e);
		rc = manifest_select(&m, &p->platform, &d, e);
		if (rc < 0)
			return rc;
	}
	return dv_fail(e, DV_INVALID, "indexes are nested too deep");
}

static bool fits(const struct plan *p, const struct descriptor *d)
{
	const struct manifest one = { .v = (struct descriptor *)d, .n = 1 };
	const struct descriptor *ret;

	return manifest_select(&one, &p->platform, &ret, NULL) == 0;
}

int plan_oci(struct plan *p, struct dv_err *e)
{
	struct manifest index;
	const char *text;
	size_t len;
	int rc = layout_check(p, e);

	if (rc == 0)
		rc = plan_read(p, "index.json", IMAGE_MANIFEST_MAX, &text, &len, e);
	if (rc == 0)
		rc = manifest_parse(p->a, text, len, "", &index, e);
	if (rc < 0)
		return dv_wrap(e, "index.json");
	if (index.kind != MANIFEST_INDEX)
		return dv_fail(e, DV_INVALID, "index.json is not an index");
	for (size_t i = 0; i < index.n && rc == 0; i++)
		if (fits(p, &index.v[i]))
			rc = descriptor_follow(p, &index.v[i], e);
	if (rc == 0 && p->n_images == 0)
		return dv_fail(e, DV_NOT_FOUND, "no image for platform %s/%s", p->platform.os, p->platform.arch);
	return rc;
}
