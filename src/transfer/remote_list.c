/* remote_list.c - what a repository has: tags, page by page, and what refers to a manifest. */
#include "base/str.h"
#include "image/manifest.h"
#include "json/view.h"
#include "transfer/remote_parts.h"

#define PAGES_MAX 10000
#define PAGE_MAX ((size_t)16 << 20)
#define PAGE_SIZE "1000"

/* --- pages --- */

/* What a page is taken into; the document lives as long as the call. */
typedef int take_page(void *ctx, const struct json *page, struct dv_err *e);

/* The next page, of the same registry only. 0: there is none. */
static int next_page(struct arena *a, const struct url *from, const struct remote_answer *w, struct url *ret,
		     struct dv_err *e)
{
	const char *next = remote_link_next(a, w->link);

	if (!next)
		return 0;
	if (url_resolve(a, from, next, ret, e) < 0)
		return dv_wrap(e, "next page");
	if (!url_same_origin(from, ret))
		return dv_fail(e, DV_FORBIDDEN, "the next page is on another host (%s)", url_authority(a, ret));
	return 1;
}

static int one_page(struct remote_endpoint *ep, struct remote_call *c, const struct remote_answer *w, take_page *take,
		    void *ctx, struct dv_err *e)
{
	struct arena a;
	struct json *page;
	int rc;

	arena_init(&a, 0);
	rc = json_parse(&a, buf_cstr(&w->body), w->body.len, &page, e);
	if (rc == 0)
		rc = take(ctx, page, e);
	arena_done(&a);
	return rc < 0 ? remote_wrap(ep, c, e) : 0;
}

/* *ret_absent: the first page is 404, which is no failure. */
static int all_pages(struct remote_endpoint *ep, struct remote_call *c, take_page *take, void *ctx, bool *ret_absent,
		     struct dv_err *e)
{
	struct arena a;
	struct url from, at;
	int more = 1;

	arena_init(&a, 0);
	c->q.body_max = PAGE_MAX;
	for (unsigned i = 0; more > 0; i++) {
		struct remote_answer w = { 0 };
		int rc = remote_call(ep, c, &a, &w, &from, NULL, e);

		if (rc == 0 && i == 0 && w.status == 404 && ret_absent) {
			*ret_absent = true;
			more = 0;
		} else if (rc == 0 && w.status != 200) {
			rc = remote_refused(ep, c, &w, e);
		} else if (rc == 0) {
			rc = one_page(ep, c, &w, take, ctx, e);
			more = rc < 0 ? rc : next_page(&a, &from, &w, &at, e);
			if (rc == 0 && more < 0)
				rc = remote_wrap(ep, c, e);
			if (more > 0 && i + 1 == PAGES_MAX)
				rc = dv_fail(e, DV_LIMIT, "%s: %s: more than %d pages", ep->name, c->what, PAGES_MAX);
			c->at = &at;
		}
		remote_answer_done(&w);
		more = rc < 0 ? rc : more;
	}
	arena_done(&a);
	return more;
}

/* --- tags --- */

struct tag_list {
	struct arena *a;
	const char **v;
	size_t n, cap;
};

static int take_tags(void *ctx, const struct json *page, struct dv_err *e)
{
	struct tag_list *l = ctx;

	for (JSON_EACH(it, json_get(page, "tags"))) {
		const char *tag = json_str(it.value);

		if (!tag)
			return dv_fail(e, DV_INVALID, "a tag that is no string");
		if (l->n == REMOTE_TAGS_MAX)
			return dv_fail(e, DV_LIMIT, "more than %d tags", REMOTE_TAGS_MAX);
		if (l->n == l->cap) {
			l->cap = l->cap ? 2 * l->cap : 64;
			l->v = mem_resize(l->v, l->cap, sizeof *l->v);
		}
		l->v[l->n++] = arena_str(l->a, tag);
	}
	return 0;
}

int remote_tags(struct remote_repo *rp, struct arena *a, struct remote_tags *ret, struct dv_err *e)
{
	struct tag_list l = { .a = a };
	struct remote_call c = { .q = { .method = "GET", .headers = { "Accept: application/json" } },
				 .tail = "tags/list?n=" PAGE_SIZE, .repeat = REPEAT_YES,
				 .what = "list tags", .ref = "" };
	int rc = all_pages(remote_chosen(rp), &c, take_tags, &l, NULL, e);

	if (rc == 0) {
		ret->v = arena_array(a, const char *, l.n + 1);
		if (l.n > 0)
			memcpy(ret->v, l.v, l.n * sizeof *l.v);
		ret->n = l.n;
	}
	free(l.v);
	return rc;
}

/* --- referrers --- */

struct referrer_list {
	struct arena *a;
	struct json *list;
	const char *type;       /* NULL: all */
};

