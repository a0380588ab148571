/* cgroup_join.c - putting processes into the container's cgroups. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "oci/cgroup_priv.h"

int cgroup_clone_fd(const struct cgroup *cg)
{
	for (size_t i = 0; i < cg->n; i++)
		if (cg->h[i].v2 && !cg->h[i].lost)
			return cg->h[i].fd;
	return -1;
}

/* A v2 cgroup below a threaded one is "domain invalid" until it is made threaded too. */
static int join_threaded(int dir, const char *pid)
{
	auto_buf struct buf type = BUF_INIT(256);

	if (cg_read(dir, "cgroup.type", &type, NULL) < 0 || !streq(buf_cstr(&type), "domain invalid"))
		return EOPNOTSUPP;
	if (cg_try_write(dir, "cgroup.type", "threaded") != 0)
		return EOPNOTSUPP;
	return cg_try_write(dir, "cgroup.procs", pid);
}

static int join_dir(const struct hier *h, int dir, const char *where, const char *pid, struct dv_err *e)
{
	int sys = cg_try_write(dir, "cgroup.procs", pid);

	if (sys == EOPNOTSUPP && h->v2)
		sys = join_threaded(dir, pid);
	if (sys == 0)
		return 0;
	if (sys == ESRCH)
		return dv_fail(e, DV_NOT_FOUND, "cgroup: process %s is gone", pid);
	if (sys == EBUSY && h->v2)
		return dv_fail(e, DV_CONFLICT, "cgroup: %s passes controllers on, so no process may join it "
			       "(cgroup.subtree_control is not empty)", where);
	if (sys == EOPNOTSUPP && h->v2)
		return dv_fail(e, DV_UNSUPPORTED, "cgroup: %s is in a threaded subtree: it cannot have this process or "
			       "domain controllers", where);
	return dv_fail_errno(e, sys, "cgroup: write \"%s\" to %s/cgroup.procs", pid, where);
}

/* The file that its making has opened; text is a pid, or "0" for ourselves. It stays open: a process that joins
 * itself closes all it has at once, soon. */
static int join_opened(struct hier *h, const char *text, struct dv_err *e)
{
	ssize_t n = write(h->tasks_fd, text, strlen(text));
	int sys = errno;

	if (n >= 0)
		return 0;
	if (sys == ESRCH)
		return dv_fail(e, DV_NOT_FOUND, "cgroup: process %s is gone", text);
	return dv_fail_errno(e, sys, "cgroup: write \"%s\" to %s/tasks", text, h->full);
}

