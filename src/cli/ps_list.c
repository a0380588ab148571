/* ps_list.c - ps: which containers, in which order, in which form. */
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "cli/ps.h"
#include "engine/life.h"
#include "engine/usage.h"
#include "ui/template.h"

struct ps_args {
	bool all, quiet, no_trunc, size, latest, no_heading, external, pod;
	struct opt_int last;
	struct opt_strs filters;
	const char *format, *sort;
};

static const char *const sorts[] = { "command", "created", "id", "image", "names", "runningfor", "size", "status", NULL };

#define A(member) offsetof(struct ps_args, member)
static const struct opt ps_opts[] = {
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = A(all), .help = "Also those that do not run" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = A(quiet), .help = "Only ids" },
	{ .name = "no-trunc", .kind = OPT_BOOL, .offset = A(no_trunc), .help = "Cut nothing" },
	{ .name = "size", .letter = 's', .kind = OPT_BOOL, .offset = A(size), .help = "What each has written" },
	{ .name = "pod", .letter = 'p', .kind = OPT_BOOL, .offset = A(pod), .help = "The pod that each is in" },
	{ .name = "last", .letter = 'n', .kind = OPT_I64, .arg = "N", .offset = A(last), .help = "The N newest, whatever their state" },
	{ .name = "latest", .letter = 'l', .kind = OPT_BOOL, .offset = A(latest), .help = "The newest, whatever its state" },
	{ .name = "filter", .letter = 'f', .kind = OPT_STRS, .arg = "KEY=VALUE", .offset = A(filters),
	  .help = "Only those: id, name, label, ancestor, status, exited, health, before, since, until, network, volume, publish, "
		  "expose, pod" },
	{ .name = "format", .kind = OPT_STR, .arg = "TEMPLATE", .offset = A(format),
	  .help = "table, json, or a template such as '{{.ID}} {{.Names}}'" },
	{ .name = "sort", .kind = OPT_STR, .arg = "FIELD", .offset = A(sort), .values = sorts, .help = "Order (default: newest first)" },
	{ .name = "noheading", .kind = OPT_BOOL, .offset = A(no_heading), .help = "No line of headings" },
	{ .name = "external", .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = A(external), .help = "There are no others" },
	{ 0 }
};

/* {{.Label "com.example.team"}} is headed "team", as docker has it. */
static struct json *label_headers(struct arena *a, const char *format)
{
	static const char word[] = ".Label \"";
	struct json *h = json_new_object(a);

	while ((format = strstr(format, word))) {
		const char *key = arena_strn(a, format + sizeof word - 1, strcspn(format + sizeof word - 1, "\""));
		const char *dot = strrchr(key, '.');

		json_set(a, h, key, json_new_str(a, dot ? dot + 1 : key));
		format += sizeof word - 1;
	}
	return h;
}

static struct json *headers(struct arena *a, const char *format)
{
	static const char *const names[][2] = {
		{ "ID", "CONTAINER ID" }, { "Image", "IMAGE" },   { "Command", "COMMAND" }, { "CreatedAt", "CREATED AT" },
		{ "RunningFor", "CREATED" }, { "Ports", "PORTS" }, { "State", "STATE" },    { "Status", "STATUS" },
		{ "Names", "NAMES" },     { "Labels", "LABELS" }, { "Mounts", "MOUNTS" },   { "Networks", "NETWORKS" },
		{ "LocalVolumes", "LOCAL VOLUMES" }, { "Size", "SIZE" }, { "Platform", "PLATFORM" }, { "ImageID", "IMAGE ID" },
		{ "Pid", "PID" },         { "ExitCode", "EXIT CODE" }, { "Created", "CREATED" }, { "Pod", "POD ID" },
		{ "PodName", "PODNAME" },
	};
	struct json *h = json_new_object(a);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		json_set(a, h, names[i][0], json_new_str(a, names[i][1]));
	json_set(a, h, "Label", label_headers(a, format));
	return h;
}

/* --- which --- */

struct wanted {
	struct ps_item *v;
	size_t n;
};

static int collect(struct engine *g, struct arena *a, const struct ps_args *x, const struct ps_filter *f, struct wanted *ret,
		   struct dv_err *e)
{
	int64_t most = x->latest ? 1 : x->last.set && x->last.v >= 0 ? x->last.v : INT64_MAX;
	bool all = x->all || most != INT64_MAX || ps_filter_names_states(f);
	struct ctr_list list;
	int r = ctr_list(g, a, &list, e);

