/* network_ports.c - ports of the host: held by sockets that nobody listens on.
 *
 * The firewall takes the packets of a published port before any socket sees them. Without a socket of ours another
 * program could bind the same port and would wait in vain; with it, it is told that the port is in use. Such a socket is
 * bound and does not listen, so it never answers by itself.
 */
#include <errno.h>
#include <netinet/in.h>

#include "base/fd.h"
#include "base/str.h"
#include "engine/network_parts.h"

#define HELD_MAX 200            /* sockets of one container; ports beyond are only tried */
#define CHOICES_MAX 16

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

static int open_bound(const struct net_addr *x, bool udp, unsigned port, int *ret_fd, unsigned *ret_port, struct dv_err *e)
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
	/* davit-netd may have the port on the loopback, for this container's last life: it says the same. Programs of the
	 * host do not, and rows tell about other containers. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	sys = udp ? (bind(fd, (struct sockaddr *)&sa, len) < 0 ? errno : 0) : bind_socket(fd, (struct sockaddr *)&sa, len);
	if (sys == EADDRINUSE)
		return dv_fail(e, DV_CONFLICT, "port is already allocated");
	if (sys == EADDRNOTAVAIL)
		return dv_fail(e, DV_INVALID, "cannot assign requested address");
	if (sys)
		return dv_fail_errno(e, sys, "bind");
	len = sizeof sa;
	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return dv_fail_errno(e, errno, "getsockname");
	*ret_port = ntohs(x->family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&sa)->sin6_port :
						 ((struct sockaddr_in *)(void *)&sa)->sin_port);
	*ret_fd = take_fd(&fd);
	return 0;
}

static void keep(struct network_ready *ret, int *fd)
{
	if (ret->n_ports < HELD_MAX)
		ret->ports[ret->n_ports++] = take_fd(fd);
}

/* One port on one or two addresses; with port 0 the first chooses for both. */
static int hold(const struct net_addr *x, size_t n, bool udp, unsigned *port, struct network_ready *ret, struct dv_err *e)
{
	auto_close int first = -1, second = -1;
	unsigned got = *port, other;
	int r = -DV_CONFLICT;

	for (int i = 0; i < (*port ? 1 : CHOICES_MAX) && r == -DV_CONFLICT; i++) {
		fd_close(&first);
		if ((r = open_bound(&x[0], udp, *port, &first, &got, e)) >= 0 && n > 1)
			r = open_bound(&x[1], udp, got, &second, &other, e);
	}
	if (r < 0)
		return r;
	*port = got;
	keep(ret, &first);
	if (second >= 0)
		keep(ret, &second);
	return 0;
}

static unsigned number(const struct json *j, const char *key)
{
	uint64_t v = 0;

	return json_u64(json_get(j, key), &v) ? (unsigned)v : 0;
}

static int hold_one(struct arena *a, struct json *p, bool v6, struct network_ready *ret, struct dv_err *e)
{
	const char *ip = json_str(json_get(p, "ip"));
	bool udp = streq(json_str(json_get(p, "proto")), "udp");
	unsigned port = number(p, "host"), last = number(p, "host_last");
	struct net_addr x[2] = { { .family = AF_INET }, { .family = AF_INET6 } };
	int r;

	if (*ip && (r = addr_parse(ip, "-p", &x[0], e)) < 0)
		return r;
	do
		r = hold(x, *ip || !v6 ? 1 : 2, udp, &port, ret, e);
	while (r == -DV_CONFLICT && ++port <= last);
	if (r < 0)
		return dv_wrap(e, "Bind for %s:%u failed", *ip ? ip : "0.0.0.0", number(p, "host"));
	json_set(a, p, "host", json_new_u64(a, port));
	(void)json_del(p, "host_last");
	return 0;
}

int ports_hold(struct arena *a, struct json *list, bool v6, struct network_ready *ret, struct dv_err *e)
{
	int r = 0;

	ret->ports = arena_array(a, int, HELD_MAX);
	for (size_t i = 0; i < json_len(list) && r >= 0; i++)
		r = hold_one(a, (struct json *)json_at(list, i), v6, ret, e);
	return r;
}

void network_ready_done(struct network_ready *n)
{
	for (size_t i = 0; i < n->n_ports; i++)
		fd_close(&n->ports[i]);
	n->n_ports = 0;
	fd_close(&n->netns);
}
