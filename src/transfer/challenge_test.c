#include "base/str.h"
#include "base/unit.h"
#include "transfer/challenge.h"

/* "scheme realm service scope error; ..." with "-" for what is absent */
static const struct { const char *text, *want; } good[] = {
	{ "", "" },
	{ "Basic realm=\"x\"", "basic x - - -; " },
	{ "Basic", "basic - - - -; " },
	{ "bAsIc ReAlM=x", "basic x - - -; " },
	{ "Bearer realm=\"https://auth.example/token\",service=\"reg\",scope=\"repository:a/b:pull,push\"",
	  "bearer https://auth.example/token reg repository:a/b:pull,push -; " },
	{ "Bearer realm = \"r\" , service = s , error=\"invalid_token\"", "bearer r s - invalid_token; " },
	{ "Bearer realm=\"a\\\"b\\\\c\"", "bearer a\"b\\c - - -; " },
	{ "Basic realm=\"a, b\", Bearer realm=c", "basic a, b - - -; bearer c - - -; " },
	{ "Negotiate, Basic realm=x", "negotiate - - - -; basic x - - -; " },
	{ "Negotiate a87421000492aa874209af8bc028==, Basic realm=x", "negotiate - - - -; basic x - - -; " },
	{ "Negotiate ab/cd+e=", "negotiate - - - -; " },
	{ ",, ,Basic realm=x,,", "basic x - - -; " },
	{ "Basic realm=first, realm=second", "basic first - - -; " },
	{ "Digest realm=x, nonce=\"n\", qop=\"auth,auth-int\", algorithm=MD5", "digest x - - -; " },
	{ "Basic realm=\"\"", "basic  - - -; " },
};

static const char *word(const char *s)
{
	return s ? s : "-";
}

static void test_good(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		auto_arena struct arena a;
		auto_buf struct buf got = BUF_INIT(10000);
		struct challenge c[CHALLENGES_MAX];
		struct dv_err e;
		int n;

		arena_init(&a, 0);
		n = challenge_parse(&a, good[i].text, c, &e);
		if (n < 0)
			fail_msg("%s: %s", good[i].text, e.msg);
		for (int k = 0; k < n; k++)
			buf_printf(&got, "%s %s %s %s %s; ", c[k].scheme, word(c[k].realm), word(c[k].service),
				   word(c[k].scope), word(c[k].error));
		assert_string_equal(buf_cstr(&got), good[i].want);
	}
}

static void test_bad(void **state)
{
	static const struct { const char *text; enum dv_kind kind; } bad[] = {
		{ "\"", DV_INVALID }, { "Basic realm=\"x", DV_INVALID }, { "Basic realm=\"x\\\"", DV_INVALID },
		{ "Basic realm=x, b=,", DV_INVALID }, { "=x", DV_INVALID }, { "Basic:realm=x", DV_INVALID },
		{ "Basic realm=\x01", DV_INVALID }, { "a,b,c,d,e,f,g,h,i", DV_LIMIT },
	};
	auto_buf struct buf large = BUF_INIT(CHALLENGE_BYTES_MAX + 100);
	auto_arena struct arena a;
	struct challenge c[CHALLENGES_MAX];
	struct dv_err e;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (challenge_parse(&a, bad[i].text, c, &e) != -(int)bad[i].kind)
			fail_msg("%s", bad[i].text);
	while (large.len <= CHALLENGE_BYTES_MAX)
		buf_str(&large, "Basic ");
	assert_fails(challenge_parse(&a, buf_cstr(&large), c, &e), LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return unit_run(tests);
}
