/* mem.h - memory with an owner: scopes, arenas, and allocation that cannot fail.
 *
 * Out of memory aborts: the daemons are level-triggered and restarted, and
 * whatever must not die allocates before it starts something. Sizes that come
 * from foreign bytes go through arena_try() or a buf with a maximum, which
 * report LIMIT instead.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#define DV_MIN(a, b) ((a) < (b) ? (a) : (b))
#define DV_MAX(a, b) ((a) > (b) ? (a) : (b))

/* Never NULL, zeroed. Free with free(). */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_resize(void *p, size_t count, size_t size) __attribute__((returns_nonnull));
char *mem_str(const char *s) __attribute__((malloc, returns_nonnull));
char *mem_printf(const char *fmt, ...) DV_PRINTF(1, 2) __attribute__((malloc, returns_nonnull));
#define mem_new(type) ((type *)mem_alloc(sizeof(type)))

/* a * b, or abort: a size that overflows is our own bug. */
size_t mem_mul(size_t a, size_t b);

static inline void mem_auto_free(void *pp) { free(*(void **)pp); }
#define auto_free __attribute__((cleanup(mem_auto_free)))

/* Hand over: returns *pp and sets it to NULL, so that auto_free lets go. */
#define take_ptr(pp) __extension__({ __typeof__(*(pp)) taken_ = *(pp); *(pp) = NULL; taken_; })

/* --- arena: many small things, one life --- */

struct arena_chunk;
struct arena {
	struct arena_chunk *chunks;   /* newest first */
	char *p, *end;                /* free room of the newest */
	size_t used_bytes;
	size_t max_bytes;
};

/* max_bytes bounds arena_try(); 0 means the default of 64 MiB. No allocation yet. */
void arena_init(struct arena *a, size_t max_bytes);
void arena_done(struct arena *a);
/* The same for secrets: the memory is zeroed before it is given back. */
void arena_wipe(struct arena *a);

/* Zeroed, aligned to 16. Never NULL: for our own structs of known size; not bounded. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
/* Zeroed; NULL when the arena's limit is reached: for sizes that come from input. */
void *arena_try(struct arena *a, size_t size);
char *arena_str(struct arena *a, const char *s) __attribute__((returns_nonnull));
char *arena_strn(struct arena *a, const char *s, size_t len) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...) DV_PRINTF(2, 3) __attribute__((returns_nonnull, nonnull));
#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc((a), mem_mul(sizeof(type), (n))))

#define auto_arena __attribute__((cleanup(arena_done)))
#define auto_arena_wipe __attribute__((cleanup(arena_wipe)))
