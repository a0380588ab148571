/* request.c - a request as JSON and back, and freed from the process it was made in. */
#include "base/str.h"
#include "engine/request.h"
#include "engine/security.h"

#define LABELS_MAX 1000

/* --- JSON --- */

#define REQUEST_FIELD_(kind, member) { VIEW_##kind, 0, offsetof(struct run_request, member), #member, NULL },
static const struct view_field fields[] = { RUN_REQUEST(REQUEST_FIELD_) };
static const struct view_schema schema = { "request", sizeof(struct run_request), fields, ARRAY_LEN(fields) };

/* NULL for what is not set. */
static struct json *field_json(struct arena *a, enum view_kind kind, const void *field)
{
	const char *str = kind == VIEW_str ? *(const char *const *)field : NULL;
	const char *const *strs = kind == VIEW_strs ? *(const char *const *const *)field : NULL;
	const struct opt_i64 *n = kind == VIEW_i64 ? field : NULL;

	if (str)
		return json_new_str(a, str);
	if (strs && strs[0])
		return json_new_strs(a, strs);
	if (n && n->set)
		return json_new_i64(a, n->v);
	return kind == VIEW_bool && *(const bool *)field ? json_new_bool(a, true) : NULL;
}

struct json *request_to_json(struct arena *a, const struct run_request *q)
{
	struct json *out = json_new_object(a);

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct json *j = field_json(a, fields[i].kind, (const char *)q + fields[i].offset);

		if (j)
			json_set(a, out, fields[i].path, j);
	}
	return out;
}

int request_of_json(struct arena *a, const struct json *j, struct run_request *ret, struct dv_err *e)
{
	return view_decode(a, j, &schema, "", ret, e);
}

/* --- what depends on us --- */

struct labels {
	struct arena *arena;
	const char **v;
	size_t n;
};

static int put_label(void *ctx, const char *label, struct dv_err *e)
{
	struct labels *x = ctx;

	if (x->n == LABELS_MAX)
		return dv_fail(e, DV_LIMIT, "more than %d labels", LABELS_MAX);
	x->v[x->n++] = label;
	return 0;
}

/* Files first: what stands on the command line wins. */
static int resolve_labels(struct arena *a, struct run_request *q, struct dv_err *e)
{
	struct labels x = { a, arena_array(a, const char *, LABELS_MAX + 1), 0 };
	int r = 0;

	for (const char *const *f = q->label_files; r >= 0 && f && *f; f++)
		r = lines_of_file(a, "--label-file", *f, put_label, &x, e);
	for (const char *const *l = q->labels; r >= 0 && l && *l; l++)
		r = put_label(&x, *l, e);
	if (r < 0)
		return r;
	q->labels = x.n ? x.v : NULL;
	q->label_files = NULL;
	return 0;
}

int request_resolve(struct arena *a, struct run_request *q, struct dv_err *e)
{
	const char **env, **unset;
	int r;

	if ((r = env_resolve(a, q, &env, &unset, e)) < 0)
		return r;
	if ((q->label_files && (r = resolve_labels(a, q, e)) < 0) || (q->security_opts && (r = security_resolve(a, q, e)) < 0))
		return r;
	q->env = env;
	q->unset_env = unset;
	q->env_files = NULL;
	q->env_host = q->http_proxy = false;
	return 0;
}
