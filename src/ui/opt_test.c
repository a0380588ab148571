/* opt_test.c - lines of options: every accepted form, every refusal. */
#include "base/buf.h"
#include "base/unit.h"
#include "ui/opt.h"

struct args {
	bool detach, tty;
	const char *name, *pull, *color;
	struct opt_strs env;
	struct opt_int memory, pids, size;
	int funcs;
	const char *func_value;
};

static int take_func(void *args, const char *value, struct dv_err *e)
{
	struct args *a = args;

	if (value && strcmp(value, "bad") == 0)
		return dv_fail(e, DV_INVALID, "it is bad");
	a->funcs++;
	a->func_value = value;
	return 0;
}

static const char *const pulls[] = { "always", "missing", "never", NULL };
static const struct opt opts[] = {
	{ .name = "detach", .letter = 'd', .kind = OPT_BOOL, .offset = offsetof(struct args, detach) },
	{ .name = "tty", .letter = 't', .kind = OPT_BOOL, .offset = offsetof(struct args, tty) },
	{ .name = "name", .letter = 'n', .kind = OPT_STR, .offset = offsetof(struct args, name) },
	{ .name = "env", .letter = 'e', .kind = OPT_STRS, .offset = offsetof(struct args, env) },
	{ .name = "memory", .letter = 'm', .kind = OPT_BYTES, .flags = OPT_MINUS_ONE,
	  .offset = offsetof(struct args, memory) },
	{ .name = "pids", .kind = OPT_I64, .offset = offsetof(struct args, pids) },
	{ .name = "size", .kind = OPT_U64, .offset = offsetof(struct args, size) },
	{ .name = "pull", .kind = OPT_STR, .values = pulls, .offset = offsetof(struct args, pull) },
	{ .name = "color", .letter = 'c', .kind = OPT_STR, .flags = OPT_OPTIONAL,
	  .offset = offsetof(struct args, color) },
	{ .name = "func", .letter = 'f', .kind = OPT_FUNC, .parse = take_func },
	{ .name = "secret", .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = offsetof(struct args, tty) },
	{ 0 }
};

static void show_int(struct buf *b, const char *name, struct opt_int v)
{
	if (v.set)
		buf_printf(b, " %s=%lld", name, (long long)v.v);
}

/* Everything that was set, in one line. */
static const char *show(struct arena *a, const struct args *x, const char **operands, size_t n)
{
	auto_buf struct buf b = BUF_INIT(2000);

	buf_printf(&b, "%s%s", x->detach ? " d" : "", x->tty ? " t" : "");
	if (x->name)
		buf_printf(&b, " name=%s", x->name);
	if (x->pull)
		buf_printf(&b, " pull=%s", x->pull);
	if (x->color)
		buf_printf(&b, " color=%s", x->color);
	for (size_t i = 0; i < x->env.n; i++)
		buf_printf(&b, " e=%s", x->env.v[i]);
	show_int(&b, "memory", x->memory);
	show_int(&b, "pids", x->pids);
	show_int(&b, "size", x->size);
	if (x->funcs)
		buf_printf(&b, " f%d=%s", x->funcs, x->func_value);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, " [%s]", operands[i]);
	return arena_str(a, buf_cstr(&b));
}

