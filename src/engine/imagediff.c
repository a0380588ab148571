/* imagediff.c - two merged trees compared where one of the layers that differ has something. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/imagediff.h"
#include "engine/imagemount.h"

#define LAYERS_MAX 1000
#define DEPTH_MAX 256
#define CHANGES_MAX 4000000
#define CHUNK ((size_t)256 << 10)
#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW)

struct diff {
	struct arena *a;
	int trees[2];
	int layers[LAYERS_MAX]; /* those that only one side has */
	size_t n_layers;
	struct image_changes out;
	char *chunks[2];
};

/* --- results --- */

int image_changes_add(struct arena *a, struct image_changes *list, char kind, const char *path, struct dv_err *e)
{
	if (list->n == CHANGES_MAX)
		return dv_fail(e, DV_LIMIT, "more than %d changes", CHANGES_MAX);
	if (list->n == list->cap) {
		size_t more = list->cap ? 2 * list->cap : 64;
		struct image_change *v = arena_array(a, struct image_change, more);

		if (list->cap)
			memcpy(v, list->v, list->cap * sizeof *v);
		list->v = v;
		list->cap = more;
	}
	list->v[list->n++] = (struct image_change){ kind, path };
	return 0;
}

static int add(struct diff *d, char kind, const char *path, struct dv_err *e)
{
	return image_changes_add(d->a, &d->out, kind, path, e);
}

/* --- layers that differ --- */

/* From the lowest that is not the same on both sides. */
static int open_layers(struct engine *g, struct diff *d, const struct image *from, const struct image *to, struct dv_err *e)
{
	const struct image *sides[] = { from, to };
	size_t same = 0;

	while (same < from->n_layers && same < to->n_layers && streq(from->layers[same].dir, to->layers[same].dir))
		same++;
	for (size_t s = 0; s < 2; s++) {
		for (size_t i = same; i < sides[s]->n_layers; i++) {
			if (d->n_layers == LAYERS_MAX)
				return dv_fail(e, DV_LIMIT, "more than %d layers differ", LAYERS_MAX);
			int r = image_layer_open(engine_images(g), &sides[s]->layers[i], &d->layers[d->n_layers], e);
			if (r < 0)
				return dv_wrap(e, "layer %s", sides[s]->layers[i].diff_id);
			d->n_layers++;
		}
	}
	return 0;
}

/* Something of these layers is at the path (without its "/"). */
static bool touched(const struct diff *d, const char *path)
{
	for (size_t i = 0; i < d->n_layers; i++) {
		auto_close int fd = -1;

		/* A link may be the last component: O_PATH with O_NOFOLLOW opens it itself. */
		if (file_open_how(d->layers[i], path, O_PATH | O_NOFOLLOW, 0, FILE_BENEATH | FILE_NO_LINKS, &fd, NULL) == 0)
			return true;
	}
	return false;
}

/* One of these layers hides everything that the ones below have in the directory. */
static bool is_opaque(const struct diff *d, const char *path)
{
	for (size_t i = 0; i < d->n_layers; i++) {
		auto_close int fd = -1;
		char v, proc[32];

		if (file_open_how(d->layers[i], *path ? path : ".", O_PATH | O_DIRECTORY, 0, FILE_BENEATH | FILE_NO_LINKS, &fd, NULL) < 0)
			continue;
		(void)snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
		if (getxattr(proc, "trusted.overlay.opaque", &v, 1) == 1 && v == 'y')
			return true;
	}
	return false;
}

/* --- directories --- */

struct names {
	const char **v;
	size_t n;
};

static int by_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static int read_names(struct diff *d, int fd, struct names *ret, struct dv_err *e)
{
	struct names l = { 0 };
	struct dirent *de;
	size_t cap = 0;
	DIR *dir = fdopendir(fd);

	if (!dir) {
		(void)close(fd);
		return dv_fail_errno(e, ENOMEM, "read a directory");
	}
	while ((de = readdir(dir))) {
		if (streq(de->d_name, ".") || streq(de->d_name, ".."))
			continue;
		if (l.n == cap) {
			size_t more = cap ? 2 * cap : 16;
			const char **v = arena_array(d->a, const char *, more);

			if (cap)
				memcpy(v, l.v, cap * sizeof *v);
			l.v = v;
			cap = more;
		}
		l.v[l.n++] = arena_str(d->a, de->d_name);
	}
	(void)closedir(dir);
	if (l.n)
		qsort(l.v, l.n, sizeof *l.v, by_name);
	*ret = l;
	return 0;
}

static int list_dir(struct diff *d, int tree, const char *path, struct names *ret, struct dv_err *e)
{
	int fd, r = file_open_how(tree, *path ? path : ".", DIR_FLAGS, 0, FILE_BENEATH | FILE_NO_LINKS, &fd, e);

	return r < 0 ? r : read_names(d, fd, ret, e);
}

/* --- files --- */

static int same_content(struct diff *d, const char *path, bool *ret, struct dv_err *e)
{
	auto_close int first = -1, second = -1;
	int r = file_open_how(d->trees[0], path, O_RDONLY | O_NOFOLLOW, 0, FILE_BENEATH | FILE_NO_LINKS, &first, e);

	if (r >= 0)
		r = file_open_how(d->trees[1], path, O_RDONLY | O_NOFOLLOW, 0, FILE_BENEATH | FILE_NO_LINKS, &second, e);
	for (;;) {
		ssize_t n = r < 0 ? r : fd_read_full(first, d->chunks[0], CHUNK, path, e);
		ssize_t m = n < 0 ? n : fd_read_full(second, d->chunks[1], CHUNK, path, e);

		if (n < 0 || m < 0)
			return (int)DV_MIN(n, m);
		*ret = n == m && memcmp(d->chunks[0], d->chunks[1], (size_t)n) == 0;
		if (!*ret || n == 0)
			return 0;
	}
}

