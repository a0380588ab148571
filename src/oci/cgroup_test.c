/* cgroup_test.c - the driver on the real trees of this machine: life, limits, devices, freezer. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "oci/cgroup.h"

#define ROOT "/sys/fs/cgroup"

static char name[64];
static struct arena mem;

static void ok_(int r, const struct dv_err *e, const char *what, int line)
{
	if (r < 0)
		fail_msg("line %d: %s: %s", line, what, e->msg);
}
#define OK(call) do { struct dv_err e_ = DV_ERR_NONE, *e = &e_; ok_(call, e, #call, __LINE__); } while (0)
#define FAILS(kind, call) do { \
	struct dv_err *e = &last; \
	*e = DV_ERR_NONE; \
	int r_ = call; \
	if (r_ != -DV_##kind) \
		fail_msg("line %d: %s: %d: %s", __LINE__, #call, r_, e->msg); \
} while (0)
static struct dv_err last;

static int set_up(void **state)
{
	arena_init(&mem, 0);
	return 0;
}

static int tear_down(void **state)
{
	arena_done(&mem);
	return 0;
}

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

static struct json *json_of(const char *text)
{
	struct json *j = NULL;

	OK(json_parse(&mem, text, strlen(text), &j, e));
	return j;
}

static const char *dir_of(struct cgroup *cg, const char *controller)
{
	return json_str(json_get(cgroup_to_json(cg, &mem), controller));
}

static const char *content(struct cgroup *cg, const char *controller, const char *file)
{
	struct buf b = BUF_INIT(65536);
	const char *dir = dir_of(cg, controller), *text;

	if (!dir)
		return "(no cgroup)";
	OK(file_read(AT_FDCWD, arena_printf(&mem, "%s/%s", dir, file), &b, e));
	text = arena_strn(&mem, buf_cstr(&b), b.len && b.p[b.len - 1] == '\n' ? b.len - 1 : b.len);
	buf_done(&b);
	return text;
}

static pid_t spawn(void)
{
	static char sleep_[] = "sleep", long_[] = "1000";
	static char *const argv[] = { sleep_, long_, NULL };
	struct proc_spawn s = { .path = "sleep", .search = true, .argv = argv };
	pid_t pid = -1;

	OK(proc_spawn(&s, &pid, NULL, e));
	return pid;
}

static void test_life(void **state)
{
	struct cgroup *cg = make(NULL);
	struct json *paths = cgroup_to_json(cg, &mem);
	pid_t pid = spawn(), *pids = NULL;
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
	pid_t pid = spawn();
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
	for (size_t i = 0; i < ARRAY_LEN(limit_cases); i++) {
		const struct limit_case *c = &limit_cases[i];

		/* A machine with other controllers sees other errors. */
		if (c->want ? !have_v1(c->controller) : c->kind == DV_UNSUPPORTED && have_v1(c->controller))
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
				       "c 1:5 rwm\nc 1:9 rwm\nc 136:* rwm\nc 5:2 rwm";
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
	pid_t pid = spawn();
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_later_command, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limits_change, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_devices, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
	};

	(void)snprintf(name, sizeof name, "davit-test-%d", (int)getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
