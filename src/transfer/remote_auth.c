/* remote_auth.c - what to put into Authorization: nothing, a password, or a token that was asked for. */
#include "base/base64.h"
#include "base/deadline.h"
#include "base/str.h"
#include "json/view.h"
#include "transfer/remote_parts.h"

#define TOKEN_LIFE_MIN_S 60
#define TOKEN_EARLY_MS 5000     /* so that one does not end on its way */
#define TOKENS_MAX 64
#define SCOPES_MAX 16
#define CLIENT_ID "davit"

#define TOKEN_VIEW(F, c) \
	F(c, str, token,   "token",        0, NULL) \
	F(c, str, access,  "access_token", 0, NULL) \
	F(c, i64, expires, "expires_in",   0, NULL)
DV_VIEW(token_view, TOKEN_VIEW);

static char *copy_secret(const char *s, size_t len)
{
	char *copy = mem_alloc(len + 1);

	memcpy(copy, s, len);
	return copy;
}

/* --- credentials --- */

/* "USER:PASSWORD" of the options. */
static void split_creds(const char *text, struct auth_cred *ret)
{
	size_t len = strcspn(text, ":");

	ret->user = copy_secret(text, len);
	ret->password = copy_secret(text + len + (text[len] == ':'), strlen(text + len + (text[len] == ':')));
}

/* With the endpoint's lock. */
static int know_creds(struct remote_endpoint *ep, struct dv_err *e)
{
	const struct remote_options *o = &ep->r->o;
	struct auth_places places;
	int rc = 0;

	remote_auth_places(ep->r, &places);
	if (ep->creds_known)
		return 0;
	if (ep->own_creds && o->creds)
		split_creds(o->creds, &ep->creds);
	else if (!o->no_creds)
		rc = auth_lookup(&places, ep->name, &ep->creds, e);
	ep->creds_known = rc >= 0;
	return rc < 0 ? rc : 0;
}

/* "Basic ..." or NULL. */
static const char *basic(const struct auth_cred *c, struct arena *a)
{
	size_t len = c->user ? strlen(c->user) + strlen(c->password ? c->password : "") + 1 : 0;
	struct buf plain = BUF_INIT(len + 1), text = BUF_INIT(BASE64_LEN(len) + 8);
	const char *value;

	if (len == 0 || c->token)
		return NULL;
	(void)buf_room(&plain, len);
	(void)buf_room(&text, BASE64_LEN(len) + 7);
	buf_str(&plain, c->user);
	buf_char(&plain, ':');
	buf_str(&plain, c->password ? c->password : "");
	buf_str(&text, "Basic ");
	base64_encode(&text, plain.p, plain.len);
	value = arena_strn(a, text.p, text.len);
	explicit_bzero(plain.p, plain.cap);
	explicit_bzero(text.p, text.cap);
	buf_done(&plain);
	buf_done(&text);
	return value;
}

/* --- the token server --- */

static void add_param(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	if (b->len > 0)
		buf_char(b, '&');
	buf_printf(b, "%s=", name);
	url_encode(b, value, strlen(value), "");
}

static void add_scopes(struct arena *a, struct buf *b, const char *scope)
{
	size_t n;
	char **scopes = str_split(a, scope, ' ', &n);

	for (size_t i = 0; i < n && i < SCOPES_MAX; i++)
		if (*scopes[i])
			add_param(b, "scope", scopes[i]);
}

/* GET REALM?service=...&scope=..., with the password when there is one. */
static void ask_by_get(struct arena *a, const struct auth_cred *c, const struct challenge *ch, const char *scope,
		       struct remote_request *q)
{
	auto_buf struct buf b = BUF_INIT(URL_MAX);

	if (q->url.query)
		buf_str(&b, q->url.query);
	add_param(&b, "account", c->user && *c->user ? c->user : NULL);
	add_param(&b, "service", ch->service);
	add_scopes(a, &b, scope);
	q->method = "GET";
	q->url.query = b.len > 0 ? arena_str(a, buf_cstr(&b)) : NULL;
	q->authorization = basic(c, a);
}

/* The form of OAuth 2, with an identity token or the password. */
static void ask_by_post(struct arena *a, const struct auth_cred *c, const struct challenge *ch, const char *scope,
			struct remote_request *q)
{
	struct buf b = BUF_INIT(REMOTE_TOKEN_MAX);

