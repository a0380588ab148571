/* run.c - run: its flags are those of ctr_opts.h. */
#include <stdio.h>

#include "cli/ctr_opts.h"
#include "engine/run.h"

static const struct opt opts[] = { CTR_OPTS CTR_OPTS_LIFE CTR_OPTS_RUN { 0 } };

static int on_started(void *ctx, const char *id, pid_t pid, struct dv_err *e)
{
	const struct verb_call *c = ctx;
	const struct ctr_args *x = c->args;
	char text[16];
	int r;

	(void)snprintf(text, sizeof text, "%d", (int)pid);
	if ((r = ctr_write_file(x->cidfile, id, e)) < 0 || (r = ctr_write_file(x->pidfile, text, e)) < 0)
		return r;
	if (x->detach)
		printf("%s\n", id);
	return 0;
}

/* Failures have exit statuses of their own, so they are told here. */
static int run(struct verb_call *c, struct dv_err *e)
{
	const struct ctr_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct run_request q = ctr_request(c);
	int status = 125, r;

	if ((r = ctr_check_cidfile(x->cidfile, e)) >= 0 && (r = engine_protect(e)) >= 0)
		r = cli_engine(c, &g, e);
	if (r >= 0)
		r = ctr_want_image(c, g, &q, e);
	if (r >= 0)
		r = ctr_want_pod(c, g, &q, e);
	if (r >= 0)
		r = engine_run(g, c->arena, &q, ctr_bool(x->sig_proxy), on_started, c, &status, e);
	if (r >= 0)
		return r;
	cli_complain(c, e);
	return status;
}

static const char *const examples[] = {
	"davit run --rm busybox echo hello", "davit run -d --restart always --name web busybox httpd -f", "davit run -it --name box busybox sh",
	"davit run --rm -v /srv/data:/data:ro -m 64m --cpus 0.5 busybox ls /data", NULL
};
const struct verb verb_run = {
	.name = "run",
	.operands = "IMAGE [COMMAND [ARG...]]",
	.operands_min = 1,
	.operands_max = UINT32_MAX,
	.summary = "Run a command in a new container",
	.description = "Makes a container of an image and waits for the end of its process, passing signals on; with -d it "
		       "prints the container's id instead. A container does not depend on its command line: when that is "
		       "killed, it runs on. The exit "
		       "status is the process' own, 128 + N when signal N ended it, 125 for failures of davit itself, 126 "
		       "when the command cannot be run and 127 when it is not found.",
	.examples = examples,
	.opts = opts,
	.args_size = sizeof(struct ctr_args),
	.stop_at_operand = true,
	.run = run,
};
