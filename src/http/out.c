/* out.c - the queue of bytes to send: blocks of a pool, borrowed memory, files. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "http/out.h"

#define IOV_MAX_ 16
#define FLUSH_MAX_BYTES ((uint64_t)1 << 20)    /* then others have their turn */

enum piece_kind { PIECE_BLOCK, PIECE_SHARED, PIECE_FILE };

struct out_piece {
	struct out_piece *next;
	enum piece_kind kind;
	int fd;                    /* of a file */
	const char *p;             /* what is left of memory */
	uint64_t len;
	union {
		size_t room;       /* of a block, behind what is left */
		off_t offset;      /* of a file */
		void (*release)(void *ctx);
	};
	void *ctx;
	char data[];
};

#define BLOCK_DATA (OUT_BLOCK_BYTES - sizeof(struct out_piece))

void out_init(struct out *o, struct out_pool *pool)
{
	*o = (struct out){ .pool = pool };
}

/* --- pieces --- */

static struct out_piece *piece_append(struct out *o, struct out_piece *s)
{
	s->next = NULL;
	if (o->last)
		o->last->next = s;
	else
		o->first = s;
	o->last = s;
	return s;
}

/* A block with room for n bytes: of the usual size when that does. */
static struct out_piece *block_append(struct out *o, size_t n)
{
	struct out_piece *s = o->pool->free;
	size_t size = DV_MAX(n, BLOCK_DATA);

	if (s && n <= BLOCK_DATA) {
		o->pool->free = s->next;
		o->pool->n--;
	} else {
		s = malloc(sizeof *s + size);
		if (!s)
			abort();
	}
	*s = (struct out_piece){ .kind = PIECE_BLOCK, .fd = -1, .p = s->data, .room = size };
	return piece_append(o, s);
}

static void piece_free(struct out_pool *pool, struct out_piece *s)
{
	switch (s->kind) {
	case PIECE_FILE:
		(void)close(s->fd);
		break;
	case PIECE_SHARED:
		if (s->release)
			s->release(s->ctx);
		break;
	case PIECE_BLOCK:
		/* with its data and room it is as large as it ever was */
		if ((size_t)(s->p - s->data) + s->len + s->room == BLOCK_DATA && pool->n < OUT_POOL_MAX) {
			s->next = pool->free;
			pool->free = s;
			pool->n++;
			return;
		}
		break;
	}
	free(s);
}

static void drop_first(struct out *o)
{
	struct out_piece *s = o->first;

	o->first = s->next;
	if (!o->first)
		o->last = NULL;
	piece_free(o->pool, s);
}

void out_done(struct out *o)
{
	while (o->first)
		drop_first(o);
	o->bytes = 0;
}

void out_pool_done(struct out_pool *pool)
{
	while (pool->free) {
		struct out_piece *s = pool->free;

		pool->free = s->next;
		free(s);
	}
	pool->n = 0;
}

/* --- adding --- */

static void fill(struct out *o, const void *data, size_t n)
{
	struct out_piece *s = o->last;

	memcpy((char *)s->p + s->len, data, n);
	s->len += n;
	s->room -= n;
	o->bytes += n;
}

void out_add(struct out *o, const void *data, size_t n)
{
	size_t now = o->last && o->last->kind == PIECE_BLOCK ? DV_MIN(n, o->last->room) : 0;

	if (now)
		fill(o, data, now);
	if (now < n) {
		(void)block_append(o, n - now);
		fill(o, (const char *)data + now, n - now);
	}
}

char *out_room(struct out *o, size_t n)
{
	struct out_piece *s = o->last;

	if (!s || s->kind != PIECE_BLOCK || s->room < n)
		s = block_append(o, n);
	s->len += n;
	s->room -= n;
	o->bytes += n;
	return (char *)s->p + s->len - n;
}

void out_shared(struct out *o, const void *data, size_t n, void (*release)(void *ctx), void *ctx)
{
	struct out_piece *s = piece_append(o, mem_new(struct out_piece));

	s->kind = PIECE_SHARED;
	s->fd = -1;
	s->p = data;
	s->len = n;
	s->release = release;
	s->ctx = ctx;
	o->bytes += n;
}

void out_file(struct out *o, int fd, uint64_t offset, uint64_t n)
{
	struct out_piece *s = piece_append(o, mem_new(struct out_piece));

	s->kind = PIECE_FILE;
	s->fd = fd;
	s->offset = (off_t)offset;
	s->len = n;
	o->bytes += n;
}

/* --- sending --- */

/* Takes n bytes off the front, which are gone, and pieces that are empty. */
static void consume(struct out *o, uint64_t n)
{
	o->bytes -= n;
	while (o->first) {
		struct out_piece *s = o->first;
		uint64_t now = DV_MIN(n, s->len);

		s->len -= now;
		n -= now;
		if (s->kind != PIECE_FILE)
			s->p += now;
		if (s->len)
			return;
		drop_first(o);
	}
}

static ssize_t send_memory(struct out *o, struct http_io *io, struct dv_err *e)
{
	struct iovec v[IOV_MAX_];
	int n = 0;

	for (struct out_piece *s = o->first; s && s->kind != PIECE_FILE && n < IOV_MAX_; s = s->next)
		if (s->len)
			v[n++] = (struct iovec){ (void *)s->p, (size_t)s->len };
	return n ? http_io_write(io, v, n, e) : 0;
}

static ssize_t send_file(struct out *o, struct http_io *io, struct dv_err *e)
{
	struct out_piece *s = o->first;
	ssize_t n;

	if (s->len == 0)
		return 0;
	n = http_io_sendfile(io, s->fd, &s->offset, (size_t)DV_MIN(s->len, FLUSH_MAX_BYTES), e);
	return n ? n : dv_fail(e, DV_IO, "a file that is being sent is shorter than announced");
}

int out_flush(struct out *o, struct http_io *io, uint64_t *sent, struct dv_err *e)
{
	uint64_t all = 0;

	while (o->bytes && all < FLUSH_MAX_BYTES) {
		ssize_t n = o->first->kind == PIECE_FILE ? send_file(o, io, e) : send_memory(o, io, e);

		if (n == HTTP_IO_WAIT)
			break;
		if (n < 0)
			return (int)n;
		consume(o, (uint64_t)n);
		all += (uint64_t)n;
		*sent += (uint64_t)n;
	}
	if (o->bytes == 0)
		out_done(o);
	return o->bytes == 0;
}

static ssize_t take_file(struct out_piece *s, void *p, size_t n, struct dv_err *e)
{
	ssize_t got;

	do
		got = pread(s->fd, p, n, s->offset);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return dv_fail_errno(e, errno, "read a file that is being sent");
	if (got == 0)
		return dv_fail(e, DV_IO, "a file that is being sent is shorter than announced");
	s->offset += got;
	return got;
}

ssize_t out_take(struct out *o, void *p, size_t n, struct dv_err *e)
{
	size_t all = 0;

	while (o->bytes && all < n) {
		struct out_piece *s = o->first;
		size_t now = (size_t)DV_MIN(s->len, (uint64_t)(n - all));
		ssize_t got = (ssize_t)now;

		if (now && s->kind == PIECE_FILE)
			got = take_file(s, (char *)p + all, now, e);
		else if (now)
			memcpy((char *)p + all, s->p, now);
		if (got < 0)
			return got;
		all += (size_t)got;
		consume(o, (uint64_t)got);
	}
	if (o->bytes == 0)
		out_done(o);
	return (ssize_t)all;
}
