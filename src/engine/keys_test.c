/* keys_test.c - detach keys in what is typed, however it is cut into reads. */
#include <string.h>

#include "base/unit.h"
#include "engine/keys.h"

static void filters(void **state)
{
	static const struct {
		const char *keys, *typed, *through;
		bool detach;
	} cases[] = {
		{ NULL, "abc", "abc", false },          { NULL, "ab\x10\x11z", "ab", true },  { NULL, "\x10x", "\x10x", false },
		{ NULL, "\x10\x10\x11", "\x10", true }, { "", "\x10\x11", "\x10\x11", false }, { "a", "xyza", "xyz", true },
		{ "ctrl-@,b", "ab", "ab", false },      { "a,a,b", "aaab", "a", true },      { "ctrl-_", "q\x1f", "q", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t cut = 1; cut < 4; cut++) {
			size_t n = strlen(cases[i].typed), len = 0;
			char out[64 + DETACH_KEYS_MAX];
			struct detach_keys k;
			bool detach = false;

			assert_int_equal(detach_keys_parse(&k, cases[i].keys, NULL), 0);
			for (size_t at = 0; at < n && !detach; at += cut)
				len += detach_keys_filter(&k, cases[i].typed + at, n - at < cut ? n - at : cut, out + len, &detach);
			assert_int_equal(detach, cases[i].detach);
			assert_int_equal(len, strlen(cases[i].through));
			assert_memory_equal(out, cases[i].through, len);
		}
}

static void refuses(void **state)
{
	static const char *const bad[] = { "ab", "ctrl-", "ctrl-A", "ctrl-1", "shift-a", "a,,b" };
	struct detach_keys k;
	struct dv_err e;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(detach_keys_parse(&k, bad[i], &e), -DV_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(filters), cmocka_unit_test(refuses) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
