/* pod_join.c - what a container has of its pod.
 *
 * A container's row keeps the request as the user made it, with the pod's id. The pod's part is added whenever the request
 * is used, so it is the same for all containers of the pod.
 */
#include "base/str.h"
#include "engine/limit.h"
#include "engine/pod_pins.h"

/* --- flags --- */

static bool some(const char *const *v)
{
	return v && v[0];
}

/* Its own choice of a network that is nobody's subnet: podman takes it. */
static bool is_own_network(const char *word)
{
	return streq(word, "none") || streq(word, "host") || streq(word, "private") || str_starts(word, "container:") ||
	       str_starts(word, "ns:");
}

int pod_check_flags(const struct pod *p, const struct run_request *q, struct dv_err *e)
{
	if ((p->share & POD_UTS) && !q->uts_mode && q->hostname)
		return dv_fail(e, DV_INVALID, "cannot set hostname when joining the pod UTS namespace: invalid configuration");
	if (!(p->share & POD_NET))
		return 0;
	if (some(q->publish) || q->publish_all || some(q->expose))
		return dv_fail(e, DV_INVALID, "published or exposed ports must be defined when the pod is created: network cannot be "
			       "configured when it is shared with a pod");
	if ((some(q->networks) && !is_own_network(q->networks[0])) || q->ip || q->ip6 || q->mac_address || some(q->network_aliases))
		return dv_fail(e, DV_INVALID, "networks must be defined when the pod is created: network cannot be configured when it is "
			       "shared with a pod");
	if (some(q->add_hosts))
		return dv_fail(e, DV_INVALID, "extra host entries must be specified on the pod: network cannot be configured when it is "
			       "shared with a pod");
	return 0;
}

/* --- the pod's part --- */

/* Lists of the pod, and behind them those of the container. */
#define F(member) offsetof(struct run_request, member)
static const size_t added[] = { F(volumes), F(devices), F(security_opts), F(volumes_from), F(sysctls) };
/* Lists that the container's own stand for. */
static const size_t defaults[] = { F(dns), F(dns_search), F(dns_options), F(add_hosts) };

static const char *const **list_at(struct run_request *q, size_t offset)
{
	return (const char *const **)((char *)q + offset);
}

static const char *const *list_of(const struct run_request *q, size_t offset)
{
	return *(const char *const *const *)((const char *)q + offset);
}

static size_t length(const char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

static void add_lists(struct arena *a, const struct run_request *from, struct run_request *q)
{
	for (size_t i = 0; i < ARRAY_LEN(added); i++) {
		const char *const *x = list_of(from, added[i]), *const *y = list_of(q, added[i]);
		size_t n = length(x), m = length(y);
		const char **all;

		if (!n)
			continue;
		all = arena_array(a, const char *, n + m + 1);
		memcpy(all, x, n * sizeof *all);
		if (m)
			memcpy(all + n, y, m * sizeof *all);
		*list_at(q, added[i]) = all;
	}
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		if (!some(list_of(q, defaults[i])))
			*list_at(q, defaults[i]) = list_of(from, defaults[i]);
}

static const char *ns_word(struct engine *g, struct arena *a, const struct pod *p, const char *name)
{
	return arena_printf(a, "ns:%s", pod_pin_path(g, a, p->id, name));
}

/* The host's network, or another container's, is joined as the pod itself would. */
static void apply_network(struct engine *g, struct arena *a, const struct pod *p, struct run_request *q)
{
	const char **one = arena_array(a, const char *, 2);

	if (!(p->share & POD_NET) || some(q->networks))
		return;
	one[0] = ns_word(g, a, p, "net");
	q->networks = pod_pins_net(a, p) ? one : p->q.networks;
}

void pod_apply(struct engine *g, struct arena *a, const struct pod *p, struct run_request *q)
{
	add_lists(a, &p->q, q);
	apply_network(g, a, p, q);
	if ((p->share & POD_UTS) && !q->uts_mode) {
		q->uts_mode = ns_word(g, a, p, "uts");
		q->hostname = p->q.hostname ? p->q.hostname : p->name;
	}
	if ((p->share & POD_IPC) && !q->ipc_mode)
		q->ipc_mode = ns_word(g, a, p, "ipc");
	if ((p->share & POD_PID) && !q->pid_mode)
		q->pid_mode = ns_word(g, a, p, "pid");
	if (!p->no_parent && !q->cgroup_parent)
		q->cgroup_parent = pod_cgroup(a, p);
	if (!q->restart && !q->rm)
		q->restart = p->q.restart;
	q->no_hosts = q->no_hosts || p->q.no_hosts;
}

/* --- what others ask --- */

const char *pod_shm(struct arena *a, const struct run_request *q, const struct run_config *c)
{
	const char *path = c->ns[RUN_NS_IPC].mode == RUN_NS_PATH ? c->ns[RUN_NS_IPC].path : NULL, *end;

	if (!path || !q->pod)
		return NULL;
	end = arena_printf(a, "/pods/%s/ipc", q->pod);
	return str_ends(path, end) ? arena_printf(a, "%.*s/shm", (int)(strlen(path) - strlen("/ipc")), path) : NULL;
}

const char *pod_endpoints_of(const struct ctr *c, const char *mode)
{
	return *c->pod && mode && str_starts(mode, "ns:") ? c->pod : c->id;
}
