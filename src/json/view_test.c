/* view_test.c - structs out of trees. */
#include "base/str.h"
#include "base/unit.h"
#include "json/view.h"

#define DEV_VIEW(F, c) \
	F(c, str, path,  "path",  REQ, NULL) \
	F(c, i64, major, "major", 0,   NULL)
DV_VIEW(dev_view, DEV_VIEW);

#define CPU_VIEW(F, c) \
	F(c, u64, shares, "shares", 0, NULL) \
	F(c, u32, period, "period", 0, NULL)
DV_VIEW(cpu_view, CPU_VIEW);

#define TOP_VIEW(F, c) \
	F(c, str,  name,   "name",          REQ, NULL) \
	F(c, bool, tty,    "process.tty",   0,   NULL) \
	F(c, strs, args,   "process.args",  0,   NULL) \
	F(c, dbl,  weight, "weight",        0,   NULL) \
	F(c, map,  notes,  "annotations",   0,   NULL) \
	F(c, node, hooks,  "hooks",         0,   NULL) \
	F(c, sub,  cpu,    "linux.cpu",     0,   &cpu_view_schema) \
	F(c, list, devs,   "linux.devices", 0,   &dev_view_schema)
DV_VIEW(top_view, TOP_VIEW);

static int decode(struct arena *a, const char *text, const char *where, struct top_view *v, struct dv_err *e)
{
	struct json *j = NULL;
	int r = json_parse(a, text, strlen(text), &j, e);

	return r < 0 ? r : view_decode(a, j, &top_view_schema, where, v, e);
}

