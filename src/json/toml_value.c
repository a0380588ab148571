/* toml_value.c - TOML's values: which kind begins here, arrays, inline tables. */
#include "base/str.h"
#include "json/toml_parts.h"

static int string_value(struct toml *t, struct json **ret, struct dv_err *e)
{
	const char *s;
	size_t len;
	int rc = toml_string(t, true, &s, &len, e);

	if (rc == 0)
		*ret = json_new_strn(t->a, s, len);
	return rc;
}

/* Behind an element: past a comma, or at the end. */
static int comma(struct toml *t, char close, struct dv_err *e)
{
	if (t->p < t->end && *t->p == ',') {
		t->p++;
		return 0;
	}
	if (t->p < t->end && *t->p == close)
		return 0;
	return toml_fail(t, e, "\",\" or \"%c\" is wanted", close);
}

static int array_value(struct toml *t, struct json **ret, struct dv_err *e)
{
	struct json *list = json_new_array(t->a), *v;
	int rc;

	t->p++;
	rc = toml_lines(t, e);
	while (rc == 0 && t->p < t->end && *t->p != ']') {
		rc = toml_value(t, &v, e);
		if (rc == 0) {
			json_append(t->a, list, v);
			rc = toml_lines(t, e);
		}
		if (rc == 0)
			rc = comma(t, ']', e);
		if (rc == 0)
			rc = toml_lines(t, e);
	}
	if (rc < 0)
		return rc;
	if (t->p == t->end)
		return toml_fail(t, e, "an array does not end");
	t->p++;
	*ret = list;
	return 0;
}

/* On one line, and no comma behind the last pair. */
static int inline_table(struct toml *t, struct json **ret, struct dv_err *e)
{
	struct json *table = json_new_object(t->a);
	bool more;

	t->p++;
	toml_blanks(t);
	more = t->p == t->end || *t->p != '}';
	while (more) {
		int rc = toml_pair(t, table, e);

		toml_blanks(t);
		if (rc == 0)
			rc = comma(t, '}', e);
		if (rc < 0)
			return rc;
		more = t->p[-1] == ',' || *t->p != '}';
	}
	t->p++;
	*ret = table;
	return 0;
}

static int scalar_value(struct toml *t, struct json **ret, struct dv_err *e)
{
	const char *s = t->p;
	size_t len = toml_date_len(s, t->end);

	if (len == 0)
		while (s + len < t->end && !strchr(" \t\r\n,]}#=", s[len]))
			len++;
	t->p += len;
	return toml_scalar(t, s, len, ret, e);
}

int toml_value(struct toml *t, struct json **ret, struct dv_err *e)
{
	int rc;

	toml_blanks(t);
	if (t->p == t->end || *t->p == '\n' || *t->p == '\r')
		return toml_fail(t, e, "a value is wanted");
	if (*t->p == '"' || *t->p == '\'')
		return string_value(t, ret, e);
	if (*t->p != '[' && *t->p != '{')
		return scalar_value(t, ret, e);
	if (t->depth == TOML_DEPTH_MAX)
		return dv_fail(e, DV_LIMIT, "line %u: values nest deeper than %d", t->line, TOML_DEPTH_MAX);
	t->depth++;
	rc = (*t->p == '[' ? array_value : inline_table)(t, ret, e);
	t->depth--;
	return rc;
}
