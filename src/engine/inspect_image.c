/* inspect_image.c - an image in the shape of docker's inspect. */
#include "base/str.h"
#include "engine/inspect.h"
#include "image/manifests.h"
#include "image/name.h"

static struct json *names_json(struct arena *a, const char *const *names)
{
	struct json *list = json_new_array(a);

	for (; *names; names++)
		json_append(a, list, json_new_str(a, image_name_familiar(*names)));
	return list;
}

static bool has_text(const struct json *list, const char *text)
{
	for (JSON_EACH(it, list))
		if (streq(json_str(it.value), text))
			return true;
	return false;
}

/* As it was pulled; and under each repository it has now, where its manifest can be asked for by digest. */
static struct json *digests_json(struct arena *a, const struct image *img)
{
	struct json *list = names_json(a, img->digests);

	for (const char **n = img->names; *n; n++) {
		const char *name = image_name_familiar(*n), *colon = strrchr(name, ':');
		const char *text = arena_printf(a, "%.*s@%s", (int)(colon ? colon - name : (long)strlen(name)), name, img->manifest);

		if (!has_text(list, text))
			json_append(a, list, json_new_str(a, text));
	}
	return list;
}

static struct json *graph_json(struct engine *g, struct arena *a, const struct image *img)
{
	auto_buf struct buf lower = BUF_INIT(1 << 20);
	struct json *data = json_new_object(a);

	for (size_t i = img->n_layers; i-- > 1;)
		buf_printf(&lower, "%s%s/%s", lower.len ? ":" : "", engine_root(g), img->layers[i - 1].dir);
	if (lower.len)
		json_set(a, data, "LowerDir", json_new_str(a, buf_cstr(&lower)));
	if (img->n_layers)
		json_set(a, data, "UpperDir",
			 json_new_str(a, arena_printf(a, "%s/%s", engine_root(g), img->layers[img->n_layers - 1].dir)));
	return json_obj(a, "Name", json_new_str(a, "overlay2"), "Data", data, NULL);
}

static struct json *layers_json(struct arena *a, const struct image *img)
{
	struct json *list = json_new_array(a);

	for (size_t i = 0; i < img->n_layers; i++)
		json_append(a, list, json_new_str(a, img->layers[i].diff_id));
	return json_obj(a, "Type", json_new_str(a, "layers"), "Layers", list, NULL);
}

/* A text of the configuration, "" when it has none. */
static struct json *text_of(struct arena *a, const struct json *config, const char *key)
{
	const char *text = json_str(json_get(config, key));

	return json_new_str(a, text ? text : "");
}

static struct json *last_comment(struct arena *a, const struct json *config)
{
	const struct json *history = json_get(config, "history");
	size_t n = json_len(history);

	return text_of(a, n ? json_at(history, n - 1) : NULL, "comment");
}

int inspect_image(struct engine *g, struct arena *a, const struct image *img, struct json **ret, struct dv_err *e)
{
	struct json *config, *run;
	int r = json_parse(a, img->config, img->config_len, &config, e);

	if (r < 0)
		return dv_wrap(e, "image %s", img->id);
	run = json_get_mut(config, "config");
	*ret = json_obj(a, "Id", json_new_str(a, img->id), "RepoTags", names_json(a, img->names), "RepoDigests",
			digests_json(a, img), "Parent", json_new_str(a, ""), "Comment", last_comment(a, config), "Created",
			text_of(a, config, "created"), "Container", text_of(a, config, "container"), "DockerVersion",
			text_of(a, config, "docker_version"), "Author", text_of(a, config, "author"), "Config",
			run ? run : json_new_object(a), "Architecture", text_of(a, config, "architecture"), "Variant",
			json_get(config, "variant") ? text_of(a, config, "variant") : NULL, "Os", text_of(a, config, "os"), "Size",
			json_new_u64(a, img->size), "VirtualSize", json_new_u64(a, img->size), "GraphDriver", graph_json(g, a, img),
			"RootFS", layers_json(a, img), "Metadata",
			json_obj(a, "LastTagTime", json_new_str(a, "0001-01-01T00:00:00Z"), NULL), "Digest",
			json_new_str(a, img->manifest), NULL);
	return 0;
}

int inspect_manifest(struct engine *g, struct arena *a, const struct manifest_row *m, struct json **ret, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	struct image as = { .digests = arena_array(a, const char *, 1), .manifest = arena_str(a, digest_text(&m->digest, text)) };
	const char *doc;
	struct json *j;
	size_t len;
	int r = manifest_names(engine_images(g), a, &m->digest, &as.names, e);

	if (r >= 0)
		r = manifest_load(engine_images(g), a, &m->digest, &doc, &len, e);
	if (r >= 0)
		r = json_parse(a, doc, len, &j, e);
	if (r < 0)
		return dv_wrap(e, "image %s", as.manifest);
	*ret = json_obj(a, "Id", json_new_str(a, as.manifest), "RepoTags", names_json(a, as.names), "RepoDigests",
			digests_json(a, &as), "MediaType", json_new_str(a, m->media_type), "ArtifactType",
			m->artifact_type ? json_new_str(a, m->artifact_type) : NULL, "Size", json_new_u64(a, m->size), "Digest",
			json_new_str(a, as.manifest), "Manifests", json_get_mut(j, "manifests"), "Layers",
			json_get_mut(j, "layers"), "Annotations", json_get_mut(j, "annotations"), NULL);
	return 0;
}
