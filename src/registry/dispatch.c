/* dispatch.c - a table of route and method: what is allowed to whom, and who answers.
 *
 * A manifest that is in the cache is answered right here. Everything else becomes
 * an ask, which waits for a password to be verified if need be, and goes to its row's handler.
 */
#include "base/log.h"
#include "base/str.h"
#include "http/url.h"
#include "registry/access_log.h"
#include "registry/dispatch.h"
#include "registry/uploads.h"

/* --- small answers --- */

static void base_start(struct ask *q)
{
	q->answer.status = 200;
	q->answer.body = "{}";
	q->answer.len = 2;
	ask_header(q, "content-type", "application/json");
	/* What docker has asked for since before there was a specification. */
	ask_header(q, "docker-distribution-api-version", "registry/2.0");
	ask_send(q);
}

static void token_start(struct ask *q)
{
	struct dv_err e = DV_ERR_NONE;
	int rc = auth_token(q->g->auth, &q->arena, http_call_request(q->call), &q->who, &q->answer.body, &e);

	if (rc == -DV_INVALID || rc == -DV_LIMIT) {
		ask_refuse(q, PROBLEM_PARAM_INVALID, e.msg);
		return;
	}
	if (rc < 0)
		ask_failed(q, rc, &e);
	else
		q->answer.len = strlen(q->answer.body);
	q->answer.status = 200;
	ask_header(q, "content-type", "application/json");
	ask_header(q, "cache-control", "no-store");
	ask_send(q);
}

static int metrics_work(struct ask *q, struct image_store *s, struct dv_err *e)
{
	return meta_figures(s, &q->figures, e);
}

static void metrics_then(struct ask *q)
{
	struct metrics_now now = { .uploads = uploads_len(q->g->uploads), .figures = q->figures };

	http_server_stats(q->g->http, &now.http);
	q->body = BUF_INIT(1 << 20);
	if (!q->answer.problem)
		metrics_write(&q->body, &q->g->metrics, &now);
	q->answer.status = 200;
	q->answer.body = buf_cstr(&q->body);
	q->answer.len = q->body.len;
	ask_header(q, "content-type", "text/plain; version=0.0.4; charset=utf-8");
	ask_send(q);
}

/* --- the table --- */

enum takes { TAKES_NOTHING, TAKES_MANIFEST, TAKES_UPLOAD };

/* work on a job thread (then: NULL or what follows on the loop), or start on the loop. */
static const struct row {
	enum route_kind kind;
	enum http_method method;
	unsigned action;
	enum takes takes;
	ask_work *work;
	ask_then *then, *start;
} rows[] = {
	{ ROUTE_MANIFEST, HTTP_GET, ACTION_PULL, TAKES_NOTHING, pull_manifest, NULL, NULL },
	{ ROUTE_MANIFEST, HTTP_HEAD, ACTION_PULL, TAKES_NOTHING, pull_manifest, NULL, NULL },
	{ ROUTE_MANIFEST, HTTP_PUT, ACTION_PUSH, TAKES_MANIFEST, NULL, NULL, push_manifest_start },
	{ ROUTE_MANIFEST, HTTP_DELETE, ACTION_DELETE, TAKES_NOTHING, delete_manifest, NULL, NULL },
	{ ROUTE_BLOB, HTTP_GET, ACTION_PULL, TAKES_NOTHING, pull_blob, NULL, NULL },
	{ ROUTE_BLOB, HTTP_HEAD, ACTION_PULL, TAKES_NOTHING, pull_blob, NULL, NULL },
	{ ROUTE_BLOB, HTTP_DELETE, ACTION_DELETE, TAKES_NOTHING, delete_blob, NULL, NULL },
	{ ROUTE_UPLOADS, HTTP_POST, ACTION_PUSH, TAKES_UPLOAD, NULL, NULL, push_start },
	{ ROUTE_UPLOAD, HTTP_PATCH, ACTION_PUSH, TAKES_UPLOAD, NULL, NULL, push_start },
	{ ROUTE_UPLOAD, HTTP_PUT, ACTION_PUSH, TAKES_UPLOAD, NULL, NULL, push_start },
	{ ROUTE_UPLOAD, HTTP_GET, ACTION_PUSH, TAKES_NOTHING, NULL, NULL, push_start },
	{ ROUTE_UPLOAD, HTTP_DELETE, ACTION_PUSH, TAKES_NOTHING, NULL, NULL, push_start },
	{ ROUTE_TAGS, HTTP_GET, ACTION_PULL, TAKES_NOTHING, list_tags, NULL, NULL },
	{ ROUTE_TAGS, HTTP_HEAD, ACTION_PULL, TAKES_NOTHING, list_tags, NULL, NULL },
	{ ROUTE_REFERRERS, HTTP_GET, ACTION_PULL, TAKES_NOTHING, list_referrers, NULL, NULL },
	{ ROUTE_REFERRERS, HTTP_HEAD, ACTION_PULL, TAKES_NOTHING, list_referrers, NULL, NULL },
	{ ROUTE_CATALOG, HTTP_GET, 0, TAKES_NOTHING, list_catalog, list_catalog_then, NULL },
	{ ROUTE_CATALOG, HTTP_HEAD, 0, TAKES_NOTHING, list_catalog, list_catalog_then, NULL },
	{ ROUTE_BASE, HTTP_GET, 0, TAKES_NOTHING, NULL, NULL, base_start },
	{ ROUTE_BASE, HTTP_HEAD, 0, TAKES_NOTHING, NULL, NULL, base_start },
	{ ROUTE_TOKEN, HTTP_GET, 0, TAKES_NOTHING, NULL, NULL, token_start },
	{ ROUTE_METRICS, HTTP_GET, 0, TAKES_NOTHING, metrics_work, metrics_then, NULL },
	{ ROUTE_HEALTH, HTTP_GET, 0, TAKES_NOTHING, NULL, NULL, base_start },
	{ ROUTE_HEALTH, HTTP_HEAD, 0, TAKES_NOTHING, NULL, NULL, base_start },
};

