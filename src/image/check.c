/* check.c - the check of a store: rows and files are listed, read on several threads, compared, and put right.
 *
 * Others may work meanwhile: what was removed while it was looked at is no problem.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/job.h"
#include "base/map.h"
#include "base/str.h"
#include "image/blob.h"
#include "image/check_report.h"
#include "image/config.h"
#include "image/manifests.h"
#include "image/unpack_parts.h"

/* --- jobs out of rows --- */

static struct check_job *job_add(struct report *r, const char *digest, struct dv_err *e)
{
	struct check_job *j = arena_new(r->a, struct check_job);

	if (digest_parse(digest, &j->digest, e) < 0)
		return NULL;
	j->c = r->c;
	j->no = (unsigned)r->c->n++;
	*r->c->end = j;
	r->c->end = &j->next;
	return j;
}

static int lowers_of(struct report *r, int64_t image, int64_t idx, struct check_job *j, struct dv_err *e)
{
	const char **v = arena_array(r->a, const char *, (size_t)idx + 1);
	DB_STMT(q);
	int rc = db_query(r->c->s->db, &q, e, "SELECT l.dir FROM image_layers il JOIN layers l ON l.id = il.layer"
					      " WHERE il.image = ? AND il.idx < ? ORDER BY il.idx DESC", "ii", image, idx);

	while (rc >= 0 && (rc = db_row(q, e)) > 0)
		if (j->n_lowers < (size_t)idx)
			v[j->n_lowers++] = arena_str(r->a, db_text(q, 0));
	j->lowers = v;
	return rc;
}

/* Each layer with one of its blobs, and the layers below it in one of its images. */
static int layer_jobs(struct report *r, struct map *seen, struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(r->c->s->db, &q, e,
			  "SELECT l.dir, l.diff_id, l.driver, coalesce(b.digest, (SELECT min(x.digest) FROM blobs x"
			  " WHERE x.diff_id = l.diff_id)) AS d, min(il.image), il.idx, (SELECT size FROM blobs WHERE digest ="
			  " coalesce(b.digest, (SELECT min(x.digest) FROM blobs x WHERE x.diff_id = l.diff_id)))"
			  " FROM layers l LEFT JOIN image_layers il ON il.layer = l.id LEFT JOIN blobs b ON b.id = il.blob"
			  " GROUP BY l.id", "");

	while (rc >= 0 && (rc = db_row(q, e)) > 0) {
		const char *digest = db_text(q, 3);
		struct check_job *j;

		r->result.layers++;
		if (!digest)
			continue;
		j = job_add(r, digest, e);
		if (!j)
			return -DV_CORRUPT;
		j->dir = arena_str(r->a, db_text(q, 0));
		j->driver = arena_str(r->a, db_text(q, 2));
		j->size = (uint64_t)db_i64(q, 6);
		r->c->all_bytes += j->size;
		(void)map_set(seen, digest, j);
		rc = digest_parse(db_text(q, 1), &j->diff_id, e);
		if (rc == 0)
			rc = lowers_of(r, db_i64(q, 4), db_i64(q, 5), j, e);
	}
	return rc;
}

static int blob_jobs(struct report *r, struct map *seen, struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(r->c->s->db, &q, e, "SELECT digest, size, diff_id FROM blobs", "");

	while (rc >= 0 && (rc = db_row(q, e)) > 0) {
		struct check_job *j;

		r->result.blobs++;
		if (map_get(seen, db_text(q, 0)))
			continue;
		j = job_add(r, db_text(q, 0), e);
		if (!j)
			return -DV_CORRUPT;
		j->size = (uint64_t)db_i64(q, 1);
		r->c->all_bytes += j->size;
		if (db_text(q, 2))
			rc = digest_parse(db_text(q, 2), &j->diff_id, e);
	}
	return rc;
}

