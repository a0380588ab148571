/* info.c - version, info; one object through a template. */
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cli/cli.h"
#include "engine/inspect.h"
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

int cli_show(struct verb_call *c, const char *format, const struct json *j, struct dv_err *e)
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
		return cli_show(c, x->format,
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
		return cli_show(c, x->format, j, e);
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
