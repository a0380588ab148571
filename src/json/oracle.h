/* oracle.h - jansson behind names of its own, for tests and benches.
 *
 * Our functions and jansson's share names, so only oracle.c includes
 * <jansson.h> (and repeats the prototypes); nothing here needs a function whose name we have too (ours are
 * hidden, so that the shared library keeps using its own).
 */
#pragma once

#include <string.h>

#include "json/json.h"

/* A value of jansson's; the enum is ours, in its order. */
typedef void oracle;

oracle *oracle_parse(const char *text, size_t len);     /* NULL when refused */
void oracle_free(oracle *t);
char *oracle_write(const oracle *t);                    /* compact; free() */
int oracle_type(const oracle *t);                       /* an enum json_type */
bool oracle_bool(const oracle *t);
const char *oracle_str(const oracle *t, size_t *ret_len);
bool oracle_i64(const oracle *t, int64_t *ret);         /* false for a real */
double oracle_double(const oracle *t);
size_t oracle_len(const oracle *t);
oracle *oracle_at(const oracle *t, size_t i);           /* arrays */
oracle *oracle_getn(const oracle *t, const char *key, size_t len);

static inline bool oracle_same_text(const struct json *j, const oracle *t)
{
	size_t len;
	const char *s = oracle_str(t, &len);

	return json_str_len(j) == len && memcmp(json_str(j), s, len) == 0;
}

static inline bool oracle_same_number(const struct json *j, const oracle *t)
{
	int64_t a, b;

	if (oracle_i64(t, &b))
		return json_i64(j, &a) && a == b;
	return json_double(j) == oracle_double(t);
}

/* Is it the same value? The order of members is not compared. */
static inline bool oracle_same(const struct json *j, const oracle *t)
{
	if (!t || (int)json_type(j) != oracle_type(t))
		return false;
	switch (json_type(j)) {
	case JSON_NULL: return true;
	case JSON_BOOL: return json_bool(j) == oracle_bool(t);
	case JSON_NUMBER: return oracle_same_number(j, t);
	case JSON_STRING: return oracle_same_text(j, t);
	default: break;
	}
	if (json_len(j) != oracle_len(t))
		return false;
	for (size_t i = 0; i < json_len(j); i++) {
		const oracle *peer = json_type(j) == JSON_ARRAY ? oracle_at(t, i) :
				     oracle_getn(t, json_key(j, i), json_key_len(j, i));

		if (!oracle_same(json_at(j, i), peer))
			return false;
	}
	return true;
}
