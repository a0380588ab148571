/* life.c - from running to gone, by whoever notices. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/control.h"
#include "engine/network.h"
#include "engine/events.h"
#include "engine/life.h"
#include "engine/monitors.h"
#include "engine/overlay.h"
#include "engine/rundir.h"
#include "engine/start.h"
#include "engine/volume.h"
#include "oci/container.h"

#define FORCE_ATTEMPTS 10

/* --- lock --- */

int life_lock(struct engine *g, const char *id, int *ret_fd, struct dv_err *e)
{
	return rundir_lock(g, RUNDIR_CONTAINER, id, true, ret_fd, e);
}

void life_forget(struct engine *g, const char *id)
{
	rundir_forget(g, RUNDIR_CONTAINER, id);
}

/* --- the end --- */

static int delete_oci(struct engine *g, struct arena *a, const char *id, struct container *open, struct dv_err *e)
{
	return open ? container_delete_open(a, open, true, e) : container_delete(a, engine_oci_root(g), id, true, e);
}

/* Most of those without networks are known without asking the database. */
int life_leave_networks(struct engine *g, struct arena *a, const struct ctr *c, bool forget, struct dv_err *e)
{
	struct json *j = NULL;
	const char *mode;

	if (json_parse(a, c->config, strlen(c->config), &j, NULL) >= 0 &&
	    (mode = json_str(json_path(j, "HostConfig.NetworkMode"))) && (streq(mode, "none") || streq(mode, "host")))
		return 0;
	return network_release(g, a, c->id, forget, e);
}

int life_ended(struct engine *g, struct arena *a, struct ctr *c, struct container *open, struct dv_err *e)
{
	int r;

	if ((r = delete_oci(g, a, c->id, open, e)) < 0 || (r = life_leave_networks(g, a, c, false, e)) < 0)
		return r;
	c->status = CTR_EXITED;
	c->owner = c->init = (struct proc_id){ 0 };
	c->restarting = false;
	volume_release(g, a, c);
	if (c->finished_ns < c->started_ns || !c->finished_ns)
		c->finished_ns = ctr_now_ns();
	return ctr_save(g, c, e);
}

static int drop(struct engine *g, struct arena *a, const struct ctr *c, struct dv_err *e)
{
	char name[RUNDIR_NAME_SIZE];
	int r;

	if ((r = life_leave_networks(g, a, c, true, e)) < 0 ||
	    (r = file_remove_tree(engine_runfd(g), rundir_name(RUNDIR_CONTAINER, c->id, name), e)) < 0)
		return r;
	volume_release(g, a, c);
	if ((c->auto_remove && (r = volume_drop_anonymous(g, a, c, e)) < 0) || (r = ctr_drop(g, c->id, e)) < 0)
		return r;
	event_ctr(g, c, "destroy", NULL, NULL);
	return r;
}

int life_remove(struct engine *g, struct arena *a, const struct ctr *c, struct container *open,
		struct dv_err *e)
{
	int r;

	if ((r = delete_oci(g, a, c->id, open, e)) < 0 || (r = overlay_hide(g, c->id, e)) < 0 ||
	    (r = open ? overlay_discard(g, c->id, e) : overlay_remove(g, c->id, e)) < 0)
		return r;
	return drop(g, a, c, e);
}

int life_remove_ended(struct engine *g, struct arena *a, const struct ctr *c, struct dv_err *e)
{
	int r;

	if ((r = delete_oci(g, a, c->id, NULL, e)) < 0 || (r = overlay_hide(g, c->id, e)) < 0 ||
	    (r = overlay_discard(g, c->id, e)) < 0)
		return r;
	return drop(g, a, c, e);
}

/* --- what is true --- */

/* What only the monitor knows. Nothing is written: the next reader asks again. */
static void fold_live(struct ctr *c, const struct record *rec)
{
	c->init = rec->init;
	c->started_ns = rec->started_ns ? rec->started_ns : c->started_ns;
	c->finished_ns = rec->finished_ns;
	c->restarts = rec->restarts;
	c->restarting = rec->state == RECORD_WAITING;
	c->oom = rec->oom;
	c->health = rec->health;
	c->failing = rec->failing;
	c->user_stopped = c->user_stopped || rec->user_stopped;
	c->has_exit = rec->code >= 0 && rec->state != RECORD_RUNNING;
	c->exit_code = c->has_exit ? rec->code : 0;
	/* It has said its last word and puts things away. */
	if (rec->state == RECORD_ENDED)
		c->status = CTR_EXITED;
}

static void fold_end(struct ctr *c, const struct record *rec)
{
	fold_live(c, rec);
	c->has_exit = rec->code >= 0;
	c->exit_code = c->has_exit ? rec->code : 0;
}

