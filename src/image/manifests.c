/* manifests.c - rows of manifests, indexes and artifacts: what they are, refer to, and are called. */
#include <stdio.h>

#include "base/str.h"
#include "image/manifests.h"
#include "image/name.h"
#include "image/store.h"
#include "image/store_parts.h"

/* --- put --- */

int manifest_row_add(struct image_store *s, const struct digest *d, const struct manifest_info *info, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE], subject[DIGEST_TEXT_SIZE], ref[DIGEST_TEXT_SIZE];
	int rc = db_exec(s->db, e, "INSERT OR IGNORE INTO manifests SELECT id, ?2, ?3, ?4, ?5 FROM blobs WHERE digest = ?1",
			 "ttttt", digest_text(d, text), manifest_class_name(info->kind), info->media_type,
			 info->artifact_type, info->subject.alg ? digest_text(&info->subject, subject) : NULL);

	if (rc <= 0)
		return rc;
	for (size_t i = 0; i < info->n && rc >= 0; i++)
		rc = db_exec(s->db, e, "INSERT OR IGNORE INTO manifest_refs SELECT id, ?2 FROM blobs WHERE digest = ?1", "tt",
			     text, digest_text(&info->refs[i].digest, ref));
	if (rc >= 0)
		rc = db_exec(s->db, e, "UPDATE blobs SET media_type = ?2 WHERE digest = ?1", "tt", text, info->media_type);
	return rc < 0 ? rc : 0;
}

static int name_row(struct image_store *s, const char *digest, const char *name, struct dv_err *e)
{
	int rc = db_exec(s->db, e, "INSERT INTO names (name, image, manifest)"
				   " SELECT ?1, i.id, iif(i.id IS NULL, m.id, NULL) FROM blobs b JOIN manifests m ON m.id = b.id"
				   " LEFT JOIN images i ON i.manifest = b.digest WHERE b.digest = ?2"
				   " ON CONFLICT (name) DO UPDATE SET image = excluded.image, manifest = excluded.manifest",
			 "tt", name, digest);

	return rc == 0 ? dv_fail(e, DV_NOT_FOUND, "no such manifest: %s", digest) : rc < 0 ? rc : 0;
}

struct put {
	const struct digest *d;
	const struct manifest_info *info;
	const char *name;
	const struct blob_meta *m;
};

static int put_rows(void *ctx, struct image_store *s, struct dv_err *e)
{
	const struct put *p = ctx;
	char text[DIGEST_TEXT_SIZE];
	int rc = manifest_row_add(s, p->d, p->info, e);

	if (rc == 0 && p->name)
		rc = name_row(s, digest_text(p->d, text), p->name, e);
	if (rc == 0 && p->m && p->m->also)
		rc = p->m->also(p->m->ctx, s, e);
	return rc;
}

int manifest_put(struct image_store *s, const struct digest *d, const void *text, size_t len, const char *media_type,
		 const char *name, const struct blob_meta *m, struct dv_err *e)
{
	auto_arena struct arena a;
	struct manifest_info info;
	struct put p = { d, &info, name, m };
	struct blob_meta meta = m ? *m : (struct blob_meta){ 0 };

	arena_init(&a, 0);
	int rc = manifest_info_parse(&a, text, len, media_type ? media_type : "", &info, e);
	if (rc < 0)
		return rc;
	meta.also = put_rows;
	meta.ctx = &p;
	return blob_put_bytes(s, d, text, len, &meta, e);
}

/* --- read --- */

int manifest_load(struct image_store *s, struct arena *a, const struct digest *d, const char **ret_text,
		  size_t *ret_len, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(IMAGE_MANIFEST_MAX);
	int rc = blob_read(s, d, &b, e);

	if (rc < 0)
		return rc;
	char *copy = arena_try(a, b.len + 1);
	if (!copy)
		return dv_fail(e, DV_LIMIT, "manifests are too large");
	memcpy(copy, buf_cstr(&b), b.len);
	*ret_text = copy;
	*ret_len = b.len;
	return 0;
}

#define COLUMNS "SELECT b.digest, b.size, m.kind, m.media_type, m.artifact_type, m.subject, b.created, "
#define TABLES " FROM manifests m JOIN blobs b ON b.id = m.id "

