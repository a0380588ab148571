/* out.h - bytes that wait to be sent: copied, borrowed, or in a file. Inside http only.
 *
 * A connection of HTTP/1.1 has one queue; in HTTP/2 each stream has one, from
 * which frames are cut. An empty queue holds no memory; blocks come from the
 * server's pool and go back to it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "http/io.h"

#define OUT_BLOCK_BYTES 16384      /* with its header */
#define OUT_POOL_MAX 16

struct out_piece;

/* Blocks for the next ones who write: a request then needs no allocation. */
struct out_pool {
	struct out_piece *free;
	unsigned n;
};

struct out {
	struct out_piece *first, *last;
	uint64_t bytes;            /* waiting, files included */
	struct out_pool *pool;
};

void out_init(struct out *o, struct out_pool *pool);
void out_done(struct out *o);                                          /* drops what waits */
void out_pool_done(struct out_pool *pool);

void out_add(struct out *o, const void *data, size_t n);
/* Room for exactly n (at most OUT_BLOCK_BYTES / 2) bytes, counted as written at once. */
char *out_room(struct out *o, size_t n);
void out_shared(struct out *o, const void *data, size_t n, void (*release)(void *ctx), void *ctx);
void out_file(struct out *o, int fd, uint64_t offset, uint64_t n);     /* owns fd */

/* Sends what the stream takes: 1 when it is empty, 0 when it has to wait, negative on failure (IO: also a file that
 * ended too soon). *sent grows by the bytes that went. */
int out_flush(struct out *o, struct http_io *io, uint64_t *sent, struct dv_err *e) DV_MUST_USE;
/* Copies up to n bytes out of the front, files too: for those who frame them. Returns how many (0: empty), or negative:
 * IO when a file cannot be read or ended too soon. */
ssize_t out_take(struct out *o, void *p, size_t n, struct dv_err *e) DV_MUST_USE;
