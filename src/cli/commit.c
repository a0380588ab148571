/* commit.c - diff and commit: what a container has changed. */
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "engine/commit.h"
#include "engine/root.h"
#include "image/name.h"

/* --- diff --- */

struct diff_args {
	const char *format;
	bool latest;
};
static const char *const diff_formats[] = { "text", "json", NULL };
static const struct opt diff_opts[] = {
	{ .name = "format", .kind = OPT_STR, .arg = "FORMAT", .offset = offsetof(struct diff_args, format), .values = diff_formats,
	  .help = "Output as text or as one JSON document" },
	CLI_LATEST(offsetof(struct diff_args, latest)),
	{ 0 }
};

static void print_json(struct arena *a, const struct image_changes *l)
{
	static const struct { char kind; const char *key; } keys[] = { { 'C', "changed" }, { 'A', "added" }, { 'D', "deleted" } };
	struct json *out = json_new_object(a);

	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		struct json *list = json_new_array(a);

		for (size_t i = 0; i < l->n; i++)
			if (l->v[i].kind == keys[k].kind)
				json_append(a, list, json_new_str(a, l->v[i].path));
		if (json_len(list))
			json_set(a, out, keys[k].key, list);
	}
	printf("%s\n", json_text(a, out, JSON_PRETTY));
}

static int diff_run(struct verb_call *c, struct dv_err *e)
{
	const struct diff_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct image_changes list;
	struct ctr *ctr = NULL;
	int r;

	if ((r = cli_engine(c, &g, e)) < 0 || (r = ctr_get(g, c->arena, c->operands[0], &ctr, e)) < 0 ||
	    (r = ctr_diff(g, c->arena, ctr, &list, e)) < 0)
		return r;
	if (x->format && streq(x->format, "json")) {
		print_json(c->arena, &list);
		return 0;
	}
	for (size_t i = 0; i < list.n; i++)
		printf("%c %s\n", list.v[i].kind, list.v[i].path);
	return 0;
}

static const char *const diff_examples[] = { "davit diff box", NULL };
const struct verb verb_diff = {
	.name = "diff", .operands = "CONTAINER", .operands_min = 1, .operands_max = 1,
	.summary = "Show what a container has changed in its files", .description = "A: added, C: changed, D: deleted.",
	.examples = diff_examples, .opts = diff_opts, .args_size = sizeof(struct diff_args), .run = diff_run,
};

/* --- commit --- */

struct commit_args {
	const char *author, *message, *pause;
	struct opt_strs changes;
	bool no_pause, quiet;
};
#define A(member) offsetof(struct commit_args, member)
static const struct opt commit_opts[] = {
	{ .name = "author", .letter = 'a', .kind = OPT_STR, .arg = "TEXT", .offset = A(author), .help = "Who made the image" },
	{ .name = "message", .letter = 'm', .kind = OPT_STR, .arg = "TEXT", .offset = A(message), .help = "Comment in the history" },
	{ .name = "change", .letter = 'c', .kind = OPT_STRS, .arg = "INSTRUCTION", .offset = A(changes),
	  .help = "Instruction of a Dockerfile for the configuration: CMD, ENV, LABEL, ..." },
	{ .name = "pause", .letter = 'p', .kind = OPT_STR, .flags = OPT_OPTIONAL, .arg = "true|false", .offset = A(pause), .help = "Hold the container's processes meanwhile (the default)" },
	{ .name = "no-pause", .kind = OPT_BOOL, .offset = A(no_pause), .help = "Do not" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = A(quiet), .help = "Nothing but the id is shown" },
	{ 0 }
};

static int commit_run(struct verb_call *c, struct dv_err *e)
{
	const struct commit_args *x = c->args;
	struct commit_request q = { .author = x->author, .message = x->message, .changes = x->changes.v, .pause = !x->no_pause && !(x->pause && streq(x->pause, "false")) };
	auto_engine struct engine *g = NULL;
	struct ctr *ctr = NULL;
	const char *id;
	int r = c->n_operands > 1 ? image_name_normalize(c->arena, c->operands[1], &q.name, e) : 0;

	if (r < 0 || (r = cli_engine(c, &g, e)) < 0 || (r = ctr_get(g, c->arena, c->operands[0], &ctr, e)) < 0 ||
	    (r = ctr_commit(g, c->arena, ctr, &q, &id, e)) < 0)
		return r;
	printf("%s\n", id);
	return 0;
}

static const char *const commit_examples[] = {
	"davit commit box box:saved", "davit commit -c 'CMD [\"nginx\"]' -m 'with my pages' web mine", NULL
};
const struct verb verb_commit = {
	.name = "commit", .operands = "CONTAINER [NAME]", .operands_min = 1, .operands_max = 2,
	.summary = "Make an image of a container's files", .description = "What is in volumes is left out. Prints the image's id.",
	.examples = commit_examples, .opts = commit_opts, .args_size = sizeof(struct commit_args), .run = commit_run,
};