static enum manifest_class class_of(const char *name)
{
	for (int c = MANIFEST_CLASS_IMAGE; c < MANIFEST_CLASS_ARTIFACT; c++)
		if (streq(manifest_class_name((enum manifest_class)c), name))
			return (enum manifest_class)c;
	return MANIFEST_CLASS_ARTIFACT;
}

static const char *text_or_null(struct arena *a, struct db_stmt *q, int col)
{
	const char *t = db_text(q, col);

	return t ? arena_str(a, t) : NULL;
}

static int row_load(struct arena *a, struct db_stmt *q, struct manifest_row *ret, struct dv_err *e)
{
	struct manifest_row r = { .size = (uint64_t)db_i64(q, 1), .kind = class_of(db_text(q, 2)),
				  .media_type = arena_str(a, db_text(q, 3)), .artifact_type = text_or_null(a, q, 4),
				  .created = db_i64(q, 6), .name = text_or_null(a, q, 7) };
	int rc = digest_parse(db_text(q, 0), &r.digest, e);

	if (rc == 0 && db_text(q, 5))
		rc = digest_parse(db_text(q, 5), &r.subject, e);
	if (rc < 0)
		return dv_wrap(e, "engine.db: manifests");
	*ret = r;
	return 0;
}

/* 1 found, 0 not. */
static int find(struct image_store *s, struct arena *a, const char *sql, const char *key, struct manifest_row *ret,
		struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, sql, "t", key);

	if (rc == 0)
		rc = db_row(q, e);
	if (rc > 0)
		rc = row_load(a, q, ret, e) < 0 ? -(int)DV_CORRUPT : 1;
	return rc;
}

static int find_digest(struct image_store *s, struct arena *a, const char *digest, struct manifest_row *ret,
		       struct dv_err *e)
{
	return find(s, a, COLUMNS "NULL" TABLES "WHERE b.digest = ?", digest, ret, e);
}

int manifest_stat(struct image_store *s, struct arena *a, const struct digest *d, struct manifest_row *ret,
		  struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	int rc = find_digest(s, a, digest_text(d, text), ret, e);

	return rc == 0 ? dv_fail(e, DV_NOT_FOUND, "no such manifest: %s", text) : rc < 0 ? rc : 0;
}

static int rows_load(struct arena *a, struct db_stmt *q, struct manifest_rows *ret, struct dv_err *e)
{
	size_t cap = 16;
	struct manifest_rows l = { arena_array(a, struct manifest_row, cap), 0 };
	int rc;

	while ((rc = db_row(q, e)) > 0) {
		if (l.n == cap) {
			struct manifest_row *more = arena_array(a, struct manifest_row, 2 * cap);

			memcpy(more, l.v, cap * sizeof(*more));
			l.v = more;
			cap *= 2;
		}
		rc = row_load(a, q, &l.v[l.n++], e);
		if (rc < 0)
			return rc;
	}
	if (rc == 0)
		*ret = l;
	return rc;
}

int manifest_referrers(struct image_store *s, struct arena *a, const struct digest *subject, const char *artifact_type,
		       struct manifest_rows *ret, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, COLUMNS "NULL" TABLES "WHERE m.subject = ?1 AND (?2 IS NULL OR m.artifact_type = ?2)"
						" ORDER BY b.id", "tt", digest_text(subject, text), artifact_type);

	return rc < 0 ? rc : rows_load(a, q, ret, e);
}

int manifest_list(struct image_store *s, struct arena *a, struct manifest_rows *ret, struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, COLUMNS "n.name" TABLES "JOIN names n ON n.manifest = m.id WHERE n.image IS NULL"
						" ORDER BY n.name", "");

	return rc < 0 ? rc : rows_load(a, q, ret, e);
}

/* --- names --- */

int manifest_tag(struct image_store *s, const struct digest *d, const char *name, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	bool own;
	int rc = store_begin(s, &own, e);

	return rc < 0 ? rc : store_end(s, own, name_row(s, digest_text(d, text), name, e), e);
}

/* Of a repository: one of its names stands for it or for an image that came by it, or it was pulled from there. */
static int find_in_repo(struct image_store *s, struct arena *a, const struct image_name *n, struct manifest_row *ret,
			struct dv_err *e)
{
	static const char sql[] =
		"SELECT 1 FROM repo_digests WHERE repo = ?1 AND digest = ?2"
		" UNION ALL SELECT 1 FROM names n WHERE substr(n.name, 1, length(?1) + 1) = ?1 || ':' AND"
		" (n.manifest = (SELECT id FROM blobs WHERE digest = ?2)"
		" OR n.image IN (SELECT id FROM images WHERE manifest = ?2)"
		" OR n.image IN (SELECT ib.image FROM blobs b JOIN image_blobs ib ON ib.blob = b.id WHERE b.digest = ?2))";
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, sql, "tt", arena_printf(a, "%s/%s", n->host, n->path), n->digest);

	if (rc == 0)
		rc = db_row(q, e);
	return rc <= 0 ? rc : find_digest(s, a, n->digest, ret, e);
}

