/* control.c - signals, stop, pause, wait and rename. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "base/deadline.h"
#include "base/fd.h"
#include "base/proc.h"
#include "base/str.h"
#include "engine/control.h"
#include "engine/events.h"
#include "engine/life.h"
#include "engine/network.h"
#include "engine/monitors.h"

#define SIGNALLED (-1)          /* in place of a signal: it was sent already */

/* --- open --- */

int control_not_running(const struct ctr *c, struct dv_err *e)
{
	return dv_fail(e, DV_CONFLICT, "Container %s is not running", c->id);
}

/* 1 when it turned out to be gone. */
static int find(struct engine *g, struct arena *a, const char *ref, struct ctr **ret, struct dv_err *e)
{
	int r = ctr_find(g, a, ref, ret, e);

	return r < 0 ? r : life_settle(g, a, *ret, e);
}

int control_open(struct engine *g, struct arena *a, const char *ref, bool lock, struct ctr **ret,
		 struct container *ret_box, struct dv_err *e)
{
	struct ctr *c = NULL;
	int r = find(g, a, ref, &c, e);

	if (r > 0)
		return dv_fail(e, DV_NOT_FOUND, "No such container: %.300s", ref);
	if (r < 0)
		return r;
	if (c->status != CTR_RUNNING || !ctr_init_alive(g, c))
		return control_not_running(c, e);
	r = container_open(a, engine_oci_root(g), c->id, lock, ret_box, e);
	if (r == -DV_NOT_FOUND)
		return control_not_running(c, e);
	if (r >= 0)
		*ret = c;
	return r;
}

/* --- kill --- */

static int stop_signal(struct arena *a, const struct ctr *c)
{
	struct json *config = NULL;
	const char *text = NULL;
	int sig = SIGTERM;

	if (json_parse(a, c->config, strlen(c->config), &config, NULL) >= 0)
		text = json_str(json_path(config, "Config.StopSignal"));
	return text && *text && proc_parse_signal(text, &sig, NULL) < 0 ? SIGTERM : sig;
}

/* No restart any more: the monitor is told, and the row for the time after a reboot. */
static int user_stops(struct engine *g, struct ctr *c, struct dv_err *e)
{
	char space[MSG_MAX];
	struct msg answer;
	int r = c->user_stopped ? 0 : ctr_set_user_stopped(g, c->id, true, e);

	/* One whose monitor is gone is settled later. */
	dv_ignore(monitor_ask(g, c->id, &(struct msg){ .type = MSG_USER_STOP }, &answer, space, NULL));
	return r < 0 ? r : 0;
}

int control_kill(struct engine *g, struct arena *a, const char *ref, const char *signal, struct dv_err *e)
{
	auto_container struct container box = CONTAINER_NONE;
	struct ctr *c = NULL;
	int sig = SIGKILL, r;

	if (signal && (r = proc_parse_signal(signal, &sig, e)) < 0)
		return r;
	r = control_open(g, a, ref, false, &c, &box, e);
	if (r >= 0 && (sig == SIGKILL || sig == stop_signal(a, c)))
		r = user_stops(g, c, e);
	if (r >= 0)
		r = container_kill(&box, sig, false, e);
	if (r == -DV_CONFLICT)
		return dv_fail(e, DV_CONFLICT, "Cannot kill container: %.300s: Container %s is not running", ref, c ? c->id : ref);
	if (r >= 0)
		event_ctr(g, c, "kill", "signal", arena_printf(a, "%d", sig));
	return r;
}

/* --- the end --- */

/* Until the process is gone: 0; TIMEOUT. */
static int wait_gone(const struct proc_id *id, int timeout_ms, struct dv_err *e)
{
	struct pollfd p = { .events = POLLIN };
	struct dv_err gone = DV_ERR_NONE;
	auto_close int pidfd = -1;
	int r = 0;

	if (!id->pid || proc_open(id->pid, &pidfd, &gone) < 0 || !proc_alive(id))
		return 0;
	p.fd = pidfd;
	do
		r = poll(&p, 1, timeout_ms);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return dv_fail_errno(e, errno, "wait for process %d", (int)id->pid);
	return r > 0 ? 0 : dv_fail(e, DV_TIMEOUT, "process %d still runs", (int)id->pid);
}

