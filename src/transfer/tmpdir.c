/* tmpdir.c - temporary places, and directories that appear by rename. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "transfer/tmpdir.h"

int memory_source_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct memory_source *m = ctx;

	(void)e;
	*ret = m->p;
	*ret_len = m->len;
	m->len = 0;
	return *ret_len > 0;
}

int tmpdir_open(int *ret_fd, struct dv_err *e)
{
	const char *dir = getenv("TMPDIR");

	return file_open(AT_FDCWD, dir && *dir ? dir : "/var/tmp", O_RDONLY | O_DIRECTORY, 0, ret_fd, e);
}

int tmpdir_split(const char *path, int *ret_dirfd, const char **ret_name, struct dv_err *e)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	auto_free char *dir = !slash ? mem_str(".") : slash == path ? mem_str("/")
					     : mem_printf("%.*s", (int)(slash - path), path);

	if (!*name || streq(name, ".") || streq(name, ".."))
		return dv_fail(e, DV_INVALID, "%s does not name a file", path);
	int rc = file_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0, ret_dirfd, e);
	if (rc == 0)
		*ret_name = name;
	return rc;
}

/* --- directories --- */

/* ".NAME.davit-PID" whose lock nobody holds. */
static void sweep(const struct newdir *n)
{
	auto_free char *prefix = mem_printf(".%.200s.davit-", n->name);
	int fd = -1;
	struct dirent *de;

	if (file_open(n->parent, ".", O_RDONLY | O_DIRECTORY, 0, &fd, NULL) < 0)
		return;
	DIR *d = fdopendir(fd);
	if (!d) {
		(void)close(fd);
		return;
	}
	while ((de = readdir(d))) {
		auto_close int dead = -1;

		if (!str_starts(de->d_name, prefix) ||
		    file_open(n->parent, de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &dead, NULL) < 0 ||
		    file_lock(dead, true, false, de->d_name, NULL) < 0)
			continue;
		dv_ignore(file_remove_tree(n->parent, de->d_name, NULL));
	}
	(void)closedir(d);
}

bool newdir_is_empty(int fd)
{
	int copy = -1;
	size_t n = 0;

	if (file_open(fd, ".", O_RDONLY | O_DIRECTORY, 0, &copy, NULL) < 0)
		return false;
	DIR *d = fdopendir(copy);
	if (!d) {
		(void)close(copy);
		return false;
	}
	while (n < 3 && readdir(d))
		n++;
	(void)closedir(d);
	return n <= 2;
}

/* Between mkdir and lock another one may take it for dead. */
static int make_locked(struct newdir *n, struct dv_err *e)
{
	struct stat st = { 0 };

	for (int i = 0; i < 10 && st.st_nlink == 0; i++) {
		fd_close(&n->fd);
		if (mkdirat(n->parent, n->temp, 0755) < 0)
			return dv_fail_errno(e, errno, "make a directory beside %s", n->name);
		int rc = file_open(n->parent, n->temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &n->fd, NULL);
		if (rc == 0)
			rc = file_lock(n->fd, true, true, n->temp, e);
		if (rc < 0 && rc != -DV_NOT_FOUND)
			return rc;
		if (rc == 0 && fstat(n->fd, &st) < 0)
			return dv_fail_errno(e, errno, "stat %s", n->temp);
	}
	return st.st_nlink ? 0 : dv_fail(e, DV_CONFLICT, "make a directory beside %s: it is removed again", n->name);
}

static int make(struct newdir *n, const char *path, struct dv_err *e)
{
	const char *name;
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	auto_free char *clean = mem_printf("%.*s", (int)len, path);
	int rc = tmpdir_split(clean, &n->parent, &name, e);
	if (rc < 0)
		return rc;
	n->name = mem_str(name);
	n->temp = mem_printf(".%.200s.davit-%d", n->name, (int)getpid());
	sweep(n);
	return make_locked(n, e);
}

int newdir_make(struct newdir *n, const char *path, struct dv_err *e)
{
	*n = (struct newdir){ .parent = -1, .fd = -1 };
	int rc = make(n, path, e);
	if (rc < 0)
		newdir_done(n);
	return rc;
}

static int take_place(struct newdir *n, bool replace, bool *ret_old, struct dv_err *e)
{
	int sys = fault_hit("rename");

	*ret_old = false;
	if (!sys && renameat2(n->parent, n->temp, n->parent, n->name, RENAME_NOREPLACE) == 0)
		return 0;
	if (!sys && errno == EEXIST && replace &&
	    renameat2(n->parent, n->temp, n->parent, n->name, RENAME_EXCHANGE) == 0) {
		*ret_old = true;
		return 0;
	}
	return dv_fail_errno(e, sys ? sys : errno, "move %s into place", n->name);
}

int newdir_commit(struct newdir *n, bool replace, struct dv_err *e)
{
	bool old;

	if (syncfs(n->fd) < 0)
		return dv_fail_errno(e, errno, "sync %s", n->name);
	int rc = take_place(n, replace, &old, e);
	if (rc < 0)
		return rc;
	/* What has our name in its place now is the old one. */
	if (old)
		dv_ignore(file_remove_tree(n->parent, n->temp, NULL));
	fd_close(&n->fd);
	return fsync(n->parent) < 0 ? dv_fail_errno(e, errno, "sync the directory of %s", n->name) : 0;
}

void newdir_done(struct newdir *n)
{
	if (n->fd >= 0)
		dv_ignore(file_remove_tree(n->parent, n->temp, NULL));
	fd_close(&n->fd);
	fd_close(&n->parent);
	free(n->name);
	free(n->temp);
	*n = (struct newdir){ .parent = -1, .fd = -1 };
}

/* --- files --- */

static int newfile_open(struct newfile *n, struct dv_err *e)
{
	static unsigned counter;

	if (file_open(n->dirfd, ".", O_TMPFILE | O_RDWR, 0644, &n->fd, NULL) == 0)
		return 0;
	(void)snprintf(n->temp, sizeof(n->temp), ".davit-%d-%u", (int)getpid(),
		       __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED));
	return file_open(n->dirfd, n->temp, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644, &n->fd, e);
}

static int newfile_fill(struct newfile *n, const struct tar_source *in, struct dv_err *e)
{
	const void *p;
	size_t len;
	int rc;

	while ((rc = in->next(in->ctx, &p, &len, e)) > 0) {
		rc = fd_write_all(n->fd, p, len, "new file", e);
		if (rc < 0)
			break;
	}
	return rc;
}

int newfile_make(struct newfile *n, int dirfd, const struct tar_source *in, struct dv_err *e)
{
	*n = (struct newfile){ .fd = -1, .dirfd = dirfd };
	int rc = newfile_open(n, e);
	if (rc == 0)
		rc = newfile_fill(n, in, e);
	if (rc < 0)
		newfile_done(n);
	return rc;
}

int newfile_place(struct newfile *n, const char *name, struct dv_err *e)
{
	char self[40];
	int rc, sys = fault_hit("rename");

	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", n->fd);
	if (*n->temp)
		rc = renameat(n->dirfd, n->temp, n->dirfd, name);
	else
		rc = linkat(AT_FDCWD, self, n->dirfd, name, AT_SYMLINK_FOLLOW);
	if (sys || (rc < 0 && errno != EEXIST))
		return dv_fail_errno(e, sys ? sys : errno, "make %s", name);
	n->temp[0] = '\0';
	return 0;
}

void newfile_done(struct newfile *n)
{
	if (*n->temp)
		(void)unlinkat(n->dirfd, n->temp, 0);
	fd_close(&n->fd);
	n->temp[0] = '\0';
}
