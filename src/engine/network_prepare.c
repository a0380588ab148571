/* network_prepare.c - a container enters its networks before its process exists, and leaves them when it has ended.
 *
 * Rows come first, so that whatever kills us, who settles the container knows what it had. Links need no cleaning
 * up: they die with the namespace, which nothing but descriptors holds.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/life.h"
#include "engine/network_wish.h"
#include "monitor/job.h"

struct prepare {
	struct engine *g;
	struct arena *a;
	struct network_wish *w;
	const char *id;
	struct network_rows nets;
	struct endpoint **points;
	size_t n;
	int route;                      /* sockets: ours, and one inside */
	int inside;
};

/* --- early --- */

void network_begin(struct network_wish *w)
{
	if (w->mode == NETWORK_BRIDGED && !w->job)
		dv_ignore(netns_begin(&w->job, NULL));
}

void network_wish_done(struct network_wish *w)
{
	if (w)
		netns_drop(take_ptr(&w->job));
}

/* --- another's namespace --- */

static int join_container(struct engine *g, struct arena *a, const struct network_wish *w, int *ret, struct dv_err *e)
{
	struct ctr *c = NULL;
	int r = ctr_find(g, a, w->container, &c, e);

	if (r < 0 || (r = life_settle(g, a, c, e)) < 0)
		return r;
	if (r > 0)
		return dv_fail(e, DV_NOT_FOUND, "No such container: %.128s", w->container);
	if (c->status != CTR_RUNNING || !ctr_init_alive(g, c))
		return dv_fail(e, DV_CONFLICT, "cannot join network of a non running container: %s", c->id);
	return file_open(AT_FDCWD, arena_printf(a, "/proc/%d/ns/net", (int)c->init.pid), O_RDONLY, 0, ret, e);
}

static int join(struct engine *g, struct arena *a, const struct network_wish *w, int *ret, struct dv_err *e)
{
	return w->container ? join_container(g, a, w, ret, e) : file_open(AT_FDCWD, w->path, O_RDONLY, 0, ret, e);
}

/* --- rows --- */

static struct endpoint *new_point(struct prepare *p, const struct network *n, const struct network_want *want)
{
	struct endpoint *x = arena_new(p->a, struct endpoint);

	x->network = n->seq;
	x->container = p->id;
	x->ifname = want->ifname ? want->ifname : arena_printf(p->a, "eth%zu", p->n);
	x->want[NET_V4] = want->ip;
	x->want[NET_V6] = want->ip6;
	x->want_mac = want->mac;
	x->aliases = want->aliases;
	return x;
}

/* A container that has been in networks is in those, whatever its flags were: it may have left and entered some. */
static int known_points(struct prepare *p, struct dv_err *e)
{
	struct endpoint_list l;
	int r = endpoint_rows(p->g, p->a, p->id, 0, &l, e);

	if (r >= 0) {
		p->points = l.v;
		p->n = l.n;
	}
	return r;
}

/* What a container of a pod says of its addresses is what the pod has. */
static int points_of_pod(struct prepare *p, struct dv_err *e)
{
	int r;

	if (!p->w->q->pod || !p->w->path || !str_ends(p->w->path, arena_printf(p->a, "/pods/%s/net", p->w->q->pod)))
		return 0;
	p->id = p->w->q->pod;
	r = network_migrate(p->g, e);
	return r < 0 || (r = known_points(p, e)) < 0 ? r : network_rows(p->g, p->a, &p->nets, e);
}

static int wanted_points(struct prepare *p, struct dv_err *e)
{
	p->points = arena_array(p->a, struct endpoint *, p->w->n + 1);
	for (size_t i = 0; i < p->w->n; i++) {
		struct network *n = NULL;
		int r = network_need(p->g, p->a, p->w->v[i].name, &n, e);

		if (r < 0)
			return r;
		for (size_t k = 0; k < p->n; k++)
			if (p->points[k]->network == n->seq)
				return dv_fail(e, DV_INVALID, "network %.64s is there twice", n->name);
		p->points[p->n] = new_point(p, n, &p->w->v[i]);
		p->n++;
	}
	return 0;
}

/* -P: what is exposed and not published gets ports of the host that are free. */
static void publish_exposed(struct prepare *p)
{
	if (!p->w->publish_all)
		return;
	for (JSON_EACH(it, p->w->exposed)) {
		bool done = false;

		for (JSON_EACH(other, p->w->ports))
			done |= json_equal(json_get(it.value, "port"), json_get(other.value, "port")) &&
				json_equal(json_get(it.value, "proto"), json_get(other.value, "proto"));
		if (!done)
			json_append(p->a, p->w->ports, json_copy(p->a, it.value));
	}
}

