/* json_test.c - parser, writer and the tree. */
#include "base/str.h"
#include "base/unit.h"
#include "json/json.h"

static int parse(struct arena *a, const char *text, struct json **ret, struct dv_err *e)
{
	return json_parse(a, text, strlen(text), ret, e);
}

static struct json *must(struct arena *a, const char *text)
{
	struct dv_err e = DV_ERR_NONE;
	struct json *j = NULL;

	if (parse(a, text, &j, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return j;
}

/* --- what comes in goes out --- */

static void test_round_trip(void **state)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "null", NULL }, { "true", NULL }, { "false", NULL }, { "0", NULL }, { "-0", NULL },
		{ " [ ] ", "[]" }, { "{\r\n}\t", "{}" }, { "\"\"", NULL }, { "[[],{},[[]]]", NULL },
		{ "1.10", NULL }, { "-1E+5", NULL }, { "1e400", NULL }, { "0.1e-7", NULL },
		{ "9223372036854775807", NULL }, { "123456789012345678901234567890", NULL },
		{ "{ \"b\" : 1 , \"a\" : [ 1 , 2 , 3 ] }", "{\"b\":1,\"a\":[1,2,3]}" },
		{ "\"seven77\"", NULL }, { "\"eight888\"", NULL }, { "\"exactly sixteen!\"", NULL },
		{ "\"a long string that needs more than one block, and a bit\"", NULL },
		{ "\"\\u0041\\n\\/\\\"\\\\\\b\\f\\r\\t\\u001F\"", "\"A\\n/\\\"\\\\\\b\\f\\r\\t\\u001f\"" },
		{ "\"\\ud83d\\uDE00 \\u20ac \\u00e9\"", "\"\xf0\x9f\x98\x80 \xe2\x82\xac \xc3\xa9\"" },
		{ "\"long enough text before \xe2\x82\xac and after it, again \xf0\x9f\x98\x80\"", NULL },
		{ "\"\\u007f\\u0080\\u07ff\\u0800\\ud7ff\\ue000\\ud800\\udc00\\udbff\\udfff\"",
		  "\"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"" },
		{ "\"a\\u0000b\"", NULL }, { "{\"k\\u0000\":1,\"k\":2}", NULL },
		{ "{\"\":{\"\":0}}", NULL }, { "\"\x7f\"", NULL }, { "\"\\uFFFF\"", "\"\xef\xbf\xbf\"" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a;

		arena_init(&a, 0);
		assert_string_equal(json_text(&a, must(&a, cases[i].in), JSON_COMPACT),
				    cases[i].out ?: cases[i].in);
	}
}

static void test_pretty(void **state)
{
	static const char want[] =
		"{\n    \"a\": [\n        1,\n        {\n            \"b\": \"x\"\n        }\n    ],\n"
		"    \"c\": {},\n    \"d\": []\n}";
	auto_arena struct arena a;
	struct json *j;

	arena_init(&a, 0);
	j = must(&a, "{\"a\":[1,{\"b\":\"x\"}],\"c\":{},\"d\":[]}");
	assert_string_equal(json_text(&a, j, JSON_PRETTY), want);
	assert_true(json_equal(must(&a, want), j));
}

/* --- errors --- */

static void test_errors(void **state)
{
	static const struct { const char *in; enum dv_kind kind; const char *msg; } cases[] = {
		{ "", DV_INVALID, "line 1, column 1: the text ends where a value is wanted" },
		{ "[1,\n 2,\n x]", DV_INVALID, "line 3, column 2: a value is wanted" },
		{ "[1 2]", DV_INVALID, "line 1, column 4: a comma or ] is wanted" },
		{ "{\"a\":1,}", DV_INVALID, "line 1, column 8: a key in quotes is wanted" },
		{ "{\"a\" 1}", DV_INVALID, "line 1, column 6: a colon is wanted" },
		{ "{\"a\":1", DV_INVALID, "line 1, column 7: the text ends where a comma or } is wanted" },
		{ "[1]]", DV_INVALID, "line 1, column 4: more text after the value" },
		{ "01", DV_INVALID, "line 1, column 1: a number that begins with 0" },
		{ "-", DV_INVALID, "line 1, column 2: the text ends where a digit is wanted" },
		{ "\"abc", DV_INVALID, "line 1, column 5: the text ends within a string" },
		{ "\"a\nb\"", DV_INVALID, "line 1, column 3: a control character in a string" },
		{ "\"\\x\"", DV_INVALID, "line 1, column 2: an unknown escape" },
		{ "\"\\u12g4\"", DV_INVALID, "line 1, column 2: \\u without four hex digits" },
		{ "\"\\ud800\"", DV_INVALID, "line 1, column 2: half of a surrogate pair" },
		{ "\"\xe2\x82\xac\xff\"", DV_INVALID, "line 1, column 3: this is not UTF-8" },
		{ "{\"a\":1,\n \"a\":2}", DV_INVALID, "line 2, column 2: key \"a\" appears twice" },
		{ "{\"a\\n\":1,\"\\u0061\\n\":2}", DV_INVALID,
		  "line 1, column 10: key \"a\\n\" appears twice" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a;
		struct json *j = NULL;
		struct dv_err e = DV_ERR_NONE;

		arena_init(&a, 0);
		assert_int_equal(parse(&a, cases[i].in, &j, &e), -(int)cases[i].kind);
		assert_string_equal(e.msg, cases[i].msg);
		assert_null(j);
	}
}

/* Each prefix of a document, in memory of its exact size (the sanitizers watch its end). */
static void test_cut(void **state)
{
	static const char text[] = "{\"key of some length\":[1.5e3,true,null,"
				   "\"a\\u00e9\xc3\xa9 and some more text\"],"
				   "\"b\":{\"c\":\"\\ud83d\\ude00\"}}";

	for (size_t n = 0; n < sizeof text; n++) {
		auto_arena struct arena a;
		auto_free char *copy = mem_resize(NULL, n, 1);
		struct json *j = NULL;
		struct dv_err e;
		int r;

		memcpy(copy, text, n);
		arena_init(&a, 0);
		r = json_parse(&a, copy, n, &j, &e);
		assert_int_equal(r, n == sizeof text - 1 ? 0 : -DV_INVALID);
	}
}

static char *nested(struct arena *a, size_t depth)
{
	char *text = arena_alloc(a, depth * 2 + 1);

	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	return text;
}

static void test_limits(void **state)
{
	auto_arena struct arena a, small;
	struct json *j = NULL;
	struct dv_err e;
	auto_buf struct buf b = BUF_INIT(1 << 20);

	arena_init(&a, 0);
	assert_int_equal(parse(&a, nested(&a, JSON_DEPTH_MAX), &j, &e), 0);
	assert_string_equal(json_text(&a, j, JSON_COMPACT), nested(&a, JSON_DEPTH_MAX));
	assert_int_equal(parse(&a, nested(&a, JSON_DEPTH_MAX + 1), &j, &e), -DV_LIMIT);
	assert_string_equal(e.msg, "line 1, column 513: nested deeper than 512");
	assert_int_equal(json_parse(&a, "", JSON_BYTES_MAX + 1, &j, &e), -DV_LIMIT);

	for (int i = 0; i < 20000; i++)
		buf_printf(&b, "%s{\"key%d\":\"a value of some length\"}", i ? "," : "[", i);
	buf_char(&b, ']');
	for (size_t max = 1; max < 2 << 20; max *= 2) {
		arena_init(&small, max);
		assert_int_equal(json_parse(&small, b.p, b.len, &j, &e), -DV_LIMIT);
		assert_true(small.used_bytes <= max + 64);
		arena_done(&small);
	}
}

/* Whatever is the first that does not fit the arena, it is LIMIT, and the arena keeps to its maximum. */
static void test_arena_full(void **state)
{
	static const char text[] = "{\"key\":\"a text of some length\","
				   "\"k\\u0065z\":\"another\\ttext, with escapes\","
				   "\"array\":[{},[],1.2345678e10],";
	auto_arena struct arena a;
	auto_buf struct buf b = BUF_INIT(8192);
	struct json *j = NULL;
	struct dv_err e;
	size_t max = 1;

	buf_str(&b, text);
	for (int i = 0; i < 20; i++)
		buf_printf(&b, "\"key %d\":null%c", i, i < 19 ? ',' : '}');
	for (;; max += 8) {
		int r;

		arena_init(&a, max);
		r = json_parse(&a, b.p, b.len, &j, &e);
		assert_true(a.used_bytes <= max + 15);
		if (r == 0)
			break;
		assert_int_equal(r, -DV_LIMIT);
		assert_non_null(strstr(e.msg, "column"));
		assert_null(j);
		arena_done(&a);
	}
	assert_true(max > 1000 && max < 8192);
	assert_int_equal(json_len(j), 23);
}

/* --- numbers --- */

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		bool i_ok;
		int64_t i;
		bool u_ok;
		uint64_t u;
		double d;
	} cases[] = {
		{ "0", true, 0, true, 0, 0 }, { "-0", true, 0, true, 0, -0.0 },
		{ "-1", true, -1, false, 0, -1 }, { "42", true, 42, true, 42, 42 },
		{ "9223372036854775807", true, INT64_MAX, true, INT64_MAX, 9223372036854775807.0 },
		{ "9223372036854775808", false, 0, true, 9223372036854775808u, 9223372036854775808.0 },
		{ "-9223372036854775808", true, INT64_MIN, false, 0, -9223372036854775808.0 },
		{ "-9223372036854775809", false, 0, false, 0, -9223372036854775809.0 },
		{ "18446744073709551615", false, 0, true, UINT64_MAX, 18446744073709551615.0 },
		{ "18446744073709551616", false, 0, false, 0, 18446744073709551616.0 },
		{ "1.0", false, 0, false, 0, 1 }, { "1e2", false, 0, false, 0, 100 },
		{ "0.1", false, 0, false, 0, 0.1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a;
		struct json *j;
		int64_t s = 0;
		uint64_t u = 0;

		arena_init(&a, 0);
		j = must(&a, cases[i].text);
		assert_string_equal(json_num_text(j), cases[i].text);
		assert_int_equal(json_i64(j, &s), cases[i].i_ok);
		assert_true(s == cases[i].i);
		assert_int_equal(json_u64(j, &u), cases[i].u_ok);
		assert_true(u == cases[i].u);
		assert_true(json_double(j) == cases[i].d);
	}
}

static void test_new_numbers(void **state)
{
	static const struct { double v; const char *text; } cases[] = {
		{ 0.1, "0.1" }, { 1.0 / 3, "0.3333333333333333" }, { 5e-324, "4.94065645841247e-324" },
		{ 100, "100" }, { 0.1 + 0.2, "0.30000000000000004" }, { -1.5e300, "-1.5e+300" },
		{ 1.0 / 0.0, NULL }, { 0.0 / 0.0, NULL },
	};
	auto_arena struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct json *j = json_new_double(&a, cases[i].v);

		if (!cases[i].text) {
			assert_int_equal(json_type(j), JSON_NULL);
			continue;
		}
		assert_string_equal(json_num_text(j), cases[i].text);
		assert_true(json_double(must(&a, cases[i].text)) == cases[i].v);
	}
	assert_string_equal(json_num_text(json_new_i64(&a, INT64_MIN)), "-9223372036854775808");
	assert_string_equal(json_num_text(json_new_u64(&a, UINT64_MAX)), "18446744073709551615");
}

