/* volume.c - volumes come and go. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/random.h>
#include <time.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/events.h"
#include "engine/volume_parts.h"

#define TOP "volumes"
#define GONE_PREFIX ".removing-"

/* --- names --- */

int volume_check_name(const char *name, struct dv_err *e)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	if (strlen(name) == 1)
		return dv_fail(e, DV_INVALID, "volume name is too short, names should be at least two alphanumeric characters");
	if (!*name || strlen(name) > 240 || !str_only(name, set) || strchr("_.-", *name))
		return dv_fail(e, DV_INVALID, "\"%.128s\" includes invalid characters for a local volume name, only "
			       "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path",
			       name);
	return 0;
}

struct json *volume_options_anonymous(struct arena *a, struct json *options)
{
	struct json *o = options ? options : json_new_object(a), *labels = json_get_mut(o, "Labels");

	if (!labels) {
		labels = json_new_object(a);
		json_set(a, o, "Labels", labels);
	}
	json_set(a, labels, VOLUME_ANONYMOUS_LABEL, json_new_str(a, ""));
	return o;
}

/* --- directories --- */

static int open_top(struct engine *g, int *ret_fd, struct dv_err *e)
{
	int r = file_open(engine_rootfd(g), TOP, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd, NULL);

	if (r != -DV_NOT_FOUND)
		return r < 0 ? dv_fail(e, (enum dv_kind)-r, "open the directory of volumes") : 0;
	if (mkdirat(engine_rootfd(g), TOP, 0711) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make directory " TOP);
	return file_open(engine_rootfd(g), TOP, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd, e);
}

static bool is_still(int top, const char *name, int fd)
{
	struct stat x, y;

	return fstat(fd, &x) == 0 && fstatat(top, name, &y, AT_SYMLINK_NOFOLLOW) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

/* 1 when somebody took it away while we waited. */
static int try_lock(int top, const char *name, int *ret_dir, struct dv_err *e)
{
	auto_close int fd = -1;
	int r;

	if (mkdirat(top, name, 0711) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make directory of volume %s", name);
	r = file_open(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e);
	if (r == -DV_NOT_FOUND)
		return 1;
	if (r < 0 || (r = file_lock(fd, true, true, name, e)) < 0)
		return r;
	if (!is_still(top, name, fd))
		return 1;
	*ret_dir = take_fd(&fd);
	return 0;
}

int volume_lock(struct engine *g, struct arena *a, const char *name, int *ret_dir, struct dv_err *e)
{
	auto_close int top = -1;
	int r = open_top(g, &top, e);

	while (r >= 0) {
		auto_close int fd = -1;
		bool removing = false;
		struct volume *v;

		r = try_lock(top, name, &fd, e);
		if (r > 0)
			continue;
		if (r >= 0 && volume_row(g, a, name, &v, &removing, NULL) >= 0 && removing) {
			r = volume_remove_locked(g, name, e);   /* whoever began it is dead */
			continue;
		}
		if (r >= 0)
			*ret_dir = take_fd(&fd);
		return r;
	}
	return r;
}

int volume_data(int dir, int *ret_fd, struct dv_err *e)
{
	bool made = mkdirat(dir, "_data", 0755) == 0;
	int r;

	if (made) {
		if (fchmodat(dir, "_data", 0755, 0) < 0)
			return dv_fail_errno(e, errno, "mode of _data");
	} else if (errno != EEXIST) {
		return dv_fail_errno(e, errno, "make directory _data");
	}
	r = file_open(dir, "_data", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd, e);
	return r < 0 ? r : made;
}

/* --- create --- */

void volume_tell(struct engine *g, struct arena *a, const char *action, const char *name, const char *ctr)
{
	event_tell(g, "volume", action, name,
		   json_obj(a, "container", ctr ? json_new_str(a, ctr) : NULL, "driver", json_new_str(a, "local"), NULL));
}

static int insert(struct engine *g, const char *name, const char *config, struct dv_err *e)
{
	int r = db_begin(engine_db(g), e);

	if (r < 0)
		return r;
	int was = volume_row_insert(g, name, config, e);
	if (was < 0) {
		db_rollback(engine_db(g));
		return was;
	}
	r = db_commit(engine_db(g), e);
	return r < 0 ? r : was;
}

static const char *random_name(struct arena *a, struct dv_err *e)
{
	char id[CTR_ID_SIZE];

	return ctr_new_id(id, e) < 0 ? NULL : arena_str(a, id);
}

static int create_named(struct engine *g, struct arena *a, const char *name, const struct json *config, struct volume **ret,
			bool *ret_new, struct dv_err *e)
{
	auto_close int dir = -1, data = -1;
	int was, r = volume_lock(g, a, name, &dir, e);

	if (r < 0 || (was = r = insert(g, name, json_text(a, config, JSON_COMPACT), e)) < 0 ||
	    (r = volume_data(dir, &data, e)) < 0 || (r = volume_row(g, a, name, ret, NULL, e)) < 0)
		return r;
	if (was && json_len(json_get(config, "Options")) && !json_equal((*ret)->options, json_get(config, "Options")))
		return dv_fail(e, DV_EXISTS, "a volume named %s already exists with other options", name);
	if (ret_new)
		*ret_new = !was;
	if (!was)
		volume_tell(g, a, "create", name, NULL);
	return 0;
}

int volume_create(struct engine *g, struct arena *a, const char *name, const struct json *labels, const struct json *options,
		  struct volume **ret, bool *ret_new, struct dv_err *e)
{
	struct json *config = json_obj(a, "Labels", labels ? json_copy(a, labels) : json_new_object(a), "Options",
				       options ? json_copy(a, options) : json_new_object(a), NULL);
	int r = 0;

	if (!name) {
		(void)volume_options_anonymous(a, config);
		name = random_name(a, e);
		if (!name)
			return -DV_IO;
	}
	if ((r = volume_check_name(name, e)) < 0 || (r = volume_check_options(json_get(config, "Options"), e)) < 0 ||
	    (r = volume_migrate(g, e)) < 0)
		return r;
	return create_named(g, a, name, config, ret, ret_new, e);
}

/* --- remove --- */

/* Aside first: the name is free, or it has everything. */
int volume_remove_locked(struct engine *g, const char *name, struct dv_err *e)
{
	auto_close int top = -1, dir = -1;
	char gone[300];
	int r = open_top(g, &top, e);

	if (r < 0)
		return r;
	(void)snprintf(gone, sizeof gone, GONE_PREFIX "%s", name);
	if ((r = file_remove_tree(top, gone, e)) < 0)
		return r;
	if (file_open(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &dir, NULL) >= 0)
		volume_driver_unmount(dir);
	if (renameat(top, name, top, gone) < 0 && errno != ENOENT)
		return dv_fail_errno(e, errno, "put volume %s aside", name);
	if ((r = file_remove_tree(top, gone, e)) < 0)
		return r;
	return volume_row_drop(g, name, e);
}

/* Taking the lock made a directory where there was none. */
static void drop_empty(struct engine *g, const char *name)
{
	auto_close int top = -1;

	if (open_top(g, &top, NULL) >= 0)
		(void)unlinkat(top, name, AT_REMOVEDIR);
}

int volume_remove_but(struct engine *g, struct arena *a, const char *name, const char *but, struct dv_err *e)
{
	auto_close int dir = -1;
	bool removing = false;
	struct volume *v;
	int r;

	if ((r = volume_migrate(g, e)) < 0 || (r = volume_row(g, a, name, &v, &removing, e)) < 0 ||
	    (r = volume_lock(g, a, name, &dir, e)) < 0)
		return r;
	r = volume_row_removing(g, a, name, but, e);
	if (r >= 0 && (r = volume_remove_locked(g, name, e)) >= 0)
		volume_tell(g, a, "destroy", name, NULL);
	if (r == -DV_NOT_FOUND)
		drop_empty(g, name);
	/* The lock has finished what somebody else began. */
	return r == -DV_NOT_FOUND && removing ? 0 : r;
}

int volume_remove(struct engine *g, struct arena *a, const char *name, struct dv_err *e)
{
	return volume_remove_but(g, a, name, NULL, e);
}

int volume_drop_anonymous(struct engine *g, struct arena *a, const struct ctr *c, struct dv_err *e)
{
	int r = 0;

	for (JSON_EACH(it, volume_mounts(a, c->config))) {
		const char *name = json_str(json_get(it.value, "Name"));
		struct dv_err why = DV_ERR_NONE;
		struct volume *v;

		if (r < 0 || (r = volume_migrate(g, e)) < 0)
			return r;
		if (volume_row(g, a, name, &v, NULL, NULL) < 0 || !v->anonymous)
			continue;
		r = volume_remove_but(g, a, name, c->id, &why);
		if (r == -DV_NOT_FOUND || r == -DV_CONFLICT)
			r = 0;
		else if (r < 0 && e)
			*e = why;
	}
	return r;
}

/* --- what inspect shows --- */

struct json *volume_json(struct arena *a, const struct volume *v)
{
	time_t t = (time_t)(v->created_ns / 1000000000);
	char text[40] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm))
		(void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_obj(a, "CreatedAt", json_new_str(a, text), "Driver", json_new_str(a, "local"), "Labels",
			json_copy(a, v->labels), "Mountpoint", json_new_str(a, v->mountpoint), "Name", json_new_str(a, v->name),
			"Options", json_copy(a, v->options), "Scope", json_new_str(a, "local"), "Anonymous",
			json_new_bool(a, v->anonymous), NULL);
}
