/* read.c - look into a tree: types, numbers, members, paths, equality. */
#include <errno.h>

#include "base/str.h"
#include "json/node.h"

/* --- scalars --- */

enum json_type json_type(const struct json *j)
{
	return j ? (enum json_type)j->type : JSON_NULL;
}

const char *json_type_name(enum json_type t)
{
	static const char *const names[] = {
		[JSON_NULL] = "null", [JSON_BOOL] = "bool", [JSON_NUMBER] = "number",
		[JSON_STRING] = "string", [JSON_ARRAY] = "array", [JSON_OBJECT] = "object",
	};

	return names[t];
}

bool json_bool(const struct json *j)
{
	return node_is(j, JSON_BOOL) && j->yes;
}

const char *json_str(const struct json *j)
{
	return node_is(j, JSON_STRING) ? node_text(j) : NULL;
}

size_t json_str_len(const struct json *j)
{
	return node_is(j, JSON_STRING) ? j->len : 0;
}

const char *json_num_text(const struct json *j)
{
	return node_is(j, JSON_NUMBER) ? node_text(j) : NULL;
}

/* Sign and size of a number without fraction and exponent, when the size fits. */
static bool number_split(const struct json *j, bool *ret_minus, uint64_t *ret)
{
	const char *p = node_is(j, JSON_NUMBER) && j->yes ? node_text(j) : NULL;
	uint64_t v = 0;
	bool minus;

	if (!p)
		return false;
	minus = *p == '-';
	for (p += minus; *p; p++)
		if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return false;
	*ret_minus = minus && v;
	*ret = v;
	return true;
}

bool json_i64(const struct json *j, int64_t *ret)
{
	uint64_t v;
	bool minus;

	if (!number_split(j, &minus, &v) || v > (uint64_t)INT64_MAX + minus)
		return false;
	*ret = minus ? (int64_t)-v : (int64_t)v;
	return true;
}

bool json_u64(const struct json *j, uint64_t *ret)
{
	uint64_t v;
	bool minus;

	if (!number_split(j, &minus, &v) || minus)
		return false;
	*ret = v;
	return true;
}

double json_double(const struct json *j)
{
	/* Our programs never call setlocale(), so the point is a point. */
	return node_is(j, JSON_NUMBER) ? strtod(node_text(j), NULL) : 0;
}

/* --- containers --- */

static const struct kids *node_kids(const struct json *j)
{
	return j && j->type >= JSON_ARRAY ? j->kids : NULL;
}

size_t json_len(const struct json *j)
{
	const struct kids *k = node_kids(j);

	return k ? k->n : 0;
}

ptrdiff_t member_find(const struct kids *k, const char *key, size_t len)
{
	if (k->index)
		return index_find(k, key, len);
	for (uint32_t i = 0; i < k->n; i++)
		if (key_is(k->members[i].key, key, len))
			return i;
	return -1;
}

static struct json *object_get(const struct json *obj, const char *key, size_t len)
{
	ptrdiff_t i = node_is(obj, JSON_OBJECT) ? member_find(obj->kids, key, len) : -1;

	return i < 0 ? NULL : obj->kids->members[i].value;
}

const struct json *json_get(const struct json *obj, const char *key)
{
	return object_get(obj, key, strlen(key));
}

const struct json *json_getn(const struct json *obj, const char *key, size_t len)
{
	return object_get(obj, key, len);
}

struct json *json_get_mut(struct json *obj, const char *key)
{
	return object_get(obj, key, strlen(key));
}

const struct json *json_at(const struct json *j, size_t i)
{
	const struct kids *k = node_kids(j);

	if (!k || i >= k->n)
		return NULL;
	return j->type == JSON_ARRAY ? k->items[i] : k->members[i].value;
}

const char *json_key(const struct json *obj, size_t i)
{
	return node_is(obj, JSON_OBJECT) && i < obj->kids->n ? obj->kids->members[i].key : NULL;
}

size_t json_key_len(const struct json *obj, size_t i)
{
	const char *key = json_key(obj, i);

	return key ? key_len(key) : 0;
}

