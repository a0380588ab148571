/* json.h - the JSON tree: the central data type, arena-backed.
 *
 * Nodes live in an arena and are freed with it. Objects keep the order of
 * their members; duplicate keys are an error. Numbers keep their text, so an
 * int64 is exact and what was read is what is written. Strings are UTF-8 and
 * may hold NUL bytes (use len). Nothing outside src/json looks into the nodes:
 * the functions below are the whole surface.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json;

#define JSON_DEPTH_MAX 512
#define JSON_BYTES_MAX ((size_t)64 << 20)

/* --- parse and write (RFC 8259) --- */

/* Strict: UTF-8 only, no comments, no trailing commas, no duplicate keys, nothing after the
 * value. The text is copied where needed; it may be freed afterwards. INVALID names line and
 * column (in characters); LIMIT for depth, size or the arena's maximum, of which two to three
 * times the text is used. After a failure the arena may hold pieces until it is freed. */
int json_parse(struct arena *a, const char *text, size_t len, struct json **ret, struct dv_err *e) DV_MUST_USE;
/* The file `name` in dirfd, at most JSON_BYTES_MAX; errors name the file. */
int json_parse_file(struct arena *a, int dirfd, const char *name, struct json **ret,
		    struct dv_err *e) DV_MUST_USE;

enum json_style { JSON_COMPACT, JSON_PRETTY };   /* PRETTY: four spaces, as docker inspect */
/* Fails only by b's maximum; bytes of strings that are not UTF-8 are written as U+FFFD. */
void json_write(struct buf *b, const struct json *j, enum json_style style);
char *json_text(struct arena *a, const struct json *j, enum json_style style);

/* --- read --- */

enum json_type json_type(const struct json *j);          /* JSON_NULL for a NULL pointer */
const char *json_type_name(enum json_type t);            /* "object" */
bool json_bool(const struct json *j);                    /* false unless a true */
const char *json_str(const struct json *j);              /* NULL unless a string; NUL-terminated */
size_t json_str_len(const struct json *j);
const char *json_num_text(const struct json *j);         /* NULL unless a number */
bool json_i64(const struct json *j, int64_t *ret);       /* false unless an integer that fits */
bool json_u64(const struct json *j, uint64_t *ret);
double json_double(const struct json *j);                /* 0 unless a number; infinite beyond a double */
size_t json_len(const struct json *j);                   /* members or elements; 0 for others */

const struct json *json_get(const struct json *obj, const char *key);    /* NULL when absent */
const struct json *json_at(const struct json *j, size_t i);              /* element, or member's value */
const char *json_key(const struct json *obj, size_t i);                  /* i-th member's key */
/* For keys that may hold NUL bytes: json_get() finds only those without. */
size_t json_key_len(const struct json *obj, size_t i);
const struct json *json_getn(const struct json *obj, const char *key, size_t len);
/* Dotted path without indexes: json_path(j, "linux.resources.memory"). NULL when absent. */
const struct json *json_path(const struct json *j, const char *dotted);
/* RFC 6901: "/a/b/0", "~0" and "~1" escapes; "" is j itself. NULL when absent. */
const struct json *json_pointer(const struct json *j, const char *pointer);
/* Member order is ignored; numbers are compared by value (1 and 1.0 are equal), integers exactly. */
bool json_equal(const struct json *a, const struct json *b);

/* for (JSON_EACH(it, arr)): `it` runs over the elements or member values; json_iter_key(it) inside. */
struct json_iter {
	const struct json *parent;
	size_t i;
	const struct json *value;
};
bool json_next(struct json_iter *it);
#define JSON_EACH(it, j) struct json_iter it = { .parent = (j) }; json_next(&it);
#define json_iter_key(it) json_key((it).parent, (it).i - 1)

/* --- make: values are copied into the arena --- */

struct json *json_null(struct arena *a);
struct json *json_new_bool(struct arena *a, bool v);
struct json *json_new_i64(struct arena *a, int64_t v);
struct json *json_new_u64(struct arena *a, uint64_t v);
/* The shortest text that reads back; null unless finite. */
struct json *json_new_double(struct arena *a, double v);
struct json *json_new_num(struct arena *a, const char *text);            /* text must be a JSON number */
struct json *json_new_str(struct arena *a, const char *s);               /* NULL gives null */
struct json *json_new_strn(struct arena *a, const char *s, size_t len);
struct json *json_new_strs(struct arena *a, const char *const *strs);    /* NULL-terminated; NULL gives [] */
struct json *json_new_array(struct arena *a);
struct json *json_new_object(struct arena *a);
struct json *json_copy(struct arena *a, const struct json *j);           /* deep */

/* json_obj(a, "phase", json_new_str(a, "Running"), ..., NULL); NULL values are left out. */
struct json *json_obj(struct arena *a, const char *key, ...) __attribute__((sentinel));

/* --- change: containers and values must be of the same arena (or outlive it) ---
 *
 * Nodes never move: what json_get_mut() gave stays good while its neighbours come and go.
 * A container put in two places is shared, not copied, and must not be put into itself.
 * A NULL value is null; to append to or set in another type is our own bug and aborts. */

void json_append(struct arena *a, struct json *arr, struct json *v);
void json_set(struct arena *a, struct json *obj, const char *key, struct json *v);   /* add or replace */
bool json_del(struct json *obj, const char *key);
/* Makes the objects on the way, in place of anything else that stands there. */
void json_set_path(struct arena *a, struct json *obj, const char *dotted, struct json *v);
struct json *json_get_mut(struct json *obj, const char *key);
