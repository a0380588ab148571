/* tarfile.c - write an archive member by member.
 *
 * In a file, a member's header is written behind its data, when size and name are
 * known. A pipe cannot go back: there, data of unknown size goes through an
 * unnamed file first.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "transfer/tarfile.h"
#include "transfer/tmpdir.h"

#define CHUNK ((size_t)256 << 10)

struct tarfile {
	int fd, dirfd;          /* dirfd -1: nothing to rename */
	bool own_fd, seekable, broken, committed;
	char *name, *temp;      /* in dirfd; temp NULL while the file has no name */
	char *what;
	uint64_t pos;
	pthread_mutex_t lock;
};

/* --- open --- */

static struct tarfile *tarfile_new(const char *what)
{
	struct tarfile *t = mem_new(struct tarfile);

	t->fd = t->dirfd = -1;
	t->what = mem_str(what);
	(void)pthread_mutex_init(&t->lock, NULL);
	return t;
}

int tarfile_on(int fd, const char *what, struct tarfile **ret, struct dv_err *e)
{
	(void)e;
	struct tarfile *t = tarfile_new(what);
	t->fd = fd;
	*ret = t;
	return 0;
}

static int open_named(struct tarfile *t, struct dv_err *e)
{
	t->temp = mem_printf(".%.200s.davit-%d", t->name, (int)getpid());
	return file_open(t->dirfd, t->temp, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644, &t->fd, e);
}

static int open_new(struct tarfile *t, const char *path, struct dv_err *e)
{
	const char *name;
	int rc = tmpdir_split(path, &t->dirfd, &name, e);

	if (rc < 0)
		return rc;
	t->name = mem_str(name);
	t->own_fd = t->seekable = true;
	/* Killed, nothing is left; not every file system has this. */
	rc = file_open(t->dirfd, ".", O_TMPFILE | O_RDWR, 0644, &t->fd, NULL);
	return rc < 0 ? open_named(t, e) : 0;
}

int tarfile_create(const char *path, struct tarfile **ret, struct dv_err *e)
{
	auto_tarfile struct tarfile *t = tarfile_new(path);
	struct stat st;
	int rc;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return dv_fail(e, DV_INVALID, "%s is a directory", path);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		rc = file_open(AT_FDCWD, path, O_WRONLY, 0, &t->fd, e);
		t->own_fd = true;
	} else {
		rc = open_new(t, path, e);
	}
	if (rc < 0)
		return rc;
	*ret = take_ptr(&t);
	return 0;
}

void tarfile_close(struct tarfile *t)
{
	if (!t)
		return;
	if (t->temp && !t->committed)
		(void)unlinkat(t->dirfd, t->temp, 0);
	if (t->own_fd)
		fd_close(&t->fd);
	fd_close(&t->dirfd);
	(void)pthread_mutex_destroy(&t->lock);
	free(t->name);
	free(t->temp);
	free(t->what);
	free(t);
}

/* --- members --- */

static int put(struct tarfile *t, const void *p, size_t len, struct dv_err *e)
{
	int rc = fd_write_all(t->fd, p, len, t->what, e);

	t->pos += rc < 0 ? 0 : len;
	return rc;
}

static int put_pad(struct tarfile *t, uint64_t size, struct dv_err *e)
{
	static const char zero[TAR_BLOCK];

	return put(t, zero, (size_t)(-size & (TAR_BLOCK - 1)), e);
}

static int copy_to(int fd, const char *what, const struct tar_source *in, uint64_t *ret_bytes, struct dv_err *e)
{
	const void *p;
	size_t len;
	int rc;

	*ret_bytes = 0;
	while ((rc = in->next(in->ctx, &p, &len, e)) > 0) {
		rc = fd_write_all(fd, p, len, what, e);
		if (rc < 0)
			break;
		*ret_bytes += len;
	}
	return rc;
}

static int size_check(uint64_t have, uint64_t want, struct dv_err *e)
{
	return want == TARFILE_SIZE_UNKNOWN || have == want ? 0 :
	       dv_fail(e, DV_INVALID, "%llu bytes instead of %llu", (unsigned long long)have, (unsigned long long)want);
}

static int header_make(const struct tarfile_name *name, uint64_t size, char out[TAR_BLOCK], struct dv_err *e)
{
	char text[TARFILE_NAME_MAX + 1];

	return tar_write_header(out, name->text(name->ctx, text), size, e);
}

