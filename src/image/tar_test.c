/* tar_test.c - the tar reader against libarchive, over archives of GNU tar, bsdtar and our writer; then
 * what must be refused.
 */
#include <archive.h>
#include <archive_entry.h>
#include <assert.h>
#include <inttypes.h>
#include <locale.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/proc.h"
#include "image/digest.h"
#include "image/tarunit.h"

#define ARCHIVE_MAX ((size_t)64 << 20)

/* --- one line per entry, the same from both readers --- */

static void strip_slash(char *s)
{
	size_t n = strlen(s);

	while (n > 1 && s[n - 1] == '/')
		s[--n] = '\0';
}

struct line {
	const char *type, *path, *link;
	unsigned mode, major, minor;
	int64_t uid, gid, size, mtime;
	long ns;
	char hash[DIGEST_TEXT_SIZE];
};

static void line_add(struct buf *b, const struct line *l)
{
	auto_free char *path = mem_str(l->path);

	strip_slash(path);
	buf_printf(b, "%s %s -> %s mode %o owner %" PRId64 ":%" PRId64 " size %" PRId64 " time %" PRId64 ".%09ld dev %u:%u %s\n",
		   l->type, path, l->link, l->mode, l->uid, l->gid, l->size, l->mtime, l->ns, l->major, l->minor, l->hash);
}

static void zeros(struct digest_stream *h, uint64_t n)
{
	static const char zero[65536];

	while (n > 0) {
		size_t part = DV_MIN(n, (uint64_t)sizeof(zero));
		digest_add(h, zero, part);
		n -= part;
	}
}

static const char *hash_of_ours(struct tar_reader *r, uint64_t size, char out[DIGEST_TEXT_SIZE])
{
	struct dv_err e = DV_ERR_NONE;
	struct digest_stream h;
	struct digest d;
	uint64_t at = 0, offset;
	const void *p;
	size_t len;
	int rc;

	digest_begin(&h, DIGEST_SHA256);
	while ((rc = tar_data(r, &p, &len, &offset, &e)) > 0) {
		zeros(&h, offset - at);
		digest_add(&h, p, len);
		at = offset + len;
	}
	assert_ok(rc, &e);
	zeros(&h, size - at);
	digest_end(&h, &d);
	return digest_hex(&d, out);
}

static int by_xattr(const void *a, const void *b)
{
	return strcmp(((const struct tar_xattr *)a)->name, ((const struct tar_xattr *)b)->name);
}

static void xattrs_add(struct buf *b, struct tar_xattr *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_xattr);
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "  %s=%.*s\n", v[i].name, (int)v[i].len, (const char *)v[i].value);
}

static void list_ours(const struct buf *tar, size_t step, struct buf *out)
{
	static const char *const types[] = { "file", "hard", "sym", "chr", "blk", "dir", "fifo" };
	struct mem_source m = { tar->p, tar->len, step };
	const struct tar_source src = { mem_source_next, &m };
	auto_tar struct tar_reader *r = NULL;
	struct dv_err e = DV_ERR_NONE;
	const struct tar_entry *t;
	int rc;

	assert_ok(tar_reader_new(&src, &r, &e), &e);
	while ((rc = tar_next(r, &t, &e)) > 0) {
		struct line l = { types[t->type], t->path, t->link, t->mode, t->major, t->minor, t->uid, t->gid,
				  (int64_t)t->size, t->mtime_s, t->mtime_ns, "" };
		struct tar_xattr xattrs[TAR_XATTRS_MAX];

		memcpy(xattrs, t->xattrs, t->n_xattrs * sizeof(*xattrs));
		if (t->type == TAR_FILE)
			(void)hash_of_ours(r, t->size, l.hash);
		line_add(out, &l);
		xattrs_add(out, xattrs, t->n_xattrs);
	}
	assert_ok(rc, &e);
	assert_ok(buf_check(out, "list", &e), &e);
}

