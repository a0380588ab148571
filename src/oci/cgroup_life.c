/* cgroup_life.c - making and removing the container's cgroups.
 *
 * The fast path is one mkdir per hierarchy. Parents are made only when that
 * fails, and every directory made is counted, so that a failed create leaves
 * the trees as they were.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "oci/cgroup_priv.h"

/* --- making --- */

bool cg_no_rights(int sys)
{
	return sys == EACCES || sys == EPERM || sys == EROFS;
}

/* mkdir of `path` below the mount, part by part; on failure those made are removed again. */
static int make_parts(struct hier *h, char *path)
{
	for (char *p = strchr(path + strlen(h->mount) + 1, '/');; p = strchr(p + 1, '/')) {
		int sys;

		if (p)
			*p = '\0';
		sys = mkdir(path, 0755) == 0 ? 0 : errno;
		h->made += sys == 0;
		if (sys && (sys != EEXIST || !p)) {
			for (; h->made; h->made--) {
				*strrchr(path, '/') = '\0';
				(void)rmdir(path);
			}
			return sys;
		}
		if (!p)
			return 0;
		*p = '/';
	}
}

/* mkdir with the missing parents, never above the mount; counts those made. 0 or the errno. */
static int make_path(struct cgroup *cg, struct hier *h)
{
	int sys = fault_hit("mkdir");

	if (sys)
		return sys;
	if (mkdir(h->full, 0755) == 0) {
		h->made = 1;
		return 0;
	}
	if (errno != ENOENT || access(h->mount, F_OK) < 0)
		return errno;
	return make_parts(h, arena_str(&cg->mem, h->full));
}

static void unmake(struct hier *h, struct arena *a)
{
	char *path = arena_str(a, h->full);

	fd_close(&h->fd);
	fd_close(&h->tasks_fd);
	/* A process that was born in it is still there: cgroup_undo() comes once more. */
	for (; h->made && (rmdir(path) == 0 || errno == ENOENT); h->made--)
		*strrchr(path, '/') = '\0';
}

void cg_lose(struct cgroup *cg, struct hier *h, int sys, const char *why)
{
	unmake(h, &cg->mem);
	h->lost = why;
	h->lost_errno = sys;
}

void cg_tell_lost(struct cgroup *cg)
{
	size_t lost = 0;

	for (size_t i = 0; i < cg->n; i++)
		lost += cg->h[i].lost != NULL && cg->h[i].lost_errno == ENOENT;
	if (cg->n && lost == cg->n) {
		cg->layout = CGROUP_NONE;
		cg_warn(cg, "no cgroup tree is mounted (%s): the container runs without limits", cg->h[0].lost);
		return;
	}
	for (size_t i = 0; i < cg->n; i++) {
		struct hier *h = &cg->h[i];
		auto_buf struct buf names = BUF_INIT(4096);

		if (!h->lost || h->told)
			continue;
		for (size_t k = i; k < cg->n; k++) {
			struct hier *same = &cg->h[k];

			if (!same->lost || same->told || same->lost_errno != h->lost_errno)
				continue;
			buf_printf(&names, "%s%s", names.len ? ", " : "", same->v2 ? "v2" : same->controllers);
			same->told = true;
		}
		cg_warn(cg, "no cgroup for the container in %s: %s", buf_cstr(&names), h->lost);
	}
}

/* A v1 cpuset starts empty and refuses processes until cpus and mems are filled: take over the parent's value, which
 * may itself have been left empty by whoever made it. `dir` is "" or so many "../". */
static int cpuset_fill(const struct hier *h, const char *dir, const char *file, int depth, struct dv_err *e)
{
	auto_buf struct buf path = BUF_INIT(4096), text = BUF_INIT(CG_TEXT_MAX);
	int r;

	buf_printf(&path, "%s../%s", dir, file);
	r = cg_read(h->fd, buf_cstr(&path), &text, e);
	if (r < 0)
		return r;
	if (text.len == 0) {
		auto_buf struct buf up = BUF_INIT(4096);

		if (depth == 0)
			return dv_fail(e, DV_UNSUPPORTED, "cgroup: no parent of %s has %s", h->full, file);
		buf_printf(&up, "%s../", dir);
		r = cpuset_fill(h, buf_cstr(&up), file, depth - 1, e);
		if (r < 0)
			return r;
		r = cg_read(h->fd, buf_cstr(&path), &text, e);
		if (r < 0)
			return r;
	}
	buf_reset(&path);
	buf_printf(&path, "%s%s", dir, file);
	return cg_write(h, buf_cstr(&path), buf_cstr(&text), e);
}

