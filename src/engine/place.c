/* place.c - mount points with a count each. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/place.h"
#include "oci/mount.h"

#define COUNT_MAX 1000000
#define PLACES_MAX 10000
#define NAME_LEN 64             /* of an id in hex */
#define NAME_SIZE 80

int place_open(struct engine *g, const char *kind, int *ret_dir, struct dv_err *e)
{
	auto_close int fd = -1;
	int r;

	if (mkdirat(engine_runfd(g), kind, 0700) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make directory %s/%s", engine_runroot(g), kind);
	if ((r = file_open(engine_runfd(g), kind, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e)) < 0 ||
	    (r = file_lock(fd, true, true, kind, e)) < 0)
		return r;
	*ret_dir = take_fd(&fd);
	return 0;
}

const char *place_path(struct engine *g, struct arena *a, const char *kind, const char *name)
{
	return arena_printf(a, "%s/%s/%s", engine_runroot(g), kind, name);
}

static bool is_mount(int dir, const char *name)
{
	struct statx st;

	return statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &st) == 0 &&
	       (st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) && (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* --- the count --- */

static void count_name(const char *name, char out[NAME_SIZE])
{
	(void)snprintf(out, NAME_SIZE, "%.*s.count", NAME_LEN, name);
}

static uint64_t count_get(int dir, const char *of)
{
	auto_buf struct buf b = BUF_INIT(32);
	char name[NAME_SIZE];
	uint64_t n;

	count_name(of, name);
	if (file_read(dir, name, &b, NULL) < 0 || str_u64(buf_cstr(&b), COUNT_MAX, "count", &n, NULL) < 0)
		return 1;
	return n;
}

static int count_set(int dir, const char *of, uint64_t n, struct dv_err *e)
{
	char name[NAME_SIZE], text[24];

	count_name(of, name);
	(void)snprintf(text, sizeof text, "%llu", (unsigned long long)n);
	return file_replace(dir, name, 0600, text, strlen(text), false, e);
}

static void forget(int dir, const char *of)
{
	char name[NAME_SIZE];

	count_name(of, name);
	(void)unlinkat(dir, name, 0);
	(void)unlinkat(dir, of, AT_REMOVEDIR);
}

/* --- mount and unmount --- */

static int mount_new(int dir, const char *name, place_make *make, void *ctx, struct dv_err *e)
{
	auto_close int tree = -1, place = -1;
	int r;

	forget(dir, name);
	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make directory %s", name);
	if ((r = make(ctx, dir, &tree, e)) < 0 ||
	    (r = file_open(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &place, e)) < 0)
		return r;
	return mount_attach(tree, place, name, e);
}

int place_mount(int dir, const char *name, place_make *make, void *ctx, struct dv_err *e)
{
	bool there = is_mount(dir, name);
	uint64_t n = there ? count_get(dir, name) + 1 : 1;
	int r = there ? 0 : mount_new(dir, name, make, ctx, e);

	if (r >= 0)
		r = count_set(dir, name, n, e);
	if (r < 0)
		forget(dir, name);
	return r;
}

int place_unmount(int dir, const char *name, bool force, struct dv_err *e)
{
	auto_close int place = -1;
	char target[32];
	uint64_t n;
	int r;

	if (!is_mount(dir, name))
		return dv_fail(e, DV_NOT_FOUND, "%.12s is not mounted", name);
	n = count_get(dir, name);
	if (n > 1 && !force)
		return count_set(dir, name, n - 1, e);
	if ((r = file_open(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &place, e)) < 0)
		return r;
	(void)snprintf(target, sizeof target, "/proc/self/fd/%d", place);
	if (umount2(target, MNT_DETACH) < 0)
		return dv_fail_errno(e, errno, "unmount %.12s", name);
	forget(dir, name);
	return 0;
}

/* --- what is mounted --- */

/* -1 when there is no such directory: nothing was ever mounted. */
static int peek(struct engine *g, const char *kind)
{
	int dir = -1;

	return file_open(engine_runfd(g), kind, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &dir, NULL) < 0 ? -1 : dir;
}

bool place_is_mounted(struct engine *g, const char *kind, const char *name)
{
	auto_close int dir = peek(g, kind);

	return dir >= 0 && is_mount(dir, name);
}

int place_clone(struct engine *g, const char *kind, const char *name, int *ret_tree, struct dv_err *e)
{
	auto_close int dir = peek(g, kind);
	int r;

	if (dir < 0 || !is_mount(dir, name))
		return 0;
	r = mount_clone(dir, name, false, true, ret_tree, e);
	return r < 0 ? r : 1;
}

int place_list(struct engine *g, struct arena *a, const char *kind, struct places *ret, struct dv_err *e)
{
	struct places l = { arena_array(a, const char *, PLACES_MAX), arena_array(a, const char *, PLACES_MAX), 0 };
	auto_close int dir = -1;
	struct dirent *de;
	int fd, r = place_open(g, kind, &dir, e);

	if (r < 0 || (r = file_open(dir, ".", O_RDONLY | O_DIRECTORY, 0, &fd, e)) < 0)
		return r;
	DIR *d = fdopendir(fd);
	if (!d) {
		(void)close(fd);
		return dv_fail_errno(e, ENOMEM, "read %s", kind);
	}
	while ((de = readdir(d)) && l.n < PLACES_MAX) {
		if (strlen(de->d_name) != NAME_LEN)
			continue;
		if (is_mount(dir, de->d_name)) {
			l.names[l.n] = arena_str(a, de->d_name);
			l.paths[l.n++] = place_path(g, a, kind, de->d_name);
		} else {
			forget(dir, de->d_name);
		}
	}
	(void)closedir(d);
	*ret = l;
	return 0;
}
