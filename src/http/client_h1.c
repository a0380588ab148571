/* client_h1.c - a fetch over a connection of HTTP/1.1: one at a time.
 *
 * The head and the frames of chunks wait in a queue of the connection; the
 * body waits in the fetch's own and is cut into chunks, or sent as it is, only
 * as the stream takes it.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "http/client_parts.h"

#define CHUNK_BYTES 16000

struct h1 {
	struct http_h1 parser;
	struct http_fetch *f;          /* NULL: idle */
	struct out out;
	struct buf rest;               /* input that came while the fetch was paused */
	bool framed;                   /* all of the request is in `out`, or gone */
	bool interim;                  /* the message that is being read is a 1xx */
	bool eof;                      /* behind `rest` the stream ends */
	bool unwritable;               /* writing failed: there may still be a response to read */
};

/* --- the request --- */

static const char *own_host(const struct http_fetch *f)
{
	const char *host = http_header_get(f->headers, f->n_headers, "host");

	for (size_t i = 0; i < f->n_headers && !host; i++)
		if (strcasecmp(f->headers[i].name, "host") == 0)
			host = f->headers[i].value;
	return host;
}

/* host, what the caller set, and what frames the body. */
static struct http_header *make_headers(struct http_fetch *f, size_t *ret_n)
{
	struct http_header *h = arena_array(&f->arena, struct http_header, f->n_headers + 4);
	bool wants_length = f->has_body || streq(f->method, "POST") || streq(f->method, "PUT") || streq(f->method, "PATCH");
	size_t n = 0;

	if (!own_host(f))
		h[n++] = (struct http_header){ "host", url_authority(&f->arena, &f->url) };
	for (size_t i = 0; i < f->n_headers; i++)
		h[n++] = f->headers[i];
	if (f->upgrade) {
		h[n++] = (struct http_header){ "connection", "upgrade" };
		h[n++] = (struct http_header){ "upgrade", f->upgrade };
	}
	if (f->has_body && f->length < 0)
		h[n++] = (struct http_header){ "transfer-encoding", "chunked" };
	else if (wants_length)
		h[n++] = (struct http_header){ "content-length",
					       arena_printf(&f->arena, "%" PRId64, f->has_body ? f->length : 0) };
	*ret_n = n;
	return h;
}

static void h1_attach(struct cconn *n, struct http_fetch *f)
{
	struct h1 *h = n->p;
	auto_buf struct buf b = BUF_INIT(f->client->o.arena_max_bytes);
	const char *target = streq(f->method, "CONNECT") ? url_authority(&f->arena, &f->url) : url_target(&f->arena, &f->url);
	struct http_header *headers;
	size_t n_headers;

	h->f = f;
	h->framed = !f->has_body;
	h->interim = false;
	http_h1_expect(&h->parser, http_method_of(f->method, strlen(f->method)));
	headers = make_headers(f, &n_headers);
	http_h1_put_request(&b, f->method, target, headers, n_headers);
	out_add(&h->out, b.p, b.len);
	n->want_read = true;
}

/* The next chunk, or the last one, into h->out. False: there is nothing to frame now. */
static bool frame_chunk(struct h1 *h, struct dv_err *e, int *ret_failed)
{
	struct http_fetch *f = h->f;
	char room[CHUNK_BYTES], head[HTTP_H1_CHUNK_MAX];
	auto_buf struct buf last = BUF_INIT(f->client->o.arena_max_bytes);
	ssize_t n = out_take(&f->body.out, room, sizeof room, e);

	if (n < 0) {
		*ret_failed = (int)n;
		return false;
	}
	if (n > 0) {
		out_add(&h->out, head, http_h1_chunk_head(head, (size_t)n));
		out_add(&h->out, room, (size_t)n);
		out_add(&h->out, "\r\n", 2);
		return true;
	}
	if (!f->body.ended)
		return false;
	http_h1_put_last_chunk(&last, f->trailers_out, f->n_trailers_out);
	out_add(&h->out, last.p, last.len);
	h->framed = true;
	return true;
}

/* Sends what there is: 1 when nothing waits, 0 when the stream takes no more, negative on failure. */
static int send_more(struct cconn *n, uint64_t *sent, struct dv_err *e)
{
	struct h1 *h = n->p;
	int r, failed = 0;

	for (;;) {
		r = out_flush(&h->out, n->io, sent, e);
		if (r <= 0 || !h->f || h->framed)
			return r;
		if (h->f->length < 0) {
			if (!frame_chunk(h, e, &failed))
				return failed < 0 ? failed : 1;
			continue;
		}
		r = out_flush(&h->f->body.out, n->io, sent, e);
		h->framed = r == 1 && h->f->body.ended;
		if (r <= 0 || !h->framed)
			return r;
	}
}

/* --- the response --- */

static void drop(struct h1 *h)
{
	h->f = NULL;
	h->framed = true;
}

/* The response is complete. */
static void message_end(struct cconn *n, bool more_input)
{
	struct h1 *h = n->p;
	struct http_fetch *f = h->f;
	bool keep = h->parser.keep_alive && f->sent && !more_input && !h->eof && !n->going;

	f->trailers = h->parser.trailers;
	f->n_trailers = h->parser.n_trailers;
	drop(h);
	list_remove(&f->link);
	if (keep)
		cconn_idle(n);
	else
		cconn_close(n);
	fetch_complete(f);
}

