/* flow.c - a growing file and a relay: one mutex and one condition each, held for a few instructions. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/mem.h"
#include "transfer/flow.h"

#define READ_SIZE ((size_t)256 << 10)
#define AHEAD_SIZE ((uint64_t)32 << 20)  /* the disk is asked for so much before it is wanted */
#define KEEP_MAX 16

/* --- growing --- */

struct growing {
	int fd;
	uint64_t pos, ahead;            /* the reader's */
	char *buf;
	pthread_mutex_t lock;
	pthread_cond_t more;
	uint64_t bytes;
	bool ended, unwanted;
	struct dv_err why;              /* kind 0: nothing went wrong */
};

struct growing *growing_new(int fd, uint64_t bytes)
{
	struct growing *g = mem_new(struct growing);

	g->fd = fd;
	g->bytes = bytes;
	g->buf = mem_alloc(READ_SIZE);
	(void)pthread_mutex_init(&g->lock, NULL);
	(void)pthread_cond_init(&g->more, NULL);
	return g;
}

void growing_free(struct growing *g)
{
	if (!g)
		return;
	(void)pthread_cond_destroy(&g->more);
	(void)pthread_mutex_destroy(&g->lock);
	free(g->buf);
	free(g);
}

static void growing_change(struct growing *g, uint64_t bytes, bool ended, const struct dv_err *why)
{
	(void)pthread_mutex_lock(&g->lock);
	g->bytes = DV_MAX(g->bytes, bytes);
	g->ended = g->ended || ended;
	if (why && !g->why.kind)
		g->why = *why;
	(void)pthread_cond_broadcast(&g->more);
	(void)pthread_mutex_unlock(&g->lock);
}

void growing_set(struct growing *g, uint64_t bytes)
{
	growing_change(g, bytes, false, NULL);
}

void growing_end(struct growing *g)
{
	growing_change(g, 0, true, NULL);
}

void growing_fail(struct growing *g, const struct dv_err *why)
{
	growing_change(g, 0, true, why);
}

bool growing_failed(struct growing *g)
{
	(void)pthread_mutex_lock(&g->lock);
	bool failed = g->why.kind != 0;
	(void)pthread_mutex_unlock(&g->lock);
	return failed;
}

void growing_give_up(struct growing *g)
{
	(void)pthread_mutex_lock(&g->lock);
	g->unwanted = true;
	(void)pthread_cond_broadcast(&g->more);
	(void)pthread_mutex_unlock(&g->lock);
}

/* How many bytes can be read now; waits for some. 0 at the end. */
static int growing_wait(struct growing *g, uint64_t *ret, struct dv_err *e)
{
	int rc = 0;

	(void)pthread_mutex_lock(&g->lock);
	while (g->bytes == g->pos && !g->ended && !g->unwanted)
		(void)pthread_cond_wait(&g->more, &g->lock);
	if (g->unwanted)
		rc = dv_fail(e, DV_UNAVAILABLE, "given up");
	else if (g->why.kind)
		rc = dv_fail(e, g->why.kind, "%s", g->why.msg);
	*ret = g->bytes - g->pos;
	(void)pthread_mutex_unlock(&g->lock);
	return rc;
}

/* One who only asks for the next piece when it has none waits for the disk each time. What was just written is in memory
 * and is not asked for again. */
static void growing_ahead(struct growing *g, uint64_t there)
{
	if (g->pos + AHEAD_SIZE <= g->ahead || there <= READ_SIZE)
		return;
	g->ahead = DV_MAX(g->ahead, g->pos);
	(void)posix_fadvise(g->fd, (off_t)g->ahead, (off_t)AHEAD_SIZE, POSIX_FADV_WILLNEED);
	g->ahead += AHEAD_SIZE;
}

static int growing_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct growing *g = ctx;
	uint64_t there = 0;
	ssize_t n;
	int rc = growing_wait(g, &there, e);

	if (rc < 0 || there == 0)
		return rc;
	growing_ahead(g, there);
	do
		n = pread(g->fd, g->buf, DV_MIN(there, READ_SIZE), (off_t)g->pos);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return dv_fail_errno(e, errno, "read what was downloaded");
	if (n == 0)
		return dv_fail(e, DV_IO, "what was downloaded has become shorter");
	g->pos += (uint64_t)n;
	*ret = g->buf;
	*ret_len = (size_t)n;
	return 1;
}

void growing_seek(struct growing *g, uint64_t offset)
{
	g->pos = offset;
}