/* The monitor writes down how it ended and puts things away; its row learns of it then. */
static int settled(struct engine *g, struct arena *a, struct ctr *c, struct dv_err *e)
{
	int r = wait_gone(&c->owner, -1, e);

	if (r < 0)
		return r;
	c->status = CTR_RUNNING;        /* as its row says */
	return life_settle(g, a, c, e);
}

static int signal_and_wait(struct ctr *c, struct container *box, int sig, int wait_ms, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	int r = sig == SIGNALLED ? 0 : container_kill(box, sig, false, &why);

	if (r < 0 && r != -DV_CONFLICT) {
		if (e)
			*e = why;
		return r;
	}
	/* A process that is stopped in the middle of a pause hears nothing. */
	if (box->status == STATUS_PAUSED && sig != SIGKILL && (r = container_resume(box, e)) < 0)
		return r;
	r = wait_gone(&c->init, wait_ms, &why);
	if (r == -DV_TIMEOUT) {
		dv_ignore(container_kill(box, SIGKILL, false, NULL));
		r = wait_gone(&c->init, -1, e);
	}
	return r;
}

/* sig 0: its own stop signal; wait_ms -1: for ever. */
static int end(struct engine *g, struct arena *a, struct ctr *c, int sig, int wait_ms, struct dv_err *e)
{
	auto_container struct container box = CONTAINER_NONE;
	struct dv_err why = DV_ERR_NONE;
	int r = c->status == CTR_RUNNING ? user_stops(g, c, e) : 0;

	/* It may have been started again before that was heard. */
	if (r < 0 || (c->status == CTR_RUNNING && (r = life_settle(g, a, c, e)) != 0))
		return r;
	if (c->status == CTR_RUNNING && !c->restarting) {
		r = container_open(a, engine_oci_root(g), c->id, false, &box, &why);
		if (r >= 0)
			r = signal_and_wait(c, &box, sig ? sig : stop_signal(a, c), wait_ms, &why);
	}
	if (r < 0 && r != -DV_NOT_FOUND) {
		if (e)
			*e = why;
		return r;
	}
	return settled(g, a, c, e);
}

int control_end(struct engine *g, struct arena *a, struct ctr *c, struct dv_err *e)
{
	return end(g, a, c, SIGKILL, -1, e);
}

static int stop_seconds(struct engine *g, struct arena *a, const struct ctr *c)
{
	struct json *config = NULL;
	int64_t seconds;

	if (json_parse(a, c->config, strlen(c->config), &config, NULL) >= 0 &&
	    json_i64(json_path(config, "Config.StopTimeout"), &seconds) && seconds >= -1 && seconds < 1000000)
		return (int)seconds;
	return CONTROL_STOP_SECONDS;
}

/* Milliseconds, -1 for ever. */
static int stop_ms(struct engine *g, struct arena *a, const struct ctr *c, int seconds)
{
	if (seconds == CONTROL_STOP_OWN)
		seconds = stop_seconds(g, a, c);
	return seconds < 0 ? -1 : seconds * 1000;
}

int64_t control_signal_stop(struct engine *g, struct arena *a, struct ctr *c)
{
	auto_container struct container box = CONTAINER_NONE;

	if (user_stops(g, c, NULL) >= 0 && container_open(a, engine_oci_root(g), c->id, false, &box, NULL) >= 0)
		dv_ignore(container_kill(&box, stop_signal(a, c), false, NULL));
	return deadline_now_ms();
}

int control_stop_signalled(struct engine *g, struct arena *a, struct ctr *c, int64_t since_ms, int seconds, struct dv_err *e)
{
	int ms = stop_ms(g, a, c, seconds);
	int r = end(g, a, c, SIGNALLED, ms < 0 ? ms : deadline_left(since_ms + ms), e);

	if (r >= 0)
		event_ctr(g, c, "stop", NULL, NULL);
	return r < 0 ? r : 0;
}

int control_stop(struct engine *g, struct arena *a, const char *ref, int seconds, struct dv_err *e)
{
	struct ctr *c = NULL;
	int r = find(g, a, ref, &c, e);

	if (r != 0 || c->status != CTR_RUNNING)
		return r < 0 ? r : 0;
	r = end(g, a, c, 0, stop_ms(g, a, c, seconds), e);
	if (r >= 0)
		event_ctr(g, c, "stop", NULL, NULL);
	return r < 0 ? r : 0;
}

