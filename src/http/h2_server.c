/* h2_server.c - HTTP/2 at the server: streams are calls, as a request of HTTP/1.1 is one.
 *
 * Data that comes in goes to the handler at once and the window opens again;
 * while a body is paused, or nobody wants it yet, up to a stream's window of
 * it waits here. What a handler writes waits in its call's queue until nghttp2
 * frames it, and that happens only as the socket takes it: the marks of the
 * queue work as they do for HTTP/1.1, and the peer's windows act on them.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "http/call.h"
#include "http/chars.h"
#include "http/h2.h"
#include "http/url.h"

#define ROUNDS_MAX 16          /* of writing and calling back before other connections get their turn */

struct h2_conn {
	struct h2_wire wire;
	struct conn *c;
	struct list streams;           /* that are open, oldest first */
	struct list touched;           /* that have to be looked at */
	struct list gone;              /* that are closed; their calls have to be told */
	unsigned n_streams;
	bool greeted;                  /* SETTINGS of the client came */
	bool draining, said_goodbye;   /* GOAWAY is asked for; the one with the last stream was sent */
	bool lingering;                /* we are done: what still comes is dropped */
	bool was_busy;                 /* a call has ended: the time of being idle begins anew */
	uint64_t moved_ms;             /* when the socket took bytes last */
};

struct h2_stream {
	struct list link;              /* in streams or gone */
	struct list touch;             /* in touched, or alone */
	struct h2_conn *h;
	struct http_call *call;
	struct h2_body body;
	struct buf in;                 /* of the request's body, while it is not wanted */
	uint64_t moved_ms;             /* when bytes came or went last */
	bool in_end;                   /* nothing comes behind what is in `in` */
	bool expects;                  /* 100-continue, not yet said */
	bool complete;
};

static struct h2_conn *h2_of(struct h2_wire *w)
{
	return container_of(w, struct h2_conn, wire);
}

static struct h2_stream *stream_of(const struct http_call *call)
{
	return container_of(call->out, struct h2_stream, body.out);
}

static void touch(struct h2_stream *s)
{
	if (list_empty(&s->touch))
		list_add_tail(&s->h->touched, &s->touch);
	conn_kick(s->h->c);
}

/* --- answers --- */

static void put_answer(struct http_call *call, int status, const struct http_header *h, size_t n, bool final)
{
	struct h2_stream *s = stream_of(call);
	char text[16], length[24];
	struct http_header ours[4] = { { ":status", text } };
	size_t n_ours = 1, n_fields;
	nghttp2_data_provider body = h2_body_provider(&s->body);
	nghttp2_nv *fields;

	(void)snprintf(text, sizeof text, "%d", status);
	(void)snprintf(length, sizeof length, "%" PRId64, call->length);
	if (final) {
		ours[n_ours++] = (struct http_header){ "date", server_date(call->conn->server) };
		if (call->conn->server->o.server_name)
			ours[n_ours++] = (struct http_header){ "server", call->conn->server->o.server_name };
		if (call->length >= 0 && status != 204)
			ours[n_ours++] = (struct http_header){ "content-length", length };
	}
	fields = h2_fields(&call->arena, ours, n_ours, h, n, &n_fields);
	if (!final)
		(void)nghttp2_submit_headers(s->h->wire.session, NGHTTP2_FLAG_NONE, s->body.id, NULL, fields, n_fields, NULL);
	else
		(void)nghttp2_submit_response(s->h->wire.session, s->body.id, fields, n_fields,
					      call->no_body || call->length == 0 ? NULL : &body);
	touch(s);
}

static void call_respond(struct http_call *call, const struct http_header *h, size_t n)
{
	stream_of(call)->expects = false;
	put_answer(call, call->status, h, n, true);
}

static void call_interim(struct http_call *call, int status, const struct http_header *h, size_t n)
{
	put_answer(call, status, h, n, false);
}

static void more(struct http_call *call)
{
	struct h2_stream *s = stream_of(call);

	s->moved_ms = loop_now_ms(call->conn->server->loop);
	h2_body_wake(&s->h->wire, &s->body);
	touch(s);
}

static void call_write(struct http_call *call, const void *data, size_t n)
{
	out_add(call->out, data, n);
	more(call);
}

