/* check_report.c - problems with the names of who suffers, and repairs: made again, marked, or removed. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/map.h"
#include "base/str.h"
#include "image/blob.h"
#include "image/check_report.h"
#include "image/unpack_parts.h"

/* --- the list --- */

/* Names, or ids, of images that have the blob or layer. */
static int suffering(struct report *r, const char *name, const char ***ret, struct dv_err *e)
{
	static const char sql[] =
		"SELECT coalesce((SELECT min(n.name) FROM names n WHERE n.image = i.id), i.digest) FROM images i WHERE i.digest = ?1"
		" OR i.id IN (SELECT il.image FROM image_layers il JOIN layers l ON l.id = il.layer WHERE l.dir = ?1"
		" UNION SELECT il.image FROM image_layers il JOIN blobs b ON b.id = il.blob WHERE b.digest = ?1"
		" UNION SELECT ib.image FROM image_blobs ib JOIN blobs b ON b.id = ib.blob WHERE b.digest = ?1) ORDER BY 1 LIMIT 100";
	const char **v = arena_array(r->a, const char *, 101);
	size_t n = 0;
	DB_STMT(q);
	int rc = db_query(r->c->s->db, &q, e, sql, "t", name);

	while (rc >= 0 && (rc = db_row(q, e)) > 0)
		v[n++] = arena_str(r->a, db_text(q, 0));
	*ret = v;
	return rc;
}

int report_add(struct report *r, const char *what, const char *name, const char *text, bool repaired, struct dv_err *e)
{
	struct check_result *x = &r->result;
	const char **images;
	int rc = suffering(r, name, &images, e);

	if (rc < 0)
		return rc;
	if (x->n == r->cap) {
		size_t more = r->cap ? 2 * r->cap : 16;
		struct check_problem *v = arena_array(r->a, struct check_problem, more);

		if (x->n)
			memcpy(v, x->v, x->n * sizeof(*v));
		x->v = v;
		r->cap = more;
	}
	x->v[x->n++] = (struct check_problem){ what, arena_str(r->a, name), arena_str(r->a, text), repaired, images };
	x->n_repaired += repaired;
	return 0;
}

void report_repaired(struct report *r)
{
	r->result.v[r->result.n - 1].repaired = true;
	r->result.n_repaired++;
}

bool report_knows(const struct report *r, const char *name)
{
	for (size_t i = 0; i < r->result.n; i++)
		if (streq(r->result.v[i].name, name))
			return true;
	return false;
}

int report_has_row(struct report *r, bool layer, const char *key, bool *ret, struct dv_err *e)
{
	DB_STMT(q);
	static const char blob_sql[] = "SELECT 1 FROM blobs WHERE digest = ?", layer_sql[] = "SELECT 1 FROM layers WHERE dir = ?";
	int rc = db_query(r->c->s->db, &q, e, layer ? layer_sql : blob_sql, "t", key);

	if (rc == 0)
		rc = db_row(q, e);
	if (rc >= 0)
		*ret = rc > 0;
	return rc < 0 ? rc : 0;
}

int report_rows(struct report *r, const char *sql, int columns, struct text_rows *ret, struct dv_err *e)
{
	struct text_rows l = { 0 };
	size_t cap = 0;
	DB_STMT(q);
	int rc = db_query(r->c->s->db, &q, e, sql, "");

	while (rc >= 0 && (rc = db_row(q, e)) > 0) {
		if (l.n == cap) {
			size_t more = cap ? 2 * cap : 64;
			const char *(*v)[4] = arena_alloc(r->a, mem_mul(more, sizeof(*v)));

			if (cap)
				memcpy(v, l.v, cap * sizeof(*v));
			l.v = v;
			cap = more;
		}
		for (int i = 0; i < columns; i++)
			l.v[l.n][i] = db_text(q, i) ? arena_str(r->a, db_text(q, i)) : NULL;
		l.n++;
	}
	if (rc == 0)
		*ret = l;
	return rc;
}