/* --- reading --- */

static void test_wrong_types(void **state)
{
	auto_arena struct arena a;
	struct json *s, *o;
	int64_t i = 7;

	arena_init(&a, 0);
	s = must(&a, "\"text\"");
	o = must(&a, "{\"a\":1}");
	assert_null(json_str(o));
	assert_null(json_str(NULL));
	assert_int_equal(json_str_len(o), 0);
	assert_null(json_num_text(s));
	assert_false(json_i64(s, &i));
	assert_int_equal(i, 7);
	assert_false(json_bool(s));
	assert_int_equal(json_type(NULL), JSON_NULL);
	assert_int_equal(json_len(s), 0);
	assert_null(json_get(s, "a"));
	assert_null(json_get(NULL, "a"));
	assert_null(json_at(o, 1));
	assert_null(json_key(o, 1));
	assert_string_equal(json_key(o, 0), "a");
	assert_int_equal(json_key_len(o, 0), 1);
	assert_string_equal(json_type_name(JSON_OBJECT), "object");
}

static void test_nul_bytes(void **state)
{
	auto_arena struct arena a;
	struct json *j;

	arena_init(&a, 0);
	j = must(&a, "{\"a\\u0000b\":\"x\\u0000y\",\"a\":1}");
	assert_int_equal(json_key_len(j, 0), 3);
	assert_null(json_get(j, "a\0b") == json_at(j, 0) ? j : NULL);
	assert_int_equal(json_str_len(json_getn(j, "a\0b", 3)), 3);
	assert_memory_equal(json_str(json_at(j, 0)), "x\0y", 4);
	assert_true(json_equal(json_copy(&a, j), j));
}

