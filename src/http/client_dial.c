/* client_dial.c - connections of a client: a name becomes addresses, one of them answers, TLS is agreed on.
 *
 * Addresses are tried in the resolver's order, each for its share of the time
 * that is left. Afterwards the connection belongs to its protocol, and this
 * file moves its events.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/str.h"
#include "http/client_parts.h"
#include "http/resolve.h"

#define ADDRS_MAX 8
#define READS_MAX 16               /* in one event, before others get their turn */

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in6 in6;
	};
	socklen_t len;
};

struct dial {
	struct resolve *query;
	struct addr addrs[ADDRS_MAX];
	size_t n, at;                  /* at: the one that is tried */
	int fd;
	uint64_t deadline_ms;
	struct dv_err e;               /* of the last address that failed */
};

static void try_next(struct cconn *n);

/* --- the life of a connection --- */

void dial_stop(struct cconn *n)
{
	if (!n->dial)
		return;
	resolve_cancel(n->dial->query);
	loop_remove(n->source);
	n->source = NULL;
	fd_close(&n->dial->fd);
	free(n->dial);
	n->dial = NULL;
}

void cconn_close(struct cconn *n)
{
	if (!n || n->dead)
		return;
	n->dead = true;
	dial_stop(n);
	loop_remove(n->source);
	loop_remove(n->timer);
	n->source = n->timer = NULL;
	n->origin->n_conns--;
	n->client->stats.connections--;
	list_remove(&n->kick);
	list_remove(&n->link);
	list_add_tail(&n->client->dead_conns, &n->link);
	origin_kick(n->origin);
}

void cconn_break(struct cconn *n, const struct dv_err *e)
{
	cconn_close(n);
	while (!list_empty(&n->fetches)) {
		struct http_fetch *f = container_of(n->fetches.next, struct http_fetch, link);

		n->proto->detach(n, f);
		fetch_lost(f, false, e);
	}
}

void cconn_watch(struct cconn *n)
{
	uint32_t events = n->dead ? 0 : http_io_events(n->io, n->want_read, n->want_write);
	struct dv_err e = DV_ERR_NONE;
	int r = 0;

	if (n->dead)
		return;
	/* Decrypted already: epoll will not tell. */
	if (n->want_read && http_io_pending(n->io))
		cconn_kick(n);
	if (events == n->events)
		return;
	n->events = events;
	if (!events) {
		/* not merely no events: a peer that hangs up would be reported for ever */
		loop_remove(n->source);
		n->source = NULL;
	} else if (n->source) {
		r = loop_change_fd(n->source, events, &e);
	} else {
		r = loop_add_fd(n->client->loop, n->io->fd, events, cconn_on_event, n, &n->source, &e);
	}
	if (r < 0)
		cconn_break(n, &e);
}

static void read_input(struct cconn *n)
{
	struct http_client *c = n->client;
	struct dv_err e = DV_ERR_NONE;

	for (int i = 0; i < READS_MAX && n->want_read && !n->dead; i++) {
		ssize_t got = http_io_read(n->io, c->input, sizeof c->input, &e);

		if (got == HTTP_IO_WAIT)
			return;
		if (got < 0) {
			cconn_break(n, &e);
			return;
		}
		n->proto->on_input(n, c->input, (size_t)got);
		if (n->dead || got == 0 || ((size_t)got < sizeof c->input && !http_io_pending(n->io)))
			return;
	}
	if (!n->dead && n->want_read)
		cconn_kick(n);
}

/* Without the sweep: the task has many of them. */
void cconn_turn(struct cconn *n)
{
	if (!n->dead)
		read_input(n);
	if (!n->dead)
		n->proto->on_work(n);
	cconn_watch(n);
}

void cconn_on_event(void *ctx, int fd, uint32_t events)
{
	struct cconn *n = ctx;
	struct http_client *c = n->client;

	cconn_turn(n);
	client_sweep(c);
}

void cconn_idle(struct cconn *n)
{
	if (n->dead)
		return;
	if (n->going) {
		cconn_close(n);
		return;
	}
	n->want_read = true;
	list_remove(&n->link);
	list_add_head(&n->origin->conns, &n->link);
	loop_arm(n->timer, n->client->o.idle_timeout_ms);
	if (n->origin->n_waiting)
		origin_kick(n->origin);
}

/* --- dialling --- */

static void failed(struct cconn *n, const struct dv_err *e)
{
	struct origin *o = n->origin;
	struct dv_err told = *e;

	cconn_close(n);
	origin_failed(o, &told);
}

