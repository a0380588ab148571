/* listen.c - addresses, listening sockets, and accepting without spinning.
 *
 * Without descriptors or memory the kernel keeps reporting the connection that
 * cannot be accepted: the listeners are then taken out of the loop until a
 * connection has closed, or for a while.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/str.h"
#include "http/call.h"

#define ACCEPT_MAX 64              /* in one turn */
#define ACCEPT_PAUSE_MS 100
#define BACKLOG 4096

struct listener {
	struct http_server *server;
	struct loop_source *source;        /* NULL while paused */
	const struct http_io_maker *maker;
	int fd;
	uint32_t events;
	char *unix_path;                   /* to be removed at the end */
};

/* --- accepting --- */

/* Too many are here: say so in the only answer that needs no request, if it fits at once. */
static void refuse(struct http_server *s, int fd, const struct http_io_maker *maker)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
				   "Content-Length: 0\r\n\r\n";

	s->stats.refused++;
	if (!maker || !maker->tls)
		(void)!send(fd, busy, sizeof busy - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)close(fd);
}

/* Room for one more, perhaps in place of one that does nothing. */
static bool make_room(struct http_server *s)
{
	if (s->stats.connections < s->o.connections_max)
		return true;
	if (list_empty(&s->waits[WAIT_IDLE]))
		return false;
	conn_close(container_of(s->waits[WAIT_IDLE].next, struct conn, link));
	return true;
}

static int serve(struct http_server *s, int fd, const struct http_io_maker *maker, const struct http_addr *peer,
		 struct dv_err *e)
{
	struct http_io *io;
	struct conn *c;

	if (s->draining || !make_room(s) || !server_peer_add(s, peer)) {
		refuse(s, fd, maker);
		return dv_fail(e, DV_LIMIT, "too many connections");
	}
	if (!maker) {
		io = http_io_plain(fd);
	} else if (maker->make(maker->ctx, fd, &io, e) < 0) {
		server_peer_remove(s, peer);
		return dv_wrap(e, "a connection");
	}
	c = conn_new(s, io, peer, e);
	if (!c) {
		server_peer_remove(s, peer);
		return dv_wrap(e, "a connection");
	}
	c->served = true;
	s->stats.accepted++;
	s->stats.connections++;
	return 0;
}

static void accept_some(struct listener *l)
{
	for (int i = 0; i < ACCEPT_MAX; i++) {
		struct sockaddr_storage sa;
		struct http_addr peer;
		struct dv_err e;
		socklen_t len;
		int fd;

		if (fd_accept_from(l->fd, &sa, &len, &fd, &e) < 0) {
			if (e.sys != EAGAIN && e.sys != ECONNABORTED)
				listeners_pause(l->server, ACCEPT_PAUSE_MS);
			return;
		}
		http_addr_of(&peer, (struct sockaddr *)&sa, len);
		dv_ignore(serve(l->server, fd, l->maker, &peer, NULL));
	}
}

static void on_listener(void *ctx, int fd, uint32_t events)
{
	accept_some(ctx);
}

void listeners_pause(struct http_server *s, uint64_t ms)
{
	for (unsigned i = 0; i < s->n_listeners; i++) {
		loop_remove(s->listeners[i]->source);
		s->listeners[i]->source = NULL;
	}
	loop_arm(s->accept_timer, ms);
}

void listeners_resume(struct http_server *s)
{
	for (unsigned i = 0; i < s->n_listeners; i++) {
		struct listener *l = s->listeners[i];

		if (!l->source && loop_add_fd(s->loop, l->fd, l->events, on_listener, l, &l->source, NULL) < 0)
			loop_arm(s->accept_timer, ACCEPT_PAUSE_MS);
	}
}

void listeners_close(struct http_server *s)
{
	for (unsigned i = 0; i < s->n_listeners; i++) {
		struct listener *l = s->listeners[i];

		loop_remove(l->source);
		fd_close(&l->fd);
		if (l->unix_path)
			(void)unlink(l->unix_path);
		free(l->unix_path);
		free(l);
	}
	s->n_listeners = 0;
	loop_disarm(s->accept_timer);
}

/* Takes fd. */
static int listener_add(struct http_server *s, int fd, const struct http_io_maker *maker, uint32_t events,
			const char *unix_path, struct dv_err *e)
{
	struct listener *l;
	int r;

	if (s->n_listeners == LISTENERS_MAX || s->draining) {
		(void)close(fd);
		return dv_fail(e, DV_LIMIT, "an HTTP server listens on %d addresses at most", LISTENERS_MAX);
	}
	l = mem_new(struct listener);
	*l = (struct listener){ .server = s, .maker = maker, .fd = fd, .events = events };
	r = loop_add_fd(s->loop, fd, events, on_listener, l, &l->source, e);
	if (r < 0) {
		fd_close(&l->fd);
		free(l);
		return r;
	}
	l->unix_path = unix_path ? mem_str(unix_path) : NULL;
	s->listeners[s->n_listeners++] = l;
	return 0;
}

/* --- addresses --- */

struct address {
	struct sockaddr_storage sa;
	socklen_t len;
	bool any;                  /* no address was given: both families, if there are two */
};

static void fill_address(struct address *a, int family, const void *ip, uint16_t port)
{
	struct sockaddr_in *in = (void *)&a->sa;
	struct sockaddr_in6 *in6 = (void *)&a->sa;

	a->sa = (struct sockaddr_storage){ .ss_family = (sa_family_t)family };
	if (family == AF_INET) {
		a->len = sizeof *in;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, ip, sizeof in->sin_addr);
	} else {
		a->len = sizeof *in6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, ip, sizeof in6->sin6_addr);
	}
}

