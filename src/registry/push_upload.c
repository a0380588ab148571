/* push_upload.c - POST, GET, PATCH, PUT and DELETE of uploads: what a client may do with one, step by step. */
#include <stdio.h>

#include "base/fd.h"
#include "base/str.h"
#include "registry/uploads.h"

#define MOUNT_REPOS_MAX 100

/* --- what all answers have --- */

static void location(struct ask *q, const char *id)
{
	ask_header(q, "location", arena_printf(&q->arena, "/v2/%s/blobs/uploads/%s", q->route.name, id));
	ask_header(q, "docker-upload-uuid", arena_str(&q->arena, id));
}

/* Where the upload stands. An empty one says 0-0, as every registry does. */
static void progress(struct ask *q, const struct upload *u)
{
	uint64_t size = u->owner == q ? u->committed : u->shown, last = size ? size - 1 : 0;

	location(q, u->id);
	ask_header(q, "range", arena_printf(&q->arena, "0-%llu", (unsigned long long)last));
}

/* Answer, and let others have the upload. */
static void reply(struct ask *q, int status)
{
	q->answer.status = status;
	if (q->upload)
		upload_release(q);
	ask_send(q);
}

static void created(struct ask *q)
{
	char text[DIGEST_TEXT_SIZE];
	const char *digest = arena_str(&q->arena, digest_text(&q->digest, text));

	ask_header(q, "location", arena_printf(&q->arena, "/v2/%s/blobs/%s", q->route.name, digest));
	ask_header(q, "docker-content-digest", digest);
	reply(q, 201);
}

static void refuse(struct ask *q, enum problem p, const char *detail)
{
	(void)ask_problem(q, p, detail);
	reply(q, 0);
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
		reply(q, 0);
		return;
	}
	progress(q, q->upload);
	reply(q, 202);
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
		reply(q, 0);
		return;
	}
	q->g->metrics.uploads_done++;
	created(q);
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

static void delete_then(struct ask *q)
{
	reply(q, q->answer.problem ? 0 : 204);
}

static int delete_work(struct ask *q, struct image_store *s, struct dv_err *e)
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
		ask_submit(q, delete_work, delete_then);
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
		ask_submit(q, delete_work, delete_then);
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
		progress(q, q->upload);
		refuse(q, PROBLEM_UPLOAD_RANGE, q->content_range);
		return false;
	}
	if (q->body_length >= 0 && (uint64_t)q->body_length != last - first + 1) {
		refuse(q, PROBLEM_SIZE_INVALID, q->content_range);
		return false;
	}
	return true;
}

static void receive(struct ask *q)
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

/* --- an upload that exists --- */

static void serve(struct ask *q)
{
	switch (q->method) {
	case HTTP_GET:
		progress(q, q->upload);
		reply(q, 204);
		break;
	case HTTP_DELETE:
		ask_submit(q, delete_work, delete_then);
		break;
	default:
		receive(q);
	}
}

static bool own(struct ask *q, struct upload *u)
{
	if (!streq(u->repo, q->route.name)) {
		ask_refuse(q, PROBLEM_UPLOAD_UNKNOWN, q->route.upload);
		return false;
	}
	if (u->owner && q->method == HTTP_GET) {        /* a look needs no owner */
		progress(q, u);
		q->answer.status = 204;
		ask_send(q);
		return false;
	}
	if (u->owner) {
		ask_refuse(q, PROBLEM_UPLOAD_BUSY, q->route.upload);
		return false;
	}
	u->owner = q;
	q->upload = u;
	return true;
}

/* Of an earlier process. */
static int load_work(struct ask *q, struct image_store *s, struct dv_err *e)
{
	int rc = upload_read_info(&q->arena, uploads_dirfd(q->g->uploads), q->route.upload, &q->info, e);

	(void)s;
	return rc == -DV_NOT_FOUND ? ask_problem(q, PROBLEM_UPLOAD_UNKNOWN, q->route.upload) : rc;
}

