/* driver_erofs.c - layers as one file: the tar as it came, with an erofs index around it.
 *
 * The stream is written to its place as it is read; no other file is ever made,
 * and a layer is removed by one unlink. See erofs_disk.h for the file.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "image/driver_parts.h"
#include "image/erofs_mount.h"
#include "image/erofs_parts.h"

#define READ_SIZE ((size_t)256 << 10)

/* --- making --- */

/* Passes the stream on and keeps it in the file. */
struct spool {
	const struct tar_source *in;
	int fd;
	uint64_t len;
};

static int spool_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct spool *s = ctx;
	int rc = s->in->next(s->in->ctx, ret, ret_len, e);
	int sys = rc > 0 ? fault_hit("write") : 0;

	if (sys)
		return dv_fail_errno(e, sys, "write layer");
	for (size_t done = 0; rc > 0 && done < *ret_len;) {
		ssize_t n = pwrite(s->fd, (const char *)*ret + done, *ret_len - done, (off_t)(EROFS_TAR_AT + s->len + done));

		if (n < 0 && errno != EINTR)
			return dv_fail_errno(e, errno, "write layer");
		done += n > 0 ? (size_t)n : 0;
	}
	s->len += rc > 0 ? *ret_len : 0;
	return rc;
}

static int make_tree(struct erofs_tree *t, struct spool *s, const struct unpack_options *o, struct dv_err *e)
{
	const struct tar_source src = { spool_next, s, NULL };
	auto_tar struct tar_reader *r = NULL;
	int rc = erofs_tree_init(t, o, e);

	if (rc == 0)
		rc = tar_reader_new(&src, &r, e);
	if (rc == 0)
		rc = erofs_apply(t, r, e);
	if (rc == 0)
		rc = tar_drain(r, e);
	return rc < 0 ? rc : erofs_write(t, s->fd, s->len, e);
}

static int make(int dirfd, const char *name, const struct tar_source *src, const struct unpack_options *o,
		struct unpack_result *ret, struct dv_err *e)
{
	auto_free struct erofs_tree *t = mem_new(struct erofs_tree);
	auto_close int fd = -1;
	struct dv_err none;
	int rc = file_open(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, &fd, e);

	if (rc < 0)
		return rc;
	struct spool s = { src, fd, 0 };
	rc = make_tree(t, &s, o, e ? e : &none);
	if (rc == 0)
		*ret = t->result;
	erofs_tree_done(t);
	return rc;
}

/* --- using --- */

static int image_open(int dirfd, const char *name, int *ret_fd, struct dv_err *e)
{
	return file_open(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, ret_fd, e);
}

static int open_tree(int dirfd, const char *name, int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	enum erofs_way way;
	int rc = image_open(dirfd, name, &fd, e);

	if (rc == 0)
		rc = erofs_mount(fd, &way, ret_fd, e);
	return rc < 0 ? dv_wrap(e, "layer %s", name) : 0;
}

static int usage(int dirfd, const char *name, uint64_t *ret, struct dv_err *e)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return dv_fail_errno(e, errno, "%s", name);
	*ret = (uint64_t)st.st_blocks * 512;
	return 0;
}

/* --- checking --- */

static int tar_digest(int fd, enum digest_alg alg, struct digest *ret, struct dv_err *e)
{
	auto_free char *p = mem_alloc(READ_SIZE);
	struct digest_stream h;
	struct layer_head head;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head))
		return dv_fail(e, DV_CORRUPT, "too short");
	uint64_t left = le64toh(head.tar_size), at = EROFS_TAR_AT;
	digest_begin(&h, alg);
	while (left > 0) {
		ssize_t n = pread(fd, p, DV_MIN(left, READ_SIZE), (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? dv_fail_errno(e, errno, "read") : dv_fail(e, DV_CORRUPT, "too short");
		digest_add(&h, p, (size_t)n);
		left -= (uint64_t)n;
		at += (uint64_t)n;
	}
	digest_end(&h, ret);
	return 0;
}

static int check_image(int fd, const struct digest *diff_id, struct dv_err *e)
{
	char have_text[DIGEST_TEXT_SIZE], want_text[DIGEST_TEXT_SIZE];
	struct digest have;
	int rc = erofs_check(fd, e);

	if (rc == 0)
		rc = tar_digest(fd, diff_id->alg, &have, e);
	if (rc == 0 && !digest_equal(&have, diff_id))
		return dv_fail(e, DV_CORRUPT, "its tar is %.24s..., not %.24s...", digest_text(&have, have_text),
			       digest_text(diff_id, want_text));
	return rc;
}

static int check(int dirfd, const char *name, const struct digest *diff_id, struct dv_err *e)
{
	auto_close int fd = -1;
	int rc = image_open(dirfd, name, &fd, e);

	return rc < 0 ? rc : check_image(fd, diff_id, e);
}

/* --- trying it out --- */

#define PROBE_NAME "file"
#define PROBE_TEXT "erofs works here"

static int probe_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct buf *b = ctx;

	(void)e;
	*ret = b->p;
	*ret_len = b->len;
	b->len = 0;
	return *ret_len > 0;
}

static int probe_make(int dirfd, const char *name, struct dv_err *e)
{
	const struct tar_entry file = { .type = TAR_FILE, .path = PROBE_NAME, .mode = 0644, .size = strlen(PROBE_TEXT) };
	static const struct unpack_options o;
	auto_buf struct buf tar = BUF_INIT(65536);
	struct unpack_result result;
	int rc = tar_write_entry(&tar, &file, e);

	if (rc < 0)
		return rc;
	buf_str(&tar, PROBE_TEXT);
	tar_write_pad(&tar, file.size);
	tar_write_end(&tar);
	return make(dirfd, name, &(struct tar_source){ probe_next, &tar, NULL }, &o, &result, e);
}

/* Mounting is not enough: it has to show what is in it. */
static int probe_read(int dirfd, const char *name, enum erofs_way *ret_way, struct dv_err *e)
{
	auto_close int fd = -1, root = -1, file = -1;
	char text[64] = "";
	int rc = image_open(dirfd, name, &fd, e);

	if (rc == 0)
		rc = erofs_mount(fd, ret_way, &root, e);
	if (rc == 0)
		rc = file_open(root, PROBE_NAME, O_RDONLY, 0, &file, e);
	if (rc < 0)
		return rc;
	if (read(file, text, sizeof(text) - 1) != (ssize_t)strlen(PROBE_TEXT) || !streq(text, PROBE_TEXT))
		return dv_fail(e, DV_UNSUPPORTED, "mounted, but not readable");
	return 0;
}

static int probe(int dirfd, const char **ret_how, struct dv_err *e)
{
	auto_free char *name = mem_printf("probe.%d", (int)getpid());
	enum erofs_way way = EROFS_BY_FILE;
	struct dv_err why = DV_ERR_NONE;

	(void)unlinkat(dirfd, name, 0);
	int rc = probe_make(dirfd, name, e);
	if (rc == 0)
		rc = probe_read(dirfd, name, &way, &why);
	(void)unlinkat(dirfd, name, 0);
	if (why.kind)
		return dv_fail(e, DV_UNSUPPORTED, "%s", why.msg);
	if (rc == 0)
		*ret_how = erofs_way_name(way);
	return rc;
}

const struct layer_driver layer_driver_erofs = {
	.name = "erofs", .type = S_IFREG, .probe = probe, .make = make, .open = open_tree, .usage = usage, .check = check,
};