int cg_fill_cpuset(struct cgroup *cg, bool cpus_given, bool mems_given, struct dv_err *e)
{
	struct hier *h = cg_find(cg, "cpuset");
	int r;

	if (!cg->cpuset_bare || !h || h->lost)
		return 0;
	if ((r = cg_open_dir(h, e)) < 0 ||
	    (!cpus_given && (r = cpuset_fill(h, "", "cpuset.cpus", CGROUP_DEPTH_MAX, e)) < 0) ||
	    (!mems_given && (r = cpuset_fill(h, "", "cpuset.mems", CGROUP_DEPTH_MAX, e)) < 0))
		return r;
	cg->cpuset_bare = false;
	return 0;
}

/* Asks one directory to pass on all of `list` ("+cpu +memory"). */
static void pass_on(struct cgroup *cg, struct hier *h, const char *path, const char *list)
{
	auto_close int dir = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct scan s = scan_of(list, strlen(list));
	const char *word;
	size_t len;
	int sys = dir < 0 ? errno : cg_try_write(dir, "cgroup.subtree_control", list);

	if (sys == 0)
		return;
	h->refused = arena_printf(&cg->mem, "cannot enable controllers in %s/cgroup.subtree_control: %s", path,
				  sys == EBUSY ? "it has processes of its own" : strerror(sys));
	/* One that cannot be had refuses all of them. */
	while (dir >= 0 && scan_until(&s, ' ', &word, &len))
		(void)cg_try_write(dir, "cgroup.subtree_control", arena_strn(&cg->mem, word, len));
}

/* v2: a directory has the files of a controller only when its parent passes the controller on. All are asked for down
 * the chain; what is refused shows up later, as a missing file, if a limit needs it. The v2 tree of a hybrid machine is
 * left as it is: limits are v1's there. */
