/* job.c - worker threads with one bounded queue; results come back through an eventfd of the loop. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/fd.h"
#include "base/job.h"
#include "base/list.h"
#include "base/mem.h"

#define THREADS_MAX 64

struct job {
	struct list link;
	job_work *work;
	job_done *done;
	void *ctx;
	int result;
	struct dv_err e;
};

struct job_pool {
	pthread_mutex_t lock;
	pthread_cond_t more, fewer;     /* work to do; one job ended */
	struct list waiting, finished;
	unsigned n_waiting, n_running, queue_max;
	bool closing;
	struct loop_source *source;
	int event_fd;                   /* -1 without a loop */
	unsigned n_threads;
	pthread_t threads[THREADS_MAX];
};

static struct job *first_of(struct list *head)
{
	struct list *it = head->next;

	list_remove(it);
	return container_of(it, struct job, link);
}

/* Called with the lock held, returns with it. */
static void run_one(struct job_pool *p)
{
	struct job *j = first_of(&p->waiting);
	uint64_t one = 1;

	p->n_waiting--;
	p->n_running++;
	(void)pthread_mutex_unlock(&p->lock);
	j->result = j->work(j->ctx, &j->e);
	(void)pthread_mutex_lock(&p->lock);
	p->n_running--;
	list_add_tail(&p->finished, &j->link);
	(void)pthread_cond_broadcast(&p->fewer);
	/* A full counter is readable as well: nothing to do then. */
	if (p->event_fd >= 0 && write(p->event_fd, &one, sizeof one) < 0)
		return;
}

static void *worker(void *arg)
{
	struct job_pool *p = arg;

	(void)pthread_mutex_lock(&p->lock);
	for (;;) {
		while (list_empty(&p->waiting) && !p->closing)
			(void)pthread_cond_wait(&p->more, &p->lock);
		if (p->closing)
			break;
		run_one(p);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Calls back what has finished so far. Called without the lock: `done` may submit. */
static void deliver(struct job_pool *p)
{
	(void)pthread_mutex_lock(&p->lock);
	while (!list_empty(&p->finished)) {
		struct job *j = first_of(&p->finished);

		(void)pthread_mutex_unlock(&p->lock);
		if (j->done)
			j->done(j->ctx, j->result, &j->e);
		free(j);
		(void)pthread_mutex_lock(&p->lock);
	}
	(void)pthread_mutex_unlock(&p->lock);
}

static void on_event(void *ctx, int fd, uint32_t events)
{
	uint64_t n;

	if (read(fd, &n, sizeof n) < 0 && errno != EAGAIN)
		return;
	deliver(ctx);
}

/* Signals belong to the loop's thread. */
static int start_threads(struct job_pool *p, unsigned n, struct dv_err *e)
{
	sigset_t all, old;
	int sys = 0;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	while (p->n_threads < n && sys == 0) {
		sys = pthread_create(&p->threads[p->n_threads], NULL, worker, p);
		p->n_threads += sys == 0;
	}
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	/* Fewer than asked for will do. */
	return p->n_threads ? 0 : dv_fail_errno(e, sys, "start worker threads");
}

int job_pool_new(struct loop *loop, unsigned threads, unsigned queue_max, struct job_pool **ret,
		 struct dv_err *e)
{
	struct job_pool *p = mem_new(struct job_pool);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int r = 0;

	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->more, NULL);
	(void)pthread_cond_init(&p->fewer, NULL);
	list_init(&p->waiting);
	list_init(&p->finished);
	p->queue_max = queue_max;
	p->event_fd = -1;
	if (!threads)
		threads = cores > 0 ? (unsigned)cores : 1;
	if (loop) {
		p->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		r = p->event_fd < 0 ? dv_fail_errno(e, errno, "make an event descriptor") :
		    loop_add_fd(loop, p->event_fd, EPOLLIN, on_event, p, &p->source, e);
	}
	if (r == 0)
		r = start_threads(p, DV_MIN(threads, (unsigned)THREADS_MAX), e);
	if (r < 0) {
		job_pool_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

static void cancel_waiting(struct job_pool *p)
{
	(void)pthread_mutex_lock(&p->lock);
	p->closing = true;
	while (!list_empty(&p->waiting)) {
		struct job *j = first_of(&p->waiting);

		j->result = dv_fail(&j->e, DV_UNAVAILABLE, "the worker threads are shutting down");
		list_add_tail(&p->finished, &j->link);
	}
	p->n_waiting = 0;
	(void)pthread_cond_broadcast(&p->more);
	(void)pthread_mutex_unlock(&p->lock);
}

void job_pool_free(struct job_pool *p)
{
	if (!p)
		return;
	cancel_waiting(p);
	for (unsigned i = 0; i < p->n_threads; i++)
		(void)pthread_join(p->threads[i], NULL);
	deliver(p);
	loop_remove(p->source);
	fd_close(&p->event_fd);
	(void)pthread_cond_destroy(&p->fewer);
	(void)pthread_cond_destroy(&p->more);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

int job_submit(struct job_pool *p, job_work *work, job_done *done, void *ctx, struct dv_err *e)
{
	struct job *j = mem_new(struct job);
	int r = 0;

	j->work = work;
	j->done = done;
	j->ctx = ctx;
	(void)pthread_mutex_lock(&p->lock);
	if (p->closing)
		r = dv_fail(e, DV_UNAVAILABLE, "the worker threads are shutting down");
	else if (p->n_waiting >= p->queue_max)
		r = dv_fail(e, DV_LIMIT, "more than %u jobs are waiting", p->queue_max);
	if (r == 0) {
		list_add_tail(&p->waiting, &j->link);
		p->n_waiting++;
		(void)pthread_cond_signal(&p->more);
	}
	(void)pthread_mutex_unlock(&p->lock);
	if (r < 0)
		free(j);
	return r;
}

void job_wait_all(struct job_pool *p)
{
	bool busy = true;

	while (busy) {
		(void)pthread_mutex_lock(&p->lock);
		while ((p->n_waiting || p->n_running) && list_empty(&p->finished))
			(void)pthread_cond_wait(&p->fewer, &p->lock);
		(void)pthread_mutex_unlock(&p->lock);
		deliver(p);
		(void)pthread_mutex_lock(&p->lock);
		busy = p->n_waiting || p->n_running || !list_empty(&p->finished);
		(void)pthread_mutex_unlock(&p->lock);
	}
}