int manifest_name(struct image_store *s, struct arena *a, const char *name, struct manifest_row *ret, struct dv_err *e)
{
	return find(s, a, COLUMNS "n.name" TABLES "JOIN names n ON n.manifest = m.id WHERE n.name = ?", name, ret, e);
}

/* The row's own name must be free: a name wins over the beginning of an id. */
static int find_id(struct image_store *s, struct arena *a, const char *ref, struct manifest_row *ret, struct dv_err *e)
{
	const char *hex = str_starts(ref, "sha256:") ? ref + strlen("sha256:") : ref, *name;
	DB_STMT(q);

	if (!hex || !*hex || !str_only(hex, "0123456789abcdef") || strlen(hex) > 64 || image_name_normalize(a, ref, &name, NULL) < 0)
		return 0;
	const char *from = arena_printf(a, "sha256:%s", hex), *to = arena_printf(a, "sha256:%sg", hex);
	int rc = db_query(s->db, &q, e, COLUMNS "NULL" TABLES
			  "WHERE b.digest >= ?1 AND b.digest < ?2 AND m.kind <> 'image'"
			  " AND EXISTS (SELECT 1 FROM names n WHERE n.manifest = m.id AND n.image IS NULL)"
			  " AND NOT EXISTS (SELECT 1 FROM names n WHERE n.name = ?3) LIMIT 2", "ttt", from, to, name);
	if (rc == 0)
		rc = db_row(q, e);
	if (rc <= 0)
		return rc;
	if (row_load(a, q, ret, e) < 0)
		return -(int)DV_CORRUPT;
	rc = db_row(q, e);
	if (rc == 0) {
		DB_STMT(image);

		rc = db_query(s->db, &image, e, "SELECT 1 FROM images WHERE digest >= ? AND digest < ?", "tt", from, to);
		if (rc == 0)
			rc = db_row(image, e);
	}
	return rc > 0 ? dv_fail(e, DV_CONFLICT, "short image id is ambiguous") : rc < 0 ? rc : 1;
}

int manifest_alone(struct image_store *s, struct arena *a, const char *ref, struct manifest_row *ret, struct dv_err *e)
{
	const char *name;
	int rc = 0;

	if (image_name_normalize(a, ref, &name, NULL) == 0)
		rc = find(s, a, COLUMNS "n.name" TABLES "JOIN names n ON n.manifest = m.id WHERE n.name = ? AND n.image IS NULL",
			  name, ret, e);
	return rc ? rc : find_id(s, a, ref, ret, e);
}

int manifest_names(struct image_store *s, struct arena *a, const struct digest *d, const char ***ret, struct dv_err *e)
{
	struct manifest_rows rows;
	size_t n = 0;
	int rc = manifest_list(s, a, &rows, e);

	if (rc < 0)
		return rc;
	*ret = arena_array(a, const char *, rows.n + 1);
	for (size_t i = 0; i < rows.n; i++)
		if (digest_equal(&rows.v[i].digest, d))
			(*ret)[n++] = rows.v[i].name;
	return 0;
}

int manifest_resolve(struct image_store *s, struct arena *a, const char *ref, struct manifest_row *ret, struct dv_err *e)
{
	struct image_name n;
	struct image *img;
	int rc = 0;

	if (image_name_parse(a, ref, &n, NULL) == 0)
		rc = n.digest ? find_in_repo(s, a, &n, ret, e) : manifest_name(s, a, image_name_text(a, &n), ret, e);
	if (rc == 0)
		rc = find_id(s, a, ref, ret, e);
	if (rc == 0) {
		rc = image_resolve(s, a, ref, &img, e);
		if (rc == 0)
			rc = find_digest(s, a, img->manifest, ret, e);
		if (rc == 0)
			return dv_fail(e, DV_NOT_FOUND, "No such manifest: %.300s", ref);
	}
	return rc < 0 ? rc : 0;
}