/* The first process of a container whose monitor is dead. */
static bool runs(struct engine *g, struct arena *a, const struct ctr *c, struct proc_id *ret)
{
	auto_container struct container oc = CONTAINER_NONE;

	if (!streq(c->boot, engine_boot(g)) || container_open(a, engine_oci_root(g), c->id, false, &oc, NULL) < 0 ||
	    (oc.status != STATUS_RUNNING && oc.status != STATUS_PAUSED))
		return false;
	*ret = oc.state.init;
	return true;
}

/* --- what dead monitors and command lines left --- */

static int adopt(struct engine *g, struct arena *a, struct ctr *c)
{
	struct dv_err why = DV_ERR_NONE;
	struct record rec;
	bool known = false;

	(void)monitor_alive(g, c->id, &rec, &known);
	if (known)
		fold_live(c, &rec);
	c->restarting = false;
	/* Without one it runs on, as those do that an older davit made; the next command tries again. */
	if (start_adopt(g, a, c, &why) < 0) {
		log_warn("container runs without a monitor", "container", c->id, "reason", why.msg, NULL);
		c->status = CTR_RUNNING;
	}
	return 0;
}

/* The monitor's last word, if it had one: the exit record where there is one, else (a --rm container, or one on a disk
 * that was full before it started) the live one. *ret_told: everybody was told that it ended. */
static bool last_word(struct engine *g, const struct ctr *c, struct record *rec, bool *ret_told)
{
	bool known = false;

	*ret_told = true;
	if (monitor_end_record(g, c->id, rec, NULL) >= 0 && rec->state == RECORD_ENDED)
		return true;
	(void)monitor_alive(g, c->id, rec, &known);
	/* One that died while it waited for a restart has told the end before. */
	*ret_told = known && (rec->state == RECORD_ENDED || rec->state == RECORD_WAITING);
	return known && rec->state == RECORD_ENDED;
}

/* It runs without a monitor, or has ended. */
static int finish_running(struct engine *g, struct arena *a, struct ctr *c, struct dv_err *e)
{
	struct record rec;
	bool told, word = last_word(g, c, &rec, &told);
	int r;

	if (!word && runs(g, a, c, &c->init))
		return adopt(g, a, c);
	c->has_exit = false;
	if (word)
		fold_end(c, &rec);
	if (!told)
		event_ended(g, c);
	if (c->auto_remove) {
		r = life_remove(g, a, c, NULL, e);
		return r < 0 ? r : 1;
	}
	return life_ended(g, a, c, NULL, e);
}

/* Its command line died. What it had handed to a monitor goes on, or has come to its end; else it never was. */
static int finish_start(struct engine *g, struct arena *a, struct ctr *c, struct dv_err *e)
{
	struct record rec;
	bool told;
	int r;

	if (monitor_alive(g, c->id, &rec, NULL)) {
		c->status = CTR_RUNNING;
		c->owner = rec.monitor;
		fold_live(c, &rec);
		return ctr_save(g, c, e);
	}
	if (last_word(g, c, &rec, &told) || runs(g, a, c, &c->init))
		return finish_running(g, a, c, e);
	if (c->status == CTR_CREATING) {
		r = life_remove(g, a, c, NULL, e);
		return r < 0 ? r : 1;
	}
	if ((r = delete_oci(g, a, c->id, NULL, e)) < 0)
		return r;
	c->status = c->finished_ns ? CTR_EXITED : CTR_CREATED;
	c->owner = c->init = (struct proc_id){ 0 };
	return ctr_save(g, c, e);
}

static int finish(struct engine *g, struct arena *a, struct ctr *c, struct dv_err *e)
{
	int r;

	switch (c->status) {
	case CTR_CREATED:
	case CTR_EXITED:
		return 0;
	case CTR_CREATING:
	case CTR_STARTING:
		return finish_start(g, a, c, e);
	case CTR_RUNNING:
		return finish_running(g, a, c, e);
	case CTR_REMOVING:
		break;
	}
	r = life_remove(g, a, c, NULL, e);
	return r < 0 ? r : 1;
}

static bool is_settled(struct engine *g, struct ctr *c)
{
	struct record rec;

	switch (c->status) {
	case CTR_CREATED:
	case CTR_EXITED:
		return true;
	case CTR_RUNNING:
		if (!streq(c->boot, engine_boot(g)) || !monitor_alive(g, c->id, &rec, NULL))
			return false;
		fold_live(c, &rec);
		return true;
	case CTR_CREATING:
	case CTR_STARTING:
	case CTR_REMOVING:
		break;
	}
	return ctr_owner_alive(g, c);
}

int life_settle_locked(struct engine *g, struct arena *a, struct ctr *c, struct dv_err *e)
{
	return is_settled(g, c) ? 0 : finish(g, a, c, e);
}

