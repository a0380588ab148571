/* run.c - the life of `run`: record, root, process, wait, clean up.
 *
 * It may be killed at any moment. What it makes is named by its row before it is made; the overlay and
 * every other mount is detached until the container's own mount namespace holds it.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/bundle.h"
#include "engine/etc.h"
#include "engine/life.h"
#include "engine/overlay.h"
#include "engine/run.h"
#include "engine/security.h"
#include "engine/events.h"
#include "engine/volume.h"
#include "engine/nullio.h"
#include "image/name.h"
#include "oci/container.h"
#include "oci/foreground.h"
#include "oci/seccomp_default.h"

#define NAME_ATTEMPTS 16

enum { EXIT_ENGINE = 125, EXIT_CANNOT_INVOKE = 126, EXIT_NOT_FOUND = 127 };

struct run {
	struct engine *g;
	struct arena *a;
	const struct run_request *q;
	struct image *image;
	struct run_config config;
	struct ctr row;
	char id[CTR_ID_SIZE];
	int lock, root;
	bool no_program;
	struct container_started started;
	struct container box;           /* kept open while it runs */
};

/* --- image and record --- */

static int find_image(struct run *x, struct dv_err *e)
{
	const char *ref = x->q->image, *full = NULL;
	int r = image_resolve(engine_images(x->g), x->a, ref, &x->image, e);

	if (r != -DV_NOT_FOUND)
		return r;
	if (image_name_normalize(x->a, ref, &full, NULL) >= 0)
		ref = image_name_familiar(full);
	return dv_fail(e, DV_NOT_FOUND, "Unable to find image '%.256s' locally", ref);
}

/* Who has the name may be a container whose command line has died. */
static int name_taken(struct run *x, const char *name, struct dv_err *e)
{
	struct ctr *c = NULL;
	int r = ctr_find(x->g, x->a, name, &c, e);

	if (r == -DV_NOT_FOUND)
		return 0;
	if (r < 0 || (r = life_settle(x->g, x->a, c, e)) != 0)
		return r < 0 ? r : 0;
	return dv_fail(e, DV_EXISTS,
		       "Conflict. The container name \"/%.64s\" is already in use by container \"%s\". You have to remove "
		       "(or rename) that container to be able to reuse that name.", name, c->id);
}

static int record(struct run *x, struct dv_err *e)
{
	const char *name = x->q->name;
	int r = -DV_EXISTS;

	x->row = (struct ctr){ .id = x->id, .image = x->image->id, .image_ref = x->q->image, .status = CTR_CREATING,
			       .auto_remove = x->q->rm, .boot = engine_boot(x->g), .owner = *engine_self(x->g), .error = "",
			       .created_ns = ctr_now_ns(), .config = json_text(x->a, x->config.inspect, JSON_COMPACT) };
	for (unsigned i = 0; r == -DV_EXISTS && i < NAME_ATTEMPTS; i++) {
		x->row.name = name ? name : ctr_random_name(x->a, i);
		r = ctr_insert(x->g, &x->row, e);
		if (r != -DV_EXISTS || !name)
			continue;
		if ((r = name_taken(x, name, e)) < 0)
			return r;
		r = -DV_EXISTS;
	}
	return r;
}

/* --- start --- */

static int make_config(struct run *x, struct json **ret, struct dv_err *e)
{
	const char *dir = arena_printf(x->a, "%s/containers/%s", engine_runroot(x->g), x->id);
	struct user u;
	int r;

	if ((r = overlay_make(x->g, x->image, x->id, x->q->rm, &x->root, e)) < 0 ||
	    (r = user_find(x->a, x->root, x->config.user, &u, e)) < 0 ||
	    (r = user_add_groups(x->a, x->root, x->q->groups, &u, e)) < 0 || (r = etc_write(x->lock, &x->config, e)) < 0 ||
	    (r = etc_write_zone(x->lock, x->q, e)) < 0 || (r = passwd_write(x->a, x->lock, x->root, x->q, &u, e)) < 0 ||
	    (r = nsmode_resolve(x->g, x->a, &x->config, e)) < 0)
		return r;
	const struct volume_call v = { .id = x->id, .root = x->root, .first = true, .uid = u.uid, .gid = u.gid };
	if ((r = volume_prepare(x->g, x->a, &v, &x->config, e)) < 0)
		return r;
	return bundle_make(x->a, x->q, &x->config, &u, x->id, dir, ret, e);
}

static int create(struct run *x, int console_fd, struct dv_err *e)
{
	struct seccomp_filter filter;
	struct json *config = NULL;
	struct container_opts o = { .root = engine_oci_root(x->g), .id = x->id, .bundle = engine_root(x->g),
				    .console_fd = console_fd, .console_optional = true, .cgroup_manager = CGROUP_FS,
				    .rootless = 0, .keep = &x->box, .ret_no_program = &x->no_program };
	int r;

	if ((r = make_config(x, &config, e)) < 0)
		return r;
	if (!x->config.sec.unfiltered && !x->config.sec.seccomp) {
		if ((r = seccomp_default_compile(x->a, x->config.caps, &filter, e)) < 0)
			return r;
		o.filter = &filter;
	}
	o.config = config;
	o.root_tree = x->root;
	r = container_create(x->a, &o, &x->started, e);
	fd_close(&x->root);
	return r;
}

