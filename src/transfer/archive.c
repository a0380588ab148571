/* archive.c - index and read image archives. */
#include <errno.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "image/unpack_parts.h"
#include "transfer/archive.h"
#include "transfer/compress.h"

#define CHUNK ((size_t)256 << 10)
#define LINKS_MAX 8

struct member {
	const char *name;
	const char *link;       /* of links: the cleaned target */
	uint64_t offset, size;
	size_t seq;
};

struct archive {
	int fd;                 /* the tar, ours or the caller's; or the layout's directory */
	bool own_fd, is_dir;
	struct arena names;
	struct member *v;
	size_t n, cap;
};

/* --- reading --- */

void archive_reader_init(struct archive *ar, const struct archive_member *m, struct archive_reader *ret)
{
	*ret = (struct archive_reader){ m->fd >= 0 ? m->fd : ar->fd, m->offset, m->size, mem_alloc(CHUNK) };
}

void archive_reader_done(struct archive_reader *r)
{
	free(r->buf);
	r->buf = NULL;
}

int archive_reader_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct archive_reader *r = ctx;
	ssize_t n;

	if (r->left == 0)
		return 0;
	do
		n = pread(r->fd, r->buf, DV_MIN(r->left, (uint64_t)CHUNK), (off_t)r->offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return dv_fail_errno(e, errno, "read archive");
	if (n == 0)
		return dv_fail(e, DV_INVALID, "the archive is cut short");
	r->offset += (uint64_t)n;
	r->left -= (uint64_t)n;
	*ret = r->buf;
	*ret_len = (size_t)n;
	return 1;
}

static int reader_skip(void *ctx, uint64_t n, struct dv_err *e)
{
	struct archive_reader *r = ctx;

	if (n > r->left)
		return dv_fail(e, DV_INVALID, "the archive is cut short");
	r->offset += n;
	r->left -= n;
	return 0;
}

/* --- spooling --- */

struct stream {
	int fd;
	char *buf;
};

static int stream_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct stream *s = ctx;
	ssize_t n;

	do
		n = read(s->fd, s->buf, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return dv_fail_errno(e, errno, "read archive");
	*ret = s->buf;
	*ret_len = (size_t)n;
	return n > 0;
}

static int spool_copy(struct inflate *z, int out, struct dv_err *e)
{
	struct tar_source src = inflate_source(z);
	const void *p;
	size_t len;
	int rc;

	while ((rc = src.next(src.ctx, &p, &len, e)) > 0) {
		rc = fd_write_all(out, p, len, "temporary file", e);
		if (rc < 0)
			break;
	}
	return rc;
}

/* Decompressed into a file without a name. */
static int spool(struct archive *ar, int fd, int tmpfd, struct dv_err *e)
{
	const struct inflate_limits limits = { .bytes_max = ARCHIVE_SPOOL_MAX };
	auto_free char *buf = mem_alloc(CHUNK);
	struct stream s = { fd, buf };
	const struct tar_source in = { stream_next, &s };
	auto_inflate struct inflate *z = NULL;
	int rc = inflate_new(&in, &limits, &z, e);

	if (rc == 0)
		rc = file_open(tmpfd, ".", O_TMPFILE | O_RDWR, 0600, &ar->fd, e);
	if (rc < 0)
		return rc;
	ar->own_fd = true;
	return spool_copy(z, ar->fd, e);
}

/* --- the index --- */

static struct member *member_add(struct archive *ar)
{
	if (ar->n == ar->cap) {
		ar->cap = ar->cap ? 2 * ar->cap : 64;
		ar->v = mem_resize(ar->v, ar->cap, sizeof(*ar->v));
	}
	ar->v[ar->n] = (struct member){ .seq = ar->n };
	return &ar->v[ar->n++];
}

/* A symbolic link's target is relative to its own directory, a hard link's to the root. */
static int link_target(struct archive *ar, const char *name, const struct tar_entry *t, const char **ret,
		       struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(4 * TAR_PATH_MAX);
	char clean[TAR_PATH_MAX + 1];
	const char *slash = strrchr(name, '/');

	if (t->type == TAR_SYMLINK && *t->link != '/' && slash) {
		buf_add(&b, name, slash - name);
		buf_char(&b, '/');
	}
	buf_str(&b, t->link);
	int rc = unpack_clean(buf_cstr(&b), clean, e);
	if (rc == 0)
		*ret = arena_str(&ar->names, clean);
	return rc;
}

static int index_entry(struct archive *ar, const struct tar_entry *t, struct dv_err *e)
{
	char clean[TAR_PATH_MAX + 1];
	bool link = t->type == TAR_SYMLINK || t->type == TAR_HARDLINK;

	if (t->type != TAR_FILE && !link)
		return 0;
	if (t->sparse)
		return dv_fail(e, DV_UNSUPPORTED, "sparse file in an image archive");
	if (ar->n == ARCHIVE_MEMBERS_MAX)
		return dv_fail(e, DV_LIMIT, "image archive with more than %d members", ARCHIVE_MEMBERS_MAX);
	int rc = unpack_clean(t->path, clean, e);
	if (rc < 0)
		return rc;
	struct member *m = member_add(ar);
	m->name = arena_str(&ar->names, clean);
	m->offset = t->data_offset;
	m->size = t->size;
	return link ? link_target(ar, m->name, t, &m->link, e) : 0;
}

