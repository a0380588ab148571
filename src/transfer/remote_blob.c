/* remote_blob.c - blobs from a registry: streamed, resumed where they broke off, never believed. */
#include "base/str.h"
#include "transfer/remote_parts.h"

#define RESTARTS_MAX 1000       /* of one blob, also with progress in between */
#define PROGRESS_BYTES ((uint64_t)4 << 20)      /* so much in one piece gives new patience */

struct fetch {
	remote_sink *sink;
	void *ctx;
	uint64_t size;          /* REMOTE_SIZE_UNKNOWN until an answer says */
	uint64_t at;            /* the sink has everything before */
	uint64_t skip;          /* of this answer: it begins at 0 although more was asked for */
	bool sink_failed;
};

/* "bytes FIRST-LAST/TOTAL"; TOTAL may be "*". */
static bool read_range(const char *text, uint64_t *ret_first, uint64_t *ret_last, uint64_t *ret_total)
{
	const char *p = text ? str_after(text, "bytes ") : NULL;
	struct scan s = p ? scan_of(p, strlen(p)) : scan_of("", 0);

	*ret_total = REMOTE_SIZE_UNKNOWN;
	return scan_u64(&s, ret_first) && scan_char(&s, '-') && scan_u64(&s, ret_last) && scan_char(&s, '/') &&
	       (scan_char(&s, '*') || scan_u64(&s, ret_total)) && s.p == s.end && *ret_last >= *ret_first;
}

static int check_size(struct fetch *f, uint64_t told, struct dv_err *e)
{
	if (f->size == REMOTE_SIZE_UNKNOWN)
		f->size = told;
	if (f->size != told)
		return dv_fail(e, DV_CORRUPT, "the registry has %llu bytes, %llu are wanted", (unsigned long long)told,
			       (unsigned long long)f->size);
	return 0;
}

static int head_of_part(struct fetch *f, const struct remote_answer *w, struct dv_err *e)
{
	uint64_t first, last, total;

	if (!read_range(w->content_range, &first, &last, &total) || first != f->at)
		return dv_fail(e, DV_CORRUPT, "bytes from %llu on were asked for, \"%.80s\" came", (unsigned long long)f->at,
			       w->content_range ? w->content_range : "");
	return total == REMOTE_SIZE_UNKNOWN ? 0 : check_size(f, total, e);
}

static int on_head(void *ctx, const struct remote_answer *w, struct dv_err *e)
{
	struct fetch *f = ctx;
	uint64_t length;

	f->skip = 0;
	if (w->status == 206)
		return head_of_part(f, w, e);
	if (w->status != 200)
		return 0;
	f->skip = f->at;
	return remote_header_u64(w->content_length, &length) ? check_size(f, length, e) : 0;
}

static int on_data(void *ctx, const void *data, size_t len, struct dv_err *e)
{
	struct fetch *f = ctx;
	size_t skip = (size_t)DV_MIN((uint64_t)len, f->skip);
	int rc;

	f->skip -= skip;
	len -= skip;
	if (len == 0)
		return 0;
	if (f->size != REMOTE_SIZE_UNKNOWN && len > f->size - f->at)
		return dv_fail(e, DV_CORRUPT, "more than the %llu bytes that are wanted", (unsigned long long)f->size);
	rc = f->sink(f->ctx, (const char *)data + skip, len, e);
	f->sink_failed = rc < 0;
	f->at += len;
	return rc;
}

/* One answer. 1: all is there; 0: it broke off and may go on, *e says why; negative: it will not. */
static int fetch_part(struct remote_endpoint *ep, struct remote_call *c, struct fetch *f, struct arena *a,
		      uint32_t *ret_after, struct dv_err *e)
{
	auto_answer struct remote_answer w = { 0 };
	enum remote_broken broken;
	int rc;

	*ret_after = 0;
	c->q.headers[0] = f->at > 0 ? arena_printf(a, "Range: bytes=%llu-", (unsigned long long)f->at) : NULL;
	rc = remote_call(ep, c, a, &w, NULL, &broken, e);
	if (rc < 0)
		return broken == BROKEN_FINAL ? rc : 0;
	if (w.status == 200 || w.status == 206) {
		if (f->size == REMOTE_SIZE_UNKNOWN || f->at == f->size)
			return 1;
		(void)dv_fail(e, DV_UNAVAILABLE, "the answer ended at byte %llu of %llu", (unsigned long long)f->at,
			      (unsigned long long)f->size);
		(void)remote_wrap(ep, c, e);
		return 0;
	}
	*ret_after = w.retry_after_ms;
	rc = remote_refused(ep, c, &w, e);
	return remote_status_passes(w.status) ? 0 : rc;
}

/* From one endpoint. */
static int fetch_from(struct remote_endpoint *ep, struct remote_call *c, struct fetch *f, struct arena *a,
		      struct dv_err *e)
{
	unsigned failures = 0;

	for (unsigned i = 0; i < RESTARTS_MAX; i++) {
		uint64_t before = f->at;
		uint32_t after;
		int rc;

		if (f->at == f->size)
			return 0;
		rc = fetch_part(ep, c, f, a, &after, e);
		if (rc != 0)
			return rc < 0 ? rc : 0;
		failures = f->at - before >= PROGRESS_BYTES ? 1 : failures + 1;
		rc = remote_pause(ep->r, failures, after, e);
		if (rc < 0)
			return rc;
	}
	return dv_fail(e, DV_UNAVAILABLE, "%s%s: %s: broke off %d times", ep->name, c->ref, c->what, RESTARTS_MAX);
}

