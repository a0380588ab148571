/* meta_gc.c - what no manifest of a repository needs leaves it; untagged manifests too when that is asked for.
 *
 * What stays is found by following references from what is tagged or young:
 * an index keeps its manifests, and a manifest keeps what has it as its subject
 * (signatures, SBOMs). A transaction for each repository, and only for as many
 * rows as one may hold the lock for.
 */
#include "base/str.h"
#include "registry/meta_parts.h"

#define BATCH 200               /* rows of one transaction */

/* Manifests of repository ?1 that stay: the tagged, those used since ?2, and what these lead to. */
#define KEPT_MANIFESTS \
	"WITH RECURSIVE kept(id, digest) AS (" \
	" SELECT m.id, m.digest FROM registry_manifests m WHERE m.repo = ?1 AND (m.used >= ?2 OR m.id IN" \
	"  (SELECT manifest FROM registry_tags WHERE repo = ?1))" \
	" UNION SELECT c.id, c.digest FROM kept k JOIN registry_refs f ON f.manifest = k.id" \
	"  JOIN registry_manifests c ON c.repo = ?1 AND c.digest = f.digest" \
	" UNION SELECT r.id, r.digest FROM kept k JOIN registry_manifests r ON r.repo = ?1 AND r.subject = k.digest)"

static const char untagged_sql[] = KEPT_MANIFESTS
	" SELECT digest, size FROM registry_manifests WHERE repo = ?1 AND id NOT IN (SELECT id FROM kept) LIMIT ?3";
static const char loose_sql[] =
	"SELECT b.digest, b.size FROM registry_blobs b WHERE b.repo = ?1 AND b.used < ?2 AND NOT EXISTS"
	" (SELECT 1 FROM registry_refs f JOIN registry_manifests m ON m.id = f.manifest WHERE f.digest = b.digest"
	"  AND m.repo = ?1) LIMIT ?3";
/* A dry run keeps the manifests: what only those refer to that would go counts as well. */
static const char loose_dry_sql[] = KEPT_MANIFESTS
	" SELECT b.digest, b.size FROM registry_blobs b WHERE b.repo = ?1 AND b.used < ?2 AND NOT EXISTS"
	" (SELECT 1 FROM registry_refs f JOIN kept k ON k.id = f.manifest WHERE f.digest = b.digest) LIMIT ?3";

struct run {
	struct image_store *s;
	struct arena *a;
	const struct meta_gc_options *o;
	int64_t before;         /* what was used before that may go */
	const char *repo;
	int64_t repo_id;
	struct meta_gc_result *r;
};

static void item_add(struct run *g, const char *digest, uint64_t size, bool is_manifest)
{
	g->r->v[g->r->n++] = (struct meta_gc_item){ g->repo, arena_str(g->a, digest), is_manifest, size };
	g->r->bytes += size;
}

static int collect(struct run *g, const char *sql, bool manifests, size_t max, struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(image_store_db(g->s), &q, e, sql, "iii", g->repo_id, g->before, (int64_t)max);

	while (rc >= 0 && (rc = db_row(q, e)) > 0)
		item_add(g, db_text(q, 0), (uint64_t)db_i64(q, 1), manifests);
	return DV_MIN(rc, 0);
}

static int remove_item(struct run *g, const struct meta_gc_item *it, struct dv_err *e)
{
	struct db *db = image_store_db(g->s);
	struct digest d;
	int rc = digest_parse(it->digest, &d, e);

	if (rc == 0)
		rc = it->is_manifest ? db_exec(db, e, "DELETE FROM registry_manifests WHERE repo = ? AND digest = ?", "it",
					       g->repo_id, it->digest)
				     : db_exec(db, e, "DELETE FROM registry_blobs WHERE repo = ? AND digest = ?", "it",
					       g->repo_id, it->digest);
	return rc < 0 ? rc : meta_unpin(g->s, g->repo_id, g->repo, &d, e);
}

