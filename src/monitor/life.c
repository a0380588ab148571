/* life.c - from the job to the end: started, run, ended, started again or put away.
 *
 * Ending takes as long as clients that hold the container back take to read: each step that had to wait comes back to
 * life_progress().
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/deadline.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "monitor/inner.h"

#define REAP_MS 3000            /* for the parent of a container that we adopted */
#define TRIM_MS 2000            /* after so long a life memory matters more than the speed of the end */

static int64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void life_write(struct monitor *m)
{
	m->rec.restarts = m->backoff.restarts;
	m->rec.dropped = outlog_dropped(m->log);
	dv_ignore(record_write(m->live_fd, &m->rec, false, NULL));
}

/* --- how it ended --- */

/* 1 with the exit status; 0: not known yet, since whoever it belongs to has not reaped it; -1: nobody can tell. One that
 * we adopted is not our child. */
static int code_of_end(struct monitor *m, int *ret_code)
{
	struct dv_err why = DV_ERR_NONE;
	int status, r;

	if (!m->job.adopt) {
		if (proc_wait_pidfd(m->started.pidfd, 0, &status, &why) < 0)
			return -1;
		*ret_code = proc_exit_code(status);
		return 1;
	}
	r = proc_info_pidfd(m->started.pidfd, &status);
	if (r > 0)
		*ret_code = proc_exit_code(status);
	return r;
}

/* --- the end --- */

static void start_again(void *ctx);

static void remove_runtime(struct monitor *m)
{
	static const char *const names[] = { "0", "1", "2", "attach", "health", JOB_LEAVES };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		(void)unlinkat(m->run, names[i], 0);
}

/* All but the row, which whoever sees it next drops. A creator that waits takes the container's own directory away
 * itself, while we do the rest. */
static void remove_all(struct monitor *m)
{
	remove_runtime(m);
	if (m->creator)
		return;
	dv_ignore(file_remove_tree(m->fds[JOB_ROOT_TOP], m->job.id, NULL));
	dv_ignore(file_remove_tree(m->fds[JOB_RUN_TOP], m->job.id, NULL));
}

/* Somebody with the database and the image has to do it: the engine's own command line. */
static void start_command(const char *const *argv)
{
	const struct proc_spawn s = { .path = argv ? argv[0] : "", .argv = (char *const *)argv, .own_session = true };
	pid_t pid;

	if (argv)
		dv_ignore(proc_spawn(&s, &pid, NULL, NULL));
}

static void put_away(struct monitor *m)
{
	if (m->job.rm)
		remove_all(m);
	else
		remove_runtime(m);
	/* Who waits for the connection to close finds nobody alive then. */
	fd_close(&m->live_fd);
	start_command(m->job.after);
	clients_close(m);
	loop_stop(m->loop, 0);
}

/* The last word comes before anything is removed; a --rm container is not asked for it after a crash. Who reads it may
 * have the container's ports. */
static void write_end(struct monitor *m)
{
	network_leave(m);
	m->rec.state = RECORD_ENDED;
	if (!m->job.rm)
		dv_ignore(record_write(m->exit_fd, &m->rec, true, NULL));
	life_write(m);
}

static bool can_start_again(const struct monitor *m)
{
	return m->fds[JOB_ROOT_MOUNT] >= 0;
}

static void decide(struct monitor *m)
{
	uint64_t delay_ms = 0, lived_ms = (uint64_t)(deadline_now_ms() - m->began_ms);
	bool again = policy_again(&m->policy, &m->backoff, m->rec.code, lived_ms, m->rec.user_stopped, &delay_ms);

	if (m->restart_wanted && !again && !m->rec.user_stopped) {
		again = true;
		m->backoff.restarts++;
	}
	m->restart_wanted = false;
	m->rec.init = (struct proc_id){ 0 };
	tell_end(m);
	if (again) {
		m->rec.state = RECORD_WAITING;
		life_write(m);
	} else {
		write_end(m);
	}
	m->news = (struct msg){ .type = MSG_EXITED, .a = m->rec.code,
				.flags = (m->rec.oom ? EXITED_OOM : 0) | (again ? EXITED_AGAIN : 0) };
	clients_tell(m);
	box_delete(m);
	if (m->rec.state == RECORD_WAITING) {
		loop_arm(m->restart_timer, delay_ms);
		return;
	}
	m->stopping = true;
	life_progress(m);
}

/* Called when the process has ended, and again whenever a client has taken what it had to. */
void life_progress(struct monitor *m)
{
	if (m->reaped) {
		if (!stdio_drain(m))
			return;
		m->reaped = false;
		stdio_end(m);
		outlog_end(m->log);
		decide(m);
		return;
	}
	if (m->stopping && !m->n_pending)
		put_away(m);
}

static void ended(struct monitor *m, int code)
{
	loop_remove(take_ptr(&m->child));
	loop_disarm(m->reap_timer);
	m->reaped = true;
	m->rec.code = code;
	m->rec.finished_ns = now_ns();
	/* What ended well is not called a victim, whatever became of its children. */
	m->rec.oom = m->rec.code != 0 && box_oom_killed(m);
	life_progress(m);
}

static void on_reap_late(void *ctx)
{
	ended(ctx, -1);
}

