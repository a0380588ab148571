/* network_ports.c - ports of the host: held by sockets that nobody listens on.
 *
 * The firewall takes the packets of a published port before any socket sees them. Without a socket of ours another
 * program could bind the same port and would wait in vain; with it, it is told that the port is in use. Such a socket is
 * bound and does not listen, so it never answers by itself. It shares its port with davit-netd, which has it on the
 * loopback, by SO_REUSEPORT: the kernel allows that to sockets of one user, and the user of these is a number that no
 * program runs as.
 *
 * All sockets of a container are messages in the queue of one socket that nobody reads: its monitor has one descriptor
 * however many ports there are.
 */
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "engine/network_parts.h"

#define CHOICES_MAX 16
#define NOBODYS_PORT 9          /* discard */
#define BATCH 64                /* sockets in one message */
#define USER_BASE 0x40000000u   /* above the numbers that accounts and containers get */

struct holder {
	struct engine *g;
	struct arena *a;
	int in;                         /* where sockets are sent to */
	int fds[BATCH];
	size_t n;
};

unsigned ports_user(struct engine *g, struct arena *a)
{
	unsigned char tag[4] = { 0 };

	(void)str_unhex(network_tag(g, a), tag, sizeof tag);
	return USER_BASE | ((unsigned)tag[0] << 24 | (unsigned)tag[1] << 16 | (unsigned)tag[2] << 8 | tag[3]) >> 2;
}

static socklen_t sockaddr_of(const struct net_addr *x, unsigned port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (void *)ret;
	struct sockaddr_in6 *v6 = (void *)ret;

	memset(ret, 0, sizeof *ret);
	if (x->family == AF_INET6) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		memcpy(&v6->sin6_addr, x->b, 16);
		return sizeof *v6;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)port);
	memcpy(&v4->sin_addr, x->b, 4);
	return sizeof *v4;
}

/* Connections that have ended may still lie on the port: they are in nobody's way. */
static int bind_socket(int fd, const struct sockaddr *sa, socklen_t len)
{
	int on = 1;

	if (bind(fd, sa, len) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, sa, len) < 0)
		return errno;
	/* It went only because the other one says the same; one that listens would have said no. */
	on = 0;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	return 0;
}

/* Datagrams to a loopback address are davit-netd's: one that is connected gets none but those of its peer, which nobody is. */
static void stay_out(int fd, const struct net_addr *x)
{
	struct sockaddr_storage nobody;
	socklen_t len = sockaddr_of(x, NOBODYS_PORT, &nobody);

	(void)!connect(fd, (struct sockaddr *)&nobody, len);
}

static int open_bound(struct holder *h, const struct net_addr *x, bool udp, unsigned port, int *ret_fd, unsigned *ret_port,
		      struct dv_err *e)
{
	auto_close int fd = -1;
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_of(x, port, &sa);
	int on = 1, small = 1, sys, r = fd_socket(x->family, udp ? SOCK_DGRAM : SOCK_STREAM, 0, &fd, e);