static void test_paths(void **state)
{
	static const char text[] = "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"m~n\":8,"
				   "\"x\":{\"y\":{\"z\":9}},\"~1\":7}";
	static const struct { const char *pointer, *want; } pointers[] = {
		{ "/foo", "[\"bar\",\"baz\"]" }, { "/foo/0", "\"bar\"" }, { "/foo/1", "\"baz\"" },
		{ "/foo/2", NULL },
		{ "/foo/-", NULL }, { "/foo/01", NULL }, { "/foo/", NULL }, { "/", "0" }, { "/a~1b", "1" },
		{ "/m~0n", "8" },
		{ "/~01", "7" }, { "/m~n", NULL }, { "/m~", NULL }, { "/x/y/z", "9" }, { "/x/y/z/", NULL },
		{ "x", NULL },
		{ "/foo/18446744073709551616", NULL }, { "/foo/+1", NULL },
	};
	static const struct { const char *path, *want; } paths[] = {
		{ "x.y.z", "9" }, { "x.y", "{\"z\":9}" }, { "x.q.z", NULL }, { "foo.0", NULL },
		{ "a/b", "1" },
	};
	auto_arena struct arena a;
	struct json *j;

	arena_init(&a, 0);
	j = must(&a, text);
	assert_ptr_equal(json_pointer(j, ""), j);
	for (size_t i = 0; i < ARRAY_LEN(pointers); i++) {
		const struct json *v = json_pointer(j, pointers[i].pointer);

		assert_string_equal(v ? json_text(&a, v, JSON_COMPACT) : "absent",
				    pointers[i].want ?: "absent");
	}
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		const struct json *v = json_path(j, paths[i].path);

		assert_string_equal(v ? json_text(&a, v, JSON_COMPACT) : "absent", paths[i].want ?: "absent");
	}
}

