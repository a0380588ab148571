/* image.c - list images, give them names.
 *
 * A list is a fixed number of queries, however many images there are: names,
 * digests and layers come in the order of the images and are dealt out by row id.
 */
#include "base/str.h"
#include "image/manifests.h"
#include "image/name.h"
#include "image/store_parts.h"

/* --- list --- */

/* Images by row id, ascending, while the list itself is in the order people see. */
struct dealt {
	int64_t row;
	struct image *img;
};
struct dealing {
	struct dealt *v;
	size_t n, at;
};

/* The image of this row id; the ids come in ascending order. */
static struct image *deal(struct dealing *d, int64_t row)
{
	while (d->at < d->n && d->v[d->at].row < row)
		d->at++;
	return d->at < d->n && d->v[d->at].row == row ? d->v[d->at].img : NULL;
}

static int by_row(const void *x, const void *y)
{
	const struct dealt *a = x, *b = y;

	return a->row < b->row ? -1 : a->row > b->row;
}

static void image_of_row(struct arena *a, struct db_stmt *q, bool config, struct dealt *ret)
{
	static const char *none[] = { NULL };
	struct image *img = arena_new(a, struct image);

	img->id = arena_str(a, db_text(q, 1));
	img->manifest = arena_str(a, db_text(q, 2));
	img->created = db_i64(q, 3);
	img->size = (uint64_t)db_i64(q, 4);
	img->names = img->digests = none;
	if (config) {
		const char *text = db_blob(q, 5, &img->config_len);

		img->config = arena_strn(a, text ? text : "", img->config_len);
	}
	*ret = (struct dealt){ db_i64(q, 0), img };
}

/* Without configurations the index has all that is wanted. */
static int list_images(struct image_store *s, struct arena *a, bool config, struct dealing *d, struct dv_err *e)
{
	static const char whole[] = "SELECT id, digest, manifest, created, size, config FROM images",
			  brief[] = "SELECT id, digest, manifest, created, size FROM images INDEXED BY images_list"
				    " ORDER BY created";
	size_t cap = 0;
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, config ? whole : brief, "");

	while (rc >= 0 && (rc = db_row(q, e)) > 0) {
		if (d->n == cap) {
			size_t more = cap ? 2 * cap : 64;
			struct dealt *v = arena_array(a, struct dealt, more);

			if (cap)
				memcpy(v, d->v, cap * sizeof(*v));
			d->v = v;
			cap = more;
		}
		image_of_row(a, q, config, &d->v[d->n++]);
	}
	if (d->n)
		qsort(d->v, d->n, sizeof(*d->v), by_row);
	return rc;
}

/* Column 0 the image's row, column 1 the text. */
static int list_texts(struct image_store *s, struct arena *a, const char *sql, struct dealing *d, size_t member,
		      struct dv_err *e)
{
	struct image *last = NULL;
	size_t n = 0, cap = 0;
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, sql, "");

	d->at = 0;
	while (rc >= 0 && (rc = db_row(q, e)) > 0) {
		struct image *img = deal(d, db_i64(q, 0));

		if (!img)
			continue;
		const char ***texts = (const char ***)((char *)img + member);
		if (img != last)
			n = cap = 0;
		if (n == cap) {
			size_t more = cap ? 2 * cap : 2;
			const char **v = arena_array(a, const char *, more + 1);

			if (n)
				memcpy(v, *texts, n * sizeof(*v));
			*texts = v;
			cap = more;
		}
		(*texts)[n++] = arena_str(a, db_text(q, 1));
		last = img;
	}
	return rc;
}

static int list_layers(struct image_store *s, struct arena *a, struct dealing *d, struct dv_err *e)
{
	size_t cap = 0;
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, "SELECT il.image, l.diff_id, l.dir, l.size, b.digest, b.size, il.media_type, l.driver"
					" FROM image_layers il JOIN layers l ON l.id = il.layer JOIN blobs b ON b.id = il.blob"
					" ORDER BY il.image, il.idx", "");

	d->at = 0;
	while (rc >= 0 && (rc = db_row(q, e)) > 0) {
		struct image *img = deal(d, db_i64(q, 0));

		if (!img || img->n_layers == IMAGE_LAYERS_MAX)
			continue;
		if (img->n_layers == 0)
			cap = 0;
		if (img->n_layers == cap) {
			size_t more = cap ? 2 * cap : 4;
			struct image_layer *v = arena_array(a, struct image_layer, more);

			if (cap)
				memcpy(v, img->layers, cap * sizeof(*v));
			img->layers = v;
			cap = more;
		}
		img->layers[img->n_layers++] = (struct image_layer){
			.diff_id = arena_str(a, db_text(q, 1)), .dir = arena_str(a, db_text(q, 2)),
			.size = (uint64_t)db_i64(q, 3), .blob = arena_str(a, db_text(q, 4)),
			.blob_size = (uint64_t)db_i64(q, 5), .media_type = arena_str(a, db_text(q, 6)),
			.driver = arena_str(a, db_text(q, 7)),
		};
	}
	return rc;
}

