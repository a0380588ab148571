/* exec.c - exec: one more process in a container that runs. */
#include "cli/cli.h"
#include "engine/attach.h"
#include "engine/exec.h"

struct exec_args {
	bool interactive, tty, detach, privileged, latest;
	const char *user, *workdir, *detach_keys;
	struct opt_strs env, env_files;
};

#define A(member) offsetof(struct exec_args, member)
static const struct opt opts[] = {
	{ .name = "interactive", .letter = 'i', .kind = OPT_BOOL, .offset = A(interactive),
	  .help = "Give it our standard input" },
	{ .name = "tty", .letter = 't', .kind = OPT_BOOL, .offset = A(tty), .help = "Give it a terminal" },
	{ .name = "detach", .letter = 'd', .kind = OPT_BOOL, .offset = A(detach), .help = "Do not wait for its end" },
	{ .name = "env", .letter = 'e', .kind = OPT_STRS, .arg = "K[=V]", .offset = A(env),
	  .help = "Set an environment variable, without =V to our own value" },
	{ .name = "env-file", .kind = OPT_STRS, .arg = "FILE", .offset = A(env_files),
	  .help = "Read environment variables from a file, one a line" },
	{ .name = "user", .letter = 'u', .kind = OPT_STR, .arg = "USER[:GROUP]", .offset = A(user),
	  .help = "Names of the container's passwd and group files, or numbers" },
	{ .name = "workdir", .letter = 'w', .kind = OPT_STR, .arg = "DIR", .offset = A(workdir),
	  .help = "Working directory in the container" },
	{ .name = "privileged", .kind = OPT_BOOL, .offset = A(privileged), .help = "All capabilities" },
	{ .name = "detach-keys", .kind = OPT_STR, .arg = "KEYS", .offset = A(detach_keys),
	  .help = "What to type to leave it (default " DETACH_KEYS_DEFAULT ")" },
	CLI_LATEST(A(latest)),
	{ 0 }
};

/* Failures have exit statuses of their own, so they are told here. */
static int run(struct verb_call *c, struct dv_err *e)
{
	const struct exec_args *x = c->args;
	struct exec_request q = { .env = x->env.v, .env_files = x->env_files.v, .user = x->user, .workdir = x->workdir,
				  .interactive = x->interactive, .tty = x->tty, .detach = x->detach,
				  .privileged = x->privileged, .detach_keys = x->detach_keys };
	auto_engine struct engine *g = NULL;
	int status = 1, r = engine_protect(e);

	if (r >= 0)
		r = cli_engine(c, &g, e);
	q.container = c->operands[0];
	q.args = c->operands + 1;
	if (r >= 0)
		r = engine_exec(g, c->arena, &q, &status, e);
	if (r >= 0)
		return r;
	cli_complain(c, e);
	return status;
}

static const char *const examples[] = {
	"davit exec box ps", "davit exec -it box sh", "davit exec -u web -w /srv -e DEBUG=1 box ./report", NULL
};
const struct verb verb_exec = {
	.name = "exec", .operands = "CONTAINER COMMAND [ARG...]", .operands_min = 2, .operands_max = UINT32_MAX,
	.summary = "Run a command in a container that runs",
	.description = "The command has the environment, user, directory, capabilities, limits and filter of the container's "
		       "own process, where the flags do not say otherwise. The exit status is the command's own, 128 + N when "
		       "signal N ended it, 126 when it cannot be run, 127 when it is not found and 1 for failures of davit.",
	.examples = examples, .opts = opts, .args_size = sizeof(struct exec_args), .stop_at_operand = true, .run = run,
};
