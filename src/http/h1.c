/* h1.c - the incremental half of the HTTP/1.1 parser: where heads, bodies and chunks begin and end.
 *
 * A head is only looked for here (lines that end with CRLF, within the
 * limits); h1_head.c takes it apart when it is whole. Everything that is decided
 * while bytes come in depends on their position in the message alone, so cuts
 * between pieces cannot change a result.
 */
#include <string.h>

#include "base/mem.h"
#include "http/chars.h"
#include "http/h1.h"
#include "http/h1_head.h"

#define CHUNK_LINE_MAX 200
#define CHUNK_DIGITS_MAX 16

enum state {
	S_START,                   /* between messages */
	S_START_LF,                /* after the CR of an empty line there */
	S_HEAD,
	S_HEAD_DONE,               /* the head is complete and not taken yet */
	S_BODY,                    /* `left` bytes */
	S_CLOSE,                   /* until the stream ends */
	S_SIZE, S_SIZE_EXT, S_SIZE_LF,
	S_CHUNK,                   /* `left` bytes */
	S_CHUNK_CR, S_CHUNK_LF,
	S_TRAILERS,
	S_DONE,                    /* END is due */
	S_BROKEN,
};

static size_t limit(size_t given, size_t usual, size_t most)
{
	return given ? DV_MIN(given, most) : usual;
}

void http_h1_init(struct http_h1 *p, bool is_response, const struct http_h1_limits *limits)
{
	*p = (struct http_h1){ .is_response = is_response };
	if (limits)
		p->limits = *limits;
	p->limits.head_max_bytes = limit(p->limits.head_max_bytes, 65536, 1 << 24);
	p->limits.line_max_bytes = limit(p->limits.line_max_bytes, 16384, 1 << 24);
	p->limits.headers_max = (unsigned)limit(p->limits.headers_max, 100, 10000);
	p->head = BUF_INIT(p->limits.head_max_bytes);
}

void http_h1_done(struct http_h1 *p)
{
	buf_done(&p->head);
}

void http_h1_expect(struct http_h1 *p, enum http_method request_method)
{
	p->request_was_head = request_method == HTTP_HEAD;
	p->request_was_connect = request_method == HTTP_CONNECT;
}

static int bad(struct http_h1 *p, int status, enum dv_kind kind, const char *what, struct dv_err *e)
{
	p->status = status;
	return dv_fail(e, kind, "%s", what);
}

/* --- looking for the end of a head --- */

static int check_line(struct http_h1 *p, const char *text, size_t lf, struct dv_err *e)
{
	size_t len = lf - p->line_at;

	/* the length first: when the line comes in pieces it is noticed first, too */
	if (p->n_lines == 0 && p->state == S_HEAD && len > p->limits.line_max_bytes + 1)
		return bad(p, 414, DV_LIMIT, "the first line is too long", e);
	if (len == 0 || text[lf - 1] != '\r')
		return bad(p, 400, DV_INVALID, "a line that does not end with CRLF", e);
	if (len == 1)
		return 1;
	if (p->n_lines++ == p->limits.headers_max + (p->state == S_HEAD))
		return bad(p, 431, DV_LIMIT, "too many headers", e);
	return 0;
}

/* Looks at text from p->at on. The length with the empty line, 0: more is needed. */
static ssize_t find_end(struct http_h1 *p, const char *text, size_t len, struct dv_err *e)
{
	size_t max = DV_MIN(len, p->limits.head_max_bytes);

	while (p->at < max) {
		const char *lf = memchr(text + p->at, '\n', max - p->at);
		int r;

		if (!lf) {
			p->at = (uint32_t)max;
			break;
		}
		r = check_line(p, text, (size_t)(lf - text), e);
		if (r < 0)
			return r;
		p->at = p->line_at = (uint32_t)(lf - text) + 1;
		if (r > 0)
			return p->at;
	}
	/* the byte that could be the CR does not count */
	if (p->n_lines == 0 && p->state == S_HEAD && p->at - p->line_at > p->limits.line_max_bytes + 1)
		return bad(p, 414, DV_LIMIT, "the first line is too long", e);
	if (max == p->limits.head_max_bytes)
		return bad(p, 431, DV_LIMIT, "the headers are too long", e);
	return 0;
}

