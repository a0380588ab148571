/* template_test.c - --format templates: output, errors with their place, limits. */
#include "base/unit.h"
#include "ui/template.h"

static const char tree[] =
	"{\"ID\":\"abc\",\"N\":3,\"F\":2.5,\"T\":true,\"No\":false,\"Null\":null,\"Empty\":\"\",\"L\":[\"x\",\"y\",\"z\"],"
	"\"E\":[],\"M\":{\"b\":2,\"a\":1,\"k.k\":\"dot\"},\"State\":{\"Health\":{\"Status\":\"ok\"}},"
	"\"Obj\":[{\"Name\":\"n1\",\"V\":1},{\"Name\":\"n2\",\"V\":2}],\"Mixed\":[1,\"s\",null,{\"q\":[]}],"
	"\"Label\":{\"k\":\"v\"},\"Big\":9007199254740993}";

/* The output, or the error after "!". */
static const char *run(struct arena *a, const char *text, int flags)
{
	auto_buf struct buf out = BUF_INIT(1000);
	struct dv_err e = DV_ERR_NONE;
	struct template *t;
	struct json *j;

	assert_ok(json_parse(a, tree, sizeof tree - 1, &j, &e), &e);
	if (template_parse(a, text, flags, &t, &e) < 0 || template_run(t, j, &out, &e) < 0)
		return arena_printf(a, "!%s", e.msg);
	return arena_str(a, buf_cstr(&out));
}

static void check(const char *text, int flags, const char *want)
{
	auto_arena struct arena a;
	const char *got;

	arena_init(&a, 0);
	got = run(&a, text, flags);
	if (strcmp(got, want) != 0)
		fail_msg("%s\n gives %s\n wanted %s", text, got, want);
}

struct sample {
	const char *text, *want;
};

static void check_all(const struct sample *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(s[i].text, 0, s[i].want);
}

