/* overlay_share.c - a container's overlay is mounted once, whoever works with it.
 *
 * Two mounts on one upper directory are undefined, and the second takes the first one's work directory away. So who
 * has mounted one and lets the container's lock go says where: at a place that everybody sees, or by
 *
 *	RUNROOT/containers/ID/roots/PID     "START FD": descriptor FD of the process PID that began at START is the mount
 *
 * Others make a detached copy of it. What is there is believed only as far as the process and the kind of
 * file system agree; it goes with its process.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "engine/overlay.h"
#include "engine/place.h"
#include "oci/mount.h"

#define DIR_NAME "roots"
#define PATH_SIZE 128
#define WAIT_MS 10000           /* for who has it, where it cannot be shared */

struct holder {
	struct proc_id id;
	int fd;
};

static bool read_holder(int dir, const char *name, struct holder *ret)
{
	auto_buf struct buf b = BUF_INIT(64);
	uint64_t pid, ticks, fd;
	struct scan s;

	if (str_u64(name, INT32_MAX, "pid", &pid, NULL) < 0 || file_read(dir, name, &b, NULL) < 0)
		return false;
	s = scan_of(buf_cstr(&b), b.len);
	if (!scan_u64(&s, &ticks) || !scan_char(&s, ' ') || !scan_u64(&s, &fd) || s.p != s.end || fd > INT32_MAX)
		return false;
	*ret = (struct holder){ { (pid_t)pid, ticks }, (int)fd };
	return true;
}

/* 1 with a copy; 0: it has gone, or was none. */
static int copy_of(const struct holder *h, int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	struct statfs fs;
	char path[64];
	int r;

	(void)snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)h->id.pid, h->fd);
	if (file_open(AT_FDCWD, path, O_PATH, 0, &fd, NULL) < 0 || !proc_alive(&h->id) || fstatfs(fd, &fs) < 0 ||
	    (unsigned long)fs.f_type != OVERLAYFS_SUPER_MAGIC)
		return 0;
	r = mount_clone(fd, "", false, false, ret_fd, e);
	return r < 0 ? r : 1;
}

static int wait_for(const struct holder *h, struct dv_err *e)
{
	auto_close int pidfd = -1;
	struct pollfd p = { .events = POLLIN };

	if (proc_open(h->id.pid, &pidfd, NULL) < 0)
		return 0;
	p.fd = pidfd;
	if (proc_alive(&h->id) && poll(&p, 1, WAIT_MS) == 0)
		return dv_fail(e, DV_TIMEOUT, "process %d still copies files of the container", (int)h->id.pid);
	return 0;
}

static int ask_holder(int dir, const char *name, int *ret_fd, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	struct holder h;
	int r;

	if (!read_holder(dir, name, &h) || !proc_alive(&h.id)) {
		(void)unlinkat(dir, name, 0);
		return 0;
	}
	r = copy_of(&h, ret_fd, &why);
	return r < 0 ? wait_for(&h, e) : r;
}

static int ask_all(int dir, int *ret_fd, struct dv_err *e)
{
	struct dirent *de;
	int fd, r = file_open(dir, ".", O_RDONLY | O_DIRECTORY, 0, &fd, e);
	DIR *d;

	if (r < 0)
		return r;
	d = fdopendir(fd);
	if (!d) {
		(void)close(fd);
		return dv_fail_errno(e, ENOMEM, "read " DIR_NAME);
	}
	while (r == 0 && (de = readdir(d)))
		if (*de->d_name != '.')
			r = ask_holder(dir, de->d_name, ret_fd, e);
	(void)closedir(d);
	return r;
}

int overlay_shared(struct engine *g, const char *id, int *ret_fd, struct dv_err *e)
{
	auto_close int dir = -1;
	char path[PATH_SIZE];
	int r = place_clone(g, OVERLAY_PLACES, id, ret_fd, e);

	if (r != 0)
		return r;
	(void)snprintf(path, sizeof path, "containers/%s/" DIR_NAME, id);
	if (file_open(engine_runfd(g), path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &dir, NULL) < 0)
		return 0;
	return ask_all(dir, ret_fd, e);
}

static void own_name(struct engine *g, char out[PATH_SIZE])
{
	(void)snprintf(out, PATH_SIZE, DIR_NAME "/%d", (int)engine_self(g)->pid);
}

int overlay_share(struct engine *g, int run_dir, int mount, struct dv_err *e)
{
	char name[PATH_SIZE], text[64];

	if (mkdirat(run_dir, DIR_NAME, 0700) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make directory " DIR_NAME);
	own_name(g, name);
	(void)snprintf(text, sizeof text, "%llu %d", (unsigned long long)engine_self(g)->start_ticks, mount);
	return file_replace(run_dir, name, 0600, text, strlen(text), false, e);
}

void overlay_unshare(struct engine *g, int run_dir)
{
	char name[PATH_SIZE];

	own_name(g, name);
	(void)unlinkat(run_dir, name, 0);
	(void)unlinkat(run_dir, DIR_NAME, AT_REMOVEDIR);
}

int overlay_hide(struct engine *g, const char *id, struct dv_err *e)
{
	auto_close int dir = -1;
	int r;

	if (!place_is_mounted(g, OVERLAY_PLACES, id))
		return 0;
	if ((r = place_open(g, OVERLAY_PLACES, &dir, e)) < 0)
		return r;
	r = place_unmount(dir, id, true, e);
	return r == -DV_NOT_FOUND ? 0 : r;
}
