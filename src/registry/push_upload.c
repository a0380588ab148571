/* push_upload.c - POST, GET, PATCH, PUT and DELETE of uploads: which one is meant, and whose it is. */
#include "base/str.h"
#include "registry/push_parts.h"

#define MOUNT_REPOS_MAX 100

/* --- an upload that exists --- */

static void serve(struct ask *q)
{
	switch (q->method) {
	case HTTP_GET:
		push_progress(q, q->upload);
		push_reply(q, 204);
		break;
	case HTTP_DELETE:
		ask_submit(q, push_remove, push_removed);
		break;
	default:
		push_receive(q);
	}
}

static bool own(struct ask *q, struct upload *u)
{
	if (!streq(u->repo, q->route.name)) {
		ask_refuse(q, PROBLEM_UPLOAD_UNKNOWN, q->route.upload);
		return false;
	}
	if (u->owner && q->method == HTTP_GET) {        /* a look needs no owner */
		push_progress(q, u);
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
		push_reply(q, 0);
	} else if (q->upload_ends) {
		push_receive(q);
	} else {
		push_progress(q, q->upload);
		push_reply(q, 202);
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
		push_created(q);
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
