/* cgroup_v2_test.c - the v2 driver on a real v2 tree: that of a v2 machine, or the one beside v1 on a hybrid machine. */
#include <linux/magic.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "oci/cgroup_res.h"
#include "oci/cgroup_test.h"

static const char *root;

static struct cgroup *open_v2(const char *path, const char *self)
{
	struct cgroup_spec spec = { .path = path, .id = name };
	struct cgroup *cg = NULL;

	OK(cgroup_open_at(root, self, &spec, &cg, e));
	assert_int_equal(cgroup_layout(cg), CGROUP_V2);
	return cg;
}

static struct cgroup *make(const char *path)
{
	struct cgroup *cg = open_v2(path, "0::/\n");

	OK(cgroup_create(cg, e));
	return cg;
}

static void finish(struct cgroup *cg)
{
	OK(cgroup_destroy(cg, 5000, e));
	cgroup_close(cg);
}

static void kill_and_reap(struct cgroup *cg, pid_t pid)
{
	int status;

	OK(cgroup_kill(cg, SIGKILL, e));
	OK(proc_wait(pid, &status, e));
	assert_int_equal(proc_exit_code(status), 128 + SIGKILL);
}

/* What we pass on at the top for a test, as it was before. */
static char *passed_on;
static int root_lock = -1;      /* against another run of this test, which would see and restore ours */

static int save_root(void **state)
{
	struct buf b = BUF_INIT(4096);

	arena_init(&mem, 0);
	OK(file_open(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0, &root_lock, e));
	OK(file_lock(root_lock, true, true, root, e));
	OK(file_read(AT_FDCWD, arena_printf(&mem, "%s/cgroup.subtree_control", root), &b, e));
	passed_on = mem_str(buf_cstr(&b));
	buf_done(&b);
	arena_done(&mem);
	return 0;
}

static int restore_root(void **state)
{
	struct buf b = BUF_INIT(4096);
	char **words;
	size_t n;

	arena_init(&mem, 0);
	OK(file_read(AT_FDCWD, arena_printf(&mem, "%s/cgroup.subtree_control", root), &b, e));
	words = str_split(&mem, buf_cstr(&b), ' ', &n);
	for (size_t i = 0; i < n; i++) {
		char *word = arena_strn(&mem, words[i], strcspn(words[i], "\n"));

		if (*word && !strstr(passed_on, word))
			OK(file_write(AT_FDCWD, arena_printf(&mem, "%s/cgroup.subtree_control", root),
				      arena_printf(&mem, "-%s", word), e));
	}
	buf_done(&b);
	arena_done(&mem);
	free(passed_on);
	fd_close(&root_lock);
	return 0;
}

/* --- conversions --- */

