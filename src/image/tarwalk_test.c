/* tarwalk_test.c - a tree as a tar: everything that is in it, the same bytes each time, and nothing from outside. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/str.h"
#include "base/unit.h"
#include "image/digest.h"
#include "image/tar.h"
#include "image/tarunit.h"
#include "image/tarwalk.h"

struct tree {
	struct unit_tmp in, out;
	struct buf tar;
};

static void put(int dirfd, const char *name, const char *text, mode_t mode)
{
	struct dv_err e = DV_ERR_NONE;

	assert_ok(file_replace(dirfd, name, mode, text, strlen(text), false, &e), &e);
	assert_int_equal(fchmodat(dirfd, name, mode, 0), 0);
}

static void tree_new(struct tree *t)
{
	unit_tmp_new(&t->in);
	unit_tmp_new(&t->out);
	t->tar = BUF_INIT((size_t)8 << 20);
}

static void tree_done(struct tree *t)
{
	buf_done(&t->tar);
	unit_tmp_done(&t->in);
	unit_tmp_done(&t->out);
}

static int walk(struct tree *t, struct dv_err *e)
{
	static const struct tarwalk_options o;
	auto_close int fd = -1;

	assert_ok(file_open(t->out.fd, "tar", O_RDWR | O_CREAT | O_TRUNC, 0600, &fd, e), e);
	int rc = tar_walk(t->in.fd, fd, "tar", &o, e);
	buf_reset(&t->tar);
	assert_ok(file_read(t->out.fd, "tar", &t->tar, e), e);
	return rc;
}

/* "d ./ | f ./a 5 hello | ..." */
static const char *list(struct tree *t, struct arena *a)
{
	static const char letters[] = { [TAR_FILE] = 'f', [TAR_HARDLINK] = 'h', [TAR_SYMLINK] = 'l', [TAR_CHAR] = 'c',
					[TAR_BLOCKDEV] = 'b', [TAR_DIR] = 'd', [TAR_FIFO] = 'p' };
	auto_buf struct buf out = BUF_INIT(65536);
	struct mem_source m = { t->tar.p, t->tar.len, 4096 };
	const struct tar_source src = { mem_source_next, &m };
	auto_tar struct tar_reader *r = NULL;
	struct dv_err e = DV_ERR_NONE;
	const struct tar_entry *x;
	const void *p;
	uint64_t offset;
	size_t len;
	int rc;

	assert_ok(tar_reader_new(&src, &r, &e), &e);
	while ((rc = tar_next(r, &x, &e)) > 0) {
		buf_printf(&out, "%c %s", letters[x->type], x->path);
		if (*x->link)
			buf_printf(&out, " -> %s", x->link);
		for (size_t i = 0; i < x->n_xattrs; i++)
			buf_printf(&out, " %s=%.*s", x->xattrs[i].name, (int)x->xattrs[i].len, (const char *)x->xattrs[i].value);
		while ((rc = tar_data(r, &p, &len, &offset, &e)) > 0)
			buf_printf(&out, " %.*s", (int)DV_MIN(len, (size_t)8), (const char *)p);
		assert_ok(rc, &e);
		buf_char(&out, '\n');
	}
	assert_ok(rc, &e);
	return arena_str(a, buf_cstr(&out));
}

static void test_everything(void **state)
{
	auto_arena struct arena a = { 0 };
	struct dv_err e = DV_ERR_NONE;
	struct tree t;

	(void)state;
	tree_new(&t);
	assert_int_equal(mkdirat(t.in.fd, "d", 0750), 0);
	put(t.in.fd, "d/file", "hello", 04755);
	put(t.in.fd, "empty", "", 0600);
	assert_int_equal(linkat(t.in.fd, "d/file", t.in.fd, "hard", 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", t.in.fd, "link"), 0);
	assert_int_equal(symlinkat("/etc", t.in.fd, "linkdir"), 0);
	assert_int_equal(mkfifoat(t.in.fd, "pipe", 0600), 0);
	assert_ok(walk(&t, &e), &e);
	assert_string_equal(list(&t, &a), "d ./\nd ./d/\nf ./d/file hello\nf ./empty\nh ./hard -> ./d/file\n"
					  "l ./link -> /etc/passwd\nl ./linkdir -> /etc\np ./pipe\n");
	/* The same bytes again. */
	struct digest one, two;
	digest_of(DIGEST_SHA256, t.tar.p, t.tar.len, &one);
	assert_ok(walk(&t, &e), &e);
	digest_of(DIGEST_SHA256, t.tar.p, t.tar.len, &two);
	assert_true(digest_equal(&one, &two));
	tree_done(&t);
}

static void test_sockets_and_xattrs(void **state)
{
	auto_arena struct arena a = { 0 };
	struct dv_err e = DV_ERR_NONE;
	auto_close int sock = -1;
	struct tree t;

	(void)state;
	tree_new(&t);
	assert_ok(fd_unix_listen(t.in.fd, "sock", 1, &sock, &e), &e);
	put(t.in.fd, "f", "x", 0644);
	auto_free char *path = mem_printf("%s/f", t.in.path);
	bool has = setxattr(path, "user.color", "red", 3, 0) == 0;
	if (has)
		assert_int_equal(setxattr(path, "user.overlay.opaque", "y", 1, 0), 0);
	else
		assert_int_equal(errno, EOPNOTSUPP);
	assert_ok(walk(&t, &e), &e);
	assert_string_equal(list(&t, &a), has ? "d ./\nf ./f user.color=red x\n" : "d ./\nf ./f x\n");
	tree_done(&t);
}

static void test_long_and_deep(void **state)
{
	auto_arena struct arena a = { 0 };
	struct dv_err e = DV_ERR_NONE;
	char name[201] = { 0 };
	struct tree t;

	(void)state;
	tree_new(&t);
	memset(name, 'n', 200);
	put(t.in.fd, name, "x", 0644);
	assert_ok(walk(&t, &e), &e);
	assert_non_null(strstr(list(&t, &a), name));
	/* A path that no archive takes is an error and not a loop. */
	int fd, below;
	assert_ok(fd_dup(t.in.fd, &fd, &e), &e);
	memset(name, 'm', 200);
	for (int i = 0; i < 25; i++) {
		assert_int_equal(mkdirat(fd, name, 0755), 0);
		assert_ok(file_open(fd, name, O_RDONLY | O_DIRECTORY, 0, &below, &e), &e);
		(void)close(fd);
		fd = below;
	}
	(void)close(fd);
	assert_fails(walk(&t, &e), LIMIT);
	tree_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_sockets_and_xattrs),
		cmocka_unit_test(test_long_and_deep),
	};

	return unit_run(tests);
}
