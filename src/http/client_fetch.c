/* client_fetch.c - a fetch: what is asked for, what becomes of it, redirects, time. */
#include <inttypes.h>

#include "base/fd.h"
#include "base/str.h"
#include "http/client_parts.h"

#define TRIES_MAX 3
#define REDIRECT_BODY_MAX (64 << 10)

void fetch_free(struct http_fetch *f)
{
	list_remove(&f->link);
	loop_remove(f->timer);
	out_done(&f->body.out);
	buf_done(&f->in);
	arena_done(&f->arena);
	free(f);
}

/* --- the end of a fetch --- */

/* Out of every list but that of the dead. */
static void over(struct http_fetch *f)
{
	struct http_client *c = f->client;

	if (f->state == FETCH_WAITING) {
		f->origin->n_waiting--;
		origin_kick(f->origin);
	}
	f->state = FETCH_OVER;
	f->conn = NULL;
	loop_disarm(f->timer);
	list_remove(&f->link);
	list_add_tail(&c->dead_fetches, &f->link);
	c->stats.fetches--;
	loop_post(c->task);
}

/* From wherever it is. */
static void let_go(struct http_fetch *f)
{
	struct cconn *n = f->conn;

	if (n) {
		n->proto->detach(n, f);
		cconn_kick(n);
	}
}

static void end(struct http_fetch *f, const struct dv_err *e)
{
	struct dv_err told;

	if (e) {
		told = *e;
		/* without the query: there may be tokens in it */
		(void)dv_wrap(&told, "%s %s://%s%.200s", f->method, f->url.scheme, url_authority(&f->arena, &f->url),
			      f->url.path);
	}
	f->ops->on_end(f->ctx, f, e ? &told : NULL);
}

void fetch_fail(struct http_fetch *f, const struct dv_err *e)
{
	if (f->state == FETCH_OVER)
		return;
	over(f);
	end(f, e);
}

void http_fetch_cancel(struct http_fetch *f)
{
	if (!f || f->state == FETCH_OVER)
		return;
	let_go(f);
	over(f);
}

static void requeue(struct http_fetch *f, bool first)
{
	list_remove(&f->link);
	f->conn = NULL;
	f->state = FETCH_WAITING;
	loop_disarm(f->timer);
	(first ? list_add_head : list_add_tail)(&f->origin->waiting, &f->link);
	f->origin->n_waiting++;
	origin_kick(f->origin);
}

