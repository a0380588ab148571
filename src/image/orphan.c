/* orphan.c - what an image that goes may leave behind: found, locked, taken out of the rows, moved away.
 *
 * Beginning with what the image used, the list grows by what manifests on it refer to and by what
 * has one of them as its subject: everything that may become unreferenced now. Each is locked, so that
 * nobody holds it; inside the transaction those that nothing refers to any more go, manifests before their
 * parts. All of it happens under images.lock.
 */
#include <errno.h>
#include <sys/file.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "image/store_parts.h"

#define LOCKS_MAX 256   /* descriptors at once; the rest goes in further rounds */

/* Nothing refers to the blob: the collector asks the same. */
#define LOOSE_BLOB \
	" AND NOT EXISTS (SELECT 1 FROM image_layers x WHERE x.blob = blobs.id)" \
	" AND NOT EXISTS (SELECT 1 FROM image_blobs x WHERE x.blob = blobs.id)" \
	" AND NOT EXISTS (SELECT 1 FROM pins x WHERE x.blob = blobs.id)" \
	" AND NOT EXISTS (SELECT 1 FROM names x WHERE x.manifest = blobs.id)" \
	" AND NOT EXISTS (SELECT 1 FROM manifest_refs x WHERE x.digest = blobs.digest)" \
	" AND NOT EXISTS (SELECT 1 FROM manifests m JOIN blobs t ON t.digest = m.subject WHERE m.id = blobs.id)"
#define LOOSE_LAYER " AND NOT EXISTS (SELECT 1 FROM image_layers x WHERE x.layer = layers.id)"

void orphans_init(struct orphans *o, struct arena *a)
{
	*o = (struct orphans){ .a = a };
	o->end = &o->first;
}

static void orphans_unlock(struct orphans *o)
{
	for (struct orphan *x = o->first; x; x = x->next)
		fd_close(&x->fd);
	o->n_locked = 0;
}

void orphans_done(struct orphans *o)
{
	orphans_unlock(o);
}

void orphans_add(struct orphans *o, const char *key, const char *diff_id, int64_t before)
{
	for (const struct orphan *x = o->first; x; x = x->next)
		if (streq(x->key, key))
			return;
	struct orphan *x = arena_new(o->a, struct orphan);

	*x = (struct orphan){ .key = arena_str(o->a, key), .diff_id = diff_id ? arena_str(o->a, diff_id) : NULL,
			      .before = before, .fd = -1 };
	*o->end = x;
	o->end = &x->next;
}

static int add_rows(struct image_store *s, struct orphans *o, const char *sql, const char *arg, struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, sql, "t", arg);

	while (rc >= 0 && (rc = db_row(q, e)) > 0)
		orphans_add(o, db_text(q, 0), db_text(q, 1), INT64_MAX);
	return rc;
}

int orphans_of_image(struct image_store *s, struct orphans *o, const char *id, struct dv_err *e)
{
	int rc = add_rows(s, o, "SELECT l.dir, l.diff_id FROM images i JOIN image_layers il ON il.image = i.id"
				" JOIN layers l ON l.id = il.layer WHERE i.digest = ?", id, e);

	if (rc == 0)
		rc = add_rows(s, o, "SELECT b.digest, NULL FROM images i JOIN image_blobs ib ON ib.image = i.id"
				    " JOIN blobs b ON b.id = ib.blob WHERE i.digest = ?", id, e);
	if (rc == 0)
		rc = add_rows(s, o, "SELECT b.digest, NULL FROM images i JOIN image_layers il ON il.image = i.id"
				    " JOIN blobs b ON b.id = il.blob WHERE i.digest = ?", id, e);
	return rc < 0 ? rc :
	       add_rows(s, o, "SELECT b.digest, NULL FROM images i JOIN names n ON n.image = i.id"
			      " JOIN blobs b ON b.id = n.manifest WHERE i.digest = ?", id, e);
}

int orphans_of_name(struct image_store *s, struct orphans *o, const char *name, struct dv_err *e)
{
	return add_rows(s, o, "SELECT b.digest, NULL FROM names n JOIN blobs b ON b.id = n.manifest WHERE n.name = ?", name, e);
}

