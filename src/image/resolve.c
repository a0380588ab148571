/* resolve.c - from what a user writes to one image: a name, a name with a digest, an id or its beginning. */
#include "base/str.h"
#include "image/manifests.h"
#include "image/name.h"
#include "image/store_parts.h"

#define HEX "0123456789abcdef"
#define NESTED_MAX 4            /* indexes in indexes */
#define CANDIDATES_MAX 64

/* --- one row --- */

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

/* All rows of one text column, NULL-terminated. */
static int texts_load(struct image_store *s, struct arena *a, const char *sql, int64_t row, const char ***ret,
		      struct dv_err *e)
{
	size_t n = 0, cap = 8;
	const char **v = arena_array(a, const char *, cap + 1);
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, sql, "i", row);

	while (rc >= 0 && (rc = db_row(q, e)) > 0) {
		if (n == cap) {
			const char **more = arena_array(a, const char *, 2 * cap + 1);

			memcpy(more, v, n * sizeof(*more));
			v = more;
			cap *= 2;
		}
		v[n++] = arena_str(a, db_text(q, 0));
	}
	*ret = v;
	return rc;
}

#define COLUMNS "SELECT i.id, i.digest, i.manifest, i.created, i.size, i.config FROM images i "

static int row_load(struct image_store *s, struct arena *a, struct db_stmt *q, struct image **ret, struct dv_err *e)
{
	struct image *img = arena_new(a, struct image);
	int64_t row = db_i64(q, 0);

	img->id = arena_str(a, db_text(q, 1));
	img->manifest = arena_str(a, db_text(q, 2));
	img->created = db_i64(q, 3);
	img->size = (uint64_t)db_i64(q, 4);
	const char *text = db_blob(q, 5, &img->config_len);
	img->config = arena_strn(a, text ? text : "", img->config_len);
	int rc = layers_load(s, a, row, img, e);
	if (rc == 0)
		rc = texts_load(s, a, "SELECT name FROM names WHERE image = ? ORDER BY name", row, &img->names, e);
	if (rc == 0)
		rc = texts_load(s, a, "SELECT repo || '@' || digest FROM repo_digests WHERE image = ? ORDER BY 1", row,
				&img->digests, e);
	if (rc == 0)
		*ret = img;
	return rc;
}

/* --- of several platforms --- */

/* The image for this machine below the index d: 1, or 0 when it is not in the store. */
static int find_by_index(struct image_store *s, struct arena *a, const char *d, int depth, struct image **ret,
			 struct dv_err *e);

static int find_manifest(struct image_store *s, struct arena *a, const char *d, struct image **ret, struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, COLUMNS "WHERE i.manifest = ?", "t", d);

	if (rc == 0)
		rc = db_row(q, e);
	if (rc <= 0)
		return rc;
	rc = row_load(s, a, q, ret, e);
	return rc < 0 ? rc : 1;
}

static int find_by_index(struct image_store *s, struct arena *a, const char *d, int depth, struct image **ret,
			 struct dv_err *e)
{
	char child[DIGEST_TEXT_SIZE];
	const struct descriptor *choice;
	struct platform host;
	struct manifest m;
	struct digest digest;
	const char *text;
	size_t len;
	int rc = digest_parse(d, &digest, e);

	if (rc == 0)
		rc = manifest_load(s, a, &digest, &text, &len, NULL);
	/* Not there, not an index, not for us: all the same to the caller. */
	if (rc < 0 || manifest_parse(a, text, len, "", &m, NULL) < 0 || m.kind != MANIFEST_INDEX ||
	    platform_parse(a, NULL, &host, NULL) < 0 || manifest_select(&m, &host, &choice, NULL) < 0)
		return 0;
	rc = find_manifest(s, a, digest_text(&choice->digest, child), ret, e);
	return rc != 0 || depth == NESTED_MAX ? rc : find_by_index(s, a, child, depth + 1, ret, e);
}

/* --- resolve --- */

/* 1 found, 0 not; of several the first that comes. */
static int find_one(struct image_store *s, struct arena *a, const char *sql, const char *p1, const char *p2, struct image **ret,
		    struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, sql, p2 ? "tt" : "t", p1, p2);

	if (rc == 0)
		rc = db_row(q, e);
	if (rc <= 0)
		return rc;
	rc = row_load(s, a, q, ret, e);
	return rc < 0 ? rc : 1;
}

