/* rundir.c - open, lock and forget directories of containers and pods in the run directory. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "engine/rundir.h"

static const char *const tops[] = { [RUNDIR_CONTAINER] = "containers", [RUNDIR_POD] = "pods" };

const char *rundir_name(enum rundir_kind kind, const char *id, char out[RUNDIR_NAME_SIZE])
{
	(void)snprintf(out, RUNDIR_NAME_SIZE, "%s/%s", tops[kind], id);
	return out;
}

static int open_dir(struct engine *g, enum rundir_kind kind, const char *name, int *ret_fd, struct dv_err *e)
{
	int r = file_open(engine_runfd(g), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd, NULL);

	if (r != -DV_NOT_FOUND)
		return r;
	if (mkdirat(engine_runfd(g), name, 0711) < 0 && errno == ENOENT) {
		(void)mkdirat(engine_runfd(g), tops[kind], 0711);
		(void)mkdirat(engine_runfd(g), name, 0711);
	}
	return file_open(engine_runfd(g), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd, e);
}

static bool still_there(struct engine *g, const char *name, int fd)
{
	struct stat x, y;

	return fstat(fd, &x) == 0 && fstatat(engine_runfd(g), name, &y, AT_SYMLINK_NOFOLLOW) == 0 && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

int rundir_lock(struct engine *g, enum rundir_kind kind, const char *id, bool exclusive, int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	char name[RUNDIR_NAME_SIZE];
	int r;

	(void)rundir_name(kind, id, name);
	if ((r = open_dir(g, kind, name, &fd, e)) < 0 || (r = file_lock(fd, exclusive, true, id, e)) < 0)
		return r;
	if (!still_there(g, name, fd))
		return kind == RUNDIR_POD ? dv_fail(e, DV_NOT_FOUND, "no pod with name or ID %s found: no such pod", id) :
					    dv_fail(e, DV_NOT_FOUND, "No such container: %s", id);
	*ret_fd = take_fd(&fd);
	return 0;
}

void rundir_forget(struct engine *g, enum rundir_kind kind, const char *id)
{
	char name[RUNDIR_NAME_SIZE];

	(void)unlinkat(engine_runfd(g), rundir_name(kind, id, name), AT_REMOVEDIR);
}