	if (r < 0)
		return r;
	ret->v = arena_array(a, struct ps_item, list.n + 1);
	for (size_t i = 0; i < list.n && (int64_t)ret->n < most; i++) {
		struct ps_item it;

		r = life_settle(g, a, list.v[i], e);
		if (r < 0)
			return r;
		if (r > 0 || !(all || list.v[i]->status == CTR_RUNNING))
			continue;
		it = ps_item_of(a, list.v[i]);
		if (ps_filter_match(a, f, &it))
			ret->v[ret->n++] = it;
	}
	return 0;
}

/* --- order --- */

static const char *row_text(const struct json *row, const char *field)
{
	const char *s = json_str(json_get(row, field));

	return s ? s : "";
}

struct sorted {
	struct json *row;
	const char *key;
	uint64_t number;
	size_t at;
};

static int by_key(const void *p, const void *q)
{
	const struct sorted *a = p, *b = q;
	int c = a->number != b->number ? (a->number < b->number ? -1 : 1) : strcmp(a->key, b->key);

	return c ? c : a->at < b->at ? -1 : a->at > b->at;
}

static struct json *sort_rows(struct engine *g, struct arena *a, struct json *rows, const struct wanted *w, const char *sort)
{
	static const char *const fields[][2] = { { "command", "Command" }, { "id", "ID" }, { "image", "Image" }, { "names", "Names" },
						 { "status", "Status" } };
	struct sorted *v = arena_array(a, struct sorted, w->n + 1);
	struct json *out = json_new_array(a);
	const char *field = NULL;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (streq(fields[i][0], sort))
			field = fields[i][1];
	for (size_t i = 0; i < w->n; i++) {
		v[i] = (struct sorted){ .row = (struct json *)json_at(rows, i), .at = i, .key = "" };
		if (field)
			v[i].key = row_text(v[i].row, field);
		else
			v[i].number = streq(sort, "size") ? usage_of_container(g, a, w->v[i].ctr->id) : (uint64_t)w->v[i].ctr->created_ns;
	}
	qsort(v, w->n, sizeof *v, by_key);
	for (size_t i = 0; i < w->n; i++)
		json_append(a, out, v[i].row);
	return out;
}

/* --- form --- */

static const char *format_of(struct arena *a, const struct ps_args *x)
{
	const char *format = x->format ? x->format : x->quiet ? "{{.ID}}" : "table";
	const char *own = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";

	if (x->quiet && x->format && str_starts(x->format, "table"))
		return "{{.ID}}";
	return streq(format, "table") ? arena_printf(a, "table %s%s%s", own, x->size ? "\t{{.Size}}" : "",
							   x->pod ? "\t{{.Pod}}\t{{.PodName}}" : "") : format;
}

static unsigned what_of(const struct ps_args *x, const char *format)
{
	static const char *const more[] = { ".Label ", ".Platform", ".ImageID", ".Pid", ".ExitCode", ".Created}" };
	unsigned what = (x->no_trunc ? PS_WHOLE : 0) | (x->size || strstr(format, ".Size") ? PS_SIZE : 0);

	if (x->pod || strstr(format, ".Pod"))
		what |= PS_POD;
	for (size_t i = 0; i < ARRAY_LEN(more); i++)
		if (strstr(format, more[i]))
			what |= PS_MORE;
	return what;
}

static int ps_run(struct verb_call *c, struct dv_err *e)
{
	const struct ps_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct json *rows = json_new_array(c->arena);
	const char *format = format_of(c->arena, x);
	struct ps_filter *f = NULL;
	struct wanted w = { 0 };
	int r;

	if (x->quiet && x->size)
		return dv_fail(e, DV_INVALID, "--quiet and --size do not go together");
	if ((r = cli_engine(c, &g, e)) < 0 || (r = ps_filter_parse(g, c->arena, &x->filters, &f, e)) < 0)
		return r;
	r = collect(g, c->arena, x, f, &w, e);
	ps_filter_done(f);
	if (r < 0)
		return r;
	for (size_t i = 0; i < w.n; i++)
		json_append(c->arena, rows, ps_row(g, c->arena, &w.v[i], what_of(x, format)));
	if (x->sort)
		rows = sort_rows(g, c->arena, rows, &w, x->sort);
	return format_list(c->arena, format, headers(c->arena, format), rows, stdout,
			   (x->no_trunc ? FORMAT_WIDE : 0) | (x->no_heading ? FORMAT_NO_HEADER : 0), e);
}

static const char *const ps_aliases[] = { "ls", "list", NULL };
static const char *const ps_examples[] = {
	"davit ps", "davit ps -aq", "davit ps -f status=exited -f label=app=web", "davit ps --format '{{.Names}}\\t{{.Status}}'", NULL
};
const struct verb verb_ps = {
	.name = "ps", .aliases = ps_aliases, .summary = "List containers", .examples = ps_examples, .opts = ps_opts,
	.args_size = sizeof(struct ps_args), .run = ps_run,
};
