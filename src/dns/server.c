/* server.c - sockets of the DNS server: many UDP messages in a turn, TCP connections one question at a time. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/fd.h"
#include "base/list.h"
#include "dns/server.h"

#define BATCH 32
#define UDP_QUERY_MAX 1500
#define TCP_QUERY_MAX 4096              /* a question and an OPT record; more is nonsense */
#define PENDING_MAX 256                 /* of one listener, by UDP */

struct dns_server {
	struct loop *loop;
	struct zone *zone;
	struct forwarder *forwarder;
	struct list listeners;
	void (*before)(void *ctx);
	void *before_ctx;
};

struct dns_listener {
	struct dns_server *s;
	struct list link;
	char *network;
	struct sockaddr_storage addr;
	int udp, tcp;
	struct loop_source *udp_source, *tcp_source;
	struct forward_servers upstreams;
	struct list conns, pending;
	size_t n_conns, n_pending;
	unsigned char in[BATCH][UDP_QUERY_MAX];
	unsigned char out[BATCH][DNS_UDP_MAX];
};

/* A question that came by UDP and was passed on. */
struct pending {
	struct list link;
	struct dns_listener *l;
	struct forward *forward;
	struct sockaddr_storage peer;
	socklen_t peer_len;
	struct dns_query q;
	size_t len;
	unsigned char query[];
};

struct conn {
	struct list link;
	struct dns_listener *l;
	int fd;
	struct loop_source *source, *timer;
	struct sockaddr_storage peer;
	struct forward *forward;
	struct buf in, out;
	struct dns_query q;
	size_t written;
};

/* --- one question --- */

static void prepare(struct dns_server *s)
{
	if (s->before)
		s->before(s->before_ctx);
}

static void asker_of(const struct dns_listener *l, const struct sockaddr_storage *peer, struct zone_asker *ret)
{
	const struct sockaddr_in *in = (const void *)peer;
	const struct sockaddr_in6 *in6 = (const void *)peer;

	*ret = (struct zone_asker){ .network = l->network };
	if (peer->ss_family == AF_INET) {
		ret->addr.len = 4;
		memcpy(ret->addr.bytes, &in->sin_addr, 4);
	} else {
		ret->addr.len = 16;
		memcpy(ret->addr.bytes, &in6->sin6_addr, 16);
	}
}

/* The answer if it can be given at once: its length; 0 when it must be asked for. */
static size_t answer_now(struct dns_listener *l, const struct sockaddr_storage *peer, const struct dns_query *q,
			 const void *query, void *out, size_t max)
{
	struct zone_asker asker;
	struct dns_writer w;
	size_t len;

	if (q->rcode != DNS_NOERROR) {
		dns_answer_begin(&w, q, query, q->rcode, false, out, max);
		return dns_answer_end(&w);
	}
	asker_of(l, peer, &asker);
	return zone_answer(l->s->zone, &asker, q, query, out, max, &len) ? len : 0;
}

static size_t answer_failure(const struct dns_query *q, const void *query, void *out, size_t max)
{
	struct dns_writer w;

	dns_answer_begin(&w, q, query, DNS_SERVFAIL, false, out, max);
	return dns_answer_end(&w);
}

/* --- UDP --- */

static void udp_send(struct dns_listener *l, const struct sockaddr_storage *peer, socklen_t peer_len, const void *p,
		     size_t len)
{
	/* A full socket loses the answer, as the network may; the client asks again. */
	(void)!sendto(l->udp, p, len, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)peer, peer_len);
}

static void pending_free(struct pending *p)
{
	list_remove(&p->link);
	p->l->n_pending--;
	free(p);
}

static void on_udp_answer(void *ctx, const void *answer, size_t len)
{
	struct pending *p = ctx;
	unsigned char failure[DNS_UDP_MAX];

	if (!answer) {
		len = answer_failure(&p->q, p->query, failure, sizeof failure);
		answer = failure;
	}
	udp_send(p->l, &p->peer, p->peer_len, answer, len);
	pending_free(p);
}