/* Feeds a head or trailers: the bytes taken; p->text is set once it is whole. */
static ssize_t feed_head(struct http_h1 *p, const char *data, size_t n, struct dv_err *e)
{
	size_t had = p->head.len;
	ssize_t end;

	if (had == 0) {
		end = find_end(p, data, n, e);
		if (end == 0)
			buf_add(&p->head, data, n);
		p->text = end > 0 ? data : NULL;
	} else {
		buf_add(&p->head, data, DV_MIN(n, p->head.max - had));
		end = find_end(p, p->head.p, p->head.len, e);
		p->text = end > 0 ? p->head.p : NULL;
	}
	if (end < 0)
		return end;
	p->text_len = (size_t)end;
	return end > 0 ? end - (ssize_t)had : (ssize_t)n;
}

static void begin_head(struct http_h1 *p)
{
	p->at = p->line_at = 0;
	p->n_lines = 0;
	p->text = NULL;
	p->text_len = 0;
	buf_done(&p->head);
}

static void begin_message(struct http_h1 *p)
{
	begin_head(p);
	p->keep_alive = p->chunked = p->expects_continue = p->upgrades = p->until_close = false;
	p->trailers = NULL;
	p->n_trailers = 0;
	p->arena = NULL;
	p->skipped_line = false;
	p->state = S_START;
}

/* --- steps: each takes some bytes at *s, and says which event that made --- */

struct input {
	const char *p, *end;
	const char *data;          /* out: of HTTP_H1_DATA */
	size_t data_len;
};

static int step_start(struct http_h1 *p, struct input *in, struct dv_err *e)
{
	char c = *in->p;

	if (p->state == S_START_LF) {
		if (c != '\n')
			return bad(p, 400, DV_INVALID, "a line that does not end with CRLF", e);
		in->p++;
		p->skipped_line = true;
		p->state = S_START;
		return HTTP_H1_MORE;
	}
	/* one empty line before a request is what old clients send after a body */
	if (c == '\r' && !p->is_response && !p->skipped_line) {
		in->p++;
		p->state = S_START_LF;
		return HTTP_H1_MORE;
	}
	if (!http_token_lower[(uint8_t)c])
		return bad(p, 400, DV_INVALID, "this is not HTTP", e);
	p->state = S_HEAD;
	return HTTP_H1_MORE;
}

static int step_head(struct http_h1 *p, struct input *in, struct dv_err *e)
{
	ssize_t used = feed_head(p, in->p, (size_t)(in->end - in->p), e);

	if (used < 0)
		return (int)used;
	in->p += used;
	if (!p->text)
		return HTTP_H1_MORE;
	p->state = S_HEAD_DONE;
	return HTTP_H1_HEAD;
}

static int step_data(struct http_h1 *p, struct input *in)
{
	size_t n = (size_t)(in->end - in->p);

	if (p->state != S_CLOSE) {
		n = (size_t)DV_MIN((uint64_t)n, p->left);
		p->left -= n;
	}
	in->data = in->p;
	in->data_len = n;
	in->p += n;
	if (p->left == 0 && p->state == S_BODY)
		p->state = S_DONE;
	else if (p->left == 0 && p->state == S_CHUNK)
		p->state = S_CHUNK_CR;
	return HTTP_H1_DATA;
}

static int end_of_size(struct http_h1 *p)
{
	p->line_bytes = 0;
	p->state = p->left ? S_CHUNK : S_TRAILERS;
	if (p->left == 0)
		begin_head(p);
	return HTTP_H1_MORE;
}

static int step_digit(struct http_h1 *p, char c, struct dv_err *e)
{
	int v = ch_hex(c);

	if (p->line_bytes == CHUNK_DIGITS_MAX || p->left > INT64_MAX >> 4)
		return bad(p, 400, DV_INVALID, "the size of a chunk is too large", e);
	p->left = p->left << 4 | (unsigned)v;
	p->line_bytes++;
	return HTTP_H1_MORE;
}

/* "1a;name=value" CRLF: digits at once, then whatever an extension may hold, which means nothing to us. */
static int step_size(struct http_h1 *p, char c, struct dv_err *e)
{
	if (p->state == S_SIZE_LF)
		return c == '\n' ? end_of_size(p) : bad(p, 400, DV_INVALID, "a bare CR after a chunk's size", e);
	if (p->state == S_SIZE && ch_is(c, CH_HEX))
		return step_digit(p, c, e);
	if (p->line_bytes == 0)
		return bad(p, 400, DV_INVALID, "a chunk without a size", e);
	if (c == '\r') {
		p->state = S_SIZE_LF;
		return HTTP_H1_MORE;
	}
	if (p->state == S_SIZE ? c != ';' : !ch_is(c, CH_VALUE))
		return bad(p, 400, DV_INVALID, "a bad size of a chunk", e);
	if (p->line_bytes++ == CHUNK_LINE_MAX)
		return bad(p, 400, DV_LIMIT, "the extension of a chunk is too long", e);
	p->state = S_SIZE_EXT;
	return HTTP_H1_MORE;
}

