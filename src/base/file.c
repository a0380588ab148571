/* file.c - files by directory descriptor: confined opens, atomic replacement, tree removal. */
#include <errno.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

int file_open(int dirfd, const char *name, int flags, mode_t mode, int *ret_fd, struct dv_err *e)
{
	int fd = -1, sys = fault_hit("open");

	if (!sys) {
		do
			fd = openat(dirfd, name, flags | O_CLOEXEC, mode);
		while (fd < 0 && errno == EINTR);
		sys = errno;
	}
	if (fd < 0)
		return dv_fail_errno(e, sys, "open %s", name);
	*ret_fd = fd;
	return 0;
}

int file_open_how(int dirfd, const char *name, int flags, mode_t mode, enum file_how how, int *ret_fd,
		  struct dv_err *e)
{
	struct open_how oh = { .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
			       .mode = flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? mode : 0,
			       .resolve = RESOLVE_NO_MAGICLINKS };
	long fd = -1;
	int sys = fault_hit("open");

	if (how & FILE_BENEATH)
		oh.resolve |= RESOLVE_BENEATH;
	if (how & FILE_IN_ROOT)
		oh.resolve |= RESOLVE_IN_ROOT;
	if (how & FILE_NO_LINKS)
		oh.resolve |= RESOLVE_NO_SYMLINKS;
	if (how & FILE_NO_XDEV)
		oh.resolve |= RESOLVE_NO_XDEV;
	if (!sys) {
		/* EAGAIN: a rename raced with "..": the kernel asks us to try again, but not for ever. */
		for (int tries = 0; tries < 128; tries++) {
			fd = syscall(SYS_openat2, dirfd, name, &oh, sizeof oh);
			if (fd >= 0 || (errno != EINTR && errno != EAGAIN))
				break;
		}
		sys = errno;
	}
	if (fd < 0)
		return dv_fail_errno(e, sys, "open %s", name);
	*ret_fd = (int)fd;
	return 0;
}

int file_read(int dirfd, const char *name, struct buf *b, struct dv_err *e)
{
	auto_close int fd = -1;
	int r = file_open(dirfd, name, O_RDONLY | O_NOCTTY, 0, &fd, e);

	return r < 0 ? r : fd_read_to(fd, b, name, e);
}

int file_read_kernel(int dirfd, const char *name, char *out, size_t size, struct dv_err *e)
{
	auto_close int fd = -1;
	int sys, r = file_open(dirfd, name, O_RDONLY | O_NOCTTY, 0, &fd, e);
	ssize_t n = -1;

	if (r < 0)
		return r;
	sys = fault_hit("read");
	if (!sys) {
		do
			n = read(fd, out, size - 1);
		while (n < 0 && errno == EINTR);
		sys = errno;
	}
	if (n < 0)
		return dv_fail_errno(e, sys, "read %s", name);
	if ((size_t)n == size - 1)
		return dv_fail(e, DV_LIMIT, "read %s: longer than %zu bytes", name, size - 2);
	out[n] = '\0';
	return (int)n;
}

int file_write(int dirfd, const char *name, const char *text, struct dv_err *e)
{
	auto_close int fd = -1;
	size_t len = strlen(text);
	int r = file_open(dirfd, name, O_WRONLY | O_NOCTTY, 0, &fd, e), sys = fault_hit("write");
	ssize_t n;

	if (r < 0)
		return r;
	do
		n = sys ? -1 : write(fd, text, len);
	while (n < 0 && !sys && errno == EINTR);
	if (n < 0)
		return dv_fail_errno(e, sys ? sys : errno, "write \"%s\" to %s", text, name);
	if ((size_t)n != len)
		return dv_fail(e, DV_IO, "write \"%s\" to %s: only %zd bytes taken", text, name, n);
	return 0;
}

static int replace_write(int fd, const void *data, size_t len, bool sync, const char *name, struct dv_err *e)
{
	int r = fd_write_all(fd, data, len, name, e), sys;

	if (r < 0 || !sync)
		return r;
	sys = fault_hit("fsync");
	if (sys || fsync(fd) < 0)
		return dv_fail_errno(e, sys ? sys : errno, "sync %s", name);
	return 0;
}

/* The directory of name, for fsync: dirfd itself may be AT_FDCWD or O_PATH. */
static int sync_directory(int dirfd, const char *dir, const char *name, struct dv_err *e)
{
	auto_close int fd = -1;
	int r = file_open(dirfd, *dir ? dir : ".", O_RDONLY | O_DIRECTORY, 0, &fd, e), sys;

	if (r < 0)
		return r;
	sys = fault_hit("fsync");
	if (sys || fsync(fd) < 0)
		return dv_fail_errno(e, sys ? sys : errno, "sync the directory of %s", name);
	return 0;
}

