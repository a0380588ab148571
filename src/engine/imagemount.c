/* imagemount.c - an image's layers as one read-only tree, detached or at a place below RUNROOT. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/imagemount.h"
#include "oci/mount.h"
#include "oci/sys.h"

#define DIR_NAME "images"
#define LAYERS_MAX 500
#define COUNT_MAX 1000000
#define MOUNTS_MAX 10000

/* --- the directory --- */

/* Locked as long as it is open: mounts and counts change together. */
static int open_dir(struct engine *g, int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	int r;

	if (mkdirat(engine_runfd(g), DIR_NAME, 0700) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make directory %s/" DIR_NAME, engine_runroot(g));
	if ((r = file_open(engine_runfd(g), DIR_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e)) < 0 ||
	    (r = file_lock(fd, true, true, "mounted images", e)) < 0)
		return r;
	*ret_fd = take_fd(&fd);
	return 0;
}

static bool is_mount(int dir, const char *name)
{
	struct statx st;

	return statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &st) == 0 &&
	       (st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) && (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static const char *hex_of(const char *id)
{
	const char *hex = str_after(id, "sha256:");

	return hex ? hex : id;
}

static void count_name(const char *id, char out[80])
{
	(void)snprintf(out, 80, "%.64s.count", hex_of(id));
}

static uint64_t count_get(int dir, const char *id)
{
	auto_buf struct buf b = BUF_INIT(32);
	char name[80];
	uint64_t n;

	count_name(id, name);
	if (file_read(dir, name, &b, NULL) < 0 || str_u64(buf_cstr(&b), COUNT_MAX, "count", &n, NULL) < 0)
		return 1;
	return n;
}

static int count_set(int dir, const char *id, uint64_t n, struct dv_err *e)
{
	char name[80], text[24];

	count_name(id, name);
	(void)snprintf(text, sizeof text, "%llu", (unsigned long long)n);
	return file_replace(dir, name, 0600, text, strlen(text), false, e);
}

static void forget(int dir, const char *id)
{
	char name[80];

	count_name(id, name);
	(void)unlinkat(dir, name, 0);
	(void)unlinkat(dir, hex_of(id), AT_REMOVEDIR);
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
	int r = open_dir(g, &dir, e);

	return r < 0 ? r : tree_open(g, dir, img, ret_fd, e);
}

/* --- mount and unmount --- */

static int mount_new(struct engine *g, int dir, const struct image *img, struct dv_err *e)
{
	auto_close int tree = -1, place = -1;
	const char *hex = hex_of(img->id);
	int r;

	forget(dir, img->id);
	if (mkdirat(dir, hex, 0700) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make directory %s", hex);
	if ((r = tree_open(g, dir, img, &tree, e)) < 0 ||
	    (r = file_open(dir, hex, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &place, e)) < 0)
		return r;
	return mount_attach(tree, place, hex, e);
}

static const char *path_of(struct engine *g, struct arena *a, const char *id)
{
	return arena_printf(a, "%s/" DIR_NAME "/%s", engine_runroot(g), hex_of(id));
}

int image_mount(struct engine *g, struct arena *a, const struct image *img, const char **ret, struct dv_err *e)
{
	auto_close int dir = -1;
	uint64_t n = 1;
	int r = open_dir(g, &dir, e);

	if (r < 0)
		return r;
	if (is_mount(dir, hex_of(img->id)))
		n = count_get(dir, img->id) + 1;
	else
		r = mount_new(g, dir, img, e);
	if (r >= 0)
		r = count_set(dir, img->id, n, e);
	if (r < 0) {
		forget(dir, img->id);
		return dv_wrap(e, "mount image %.19s", img->id);
	}
	*ret = path_of(g, a, img->id);
	return 0;
}

int image_unmount(struct engine *g, const char *id, bool force, struct dv_err *e)
{
	auto_close int dir = -1, place = -1;
	char target[32];
	int r = open_dir(g, &dir, e);

	if (r < 0)
		return r;
	if (!is_mount(dir, hex_of(id)))
		return dv_fail(e, DV_NOT_FOUND, "image %.19s is not mounted", id);
	uint64_t n = count_get(dir, id);
	if (n > 1 && !force)
		return count_set(dir, id, n - 1, e);
	r = file_open(dir, hex_of(id), O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &place, e);
	if (r < 0)
		return r;
	(void)snprintf(target, sizeof target, "/proc/self/fd/%d", place);
	if (umount2(target, MNT_DETACH) < 0)
		return dv_fail_errno(e, errno, "unmount image %.19s", id);
	forget(dir, id);
	return 0;
}

bool image_is_mounted(struct engine *g, const char *id)
{
	auto_close int dir = -1;

	return file_open(engine_runfd(g), DIR_NAME, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &dir, NULL) == 0 &&
	       is_mount(dir, hex_of(id));
}

int image_mount_list(struct engine *g, struct arena *a, struct image_mounts *ret, struct dv_err *e)
{
	struct image_mounts l = { arena_array(a, const char *, MOUNTS_MAX), arena_array(a, const char *, MOUNTS_MAX), 0 };
	auto_close int dir = -1;
	struct dirent *de;
	int fd, r = open_dir(g, &dir, e);

	if (r < 0 || (r = file_open(dir, ".", O_RDONLY | O_DIRECTORY, 0, &fd, e)) < 0)
		return r;
	DIR *d = fdopendir(fd);
	if (!d) {
		(void)close(fd);
		return dv_fail_errno(e, ENOMEM, "read mounted images");
	}
	while ((de = readdir(d)) && l.n < MOUNTS_MAX) {
		if (strlen(de->d_name) != 64)
			continue;
		const char *id = arena_printf(a, "sha256:%s", de->d_name);
		if (is_mount(dir, de->d_name)) {
			l.ids[l.n] = id;
			l.paths[l.n++] = path_of(g, a, id);
		} else {
			forget(dir, id);
		}
	}
	(void)closedir(d);
	*ret = l;
	return 0;
}