static void test_conversions(void **state)
{
	static const struct {
		uint64_t shares, weight;
	} cpu[] = { { 0, 1 }, { 1, 1 }, { 2, 1 }, { 1024, 100 }, { 262144, 10000 }, { 262145, 10000 } };
	static const struct {
		uint32_t v1;
		uint64_t v2;
	} io[] = { { 10, 1 }, { 1000, 10000 }, { 500, 4950 } };
	static const struct {
		int64_t limit, swap, want;
		bool zero, fails;
	} swap[] = {
		{ 100, 0, 0 }, { 100, -1, -1 }, { 100, 150, 50 }, { 100, 100, 0, true }, { -1, 0, -1 }, { -1, -1, -1 },
		{ 100, 99, 0, false, true }, { 0, 100, 0, false, true }, { -1, 100, 0, false, true }, { 100, -2, 0, false, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(cpu); i++)
		assert_int_equal(cg_cpu_weight(cpu[i].shares), cpu[i].weight);
	for (uint64_t s = 2; s < 262144; s += 37)
		assert_true(cg_cpu_weight(s) <= cg_cpu_weight(s + 37));
	for (size_t i = 0; i < ARRAY_LEN(io); i++)
		assert_int_equal(cg_io_weight(io[i].v1), io[i].v2);
	for (size_t i = 0; i < ARRAY_LEN(swap); i++) {
		int64_t v = 12345;
		bool zero = false;
		int r = cg_swap(swap[i].limit, swap[i].swap, &v, &zero, NULL);

		assert_int_equal(r, swap[i].fails ? -DV_INVALID : 0);
		if (r == 0) {
			assert_int_equal(v, swap[i].want);
			assert_int_equal(zero, swap[i].zero);
		}
	}
}

/* --- paths --- */

static void test_paths(void **state)
{
	struct cgroup *cg = open_v2("/a//b/../c", "0::/\n");

	assert_string_equal(dir_of(cg, ""), arena_printf(&mem, "%s/a/c", root));
	cgroup_close(cg);
	cg = open_v2("../../x", "0::/\n");
	assert_string_equal(dir_of(cg, ""), arena_printf(&mem, "%s/x", root));
	cgroup_close(cg);
	/* Our own cgroup is full of processes: beside it, not in it. */
	cg = make(arena_printf(&mem, "/%s/mine", name));
	struct cgroup *beside = open_v2(NULL, arena_printf(&mem, "0::/%s/mine\n", name));
	assert_string_equal(dir_of(beside, ""), arena_printf(&mem, "%s/%s/%s", root, name, name));
	cgroup_close(beside);
	cgroup_undo(cg);
	assert_int_equal(access(arena_printf(&mem, "%s/%s", root, name), F_OK), -1);
	cgroup_close(cg);
}

/* --- life --- */

static void test_clone_into(void **state)
{
	struct cgroup *cg = make(arena_printf(&mem, "/%s", name));
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD,
				   .cgroup = (uint64_t)cgroup_clone_fd(cg) };
	pid_t pid, *pids = NULL;
	size_t n = 0;

	assert_true(cgroup_clone_fd(cg) >= 0);
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0) {
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	OK(cgroup_pids(cg, &mem, &pids, &n, e));
	assert_int_equal(n, 1);
	assert_int_equal(pids[0], pid);
	kill_and_reap(cg, pid);
	finish(cg);
}

/* Destroy returns as soon as the last process is off, not when the time is up. */
static void test_destroy_waits(void **state)
{
	struct cgroup *cg = make(arena_printf(&mem, "/%s", name));
	pid_t pid = idle_process();
	int status;

	OK(cgroup_add(cg, pid, e));
	FAILS_WITH(TIMEOUT, "still has processes", cgroup_destroy(cg, 10, e));
	OK(file_mkdirs(AT_FDCWD, arena_printf(&mem, "%s/inner/most", dir_of(cg, "")), 0755, NULL, e));
	OK(cgroup_add_below(cg, pid, NULL, "inner/most", e));
	OK(cgroup_kill(cg, SIGKILL, e));
	OK(cgroup_destroy(cg, 60000, e));
	OK(proc_wait(pid, &status, e));
	assert_false(cgroup_exists(cg));
	cgroup_close(cg);
}

static void test_freeze(void **state)
{
	struct cgroup *cg = make(arena_printf(&mem, "/%s", name));
	pid_t pid = idle_process();
	bool frozen = true;

	OK(cgroup_add(cg, pid, e));
	OK(cgroup_frozen(cg, &frozen, e));
	assert_false(frozen);
	OK(cgroup_freeze(cg, e));
	OK(cgroup_frozen(cg, &frozen, e));
	assert_true(frozen);
	assert_non_null(strstr(content(cg, "", "cgroup.events"), "frozen 1"));
	/* Signals other than SIGKILL leave it paused. */
	OK(cgroup_kill(cg, SIGCONT, e));
	OK(cgroup_frozen(cg, &frozen, e));
	assert_true(frozen);
	OK(cgroup_thaw(cg, e));
	OK(cgroup_freeze(cg, e));
	kill_and_reap(cg, pid);
	finish(cg);
}

