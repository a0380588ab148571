/* remote_error.c - what a registry's refusal means, in our kinds and words. */
#include "base/str.h"
#include "json/view.h"
#include "transfer/remote_parts.h"

#define ERROR_VIEW(F, c) \
	F(c, str, code,    "code",    0, NULL) \
	F(c, str, message, "message", 0, NULL)
DV_VIEW(error_view, ERROR_VIEW);

#define ERRORS_VIEW(F, c) \
	F(c, list, errors, "errors", 0, &error_view_schema)
DV_VIEW(errors_view, ERRORS_VIEW);

struct meaning {
	const char *code;       /* of the distribution specification */
	enum dv_kind kind;
	const char *words;
};

static const struct meaning meanings[] = {
	{ "BLOB_UNKNOWN", DV_NOT_FOUND, "no such blob" },
	{ "BLOB_UPLOAD_INVALID", DV_INVALID, "the upload is not accepted" },
	{ "BLOB_UPLOAD_UNKNOWN", DV_NOT_FOUND, "the upload is not known any more" },
	{ "DENIED", DV_FORBIDDEN, "access denied" },
	{ "DIGEST_INVALID", DV_CORRUPT, "the digest is not that of what was sent" },
	{ "MANIFEST_BLOB_UNKNOWN", DV_NOT_FOUND, "a blob of the manifest is missing" },
	{ "MANIFEST_INVALID", DV_INVALID, "the manifest is not accepted" },
	{ "MANIFEST_UNKNOWN", DV_NOT_FOUND, "no such manifest" },
	{ "MANIFEST_UNVERIFIED", DV_INVALID, "the manifest's signature is not accepted" },
	{ "NAME_INVALID", DV_INVALID, "the name is not accepted" },
	{ "NAME_UNKNOWN", DV_NOT_FOUND, "no such repository" },
	{ "RANGE_INVALID", DV_INVALID, "the range is not accepted" },
	{ "SIZE_INVALID", DV_INVALID, "the size is not accepted" },
	{ "TAG_INVALID", DV_INVALID, "the tag is not accepted" },
	{ "TOOMANYREQUESTS", DV_UNAVAILABLE, "too many requests" },
	{ "UNAUTHORIZED", DV_FORBIDDEN, NULL },
	{ "UNSUPPORTED", DV_UNSUPPORTED, "the registry does not support this" },
};

static const struct { long status; enum dv_kind kind; const char *words; } statuses[] = {
	{ 400, DV_INVALID, "bad request" },
	{ 401, DV_FORBIDDEN, NULL },
	{ 403, DV_FORBIDDEN, "access denied" },
	{ 404, DV_NOT_FOUND, "not found" },
	{ 405, DV_UNSUPPORTED, "the registry does not support this" },
	{ 413, DV_LIMIT, "too large" },
	{ 416, DV_INVALID, "the range is not accepted" },
	{ 429, DV_UNAVAILABLE, "too many requests" },
	{ 500, DV_UNAVAILABLE, "internal error" },
	{ 502, DV_UNAVAILABLE, "bad gateway" },
	{ 503, DV_UNAVAILABLE, "unavailable" },
	{ 504, DV_UNAVAILABLE, "gateway timeout" },
};

bool remote_status_passes(long status)
{
	return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

/* The registry's own words on one line, when there are any. They could repeat what we sent: with the letters of a
 * token or password in them they are dropped. */
static const char *own_words(struct arena *a, const struct error_view *v)
{
	size_t len = v && v->message ? strlen(v->message) : 0;
	char *text;

	if (len == 0 || len > 300 || strstr(v->message, "Basic ") || strstr(v->message, "Bearer "))
		return NULL;
	text = arena_str(a, v->message);
	for (char *p = text; *p; p++)
		*p = (unsigned char)*p < 0x20 || *p == 0x7f ? ' ' : *p;
	return text;
}

static const struct error_view *first_error(struct arena *a, const struct remote_answer *w, struct errors_view *v)
{
	struct json *j;

	if (w->body.len == 0 || json_parse(a, buf_cstr(&w->body), w->body.len, &j, NULL) < 0 ||
	    json_type(j) != JSON_OBJECT || view_decode(a, j, &errors_view_schema, "", v, NULL) < 0 || v->errors.n == 0)
		return NULL;
	return view_at(&v->errors, struct error_view, 0);
}

static const char *login_words(const struct remote_answer *w)
{
	if (w->sent_basic)
		return "wrong user name or password";
	return w->sent_auth ? "the credentials do not allow this" : "log in first";
}

static struct meaning meaning_of(const struct remote_answer *w, const char *code)
{
	struct meaning m = { NULL, w->status >= 500 ? DV_UNAVAILABLE : DV_INVALID, "an answer that makes no sense here" };

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		if (statuses[i].status == w->status)
			m = (struct meaning){ NULL, statuses[i].kind, statuses[i].words };
	for (size_t i = 0; code && i < ARRAY_LEN(meanings); i++)
		if (streq(meanings[i].code, code))
			m = meanings[i];
	if (!m.words)
		m.words = login_words(w);
	return m;
}

int remote_refused(const struct remote_endpoint *ep, const struct remote_call *c, const struct remote_answer *w,
		   struct dv_err *e)
{
	struct arena a;
	struct errors_view v;
	const struct error_view *first;
	struct meaning m;
	const char *own;

	arena_init(&a, (size_t)4 << 20);
	first = first_error(&a, w, &v);
	m = meaning_of(w, first ? first->code : NULL);
	own = own_words(&a, first);
	if (own && strcasecmp(own, m.words) != 0)
		(void)dv_fail(e, m.kind, "%s%s: %s: registry answered %ld: %s (%s)", ep->name, c->ref, c->what, w->status,
			      m.words, own);
	else
		(void)dv_fail(e, m.kind, "%s%s: %s: registry answered %ld: %s", ep->name, c->ref, c->what, w->status, m.words);
	arena_done(&a);
	return -(int)m.kind;
}

int remote_wrap(const struct remote_endpoint *ep, const struct remote_call *c, struct dv_err *e)
{
	return dv_wrap(e, "%s%s: %s", ep->name, c->ref, c->what);
}
