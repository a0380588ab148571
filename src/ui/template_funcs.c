/* template_funcs.c - the functions of templates. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "ui/template_inner.h"

bool t_truth(const struct json *j)
{
	switch (json_type(j)) {
	case JSON_NULL:
		return false;
	case JSON_BOOL:
		return json_bool(j);
	case JSON_NUMBER:
		return json_double(j) != 0;
	case JSON_STRING:
		return json_str_len(j) > 0;
	default:
		return json_len(j) > 0;
	}
}

/* --- printing --- */

struct member {
	const char *key;
	const struct json *value;
};

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static void print_map(struct buf *b, const struct json *j)
{
	size_t n = json_len(j);
	auto_free struct member *m = mem_alloc(mem_mul(n, sizeof *m));

	for (size_t i = 0; i < n; i++)
		m[i] = (struct member){ json_key(j, i), json_at(j, i) };
	qsort(m, n, sizeof *m, by_key);
	buf_str(b, "map[");
	for (size_t i = 0; i < n && !b->over; i++) {
		buf_printf(b, "%s%s:", i ? " " : "", m[i].key);
		t_print_inner(b, m[i].value);
	}
	buf_char(b, ']');
}

void t_print_inner(struct buf *b, const struct json *j)
{
	switch (json_type(j)) {
	case JSON_NULL:
		buf_str(b, "<nil>");
		break;
	case JSON_BOOL:
		buf_str(b, json_bool(j) ? "true" : "false");
		break;
	case JSON_NUMBER:
		buf_str(b, json_num_text(j));
		break;
	case JSON_STRING:
		buf_add(b, json_str(j), json_str_len(j));
		break;
	case JSON_ARRAY:
		buf_char(b, '[');
		for (size_t i = 0; i < json_len(j) && !b->over; i++) {
			if (i)
				buf_char(b, ' ');
			t_print_inner(b, json_at(j, i));
		}
		buf_char(b, ']');
		break;
	case JSON_OBJECT:
		print_map(b, j);
		break;
	}
}

void t_print(struct buf *b, const struct json *j)
{
	if (json_type(j) == JSON_NULL)
		buf_str(b, "<no value>");
	else
		t_print_inner(b, j);
}

static int fn_print(T_ARGS)
{
	auto_buf struct buf b = BUF_INIT(TEMPLATE_STRING_MAX);

	for (size_t i = 0; i < n; i++) {
		/* Go puts a blank between operands when neither is a string */
		if (i && json_type(args[i]) != JSON_STRING && json_type(args[i - 1]) != JSON_STRING)
			buf_char(&b, ' ');
		t_print_inner(&b, args[i]);
	}
	return t_string(run, &b, ret, e);
}

static int fn_println(T_ARGS)
{
	auto_buf struct buf b = BUF_INIT(TEMPLATE_STRING_MAX);

	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_char(&b, ' ');
		t_print_inner(&b, args[i]);
	}
	buf_char(&b, '\n');
	return t_string(run, &b, ret, e);
}

static int fn_json(T_ARGS)
{
	auto_buf struct buf b = BUF_INIT(TEMPLATE_STRING_MAX);

	if (json_type(args[0]) == JSON_NULL)
		buf_str(&b, "null");
	else
		json_write(&b, args[0], JSON_COMPACT);
	return t_string(run, &b, ret, e);
}

/* --- logic and comparison --- */

static int give_bool(struct t_run *run, bool v, const struct json **ret)
{
	run->made_bytes += 64;
	*ret = json_new_bool(&run->arena, v);
	return 0;
}

/* and, or: an argument that decides has ended the evaluation before the call; so it is the last one. */
static int fn_last(T_ARGS)
{
	*ret = args[n - 1];
	return 0;
}

static int fn_not(T_ARGS)
{
	return give_bool(run, !t_truth(args[0]), ret);
}

/* <0, 0, >0; or an error when they cannot be compared. */
static int compare(struct t_run *run, const struct json *a, const struct json *b, int *ret, struct dv_err *e)
{
	int64_t x, y;

	if (json_type(a) != json_type(b))
		return t_error(run, e, "incompatible types for comparison: %s and %s", json_type_name(json_type(a)),
			       json_type_name(json_type(b)));
	if (json_type(a) == JSON_STRING)
		*ret = strcmp(json_str(a), json_str(b));
	else if (json_i64(a, &x) && json_i64(b, &y))
		*ret = x < y ? -1 : x > y;
	else if (json_type(a) == JSON_NUMBER)
		*ret = json_double(a) < json_double(b) ? -1 : json_double(a) > json_double(b);
	else
		return t_error(run, e, "a %s has no order", json_type_name(json_type(a)));
	return 0;
}

static int equal(struct t_run *run, const struct json *a, const struct json *b, bool *ret, struct dv_err *e)
{
	int c, r = 0;

	/* A missing value equals only another one. */
	if (json_type(a) == JSON_NULL || json_type(b) == JSON_NULL)
		*ret = json_type(a) == json_type(b);
	else if (json_type(a) == json_type(b) && json_type(a) != JSON_NUMBER)
		*ret = json_equal(a, b);
	else if ((r = compare(run, a, b, &c, e)) == 0)
		*ret = c == 0;
	return r;
}

static int fn_eq(T_ARGS)
{
	bool same = false;

	for (size_t i = 1; i < n && !same; i++) {
		int r = equal(run, args[0], args[i], &same, e);

		if (r < 0)
			return r;
	}
	return give_bool(run, same, ret);
}

static int fn_ne(T_ARGS)
{
	bool same = false;
	int r = equal(run, args[0], args[1], &same, e);

	return r < 0 ? r : give_bool(run, !same, ret);
}

