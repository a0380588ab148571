/* loop.c - the event loop over epoll; timers in a heap behind one timerfd.
 *
 * A removed source is only unlinked: its memory is freed at the end of the
 * turn, because the events of this turn may still name it.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/mem.h"

#define EVENTS_MAX 64
#define SIGNALS_MAX 16
#define NOT_ARMED SIZE_MAX

enum source_kind { SOURCE_FD, SOURCE_PIDFD, SOURCE_SIGNALS, SOURCE_TIMER, SOURCE_TASK, SOURCE_CLOCK };

struct loop_source {
	struct list link;
	struct loop *loop;
	enum source_kind kind;
	bool removed;
	int fd;                     /* ours for signals and the clock */
	void *ctx;
	union {
		loop_on_fd *on_fd;
		loop_on_exit *on_exit;
		loop_on_signal *on_signal;
		loop_on_timer *on_timer;
	};
	union {                     /* thousands of descriptors are watched: a source is small */
		struct {            /* of a timer */
			uint64_t due_ms;
			uint64_t order;     /* of arming: equal times fire in that order */
			size_t heap_at;     /* or NOT_ARMED */
		};
		struct list post;   /* of a task, in loop->posted; alone when it is not posted */
	};
};

struct loop {
	int epfd;
	struct list sources, removed, posted;
	struct loop_source *clock;
	struct loop_source **heap;  /* timers, the next one first */
	size_t n_heap, cap_heap;
	uint64_t now_ms, set_ms;    /* set_ms: what the timerfd is set to, 0 when off */
	uint64_t order;
	sigset_t old_mask;          /* before signals were taken */
	bool signals_taken, stopped;
	int code;
};

static uint64_t clock_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* --- the heap --- */

static bool before(const struct loop_source *a, const struct loop_source *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void heap_put(struct loop *l, size_t at, struct loop_source *s)
{
	l->heap[at] = s;
	s->heap_at = at;
}

static void heap_up(struct loop *l, size_t at, struct loop_source *s)
{
	for (; at > 0 && before(s, l->heap[(at - 1) / 2]); at = (at - 1) / 2)
		heap_put(l, at, l->heap[(at - 1) / 2]);
	heap_put(l, at, s);
}

static void heap_down(struct loop *l, size_t at, struct loop_source *s)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < l->n_heap && before(l->heap[child + 1], l->heap[child]))
			child++;
		if (child >= l->n_heap || !before(l->heap[child], s))
			break;
		heap_put(l, at, l->heap[child]);
		at = child;
	}
	heap_put(l, at, s);
}

static void heap_add(struct loop *l, struct loop_source *s)
{
	if (l->n_heap == l->cap_heap) {
		l->cap_heap = l->cap_heap ? l->cap_heap * 2 : 16;
		l->heap = mem_resize(l->heap, l->cap_heap, sizeof(struct loop_source *));
	}
	heap_up(l, l->n_heap++, s);
}

static void heap_remove(struct loop *l, struct loop_source *s)
{
	size_t at = s->heap_at;
	struct loop_source *last;

	if (at == NOT_ARMED)
		return;
	s->heap_at = NOT_ARMED;
	last = l->heap[--l->n_heap];
	if (last == s)
		return;
	if (at > 0 && before(last, l->heap[(at - 1) / 2]))
		heap_up(l, at, last);
	else
		heap_down(l, at, last);
}

/* --- sources --- */

static struct loop_source *source_new(struct loop *l, enum source_kind kind, int fd, void *ctx)
{
	struct loop_source *s = mem_new(struct loop_source);

	s->loop = l;
	s->kind = kind;
	s->fd = fd;
	s->ctx = ctx;
	if (kind == SOURCE_TASK)
		list_init(&s->post);
	else
		s->heap_at = NOT_ARMED;
	list_add_tail(&l->sources, &s->link);
	return s;
}

static int watch(struct loop *l, struct loop_source *s, uint32_t events, struct dv_err *e)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, s->fd, &ev) == 0)
		return 0;
	list_remove(&s->link);
	free(s);
	return dv_fail_errno(e, errno, "watch a descriptor");
}

int loop_new(struct loop **ret, struct dv_err *e)
{
	auto_close int epfd = epoll_create1(EPOLL_CLOEXEC), tfd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC |
										 TFD_NONBLOCK);
	struct loop *l;
	int r;

	if (epfd < 0 || tfd < 0)
		return dv_fail_errno(e, errno, "make an event loop");
	l = mem_new(struct loop);
	list_init(&l->sources);
	list_init(&l->removed);
	list_init(&l->posted);
	l->epfd = epfd;
	l->now_ms = clock_ms();
	l->clock = source_new(l, SOURCE_CLOCK, tfd, NULL);
	r = watch(l, l->clock, EPOLLIN, e);
	if (r < 0) {
		free(l);
		return r;
	}
	(void)take_fd(&epfd);
	(void)take_fd(&tfd);
	*ret = l;
	return 0;
}

