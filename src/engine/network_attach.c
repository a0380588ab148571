/* network_attach.c - `network connect` and `disconnect`: a container's networks change, also while it runs. */
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/life.h"
#include "engine/network_parts.h"

static int find_ctr(struct engine *g, struct arena *a, const char *ref, struct ctr **ret, struct dv_err *e)
{
	int r = ctr_find(g, a, ref, ret, e);

	if (r < 0 || (r = life_settle(g, a, *ret, e)) < 0)
		return r;
	return r > 0 ? dv_fail(e, DV_NOT_FOUND, "No such container: %.128s", ref) : 0;
}

static const char *mode_of(struct arena *a, const struct ctr *c)
{
	struct json *j = NULL;
	const char *mode;

	if (json_parse(a, c->config, strlen(c->config), &j, NULL) < 0)
		return "none";
	mode = json_str(json_path(j, "HostConfig.NetworkMode"));
	return mode ? mode : "none";
}

static int check_mode(struct arena *a, const struct ctr *c, struct dv_err *e)
{
	const char *mode = mode_of(a, c);

	if (streq(mode, "host") || str_starts(mode, "container:") || str_starts(mode, "ns:"))
		return dv_fail(e, DV_INVALID, "container sharing network namespace with another container or host cannot be "
			       "connected to any other network");
	return streq(mode, "none") ? dv_fail(e, DV_INVALID, "container cannot be connected to multiple networks with one of the "
					     "networks in private (none) mode") : 0;
}

/* The first free ethN. */
static const char *free_ifname(struct arena *a, const struct endpoint_list *l, unsigned *ret_which)
{
	for (unsigned i = 0;; i++) {
		const char *name = arena_printf(a, "eth%u", i);
		bool used = false;

		for (size_t k = 0; k < l->n; k++)
			used |= l->v[k]->ifname && streq(l->v[k]->ifname, name);
		if (!used) {
			*ret_which = i;
			return name;
		}
	}
}

struct live {
	int route, inside, netns, lock;
};

static void live_done(struct live *x)
{
	fd_close(&x->route);
	fd_close(&x->inside);
	fd_close(&x->netns);
	fd_close(&x->lock);
}

static int live_open(struct engine *g, struct arena *a, const struct ctr *c, struct live *x, struct dv_err *e)
{
	int r;

	if ((r = network_lock(g, false, &x->lock, e)) < 0 || (r = nl_open(NETLINK_ROUTE, -1, &x->route, e)) < 0)
		return r;
	if (c->status != CTR_RUNNING)
		return 0;
	if ((r = file_open(AT_FDCWD, arena_printf(a, "/proc/%d/ns/net", (int)c->init.pid), O_RDONLY, 0, &x->netns, e)) < 0)
		return r;
	/* The number may be another process' by now: the one that was meant must still be there. */
	if (!ctr_init_alive(g, c))
		return dv_fail(e, DV_CONFLICT, "container %s is not running", c->id);
	return nl_open(NETLINK_ROUTE, x->netns, &x->inside, e);
}

/* What its monitor takes away at the end is what it has now. */
static int note(struct engine *g, struct arena *a, const char *id, const struct network_rows *nets, struct dv_err *e)
{
	struct endpoint_list l;
	int r = endpoint_rows(g, a, id, 0, &l, e);

	return r < 0 ? r : rules_note(g, a, nets, l.v, l.n, e);
}

/* --- connect --- */

static int plug(struct engine *g, struct arena *a, struct live *x, const struct network_rows *nets, struct endpoint *p,
		unsigned which, bool gateway, struct dv_err *e)
{
	const struct network *n = network_by_seq(nets, p->network);
	int bridge, r;

	if ((r = endpoint_store(g, a, nets, &p, 1, e)) < 0 || (r = bridge_up(g, a, x->route, n, &bridge, e)) < 0 ||
	    (r = endpoint_up(g, a, x->route, x->inside, x->netns, bridge, which, n, p, gateway, e)) < 0)
		return r;
	if ((r = note(g, a, p->container, nets, e)) < 0)
		return r;
	r = rules_add(g, a, nets, &p, 1, e);
	if (r != -DV_NOT_FOUND)
		return r;
	fd_close(&x->lock);
	if ((r = network_lock(g, true, &x->lock, e)) < 0)
		return r;
	return rules_install(g, a, e);
}

static int check_addresses(const struct network_connect *q, struct dv_err *e)
{
	struct net_addr x;
	struct net_mac mac;
	int r;

	if ((q->ip && (r = addr_parse(q->ip, "--ip", &x, e)) < 0) || (q->ip6 && (r = addr_parse(q->ip6, "--ip6", &x, e)) < 0))
		return r;
	return q->mac ? mac_parse(q->mac, &mac, e) : 0;
}