static void test_joining(void **state)
{
	struct cgroup *cg = make(arena_printf(&mem, "/%s", name)), *child;
	const char *dir = dir_of(cg, "");
	pid_t pid = idle_process();

	/* Below a threaded cgroup only threaded ones can hold processes: ours becomes one, and is killed one by one. */
	OK(file_write(AT_FDCWD, arena_printf(&mem, "%s/cgroup.type", dir), "threaded", e));
	child = make(arena_printf(&mem, "/%s/child", name));
	assert_string_equal(content(child, "", "cgroup.type"), "domain invalid");
	OK(cgroup_add(child, pid, e));
	assert_string_equal(content(child, "", "cgroup.type"), "threaded");
	kill_and_reap(child, pid);
	finish(child);
	finish(cg);

	pid = idle_process();
	cg = make(arena_printf(&mem, "/%s", name));
	OK(cgroup_add(cg, pid, e));
	child = open_v2(arena_printf(&mem, "/%s", name), "0::/\n");
	FAILS_WITH(CONFLICT, "is not empty", cgroup_create(child, e));
	cgroup_close(child);
	kill_and_reap(cg, pid);
	FAILS(NOT_FOUND, cgroup_add(cg, pid, e));
	finish(cg);
}

/* A container that moved its first process into a child and passes controllers on: exec goes where that is. */
static void test_beside(void **state)
{
	struct cgroup *cg = make(arena_printf(&mem, "/%s", name));
	pid_t init = idle_process(), other = idle_process();
	const char *dir = dir_of(cg, ""), *own = content(cg, "", "cgroup.controllers");
	struct buf b = BUF_INIT(4096);
	int status;

	if (!*own) {        /* no controller, no conflict */
		kill(init, SIGKILL);
		kill(other, SIGKILL);
	} else {
		OK(file_mkdirs(AT_FDCWD, arena_printf(&mem, "%s/init/deep", dir), 0755, NULL, e));
		OK(cgroup_add_below(cg, init, NULL, "init/deep", e));
		OK(file_write(AT_FDCWD, arena_printf(&mem, "%s/cgroup.subtree_control", dir),
			      arena_printf(&mem, "+%.*s", (int)strcspn(own, " "), own), e));
		FAILS_WITH(CONFLICT, "passes controllers on", cgroup_add(cg, other, e));
		FAILS(CONFLICT, cgroup_add_beside(cg, other, getpid(), e));
		OK(cgroup_add_beside(cg, other, init, e));
		OK(file_read(AT_FDCWD, arena_printf(&mem, "%s/init/deep/cgroup.procs", dir), &b, e));
		assert_non_null(strstr(buf_cstr(&b), arena_printf(&mem, "%d\n", (int)other)));
		OK(cgroup_kill(cg, SIGKILL, e));
	}
	OK(proc_wait(init, &status, e));
	OK(proc_wait(other, &status, e));
	buf_done(&b);
	finish(cg);
}

/* --- limits --- */

static bool has_controller(struct cgroup *cg, const char *controller)
{
	return strstr(content(cg, "", "cgroup.controllers"), controller) != NULL;
}

static const struct {
	const char *controller, *resources, *file, *want;
} limits[] = {
	{ "memory", "{\"memory\":{\"limit\":67108864}}", "memory.max", "67108864" },
	{ "memory", "{\"memory\":{\"limit\":-1}}", "memory.max", "max" },
	{ "memory", "{\"memory\":{\"reservation\":1048576}}", "memory.low", "1048576" },
	{ "cpu ", "{\"cpu\":{\"shares\":1024}}", "cpu.weight", "100" },
	{ "cpu ", "{\"cpu\":{\"quota\":50000}}", "cpu.max", "50000 100000" },
	{ "cpu ", "{\"cpu\":{\"quota\":-1,\"period\":50000}}", "cpu.max", "max 50000" },
	{ "pids", "{\"pids\":{\"limit\":12}}", "pids.max", "12" },
	{ "pids", "{\"pids\":{\"limit\":-1}}", "pids.max", "max" },
	{ "hugetlb", "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304}]}", "hugetlb.2MB.max", "4194304" },
	{ "", "{\"unified\":{\"cgroup.max.depth\":\"3\"}}", "cgroup.max.depth", "3" },
};

