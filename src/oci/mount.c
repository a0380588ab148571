/* mount.c - detached mounts: make them, set their attributes, put them on a target. */
#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/compat.h"
#include "base/defence.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "oci/mount.h"
#include "oci/scratch.h"

int mount_clone(int dirfd, const char *path, bool rec, bool nofollow, int *ret_fd, struct dv_err *e)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (rec ? AT_RECURSIVE : 0) |
			 (*path ? 0 : AT_EMPTY_PATH) | (nofollow ? AT_SYMLINK_NOFOLLOW : 0);
	int fd = -1, sys = fault_hit("mount");

	if (!sys) {
		fd = open_tree(dirfd, path, flags);
		sys = errno;
	}
	if (fd < 0)
		return dv_fail_errno(e, sys, "bind %s", *path ? path : "descriptor");
	*ret_fd = fd;
	return 0;
}

/* The kernel's own words about a refused option, if it left any. */
static int fs_fail(int fs, int sys, const char *type, struct dv_err *e)
{
	char line[256];
	ssize_t n = read(fs, line, sizeof line - 1);

	if (n > 2) {
		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
		return dv_fail_errno(e, sys, "mount %s (%s)", type, line + 2);
	}
	return dv_fail_errno(e, sys, "mount %s", type);
}

static int fs_option(int fs, const char *type, const char *option, struct dv_err *e)
{
	char key[64];
	const char *eq = strchr(option, '=');
	size_t n = eq ? (size_t)(eq - option) : strlen(option);
	int r;

	if (n >= sizeof key)
		return dv_fail(e, DV_INVALID, "mount %s: option %s is too long", type, option);
	memcpy(key, option, n);
	key[n] = '\0';
	r = eq ? fsconfig(fs, FSCONFIG_SET_STRING, key, eq + 1, 0) : fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0);
	if (r < 0) {
		int sys = errno;

		(void)fs_fail(fs, sys, type, e);
		return dv_wrap(e, "option \"%s\"", option);
	}
	return 0;
}

int mount_fresh(const char *type, const char *source, const char *const *data, uint64_t attrs, int *ret_fd,
		struct dv_err *e)
{
	auto_close int fs = -1;
	int fd, r, sys = fault_hit("mount");

	if (sys)
		return dv_fail_errno(e, sys, "mount %s", type);
	fs = fsopen(type, FSOPEN_CLOEXEC);
	if (fs < 0)
		return dv_fail_errno(e, errno, errno == ENODEV ? "mount: unknown file system %s" : "mount %s", type);
	if (source && *source && fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) < 0)
		return fs_fail(fs, errno, type, e);
	for (; data && *data; data++) {
		r = fs_option(fs, type, *data, e);
		if (r < 0)
			return r;
	}
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fs_fail(fs, errno, type, e);
	fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)attrs);
	if (fd < 0)
		return fs_fail(fs, errno, type, e);
	*ret_fd = fd;
	return 0;
}

