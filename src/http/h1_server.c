/* h1_server.c - the server's side of an HTTP/1.1 connection: one call at a time, in order.
 *
 * Everything happens in advance(): send what waits, end the call whose answer
 * is out, parse as far as the call and the output allow, and say what to wait
 * for. Input is parsed where it was read; what cannot be parsed yet (a body
 * that is paused, the next request) is kept, and nothing more is read until it
 * is gone: so the sender feels it.
 */
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"
#include "http/h1_server.h"

#define DISCARD_MAX ((uint64_t)256 << 10)      /* of a body that nobody wants; lingering: that much as well */
#define FLUSH_ROUND_MAX ((uint64_t)1 << 20)

/* --- small things --- */

static bool takes_body(const struct h1_conn *h)
{
	return h->call && call_takes_body(h->call);
}

/* The call is answered, or none is left: its body is read for nobody. */
static bool discards(const struct h1_conn *h)
{
	return h->in_message && (!h->call || h->call->ended);
}

bool h1_body_is_long(const struct h1_conn *h)
{
	uint64_t left = h->call->body_max;

	if (!h->in_message)
		return false;
	if (h->call->request.body_length >= 0)
		left = (uint64_t)h->call->request.body_length - h->call->body_got;
	return left > DISCARD_MAX;
}

/* All is said. The other side may still be sending: closing at once would make the kernel throw away our answer. */
static void linger(struct conn *c)
{
	struct h1_conn *h = c->p;

	if (h->eof || h->lingering) {
		conn_close(c);
		return;
	}
	h->lingering = true;
	h->discarded = 0;
	h->cur_len = 0;
	http_io_shutdown(c->io);
	conn_wait(c, WAIT_LINGER);
}

/* The client must see that the answer is not complete: a reset, since an end could be taken for one. */
static void break_off(struct conn *c)
{
	const struct linger reset = { .l_onoff = 1 };

	(void)setsockopt(c->io->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	conn_close(c);
}

static void finish_call(struct h1_conn *h, bool complete)
{
	struct http_call *call = h->call;

	h->call = NULL;
	/* what is left of its body is read all the same */
	http_h1_forget_arena(&h->parser);
	call_finish(call, complete);
}

/* What came is not HTTP, or took too long: the answer, if there is still room for one, and the end. */
static void refuse(struct conn *c, int status, const char *why)
{
	struct h1_conn *h = c->p;
	bool answered = h->call && h->call->responded, ended = h->call && h->call->ended;
	bool head_only = h->call && h->call->request.method == HTTP_HEAD;

	h->parser.status = status;
	h->in_message = false;
	h->close = true;
	if (ended)
		return;     /* nobody wanted it any more; the answer may still go out */
	if (h->call)
		finish_call(h, false);
	if (answered) {
		break_off(c);
		return;
	}
	h1_put_error(c, status, why, head_only);
}

/* --- input --- */

static int take_head(struct conn *c, struct dv_err *e)
{
	struct h1_conn *h = c->p;
	struct http_call *call = call_new(c, &h1_call_proto, &h->out, http_h1_head_room(&h->parser));
	int r;

	call->request.scheme = c->io->ops->scheme;
	call->request.peer = c->peer;
	r = http_h1_request(&h->parser, &call->arena, &call->request, e);
	if (r < 0) {
		call_drop(call);
		return r;
	}
	if (c->io->ops->cert)
		call->request.cert = c->io->ops->cert(c->io, &call->arena);
	h->call = call;
	h->in_message = true;
	h->discarded = 0;
	h->close |= !h->parser.keep_alive;
	h->continue_due = h->parser.expects_continue;
	return 0;
}

static void take_end(struct h1_conn *h)
{
	h->in_message = false;
	if (!h->call)
		return;
	h->call->trailers = h->parser.trailers;
	h->call->n_trailers = h->parser.n_trailers;
	call_end(h->call);
}

static void take_data(struct conn *c, const char *p, size_t n)
{
	struct h1_conn *h = c->p;

	conn_wait_again(c);
	h->continue_due = false;
	if (takes_body(h)) {
		(void)call_data(h->call, p, n);
		return;
	}
	h->discarded += n;
	if (h->discarded > DISCARD_MAX) {
		h->parser.status = 413;
		h->in_message = false;
		h->close = true;
	}
}

static int feed(struct conn *c, const char **ret_data, size_t *ret_len, struct dv_err *e)
{
	struct h1_conn *h = c->p;
	size_t used;
	int r = http_h1_feed(&h->parser, h->cur, h->cur_len, &used, ret_data, ret_len, e);

	if (r >= 0) {
		h->cur += used;
		h->cur_len -= used;
	}
	return r;
}

static int step(struct conn *c, struct dv_err *e)
{
	struct h1_conn *h = c->p;
	const char *data;
	size_t len;
	int r = feed(c, &data, &len, e);

	switch (r) {
	case HTTP_H1_HEAD:
		r = take_head(c, e);
		if (r < 0)
			return r;
		/* without a body the end is here already, whoever wants it */
		if (h->call->request.body_length == 0 && feed(c, &data, &len, e) == HTTP_H1_END)
			take_end(h);
		conn_wait(c, WAIT_NONE);
		call_start(h->call);
		return 1;
	case HTTP_H1_DATA:
		take_data(c, data, len);
		return 1;
	case HTTP_H1_END:
		take_end(h);
		return 1;
	default:
		return r;
	}
}

static bool may_parse(const struct conn *c)
{
	const struct h1_conn *h = c->p;

	if (c->closing || h->out.bytes >= c->server->o.out_high_bytes)
		return false;
	if (h->in_message)
		return takes_body(h) || discards(h);
	return !h->call && !h->close && h->cur_len > 0;
}

/* Parses a step. False: no progress. */
static bool parse(struct conn *c)
{
	struct h1_conn *h = c->p;
	struct dv_err e = DV_ERR_NONE;
	size_t before = h->cur_len;
	int r;

	if (h->lingering) {
		h->discarded += h->cur_len;
		h->cur_len = 0;
		if (h->discarded > DISCARD_MAX)
			conn_close(c);
		return false;
	}
	if (!may_parse(c))
		return false;
	r = step(c, &e);
	if (r < 0) {
		c->server->stats.malformed++;
		refuse(c, h->parser.status ? h->parser.status : 400, e.msg);
		return true;
	}
	return r > 0 || h->cur_len != before;
}

/* --- output --- */

static void tell_continue(struct h1_conn *h)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (!h->continue_due || !takes_body(h) || h->call->responded)
		return;
	h->continue_due = false;
	if (h->cur_len == 0)
		out_add(&h->out, go_on, sizeof go_on - 1);
}

