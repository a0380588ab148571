/* pod.c - pod start, stop, restart, kill, pause, unpause, rm, prune, exists. */
#include <stdio.h>

#include "base/str.h"
#include "cli/pod.h"
#include "engine/control.h"

enum { EXIT_NO_SUCH = 1 };

struct each_args {
	struct pod_refs refs;
	bool ignore, force, idle, volumes;
	struct opt_int seconds;
	const char *signal;
};
#define A(member) offsetof(struct each_args, member)
#define OPT_ALL { .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = A(refs.all), .help = "All pods" },
#define OPT_LATEST { .name = "latest", .letter = 'l', .kind = OPT_BOOL, .offset = A(refs.latest), .help = "The newest pod" },
#define OPT_FILE \
	{ .name = "pod-id-file", .kind = OPT_STRS, .arg = "FILE", .offset = A(refs.files), .help = "The pod whose id is in a file" },
#define OPT_IGNORE \
	{ .name = "ignore", .letter = 'i', .kind = OPT_BOOL, .offset = A(ignore), .help = "One that does not exist is no error" },
#define OPT_TIME \
	{ .name = "time", .letter = 't', .kind = OPT_I64, .arg = "SECONDS", .offset = A(seconds), \
	  .help = "How long to wait before containers are killed, -1 for ever (default: as each was made with, or 10)" },

/* --- which --- */

int pod_failed(const struct verb_call *c, const struct dv_err *e)
{
	cli_complain(c, e);
	return POD_EXIT_ERROR;
}

int pod_refs(struct verb_call *c, struct engine *g, const struct pod_refs *x, const char ***ret, struct dv_err *e)
{
	struct pod_list l = { 0 };
	const char **v;
	size_t n = 0;
	int r = x->all || x->latest ? pod_list(g, c->arena, &l, e) : 0;

	if (r < 0)
		return r;
	if ((x->all || x->latest) && (c->n_operands || x->files.n))
		return dv_fail(e, DV_INVALID, "--all and --latest take no names of pods");
	if (!x->all && !x->latest && !x->files.n && !c->n_operands)
		return dv_fail(e, DV_INVALID, "you must provide at least one name or id");
	v = arena_array(c->arena, const char *, c->n_operands + x->files.n + l.n + 1);
	for (size_t i = 0; i < c->n_operands; i++)
		v[n++] = c->operands[i];
	for (size_t i = 0; i < x->files.n; i++)
		if ((r = pod_id_of_file(c->arena, x->files.v[i], &v[n++], e)) < 0)
			return r;
	for (size_t i = 0; i < l.n && !(x->latest && i == 1); i++)
		v[n++] = l.v[i]->id;
	*ret = v;
	return 0;
}

int pod_one(struct verb_call *c, struct engine *g, bool latest, struct pod **ret, struct dv_err *e)
{
	const struct pod_refs x = { .latest = latest };
	const char **v = NULL;
	int r = pod_refs(c, g, &x, &v, e);

	if (r < 0)
		return r;
	return v[0] ? pod_get(g, c->arena, v[0], ret, e) : dv_fail(e, DV_NOT_FOUND, "there is no pod");
}

/* --- one after the other --- */

typedef int each_fn(struct verb_call *c, struct engine *g, const char *id, struct pod_told *told, struct dv_err *e);

static void told(void *ctx, const char *container, const struct dv_err *why)
{
	const struct verb_call *c = ctx;

	(void)fprintf(stderr, "%s: container %s: %s\n", c->program->name, container, why->msg);
}

/* The id is printed as podman does, whatever name was given. *ret_missing: there is none. */
static int do_one(struct verb_call *c, struct engine *g, const char *ref, each_fn *each, bool *ret_missing, struct dv_err *e)
{
	struct pod_told t = { .fn = told, .ctx = c };
	struct pod *p = NULL;
	int r = pod_get(g, c->arena, ref, &p, e);

	*ret_missing = r == -DV_NOT_FOUND;
	if (r < 0 || (r = each(c, g, p->id, &t, e)) < 0)
		return r;
	if (t.failed)
		return POD_EXIT_ERROR;
	printf("%s\n", p->id);
	return 0;
}

