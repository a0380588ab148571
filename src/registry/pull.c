/* pull.c - manifests and blobs on their way out. On job threads. */
#include "base/fd.h"
#include "base/str.h"
#include "registry/ask.h"

/* A HEAD or GET of a blob that a manifest may soon refer to: the collector's grace begins anew, at most so often. */
#define TOUCH_PART 4
#define CONTENT_TTL "max-age=31536000, immutable"

static const char *etag(struct ask *q, const char *digest)
{
	return arena_printf(&q->arena, "\"%s\"", digest);
}

int pull_manifest(struct ask *q, struct image_store *s, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(DOCUMENT_BYTES_MAX + 1);
	struct meta_manifest *m = &q->manifest;
	char text[DIGEST_TEXT_SIZE];
	int rc = meta_manifest_find(s, &q->arena, &q->route, m, e);

	if (rc == -DV_NOT_FOUND)
		return ask_problem(q, PROBLEM_MANIFEST_UNKNOWN, q->route.tag[0] ? q->route.tag : NULL);
	if (rc == 0)
		rc = blob_read(s, &m->digest, &b, e);
	if (rc < 0)
		return rc;
	m->size = b.len;
	q->cacheable = true;
	q->answer.status = 200;
	q->answer.len = b.len;
	q->answer.body = arena_strn(&q->arena, buf_cstr(&b), b.len);
	const char *digest = arena_str(&q->arena, digest_text(&m->digest, text));
	ask_header(q, "content-type", m->media_type);
	ask_header(q, "docker-content-digest", digest);
	ask_header(q, "etag", etag(q, digest));
	return 0;
}

static void blob_touch(struct ask *q, struct image_store *s, int64_t used)
{
	int64_t part = (int64_t)q->g->o.gc_grace_s / TOUCH_PART;

	/* Of no interest to this request when it fails. */
	if (used + part < (int64_t)time(NULL))
		dv_ignore(meta_blob_touch(s, q->route.name, &q->route.digest, NULL));
}

int pull_blob(struct ask *q, struct image_store *s, struct dv_err *e)
{
	struct answer *a = &q->answer;
	char text[DIGEST_TEXT_SIZE];
	uint64_t size = 0, first = 0, len = 0;
	int64_t used = 0;
	int rc = meta_blob_find(s, q->route.name, &q->route.digest, &size, &used, e);

	if (rc == 0)
		rc = blob_open(s, &q->route.digest, &a->fd, &size, e);
	if (rc == -DV_NOT_FOUND)
		return ask_problem(q, PROBLEM_BLOB_UNKNOWN, digest_text(&q->route.digest, text));
	if (rc < 0)
		return rc;
	blob_touch(q, s, used);
	enum http_range range = q->method == HTTP_GET ? blob_range_parse(q->range, size, &first, &len) : HTTP_RANGE_NONE;
	if (range == HTTP_RANGE_BAD) {
		ask_header(q, "content-range", arena_printf(&q->arena, "bytes */%llu", (unsigned long long)size));
		return ask_problem(q, PROBLEM_RANGE_UNSATISFIABLE, q->range);
	}
	if (range == HTTP_RANGE_ONE)
		ask_header(q, "content-range", arena_printf(&q->arena, "bytes %llu-%llu/%llu", (unsigned long long)first,
							    (unsigned long long)(first + len - 1), (unsigned long long)size));
	a->status = range == HTTP_RANGE_ONE ? 206 : 200;
	a->offset = first;
	a->n = range == HTTP_RANGE_ONE ? len : size;
	a->head_only = q->method == HTTP_HEAD;
	const char *digest = arena_str(&q->arena, digest_text(&q->route.digest, text));
	ask_header(q, "content-type", "application/octet-stream");
	ask_header(q, "docker-content-digest", digest);
	ask_header(q, "etag", etag(q, digest));
	ask_header(q, "accept-ranges", "bytes");
	ask_header(q, "cache-control", CONTENT_TTL);
	return 0;
}
