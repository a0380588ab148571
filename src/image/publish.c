/* publish.c - make what was staged visible: files into place, then all rows in one transaction.
 *
 * Both happen under images.lock, after everything was synced. A crash between the
 * two leaves files without rows, and a dead stage that makes the next writer look
 * for them.
 */
#include <errno.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/store_parts.h"

/* --- files --- */

/* Into place, unless the store has it: then ours stays in the stage and goes with it. Something there
 * without a row is the leftover of a crash. */
static int place_one(struct image_stage *st, unsigned no, struct dv_err *e)
{
	const struct staged *x = &st->v[no];
	char name[16], path[STORE_PATH_SIZE];
	bool has = false;
	int rc = x->layer ? image_store_has_layer(st->store, &x->name, &has, e)
			  : image_store_has_blob(st->store, &x->name, &has, e);

	if (rc < 0 || has)
		return rc;
	if (x->layer)
		store_layer_path(&x->name, path);
	else
		store_blob_path(&x->name, path);
	rc = stage_trash(st, path, e);
	staged_name(no, name);
	if (rc == 0 && renameat(st->fd, name, st->store->rootfd, path) < 0)
		return dv_fail_errno(e, errno, "move %s into place", path);
	return rc;
}

static int dirs_sync(struct image_store *s, struct dv_err *e)
{
	static const char *const dirs[] = { "layers", "blobs/sha256", "blobs/sha512" };

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		auto_close int fd = -1;
		int rc = file_open(s->rootfd, dirs[i], O_RDONLY | O_DIRECTORY, 0, &fd, e);

		if (rc < 0)
			return rc;
		if (fsync(fd) < 0)
			return dv_fail_errno(e, errno, "sync %s", dirs[i]);
	}
	return 0;
}

static int place_all(struct image_stage *st, struct dv_err *e)
{
	int rc = 0;

	for (unsigned i = 0; i < st->n && rc == 0; i++)
		if (st->v[i].done)
			rc = place_one(st, i, e);
	return rc < 0 || st->n == 0 ? rc : dirs_sync(st->store, e);
}

/* --- rows --- */

static int record_staged(struct image_stage *st, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE], path[STORE_PATH_SIZE];

	for (unsigned i = 0; i < st->n; i++) {
		const struct staged *x = &st->v[i];
		int rc = 0;

		if (!x->done)
			continue;
		if (x->layer)
			rc = db_exec(st->store->db, e, "INSERT OR IGNORE INTO layers (dir, diff_id, size, driver) VALUES (?, ?, ?, ?)",
				     "ttit", store_layer_path(&x->name, path), digest_text(&x->diff_id, text),
				     (int64_t)x->size, x->driver ? x->driver : "dirs");
		else
			rc = db_exec(st->store->db, e, "INSERT OR IGNORE INTO blobs (digest, size, created)"
						       " VALUES (?, ?, unixepoch())", "ti",
				     digest_text(&x->name, text), (int64_t)x->size);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The row id of a key, CONFLICT when it has gone. */
static int row_of(struct db *db, const char *sql, const char *key, int64_t *ret, struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(db, &q, e, sql, "t", key);

	if (rc == 0)
		rc = db_row(q, e);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return dv_fail(e, DV_CONFLICT, "%s was removed meanwhile", key);
	*ret = db_i64(q, 0);
	return 0;
}

static int record_blob(struct db *db, int64_t image, const struct digest *d, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	int64_t blob = 0;
	int rc = row_of(db, "SELECT id FROM blobs WHERE digest = ?", digest_text(d, text), &blob, e);

	if (rc == 0)
		rc = db_exec(db, e, "INSERT OR IGNORE INTO image_blobs VALUES (?, ?)", "ii", image, blob);
	return rc < 0 ? rc : 0;
}

static int record_layer(struct db *db, int64_t image, size_t idx, const struct image_record_layer *l, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE], path[STORE_PATH_SIZE];
	int64_t blob = 0, layer = 0;
	int rc = row_of(db, "SELECT id FROM blobs WHERE digest = ?", digest_text(&l->blob, text), &blob, e);

	if (rc == 0)
		rc = row_of(db, "SELECT id FROM layers WHERE dir = ?", store_layer_path(&l->dir, path), &layer, e);
	if (rc == 0)
		rc = db_exec(db, e, "UPDATE blobs SET diff_id = ? WHERE id = ?", "ti", digest_text(&l->diff_id, text),
			     blob);
	if (rc >= 0)
		rc = db_exec(db, e, "INSERT INTO image_layers VALUES (?, ?, ?, ?, ?)", "iiiit", image, (int64_t)idx,
			     layer, blob, l->media_type);
	return rc < 0 ? rc : 0;
}

