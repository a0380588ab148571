/* buf.c - a growing buffer with a maximum. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

void buf_done(struct buf *b)
{
	free(b->p);
	*b = BUF_INIT(b->max);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->over = false;
	if (b->p)
		b->p[0] = '\0';
}

char *buf_room(struct buf *b, size_t len)
{
	size_t max = DV_MIN(b->max, SIZE_MAX / 4), cap = b->cap ? b->cap : 64;

	if (b->over || len > max || b->len > max - len) {
		b->over = true;
		return NULL;
	}
	if (b->len + len + 1 > b->cap) {
		while (cap < b->len + len + 1)
			cap *= 2;
		cap = DV_MIN(cap, max + 1);
		b->p = mem_resize(b->p, cap, 1);
		b->cap = cap;
	}
	return b->p + b->len;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	char *p = buf_room(b, len);

	if (!p)
		return;
	if (len)
		memcpy(p, data, len);
	b->len += len;
	b->p[b->len] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = n < 0 ? NULL : buf_room(b, (size_t)n);
	if (!p)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

const char *buf_cstr(const struct buf *b)
{
	if (!b->p)
		return "";
	b->p[b->len] = '\0';     /* after a commit by hand */
	return b->p;
}

char *buf_take(struct buf *b)
{
	char *p = b->p ? b->p : mem_str("");

	p[b->len] = '\0';
	*b = BUF_INIT(b->max);
	return p;
}

int buf_check(const struct buf *b, const char *what, struct dv_err *e)
{
	if (b->over)
		return dv_fail(e, DV_LIMIT, "%s is larger than %zu bytes", what, b->max);
	return 0;
}
