/* client_h2.c - fetches over a connection of HTTP/2: as many at a time as the server takes. */
#include <inttypes.h>

#include "base/str.h"
#include "http/client_parts.h"

#define STREAMS_MAX 100            /* of ours, whatever the server allows */

struct h2 {
	struct h2_wire wire;
	struct cconn *n;
	unsigned n_streams;            /* fetches that are attached */
	bool idle;                     /* was told to the pool */
};

static struct h2 *h2_of(struct h2_wire *w)
{
	return container_of(w, struct h2, wire);
}

/* --- the request --- */

static const char *authority_of(struct http_fetch *f)
{
	for (size_t i = 0; i < f->n_headers; i++)
		if (strcasecmp(f->headers[i].name, "host") == 0)
			return f->headers[i].value;
	return url_authority(&f->arena, &f->url);
}

static void h2_attach(struct cconn *n, struct http_fetch *f)
{
	struct h2 *h = n->p;
	const struct http_header pseudo[] = {
		{ ":method", f->method }, { ":scheme", f->url.scheme }, { ":authority", authority_of(f) },
		{ ":path", url_target(&f->arena, &f->url) },
	};
	struct http_header *headers = arena_array(&f->arena, struct http_header, f->n_headers + 1);
	size_t n_headers = f->n_headers, n_fields;
	nghttp2_data_provider body = h2_body_provider(&f->body);
	nghttp2_nv *fields;

	for (size_t i = 0; i < n_headers; i++)
		headers[i] = f->headers[i];
	if (f->has_body && f->length >= 0)
		headers[n_headers++] = (struct http_header){ "content-length", arena_printf(&f->arena, "%" PRId64, f->length) };
	fields = h2_fields(&f->arena, pseudo, ARRAY_LEN(pseudo), headers, n_headers, &n_fields);
	f->body.id = nghttp2_submit_request(h->wire.session, NULL, fields, n_fields, f->has_body ? &body : NULL, f);
	h->n_streams++;
	h->idle = false;
	/* All ids are used, or the session ends: the next connection */
	if (f->body.id < 0)
		n->going = true;
	if (!f->has_body)
		fetch_sent(f, true);
}

void cconn_h2_wake(struct cconn *n, struct http_fetch *f)
{
	h2_body_wake(&((struct h2 *)n->p)->wire, &f->body);
}

static void on_framed(struct h2_wire *w, struct h2_body *b)
{
	struct http_fetch *f = container_of(b, struct http_fetch, body);

	fetch_sent(f, b->ended && !b->out.bytes);
}

static void on_sent_end(struct h2_wire *w, int32_t id, void *stream)
{
	fetch_sent(stream, true);
}

/* --- the response --- */

/* The stream and its fetch know nothing of each other any more. */
static void drop(struct h2 *h, struct http_fetch *f)
{
	h2_stream_set(&h->wire, f->body.id, NULL);
	h2_consume(&h->wire, f->body.id, f->in.len);
	buf_done(&f->in);
	f->in = BUF_INIT(H2_STREAM_WINDOW + 1);
	list_remove(&f->link);
	h->n_streams--;
}

static void complete(struct h2 *h, struct http_fetch *f)
{
	/* The answer is there: the rest of the request is of no use. */
	if (!f->sent)
		h2_stream_reset(&h->wire, f->body.id, NGHTTP2_NO_ERROR);
	drop(h, f);
	fetch_complete(f);
}

static void reject(struct h2 *h, struct http_fetch *f, const struct dv_err *e)
{
	h2_stream_reset(&h->wire, f->body.id, NGHTTP2_PROTOCOL_ERROR);
	drop(h, f);
	fetch_fail(f, e);
}

/* The length that was announced; what has no body is not asked. */
static int64_t length_of(const struct http_fetch *f, bool end)
{
	const char *text = http_response_header(&f->head, "content-length");
	uint64_t n;

	if (end)
		return 0;
	return text && str_u64(text, INT64_MAX, "content-length", &n, NULL) == 0 ? (int64_t)n : -1;
}

static void on_head(struct h2_wire *w, int32_t id, void *stream, nghttp2_headers_category kind, bool end)
{
	struct http_fetch *f = stream;
	struct h2_pseudo pseudo;
	struct http_header *list;
	struct dv_err e = DV_ERR_NONE;
	uint64_t status = 0;
	size_t n;

	if (!f)
		return;
	f->answered = true;
	if (w->head.over) {
		(void)dv_fail(&e, DV_LIMIT, "the headers of the response are too large");
		reject(h2_of(w), f, &e);
		return;
	}
	h2_head_read(&w->head, &f->arena, &pseudo, &list, &n);
	if (f->has_head) {
		f->trailers = list;
		f->n_trailers = n;
		return;
	}
	if (!pseudo.status || str_u64(pseudo.status, 999, ":status", &status, &e) < 0 || status < 100 || status == 101) {
		(void)dv_fail(&e, DV_INVALID, "a response without a valid status");
		reject(h2_of(w), f, &e);
		return;
	}
	if (status < 200)
		return;
	f->head = (struct http_response){ .status = (int)status, .major = 2, .reason = "", .headers = list, .n_headers = n };
	f->head.body_length = length_of(f, end || streq(f->method, "HEAD"));
	fetch_head(f);
}

static void on_data(struct h2_wire *w, int32_t id, void *stream, const void *data, size_t n)
{
	struct http_fetch *f = stream;

	if (f->paused || f->in.len) {
		buf_add(&f->in, data, n);
		return;
	}
	fetch_data(f, data, n);
	h2_consume(w, id, n);
}

