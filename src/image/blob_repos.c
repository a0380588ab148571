/* blob_repos.c - which repositories of which registries are known to have a blob of ours.
 *
 * A registry takes over what another of its repositories has, but it does not say which one that would be. So whoever
 * has sent a blob notes where. It is a hint: what is noted may be gone there.
 */
#include "base/list.h"
#include "image/blob.h"
#include "image/store_parts.h"

static int repo_known(struct image_store *s, const char *digest, const char *registry, const char *repo, struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, "SELECT 1 FROM blob_repos r JOIN blobs b ON b.id = r.blob"
					" WHERE b.digest = ? AND r.registry = ? AND r.repo = ?", "ttt", digest, registry, repo);

	return rc < 0 ? rc : db_row(q, e);
}

static int repo_row(struct image_store *s, const char *digest, const char *registry, const char *repo, struct dv_err *e)
{
	int rc = db_exec(s->db, e, "INSERT OR IGNORE INTO blob_repos (blob, registry, repo, noted)"
				   " SELECT id, ?2, ?3, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) FROM blobs WHERE digest = ?1", "ttt",
			 digest, registry, repo);

	if (rc >= 0)
		rc = db_exec(s->db, e, "DELETE FROM blob_repos WHERE blob = (SELECT id FROM blobs WHERE digest = ?1)"
				       " AND (registry, repo) NOT IN (SELECT registry, repo FROM blob_repos"
				       " WHERE blob = (SELECT id FROM blobs WHERE digest = ?1)"
				       " ORDER BY (registry = ?2 AND repo = ?3) DESC, noted DESC LIMIT ?4)", "ttti", digest, registry,
			     repo, (int64_t)BLOB_REPOS_MAX);
	return rc < 0 ? rc : 0;
}

int blob_repos_note(struct image_store *s, const struct digest *v, size_t n, const char *registry, const char *repo,
		    struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	bool own = false, begun = false;
	int rc = 0;

	/* No transaction, which the disk has to confirm, for what is known. */
	for (size_t i = 0; i < n && rc >= 0; i++) {
		rc = repo_known(s, digest_text(&v[i], text), registry, repo, e);
		if (rc != 0)
			continue;
		if (!begun)
			rc = store_begin(s, &own, e);
		begun = begun || rc == 0;
		if (rc == 0)
			rc = repo_row(s, text, registry, repo, e);
	}
	rc = rc < 0 ? rc : 0;
	return begun ? store_end(s, own, rc, e) : rc;
}

int blob_repos(struct image_store *s, struct arena *a, const struct digest *d, const char *registry, const char ***ret,
	       struct dv_err *e)
{
	const char **v = arena_array(a, const char *, BLOB_REPOS_MAX + 1);
	char text[DIGEST_TEXT_SIZE];
	size_t n = 0;
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, "SELECT r.repo FROM blob_repos r JOIN blobs b ON b.id = r.blob"
					" WHERE b.digest = ? AND r.registry = ? ORDER BY r.noted DESC", "tt", digest_text(d, text),
			  registry);

	while (rc >= 0 && n < BLOB_REPOS_MAX && (rc = db_row(q, e)) > 0)
		v[n++] = arena_str(a, db_text(q, 0));
	if (rc < 0)
		return rc;
	*ret = v;
	return 0;
}