#define ORDER(name, op) \
	static int fn_##name(T_ARGS) \
	{ \
		int c, r = compare(run, args[0], args[1], &c, e); \
		return r < 0 ? r : give_bool(run, c op 0, ret); \
	}
ORDER(lt, <)
ORDER(le, <=)
ORDER(gt, >)
ORDER(ge, >=)

/* --- containers --- */

static int index_one(struct t_run *run, const struct json *j, const struct json *key, const struct json **ret,
		     struct dv_err *e)
{
	int64_t i;

	switch (json_type(j)) {
	case JSON_OBJECT:
		if (!json_str(key))
			return t_error(run, e, "index: a string is wanted for an object, not a %s",
				       json_type_name(json_type(key)));
		*ret = json_get(j, json_str(key));
		return 0;
	case JSON_ARRAY:
		if (!json_i64(key, &i))
			return t_error(run, e, "index: a number is wanted for an array, not a %s",
				       json_type_name(json_type(key)));
		if (i < 0 || (uint64_t)i >= json_len(j))
			return t_error(run, e, "index %" PRId64 " is out of range", i);
		*ret = json_at(j, (size_t)i);
		return 0;
	default:
		return t_error(run, e, "index of a %s", json_type_name(json_type(j)));
	}
}

static int fn_index(T_ARGS)
{
	const struct json *v = args[0];

	for (size_t i = 1; i < n; i++) {
		int r = index_one(run, v, args[i], &v, e);

		if (r < 0)
			return r;
	}
	*ret = v;
	return 0;
}

static int fn_len(T_ARGS)
{
	enum json_type t = json_type(args[0]);

	if (t != JSON_STRING && t != JSON_ARRAY && t != JSON_OBJECT)
		return t_error(run, e, "len of a %s", json_type_name(t));
	run->made_bytes += 64;
	*ret = json_new_u64(&run->arena, t == JSON_STRING ? json_str_len(args[0]) : json_len(args[0]));
	return 0;
}

/* slice x from [to]: of a string or an array. */
static int fn_slice(T_ARGS)
{
	bool text = json_type(args[0]) == JSON_STRING;
	size_t len = text ? json_str_len(args[0]) : json_len(args[0]);
	int64_t from = 0, to = (int64_t)len;
	auto_buf struct buf b = BUF_INIT(TEMPLATE_STRING_MAX);
	struct json *arr;

	if (!text && json_type(args[0]) != JSON_ARRAY)
		return t_error(run, e, "slice of a %s", json_type_name(json_type(args[0])));
	if ((n > 1 && !json_i64(args[1], &from)) || (n > 2 && !json_i64(args[2], &to)) || from < 0 || to < from ||
	    (uint64_t)to > len)
		return t_error(run, e, "slice: index out of range");
	if (text) {
		buf_add(&b, json_str(args[0]) + from, (size_t)(to - from));
		return t_string(run, &b, ret, e);
	}
	run->made_bytes += (size_t)(to - from) * 64;
	if (run->made_bytes > TEMPLATE_MADE_MAX)
		return dv_fail(e, DV_LIMIT, "template: makes more than %zu bytes", TEMPLATE_MADE_MAX);
	arr = json_new_array(&run->arena);
	for (int64_t i = from; i < to; i++)
		json_append(&run->arena, arr, json_copy(&run->arena, json_at(args[0], (size_t)i)));
	*ret = arr;
	return 0;
}

/* --- all of them --- */

static const struct t_func and_func = { "and", 1, TEMPLATE_ARGS_MAX, fn_last };
static const struct t_func or_func = { "or", 1, TEMPLATE_ARGS_MAX, fn_last };
static const struct t_func funcs[] = {
	{ "not", 1, 1, fn_not },
	{ "eq", 2, TEMPLATE_ARGS_MAX, fn_eq },
	{ "ne", 2, 2, fn_ne },
	{ "lt", 2, 2, fn_lt },
	{ "le", 2, 2, fn_le },
	{ "gt", 2, 2, fn_gt },
	{ "ge", 2, 2, fn_ge },
	{ "index", 1, TEMPLATE_ARGS_MAX, fn_index },
	{ "slice", 1, 3, fn_slice },
	{ "len", 1, 1, fn_len },
	{ "print", 0, TEMPLATE_ARGS_MAX, fn_print },
	{ "println", 0, TEMPLATE_ARGS_MAX, fn_println },
	{ "printf", 1, TEMPLATE_ARGS_MAX, t_printf },
	{ "json", 1, 1, fn_json },
	{ "join", 2, 2, t_join },
	{ "split", 2, 2, t_split },
	{ "lower", 1, 1, t_lower },
	{ "upper", 1, 1, t_upper },
	{ "title", 1, 1, t_title },
	{ "trim", 1, 1, t_trim },
	{ "pad", 3, 3, t_pad },
	{ "truncate", 2, 2, t_truncate },
};

bool t_func_is_lazy(const struct t_func *f, bool *ret_stop_at)
{
	*ret_stop_at = f == &or_func;
	return f == &and_func || f == &or_func;
}

const struct t_func *t_func_find(const char *name, size_t len)
{
	if (len == 3 && memcmp(name, "and", 3) == 0)
		return &and_func;
	if (len == 2 && memcmp(name, "or", 2) == 0)
		return &or_func;
	for (size_t i = 0; i < ARRAY_LEN(funcs); i++)
		if (strlen(funcs[i].name) == len && memcmp(funcs[i].name, name, len) == 0)
			return &funcs[i];
	return NULL;
}
