/* start.c - root, /etc, configuration, and the hand-over to the monitor. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/bundle.h"
#include "engine/etc.h"
#include "engine/control.h"
#include "engine/events.h"
#include "engine/life.h"
#include "engine/network.h"
#include "engine/overlay.h"
#include "engine/pod.h"
#include "engine/security.h"
#include "engine/start.h"
#include "engine/volume.h"
#include "engine/secret.h"

#define INIT_PATH "/sbin/docker-init"   /* where docker has it */

/* --- what the monitor gets --- */

/* The program sees the terminal's size from its first moment on. */
static void set_console_size(struct arena *a, const struct run_request *q, struct json *oci)
{
	struct winsize size;

	if (!q->tty || (ioctl(0, TIOCGWINSZ, &size) < 0 && ioctl(1, TIOCGWINSZ, &size) < 0) || !size.ws_row)
		return;
	json_set_path(a, oci, "process.consoleSize",
		      json_obj(a, "height", json_new_i64(a, size.ws_row), "width", json_new_i64(a, size.ws_col), NULL));
}

/* Its program becomes the second process, below an init of ours that is bound into it from beside our own file. */
static int add_init(struct making *x, struct json *oci, struct dv_err *e)
{
	static const char *const options[] = { "bind", "ro", "nosuid", "nodev", NULL };
	struct json *args = json_new_array(x->a), *mounts = json_get_mut(oci, "mounts");
	const char *source = x->q.init_path;
	auto_free char *ours = NULL;
	int r;

	if (!x->q.init)
		return 0;
	if (!source) {
		if ((r = monitor_program(&ours, e)) < 0)
			return r;
		source = ours;
	}
	json_append(x->a, args, json_new_str(x->a, INIT_PATH));
	json_append(x->a, args, json_new_str(x->a, "--"));
	for (JSON_EACH(it, json_path(oci, "process.args")))
		json_append(x->a, args, (struct json *)it.value);
	json_set_path(x->a, oci, "process.args", args);
	json_append(x->a, mounts, json_obj(x->a, "destination", json_new_str(x->a, INIT_PATH), "type", json_new_str(x->a, "bind"),
					   "source", json_new_str(x->a, source), "options", json_new_strs(x->a, options), NULL));
	return 0;
}

static int make_config(struct making *x, int lock, int *ret_root, struct json **ret, struct dv_err *e)
{
	const char *dir = arena_printf(x->a, "%s/containers/%s", engine_runroot(x->g), x->id);
	struct user u;
	int r;

	if ((r = overlay_make(x->g, x->image, x->id, x->q.rm, ret_root, e)) < 0 ||
	    (r = user_find(x->a, *ret_root, x->config.user, &u, e)) < 0 ||
	    (r = user_add_groups(x->a, *ret_root, x->q.groups, &u, e)) < 0 || (r = etc_write(lock, &x->config, e)) < 0 ||
	    (r = etc_write_zone(lock, &x->q, e)) < 0 || (r = passwd_write(x->a, lock, *ret_root, &x->q, &u, e)) < 0 ||
	    (r = nsmode_resolve(x->g, x->a, &x->config, e)) < 0)
		return r;
	const struct volume_call v = { .id = x->id, .root = *ret_root, .first = !x->row.finished_ns, .uid = u.uid, .gid = u.gid };
	if ((r = volume_prepare(x->g, x->a, &v, &x->config, e)) < 0 ||
	    (r = secret_apply(x->g, x->a, &x->q, lock, dir, &x->config, e)) < 0 ||
	    (r = bundle_make(x->a, &x->q, &x->config, &u, x->id, dir, ret, e)) < 0)
		return r;
	set_console_size(x->a, &x->q, *ret);
	return add_init(x, *ret, e);
}

