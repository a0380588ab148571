/* remote_call.c - a request as the operations want it: authorized, redirected, repeated. */
#include <errno.h>
#include <poll.h>
#include <sys/random.h>

#include "base/deadline.h"
#include "base/str.h"
#include "transfer/remote_parts.h"

/* --- pauses --- */

/* Until the time is over or remote_cancel(). */
static int wait_ms(struct remote *r, uint32_t ms, struct dv_err *e)
{
	struct pollfd pf = { .fd = r->cancel_fd, .events = POLLIN };
	int64_t deadline = deadline_in((int)ms);
	int n;

	do
		n = poll(&pf, 1, deadline_left(deadline));
	while (n < 0 && errno == EINTR);
	return remote_check_cancel(r, e);
}

static uint32_t delay_of(const struct remote *r, unsigned attempt)
{
	uint64_t delay = (uint64_t)r->o.retry_delay_ms << DV_MIN(attempt - 1, 16u);
	uint32_t random = 0;

	(void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
	delay = DV_MIN(delay, (uint64_t)REMOTE_RETRY_AFTER_MAX_MS);
	return (uint32_t)(delay * 3 / 4 + delay * (random % 1000) / 2000);
}

int remote_pause(struct remote *r, unsigned attempt, uint32_t retry_after_ms, struct dv_err *e)
{
	uint32_t delay = DV_MAX(delay_of(r, attempt), retry_after_ms);
	auto_free char *line = NULL;

	if (attempt > r->o.retries || retry_after_ms > REMOTE_RETRY_AFTER_MAX_MS || atomic_load(&r->cancelled))
		return -(int)e->kind;
	line = mem_printf("retry in %u.%u s: %s", delay / 1000, delay % 1000 / 100, e->msg);
	if (r->o.note)
		r->o.note(r->o.note_ctx, line);
	return wait_ms(r, delay, e);
}

/* --- redirects --- */

static bool is_redirect(const struct remote_request *q, long status)
{
	return (streq(q->method, "GET") || streq(q->method, "HEAD")) &&
	       (status == 301 || status == 302 || status == 303 || status == 307 || status == 308);
}

/* The next URL; authorization stays behind when the origin changes. */
static int follow(struct remote_request *q, struct arena *a, const struct remote_answer *w, struct dv_err *e)
{
	struct url next;

	if (!w->location)
		return dv_fail(e, DV_INVALID, "a redirect (%ld) without a location", w->status);
	if (url_resolve(a, &q->url, w->location, &next, e) < 0)
		return dv_wrap(e, "redirect");
	if (streq(q->url.scheme, "https") && !streq(next.scheme, "https") && !q->host->insecure)
		return dv_fail(e, DV_FORBIDDEN, "a redirect from https to http (%s) is not followed", url_authority(a, &next));
	if (!url_same_origin(&q->url, &next))
		q->authorization = NULL;
	q->url = next;
	return 0;
}

/* Until an answer that is no redirect. */
static int through_redirects(struct remote *r, struct remote_request *q, struct arena *a, struct remote_answer *ret,
			     enum remote_broken *ret_broken, struct dv_err *e)
{
	for (unsigned i = 0; i <= REMOTE_REDIRECTS_MAX; i++) {
		int rc = remote_http(r, q, a, ret, ret_broken, e);

		if (rc < 0 || !is_redirect(q, ret->status))
			return rc;
		*ret_broken = BROKEN_FINAL;
		rc = follow(q, a, ret, e);
		remote_answer_done(ret);
		if (rc < 0)
			return rc;
	}
	return dv_fail(e, DV_FORBIDDEN, "more than %d redirects", REMOTE_REDIRECTS_MAX);
}

/* --- one authorized attempt --- */

static int fill_url(struct remote_endpoint *ep, const struct remote_call *c, struct arena *a, struct url *ret,
		    struct dv_err *e)
{
	if (c->at) {
		*ret = *c->at;
		return 0;
	}
	return url_parse(a, arena_printf(a, "%sv2/%s/%s", url_text(a, &ep->host->base), ep->path, c->tail), ret, e);
}

static const char *scope_of(struct remote_endpoint *ep, const struct remote_call *c, struct arena *a)
{
	const char *actions = c->actions ? c->actions : ep->actions;

	if (!actions)
		return "";
	return arena_printf(a, "repository:%s:%s%s%s", ep->path, actions, c->also_scope ? " " : "",
			    c->also_scope ? c->also_scope : "");
}

/* Credentials are for the registry's own origin only: an upload may be sent elsewhere. */
static int authorize(struct remote_endpoint *ep, const char *scope, bool fresh, struct arena *a,
		     struct remote_request *q, struct dv_err *e)
{
	q->authorization = NULL;
	return !ep->plain && url_same_origin(&ep->host->base, &q->url) ? remote_authorize(ep, scope, fresh, a, &q->authorization, e) : 0;
}

static int attempt(struct remote_endpoint *ep, const struct remote_call *c, struct arena *a, struct remote_answer *ret,
		   struct url *ret_url, enum remote_broken *ret_broken, struct dv_err *e)
{
	auto_arena_wipe struct arena secret;
	struct remote_request q = c->q;
	const char *scope;
	struct url start;
	int rc;

	*ret_broken = BROKEN_FINAL;
	arena_init(&secret, 0);
	rc = ep->plain ? 0 : remote_host_ready(ep->host, e);
	if (rc == 0)
		rc = fill_url(ep, c, a, &start, e);
	if (rc < 0)
		return rc;
	scope = scope_of(ep, c, &secret);
	for (bool again = false;; again = true) {
		q.host = ep->host;
		q.url = start;
		rc = authorize(ep, scope, again, &secret, &q, e);
		if (rc == 0)
			rc = through_redirects(ep->r, &q, a, ret, ret_broken, e);
		if (rc < 0)
			return rc;
		/* once more with a new token; a source cannot be read again, and a password does not get better */
		if (ret->status != 401 || again || q.read || ret->sent_basic || ret->n_challenges == 0 ||
		    !url_same_origin(&ep->host->base, &q.url))
			break;
		remote_note_scope(ep, ret);
		remote_answer_done(ret);
	}
	if (ret_url)
		*ret_url = q.url;
	return 0;
}

int remote_call(struct remote_endpoint *ep, const struct remote_call *c, struct arena *a, struct remote_answer *ret,
		struct url *ret_url, enum remote_broken *ret_broken, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	enum remote_broken broken;

	for (unsigned n = 1;; n++) {
		struct remote_answer w = { 0 };
		int rc = attempt(ep, c, a, &w, ret_url, &broken, &why);
		bool passes = rc < 0 ? broken != BROKEN_FINAL : remote_status_passes(w.status);

		if (rc < 0)
			rc = remote_wrap(ep, c, &why);
		else if (passes && c->repeat == REPEAT_YES)
			(void)remote_refused(ep, c, &w, &why);
		if (passes && c->repeat == REPEAT_YES && remote_pause(ep->r, n, w.retry_after_ms, &why) == 0) {
			remote_answer_done(&w);
			continue;
		}
		if (ret_broken)
			*ret_broken = broken;
		if (rc < 0)
			return dv_fail(e, why.kind, "%s", why.msg);
		*ret = w;
		return 0;
	}
}

/* --- small things --- */

const char *remote_ref_text(struct arena *a, const char *ref)
{
	return arena_printf(a, "%c%s", strchr(ref, ':') ? '@' : ':', ref);
}

bool remote_header_u64(const char *value, uint64_t *ret)
{
	return value && str_u64(value, INT64_MAX, "a header", ret, NULL) == 0;
}

/* "</v2/x/tags/list?last=b&n=2>; rel=\"next\"" */
const char *remote_link_next(struct arena *a, const char *link)
{
	const char *from = link ? strchr(link, '<') : NULL, *to = from ? strchr(from, '>') : NULL;

	if (!to || !(strstr(to, "rel=\"next\"") || strstr(to, "rel=next")))
		return NULL;
	return arena_strn(a, from + 1, (size_t)(to - from - 1));
}