struct tar_source growing_source(struct growing *g)
{
	return (struct tar_source){ growing_next, g };
}

/* --- relay --- */

struct chunk {
	const void *p;
	size_t len;
};

struct relay {
	struct tar_source in;
	unsigned keep;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t room, more;
	bool room_wanted, more_wanted;  /* somebody waits for it */
	struct chunk v[KEEP_MAX];
	uint64_t made, released;        /* chunks; those between are with the reader or on the way to it */
	uint64_t taken;
	bool stop, ended;
	int result;                     /* of the call that was the last */
	struct dv_err why;
};

/* Who sleeps is woken for several chunks, not for each: half of all there may be. Both can go on by then, and neither
 * takes the processor from the other all the time. */
static uint64_t relay_some(const struct relay *r)
{
	return DV_MAX(r->keep / 2, 1U);
}

/* Waits for room; false when nobody wants more. */
static bool relay_room(struct relay *r)
{
	(void)pthread_mutex_lock(&r->lock);
	while (r->made - r->released >= r->keep && !r->stop) {
		r->room_wanted = true;
		(void)pthread_cond_wait(&r->room, &r->lock);
	}
	bool go_on = !r->stop;
	(void)pthread_mutex_unlock(&r->lock);
	return go_on;
}

/* The outcome of a call of `in`. */
static void relay_put(struct relay *r, const struct chunk *c, int rc)
{
	(void)pthread_mutex_lock(&r->lock);
	if (rc > 0)
		r->v[r->made++ % r->keep] = *c;
	else
		r->ended = true;
	r->result = rc;
	bool wake = r->more_wanted && (r->ended || r->made - r->taken >= relay_some(r));
	r->more_wanted = r->more_wanted && !wake;
	(void)pthread_mutex_unlock(&r->lock);
	if (wake)
		(void)pthread_cond_signal(&r->more);
}

static void *relay_run(void *arg)
{
	struct relay *r = arg;
	struct chunk c;
	int rc = 1;

	while (rc > 0 && relay_room(r)) {
		rc = r->in.next(r->in.ctx, &c.p, &c.len, &r->why);
		relay_put(r, &c, rc);
	}
	return NULL;
}

/* With the lock held; the reader has done with what it was given. */
static void relay_release(struct relay *r)
{
	r->released = r->taken;
	if (!r->room_wanted || r->keep - (r->made - r->released) < relay_some(r))
		return;
	r->room_wanted = false;
	(void)pthread_cond_signal(&r->room);
}

static int relay_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct relay *r = ctx;
	int rc = 0;

	(void)pthread_mutex_lock(&r->lock);
	relay_release(r);
	while (r->taken == r->made && !r->ended) {
		r->more_wanted = true;
		(void)pthread_cond_wait(&r->more, &r->lock);
	}
	if (r->taken < r->made) {
		*ret = r->v[r->taken % r->keep].p;
		*ret_len = r->v[r->taken % r->keep].len;
		r->taken++;
		rc = 1;
	} else if (r->result < 0) {
		rc = dv_fail(e, r->why.kind, "%s", r->why.msg);
	}
	(void)pthread_mutex_unlock(&r->lock);
	return rc;
}

/* Signals belong to the thread that waits for them. */
static int relay_start(struct relay *r, struct dv_err *e)
{
	sigset_t all, old;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	int sys = pthread_create(&r->thread, NULL, relay_run, r);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return sys ? dv_fail_errno(e, sys, "start a thread") : 0;
}

int relay_new(const struct tar_source *in, unsigned keep, struct relay **ret, struct dv_err *e)
{
	struct relay *r = mem_new(struct relay);

	r->in = *in;
	r->keep = DV_MIN(keep, (unsigned)KEEP_MAX);
	(void)pthread_mutex_init(&r->lock, NULL);
	(void)pthread_cond_init(&r->room, NULL);
	(void)pthread_cond_init(&r->more, NULL);
	int rc = relay_start(r, e);
	if (rc < 0) {
		free(r);
		return rc;
	}
	*ret = r;
	return 0;
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	(void)pthread_mutex_lock(&r->lock);
	r->stop = true;
	(void)pthread_cond_signal(&r->room);
	(void)pthread_mutex_unlock(&r->lock);
	(void)pthread_join(r->thread, NULL);
	(void)pthread_cond_destroy(&r->room);
	(void)pthread_cond_destroy(&r->more);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

struct tar_source relay_source(struct relay *r)
{
	return (struct tar_source){ relay_next, r };
}
