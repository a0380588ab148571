/* meta.c - the registry's tables, and the blobs of repositories. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/str.h"
#include "registry/meta_parts.h"

/* used: the last time somebody pushed or asked for it: what a push has found is not collected before its manifest. */
static const char *const steps[] = {
	"CREATE TABLE registry_repos(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
	"CREATE TABLE registry_blobs(repo INTEGER NOT NULL REFERENCES registry_repos ON DELETE CASCADE,"
	" digest TEXT NOT NULL, size INTEGER NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (repo, digest)) WITHOUT ROWID;"
	"CREATE INDEX registry_blobs_digest ON registry_blobs(digest);"
	"CREATE TABLE registry_manifests(id INTEGER PRIMARY KEY,"
	" repo INTEGER NOT NULL REFERENCES registry_repos ON DELETE CASCADE, digest TEXT NOT NULL,"
	" media_type TEXT NOT NULL, size INTEGER NOT NULL, used INTEGER NOT NULL, artifact_type TEXT, annotations TEXT,"
	" subject TEXT, UNIQUE (repo, digest));"
	"CREATE INDEX registry_manifests_subject ON registry_manifests(repo, subject) WHERE subject IS NOT NULL;"
	"CREATE TABLE registry_tags(repo INTEGER NOT NULL REFERENCES registry_repos ON DELETE CASCADE, tag TEXT NOT NULL,"
	" manifest INTEGER NOT NULL REFERENCES registry_manifests ON DELETE CASCADE, PRIMARY KEY (repo, tag)) WITHOUT ROWID;"
	"CREATE INDEX registry_tags_manifest ON registry_tags(manifest);"
	"CREATE TABLE registry_refs(manifest INTEGER NOT NULL REFERENCES registry_manifests ON DELETE CASCADE,"
	" digest TEXT NOT NULL, PRIMARY KEY (manifest, digest)) WITHOUT ROWID;"
	"CREATE INDEX registry_refs_digest ON registry_refs(digest)",
	NULL
};
static const struct db_schema schema = { "registry", steps };

int meta_migrate(struct image_store *s, struct dv_err *e)
{
	return db_migrate(image_store_db(s), &schema, e);
}

/* --- shared --- */

int64_t meta_now(void)
{
	return (int64_t)time(NULL);
}

const char *meta_holder(const char *repo, char out[META_HOLDER_SIZE])
{
	(void)snprintf(out, META_HOLDER_SIZE, "registry:%s", repo);
	return out;
}

int meta_one(struct db_stmt *q, int rc, int64_t *ret_i64, struct dv_err *e)
{
	if (rc == 0)
		rc = db_row(q, e);
	if (rc > 0 && ret_i64)
		*ret_i64 = db_i64(q, 0);
	return rc;
}

int meta_repo_find(struct db *db, const char *repo, int64_t *ret, struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(db, &q, e, "SELECT id FROM registry_repos WHERE name = ?", "t", repo);

	rc = meta_one(q, rc, ret, e);
	return rc == 0 ? dv_fail(e, DV_NOT_FOUND, "no repository %s", repo) : DV_MIN(rc, 0);
}

int meta_repo_make(struct db *db, const char *repo, int64_t *ret, struct dv_err *e)
{
	int rc = db_exec(db, e, "INSERT OR IGNORE INTO registry_repos (name) VALUES (?)", "t", repo);

	return rc < 0 ? rc : meta_repo_find(db, repo, ret, e);
}

int meta_unpin(struct image_store *s, int64_t repo_id, const char *repo, const struct digest *d, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE], holder[META_HOLDER_SIZE];
	DB_STMT(q);
	int rc = db_query(image_store_db(s), &q, e,
			  "SELECT 1 FROM registry_blobs WHERE repo = ?1 AND digest = ?2"
			  " UNION ALL SELECT 1 FROM registry_manifests WHERE repo = ?1 AND digest = ?2", "it", repo_id,
			  digest_text(d, text));

	rc = meta_one(q, rc, NULL, e);
	return rc != 0 ? DV_MIN(rc, 0) : blob_unpin(s, meta_holder(repo, holder), d, e);
}

/* --- blobs --- */

int meta_blob_find(struct image_store *s, const char *repo, const struct digest *d, uint64_t *ret_size,
		   int64_t *ret_used, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	DB_STMT(q);
	int rc = db_query(image_store_db(s), &q, e,
			  "SELECT b.size, b.used FROM registry_repos r JOIN registry_blobs b ON b.repo = r.id"
			  " WHERE r.name = ? AND b.digest = ?", "tt", repo, digest_text(d, text));

	rc = meta_one(q, rc, NULL, e);
	if (rc == 0)
		return dv_fail(e, DV_NOT_FOUND, "no blob %s in %s", text, repo);
	if (rc > 0) {
		*ret_size = (uint64_t)db_i64(q, 0);
		*ret_used = db_i64(q, 1);
	}
	return DV_MIN(rc, 0);
}

