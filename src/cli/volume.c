/* volume.c - volume create, ls, inspect, rm, prune, exists, export, import. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "cli/cli.h"
#include "engine/events.h"
#include "engine/volume.h"
#include "ui/template.h"

/* "k=v" or "k" as an object of strings. */
static struct json *pairs(struct arena *a, const struct opt_strs *list)
{
	struct json *o = json_new_object(a);

	for (size_t i = 0; i < list->n; i++) {
		const char *eq = strchr(list->v[i], '=');

		json_set(a, o, eq ? arena_strn(a, list->v[i], (size_t)(eq - list->v[i])) : list->v[i], json_new_str(a, eq ? eq + 1 : ""));
	}
	return o;
}

/* --- create --- */

struct create_args {
	const char *driver, *name;
	struct opt_strs options, labels;
	bool ignore;
};
#define C(member) offsetof(struct create_args, member)
static const struct opt create_opts[] = {
	{ .name = "driver", .letter = 'd', .kind = OPT_STR, .arg = "DRIVER", .offset = C(driver), .help = "Only local is there" },
	{ .name = "opt", .letter = 'o', .kind = OPT_STRS, .arg = "K=V", .offset = C(options),
	  .help = "Option of the driver: type, device, o, as mount(8) has them" },
	{ .name = "label", .letter = 'l', .kind = OPT_STRS, .arg = "K[=V]", .offset = C(labels), .help = "Set a label" },
	{ .name = "name", .kind = OPT_STR, .flags = OPT_HIDDEN, .arg = "NAME", .offset = C(name), .help = "The same as the operand" },
	{ .name = "ignore", .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = C(ignore), .help = "One that exists is no error anyway" },
	{ 0 }
};

static int create_run(struct verb_call *c, struct dv_err *e)
{
	const struct create_args *x = c->args;
	const char *name = c->n_operands ? c->operands[0] : x->name;
	auto_engine struct engine *g = NULL;
	struct volume *v;
	int r;

	if (x->driver && !streq(x->driver, "local"))
		return dv_fail(e, DV_UNSUPPORTED, "there is no volume driver \"%.64s\", only local", x->driver);
	if ((r = cli_engine(c, &g, e)) < 0 ||
	    (r = volume_create(g, c->arena, name && *name ? name : NULL, pairs(c->arena, &x->labels), pairs(c->arena, &x->options), &v,
			       NULL, e)) < 0)
		return r;
	printf("%s\n", v->name);
	return 0;
}

static const char *const create_examples[] = {
	"davit volume create data", "davit volume create -o type=tmpfs -o device=tmpfs -o o=size=64m scratch",
	"davit volume create -o type=none -o device=/srv/data -o o=bind data", NULL
};
static const struct verb verb_create = {
	.name = "create", .operands = "[NAME]", .operands_max = 1, .summary = "Make a volume", .examples = create_examples,
	.opts = create_opts, .args_size = sizeof(struct create_args), .run = create_run,
};

/* --- filters --- */

struct want {
	const struct opt_strs *filters;
	struct engine *g;
	struct arena *a;
};

static bool has_label(const struct volume *v, struct arena *a, const char *want)
{
	const char *eq = strchr(want, '='), *key = eq ? arena_strn(a, want, (size_t)(eq - want)) : want;
	const char *value = json_str(json_get(v->labels, key));

	return value && (!eq || streq(value, eq + 1));
}

static int is_unused(const struct want *w, const struct volume *v, bool *ret, struct dv_err *e)
{
	const char **users;
	size_t n;
	int r = volume_users(w->g, w->a, v->name, &users, &n, e);

	if (r >= 0)
		*ret = n == 0;
	return r;
}

/* 1 when it matches. Names match when one of them does, everything else must. */
static int matches(const struct want *w, const struct volume *v, struct dv_err *e)
{
	bool names = false, named = false, unused;
	int r;

	for (size_t i = 0; i < w->filters->n; i++) {
		const char *text = w->filters->v[i], *value = strchr(text, '=') ? strchr(text, '=') + 1 : "";

		if (str_starts(text, "name=")) {
			names = true;
			named = named || strstr(v->name, value);
		} else if (str_starts(text, "label=") ? !has_label(v, w->a, value) :
			   str_starts(text, "label!=") ? has_label(v, w->a, value) :
			   str_starts(text, "driver=") ? !streq(value, "local") : false) {
			return 0;
		} else if (str_starts(text, "dangling=")) {
			if ((r = is_unused(w, v, &unused, e)) < 0)
				return r;
			if (unused != (streq(value, "true") || streq(value, "1")))
				return 0;
		}
	}
	return !names || named;
}

