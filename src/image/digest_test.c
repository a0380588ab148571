/* digest_test.c - digests as text and as hashes. */
#include "base/unit.h"
#include "image/digest.h"

#define ABC256 "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC512 "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" \
	"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"

static void test_parse(void **state)
{
	static const struct { const char *text; int want; } cases[] = {
		{ ABC256, 0 },
		{ ABC512, 0 },
		{ "", -DV_INVALID },
		{ "sha256", -DV_INVALID },
		{ "sha256:", -DV_INVALID },
		{ "sha256:../../../../etc/passwd", -DV_INVALID },
		{ "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a", -DV_INVALID },
		{ "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad0", -DV_INVALID },
		{ "sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD", -DV_INVALID },
		{ "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a/", -DV_INVALID },
		{ "sha512:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", -DV_INVALID },
		{ "md5:900150983cd24fb0d6963f7d28e17f72", -DV_INVALID },
		{ "sha1:a9993e364706816aba3e25717850c26c9cd0d89d", -DV_INVALID },
		{ "none:", -DV_INVALID },
		{ " " ABC256, -DV_INVALID },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[DIGEST_TEXT_SIZE];
		struct digest d;
		int rc = digest_parse(cases[i].text, &d, NULL);

		if (rc != cases[i].want)
			fail_msg("%s: %d", cases[i].text, rc);
		if (rc == 0)
			assert_string_equal(digest_text(&d, text), cases[i].text);
	}
}

static void test_hash(void **state)
{
	static const char *const want[] = { ABC256, ABC512 };

	for (int i = 0; i < 2; i++) {
		struct digest_stream s;
		struct digest whole, parts, parsed;
		enum digest_alg alg = i ? DIGEST_SHA512 : DIGEST_SHA256;

		digest_of(alg, "abc", 3, &whole);
		digest_begin(&s, alg);
		digest_add(&s, "a", 1);
		digest_add(&s, "bc", 2);
		digest_end(&s, &parts);
		assert_int_equal(digest_parse(want[i], &parsed, NULL), 0);
		assert_true(digest_equal(&whole, &parsed));
		assert_true(digest_equal(&parts, &parsed));
		parts.bytes[digest_bytes(alg) - 1] ^= 1;
		assert_false(digest_equal(&parts, &parsed));
	}
}

static void test_chain(void **state)
{
	struct digest a, chain, want;

	digest_of(DIGEST_SHA256, "abc", 3, &a);
	digest_chain(NULL, &a, &chain);
	assert_true(digest_equal(&chain, &a));
	digest_of(DIGEST_SHA256, ABC256 " " ABC256, strlen(ABC256 " " ABC256), &want);
	digest_chain(&a, &a, &chain);
	assert_true(digest_equal(&chain, &want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_chain),
	};

	return unit_run(tests);
}
