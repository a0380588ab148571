/* layout.c - index.json as a tree: entries are added, everything else stays as it was. */
#include <stdio.h>

#include "base/str.h"
#include "image/store.h"
#include "transfer/layout.h"

const char *layout_blob_path(const struct digest *d, char out[LAYOUT_PATH_SIZE])
{
	char hex[DIGEST_TEXT_SIZE];

	(void)snprintf(out, LAYOUT_PATH_SIZE, "blobs/%s/%s", digest_alg_name(d->alg), digest_hex(d, hex));
	return out;
}

void layout_index_new(struct layout_index *x, struct arena *a)
{
	x->a = a;
	x->tree = json_obj(a, "schemaVersion", json_new_u64(a, 2), "mediaType", json_new_str(a, MEDIA_OCI_INDEX),
			   "manifests", json_new_array(a), NULL);
}

int layout_index_read(struct layout_index *x, struct arena *a, const char *text, size_t len, struct dv_err *e)
{
	struct manifest_info m;
	struct json *tree;
	int rc = manifest_info_parse(a, text, len, "", &m, e);

	if (rc == 0 && m.kind != MANIFEST_CLASS_INDEX)
		rc = dv_fail(e, DV_INVALID, "is not an index");
	if (rc == 0)
		rc = json_parse(a, text, len, &tree, e);
	if (rc < 0)
		return dv_wrap(e, "index.json");
	*x = (struct layout_index){ a, tree };
	return 0;
}

static const char *entry_name(const struct json *entry)
{
	return json_str(json_get(json_get(entry, "annotations"), LAYOUT_REF_NAME));
}

/* The entries that stay: not of the name, and not of the digest without a name. */
static struct json *entries_without(struct layout_index *x, const char *digest, const char *name)
{
	struct json *list = json_new_array(x->a);

	for (JSON_EACH(it, json_get(x->tree, "manifests"))) {
		const char *have = entry_name(it.value), *of = json_str(json_get(it.value, "digest"));

		if (have ? name && streq(have, name) : of && streq(of, digest))
			continue;
		json_append(x->a, list, (struct json *)it.value);
	}
	return list;
}

static bool has_digest(const struct layout_index *x, const char *digest)
{
	for (JSON_EACH(it, json_get(x->tree, "manifests"))) {
		const char *of = json_str(json_get(it.value, "digest"));

		if (of && streq(of, digest))
			return true;
	}
	return false;
}

int layout_index_add(struct layout_index *x, const struct document *doc, const char *media_type, const char *name,
		     struct dv_err *e)
{
	char digest[DIGEST_TEXT_SIZE];
	struct arena *a = x->a;

	digest_text(&doc->digest, digest);
	if (!name && has_digest(x, digest))
		return 0;
	struct json *list = entries_without(x, digest, name);
	if (json_len(list) >= LAYOUT_ENTRIES_MAX)
		return dv_fail(e, DV_LIMIT, "index.json: more than %d entries", LAYOUT_ENTRIES_MAX);
	struct json *notes = name ? json_obj(a, LAYOUT_REF_NAME, json_new_str(a, name), NULL) : NULL;
	json_append(a, list, json_obj(a, "mediaType", json_new_str(a, media_type), "digest", json_new_str(a, digest),
				      "size", json_new_u64(a, doc->len), "annotations", notes, NULL));
	json_set(a, x->tree, "manifests", list);
	return 0;
}

const char *layout_index_text(const struct layout_index *x)
{
	return json_text(x->a, x->tree, JSON_COMPACT);
}