static int step_chunk_end(struct http_h1 *p, char c, struct dv_err *e)
{
	if (c != (p->state == S_CHUNK_CR ? '\r' : '\n'))
		return bad(p, 400, DV_INVALID, "a chunk that is longer than its size", e);
	p->state = p->state == S_CHUNK_CR ? S_CHUNK_LF : S_SIZE;
	return HTTP_H1_MORE;
}

static int step_trailers(struct http_h1 *p, struct input *in, struct dv_err *e)
{
	ssize_t used = feed_head(p, in->p, (size_t)(in->end - in->p), e);
	int r;

	if (used < 0)
		return (int)used;
	in->p += used;
	if (!p->text)
		return HTTP_H1_MORE;
	r = p->text_len > 2 ? h1_trailers(p, e) : 0;
	if (r < 0)
		return r;
	p->state = S_DONE;
	return HTTP_H1_MORE;
}

static int step(struct http_h1 *p, struct input *in, struct dv_err *e)
{
	switch ((enum state)p->state) {
	case S_START:
	case S_START_LF:
		return step_start(p, in, e);
	case S_HEAD:
		return step_head(p, in, e);
	case S_BODY:
	case S_CLOSE:
	case S_CHUNK:
		return step_data(p, in);
	case S_SIZE:
	case S_SIZE_EXT:
	case S_SIZE_LF:
		return step_size(p, *in->p++, e);
	case S_CHUNK_CR:
	case S_CHUNK_LF:
		return step_chunk_end(p, *in->p++, e);
	case S_TRAILERS:
		return step_trailers(p, in, e);
	case S_HEAD_DONE:
	case S_DONE:
	case S_BROKEN:
		break;
	}
	return bad(p, 400, DV_INTERNAL, "the parser was fed after its end", e);
}

int http_h1_feed(struct http_h1 *p, const char *data, size_t n, size_t *ret_used, const char **ret_data, size_t *ret_len,
		 struct dv_err *e)
{
	struct input in = { .p = data, .end = n ? data + n : data };
	int r = HTTP_H1_MORE;

	while (r == HTTP_H1_MORE && p->state != S_DONE && in.p < in.end)
		r = step(p, &in, e);
	if (r < 0) {
		p->state = S_BROKEN;
		return r;
	}
	if (r == HTTP_H1_MORE && p->state == S_DONE) {
		struct http_header *trailers = p->trailers;
		size_t n_trailers = p->n_trailers;
		bool keep_alive = p->keep_alive;

		begin_message(p);
		p->trailers = trailers;
		p->n_trailers = n_trailers;
		p->keep_alive = keep_alive;
		r = HTTP_H1_END;
	}
	*ret_used = n ? (size_t)(in.p - data) : 0;
	*ret_data = in.data;
	*ret_len = in.data_len;
	return r;
}

int http_h1_eof(struct http_h1 *p, struct dv_err *e)
{
	switch ((enum state)p->state) {
	case S_START:
		return HTTP_H1_MORE;
	case S_CLOSE:
	case S_DONE:
		begin_message(p);
		return HTTP_H1_END;
	default:
		p->status = 400;
		p->state = S_BROKEN;
		return dv_fail(e, DV_IO, "the connection ended in the middle of a message");
	}
}

void http_h1_forget_arena(struct http_h1 *p)
{
	p->arena = NULL;
	p->trailers = NULL;
	p->n_trailers = 0;
}

bool http_h1_idle(const struct http_h1 *p)
{
	return p->state == S_START;
}

/* --- after a head --- */

void h1_begin_body(struct http_h1 *p, int64_t length)
{
	p->left = length > 0 ? (uint64_t)length : 0;
	p->line_bytes = 0;
	/* those of the message before were there until now */
	p->trailers = NULL;
	p->n_trailers = 0;
	if (p->until_close)
		p->state = S_CLOSE;
	else if (p->chunked)
		p->state = S_SIZE;
	else
		p->state = length > 0 ? S_BODY : S_DONE;
	buf_done(&p->head);
	p->text = NULL;
}
