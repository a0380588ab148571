/* proxy.c - published ports on the host's own loopback: accepted here, passed on to the container.
 *
 * A packet from 127.0.0.1 cannot be sent out on a bridge unless the kernel is told to route loopback addresses, which
 * opens ports of 127.0.0.1 to the network. A connection that is accepted and made anew needs nothing of that.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/defence.h"
#include "base/fd.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "netd/inner.h"

#define CONNS_MAX 4096          /* of all ports together */
#define PIECE (64 << 10)        /* under way in one direction */

struct proxy {
	struct loop *loop;
	uid_t user;
	struct map *ports;              /* by the record's file: struct list of struct port */
	size_t conns;
};

struct port {
	struct list link;
	struct proxy *p;
	int fd;
	struct loop_source *source;
	struct relay *relay;            /* of a UDP port, instead of connections */
	struct sockaddr_storage to;
	struct list conns;
};

/* One direction: what was read from one side and not yet written to the other. */
struct half {
	int from, to;
	char *data;
	size_t at, len;
	bool eof, shut;
};

struct conn {
	struct list link;
	struct port *port;
	int fds[2];                     /* the client, the container */
	struct loop_source *sources[2];
	bool connected;
	struct half halves[2];          /* halves[i] reads from fds[i] */
};

static socklen_t addr_len(const struct sockaddr_storage *sa)
{
	return sa->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* --- connections --- */

static void conn_free(struct conn *c)
{
	for (int i = 0; i < 2; i++) {
		loop_remove(c->sources[i]);
		fd_close(&c->fds[i]);
		free(c->halves[i].data);
	}
	list_remove(&c->link);
	c->port->p->conns--;
	free(c);
}

static bool may_wait(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* false: the connection is of no use any more. */
static bool half_write(struct half *h)
{
	while (h->at < h->len) {
		ssize_t n = send(h->to, h->data + h->at, h->len - h->at, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return may_wait();
		h->at += (size_t)n;
	}
	h->at = h->len = 0;
	if (h->eof && !h->shut) {
		h->shut = true;
		(void)shutdown(h->to, SHUT_WR);
	}
	return true;
}

static bool half_read(struct half *h)
{
	ssize_t n;

	if (h->eof || h->len)
		return true;
	if (!h->data)
		h->data = mem_alloc(PIECE);
	n = recv(h->from, h->data, PIECE, MSG_DONTWAIT);
	if (n < 0)
		return may_wait();
	h->eof = n == 0;
	h->len = (size_t)n;
	return half_write(h);
}

/* What each side is waited for: room for what is to be written, else something to read. */
static bool conn_wait(struct conn *c)
{
	for (int i = 0; i < 2; i++) {
		uint32_t events = (c->halves[!i].len ? EPOLLOUT : 0) | (!c->halves[i].len && !c->halves[i].eof ? EPOLLIN : 0);

		if (i == 1 && !c->connected)
			events = EPOLLOUT;
		if (i == 0 && !c->connected)
			events = 0;
		if (loop_change_fd(c->sources[i], events, NULL) < 0)
			return false;
	}
	return !(c->halves[0].shut && c->halves[1].shut);
}

static bool conn_step(struct conn *c)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (!c->connected) {
		if (getsockopt(c->fds[1], SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error)
			return false;
		c->connected = true;
	}
	for (int i = 0; i < 2; i++)
		if (!half_write(&c->halves[i]) || !half_read(&c->halves[i]))
			return false;
	return conn_wait(c);
}

static void on_conn(void *ctx, int fd, uint32_t events)
{
	struct conn *c = ctx;

	/* A client that hangs up before the container has answered. */
	if (!c->connected && fd == c->fds[0]) {
		if (events & (EPOLLHUP | EPOLLERR))
			conn_free(c);
		return;
	}
	if (!conn_step(c) || ((events & EPOLLERR) && c->connected))
		conn_free(c);
}

static bool conn_dial(struct conn *c)
{
	struct loop *l = c->port->p->loop;
	const struct sockaddr_storage *to = &c->port->to;
	int on = 1;

	if (fd_socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0, &c->fds[1], NULL) < 0 ||
	    (connect(c->fds[1], (const struct sockaddr *)to, addr_len(to)) < 0 && errno != EINPROGRESS))
		return false;
	for (int i = 0; i < 2; i++)
		(void)setsockopt(c->fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	c->halves[0] = (struct half){ .from = c->fds[0], .to = c->fds[1] };
	c->halves[1] = (struct half){ .from = c->fds[1], .to = c->fds[0] };
	return loop_add_fd(l, c->fds[0], 0, on_conn, c, &c->sources[0], NULL) >= 0 &&
	       loop_add_fd(l, c->fds[1], EPOLLOUT, on_conn, c, &c->sources[1], NULL) >= 0;
}

static void on_accept(void *ctx, int fd, uint32_t events)
{
	struct port *port = ctx;
	struct sockaddr_storage peer;
	socklen_t len;
	struct conn *c;
	int got;

	if (fd_accept_from(fd, &peer, &len, &got, NULL) < 0)
		return;
	if (port->p->conns == CONNS_MAX) {
		(void)close(got);
		return;
	}
	c = mem_new(struct conn);
	*c = (struct conn){ .port = port, .fds = { got, -1 } };
	list_add_tail(&port->conns, &c->link);
	port->p->conns++;
	if (!conn_dial(c))
		conn_free(c);
}

/* --- ports --- */

static void port_free(struct port *port)
{
	LIST_EACH_SAFE(it, &port->conns)
		conn_free(container_of(it, struct conn, link));
	loop_remove(port->source);
	relay_free(port->relay);
	fd_close(&port->fd);
	list_remove(&port->link);
	free(port);
}

static void list_free(void *p)
{
	struct list *head = p;

	LIST_EACH_SAFE(it, head)
		port_free(container_of(it, struct port, link));
	free(head);
}

/* SO_REUSEPORT: the container's monitor holds the port by a socket of the same user (engine/network_ports.c). */
static int port_bind(struct port *port, const struct sockaddr_storage *at, bool udp, struct dv_err *e)
{
	struct sockaddr_storage weak = { .ss_family = at->ss_family };
	int on = 1, r = fd_socket(at->ss_family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0, &port->fd, e);

	if (r < 0)
		return r;
	if (!defence_on("net-proxy")) {
		((struct sockaddr_in *)(void *)&weak)->sin_port = ((const struct sockaddr_in *)(const void *)at)->sin_port;
		at = &weak;
	}
	(void)!fchown(port->fd, port->p->user, (gid_t)-1);
	if (!udp)       /* datagrams would be shared */
		(void)setsockopt(port->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	(void)setsockopt(port->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	if (bind(port->fd, (const struct sockaddr *)at, addr_len(at)) < 0 || (!udp && listen(port->fd, 1024) < 0))
		return dv_fail_errno(e, errno, "listen on a published port");
	return 0;
}

static int port_listen(struct port *port, const struct records_port *v, struct dv_err *e)
{
	int r = port_bind(port, &v->at, v->udp, e);

	if (r < 0)
		return r;
	if (v->udp)
		return relay_new(port->p->loop, port->fd, &v->to, &port->relay, e);
	return loop_add_fd(port->p->loop, port->fd, EPOLLIN, on_accept, port, &port->source, e);
}

void proxy_set(struct proxy *p, const char *owner, const struct records_port *v, size_t n)
{
	struct list *head = map_get(p->ports, owner);
	struct dv_err e = DV_ERR_NONE;

	if (head)
		list_free(map_del(p->ports, owner));
	if (!n)
		return;
	head = mem_new(struct list);
	list_init(head);
	(void)map_set(p->ports, owner, head);
	for (size_t i = 0; i < n; i++) {
		struct port *port = mem_new(struct port);

		*port = (struct port){ .p = p, .fd = -1, .to = v[i].to };
		list_init(&port->conns);
		list_add_tail(head, &port->link);
		if (port_listen(port, &v[i], &e) < 0) {
			log_warn("a published port is not there on the loopback", "record", owner, "reason", e.msg, NULL);
			port_free(port);
		}
	}
}

struct proxy *proxy_new(struct loop *l, uid_t user)
{
	struct proxy *p = mem_new(struct proxy);

	p->loop = l;
	p->user = user;
	p->ports = map_new();
	return p;
}

void proxy_free(struct proxy *p)
{
	if (!p)
		return;
	map_free(p->ports, list_free);
	free(p);
}
