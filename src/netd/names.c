/* names.c - follows the directory of records: containers into the zone, networks into listeners.
 *
 * Files are read when inotify says so, and once more before each question is answered: a container's file is
 * there before its first process is, so it finds itself and its neighbours in its first moment. Listeners are
 * changed from a task, since a question may be under way in one of them.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "dns/records.h"
#include "dns/server.h"
#include "netd/inner.h"

#define EVENTS (IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR)
#define AGAIN_MS 1000           /* a port that is taken may be free then */
#define HOST_DIR "/etc"
#define HOST_FILE "resolv.conf"

struct net {
	struct records_network rec;
	struct dns_listener *l[RECORDS_GATEWAYS_MAX];
};

struct names {
	struct loop *loop;
	int dirfd, watch, host_watch;
	struct loop_source *source, *host_source, *task, *again;
	struct zone *zone;
	struct dns_server *server;
	struct proxy *proxy;
	struct map *nets;               /* by id */
	struct map *changed;            /* files of networks to be looked at: (void *)1 */
	struct map *known;              /* files of containers that are in the zone */
	struct forward_servers host;
	void (*idle)(void *ctx);
	void *ctx;
	bool quiet;                     /* at the beginning: nobody is idle yet */
};

static char present;                    /* the value of maps that are sets */

/* --- networks --- */

static void net_free(void *p)
{
	struct net *n = p;

	for (size_t i = 0; i < RECORDS_GATEWAYS_MAX; i++)
		dns_listener_free(n->l[i]);
	free(n);
}

static bool same_gateways(const struct records_network *a, const struct records_network *b)
{
	return a->n_gateways == b->n_gateways && memcmp(a->gateways, b->gateways, sizeof a->gateways) == 0;
}

static bool is_ours(const struct names *x, const struct sockaddr_storage *server)
{
	size_t pos = 0;
	const char *key;
	void *v;

	while (map_next(x->nets, &pos, &key, &v)) {
		const struct net *n = v;

		for (size_t i = 0; i < n->rec.n_gateways; i++)
			if (memcmp(&n->rec.gateways[i], server, sizeof *server) == 0)
				return true;
	}
	return false;
}

/* A server that is ourselves would be asked for ever. */
static void set_upstreams(struct names *x, struct net *n)
{
	struct forward_servers s = n->rec.upstreams;

	for (size_t i = 0; n->rec.upstream_host && i < x->host.n && s.n < FORWARD_SERVERS_MAX; i++)
		if (!is_ours(x, &x->host.v[i]))
			s.v[s.n++] = x->host.v[i];
	for (size_t i = 0; i < n->rec.n_gateways; i++)
		if (n->l[i])
			dns_listener_upstreams(n->l[i], &s);
}

static void listen_all(struct names *x, struct net *n)
{
	struct dv_err e = DV_ERR_NONE;

	for (size_t i = 0; i < n->rec.n_gateways; i++)
		if (!n->l[i] && dns_server_listen(x->server, n->rec.id, &n->rec.gateways[i], &n->l[i], &e) < 0) {
			log_warn("names of a network are not served yet", "network", n->rec.id, "reason", e.msg, NULL);
			loop_arm(x->again, AGAIN_MS);
		}
	set_upstreams(x, n);
}

static void net_set(struct names *x, const struct records_network *rec)
{
	struct net *n = map_get(x->nets, rec->id);

	if (n && !same_gateways(&n->rec, rec)) {
		net_free(map_del(x->nets, rec->id));
		n = NULL;
	}
	if (!n) {
		n = mem_new(struct net);
		(void)map_set(x->nets, rec->id, n);
	}
	n->rec = *rec;
	listen_all(x, n);
}

