/* remote_manifest.c - manifests by tag or digest. */
#include "base/str.h"
#include "image/manifest.h"
#include "transfer/remote_parts.h"

#define TAG_SET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
#define ACCEPT "Accept: " MEDIA_OCI_INDEX ", " MEDIA_OCI_MANIFEST ", " MEDIA_DOCKER_LIST ", " MEDIA_DOCKER_MANIFEST

/* Nothing else becomes part of a URL. */
static int check_ref(const char *ref, bool *ret_digest, struct digest *ret, struct dv_err *e)
{
	*ret_digest = strchr(ref, ':') != NULL;
	*ret = (struct digest){ 0 };
	if (*ret_digest)
		return digest_parse(ref, ret, e);
	if (!str_only(ref, TAG_SET) || strlen(ref) > 128 || *ref == '.' || *ref == '-')
		return dv_fail(e, DV_INVALID, "\"%.140s\" is neither tag nor digest", ref);
	return 0;
}

size_t remote_order(struct remote_repo *rp, bool by_digest, struct remote_endpoint **ret)
{
	struct remote_endpoint *first = remote_chosen(rp);
	size_t n = 0;

	if (rp->n == 1 || first != &rp->v[rp->n - 1])
		ret[n++] = first;
	for (size_t i = 0; i < rp->n; i++) {
		struct remote_endpoint *ep = &rp->v[i];
		enum mirror_use unwanted = by_digest ? MIRROR_TAG_ONLY : MIRROR_DIGEST_ONLY;

		if (ep->use != unwanted && (n == 0 || ret[0] != ep))
			ret[n++] = ep;
	}
	return n;
}

static const char *media_type(struct arena *a, const char *content_type)
{
	size_t len = content_type ? strcspn(content_type, "; \t") : 0;

	return arena_strn(a, content_type ? content_type : "", len);
}

/* Against what was asked for, else against what the registry says. */
static int verify(const struct digest *want, const struct remote_answer *w, const void *data, size_t len,
		  struct digest *ret, struct dv_err *e)
{
	struct digest told = { 0 }, got;
	const struct digest *check = want->alg ? want : w->digest ? &told : NULL;
	char texts[2][DIGEST_TEXT_SIZE];

	if (check == &told && digest_parse(w->digest, &told, e) < 0)
		return dv_wrap(e, "Docker-Content-Digest");
	digest_of(check ? check->alg : DIGEST_SHA256, data, len, &got);
	if (check && !digest_equal(check, &got))
		return dv_fail(e, DV_CORRUPT, "the content has digest %s, not %s", digest_text(&got, texts[0]),
			       digest_text(check, texts[1]));
	*ret = got;
	return 0;
}

static int get_from(struct remote_endpoint *ep, const struct remote_call *c, const struct digest *want,
		    struct arena *a, struct remote_manifest *ret, struct dv_err *e)
{
	auto_answer struct remote_answer w = { 0 };
	struct remote_manifest m = { 0 };
	int rc = remote_call(ep, c, a, &w, NULL, NULL, e);

	if (rc < 0)
		return rc;
	if (w.status != 200)
		return remote_refused(ep, c, &w, e);
	if (verify(want, &w, buf_cstr(&w.body), w.body.len, &m.digest, e) < 0)
		return remote_wrap(ep, c, e);
	m.bytes = arena_strn(a, buf_cstr(&w.body), w.body.len);
	m.len = w.body.len;
	m.media_type = media_type(a, w.content_type);
	*ret = m;
	return 0;
}

static int head_from(struct remote_endpoint *ep, const struct remote_call *c, const struct digest *want,
		     struct arena *a, struct remote_manifest *ret, struct dv_err *e)
{
	auto_answer struct remote_answer w = { 0 };
	struct remote_manifest m = { .digest = *want };
	uint64_t len = 0;
	int rc = remote_call(ep, c, a, &w, NULL, NULL, e);

	if (rc < 0)
		return rc;
	if (w.status != 200)
		return remote_refused(ep, c, &w, e);
	if (!want->alg && w.digest && digest_parse(w.digest, &m.digest, e) < 0)
		return remote_wrap(ep, c, e);
	(void)remote_header_u64(w.content_length, &len);
	m.len = (size_t)len;
	m.media_type = media_type(a, w.content_type);
	*ret = m;
	return 0;
}

typedef int ask_endpoint(struct remote_endpoint *ep, const struct remote_call *c, const struct digest *want,
			 struct arena *a, struct remote_manifest *ret, struct dv_err *e);

static void note_mirror(struct remote *r, const struct dv_err *why)
{
	auto_free char *line = mem_printf("mirror: %s", why->msg);

	if (r->o.note)
		r->o.note(r->o.note_ctx, line);
}