static int record_names(struct db *db, int64_t image, const char *const *names, struct dv_err *e)
{
	int rc = 0;

	for (; *names && rc >= 0; names++)
		rc = db_exec(db, e, "INSERT INTO names (name, image) VALUES (?1, ?2)"
				    " ON CONFLICT (name) DO UPDATE SET image = ?2", "ti", *names, image);
	return rc < 0 ? rc : 0;
}

/* The same image again keeps its row (and its names); its layers and blobs are recorded anew, as they may
 * have come in another compression. */
static int record_image(struct db *db, const struct image_record *r, struct dv_err *e)
{
	char id[DIGEST_TEXT_SIZE], manifest[DIGEST_TEXT_SIZE];
	int64_t image = 0;
	int rc = db_exec(db, e, "INSERT INTO images (digest, manifest, config, created, size) VALUES (?1, ?2, ?3, ?4, 0)"
				" ON CONFLICT (digest) DO UPDATE SET manifest = ?2", "ttbi",
			 digest_text(&r->id, id), digest_text(&r->manifest, manifest), r->config, r->config_len, r->created);

	if (rc >= 0)
		rc = row_of(db, "SELECT id FROM images WHERE digest = ?", id, &image, e);
	if (rc == 0)
		rc = db_exec(db, e, "DELETE FROM image_layers WHERE image = ?", "i", image);
	if (rc >= 0)
		rc = db_exec(db, e, "DELETE FROM image_blobs WHERE image = ?", "i", image);
	if (rc >= 0)
		rc = record_blob(db, image, &r->id, e);
	if (rc == 0)
		rc = record_blob(db, image, &r->manifest, e);
	for (size_t i = 0; i < r->n_layers && rc == 0; i++)
		rc = record_layer(db, image, i, &r->layers[i], e);
	if (rc == 0)
		rc = db_exec(db, e, "UPDATE images SET size = (SELECT coalesce(sum(l.size), 0) FROM image_layers il"
				    " JOIN layers l ON l.id = il.layer WHERE il.image = ?1) WHERE id = ?1", "i", image);
	return rc < 0 ? rc : record_names(db, image, r->names, e);
}

static int record_all(struct image_stage *st, const struct image_record *recs, size_t n, struct arena *a,
		      struct store_garbage *g, struct dv_err *e)
{
	struct db *db = st->store->db;
	int rc = db_begin(db, e);

	if (rc < 0)
		return rc;
	rc = record_staged(st, e);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = record_image(db, &recs[i], e);
	/* An image that came again in another form, or a blob that no image wanted. */
	if (rc == 0)
		rc = store_garbage_rows(st->store, a, g, e);
	if (rc == 0)
		return db_commit(db, e);
	db_rollback(db);
	return rc;
}

/* --- public --- */

int image_publish(struct image_stage *st, const struct image_record *recs, size_t n, struct dv_err *e)
{
	auto_close int lock = -1;
	auto_arena struct arena a;
	struct store_garbage g = { 0 };

	arena_init(&a, 0);
	/* One call for thousands of files; before the lock, because it takes long. */
	if (st->n > 0 && syncfs(st->fd) < 0)
		return dv_fail_errno(e, errno, "sync");
	int rc = store_lock(st->store, &lock, e);
	if (rc == 0)
		rc = place_all(st, e);
	if (rc == 0)
		rc = record_all(st, recs, n, &a, &g, e);
	return rc < 0 ? rc : store_garbage_files(st, &g, e);
}
