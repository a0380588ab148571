/* pod_ps.c - pod ps, pod inspect. */
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "cli/pod.h"
#include "ui/template.h"

struct ps_args {
	bool quiet, no_trunc, noheading, latest, ctr_ids, ctr_names, ctr_status, ns;
	const char *format, *sort;
	struct opt_strs filters;
};
#define A(member) offsetof(struct ps_args, member)
static const char *const sorts[] = { "created", "id", "name", "number", "status", NULL };
static const struct opt ps_opts[] = {
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = A(quiet), .help = "Only ids" },
	{ .name = "no-trunc", .kind = OPT_BOOL, .offset = A(no_trunc), .help = "Cut nothing" },
	{ .name = "noheading", .kind = OPT_BOOL, .offset = A(noheading), .help = "No line of headings" },
	{ .name = "latest", .letter = 'l', .kind = OPT_BOOL, .offset = A(latest), .help = "The newest" },
	{ .name = "ctr-ids", .kind = OPT_BOOL, .offset = A(ctr_ids), .help = "Ids of its containers" },
	{ .name = "ctr-names", .kind = OPT_BOOL, .offset = A(ctr_names), .help = "Names of its containers" },
	{ .name = "ctr-status", .kind = OPT_BOOL, .offset = A(ctr_status), .help = "States of its containers" },
	{ .name = "ns", .kind = OPT_BOOL, .offset = A(ns), .help = "Its cgroup, and the namespaces that are shared" },
	{ .name = "filter", .letter = 'f', .kind = OPT_STRS, .arg = "K=V", .offset = A(filters),
	  .help = "Only those: id, name, label, status, network, until, ctr-ids, ctr-names, ctr-number, ctr-status" },
	{ .name = "format", .kind = OPT_STR, .arg = "TEMPLATE", .offset = A(format),
	  .help = "table, json, or a template such as '{{.ID}} {{.Name}} {{.Status}}'" },
	{ .name = "sort", .kind = OPT_STR, .arg = "FIELD", .offset = A(sort), .values = sorts, .help = "Order (default: newest first)" },
	{ 0 }
};

static const char *str_of(const struct json *j, const char *key)
{
	const char *s = json_str(json_get(j, key));

	return s ? s : "";
}

/* --- filters: values of one key are alternatives, keys (and labels) must all agree --- */

struct item {
	const struct pod *pod;
	struct json *j;                 /* pod_summary() */
	size_t n;                       /* of containers */
};

static bool any_container(const struct item *x, const char *key, const char *value, bool part)
{
	for (JSON_EACH(it, json_get(x->j, "Containers"))) {
		const char *s = str_of(it.value, key);

		if (part ? strstr(s, value) != NULL : streq(s, value))
			return true;
	}
	return false;
}

static bool match_id(const struct item *x, const char *v) { return str_starts(x->pod->id, v); }
static bool match_name(const struct item *x, const char *v) { return strstr(x->pod->name, v) != NULL; }
static bool match_label(const struct item *x, const char *v) { return cli_has_label(json_get(x->j, "Labels"), v); }
static bool match_status(const struct item *x, const char *v) { return strcasecmp(str_of(x->j, "Status"), v) == 0; }
static bool match_ctr_ids(const struct item *x, const char *v) { return any_container(x, "Id", v, true); }
static bool match_ctr_names(const struct item *x, const char *v) { return any_container(x, "Names", v, true); }
static bool match_ctr_status(const struct item *x, const char *v) { return any_container(x, "Status", v, false); }

static bool match_network(const struct item *x, const char *v)
{
	for (JSON_EACH(it, json_get(x->j, "Networks")))
		if (streq(json_str(it.value), v))
			return true;
	return false;
}

static bool match_ctr_number(const struct item *x, const char *v)
{
	uint64_t n = 0;

	return str_u64(v, UINT32_MAX, "number", &n, NULL) >= 0 && n == x->n;
}

static bool match_until(const struct item *x, const char *v)
{
	int64_t seconds = 0;

	return cli_until_parse(v, &seconds, NULL) >= 0 && x->pod->created_ns / 1000000000 < seconds;
}

static const struct key {
	const char *name;
	bool (*match)(const struct item *x, const char *value);
	bool all;
} keys[] = {
	{ "id", match_id, false },
	{ "name", match_name, false },
	{ "label", match_label, true },
	{ "status", match_status, false },
	{ "network", match_network, false },
	{ "until", match_until, true },
	{ "ctr-ids", match_ctr_ids, false },
	{ "ctr-names", match_ctr_names, false },
	{ "ctr-number", match_ctr_number, false },
	{ "ctr-status", match_ctr_status, false },
};

static int find_key(const char *text, const char **ret_value, struct dv_err *e)
{
	size_t len = strcspn(text, "=");

	for (size_t i = 0; text[len] && i < ARRAY_LEN(keys); i++)
		if (strlen(keys[i].name) == len && memcmp(keys[i].name, text, len) == 0) {
			*ret_value = text + len + 1;
			return (int)i;
		}
	return dv_fail(e, DV_INVALID, "%.60s is an invalid filter", text);
}

