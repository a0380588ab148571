/* text.h - display width and clean-up of UTF-8 text for terminals; wrapping. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/mem.h"

/* Columns on a terminal; the text must be clean (text_clean). */
size_t text_width(const char *s);
/* Control characters as \n, \t, \x1b; bytes that are not UTF-8 as \xNN: nothing moves the cursor. */
const char *text_clean(struct arena *a, const char *s);
/* At most width columns, cut with an ellipsis. */
const char *text_cut(struct arena *a, const char *s, size_t width);
/* Words filled into lines that end before `width` columns; lines after the first start with `indent`
 * blanks; the first continues at column `at`. A newline in the text starts a new line. Ends without newline. */
void text_wrap(struct buf *b, const char *s, size_t at, size_t indent, size_t width);
void text_blanks(struct buf *b, size_t n);
/* Letters to insert, delete, replace or swap to make b of a. */
size_t text_distance(const char *a, const char *b);