static void free_removed(struct loop *l)
{
	LIST_EACH_SAFE(it, &l->removed) {
		list_remove(it);
		free(container_of(it, struct loop_source, link));
	}
}

void loop_remove(struct loop_source *s)
{
	struct loop *l;

	if (!s || s->removed)
		return;
	l = s->loop;
	s->removed = true;
	if (s->kind == SOURCE_TIMER)
		heap_remove(l, s);
	else if (s->kind == SOURCE_TASK)
		list_remove(&s->post);
	else
		(void)epoll_ctl(l->epfd, EPOLL_CTL_DEL, s->fd, NULL);
	if (s->kind == SOURCE_SIGNALS) {
		l->signals_taken = false;
		(void)pthread_sigmask(SIG_SETMASK, &l->old_mask, NULL);
	}
	if (s->kind == SOURCE_SIGNALS || s->kind == SOURCE_CLOCK)
		fd_close(&s->fd);
	list_remove(&s->link);
	list_add_tail(&l->removed, &s->link);
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	while (!list_empty(&l->sources))
		loop_remove(container_of(l->sources.next, struct loop_source, link));
	free_removed(l);
	(void)close(l->epfd);
	free(l->heap);
	free(l);
}

int loop_add_fd(struct loop *l, int fd, uint32_t events, loop_on_fd *cb, void *ctx, struct loop_source **ret,
		struct dv_err *e)
{
	struct loop_source *s = source_new(l, SOURCE_FD, fd, ctx);
	int r;

	s->on_fd = cb;
	r = watch(l, s, events, e);
	if (r == 0 && ret)
		*ret = s;
	return r;
}

int loop_change_fd(struct loop_source *s, uint32_t events, struct dv_err *e)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	if (s->removed)
		return dv_fail(e, DV_NOT_FOUND, "watch a descriptor: the source was removed");
	if (epoll_ctl(s->loop->epfd, EPOLL_CTL_MOD, s->fd, &ev) < 0)
		return dv_fail_errno(e, errno, "watch a descriptor");
	return 0;
}

int loop_add_pidfd(struct loop *l, int pidfd, loop_on_exit *cb, void *ctx, struct loop_source **ret,
		   struct dv_err *e)
{
	struct loop_source *s = source_new(l, SOURCE_PIDFD, pidfd, ctx);
	int r;

	s->on_exit = cb;
	r = watch(l, s, EPOLLIN, e);
	if (r == 0 && ret)
		*ret = s;
	return r;
}

int loop_add_signals(struct loop *l, const sigset_t *set, loop_on_signal *cb, void *ctx,
		     struct loop_source **ret, struct dv_err *e)
{
	auto_close int fd = -1;
	struct loop_source *s;
	sigset_t old;
	int r;

	if (l->signals_taken)
		return dv_fail(e, DV_EXISTS, "this loop receives signals already");
	fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return dv_fail_errno(e, errno, "receive signals");
	(void)pthread_sigmask(SIG_BLOCK, set, &old);
	s = source_new(l, SOURCE_SIGNALS, fd, ctx);
	s->on_signal = cb;
	r = watch(l, s, EPOLLIN, e);
	if (r < 0) {
		(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
		return r;
	}
	(void)take_fd(&fd);
	l->old_mask = old;
	l->signals_taken = true;
	if (ret)
		*ret = s;
	return 0;
}

struct loop_source *loop_add_timer(struct loop *l, loop_on_timer *cb, void *ctx)
{
	struct loop_source *s = source_new(l, SOURCE_TIMER, -1, ctx);

	s->on_timer = cb;
	return s;
}

void loop_arm(struct loop_source *timer, uint64_t delay_ms)
{
	struct loop *l = timer->loop;

	if (timer->removed)
		return;
	heap_remove(l, timer);
	/* From the real time, not the turn's: a long callback must not shorten a delay. */
	if (__builtin_add_overflow(clock_ms(), delay_ms, &timer->due_ms))
		timer->due_ms = UINT64_MAX;
	timer->order = l->order++;
	heap_add(l, timer);
}

void loop_disarm(struct loop_source *timer)
{
	heap_remove(timer->loop, timer);
}

struct loop_source *loop_add_task(struct loop *l, loop_on_timer *cb, void *ctx)
{
	struct loop_source *s = source_new(l, SOURCE_TASK, -1, ctx);

