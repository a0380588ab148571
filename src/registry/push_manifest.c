/* push_manifest.c - manifests on their way in, and what is deleted. */
#include "base/str.h"
#include "registry/ask.h"

#define MANIFEST_BYTES_ALL ((size_t)32 << 20)   /* of all that are being received */
#define TAGS_MAX 32                             /* of one PUT by digest */

/* --- the body --- */

/* Memory of all manifests together is bounded: whoever comes last waits for another time. */
static bool body_count(struct ask *q, size_t n)
{
	if (q->g->manifest_bytes + n > MANIFEST_BYTES_ALL)
		return false;
	q->g->manifest_bytes += n;
	q->body_counted += n;
	return true;
}

void push_manifest_start(struct ask *q)
{
	q->body = BUF_INIT(DOCUMENT_BYTES_MAX);
	if (q->body_length > (int64_t)DOCUMENT_BYTES_MAX)
		ask_refuse(q, PROBLEM_TOO_LARGE, "a manifest has at most 4 MiB");
	else
		http_call_resume_body(q->call);
}

void push_manifest_on_data(void *state, struct http_call *c, const void *p, size_t n)
{
	struct ask *q = state;

	if (q->answered)
		return;
	buf_add(&q->body, p, n);
	if (q->body.over)
		ask_refuse(q, PROBLEM_TOO_LARGE, "a manifest has at most 4 MiB");
	else if (!body_count(q, n))
		ask_refuse(q, PROBLEM_TOO_MANY, "manifests");
	(void)c;
}

void push_manifest_on_end(void *state, struct http_call *c)
{
	struct ask *q = state;

	(void)c;
	if (!q->answered)
		ask_submit(q, push_manifest, NULL);
}

/* --- put --- */

/* The tag of the path, or those of the query; NULL: one is not valid, answered. */
static const char **tags_of(struct ask *q)
{
	const char **v = arena_array(&q->arena, const char *, TAGS_MAX + 2);
	struct http_header *params = NULL;
	size_t n_params = 0, n = 0;

	if (q->route.tag[0])
		v[n++] = q->route.tag;
	else if (http_query_parse(&q->arena, q->query, &params, &n_params, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < n_params; i++) {
		if (!streq(params[i].name, "tag"))
			continue;
		if (n == TAGS_MAX || !tag_valid(params[i].value))
			return NULL;
		v[n++] = params[i].value;
	}
	return v;
}

/* By tag it is what its bytes are; by digest it has to be that. */
static bool digest_fits(struct ask *q, struct digest *ret)
{
	enum digest_alg alg = q->route.tag[0] ? DIGEST_SHA256 : q->route.digest.alg;

	digest_of(alg, buf_cstr(&q->body), q->body.len, ret);
	return q->route.tag[0] || digest_equal(ret, &q->route.digest);
}

static void put_answer(struct ask *q, const struct meta_put *p)
{
	char text[DIGEST_TEXT_SIZE];
	const char *digest = arena_str(&q->arena, digest_text(p->digest, text)), *tags = "";

	q->answer.status = 201;
	ask_header(q, "location", arena_printf(&q->arena, "/v2/%s/manifests/%s", q->route.name, digest));
	ask_header(q, "docker-content-digest", digest);
	if (p->doc->subject.alg)
		ask_header(q, "oci-subject", arena_str(&q->arena, digest_text(&p->doc->subject, text)));
	for (const char *const *t = p->tags; !q->route.tag[0] && *t; t++)
		tags = arena_printf(&q->arena, "%s%s%s", tags, *tags ? ", " : "", *t);
	if (*tags)
		ask_header(q, "oci-tag", tags);
}

int push_manifest(struct ask *q, struct image_store *s, struct dv_err *e)
{
	struct manifest_info doc;
	struct digest digest;
	struct meta_put p = { .repo = q->route.name, .digest = &digest, .text = buf_cstr(&q->body), .len = q->body.len,
			      .doc = &doc, .sparse = q->g->o.sparse };

	p.tags = tags_of(q);
	if (!p.tags)
		return ask_problem(q, PROBLEM_TAG_INVALID, NULL);
	if (!digest_fits(q, &digest))
		return ask_problem(q, PROBLEM_DIGEST_INVALID, NULL);
	if (document_parse(&q->arena, p.text, p.len, q->content_type, &doc, e) < 0)
		return ask_problem(q, PROBLEM_MANIFEST_INVALID, e->msg);
	int rc = meta_manifest_put(s, &p, e);
	if (rc < 0 && p.problem)
		return ask_problem(q, p.problem, p.detail);
	if (rc == 0)
		put_answer(q, &p);
	return rc;
}

/* --- delete --- */

int delete_manifest(struct ask *q, struct image_store *s, struct dv_err *e)
{
	int rc = meta_manifest_delete(s, &q->route, e);

	if (rc == -DV_NOT_FOUND)
		return ask_problem(q, PROBLEM_MANIFEST_UNKNOWN, NULL);
	q->answer.status = 202;
	return rc;
}

int delete_blob(struct ask *q, struct image_store *s, struct dv_err *e)
{
	int rc = meta_blob_delete(s, q->route.name, &q->route.digest, e);

	if (rc == -DV_NOT_FOUND)
		return ask_problem(q, PROBLEM_BLOB_UNKNOWN, NULL);
	if (rc == -DV_CONFLICT)
		return ask_problem(q, PROBLEM_UNSUPPORTED, e->msg);
	q->answer.status = 202;
	return rc;
}