int mount_attach(int fd, int target_fd, const char *what, struct dv_err *e)
{
	int sys = fault_hit("mount");

	if (!sys && move_mount(fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0)
		return 0;
	return dv_fail_errno(e, sys ? sys : errno, "mount onto %s", what);
}

int mount_set(int fd, uint64_t set, uint64_t clr, uint64_t propagation, int userns_fd, bool rec, const char *what,
	      struct dv_err *e)
{
	struct mount_attr ma = { .attr_set = set, .attr_clr = clr, .propagation = propagation & ~(uint64_t)MS_REC,
				 .userns_fd = userns_fd < 0 ? 0 : (uint64_t)userns_fd };

	if (mount_setattr(fd, "", AT_EMPTY_PATH | (rec ? AT_RECURSIVE : 0), &ma, sizeof ma) < 0)
		return dv_fail_errno(e, errno, "set attributes of the mount on %s", what);
	return 0;
}

/* --- targets --- */

#define TARGET_LINKS_MAX 40

/* Without the defence: by the path alone, through links that lead to the host. */
static int open_by_path(int root_fd, const char *path, int *ret_fd, struct dv_err *e)
{
	path += strspn(path, "/");
	return file_open(root_fd, *path ? path : ".", O_PATH, 0, ret_fd, e);
}

static void make_by_path(int root_fd, const char *path)
{
	const char *top = path + strspn(path, "/");

	for (const char *p = top + strcspn(top, "/");; p += strcspn(p, "/")) {
		auto_free char *part = mem_printf("%.*s", (int)(p - top), top);

		(void)mkdirat(root_fd, part, 0755);
		if (!*p++)
			return;
	}
}

static int open_in_root(int root_fd, const char *path, int flags, int *ret_fd, struct dv_err *e)
{
	enum file_how how = FILE_IN_ROOT;

	if (!defence_on("in-root"))
		return open_by_path(root_fd, path, ret_fd, e);
	if (flags & TARGET_STRICT)
		how |= FILE_NO_LINKS;
	return file_open_how(root_fd, *path ? path : "/", O_PATH | (flags & TARGET_NOFOLLOW ? O_NOFOLLOW : 0), 0, how,
			     ret_fd, e);
}

static int make_leaf(int dirfd, const char *name, enum mount_target kind, struct dv_err *e)
{
	if (kind == TARGET_DIR) {
		if (mkdirat(dirfd, name, 0755) < 0 && errno != EEXIST)
			return dv_fail_errno(e, errno, "make directory %s", name);
	} else {
		/* Never opened for that: what raced into its place may be a device. */
		if (mknodat(dirfd, name, S_IFREG | 0644, 0) < 0 && errno != EEXIST)
			return dv_fail_errno(e, errno, "make file %s", name);
	}
	return 0;
}

/* A link that leads nowhere yet: the path it means, "" when name is no link. */
static int dangling(struct arena *a, int dirfd, const char *parent, const char *name, const char *rest,
		    const char **ret, struct dv_err *e)
{
	auto_free char *to = NULL;
	int r = file_readlink(dirfd, name, &to, e);

	*ret = NULL;
	if (r < 0)
		return e->sys == EINVAL || e->sys == ENOENT ? 0 : r;
	*ret = *to == '/' ? arena_printf(a, "%s/%s", to, rest) : arena_printf(a, "%s/%s/%s", parent, to, rest);
	return 0;
}

/* One walk over the path, making what is missing. *ret_again is set when a link must be followed by hand. */
static int walk_and_make(struct arena *a, int root_fd, const char *path, enum mount_target kind, int flags,
			 int *ret_fd, const char **ret_again, struct dv_err *e)
{
	auto_close int dir = -1;
	const char *done = "";
	struct scan sc = scan_of(path, strlen(path));
	const char *word;
	size_t len;
	int r = open_in_root(root_fd, "", flags, &dir, e);

	while (r >= 0 && scan_until(&sc, '/', &word, &len)) {
		const char *name = arena_strn(a, word, len), *next = arena_printf(a, "%s/%s", done, name);
		int fd = -1;

		while (sc.p < sc.end && *sc.p == '/')
			sc.p++;
		if (!*name || streq(name, "."))
			continue;
		r = open_in_root(root_fd, next, flags, &fd, e);
		if (r == -DV_NOT_FOUND && e->sys == ENOENT) {
			r = dangling(a, dir, done, name, arena_strn(a, sc.p, (size_t)(sc.end - sc.p)), ret_again, e);
			if (r < 0 || *ret_again)
				return r;
			r = make_leaf(dir, name, sc.p < sc.end ? TARGET_DIR : kind, e);
			if (r >= 0)
				r = file_open(dir, name, O_PATH | O_NOFOLLOW, 0, &fd, e);
		}
		if (r < 0)
			return r;
		fd_close(&dir);
		dir = fd;
		done = next;
	}
	if (r >= 0)
		*ret_fd = take_fd(&dir);
	return r < 0 ? r : 0;
}

/* What is missing is mostly only the last name: its parent is there, and so is no link in its place. */
static int make_last(int root_fd, const char *path, enum mount_target kind, int flags, int *ret_fd, struct dv_err *e)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	auto_free char *parent = slash ? mem_printf("%.*s", (int)(slash - path), path) : mem_str("");
	auto_scratch int dir = -1;
	int r;

	if (!*name || streq(name, ".") || streq(name, ".."))
		return dv_fail_errno(e, ENOENT, "%s", path);
	if ((r = open_in_root(root_fd, parent, flags & ~TARGET_NOFOLLOW, &dir, e)) < 0)
		return r;
	if (kind == TARGET_DIR ? mkdirat(dir, name, 0755) < 0 : mknodat(dir, name, S_IFREG | 0644, 0) < 0)
		return dv_fail_errno(e, errno == EEXIST ? ENOENT : errno, "make %s", path);
	return file_open(dir, name, O_PATH | O_NOFOLLOW, 0, ret_fd, e);
}