static int hand_over(struct making *x, const struct monitor_proc *p, int lock, uint32_t attach, int *ret_status,
		     struct dv_err *e)
{
	struct monitor_job job = { .row = &x->row, .q = &x->q, .config = &x->config, .lock = lock, .root = -1, .netns = -1,
				   .ports = -1, .pod_idle = x->pod_idle, .attach = attach };
	struct network_ready net = { .netns = -1, .ports = -1 };
	struct json *oci = NULL;
	int r = network_prepare(x->g, x->a, x->config.network, x->id, &net, e);

	if (r >= 0)
		r = make_config(x, lock, &job.root, &oci, e);
	job.oci = oci;
	job.netns = net.netns;
	if (r >= 0 && *x->row.pod)
		net.ports = network_hold_again(x->g, x->a, x->row.pod);
	job.ports = net.ports;
	if (r >= 0)
		r = monitor_start(x->g, x->a, p, &job, &x->row.init, ret_status, e);
	fd_close(&job.root);
	network_ready_done(&net);
	network_wish_done(x->config.network);
	return r;
}

/* --- rows --- */

static int mark_running(struct making *x, const struct monitor_proc *p, struct dv_err *e)
{
	x->row.status = CTR_RUNNING;
	x->row.owner = p->id;
	x->row.boot = engine_boot(x->g);
	x->row.started_ns = ctr_now_ns();
	x->row.has_exit = x->row.oom = false;
	x->row.error = "";
	return ctr_save(x->g, &x->row, e);
}

/* It stays as docker's does, unless it was to be removed. */
static int not_started(struct making *x, int status, const char *why)
{
	if (x->row.auto_remove)
		return life_remove(x->g, x->a, &x->row, NULL, NULL);
	/* A monitor that was killed in the middle of it has left what there was of the runtime's container. */
	dv_ignore(container_delete(x->a, engine_oci_root(x->g), x->id, true, NULL));
	dv_ignore(life_leave_networks(x->g, x->a, &x->row, false, NULL));
	x->row.status = x->row.finished_ns ? CTR_EXITED : CTR_CREATED;
	x->row.owner = x->row.init = (struct proc_id){ 0 };
	x->row.has_exit = true;
	x->row.exit_code = status;
	x->row.error = why;
	return ctr_save(x->g, &x->row, NULL);
}

int start_made(struct making *x, const struct monitor_proc *p, int lock, uint32_t attach, int *ret_status,
	       struct dv_err *e)
{
	int r;

	*ret_status = 125;
	(void)umask(022);       /* what is made here is made for the container */
	if ((r = hand_over(x, p, lock, attach, ret_status, e)) < 0) {
		dv_ignore(not_started(x, *ret_status, e ? e->msg : ""));
		return r;
	}
	return mark_running(x, p, e);
}

/* --- adoption --- */

/* The lock is the caller's: what the monitor gets is its own copy, so the two let go one after the other. */
int start_adopt(struct engine *g, struct arena *a, struct ctr *c, struct dv_err *e)
{
	struct making x = { .g = g, .a = a };
	struct monitor_proc p = { .sock = -1 };
	auto_close int lock = -1;
	char name[sizeof "containers/" + CTR_ID_SIZE];
	int status, r;

	(void)snprintf(name, sizeof name, "containers/%s", c->id);
	if ((r = making_load(&x, c, e)) < 0 ||
	    (r = file_open(engine_runfd(g), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &lock, e)) < 0 ||
	    (r = monitor_spawn(g, &p, e)) < 0)
		return r;
	{
		struct monitor_job job = { .row = &x.row, .q = &x.q, .config = &x.config, .lock = lock, .root = -1, .netns = -1,
					   .ports = network_hold_again(g, a, *c->pod ? c->pod : c->id), .pod_idle = x.pod_idle };

		r = monitor_start(g, a, &p, &job, &c->init, &status, e);
		fd_close(&job.ports);
	}
	fd_close(&p.sock);
	if (r < 0)
		return r;
	c->status = CTR_RUNNING;
	c->owner = p.id;
	return ctr_save(g, c, e);
}

