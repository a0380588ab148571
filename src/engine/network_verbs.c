/* network_verbs.c - what there is of networks, and taking it away. */
#include <stdio.h>
#include <time.h>

#include "base/fd.h"
#include "base/str.h"
#include "engine/events.h"
#include "engine/life.h"
#include "engine/network_parts.h"
#include "engine/pod.h"

/* --- show --- */

static struct json *time_json(struct arena *a, int64_t ns)
{
	time_t t = (time_t)(ns / 1000000000);
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return json_null(a);
	return json_new_str(a, arena_printf(a, "%04d-%02d-%02dT%02d:%02d:%02d.%09lldZ", tm.tm_year + 1900, tm.tm_mon + 1,
					    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (long long)(ns % 1000000000)));
}

static struct json *text(struct arena *a, const char *s)
{
	return json_new_str(a, s ? s : "");
}

static struct json *ipam(struct arena *a, const struct network *n)
{
	struct json *list = json_new_array(a);

	for (int f = 0; f < NET_FAMILIES; f++) {
		const struct network_subnet *s = &n->subnets[f];

		if (addr_is(&s->prefix.addr))
			json_append(a, list,
				    json_obj(a, "Subnet", text(a, prefix_str(a, &s->prefix)), "Gateway",
					     addr_is(&s->gateway) ? text(a, addr_str(a, &s->gateway)) : NULL, "IPRange",
					     addr_is(&s->range.addr) ? text(a, prefix_str(a, &s->range)) : NULL, NULL));
	}
	return json_obj(a, "Driver", text(a, "default"), "Options", json_new_object(a), "Config", list, NULL);
}

static struct json *with_bits(struct arena *a, const struct net_addr *x, const struct network_subnet *s)
{
	return text(a, addr_is(x) ? arena_printf(a, "%s/%u", addr_str(a, x), s->prefix.bits) : "");
}

static int containers(struct engine *g, struct arena *a, const struct network *n, struct json **ret, struct dv_err *e)
{
	struct json *out = json_new_object(a);
	struct endpoint_list l;
	int r = endpoint_rows(g, a, NULL, n->seq, &l, e);

	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		struct endpoint *p = l.v[i];
		const char *name = endpoint_active(g, p) ? pod_or_ctr_name(g, a, p->container) : NULL;

		if (!name)
			continue;
		json_set(a, out, p->container,
			 json_obj(a, "Name", text(a, name), "EndpointID", text(a, arena_printf(a, "%064llx", (long long)p->seq)),
				  "MacAddress", text(a, mac_str(a, &p->mac)), "IPv4Address",
				  with_bits(a, &p->addr[NET_V4], &n->subnets[NET_V4]), "IPv6Address",
				  with_bits(a, &p->addr[NET_V6], &n->subnets[NET_V6]), NULL));
	}
	*ret = out;
	return r < 0 ? r : 0;
}

static int describe(struct engine *g, struct arena *a, const struct network *n, struct json **ret, struct dv_err *e)
{
	struct json *who = NULL;
	int r = containers(g, a, n, &who, e);

	if (r < 0)
		return r;
	*ret = json_obj(a, "Name", text(a, n->name), "Id", text(a, n->id), "Created", time_json(a, n->created_ns), "Scope",
			text(a, "local"), "Driver", text(a, n->driver), "EnableIPv6",
			json_new_bool(a, addr_is(&n->subnets[NET_V6].prefix.addr)), "IPAM", ipam(a, n), "Internal",
			json_new_bool(a, n->internal), "Attachable", json_new_bool(a, false), "Ingress",
			json_new_bool(a, false), "DnsEnabled", json_new_bool(a, n->dns), "NetworkInterface", text(a, n->bridge),
			"Isolate", json_new_bool(a, n->isolate), "Mtu", json_new_u64(a, n->mtu), "Containers", who, "Options",
			n->options ? json_copy(a, n->options) : json_new_object(a), "Labels",
			n->labels ? json_copy(a, n->labels) : json_new_object(a), NULL);
	return 0;
}

