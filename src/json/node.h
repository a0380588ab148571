/* node.h - how the tree looks inside; for src/json only.
 *
 * A node is 16 bytes and never moves once it is in a tree: containers hold
 * pointers, so a pointer that a caller got stays right when its neighbours
 * come and go. Text of up to TEXT_INLINE_MAX bytes sits in the node itself.
 * What a container holds is behind one more pointer, `kids`. A key has its
 * length in the four bytes before it; objects with more than INDEX_MIN
 * members have a hash index.
 */
#pragma once

#include <string.h>

#include "json/json.h"

#define TEXT_INLINE_MAX 7
#define INDEX_MIN 16
#define KEY_HEAD sizeof(uint32_t)

struct member {
	const char *key;
	struct json *value;
};

struct index;

struct kids {
	uint32_t n, cap;
	union {
		struct member *members;
		struct json **items;
	};
	struct index *index;            /* objects with more than INDEX_MIN members */
};

struct json {
	uint8_t type;
	bool yes;                       /* the value of a bool; of a number: neither fraction nor exponent */
	uint32_t len;                   /* of the text */
	union {
		char small[TEXT_INLINE_MAX + 1];
		const char *text;
		struct kids *kids;
	};
};

static inline const char *node_text(const struct json *j)
{
	return j->len <= TEXT_INLINE_MAX ? j->small : j->text;
}

static inline bool node_is(const struct json *j, enum json_type t)
{
	return j && j->type == t;
}

static inline size_t key_len(const char *key)
{
	uint32_t n;

	memcpy(&n, key - KEY_HEAD, sizeof n);
	return n;
}

static inline bool key_is(const char *key, const char *s, size_t len)
{
	return key_len(key) == len && memcmp(key, s, len) == 0;
}

/* A key from its bytes, in the arena. */
const char *key_new(struct arena *a, const char *s, size_t len);
/* The member's position, or -1. */
ptrdiff_t member_find(const struct kids *k, const char *key, size_t len);
/* json_set() for a key that may hold NUL bytes and is the arena's own (key_new). */
void member_add(struct arena *a, struct kids *k, const char *key, struct json *v);

/* --- index.c --- */

/* Index all of k's members; when two are equal, false and the later one's position. */
bool index_build(struct arena *a, struct kids *k, uint32_t *ret_dup);
/* Bytes that index_build() takes for n members. */
size_t index_bytes(uint32_t n);
ptrdiff_t index_find(const struct kids *k, const char *key, size_t len);
/* The member just appended, or about to be taken out. */
void index_add(struct arena *a, struct kids *k, uint32_t pos);
void index_del(struct kids *k, uint32_t pos);

/* --- walk: trees that were built by hand have any depth, so nothing recurses --- */

struct walk_frame {
	const struct json *j;
	void *to;                       /* the other side: of copy and equal */
	uint32_t i;
};

struct walk {
	struct walk_frame *top;         /* NULL when empty */
	struct walk_frame *frames;
	size_t n, cap;
	struct walk_frame first[32];
};

void walk_init(struct walk *w);
void walk_done(struct walk *w);
void walk_push(struct walk *w, const struct json *j, void *to);
void walk_pop(struct walk *w);
#define auto_walk __attribute__((cleanup(walk_done)))
