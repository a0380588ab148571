/* remote_upload.c - blobs to a registry: mounted, in one piece, or in pieces; resumed where the registry is.
 *
 * An upload is a session: POST opens it and says where it goes on (Location,
 * which may change with every answer). When a step breaks, the session is asked
 * how far it is; when it is gone, a new one begins with the source's first byte.
 */
#include "base/str.h"
#include "transfer/remote_parts.h"

#define OCTETS "Content-Type: application/octet-stream"
#define CHUNK_MIN_MAX ((uint64_t)64 << 20)
#define SESSIONS_MAX 100
#define STREAMS_MAX 2           /* that broke: then it goes in pieces */

struct upload {
	struct remote_endpoint *ep;
	const struct remote_source *src;
	const struct digest *d;
	const char *ref;
	struct arena a;
	struct url at;          /* where the session goes on */
	uint64_t size;
	uint64_t done;          /* what the registry has */
	uint64_t read;          /* what the source has given */
	bool pieces;            /* of unknown size, from a source that cannot seek: kept in the chunk */
	char *chunk;            /* bytes [done, done + chunk_len), at chunk_at */
	size_t chunk_size, chunk_at, chunk_len;
	unsigned broken_streams;
	bool ended;             /* the source has */
	bool opened;
};

static struct remote_call call_of(const struct upload *u, const char *method)
{
	return (struct remote_call){ .q = { .method = method, .commit_stall_ms = REMOTE_COMMIT_STALL_MS },
				     .repeat = REPEAT_NO, .what = "push blob", .ref = u->ref };
}

static const char *digest_query(struct arena *a, const char *query, const struct digest *d)
{
	char text[DIGEST_TEXT_SIZE];

	return arena_printf(a, "%s%sdigest=%s", query ? query : "", query && *query ? "&" : "", digest_text(d, text));
}

/* --- sessions --- */

static int take_location(struct upload *u, const struct remote_answer *w, const struct url *from, struct dv_err *e)
{
	struct url at;
	int rc;

	if (!w->location)
		return dv_fail(e, DV_INVALID, "the answer (%ld) has no Location", w->status);
	rc = url_resolve(&u->a, from, w->location, &at, e);
	if (rc < 0)
		return rc;
	if (streq(from->scheme, "https") && !streq(at.scheme, "https") && !u->ep->host->insecure)
		return dv_fail(e, DV_FORBIDDEN, "the upload should go from https to http (%s)", url_authority(&u->a, &at));
	u->at = at;
	return 0;
}

void remote_upload_drop(struct remote_endpoint *ep, const struct remote_answer *w, const struct url *from)
{
	struct upload u = { .ep = ep, .ref = "" };
	struct remote_call c = call_of(&u, "DELETE");
	struct remote_answer answer;

	arena_init(&u.a, 0);
	if (take_location(&u, w, from, NULL) == 0) {
		c.at = &u.at;
		if (remote_call(ep, &c, &u.a, &answer, NULL, NULL, NULL) == 0)
			remote_answer_done(&answer);
	}
	arena_done(&u.a);
}

/* Pieces are not made smaller than the registry wants them. */
static void take_chunk_size(struct upload *u, const struct remote_answer *w)
{
	uint64_t min;

	if (u->chunk)
		return;
	u->chunk_size = REMOTE_CHUNK;
	if (remote_header_u64(w->chunk_min, &min) && min > REMOTE_CHUNK)
		u->chunk_size = (size_t)DV_MIN(min, CHUNK_MIN_MAX);
}

static int open_session(struct upload *u, struct dv_err *e)
{
	auto_answer struct remote_answer w = { 0 };
	struct remote_call c = call_of(u, "POST");
	struct url from;
	int rc;

	c.tail = "blobs/uploads/";
	c.q.has_body = true;
	c.repeat = REPEAT_YES;
	rc = remote_call(u->ep, &c, &u->a, &w, &from, NULL, e);
	if (rc < 0)
		return rc;
	if (w.status != 202)
		return remote_refused(u->ep, &c, &w, e);
	if (take_location(u, &w, &from, e) < 0)
		return remote_wrap(u->ep, &c, e);
	take_chunk_size(u, &w);
	u->done = 0;
	u->opened = true;
	return 0;
}

