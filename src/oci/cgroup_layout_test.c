/* cgroup_layout_test.c - odd layouts: what is read out of them, and how the driver goes on without what is missing. */
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "oci/cgroup_test.h"

#define SYS "/sys/fs/cgroup"

static char *dir;               /* a tree that only looks like cgroups */

static int make_tree(void **state)
{
	static const char *const dirs[] = { "cpu,cpuacct", "memory/docker/abc", "devices", "systemd", "net_cls", "unified" };
	char template[] = "/tmp/davit-cgroup-XXXXXX";

	set_up(state);
	if (!mkdtemp(template))
		return -1;
	dir = mem_str(template);
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		OK(file_mkdirs(AT_FDCWD, arena_printf(&mem, "%s/%s", dir, dirs[i]), 0755, NULL, e));
	return 0;
}

static int remove_tree(void **state)
{
	OK(file_remove_tree(AT_FDCWD, dir, e));
	free(dir);
	return tear_down(state);
}

static const struct {
	const char *self, *path;
	const char *want;       /* with ROOT for the directory; NULL: an error with `error` */
	const char *error;
} layouts[] = {
	{ "4:memory:/docker/abc\n2:cpu,cpuacct:/\n1:name=systemd:/x\n", NULL,
	  "{\"memory\":\"ROOT/memory/docker/abc/ID\",\"cpu\":\"ROOT/cpu,cpuacct/ID\",\"cpuacct\":\"ROOT/cpu,cpuacct/ID\","
	  "\"name=systemd\":\"ROOT/systemd/ID\"}" },
	/* Only the single name is there. */
	{ "3:net_cls,net_prio:/\n", "a", "{\"net_cls\":\"ROOT/net_cls/a\",\"net_prio\":\"ROOT/net_cls/a\"}" },
	/* Absolute: from the top, wherever we are. */
	{ "4:memory:/docker/abc\n", "/k8s/pod", "{\"memory\":\"ROOT/memory/k8s/pod\"}" },
	{ "4:memory:/docker/abc\n", "k8s/../pod", "{\"memory\":\"ROOT/memory/docker/abc/pod\"}" },
	{ "4:memory:/docker/abc\n", "../../../etc", "{\"memory\":\"ROOT/memory/docker/abc/etc\"}" },
	/* The mount shows less than we are told: nested, or outside of our cgroup namespace. */
	{ "4:memory:/host/only\n", "a", "{\"memory\":\"ROOT/memory/a\"}" },
	{ "4:memory:/../..\n", "a", "{\"memory\":\"ROOT/memory/a\"}" },
	/* A directory named "unified" is no v2 tree by that. */
	{ "5:devices:/\n0::/\n", "a", "{\"devices\":\"ROOT/devices/a\"}" },
	{ "", "a", "{}" },
	{ "5:devices:/\n", "/", NULL, "names the root" },
	{ "5:devices:/\n", "a/..", NULL, "names the root" },
	{ "rubbish\n", "a", NULL, "has the line \"rubbish\"" },
};

static void test_layouts(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
		struct cgroup_spec spec = { .path = layouts[i].path, .id = "ID" };
		struct cgroup *cg = NULL;
		char **parts;
		struct buf want = BUF_INIT(4096);
		size_t n;
		int r = cgroup_open_at(dir, layouts[i].self, &spec, &cg, &last);

		if (!layouts[i].want) {
			if (r >= 0 || !strstr(last.msg, layouts[i].error))
				fail_msg("%zu: %s", i, last.msg);
			continue;
		}
		if (r < 0)
			fail_msg("%zu: %s", i, last.msg);
		parts = str_split(&mem, layouts[i].want, 'R', &n);
		for (size_t k = 0; k < n; k++)
			buf_printf(&want, "%s%s", k ? dir : "", k ? parts[k] + 3 : parts[k]);
		assert_string_equal(json_text(&mem, cgroup_to_json(cg, &mem), JSON_COMPACT), buf_cstr(&want));
		buf_done(&want);
		cgroup_close(cg);
	}
}

