/* cgroup_test.c - the driver on the real trees of this machine: life, limits, devices, freezer. */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "oci/cgroup_test.h"

#define ROOT "/sys/fs/cgroup"

static const char *have_v1(const char *controller)
{
	const char *dir = arena_printf(&mem, ROOT "/%s/cgroup.procs", controller);

	return access(dir, W_OK) == 0 ? dir : NULL;
}

static struct cgroup *make(const char *path)
{
	struct cgroup_spec spec = { .path = path, .id = name };
	struct cgroup *cg = NULL;

	OK(cgroup_open(&spec, &cg, e));
	OK(cgroup_create(cg, e));
	return cg;
}

static void test_life(void **state)
{
	struct cgroup *cg = make(NULL);
	struct json *paths = cgroup_to_json(cg, &mem);
	pid_t pid = idle_process(), *pids = NULL;
	int status;
	size_t n = 0;

	assert_true(json_len(paths) > 0);
	for (JSON_EACH(it, paths))
		assert_int_equal(access(json_str(it.value), F_OK), 0);
	OK(cgroup_add(cg, pid, e));
	OK(cgroup_pids(cg, &mem, &pids, &n, e));
	assert_int_equal(n, 1);
	assert_int_equal(pids[0], pid);
	FAILS(TIMEOUT, cgroup_destroy(cg, 20, e));
	OK(cgroup_kill(cg, SIGKILL, e));
	OK(proc_wait(pid, &status, e));
	assert_int_equal(proc_exit_code(status), 128 + SIGKILL);
	OK(cgroup_destroy(cg, 2000, e));
	assert_false(cgroup_exists(cg));
	for (JSON_EACH(it, paths))
		assert_int_equal(access(json_str(it.value), F_OK), -1);
	OK(cgroup_destroy(cg, 0, e));
	cgroup_close(cg);
}

/* state.json gives another command the same cgroup; what the container made inside goes too. */
static void test_later_command(void **state)
{
	struct cgroup *cg = make(arena_printf(&mem, "/%s/a/b", name)), *later = NULL;
	pid_t pid = idle_process();
	bool frozen = false;
	int status;

	OK(cgroup_add(cg, pid, e));
	OK(cgroup_from_json(cgroup_to_json(cg, &mem), false, &later, e));
	assert_true(json_equal(cgroup_to_json(cg, &mem), cgroup_to_json(later, &mem)));
	assert_int_equal(cgroup_layout(cg), cgroup_layout(later));
	/* An empty cpuset of v1 takes no process, so the child is for the others. */
	for (JSON_EACH(it, cgroup_to_json(cg, &mem)))
		OK(file_mkdirs(AT_FDCWD, arena_printf(&mem, "%s/in/side", json_str(it.value)), 0755, NULL, e));
	OK(cgroup_add_below(later, pid, have_v1("pids") ? "pids,devices" : NULL, "/in", e));
	FAILS(FORBIDDEN, cgroup_add_below(later, pid, NULL, "../..", e));
	FAILS(NOT_FOUND, cgroup_add_below(later, pid, NULL, "absent", e));
	FAILS(UNSUPPORTED, cgroup_add_below(later, pid, "nonesuch", "in", e));
	OK(cgroup_freeze(later, e));
	OK(cgroup_frozen(cg, &frozen, e));
	assert_true(frozen);
	OK(cgroup_kill(later, SIGKILL, e));
	OK(proc_wait(pid, &status, e));
	OK(cgroup_destroy(later, 2000, e));
	cgroup_close(later);
	/* Whoever made the parents removes them. */
	cgroup_undo(cg);
	for (JSON_EACH(it, cgroup_to_json(cg, &mem)))
		assert_int_equal(access(arena_printf(&mem, "%.*s", (int)(strlen(json_str(it.value)) - 4),
						     json_str(it.value)), F_OK), -1);
	cgroup_close(cg);
}

/* A process that never stops forking once it is continued. */
static pid_t forker(void)
{
	static char sh[] = "sh", c[] = "-c", script[] = "kill -STOP $$; while :; do (sleep 1000 & (exit 0)) ; done";
	static char *const argv[] = { sh, c, script, NULL };
	struct proc_spawn s = { .path = "sh", .search = true, .argv = argv };
	pid_t pid = -1;
	int status;

	OK(proc_spawn(&s, &pid, NULL, e));
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	return pid;
}

