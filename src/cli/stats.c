/* stats.c - stats: what containers use, once or again and again. */
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/stats.h"
#include "engine/life.h"
#include "engine/root.h"
#include "ui/template.h"

struct stats_args {
	bool all, no_stream, no_trunc, no_reset, latest;
	const char *format;
	struct opt_int interval;
};
#define A(member) offsetof(struct stats_args, member)
static const struct opt stats_opts[] = {
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = A(all), .help = "Also those that do not run" },
	{ .name = "no-stream", .kind = OPT_BOOL, .offset = A(no_stream), .help = "Once, not again and again" },
	{ .name = "no-trunc", .kind = OPT_BOOL, .offset = A(no_trunc), .help = "Cut nothing" },
	{ .name = "no-reset", .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = A(no_reset), .help = "Do not clear the screen" },
	{ .name = "interval", .letter = 'i', .kind = OPT_U64, .arg = "SECONDS", .offset = A(interval), .help = "Time between two looks (default 1)" },
	{ .name = "format", .kind = OPT_STR, .arg = "TEMPLATE", .offset = A(format), .help = "table, json, or a template such as '{{.Name}} {{.CPUPerc}}'" },
	CLI_LATEST(A(latest)),
	{ 0 }
};

static int collect(struct verb_call *c, struct engine *g, struct stats_look **ret, size_t *ret_n, struct dv_err *e)
{
	const struct stats_args *x = c->args;
	struct ctr_list list = { 0 };
	struct stats_look *v;
	size_t n = 0;
	int r = c->n_operands ? 0 : ctr_list(g, c->arena, &list, e);

	if (r < 0)
		return r;
	v = arena_array(c->arena, struct stats_look, list.n + c->n_operands + 1);
	for (size_t i = 0; i < c->n_operands; i++)
		if ((r = ctr_get(g, c->arena, c->operands[i], &v[n++].ctr, e)) < 0)
			return r;
	for (size_t i = 0; i < list.n; i++)
		if (life_settle(g, c->arena, list.v[i], NULL) == 0 && (x->all || list.v[i]->status == CTR_RUNNING))
			v[n++].ctr = list.v[i];
	*ret = v;
	*ret_n = n;
	return 0;
}

static void read_all(struct engine *g, struct stats_look *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		auto_arena struct arena a = { 0 };

		arena_init(&a, 0);
		v[i].was = v[i].now;
		v[i].runs = ctr_usage(g, &a, v[i].ctr, &v[i].now, NULL) >= 0;
		if (!v[i].runs)
			v[i].now = (struct ctr_usage){ 0 };
	}
}

/* "12.34%" of parts in a whole. */
static const char *percent(struct arena *a, uint64_t part, uint64_t whole)
{
	double v = whole ? 100.0 * (double)part / (double)whole : 0;

	return arena_printf(a, "%.2f%%", v);
}

static const char *cpu(struct arena *a, const struct stats_look *l)
{
	uint64_t used = l->now.cpu_ns > l->was.cpu_ns && l->was.at_ns ? l->now.cpu_ns - l->was.cpu_ns : 0;

	return percent(a, used, l->was.at_ns ? (uint64_t)(l->now.at_ns - l->was.at_ns) : 0);
}

static const char *pair(struct arena *a, uint64_t x, uint64_t y, bool binary)
{
	return arena_printf(a, "%s / %s", str_human(a, x, binary), str_human(a, y, binary));
}

struct json *stats_row(struct arena *a, const struct stats_look *l, const char *ref, bool whole)
{
	const struct ctr_usage *u = &l->now;
	const char *id = whole ? l->ctr->id : arena_strn(a, l->ctr->id, CTR_SHORT), *none = "--";

