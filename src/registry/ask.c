/* ask.c - an ask's life, its jobs, its answer. */
#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "registry/ask.h"
#include "registry/uploads.h"

#define ASK_ARENA_MAX ((size_t)64 << 20)

/* --- life --- */

static const char *copy(struct ask *q, const char *s)
{
	return s ? arena_str(&q->arena, s) : NULL;
}

static void ask_free(struct ask *q)
{
	q->g->manifest_bytes -= q->body_counted;
	if (q->upload)
		upload_release(q);
	fd_close(&q->answer.fd);
	buf_done(&q->body);
	arena_done(&q->arena);
	free(q);
}

static void on_close(void *state, struct http_call *c, bool complete)
{
	struct ask *q = state;

	(void)c;
	(void)complete;
	q->call = NULL;
	q->who.token = NULL;
	if (!q->works && !(q->upload && upload_cut(q)))
		ask_free(q);
}

struct ask *ask_new(struct registry *g, struct http_call *call, const struct route *r, const struct auth_who *who,
		    void (*on_data)(void *state, struct http_call *c, const void *p, size_t n),
		    void (*on_end)(void *state, struct http_call *c))
{
	struct http_call_ops ops = { .on_close = on_close, .on_data = on_data, .on_end = on_end };
	const struct http_request *req = http_call_request(call);
	struct ask *q = mem_new(struct ask);
	char peer[HTTP_ADDR_TEXT_MAX];

	arena_init(&q->arena, ASK_ARENA_MAX);
	q->g = g;
	q->call = call;
	q->route = *r;
	q->method = req->method;
	q->who.user = copy(q, who->user);
	q->who.token = who->token;      /* in the arena of the call: looked at only while it is open */
	q->query = copy(q, req->query);
	q->content_type = copy(q, http_request_header(req, "content-type"));
	q->range = copy(q, http_request_header(req, "range"));
	q->content_range = copy(q, http_request_header(req, "content-range"));
	q->peer = arena_str(&q->arena, http_addr_text(&req->peer, false, peer));
	q->body_length = req->body_length;
	q->answer.fd = -1;
	q->ops = ops;
	http_call_attach(call, &q->ops, q);
	if (on_data)
		http_call_pause_body(call);
	return q;
}

/* --- jobs --- */

static int job_work_of(void *ctx, struct dv_err *e)
{
	struct ask *q = ctx;
	struct image_store *s = NULL;
	int rc = stores_take(q->g->stores, &s, e);

	if (rc < 0)
		return rc;
	rc = q->work(q, s, e);
	stores_give(q->g->stores, s);
	return rc;
}

static void job_done_of(void *ctx, int rc, const struct dv_err *e)
{
	struct ask *q = ctx;

	q->works = false;
	q->rc = rc;
	if (rc < 0)
		q->error = *e;
	if (!q->call) {
		if (q->upload && upload_cut(q))
			return;
		ask_free(q);
		return;
	}
	if (rc < 0)
		ask_failed(q, rc, e);
	if (q->then)
		q->then(q);
	else
		ask_send(q);
}

void ask_end(struct ask *q)
{
	q->works = false;
	if (!q->call)
		ask_free(q);
}

void ask_submit(struct ask *q, ask_work *work, ask_then *then)
{
	q->work = work;
	q->then = then;
	q->works = true;
	if (job_submit(q->g->pool, job_work_of, job_done_of, q, NULL) == 0)
		return;
	q->works = false;
	ask_refuse(q, PROBLEM_UNAVAILABLE, "too much work is waiting");
}

void ask_failed(struct ask *q, int rc, const struct dv_err *e)
{
	bool full = e->sys == ENOSPC || e->sys == EDQUOT;

	(void)rc;
	log_error("request failed", "method", http_method_name(q->method), "repository", q->route.name, "error", e->msg, NULL);
	fd_close(&q->answer.fd);
	q->answer = (struct answer){ .fd = -1, .problem = full ? PROBLEM_STORAGE_FULL : PROBLEM_UNKNOWN };
}

/* --- answers --- */

void ask_header(struct ask *q, const char *name, const char *value)
{
	if (q->answer.n_headers < ANSWER_HEADERS_MAX)
		q->answer.h[q->answer.n_headers++] = (struct http_header){ name, value };
}

int ask_problem(struct ask *q, enum problem p, const char *detail)
{
	q->answer.problem = p;
	q->answer.detail = detail ? arena_str(&q->arena, detail) : NULL;
	return 0;
}

void ask_refuse(struct ask *q, enum problem p, const char *detail)
{
	(void)ask_problem(q, p, detail);
	ask_send(q);
}

const char *ask_param(struct ask *q, const char *name)
{
	const char *v = NULL;

	return q->query && http_query_get(&q->arena, q->query, name, &v, NULL) < 0 ? "" : v;
}

void call_refuse(struct http_call *c, enum problem p, const char *detail, const struct http_header *h, size_t n)
{
	struct http_header all[ANSWER_HEADERS_MAX + 2] = {
		{ "content-type", "application/json" }, { "docker-distribution-api-version", "registry/2.0" },
	};
	auto_buf struct buf b = BUF_INIT(64 << 10);
	size_t k = 2;

	for (size_t i = 0; i < n && i < ANSWER_HEADERS_MAX; i++)
		all[k++] = h[i];
	problem_body(&b, p, detail);
	http_reply_with(c, problem_status(p), all, k, b.p, b.len);
}

static void send_file(struct ask *q)
{
	struct answer *a = &q->answer;

	http_respond(q->call, a->status, a->h, a->n_headers, (int64_t)a->n);
	if (a->fd >= 0 && !a->head_only && a->n)
		(void)http_write_file(q->call, take_fd(&a->fd), a->offset, a->n);
	http_end(q->call);
}

void ask_send(struct ask *q)
{
	struct answer *a = &q->answer;

	if (!q->call || q->answered)
		return;
	q->answered = true;
	if (q->cacheable && !a->problem)
		cache_put(q->g->cache, &q->generation, &q->route, &q->manifest, a->body);
	if (a->problem)
		call_refuse(q->call, a->problem, a->detail, a->h, a->n_headers);
	else if (a->fd >= 0 || a->head_only)
		send_file(q);
	else
		http_reply_with(q->call, a->status, a->h, a->n_headers, a->body, a->len);
}
