/* overlay.c - overlay mounts by descriptor. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "engine/helper.h"
#include "engine/overlay.h"
#include "oci/mount.h"

#define LAYERS_MAX 500
#define OLD_OPTIONS_MAX 4000    /* one page, less what the kernel adds */

static int make_dir(int dirfd, const char *name, mode_t mode, struct dv_err *e)
{
	if (mkdirat(dirfd, name, mode) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make directory %s", name);
	return 0;
}

/* The upper directory's own mode is what the container sees as that of "/". */
static int make_dirs(struct engine *g, const char *id, int *ret_dir, int *ret_upper, int *ret_work, struct dv_err *e)
{
	auto_close int top = -1;
	int r;

	r = file_open(engine_rootfd(g), "containers", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &top, NULL);
	if (r == -DV_NOT_FOUND && mkdirat(engine_rootfd(g), "containers", 0700) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make directory containers");
	if (top < 0 && (r = file_open(engine_rootfd(g), "containers", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &top, e)) < 0)
		return r;
	if ((r = make_dir(top, id, 0700, e)) < 0 ||
	    (r = file_open(top, id, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, ret_dir, e)) < 0 ||
	    (r = make_dir(*ret_dir, "upper", 0755, e)) < 0 || (r = make_dir(*ret_dir, "work", 0700, e)) < 0 ||
	    (r = file_open(*ret_dir, "upper", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, ret_upper, e)) < 0)
		return r;
	return file_open(*ret_dir, "work", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, ret_work, e);
}

/* The kernel's own words, if it left any. */
static int fs_fail(int fs, int sys, const char *what, struct dv_err *e)
{
	char line[256];
	ssize_t n = read(fs, line, sizeof line - 1);

	if (n <= 2)
		return dv_fail_errno(e, sys, "overlay: %s", what);
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return dv_fail_errno(e, sys, "overlay: %s (%s)", what, line + 2);
}

/* Linux 6.13. UNSUPPORTED where layers cannot be given by descriptor. */
static int mount_by_fd(const int *lowers, size_t n, int upper, int work, bool not_kept, int *ret_fd, struct dv_err *e)
{
	auto_close int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0)
		return dv_fail_errno(e, errno, "overlay: fsopen");
	(void)fsconfig(fs, FSCONFIG_SET_STRING, "source", "overlay", 0);     /* what mountinfo shows */
	for (size_t i = n; i-- > 0;)
		if (fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, lowers[i]) < 0)
			return i == n - 1 && (errno == EINVAL || errno == EBADF) ?
				       dv_fail(e, DV_UNSUPPORTED, "overlay: no layers by descriptor") :
				       fs_fail(fs, errno, "lower layer", e);
	if (fsconfig(fs, FSCONFIG_SET_FD, "upperdir", NULL, upper) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_FD, "workdir", NULL, work) < 0 ||
	    (not_kept && fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0))
		return fs_fail(fs, errno, "mount", e);
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		/* Before 6.15 this may mean that a layer is mounted detached. */
		int r = fs_fail(fs, errno, "mount", e);

		return r == -DV_INVALID ? -DV_UNSUPPORTED : r;
	}
	fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (fd < 0)
		return fs_fail(fs, errno, "mount", e);
	*ret_fd = fd;
	return 0;
}

/* --- the old way ---
 *
 * Paths instead of descriptors, in a mount namespace that nobody else sees: detached copies of everything are
 * put into a tmpfs there, and named "0", "1", ... That also attaches layers that are mounted detached, which
 * kernels before 6.15 do not take otherwise.
 */

struct old {
	int *mounts;            /* detached, lowest layer first; the last one holds upper/ and work/ */
	size_t n;
	const char *options;
	int place;
};

/* A kernel that cannot copy what is detached: then the layer's own mount is moved. */
static int old_copy(const int *fds, size_t n, int dir, int *ret, size_t *ret_n, struct dv_err *e)
{
	for (size_t i = 0; i <= n; i++) {
		int fd = i < n ? fds[i] : dir, r = mount_clone(fd, "", false, false, &ret[i], NULL);

		if (r < 0 && (r = fd_dup(fd, &ret[i], e)) < 0)
			return r;
		*ret_n = i + 1;
	}
	return 0;
}