/* --- start --- */

/* Its monitor has said its last word and puts things away: that takes milliseconds. */
static int wait_for_monitor(struct engine *g, const struct ctr *c, struct dv_err *e)
{
	auto_close int fd = -1;
	struct dv_err gone = DV_ERR_NONE;

	if (!c->owner.pid || proc_open(c->owner.pid, &fd, &gone) < 0 || !proc_alive(&c->owner))
		return 0;
	return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1) < 0 && errno != EINTR ?
		       dv_fail_errno(e, errno, "wait for the container's monitor") : 0;
}

/* Locked, and in a state from which it can be started: its row is `starting` and ours then. 0: it runs already. */
static int begin(struct making *x, const char *ref, bool again, int *ret_pod, int *ret_lock, struct dv_err *e)
{
	struct pod *pod = NULL;
	struct ctr *c = NULL;
	int r;

	if ((r = ctr_find(x->g, x->a, ref, &c, e)) < 0 || (r = life_settle(x->g, x->a, c, e)) < 0)
		return r;
	if (r > 0)
		return dv_fail(e, DV_NOT_FOUND, "No such container: %.300s", ref);
	if ((c->status == CTR_EXITED && (r = wait_for_monitor(x->g, c, e)) < 0) ||
	    (*c->pod && c->status != CTR_RUNNING && (r = pod_enter(x->g, x->a, c->pod, &pod, ret_pod, e)) < 0))
		return r;
	if ((r = life_lock(x->g, c->id, ret_lock, e)) < 0 || (r = ctr_find(x->g, x->a, c->id, &c, e)) < 0 ||
	    (r = life_settle_locked(x->g, x->a, c, e)) < 0)
		return r;
	if (r > 0 || c->status == CTR_REMOVING)
		return dv_fail(e, DV_CONFLICT, "Container %.64s is marked for removal and cannot be started.", ref);
	if (c->status == CTR_RUNNING) {
		x->row = *c;
		return c->paused ? dv_fail(e, DV_CONFLICT, "cannot start a paused container, try unpause instead") : 0;
	}
	if ((r = making_load(x, c, e)) < 0)
		return r;
	/* A policy's restart was counted by the monitor that asked for it. */
	x->row.restarts = again ? x->row.restarts : 0;
	x->row.user_stopped = false;
	x->row.status = CTR_STARTING;
	x->row.owner = *engine_self(x->g);
	r = ctr_save(x->g, &x->row, e);
	return r < 0 ? r : 1;
}

int start_follow(struct engine *g, struct arena *a, const struct ctr *row, struct attach *at, int sock, struct dv_err *e)
{
	struct ctr now = *row;
	int code = -1, r;

	for (;;) {
		r = attach_serve(at, sock, &code, e);
		if (r == ATTACH_ENDED || r < 0)
			break;
		if (r == ATTACH_DETACHED || r == ATTACH_ENDED_AGAIN) {
			fd_close(&sock);
			return r == ATTACH_DETACHED ? 0 : DV_MAX(code, 0);
		}
		/* Its monitor died. Whoever settles the container gives it a new one. */
		fd_close(&sock);
		if ((r = life_settle(g, a, &now, e)) < 0)
			return r;
		if (r > 0 || now.status != CTR_RUNNING) {
			code = r == 0 && now.has_exit ? now.exit_code : -1;
			break;
		}
		if ((r = monitor_connect(g, now.id, &sock, e)) < 0 || (r = attach_begin(at, sock, e)) < 0)
			break;
	}
	/* Until it has put things away. */
	if (r >= 0 && sock >= 0)
		attach_wait_closed(sock);
	fd_close(&sock);
	if (r < 0)
		return r;
	return code < 0 ? dv_fail(e, DV_UNAVAILABLE, "the exit status of the container is unknown: its monitor was killed") : code;
}

