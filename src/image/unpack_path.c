/* unpack_path.c - from an entry's path to a descriptor of its parent directory.
 *
 * The usual case is one lookup in a small cache of descriptors, or one openat2
 * inside the root. A parent that this layer does not have is built component by
 * component, asking the layers below: a directory there is repeated with its
 * metadata, so that overlayfs shows the same; a link there is followed, inside.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "image/unpack_parts.h"

#define LINKS_MAX 40
#define DIR_FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC)

/* --- text --- */

const char *unpack_show(const char *path, char out[UNPACK_SHOW_SIZE])
{
	size_t i = 0;

	for (; path[i] && i < UNPACK_SHOW_SIZE - 4; i++)
		out[i] = (unsigned char)path[i] < 0x20 || path[i] == 0x7f ? '?' : path[i];
	(void)snprintf(out + i, 4, "%s", path[i] ? "..." : "");
	return out;
}

static int clean_part(const char *p, size_t len, char *out, size_t *at, struct dv_err *e)
{
	if (len == 0 || (len == 1 && *p == '.'))
		return 0;
	if (len == 2 && p[0] == '.' && p[1] == '.') {
		while (*at > 0 && out[--*at] != '/')
			;
		return 0;
	}
	if (len > TAR_NAME_MAX)
		return dv_fail(e, DV_LIMIT, "file name is longer than %d bytes", TAR_NAME_MAX);
	if (*at > 0)
		out[(*at)++] = '/';
	memcpy(out + *at, p, len);
	*at += len;
	return 0;
}

int unpack_clean(const char *path, char out[TAR_PATH_MAX + 1], struct dv_err *e)
{
	size_t len = strlen(path), at = 0, n;
	struct scan in = scan_of(path, len);
	const char *part;

	if (len > TAR_PATH_MAX)
		return dv_fail(e, DV_LIMIT, "path is longer than %d bytes", TAR_PATH_MAX);
	while (scan_until(&in, '/', &part, &n)) {
		int rc = clean_part(part, n, out, &at, e);
		if (rc < 0)
			return rc;
	}
	out[at] = '\0';
	return 0;
}

/* --- the cache --- */

void unpack_forget(struct unpack *u)
{
	for (size_t i = 0; i < UNPACK_FDS; i++) {
		fd_close(&u->fds[i].fd);
		free(u->fds[i].path);
		u->fds[i].path = NULL;
	}
	fd_close(&u->below_fd);
}

static size_t slot_of(const char *path)
{
	uint32_t h = 2166136261u;

	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 16777619u;
	return (h ^ h >> 16) % UNPACK_FDS;
}

static int remember(struct unpack *u, const char *path, int fd)
{
	size_t i = slot_of(path);

	fd_close(&u->fds[i].fd);
	free(u->fds[i].path);
	u->fds[i].path = mem_str(path);
	u->fds[i].fd = fd;
	return fd;
}

int unpack_later(struct unpack *u, const char *path, int64_t mtime_s, uint32_t mtime_ns, const void *acl,
		 size_t acl_len, struct dv_err *e)
{
	struct unpack_dir *d = arena_try(&u->arena, sizeof(*d) + acl_len + strlen(path) + 1);

	if (!d)
		return dv_fail(e, DV_LIMIT, "too many directories");
	if (acl_len > 0)
		memcpy(d->acl, acl, acl_len);
	d->path = memcpy(d->acl + acl_len, path, strlen(path) + 1);
	d->mtime_s = mtime_s;
	d->mtime_ns = mtime_ns;
	d->acl_len = acl_len;
	*u->dirs_end = d;
	u->dirs_end = &d->next;
	return 0;
}

/* --- layers below --- */

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static bool is_opaque(const struct unpack_options *o, int dirfd)
{
	auto_free char *path = mem_printf("/proc/self/fd/%d", dirfd);
	char v;

	return getxattr(path, o->rootless ? "user.overlay.opaque" : "trusted.overlay.opaque", &v, 1) == 1 &&
	       v == 'y';
}

enum layer_says { SAYS_NOTHING, SAYS_FOUND, SAYS_HIDDEN };

