/* text.c - display width and clean-up of UTF-8 text for terminals; wrapping. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ui/text.h"

#define DISTANCE_LEN_MAX 40

/* The character at s: its bytes, 0 when they are not UTF-8. */
static size_t decode(const char *s, uint32_t *ret)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 :
		   p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
	uint32_t c = n == 1 ? p[0] : p[0] & (0x7fU >> n);

	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)     /* also the end of the string */
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if ((n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret = c;
	return n;
}

static const struct {
	uint32_t first, last;
	size_t width;
} widths[] = {
	{ 0x0300, 0x036f, 0 }, { 0x1100, 0x115f, 2 }, { 0x200b, 0x200d, 0 }, { 0x20d0, 0x20ff, 0 },
	{ 0x2e80, 0x303e, 2 }, { 0x3041, 0xa4cf, 2 }, { 0xac00, 0xd7a3, 2 }, { 0xf900, 0xfaff, 2 },
	{ 0xfe00, 0xfe0f, 0 }, { 0xfe20, 0xfe2f, 0 }, { 0xfe30, 0xfe6f, 2 }, { 0xff00, 0xff60, 2 },
	{ 0xffe0, 0xffe6, 2 }, { 0x1f300, 0x1f64f, 2 }, { 0x1f900, 0x1f9ff, 2 }, { 0x20000, 0x3fffd, 2 },
};

static size_t char_width(uint32_t c)
{
	for (size_t i = 0; i < ARRAY_LEN(widths); i++)
		if (c >= widths[i].first && c <= widths[i].last)
			return widths[i].width;
	return 1;
}

size_t text_width(const char *s)
{
	size_t sum = 0, n;
	uint32_t c;

	for (; *s; s += n) {
		n = *s >= ' ' && *s < 0x7f ? 1 : 0;     /* nearly all there is */
		if (n) {
			sum++;
			continue;
		}
		n = decode(s, &c);
		sum += n ? char_width(c) : 1;
		n = n ? n : 1;
	}
	return sum;
}

/* Direction marks and line separators change how the rest of the line looks. */
static bool is_unsafe(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static void add_escape(struct buf *b, uint32_t c)
{
	if (c == '\n' || c == '\t' || c == '\r')
		buf_printf(b, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
	else
		buf_printf(b, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
}

const char *text_clean(struct arena *a, const char *s)
{
	auto_buf struct buf b = BUF_INIT(strlen(s) * 6);
	size_t n;
	uint32_t c = 0;

	for (const char *p = s; *p; p += n ? n : 1) {
		n = decode(p, &c);
		if (n == 0)
			add_escape(&b, (unsigned char)*p);
		else if (is_unsafe(c))
			add_escape(&b, c);
		else
			buf_add(&b, p, n);
	}
	return arena_str(a, buf_cstr(&b));
}

const char *text_cut(struct arena *a, const char *s, size_t width)
{
	const char *p = s;
	size_t sum = 0;

	if (text_width(s) <= width)
		return s;
	while (*p) {
		uint32_t c = ' ';
		size_t n = decode(p, &c);

		if (sum + char_width(c) + 1 > width)
			break;
		sum += char_width(c);
		p += n ? n : 1;
	}
	return arena_printf(a, "%.*s\xe2\x80\xa6", (int)(p - s), s);
}

void text_blanks(struct buf *b, size_t n)
{
	buf_printf(b, "%*s", (int)n, "");
}

static void new_line(struct buf *b, size_t indent, size_t *at)
{
	buf_char(b, '\n');
	*at = indent;
}

void text_wrap(struct buf *b, const char *s, size_t at, size_t indent, size_t width)
{
	bool fresh = true;     /* nothing on this line yet */

	while (*s) {
		size_t len = strcspn(s, " \n"), columns = 0;
		char word[256];

		if (len) {
			(void)snprintf(word, sizeof word, "%.*s", (int)DV_MIN(len, sizeof word - 1), s);
			columns = text_width(word);
			if (!fresh && at + 1 + columns > width) {
				new_line(b, indent, &at);
				fresh = true;
			}
			if (fresh && b->len && b->p[b->len - 1] == '\n')
				text_blanks(b, indent);
			else if (!fresh) {
				buf_char(b, ' ');
				at++;
			}
			buf_add(b, s, len);
			at += columns;
			fresh = false;
		}
		s += len;
		if (*s == '\n') {
			new_line(b, indent, &at);
			fresh = true;
		}
		s += *s != '\0';
	}
}

size_t text_distance(const char *a, const char *b)
{
	size_t d[3][DISTANCE_LEN_MAX + 1], la = strlen(a), lb = strlen(b);

	if (la > DISTANCE_LEN_MAX || lb > DISTANCE_LEN_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *row = d[i % 3], *up = d[(i + 2) % 3], *up2 = d[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = up[j - 1] + (a[i - 1] != b[j - 1]);

			best = DV_MIN(best, up[j] + 1);
			best = DV_MIN(best, row[j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = DV_MIN(best, up2[j - 2] + 1);
			row[j] = best;
		}
	}
	return d[la % 3][lb];
}