int meta_blob_touch(struct image_store *s, const char *repo, const struct digest *d, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	struct db *db = image_store_db(s);
	int rc = db_begin(db, e);

	if (rc < 0)
		return rc;
	rc = db_exec(db, e, "UPDATE registry_blobs SET used = ? WHERE digest = ? AND repo ="
			    " (SELECT id FROM registry_repos WHERE name = ?)", "itt", meta_now(), digest_text(d, text), repo);
	if (rc >= 0)
		return db_commit(db, e);
	db_rollback(db);
	return rc;
}

struct link {
	const char *repo;
	const struct digest *digest;
	uint64_t size;
};

static int link_row(void *ctx, struct image_store *s, struct dv_err *e)
{
	const struct link *l = ctx;
	struct db *db = image_store_db(s);
	char text[DIGEST_TEXT_SIZE];
	int64_t repo = 0;
	int rc = meta_repo_make(db, l->repo, &repo, e);

	if (rc == 0)
		rc = db_exec(db, e, "INSERT INTO registry_blobs (repo, digest, size, used) VALUES (?1, ?2, ?3, ?4)"
				    " ON CONFLICT (repo, digest) DO UPDATE SET used = ?4", "itii", repo,
			     digest_text(l->digest, text), (int64_t)l->size, meta_now());
	return DV_MIN(rc, 0);
}

int meta_blob_add(struct image_store *s, const char *repo, const struct digest *d, uint64_t size, int dirfd,
		  const char *name, struct dv_err *e)
{
	char holder[META_HOLDER_SIZE];
	struct link l = { repo, d, size };
	struct blob_meta m = { .pin = meta_holder(repo, holder), .also = link_row, .ctx = &l };

	return blob_put_file(s, d, dirfd, name, &m, e);
}

int meta_blob_link(struct image_store *s, const char *repo, const struct digest *d, struct dv_err *e)
{
	char holder[META_HOLDER_SIZE];
	auto_close int fd = -1;
	struct link l = { repo, d, 0 };
	struct blob_meta m = { .pin = meta_holder(repo, holder), .also = link_row, .ctx = &l };
	/* Held, so that the collector does not take it before it is pinned. */
	int rc = blob_hold(s, d, &fd, e);
	struct stat st;

	if (rc < 0)
		return rc;
	if (fstat(fd, &st) < 0)
		return dv_fail_errno(e, errno, "look at a blob");
	l.size = (uint64_t)st.st_size;
	return blob_note(s, d, &m, e);
}

/* A manifest of the repository that refers to the digest, for the message. */
static int blob_user(struct db *db, int64_t repo, const char *digest, struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(db, &q, e, "SELECT m.digest FROM registry_refs f JOIN registry_manifests m ON m.id = f.manifest"
				     " WHERE f.digest = ? AND m.repo = ?", "ti", digest, repo);

	rc = meta_one(q, rc, NULL, e);
	return rc > 0 ? dv_fail(e, DV_CONFLICT, "manifest %s refers to it", db_text(q, 0)) : rc;
}

static int blob_delete_rows(struct image_store *s, const char *repo, const struct digest *d, struct dv_err *e)
{
	struct db *db = image_store_db(s);
	char text[DIGEST_TEXT_SIZE];
	int64_t id = 0;
	int rc = meta_repo_find(db, repo, &id, e);

	if (rc == 0)
		rc = blob_user(db, id, digest_text(d, text), e);
	if (rc == 0)
		rc = db_exec(db, e, "DELETE FROM registry_blobs WHERE repo = ? AND digest = ?", "it", id,
			     digest_text(d, text));
	if (rc == 0)
		return dv_fail(e, DV_NOT_FOUND, "no blob %s in %s", text, repo);
	return rc < 0 ? rc : meta_unpin(s, id, repo, d, e);
}

int meta_blob_delete(struct image_store *s, const char *repo, const struct digest *d, struct dv_err *e)
{
	struct db *db = image_store_db(s);
	int rc = db_begin(db, e);

	if (rc < 0)
		return rc;
	rc = blob_delete_rows(s, repo, d, e);
	if (rc == 0)
		return db_commit(db, e);
	db_rollback(db);
	return rc;
}

int meta_blob_repos(struct image_store *s, struct arena *a, const struct digest *d, unsigned max, const char ***ret,
		    struct dv_err *e)
{
	const char **v = arena_array(a, const char *, max + 1);
	char text[DIGEST_TEXT_SIZE];
	size_t n = 0;
	DB_STMT(q);
	int rc = db_query(image_store_db(s), &q, e,
			  "SELECT r.name FROM registry_blobs b JOIN registry_repos r ON r.id = b.repo WHERE b.digest = ?"
			  " LIMIT ?", "ti", digest_text(d, text), (int64_t)max);

	while (rc >= 0 && (rc = db_row(q, e)) > 0 && n < max)
		v[n++] = arena_str(a, db_text(q, 0));
	if (rc < 0)
		return rc;
	*ret = v;
	return 0;
}
