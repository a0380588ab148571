/* packet.c - SOCK_SEQPACKET by directory and name. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/packet.h"

static int open_named(int dirfd, const char *name, struct sockaddr_un *sa, int *ret_fd, struct dv_err *e)
{
	int n;

	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(sa->sun_path, sizeof sa->sun_path, "/proc/self/fd/%d/%s", dirfd, name);
	if (n < 0 || (size_t)n >= sizeof sa->sun_path)
		return dv_fail(e, DV_INVALID, "socket name %s is too long", name);
	return fd_socket(AF_UNIX, SOCK_SEQPACKET, 0, ret_fd, e);
}

int packet_listen(int dirfd, const char *name, int backlog, int *ret_fd, struct dv_err *e)
{
	struct sockaddr_un sa;
	auto_close int fd = -1;
	int r = open_named(dirfd, name, &sa, &fd, e), sys;
	mode_t old;

	if (r < 0)
		return r;
	old = umask(0177);
	sys = bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 ? errno : 0;
	(void)umask(old);
	if (sys)
		return sys == EADDRINUSE ? dv_fail(e, DV_EXISTS, "socket %s is there already", name) :
					   dv_fail_errno(e, sys, "bind socket %s", name);
	if (listen(fd, backlog) < 0)
		return dv_fail_errno(e, errno, "listen on socket %s", name);
	*ret_fd = take_fd(&fd);
	return 0;
}

int packet_connect(int dirfd, const char *name, int *ret_fd, struct dv_err *e)
{
	struct sockaddr_un sa;
	auto_close int fd = -1;
	int r = open_named(dirfd, name, &sa, &fd, e);

	if (r < 0)
		return r;
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0)
		return errno == ECONNREFUSED ? dv_fail(e, DV_UNAVAILABLE, "nobody listens on socket %s", name) :
					       dv_fail_errno(e, errno, "connect to socket %s", name);
	*ret_fd = take_fd(&fd);
	return 0;
}