static int list_jobs(struct report *r, struct dv_err *e)
{
	struct map *seen = map_new();
	int rc = db_begin_read(r->c->s->db, e);

	if (rc == 0) {
		rc = layer_jobs(r, seen, e);
		if (rc == 0)
			rc = blob_jobs(r, seen, e);
		db_rollback(r->c->s->db);
	}
	map_free(seen, NULL);
	return rc;
}

/* --- jobs at work --- */

struct work {
	struct report *r;
	struct check_job *j;
};

static int work_run(void *ctx, struct dv_err *e)
{
	struct work *w = ctx;

	return check_job_run(w->j, e);
}

static void work_done(void *ctx, int result, const struct dv_err *e)
{
	struct work *w = ctx;
	struct check *c = w->r->c;

	if (result < 0)
		(void)snprintf(w->j->layer_text, sizeof(w->j->layer_text), "could not be checked: %.200s", e->msg);
	c->done_bytes += w->j->size;
	w->r->result.files += w->j->files;
	w->r->result.bytes += w->j->size;
	if (c->o->progress)
		c->o->progress(c->o->ctx, c->done_bytes, c->all_bytes);
}

static int run_jobs(struct report *r, struct dv_err *e)
{
	struct job_pool *pool;
	int rc = job_pool_new(NULL, r->c->o->threads, (unsigned)r->c->n + 1, &pool, e);

	for (struct check_job *j = r->c->first; j && rc == 0; j = j->next) {
		struct work *w = arena_new(r->a, struct work);

		*w = (struct work){ r, j };
		rc = job_submit(pool, work_run, work_done, w, e);
	}
	if (rc == 0 || r->c->n)
		job_wait_all(pool);
	job_pool_free(pool);
	return rc;
}

/* --- what they found --- */

static int layer_problem(struct report *r, struct check_job *j, struct dv_err *e)
{
	bool has = false, repaired = false;
	int rc = report_has_row(r, true, j->dir, &has, e);

	if (rc < 0 || !has)
		return rc;
	if (r->c->o->repair && !j->blob_text[0])
		rc = repair_layer(r, j, &repaired, e);
	else if (r->c->o->repair)
		rc = repair_mark(r, true, j->dir, e);
	return rc < 0 ? rc : report_add(r, "layer", j->dir, j->layer_text, repaired, e);
}

static int blob_problem(struct report *r, struct check_job *j, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	bool has = false, repaired = false;
	const char *name = arena_str(r->a, digest_text(&j->digest, text));
	int rc = report_has_row(r, false, name, &has, e);

	if (rc < 0 || !has || report_knows(r, name))
		return rc;
	/* First who suffers: afterwards nobody may have it any more. */
	rc = report_add(r, "blob", name, j->blob_text, false, e);
	if (rc == 0 && r->c->o->repair && j->blob_lost)
		rc = repair_blob(r, &j->digest, name, &repaired, e);
	if (repaired)
		report_repaired(r);
	return rc;
}

static int judge_jobs(struct report *r, struct dv_err *e)
{
	int rc = 0;

	for (struct check_job *j = r->c->first; j && rc == 0; j = j->next)
		if (j->blob_text[0])
			rc = blob_problem(r, j, e);
	for (struct check_job *j = r->c->first; j && rc == 0; j = j->next)
		if (j->dir && j->layer_text[0])
			rc = layer_problem(r, j, e);
	return rc;
}

/* --- manifests and images: small, in this thread --- */

static int one_manifest(struct report *r, struct arena *a, const char *digest, const char *kind, const char *subject, int64_t refs,
			struct dv_err *e)
{
	struct manifest_info info;
	struct dv_err why = DV_ERR_NONE;
	char text[DIGEST_TEXT_SIZE];
	const char *doc;
	struct digest d;
	size_t len;

