/* template_strings.c - functions of templates that make strings of strings. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ui/template_inner.h"

static int want_str(struct t_run *run, const char *func, const struct json *j, const char **ret, struct dv_err *e)
{
	*ret = json_type(j) == JSON_NULL ? "" : json_str(j);
	return *ret ? 0 : t_error(run, e, "%s: a string is wanted, not a %s", func, json_type_name(json_type(j)));
}

int t_join(T_ARGS)
{
	auto_buf struct buf b = BUF_INIT(TEMPLATE_STRING_MAX);
	const char *sep;
	int r = want_str(run, "join", args[1], &sep, e);

	if (r < 0)
		return r;
	if (json_type(args[0]) != JSON_ARRAY && json_type(args[0]) != JSON_NULL)
		return t_error(run, e, "join of a %s", json_type_name(json_type(args[0])));
	for (size_t i = 0; i < json_len(args[0]); i++) {
		buf_str(&b, i ? sep : "");
		t_print_inner(&b, json_at(args[0], i));
	}
	return t_string(run, &b, ret, e);
}

int t_split(T_ARGS)
{
	const char *s, *sep;
	struct json *arr;
	int r = want_str(run, "split", args[0], &s, e);

	if (r < 0 || (r = want_str(run, "split", args[1], &sep, e)) < 0)
		return r;
	if (!*sep)
		return t_error(run, e, "split: the separator is empty");
	run->made_bytes += strlen(s) * 64;
	if (run->made_bytes > TEMPLATE_MADE_MAX)
		return dv_fail(e, DV_LIMIT, "template: makes more than %zu bytes", TEMPLATE_MADE_MAX);
	arr = json_new_array(&run->arena);
	for (const char *end; s; s = end ? end + strlen(sep) : NULL) {
		end = strstr(s, sep);
		json_append(&run->arena, arr, json_new_strn(&run->arena, s, end ? (size_t)(end - s) : strlen(s)));
	}
	*ret = arr;
	return 0;
}

/* ASCII letters only: no tables of all the world's alphabets in a static program. */
static int change_case(struct t_run *run, const char *func, const struct json *j, int (*first)(int),
		       int (*rest)(int), const struct json **ret, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(TEMPLATE_STRING_MAX);
	bool in_word = false;
	const char *s;
	int r = want_str(run, func, j, &s, e);

	if (r < 0)
		return r;
	for (; *s; s++) {
		int (*change)(int) = in_word ? rest : first;
		unsigned char c = (unsigned char)*s;

		buf_char(&b, c < 0x80 && change ? (char)change(c) : (char)c);
		in_word = isalnum(c) || c >= 0x80 || c == '_' || c == '\'';
	}
	return t_string(run, &b, ret, e);
}

int t_lower(T_ARGS) { return change_case(run, "lower", args[0], tolower, tolower, ret, e); }
int t_upper(T_ARGS) { return change_case(run, "upper", args[0], toupper, toupper, ret, e); }
int t_title(T_ARGS) { return change_case(run, "title", args[0], toupper, NULL, ret, e); }

int t_trim(T_ARGS)
{
	auto_buf struct buf b = BUF_INIT(TEMPLATE_STRING_MAX);
	const char *s, *end;
	int r = want_str(run, "trim", args[0], &s, e);

	if (r < 0)
		return r;
	while (isspace((unsigned char)*s))
		s++;
	for (end = s + strlen(s); end > s && isspace((unsigned char)end[-1]); end--)
		;
	buf_add(&b, s, (size_t)(end - s));
	return t_string(run, &b, ret, e);
}

/* pad text before after: blanks around it. */
int t_pad(T_ARGS)
{
	auto_buf struct buf b = BUF_INIT(TEMPLATE_STRING_MAX);
	int64_t before, after;
	const char *s;
	int r = want_str(run, "pad", args[0], &s, e);

	if (r < 0)
		return r;
	if (!json_i64(args[1], &before) || !json_i64(args[2], &after) || before < 0 || after < 0 ||
	    before > TEMPLATE_PAD_MAX || after > TEMPLATE_PAD_MAX)
		return t_error(run, e, "pad: a number from 0 to %d is wanted", TEMPLATE_PAD_MAX);
	if (*s)
		buf_printf(&b, "%*s%s%*s", (int)before, "", s, (int)after, "");
	return t_string(run, &b, ret, e);
}

/* truncate text n: the first n characters. */
int t_truncate(T_ARGS)
{
	auto_buf struct buf b = BUF_INIT(TEMPLATE_STRING_MAX);
	const char *s, *p;
	int64_t max;
	int r = want_str(run, "truncate", args[0], &s, e);

	if (r < 0)
		return r;
	if (!json_i64(args[1], &max) || max < 0)
		return t_error(run, e, "truncate: a length is wanted");
	for (p = s; *p && ((*p & 0xc0) == 0x80 || max-- > 0); p++)
		;
	buf_add(&b, s, (size_t)(p - s));
	return t_string(run, &b, ret, e);
}
