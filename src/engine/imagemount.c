/* imagemount.c - an image's layers as one read-only tree, detached or at a place below RUNROOT. */
#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/imagemount.h"
#include "oci/sys.h"

#define DIR_NAME "images"
#define LAYERS_MAX 500

static const char *hex_of(const char *id)
{
	const char *hex = str_after(id, "sha256:");

	return hex ? hex : id;
}

/* --- the tree --- */

static int open_layers(struct engine *g, const struct image *img, int *fds, size_t *ret_n, struct dv_err *e)
{
	for (size_t i = img->n_layers; i-- > 0;) {
		bool twice = false;

		/* The same directory further up shows the same. */
		for (size_t k = i + 1; k < img->n_layers && !twice; k++)
			twice = streq(img->layers[k].dir, img->layers[i].dir);
		if (twice)
			continue;
		int r = image_layer_open(engine_images(g), &img->layers[i], &fds[*ret_n], e);
		if (r < 0)
			return dv_wrap(e, "layer %s", img->layers[i].diff_id);
		++*ret_n;
	}
	return 0;
}

/* Uppermost first. Linux 6.13 takes layers by descriptor, older ones by a path that leads to it. */
static int give_layers(int fs, const int *fds, size_t n, struct dv_err *e)
{
	auto_buf struct buf text = BUF_INIT(255);
	size_t i = 0;

	while (i < n && fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, fds[i]) == 0)
		i++;
	if (i == n)
		return 0;
	if (i > 0 || (errno != EINVAL && errno != EBADF))
		return dv_fail_errno(e, errno, "overlay: lower layer");
	for (; i < n; i++)
		buf_printf(&text, "%s/proc/self/fd/%d", i ? ":" : "", fds[i]);
	int r = buf_check(&text, "overlay: too many layers for this kernel: options", e);
	if (r == 0 && fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", buf_cstr(&text), 0) < 0)
		return dv_fail_errno(e, errno, "overlay: lower layers");
	return r;
}

static int mount_layers(const int *fds, size_t n, int *ret_fd, struct dv_err *e)
{
	auto_close int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	int fd, r;

	if (fs < 0)
		return dv_fail_errno(e, errno, "overlay: fsopen");
	(void)fsconfig(fs, FSCONFIG_SET_STRING, "source", "overlay", 0);
	if ((r = give_layers(fs, fds, n, e)) < 0)
		return r;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return dv_fail_errno(e, errno, "overlay: make");
	fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID);
	if (fd < 0)
		return dv_fail_errno(e, errno, "overlay: mount");
	*ret_fd = fd;
	return 0;
}

static int tree_open(struct engine *g, int dir, const struct image *img, int *ret_fd, struct dv_err *e)
{
	int fds[LAYERS_MAX + 1], r;
	size_t n = 0;

	if (img->n_layers > LAYERS_MAX)
		return dv_fail(e, DV_LIMIT, "image %s has %zu layers: %d are possible", img->id, img->n_layers, LAYERS_MAX);
	if (mkdirat(dir, "empty", 0755) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make an empty directory");
	r = open_layers(g, img, fds, &n, e);
	/* overlayfs wants at least two. */
	if (r >= 0)
		r = file_open(dir, "empty", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &fds[n], e);
	if (r >= 0)
		n++;
	if (r >= 0 && n == 1)
		r = dv_fail(e, DV_INVALID, "image %s has no layers", img->id);
	if (r >= 0)
		r = mount_layers(fds, n, ret_fd, e);
	while (n > 0)
		fd_close(&fds[--n]);
	return r;
}

int image_tree_open(struct engine *g, const struct image *img, int *ret_fd, struct dv_err *e)
{
	auto_close int dir = -1;
	int r = place_open(g, DIR_NAME, &dir, e);

	return r < 0 ? r : tree_open(g, dir, img, ret_fd, e);
}

/* --- mount and unmount --- */

struct tree {
	struct engine *g;
	const struct image *img;
};

static int make_tree(void *ctx, int dir, int *ret_tree, struct dv_err *e)
{
	const struct tree *t = ctx;

	return tree_open(t->g, dir, t->img, ret_tree, e);
}

int image_mount(struct engine *g, struct arena *a, const struct image *img, const char **ret, struct dv_err *e)
{
	struct tree t = { g, img };
	auto_close int dir = -1;
	int r = place_open(g, DIR_NAME, &dir, e);

	if (r < 0)
		return r;
	if ((r = place_mount(dir, hex_of(img->id), make_tree, &t, e)) < 0)
		return dv_wrap(e, "mount image %.19s", img->id);
	*ret = place_path(g, a, DIR_NAME, hex_of(img->id));
	return 0;
}

int image_unmount(struct engine *g, const char *id, bool force, struct dv_err *e)
{
	auto_close int dir = -1;
	int r = place_open(g, DIR_NAME, &dir, e);

	if (r >= 0)
		r = place_unmount(dir, hex_of(id), force, e);
	return r < 0 ? dv_wrap(e, "image") : r;
}

bool image_is_mounted(struct engine *g, const char *id)
{
	return place_is_mounted(g, DIR_NAME, hex_of(id));
}

int image_mount_list(struct engine *g, struct arena *a, struct places *ret, struct dv_err *e)
{
	int r = place_list(g, a, DIR_NAME, ret, e);

	for (size_t i = 0; r >= 0 && i < ret->n; i++)
		ret->names[i] = arena_printf(a, "sha256:%s", ret->names[i]);
	return r;
}
