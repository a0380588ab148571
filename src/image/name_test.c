/* name_test.c - image names in docker's defaults. */
#include "base/unit.h"
#include "image/name.h"

#define HEX64 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void test_normalize(void **state)
{
	/* want NULL: refused. */
	static const struct { const char *text, *want, *familiar; } cases[] = {
		{ "busybox", "docker.io/library/busybox:latest", "busybox:latest" },
		{ "busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36" },
		{ "me/app", "docker.io/me/app:latest", "me/app:latest" },
		{ "docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest" },
		{ "index.docker.io/me/app:x", "docker.io/me/app:x", "me/app:x" },
		{ "localhost/app", "localhost/app:latest", "localhost/app:latest" },
		{ "localhost:5000/app:v1", "localhost:5000/app:v1", "localhost:5000/app:v1" },
		{ "ghcr.io/a/b/c:d", "ghcr.io/a/b/c:d", "ghcr.io/a/b/c:d" },
		{ "[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest" },
		{ "busybox@sha256:" HEX64, "docker.io/library/busybox@sha256:" HEX64, "busybox@sha256:" HEX64 },
		{ "busybox:1@sha256:" HEX64, "docker.io/library/busybox:1@sha256:" HEX64, "busybox:1@sha256:" HEX64 },
		{ "a__b.c--d", "docker.io/library/a__b.c--d:latest", "a__b.c--d:latest" },
		{ "library/x/y", "docker.io/library/x/y:latest", "library/x/y:latest" },
		{ "", NULL, NULL },
		{ "Busybox", NULL, NULL },
		{ "busybox:", NULL, NULL },
		{ "busybox:-x", NULL, NULL },
		{ "busybox:.x", NULL, NULL },
		{ "bu sy", NULL, NULL },
		{ "a//b", NULL, NULL },
		{ "/a", NULL, NULL },
		{ "a/", NULL, NULL },
		{ "../a", NULL, NULL },
		{ "a/../b", NULL, NULL },
		{ "-a", NULL, NULL },
		{ "a_", NULL, NULL },
		{ "a___b", NULL, NULL },
		{ "host:port/x", NULL, NULL },
		{ "host:99999/x", NULL, NULL },
		{ "a@sha256:123", NULL, NULL },
		{ "a@md5:900150983cd24fb0d6963f7d28e17f72", NULL, NULL },
		{ "a\nb", NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a;
		const char *got = NULL;
		struct dv_err e;

		arena_init(&a, 0);
		int rc = image_name_normalize(&a, cases[i].text, &got, &e);
		if (rc != (cases[i].want ? 0 : -DV_INVALID))
			fail_msg("%s: %d %s", cases[i].text, rc, got ? got : "");
		if (!cases[i].want)
			continue;
		assert_string_equal(got, cases[i].want);
		assert_string_equal(image_name_familiar(got), cases[i].familiar);
	}
}

static void test_too_long(void **state)
{
	auto_arena struct arena a;
	char text[400];
	const char *got;

	arena_init(&a, 0);
	memset(text, 'a', sizeof(text));
	text[IMAGE_NAME_MAX + 1] = '\0';
	assert_fails(image_name_normalize(&a, text, &got, NULL), INVALID);
	text[1] = ':';
	text[131] = '\0';
	assert_fails(image_name_normalize(&a, text, &got, NULL), INVALID);
	text[130] = '\0';
	assert_int_equal(image_name_normalize(&a, text, &got, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_normalize),
		cmocka_unit_test(test_too_long),
	};

	return unit_run(tests);
}
