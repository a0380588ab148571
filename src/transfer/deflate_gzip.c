/* deflate_gzip.c - one gzip member whose blocks are compressed by several threads.
 *
 *	header | block, empty stored block | block, empty stored block | ... | last empty block | crc, size
 *
 * The input is cut every BLOCK bytes, whatever the number of threads, so the same input always gives the same bytes.
 * A block knows nothing of the one before it and ends at a byte's boundary (a flush), so blocks need no more than to
 * stand behind each other; their checksums are put together. What that costs is less than a part in a thousand.
 *
 * Slots go round: a thread takes the next one, fills it from the source (one thread at a time) and compresses it; the
 * reader gets them in order and gives them back.
 */
#include <endian.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "transfer/deflate_parts.h"

#define BLOCK ((size_t)1 << 20)
/* Of what does not get smaller: headers of stored blocks, and some room. */
#define OUT_SIZE (BLOCK + BLOCK / 8 + 4096)
#define THREADS_MAX 4u
#define SLOTS_EACH 3            /* one is filled or compressed, the others wait for the reader */
#define SLOTS_MAX (SLOTS_EACH * THREADS_MAX)
#define ISAL_LEVEL_MAX 3

struct slot {
	uint8_t *in, *out;
	size_t in_len, out_len;
	uint32_t crc;
	bool done;
};

struct gzip_blocks {
	struct tar_source src;
	int level;
	/* of the source, for whoever is filling */
	const uint8_t *chunk;
	size_t chunk_len;

	pthread_mutex_t lock;
	pthread_cond_t turn, ready;             /* a slot may be filled; the reader's next one is done */
	struct slot slots[SLOTS_MAX];
	unsigned n_slots, n_threads;
	uint64_t begun, given, released;        /* slots, counted from the first */
	bool filling, ended, stop;
	struct dv_err why;                      /* kind 0: nothing went wrong */
	pthread_t threads[THREADS_MAX];

	enum { AT_HEAD, AT_BLOCKS, AT_END } at; /* the reader's */
	uint32_t crc, size;
	uint8_t tail[10];
};

/* --- one block --- */

static int isal_block(struct slot *s, int level, uint8_t *level_buf, uint32_t level_size)
{
	struct isal_zstream z;

	isal_deflate_init(&z);
	z.level = (uint32_t)level;
	z.level_buf = level_buf;
	z.level_buf_size = level_size;
	z.gzip_flag = IGZIP_DEFLATE;
	z.flush = FULL_FLUSH;
	z.next_in = s->in;
	z.avail_in = (uint32_t)s->in_len;
	z.next_out = s->out;
	z.avail_out = OUT_SIZE;
	int rc = isal_deflate(&z);
	s->out_len = z.total_out;
	s->crc = crc32_gzip_refl(0, s->in, s->in_len);
	return rc == COMP_OK && z.avail_in == 0 && z.avail_out > 0;
}