static const struct row *row_of(enum route_kind kind, enum http_method method)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].kind == kind && rows[i].method == method)
			return &rows[i];
	return NULL;
}

/* --- who may --- */

/* What is refused to nobody in particular may be allowed to somebody. */
static void refuse_access(struct http_call *c, struct registry *g, const struct route *r, const struct auth_who *w,
			  unsigned action)
{
	struct arena *a = http_call_arena(c);
	const char *repo = r->kind == ROUTE_BASE || r->kind == ROUTE_TOKEN ? NULL : r->name;
	const char *challenge = auth_challenge(g->auth, a, http_call_request(c), w, repo, action);
	struct http_header h = { "www-authenticate", challenge };

	if (challenge && (!w->user || w->token))
		call_refuse(c, PROBLEM_UNAUTHORIZED, NULL, &h, 1);
	else
		call_refuse(c, PROBLEM_DENIED, NULL, NULL, 0);
}

static bool allowed(const struct registry *g, const struct row *row, const struct route *r, const struct auth_who *w)
{
	switch (row->kind) {
	case ROUTE_BASE:
		return !auth_needed(g->auth) || w->user || w->token;
	case ROUTE_CATALOG:
		return auth_catalog_allowed(g->auth, w);
	case ROUTE_TOKEN:
	case ROUTE_METRICS:
	case ROUTE_HEALTH:
		return true;
	default:
		return (auth_actions(g->auth, w, r->name) & row->action) == row->action;
	}
}

/* --- answers from memory --- */

static bool answer_cached(struct registry *g, struct http_call *c, const struct route *r, struct db_generation *ret)
{
	char tag[DIGEST_TEXT_SIZE + 2];

	db_generation(image_store_db(g->own), ret);
	const struct cache_entry *en = ret->valid ? cache_get(g->cache, ret, r) : NULL;
	if (!en) {
		g->metrics.cache_misses++;
		return false;
	}
	size_t n = strlen(en->digest);
	tag[0] = tag[n + 1] = '"';
	memcpy(tag + 1, en->digest, n);
	tag[n + 2] = '\0';
	const struct http_header h[] = {
		{ "content-type", en->media_type }, { "docker-content-digest", en->digest }, { "etag", tag },
	};
	g->metrics.cache_hits++;
	http_reply_with(c, 200, h, ARRAY_LEN(h), en->body, en->len);
	return true;
}

/* --- the way of a call --- */

static void run_row(struct ask *q, const struct row *row)
{
	if (row->start)
		row->start(q);
	else
		ask_submit(q, row->work, row->then);
}

static struct ask *ask_for(struct registry *g, struct http_call *c, const struct route *r, const struct row *row,
			   const struct auth_who *w)
{
	switch (row->takes) {
	case TAKES_MANIFEST:
		return ask_new(g, c, r, w, push_manifest_on_data, push_manifest_on_end);
	case TAKES_UPLOAD:
		http_call_set_body_max(c, g->o.upload_max_bytes + 1);
		return ask_new(g, c, r, w, push_on_data, push_on_end);
	case TAKES_NOTHING:
		break;
	}
	return ask_new(g, c, r, w, NULL, NULL);
}

/* Who asks is known. */
static void go(struct registry *g, struct http_call *c, const struct route *r, const struct row *row,
	       const struct auth_who *w)
{
	struct db_generation now = { 0 };

	if (!allowed(g, row, r, w)) {
		refuse_access(c, g, r, w, row->action);
		return;
	}
	if (row->work == pull_manifest && answer_cached(g, c, r, &now))
		return;
	struct ask *q = ask_for(g, c, r, row, w);
	q->generation = now;
	run_row(q, row);
}

