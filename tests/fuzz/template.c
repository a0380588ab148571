/* template.c - fuzz target: --format templates. The input is the template; the tree has every kind of value. */
#include <stdint.h>
#include <string.h>

#include "ui/template.h"

static const char tree[] =
	"{\"ID\":\"abc\",\"N\":3,\"F\":2.5,\"T\":true,\"Null\":null,\"L\":[\"x\",\"y\",[1,2,{\"a\":\"b\"}]],"
	"\"M\":{\"b\":2,\"a\":1},\"State\":{\"Health\":{\"Status\":\"ok\"}}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a;
	auto_buf struct buf out = BUF_INIT(4096);
	struct dv_err e = DV_ERR_NONE;
	struct template *t;
	struct json *dot;

	if (size > 4096)
		return 0;
	arena_init(&a, 0);
	if (json_parse(&a, tree, sizeof tree - 1, &dot, &e) < 0)
		abort();
	if (template_parse(&a, arena_strn(&a, (const char *)data, size), size & 1, &t, &e) == 0 &&
	    template_run(t, dot, &out, &e) == 0 && out.len > 4096)
		abort();
	return 0;
}