static bool udp_forward(struct dns_listener *l, const struct msghdr *m, const struct dns_query *q, const void *query,
			size_t len)
{
	struct pending *p;

	if (l->n_pending == PENDING_MAX)
		return false;
	p = mem_alloc(sizeof *p + len);
	p->l = l;
	memcpy(&p->peer, m->msg_name, m->msg_namelen);
	p->peer_len = m->msg_namelen;
	p->q = *q;
	p->len = len;
	memcpy(p->query, query, len);
	if (forward_start(l->s->forwarder, &l->upstreams, false, q, query, len, on_udp_answer, p, &p->forward, NULL) < 0) {
		free(p);
		return false;
	}
	list_add_tail(&l->pending, &p->link);
	l->n_pending++;
	return true;
}

/* The length of what is to be sent now. */
static size_t udp_one(struct dns_listener *l, const struct msghdr *m, const void *query, size_t len, void *out)
{
	struct dns_query q;
	size_t n;

	if ((m->msg_flags & MSG_TRUNC) || !dns_query_parse(query, len, &q))
		return 0;
	n = answer_now(l, m->msg_name, &q, query, out, q.udp_max);
	if (n || udp_forward(l, m, &q, query, len))
		return n;
	return answer_failure(&q, query, out, q.udp_max);
}

static void on_udp(void *ctx, int fd, uint32_t events)
{
	struct dns_listener *l = ctx;
	struct sockaddr_storage peers[BATCH];
	struct mmsghdr in[BATCH] = { 0 }, out[BATCH] = { 0 };
	struct iovec iov[BATCH], oov[BATCH];
	unsigned answers = 0;
	int n;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ l->in[i], UDP_QUERY_MAX };
		in[i].msg_hdr = (struct msghdr){ .msg_name = &peers[i], .msg_namelen = sizeof peers[i], .msg_iov = &iov[i],
						 .msg_iovlen = 1 };
	}
	n = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL);
	prepare(l->s);
	for (int i = 0; i < n; i++) {
		size_t len = udp_one(l, &in[i].msg_hdr, l->in[i], in[i].msg_len, l->out[answers]);

		if (!len)
			continue;
		oov[answers] = (struct iovec){ l->out[answers], len };
		out[answers].msg_hdr = (struct msghdr){ .msg_name = &peers[i], .msg_namelen = in[i].msg_hdr.msg_namelen,
							.msg_iov = &oov[answers], .msg_iovlen = 1 };
		answers++;
	}
	for (unsigned sent = 0; sent < answers;) {
		int k = sendmmsg(fd, out + sent, answers - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		sent += k > 0 ? (unsigned)k : 1;        /* one that cannot be sent is lost */
	}
}

/* --- TCP --- */

static void conn_free(struct conn *c)
{
	forward_cancel(c->forward);
	loop_remove(c->source);
	loop_remove(c->timer);
	list_remove(&c->link);
	c->l->n_conns--;
	fd_close(&c->fd);
	buf_done(&c->in);
	buf_done(&c->out);
	free(c);
}

static void conn_on_timer(void *ctx)
{
	conn_free(ctx);
}

static void conn_reply(struct conn *c, const void *p, size_t len)
{
	unsigned char head[2] = { (unsigned char)(len >> 8), (unsigned char)len };

	buf_add(&c->out, head, 2);
	buf_add(&c->out, p, len);
}

static bool conn_step(struct conn *c);

static void on_tcp_answer(void *ctx, const void *answer, size_t len)
{
	struct conn *c = ctx;
	unsigned char failure[DNS_UDP_MAX];

	c->forward = NULL;
	if (!answer) {
		len = answer_failure(&c->q, c->in.p + 2, failure, sizeof failure);
		answer = failure;
	}
	conn_reply(c, answer, len);
	if (!conn_step(c))
		conn_free(c);
}

