/* start.c - start, restart and attach. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/ctr_opts.h"
#include "engine/control.h"
#include "engine/start.h"

/* --- start --- */

struct start_args {
	bool attach, interactive, again, latest;
	const char *detach_keys, *sig_proxy;
};
#define A(member) offsetof(struct start_args, member)
#define FOLLOW_OPTS \
	{ .name = "detach-keys", .kind = OPT_STR, .arg = "KEYS", .offset = A(detach_keys), \
	  .help = "What to type to leave it (default " DETACH_KEYS_DEFAULT ")" }, \
	{ .name = "sig-proxy", .kind = OPT_STR, .flags = OPT_OPTIONAL, .arg = "BOOL", .offset = A(sig_proxy), .values = ctr_bools, \
	  .help = "Pass signals on to it (default true)" }, \
	CLI_LATEST(A(latest)),
static const struct opt start_opts[] = {
	{ .name = "attach", .letter = 'a', .kind = OPT_BOOL, .offset = A(attach), .help = "Show its output, and wait for its end" },
	{ .name = "interactive", .letter = 'i', .kind = OPT_BOOL, .offset = A(interactive), .help = "Give it our standard input" },
	FOLLOW_OPTS
	{ .name = "again", .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = A(again), .help = "By its restart policy" },
	{ 0 }
};

static struct start_request start_request(const struct verb_call *c, const char *ref)
{
	const struct start_args *x = c->args;

	return (struct start_request){ .container = ref, .attach = x->attach, .interactive = x->interactive, .again = x->again,
				       .no_sig_proxy = !ctr_bool(x->sig_proxy), .detach_keys = x->detach_keys };
}

static int start_all(struct verb_call *c, struct engine *g, struct dv_err *e)
{
	const struct start_args *x = c->args;
	int status = 0, one, r;

	for (size_t i = 0; i < c->n_operands; i++) {
		const struct start_request q = start_request(c, c->operands[i]);

		r = engine_start(g, c->arena, &q, &one, e);
		if (r < 0) {
			cli_complain(c, e);
			status = x->attach || x->interactive ? one : 1;
		} else if (x->attach || x->interactive) {
			status = r;
		} else {
			printf("%s\n", c->operands[i]);
		}
	}
	return status;
}

static int start_run(struct verb_call *c, struct dv_err *e)
{
	const struct start_args *x = c->args;
	auto_engine struct engine *g = NULL;
	int r;

	if ((x->attach || x->interactive) && c->n_operands > 1)
		return dv_fail(e, DV_INVALID, "you cannot start and attach multiple containers at once");
	if ((r = engine_protect(e)) < 0 || (r = cli_engine(c, &g, e)) < 0)
		return r;
	return start_all(c, g, e);
}

static const char *const start_examples[] = { "davit start web", "davit start -ai box", NULL };
const struct verb verb_start = {
	.name = "start", .operands = "CONTAINER...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Start containers that do not run",
	.description = "A container that runs already is left as it is. With --attach the exit status is that of its process.",
	.examples = start_examples, .opts = start_opts, .args_size = sizeof(struct start_args), .run = start_run,
};

/* --- attach --- */

struct attach_args {
	struct start_args s;
	bool no_stdin;
};
static const struct opt attach_opts[] = {
	FOLLOW_OPTS
	{ .name = "no-stdin", .kind = OPT_BOOL, .offset = offsetof(struct attach_args, no_stdin), .help = "Do not give it our standard input" },
	{ 0 }
};

static int attach_run(struct verb_call *c, struct dv_err *e)
{
	const struct attach_args *x = c->args;
	auto_engine struct engine *g = NULL;
	int status = 1, r = cli_engine(c, &g, e);
	struct start_request q = start_request(c, c->operands[0]);

	q.attach = true;
	q.interactive = !x->no_stdin;
	if (r >= 0)
		r = engine_attach(g, c->arena, q.container, &q, &status, e);
	if (r >= 0)
		return r;
	cli_complain(c, e);
	return status;
}

static const char *const attach_examples[] = { "davit attach box", "davit attach --no-stdin web", NULL };
const struct verb verb_attach = {
	.name = "attach", .operands = "CONTAINER", .operands_min = 1, .operands_max = 1,
	.summary = "Attach to a container that runs",
	.description = "Our input and output become the container's until it ends, or until the detach keys are typed in its "
		       "terminal. Several command lines may be attached; one that does not read its output holds the container back.",
	.examples = attach_examples, .opts = attach_opts, .args_size = sizeof(struct attach_args), .run = attach_run,
};

/* --- restart --- */

struct restart_args {
	struct opt_int seconds;
	bool latest;
};
static const struct opt restart_opts[] = {
	{ .name = "time", .letter = 't', .kind = OPT_I64, .arg = "SECONDS", .offset = offsetof(struct restart_args, seconds),
	  .help = "How long to wait before it is killed, -1 for ever (default: its --stop-timeout, or 10)" },
	{ .name = "timeout", .kind = OPT_I64, .flags = OPT_HIDDEN, .arg = "SECONDS", .offset = offsetof(struct restart_args, seconds),
	  .help = "The same" },
	CLI_LATEST(offsetof(struct restart_args, latest)),
	{ 0 }
};

static int restart_one(struct verb_call *c, struct engine *g, const char *ref, struct dv_err *e)
{
	const struct restart_args *x = c->args;
	int64_t seconds = x->seconds.set ? x->seconds.v : CONTROL_STOP_OWN;

	if (x->seconds.set && (seconds < -1 || seconds > 1000000))
		return dv_fail(e, DV_INVALID, "--time: %lld is no number of seconds", (long long)seconds);
	return engine_restart(g, c->arena, ref, (int)seconds, e);
}

static int restart_run(struct verb_call *c, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	int status = 0, r;

	if ((r = engine_protect(e)) < 0 || (r = cli_engine(c, &g, e)) < 0)
		return r;
	for (size_t i = 0; i < c->n_operands; i++) {
		if (restart_one(c, g, c->operands[i], e) >= 0) {
			printf("%s\n", c->operands[i]);
			continue;
		}
		cli_complain(c, e);
		status = 1;
	}
	return status;
}

static const char *const restart_examples[] = { "davit restart web", "davit restart -t 1 web", NULL };
const struct verb verb_restart = {
	.name = "restart", .operands = "CONTAINER...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Stop and start containers", .examples = restart_examples, .opts = restart_opts,
	.args_size = sizeof(struct restart_args), .run = restart_run,
};