static void on_end(struct h2_wire *w, int32_t id, void *stream)
{
	struct http_fetch *f = stream;

	f->in_end = true;
	if (!f->in.len)
		complete(h2_of(w), f);
}

static void on_close(struct h2_wire *w, int32_t id, void *stream, uint32_t code)
{
	struct http_fetch *f = stream;
	struct dv_err e = DV_ERR_NONE;

	if (f->in_end)     /* the rest waits until it is taken */
		return;
	(void)dv_fail(&e, code == NGHTTP2_REFUSED_STREAM ? DV_UNAVAILABLE : DV_IO, "the server ended the stream: %s",
		      nghttp2_http2_strerror(code));
	drop(h2_of(w), f);
	fetch_lost(f, code == NGHTTP2_REFUSED_STREAM, &e);
}

/* Streams it did not get to were closed as refused before this is called. */
static void on_goaway(struct h2_wire *w, int32_t last_id, uint32_t code)
{
	h2_of(w)->n->going = true;
	origin_kick(h2_of(w)->n->origin);
}

/* It may take more streams now. */
static void on_settings(struct h2_wire *w)
{
	origin_kick(h2_of(w)->n->origin);
}

static const struct h2_ops client_ops = {
	.on_head = on_head,
	.on_data = on_data,
	.on_end = on_end,
	.on_close = on_close,
	.on_framed = on_framed,
	.on_sent_end = on_sent_end,
	.on_goaway = on_goaway,
	.on_settings = on_settings,
};

/* --- the connection --- */

static void deliver(struct h2 *h, struct http_fetch *f)
{
	struct buf b = f->in;

	if (f->paused || (!b.len && !f->in_end))
		return;
	f->in = BUF_INIT(H2_STREAM_WINDOW + 1);
	if (b.len) {
		fetch_data(f, b.p, b.len);
		h2_consume(&h->wire, f->body.id, b.len);
	}
	buf_done(&b);
	if (f->state == FETCH_SENDING && f->conn == h->n && f->in_end && !f->paused)
		complete(h, f);
}

/* Bodies that wait here, and lengths that do not fit. A callback may end any fetch: begin again after each. */
static void look_at_fetches(struct cconn *n)
{
	struct h2 *h = n->p;
	struct dv_err e = DV_ERR_NONE;
	bool again = true;

	while (again && !n->dead) {
		again = false;
		LIST_EACH(it, &n->fetches) {
			struct http_fetch *f = container_of(it, struct http_fetch, link);

			again = !f->paused && (f->in.len || f->in_end);
			if (again) {
				deliver(h, f);
				break;
			}
			again = fetch_body_wrong(f, &e);
			if (again) {
				reject(h, f, &e);
				break;
			}
		}
	}
}

static void h2_work(struct cconn *n)
{
	struct h2 *h = n->p;
	struct dv_err e = DV_ERR_NONE;
	uint64_t sent = 0;
	int r;

	look_at_fetches(n);
	if (n->dead)
		return;
	r = h2_wire_flush(&h->wire, n->io, &sent, &e);
	if (r < 0) {
		cconn_break(n, &e);
		return;
	}
	n->want_write = r == 0;
	n->want_read = h2_wire_reads(&h->wire);
	if (h2_wire_over(&h->wire) || (n->going && !h->n_streams && r == 1)) {
		(void)dv_fail(&e, DV_IO, "the server ended the connection");
		cconn_break(n, &e);
	} else if (!h->n_streams && n->n_fetches && r == 1 && list_empty(&n->fetches) && !h->idle) {
		h->idle = true;
		cconn_idle(n);
	}
}

static void h2_input(struct cconn *n, const char *data, size_t len)
{
	struct h2 *h = n->p;
	struct dv_err e = DV_ERR_NONE;
	uint64_t sent = 0;

	if (len == 0) {
		(void)dv_fail(&e, DV_IO, "the server closed the connection");
		cconn_break(n, &e);
		return;
	}
	if (h2_wire_input(&h->wire, data, len, loop_now_ms(n->client->loop), &e) == 0)
		return;
	/* tell it why, as far as it goes */
	dv_ignore(h2_wire_flush(&h->wire, n->io, &sent, NULL));
	cconn_break(n, &e);
}

static bool h2_free(const struct cconn *n)
{
	const struct h2 *h = n->p;
	uint32_t most = nghttp2_session_get_remote_settings(h->wire.session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

	return h->n_streams < DV_MIN(most, (uint32_t)STREAMS_MAX) && nghttp2_session_check_request_allowed(h->wire.session);
}

static void h2_detach(struct cconn *n, struct http_fetch *f)
{
	struct h2 *h = n->p;

	if (!n->dead)
		h2_stream_reset(&h->wire, f->body.id, NGHTTP2_CANCEL);
	drop(h, f);
}

static int h2_start(struct cconn *n, struct dv_err *e)
{
	struct h2 *h = mem_new(struct h2);
	int r;

	h->n = n;
	h->wire.ops = &client_ops;
	n->p = h;
	r = h2_wire_init(&h->wire, false, 0, n->client->o.head_max_bytes, 200, e);
	if (r < 0) {
		h2_wire_done(&h->wire);
		free(h);
		n->p = NULL;
	}
	return r;
}

static void h2_stop(struct cconn *n)
{
	struct h2 *h = n->p;

	h2_wire_done(&h->wire);
	free(h);
	n->p = NULL;
}

const struct cconn_proto cconn_h2 = {
	.start = h2_start,
	.free = h2_free,
	.attach = h2_attach,
	.on_input = h2_input,
	.on_work = h2_work,
	.detach = h2_detach,
	.stop = h2_stop,
};