/* Ports lead to the first network that may be reached. */
static int take_ports(struct prepare *p, struct network_ready *ret, struct dv_err *e)
{
	publish_exposed(p);
	for (size_t i = 0; i < p->n; i++)
		p->points[i]->ports = NULL;
	if (!json_len(p->w->ports))
		return 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct network *n = network_by_seq(&p->nets, p->points[i]->network);
		struct json *ports;

		if (!n || n->internal || streq(n->driver, "macvlan"))
			continue;
		ports = json_copy(p->a, p->w->ports);
		p->points[i]->ports = ports;
		return ports_hold(p->g, p->a, ports, addr_is(&n->subnets[NET_V6].prefix.addr), &ret->ports, e);
	}
	return 0;       /* as docker: nothing is published there */
}

static int make_rows(struct prepare *p, struct network_ready *ret, struct dv_err *e)
{
	int r;

	if ((r = known_points(p, e)) < 0 || (!p->n && (r = wanted_points(p, e)) < 0) ||
	    (r = network_rows(p->g, p->a, &p->nets, e)) < 0 || (r = take_ports(p, ret, e)) < 0)
		return r;
	if ((r = endpoint_store(p->g, p->a, &p->nets, p->points, p->n, e)) < 0)
		return r;
	return rules_note(p->g, p->a, &p->nets, p->points, p->n, e);
}

/* A container that has ended by itself may have what we want in its row still, until somebody looks at it: we do. */
static int make_rows_again(struct prepare *p, struct network_ready *ret, int *lock, struct dv_err *e)
{
	struct endpoint_list others;
	int r;

	fd_close(&ret->ports);
	fd_close(lock);
	p->n = 0;
	if ((r = network_users(p->g, p->a, 0, &others, e)) < 0 || (r = network_lock(p->g, false, lock, e)) < 0)
		return r;
	return make_rows(p, ret, e);
}

/* --- links and rules --- */

static int make_links(struct prepare *p, int netns, struct dv_err *e)
{
	bool gateway = false;

	for (size_t i = 0; i < p->n; i++) {
		const struct network *n = network_by_seq(&p->nets, p->points[i]->network);
		bool mine = !gateway && !n->internal;
		int bridge, r = bridge_up(p->g, p->a, p->route, n, &bridge, e);

		if (r < 0 ||
		    (r = endpoint_up(p->g, p->a, p->route, p->inside, netns, bridge, (unsigned)i, n, p->points[i], mine, e)) < 0)
			return r;
		gateway |= mine;
	}
	return 0;
}

/* A table that somebody has flushed is made anew, with all that there is. */
static int make_rules(struct prepare *p, int *lock, struct dv_err *e)
{
	int r = rules_add(p->g, p->a, &p->nets, p->points, p->n, e);

	if (r != -DV_NOT_FOUND)
		return r;
	fd_close(lock);
	if ((r = network_lock(p->g, true, lock, e)) < 0)
		return r;
	return rules_install(p->g, p->a, e);
}

static int enter(struct prepare *p, struct network_ready *ret, int *lock, struct dv_err *e)
{
	int r;

	if ((r = network_migrate(p->g, e)) < 0 || (r = network_lock(p->g, false, lock, e)) < 0)
		return r;
	r = make_rows(p, ret, e);
	if (r == -DV_CONFLICT || r == -DV_LIMIT)
		r = make_rows_again(p, ret, lock, e);
	if (r < 0 || (r = nl_open(NETLINK_ROUTE, -1, &p->route, e)) < 0 ||
	    (!p->w->job && (r = netns_begin(&p->w->job, e)) < 0) ||
	    (r = netns_take(take_ptr(&p->w->job), &ret->netns, &p->inside, e)) < 0 ||
	    (r = make_links(p, ret->netns, e)) < 0 || (r = make_rules(p, lock, e)) < 0)
		return r;
	rules_forget_flows(p->a, p->points, p->n);
	return names_tell(p->g, p->a, p->id, e);
}

/* The container's own line in /etc/hosts, and the address of the host as it sees it. */
static void describe(const struct prepare *p)
{
	struct json *own = json_new_array(p->a), *servers = json_new_array(p->a);

	for (size_t i = 0; i < p->n; i++) {
		const struct network *served = network_by_seq(&p->nets, p->points[i]->network);

		for (const char *const *s = names_served(served) ? names_servers(p->a, served) : NULL; s && *s; s++)
			json_append(p->a, servers, json_new_str(p->a, *s));
	}
	p->w->servers = servers;
	for (size_t i = 0; i < p->n; i++)
		for (int f = 0; f < NET_FAMILIES; f++) {
			const struct network *n = network_by_seq(&p->nets, p->points[i]->network);

			if (addr_is(&p->points[i]->addr[f]))
				json_append(p->a, own, json_new_str(p->a, addr_str(p->a, &p->points[i]->addr[f])));
			if (!p->w->host && f == NET_V4 && addr_is(&n->subnets[f].gateway) && !n->internal)
				p->w->host = addr_str(p->a, &n->subnets[f].gateway);
		}
	p->w->addresses = own;
}