	if (r < 0)
		return r;
	if (x->family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	/* davit-netd may have the port on the loopback, for this container's last life: it says the same. Rows tell about
	 * other containers. A port that the kernel shall choose is to be nobody's. */
	(void)!fchown(fd, ports_user(h->g, h->a), (gid_t)-1);
	if (port)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	sys = udp ? (bind(fd, (struct sockaddr *)&sa, len) < 0 ? errno : 0) : bind_socket(fd, (struct sockaddr *)&sa, len);
	if (sys == EADDRINUSE)
		return dv_fail(e, DV_CONFLICT, "port is already allocated");
	if (sys == EADDRNOTAVAIL)
		return dv_fail(e, DV_INVALID, "cannot assign requested address");
	if (sys)
		return dv_fail_errno(e, sys, "bind");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	if (udp && addr_is_loopback(x))
		stay_out(fd, x);
	len = sizeof sa;
	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return dv_fail_errno(e, errno, "getsockname");
	*ret_port = ntohs(x->family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&sa)->sin6_port :
						 ((struct sockaddr_in *)(void *)&sa)->sin_port);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int flush(struct holder *h, struct dv_err *e)
{
	int r = h->n ? fd_send_msg(h->in, "p", 1, h->fds, h->n, e) : 0;

	while (h->n)
		fd_close(&h->fds[--h->n]);
	return r < 0 ? dv_wrap(e, "hold the host's ports") : 0;
}

static int keep(struct holder *h, int *fd, struct dv_err *e)
{
	if (*fd >= 0)
		h->fds[h->n++] = take_fd(fd);
	return h->n == BATCH ? flush(h, e) : 0;
}

/* One port on one or two addresses; with port 0 the first chooses for both. */
static int hold(struct holder *h, const struct net_addr *x, size_t n, bool udp, unsigned *port, struct dv_err *e)
{
	auto_close int first = -1, second = -1;
	unsigned got = *port, other;
	int r = -DV_CONFLICT;

	for (int i = 0; i < (*port ? 1 : CHOICES_MAX) && r == -DV_CONFLICT; i++) {
		fd_close(&first);
		if ((r = open_bound(h, &x[0], udp, *port, &first, &got, e)) >= 0 && n > 1)
			r = open_bound(h, &x[1], udp, got, &second, &other, e);
	}
	if (r < 0)
		return r;
	*port = got;
	if ((r = keep(h, &first, e)) < 0)
		return r;
	return keep(h, &second, e);
}

static unsigned number(const struct json *j, const char *key)
{
	uint64_t v = 0;

	return json_u64(json_get(j, key), &v) ? (unsigned)v : 0;
}

static int hold_one(struct holder *h, struct json *p, bool v6, struct dv_err *e)
{
	const char *ip = json_str(json_get(p, "ip"));
	bool udp = streq(json_str(json_get(p, "proto")), "udp");
	unsigned port = number(p, "host"), last = number(p, "host_last");
	struct net_addr x[2] = { { .family = AF_INET }, { .family = AF_INET6 } };
	int r;

	if (*ip && (r = addr_parse(ip, "-p", &x[0], e)) < 0)
		return r;
	do
		r = hold(h, x, *ip || !v6 ? 1 : 2, udp, &port, e);
	while (r == -DV_CONFLICT && ++port <= last);
	if (r < 0)
		return dv_wrap(e, "Bind for %s:%u failed", *ip ? ip : "0.0.0.0", number(p, "host"));
	json_set(h->a, p, "host", json_new_u64(h->a, port));
	(void)json_del(p, "host_last");
	return 0;
}

int ports_hold(struct engine *g, struct arena *a, struct json *list, bool v6, int *ret_fd, struct dv_err *e)
{
	struct holder h = { .g = g, .a = a };
	auto_close int in = -1, out = -1;
	int pair[2], r;

	if (!json_len(list))
		return 0;
	if ((r = fd_socketpair(SOCK_SEQPACKET | SOCK_NONBLOCK, pair, e)) < 0)
		return r;
	h.in = in = pair[0];
	out = pair[1];
	for (size_t i = 0; i < json_len(list) && r >= 0; i++)
		r = hold_one(&h, (struct json *)json_at(list, i), v6, e);
	if (r >= 0)
		r = flush(&h, e);
	while (h.n)
		fd_close(&h.fds[--h.n]);
	if (r >= 0)
		*ret_fd = take_fd(&out);
	return r;
}

void network_ready_done(struct network_ready *n)
{
	fd_close(&n->ports);
	fd_close(&n->netns);
}

/* --- other containers --- */

static bool same_port(const struct json *x, const struct json *y)
{
	const char *a = json_str(json_get(x, "ip")), *b = json_str(json_get(y, "ip"));

	return json_equal(json_get(x, "host"), json_get(y, "host")) && json_equal(json_get(x, "proto"), json_get(y, "proto")) &&
	       (!a || !b || !*a || !*b || streq(a, b) || streq(a, "0.0.0.0") || streq(b, "0.0.0.0"));
}

/* Sockets tell about programs of the host and other roots; those of our containers share. */
int ports_check(struct engine *g, struct arena *a, const char *container, const struct json *ports, struct dv_err *e)
{
	struct endpoint_list l;
	int r = endpoint_rows(g, a, NULL, 0, &l, e);

	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		if (!endpoint_active(g, l.v[i]) || streq(l.v[i]->container, container))
			continue;
		for (JSON_EACH(it, l.v[i]->ports))
			for (JSON_EACH(mine, ports)) {
				const char *ip = json_str(json_get(mine.value, "ip"));

				if (same_port(it.value, mine.value))
					return dv_fail(e, DV_CONFLICT, "Bind for %s:%s failed: port is already allocated",
						       *ip ? ip : "0.0.0.0", json_num_text(json_get(mine.value, "host")));
			}
	}
	return r;
}
