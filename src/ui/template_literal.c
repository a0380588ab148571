/* template_literal.c - strings and numbers in templates. */
#include <stdio.h>
#include <string.h>

#include "ui/template_inner.h"

static int hex_value(char c)
{
	return t_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void add_utf8(struct buf *b, unsigned c)
{
	if (c < 0x80) {
		buf_char(b, (char)c);
	} else if (c < 0x800) {
		buf_char(b, (char)(0xc0 | c >> 6));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_char(b, (char)(0xe0 | c >> 12));
		buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	}
}

/* After the backslash. \xNN stands for the code point: strings stay UTF-8. */
static int take_escape(struct t_parser *ps, struct buf *b)
{
	static const char from[] = "abfnrtv\\\"'", to[] = "\a\b\f\n\r\t\v\\\"'";
	const char *known = *ps->p ? strchr(from, *ps->p) : NULL;
	unsigned digits = *ps->p == 'x' ? 2 : *ps->p == 'u' ? 4 : 0, c = 0;

	if (known) {
		buf_char(b, to[known - from]);
		ps->p++;
		return 0;
	}
	if (!digits)
		return T_FAIL(ps, "unknown escape in string");
	ps->p++;
	for (; digits; digits--, ps->p++) {
		if (hex_value(*ps->p) < 0)
			return T_FAIL(ps, "unknown escape in string");
		c = c * 16 + (unsigned)hex_value(*ps->p);
	}
	add_utf8(b, c == 0 || (c >= 0xd800 && c < 0xe000) ? 0xfffd : c);
	return 0;
}

int t_take_string(struct t_parser *ps, const struct json **ret)
{
	auto_buf struct buf b = BUF_INIT(TEMPLATE_BYTES_MAX);
	const char *start = ps->p;
	char quote = *ps->p++;
	int r = 0;

	while (r == 0 && *ps->p && *ps->p != quote && (quote == '`' || *ps->p != '\n')) {
		if (*ps->p == '\\' && quote == '"') {
			ps->p++;
			r = take_escape(ps, &b);
		} else {
			buf_char(&b, *ps->p++);
		}
	}
	if (r < 0)
		return r;
	if (*ps->p != quote) {
		ps->p = start;
		return T_FAIL(ps, "string is not closed");
	}
	ps->p++;
	*ret = json_new_strn(ps->a, buf_cstr(&b), b.len);
	return 0;
}

/* -1, 2.5; a JSON number is what the tree can hold. */
int t_take_number(struct t_parser *ps, const struct json **ret)
{
	const char *start = ps->p;
	char text[64];
	struct json *j;
	size_t n;

	ps->p += *ps->p == '-' || *ps->p == '+';
	while (t_is_word(*ps->p) || *ps->p == '.')
		ps->p++;
	start += *start == '+';
	n = (size_t)(ps->p - start);
	if (n >= sizeof text)
		return T_FAIL(ps, "number is too long");
	(void)snprintf(text, sizeof text, "%.*s", (int)n, start);
	if (json_parse(ps->a, text, n, &j, NULL) < 0 || json_type(j) != JSON_NUMBER) {
		ps->p = start;
		return T_FAIL(ps, "\"%s\" is not a number", text);
	}
	*ret = j;
	return 0;
}