static int resolve_target(int root_fd, const char *path, enum mount_target kind, int flags, int *ret_fd,
			  struct dv_err *e)
{
	auto_arena struct arena a = { 0 };
	int r = open_in_root(root_fd, path, flags, ret_fd, e);

	if (r == -DV_NOT_FOUND && e->sys == ENOENT)
		r = make_last(root_fd, path, kind, flags, ret_fd, e);
	if (r != -DV_NOT_FOUND || e->sys != ENOENT)
		return r < 0 ? dv_wrap(e, "mount target %s", path) : 0;
	arena_init(&a, 0);
	for (int links = 0; links < TARGET_LINKS_MAX; links++) {
		const char *again = NULL;

		r = walk_and_make(&a, root_fd, path, kind, flags, ret_fd, &again, e);
		if (r < 0)
			return dv_wrap(e, "mount target %s", path);
		if (!again)
			return 0;
		path = again;
	}
	return dv_fail(e, DV_INVALID, "mount target %s: too many links", path);
}

int mount_target(int root_fd, const char *path, enum mount_target kind, int flags, int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	int r;

	if (!defence_on("mkdir-steps"))
		make_by_path(root_fd, path);
	if ((r = resolve_target(root_fd, path, kind, flags, &fd, e)) < 0)
		return r;
	/* Without the defence: checked, and then looked up once more. */
	if (!defence_on("target-fd"))
		return open_by_path(root_fd, path, ret_fd, e);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* --- one mount of the configuration --- */

/* What some file systems cannot do inside a user namespace is taken from the host instead, as it is there. */
static const struct {
	const char *type, *host_path;
} host_fallbacks[] = { { "sysfs", "/sys" }, { "proc", "/proc" }, { "mqueue", "/dev/mqueue" } };

static int fresh_or_host(const char *type, const char *source, const char *const *data, uint64_t attrs, int *ret_fd,
			 struct dv_err *e)
{
	int r = mount_fresh(type, source, data, attrs, ret_fd, e);

	if (r != -DV_FORBIDDEN)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(host_fallbacks); i++) {
		if (!streq(host_fallbacks[i].type, type))
			continue;
		r = mount_clone(AT_FDCWD, host_fallbacks[i].host_path, true, false, ret_fd, e);
		/* With all that is mounted below: the host's cgroups are, in /sys. */
		if (r >= 0 && attrs)
			r = mount_set(*ret_fd, attrs, 0, 0, -1, defence_on("cgroup-ro"), type, e);
	}
	return r;
}