/* "IP:PORT", "[V6]:PORT", ":PORT" */
static int parse_address(const char *text, struct address *ret, struct dv_err *e)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	bool v6 = n > 2 && text[0] == '[' && text[n - 1] == ']';
	char ip[INET6_ADDRSTRLEN];
	struct in6_addr bin = in6addr_any;
	uint64_t port;

	if (v6) {
		text++;
		n -= 2;
	}
	if (!colon || n >= sizeof ip || str_u64(colon + 1, 65535, "port", &port, NULL) < 0)
		return dv_fail(e, DV_INVALID, "not of the form ADDRESS:PORT");
	memcpy(ip, text, n);
	ip[n] = '\0';
	ret->any = n == 0;
	if (n && inet_pton(v6 ? AF_INET6 : AF_INET, ip, &bin) != 1)
		return dv_fail(e, DV_INVALID, "%s is no address", ip);
	fill_address(ret, v6 || n == 0 ? AF_INET6 : AF_INET, &bin, (uint16_t)port);
	return 0;
}

static void set_options(int fd, const struct address *a, bool reuse_port)
{
	int on = 1, off = 0;

	/* accepted sockets inherit the last two */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (reuse_port)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	if (a->sa.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, a->any ? &off : &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

static int tcp_socket(struct address *a, int *ret_fd, struct dv_err *e)
{
	struct in_addr any = { INADDR_ANY };
	int r = fd_socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0, ret_fd, e);

	if (r == 0 || !a->any)
		return r;
	/* no IPv6 in this kernel */
	fill_address(a, AF_INET, &any, ntohs(((struct sockaddr_in6 *)&a->sa)->sin6_port));
	return fd_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0, ret_fd, e);
}

static int listen_tcp(struct http_server *s, const char *text, int *ret_fd, char *ret_bound, struct dv_err *e)
{
	auto_close int fd = -1;
	struct address a = { 0 };
	struct http_addr bound;
	int r = parse_address(text, &a, e);

	if (r == 0)
		r = tcp_socket(&a, &fd, e);
	if (r < 0)
		return r;
	set_options(fd, &a, s->o.reuse_port);
	if (bind(fd, (struct sockaddr *)&a.sa, a.len) < 0)
		return errno == EADDRINUSE ? dv_fail(e, DV_EXISTS, "the address is taken") :
		       dv_fail_errno(e, errno, "bind");
	if (listen(fd, BACKLOG) < 0 || getsockname(fd, (struct sockaddr *)&a.sa, &a.len) < 0)
		return dv_fail_errno(e, errno, "listen");
	http_addr_of(&bound, (struct sockaddr *)&a.sa, a.len);
	(void)http_addr_text(&bound, true, ret_bound);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int listen_unix(struct http_server *s, const char *path, int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1, probe = -1;
	struct dv_err again;
	int r = fd_unix_listen(AT_FDCWD, path, BACKLOG, &fd, e);

	if (r < 0 && e->sys == EADDRINUSE) {
		/* somebody listens, or somebody left it behind */
		if (!s->o.unix_replace || fd_unix_connect(AT_FDCWD, path, &probe, &again) == 0 ||
		    again.sys != ECONNREFUSED || unlink(path) < 0)
			return dv_fail(e, DV_EXISTS, "the address is taken");
		r = fd_unix_listen(AT_FDCWD, path, BACKLOG, &fd, e);
	}
	if (r == 0)
		r = fd_set_nonblock(fd, true, e);
	if (r < 0)
		return r;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* --- public --- */

int http_server_listen(struct http_server *s, const char *addr, const struct http_io_maker *maker,
		       char ret_bound[HTTP_ADDR_TEXT_MAX], struct dv_err *e)
{
	const char *path = str_after(addr, "unix:");
	char bound[HTTP_ADDR_TEXT_MAX] = "unix";
	struct dv_err err = DV_ERR_NONE;
	int fd = -1, r;

	r = path ? listen_unix(s, path, &fd, &err) : listen_tcp(s, addr, &fd, bound, &err);
	if (r == 0)
		r = listener_add(s, fd, maker, EPOLLIN, path, &err);
	if (r < 0) {
		r = dv_wrap(&err, "listen on %s", addr);
		if (e)
			*e = err;
		return r;
	}
	if (ret_bound)
		memcpy(ret_bound, bound, sizeof bound);
	return 0;
}

int http_server_listen_fd(struct http_server *s, int fd, const struct http_io_maker *maker, struct dv_err *e)
{
	int r = fd_set_nonblock(fd, true, e);

	if (r < 0) {
		(void)close(fd);
		return r;
	}
	/* several loops may wait for the same socket: one of them is enough */
	return listener_add(s, fd, maker, EPOLLIN | EPOLLEXCLUSIVE, NULL, e);
}

int http_server_serve_fd(struct http_server *s, int fd, const struct http_io_maker *maker, struct dv_err *e)
{
	struct sockaddr_storage sa = { .ss_family = AF_UNIX };
	socklen_t len = sizeof sa;
	struct http_addr peer;
	int r = fd_set_nonblock(fd, true, e);

	if (r < 0) {
		(void)close(fd);
		return r;
	}
	if (getpeername(fd, (struct sockaddr *)&sa, &len) < 0)
		len = 0;
	http_addr_of(&peer, (struct sockaddr *)&sa, len);
	return serve(s, fd, maker, &peer, e);
}
