/* cgroup.c - where the container's cgroup is: layout and paths.
 *
 * The layout comes from one statfs and /proc/self/cgroup; mountinfo, which
 * grows with the number of mounts, is never read: hierarchies are mounted as
 * ROOT/NAME everywhere. That a directory really is a cgroup is checked when it
 * is opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "oci/cgroup_priv.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define SELF_MAX ((size_t)256 << 10)

void cg_warn(struct cgroup *cg, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (cg->n_warnings == WARNINGS_MAX)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	cg->warnings[cg->n_warnings++] = arena_str(&cg->mem, line);
}

const char *cgroup_warning(const struct cgroup *cg, size_t i)
{
	return i < cg->n_warnings ? cg->warnings[i] : NULL;
}

enum cgroup_layout cgroup_layout(const struct cgroup *cg)
{
	return cg->layout;
}

/* --- finding hierarchies --- */

static bool list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, word, len) == 0 && (p[len] == ',' || p[len] == '\0'))
			return true;
	}
	return false;
}

struct hier *cg_find(struct cgroup *cg, const char *controller)
{
	for (size_t i = 0; i < cg->n; i++)
		if (*controller ? !cg->h[i].v2 && list_has(cg->h[i].controllers, controller) : cg->h[i].v2)
			return &cg->h[i];
	return NULL;
}

int cg_need(struct cgroup *cg, const char *controller, const char *what, struct hier **ret, struct dv_err *e)
{
	struct hier *h = cg_find(cg, controller);
	int r;

	if (!h)
		return dv_fail(e, DV_UNSUPPORTED, "cgroup: %s is asked for, but there is no %s controller", what,
			       *controller ? controller : "v2");
	if (h->lost)
		return dv_fail_errno(e, h->lost_errno, "cgroup: %s is asked for, but the container has no %s cgroup (%s)",
				     what, *controller ? controller : "v2", h->lost);
	r = cg_open_dir(h, e);
	if (r < 0)
		return r;
	*ret = h;
	return 0;
}

struct hier *cg_v2(struct cgroup *cg)
{
	return cg->layout == CGROUP_V2 ? cg_find(cg, "") : NULL;
}

struct hier *cg_any(struct cgroup *cg)
{
	static const char *const order[] = { "", "devices", "pids", "memory", "freezer", "cpu" };

	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		struct hier *h = cg_find(cg, order[i]);
		if (h && !h->lost && cg_open_dir(h, NULL) == 0)
			return h;
	}
	for (size_t i = 0; i < cg->n; i++)
		if (!cg->h[i].lost && cg_open_dir(&cg->h[i], NULL) == 0)
			return &cg->h[i];
	return NULL;
}

int cg_open_dir(struct hier *h, struct dv_err *e)
{
	auto_close int fd = -1;
	struct statfs fs;

	if (h->fd >= 0)
		return 0;
	fd = openat(AT_FDCWD, h->full, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return dv_fail_errno(e, errno, "cgroup: open %s", h->full);
	/* In a directory that we have just made files can only come from a cgroup file system, which the first of
	 * them to be opened proves. */
	if (h->made && !h->v2) {
		h->fd = take_fd(&fd);
		return 0;
	}
	if (fstatfs(fd, &fs) < 0)
		return dv_fail_errno(e, errno, "cgroup: statfs %s", h->full);
	if ((unsigned long)fs.f_type != (h->v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC))
		return dv_fail(e, DV_UNSUPPORTED, "cgroup: %s is not on a cgroup%s filesystem", h->full,
			       h->v2 ? " v2" : "");
	h->fd = take_fd(&fd);
	return 0;
}

/* --- paths --- */

char *cg_path_clean(struct arena *a, const char *path)
{
	size_t n, out = 0;
	char **parts = str_split(a, path, '/', &n);
	struct buf b = BUF_INIT(2 * (strlen(path) + 2));
	char *ret;

	for (size_t i = 0; i < n; i++) {
		if (streq(parts[i], "") || streq(parts[i], "."))
			continue;
		if (!streq(parts[i], ".."))
			parts[out++] = parts[i];
		else if (out)
			out--;
	}
	for (size_t i = 0; i < out; i++) {
		if (i || *path == '/')
			buf_char(&b, '/');
		buf_str(&b, parts[i]);
	}
	if (!out && *path == '/')
		buf_char(&b, '/');
	ret = arena_str(a, buf_cstr(&b));
	buf_done(&b);
	return ret;
}

/* Where our own cgroup is below the mount. A path that begins with "/.." lies outside of our cgroup namespace, and
 * one that does not exist means that the mount shows only our own part of the tree: the mount's root is all we have. */
static const char *own_path(struct cgroup *cg, const struct hier *h, const char *own)
{
	if (str_starts(own, "/..") || streq(own, "/"))
		return "";
	if (faccessat(AT_FDCWD, arena_printf(&cg->mem, "%s%s", h->mount, own), F_OK, AT_EACCESS) < 0)
		return "";
	return own;
}

/* On v2 processes live in the leaves only, and we are one in ours: a relative path is below our parent. */
static const char *parent_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? arena_strn(a, path, (size_t)(slash - path)) : "";
}

static void hier_place(struct cgroup *cg, struct hier *h, const char *own, const char *inner)
{
	if (*inner == '/') {
		h->full = arena_printf(&cg->mem, "%s%s", h->mount, streq(inner, "/") ? "" : inner);
		return;
	}
	own = own_path(cg, h, own);
	if (h->v2 && cg->layout == CGROUP_V2)
		own = parent_of(&cg->mem, own);
	h->full = arena_printf(&cg->mem, "%s%s/%s", h->mount, own, inner);
}

/* --- layout --- */

