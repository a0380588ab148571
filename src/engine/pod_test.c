/* pod_test.c - what a pod is called by its containers' states, and which flags of a container clash with it. */

#include "base/str.h"
#include "base/unit.h"
#include "engine/pod.h"

/* --- states --- */

static struct ctr running = { .status = CTR_RUNNING }, paused = { .status = CTR_RUNNING, .paused = true },
		  ended = { .status = CTR_EXITED }, made = { .status = CTR_CREATED };

static void test_state(void **state)
{
	static const struct {
		enum pod_status status;
		bool no_infra;
		struct ctr *v[3];
		const char *want;
	} t[] = {
		{ POD_CREATED, false, { NULL }, "Created" },
		{ POD_CREATED, false, { &made }, "Created" },
		{ POD_UP, false, { NULL }, "Running" },
		{ POD_UP, false, { &running, &running }, "Running" },
		{ POD_UP, false, { &running, &made }, "Degraded" },
		{ POD_UP, false, { &running, &paused }, "Degraded" },
		{ POD_UP, false, { &ended }, "Degraded" },
		{ POD_UP, true, { &ended }, "Exited" },
		{ POD_STOPPING, false, { &ended }, "Degraded" },
		{ POD_STARTING, false, { &ended }, "Exited" },
		{ POD_UP, false, { &paused, &paused }, "Paused" },
		{ POD_EXITED, false, { &ended, &made }, "Exited" },
		{ POD_EXITED, false, { NULL }, "Exited" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const struct pod p = { .status = t[i].status, .no_infra = t[i].no_infra };
		struct ctr *v[3];
		struct ctr_list l = { v, 0 };

		while (l.n < 3 && t[i].v[l.n]) {
			v[l.n] = t[i].v[l.n];
			l.n++;
		}
		assert_string_equal(pod_state(&p, &l), t[i].want);
	}
}

/* --- flags --- */

static const char *const some[] = { "x", NULL }, *const none_net[] = { "none", NULL }, *const other_net[] = { "container:x", NULL };

static void test_flags(void **state)
{
	const struct {
		unsigned share;
		struct run_request q;
		const char *word;       /* of the refusal; NULL: taken */
	} t[] = {
		{ POD_NET, { .publish = some }, "published" },
		{ POD_NET, { .publish_all = true }, "published" },
		{ POD_NET, { .expose = some }, "published" },
		{ POD_NET, { .networks = some }, "networks must" },
		{ POD_NET, { .networks = none_net }, NULL },
		{ POD_NET, { .networks = other_net }, NULL },
		{ POD_NET, { .ip6 = "fd00::1" }, "networks must" },
		{ POD_NET, { .network_aliases = some }, "networks must" },
		{ POD_NET, { .add_hosts = some }, "extra host" },
		{ POD_NET, { .dns = some }, NULL },
		{ POD_NET, { .hostname = "x" }, NULL },
		{ POD_UTS, { .hostname = "x" }, "cannot set hostname" },
		{ POD_UTS, { .hostname = "x", .uts_mode = "private" }, NULL },
		{ POD_IPC, { .publish = some, .networks = some, .add_hosts = some }, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const struct pod p = { .share = t[i].share };
		struct dv_err e = DV_ERR_NONE;
		int r = pod_check_flags(&p, &t[i].q, &e);

		assert_int_equal(r, t[i].word ? -DV_INVALID : 0);
		if (t[i].word)
			assert_non_null(strstr(e.msg, t[i].word));
	}
}

/* --- shared memory --- */

static void test_shm(void **state)
{
	static const struct {
		const char *pod;
		struct run_ns ns;
		const char *want;
	} t[] = {
		{ "abc", { .mode = RUN_NS_PATH, .path = "/run/davit/pods/abc/ipc" }, "/run/davit/pods/abc/shm" },
		{ "abc", { .mode = RUN_NS_PATH, .path = "/run/davit/pods/abd/ipc" }, NULL },
		{ "abc", { .mode = RUN_NS_PATH, .path = "/proc/1/ns/ipc" }, NULL },
		{ "abc", { .mode = RUN_NS_OWN }, NULL },
		{ NULL, { .mode = RUN_NS_PATH, .path = "/run/davit/pods/abc/ipc" }, NULL },
	};
	auto_arena struct arena a = { 0 };

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const struct run_request q = { .pod = t[i].pod };
		struct run_config c = { 0 };
		const char *got;

		c.ns[RUN_NS_IPC] = t[i].ns;
		got = pod_shm(&a, &q, &c);
		assert_true(t[i].want ? got && streq(got, t[i].want) : !got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_state), cmocka_unit_test(test_flags), cmocka_unit_test(test_shm) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