int64_t report_distinct(struct arena *a, const struct manifest_info *info)
{
	char text[DIGEST_TEXT_SIZE];
	struct map *m = map_new();

	(void)a;
	for (size_t i = 0; i < info->n; i++)
		(void)map_set(m, digest_text(&info->refs[i].digest, text), &info->refs[i]);
	int64_t n = (int64_t)map_len(m);
	map_free(m, NULL);
	return n;
}

/* --- files without a row --- */

struct stray {
	struct report *r;
	const char *dir, *prefix;
	bool layer;
	const char **v;
	size_t n, cap;
};

static int see(void *ctx, const char *name, struct dv_err *e)
{
	struct stray *x = ctx;

	if (x->n == x->cap) {
		size_t more = x->cap ? 2 * x->cap : 64;
		const char **v = arena_array(x->r->a, const char *, more);

		if (x->n)
			memcpy(v, x->v, x->n * sizeof(*v));
		x->v = v;
		x->cap = more;
	}
	x->v[x->n++] = arena_str(x->r->a, name);
	return 0;
}

/* A download that is just being finished has its second name still. */
static bool is_partial(struct report *r, const struct stray *x, const char *name)
{
	auto_free char *path = mem_printf("partial/%.6s-%s", x->prefix, name);
	struct stat st;

	return !x->layer && fstatat(r->c->s->rootfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int stray_problem(struct report *r, const struct stray *x, const char *name, struct dv_err *e)
{
	const char *path = arena_printf(r->a, "%s/%s", x->dir, name);
	bool has = false;
	int rc = report_has_row(r, x->layer, arena_printf(r->a, "%s%s", x->prefix, name), &has, e);
	struct stat st;

	/* It may be gone, or about to get a row: those who do that hold the lock, as we do. */
	if (rc < 0 || has || is_partial(r, x, name) || fstatat(r->c->s->rootfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return rc;
	if (r->c->o->repair)
		rc = stage_trash(r->c->st, path, e);
	return rc < 0 ? rc : report_add(r, "file", path, "no row of the database knows it", r->c->o->repair, e);
}

int report_strays(struct report *r, struct dv_err *e)
{
	struct stray dirs[] = { { r, "layers", "layers/", true }, { r, "blobs/sha256", "sha256:" }, { r, "blobs/sha512", "sha512:" } };
	auto_close int lock = -1;
	int rc = r->c->st ? store_lock(r->c->s, &lock, e) : 0;

	for (size_t i = 0; i < ARRAY_LEN(dirs) && rc == 0; i++) {
		rc = store_dir_each(r->c->s->rootfd, dirs[i].dir, see, &dirs[i], e);
		for (size_t k = 0; k < dirs[i].n && rc == 0; k++)
			rc = stray_problem(r, &dirs[i], dirs[i].v[k], e);
	}
	return rc;
}

/* --- repairs --- */

int repair_mark(struct report *r, bool layer, const char *key, struct dv_err *e)
{
	static const char blob_sql[] = "UPDATE blobs SET bad = 1 WHERE digest = ?",
			  layer_sql[] = "UPDATE layers SET bad = 1 WHERE dir = ?";
	int rc = db_begin(r->c->s->db, e);

	return rc < 0 ? rc :
	       store_end(r->c->s, true, db_exec(r->c->s->db, e, layer ? layer_sql : blob_sql, "t", key), e);
}

static int swap_layer(struct report *r, const struct check_job *j, const char *name, struct dv_err *e)
{
	struct image_store *s = r->c->s;
	auto_close int lock = -1;
	bool has = false;
	int rc = store_lock(s, &lock, e);

	if (rc == 0)
		rc = report_has_row(r, true, j->dir, &has, e);
	if (rc < 0 || !has)
		return rc;
	rc = stage_trash(r->c->st, j->dir, e);
	if (rc == 0)
		rc = store_rename(image_stage_dirfd(r->c->st), name, s->rootfd, j->dir, e);
	if (rc == 0)
		rc = store_sync_dir(s, "layers", e);
	if (rc == 0)
		rc = db_begin(s->db, e);
	return rc < 0 ? rc :
	       store_end(s, true, db_exec(s->db, e, "UPDATE layers SET bad = 0 WHERE dir = ?", "t", j->dir), e);
}

int repair_layer(struct report *r, const struct check_job *j, bool *ret, struct dv_err *e)
{
	const struct layer_driver *d = layer_driver_find(j->driver);
	struct dv_err why = DV_ERR_NONE;
	char name[24];

	(void)snprintf(name, sizeof(name), "repair%u", j->no);
	if (!d || check_job_make(j, d, name, &why) < 0)
		return repair_mark(r, true, j->dir, e);
	if (syncfs(image_stage_dirfd(r->c->st)) < 0)
		return dv_fail_errno(e, errno, "sync");
	int rc = swap_layer(r, j, name, e);
	*ret = rc == 0;
	return rc;
}

/* The text of a configuration is in its image's row, too. */
static int restore_config(struct report *r, const struct digest *d, const char *name, bool *ret, struct dv_err *e)
{
	struct digest have;
	size_t len;
	DB_STMT(q);
	int rc = db_query(r->c->s->db, &q, e, "SELECT config FROM images WHERE digest = ?", "t", name);

	if (rc == 0)
		rc = db_row(q, e);
	if (rc <= 0)
		return rc;
	const void *text = db_blob(q, 0, &len);
	digest_of(d->alg, text ? text : "", len, &have);
	if (!digest_equal(&have, d))
		return 0;
	auto_free char *copy = mem_alloc(len + 1);
	memcpy(copy, text ? text : "", len);
	db_stmt_end(take_ptr(&q));
	rc = blob_put_bytes(r->c->s, d, copy, len, NULL, e);
	*ret = rc == 0;
	return rc;
}

/* The wrong bytes are of no use to anybody. */
static int drop_blob(struct report *r, const struct digest *d, const char *name, bool *ret, struct dv_err *e)
{
	struct image_store *s = r->c->s;
	char path[STORE_PATH_SIZE];
	auto_close int lock = -1;
	auto_orphans struct orphans o;

	orphans_init(&o, r->a);
	orphans_add(&o, name, NULL, INT64_MAX);
	int rc = store_lock(s, &lock, e);
	if (rc == 0)
		rc = orphans_lock(s, &o, e);
	if (rc == 0)
		rc = db_begin(s->db, e);
	if (rc == 0)
		rc = store_end(s, true, orphans_rows(s, &o, e), e);
	if (rc == 0)
		rc = stage_trash(r->c->st, store_blob_path(d, path), e);
	*ret = rc == 0 && o.first->gone;
	return rc;
}

int repair_blob(struct report *r, const struct digest *d, const char *name, bool *ret, struct dv_err *e)
{
	int rc = repair_mark(r, false, name, e);

	if (rc == 0)
		rc = drop_blob(r, d, name, ret, e);
	return rc < 0 || *ret ? rc : restore_config(r, d, name, ret, e);
}

static int manifest_rows_again(struct image_store *s, const struct digest *d, const struct manifest_info *info, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE], subject[DIGEST_TEXT_SIZE], ref[DIGEST_TEXT_SIZE];
	int rc = db_exec(s->db, e, "UPDATE manifests SET kind = ?2, media_type = ?3, artifact_type = ?4, subject = ?5"
				   " WHERE id = (SELECT id FROM blobs WHERE digest = ?1)", "ttttt", digest_text(d, text),
			 manifest_class_name(info->kind), info->media_type, info->artifact_type,
			 info->subject.alg ? digest_text(&info->subject, subject) : NULL);

	if (rc >= 0)
		rc = db_exec(s->db, e, "DELETE FROM manifest_refs WHERE manifest = (SELECT id FROM blobs WHERE digest = ?)", "t", text);
	for (size_t i = 0; i < info->n && rc >= 0; i++)
		rc = db_exec(s->db, e, "INSERT OR IGNORE INTO manifest_refs SELECT id, ?2 FROM blobs WHERE digest = ?1", "tt", text,
			     digest_text(&info->refs[i].digest, ref));
	return rc < 0 ? rc : 0;
}

int repair_manifest(struct report *r, const struct digest *d, const struct manifest_info *info, struct dv_err *e)
{
	int rc = db_begin(r->c->s->db, e);

	return rc < 0 ? rc : store_end(r->c->s, true, manifest_rows_again(r->c->s, d, info, e), e);
}