static int passes(const struct opt_strs *f, const struct item *x, bool *ret, struct dv_err *e)
{
	bool seen[ARRAY_LEN(keys)] = { false }, hit[ARRAY_LEN(keys)] = { false };

	*ret = true;
	for (size_t i = 0; i < f->n; i++) {
		const char *v = NULL;
		int k = find_key(f->v[i], &v, e);
		bool yes;

		if (k < 0)
			return k;
		yes = keys[k].match(x, v);
		*ret = *ret && (yes || !keys[k].all);
		seen[k] = true;
		hit[k] = hit[k] || yes;
	}
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		*ret = *ret && (!seen[i] || hit[i]);
	return 0;
}

/* --- rows --- */

static const char *joined(struct arena *a, const struct json *list, const char *key, size_t most)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);

	for (JSON_EACH(it, list)) {
		const char *s = key ? str_of(it.value, key) : json_str(it.value);

		buf_printf(&b, "%s%.*s", b.len ? "," : "", (int)DV_MIN(strlen(s), most), s);
	}
	return arena_str(a, buf_cstr(&b));
}

static const char *namespaces(struct arena *a, const struct pod *p)
{
	return arena_printf(a, "%s%s%s%s", p->share & POD_UTS ? "uts," : "", p->share & POD_IPC ? "ipc," : "",
			    p->share & POD_NET ? "net," : "", p->share & POD_PID ? "pid," : "");
}

static struct json *row(struct arena *a, const struct item *x, bool whole)
{
	const struct json *ctrs = json_get(x->j, "Containers");
	const char *ago = arena_printf(a, "%s ago", human_duration(a, (ctr_now_ns() - x->pod->created_ns) / 1000000000));
	const char *shared = namespaces(a, x->pod);
	size_t most = whole ? 64 : CLI_SHORT_ID;

	return json_obj(a, "Id", json_new_strn(a, x->pod->id, most), "ID", json_new_strn(a, x->pod->id, most), "Name",
			json_new_str(a, x->pod->name), "Status", json_new_str(a, str_of(x->j, "Status")), "Created", json_new_str(a, ago),
			"InfraID", json_new_str(a, ""), "InfraId", json_new_str(a, ""), "NumberOfContainers",
			json_new_str(a, arena_printf(a, "%zu", x->n)), "ContainerIds", json_new_str(a, joined(a, ctrs, "Id", most)),
			"ContainerNames", json_new_str(a, joined(a, ctrs, "Names", 255)), "ContainerStatuses",
			json_new_str(a, joined(a, ctrs, "Status", 255)), "Cgroup", json_new_str(a, str_of(x->j, "Cgroup")), "Namespace",
			json_new_strn(a, shared, *shared ? strlen(shared) - 1 : 0), "Networks",
			json_new_str(a, joined(a, json_get(x->j, "Networks"), NULL, 255)), "Labels", json_copy(a, json_get(x->j, "Labels")), NULL);
}

static struct json *headers(struct arena *a)
{
	static const char *const names[][2] = {
		{ "Id", "POD ID" },	     { "ID", "POD ID" },	   { "Name", "NAME" },	       { "Status", "STATUS" },
		{ "Created", "CREATED" },    { "InfraID", "INFRA ID" },	   { "InfraId", "INFRA ID" },  { "NumberOfContainers", "# OF CONTAINERS" },
		{ "ContainerIds", "IDS" },   { "ContainerNames", "NAMES" }, { "ContainerStatuses", "STATUS" }, { "Cgroup", "CGROUP" },
		{ "Namespace", "NAMESPACES" }, { "Networks", "NETWORKS" }, { "Labels", "LABELS" },
	};
	struct json *h = json_new_object(a);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		json_set(a, h, names[i][0], json_new_str(a, names[i][1]));
	return h;
}

static const char *format_of(struct arena *a, const struct ps_args *x)
{
	bool some = x->ctr_ids || x->ctr_names || x->ctr_status;

	if (x->format && !streq(x->format, "table"))
		return x->format;
	if (x->quiet)
		return "{{.ID}}";
	return arena_printf(a, "table {{.ID}}\t{{.Name}}\t{{.Status}}\t{{.Created}}\t{{.InfraID}}%s%s%s%s%s",
			    x->ns ? "\t{{.Cgroup}}\t{{.Namespace}}" : "", x->ctr_ids ? "\t{{.ContainerIds}}" : "",
			    x->ctr_names ? "\t{{.ContainerNames}}" : "", x->ctr_status ? "\t{{.ContainerStatuses}}" : "",
			    some ? "" : "\t{{.NumberOfContainers}}");
}

static const char *sort_key(const struct item *x, const char *sort)
{
	return streq(sort, "id") ? x->pod->id : streq(sort, "status") ? str_of(x->j, "Status") : x->pod->name;
}

static int compare(const struct item *x, const struct item *y, const char *sort)
{
	if (streq(sort, "number"))
		return x->n < y->n ? -1 : x->n > y->n;
	return strcmp(sort_key(x, sort), sort_key(y, sort));
}