int life_settle(struct engine *g, struct arena *a, struct ctr *c, struct dv_err *e)
{
	auto_close int lock = -1;
	struct ctr *now = NULL;
	int r;

	if (is_settled(g, c))
		return 0;
	r = life_lock(g, c->id, &lock, e);
	if (r >= 0)
		r = ctr_find(g, a, c->id, &now, e);
	if (r == -DV_NOT_FOUND) {
		life_forget(g, c->id);
		return 1;
	}
	if (r < 0)
		return r;
	*c = *now;      /* somebody may have done it while we waited */
	return life_settle_locked(g, a, c, e);
}

int life_list(struct engine *g, struct arena *a, struct ctr_list *ret, struct dv_err *e)
{
	struct ctr_list l;
	size_t n = 0;
	int r = ctr_list(g, a, &l, e);

	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		r = life_settle(g, a, l.v[i], e);
		if (r == 0)
			l.v[n++] = l.v[i];
	}
	if (r < 0)
		return r;
	*ret = (struct ctr_list){ l.v, n };
	return 0;
}

/* Rows of containers that are removed at their end are not synced. After a crash of the machine some are
 * gone, and their directories are not. */
int life_sweep(struct engine *g, struct arena *a, struct dv_err *e)
{
	auto_close int fd = -1;
	struct dirent *de;
	int r = 0;
	DIR *d;

	if (file_open(engine_rootfd(g), "containers", O_RDONLY | O_DIRECTORY, 0, &fd, NULL) < 0)
		return 0;
	d = fdopendir(fd);
	if (!d)
		return dv_fail_errno(e, errno, "read the directories of containers");
	take_fd(&fd);
	while (r >= 0 && (de = readdir(d))) {
		struct dv_err none = DV_ERR_NONE;
		struct ctr *c;

		/* A row is made before its directory, so one without a row belongs to nobody. */
		if (strlen(de->d_name) == CTR_ID_SIZE - 1 && ctr_find(g, a, de->d_name, &c, &none) == -DV_NOT_FOUND)
			r = overlay_remove(g, de->d_name, e);
	}
	(void)closedir(d);
	return r;
}

int life_settle_busy(struct engine *g, struct arena *a, struct dv_err *e)
{
	struct ctr_list list;
	int r = ctr_list_busy(g, a, &list, e);

	for (size_t i = 0; r >= 0 && i < list.n; i++)
		r = life_settle(g, a, list.v[i], e);
	return r < 0 ? r : 0;
}

/* --- rm --- */

static int remove_locked(struct engine *g, struct arena *a, struct ctr *c, bool volumes, struct dv_err *e)
{
	struct ctr *now = NULL;
	int r = ctr_find(g, a, c->id, &now, e);

	if (r < 0 || (r = life_settle_locked(g, a, now, e)) != 0)
		return r < 0 ? r : 0;
	if (now->status == CTR_RUNNING)
		return dv_fail(e, DV_CONFLICT,
			       "You cannot remove a running container %s. Stop the container before attempting removal or "
			       "force remove", c->id);
	now->status = CTR_REMOVING;
	now->owner = *engine_self(g);
	if ((r = ctr_save(g, now, e)) < 0)
		return r;
	/* One that is removed at its end takes its anonymous volumes with it, and so does one that is removed with them. */
	now->auto_remove = now->auto_remove || volumes;
	return life_remove(g, a, now, NULL, e);
}

static int refresh(struct engine *g, struct arena *a, struct ctr *c, struct dv_err *e)
{
	struct ctr *now = NULL;
	int r = ctr_find(g, a, c->id, &now, e);

	if (r < 0)
		return r;
	*c = *now;
	return life_settle(g, a, c, e);
}

int ctr_remove(struct engine *g, struct arena *a, const char *ref, bool force, bool volumes, struct dv_err *e)
{
	auto_close int lock = -1;
	struct ctr *c = NULL;
	unsigned again = 0;
	int r = ctr_find(g, a, ref, &c, e);

	if (r < 0 || (r = life_settle(g, a, c, e)) < 0)
		return r;
	if (r > 0)      /* it had been on its way out */
		return 0;
	if (c->status == CTR_RUNNING && !force)
		return dv_fail(e, DV_CONFLICT,
			       "You cannot remove a running container %s. Stop the container before attempting removal or "
			       "force remove", c->id);
	do {
		if ((c->status == CTR_RUNNING || c->status == CTR_EXITED) && (r = control_end(g, a, c, e)) != 0)
			return r < 0 ? r : 0;
		r = life_lock(g, c->id, &lock, e);
		if (r >= 0)
			r = remove_locked(g, a, c, volumes, e);
		fd_close(&lock);
		/* Somebody has started it meanwhile. */
	} while (r == -DV_CONFLICT && force && ++again < FORCE_ATTEMPTS && (r = refresh(g, a, c, e)) >= 0);
	if (r != -DV_NOT_FOUND)
		return r;
	/* Somebody else removed it while we waited. */
	life_forget(g, c->id);
	return 0;
}
