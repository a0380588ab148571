/* history.c - the steps an image was made in, newest first. */
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "engine/ctr.h"
#include "image/config.h"
#include "ui/template.h"
#include "ui/text.h"

#define COMMAND_WIDTH 45

struct history_args {
	bool quiet, no_trunc, plain;
	struct opt_strs human;
	const char *format;
};

static int parse_human(void *args, const char *value, struct dv_err *e)
{
	struct history_args *x = args;

	if (!value || streq(value, "true") || streq(value, "false")) {
		x->plain = value && streq(value, "false");
		return 0;
	}
	return dv_fail(e, DV_INVALID, "--human is true or false");
}

#define A(member) offsetof(struct history_args, member)
static const struct opt opts[] = {
	{ .name = "format", .kind = OPT_STR, .arg = "TEMPLATE", .offset = A(format),
	  .help = "table, json, or a template such as '{{.CreatedBy}}'" },
	{ .name = "human", .letter = 'H', .kind = OPT_FUNC, .flags = OPT_OPTIONAL, .arg = "true|false", .parse = parse_human,
	  .help = "Sizes and times for people (the default)" },
	{ .name = "no-trunc", .kind = OPT_BOOL, .offset = A(no_trunc), .help = "Cut nothing" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = A(quiet), .help = "Only ids" },
	{ 0 }
};

/* Only the last step is an image of its own. */
static struct json *row(struct arena *a, const struct history_args *x, const struct image *img, const struct image_step *s,
			bool last)
{
	int64_t created = 0, now = ctr_now_ns() / 1000000000;
	bool known = s->created && image_time_parse(s->created, &created);
	uint64_t size = s->layer ? s->layer->size : 0;
	const char *command = text_clean(a, s->created_by);
	const char *since = !known ? "N/A" : x->plain ? s->created : arena_printf(a, "%s ago", human_duration(a, now - created));

	return json_obj(a, "ID", json_new_str(a, last ? cli_short_id(a, img->id, x->no_trunc) : "<missing>"), "CreatedSince",
			json_new_str(a, since), "CreatedAt", json_new_str(a, known ? s->created : ""), "CreatedBy",
			json_new_str(a, x->no_trunc ? command : text_cut(a, command, COMMAND_WIDTH)), "Size",
			json_new_str(a, x->plain ? arena_printf(a, "%llu", (unsigned long long)size) : str_human(a, size, false)),
			"Comment", json_new_str(a, s->comment), NULL);
}

static struct json *headers(struct arena *a, const struct history_args *x)
{
	return json_obj(a, "ID", json_new_str(a, "IMAGE"), "CreatedSince", json_new_str(a, x->plain ? "CREATED AT" : "CREATED"),
			"CreatedAt", json_new_str(a, "CREATED AT"), "CreatedBy", json_new_str(a, "CREATED BY"), "Size",
			json_new_str(a, "SIZE"), "Comment", json_new_str(a, "COMMENT"), NULL);
}

static int history_run(struct verb_call *c, struct dv_err *e)
{
	const struct history_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct json *rows = json_new_array(c->arena);
	const char *format = x->format ? x->format : x->quiet ? "{{.ID}}" : "table";
	struct image_history h = { 0 };
	struct image *img;
	int r = cli_engine(c, &g, e);

	if (r >= 0)
		r = image_resolve(engine_images(g), c->arena, c->operands[0], &img, e);
	if (r >= 0)
		r = image_history(c->arena, img, &h, e);
	if (r < 0)
		return r;
	for (size_t i = h.n; i-- > 0;)
		json_append(c->arena, rows, row(c->arena, x, img, &h.v[i], i + 1 == h.n));
	if (streq(format, "table"))
		format = "table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";
	return format_rows(c->arena, format, headers(c->arena, x), rows, stdout, x->no_trunc, e);
}

static const char *const examples[] = { "davit history busybox", "davit history --no-trunc --format '{{.CreatedBy}}' web", NULL };
const struct verb verb_history = {
	.name = "history", .operands = "IMAGE", .operands_min = 1, .operands_max = 1,
	.summary = "Show the steps an image was made in", .examples = examples, .opts = opts,
	.args_size = sizeof(struct history_args), .run = history_run,
};