	/* One whose blob is lost has been told of. */
	if (digest_parse(digest, &d, e) < 0 || report_knows(r, digest) || manifest_load(r->c->s, a, &d, &doc, &len, NULL) < 0)
		return 0;
	if (manifest_info_parse(a, doc, len, "", &info, &why) < 0)
		return report_add(r, "manifest", digest, why.msg, false, e);
	bool same = streq(manifest_class_name(info.kind), kind) && (info.subject.alg != 0) == (subject != NULL) &&
		    (!subject || streq(subject, digest_text(&info.subject, text))) && refs == report_distinct(a, &info);
	if (same)
		return 0;
	int rc = r->c->o->repair ? repair_manifest(r, &d, &info, e) : 0;
	return rc < 0 ? rc : report_add(r, "manifest", digest, "its row says something else than it does", r->c->o->repair, e);
}

static int all_manifests(struct report *r, struct dv_err *e)
{
	struct text_rows rows;
	int rc = report_rows(r, "SELECT b.digest, m.kind, m.subject, (SELECT count(*) FROM manifest_refs x WHERE x.manifest = m.id)"
				" FROM manifests m JOIN blobs b ON b.id = m.id", 4, &rows, e);

	for (size_t i = 0; i < rows.n && rc == 0; i++) {
		auto_arena struct arena a;
		int64_t refs = 0;

		arena_init(&a, 0);
		(void)!str_i64(rows.v[i][3], 0, INT64_MAX, "count", &refs, NULL);
		rc = one_manifest(r, &a, rows.v[i][0], rows.v[i][1], rows.v[i][2], refs, e);
	}
	return rc;
}

static const char *image_wrong(struct arena *a, const struct image *img)
{
	char text[DIGEST_TEXT_SIZE];
	struct image_config c;
	struct digest d;

	digest_of(DIGEST_SHA256, img->config, img->config_len, &d);
	if (!streq(digest_text(&d, text), img->id))
		return "the configuration in its row has another digest";
	if (image_config_parse(a, img->config, img->config_len, &c, NULL) < 0)
		return "its configuration is none";
	if (c.n_layers != img->n_layers)
		return "it has another number of layers than its configuration says";
	for (size_t i = 0; i < c.n_layers; i++)
		if (!streq(digest_text(&c.diff_ids[i], text), img->layers[i].diff_id))
			return arena_printf(a, "layer %zu is not the one of its configuration", i + 1);
	return NULL;
}

static int all_images(struct report *r, struct dv_err *e)
{
	auto_arena struct arena a;
	struct image_list list;

	arena_init(&a, (size_t)1 << 30);
	int rc = image_list_with(r->c->s, &a, IMAGE_LIST_LAYERS | IMAGE_LIST_CONFIG, &list, e);
	for (size_t i = 0; i < list.n && rc == 0; i++) {
		const char *what = image_wrong(&a, list.v[i]);

		if (what)
			rc = report_add(r, "image", list.v[i]->id, what, false, e);
	}
	return rc;
}

/* --- all of it --- */

static int check_all(struct report *r, struct dv_err *e)
{
	int rc = report_strays(r, e);

	if (rc == 0)
		rc = list_jobs(r, e);
	if (rc == 0)
		rc = run_jobs(r, e);
	if (rc == 0)
		rc = judge_jobs(r, e);
	if (rc == 0)
		rc = all_manifests(r, e);
	return rc < 0 ? rc : all_images(r, e);
}

int image_check(struct image_store *s, const struct check_options *o, struct arena *a, struct check_result *ret,
		struct dv_err *e)
{
	struct check c = { .s = s, .o = o };
	struct report r = { .c = &c, .a = a };
	struct dv_err why = DV_ERR_NONE;

	c.end = &c.first;
	/* What dead owners left is removed with it. */
	int rc = image_stage_open(s, &c.st, &why);
	if (rc < 0 && (rc != -DV_FORBIDDEN || o->repair)) {
		if (e)
			*e = why;
		return rc;
	}
	r.result.blobs_only = !c.st;
	rc = check_all(&r, e);
	image_stage_close(c.st);
	if (rc == 0)
		*ret = r.result;
	return rc;
}
