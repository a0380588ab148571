#include "base/str.h"
#include "base/unit.h"
#include "json/toml.h"

/* --- what is accepted, and the tree it gives --- */

static const struct { const char *toml, *json; } good[] = {
	{ "", "{}" },
	{ "# a comment\n\n  # another", "{}" },
	{ "key = \"value\" # behind", "{'key':'value'}" },
	{ "\xef\xbb\xbf" "a = 1", "{'a':1}" },
	{ "a = 1\r\nb = 2\r\n", "{'a':1,'b':2}" },
	/* keys */
	{ "bare_key-1 = 1\n1234 = 2", "{'bare_key-1':1,'1234':2}" },
	{ "\"127.0.0.1\" = 1\n'quoted \"x\"' = 2\n\"\" = 3", "{'127.0.0.1':1,'quoted \\'x\\'':2,'':3}" },
	{ "physical.color = 1\nphysical . shape = 2\nsite.\"a.b\" = true", "{'physical':{'color':1,'shape':2},'site':{'a.b':true}}" },
	{ "fruit.apple.smooth = true\nfruit.orange = 2", "{'fruit':{'apple':{'smooth':true},'orange':2}}" },
	{ "3.14159 = \"pi\"", "{'3':{'14159':'pi'}}" },
	{ "apple.type = 1\norange.type = 2\napple.skin = 3", "{'apple':{'type':1,'skin':3},'orange':{'type':2}}" },
	/* strings */
	{ "s = \"a\\tb\\nc\\\"d\\\\ \\u00e9 \\U0001F600\"", "{'s':'a\\tb\\nc\\'d\\\\ \xc3\xa9 \xf0\x9f\x98\x80'}" },
	{ "s = \"\"\"\nRoses\nViolets\"\"\"", "{'s':'Roses\\nViolets'}" },
	{ "s = \"\"\"\\\n   The quick \\\n\n\n  fox.\\\n   \"\"\"", "{'s':'The quick fox.'}" },
	{ "s = \"\"\"a\\   \n  b\"\"\"", "{'s':'ab'}" },
	{ "s = \"\"\"two: \"\". three: \"\"\\\".\"\"\"", "{'s':'two: \\'\\'. three: \\'\\'\\'.'}" },
	{ "s = \"\"\"\"a\"\"\"\"\"", "{'s':'\\'a\\'\\''}" },
	{ "s = 'C:\\Users\\n'", "{'s':'C:\\\\Users\\\\n'}" },
	{ "s = '''\nfirst\n  second 'x' '''", "{'s':'first\\n  second \\u0027x\\u0027 '}" },
	{ "s = \"\"\nt = ''\nu = \"\"\"\"\"\"\nv = ''''''", "{'s':'','t':'','u':'','v':''}" },
	{ "s = \"\"\"a\r\nb\"\"\"", "{'s':'a\\r\\nb'}" },
	/* numbers */
	{ "a = +99\nb = 42\nc = 0\nd = -17\ne = +0\nf = -0", "{'a':99,'b':42,'c':0,'d':-17,'e':0,'f':0}" },
	{ "a = 1_000\nb = 5_349_221\nc = 1_2_3", "{'a':1000,'b':5349221,'c':123}" },
	{ "a = 0xDEADBEEF\nb = 0xdead_beef\nc = 0o755\nd = 0b11010110", "{'a':3735928559,'b':3735928559,'c':493,'d':214}" },
	{ "a = 9223372036854775807\nb = -9223372036854775808", "{'a':9223372036854775807,'b':-9223372036854775808}" },
	{ "a = +1.0\nb = 3.1415\nc = -0.01\nd = 5e+22\ne = 1e06\nf = -2E-2\ng = 6.626e-34",
	  "{'a':1.0,'b':3.1415,'c':-0.01,'d':5e22,'e':1e6,'f':-0.02,'g':6.626e-34}" },
	{ "a = 224_617.445_991_228", "{'a':224617.445991228}" },
	{ "a = inf\nb = -inf\nc = nan\nd = true\ne = false", "{'a':'inf','b':'-inf','c':'nan','d':true,'e':false}" },
	/* dates */
	{ "a = 1979-05-27T07:32:00Z\nb = 1979-05-27 00:32:00.999999-07:00\nc = 1979-05-27t07:32:00",
	  "{'a':'1979-05-27T07:32:00Z','b':'1979-05-27 00:32:00.999999-07:00','c':'1979-05-27t07:32:00'}" },
	{ "a = 1979-05-27\nb = 07:32:00\nc = 00:32:00.5\nd = 2000-02-29",
	  "{'a':'1979-05-27','b':'07:32:00','c':'00:32:00.5','d':'2000-02-29'}" },
	{ "a = [1979-05-27, 07:32:00]", "{'a':['1979-05-27','07:32:00']}" },
	/* arrays */
	{ "a = [1, 2,\n 3, # c\n]\nb = []\nc = [[1], ['x', 1.5], {y = 2}]", "{'a':[1,2,3],'b':[],'c':[[1],['x',1.5],{'y':2}]}" },
	{ "a = [\n  # only a comment\n]", "{'a':[]}" },
	/* tables */
	{ "[table]\n[a.b.c]\n[ d . e ]\nx = 1\n[j.\"k\".'l']", "{'table':{},'a':{'b':{'c':{}}},'d':{'e':{'x':1}},'j':{'k':{'l':{}}}}" },
	{ "[x.y.z]\n[x]\nv = 1", "{'x':{'y':{'z':{}},'v':1}}" },
	{ "[fruit]\napple.color = 1\n[fruit.apple.taste]\nsweet = true", "{'fruit':{'apple':{'color':1,'taste':{'sweet':true}}}}" },
	{ "n = { first = \"T\", last.x = 1, last.y = 2 }\ne = {}\nt = { a.b = { c = 1 } }",
	  "{'n':{'first':'T','last':{'x':1,'y':2}},'e':{},'t':{'a':{'b':{'c':1}}}}" },
	{ "[[p]]\nname = 1\n[[p]]\n[[p]]\nname = 2", "{'p':[{'name':1},{},{'name':2}]}" },
	{ "[[f]]\nn=1\n[f.p]\nc=1\n[[f.v]]\nn=2\n[[f.v]]\nn=3\n[[f]]\nn=4\n[[f.v]]\nn=5",
	  "{'f':[{'n':1,'p':{'c':1},'v':[{'n':2},{'n':3}]},{'n':4,'v':[{'n':5}]}]}" },
	{ "points = [ { x = 1, y = 2 },\n { x = 3 } ]", "{'points':[{'x':1,'y':2},{'x':3}]}" },
};