/* Sends what it can. True: the stream takes no more, or others have their turn. */
static bool flush(struct conn *c)
{
	struct h1_conn *h = c->p;
	uint64_t sent = 0;
	int r;

	if (h->out.bytes == 0)
		return false;
	r = out_flush(&h->out, c->io, &sent, NULL);
	if (r < 0) {
		break_off(c);
		return true;
	}
	c->server->stats.out_bytes += sent;
	h->flushed += sent;
	if (sent && c->wait == WAIT_WRITE)
		conn_wait_again(c);
	if (sent && h->call)
		call_sent(h->call);
	return r == 0 || h->flushed >= FLUSH_ROUND_MAX;
}

static void hand_over(struct conn *c)
{
	struct h1_conn *h = c->p;
	http_on_upgrade *cb = h->on_upgrade;

	h->on_upgrade = NULL;
	cb(h->upgrade_state, conn_take_io(c), h->cur, h->cur_len);
	h->cur_len = 0;
	finish_call(h, true);
}

/* What is over when the output is empty. True: something was. */
static bool finish(struct conn *c)
{
	struct h1_conn *h = c->p;

	if (h->call && h->call->broken) {
		finish_call(h, false);
		break_off(c);
		return false;
	}
	if (h->out.bytes || h->lingering)
		return false;
	if (h->on_upgrade) {
		hand_over(c);
		return false;
	}
	if (h->call && h->call->ended) {
		finish_call(h, true);
		return true;
	}
	if (h->call || !h->close)
		return false;
	if (h->in_message || h->cur_len || h->parser.status)
		linger(c);
	else
		conn_close(c);
	return false;
}

/* --- what next --- */

/* The client sends no more, and perhaps listens no more either: whoever waits for an answer would tell us by staying. */
static void on_eof(struct conn *c)
{
	struct h1_conn *h = c->p;

	h->eof = true;
	h->close = true;
	if (h->lingering || (h->call ? !h->call->ended : h->out.bytes == 0))
		conn_close(c);
}