static bool same_link(struct diff *d, const char *path)
{
	auto_free char *a = NULL, *b = NULL;

	return file_readlink(d->trees[0], path, &a, NULL) == 0 && file_readlink(d->trees[1], path, &b, NULL) == 0 && streq(a, b);
}

static bool same_meta(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid && a->st_rdev == b->st_rdev &&
	       (S_ISDIR(a->st_mode) || a->st_size == b->st_size);
}

/* --- the walk --- */

static int walk(struct diff *d, const char *path, bool all, int depth, bool *ret_changed, struct dv_err *e);

static int add_tree(struct diff *d, const char *path, const struct stat *st, int depth, struct dv_err *e)
{
	struct names l = { 0 };
	struct stat child;
	int r = add(d, 'A', arena_printf(d->a, "/%s", path), e);

	if (depth == DEPTH_MAX)
		return dv_fail(e, DV_LIMIT, "directories are nested too deep at %.100s", path);
	if (r == 0 && S_ISDIR(st->st_mode))
		r = list_dir(d, d->trees[1], path, &l, e);
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		const char *p = arena_printf(d->a, "%s/%s", path, l.v[i]);

		if (fstatat(d->trees[1], p, &child, AT_SYMLINK_NOFOLLOW) == 0)
			r = add_tree(d, p, &child, depth + 1, e);
	}
	return r;
}

static int compare(struct diff *d, const char *path, bool all, int depth, bool *changed, struct dv_err *e)
{
	struct stat st[2];
	bool same = true;
	int r = 0;

	for (int i = 0; i < 2; i++)
		if (fstatat(d->trees[i], path, &st[i], AT_SYMLINK_NOFOLLOW) < 0)
			return dv_fail_errno(e, errno, "stat /%s", path);
	same = same_meta(&st[0], &st[1]);
	if (same && S_ISREG(st[0].st_mode))
		r = same_content(d, path, &same, e);
	else if (same && S_ISLNK(st[0].st_mode))
		same = same_link(d, path);
	bool below = false;
	if (r == 0 && S_ISDIR(st[0].st_mode) && S_ISDIR(st[1].st_mode))
		r = walk(d, path, all, depth + 1, &below, e);
	if (r < 0 || (same && !below))
		return r;
	*changed = true;
	return add(d, 'C', arena_printf(d->a, "/%s", path), e);
}

static int one_name(struct diff *d, const char *path, int which, bool all, int depth, bool *changed, struct dv_err *e)
{
	struct stat st;

	if (!all && !touched(d, path))
		return 0;
	if (which == 0)
		return compare(d, path, all, depth, changed, e);
	*changed = true;
	if (which < 0)
		return add(d, 'D', arena_printf(d->a, "/%s", path), e);
	if (fstatat(d->trees[1], path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return dv_fail_errno(e, errno, "stat /%s", path);
	return add_tree(d, path, &st, depth, e);
}

static int walk(struct diff *d, const char *path, bool all, int depth, bool *ret_changed, struct dv_err *e)
{
	struct names l[2] = { 0 };
	size_t i = 0, k = 0;
	int r = depth == DEPTH_MAX ? dv_fail(e, DV_LIMIT, "directories are nested too deep at %.100s", path) : 0;

	all = all || is_opaque(d, path);
	for (int s = 0; s < 2 && r == 0; s++)
		r = list_dir(d, d->trees[s], path, &l[s], e);
	while (r == 0 && (i < l[0].n || k < l[1].n)) {
		int which = i == l[0].n ? 1 : k == l[1].n ? -1 : strcmp(l[0].v[i], l[1].v[k]);
		const char *name = which <= 0 ? l[0].v[i] : l[1].v[k];

		i += which <= 0;
		k += which >= 0;
		r = one_name(d, *path ? arena_printf(d->a, "%s/%s", path, name) : name, which, all, depth, ret_changed, e);
	}
	return r;
}

static int by_path(const void *x, const void *y)
{
	return strcmp(((const struct image_change *)x)->path, ((const struct image_change *)y)->path);
}

static int diff_open(struct engine *g, struct diff *d, const struct image *from, const struct image *to, struct dv_err *e)
{
	bool changed = false;
	int r = open_layers(g, d, from, to, e);

	if (r == 0)
		r = image_tree_open(g, from, &d->trees[0], e);
	if (r == 0)
		r = image_tree_open(g, to, &d->trees[1], e);
	return r < 0 ? r : walk(d, "", false, 0, &changed, e);
}

int image_diff(struct engine *g, struct arena *a, const struct image *from, const struct image *to,
	       struct image_changes *ret, struct dv_err *e)
{
	auto_free struct diff *d = mem_new(struct diff);
	auto_free char *one = mem_alloc(CHUNK), *two = mem_alloc(CHUNK);

	d->a = a;
	d->trees[0] = d->trees[1] = -1;
	d->chunks[0] = one;
	d->chunks[1] = two;
	int r = diff_open(g, d, from, to, e);
	for (size_t i = 0; i < d->n_layers; i++)
		fd_close(&d->layers[i]);
	fd_close(&d->trees[0]);
	fd_close(&d->trees[1]);
	if (r < 0)
		return r;
	if (d->out.n)
		qsort(d->out.v, d->out.n, sizeof *d->out.v, by_path);
	*ret = d->out;
	return 0;
}