/* The first message of the input; its length with the two bytes before it, 0 when it is not whole. */
static size_t conn_message(const struct conn *c)
{
	const unsigned char *p = (const unsigned char *)c->in.p;
	size_t len;

	if (c->in.len < 2)
		return 0;
	len = (size_t)(p[0] << 8 | p[1]) + 2;
	return len <= c->in.len ? len : 0;
}

static void conn_drop_message(struct conn *c, size_t len)
{
	memmove(c->in.p, c->in.p + len, c->in.len - len);
	c->in.len -= len;
}

/* false: nonsense, hang up. Its message stays in the input until it is answered. */
static bool conn_ask(struct conn *c, size_t len)
{
	unsigned char out[4096];
	const char *query = c->in.p + 2;
	size_t n;

	if (!dns_query_parse(query, len - 2, &c->q))
		return false;
	prepare(c->l->s);
	n = answer_now(c->l, &c->peer, &c->q, query, out, sizeof out);
	if (!n && forward_start(c->l->s->forwarder, &c->l->upstreams, true, &c->q, query, len - 2, on_tcp_answer, c, &c->forward,
				NULL) >= 0)
		return true;
	if (!n)
		n = answer_failure(&c->q, query, out, sizeof out);
	conn_reply(c, out, n);
	return true;
}

