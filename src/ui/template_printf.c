/* template_printf.c - printf in templates: Go's verbs over JSON values. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "ui/template_inner.h"

struct spec {
	bool minus, plus, zero, blank, sharp;
	int width, precision;       /* -1: none */
	char verb;
};

static bool take_int(const char **p, int *ret)
{
	int v = 0;

	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; ++*p)
		v = DV_MIN(v * 10 + (**p - '0'), TEMPLATE_PAD_MAX);
	*ret = v;
	return true;
}

/* After the "%"; false when the text ends first. */
static bool take_spec(const char **p, struct spec *s)
{
	*s = (struct spec){ .width = -1, .precision = -1 };
	for (; **p && strchr("-+0 #", **p); ++*p) {
		s->minus |= **p == '-';
		s->plus |= **p == '+';
		s->zero |= **p == '0';
		s->blank |= **p == ' ';
		s->sharp |= **p == '#';
	}
	(void)take_int(p, &s->width);
	if (**p == '.') {
		++*p;
		if (!take_int(p, &s->precision))
			s->precision = 0;
	}
	s->verb = **p;
	*p += s->verb != '\0';
	return s->verb != '\0';
}

static size_t count_chars(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += (s[i] & 0xc0) != 0x80;
	return n;
}

static void add_padded(struct buf *b, const struct spec *s, const char *text, size_t len)
{
	size_t chars = count_chars(text, len), width = s->width < 0 ? 0 : (size_t)s->width;
	int blanks = width > chars ? (int)(width - chars) : 0;

	if (!s->minus)
		buf_printf(b, "%*s", blanks, "");
	buf_add(b, text, len);
	if (s->minus)
		buf_printf(b, "%*s", blanks, "");
}

/* Go's complaint inside the output: %!d(string=hi). */
static void add_wrong(struct buf *b, char verb, const struct json *j)
{
	static const char *const types[] = {
		[JSON_NULL] = "<nil>", [JSON_BOOL] = "bool", [JSON_NUMBER] = "int", [JSON_STRING] = "string",
		[JSON_ARRAY] = "[]interface {}", [JSON_OBJECT] = "map[string]interface {}",
	};

	buf_printf(b, "%%!%c(%s", verb, types[json_type(j)]);
	if (json_type(j) != JSON_NULL) {
		buf_char(b, '=');
		t_print(b, j);
	}
	buf_char(b, ')');
}

static void add_text(struct buf *b, const struct spec *s, const struct json *j)
{
	auto_buf struct buf text = BUF_INIT(TEMPLATE_STRING_MAX);
	size_t len = 0, chars = 0;

	if (json_type(j) == JSON_NULL)
		buf_str(&text, s->verb == 'v' ? "<nil>" : "%!s(<nil>)");
	else if (s->verb == 'q')
		json_write(&text, j, JSON_COMPACT);
	else
		t_print(&text, j);
	len = text.len;
	if (s->precision >= 0 && s->verb == 's')
		for (len = 0; len < text.len; len++)
			if ((text.p[len] & 0xc0) != 0x80 && chars++ == (size_t)s->precision)
				break;
	b->over = b->over || text.over;
	add_padded(b, s, buf_cstr(&text), len);
}

/* The flags as C has them, for numbers. */
static void c_format(char *out, size_t size, const struct spec *s, const char *type)
{
	(void)snprintf(out, size, "%%%s%s%s%s%s*.*%s", s->minus ? "-" : "", s->plus ? "+" : "", s->zero ? "0" : "",
		       s->blank ? " " : "", s->sharp ? "#" : "", type);
}

static void add_number(struct buf *b, const struct spec *s, const struct json *j)
{
	const char type[4] = { 'l', 'l', s->verb, '\0' };
	int width = DV_MAX(s->width, 0);
	int64_t v;
	char fmt[32];

	if (strchr("eEfFgG", s->verb) && json_type(j) == JSON_NUMBER) {
		c_format(fmt, sizeof fmt, s, type + 2);
		buf_printf(b, fmt, width, s->precision, json_double(j));
	} else if (strchr("doxX", s->verb) && json_i64(j, &v)) {
		c_format(fmt, sizeof fmt, s, type);
		buf_printf(b, fmt, width, s->precision, (long long)v);
	} else {
		add_wrong(b, s->verb, j);
	}
}

static void add_one(struct buf *b, const struct spec *s, const struct json *j)
{
	if (s->verb == 's' && json_type(j) != JSON_STRING && json_type(j) != JSON_ARRAY && json_type(j) != JSON_OBJECT)
		add_wrong(b, 's', j);
	else if (strchr("svq", s->verb))
		add_text(b, s, j);
	else if (s->verb == 't' && json_type(j) == JSON_BOOL)
		add_padded(b, s, json_bool(j) ? "true" : "false", json_bool(j) ? 4 : 5);
	else if (strchr("eEfFgGdoxX", s->verb))
		add_number(b, s, j);
	else
		add_wrong(b, s->verb, j);
}

int t_printf(struct t_run *run, const struct json *const *args, size_t n, const struct json **ret, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(TEMPLATE_STRING_MAX);
	const char *p = json_str(args[0]);
	size_t used = 1;

	if (!p)
		return t_error(run, e, "printf: the format is no string");
	while (*p) {
		size_t plain = strcspn(p, "%");
		struct spec s;

		buf_add(&b, p, plain);
		p += plain;
		if (!*p)
			break;
		p++;
		if (!take_spec(&p, &s))
			buf_str(&b, "%!(NOVERB)");
		else if (s.verb == '%')
			buf_char(&b, '%');
		else if (used == n)
			buf_printf(&b, "%%!%c(MISSING)", s.verb);
		else
			add_one(&b, &s, args[used++]);
	}
	if (used < n)
		buf_str(&b, "%!(EXTRA arguments)");
	return t_string(run, &b, ret, e);
}