static unsigned long old_flags(uint64_t attrs)
{
	static const struct {
		uint64_t attr;
		unsigned long flag;
	} rows[] = {
		{ MOUNT_ATTR_RDONLY, MS_RDONLY },   { MOUNT_ATTR_NOSUID, MS_NOSUID },
		{ MOUNT_ATTR_NODEV, MS_NODEV },     { MOUNT_ATTR_NOEXEC, MS_NOEXEC },
		{ MOUNT_ATTR_NOATIME, MS_NOATIME }, { MOUNT_ATTR_STRICTATIME, MS_STRICTATIME },
		{ MOUNT_ATTR_NODIRATIME, MS_NODIRATIME },
	};
	unsigned long flags = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (attrs & rows[i].attr)
			flags |= rows[i].flag;
	return flags;
}

/* One call instead of ten, and options of any length. The descriptor's link in the host's /proc, whose
 * file system was checked, leads to the target itself: no path is looked up again. */
static int mount_onto(const struct spec_mount *m, const struct mount_opts *o, int target, struct dv_err *e)
{
	auto_buf struct buf data = BUF_INIT(1 << 16);
	int r, sys = fault_hit("mount");
	char name[32];

	for (size_t i = 0; i < o->n_data; i++)
		buf_printf(&data, "%s%s", i ? "," : "", o->data[i]);
	if ((r = buf_check(&data, "options", e)) < 0)
		return r;
	(void)snprintf(name, sizeof name, "/proc/self/fd/%d", target);
	if (sys || mount(m->source, name, m->type, old_flags(o->attr_set), data.len ? data.p : NULL) < 0)
		return dv_fail_errno(e, sys ? sys : errno, "mount %s", m->type);
	return 0;
}

/* --- type "cgroup": the container's own directory of every hierarchy, below a small tmpfs on v1 --- */

int mount_cgroups_open(struct mount_env *env, struct dv_err *e)
{
	int r = cgroup_mounts(env->cgroup, env->arena, &env->cgroups, &env->n_cgroups, e);

	if (r < 0)
		return r;
	env->cgroup_fds = arena_array(env->arena, int, env->n_cgroups);
	for (size_t i = 0; i < env->n_cgroups; i++) {
		env->cgroup_fds[i] = -1;
		r = mount_clone(env->cgroups[i].fd, "", false, false, &env->cgroup_fds[i], e);
		if (r < 0 && e->sys != EPERM)
			return r;
	}
	return 0;
}

int mount_cgroups_take(struct mount_env *env, const int *fds, size_t n, struct dv_err *e)
{
	cgroup_mount_names(env->cgroup, env->arena, &env->cgroups, &env->n_cgroups);
	if (env->n_cgroups != n)
		return dv_fail(e, DV_INTERNAL, "mounts of %zu cgroups have come, and not %zu", n, env->n_cgroups);
	env->cgroup_fds = arena_array(env->arena, int, n);
	memcpy(env->cgroup_fds, fds, n * sizeof *fds);
	return 0;
}

/* The directory as a detached mount: ours from before, or by its name, which /proc knows. */
static int cgroup_source(const struct mount_env *env, size_t i, int *ret_fd, struct dv_err *e)
{
	auto_free char *path = NULL;
	char name[32];
	int r;

	if (env->cgroup_fds[i] >= 0)
		return fd_dup(env->cgroup_fds[i], ret_fd, e);
	(void)snprintf(name, sizeof name, "/proc/self/fd/%d", env->cgroups[i].fd);
	r = file_readlink(AT_FDCWD, name, &path, e);
	return r < 0 ? r : mount_clone(AT_FDCWD, path, false, false, ret_fd, e);
}

static int cgroup_links(const struct mount_env *env, int top, const struct cgroup_mount *m, struct dv_err *e)
{
	size_t n;
	char **names;

	if (!m->controllers || !strchr(m->controllers, ','))
		return 0;
	names = str_split(env->arena, m->controllers, ',', &n);
	for (size_t k = 0; k < n; k++)
		if (symlinkat(m->name, top, names[k]) < 0 && errno != EEXIST)
			return dv_fail_errno(e, errno, "link %s", names[k]);
	return 0;
}

