/* pod_ctrs.c - pod logs, top and stats: those of all containers of a pod. */
#include <stdio.h>

#include "base/str.h"
#include "cli/logs.h"
#include "cli/pod.h"
#include "cli/stats.h"
#include "ui/template.h"

/* --- logs --- */

struct logs_pod_args {
	struct logs_args l;
	bool latest, color;
	const char *container;
};
static const struct opt logs_opts[] = {
	LOGS_OPTS(0)
	{ .name = "names", .letter = 'n', .kind = OPT_BOOL, .offset = LOGS_AT(names), .help = "Names of containers, instead of ids, before each line" },
	{ .name = "container", .letter = 'c', .kind = OPT_STR, .arg = "CONTAINER", .offset = offsetof(struct logs_pod_args, container),
	  .help = "Only that one" },
	{ .name = "latest", .letter = 'l', .kind = OPT_BOOL, .offset = offsetof(struct logs_pod_args, latest), .help = "The newest pod" },
	{ .name = "color", .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = offsetof(struct logs_pod_args, color), .help = "There is none" },
	{ 0 }
};

/* Before each line: podman's short id, or the name. */
static int logs(struct verb_call *c, struct dv_err *e)
{
	const struct logs_pod_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct logs_ref *v;
	struct ctr_list l;
	struct pod *p = NULL;
	size_t n = 0;
	int r;

	if ((r = cli_engine(c, &g, e)) < 0 || (r = pod_one(c, g, x->latest, &p, e)) < 0 || (r = pod_containers(g, c->arena, p, &l, e)) < 0)
		return r;
	v = arena_array(c->arena, struct logs_ref, l.n + 1);
	for (size_t i = 0; i < l.n; i++) {
		const struct ctr *ctr = l.v[i];

		if (!x->container || streq(ctr->name, x->container) || (*x->container && str_starts(ctr->id, x->container)))
			v[n++] = (struct logs_ref){ ctr->id, x->l.names ? ctr->name : arena_strn(c->arena, ctr->id, CTR_SHORT) };
	}
	if (x->container && !n)
		return dv_fail(e, DV_NOT_FOUND, "container %.128s is not in pod %s: no such container", x->container, p->name);
	return logs_show(c, &g, v, n, e);
}

static int logs_run(struct verb_call *c, struct dv_err *e)
{
	int r = logs(c, e);

	return r < 0 ? pod_failed(c, e) : r;
}

static const char *const logs_examples[] = { "davit pod logs web", "davit pod logs -f -n web", "davit pod logs -c db --tail 10 web", NULL };
const struct verb verb_pod_logs = {
	.name = "logs", .operands = "[POD]", .operands_max = 1, .summary = "Show what the containers of a pod wrote", .examples = logs_examples,
	.opts = logs_opts, .args_size = sizeof(struct logs_pod_args), .run = logs_run,
};

/* --- top --- */

struct top_args {
	bool latest;
};
static const struct opt top_opts[] = {
	{ .name = "latest", .letter = 'l', .kind = OPT_BOOL, .offset = offsetof(struct top_args, latest), .help = "The newest pod" },
	{ 0 }
};

static size_t keep_running(struct ctr_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i]->status == CTR_RUNNING)
			l->v[n++] = l->v[i];
	return l->n = n;
}

static int top(struct verb_call *c, struct dv_err *e)
{
	const struct top_args *x = c->args;
	const char *const *args = c->operands + (x->latest ? 0 : 1);
	auto_engine struct engine *g = NULL;
	struct pod_list newest = { 0 };
	struct ctr_list l;
	struct pod *p = NULL;
	int r;

	if (!x->latest && !c->n_operands)
		return dv_fail(e, DV_INVALID, "you must provide the name or id of a running pod");
	if ((r = cli_engine(c, &g, e)) < 0 || (x->latest && (r = pod_list(g, c->arena, &newest, e)) < 0))
		return r;
	if (x->latest && !newest.n)
		return dv_fail(e, DV_NOT_FOUND, "there is no pod");
	if ((r = pod_get(g, c->arena, x->latest ? newest.v[0]->id : c->operands[0], &p, e)) < 0 ||
	    (r = pod_containers(g, c->arena, p, &l, e)) < 0)
		return r;
	if (!keep_running(&l))
		return dv_fail(e, DV_CONFLICT, "pod top can only be used on pods with at least one running container");
	return top_show(g, c->arena, l.v, l.n, args, e);
}

static int top_run(struct verb_call *c, struct dv_err *e)
{
	int r = top(c, e);

	return r < 0 ? pod_failed(c, e) : r;
}

static const char *const top_examples[] = { "davit pod top web", "davit pod top web -o pid,comm", NULL };
const struct verb verb_pod_top = {
	.name = "top", .operands = "[POD] [PS OPTIONS]", .operands_max = UINT32_MAX, .stop_at_operand = true,
	.summary = "Show the processes of a pod", .examples = top_examples, .opts = top_opts, .args_size = sizeof(struct top_args), .run = top_run,
};

/* --- stats --- */