static void test_good(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		auto_arena struct arena a;
		struct json *got = NULL, *want = NULL;
		struct dv_err e = DV_ERR_NONE;
		char *json;

		arena_init(&a, 0);
		json = arena_str(&a, good[i].json);
		for (char *p = json; *p; p++)
			*p = *p == '\'' ? '"' : *p;
		assert_ok(json_parse(&a, json, strlen(json), &want, &e), &e);
		if (toml_parse(&a, good[i].toml, strlen(good[i].toml), &got, &e) < 0)
			fail_msg("%s: %s", good[i].toml, e.msg);
		if (!json_equal(got, want))
			fail_msg("%s\ngives %s", good[i].toml, json_text(&a, got, JSON_COMPACT));
	}
}

/* --- what is refused, and the line it is in --- */

static const struct { const char *toml, *line; } bad[] = {
	{ "key", "line 1" }, { "key =", "line 1" }, { "key = # x", "line 1" }, { "= 1", "line 1" },
	{ "a = 1 b = 2", "line 1" }, { "a = 1\na = 2", "line 2" }, { "a = \"x\" y", "line 1" },
	{ "a b = 1", "line 1" }, { "a. = 1", "line 1" }, { ".a = 1", "line 1" }, { "a..b = 1", "line 1" },
	{ "\"\"\"a\"\"\" = 1", "line 1" }, { "a\n= 1", "line 1" }, { "a = \n1", "line 1" },
	{ "fruit.apple = 1\nfruit.apple.smooth = true", "line 2" },
	{ "a.b = 1\na.b = 2", "line 2" }, { "\"a\\u0000b\" = 1", "line 1" },
	/* strings */
	{ "a = \"x", "line 1" }, { "a = \"x\ny\"", "line 1" }, { "a = 'x\n'", "line 1" }, { "a = \"\\q\"", "line 1" },
	{ "a = \"\\u12\"", "line 1" }, { "a = \"\\uD800\"", "line 1" }, { "a = \"\\U00110000\"", "line 1" },
	{ "a = \"\x01\"", "line 1" }, { "a = \"\x7f\"", "line 1" }, { "\n\na = \"\"\"x\n\n", "line 5" },
	{ "a = \"\"\"x\\ y\"\"\"", "line 1" }, { "a = \"\"\"x\ry\"\"\"", "line 1" }, { "a = \"\"\"x\"\"\"\"\"\"", "line 1" },
	{ "a = '''x''''''", "line 1" }, { "# \x01", "line 1" }, { "# a\rb", "line 1" }, { "a = 1\rb = 2", "line 1" },
	{ "a = \"\xff\"", "line 1: not UTF-8" }, { "\n# \xc0\x80", "line 2: not UTF-8" },
	/* numbers */
	{ "a = 01", "line 1" }, { "a = -01", "line 1" }, { "a = 1__0", "line 1" }, { "a = _1", "line 1" },
	{ "a = 1_", "line 1" }, { "a = +0x1", "line 1" }, { "a = 0x", "line 1" }, { "a = 0X1", "line 1" },
	{ "a = 0x_1", "line 1" }, { "a = 0o8", "line 1" }, { "a = 0b2", "line 1" }, { "a = 9223372036854775808", "line 1" },
	{ "a = 0x8000000000000000", "line 1" }, { "a = .7", "line 1" }, { "a = 7.", "line 1" }, { "a = 3.e+20", "line 1" },
	{ "a = 1e", "line 1" }, { "a = 1_.0", "line 1" }, { "a = 1._0", "line 1" }, { "a = 00.1", "line 1" },
	{ "a = +", "line 1" }, { "a = --1", "line 1" }, { "a = Inf", "line 1" }, { "a = True", "line 1" },
	{ "a = 1e1.5", "line 1" }, { "a = word", "line 1" }, { "a = 0xfg", "line 1" },
	/* dates */
	{ "a = 1979-13-01", "line 1" }, { "a = 1979-02-29", "line 1" }, { "a = 1900-02-29", "line 1" },
	{ "a = 24:00:00", "line 1" }, { "a = 07:32", "line 1" }, { "a = 07:60:00", "line 1" }, { "a = 07:32:00.", "line 1" },
	{ "a = 1979-05-27T", "line 1" }, { "a = 1979-05-27T07:32:00+25:00", "line 1" }, { "a = 1979-5-27", "line 1" },
	{ "a = 07:32:00Z", "line 1" }, { "a = 1979-05-27X07:32:00", "line 1" },
	/* arrays and inline tables */
	{ "a = [1 2]", "line 1" }, { "a = [1,, 2]", "line 1" }, { "a = [,]", "line 1" }, { "a = [1\n", "line 2" },
	{ "a = {x = 1,}", "line 1" }, { "a = {x = 1\n}", "line 1" }, { "a = {x = 1, x = 2}", "line 1" },
	{ "a = {x = 1", "line 1" }, { "a = {,}", "line 1" }, { "a = {x = 1 y = 2}", "line 1" }, { "a = {", "line 1" },
	{ "a = {x = {}, x.y = 1}", "line 1" }, { "t = {}\nt.x = 1", "line 2" }, { "t = {}\n[t]", "line 2" },
	{ "t = {}\n[t.x]", "line 2" }, { "t = {x.y = 1}\n[t.x]", "line 2" },
	/* tables */
	{ "[a]\n[a]", "line 2" }, { "[a]\nb = 1\n[a.b]", "line 3" }, { "[fruit]\napple.x = 1\n[fruit.apple]", "line 3" },
	{ "[a.b.c]\n[a]\nb.x = 1", "line 3" }, { "a.b = 1\n[a]", "line 2" }, { "[]", "line 1" }, { "[a", "line 1" },
	{ "[a]]", "line 1" }, { "[[a]", "line 1" }, { "[a.]", "line 1" }, { "[a] b = 1", "line 1" }, { "[ [a]]", "line 1" },
	{ "[a]\n[[a]]", "line 2" }, { "[[a]]\n[a]", "line 2" }, { "a = []\n[[a]]", "line 2" }, { "a = [{}]\n[a.b]", "line 2" },
	{ "[f.p]\n[[f]]", "line 2" }, { "[[a.b]]\n[a.b]", "line 2" }, { "[[a]]\nb.c = 1\n[[a.b]]", "line 3" },
	{ "a = 1\n[a.b.c]", "line 2" },
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_arena struct arena a;
		struct json *got = NULL;
		struct dv_err e = DV_ERR_NONE;

		arena_init(&a, 0);
		if (toml_parse(&a, bad[i].toml, strlen(bad[i].toml), &got, &e) == 0)
			fail_msg("accepted: %s: %s", bad[i].toml, json_text(&a, got, JSON_COMPACT));
		assert_int_equal(e.kind, DV_INVALID);
		if (!str_starts(e.msg, bad[i].line))
			fail_msg("%s: %s", bad[i].toml, e.msg);
		assert_null(got);
	}
}

