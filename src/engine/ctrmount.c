/* ctrmount.c - a container's overlay at a place that everybody sees.
 *
 * Of one that runs it is a copy of the mount that its processes have, taken by a helper in their mount namespace. Of one
 * that does not it is mounted, and a later start takes a copy of that (overlay_share.c): there is one
 * overlay, however often it is looked at.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>

#include "base/file.h"
#include "engine/ctrmount.h"
#include "engine/helper.h"
#include "engine/life.h"
#include "engine/overlay.h"
#include "engine/root.h"
#include "oci/mount.h"

static int copy_root(const void *ctx, int *ret, struct dv_err *e)
{
	const int *ns = ctx;

	if (setns(*ns, CLONE_NEWNS) < 0)
		return dv_fail_errno(e, errno, "enter the container's mount namespace");
	return mount_clone(AT_FDCWD, "/", false, false, &ret[0], e);
}

static int tree_of_running(struct engine *g, const struct ctr *c, int *ret_tree, struct dv_err *e)
{
	auto_close int ns = -1;
	char path[48];
	int r;

	(void)snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)c->init.pid);
	if ((r = file_open(AT_FDCWD, path, O_RDONLY, 0, &ns, e)) < 0)
		return r;
	if (!ctr_init_alive(g, c))
		return dv_fail(e, DV_CONFLICT, "Container %s ended meanwhile", c->id);
	return helper_run(0, copy_root, &ns, ret_tree, 1, e);
}

struct tree {
	struct engine *g;
	struct arena *a;
	const struct ctr *row;
};

static int make_tree(void *ctx, int dir, int *ret_tree, struct dv_err *e)
{
	const struct tree *t = ctx;
	struct image *img = NULL;
	int r;

	if (t->row->status == CTR_RUNNING)
		return tree_of_running(t->g, t->row, ret_tree, e);
	r = image_resolve(engine_images(t->g), t->a, t->row->image, &img, e);
	return r < 0 ? r : overlay_make(t->g, img, t->row->id, false, ret_tree, e);
}

int ctr_mount(struct engine *g, struct arena *a, const struct ctr *c, const char **ret, struct dv_err *e)
{
	struct tree t = { g, a, c };
	auto_close int lock = -1, dir = -1;
	int r;

	if ((c->status != CTR_RUNNING && (r = life_lock(g, c->id, &lock, e)) < 0) ||
	    (r = place_open(g, OVERLAY_PLACES, &dir, e)) < 0)
		return r;
	if ((r = place_mount(dir, c->id, make_tree, &t, e)) < 0)
		return dv_wrap(e, "mount container %.12s", c->id);
	*ret = place_path(g, a, OVERLAY_PLACES, c->id);
	return 0;
}

int ctr_unmount(struct engine *g, const char *id, bool force, struct dv_err *e)
{
	auto_close int dir = -1;
	int r = place_open(g, OVERLAY_PLACES, &dir, e);

	if (r >= 0)
		r = place_unmount(dir, id, force, e);
	return r < 0 ? dv_wrap(e, "container") : r;
}

int ctr_mount_list(struct engine *g, struct arena *a, struct places *ret, struct dv_err *e)
{
	return place_list(g, a, OVERLAY_PLACES, ret, e);
}