/* Directories that are no cgroups: nothing stays behind, and limits are refused by name. */
static void test_fake(void **state)
{
	struct cgroup_spec spec = { .path = "/p/c", .id = "ID" };
	struct cgroup *cg = NULL;

	OK(cgroup_open_at(dir, "4:memory:/\n5:devices:/\n7:pids:/\n", &spec, &cg, e));
	OK(cgroup_create(cg, e));
	assert_int_equal(access(arena_printf(&mem, "%s/memory/p", dir), F_OK), -1);
	assert_non_null(strstr(cgroup_warning(cg, 0), "memory, devices"));
	assert_non_null(strstr(cgroup_warning(cg, 0), "not on a cgroup filesystem"));
	assert_non_null(strstr(cgroup_warning(cg, 1), "pids is not mounted"));
	assert_null(cgroup_warning(cg, 2));
	FAILS_WITH(UNSUPPORTED, "no memory cgroup", cgroup_set(cg, json_of("{\"memory\":{\"limit\":1}}"), true, e));
	FAILS_WITH(NOT_FOUND, "no pids cgroup", cgroup_set(cg, json_of("{\"pids\":{\"limit\":1}}"), true, e));
	FAILS_WITH(UNSUPPORTED, "no hugetlb controller",
		   cgroup_set(cg, json_of("{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1}]}"), true, e));
	FAILS_WITH(UNSUPPORTED, "device list", cgroup_set(cg, json_of("{\"devices\":[{\"allow\":false}]}"), true, e));
	OK(cgroup_set(cg, json_of("{}"), true, e));
	assert_non_null(strstr(cgroup_warning(cg, 2), "device rules are not enforced"));
	FAILS(UNSUPPORTED, cgroup_freeze(cg, e));
	OK(cgroup_add(cg, getpid(), e));
	OK(cgroup_kill(cg, 9, e));
	OK(cgroup_destroy(cg, 0, e));
	assert_string_equal(json_text(&mem, cgroup_to_json(cg, &mem), JSON_COMPACT), "{}");
	cgroup_close(cg);
}

static void test_disabled(void **state)
{
	struct cgroup_spec spec = { .manager = CGROUP_DISABLED, .path = "/a", .id = "ID" };
	struct cgroup *cg = NULL, *later = NULL;

	OK(cgroup_open(&spec, &cg, e));
	OK(cgroup_create(cg, e));
	assert_null(cgroup_warning(cg, 0));
	OK(cgroup_set(cg, json_of("{\"memory\":{\"limit\":1}}"), true, e));
	assert_non_null(strstr(cgroup_warning(cg, 0), "disabled"));
	OK(cgroup_add(cg, getpid(), e));
	assert_int_equal(cgroup_clone_fd(cg), -1);
	OK(cgroup_from_json(cgroup_to_json(cg, &mem), false, &later, e));
	assert_int_equal(cgroup_layout(later), CGROUP_NONE);
	OK(cgroup_set(later, json_of("{\"devices\":[]}"), false, e));
	OK(cgroup_destroy(later, 0, e));
	FAILS(INVALID, cgroup_from_json(json_of("{\"memory\":\"relative\"}"), false, &later, e));
	FAILS(INVALID, cgroup_from_json(json_of("{\"memory\":\"/sys/../etc\"}"), false, &later, e));
	FAILS(INVALID, cgroup_from_json(json_of("{\"memory\":1}"), false, &later, e));
	FAILS(INVALID, cgroup_from_json(json_of("[]"), false, &later, e));
	cgroup_close(later);
	cgroup_close(cg);
}

/* --- on the real trees, in a process of its own whose failures are its exit status --- */