/* Looked for again inside the transaction: a push may have come between. Returns how many. */
static int batch(struct run *g, const char *sql, bool manifests, struct dv_err *e)
{
	struct db *db = image_store_db(g->s);
	size_t first = g->r->n, max = DV_MIN((size_t)BATCH, META_GC_MAX - first);
	int rc = db_begin(db, e);

	if (rc < 0)
		return rc;
	rc = collect(g, sql, manifests, max, e);
	for (size_t i = first; i < g->r->n && rc >= 0; i++)
		rc = remove_item(g, &g->r->v[i], e);
	if (rc >= 0)
		rc = db_commit(db, e);
	else
		db_rollback(db);
	return rc < 0 ? rc : (int)(g->r->n - first);
}

static int repo_run(struct run *g, struct dv_err *e)
{
	int rc = 0;

	if (g->o->dry_run) {
		if (g->o->delete_untagged)
			rc = collect(g, untagged_sql, true, META_GC_MAX - g->r->n, e);
		if (rc == 0)
			rc = collect(g, g->o->delete_untagged ? loose_dry_sql : loose_sql, false, META_GC_MAX - g->r->n, e);
		return rc;
	}
	if (g->o->delete_untagged)
		while ((rc = batch(g, untagged_sql, true, e)) > 0)
			;
	while (rc >= 0 && (rc = batch(g, loose_sql, false, e)) > 0)
		;
	return rc;
}

/* A repository that has nothing left goes as well. */
static int repos_empty(struct image_store *s, struct dv_err *e)
{
	struct db *db = image_store_db(s);
	int rc = db_begin(db, e);

	if (rc < 0)
		return rc;
	rc = db_exec(db, e, "DELETE FROM registry_repos WHERE NOT EXISTS (SELECT 1 FROM registry_blobs b"
			    " WHERE b.repo = registry_repos.id) AND NOT EXISTS (SELECT 1 FROM registry_manifests m"
			    " WHERE m.repo = registry_repos.id)", "");
	if (rc >= 0)
		return db_commit(db, e);
	db_rollback(db);
	return rc;
}

static int repos_read(struct run *g, int64_t **ret_ids, const char ***ret_names, size_t *ret_n, struct dv_err *e)
{
	size_t n = 0, max = 0;
	DB_STMT(count);
	DB_STMT(q);
	int64_t all = 0;
	int rc = db_query(image_store_db(g->s), &count, e, "SELECT count(*) FROM registry_repos", "");

	rc = meta_one(count, rc, &all, e);
	if (rc < 0)
		return rc;
	max = (size_t)all;
	*ret_ids = arena_array(g->a, int64_t, max + 1);
	*ret_names = arena_array(g->a, const char *, max + 1);
	rc = db_query(image_store_db(g->s), &q, e, "SELECT id, name FROM registry_repos ORDER BY name", "");
	while (rc >= 0 && n < max && (rc = db_row(q, e)) > 0) {
		(*ret_ids)[n] = db_i64(q, 0);
		(*ret_names)[n++] = arena_str(g->a, db_text(q, 1));
	}
	*ret_n = n;
	return DV_MIN(rc, 0);
}

int meta_gc(struct image_store *s, struct arena *a, const struct meta_gc_options *o, struct meta_gc_result *ret,
	    struct dv_err *e)
{
	struct meta_gc_result r = { .v = arena_array(a, struct meta_gc_item, META_GC_MAX) };
	struct run g = { s, a, o, o->grace_s < 0 ? INT64_MAX : meta_now() - o->grace_s, NULL, 0, &r };
	const char **names = NULL;
	int64_t *ids = NULL;
	size_t n = 0;
	int rc = repos_read(&g, &ids, &names, &n, e);

	for (size_t i = 0; i < n && rc >= 0 && r.n < META_GC_MAX; i++) {
		g.repo = names[i];
		g.repo_id = ids[i];
		rc = repo_run(&g, e);
	}
	if (rc >= 0 && !o->dry_run)
		rc = repos_empty(s, e);
	if (rc < 0)
		return rc;
	*ret = r;
	return 0;
}