static int attach_to(struct making *x, const struct start_request *q, struct attach **ret, struct dv_err *e)
{
	const struct attach_opts o = { .in = q->interactive && x->q.interactive, .out = true, .tty = x->q.tty,
				       .sig_proxy = !q->no_sig_proxy, .detach_keys = q->detach_keys };

	if (o.in && o.tty && !isatty(0))
		return dv_fail(e, DV_INVALID, "the input device is not a TTY");
	return attach_new(&o, ret, e);
}

static int start_locked(struct making *x, const struct start_request *q, int *pod, int *lock, int *ret_status, struct dv_err *e)
{
	bool follow = q->attach || q->interactive;
	struct monitor_proc p = { .sock = -1 };
	struct attach *at = NULL;
	int r = 0, code;

	if ((follow && (r = attach_to(x, q, &at, e)) < 0) || (r = monitor_spawn(x->g, &p, e)) < 0)
		dv_ignore(not_started(x, 125, e ? e->msg : ""));
	else
		r = start_made(x, &p, *lock, follow ? attach_flags(at) : 0, ret_status, e);
	fd_close(lock);
	fd_close(pod);
	if (r < 0 || !follow) {
		fd_close(&p.sock);
		attach_free(at);
		return r;
	}
	code = start_follow(x->g, x->a, &x->row, at, p.sock, e);
	attach_free(at);
	if (code >= 0)
		dv_ignore(life_settle(x->g, x->a, &x->row, NULL));
	return code;
}

int engine_start(struct engine *g, struct arena *a, const struct start_request *q, int *ret_status, struct dv_err *e)
{
	struct making x = { .g = g, .a = a };
	auto_close int pod = -1, lock = -1;
	int r;

	*ret_status = 1;
	r = begin(&x, q->container, q->again, &pod, &lock, e);
	if (r == 0 && (q->attach || q->interactive))
		return engine_attach(g, a, q->container, q, ret_status, e);
	return r <= 0 ? r : start_locked(&x, q, &pod, &lock, ret_status, e);
}

int engine_restart(struct engine *g, struct arena *a, const char *ref, int seconds, struct dv_err *e)
{
	const struct start_request q = { .container = ref };
	struct ctr *c = NULL;
	int status, r;

	if ((r = control_stop(g, a, ref, seconds, e)) < 0 || (r = engine_start(g, a, &q, &status, e)) < 0)
		return r;
	if (ctr_find(g, a, ref, &c, NULL) >= 0)
		event_ctr(g, c, "restart", NULL, NULL);
	return r;
}

int engine_attach(struct engine *g, struct arena *a, const char *ref, const struct start_request *q, int *ret_status,
		  struct dv_err *e)
{
	struct making x = { .g = g, .a = a };
	struct attach *at = NULL;
	struct ctr *c = NULL;
	int sock = -1, r;

	*ret_status = 1;
	if ((r = ctr_find(g, a, ref, &c, e)) < 0 || (r = life_settle(g, a, c, e)) < 0)
		return r;
	if (r > 0 || c->status != CTR_RUNNING)
		return dv_fail(e, DV_CONFLICT, "You cannot attach to a stopped container, start it first");
	if (c->paused)
		return dv_fail(e, DV_CONFLICT, "You cannot attach to a paused container, unpause it first");
	if (c->restarting)
		return dv_fail(e, DV_CONFLICT, "You cannot attach to a restarting container, wait until it is running");
	if ((r = making_load(&x, c, e)) < 0 || (r = attach_to(&x, q, &at, e)) < 0)
		return r;
	if ((r = monitor_connect(g, c->id, &sock, e)) >= 0 && (r = attach_begin(at, sock, e)) >= 0) {
		event_ctr(g, c, "attach", NULL, NULL);
		r = start_follow(g, a, c, at, sock, e);
	} else {
		fd_close(&sock);
	}
	attach_free(at);
	return r;
}