static int in_child(int (*body)(void))
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(body());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static struct cgroup *must_open(bool rootless, const char *path)
{
	struct cgroup_spec spec = { .path = path, .id = name, .rootless = rootless };
	struct cgroup *cg = NULL;

	if (cgroup_open(&spec, &cg, &last) < 0)
		_exit(100);
	return cg;
}

/* A user to whom nothing is delegated. */
static int as_nobody(void)
{
	struct json *res = json_of("{\"pids\":{\"limit\":5}}");
	struct cgroup *cg = must_open(true, NULL);

	if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
		return 77;
	if (cgroup_create(cg, &last) < 0)
		return 1;
	if (!cgroup_warning(cg, 0) || !strstr(cgroup_warning(cg, 0), "Permission denied") || cgroup_warning(cg, 1))
		return 2;
	if (cgroup_set(cg, json_of("{\"devices\":[{\"allow\":false}]}"), true, &last) < 0)
		return 3;
	if (cgroup_set(cg, res, true, &last) != -DV_FORBIDDEN)
		return 4;
	if (cgroup_add(cg, getpid(), &last) < 0)
		return 5;
	cgroup_close(cg);
	/* A place asked for must be had. */
	cg = must_open(true, arena_printf(&mem, "/%s", name));
	return cgroup_create(cg, &last) == -DV_FORBIDDEN ? 0 : 6;
}

static void test_nobody(void **state)
{
	int r = in_child(as_nobody);

	if (r != 0 && r != 77)
		fail_msg("step %d", r);
}

static int own_mounts(void)
{
	return unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0;
}

/* Nothing at /sys/fs/cgroup although the kernel has hierarchies. */
static int unmounted(void)
{
	struct cgroup *cg;

	if (own_mounts() || mount("none", SYS, "tmpfs", 0, NULL) < 0)
		return 77;
	cg = must_open(false, arena_printf(&mem, "/%s", name));
	if (cgroup_create(cg, &last) < 0)
		return 1;
	if (cgroup_layout(cg) != CGROUP_NONE || !strstr(cgroup_warning(cg, 0), "no cgroup tree is mounted") ||
	    cgroup_warning(cg, 1))
		return 2;
	if (cgroup_set(cg, json_of("{\"devices\":[{\"allow\":false}]}"), true, &last) < 0)
		return 3;
	if (cgroup_set(cg, json_of("{\"pids\":{\"limit\":5}}"), true, &last) != -DV_UNSUPPORTED)
		return 4;
	if (cgroup_add(cg, getpid(), &last) < 0 || cgroup_destroy(cg, 0, &last) < 0)
		return 5;
	return 0;
}

static void test_unmounted(void **state)
{
	int r = in_child(unmounted);

	if (r != 0 && r != 77)
		fail_msg("step %d: %s", r, last.msg);
}

/* Every tree mounted read-only, as in many containers. */
static int read_only(void)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	struct cgroup *cg;

	if (own_mounts() || mount_setattr(AT_FDCWD, SYS, AT_RECURSIVE, &attr, sizeof attr) < 0)
		return 77;
	cg = must_open(false, arena_printf(&mem, "/%s", name));
	if (cgroup_create(cg, &last) < 0)
		return 1;
	if (!strstr(cgroup_warning(cg, 0), "Read-only file system") || cgroup_warning(cg, 1))
		return 2;
	if (cgroup_set(cg, json_of("{}"), true, &last) < 0)
		return 3;
	if (cgroup_set(cg, json_of("{\"pids\":{\"limit\":5}}"), true, &last) >= 0 || !strstr(last.msg, "pids.limit"))
		return 4;
	return cgroup_add(cg, getpid(), &last) < 0 ? 5 : 0;
}

static void test_read_only(void **state)
{
	int r = in_child(read_only);

	if (r != 0 && r != 77)
		fail_msg("step %d", r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_layouts, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_fake, make_tree, remove_tree),
		TEST(test_disabled), TEST(test_nobody), TEST(test_unmounted), TEST(test_read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