int cgroup_prepare_join(struct cgroup *cg, struct dv_err *e)
{
	struct dv_err local;
	int r = 0;

	if (!e)
		e = &local;
	if (cg->cpuset_bare && (r = cg_fill_cpuset(cg, false, false, e)) < 0)
		return r;
	for (size_t i = 0; i < cg->n; i++) {
		struct hier *h = &cg->h[i];

		if (h->v2 && !h->lost)
			dv_ignore(cg_open_dir(h, NULL));
		if (h->v2 || h->lost)
			continue;
		/* Without rights, or gone: cgroup_add() knows what to make of that. */
		if (h->tasks_fd < 0 && cg_open_dir(h, NULL) == 0)
			h->tasks_fd = openat(h->fd, "tasks", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
		h->joins_itself = h->tasks_fd >= 0;
	}
	return 0;
}

void cgroup_cloned_into(struct cgroup *cg)
{
	for (size_t i = 0; i < cg->n; i++)
		cg->h[i].joins_itself |= cg->h[i].v2;
}

int cgroup_join_self(struct cgroup *cg, struct dv_err *e)
{
	int r = 0;

	for (size_t i = 0; i < cg->n && r >= 0; i++)
		if (cg->h[i].tasks_fd >= 0)
			r = join_opened(&cg->h[i], "0", e);
	return r;
}

void cgroup_joint(const struct cgroup *cg, struct cgroup_joint *ret)
{
	*ret = (struct cgroup_joint){ 0 };
	for (size_t i = 0; i < cg->n; i++) {
		ret->made |= cg->h[i].lost ? 0 : 1 << i;
		if (cg->h[i].tasks_fd < 0)
			continue;
		ret->opened |= 1 << i;
		ret->fds[ret->n++] = cg->h[i].tasks_fd;
	}
}

void cgroup_take_joint(struct cgroup *cg, const struct cgroup_joint *j)
{
	size_t n = 0;

	for (size_t i = 0; i < cg->n; i++) {
		if (j->opened & 1 << i)
			cg->h[i].tasks_fd = j->fds[n++];
		if (!(j->made & 1 << i) && !cg->h[i].lost)
			cg->h[i].lost = "it was not made";
	}
}

static int join(struct hier *h, const char *pid, struct dv_err *e)
{
	int r;

	if (h->tasks_fd >= 0) {
		r = join_opened(h, pid, e);
		fd_close(&h->tasks_fd);
		return r;
	}
	r = cg_open_dir(h, e);
	return r < 0 ? r : join_dir(h, h->fd, h->full, pid, e);
}

static int add_one(struct cgroup *cg, struct hier *h, const char *pid, struct dv_err *e)
{
	int r = join(h, pid, e);

	/* A cpuset without cpus and mems, which nobody set. */
	if (r < 0 && e->sys == ENOSPC && h == cg_find(cg, "cpuset")) {
		cg->cpuset_bare = true;
		r = cg_fill_cpuset(cg, false, false, e);
		if (r == 0)
			r = join(h, pid, e);
	}
	if (r == 0)
		return 0;
	/* What an earlier command found missing is missing in what it stored, too. */
	if ((cg->rootless && !cg->path_given && (cg_no_rights(e->sys) || e->sys == ENOENT)) || (cg->layout == CGROUP_HYBRID && h->v2)) {
		cg_lose(cg, h, e->sys, arena_str(&cg->mem, e->msg));
		return 0;
	}
	return r;
}

int cgroup_add(struct cgroup *cg, pid_t pid, struct dv_err *e)
{
	struct dv_err local;
	char text[16];
	int r = 0;

	if (!e)
		e = &local;
	(void)snprintf(text, sizeof text, "%d", (int)pid);
	for (size_t i = 0; i < cg->n && r >= 0; i++)
		r = cg->h[i].lost || cg->h[i].joins_itself ? 0 : add_one(cg, &cg->h[i], text, e);
	if (r < 0)
		return r;
	cg_tell_lost(cg);
	return 0;
}

static int add_below_one(struct hier *h, const char *sub, const char *pid, struct dv_err *e)
{
	auto_close int dir = -1;
	int r = cg_open_dir(h, e);

	if (r < 0)
		return r;
	r = file_open_how(h->fd, sub, O_PATH | O_DIRECTORY, 0, FILE_BENEATH | FILE_NO_LINKS | FILE_NO_XDEV, &dir, e);
	if (r < 0)
		return dv_wrap(e, "cgroup: below %s", h->full);
	return join_dir(h, dir, sub, pid, e);
}

int cgroup_add_below(struct cgroup *cg, pid_t pid, const char *controllers, const char *sub, struct dv_err *e)
{
	auto_arena struct arena a;
	char text[16];
	size_t n = 0;
	char **names;
	int r;

	arena_init(&a, 0);
	while (*sub == '/')
		sub++;
	if (!*sub)
		sub = ".";
	(void)snprintf(text, sizeof text, "%d", (int)pid);
	names = controllers ? str_split(&a, controllers, ',', &n) : NULL;
	for (size_t i = 0; i < n; i++) {
		struct hier *h;

		r = cg_need(cg, names[i], "exec --cgroup", &h, e);
		if (r == 0)
			r = add_below_one(h, sub, text, e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; !names && i < cg->n; i++) {
		r = cg->h[i].lost ? 0 : add_below_one(&cg->h[i], sub, text, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- exec into a container that made cgroups of its own --- */

/* What follows the container's own path in `init`'s: "/sub/dir" for "0::/docker/ID/sub/dir". NULL when it is not below. */
static const char *sub_of(struct arena *a, const struct hier *h, pid_t init)
{
	auto_buf struct buf text = BUF_INIT(CG_TEXT_MAX);
	struct scan s;
	const char *line, *at, *sub;
	size_t len;

	if (file_read(AT_FDCWD, arena_printf(a, "/proc/%d/cgroup", (int)init), &text, NULL) < 0)
		return NULL;
	s = scan_of(buf_cstr(&text), text.len);
	while (scan_until(&s, '\n', &line, &len)) {
		const char *path = str_after(arena_strn(a, line, len), "0::");

		if (!path)
			continue;
		/* The mount point in front of our path is not known to a later command: try where the rest agrees. */
		for (at = strchr(h->full + 1, '/'); at; at = strchr(at + 1, '/'))
			if ((sub = str_after(path, at)) && *sub == '/')
				return sub;
	}
	return NULL;
}

int cgroup_add_beside(struct cgroup *cg, pid_t pid, pid_t init, struct dv_err *e)
{
	struct arena a;
	struct hier *h = cg_v2(cg);
	const char *sub;
	struct dv_err why;
	int r = cgroup_add(cg, pid, &why);

	if (r == -DV_CONFLICT && h) {
		arena_init(&a, 0);
		sub = sub_of(&a, h, init);
		if (sub)
			r = cgroup_add_below(cg, pid, NULL, sub, &why);
		arena_done(&a);
	}
	if (r < 0 && e)
		*e = why;
	return r;
}