static int check_filters(const struct opt_strs *filters, const char *const *known, struct dv_err *e)
{
	for (size_t i = 0; i < filters->n; i++) {
		size_t k = 0;

		while (known[k] && !str_starts(filters->v[i], known[k]))
			k++;
		if (!known[k])
			return dv_fail(e, DV_INVALID, "invalid filter '%.100s'", filters->v[i]);
	}
	return 0;
}

/* --- ls --- */

struct ls_args {
	bool quiet;
	struct opt_strs filters;
	const char *format;
};
#define L(member) offsetof(struct ls_args, member)
static const struct opt ls_opts[] = {
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = L(quiet), .help = "Only names" },
	{ .name = "filter", .letter = 'f', .kind = OPT_STRS, .arg = "KEY=VALUE", .offset = L(filters),
	  .help = "dangling=true, driver=local, label=K[=V], name=PART" },
	{ .name = "format", .kind = OPT_STR, .arg = "TEMPLATE", .offset = L(format), .help = "table, json, or a template such as '{{.Name}}'" },
	{ 0 }
};

static const char *joined(struct arena *a, const struct json *labels)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);

	for (JSON_EACH(it, labels))
		buf_printf(&b, "%s%s=%s", b.len ? "," : "", json_iter_key(it), json_str(it.value) ? json_str(it.value) : "");
	return arena_str(a, buf_cstr(&b));
}

static struct json *ls_row(struct arena *a, const struct volume *v)
{
	return json_obj(a, "Availability", json_new_str(a, "N/A"), "Driver", json_new_str(a, "local"), "Group", json_new_str(a, "N/A"),
			"Labels", json_new_str(a, joined(a, v->labels)), "Links", json_new_str(a, "N/A"), "Mountpoint",
			json_new_str(a, v->mountpoint), "Name", json_new_str(a, v->name), "Scope", json_new_str(a, "local"), "Size",
			json_new_str(a, "N/A"), "Status", json_new_str(a, "N/A"), NULL);
}

static int ls_rows(struct verb_call *c, struct engine *g, struct json *rows, struct dv_err *e)
{
	const struct ls_args *x = c->args;
	const struct want w = { &x->filters, g, c->arena };
	struct volume_list list;
	int r = volume_list(g, c->arena, &list, e);

	for (size_t i = 0; r >= 0 && i < list.n; i++) {
		r = matches(&w, list.v[i], e);
		if (r > 0)
			json_append(c->arena, rows, ls_row(c->arena, list.v[i]));
	}
	return r;
}

static int ls_run(struct verb_call *c, struct dv_err *e)
{
	static const char *const known[] = { "dangling=", "driver=", "label=", "label!=", "name=", NULL };
	const struct ls_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct arena *a = c->arena;
	struct json *rows = json_new_array(a);
	struct json *headers = json_obj(a, "Driver", json_new_str(a, "DRIVER"), "Name", json_new_str(a, "VOLUME NAME"), "Scope",
					json_new_str(a, "SCOPE"), "Mountpoint", json_new_str(a, "MOUNTPOINT"), "Labels",
					json_new_str(a, "LABELS"), "Links", json_new_str(a, "LINKS"), "Size", json_new_str(a, "SIZE"), NULL);
	const char *format = x->format ? x->format : x->quiet ? "{{.Name}}" : "table";
	int r;

	if (streq(format, "table"))
		format = "table {{.Driver}}\t{{.Name}}";
	if ((r = check_filters(&x->filters, known, e)) < 0 || (r = cli_engine(c, &g, e)) < 0 || (r = ls_rows(c, g, rows, e)) < 0)
		return r;
	return format_rows(a, format, headers, rows, stdout, false, e);
}

static const char *const ls_aliases[] = { "list", NULL };
static const char *const ls_examples[] = { "davit volume ls", "davit volume ls -qf dangling=true", NULL };
static const struct verb verb_ls = {
	.name = "ls", .aliases = ls_aliases, .summary = "List volumes", .examples = ls_examples, .opts = ls_opts,
	.args_size = sizeof(struct ls_args), .run = ls_run,
};

/* --- inspect, exists --- */