	(void)buf_room(&b, REMOTE_TOKEN_MAX / 2);
	add_param(&b, "grant_type", c->token ? "refresh_token" : "password");
	add_param(&b, "refresh_token", c->token);
	add_param(&b, "username", c->token ? NULL : c->user);
	add_param(&b, "password", c->token ? NULL : c->password);
	add_param(&b, "service", ch->service);
	add_param(&b, "client_id", CLIENT_ID);
	add_param(&b, "scope", *scope ? scope : NULL);
	q->method = "POST";
	q->headers[0] = "Content-Type: application/x-www-form-urlencoded";
	q->has_body = true;
	q->data = arena_strn(a, buf_cstr(&b), b.len);
	q->size = b.len;
	explicit_bzero(b.p, b.cap);
	buf_done(&b);
}

static int realm_url(const struct remote_endpoint *ep, const struct challenge *ch, struct arena *a, struct url *ret,
		     struct dv_err *e)
{
	int rc = ch->realm ? url_parse(a, ch->realm, ret, e) : dv_fail(e, DV_INVALID, "the bearer challenge has no realm");

	if (rc == 0 && !streq(ret->scheme, "https") && !(ep->host->insecure && streq(ret->scheme, "http")))
		rc = dv_fail(e, DV_FORBIDDEN, "the token server %s does not use https", url_authority(a, ret));
	return rc;
}

/* What an answer that is not 200 means. */
static int token_refused(const struct remote_request *q, const struct auth_cred *c, long status, struct arena *a,
			 struct dv_err *e)
{
	const char *server = url_authority(a, &q->url);
	bool known = c->token || c->user;

	if (status == 401 || status == 403 || (status == 400 && known))
		return dv_fail(e, DV_FORBIDDEN, "token server %s answered %ld: %s", server, status,
			       known ? "wrong user name or password" : "log in first, or there is no such repository");
	return dv_fail(e, remote_status_passes(status) ? DV_UNAVAILABLE : DV_INVALID, "token server %s answered %ld",
		       server, status);
}

/* One conversation, repeated while it may be. */
static int ask(struct remote_endpoint *ep, const struct remote_request *q, struct arena *a, struct remote_answer *ret,
	       struct dv_err *e)
{
	for (unsigned attempt = 1;; attempt++) {
		enum remote_broken broken;
		int rc = remote_http(ep->r, q, a, ret, &broken, e);
		uint32_t after = rc < 0 ? 0 : ret->retry_after_ms;

		if (rc == 0 && !remote_status_passes(ret->status))
			return 0;
		if (rc < 0 && broken != BROKEN_LATER)
			return dv_wrap(e, "token server %s", url_authority(a, &q->url));
		if (rc == 0) {
			(void)token_refused(q, &ep->creds, ret->status, a, e);
			remote_answer_done(ret);
		}
		rc = remote_pause(ep->r, attempt, after, e);
		if (rc < 0)
			return rc;
	}
}

static int read_token(struct arena *a, const struct remote_answer *w, struct remote_token *ret, struct dv_err *e)
{
	struct token_view v;
	struct json *j;
	const char *text;
	int64_t life;

	/* no words of the parser: they could quote the token */
	if (json_parse(a, buf_cstr(&w->body), w->body.len, &j, NULL) < 0 ||
	    view_decode(a, j, &token_view_schema, "", &v, NULL) < 0)
		return dv_fail(e, DV_INVALID, "the token server's answer makes no sense");
	text = v.token && *v.token ? v.token : v.access;
	if (!text || !*text || strpbrk(text, "\r\n"))
		return dv_fail(e, DV_INVALID, "the token server's answer has no token");
	life = v.expires.set ? DV_MIN(v.expires.v, (int64_t)86400) : 0;
	ret->text = copy_secret(text, strlen(text));
	ret->expires_ms = deadline_now_ms() + DV_MAX(life, (int64_t)TOKEN_LIFE_MIN_S) * 1000 - TOKEN_EARLY_MS;
	return 0;
}

static int fetch(struct remote_endpoint *ep, const struct challenge *ch, const char *scope, struct remote_token *ret,
		 struct dv_err *e)
{
	auto_arena_wipe struct arena a;
	struct remote_answer w = { 0 };
	struct remote_request q = { .host = ep->host, .body_max = REMOTE_TOKEN_MAX };
	int rc;

	arena_init(&a, 0);
	rc = realm_url(ep, ch, &a, &q.url, e);
	if (rc < 0)
		return rc;
	struct remote_request post = q;
	(ep->creds.token ? ask_by_post : ask_by_get)(&a, &ep->creds, ch, scope, &q);
	rc = ask(ep, &q, &a, &w, e);
	if (rc == 0 && !ep->creds.token && ep->creds.user && (w.status == 404 || w.status == 405)) {
		remote_answer_done(&w);
		ask_by_post(&a, &ep->creds, ch, scope, &post);
		rc = ask(ep, &post, &a, &w, e);
	}
	if (rc < 0)
		return rc;
	rc = w.status == 200 ? read_token(&a, &w, ret, e) : token_refused(&q, &ep->creds, w.status, &a, e);
	if (w.body.p)
		explicit_bzero(w.body.p, w.body.cap);
	remote_answer_done(&w);
	return rc;
}

