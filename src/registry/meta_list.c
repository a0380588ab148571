/* meta_list.c - what clients may list: tags, repositories, referrers; and figures. */
#include "base/str.h"
#include "registry/meta_parts.h"

/* One more than n was asked for: whether there is a next page. */
static int list_read(struct db_stmt *q, int rc, struct arena *a, unsigned n, struct meta_list *ret, struct dv_err *e)
{
	struct meta_list l = { .v = arena_array(a, const char *, (size_t)n + 1) };

	while (rc >= 0 && (rc = db_row(q, e)) > 0) {
		if (l.n == n) {
			l.more = true;
			break;
		}
		l.v[l.n++] = arena_str(a, db_text(q, 0));
	}
	if (rc < 0)
		return rc;
	*ret = l;
	return 0;
}

int meta_tags(struct image_store *s, struct arena *a, const char *repo, const char *last, unsigned n,
	      struct meta_list *ret, struct dv_err *e)
{
	struct db *db = image_store_db(s);
	int64_t id = 0;
	DB_STMT(q);
	int rc = meta_repo_find(db, repo, &id, e);

	if (rc == 0)
		rc = db_query(db, &q, e, "SELECT tag FROM registry_tags WHERE repo = ? AND tag > ? ORDER BY tag LIMIT ?", "iti",
			      id, last ? last : "", (int64_t)n + 1);
	return rc < 0 ? rc : list_read(q, rc, a, n, ret, e);
}

int meta_repos(struct image_store *s, struct arena *a, const char *last, unsigned n, struct meta_list *ret,
	       struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(image_store_db(s), &q, e,
			  "SELECT name FROM registry_repos r WHERE name > ? AND"
			  " EXISTS (SELECT 1 FROM registry_manifests m WHERE m.repo = r.id) ORDER BY name LIMIT ?", "ti",
			  last ? last : "", (int64_t)n + 1);

	return rc < 0 ? rc : list_read(q, rc, a, n, ret, e);
}

static int referrer_json(struct arena *a, struct db_stmt *q, struct json **ret, struct dv_err *e)
{
	const char *annotations = db_text(q, 4);
	struct json *parsed = NULL;
	int rc = annotations ? json_parse(a, annotations, strlen(annotations), &parsed, e) : 0;

	if (rc < 0)
		return rc;
	*ret = json_obj(a, "mediaType", json_new_str(a, db_text(q, 1)), "digest", json_new_str(a, db_text(q, 0)), "size",
			json_new_i64(a, db_i64(q, 2)), "artifactType",
			db_text(q, 3) ? json_new_str(a, db_text(q, 3)) : NULL, "annotations", parsed, NULL);
	return 0;
}

int meta_referrers(struct image_store *s, struct arena *a, const char *repo, const struct digest *subject,
		   const char *artifact_type, struct json **ret, struct dv_err *e)
{
	struct json *list = json_new_array(a), *one = NULL;
	char text[DIGEST_TEXT_SIZE];
	DB_STMT(q);
	int rc = db_query(image_store_db(s), &q, e,
			  "SELECT m.digest, m.media_type, m.size, m.artifact_type, m.annotations FROM registry_repos r"
			  " JOIN registry_manifests m ON m.repo = r.id WHERE r.name = ?1 AND m.subject = ?2"
			  " AND (?3 IS NULL OR m.artifact_type = ?3) ORDER BY m.id LIMIT ?4", "ttti", repo,
			  digest_text(subject, text), artifact_type, (int64_t)META_REFERRERS_MAX);

	while (rc >= 0 && (rc = db_row(q, e)) > 0) {
		rc = referrer_json(a, q, &one, e);
		if (rc == 0)
			json_append(a, list, one);
	}
	if (rc < 0)
		return rc;
	*ret = list;
	return 0;
}

int meta_figures(struct image_store *s, struct meta_figures *ret, struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(image_store_db(s), &q, e,
			  "SELECT (SELECT count(*) FROM registry_repos), (SELECT count(*) FROM registry_manifests),"
			  " (SELECT count(*) FROM registry_tags), count(*), coalesce(sum(size), 0)"
			  " FROM (SELECT DISTINCT digest, size FROM registry_blobs)", "");

	if (rc == 0)
		rc = db_row(q, e);
	if (rc < 0)
		return rc;
	*ret = (struct meta_figures){ (uint64_t)db_i64(q, 0), (uint64_t)db_i64(q, 1), (uint64_t)db_i64(q, 2),
				      (uint64_t)db_i64(q, 3), (uint64_t)db_i64(q, 4) };
	return 0;
}