static void call_write_shared(struct http_call *call, const void *data, size_t n, void (*release)(void *), void *ctx)
{
	out_shared(call->out, data, n, release, ctx);
	more(call);
}

static void call_write_file(struct http_call *call, int fd, uint64_t offset, uint64_t n)
{
	out_file(call->out, fd, offset, n);
	more(call);
}

static void call_ended(struct http_call *call, const struct http_header *trailers, size_t n)
{
	struct h2_stream *s = stream_of(call);

	s->body.ended = true;
	if (n)
		s->body.trailers = h2_fields(&call->arena, NULL, 0, trailers, n, &s->body.n_trailers);
	more(call);
}

static void call_abort(struct http_call *call)
{
	struct h2_stream *s = stream_of(call);

	h2_stream_reset(&s->h->wire, s->body.id, NGHTTP2_INTERNAL_ERROR);
	touch(s);
}

static void call_body_changed(struct http_call *call)
{
	struct h2_stream *s = stream_of(call);

	if (call->wanted && s->expects && !call->responded)
		put_answer(call, 100, NULL, 0, false);
	if (call->wanted)
		s->expects = false;
	s->moved_ms = loop_now_ms(call->conn->server->loop);
	touch(s);
}

static const struct call_proto h2_calls = {
	.respond = call_respond,
	.interim = call_interim,
	.write = call_write,
	.write_shared = call_write_shared,
	.write_file = call_write_file,
	.end = call_ended,
	.body_changed = call_body_changed,
	.abort = call_abort,
};

/* --- requests --- */

static bool valid_target(const char *path, enum http_method method)
{
	size_t n = strcspn(path, "?");

	if (streq(path, "*"))
		return method == HTTP_OPTIONS;
	return path[0] == '/' && ch_all(path, n, CH_PATH) && (!path[n] || ch_all(path + n + 1, strlen(path + n + 1), CH_QUERY));
}

/* The pseudo headers into the request; false: 400. nghttp2 has seen to it that there is one of each. */
static bool take_pseudo(struct http_request *r, const struct h2_pseudo *p, struct arena *a)
{
	const char *host = http_header_get(r->headers, r->n_headers, "host"), *query;

	r->method_name = p->method;
	r->method = http_method_of(p->method, strlen(p->method));
	r->authority = p->authority ? p->authority : host;
	if (!r->authority || (host && !streq(host, r->authority)) || !url_authority_valid(r->authority, strlen(r->authority)))
		return false;
	r->path = r->method == HTTP_CONNECT ? "" : p->path;
	if (r->method == HTTP_CONNECT)
		return true;
	if (!p->scheme || (!streq(p->scheme, "http") && !streq(p->scheme, "https")) || !p->path ||
	    !valid_target(p->path, r->method))
		return false;
	query = strchr(p->path, '?');
	if (query) {
		r->path = arena_strn(a, p->path, (size_t)(query - p->path));
		r->query = query + 1;
	}
	return true;
}

/* The length that was announced, or what the end of the head says. */
static int64_t body_length(const struct http_request *r, bool end)
{
	const char *text = http_header_get(r->headers, r->n_headers, "content-length");
	uint64_t n;

	if (end)
		return 0;
	return text && str_u64(text, INT64_MAX, "content-length", &n, NULL) == 0 ? (int64_t)n : -1;
}

static bool read_request(struct http_request *r, struct h2_conn *h, struct arena *a, bool end)
{
	struct h2_pseudo pseudo;
	struct http_header *list;

	h2_head_read(&h->wire.head, a, &pseudo, &list, &r->n_headers);
	r->headers = list;
	r->major = 2;
	r->minor = 0;
	r->scheme = h->c->io->ops->scheme;
	r->peer = h->c->peer;
	r->cert = h->c->io->ops->cert ? h->c->io->ops->cert(h->c->io, a) : NULL;
	r->body_length = body_length(r, end);
	r->method_name = r->authority = r->path = "";
	return pseudo.method && take_pseudo(r, &pseudo, a);
}

static struct h2_stream *stream_new(struct h2_conn *h, int32_t id)
{
	struct h2_stream *s = mem_new(struct h2_stream);