/* The same cgroups as on a machine that has no v2 tree: no cgroup.kill, no events. */
static struct cgroup *v1_only(struct cgroup *cg)
{
	struct json *paths = cgroup_to_json(cg, &mem);
	struct cgroup *v1 = NULL;

	json_del(paths, "");
	OK(cgroup_from_json(paths, false, &v1, e));
	assert_int_equal(cgroup_layout(v1), CGROUP_V1);
	return v1;
}

static void test_v1_only(void **state)
{
	struct cgroup *cg = make(arena_printf(&mem, "/%s", name)), *v1;
	bool frozen = false;
	pid_t pid;
	int status;

	if (!have_v1("freezer") || !have_v1("pids")) {
		OK(cgroup_destroy(cg, 0, e));
		cgroup_close(cg);
		return;
	}
	v1 = v1_only(cg);
	OK(cgroup_set(v1, json_of("{\"pids\":{\"limit\":200}}"), false, e));
	/* Signals wait while it is paused, SIGKILL does not. */
	pid = idle_process();
	OK(cgroup_add(v1, pid, e));
	OK(cgroup_freeze(v1, e));
	OK(cgroup_kill(v1, SIGTERM, e));
	OK(cgroup_frozen(v1, &frozen, e));
	assert_true(frozen);
	FAILS(TIMEOUT, cgroup_destroy(v1, 10, e));
	OK(cgroup_thaw(v1, e));
	OK(proc_wait(pid, &status, e));
	assert_int_equal(proc_exit_code(status), 128 + SIGTERM);
	pid = idle_process();
	OK(cgroup_add(v1, pid, e));
	OK(cgroup_freeze(v1, e));
	OK(cgroup_kill(v1, SIGKILL, e));
	OK(proc_wait(pid, &status, e));
	/* All at once, however fast they multiply. */
	pid = forker();
	OK(cgroup_add(cg, pid, e));
	kill(pid, SIGCONT);
	while (strlen(content(cg, "pids", "pids.current")) < 2)
		sched_yield();
	OK(cgroup_kill(v1, SIGKILL, e));
	OK(cgroup_destroy(v1, 10000, e));
	OK(proc_wait(pid, &status, e));
	assert_int_equal(proc_exit_code(status), 128 + SIGKILL);
	OK(cgroup_destroy(cg, 10000, e));
	cgroup_close(v1);
	cgroup_close(cg);
}

/* What cannot be made leaves nothing, in no tree. A name with a newline is refused by the kernel. */
static void test_undo(void **state)
{
	struct cgroup_spec spec = { .path = arena_printf(&mem, "/%s/b/\n/d", name), .id = name };
	struct cgroup *cg = NULL;
	struct json *paths;

	OK(cgroup_open(&spec, &cg, e));
	paths = cgroup_to_json(cg, &mem);
	FAILS_WITH(INVALID, "cgroup: make /sys/fs/cgroup/", cgroup_create(cg, e));
	for (JSON_EACH(it, paths))
		assert_int_equal(access(arena_strn(&mem, json_str(it.value), strlen(json_str(it.value)) - 6), F_OK), -1);
	cgroup_close(cg);
}

/* --- limits --- */

