/* root.c - opening a container's root.
 *
 * For one that does not run the overlay is mounted once more. Where its volumes are wanted too, all is put
 * together in a mount namespace that nobody else sees: a helper process makes it and goes, its descriptors
 * keep it. Nothing shows on the host, nothing is left when we are killed.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "engine/helper.h"
#include "engine/life.h"
#include "engine/overlay.h"
#include "engine/root.h"
#include "engine/volume.h"
#include "oci/mount.h"

int ctr_get(struct engine *g, struct arena *a, const char *ref, struct ctr **ret, struct dv_err *e)
{
	int r = ctr_find(g, a, ref, ret, e);

	if (r >= 0)
		r = life_settle(g, a, *ret, e);
	return r > 0 ? dv_fail(e, DV_NOT_FOUND, "No such container: %.300s", ref) : r;
}

int ctr_root_share(struct ctr_root *r, struct engine *g, struct dv_err *e)
{
	int rc;

	if (r->mount < 0) {
		fd_close(&r->lock);
		return 0;
	}
	if (r->lock < 0)
		return 0;
	if ((rc = file_open(r->lock, ".", O_PATH | O_DIRECTORY, 0, &r->run_dir, e)) < 0 ||
	    (rc = overlay_share(g, r->run_dir, r->mount, e)) < 0)
		return rc;
	r->shared_by = g;
	fd_close(&r->lock);
	return 0;
}

void ctr_root_close(struct ctr_root *r)
{
	if (r->shared_by)
		overlay_unshare(r->shared_by, r->run_dir);
	fd_close(&r->run_dir);
	fd_close(&r->fd);
	fd_close(&r->ns);
	fd_close(&r->mount);
	fd_close(&r->lock);
}

/* What the first process has as its root is the overlay itself, with everything on it. */
static int open_running(struct engine *g, const struct ctr *c, struct ctr_root *ret, struct dv_err *e)
{
	char path[48];
	int r;

	(void)snprintf(path, sizeof path, "/proc/%d/root", (int)c->init.pid);
	r = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &ret->fd, e);
	if (r >= 0 && !ctr_init_alive(g, c))
		return dv_fail(e, DV_CONFLICT, "Container %s ended meanwhile", c->id);
	return r;
}

/* --- with its mounts --- */

struct gather {
	struct engine *g;
	const struct json *mounts;      /* "Mounts" with absolute sources */
	int overlay;
	bool read_only;
};

static const char *text_of(const struct json *m, const char *key)
{
	const char *s = json_str(json_get(m, key));

	return s ? s : "";
}

static bool is_wanted(const struct json *m)
{
	return streq(text_of(m, "Type"), "volume") || streq(text_of(m, "Type"), "bind");
}

/* Sources are opened before the overlay hides the place it is put on. */
static int open_sources(const struct gather *x, int *fds, struct dv_err *e)
{
	size_t i = 0;

	for (JSON_EACH(it, x->mounts)) {
		int fd = -1, r = is_wanted(it.value) ? mount_clone(AT_FDCWD, text_of(it.value, "Source"), true, false, &fd, e) : 0;

		if (r >= 0 && fd >= 0 && !json_bool(json_get(it.value, "RW")))
			r = mount_set(fd, MOUNT_ATTR_RDONLY, 0, 0, -1, true, text_of(it.value, "Destination"), e);
		if (r < 0)
			return r;
		fds[i++] = fd;
	}
	return 0;
}

static int attach(int root, const struct json *m, int source, struct dv_err *e)
{
	const char *dst = text_of(m, "Destination");
	auto_close int target = -1;
	struct stat st;
	int r;

	if (fstat(source, &st) < 0)
		return dv_fail_errno(e, errno, "%s", dst);
	r = mount_target(root, dst, S_ISDIR(st.st_mode) ? TARGET_DIR : TARGET_FILE, 0, &target, e);
	return r < 0 ? r : mount_attach(source, target, dst, e);
}

