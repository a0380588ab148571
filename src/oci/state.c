/* state.c - the state directory. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/defence.h"
#include "base/file.h"
#include "base/str.h"
#include "json/view.h"
#include "oci/cgroup.h"
#include "oci/ns.h"
#include "oci/spec.h"
#include "oci/state.h"

#define ID_MAX 1024
#define STATE_FORMAT 1
#define LIST_MAX 1000000

static const char *const status_names[] = {
	[STATUS_CREATING] = "creating", [STATUS_CREATED] = "created", [STATUS_RUNNING] = "running",
	[STATUS_PAUSED] = "paused",     [STATUS_STOPPED] = "stopped",
};

const char *status_name(enum container_status s)
{
	return status_names[s];
}

int state_check_id(const char *id, struct dv_err *e)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";

	if (!defence_on("id"))
		return 0;
	if (!*id)
		return dv_fail(e, DV_INVALID, "container id cannot be empty");
	if (strlen(id) > ID_MAX)
		return dv_fail(e, DV_INVALID, "container id is longer than %d bytes", ID_MAX);
	if (!str_only(id, set) || *id == '.')
		return dv_fail(e, DV_INVALID,
			       "invalid container id \"%.64s\": only [a-zA-Z0-9_+-][a-zA-Z0-9_+.-]* is allowed", id);
	return 0;
}

const char *state_root_default(struct arena *a)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	uid_t uid = geteuid();

	/* The host's root has /run for itself; that of a user namespace shares it with nobody knows whom. */
	if (dir && *dir == '/' && (uid != 0 || ns_in_user_namespace()))
		return arena_printf(a, "%s/davit-oci", dir);
	return uid == 0 ? "/run/davit-oci" : arena_printf(a, "/tmp/davit-oci-%u", (unsigned)uid);
}

/* States made by someone else would have us signal, enter or delete what they like (the default of a user is
 * in /tmp, where anybody can be first). */
static int check_owner(int fd, const char *root, struct dv_err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return dv_fail_errno(e, errno, "state root %s", root);
	if (defence_on("state-root") &&
	    ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & S_IWOTH)))
		return dv_fail(e, DV_FORBIDDEN, "state root %s: others can write to it (owner %u, mode %o)", root,
			       (unsigned)st.st_uid, (unsigned)st.st_mode & 07777);
	return 0;
}

int state_root_open(const char *root, bool make, int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	int r = file_open(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0, &fd, e);

	if (r == -DV_NOT_FOUND && make && (r = file_mkdirs(AT_FDCWD, root, 0711, NULL, e)) >= 0)
		r = file_open(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0, &fd, e);
	if (r < 0)
		return dv_wrap(e, "state root");
	if ((r = check_owner(fd, root, e)) < 0)
		return r;
	*ret_fd = take_fd(&fd);
	return 0;
}

int state_make(int root_fd, const char *id, int *ret_dir, struct dv_err *e)
{
	auto_close int fd = -1;
	int r;

	if (mkdirat(root_fd, id, 0711) < 0)
		return errno == EEXIST ?
			       dv_fail(e, DV_EXISTS, "container with given ID already exists: %s", id) :
			       dv_fail_errno(e, errno, "make the state directory of %s", id);
	if ((r = file_open(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e)) < 0 ||
	    (r = file_lock(fd, true, true, id, e)) < 0)
		return r;
	*ret_dir = take_fd(&fd);
	return 0;
}