/* host and none are no rows: they are always there. */
static struct json *builtin(struct arena *a, const char *name)
{
	return json_obj(a, "Name", text(a, name), "Id", text(a, arena_printf(a, "%064x", *name == 'h' ? 1 : 2)), "Created",
			time_json(a, 0), "Scope", text(a, "local"), "Driver", text(a, *name == 'h' ? "host" : "null"),
			"EnableIPv6", json_new_bool(a, false), "IPAM",
			json_obj(a, "Driver", text(a, "default"), "Config", json_new_array(a), NULL), "Internal",
			json_new_bool(a, false), "Containers", json_new_object(a), "Options", json_new_object(a), "Labels",
			json_new_object(a), NULL);
}

int network_inspect(struct engine *g, struct arena *a, const char *ref, struct json **ret, struct dv_err *e)
{
	struct network *n = NULL;
	int r = network_migrate(g, e);

	if (r < 0)
		return r;
	if (streq(ref, "host") || streq(ref, "none")) {
		*ret = builtin(a, ref);
		return 0;
	}
	if (streq(ref, NETWORK_DEFAULT_ALIAS))
		ref = NETWORK_DEFAULT;
	r = network_need(g, a, ref, &n, e);
	return r < 0 ? r : describe(g, a, n, ret, e);
}

int network_list(struct engine *g, struct arena *a, struct json **ret, struct dv_err *e)
{
	struct json *out = json_new_array(a), *j = NULL;
	struct network_rows l;
	struct network *n;
	int r;

	if ((r = network_migrate(g, e)) < 0 || (r = network_need(g, a, NETWORK_DEFAULT, &n, e)) < 0 ||
	    (r = network_rows(g, a, &l, e)) < 0)
		return r;
	for (size_t i = 0; i < l.n && r >= 0; i++)
		if ((r = describe(g, a, l.v[i], &j, e)) >= 0)
			json_append(a, out, j);
	if (r < 0)
		return r;
	json_append(a, out, builtin(a, "host"));
	json_append(a, out, builtin(a, "none"));
	*ret = out;
	return 0;
}

/* --- remove --- */

/* The last network takes the tables along. */
static int forget(struct engine *g, struct arena *a, const struct network *n, struct dv_err *e)
{
	struct network_rows left;
	int r;

	if ((r = network_drop(g, n->seq, e)) < 0 || (r = rules_remove_network(g, a, n, e)) < 0 ||
	    (r = names_forget(g, a, n->id, NULL, e)) < 0 ||
	    (r = network_rows(g, a, &left, e)) < 0)
		return r;
	for (int f = 0; f < NET_FAMILIES; f++)
		if ((r = pool_release(g, a, &n->subnets[f].prefix, e)) < 0)
			return r;
	if (!left.n && (r = rules_uninstall(g, a, e)) < 0)
		return r;
	return streq(n->driver, "macvlan") ? 0 : link_delete_later(n->bridge, e);
}

/* Rows of containers that run, or that are settled to have ended on the way. */
int network_users(struct engine *g, struct arena *a, int64_t network, struct endpoint_list *ret, struct dv_err *e)
{
	struct endpoint_list l, out = { 0 };
	int r = endpoint_rows(g, a, NULL, network, &l, e);

	out.v = arena_array(a, struct endpoint *, l.n + 1);
	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		struct ctr *c = NULL;
		struct pod *p = NULL;

		if (ctr_find(g, a, l.v[i]->container, &c, NULL) >= 0 ? life_settle(g, a, c, NULL) == 0 :
								       pod_get(g, a, l.v[i]->container, &p, NULL) >= 0)
			out.v[out.n++] = l.v[i];
	}
	if (r >= 0)
		*ret = out;
	return r < 0 ? r : 0;
}

static int leave_all(struct engine *g, struct arena *a, const struct network *n, const struct endpoint_list *l, struct dv_err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		int r = network_disconnect(g, a, n->name, l->v[i]->container, true, e);

		if (r < 0 && r != -DV_NOT_FOUND)
			return r;
	}
	return 0;
}

void network_event(struct engine *g, const struct network *n, const char *action, const char *container)
{
	auto_arena struct arena a = { 0 };

	arena_init(&a, 0);
	event_tell(g, "network", action, n->id, json_obj(&a, "name", json_new_str(&a, n->name), "type", json_new_str(&a, n->driver), "container",
							 container ? json_new_str(&a, container) : NULL, NULL));
}