static void test_limits(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		struct cgroup *cg = make(arena_printf(&mem, "/%s/deep", name));

		if (has_controller(cg, limits[i].controller)) {
			OK(cgroup_set(cg, json_of(limits[i].resources), true, e));
			assert_string_equal(content(cg, "", limits[i].file), limits[i].want);
		} else {
			FAILS(UNSUPPORTED, cgroup_set(cg, json_of(limits[i].resources), true, e));
			assert_non_null(strstr(last.msg, limits[i].file));
		}
		cgroup_undo(cg);
		cgroup_close(cg);
	}
}

static void test_ignored(void **state)
{
	struct cgroup *cg = make(arena_printf(&mem, "/%s", name));

	OK(cgroup_set(cg, json_of("{\"memory\":{\"swappiness\":1,\"disableOOMKiller\":true,\"kernel\":5},"
				  "\"cpu\":{\"realtimePeriod\":1},\"network\":{\"classID\":1}}"), true, e));
	for (size_t i = 0; i < 5; i++)
		assert_non_null(cgroup_warning(cg, i));
	assert_null(cgroup_warning(cg, 5));
	FAILS_WITH(INVALID, "CONTROLLER.FILE", cgroup_set(cg, json_of("{\"unified\":{\"a/b.c\":\"1\"}}"), true, e));
	finish(cg);
}

/* --- devices --- */

/* Opens /dev/NAME in the cgroup; the errno. */
static int try_open(struct cgroup *cg, const char *dev)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		int procs = open(arena_printf(&mem, "%s/cgroup.procs", dir_of(cg, "")), O_WRONLY | O_CLOEXEC);

		if (procs < 0 || write(procs, "0", 1) != 1)
			_exit(255);
		_exit(open(dev, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void test_devices(void **state)
{
	static const char kmsg[] = "{\"devices\":[{\"allow\":false},{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":11}]}";
	static const char no_zero[] = "{\"devices\":[{\"allow\":true},{\"allow\":false,\"type\":\"c\",\"major\":1,\"minor\":11}]}";
	struct cgroup *cg = make(arena_printf(&mem, "/%s", name));
	int bare = try_open(cg, "/dev/kmsg");

	OK(cgroup_set(cg, NULL, true, e));
	assert_int_equal(try_open(cg, "/dev/zero"), 0);
	assert_int_equal(try_open(cg, "/dev/kmsg"), EPERM);
	OK(cgroup_set(cg, json_of(kmsg), false, e));
	assert_int_equal(try_open(cg, "/dev/kmsg"), bare);
	OK(cgroup_set(cg, json_of(no_zero), false, e));
	assert_int_equal(try_open(cg, "/dev/kmsg"), EPERM);
	assert_int_equal(try_open(cg, "/dev/zero"), 0);
	/* An update without a list leaves the program. */
	OK(cgroup_set(cg, json_of("{}"), false, e));
	assert_int_equal(try_open(cg, "/dev/kmsg"), EPERM);
	finish(cg);
}

static void test_stats(void **state)
{
	struct cgroup *cg = make(arena_printf(&mem, "/%s", name));
	struct json *stats = NULL;

	OK(cgroup_stats(cg, &mem, &stats, e));
	assert_int_equal(json_type(json_path(stats, "cpu.usage.user")), JSON_NUMBER);
	assert_int_equal(json_type(json_path(stats, "memory.usage.limit")), JSON_NUMBER);
	assert_int_equal(json_type(json_path(stats, "cpu.psi.full.total")), JSON_NUMBER);
	if (has_controller(cg, "hugetlb"))
		assert_int_equal(json_type(json_get(json_path(stats, "hugetlb.2MB"), "failcnt")), JSON_NUMBER);
	finish(cg);
}

static bool is_v2(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == CGROUP2_SUPER_MAGIC &&
	       access(path, W_OK) == 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_conversions), TEST(test_paths), TEST(test_clone_into), TEST(test_destroy_waits),
		TEST(test_freeze), TEST(test_joining), TEST(test_beside), TEST(test_limits), TEST(test_ignored), TEST(test_devices),
		TEST(test_stats),
	};

	root = is_v2("/sys/fs/cgroup") ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified";
	if (!is_v2(root)) {
		puts("1..0 # SKIP no cgroup v2 tree that can be written");
		return 0;
	}
	return cmocka_run_group_tests(tests, save_root, restore_root);
}
