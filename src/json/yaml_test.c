/* yaml_test.c - YAML in and out. */
#include "base/str.h"
#include "base/unit.h"
#include "json/yaml.h"

static const char *as_json(struct arena *a, const char *text)
{
	struct dv_err e = DV_ERR_NONE;
	struct json *j = NULL;

	if (yaml_parse(a, text, strlen(text), &j, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return json_text(a, j, JSON_COMPACT);
}

static void test_read(void **state)
{
	static const struct { const char *yaml, *json; } cases[] = {
		{ "", "null" }, { "# nothing\n", "null" }, { "---\n", "null" },
		{ "a: 1\n--- [b", "{\"a\":1}" },
		{ "a: [1, b, {c: d}]\nb:\n- x\n-\n  - z\n",
		  "{\"a\":[1,\"b\",{\"c\":\"d\"}],\"b\":[\"x\",[\"z\"]]}" },
		{ "s: |\n  two\n  lines\nf: >-\n  folded\n  text\nq: \"\\u00e9\\n\\0\"\n",
		  "{\"s\":\"two\\nlines\\n\",\"f\":\"folded text\",\"q\":\"\xc3\xa9\\n\\u0000\"}" },
		/* words */
		{ "[~, null, Null, NULL, ]", "[null,null,null,null]" },
		{ "a:\nb: ''", "{\"a\":null,\"b\":\"\"}" },
		{ "[true, True, TRUE, yes, on, y, Y, tRue]",
		  "[true,true,true,true,true,true,true,\"tRue\"]" },
		{ "[false, no, Off, N, 'no', \"true\", nope]",
		  "[false,false,false,false,\"no\",\"true\",\"nope\"]" },
		/* numbers */
		{ "[0, -0, 42, +7, 1_000, 0xAf, 0b101, 0o17, 0644, -0x10]",
		  "[0,0,42,7,1000,175,5,15,420,-16]" },
		{ "[9223372036854775807, -9223372036854775808, 18446744073709551615]",
		  "[9223372036854775807,-9223372036854775808,18446744073709551615]" },
		{ "[123456789012345678901, -9223372036854775809]",
		  "[123456789012345678901,-9223372036854775809]" },
		{ "[1.5, 1.10, .5, 5., +1.5, 1e3, -1.5E-7, 1e400, 089, 00.5]",
		  "[1.5,1.10,0.5,5,1.5,1e3,-1.5E-7,1e400,89,0.5]" },
		{ "[1.2.3, +1e400, 1e, 0x, 0xg, -, +, ., '1', 10.0.0.1, 1-2]",
		  "[\"1.2.3\",\"+1e400\",\"1e\",\"0x\",\"0xg\",\"-\",\"+\",\".\",\"1\",\"10.0.0.1\","
		  "\"1-2\"]" },
		{ "[2026-01-02, 2026-01-02T03:04:05Z, 12:30, 1:2]",
		  "[\"2026-01-02\",\"2026-01-02T03:04:05Z\",\"12:30\",\"1:2\"]" },
		/* tags */
		{ "[!!str 1, !!int \"5\", !!float 1, !!bool yes, !!null '', ! 7, !!seq [], !!map {}]",
		  "[\"1\",5,1,true,null,\"7\",[],{}]" },
		/* anchors */
		{ "a: &x {k: [1]}\nb: *x\nc: &y v\nd: *y",
		  "{\"a\":{\"k\":[1]},\"b\":{\"k\":[1]},\"c\":\"v\",\"d\":\"v\"}" },
		{ "a: &x 1\nb: &x 2\nc: *x", "{\"a\":1,\"b\":2,\"c\":2}" },
		{ "base: &b {x: 1, z: 2}\nc:\n  <<: *b\n  z: 3\n",
		  "{\"base\":{\"x\":1,\"z\":2},\"c\":{\"z\":3,\"x\":1}}" },
		{ "<<: [{a: 1}, {a: 2, b: 3}]", "{\"a\":1,\"b\":3}" }, { "'<<': 1", "{\"<<\":1}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a;

		arena_init(&a, 0);
		assert_string_equal(as_json(&a, cases[i].yaml), cases[i].json);
	}
}

static void test_errors(void **state)
{
	static const struct { const char *yaml, *msg; } cases[] = {
		{ "a: 1\nb: 2\na: 3\n", "line 3, column 1: this key appears twice: a" },
		{ "a:\n  1: x\n", "line 2, column 3: a key must be a string (put it in quotes): 1" },
		{ "on: x\n", "line 1, column 1: a key must be a string (put it in quotes): on" },
		{ "[a]: x\n", "line 1, column 1: a key must be a string" },
		{ "a: !secret x\n", "line 1, column 4: unknown tag !secret" },
		{ "a: !!int x\n", "line 1, column 4: the value is not what its tag says: x" },
		{ "a: !!seq {}\n", "line 1, column 4: the value is not what its tag says" },
		{ "a: .nan\n", "line 1, column 4: JSON has no number .nan" },
		{ "a: *b\n", "line 1, column 4: no anchor is called b" },
		{ "a: &x\n  b: *x\n", "line 2, column 6: an alias within its own anchor x" },
		{ "<<: 1\n", "line 1, column 5: << wants a mapping or a list of mappings" },
		{ "<<: [{}, 1]\n", "line 1, column 11: << wants a mapping or a list of mappings" },
		{ "<<: {}\n<<: {}\n", "line 2, column 1: this key appears twice: <<" },
		{ "a: [1\nb: 2\n", "line 2, column 2: did not find expected ',' or ']'" },
		{ "a:\n\t- x\n", "line 2, column 1: found character that cannot start any token" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a;
		struct json *j = NULL;
		struct dv_err e = DV_ERR_NONE;

		arena_init(&a, 0);
		assert_fails(yaml_parse(&a, cases[i].yaml, strlen(cases[i].yaml), &j, &e), INVALID);
		assert_string_equal(e.msg, cases[i].msg);
		assert_null(j);
	}
}

/* Each level ten times the one before: the arena's maximum ends it, soon. */
static void test_laughs(void **state)
{
	auto_arena struct arena a;
	auto_buf struct buf b = BUF_INIT(1 << 16);
	struct json *j;
	struct dv_err e;

	arena_init(&a, 4 << 20);
	buf_str(&b, "l0: &l0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
	for (int i = 1; i < 12; i++) {
		buf_printf(&b, "l%d: &l%d [", i, i);
		for (int k = 0; k < 10; k++)
			buf_printf(&b, "%s*l%d", k ? "," : "", i - 1);
		buf_str(&b, "]\n");
	}
	assert_fails(yaml_parse(&a, b.p, b.len, &j, &e), LIMIT);
	assert_true(a.used_bytes < 6 << 20);
}

struct docs {
	struct arena *a;
	struct buf b;
	int stop_at;
};

static int on_doc(void *ctx, struct json *doc, struct dv_err *e)
{
	struct docs *d = ctx;

	if (--d->stop_at == 0)
		return dv_fail(e, DV_CONFLICT, "enough");
	buf_printf(&d->b, "%s;", json_text(d->a, doc, JSON_COMPACT));
	return 0;
}

/* Whatever is the first that does not fit the arena is LIMIT. */
static void test_arena_full(void **state)
{
	static const char text[] = "a: &a {x: 1, v: [some longer text, 1.5]}\nb: {<<: *a, z: *a, v: {}}\n"
				   "c: |\n  text\n";
	auto_arena struct arena a;
	struct json *j = NULL;
	struct dv_err e;
	size_t max = 1;

	for (;; max += 8) {
		int r;

		arena_init(&a, max);
		r = yaml_parse(&a, text, sizeof text - 1, &j, &e);
		if (r == 0)
			break;
		assert_int_equal(r, -DV_LIMIT);
		assert_null(j);
		arena_done(&a);
	}
	assert_true(max > 500 && max < 8192);
	assert_int_equal(json_len(json_get(j, "b")), 3);
}

static void test_too_large(void **state)
{
	auto_arena struct arena a;
	auto_buf struct buf b = BUF_INIT((size_t)32 << 20);
	struct json *j;
	struct dv_err e;

	arena_init(&a, (size_t)512 << 20);
	assert_fails(yaml_parse(&a, "", JSON_BYTES_MAX + 1, &j, &e), LIMIT);
	assert_fails(yaml_parse_all(&a, "", JSON_BYTES_MAX + 1, on_doc, NULL, &e), LIMIT);
	buf_str(&b, "[");
	for (int i = 0; i < 200000; i++)
		buf_printf(&b, "&a%d 1,", i);
	assert_fails(yaml_parse(&a, b.p, b.len, &j, &e), LIMIT);
	assert_non_null(strstr(e.msg, "too many anchors"));
}

static void test_deep(void **state)
{
	auto_arena struct arena a;
	char text[JSON_DEPTH_MAX + 2];
	struct json *j;
	struct dv_err e;

	arena_init(&a, 0);
	memset(text, '[', sizeof text);
	assert_fails(yaml_parse(&a, text, sizeof text, &j, &e), LIMIT);
	assert_string_equal(e.msg, "line 1, column 513: nested too deep");
}

static void test_documents(void **state)
{
	static const char text[] = "---\n# empty\n---\na: &x 1\n---\n- 2\n...\n---\n---\nthree\n";
	auto_arena struct arena a;
	struct docs d = { .a = &a, .b = BUF_INIT(1000) };
	struct dv_err e = DV_ERR_NONE;

	arena_init(&a, 0);
	assert_ok(yaml_parse_all(&a, text, sizeof text - 1, on_doc, &d, &e), &e);
	assert_string_equal(buf_cstr(&d.b), "{\"a\":1};[2];\"three\";");
	d.stop_at = 2;
	assert_fails(yaml_parse_all(&a, text, sizeof text - 1, on_doc, &d, &e), CONFLICT);
	assert_string_equal(e.msg, "enough");
	assert_fails(yaml_parse_all(&a, "a: &x 1\n---\nb: *x", 18, on_doc, &d, &e), INVALID);
	buf_done(&d.b);
}

static void test_write(void **state)
{
	static const struct { const char *json, *yaml; } cases[] = {
		{ "null", "null\n" }, { "[]", "[]\n" }, { "{}", "{}\n" }, { "\"a\\nb\\n\"", "|\n  a\n  b\n" },
		{ "{\"a\":{\"b\":[1,{\"c\":true,\"d\":[]},[2,[3]]],\"e\":{}},\"f\":null}",
		  "a:\n  b:\n  - 1\n  - c: true\n    d: []\n  - - 2\n    - - 3\n  e: {}\nf: null\n" },
		{ "{\"a\":\"x\\ny\",\"b\":[\"x\\ny\\n\\n\",\"\\n\"],\"c\":\" x\\n\"}",
		  "a: |-\n  x\n  y\nb:\n- |+\n  x\n  y\n\n- \"\\n\"\nc: \" x\\n\"\n" },
		{ "[\"yes\",\"1\",\"\",\"~\",\"a: b\",\"a #b\",\"#a\",\"- a\",\"-a\",\"--flag=1\",\"---\","
		  "\"a:\",\"*a\",\"2026-01-02\",\"1:30\"]",
		  "- \"yes\"\n- \"1\"\n- \"\"\n- \"~\"\n- \"a: b\"\n- \"a #b\"\n- \"#a\"\n- \"- a\"\n- -a\n- --flag=1\n"
		  "- \"---\"\n- \"a:\"\n"
		  "- \"*a\"\n- \"2026-01-02\"\n- \"1:30\"\n" },
		{ "[\"10.0.0.1\",\"/bin/sh\",\"nginx:1.25\",\"a,b\",\"caf\xc3\xa9\",\"\\u0085\",\"\\u007f\","
		  "\"\\u2028\",\"\\\"\",\"a\\tb\"]",
		  "- 10.0.0.1\n- /bin/sh\n- nginx:1.25\n- a,b\n- caf\xc3\xa9\n"
		  "- \"\\u0085\"\n- \"\\u007f\"\n- \"\\u2028\"\n- \"\\\"\"\n- \"a\\tb\"\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a;
		auto_buf struct buf b = BUF_INIT(1 << 16);
		struct json *j = NULL, *again = NULL;
		struct dv_err e;

		arena_init(&a, 0);
		assert_ok(json_parse(&a, cases[i].json, strlen(cases[i].json), &j, &e), &e);
		yaml_write(&b, j);
		assert_string_equal(buf_cstr(&b), cases[i].yaml);
		assert_ok(yaml_parse(&a, b.p, b.len, &again, &e), &e);
		assert_true(json_equal(j, again));
	}
}

/* Characters that need no quotes, and bytes that are no characters. */
static void test_write_characters(void **state)
{
	static const struct { const char *text, *yaml; } cases[] = {
		{ "a\xf0\x9f\x98\x80", "a\xf0\x9f\x98\x80\n" }, { "a\xff", "\"a\xef\xbf\xbd\"\n" },
		{ "a\xef\xbf\xbd", "a\xef\xbf\xbd\n" }, { "\xef\xbf\xbe", "\"\\ufffe\"\n" }, { "a\r",
		  "\"a\\r\"\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a;
		auto_buf struct buf b = BUF_INIT(1000);

		arena_init(&a, 0);
		yaml_write(&b, json_new_str(&a, cases[i].text));
		assert_string_equal(buf_cstr(&b), cases[i].yaml);
	}
}

static void test_long_key(void **state)
{
	auto_arena struct arena a;
	auto_buf struct buf b = BUF_INIT(1 << 16);
	char key[3000];
	struct json *j, *again = NULL;
	struct dv_err e;

	arena_init(&a, 0);
	memset(key, 'k', sizeof key);
	key[sizeof key - 1] = '\0';
	j = json_obj(&a, key, json_new_strs(&a, (const char *[]){ "v", NULL }), "b", json_null(&a), NULL);
	j = json_obj(&a, "in", j, NULL);
	yaml_write(&b, j);
	assert_ok(yaml_parse(&a, b.p, b.len, &again, &e), &e);
	assert_true(json_equal(j, again));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),      cmocka_unit_test(test_errors),
		cmocka_unit_test(test_laughs),
		cmocka_unit_test(test_deep),      cmocka_unit_test(test_arena_full),
		cmocka_unit_test(test_too_large),      cmocka_unit_test(test_documents),
		cmocka_unit_test(test_write),     cmocka_unit_test(test_long_key),
		cmocka_unit_test(test_write_characters),
	};

	return unit_run(tests);
}
