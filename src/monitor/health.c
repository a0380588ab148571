/* health.c - health checks: one process at a time in the container, its verdict, the last five results.
 *
 * As docker has it: failures in the start period do not count until one check has succeeded; so many in a row make the
 * container unhealthy. The results are in the file "health" of the run directory, as `inspect` shows them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/deadline.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "monitor/inner.h"
#include "oci/seccomp_default.h"

#define RESULTS 5
#define OUTPUT_BYTES 4096

struct result {
	int64_t began_ns, ended_ns;
	int code;
	char output[OUTPUT_BYTES];
	size_t len;
};

struct health {
	struct monitor *m;
	struct loop_source *timer, *limit, *child, *output;
	struct container_started check;
	int out_fd;
	bool timed_out, ever_good;
	int64_t began_ms;
	struct result now, last[RESULTS];
	size_t n;
	struct client *asks;
};

static const char *const status_names[] = { "none", "starting", "healthy", "unhealthy" };

static int64_t clock_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void schedule(struct health *h);

/* --- what is told --- */

static struct json *result_json(struct arena *a, const struct result *r)
{
	char began[40], ended[40];

	outlog_time(r->began_ns, began);
	outlog_time(r->ended_ns, ended);
	return json_obj(a, "Start", json_new_str(a, began), "End", json_new_str(a, ended), "ExitCode",
			json_new_i64(a, r->code), "Output", json_new_strn(a, r->output, r->len), NULL);
}

static void publish(struct health *h)
{
	auto_arena struct arena a = { 0 };
	struct json *list;
	const char *text;

	arena_init(&a, 0);
	list = json_new_array(&a);
	for (size_t i = 0; i < h->n; i++)
		json_append(&a, list, result_json(&a, &h->last[i]));
	text = json_text(&a, json_obj(&a, "Status", json_new_str(&a, status_names[h->m->rec.health]), "FailingStreak",
				      json_new_i64(&a, h->m->rec.failing), "Log", list, NULL), JSON_COMPACT);
	dv_ignore(file_replace(h->m->run, "health", 0600, text, strlen(text), false, NULL));
	life_write(h->m);
}

static void answer(struct health *h)
{
	struct msg m = { .type = MSG_HEALTH_RESULT, .flags = h->m->rec.health, .a = h->now.code, .body = h->now.output,
			 .len = h->now.len };

	if (h->asks)
		dv_ignore(msg_send(h->asks->sock, &m, NULL));
	h->asks = NULL;
}

/* --- the verdict --- */

static void act(struct health *h)
{
	const char *what = h->m->job.health ? ((const struct job_health *)h->m->job.health)->on_failure : NULL;

	if (!what || streq(what, "none"))
		return;
	if (streq(what, "stop")) {
		life_user_stop(h->m);
		box_stop(h->m);
	} else if (streq(what, "kill")) {
		box_signal(h->m, SIGKILL);
	} else if (streq(what, "restart")) {
		h->m->restart_wanted = true;
		box_stop(h->m);
	}
}

static void judge(struct health *h)
{
	const struct job_health *c = h->m->job.health;
	struct record *rec = &h->m->rec;
	bool starting = !h->ever_good && c->start_period_ms.set && deadline_now_ms() - h->began_ms < c->start_period_ms.v;

	if (h->now.code == 0) {
		h->ever_good = true;
		rec->failing = 0;
		rec->health = HEALTH_HEALTHY;
		return;
	}
	if (starting)
		return;
	rec->failing++;
	if ((int64_t)rec->failing < c->retries.v || rec->health == HEALTH_UNHEALTHY)
		return;
	rec->health = HEALTH_UNHEALTHY;
	act(h);
}

static void keep(struct health *h)
{
	if (h->n == RESULTS)
		memmove(&h->last[0], &h->last[1], (RESULTS - 1) * sizeof h->last[0]);
	else
		h->n++;
	h->last[h->n - 1] = h->now;
}

static void finished(struct health *h, int code)
{
	h->now.ended_ns = clock_ns();
	h->now.code = code;
	enum health_status was = h->m->rec.health;
	char action[40];

	keep(h);
	judge(h);
	publish(h);
	if (h->m->rec.health != was) {
		(void)snprintf(action, sizeof action, "health_status: %s", status_names[h->m->rec.health]);
		tell_event(h->m, action, NULL, NULL);
	}
	answer(h);
	schedule(h);
}

/* --- one check --- */

static void read_output(struct health *h)
{
	char rest[OUTPUT_BYTES];
	ssize_t n;

	do {
		size_t room = sizeof h->now.output - h->now.len;

		n = read(h->out_fd, room ? h->now.output + h->now.len : rest, room ? room : sizeof rest);
		if (n > 0 && room)
			h->now.len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n == 0)
		loop_remove(take_ptr(&h->output));
}

static void on_output(void *ctx, int fd, uint32_t events)
{
	read_output(ctx);
}

static void close_check(struct health *h)
{
	loop_remove(take_ptr(&h->output));
	loop_remove(take_ptr(&h->child));
	if (h->limit)
		loop_disarm(h->limit);
	fd_close(&h->out_fd);
	fd_close(&h->check.pidfd);
}

static void on_child(void *ctx, int pidfd)
{
	struct health *h = ctx;
	struct dv_err why = DV_ERR_NONE;
	int status = 0, code = 255;

	if (proc_wait_pidfd(pidfd, 0, &status, &why) >= 0)
		code = proc_exit_code(status);
	if (h->out_fd >= 0)
		read_output(h);
	close_check(h);
	if (h->timed_out) {
		const struct job_health *c = h->m->job.health;

		code = -1;
		h->now.len = (size_t)snprintf(h->now.output, sizeof h->now.output, "Health check exceeded timeout (%lldms)",
					      (long long)c->timeout_ms.v);
	}
	finished(h, code);
}

