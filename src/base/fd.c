/* fd.c - descriptors: close-on-exec everywhere, short reads and writes handled once. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"

#define READ_CHUNK_BYTES 65536
#define MSG_FDS_MAX 64

void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}

int fd_pipe(int ret_fds[2], struct dv_err *e)
{
	if (pipe2(ret_fds, O_CLOEXEC) < 0)
		return dv_fail_errno(e, errno, "make a pipe");
	return 0;
}

int fd_socketpair(int type, int ret_fds[2], struct dv_err *e)
{
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ret_fds) < 0)
		return dv_fail_errno(e, errno, "make a socket pair");
	return 0;
}

int fd_dup(int fd, int *ret_fd, struct dv_err *e)
{
	/* Not by fcntl(): musl's sets the flag a second time, for kernels of long ago. */
	int n = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3);

	if (n < 0)
		return dv_fail_errno(e, errno, "duplicate descriptor %d", fd);
	*ret_fd = n;
	return 0;
}

int fd_socket(int domain, int type, int proto, int *ret_fd, struct dv_err *e)
{
	int n = socket(domain, type | SOCK_CLOEXEC, proto);

	if (n < 0)
		return dv_fail_errno(e, errno, "make a socket");
	*ret_fd = n;
	return 0;
}

int fd_accept(int fd, int *ret_fd, struct dv_err *e)
{
	int n;

	do
		n = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return dv_fail_errno(e, errno, "accept a connection");
	*ret_fd = n;
	return 0;
}