/* --- tokens that are kept --- */

static void token_free(struct remote_token *t)
{
	list_remove(&t->link);
	if (t->text)
		explicit_bzero(t->text, strlen(t->text));
	free(t->text);
	free(t->scope);
	free(t);
}

/* Drops what has ended, the one of this scope when a fresh one is wanted, and the oldest past the limit. */
static struct remote_token *find_token(struct remote_endpoint *ep, const char *scope, bool fresh)
{
	struct remote_token *found = NULL;
	size_t n = 0;

	LIST_EACH_SAFE(it, &ep->tokens) {
		struct remote_token *t = container_of(it, struct remote_token, link);
		bool same = streq(t->scope, scope);

		if (t->expires_ms <= deadline_now_ms() || (same && fresh) || ++n > TOKENS_MAX)
			token_free(t);
		else if (same)
			found = t;
	}
	return found;
}

static int bearer(struct remote_endpoint *ep, const struct challenge *ch, const char *scope, bool fresh,
		  struct arena *a, const char **ret, struct dv_err *e)
{
	struct remote_token *t = find_token(ep, scope, fresh), got = { 0 };
	int rc;

	if (!t) {
		rc = fetch(ep, ch, scope, &got, e);
		if (rc < 0)
			return rc;
		t = mem_new(struct remote_token);
		*t = got;
		t->scope = mem_str(scope);
		list_add_head(&ep->tokens, &t->link);
	}
	*ret = arena_printf(a, "Bearer %s", t->text);
	return 0;
}

/* --- endpoints --- */

void remote_endpoint_init(struct remote_endpoint *ep, struct remote *r)
{
	*ep = (struct remote_endpoint){ .r = r };
	(void)pthread_mutex_init(&ep->lock, NULL);
	list_init(&ep->tokens);
}

void remote_endpoint_done(struct remote_endpoint *ep)
{
	LIST_EACH_SAFE(it, &ep->tokens)
		token_free(container_of(it, struct remote_token, link));
	auth_cred_done(&ep->creds);
	free(ep->extra_scope);
	(void)pthread_mutex_destroy(&ep->lock);
}

/* The first of the host's challenges that we can meet. */
static int choose(struct remote_endpoint *ep, const char *scope, bool fresh, struct arena *a, const char **ret,
		  struct dv_err *e)
{
	const struct remote_host *h = ep->host;
	const char *value = NULL, *wanted = scope;

	if (ep->extra_scope && !strstr(scope, ep->extra_scope))
		wanted = arena_printf(a, "%s%s%s", scope, *scope ? " " : "", ep->extra_scope);
	for (size_t i = 0; i < h->n_challenges && !value; i++) {
		if (streq(h->challenges[i].scheme, "bearer")) {
			int rc = bearer(ep, &h->challenges[i], wanted, fresh, a, &value, e);

			if (rc < 0)
				return rc;
		} else if (streq(h->challenges[i].scheme, "basic")) {
			value = basic(&ep->creds, a);
		}
	}
	*ret = value;
	return 0;
}

int remote_authorize(struct remote_endpoint *ep, const char *scope, bool fresh, struct arena *a, const char **ret,
		     struct dv_err *e)
{
	int rc = 0;

	if (ep->own_creds && ep->r->o.registry_token) {
		*ret = arena_printf(a, "Bearer %s", ep->r->o.registry_token);
		return 0;
	}
	*ret = NULL;
	if (ep->host->n_challenges == 0)
		return 0;
	(void)pthread_mutex_lock(&ep->lock);
	rc = know_creds(ep, e);
	if (rc == 0)
		rc = choose(ep, scope, fresh, a, ret, e);
	(void)pthread_mutex_unlock(&ep->lock);
	return rc;
}

void remote_note_scope(struct remote_endpoint *ep, const struct remote_answer *w)
{
	struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < w->n_challenges; i++) {
		struct challenge found[CHALLENGES_MAX];
		int n = challenge_parse(&a, w->challenges[i], found, NULL);

		for (int k = 0; k < n; k++) {
			if (!streq(found[k].scheme, "bearer") || !found[k].scope || !*found[k].scope)
				continue;
			(void)pthread_mutex_lock(&ep->lock);
			free(ep->extra_scope);
			ep->extra_scope = mem_str(found[k].scope);
			(void)pthread_mutex_unlock(&ep->lock);
		}
	}
	arena_done(&a);
}
