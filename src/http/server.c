/* server.c - the server as a whole: options, timeouts of its connections, the end. */
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/map.h"
#include "base/str.h"
#include "http/call.h"

/* --- options --- */

#define DEFAULT(field, value) do { if (!o->field) o->field = (value); } while (0)

static void fill_defaults(struct http_server_options *o)
{
	DEFAULT(head_max_bytes, 65536);
	DEFAULT(line_max_bytes, 16384);
	DEFAULT(headers_max, 100);
	DEFAULT(body_max_bytes, (uint64_t)64 << 20);
	DEFAULT(out_high_bytes, 256 << 10);
	DEFAULT(out_low_bytes, DV_MIN((size_t)64 << 10, o->out_high_bytes / 2));
	DEFAULT(out_max_bytes, (size_t)64 << 20);
	DEFAULT(call_max_bytes, (size_t)16 << 20);
	DEFAULT(head_timeout_ms, 30000);
	DEFAULT(idle_timeout_ms, 75000);
	DEFAULT(body_timeout_ms, 60000);
	DEFAULT(write_timeout_ms, 60000);
	DEFAULT(connections_max, 10000);
	DEFAULT(streams_max, 250);
}

/* --- timeouts: a list for each kind of wait, in order of time, and one timer for the first of them --- */

uint64_t server_timeout(const struct http_server *s, enum conn_wait w)
{
	const uint64_t ms[WAIT_MAX] = {
		[WAIT_HEAD] = s->o.head_timeout_ms, [WAIT_IDLE] = s->o.idle_timeout_ms,
		[WAIT_BODY] = s->o.body_timeout_ms, [WAIT_WRITE] = s->o.write_timeout_ms,
		[WAIT_LINGER] = LINGER_MS,
	};

	return ms[w];
}

static void arm_at(struct http_server *s, uint64_t due_ms)
{
	uint64_t now = loop_now_ms(s->loop);

	if (s->timer_due_ms && s->timer_due_ms <= due_ms)
		return;
	s->timer_due_ms = due_ms;
	loop_arm(s->timer, due_ms > now ? due_ms - now : 0);
}

void server_arm(struct http_server *s, enum conn_wait w)
{
	if (w != WAIT_NONE)
		arm_at(s, loop_now_ms(s->loop) + server_timeout(s, w));
}

static struct conn *oldest(struct http_server *s, enum conn_wait w)
{
	return list_empty(&s->waits[w]) ? NULL : container_of(s->waits[w].next, struct conn, link);
}

static void on_timer(void *ctx)
{
	struct http_server *s = ctx;
	uint64_t now = loop_now_ms(s->loop);

	s->timer_due_ms = 0;
	for (enum conn_wait w = WAIT_NONE + 1; w < WAIT_MAX; w++) {
		uint64_t timeout = server_timeout(s, w);
		struct conn *c;

		while ((c = oldest(s, w)) && c->since_ms + timeout <= now) {
			/* to the end of the list, whatever its protocol does: this ends */
			conn_wait_again(c);
			conn_timed_out(c);
		}
		if (c)
			arm_at(s, c->since_ms + timeout);
	}
}

/* --- peers --- */

/* Counts are kept as pointers: a map's values are never NULL, and neither is a count. */
static uintptr_t peer_count(struct http_server *s, const struct http_addr *peer, char key[HTTP_ADDR_TEXT_MAX])
{
	return (uintptr_t)map_get(s->peers, http_addr_text(peer, false, key));
}

bool server_peer_add(struct http_server *s, const struct http_addr *peer)
{
	char key[HTTP_ADDR_TEXT_MAX];
	uintptr_t n;

	if (!s->peers || peer->family == AF_UNIX)
		return true;
	n = peer_count(s, peer, key);
	if (n >= s->o.per_peer_max)
		return false;
	(void)map_set(s->peers, key, (void *)(n + 1));
	return true;
}

void server_peer_remove(struct http_server *s, const struct http_addr *peer)
{
	char key[HTTP_ADDR_TEXT_MAX];
	uintptr_t n;

	if (!s->peers || peer->family == AF_UNIX)
		return;
	n = peer_count(s, peer, key);
	if (n > 1)
		(void)map_set(s->peers, key, (void *)(n - 1));
	else
		(void)map_del(s->peers, key);
}

/* --- work at the end of a turn --- */

static void on_task(void *ctx)
{
	struct http_server *s = ctx;
	http_on_drained *drained;

	conn_run_kicked(s);
	if (!s->draining || s->stats.connections || !s->drained)
		return;
	drained = s->drained;
	s->drained = NULL;
	loop_disarm(s->drain_timer);
	drained(s->drained_ctx);    /* it may free the server */
}

void server_conn_gone(struct http_server *s)
{
	listeners_resume(s);
	if (s->draining && s->stats.connections == 0)
		loop_post(s->task);
}

/* --- small things --- */

const char *server_date(struct http_server *s)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	if (ts.tv_sec != s->date_s) {
		s->date_s = ts.tv_sec;
		http_date_format(ts.tv_sec, s->date);
	}
	return s->date;
}

uint64_t server_now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void http_server_stats(const struct http_server *s, struct http_server_stats *ret)
{
	*ret = s->stats;
}

/* --- life --- */

static void on_accept_timer(void *ctx)
{
	listeners_resume(ctx);
}

static void on_drain_timer(void *ctx)
{
	struct http_server *s = ctx;

	for (unsigned w = 0; w < WAIT_MAX; w++)
		LIST_EACH_SAFE(it, &s->waits[w])
			conn_close(container_of(it, struct conn, link));
}

int http_server_new(struct loop *loop, const struct http_server_options *options, struct http_server **ret,
		    struct dv_err *e)
{
	struct http_server *s;

	if (!options->handler)
		return dv_fail(e, DV_INVALID, "an HTTP server without a handler");
	if (options->server_name && !http_value_valid(options->server_name))
		return dv_fail(e, DV_INVALID, "the name of the HTTP server cannot be sent");
	s = mem_new(struct http_server);
	s->loop = loop;
	s->o = *options;
	fill_defaults(&s->o);
	for (unsigned w = 0; w < WAIT_MAX; w++)
		list_init(&s->waits[w]);
	list_init(&s->kicked);
	if (s->o.per_peer_max)
		s->peers = map_new();
	s->timer = loop_add_timer(loop, on_timer, s);
	s->drain_timer = loop_add_timer(loop, on_drain_timer, s);
	s->accept_timer = loop_add_timer(loop, on_accept_timer, s);
	s->task = loop_add_task(loop, on_task, s);
	*ret = s;
	return 0;
}

void http_server_drain(struct http_server *s, uint64_t timeout_ms, http_on_drained *done, void *ctx)
{
	s->draining = true;
	s->drained = done;
	s->drained_ctx = ctx;
	listeners_close(s);
	for (unsigned w = 0; w < WAIT_MAX; w++) {
		LIST_EACH_SAFE(it, &s->waits[w]) {
			struct conn *c = container_of(it, struct conn, link);

			if (c->proto)
				c->proto->drain(c);
			else
				conn_close(c);
		}
	}
	loop_arm(s->drain_timer, timeout_ms);
	loop_post(s->task);
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	s->draining = true;
	s->drained = NULL;
	listeners_close(s);
	for (unsigned w = 0; w < WAIT_MAX; w++)
		while (!list_empty(&s->waits[w]))
			conn_free(oldest(s, w));
	loop_remove(s->timer);
	loop_remove(s->drain_timer);
	loop_remove(s->accept_timer);
	loop_remove(s->task);
	out_pool_done(&s->pool);
	map_free(s->peers, NULL);
	free(s);
}