/* "0-N": N + 1 bytes are there. Nothing, or "0-0" from those that mean nothing by it, is told apart by what was sent. */
static bool read_progress(const char *range, uint64_t *ret)
{
	const char *p = range ? range + (str_starts(range, "bytes=") ? 6 : 0) : "";
	struct scan s = scan_of(p, strlen(p));
	uint64_t first, last;

	if (!scan_u64(&s, &first) || first != 0 || !scan_char(&s, '-') || !scan_u64(&s, &last) || s.p != s.end)
		return false;
	*ret = last == 0 ? 0 : last + 1;
	return true;
}

/* How far is the session? false: it is gone, or says nothing. */
static bool ask_progress(struct upload *u, uint64_t *ret)
{
	auto_answer struct remote_answer w = { 0 };
	struct remote_call c = call_of(u, "GET");
	struct url from, at = u->at;

	c.at = &at;
	if (remote_call(u->ep, &c, &u->a, &w, &from, NULL, NULL) < 0 || w.status != 204 || !read_progress(w.range, ret))
		return false;
	return !w.location || take_location(u, &w, &from, NULL) == 0;
}

/* The source stands at `to`, or the failure that led here stays. */
static int rewind_to(struct upload *u, uint64_t to, struct dv_err *e)
{
	int rc;

	if (u->read == to)
		return 0;
	if (!u->src->seek)
		return -(int)e->kind;
	rc = u->src->seek(u->src->ctx, to, e);
	if (rc < 0)
		return rc;
	u->read = to;
	u->ended = false;
	u->chunk_at = u->chunk_len = 0;
	return 0;
}

/* After a step that broke: go on where the registry is, or from the start. *e is why it broke, and stays when there is
 * no way on. */
static int recover(struct upload *u, struct dv_err *e)
{
	uint64_t has;

	if (u->opened && ask_progress(u, &has)) {
		uint64_t end = u->done + u->chunk_len;

		if (u->pieces && u->read == end && has >= u->done && has <= end) {
			u->chunk_at += (size_t)(has - u->done);
			u->chunk_len -= (size_t)(has - u->done);
			u->done = has;
			return 0;
		}
		if (has == u->read || (has < u->read && u->src->seek)) {
			u->done = has;
			return rewind_to(u, has, e);
		}
	}
	u->opened = false;
	return rewind_to(u, 0, e);
}

/* --- steps: 0, or negative with *ret_again when recover() may help --- */

static int upload_read(void *ctx, void *buf, size_t size, size_t *ret_n, struct dv_err *e)
{
	struct upload *u = ctx;
	int rc = u->src->read(u->src->ctx, buf, size, ret_n, e);

	if (rc == 0) {
		u->read += *ret_n;
		u->ended = *ret_n == 0;
	}
	return rc;
}

/* One answer of the session. A 401 is worth one more look: the token may have ended on the way. */
static int step(struct upload *u, struct remote_call *c, long want, struct remote_answer *w, struct url *from,
		bool *ret_again, uint32_t *ret_after, struct dv_err *e)
{
	enum remote_broken broken;
	struct url at = u->at;
	int rc;

	if (!c->at)
		c->at = &at;
	*ret_after = 0;
	rc = remote_call(u->ep, c, &u->a, w, from, &broken, e);
	if (rc < 0) {
		*ret_again = broken != BROKEN_FINAL;
		return rc;
	}
	if (w->status == want || (want == 201 && w->status >= 200 && w->status <= 204))
		return 0;
	*ret_again = remote_status_passes(w->status) || w->status == 416 || w->status == 404 ||
		     (w->status == 401 && !w->sent_basic);
	*ret_after = w->retry_after_ms;
	return remote_refused(u->ep, c, w, e);
}

static const char *content_range(struct upload *u, uint64_t len)
{
	return arena_printf(&u->a, "Content-Range: %llu-%llu", (unsigned long long)u->done,
			    (unsigned long long)(u->done + len - 1));
}