static int for_each(struct verb_call *c, each_fn *each, int missing_status, struct dv_err *e)
{
	const struct each_args *x = c->args;
	auto_engine struct engine *g = NULL;
	const char **v = NULL;
	int status = 0, r;

	if (x->seconds.set && (x->seconds.v < -1 || x->seconds.v > 1000000))
		r = dv_fail(e, DV_INVALID, "--time: %lld is no number of seconds", (long long)x->seconds.v);
	else if ((r = cli_engine(c, &g, e)) >= 0)
		r = pod_refs(c, g, &x->refs, &v, e);
	if (r < 0)
		return pod_failed(c, e);
	for (; *v; v++) {
		bool missing = false;

		r = do_one(c, g, *v, each, &missing, e);
		if (r > 0)
			status = r;
		if (r >= 0 || (missing && x->ignore))
			continue;
		cli_complain(c, e);
		status = missing ? missing_status : POD_EXIT_ERROR;
	}
	return status;
}

static int seconds_of(const struct verb_call *c)
{
	const struct each_args *x = c->args;

	return x->seconds.set ? (int)x->seconds.v : CONTROL_STOP_OWN;
}

/* --- start, stop, restart --- */

static int start_one(struct verb_call *c, struct engine *g, const char *id, struct pod_told *t, struct dv_err *e)
{
	return engine_pod_start(g, c->arena, id, t, e);
}

static int stop_one(struct verb_call *c, struct engine *g, const char *id, struct pod_told *t, struct dv_err *e)
{
	const struct each_args *x = c->args;

	return engine_pod_stop(g, c->arena, id, seconds_of(c), x->idle, t, e);
}

static int restart_one(struct verb_call *c, struct engine *g, const char *id, struct pod_told *t, struct dv_err *e)
{
	int r = stop_one(c, g, id, t, e);

	return r < 0 || t->failed ? r : start_one(c, g, id, t, e);
}

static int start_run(struct verb_call *c, struct dv_err *e)
{
	return engine_protect(e) < 0 ? pod_failed(c, e) : for_each(c, start_one, POD_EXIT_ERROR, e);
}

static int stop_run(struct verb_call *c, struct dv_err *e)
{
	return for_each(c, stop_one, POD_EXIT_ERROR, e);
}

static int restart_run(struct verb_call *c, struct dv_err *e)
{
	return engine_protect(e) < 0 ? pod_failed(c, e) : for_each(c, restart_one, POD_EXIT_ERROR, e);
}

static const struct opt start_opts[] = { OPT_ALL OPT_LATEST OPT_FILE { 0 } };
static const struct opt stop_opts[] = {
	OPT_ALL OPT_IGNORE OPT_LATEST OPT_FILE OPT_TIME
	{ .name = "idle", .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = A(idle), .help = "Only if none of its containers runs" },
	{ 0 }
};
static const struct opt some_opts[] = { OPT_ALL OPT_LATEST { 0 } };

#define POD_VERB(id_, name_, opts_, summary_) \
	static const struct verb verb_pod_##id_ = { \
		.name = name_, .operands = "[POD...]", .operands_max = UINT32_MAX, .summary = summary_, .opts = opts_, \
		.examples = id_##_examples, .args_size = sizeof(struct each_args), .run = id_##_run, \
	}
static const char *const start_examples[] = { "davit pod start web", "davit pod start --all", NULL };
POD_VERB(start, "start", start_opts, "Start pods with all their containers");
static const char *const stop_examples[] = { "davit pod stop web", "davit pod stop -t 1 --all", NULL };
POD_VERB(stop, "stop", stop_opts, "Stop pods with all their containers");
static const char *const restart_examples[] = { "davit pod restart web", NULL };
POD_VERB(restart, "restart", some_opts, "Stop pods and start them again");

/* --- kill --- */

static int kill_one(struct verb_call *c, struct engine *g, const char *id, struct pod_told *t, struct dv_err *e)
{
	const struct each_args *x = c->args;

	return engine_pod_kill(g, c->arena, id, x->signal, t, e);
}

static int kill_run(struct verb_call *c, struct dv_err *e)
{
	return for_each(c, kill_one, POD_EXIT_ERROR, e);
}

static const struct opt kill_opts[] = {
	OPT_ALL OPT_LATEST
	{ .name = "signal", .letter = 's', .kind = OPT_STR, .arg = "SIGNAL", .offset = A(signal), .help = "Signal by name or number (default KILL)" },
	{ 0 }
};
static const char *const kill_examples[] = { "davit pod kill web", "davit pod kill -s HUP web", NULL };
POD_VERB(kill, "kill", kill_opts, "Send a signal to all containers of pods");

/* --- pause, unpause --- */

static int pause_one(struct verb_call *c, struct engine *g, const char *id, struct pod_told *t, struct dv_err *e)
{
	return engine_pod_pause(g, c->arena, id, true, t, e);
}

static int unpause_one(struct verb_call *c, struct engine *g, const char *id, struct pod_told *t, struct dv_err *e)
{
	return engine_pod_pause(g, c->arena, id, false, t, e);
}

