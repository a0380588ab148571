/* table.c - tables that fit the terminal. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/list.h"
#include "base/str.h"
#include "ui/table.h"
#include "ui/text.h"

#define GAP 3
#define CELL_MIN 10         /* with its gap, as docker's tables */
#define CUT_MIN 8           /* no column is cut below this */

struct row {
	struct list link;
	const char **cells;
};

struct table {
	struct arena *a;
	size_t n;
	const char **headers;
	struct list rows;
	size_t *widths;
};

static void measure(struct table *t, const char *const *cells)
{
	for (size_t i = 0; i < t->n; i++)
		t->widths[i] = DV_MAX(t->widths[i], text_width(cells[i]));
}

static const char **copy_cells(struct table *t, const char *const *cells)
{
	const char **copy = arena_array(t->a, const char *, t->n + 1);

	for (size_t i = 0; i < t->n; i++)
		copy[i] = cells[i] ? text_clean(t->a, cells[i]) : "";
	return copy;
}

struct table *table_new(struct arena *a, const char *const *headers)
{
	struct table *t = arena_new(a, struct table);

	t->a = a;
	while (headers[t->n])
		t->n++;
	list_init(&t->rows);
	t->widths = arena_array(a, size_t, t->n + 1);
	t->headers = copy_cells(t, headers);
	return t;
}

void table_row(struct table *t, const char *const *cells)
{
	struct row *r = arena_new(t->a, struct row);

	r->cells = copy_cells(t, cells);
	list_add_tail(&t->rows, &r->link);
}

/* Takes columns from the widest until lines fit, or none is wide any more. */
static void fit(struct table *t, size_t width)
{
	for (;;) {
		size_t sum = 0, widest = 0;

		for (size_t i = 0; i < t->n; i++) {
			sum += i + 1 < t->n ? DV_MAX(t->widths[i] + GAP, (size_t)CELL_MIN) : t->widths[i];
			if (t->widths[i] > t->widths[widest])
				widest = i;
		}
		if (sum <= width || t->widths[widest] <= CUT_MIN)
			return;
		/* in few steps for a huge cell, yet so that columns of like width shrink alike */
		t->widths[widest] -= DV_MAX((sum - width) / (2 * t->n), (size_t)1);
		t->widths[widest] = DV_MAX(t->widths[widest], (size_t)CUT_MIN);
	}
}

static void print_row(const struct table *t, FILE *out, const char *const *cells)
{
	size_t owed = 0;     /* blanks before the next cell: none at the end of a line */

	for (size_t i = 0; i < t->n; i++) {
		const char *cell = text_cut(t->a, cells[i], t->widths[i]);
		size_t room = DV_MAX(t->widths[i] + GAP, (size_t)CELL_MIN);

		if (*cell) {
			fprintf(out, "%*s%s", (int)owed, "", cell);
			owed = 0;
		}
		owed += room - text_width(cell);
	}
	fputc('\n', out);
}

void table_print(const struct table *table, FILE *out, bool wide, bool no_header)
{
	struct table t = *table;
	unsigned width = ui_width(out);

	t.widths = arena_array(t.a, size_t, t.n + 1);
	if (!no_header)
		measure(&t, t.headers);
	LIST_EACH(it, &table->rows)
		measure(&t, container_of(it, struct row, link)->cells);
	if (width && !wide && t.n)
		fit(&t, width);
	if (!no_header)
		print_row(&t, out, t.headers);
	LIST_EACH(it, &table->rows)
		print_row(&t, out, container_of(it, struct row, link)->cells);
}

unsigned ui_width(FILE *out)
{
	int fd = fileno(out);
	const char *columns = getenv("COLUMNS");
	struct winsize ws;
	uint64_t n;

	if (fd < 0 || !isatty(fd))
		return 0;
	if (ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_col)
		return ws.ws_col;
	if (columns && str_u64(columns, 10000, "COLUMNS", &n, NULL) == 0 && n)
		return (unsigned)n;
	return 80;
}

unsigned ui_height(FILE *out)
{
	int fd = fileno(out);
	struct winsize ws;

	return fd >= 0 && ioctl(fd, TIOCGWINSZ, &ws) == 0 ? ws.ws_row : 0;
}

bool ui_colour(FILE *out)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	int fd = fileno(out);

	return fd >= 0 && isatty(fd) && !(no && *no) && term && !streq(term, "dumb");
}