static void hash_of_theirs(struct archive *a, int64_t size, char out[DIGEST_TEXT_SIZE])
{
	static char data[65536];
	struct digest_stream h;
	struct digest d;
	la_ssize_t n;
	int64_t got = 0;

	digest_begin(&h, DIGEST_SHA256);
	while ((n = archive_read_data(a, data, sizeof(data))) > 0) {
		digest_add(&h, data, (size_t)n);
		got += n;
	}
	assert_int_equal(n, 0);
	zeros(&h, (uint64_t)(size - got));
	digest_end(&h, &d);
	(void)digest_hex(&d, out);
}

static const char *their_type(struct archive_entry *ae)
{
	static const struct { unsigned mode; const char *name; } types[] = {
		{ S_IFREG, "file" }, { S_IFLNK, "sym" }, { S_IFCHR, "chr" }, { S_IFBLK, "blk" }, { S_IFDIR, "dir" },
		{ S_IFIFO, "fifo" },
	};

	if (archive_entry_hardlink(ae))
		return "hard";
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].mode == archive_entry_filetype(ae))
			return types[i].name;
	return "?";
}

static size_t their_xattrs(struct archive_entry *ae, struct tar_xattr *v)
{
	size_t n = 0;

	archive_entry_xattr_reset(ae);
	while (archive_entry_xattr_next(ae, &v[n].name, &v[n].value, &v[n].len) == ARCHIVE_OK) {
		size_t i = 0;

		/* bsdtar writes two forms of each, and libarchive gives both. */
		while (i < n && !streq(v[i].name, v[n].name))
			i++;
		n += i == n;
	}
	return n;
}

static void list_theirs(const struct buf *tar, struct buf *out)
{
	struct archive *a = archive_read_new();
	struct archive_entry *ae;
	int rc;

	archive_read_support_format_tar(a);
	assert_int_equal(archive_read_open_memory(a, tar->p, tar->len), ARCHIVE_OK);
	while ((rc = archive_read_next_header(a, &ae)) == ARCHIVE_OK) {
		const char *type = their_type(ae);
		const char *hard = archive_entry_hardlink(ae), *sym = archive_entry_symlink(ae);
		bool dev = streq(type, "chr") || streq(type, "blk"), file = streq(type, "file");
		struct line l = { type, archive_entry_pathname(ae), hard ? hard : sym ? sym : "",
				  archive_entry_mode(ae) & 07777, dev ? major(archive_entry_rdev(ae)) : 0,
				  dev ? minor(archive_entry_rdev(ae)) : 0, archive_entry_uid(ae), archive_entry_gid(ae),
				  file ? archive_entry_size(ae) : 0, archive_entry_mtime(ae), archive_entry_mtime_nsec(ae), "" };
		struct tar_xattr xattrs[TAR_XATTRS_MAX];
		size_t n = their_xattrs(ae, xattrs);

		if (file)
			hash_of_theirs(a, l.size, l.hash);
		line_add(out, &l);
		xattrs_add(out, xattrs, n);
	}
	if (rc != ARCHIVE_EOF)
		fail_msg("libarchive: %s", archive_error_string(a));
	(void)archive_read_free(a);
}

/* The first line that differs says enough. */
static void assert_lines(const char *what, size_t step, const char *ours, const char *theirs)
{
	while (*ours || *theirs) {
		size_t n = strcspn(ours, "\n"), m = strcspn(theirs, "\n");

		if (n != m || memcmp(ours, theirs, n) != 0)
			fail_msg("%s, steps of %zu: ours \"%.*s\", libarchive \"%.*s\"", what, step, (int)DV_MIN(n, 400), ours,
				 (int)DV_MIN(m, 400), theirs);
		ours += n + (ours[n] == '\n');
		theirs += m + (theirs[m] == '\n');
	}
}

static void assert_same(const char *what, const struct buf *tar)
{
	static const size_t steps[] = { 1, 511, 513, 4096, SIZE_MAX };
	auto_buf struct buf theirs = BUF_INIT(1 << 24);

	list_theirs(tar, &theirs);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		auto_buf struct buf ours = BUF_INIT(1 << 24);

		/* Byte by byte is for small ones. */
		if (steps[i] == 1 && tar->len > 4 << 20)
			continue;
		list_ours(tar, steps[i], &ours);
		assert_lines(what, steps[i], buf_cstr(&ours), buf_cstr(&theirs));
	}
}