static int check_offset(const char *name, uint64_t offset, uint64_t size, struct dv_err *e)
{
	return offset <= size ? 0 : dv_fail(e, DV_INVALID, "%s: offset %llu is behind the end at %llu", name,
					    (unsigned long long)offset, (unsigned long long)size);
}

int remote_blob_get(struct remote_repo *rp, const struct digest *d, uint64_t size, uint64_t offset, remote_sink *sink,
		    void *ctx, struct dv_err *e)
{
	auto_arena struct arena a;
	struct fetch f = { .sink = sink, .ctx = ctx, .size = size, .at = offset };
	struct remote_call c = { .q = { .method = "GET", .on_head = on_head, .sink = on_data, .sink_ctx = &f },
				 .repeat = REPEAT_NO, .what = "blob" };
	auto_free struct remote_endpoint **order = mem_alloc(mem_mul(rp->n, sizeof *order));
	size_t n = remote_order(rp, true, order);
	char text[DIGEST_TEXT_SIZE];
	int rc = check_offset(rp->name, offset, size, e);

	arena_init(&a, 0);
	if (rc < 0)
		return rc;
	c.tail = arena_printf(&a, "blobs/%s", digest_text(d, text));
	c.ref = arena_printf(&a, "@%s", text);
	rc = -1;
	for (size_t i = 0; i < n && rc < 0; i++) {
		rc = fetch_from(order[i], &c, &f, &a, e);
		if (rc < 0 && (f.sink_failed || atomic_load(&rp->r->cancelled)))
			return rc;
	}
	return rc;
}

int remote_url_get(struct remote *r, const char *url, uint64_t size, uint64_t offset, remote_sink *sink, void *ctx,
		   struct dv_err *e)
{
	auto_arena struct arena a;
	struct fetch f = { .sink = sink, .ctx = ctx, .size = size, .at = offset };
	struct url at;
	struct remote_call c = { .q = { .method = "GET", .on_head = on_head, .sink = on_data, .sink_ctx = &f },
				 .at = &at, .repeat = REPEAT_NO, .what = "foreign layer", .ref = "" };
	struct remote_endpoint ep;
	int rc;

	arena_init(&a, 0);
	rc = url_parse(&a, url, &at, e);
	if (rc == 0)
		rc = check_offset("foreign layer", offset, size, e);
	if (rc < 0)
		return rc;
	if (!streq(at.scheme, "https") && !(streq(at.scheme, "http") && r->o.tls == REMOTE_TLS_INSECURE))
		return dv_fail(e, DV_FORBIDDEN, "foreign layer %.200s: https is wanted", url);
	remote_endpoint_init(&ep, r);
	ep.name = ep.path = url_authority(&a, &at);
	ep.plain = true;
	rc = remote_host_get(r, ep.name, r->o.tls == REMOTE_TLS_INSECURE, &ep.host, e);
	if (rc == 0)
		rc = fetch_from(&ep, &c, &f, &a, e);
	remote_endpoint_done(&ep);
	return rc;
}

/* --- small ones --- */

static int into_buf(void *ctx, const void *data, size_t len, struct dv_err *e)
{
	struct buf *b = ctx;

	buf_add(b, data, len);
	return buf_check(b, "blob", e);
}

int remote_blob_read(struct remote_repo *rp, const struct digest *d, uint64_t size, size_t max, struct arena *a,
		     const char **ret, size_t *ret_len, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(max);
	struct digest got;
	char texts[2][DIGEST_TEXT_SIZE];
	int rc;

	if (size != REMOTE_SIZE_UNKNOWN && size > max)
		return dv_fail(e, DV_LIMIT, "%s@%s: blob of %llu bytes is larger than %zu", rp->name,
			       digest_text(d, texts[0]), (unsigned long long)size, max);
	rc = remote_blob_get(rp, d, size, 0, into_buf, &b, e);
	if (rc < 0)
		return rc;
	digest_of(d->alg, buf_cstr(&b), b.len, &got);
	if (!digest_equal(&got, d))
		return dv_fail(e, DV_CORRUPT, "%s@%s: blob: the content has digest %s", rp->name, digest_text(d, texts[0]),
			       digest_text(&got, texts[1]));
	*ret = arena_strn(a, buf_cstr(&b), b.len);
	*ret_len = b.len;
	return 0;
}

int remote_blob_exists(struct remote_repo *rp, const struct digest *d, bool *ret, uint64_t *ret_size, struct dv_err *e)
{
	auto_arena struct arena a;
	auto_answer struct remote_answer w = { 0 };
	struct remote_endpoint *ep = remote_chosen(rp);
	struct remote_call c = { .q = { .method = "HEAD" }, .repeat = REPEAT_YES, .what = "blob" };
	uint64_t size = REMOTE_SIZE_UNKNOWN;
	char text[DIGEST_TEXT_SIZE];
	int rc;

	arena_init(&a, 0);
	c.tail = arena_printf(&a, "blobs/%s", digest_text(d, text));
	c.ref = arena_printf(&a, "@%s", text);
	rc = remote_call(ep, &c, &a, &w, NULL, NULL, e);
	if (rc < 0)
		return rc;
	if (w.status != 200 && w.status != 404)
		return remote_refused(ep, &c, &w, e);
	(void)remote_header_u64(w.content_length, &size);
	*ret = w.status == 200;
	if (ret_size)
		*ret_size = size;
	return 0;
}
