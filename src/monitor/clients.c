/* clients.c - who is attached: the creator, and whoever connects to the socket.
 *
 * A client that asked for it holds the container back while it does not read; any other one is let go when its
 * socket is full. Only one packet at a time waits for slow clients (m->news).
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/packet.h"
#include "monitor/inner.h"

static void on_client(void *ctx, int fd, uint32_t events);

/* One that is not listened to is not watched at all: a connection that is closed would wake us for ever. */
static void watch(struct client *c, bool input)
{
	uint32_t events = (input ? EPOLLIN : 0) | (c->pending ? EPOLLOUT : 0);

	if (!events)
		loop_remove(take_ptr(&c->source));
	else if (c->source)
		dv_ignore(loop_change_fd(c->source, events, NULL));
	else
		dv_ignore(loop_add_fd(c->m->loop, c->sock, events, on_client, c, &c->source, NULL));
}

static void resume(struct monitor *m)
{
	if (m->n_pending)
		return;
	stdio_pause(m, false);
	life_progress(m);
}

static void set_pending(struct client *c, bool pending)
{
	struct monitor *m = c->m;

	if (c->pending == pending)
		return;
	c->pending = pending;
	m->n_pending += pending ? 1 : -1u;
	if (!c->gone)
		watch(c, !m->in.source || !(c->attached & ATTACH_IN));
	if (pending)
		stdio_pause(m, true);
}

/* allow_eof: its input ends with it, where the container's input is one client's only. */
static void drop(struct client *c, bool allow_eof)
{
	struct monitor *m = c->m;
	bool was_pending = c->pending, gave = allow_eof && (c->attached & ATTACH_IN) && m->job.stdin_once;

	c->gone = true;
	set_pending(c, false);
	health_forget(m, c);
	loop_remove(take_ptr(&c->source));
	list_remove(&c->link);
	fd_close(&c->sock);
	m->n_clients--;
	if (m->creator == c)
		m->creator = NULL;
	free(c);
	if (gave)
		stdio_input_eof(m);
	if (was_pending)
		resume(m);
}

static bool wants(const struct client *c, const struct msg *news)
{
	if (news->type != MSG_OUT)
		return true;
	return c->attached & (news->flags == 2 ? ATTACH_ERR : ATTACH_OUT);
}

/* False when the client is gone. */
static bool tell(struct client *c)
{
	struct dv_err why = DV_ERR_NONE;
	int r = msg_send(c->sock, &c->m->news, &why);

	if (r == -DV_UNAVAILABLE && (c->attached & ATTACH_WAITS)) {
		set_pending(c, true);
		return true;
	}
	if (r >= 0) {
		set_pending(c, false);
		return true;
	}
	drop(c, true);
	return false;
}

void clients_tell(struct monitor *m)
{
	LIST_EACH_SAFE(it, &m->clients) {
		struct client *c = container_of(it, struct client, link);

		if (wants(c, &m->news))
			(void)tell(c);
	}
}

void clients_pause_input(struct monitor *m, bool pause)
{
	LIST_EACH(it, &m->clients) {
		struct client *c = container_of(it, struct client, link);

		if (c->attached & ATTACH_IN)
			watch(c, !pause);
	}
}

static void answer(struct client *c, const struct msg *m)
{
	dv_ignore(msg_send(c->sock, m, NULL));
}

/* --- what clients say --- */

typedef void on_msg(struct client *c, const struct msg *m);

static void on_attach(struct client *c, const struct msg *m)
{
	c->attached = m->flags;
	stdio_resize(c->m, m->a, m->b);
	answer(c, &(struct msg){ .type = MSG_OK });
}

static void on_stdin(struct client *c, const struct msg *m)
{
	if (c->attached & ATTACH_IN)
		stdio_input(c->m, m->body, m->len);
}

static void on_stdin_eof(struct client *c, const struct msg *m)
{
	if ((c->attached & ATTACH_IN) && c->m->job.stdin_once)
		stdio_input_eof(c->m);
}

static void on_resize(struct client *c, const struct msg *m)
{
	stdio_resize(c->m, m->a, m->b);
}

