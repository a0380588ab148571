/* self.c - run from a place that nobody can write to.
 *
 * A process of the container may open /proc/PID/exe of a runtime process that has entered it, or run it
 * by "#!/proc/self/exe", and write to the program later. The kernel refuses that on a read-only mount.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "base/defence.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "oci/mount.h"
#include "oci/sys.h"
#include "oci/self.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static char **saved_argv;
static int copy_fd = -1;        /* the read-only copy that we run from, where it is a mount */
extern char **environ;

/* The kernel names what was executed by descriptor after it. */
static void hold_copy(void)
{
	const char *name = str_after((const char *)getauxval(AT_EXECFN) ?: "", "/dev/fd/");
	uint64_t n;

	if (name && str_u64(name, INT32_MAX, "descriptor", &n, NULL) == 0 && n > 2 &&
	    fcntl((int)n, F_SETFD, FD_CLOEXEC) == 0)
		copy_fd = (int)n;
}

void self_remember(char **argv)
{
	saved_argv = argv;
	hold_copy();
}

void self_release(void)
{
	fd_close(&copy_fd);
}

/* Already safe: a read-only mount, or a sealed memory file. */
static bool is_protected(void)
{
	auto_close int fd = -1;
	struct statfs fs;
	int seals;

	if (statfs("/proc/self/exe", &fs) < 0)
		return false;
	if (fs.f_flags & ST_RDONLY)
		return true;
	if (fs.f_type != TMPFS_MAGIC)
		return false;
	fd = openat(AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC);
	seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);
	return seals >= 0 && (seals & SEALS) == SEALS;
}

static int sealed_copy(int *ret_fd, struct dv_err *e)
{
	auto_close int exe = openat(AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC);
	auto_close int fd = memfd_create("davit", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat st;

	if (fd < 0 || exe < 0 || fstat(exe, &st) < 0)
		return dv_fail_errno(e, errno, "protect the program file");
	for (off_t left = st.st_size; left > 0;) {
		ssize_t n = sendfile(fd, exe, NULL, (size_t)left);

		if (n <= 0)
			return dv_fail_errno(e, n < 0 ? errno : EIO, "copy the program file");
		left -= n;
	}
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return dv_fail_errno(e, errno, "seal the program's copy");
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Without these a descriptor opened later would become the container's stdin. */
static void open_missing_stdio(void)
{
	struct pollfd fds[3] = { { .fd = 0 }, { .fd = 1 }, { .fd = 2 } };

	if (poll(fds, 3, 0) <= 0)
		return;
	for (int i = 0; i < 3; i++)
		if (fds[i].revents & POLLNVAL)
			(void)openat(AT_FDCWD, "/dev/null", O_RDWR);
}

int self_protect(struct dv_err *e)
{
	auto_free char *path = NULL;
	auto_close int copy = -1;
	int r;

	if (!defence_on("self-exe") || !saved_argv || is_protected()) {
		open_missing_stdio();
		return 0;
	}
	r = mount_clone(AT_FDCWD, "/proc/self/exe", false, false, &copy, e);
	if (r >= 0)
		r = mount_set(copy, MOUNT_ATTR_RDONLY, 0, 0, -1, false, "program file", e);
	/* Left open, unless it has the place of a stdio that our caller closed: self_release() says why. */
	if (r >= 0 && copy > 2)
		r = fd_set_cloexec(copy, false, e);
	if (r < 0) {
		fd_close(&copy);
		if ((r = sealed_copy(&copy, e)) < 0)
			return r;
	}
	if (proc_program(&path, NULL) >= 0)
		(void)setenv(PROC_SELF_ENV, path, 1);
	(void)sys_execveat(copy, "", saved_argv, environ, AT_EMPTY_PATH);
	return dv_fail_errno(e, errno, "run the protected program");
}