static void connected(struct cconn *n, const char *data, size_t len)
{
	struct http_client *c = n->client;
	const char *alpn = http_io_protocol(n->io);
	bool h2 = c->o.versions == HTTP_ONLY_2 || (alpn && streq(alpn, "h2"));
	struct dv_err e = DV_ERR_NONE;
	int r;

	if (h2 && n->origin->tls && !(alpn && streq(alpn, "h2"))) {
		(void)dv_fail(&e, DV_INVALID, "%s does not speak HTTP/2", n->origin->key);
		failed(n, &e);
		return;
	}
	n->proto = h2 ? &cconn_h2 : &cconn_h1;
	r = n->proto->start(n, &e);
	if (r < 0) {
		n->proto = NULL;
		failed(n, &e);
		return;
	}
	c->stats.dialed++;
	n->origin->known = true;
	n->origin->shares = h2;
	loop_disarm(n->timer);
	n->want_read = true;
	if (len)
		n->proto->on_input(n, data, len);
	origin_pump(n->origin);
	if (!n->dead && list_empty(&n->fetches))
		cconn_idle(n);
	if (!n->dead)
		n->proto->on_work(n);
	cconn_watch(n);
}

/* The handshake: it happens in reads. */
static void on_handshake(void *ctx, int fd, uint32_t events)
{
	struct cconn *n = ctx;
	struct http_client *c = n->client;
	struct dv_err e = DV_ERR_NONE;
	ssize_t got = http_io_read(n->io, c->input, sizeof c->input, &e);

	if (got > 0 || (got == HTTP_IO_WAIT && tls_io_ready(n->io))) {
		loop_remove(n->source);
		n->source = NULL;
		connected(n, c->input, got > 0 ? (size_t)got : 0);
	} else if (got == HTTP_IO_WAIT) {
		if (loop_change_fd(n->source, http_io_events(n->io, true, false), &e) < 0)
			failed(n, &e);
	} else {
		if (got == 0)
			(void)dv_fail(&e, DV_IO, "TLS with %s: the connection was closed", n->origin->host);
		failed(n, &e);
	}
	client_sweep(c);
}

static unsigned offers_of(const struct http_client *c)
{
	return (c->o.versions != HTTP_ONLY_2 ? TLS_OFFER_H1 : 0) | (c->o.versions != HTTP_ONLY_1 ? TLS_OFFER_H2 : 0);
}

/* No waiting for more to send; and a machine that has gone is noticed, also by a watch that only listens. */
static void tune(int fd)
{
	static const struct { int level, name, value; } options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 }, { SOL_SOCKET, SO_KEEPALIVE, 1 }, { IPPROTO_TCP, TCP_KEEPIDLE, 30 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 10 }, { IPPROTO_TCP, TCP_KEEPCNT, 3 }, { IPPROTO_TCP, TCP_USER_TIMEOUT, 60000 },
	};

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
}

/* A socket is connected. */
static void got_socket(struct cconn *n)
{
	struct http_client *c = n->client;
	int fd = take_fd(&n->dial->fd), r;
	struct dv_err e = DV_ERR_NONE;

	dial_stop(n);
	if (!n->origin->unix_path)
		tune(fd);
	if (!n->origin->tls) {
		n->io = http_io_plain(fd);
		connected(n, NULL, 0);
		return;
	}
	r = c->tls ? 0 : tls_client_new(&(struct tls_client_conf){ 0 }, &c->own_tls, &e);
	if (r < 0) {
		(void)close(fd);
		failed(n, &e);
		return;
	}
	c->tls = c->tls ? c->tls : c->own_tls;
	r = tls_client_io(c->tls, fd, n->origin->host, offers_of(c), &n->io, &e);
	if (r == 0)
		r = loop_add_fd(c->loop, fd, EPOLLOUT, on_handshake, n, &n->source, &e);
	if (r < 0)
		failed(n, &e);
}

static void address_failed(struct cconn *n, int sys)
{
	struct dial *d = n->dial;

	loop_remove(n->source);
	n->source = NULL;
	fd_close(&d->fd);
	(void)dv_fail_errno(&d->e, sys, "connect to %s", n->origin->key);
	/* whatever the reason: it is not there, and may be another time */
	d->e.kind = sys == ETIMEDOUT ? DV_TIMEOUT : DV_UNAVAILABLE;
	d->at++;
}

static void on_socket(void *ctx, int fd, uint32_t events)
{
	struct cconn *n = ctx;
	struct http_client *c = n->client;
	int sys = 0;
	socklen_t len = sizeof sys;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &sys, &len) < 0)
		sys = errno;
	if (sys == 0) {
		got_socket(n);
	} else {
		address_failed(n, sys);
		try_next(n);
	}
	client_sweep(c);
}

