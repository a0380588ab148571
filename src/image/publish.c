/* publish.c - make what was staged visible: files into place, then all rows in one transaction.
 *
 * Both happen under images.lock, after everything was synced. A crash between the
 * two leaves files without rows, and a dead stage that makes the next writer look
 * for them.
 */
#include <errno.h>
#include <stdio.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/str.h"
#include "image/manifests.h"
#include "image/store_parts.h"

/* --- files --- */

/* Into place, unless the store has it: then ours stays in the stage and goes with it. Something there
 * without a row is the leftover of a crash. */
static int place_one(struct image_stage *st, unsigned no, struct dv_err *e)
{
	struct staged *x = &st->v[no];
	char name[16], path[STORE_PATH_SIZE];
	bool has = false;
	int rc = x->layer ? image_store_has_layer(st->store, &x->name, &has, e)
			  : image_store_has_blob(st->store, &x->name, &has, e);

	if (rc < 0 || has)
		return rc;
	rc = stage_trash(st, staged_path(x, path), e);
	staged_name(no, name);
	if (rc == 0)
		rc = store_rename(st->fd, name, st->store->rootfd, path, e);
	x->placed = rc == 0;
	return rc;
}

static int place_all(struct image_stage *st, struct dv_err *e)
{
	static const char *const dirs[] = { "layers", "blobs/sha256", "blobs/sha512" };
	int rc = 0;

	for (unsigned i = 0; i < st->n && rc == 0; i++)
		if (st->v[i].done)
			rc = place_one(st, i, e);
	for (size_t i = 0; i < ARRAY_LEN(dirs) && rc == 0 && st->n > 0; i++)
		rc = store_sync_dir(st->store, dirs[i], e);
	return rc;
}

/* There will be no rows for them. */
static void place_undo(struct image_stage *st)
{
	char path[STORE_PATH_SIZE];

	for (unsigned i = 0; i < st->n; i++)
		if (st->v[i].placed && stage_trash(st, staged_path(&st->v[i], path), NULL) == 0)
			st->v[i].placed = false;
}

/* --- what manifests say --- */

struct described {
	struct described *next;
	const struct digest *digest;
	struct manifest_info info;
};

static int describe(struct image_store *s, struct arena *a, const struct digest *d, struct described **list,
		    struct dv_err *e)
{
	struct described *x = arena_new(a, struct described);
	const char *text;
	size_t len;
	int rc = manifest_load(s, a, d, &text, &len, e);

	if (rc == -DV_NOT_FOUND)
		return dv_fail(e, DV_CONFLICT, "the manifest was removed meanwhile");
	if (rc == 0)
		rc = manifest_info_parse(a, text, len, "", &x->info, e);
	if (rc < 0)
		return rc;
	x->digest = d;
	x->next = *list;
	*list = x;
	return 0;
}

static int describe_all(struct image_store *s, struct arena *a, const struct image_record *recs, size_t n,
			struct described **list, struct dv_err *e)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = describe(s, a, &recs[i].manifest, list, e);
		for (size_t k = 0; k < recs[i].n_indexes && rc == 0; k++)
			rc = describe(s, a, &recs[i].indexes[k], list, e);
	}
	return rc;
}

/* --- what will not be needed any more --- */

static bool is_used(const struct staged *x, const struct image_record *r)
{
	if (!x->layer && (digest_equal(&x->name, &r->id) || digest_equal(&x->name, &r->manifest)))
		return true;
	for (size_t i = 0; i < r->n_indexes && !x->layer; i++)
		if (digest_equal(&x->name, &r->indexes[i]))
			return true;
	for (size_t i = 0; i < r->n_layers; i++)
		if (digest_equal(&x->name, x->layer ? &r->layers[i].dir : &r->layers[i].blob))
			return true;
	return false;
}

static bool is_used_by_any(const struct staged *x, const struct image_record *recs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_used(x, &recs[i]))
			return true;
	return false;
}

/* An image that came again in another form, a name that moves, a blob that no image wanted. */
static int find_orphans(struct image_stage *st, const struct image_record *recs, size_t n, struct orphans *o,
			struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE], diff[DIGEST_TEXT_SIZE], path[STORE_PATH_SIZE];
	int rc = 0;

	for (unsigned i = 0; i < st->n; i++) {
		const struct staged *x = &st->v[i];

		if (x->done && x->layer && !is_used_by_any(x, recs, n))
			orphans_add(o, store_layer_path(&x->name, path), digest_text(&x->diff_id, diff), INT64_MAX);
		else if (x->done && !x->layer && !is_used_by_any(x, recs, n))
			orphans_add(o, digest_text(&x->name, text), NULL, INT64_MAX);
	}
	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = orphans_of_image(st->store, o, digest_text(&recs[i].id, text), e);
		for (const char *const *name = recs[i].names; *name && rc == 0; name++)
			rc = orphans_of_name(st->store, o, *name, e);
	}
	return rc < 0 ? rc : orphans_prepare(st->store, o, e);
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
		/* One that was marked as damaged is there again. */
		if (x->layer && x->placed)
			rc = db_exec(st->store->db, e, "INSERT INTO layers (dir, diff_id, size, driver) VALUES (?, ?, ?, ?)"
						       " ON CONFLICT (dir) DO UPDATE SET bad = 0, driver = excluded.driver",
				     "ttit", store_layer_path(&x->name, path), digest_text(&x->diff_id, text),
				     (int64_t)x->size, x->driver ? x->driver : "dirs");
		else if (x->placed)
			rc = db_exec(st->store->db, e, "INSERT INTO blobs (digest, size, created) VALUES (?, ?, unixepoch())"
						       " ON CONFLICT (digest) DO UPDATE SET bad = 0", "ti",
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
		rc = db_exec(db, e, "UPDATE blobs SET diff_id = ?, media_type = ? WHERE id = ?", "tti",
			     digest_text(&l->diff_id, text), l->media_type, blob);
	if (rc >= 0)
		rc = db_exec(db, e, "INSERT INTO image_layers VALUES (?, ?, ?, ?, ?)", "iiiit", image, (int64_t)idx,
			     layer, blob, l->media_type);
	return rc < 0 ? rc : 0;
}