static int newest_first(const void *x, const void *y)
{
	const struct image *a = *(struct image *const *)x, *b = *(struct image *const *)y;

	return a->created != b->created ? (a->created < b->created ? 1 : -1) : strcmp(a->id, b->id);
}

static int list_all(struct image_store *s, struct arena *a, unsigned what, struct image_list *list, struct dv_err *e)
{
	struct dealing d = { 0 };
	int rc = list_images(s, a, what & IMAGE_LIST_CONFIG, &d, e);

	if (rc == 0)
		rc = list_texts(s, a, "SELECT image, name FROM names WHERE image IS NOT NULL ORDER BY image, name", &d,
				offsetof(struct image, names), e);
	if (rc == 0)
		rc = list_texts(s, a, "SELECT image, repo || '@' || digest FROM repo_digests ORDER BY image, repo, digest", &d,
				offsetof(struct image, digests), e);
	if (rc == 0 && (what & IMAGE_LIST_LAYERS))
		rc = list_layers(s, a, &d, e);
	list->v = arena_array(a, struct image *, d.n + 1);
	for (; list->n < d.n; list->n++)
		list->v[list->n] = d.v[list->n].img;
	if (list->n)
		qsort(list->v, list->n, sizeof(struct image *), newest_first);
	return rc;
}

int image_list_with(struct image_store *s, struct arena *a, unsigned what, struct image_list *ret, struct dv_err *e)
{
	struct image_list list = { 0 };
	int rc = db_begin_read(s->db, e);

	if (rc < 0)
		return rc;
	rc = list_all(s, a, what, &list, e);
	db_rollback(s->db);
	if (rc == 0)
		*ret = list;
	return rc;
}

int image_list(struct image_store *s, struct arena *a, struct image_list *ret, struct dv_err *e)
{
	return image_list_with(s, a, 0, ret, e);
}

/* --- tag --- */

#define NAME_MOVES " ON CONFLICT (name) DO UPDATE SET image = excluded.image, manifest = excluded.manifest"

/* A name stands for the same as another: for an image, for an index, or for both. */
static int copy_name(struct image_store *s, struct arena *a, const char *ref, const char *name, struct dv_err *e)
{
	const char *from;

	if (image_name_normalize(a, ref, &from, NULL) < 0)
		return 0;
	return db_exec(s->db, e, "INSERT INTO names (name, image, manifest) SELECT ?1, image, manifest FROM names"
				 " WHERE name = ?2" NAME_MOVES, "tt", name, from);
}

static int tag_rows(struct image_store *s, struct arena *a, const char *ref, const char *name, struct dv_err *e)
{
	struct manifest_row index;
	struct image *img;
	int rc = copy_name(s, a, ref, name, e);

	if (rc != 0)
		return rc;
	rc = manifest_alone(s, a, ref, &index, e);
	if (rc != 0)
		return rc < 0 ? rc : manifest_tag(s, &index.digest, name, e);
	rc = image_resolve(s, a, ref, &img, e);
	return rc < 0 ? rc : db_exec(s->db, e, "INSERT INTO names (name, image) SELECT ?1, id FROM images WHERE digest = ?2"
					       NAME_MOVES, "tt", name, img->id);
}

int image_tag(struct image_store *s, const char *ref, const char *name, struct dv_err *e)
{
	auto_arena struct arena a;
	struct image_name n;

	arena_init(&a, 0);
	int rc = image_name_parse(&a, name, &n, e);
	if (rc == 0 && n.digest)
		return dv_fail(e, DV_INVALID, "a name to give cannot have a digest: %s", name);
	if (rc == 0)
		rc = db_begin(s->db, e);
	return rc < 0 ? rc : store_end(s, true, tag_rows(s, &a, ref, image_name_text(&a, &n), e), e);
}
