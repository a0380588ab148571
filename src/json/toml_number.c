/* toml_number.c - TOML's numbers, dates and words, checked and in JSON's spelling. */
#include "base/str.h"
#include "json/toml_parts.h"

#define NUMBER_MAX 400

/* --- dates and times --- */

static bool digits(struct scan *s, unsigned n, unsigned min, unsigned max)
{
	unsigned v = 0;

	if ((size_t)(s->end - s->p) < n)
		return false;
	while (n-- > 0) {
		if (*s->p < '0' || *s->p > '9')
			return false;
		v = v * 10 + (unsigned)(*s->p++ - '0');
	}
	return v >= min && v <= max;
}

static unsigned days_of(const char *date)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned year = (unsigned)((date[0] - '0') * 1000 + (date[1] - '0') * 100 + (date[2] - '0') * 10 + date[3] - '0');
	unsigned month = (unsigned)((date[5] - '0') * 10 + date[6] - '0');
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static bool scan_date(struct scan *s)
{
	const char *from = s->p;

	return digits(s, 4, 0, 9999) && scan_char(s, '-') && digits(s, 2, 1, 12) && scan_char(s, '-') &&
	       digits(s, 2, 1, days_of(from));
}

static bool scan_time(struct scan *s)
{
	if (!digits(s, 2, 0, 23) || !scan_char(s, ':') || !digits(s, 2, 0, 59) || !scan_char(s, ':') ||
	    !digits(s, 2, 0, 60))
		return false;
	if (scan_char(s, '.')) {
		if (!digits(s, 1, 0, 9))
			return false;
		while (digits(s, 1, 0, 9))
			;
	}
	return true;
}

static bool scan_offset(struct scan *s)
{
	if (scan_char(s, 'Z') || scan_char(s, 'z'))
		return true;
	return (scan_char(s, '+') || scan_char(s, '-')) && digits(s, 2, 0, 23) && scan_char(s, ':') && digits(s, 2, 0, 59);
}

static bool date_ok(const char *text, size_t len)
{
	struct scan s = scan_of(text, len), time = s;

	if (scan_time(&time))
		return time.p == time.end;
	if (!scan_date(&s))
		return false;
	if (s.p == s.end)
		return true;
	if (!scan_char(&s, 'T') && !scan_char(&s, 't') && !scan_char(&s, ' '))
		return false;
	return scan_time(&s) && (s.p == s.end || (scan_offset(&s) && s.p == s.end));
}

static bool shaped(const char *s, const char *end, const char *shape)
{
	for (; *shape; s++, shape++)
		if (s == end || (*shape == '0' ? *s < '0' || *s > '9' : *s != *shape))
			return false;
	return true;
}

size_t toml_date_len(const char *s, const char *end)
{
	size_t len = 0;

	if (!shaped(s, end, "0000-00-00") && !shaped(s, end, "00:00"))
		return 0;
	if (shaped(s, end, "0000-00-00 00:"))
		len = 11;
	while (s + len < end && ((s[len] >= '0' && s[len] <= '9') || (s[len] && strchr("-:.+TtZz", s[len]))))
		len++;
	return len;
}

/* --- numbers --- */

/* Digits of the base, "_" between two of them only, into out. */
static bool copy_digits(struct scan *s, unsigned base, struct buf *out)
{
	bool digit = false;

	for (; s->p < s->end; s->p++) {
		unsigned char c = (unsigned char)(*s->p | 0x20);
		unsigned v = *s->p >= '0' && *s->p <= '9' ? (unsigned)(*s->p - '0') :
			     c >= 'a' && c <= 'f' ? c - 'a' + 10u : 99;

		if (*s->p == '_' && digit) {
			digit = false;
			continue;
		}
		if (v >= base)
			break;
		buf_char(out, *s->p);
		digit = true;
	}
	return digit;
}

/* Behind "0x", "0o" or "0b". */
static bool other_base(struct toml *t, struct scan *s, struct json **ret)
{
	auto_buf struct buf out = BUF_INIT(NUMBER_MAX);
	unsigned base = s->p[1] == 'x' ? 16 : s->p[1] == 'o' ? 8 : 2;
	uint64_t v = 0;

	s->p += 2;
	if (!copy_digits(s, base, &out) || s->p < s->end || out.over)
		return false;
	for (const char *p = buf_cstr(&out); *p; p++)
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p <= '9' ? *p - '0' : (*p | 0x20) - 'a' + 10), &v))
			return false;
	if (v > INT64_MAX)
		return false;
	*ret = json_new_u64(t->a, v);
	return true;
}

/* Fraction and exponent behind the digits; sets *ret_any when there is one of them. */
static bool float_rest(struct scan *s, struct buf *out, bool *ret_any)
{
	*ret_any = s->p < s->end;
	if (scan_char(s, '.')) {
		buf_char(out, '.');
		if (!copy_digits(s, 10, out))
			return false;
	}
	if (s->p < s->end && (*s->p | 0x20) == 'e') {
		buf_char(out, *s->p++);
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			buf_char(out, *s->p++);
		if (!copy_digits(s, 10, out))
			return false;
	}
	return s->p == s->end;
}

static bool decimal(struct toml *t, struct scan *s, struct json **ret)
{
	auto_buf struct buf out = BUF_INIT(NUMBER_MAX);
	const char *number;
	bool is_float;
	int64_t v;

	if (!scan_char(s, '+') && scan_char(s, '-'))
		buf_char(&out, '-');
	size_t sign = out.len;
	if (!copy_digits(s, 10, &out) || (out.p[sign] == '0' && out.len > sign + 1) ||
	    !float_rest(s, &out, &is_float) || out.over)
		return false;
	number = buf_cstr(&out);
	if (!is_float && str_i64(number, INT64_MIN, INT64_MAX, "number", &v, NULL) < 0)
		return false;
	*ret = is_float ? json_new_num(t->a, number) : json_new_i64(t->a, v);
	return true;
}

static bool number(struct toml *t, const char *text, size_t len, struct json **ret)
{
	struct scan s = scan_of(text, len);

	if (len > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'o' || text[1] == 'b'))
		return other_base(t, &s, ret);
	return decimal(t, &s, ret);
}

/* --- words --- */

static bool word(struct toml *t, const char *s, struct json **ret)
{
	static const struct { const char *word, *text; } words[] = {
		{ "inf", "inf" }, { "+inf", "inf" }, { "-inf", "-inf" }, { "nan", "nan" }, { "+nan", "nan" }, { "-nan", "nan" },
	};

	if (streq(s, "true") || streq(s, "false")) {
		*ret = json_new_bool(t->a, *s == 't');
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (streq(s, words[i].word)) {
			*ret = json_new_str(t->a, words[i].text);
			return true;
		}
	}
	return false;
}

int toml_scalar(struct toml *t, const char *s, size_t len, struct json **ret, struct dv_err *e)
{
	const char *text = arena_strn(t->a, s, len);

	if (strlen(text) == len && word(t, text, ret))
		return 0;
	if (date_ok(s, len)) {
		*ret = json_new_strn(t->a, s, len);
		return 0;
	}
	if (number(t, s, len, ret))
		return 0;
	return toml_fail(t, e, "\"%.40s\" is no value", text);
}
