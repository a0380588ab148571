/* overlay_gone.c - the directories of containers that are no more. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/overlay.h"

#define TRASH "trash"
#define NAME_SIZE 256

int overlay_remove(struct engine *g, const char *id, struct dv_err *e)
{
	auto_close int top = -1;
	int r = file_open(engine_rootfd(g), "containers", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &top, e);

	if (r == -DV_NOT_FOUND)
		return 0;
	return r < 0 ? r : file_remove_tree(top, id, e);
}

/* Whatever cannot be read is not empty. */
static bool put_aside(struct engine *g, const char *id)
{
	char from[NAME_SIZE], to[NAME_SIZE], upper[NAME_SIZE];
	int root = engine_rootfd(g);

	(void)snprintf(from, sizeof from, "containers/%s", id);
	(void)snprintf(upper, sizeof upper, "containers/%s/upper", id);
	(void)snprintf(to, sizeof to, TRASH "/%s", id);
	if (!file_is_empty_dir(root, upper))
		return false;
	if (renameat(root, from, root, to) == 0)
		return true;
	return errno == ENOENT && (mkdirat(root, TRASH, 0700) == 0 || errno == EEXIST) && renameat(root, from, root, to) == 0;
}

int overlay_discard(struct engine *g, const char *id, struct dv_err *e)
{
	return put_aside(g, id) ? 0 : overlay_remove(g, id, e);
}

/* Several command lines may be at it: what another one removed first is gone all the same. */
int overlay_tidy(struct engine *g, struct dv_err *e)
{
	int fd = -1, r = file_open(engine_rootfd(g), TRASH, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e);
	struct dirent *de;
	DIR *d;

	if (r < 0)
		return r == -DV_NOT_FOUND ? 0 : r;
	d = fdopendir(fd);
	if (!d) {
		(void)close(fd);
		return dv_fail_errno(e, ENOMEM, "read " TRASH);
	}
	while (r >= 0 && (de = readdir(d)))
		if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
			r = file_remove_tree(dirfd(d), de->d_name, e);
	(void)closedir(d);
	return r;
}