int fd_accept_from(int fd, struct sockaddr_storage *ret_addr, socklen_t *ret_len, int *ret_fd, struct dv_err *e)
{
	int sys = fault_hit("accept"), n;

	if (sys)
		return dv_fail_errno(e, sys, "accept a connection");
	do {
		*ret_len = sizeof *ret_addr;
		n = accept4(fd, (struct sockaddr *)ret_addr, ret_len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return dv_fail_errno(e, errno, "accept a connection");
	*ret_fd = n;
	return 0;
}

static int unix_address(int dirfd, const char *name, struct sockaddr_un *sa, struct dv_err *e)
{
	int n;

	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (dirfd == AT_FDCWD || *name == '/')
		n = snprintf(sa->sun_path, sizeof sa->sun_path, "%s", name);
	else
		n = snprintf(sa->sun_path, sizeof sa->sun_path, "/proc/self/fd/%d/%s", dirfd, name);
	if (n < 0 || (size_t)n >= sizeof sa->sun_path)
		return dv_fail(e, DV_INVALID, "socket name %s is too long", name);
	return 0;
}

static int unix_socket(int dirfd, const char *name, struct sockaddr_un *ret_address, int *ret_fd, struct dv_err *e)
{
	int r = unix_address(dirfd, name, ret_address, e);

	return r < 0 ? r : fd_socket(AF_UNIX, SOCK_STREAM, 0, ret_fd, e);
}

int fd_unix_connect(int dirfd, const char *name, int *ret_fd, struct dv_err *e)
{
	struct sockaddr_un sa;
	auto_close int fd = -1;
	int r = unix_socket(dirfd, name, &sa, &fd, e);

	if (r < 0)
		return r;
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0)
		return dv_fail_errno(e, errno, "connect to socket %s", name);
	*ret_fd = take_fd(&fd);
	return 0;
}

int fd_unix_listen(int dirfd, const char *name, int backlog, int *ret_fd, struct dv_err *e)
{
	struct sockaddr_un sa;
	auto_close int fd = -1;
	int r = unix_socket(dirfd, name, &sa, &fd, e);

	if (r < 0)
		return r;
	if (bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0)
		return dv_fail_errno(e, errno, "bind socket %s", name);
	if (listen(fd, backlog) < 0)
		return dv_fail_errno(e, errno, "listen on socket %s", name);
	*ret_fd = take_fd(&fd);
	return 0;
}

int fd_write_all(int fd, const void *data, size_t len, const char *what, struct dv_err *e)
{
	const char *p = data;
	int sys = fault_hit("write");

	if (sys)
		return dv_fail_errno(e, sys, "write %s", what);
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return dv_fail_errno(e, errno, "write %s", what);
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int fd_read_to(int fd, struct buf *b, const char *what, struct dv_err *e)
{
	int sys = fault_hit("read");

	if (sys)
		return dv_fail_errno(e, sys, "read %s", what);
	if (b->over)
		return buf_check(b, what, e);
	for (;;) {
		/* The last byte of the maximum is probed too: a file of exactly max bytes is fine. */
		size_t left = b->max - b->len, want = DV_MIN(left, (size_t)READ_CHUNK_BYTES);
		char *p, probe;
		ssize_t n;

		if (!want) {
			p = &probe;
			want = 1;
		} else if (b->cap - b->len > 512 && b->cap - b->len - 1 < want) {
			want = b->cap - b->len - 1;     /* use what is there before growing */
			p = buf_room(b, want);
		} else {
			if (!b->len)
				want = DV_MIN(want, (size_t)4096);
			p = buf_room(b, want);
		}
		n = read(fd, p, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return dv_fail_errno(e, errno, "read %s", what);
		if (n == 0)
			break;
		if (p == &probe) {
			b->over = true;
			return buf_check(b, what, e);
		}
		b->len += (size_t)n;
	}
	if (b->p)
		b->p[b->len] = '\0';
	return 0;
}

ssize_t fd_read_full(int fd, void *data, size_t len, const char *what, struct dv_err *e)
{
	size_t done = 0;
	int sys = fault_hit("read");

	if (sys)
		return dv_fail_errno(e, sys, "read %s", what);
	while (done < len) {
		ssize_t n = read(fd, (char *)data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return dv_fail_errno(e, errno, "read %s", what);
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

union fd_control {
	char bytes[CMSG_SPACE(sizeof(int) * MSG_FDS_MAX)];
	struct cmsghdr align;
};

int fd_send_msg(int sock, const void *data, size_t len, const int *fds, size_t n, struct dv_err *e)
{
	union fd_control control = { 0 };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t sent;

	if (n > MSG_FDS_MAX)
		return dv_fail(e, DV_LIMIT, "more than %d descriptors in a message", MSG_FDS_MAX);
	if (n) {
		struct cmsghdr *c = &control.align;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
	}
	for (;;) {
		do
			sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
		while (sent < 0 && errno == EINTR);
		if (sent < 0)
			return dv_fail_errno(e, errno, "send a message");
		if ((size_t)sent >= iov.iov_len)
			return 0;
		/* A stream took a part: the rest follows without the descriptors, which have gone. */
		iov.iov_base = (char *)iov.iov_base + sent;
		iov.iov_len -= (size_t)sent;
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
	}
}

/* The first n received descriptors; more than were asked for are closed. */
static void take_received(struct msghdr *msg, int *ret_fds, size_t n)
{
	size_t k = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (k < n)
				ret_fds[k++] = fd;
			else
				(void)close(fd);
		}
	}
}

ssize_t fd_recv_msg(int sock, void *data, size_t len, int *ret_fds, size_t n, struct dv_err *e)
{
	union fd_control control = { 0 };
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
			      .msg_controllen = sizeof control.bytes };
	ssize_t got;

	for (size_t i = 0; i < n; i++)
		ret_fds[i] = -1;
	do
		got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return dv_fail_errno(e, errno, "receive a message");
	take_received(&msg, ret_fds, n);
	if (msg.msg_flags & MSG_TRUNC) {
		for (size_t i = 0; i < n; i++)
			fd_close(&ret_fds[i]);
		return dv_fail(e, DV_LIMIT, "receive a message: it is larger than %zu bytes", len);
	}
	return got;
}

/* Kernels before 5.11 have no CLOSE_RANGE_CLOEXEC. */
static int cloexec_by_proc(int first, struct dv_err *e)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *de;

	if (!d)
		return dv_fail_errno(e, errno, "open /proc/self/fd");
	while ((de = readdir(d))) {
		uint64_t n;

		if (*de->d_name == '.' || str_u64(de->d_name, INT32_MAX, "descriptor", &n, NULL) < 0)
			continue;
		if ((int)n >= first && (int)n != dirfd(d))
			(void)fcntl((int)n, F_SETFD, FD_CLOEXEC);
	}
	(void)closedir(d);
	return 0;
}

int fd_cloexec_from(int first, struct dv_err *e)
{
	if (syscall(SYS_close_range, (unsigned)first, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) == 0)
		return 0;
	return cloexec_by_proc(first, e);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int fd_keep_only(int first, int *keep, size_t n, struct dv_err *e)
{
	qsort(keep, n, sizeof *keep, by_number);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < first)
			continue;
		if (keep[i] > first)
			(void)syscall(SYS_close_range, (unsigned)first, (unsigned)keep[i] - 1, 0);
		first = keep[i] + 1;
	}
	if (syscall(SYS_close_range, (unsigned)first, ~0U, 0) < 0)
		return dv_fail_errno(e, errno, "close descriptors");
	return 0;
}

static int set_flag(int fd, int get, int set, int flag, bool on, struct dv_err *e)
{
	int old = fcntl(fd, get);

	if (old < 0 || fcntl(fd, set, on ? old | flag : old & ~flag) < 0)
		return dv_fail_errno(e, errno, "set flags of descriptor %d", fd);
	return 0;
}

int fd_set_cloexec(int fd, bool on, struct dv_err *e)
{
	return set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on, e);
}

int fd_set_nonblock(int fd, bool on, struct dv_err *e)
{
	return set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on, e);
}