	s->on_timer = cb;
	return s;
}

void loop_post(struct loop_source *task)
{
	if (!task->removed && list_empty(&task->post))
		list_add_tail(&task->loop->posted, &task->post);
}

uint64_t loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

/* --- turns --- */

/* Sets the timerfd to the next timer, if that has changed. */
static int set_clock(struct loop *l, struct dv_err *e)
{
	uint64_t due = l->n_heap ? DV_MAX(l->heap[0]->due_ms, (uint64_t)1) : 0;
	struct itimerspec its = { 0 };

	if (due == l->set_ms)
		return 0;
	its.it_value.tv_sec = (time_t)DV_MIN(due / 1000, (uint64_t)INT64_MAX / 1000000000);
	its.it_value.tv_nsec = (long)(due % 1000) * 1000000;
	if (timerfd_settime(l->clock->fd, TFD_TIMER_ABSTIME, &its, NULL) < 0)
		return dv_fail_errno(e, errno, "set the timer of the event loop");
	l->set_ms = due;
	return 0;
}

/* Timers due now. One armed in a callback waits for the next turn, even with no delay: others get a chance. */
static void run_timers(struct loop *l)
{
	uint64_t order_end = l->order;

	while (!l->stopped && l->n_heap && l->heap[0]->due_ms <= l->now_ms && l->heap[0]->order < order_end) {
		struct loop_source *s = l->heap[0];

		heap_remove(l, s);
		s->on_timer(s->ctx);
	}
}

/* Tasks posted up to now; one that posts itself again waits for the next turn. */
static void run_tasks(struct loop *l)
{
	struct list now;

	if (list_empty(&l->posted))
		return;
	list_insert_(l->posted.prev, &now);
	list_remove(&l->posted);
	while (!list_empty(&now) && !l->stopped) {
		struct loop_source *s = container_of(now.next, struct loop_source, post);

		list_remove(&s->post);
		s->on_timer(s->ctx);
	}
	/* stopped: the rest is still posted for a next run */
	while (!list_empty(&now)) {
		struct list *last = now.prev;

		list_remove(last);
		list_add_head(&l->posted, last);
	}
}

static void run_signals(struct loop_source *s)
{
	struct signalfd_siginfo si[SIGNALS_MAX];
	ssize_t n = read(s->fd, si, sizeof si);

	for (ssize_t i = 0; n > 0 && i < n / (ssize_t)sizeof *si && !s->removed; i++)
		s->on_signal(s->ctx, (int)si[i].ssi_signo);
}

static void dispatch(struct loop_source *s, uint32_t events)
{
	uint64_t ticks;

	if (s->removed)
		return;
	switch (s->kind) {
	case SOURCE_FD:
		s->on_fd(s->ctx, s->fd, events);
		break;
	case SOURCE_PIDFD:
		/* Once: a process that nobody reaps would be reported for ever. */
		(void)epoll_ctl(s->loop->epfd, EPOLL_CTL_DEL, s->fd, NULL);
		s->on_exit(s->ctx, s->fd);
		break;
	case SOURCE_SIGNALS:
		run_signals(s);
		break;
	case SOURCE_CLOCK:
		s->loop->set_ms = 0;
		if (read(s->fd, &ticks, sizeof ticks) < 0)
			break;     /* it was set anew meanwhile */
		break;
	case SOURCE_TIMER:
	case SOURCE_TASK:
		break;
	}
}

int loop_run(struct loop *l, struct dv_err *e)
{
	struct epoll_event events[EVENTS_MAX];

	l->stopped = false;
	while (!l->stopped) {
		int r = set_clock(l, e), n;

		if (r < 0)
			return r;
		n = epoll_wait(l->epfd, events, EVENTS_MAX, list_empty(&l->posted) ? -1 : 0);
		if (n < 0 && errno != EINTR)
			return dv_fail_errno(e, errno, "wait for events");
		l->now_ms = clock_ms();
		/* stop() ends the turn: the rest is still there for a next run, as epoll is level-triggered */
		for (int i = 0; i < n && !l->stopped; i++)
			dispatch(events[i].data.ptr, events[i].events);
		run_timers(l);
		run_tasks(l);
		free_removed(l);
	}
	return l->code;
}

void loop_stop(struct loop *l, int code)
{
	l->stopped = true;
	l->code = code;
}
