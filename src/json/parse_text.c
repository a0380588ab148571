/* parse_text.c - the rarely needed half of the JSON parser: errors, escapes, text beyond ASCII. */
#include <stdarg.h>
#include <stdio.h>

#include "json/parse.h"
#include "json/text.h"

/* --- failures --- */

const char *parse_fail(struct parser *s, const char *at, enum dv_kind kind, const char *fmt, ...)
{
	size_t line = 1, column = 1;
	char what[300];
	va_list ap;

	for (const char *p = s->text; p < at; p++) {
		if (*p == '\n') {
			line++;
			column = 1;
		} else if ((*p & 0xc0) != 0x80) {
			column++;       /* characters, not bytes */
		}
	}
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	s->failed = dv_fail(s->e, kind, "line %zu, column %zu: %s", line, column, what);
	return NULL;
}

const char *parse_fail_want(struct parser *s, const char *at, const char *want)
{
	if (at >= s->end)
		return parse_fail(s, s->end, DV_INVALID, "the text ends where %s is wanted", want);
	return parse_fail(s, at, DV_INVALID, "%s is wanted", want);
}

const char *parse_fail_limit(struct parser *s, const char *at)
{
	return parse_fail(s, at, DV_LIMIT, "the tree takes more than %zu bytes", s->a->max_bytes);
}

const char *parse_fail_dup(struct parser *s, const struct elem *el)
{
	size_t len = key_len(el->key);
	struct json key = { .type = JSON_STRING };
	auto_buf struct buf b = BUF_INIT(256);

	/* As JSON, so that the message stays one line whatever the key holds. */
	key.len = (uint32_t)DV_MIN(len, 30);
	if (key.len <= TEXT_INLINE_MAX)
		memcpy(key.small, el->key, key.len);
	else
		key.text = el->key;
	json_write(&b, &key, JSON_COMPACT);
	return parse_fail(s, s->text + el->at, DV_INVALID, "key %s%s appears twice", buf_cstr(&b),
			  len > key.len ? "..." : "");
}

/* --- strings --- */

static int hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int digit = c >= '0' && c <= '9' ? c - '0' :
			    c >= 'a' && c <= 'f' ? c - 'a' + 10 :
			    c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

static size_t utf8_put(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* The character of \uXXXX (p is behind the u), two of them for a surrogate pair. */
static const char *unescape_u(struct parser *s, const char *p, const char *end, uint32_t *ret)
{
	int c = hex4(p, end), low;

	if (c < 0)
		return parse_fail(s, p - 2, DV_INVALID, "\\u without four hex digits");
	if (c < 0xd800 || c > 0xdfff) {
		*ret = (uint32_t)c;
		return p + 4;
	}
	low = end - p >= 6 && p[4] == '\\' && p[5] == 'u' ? hex4(p + 6, end) : -1;
	if (c > 0xdbff || low < 0xdc00 || low > 0xdfff)
		return parse_fail(s, p - 2, DV_INVALID, "half of a surrogate pair");
	*ret = 0x10000u + ((uint32_t)(c - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
	return p + 10;
}

static const char escapes[128] = {
	['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f',
	['n'] = '\n', ['r'] = '\r', ['t'] = '\t',
};

const char *parse_unescape(struct parser *s, const char *p, const char *end, char *to, size_t *ret_len)
{
	char *start = to, *to_end = to + (end - p);

	while (p < end) {
		uint32_t c = 0;

		if (*p != '\\') {
			const char *q = text_plain_end(p + 1, end);

			text_copy(to, to_end, p, end, (size_t)(q - p));
			to += q - p;
			p = q;
		} else if (p[1] == 'u') {
			p = unescape_u(s, p + 2, end, &c);
			if (!p)
				return NULL;
			to += utf8_put(to, c);
		} else if (p[1] > 0 && escapes[(int)p[1]]) {
			*to++ = escapes[(int)p[1]];
			p += 2;
		} else {
			return parse_fail(s, p, DV_INVALID, "an unknown escape");
		}
	}
	*ret_len = (size_t)(to - start);
	return end;
}

const char *parse_string_end(struct parser *s, const char *p, bool *ret_escapes)
{
	while (p < s->end && *p != '"') {
		unsigned n = 2;

		if ((unsigned char)*p < 0x20)
			return parse_fail(s, p, DV_INVALID, "a control character in a string");
		if (*p == '\\')
			*ret_escapes = true;
		else if (!(n = text_utf8(p, s->end)))
			return parse_fail(s, p, DV_INVALID, "this is not UTF-8");
		p = s->end - p < n ? s->end : text_plain_end(p + n, s->end);
	}
	return p < s->end ? p : parse_fail(s, p, DV_INVALID, "the text ends within a string");
}
