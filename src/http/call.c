/* call.c - calls as handlers see them: server.h's promises, the same for every protocol.
 *
 * The functions a handler calls only record and queue; the protocol acts on it
 * when the handler has returned. So a handler never meets itself, and a call
 * is never freed below a function that was given it.
 */
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"
#include "http/call.h"

/* --- life --- */

struct http_call *call_new(struct conn *conn, const struct call_proto *proto, struct out *out, size_t arena_room)
{
	size_t head = (sizeof(struct http_call) + 15) & ~(size_t)15;
	struct http_call *c = mem_alloc(head + arena_room);

	c->proto = proto;
	c->conn = conn;
	c->out = out;
	c->body_max = conn->server->o.body_max_bytes;
	c->length = -1;
	arena_init(&c->arena, conn->server->o.call_max_bytes);
	c->arena.p = (char *)c + head;
	c->arena.end = c->arena.p + arena_room;
	if (conn->server->o.on_log)
		c->start_us = server_now_us();
	return c;
}

void call_drop(struct http_call *c)
{
	arena_done(&c->arena);
	free(c);
}

void call_start(struct http_call *c)
{
	struct http_server *s = c->conn->server;

	s->stats.requests++;
	s->stats.calls++;
	s->o.handler(s->o.ctx, c);
}

static void call_log(struct http_call *c, bool complete)
{
	const struct http_server_options *o = &c->conn->server->o;
	struct http_log_entry entry = {
		.request = &c->request,
		.status = c->status,
		.body_bytes = c->no_body ? 0 : c->body_sent,
		.complete = complete,
	};

	if (!o->on_log)
		return;
	entry.usec = server_now_us() - c->start_us;
	o->on_log(o->ctx, &entry);
}

void call_finish(struct http_call *c, bool complete)
{
	if (c->finished)
		return;
	c->finished = c->broken = true;     /* what on_close may still ask for goes nowhere */
	c->conn->server->stats.calls--;
	call_log(c, complete);
	if (c->ops && c->ops->on_close)
		c->ops->on_close(c->state, c, complete);
	call_drop(c);
}

/* --- the body of the request --- */

static bool too_large(struct http_call *c)
{
	if (c->responded) {
		http_call_abort(c);
	} else {
		http_call_close_after(c);
		http_reply(c, 413, "text/plain; charset=utf-8", "the body is too large\n", 22);
	}
	return false;
}

bool call_data(struct http_call *c, const void *p, size_t n)
{
	c->body_got += n;
	if (c->body_got > c->body_max)
		return too_large(c);
	if (c->ops->on_data)
		c->ops->on_data(c->state, c, p, n);
	return true;
}

void call_end(struct http_call *c)
{
	c->body_ended = true;
	call_tell_end(c);
}

void call_tell_end(struct http_call *c)
{
	if (!c->body_ended || c->end_told || !call_takes_body(c))
		return;
	c->end_told = true;
	if (c->ops->on_end)
		c->ops->on_end(c->state, c);
}

void http_call_attach(struct http_call *c, const struct http_call_ops *ops, void *state)
{
	if (c->ops)
		return;
	c->ops = ops;
	c->state = state;
	if ((!ops->on_data && !ops->on_end) || c->ended)
		return;
	if (c->request.body_length > 0 && (uint64_t)c->request.body_length > c->body_max) {
		(void)too_large(c);
		return;
	}
	c->wanted = true;
	c->proto->body_changed(c);
}

void http_call_pause_body(struct http_call *c)
{
	if (c->paused)
		return;
	c->paused = true;
	c->proto->body_changed(c);
}

void http_call_resume_body(struct http_call *c)
{
	if (!c->paused)
		return;
	c->paused = false;
	c->proto->body_changed(c);
}

void http_call_set_body_max(struct http_call *c, uint64_t max_bytes)
{
	c->body_max = max_bytes;
}

const struct http_request *http_call_request(const struct http_call *c)
{
	return &c->request;
}

struct arena *http_call_arena(struct http_call *c)
{
	return &c->arena;
}

struct http_server *http_call_server(const struct http_call *c)
{
	return c->conn->server;
}

struct loop *http_call_loop(const struct http_call *c)
{
	return c->conn->server->loop;
}

void *http_call_state(const struct http_call *c)
{
	return c->state;
}

const struct http_header *http_call_trailers(const struct http_call *c, size_t *ret_n)
{
	*ret_n = c->n_trailers;
	return c->trailers;
}

/* --- the answer --- */

static const char *const ours[] = { "content-length", "transfer-encoding", "connection", "date", "keep-alive" };

static bool headers_valid(const struct http_header *h, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!http_name_valid(h[i].name) || !http_value_valid(h[i].value))
			return false;
		for (size_t k = 0; k < ARRAY_LEN(ours); k++)
			if (strcasecmp(h[i].name, ours[k]) == 0)
				return false;
	}
	return true;
}

static bool status_has_body(const struct http_call *c, int status)
{
	return c->request.method != HTTP_HEAD && status != 204 && status != 304;
}

/* Something that must not be sent: the handler's bug, and nobody else's affair. */
static void respond_broken(struct http_call *c)
{
	c->status = 500;
	c->length = 0;
	c->no_body = true;
	c->responded = true;
	c->proto->respond(c, NULL, 0);
	http_end(c);
}

