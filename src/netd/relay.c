/* relay.c - datagrams to a published port of the loopback: each client has a socket of its own towards the container, so
 * that answers find back to it.
 *
 * Nothing says when a client is done: one that has been silent for a while is forgotten, and the one that has been for
 * longest when there are too many.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/deadline.h"
#include "base/fd.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "netd/inner.h"

#define FLOWS_MAX 512                   /* of one port */
#define SILENT_MS 60000
#define TURN 32                         /* datagrams before others have theirs */
#define DATAGRAM_MAX 65536
#define KEY_SIZE (2 * sizeof(struct sockaddr_in6) + 1)

struct relay {
	struct loop *loop;
	int fd;
	struct sockaddr_storage to;
	struct loop_source *source, *timer;
	struct map *flows;                      /* by the client's address */
	struct list order;                      /* the one that was heard last is at the end */
	char data[DATAGRAM_MAX];
};

struct flow {
	struct list link;
	struct relay *r;
	struct sockaddr_storage peer;
	socklen_t peer_len;
	char key[KEY_SIZE];
	int fd;
	struct loop_source *source;
	int64_t heard_ms;
};

static socklen_t addr_len(const struct sockaddr_storage *sa)
{
	return sa->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static void flow_free(void *p)
{
	struct flow *f = p;

	loop_remove(f->source);
	fd_close(&f->fd);
	list_remove(&f->link);
	free(f);
}

static void flow_drop(struct flow *f)
{
	flow_free(map_del(f->r->flows, f->key));
}

static void heard(struct flow *f)
{
	f->heard_ms = deadline_now_ms();
	list_remove(&f->link);
	list_add_tail(&f->r->order, &f->link);
}

/* What cannot be sent is lost, as on any network. */
static void on_flow(void *ctx, int fd, uint32_t events)
{
	struct flow *f = ctx;
	struct relay *r = f->r;
	ssize_t n;

	for (int i = 0; i < TURN; i++) {
		n = recv(fd, r->data, sizeof r->data, MSG_DONTWAIT);
		if (n < 0)
			return;
		(void)!sendto(r->fd, r->data, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&f->peer, f->peer_len);
		heard(f);
	}
}

static struct flow *flow_new(struct relay *r, const struct sockaddr_storage *peer, socklen_t len, const char *key)
{
	struct flow *f;

	if (map_len(r->flows) == FLOWS_MAX)
		flow_drop(container_of(r->order.next, struct flow, link));
	f = mem_new(struct flow);
	*f = (struct flow){ .r = r, .peer = *peer, .peer_len = len, .fd = -1 };
	memcpy(f->key, key, KEY_SIZE);
	list_init(&f->link);
	if (fd_socket(r->to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0, &f->fd, NULL) < 0 ||
	    connect(f->fd, (const struct sockaddr *)&r->to, addr_len(&r->to)) < 0 ||
	    loop_add_fd(r->loop, f->fd, EPOLLIN, on_flow, f, &f->source, NULL) < 0) {
		flow_free(f);
		return NULL;
	}
	if (!map_len(r->flows))
		loop_arm(r->timer, SILENT_MS);
	(void)map_set(r->flows, f->key, f);
	return f;
}

static void on_port(void *ctx, int fd, uint32_t events)
{
	struct relay *r = ctx;

	for (int i = 0; i < TURN; i++) {
		struct sockaddr_storage peer = { 0 };
		socklen_t len = sizeof peer;
		char key[KEY_SIZE];
		ssize_t n = recvfrom(fd, r->data, sizeof r->data, MSG_DONTWAIT, (struct sockaddr *)&peer, &len);
		struct flow *f;

		if (n < 0 || len > sizeof(struct sockaddr_in6))
			return;
		str_hex(&peer, len, key);
		f = map_get(r->flows, key);
		if (!f && !(f = flow_new(r, &peer, len, key)))
			return;
		heard(f);
		(void)!send(f->fd, r->data, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

static void on_timer(void *ctx)
{
	struct relay *r = ctx;
	int64_t now = deadline_now_ms();

	LIST_EACH_SAFE(it, &r->order) {
		struct flow *f = container_of(it, struct flow, link);

		if (now - f->heard_ms < SILENT_MS)
			break;
		flow_drop(f);
	}
	if (map_len(r->flows))
		loop_arm(r->timer, SILENT_MS / 2);
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	loop_remove(r->source);
	loop_remove(r->timer);
	map_free(r->flows, flow_free);
	free(r);
}

int relay_new(struct loop *l, int fd, const struct sockaddr_storage *to, struct relay **ret, struct dv_err *e)
{
	struct relay *r = mem_new(struct relay);
	int rc;

	r->loop = l;
	r->fd = fd;
	r->to = *to;
	r->flows = map_new();
	list_init(&r->order);
	r->timer = loop_add_timer(l, on_timer, r);
	if ((rc = loop_add_fd(l, fd, EPOLLIN, on_port, r, &r->source, e)) < 0) {
		relay_free(r);
		return rc;
	}
	*ret = r;
	return 0;
}
