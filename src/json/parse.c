/* parse.c - strict RFC 8259 text into a tree, in one pass and without recursion.
 *
 * The values of containers that are still open wait on one stack; when a
 * container ends, its values move into the arena as one block. Functions take
 * the cursor and return the new one, NULL when they failed: it stays in a
 * register that way. Keys that come again (as in a list of like objects) are
 * stored once.
 */
#include "base/file.h"
#include "json/parse.h"
#include "json/text.h"

#define ROOM_BYTES 8192

/* --- memory --- */

/* len bytes for text that was found at `at`; NULL when the arena is full. Those taken from the
 * room (and only those) end at s->room. */
static char *text_room(struct parser *s, const char *at, size_t len)
{
	size_t block = DV_MIN((size_t)(s->end - at) / 2 + 64, ROOM_BYTES);   /* about half of it is strings */
	char *p = s->room;

	if (__builtin_expect((size_t)(s->room_end - s->room) < len, false)) {
		p = len > ROOM_BYTES / 4 ? NULL : arena_try(s->a, DV_MAX(block, len));
		if (!p)
			return arena_try(s->a, len);
		s->room_end = p + DV_MAX(block, len);
	}
	s->room = p + len;
	return p;
}

/* The bytes that may be written from `to` on, where text_room() gave len. */
static inline const char *text_slack(const struct parser *s, const char *to, size_t len)
{
	return to + len == s->room ? s->room_end : to + len;
}

/* One more value on the stack; what waits there will need at least as much in the arena. */
static struct elem *elem_push(struct parser *s)
{
	if (__builtin_expect(s->n == s->cap, false)) {
		bool first = s->elems == s->first_elems;
		size_t want = s->n * (sizeof(struct json) + sizeof(struct json *));

		if (s->a->used_bytes > s->a->max_bytes || want > s->a->max_bytes - s->a->used_bytes)
			return NULL;
		s->elems = mem_resize(first ? NULL : s->elems, mem_mul(s->cap, 2), sizeof *s->elems);
		if (first)
			memcpy(s->elems, s->first_elems, sizeof s->first_elems);
		s->cap *= 2;
	}
	return &s->elems[s->n++];
}

/* --- strings --- */

/* A string that is in the arena already, with its NUL, or small enough for the node. */
static inline void string_set(struct json *v, const char *text, size_t len)
{
	v->type = JSON_STRING;
	v->yes = false;
	v->len = (uint32_t)len;
	if (len <= TEXT_INLINE_MAX) {
		memset(v->small, 0, sizeof v->small);
		memcpy(v->small, text, len);
	} else {
		v->text = text;
	}
}

static const char *text_take(struct parser *s, struct json *v, enum json_type type, const char *p, size_t len)
{
	char *to;

	v->type = type;
	v->yes = type == JSON_NUMBER && v->yes;
	v->len = (uint32_t)len;
	if (len <= TEXT_INLINE_MAX) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		if (s->end - p >= 8) {
			uint64_t w;

			memcpy(&w, p, 8);
			w &= ((uint64_t)1 << 8 * len) - 1;
			memcpy(v->small, &w, 8);
			return p + len;
		}
#endif
		memset(v->small, 0, sizeof v->small);
		memcpy(v->small, p, len);
		return p + len;
	}
	to = text_room(s, p, len + 1);
	if (!to)
		return parse_fail_limit(s, p);
	text_copy(to, text_slack(s, to, len + 1), p, s->end, len);
	to[len] = '\0';
	v->text = to;
	return p + len;
}

/* A string with escapes or beyond ASCII; p is behind the quote, q where the care begins. */
static const char *string_careful(struct parser *s, const char *p, const char *q, struct json *v)
{
	bool escaped = false;
	size_t len;
	char *to;

	q = parse_string_end(s, q, &escaped);
	if (!q)
		return NULL;
	if (!escaped)
		return text_take(s, v, JSON_STRING, p, (size_t)(q - p)) ? q + 1 : NULL;
	to = text_room(s, p, (size_t)(q - p) + 1);
	if (!to)
		return parse_fail_limit(s, p);
	if (!parse_unescape(s, p, q, to, &len))
		return NULL;
	to[len] = '\0';
	string_set(v, to, len);
	return q + 1;
}