/* False: the connection is not ours any more. */
static bool message_head(struct cconn *n, const char *left, size_t len)
{
	struct h1 *h = n->p;
	struct http_fetch *f = h->f;
	struct http_response head = { 0 };
	struct dv_err e = DV_ERR_NONE;
	int r = http_h1_response(&h->parser, &f->arena, &head, &e);
	bool tunnel;

	if (r < 0) {
		cconn_break(n, &e);
		return false;
	}
	tunnel = head.status == 101 || (streq(f->method, "CONNECT") && head.status >= 200 && head.status < 300);
	h->interim = head.status < 200 && head.status != 101;
	if (h->interim)
		return true;
	f->head = head;
	if (tunnel && ((f->upgrade && head.status == 101) || head.status != 101) && f->ops->on_upgrade) {
		f->has_head = true;
		fetch_upgraded(f, left, len);
		return false;
	}
	if (head.status == 101) {
		(void)dv_fail(&e, DV_INVALID, "the server switches to a protocol that was not asked for");
		cconn_break(n, &e);
		return false;
	}
	fetch_head(f);
	return true;
}

static void feed(struct cconn *n, const char *data, size_t len)
{
	struct h1 *h = n->p;
	struct http_fetch *f = h->f;
	struct dv_err e = DV_ERR_NONE;

	f->answered |= len > 0;
	while (!n->dead && h->f == f) {
		const char *p = NULL;
		size_t used = 0, got = 0;
		int r;

		if (f->paused) {
			buf_add(&h->rest, data, len);
			n->want_read = false;
			return;
		}
		r = http_h1_feed(&h->parser, data, len, &used, &p, &got, &e);
		if (r < 0) {
			cconn_break(n, &e);
			return;
		}
		data += used;
		len -= used;
		if (r == HTTP_H1_MORE)
			return;
		if (r == HTTP_H1_DATA)
			fetch_data(f, p, got);
		else if (r == HTTP_H1_HEAD && !message_head(n, data, len))
			return;
		else if (r == HTTP_H1_END && !h->interim)
			message_end(n, len > 0);
		/* a 1xx is followed by another head */
		if (r == HTTP_H1_END)
			h->interim = false;
	}
}

static void stream_end(struct cconn *n)
{
	struct h1 *h = n->p;
	struct dv_err e = DV_ERR_NONE;
	int r = http_h1_eof(&h->parser, &e);

	if (r == HTTP_H1_END && !h->interim) {
		message_end(n, true);
		return;
	}
	if (r >= 0)
		(void)dv_fail(&e, DV_IO, "the server closed the connection without a response");
	cconn_break(n, &e);
}

static void h1_input(struct cconn *n, const char *data, size_t len)
{
	struct h1 *h = n->p;

	if (!h->f) {
		/* An unused connection says nothing; whatever it is, it is no answer of ours. */
		cconn_close(n);
		return;
	}
	if (len > 0 && h->rest.len) {
		buf_add(&h->rest, data, len);
		n->want_read = false;
		return;
	}
	if (len > 0) {
		feed(n, data, len);
		return;
	}
	h->eof = true;
	n->want_read = false;
	if (!h->f->paused && !h->rest.len)
		stream_end(n);
}

static void h1_work(struct cconn *n)
{
	struct h1 *h = n->p;
	struct http_fetch *f = h->f;
	struct dv_err e = DV_ERR_NONE;
	uint64_t sent = 0;
	int r = 1;

	if (!h->unwritable && f && fetch_body_wrong(f, &e)) {
		cconn_close(n);
		list_remove(&f->link);
		drop(h);
		fetch_fail(f, &e);
		return;
	}
	if (!h->unwritable)
		r = send_more(n, &sent, &e);
	/* The server may have answered and closed its side. */
	h->unwritable |= r < 0;
	n->going |= r < 0;
	n->want_write = r == 0;
	if (f && (sent || h->framed))
		fetch_sent(f, h->framed && !h->out.bytes && r == 1);
	if (n->dead || h->f != f || !f)
		return;
	if (!f->paused && (h->rest.len || h->eof)) {
		struct buf b = h->rest;

		h->rest = BUF_INIT(2 * CLIENT_READ_BYTES);
		feed(n, b.p, b.len);
		buf_done(&b);
		if (!n->dead && h->f == f && h->eof && !h->rest.len)
			stream_end(n);
	}
	if (!n->dead && h->f)
		n->want_read = !h->f->paused && !h->eof;
}

static void h1_detach(struct cconn *n, struct http_fetch *f)
{
	struct h1 *h = n->p;

	/* The rest of its response would have to be read: another connection is cheaper. */
	drop(h);
	cconn_close(n);
}

static bool h1_free(const struct cconn *n)
{
	const struct h1 *h = n->p;

	return !h->f;
}

static int h1_start(struct cconn *n, struct dv_err *e)
{
	struct h1 *h = mem_new(struct h1);

	http_h1_init(&h->parser, true, &(struct http_h1_limits){ .head_max_bytes = n->client->o.head_max_bytes });
	out_init(&h->out, &n->client->pool);
	h->rest = BUF_INIT(2 * CLIENT_READ_BYTES);
	h->framed = true;
	n->p = h;
	return 0;
}

static void h1_stop(struct cconn *n)
{
	struct h1 *h = n->p;

	http_h1_done(&h->parser);
	out_done(&h->out);
	buf_done(&h->rest);
	free(h);
	n->p = NULL;
}

const struct cconn_proto cconn_h1 = {
	.start = h1_start,
	.free = h1_free,
	.attach = h1_attach,
	.on_input = h1_input,
	.on_work = h1_work,
	.detach = h1_detach,
	.stop = h1_stop,
};