	s->h = h;
	s->body.id = id;
	s->in = BUF_INIT(H2_STREAM_WINDOW + 1);
	s->moved_ms = loop_now_ms(h->c->server->loop);
	out_init(&s->body.out, &h->c->server->pool);
	list_init(&s->touch);
	list_add_tail(&h->streams, &s->link);
	h->n_streams++;
	s->call = call_new(h->c, &h2_calls, &s->body.out, h2_head_room(&h->wire.head));
	h2_stream_set(&h->wire, id, s);
	return s;
}

/* An answer that the handler never hears of. */
static void refuse(struct http_call *call, int status, const char *text)
{
	call->conn->server->stats.malformed++;
	call->conn->server->stats.calls++;
	http_reply(call, status, "text/plain; charset=utf-8", text, strlen(text));
}

static void start_call(struct h2_conn *h, int32_t id, bool end)
{
	struct h2_stream *s = stream_new(h, id);
	struct http_call *call = s->call;
	bool over = h->wire.head.over, valid = read_request(&call->request, h, &call->arena, end);

	s->expects = !end && http_header_lists(call->request.headers, call->request.n_headers, "expect", "100-continue");
	if (over)
		refuse(call, 431, "the headers are too large\n");
	else if (!valid)
		refuse(call, 400, "the request is malformed\n");
	else
		call_start(call);
	touch(s);
}

static void take_trailers(struct h2_conn *h, struct h2_stream *s)
{
	struct h2_pseudo pseudo;

	if (!h->wire.head.over)
		h2_head_read(&h->wire.head, &s->call->arena, &pseudo, &s->call->trailers, &s->call->n_trailers);
}

static void on_head(struct h2_wire *w, int32_t id, void *stream, nghttp2_headers_category kind, bool end)
{
	struct h2_conn *h = h2_of(w);

	if (kind == NGHTTP2_HCAT_REQUEST)
		start_call(h, id, end);
	else if (stream)
		take_trailers(h, stream);
}

/* --- bodies that come in --- */

/* Once it is answered nobody looks at the rest any more. */
static bool drops(const struct h2_stream *s)
{
	return s->call->ended || s->call->broken;
}

static void on_data(struct h2_wire *w, int32_t id, void *stream, const void *data, size_t n)
{
	struct h2_stream *s = stream;

	s->moved_ms = loop_now_ms(s->h->c->server->loop);
	if (!drops(s) && (!call_takes_body(s->call) || s->in.len)) {
		buf_add(&s->in, data, n);
		return;
	}
	if (!drops(s))
		(void)call_data(s->call, data, n);
	h2_consume(w, id, n);
}

static void deliver(struct h2_stream *s)
{
	if (s->in.len && (call_takes_body(s->call) || drops(s))) {
		struct buf b = s->in;

		s->in = BUF_INIT(H2_STREAM_WINDOW + 1);
		if (!drops(s))
			(void)call_data(s->call, b.p, b.len);
		h2_consume(&s->h->wire, s->body.id, b.len);
		buf_done(&b);
	}
	if (!s->in_end || s->in.len)
		return;
	if (s->call->body_ended)
		call_tell_end(s->call);
	else
		call_end(s->call);
}

static void on_end(struct h2_wire *w, int32_t id, void *stream)
{
	struct h2_stream *s = stream;

	s->in_end = true;
	touch(s);
}

/* --- ends --- */

static void on_close(struct h2_wire *w, int32_t id, void *stream, uint32_t code)
{
	struct h2_stream *s = stream;

	s->complete = code == NGHTTP2_NO_ERROR && s->body.ended && !s->body.out.bytes;
	h2_consume(w, id, s->in.len);
	buf_done(&s->in);
	list_remove(&s->touch);
	list_remove(&s->link);
	list_add_tail(&s->h->gone, &s->link);
	s->h->n_streams--;
	conn_kick(s->h->c);
}

static void stream_free(struct h2_stream *s, bool complete)
{
	list_remove(&s->touch);
	list_remove(&s->link);
	call_finish(s->call, complete);
	out_done(&s->body.out);
	buf_done(&s->in);
	free(s);
}