/* --- limits and files --- */

static void test_limits(void **state)
{
	auto_arena struct arena a;
	auto_buf struct buf b = BUF_INIT(10 << 20);
	struct json *got;
	struct dv_err e;

	arena_init(&a, 0);
	buf_str(&b, "a = ");
	for (int i = 0; i < 1000; i++)
		buf_char(&b, '[');
	assert_fails(toml_parse(&a, b.p, b.len, &got, &e), LIMIT);
	buf_reset(&b);
	for (int i = 0; i < 1000; i++)
		buf_str(&b, "a.");
	assert_fails(toml_parse(&a, b.p, b.len, &got, &e), LIMIT);
	buf_reset(&b);
	while (b.len <= TOML_BYTES_MAX)
		buf_str(&b, "# a comment\n");
	assert_fails(toml_parse(&a, b.p, b.len, &got, &e), LIMIT);
	assert_fails(toml_parse(&a, "a = 1\0b", 7, &got, &e), INVALID);
}

static void test_file(void **state)
{
	auto_arena struct arena a;
	struct unit_tmp t;
	struct json *got;
	struct dv_err e;

	arena_init(&a, 0);
	unit_tmp_new(&t);
	assert_ok(file_replace(t.fd, "x.conf", 0644, "a = 1\nb", 7, false, &e), &e);
	assert_fails(toml_parse_file(&a, t.fd, "x.conf", &got, &e), INVALID);
	assert_true(str_starts(e.msg, "x.conf: line 2: "));
	assert_fails(toml_parse_file(&a, t.fd, "absent", &got, &e), NOT_FOUND);
	unit_tmp_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_file),
	};

	return unit_run(tests);
}
