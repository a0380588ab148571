/* make.c - build trees and change them. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "json/node.h"

/* --- scalars --- */

static struct json *node_new(struct arena *a, enum json_type type)
{
	struct json *j = arena_new(a, struct json);

	j->type = type;
	return j;
}

static struct json *text_new(struct arena *a, enum json_type type, const char *s, size_t len)
{
	struct json *j = node_new(a, type);

	if (len > UINT32_MAX)
		abort();                /* no buffer of ours is that large */
	j->len = (uint32_t)len;
	if (len <= TEXT_INLINE_MAX)
		memcpy(j->small, s, len);
	else
		j->text = arena_strn(a, s, len);
	return j;
}

struct json *json_null(struct arena *a)
{
	return node_new(a, JSON_NULL);
}

struct json *json_new_bool(struct arena *a, bool v)
{
	struct json *j = node_new(a, JSON_BOOL);

	j->yes = v;
	return j;
}

struct json *json_new_num(struct arena *a, const char *text)
{
	struct json *j = text_new(a, JSON_NUMBER, text, strlen(text));

	j->yes = !strpbrk(text, ".eE");
	return j;
}

struct json *json_new_i64(struct arena *a, int64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRId64, v);
	return json_new_num(a, text);
}

struct json *json_new_u64(struct arena *a, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, v);
	return json_new_num(a, text);
}

struct json *json_new_double(struct arena *a, double v)
{
	char text[32] = "";

	if (!isfinite(v))
		return json_null(a);
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	return json_new_num(a, text);
}

struct json *json_new_strn(struct arena *a, const char *s, size_t len)
{
	return text_new(a, JSON_STRING, s, len);
}

struct json *json_new_str(struct arena *a, const char *s)
{
	return s ? json_new_strn(a, s, strlen(s)) : json_null(a);
}

/* --- containers --- */

static struct json *container_new(struct arena *a, enum json_type type)
{
	struct json *j = node_new(a, type);

	j->kids = arena_new(a, struct kids);
	return j;
}

struct json *json_new_array(struct arena *a)
{
	return container_new(a, JSON_ARRAY);
}

struct json *json_new_object(struct arena *a)
{
	return container_new(a, JSON_OBJECT);
}

struct json *json_new_strs(struct arena *a, const char *const *strs)
{
	struct json *arr = json_new_array(a);

	for (; strs && *strs; strs++)
		json_append(a, arr, json_new_str(a, *strs));
	return arr;
}

const char *key_new(struct arena *a, const char *s, size_t len)
{
	uint32_t n = (uint32_t)len;
	char *block;

	if (len > UINT32_MAX - KEY_HEAD - 1)
		abort();
	block = arena_alloc(a, KEY_HEAD + len + 1);
	memcpy(block, &n, sizeof n);
	memcpy(block + KEY_HEAD, s, len);
	return block + KEY_HEAD;
}

/* Room for one more slot of `size` bytes. */
static void kids_grow(struct arena *a, struct kids *k, size_t size)
{
	uint32_t cap = k->cap ? k->cap * 2 : 4;
	void *slots;

	if (k->n < k->cap)
		return;
	if (cap < k->cap)
		abort();                /* 2^32 values do not fit any limit of ours */
	slots = arena_alloc(a, mem_mul(cap, size));
	if (k->n)
		memcpy(slots, k->items, k->n * size);
	k->items = slots;
	k->cap = cap;
}

void member_add(struct arena *a, struct kids *k, const char *key, struct json *v)
{
	kids_grow(a, k, sizeof *k->members);
	k->members[k->n++] = (struct member){ key, v };
	index_add(a, k, k->n - 1);
}

/* The members of what must be an object: anything else is our own bug. */
static struct kids *members_of(struct json *obj)
{
	if (!node_is(obj, JSON_OBJECT))
		abort();
	return obj->kids;
}

