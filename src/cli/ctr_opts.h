/* ctr_opts.h - the flags that run and create share: one list of rows, by theme. */
#pragma once

#include "cli/cli.h"
#include "engine/request.h"

/* A member for each field of the request, and what is of the command line alone. */
typedef const char *ctr_arg_str;
typedef struct opt_strs ctr_arg_strs;
typedef struct opt_int ctr_arg_i64;
typedef bool ctr_arg_bool;
#define CTR_ARG_(kind, member) ctr_arg_##kind member;
struct ctr_args {
	RUN_REQUEST(CTR_ARG_)
	const char *pull;
	bool quiet;
};

extern const char *const ctr_pull_policies[];

/* Rows of a `static const struct opt opts[]`. */
#define CTR_AT(member) offsetof(struct ctr_args, member)
#define CTR_OPTS \
	{ .name = "rm", .kind = OPT_BOOL, .offset = CTR_AT(rm), .help = "Remove the container when it has ended" }, \
	{ .name = "pull", .kind = OPT_STR, .arg = "POLICY", .offset = CTR_AT(pull), .values = ctr_pull_policies, \
	  .help = "When to pull the image (default: missing)" }, \
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = CTR_AT(quiet), .help = "Do not show how the pull goes" }, \
	{ .name = "interactive", .letter = 'i', .kind = OPT_BOOL, .offset = CTR_AT(interactive), \
	  .help = "Give it our standard input" }, \
	{ .name = "tty", .letter = 't', .kind = OPT_BOOL, .offset = CTR_AT(tty), .help = "Give it a terminal" }, \
	{ .name = "env", .letter = 'e', .kind = OPT_STRS, .arg = "K[=V]", .offset = CTR_AT(env), \
	  .help = "Set an environment variable, without =V to our own value" }, \
	{ .name = "env-file", .kind = OPT_STRS, .arg = "FILE", .offset = CTR_AT(env_files), \
	  .help = "Read environment variables from a file, one a line" }, \
	{ .name = "volume", .letter = 'v', .kind = OPT_STRS, .arg = "SRC:DST[:OPTIONS]", .offset = CTR_AT(volumes), \
	  .help = "Mount SRC of the host at DST; options: ro, rw, rshared, rslave, rprivate" }, \
	{ .name = "tmpfs", .kind = OPT_STRS, .arg = "DST[:OPTIONS]", .offset = CTR_AT(tmpfs), \
	  .help = "Mount an empty file system in memory" }, \
	{ .name = "workdir", .letter = 'w', .kind = OPT_STR, .arg = "DIR", .offset = CTR_AT(workdir), \
	  .help = "Working directory in the container, made when missing" }, \
	{ .name = "user", .letter = 'u', .kind = OPT_STR, .arg = "USER[:GROUP]", .offset = CTR_AT(user), \
	  .help = "Names of the image's passwd and group files, or numbers" }, \
	{ .name = "name", .kind = OPT_STR, .arg = "NAME", .offset = CTR_AT(name), .help = "Name of the container" }, \
	{ .name = "hostname", .letter = 'h', .kind = OPT_STR, .arg = "NAME", .offset = CTR_AT(hostname), \
	  .help = "Host name in the container (default: the start of its id)" }, \
	{ .name = "label", .letter = 'l', .kind = OPT_STRS, .arg = "K[=V]", .offset = CTR_AT(labels), .help = "Set a label" }, \
	{ .name = "entrypoint", .kind = OPT_STR, .arg = "PROGRAM", .offset = CTR_AT(entrypoint), \
	  .help = "Instead of the image's entrypoint and command; \"\" for none" }, \
	{ .name = "memory", .letter = 'm', .kind = OPT_BYTES, .arg = "BYTES", .offset = CTR_AT(memory), \
	  .help = "Limit of memory" }, \
	{ .name = "memory-swap", .kind = OPT_BYTES, .flags = OPT_MINUS_ONE, .arg = "BYTES", .offset = CTR_AT(memory_swap), \
	  .help = "Limit of memory and swap together, -1 for none (default: twice the memory)" }, \
	{ .name = "cpus", .kind = OPT_STR, .arg = "N", .offset = CTR_AT(cpus), .help = "Limit of processor time: 0.5 is half of one" }, \
	{ .name = "pids-limit", .kind = OPT_I64, .arg = "N", .offset = CTR_AT(pids), .help = "Limit of processes, -1 for none" }, \
	{ .name = "read-only", .kind = OPT_BOOL, .offset = CTR_AT(read_only), .help = "Mount the container's root read-only" }, \
	{ .name = "network", .kind = OPT_STRS, .arg = "none|host", .offset = CTR_AT(networks), \
	  .help = "none: only loopback (the default for now), host: the host's" }, \
	{ .name = "net", .kind = OPT_STRS, .flags = OPT_HIDDEN, .arg = "none|host", .offset = CTR_AT(networks), .help = "The same" }, \
	{ .name = "cap-add", .kind = OPT_STRS, .arg = "CAP", .offset = CTR_AT(cap_add), .help = "Add a capability, or ALL" }, \
	{ .name = "cap-drop", .kind = OPT_STRS, .arg = "CAP", .offset = CTR_AT(cap_drop), .help = "Drop a capability, or ALL" }, \
	{ .name = "privileged", .kind = OPT_BOOL, .offset = CTR_AT(privileged), \
	  .help = "All capabilities and devices, no seccomp filter, nothing hidden" },

/* Of the operands and the flags. */
struct run_request ctr_request(const struct verb_call *c);
/* Pulls the image first where the flags say so. */
int ctr_want_image(struct verb_call *c, struct engine *g, const struct run_request *q, struct dv_err *e) DV_MUST_USE;
