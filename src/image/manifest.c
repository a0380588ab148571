/* manifest.c - parse and check manifests and indexes. */
#include <sys/utsname.h>

#include "base/str.h"
#include "image/manifest.h"
#include "image/store.h"
#include "json/view.h"

#define INDEX_ENTRIES_MAX 2000

/* --- platforms --- */

static const struct {
	const char *machine, *arch, *variant;
} machines[] = {
	{ "x86_64", "amd64", "" }, { "aarch64", "arm64", "v8" }, { "armv7l", "arm", "v7" }, { "i686", "386", "" },
	{ "ppc64le", "ppc64le", "" }, { "s390x", "s390x", "" }, { "riscv64", "riscv64", "" },
};

static void platform_host(struct arena *a, struct platform *ret)
{
	struct utsname u;

	*ret = (struct platform){ "linux", "", "" };
	if (uname(&u) < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
		if (streq(machines[i].machine, u.machine)) {
			ret->arch = machines[i].arch;
			ret->variant = machines[i].variant;
			return;
		}
	}
	ret->arch = arena_str(a, u.machine);
}

int platform_parse(struct arena *a, const char *text, struct platform *ret, struct dv_err *e)
{
	size_t n;

	if (!text) {
		platform_host(a, ret);
		return 0;
	}
	char **part = str_split(a, text, '/', &n);
	for (size_t i = 0; i < n; i++)
		if (!*part[i])
			n = 0;
	if (n < 2 || n > 3)
		return dv_fail(e, DV_INVALID, "platform \"%.60s\" is not OS/ARCH[/VARIANT]", text);
	*ret = (struct platform){ part[0], part[1], n == 3 ? part[2] : "" };
	return 0;
}

static bool platform_fits(const struct platform *have, const struct platform *want)
{
	return streq(have->os, want->os) && streq(have->arch, want->arch) &&
	       (!*have->variant || !*want->variant || streq(have->variant, want->variant));
}

/* --- descriptors --- */

#define DESCRIPTOR_VIEW(F, c) \
	F(c, str,  media_type,  "mediaType",        0,   NULL) \
	F(c, str,  digest,      "digest",           REQ, NULL) \
	F(c, u64,  size,        "size",             REQ, NULL) \
	F(c, str,  os,          "platform.os",      0,   NULL) \
	F(c, str,  arch,        "platform.architecture", 0, NULL) \
	F(c, str,  variant,     "platform.variant", 0,   NULL) \
	F(c, node, annotations, "annotations",      0,   NULL) \
	F(c, str,  artifact_type, "artifactType",   0,   NULL) \
	F(c, node, urls,        "urls",             0,   NULL)
DV_VIEW(descriptor_view, DESCRIPTOR_VIEW);

static int descriptor_of(const struct descriptor_view *v, const char *what, struct descriptor *ret, struct dv_err *e)
{
	struct descriptor d = {
		.media_type = v->media_type ? v->media_type : "",
		.size = v->size.v,
		.has_platform = v->os || v->arch,
		.platform = { v->os ? v->os : "", v->arch ? v->arch : "", v->variant ? v->variant : "" },
		.annotations = v->annotations,
		.artifact_type = v->artifact_type,
		.foreign = json_len(v->urls) > 0,
	};

	if (digest_parse(v->digest, &d.digest, e) < 0)
		return dv_wrap(e, "%s", what);
	*ret = d;
	return 0;
}

