/* buf.h - the only growing buffer; it has a maximum from the start.
 *
 * Writes never return an error: a buffer that would pass its maximum keeps
 * what it has, takes nothing more, and buf_check() reports LIMIT at the end.
 * The content is NUL-terminated (the NUL is not counted), after a commit by
 * hand from the next buf_cstr() or write on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct buf {
	char *p;           /* never NULL after the first write */
	size_t len, cap, max;
	bool over;
};

#define BUF_INIT(max_bytes) ((struct buf){ .max = (max_bytes) })

void buf_done(struct buf *b);
void buf_reset(struct buf *b);                     /* empty, keeps the memory */
void buf_add(struct buf *b, const void *data, size_t len);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) DV_PRINTF(2, 3);
/* Room for len more bytes at the end, or NULL past the maximum; commit with b->len += n. */
char *buf_room(struct buf *b, size_t len);
/* The content as a string, "" when nothing was written. Valid until the next write. */
const char *buf_cstr(const struct buf *b);
/* The content as a string of its own; the buffer is empty afterwards. Free with free(). */
char *buf_take(struct buf *b);
/* 0, or LIMIT naming what when a write did not fit. */
int buf_check(const struct buf *b, const char *what, struct dv_err *e) DV_MUST_USE;

#define auto_buf __attribute__((cleanup(buf_done)))
