/* str.c - strings: comparison, strict numbers, a cursor for small parsers. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"

bool str_starts(const char *s, const char *prefix)
{
	return str_after(s, prefix) != NULL;
}

const char *str_after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool str_only(const char *s, const char *set)
{
	return *s && s[strspn(s, set)] == '\0';
}

static int parse_digits(const char *s, unsigned base, uint64_t max, const char *what, uint64_t *ret,
			struct dv_err *e)
{
	uint64_t v = 0;

	if (!*s)
		return dv_fail(e, DV_INVALID, "%s is empty, a number is wanted", what);
	for (const char *p = s; *p; p++) {
		if (*p < '0' || *p >= (char)('0' + base))
			return dv_fail(e, DV_INVALID, "%s \"%s\" is not a number", what, s);
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v) || v > max)
			return dv_fail(e, DV_INVALID, "%s \"%s\" is larger than %" PRIu64, what, s, max);
	}
	*ret = v;
	return 0;
}

int str_u64(const char *s, uint64_t max, const char *what, uint64_t *ret, struct dv_err *e)
{
	return parse_digits(s, 10, max, what, ret, e);
}

int str_octal(const char *s, uint64_t max, const char *what, uint64_t *ret, struct dv_err *e)
{
	return parse_digits(s, 8, max, what, ret, e);
}

int str_i64(const char *s, int64_t min, int64_t max, const char *what, int64_t *ret, struct dv_err *e)
{
	bool neg = *s == '-';
	uint64_t v = 0;
	int r = parse_digits(s + neg, 10, neg ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX, what, &v, e);
	int64_t n;

	if (r < 0)
		return r;
	n = neg ? (int64_t)(0 - v) : (int64_t)v;
	if (n < min || n > max)
		return dv_fail(e, DV_INVALID, "%s \"%s\" is not between %" PRId64 " and %" PRId64, what, s, min,
			       max);
	*ret = n;
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int unit_shift(const char *u)
{
	static const struct {
		const char *name;
		int shift;
	} units[] = {
		{ "", 0 },     { "b", 0 },    { "k", 10 },   { "kb", 10 }, { "ki", 10 }, { "kib", 10 },
		{ "m", 20 },   { "mb", 20 },  { "mi", 20 },  { "mib", 20 }, { "g", 30 },  { "gb", 30 },
		{ "gi", 30 },  { "gib", 30 }, { "t", 40 },   { "tb", 40 }, { "ti", 40 }, { "tib", 40 },
		{ "p", 50 },   { "pb", 50 },  { "pi", 50 },  { "pib", 50 },
	};

	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strcasecmp(u, units[i].name) == 0)
			return units[i].shift;
	return -1;
}

int str_bytes(const char *s, const char *what, uint64_t *ret, struct dv_err *e)
{
	struct scan sc = scan_of(s, strlen(s));
	uint64_t whole, v, frac = 0, scale = 1;
	int shift;

	if (!scan_u64(&sc, &whole))
		return dv_fail(e, DV_INVALID, "%s \"%s\" is not a size (such as 512m or 1g)", what, s);
	if (scan_char(&sc, '.')) {
		if (!is_digit(*sc.p))
			return dv_fail(e, DV_INVALID, "%s \"%s\" is not a size (such as 512m or 1g)", what, s);
		for (; is_digit(*sc.p); sc.p++)
			if (scale < 1000000) {     /* more digits than that do not count */
				frac = frac * 10 + (uint64_t)(*sc.p - '0');
				scale *= 10;
			}
	}
	scan_blanks(&sc);
	shift = unit_shift(sc.p);
	if (shift < 0 || (!*sc.p && sc.p[-1] == ' '))
		return dv_fail(e, DV_INVALID, "%s \"%s\" is not a size (such as 512m or 1g)", what, s);
	if (whole > ((uint64_t)INT64_MAX >> shift))
		return dv_fail(e, DV_INVALID, "%s \"%s\" is too large", what, s);
	v = (whole << shift) + (uint64_t)(((unsigned __int128)frac << shift) / scale);
	if (v > INT64_MAX)
		return dv_fail(e, DV_INVALID, "%s \"%s\" is too large", what, s);
	*ret = v;
	return 0;
}

const char *str_human(struct arena *a, uint64_t bytes, bool binary)
{
	static const char *const dec[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	static const char *const bin[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)bytes, step = binary ? 1024 : 1000;
	size_t i = 0;

	/* 999.9 would be rounded to a thousand of the smaller unit */
	while (v >= (binary || !i ? step : 999.5) && i + 1 < ARRAY_LEN(dec)) {
		v /= step;
		i++;
	}
	if (i == 0)
		return arena_printf(a, "%" PRIu64 "B", bytes);
	/* as docker: 4.26MB, 42.6MB, 426MB; four digits for binary units, as 1023KiB needs them */
	return arena_printf(a, "%.*g%s", binary ? 4 : 3, v, binary ? bin[i] : dec[i]);
}

void str_hex(const void *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * len] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool str_unhex(const char *hex, void *out, size_t len)
{
	unsigned char *o = out;

	for (size_t i = 0; i < len; i++) {
		int hi = hex_digit(hex[2 * i]), lo = hi < 0 ? -1 : hex_digit(hex[2 * i + 1]);

		if (lo < 0)
			return false;
		o[i] = (unsigned char)(hi << 4 | lo);
	}
	return hex[2 * len] == '\0';
}

bool scan_char(struct scan *s, char c)
{
	if (s->p >= s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

bool scan_until(struct scan *s, char sep, const char **ret_word, size_t *ret_len)
{
	const char *q;

	if (s->p >= s->end)
		return false;
	q = memchr(s->p, sep, (size_t)(s->end - s->p));
	*ret_word = s->p;
	*ret_len = (size_t)((q ? q : s->end) - s->p);
	s->p = q ? q + 1 : s->end;
	return true;
}

void scan_blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
		s->p++;
}

bool scan_u64(struct scan *s, uint64_t *ret)
{
	uint64_t v = 0;
	const char *p = s->p;

	for (; p < s->end && *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10U, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return false;
	if (p == s->p)
		return false;
	s->p = p;
	*ret = v;
	return true;
}

char **str_split(struct arena *a, const char *s, char sep, size_t *ret_n)
{
	struct scan sc = scan_of(s, strlen(s));
	size_t n = 0, max = 2, len;
	const char *word;
	char **parts;

	for (const char *p = s; *p; p++)
		max += *p == sep;
	parts = arena_array(a, char *, max);
	while (scan_until(&sc, sep, &word, &len))
		parts[n++] = arena_strn(a, word, len);
	if (*s && s[strlen(s) - 1] == sep)
		parts[n++] = arena_str(a, "");
	if (ret_n)
		*ret_n = n;
	return parts;
}
