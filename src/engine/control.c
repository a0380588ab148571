/* control.c - signals, stop, pause, wait and rename. */
#include <errno.h>
#include <poll.h>
#include <linux/ioctl.h>
#include <linux/types.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/str.h"
#include "engine/control.h"
#include "engine/life.h"
#include "engine/events.h"

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

int control_kill(struct engine *g, struct arena *a, const char *ref, const char *signal, struct dv_err *e)
{
	auto_container struct container box = CONTAINER_NONE;
	struct ctr *c = NULL;
	int sig = SIGKILL, r;

	if (signal && (r = proc_parse_signal(signal, &sig, e)) < 0)
		return r;
	if ((r = control_open(g, a, ref, false, &c, &box, e)) >= 0 && (r = container_kill(&box, sig, false, e)) >= 0)
		event_ctr(g, c, "kill", "signal", arena_printf(a, "%d", sig));
	if (r == -DV_CONFLICT)
		return dv_fail(e, DV_CONFLICT, "Cannot kill container: %.300s: Container %s is not running", ref, c ? c->id : ref);
	return r;
}

/* --- the end --- */

/* What pidfds tell of a process that has ended, since Linux 6.15. */
struct pidfd_info_exit {
	__u64 mask;
	__u64 cgroupid;
	__u32 ids[11];
	__s32 exit_code;
};
#define PIDFD_INFO_HAS_EXIT (1ULL << 3)
#define PIDFD_IOCTL_INFO _IOWR(0xFF, 11, struct pidfd_info_exit)

/* -1 when the kernel cannot say. */
static int code_by_pidfd(int pidfd)
{
	struct pidfd_info_exit info = { .mask = PIDFD_INFO_HAS_EXIT };

	if (ioctl(pidfd, PIDFD_IOCTL_INFO, &info) < 0 || !(info.mask & PIDFD_INFO_HAS_EXIT))
		return -1;
	return proc_exit_code(info.exit_code);
}

/* Until the process is gone: 0; TIMEOUT. */
static int wait_gone(const struct proc_id *id, int *pidfd, int timeout_ms, struct dv_err *e)
{
	struct pollfd p = { .events = POLLIN };
	int r = 0;

	if (*pidfd < 0) {
		struct dv_err gone = DV_ERR_NONE;

		if (proc_open(id->pid, pidfd, &gone) < 0 || !proc_alive(id))
			return 0;
	}
	p.fd = *pidfd;
	do
		r = poll(&p, 1, timeout_ms);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return dv_fail_errno(e, errno, "wait for process %d", (int)id->pid);
	return r > 0 ? 0 : dv_fail(e, DV_TIMEOUT, "process %d still runs", (int)id->pid);
}

/* The first process has ended: its command line writes that down, or we do when that is dead. */
static int settled(struct engine *g, struct arena *a, struct ctr *c, struct dv_err *e)
{
	auto_close int owner = -1;
	int r = c->owner.pid ? wait_gone(&c->owner, &owner, -1, e) : 0;

	return r < 0 ? r : life_settle(g, a, c, e);
}

static int stop_signal(struct arena *a, const struct ctr *c)
{
	struct json *config = NULL;
	const char *text = NULL;
	int sig = SIGTERM;

	if (json_parse(a, c->config, strlen(c->config), &config, NULL) >= 0)
		text = json_str(json_path(config, "Config.StopSignal"));
	return text && *text && proc_parse_signal(text, &sig, NULL) < 0 ? SIGTERM : sig;
}

static int signal_and_wait(struct arena *a, struct ctr *c, struct container *box, int seconds, struct dv_err *e)
{
	auto_close int init = -1;
	struct dv_err why = DV_ERR_NONE;
	int r = container_kill(box, stop_signal(a, c), false, &why);

	if (r < 0 && r != -DV_CONFLICT) {
		if (e)
			*e = why;
		return r;
	}
	/* A process that is stopped in the middle of a pause hears nothing. */
	if (box->status == STATUS_PAUSED && (r = container_resume(box, e)) < 0)
		return r;
	r = wait_gone(&c->init, &init, seconds < 0 ? -1 : seconds * 1000, &why);
	if (r == -DV_TIMEOUT) {
		dv_ignore(container_kill(box, SIGKILL, false, NULL));
		r = wait_gone(&c->init, &init, -1, e);
	}
	return r;
}

int control_stop(struct engine *g, struct arena *a, const char *ref, int seconds, struct dv_err *e)
{
	auto_container struct container box = CONTAINER_NONE;
	struct dv_err why = DV_ERR_NONE;
	struct ctr *c = NULL;
	int r = find(g, a, ref, &c, e);

	if (r != 0 || c->status != CTR_RUNNING)
		return r < 0 ? r : 0;
	r = container_open(a, engine_oci_root(g), c->id, false, &box, &why);
	if (r >= 0)
		r = signal_and_wait(a, c, &box, seconds, &why);
	if (r < 0 && r != -DV_NOT_FOUND) {
		if (e)
			*e = why;
		return r;
	}
	r = settled(g, a, c, e);
	if (r >= 0)
		event_ctr(g, c, "stop", NULL, NULL);
	return r < 0 ? r : 0;
}

int control_wait(struct engine *g, struct arena *a, const char *ref, int *ret_code, struct dv_err *e)
{
	auto_close int init = -1;
	struct ctr *c = NULL;
	int code = -1, r = find(g, a, ref, &c, e);

	if (r > 0)
		return dv_fail(e, DV_NOT_FOUND, "No such container: %.300s", ref);
	if (r < 0)
		return r;
	if (c->status == CTR_RUNNING) {
		if ((r = wait_gone(&c->init, &init, -1, e)) < 0 || (r = settled(g, a, c, e)) < 0)
			return r;
		code = init >= 0 ? code_by_pidfd(init) : -1;
		/* Its own row knows it, unless it went with its end. */
		if (r == 0 && ctr_find(g, a, c->id, &c, NULL) < 0)
			c->has_exit = false;
	}
	*ret_code = c->has_exit ? c->exit_code : code;
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
	}
	return r;
}
