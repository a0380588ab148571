/* life.c - from running to gone, by whoever notices. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/life.h"
#include "engine/overlay.h"
#include "engine/events.h"
#include "engine/volume.h"
#include "oci/container.h"

#define RUN_NAME_SIZE (sizeof "containers/" + CTR_ID_SIZE)

/* --- lock --- */

static int open_run_dir(struct engine *g, const char *name, int *ret_fd, struct dv_err *e)
{
	int r = file_open(engine_runfd(g), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd, NULL);

	if (r != -DV_NOT_FOUND)
		return r;
	if (mkdirat(engine_runfd(g), name, 0711) < 0 && errno == ENOENT) {
		(void)mkdirat(engine_runfd(g), "containers", 0711);
		(void)mkdirat(engine_runfd(g), name, 0711);
	}
	return file_open(engine_runfd(g), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd, e);
}

static bool still_there(struct engine *g, const char *name, int fd)
{
	struct stat x, y;

	return fstat(fd, &x) == 0 && fstatat(engine_runfd(g), name, &y, AT_SYMLINK_NOFOLLOW) == 0 && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

int life_lock(struct engine *g, const char *id, int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	char name[RUN_NAME_SIZE];
	int r;

	(void)snprintf(name, sizeof name, "containers/%s", id);
	if ((r = open_run_dir(g, name, &fd, e)) < 0 || (r = file_lock(fd, true, true, id, e)) < 0)
		return r;
	if (!still_there(g, name, fd))
		return dv_fail(e, DV_NOT_FOUND, "No such container: %s", id);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* --- the end --- */

/* Kills by lack of memory in the container's cgroup, which still is there. */
static bool oom_seen(struct arena *a, struct engine *g, const struct ctr *c)
{
	auto_container struct container oc = CONTAINER_NONE;
	auto_buf struct buf b = BUF_INIT(4096);
	const char *v1, *v2, *path, *hit;

	if (container_open(a, engine_oci_root(g), c->id, false, &oc, NULL) < 0)
		return false;
	v1 = json_str(json_get(oc.state.cgroup, "memory"));
	v2 = json_str(json_get(oc.state.cgroup, ""));
	if (!v1 && !v2)
		return false;
	path = v1 ? arena_printf(a, "%s/memory.oom_control", v1) : arena_printf(a, "%s/memory.events", v2);
	if (file_read(AT_FDCWD, path, &b, NULL) < 0)
		return false;
	hit = strstr(buf_cstr(&b), "oom_kill ");
	return hit && strncmp(hit, "oom_kill 0", 10) != 0;
}

static int delete_oci(struct engine *g, struct arena *a, const char *id, struct container *open, struct dv_err *e)
{
	return open ? container_delete_open(a, open, true, e) : container_delete(a, engine_oci_root(g), id, true, e);
}

int life_ended(struct engine *g, struct arena *a, struct ctr *c, struct container *open, struct dv_err *e)
{
	int r;

	/* What ended well is not called a victim, whatever became of its children. */
	c->oom = !(c->has_exit && c->exit_code == 0) && oom_seen(a, g, c);
	if ((r = delete_oci(g, a, c->id, open, e)) < 0)
		return r;
	c->status = CTR_EXITED;
	c->owner = c->init = (struct proc_id){ 0 };
	c->finished_ns = ctr_now_ns();
	event_ended(g, c);
	volume_release(g, a, c);
	return ctr_save(g, c, e);
}

int life_remove(struct engine *g, struct arena *a, const struct ctr *c, struct container *open,
		struct dv_err *e)
{
	char name[RUN_NAME_SIZE];
	int r;

	(void)snprintf(name, sizeof name, "containers/%s", c->id);
	if ((r = delete_oci(g, a, c->id, open, e)) < 0 ||
	    (r = open ? overlay_discard(g, c->id, e) : overlay_remove(g, c->id, e)) < 0 ||
	    (r = file_remove_tree(engine_runfd(g), name, e)) < 0)
		return r;
	volume_release(g, a, c);
	if (c->auto_remove && (r = volume_drop_anonymous(g, a, c, e)) < 0)
		return r;
	if ((r = ctr_drop(g, c->id, e)) >= 0)
		event_ctr(g, c, "destroy", NULL, NULL);
	return r;
}

/* --- what dead command lines left --- */

static bool runs(struct engine *g, struct arena *a, const struct ctr *c, struct proc_id *ret)
{
	auto_container struct container oc = CONTAINER_NONE;

	if (!streq(c->boot, engine_boot(g)) || container_open(a, engine_oci_root(g), c->id, false, &oc, NULL) < 0 ||
	    oc.status != STATUS_RUNNING)
		return false;
	*ret = oc.state.init;
	return true;
}

/* Its command line died after the program had started: the container goes on. Otherwise it never was. */
static int adopt(struct engine *g, struct arena *a, struct ctr *c, struct dv_err *e)
{
	int r;

	if (!runs(g, a, c, &c->init)) {
		r = life_remove(g, a, c, NULL, e);
		return r < 0 ? r : 1;
	}
	c->status = CTR_RUNNING;
	c->started_ns = ctr_now_ns();
	return ctr_save(g, c, e);
}

static int finish(struct engine *g, struct arena *a, struct ctr *c, struct dv_err *e)
{
	int r;

	if (c->status == CTR_CREATING)
		return adopt(g, a, c, e);
	if (c->status == CTR_RUNNING && !c->auto_remove)
		return life_ended(g, a, c, NULL, e);
	r = life_remove(g, a, c, NULL, e);
	return r < 0 ? r : 1;
}

static bool is_settled(const struct engine *g, const struct ctr *c)
{
	switch (c->status) {
	case CTR_CREATED:
	case CTR_EXITED:
		return true;
	case CTR_RUNNING:
		return ctr_init_alive(g, c) || ctr_owner_alive(g, c);
	case CTR_CREATING:
	case CTR_REMOVING:
		break;
	}
	return ctr_owner_alive(g, c);
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
	if (r == -DV_NOT_FOUND)
		return 1;
	if (r < 0)
		return r;
	*c = *now;      /* somebody may have done it while we waited */
	return is_settled(g, c) ? 0 : finish(g, a, c, e);
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

static int remove_locked(struct engine *g, struct arena *a, struct ctr *c, bool force, bool volumes, struct dv_err *e)
{
	struct ctr *now = NULL;
	int r = ctr_find(g, a, c->id, &now, e);

	if (r < 0)
		return r;
	if (now->status == CTR_RUNNING && !force)
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

int ctr_remove(struct engine *g, struct arena *a, const char *ref, bool force, bool volumes, struct dv_err *e)
{
	auto_close int lock = -1;
	struct ctr *c = NULL;
	int r = ctr_find(g, a, ref, &c, e);

	if (r < 0 || (r = life_settle(g, a, c, e)) < 0)
		return r;
	if (r > 0)      /* it had been on its way out */
		return 0;
	r = life_lock(g, c->id, &lock, e);
	if (r >= 0)
		r = remove_locked(g, a, c, force, volumes, e);
	/* Somebody else removed it while we waited. */
	return r == -DV_NOT_FOUND ? 0 : r;
}
