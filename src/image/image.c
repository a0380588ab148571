/* image.c - find images by name or id, list them, give them names. */
#include "base/str.h"
#include "image/digest.h"
#include "image/name.h"
#include "image/store_parts.h"

#define HEX "0123456789abcdef"

/* --- from rows --- */

static int layers_load(struct image_store *s, struct arena *a, int64_t row, struct image *img, struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, "SELECT l.diff_id, l.dir, l.size, b.digest, b.size, il.media_type, l.driver"
					" FROM image_layers il JOIN layers l ON l.id = il.layer"
					" JOIN blobs b ON b.id = il.blob WHERE il.image = ? ORDER BY il.idx", "i", row);

	img->layers = arena_array(a, struct image_layer, IMAGE_LAYERS_MAX);
	while (rc >= 0 && (rc = db_row(q, e)) > 0) {
		if (img->n_layers == IMAGE_LAYERS_MAX)
			return dv_fail(e, DV_CORRUPT, "engine.db: %s has too many layers", img->id);
		img->layers[img->n_layers++] = (struct image_layer){
			.diff_id = arena_str(a, db_text(q, 0)),
			.dir = arena_str(a, db_text(q, 1)),
			.size = (uint64_t)db_i64(q, 2),
			.blob = arena_str(a, db_text(q, 3)),
			.blob_size = (uint64_t)db_i64(q, 4),
			.media_type = arena_str(a, db_text(q, 5)),
			.driver = arena_str(a, db_text(q, 6)),
		};
	}
	return rc;
}

static int names_load(struct image_store *s, struct arena *a, int64_t row, struct image *img, struct dv_err *e)
{
	size_t n = 0, cap = 8;
	const char **names = arena_array(a, const char *, cap + 1);
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, "SELECT name FROM names WHERE image = ? ORDER BY name", "i", row);

	while (rc >= 0 && (rc = db_row(q, e)) > 0) {
		if (n == cap) {
			const char **more = arena_array(a, const char *, 2 * cap + 1);

			memcpy(more, names, n * sizeof(*more));
			names = more;
			cap *= 2;
		}
		names[n++] = arena_str(a, db_text(q, 0));
	}
	img->names = names;
	return rc;
}

/* Columns: id, digest, manifest, created, size[, config]. */
static int row_load(struct image_store *s, struct arena *a, struct db_stmt *q, bool config, struct image **ret,
		    struct dv_err *e)
{
	struct image *img = arena_new(a, struct image);
	int64_t row = db_i64(q, 0);

	img->id = arena_str(a, db_text(q, 1));
	img->manifest = arena_str(a, db_text(q, 2));
	img->created = db_i64(q, 3);
	img->size = (uint64_t)db_i64(q, 4);
	if (config) {
		const char *text = db_blob(q, 5, &img->config_len);

		img->config = arena_strn(a, text ? text : "", img->config_len);
	}
	int rc = layers_load(s, a, row, img, e);
	if (rc == 0)
		rc = names_load(s, a, row, img, e);
	if (rc == 0)
		*ret = img;
	return rc;
}

/* --- resolve --- */

#define COLUMNS "SELECT i.id, i.digest, i.manifest, i.created, i.size, i.config FROM images i "

/* 1 found, 0 not. from and to are the ends of the range where sql has two parameters. */
static int find(struct image_store *s, struct arena *a, const char *sql, const char *from, const char *to,
		struct image **ret, struct dv_err *e)
{
	struct image *img;
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, sql, to ? "tt" : "t", from, to);

	if (rc == 0)
		rc = db_row(q, e);
	if (rc <= 0)
		return rc;
	rc = row_load(s, a, q, true, &img, e);
	if (rc < 0)
		return rc;
	rc = db_row(q, e);
	if (rc > 0)
		return dv_fail(e, DV_CONFLICT, "short image id is ambiguous");
	if (rc < 0)
		return rc;
	*ret = img;
	return 1;
}

