/* netdev.c - moves network interfaces by raw rtnetlink.
 *
 * An interface loses its addresses when it changes its namespace, so they are read before and set
 * again behind. The socket of the other side is made by a short visit there.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/str.h"
#include "oci/netdev.h"

#define ADDRS_MAX 256
#define ANSWER_BYTES 32768

/* --- one request --- */

struct request {
	struct nlmsghdr h;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg addr;
	};
	char attrs[512];
};

static struct request request(unsigned short type, unsigned short flags, size_t body)
{
	return (struct request){ .h = { .nlmsg_len = (unsigned)NLMSG_LENGTH(body), .nlmsg_type = type,
					.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags), .nlmsg_seq = 1 } };
}

static void add_attr(struct request *q, unsigned short type, const void *data, size_t len)
{
	size_t at = NLMSG_ALIGN(q->h.nlmsg_len);
	struct rtattr a = { .rta_len = (unsigned short)RTA_LENGTH(len), .rta_type = type };

	if (at + RTA_SPACE(len) > sizeof *q)
		return;         /* names and addresses never come near */
	memcpy((char *)q + at, &a, sizeof a);
	memcpy((char *)q + at + RTA_LENGTH(0), data, len);
	q->h.nlmsg_len = (unsigned)(at + RTA_LENGTH(len));
}

/* Sends and hands each answer to take() until the last. The errno of the kernel, 0 for success. */
static int ask(int fd, const struct request *q, int (*take)(void *ctx, const struct nlmsghdr *h), void *ctx)
{
	auto_free char *answer = mem_alloc(ANSWER_BYTES);

	if (send(fd, q, q->h.nlmsg_len, 0) < 0)
		return errno;
	for (;;) {
		ssize_t n = recv(fd, answer, ANSWER_BYTES, 0);
		unsigned left = n < 0 ? 0 : (unsigned)n;

		if (n < 0 && errno != EINTR)
			return errno;
		for (struct nlmsghdr *h = (struct nlmsghdr *)answer; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_ERROR)
				return -((struct nlmsgerr *)NLMSG_DATA(h))->error;
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (take && take(ctx, h) != 0)
				return EMSGSIZE;
			if (take && !(h->nlmsg_flags & NLM_F_MULTI))
				return 0;
		}
	}
}

/* --- what is asked --- */

static int take_index(void *ctx, const struct nlmsghdr *h)
{
	*(int *)ctx = ((const struct ifinfomsg *)NLMSG_DATA(h))->ifi_index;
	return 0;
}

static int index_of(int fd, const char *name, int *ret, struct dv_err *e)
{
	struct request q = request(RTM_GETLINK, 0, sizeof q.link);
	int sys;

	add_attr(&q, IFLA_IFNAME, name, strlen(name) + 1);
	sys = ask(fd, &q, take_index, ret);
	return sys ? dv_fail_errno(e, sys == ENODEV ? ENOENT : sys, "interface %s", name) : 0;
}

struct addr {
	struct ifaddrmsg head;
	unsigned char address[16], local[16];
	bool has_local;
};
struct addrs {
	int index;
	size_t n;
	struct addr list[ADDRS_MAX];
};

/* Link-local and temporary ones are made anew where the interface comes up. */
static int take_addr(void *ctx, const struct nlmsghdr *h)
{
	const struct ifaddrmsg *m = NLMSG_DATA(h);
	unsigned left = (unsigned)IFA_PAYLOAD(h);
	struct addrs *as = ctx;
	struct addr *a = &as->list[as->n];

	if (h->nlmsg_type != RTM_NEWADDR || (int)m->ifa_index != as->index || m->ifa_scope != RT_SCOPE_UNIVERSE ||
	    !(m->ifa_flags & IFA_F_PERMANENT))
		return 0;
	if (as->n == ADDRS_MAX)
		return -1;
	*a = (struct addr){ .head = *m };
	for (const struct rtattr *r = IFA_RTA(m); RTA_OK(r, left); r = RTA_NEXT(r, left)) {
		size_t len = DV_MIN(RTA_PAYLOAD(r), sizeof a->address);

		if (r->rta_type == IFA_ADDRESS)
			memcpy(a->address, RTA_DATA(r), len);
		if (r->rta_type == IFA_LOCAL) {
			memcpy(a->local, RTA_DATA(r), len);
			a->has_local = true;
		}
	}
	as->n++;
	return 0;
}

static int read_addrs(int fd, int index, struct addrs *ret, const char *name, struct dv_err *e)
{
	struct request q = request(RTM_GETADDR, NLM_F_DUMP, sizeof q.addr);
	int sys;

	ret->index = index;
	ret->n = 0;
	sys = ask(fd, &q, take_addr, ret);
	return sys ? dv_fail_errno(e, sys, "read the addresses of interface %s", name) : 0;
}