static void on_limit(void *ctx)
{
	struct health *h = ctx;

	h->timed_out = true;
	dv_ignore(proc_signal(h->check.pidfd, SIGKILL, NULL));
}

/* As the container's own process, but for the program. */
static int make_process(struct health *h, struct arena *a, struct json **ret, struct dv_err *e)
{
	const struct job_health *c = h->m->job.health;
	auto_container struct container box = CONTAINER_NONE;
	struct json *p;
	int r = container_open(a, h->m->job.oci_root, h->m->job.id, false, &box, e);

	if (r < 0)
		return r;
	p = json_copy(a, json_get(box.state.config, "process"));
	json_set(a, p, "args", json_new_strs(a, c->test));
	json_set(a, p, "terminal", json_new_bool(a, false));
	*ret = p;
	return 0;
}

/* The check's output is what our descriptors 1 and 2 are while it is made. */
static int with_output(struct health *h, struct arena *a, int out, struct dv_err *e)
{
	const struct job *j = &h->m->job;
	struct container_exec_opts o = { .root = j->oci_root, .id = j->id, .console_fd = -1, .detached = true };
	struct json *process = NULL;
	auto_close int saved1 = -1, saved2 = -1;
	struct seccomp_filter filter;
	int r;

	if ((r = make_process(h, a, &process, e)) < 0)
		return r;
	o.process = process;
	if (j->seccomp && streq(j->seccomp, "default")) {
		if ((r = seccomp_default_compile(a, j->caps.set ? j->caps.v : 0, &filter, e)) < 0)
			return r;
		o.filter = &filter;
	}
	if ((r = fd_dup(1, &saved1, e)) < 0 || (r = fd_dup(2, &saved2, e)) < 0)
		return r;
	/* allow(fd): what the new process inherits */
	(void)dup2(out, 1);
	(void)dup2(out, 2);
	box_oom_score(h->m, false);
	r = container_exec(a, &o, &h->check, e);
	box_oom_score(h->m, true);
	(void)dup2(saved1, 1);
	(void)dup2(saved2, 2);
	return r;
}

static int begin_check(struct health *h, struct dv_err *e)
{
	const struct job_health *c = h->m->job.health;
	auto_arena struct arena a = { 0 };
	int fds[2], r;

	arena_init(&a, 0);
	if ((r = fd_pipe(fds, e)) < 0)
		return r;
	h->check = (struct container_started){ .pidfd = -1, .notify_fd = -1, .console_fd = -1 };
	r = with_output(h, &a, fds[1], e);
	fd_close(&fds[1]);
	h->out_fd = fds[0];
	if (r < 0 || (r = fd_set_nonblock(h->out_fd, true, e)) < 0 ||
	    (r = loop_add_fd(h->m->loop, h->out_fd, EPOLLIN, on_output, h, &h->output, e)) < 0 ||
	    (r = loop_add_pidfd(h->m->loop, h->check.pidfd, on_child, h, &h->child, e)) < 0)
		return r;
	if (c->timeout_ms.v > 0)
		loop_arm(h->limit, (uint64_t)c->timeout_ms.v);
	return 0;
}

static void check(void *ctx)
{
	struct health *h = ctx;
	struct dv_err why = DV_ERR_NONE;

	if (h->child)
		return;
	loop_disarm(h->timer);
	h->timed_out = false;
	h->now.len = 0;
	h->now.began_ns = clock_ns();
	if (begin_check(h, &why) >= 0)
		return;
	if (h->check.pidfd >= 0)
		dv_ignore(proc_signal(h->check.pidfd, SIGKILL, NULL));
	close_check(h);
	h->now.len = DV_MIN(strlen(why.msg), sizeof h->now.output);
	memcpy(h->now.output, why.msg, h->now.len);
	finished(h, -1);
}

static void schedule(struct health *h)
{
	const struct job_health *c = h->m->job.health;
	bool starting = !h->ever_good && c->start_period_ms.set && deadline_now_ms() - h->began_ms < c->start_period_ms.v;

	if (!h->m->lives)
		return;
	loop_arm(h->timer, (uint64_t)(starting && c->start_interval_ms.set && c->start_interval_ms.v > 0 ? c->start_interval_ms.v :
												    c->interval_ms.v));
}

/* --- public --- */

int health_begin(struct monitor *m, struct dv_err *e)
{
	struct health *h;

	if (!m->job.health)
		return 0;
	if (!m->health) {
		h = m->health = mem_new(struct health);
		h->m = m;
		h->out_fd = -1;
		h->check.pidfd = -1;
		h->timer = loop_add_timer(m->loop, check, h);
		h->limit = loop_add_timer(m->loop, on_limit, h);
	}
	h = m->health;
	h->began_ms = deadline_now_ms();
	h->ever_good = false;
	m->rec.health = HEALTH_STARTING;
	m->rec.failing = 0;
	publish(h);
	schedule(h);
	return 0;
}

void health_end(struct monitor *m)
{
	struct health *h = m->health;

	if (!h)
		return;
	loop_disarm(h->timer);
	if (h->check.pidfd >= 0) {
		int status;

		/* It died with its container, or is about to. */
		dv_ignore(proc_signal(h->check.pidfd, SIGKILL, NULL));
		dv_ignore(proc_wait_pidfd(h->check.pidfd, 1000, &status, NULL));
	}
	close_check(h);
	h->asks = NULL;
}

bool health_ask(struct monitor *m, struct client *c)
{
	struct health *h = m->health;

	if (!h || !m->lives)
		return false;
	h->asks = c;
	check(h);
	return true;
}

void health_forget(struct monitor *m, const struct client *c)
{
	if (m->health && m->health->asks == c)
		m->health->asks = NULL;
}