static void test_values(void **state)
{
	static const struct sample cases[] = {
		{ "", "" }, { "plain {", "plain {" }, { "{ } }}", "{ } }}" },
		{ "{{.ID}}", "abc" }, { "a{{ .ID }}b", "aabcb" }, { "{{.State.Health.Status}}", "ok" },
		{ "{{.N}} {{.F}} {{.T}} {{.Big}}", "3 2.5 true 9007199254740993" },
		{ "{{.L}}", "[x y z]" }, { "{{.M}}", "map[a:1 b:2 k.k:dot]" }, { "{{.Mixed}}", "[1 s <nil> map[q:[]]]" },
		{ "{{.Nothing}}|{{.Null}}|{{.Nothing.More}}", "<no value>|<no value>|<no value>" },
		{ "{{\"q\\\"\\t\\u00e9\\x41\"}}{{`raw\\n`}}", "q\"\t\xc3\xa9" "Araw\\n" },
		{ "{{1}} {{-2}} {{+3}} {{1.5e3}} {{true}} {{false}}", "1 -2 3 1.5e3 true false" },
		{ "{{$.ID}}{{$}}", NULL },
		{ "{{(index .Obj 1).Name}}", "n2" }, { "{{((.ID))}}", "abc" },
		{ "{{/* nothing */}}x{{- /* a */ -}} y", "xy" },
		{ "a \n {{- .ID -}} \n b", "aabcb" }, { "a {{.ID -}} b", "a abcb" }, { "{{- 3 -}}", "3" },
		{ "{{.Label \"k\"}}|{{.Label \"none\"}}", "v|<no value>" },
		{ "{{$x := .ID}}{{$x}}{{$x = 5}}{{$x}}", "abc5" },
		{ "{{index .M \"k.k\"}}{{index .L 0}}{{index .Obj 0 \"Name\"}}", "dotxn1" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (cases[i].want)
			check(cases[i].text, 0, cases[i].want);
}

static void test_blocks(void **state)
{
	static const struct sample cases[] = {
		{ "{{if .T}}y{{else}}n{{end}}", "y" }, { "{{if .No}}y{{else}}n{{end}}", "n" },
		{ "{{if .Empty}}y{{end}}{{if .E}}y{{end}}{{if 0}}y{{end}}{{if .Null}}y{{end}}{{if .Nothing}}y{{end}}", "" },
		{ "{{if .No}}1{{else if .T}}2{{else}}3{{end}}.", "2." },
		{ "{{if .No}}1{{else if .No}}2{{else}}3{{end}}.", "3." },
		{ "{{range .L}}{{.}},{{end}}", "x,y,z," }, { "{{range $i, $v := .L}}{{$i}}{{$v}}{{end}}", "0x1y2z" },
		{ "{{range $v := .L}}{{$v}}{{$.N}}{{end}}", "x3y3z3" },
		{ "{{range $k, $v := .M}}{{$k}}={{$v}};{{end}}", "a=1;b=2;k.k=dot;" },
		{ "{{range .E}}x{{else}}none{{end}}", "none" }, { "{{range .Nothing}}x{{else}}none{{end}}", "none" },
		{ "{{range .Obj}}{{.Name}}{{range $.L}}{{.}}{{end}} {{end}}", "n1xyz n2xyz " },
		{ "{{range .L}}{{if eq . \"y\"}}{{continue}}{{end}}{{.}}{{end}}", "xz" },
		{ "{{range .L}}{{if eq . \"y\"}}{{break}}{{end}}{{.}}{{end}}", "x" },
		{ "{{with .State.Health}}{{.Status}}{{end}}", "ok" }, { "{{with .Nothing}}a{{else}}b{{.ID}}{{end}}", "babc" },
		{ "{{with $x := .ID}}{{$x}}{{.}}{{end}}", "abcabc" },
		{ "{{with .No}}a{{else with .ID}}{{.}}{{end}}", "abc" },
		{ "{{$x := 1}}{{range .L}}{{$x = .}}{{end}}{{$x}}", "z" },
		{ "{{$x := 1}}{{if .T}}{{$x := 2}}{{end}}{{$x}}", "1" },
	};

	check_all(cases, ARRAY_LEN(cases));
}

static void test_functions(void **state)
{
	static const struct sample cases[] = {
		{ "{{json .M}}", "{\"b\":2,\"a\":1,\"k.k\":\"dot\"}" }, { "{{json .Nothing}}", "null" },
		{ "{{.L | json}}", "[\"x\",\"y\",\"z\"]" },
		{ "{{join .L \", \"}}", "x, y, z" }, { "{{range split \"a,b,\" \",\"}}[{{.}}]{{end}}", "[a][b][]" },
		{ "{{.ID | upper | lower | title}}", "Abc" }, { "{{title \"two words-here\"}}", "Two Words-Here" },
		{ "{{len .L}}{{len .ID}}{{len .M}}", "333" }, { "{{truncate .ID 2}}{{truncate .ID 9}}", "ababc" },
		{ "{{pad .ID 1 2}}|", " abc  |" }, { "{{trim \" x \"}}", "x" },
		{ "{{slice .ID 1 2}}{{slice .L 1}}", "b[y z]" },
		{ "{{print 1 2 \"a\" \"b\" 3}}", "1 2ab3" }, { "{{println 1 \"a\"}}", "1 a\n" },
		{ "{{printf \"%s-%d-%v-%q-%t\" .ID .N .L \"x\" .T}}", "abc-3-[x y z]-\"x\"-true" },
		{ "{{printf \"%5s|%-5s|%.2s|%05d|%x|%.2f|%%\" .ID .ID .ID 42 255 .F}}", "  abc|abc  |ab|00042|ff|2.50|%" },
		{ "{{printf \"%d\" .ID}}{{printf \"%s\"}}{{printf \"%d\" 1 2}}", "%!d(string=abc)%!s(MISSING)1%!(EXTRA arguments)" },
		{ "{{printf \"%s\" .N}} {{printf \"%v\" nil}} {{printf \"%z\" 1}}", "%!s(int=3) <nil> %!z(int=1)" },
		{ "{{eq .ID \"abc\"}}{{eq .N 1 2 3}}{{ne .N 3}}{{eq 2.5 .F}}", "truetruefalsetrue" },
		{ "{{lt 1 2}}{{le 2 2}}{{gt 1 2}}{{ge \"b\" \"a\"}}", "truetruefalsetrue" },
		{ "{{eq .Nothing nil}}{{eq .ID nil}}", "truefalse" },
		{ "{{and .T .ID}}{{and .No (index .L 99)}}{{or .Empty .ID}}{{or .T (index .L 99)}}{{not .T}}", "abcfalseabctruefalse" },
		{ "{{if and .T (gt .N 2)}}y{{end}}", "y" }, { "{{.N | printf \"%03d\"}}", "003" },
	};

	check_all(cases, ARRAY_LEN(cases));
}

static void test_errors(void **state)
{
	static const struct sample cases[] = {
		{ "{{.ID", "!template:1:6: action is not closed" }, { "a{{", "!template:1:4: action is not closed" },
		{ "x\ny{{nope .}}", "!template:2:4: function \"nope\" not defined" },
		{ "{{if .T}}x", "!template:1:11: {{end}} is missing" }, { "x{{end}}", "!template:1:9: {{end}} or {{else}} without a block" },
		{ "{{if .T}}{{else}}{{else}}{{end}}", "!template:1:26: {{end}} is missing" },
		{ "{{}}", "!template:1:3: a value is missing" }, { "{{.ID | }}", "!template:1:9: a value is missing" },
		{ "{{.N | .ID}}", NULL }, { "{{\"a}}", "!template:1:3: string is not closed" },
		{ "{{.A.}}", "!template:1:6: a field's name is wanted after \".\"" },
		{ "{{(.A}}", "!template:1:6: parenthesis is not closed" }, { "{{1x}}", "!template:1:3: \"1x\" is not a number" },
		{ "{{.ID.Sub}}", "!template:1:3: can't evaluate field Sub in a string" },
		{ "{{$y}}", "!template:1:3: undefined variable \"$y\"" },
		{ "{{index .L 3}}", "!template:1:3: index 3 is out of range" },
		{ "{{index .L \"a\"}}", "!template:1:3: index: a number is wanted for an array, not a string" },
		{ "{{eq .ID 3}}", "!template:1:3: incompatible types for comparison: string and number" },
		{ "{{lt .L .L}}", "!template:1:3: a array has no order" },
		{ "{{len 3}}", "!template:1:3: len of a number" }, { "{{json}}", "!template:1:3: wrong number of arguments for json: 0" },
		{ "{{range .N}}{{end}}", "!template:1:9: range can't iterate over a number" },
		{ "{{break}}", "!template:1:8: break or continue outside of {{range}}" },
		{ "{{template \"x\"}}", "!template:1:11: \"template\" is not supported" },
		{ "{{/* x }}", "!template:1:3: comment is not closed" }, { "{{.ID \"x\"}}", "!template:1:3: can't give argument to a value that is no function" },
		{ "{{.ID.x\"}}", NULL }, { "{{.ID)}}", "!template:1:6: unexpected \")}}\" in action" },
		{ "{{slice .L 2 1}}", "!template:1:3: slice: index out of range" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a;

		arena_init(&a, 0);
		if (cases[i].want)
			check(cases[i].text, 0, cases[i].want);
		else
			assert_int_equal(run(&a, cases[i].text, 0)[0], '!');
	}
	check("{{.Nothing}}", TEMPLATE_STRICT, "!template:1:3: no entry for key \"Nothing\"");
	check("{{.ID}}{{.State.Health.Status}}", TEMPLATE_STRICT, "abcok");
}

static void test_limits(void **state)
{
	static const char *const texts[] = {
		"{{printf \"%1000s%1000s\" .ID .ID}}",
		"{{range .L}}{{range $.L}}{{printf \"%500s\" .}}{{end}}{{end}}",
		"{{$x := \"aaaaaaaaaaaaaaaa\"}}{{range .L}}{{range $.L}}{{range $.L}}{{$x = print $x $x}}{{end}}{{end}}{{end}}",
	};
	auto_arena struct arena a;
	char *deep, *big;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const char *got = run(&a, texts[i], 0);

		if (!strstr(got, "larger than") && !strstr(got, "more than"))
			fail_msg("%s: %s", texts[i], got);
	}
	deep = arena_alloc(&a, 2000);
	for (int i = 0; i < 100; i++)
		memcpy(deep + 9 * i, "{{if .T}}", 9);
	assert_string_equal(run(&a, deep, 0), "!template: nested more than 64 deep");
	memset(deep, '(', 1000);
	memcpy(deep, "{{", 2);
	assert_string_equal(run(&a, deep, 0), "!template: nested more than 64 deep");
	big = arena_alloc(&a, 70000);
	memset(big, 'x', 69999);
	assert_string_equal(run(&a, big, 0), "!template is larger than 65536 bytes");
}

/* A thousand values ranged over by four nested ranges: it ends, and soon. */
static void test_steps(void **state)
{
	auto_arena struct arena a;
	auto_buf struct buf out = BUF_INIT(100);
	struct json *arr;
	struct template *t;
	struct dv_err e = DV_ERR_NONE;

	arena_init(&a, 0);
	arr = json_new_array(&a);
	for (int i = 0; i < 1000; i++)
		json_append(&a, arr, json_new_i64(&a, i));
	assert_ok(template_parse(&a, "{{range $}}{{range $}}{{range $}}{{range $}}{{end}}{{end}}{{end}}{{end}}", 0, &t, &e), &e);
	assert_fails(template_run(t, arr, &out, &e), LIMIT);
}

static void format(struct arena *a, const char *format, char *out, size_t size)
{
	struct dv_err e = DV_ERR_NONE;
	struct json *headers = json_obj(a, "ID", json_new_str(a, "CONTAINER ID"), "Names", json_new_str(a, "NAMES"), NULL);
	struct json *rows = json_new_array(a);
	FILE *f = fmemopen(out, size, "w");

	json_append(a, rows, json_obj(a, "ID", json_new_str(a, "0123"), "Names", json_new_str(a, "one"), NULL));
	json_append(a, rows, json_obj(a, "ID", json_new_str(a, "4567"), "Names", json_new_str(a, "t\two"), NULL));
	assert_ok(format_rows(a, format, headers, rows, f, false, &e), &e);
	(void)fclose(f);
}

static void test_format_rows(void **state)
{
	static const struct {
		const char *format, *want;
	} cases[] = {
		{ "table {{.ID}}\\t{{.Names}}", "CONTAINER ID   NAMES\n0123           one\n4567           t\n" },
		{ "table {{.Names}}", "NAMES\none\nt\n" },
		{ "{{.ID}}:{{.Names}}", "0123:one\n4567:t\two\n" },
		{ "{{.ID}}\\n", "0123\n\n4567\n\n" },
		{ "json", "{\"ID\":\"0123\",\"Names\":\"one\"}\n{\"ID\":\"4567\",\"Names\":\"t\\two\"}\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a;
		char out[1000] = "";

		arena_init(&a, 0);
		format(&a, cases[i].format, out, sizeof out);
		assert_string_equal(out, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values), cmocka_unit_test(test_blocks), cmocka_unit_test(test_functions),
		cmocka_unit_test(test_errors), cmocka_unit_test(test_limits), cmocka_unit_test(test_steps),
		cmocka_unit_test(test_format_rows),
	};

	return unit_run(tests);
}