/* ROOT/cpu,cpuacct, or ROOT/cpu on machines that have only the single names. */
static const char *hier_name(struct cgroup *cg, const char *root, const char *controllers)
{
	const char *name = str_after(controllers, "name=");

	if (name || !strchr(controllers, ','))
		return name ? name : controllers;
	if (faccessat(AT_FDCWD, arena_printf(&cg->mem, "%s/%s", root, controllers), F_OK, AT_EACCESS) == 0)
		return controllers;
	return arena_strn(&cg->mem, controllers, strcspn(controllers, ","));
}

static struct hier *hier_add(struct cgroup *cg, const char *root, const char *name, const char *controllers, bool v2)
{
	struct hier *h = &cg->h[cg->n++];

	*h = (struct hier){ .name = name, .controllers = controllers, .v2 = v2, .fd = -1, .tasks_fd = -1 };
	h->mount = *name ? arena_printf(&cg->mem, "%s/%s", root, name) : root;
	return h;
}

static bool is_cgroup2(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* One read for all but the strangest machines. */
static int read_self(struct buf *b, struct dv_err *e)
{
	char *p = buf_room(b, 4096);
	int r = p ? file_read_kernel(AT_FDCWD, "/proc/self/cgroup", p, 4096, e) : -(int)DV_LIMIT;

	if (r == -(int)DV_LIMIT)
		return file_read(AT_FDCWD, "/proc/self/cgroup", b, e);
	if (r >= 0)
		b->len = (size_t)r;
	return r < 0 ? r : 0;
}

/* A line of /proc/self/cgroup: "4:memory:/a/b", "9:name=systemd:/", "0::/". */
static int layout_line(struct cgroup *cg, const char *root, const char *line, const char *inner, struct dv_err *e)
{
	char *text = arena_str(&cg->mem, line);
	char *controllers = strchr(text, ':');
	char *own = controllers ? strchr(controllers + 1, ':') : NULL;
	bool v2;

	if (!own)
		return dv_fail(e, DV_CORRUPT, "cgroup: /proc/self/cgroup has the line \"%s\"", line);
	*controllers++ = *own++ = '\0';
	v2 = *controllers == '\0';
	if (v2 != (cg->layout == CGROUP_V2)) {
		/* A v1 line on a v2 machine is a named tree mounted elsewhere; a v2 line otherwise is a hybrid one. */
		if (!v2 || !is_cgroup2(arena_printf(&cg->mem, "%s/unified", root)))
			return 0;
		cg->layout = CGROUP_HYBRID;
	}
	if (cg->n == HIER_MAX)
		return dv_fail(e, DV_LIMIT, "cgroup: more than %d hierarchies", HIER_MAX);
	const char *name = !v2 ? hier_name(cg, root, controllers) : cg->layout == CGROUP_V2 ? "" : "unified";
	hier_place(cg, hier_add(cg, root, name, controllers, v2), own, inner);
	return 0;
}

static int layout_find(struct cgroup *cg, const char *root, const char *self, const char *inner, struct dv_err *e)
{
	struct scan s = scan_of(self, strlen(self));
	const char *word;
	size_t len;
	int r = 0;

	cg->layout = is_cgroup2(root) ? CGROUP_V2 : CGROUP_V1;
	while (r == 0 && scan_until(&s, '\n', &word, &len))
		if (len)
			r = layout_line(cg, root, arena_strn(&cg->mem, word, len), inner, e);
	if (r < 0)
		return r;
	if (cg->n == 0) {
		cg->layout = CGROUP_NONE;
		cg_warn(cg, "no cgroup tree is mounted at %s: the container runs without limits", root);
	}
	return 0;
}

struct cgroup *cg_new(void)
{
	struct cgroup *cg = mem_new(struct cgroup);

	arena_init(&cg->mem, (size_t)1 << 20);
	return cg;
}

void cg_auto_close(struct cgroup **cg)
{
	cgroup_close(*cg);
}

int cgroup_open_at(const char *root, const char *self, const struct cgroup_spec *spec, struct cgroup **ret,
		   struct dv_err *e)
{
	auto_cgroup struct cgroup *cg = cg_new();
	const char *inner;
	int r;

	cg->rootless = spec->rootless;
	cg->path_given = spec->path && *spec->path;
	cg->disabled = spec->manager == CGROUP_DISABLED;
	if (!cg->disabled) {
		inner = cg_path_clean(&cg->mem, cg->path_given ? spec->path : spec->id);
		if (!*inner || streq(inner, "/"))
			return dv_fail(e, DV_INVALID, "linux.cgroupsPath: \"%s\" names the root of the tree",
				       cg->path_given ? spec->path : spec->id);
		r = layout_find(cg, arena_str(&cg->mem, root), self, inner, e);
		if (r < 0)
			return r;
	}
	*ret = take_ptr(&cg);
	return 0;
}

int cgroup_open(const struct cgroup_spec *spec, struct cgroup **ret, struct dv_err *e)
{
	auto_buf struct buf self = BUF_INIT(SELF_MAX);
	int r;

	if (spec->manager != CGROUP_DISABLED) {
		r = read_self(&self, e);
		/* A kernel without cgroups has no such file. */
		if (r < 0 && e->kind != DV_NOT_FOUND)
			return r;
	}
	return cgroup_open_at(CGROUP_ROOT, buf_cstr(&self), spec, ret, e);
}

void cgroup_close(struct cgroup *cg)
{
	if (!cg)
		return;
	for (size_t i = 0; i < cg->n; i++) {
		fd_close(&cg->h[i].fd);
		fd_close(&cg->h[i].tasks_fd);
	}
	arena_done(&cg->mem);
	free(cg);
}