static void load_then(struct ask *q)
{
	struct upload *u = q->answer.problem ? NULL : upload_find(q->g->uploads, q->route.upload);

	if (q->answer.problem) {
		ask_send(q);
		return;
	}
	if (!u) {
		u = upload_add(q->g, q->route.upload, q->info.repo, q->info.peer);
		if (!u) {
			ask_refuse(q, PROBLEM_TOO_MANY, "uploads");
			return;
		}
		u->size = u->committed = q->info.committed;
	}
	if (own(q, u))
		serve(q);
}

static void start_existing(struct ask *q)
{
	struct upload *u = upload_find(q->g->uploads, q->route.upload);

	if (!u)
		ask_submit(q, load_work, load_then);
	else if (own(q, u))
		serve(q);
}

/* --- a new one --- */

static int create_work(struct ask *q, struct image_store *s, struct dv_err *e)
{
	int rc = upload_create(q->upload, uploads_dirfd(q->g->uploads), e);

	(void)s;
	if (rc < 0)
		q->upload->gone = true;
	return rc;
}

static void create_then(struct ask *q)
{
	if (q->answer.problem) {
		reply(q, 0);
	} else if (q->upload_ends) {
		receive(q);
	} else {
		progress(q, q->upload);
		reply(q, 202);
	}
}

static void start_new(struct ask *q)
{
	char id[ROUTE_UPLOAD_SIZE];

	upload_new_id(id);
	struct upload *u = upload_add(q->g, id, q->route.name, q->peer);
	if (!u) {
		ask_refuse(q, PROBLEM_TOO_MANY, "uploads");
		return;
	}
	u->owner = q;
	q->upload = u;
	ask_submit(q, create_work, create_then);
}

/* --- mounts --- */

static int mount_work(struct ask *q, struct image_store *s, struct dv_err *e)
{
	int rc = meta_blob_link(s, q->route.name, &q->digest, e);

	q->mounted = rc == 0;
	return rc == -DV_NOT_FOUND ? 0 : rc;
}

static void mount_then(struct ask *q)
{
	if (q->answer.problem)
		ask_send(q);
	else if (q->mounted)
		created(q);
	else
		start_new(q);
}

/* Which repositories have the blob: one that this user may pull from is enough. */
static int mount_look(struct ask *q, struct image_store *s, struct dv_err *e)
{
	return meta_blob_repos(s, &q->arena, &q->digest, MOUNT_REPOS_MAX, &q->mount_repos, e);
}

static bool may_mount(const struct ask *q, const char *from)
{
	for (const char **r = q->mount_repos; *r; r++)
		if ((!from || streq(*r, from)) && auth_actions(q->g->auth, &q->who, *r) & ACTION_PULL)
			return true;
	/* A blob that only the engine has: where everybody may do everything. */
	return !from && !auth_needed(q->g->auth);
}

static void mount_looked(struct ask *q)
{
	const char *from = ask_param(q, "from");

	if (q->answer.problem)
		ask_send(q);
	else if (may_mount(q, from && *from ? from : NULL))
		ask_submit(q, mount_work, mount_then);
	else
		start_new(q);
}

/* --- public --- */

/* A digest of the query; false when it is not valid: answered. */
static bool digest_param(struct ask *q, const char *name, bool *ret_has)
{
	const char *text = ask_param(q, name);

	*ret_has = text;
	if (!text || digest_parse(text, &q->digest, NULL) == 0)
		return true;
	ask_refuse(q, PROBLEM_DIGEST_INVALID, text);
	return false;
}

static void start_post(struct ask *q)
{
	bool mount = false;
	const char *text = ask_param(q, "mount");

	/* A mount that cannot be is an ordinary upload. */
	mount = text && digest_parse(text, &q->digest, NULL) == 0;
	if (mount) {
		ask_submit(q, mount_look, mount_looked);
		return;
	}
	if (digest_param(q, "digest", &q->upload_ends))
		start_new(q);
}

void push_start(struct ask *q)
{
	if (q->route.kind == ROUTE_UPLOADS) {
		start_post(q);
		return;
	}
	if (q->method == HTTP_PUT) {
		if (!digest_param(q, "digest", &q->upload_ends))
			return;
		if (!q->upload_ends) {
			ask_refuse(q, PROBLEM_DIGEST_INVALID, "the digest is missing");
			return;
		}
	}
	start_existing(q);
}