static int replace_by(int dirfd, const char *tmp, const char *name, mode_t mode, const void *data, size_t len,
		      bool sync, struct dv_err *e)
{
	auto_close int fd = -1;
	int r = file_open(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode, &fd, e), sys;

	if (r < 0)
		return r;
	r = replace_write(fd, data, len, sync, name, e);
	if (r == 0) {
		sys = fault_hit("rename");
		if (sys || renameat(dirfd, tmp, dirfd, name) < 0)
			r = dv_fail_errno(e, sys ? sys : errno, "replace %s", name);
	}
	if (r < 0)
		(void)unlinkat(dirfd, tmp, 0);
	return r;
}

int file_replace(int dirfd, const char *name, mode_t mode, const void *data, size_t len, bool sync,
		 struct dv_err *e)
{
	static atomic_uint count;     /* threads may replace the same file */
	const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
	auto_free char *dir = mem_printf("%.*s", (int)(base - name), name);
	auto_free char *tmp = mem_printf("%s.%.200s.%d.%u.tmp", dir, base, (int)getpid(), atomic_fetch_add(&count, 1));
	int r;

	r = replace_by(dirfd, tmp, name, mode, data, len, sync, e);
	if (r == -(int)DV_EXISTS && unlinkat(dirfd, tmp, 0) == 0)      /* of a dead process with our pid */
		r = replace_by(dirfd, tmp, name, mode, data, len, sync, e);
	if (r < 0)
		return r;
	return sync ? sync_directory(dirfd, dir, name, e) : 0;
}

/* One component: made if it is missing, then opened; a link in its place is an error. */
static int mkdir_step(int dirfd, const char *name, mode_t mode, int *ret_fd, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	int sys = fault_hit("mkdir"), r;

	if (sys || (mkdirat(dirfd, name, mode) < 0 && errno != EEXIST))
		return dv_fail_errno(e, sys ? sys : errno, "make directory %s", name);
	r = file_open(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd, &why);
	if (r < 0 && why.sys == ENOTDIR)
		return dv_fail(e, DV_EXISTS, "%s exists and is not a directory", name);
	if (r < 0 && e)
		*e = why;
	return r;
}

int file_mkdirs(int dirfd, const char *path, mode_t mode, int *ret_fd, struct dv_err *e)
{
	struct scan sc = scan_of(path, strlen(path));
	auto_close int fd = -1;
	const char *word;
	size_t len;
	int r;

	r = file_open(dirfd, *path == '/' && dirfd == AT_FDCWD ? "/" : ".", O_PATH | O_DIRECTORY, 0, &fd, e);
	if (r < 0)
		return r;
	while (scan_until(&sc, '/', &word, &len)) {
		auto_free char *name = NULL;
		int next = -1;

		if (len == 0 || (len == 1 && *word == '.'))
			continue;
		name = mem_printf("%.*s", (int)len, word);
		if (streq(name, ".."))
			return dv_fail(e, DV_INVALID, "directory %s has \"..\" in it", path);
		r = mkdir_step(fd, name, mode, &next, e);
		if (r < 0)
			return dv_wrap(e, "make %s", path);
		fd_close(&fd);
		fd = next;
	}
	if (ret_fd)
		*ret_fd = take_fd(&fd);
	return 0;
}

int file_lock(int fd, bool exclusive, bool wait, const char *what, struct dv_err *e)
{
	int op = (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB);

	while (flock(fd, op) < 0) {
		if (errno == EINTR)
			continue;
		if (errno == EWOULDBLOCK)
			return dv_fail(e, DV_CONFLICT, "%s is in use by another process", what);
		return dv_fail_errno(e, errno, "lock %s", what);
	}
	return 0;
}

int file_readlink(int dirfd, const char *name, char **ret, struct dv_err *e)
{
	size_t size = 256;
	auto_free char *p = NULL;

	for (;;) {
		ssize_t n;

		p = mem_resize(p, size, 1);
		n = readlinkat(dirfd, name, p, size);
		if (n < 0)
			return dv_fail_errno(e, errno, "read link %s", name);
		if ((size_t)n < size) {
			p[n] = '\0';
			*ret = take_ptr(&p);
			return 0;
		}
		if (size > (1U << 16))
			return dv_fail(e, DV_LIMIT, "read link %s: too long", name);
		size *= 2;
	}
}
