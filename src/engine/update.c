/* update.c - limits of a container: its request and what inspect shows are changed in one transaction, after the
 * cgroup of one that runs has taken them. */
#include "base/fd.h"
#include "base/str.h"
#include "engine/config_json.h"
#include "engine/control.h"
#include "engine/events.h"
#include "engine/life.h"
#include "engine/limit.h"
#include "engine/monitors.h"
#include "engine/update.h"
#include "monitor/policy.h"

#define AT(member) offsetof(struct run_request, member)
static const size_t numbers[] = {
	AT(memory), AT(memory_swap), AT(memory_reservation), AT(cpu_shares), AT(cpu_period), AT(cpu_quota),
	AT(cpu_rt_period), AT(cpu_rt_runtime), AT(pids), AT(blkio_weight),
};
static const size_t texts[] = { AT(cpus), AT(cpuset_cpus), AT(cpuset_mems), AT(restart) };

/* What q says over what was said before. */
static void merge(struct run_request *to, const struct run_request *q)
{
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		const struct opt_i64 *n = (const struct opt_i64 *)((const char *)q + numbers[i]);

		if (n->set)
			*(struct opt_i64 *)((char *)to + numbers[i]) = *n;
	}
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const char *s = *(const char *const *)((const char *)q + texts[i]);

		if (s)
			*(const char **)((char *)to + texts[i]) = s;
	}
	/* One way to limit processor time replaces the other. */
	if (q->cpus)
		to->cpu_period = to->cpu_quota = (struct opt_i64){ 0 };
	else if (q->cpu_period.set || q->cpu_quota.set)
		to->cpus = NULL;
}

struct updating {
	struct engine *g;
	struct arena *a;
	struct ctr *row;
	struct run_request request;
	struct run_config limits;       /* nano_cpus is all that counts */
};

static int load(struct updating *x, const struct run_request *q, struct dv_err *e)
{
	struct policy p;
	struct json *tree;
	const char *text;
	int r;

	if ((r = ctr_load_request(x->g, x->a, x->row->id, &text, e)) < 0)
		return r;
	if ((r = json_parse(x->a, text, strlen(text), &tree, e)) < 0 || (r = request_of_json(x->a, tree, &x->request, e)) < 0)
		return dv_wrap(e, "container %s", x->row->id);
	merge(&x->request, q);
	if ((r = policy_parse(x->request.restart, &p, e)) < 0)
		return r;
	return limits_check(&x->request, &x->limits, e);
}

/* What was asked for now goes to the cgroup; what stays is there already. */
static int apply(struct updating *x, const struct run_request *q, struct dv_err *e)
{
	auto_container struct container box = CONTAINER_NONE;
	struct run_config c = { 0 };
	struct json *resources;
	int r;

	if (x->row->status != CTR_RUNNING)
		return 0;
	if ((r = limits_check(q, &c, NULL)) < 0)        /* seen with the rest already */
		c = x->limits;
	if ((r = limits_resources(x->a, q, &c, &resources, e)) < 0 ||
	    (r = container_open(x->a, engine_oci_root(x->g), x->row->id, true, &box, e)) < 0)
		return r;
	return json_len(resources) ? container_update(x->a, &box, resources, e) : 0;
}

/* The policy that counts for one that runs is its monitor's. One without a monitor gets one with the next command, which
 * goes by what is stored. */
static int tell_monitor(struct updating *x, const char *policy, struct dv_err *e)
{
	const struct msg m = { .type = MSG_UPDATE, .body = policy, .len = strlen(policy) };
	char space[MSG_MAX];
	struct msg answer;
	int r;

	if (x->row->status != CTR_RUNNING)
		return 0;
	r = monitor_ask(x->g, x->row->id, &m, &answer, space, e);
	if (r == -DV_NOT_FOUND || r == -DV_UNAVAILABLE)
		return 0;
	return r >= 0 && answer.type == MSG_FAILED ? msg_failed(&answer, e) : r;
}

static int store(struct updating *x, struct dv_err *e)
{
	struct json *config, *host;
	int r = json_parse(x->a, x->row->config, strlen(x->row->config), &config, e);

	if (r < 0)
		return dv_wrap(e, "container %s", x->row->id);
	host = json_get_mut(config, "HostConfig");
	limits_inspect(x->a, &x->request, &x->limits, host);
	json_set(x->a, host, "RestartPolicy", restart_inspect(x->a, x->request.restart));
	return ctr_set_request(x->g, x->row->id, json_text(x->a, config, JSON_COMPACT),
			       json_text(x->a, request_to_json(x->a, &x->request), JSON_COMPACT), e);
}

int engine_update(struct engine *g, struct arena *a, const char *ref, const struct run_request *q, struct dv_err *e)
{
	struct updating x = { .g = g, .a = a };
	auto_close int lock = -1;
	int r;

	if ((r = ctr_find(g, a, ref, &x.row, e)) < 0 || (r = life_lock(g, x.row->id, &lock, e)) < 0 ||
	    (r = life_settle(g, a, x.row, e)) < 0)
		return r;
	if (r > 0)
		return dv_fail(e, DV_NOT_FOUND, "No such container: %.300s", ref);
	if (q->restart && x.row->auto_remove)
		return dv_fail(e, DV_CONFLICT, "Restart policy cannot be updated because AutoRemove is enabled for the container");
	if ((r = load(&x, q, e)) < 0 || (r = apply(&x, q, e)) < 0 || (r = store(&x, e)) < 0)
		return r;
	event_ctr(g, x.row, "update", NULL, NULL);
	return q->restart ? tell_monitor(&x, q->restart, e) : 0;
}