/* PUT with all that is left (nothing, after pieces). */
static int finish(struct upload *u, bool *ret_again, uint32_t *ret_after, struct dv_err *e)
{
	auto_answer struct remote_answer w = { 0 };
	struct remote_call c = call_of(u, "PUT");
	uint64_t left = u->size == REMOTE_SIZE_UNKNOWN ? 0 : u->size - u->done;
	struct url at = u->at, from;

	at.query = digest_query(&u->a, at.query, u->d);
	c.at = &at;
	c.q.has_body = true;
	c.q.size = left;
	c.q.headers[0] = OCTETS;
	if (left > 0) {
		c.q.read = upload_read;
		c.q.read_ctx = u;
		if (u->done > 0)
			c.q.headers[1] = content_range(u, left);
	}
	return step(u, &c, 201, &w, &from, ret_again, ret_after, e);
}

static int fill_chunk(struct upload *u, struct dv_err *e)
{
	if (u->chunk_len > 0)
		return 0;
	if (!u->chunk)
		u->chunk = mem_alloc(u->chunk_size);
	u->chunk_at = 0;
	while (u->chunk_len < u->chunk_size && !u->ended) {
		size_t n = 0;
		int rc = upload_read(u, u->chunk + u->chunk_len, u->chunk_size - u->chunk_len, &n, e);

		if (rc < 0)
			return rc;
		u->chunk_len += n;
	}
	return 0;
}

/* The registry says how far it is; what it has not taken stays in the chunk. */
static int take_progress(struct upload *u, const struct remote_answer *w, struct dv_err *e)
{
	uint64_t has = u->done + u->chunk_len;

	if (w->range && !read_progress(w->range, &has))
		return dv_fail(e, DV_INVALID, "the answer has the range \"%.60s\"", w->range);
	if (has == 0 && u->done + u->chunk_len == 1)     /* "0-0" */
		has = 1;
	if (has <= u->done || has > u->done + u->chunk_len)
		return dv_fail(e, DV_INVALID, "bytes up to %llu were sent, the registry says \"%.60s\"",
			       (unsigned long long)(u->done + u->chunk_len), w->range ? w->range : "");
	u->chunk_at += (size_t)(has - u->done);
	u->chunk_len -= (size_t)(has - u->done);
	u->done = has;
	return 0;
}

static int send_chunk(struct upload *u, bool *ret_again, uint32_t *ret_after, struct dv_err *e)
{
	auto_answer struct remote_answer w = { 0 };
	struct remote_call c = call_of(u, "PATCH");
	struct url from;
	int rc;

	c.q.has_body = true;
	c.q.data = u->chunk + u->chunk_at;
	c.q.size = u->chunk_len;
	c.q.headers[0] = OCTETS;
	c.q.headers[1] = content_range(u, u->chunk_len);
	rc = step(u, &c, 202, &w, &from, ret_again, ret_after, e);
	if (rc < 0)
		return rc;
	rc = take_progress(u, &w, e);
	if (rc == 0 && w.location)
		rc = take_location(u, &w, &from, e);
	return rc < 0 ? remote_wrap(u->ep, &c, e) : 0;
}

/* All of the source in one PATCH. A registry or proxy that wants to know the length, or less at once, gets pieces. */
static int send_stream(struct upload *u, bool *ret_again, uint32_t *ret_after, struct dv_err *e)
{
	auto_answer struct remote_answer w = { 0 };
	struct remote_call c = call_of(u, "PATCH");
	uint64_t has;
	struct url from;
	int rc;

	c.q.has_body = true;
	c.q.size = REMOTE_SIZE_UNKNOWN;
	c.q.read = upload_read;
	c.q.read_ctx = u;
	c.q.headers[0] = OCTETS;
	rc = step(u, &c, 202, &w, &from, ret_again, ret_after, e);
	if (rc < 0 && (w.status == 411 || w.status == 413 || w.status == 501))
		u->pieces = *ret_again = true;
	/* who refuses without reading often closes before the answer can be read */
	if (rc < 0 && ++u->broken_streams >= STREAMS_MAX)
		u->pieces = true;
	if (rc < 0)
		return rc;
	u->done = u->read;
	if (w.range && (!read_progress(w.range, &has) || (has != u->done && u->done > 1)))
		rc = dv_fail(e, DV_INVALID, "%llu bytes were sent, the registry says \"%.60s\"",
			     (unsigned long long)u->done, w.range);
	if (rc == 0 && w.location)
		rc = take_location(u, &w, &from, e);
	return rc < 0 ? remote_wrap(u->ep, &c, e) : 0;
}

