/* yaml_write.c - a tree as YAML in block style, in the manner of kubectl. */
#include <ctype.h>
#include <stdio.h>

#include "base/str.h"
#include "json/node.h"
#include "json/text.h"
#include "json/yaml.h"
#include "json/yaml_plain.h"

#define SIMPLE_KEY_MAX 1000             /* longer keys need "? ": readers look back 1024 characters */

/* --- scalars --- */

/* The character at p and its length; bytes that are not UTF-8 give U+FFFD. */
static uint32_t char_at(const char *p, const char *end, unsigned *ret_len)
{
	const unsigned char *u = (const unsigned char *)p;

	*ret_len = 1;
	if (*u < 0x80)
		return *u;
	switch (text_utf8(p, end)) {
	case 2:
		*ret_len = 2;
		return (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu);
	case 3:
		*ret_len = 3;
		return (u[0] & 0x0fu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
	case 4:
		*ret_len = 4;
		return (u[0] & 0x07u) << 18 | (u[1] & 0x3fu) << 12 | (u[2] & 0x3fu) << 6 | (u[3] & 0x3fu);
	default:
		return 0xfffd;
	}
}

/* May it stand in YAML text as it is? Not controls, line breaks of YAML 1.1, and non-characters. */
static bool is_printable(uint32_t c)
{
	return c >= 0x20 && c != 0x7f && (c < 0x80 || c > 0x9f) && c != 0x2028 && c != 0x2029 && c != 0xfeff &&
	       c != 0xfffe && c != 0xffff;
}

static void put_quoted(struct buf *b, const char *p, size_t len)
{
	const char *end = p + len;
	unsigned n;

	buf_char(b, '"');
	for (; p < end; p += n) {
		uint32_t c = char_at(p, end, &n);

		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", (int)c);
		else if (c == '\n' || c == '\t' || c == '\r')
			buf_printf(b, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
		else if (!is_printable(c))
			buf_printf(b, "\\u%04x", c);
		else if (c == 0xfffd)
			buf_str(b, "\xef\xbf\xbd");
		else
			buf_add(b, p, n);
	}
	buf_char(b, '"');
}

static bool all_printable(const char *p, size_t len, bool lines)
{
	const char *end = p + len;
	unsigned n;

	for (; p < end; p += n) {
		uint32_t c = char_at(p, end, &n);

		if (!(is_printable(c) || (lines && c == '\n')) || (c == 0xfffd && n == 1))
			return false;
	}
	return true;
}

/* YAML 1.1 dates and base 60 numbers: others than Kubernetes read these as types of their own. */
static bool looks_like_time(const char *s, size_t len)
{
	size_t digits = 0;

	while (digits < len && isdigit((unsigned char)s[digits]))
		digits++;
	if (!digits || digits == len)
		return false;
	if (digits == 4 && s[4] == '-')
		return true;
	for (size_t i = digits; i < len; i++)
		if (!isdigit((unsigned char)s[i]) && s[i] != ':' && s[i] != '.')
			return false;
	return s[digits] == ':';
}

static bool starts_plain(const char *s, size_t len)
{
	unsigned char c = (unsigned char)*s;

	if (isalnum(c) || c >= 0x80 || strchr("/._$(+~^;\\", c))
		return true;
	return c == '-' && len > 1 && (isalnum((unsigned char)s[1]) || s[1] == '-') && !str_starts(s, "---");
}

static bool is_plain(const char *s, size_t len)
{
	if (!len || !starts_plain(s, len) || strchr(" :", s[len - 1]) || !all_printable(s, len, false))
		return false;
	if (strstr(s, ": ") || strstr(s, " #") || (len >= 3 && str_starts(s, "...")))
		return false;
	return yaml_plain(NULL, s, len, NULL) == YAML_STR && !looks_like_time(s, len);
}

static void put_string(struct buf *b, const char *s, size_t len)
{
	if (is_plain(s, len))
		buf_add(b, s, len);
	else
		put_quoted(b, s, len);
}

static void put_indent(struct buf *b, size_t n)
{
	while (n--)
		buf_str(b, "  ");
}

/* Lines of text can stand as they are when the first begins with neither blank nor break. */
static bool is_literal(const char *s, size_t len)
{
	return len > 1 && memchr(s, '\n', len) && *s != '\n' && *s != ' ' && all_printable(s, len, true);
}

static void put_literal(struct buf *b, const char *s, size_t len, size_t indent)
{
	bool ends = s[len - 1] == '\n', more = ends && s[len - 2] == '\n';

	buf_str(b, more ? "|+" : ends ? "|" : "|-");
	for (const char *p = s, *end = s + len - ends; p <= end;) {
		const char *q = memchr(p, '\n', (size_t)(end - p)) ?: end;

		buf_char(b, '\n');
		if (q > p)
			put_indent(b, indent);
		buf_add(b, p, (size_t)(q - p));
		p = q + 1;
	}
}

/* --- nodes --- */

struct writer {
	struct buf *b;
	struct walk walk;               /* `to` is not NULL for a list below a mapping: it is not indented */
	size_t indent;
};

static void put_scalar(struct writer *w, const struct json *j)
{
	switch (json_type(j)) {
	case JSON_NULL:
		buf_str(w->b, "null");
		return;
	case JSON_BOOL:
		buf_str(w->b, json_bool(j) ? "true" : "false");
		return;
	case JSON_NUMBER:
		buf_str(w->b, json_num_text(j));
		return;
	case JSON_ARRAY:
		buf_str(w->b, "[]");
		return;
	case JSON_OBJECT:
		buf_str(w->b, "{}");
		return;
	case JSON_STRING:
		break;
	}
	if (is_literal(json_str(j), json_str_len(j)))
		put_literal(w->b, json_str(j), json_str_len(j), DV_MAX(w->indent, (size_t)1));
	else
		put_string(w->b, json_str(j), json_str_len(j));
}

/* The value behind "key:" or "-". A list below a mapping stays at its column. */
static void put_value(struct writer *w, const struct json *v, bool in_list)
{
	bool list = json_type(v) == JSON_ARRAY;

	if (!json_len(v)) {
		buf_char(w->b, ' ');
		w->indent++;
		put_scalar(w, v);
		w->indent--;
		buf_char(w->b, '\n');
		return;
	}
	buf_char(w->b, in_list ? ' ' : '\n');
	walk_push(&w->walk, v, !in_list && list ? w : NULL);
	w->indent += !w->walk.top->to;
}

static void put_key(struct writer *w, const char *key)
{
	size_t start = w->b->len;

	put_string(w->b, key, key_len(key));
	if (w->b->len - start > SIMPLE_KEY_MAX) {
		w->b->len = start;
		buf_str(w->b, "? ");
		put_string(w->b, key, key_len(key));
		buf_char(w->b, '\n');
		put_indent(w->b, w->indent);
	}
	buf_char(w->b, ':');
}

/* The first entry of a container in a list stands behind the "- " of that list. */
static void put_entry(struct writer *w)
{
	struct walk_frame *f = w->walk.top;
	uint32_t i = f->i++;

	if (w->b->len && w->b->p[w->b->len - 1] == '\n')
		put_indent(w->b, w->indent);
	if (f->j->type == JSON_ARRAY) {
		buf_char(w->b, '-');
		put_value(w, json_at(f->j, i), true);
		return;
	}
	put_key(w, json_key(f->j, i));
	put_value(w, json_at(f->j, i), false);
}

void yaml_write(struct buf *b, const struct json *j)
{
	struct writer w = { .b = b };

	walk_init(&w.walk);
	if (json_len(j)) {
		walk_push(&w.walk, j, NULL);
	} else {
		put_scalar(&w, j);
		buf_char(b, '\n');
	}
	while (w.walk.top && !b->over) {
		if (w.walk.top->i < json_len(w.walk.top->j)) {
			put_entry(&w);
			continue;
		}
		w.indent -= w.walk.n > 1 && !w.walk.top->to;
		walk_pop(&w.walk);
	}
	walk_done(&w.walk);
}