/* The list grows while it is walked. */
static int add_parts(struct image_store *s, struct orphans *o, struct dv_err *e)
{
	int rc = 0;

	for (struct orphan *x = o->first; x && rc == 0; x = x->next) {
		if (x->diff_id)
			continue;
		rc = add_rows(s, o, "SELECT c.digest, NULL FROM blobs b JOIN manifest_refs r ON r.manifest = b.id"
				    " JOIN blobs c ON c.digest = r.digest WHERE b.digest = ?", x->key, e);
		if (rc == 0)
			rc = add_rows(s, o, "SELECT b.digest, NULL FROM manifests m JOIN blobs b ON b.id = m.id"
					    " WHERE m.subject = ?", x->key, e);
	}
	return rc;
}

/* --- locks --- */

static int path_of(const struct orphan *x, char out[STORE_PATH_SIZE], struct dv_err *e)
{
	struct digest d;

	if (x->diff_id) {
		if (strlen(x->key) >= STORE_PATH_SIZE)
			return dv_fail(e, DV_CORRUPT, "engine.db: layer at %.80s", x->key);
		memcpy(out, x->key, strlen(x->key) + 1);
		return 0;
	}
	int rc = digest_parse(x->key, &d, e);
	if (rc == 0)
		(void)store_blob_path(&d, out);
	return rc;
}

/* One that is held stays. One whose file has gone is free to go. */
static int lock_one(struct image_store *s, struct orphan *x, struct dv_err *e)
{
	char path[STORE_PATH_SIZE];
	int rc = path_of(x, path, e);

	x->tried = true;
	if (rc < 0)
		return rc;
	rc = file_open(s->rootfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &x->fd, e);
	x->lost = rc == -DV_NOT_FOUND;
	if (rc < 0)
		return x->lost ? 0 : rc;
	rc = file_lock(x->fd, true, false, path, NULL);
	x->held = rc < 0;
	if (x->held)
		fd_close(&x->fd);
	return 0;
}

/* 1 while some are left. */
static int lock_next(struct image_store *s, struct orphans *o, struct dv_err *e)
{
	bool any = false;

	orphans_unlock(o);
	for (struct orphan *x = o->first; x; x = x->next) {
		if (x->tried)
			continue;
		if (o->n_locked == LOCKS_MAX)
			return 1;
		int rc = lock_one(s, x, e);
		if (rc < 0)
			return rc;
		o->n_locked++;
		any = true;
	}
	return any ? 1 : 0;
}

int orphans_lock(struct image_store *s, struct orphans *o, struct dv_err *e)
{
	int rc = lock_next(s, o, e);

	return rc < 0 ? rc : 0;
}

int orphans_prepare(struct image_store *s, struct orphans *o, struct dv_err *e)
{
	int rc = add_parts(s, o, e);

	return rc < 0 ? rc : orphans_lock(s, o, e);
}

/* --- rows and files --- */

static int delete_row(struct image_store *s, struct orphan *x, struct dv_err *e)
{
	int rc;

	if (x->diff_id)
		rc = db_exec(s->db, e, "DELETE FROM layers WHERE dir = ?" LOOSE_LAYER, "t", x->key);
	else
		rc = db_exec(s->db, e, "DELETE FROM blobs WHERE digest = ? AND created < ?" LOOSE_BLOB, "ti", x->key,
			     x->before);
	if (rc > 0)
		x->gone = true;
	return rc;
}

int orphans_rows(struct image_store *s, struct orphans *o, struct dv_err *e)
{
	for (bool more = true; more;) {
		more = false;
		for (struct orphan *x = o->first; x; x = x->next) {
			if (x->gone || (x->fd < 0 && !x->lost))
				continue;
			int rc = delete_row(s, x, e);
			if (rc < 0)
				return rc;
			more = more || rc > 0;
		}
	}
	return 0;
}

int orphans_files(struct image_stage *st, struct orphans *o, struct dv_err *e)
{
	char path[STORE_PATH_SIZE];
	int rc = 0;

	for (struct orphan *x = o->first; x && rc == 0; x = x->next) {
		if (!x->gone || x->moved)
			continue;
		rc = path_of(x, path, e);
		if (rc == 0)
			rc = stage_trash(st, path, e);
		x->moved = rc == 0;
	}
	return rc;
}

int orphans_rest(struct image_stage *st, struct orphans *o, struct dv_err *e)
{
	struct image_store *s = stage_store(st);
	int rc = orphans_files(st, o, e);

	while (rc == 0 && (rc = lock_next(s, o, e)) > 0) {
		rc = db_begin(s->db, e);
		if (rc == 0)
			rc = store_end(s, true, orphans_rows(s, o, e), e);
		if (rc == 0)
			rc = orphans_files(st, o, e);
	}
	return rc;
}