/* --- a tree with everything --- */

static void put(int dirfd, const char *name, const char *text, mode_t mode)
{
	assert_int_equal(file_replace(dirfd, name, mode, text, strlen(text), false, NULL), 0);
}

static void put_sparse(int dirfd, const char *name, int pieces)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	for (int i = 0; i < pieces; i++)
		assert_int_equal(pwrite(fd, "data", 4, (off_t)i * 65536 + 8192), 4);
	assert_int_equal(ftruncate(fd, (off_t)pieces * 65536 + 100000), 0);
	(void)close(fd);
}

static void set_times(int dirfd, const char *name, int64_t s, long ns)
{
	const struct timespec t[2] = { { s, ns }, { s, ns } };

	assert_int_equal(utimensat(dirfd, name, t, AT_SYMLINK_NOFOLLOW), 0);
}

/* extra: what only the formats with extensions can say. */
static void make_tree(int dirfd, bool extra)
{
	char name[301];
	auto_free char *deep = mem_alloc(4096);

	put(dirfd, "empty", "", 0600);
	put(dirfd, "file", "hello\n", 04755);
	assert_int_equal(mkdirat(dirfd, "dir", 01777), 0);
	put(dirfd, "dir/inner", "x", 0644);
	assert_int_equal(symlinkat("../file", dirfd, "dir/link"), 0);
	assert_int_equal(linkat(dirfd, "file", dirfd, "hard", 0), 0);
	assert_int_equal(mkfifoat(dirfd, "fifo", 0640), 0);
	assert_int_equal(mknodat(dirfd, "null", S_IFCHR | 0666, makedev(1, 3)), 0);
	assert_int_equal(mknodat(dirfd, "disk", S_IFBLK | 0660, makedev(8, 17)), 0);
	assert_int_equal(fchownat(dirfd, "file", 1234, 65534, 0), 0);
	set_times(dirfd, "empty", 1000000000, 0);
	if (!extra)
		return;
	memset(name, 'n', 250);
	name[250] = '\0';
	put(dirfd, name, "long name", 0644);
	assert_int_equal(file_mkdirs(dirfd, "deep/dddddddddddddddddddddddddddddddddddd/eeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
					    "eeeeeeeeeeee/ffffffffffffffffffffffffffffffffffffffffffffffffff/g", 0755, NULL,
				     NULL), 0);
	memset(deep, 't', 3000);
	assert_int_equal(symlinkat(deep, dirfd, "longlink"), 0);
	put_sparse(dirfd, "sparse", 3);
	put_sparse(dirfd, "sparser", 60);
	put_sparse(dirfd, "hole", 0);
	assert_int_equal(fchownat(dirfd, "empty", 3000000000u, 4000000, 0), 0);
}

static void make_extended(const struct unit_tmp *t, int dirfd)
{
	auto_free char *path = mem_printf("%s/in/file", t->path);

	set_times(dirfd, "file", 1600000000, 123456789);
	set_times(dirfd, "dir", -5, 0);
	put(dirfd, "sm\303\266r", "utf-8 name", 0644);
	assert_int_equal(setxattr(path, "user.color", "blue=1\nred", 10, 0), 0);
	assert_int_equal(setxattr(path, "user.empty", "", 0, 0), 0);
}

static void archive_with(const struct unit_tmp *t, const char *const *args, struct buf *out)
{
	const char *argv[24] = { args[0], NULL };
	auto_buf struct buf said = BUF_INIT(4096);
	auto_free char *in = mem_printf("%s/in", t->path);
	auto_free char *file = mem_printf("%s/out.tar", t->path);
	const char *const tail[] = { "-cf", file, "-C", in, "." };
	struct dv_err e = DV_ERR_NONE;
	size_t n = 0;
	int status;

	for (; args[n]; n++)
		argv[n] = args[n];
	for (size_t i = 0; i < ARRAY_LEN(tail); i++)
		argv[n++] = tail[i];
	argv[n] = NULL;
	const struct proc_spawn s = { .path = args[0], .search = true, .argv = (char *const *)argv };
	assert_ok(proc_run(&s, NULL, 0, &said, 20000, &status, &e), &e);
	/* bsdtar: "Socket" and the like are only warnings. */
	if (status != 0)
		fail_msg("%s: %s", args[0], buf_cstr(&said));
	buf_reset(out);
	assert_ok(file_read(t->fd, "out.tar", out, &e), &e);
}