static void on_framed(struct h2_wire *w, struct h2_body *b)
{
	struct h2_stream *s = container_of(b, struct h2_stream, body);

	s->moved_ms = loop_now_ms(s->h->c->server->loop);
	touch(s);
}

static void on_sent_end(struct h2_wire *w, int32_t id, void *stream)
{
	touch(stream);
}

/* The answer is out, the request is not over: the client may stop (RFC 9113, 8.1). */
static void stop_request(struct h2_stream *s)
{
	if (s->call->ended && !s->in_end && !s->body.out.bytes &&
	    nghttp2_session_get_stream_local_close(s->h->wire.session, s->body.id) == 1)
		h2_stream_reset(&s->h->wire, s->body.id, NGHTTP2_NO_ERROR);
}

/* --- the connection --- */

/* GOAWAY in two steps, so that requests on their way are still served (RFC 9113, 6.8). */
static const uint8_t drain_ping[8] = "goodbye";

static void say_goodbye(struct h2_conn *h)
{
	nghttp2_session *session = h->wire.session;

	if (!h->said_goodbye)
		(void)nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session),
					    NGHTTP2_NO_ERROR, NULL, 0);
	h->said_goodbye = true;
}

static void on_pong(struct h2_wire *w, const uint8_t data[8])
{
	struct h2_conn *h = h2_of(w);

	if (h->draining && memcmp(data, drain_ping, sizeof drain_ping) == 0)
		say_goodbye(h);
}

static void on_settings(struct h2_wire *w)
{
	h2_of(w)->greeted = true;
}

static const struct h2_ops server_ops = {
	.on_head = on_head,
	.on_data = on_data,
	.on_end = on_end,
	.on_close = on_close,
	.on_framed = on_framed,
	.on_sent_end = on_sent_end,
	.on_pong = on_pong,
	.on_settings = on_settings,
};

static void linger(struct h2_conn *h)
{
	if (h->lingering)
		return;
	h->lingering = true;
	http_io_shutdown(h->c->io);
	h->c->want_read = true;
	h->c->want_write = false;
	conn_wait(h->c, WAIT_LINGER);
}

static enum conn_wait wait_of(const struct h2_conn *h)
{
	bool wants = false;

	if (!h->greeted)
		return WAIT_HEAD;
	if (h->wire.left.len)
		return WAIT_WRITE;
	if (!h->n_streams)
		return WAIT_IDLE;
	LIST_EACH(it, &h->streams) {
		const struct h2_stream *s = container_of(it, struct h2_stream, link);

		if (s->body.out.bytes)
			return WAIT_WRITE;
		wants |= call_takes_body(s->call) && !s->in_end;
	}
	return wants ? WAIT_BODY : WAIT_NONE;
}

static void finish_gone(struct h2_conn *h)
{
	while (!list_empty(&h->gone)) {
		struct h2_stream *s = container_of(h->gone.next, struct h2_stream, link);

		stream_free(s, s->complete);
		h->was_busy = true;
	}
}

static void look_at_touched(struct h2_conn *h)
{
	struct list now;

	list_init(&now);
	if (!list_empty(&h->touched)) {
		now = h->touched;
		now.next->prev = now.prev->next = &now;
		list_init(&h->touched);
	}
	while (!list_empty(&now)) {
		struct h2_stream *s = container_of(now.next, struct h2_stream, touch);

		list_remove(&s->touch);
		deliver(s);
		call_sent(s->call);
		stop_request(s);
	}
}

/* Sends, calls back, and again, until there is nothing to do or the socket is full. */
static void settle(struct conn *c)
{
	struct h2_conn *h = c->p;
	uint64_t sent = 0;
	int r = 1;

	for (int round = 0; r == 1 && round < ROUNDS_MAX; round++) {
		r = h2_wire_flush(&h->wire, c->io, &sent, NULL);
		look_at_touched(h);
		finish_gone(h);
		if (list_empty(&h->touched) && !nghttp2_session_want_write(h->wire.session))
			break;
	}
	c->server->stats.out_bytes += sent;
	if (sent)
		h->moved_ms = loop_now_ms(c->server->loop);
	if (r < 0) {
		conn_close(c);
		return;
	}
	if (h->said_goodbye && !h->n_streams && r == 1)
		(void)nghttp2_session_terminate_session(h->wire.session, NGHTTP2_NO_ERROR);
	if (h2_wire_over(&h->wire)) {
		linger(h);
		return;
	}
	c->want_write = h->wire.left.len || nghttp2_session_want_write(h->wire.session) || !list_empty(&h->touched);
	c->want_read = h2_wire_reads(&h->wire);
	conn_wait(c, wait_of(h));
	if (h->was_busy && c->wait == WAIT_IDLE)
		conn_wait_again(c);
	h->was_busy = false;
}

