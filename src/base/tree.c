/* tree.c - removal of a directory tree that somebody else may be changing. */
#include <dirent.h>
#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

/* Directories below this depth are moved to the top of the tree, so that descriptors and stack stay bounded. */
#define DEPTH_MAX 48
#define TRIES_MAX 8
#define MOVES_MAX 1000000U

struct removal {
	int top_fd;             /* of the tree's own directory */
	unsigned moved;         /* directories moved to the top so far */
};

static int remove_at(struct removal *rm, int dirfd, const char *name, int depth, struct dv_err *e);

/* A directory and no link; EXDEV for mount points, bind mounts of the same file system too. */
static int open_inside(int dirfd, const char *name)
{
	struct open_how oh = { .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
			       .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS };

	return (int)syscall(SYS_openat2, dirfd, name, &oh, sizeof oh);
}

static int move_up(struct removal *rm, int dirfd, const char *name, struct dv_err *e)
{
	char fresh[64];

	for (; rm->moved < MOVES_MAX; rm->moved++) {
		(void)snprintf(fresh, sizeof fresh, ".removing.%d.%u", (int)getpid(), rm->moved);
		if (syscall(SYS_renameat2, dirfd, name, rm->top_fd, fresh, 1U /* RENAME_NOREPLACE */) == 0) {
			rm->moved++;
			return 0;
		}
		if (errno != EEXIST)
			return dv_fail_errno(e, errno, "remove %s", name);
	}
	return dv_fail(e, DV_LIMIT, "remove %s: the tree is too deep", name);
}

static int remove_entries(struct removal *rm, DIR *d, int depth, struct dv_err *e)
{
	struct dirent *de;
	int r = 0;

	rewinddir(d);
	while (r == 0 && (de = readdir(d)))
		if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
			r = remove_at(rm, dirfd(d), de->d_name, depth + 1, e);
	return r;
}

/* Entries may be skipped while a directory shrinks under readdir, and others arrive by move_up(): again
 * until the directory is gone, as long as that makes progress. */
static int remove_directory(struct removal *rm, int parent, const char *name, DIR *d, int depth, struct dv_err *e)
{
	for (int tries = 0; tries < TRIES_MAX; tries++) {
		unsigned moved = rm->moved;
		int r = remove_entries(rm, d, depth, e);

		if (r < 0)
			return r;
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != ENOTEMPTY && errno != EEXIST)
			return dv_fail_errno(e, errno, "remove directory %s", name);
		if (rm->moved > moved)
			tries = -1;
	}
	return dv_fail(e, DV_CONFLICT, "remove directory %s: somebody keeps filling it", name);
}

static int remove_at(struct removal *rm, int parent, const char *name, int depth, struct dv_err *e)
{
	int fd, sys = fault_hit("unlink"), r;
	DIR *d;

	if (sys)
		return dv_fail_errno(e, sys, "remove %s", name);
	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	sys = errno;
	if (sys != EISDIR && sys != EPERM)
		return dv_fail_errno(e, sys, "remove %s", name);
	fd = open_inside(parent, name);
	if (fd < 0 && errno == EXDEV)
		return dv_fail(e, DV_CONFLICT, "remove %s: something is mounted there", name);
	if (fd < 0)
		return errno == ENOENT ? 0 : dv_fail_errno(e, errno == ENOTDIR ? sys : errno, "remove %s", name);
	if (depth > DEPTH_MAX) {
		(void)close(fd);
		return move_up(rm, parent, name, e);
	}
	d = fdopendir(fd);
	if (!d) {
		(void)close(fd);
		return dv_fail_errno(e, errno, "read directory %s", name);
	}
	if (depth == 0)
		rm->top_fd = fd;
	r = remove_directory(rm, parent, name, d, depth, e);
	(void)closedir(d);
	return r;
}

int file_remove_tree(int dirfd, const char *name, struct dv_err *e)
{
	struct removal rm = { .top_fd = -1 };
	auto_free char *path = mem_str(name), *dir = NULL;
	auto_close int parent = -1;
	char *slash;

	for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	slash = strrchr(path, '/');
	dir = slash ? mem_printf("%.*s", slash == path ? 1 : (int)(slash - path), path) : mem_str(".");
	name = slash ? slash + 1 : path;
	if (!*name || streq(name, ".") || streq(name, ".."))
		return dv_fail(e, DV_INVALID, "remove \"%s\": not a name", path);
	parent = openat(dirfd, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return errno == ENOENT ? 0 : dv_fail_errno(e, errno, "remove %s", path);
	return remove_at(&rm, parent, name, 0, e);
}

bool file_is_empty_dir(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	bool empty = d;

	if (!d) {
		if (fd >= 0)
			(void)close(fd);
		return false;
	}
	while (empty && (de = readdir(d)))
		empty = streq(de->d_name, ".") || streq(de->d_name, "..");
	(void)closedir(d);
	return empty;
}