static void on_signal_(struct client *c, const struct msg *m)
{
	box_signal(c->m, (int)m->a);
}

static void on_user_stop(struct client *c, const struct msg *m)
{
	life_user_stop(c->m);
	answer(c, &(struct msg){ .type = MSG_OK });
}

static void on_health(struct client *c, const struct msg *m)
{
	static const char none[] = "container has no health check";

	if (!health_ask(c->m, c))
		answer(c, &(struct msg){ .type = MSG_FAILED, .a = DV_CONFLICT, .flags = 1, .body = none, .len = sizeof none - 1 });
}

static void on_update(struct client *c, const struct msg *m)
{
	struct dv_err why = DV_ERR_NONE;

	if (life_set_policy(c->m, m->body, m->len, &why) < 0)
		dv_ignore(msg_send_failed(c->sock, 1, &why, NULL));
	else
		answer(c, &(struct msg){ .type = MSG_OK });
}

static void on_rename(struct client *c, const struct msg *m)
{
	free(c->m->name);
	c->m->name = mem_printf("%.*s", (int)m->len, m->body);
	answer(c, &(struct msg){ .type = MSG_OK });
}

static on_msg *const handlers[] = {
	[MSG_ATTACH] = on_attach,   [MSG_STDIN] = on_stdin,     [MSG_STDIN_EOF] = on_stdin_eof,
	[MSG_RESIZE] = on_resize,   [MSG_SIGNAL] = on_signal_,  [MSG_USER_STOP] = on_user_stop,
	[MSG_HEALTH] = on_health,   [MSG_UPDATE] = on_update,
	[MSG_RENAME] = on_rename,
};

/* One message for each time it is ready: nobody keeps the others waiting. */
static void on_client(void *ctx, int fd, uint32_t events)
{
	static char space[MSG_MAX];
	struct client *c = ctx;
	struct msg m;
	int r;

	if ((events & EPOLLOUT) && c->pending) {
		if (!tell(c))
			return;
		if (!c->pending)
			resume(c->m);
		return;
	}
	r = msg_recv(c->sock, space, &m, NULL);
	if (r == -DV_UNAVAILABLE)
		return;
	if (r <= 0 || m.type >= ARRAY_LEN(handlers) || (!handlers[m.type] && m.type != MSG_DETACH)) {
		drop(c, true);
		return;
	}
	if (m.type == MSG_DETACH)
		drop(c, false);
	else
		handlers[m.type](c, &m);
}

int clients_add(struct monitor *m, int sock, struct client **ret, struct dv_err *e)
{
	struct client *c = mem_new(struct client);
	int r;

	c->m = m;
	c->sock = sock;
	if ((r = fd_set_nonblock(sock, true, e)) < 0 ||
	    (r = loop_add_fd(m->loop, sock, EPOLLIN, on_client, c, &c->source, e)) < 0) {
		free(c);
		return r;
	}
	list_add_tail(&m->clients, &c->link);
	m->n_clients++;
	if (ret)
		*ret = c;
	return 0;
}

static void on_connection(void *ctx, int fd, uint32_t events)
{
	struct monitor *m = ctx;
	int sock = -1;

	if (fd_accept(fd, &sock, NULL) < 0)
		return;
	if (m->n_clients >= CLIENTS_MAX || clients_add(m, sock, NULL, NULL) < 0)
		fd_close(&sock);
}

int clients_listen(struct monitor *m, struct dv_err *e)
{
	int r;

	(void)unlinkat(m->run, "attach", 0);
	if ((r = packet_listen(m->run, "attach", 16, &m->listen_fd, e)) < 0)
		return r;
	return loop_add_fd(m->loop, m->listen_fd, EPOLLIN, on_connection, m, &m->listen_source, e);
}

void clients_close(struct monitor *m)
{
	LIST_EACH_SAFE(it, &m->clients)
		drop(container_of(it, struct client, link), false);
	loop_remove(take_ptr(&m->listen_source));
	fd_close(&m->listen_fd);
}
