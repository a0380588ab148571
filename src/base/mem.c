/* mem.c - allocation that aborts, and arenas. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define ARENA_MAX_DEFAULT ((size_t)64 << 20)
#define CHUNK_MIN_BYTES ((size_t)4096 - 32)
#define CHUNK_MAX_BYTES ((size_t)1 << 20)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
};

static void die_oom(void)
{
	static const char msg[] = "davit: out of memory\n";

	fwrite(msg, 1, sizeof msg - 1, stderr);
	abort();
}

void *mem_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		die_oom();
	return p;
}

void *mem_resize(void *p, size_t count, size_t size)
{
	void *q = reallocarray(p, count ? count : 1, size);

	if (!q)
		die_oom();
	return q;
}

char *mem_str(const char *s)
{
	char *p = strdup(s);

	if (!p)
		die_oom();
	return p;
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *p = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&p, fmt, ap);
	va_end(ap);
	if (n < 0)
		die_oom();
	return p;
}

size_t mem_mul(size_t a, size_t b)
{
	size_t r;

	if (__builtin_mul_overflow(a, b, &r))
		abort();
	return r;
}

void arena_init(struct arena *a, size_t max_bytes)
{
	*a = (struct arena){ .max_bytes = max_bytes ? max_bytes : ARENA_MAX_DEFAULT };
}

void arena_done(struct arena *a)
{
	struct arena_chunk *c = a->chunks;

	while (c) {
		struct arena_chunk *next = c->next;

		free(c);
		c = next;
	}
	*a = (struct arena){ .max_bytes = a->max_bytes };
}

void arena_wipe(struct arena *a)
{
	for (struct arena_chunk *c = a->chunks; c; c = c->next)
		explicit_bzero(c + 1, c->size);
	arena_done(a);
}

/* A new chunk, doubling up to CHUNK_MAX_BYTES, so that a small arena costs one page. */
static void arena_grow(struct arena *a, size_t size)
{
	size_t want = a->chunks ? a->chunks->size * 2 : CHUNK_MIN_BYTES;
	struct arena_chunk *c;

	want = DV_MIN(want, CHUNK_MAX_BYTES);
	want = DV_MAX(want, size);
	c = mem_alloc(sizeof *c + want);
	c->size = want;
	c->next = a->chunks;
	a->chunks = c;
	a->p = (char *)(c + 1);
	a->end = a->p + want;
}

static void *arena_take(struct arena *a, size_t size)
{
	void *p;

	if ((size_t)(a->end - a->p) < size)
		arena_grow(a, size);
	p = a->p;
	a->p += size;
	a->used_bytes += size;
	return p;
}

static size_t round_up(size_t size)
{
	if (size > SIZE_MAX - 15)
		die_oom();
	return size ? (size + 15) & ~(size_t)15 : 16;
}

void *arena_alloc(struct arena *a, size_t size)
{
	return arena_take(a, round_up(size));
}

void *arena_try(struct arena *a, size_t size)
{
	if (size > a->max_bytes || a->used_bytes > a->max_bytes - size)
		return NULL;
	return arena_take(a, round_up(size));
}

char *arena_strn(struct arena *a, const char *s, size_t len)
{
	char *p = arena_alloc(a, len + 1);

	memcpy(p, s, len);
	return p;
}

char *arena_str(struct arena *a, const char *s)
{
	return arena_strn(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		die_oom();
	p = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	(void)vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}