static int old_attach(const struct old *o, struct dv_err *e)
{
	char name[24];

	for (size_t i = 0; i < o->n; i++) {
		(void)snprintf(name, sizeof name, "%zu", i);
		if (mkdirat(AT_FDCWD, name, 0700) < 0 || move_mount(o->mounts[i], "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
			return dv_fail_errno(e, errno, "overlay: put layer %zu into place", i);
	}
	return 0;
}

static int old_mount(const struct old *o, int *ret_fd, struct dv_err *e)
{
	auto_free char *path = NULL;
	char target[32];
	int r;

	(void)snprintf(target, sizeof target, "/proc/self/fd/%d", o->place);
	if ((r = file_readlink(AT_FDCWD, target, &path, e)) < 0)
		return r;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("tmpfs", path, "tmpfs", 0, "mode=700") < 0 ||
	    chdir(path) < 0 || mkdirat(AT_FDCWD, "merged", 0700) < 0)
		return dv_fail_errno(e, errno, "overlay: place to mount on");
	if ((r = old_attach(o, e)) < 0)
		return r;
	if (mount("overlay", "merged", "overlay", 0, o->options) < 0)
		return dv_fail_errno(e, errno, "overlay: mount");
	return mount_clone(AT_FDCWD, "merged", false, false, ret_fd, e);
}

static int old_helper(const void *ctx, int *ret, struct dv_err *e)
{
	return old_mount(ctx, &ret[0], e);
}

int overlay_mount_old(const int *lowers, size_t n, int dir, int place, bool not_kept, int *ret_fd, struct dv_err *e)
{
	auto_buf struct buf options = BUF_INIT(OLD_OPTIONS_MAX);
	struct old o = { .mounts = mem_alloc((n + 1) * sizeof(int)), .place = place };
	int r;

	for (size_t i = n; i-- > 0;)
		buf_printf(&options, "%s%zu", i == n - 1 ? "lowerdir=" : ":", i);
	buf_printf(&options, ",upperdir=%zu/upper,workdir=%zu/work%s", n, n, not_kept ? ",volatile" : "");
	r = buf_check(&options, "overlay: too many layers for this kernel: options", e);
	o.options = buf_cstr(&options);
	if (r >= 0)
		r = old_copy(lowers, n, dir, o.mounts, &o.n, e);
	if (r >= 0)
		r = helper_run(CLONE_NEWNS, old_helper, &o, ret_fd, 1, e);
	while (o.n > 0)
		fd_close(&o.mounts[--o.n]);
	free(o.mounts);
	return r;
}

/* --- all of it --- */

/* overlayfs refuses a directory that is named twice; further up it shows the same. */
static bool is_above(const struct image *img, size_t i)
{
	for (size_t k = i + 1; k < img->n_layers; k++)
		if (streq(img->layers[k].dir, img->layers[i].dir))
			return true;
	return false;
}

static int open_lowers(struct engine *g, const struct image *img, int *fds, size_t *ret_n, struct dv_err *e)
{
	int r = ground_open(g, &fds[0], e);

	if (r < 0)
		return r;
	*ret_n = 1;
	for (size_t i = 0; i < img->n_layers; i++) {
		if (is_above(img, i))
			continue;
		r = image_layer_open(engine_images(g), &img->layers[i], &fds[*ret_n], e);
		if (r < 0)
			return dv_wrap(e, "layer %s", img->layers[i].diff_id);
		++*ret_n;
	}
	return 0;
}

/* It may be there already, from the time before. */
static int make_place(int dir, struct dv_err *e)
{
	if (mkdirat(dir, "merged", 0700) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make directory merged");
	return 0;
}

static int mount_any(struct engine *g, const struct image *img, int dir, int upper, int work, bool not_kept, int *ret_fd,
		     struct dv_err *e)
{
	int lowers[LAYERS_MAX + 1];
	size_t n = 0;
	int r;

	if (img->n_layers > LAYERS_MAX)
		return dv_fail(e, DV_LIMIT, "image %s has %zu layers: %d are possible", img->id, img->n_layers, LAYERS_MAX);
	r = open_lowers(g, img, lowers, &n, e);
	if (r >= 0)
		r = mount_by_fd(lowers, n, upper, work, not_kept, ret_fd, e);
	if (r == -DV_UNSUPPORTED && (r = make_place(dir, e)) >= 0) {
		auto_close int place = -1;

		r = file_open(dir, "merged", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &place, e);
		if (r >= 0)
			r = overlay_mount_old(lowers, n, dir, place, not_kept, ret_fd, e);
	}
	for (size_t i = 0; i < n; i++)
		fd_close(&lowers[i]);
	return r;
}

int overlay_make(struct engine *g, const struct image *img, const char *id, bool not_kept, int *ret_fd, struct dv_err *e)
{
	auto_close int dir = -1, upper = -1, work = -1;
	int r = overlay_shared(g, id, ret_fd, e);

	if (r != 0)
		return r < 0 ? r : 0;
	r = make_dirs(g, id, &dir, &upper, &work, e);
	return r < 0 ? r : mount_any(g, img, dir, upper, work, not_kept, ret_fd, e);
}