static int take_referrers(void *ctx, const struct json *page, struct dv_err *e)
{
	struct referrer_list *l = ctx;
	const struct json *manifests = json_get(page, "manifests");

	if (json_type(page) != JSON_OBJECT || (manifests && json_type(manifests) != JSON_ARRAY))
		return dv_fail(e, DV_INVALID, "no image index");
	for (JSON_EACH(it, manifests)) {
		const char *type = json_str(json_get(it.value, "artifactType"));
		struct digest d;

		if (!json_str(json_get(it.value, "digest")) || digest_parse(json_str(json_get(it.value, "digest")), &d, e) < 0)
			return dv_fail(e, DV_INVALID, "a descriptor without a valid digest");
		if (l->type && !(type && streq(type, l->type)))
			continue;
		if (json_len(l->list) == REMOTE_REFERRERS_MAX)
			return dv_fail(e, DV_LIMIT, "more than %d referrers", REMOTE_REFERRERS_MAX);
		json_append(l->a, l->list, json_copy(l->a, it.value));
	}
	return 0;
}

/* The tag that stands in for the API: "sha256-HEX". */
static const char *fallback_tag(struct arena *a, const struct digest *d)
{
	char hex[DIGEST_TEXT_SIZE];

	return arena_printf(a, "%s-%s", digest_alg_name(d->alg), digest_hex(d, hex));
}

/* NULL for none. */
static int read_fallback(struct remote_repo *rp, const char *tag, struct arena *a, struct json **ret, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	struct remote_manifest m;
	int rc = remote_manifest_get(rp, tag, a, &m, &why);

	*ret = NULL;
	if (rc == -(int)DV_NOT_FOUND)
		return 0;
	if (rc < 0)
		return dv_fail(e, why.kind, "%s", why.msg);
	rc = json_parse(a, m.bytes, m.len, ret, e);
	return rc < 0 ? dv_wrap(e, "%s:%s: referrers", rp->name, tag) : 0;
}

static int by_tag(struct remote_repo *rp, const struct digest *d, struct referrer_list *l, struct dv_err *e)
{
	struct json *index;
	int rc = read_fallback(rp, fallback_tag(l->a, d), l->a, &index, e);

	if (rc < 0 || !index)
		return rc;
	rc = take_referrers(l, index, e);
	return rc < 0 ? dv_wrap(e, "%s: referrers", rp->name) : 0;
}

int remote_referrers(struct remote_repo *rp, const struct digest *d, const char *artifact_type, struct arena *a,
		     struct json **ret, struct dv_err *e)
{
	struct referrer_list l = { .a = a, .list = json_new_array(a), .type = artifact_type };
	auto_buf struct buf tail = BUF_INIT(URL_MAX);
	char text[DIGEST_TEXT_SIZE];
	struct remote_call c = { .q = { .method = "GET", .headers = { "Accept: " MEDIA_OCI_INDEX } },
				 .repeat = REPEAT_YES, .what = "referrers" };
	bool absent = false;
	int rc;

	buf_printf(&tail, "referrers/%s", digest_text(d, text));
	if (artifact_type) {
		buf_str(&tail, "?artifactType=");
		url_encode(&tail, artifact_type, strlen(artifact_type), "");
	}
	c.tail = buf_cstr(&tail);
	c.ref = arena_printf(a, "@%s", text);
	rc = all_pages(remote_chosen(rp), &c, take_referrers, &l, &absent, e);
	if (rc == 0 && absent)
		rc = by_tag(rp, d, &l, e);
	if (rc == 0)
		*ret = l.list;
	return rc;
}

static bool has_digest(const struct json *list, const char *digest)
{
	for (JSON_EACH(it, list)) {
		const char *other = json_str(json_get(it.value, "digest"));

		if (other && digest && streq(other, digest))
			return true;
	}
	return false;
}

int remote_referrer_add(struct remote_repo *rp, const struct digest *subject, const struct json *descriptor,
			struct dv_err *e)
{
	auto_arena struct arena a;
	struct json *index, *list;
	const char *tag, *text;
	int rc;

	arena_init(&a, 0);
	tag = fallback_tag(&a, subject);
	rc = read_fallback(rp, tag, &a, &index, e);
	if (rc < 0)
		return rc;
	if (!index)
		index = json_obj(&a, "schemaVersion", json_new_i64(&a, 2), "mediaType", json_new_str(&a, MEDIA_OCI_INDEX),
				 "manifests", json_new_array(&a), NULL);
	list = json_type(index) == JSON_OBJECT ? json_get_mut(index, "manifests") : NULL;
	if (json_type(list) != JSON_ARRAY)
		return dv_fail(e, DV_INVALID, "%s:%s: referrers: no image index", rp->name, tag);
	if (has_digest(list, json_str(json_get(descriptor, "digest"))))
		return 0;
	json_append(&a, list, json_copy(&a, descriptor));
	text = json_text(&a, index, JSON_COMPACT);
	return remote_manifest_put(rp, tag, text, strlen(text), MEDIA_OCI_INDEX, NULL, e);
}
