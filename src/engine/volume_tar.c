/* volume_tar.c - what a volume holds: its size, as a tar, from a tar. */
#include "base/fd.h"
#include "base/file.h"
#include "engine/treecopy.h"
#include "engine/untar.h"
#include "engine/volume_parts.h"
#include "image/tarwalk.h"

/* _data, with what the driver mounts there, locked. *ret_mounted: it was mounted for us. */
static int open_data(struct engine *g, struct arena *a, const char *name, int *ret_dir, int *ret_data, struct dv_err *e)
{
	const char *bound = NULL;
	struct volume *v;
	int r;

	if ((r = volume_find(g, a, name, &v, e)) < 0 || (r = volume_lock(g, a, name, ret_dir, e)) < 0 ||
	    (r = volume_driver_mount(g, v, *ret_dir, &bound, e)) < 0)
		return r;
	return bound ? file_open(AT_FDCWD, bound, O_RDONLY | O_DIRECTORY, 0, ret_data, e) : volume_data(*ret_dir, ret_data, e);
}

int volume_usage(struct engine *g, const char *name, uint64_t *ret, struct dv_err *e)
{
	auto_close int data = -1;
	auto_free char *path = mem_printf("volumes/%s/_data", name);
	int r = file_open(engine_rootfd(g), path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &data, e);

	if (r == -DV_NOT_FOUND)
		*ret = 0;
	return r < 0 ? (r == -DV_NOT_FOUND ? 0 : r) : tree_usage(data, ret, e);
}

int volume_export(struct engine *g, struct arena *a, const char *name, int out_fd, const char *what, struct dv_err *e)
{
	static const struct tarwalk_options options = { 0 };
	auto_close int dir = -1, data = -1;
	int r = open_data(g, a, name, &dir, &data, e);

	return r < 0 ? r : tar_walk(data, out_fd, what, &options, e);
}

int volume_import(struct engine *g, struct arena *a, const char *name, int in_fd, const char *what, struct dv_err *e)
{
	static const struct untar_options options = { .keep_owner = true };
	auto_close int dir = -1, data = -1;
	int r = open_data(g, a, name, &dir, &data, e);

	return r < 0 ? r : untar(data, in_fd, what, &options, e);
}