/* The name of an index that was made here, or came without an image. */
static int find_index_name(struct image_store *s, struct arena *a, const char *name, struct image **ret, struct dv_err *e)
{
	struct manifest_row m;
	char text[DIGEST_TEXT_SIZE];
	struct dv_err why;
	int rc = manifest_name(s, a, name, &m, e);

	if (rc <= 0)
		return rc;
	if (m.kind == MANIFEST_CLASS_ARTIFACT)
		return dv_fail(e, DV_INVALID, "%s is an artifact, not an image", name);
	rc = find_by_index(s, a, digest_text(&m.digest, text), 0, ret, &why);
	if (rc < 0 && e)
		*e = why;
	return rc;
}

/* The digest is of the image's manifest, or of an index that it came by; in that repository. */
static int find_digest(struct image_store *s, struct arena *a, const struct image_name *n, struct image **ret,
		       struct dv_err *e)
{
	static const char sql[] = COLUMNS
		"WHERE i.id IN (SELECT image FROM repo_digests WHERE repo = ?2 AND digest = ?1"
		" UNION SELECT x.id FROM (SELECT id FROM images WHERE manifest = ?1 UNION SELECT ib.image FROM blobs b"
		" JOIN manifests m ON m.id = b.id JOIN image_blobs ib ON ib.blob = b.id WHERE b.digest = ?1) x WHERE EXISTS"
		" (SELECT 1 FROM names n WHERE n.image = x.id AND substr(n.name, 1, length(?2) + 1) = ?2 || ':'))";
	const char *repo = arena_printf(a, "%s/%s", n->host, n->path);
	struct image *first, *host;
	int rc = find_one(s, a, sql, n->digest, repo, &first, e);

	if (rc <= 0)
		return rc;
	/* All platforms of an index have it. */
	rc = find_by_index(s, a, n->digest, 0, &host, e);
	if (rc >= 0)
		*ret = rc > 0 ? host : first;
	return rc < 0 ? rc : 1;
}

static int find_name(struct image_store *s, struct arena *a, const char *ref, struct image **ret, struct dv_err *e)
{
	struct image_name n;

	if (image_name_parse(a, ref, &n, NULL) < 0)
		return 0;
	if (n.digest)
		return find_digest(s, a, &n, ret, e);
	const char *name = image_name_text(a, &n);
	int rc = find_one(s, a, COLUMNS "JOIN names n ON n.image = i.id WHERE n.name = ?", name, NULL, ret, e);
	return rc == 0 ? find_index_name(s, a, name, ret, e) : rc;
}

/* The id is an index's. */
static int find_index_id(struct image_store *s, struct arena *a, const char *ref, struct image **ret, struct dv_err *e)
{
	struct manifest_row m;
	char text[DIGEST_TEXT_SIZE];
	int rc = manifest_alone(s, a, ref, &m, e);

	return rc <= 0 ? rc : find_by_index(s, a, digest_text(&m.digest, text), 0, ret, e);
}

static int find_id(struct image_store *s, struct arena *a, const char *ref, struct image **ret, struct dv_err *e)
{
	const char *hex = str_starts(ref, "sha256:") ? ref + strlen("sha256:") : ref;
	struct manifest_row m;
	struct image *img;

	if (!hex || !str_only(hex, HEX) || strlen(hex) > 64)
		return 0;
	/* 'g' follows the last hex digit. */
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, COLUMNS "WHERE i.digest >= ?1 AND i.digest < ?2 LIMIT 2", "tt",
			  arena_printf(a, "sha256:%s", hex), arena_printf(a, "sha256:%sg", hex));
	if (rc == 0)
		rc = db_row(q, e);
	if (rc <= 0)
		return rc < 0 ? rc : find_index_id(s, a, ref, ret, e);
	rc = row_load(s, a, q, &img, e);
	if (rc == 0)
		rc = db_row(q, e);
	if (rc > 0)
		return dv_fail(e, DV_CONFLICT, "short image id is ambiguous");
	/* An index whose id begins like it: CONFLICT too. */
	if (rc == 0 && strlen(hex) < 64)
		rc = manifest_alone(s, a, ref, &m, e);
	if (rc == 0)
		*ret = img;
	return rc < 0 ? rc : 1;
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

int manifest_image(struct image_store *s, struct arena *a, const struct digest *d, struct image **ret, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	int rc = find_manifest(s, a, digest_text(d, text), ret, e);

	return rc == 0 ? dv_fail(e, DV_NOT_FOUND, "no image has the manifest %s", text) : rc < 0 ? rc : 0;
}
