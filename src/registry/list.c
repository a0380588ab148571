/* list.c - tags, repositories, referrers, page by page. On job threads. */
#include "base/str.h"
#include "http/url.h"
#include "registry/ask.h"

#define PAGE_MAX 1000           /* whatever n says */
#define MEDIA_INDEX "application/vnd.oci.image.index.v1+json"

/* 0 and n, or a problem as an answer: 1. */
static int page_size(struct ask *q, unsigned *ret)
{
	const char *text = ask_param(q, "n");
	uint64_t n = PAGE_MAX;

	if (text && str_u64(text, UINT64_MAX, "n", &n, NULL) < 0) {
		(void)ask_problem(q, PROBLEM_QUERY_INVALID, text);
		return 1;
	}
	*ret = (unsigned)DV_MIN(n, (uint64_t)PAGE_MAX);
	return 0;
}

/* last comes from our own list: names and tags need no encoding in a query. */
static void page_link(struct ask *q, const char *path, const struct meta_list *l, unsigned n)
{
	if (l->more && l->n)
		ask_header(q, "link", arena_printf(&q->arena, "<%s?n=%u&last=%s>; rel=\"next\"", path, n, l->v[l->n - 1]));
}

static int list_send(struct ask *q, const char *type, const struct json *j)
{
	q->answer.status = 200;
	q->answer.body = json_text(&q->arena, j, JSON_COMPACT);
	q->answer.len = strlen(q->answer.body);
	ask_header(q, "content-type", type);
	return 0;
}

int list_tags(struct ask *q, struct image_store *s, struct dv_err *e)
{
	struct json *tags = json_new_array(&q->arena);
	struct meta_list l = { 0 };
	unsigned n = 0;

	if (page_size(q, &n))
		return 0;
	int rc = meta_tags(s, &q->arena, q->route.name, ask_param(q, "last"), n, &l, e);
	if (rc == -DV_NOT_FOUND)
		return ask_problem(q, PROBLEM_NAME_UNKNOWN, q->route.name);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < l.n; i++)
		json_append(&q->arena, tags, json_new_str(&q->arena, l.v[i]));
	page_link(q, arena_printf(&q->arena, "/v2/%s/tags/list", q->route.name), &l, n);
	return list_send(q, "application/json",
			 json_obj(&q->arena, "name", json_new_str(&q->arena, q->route.name), "tags", tags, NULL));
}

/* What may not be pulled is left out of the page, which is then shorter. The rules are looked at when the page is
 * there, on the loop. */
int list_catalog(struct ask *q, struct image_store *s, struct dv_err *e)
{
	unsigned n = 0;

	if (page_size(q, &n))
		return 0;
	int rc = meta_repos(s, &q->arena, ask_param(q, "last"), n, &q->list, e);
	if (rc == 0)
		page_link(q, "/v2/_catalog", &q->list, n);
	return rc;
}

void list_catalog_then(struct ask *q)
{
	struct json *names = json_new_array(&q->arena);

	for (size_t i = 0; i < q->list.n && !q->answer.problem; i++)
		if (auth_catalog_shows(q->g->auth, &q->who, q->list.v[i]))
			json_append(&q->arena, names, json_new_str(&q->arena, q->list.v[i]));
	if (!q->answer.problem)
		(void)list_send(q, "application/json", json_obj(&q->arena, "repositories", names, NULL));
	ask_send(q);
}

int list_referrers(struct ask *q, struct image_store *s, struct dv_err *e)
{
	const char *type = ask_param(q, "artifactType");
	struct json *list = NULL;
	int rc = meta_referrers(s, &q->arena, q->route.name, &q->route.digest, type && *type ? type : NULL, &list, e);

	if (rc < 0)
		return rc;
	if (type && *type)
		ask_header(q, "oci-filters-applied", "artifactType");
	return list_send(q, MEDIA_INDEX, json_obj(&q->arena, "schemaVersion", json_new_i64(&q->arena, 2), "mediaType",
						  json_new_str(&q->arena, MEDIA_INDEX), "manifests", list, NULL));
}
