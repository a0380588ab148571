/* lifecycle.c - start, kill, delete, pause, resume, state: a call each. */
#include <regex.h>
#include <signal.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "ocicli/ocicli.h"

/* --- start --- */

static int start_run(struct verb_call *c, struct dv_err *e)
{
	return oci_start(((struct oci_globals *)c->globals)->root, c->operands[0], e);
}

const struct verb verb_start = {
	.name = "start", .operands = "CONTAINER", .operands_min = 1, .operands_max = 1,
	.summary = "Run the program of a created container", .run = start_run,
};

/* --- state --- */

static int state_run(struct verb_call *c, struct dv_err *e)
{
	auto_container struct container box = CONTAINER_NONE;
	struct json *j;
	int r = oci_open(c, false, &box, e);

	if (r < 0)
		return r;
	j = state_json(c->arena, &box.state, box.status,
		       box.status == STATUS_STOPPED ? 0 : box.state.init.pid);
	if (!json_get(j, "pid"))
		json_set(c->arena, j, "pid", json_new_i64(c->arena, 0));
	json_set(c->arena, j, "rootfs", json_new_str(c->arena, box.state.rootfs));
	json_set(c->arena, j, "created", json_new_str(c->arena, box.state.created));
	json_set(c->arena, j, "owner", json_new_str(c->arena, box.state.owner ?: ""));
	return oci_print(c->arena, j, JSON_PRETTY, e);
}

const struct verb verb_state = {
	.name = "state", .operands = "CONTAINER", .operands_min = 1, .operands_max = 1,
	.summary = "Print the state of a container as JSON", .run = state_run,
};

/* --- several containers by a pattern --- */

/* One container, or with `regex` all whose ids match: the errors of some do not stop the others. */
static int each(struct verb_call *c, bool many, int (*act)(struct verb_call *c, const char *id, struct dv_err *e),
		struct dv_err *e)
{
	const struct oci_globals *g = c->globals;
	auto_close int root = -1;
	char **ids;
	size_t n;
	regex_t re;
	int r, worst = 0;

	if (!many)
		return act(c, c->operands[0], e);
	if ((r = state_root_open(g->root, false, &root, e)) < 0)
		return r == -DV_NOT_FOUND ? 0 : r;
	if ((r = state_list(root, c->arena, &ids, &n, e)) < 0)
		return r;
	if (regcomp(&re, c->operands[0], REG_EXTENDED | REG_NOSUB) != 0)
		return dv_fail(e, DV_INVALID, "--regex: \"%s\" is no regular expression", c->operands[0]);
	for (size_t i = 0; i < n; i++)
		if (regexec(&re, ids[i], 0, NULL, 0) == 0 && (r = act(c, ids[i], e)) < 0)
			worst = r;
	regfree(&re);
	return worst;
}

/* --- kill --- */

struct kill_args {
	bool all, regex;
};
static const struct opt kill_opts[] = {
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = offsetof(struct kill_args, all),
	  .help = "Signal every process of the container" },
	{ .name = "regex", .letter = 'r', .kind = OPT_BOOL, .offset = offsetof(struct kill_args, regex),
	  .help = "CONTAINER is a regular expression for several containers" },
	{ 0 }
};

static int kill_one(struct verb_call *c, const char *id, struct dv_err *e)
{
	const struct kill_args *a = c->args;
	auto_container struct container box = CONTAINER_NONE;
	int sig = SIGTERM, r;

	if ((c->n_operands > 1 && (r = proc_parse_signal(c->operands[1], &sig, e)) < 0) ||
	    (r = container_open(c->arena, ((struct oci_globals *)c->globals)->root, id, false, &box, e)) < 0)
		return r;
	return container_kill(&box, sig, a->all, e);
}

static int kill_run(struct verb_call *c, struct dv_err *e)
{
	return each(c, ((struct kill_args *)c->args)->regex, kill_one, e);
}

const struct verb verb_kill = {
	.name = "kill", .operands = "CONTAINER [SIGNAL]", .operands_min = 1, .operands_max = 2,
	.summary = "Send a signal to a container (default SIGTERM)", .opts = kill_opts,
	.args_size = sizeof(struct kill_args), .run = kill_run,
};

/* --- delete --- */

struct delete_args {
	bool force, regex;
};
static const struct opt delete_opts[] = {
	{ .name = "force", .letter = 'f', .kind = OPT_BOOL, .offset = offsetof(struct delete_args, force),
	  .help = "Kill the container if it still runs; one that does not exist is no error" },
	{ .name = "regex", .kind = OPT_BOOL, .offset = offsetof(struct delete_args, regex),
	  .help = "CONTAINER is a regular expression for several containers" },
	{ 0 }
};

static int delete_one(struct verb_call *c, const char *id, struct dv_err *e)
{
	return container_delete(c->arena, ((struct oci_globals *)c->globals)->root, id,
				((struct delete_args *)c->args)->force, e);
}

static int delete_run(struct verb_call *c, struct dv_err *e)
{
	return each(c, ((struct delete_args *)c->args)->regex, delete_one, e);
}

const struct verb verb_delete = {
	.name = "delete", .operands = "CONTAINER", .operands_min = 1, .operands_max = 1,
	.summary = "Remove what is left of a container", .opts = delete_opts,
	.args_size = sizeof(struct delete_args), .run = delete_run,
};

/* --- pause, resume --- */

static int pause_run(struct verb_call *c, struct dv_err *e)
{
	auto_container struct container box = CONTAINER_NONE;
	int r = oci_open(c, true, &box, e);

	return r < 0 ? r : container_pause(&box, e);
}

static int resume_run(struct verb_call *c, struct dv_err *e)
{
	auto_container struct container box = CONTAINER_NONE;
	int r = oci_open(c, true, &box, e);

	return r < 0 ? r : container_resume(&box, e);
}

const struct verb verb_pause = {
	.name = "pause", .operands = "CONTAINER", .operands_min = 1, .operands_max = 1,
	.summary = "Freeze all processes of a container", .run = pause_run,
};
const struct verb verb_resume = {
	.name = "resume", .operands = "CONTAINER", .operands_min = 1, .operands_max = 1,
	.summary = "Thaw a paused container", .run = resume_run,
};

/* --- what cannot be done here --- */

static int no_criu(struct verb_call *c, struct dv_err *e)
{
	return dv_fail(e, DV_UNSUPPORTED, "%s: checkpoint and restore are not supported", c->verb->name);
}

const struct verb verb_checkpoint = {
	.name = "checkpoint", .operands = "CONTAINER", .operands_max = 1000, .hidden = true, .stop_at_operand = true,
	.summary = "Not supported", .run = no_criu,
};
const struct verb verb_restore = {
	.name = "restore", .operands = "CONTAINER", .operands_max = 1000, .hidden = true, .stop_at_operand = true,
	.summary = "Not supported", .run = no_criu,
};
