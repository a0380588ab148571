/* rootfs.c - the root of a container: tree, masks, pivot. */
#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/compat.h"
#include "base/defence.h"
#include "base/file.h"
#include "base/str.h"
#include "oci/rootfs.h"
#include "oci/scratch.h"
#include "oci/sys.h"

#define PARENTS_MAX 4096

static const struct {
	const char *name;
	unsigned long flags;
} propagations[] = {
	{ "private", MS_PRIVATE },       { "rprivate", MS_PRIVATE | MS_REC },
	{ "shared", MS_SHARED },         { "rshared", MS_SHARED | MS_REC },
	{ "slave", MS_SLAVE },           { "rslave", MS_SLAVE | MS_REC },
	{ "unbindable", MS_UNBINDABLE }, { "runbindable", MS_UNBINDABLE | MS_REC },
};

static int propagation_flags(const char *name, unsigned long *ret, struct dv_err *e)
{
	*ret = 0;
	if (!name || !*name)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(propagations); i++)
		if (streq(propagations[i].name, name)) {
			*ret = propagations[i].flags;
			return 0;
		}
	return dv_fail(e, DV_INVALID, "linux.rootfsPropagation: \"%s\" is unknown", name);
}

/* The tree is built in private: only what rootfsPropagation asks for is shared, at the end. */
static int isolate_tree(int fd, unsigned long prop, struct dv_err *e)
{
	bool slave = prop & MS_SLAVE;

	return mount_set(fd, 0, 0, (slave ? MS_SLAVE : MS_PRIVATE) | MS_REC, -1, true, "root", e);
}

static int clone_tree(const char *path, const char *propagation, int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	unsigned long prop;
	int r;

	if ((r = propagation_flags(propagation, &prop, e)) < 0)
		return r;
	r = mount_clone(AT_FDCWD, path, true, false, &fd, e);
	if (r < 0)
		return e->sys == ENOENT || e->sys == ENOTDIR ? dv_wrap(e, "rootfs") : r;
	if ((r = isolate_tree(fd, prop, e)) < 0)
		return r;
	*ret_fd = take_fd(&fd);
	return 0;
}

int rootfs_open(const char *path, const char *propagation, int *ret_fd, struct dv_err *e)
{
	int r = clone_tree(path, propagation, ret_fd, e);

	return r < 0 && e->sys == EPERM ? 0 : r;
}

int rootfs_enter(const char *path, const char *propagation, int *tree_fd, struct dv_err *e)
{
	auto_scratch int top = -1;
	unsigned long prop;
	int r;

	if ((r = propagation_flags(propagation, &prop, e)) < 0)
		return r;
	/* A shared root keeps its volumes in the host's peer groups; otherwise nothing flows back. */
	if (!(prop & MS_SHARED) && mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return dv_fail_errno(e, errno, "make / a slave of the host");
	if (*tree_fd < 0 && (r = clone_tree(path, propagation, tree_fd, e)) < 0)
		return r;
	if ((r = file_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0, &top, e)) < 0)
		return r;
	/* What is mounted on a shared mount shows up at its peers: on the host. */
	if ((prop & MS_SHARED) && (r = mount_set(top, 0, 0, MS_PRIVATE, -1, false, "/", e)) < 0)
		return r;
	return mount_attach(*tree_fd, top, "/", e);
}

/* --- masks --- */

int rootfs_host_null(int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	struct stat st;
	int r = file_open(AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW, 0, &fd, e);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return dv_fail(e, DV_FORBIDDEN, "/dev/null of the host is not the null device");
	*ret_fd = take_fd(&fd);
	return 0;
}

/* By the descriptors' links in the host's /proc: a link there leads to what the descriptor holds. */
static void fd_path(char out[static 32], int fd)
{
	(void)snprintf(out, 32, "/proc/self/fd/%d", fd);
}

