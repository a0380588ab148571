/* Names, environment, capabilities, binds: what a request says. */
#include "base/unit.h"
#include "base/str.h"
#include "engine/anatomy.h"
#include "engine/ctr.h"
#include "engine/request.h"

static void test_names(void **state)
{
	static const char *const good[] = { "ab", "a1", "A_b.c-d", "0x" };
	static const char *const bad[] = { "", "a", "-ab", ".ab", "_ab", "a b", "a/b", "\xc3\xa4""b", "a\n" };
	auto_arena struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(ctr_check_name(good[i], NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_fails(ctr_check_name(bad[i], NULL), INVALID);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(ctr_check_name(ctr_random_name(&a, i), NULL), 0);
}

static void test_env(void **state)
{
	static const char *const defaults[] = { "PATH=/d", "A=d", NULL };
	static const char *const user[] = { "A=user", "EMPTY=", "IMAGE=x=y", "ENGINE_TEST_OWN", "ENGINE_TEST_NONE", NULL };
	static const char *const want[] = { "PATH=/d", "A=user", "IMAGE=x=y", "EMPTY=", "ENGINE_TEST_OWN=1", NULL };
	static const char *const bad[] = { "=x", NULL };
	struct run_request q = { .env = user };
	struct dv_err e = DV_ERR_NONE;
	auto_arena struct arena a;
	struct json *image;
	const char **env;

	arena_init(&a, 0);
	image = json_new_array(&a);
	json_append(&a, image, json_new_str(&a, "IMAGE=i"));
	json_append(&a, image, json_new_str(&a, "ENGINE_TEST_NONE=i"));
	(void)setenv("ENGINE_TEST_OWN", "1", 1);
	(void)unsetenv("ENGINE_TEST_NONE");
	assert_ok(env_merge(&a, defaults, image, &q, &env, &e), &e);
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		want[i] ? assert_string_equal(env[i], want[i]) : assert_null(env[i]);
	q.env = bad;
	assert_fails(env_merge(&a, defaults, NULL, &q, &env, NULL), INVALID);
}

#define ALL UINT64_C(0x1ffffffffff)

static void test_caps(void **state)
{
	static const char *const all[] = { "all", NULL }, *const admin[] = { "CAP_SYS_ADMIN", NULL }, *const chown_[] = { "chown", NULL },
			  *const junk[] = { "nosuch", NULL };
	static const struct {
		const char *const *add, *const *drop;
		uint64_t available, want;
	} rows[] = {
		{ NULL, NULL, ALL, 0xa80405fb },          { NULL, all, ALL, 0 },
		{ chown_, all, ALL, 1 },                  { admin, NULL, ALL, 0xa80405fb | 1 << 21 },
		{ NULL, chown_, ALL, 0xa80405fa },        { all, chown_, ALL, ALL & ~UINT64_C(1) },
		{ NULL, NULL, 0xff, 0xfb },               { all, NULL, 0xff, 0xff },
	};
	uint64_t got;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct run_request q = { .cap_add = rows[i].add, .cap_drop = rows[i].drop };
		struct dv_err e = DV_ERR_NONE;

		assert_ok(caps_choose(&q, rows[i].available, &got, &e), &e);
		assert_int_equal(got, rows[i].want);
	}
	assert_fails(caps_choose(&(struct run_request){ .cap_add = junk }, ALL, &got, NULL), INVALID);
	assert_fails(caps_choose(&(struct run_request){ .cap_add = admin }, 0xff, &got, NULL), INVALID);
	assert_int_equal(caps_choose(&(struct run_request){ .privileged = true }, 0xff, &got, NULL), 0);
	assert_int_equal(got, 0xff);
}

static void test_mount_line(void **state)
{
	auto_arena struct arena a;
	struct json *m;

	arena_init(&a, 0);
	m = anatomy_mount_line(&a, "36 35 98:0 /root\\040x /a\\134b ro,nosuid master:1 shared:2 - ext4 /dev/x rw");
	assert_non_null(m);
	assert_string_equal(json_str(json_get(m, "Root")), "/root x");
	assert_string_equal(json_str(json_get(m, "Target")), "/a\\b");
	assert_string_equal(json_str(json_get(m, "Type")), "ext4");
	assert_string_equal(json_str(json_get(m, "Options")), "ro,nosuid");
	assert_null(anatomy_mount_line(&a, ""));
	assert_null(anatomy_mount_line(&a, "1 2 3 4 5 6 7 8 9"));
	assert_null(anatomy_mount_line(&a, "36 35 98:0 / / rw - ext4"));
}

static void test_json(void **state)
{
	static const char *const env[] = { "A=1", "B=", NULL };
	const struct run_request q = { .image = "bb", .env = env, .rm = true, .memory_swap = { true, -1 },
				       .memory_swappiness = { true, 0 } };
	struct run_request got;
	struct dv_err e = DV_ERR_NONE;
	auto_arena struct arena a;
	struct json *j;

	arena_init(&a, 0);
	j = request_to_json(&a, &q);
	assert_string_equal(json_text(&a, j, JSON_COMPACT),
			    "{\"image\":\"bb\",\"rm\":true,\"env\":[\"A=1\",\"B=\"],\"memory_swap\":-1,"
			    "\"memory_swappiness\":0}");
	assert_ok(request_of_json(&a, j, &got, &e), &e);
	assert_string_equal(got.image, "bb");
	assert_string_equal(got.env[1], "B=");
	assert_true(got.rm && !got.tty && got.memory_swappiness.set && !got.memory.set && got.memory_swap.v == -1);
	json_set(&a, j, "env", json_new_str(&a, "A=1"));
	assert_fails(request_of_json(&a, j, &got, NULL), INVALID);
}

/* After this the request says the same wherever and whenever it is read. */
static void test_resolve(void **state)
{
	static const char *const env[] = { "ENGINE_TEST_OW*", "ENGINE_TEST_NONE", "X=1", NULL }, *const gone[] = { "Y", NULL };
	struct run_request q = { .env = env, .unset_env = gone };
	struct dv_err e = DV_ERR_NONE;
	auto_arena struct arena a;

	arena_init(&a, 0);
	(void)setenv("ENGINE_TEST_OWN", "1", 1);
	(void)unsetenv("ENGINE_TEST_NONE");
	assert_ok(request_resolve(&a, &q, &e), &e);
	assert_string_equal(q.env[0], "ENGINE_TEST_OWN=1");
	assert_string_equal(q.env[1], "X=1");
	assert_null(q.env[2]);
	assert_string_equal(q.unset_env[0], "Y");
	assert_string_equal(q.unset_env[1], "ENGINE_TEST_NONE");
	assert_null(q.unset_env[2]);
}

/* More than the room to begin with. */
static void test_many(void **state)
{
	const char *env[301] = { NULL };
	struct run_request q = { .env = env };
	const char **got, **gone;
	struct dv_err e = DV_ERR_NONE;
	auto_arena struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < 300; i++)
		env[i] = arena_printf(&a, "K%zu=v", i);
	assert_ok(env_resolve(&a, &q, &got, &gone, &e), &e);
	for (size_t i = 0; i < 300; i++)
		assert_string_equal(got[i], env[i]);
	assert_null(got[300]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_names), cmocka_unit_test(test_env), cmocka_unit_test(test_caps),
					    cmocka_unit_test(test_mount_line), cmocka_unit_test(test_json),
					    cmocka_unit_test(test_resolve), cmocka_unit_test(test_many) };

	return unit_run(tests);
}
