/* parse.h - what the two halves of the JSON parser share: parse.c is the way of every value,
 * parse_text.c what is rarely needed (errors, escapes, text beyond ASCII). */
#pragma once

#include "json/node.h"

#define KEY_CACHE 256

/* A value on its way; key, position and hash are those of a member. */
struct elem {
	struct json v;
	const char *key;
	uint32_t at;                    /* offset in the text */
	uint32_t hash;
};

struct frame {
	uint64_t seen;                  /* one bit for each key's hash */
	uint32_t first;                 /* its first value on the stack */
	bool object;
};

struct parser {
	struct arena *a;
	const char *text, *end;
	struct elem *elems;
	size_t n, cap;
	unsigned depth;
	int failed;
	char *room, *room_end;          /* for strings, unaligned */
	struct dv_err *e;
	const char *keys[KEY_CACHE];    /* keys seen, by hash */
	struct frame frames[JSON_DEPTH_MAX];
	struct elem first_elems[64];
};

/* All return NULL with s->failed and the error set. */
const char *parse_fail(struct parser *s, const char *at, enum dv_kind kind, const char *fmt, ...)
	DV_PRINTF(4, 5);
const char *parse_fail_want(struct parser *s, const char *at, const char *want);
const char *parse_fail_limit(struct parser *s, const char *at);
const char *parse_fail_dup(struct parser *s, const struct elem *el);

/* The closing quote of a string whose first byte that needs care is at p. */
const char *parse_string_end(struct parser *s, const char *p, bool *ret_escapes);
/* The text between p and end (the closing quote) without its escapes. It never gets longer, and
 * `to` has room for that. */
const char *parse_unescape(struct parser *s, const char *p, const char *end, char *to, size_t *ret_len);
