/* cgroup_file.c - reading and writing the small files of a cgroup directory.
 *
 * Every file is opened below an O_PATH descriptor whose filesystem was checked
 * when it was opened, so that no write ends in a look-alike tree.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/str.h"
#include "oci/cgroup_priv.h"

int cg_try_write(int dirfd, const char *file, const char *value)
{
	auto_close int fd = -1;
	size_t len = strlen(value);
	int sys = fault_hit("write");
	ssize_t n;

	if (sys)
		return sys;
	fd = openat(dirfd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno;
	do
		n = write(fd, value, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno;
	return (size_t)n == len ? 0 : EIO;
}

int cg_write_error(int sys, const char *file, const char *value, struct dv_err *e)
{
	if (sys == ENOENT)
		return dv_fail(e, DV_UNSUPPORTED, "cgroup: write \"%s\" to %s: the kernel has no such file here",
			       value, file);
	return dv_fail_errno(e, sys, "cgroup: write \"%s\" to %s", value, file);
}

int cg_write(const struct hier *h, const char *file, const char *value, struct dv_err *e)
{
	int sys = cg_try_write(h->fd, file, value);

	return sys ? cg_write_error(sys, file, value, e) : 0;
}

int cg_read(int dirfd, const char *file, struct buf *b, struct dv_err *e)
{
	auto_close int fd = openat(dirfd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int r;

	buf_reset(b);
	if (fd < 0)
		return dv_fail_errno(e, errno, "cgroup: open %s", file);
	r = fd_read_to(fd, b, file, e);
	if (r < 0)
		return dv_wrap(e, "cgroup");
	while (b->len && b->p[b->len - 1] == '\n')
		b->p[--b->len] = '\0';
	return 0;
}

int cg_read_u64(int dirfd, const char *file, uint64_t *ret, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(4096);
	uint64_t v;
	int r = cg_read(dirfd, file, &b, e);

	if (r < 0)
		return r;
	if (streq(buf_cstr(&b), "max")) {
		*ret = UINT64_MAX;
		return 0;
	}
	r = str_u64(buf_cstr(&b), UINT64_MAX, file, &v, e);
	if (r < 0)
		return dv_wrap(e, "cgroup");
	*ret = v;
	return 0;
}

bool cg_key_u64(const char *text, const char *key, uint64_t *ret)
{
	size_t len = strlen(key);

	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, key, len) != 0 || p[len] != ' ')
			continue;
		struct scan s = scan_of(p + len + 1, strcspn(p + len + 1, "\n"));
		return scan_u64(&s, ret);
	}
	return false;
}

int64_t cg_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void cg_wait(int fd, short events, int64_t deadline_ms, int at_most_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left = deadline_ms - cg_now_ms();

	if (left <= 0)
		return;
	(void)poll(&p, fd >= 0 ? 1 : 0, (int)DV_MIN(left, (int64_t)at_most_ms));
}
