/* update.c - update: flags become linux.resources, or a file holds them. */
#include <fcntl.h>

#include "base/fd.h"
#include "base/str.h"
#include "ocicli/ocicli.h"

struct update_args {
	const char *resources;
	struct opt_int ints[24];
	const char *strs[6];
};

/* Each flag is a place in linux.resources. */
#define INT(i, n, k, fl, what) \
	{ .name = n, .kind = k, .flags = fl, .arg = "N", .offset = offsetof(struct update_args, ints[i]), .help = what }
#define STR(i, n, what) \
	{ .name = n, .kind = OPT_STR, .arg = "TEXT", .offset = offsetof(struct update_args, strs[i]), .help = what }

static const struct opt opts[] = {
	{ .name = "resources", .letter = 'r', .kind = OPT_STR, .arg = "FILE",
	  .offset = offsetof(struct update_args, resources),
	  .help = "Read a linux.resources object from this file (- is stdin)" },
	INT(0, "blkio-weight", OPT_U64, 0, "Block I/O weight, 10 to 1000"),
	INT(1, "cpu-period", OPT_U64, 0, "CPU period in microseconds"),
	INT(2, "cpu-quota", OPT_I64, 0, "CPU time per period in microseconds, -1 for no limit"),
	INT(3, "cpu-share", OPT_U64, 0, "CPU shares"),
	INT(3, "cpu-shares", OPT_U64, OPT_HIDDEN, "CPU shares"),
	INT(4, "cpu-rt-period", OPT_U64, 0, "Period of real-time CPU in microseconds"),
	INT(5, "cpu-rt-runtime", OPT_I64, 0, "Real-time CPU time per period in microseconds"),
	INT(6, "cpu-burst", OPT_U64, 0, "CPU burst in microseconds"),
	INT(7, "cpu-idle", OPT_I64, 0, "1 makes the container idle class"),
	INT(8, "memory", OPT_BYTES, OPT_MINUS_ONE, "Memory limit in bytes (512m), -1 for none"),
	INT(9, "memory-reservation", OPT_BYTES, OPT_MINUS_ONE, "Soft memory limit"),
	INT(10, "memory-swap", OPT_BYTES, OPT_MINUS_ONE, "Limit of memory and swap, -1 for none"),
	INT(11, "kernel-memory", OPT_BYTES, OPT_MINUS_ONE, "Kernel memory limit"),
	INT(12, "kernel-memory-tcp", OPT_BYTES, OPT_MINUS_ONE, "Kernel memory limit of TCP buffers"),
	INT(13, "pids-limit", OPT_I64, 0, "Limit of processes, -1 for none"),
	STR(0, "cpuset-cpus", "CPUs that may be used (0-3,7)"),
	STR(1, "cpuset-mems", "Memory nodes that may be used"),
	STR(2, "l3-cache-schema", "Intel RDT: schema of the L3 cache"),
	STR(3, "mem-bw-schema", "Intel RDT: schema of the memory bandwidth"),
	{ 0 }
};

static const char *const int_paths[] = {
	"blockIO.weight",     "cpu.period",        "cpu.quota",     "cpu.shares",
	"cpu.realtimePeriod", "cpu.realtimeRuntime", "cpu.burst",   "cpu.idle",
	"memory.limit",       "memory.reservation", "memory.swap",  "memory.kernel",
	"memory.kernelTCP",   "pids.limit",
};
static const char *const str_paths[] = { "cpu.cpus", "cpu.mems" };

static struct json *resources_of_flags(struct arena *a, const struct update_args *u)
{
	struct json *j = json_new_object(a);

	for (size_t i = 0; i < ARRAY_LEN(int_paths); i++)
		if (u->ints[i].set)
			json_set_path(a, j, int_paths[i], json_new_i64(a, u->ints[i].v));
	for (size_t i = 0; i < ARRAY_LEN(str_paths); i++)
		if (u->strs[i])
			json_set_path(a, j, str_paths[i], json_new_str(a, u->strs[i]));
	return j;
}

static int resources_of_file(struct arena *a, const char *name, struct json **ret, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);
	int r;

	if (!streq(name, "-"))
		return json_parse_file(a, AT_FDCWD, name, ret, e);
	if ((r = fd_read_to(0, &b, "stdin", e)) < 0)
		return r;
	r = json_parse(a, buf_cstr(&b), b.len, ret, e);
	return r < 0 ? dv_wrap(e, "stdin") : 0;
}

static int run(struct verb_call *c, struct dv_err *e)
{
	const struct update_args *u = c->args;
	auto_container struct container box = CONTAINER_NONE;
	struct json *j = NULL;
	int r;

	if (u->strs[2] || u->strs[3])
		return dv_fail(e, DV_UNSUPPORTED, "update of Intel RDT schemata is not supported");
	if (u->resources) {
		if ((r = resources_of_file(c->arena, u->resources, &j, e)) < 0)
			return r;
	} else {
		j = resources_of_flags(c->arena, u);
	}
	if ((r = oci_open(c, true, &box, e)) < 0)
		return r;
	return container_update(c->arena, &box, j, e);
}

static const char *const examples[] = { "davit-oci update --memory 512m --pids-limit 100 web",
					"davit-oci update -r limits.json web", NULL };
const struct verb verb_update = {
	.name = "update", .operands = "CONTAINER", .operands_min = 1, .operands_max = 1,
	.summary = "Change the limits of a container", .examples = examples, .opts = opts,
	.args_size = sizeof(struct update_args), .run = run,
};
