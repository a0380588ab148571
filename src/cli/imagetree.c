/* imagetree.c - what an image is made of: its layers, the steps that made them, and who shares them. */
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "image/name.h"
#include "ui/text.h"

#define COMMAND_WIDTH 72

struct tree_args {
	const char *format;
};
static const char *const formats[] = { "text", "json", NULL };
static const struct opt opts[] = {
	{ .name = "format", .kind = OPT_STR, .arg = "FORMAT", .offset = offsetof(struct tree_args, format), .values = formats,
	  .help = "Output as a tree or as JSON" },
	{ 0 }
};

static bool has_layer(const struct image *img, const char *dir)
{
	for (size_t i = 0; i < img->n_layers; i++)
		if (streq(img->layers[i].dir, dir))
			return true;
	return false;
}

/* Names (or short ids) of the other images with this layer. */
static struct json *sharers(struct arena *a, const struct image_list *all, const struct image *img, const char *dir)
{
	struct json *list = json_new_array(a);

	for (size_t i = 0; i < all->n; i++) {
		const struct image *x = all->v[i];

		if (!streq(x->id, img->id) && has_layer(x, dir))
			json_append(a, list, json_new_str(a, x->names[0] ? image_name_familiar(x->names[0]) :
									  cli_short_id(a, x->id, false)));
	}
	return list;
}

static struct json *layers_json(struct arena *a, const struct image_list *all, const struct image *img,
				const struct image_history *h)
{
	struct json *list = json_new_array(a);

	for (size_t i = 0; i < h->n; i++) {
		const struct image_step *s = &h->v[i];

		if (!s->layer)
			continue;
		json_append(a, list, json_obj(a, "DiffId", json_new_str(a, s->layer->diff_id), "Digest", json_new_str(a, s->layer->blob),
					      "MediaType", json_new_str(a, s->layer->media_type), "Driver",
					      json_new_str(a, s->layer->driver), "Size", json_new_u64(a, s->layer->size), "BlobSize",
					      json_new_u64(a, s->layer->blob_size), "CreatedBy", json_new_str(a, s->created_by),
					      "SharedWith", sharers(a, all, img, s->layer->dir), NULL));
	}
	return list;
}

static uint64_t number(const struct json *j, const char *key)
{
	uint64_t n = 0;

	(void)json_u64(json_get(j, key), &n);
	return n;
}

static void show_layer(struct arena *a, const struct json *l, bool last)
{
	const char *command = text_clean(a, json_str(json_get(l, "CreatedBy")));
	const struct json *shared = json_get(l, "SharedWith");

	printf("%s ID: %s Size: %7s  %s\n", last ? "└──" : "├──", cli_short_id(a, json_str(json_get(l, "DiffId")), false),
	       str_human(a, number(l, "Size"), false), text_cut(a, command, COMMAND_WIDTH));
	if (!json_len(shared))
		return;
	printf("%s     shared with", last ? "   " : "│  ");
	for (JSON_EACH(it, shared))
		printf("%s %s", it.i > 1 ? "," : "", json_str(it.value));
	printf("\n");
}

static void show(struct arena *a, const struct image *img, const struct json *layers)
{
	printf("Image ID: %s\nTags:     [", cli_short_id(a, img->id, false));
	for (const char **n = img->names; *n; n++)
		printf("%s%s", n == img->names ? "" : " ", image_name_familiar(*n));
	printf("]\nSize:     %s\nImage Layers\n", str_human(a, img->size, false));
	for (size_t i = 0; i < json_len(layers); i++)
		show_layer(a, json_at(layers, i), i + 1 == json_len(layers));
}

static int tree_run(struct verb_call *c, struct dv_err *e)
{
	const struct tree_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct arena *a = c->arena;
	struct image_list all = { 0 };
	struct image_history h = { 0 };
	struct image *img = NULL;
	int r = cli_engine(c, &g, e);

	if (r >= 0)
		r = image_resolve(engine_images(g), a, c->operands[0], &img, e);
	if (r >= 0)
		r = image_history(a, img, &h, e);
	if (r >= 0)
		r = image_list_with(engine_images(g), a, IMAGE_LIST_LAYERS, &all, e);
	if (r < 0)
		return r;
	struct json *layers = layers_json(a, &all, img, &h);
	if (!x->format || !streq(x->format, "json")) {
		show(a, img, layers);
		return 0;
	}
	printf("%s\n", json_text(a, json_obj(a, "Id", json_new_str(a, img->id), "Tags",
					     json_new_strs(a, (const char *const *)img->names), "Size", json_new_u64(a, img->size),
					     "Layers", layers, NULL), JSON_PRETTY));
	return 0;
}

static const char *const examples[] = { "davit image tree web", NULL };
const struct verb verb_image_tree = {
	.name = "tree", .operands = "IMAGE", .operands_min = 1, .operands_max = 1,
	.summary = "Show the layers of an image, lowest first, and which images share them",
	.examples = examples, .opts = opts, .args_size = sizeof(struct tree_args), .run = tree_run,
};