static inline const char *parse_string(struct parser *s, const char *p, struct json *v)
{
	const char *q = text_plain_end(++p, s->end);

	if (__builtin_expect(q < s->end && *q == '"', true))
		return text_take(s, v, JSON_STRING, p, (size_t)(q - p)) ? q + 1 : NULL;
	return string_careful(s, p, q, v);
}

/* --- other scalars --- */

static const char *skip_digits(const char *p, const char *end)
{
	while (p < end && (unsigned)(*p - '0') < 10)
		p++;
	return p;
}

static const char *parse_number(struct parser *s, const char *start, struct json *v)
{
	const char *p = start + (*start == '-'), *q = skip_digits(p, s->end);

	if (q == p)
		return parse_fail_want(s, p, "a digit");
	if (*p == '0' && q > p + 1)
		return parse_fail(s, p, DV_INVALID, "a number that begins with 0");
	v->yes = true;
	if (q < s->end && *q == '.') {
		v->yes = false;
		p = q + 1;
		q = skip_digits(p, s->end);
		if (q == p)
			return parse_fail_want(s, p, "a digit");
	}
	if (q < s->end && (*q | 0x20) == 'e') {
		v->yes = false;
		p = q + 1;
		p += p < s->end && (*p == '+' || *p == '-');
		q = skip_digits(p, s->end);
		if (q == p)
			return parse_fail_want(s, p, "a digit");
	}
	return text_take(s, v, JSON_NUMBER, start, (size_t)(q - start));
}

static const struct {
	const char *word;
	size_t len;
	struct json v;
} words[] = {
	{ "null", 4, { .type = JSON_NULL } },
	{ "true", 4, { .type = JSON_BOOL, .yes = true } },
	{ "false", 5, { .type = JSON_BOOL } },
};

static const char *parse_word(struct parser *s, const char *p, struct json *v)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if ((size_t)(s->end - p) >= words[i].len && memcmp(p, words[i].word, words[i].len) == 0) {
			*v = words[i].v;
			return p + words[i].len;
		}
	}
	return parse_fail_want(s, p, "a value");
}

static inline const char *parse_scalar(struct parser *s, const char *p)
{
	struct json *v = &s->elems[s->n - 1].v;

	if (p < s->end && *p == '"')
		return parse_string(s, p, v);
	if (p < s->end && (*p == '-' || (unsigned)(*p - '0') < 10))
		return parse_number(s, p, v);
	return parse_word(s, p, v);
}

/* --- keys --- */

/* Good enough to tell the keys of one object apart; large objects use index.c. */
static inline uint32_t quick_hash(const char *s, size_t len)
{
	uint64_t a = 0, b = 0;

	if (len >= 8) {
		memcpy(&a, s, 8);
		memcpy(&b, s + len - 8, 8);
	} else if (len >= 4) {
		memcpy(&a, s, 4);
		memcpy(&b, s + len - 4, 4);
	} else if (len) {
		a = (uint64_t)(unsigned char)s[0] << 16 | (uint64_t)(unsigned char)s[len / 2] << 8 |
		    (unsigned char)s[len - 1];
	}
	a = (a ^ (b << 29 | b >> 35) ^ (uint64_t)len << 56) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(a >> 32);
}

static char *key_room(struct parser *s, const char *at, size_t len)
{
	char *to = text_room(s, at, KEY_HEAD + len + 1);

	return to ? to + KEY_HEAD : NULL;
}

static void key_finish(char *key, size_t len)
{
	uint32_t n = (uint32_t)len;

	memcpy(key - KEY_HEAD, &n, sizeof n);
	key[len] = '\0';
}

/* A key without escapes. */
static inline const char *key_take(struct parser *s, const char *p, size_t len, struct elem *el)
{
	uint32_t hash = quick_hash(p, len);
	const char **seen = &s->keys[hash % KEY_CACHE];
	char *to;

	el->hash = hash;
	if (*seen && key_is(*seen, p, len)) {
		el->key = *seen;
		return p + len;
	}
	to = key_room(s, p, len);
	if (!to)
		return parse_fail_limit(s, p);
	text_copy(to, text_slack(s, to, len + 1), p, s->end, len);
	key_finish(to, len);
	*seen = el->key = to;
	return p + len;
}

