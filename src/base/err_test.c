/* err_test.c - kinds, messages that are cut, wrapped, or made of themselves. */
#include <errno.h>

#include <string.h>

#include "base/errtext.h"
#include "base/unit.h"

static void test_fail(void **state)
{
	struct dv_err e = DV_ERR_NONE;

	assert_int_equal(dv_fail(&e, DV_CONFLICT, "pod %s is %d", "x", 7), -(int)DV_CONFLICT);
	assert_int_equal(e.kind, DV_CONFLICT);
	assert_int_equal(e.sys, 0);
	assert_string_equal(e.msg, "pod x is 7");
	assert_fails(dv_fail_errno(&e, ENOSPC, "write %s", "f"), LIMIT);
	assert_int_equal(e.sys, ENOSPC);
	assert_string_equal(e.msg, "write f: No space left on device");
	assert_fails(dv_wrap(&e, "save %s", "state"), LIMIT);
	assert_string_equal(e.msg, "save state: write f: No space left on device");
	assert_int_equal(e.sys, ENOSPC);
	assert_fails(dv_fail_errno(&e, 9999, "x"), IO);
	assert_string_equal(e.msg, "x: unknown error");
}

/* What programs with musl say is what the others say. */
static void test_texts(void **state)
{
	assert_true(err_texts[0].sys != 0);
	for (const struct err_text *t = err_texts; t->sys; t++)
		assert_string_equal(t->text, strerrordesc_np(t->sys));
	assert_string_equal(err_sys_text(ENOENT), "No such file or directory");
	assert_string_equal(err_sys_text(-1), "unknown error");
}

static void test_without_struct(void **state)
{
	assert_fails(dv_fail(NULL, DV_EXISTS, "x"), EXISTS);
	assert_fails(dv_fail_errno(NULL, ENOENT, "x"), NOT_FOUND);
	assert_fails(dv_wrap(NULL, "x"), INTERNAL);
}

static void test_kinds_of_errno(void **state)
{
	static const struct {
		int sys;
		enum dv_kind kind;
	} cases[] = {
		{ ENOENT, DV_NOT_FOUND }, { EEXIST, DV_EXISTS }, { EPERM, DV_FORBIDDEN }, { EXDEV, DV_FORBIDDEN },
		{ EADDRINUSE, DV_CONFLICT }, { EIO, DV_IO }, { 0, DV_IO }, { ENOSYS, DV_UNSUPPORTED },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(dv_kind_of_errno(cases[i].sys), cases[i].kind);
}

/* Every row of the table has all its columns. */
static void test_table(void **state)
{
	for (int k = 1; k < DV_KIND_MAX; k++) {
		enum dv_kind kind = (enum dv_kind)k;

		assert_true(strlen(dv_kind_name(kind)) > 1 && strlen(dv_kind_reason(kind)) > 1);
		assert_true(dv_kind_http(kind) >= 400 && dv_kind_http(kind) < 600);
		assert_true(dv_kind_grpc(kind) > 0 && dv_kind_grpc(kind) <= 16);
		assert_true(dv_kind_exit(kind) >= 64 && dv_kind_exit(kind) <= 78);
	}
	assert_string_equal(dv_kind_name(DV_NOT_FOUND), "NOT_FOUND");
	assert_int_equal(dv_kind_http(DV_NOT_FOUND), 404);
}

/* Around the size of msg: whole when it fits with its NUL, else cut with "...". */
static void test_cut(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	char text[2 * sizeof e.msg];

	for (size_t len = sizeof e.msg - 6; len < sizeof e.msg + 6; len++) {
		bool cut = len >= sizeof e.msg;

		memset(text, 'x', len);
		text[len] = '\0';
		(void)dv_fail(&e, DV_IO, "%s", text);
		assert_int_equal(strlen(e.msg), cut ? sizeof e.msg - 1 : len);
		assert_int_equal(strcmp(e.msg + strlen(e.msg) - 3, "...") == 0, cut);
		/* wrapping by "w: " needs three more */
		(void)dv_fail(&e, DV_IO, "%.*s", (int)(len - 6), text);
		(void)dv_wrap(&e, "w");
		assert_memory_equal(e.msg, "w: xxx", 6);
		(void)dv_wrap(&e, "%s", text);
		assert_true(strlen(e.msg) < sizeof e.msg);
		assert_string_equal(e.msg + strlen(e.msg) - 3, "...");
		(void)dv_fail_errno(&e, EIO, "%s", text);
		assert_string_equal(e.msg + strlen(e.msg) - 3, "...");
	}
}

/* A message may be built from the old one. */
static void test_message_of_itself(void **state)
{
	struct dv_err e = DV_ERR_NONE;

	(void)dv_fail(&e, DV_IO, "inner");
	(void)dv_fail(&e, DV_INVALID, "outer (%s)", e.msg);
	assert_string_equal(e.msg, "outer (inner)");
	(void)dv_wrap(&e, "%s", e.msg);
	assert_string_equal(e.msg, "outer (inner): outer (inner)");
}

static void test_one_line(void **state)
{
	struct dv_err e = DV_ERR_NONE;

	(void)dv_fail(&e, DV_IO, "file a\nb\x1b[31m\x7f caf\xc3\xa9");
	assert_string_equal(e.msg, "file a?b?[31m? caf\xc3\xa9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fail), cmocka_unit_test(test_texts), cmocka_unit_test(test_without_struct),
		cmocka_unit_test(test_kinds_of_errno), cmocka_unit_test(test_table), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_message_of_itself), cmocka_unit_test(test_one_line),
	};

	return unit_run(tests);
}
