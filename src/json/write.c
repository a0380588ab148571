/* write.c - a tree as text, compact or for people.
 *
 * The text is made in the buffer itself: where it has room to spare whole
 * blocks are copied, and only near its maximum every byte is counted. Bytes
 * that are not UTF-8 (file names, arguments) become U+FFFD, so that what is
 * written can always be read.
 */
#include "json/node.h"
#include "json/text.h"

#define SLACK 64                        /* a fast step may write this much beyond its text */

struct writer {
	struct buf *b;
	char *p, *end;                  /* the free room; b->len is behind while we write */
	enum json_style style;
	struct walk walk;
};

static void resync(struct writer *w)
{
	if (w->p)
		w->b->len = (size_t)(w->p - w->b->p);
}

/* Room for len bytes and the slack; false near the buffer's maximum, and once something did not
 * fit: nothing may follow a gap. */
static bool reserve(struct writer *w, size_t len)
{
	size_t want = len + SLACK;

	if (__builtin_expect((size_t)(w->end - w->p) >= want, true))
		return true;
	resync(w);
	if (w->b->over || want > w->b->max || w->b->len > w->b->max - want) {
		w->end = w->p;
		return false;
	}
	(void)buf_room(w->b, want);
	w->p = w->b->p + w->b->len;
	w->end = w->b->p + DV_MIN(w->b->cap - 1, w->b->max);
	return true;
}

/* Bytes without the slack: counted one write at a time. */
static void put_exact(struct writer *w, const char *s, size_t len)
{
	resync(w);
	if (!w->b->over)
		buf_add(w->b, s, len);
	if (w->b->p)
		w->end = w->p = w->b->p + w->b->len;
}

static inline void put(struct writer *w, const char *s, size_t len)
{
	if (!reserve(w, len)) {
		put_exact(w, s, len);
		return;
	}
	memcpy(w->p, s, len);
	w->p += len;
}

static inline void put_char(struct writer *w, char c)
{
	if (!reserve(w, 1))
		put_exact(w, &c, 1);
	else
		*w->p++ = c;
}

/* --- strings --- */

/* The byte at p, which needs care; returns how many bytes of the text were done. */
static unsigned put_special(struct writer *w, const char *p, const char *end)
{
	static const char shorts[32] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r' };
	static const char hex[] = "0123456789abcdef";
	unsigned char c = (unsigned char)*p;
	unsigned n;

	if (c >= 0x80) {
		n = text_utf8(p, end);
		put(w, n ? p : "\xef\xbf\xbd", n ? n : 3);
		return n ? n : 1;
	}
	if (c >= 0x20)
		put(w, (char[]){ '\\', *p }, 2);
	else if (shorts[c])
		put(w, (char[]){ '\\', shorts[c] }, 2);
	else
		put(w, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
	return 1;
}

static void put_careful(struct writer *w, const char *p, const char *end)
{
	while (p < end) {
		const char *q = text_plain_end(p, end);

		put(w, p, (size_t)(q - p));
		p = q;
		if (p < end)
			p += put_special(w, p, end);
	}
}

/* Text of a string or key with its quotes, then `after` (a colon, or 0 for none). */
static inline void put_string(struct writer *w, const char *p, size_t len)
{
	const char *end = p + len, *q;

	put_char(w, '"');
	q = text_plain_end(p, end);
	put(w, p, (size_t)(q - p));
	if (__builtin_expect(q < end, false))
		put_careful(w, q, end);
	put_char(w, '"');
}

/* --- nodes --- */

static void put_break(struct writer *w, size_t depth)
{
	static const char spaces[] = "                                ";

	if (w->style != JSON_PRETTY)
		return;
	put_char(w, '\n');
	for (size_t left = depth * 4, n; left; left -= n) {
		n = DV_MIN(left, sizeof spaces - 1);
		put(w, spaces, n);
	}
}

/* A node; of a container with something in it the bracket, and it is on the walk then. */
static inline void put_node(struct writer *w, const struct json *j)
{
	switch (json_type(j)) {
	case JSON_NULL:
		put(w, "null", 4);
		return;
	case JSON_BOOL:
		put(w, j->yes ? "true" : "false", j->yes ? 4 : 5);
		return;
	case JSON_NUMBER:
		put(w, node_text(j), j->len);
		return;
	case JSON_STRING:
		put_string(w, node_text(j), j->len);
		return;
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	if (!j->kids->n) {
		put(w, j->type == JSON_ARRAY ? "[]" : "{}", 2);
		return;
	}
	put_char(w, j->type == JSON_ARRAY ? '[' : '{');
	walk_push(&w->walk, j, NULL);
}

static void put_end(struct writer *w)
{
	bool array = w->walk.top->j->type == JSON_ARRAY;

	walk_pop(&w->walk);
	put_break(w, w->walk.n);
	put_char(w, array ? ']' : '}');
}

static void put_child(struct writer *w)
{
	struct walk_frame *f = w->walk.top;
	const struct kids *k = f->j->kids;
	uint32_t i = f->i++;

	if (i)
		put_char(w, ',');
	put_break(w, w->walk.n);
	if (f->j->type == JSON_ARRAY) {
		put_node(w, k->items[i]);
		return;
	}
	put_string(w, k->members[i].key, key_len(k->members[i].key));
	put_char(w, ':');
	if (w->style == JSON_PRETTY)
		put_char(w, ' ');
	put_node(w, k->members[i].value);
}

void json_write(struct buf *b, const struct json *j, enum json_style style)
{
	struct writer w = { .b = b, .style = style };

	walk_init(&w.walk);
	w.p = w.end = b->p ? b->p + b->len : NULL;
	put_node(&w, j);
	while (w.walk.top && !b->over) {
		if (w.walk.top->i < w.walk.top->j->kids->n)
			put_child(&w);
		else
			put_end(&w);
	}
	resync(&w);
	if (b->p)
		b->p[b->len] = '\0';
	walk_done(&w.walk);
}

char *json_text(struct arena *a, const struct json *j, enum json_style style)
{
	auto_buf struct buf b = BUF_INIT(SIZE_MAX / 2);

	json_write(&b, j, style);
	return arena_strn(a, buf_cstr(&b), b.len);
}
