/* erofs_mount.c - fsopen() on a file, or on a loop device made for it. */
#include <errno.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "image/erofs_mount.h"

#define LOOP_TRIES 64           /* others take free devices, too */

const char *erofs_way_name(enum erofs_way way)
{
	static const char *const names[] = { [EROFS_BY_FILE] = "file", [EROFS_BY_LOOP] = "loop" };

	return names[way];
}

/* The kernel's own words, if it left any. */
static int fs_fail(int fs, int sys, const char *what, struct dv_err *e)
{
	char line[256];
	ssize_t n = read(fs, line, sizeof(line) - 1);
	/* What it does not know it calls invalid; without files as devices it wants a block device. */
	bool unknown = sys == EINVAL || sys == ENOTBLK || sys == ENODEV || sys == ENOSYS || sys == EOPNOTSUPP;

	if (n > 2) {
		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
	}
	(void)dv_fail_errno(e, sys, "%s%s%s", what, n > 2 ? ": " : "", n > 2 ? line + 2 : "");
	if (!unknown)
		return -(int)dv_kind_of_errno(sys);
	if (e)
		e->kind = DV_UNSUPPORTED;
	return -DV_UNSUPPORTED;
}

static int mount_source(const char *source, int *ret_fd, struct dv_err *e)
{
	int sys = fault_hit("mount");
	auto_close int fs = sys ? -1 : fsopen("erofs", FSOPEN_CLOEXEC);

	if (fs < 0 && (sys || errno == ENODEV || errno == ENOSYS))
		return sys ? dv_fail_errno(e, sys, "mount erofs") : dv_fail(e, DV_UNSUPPORTED, "this kernel has no erofs");
	if (fs < 0)
		return dv_fail_errno(e, errno, "fsopen erofs");
	if (fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fs_fail(fs, errno, "mount erofs", e);
	/* No nosuid: overlayfs would take it over. */
	int fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV);
	if (fd < 0)
		return fs_fail(fs, errno, "mount erofs", e);
	*ret_fd = fd;
	return 0;
}

/* --- loop devices --- */

static int loop_path(long n, char out[32])
{
	return snprintf(out, 32, "/dev/loop%ld", n);
}

/* A device for the file that goes when nobody has it open or mounted any more; 0, or an errno. */
static int loop_try(int control, int fd, char path[32], int *ret_fd)
{
	struct loop_config c = { .fd = (unsigned)fd, .info = { .lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR } };
	long n = ioctl(control, LOOP_CTL_GET_FREE);

	if (n < 0)
		return errno;
	(void)loop_path(n, path);
	auto_close int dev = -1;
	if (file_open(AT_FDCWD, path, O_RDONLY, 0, &dev, NULL) < 0)
		return errno;
	if (ioctl(dev, LOOP_CONFIGURE, &c) < 0)
		return errno;
	*ret_fd = take_fd(&dev);
	return 0;
}

static int loop_make(int fd, char path[32], int *ret_fd, struct dv_err *e)
{
	auto_close int control = -1;
	int sys = EBUSY, rc = file_open(AT_FDCWD, "/dev/loop-control", O_RDWR, 0, &control, e);

	if (rc < 0) {
		if (e)
			e->kind = DV_UNSUPPORTED;
		return -DV_UNSUPPORTED;
	}
	for (unsigned i = 0; sys == EBUSY && i < LOOP_TRIES; i++)
		sys = loop_try(control, fd, path, ret_fd);
	if (sys == 0)
		return 0;
	if (sys == ENOENT || sys == ENOTTY || sys == EINVAL || sys == EPERM || sys == ENXIO)
		return dv_fail(e, DV_UNSUPPORTED, "loop device %s: cannot be had", path);
	return dv_fail_errno(e, sys, "loop device");
}

static int mount_loop(int fd, int *ret_fd, struct dv_err *e)
{
	auto_close int dev = -1;
	char path[32] = "";
	int rc = loop_make(fd, path, &dev, e);

	return rc < 0 ? rc : mount_source(path, ret_fd, e);
}

/* --- public --- */

int erofs_mount_by(enum erofs_way way, int fd, int *ret_fd, struct dv_err *e)
{
	char path[32];

	if (way == EROFS_BY_LOOP)
		return mount_loop(fd, ret_fd, e);
	/* A link to the descriptor, not a name. */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return mount_source(path, ret_fd, e);
}

int erofs_mount(int fd, enum erofs_way *ret_way, int *ret_fd, struct dv_err *e)
{
	struct dv_err first = DV_ERR_NONE;
	int rc = erofs_mount_by(EROFS_BY_FILE, fd, ret_fd, &first);
	enum erofs_way way = EROFS_BY_FILE;

	if (rc == -DV_UNSUPPORTED) {
		way = EROFS_BY_LOOP;
		rc = erofs_mount_by(way, fd, ret_fd, e);
		return rc < 0 ? dv_fail(e, -rc, "as a file: %.180s; by a loop device: %.180s", first.msg, e ? e->msg : "")
			      : (*ret_way = way, 0);
	}
	if (rc < 0) {
		if (e)
			*e = first;
		return rc;
	}
	*ret_way = way;
	return 0;
}
