/* usage.c - sums up the files of a container's upper directory.
 *
 * The container may write meanwhile: what vanishes is not counted. Nothing is followed out of the directory.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/usage.h"

#define DEPTH_MAX 256

static uint64_t walk(int dirfd, unsigned depth)
{
	struct dirent *de;
	struct stat st;
	uint64_t sum = 0;
	DIR *d = fdopendir(dirfd);

	if (!d) {
		fd_close(&dirfd);
		return 0;
	}
	while ((de = readdir(d))) {
		int sub;

		if (streq(de->d_name, ".") || streq(de->d_name, "..") || fstatat(dirfd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
			sum += (uint64_t)st.st_size;
		else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX &&
			 file_open(dirfd, de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &sub, NULL) == 0)
			sum += walk(sub, depth + 1);
	}
	(void)closedir(d);
	return sum;
}

uint64_t usage_of_container(struct engine *g, struct arena *a, const char *id)
{
	int fd;

	if (file_open(engine_rootfd(g), arena_printf(a, "containers/%s/upper", id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd,
		      NULL) < 0)
		return 0;
	return walk(fd, 0);
}

void usage_sizes(struct engine *g, struct arena *a, const struct ctr *c, uint64_t *ret_own, uint64_t *ret_all)
{
	struct image *img = NULL;

	*ret_own = *ret_all = usage_of_container(g, a, c->id);
	if (image_resolve(engine_images(g), a, c->image, &img, NULL) >= 0)
		*ret_all += img->size;
}
