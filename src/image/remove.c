/* remove.c - take names and images out of the store, and what nothing refers to any more.
 *
 * Rows go first, in one transaction; then files move into the stage, which removes
 * them after the lock is released. A crash in between leaves files without rows and
 * a dead stage, which makes the next writer look for such files.
 */
#include "base/fd.h"
#include "base/str.h"
#include "image/name.h"
#include "image/store_parts.h"

/* --- garbage --- */

#define NO_LAYER " FROM layers WHERE NOT EXISTS (SELECT 1 FROM image_layers il WHERE il.layer = layers.id)"
#define NO_BLOB \
	" FROM blobs WHERE NOT EXISTS (SELECT 1 FROM image_layers il WHERE il.blob = blobs.id)" \
	" AND NOT EXISTS (SELECT 1 FROM image_blobs ib WHERE ib.blob = blobs.id)"

static void garbage_add(struct arena *a, struct store_garbage *g, const char *path, const char *diff_id)
{
	struct store_garbage_item *it = arena_new(a, struct store_garbage_item);

	*it = (struct store_garbage_item){ g->first, path, diff_id };
	g->first = it;
	g->n_layers += diff_id != NULL;
}

static int garbage_layers(struct image_store *s, struct arena *a, struct store_garbage *g, struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, "SELECT dir, diff_id" NO_LAYER, "");

	while (rc >= 0 && (rc = db_row(q, e)) > 0)
		garbage_add(a, g, arena_str(a, db_text(q, 0)), arena_str(a, db_text(q, 1)));
	return rc < 0 ? rc : db_exec(s->db, e, "DELETE" NO_LAYER, "");
}

static int garbage_blobs(struct image_store *s, struct arena *a, struct store_garbage *g, struct dv_err *e)
{
	char path[STORE_PATH_SIZE];
	struct digest d;
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, "SELECT digest" NO_BLOB, "");

	while (rc >= 0 && (rc = db_row(q, e)) > 0) {
		rc = digest_parse(db_text(q, 0), &d, e);
		if (rc == 0)
			garbage_add(a, g, arena_str(a, store_blob_path(&d, path)), NULL);
	}
	return rc < 0 ? rc : db_exec(s->db, e, "DELETE" NO_BLOB, "");
}

int store_garbage_rows(struct image_store *s, struct arena *a, struct store_garbage *ret, struct dv_err *e)
{
	struct store_garbage g = { 0 };
	int rc = garbage_layers(s, a, &g, e);

	if (rc >= 0)
		rc = garbage_blobs(s, a, &g, e);
	if (rc < 0)
		return rc;
	*ret = g;
	return 0;
}

int store_garbage_files(struct image_stage *st, const struct store_garbage *g, struct dv_err *e)
{
	int rc = 0;

	for (const struct store_garbage_item *it = g->first; it && rc == 0; it = it->next)
		rc = stage_trash(st, it->path, e);
	return rc;
}

/* --- what to remove --- */

struct removal {
	struct image *img;
	const char *name;       /* one name only; NULL: all, and the image */
	bool all;               /* the image goes */
};

/* By name only that name goes, and the image with the last one. By id everything goes. */
static int removal_plan(struct image_store *s, struct arena *a, const char *ref, bool force, struct removal *r,
			struct dv_err *e)
{
	struct image_name n;
	const char *text = NULL;
	int rc = image_resolve(s, a, ref, &r->img, e);

	if (rc < 0)
		return rc;
	if (image_name_parse(a, ref, &n, NULL) == 0 && !n.digest)
		text = image_name_text(a, &n);
	size_t n_names = 0;
	for (; r->img->names[n_names]; n_names++)
		if (text && streq(r->img->names[n_names], text))
			r->name = r->img->names[n_names];
	r->all = !r->name || n_names == 1;
	if (!r->name && n_names > 1 && !force)
		return dv_fail(e, DV_CONFLICT, "image %.19s has several names: remove them by name, or use force", r->img->id);
	return 0;
}

static int removal_rows(struct image_store *s, struct arena *a, const struct removal *r, image_in_use *in_use,
			void *ctx, struct store_garbage *g, struct dv_err *e)
{
	int rc;

	if (!r->all)
		return db_exec(s->db, e, "DELETE FROM names WHERE name = ?", "t", r->name);
	rc = in_use ? in_use(ctx, s, r->img->id, e) : 0;
	if (rc == 0)
		rc = db_exec(s->db, e, "DELETE FROM images WHERE digest = ?", "t", r->img->id);
	return rc < 0 ? rc : store_garbage_rows(s, a, g, e);
}

static int removal_commit(struct image_store *s, struct arena *a, const struct removal *r, image_in_use *in_use,
			  void *ctx, struct store_garbage *g, struct dv_err *e)
{
	int rc = db_begin(s->db, e);

	if (rc < 0)
		return rc;
	rc = removal_rows(s, a, r, in_use, ctx, g, e);
	if (rc >= 0)
		return db_commit(s->db, e);
	db_rollback(s->db);
	return rc;
}

static void removal_report(struct arena *a, const struct removal *r, const struct store_garbage *g,
			   struct image_removed *ret)
{
	size_t n = 0;
	const char **one = arena_array(a, const char *, 2);

	one[0] = r->name;
	ret->untagged = r->all ? r->img->names : one;
	ret->deleted = r->all ? r->img->id : NULL;
	ret->layers = arena_array(a, const char *, g->n_layers + 1);
	for (const struct store_garbage_item *it = g->first; it; it = it->next)
		if (it->diff_id)
			ret->layers[n++] = it->diff_id;
}

int image_remove(struct image_store *s, struct arena *a, const char *ref, bool force, image_in_use *in_use,
		 void *ctx, struct image_removed *ret, struct dv_err *e)
{
	auto_stage struct image_stage *st = NULL;
	auto_close int lock = -1;
	struct store_garbage g = { 0 };
	struct removal r = { 0 };
	int rc = image_stage_open(s, &st, e);

	if (rc == 0)
		rc = store_lock(s, &lock, e);
	if (rc == 0)
		rc = removal_plan(s, a, ref, force, &r, e);
	if (rc == 0)
		rc = removal_commit(s, a, &r, in_use, ctx, &g, e);
	if (rc == 0)
		rc = store_garbage_files(st, &g, e);
	if (rc < 0)
		return rc;
	fd_close(&lock);        /* deleting may take long: without the lock */
	removal_report(a, &r, &g, ret);
	return 0;
}