void http_respond(struct http_call *c, int status, const struct http_header *h, size_t n, int64_t length)
{
	if (c->responded || c->broken)
		return;
	if (!headers_valid(h, n) || status <= 100 || status == 101 || status > 999) {
		respond_broken(c);
		return;
	}
	if (status < 200) {
		c->proto->interim(c, status, h, n);
		return;
	}
	c->responded = true;
	c->status = (uint16_t)status;
	c->length = length;
	c->no_body = !status_has_body(c, status);
	c->proto->respond(c, h, n);
}

/* Counts n bytes of the body: may they be sent? */
static bool count_body(struct http_call *c, uint64_t n)
{
	if (!c->responded || c->ended || c->broken || n == 0)
		return false;
	if (c->length >= 0 && n > (uint64_t)c->length - c->body_sent) {
		c->overrun = true;
		return false;
	}
	c->body_sent += n;
	return !c->no_body;
}

/* Whether to go on. */
static bool below(struct http_call *c)
{
	const struct http_server_options *o = &c->conn->server->o;

	if (c->ended || c->broken)
		return false;
	if (c->out->bytes > o->out_max_bytes)
		http_call_abort(c);
	if (c->out->bytes <= o->out_high_bytes)
		return !c->broken;
	c->above = true;
	return false;
}

bool http_write(struct http_call *c, const void *data, size_t n)
{
	if (count_body(c, n))
		c->proto->write(c, data, n);
	return below(c);
}

bool http_write_shared(struct http_call *c, const void *data, size_t n, void (*release)(void *ctx), void *ctx)
{
	if (count_body(c, n))
		c->proto->write_shared(c, data, n, release, ctx);
	else if (release)
		release(ctx);
	return below(c);
}

bool http_write_file(struct http_call *c, int fd, uint64_t offset, uint64_t n)
{
	if (count_body(c, n))
		c->proto->write_file(c, fd, offset, n);
	else
		(void)close(fd);
	return below(c);
}

size_t http_call_queued(const struct http_call *c)
{
	return (size_t)c->out->bytes;
}

void http_end_trailers(struct http_call *c, const struct http_header *h, size_t n)
{
	if (c->ended || c->broken)
		return;
	if (!c->responded)
		respond_broken(c);
	if (c->ended)
		return;
	/* a body that is not what its head said must not look complete */
	if (c->overrun || (!c->no_body && c->length >= 0 && c->body_sent != (uint64_t)c->length)) {
		http_call_abort(c);
		return;
	}
	c->ended = true;
	c->proto->end(c, headers_valid(h, n) ? h : NULL, headers_valid(h, n) ? n : 0);
}

void http_end(struct http_call *c)
{
	http_end_trailers(c, NULL, 0);
}

void http_call_close_after(struct http_call *c)
{
	c->close_after = true;
}

void http_call_abort(struct http_call *c)
{
	if (c->broken || c->finished)
		return;
	c->broken = true;
	c->proto->abort(c);
}

void call_sent(struct http_call *c)
{
	if (!c->above || c->ended || c->broken || c->out->bytes >= c->conn->server->o.out_low_bytes)
		return;
	c->above = false;
	if (c->ops && c->ops->on_writable)
		c->ops->on_writable(c->state, c);
}

/* --- short answers --- */

void http_reply_with(struct http_call *c, int status, const struct http_header *h, size_t n_headers, const void *data,
		     size_t n)
{
	if (c->responded)
		return;
	http_respond(c, status, h, n_headers, (int64_t)n);
	(void)http_write(c, data, n);
	http_end(c);
}

void http_reply(struct http_call *c, int status, const char *type, const void *data, size_t n)
{
	struct http_header h = { "Content-Type", type };

	http_reply_with(c, status, &h, type ? 1 : 0, data, n);
}

void http_reply_error(struct http_call *c, const struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(sizeof e->msg + 2);

	buf_str(&b, e->msg);
	buf_char(&b, '\n');
	http_reply(c, dv_kind_http(e->kind), "text/plain; charset=utf-8", b.p, b.len);
}

/* --- upgrades --- */

bool http_call_upgrades(const struct http_call *c, const char *protocol)
{
	const struct http_request *r = &c->request;

	return c->proto->upgrade && r->major == 1 && r->minor == 1 && r->body_length == 0 &&
	       http_header_lists(r->headers, r->n_headers, "connection", "upgrade") &&
	       http_header_lists(r->headers, r->n_headers, "upgrade", protocol);
}

int http_upgrade(struct http_call *c, const struct http_header *h, size_t n, http_on_upgrade *cb, void *state,
		 struct dv_err *e)
{
	if (c->broken || !c->proto->upgrade || c->request.major != 1 || c->request.minor != 1)
		return dv_fail(e, DV_INVALID, "this connection cannot be upgraded");
	if (c->responded || c->request.body_length != 0 || !headers_valid(h, n))
		return dv_fail(e, DV_INVALID, "an upgrade after an answer, with a body, or with headers that cannot be sent");
	c->responded = c->ended = true;
	c->status = c->request.method == HTTP_CONNECT ? 200 : 101;
	return c->proto->upgrade(c, h, n, cb, state, e);
}
