/* yaml_plain.c - which type a plain YAML scalar has. */
#include <ctype.h>
#include <math.h>

#include "base/str.h"
#include "json/yaml_plain.h"

/* --- words --- */

static const struct {
	enum yaml_plain kind;
	const char *words[8];
} word_kinds[] = {
	{ YAML_NULL, { "~", "null", "Null", "NULL" } },
	{ YAML_TRUE, { "true", "True", "TRUE" } },
	{ YAML_TRUE, { "y", "Y", "yes", "Yes", "YES", "on", "On", "ON" } },
	{ YAML_FALSE, { "false", "False", "FALSE" } },
	{ YAML_FALSE, { "n", "N", "no", "No", "NO", "off", "Off", "OFF" } },
	{ YAML_NO_JSON, { ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN" } },
	{ YAML_NO_JSON, { "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF" } },
	{ YAML_MERGE, { "<<" } },
};

static enum yaml_plain word_kind(const char *s, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(word_kinds); i++) {
		const char *const *words = word_kinds[i].words;

		for (size_t k = 0; k < ARRAY_LEN(word_kinds[i].words) && words[k]; k++)
			if (strlen(words[k]) == len && memcmp(words[k], s, len) == 0)
				return word_kinds[i].kind;
	}
	return YAML_STR;
}

/* --- numbers (NUL-terminated, without underscores) --- */

static unsigned digit_of(char c)
{
	return c >= '0' && c <= '9' ? (unsigned)(c - '0') :
	       c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 :
	       c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 : 99;
}

/* The base that the text behind the sign announces, and where its digits begin. */
static unsigned base_of(const char *p, const char **ret_digits)
{
	static const struct { char letter; unsigned base; } bases[] = { { 'x', 16 }, { 'o', 8 }, { 'b', 2 } };

	*ret_digits = p;
	if (p[0] != '0' || !p[1])
		return 10;
	for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
		if ((p[1] | 0x20) == bases[i].letter) {
			*ret_digits = p + 2;
			return bases[i].base;
		}
	}
	*ret_digits = p + 1;
	return 8;
}

static bool read_int(struct arena *a, const char *s, struct json **ret)
{
	bool minus = *s == '-', over = false;
	const char *p = s + (minus || *s == '+'), *digits;
	unsigned base = base_of(p, &digits);
	uint64_t v = 0;

	if (!*digits)
		return false;
	for (const char *d = digits; *d; d++) {
		if (digit_of(*d) >= base)
			return false;
		over = over || __builtin_mul_overflow(v, base, &v) ||
		       __builtin_add_overflow(v, digit_of(*d), &v);
	}
	over = over || (minus && v > (uint64_t)INT64_MAX + 1);
	if (over && base != 10)
		return false;
	if (a)
		*ret = over ? json_new_num(a, minus ? s : p) :
		       minus ? json_new_i64(a, (int64_t)-v) : json_new_u64(a, v);
	return true;
}

static const char *skip_digits(const char *p)
{
	while (*p >= '0' && *p <= '9')
		p++;
	return p;
}

/* Digits with a point among, before or behind them, and an exponent. *ret_json: JSON would take it too. */
static bool is_float(const char *s, bool *ret_json)
{
	const char *p = s + (*s == '-' || *s == '+'), *q = skip_digits(p);
	bool whole = q > p, fraction = false;

	*ret_json = *s != '+' && whole && (*p != '0' || q == p + 1);
	if (*q == '.') {
		p = q + 1;
		q = skip_digits(p);
		fraction = q > p;
		*ret_json = *ret_json && fraction;
	}
	if (!whole && !fraction)
		return false;
	if ((*q | 0x20) == 'e') {
		p = q + 1;
		p += *p == '-' || *p == '+';
		q = skip_digits(p);
		if (q == p)
			return false;
	}
	return !*q;
}

static bool read_float(struct arena *a, const char *s, struct json **ret)
{
	bool json;
	double v;

	if (!is_float(s, &json))
		return false;
	v = strtod(s, NULL);
	if (!json && !isfinite(v))
		return false;
	if (a)
		*ret = json ? json_new_num(a, s) : json_new_double(a, v);
	return true;
}

static bool read_number(struct arena *a, const char *s, size_t len, struct json **ret)
{
	auto_buf struct buf b = BUF_INIT(len + 1);

	if (memchr(s, '\0', len))
		return false;
	for (size_t i = 0; i < len; i++)
		if (s[i] != '_')
			buf_char(&b, s[i]);
	return b.len && (read_int(a, b.p, ret) || read_float(a, b.p, ret));
}

enum yaml_plain yaml_plain(struct arena *a, const char *s, size_t len, struct json **ret)
{
	if (!len)
		return YAML_NULL;
	if (len <= 5) {
		enum yaml_plain kind = word_kind(s, len);

		if (kind != YAML_STR)
			return kind;
	}
	if (!isdigit((unsigned char)*s) && !strchr("+-.", *s))
		return YAML_STR;
	return read_number(a, s, len, ret) ? YAML_NUM : YAML_STR;
}