static bool conn_flush(struct conn *c)
{
	while (c->written < c->out.len) {
		ssize_t n = send(c->fd, c->out.p + c->written, c->out.len - c->written, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN && loop_change_fd(c->source, EPOLLOUT, NULL) >= 0;
		c->written += (size_t)n;
	}
	c->written = 0;
	buf_reset(&c->out);
	return loop_change_fd(c->source, c->forward ? 0 : EPOLLIN, NULL) >= 0;
}

/* Answer what is there, question by question; nothing is read while an answer is on its way. */
static bool conn_step(struct conn *c)
{
	size_t len;

	loop_arm(c->timer, DNS_TCP_IDLE_MS);
	for (;;) {
		if (c->forward)
			return loop_change_fd(c->source, 0, NULL) >= 0;
		if (c->out.len) {
			if ((len = conn_message(c)))
				conn_drop_message(c, len);
			if (!conn_flush(c))
				return false;
			if (c->out.len)
				return true;
		}
		len = conn_message(c);
		if (!len)
			return true;
		if (!conn_ask(c, len))
			return false;
	}
}

static void on_conn(void *ctx, int fd, uint32_t events)
{
	struct conn *c = ctx;
	char *room;
	ssize_t n;

	if (c->out.len) {
		if (!conn_flush(c) || (!c->out.len && !conn_step(c)))
			conn_free(c);
		return;
	}
	room = buf_room(&c->in, 512);
	n = room ? recv(fd, room, 512, MSG_DONTWAIT) : 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		c->in.len += (size_t)n;
	if (n <= 0 || !conn_step(c))
		conn_free(c);
}

static void on_accept(void *ctx, int fd, uint32_t events)
{
	struct dns_listener *l = ctx;
	struct sockaddr_storage peer = { 0 };
	socklen_t len;
	struct conn *c;
	int got;

	if (fd_accept_from(fd, &peer, &len, &got, NULL) < 0)
		return;
	if (l->n_conns == DNS_TCP_MAX)          /* the one that is silent for longest makes room */
		conn_free(container_of(l->conns.next, struct conn, link));
	c = mem_new(struct conn);
	*c = (struct conn){ .l = l, .fd = got, .peer = peer, .in = BUF_INIT(TCP_QUERY_MAX + 1024),
			    .out = BUF_INIT(2 * DNS_MESSAGE_MAX) };
	list_add_tail(&l->conns, &c->link);
	l->n_conns++;
	c->timer = loop_add_timer(l->s->loop, conn_on_timer, c);
	loop_arm(c->timer, DNS_TCP_IDLE_MS);
	if (loop_add_fd(l->s->loop, got, EPOLLIN, on_conn, c, &c->source, NULL) < 0)
		conn_free(c);
}

/* --- listeners --- */

void dns_listener_free(struct dns_listener *l)
{
	if (!l)
		return;
	loop_remove(l->udp_source);
	loop_remove(l->tcp_source);
	LIST_EACH_SAFE(it, &l->conns)
		conn_free(container_of(it, struct conn, link));
	LIST_EACH_SAFE(it, &l->pending) {
		struct pending *p = container_of(it, struct pending, link);

		forward_cancel(p->forward);
		pending_free(p);
	}
	list_remove(&l->link);
	fd_close(&l->udp);
	fd_close(&l->tcp);
	free(l->network);
	free(l);
}

static int bind_one(struct dns_listener *l, int type, int *ret_fd, struct dv_err *e)
{
	socklen_t len = l->addr.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	int on = 1, r = fd_socket(l->addr.ss_family, type | SOCK_NONBLOCK, 0, ret_fd, e);

	if (r < 0)
		return r;
	if (type == SOCK_STREAM)        /* not for UDP: two servers would share the questions */
		(void)setsockopt(*ret_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	/* the bridge that has the address may come later */
	(void)setsockopt(*ret_fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
	if (l->addr.ss_family == AF_INET6)
		(void)setsockopt(*ret_fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(*ret_fd, (struct sockaddr *)&l->addr, len) < 0)
		return errno == EADDRINUSE ? dv_fail(e, DV_EXISTS, "the port of the name server is taken") :
		       dv_fail_errno(e, errno, "bind the name server");
	if (getsockname(*ret_fd, (struct sockaddr *)&l->addr, &len) < 0 || (type == SOCK_STREAM && listen(*ret_fd, 64) < 0))
		return dv_fail_errno(e, errno, "listen");
	return 0;
}

int dns_server_listen(struct dns_server *s, const char *network, const struct sockaddr_storage *addr,
		      struct dns_listener **ret, struct dv_err *e)
{
	struct dns_listener *l = mem_new(struct dns_listener);
	int r;

	l->s = s;
	l->network = mem_str(network);
	l->addr = *addr;
	l->udp = l->tcp = -1;
	list_init(&l->link);
	list_init(&l->conns);
	list_init(&l->pending);
	if ((r = bind_one(l, SOCK_STREAM, &l->tcp, e)) < 0 || (r = bind_one(l, SOCK_DGRAM, &l->udp, e)) < 0 ||
	    (r = loop_add_fd(s->loop, l->udp, EPOLLIN, on_udp, l, &l->udp_source, e)) < 0 ||
	    (r = loop_add_fd(s->loop, l->tcp, EPOLLIN, on_accept, l, &l->tcp_source, e)) < 0) {
		dns_listener_free(l);
		return r;
	}
	list_add_tail(&s->listeners, &l->link);
	*ret = l;
	return 0;
}

uint16_t dns_listener_port(const struct dns_listener *l)
{
	const struct sockaddr_in *in = (const void *)&l->addr;
	const struct sockaddr_in6 *in6 = (const void *)&l->addr;

	return ntohs(l->addr.ss_family == AF_INET ? in->sin_port : in6->sin6_port);
}

void dns_listener_upstreams(struct dns_listener *l, const struct forward_servers *servers)
{
	l->upstreams = *servers;
}

int dns_server_new(struct loop *loop, struct zone *zone, struct dns_server **ret, struct dv_err *e)
{
	struct dns_server *s = mem_new(struct dns_server);
	int r;

	s->loop = loop;
	s->zone = zone;
	list_init(&s->listeners);
	r = forwarder_new(loop, &s->forwarder, e);
	if (r < 0) {
		free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void dns_server_before(struct dns_server *s, void (*before)(void *ctx), void *ctx)
{
	s->before = before;
	s->before_ctx = ctx;
}

void dns_server_free(struct dns_server *s)
{
	if (!s)
		return;
	LIST_EACH_SAFE(it, &s->listeners)
		dns_listener_free(container_of(it, struct dns_listener, link));
	forwarder_free(s->forwarder);
	free(s);
}