static void h2_start(struct conn *c)
{
	struct h2_conn *h = mem_new(struct h2_conn);
	struct dv_err e = DV_ERR_NONE;

	h->c = c;
	h->wire.ops = &server_ops;
	list_init(&h->streams);
	list_init(&h->touched);
	list_init(&h->gone);
	c->p = h;
	if (h2_wire_init(&h->wire, true, c->server->o.streams_max, c->server->o.head_max_bytes, c->server->o.headers_max, &e) < 0)
		conn_close(c);
	c->want_read = true;
	conn_wait(c, WAIT_HEAD);
}

static void h2_input(struct conn *c, const char *data, size_t n)
{
	struct h2_conn *h = c->p;
	struct dv_err e = DV_ERR_NONE;

	if (n == 0) {
		conn_close(c);
		return;
	}
	if (h->lingering)
		return;
	if (h2_wire_input(&h->wire, data, n, loop_now_ms(c->server->loop), &e) < 0)
		c->server->stats.malformed++;
	settle(c);
}

static void h2_output(struct conn *c)
{
	settle(c);
}

static void h2_kick(struct conn *c)
{
	struct h2_conn *h = c->p;

	if (!h->lingering)
		settle(c);
}

/* Streams that made no progress for their time. */
static void reset_stalled(struct h2_conn *h)
{
	const struct http_server_options *o = &h->c->server->o;
	uint64_t now = loop_now_ms(h->c->server->loop);

	LIST_EACH(it, &h->streams) {
		struct h2_stream *s = container_of(it, struct h2_stream, link);
		uint64_t idle = now - s->moved_ms;

		if ((s->body.out.bytes && idle >= o->write_timeout_ms) ||
		    (call_takes_body(s->call) && !s->in_end && idle >= o->body_timeout_ms))
			h2_stream_reset(&h->wire, s->body.id, NGHTTP2_CANCEL);
	}
}

static void h2_timeout(struct conn *c)
{
	struct h2_conn *h = c->p;

	bool stuck = h->wire.left.len && loop_now_ms(c->server->loop) - h->moved_ms >= c->server->o.write_timeout_ms;

	if (h->lingering || !h->greeted || stuck) {
		conn_close(c);
		return;
	}
	if (!h->n_streams)
		say_goodbye(h);
	else
		reset_stalled(h);
	/* Whatever moved since waits anew; all of it is looked at again then. */
	conn_wait(c, WAIT_NONE);
	settle(c);
}

static void h2_drain(struct conn *c)
{
	struct h2_conn *h = c->p;

	if (h->draining || h->lingering)
		return;
	h->draining = true;
	if (!h->n_streams) {
		say_goodbye(h);
	} else {
		(void)nghttp2_submit_shutdown_notice(h->wire.session);
		(void)nghttp2_submit_ping(h->wire.session, NGHTTP2_FLAG_NONE, drain_ping);
	}
	conn_kick(c);
}

static void free_all(struct list *streams)
{
	while (!list_empty(streams)) {
		struct h2_stream *s = container_of(streams->next, struct h2_stream, link);

		stream_free(s, s->complete);
	}
}

static void h2_stop(struct conn *c)
{
	struct h2_conn *h = c->p;

	free_all(&h->gone);
	free_all(&h->streams);
	h2_wire_done(&h->wire);
	free(h);
	c->p = NULL;
}

const struct conn_proto h2_proto = {
	.alpn = "h2",
	.preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	.start = h2_start,
	.on_input = h2_input,
	.on_output = h2_output,
	.on_kick = h2_kick,
	.on_timeout = h2_timeout,
	.drain = h2_drain,
	.stop = h2_stop,
};