static void enable_controllers(struct cgroup *cg, struct hier *h)
{
	auto_buf struct buf list = BUF_INIT(4096), add = BUF_INIT(8192);
	char *path = arena_str(&cg->mem, h->full);
	auto_close int root = openat(AT_FDCWD, h->mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct scan s;
	const char *word;
	size_t len;

	if (root < 0 || cg_read(root, "cgroup.controllers", &list, NULL) < 0 || list.len == 0)
		return;
	s = scan_of(list.p, list.len);
	while (scan_until(&s, ' ', &word, &len))
		buf_printf(&add, "%s+%.*s", add.len ? " " : "", (int)len, word);
	for (char *p = path + strlen(h->mount); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		pass_on(cg, h, path, buf_cstr(&add));
		*p = '/';
	}
}

/* Someone else's container may live there. */
static int refuse_used(struct hier *h, struct dv_err *e)
{
	auto_buf struct buf procs = BUF_INIT(CG_TEXT_MAX);
	int r = cg_open_dir(h, e);

	if (r < 0)
		return r;
	r = cg_read(h->fd, "cgroup.procs", &procs, e);
	/* A threaded cgroup cannot be read: it has processes, or it is of no use. */
	if (r < 0 && e->sys != EOPNOTSUPP)
		return r;
	if (r < 0 || procs.len)
		return dv_fail(e, DV_CONFLICT, "cgroup: container's cgroup is not empty: %s", h->full);
	return 0;
}

/* An empty cgroup that somebody prepared is used as it is. */
static int adopt(struct cgroup *cg, struct hier *h, struct dv_err *e)
{
	auto_buf struct buf cpus = BUF_INIT(CG_TEXT_MAX);
	int r = refuse_used(h, e);

	if (r < 0)
		return r;
	if (cg->layout == CGROUP_V2)
		enable_controllers(cg, h);
	if (h == cg_find(cg, "cpuset") && (cg_read(h->fd, "cpuset.cpus", &cpus, NULL) < 0 || !cpus.len))
		cg->cpuset_bare = true;
	return 0;
}

/* Most v1 hierarchies only ever get the process, so the one file for that is opened now and nothing else. In a
 * directory just made it can only come from a cgroup file system. */
static int expect_process(struct cgroup *cg, struct hier *h)
{
	auto_free char *name = mem_printf("%s/tasks", h->full);
	int sys;

	h->tasks_fd = openat(AT_FDCWD, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	sys = errno;
	if (h->tasks_fd < 0)
		cg_lose(cg, h, sys == ENOENT ? EOPNOTSUPP : sys,
			sys == ENOENT ? arena_printf(&cg->mem, "%s is not on a cgroup filesystem", h->full) :
					arena_printf(&cg->mem, "open %s: %s", name, strerror(sys)));
	return 0;
}

static int create_one(struct cgroup *cg, struct hier *h, struct dv_err *e)
{
	int sys = make_path(cg, h);
	int r;

	if (sys == EEXIST)
		return adopt(cg, h, e);
	if (sys == ENOENT && access(h->mount, F_OK) < 0) {
		cg_lose(cg, h, ENOENT, arena_printf(&cg->mem, "%s is not mounted", h->mount));
		return 0;
	}
	if (sys == 0) {
		struct dv_err why;

		cg->cpuset_bare |= h == cg_find(cg, "cpuset");
		if (!h->v2)
			return expect_process(cg, h);
		if (cg_open_dir(h, &why) < 0) {
			cg_lose(cg, h, why.sys ? why.sys : EOPNOTSUPP, arena_str(&cg->mem, why.msg));
			return 0;
		}
		if (cg->layout == CGROUP_V2)
			enable_controllers(cg, h);
		return 0;
	}
	r = dv_fail_errno(e, sys, "cgroup: make %s", h->full);
	/* Read-only mounts, or a user without a delegated tree and without a wish for a place in it: fine until a limit
	 * is asked for. The v2 tree of a hybrid machine carries no limits, so it is never worth failing for. */
	if (sys == EROFS || (cg_no_rights(sys) && !cg->path_given) || (cg->layout == CGROUP_HYBRID && h->v2)) {
		cg_lose(cg, h, sys, arena_str(&cg->mem, e->msg));
		return 0;
	}
	return r;
}

/* All, or only those that processes are born in; none twice. */
static int create(struct cgroup *cg, bool only_v2, struct dv_err *e)
{
	struct dv_err local;
	int r = 0;

	if (!e)
		e = &local;
	for (size_t i = 0; i < cg->n && r >= 0; i++) {
		if (cg->h[i].created || (only_v2 && !cg->h[i].v2))
			continue;
		cg->h[i].created = true;
		r = create_one(cg, &cg->h[i], e);
	}
	if (r < 0)
		cgroup_undo(cg);
	return r;
}

int cgroup_create(struct cgroup *cg, struct dv_err *e)
{
	int r = create(cg, false, e);

	if (r >= 0)
		cg_tell_lost(cg);
	return r;
}

int cgroup_create_born(struct cgroup *cg, struct dv_err *e)
{
	return create(cg, true, e);
}

void cgroup_undo(struct cgroup *cg)
{
	for (size_t i = 0; i < cg->n; i++) {
		unmake(&cg->h[i], &cg->mem);
		cg->h[i].created = false;
	}
}

/* --- removing --- */

int cg_walk(int dirfd, int depth, int (*on_dir)(void *ctx, int parent_fd, const char *name, int fd, struct dv_err *e),
	    void *ctx, struct dv_err *e)
{
	auto_close int list = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *d;
	DIR *dir;
	int r = 0;

	if (depth == 0)
		return dv_fail(e, DV_LIMIT, "cgroup: more than %d levels of cgroups", CGROUP_DEPTH_MAX);
	dir = list < 0 ? NULL : fdopendir(list);
	if (!dir)
		return errno == ENOENT ? 0 : dv_fail_errno(e, errno, "cgroup: read directory");
	take_fd(&list);
	while (r == 0 && (d = readdir(dir))) {
		auto_close int child = -1;

		if (d->d_type != DT_DIR || d->d_name[0] == '.')
			continue;
		child = openat(dirfd, d->d_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child < 0)
			continue;
		r = cg_walk(child, depth - 1, on_dir, ctx, e);
		if (r == 0)
			r = on_dir(ctx, dirfd, d->d_name, child, e);
	}
	closedir(dir);
	return r;
}

static int rmdir_child(void *ctx, int parent_fd, const char *name, int fd, struct dv_err *e)
{
	(void)unlinkat(parent_fd, name, AT_REMOVEDIR);      /* what stays is met again on the next turn */
	return 0;
}

/* Wait until the last process is off. v2 tells by cgroup.events, and its news hold for the v1 trees of a hybrid machine
 * too; elsewhere the pidfds of those that are listed tell, and for the moment between a process's end and its
 * leaving there is nothing but a short time. */
static void wait_empty(struct cgroup *cg, struct hier *h, int64_t deadline)
{
	struct hier *u = cg_find(cg, "");
	auto_buf struct buf text = BUF_INIT(CG_TEXT_MAX);
	uint64_t pid, populated = 0;

	if (u && !u->lost && u->fd >= 0) {
		auto_close int events = openat(u->fd, "cgroup.events", O_RDONLY | O_CLOEXEC);

		if (events >= 0 && fd_read_to(events, &text, "cgroup.events", NULL) >= 0 &&
		    cg_key_u64(buf_cstr(&text), "populated", &populated) && populated) {
			cg_wait(events, POLLPRI, deadline, 1000);
			return;
		}
	}
	if (cg_read(h->fd, "cgroup.procs", &text, NULL) >= 0 && text.len) {
		struct scan s = scan_of(text.p, text.len);
		auto_close int pidfd = -1;

		if (scan_u64(&s, &pid) && proc_open((pid_t)pid, &pidfd, NULL) >= 0) {
			cg_wait(pidfd, POLLIN, deadline, 1000);
			return;
		}
	}
	cg_wait(-1, 0, deadline, 1);
}

static int destroy_one(struct cgroup *cg, struct hier *h, int64_t deadline, struct dv_err *e)
{
	int r;

	for (;;) {
		if (rmdir(h->full) == 0 || errno == ENOENT) {
			h->made = 0;
			return 0;
		}
		if (errno != EBUSY)
			return dv_fail_errno(e, errno, "cgroup: remove %s", h->full);
		r = cg_open_dir(h, e);
		if (r < 0)
			return r == -DV_NOT_FOUND ? 0 : r;
		r = cg_walk(h->fd, CGROUP_DEPTH_MAX, rmdir_child, NULL, e);
		if (r < 0)
			return r;
		if (rmdir(h->full) == 0)
			continue;
		if (cg_now_ms() >= deadline)
			return dv_fail(e, DV_TIMEOUT, "cgroup: remove %s: it still has processes", h->full);
		wait_empty(cg, h, deadline);
	}
}

int cgroup_destroy(struct cgroup *cg, int timeout_ms, struct dv_err *e)
{
	struct dv_err err = DV_ERR_NONE;
	struct hier *u = cg_find(cg, "");
	int64_t deadline = cg_now_ms() + timeout_ms;
	int r = 0;

	/* The v2 tree goes last: its events tell when the others are free. */
	for (size_t i = 0; i < cg->n; i++) {
		struct hier *h = &cg->h[i];
		struct dv_err one;
		int q = h->lost || h == u ? 0 : destroy_one(cg, h, deadline, &one);

		if (q < 0 && r == 0) {
			r = q;
			err = one;
		}
	}
	if (r == 0 && u && !u->lost)
		r = destroy_one(cg, u, deadline, &err);
	if (r < 0 && e)
		*e = err;
	return r;
}

bool cgroup_exists(struct cgroup *cg)
{
	struct hier *h = cg_any(cg);

	return h && access(h->full, F_OK) == 0;
}

/* Files a delegate may write; others (cgroup.type, limits) stay the owner's above. */
int cgroup_delegate(struct cgroup *cg, uid_t owner, struct dv_err *e)
{
	static const char *const files[] = { "cgroup.procs", "cgroup.subtree_control", "cgroup.threads",
					     "memory.oom.group", "memory.reclaim" };
	struct hier *h = cg_v2(cg);
	int r;

	if (!h || h->lost)
		return 0;
	r = cg_open_dir(h, e);
	if (r < 0)
		return r;
	if (fchownat(h->fd, "", owner, (gid_t)-1, AT_EMPTY_PATH) < 0)
		return dv_fail_errno(e, errno, "cgroup: chown %s", h->full);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (fchownat(h->fd, files[i], owner, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return dv_fail_errno(e, errno, "cgroup: chown %s/%s", h->full, files[i]);
	return 0;
}