static int find_name(struct image_store *s, struct arena *a, const char *ref, struct image **ret, struct dv_err *e)
{
	struct image_name n;

	if (image_name_parse(a, ref, &n, NULL) < 0)
		return 0;
	if (!n.digest)
		return find(s, a, COLUMNS "JOIN names n ON n.image = i.id WHERE n.name = ?", image_name_text(a, &n), NULL,
			    ret, e);
	/* A digest is of a manifest, under one of the repository's names. */
	const char *from = arena_printf(a, "%s/%s:", n.host, n.path);
	return find(s, a, COLUMNS "WHERE i.manifest = ?1 AND EXISTS (SELECT 1 FROM names n WHERE n.image = i.id"
				  " AND substr(n.name, 1, length(?2)) = ?2)", n.digest, from, ret, e);
}

static int find_id(struct image_store *s, struct arena *a, const char *ref, struct image **ret, struct dv_err *e)
{
	const char *hex = str_starts(ref, "sha256:") ? ref + strlen("sha256:") : ref;

	if (!hex || !str_only(hex, HEX) || strlen(hex) > 64)
		return 0;
	/* 'g' follows the last hex digit. */
	return find(s, a, COLUMNS "WHERE i.digest >= ?1 AND i.digest < ?2 LIMIT 2", arena_printf(a, "sha256:%s", hex),
		    arena_printf(a, "sha256:%sg", hex), ret, e);
}

int image_resolve(struct image_store *s, struct arena *a, const char *ref, struct image **ret, struct dv_err *e)
{
	bool id = str_after(ref, "sha256:") != NULL;
	int rc = id ? find_id(s, a, ref, ret, e) : find_name(s, a, ref, ret, e);

	if (rc == 0)
		rc = id ? find_name(s, a, ref, ret, e) : find_id(s, a, ref, ret, e);
	if (rc < 0) {
		(void)dv_wrap(e, "image %.128s", ref);
		return rc;              /* callers tell the kinds apart, also without e */
	}
	return rc > 0 ? 0 : dv_fail(e, DV_NOT_FOUND, "No such image: %.300s", ref);
}

/* --- list --- */

static int list_rows(struct image_store *s, struct arena *a, struct image_list *list, struct dv_err *e)
{
	size_t cap = 64;
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, "SELECT id, digest, manifest, created, size FROM images"
					" ORDER BY created DESC, digest", "");

	list->v = arena_array(a, struct image *, cap);
	while (rc >= 0 && (rc = db_row(q, e)) > 0) {
		if (list->n == cap) {
			struct image **more = arena_array(a, struct image *, 2 * cap);

			memcpy(more, list->v, list->n * sizeof(*more));
			list->v = more;
			cap *= 2;
		}
		rc = row_load(s, a, q, false, &list->v[list->n++], e);
	}
	return rc;
}

int image_list(struct image_store *s, struct arena *a, struct image_list *ret, struct dv_err *e)
{
	struct image_list list = { 0 };
	int rc = db_begin_read(s->db, e);

	if (rc < 0)
		return rc;
	rc = list_rows(s, a, &list, e);
	db_rollback(s->db);
	if (rc == 0)
		*ret = list;
	return rc;
}

/* --- tag --- */

static int tag_in(struct image_store *s, const char *id, const char *name, struct dv_err *e)
{
	int rc = db_begin(s->db, e);

	if (rc < 0)
		return rc;
	rc = db_exec(s->db, e, "INSERT INTO names (name, image) SELECT ?1, id FROM images WHERE digest = ?2"
			       " ON CONFLICT (name) DO UPDATE SET image = excluded.image", "tt", name, id);
	if (rc > 0)
		return db_commit(s->db, e);
	db_rollback(s->db);
	return rc < 0 ? rc : dv_fail(e, DV_NOT_FOUND, "No such image: %s", id);
}

int image_tag(struct image_store *s, const char *ref, const char *name, struct dv_err *e)
{
	auto_arena struct arena a;
	struct image_name n;
	struct image *img;

	arena_init(&a, 0);
	int rc = image_name_parse(&a, name, &n, e);
	if (rc == 0 && n.digest)
		return dv_fail(e, DV_INVALID, "a name to give cannot have a digest: %s", name);
	if (rc == 0)
		rc = image_resolve(s, &a, ref, &img, e);
	return rc < 0 ? rc : tag_in(s, img->id, image_name_text(&a, &n), e);
}
