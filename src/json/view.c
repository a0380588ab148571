/* view.c - decode a JSON object into a struct by its list of fields.
 *
 * Where we are is a chain of steps on the C stack; it becomes text only when
 * something is wrong.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"
#include "json/view.h"

/* --- where we are --- */

struct step {
	const struct step *up;
	const char *name;               /* of a member, NULL for an element */
	size_t len;
	size_t index;
	unsigned depth;
};

/* Names come from foreign text: one line, no controls. */
static void put_name(struct buf *b, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_char(b, (unsigned char)s[i] < 0x20 || s[i] == 0x7f ? '?' : s[i]);
}

static void put_where(struct buf *b, const struct step *at)
{
	if (at->up)
		put_where(b, at->up);
	if (!at->name) {
		buf_printf(b, "[%zu]", at->index);
		return;
	}
	if (b->len && at->len)
		buf_char(b, '.');
	put_name(b, at->name, at->len);
}

static int fail_at(const struct step *at, struct dv_err *e, enum dv_kind kind, const char *fmt, ...)
	DV_PRINTF(4, 5);

static int fail_at(const struct step *at, struct dv_err *e, enum dv_kind kind, const char *fmt, ...)
{
	auto_buf struct buf where = BUF_INIT(64 * 1024);
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	put_where(&where, at);
	return dv_fail(e, kind, "%s%s%s", buf_cstr(&where), where.len ? ": " : "", what);
}

