/* table.h - tables that fit the terminal, and whether and where colour is allowed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/mem.h"

struct table;

/* Columns by header text, NULL-terminated. Everything lives in the arena. */
struct table *table_new(struct arena *a, const char *const *headers);
/* As many cells as columns, copied; NULL is shown as empty. Control characters are escaped. */
void table_row(struct table *t, const char *const *cells);
/* Columns padded by three spaces, as docker and kubectl do. On a terminal the widest column is cut with
 * an ellipsis so that lines fit, unless wide is set; to a file or pipe nothing is cut. */
void table_print(const struct table *t, FILE *out, bool wide, bool no_header);

unsigned ui_width(FILE *out);                 /* columns, 0 when it is not a terminal */
unsigned ui_height(FILE *out);                /* lines, 0 when it is not a terminal or not known */
bool ui_colour(FILE *out);                    /* a terminal, and neither NO_COLOR nor TERM=dumb */
