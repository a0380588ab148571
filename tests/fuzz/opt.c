/* opt.c - command lines: the input is the words, one per line. */
#include <string.h>

#include "base/str.h"
#include "fuzz.h"
#include "ui/opt.h"

struct args {
	bool flag;
	const char *text, *choice, *maybe;
	struct opt_strs list;
	struct opt_int number, size;
	unsigned parsed;
};

static int take_func(void *args, const char *value, struct dv_err *e)
{
	FUZZ_CHECK(value);
	((struct args *)args)->parsed++;
	return *value == '!' ? dv_fail(e, DV_INVALID, "no") : 0;
}

static const char *const choices[] = { "one", "two", NULL };
static const struct opt opts[] = {
	{ .name = "flag", .letter = 'f', .kind = OPT_BOOL, .offset = offsetof(struct args, flag) },
	{ .name = "text", .letter = 't', .kind = OPT_STR, .offset = offsetof(struct args, text) },
	{ .name = "choice", .letter = 'c', .kind = OPT_STR, .values = choices, .offset = offsetof(struct args, choice) },
	{ .name = "maybe", .letter = 'm', .kind = OPT_STR, .flags = OPT_OPTIONAL, .offset = offsetof(struct args, maybe) },
	{ .name = "list", .letter = 'l', .kind = OPT_STRS, .offset = offsetof(struct args, list) },
	{ .name = "number", .letter = 'n', .kind = OPT_U64, .offset = offsetof(struct args, number) },
	{ .name = "size", .letter = 's', .kind = OPT_BYTES, .flags = OPT_MINUS_ONE, .offset = offsetof(struct args, size) },
	{ .name = "parse", .letter = 'p', .kind = OPT_FUNC, .parse = take_func },
	{ 0 }
};

static void check_args(const struct args *x)
{
	FUZZ_CHECK(!x->choice || streq(x->choice, "one") || streq(x->choice, "two"));
	FUZZ_CHECK(!x->number.set || x->number.v >= 0);
	FUZZ_CHECK(!x->size.set || x->size.v >= -1);
	FUZZ_CHECK(!x->list.n || (x->list.v[x->list.n - 1] && !x->list.v[x->list.n]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a;
	struct args x = { 0 };
	struct dv_err e = DV_ERR_NONE;
	const char **operands;
	char **argv;
	size_t n, words;
	int r;

	arena_init(&a, 0);
	argv = str_split(&a, arena_strn(&a, (const char *)data, size), '\n', &words);
	r = opt_parse(&a, opts, size & 1, (const char *const *)argv, &x, &operands, &n, &e);
	FUZZ_CHECK(r == 0 || r == -(int)DV_INVALID);
	if (r < 0)
		FUZZ_CHECK(e.msg[0] && !strpbrk(e.msg, "\n\r\x1b"));
	else
		FUZZ_CHECK(n <= words && !operands[n]);
	check_args(&x);
	return 0;
}
