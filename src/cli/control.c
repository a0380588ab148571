/* control.c - kill, stop, pause, unpause, wait and rename: one call for each container that is named. */
#include <stdio.h>

#include "cli/cli.h"
#include "engine/control.h"

/* One of several operands; prints what docker prints. */
typedef int each_fn(struct verb_call *c, struct engine *g, const char *ref, struct dv_err *e);

static int for_each(struct verb_call *c, each_fn *each, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	int status = 0, r = cli_engine(c, &g, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < c->n_operands; i++)
		if (each(c, g, c->operands[i], e) < 0) {
			cli_complain(c, e);
			status = 1;
		}
	return status;
}

static int done(const char *ref, int r)
{
	if (r >= 0)
		printf("%s\n", ref);
	return r;
}

/* --- kill --- */

struct kill_args {
	const char *signal;
	bool latest;
};
static const struct opt kill_opts[] = {
	{ .name = "signal", .letter = 's', .kind = OPT_STR, .arg = "SIGNAL", .offset = offsetof(struct kill_args, signal),
	  .help = "Signal by name or number (default KILL)" },
	CLI_LATEST(offsetof(struct kill_args, latest)),
	{ 0 }
};

static int kill_one(struct verb_call *c, struct engine *g, const char *ref, struct dv_err *e)
{
	const struct kill_args *x = c->args;

	return done(ref, control_kill(g, c->arena, ref, x->signal, e));
}

static int kill_run(struct verb_call *c, struct dv_err *e)
{
	return for_each(c, kill_one, e);
}

static const char *const kill_examples[] = { "davit kill box", "davit kill -s HUP web", NULL };
const struct verb verb_kill = {
	.name = "kill", .operands = "CONTAINER...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Send a signal to containers", .examples = kill_examples, .opts = kill_opts,
	.args_size = sizeof(struct kill_args), .run = kill_run,
};

/* --- stop --- */

struct stop_args {
	struct opt_int seconds;
	bool latest;
};
static const struct opt stop_opts[] = {
	{ .name = "time", .letter = 't', .kind = OPT_I64, .arg = "SECONDS", .offset = offsetof(struct stop_args, seconds),
	  .help = "How long to wait before it is killed, -1 for ever (default: its --stop-timeout, or 10)" },
	{ .name = "timeout", .kind = OPT_I64, .flags = OPT_HIDDEN, .arg = "SECONDS", .offset = offsetof(struct stop_args, seconds),
	  .help = "The same" },
	CLI_LATEST(offsetof(struct stop_args, latest)),
	{ 0 }
};

static int stop_one(struct verb_call *c, struct engine *g, const char *ref, struct dv_err *e)
{
	const struct stop_args *x = c->args;
	int64_t seconds = x->seconds.set ? x->seconds.v : CONTROL_STOP_OWN;

	if (seconds < CONTROL_STOP_OWN || (x->seconds.set && seconds < -1) || seconds > 1000000)
		return dv_fail(e, DV_INVALID, "--time: %lld is no number of seconds", (long long)seconds);
	return done(ref, control_stop(g, c->arena, ref, (int)seconds, e));
}

static int stop_run(struct verb_call *c, struct dv_err *e)
{
	return for_each(c, stop_one, e);
}

static const char *const stop_examples[] = { "davit stop web", "davit stop -t 1 web db", NULL };
const struct verb verb_stop = {
	.name = "stop", .operands = "CONTAINER...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Stop containers that run",
	.description = "Sends the container's stop signal (TERM unless its image says otherwise), waits, and kills what has "
		       "not ended by then. Containers that do not run are left as they are.",
	.examples = stop_examples, .opts = stop_opts, .args_size = sizeof(struct stop_args), .run = stop_run,
};

/* --- pause, unpause, wait --- */

struct names_args {
	bool latest;
};
static const struct opt names_opts[] = { CLI_LATEST(offsetof(struct names_args, latest)), { 0 } };

static int pause_one(struct verb_call *c, struct engine *g, const char *ref, struct dv_err *e)
{
	return done(ref, control_pause(g, c->arena, ref, e));
}

static int pause_run(struct verb_call *c, struct dv_err *e)
{
	return for_each(c, pause_one, e);
}

static int unpause_one(struct verb_call *c, struct engine *g, const char *ref, struct dv_err *e)
{
	return done(ref, control_unpause(g, c->arena, ref, e));
}

static int unpause_run(struct verb_call *c, struct dv_err *e)
{
	return for_each(c, unpause_one, e);
}

static const char *const pause_examples[] = { "davit pause box", NULL }, *const unpause_examples[] = { "davit unpause box", NULL };
const struct verb verb_pause = {
	.name = "pause", .operands = "CONTAINER...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Hold all processes of containers", .examples = pause_examples, .opts = names_opts,
	.args_size = sizeof(struct names_args), .run = pause_run,
};
const struct verb verb_unpause = {
	.name = "unpause", .operands = "CONTAINER...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Let the processes of containers go on", .examples = unpause_examples, .opts = names_opts,
	.args_size = sizeof(struct names_args), .run = unpause_run,
};

static int wait_one(struct verb_call *c, struct engine *g, const char *ref, struct dv_err *e)
{
	int code, r = control_wait(g, c->arena, ref, &code, e);

	if (r < 0)
		return r;
	if (code < 0)
		return dv_fail(e, DV_UNAVAILABLE, "the exit status of %.300s is unknown", ref);
	printf("%d\n", code);
	return 0;
}

static int wait_run(struct verb_call *c, struct dv_err *e)
{
	return for_each(c, wait_one, e);
}

static const char *const wait_examples[] = { "davit wait box", NULL };
const struct verb verb_wait = {
	.name = "wait", .operands = "CONTAINER...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Wait for the end of containers and print their exit statuses", .examples = wait_examples,
	.opts = names_opts, .args_size = sizeof(struct names_args), .run = wait_run,
};

/* --- rename --- */

static int rename_run(struct verb_call *c, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	int r = cli_engine(c, &g, e);

	return r < 0 ? r : control_rename(g, c->arena, c->operands[0], c->operands[1], e);
}

static const char *const rename_examples[] = { "davit rename eager_davit web", NULL };
const struct verb verb_rename = {
	.name = "rename", .operands = "CONTAINER NAME", .operands_min = 2, .operands_max = 2,
	.summary = "Give a container another name", .examples = rename_examples, .run = rename_run,
};