static const char *key_careful(struct parser *s, const char *p, const char *q, struct elem *el)
{
	bool escaped = false;
	size_t len;
	char *to;

	q = parse_string_end(s, q, &escaped);
	if (!q)
		return NULL;
	if (!escaped)
		return key_take(s, p, (size_t)(q - p), el);
	to = key_room(s, p, (size_t)(q - p));
	if (!to)
		return parse_fail_limit(s, p);
	if (!parse_unescape(s, p, q, to, &len))
		return NULL;
	key_finish(to, len);
	el->key = to;
	el->hash = quick_hash(to, len);
	return q;
}

/* Is el's key new in its object? Large objects are asked when they end. */
static bool key_is_new(const struct parser *s, struct frame *f, const struct elem *el)
{
	uint64_t bit = (uint64_t)1 << (el->hash & 63);

	if (__builtin_expect(f->seen & bit, false) && s->n - f->first <= INDEX_MIN) {
		for (const struct elem *o = &s->elems[f->first]; o < el; o++)
			if (o->hash == el->hash && key_is(o->key, el->key, key_len(el->key)))
				return false;
	}
	f->seen |= bit;
	return true;
}

/* A key and its colon. */
static const char *parse_key(struct parser *s, const char *p, struct frame *f, struct elem *el)
{
	const char *q;

	p = text_skip_blanks(p, s->end);
	if (p >= s->end || *p != '"')
		return parse_fail_want(s, p, "a key in quotes");
	el->at = (uint32_t)(p - s->text);
	q = text_plain_end(++p, s->end);
	p = __builtin_expect(q < s->end && *q == '"', true) ? key_take(s, p, (size_t)(q - p), el) :
							     key_careful(s, p, q, el);
	if (!p)
		return NULL;
	if (!key_is_new(s, f, el))
		return parse_fail_dup(s, el);
	p = text_skip_blanks(p + 1, s->end);
	if (p >= s->end || *p != ':')
		return parse_fail_want(s, p, "a colon");
	return p + 1;
}

/* --- containers --- */

static struct kids *kids_try(struct parser *s, uint32_t n, size_t slot, struct json **ret_nodes)
{
	struct kids *k = arena_try(s->a, sizeof *k + n * (slot + sizeof(struct json)));

	if (!k)
		return NULL;
	k->n = k->cap = n;
	k->items = (struct json **)(k + 1);
	*ret_nodes = (struct json *)((char *)(k + 1) + n * slot);
	return k;
}

static const char *index_members(struct parser *s, const char *p, struct kids *k, const struct elem *els)
{
	uint32_t dup;

	if (index_bytes(k->n) > s->a->max_bytes || s->a->used_bytes > s->a->max_bytes - index_bytes(k->n))
		return parse_fail_limit(s, p);
	if (!index_build(s->a, k, &dup))
		return parse_fail_dup(s, &els[dup]);
	return p;
}

static const char *close_object(struct parser *s, const char *p, const struct elem *els, uint32_t n,
				struct json *ret)
{
	struct json *nodes;
	struct kids *k = kids_try(s, n, sizeof *k->members, &nodes);

	if (!k)
		return parse_fail_limit(s, p);
	for (uint32_t i = 0; i < n; i++) {
		k->members[i] = (struct member){ els[i].key, &nodes[i] };
		nodes[i] = els[i].v;
	}
	*ret = (struct json){ .type = JSON_OBJECT, .kids = k };
	return n > INDEX_MIN ? index_members(s, p, k, els) : p;
}

static const char *close_array(struct parser *s, const char *p, const struct elem *els, uint32_t n,
			       struct json *ret)
{
	struct json *nodes;
	struct kids *k = kids_try(s, n, sizeof *k->items, &nodes);

	if (!k)
		return parse_fail_limit(s, p);
	for (uint32_t i = 0; i < n; i++) {
		k->items[i] = &nodes[i];
		nodes[i] = els[i].v;
	}
	*ret = (struct json){ .type = JSON_ARRAY, .kids = k };
	return p;
}

