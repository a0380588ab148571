/* file_test.c - confined opens, atomic replacement, making and removing trees against links and mounts. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/str.h"
#include "base/unit.h"

static void write_file(int dirfd, const char *name, const char *text)
{
	struct dv_err e = DV_ERR_NONE;

	assert_ok(file_replace(dirfd, name, 0644, text, strlen(text), false, &e), &e);
}

static bool exists(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* in/ has a file, links that stay and links that leave; out is beside it. */
static void make_maze(struct unit_tmp *t, int *ret_in)
{
	unit_tmp_new(t);
	write_file(t->fd, "out", "secret");
	assert_int_equal(file_mkdirs(t->fd, "in/sub", 0755, NULL, NULL), 0);
	assert_int_equal(file_open(t->fd, "in", O_RDONLY | O_DIRECTORY, 0, ret_in, NULL), 0);
	write_file(*ret_in, "f", "inside");
	assert_int_equal(symlinkat("f", *ret_in, "good"), 0);
	assert_int_equal(symlinkat("/f", *ret_in, "rooted"), 0);
	assert_int_equal(symlinkat("../out", *ret_in, "up"), 0);
	assert_int_equal(symlinkat("/etc/passwd", *ret_in, "away"), 0);
	assert_int_equal(symlinkat("/proc/self/exe", *ret_in, "magic"), 0);
	assert_int_equal(symlinkat("loop", *ret_in, "loop"), 0);
}

static void test_open_how(void **state)
{
	static const struct {
		const char *name;
		int how, want;
	} cases[] = {
		{ "f", FILE_BENEATH, 0 },
		{ "sub/../f", FILE_BENEATH, 0 },
		{ "good", FILE_BENEATH, 0 },
		{ "good", FILE_BENEATH | FILE_NO_LINKS, -DV_INVALID },
		{ "f", FILE_BENEATH | FILE_NO_LINKS | FILE_NO_XDEV, 0 },
		{ "up", FILE_BENEATH, -DV_FORBIDDEN },
		{ "../out", FILE_BENEATH, -DV_FORBIDDEN },
		{ "/f", FILE_BENEATH, -DV_FORBIDDEN },
		{ "rooted", FILE_BENEATH, -DV_FORBIDDEN },
		{ "rooted", FILE_IN_ROOT, 0 },
		{ "/f", FILE_IN_ROOT, 0 },
		{ "../../../f", FILE_IN_ROOT, 0 },
		{ "up", FILE_IN_ROOT, -DV_NOT_FOUND },
		{ "away", FILE_IN_ROOT, -DV_NOT_FOUND },
		{ "magic", 0, -DV_INVALID },
		{ "loop", FILE_BENEATH, -DV_INVALID },
		{ "none", FILE_BENEATH, -DV_NOT_FOUND },
		{ "up", 0, 0 },
	};
	struct unit_tmp t;
	auto_close int in = -1;

	make_maze(&t, &in);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int fd = -1, r = file_open_how(in, cases[i].name, O_RDONLY, 0, (enum file_how)cases[i].how, &fd, NULL);

		if (r != cases[i].want)
			fail_msg("%s, %d: %d", cases[i].name, cases[i].how, r);
		assert_int_equal(fd >= 0, r == 0);
		if (r == 0)
			assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		fd_close(&fd);
	}
	unit_tmp_done(&t);
}

static void test_replace(void **state)
{
	auto_buf struct buf b = BUF_INIT(6);
	struct unit_tmp t;
	char path[100];
	struct dv_err e = DV_ERR_NONE;
	auto_close int opath = -1;

	unit_tmp_new(&t);
	assert_ok(file_mkdirs(t.fd, "d", 0700, &opath, &e), &e);
	(void)snprintf(path, sizeof path, "%s/d/f", t.path);
	assert_ok(file_replace(AT_FDCWD, path, 0600, "first", 5, true, &e), &e);
	assert_ok(file_replace(opath, "f", 0600, "second", 6, true, &e), &e);
	assert_ok(file_read(AT_FDCWD, path, &b, &e), &e);
	assert_string_equal(buf_cstr(&b), "second");
	assert_ok(file_replace(t.fd, "d/f", 0600, "1234567", 7, false, &e), &e);
	buf_reset(&b);
	assert_fails(file_read(opath, "f", &b, &e), LIMIT);
	assert_string_equal(e.msg, "f is larger than 6 bytes");
	/* A link is replaced, not followed. */
	write_file(t.fd, "target", "keep");
	assert_int_equal(symlinkat("target", t.fd, "link"), 0);
	write_file(t.fd, "link", "new");
	buf_reset(&b);
	assert_ok(file_read(t.fd, "target", &b, &e), &e);
	assert_string_equal(buf_cstr(&b), "keep");
	assert_fails(file_replace(t.fd, "d", 0600, "x", 1, false, &e), IO);
	assert_fails(file_replace(t.fd, "none/f", 0600, "x", 1, false, &e), NOT_FOUND);
	unit_tmp_done(&t);
}