static int by_name(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int rc = strcmp(x->name, y->name);

	return rc ? rc : (x->seq < y->seq) - (x->seq > y->seq);
}

static int index_read(struct archive *ar, struct tar_reader *r, struct dv_err *e)
{
	const struct tar_entry *t;
	int rc;

	while ((rc = tar_next(r, &t, e)) > 0) {
		rc = index_entry(ar, t, e);
		if (rc < 0)
			return rc;
	}
	if (rc == 0 && ar->n > 0)
		qsort(ar->v, ar->n, sizeof(*ar->v), by_name);
	return rc;
}

static int index_make(struct archive *ar, struct dv_err *e)
{
	struct stat st;
	struct archive_reader in;
	auto_tar struct tar_reader *r = NULL;

	if (fstat(ar->fd, &st) < 0)
		return dv_fail_errno(e, errno, "stat archive");
	const struct archive_member all = { -1, 0, (uint64_t)st.st_size };
	archive_reader_init(ar, &all, &in);
	const struct tar_source src = { archive_reader_next, &in, reader_skip };
	int rc = tar_reader_new(&src, &r, e);
	if (rc == 0)
		rc = index_read(ar, r, e);
	archive_reader_done(&in);
	return rc;
}

/* --- open --- */

static int open_file(struct archive *ar, int fd, const struct stat *st, int tmpfd, struct dv_err *e)
{
	unsigned char head[4];
	ssize_t n = S_ISREG(st->st_mode) ? pread(fd, head, sizeof(head), 0) : -1;

	if (n < 0 || compress_detect(head, (size_t)n) != COMPRESS_NONE) {
		int rc = spool(ar, fd, tmpfd, e);
		if (rc < 0)
			return rc;
	} else {
		ar->fd = fd;
	}
	return index_make(ar, e);
}

int archive_open(int fd, int tmpfd, const char *what, struct archive **ret, struct dv_err *e)
{
	auto_archive struct archive *ar = mem_new(struct archive);
	struct stat st;
	int rc = 0;

	ar->fd = -1;
	arena_init(&ar->names, 0);
	if (fstat(fd, &st) < 0)
		return dv_fail_errno(e, errno, "%s", what);
	ar->is_dir = S_ISDIR(st.st_mode);
	if (ar->is_dir)
		ar->fd = fd;
	else
		rc = open_file(ar, fd, &st, tmpfd, e);
	if (rc < 0)
		return dv_wrap(e, "%s", what);
	*ret = take_ptr(&ar);
	return 0;
}

void archive_close(struct archive *ar)
{
	if (!ar)
		return;
	if (ar->own_fd)
		fd_close(&ar->fd);
	arena_done(&ar->names);
	free(ar->v);
	free(ar);
}

/* --- members --- */

static const struct member *lookup(const struct archive *ar, const char *name)
{
	size_t lo = 0, hi = ar->n;

	/* The first of equal names is the last in the archive. */
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (strcmp(ar->v[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < ar->n && streq(ar->v[lo].name, name) ? &ar->v[lo] : NULL;
}

static int find_in_dir(struct archive *ar, const char *name, struct archive_member *ret, struct dv_err *e)
{
	auto_close int fd = -1;
	struct stat st;
	int rc = file_open_how(ar->fd, name, O_RDONLY | O_NONBLOCK, 0, FILE_BENEATH, &fd, e);

	if (rc < 0)
		return rc;
	if (fstat(fd, &st) < 0)
		return dv_fail_errno(e, errno, "stat %s", name);
	if (!S_ISREG(st.st_mode))
		return dv_fail(e, DV_INVALID, "%s is not a file", name);
	*ret = (struct archive_member){ take_fd(&fd), 0, (uint64_t)st.st_size };
	return 0;
}

int archive_find(struct archive *ar, const char *name, struct archive_member *ret, struct dv_err *e)
{
	char clean[TAR_PATH_MAX + 1], shown[UNPACK_SHOW_SIZE];
	int rc = unpack_clean(name, clean, e);

	if (rc < 0)
		return rc;
	if (ar->is_dir)
		return find_in_dir(ar, clean, ret, e);
	const struct member *m = lookup(ar, clean);
	for (int i = 0; m && m->link; i++) {
		if (i == LINKS_MAX)
			return dv_fail(e, DV_INVALID, "%s: too many links", unpack_show(clean, shown));
		m = lookup(ar, m->link);
	}
	if (!m)
		return dv_fail(e, DV_NOT_FOUND, "%s is not in the archive", unpack_show(clean, shown));
	*ret = (struct archive_member){ -1, m->offset, m->size };
	return 0;
}

void archive_member_done(struct archive_member *m)
{
	fd_close(&m->fd);
}

int archive_read(struct archive *ar, const char *name, struct buf *b, struct dv_err *e)
{
	struct archive_member m;
	struct archive_reader r;
	const void *p;
	size_t len;
	int rc = archive_find(ar, name, &m, e);

	if (rc < 0)
		return rc;
	if (m.size > b->max) {
		archive_member_done(&m);
		return dv_fail(e, DV_LIMIT, "%s is larger than %zu bytes", name, b->max);
	}
	archive_reader_init(ar, &m, &r);
	while ((rc = archive_reader_next(&r, &p, &len, e)) > 0)
		buf_add(b, p, len);
	archive_reader_done(&r);
	archive_member_done(&m);
	return rc < 0 ? rc : buf_check(b, name, e);
}