	return json_obj(a, "BlockIO", json_new_str(a, l->runs ? pair(a, u->read, u->written, false) : none), "CPUPerc",
			json_new_str(a, l->runs ? cpu(a, l) : none), "Container", json_new_str(a, ref ? ref : id), "ID",
			json_new_str(a, id), "MemPerc", json_new_str(a, l->runs ? percent(a, u->memory, u->limit) : none), "MemUsage",
			json_new_str(a, l->runs ? pair(a, u->memory, u->limit, true) : "-- / --"), "Name", json_new_str(a, l->ctr->name),
			"NetIO", json_new_str(a, l->runs ? pair(a, u->rx, u->tx, false) : none), "PIDs",
			json_new_str(a, l->runs ? arena_printf(a, "%llu", (unsigned long long)u->pids) : none), NULL);
}

static const char *const head_names[][2] = {
	{ "Container", "CONTAINER" }, { "ID", "CONTAINER ID" }, { "Name", "NAME" },       { "CPUPerc", "CPU %" },
	{ "MemUsage", "MEM USAGE / LIMIT" }, { "MemPerc", "MEM %" }, { "NetIO", "NET I/O" }, { "BlockIO", "BLOCK I/O" },
	{ "PIDs", "PIDS" },
};

static int print(struct verb_call *c, const struct stats_look *v, size_t n, struct dv_err *e)
{
	const struct stats_args *x = c->args;
	auto_arena struct arena a = { 0 };
	const char *format = x->format && !streq(x->format, "table") ? x->format :
		"table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}";

	arena_init(&a, 0);
	struct json *headers = json_new_object(&a), *rows = json_new_array(&a);
	for (size_t i = 0; i < ARRAY_LEN(head_names); i++)
		json_set(&a, headers, head_names[i][0], json_new_str(&a, head_names[i][1]));
	for (size_t i = 0; i < n; i++)
		json_append(&a, rows, stats_row(&a, &v[i], i < c->n_operands ? c->operands[i] : NULL, x->no_trunc));
	return format_rows(&a, format, headers, rows, stdout, x->no_trunc, e);
}

/* The time between two looks; false when nobody reads us any more. */
static bool pause_for(int ms)
{
	struct pollfd p = { .fd = STDOUT_FILENO };

	return poll(&p, 1, ms) <= 0 || !(p.revents & (POLLERR | POLLHUP));
}

int stats_loop(struct verb_call *c, struct engine *g, struct stats_look *v, size_t n, const struct stats_how *how, stats_print *show,
	       struct dv_err *e)
{
	int r;

	read_all(g, v, n);
	do {
		if (!pause_for(n || !how->once ? how->interval_ms : 0))
			return 0;
		read_all(g, v, n);
		if (isatty(STDOUT_FILENO) && how->clear && !how->once)
			printf("\033[2J\033[H");
		r = show(c, v, n, e);
		(void)fflush(stdout);
	} while (r >= 0 && !how->once && !ferror(stdout));
	return r;
}

static int stats_run(struct verb_call *c, struct dv_err *e)
{
	const struct stats_args *x = c->args;
	const struct stats_how how = { .once = x->no_stream, .clear = !x->format && !x->no_reset,
				       .interval_ms = x->interval.set && x->interval.v > 0 && x->interval.v < 86400 ? (int)x->interval.v * 1000 : 1000 };
	auto_engine struct engine *g = NULL;
	struct stats_look *v = NULL;
	size_t n = 0;
	int r;

	if ((r = cli_engine(c, &g, e)) < 0 || (r = collect(c, g, &v, &n, e)) < 0)
		return r;
	return stats_loop(c, g, v, n, &how, print, e);
}

static const char *const stats_examples[] = { "davit stats", "davit stats --no-stream --format '{{.Name}} {{.MemUsage}}'", NULL };
const struct verb verb_stats = {
	.name = "stats", .operands = "[CONTAINER...]", .operands_max = UINT32_MAX, .summary = "Show what containers use",
	.description = "Processor time, memory, network and block devices, again every second.", .examples = stats_examples,
	.opts = stats_opts, .args_size = sizeof(struct stats_args), .run = stats_run,
};
