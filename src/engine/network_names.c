/* network_names.c - tells davit-netd what containers are called and which ports they publish, and starts it when nobody
 * serves.
 *
 * Names are served in networks that a user has made: the default network has none, as with docker. The files
 * (dns/records.h) follow from the rows of endpoints; they are in the run directory, so nothing of them outlives a
 * restart of the machine.
 */
#include <poll.h>
#include <stdio.h>

#include "base/deadline.h"
#include "base/file.h"
#include "base/str.h"
#include "dns/records.h"
#include "engine/monitors.h"
#include "engine/network_parts.h"
#include "engine/pod.h"

#define NETD_LOCK "netd/lock"           /* davit-netd holds it as long as it runs */
#define NETD_READY_MS 10000
#define SHORT_ID 12

bool names_served(const struct network *n)
{
	return n->dns && streq(n->driver, "bridge") && !streq(n->name, NETWORK_DEFAULT);
}

/* The addresses under which a network's names are asked for; NULL-terminated. */
const char *const *names_servers(struct arena *a, const struct network *n)
{
	const char **v = arena_array(a, const char *, NET_FAMILIES + 1);
	size_t k = 0;

	for (int f = 0; f < NET_FAMILIES; f++)
		if (addr_is(&n->subnets[f].gateway))
			v[k++] = addr_str(a, &n->subnets[f].gateway);
	return v;
}

static int open_dir(struct engine *g, int *ret, struct dv_err *e)
{
	int r = file_open(engine_runfd(g), RECORDS_DIR, O_RDONLY | O_DIRECTORY, 0, ret, NULL);

	if (r != -DV_NOT_FOUND)
		return r;
	if ((r = file_mkdirs(engine_runfd(g), RECORDS_DIR, 0711, NULL, e)) < 0)
		return r;
	return file_open(engine_runfd(g), RECORDS_DIR, O_RDONLY | O_DIRECTORY, 0, ret, e);
}

/* --- davit-netd --- */

bool names_are_served(struct engine *g)
{
	auto_close int fd = -1;

	return file_open(engine_runfd(g), NETD_LOCK, O_RDWR, 0, &fd, NULL) >= 0 && file_lock(fd, true, false, NETD_LOCK, NULL) < 0;
}

/* One byte says that it answers; the end of the pipe, that it does not. */
static int wait_ready(int fd, struct dv_err *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t deadline = deadline_in(NETD_READY_MS);
	char byte;

	while (poll(&p, 1, deadline_left(deadline)) == 0 && deadline_left(deadline) > 0)
		;
	if ((p.revents & (POLLIN | POLLHUP)) && read(fd, &byte, 1) == 1)
		return 0;
	return dv_fail(e, DV_UNAVAILABLE, "davit-netd does not serve the names of containers");
}

static int spawn(struct engine *g, struct arena *a, int ready, struct dv_err *e)
{
	auto_free char *monitor = NULL;
	auto_close int null = -1;
	const char *table = arena_printf(a, "davit-%s", network_tag(g, a));
	const char *const argv[] = { "davit-netd", "serve", "--root", engine_root(g), "--runroot", engine_runroot(g), "--table", table,
				     "--port-user", arena_printf(a, "%u", ports_user(g, a)), "--ready-fd", "3", NULL };
	const char *slash;
	pid_t pid;
	int r;

	if ((r = monitor_program(&monitor, e)) < 0 || (r = file_open(AT_FDCWD, "/dev/null", O_RDWR, 0, &null, e)) < 0)
		return r;
	slash = strrchr(monitor, '/');
	{
		const struct proc_map fds[] = { { null, 0 }, { null, 1 }, { null, 2 }, { ready, 3 } };
		const struct proc_spawn s = { .path = arena_printf(a, "%.*s/davit-netd", (int)(slash - monitor), monitor),
					      .argv = (char *const *)argv, .fds = fds, .n_fds = ARRAY_LEN(fds), .own_session = true };

		return proc_spawn(&s, &pid, NULL, e);
	}
}

static int serve(struct engine *g, struct arena *a, struct dv_err *e)
{
	auto_close int in = -1, out = -1;
	int pair[2], r;

	if (names_are_served(g))
		return 0;
	if ((r = fd_pipe(pair, e)) < 0)
		return r;
	in = pair[0];
	out = pair[1];
	if ((r = spawn(g, a, out, e)) < 0)
		return dv_wrap(e, "start davit-netd");
	fd_close(&out);
	return wait_ready(in, e);
}

/* --- records --- */

static void add_name(const char **v, size_t *n, const char *name)
{
	struct dns_name x;

	/* A container's name may be more than a host's may be: it has no record then. */
	if (*n < ZONE_NAMES_MAX && name && dns_name_parse(name, &x, NULL) >= 0)
		v[(*n)++] = name;
}

