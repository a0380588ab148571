/* update.c - update: other limits for containers that are there. */
#include <stdio.h>

#include "cli/ctr_opts.h"
#include "engine/update.h"

static const struct opt opts[] = {
	CTR_ROW(BYTES, "memory",             'm', memory,             "BYTES", "Limit of memory")
	CTR_BYTES_OR_NONE("memory-swap", memory_swap, "Limit of memory and swap together, -1 for none")
	CTR_ROW(BYTES, "memory-reservation", 0,   memory_reservation, "BYTES", "What it is pressed down to when memory is short")
	CTR_ROW(STR,   "cpus",               0,   cpus,               "N",     "Limit of processor time: 0.5 is half of one")
	CTR_ROW(I64,   "cpu-shares",         'c', cpu_shares,         "N",     "Its weight when processors are short")
	CTR_ROW(I64,   "cpu-period",         0,   cpu_period,         "USEC",  "Limit of processor time, by hand: quota in each period")
	CTR_ROW(I64,   "cpu-quota",          0,   cpu_quota,          "USEC",  "See --cpu-period")
	CTR_ROW(I64,   "cpu-rt-period",      0,   cpu_rt_period,      "USEC",  "The same for processes of real-time priority")
	CTR_ROW(I64,   "cpu-rt-runtime",     0,   cpu_rt_runtime,     "USEC",  "See --cpu-rt-period")
	CTR_ROW(STR,   "cpuset-cpus",        0,   cpuset_cpus,        "LIST",  "Processors it may run on: 0-3,7")
	CTR_ROW(STR,   "cpuset-mems",        0,   cpuset_mems,        "LIST",  "Memory nodes it may use")
	CTR_ROW(I64,   "pids-limit",         0,   pids,               "N",     "Limit of processes, -1 for none")
	CTR_ROW(I64,   "blkio-weight",       0,   blkio_weight,       "N",     "Its weight when disks are busy, 10 to 1000")
	CTR_ROW(STR,   "restart",            0,   restart,            "POLICY", "no, on-failure[:N], always or unless-stopped")
	{ 0 }
};

static int run(struct verb_call *c, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	struct run_request q = ctr_request(c);
	int status = 0, r = cli_engine(c, &g, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < c->n_operands; i++) {
		if (engine_update(g, c->arena, c->operands[i], &q, e) >= 0) {
			printf("%s\n", c->operands[i]);
			continue;
		}
		cli_complain(c, e);
		status = 1;
	}
	return status;
}

static const char *const examples[] = { "davit update -m 256m --memory-swap 512m web", "davit update --restart always web db", NULL };
const struct verb verb_update = {
	.name = "update", .operands = "CONTAINER...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Change the limits of containers",
	.description = "What is given holds at once for a container that runs, and for each start that follows; a restart "
		       "policy from the next start.",
	.examples = examples, .opts = opts, .args_size = sizeof(struct ctr_args), .run = run,
};
