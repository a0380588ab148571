/* export.c - export: the file system of a container as a tar. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
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

/* The file has no name until it is whole, so nothing is left of a command that is killed; where the file system cannot
 * do that it has another name until then. */
struct target {
	int dir, fd;
	char part[48];
	bool named;
};

static int target_open(struct target *t, const char *parent, struct dv_err *e)
{
	int r = file_open(AT_FDCWD, parent, O_PATH | O_DIRECTORY, 0, &t->dir, e);

	if (r < 0)
		return r;
	(void)snprintf(t->part, sizeof t->part, ".davit-export.%d", (int)getpid());
	if (file_open(t->dir, ".", O_TMPFILE | O_WRONLY, 0600, &t->fd, NULL) >= 0)
		return 0;
	r = file_open(t->dir, t->part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, &t->fd, e);
	t->named = r >= 0;
	return r;
}

static int target_finish(struct target *t, const char *name, struct dv_err *e)
{
	char from[32];

	(void)snprintf(from, sizeof from, "/proc/self/fd/%d", t->fd);
	if (!t->named && linkat(AT_FDCWD, from, t->dir, t->part, AT_SYMLINK_FOLLOW) < 0)
		return dv_fail_errno(e, errno, "%s", name);
	t->named = true;
	if (renameat(t->dir, t->part, t->dir, name) < 0)
		return dv_fail_errno(e, errno, "%s", name);
	t->named = false;
	return 0;
}

static void target_close(struct target *t)
{
	if (t->named)
		(void)unlinkat(t->dir, t->part, 0);
	fd_close(&t->fd);
	fd_close(&t->dir);
}

static int to_file(struct engine *g, struct arena *a, const char *ref, const char *path, struct dv_err *e)
{
	const char *slash = strrchr(path, '/');
	const char *parent = slash ? arena_strn(a, path, (size_t)(slash - path) + 1) : ".", *name = slash ? slash + 1 : path;
	struct target t = { .dir = -1, .fd = -1 };
	struct stat st;
	int r;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? dv_fail_errno(e, EISDIR, "%s", path) : to_device(g, a, ref, path, e);
	r = target_open(&t, parent, e);
	if (r < 0)
		(void)dv_wrap(e, "%s", path);
	else if ((r = engine_export(g, a, ref, t.fd, path, e)) >= 0)
		r = target_finish(&t, name, e);
	target_close(&t);
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