static void test_equal(void **state)
{
	static const struct { const char *a, *b; bool want; } cases[] = {
		{ "{\"a\":1,\"b\":[2]}", "{\"b\":[2],\"a\":1}", true },
		{ "[1,2]", "[2,1]", false },
		{ "1", "1.0", true }, { "100", "1e2", true }, { "-0", "0", true }, { "0.0", "0", true },
		{ "9007199254740993", "9007199254740992", false }, { "1e400", "1e401", false },
		{ "1e400", "1e400", true },
		{ "123456789012345678901", "123456789012345678902", false }, { "[1]", "[1,1]", false },
		{ "{\"a\":1}", "{\"b\":1}", false }, { "{\"a\":null}", "{}", false },
		{ "\"a\"", "\"b\"", false },
		{ "true", "false", false }, { "null", "false", false }, { "[[[]]]", "[[{}]]", false },
		{ "\"a\\u0000b\"", "\"a\\u0000c\"", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a;

		arena_init(&a, 0);
		assert_int_equal(json_equal(must(&a, cases[i].a), must(&a, cases[i].b)), cases[i].want);
		assert_int_equal(json_equal(must(&a, cases[i].b), must(&a, cases[i].a)), cases[i].want);
	}
}

static void test_iterate(void **state)
{
	auto_arena struct arena a;
	auto_buf struct buf b = BUF_INIT(100);
	struct json *j;

	arena_init(&a, 0);
	j = must(&a, "{\"x\":1,\"y\":2,\"z\":3}");
	for (JSON_EACH(it, j))
		buf_printf(&b, "%s=%s ", json_iter_key(it), json_num_text(it.value));
	assert_string_equal(buf_cstr(&b), "x=1 y=2 z=3 ");
	for (JSON_EACH(it, must(&a, "\"no container\"")))
		fail_msg("an element in a string: %p", (const void *)it.value);
}

/* --- making and changing --- */

static void test_build(void **state)
{
	static const char *const words[] = { "one", "a word of some length", NULL };
	auto_arena struct arena a;
	struct json *j, *late;

	arena_init(&a, 0);
	late = json_new_object(&a);
	j = json_obj(&a, "s", json_new_str(&a, "v"), "absent", NULL, "null", json_new_str(&a, NULL), "b",
		     json_new_bool(&a, true), "strs", json_new_strs(&a, words),
		     "none", json_new_strs(&a, NULL),
		     "late", late, NULL);
	json_set(&a, late, "n", json_new_i64(&a, -5));  /* a container may be filled when it is in place */
	json_set_path(&a, j, "late.x.y", json_new_u64(&a, 5));
	json_set_path(&a, j, "s", json_new_strn(&a, "ab", 1));
	json_set_path(&a, j, "b.c", json_null(&a));
	assert_string_equal(json_text(&a, j, JSON_COMPACT),
			    "{\"s\":\"a\",\"null\":null,\"b\":{\"c\":null},\"strs\":[\"one\","
			    "\"a word of some length\"],"
			    "\"none\":[],\"late\":{\"n\":-5,\"x\":{\"y\":5}}}");
	assert_true(json_del(j, "strs"));
	assert_false(json_del(j, "strs"));
	assert_ptr_equal(json_get_mut(j, "late"), late);
	assert_int_equal(json_len(j), 5);
	json_set(&a, j, "none", NULL);
	json_append(&a, json_get_mut(json_obj(&a, "arr", json_new_array(&a), NULL), "arr"), NULL);
	assert_true(json_equal(json_copy(&a, j), j));
	assert_string_equal(json_text(&a, json_get(j, "none"), JSON_COMPACT), "null");
}

static void test_bad_utf8_out(void **state)
{
	auto_arena struct arena a;

	arena_init(&a, 0);
	assert_string_equal(json_text(&a, json_new_str(&a, "a\xff\xe2\x82z\xed\xa0\x80 plain"), JSON_COMPACT),
			    "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd plain\"");
}

/* An object against a plain array of what should be in it, through seeded changes. */
static void test_large_object(void **state)
{
	enum { KEYS = 300 };
	auto_arena struct arena a;
	int want[KEYS] = { 0 };
	size_t n = 0;
	uint64_t seed = 1;
	struct json *j, *parsed;
	char key[16];

	arena_init(&a, 0);
	j = json_new_object(&a);
	for (int step = 1; step < 20000; step++) {
		unsigned k;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		k = (unsigned)(seed >> 33) % KEYS;
		snprintf(key, sizeof key, "k%u", k);
		if (seed >> 62) {
			json_set(&a, j, key, json_new_i64(&a, step));
			n += !want[k];
			want[k] = step;
		} else {
			assert_int_equal(json_del(j, key), want[k] != 0);
			n -= want[k] != 0;
			want[k] = 0;
		}
		assert_int_equal(json_len(j), n);
	}
	parsed = must(&a, json_text(&a, j, JSON_COMPACT));
	assert_true(json_equal(parsed, j));
	assert_true(json_equal(json_copy(&a, parsed), j));
	for (unsigned k = 0; k < KEYS; k++) {
		int64_t v = 0;

		snprintf(key, sizeof key, "k%u", k);
		json_i64(json_get(parsed, key), &v);
		assert_int_equal(v, want[k]);
		assert_int_equal(json_del(parsed, key), want[k] != 0);
	}
	assert_int_equal(json_len(parsed), 0);
}

/* A key that comes twice is found wherever the two stand. */
static void test_duplicates(void **state)
{
	for (unsigned n = 2; n < 40; n++) {
		for (unsigned first = 0; first + 1 < n; first++) {
			auto_arena struct arena a;
			auto_buf struct buf b = BUF_INIT(4096);
			struct json *j;
			struct dv_err e;

			arena_init(&a, 0);
			for (unsigned i = 0; i < n; i++)
				buf_printf(&b, "%c\"some key %u\":%u", i ? ',' : '{',
					   i == n - 1 ? first : i, i);
			buf_char(&b, '}');
			assert_int_equal(json_parse(&a, b.p, b.len, &j, &e), -DV_INVALID);
			assert_non_null(strstr(e.msg, " appears twice"));
		}
	}
}

/* Trees made by hand may be deeper than any text. */
static void test_deep(void **state)
{
	enum { DEPTH = 100000 };
	auto_arena struct arena a;
	struct json *j, *copy;

	arena_init(&a, 0);
	j = json_new_array(&a);
	for (int i = 1; i < DEPTH; i++) {
		struct json *outer = json_new_array(&a);

		json_append(&a, outer, j);
		j = outer;
	}
	copy = json_copy(&a, j);
	assert_true(json_equal(copy, j));
	assert_int_equal(json_type(json_copy(&a, NULL)), JSON_NULL);
	assert_string_equal(json_text(&a, copy, JSON_COMPACT), nested(&a, DEPTH));
}

/* A buffer that is too small keeps a piece and says so; one that is just right is enough. */
static void test_write_max(void **state)
{
	auto_arena struct arena a;
	struct json *j;
	size_t len;

	arena_init(&a, 0);
	j = must(&a, "{\"key\":[1,true,\"text \\n and \xc3\xa9 more\",{\"a\":{}}],"
		     "\"long\":\"0123456789012345678901234567890123456789"
		     "01234567890123456789012345678901234567890123456789\"}");
	for (int style = JSON_COMPACT; style <= JSON_PRETTY; style++) {
		const char *text = json_text(&a, j, style);

		len = strlen(text);
		for (size_t max = 0; max <= len + 100; max++) {
			auto_buf struct buf b = BUF_INIT(max);

			json_write(&b, j, style);
			assert_int_equal(b.over, max < len);
			assert_true(b.len <= max);
			assert_int_equal(strncmp(buf_cstr(&b), text, b.len), 0);
			if (!b.over)
				assert_string_equal(b.p, text);
		}
	}
}

static void test_write_appends(void **state)
{
	auto_arena struct arena a;
	auto_buf struct buf b = BUF_INIT(1000);

	arena_init(&a, 0);
	buf_str(&b, "x ");
	json_write(&b, NULL, JSON_COMPACT);
	buf_char(&b, ' ');
	json_write(&b, must(&a, "[1]"), JSON_COMPACT);
	buf_str(&b, " y");
	assert_string_equal(buf_cstr(&b), "x null [1] y");
}

static void test_file(void **state)
{
	auto_arena struct arena a;
	struct json *j = NULL;
	struct dv_err e;
	char name[] = "/tmp/davit-json-XXXXXX";
	int fd = mkstemp(name);

	arena_init(&a, 0);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "{\"a\":[1,\n}", 10), 10);
	assert_int_equal(json_parse_file(&a, AT_FDCWD, name, &j, &e), -DV_INVALID);
	assert_non_null(strstr(e.msg, "davit-json-"));
	assert_non_null(strstr(e.msg, "line 2, column 1: a value is wanted"));
	assert_int_equal(pwrite(fd, "0]", 2, 8), 2);
	assert_int_equal(pwrite(fd, "}", 1, 10), 1);
	assert_int_equal(json_parse_file(&a, AT_FDCWD, name, &j, &e), 0);
	assert_string_equal(json_text(&a, j, JSON_COMPACT), "{\"a\":[1,0]}");
	close(fd);
	unlink(name);
	assert_int_equal(json_parse_file(&a, AT_FDCWD, name, &j, &e), -DV_NOT_FOUND);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_pretty),
		cmocka_unit_test(test_errors),        cmocka_unit_test(test_cut),
		cmocka_unit_test(test_limits),        cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_new_numbers),   cmocka_unit_test(test_wrong_types),
		cmocka_unit_test(test_nul_bytes),     cmocka_unit_test(test_paths),
		cmocka_unit_test(test_equal),         cmocka_unit_test(test_iterate),
		cmocka_unit_test(test_build),         cmocka_unit_test(test_bad_utf8_out),
		cmocka_unit_test(test_large_object),  cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_deep),          cmocka_unit_test(test_write_max),
		cmocka_unit_test(test_write_appends), cmocka_unit_test(test_file),
		cmocka_unit_test(test_arena_full),
	};

	return unit_run(tests);
}
