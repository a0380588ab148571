/* boot.c - restart policies beyond the life of a monitor, and its health check on demand. */
#include "base/str.h"
#include "engine/boot.h"
#include "engine/control.h"
#include "engine/life.h"
#include "engine/monitors.h"
#include "engine/start.h"
#include "monitor/policy.h"

static bool shall_run(struct arena *a, const struct ctr *c)
{
	struct json *config = NULL;
	struct policy p;

	/* Its own policy, or its pod's. */
	if (json_parse(a, c->config, strlen(c->config), &config, NULL) < 0 ||
	    policy_parse(json_str(json_path(config, "HostConfig.RestartPolicy.Name")), &p, NULL) < 0)
		return false;
	return p.kind == POLICY_ALWAYS || (p.kind == POLICY_UNLESS_STOPPED && !c->user_stopped);
}

/* One that a command made and nobody started is not started now. */
static bool ran_once(const struct ctr *c)
{
	return c->started_ns != 0;
}

int engine_boot_start(struct engine *g, struct arena *a, boot_told *told, void *ctx, struct dv_err *e)
{
	struct ctr_list list;
	int r = ctr_list(g, a, &list, e);

	/* Oldest first: what was started first may be wanted by the others. */
	for (size_t i = list.n; r >= 0 && i-- > 0;) {
		struct ctr *c = list.v[i];
		const struct start_request q = { .container = c->id, .again = true };
		struct dv_err why = DV_ERR_NONE;
		int status, one;

		if (life_settle(g, a, c, &why) != 0 || c->status == CTR_RUNNING || !ran_once(c) || !shall_run(a, c))
			continue;
		one = engine_start(g, a, &q, &status, &why);
		told(ctx, c, one < 0 ? why.msg : NULL);
	}
	return r < 0 ? r : 0;
}

int engine_healthcheck(struct engine *g, struct arena *a, const char *ref, bool *ret_healthy, struct dv_err *e)
{
	char *space = arena_alloc(a, MSG_MAX);
	struct ctr *c = NULL;
	struct msg m;
	int r;

	if ((r = ctr_find(g, a, ref, &c, e)) < 0 || (r = life_settle(g, a, c, e)) < 0)
		return r;
	if (r > 0 || c->status != CTR_RUNNING)
		return control_not_running(c, e);
	if ((r = monitor_ask(g, c->id, &(struct msg){ .type = MSG_HEALTH }, &m, space, e)) < 0)
		return r;
	if (m.type == MSG_FAILED)
		return msg_failed(&m, e);
	*ret_healthy = m.type == MSG_HEALTH_RESULT && m.a == 0;
	return 0;
}