struct stats_pod_args {
	struct pod_refs refs;
	bool no_stream, no_reset;
	const char *format;
};
#define A(member) offsetof(struct stats_pod_args, member)
static const struct opt stats_opts[] = {
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = A(refs.all), .help = "All pods, also those that do not run" },
	{ .name = "latest", .letter = 'l', .kind = OPT_BOOL, .offset = A(refs.latest), .help = "The newest pod" },
	{ .name = "no-stream", .kind = OPT_BOOL, .offset = A(no_stream), .help = "Once, not again and again" },
	{ .name = "no-reset", .kind = OPT_BOOL, .offset = A(no_reset), .help = "Do not clear the screen" },
	{ .name = "format", .kind = OPT_STR, .arg = "TEMPLATE", .offset = A(format), .help = "table, json, or a template such as '{{.Name}} {{.CPU}}'" },
	{ 0 }
};

/* podman's names for what docker calls otherwise. */
static const struct {
	const char *name, *from, *head;
} columns[] = {
	{ "Pod", NULL, "POD" },		       { "CID", "ID", "CID" },		      { "Name", "Name", "NAME" },	 { "CPU", "CPUPerc", "CPU %" },
	{ "MemUsage", "MemUsage", "MEM USAGE/ LIMIT" }, { "MemUsageBytes", "MemUsage", "MEM USAGE/ LIMIT" }, { "Mem", "MemPerc", "MEM %" },
	{ "NetIO", "NetIO", "NET IO" },	       { "BlockIO", "BlockIO", "BLOCK IO" },  { "PIDS", "PIDs", "PIDS" },
};

static struct json *stats_of(struct arena *a, const struct stats_look *l)
{
	struct json *from = stats_row(a, l, NULL, false), *out = json_new_object(a);

	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		json_set(a, out, columns[i].name,
			 columns[i].from ? json_copy(a, json_get(from, columns[i].from)) : json_new_strn(a, l->ctr->pod, CTR_SHORT));
	return out;
}

static int stats_show(struct verb_call *c, const struct stats_look *v, size_t n, struct dv_err *e)
{
	const struct stats_pod_args *x = c->args;
	auto_arena struct arena a = { 0 };
	const char *format = x->format && !streq(x->format, "table") ? x->format :
		"table {{.Pod}}\t{{.CID}}\t{{.Name}}\t{{.CPU}}\t{{.MemUsage}}\t{{.Mem}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDS}}";

	arena_init(&a, 0);
	struct json *headers = json_new_object(&a), *rows = json_new_array(&a);
	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		json_set(&a, headers, columns[i].name, json_new_str(&a, columns[i].head));
	for (size_t i = 0; i < n; i++)
		json_append(&a, rows, stats_of(&a, &v[i]));
	if (streq(format, "json")) {
		printf("%s\n", json_text(&a, rows, JSON_PRETTY));
		return 0;
	}
	return format_rows(&a, format, headers, rows, stdout, false, e);
}

/* Of pods that are named also the containers that do not run. */
static int stats_collect(struct verb_call *c, struct engine *g, struct stats_look **ret, size_t *ret_n, struct dv_err *e)
{
	const struct stats_pod_args *x = c->args;
	bool named = c->n_operands || x->refs.latest || x->refs.all;
	const struct pod_refs every = { .all = true };
	const char **refs = NULL;
	size_t n = 0, room = 0;
	int r = pod_refs(c, g, named ? &x->refs : &every, &refs, e);

	*ret = NULL;
	for (; r >= 0 && *refs; refs++) {
		struct pod *p = NULL;
		struct stats_look *more;
		struct ctr_list l;

		if ((r = pod_get(g, c->arena, *refs, &p, e)) < 0 || (r = pod_containers(g, c->arena, p, &l, e)) < 0)
			break;
		if (!named)
			(void)keep_running(&l);
		more = arena_array(c->arena, struct stats_look, room += l.n + 1);
		if (n)
			memcpy(more, *ret, n * sizeof *more);
		for (size_t i = 0; i < l.n; i++)
			more[n++].ctr = l.v[i];
		*ret = more;
	}
	*ret_n = n;
	return r;
}

static int stats_run(struct verb_call *c, struct dv_err *e)
{
	const struct stats_pod_args *x = c->args;
	const struct stats_how how = { .once = x->no_stream, .clear = !x->format && !x->no_reset, .interval_ms = 1000 };
	auto_engine struct engine *g = NULL;
	struct stats_look *v = NULL;
	size_t n = 0;
	int r;

	if ((r = cli_engine(c, &g, e)) < 0 || (r = stats_collect(c, g, &v, &n, e)) < 0 ||
	    (r = stats_loop(c, g, v, n, &how, stats_show, e)) < 0)
		return pod_failed(c, e);
	return r;
}

static const char *const stats_examples[] = { "davit pod stats", "davit pod stats --no-stream web", NULL };
const struct verb verb_pod_stats = {
	.name = "stats", .operands = "[POD...]", .operands_max = UINT32_MAX, .summary = "Show what the containers of pods use",
	.examples = stats_examples, .opts = stats_opts, .args_size = sizeof(struct stats_pod_args), .run = stats_run,
};
