/* ground.c - the lowest layer of every container: the directories that something is mounted on.
 *
 * Small images have no /proc, /sys or /etc/hosts. Made in the container's own upper
 * directory these would be a dozen files to write and to remove again for each
 * container, and changes that nobody made. The image's own entries lie above.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/overlay.h"

#define GROUND "ground"
#define MAKING "ground.making"

static const char *const dirs[] = { "dev", "proc", "sys", "etc" };
static const char *const files[] = { "etc/hostname", "etc/hosts", "etc/resolv.conf" };

static int make_file(int dir, const char *name, struct dv_err *e)
{
	auto_close int fd = -1;
	int r = file_open(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644, &fd, e);

	if (r < 0)
		return r;
	return fchmod(fd, 0644) < 0 ? dv_fail_errno(e, errno, "mode of %s", name) : 0;
}

static int make_entries(int dir, struct dv_err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(dirs); i++)
		if ((mkdirat(dir, dirs[i], 0755) < 0 && errno != EEXIST) || fchmodat(dir, dirs[i], 0755, 0) < 0)
			r = dv_fail_errno(e, errno, "make directory %s", dirs[i]);
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(files); i++)
		r = make_file(dir, files[i], e);
	return r;
}

/* Appears whole, by rename; what a killed maker left is what the next one starts from. */
static int make(int rootfd, struct dv_err *e)
{
	auto_close int dir = -1;
	int r;

	if (mkdirat(rootfd, MAKING, 0755) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make directory " MAKING);
	r = file_open(rootfd, MAKING, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &dir, e);
	if (r == -DV_NOT_FOUND)
		return 0;       /* another one was quicker */
	if (r < 0 || (r = make_entries(dir, e)) < 0)
		return r;
	if (fchmod(dir, 0755) < 0 || fsync(dir) < 0 ||
	    (renameat(rootfd, MAKING, rootfd, GROUND) < 0 && errno != ENOENT && errno != EEXIST && errno != ENOTEMPTY))
		return dv_fail_errno(e, errno, "make directory " GROUND);
	return 0;
}

int ground_open(struct engine *g, int *ret_fd, struct dv_err *e)
{
	int rootfd = engine_rootfd(g), r;

	r = file_open(rootfd, GROUND, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd, NULL);
	if (r != -DV_NOT_FOUND)
		return r < 0 ? dv_fail(e, (enum dv_kind)-r, "open the directory " GROUND " of %s", engine_root(g)) : 0;
	r = make(rootfd, e);
	return r < 0 ? dv_wrap(e, "the lowest layer") :
		       file_open(rootfd, GROUND, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd, e);
}
