/* toml_string.c - TOML's four kinds of strings: basic and literal, of one line or several. */
#include "base/str.h"
#include "json/toml_parts.h"

struct quote {
	char c;
	bool multi;
};

static bool at_three(const struct toml *t, char c)
{
	return t->end - t->p >= 3 && t->p[0] == c && t->p[1] == c && t->p[2] == c;
}

/* At quotes inside a string of several lines: how many of them, up to five, are there? */
static size_t run_of(const struct toml *t, char c)
{
	size_t n = 0;

	while (n < 5 && t->p + n < t->end && t->p[n] == c)
		n++;
	return n;
}

static void put_utf8(struct buf *out, uint32_t c)
{
	static const unsigned char heads[] = { 0, 0xc0, 0xe0, 0xf0 };
	unsigned extra = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

	buf_char(out, (char)(heads[extra] | (c >> (6 * extra))));
	while (extra-- > 0)
		buf_char(out, (char)(0x80 | ((c >> (6 * extra)) & 0x3f)));
}

/* \uXXXX and \UXXXXXXXX, behind the letter. */
static int unicode(struct toml *t, unsigned digits, struct buf *out, struct dv_err *e)
{
	uint32_t c = 0;

	for (unsigned i = 0; i < digits; i++) {
		static const char hex[] = "0123456789abcdef";
		const char *at = t->p < t->end && *t->p ? strchr(hex, *t->p >= 'A' && *t->p <= 'F' ? *t->p | 0x20 : *t->p)
							: NULL;

		if (!at)
			return toml_fail(t, e, "%u hexadecimal digits are wanted behind \"\\%c\"", digits,
					 digits == 4 ? 'u' : 'U');
		c = c << 4 | (uint32_t)(at - hex);
		t->p++;
	}
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return toml_fail(t, e, "U+%X is no character", c);
	put_utf8(out, c);
	return 0;
}

/* A backslash at the end of a line: everything blank up to the next word goes. */
static bool line_goes_on(struct toml *t)
{
	const char *p = t->p;
	unsigned line = t->line;

	toml_blanks(t);
	if (!toml_newline(t)) {
		t->p = p;
		t->line = line;
		return false;
	}
	do {
		toml_blanks(t);
	} while (toml_newline(t));
	return true;
}

/* Behind a backslash. */
static int escape(struct toml *t, bool multi, struct buf *out, struct dv_err *e)
{
	static const char names[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
	char c = t->p < t->end ? *t->p : '\0';
	const char *at = c ? strchr(names, c) : NULL;

	if (at) {
		buf_char(out, values[at - names]);
		t->p++;
		return 0;
	}
	if (c == 'u' || c == 'U') {
		t->p++;
		return unicode(t, c == 'u' ? 4 : 8, out, e);
	}
	if (multi && line_goes_on(t))
		return 0;
	return toml_fail(t, e, "unknown escape behind \"\\\"");
}

/* One character of the content that is neither quote nor escape. */
static int plain(struct toml *t, bool multi, struct buf *out, struct dv_err *e)
{
	const char *from = t->p;

	if (multi && toml_newline(t)) {
		buf_add(out, from, (size_t)(t->p - from));
		return 0;
	}
	if (*t->p == '\n' || *t->p == '\r')
		return toml_fail(t, e, "a string ends with its line");
	if (((unsigned char)*t->p < 0x20 && *t->p != '\t') || *t->p == 0x7f)
		return toml_fail(t, e, "a control character in a string");
	buf_char(out, *t->p++);
	return 0;
}

/* At a quote: true when the string ends here, which is then behind us. */
static bool closes(struct toml *t, struct quote q, struct buf *out)
{
	size_t n = q.multi ? run_of(t, q.c) : 1, inside = q.multi ? (n >= 3 ? n - 3 : n) : 0;

	buf_add(out, t->p, inside);
	t->p += n;
	return !q.multi || n >= 3;
}

int toml_string(struct toml *t, bool multi_ok, const char **ret, size_t *ret_len, struct dv_err *e)
{
	struct quote q = { *t->p, multi_ok && at_three(t, *t->p) };
	auto_buf struct buf out = BUF_INIT(TOML_BYTES_MAX);
	unsigned line = t->line;
	int rc = 0;

	t->p += q.multi ? 3 : 1;
	if (q.multi)
		(void)toml_newline(t);
	while (rc == 0 && t->p < t->end) {
		if (*t->p == q.c) {
			if (!closes(t, q, &out))
				continue;
			*ret = arena_strn(t->a, buf_cstr(&out), out.len);
			*ret_len = out.len;
			return 0;
		}
		if (q.c == '"' && *t->p == '\\') {
			t->p++;
			rc = escape(t, q.multi, &out, e);
		} else {
			rc = plain(t, q.multi, &out, e);
		}
	}
	return rc < 0 ? rc : toml_fail(t, e, "the string that begins in line %u does not end", line);
}
