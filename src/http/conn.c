/* conn.c - one connection of a server: its stream, its place in the loop, its timeout.
 *
 * What comes in is read into one buffer of the server's and given to the
 * protocol, which the first bytes decide. A protocol never frees a connection
 * and never waits: it sets what it wants next, and this file does it when the
 * protocol has returned.
 */
#include <string.h>
#include <sys/epoll.h>

#include "base/str.h"
#include "http/call.h"

/* For one event: a fast sender leaves others their turn. */
#define READ_ROUNDS 16

/* In the order in which they are looked for; HTTP/1.1 takes what nobody else does. */
static const struct conn_proto *const protos[] = { &h2_proto, &h1_proto };

/* --- what it waits for --- */

void conn_wait_again(struct conn *c)
{
	struct http_server *s = c->server;

	c->since_ms = loop_now_ms(s->loop);
	list_remove(&c->link);
	list_add_tail(&s->waits[c->wait], &c->link);
	server_arm(s, c->wait);
}

void conn_wait(struct conn *c, enum conn_wait w)
{
	if (c->wait == w)
		return;
	c->wait = (uint8_t)w;
	conn_wait_again(c);
}

void conn_kick(struct conn *c)
{
	if (!list_empty(&c->kick_link))
		return;
	list_add_tail(&c->server->kicked, &c->kick_link);
	loop_post(c->server->task);
}

void conn_close(struct conn *c)
{
	c->closing = true;
	conn_wait(c, WAIT_NONE);
	if (!c->running)
		conn_kick(c);
}

struct http_io *conn_take_io(struct conn *c)
{
	struct http_io *io = c->io;

	loop_remove(c->source);
	c->source = NULL;
	c->io = NULL;
	conn_close(c);
	return io;
}

void conn_free(struct conn *c)
{
	struct http_server *s = c->server;

	c->running = true;
	if (c->proto)
		c->proto->stop(c);
	loop_remove(c->source);
	http_io_close(c->io);
	list_remove(&c->link);
	list_remove(&c->kick_link);
	if (c->served) {
		server_peer_remove(s, &c->peer);
		s->stats.connections--;
	}
	free(c);
	server_conn_gone(s);
}

/* --- events --- */

/* Puts what the protocol wants to epoll. The connection may be gone afterwards. */
static void settle(struct conn *c)
{
	uint32_t events;

	c->running = false;
	if (c->closing) {
		conn_free(c);
		return;
	}
	events = http_io_events(c->io, c->want_read, c->want_write);
	if (events != c->events && loop_change_fd(c->source, events, NULL) < 0) {
		conn_free(c);
		return;
	}
	c->events = events;
	/* a stream with bytes inside makes no event */
	if (c->want_read && http_io_pending(c->io))
		conn_kick(c);
}

/* By ALPN, or by what the first bytes are; NULL: more of them are needed. */
static const struct conn_proto *choose(const struct conn *c, const char *data, size_t n)
{
	const char *alpn = http_io_protocol(c->io);

	for (size_t i = 0; i < ARRAY_LEN(protos); i++) {
		const struct conn_proto *p = protos[i];
		size_t left = p->preface ? strlen(p->preface) - c->n_early : 0;

		if (alpn && p->alpn && streq(alpn, p->alpn))
			return p;
		if (alpn || !p->preface || !c->server->o.h2c || memcmp(data, p->preface + c->n_early, DV_MIN(n, left)) != 0)
			continue;
		return n < left ? NULL : p;
	}
	return &h1_proto;
}

static void give_input(struct conn *c, const char *data, size_t n)
{
	if (!c->proto) {
		const struct conn_proto *p = n ? choose(c, data, n) : NULL;

		if (n == 0) {
			conn_close(c);
			return;
		}
		if (!p) {
			c->n_early += (uint8_t)n;
			return;
		}
		c->proto = p;
		p->start(c);
		if (c->n_early && !c->closing)
			p->on_input(c, h2_proto.preface, c->n_early);
	}
	c->server->stats.in_bytes += n;
	if (!c->closing)
		c->proto->on_input(c, data, n);
}

static void read_input(struct conn *c)
{
	struct http_server *s = c->server;

	for (int i = 0; i < READ_ROUNDS && c->want_read && !c->closing; i++) {
		ssize_t n = http_io_read(c->io, s->input, sizeof s->input, NULL);

		if (n == HTTP_IO_WAIT)
			return;
		if (n < 0) {
			conn_close(c);
			return;
		}
		give_input(c, s->input, (size_t)n);
		if (n == 0 || ((size_t)n < sizeof s->input && !c->closing && !http_io_pending(c->io)))
			return;
	}
}

static void on_event(void *ctx, int fd, uint32_t events)
{
	struct conn *c = ctx;
	bool any = c->io->ops->events != NULL;    /* TLS: reading may wait for writing and the reverse */
	bool gone = (events & (EPOLLERR | EPOLLHUP)) != 0;

	c->running = true;
	if (c->want_write && (any || gone || (events & EPOLLOUT)))
		c->proto->on_output(c);
	if (c->want_read && !c->closing && (any || gone || (events & EPOLLIN)))
		read_input(c);
	else if (gone && !c->want_write)
		conn_close(c);     /* nobody is there, and nothing else would notice */
	settle(c);
}

/* A kick: from outside, or because the stream still holds bytes. */
static void conn_run(struct conn *c)
{
	c->running = true;
	if (c->proto && !c->closing)
		c->proto->on_kick(c);
	if (c->want_read && !c->closing && http_io_pending(c->io))
		read_input(c);
	settle(c);
}

void conn_run_kicked(struct http_server *s)
{
	struct list now;

	/* those that are kicked meanwhile are for the next turn */
	list_insert_(s->kicked.prev, &now);
	list_remove(&s->kicked);
	while (!list_empty(&now)) {
		struct conn *c = container_of(now.next, struct conn, kick_link);

		list_remove(&c->kick_link);
		conn_run(c);
	}
}

void conn_timed_out(struct conn *c)
{
	c->server->stats.timed_out++;
	c->running = true;
	if (c->proto)
		c->proto->on_timeout(c);
	else
		conn_close(c);
	settle(c);
}

struct conn *conn_new(struct http_server *s, struct http_io *io, const struct http_addr *peer, struct dv_err *e)
{
	struct conn *c = mem_new(struct conn);

	c->server = s;
	c->io = io;
	c->peer = *peer;
	c->want_read = true;
	c->events = http_io_events(io, true, false);
	list_init(&c->link);
	list_init(&c->kick_link);
	if (loop_add_fd(s->loop, io->fd, c->events, on_event, c, &c->source, e) < 0) {
		http_io_close(io);
		free(c);
		return NULL;
	}
	conn_wait(c, WAIT_HEAD);
	return c;
}
