/* push_body.c - the bytes of an upload on their way in, and what becomes of it at their end.
 *
 * One buffer fills while a job writes the other; when both are full the client waits.
 */
#include "base/str.h"
#include "registry/push_parts.h"

/* --- what all answers have --- */

static void location(struct ask *q, const char *id)
{
	ask_header(q, "location", arena_printf(&q->arena, "/v2/%s/blobs/uploads/%s", q->route.name, id));
	ask_header(q, "docker-upload-uuid", arena_str(&q->arena, id));
}

/* Where the upload stands. An empty one says 0-0, as every registry does. */
void push_progress(struct ask *q, const struct upload *u)
{
	uint64_t size = u->owner == q ? u->committed : u->shown, last = size ? size - 1 : 0;

	location(q, u->id);
	ask_header(q, "range", arena_printf(&q->arena, "0-%llu", (unsigned long long)last));
}

/* Answer, and let others have the upload. */
void push_reply(struct ask *q, int status)
{
	q->answer.status = status;
	if (q->upload)
		upload_release(q);
	ask_send(q);
}

void push_created(struct ask *q)
{
	char text[DIGEST_TEXT_SIZE];
	const char *digest = arena_str(&q->arena, digest_text(&q->digest, text));

	ask_header(q, "location", arena_printf(&q->arena, "/v2/%s/blobs/%s", q->route.name, digest));
	ask_header(q, "docker-content-digest", digest);
	push_reply(q, 201);
}

static void refuse(struct ask *q, enum problem p, const char *detail)
{
	(void)ask_problem(q, p, detail);
	push_reply(q, 0);
}

/* --- the end of a body --- */

static int patch_work(struct ask *q, struct image_store *s, struct dv_err *e)
{
	(void)s;
	return upload_commit(q->upload, uploads_dirfd(q->g->uploads), e);
}

static void patch_then(struct ask *q)
{
	if (q->answer.problem) {
		push_reply(q, 0);
		return;
	}
	push_progress(q, q->upload);
	push_reply(q, 202);
}

static int put_work(struct ask *q, struct image_store *s, struct dv_err *e)
{
	struct upload *u = q->upload;
	int dirfd = uploads_dirfd(q->g->uploads);
	char text[DIGEST_TEXT_SIZE];
	struct digest have;
	int rc = upload_digest(u, dirfd, q->digest.alg, &have, e);

	if (rc < 0)
		return rc;
	u->gone = true;
	if (!digest_equal(&have, &q->digest)) {
		upload_remove_files(u->id, dirfd, true);
		return ask_problem(q, PROBLEM_DIGEST_INVALID, digest_text(&q->digest, text));
	}
	rc = meta_blob_add(s, u->repo, &have, u->size, dirfd, u->id, e);
	if (rc < 0) {
		u->gone = false;        /* it is all there: the client may ask again */
		return rc;
	}
	upload_remove_files(u->id, dirfd, true);
	return 0;
}

static void put_then(struct ask *q)
{
	if (q->answer.problem) {
		q->g->metrics.uploads_failed++;
		push_reply(q, 0);
		return;
	}
	q->g->metrics.uploads_done++;
	push_created(q);
}

static void body_ended(struct ask *q)
{
	q->upload->receiving = false;
	if (q->upload_ends)
		ask_submit(q, put_work, put_then);
	else
		ask_submit(q, patch_work, patch_then);
}

/* --- removal --- */

void push_removed(struct ask *q)
{
	push_reply(q, q->answer.problem ? 0 : 204);
}

int push_remove(struct ask *q, struct image_store *s, struct dv_err *e)
{
	(void)s;
	(void)e;
	q->upload->gone = true;
	upload_remove_files(q->upload->id, uploads_dirfd(q->g->uploads), true);
	return 0;
}

/* --- a body --- */

static void write_start(struct ask *q);

static int write_work(struct ask *q, struct image_store *s, struct dv_err *e)
{
	(void)s;
	return upload_write(q->upload, uploads_dirfd(q->g->uploads), e);
}

static void write_then(struct ask *q)
{
	struct upload *u = q->upload;

	u->writing = false;
	if (q->answer.problem) {
		u->receiving = false;
		ask_submit(q, push_remove, push_removed);
		return;
	}
	if (u->fill.len >= UPLOAD_CHUNK || (u->ended && u->fill.len))
		write_start(q);
	else if (u->ended)
		body_ended(q);
	if (u->paused && u->fill.len < UPLOAD_CHUNK && q->call) {
		u->paused = false;
		http_call_resume_body(q->call);
	}
}

static void write_start(struct ask *q)
{
	struct upload *u = q->upload;
	struct buf empty = u->drain;

	u->drain = u->fill;
	u->fill = empty;
	buf_reset(&u->fill);
	u->writing = true;
	ask_submit(q, write_work, write_then);
}

/* More than was announced, or a stream without end. What is being written goes first. */
static void body_too_large(struct ask *q)
{
	q->upload->receiving = false;
	(void)ask_problem(q, PROBLEM_TOO_LARGE, NULL);
	if (!q->upload->writing)
		ask_submit(q, push_remove, push_removed);
}

void push_on_data(void *state, struct http_call *c, const void *p, size_t n)
{
	struct ask *q = state;
	struct upload *u = q->upload;

	if (!u || !u->receiving)
		return;         /* refused meanwhile */
	q->g->metrics.received_bytes += n;
	if (n > q->room) {
		body_too_large(q);
		return;
	}
	q->room -= n;
	buf_add(&u->fill, p, n);
	if (u->fill.len < UPLOAD_CHUNK)
		return;
	if (!u->writing) {
		write_start(q);
	} else if (!u->paused) {
		u->paused = true;
		http_call_pause_body(c);
	}
}

static void body_complete(struct ask *q)
{
	struct upload *u = q->upload;

	u->ended = true;
	if (u->writing)
		return;
	if (u->fill.len)
		write_start(q);
	else
		body_ended(q);
}

void push_on_end(void *state, struct http_call *c)
{
	struct ask *q = state;

	(void)c;
	q->body_ended = true;
	if (q->upload && q->upload->receiving)
		body_complete(q);
}

/* Whether a chunk is the next one, and as long as it says. */
static bool chunk_fits(struct ask *q)
{
	uint64_t first, last;

	if (!content_range_parse(q->content_range, &first, &last) || first != q->upload->committed) {
		push_progress(q, q->upload);
		refuse(q, PROBLEM_UPLOAD_RANGE, q->content_range);
		return false;
	}
	if (q->body_length >= 0 && (uint64_t)q->body_length != last - first + 1) {
		refuse(q, PROBLEM_SIZE_INVALID, q->content_range);
		return false;
	}
	return true;
}

void push_receive(struct ask *q)
{
	struct upload *u = q->upload;
	uint64_t room = q->g->o.upload_max_bytes > u->size ? q->g->o.upload_max_bytes - u->size : 0;

	if (q->content_range && !chunk_fits(q))
		return;
	if (q->body_length > 0 && (uint64_t)q->body_length > room) {
		refuse(q, PROBLEM_TOO_LARGE, NULL);
		return;
	}
	if (u->size == 0) {
		digest_begin(&u->hash, q->digest.alg ? q->digest.alg : DIGEST_SHA256);
		u->hash_committed = u->hash;
		u->hashed = true;
	}
	q->room = room;
	u->chunk = q->content_range;
	u->stream_marked = false;
	u->receiving = true;
	if (q->body_ended)      /* an empty one */
		body_complete(q);
	else
		http_call_resume_body(q->call);
}