/* Everybody who is connected hears of the end. */
static int wait_for_end(int sock, int *ret_code, struct dv_err *e)
{
	char space[MSG_MAX];
	struct msg m;
	int r;

	while ((r = msg_recv(sock, space, &m, e)) > 0)
		if (m.type == MSG_EXITED) {
			*ret_code = (int)m.a;
			return 1;
		}
	return r;
}

int control_wait(struct engine *g, struct arena *a, const char *ref, int *ret_code, struct dv_err *e)
{
	auto_close int sock = -1;
	struct ctr *c = NULL;
	int r;

	for (;;) {
		if ((r = find(g, a, ref, &c, e)) < 0)
			return r;
		if (r > 0)
			return dv_fail(e, DV_NOT_FOUND, "No such container: %.300s", ref);
		if (c->status != CTR_RUNNING || c->restarting)
			break;
		/* It may end, or be adopted, between the question and the connection. */
		if (monitor_connect(g, c->id, &sock, NULL) < 0) {
			if ((r = wait_gone(ctr_owner_alive(g, c) ? &c->owner : &c->init, 1000, NULL)) < 0 && r != -DV_TIMEOUT)
				return dv_fail(e, DV_INTERNAL, "wait for container %s", c->id);
			continue;
		}
		if ((r = wait_for_end(sock, ret_code, e)) != 0)
			return r < 0 ? r : 0;
		fd_close(&sock);
	}
	*ret_code = c->has_exit ? c->exit_code : c->status == CTR_EXITED ? -1 : 0;
	return 0;
}

/* --- pause --- */

int control_pause(struct engine *g, struct arena *a, const char *ref, struct dv_err *e)
{
	auto_container struct container box = CONTAINER_NONE;
	struct ctr *c = NULL;
	int r = control_open(g, a, ref, true, &c, &box, e);

	if (r >= 0 && box.status == STATUS_PAUSED)
		return dv_fail(e, DV_CONFLICT, "Container %s is already paused", c->id);
	if (r < 0 || (r = container_pause(&box, e)) < 0)
		return r;
	event_ctr(g, c, "pause", NULL, NULL);
	return ctr_set_paused(g, c->id, true, e);
}

int control_unpause(struct engine *g, struct arena *a, const char *ref, struct dv_err *e)
{
	auto_container struct container box = CONTAINER_NONE;
	struct ctr *c = NULL;
	int r = control_open(g, a, ref, true, &c, &box, e);

	if (r >= 0 && box.status != STATUS_PAUSED)
		return dv_fail(e, DV_CONFLICT, "Container %s is not paused", c->id);
	if (r < 0 || (r = container_resume(&box, e)) < 0)
		return r;
	event_ctr(g, c, "unpause", NULL, NULL);
	return ctr_set_paused(g, c->id, false, e);
}

/* --- rename --- */

/* For its events. */
static void tell_monitor(struct engine *g, const struct ctr *c, const char *name)
{
	const struct msg m = { .type = MSG_RENAME, .body = name, .len = strlen(name) };
	char space[MSG_MAX];
	struct msg answer;

	if (c->status == CTR_RUNNING)
		dv_ignore(monitor_ask(g, c->id, &m, &answer, space, NULL));
}

int control_rename(struct engine *g, struct arena *a, const char *ref, const char *name, struct dv_err *e)
{
	struct ctr *c = NULL;
	int r = ctr_check_name(name, e);

	if (r < 0 || (r = find(g, a, ref, &c, e)) < 0)
		return r;
	if (r > 0)
		return dv_fail(e, DV_NOT_FOUND, "No such container: %.300s", ref);
	r = ctr_set_name(g, c->id, name, e);
	if (r == -DV_EXISTS)
		return dv_fail(e, DV_EXISTS, "Conflict. The container name \"/%.64s\" is already in use", name);
	if (r >= 0) {
		const char *was = arena_printf(a, "/%s", c->name);

		c->name = name;
		event_ctr(g, c, "rename", "oldName", was);
		tell_monitor(g, c, name);
		r = network_renamed(g, a, c->id, e);
	}
	return r;
}