static void *replace_often(void *arg)
{
	for (int i = 0; i < 200; i++)
		if (file_replace(*(int *)arg, "f", 0600, "whole", 5, false, NULL) < 0)
			return arg;
	return NULL;
}

static void test_replace_in_threads(void **state)
{
	pthread_t threads[4];
	struct unit_tmp t;
	void *failed;

	unit_tmp_new(&t);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, replace_often, &t.fd), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(unlinkat(t.fd, "f", 0), 0);
	assert_int_equal(unlinkat(AT_FDCWD, t.path, AT_REMOVEDIR), 0);     /* no temporary file is left */
	(void)close(t.fd);
}

static void test_mkdirs(void **state)
{
	static const struct {
		const char *path;
		int want;
		const char *made;
	} cases[] = {
		{ "a", 0, "a" }, { "a/b/c", 0, "a/b/c" }, { "a/b/c", 0, "a/b/c" }, { "//x//./y/", 0, "x/y" },
		{ "", 0, "." }, { ".", 0, "." }, { "a/../b", -DV_INVALID, "a" }, { "..", -DV_INVALID, "a" },
		{ "file", -DV_EXISTS, "file" }, { "file/x", -DV_EXISTS, "file" }, { "link/x", -DV_EXISTS, "link" },
		{ "dangling/x", -DV_EXISTS, "dangling" },
	};
	struct unit_tmp t;

	unit_tmp_new(&t);
	write_file(t.fd, "file", "");
	assert_int_equal(mkdirat(t.fd, "target", 0755), 0);
	assert_int_equal(symlinkat("target", t.fd, "link"), 0);
	assert_int_equal(symlinkat("nowhere", t.fd, "dangling"), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dv_err e = DV_ERR_NONE;
		int fd = -1, r = file_mkdirs(t.fd, cases[i].path, 0755, &fd, &e);

		if (r != cases[i].want)
			fail_msg("%s: %d", cases[i].path, r);
		assert_int_equal(fd >= 0, r == 0);
		assert_true(exists(t.fd, cases[i].made));
		fd_close(&fd);
	}
	assert_false(exists(t.fd, "target/x") || exists(t.fd, "nowhere"));
	unit_tmp_done(&t);
}

struct race {
	int fd;
	atomic_bool stop;
};

/* Swaps the directory "d" and a link to "outside" as fast as it can. */
static void *swap_link(void *arg)
{
	struct race *race = arg;

	while (!atomic_load(&race->stop)) {
		(void)renameat2(race->fd, "d", race->fd, "l", RENAME_EXCHANGE);
	}
	return NULL;
}