struct inspect_args {
	const char *format;
};
static const struct opt inspect_opts[] = {
	{ .name = "format", .letter = 'f', .kind = OPT_STR, .arg = "TEMPLATE", .offset = offsetof(struct inspect_args, format),
	  .help = "json, or a template such as '{{.Mountpoint}}'" },
	{ 0 }
};

static int find(struct engine *g, struct arena *a, const char *ref, struct json **ret, struct dv_err *e)
{
	struct volume *v;
	int r = volume_find(g, a, ref, &v, e);

	if (r >= 0)
		*ret = volume_json(a, v);
	return r;
}

static int inspect_run(struct verb_call *c, struct dv_err *e)
{
	const struct inspect_args *x = c->args;

	return cli_inspect_all(c, x->format, find, e);
}

static const struct verb verb_inspect_volume = {
	.name = "inspect", .operands = "VOLUME...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Show everything about volumes", .opts = inspect_opts, .args_size = sizeof(struct inspect_args), .run = inspect_run,
};

static int exists_run(struct verb_call *c, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	struct volume *v;
	int r = cli_engine(c, &g, e);

	if (r >= 0)
		r = volume_find(g, c->arena, c->operands[0], &v, e);
	return r == -DV_NOT_FOUND ? 1 : r;
}

static const struct verb verb_exists = {
	.name = "exists", .operands = "VOLUME", .operands_min = 1, .operands_max = 1,
	.summary = "Whether there is such a volume: exit status 0 or 1", .run = exists_run,
};

/* --- rm, prune --- */

struct rm_args {
	bool force, all;
	struct opt_strs filters;
};
#define R(member) offsetof(struct rm_args, member)
static const struct opt rm_opts[] = {
	{ .name = "force", .letter = 'f', .kind = OPT_BOOL, .offset = R(force), .help = "One that is not there is no error" },
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = R(all), .help = "All that no container uses" },
	{ 0 }
};

static int rm_all(struct verb_call *c, struct engine *g, struct dv_err *e)
{
	struct volume_list list;
	int status = 0, r = volume_list(g, c->arena, &list, e);

	for (size_t i = 0; r >= 0 && i < list.n; i++) {
		if (volume_remove(g, c->arena, list.v[i]->name, e) >= 0) {
			printf("%s\n", list.v[i]->name);
		} else {
			cli_complain(c, e);
			status = 1;
		}
	}
	return r < 0 ? r : status;
}

static int rm_run(struct verb_call *c, struct dv_err *e)
{
	const struct rm_args *x = c->args;
	auto_engine struct engine *g = NULL;
	int status = 0, r;

	if (!x->all && !c->n_operands)
		return dv_fail(e, DV_INVALID, "\"davit volume rm\" requires at least 1 argument");
	if ((r = cli_engine(c, &g, e)) < 0)
		return r;
	if (x->all)
		return rm_all(c, g, e);
	for (size_t i = 0; i < c->n_operands; i++) {
		r = volume_remove(g, c->arena, c->operands[i], e);
		if (r >= 0 || (r == -DV_NOT_FOUND && x->force)) {
			printf("%s\n", c->operands[i]);
		} else {
			cli_complain(c, e);
			status = 1;
		}
	}
	return status;
}

static const char *const rm_aliases[] = { "remove", NULL };
static const struct verb verb_rm_volume = {
	.name = "rm", .aliases = rm_aliases, .operands = "VOLUME...", .operands_max = UINT32_MAX,
	.summary = "Remove volumes that no container uses", .opts = rm_opts, .args_size = sizeof(struct rm_args), .run = rm_run,
};

static const struct opt prune_opts[] = {
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = R(all), .help = "Also those with a name" },
	{ .name = "force", .letter = 'f', .kind = OPT_BOOL, .offset = R(force), .help = "Do not ask" },
	{ .name = "filter", .kind = OPT_STRS, .arg = "KEY=VALUE", .offset = R(filters), .help = "label=K[=V], label!=K[=V], all=true" },
	{ 0 }
};

int cli_volume_prune(struct verb_call *c, struct engine *g, bool all, const struct opt_strs *filters, uint64_t *bytes,
		     struct dv_err *e)
{
	const struct want w = { filters, g, c->arena };
	struct volume_list list;
	bool any = false;
	uint64_t before = *bytes;
	int r = volume_list(g, c->arena, &list, e);