static int connect_locked(struct engine *g, struct arena *a, const struct network_connect *q, const struct ctr *c,
			  struct network *n, struct live *x, struct dv_err *e)
{
	struct endpoint_list old;
	struct network_rows nets;
	struct endpoint p = { .network = n->seq, .container = c->id, .want = { q->ip, q->ip6 }, .want_mac = q->mac };
	unsigned which;
	int r;

	if ((r = endpoint_rows(g, a, c->id, 0, &old, e)) < 0 || (r = network_rows(g, a, &nets, e)) < 0)
		return r;
	for (size_t i = 0; i < old.n; i++)
		if (old.v[i]->network == n->seq)
			return dv_fail(e, DV_EXISTS, "endpoint with name %.64s already exists in network %.64s", c->name, n->name);
	p.ifname = free_ifname(a, &old, &which);
	p.aliases = json_new_strs(a, q->aliases);
	if (c->status != CTR_RUNNING)
		return endpoint_insert(g, a, &p, e);
	r = plug(g, a, x, &nets, &p, which, !old.n, e);
	if (r >= 0)
		r = names_tell(g, a, c->id, e);
	if (r < 0 && p.seq)
		dv_ignore(endpoint_drop(g, p.seq, NULL));
	return r;
}

int network_connect(struct engine *g, struct arena *a, const struct network_connect *q, struct dv_err *e)
{
	struct live x = { -1, -1, -1, -1 };
	auto_close int lock = -1;
	struct network *n = NULL;
	struct ctr *c = NULL;
	int r;

	if ((r = network_migrate(g, e)) < 0 || (r = check_addresses(q, e)) < 0 || (r = network_need(g, a, q->network, &n, e)) < 0 ||
	    (r = find_ctr(g, a, q->container, &c, e)) < 0 || (r = life_lock(g, c->id, &lock, e)) < 0 ||
	    (r = find_ctr(g, a, c->id, &c, e)) < 0 || (r = check_mode(a, c, e)) < 0)
		return r;
	r = live_open(g, a, c, &x, e);
	if (r >= 0)
		r = connect_locked(g, a, q, c, n, &x, e);
	live_done(&x);
	if (r >= 0)
		network_event(g, n, "connect", c->id);
	return r < 0 ? r : 0;
}

/* --- disconnect --- */

/* Its element of the guard goes first: from then on nothing passes, whenever the kernel gets to removing the link. */
static int unplug(struct engine *g, struct arena *a, const struct endpoint *p, const struct network_rows *nets, struct live *x,
		  struct dv_err *e)
{
	const struct network *n = network_by_seq(nets, p->network);
	struct endpoint *one = (struct endpoint *)p;
	int r = rules_remove(g, a, nets, &one, 1, e);

	if (r < 0)
		return r;
	if (n && streq(n->driver, "macvlan")) {
		auto_nl struct nl_batch b = NL_BATCH;

		if (x->inside < 0)
			return 0;
		link_delete(&b, p->ifname);
		return nl_send(x->inside, &b, e);
	}
	return x->inside < 0 ? 0 : link_delete_later(endpoint_link(g, a, p), e);
}

static int disconnect_locked(struct engine *g, struct arena *a, const struct network *n, const struct ctr *c, struct live *x,
			     struct dv_err *e)
{
	struct endpoint_list l;
	struct network_rows nets;
	int r;

	if ((r = endpoint_rows(g, a, c->id, 0, &l, e)) < 0 || (r = network_rows(g, a, &nets, e)) < 0)
		return r;
	for (size_t i = 0; i < l.n; i++) {
		if (l.v[i]->network != n->seq)
			continue;
		if (endpoint_active(g, l.v[i]) && ((r = unplug(g, a, l.v[i], &nets, x, e)) < 0 ||
						   (r = names_forget(g, a, n->id, c->id, e)) < 0))
			return r;
		r = endpoint_drop(g, l.v[i]->seq, e);
		return r < 0 ? r : note(g, a, c->id, &nets, e);
	}
	return dv_fail(e, DV_NOT_FOUND, "container %.64s is not connected to network %.64s", c->name, n->name);
}

int network_disconnect(struct engine *g, struct arena *a, const char *network, const char *container, bool force,
		       struct dv_err *e)
{
	struct live x = { -1, -1, -1, -1 };
	auto_close int lock = -1;
	struct network *n = NULL;
	struct ctr *c = NULL;
	int r;

	if ((r = network_migrate(g, e)) < 0 || (r = network_find(g, a, network, &n, e)) < 0 ||
	    (r = find_ctr(g, a, container, &c, e)) < 0 || (r = life_lock(g, c->id, &lock, e)) < 0 ||
	    (r = find_ctr(g, a, c->id, &c, e)) < 0)
		return r;
	(void)force;    /* nothing that could refuse */
	r = live_open(g, a, c, &x, e);
	if (r >= 0)
		r = disconnect_locked(g, a, n, c, &x, e);
	live_done(&x);
	if (r >= 0)
		network_event(g, n, "disconnect", c->id);
	return r < 0 ? r : 0;
}
