/* run.c - run: create and start in one, nothing twice.
 *
 * It may be killed at any moment. What it makes is named by its row before it is made; the overlay and every other mount
 * is detached until the container's own mount namespace holds it; and once its monitor has the job, the container does
 * not need us any more.
 */
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/life.h"
#include "engine/overlay.h"
#include "engine/pod.h"
#include "engine/run.h"
#include "engine/start.h"

enum { EXIT_ENGINE = 125 };

struct run {
	struct making m;
	struct monitor_proc monitor;
	struct attach *at;              /* NULL: detached */
};

static bool attaches(const struct run_request *q, const char *stream)
{
	if (!q->attach || !q->attach[0])
		return !q->detach;
	for (const char *const *s = q->attach; *s; s++)
		if (strcasecmp(*s, stream) == 0)
			return true;
	return false;
}

static int check(const struct run_request *q, struct dv_err *e)
{
	static const char *const streams[] = { "stdin", "stdout", "stderr", NULL };

	if (q->interactive && q->tty && !q->detach && !isatty(0))
		return dv_fail(e, DV_INVALID, "the input device is not a TTY");
	for (const char *const *s = q->attach; s && *s; s++) {
		size_t i = 0;

		while (streams[i] && strcasecmp(*s, streams[i]) != 0)
			i++;
		if (!streams[i])
			return dv_fail(e, DV_INVALID, "invalid argument \"%.32s\" for \"-a, --attach\": valid streams are STDIN, STDOUT and STDERR", *s);
	}
	return q->detach && q->attach && q->attach[0] ? dv_fail(e, DV_INVALID, "Conflicting options: -a and -d") : 0;
}

static int prepare_attach(struct run *x, bool sig_proxy, struct dv_err *e)
{
	const struct run_request *q = &x->m.q;
	struct attach_opts o = { .in = q->interactive && (!q->attach || !q->attach[0] || attaches(q, "stdin")), .out = true,
				 .no_stdout = !attaches(q, "stdout"), .no_stderr = !attaches(q, "stderr"), .tty = q->tty,
				 .sig_proxy = sig_proxy, .detach_keys = q->detach_keys };

	return q->detach ? 0 : attach_new(&o, &x->at, e);
}

/* What dead command lines left is looked after while the container runs: nobody waits for it. */
static void tidy(struct run *x)
{
	struct dv_err why = DV_ERR_NONE;

	if (life_settle_busy(x->m.g, x->m.a, &why) < 0 || overlay_tidy(x->m.g, &why) < 0)
		log_warn("what is left of other containers stays for now", "reason", why.msg, NULL);
}

/* It has ended, and we were there: what is left of it goes, or its row tells how it ended. */
static void put_away(struct run *x, int code)
{
	auto_close int lock = -1;
	struct record rec;

	/* Left by the detach keys, or by a signal of ours. */
	if (monitor_alive(x->m.g, x->m.id, &rec, NULL))
		return;
	if (!x->m.row.auto_remove) {
		dv_ignore(life_settle(x->m.g, x->m.a, &x->m.row, NULL));
		return;
	}
	x->m.row.has_exit = true;
	x->m.row.exit_code = code;
	if (life_lock(x->m.g, x->m.id, &lock, NULL) >= 0)
		dv_ignore(life_remove_ended(x->m.g, x->m.a, &x->m.row, NULL));
}

static int serve(struct run *x, struct dv_err *e)
{
	int code;

	tidy(x);
	code = start_follow(x->m.g, x->m.a, &x->m.row, x->at, x->monitor.sock, e);
	x->monitor.sock = -1;
	if (code >= 0)
		put_away(x, code);
	return code;
}

static int start(struct run *x, int *ret_status, struct dv_err *e)
{
	auto_close int lock = -1;
	int r = life_lock(x->m.g, x->m.id, &lock, e);

	if (r < 0)
		return r;
	return start_made(&x->m, &x->monitor, lock, x->at ? attach_flags(x->at) : 0, ret_status, e);
}

int engine_run(struct engine *g, struct arena *a, const struct run_request *q, bool sig_proxy, run_started *started,
	       void *ctx, int *ret_status, struct dv_err *e)
{
	struct run x = { .m = { .g = g, .a = a, .q = *q }, .monitor = { .sock = -1 } };
	auto_close int pod_lock = -1;
	struct pod *pod = NULL;
	int r;

	*ret_status = EXIT_ENGINE;
	if ((r = check(q, e)) >= 0 && (r = monitor_spawn(g, &x.monitor, e)) >= 0 &&
	    (!q->pod || (r = pod_enter(g, a, q->pod, &pod, &pod_lock, e)) >= 0) && (r = making_record(&x.m, CTR_CREATING, e)) >= 0 && (r = prepare_attach(&x, sig_proxy, e)) >= 0)
		r = start(&x, ret_status, e);
	fd_close(&pod_lock);
	if (r >= 0)
		r = started ? started(ctx, x.m.id, x.m.row.init.pid, e) : 0;
	if (r >= 0)
		r = x.at ? serve(&x, e) : 0;
	fd_close(&x.monitor.sock);
	attach_free(x.at);
	return r;
}
