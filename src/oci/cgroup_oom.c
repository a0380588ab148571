/* cgroup_oom.c - watching for out-of-memory kills: an eventfd on v1, inotify on v2. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "oci/cgroup_priv.h"

struct cgroup_oom {
	bool v2;
	int dir;                    /* the container's cgroup, O_PATH */
	int fd;                     /* what is polled */
	uint64_t kills;             /* told so far */
};

/* How many there were since the cgroup was made; kernels before 4.13 do not count (0). NOT_FOUND when it is gone. */
static int kills_now(const struct cgroup_oom *w, uint64_t *ret, struct dv_err *e)
{
	auto_buf struct buf text = BUF_INIT(4096);
	struct dv_err why;
	int r = cg_read(w->dir, w->v2 ? "memory.events" : "memory.oom_control", &text, &why);

	if (r < 0 && (why.sys == ENODEV || why.sys == ENOENT))
		return dv_fail(e, DV_NOT_FOUND, "cgroup: the container's cgroup is gone");
	if (r < 0) {
		if (e)
			*e = why;
		return r;
	}
	*ret = 0;
	(void)cg_key_u64(buf_cstr(&text), "oom_kill", ret);
	return 0;
}

static int watch_v1(struct cgroup_oom *w, struct dv_err *e)
{
	auto_close int control = openat(w->dir, "memory.oom_control", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char line[32];
	int sys;

	if (control < 0)
		return dv_fail_errno(e, errno, "cgroup: open memory.oom_control");
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0)
		return dv_fail_errno(e, errno, "eventfd");
	(void)snprintf(line, sizeof line, "%d %d", w->fd, control);
	sys = cg_try_write(w->dir, "cgroup.event_control", line);
	return sys ? cg_write_error(sys, "cgroup.event_control", line, e) : 0;
}

static int watch_v2(struct cgroup_oom *w, struct dv_err *e)
{
	char path[64];

	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd < 0)
		return dv_fail_errno(e, errno, "inotify");
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d/memory.events", w->dir);
	if (inotify_add_watch(w->fd, path, IN_MODIFY | IN_DELETE_SELF) < 0)
		return dv_fail_errno(e, errno, "cgroup: watch memory.events");
	return 0;
}

int cgroup_oom_open(struct cgroup *cg, struct cgroup_oom **ret, struct dv_err *e)
{
	struct cgroup_oom *w;
	struct hier *h = NULL;
	int r = cg_need(cg, cg->layout == CGROUP_V2 ? "" : "memory", "a watch for out of memory", &h, e);

	if (r < 0)
		return r;
	w = mem_new(struct cgroup_oom);
	*w = (struct cgroup_oom){ .v2 = h->v2, .dir = -1, .fd = -1 };
	r = fd_dup(h->fd, &w->dir, e);
	if (r == 0)
		r = kills_now(w, &w->kills, e);
	if (r == 0)
		r = w->v2 ? watch_v2(w, e) : watch_v1(w, e);
	if (r < 0) {
		cgroup_oom_close(w);
		return r;
	}
	*ret = w;
	return 0;
}

void cgroup_oom_close(struct cgroup_oom *w)
{
	if (!w)
		return;
	fd_close(&w->fd);
	fd_close(&w->dir);
	free(w);
}

int cgroup_oom_fd(const struct cgroup_oom *w)
{
	return w->fd;
}

int cgroup_oom_read(struct cgroup_oom *w, uint64_t *ret_kills, struct dv_err *e)
{
	char news[4096] __attribute__((aligned(8)));
	ssize_t n = read(w->fd, news, sizeof news);
	uint64_t now;
	int r;

	if (n < 0 && errno != EAGAIN)
		return dv_fail_errno(e, errno, "cgroup: read out-of-memory events");
	r = kills_now(w, &now, e);
	if (r < 0)
		return r;
	/* v1 gives its sign before it chooses a victim: the kill that follows is told now. */
	if (!w->v2 && n > 0 && now <= w->kills)
		now = w->kills + 1;
	*ret_kills = now > w->kills ? now - w->kills : 0;
	w->kills = DV_MAX(now, w->kills);
	return 0;
}