/* By a descriptor of the directory, however long its path is: an address has 108 bytes. */
static int connect_unix(int fd, const char *path)
{
	const char *slash = strrchr(path, '/');
	auto_free char *dir = slash ? mem_printf("%.*s/", (int)(slash - path), path) : mem_str(".");
	auto_close int dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int n = snprintf(un.sun_path, sizeof un.sun_path, "/proc/self/fd/%d/%s", dirfd, slash ? slash + 1 : path);

	if (dirfd < 0)
		return -1;
	if (n < 0 || (size_t)n >= sizeof un.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return connect(fd, (struct sockaddr *)&un, sizeof un);
}

/* 1: connected; 0: on its way; or a negative errno. */
static int start_connect(struct cconn *n, const struct addr *a)
{
	struct dial *d = n->dial;
	struct dv_err e = DV_ERR_NONE;
	int r = fd_socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0, &d->fd, &e);

	if (r < 0)
		return -(e.sys ? e.sys : EIO);
	if ((n->origin->unix_path ? connect_unix(d->fd, n->origin->unix_path) : connect(d->fd, &a->sa, a->len)) == 0)
		return 1;
	if (errno != EINPROGRESS && errno != EINTR)
		return -errno;
	r = loop_add_fd(n->client->loop, d->fd, EPOLLOUT, on_socket, n, &n->source, &e);
	return r < 0 ? -(e.sys ? e.sys : EIO) : 0;
}

static void try_next(struct cconn *n)
{
	struct dial *d = n->dial;

	while (d->at < d->n) {
		uint64_t now = loop_now_ms(n->client->loop), left = d->deadline_ms > now ? d->deadline_ms - now : 0;
		int r = start_connect(n, &d->addrs[d->at]);

		if (r == 1) {
			got_socket(n);
			return;
		}
		if (r == 0) {
			loop_arm(n->timer, left / (d->n - d->at));
			return;
		}
		address_failed(n, -r);
	}
	if (d->e.kind == DV_OK)
		(void)dv_fail(&d->e, DV_NOT_FOUND, "connect to %s: it has no address", n->origin->key);
	failed(n, &d->e);
}

static void add_addresses(struct dial *d, const struct addrinfo *list)
{
	for (const struct addrinfo *ai = list; ai && d->n < ADDRS_MAX; ai = ai->ai_next) {
		if (ai->ai_addrlen > sizeof d->addrs[0].in6)
			continue;
		memcpy(&d->addrs[d->n].sa, ai->ai_addr, ai->ai_addrlen);
		d->addrs[d->n++].len = ai->ai_addrlen;
	}
}

static void on_resolved(void *ctx, const struct addrinfo *list, const struct dv_err *e)
{
	struct cconn *n = ctx;
	struct http_client *c = n->client;

	n->dial->query = NULL;
	if (list) {
		add_addresses(n->dial, list);
		try_next(n);
	} else {
		failed(n, e);
	}
	client_sweep(c);
}

/* An unused connection has been idle for its time, or the dialling one has used up its own. */
static void on_timer(void *ctx)
{
	struct cconn *n = ctx;
	struct http_client *c = n->client;
	struct dial *d = n->dial;
	struct dv_err e = DV_ERR_NONE;

	if (n->proto) {
		if (list_empty(&n->fetches))
			cconn_close(n);
	} else if (d && d->fd >= 0 && d->at + 1 < d->n) {
		address_failed(n, ETIMEDOUT);
		try_next(n);
	} else {
		(void)dv_fail(&e, DV_TIMEOUT, "connect to %s: no answer in time", n->origin->key);
		failed(n, &e);
	}
	client_sweep(c);
}

static int find_addresses(struct cconn *n, struct dv_err *e)
{
	struct origin *o = n->origin;
	struct addrinfo *list;
	int r;

	if (o->unix_path) {
		n->dial->addrs[0].sa.sa_family = AF_UNIX;
		n->dial->n = 1;
		return 0;
	}
	list = resolve_numeric(o->host, o->port);
	if (list) {
		add_addresses(n->dial, list);
		freeaddrinfo(list);
		return 0;
	}
	if (!n->client->jobs) {
		r = job_pool_new(n->client->loop, 2, 256, &n->client->own_jobs, e);
		if (r < 0)
			return r;
		n->client->jobs = n->client->own_jobs;
	}
	return resolve_start(n->client->jobs, o->host, o->port, on_resolved, n, &n->dial->query, e);
}

void dial_start(struct origin *o)
{
	struct cconn *n = mem_new(struct cconn);
	struct http_client *c = o->client;
	struct dv_err e = DV_ERR_NONE;
	int r;

	n->origin = o;
	n->client = c;
	list_init(&n->kick);
	list_init(&n->fetches);
	list_add_tail(&o->conns, &n->link);
	o->n_conns++;
	c->stats.connections++;
	n->timer = loop_add_timer(c->loop, on_timer, n);
	loop_arm(n->timer, c->o.connect_timeout_ms);
	n->dial = mem_new(struct dial);
	n->dial->fd = -1;
	n->dial->deadline_ms = loop_now_ms(c->loop) + c->o.connect_timeout_ms;
	r = find_addresses(n, &e);
	if (r < 0)
		failed(n, &e);
	else if (!n->dial->query)
		try_next(n);
}