/* The next step. 1: the blob is there. */
static int next_step(struct upload *u, bool *ret_again, uint32_t *ret_after, struct dv_err *e)
{
	int rc;

	*ret_again = false;
	*ret_after = 0;
	if (!u->opened)
		return open_session(u, e);
	if (u->size != REMOTE_SIZE_UNKNOWN) {
		rc = finish(u, ret_again, ret_after, e);
		return rc < 0 ? rc : 1;
	}
	if (!u->pieces && !u->ended)
		return send_stream(u, ret_again, ret_after, e);
	rc = u->pieces ? fill_chunk(u, e) : 0;
	if (rc < 0)
		return rc;
	if (u->chunk_len > 0)
		return send_chunk(u, ret_again, ret_after, e);
	rc = finish(u, ret_again, ret_after, e);
	return rc < 0 ? rc : 1;
}

static int run(struct upload *u, struct dv_err *e)
{
	unsigned failures = 0, total = 0;

	for (;;) {
		uint64_t before = u->done;
		uint32_t after;
		bool again;
		int rc = next_step(u, &again, &after, e);

		if (rc > 0)
			return 0;
		if (rc == 0) {
			failures = u->done > before ? 0 : failures;
			continue;
		}
		if (!again || ++total > SESSIONS_MAX)
			return rc;
		rc = remote_pause(u->ep->r, ++failures, after, e);
		if (rc == 0)
			rc = recover(u, e);
		if (rc < 0)
			return rc;
	}
}

int remote_blob_put(struct remote_repo *rp, const struct digest *d, uint64_t size, const struct remote_source *src,
		    struct dv_err *e)
{
	struct upload u = { .ep = remote_chosen(rp), .src = src, .d = d, .size = size,
			    .pieces = size == REMOTE_SIZE_UNKNOWN && !src->seek };
	char text[DIGEST_TEXT_SIZE];
	int rc;

	arena_init(&u.a, 0);
	u.ref = size == REMOTE_SIZE_UNKNOWN ? "" : arena_printf(&u.a, "@%s", digest_text(d, text));
	rc = run(&u, e);
	free(u.chunk);
	arena_done(&u.a);
	return rc;
}

/* --- mount --- */

int remote_blob_mount(struct remote_repo *rp, const struct digest *d, const char *from_path, bool *ret_mounted,
		      struct dv_err *e)
{
	auto_arena struct arena a;
	auto_buf struct buf tail = BUF_INIT(URL_MAX);
	auto_answer struct remote_answer w = { 0 };
	struct remote_endpoint *ep = remote_chosen(rp);
	struct remote_call c = { .q = { .method = "POST", .has_body = true }, .repeat = REPEAT_YES, .what = "mount blob" };
	char text[DIGEST_TEXT_SIZE];
	struct url from;
	int rc;

	arena_init(&a, 0);
	buf_printf(&tail, "blobs/uploads/?mount=%s&from=", digest_text(d, text));
	url_encode(&tail, from_path, strlen(from_path), "/");
	c.tail = buf_cstr(&tail);
	c.ref = arena_printf(&a, "@%s", text);
	c.also_scope = arena_printf(&a, "repository:%s:pull", from_path);
	rc = remote_call(ep, &c, &a, &w, &from, NULL, e);
	if (rc < 0)
		return rc;
	if (w.status >= 500 || w.status == 429)
		return remote_refused(ep, &c, &w, e);
	if (w.status == 202)
		remote_upload_drop(ep, &w, &from);
	*ret_mounted = w.status == 201;
	return 0;
}
