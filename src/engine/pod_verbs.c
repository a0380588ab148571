/* pod_verbs.c - what is done to a pod as a whole. */
#include <signal.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/boot.h"
#include "engine/control.h"
#include "engine/life.h"
#include "engine/limit.h"
#include "engine/network.h"
#include "engine/pod_life.h"
#include "engine/start.h"
#include "monitor/policy.h"

/* --- create --- */

static const struct {
	const char *name;
	unsigned bit;
} shares[] = { { "uts", POD_UTS }, { "ipc", POD_IPC }, { "net", POD_NET }, { "pid", POD_PID }, { "none", 0 }, { "", 0 }, { "cgroup", 0 } };

static int parse_share(struct arena *a, const struct pod_request *q, unsigned *ret, struct dv_err *e)
{
	const char *text = q->share ? q->share : q->no_infra ? "none" : "ipc,net,uts";
	unsigned bits = *text == '+' ? POD_NET | POD_IPC | POD_UTS : 0;
	size_t n;
	char **words = str_split(a, text + (*text == '+'), ',', &n);

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(shares) && !streq(shares[k].name, words[i]))
			k++;
		if (k == ARRAY_LEN(shares))
			return dv_fail(e, DV_INVALID, "invalid kernel namespace to share: %.60s. options are: cgroup, ipc, net, pid, uts or none",
				       words[i]);
		bits |= shares[k].bit;
	}
	if (bits && q->no_infra)
		return dv_fail(e, DV_INVALID, "cannot set share(%.60s) namespaces without an infra container", text);
	*ret = bits;
	return 0;
}

static const char *const name_chars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

/* What can be known before the pod is up. */
static int check(struct arena *a, const struct pod_request *q, unsigned share, struct dv_err *e)
{
	const struct run_request *r = &q->q;
	struct network_wish *w = NULL;
	struct run_config c = { 0 };
	struct policy p;
	int rc;

	if (r->name && (!*r->name || strlen(r->name) > 255 || strchr("_.-", *r->name) || !str_only(r->name, name_chars)))
		return dv_fail(e, DV_INVALID, "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument");
	if (q->exit_policy && !streq(q->exit_policy, "continue") && !streq(q->exit_policy, "stop"))
		return dv_fail(e, DV_INVALID, "invalid pod exit policy: \"%.60s\"", q->exit_policy);
	if (!(share & POD_NET) && ((r->publish && r->publish[0]) || (r->networks && r->networks[0]) || r->ip || r->ip6 || r->mac_address))
		return dv_fail(e, DV_INVALID, "ports, networks and addresses of a pod want a network that is shared: --share net");
	if ((rc = network_wish(a, r, &w, e)) < 0 || (rc = policy_parse(r->restart, &p, e)) < 0)
		return rc;
	if (r->publish && r->publish[0] && network_mode(w) == NETWORK_HOST)
		return dv_fail(e, DV_INVALID, "ports cannot be published with the host's network");
	return limits_check(r, &c, e);
}

static struct json *config_of(struct arena *a, const struct pod_request *q, unsigned share)
{
	struct run_request stored = q->q;

	stored.name = NULL;
	stored.replace = false;
	return json_obj(a, "request", request_to_json(a, &stored), "share", json_new_u64(a, share), "exitPolicy",
			json_new_str(a, q->exit_policy ? q->exit_policy : "continue"), "noInfra",
			q->no_infra ? json_new_bool(a, true) : NULL, "noParent", q->no_parent ? json_new_bool(a, true) : NULL,
			"command", json_new_strs(a, q->command), NULL);
}

int engine_pod_create(struct engine *g, struct arena *a, const struct pod_request *q, struct pod **ret, struct dv_err *e)
{
	struct pod_request own = *q;
	struct pod row = { .status = POD_CREATED };
	char id[CTR_ID_SIZE];
	unsigned share = 0;
	int r;

	if ((r = parse_share(a, q, &share, e)) < 0 || (r = check(a, q, share, e)) < 0 || (r = request_resolve(a, &own.q, e)) < 0 ||
	    (r = ctr_new_id(id, e)) < 0)
		return r;
	row.id = arena_str(a, id);
	row.created_ns = ctr_now_ns();
	row.config = config_of(a, &own, share);
	for (unsigned i = 0; i < 16; i++) {
		row.name = q->q.name ? q->q.name : ctr_random_name(a, i);
		r = pod_insert(g, a, &row, e);
		if (r != -DV_EXISTS || q->q.name)
			break;
	}
	if (r < 0 || (r = pod_find(g, a, row.id, ret, e)) < 0)
		return r;
	pod_event(g, a, &row, "create");
	return 0;
}

/* --- its containers --- */

int pod_containers(struct engine *g, struct arena *a, const struct pod *p, struct ctr_list *ret, struct dv_err *e)
{
	struct ctr_list all, out = { 0 };
	int r = ctr_list_of_pod(g, a, p->id, &all, e);

	if (r < 0)
		return r;
	out.v = all.v;
	for (size_t i = 0; i < all.n; i++) {
		if ((r = life_settle(g, a, all.v[i], e)) < 0)
			return r;
		if (r == 0)
			out.v[out.n++] = all.v[i];
	}
	*ret = out;
	return 0;
}

static void tell(struct pod_told *told, const struct ctr *c, const struct dv_err *why)
{
	told->failed = true;
	if (told->fn)
		told->fn(told->ctx, c->name, why);
}