/* The pidfd of a process that is gone for good hangs up. */
static void on_reaped(void *ctx, int fd, uint32_t events)
{
	struct monitor *m = ctx;
	int code = -1;

	ended(m, code_of_end(m, &code) == 1 ? code : -1);
}

static void on_end(void *ctx, int pidfd)
{
	struct monitor *m = ctx;
	int code = -1, r;

	loop_remove(take_ptr(&m->child));
	loop_disarm(m->trim_timer);
	if (m->kill_timer)
		loop_disarm(m->kill_timer);
	if (m->life_timer)
		loop_disarm(m->life_timer);
	health_end(m);
	m->lives = false;
	r = code_of_end(m, &code);
	if (r == 0 && loop_add_fd(m->loop, pidfd, 0, on_reaped, m, &m->child, NULL) >= 0) {
		loop_arm(m->reap_timer, REAP_MS);
		return;
	}
	ended(m, r == 1 ? code : -1);
}

/* --- the beginning --- */

static void on_trim(void *ctx)
{
	box_trim(ctx);
}

static void on_life_over(void *ctx)
{
	box_signal(ctx, SIGKILL);
}

static int running(struct monitor *m, struct dv_err *e)
{
	int r;

	if ((r = stdio_begin(m, e)) < 0 || (r = loop_add_pidfd(m->loop, m->started.pidfd, on_end, m, &m->child, e)) < 0)
		return r;
	m->lives = true;
	m->rec.state = RECORD_RUNNING;
	m->rec.code = -1;
	m->rec.oom = false;
	m->rec.started_ns = m->job.adopt && m->job.started_ns.set ? m->job.started_ns.v : now_ns();
	if (m->job.timeout_ms.set && m->job.timeout_ms.v > 0) {
		if (!m->life_timer)
			m->life_timer = loop_add_timer(m->loop, on_life_over, m);
		loop_arm(m->life_timer, (uint64_t)m->job.timeout_ms.v);
	}
	if ((r = health_begin(m, e)) < 0)
		return r;
	loop_arm(m->trim_timer, TRIM_MS);
	life_write(m);
	return 0;
}

static int start(struct monitor *m, bool *ret_no_program, struct dv_err *e)
{
	int r = stdio_make(m, true, e);

	if (r < 0 || (r = box_start(m, ret_no_program, e)) < 0)
		return r;
	if ((r = running(m, e)) < 0) {
		dv_ignore(proc_signal(m->started.pidfd, SIGKILL, NULL));
		box_delete(m);
	}
	return r;
}

static void start_again(void *ctx)
{
	struct monitor *m = ctx;
	bool no_program = false;
	struct dv_err why = DV_ERR_NONE;
	int r;

	/* Adopted, or on a kernel that does not copy detached mounts: it has no root to start from. */
	if (!can_start_again(m)) {
		write_end(m);
		start_command(m->job.again);
		m->stopping = true;
		life_progress(m);
		return;
	}
	r = job_read(&m->box_arena, m->fds[JOB_TEXT], NULL, &m->config, &why);

	if (r >= 0)
		r = start(m, &no_program, &why);
	box_oom_score(m, true);
	if (r >= 0) {
		tell_event(m, "start", NULL, NULL);
		return;
	}
	/* It counts as an end like any other. */
	stdio_end(m);
	m->rec.code = no_program ? (r == -DV_NOT_FOUND ? 127 : 126) : 125;
	m->rec.finished_ns = now_ns();
	m->began_ms = deadline_now_ms();
	decide(m);
}

int life_begin(struct monitor *m, struct dv_err *e)
{
	bool no_program = false;
	struct proc_id started;
	int r;

	m->restart_timer = loop_add_timer(m->loop, start_again, m);
	m->trim_timer = loop_add_timer(m->loop, on_trim, m);
	m->reap_timer = loop_add_timer(m->loop, on_reap_late, m);
	if (m->job.adopt) {
		if ((r = box_adopt(m, e)) < 0 || (!m->tty && (r = stdio_make(m, false, e)) < 0) || (r = running(m, e)) < 0)
			return r;
	} else if ((r = start(m, &no_program, e)) < 0) {
		m->status = no_program ? (r == -DV_NOT_FOUND ? 127 : 126) : 125;
		return r;
	}
	/* Before anybody can be told that it ended, and before the creator goes on. */
	if (m->job.is_new)
		tell_event(m, "create", NULL, NULL);
	if (!m->job.adopt)
		tell_event(m, "start", NULL, NULL);
	started = m->rec.init;
	if (m->creator)
		dv_ignore(msg_send(m->creator->sock, &(struct msg){ .type = MSG_STARTED, .a = started.pid,
								     .b = (int64_t)started.start_ticks }, NULL));
	fd_close(&m->fds[JOB_LOCK]);
	box_oom_score(m, true);
	return 0;
}

/* --- what users want --- */

void life_user_stop(struct monitor *m)
{
	m->rec.user_stopped = true;
	life_write(m);
	if (m->rec.state != RECORD_WAITING)
		return;
	/* Between two lives: this was the last one. */
	loop_disarm(m->restart_timer);
	write_end(m);
	m->stopping = true;
	loop_post(m->finish_task);
}

int life_set_policy(struct monitor *m, const char *text, size_t len, struct dv_err *e)
{
	auto_free char *word = mem_printf("%.*s", (int)len, text);

	return policy_parse(word, &m->policy, e);
}