/* Asked first: a bind of a file onto a directory is refused, and the kernel waits for a grace period before it says so. */
static bool is_directory(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static int mask_one(int root_fd, const char *path, int null_fd, struct dv_err *e)
{
	auto_scratch int target = -1;
	char to[32], null_path[32];
	int r = file_open_how(root_fd, path, O_PATH, 0, FILE_IN_ROOT, &target, e);

	if (r < 0)
		return e->sys == ENOENT || e->sys == ENOTDIR ? 0 : r;
	fd_path(to, target);
	fd_path(null_path, null_fd);
	if (!is_directory(target))
		return mount(null_path, to, NULL, MS_BIND, NULL) < 0 ? dv_fail_errno(e, errno, "hide it") : 0;
	/* An empty one that nothing fits into covers it. */
	if (mount("tmpfs", to, "tmpfs", MS_RDONLY, "nr_blocks=1,nr_inodes=1,mode=755") < 0)
		return dv_fail_errno(e, errno, "hide the directory");
	return 0;
}

static int readonly_one(int root_fd, const char *path, struct dv_err *e)
{
	auto_scratch int target = -1, copy = -1;
	int r = file_open_how(root_fd, path, O_PATH, 0, FILE_IN_ROOT, &target, e);

	if (r < 0)
		return e->sys == ENOENT || e->sys == ENOTDIR ? 0 : r;
	if ((r = mount_clone(target, "", true, false, &copy, e)) < 0 ||
	    (r = mount_set(copy, 1 /* MOUNT_ATTR_RDONLY */, 0, 0, -1, true, path, e)) < 0)
		return r;
	return mount_attach(copy, target, path, e);
}

int rootfs_masks(int root_fd, const struct spec_linux *l, int null_fd, struct dv_err *e)
{
	auto_close int weak_fd = -1;
	int r = 0;

	for (const char **p = l->readonly_paths; r >= 0 && p && *p; p++)
		if ((r = readonly_one(root_fd, *p, e)) < 0)
			return dv_wrap(e, "read-only path %s", *p);
	/* The image's own /dev/null may be anything, so the host's is what masks. */
	if (!defence_on("mask-null")) {
		if ((r = file_open_how(root_fd, "dev/null", O_PATH, 0, FILE_IN_ROOT, &weak_fd, e)) < 0)
			return r;
		null_fd = weak_fd;
	}
	for (const char **p = l->masked_paths; r >= 0 && p && *p; p++)
		if ((r = mask_one(root_fd, *p, null_fd, e)) < 0)
			return dv_wrap(e, "masked path %s", *p);
	return 0;
}

/* --- pivot --- */

/* The tree lies on top of "/" already: what is below is out of reach of a root that starts on top. */
static int only_chroot(int root_fd, struct dv_err *e)
{
	if (fchdir(root_fd) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return dv_fail_errno(e, errno, "chroot");
	return 0;
}

/* With a shared root what we inherited still is a peer of the host's mounts: detaching it would unmount them there. */
static int let_go(int old_root, struct dv_err *e)
{
	if (fchdir(old_root) < 0 || mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return dv_fail_errno(e, errno, "cut the old root from the host");
	return 0;
}

int rootfs_pivot(int root_fd, const char *propagation, bool no_pivot, struct dv_err *e)
{
	auto_scratch int old_root = -1;
	unsigned long prop;
	int r = propagation_flags(propagation, &prop, e);

	if (r < 0)
		return r;
	if (no_pivot)
		return only_chroot(root_fd, e);
	/* The old root lands on the new one's "/" and is detached there: no directory is needed for it. */
	if ((prop & MS_SHARED) && (r = file_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0, &old_root, e)) < 0)
		return r;
	if (fchdir(root_fd) < 0 || sys_pivot_root(".", ".") < 0)
		return dv_fail_errno(e, errno, "pivot_root");
	if (old_root >= 0 && (r = let_go(old_root, e)) < 0)
		return r;
	if (umount2(".", MNT_DETACH) < 0)
		return dv_fail_errno(e, errno, "detach the old root");
	if (chdir("/") < 0)
		return dv_fail_errno(e, errno, "chdir /");
	return 0;
}

int rootfs_finish(int root_fd, const struct spec *s, struct dv_err *e)
{
	unsigned long prop;
	uint64_t ro = s->root && ((struct spec_root *)s->root)->readonly ? 1 /* MOUNT_ATTR_RDONLY */ : 0;
	int r = propagation_flags(s->linux_ ? ((struct spec_linux *)s->linux_)->propagation : NULL, &prop, e);

	if (r < 0)
		return r;
	prop &= ~(unsigned long)MS_REC; /* of the root itself: each mount below has its own options */
	if (prop == MS_PRIVATE || prop == MS_SLAVE)
		prop = 0;       /* so it is already */
	return ro || prop ? mount_set(root_fd, ro, 0, prop, -1, false, "/", e) : 0;
}