/* Data first, the header into the gap that was left for it. */
static int add_seekable(struct tarfile *t, const struct tarfile_name *name, uint64_t size, const struct tar_source *in, struct dv_err *e)
{
	char header[TAR_BLOCK] = { 0 };
	uint64_t at = t->pos, bytes = 0;
	int rc = put(t, header, sizeof(header), e);

	if (rc == 0)
		rc = copy_to(t->fd, t->what, in, &bytes, e);
	t->pos += bytes;
	if (rc == 0)
		rc = size_check(bytes, size, e);
	if (rc == 0)
		rc = put_pad(t, bytes, e);
	if (rc == 0)
		rc = header_make(name, bytes, header, e);
	if (rc == 0 && pwrite(t->fd, header, sizeof(header), (off_t)at) != (ssize_t)sizeof(header))
		rc = dv_fail_errno(e, errno ? errno : EIO, "write %s", t->what);
	if (rc == 0)
		return 0;
	t->pos = at;
	t->broken = ftruncate(t->fd, (off_t)at) < 0 || lseek(t->fd, (off_t)at, SEEK_SET) < 0;
	return rc;
}

static int add_sized(struct tarfile *t, const struct tarfile_name *name, uint64_t size, const struct tar_source *in, struct dv_err *e)
{
	char header[TAR_BLOCK];
	uint64_t bytes = 0;
	int rc = header_make(name, size, header, e);

	if (rc == 0)
		rc = put(t, header, sizeof(header), e);
	if (rc == 0)
		rc = copy_to(t->fd, t->what, in, &bytes, e);
	if (rc == 0)
		rc = size_check(bytes, size, e);
	if (rc == 0)
		rc = put_pad(t, bytes, e);
	t->broken = rc < 0;
	return rc;
}

struct spooled { int fd; char *buf; };

static int spooled_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct spooled *s = ctx;
	ssize_t n = fd_read_full(s->fd, s->buf, CHUNK, "temporary file", e);

	if (n < 0)
		return (int)n;
	*ret = s->buf;
	*ret_len = (size_t)n;
	return n > 0;
}

static int add_spooled(struct tarfile *t, const struct tarfile_name *name, const struct tar_source *in, struct dv_err *e)
{
	auto_close int dir = -1, fd = -1;
	auto_free char *buf = mem_alloc(CHUNK);
	uint64_t bytes = 0;
	int rc = tmpdir_open(&dir, e);

	if (rc == 0)
		rc = file_open(dir, ".", O_TMPFILE | O_RDWR, 0600, &fd, e);
	if (rc == 0)
		rc = copy_to(fd, "temporary file", in, &bytes, e);
	if (rc < 0)
		return rc;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return dv_fail_errno(e, errno, "temporary file");
	struct spooled s = { fd, buf };
	const struct tar_source from = { spooled_next, &s };
	return add_sized(t, name, bytes, &from, e);
}

int tarfile_add(struct tarfile *t, const struct tarfile_name *name, uint64_t size, const struct tar_source *in, struct dv_err *e)
{
	int rc;

	(void)pthread_mutex_lock(&t->lock);
	if (t->broken)
		rc = dv_fail(e, DV_IO, "%s: an earlier part could not be written", t->what);
	else if (t->seekable)
		rc = add_seekable(t, name, size, in, e);
	else if (size == TARFILE_SIZE_UNKNOWN)
		rc = add_spooled(t, name, in, e);
	else
		rc = add_sized(t, name, size, in, e);
	(void)pthread_mutex_unlock(&t->lock);
	return rc;
}

static const char *name_plain(void *ctx, char out[TARFILE_NAME_MAX + 1])
{
	(void)out;
	return ctx;
}

int tarfile_add_bytes(struct tarfile *t, const char *name, const void *data, size_t len, struct dv_err *e)
{
	struct memory_source m = { data, len };
	const struct tar_source in = { memory_source_next, &m };

	return tarfile_add(t, &(struct tarfile_name){ name_plain, (void *)name }, len, &in, e);
}

/* --- commit --- */

/* A file without a name gets one beside its place first: linkat does not replace. */
static int give_name(struct tarfile *t, struct dv_err *e)
{
	char self[40];

	if (t->temp)
		return 0;
	char *temp = mem_printf(".%.200s.davit-%d", t->name, (int)getpid());
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", t->fd);
	(void)unlinkat(t->dirfd, temp, 0);
	if (linkat(AT_FDCWD, self, t->dirfd, temp, AT_SYMLINK_FOLLOW) < 0) {
		free(temp);
		return dv_fail_errno(e, errno, "link %s", t->what);
	}
	t->temp = temp;
	return 0;
}

int tarfile_commit(struct tarfile *t, struct dv_err *e)
{
	static const char end[2 * TAR_BLOCK];
	int rc = put(t, end, sizeof(end), e);

	if (rc < 0 || t->dirfd < 0)
		return rc;
	if (fsync(t->fd) < 0)
		return dv_fail_errno(e, errno, "sync %s", t->what);
	rc = give_name(t, e);
	if (rc < 0)
		return rc;
	int sys = fault_hit("rename");
	if (sys || renameat(t->dirfd, t->temp, t->dirfd, t->name) < 0)
		return dv_fail_errno(e, sys ? sys : errno, "move %s into place", t->what);
	t->committed = true;
	return 0;
}