static unsigned depth(const char *path)
{
	unsigned n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

static int attach_all(const struct gather *x, int root, const int *fds, struct dv_err *e)
{
	size_t done = 0, n = json_len(x->mounts);
	int r = 0;

	for (unsigned d = 1; r >= 0 && done < n; d++) {
		size_t i = 0;

		for (JSON_EACH(it, x->mounts)) {
			int fd = fds[i++];

			if (depth(text_of(it.value, "Destination")) != d)
				continue;
			done++;
			if (r >= 0 && fd >= 0)
				r = attach(root, it.value, fd, e);
		}
	}
	return r;
}

/* In the new mount namespace: the overlay comes on top of our own root directory. ret: its "/", and the namespace. */
static int gather(const void *ctx, int *ret, struct dv_err *e)
{
	const struct gather *x = ctx;
	int *fds = mem_alloc((json_len(x->mounts) + 1) * sizeof *fds), r;
	auto_close int place = -1;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return dv_fail_errno(e, errno, "private mounts");
	if ((r = open_sources(x, fds, e)) < 0 ||
	    (r = file_open(AT_FDCWD, engine_root(x->g), O_PATH | O_DIRECTORY, 0, &place, e)) < 0 ||
	    (r = mount_attach(x->overlay, place, "the container's root", e)) < 0 ||
	    (r = file_open(AT_FDCWD, engine_root(x->g), O_RDONLY | O_DIRECTORY, 0, &ret[0], e)) < 0 ||
	    (r = attach_all(x, ret[0], fds, e)) < 0)
		return r;
	if (x->read_only && (r = mount_set(ret[0], MOUNT_ATTR_RDONLY, 0, 0, -1, false, "the container's root", e)) < 0)
		return r;
	return file_open(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY, 0, &ret[1], e);
}

/* --- one that does not run --- */

static int mount_overlay(struct engine *g, struct arena *a, const struct ctr *c, int *ret_fd, struct dv_err *e)
{
	struct image *img = NULL;
	int r = image_resolve(engine_images(g), a, c->image, &img, e);

	return r < 0 ? r : overlay_make(g, img, c->id, false, ret_fd, e);
}

/* Volumes of a container that was never started are made and filled as for a start. */
static int with_mounts(struct engine *g, struct arena *a, const struct ctr *c, const struct json *config, int overlay,
		       struct ctr_root *ret, struct dv_err *e)
{
	struct gather x = { .g = g, .overlay = overlay, .mounts = volume_show(g, a, json_get(config, "Mounts")),
			    .read_only = json_bool(json_path(config, "HostConfig.ReadonlyRootfs")) };
	const struct volume_call call = { .id = c->id, .root = overlay, .first = c->started_ns == 0 };
	struct run_config rc = { .mounts = json_new_array(a), .mount_points = (struct json *)json_get(config, "Mounts") };
	int fds[2] = { -1, -1 }, r = volume_prepare(g, a, &call, &rc, e);

	if (r < 0 || (r = helper_run(CLONE_NEWNS, gather, &x, fds, 2, e)) < 0)
		return r;
	ret->fd = fds[0];
	ret->ns = fds[1];
	return 0;
}

static int open_stopped(struct engine *g, struct arena *a, const struct ctr *c, bool mounts, struct ctr_root *ret,
			struct dv_err *e)
{
	auto_close int overlay = -1;
	struct json *config = NULL;
	int r;

	if ((r = life_lock(g, c->id, &ret->lock, e)) < 0 || (r = mount_overlay(g, a, c, &ret->mount, e)) < 0 ||
	    (r = json_parse(a, c->config, strlen(c->config), &config, e)) < 0)
		return r;
	if (mounts && (json_len(json_get(config, "Mounts")) || json_bool(json_path(config, "HostConfig.ReadonlyRootfs")))) {
		/* Kernels before 6.15 copy no detached mount: then nobody shares it. */
		if (mount_clone(ret->mount, "", false, false, &overlay, NULL) < 0)
			overlay = take_fd(&ret->mount);
		return with_mounts(g, a, c, config, overlay, ret, e);
	}
	return file_open(ret->mount, ".", O_RDONLY | O_DIRECTORY, 0, &ret->fd, e);
}

int ctr_root_open(struct engine *g, struct arena *a, const struct ctr *c, bool mounts, struct ctr_root *ret, struct dv_err *e)
{
	struct ctr_root x = CTR_ROOT_NONE;
	int r = c->status == CTR_RUNNING ? open_running(g, c, &x, e) : open_stopped(g, a, c, mounts, &x, e);

	if (r < 0) {
		ctr_root_close(&x);
		return r;
	}
	*ret = x;
	return 0;
}