static void test_against_libarchive(void **state)
{
	static const struct {
		const char *const args[8];
		enum { PLAIN, EXTRA, EXTENDED } tree;
	} cases[] = {
		{ { "tar", "--format=v7" }, PLAIN },
		{ { "tar", "--format=ustar" }, PLAIN },
		{ { "tar", "--format=oldgnu", "--sparse" }, EXTRA },
		{ { "tar", "--format=gnu" }, EXTRA },
		{ { "tar", "--format=gnu", "--sparse" }, EXTRA },
		{ { "tar", "--format=pax" }, EXTRA },
		{ { "tar", "--format=pax", "--sparse", "--sparse-version=0.0" }, EXTRA },
		{ { "tar", "--format=pax", "--sparse", "--sparse-version=0.1" }, EXTRA },
		{ { "tar", "--format=pax", "--sparse", "--sparse-version=1.0" }, EXTRA },
		{ { "tar", "--format=pax", "--xattrs", "--acls" }, EXTENDED },
		{ { "tar", "--format=pax", "--pax-option=globexthdr.name=g,comment=hello" }, EXTENDED },
		{ { "bsdtar", "--format=ustar" }, PLAIN },
		{ { "bsdtar", "--format=gnutar" }, EXTRA },
		{ { "bsdtar", "--format=pax" }, EXTENDED },
		{ { "bsdtar", "--format=pax", "--no-read-sparse" }, EXTENDED },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_buf struct buf tar = BUF_INIT(ARCHIVE_MAX);
		auto_close int in = -1;
		struct unit_tmp t;
		char what[200];

		unit_tmp_new(&t);
		assert_int_equal(file_mkdirs(t.fd, "in", 0755, &in, NULL), 0);
		/* v7 and ustar have no room for devices or long names. */
		make_tree(in, cases[i].tree != PLAIN);
		if (streq(cases[i].args[1], "--format=v7")) {
			assert_int_equal(unlinkat(in, "fifo", 0), 0);
			assert_int_equal(unlinkat(in, "null", 0), 0);
			assert_int_equal(unlinkat(in, "disk", 0), 0);
		}
		if (cases[i].tree == EXTENDED)
			make_extended(&t, in);
		archive_with(&t, cases[i].args, &tar);
		(void)snprintf(what, sizeof(what), "%s %s %s", cases[i].args[0], cases[i].args[1],
			       cases[i].args[2] ? cases[i].args[2] : "");
		assert_same(what, &tar);
		unit_tmp_done(&t);
	}
}

/* --- our writer --- */

static void test_writer(void **state)
{
	static const struct tar_xattr xattrs[] = { { "user.a", "1\n2=3", 5 }, { "user.b", "", 0 } };
	auto_buf struct buf b = BUF_INIT(ARCHIVE_MAX);
	auto_free char *name = mem_alloc(3000);

	memset(name, 'p', 2000);
	for (int i = 200; i < 2000; i += 200)
		name[i] = '/';
	tar_add(&b, (struct tar_entry){ .type = TAR_DIR, .path = "d/", .mode = 0755, .mtime_s = 5 }, NULL);
	tar_add(&b, (struct tar_entry){ .path = "d/f", .mode = 04711, .uid = 7, .gid = 4000000000u, .mtime_s = 1700000000,
					.mtime_ns = 1, .xattrs = xattrs, .n_xattrs = 2 }, "content");
	tar_add(&b, (struct tar_entry){ .path = name, .mode = 0644, .mtime_s = -77 }, "long");
	tar_add(&b, (struct tar_entry){ .type = TAR_SYMLINK, .path = "s", .link = name, .mode = 0777 }, NULL);
	tar_add(&b, (struct tar_entry){ .type = TAR_HARDLINK, .path = "h", .link = "d/f", .mode = 0644 }, NULL);
	tar_add(&b, (struct tar_entry){ .type = TAR_CHAR, .path = "c", .major = 5, .minor = 77, .mode = 0600 }, NULL);
	tar_add(&b, (struct tar_entry){ .type = TAR_FIFO, .path = "p", .mode = 0600 }, NULL);
	tar_write_end(&b);
	assert_same("our writer", &b);
}