static enum conn_wait wait_kind(const struct conn *c)
{
	const struct h1_conn *h = c->p;

	if (h->lingering)
		return WAIT_LINGER;
	if (c->want_write)
		return WAIT_WRITE;
	if (h->in_message)
		return takes_body(h) || discards(h) ? WAIT_BODY : WAIT_NONE;
	if (h->call)
		return WAIT_NONE;
	return http_h1_idle(&h->parser) ? WAIT_IDLE : WAIT_HEAD;
}

static void decide(struct conn *c)
{
	struct h1_conn *h = c->p;
	bool full = h->out.bytes >= c->server->o.out_high_bytes;
	bool held = h->in_message && !takes_body(h) && !discards(h);

	c->want_read = h->lingering || (!h->eof && !h->cur_len && !full && !held);
	conn_wait(c, wait_kind(c));
}

/* Keeps what was not parsed: it lies in the server's buffer, which the next connection uses. */
static void keep_input(struct h1_conn *h)
{
	bool inside = h->in.p && h->cur >= h->in.p && h->cur <= h->in.p + h->in.len;

	if (h->cur_len == 0) {
		buf_done(&h->in);
	} else if (!inside) {
		buf_reset(&h->in);
		buf_add(&h->in, h->cur, h->cur_len);
		h->cur = h->in.p;
	}
}

static void advance(struct conn *c)
{
	struct h1_conn *h = c->p;
	bool moved = true, blocked = false;

	h->flushed = 0;
	while (moved && !c->closing) {
		if (h->call)
			call_tell_end(h->call);
		tell_continue(h);
		if (!blocked)
			blocked = flush(c);
		moved = !c->closing && finish(c);
		if (!c->closing)
			moved |= parse(c);
		/* callbacks of this round may have written */
		moved |= h->out.bytes > 0 && !blocked;
	}
	if (c->closing)
		return;
	c->want_write = h->out.bytes > 0;
	keep_input(h);
	decide(c);
}

/* --- the protocol's operations --- */

static void h1_start(struct conn *c)
{
	struct h1_conn *h = mem_new(struct h1_conn);
	const struct http_server_options *o = &c->server->o;
	const struct http_h1_limits limits = { o->head_max_bytes, o->line_max_bytes, o->headers_max };

	http_h1_init(&h->parser, false, &limits);
	out_init(&h->out, &c->server->pool);
	h->in = BUF_INIT(4 * READ_BYTES);
	c->p = h;
}

static void h1_input(struct conn *c, const char *data, size_t n)
{
	struct h1_conn *h = c->p;

	if (n == 0) {
		on_eof(c);
	} else if (h->cur_len) {
		/* only when more was read than was wanted */
		if (h->cur != h->in.p) {
			memmove(h->in.p, h->cur, h->cur_len);
			h->in.len = h->cur_len;
		}
		buf_add(&h->in, data, n);
		h->cur = h->in.p;
		h->cur_len = h->in.len;
	} else {
		h->cur = data;
		h->cur_len = n;
	}
	advance(c);
}

static void h1_timeout(struct conn *c)
{
	enum conn_wait w = c->wait;

	if (w == WAIT_HEAD || w == WAIT_BODY)
		refuse(c, 408, w == WAIT_HEAD ? "the request did not come in time" : "the body did not come in time");
	else
		conn_close(c);
	advance(c);
}

static void h1_drain(struct conn *c)
{
	struct h1_conn *h = c->p;

	h->close = true;
	if (!h->call && !h->in_message && http_h1_idle(&h->parser) && h->out.bytes == 0)
		conn_close(c);
}

static void h1_stop(struct conn *c)
{
	struct h1_conn *h = c->p;

	if (h->call)
		finish_call(h, false);
	http_h1_done(&h->parser);
	out_done(&h->out);
	buf_done(&h->in);
	free(h);
}

const struct conn_proto h1_proto = {
	.alpn = "http/1.1",
	.start = h1_start,
	.on_input = h1_input,
	.on_output = advance,
	.on_kick = advance,
	.on_timeout = h1_timeout,
	.drain = h1_drain,
	.stop = h1_stop,
};
