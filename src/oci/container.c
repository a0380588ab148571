/* container.c - containers that exist: open, start, signal, freeze, change, delete. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/str.h"
#include "oci/container.h"
#include "oci/hooks.h"
#include "oci/rdt.h"
#include "oci/spec.h"
#include "oci/sync.h"

#define DESTROY_MS 10000

int container_open(struct arena *a, const char *root, const char *id, bool lock, struct container *ret,
		   struct dv_err *e)
{
	auto_container struct container c = CONTAINER_NONE;
	int r;

	r = state_root_open(root, false, &c.root_fd, e);
	if (r == -DV_NOT_FOUND)
		return dv_fail(e, DV_NOT_FOUND, "container does not exist: %s", id);
	if (r < 0 || (r = state_open(c.root_fd, id, lock, &c.dir_fd, e)) < 0 ||
	    (r = state_load(c.dir_fd, a, &c.state, e)) < 0)
		return r;
	if (c.state.cgroup && (r = cgroup_from_json(c.state.cgroup, c.state.rootless, &c.cgroup, e)) < 0)
		return r;
	c.status = state_status(c.dir_fd, &c.state, lock);
	*ret = c;
	c = CONTAINER_NONE;
	return 0;
}

void container_close(struct container *c)
{
	fd_close(&c->dir_fd);
	fd_close(&c->root_fd);
	cgroup_close(c->cgroup);
	*c = CONTAINER_NONE;
}

/* --- start --- */

static int check_startable(const struct container *c, struct dv_err *e)
{
	switch (c->status) {
	case STATUS_CREATED:
		return 0;
	case STATUS_STOPPED:
		return dv_fail(e, DV_CONFLICT, "cannot start a container that has stopped");
	case STATUS_RUNNING:
		return dv_fail(e, DV_CONFLICT, "cannot start an already running container");
	case STATUS_CREATING:
	case STATUS_PAUSED:
		break;
	}
	return dv_fail(e, DV_CONFLICT, "cannot start a container in the %s state", status_name(c->status));
}

/* The message first, then the socket's name: a killed start leaves a name that nobody listens on. */
static int trigger(struct container *c, struct dv_err *e)
{
	auto_close int conn = -1;
	struct sync_msg m;
	int r;

	if ((r = fd_unix_connect(c->dir_fd, "start.sock", &conn, e)) < 0 ||
	    (r = sync_send(conn, SYNC_START, 0, e)) < 0)
		return r;
	(void)unlinkat(c->dir_fd, "start.sock", 0);
	while ((r = sync_recv(conn, &m, e)) > 0)
		;
	return r;
}

int container_start(const char *root, const char *id, struct dv_err *e)
{
	auto_arena struct arena a;
	auto_container struct container c = CONTAINER_NONE;
	struct spec spec;
	const struct spec_hooks *h;
	int r;

	arena_init(&a, 0);
	if ((r = container_open(&a, root, id, true, &c, e)) < 0 || (r = check_startable(&c, e)) < 0 ||
	    (r = spec_decode(&a, c.state.config, &spec, e)) < 0 || (r = trigger(&c, e)) < 0)
		return r;
	h = spec.hooks;
	if (!h || !h->poststart.n)
		return 0;
	return hooks_run("poststart", &h->poststart,
			 json_text(&a, state_json(&a, &c.state, STATUS_RUNNING, c.state.init.pid), JSON_COMPACT),
			 &spec.annotations, e);
}

/* --- signals, freezer, limits --- */

static int signal_init(const struct container *c, int sig, struct dv_err *e)
{
	auto_close int pidfd = -1;
	int r = proc_open(c->state.init.pid, &pidfd, e);

	/* Opened first, checked after: the descriptor then is the process that the state names. */
	if (r < 0 || !proc_alive(&c->state.init))
		return dv_fail(e, DV_CONFLICT, "container not running");
	return proc_signal(pidfd, sig, e);
}

int container_kill(struct container *c, int sig, bool all, struct dv_err *e)
{
	int r;

	if (all) {
		r = cgroup_kill(c->cgroup, sig, e);
		return r == -DV_NOT_FOUND ? 0 : r;
	}
	if (c->status == STATUS_STOPPED)
		return dv_fail(e, DV_CONFLICT, "container not running");
	r = signal_init(c, sig, e);
	/* A frozen process on cgroup v1 survives even SIGKILL. */
	if (r >= 0 && c->status == STATUS_PAUSED && sig == SIGKILL)
		r = cgroup_thaw(c->cgroup, e);
	return r;
}

int container_pause(struct container *c, struct dv_err *e)
{
	if (c->status != STATUS_RUNNING && c->status != STATUS_CREATED)
		return dv_fail(e, DV_CONFLICT, "container not running or created: %s", status_name(c->status));
	return cgroup_freeze(c->cgroup, e);
}

int container_resume(struct container *c, struct dv_err *e)
{
	if (c->status != STATUS_PAUSED)
		return dv_fail(e, DV_CONFLICT, "container not paused");
	return cgroup_thaw(c->cgroup, e);
}