/* The first endpoint that has it; the failure shown is the registry's own, mirrors' are noted. */
static int ask_all(struct remote_repo *rp, const char *method, ask_endpoint *ask, const char *ref, struct arena *a,
		   struct remote_manifest *ret, struct dv_err *e)
{
	struct remote_call c = { .q = { .method = method, .headers = { ACCEPT }, .body_max = REMOTE_MANIFEST_MAX },
				 .what = "manifest" };
	auto_free struct remote_endpoint **order = mem_alloc(mem_mul(rp->n, sizeof *order));
	struct dv_err why = DV_ERR_NONE;
	struct digest want;
	bool by_digest;
	size_t n;
	int rc = check_ref(ref, &by_digest, &want, e);

	if (rc < 0)
		return dv_wrap(e, "%s", rp->name);
	n = remote_order(rp, by_digest, order);
	c.tail = arena_printf(a, "manifests/%s", ref);
	c.ref = remote_ref_text(a, ref);
	for (size_t i = 0; i < n; i++) {
		/* a mirror that is ill is left at once: there are others */
		c.repeat = i + 1 < n ? REPEAT_NO : REPEAT_YES;
		rc = ask(order[i], &c, &want, a, ret, &why);
		if (rc == 0) {
			atomic_store(&rp->chosen, (size_t)(order[i] - rp->v));
			return 0;
		}
		if (remote_check_cancel(rp->r, e) < 0)
			return -(int)DV_UNAVAILABLE;
		if (i + 1 < n)
			note_mirror(rp->r, &why);
	}
	return dv_fail(e, why.kind, "%s", why.msg);
}

int remote_manifest_get(struct remote_repo *rp, const char *ref, struct arena *a, struct remote_manifest *ret,
			struct dv_err *e)
{
	return ask_all(rp, "GET", get_from, ref, a, ret, e);
}

int remote_manifest_head(struct remote_repo *rp, const char *ref, struct arena *a, struct remote_manifest *ret,
			 struct dv_err *e)
{
	return ask_all(rp, "HEAD", head_from, ref, a, ret, e);
}

/* --- put and delete --- */

static int check_put(const struct remote_answer *w, const void *bytes, size_t len, struct dv_err *e)
{
	static const struct digest none = { 0 };
	struct digest got;

	return w->digest ? verify(&none, w, bytes, len, &got, e) : 0;
}

int remote_manifest_put(struct remote_repo *rp, const char *ref, const void *bytes, size_t len, const char *media,
			bool *ret_subject, struct dv_err *e)
{
	auto_arena struct arena a;
	auto_answer struct remote_answer w = { 0 };
	struct remote_endpoint *ep = remote_chosen(rp);
	struct remote_call c = { .q = { .method = "PUT", .data = bytes, .size = len, .has_body = true,
					.commit_stall_ms = REMOTE_COMMIT_STALL_MS },
				 .repeat = REPEAT_YES, .what = "push manifest" };
	struct digest d;
	bool by_digest;
	int rc;

	arena_init(&a, 0);
	if (check_ref(ref, &by_digest, &d, e) < 0)
		return dv_wrap(e, "%s", rp->name);
	if (media[strcspn(media, "\r\n")])
		return dv_fail(e, DV_INVALID, "%s: a media type with line breaks", rp->name);
	c.tail = arena_printf(&a, "manifests/%s", ref);
	c.ref = remote_ref_text(&a, ref);
	c.q.headers[0] = arena_printf(&a, "Content-Type: %s", media);
	rc = remote_call(ep, &c, &a, &w, NULL, NULL, e);
	if (rc < 0)
		return rc;
	if (w.status < 200 || w.status > 202)
		return remote_refused(ep, &c, &w, e);
	if (check_put(&w, bytes, len, e) < 0)
		return remote_wrap(ep, &c, e);
	if (ret_subject)
		*ret_subject = w.subject != NULL;
	return 0;
}

static int delete_tail(struct remote_repo *rp, const char *tail, const char *ref, const char *what, struct arena *a,
		       struct dv_err *e)
{
	auto_answer struct remote_answer w = { 0 };
	struct remote_endpoint *ep = remote_chosen(rp);
	struct remote_call c = { .q = { .method = "DELETE" }, .actions = "*", .repeat = REPEAT_YES, .what = what,
				 .tail = tail, .ref = remote_ref_text(a, ref) };
	int rc = remote_call(ep, &c, a, &w, NULL, NULL, e);

	if (rc < 0)
		return rc;
	return w.status >= 200 && w.status <= 204 ? 0 : remote_refused(ep, &c, &w, e);
}

int remote_manifest_delete(struct remote_repo *rp, const char *ref, struct dv_err *e)
{
	auto_arena struct arena a;
	struct digest d;
	bool by_digest;

	arena_init(&a, 0);
	if (check_ref(ref, &by_digest, &d, e) < 0)
		return dv_wrap(e, "%s", rp->name);
	return delete_tail(rp, arena_printf(&a, "manifests/%s", ref), ref, "delete manifest", &a, e);
}

int remote_blob_delete(struct remote_repo *rp, const struct digest *d, struct dv_err *e)
{
	auto_arena struct arena a;
	char text[DIGEST_TEXT_SIZE];

	arena_init(&a, 0);
	return delete_tail(rp, arena_printf(&a, "blobs/%s", digest_text(d, text)), text, "delete blob", &a, e);
}
