/* run.c - run: its flags are one table. */
#include <unistd.h>

#include "cli/cli.h"
#include "engine/run.h"

struct run_args {
	bool rm, interactive, tty, read_only, privileged;
	const char *pull;
	bool quiet;
	const char *name, *hostname, *workdir, *user, *network, *entrypoint, *cpus;
	struct opt_strs env, env_files, volumes, tmpfs, labels, cap_add, cap_drop;
	struct opt_int memory, memory_swap, pids;
};

static const char *const pull_policies[] = { "always", "missing", "newer", "never", NULL };

#define A(member) offsetof(struct run_args, member)
static const struct opt opts[] = {
	{ .name = "rm", .kind = OPT_BOOL, .offset = A(rm), .help = "Remove the container when it has ended" },
	{ .name = "pull", .kind = OPT_STR, .arg = "POLICY", .offset = A(pull), .values = pull_policies,
	  .help = "When to pull the image (default: missing)" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = A(quiet), .help = "Do not show how the pull goes" },
	{ .name = "interactive", .letter = 'i', .kind = OPT_BOOL, .offset = A(interactive),
	  .help = "Give it our standard input" },
	{ .name = "tty", .letter = 't', .kind = OPT_BOOL, .offset = A(tty), .help = "Give it a terminal" },
	{ .name = "env", .letter = 'e', .kind = OPT_STRS, .arg = "K[=V]", .offset = A(env),
	  .help = "Set an environment variable, without =V to our own value" },
	{ .name = "env-file", .kind = OPT_STRS, .arg = "FILE", .offset = A(env_files),
	  .help = "Read environment variables from a file, one a line" },
	{ .name = "volume", .letter = 'v', .kind = OPT_STRS, .arg = "SRC:DST[:OPTIONS]", .offset = A(volumes),
	  .help = "Mount SRC of the host at DST; options: ro, rw, rshared, rslave, rprivate" },
	{ .name = "tmpfs", .kind = OPT_STRS, .arg = "DST[:OPTIONS]", .offset = A(tmpfs),
	  .help = "Mount an empty file system in memory" },
	{ .name = "workdir", .letter = 'w', .kind = OPT_STR, .arg = "DIR", .offset = A(workdir),
	  .help = "Working directory in the container, made when missing" },
	{ .name = "user", .letter = 'u', .kind = OPT_STR, .arg = "USER[:GROUP]", .offset = A(user),
	  .help = "Names of the image's passwd and group files, or numbers" },
	{ .name = "name", .kind = OPT_STR, .arg = "NAME", .offset = A(name), .help = "Name of the container" },
	{ .name = "hostname", .letter = 'h', .kind = OPT_STR, .arg = "NAME", .offset = A(hostname),
	  .help = "Host name in the container (default: the start of its id)" },
	{ .name = "label", .letter = 'l', .kind = OPT_STRS, .arg = "K[=V]", .offset = A(labels), .help = "Set a label" },
	{ .name = "entrypoint", .kind = OPT_STR, .arg = "PROGRAM", .offset = A(entrypoint),
	  .help = "Instead of the image's entrypoint and command; \"\" for none" },
	{ .name = "memory", .letter = 'm', .kind = OPT_BYTES, .arg = "BYTES", .offset = A(memory),
	  .help = "Limit of memory" },
	{ .name = "memory-swap", .kind = OPT_BYTES, .flags = OPT_MINUS_ONE, .arg = "BYTES", .offset = A(memory_swap),
	  .help = "Limit of memory and swap together, -1 for none (default: twice the memory)" },
	{ .name = "cpus", .kind = OPT_STR, .arg = "N", .offset = A(cpus), .help = "Limit of processor time: 0.5 is half of one" },
	{ .name = "pids-limit", .kind = OPT_I64, .arg = "N", .offset = A(pids), .help = "Limit of processes, -1 for none" },
	{ .name = "read-only", .kind = OPT_BOOL, .offset = A(read_only), .help = "Mount the container's root read-only" },
	{ .name = "network", .kind = OPT_STR, .arg = "none|host", .offset = A(network),
	  .help = "none: only loopback (the default for now), host: the host's" },
	{ .name = "net", .kind = OPT_STR, .flags = OPT_HIDDEN, .arg = "none|host", .offset = A(network), .help = "The same" },
	{ .name = "cap-add", .kind = OPT_STRS, .arg = "CAP", .offset = A(cap_add), .help = "Add a capability, or ALL" },
	{ .name = "cap-drop", .kind = OPT_STRS, .arg = "CAP", .offset = A(cap_drop), .help = "Drop a capability, or ALL" },
	{ .name = "privileged", .kind = OPT_BOOL, .offset = A(privileged),
	  .help = "All capabilities and devices, no seccomp filter, nothing hidden" },
	{ 0 }
};

static struct run_request request(const struct verb_call *c)
{
	const struct run_args *x = c->args;

	return (struct run_request){
		.image = c->operands[0], .args = c->operands + 1, .name = x->name, .hostname = x->hostname,
		.workdir = x->workdir, .user = x->user, .network = x->network, .entrypoint = x->entrypoint, .env = x->env.v,
		.env_files = x->env_files.v, .volumes = x->volumes.v, .tmpfs = x->tmpfs.v, .labels = x->labels.v,
		.cap_add = x->cap_add.v, .cap_drop = x->cap_drop.v, .memory = x->memory.v,
		.memory_swap = x->memory_swap.v, .cpus = x->cpus, .pids = x->pids.v, .rm = x->rm,
		.interactive = x->interactive, .tty = x->tty, .read_only = x->read_only, .privileged = x->privileged,
	};
}

/* Failures have exit statuses of their own, so they are told here. */
static int run(struct verb_call *c, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	struct run_request q = request(c);
	int status = 125, r;

	r = engine_protect(e);
	if (r >= 0)
		r = cli_engine(c, &g, e);
	if (r >= 0)
		r = cli_want_image(c, engine_images(g), q.image, ((struct run_args *)c->args)->pull,
				   ((struct run_args *)c->args)->quiet, e);
	if (r >= 0)
		r = engine_run(g, c->arena, &q, &status, e);
	if (r >= 0)
		return r;
	cli_complain(c, e);
	return status;
}

static const char *const examples[] = {
	"davit run --rm busybox echo hello", "davit run -it --name box busybox sh",
	"davit run --rm -v /srv/data:/data:ro -m 64m --cpus 0.5 busybox ls /data", NULL
};
const struct verb verb_run = {
	.name = "run",
	.operands = "IMAGE [COMMAND [ARG...]]",
	.operands_min = 1,
	.operands_max = UINT32_MAX,
	.summary = "Run a command in a new container",
	.description = "Makes a container of an image and waits for the end of its process, passing signals on. The exit "
		       "status is the process' own, 128 + N when signal N ended it, 125 for failures of davit itself, 126 "
		       "when the command cannot be run and 127 when it is not found.\n"
		       "There is no bridge network yet: without --network a container has loopback only.",
	.examples = examples,
	.opts = opts,
	.args_size = sizeof(struct run_args),
	.stop_at_operand = true,
	.run = run,
};