static int remove_found(struct engine *g, struct arena *a, const struct network *n, bool force, struct dv_err *e)
{
	auto_close int lock = -1;
	struct endpoint_list l;
	int r = network_users(g, a, n->seq, &l, e);

	if (r < 0)
		return r;
	if (l.n && !force)
		return dv_fail(e, DV_CONFLICT, "network %.128s has active endpoints: \"%.64s\" has containers in it", n->name, n->name);
	if ((r = leave_all(g, a, n, &l, e)) < 0 || (r = network_lock(g, true, &lock, e)) < 0)
		return r;
	if ((r = forget(g, a, n, e)) >= 0)
		network_event(g, n, "destroy", NULL);
	return r;
}

int network_remove(struct engine *g, struct arena *a, const char *ref, bool force, struct dv_err *e)
{
	struct network *n = NULL;
	int r;

	if ((r = network_migrate(g, e)) < 0)
		return r;
	if (streq(ref, "host") || streq(ref, "none"))
		return dv_fail(e, DV_FORBIDDEN, "%s is a pre-defined network and cannot be removed", ref);
	r = network_find(g, a, ref, &n, e);
	if (r == -DV_NOT_FOUND && (streq(ref, NETWORK_DEFAULT) || streq(ref, NETWORK_DEFAULT_ALIAS)))
		return dv_fail(e, DV_FORBIDDEN, "%s is a pre-defined network and cannot be removed", ref);
	if (r < 0)
		return r;
	if (streq(n->name, NETWORK_DEFAULT))
		return dv_fail(e, DV_FORBIDDEN, "%s is a pre-defined network and cannot be removed", ref);
	return remove_found(g, a, n, force, e);
}

static bool has_label(const struct network *n, const char *want)
{
	const char *eq = strchr(want, '='), *value;

	value = json_str(eq ? json_getn(n->labels, want, (size_t)(eq - want)) : json_get(n->labels, want));
	return value && (!eq || streq(value, eq + 1));
}

static bool is_wanted(const struct network *n, const struct network_choice *w)
{
	for (size_t i = 0; w->labels && w->labels[i]; i++)
		if (!has_label(n, w->labels[i]))
			return false;
	for (size_t i = 0; w->not_labels && w->not_labels[i]; i++)
		if (has_label(n, w->not_labels[i]))
			return false;
	return !w->until_ns || n->created_ns < w->until_ns;
}

/* The default network's row stays; its bridge and, when nothing else is left, the tables go. */
int network_idle(struct engine *g, struct arena *a, struct dv_err *e)
{
	auto_close int lock = -1, fd = -1;
	struct endpoint_list l;
	struct network_rows rows;
	struct network *n = NULL;
	struct link_info link;
	int r;

	if (network_find(g, a, NETWORK_DEFAULT, &n, NULL) < 0)
		return 0;
	if ((r = network_users(g, a, n->seq, &l, e)) < 0 || (r = network_lock(g, true, &lock, e)) < 0 ||
	    (r = network_rows(g, a, &rows, e)) < 0 || (r = endpoint_rows(g, a, NULL, n->seq, &l, e)) < 0)
		return r;
	for (size_t i = 0; i < l.n; i++)
		if (endpoint_active(g, l.v[i]))
			return 0;
	if ((r = nl_open(NETLINK_ROUTE, -1, &fd, e)) < 0)
		return r;
	if (rows.n == 1 && (r = rules_uninstall(g, a, e)) < 0)
		return r;
	if (rows.n > 1 && (r = rules_remove_network(g, a, n, e)) < 0)
		return r;
	return link_find(fd, n->bridge, &link, NULL) < 0 ? 0 : link_delete_later(n->bridge, e);
}

int network_prune(struct engine *g, struct arena *a, const struct network_choice *w, const char ***ret, struct dv_err *e)
{
	struct network_rows l;
	const char **names;
	size_t n = 0;
	int r;

	if ((r = network_migrate(g, e)) < 0 || (r = network_rows(g, a, &l, e)) < 0)
		return r;
	names = arena_array(a, const char *, l.n + 1);
	for (size_t i = 0; i < l.n; i++) {
		struct endpoint_list who;

		if (streq(l.v[i]->name, NETWORK_DEFAULT) || !is_wanted(l.v[i], w))
			continue;
		if ((r = network_users(g, a, l.v[i]->seq, &who, e)) < 0)
			return r;
		if (who.n)
			continue;
		if ((r = remove_found(g, a, l.v[i], false, e)) < 0)
			return r;
		names[n++] = l.v[i]->name;
	}
	*ret = names;
	return 0;
}
