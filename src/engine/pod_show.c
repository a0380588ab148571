/* pod_show.c - pods as podman shows them.
 *
 * There is no infra container: its id is empty, and it is not counted among the containers.
 */
#include "base/str.h"
#include "engine/inspect.h"
#include "engine/network_wish.h"
#include "engine/pod_pins.h"

static struct json *text(struct arena *a, const char *s)
{
	return json_new_str(a, s ? s : "");
}

const char *pod_state(const struct pod *p, const struct ctr_list *l)
{
	/* Until it is down, its ports and addresses are not free. */
	bool up = p->status == POD_UP || p->status == POD_STOPPING;
	size_t running = 0, paused = 0, ended = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct ctr *c = l->v[i];

		paused += c->status == CTR_RUNNING && c->paused;
		running += c->status == CTR_RUNNING && !c->paused;
		ended += c->status == CTR_EXITED;
	}
	if (l->n && paused == l->n)
		return "Paused";
	if (running == l->n && (running || up))
		return "Running";
	if (running || paused || (up && !p->no_infra && l->n))
		return "Degraded";
	return ended || p->status == POD_EXITED ? "Exited" : "Created";
}

/* --- inspect --- */

static struct json *share_list(struct arena *a, const struct pod *p)
{
	static const struct { unsigned bit; const char *name; } names[] = { { POD_UTS, "uts" }, { POD_IPC, "ipc" }, { POD_NET, "net" },
									    { POD_PID, "pid" } };
	struct json *list = json_new_array(a);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (p->share & names[i].bit)
			json_append(a, list, text(a, names[i].name));
	return list;
}

static struct json *labels(struct arena *a, const struct pod *p)
{
	struct json *out = json_new_object(a);

	for (const char *const *l = p->q.labels; l && *l; l++) {
		const char *eq = strchr(*l, '=');

		json_set(a, out, eq ? arena_strn(a, *l, (size_t)(eq - *l)) : *l, text(a, eq ? eq + 1 : ""));
	}
	return out;
}

/* Ports as the flags asked for them; while the pod is up, as they are. */
static int port_bindings(struct engine *g, struct arena *a, const struct pod *p, const struct network_wish *w, struct json **ret,
			 struct dv_err *e)
{
	struct json *settings = NULL;
	int r;

	*ret = network_bindings(a, w);
	if (p->status != POD_UP || network_mode(w) != NETWORK_BRIDGED)
		return 0;
	if ((r = network_settings(g, a, p->id, network_mode_text(w), &settings, e)) >= 0)
		*ret = json_get_mut(settings, "Ports");
	return r;
}

static struct json *network_names(struct arena *a, const struct network_wish *w)
{
	struct json *list = json_new_array(a);

	for (size_t i = 0; network_mode(w) == NETWORK_BRIDGED && i < w->n; i++)
		json_append(a, list, text(a, w->v[i].name));
	return list;
}

static struct json *or_null(struct arena *a, const char *const *v)
{
	return v && v[0] ? json_new_strs(a, v) : json_null(a);
}

static int infra_config(struct engine *g, struct arena *a, const struct pod *p, struct json **ret, struct dv_err *e)
{
	struct network_wish *w = NULL;
	struct json *ports = NULL;
	int r;

	if ((r = network_wish(a, &p->q, &w, e)) < 0 || (r = port_bindings(g, a, p, w, &ports, e)) < 0)
		return r;
	*ret = json_obj(a, "PortBindings", ports, "HostNetwork", json_new_bool(a, network_mode(w) == NETWORK_HOST), "StaticIP",
			text(a, p->q.ip), "StaticMAC", text(a, p->q.mac_address), "NoManageResolvConf", json_new_bool(a, false), "DNSServer",
			or_null(a, p->q.dns), "DNSSearch", or_null(a, p->q.dns_search), "DNSOption", or_null(a, p->q.dns_options),
			"NoManageHosts", json_new_bool(a, p->q.no_hosts), "HostAdd", or_null(a, p->q.add_hosts), "Networks",
			network_names(a, w), "NetworkOptions", json_null(a), "pid_ns", text(a, "private"), "userns", text(a, "host"), "uts_ns",
			text(a, "private"), NULL);
	return 0;
}

static struct json *container_list(struct arena *a, const struct ctr_list *l, const char *name, const char *state)
{
	struct json *list = json_new_array(a);

	for (size_t i = 0; i < l->n; i++)
		json_append(a, list, json_obj(a, "Id", text(a, l->v[i]->id), name, text(a, l->v[i]->name), state,
					      text(a, ctr_state_name(l->v[i])), NULL));
	return list;
}

int pod_inspect(struct engine *g, struct arena *a, const struct pod *p, struct json **ret, struct dv_err *e)
{
	const char *path = pod_cgroup(a, p), *slash = strrchr(path, '/');
	struct json *infra = NULL, *command = json_get_mut((struct json *)p->config, "command"), *j;
	struct ctr_list l;
	int r;

	if ((r = pod_containers(g, a, p, &l, e)) < 0 || (r = infra_config(g, a, p, &infra, e)) < 0)
		return r;
	j = json_obj(a, "Id", text(a, p->id), "Name", text(a, p->name), "Created", inspect_time(a, p->created_ns), "CreateCommand",
		     command ? command : json_new_array(a), "ExitPolicy", text(a, p->exit_policy), "State", text(a, pod_state(p, &l)),
		     "Hostname", text(a, p->q.hostname), "Labels", labels(a, p), "CreateCgroup", json_new_bool(a, !p->no_parent),
		     "CgroupParent", json_new_strn(a, path, (size_t)(slash - path)), "CgroupPath", text(a, path), "CreateInfra",
		     json_new_bool(a, !p->no_infra), "InfraContainerID", text(a, ""), "InfraConfig", infra, "SharedNamespaces",
		     share_list(a, p), "NumContainers", json_new_u64(a, l.n), "Containers", container_list(a, &l, "Name", "State"), NULL);
	if (p->q.restart)
		json_set(a, j, "RestartPolicy", text(a, p->q.restart));
	if (p->q.memory.set)
		json_set(a, j, "memory_limit", json_new_i64(a, p->q.memory.v));
	*ret = j;
	return 0;
}

/* --- ps --- */

int pod_summary(struct engine *g, struct arena *a, const struct pod *p, struct json **ret, struct dv_err *e)
{
	const char *path = pod_cgroup(a, p);
	struct network_wish *w = NULL;
	struct ctr_list l;
	int r;

	if ((r = pod_containers(g, a, p, &l, e)) < 0 || (r = network_wish(a, &p->q, &w, e)) < 0)
		return r;
	*ret = json_obj(a, "Cgroup", json_new_strn(a, path, (size_t)(strrchr(path, '/') - path)), "Containers",
			container_list(a, &l, "Names", "Status"), "Created", inspect_time(a, p->created_ns), "Id", text(a, p->id),
			"InfraId", text(a, ""), "Name", text(a, p->name), "Namespace", text(a, ""), "Networks",
			(p->share & POD_NET) ? network_names(a, w) : json_new_array(a), "Status", text(a, pod_state(p, &l)), "Labels",
			labels(a, p), NULL);
	return 0;
}