	for (size_t i = 0; i < filters->n; i++)
		all = all || streq(filters->v[i], "all=true") || streq(filters->v[i], "all=1");
	for (size_t i = 0; r >= 0 && i < list.n; i++) {
		struct dv_err why = DV_ERR_NONE;
		uint64_t size = 0;

		if ((!all && !list.v[i]->anonymous) || (r = matches(&w, list.v[i], e)) <= 0)
			continue;
		dv_ignore(volume_usage(g, list.v[i]->name, &size, NULL));
		if (volume_remove(g, c->arena, list.v[i]->name, &why) < 0)
			continue;       /* a container has it */
		printf("%s%s\n", any ? "" : "Deleted Volumes:\n", list.v[i]->name);
		any = true;
		*bytes += size;
	}
	if (any)
		printf("\n");
	if (r >= 0)
		event_prune(g, "volume", *bytes - before);
	return r < 0 ? r : 0;
}

static int prune_run(struct verb_call *c, struct dv_err *e)
{
	static const char *const known[] = { "label=", "label!=", "all=", NULL };
	const struct rm_args *x = c->args;
	auto_engine struct engine *g = NULL;
	uint64_t bytes = 0;
	int r = check_filters(&x->filters, known, e);

	if (r < 0)
		return r;
	if (!x->force && !cli_confirm(x->all ? "This will remove all local volumes not used by at least one container." :
					       "This will remove anonymous local volumes not used by at least one container."))
		return 0;
	if ((r = cli_engine(c, &g, e)) < 0 || (r = cli_volume_prune(c, g, x->all, &x->filters, &bytes, e)) < 0)
		return r;
	printf("Total reclaimed space: %s\n", str_human(c->arena, bytes, false));
	return 0;
}

static const struct verb verb_prune = {
	.name = "prune", .summary = "Remove anonymous volumes that no container uses", .opts = prune_opts,
	.args_size = sizeof(struct rm_args), .run = prune_run,
};

/* --- export, import --- */

struct export_args {
	const char *output;
};
static const struct opt export_opts[] = {
	{ .name = "output", .letter = 'o', .kind = OPT_STR, .arg = "FILE", .offset = offsetof(struct export_args, output),
	  .help = "File to write instead of standard output" },
	{ 0 }
};

static int export_run(struct verb_call *c, struct dv_err *e)
{
	const struct export_args *x = c->args;
	auto_engine struct engine *g = NULL;
	auto_close int fd = -1;
	int r;

	if (!x->output && isatty(STDOUT_FILENO))
		return dv_fail(e, DV_INVALID, "cowardly refusing to save to a terminal: use -o FILE or redirect");
	if ((r = cli_engine(c, &g, e)) < 0)
		return r;
	if (!x->output)
		return volume_export(g, c->arena, c->operands[0], STDOUT_FILENO, "standard output", e);
	r = file_open(AT_FDCWD, x->output, O_WRONLY | O_CREAT | O_TRUNC, 0600, &fd, e);
	return r < 0 ? r : volume_export(g, c->arena, c->operands[0], fd, x->output, e);
}

static const struct verb verb_export_volume = {
	.name = "export", .operands = "VOLUME", .operands_min = 1, .operands_max = 1, .summary = "Write what a volume holds as a tar",
	.opts = export_opts, .args_size = sizeof(struct export_args), .run = export_run,
};

static int import_run(struct verb_call *c, struct dv_err *e)
{
	bool in = c->n_operands < 2 || streq(c->operands[1], "-");
	auto_engine struct engine *g = NULL;
	auto_close int fd = -1;
	int r = cli_engine(c, &g, e);

	if (r >= 0)
		r = in ? fd_dup(STDIN_FILENO, &fd, e) : file_open(AT_FDCWD, c->operands[1], O_RDONLY, 0, &fd, e);
	return r < 0 ? r : volume_import(g, c->arena, c->operands[0], fd, in ? "standard input" : c->operands[1], e);
}

static const struct verb verb_import_volume = {
	.name = "import", .operands = "VOLUME [FILE|-]", .operands_min = 1, .operands_max = 2,
	.summary = "Put what a plain tar has into a volume", .run = import_run,
};

/* --- all --- */

static const struct verb *const subs[] = {
	&verb_create, &verb_ls, &verb_inspect_volume, &verb_rm_volume, &verb_prune, &verb_exists, &verb_export_volume, &verb_import_volume, NULL
};
const struct verb verb_volume = { .name = "volume", .summary = "Commands for volumes", .subs = subs };
