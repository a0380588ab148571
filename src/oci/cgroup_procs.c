/* cgroup_procs.c - the processes of a container's cgroup: list, freeze, signal. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/str.h"
#include "oci/cgroup_priv.h"

#define FREEZE_MS 10000
#define KILL_PASSES 64          /* without a freezer: new children of a fork bomb are met on the next pass */

/* --- list --- */

struct pid_list {
	struct arena *a;
	pid_t *p;
	size_t n, cap;
};

static int list_add(struct pid_list *l, pid_t pid, struct dv_err *e)
{
	if (l->n == CGROUP_PIDS_MAX)
		return dv_fail(e, DV_LIMIT, "cgroup: more than %d processes", CGROUP_PIDS_MAX);
	if (l->n == l->cap) {
		pid_t *more = arena_array(l->a, pid_t, l->cap ? 2 * l->cap : 64);

		if (l->n)
			memcpy(more, l->p, l->n * sizeof *more);
		l->p = more;
		l->cap = l->cap ? 2 * l->cap : 64;
	}
	l->p[l->n++] = pid;
	return 0;
}

static int list_dir(void *ctx, int parent_fd, const char *name, int fd, struct dv_err *e)
{
	auto_buf struct buf text = BUF_INIT(CG_TEXT_MAX);
	struct dv_err why;
	struct scan s;
	uint64_t pid;
	int r = cg_read(fd, "cgroup.procs", &text, &why);

	/* A threaded cgroup lists threads only; a signal to one of them reaches its process. */
	if (r < 0 && why.sys == EOPNOTSUPP)
		r = cg_read(fd, "cgroup.threads", &text, &why);
	/* Gone meanwhile. */
	if (r < 0 && (why.sys == ENOENT || why.sys == ENODEV || why.sys == EOPNOTSUPP))
		return 0;
	if (r < 0) {
		if (e)
			*e = why;
		return r;
	}
	s = scan_of(text.p, text.len);
	while (r == 0 && scan_u64(&s, &pid)) {
		r = list_add(ctx, (pid_t)pid, e);
		(void)scan_char(&s, '\n');
	}
	return r;
}

static int by_number(const void *x, const void *y)
{
	pid_t a = *(const pid_t *)x, b = *(const pid_t *)y;

	return (a > b) - (a < b);
}

int cgroup_pids(struct cgroup *cg, struct arena *a, pid_t **ret, size_t *ret_n, struct dv_err *e)
{
	struct pid_list l = { .a = a };
	struct hier *h = cg_any(cg);
	int r = 0;

	if (h) {
		r = cg_walk(h->fd, CGROUP_DEPTH_MAX, list_dir, &l, e);
		if (r == 0)
			r = list_dir(&l, -1, "", h->fd, e);
		if (r < 0)
			return r;
	}
	if (l.n)
		qsort(l.p, l.n, sizeof *l.p, by_number);
	*ret = l.p;
	*ret_n = l.n;
	return 0;
}

/* --- freezer --- */

static int freezer(struct cgroup *cg, struct hier **ret, struct dv_err *e)
{
	struct hier *h = cg_find(cg, "freezer");

	if (!h || h->lost)
		h = cg_find(cg, "");
	if (!h || h->lost)
		return dv_fail(e, DV_UNSUPPORTED, "cgroup: the container has no freezer");
	int r = cg_open_dir(h, e);
	if (r == 0)
		*ret = h;
	return r;
}

