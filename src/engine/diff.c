/* diff.c - what the upper directory of an overlay says about the layers below it. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/commit.h"

#define DEPTH_MAX 1024
#define LAYERS_MAX 500
#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW)

struct diff {
	struct arena *a;
	int layers[LAYERS_MAX];         /* uppermost first */
	size_t n_layers;
	struct image_changes out;
};

static int add(struct diff *d, char kind, const char *path, struct dv_err *e)
{
	return image_changes_add(d->a, &d->out, kind, path, e);
}

/* --- the layers below --- */

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static bool is_opaque(int layer, const char *path)
{
	auto_close int fd = -1;
	char v = 0, proc[32];

	if (file_open_how(layer, path, O_PATH | O_DIRECTORY, 0, FILE_BENEATH | FILE_NO_LINKS, &fd, NULL) < 0)
		return false;
	(void)snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	return getxattr(proc, "trusted.overlay.opaque", &v, 1) == 1 && v == 'y';
}

/* One of the directories on the way is hidden from the layers further down: replaced, removed or opaque here. */
static bool way_ends(const struct diff *d, int layer, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		const char *way = arena_strn(d->a, path, (size_t)(slash - path));
		auto_close int fd = -1;
		struct stat st;

		if (file_open_how(layer, way, O_PATH | O_NOFOLLOW, 0, FILE_BENEATH | FILE_NO_LINKS, &fd, NULL) < 0)
			return false;
		if (fstat(fd, &st) == 0 && (!S_ISDIR(st.st_mode) || is_opaque(layer, way)))
			return true;
	}
	return false;
}

/* Whether the image has something at the path: the first layer that knows the name says so. */
static bool below_has(const struct diff *d, const char *path)
{
	for (size_t i = 0; i < d->n_layers; i++) {
		auto_close int fd = -1;
		struct stat st;

		if (file_open_how(d->layers[i], path, O_PATH | O_NOFOLLOW, 0, FILE_BENEATH | FILE_NO_LINKS, &fd, NULL) >= 0 &&
		    fstat(fd, &st) == 0)
			return !is_whiteout(&st);
		if (way_ends(d, d->layers[i], path))
			return false;
	}
	return false;
}

/* --- the walk --- */

static int names_of(struct diff *d, int dir, const char ***ret, size_t *ret_n, struct dv_err *e);

static int walk(struct diff *d, int dir, const char *path, int depth, struct dv_err *e);

/* Everything that the image has in a directory that hides it, and that was not made again. */
static int hidden(struct diff *d, int upper, const char *path, struct dv_err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < d->n_layers; i++) {
		auto_close int fd = -1;
		const char **names;
		struct stat st;
		size_t n = 0;

		if (file_open_how(d->layers[i], path, DIR_FLAGS, 0, FILE_BENEATH | FILE_NO_LINKS, &fd, NULL) < 0)
			continue;
		r = names_of(d, fd, &names, &n, e);
		for (size_t k = 0; r >= 0 && k < n; k++) {
			const char *p = arena_printf(d->a, "%s/%s", path, names[k]);
			bool told = false;

			for (size_t j = d->out.n; j-- > 0 && !told;)
				told = streq(d->out.v[j].path + 1, p);
			if (!told && below_has(d, p) && fstatat(upper, names[k], &st, AT_SYMLINK_NOFOLLOW) < 0)
				r = add(d, 'D', arena_printf(d->a, "/%s", p), e);
		}
	}
	return r;
}

static int entry(struct diff *d, int dir, const char *name, const char *path, int depth, struct dv_err *e)
{
	auto_close int fd = -1;
	struct stat st;
	char v = 0;
	int r;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : dv_fail_errno(e, errno, "%.300s", path);
	if (is_whiteout(&st))
		return below_has(d, path) ? add(d, 'D', arena_printf(d->a, "/%s", path), e) : 0;
	bool had = below_has(d, path);
	if ((r = add(d, had ? 'C' : 'A', arena_printf(d->a, "/%s", path), e)) < 0 || !S_ISDIR(st.st_mode))
		return r;
	r = file_open(dir, name, DIR_FLAGS, 0, &fd, e);
	if (r >= 0)
		r = walk(d, fd, path, depth + 1, e);
	if (r >= 0 && had && fgetxattr(fd, "trusted.overlay.opaque", &v, 1) == 1 && v == 'y')
		r = hidden(d, fd, path, e);
	return r;
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static int names_of(struct diff *d, int dir, const char ***ret, size_t *ret_n, struct dv_err *e)
{
	size_t n = 0, cap = 16;
	const char **v = arena_array(d->a, const char *, cap);
	struct dirent *de;
	int copy, r = file_open(dir, ".", O_RDONLY | O_DIRECTORY, 0, &copy, e);
	DIR *l = r < 0 ? NULL : fdopendir(copy);

	if (r < 0)
		return r;
	if (!l) {
		(void)close(copy);
		return dv_fail_errno(e, ENOMEM, "read a directory");
	}
	while ((de = readdir(l))) {
		if (streq(de->d_name, ".") || streq(de->d_name, ".."))
			continue;
		if (n == cap) {
			const char **more = arena_array(d->a, const char *, cap * 2);

			memcpy(more, v, cap * sizeof *v);
			v = more;
			cap *= 2;
		}
		v[n++] = arena_str(d->a, de->d_name);
	}
	(void)closedir(l);
	if (n)
		qsort(v, n, sizeof *v, by_name);
	*ret = v;
	*ret_n = n;
	return 0;
}

static int walk(struct diff *d, int dir, const char *path, int depth, struct dv_err *e)
{
	const char **names;
	size_t n;
	int r = depth > DEPTH_MAX ? dv_fail(e, DV_LIMIT, "more than %d levels deep", DEPTH_MAX) : names_of(d, dir, &names, &n, e);

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = entry(d, dir, names[i], *path ? arena_printf(d->a, "%s/%s", path, names[i]) : names[i], depth, e);
	return r;
}

int ctr_diff(struct engine *g, struct arena *a, const struct ctr *c, struct image_changes *ret, struct dv_err *e)
{
	const char *upper = arena_printf(a, "containers/%s/upper", c->id);
	struct diff d = { .a = a };
	struct image *img = NULL;
	auto_close int fd = -1;
	int r = file_open_how(engine_rootfd(g), upper, DIR_FLAGS, 0, FILE_BENEATH | FILE_NO_LINKS, &fd, e);

	if (r == -DV_NOT_FOUND) {       /* never started */
		*ret = d.out;
		return 0;
	}
	if (r >= 0)
		r = image_resolve(engine_images(g), a, c->image, &img, e);
	for (size_t i = r < 0 ? 0 : img->n_layers; r >= 0 && i-- > 0 && d.n_layers < LAYERS_MAX; d.n_layers += r >= 0)
		r = image_layer_open(engine_images(g), &img->layers[i], &d.layers[d.n_layers], e);
	if (r >= 0)
		r = walk(&d, fd, "", 0, e);
	while (d.n_layers > 0)
		fd_close(&d.layers[--d.n_layers]);
	if (r >= 0)
		*ret = d.out;
	return r < 0 ? r : 0;
}