static const struct limit_case {
	const char *resources;
	const char *controller, *file, *want;       /* want NULL: an error of `kind` with the text `file` */
	enum dv_kind kind;
} limit_cases[] = {
	{ "{\"memory\":{\"limit\":67108864}}", "memory", "memory.limit_in_bytes", "67108864" },
	{ "{\"memory\":{\"limit\":67108864,\"swap\":134217728}}", "memory", "memory.memsw.limit_in_bytes", "134217728" },
	{ "{\"memory\":{\"reservation\":33554432}}", "memory", "memory.soft_limit_in_bytes", "33554432" },
	{ "{\"memory\":{\"swappiness\":10}}", "memory", "memory.swappiness", "10" },
	{ "{\"memory\":{\"useHierarchy\":true}}", "memory", "memory.use_hierarchy", "1" },
	{ "{\"cpu\":{\"shares\":512}}", "cpu", "cpu.shares", "512" },
	{ "{\"cpu\":{\"quota\":50000,\"period\":200000}}", "cpu", "cpu.cfs_quota_us", "50000" },
	{ "{\"cpu\":{\"quota\":50000,\"period\":200000}}", "cpu", "cpu.cfs_period_us", "200000" },
	{ "{\"cpu\":{\"burst\":10000,\"quota\":50000}}", "cpu", "cpu.cfs_burst_us", "10000" },
	{ "{\"cpu\":{\"idle\":1}}", "cpu", "cpu.idle", "1" },
	{ "{\"cpu\":{\"cpus\":\"0\",\"mems\":\"0\"}}", "cpuset", "cpuset.cpus", "0" },
	{ "{\"pids\":{\"limit\":17}}", "pids", "pids.max", "17" },
	{ "{\"pids\":{\"limit\":-1}}", "pids", "pids.max", "max" },
	{ "{\"pids\":{\"limit\":0}}", "pids", "pids.max", "max" },
	{ "{\"memory\":{\"limit\":-5}}", "memory", "cgroup: write \"-5\" to memory.limit_in_bytes: Invalid argument",
	  NULL, DV_INVALID },
	{ "{\"memory\":{\"swappiness\":101}}", "memory", "swappiness", NULL, DV_INVALID },
	{ "{\"cpu\":{\"shares\":1}}", "cpu", "minimum allowed cpu-shares is 2", NULL, DV_INVALID },
	{ "{\"cpu\":{\"shares\":262145}}", "cpu", "maximum allowed cpu-shares is 262144", NULL, DV_INVALID },
	{ "{\"cpu\":{\"cpus\":\"x\"}}", "cpuset", "write \"x\" to cpuset.cpus", NULL, DV_INVALID },
	{ "{\"cpu\":{\"quota\":1}}", "cpu", "write \"1\" to cpu.cfs_quota_us: Invalid argument", NULL, DV_INVALID },
	{ "{\"hugepageLimits\":[{\"pageSize\":\"../x\",\"limit\":1}]}", "hugetlb", "no page size", NULL, DV_INVALID },
	{ "{\"rdma\":{\"mlx\":{\"hcaHandles\":1}}}", "rdma", "no rdma controller", NULL, DV_UNSUPPORTED },
	{ "{\"network\":{\"classID\":1}}", "net_cls", "no net_cls controller", NULL, DV_UNSUPPORTED },
	{ "{\"pids\":{\"limit\":\"many\"}}", "pids", "linux.resources.pids.limit", NULL, DV_INVALID },
	{ "{\"unified\":{\"../memory.max\":\"1\"}}", "", "unified", NULL, DV_INVALID },
	{ "{\"unified\":{\"memory.nonesuch\":\"1\"}}", "", "controller \"memory\" is not available", NULL, DV_UNSUPPORTED },
	{ "{\"devices\":[{\"allow\":true,\"type\":\"x\"}]}", "devices", "linux.resources.devices[0].type", NULL, DV_INVALID },
	{ "{\"devices\":[{\"allow\":true,\"type\":\"c\",\"access\":\"rx\"}]}", "devices", "access", NULL, DV_INVALID },
};

static void limit_case(const struct limit_case *c)
{
	struct cgroup *cg = make(arena_printf(&mem, "/%s", name));

	if (c->want) {
		OK(cgroup_set(cg, json_of(c->resources), true, e));
		assert_string_equal(content(cg, c->controller, c->file), c->want);
	} else if (cgroup_set(cg, json_of(c->resources), true, &last) != -(int)c->kind || !strstr(last.msg, c->file)) {
		fail_msg("%s: %s: %s", c->resources, dv_kind_name(last.kind), last.msg);
	}
	OK(cgroup_destroy(cg, 0, e));
	cgroup_close(cg);
}

static void test_limits(void **state)
{
	bool all_v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;

	for (size_t i = 0; i < ARRAY_LEN(limit_cases); i++) {
		const struct limit_case *c = &limit_cases[i];

		/* A machine with other controllers sees other errors, and other files on v2. */
		if (c->kind == DV_UNSUPPORTED ? all_v2 || have_v1(c->controller) : *c->controller && !have_v1(c->controller))
			continue;
		limit_case(c);
	}
}

