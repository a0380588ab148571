/* record.c - the record's bytes, its lock and its file. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/file.h"
#include "monitor/record.h"

static const char magic[8] = { 'd', 'v', 'r', 'e', 'c', '0', '0', '1' };

struct disk {
	char magic[8];
	uint32_t sum;           /* of all that follows */
	uint32_t state;
	int64_t monitor_pid, monitor_start, init_pid, init_start, started_ns, finished_ns;
	int32_t code;
	uint32_t restarts, health, failing;
	uint64_t dropped;
	uint8_t oom, user_stopped, removed, zero[5];
	char boot[40];
	char rest[256 - 8 - 8 - 48 - 16 - 8 - 8 - 40];
};
_Static_assert(sizeof(struct disk) == RECORD_BYTES, "no padding");

static uint32_t checksum(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint32_t h = 2166136261u;

	while (len--)
		h = (h ^ *p++) * 16777619u;
	return h;
}

static uint32_t sum_of(const struct disk *d)
{
	return checksum(&d->state, sizeof *d - offsetof(struct disk, state));
}

void record_encode(const struct record *r, char out[RECORD_BYTES])
{
	struct disk d = { .state = r->state, .monitor_pid = r->monitor.pid, .monitor_start = (int64_t)r->monitor.start_ticks,
			  .init_pid = r->init.pid, .init_start = (int64_t)r->init.start_ticks, .started_ns = r->started_ns,
			  .finished_ns = r->finished_ns, .code = r->code, .restarts = r->restarts, .health = r->health,
			  .failing = r->failing, .dropped = r->dropped, .oom = r->oom, .user_stopped = r->user_stopped,
			  .removed = r->removed };

	memcpy(d.magic, magic, sizeof magic);
	memcpy(d.boot, r->boot, sizeof d.boot);
	d.sum = sum_of(&d);
	memcpy(out, &d, sizeof d);
}

bool record_decode(const char *data, size_t len, struct record *ret)
{
	struct disk d;

	if (len != sizeof d)
		return false;
	memcpy(&d, data, sizeof d);
	if (memcmp(d.magic, magic, sizeof magic) != 0 || d.sum != sum_of(&d) || d.state < RECORD_STARTING ||
	    d.state > RECORD_ENDED || d.health > HEALTH_UNHEALTHY || d.code < -1 || d.code > 255 || d.boot[sizeof d.boot - 1])
		return false;
	*ret = (struct record){ .state = (enum record_state)d.state,
				.monitor = { (pid_t)d.monitor_pid, (uint64_t)d.monitor_start },
				.init = { (pid_t)d.init_pid, (uint64_t)d.init_start }, .started_ns = d.started_ns,
				.finished_ns = d.finished_ns, .code = d.code, .oom = d.oom, .user_stopped = d.user_stopped,
				.removed = d.removed, .restarts = d.restarts, .health = (enum health_status)d.health,
				.failing = d.failing, .dropped = d.dropped };
	memcpy(ret->boot, d.boot, sizeof ret->boot);
	return true;
}

/* The record lock, unlike flock, is not inherited by the container's process, and says whose it is. */
static int take(int fd, const char *name, struct dv_err *e)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_SETLK, &fl) == 0)
		return 0;
	if (errno == EACCES || errno == EAGAIN)
		return dv_fail(e, DV_CONFLICT, "%s: another monitor is there", name);
	return dv_fail_errno(e, errno, "lock %s", name);
}

int record_make(int dir, const char *name, bool lock, int *ret_fd, struct dv_err *e)
{
	static const char empty[RECORD_BYTES];
	auto_close int fd = -1;
	int r = file_open(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &fd, e);

	if (r < 0 || (lock && (r = take(fd, name, e)) < 0))
		return r;
	if (pwrite(fd, empty, sizeof empty, 0) != (ssize_t)sizeof empty)
		return dv_fail_errno(e, errno ? errno : EIO, "write %s", name);
	*ret_fd = take_fd(&fd);
	return 0;
}

int record_write(int fd, const struct record *r, bool sync, struct dv_err *e)
{
	char data[RECORD_BYTES];
	int sys = fault_hit("record");

	record_encode(r, data);
	if (sys)
		return dv_fail_errno(e, sys, "write the record");
	if (pwrite(fd, data, sizeof data, 0) != (ssize_t)sizeof data || (sync && fdatasync(fd) < 0))
		return dv_fail_errno(e, errno, "write the record");
	return 0;
}

int record_read(int dir, const char *name, struct record *ret, bool *ret_alive, struct dv_err *e)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	auto_close int fd = -1;
	char data[RECORD_BYTES];
	int r = file_open(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd, e);
	ssize_t n;

	if (ret_alive)
		*ret_alive = false;
	if (r < 0)
		return r;
	/* The lock first: a monitor that ends lets go after its last word. */
	if (ret_alive && fcntl(fd, F_GETLK, &fl) == 0)
		*ret_alive = fl.l_type != F_UNLCK;
	n = pread(fd, data, sizeof data, 0);
	if (n < 0 || !record_decode(data, (size_t)n, ret))
		return dv_fail(e, DV_INVALID, "%s: no whole record", name);
	return 0;
}
