/* h1_answer.c - answers of HTTP/1.1: heads, chunks, and what follows from them for the connection. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "http/h1_server.h"

/* --- heads are put together on the stack, and copied once --- */

struct head {
	struct out *out;
	size_t n;
	char b[1024];
};

static void head_begin(struct head *p, struct out *out)
{
	p->out = out;
	p->n = 0;
}

static void put(struct head *p, const char *s, size_t n)
{
	if (n > sizeof p->b - p->n) {
		out_add(p->out, p->b, p->n);
		p->n = 0;
		if (n > sizeof p->b) {
			out_add(p->out, s, n);
			return;
		}
	}
	memcpy(p->b + p->n, s, n);
	p->n += n;
}

#define PUT(p, constant) put((p), (constant), sizeof(constant) - 1)

static void put_number(struct head *p, uint64_t v)
{
	char digits[20];
	size_t n = sizeof digits;

	do
		digits[--n] = (char)('0' + v % 10);
	while (v /= 10);
	put(p, digits + n, sizeof digits - n);
}

static void put_headers(struct head *p, const struct http_header *h, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		put(p, h[i].name, strlen(h[i].name));
		PUT(p, ": ");
		put(p, h[i].value, strlen(h[i].value));
		PUT(p, "\r\n");
	}
}

static void put_status(struct head *p, int status)
{
	const char *reason = http_status_reason(status);

	PUT(p, "HTTP/1.1 ");
	put_number(p, (uint64_t)status);
	PUT(p, " ");
	put(p, reason, strlen(reason));
	PUT(p, "\r\n");
}

static void put_end(struct head *p)
{
	PUT(p, "\r\n");
	out_add(p->out, p->b, p->n);
}

static void put_ours(struct head *p, struct http_server *s)
{
	PUT(p, "Date: ");
	put(p, server_date(s), HTTP_DATE_LEN);
	PUT(p, "\r\n");
	if (s->o.server_name) {
		PUT(p, "Server: ");
		put(p, s->o.server_name, strlen(s->o.server_name));
		PUT(p, "\r\n");
	}
}

/* --- answers --- */

/* From outside a callback of the server's: the connection has to be looked at. */
static void changed(struct http_call *c)
{
	if (!c->conn->running)
		conn_kick(c->conn);
}

static struct h1_conn *h1_of(const struct http_call *c)
{
	return c->conn->p;
}

/* Where the body of the answer ends, and whether the connection goes on. */
static void put_framing(struct head *p, struct http_call *c)
{
	struct h1_conn *h = h1_of(c);
	bool old = c->request.minor == 0;

	h->chunked = !c->no_body && c->length < 0 && !old;
	if (!c->no_body && c->length < 0 && old)
		h->close = true;
	if (c->close_after || c->conn->server->draining || h->continue_due || (h1_body_is_long(h) && !c->wanted))
		h->close = true;
	if (h->chunked) {
		PUT(p, "Transfer-Encoding: chunked\r\n");
	} else if (c->length >= 0 && c->status != 204) {
		PUT(p, "Content-Length: ");
		put_number(p, (uint64_t)c->length);
		PUT(p, "\r\n");
	}
	if (h->close)
		PUT(p, "Connection: close\r\n");
	else if (old)
		PUT(p, "Connection: keep-alive\r\n");
}

static void h1_respond(struct http_call *c, const struct http_header *headers, size_t n)
{
	struct head p;

	head_begin(&p, c->out);
	put_status(&p, c->status);
	put_ours(&p, c->conn->server);
	put_headers(&p, headers, n);
	put_framing(&p, c);
	put_end(&p);
	changed(c);
}

static void h1_interim(struct http_call *c, int status, const struct http_header *headers, size_t n)
{
	struct head p;

	if (c->request.minor == 0)
		return;     /* HTTP/1.0 has none */
	head_begin(&p, c->out);
	put_status(&p, status);
	put_headers(&p, headers, n);
	put_end(&p);
	changed(c);
}

static void chunk_begin(struct http_call *c, uint64_t n)
{
	char head[HTTP_H1_CHUNK_MAX];

	if (h1_of(c)->chunked)
		out_add(c->out, head, http_h1_chunk_head(head, n));
}

static void chunk_end(struct http_call *c)
{
	if (h1_of(c)->chunked)
		out_add(c->out, "\r\n", 2);
	changed(c);
}

static void h1_write(struct http_call *c, const void *data, size_t n)
{
	chunk_begin(c, n);
	out_add(c->out, data, n);
	chunk_end(c);
}

static void h1_write_shared(struct http_call *c, const void *data, size_t n, void (*release)(void *), void *ctx)
{
	chunk_begin(c, n);
	out_shared(c->out, data, n, release, ctx);
	chunk_end(c);
}

static void h1_write_file(struct http_call *c, int fd, uint64_t offset, uint64_t n)
{
	chunk_begin(c, n);
	out_file(c->out, fd, offset, n);
	chunk_end(c);
}

static void h1_end(struct http_call *c, const struct http_header *trailers, size_t n)
{
	struct head p;

	if (h1_of(c)->chunked) {
		head_begin(&p, c->out);
		PUT(&p, "0\r\n");
		put_headers(&p, trailers, n);
		put_end(&p);
	}
	if (c->close_after)
		h1_of(c)->close = true;
	changed(c);
}

static int h1_upgrade(struct http_call *c, const struct http_header *headers, size_t n, http_on_upgrade *cb, void *state,
		      struct dv_err *e)
{
	struct head p;

	head_begin(&p, c->out);
	put_status(&p, c->status);
	put_headers(&p, headers, n);
	if (c->status == 101)
		PUT(&p, "Connection: Upgrade\r\n");
	put_end(&p);
	h1_of(c)->on_upgrade = cb;
	h1_of(c)->upgrade_state = state;
	changed(c);
	return 0;
}

const struct call_proto h1_call_proto = {
	.respond = h1_respond,
	.interim = h1_interim,
	.write = h1_write,
	.write_shared = h1_write_shared,
	.write_file = h1_write_file,
	.end = h1_end,
	.body_changed = changed,
	.abort = changed,
	.upgrade = h1_upgrade,
};

void h1_put_error(struct conn *c, int status, const char *why, bool head_only)
{
	struct h1_conn *h = c->p;
	const char *reason = http_status_reason(status);
	struct head p;

	head_begin(&p, &h->out);
	put_status(&p, status);
	put_ours(&p, c->server);
	PUT(&p, "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: ");
	put_number(&p, strlen(reason) + 2 + strlen(why) + 1);
	PUT(&p, "\r\n\r\n");
	if (!head_only) {
		put(&p, reason, strlen(reason));
		PUT(&p, ": ");
		put(&p, why, strlen(why));
		PUT(&p, "\n");
	}
	out_add(p.out, p.b, p.n);
}
