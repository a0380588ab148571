/* create.c - create: what run makes, without its start. */
#include <stdio.h>

#include "cli/ctr_opts.h"
#include "engine/create.h"

static const struct opt opts[] = { CTR_OPTS CTR_OPTS_LIFE { 0 } };

static int run(struct verb_call *c, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	struct run_request q = ctr_request(c);
	const char *id = NULL;
	int r;

	if ((r = ctr_check_cidfile(q.cidfile, e)) < 0 || (r = cli_engine(c, &g, e)) < 0 || (r = ctr_want_image(c, g, &q, e)) < 0 ||
	    (r = ctr_want_pod(c, g, &q, e)) < 0 || (r = engine_create(g, c->arena, &q, &id, e)) < 0 || (r = ctr_write_file(q.cidfile, id, e)) < 0)
		return r;
	printf("%s\n", id);
	return 0;
}

static const char *const examples[] = { "davit create --name web -e PORT=80 busybox httpd -f", "davit start web", NULL };
const struct verb verb_ctr_create = {
	.name = "create",
	.operands = "IMAGE [COMMAND [ARG...]]",
	.operands_min = 1,
	.operands_max = UINT32_MAX,
	.summary = "Make a container without starting it",
	.description = "Takes the flags of run, and prints the container's id. `davit start` starts it.",
	.examples = examples,
	.opts = opts,
	.args_size = sizeof(struct ctr_args),
	.stop_at_operand = true,
	.run = run,
};