static int mark_running(struct run *x, struct dv_err *e)
{
	int r;

	x->row.status = CTR_RUNNING;
	x->row.started_ns = ctr_now_ns();
	if ((r = proc_identify(x->started.pid, &x->row.init, e)) >= 0 && (r = ctr_save(x->g, &x->row, e)) >= 0)
		event_ctr(x->g, &x->row, "start", NULL, NULL);
	return r;
}

/* --- end --- */

/* The container was made and did not start: it stays, as docker's does, unless it was to be removed. */
static int not_started(struct run *x, int status)
{
	if (x->q->rm)
		return life_remove(x->g, x->a, &x->row, NULL, NULL);
	x->row.status = CTR_CREATED;
	x->row.owner = (struct proc_id){ 0 };
	x->row.has_exit = true;
	x->row.exit_code = status;
	return ctr_save(x->g, &x->row, NULL);
}

static int ended(struct run *x, int code, struct dv_err *e)
{
	int r = life_lock(x->g, x->id, &x->lock, e);

	if (r == -DV_NOT_FOUND)
		return 0;       /* removed by force while it ran */
	if (r < 0)
		return r;
	x->row.has_exit = true;
	x->row.exit_code = code;
	x->box.status = STATUS_STOPPED;
	if (x->q->rm)
		event_ended(x->g, &x->row);
	return x->q->rm ? life_remove(x->g, x->a, &x->row, &x->box, e) : life_ended(x->g, x->a, &x->row, &x->box, e);
}

static int status_of(const struct run *x, int r)
{
	if (!x->no_program)
		return EXIT_ENGINE;
	return r == -DV_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_CANNOT_INVOKE;
}

/* What dead command lines left is looked after while the container runs: nobody waits for it. */
static void tidy(struct run *x)
{
	struct dv_err why = DV_ERR_NONE;

	if (life_settle_busy(x->g, x->a, &why) < 0 || overlay_tidy(x->g, &why) < 0)
		log_warn("what is left of other containers stays for now", "reason", why.msg, NULL);
}

static int start_and_wait(struct run *x, struct foreground *f, int console_fd, int *ret_status, struct dv_err *e)
{
	int code, r = create(x, console_fd, e);

	if (r < 0) {
		*ret_status = status_of(x, r);
		x->row.error = e ? e->msg : "";
		dv_ignore(not_started(x, *ret_status));
		fd_close(&x->lock);
		return r;
	}
	r = mark_running(x, e);
	fd_close(&x->lock);
	tidy(x);
	code = foreground_wait(f, &x->started, e);
	fd_close(&x->started.pidfd);
	if (code < 0)
		return code;
	r = ended(x, code, e);
	return r < 0 ? r : code;
}

static int run_recorded(struct run *x, int *ret_status, struct dv_err *e)
{
	struct foreground *f = NULL;
	int console_fd = -1, r;

	if ((r = life_lock(x->g, x->id, &x->lock, e)) < 0 || (!x->q->interactive && (r = stdin_null(e)) < 0) ||
	    (r = foreground_new(x->q->tty, &f, &console_fd, e)) < 0)
		return r;
	r = start_and_wait(x, f, console_fd, ret_status, e);
	foreground_free(f);
	return r;
}

static int check(const struct run_request *q, struct dv_err *e)
{
	if (q->interactive && q->tty && !isatty(0))
		return dv_fail(e, DV_INVALID, "the input device is not a TTY");
	return q->name ? ctr_check_name(q->name, e) : 0;
}

int engine_run(struct engine *g, struct arena *a, const struct run_request *request, int *ret_status, struct dv_err *e)
{
	struct run_request with = *request, *q = &with;
	struct run x = { .box = CONTAINER_NONE, .g = g, .a = a, .q = q, .lock = -1, .root = -1, .started = { .pidfd = -1 } };
	int r;

	*ret_status = EXIT_ENGINE;
	(void)umask(022);       /* what is made here is made for the container */
	if ((r = check(q, e)) < 0 || (r = find_image(&x, e)) < 0 ||
	    (r = volumes_from(g, a, &with, e)) < 0 || (r = ctr_new_id(x.id, e)) < 0 || (r = run_configure(a, q, x.image, x.id, &x.config, e)) < 0 ||
	    (r = record(&x, e)) < 0)
		return r;
	event_ctr(g, &x.row, "create", NULL, NULL);
	r = run_recorded(&x, ret_status, e);
	fd_close(&x.root);
	fd_close(&x.lock);
	container_close(&x.box);
	return r;
}
