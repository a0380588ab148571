/* heap.c - malloc for short programs with one thread: powers of two out of one block, no system call in a usual run.
 *
 * musl's allocator gives pages back as soon as they are free, and a container's
 * start, which makes and drops small buffers all the time, would spend eighty
 * system calls on it. Here a freed block waits in the list of its size for the next
 * one; large ones are mappings of their own and go back at once. The programs that
 * link this start no thread (tools/static.py looks).
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HEADER 16               /* keeps what follows aligned for any type */
#define CLASS_MIN 5             /* 32 bytes, header included */
#define CLASS_MAX 16            /* 64 KiB: larger ones are mapped */
#define REGION_BYTES ((size_t)1 << 20)

struct block {
	size_t bytes;           /* of the whole block, header included */
	struct block *next;     /* while it is free */
};

static _Alignas(HEADER) char first[192 << 10];
static char *at = first, *end = first + sizeof(first);
static struct block *unused[CLASS_MAX + 1];

static int class_of(size_t bytes)
{
	int c = CLASS_MIN;

	while (((size_t)1 << c) < bytes)
		c++;
	return c;
}

static void *map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Zeroed: nobody used it yet. What is left of the region before is lost, 64 KiB at most. */
static struct block *fresh(size_t bytes)
{
	struct block *b;

	if ((size_t)(end - at) < bytes) {
		char *more = map(REGION_BYTES);

		if (!more)
			return NULL;
		at = more;
		end = more + REGION_BYTES;
	}
	b = (struct block *)(void *)at;
	at += bytes;
	b->bytes = bytes;
	return b;
}

static void *take(size_t size, int zero)
{
	struct block *b;

	if (size > SIZE_MAX / 4) {
		errno = ENOMEM;
		return NULL;
	}
	if (size + HEADER > (size_t)1 << CLASS_MAX) {
		b = map(size + HEADER);
		if (b)
			b->bytes = size + HEADER;
	} else {
		int c = class_of(size + HEADER);

		b = unused[c];
		if (b) {
			unused[c] = b->next;
			if (zero)
				memset((char *)b + HEADER, 0, size);
		} else {
			b = fresh((size_t)1 << c);
		}
	}
	return b ? (char *)b + HEADER : NULL;
}

static struct block *block_of(void *p)
{
	return (struct block *)(void *)((char *)p - HEADER);
}

void *malloc(size_t size)
{
	return take(size, 0);
}

void *calloc(size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size) {
		errno = ENOMEM;
		return NULL;
	}
	return take(n * size, 1);
}

void free(void *p)
{
	struct block *b;
	int saved = errno;

	if (!p)
		return;
	b = block_of(p);
	if (b->bytes > (size_t)1 << CLASS_MAX) {
		(void)munmap(b, b->bytes);
		errno = saved;
		return;
	}
	int c = class_of(b->bytes);

	b->next = unused[c];
	unused[c] = b;
}

/* The last block of the region grows where it is. */
static int grows_in_place(struct block *b, size_t bytes)
{
	if ((char *)b + b->bytes != at || bytes > (size_t)(end - (char *)b) || bytes > (size_t)1 << CLASS_MAX)
		return 0;
	at = (char *)b + bytes;
	b->bytes = bytes;
	return 1;
}

void *realloc(void *p, size_t size)
{
	struct block *b;
	void *q;

	if (!p)
		return malloc(size);
	b = block_of(p);
	if (size <= b->bytes - HEADER)
		return p;
	if (size < (size_t)1 << CLASS_MAX && grows_in_place(b, (size_t)1 << class_of(size + HEADER)))
		return p;
	q = malloc(size);
	if (q) {
		memcpy(q, p, b->bytes - HEADER);
		free(p);
	}
	return q;
}

void *aligned_alloc(size_t align, size_t size)
{
	if (align <= HEADER)
		return malloc(size);
	errno = ENOMEM;         /* nobody here asks for more */
	return NULL;
}