static bool any_runs(const struct ctr_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i]->status == CTR_RUNNING)
			return true;
	return false;
}

/* For what is done to all of it: found, locked, and its containers. */
static int take(struct engine *g, struct arena *a, const char *ref, struct pod **ret, int *ret_dir, struct ctr_list *l, struct dv_err *e)
{
	int r;

	if ((r = pod_get(g, a, ref, ret, e)) < 0 || (r = pod_lock(g, a, *ret, true, ret_dir, e)) < 0)
		return r;
	return pod_containers(g, a, *ret, l, e);
}

/* --- start --- */

int engine_pod_start(struct engine *g, struct arena *a, const char *ref, struct pod_told *told, struct dv_err *e)
{
	auto_close int lock = -1;
	struct pod *p = NULL;
	struct ctr_list l;
	int r;

	if ((r = pod_enter(g, a, ref, &p, &lock, e)) < 0 || (r = pod_containers(g, a, p, &l, e)) < 0)
		return r;
	for (size_t i = 0; i < l.n; i++) {
		const struct start_request q = { .container = l.v[i]->id };
		struct dv_err why = DV_ERR_NONE;
		int status;

		if (l.v[i]->status != CTR_RUNNING && engine_start(g, a, &q, &status, &why) < 0)
			tell(told, l.v[i], &why);
	}
	return 0;
}

/* --- stop, kill --- */

static int stop_all(struct engine *g, struct arena *a, const struct ctr_list *l, int seconds, struct pod_told *told)
{
	int64_t since_ms = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i]->status == CTR_RUNNING)
			since_ms = control_signal_stop(g, a, l->v[i]);
	for (size_t i = 0; i < l->n; i++) {
		struct dv_err why = DV_ERR_NONE;

		if (l->v[i]->status == CTR_RUNNING && control_stop_signalled(g, a, l->v[i], since_ms, seconds, &why) < 0)
			tell(told, l->v[i], &why);
	}
	return told->failed ? 1 : 0;
}

int engine_pod_stop(struct engine *g, struct arena *a, const char *ref, int seconds, bool idle, struct pod_told *told, struct dv_err *e)
{
	auto_close int dir = -1;
	struct pod *p = NULL;
	struct ctr_list l;
	int r;

	if ((r = take(g, a, ref, &p, &dir, &l, e)) < 0 || (idle && any_runs(&l)) || stop_all(g, a, &l, seconds, told) > 0)
		return r;
	return pod_down(g, a, p, dir, e);
}

int engine_pod_kill(struct engine *g, struct arena *a, const char *ref, const char *signal, struct pod_told *told, struct dv_err *e)
{
	auto_close int dir = -1;
	struct pod *p = NULL;
	struct ctr_list l;
	int sig = SIGKILL, r;

	if (signal && (r = proc_parse_signal(signal, &sig, e)) < 0)
		return r;
	if ((r = take(g, a, ref, &p, &dir, &l, e)) < 0)
		return r;
	for (size_t i = 0; i < l.n; i++) {
		struct dv_err why = DV_ERR_NONE;

		if (l.v[i]->status != CTR_RUNNING)
			continue;
		if ((sig == SIGKILL ? control_end(g, a, l.v[i], &why) : control_kill(g, a, l.v[i]->id, signal, &why)) < 0)
			tell(told, l.v[i], &why);
	}
	return sig == SIGKILL && !told->failed ? pod_down(g, a, p, dir, e) : 0;
}

/* --- pause --- */

int engine_pod_pause(struct engine *g, struct arena *a, const char *ref, bool pause, struct pod_told *told, struct dv_err *e)
{
	auto_close int dir = -1;
	struct pod *p = NULL;
	struct ctr_list l;
	int r;

	if ((r = take(g, a, ref, &p, &dir, &l, e)) < 0)
		return r;
	for (size_t i = 0; i < l.n; i++) {
		struct dv_err why = DV_ERR_NONE;

		if (l.v[i]->status != CTR_RUNNING || l.v[i]->paused == pause)
			continue;
		if ((pause ? control_pause : control_unpause)(g, a, l.v[i]->id, &why) < 0)
			tell(told, l.v[i], &why);
	}
	return 0;
}

/* --- rm --- */

static int remove_containers(struct engine *g, struct arena *a, const struct ctr_list *l, bool force, struct dv_err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < l->n; i++)
		r = ctr_remove(g, a, l->v[i]->id, force, true, e);
	return r;
}

int engine_pod_remove(struct engine *g, struct arena *a, const char *ref, bool force, int seconds, struct dv_err *e)
{
	struct pod_told told = { 0 };
	auto_close int dir = -1;
	struct pod *p = NULL;
	struct ctr_list l;
	int r;

	if ((r = take(g, a, ref, &p, &dir, &l, e)) < 0)
		return r;
	for (size_t i = 0; !force && i < l.n; i++)
		if (l.v[i]->status == CTR_RUNNING)
			return dv_fail(e, DV_CONFLICT, "cannot remove pod %s: container %s is running - running or paused containers cannot "
				       "be removed without force: container state improper", p->name, l.v[i]->name);
	/* What does not stop is killed by its removal. */
	dv_ignore(stop_all(g, a, &l, seconds, &told));
	if ((r = remove_containers(g, a, &l, force, e)) < 0 || (r = pod_mark_removing(g, p, e)) < 0)
		return r;
	return pod_finish_removal(g, a, p, dir, e);
}
