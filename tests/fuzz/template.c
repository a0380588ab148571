/* template.c - --format templates: the input is the template, the tree has every kind of value. */
#include <string.h>

#include "fuzz.h"
#include "ui/template.h"

#define OUTPUT_MAX 4096

static const char tree[] =
	"{\"ID\":\"abc\",\"N\":3,\"F\":2.5,\"T\":true,\"Null\":null,\"L\":[\"x\",\"y\",[1,2,{\"a\":\"b\"}]],"
	"\"M\":{\"b\":2,\"a\":1},\"State\":{\"Health\":{\"Status\":\"ok\"}}}";

static void check_failure(int r, const struct dv_err *e)
{
	FUZZ_CHECK(r == -(int)DV_INVALID || r == -(int)DV_LIMIT);
	FUZZ_CHECK(e->kind == (enum dv_kind)-r);
	FUZZ_CHECK(e->msg[0] && !strpbrk(e->msg, "\n\r\x1b"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a;
	auto_buf struct buf out = BUF_INIT(OUTPUT_MAX);
	struct dv_err e = DV_ERR_NONE;
	struct template *t;
	struct json *dot;
	int r;

	arena_init(&a, 0);
	FUZZ_CHECK(json_parse(&a, tree, sizeof tree - 1, &dot, &e) == 0);
	r = template_parse(&a, arena_strn(&a, (const char *)data, size), size & 1, &t, &e);
	if (r == 0)
		r = template_run(t, dot, &out, &e);
	if (r < 0)
		check_failure(r, &e);
	FUZZ_CHECK(out.len <= OUTPUT_MAX);
	return 0;
}