/* Raising and lowering in any order, although the kernel wants limit <= memory+swap at every step. */
static void test_limits_change(void **state)
{
	static const struct {
		const char *limit, *swap;
	} steps[] = { { "67108864", "67108864" }, { "268435456", "536870912" }, { "33554432", "67108864" },
		      { "-1", "-1" }, { "67108864", "134217728" } };
	struct cgroup *cg;

	if (!have_v1("memory"))
		return;
	cg = make(arena_printf(&mem, "/%s", name));
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		OK(cgroup_set(cg, json_of(arena_printf(&mem, "{\"memory\":{\"limit\":%s,\"swap\":%s}}", steps[i].limit,
						       steps[i].swap)), false, e));
		if (*steps[i].limit == '-')
			continue;
		assert_string_equal(content(cg, "memory", "memory.limit_in_bytes"), steps[i].limit);
		assert_string_equal(content(cg, "memory", "memory.memsw.limit_in_bytes"), steps[i].swap);
	}
	OK(cgroup_set(cg, json_of("{\"cpu\":{\"quota\":50000,\"burst\":40000}}"), false, e));
	OK(cgroup_set(cg, json_of("{\"cpu\":{\"quota\":20000,\"burst\":10000}}"), false, e));
	assert_string_equal(content(cg, "cpu", "cpu.cfs_burst_us"), "10000");
	OK(cgroup_destroy(cg, 0, e));
	cgroup_close(cg);
}

/* The default list as the kernel shows it, a change of it, and everything allowed. */
static void test_devices(void **state)
{
	static const char defaults[] = "c *:* m\nb *:* m\nc 1:3 rwm\nc 1:8 rwm\nc 1:7 rwm\nc 5:0 rwm\n"
				       "c 1:5 rwm\nc 1:9 rwm\nc 136:* rwm\nc 5:2 rwm\nc 10:200 rwm";
	struct cgroup *cg;

	if (!have_v1("devices"))
		return;
	cg = make(arena_printf(&mem, "/%s", name));
	OK(cgroup_set(cg, NULL, true, e));
	assert_string_equal(content(cg, "devices", "devices.list"), defaults);
	OK(cgroup_set(cg, json_of("{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"
				  "{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229,\"access\":\"rw\"}]}"), false, e));
	assert_string_equal(content(cg, "devices", "devices.list"), arena_printf(&mem, "%s\nc 10:229 rw", defaults));
	OK(cgroup_set(cg, json_of("{\"pids\":{\"limit\":5}}"), false, e));
	assert_non_null(strstr(content(cg, "devices", "devices.list"), "10:229"));
	FAILS(UNSUPPORTED, cgroup_set(cg, json_of("{\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":10},"
				  "{\"allow\":false,\"type\":\"c\",\"major\":10,\"minor\":229}]}"), false, e));
	assert_non_null(strstr(last.msg, "deny c 10:229 rwm"));
	OK(cgroup_set(cg, json_of("{\"devices\":[]}"), false, e));
	assert_string_equal(content(cg, "devices", "devices.list"), defaults);
	OK(cgroup_set(cg, json_of("{\"devices\":[{\"allow\":true}]}"), false, e));
	assert_string_equal(content(cg, "devices", "devices.list"), "a *:* rwm");
	OK(cgroup_destroy(cg, 0, e));
	cgroup_close(cg);
}

static void test_refusals(void **state)
{
	struct cgroup_spec spec = { .path = arena_printf(&mem, "/%s", name), .id = name };
	struct cgroup *cg = make(spec.path), *other = NULL;
	pid_t pid = idle_process();
	int status;

	OK(cgroup_add(cg, pid, e));
	OK(cgroup_open(&spec, &other, e));
	FAILS(CONFLICT, cgroup_create(other, e));
	assert_non_null(strstr(last.msg, "is not empty"));
	assert_true(cgroup_exists(cg));
	OK(cgroup_kill(cg, SIGKILL, e));
	OK(proc_wait(pid, &status, e));
	/* Empty, it is taken over. */
	OK(cgroup_create(other, e));
	FAILS(NOT_FOUND, cgroup_add(other, pid, e));
	OK(cgroup_destroy(other, 2000, e));
	cgroup_close(other);
	cgroup_close(cg);
	spec.path = "/..";
	FAILS(INVALID, cgroup_open(&spec, &other, e));
}

/* --- statistics, out of memory --- */

static uint64_t stat_u64(const struct json *stats, const char *path)
{
	uint64_t v = UINT64_MAX;

	(void)json_u64(json_path(stats, path), &v);
	return v;
}

