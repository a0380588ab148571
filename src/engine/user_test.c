/* Users and groups by files that an image brought. */
#include "base/unit.h"
#include "engine/user.h"

static void put(int dir, const char *name, const char *text)
{
	struct dv_err e = DV_ERR_NONE;

	assert_ok(file_replace(dir, name, 0644, text, strlen(text), false, &e), &e);
}

static void test_find(void **state)
{
	static const struct {
		const char *text;
		unsigned uid, gid;
		size_t groups;
		const char *home;
	} good[] = {
		{ NULL, 0, 0, 1, "/root" },     { "", 0, 0, 1, "/root" },      { "root", 0, 0, 1, "/root" },
		{ "user", 1000, 1001, 1, "/h" }, { "1000", 1000, 1001, 1, "/h" }, { "77", 77, 0, 0, "/" },
		{ "user:staff", 1000, 50, 0, "/h" }, { "77:88", 77, 88, 0, "/" }, { "2147483647", 2147483647, 0, 0, "/" },
		{ "short", 5, 6, 0, "/" },
	};
	static const struct {
		const char *text;
		int kind;
	} bad[] = {
		{ "nobody", DV_NOT_FOUND }, { "user:nogroup", DV_NOT_FOUND }, { "1000:", DV_INVALID }, { "1:2:3", DV_INVALID },
		{ "2147483648", DV_INVALID }, { "1:2147483648", DV_INVALID }, { "99999999999999999999", DV_NOT_FOUND },
		{ "-1", DV_NOT_FOUND }, { "huge", DV_NOT_FOUND },
	};
	struct unit_tmp t;
	auto_arena struct arena a;

	arena_init(&a, 0);
	unit_tmp_new(&t);
	assert_int_equal(mkdirat(t.fd, "etc", 0755), 0);
	put(t.fd, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nbroken line\nhuge:x:99999999999:1:::\n"
				"user:x:1000:1001:u:/h:/bin/sh\nshort:x:5:6\n");
	put(t.fd, "etc/group", "root:x:0:\nadm:x:4:root\nstaff:x:50:user,other\n");
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct dv_err e = DV_ERR_NONE;
		struct user u;

		assert_ok(user_find(&a, t.fd, good[i].text, &u, &e), &e);
		assert_int_equal(u.uid, good[i].uid);
		assert_int_equal(u.gid, good[i].gid);
		assert_int_equal(u.n_groups, good[i].groups);
		assert_string_equal(u.home, good[i].home);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct user u;

		assert_int_equal(user_find(&a, t.fd, bad[i].text, &u, NULL), -bad[i].kind);
	}
	unit_tmp_done(&t);
}

/* No files: numbers go, names do not. Links out of the root stay inside it; what is no file is refused. */
static void test_foreign(void **state)
{
	struct unit_tmp t;
	struct user u;
	struct dv_err e = DV_ERR_NONE;
	auto_arena struct arena a;

	arena_init(&a, 0);
	unit_tmp_new(&t);
	assert_ok(user_find(&a, t.fd, "12:13", &u, &e), &e);
	assert_int_equal(u.gid, 13);
	assert_fails(user_find(&a, t.fd, "root", &u, &e), NOT_FOUND);
	assert_int_equal(mkdirat(t.fd, "etc", 0755), 0);
	assert_int_equal(symlinkat("../../../../../../etc/passwd", t.fd, "etc/group"), 0);
	assert_int_equal(mknodat(t.fd, "etc/passwd", S_IFIFO | 0644, 0), 0);
	assert_fails(user_find(&a, t.fd, "0", &u, &e), INVALID);
	assert_int_equal(unlinkat(t.fd, "etc/passwd", 0), 0);
	assert_int_equal(symlinkat("/../../etc/shadow-of-host", t.fd, "etc/passwd"), 0);
	assert_fails(user_find(&a, t.fd, "daemon", &u, &e), NOT_FOUND);
	unit_tmp_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_find), cmocka_unit_test(test_foreign) };

	return unit_run(tests);
}