static int descriptors_of(struct arena *a, const struct view_list *list, size_t max, const char *what,
			  struct manifest *m, struct dv_err *e)
{
	if (list->n > max)
		return dv_fail(e, DV_LIMIT, "%zu %s, at most %zu are allowed", list->n, what, max);
	m->n = list->n;
	m->v = arena_array(a, struct descriptor, m->n + 1);
	for (size_t i = 0; i < m->n; i++) {
		int rc = descriptor_of(view_at(list, struct descriptor_view, i), what, &m->v[i], e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* --- documents --- */

#define DOCUMENT_VIEW(F, c) \
	F(c, u64,  version,    "schemaVersion", REQ, NULL) \
	F(c, str,  media_type, "mediaType",     0, NULL) \
	F(c, node, has_manifests, "manifests",  0, NULL) \
	F(c, node, has_layers, "layers",        0, NULL) \
	F(c, node, has_fs,     "fsLayers",      0, NULL) \
	F(c, list, manifests,  "manifests",     0, &descriptor_view_schema) \
	F(c, list, layers,     "layers",        0, &descriptor_view_schema) \
	F(c, sub,  config,     "config",        0, &descriptor_view_schema) \
	F(c, node, annotations, "annotations",  0, NULL)
DV_VIEW(document_view, DOCUMENT_VIEW);

static const struct { const char *type; enum manifest_kind kind; } types[] = {
	{ MEDIA_OCI_MANIFEST, MANIFEST_IMAGE }, { MEDIA_DOCKER_MANIFEST, MANIFEST_IMAGE },
	{ MEDIA_OCI_INDEX, MANIFEST_INDEX }, { MEDIA_DOCKER_LIST, MANIFEST_INDEX },
};

static bool is_image_config(const char *type)
{
	return streq(type, MEDIA_OCI_CONFIG) || streq(type, MEDIA_DOCKER_CONFIG);
}

static int type_check(const char *type, enum manifest_kind kind, struct dv_err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (streq(types[i].type, type))
			return types[i].kind == kind ? 0 :
			       dv_fail(e, DV_INVALID, "manifest is not the %.80s it says it is", type);
	return dv_fail(e, DV_UNSUPPORTED, "unknown media type of a manifest: %.80s", type);
}

static int kind_of(const struct document_view *v, const char *want, struct manifest *m, struct dv_err *e)
{
	const char *said = v->media_type ? v->media_type : "";

	if (v->version.v != 2)
		return dv_fail(e, DV_UNSUPPORTED, "manifest of schema version %llu", (unsigned long long)v->version.v);
	if (v->has_fs || (v->has_manifests && (v->has_layers || v->config)))
		return dv_fail(e, DV_INVALID, "manifest is ambiguous: both an index and an image");
	if (!v->has_manifests && !(v->has_layers && v->config))
		return dv_fail(e, DV_INVALID, "manifest has neither manifests nor config and layers");
	m->kind = v->has_manifests ? MANIFEST_INDEX : MANIFEST_IMAGE;
	if (*said && *want && !streq(said, want))
		return dv_fail(e, DV_INVALID, "media type of the manifest is %.80s, its descriptor says %.80s", said, want);
	m->media_type = *said ? said : want;
	return *m->media_type ? type_check(m->media_type, m->kind, e) : 0;
}

static int document_of(struct arena *a, const struct document_view *v, const char *want, struct manifest *m,
		       struct dv_err *e)
{
	int rc = kind_of(v, want, m, e);

	m->annotations = v->annotations;
	if (rc == 0 && m->kind == MANIFEST_INDEX)
		return descriptors_of(a, &v->manifests, INDEX_ENTRIES_MAX, "manifests", m, e);
	if (rc == 0)
		rc = descriptor_of(v->config, "config", &m->config, e);
	if (rc == 0)
		rc = descriptors_of(a, &v->layers, IMAGE_LAYERS_MAX, "layers", m, e);
	if (rc < 0)
		return rc;
	if (!is_image_config(m->config.media_type))
		return dv_fail(e, DV_UNSUPPORTED, "not a container image: its config is of type \"%.80s\"",
			       m->config.media_type);
	return 0;
}

int manifest_parse(struct arena *a, const char *text, size_t len, const char *want, struct manifest *ret,
		   struct dv_err *e)
{
	struct manifest m = { 0 };
	struct document_view v;
	struct json *tree;

	if (len > IMAGE_MANIFEST_MAX)
		return dv_fail(e, DV_LIMIT, "manifest is larger than %zu bytes", IMAGE_MANIFEST_MAX);
	int rc = json_parse(a, text, len, &tree, e);
	if (rc == 0)
		rc = view_decode(a, tree, &document_view_schema, "manifest", &v, e);
	if (rc == 0)
		rc = document_of(a, &v, want, &m, e);
	if (rc == 0)
		*ret = m;
	return rc;
}

/* --- any manifest --- */

#define INFO_REFS_MAX 20000

#define INFO_VIEW(F, c) \
	F(c, u64,  version,    "schemaVersion", REQ, NULL) \
	F(c, str,  media_type, "mediaType",     0, NULL) \
	F(c, str,  artifact_type, "artifactType", 0, NULL) \
	F(c, node, has_manifests, "manifests",  0, NULL) \
	F(c, node, has_layers, "layers",        0, NULL) \
	F(c, node, has_fs,     "fsLayers",      0, NULL) \
	F(c, list, manifests,  "manifests",     0, &descriptor_view_schema) \
	F(c, list, layers,     "layers",        0, &descriptor_view_schema) \
	F(c, list, blobs,      "blobs",         0, &descriptor_view_schema) \
	F(c, sub,  config,     "config",        0, &descriptor_view_schema) \
	F(c, sub,  subject,    "subject",       0, &descriptor_view_schema) \
	F(c, node, annotations, "annotations",  0, NULL)
DV_VIEW(info_view, INFO_VIEW);

const char *manifest_class_name(enum manifest_class c)
{
	static const char *const names[] = { "image", "index", "artifact" };

	return names[c];
}

static int info_refs(struct arena *a, const struct info_view *v, struct manifest_info *m, struct dv_err *e)
{
	const struct view_list *lists[] = { &v->layers, &v->blobs, &v->manifests };
	int rc = 0;

	if (v->layers.n + v->blobs.n + v->manifests.n > INFO_REFS_MAX)
		return dv_fail(e, DV_LIMIT, "manifest refers to more than %d things", INFO_REFS_MAX);
	m->refs = arena_array(a, struct descriptor, v->layers.n + v->blobs.n + v->manifests.n + 1);
	m->has_config = v->config;
	if (v->config)
		rc = descriptor_of(v->config, "config", &m->refs[m->n++], e);
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		for (size_t i = 0; i < lists[l]->n && rc == 0; i++)
			rc = descriptor_of(view_at(lists[l], struct descriptor_view, i), "manifest", &m->refs[m->n++], e);
	return rc;
}

static int info_kind(const struct info_view *v, const char *want, struct manifest_info *m, struct dv_err *e)
{
	const char *said = v->media_type ? v->media_type : "";
	const struct descriptor_view *config = v->config;
	const char *config_type = config && config->media_type ? config->media_type : "";

	if (v->version.v != 2)
		return dv_fail(e, DV_UNSUPPORTED, "manifest of schema version %llu", (unsigned long long)v->version.v);
	if (v->has_fs || (v->has_manifests && (v->has_layers || v->config)))
		return dv_fail(e, DV_INVALID, "manifest is ambiguous: both an index and an image");
	if (*said && *want && !streq(said, want))
		return dv_fail(e, DV_INVALID, "media type of the manifest is %.80s, not %.80s", said, want);
	m->media_type = *said ? said : want;
	m->kind = v->has_manifests ? MANIFEST_CLASS_INDEX :
		  is_image_config(config_type) && !v->artifact_type ? MANIFEST_CLASS_IMAGE : MANIFEST_CLASS_ARTIFACT;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (streq(types[i].type, m->media_type) &&
		    (types[i].kind == MANIFEST_INDEX) != (m->kind == MANIFEST_CLASS_INDEX))
			return dv_fail(e, DV_INVALID, "manifest is not the %.80s it says it is", m->media_type);
	m->artifact_type = v->artifact_type;
	if (!m->artifact_type && m->kind == MANIFEST_CLASS_ARTIFACT && *config_type)
		m->artifact_type = config_type;
	return 0;
}

static int info_of(struct arena *a, const struct info_view *v, const char *want, struct manifest_info *m,
		   struct dv_err *e)
{
	struct descriptor subject = { 0 };
	int rc = info_kind(v, want, m, e);

	if (rc == 0 && v->subject)
		rc = descriptor_of(v->subject, "subject", &subject, e);
	m->subject = subject.digest;
	m->annotations = v->annotations;
	return rc < 0 ? rc : info_refs(a, v, m, e);
}

int manifest_info_parse(struct arena *a, const char *text, size_t len, const char *want, struct manifest_info *ret,
			struct dv_err *e)
{
	struct manifest_info m = { 0 };
	struct info_view v;
	struct json *tree;

	if (len > IMAGE_MANIFEST_MAX)
		return dv_fail(e, DV_LIMIT, "manifest is larger than %zu bytes", IMAGE_MANIFEST_MAX);
	int rc = json_parse(a, text, len, &tree, e);
	if (rc == 0)
		rc = view_decode(a, tree, &info_view_schema, "manifest", &v, e);
	if (rc == 0)
		rc = info_of(a, &v, want, &m, e);
	if (rc == 0)
		*ret = m;
	return rc;
}

/* --- choice --- */

int manifest_select(const struct manifest *index, const struct platform *p, const struct descriptor **ret,
		    struct dv_err *e)
{
	for (size_t i = 0; i < index->n; i++) {
		const struct descriptor *d = &index->v[i];

		if (d->has_platform ? platform_fits(&d->platform, p) : index->n == 1) {
			*ret = d;
			return 0;
		}
	}
	return dv_fail(e, DV_NOT_FOUND, "no image for platform %s/%s%s%s", p->os, p->arch, *p->variant ? "/" : "",
		       p->variant);
}

static struct json *platform_json(struct arena *a, const struct platform *p)
{
	return json_obj(a, "architecture", json_new_str(a, p->arch), "os", json_new_str(a, p->os), "variant",
			*p->variant ? json_new_str(a, p->variant) : NULL, NULL);
}

struct json *descriptor_json(struct arena *a, const struct descriptor *d)
{
	char text[DIGEST_TEXT_SIZE];

	return json_obj(a, "mediaType", json_new_str(a, d->media_type), "digest",
			json_new_str(a, digest_text(&d->digest, text)), "size", json_new_u64(a, d->size),
			"platform", d->has_platform ? platform_json(a, &d->platform) : NULL,
			"annotations", d->annotations ? json_copy(a, d->annotations) : NULL,
			"artifactType", d->artifact_type ? json_new_str(a, d->artifact_type) : NULL, NULL);
}

const char *manifest_write(struct arena *a, const struct descriptor *config, const struct descriptor *layers, size_t n)
{
	struct json *list = json_new_array(a);

	for (size_t i = 0; i < n; i++)
		json_append(a, list, descriptor_json(a, &layers[i]));
	const struct json *doc = json_obj(a, "schemaVersion", json_new_u64(a, 2), "mediaType",
					  json_new_str(a, MEDIA_OCI_MANIFEST), "config", descriptor_json(a, config),
					  "layers", list, NULL);
	return json_text(a, doc, JSON_COMPACT);
}
