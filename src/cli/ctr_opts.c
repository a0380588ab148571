/* ctr_opts.c - from the flags of run and create to a request. */
#include "cli/ctr_opts.h"

const char *const ctr_pull_policies[] = { "always", "missing", "newer", "never", NULL };

struct run_request ctr_request(const struct verb_call *c)
{
	const struct ctr_args *x = c->args;

	return (struct run_request){
		.image = c->operands[0], .args = c->operands + 1, .name = x->name, .hostname = x->hostname,
		.workdir = x->workdir, .user = x->user, .network = x->network, .entrypoint = x->entrypoint, .env = x->env.v,
		.env_files = x->env_files.v, .volumes = x->volumes.v, .tmpfs = x->tmpfs.v, .labels = x->labels.v,
		.cap_add = x->cap_add.v, .cap_drop = x->cap_drop.v, .memory = x->memory.v,
		.memory_swap = x->memory_swap.v, .cpus = x->cpus, .pids = x->pids.v, .rm = x->rm,
		.interactive = x->interactive, .tty = x->tty, .read_only = x->read_only, .privileged = x->privileged,
	};
}

int ctr_want_image(struct verb_call *c, struct engine *g, const struct run_request *q, struct dv_err *e)
{
	const struct ctr_args *x = c->args;

	return cli_want_image(c, engine_images(g), q->image, x->pull, x->quiet, e);
}
