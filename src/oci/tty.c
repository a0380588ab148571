/* tty.c - terminals by TIOCGPTPEER, so that no path of a slave is ever looked up. */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/defence.h"
#include "base/file.h"
#include "base/str.h"
#include "oci/mount.h"
#include "oci/tty.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

static int check_ptmx(int fd, struct dv_err *e)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return dv_fail_errno(e, errno, "look at dev/pts/ptmx");
	if (fs.f_type != DEVPTS_SUPER_MAGIC || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
		return dv_fail(e, DV_FORBIDDEN, "dev/pts/ptmx of the container is not a terminal multiplexer");
	return 0;
}

/* Without the defence: what runtimes did before, the slave by its path inside the root. */
static int slave_by_path(int root_fd, unsigned number, int *ret, struct dv_err *e)
{
	char name[32];

	(void)snprintf(name, sizeof name, "dev/pts/%u", number);
	return file_open(root_fd, name, O_RDWR | O_NOCTTY, 0, ret, e);
}

int tty_open(int root_fd, uint32_t height, uint32_t width, int *ret_master, int *ret_slave, struct dv_err *e)
{
	struct winsize size = { .ws_row = (unsigned short)height, .ws_col = (unsigned short)width };
	auto_close int master = -1, slave = -1;
	int unlock = 0, r;
	unsigned number;

	r = file_open_how(root_fd, "dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK, 0, FILE_IN_ROOT | FILE_NO_LINKS,
			  &master, e);
	if (r < 0)
		return dv_wrap(e, "open a terminal");
	if ((r = check_ptmx(master, e)) < 0 || (r = fd_set_nonblock(master, false, e)) < 0)
		return r;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0 || ioctl(master, TIOCGPTN, &number) < 0)
		return dv_fail_errno(e, errno, "unlock the terminal");
	if (!defence_on("tty-peer")) {
		if ((r = slave_by_path(root_fd, number, &slave, e)) < 0)
			return r;
	} else {
		slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (slave < 0)
			return dv_fail_errno(e, errno, "open the terminal's other side");
	}
	/* Not given: that of the terminal we run in, so that the program never sees another. */
	if (!height && !width && ioctl(0, TIOCGWINSZ, &size) < 0)
		size = (struct winsize){ 0 };
	if ((size.ws_row || size.ws_col) && ioctl(master, TIOCSWINSZ, &size) < 0)
		return dv_fail_errno(e, errno, "set the terminal's size");
	*ret_master = take_fd(&master);
	*ret_slave = take_fd(&slave);
	return 0;
}

/* Without the defence: made by its path, wherever that leads. */
static int console_by_path(int root_fd, int *ret, struct dv_err *e)
{
	return file_open(root_fd, "dev/console", O_WRONLY | O_CREAT | O_NOCTTY, 0644, ret, e);
}

int tty_bind_console(int root_fd, int slave, struct dv_err *e)
{
	auto_close int target = -1, copy = -1;
	int r;

	r = defence_on("console") ? mount_target(root_fd, "/dev/console", TARGET_FILE, TARGET_STRICT, &target, e) :
				    console_by_path(root_fd, &target, e);
	if (r < 0 ||
	    (r = mount_clone(slave, "", false, false, &copy, e)) < 0)
		return r;
	return mount_attach(copy, target, "/dev/console", e);
}

int tty_send(int socket_fd, int master, struct dv_err *e)
{
	char name[32];
	unsigned number = 0;

	(void)ioctl(master, TIOCGPTN, &number);
	(void)snprintf(name, sizeof name, "/dev/pts/%u", number);
	return fd_send_msg(socket_fd, name, strlen(name), &master, 1, e) < 0 ? dv_wrap(e, "console socket") : 0;
}

int tty_adopt(int slave, struct dv_err *e)
{
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return dv_fail_errno(e, errno, "take the terminal");
	for (int i = 0; i < 3; i++)
		if (dup2(slave, i) < 0)
			return dv_fail_errno(e, errno, "take the terminal as descriptor %d", i);
	return 0;
}
