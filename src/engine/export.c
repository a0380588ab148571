/* export.c - a container's root, through its first process or mounted once more, as a tar. */
#include <stdio.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/export.h"
#include "engine/life.h"
#include "engine/overlay.h"
#include "image/tarwalk.h"

/* What the first process has as its root is the overlay itself. */
static int root_of_running(struct engine *g, const struct ctr *c, int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	char path[48];
	int r;

	(void)snprintf(path, sizeof path, "/proc/%d/root", (int)c->init.pid);
	r = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &fd, e);
	if (r >= 0 && !ctr_init_alive(g, c))
		return dv_fail(e, DV_CONFLICT, "Container %s ended meanwhile", c->id);
	if (r >= 0)
		*ret_fd = take_fd(&fd);
	return r;
}

/* Nobody else mounts it or takes it away while we hold the lock. */
static int root_of_stopped(struct engine *g, struct arena *a, const struct ctr *c, int *ret_fd, struct dv_err *e)
{
	auto_close int mount = -1;
	struct image *img = NULL;
	int r = image_resolve(engine_images(g), a, c->image, &img, e);

	if (r < 0 || (r = overlay_again(g, img, c->id, &mount, e)) < 0)
		return r;
	return file_open(mount, ".", O_RDONLY | O_DIRECTORY, 0, ret_fd, e);
}

int engine_export(struct engine *g, struct arena *a, const char *ref, int out_fd, const char *what, struct dv_err *e)
{
	static const struct tarwalk_options options = { .one_filesystem = true };
	auto_close int lock = -1, root = -1;
	struct ctr *c = NULL;
	int r = ctr_find(g, a, ref, &c, e);

	if (r >= 0)
		r = life_settle(g, a, c, e);
	if (r > 0)
		return dv_fail(e, DV_NOT_FOUND, "No such container: %.300s", ref);
	if (r < 0)
		return r;
	if (c->status == CTR_RUNNING)
		r = root_of_running(g, c, &root, e);
	else if ((r = life_lock(g, c->id, &lock, e)) >= 0)
		r = root_of_stopped(g, a, c, &root, e);
	return r < 0 ? r : tar_walk(root, out_fd, what, &options, e);
}