/* libarchive 3.6 reads "-76.75" as -76 s + 0.75 s; it is -77 s + 0.25 s, as GNU tar has it. */
static void test_negative_time(void **state)
{
	auto_buf struct buf b = BUF_INIT(65536), list = BUF_INIT(65536);

	tar_add(&b, (struct tar_entry){ .path = "old", .mode = 0644, .mtime_s = -77, .mtime_ns = 250000000 }, "");
	assert_non_null(memmem(b.p, b.len, "mtime=-76.750000000\n", 20));
	list_ours(&b, 512, &list);
	assert_non_null(strstr(buf_cstr(&list), "time -77.250000000 "));
}

/* A header of 9 GiB in base-256 is read; the data need not be there. */
static void test_large_size(void **state)
{
	auto_buf struct buf b = BUF_INIT(ARCHIVE_MAX);
	struct dv_err e = DV_ERR_NONE;
	const struct tar_entry *t;

	tar_add(&b, (struct tar_entry){ .path = "big", .mode = 0644 }, "");
	static const unsigned char size[12] = { 0x80, 0, 0, 0, 0, 0, 0, 2, 0x40, 0, 0, 0 };
	memcpy(b.p + 124, size, 12);
	tar_resum(&b, 0);
	struct mem_source m = { b.p, b.len, SIZE_MAX };
	const struct tar_source src = { mem_source_next, &m };
	auto_tar struct tar_reader *r = NULL;
	assert_ok(tar_reader_new(&src, &r, &e), &e);
	assert_int_equal(tar_next(r, &t, &e), 1);
	assert_int_equal(t->size, (uint64_t)9 << 30);
	assert_fails(tar_next(r, &t, &e), INVALID);
	assert_non_null(strstr(e.msg, "cut short"));
}

/* --- what is refused --- */

static int read_all(const struct buf *b, struct dv_err *e)
{
	struct mem_source m = { b->p, b->len, 700 };
	const struct tar_source src = { mem_source_next, &m };
	auto_tar struct tar_reader *r = NULL;
	const struct tar_entry *t;
	const void *p;
	uint64_t offset;
	size_t len;
	int rc = tar_reader_new(&src, &r, e);

	while (rc >= 0 && (rc = tar_next(r, &t, e)) > 0)
		while (rc > 0)
			rc = tar_data(r, &p, &len, &offset, e);
	return rc;
}

/* A file entry whose header has `bytes` at `at`. */
static void patched(struct buf *b, size_t at, const void *bytes, size_t len)
{
	tar_add(b, (struct tar_entry){ .path = "f", .mode = 0644, .mtime_s = 1 }, "data");
	memcpy(b->p + at, bytes, len);
	tar_resum(b, 0);
	tar_write_end(b);
}

