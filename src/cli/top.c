/* top.c - top: what runs in containers. */
#include <stdio.h>

#include "base/str.h"
#include "cli/stats.h"
#include "engine/root.h"
#include "engine/top.h"
#include "ui/table.h"

static int cells_of(struct engine *g, struct arena *a, const struct ctr *ctr, const char *const *args, struct table **t, struct dv_err *e)
{
	struct json *j = NULL;
	const char **cells;
	size_t n, i = 0;
	int r = ctr_top(g, a, ctr, args, &j, e);

	if (r < 0)
		return r;
	n = json_len(json_get(j, "Titles"));
	cells = arena_array(a, const char *, n + 1);
	for (JSON_EACH(it, json_get(j, "Titles")))
		cells[i++] = json_str(it.value);
	if (!*t)
		*t = table_new(a, cells);
	for (JSON_EACH(row, json_get(j, "Processes"))) {
		for (i = 0; i < n; i++)
			cells[i] = json_str(json_at(row.value, i));
		table_row(*t, cells);
	}
	return 0;
}

int top_show(struct engine *g, struct arena *a, struct ctr *const *v, size_t n, const char *const *args, struct dv_err *e)
{
	struct table *t = NULL;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = cells_of(g, a, v[i], args, &t, e);
	if (r >= 0 && t)
		table_print(t, stdout, true, false);
	return r;
}

struct top_args {
	bool latest;
};
static const struct opt top_opts[] = { CLI_LATEST(offsetof(struct top_args, latest)), { 0 } };

static int top_run(struct verb_call *c, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	struct ctr *ctr = NULL;
	int r;

	if ((r = cli_engine(c, &g, e)) < 0 || (r = ctr_get(g, c->arena, c->operands[0], &ctr, e)) < 0)
		return r;
	return top_show(g, c->arena, &ctr, 1, c->operands + 1, e);
}

static const char *const top_examples[] = { "davit top box", "davit top box -o pid,comm", "davit top box aux", NULL };
const struct verb verb_top = {
	.name = "top", .operands = "CONTAINER [PS OPTIONS]", .operands_min = 1, .operands_max = UINT32_MAX, .stop_at_operand = true,
	.summary = "Show the processes of a container",
	.description = "Options are those of ps(1) that choose columns: -ef, aux, -o NAME,..., or the names alone.",
	.examples = top_examples, .opts = top_opts, .args_size = sizeof(struct top_args), .run = top_run,
};