static bool is_idempotent(const struct http_fetch *f)
{
	static const char *const names[] = { "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (streq(f->method, names[i]))
			return true;
	return f->idempotent;
}

void fetch_lost(struct http_fetch *f, bool unprocessed, const struct dv_err *e)
{
	const struct cconn *n = f->conn;
	/* A connection that was idle may have been closed by the server just then. */
	bool stale = n && n->n_fetches > 1 && !f->answered && f->tries == 1 && is_idempotent(f);

	if (f->state == FETCH_SENDING && !f->streams && f->tries < TRIES_MAX && (unprocessed || stale)) {
		f->client->stats.retried++;
		requeue(f, true);
		return;
	}
	fetch_fail(f, e);
}

/* --- redirects --- */

static bool is_secret(const char *name)
{
	static const char *const names[] = { "authorization", "cookie", "proxy-authorization" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

static void drop_secrets(struct http_fetch *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->n_headers; i++)
		if (!is_secret(f->headers[i].name) && strcasecmp(f->headers[i].name, "host") != 0)
			f->headers[kept++] = f->headers[i];
	f->n_headers = kept;
}

/* 303, and what browsers made of 301 and 302 to a POST: a GET follows. */
static bool becomes_get(const struct http_fetch *f)
{
	return (f->head.status == 303 && !streq(f->method, "HEAD")) ||
	       ((f->head.status == 301 || f->head.status == 302) && streq(f->method, "POST"));
}

/* Is the response a redirect that is to be followed? Negative: one that must not be. */
static int plan_redirect(struct http_fetch *f, struct dv_err *e)
{
	int s = f->head.status;
	const char *to = http_response_header(&f->head, "location");
	int r;

	if (!f->redirects_left || !to || !(s == 301 || s == 302 || s == 303 || s == 307 || s == 308) ||
	    (f->streams && !becomes_get(f)))
		return 0;
	r = url_resolve(&f->arena, &f->url, to, &f->redirect, e);
	if (r < 0)
		return dv_wrap(e, "redirect");
	if (streq(f->url.scheme, "https") && !streq(f->redirect.scheme, "https"))
		return dv_fail(e, DV_FORBIDDEN, "redirect from https to %s://%s", f->redirect.scheme, f->redirect.host);
	return 1;
}

static void follow(struct http_fetch *f)
{
	struct dv_err e = DV_ERR_NONE;

	if (becomes_get(f)) {
		f->method = "GET";
		f->has_body = f->streams = false;
		f->whole = NULL;
		out_done(&f->body.out);
		out_init(&f->body.out, &f->client->pool);
	}
	if (!url_same_origin(&f->url, &f->redirect)) {
		drop_secrets(f);
		f->unix_path = NULL;
	}
	f->url = f->redirect;
	f->redirects_left--;
	f->redirecting = f->has_head = f->in_end = false;
	f->tries = 0;
	f->dropped = 0;
	list_remove(&f->link);
	f->state = FETCH_OVER;         /* of no list until it has an origin */
	if (origin_get(f->client, f, &f->origin, &e) < 0) {
		f->state = FETCH_SENDING;
		fetch_fail(f, &e);
		return;
	}
	requeue(f, false);
}

/* --- what connections report --- */

static void fail_here(struct http_fetch *f, const struct dv_err *e)
{
	let_go(f);
	fetch_fail(f, e);
}

void fetch_head(struct http_fetch *f)
{
	struct dv_err e = DV_ERR_NONE;
	int r = plan_redirect(f, &e);

	if (r < 0) {
		fail_here(f, &e);
		return;
	}
	f->has_head = true;
	f->redirecting = r == 1;
	fetch_arm(f);
	if (!f->redirecting && f->ops->on_head)
		f->ops->on_head(f->ctx, f, &f->head);
}

void fetch_data(struct http_fetch *f, const void *p, size_t n)
{
	f->moved_ms = loop_now_ms(f->client->loop);
	if (!f->redirecting) {
		if (f->ops->on_data)
			f->ops->on_data(f->ctx, f, p, n);
		return;
	}
	f->dropped += n;
	if (f->dropped > REDIRECT_BODY_MAX) {
		let_go(f);
		follow(f);
	}
}

void fetch_complete(struct http_fetch *f)
{
	if (f->redirecting) {
		follow(f);
		return;
	}
	over(f);
	end(f, NULL);
}

void fetch_upgraded(struct http_fetch *f, const char *left, size_t n)
{
	struct cconn *conn = f->conn;
	struct http_io *io = take_ptr(&conn->io);

	conn->proto->detach(conn, f);
	cconn_close(conn);
	over(f);
	f->ops->on_upgrade(f->ctx, f, io, left, n);
}

void fetch_sent(struct http_fetch *f, bool all)
{
	f->moved_ms = loop_now_ms(f->client->loop);
	if (all && !f->sent) {
		f->sent = true;
		f->sent_ms = f->moved_ms;
		fetch_arm(f);
	}
	if (f->above && f->body.out.bytes < CLIENT_LOW_BYTES) {
		f->above = false;
		if (f->ops->on_writable && f->state != FETCH_OVER)
			f->ops->on_writable(f->ctx, f);
	}
}

bool fetch_body_wrong(const struct http_fetch *f, struct dv_err *e)
{
	if (!f->streams || f->length < 0 || f->written == (uint64_t)f->length ||
	    (!f->body.ended && f->written < (uint64_t)f->length))
		return false;
	(void)dv_fail(e, DV_INVALID, "a body of %" PRIu64 " bytes, announced were %" PRId64, f->written, f->length);
	return true;
}

/* --- time --- */

static uint64_t deadline_of(const struct http_fetch *f)
{
	uint64_t due = UINT64_MAX, stall = UINT64_MAX;

	if (f->sent && !f->has_head && __builtin_add_overflow(f->sent_ms, f->head_timeout_ms, &due))
		due = UINT64_MAX;
	if (((!f->sent && f->body.out.bytes) || (f->has_head && !f->paused)) &&
	    __builtin_add_overflow(f->moved_ms, f->stall_timeout_ms, &stall))
		stall = UINT64_MAX;
	return DV_MIN(due, stall);
}

void fetch_arm(struct http_fetch *f)
{
	uint64_t due = deadline_of(f), now = loop_now_ms(f->client->loop);

	if (f->state != FETCH_SENDING)
		return;
	if (due == UINT64_MAX && f->sent)
		loop_disarm(f->timer);
	else if (due == UINT64_MAX)
		loop_arm(f->timer, DV_MIN(f->stall_timeout_ms, (uint64_t)3600 * 1000));   /* a body may come */
	else
		loop_arm(f->timer, due > now ? due - now : 0);
}

static void on_fetch_timer(void *ctx)
{
	struct http_fetch *f = ctx;
	struct http_client *c = f->client;
	struct dv_err e = DV_ERR_NONE;

	if (f->state == FETCH_SENDING && loop_now_ms(c->loop) >= deadline_of(f)) {
		(void)dv_fail(&e, DV_TIMEOUT, f->has_head ? "the response stalls" :
			      f->sent ? "no response in time" : "the server takes no more of the request");
		fail_here(f, &e);
	} else {
		fetch_arm(f);
	}
	client_sweep(c);
}

/* --- starting --- */

static bool is_ours(const char *name)
{
	static const char *const names[] = { "content-length", "transfer-encoding", "connection", "upgrade", "keep-alive" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

static int copy_headers(struct http_fetch *f, const struct http_fetch_want *w, struct dv_err *e)
{
	f->headers = arena_array(&f->arena, struct http_header, w->n_headers + 1);
	for (size_t i = 0; i < w->n_headers; i++) {
		const struct http_header *h = &w->headers[i];

		if (!http_name_valid(h->name) || !http_value_valid(h->value) || is_ours(h->name))
			return dv_fail(e, DV_INVALID, "header %s: it may not be set, or not to this value",
				       http_name_valid(h->name) ? h->name : "?");
		f->headers[f->n_headers++] = (struct http_header){ arena_str(&f->arena, h->name),
								   arena_str(&f->arena, h->value) };
	}
	return 0;
}

static int fill(struct http_fetch *f, const struct http_fetch_want *w, struct dv_err *e)
{
	const struct http_client_options *o = &f->client->o;
	int r = url_parse(&f->arena, w->url, &f->url, e);

	if (r < 0)
		return r;
	if (!streq(f->url.scheme, "http") && !streq(f->url.scheme, "https"))
		return dv_fail(e, DV_INVALID, "%s: neither http nor https", w->url);
	f->method = arena_str(&f->arena, w->method ? w->method : "GET");
	if (!http_name_valid(f->method))
		return dv_fail(e, DV_INVALID, "\"%s\" is no method", f->method);
	r = copy_headers(f, w, e);
	if (r < 0)
		return r;
	f->unix_path = w->unix_path ? arena_str(&f->arena, w->unix_path) : NULL;
	f->upgrade = w->upgrade ? arena_str(&f->arena, w->upgrade) : NULL;
	f->streams = w->stream;
	f->has_body = w->stream || w->body;
	f->length = w->stream ? w->stream_len : (int64_t)w->body_len;
	if (w->body && !w->stream) {
		void *copy = arena_try(&f->arena, w->body_len + 1);

		if (!copy)
			return dv_fail(e, DV_LIMIT, "a body of %zu bytes is too large to be sent in one piece", w->body_len);
		memcpy(copy, w->body, w->body_len);
		f->whole = copy;
		f->whole_len = w->body_len;
	}
	f->idempotent = w->idempotent;
	f->redirects_left = w->redirects_max;
	f->head_timeout_ms = w->head_timeout_ms ? w->head_timeout_ms : o->head_timeout_ms;
	f->stall_timeout_ms = w->stall_timeout_ms ? w->stall_timeout_ms : o->stall_timeout_ms;
	return 0;
}

int http_fetch_start(struct http_client *c, const struct http_fetch_want *want, const struct http_fetch_ops *ops,
		     void *state, struct http_fetch **ret, struct dv_err *e)
{
	struct http_fetch *f = mem_new(struct http_fetch);
	int r;

	f->client = c;
	f->ops = ops;
	f->ctx = state;
	f->in = BUF_INIT(H2_STREAM_WINDOW + 1);
	list_init(&f->link);
	arena_init(&f->arena, c->o.arena_max_bytes);
	out_init(&f->body.out, &c->pool);
	f->timer = loop_add_timer(c->loop, on_fetch_timer, f);
	r = fill(f, want, e);
	if (r == 0)
		r = origin_get(c, f, &f->origin, e);
	if (r == 0 && f->origin->n_waiting >= c->o.waiting_max)
		r = dv_fail(e, DV_LIMIT, "%s: %u requests are waiting already", f->origin->key, f->origin->n_waiting);
	if (r < 0) {
		fetch_free(f);
		return r;
	}
	c->stats.fetches++;
	requeue(f, false);
	if (ret)
		*ret = f;
	return 0;
}

/* --- a fetch, from outside --- */

struct arena *http_fetch_arena(struct http_fetch *f) { return &f->arena; }

const struct http_response *http_fetch_response(const struct http_fetch *f)
{
	return f->has_head ? &f->head : NULL;
}

const struct http_header *http_fetch_trailers(const struct http_fetch *f, size_t *ret_n)
{
	*ret_n = f->n_trailers;
	return f->trailers;
}

void http_fetch_pause(struct http_fetch *f)
{
	f->paused = true;
	if (f->conn)
		cconn_kick(f->conn);
}

void http_fetch_resume(struct http_fetch *f)
{
	f->paused = false;
	f->moved_ms = loop_now_ms(f->client->loop);
	fetch_arm(f);
	if (f->conn)
		cconn_kick(f->conn);
}

/* The body changed. */
static void body_changed(struct http_fetch *f)
{
	if (!f->conn)
		return;
	if (f->conn->proto == &cconn_h2)
		cconn_h2_wake(f->conn, f);
	cconn_kick(f->conn);
}

bool http_fetch_write(struct http_fetch *f, const void *data, size_t n)
{
	if (f->state == FETCH_OVER || f->body.ended || !f->streams)
		return false;
	if (!f->body.out.bytes)
		f->moved_ms = loop_now_ms(f->client->loop);
	out_add(&f->body.out, data, n);
	f->written += n;
	body_changed(f);
	f->above |= f->body.out.bytes > CLIENT_HIGH_BYTES;
	return !f->above;
}

bool http_fetch_write_file(struct http_fetch *f, int fd, uint64_t offset, uint64_t n)
{
	auto_close int owned = fd;

	if (f->state == FETCH_OVER || f->body.ended || !f->streams)
		return false;
	out_file(&f->body.out, take_fd(&owned), offset, n);
	f->written += n;
	body_changed(f);
	f->above |= f->body.out.bytes > CLIENT_HIGH_BYTES;
	return !f->above;
}

size_t http_fetch_queued(const struct http_fetch *f) { return (size_t)f->body.out.bytes; }

void http_fetch_end_trailers(struct http_fetch *f, const struct http_header *h, size_t n)
{
	struct http_header *copy = n ? arena_array(&f->arena, struct http_header, n) : NULL;

	if (f->state == FETCH_OVER || f->body.ended)
		return;
	for (size_t i = 0; i < n; i++)
		copy[i] = (struct http_header){ arena_str(&f->arena, h[i].name), arena_str(&f->arena, h[i].value) };
	f->trailers_out = copy;
	f->n_trailers_out = n;
	if (n)
		f->body.trailers = h2_fields(&f->arena, NULL, 0, copy, n, &f->body.n_trailers);
	f->body.ended = true;
	body_changed(f);
}

void http_fetch_end(struct http_fetch *f)
{
	http_fetch_end_trailers(f, NULL, 0);
}
