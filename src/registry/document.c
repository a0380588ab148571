/* document.c - a table of the media types of manifests, and what each has to have. */
#include "base/str.h"
#include "registry/document.h"

static const struct kind {
	const char *media_type;
	bool is_index, has_config;
} kinds[] = {
	{ MEDIA_OCI_MANIFEST, false, true },
	{ MEDIA_OCI_INDEX, true, false },
	{ MEDIA_DOCKER_MANIFEST, false, true },
	{ MEDIA_DOCKER_LIST, true, false },
	{ "application/vnd.oci.artifact.manifest.v1+json", false, false },
};

static const struct kind *kind_find(const struct manifest_info *m)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (streq(m->media_type, kinds[i].media_type))
			return &kinds[i];
	return NULL;
}

static const char *without_parameters(struct arena *a, const char *content_type)
{
	return content_type ? arena_strn(a, content_type, strcspn(content_type, "; \t")) : "";
}

int document_parse(struct arena *a, const char *text, size_t len, const char *content_type, struct manifest_info *ret,
		   struct dv_err *e)
{
	struct manifest_info m;
	int rc = manifest_info_parse(a, text, len, without_parameters(a, content_type), &m, e);

	if (rc < 0)
		return rc;
	/* A client that says nothing: by the members. */
	if (!*m.media_type)
		m.media_type = m.kind == MANIFEST_CLASS_INDEX ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST;
	const struct kind *k = kind_find(&m);
	if (!k)
		return dv_fail(e, DV_UNSUPPORTED, "\"%.100s\" is no media type of a manifest", m.media_type);
	if (k->is_index != (m.kind == MANIFEST_CLASS_INDEX))
		return dv_fail(e, DV_INVALID, "the members are not those of %s", m.media_type);
	if (k->has_config && !m.has_config)
		return dv_fail(e, DV_INVALID, "config is required");
	if (m.artifact_type && !*m.artifact_type)
		m.artifact_type = NULL;
	if (!m.artifact_type && m.has_config && *m.refs[0].media_type)
		m.artifact_type = m.refs[0].media_type;
	*ret = m;
	return 0;
}

bool document_optional(const struct descriptor *d)
{
	return strstr(d->media_type, ".nondistributable.") || strstr(d->media_type, ".foreign.");
}