static void net_look(struct names *x, const char *file)
{
	struct records_network rec;
	struct records_container c;
	struct dv_err e = DV_ERR_NONE;
	void *gone;
	int r = records_read_network(x->dirfd, file, &rec, &e);

	if (r >= 0) {
		net_set(x, &rec);
		return;
	}
	if (r != -DV_NOT_FOUND)
		log_warn("a record is passed over", "reason", e.msg, NULL);
	(void)records_parse_name(file, &rec, &c);
	gone = map_del(x->nets, rec.id);
	if (gone)
		net_free(gone);
}

static void on_task(void *ctx)
{
	struct names *x = ctx;
	size_t pos = 0;
	const char *file;
	void *v;

	while (map_next(x->changed, &pos, &file, &v)) {
		net_look(x, file);
		(void)map_del(x->changed, file);
	}
	if (!x->quiet && map_len(x->known) == 0)
		x->idle(x->ctx);
}

static void on_again(void *ctx)
{
	struct names *x = ctx;
	size_t pos = 0;
	const char *key;
	void *v;

	while (map_next(x->nets, &pos, &key, &v))
		listen_all(x, v);
}

/* --- containers --- */

static void container_look(struct names *x, const char *file)
{
	auto_arena struct arena a = { 0 };
	struct records_container c;
	struct records_network n;
	struct dv_err e = DV_ERR_NONE;
	int r;

	arena_init(&a, 0);
	r = records_read_container(x->dirfd, &a, file, &c, &e);
	if (r >= 0)
		r = zone_set(x->zone, c.network, c.id, (const char *const *)c.names, c.n_names, c.addrs, c.n_addrs, &e);
	if (r >= 0) {
		(void)map_set(x->known, file, &present);
		proxy_set(x->proxy, file, c.ports, c.n_ports);
		return;
	}
	if (r != -DV_NOT_FOUND)
		log_warn("a record is passed over", "reason", e.msg, NULL);
	(void)records_parse_name(file, &n, &c);
	zone_drop(x->zone, c.network, c.id);
	proxy_set(x->proxy, file, NULL, 0);
	if (map_del(x->known, file) && map_len(x->known) == 0)
		loop_post(x->task);     /* to say so */
}

static void look(struct names *x, const char *file)
{
	struct records_container c;
	struct records_network n;

	switch (records_parse_name(file, &n, &c)) {
	case RECORDS_CONTAINER:
		container_look(x, file);
		break;
	case RECORDS_NETWORK:
		(void)map_set(x->changed, file, &present);
		loop_post(x->task);
		break;
	case RECORDS_OTHER:
		break;
	}
}

/* Everything that is there, and everything that was. */
static int scan_all(struct names *x, struct dv_err *e)
{
	auto_close int fd = -1;
	struct dirent *de;
	size_t pos = 0;
	const char *file;
	void *v;
	DIR *d;
	int r = file_open(x->dirfd, ".", O_RDONLY | O_DIRECTORY, 0, &fd, e);

	if (r < 0)
		return r;
	d = fdopendir(fd);
	if (!d)
		return dv_fail_errno(e, errno, "read the records");
	take_fd(&fd);
	while ((de = readdir(d)))
		look(x, de->d_name);
	(void)closedir(d);
	while (map_next(x->known, &pos, &file, &v))
		if (faccessat(x->dirfd, file, F_OK, 0) < 0)
			container_look(x, file);
	pos = 0;
	while (map_next(x->nets, &pos, &file, &v)) {
		auto_free char *name = mem_printf("%s.net", file);

		(void)map_set(x->changed, name, &present);
	}
	loop_post(x->task);
	return 0;
}

static void read_events(struct names *x)
{
	char buf[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)] __attribute__((aligned(8)));
	ssize_t n;

	while ((n = read(x->watch, buf, sizeof buf)) > 0)
		for (char *p = buf; p < buf + n;) {
			const struct inotify_event *ev = (const void *)p;

			if (ev->mask & IN_Q_OVERFLOW)
				dv_ignore(scan_all(x, NULL));
			else if (ev->len)
				look(x, ev->name);
			p += sizeof *ev + ev->len;
		}
}