static int wait_frozen_v2(struct hier *h, struct dv_err *e)
{
	auto_close int events = openat(h->fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	int64_t deadline = cg_now_ms() + FREEZE_MS;
	uint64_t frozen = 0;

	if (events < 0)
		return dv_fail_errno(e, errno, "cgroup: open cgroup.events");
	for (;;) {
		char text[256];
		ssize_t n = pread(events, text, sizeof text - 1, 0);

		if (n < 0)
			return dv_fail_errno(e, errno, "cgroup: read cgroup.events");
		text[n] = '\0';
		if (cg_key_u64(text, "frozen", &frozen) && frozen)
			return 0;
		if (cg_now_ms() >= deadline)
			return dv_fail(e, DV_TIMEOUT, "cgroup: freeze %s: not frozen after %d s", h->full, FREEZE_MS / 1000);
		cg_wait(events, POLLPRI, deadline, 1000);
	}
}

static int state_v1(struct hier *h, struct buf *state, struct dv_err *e)
{
	return cg_read(h->fd, "freezer.state", state, e);
}

/* The v1 freezer has no news: a reader of freezer.state makes it look again. Tasks freeze as soon as they are
 * scheduled, so the first looks only yield. A task that forks while the others freeze can escape the first round:
 * asking again catches it. */
static int wait_frozen_v1(struct hier *h, struct dv_err *e)
{
	auto_buf struct buf state = BUF_INIT(64);
	int64_t deadline = cg_now_ms() + FREEZE_MS;

	for (unsigned i = 1;; i++) {
		int r = state_v1(h, &state, e);

		if (r < 0)
			return r;
		if (streq(buf_cstr(&state), "FROZEN"))
			return 0;
		if (cg_now_ms() >= deadline)
			return dv_fail(e, DV_TIMEOUT, "cgroup: freeze %s: still %s after %d s", h->full, buf_cstr(&state),
				       FREEZE_MS / 1000);
		if (i < 8)
			sched_yield();
		else
			cg_wait(-1, 0, deadline, 1);
		if (i % 32 == 0)
			(void)cg_try_write(h->fd, "freezer.state", i % 64 ? "FROZEN" : "THAWED");
		if (i % 64 == 0)
			(void)cg_try_write(h->fd, "freezer.state", "FROZEN");
	}
}

static int freezer_write(struct hier *h, bool frozen, struct dv_err *e)
{
	return h->v2 ? cg_write(h, "cgroup.freeze", frozen ? "1" : "0", e)
		     : cg_write(h, "freezer.state", frozen ? "FROZEN" : "THAWED", e);
}

int cgroup_freeze(struct cgroup *cg, struct dv_err *e)
{
	struct hier *h = NULL;
	int r = freezer(cg, &h, e);

	if (r == 0)
		r = freezer_write(h, true, e);
	if (r < 0)
		return r;
	r = h->v2 ? wait_frozen_v2(h, e) : wait_frozen_v1(h, e);
	if (r < 0)
		(void)!freezer_write(h, false, NULL);
	return r;
}

int cgroup_thaw(struct cgroup *cg, struct dv_err *e)
{
	struct hier *h = NULL;
	int r = freezer(cg, &h, e);

	return r < 0 ? r : freezer_write(h, false, e);
}

int cgroup_frozen(struct cgroup *cg, bool *ret, struct dv_err *e)
{
	auto_buf struct buf text = BUF_INIT(64);
	struct hier *h = NULL;
	int r = freezer(cg, &h, e);

	if (r == 0)
		r = h->v2 ? cg_read(h->fd, "cgroup.freeze", &text, e) : cg_read(h->fd, "freezer.self_freezing", &text, e);
	if (r == 0)
		*ret = streq(buf_cstr(&text), "1");
	return r;
}

/* --- kill --- */

/* Returns how many processes there were. */
static int signal_each(struct cgroup *cg, int sig, struct dv_err *e)
{
	auto_arena struct arena a;
	pid_t *pids;
	size_t n;
	int r;

	arena_init(&a, 0);
	r = cgroup_pids(cg, &a, &pids, &n, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (kill(pids[i], sig) < 0 && errno != ESRCH)
			return dv_fail_errno(e, errno, "cgroup: signal %d to process %d", sig, (int)pids[i]);
	return (int)n;
}

/* Frozen processes cannot fork, and their numbers cannot be given to others. */
static int kill_frozen(struct cgroup *cg, int sig, struct dv_err *e)
{
	bool before = false;
	int r = cgroup_frozen(cg, &before, e), q = 0;

	if (r == 0 && !before)
		r = cgroup_freeze(cg, e);
	if (r < 0)
		return r;
	r = signal_each(cg, sig, e);
	/* A paused container stays paused, but a v1 freezer also holds back SIGKILL. */
	if (!before || sig == SIGKILL)
		q = cgroup_thaw(cg, r < 0 ? NULL : e);
	return r < 0 ? r : q;
}

static int kill_loose(struct cgroup *cg, int sig, struct dv_err *e)
{
	int r = signal_each(cg, sig, e);

	for (int i = 1; i < KILL_PASSES && r > 0 && sig == SIGKILL; i++) {
		sched_yield();
		r = signal_each(cg, sig, e);
	}
	return r < 0 ? r : 0;
}

int cgroup_kill(struct cgroup *cg, int sig, struct dv_err *e)
{
	struct hier *v2 = cg_find(cg, ""), *h = NULL;
	bool frozen;

	if (!cg_any(cg))
		return 0;
	if (sig == SIGKILL && v2 && !v2->lost && cg_open_dir(v2, NULL) == 0 &&
	    cg_try_write(v2->fd, "cgroup.kill", "1") == 0) {
		if (v2 == cg_v2(cg))
			return 0;
		return cgroup_frozen(cg, &frozen, NULL) == 0 && frozen ? cgroup_thaw(cg, e) : 0;
	}
	return freezer(cg, &h, NULL) == 0 ? kill_frozen(cg, sig, e) : kill_loose(cg, sig, e);
}