/* A name stands for the outermost index that led to the image, too. */
static int record_names(struct db *db, int64_t image, const struct image_record *r, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	int rc = 0;

	if (r->n_indexes)
		(void)digest_text(&r->indexes[0], text);
	for (const char *const *name = r->names; *name && rc >= 0; name++)
		rc = db_exec(db, e, "INSERT INTO names (name, image, manifest)"
				    " VALUES (?1, ?2, (SELECT id FROM blobs WHERE digest = ?3))"
				    " ON CONFLICT (name) DO UPDATE SET image = excluded.image, manifest = excluded.manifest",
			     "tit", *name, image, r->n_indexes ? text : NULL);
	for (const char *const *name = r->digests; name && *name && rc >= 0; name++) {
		const char *at = strchr(*name, '@');

		if (!at)
			return dv_fail(e, DV_INVALID, "%s has no digest", *name);
		auto_free char *repo = mem_printf("%.*s", (int)(at - *name), *name);
		rc = db_exec(db, e, "INSERT OR IGNORE INTO repo_digests VALUES (?, ?, ?)", "tti", repo, at + 1, image);
	}
	return rc < 0 ? rc : 0;
}

static int record_parts(struct db *db, int64_t image, const struct image_record *r, struct dv_err *e)
{
	int rc = record_blob(db, image, &r->id, e);

	if (rc == 0)
		rc = record_blob(db, image, &r->manifest, e);
	for (size_t i = 0; i < r->n_indexes && rc == 0; i++)
		rc = record_blob(db, image, &r->indexes[i], e);
	for (size_t i = 0; i < r->n_layers && rc == 0; i++)
		rc = record_layer(db, image, i, &r->layers[i], e);
	return rc;
}

/* The same image again keeps its row, its names, and the indexes it came by; its layers and blobs are recorded anew,
 * as they may have come in another compression. */
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
		rc = db_exec(db, e, "DELETE FROM image_blobs WHERE image = ?"
				    " AND blob NOT IN (SELECT id FROM manifests WHERE kind = 'index')", "i", image);
	if (rc >= 0)
		rc = record_parts(db, image, r, e);
	if (rc == 0)
		rc = db_exec(db, e, "UPDATE images SET size = (SELECT coalesce(sum(l.size), 0) FROM image_layers il"
				    " JOIN layers l ON l.id = il.layer WHERE il.image = ?1) WHERE id = ?1", "i", image);
	return rc < 0 ? rc : record_names(db, image, r, e);
}

static int record_rows(struct image_stage *st, const struct image_record *recs, size_t n, const struct described *list,
		       struct orphans *o, struct dv_err *e)
{
	int rc = record_staged(st, e);

	for (; list && rc == 0; list = list->next)
		rc = manifest_row_add(st->store, list->digest, &list->info, e);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = record_image(st->store->db, &recs[i], e);
	return rc < 0 ? rc : orphans_rows(st->store, o, e);
}

/* --- public --- */

static int publish_locked(struct image_stage *st, const struct image_record *recs, size_t n, struct orphans *o,
			  struct dv_err *e)
{
	struct described *list = NULL;
	int rc = place_all(st, e);

	if (rc == 0)
		rc = describe_all(st->store, o->a, recs, n, &list, e);
	if (rc == 0)
		rc = find_orphans(st, recs, n, o, e);
	if (rc == 0)
		rc = db_begin(st->store->db, e);
	if (rc == 0)
		rc = store_end(st->store, true, record_rows(st, recs, n, list, o, e), e);
	if (rc < 0)
		place_undo(st);
	return rc < 0 ? rc : orphans_rest(st, o, e);
}

int image_publish(struct image_stage *st, const struct image_record *recs, size_t n, struct dv_err *e)
{
	auto_close int lock = -1;
	auto_arena struct arena a;
	auto_orphans struct orphans o;

	arena_init(&a, 0);
	orphans_init(&o, &a);
	stage_flush_end(st);
	/* One call for thousands of files; before the lock, because it takes long. */
	int sys = st->n > 0 ? fault_hit("fsync") : 0;
	if (sys || (st->n > 0 && syncfs(st->fd) < 0))
		return dv_fail_errno(e, sys ? sys : errno, "sync");
	int rc = store_lock(st->store, &lock, e);
	return rc < 0 ? rc : publish_locked(st, recs, n, &o, e);
}