static void test_lines(void **state)
{
	static const struct {
		const char *argv[12];
		bool stop;
		const char *want;     /* what was set, or the error after "!" */
	} cases[] = {
		{ { NULL }, false, "" },
		{ { "-d", "-t" }, false, " d t" },
		{ { "-dt" }, false, " d t" },
		{ { "--detach", "--tty=false" }, false, " d" },
		{ { "-d=false", "-t" }, false, " t" },
		{ { "--detach=maybe" }, false, "!invalid argument \"maybe\" for --detach: true or false is wanted" },
		{ { "--name", "x" }, false, " name=x" },
		{ { "--name=x=y" }, false, " name=x=y" },
		{ { "--name=" }, false, " name=" },
		{ { "--name", "-d" }, false, " name=-d" },
		{ { "-nx" }, false, " name=x" },
		{ { "-n=x" }, false, " name=x" },
		{ { "-n", "x", "-n", "y" }, false, " name=y" },
		{ { "-dtn", "x", "op" }, false, " d t name=x [op]" },
		{ { "-dnx" }, false, " d name=x" },
		{ { "--name" }, false, "!flag needs an argument: --name" },
		{ { "-dn" }, false, "!flag needs an argument: 'n' in -dn" },
		{ { "-e", "A=1", "--env", "B", "-eC", "-e=D", "--env=E" }, false, " e=A=1 e=B e=C e=D e=E" },
		{ { "-m", "512m", "--pids", "-5", "--size", "7" }, false, " memory=536870912 pids=-5 size=7" },
		{ { "-m", "-1" }, false, " memory=-1" },
		{ { "-m", "-2" }, false, "!invalid argument \"-2\" for --memory: size \"-2\" is not a size (such as 512m or 1g)" },
		{ { "--size", "-1" }, false, "!invalid argument \"-1\" for --size: number \"-1\" is not between 0 and 9223372036854775807" },
		{ { "--pull", "never" }, false, " pull=never" },
		{ { "--pull", "maybe" }, false, "!invalid argument \"maybe\" for --pull: must be one of always, missing, never" },
		{ { "--color", "x" }, false, " color= [x]" },
		{ { "--color=x" }, false, " color=x" },
		{ { "-cd" }, false, " d color=" },
		{ { "-c=d" }, false, " color=d" },
		{ { "-f", "v" }, false, " f1=v" },
		{ { "--func=bad" }, false, "!invalid argument \"bad\" for --func: it is bad" },
		{ { "a", "-d", "b" }, false, " d [a] [b]" },
		{ { "a", "-d", "b" }, true, " [a] [-d] [b]" },
		{ { "-d", "a", "--", "-t" }, true, " d [a] [--] [-t]" },
		{ { "-d", "--", "-t", "--" }, false, " d [-t] [--]" },
		{ { "--", "a", "-t" }, true, " [a] [-t]" },
		{ { "-", "" }, false, " [-] []" },
		{ { "--nmae" }, false, "!unknown flag: --nmae (did you mean --name?)" },
		{ { "--zzzzzz" }, false, "!unknown flag: --zzzzzz" },
		{ { "--secrets" }, false, "!unknown flag: --secrets" },
		{ { "--=x" }, false, "!unknown flag: --" },
		{ { "-dx" }, false, "!unknown shorthand flag: 'x' in -dx" },
		{ { "--help" }, false, "!unknown flag: --help" },
		{ { "---name" }, false, "!unknown flag: ---name (did you mean --name?)" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a;
		struct args x = { 0 };
		struct dv_err e = DV_ERR_NONE;
		const char **operands = NULL;
		size_t n = 0;

		arena_init(&a, 0);
		if (opt_parse(&a, opts, cases[i].stop, cases[i].argv, &x, &operands, &n, &e) < 0) {
			assert_int_equal(e.kind, DV_INVALID);
			assert_int_equal(cases[i].want[0], '!');
			assert_string_equal(e.msg, cases[i].want + 1);
			assert_null(operands);
			continue;
		}
		assert_string_equal(show(&a, &x, operands, n), cases[i].want);
		assert_null(operands[n]);
		if (x.env.n)
			assert_null(x.env.v[x.env.n]);
	}
}

static void test_many_values(void **state)
{
	static const char *argv[2001];
	auto_arena struct arena a;
	struct args x = { 0 };
	const char **operands;
	size_t n;

	for (int i = 0; i < 2000; i++)
		argv[i] = i % 2 ? "value" : "-e";
	arena_init(&a, 0);
	assert_int_equal(opt_parse(&a, opts, false, argv, &x, &operands, &n, NULL), 0);
	assert_int_equal(x.env.n, 1000);
	for (int i = 0; i < 1000; i++)
		assert_string_equal(x.env.v[i], "value");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines), cmocka_unit_test(test_many_values) };

	return unit_run(tests);
}