static int cgroup_one(const struct mount_env *env, size_t i, const struct mount_opts *o, int target, struct dv_err *e)
{
	auto_close int fd = -1;
	int r;

	if ((r = cgroup_source(env, i, &fd, e)) < 0 ||
	    (r = mount_set(fd, o->attr_set, o->attr_clr, 0, -1, false, env->cgroups[i].name, e)) < 0)
		return r;
	return mount_attach(fd, target, env->cgroups[i].name, e);
}

static int cgroup_tree(const struct mount_env *env, const struct mount_opts *o, int target, struct dv_err *e)
{
	static const char *const tmpfs_data[] = { "mode=755", NULL };
	auto_close int top = -1;
	int r;

	if (env->n_cgroups == 1 && !*env->cgroups[0].name)
		return cgroup_one(env, 0, o, target, e);
	r = mount_fresh("tmpfs", "cgroup", tmpfs_data, o->attr_set & ~(uint64_t)MOUNT_ATTR_RDONLY, &top, e);
	if (r < 0 || (r = mount_attach(top, target, "cgroup", e)) < 0)
		return r;
	for (size_t i = 0; i < env->n_cgroups; i++) {
		auto_close int dir = -1;

		if (mkdirat(top, env->cgroups[i].name, 0755) < 0)
			return dv_fail_errno(e, errno, "make directory %s", env->cgroups[i].name);
		if ((r = file_open(top, env->cgroups[i].name, O_PATH | O_NOFOLLOW, 0, &dir, e)) < 0 ||
		    (r = cgroup_one(env, i, o, dir, e)) < 0 ||
		    (r = cgroup_links(env, top, &env->cgroups[i], e)) < 0)
			return r;
	}
	return o->attr_set & MOUNT_ATTR_RDONLY ?
		       mount_set(top, MOUNT_ATTR_RDONLY, 0, 0, -1, false, "cgroup", e) : 0;
}

/* --- binds --- */

static bool is_bind(const struct spec_mount *m, const struct mount_opts *o)
{
	return o->bind || (m->type && streq(m->type, "bind"));
}

/* By name, not by the bundle's descriptor: that one belongs to the caller's mount namespace. */
static const char *source_path(const struct mount_env *env, const struct spec_mount *m)
{
	return *m->source == '/' ? m->source : arena_printf(env->arena, "%s/%s", env->bundle, m->source);
}

static int idmap_lists(const struct mount_env *env, const struct spec_mount *m, const struct mount_opts *o,
		       const struct view_list **ret_uids, const struct view_list **ret_gids, struct dv_err *e)
{
	if (o->idmap_text) {
		struct view_list *v = arena_array(env->arena, struct view_list, 2);
		int r = mount_idmap_parse(env->arena, o->idmap_text, &v[0], &v[1], e);

		*ret_uids = &v[0];
		*ret_gids = &v[1];
		return r;
	}
	*ret_uids = m->uid_maps.n ? &m->uid_maps : &env->linux_->uid_maps;
	*ret_gids = m->gid_maps.n ? &m->gid_maps : &env->linux_->gid_maps;
	if (!(*ret_uids)->n || !(*ret_gids)->n)
		return dv_fail(e, DV_INVALID, "mount %s: idmap wants uidMappings and gidMappings", m->destination);
	return 0;
}

static int apply_idmap(const struct mount_env *env, const struct spec_mount *m, const struct mount_opts *o, int fd,
		       struct dv_err *e)
{
	const struct view_list *uids, *gids;
	auto_close int ns = -1;
	int r;

	if ((r = idmap_lists(env, m, o, &uids, &gids, e)) < 0 || (r = mount_idmap_ns(uids, gids, &ns, e)) < 0)
		return r;
	return mount_set(fd, MOUNT_ATTR_IDMAP, 0, 0, ns, o->idmap_rec, m->destination, e);
}