static void test_all_kinds(void **state)
{
	static const char text[] =
		"{\"name\":\"n\",\"process\":{\"tty\":true,\"args\":[\"a\",\"bb\"]},\"weight\":1.5,"
		"\"annotations\":{\"x\":\"1\",\"y\":\"2\"},"
		"\"hooks\":[1],\"linux\":{\"cpu\":{\"shares\":18446744073709551615,\"period\":4294967295},"
		"\"devices\":"
		"[{\"path\":\"/dev/a\",\"major\":-1},{\"path\":\"/dev/b\",\"more\":0}]},\"unknown\":{}}";
	auto_arena struct arena a;
	struct dv_err e = DV_ERR_NONE;
	struct top_view v;
	struct cpu_view *cpu;

	arena_init(&a, 0);
	if (decode(&a, text, "", &v, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(v.name, "n");
	assert_true(v.tty);
	assert_string_equal(v.args[0], "a");
	assert_string_equal(v.args[1], "bb");
	assert_null(v.args[2]);
	assert_true(v.weight.set && v.weight.v == 1.5);
	assert_int_equal(v.notes.n, 2);
	assert_string_equal(view_map_get(&v.notes, "y"), "2");
	assert_null(view_map_get(&v.notes, "z"));
	assert_int_equal(json_len(v.hooks), 1);
	cpu = v.cpu;
	assert_true(cpu->shares.set && cpu->shares.v == UINT64_MAX);
	assert_true(cpu->period.set && cpu->period.v == UINT32_MAX);
	assert_int_equal(v.devs.n, 2);
	assert_true(view_at(&v.devs, struct dev_view, 0)->major.v == -1);
	assert_string_equal(view_at(&v.devs, struct dev_view, 1)->path, "/dev/b");
	assert_false(view_at(&v.devs, struct dev_view, 1)->major.set);
}

static void test_absent(void **state)
{
	auto_arena struct arena a;
	struct dv_err e = DV_ERR_NONE;
	struct top_view v;
	static const char text[] = "{\"name\":\"\",\"process\":null,\"linux\":{\"cpu\":null},\"weight\":null}";

	arena_init(&a, 0);
	assert_ok(decode(&a, text, "", &v, &e), &e);
	assert_false(v.tty);
	assert_null(v.args);
	assert_null(v.cpu);
	assert_null(v.hooks);
	assert_false(v.weight.set);
	assert_int_equal(v.notes.n, 0);
	assert_int_equal(v.devs.n, 0);
}

static void test_errors(void **state)
{
	static const struct { const char *text, *where, *msg; } cases[] = {
		{ "[]", "", "an object is wanted, not an array" },
		{ "[]", "config.json", "config.json: an object is wanted, not an array" },
		{ "{}", "", "name: this is required" },
		{ "{\"name\":null}", "x", "x.name: this is required" },
		{ "{\"name\":1}", "", "name: a string is wanted, not a number" },
		{ "{\"name\":\"a\\u0000\"}", "", "name: the string has a NUL byte" },
		{ "{\"name\":\"\",\"process\":1}", "", "process: an object is wanted, not a number" },
		{ "{\"name\":\"\",\"process\":{\"tty\":\"yes\"}}", "",
		  "process.tty: true or false is wanted, not a string" },
		{ "{\"name\":\"\",\"process\":{\"args\":[\"a\",null]}}", "",
		  "process.args[1]: a string is wanted, not null" },
		{ "{\"name\":\"\",\"process\":{\"args\":{}}}", "c",
		  "c.process.args: an array is wanted, not an object" },
		{ "{\"name\":\"\",\"annotations\":{\"k\\n\":false}}", "",
		  "annotations.k?: a string is wanted, not a bool" },
		{ "{\"name\":\"\",\"annotations\":{\"k\\u0000\":\"\"}}", "",
		  "annotations.k?: the key has a NUL byte" },
		{ "{\"name\":\"\",\"weight\":\"1\"}", "", "weight: a number is wanted, not a string" },
		{ "{\"name\":\"\",\"linux\":{\"cpu\":{\"shares\":-1}}}", "",
		  "linux.cpu.shares: -1 is not an integer from 0 to 2^64 - 1" },
		{ "{\"name\":\"\",\"linux\":{\"cpu\":{\"period\":4294967296}}}", "",
		  "linux.cpu.period: 4294967296 is not an integer from 0 to 2^32 - 1" },
		{ "{\"name\":\"\",\"linux\":{\"devices\":[{\"path\":\"\"},{\"path\":\"\"},{\"path\":\"\","
		  "\"major\":\"8\"}]}}", "",
		  "linux.devices[2].major: a number is wanted, not a string" },
		{ "{\"name\":\"\",\"linux\":{\"devices\":[{\"path\":\"\",\"major\":1.5}]}}", "",
		  "linux.devices[0].major: 1.5 is not an integer of 64 bits" },
		{ "{\"name\":\"\",\"linux\":{\"devices\":[null]}}", "",
		  "linux.devices[0]: an object is wanted, not null" },
		{ "{\"name\":\"\",\"linux\":{\"devices\":[{}]}}", "",
		  "linux.devices[0].path: this is required" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a;
		struct dv_err e = DV_ERR_NONE;
		struct top_view v;

		arena_init(&a, 0);
		assert_int_equal(decode(&a, cases[i].text, cases[i].where, &v, &e), -DV_INVALID);
		assert_string_equal(e.msg, cases[i].msg);
	}
}

/* A schema may name itself; depth comes from the tree alone and is bounded. */
extern const struct view_schema chain_schema;
struct chain { void *next; };
static const struct view_field chain_fields[] = {
	{ VIEW_sub, 0, offsetof(struct chain, next), "next", &chain_schema },
};
const struct view_schema chain_schema = { "chain", sizeof(struct chain), chain_fields, 1 };

static void test_deep(void **state)
{
	auto_arena struct arena a;
	struct json *j;
	struct dv_err e;
	struct chain c;

	arena_init(&a, 0);
	j = json_new_object(&a);
	for (int i = 0; i < 5000; i++)
		j = json_obj(&a, "next", j, NULL);
	assert_int_equal(view_decode(&a, j, &chain_schema, "", &c, &e), -DV_LIMIT);
	assert_non_null(strstr(e.msg, "next.next"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_kinds), cmocka_unit_test(test_absent),
		cmocka_unit_test(test_errors), cmocka_unit_test(test_deep),
	};

	return unit_run(tests);
}
