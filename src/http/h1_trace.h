/* h1_trace.h - for tests and fuzzing: what the parser makes of bytes, as text, however they are cut.
 *
 * One line for each message: method, target parts, headers, body and trailers,
 * or "!STATUS" where it was refused. Two traces are equal when all events were.
 */
#pragma once

#include <string.h>

#include "base/buf.h"
#include "http/h1.h"

struct h1_trace {
	struct http_h1 p;
	struct arena arena;
	struct buf *out;
	enum http_method asked;    /* of responses */
	bool over;                 /* refused, or something else than HTTP follows */
};

static inline void h1_trace_headers(struct buf *b, const struct http_header *h, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(b, " %s=%s;", h[i].name, h[i].value);
}

static inline int h1_trace_request(struct h1_trace *t, struct dv_err *e)
{
	struct http_request r = { 0 };
	int res = http_h1_request(&t->p, &t->arena, &r, e);

	if (res < 0)
		return res;
	buf_printf(t->out, "%s %s %s%s%s %u.%u%s%s%s %d", r.method_name, *r.authority ? r.authority : "-", r.path,
		   r.query ? "?" : "", r.query ? r.query : "", r.major, r.minor, t->p.keep_alive ? " keep" : "",
		   t->p.expects_continue ? " expect" : "", t->p.upgrades ? " upgrade" : "", (int)r.body_length);
	h1_trace_headers(t->out, r.headers, r.n_headers);
	t->over = r.method == HTTP_CONNECT;
	return 0;
}

static inline int h1_trace_response(struct h1_trace *t, struct dv_err *e)
{
	struct http_response r = { 0 };
	int res = http_h1_response(&t->p, &t->arena, &r, e);

	if (res < 0)
		return res;
	buf_printf(t->out, "%d (%s) %u.%u%s%s%s %d", r.status, r.reason, r.major, r.minor, t->p.keep_alive ? " keep" : "",
		   t->p.until_close ? " close" : "", t->p.upgrades ? " upgrade" : "", (int)r.body_length);
	h1_trace_headers(t->out, r.headers, r.n_headers);
	t->over = r.status == 101;
	return 0;
}

static inline void h1_trace_failed(struct h1_trace *t)
{
	t->over = true;
	buf_printf(t->out, " !%d", t->p.status);
}

static inline void h1_trace_event(struct h1_trace *t, int event, const char *data, size_t n, struct dv_err *e)
{
	switch ((enum http_h1_event)event) {
	case HTTP_H1_HEAD:
		if ((t->p.is_response ? h1_trace_response(t, e) : h1_trace_request(t, e)) < 0)
			h1_trace_failed(t);
		else
			buf_str(t->out, " [");
		break;
	case HTTP_H1_DATA:
		buf_add(t->out, data, n);
		break;
	case HTTP_H1_END:
		buf_str(t->out, "]");
		h1_trace_headers(t->out, t->p.trailers, t->p.n_trailers);
		buf_str(t->out, "\n");
		arena_done(&t->arena);
		break;
	case HTTP_H1_MORE:
		break;
	}
}

static inline void h1_trace_begin(struct h1_trace *t, struct buf *out, bool response, enum http_method asked,
				  const struct http_h1_limits *limits)
{
	*t = (struct h1_trace){ .out = out };
	arena_init(&t->arena, 0);
	http_h1_init(&t->p, response, limits);
	http_h1_expect(&t->p, asked);
}

/* One piece. */
static inline void h1_trace_feed(struct h1_trace *t, const char *data, size_t n)
{
	struct dv_err e = DV_ERR_NONE;
	int r;

	do {
		const char *piece;
		size_t used, len;

		if (t->over)
			return;
		r = http_h1_feed(&t->p, data, n, &used, &piece, &len, &e);
		if (r < 0) {
			h1_trace_failed(t);
			return;
		}
		data += used;
		n -= used;
		h1_trace_event(t, r, piece, len, &e);
	} while (r != HTTP_H1_MORE);
}

/* The end of the stream, and of the trace. */
static inline void h1_trace_end(struct h1_trace *t)
{
	struct dv_err e = DV_ERR_NONE;
	int r = t->over ? HTTP_H1_MORE : http_h1_eof(&t->p, &e);

	if (r < 0)
		buf_str(t->out, " cut");
	else
		h1_trace_event(t, r, NULL, 0, &e);
	http_h1_done(&t->p);
	arena_done(&t->arena);
}
