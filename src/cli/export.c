/* export.c - export: the file system of a container as a tar. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "cli/cli.h"
#include "engine/export.h"

struct export_args {
	const char *output;
};
static const struct opt opts[] = {
	{ .name = "output", .letter = 'o', .kind = OPT_STR, .arg = "FILE", .offset = offsetof(struct export_args, output),
	  .help = "File to write instead of standard output" },
	{ 0 }
};

/* A device or a pipe is written to as it is. */
static int to_device(struct engine *g, struct arena *a, const char *ref, const char *path, struct dv_err *e)
{
	auto_close int fd = -1;
	int r = file_open(AT_FDCWD, path, O_WRONLY | O_NOCTTY, 0, &fd, e);

	return r < 0 ? r : engine_export(g, a, ref, fd, path, e);
}

/* A file appears whole: under a name that is free until the end. */
static int to_file(struct engine *g, struct arena *a, const char *ref, const char *path, struct dv_err *e)
{
	const char *part = arena_printf(a, "%s.%d.part", path, (int)getpid());
	auto_close int fd = -1;
	struct stat st;
	int r;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? dv_fail_errno(e, EISDIR, "%s", path) : to_device(g, a, ref, path, e);
	r = file_open(AT_FDCWD, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, &fd, e);

	if (r < 0)
		return r;
	r = engine_export(g, a, ref, fd, path, e);
	if (r >= 0 && renameat(AT_FDCWD, part, AT_FDCWD, path) < 0)
		r = dv_fail_errno(e, errno, "%s", path);
	if (r < 0)
		(void)unlinkat(AT_FDCWD, part, 0);
	return r;
}

static int run(struct verb_call *c, struct dv_err *e)
{
	const struct export_args *x = c->args;
	auto_engine struct engine *g = NULL;
	int r;

	if (!x->output && isatty(STDOUT_FILENO))
		return dv_fail(e, DV_INVALID, "cowardly refusing to save to a terminal: use -o FILE or redirect");
	if ((r = cli_engine(c, &g, e)) < 0)
		return r;
	return x->output ? to_file(g, c->arena, c->operands[0], x->output, e) :
			   engine_export(g, c->arena, c->operands[0], STDOUT_FILENO, "standard output", e);
}

static const char *const examples[] = { "davit export -o box.tar box", "davit export box | davit import - box:saved", NULL };
const struct verb verb_export = {
	.name = "export", .operands = "CONTAINER", .operands_min = 1, .operands_max = 1,
	.summary = "Write the file system of a container as a tar",
	.description = "Everything below its root, without what is mounted on it. The container may run.",
	.examples = examples, .opts = opts, .args_size = sizeof(struct export_args), .run = run,
};