static void test_mkdirs_and_remove_against_swapped_links(void **state)
{
	struct race race;
	struct unit_tmp t;
	pthread_t thread;

	unit_tmp_new(&t);
	race.fd = t.fd;
	atomic_init(&race.stop, false);
	assert_int_equal(file_mkdirs(t.fd, "outside/keep", 0755, NULL, NULL), 0);
	assert_int_equal(mkdirat(t.fd, "d", 0755), 0);
	assert_int_equal(symlinkat("outside", t.fd, "l"), 0);
	assert_int_equal(pthread_create(&thread, NULL, swap_link, &race), 0);
	for (int i = 0; i < 2000; i++) {
		(void)!file_mkdirs(t.fd, "d/new", 0755, NULL, NULL);
		(void)!file_remove_tree(t.fd, "d/new", NULL);
	}
	atomic_store(&race.stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(exists(t.fd, "outside/new"));
	assert_true(exists(t.fd, "outside/keep"));
	unit_tmp_done(&t);
}

static void test_remove_tree(void **state)
{
	struct unit_tmp t;
	struct dv_err e = DV_ERR_NONE;

	unit_tmp_new(&t);
	assert_ok(file_mkdirs(t.fd, "tree/a/b", 0755, NULL, &e), &e);
	write_file(t.fd, "keep", "");
	assert_int_equal(symlinkat("../keep", t.fd, "tree/link"), 0);
	assert_int_equal(symlinkat("..", t.fd, "tree/a/dirlink"), 0);
	for (int i = 0; i < 3000; i++) {
		char name[30];

		(void)snprintf(name, sizeof name, "tree/a/f%d", i);
		assert_int_equal(mknodat(t.fd, name, S_IFREG | 0600, 0), 0);
	}
	assert_ok(file_remove_tree(t.fd, "tree/", &e), &e);
	assert_false(exists(t.fd, "tree"));
	assert_true(exists(t.fd, "keep"));
	assert_ok(file_remove_tree(t.fd, "tree", &e), &e);     /* absent is fine */
	assert_ok(file_remove_tree(t.fd, "no/such/way", &e), &e);
	assert_ok(file_remove_tree(t.fd, "keep", &e), &e);
	assert_false(exists(t.fd, "keep"));
	assert_fails(file_remove_tree(t.fd, ".", &e), INVALID);
	assert_fails(file_remove_tree(t.fd, "x/..", &e), INVALID);
	assert_fails(file_remove_tree(t.fd, "", &e), INVALID);
	assert_fails(file_remove_tree(AT_FDCWD, "/", &e), INVALID);
	unit_tmp_done(&t);
}

/* Deeper than descriptors and path lengths allow. */
static void test_remove_deep_tree(void **state)
{
	struct rlimit few = { 100, 100 }, old;
	struct unit_tmp t;
	int fd, next;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	unit_tmp_new(&t);
	fd = dup(t.fd);
	for (int i = 0; i < 5000; i++) {
		assert_int_equal(mkdirat(fd, "d", 0755), 0);
		next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		(void)close(fd);
		fd = next;
	}
	(void)close(fd);
	assert_int_equal(file_remove_tree(t.fd, "d", NULL), 0);
	assert_false(exists(t.fd, "d"));
	unit_tmp_done(&t);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

/* In a child with mounts of its own: a bind mount of the same file system is not entered. 0 when all is well. */
static int mounts_child(struct unit_tmp *t)
{
	char from[100], to[100];

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 77;
	(void)snprintf(from, sizeof from, "%s/precious", t->path);
	(void)snprintf(to, sizeof to, "%s/tree/mnt", t->path);
	if (mount(from, to, NULL, MS_BIND, NULL) < 0)
		return 77;
	if (file_remove_tree(t->fd, "tree", NULL) != -DV_CONFLICT)
		return 1;
	if (!exists(t->fd, "precious/file"))
		return 2;
	if (file_remove_tree(t->fd, "tree/mnt", NULL) != -DV_CONFLICT || !exists(t->fd, "precious/file"))
		return 3;
	return 0;
}

static void test_remove_tree_stops_at_mounts(void **state)
{
	struct unit_tmp t;
	int status;
	pid_t pid;

	unit_tmp_new(&t);
	assert_int_equal(file_mkdirs(t.fd, "tree/mnt", 0755, NULL, NULL), 0);
	assert_int_equal(file_mkdirs(t.fd, "precious", 0755, NULL, NULL), 0);
	write_file(t.fd, "precious/file", "x");
	pid = fork();
	if (pid == 0)
		_exit(mounts_child(&t));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (geteuid() == 0 || status != 77 << 8)
		assert_int_equal(status, 0);
	assert_true(exists(t.fd, "precious/file"));
	unit_tmp_done(&t);
}

static void test_lock(void **state)
{
	auto_close int a = -1, b = -1;
	struct unit_tmp t;
	struct dv_err e = DV_ERR_NONE;

	unit_tmp_new(&t);
	write_file(t.fd, "l", "");
	assert_ok(file_open(t.fd, "l", O_RDWR, 0, &a, &e), &e);
	assert_ok(file_open(t.fd, "l", O_RDWR, 0, &b, &e), &e);
	assert_ok(file_lock(a, false, true, "l", &e), &e);
	assert_ok(file_lock(b, false, false, "l", &e), &e);
	assert_fails(file_lock(b, true, false, "l", &e), CONFLICT);
	fd_close(&a);
	assert_ok(file_lock(b, true, false, "l", &e), &e);
	unit_tmp_done(&t);
}

static void test_readlink(void **state)
{
	static const size_t lens[] = { 1, 254, 255, 256, 257, 511, 512, 4095 };
	struct unit_tmp t;
	char *got = NULL;

	unit_tmp_new(&t);
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		char target[5000];

		memset(target, 't', lens[i]);
		target[lens[i]] = '\0';
		assert_int_equal(symlinkat(target, t.fd, "l"), 0);
		assert_int_equal(file_readlink(t.fd, "l", &got, NULL), 0);
		assert_string_equal(got, target);
		free(got);
		assert_int_equal(unlinkat(t.fd, "l", 0), 0);
	}
	assert_fails(file_readlink(t.fd, "l", &got, NULL), NOT_FOUND);
	unit_tmp_done(&t);
}

static void test_write(void **state)
{
	auto_buf struct buf b = BUF_INIT(10);
	struct unit_tmp t;
	struct dv_err e = DV_ERR_NONE;

	unit_tmp_new(&t);
	write_file(t.fd, "f", "12345");
	assert_ok(file_write(t.fd, "f", "abc", &e), &e);     /* no truncation: for cgroup files */
	assert_ok(file_read(t.fd, "f", &b, &e), &e);
	assert_string_equal(buf_cstr(&b), "abc45");
	assert_fails(file_write(t.fd, "none", "x", &e), NOT_FOUND);
	assert_fails(file_write(AT_FDCWD, "/dev/full", "x", &e), LIMIT);
	assert_string_equal(e.msg, "write \"x\" to /dev/full: No space left on device");
	unit_tmp_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_how), cmocka_unit_test(test_replace),
		cmocka_unit_test(test_replace_in_threads), cmocka_unit_test(test_mkdirs),
		cmocka_unit_test(test_mkdirs_and_remove_against_swapped_links), cmocka_unit_test(test_remove_tree),
		cmocka_unit_test(test_remove_deep_tree), cmocka_unit_test(test_remove_tree_stops_at_mounts),
		cmocka_unit_test(test_lock), cmocka_unit_test(test_readlink), cmocka_unit_test(test_write),
	};

	return unit_run(tests);
}
