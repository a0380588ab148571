/* procfs.c - checked writes to the host's /proc. */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>

#include "base/defence.h"
#include "base/file.h"
#include "base/str.h"
#include "oci/procfs.h"

static int check_magic(int fd, const char *path, struct dv_err *e)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return dv_fail_errno(e, errno, "look at the file system of /proc/%s", path);
	if (fs.f_type != PROC_SUPER_MAGIC)
		return dv_fail(e, DV_FORBIDDEN, "/proc/%s is not on a proc file system", path);
	return 0;
}

int procfs_open(int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	int r;

	if ((r = file_open(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0, &fd, e)) < 0 || (r = check_magic(fd, "", e)) < 0)
		return r;
	*ret_fd = take_fd(&fd);
	return 0;
}

int procfs_self(int proc_fd, pid_t *ret, struct dv_err *e)
{
	char text[32];
	ssize_t n = readlinkat(proc_fd, "self", text, sizeof text - 1);
	uint64_t pid;
	int r;

	if (n < 0)
		return dv_fail_errno(e, errno, "read /proc/self");
	text[n] = '\0';
	r = str_u64(text, INT32_MAX, "/proc/self", &pid, e);
	if (r < 0)
		return r;
	*ret = (pid_t)pid;
	return 0;
}

static int write_weak(const char *path, const char *text, struct dv_err *e)
{
	auto_free char *full = mem_printf("/proc/%s", path);

	return file_write(AT_FDCWD, full, text, e);
}

int procfs_write(int proc_fd, const char *path, const char *text, struct dv_err *e)
{
	auto_close int fd = -1;
	size_t len = strlen(text);
	int r;

	if (!defence_on("procfs"))
		return write_weak(path, text, e);
	r = file_open_how(proc_fd, path, O_WRONLY, 0, FILE_BENEATH | FILE_NO_LINKS | FILE_NO_XDEV, &fd, e);
	if (r < 0 || (r = check_magic(fd, path, e)) < 0)
		return r;
	if (write(fd, text, len) != (ssize_t)len)
		return dv_fail_errno(e, errno, "write \"%s\" to /proc/%s", text, path);
	return 0;
}

int procfs_write_self(int proc_fd, const char *path, const char *text, struct dv_err *e)
{
	auto_free char *full = NULL;
	pid_t pid;
	int r;

	if (!defence_on("procfs"))
		full = mem_printf("self/%s", path);
	else if ((r = procfs_self(proc_fd, &pid, e)) < 0)
		return r;
	else
		full = mem_printf("%d/%s", (int)pid, path);
	return procfs_write(proc_fd, full, text, e);
}