/* Members of `over` replace those of `base`, objects one level deep: an update names only what changes. */
static struct json *overlay(struct arena *a, const struct json *base, const struct json *over)
{
	struct json *out = base ? json_copy(a, base) : json_new_object(a);

	for (size_t i = 0; i < json_len(over); i++) {
		const char *key = json_key(over, i);
		const struct json *v = json_at(over, i), *old = json_get(out, key);

		if (json_type(v) == JSON_OBJECT && json_type(old) == JSON_OBJECT)
			json_set(a, out, key, overlay(a, old, v));
		else
			json_set(a, out, key, json_copy(a, v));
	}
	return out;
}

int container_update(struct arena *a, struct container *c, const struct json *resources, struct dv_err *e)
{
	struct json *config;
	int r;

	if (c->status == STATUS_STOPPED)
		return dv_fail(e, DV_CONFLICT, "container not running");
	r = cgroup_set(c->cgroup, resources, false, e);
	if (r < 0)
		return r;
	config = json_copy(a, c->state.config);
	json_set_path(a, config, "linux.resources", overlay(a, json_path(config, "linux.resources"), resources));
	c->state.config = config;
	return state_save(c->dir_fd, a, &c->state, e);
}

/* --- delete --- */

static int kill_and_wait(struct container *c, struct dv_err *e)
{
	auto_close int pidfd = -1;
	int status;

	if (c->cgroup && cgroup_layout(c->cgroup) != CGROUP_NONE)
		dv_ignore(cgroup_kill(c->cgroup, SIGKILL, NULL));
	if (!c->state.init.pid || proc_open(c->state.init.pid, &pidfd, NULL) < 0 || !proc_alive(&c->state.init))
		return 0;
	dv_ignore(proc_signal(pidfd, SIGKILL, NULL));
	if (c->cgroup)
		dv_ignore(cgroup_thaw(c->cgroup, NULL));
	if (poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, DESTROY_MS) == 0)
		return dv_fail(e, DV_TIMEOUT, "container init still running");
	(void)waitpid(c->state.init.pid, &status, WNOHANG);     /* if it is ours */
	return 0;
}

static int run_poststop(struct arena *a, struct container *c)
{
	struct spec spec;
	const struct spec_hooks *h;
	struct dv_err e = DV_ERR_NONE;

	if (spec_decode(a, c->state.config, &spec, NULL) < 0 || !spec.hooks)
		return 0;
	h = spec.hooks;
	return hooks_run("poststop", &h->poststop,
			 json_text(a, state_json(a, &c->state, STATUS_STOPPED, 0), JSON_COMPACT), &spec.annotations, &e);
}

/* The state was cut off before it named anything: nothing else can be there. */
static int delete_unreadable(int root_fd, const char *id, struct dv_err *e)
{
	auto_close int dir = -1;
	int r = state_open(root_fd, id, true, &dir, e);

	return r < 0 ? r : state_remove(root_fd, id, e);
}

/* Mostly nothing is left in it. What is (processes that outlived the first one, since the pid namespace was not
 * the container's own) is killed. */
static int remove_cgroup(struct container *c, struct dv_err *e)
{
	int r;

	if (!c->cgroup)
		return 0;
	if (c->status == STATUS_STOPPED && cgroup_destroy(c->cgroup, 0, NULL) >= 0)
		return 0;
	dv_ignore(cgroup_kill(c->cgroup, SIGKILL, NULL));
	r = cgroup_destroy(c->cgroup, DESTROY_MS, e);
	return r;
}

int container_delete_open(struct arena *a, struct container *c, bool force, struct dv_err *e)
{
	int r;

	if (c->status != STATUS_STOPPED && !force && c->status != STATUS_CREATED)
		return dv_fail(e, DV_CONFLICT, "cannot delete container %s that is not stopped: %s", c->state.id,
			       status_name(c->status));
	if ((c->status != STATUS_STOPPED && (r = kill_and_wait(c, e)) < 0) || (r = remove_cgroup(c, e)) < 0)
		return r;
	rdt_remove(c->state.config, c->state.id);
	if ((r = state_remove(c->root_fd, c->state.id, e)) < 0)
		return r;
	(void)run_poststop(a, c);       /* as the specification says: a failing one only warns */
	return 0;
}

int container_delete(struct arena *a, const char *root, const char *id, bool force, struct dv_err *e)
{
	auto_container struct container c = CONTAINER_NONE;
	auto_close int root_fd = -1;
	int r = container_open(a, root, id, true, &c, e);

	if (r >= 0)
		return container_delete_open(a, &c, force, e);
	if (force && r == -DV_NOT_FOUND && state_check_id(id, NULL) == 0 &&
	    (state_root_open(root, false, &root_fd, NULL) < 0 ||
	     faccessat(root_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) < 0)) {
		if (root_fd >= 0)
			state_sweep(root_fd, id);
		return 0;
	}
	if (r == -DV_NOT_FOUND || r == -DV_INVALID) {
		if (root_fd < 0 && state_root_open(root, false, &root_fd, NULL) < 0)
			return r;
		if (faccessat(root_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			return r;
		return delete_unreadable(root_fd, id, e);
	}
	return r;
}
