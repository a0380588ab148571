/* format.c - docker's --format for lists: tables, JSON lines, templates. */
#include <string.h>

#include "base/str.h"
#include "ui/table.h"
#include "ui/template.h"

#define ROW_BYTES_MAX ((size_t)1 << 20)

/* Shells do not turn "\t" into a tab, so it is done here, as docker does. */
static char *unescape(struct arena *a, const char *s)
{
	char *out = arena_str(a, s), *q = out;

	for (; *s; s++) {
		bool escape = s[0] == '\\' && (s[1] == 't' || s[1] == 'n');

		*q++ = !escape ? *s : s[1] == 't' ? '\t' : '\n';
		s += escape;
	}
	*q = '\0';
	return out;
}

static int one_row(const struct template *t, const struct json *row, struct buf *b, struct dv_err *e)
{
	buf_reset(b);
	return template_run(t, row, b, e);
}

static int print_lines(const struct template *t, const struct json *rows, FILE *out, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(ROW_BYTES_MAX);

	for (JSON_EACH(it, rows)) {
		int r = one_row(t, it.value, &b, e);

		if (r < 0)
			return r;
		fprintf(out, "%s\n", buf_cstr(&b));
	}
	return 0;
}

/* As many cells as the table has columns, whatever a row's text gives. */
static const char *const *cells_of(struct arena *a, const char *text, size_t columns)
{
	const char **cells = arena_array(a, const char *, columns + 1);
	size_t n;
	char **parts = str_split(a, text, '\t', &n);

	for (size_t i = 0; i < columns; i++)
		cells[i] = i < n ? parts[i] : "";
	return cells;
}

static int print_table(struct arena *a, const struct template *t, const struct json *headers, const struct json *rows,
		       FILE *out, int flags, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(ROW_BYTES_MAX);
	struct table *table;
	size_t columns;
	int r = one_row(t, headers, &b, e);

	if (r < 0)
		return r;
	table = table_new(a, (const char *const *)str_split(a, buf_cstr(&b), '\t', &columns));
	for (JSON_EACH(it, rows)) {
		r = one_row(t, it.value, &b, e);
		if (r < 0)
			return r;
		table_row(table, cells_of(a, buf_cstr(&b), columns));
	}
	table_print(table, out, flags & FORMAT_WIDE, flags & FORMAT_NO_HEADER);
	return 0;
}

int format_list(struct arena *a, const char *format, const struct json *headers, const struct json *rows, FILE *out,
		int flags, struct dv_err *e)
{
	const char *columns = str_after(format, "table ");
	struct template *t;
	int r;

	if (streq(format, "json"))
		format = "{{json .}}";
	r = template_parse(a, unescape(a, columns ? columns : format), 0, &t, e);
	if (r < 0)
		return dv_wrap(e, "--format");
	r = columns ? print_table(a, t, headers, rows, out, flags, e) : print_lines(t, rows, out, e);
	return r < 0 ? dv_wrap(e, "--format") : 0;
}

int format_rows(struct arena *a, const char *format, const struct json *headers, const struct json *rows, FILE *out,
		bool wide, struct dv_err *e)
{
	return format_list(a, format, headers, rows, out, wide ? FORMAT_WIDE : 0, e);
}