static void on_events(void *ctx, int fd, uint32_t events)
{
	read_events(ctx);
}

static void before_answer(void *ctx)
{
	read_events(ctx);
}

size_t names_count(struct names *x)
{
	read_events(x);
	return map_len(x->known);
}

/* --- the host's servers --- */

static void read_host(struct names *x)
{
	struct forward_servers none = { .n = 0 };

	if (forward_servers_read(AT_FDCWD, HOST_DIR "/" HOST_FILE, &x->host, NULL) < 0)
		x->host = none;
}

static void on_host(void *ctx, int fd, uint32_t events)
{
	struct names *x = ctx;
	char buf[4096] __attribute__((aligned(8)));
	size_t pos = 0;
	const char *key;
	bool ours = false;
	ssize_t n;
	void *v;

	while ((n = read(fd, buf, sizeof buf)) > 0)
		for (char *p = buf; p < buf + n;) {
			const struct inotify_event *ev = (const void *)p;

			ours |= ev->len == 0 || streq(ev->name, HOST_FILE);
			p += sizeof *ev + ev->len;
		}
	if (!ours)
		return;
	read_host(x);
	while (map_next(x->nets, &pos, &key, &v))
		set_upstreams(x, v);
}

/* Where a link leads may be another directory, which is watched as well. */
static void watch_host(struct names *x)
{
	char real[PATH_MAX];

	(void)inotify_add_watch(x->host_watch, HOST_DIR, IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE | IN_ONLYDIR);
	if (realpath(HOST_DIR "/" HOST_FILE, real))
		(void)inotify_add_watch(x->host_watch, real, IN_CLOSE_WRITE | IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF);
}

/* --- life --- */

void names_free(struct names *x)
{
	if (!x)
		return;
	loop_remove(x->source);
	loop_remove(x->host_source);
	loop_remove(x->task);
	loop_remove(x->again);
	map_free(x->nets, net_free);
	map_free(x->changed, NULL);
	map_free(x->known, NULL);
	proxy_free(x->proxy);
	dns_server_free(x->server);
	zone_free(x->zone);
	fd_close(&x->watch);
	fd_close(&x->host_watch);
	free(x);
}

static int start(struct names *x, struct dv_err *e)
{
	auto_free char *path = mem_printf("/proc/self/fd/%d", x->dirfd);
	int r;

	x->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	x->host_watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (x->watch < 0 || x->host_watch < 0 || inotify_add_watch(x->watch, path, EVENTS) < 0)
		return dv_fail_errno(e, errno, "watch the records");
	watch_host(x);
	read_host(x);
	if ((r = dns_server_new(x->loop, x->zone, &x->server, e)) < 0 ||
	    (r = loop_add_fd(x->loop, x->watch, EPOLLIN, on_events, x, &x->source, e)) < 0 ||
	    (r = loop_add_fd(x->loop, x->host_watch, EPOLLIN, on_host, x, &x->host_source, e)) < 0)
		return r;
	dns_server_before(x->server, before_answer, x);
	x->quiet = true;
	r = scan_all(x, e);
	if (r >= 0)
		on_task(x);
	x->quiet = false;
	return r;
}

int names_new(struct loop *l, int dirfd, uid_t port_user, void (*idle)(void *ctx), void *ctx, struct names **ret, struct dv_err *e)
{
	struct names *x = mem_new(struct names);
	int r;

	*x = (struct names){ .loop = l, .dirfd = dirfd, .watch = -1, .host_watch = -1, .zone = zone_new(), .nets = map_new(),
			     .changed = map_new(), .known = map_new(), .idle = idle, .ctx = ctx };
	x->proxy = proxy_new(l, port_user);
	x->task = loop_add_task(l, on_task, x);
	x->again = loop_add_timer(l, on_again, x);
	if ((r = start(x, e)) < 0) {
		names_free(x);
		return r;
	}
	*ret = x;
	return 0;
}