int mount_source_open(const struct mount_env *env, const struct spec_mount *m, int *ret_fd, struct dv_err *e)
{
	struct mount_opts o;
	auto_close int fd = -1;
	int r = mount_opts_parse(m->options, &o, e);

	*ret_fd = -1;
	if (r < 0 || !is_bind(m, &o) || o.copy_symlink)
		return r;
	if (!m->source)
		return dv_fail(e, DV_INVALID, "mount %s: a bind mount wants a source", m->destination);
	r = mount_clone(AT_FDCWD, source_path(env, m), o.rec, o.src_nofollow, &fd, e);
	if (r >= 0 && (o.idmap || m->uid_maps.n))
		r = apply_idmap(env, m, &o, fd, e);
	if (r < 0)
		return dv_wrap(e, "mount %s", m->destination);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int source_is_dir(int fd, bool *ret, struct dv_err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return dv_fail_errno(e, errno, "look at the source");
	*ret = S_ISDIR(st.st_mode);
	return 0;
}

/* copy-symlink: a link is made anew inside instead of being followed on the host. */
static int copy_link(const struct mount_env *env, const struct spec_mount *m, bool *ret_done, struct dv_err *e)
{
	auto_free char *to = NULL;
	auto_close int parent = -1;
	const char *slash = strrchr(m->destination, '/'), *name = slash ? slash + 1 : m->destination;
	int r = file_readlink(AT_FDCWD, source_path(env, m), &to, e);

	*ret_done = false;
	if (r < 0)
		return e->sys == EINVAL ? 0 : r;
	r = mount_target(env->root_fd,
			 arena_strn(env->arena, m->destination, (size_t)(name - m->destination)), TARGET_DIR, 0,
			 &parent, e);
	if (r < 0)
		return r;
	*ret_done = true;
	if (symlinkat(to, parent, name) < 0) {
		auto_free char *old = NULL;

		if (errno != EEXIST || file_readlink(parent, name, &old, e) < 0 || !streq(old, to))
			return dv_fail_errno(e, EEXIST, "make link %s", m->destination);
	}
	return 0;
}

/* A read-only /sys of the host is one with the hierarchies of cgroups mounted below it. */
static uint64_t with_submounts(const struct spec_mount *m, const struct mount_opts *o)
{
	bool sys = o->bind && o->rec && (streq(m->destination, "/sys") || str_starts(m->destination, "/sys/"));

	return sys && defence_on("cgroup-ro") ? o->attr_set & MOUNT_ATTR_RDONLY : 0;
}

static int set_attrs(const struct spec_mount *m, const struct mount_opts *o, int fd, struct dv_err *e)
{
	uint64_t rec_set = o->rec_set | with_submounts(m, o);
	int r;

	if ((o->attr_set | o->attr_clr) || (o->propagation && !(o->propagation & MS_REC))) {
		r = mount_set(fd, o->attr_set, o->attr_clr, o->propagation & MS_REC ? 0 : o->propagation, -1, false,
			      m->destination, e);
		if (r < 0)
			return r;
	}
	if ((rec_set | o->rec_clr) || (o->propagation & MS_REC))
		return mount_set(fd, rec_set, o->rec_clr, o->propagation & MS_REC ? o->propagation : 0, -1, true,
				 m->destination, e);
	return 0;
}

/* /proc and /sys on a link, or a volume in their place, would let an image redirect what is written there. */
static int target_flags(const struct spec_mount *m, const struct mount_opts *o)
{
	static const char *const strict[] = { "/proc", "/sys" };

	for (size_t i = 0; i < ARRAY_LEN(strict) && defence_on("proc-target"); i++)
		if (streq(m->destination, strict[i]))
			return TARGET_STRICT;
	if (m->type && (streq(m->type, "proc") || streq(m->type, "sysfs")) && defence_on("proc-target"))
		return TARGET_STRICT;
	return o->dest_nofollow ? TARGET_NOFOLLOW : 0;
}

static int do_bind(const struct mount_env *env, const struct spec_mount *m, const struct mount_opts *o, int source_fd,
		   struct dv_err *e)
{
	auto_scratch int own = -1, target = -1;
	bool dir = false, done = false;
	int r;

	if (o->copy_symlink && ((r = copy_link(env, m, &done, e)) < 0 || done))
		return r;
	if (source_fd < 0) {
		r = mount_clone(AT_FDCWD, source_path(env, m), o->rec, o->src_nofollow, &own, e);
		if (r >= 0 && (o->idmap || m->uid_maps.n))
			r = apply_idmap(env, m, o, own, e);
		if (r < 0)
			return r;
		source_fd = own;
	}
	if ((r = source_is_dir(source_fd, &dir, e)) < 0 ||
	    (r = mount_target(env->root_fd, m->destination, dir ? TARGET_DIR : TARGET_FILE,
			      target_flags(m, o), &target, e)) < 0 ||
	    (r = set_attrs(m, o, source_fd, e)) < 0)
		return r;
	return mount_attach(source_fd, target, m->destination, e);
}

static int do_fresh_detached(const struct mount_env *env, const struct spec_mount *m, const struct mount_opts *o,
			     int target, struct dv_err *e)
{
	uint64_t late = o->tmpcopyup ? o->attr_set & MOUNT_ATTR_RDONLY : 0;
	struct mount_opts rest = *o;
	auto_close int fd = -1;
	int r;

	r = fresh_or_host(m->type, m->source, o->data, o->attr_set & ~late, &fd, e);
	if (r < 0 || (o->tmpcopyup && (r = mount_copy_up(target, fd, e)) < 0) ||
	    (late && (r = mount_set(fd, late, 0, 0, -1, false, m->destination, e)) < 0))
		return r;
	rest.attr_set = rest.attr_clr = 0;
	return (r = set_attrs(m, &rest, fd, e)) < 0 ? r : mount_attach(fd, target, m->destination, e);
}

static int do_fresh(const struct mount_env *env, const struct spec_mount *m, struct mount_opts *o, struct dv_err *e)
{
	auto_scratch int target = -1;
	int r;

	if (env->label && *env->label && o->n_data < MOUNT_OPTS_MAX && !streq(m->type, "proc") &&
	    !streq(m->type, "sysfs"))
		o->data[o->n_data++] = arena_printf(env->arena, "context=%s", env->label);
	r = mount_target(env->root_fd, m->destination, TARGET_DIR, target_flags(m, o), &target, e);
	if (r < 0)
		return r;
	if (streq(m->type, "cgroup") || streq(m->type, "cgroup2"))
		return cgroup_tree(env, o, target, e);
	if (!o->tmpcopyup && !o->propagation && !(o->rec_set | o->rec_clr) && mount_onto(m, o, target, e) == 0)
		return 0;
	/* Once more the long way: it can do more, and names the option that the kernel refused. */
	return do_fresh_detached(env, m, o, target, e);
}

static int do_remount(const struct mount_env *env, const struct spec_mount *m, const struct mount_opts *o,
		      struct dv_err *e)
{
	auto_scratch int target = -1;
	int r = mount_target(env->root_fd, m->destination, TARGET_DIR, 0, &target, e);

	return r < 0 ? r : set_attrs(m, o, target, e);
}

int mount_one(const struct mount_env *env, const struct spec_mount *m, int source_fd, struct dv_err *e)
{
	struct mount_opts o;
	int r = mount_opts_parse(m->options, &o, e);

	if (r >= 0) {
		if (o.remount)
			r = do_remount(env, m, &o, e);
		else if (is_bind(m, &o))
			r = m->source ? do_bind(env, m, &o, source_fd, e) :
					dv_fail(e, DV_INVALID, "a bind mount wants a source");
		else if (!m->type || !*m->type)
			r = dv_fail(e, DV_INVALID, "a type is wanted");
		else
			r = do_fresh(env, m, &o, e);
	}
	return r < 0 ? dv_wrap(e, "mount %s", m->destination) : 0;
}
