/* secret.c - secret create, ls, inspect, rm, exists. */
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/cli.h"
#include "engine/secret.h"
#include "ui/template.h"

struct secret_args {
	bool quiet, replace, all;
	const char *format, *driver;
};
#define A(member) offsetof(struct secret_args, member)

static int create_run(struct verb_call *c, struct dv_err *e)
{
	const struct secret_args *x = c->args;
	bool in = c->n_operands < 2 || streq(c->operands[1], "-");
	auto_engine struct engine *g = NULL;
	auto_close int fd = -1;
	struct secret s;
	int r = in ? fd_dup(STDIN_FILENO, &fd, e) : file_open(AT_FDCWD, c->operands[1], O_RDONLY, 0, &fd, e);

	if (r < 0 || (r = cli_engine(c, &g, e)) < 0 || (r = secret_create(g, c->arena, c->operands[0], fd, x->replace, &s, e)) < 0)
		return r;
	printf("%s\n", s.id);
	return 0;
}
static const struct opt create_opts[] = {
	{ .name = "replace", .kind = OPT_BOOL, .offset = A(replace), .help = "Take the place of one that is there" },
	{ 0 }
};
static const struct verb verb_create = {
	.name = "create", .operands = "NAME [FILE|-]", .operands_min = 1, .operands_max = 2, .summary = "Make a secret of a file",
	.opts = create_opts, .args_size = sizeof(struct secret_args), .run = create_run,
};

static struct json *shown(struct arena *a, const struct secret *s)
{
	return json_obj(a, "ID", json_new_str(a, s->id), "Name", json_new_str(a, s->name), "Driver", json_new_str(a, "file"), "CreatedAt",
			json_new_str(a, human_time(a, s->created_s)), "Spec", json_obj(a, "Name", json_new_str(a, s->name), NULL), NULL);
}

static int ls_run(struct verb_call *c, struct dv_err *e)
{
	const struct secret_args *x = c->args;
	struct arena *a = c->arena;
	struct json *rows = json_new_array(a);
	struct json *headers = json_obj(a, "ID", json_new_str(a, "ID"), "Name", json_new_str(a, "NAME"), "Driver", json_new_str(a, "DRIVER"),
					"CreatedAt", json_new_str(a, "CREATED"), NULL);
	auto_engine struct engine *g = NULL;
	struct secret_list l;
	int r;

	if ((r = cli_engine(c, &g, e)) < 0 || (r = secret_list(g, a, &l, e)) < 0)
		return r;
	for (size_t i = 0; i < l.n; i++)
		json_append(a, rows, shown(a, &l.v[i]));
	return format_rows(a, x->format ? x->format : x->quiet ? "{{.ID}}" : "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.CreatedAt}}", headers,
			   rows, stdout, false, e);
}
static const struct opt ls_opts[] = {
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = A(quiet), .help = "Only ids" },
	{ .name = "format", .kind = OPT_STR, .arg = "TEMPLATE", .offset = A(format), .help = "json, or a template such as '{{.Name}}'" },
	{ 0 }
};
static const char *const ls_aliases[] = { "list", NULL };
static const struct verb verb_ls = {
	.name = "ls", .aliases = ls_aliases, .summary = "List secrets", .opts = ls_opts, .args_size = sizeof(struct secret_args), .run = ls_run,
};

static int find(struct engine *g, struct arena *a, const char *ref, struct json **ret, struct dv_err *e)
{
	struct secret s;
	int r = secret_find(g, a, ref, &s, e);

	if (r >= 0)
		*ret = shown(a, &s);
	return r;
}

static int inspect_run(struct verb_call *c, struct dv_err *e)
{
	const struct secret_args *x = c->args;

	return cli_inspect_all(c, x->format, find, e);
}
static const struct opt inspect_opts[] = {
	{ .name = "format", .letter = 'f', .kind = OPT_STR, .arg = "TEMPLATE", .offset = A(format), .help = "json, or a template such as '{{.Spec.Name}}'" },
	{ 0 }
};
static const struct verb verb_inspect_secret = {
	.name = "inspect", .operands = "SECRET...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Show what is known of secrets, but not their content", .opts = inspect_opts, .args_size = sizeof(struct secret_args),
	.run = inspect_run,
};

static int rm_run(struct verb_call *c, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	int status = 0, r = cli_engine(c, &g, e);

	for (size_t i = 0; r >= 0 && i < c->n_operands; i++) {
		if (secret_remove(g, c->operands[i], e) >= 0) {
			printf("%s\n", c->operands[i]);
			continue;
		}
		cli_complain(c, e);
		status = 1;
	}
	return r < 0 ? r : status;
}
static const struct verb verb_rm_secret = {
	.name = "rm", .operands = "SECRET...", .operands_min = 1, .operands_max = UINT32_MAX, .summary = "Remove secrets", .run = rm_run,
};

static int exists_run(struct verb_call *c, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	struct secret s;
	int r = cli_engine(c, &g, e);

	if (r >= 0)
		r = secret_find(g, c->arena, c->operands[0], &s, e);
	return r == -DV_NOT_FOUND ? 1 : r;
}
static const struct verb verb_exists = {
	.name = "exists", .operands = "SECRET", .operands_min = 1, .operands_max = 1,
	.summary = "Whether there is such a secret: exit status 0 or 1", .run = exists_run,
};

static const struct verb *const subs[] = { &verb_create, &verb_ls, &verb_inspect_secret, &verb_rm_secret, &verb_exists, NULL };
const struct verb verb_secret = { .name = "secret", .summary = "Commands for secrets", .subs = subs };
