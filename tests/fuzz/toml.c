/* toml.c - any bytes through the TOML parser: a tree that JSON can write and read, or an error of one line. */
#include <string.h>

#include "base/str.h"
#include "fuzz.h"
#include "json/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a;
	struct json *j = NULL, *again = NULL;
	struct dv_err e = DV_ERR_NONE;
	char *text;
	int rc;

	arena_init(&a, (size_t)64 << 20);
	rc = toml_parse(&a, (const char *)data, size, &j, &e);
	if (rc < 0) {
		FUZZ_CHECK(rc == -(int)DV_INVALID || rc == -(int)DV_LIMIT);
		FUZZ_CHECK(e.kind == (enum dv_kind)-rc);
		FUZZ_CHECK(e.msg[0] && !strpbrk(e.msg, "\n\r\x1b"));
		return 0;
	}
	FUZZ_CHECK(json_type(j) == JSON_OBJECT);
	text = json_text(&a, j, JSON_COMPACT);
	FUZZ_CHECK(json_parse(&a, text, strlen(text), &again, &e) == 0);
	FUZZ_CHECK(json_equal(j, again));
	return 0;
}