static int zlib_block(struct slot *s, int level)
{
	z_stream z = { 0 };

	/* Negative: without a header. It fails for want of memory alone. */
	if (deflateInit2(&z, level, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	z.next_in = s->in;
	z.avail_in = (uInt)s->in_len;
	z.next_out = s->out;
	z.avail_out = (uInt)OUT_SIZE;
	int rc = deflate(&z, Z_FULL_FLUSH);
	s->out_len = z.total_out;
	s->crc = crc32_gzip_refl(0, s->in, s->in_len);
	bool good = rc == Z_OK && z.avail_in == 0 && z.avail_out > 0;
	(void)deflateEnd(&z);
	return good;
}

/* --- the threads --- */

static int slot_fill(struct gzip_blocks *g, struct slot *s, struct dv_err *e)
{
	const void *p;

	s->in_len = 0;
	while (s->in_len < BLOCK) {
		if (g->chunk_len == 0) {
			int rc = g->src.next(g->src.ctx, &p, &g->chunk_len, e);

			if (rc <= 0) {
				g->chunk_len = 0;
				return rc;
			}
			g->chunk = p;
		}
		size_t n = DV_MIN(BLOCK - s->in_len, g->chunk_len);
		memcpy(s->in + s->in_len, g->chunk, n);
		s->in_len += n;
		g->chunk += n;
		g->chunk_len -= n;
	}
	return 1;
}

static void slot_alloc(struct slot *s)
{
	if (s->in)
		return;
	s->in = mem_alloc(BLOCK);
	s->out = mem_alloc(OUT_SIZE);
}

/* The next slot with input, NULL when there will be none. Who is woken finds the lock free. */
static struct slot *slot_take(struct gzip_blocks *g)
{
	struct dv_err why = DV_ERR_NONE;

	(void)pthread_mutex_lock(&g->lock);
	while (!g->stop && !g->ended && (g->filling || g->begun - g->released == g->n_slots))
		(void)pthread_cond_wait(&g->turn, &g->lock);
	struct slot *s = g->stop || g->ended ? NULL : &g->slots[g->begun % g->n_slots];
	g->filling = g->filling || s;
	if (s)
		s->done = false;
	(void)pthread_mutex_unlock(&g->lock);
	if (!s)
		return NULL;
	slot_alloc(s);
	int rc = slot_fill(g, s, &why);
	(void)pthread_mutex_lock(&g->lock);
	g->filling = false;
	g->ended = rc <= 0;
	if (rc < 0)
		g->why = why;
	bool some = rc >= 0 && s->in_len > 0;
	g->begun += some;
	(void)pthread_mutex_unlock(&g->lock);
	if (rc > 0) {
		(void)pthread_cond_signal(&g->turn);
	} else {
		(void)pthread_cond_broadcast(&g->turn);
		(void)pthread_cond_signal(&g->ready);
	}
	return some ? s : NULL;
}

static void slot_done(struct gzip_blocks *g, struct slot *s, bool good)
{
	(void)pthread_mutex_lock(&g->lock);
	if (!good && !g->why.kind)
		(void)dv_fail(&g->why, DV_INTERNAL, "gzip: a block cannot be compressed");
	s->done = true;
	bool awaited = g->why.kind || s == &g->slots[g->given % g->n_slots];
	(void)pthread_mutex_unlock(&g->lock);
	if (awaited)
		(void)pthread_cond_signal(&g->ready);
}

static void *blocks_run(void *arg)
{
	static const uint32_t sizes[] = { ISAL_DEF_LVL0_DEFAULT, ISAL_DEF_LVL1_DEFAULT, ISAL_DEF_LVL2_DEFAULT,
					  ISAL_DEF_LVL3_DEFAULT };
	struct gzip_blocks *g = arg;
	bool isal = g->level <= ISAL_LEVEL_MAX;
	uint32_t size = isal ? sizes[g->level] : 0;
	auto_free uint8_t *level_buf = isal ? mem_alloc(size) : NULL;
	struct slot *s;

	while ((s = slot_take(g)))
		slot_done(g, s, isal ? isal_block(s, g->level, level_buf, size) : zlib_block(s, g->level));
	return NULL;
}

/* Signals belong to the thread that waits for them. */
static int threads_start(struct gzip_blocks *g, struct dv_err *e)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned want = cores < 1 ? 1 : DV_MIN((unsigned)cores, THREADS_MAX);
	sigset_t all, old;
	int sys = 0;

	g->n_slots = SLOTS_EACH * want;
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	while (g->n_threads < want && sys == 0) {
		sys = pthread_create(&g->threads[g->n_threads], NULL, blocks_run, g);
		g->n_threads += sys == 0;
	}
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	/* Fewer than asked for will do. */
	return g->n_threads ? 0 : dv_fail_errno(e, sys, "start a thread");
}

/* --- the reader --- */

/* The next block that is done: 1; 0 at the end. */
static int block_next(struct gzip_blocks *g, const struct slot **ret, struct dv_err *e)
{
	int rc = 1;

	(void)pthread_mutex_lock(&g->lock);
	if (g->released < g->given) {
		g->released = g->given;
		(void)pthread_cond_signal(&g->turn);
	}
	while (!g->why.kind && (g->given < g->begun ? !g->slots[g->given % g->n_slots].done : !g->ended))
		(void)pthread_cond_wait(&g->ready, &g->lock);
	if (g->why.kind)
		rc = dv_fail(e, g->why.kind, "%s", g->why.msg);
	else if (g->given == g->begun)
		rc = 0;
	else
		*ret = &g->slots[g->given++ % g->n_slots];
	(void)pthread_mutex_unlock(&g->lock);
	return rc;
}

/* The last block, which is empty; checksum and size of everything. */
static void tail_make(struct gzip_blocks *g)
{
	uint32_t crc = htole32(g->crc), size = htole32(g->size);

	g->tail[0] = 3;
	g->tail[1] = 0;
	memcpy(g->tail + 2, &crc, sizeof(crc));
	memcpy(g->tail + 6, &size, sizeof(size));
}

int gzip_blocks_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	/* No name, no time, an unknown system. */
	static const uint8_t head[10] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff };
	struct gzip_blocks *g = ctx;
	const struct slot *s = NULL;

	if (g->at == AT_END)
		return 0;
	if (g->at == AT_HEAD) {
		g->at = AT_BLOCKS;
		*ret = head;
		*ret_len = sizeof(head);
		return 1;
	}
	int rc = block_next(g, &s, e);
	if (rc < 0)
		return rc;
	if (rc == 0) {
		g->at = AT_END;
		tail_make(g);
		*ret = g->tail;
		*ret_len = sizeof(g->tail);
		return 1;
	}
	g->crc = (uint32_t)crc32_combine(g->crc, s->crc, (z_off_t)s->in_len);
	g->size += (uint32_t)s->in_len;
	*ret = s->out;
	*ret_len = s->out_len;
	return 1;
}

int gzip_blocks_new(const struct tar_source *in, int level, struct gzip_blocks **ret, struct dv_err *e)
{
	struct gzip_blocks *g = mem_new(struct gzip_blocks);

	g->src = *in;
	g->level = level;
	(void)pthread_mutex_init(&g->lock, NULL);
	(void)pthread_cond_init(&g->turn, NULL);
	(void)pthread_cond_init(&g->ready, NULL);
	int rc = threads_start(g, e);
	if (rc < 0) {
		gzip_blocks_free(g);
		return rc;
	}
	*ret = g;
	return 0;
}

void gzip_blocks_free(struct gzip_blocks *g)
{
	if (!g)
		return;
	(void)pthread_mutex_lock(&g->lock);
	g->stop = true;
	(void)pthread_cond_broadcast(&g->turn);
	(void)pthread_mutex_unlock(&g->lock);
	for (unsigned i = 0; i < g->n_threads; i++)
		(void)pthread_join(g->threads[i], NULL);
	for (unsigned i = 0; i < SLOTS_MAX; i++) {
		free(g->slots[i].in);
		free(g->slots[i].out);
	}
	(void)pthread_cond_destroy(&g->turn);
	(void)pthread_cond_destroy(&g->ready);
	(void)pthread_mutex_destroy(&g->lock);
	free(g);
}