static int pause_run(struct verb_call *c, struct dv_err *e)
{
	return for_each(c, pause_one, POD_EXIT_ERROR, e);
}

static int unpause_run(struct verb_call *c, struct dv_err *e)
{
	return for_each(c, unpause_one, POD_EXIT_ERROR, e);
}

static const char *const pause_examples[] = { "davit pod pause web", NULL }, *const unpause_examples[] = { "davit pod unpause web", NULL };
POD_VERB(pause, "pause", some_opts, "Hold all processes of pods");
POD_VERB(unpause, "unpause", some_opts, "Let the processes of pods go on");

/* --- rm, prune --- */

static int rm_one(struct verb_call *c, struct engine *g, const char *id, struct pod_told *t, struct dv_err *e)
{
	const struct each_args *x = c->args;

	return engine_pod_remove(g, c->arena, id, x->force, seconds_of(c), e);
}

static int rm_run(struct verb_call *c, struct dv_err *e)
{
	struct each_args *x = c->args;

	/* podman's --force forgives a pod that is not there. */
	x->ignore = x->ignore || x->force;
	return for_each(c, rm_one, EXIT_NO_SUCH, e);
}

static const struct opt rm_opts[] = {
	OPT_ALL
	{ .name = "force", .letter = 'f', .kind = OPT_BOOL, .offset = A(force), .help = "Also those whose containers run: they are stopped first" },
	OPT_IGNORE OPT_LATEST OPT_FILE OPT_TIME
	{ .name = "volumes", .letter = 'v', .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = A(volumes), .help = "Anonymous volumes go anyway" },
	{ 0 }
};
static const char *const rm_examples[] = { "davit pod rm web", "davit pod rm -f -a", NULL };
POD_VERB(rm, "rm", rm_opts, "Remove pods with their containers");

/* Those none of whose containers runs. */
static int prune(struct verb_call *c, struct engine *g, struct dv_err *e)
{
	struct pod_list l;
	int r = pod_list(g, c->arena, &l, e);

	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		struct ctr_list ctrs;
		const char *state;

		if ((r = pod_settle(g, c->arena, l.v[i], e)) != 0 || (r = pod_containers(g, c->arena, l.v[i], &ctrs, e)) < 0)
			continue;
		state = pod_state(l.v[i], &ctrs);
		if (!streq(state, "Exited"))
			continue;
		if ((r = engine_pod_remove(g, c->arena, l.v[i]->id, false, 0, e)) >= 0)
			printf("%s\n", l.v[i]->id);
	}
	return r < 0 ? r : 0;
}

static int prune_run(struct verb_call *c, struct dv_err *e)
{
	const struct each_args *x = c->args;
	auto_engine struct engine *g = NULL;
	int r;

	if (!x->force && !cli_confirm("WARNING! This will remove all stopped/exited pods.."))
		return 0;
	r = cli_engine(c, &g, e);
	if (r >= 0)
		r = prune(c, g, e);
	return r < 0 ? pod_failed(c, e) : 0;
}

static const struct opt prune_opts[] = {
	{ .name = "force", .letter = 'f', .kind = OPT_BOOL, .offset = A(force), .help = "Do not ask" },
	{ 0 }
};
static const struct verb verb_pod_prune = {
	.name = "prune", .summary = "Remove pods that do not run", .opts = prune_opts, .args_size = sizeof(struct each_args), .run = prune_run,
};

/* --- exists --- */

static int exists_run(struct verb_call *c, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	struct pod *p = NULL;
	int r = cli_engine(c, &g, e);

	if (r >= 0)
		r = pod_get(g, c->arena, c->operands[0], &p, e);
	return r == -DV_NOT_FOUND ? EXIT_NO_SUCH : r < 0 ? pod_failed(c, e) : 0;
}

static const struct verb verb_pod_exists = {
	.name = "exists", .operands = "POD", .operands_min = 1, .operands_max = 1,
	.summary = "Tell by the exit status whether there is such a pod: 0 yes, 1 no", .run = exists_run,
};

static const struct verb *const pod_subs[] = {
	&verb_pod_create,
	&verb_pod_start,
	&verb_pod_stop,
	&verb_pod_restart,
	&verb_pod_kill,
	&verb_pod_pause,
	&verb_pod_unpause,
	&verb_pod_rm,
	&verb_pod_ps,
	&verb_pod_inspect,
	&verb_pod_logs,
	&verb_pod_top,
	&verb_pod_stats,
	&verb_pod_exists,
	&verb_pod_prune,
	NULL
};
const struct verb verb_pod = { .name = "pod", .summary = "Commands for pods", .subs = pod_subs };