/* --- passwords --- */

/* The call while a password is verified; nothing is read of its body. */
struct waiting {
	struct registry *g;
	struct ask *q;
	struct auth_check *check;
	const struct row *row;
};

static int check_work(void *ctx, struct dv_err *e)
{
	struct waiting *w = ctx;

	(void)e;
	return auth_verify(w->check) ? 1 : 0;
}

static void check_failed(struct ask *q)
{
	struct registry *g = q->g;
	const char *challenge = auth_challenge(g->auth, &q->arena, http_call_request(q->call), &q->who, q->route.name,
					       0);

	g->metrics.auth_failures++;
	ask_header(q, "www-authenticate", challenge ? challenge : "Basic");
	ask_refuse(q, PROBLEM_UNAUTHORIZED, NULL);
}

static void check_done(void *ctx, int rc, const struct dv_err *e)
{
	struct waiting *w = ctx;
	struct ask *q = w->q;
	const struct row *row = w->row;

	(void)e;
	q->who.user = arena_str(&q->arena, auth_check_user(w->check));
	auth_verified(w->g->auth, w->check, rc > 0);
	free(w);
	q->works = false;
	if (!q->call) {
		ask_end(q);
	} else if (rc <= 0) {
		q->who.user = NULL;
		check_failed(q);
	} else if (!allowed(q->g, row, &q->route, &q->who)) {
		ask_refuse(q, PROBLEM_DENIED, NULL);
	} else {
		run_row(q, row);
	}
}

static void verify(struct registry *g, struct http_call *c, const struct route *r, const struct row *row,
		   struct auth_check *check)
{
	struct auth_who nobody = { 0 };
	struct waiting *w = mem_new(struct waiting);

	*w = (struct waiting){ g, ask_for(g, c, r, row, &nobody), check, row };
	w->q->works = true;
	if (job_submit(g->slow_pool, check_work, check_done, w, NULL) == 0)
		return;
	w->q->works = false;
	auth_verified(g->auth, check, false);
	ask_refuse(w->q, PROBLEM_TOO_MANY, "passwords are being verified");
	free(w);
}

/* --- public --- */

static void refuse_credentials(struct registry *g, struct http_call *c, const struct route *r, const struct auth_who *w)
{
	struct auth_who nobody = { .error = w->error };
	const char *challenge = auth_challenge(g->auth, http_call_arena(c), http_call_request(c), &nobody, r->name, 0);
	struct http_header h = { "www-authenticate", challenge };

	g->metrics.auth_failures++;
	call_refuse(c, PROBLEM_UNAUTHORIZED, NULL, &h, challenge != NULL);
}

/* What a request is about and who sends it; answers what cannot be. */
static void route_call(struct registry *g, struct http_call *c, const struct route *r)
{
	const struct http_request *req = http_call_request(c);
	struct auth_check *check = NULL;
	struct http_header allow = { .name = "allow" };
	struct auth_who w;

	if (!route_allows(r->kind, req->method, &allow.value) ||
	    (req->method == HTTP_DELETE && g->o.delete_disabled && r->kind != ROUTE_UPLOAD)) {
		call_refuse(c, PROBLEM_UNSUPPORTED, NULL, &allow, 1);
		return;
	}
	const struct row *row = row_of(r->kind, req->method);
	if (!row || (r->kind == ROUTE_TOKEN && g->o.auth.mode != AUTH_TOKEN)) {
		call_refuse(c, PROBLEM_NO_ROUTE, NULL, NULL, 0);
		return;
	}
	switch (auth_identify(g->auth, http_call_arena(c), req, r->kind == ROUTE_TOKEN, &w, &check)) {
	case AUTH_KNOWN:
		go(g, c, r, row, &w);
		break;
	case AUTH_VERIFY:
		verify(g, c, r, row, check);
		break;
	case AUTH_REFUSED:
		refuse_credentials(g, c, r, &w);
		break;
	}
}

void registry_handle(void *ctx, struct http_call *c)
{
	struct registry *g = ctx;
	const char *path = NULL;
	struct route r;

	if (url_path_decode(http_call_arena(c), http_call_request(c)->path, &path, NULL) < 0) {
		call_refuse(c, PROBLEM_NO_ROUTE, NULL, NULL, 0);
		return;
	}
	enum problem p = route_parse(path, &r);
	if (p)
		call_refuse(c, p, NULL, NULL, 0);
	else
		route_call(g, c, &r);
}

void registry_log(void *ctx, const struct http_log_entry *en)
{
	struct registry *g = ctx;
	struct route r;

	/* The path as it came: one with needless percent signs counts as unknown. */
	(void)route_parse(en->request->path, &r);
	metrics_count(&g->metrics, en, r.kind);
	if (g->log)
		access_log_add(g->log, en, &g->metrics);
}
