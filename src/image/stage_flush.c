/* stage_flush.c - what a stage holds goes to disk while more of it comes.
 *
 * A thread calls syncfs for every so many bytes of layers, so that the disk works beside the processor and the last
 * sync, which is the one that counts, finds little to do. It promises nothing: its descriptor is one of its own, since
 * a descriptor is told of a failed write once only, and that is for publish.c to hear.
 */
#include <signal.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/store_parts.h"

#define FLUSH_BYTES ((uint64_t)32 << 20)

struct stage_flush {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int fd;
	bool wanted, stop;
};

static void *flush_run(void *arg)
{
	struct stage_flush *f = arg;

	(void)pthread_mutex_lock(&f->lock);
	while (!f->stop) {
		if (!f->wanted) {
			(void)pthread_cond_wait(&f->changed, &f->lock);
			continue;
		}
		f->wanted = false;
		(void)pthread_mutex_unlock(&f->lock);
		(void)syncfs(f->fd);
		(void)pthread_mutex_lock(&f->lock);
	}
	(void)pthread_mutex_unlock(&f->lock);
	return NULL;
}

static void flush_free(struct stage_flush *f)
{
	fd_close(&f->fd);
	(void)pthread_cond_destroy(&f->changed);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}

/* Signals belong to the thread that waits for them. */
static bool flush_start(struct stage_flush *f)
{
	sigset_t all, old;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	int sys = pthread_create(&f->thread, NULL, flush_run, f);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return sys == 0;
}

/* NULL when it cannot be: then all is written at the end. */
static struct stage_flush *flush_new(const struct image_stage *st)
{
	struct stage_flush *f = mem_new(struct stage_flush);

	f->fd = -1;
	f->wanted = true;
	(void)pthread_mutex_init(&f->lock, NULL);
	(void)pthread_cond_init(&f->changed, NULL);
	if (file_open(st->fd, ".", O_RDONLY | O_DIRECTORY, 0, &f->fd, NULL) == 0 && flush_start(f))
		return f;
	flush_free(f);
	return NULL;
}

void stage_flush_count(struct image_stage *st, size_t bytes)
{
	(void)pthread_mutex_lock(&st->lock);
	st->unflushed += bytes;
	if (st->unflushed >= FLUSH_BYTES) {
		st->unflushed = 0;
		if (!st->flush) {
			st->flush = flush_new(st);
		} else {
			(void)pthread_mutex_lock(&st->flush->lock);
			st->flush->wanted = true;
			(void)pthread_cond_signal(&st->flush->changed);
			(void)pthread_mutex_unlock(&st->flush->lock);
		}
	}
	(void)pthread_mutex_unlock(&st->lock);
}

void stage_flush_end(struct image_stage *st)
{
	struct stage_flush *f = st->flush;

	if (!f)
		return;
	st->flush = NULL;
	(void)pthread_mutex_lock(&f->lock);
	f->stop = true;
	(void)pthread_cond_signal(&f->changed);
	(void)pthread_mutex_unlock(&f->lock);
	(void)pthread_join(f->thread, NULL);
	flush_free(f);
}