static void set_n(struct arena *a, struct json *obj, const char *key, size_t len, struct json *v)
{
	struct kids *k = members_of(obj);
	ptrdiff_t i;

	v = v ?: json_null(a);
	i = member_find(k, key, len);
	if (i >= 0)
		k->members[i].value = v;
	else
		member_add(a, k, key_new(a, key, len), v);
}

void json_set(struct arena *a, struct json *obj, const char *key, struct json *v)
{
	set_n(a, obj, key, strlen(key), v);
}

void json_append(struct arena *a, struct json *arr, struct json *v)
{
	if (!node_is(arr, JSON_ARRAY))
		abort();
	kids_grow(a, arr->kids, sizeof *arr->kids->items);
	arr->kids->items[arr->kids->n++] = v ?: json_null(a);
}

bool json_del(struct json *obj, const char *key)
{
	struct kids *k = node_is(obj, JSON_OBJECT) ? obj->kids : NULL;
	ptrdiff_t i = k ? member_find(k, key, strlen(key)) : -1;

	if (i < 0)
		return false;
	if (k->index)
		index_del(k, (uint32_t)i);
	k->n--;
	memmove(&k->members[i], &k->members[i + 1], (k->n - (size_t)i) * sizeof *k->members);
	return true;
}

void json_set_path(struct arena *a, struct json *obj, const char *dotted, struct json *v)
{
	for (size_t len; dotted[len = strcspn(dotted, ".")]; dotted += len + 1) {
		struct kids *k = members_of(obj);
		ptrdiff_t i = member_find(k, dotted, len);
		struct json *next = i < 0 ? NULL : k->members[i].value;

		if (!node_is(next, JSON_OBJECT)) {
			next = json_new_object(a);
			set_n(a, obj, dotted, len, next);
		}
		obj = next;
	}
	json_set(a, obj, dotted, v);
}

struct json *json_obj(struct arena *a, const char *key, ...)
{
	struct json *obj = json_new_object(a);
	va_list ap;

	va_start(ap, key);
	for (; key; key = va_arg(ap, const char *)) {
		struct json *v = va_arg(ap, struct json *);

		if (v)
			json_set(a, obj, key, v);
	}
	va_end(ap);
	return obj;
}

/* --- copy --- */

static bool is_container(const struct json *j)
{
	return j->type >= JSON_ARRAY;
}

/* The node alone; a container comes out empty, with all the room it needs. */
static struct json *node_copy(struct arena *a, const struct json *j)
{
	struct json *to;
	struct kids *k;

	if (j->type == JSON_NUMBER || j->type == JSON_STRING) {
		to = text_new(a, j->type, node_text(j), j->len);
		to->yes = j->yes;
		return to;
	}
	to = node_new(a, j->type);
	if (!is_container(j)) {
		to->yes = j->yes;
		return to;
	}
	to->kids = k = arena_new(a, struct kids);
	k->cap = j->kids->n;
	if (k->cap)
		k->items = arena_alloc(a, mem_mul(k->cap, j->type == JSON_ARRAY ? sizeof *k->items :
									       sizeof *k->members));
	return to;
}

static struct json *copy_child(struct arena *a, const struct json *from, struct kids *to, uint32_t i)
{
	const struct json *v = json_at(from, i);
	struct json *c = node_copy(a, v);
	const char *key;

	if (from->type == JSON_ARRAY) {
		to->items[to->n++] = c;
		return c;
	}
	key = from->kids->members[i].key;
	member_add(a, to, key_new(a, key, key_len(key)), c);
	return c;
}

struct json *json_copy(struct arena *a, const struct json *j)
{
	auto_walk struct walk w;
	struct json *root;

	walk_init(&w);
	if (!j)
		return json_null(a);
	root = node_copy(a, j);
	if (is_container(j))
		walk_push(&w, j, root);
	while (w.top) {
		const struct json *from = w.top->j;
		struct json *to = w.top->to, *c;

		if (w.top->i == from->kids->n) {
			walk_pop(&w);
			continue;
		}
		c = copy_child(a, from, to->kids, w.top->i++);
		if (is_container(c))
			walk_push(&w, json_at(from, w.top->i - 1), c);
	}
	return root;
}