int network_prepare(struct engine *g, struct arena *a, struct network_wish *w, const char *id, struct network_ready *ret,
		    struct dv_err *e)
{
	struct prepare p = { .g = g, .a = a, .w = w, .id = id, .route = -1, .inside = -1 };
	struct network_ready out = { .netns = -1, .ports = -1 };
	auto_close int lock = -1;
	int r = 0;

	if (w->mode == NETWORK_JOINED && (r = join(g, a, w, &out.netns, e)) >= 0)
		r = points_of_pod(&p, e);
	else if (w->mode == NETWORK_BRIDGED)
		r = enter(&p, &out, &lock, e);
	fd_close(&p.route);
	fd_close(&p.inside);
	if (r < 0) {
		fd_close(&lock);
		network_ready_done(&out);
		if (p.n && w->mode == NETWORK_BRIDGED)
			dv_ignore(network_release(g, a, id, false, NULL));
		return r;
	}
	describe(&p);
	for (size_t i = 0; i < p.n; i++)
		network_event(g, network_by_seq(&p.nets, p.points[i]->network), "connect", id);
	w->netns = out.netns;
	*ret = out;
	return 0;
}

int network_hold_again(struct engine *g, struct arena *a, const char *id)
{
	struct endpoint_list l;
	int fd = -1;

	if (network_migrate(g, NULL) < 0 || endpoint_rows(g, a, id, 0, &l, NULL) < 0)
		return -1;
	for (size_t i = 0; i < l.n && fd < 0; i++)
		if (json_len(l.v[i]->ports) && ports_hold(g, a, json_copy(a, l.v[i]->ports), addr_is(&l.v[i]->addr[NET_V6]), &fd, NULL) < 0)
			break;
	return fd;
}

/* --- the end --- */

int network_release(struct engine *g, struct arena *a, const char *id, bool forget, struct dv_err *e)
{
	auto_close int lock = -1;
	struct network_rows nets;
	struct endpoint_list l;
	int r;

	if ((r = network_migrate(g, e)) < 0 || (r = network_lock(g, false, &lock, e)) < 0 ||
	    (r = endpoint_rows(g, a, id, 0, &l, e)) < 0)
		return r;
	if (!l.n)
		return 0;
	/* The rows last: until then the addresses are nobody else's. */
	if ((r = network_rows(g, a, &nets, e)) < 0 || (r = rules_remove(g, a, &nets, l.v, l.n, e)) < 0)
		return r;
	rules_forget_flows(a, l.v, l.n);
	for (size_t i = 0; i < l.n; i++) {
		const struct network *n = network_by_seq(&nets, l.v[i]->network);

		if (n && (r = names_forget(g, a, n->id, id, e)) < 0)
			return r;
		if (n && endpoint_active(g, l.v[i]))
			network_event(g, n, "disconnect", id);
	}
	(void)unlinkat(engine_runfd(g), arena_printf(a, "containers/%s/" JOB_LEAVES, id), 0);
	return endpoint_clear(g, id, forget, e);
}

static bool any_active(const struct engine *g, const struct endpoint_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (endpoint_active(g, l->v[i]))
			return true;
	return false;
}

static int bridges_up(struct engine *g, struct arena *a, const struct endpoint_list *l, struct dv_err *e)
{
	struct network_rows nets;
	auto_close int route = -1;
	int bridge, r;

	if ((r = network_rows(g, a, &nets, e)) < 0 || (r = nl_open(NETLINK_ROUTE, -1, &route, e)) < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < l->n; i++) {
		const struct network *n = endpoint_active(g, l->v[i]) ? network_by_seq(&nets, l->v[i]->network) : NULL;

		if (n)
			r = bridge_up(g, a, route, n, &bridge, e);
	}
	return r;
}

/* Where no container is in a network there is nothing to put back: the last network takes the table along, and
 * davit-netd, which cannot know whose doing that was, calls this. */
int network_reload(struct engine *g, struct arena *a, struct dv_err *e)
{
	auto_close int lock = -1;
	struct endpoint_list l;
	int r;

	if ((r = network_migrate(g, e)) < 0 || (r = network_users(g, a, 0, &l, e)) < 0 || (r = network_lock(g, true, &lock, e)) < 0 ||
	    (r = endpoint_rows(g, a, NULL, 0, &l, e)) < 0)
		return r;
	if (any_active(g, &l) && (r = bridges_up(g, a, &l, e)) < 0)
		return r;
	return any_active(g, &l) || rules_there(g, a) ? rules_install(g, a, e) : 0;
}

int network_repair(struct engine *g, struct arena *a, struct dv_err *e)
{
	auto_close int lock = -1;
	struct endpoint_list l;
	int r;

	if ((r = network_migrate(g, e)) < 0 || (r = endpoint_rows(g, a, NULL, 0, &l, e)) < 0 || !any_active(g, &l))
		return r;
	if (!rules_there(g, a))
		return network_reload(g, a, e);
	r = network_lock(g, true, &lock, e);
	return r < 0 ? r : others_write(g, a, true, e);
}