/* One step down in one layer: *fd becomes the child. */
static enum layer_says step(const struct unpack_options *o, int *fd, const char *name, bool last, bool *hides)
{
	struct stat st;
	int child = openat(*fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (child < 0)
		return *hides ? SAYS_HIDDEN : SAYS_NOTHING;
	fd_close(fd);
	*fd = child;
	if (fstat(child, &st) < 0 || is_whiteout(&st))
		return SAYS_HIDDEN;
	if (S_ISDIR(st.st_mode) && !last && is_opaque(o, child))
		*hides = true;
	return S_ISDIR(st.st_mode) || last ? SAYS_FOUND : SAYS_HIDDEN;
}

static enum layer_says one_layer(const struct unpack_options *o, int layer_fd, const char *path, int *ret_fd)
{
	char part[TAR_NAME_MAX + 1];
	struct scan in = scan_of(path, strlen(path));
	auto_close int fd = -1;
	const char *p;
	size_t n;
	bool hides = false;

	if (fd_dup(layer_fd, &fd, NULL) < 0)
		return SAYS_NOTHING;
	while (scan_until(&in, '/', &p, &n)) {
		memcpy(part, p, n);
		part[n] = '\0';
		enum layer_says says = step(o, &fd, part, in.p == in.end, &hides);
		if (says != SAYS_FOUND)
			return says;
	}
	*ret_fd = take_fd(&fd);
	return SAYS_FOUND;
}

int unpack_lower(const struct unpack_options *o, const char *path, enum lower_kind *ret, int *ret_fd, struct dv_err *e)
{
	struct stat st;

	*ret = LOWER_NONE;
	for (size_t i = 0; i < o->n_lowers; i++) {
		auto_close int fd = -1;
		enum layer_says says = one_layer(o, o->lowers[i], path, &fd);

		if (says == SAYS_NOTHING)
			continue;
		if (says == SAYS_HIDDEN)
			return 0;
		if (fstat(fd, &st) < 0)
			return dv_fail_errno(e, errno, "stat in a layer below");
		*ret = S_ISDIR(st.st_mode) ? LOWER_DIR : S_ISLNK(st.st_mode) ? LOWER_LINK : LOWER_OTHER;
		*ret_fd = take_fd(&fd);
		return 0;
	}
	return 0;
}

/* --- parents that have to be made --- */

struct walk {
	struct unpack *u;
	bool make;
	int fd;                         /* where we are, owned */
	char at[TAR_PATH_MAX + 1];      /* its path, without links */
	char todo[TAR_PATH_MAX + 1];    /* what is still to walk */
	unsigned links;
	bool below;                     /* went through a link of the layers below */
};

static int walk_to_root(struct walk *w, struct dv_err *e)
{
	fd_close(&w->fd);
	w->at[0] = '\0';
	return file_open(w->u->rootfd, ".", DIR_FLAGS, 0, &w->fd, e);
}

/* Put the link's target in front of what is left, and start again. Relative targets start where we are. */
static int walk_link(struct walk *w, const char *target, struct dv_err *e)
{
	auto_buf struct buf path = BUF_INIT(4 * TAR_PATH_MAX);

	if (++w->links > LINKS_MAX)
		return dv_fail(e, DV_INVALID, "too many links on the way");
	if (*target != '/')
		buf_str(&path, w->at);
	buf_char(&path, '/');
	buf_str(&path, target);
	buf_char(&path, '/');
	buf_str(&path, w->todo);
	int rc = buf_check(&path, "path", e);
	if (rc == 0)
		rc = unpack_clean(buf_cstr(&path), w->todo, e);
	return rc < 0 ? rc : walk_to_root(w, e);
}

static int walk_link_at(struct walk *w, int dirfd, const char *name, struct dv_err *e)
{
	auto_free char *target = NULL;
	int rc = file_readlink(dirfd, name, &target, e);

	return rc < 0 ? rc : walk_link(w, target, e);
}

static int walk_into(struct walk *w, const char *name, struct dv_err *e)
{
	int fd, rc = file_open(w->fd, name, DIR_FLAGS | O_NOFOLLOW, 0, &fd, e);
	size_t at = strlen(w->at), n = strlen(name);

	if (rc < 0)
		return rc;
	fd_close(&w->fd);
	w->fd = fd;
	if (at + 1 + n > TAR_PATH_MAX)
		return dv_fail(e, DV_LIMIT, "path is longer than %d bytes", TAR_PATH_MAX);
	if (at > 0)
		w->at[at++] = '/';
	memcpy(w->at + at, name, n + 1);
	return 0;
}

/* Make the directory as `like` (a directory below, or -1) is, and go into it. */
static int walk_make(struct walk *w, const char *name, int like, bool opaque, struct dv_err *e)
{
	struct stat st = { 0 };

	/* The second call is against the umask. */
	if (mkdirat(w->fd, name, 0755) < 0 || fchmodat(w->fd, name, 0755, 0) < 0)
		return dv_fail_errno(e, errno, "make directory");
	int rc = like >= 0 ? unpack_meta_copy(w->u, like, w->fd, name, e) : 0;
	if (rc == 0 && opaque)
		rc = unpack_opaque(w->u, w->fd, name, e);
	if (rc == 0)
		rc = walk_into(w, name, e);
	if (rc < 0)
		return rc;
	if (like < 0)
		return unpack_later(w->u, w->at, 0, 0, NULL, 0, e);
	auto_free char *acl = mem_alloc(UNPACK_ACL_MAX);
	size_t acl_len = unpack_acl_default_of(like, acl);
	(void)fstat(like, &st);
	return unpack_later(w->u, w->at, st.st_mtim.tv_sec, (uint32_t)st.st_mtim.tv_nsec, acl, acl_len, e);
}

/* Not in this layer: as the layers below have it. */
static int walk_below(struct walk *w, const char *name, struct dv_err *e)
{
	auto_buf struct buf path = BUF_INIT(2 * TAR_PATH_MAX);
	auto_close int fd = -1;
	enum lower_kind kind;

	if (w->u->o->blind)
		return dv_fail(e, DV_UNAVAILABLE, "the layers below are wanted");
	if (*w->at) {
		buf_str(&path, w->at);
		buf_char(&path, '/');
	}
	buf_str(&path, name);
	w->u->result.used_lowers = true;
	int rc = unpack_lower(w->u->o, buf_cstr(&path), &kind, &fd, e);
	if (rc < 0)
		return rc;
	if (kind == LOWER_LINK) {
		w->below = true;
		return walk_link_at(w, fd, "", e);
	}
	if ((kind != LOWER_DIR && !w->make) || w->u->closing)
		return dv_fail(e, DV_NOT_FOUND, "no such directory");
	return walk_make(w, name, kind == LOWER_DIR ? fd : -1, false, e);
}

static int walk_step(struct walk *w, const char *name, struct dv_err *e)
{
	struct stat st;

	if (fstatat(w->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? walk_below(w, name, e) : dv_fail_errno(e, errno, "stat");
	if (S_ISDIR(st.st_mode))
		return walk_into(w, name, e);
	if (S_ISLNK(st.st_mode))
		return walk_link_at(w, w->fd, name, e);
	if (!is_whiteout(&st))
		return dv_fail(e, DV_INVALID, "a parent is not a directory");
	if (!w->make)
		return dv_fail(e, DV_NOT_FOUND, "no such directory");
	if (unlinkat(w->fd, name, 0) < 0)
		return dv_fail_errno(e, errno, "replace whiteout");
	return walk_make(w, name, -1, true, e);
}

static int walk_run(struct walk *w, const char *path, struct dv_err *e)
{
	char name[TAR_NAME_MAX + 1];
	int rc = walk_to_root(w, e);

	memcpy(w->todo, path, strlen(path) + 1);
	while (rc == 0 && w->todo[0]) {
		size_t n = strcspn(w->todo, "/");

		memcpy(name, w->todo, n);
		name[n] = '\0';
		n += w->todo[n] == '/';
		memmove(w->todo, w->todo + n, strlen(w->todo + n) + 1);
		rc = walk_step(w, name, e);
	}
	return rc;
}

int unpack_parent(struct unpack *u, const char *path, bool make, int *ret_fd, struct dv_err *e)
{
	size_t i = slot_of(path);
	int fd = -1;

	if (u->fds[i].path && streq(u->fds[i].path, path)) {
		*ret_fd = u->fds[i].fd;
		return 0;
	}
	int rc = file_open_how(u->rootfd, *path ? path : ".", DIR_FLAGS, 0, FILE_IN_ROOT | FILE_NO_XDEV, &fd, NULL);
	if (rc < 0) {
		struct walk w = { .u = u, .make = make, .fd = -1 };

		rc = walk_run(&w, path, e);
		if (rc < 0) {
			fd_close(&w.fd);
			return rc;
		}
		fd = w.fd;
		/* A name of this layer may come in the link's place: found again each time. */
		if (w.below) {
			fd_close(&u->below_fd);
			*ret_fd = u->below_fd = fd;
			return 0;
		}
	}
	*ret_fd = remember(u, path, fd);
	return 0;
}
