/* cp.c - cp: files between containers and the host. */
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cli.h"
#include "engine/cp.h"

struct cp_args {
	bool archive, follow, quiet, pause, overwrite;
};
#define A(member) offsetof(struct cp_args, member)
static const struct opt opts[] = {
	{ .name = "archive", .letter = 'a', .kind = OPT_BOOL, .offset = A(archive), .help = "Owners as in the source, also on the host" },
	{ .name = "follow-link", .letter = 'L', .kind = OPT_BOOL, .offset = A(follow), .help = "Copy what SRC leads to, not the link" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = A(quiet), .help = "Nothing is shown anyway" },
	{ .name = "pause", .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = A(pause), .help = "Not needed" },
	{ .name = "overwrite", .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = A(overwrite), .help = "Accepted" },
	{ 0 }
};

/* CONTAINER:PATH, unless it begins as a path does; "-" is a stream. */
static struct cp_place parse(struct arena *a, const char *text)
{
	const char *colon = strchr(text, ':');

	if (streq(text, "-") || *text == '/' || *text == '.' || !colon || colon == text ||
	    memchr(text, '/', (size_t)(colon - text)))
		return (struct cp_place){ NULL, text };
	return (struct cp_place){ arena_strn(a, text, (size_t)(colon - text)), colon[1] ? colon + 1 : "/" };
}

static int run(struct verb_call *c, struct dv_err *e)
{
	const struct cp_args *x = c->args;
	struct cp_request q = { .from = parse(c->arena, c->operands[0]), .to = parse(c->arena, c->operands[1]), .stream = -1,
				.archive = x->archive, .follow = x->follow };
	auto_engine struct engine *g = NULL;
	bool in = !q.from.ctr && streq(q.from.path, "-"), out = !q.to.ctr && streq(q.to.path, "-");
	int r;

	if (!q.from.ctr && !q.to.ctr)
		return dv_fail(e, DV_INVALID, "must specify at least one container source");
	if (!*q.from.path || !*q.to.path)
		return dv_fail(e, DV_INVALID, "a path must not be empty");
	if (out && isatty(STDOUT_FILENO))
		return dv_fail(e, DV_INVALID, "cowardly refusing to write a tar to a terminal: redirect it");
	q.stream = in ? STDIN_FILENO : out ? STDOUT_FILENO : -1;
	if ((r = cli_engine(c, &g, e)) < 0)
		return r;
	return engine_cp(g, c->arena, &q, e);
}

static const char *const examples[] = {
	"davit cp box:/etc/hosts .", "davit cp site/. web:/usr/share/nginx/html", "davit cp box:/var/log - | tar -x", NULL
};
const struct verb verb_cp = {
	.name = "cp", .operands = "CONTAINER:SRC|SRC|- CONTAINER:DST|DST|-", .operands_min = 2, .operands_max = 2,
	.summary = "Copy files between containers and the host",
	.description = "SRC may be a file or a directory; \"SRC/.\" is what the directory has. When DST is a directory that is there, "
		       "the copy goes into it, else it becomes DST. \"-\" is a tar on standard input or output. The container may run, "
		       "or not; its links lead to places inside of it.",
	.examples = examples, .opts = opts, .args_size = sizeof(struct cp_args), .run = run,
};
