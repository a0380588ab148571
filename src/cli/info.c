/* info.c - version, info, inspect. */
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cli/cli.h"
#include "engine/inspect.h"
#include "engine/life.h"
#include "ui/template.h"

#define OUTPUT_MAX ((size_t)16 << 20)

struct format_args {
	const char *format;
};
static const struct opt format_opts[] = {
	{ .name = "format", .letter = 'f', .kind = OPT_STR, .arg = "TEMPLATE", .offset = offsetof(struct format_args, format),
	  .help = "json, or a template such as '{{.State.Status}}'" },
	{ 0 }
};

/* A template over one object, or the object itself. */
static int show(struct verb_call *c, const char *format, const struct json *j, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(OUTPUT_MAX);
	struct template *t;
	int r;

	if (streq(format, "json")) {
		json_write(&b, j, JSON_COMPACT);
	} else if ((r = template_parse(c->arena, format, TEMPLATE_STRICT, &t, e)) < 0 ||
		   (r = template_run(t, j, &b, e)) < 0) {
		return r;
	}
	buf_char(&b, '\n');
	if ((r = buf_check(&b, "output", e)) < 0)
		return r;
	fwrite(b.p, 1, b.len, stdout);
	return 0;
}

/* --- version --- */

static int version_run(struct verb_call *c, struct dv_err *e)
{
	const struct format_args *x = c->args;
	struct utsname u = { 0 };

	(void)uname(&u);
	if (x->format)
		return show(c, x->format,
			    json_obj(c->arena, "Version", json_new_str(c->arena, DAVIT_VERSION), "Os",
				     json_new_str(c->arena, u.sysname), "Arch", json_new_str(c->arena, u.machine),
				     "KernelVersion", json_new_str(c->arena, u.release), NULL), e);
	printf("Version:      %s\nOS/Arch:      %s/%s\nKernel:       %s\n", DAVIT_VERSION, u.sysname, u.machine, u.release);
	return 0;
}

const struct verb verb_version = {
	.name = "version", .summary = "Show versions", .opts = format_opts, .args_size = sizeof(struct format_args),
	.run = version_run,
};

/* --- info --- */

static int info_run(struct verb_call *c, struct dv_err *e)
{
	const struct format_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct json *j;
	int r;

	if ((r = cli_engine(c, &g, e)) < 0 || (r = inspect_info(g, c->arena, &j, e)) < 0)
		return r;
	if (x->format)
		return show(c, x->format, j, e);
	for (JSON_EACH(it, j)) {
		const char *text = json_str(it.value);

		printf("%s: %s\n", json_iter_key(it), text ? text : json_text(c->arena, it.value, JSON_COMPACT));
	}
	return 0;
}

const struct verb verb_info = {
	.name = "info", .summary = "Show what the engine has and where", .opts = format_opts,
	.args_size = sizeof(struct format_args), .run = info_run,
};

/* --- inspect --- */

static int inspect_one(struct engine *g, struct arena *a, const char *ref, struct json **ret, struct dv_err *e)
{
	struct ctr *c;
	int r = ctr_find(g, a, ref, &c, e);

	if (r >= 0)
		r = life_settle(g, a, c, e);
	if (r > 0 || r == -DV_NOT_FOUND)
		return dv_fail(e, DV_NOT_FOUND, "No such container: %.300s", ref);
	return r < 0 ? r : inspect_container(g, a, c, ret, e);
}

static int inspect_run(struct verb_call *c, struct dv_err *e)
{
	const struct format_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct json *list = json_new_array(c->arena), *j;
	int status = 0, r = cli_engine(c, &g, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < c->n_operands; i++) {
		r = inspect_one(g, c->arena, c->operands[i], &j, e);
		if (r >= 0 && x->format)
			r = show(c, x->format, j, e);
		else if (r >= 0)
			json_append(c->arena, list, j);
		if (r < 0) {
			cli_complain(c, e);
			status = 1;
		}
	}
	if (!x->format)
		printf("%s\n", json_text(c->arena, list, JSON_PRETTY));
	return status;
}

static const char *const inspect_examples[] = { "davit inspect box", "davit inspect -f '{{.State.Pid}}' box", NULL };
const struct verb verb_inspect = {
	.name = "inspect", .operands = "CONTAINER...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Show everything about containers", .examples = inspect_examples, .opts = format_opts,
	.args_size = sizeof(struct format_args), .run = inspect_run,
};
