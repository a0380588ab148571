/* user.c - passwd and group files, as an image brings them. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/user.h"

#define FILE_MAX USER_FILE_MAX
#define ID_MAX_ ((uint64_t)INT32_MAX)
#define GROUPS_MAX 4096

int user_read_inside(int root_fd, const char *path, struct buf *b, struct dv_err *e)
{
	auto_close int fd = -1;
	struct stat st;
	int r = file_open_how(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, FILE_IN_ROOT, &fd, e);

	if (r == -DV_NOT_FOUND)
		return 0;
	if (r < 0)
		return dv_wrap(e, "the image's /%s", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return dv_fail(e, DV_INVALID, "the image's /%s is not a regular file", path);
	return fd_read_to(fd, b, path, e);
}

/* The fields of the next line; false at the end. Returns only lines with at least `least` fields. */
static bool next_line(struct arena *a, struct scan *s, size_t least, char ***ret)
{
	const char *line;
	size_t len, n;

	while (scan_until(s, '\n', &line, &len)) {
		*ret = str_split(a, arena_strn(a, line, len), ':', &n);
		if (n >= least)
			return true;
	}
	return false;
}

static bool number(const char *text, uint64_t *ret)
{
	return *text && str_only(text, "0123456789") && str_u64(text, UINT64_MAX, "id", ret, NULL) == 0;
}

static int check_range(uint64_t id, struct dv_err *e)
{
	if (id > ID_MAX_)
		return dv_fail(e, DV_INVALID, "uids and gids must be in range 0-%llu", (unsigned long long)ID_MAX_);
	return 0;
}

/* *ret_name stays NULL when the file does not have the user. */
static int find_user(struct arena *a, const struct buf *file, const char *want, struct user *u, const char **ret_name,
		     struct dv_err *e)
{
	struct scan s = scan_of(buf_cstr(file), file->len);
	uint64_t id, uid, gid;
	bool numeric = number(want, &id);
	char **f;

	while (next_line(a, &s, 4, &f)) {
		if (!number(f[2], &uid) || !number(f[3], &gid) || uid > ID_MAX_ || gid > ID_MAX_)
			continue;
		if (!streq(f[0], want) && !(numeric && uid == id))
			continue;
		u->uid = (uid_t)uid;
		u->gid = (gid_t)gid;
		if (f[4] && f[5] && *f[5])
			u->home = f[5];
		*ret_name = f[0];
		return 0;
	}
	if (!numeric)
		return dv_fail(e, DV_NOT_FOUND, "unable to find user %.64s: no matching entries in passwd file", want);
	u->uid = (uid_t)id;
	return check_range(id, e);
}

static bool lists(struct arena *a, const char *members, const char *name)
{
	size_t n;
	char **m = str_split(a, members, ',', &n);

	for (size_t i = 0; i < n; i++)
		if (streq(m[i], name))
			return true;
	return false;
}

static int find_group(struct arena *a, const struct buf *file, const char *want, struct user *u, struct dv_err *e)
{
	struct scan s = scan_of(buf_cstr(file), file->len);
	uint64_t id, gid;
	bool numeric = number(want, &id);
	char **f;

	while (next_line(a, &s, 3, &f))
		if (number(f[2], &gid) && gid <= ID_MAX_ && (streq(f[0], want) || (numeric && gid == id))) {
			u->gid = (gid_t)gid;
			return 0;
		}
	if (!numeric)
		return dv_fail(e, DV_NOT_FOUND, "unable to find group %.64s: no matching entries in group file", want);
	u->gid = (gid_t)id;
	return check_range(id, e);
}

static int find_supplementary(struct arena *a, const struct buf *file, const char *name, struct user *u, struct dv_err *e)
{
	struct scan s = scan_of(buf_cstr(file), file->len);
	uint64_t gid;
	char **f;

	u->groups = arena_array(a, gid_t, GROUPS_MAX);
	while (next_line(a, &s, 4, &f)) {
		if (!number(f[2], &gid) || gid > ID_MAX_ || !lists(a, f[3], name))
			continue;
		if (u->n_groups == GROUPS_MAX)
			return dv_fail(e, DV_LIMIT, "user %.64s is in more than %d groups", name, GROUPS_MAX);
		u->groups[u->n_groups++] = (gid_t)gid;
	}
	return 0;
}

int user_find(struct arena *a, int root_fd, const char *text, struct user *ret, struct dv_err *e)
{
	auto_buf struct buf passwd = BUF_INIT(FILE_MAX), group = BUF_INIT(FILE_MAX);
	struct user u = { .home = "/" };
	const char *colon = text ? strchr(text, ':') : NULL, *group_text = colon ? colon + 1 : NULL, *name = NULL;
	const char *user_text = colon ? arena_strn(a, text, (size_t)(colon - text)) : text;
	int r;

	if (group_text && (!*group_text || strchr(group_text, ':')))
		return dv_fail(e, DV_INVALID, "--user: \"%.128s\" is not USER[:GROUP]", text);
	if ((r = user_read_inside(root_fd, "etc/passwd", &passwd, e)) < 0 ||
	    (r = user_read_inside(root_fd, "etc/group", &group, e)) < 0 ||
	    (r = find_user(a, &passwd, user_text && *user_text ? user_text : "0", &u, &name, e)) < 0)
		return r;
	if (group_text)
		r = find_group(a, &group, group_text, &u, e);
	else if (name)
		r = find_supplementary(a, &group, name, &u, e);
	if (r >= 0)
		*ret = u;
	return r < 0 ? r : 0;
}

/* --- more groups --- */

static int add_group(struct user *u, gid_t gid, struct dv_err *e)
{
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return 0;
	if (u->n_groups == GROUPS_MAX)
		return dv_fail(e, DV_LIMIT, "--group-add: more than %d groups", GROUPS_MAX);
	u->groups[u->n_groups++] = gid;
	return 0;
}

static int add_own_groups(struct arena *a, struct user *u, struct dv_err *e)
{
	int n = getgroups(0, NULL), r = 0;
	gid_t *own = arena_array(a, gid_t, (size_t)DV_MAX(n, 1));

	if (n < 0 || (n = getgroups(n, own)) < 0)
		return dv_fail_errno(e, errno, "--group-add keep-groups");
	for (int i = 0; r >= 0 && i < n; i++)
		r = add_group(u, own[i], e);
	return r;
}

int user_add_groups(struct arena *a, int root_fd, const char *const *groups, struct user *u, struct dv_err *e)
{
	auto_buf struct buf file = BUF_INIT(FILE_MAX);
	gid_t *v = arena_array(a, gid_t, GROUPS_MAX);
	int r;

	if (!groups || !*groups)
		return 0;
	if (u->n_groups)
		memcpy(v, u->groups, u->n_groups * sizeof *v);
	u->groups = v;
	if ((r = user_read_inside(root_fd, "etc/group", &file, e)) < 0)
		return r;
	for (; r >= 0 && *groups; groups++) {
		struct user one = { 0 };

		if (streq(*groups, "keep-groups"))
			r = add_own_groups(a, u, e);
		else if ((r = find_group(a, &file, *groups, &one, e)) >= 0)
			r = add_group(u, one.gid, e);
	}
	return r < 0 ? r : 0;
}