static int move_link(int fd, int index, int netns_fd, const char *name, const char *as, struct dv_err *e)
{
	struct request q = request(RTM_NEWLINK, NLM_F_ACK, sizeof q.link);
	int sys;

	q.link.ifi_index = index;
	add_attr(&q, IFLA_NET_NS_FD, &netns_fd, sizeof netns_fd);
	add_attr(&q, IFLA_IFNAME, as, strlen(as) + 1);
	sys = ask(fd, &q, NULL, NULL);
	return sys ? dv_fail_errno(e, sys, "move interface %s into the container as %s", name, as) : 0;
}

static int set_addrs(int fd, int index, const struct addrs *as, const char *name, struct dv_err *e)
{
	for (size_t i = 0; i < as->n; i++) {
		const struct addr *a = &as->list[i];
		struct request q = request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sizeof q.addr);
		size_t len = a->head.ifa_family == AF_INET6 ? 16 : 4;
		int sys;

		q.addr = a->head;
		q.addr.ifa_index = (unsigned)index;
		add_attr(&q, IFA_ADDRESS, a->address, len);
		if (a->has_local)
			add_attr(&q, IFA_LOCAL, a->local, len);
		sys = ask(fd, &q, NULL, NULL);
		if (sys && sys != EEXIST)
			return dv_fail_errno(e, sys, "set an address of interface %s", name);
	}
	return 0;
}

static int set_up(int fd, int index, const char *name, struct dv_err *e)
{
	struct request q = request(RTM_NEWLINK, NLM_F_ACK, sizeof q.link);
	int sys;

	q.link.ifi_index = index;
	q.link.ifi_flags = q.link.ifi_change = IFF_UP;
	sys = ask(fd, &q, NULL, NULL);
	return sys ? dv_fail_errno(e, sys, "set interface %s up", name) : 0;
}

/* --- all of them --- */

static int socket_there(int netns_fd, int *ret_fd, struct dv_err *e)
{
	auto_close int home = -1;
	int r;

	if ((r = file_open(AT_FDCWD, "/proc/self/ns/net", O_RDONLY, 0, &home, e)) < 0)
		return r;
	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return dv_fail_errno(e, errno, "visit the container's network namespace");
	r = fd_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, ret_fd, e);
	if (setns(home, CLONE_NEWNET) < 0)
		return dv_fail_errno(e, errno, "return from the container's network namespace");
	return r;
}

static int move_one(int here, int there, int netns_fd, const char *name, const char *as, struct dv_err *e)
{
	auto_free struct addrs *addrs = mem_alloc(sizeof *addrs);
	int index = 0, r;

	/* The kernel would move it first and then refuse the name: the interface would end with the container. */
	if (index_of(there, as, &index, NULL) >= 0)
		return dv_fail(e, DV_EXISTS, "interface %s: the container has one of the name %s already", name, as);
	if ((r = index_of(here, name, &index, e)) < 0 || (r = read_addrs(here, index, addrs, name, e)) < 0 ||
	    (r = move_link(here, index, netns_fd, name, as, e)) < 0 || (r = index_of(there, as, &index, e)) < 0 ||
	    (r = set_addrs(there, index, addrs, as, e)) < 0)
		return r;
	return set_up(there, index, as, e);
}

static bool is_name(const char *s)
{
	return s && *s && strlen(s) < IFNAMSIZ && !streq(s, ".") && !streq(s, "..") && !s[strcspn(s, "/: \t\n%")];
}

int netdev_check(const struct json *devices, struct dv_err *e)
{
	if (devices && json_type(devices) != JSON_OBJECT)
		return dv_fail(e, DV_INVALID, "linux.netDevices: an object is wanted");
	for (JSON_EACH(it, devices)) {
		const struct json *as = json_get(it.value, "name");
		const char *name = json_iter_key(it);

		if (!is_name(name) || json_type(it.value) != JSON_OBJECT)
			return dv_fail(e, DV_INVALID, "linux.netDevices: \"%s\" is no interface with an object", name);
		if (as && (json_type(as) != JSON_STRING || (*json_str(as) && !is_name(json_str(as)))))
			return dv_fail(e, DV_INVALID, "linux.netDevices.%s.name: the name of an interface is wanted",
				       name);
	}
	return 0;
}

int netdev_move(const struct json *devices, int netns_fd, struct dv_err *e)
{
	auto_close int here = -1, there = -1;
	int r;

	if (!json_len(devices))
		return 0;
	if ((r = fd_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &here, e)) < 0 ||
	    (r = socket_there(netns_fd, &there, e)) < 0)
		return dv_wrap(e, "linux.netDevices");
	for (JSON_EACH(it, devices)) {
		const char *as = json_str(json_get(it.value, "name"));

		r = move_one(here, there, netns_fd, json_iter_key(it), as && *as ? as : json_iter_key(it), e);
		if (r < 0)
			return dv_wrap(e, "linux.netDevices");
	}
	return 0;
}