static const char *const wanted[] = {
	[JSON_NULL] = "null", [JSON_BOOL] = "true or false", [JSON_NUMBER] = "a number",
	[JSON_STRING] = "a string", [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object",
};
static const char *const found[] = {
	[JSON_NULL] = "null", [JSON_BOOL] = "a bool", [JSON_NUMBER] = "a number",
	[JSON_STRING] = "a string", [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object",
};

static int want_type(const struct step *at, const struct json *j, enum json_type want, struct dv_err *e)
{
	enum json_type t = json_type(j);

	if (t == want)
		return 0;
	return fail_at(at, e, DV_INVALID, "%s is wanted, not %s", wanted[want], found[t]);
}

/* --- one function for each kind --- */

struct decode {
	struct arena *a;
	const struct json *j;           /* never null */
	const struct step *at;
	const struct view_schema *schema;
	struct dv_err *e;
};

static int decode_object(const struct decode *d, void *out);

static int string_of(const struct json *j, const struct step *at, const char **ret, struct dv_err *e)
{
	int r = want_type(at, j, JSON_STRING, e);

	if (r < 0)
		return r;
	if (strlen(json_str(j)) != json_str_len(j))
		return fail_at(at, e, DV_INVALID, "the string has a NUL byte");
	*ret = json_str(j);
	return 0;
}

static int decode_str(const struct decode *d, void *out)
{
	return string_of(d->j, d->at, out, d->e);
}

static int decode_bool(const struct decode *d, void *out)
{
	int r = want_type(d->at, d->j, JSON_BOOL, d->e);

	if (r < 0)
		return r;
	*(bool *)out = json_bool(d->j);
	return 0;
}

static int fail_range(const struct decode *d, const char *range)
{
	return fail_at(d->at, d->e, DV_INVALID, "%.60s is not an integer %s", json_num_text(d->j), range);
}

static int decode_i64(const struct decode *d, void *out)
{
	struct opt_i64 *o = out;
	int r = want_type(d->at, d->j, JSON_NUMBER, d->e);

	if (r < 0)
		return r;
	if (!json_i64(d->j, &o->v))
		return fail_range(d, "of 64 bits");
	o->set = true;
	return 0;
}

static int decode_u64(const struct decode *d, void *out)
{
	struct opt_u64 *o = out;
	int r = want_type(d->at, d->j, JSON_NUMBER, d->e);

	if (r < 0)
		return r;
	if (!json_u64(d->j, &o->v))
		return fail_range(d, "from 0 to 2^64 - 1");
	o->set = true;
	return 0;
}

static int decode_u32(const struct decode *d, void *out)
{
	struct opt_u32 *o = out;
	uint64_t v;
	int r = want_type(d->at, d->j, JSON_NUMBER, d->e);

	if (r < 0)
		return r;
	if (!json_u64(d->j, &v) || v > UINT32_MAX)
		return fail_range(d, "from 0 to 2^32 - 1");
	*o = (struct opt_u32){ true, (uint32_t)v };
	return 0;
}

static int decode_dbl(const struct decode *d, void *out)
{
	int r = want_type(d->at, d->j, JSON_NUMBER, d->e);

	if (r < 0)
		return r;
	*(struct opt_double *)out = (struct opt_double){ true, json_double(d->j) };
	return 0;
}

static int decode_strs(const struct decode *d, void *out)
{
	int r = want_type(d->at, d->j, JSON_ARRAY, d->e);
	const char **strs;

	if (r < 0)
		return r;
	strs = arena_array(d->a, const char *, json_len(d->j) + 1);
	for (JSON_EACH(it, d->j)) {
		struct step at = { .up = d->at, .index = it.i - 1 };

		r = string_of(it.value, &at, &strs[it.i - 1], d->e);
		if (r < 0)
			return r;
	}
	*(const char ***)out = strs;
	return 0;
}

static int decode_map(const struct decode *d, void *out)
{
	struct view_map m = { .n = json_len(d->j) };
	int r = want_type(d->at, d->j, JSON_OBJECT, d->e);

	if (r < 0)
		return r;
	m.keys = arena_array(d->a, const char *, m.n + 1);
	m.values = arena_array(d->a, const char *, m.n + 1);
	for (JSON_EACH(it, d->j)) {
		size_t i = it.i - 1, len = json_key_len(d->j, i);
		struct step at = { .up = d->at, .name = json_key(d->j, i), .len = len };

		m.keys[i] = at.name;
		if (strlen(at.name) != len)
			return fail_at(&at, d->e, DV_INVALID, "the key has a NUL byte");
		r = string_of(it.value, &at, &m.values[i], d->e);
		if (r < 0)
			return r;
	}
	*(struct view_map *)out = m;
	return 0;
}

static int decode_node(const struct decode *d, void *out)
{
	*(const struct json **)out = d->j;
	return 0;
}

static int decode_sub(const struct decode *d, void *out)
{
	void *sub = arena_alloc(d->a, d->schema->size);
	int r = decode_object(d, sub);

	if (r < 0)
		return r;
	*(void **)out = sub;
	return 0;
}

static int decode_list(const struct decode *d, void *out)
{
	struct view_list l = { .n = json_len(d->j) };
	int r = want_type(d->at, d->j, JSON_ARRAY, d->e);

	if (r < 0)
		return r;
	l.items = arena_alloc(d->a, mem_mul(l.n, d->schema->size));
	for (JSON_EACH(it, d->j)) {
		struct step at = { .up = d->at, .index = it.i - 1, .depth = d->at->depth + 1 };
		struct decode item = { d->a, it.value, &at, d->schema, d->e };

		r = decode_object(&item, (char *)l.items + (it.i - 1) * d->schema->size);
		if (r < 0)
			return r;
	}
	*(struct view_list *)out = l;
	return 0;
}

static int (*const decoders[])(const struct decode *d, void *out) = {
	[VIEW_str] = decode_str, [VIEW_bool] = decode_bool, [VIEW_i64] = decode_i64, [VIEW_u64] = decode_u64,
	[VIEW_u32] = decode_u32, [VIEW_dbl] = decode_dbl, [VIEW_strs] = decode_strs, [VIEW_map] = decode_map,
	[VIEW_node] = decode_node, [VIEW_sub] = decode_sub, [VIEW_list] = decode_list,
};

/* --- objects --- */

/* The value at the field's path; NULL when it is absent or null. On the way only objects may stand. */
static int field_find(const struct decode *d, const struct view_field *f, const struct json **ret)
{
	const struct json *j = d->j;
	const char *p = f->path;

	for (;;) {
		size_t len = strcspn(p, ".");
		struct step at = { .up = d->at, .name = f->path, .len = (size_t)(p - f->path) + len };
		int r;

		j = json_getn(j, p, len);
		if (json_type(j) == JSON_NULL) {
			*ret = NULL;
			return 0;
		}
		if (!p[len]) {
			*ret = j;
			return 0;
		}
		r = want_type(&at, j, JSON_OBJECT, d->e);
		if (r < 0)
			return r;
		p += len + 1;
	}
}

static int decode_field(const struct decode *d, const struct view_field *f, void *out)
{
	struct step at = { .up = d->at, .name = f->path, .len = strlen(f->path), .depth = d->at->depth + 1 };
	struct decode field = { d->a, NULL, &at, f->schema, d->e };
	int r = field_find(d, f, &field.j);

	if (r < 0)
		return r;
	if (field.j)
		return decoders[f->kind](&field, (char *)out + f->offset);
	if (f->flags & REQ)
		return fail_at(&at, d->e, DV_INVALID, "this is required");
	return 0;
}

/* Recursion follows the nesting of the object; a tree built by hand may be too deep. */
static int decode_object(const struct decode *d, void *out)
{
	int r = want_type(d->at, d->j, JSON_OBJECT, d->e);

	if (r < 0)
		return r;
	if (d->at->depth > JSON_DEPTH_MAX)
		return fail_at(d->at, d->e, DV_LIMIT, "nested deeper than %d", JSON_DEPTH_MAX);
	for (size_t i = 0; i < d->schema->n_fields; i++) {
		r = decode_field(d, &d->schema->fields[i], out);
		if (r < 0)
			return r;
	}
	return 0;
}

int view_decode(struct arena *a, const struct json *j, const struct view_schema *schema, const char *where,
		void *out, struct dv_err *e)
{
	struct step at = { .name = where, .len = strlen(where) };
	struct decode d = { a, j, &at, schema, e };

	memset(out, 0, schema->size);
	return decode_object(&d, out);
}

const char *view_map_get(const struct view_map *m, const char *key)
{
	for (size_t i = 0; i < m->n; i++)
		if (streq(m->keys[i], key))
			return m->values[i];
	return NULL;
}