/* Few, and in order already: newest first is what they come in. */
static void sort_items(struct item *v, size_t n, const char *sort)
{
	if (!sort || streq(sort, "created"))
		return;
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && compare(&v[k - 1], &v[k], sort) > 0; k--) {
			struct item t = v[k];

			v[k] = v[k - 1];
			v[k - 1] = t;
		}
}

static int collect(struct verb_call *c, struct engine *g, struct item **ret, size_t *ret_n, struct dv_err *e)
{
	const struct ps_args *x = c->args;
	struct pod_list l;
	struct item *v;
	size_t n = 0;
	int r = pod_list(g, c->arena, &l, e);

	if (r < 0)
		return r;
	v = arena_array(c->arena, struct item, l.n + 1);
	for (size_t i = 0; i < l.n && !(x->latest && i == 1); i++) {
		bool wanted = false;

		if ((r = pod_settle(g, c->arena, l.v[i], e)) < 0)
			return r;
		if (r > 0)
			continue;
		v[n].pod = l.v[i];
		if ((r = pod_summary(g, c->arena, l.v[i], &v[n].j, e)) < 0)
			return r;
		v[n].n = json_len(json_get(v[n].j, "Containers"));
		if ((r = passes(&x->filters, &v[n], &wanted, e)) < 0)
			return r;
		n += wanted;
	}
	sort_items(v, n, x->sort);
	*ret = v;
	*ret_n = n;
	return 0;
}

static int ps(struct verb_call *c, struct dv_err *e)
{
	const struct ps_args *x = c->args;
	const char *format = format_of(c->arena, x);
	struct json *rows = json_new_array(c->arena);
	bool json = streq(format, "json");
	auto_engine struct engine *g = NULL;
	struct item *v = NULL;
	size_t n = 0;
	int r;

	if ((r = cli_engine(c, &g, e)) < 0 || (r = collect(c, g, &v, &n, e)) < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		json_append(c->arena, rows, json ? v[i].j : row(c->arena, &v[i], x->no_trunc));
	if (json) {
		printf("%s\n", json_text(c->arena, rows, JSON_PRETTY));
		return 0;
	}
	return format_list(c->arena, format, headers(c->arena), rows, stdout,
			   (x->no_trunc ? FORMAT_WIDE : 0) | (x->noheading ? FORMAT_NO_HEADER : 0), e);
}

static int ps_run(struct verb_call *c, struct dv_err *e)
{
	int r = ps(c, e);

	return r < 0 ? pod_failed(c, e) : r;
}

static const char *const ps_aliases[] = { "ls", "list", NULL };
static const char *const ps_examples[] = { "davit pod ps", "davit pod ps -q -f status=running", "davit pod ps --format '{{.Name}} {{.Status}}'", NULL };
const struct verb verb_pod_ps = {
	.name = "ps", .aliases = ps_aliases, .summary = "List pods", .examples = ps_examples, .opts = ps_opts,
	.args_size = sizeof(struct ps_args), .run = ps_run,
};

/* --- inspect --- */

struct inspect_args {
	const char *format;
	bool latest;
};
static const struct opt inspect_opts[] = {
	{ .name = "format", .letter = 'f', .kind = OPT_STR, .arg = "TEMPLATE", .offset = offsetof(struct inspect_args, format),
	  .help = "json, or a template such as '{{.State}}'" },
	{ .name = "latest", .letter = 'l', .kind = OPT_BOOL, .offset = offsetof(struct inspect_args, latest), .help = "The newest" },
	{ 0 }
};

/* podman's way: one pod is an object, several are a list, none is an empty one. */
static int inspect(struct verb_call *c, struct dv_err *e)
{
	const struct inspect_args *x = c->args;
	const struct pod_refs which = { .latest = x->latest };
	struct json *list = json_new_array(c->arena), *j = NULL;
	auto_engine struct engine *g = NULL;
	const char **v = NULL;
	struct pod *p = NULL;
	int status = 0, r;

	if ((r = cli_engine(c, &g, e)) < 0 || (r = pod_refs(c, g, &which, &v, e)) < 0)
		return r;
	for (; *v; v++) {
		if ((r = pod_get(g, c->arena, *v, &p, e)) >= 0 && (r = pod_inspect(g, c->arena, p, &j, e)) >= 0 && x->format)
			r = cli_show(c, x->format, j, e);
		if (r < 0)
			status = pod_failed(c, e);
		else if (!x->format)
			json_append(c->arena, list, j);
	}
	if (!x->format)
		printf("%s\n", json_text(c->arena, json_len(list) == 1 ? json_at(list, 0) : list, JSON_PRETTY));
	return status;
}

static int inspect_run(struct verb_call *c, struct dv_err *e)
{
	int r = inspect(c, e);

	return r < 0 ? pod_failed(c, e) : r;
}

static const char *const inspect_examples[] = { "davit pod inspect web", "davit pod inspect -f '{{.State}}' web", NULL };
const struct verb verb_pod_inspect = {
	.name = "inspect", .operands = "[POD...]", .operands_max = UINT32_MAX, .summary = "Show everything about pods",
	.examples = inspect_examples, .opts = inspect_opts, .args_size = sizeof(struct inspect_args), .run = inspect_run,
};
