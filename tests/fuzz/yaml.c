/* yaml.c - any bytes through the YAML reader; what is accepted survives as YAML and as JSON. */
#include <string.h>

#include "base/str.h"
#include "fuzz.h"
#include "json/yaml.h"

#define ARENA_MAX ((size_t)4 << 20)

static int on_doc(void *ctx, struct json *doc, struct dv_err *e)
{
	FUZZ_CHECK(json_type(doc) != JSON_NULL);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a, b;
	auto_buf struct buf out = BUF_INIT(ARENA_MAX * 64);
	struct json *j = NULL, *again = NULL;
	struct dv_err e = DV_ERR_NONE;
	int r;

	arena_init(&a, ARENA_MAX);
	arena_init(&b, ARENA_MAX * 64);
	r = yaml_parse_all(&b, (const char *)data, size, on_doc, NULL, &e);
	FUZZ_CHECK(r <= 0);
	r = yaml_parse(&a, (const char *)data, size, &j, &e);
	FUZZ_CHECK(a.used_bytes < ARENA_MAX * 3);
	if (r < 0) {
		FUZZ_CHECK(r == -(int)DV_INVALID || r == -(int)DV_LIMIT);
		FUZZ_CHECK(e.msg[0] && !strpbrk(e.msg, "\n\r\x1b"));
		return 0;
	}
	yaml_write(&out, j);
	FUZZ_CHECK(yaml_parse(&b, out.p, out.len, &again, &e) == 0);
	FUZZ_CHECK(json_equal(j, again));
	buf_reset(&out);
	json_write(&out, j, JSON_COMPACT);
	FUZZ_CHECK(json_parse(&b, out.p, out.len, &again, &e) == 0);
	FUZZ_CHECK(json_equal(j, again));
	return 0;
}
