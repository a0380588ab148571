/* imagediff.c - image diff. */
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "engine/imagediff.h"
#include "ui/text.h"

struct diff_args {
	const char *format;
};
static const char *const formats[] = { "text", "json", NULL };
static const struct opt opts[] = {
	{ .name = "format", .kind = OPT_STR, .arg = "FORMAT", .offset = offsetof(struct diff_args, format), .values = formats,
	  .help = "Output as lines or as JSON" },
	{ 0 }
};

static struct json *paths_of(struct arena *a, const struct image_changes *all, char kind)
{
	struct json *list = json_new_array(a);

	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].kind == kind)
			json_append(a, list, json_new_str(a, all->v[i].path));
	return list;
}

static int diff_run(struct verb_call *c, struct dv_err *e)
{
	const struct diff_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct image_changes all = { 0 };
	struct image *img[2];
	int r = cli_engine(c, &g, e);

	for (size_t i = 0; r >= 0 && i < 2; i++)
		r = image_resolve(engine_images(g), c->arena, c->operands[i], &img[i], e);
	if (r >= 0)
		r = image_diff(g, c->arena, img[0], img[1], &all, e);
	if (r < 0)
		return r;
	if (x->format && streq(x->format, "json")) {
		printf("%s\n", json_text(c->arena, json_obj(c->arena, "changed", paths_of(c->arena, &all, 'C'), "added",
							    paths_of(c->arena, &all, 'A'), "deleted",
							    paths_of(c->arena, &all, 'D'), NULL), JSON_PRETTY));
		return 0;
	}
	for (size_t i = 0; i < all.n; i++)
		printf("%c %s\n", all.v[i].kind, text_clean(c->arena, all.v[i].path));
	return 0;
}

static const char *const examples[] = { "davit image diff web:1 web:2", NULL };
const struct verb verb_image_diff = {
	.name = "diff", .operands = "IMAGE IMAGE", .operands_min = 2, .operands_max = 2,
	.summary = "Show which files differ between two images",
	.description = "A is added, C changed (type, mode, owner or content; times do not count), D deleted, from the first to the "
		       "second. Only what the layers that differ have is read.",
	.examples = examples, .opts = opts, .args_size = sizeof(struct diff_args), .run = diff_run,
};
