/* load_docker.c - the plan of a docker archive: manifest.json names configurations, layers and tags. */
#include "base/str.h"
#include "json/view.h"
#include "transfer/load_parts.h"

#define ENTRY_VIEW(F, c) \
	F(c, str,  config, "Config",   REQ, NULL) \
	F(c, strs, tags,   "RepoTags", 0,   NULL) \
	F(c, strs, layers, "Layers",   0,   NULL)
DV_VIEW(entry_view, ENTRY_VIEW);

/* "HEX.json" and "blobs/sha256/HEX" promise a digest: it is held. */
static int config_check(const char *member, const struct digest *have, struct dv_err *e)
{
	char hex[DIGEST_TEXT_SIZE];
	const char *base = strrchr(member, '/');
	struct digest named = { .alg = DIGEST_SHA256 };

	base = base ? base + 1 : member;
	size_t len = strcspn(base, ".");
	if (len != 64)
		return 0;
	memcpy(hex, base, len);
	hex[len] = '\0';
	if (!str_unhex(hex, named.bytes, 32) || digest_equal(&named, have))
		return 0;
	return dv_fail(e, DV_INVALID, "%.100s: the content does not have this digest", member);
}

static int entry_plan(struct plan *p, const struct entry_view *v, struct dv_err *e)
{
	struct plan_image *img;
	const char *text;
	size_t len, n = 0;
	int rc = plan_image_add(p, &img, e);

	if (rc == 0)
		rc = plan_read(p, v->config, IMAGE_CONFIG_MAX, &text, &len, e);
	if (rc < 0)
		return rc;
	digest_of(DIGEST_SHA256, text, len, &img->id);
	rc = config_check(v->config, &img->id, e);
	if (rc == 0)
		rc = plan_config(p, img, text, len, e);
	while (v->layers && v->layers[n])
		n++;
	if (rc == 0 && n != img->config.n_layers)
		return dv_fail(e, DV_INVALID, "manifest.json has %zu layers, the configuration %zu", n,
			       img->config.n_layers);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = plan_layer(p, img, i, v->layers[i], NULL, e);
	for (size_t i = 0; v->tags && v->tags[i] && rc == 0; i++)
		rc = plan_name(p, img, v->tags[i], e);
	return rc;
}

int plan_docker(struct plan *p, struct dv_err *e)
{
	struct entry_view v;
	struct json *tree;
	const char *text;
	size_t len;
	int rc = plan_read(p, "manifest.json", IMAGE_MANIFEST_MAX, &text, &len, e);

	if (rc == 0)
		rc = json_parse(p->a, text, len, &tree, e);
	if (rc < 0)
		return dv_wrap(e, "manifest.json");
	if (json_type(tree) != JSON_ARRAY || json_len(tree) == 0)
		return dv_fail(e, DV_INVALID, "manifest.json is not a list of images");
	for (JSON_EACH(it, tree)) {
		rc = view_decode(p->a, it.value, &entry_view_schema, "manifest.json", &v, e);
		if (rc == 0)
			rc = entry_plan(p, &v, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}
