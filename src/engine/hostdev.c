/* hostdev.c - the device nodes of the host. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/bundle.h"

#define DEVICES_MAX 4096
#define DEPTH_MAX 8

/* The container has its own of these. */
static const char *const skipped[] = { "pts", "shm", "mqueue", "fd", "console", "ptmx", ".udev", ".lxc", ".lxd-mounts" };

static bool is_skipped(const char *name, unsigned level)
{
	for (size_t i = 0; level == 0 && i < ARRAY_LEN(skipped); i++)
		if (streq(name, skipped[i]))
			return true;
	return *name == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static void add(struct arena *a, struct json *list, const char *path, const struct stat *st)
{
	json_append(a, list,
		    json_obj(a, "path", json_new_str(a, path), "type", json_new_str(a, S_ISCHR(st->st_mode) ? "c" : "b"),
			     "major", json_new_u64(a, major(st->st_rdev)), "minor", json_new_u64(a, minor(st->st_rdev)),
			     "fileMode", json_new_u64(a, st->st_mode & 07777), "uid", json_new_u64(a, st->st_uid), "gid",
			     json_new_u64(a, st->st_gid), NULL));
}

static int walk(struct arena *a, int dirfd, const char *path, unsigned level, struct json *list, struct dv_err *e)
{
	struct dirent *de;
	struct stat st;
	DIR *d = fdopendir(dirfd);
	int r = 0;

	if (!d)
		return dv_fail_errno(e, errno, "read %s", path);
	while (r >= 0 && (de = readdir(d))) {
		const char *name = arena_printf(a, "%s/%s", path, de->d_name);
		int sub;

		if (is_skipped(de->d_name, level) || fstatat(dirfd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (json_len(list) >= DEVICES_MAX)
			r = dv_fail(e, DV_LIMIT, "more than %d devices in /dev", DEVICES_MAX);
		else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			add(a, list, name, &st);
		else if (S_ISDIR(st.st_mode) && level < DEPTH_MAX &&
			 file_open(dirfd, de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &sub, NULL) == 0)
			r = walk(a, sub, name, level + 1, list, e);
	}
	(void)closedir(d);
	return r;
}

int bundle_host_devices(struct arena *a, struct json **ret, struct dv_err *e)
{
	struct json *list = json_new_array(a);
	int fd, r = file_open(AT_FDCWD, "/dev", O_RDONLY | O_DIRECTORY, 0, &fd, e);

	if (r < 0 || (r = walk(a, fd, "/dev", 0, list, e)) < 0)
		return r;
	*ret = list;
	return 0;
}