static void test_stats(void **state)
{
	struct cgroup *cg = make(arena_printf(&mem, "/%s", name));
	struct json *stats = NULL;
	pid_t pid = idle_process();
	int status;

	OK(cgroup_set(cg, json_of("{\"memory\":{\"limit\":67108864},\"pids\":{\"limit\":33}}"), true, e));
	OK(cgroup_add(cg, pid, e));
	OK(cgroup_stats(cg, &mem, &stats, e));
	assert_int_equal(stat_u64(stats, "pids.current"), 1);
	assert_int_equal(stat_u64(stats, "pids.limit"), 33);
	assert_int_equal(stat_u64(stats, "memory.usage.limit"), 67108864);
	assert_int_equal(stat_u64(stats, "memory.usage.failcnt"), 0);
	assert_int_not_equal(stat_u64(stats, "cpu.usage.user"), UINT64_MAX);
	assert_non_null(json_path(stats, "cpu.throttling"));
	assert_non_null(json_get(stats, "blkio"));
	assert_int_equal(json_type(json_get(stats, "hugetlb")), JSON_OBJECT);
	if (cgroup_layout(cg) == CGROUP_HYBRID) {
		assert_int_equal(stat_u64(stats, "memory.raw.hierarchical_memory_limit"), 67108864);
		assert_int_equal(json_len(json_path(stats, "cpu.usage.percpu")),
				 json_len(json_path(stats, "cpu.usage.percpu_user")));
		assert_true(json_len(json_path(stats, "cpuset.cpus")) > 0);
		assert_int_equal(json_type(json_path(stats, "cpu.psi.some.avg10")), JSON_NUMBER);
	}
	OK(cgroup_kill(cg, SIGKILL, e));
	OK(proc_wait(pid, &status, e));
	OK(cgroup_destroy(cg, 2000, e));
	FAILS(NOT_FOUND, cgroup_stats(cg, &mem, &stats, e));
	cgroup_close(cg);
}

/* Joins by itself, so that no page is charged elsewhere, and takes more than it may have. */
static pid_t hog(const char *procs)
{
	pid_t pid = fork();
	char *p;
	int fd;

	if (pid)
		return pid;
	fd = open(procs, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(1);
	p = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; p != MAP_FAILED && i < 64 << 20; i += 4096)
		p[i] = 1;
	_exit(0);
}

static void test_oom(void **state)
{
	struct cgroup *cg = make(arena_printf(&mem, "/%s", name));
	struct cgroup_oom *w = NULL;
	struct pollfd p = { .events = POLLIN };
	uint64_t kills = 99;
	bool v2;
	pid_t pid;
	int status;

	if (cgroup_layout(cg) != CGROUP_V2 && !have_v1("memory")) {
		FAILS(UNSUPPORTED, cgroup_oom_open(cg, &w, e));
		OK(cgroup_destroy(cg, 0, e));
		cgroup_close(cg);
		return;
	}
	OK(cgroup_set(cg, json_of("{\"memory\":{\"limit\":8388608,\"swap\":8388608}}"), true, e));
	OK(cgroup_oom_open(cg, &w, e));
	p.fd = cgroup_oom_fd(w);
	OK(cgroup_oom_read(w, &kills, e));
	assert_int_equal(kills, 0);
	pid = hog(arena_printf(&mem, "%s/cgroup.procs", dir_of(cg, cgroup_layout(cg) == CGROUP_V2 ? "" : "memory")));
	OK(proc_wait(pid, &status, e));
	assert_int_equal(proc_exit_code(status), 128 + SIGKILL);
	assert_int_equal(poll(&p, 1, 5000), 1);
	OK(cgroup_oom_read(w, &kills, e));
	assert_int_equal(kills, 1);
	OK(cgroup_oom_read(w, &kills, e));
	assert_int_equal(kills, 0);
	v2 = cgroup_layout(cg) == CGROUP_V2;
	OK(cgroup_destroy(cg, 2000, e));
	/* Kernels do not always tell of the end of a v2 group. */
	if (!v2)
		assert_int_equal(poll(&p, 1, 5000), 1);
	FAILS(NOT_FOUND, cgroup_oom_read(w, &kills, e));
	cgroup_oom_close(w);
	cgroup_close(cg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_life), TEST(test_later_command), TEST(test_undo), TEST(test_v1_only), TEST(test_limits), TEST(test_limits_change),
		TEST(test_devices), TEST(test_refusals), TEST(test_stats), TEST(test_oom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
