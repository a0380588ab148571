/* meta_manifest.c - manifests of a repository: found, put with all they need, deleted. */
#include <stdio.h>

#include "base/str.h"
#include "registry/meta_parts.h"

/* --- find --- */

int meta_manifest_find(struct image_store *s, struct arena *a, const struct route *r, struct meta_manifest *ret,
		       struct dv_err *e)
{
	struct db *db = image_store_db(s);
	char text[DIGEST_TEXT_SIZE];
	struct meta_manifest m;
	DB_STMT(q);
	int rc;

	if (r->tag[0])
		rc = db_query(db, &q, e,
			      "SELECT m.digest, m.media_type, m.size FROM registry_repos r JOIN registry_tags t ON t.repo = r.id"
			      " JOIN registry_manifests m ON m.id = t.manifest WHERE r.name = ? AND t.tag = ?", "tt",
			      r->name, r->tag);
	else
		rc = db_query(db, &q, e,
			      "SELECT m.digest, m.media_type, m.size FROM registry_repos r JOIN registry_manifests m"
			      " ON m.repo = r.id WHERE r.name = ? AND m.digest = ?", "tt", r->name,
			      digest_text(&r->digest, text));
	rc = meta_one(q, rc, NULL, e);
	if (rc == 0)
		return dv_fail(e, DV_NOT_FOUND, "no manifest %s in %s", r->tag[0] ? r->tag : text, r->name);
	if (rc > 0)
		rc = digest_parse(db_text(q, 0), &m.digest, e);
	if (rc < 0)
		return rc;
	m.media_type = arena_str(a, db_text(q, 1));
	m.size = (uint64_t)db_i64(q, 2);
	*ret = m;
	return 0;
}

/* --- put --- */

static int refuse(struct meta_put *p, enum problem problem, const struct digest *d, const char *why, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];

	p->problem = problem;
	(void)snprintf(p->detail, sizeof p->detail, "%s%s", digest_text(d, text), why);
	return dv_fail(e, DV_CONFLICT, "%s", p->detail);
}

/* What the manifest refers to is in the repository, and as large as it says. */
static int ref_check(struct db *db, int64_t repo, struct meta_put *p, const struct descriptor *ref, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	int64_t size = 0;
	DB_STMT(q);
	int rc = p->doc->kind == MANIFEST_CLASS_INDEX ? db_query(db, &q, e, "SELECT size FROM registry_manifests WHERE repo = ? AND digest = ?",
					     "it", repo, digest_text(&ref->digest, text))
				  : db_query(db, &q, e, "SELECT size FROM registry_blobs WHERE repo = ? AND digest = ?",
					     "it", repo, digest_text(&ref->digest, text));

	rc = meta_one(q, rc, &size, e);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return p->sparse || document_optional(ref) ? 0 : refuse(p, PROBLEM_MANIFEST_BLOB_UNKNOWN, &ref->digest, "", e);
	return (uint64_t)size == ref->size ? 0 : refuse(p, PROBLEM_MANIFEST_INVALID, &ref->digest,
							 ": the size is another", e);
}

static int refs_put(struct db *db, int64_t repo, int64_t manifest, struct meta_put *p, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	int rc = 0;

	for (size_t i = 0; i < p->doc->n && rc >= 0; i++) {
		rc = ref_check(db, repo, p, &p->doc->refs[i], e);
		if (rc == 0)
			rc = db_exec(db, e, "INSERT OR IGNORE INTO registry_refs (manifest, digest) VALUES (?, ?)", "it",
				     manifest, digest_text(&p->doc->refs[i].digest, text));
	}
	return DV_MIN(rc, 0);
}

static int row_put(struct db *db, struct arena *a, int64_t repo, struct meta_put *p, int64_t *ret, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE], subject[DIGEST_TEXT_SIZE];
	const struct manifest_info *d = p->doc;
	DB_STMT(q);
	/* The same bytes again are the same manifest: only its age is new (and its type, when that is said
	 * by the request alone). */
	int rc = db_exec(db, e,
			 "INSERT INTO registry_manifests (repo, digest, media_type, size, used, artifact_type, annotations,"
			 " subject) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (repo, digest) DO UPDATE SET used = ?5,"
			 " media_type = ?3", "ittiittt", repo, digest_text(p->digest, text), d->media_type, (int64_t)p->len,
			 meta_now(), d->artifact_type,
			 d->annotations ? json_text(a, d->annotations, JSON_COMPACT) : NULL,
			 d->subject.alg ? digest_text(&d->subject, subject) : NULL);

	if (rc >= 0)
		rc = db_query(db, &q, e, "SELECT id FROM registry_manifests WHERE repo = ? AND digest = ?", "it", repo, text);
	rc = meta_one(q, DV_MIN(rc, 0), ret, e);
	return rc == 0 ? dv_fail(e, DV_INTERNAL, "manifest row of %s is missing", text) : DV_MIN(rc, 0);
}

static int put_rows(void *ctx, struct image_store *s, struct dv_err *e)
{
	struct meta_put *p = ctx;
	struct db *db = image_store_db(s);
	auto_arena struct arena a;
	int64_t repo = 0, manifest = 0;

	arena_init(&a, 0);
	int rc = meta_repo_make(db, p->repo, &repo, e);
	if (rc == 0)
		rc = row_put(db, &a, repo, p, &manifest, e);
	if (rc == 0)
		rc = refs_put(db, repo, manifest, p, e);
	for (const char *const *t = p->tags; rc >= 0 && *t; t++)
		rc = db_exec(db, e, "INSERT INTO registry_tags (repo, tag, manifest) VALUES (?1, ?2, ?3)"
				    " ON CONFLICT (repo, tag) DO UPDATE SET manifest = ?3", "iti", repo, *t, manifest);
	return DV_MIN(rc, 0);
}

int meta_manifest_put(struct image_store *s, struct meta_put *p, struct dv_err *e)
{
	char holder[META_HOLDER_SIZE];
	struct blob_meta m = { .media_type = p->doc->media_type, .pin = meta_holder(p->repo, holder), .also = put_rows,
			       .ctx = p };

	p->problem = PROBLEM_NONE;
	return blob_put_bytes(s, p->digest, p->text, p->len, &m, e);
}

/* --- delete --- */

static int delete_rows(struct image_store *s, const struct route *r, struct dv_err *e)
{
	struct db *db = image_store_db(s);
	char text[DIGEST_TEXT_SIZE];
	int64_t repo = 0;
	int rc = meta_repo_find(db, r->name, &repo, e);

	if (rc < 0)
		return rc;
	if (r->tag[0]) {
		rc = db_exec(db, e, "DELETE FROM registry_tags WHERE repo = ? AND tag = ?", "it", repo, r->tag);
		return rc == 0 ? dv_fail(e, DV_NOT_FOUND, "no tag %s in %s", r->tag, r->name) : DV_MIN(rc, 0);
	}
	rc = db_exec(db, e, "DELETE FROM registry_manifests WHERE repo = ? AND digest = ?", "it", repo,
		     digest_text(&r->digest, text));
	if (rc == 0)
		return dv_fail(e, DV_NOT_FOUND, "no manifest %s in %s", text, r->name);
	return rc < 0 ? rc : meta_unpin(s, repo, r->name, &r->digest, e);
}

int meta_manifest_delete(struct image_store *s, const struct route *r, struct dv_err *e)
{
	struct db *db = image_store_db(s);
	int rc = db_begin(db, e);

	if (rc < 0)
		return rc;
	rc = delete_rows(s, r, e);
	if (rc == 0)
		return db_commit(db, e);
	db_rollback(db);
	return rc;
}
