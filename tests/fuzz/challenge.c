/* challenge.c - any header through the parser of WWW-Authenticate. */
#include <ctype.h>
#include <string.h>

#include "fuzz.h"
#include "transfer/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a;
	struct challenge c[CHALLENGES_MAX];
	struct dv_err e = DV_ERR_NONE;
	char *text;
	int n;

	arena_init(&a, (size_t)16 << 20);
	text = arena_strn(&a, (const char *)data, size);
	n = challenge_parse(&a, text, c, &e);
	FUZZ_CHECK(n <= CHALLENGES_MAX);
	if (n < 0) {
		FUZZ_CHECK(n == -(int)DV_INVALID || n == -(int)DV_LIMIT);
		FUZZ_CHECK(e.kind == (enum dv_kind)-n && e.msg[0]);
		return 0;
	}
	for (int i = 0; i < n; i++) {
		FUZZ_CHECK(c[i].scheme && c[i].scheme[0]);
		for (const char *p = c[i].scheme; *p; p++)
			FUZZ_CHECK(!isupper((unsigned char)*p) && *p != ' ' && *p != ',');
		FUZZ_CHECK(!c[i].realm || strlen(c[i].realm) <= size);
	}
	return 0;
}