/* Ports that are published on all addresses are there on the loopback, too; those of one other address are not. */
static const char *const *loopbacks_of(struct arena *a, const char *ip)
{
	const char **v = arena_array(a, const char *, 3);
	struct net_addr x;

	if (!*ip) {
		v[0] = "127.0.0.1";
		v[1] = "::1";
	} else if (addr_parse(ip, "address", &x, NULL) >= 0) {
		if (addr_is_any(&x))
			v[0] = x.family == AF_INET ? "127.0.0.1" : "::1";
		else if (addr_is_loopback(&x))
			v[0] = ip;
	}
	return v;
}

/* A container without an address of the same family is reached by the other one. */
static const struct net_addr *target_of(const struct endpoint *p, const char *at)
{
	const struct net_addr *same = &p->addr[strchr(at, ':') ? NET_V6 : NET_V4];

	return addr_is(same) ? same : &p->addr[addr_is(&p->addr[NET_V4]) ? NET_V4 : NET_V6];
}

const struct records_publish *names_published(struct arena *a, const struct endpoint *p, size_t *ret_n)
{
	struct records_publish *v = arena_array(a, struct records_publish, RECORDS_PORTS_MAX + 1);
	size_t n = 0;

	for (JSON_EACH(it, p->ports)) {
		const char *ip = json_str(json_get(it.value, "ip")), *proto = json_str(json_get(it.value, "proto"));
		const char *host = json_num_text(json_get(it.value, "host")), *port = json_num_text(json_get(it.value, "port"));

		if (!host || !port || !proto)
			continue;
		/* The firewall serves all of them, however many there are. */
		for (const char *const *at = loopbacks_of(a, ip ? ip : ""); *at && n < RECORDS_PORTS_MAX; at++)
			v[n++] = (struct records_publish){ streq(proto, "udp"), arena_printf(a, "%s#%s", *at, host),
							   arena_printf(a, "%s#%s", addr_str(a, target_of(p, *at)), port) };
	}
	*ret_n = n;
	return v;
}

static int tell_one(struct engine *g, struct arena *a, int dir, const struct network *n, const struct endpoint *p,
		    const char *name, struct dv_err *e)
{
	static const char *const host[] = { "host", NULL }, *const none[] = { NULL };
	const char *names[ZONE_NAMES_MAX + 1] = { 0 }, *addrs[NET_FAMILIES + 1] = { 0 };
	size_t n_names = 0, n_addrs = 0, n_ports;
	const struct records_publish *ports = names_published(a, p, &n_ports);
	int r = 0;

	if (!names_served(n))
		return records_write_container(dir, n->id, p->container, none, none, ports, n_ports, e);
	add_name(names, &n_names, name);
	add_name(names, &n_names, arena_strn(a, p->container, SHORT_ID));
	for (JSON_EACH(it, p->aliases))
		add_name(names, &n_names, json_str(it.value));
	for (int f = 0; f < NET_FAMILIES; f++)
		if (addr_is(&p->addr[f]))
			addrs[n_addrs++] = addr_str(a, &p->addr[f]);
	r = records_write_network(dir, n->id, names_servers(a, n), n->internal ? none : host, e);
	return r < 0 ? r : records_write_container(dir, n->id, p->container, names, addrs, ports, n_ports, e);
}

int names_tell(struct engine *g, struct arena *a, const char *id, struct dv_err *e)
{
	auto_close int dir = -1;
	struct network_rows nets;
	struct endpoint_list l;
	const char *name;
	bool any = false;
	int r;

	if ((r = endpoint_rows(g, a, id, 0, &l, e)) < 0 || !l.n || (r = network_rows(g, a, &nets, e)) < 0)
		return r;
	name = pod_or_ctr_name(g, a, id);
	if (!name)
		return dv_fail(e, DV_NOT_FOUND, "No such container: %.64s", id);
	for (size_t i = 0; i < l.n; i++) {
		const struct network *n = network_by_seq(&nets, l.v[i]->network);

		if (!n || (!names_served(n) && !json_len(l.v[i]->ports)) || !endpoint_active(g, l.v[i]))
			continue;
		if ((dir < 0 && (r = open_dir(g, &dir, e)) < 0) || (r = tell_one(g, a, dir, n, l.v[i], name, e)) < 0)
			return r;
		any = true;
	}
	/* The records are there: a server that is about to end sees them, and one that is not there is started. */
	return any ? serve(g, a, e) : 0;
}

int names_forget(struct engine *g, struct arena *a, const char *network, const char *id, struct dv_err *e)
{
	auto_close int dir = -1;
	int r = file_open(engine_runfd(g), RECORDS_DIR, O_RDONLY | O_DIRECTORY, 0, &dir, e);

	if (r < 0)
		return r == -DV_NOT_FOUND ? 0 : r;
	return id ? records_remove_container(dir, network, id, e) : records_remove_network(dir, network, e);
}

int network_renamed(struct engine *g, struct arena *a, const char *id, struct dv_err *e)
{
	int r = network_migrate(g, e);

	return r < 0 ? r : names_tell(g, a, id, e);
}