bool json_next(struct json_iter *it)
{
	if (it->i >= json_len(it->parent))
		return false;
	it->value = json_at(it->parent, it->i++);
	return true;
}

/* --- paths --- */

const struct json *json_path(const struct json *j, const char *dotted)
{
	struct scan s = scan_of(dotted, strlen(dotted));
	const char *word;
	size_t len;

	while (j && scan_until(&s, '.', &word, &len))
		j = object_get(j, word, len);
	return j;
}

/* An index as RFC 6901 wants it: digits, no leading zero. */
static bool pointer_index(const char *word, size_t len, uint64_t *ret)
{
	struct scan s = scan_of(word, len);

	return len && (len == 1 || *word != '0') && scan_u64(&s, ret) && s.p == s.end;
}

/* "~1" is a slash, "~0" a tilde; false for any other use of the tilde. */
static bool pointer_unescape(const char *word, size_t len, struct buf *b)
{
	buf_reset(b);
	for (size_t i = 0; i < len; i++) {
		char c = word[i];

		if (c == '~') {
			if (++i == len || (word[i] != '0' && word[i] != '1'))
				return false;
			c = word[i] == '0' ? '~' : '/';
		}
		buf_char(b, c);
	}
	return !b->over;
}

static const struct json *pointer_step(const struct json *j, const char *word, size_t len)
{
	auto_buf struct buf b = BUF_INIT(JSON_BYTES_MAX);
	uint64_t i;

	if (node_is(j, JSON_ARRAY))
		return pointer_index(word, len, &i) ? json_at(j, i) : NULL;
	if (!memchr(word, '~', len))
		return object_get(j, word, len);
	return pointer_unescape(word, len, &b) ? object_get(j, b.p, b.len) : NULL;
}

const struct json *json_pointer(const struct json *j, const char *pointer)
{
	while (j && *pointer) {
		size_t len;

		if (*pointer != '/')
			return NULL;
		len = strcspn(++pointer, "/");
		j = pointer_step(j, pointer, len);
		pointer += len;
	}
	return j;
}

/* --- equality --- */

static bool text_equal(const struct json *a, const struct json *b)
{
	return a->len == b->len && memcmp(node_text(a), node_text(b), a->len) == 0;
}

/* 1, 1.0 and 1e0 are equal; integers are compared exactly. */
static bool number_equal(const struct json *a, const struct json *b)
{
	double x, y;

	if (text_equal(a, b))
		return true;
	x = json_double(a);
	y = json_double(b);
	if (a->yes && b->yes)           /* two texts of one integer: only 0 and -0 */
		return x == 0 && y == 0;
	return x == y && x - y == 0;    /* not true for two infinities */
}

/* Everything but what is inside of containers. */
static bool node_equal(const struct json *a, const struct json *b)
{
	if (json_type(a) != json_type(b))
		return false;
	switch (json_type(a)) {
	case JSON_NULL: return true;
	case JSON_BOOL: return a->yes == b->yes;
	case JSON_NUMBER: return number_equal(a, b);
	case JSON_STRING: return text_equal(a, b);
	case JSON_ARRAY:
	case JSON_OBJECT: return a->kids->n == b->kids->n;
	}
	return false;
}

/* The partner in b of a's i-th child. */
static const struct json *partner(const struct json *a, const struct json *b, uint32_t i)
{
	const char *key;

	if (a->type == JSON_ARRAY)
		return b->kids->items[i];
	key = a->kids->members[i].key;
	return object_get(b, key, key_len(key));
}

bool json_equal(const struct json *a, const struct json *b)
{
	auto_walk struct walk w;

	walk_init(&w);
	if (!node_equal(a, b))
		return false;
	if (node_kids(a))
		walk_push(&w, a, (void *)b);
	while (w.top) {
		const struct json *x, *y;

		if (w.top->i == w.top->j->kids->n) {
			walk_pop(&w);
			continue;
		}
		x = json_at(w.top->j, w.top->i);
		y = partner(w.top->j, w.top->to, w.top->i++);
		if (!y || !node_equal(x, y))
			return false;
		if (node_kids(x))
			walk_push(&w, x, (void *)y);
	}
	return true;
}
