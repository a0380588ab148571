/* main.c - a monitor takes its job, starts its container, and serves it to the end. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/compat.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "monitor/inner.h"
#include "monitor/monitor.h"

/* Not ignored: that would be inherited by the container. */
static void nothing(int sig)
{
}

static void survive_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM };
	struct sigaction act = { .sa_handler = nothing, .sa_flags = SA_RESTART };

	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		(void)sigaction(signals[i], &act, NULL);
}

static int own_oom_score(void)
{
	char text[16] = "";
	int value = 0, sign = 1;
	const char *p = text;

	if (file_read_kernel(AT_FDCWD, "/proc/self/oom_score_adj", text, sizeof text, NULL) < 0)
		return 0;
	if (*p == '-') {
		sign = -1;
		p++;
	}
	while (*p >= '0' && *p <= '9')
		value = value * 10 + (*p++ - '0');
	return sign * value;
}

static int open_dirs(struct monitor *m, struct dv_err *e)
{
	int r;

	if (m->fds[JOB_LOCK] < 0 || m->fds[JOB_RUN_TOP] < 0 || m->fds[JOB_ROOT_TOP] < 0)
		return dv_fail(e, DV_INVALID, "monitor: the job has not all descriptors");
	if ((r = file_open(m->fds[JOB_RUN_TOP], m->job.id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &m->run, e)) < 0)
		return r;
	return file_open(m->fds[JOB_ROOT_TOP], m->job.id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &m->dir, e);
}

/* Order: the socket is there before the lock says that somebody listens. */
static int open_files(struct monitor *m, struct dv_err *e)
{
	int r;

	if ((r = clients_listen(m, e)) < 0 || (r = record_make(m->run, RECORD_LIVE, true, &m->live_fd, e)) < 0 ||
	    (!m->job.rm && (r = record_make(m->dir, RECORD_EXIT, false, &m->exit_fd, e)) < 0))
		return r;
	return outlog_new(&m->job, m->dir, &m->log, e);
}

static void on_finish(void *ctx)
{
	life_progress(ctx);
}

static int set_up(struct monitor *m, struct dv_err *e)
{
	int r;

	if ((r = job_read(&m->arena, m->fds[JOB_TEXT], &m->job, NULL, e)) < 0 ||
	    (!m->job.adopt && (r = job_read(&m->box_arena, m->fds[JOB_TEXT], NULL, &m->config, e)) < 0) ||
	    (r = policy_parse(m->job.restart, &m->policy, e)) < 0 || (r = open_dirs(m, e)) < 0)
		return r;
	m->tty = m->job.tty;
	if (m->creator && m->job.attach.set)
		m->creator->attached = (uint32_t)m->job.attach.v;
	policy_resume(&m->backoff, m->job.restarts.set ? (unsigned)m->job.restarts.v : 0);
	m->rec = (struct record){ .state = RECORD_STARTING, .code = -1, .restarts = m->backoff.restarts,
				  .user_stopped = m->job.user_stopped };
	(void)snprintf(m->rec.boot, sizeof m->rec.boot, "%s", m->job.boot);
	if ((r = proc_identify(getpid(), &m->rec.monitor, e)) < 0 || (r = open_files(m, e)) < 0)
		return r;
	life_write(m);
	return 0;
}

static int take_job(struct monitor *m, int sock, struct dv_err *e)
{
	int r = msg_recv_job(sock, m->fds, e);

	if (r < 0)
		return r;
	return clients_add(m, sock, &m->creator, e);
}

/* Nothing came of it: as little is left as there was before. */
static void give_up(struct monitor *m, const struct dv_err *why)
{
	static const char *const names[] = { "0", "1", "2", "attach" };

	for (size_t i = 0; m->run >= 0 && i < ARRAY_LEN(names); i++)
		(void)unlinkat(m->run, names[i], 0);
	if (m->live_fd >= 0)
		(void)unlinkat(m->run, RECORD_LIVE, 0);
	if (m->creator)
		dv_ignore(msg_send_failed(m->creator->sock, m->status ? m->status : 125, why, NULL));
}

static void done(struct monitor *m)
{
	clients_close(m);
	stdio_end(m);
	outlog_free(m->log);
	loop_free(m->loop);
	for (int i = 0; i < JOB_FDS; i++)
		fd_close(&m->fds[i]);
	fd_close(&m->run);
	fd_close(&m->dir);
	fd_close(&m->exit_fd);
	fd_close(&m->live_fd);
	fd_close(&m->started.pidfd);
	box_trim(m);
	arena_done(&m->arena);
}

/* Our standard error is that of the command line, which must not be held open by us after it has gone. */
static void quiet(int log)
{
	int null = -1;

	if (log >= 0 && file_open(AT_FDCWD, "/dev/null", O_WRONLY, 0, &null, NULL) >= 0) {
		dv_ignore(dup3(null, log, O_CLOEXEC));       /* allow(fd): in place of what the log has */
		fd_close(&null);
	}
}

int monitor_main(int sock)
{
	static struct monitor m = { .fds = { -1, -1, -1, -1, -1, -1, -1 }, .run = -1, .dir = -1, .live_fd = -1, .exit_fd = -1,
				    .out = { { .fd = -1 }, { .fd = -1 } }, .in = { .fd = -1 }, .listen_fd = -1,
				    .started = { .pidfd = -1, .notify_fd = -1, .console_fd = -1 }, .box = { .root_fd = -1, .dir_fd = -1 } };
	struct dv_err e = DV_ERR_NONE;
	int log = -1, r;

	survive_signals();
	/* What a shell had open for its own purposes, a lock for one, is not to be held by us. */
	(void)close_range((unsigned)sock + 1, ~0u, 0);
	list_init(&m.clients);
	arena_init(&m.arena, 0);
	arena_init(&m.box_arena, 0);
	m.oom_score = own_oom_score();
	if (fd_dup(2, &log, NULL) >= 0)
		log_setup(log, LOG_PLAIN, LOG_WARN);
	if ((r = loop_new(&m.loop, &e)) < 0)
		return 1;
	m.finish_task = loop_add_task(m.loop, on_finish, &m);
	if ((r = take_job(&m, sock, &e)) >= 0 && (r = set_up(&m, &e)) >= 0)
		r = life_begin(&m, &e);
	if (r < 0)
		give_up(&m, &e);
	quiet(log);
	if (r >= 0)
		r = loop_run(m.loop, &e);
	done(&m);
	return r < 0;
}