/* A command that waited for the lock may have waited for the removal. */
static bool still_there(int root_fd, const char *id, int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(root_fd, id, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

int state_open(int root_fd, const char *id, bool lock, int *ret_dir, struct dv_err *e)
{
	auto_close int fd = -1;
	int r = state_check_id(id, e);

	if (r < 0)
		return r;
	r = file_open(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e);
	if (r == -DV_NOT_FOUND)
		return dv_fail(e, DV_NOT_FOUND, "container does not exist: %s", id);
	if (r < 0)
		return r;
	if (lock && ((r = file_lock(fd, true, true, id, e)) < 0 || !still_there(root_fd, id, fd)))
		return r < 0 ? r : dv_fail(e, DV_NOT_FOUND, "container does not exist: %s", id);
	*ret_dir = take_fd(&fd);
	return 0;
}

int state_save(int dir_fd, struct arena *a, const struct container_state *s, struct dv_err *e)
{
	struct json *j = json_obj(
		a, "format", json_new_i64(a, STATE_FORMAT), "id", json_new_str(a, s->id), "bundle",
		json_new_str(a, s->bundle), "rootfs", json_new_str(a, s->rootfs), "created",
		json_new_str(a, s->created), "owner", json_new_str(a, s->owner), "rootless",
		json_new_bool(a, s->rootless), "cgroup", (struct json *)s->cgroup, "config",
		(struct json *)s->config, NULL);
	auto_buf struct buf b = BUF_INIT(JSON_BYTES_MAX);
	auto_close int fd = -1;
	int r;

	json_write(&b, j, JSON_COMPACT);
	if ((r = buf_check(&b, "state", e)) < 0)
		return r;
	/* The first time nobody can read half of it and think that it is all: without a pid there is no container yet. */
	r = file_open(dir_fd, "state.json", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, &fd, NULL);
	if (r >= 0)
		return fd_write_all(fd, b.p, b.len, "state.json", e);
	return file_replace(dir_fd, "state.json", 0600, b.p, b.len, false, e);
}

int state_save_pid(int dir_fd, const struct proc_id *id, struct dv_err *e)
{
	auto_close int fd = -1;
	char text[64];
	int n = snprintf(text, sizeof text, "%d %llu\n", (int)id->pid, (unsigned long long)id->start_ticks);
	int r = file_open(dir_fd, "pid", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, &fd, e);

	return r < 0 ? r : fd_write_all(fd, text, (size_t)n, "pid", e);
}

/* A missing or cut file means: no process yet. */
static void load_pid(int dir_fd, struct proc_id *ret)
{
	auto_buf struct buf b = BUF_INIT(64);
	struct scan s;
	uint64_t pid, start;

	*ret = (struct proc_id){ 0 };
	if (file_read(dir_fd, "pid", &b, NULL) < 0)
		return;
	s = scan_of(buf_cstr(&b), b.len);
	if (scan_u64(&s, &pid) && scan_char(&s, ' ') && scan_u64(&s, &start) && scan_char(&s, '\n') && pid <= INT32_MAX)
		*ret = (struct proc_id){ (pid_t)pid, start };
}

#define STATE_VIEW(F, c) \
	F(c, i64,  format,        "format",       REQ, NULL) \
	F(c, str,  id,            "id",           REQ, NULL) \
	F(c, str,  bundle,        "bundle",       REQ, NULL) \
	F(c, str,  rootfs,        "rootfs",       REQ, NULL) \
	F(c, str,  created,       "created",      REQ, NULL) \
	F(c, str,  owner,         "owner",        0,   NULL) \
	F(c, bool, rootless,      "rootless",     0,   NULL) \
	F(c, node, cgroup,        "cgroup",       0,   NULL) \
	F(c, node, config,        "config",       REQ, NULL)
DV_VIEW(state_view, STATE_VIEW);

int state_load(int dir_fd, struct arena *a, struct container_state *ret, struct dv_err *e)
{
	struct state_view v;
	struct json *j;
	int r = json_parse_file(a, dir_fd, "state.json", &j, e);

	if (r < 0 || (r = view_decode(a, j, &state_view_schema, "", &v, e)) < 0)
		return r;
	if (v.format.v != STATE_FORMAT)
		return dv_fail(e, DV_UNSUPPORTED, "state.json has format %lld, this program knows %d",
			       (long long)v.format.v, STATE_FORMAT);
	*ret = (struct container_state){ .id = v.id, .bundle = v.bundle, .rootfs = v.rootfs, .created = v.created,
					 .owner = v.owner, .config = v.config, .cgroup = v.cgroup,
					 .rootless = v.rootless };
	load_pid(dir_fd, &ret->init);
	return 0;
}

/* What is always there, one by one; the tree only when there was more. */
static int remove_aside(int root_fd, const char *aside, struct dv_err *e)
{
	static const char *const files[] = { "state.json", "pid" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		auto_free char *name = mem_printf("%s/%s", aside, files[i]);

		(void)unlinkat(root_fd, name, 0);
	}
	return unlinkat(root_fd, aside, AT_REMOVEDIR) == 0 ? 0 : file_remove_tree(root_fd, aside, e);
}

int state_remove(int root_fd, const char *id, struct dv_err *e)
{
	auto_free char *aside = mem_printf(".%.200s.removing.%d", id, (int)getpid());

	if (renameat(root_fd, id, root_fd, aside) < 0)
		return errno == ENOENT ? 0 : dv_fail_errno(e, errno, "remove the state of %s", id);
	return remove_aside(root_fd, aside, e);
}

void state_sweep(int root_fd, const char *id)
{
	auto_free char *prefix = mem_printf(".%.200s.removing.", id);
	struct dirent *de;
	int fd;
	DIR *d = file_open(root_fd, ".", O_RDONLY | O_DIRECTORY, 0, &fd, NULL) < 0 ? NULL : fdopendir(fd);

	while (d && (de = readdir(d)))
		if (str_starts(de->d_name, prefix))
			dv_ignore(file_remove_tree(root_fd, de->d_name, NULL));
	if (d)
		(void)closedir(d);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int state_list(int root_fd, struct arena *a, char ***ret, size_t *ret_n, struct dv_err *e)
{
	size_t n = 0, cap = 64;
	char **ids = arena_array(a, char *, cap);
	struct dirent *de;
	int fd, r = file_open(root_fd, ".", O_RDONLY | O_DIRECTORY, 0, &fd, e);
	DIR *d = r < 0 ? NULL : fdopendir(fd);

	if (!d)
		return r < 0 ? r : dv_fail_errno(e, errno, "read the state root");
	while ((de = readdir(d)) && n < LIST_MAX) {
		if (*de->d_name == '.' || (de->d_type != DT_DIR && de->d_type != DT_UNKNOWN))
			continue;
		if (n == cap) {
			char **more = arena_array(a, char *, cap * 2);

			memcpy(more, ids, cap * sizeof *ids);
			ids = more;
			cap *= 2;
		}
		ids[n++] = arena_str(a, de->d_name);
	}
	(void)closedir(d);
	qsort(ids, n, sizeof *ids, by_text);
	*ret = ids;
	*ret_n = n;
	return 0;
}

/* It listens until it is started; a socket nobody listens on is left from a `start` that was killed. */
static bool waits_for_start(int dir_fd)
{
	auto_close int fd = -1;
	struct stat st;

	if (fstatat(dir_fd, "start.sock", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	return fd_unix_connect(dir_fd, "start.sock", &fd, NULL) == 0;
}

static bool is_frozen(const struct container_state *s)
{
	struct cgroup *cg = NULL;
	bool frozen = false;

	if (!s->cgroup || cgroup_from_json(s->cgroup, s->rootless, &cg, NULL) < 0)
		return false;
	if (cgroup_frozen(cg, &frozen, NULL) < 0)
		frozen = false;
	cgroup_close(cg);
	return frozen;
}

static bool is_locked(int dir_fd)
{
	auto_close int fd = -1;

	return file_open(dir_fd, ".", O_RDONLY | O_DIRECTORY, 0, &fd, NULL) >= 0 &&
	       file_lock(fd, false, false, "state", NULL) == -DV_CONFLICT;
}

enum container_status state_status(int dir_fd, const struct container_state *s, bool have_lock)
{
	if (!s->init.pid)
		return !have_lock && is_locked(dir_fd) ? STATUS_CREATING : STATUS_STOPPED;
	if (!proc_alive(&s->init))
		return STATUS_STOPPED;
	if (is_frozen(s))
		return STATUS_PAUSED;
	return waits_for_start(dir_fd) ? STATUS_CREATED : STATUS_RUNNING;
}

struct json *state_json(struct arena *a, const struct container_state *s, enum container_status status, pid_t pid)
{
	const struct json *annotations = json_get(s->config, "annotations"),
			  *version = json_get(s->config, "ociVersion");

	return json_obj(a, "ociVersion", version ? json_copy(a, version) : json_new_str(a, SPEC_VERSION), "id",
			json_new_str(a, s->id), "status", json_new_str(a, status_name(status)), "pid",
			pid ? json_new_i64(a, pid) : NULL, "bundle", json_new_str(a, s->bundle), "annotations",
			annotations && json_len(annotations) ? json_copy(a, annotations) : NULL, NULL);
}