/* The values from `first` on become the container that waits below them. */
static const char *close_container(struct parser *s, const char *p, bool object, uint32_t first)
{
	const struct elem *els = &s->elems[first];
	struct json *v = &s->elems[first - 1].v;
	uint32_t n = (uint32_t)s->n - first;

	s->n = first;
	return object ? close_object(s, p, els, n, v) : close_array(s, p, els, n, v);
}

/* Room for the next value, and its key. */
static inline const char *next_value(struct parser *s, const char *p, struct frame *f)
{
	struct elem *el = elem_push(s);

	if (!el)
		return parse_fail_limit(s, p);
	return f->object ? parse_key(s, p, f, el) : p;
}

/* p is at the bracket; false in *ret_inside when the container was empty. */
static const char *open_container(struct parser *s, const char *p, bool *ret_inside)
{
	bool object = *p == '{';
	const char *q = text_skip_blanks(p + 1, s->end);
	struct frame *f;

	*ret_inside = false;
	if (s->depth == JSON_DEPTH_MAX)
		return parse_fail(s, p, DV_LIMIT, "nested deeper than %d", JSON_DEPTH_MAX);
	if (q < s->end && *q == *p + 2)         /* the closing bracket, in ASCII */
		return close_container(s, q + 1, object, (uint32_t)s->n);
	*ret_inside = true;
	f = &s->frames[s->depth++];
	*f = (struct frame){ .first = (uint32_t)s->n, .object = object };
	return next_value(s, q, f);
}

/* Behind a value: closing brackets, then a comma, up to where the next value begins. */
static const char *after_value(struct parser *s, const char *p)
{
	while (s->depth) {
		struct frame *f = &s->frames[s->depth - 1];

		p = text_skip_blanks(p, s->end);
		if (p < s->end && *p == ',')
			return next_value(s, p + 1, f);
		if (p >= s->end || *p != (f->object ? '}' : ']'))
			return parse_fail_want(s, p, f->object ? "a comma or }" : "a comma or ]");
		s->depth--;
		p = close_container(s, p + 1, f->object, f->first);
		if (!p)
			return NULL;
	}
	return p;
}

static const char *parse_tree(struct parser *s, const char *p)
{
	elem_push(s);
	do {
		bool inside = false;

		p = text_skip_blanks(p, s->end);
		if (p < s->end && (*p == '{' || *p == '['))
			p = open_container(s, p, &inside);
		else
			p = parse_scalar(s, p);
		if (p && !inside)
			p = after_value(s, p);
	} while (p && s->depth);
	return p;
}

static const char *parse_text(struct parser *s, struct json **ret)
{
	const char *p = parse_tree(s, s->text);
	struct json *j;

	if (!p)
		return NULL;
	p = text_skip_blanks(p, s->end);
	if (p < s->end)
		return parse_fail(s, p, DV_INVALID, "more text after the value");
	j = arena_try(s->a, sizeof *j);
	if (!j)
		return parse_fail_limit(s, p);
	*j = s->elems[0].v;
	*ret = j;
	return p;
}

int json_parse(struct arena *a, const char *text, size_t len, struct json **ret, struct dv_err *e)
{
	struct parser s;

	if (len > JSON_BYTES_MAX)
		return dv_fail(e, DV_LIMIT, "%zu bytes of JSON, at most %zu are taken", len, JSON_BYTES_MAX);
	s.a = a;
	s.text = text;
	s.end = text + len;
	s.elems = s.first_elems;
	s.n = 0;
	s.cap = ARRAY_LEN(s.first_elems);
	s.depth = 0;
	s.failed = 0;
	s.room = s.room_end = NULL;
	s.e = e;
	memset(s.keys, 0, sizeof s.keys);
	parse_text(&s, ret);
	if (s.elems != s.first_elems)
		free(s.elems);
	return s.failed;
}

int json_parse_file(struct arena *a, int dirfd, const char *name, struct json **ret, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(JSON_BYTES_MAX);
	int r = file_read(dirfd, name, &b, e);

	if (r < 0)
		return r;
	r = json_parse(a, buf_cstr(&b), b.len, ret, e);
	return r < 0 ? dv_wrap(e, "%s", name) : 0;
}