static void test_headers_refused(void **state)
{
	static const struct {
		const char *what;
		size_t at;
		const char *bytes;
		size_t len;
		int want;
	} cases[] = {
		{ "nothing changed", 100, "0000644", 8, 0 },
		{ "negative base-256 size", 124, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", 12, -DV_INVALID },
		{ "size of 2^63", 124, "\x80\0\0\0\x80\0\0\0\0\0\0\0", 12, -DV_INVALID },
		{ "size of 2^95", 124, "\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12, -DV_INVALID },
		{ "size of 2^50", 124, "\x80\0\0\0\0\x04\0\0\0\0\0\0", 12, -DV_INVALID },
		{ "size with garbage", 124, "000000x0004", 12, -DV_INVALID },
		{ "size with a sign", 124, "-0000000004", 12, -DV_INVALID },
		{ "mode with garbage", 100, "00z0644", 8, -DV_INVALID },
		{ "uid 2^32", 108, "\x80\0\0\1\0\0\0\0", 8, -DV_INVALID },
		{ "uid 2^32 - 1", 108, "\x80\0\0\0\xff\xff\xff\xff", 8, -DV_INVALID },
		{ "uid 2^32 - 2", 108, "\x80\0\0\0\xff\xff\xff\xfe", 8, 0 },
		{ "negative gid", 116, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, -DV_INVALID },
		{ "no name", 0, "", 1, -DV_INVALID },
		{ "unknown type", 156, "Q", 1, -DV_UNSUPPORTED },
		{ "multi-volume", 156, "M", 1, -DV_UNSUPPORTED },
		{ "hard link with data", 156, "1f", 3, -DV_INVALID },
		{ "symlink without target", 156, "2", 1, -DV_INVALID },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_buf struct buf b = BUF_INIT(ARCHIVE_MAX);
		struct dv_err e = DV_ERR_NONE;

		patched(&b, cases[i].at, cases[i].bytes, cases[i].len);
		int rc = read_all(&b, &e);
		if (rc != cases[i].want)
			fail_msg("%s: %d (%s)", cases[i].what, rc, e.msg);
	}
}

static void put_pax(struct buf *b, char type, const char *text, size_t len)
{
	size_t at = b->len;

	tar_add(b, (struct tar_entry){ .path = "pax", .mode = 0644, .size = len }, NULL);
	b->p[at + 156] = type;
	tar_resum(b, at);
	buf_add(b, text, len);
	tar_write_pad(b, len);
}

static void test_pax_refused(void **state)
{
	static const struct { const char *text; size_t len; int want; } cases[] = {
#define P(text, want) { text, sizeof(text) - 1, want }
		P("12 path=abc\n", 0),
		P("11 comment=\n", -DV_INVALID),
		P("12 comment=\n", 0),
		P("8 path=\n", 0),
		P("12 path=abc", -DV_INVALID),
		P("13 path=abc\n", -DV_INVALID),
		P("11 path=abc\n", -DV_INVALID),
		P("0 path=abc\n", -DV_INVALID),
		P("-12 path=abc\n", -DV_INVALID),
		P("x12 path=abc\n", -DV_INVALID),
		P(" 12 path=abc\n", -DV_INVALID),
		P("99999999999999999999 path=abc\n", -DV_INVALID),
		P("10 pathabc\n", -DV_INVALID),
		P("8 =abcd\n", -DV_INVALID),
		P("12 path=a\0c\n", -DV_INVALID),
		P("11 size=-4\n", -DV_INVALID),
		P("10 size=x\n", -DV_INVALID),
		P("28 size=18446744073709551615\n", -DV_INVALID),
		P("28 size=99999999999999999999\n", -DV_INVALID),
		P("18 uid=4294967296\n", -DV_INVALID),
		P("18 uid=4294967294\n", 0),
		P("18 gid=4294967295\n", -DV_INVALID),
		P("12 mtime=1.5\n", -DV_INVALID),
		P("13 mtime=1.5\n", 0),
		P("14 mtime=-1.5\n", 0),
		P("15 mtime=1.5x \n", -DV_INVALID),
		P("28 GNU.sparse.map=0,1,x,1,2\n", -DV_INVALID),
		P("26 GNU.sparse.numbytes=12\n", -DV_INVALID),
		P("21 SCHILY.xattr.=ab\n\n", -DV_INVALID),
		P("31 LIBARCHIVE.xattr.user.a=**=\n", -DV_INVALID),
		P("33 LIBARCHIVE.xattr.user%zz.a=YQ\n", -DV_INVALID),
#undef P
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_buf struct buf b = BUF_INIT(ARCHIVE_MAX);
		struct dv_err e = DV_ERR_NONE;

		put_pax(&b, 'x', cases[i].text, cases[i].len);
		tar_add(&b, (struct tar_entry){ .path = "f", .mode = 0644 }, "");
		tar_write_end(&b);
		int rc = read_all(&b, &e);
		if (rc != cases[i].want)
			fail_msg("%s: %d (%s)", cases[i].text, rc, e.msg);
	}
}

/* The pax size hides an entry inside of data, and it must stay hidden. */
static void test_pax_size_wins(void **state)
{
	auto_buf struct buf b = BUF_INIT(ARCHIVE_MAX), list = BUF_INIT(65536);
	size_t at;

	put_pax(&b, 'x', "13 size=1024\n", 13);
	at = b.len;
	tar_add(&b, (struct tar_entry){ .path = "outer", .mode = 0644, .size = 0 }, NULL);
	tar_add(&b, (struct tar_entry){ .path = "smuggled", .mode = 0644 }, "");
	tar_add(&b, (struct tar_entry){ .path = "smuggled2", .mode = 0644 }, "");
	tar_add(&b, (struct tar_entry){ .path = "last", .mode = 0644 }, "");
	tar_write_end(&b);
	assert_int_equal(b.p[at], 'o');
	list_ours(&b, 600, &list);
	assert_null(strstr(buf_cstr(&list), "smuggled"));
	assert_non_null(strstr(buf_cstr(&list), "file outer -> "));
	assert_non_null(strstr(buf_cstr(&list), "size 1024"));
	assert_non_null(strstr(buf_cstr(&list), "file last"));
}

static void test_shapes(void **state)
{
	auto_buf struct buf b = BUF_INIT(ARCHIVE_MAX);
	struct dv_err e = DV_ERR_NONE;
	static const char zero[512];

	assert_int_equal(read_all(&b, &e), 0);          /* nothing at all is an empty archive */
	tar_add(&b, (struct tar_entry){ .path = "f", .mode = 0644 }, "12345");
	assert_int_equal(read_all(&b, &e), 0);          /* no end marker */
	size_t whole = b.len;
	b.len = whole - 1;
	assert_fails(read_all(&b, &e), INVALID);
	b.len = 100;
	assert_fails(read_all(&b, &e), INVALID);
	b.len = whole;
	buf_add(&b, zero, 512);
	tar_add(&b, (struct tar_entry){ .path = "g", .mode = 0644 }, "");
	assert_fails(read_all(&b, &e), INVALID);        /* a lone zero block */
	buf_reset(&b);
	put_pax(&b, 'x', "12 path=abc\n", 12);
	tar_write_end(&b);
	assert_fails(read_all(&b, &e), INVALID);        /* an extension of nothing */
	buf_reset(&b);
	put_pax(&b, 'g', "12 path=abc\n", 12);
	tar_add(&b, (struct tar_entry){ .path = "f", .mode = 0644 }, "");
	assert_fails(read_all(&b, &e), INVALID);        /* one path for all */
	buf_reset(&b);
	buf_str(&b, "this is not a tar archive, but it is long enough for a block: ");
	while (b.len < 1024)
		buf_char(&b, 'x');
	assert_fails(read_all(&b, &e), INVALID);
}

static void test_limits(void **state)
{
	auto_buf struct buf b = BUF_INIT(ARCHIVE_MAX), text = BUF_INIT(ARCHIVE_MAX);
	struct dv_err e = DV_ERR_NONE;

	for (int i = 0; i < 5000; i++)
		buf_char(&text, 'n');
	put_pax(&b, 'L', text.p, text.len);
	tar_add(&b, (struct tar_entry){ .path = "f", .mode = 0644 }, "");
	assert_fails(read_all(&b, &e), LIMIT);
	buf_reset(&b);
	put_pax(&b, 'x', text.p, text.len);
	static const unsigned char size[12] = { 0x80, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0 };
	memcpy(b.p + 124, size, 12);
	tar_resum(&b, 0);
	assert_fails(read_all(&b, &e), LIMIT);          /* 1 GiB of pax: refused before it is read */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_libarchive),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_negative_time),
		cmocka_unit_test(test_large_size),
		cmocka_unit_test(test_headers_refused),
		cmocka_unit_test(test_pax_refused),
		cmocka_unit_test(test_pax_size_wins),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_limits),
	};

	/* libarchive converts names; ours does not. */
	assert(setlocale(LC_ALL, "C.UTF-8"));
	return unit_run(tests);
}
