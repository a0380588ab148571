/* pod.c - a pod goes up and down; what dead command lines left of that is finished by whoever looks next. */
#include "base/file.h"
#include "base/str.h"
#include "engine/events.h"
#include "engine/life.h"
#include "engine/network.h"
#include "engine/pod_life.h"
#include "engine/rundir.h"

#define ENTER_ATTEMPTS 20

void pod_event(struct engine *g, struct arena *a, const struct pod *p, const char *action)
{
	event_tell(g, "pod", action, p->id, json_obj(a, "name", json_new_str(a, p->name), NULL));
}

/* --- up and down: the lock is held exclusively --- */

/* What a pod without containers that ever ran goes back to. */
static int set_down(struct engine *g, struct arena *a, struct pod *p, int dir, enum pod_status then, struct dv_err *e)
{
	int r = pod_unpin(g, a, p, dir, e);

	if (r < 0)
		return r;
	p->status = then;
	p->owner = (struct proc_id){ 0 };
	return pod_save(g, p, e);
}

int pod_down(struct engine *g, struct arena *a, struct pod *p, int dir, struct dv_err *e)
{
	int r;

	if (p->status != POD_UP)
		return 0;
	p->status = POD_STOPPING;
	p->owner = *engine_self(g);
	if ((r = pod_save(g, p, e)) < 0 || (r = set_down(g, a, p, dir, POD_EXITED, e)) < 0)
		return r;
	pod_event(g, a, p, "stop");
	return 0;
}

static int go_up(struct engine *g, struct arena *a, struct pod *p, int dir, struct dv_err *e)
{
	enum pod_status was = p->status;
	int r;

	p->status = POD_STARTING;
	p->owner = *engine_self(g);
	p->boot = engine_boot(g);
	if ((r = pod_save(g, p, e)) < 0)
		return r;
	if ((r = pod_pin(g, a, p, dir, e)) < 0) {
		dv_ignore(set_down(g, a, p, dir, was, NULL));
		return r;
	}
	p->status = POD_UP;
	p->owner = (struct proc_id){ 0 };
	if ((r = pod_save(g, p, e)) >= 0)
		pod_event(g, a, p, "start");
	return r;
}

int pod_finish_removal(struct engine *g, struct arena *a, struct pod *p, int dir, struct dv_err *e)
{
	int r;

	if ((r = pod_unpin(g, a, p, dir, e)) < 0 || (r = network_release(g, a, p->id, true, e)) < 0)
		return r;
	/* The row last: as long as it is there, somebody looks for the rest. */
	rundir_forget(g, RUNDIR_POD, p->id);
	if ((r = pod_drop(g, p->id, e)) < 0)
		return r;
	pod_event(g, a, p, "remove");
	return 0;
}

/* --- what is true --- */

static bool first_lives(const struct pod *p)
{
	return !p->first.pid || proc_alive(&p->first);
}

static bool is_settled(const struct engine *g, const struct pod *p)
{
	bool now = streq(p->boot, engine_boot(g));

	switch (p->status) {
	case POD_CREATED:
	case POD_EXITED:
		return true;
	case POD_UP:
		return now && first_lives(p);
	case POD_STARTING:
	case POD_STOPPING:
	case POD_REMOVING:
		break;
	}
	return now && p->owner.pid && proc_alive(&p->owner);
}

int pod_settle_locked(struct engine *g, struct arena *a, struct pod *p, int dir, struct dv_err *e)
{
	int r;

	switch (p->status) {
	case POD_CREATED:
	case POD_EXITED:
		return 0;
	case POD_UP:
		if (is_settled(g, p))
			return 0;
		return set_down(g, a, p, dir, POD_EXITED, e);
	case POD_STARTING:
		return set_down(g, a, p, dir, POD_CREATED, e);
	case POD_STOPPING:
		return set_down(g, a, p, dir, POD_EXITED, e);
	case POD_REMOVING:
		break;
	}
	r = pod_finish_removal(g, a, p, dir, e);
	return r < 0 ? r : 1;
}

int pod_lock(struct engine *g, struct arena *a, struct pod *p, bool exclusive, int *ret_dir, struct dv_err *e)
{
	auto_close int dir = -1;
	struct pod *now = NULL;
	int r = rundir_lock(g, RUNDIR_POD, p->id, exclusive, &dir, e);

	if (r < 0)
		return r;
	if ((r = pod_find(g, a, p->id, &now, e)) < 0) {
		if (r == -DV_NOT_FOUND)
			rundir_forget(g, RUNDIR_POD, p->id);
		return r;
	}
	*p = *now;
	if (exclusive && (r = pod_settle_locked(g, a, p, dir, e)) != 0)
		return r < 0 ? r : dv_fail(e, DV_NOT_FOUND, "no pod with name or ID %s found: no such pod", p->id);
	*ret_dir = take_fd(&dir);
	return 0;
}

int pod_settle(struct engine *g, struct arena *a, struct pod *p, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	auto_close int dir = -1;
	int r;

	if (is_settled(g, p))
		return 0;
	r = pod_lock(g, a, p, true, &dir, &why);
	if (r < 0 && r != -DV_NOT_FOUND && e)
		*e = why;
	return r == -DV_NOT_FOUND ? 1 : r;
}

int pod_get(struct engine *g, struct arena *a, const char *ref, struct pod **ret, struct dv_err *e)
{
	struct pod *p = NULL;
	int r;

	if ((r = pod_find(g, a, ref, &p, e)) < 0 || (r = pod_settle(g, a, p, e)) < 0)
		return r;
	if (r > 0)
		return dv_fail(e, DV_NOT_FOUND, "no pod with name or ID %.300s found: no such pod", ref);
	*ret = p;
	return 0;
}

/* --- for those who start a container in it --- */

static int take_up(struct engine *g, struct arena *a, struct pod *p, struct dv_err *e)
{
	auto_close int dir = -1;
	int r = pod_lock(g, a, p, true, &dir, e);

	return r < 0 || p->status == POD_UP ? r : go_up(g, a, p, dir, e);
}

/* A lock that is held exclusively cannot be made a shared one without letting go: somebody may take the pod down between. */
int pod_enter(struct engine *g, struct arena *a, const char *ref, struct pod **ret, int *ret_lock, struct dv_err *e)
{
	struct pod *p = NULL;
	int r = pod_get(g, a, ref, &p, e);

	for (unsigned i = 0; r >= 0 && i < ENTER_ATTEMPTS; i++) {
		auto_close int dir = -1;

		if ((r = pod_lock(g, a, p, false, &dir, e)) < 0)
			break;
		if (p->status == POD_UP && is_settled(g, p)) {
			if ((r = pod_pins_seen(g, a, p, dir, e)) < 0)
				return r;
			*ret = p;
			*ret_lock = take_fd(&dir);
			return 0;
		}
		fd_close(&dir);
		r = take_up(g, a, p, e);
	}
	return r < 0 ? r : dv_fail(e, DV_CONFLICT, "pod %s is taken down again and again", p->name);
}
