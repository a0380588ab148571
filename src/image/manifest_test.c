/* manifest_test.c - manifests and indexes that are what they say, and those that are not. */
#include "base/str.h"
#include "base/unit.h"
#include "image/manifest.h"

#define HEX "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define DESC(type, more) "{\"mediaType\":\"" type "\",\"digest\":\"sha256:" HEX "\",\"size\":3" more "}"
#define CONFIG "\"config\":" DESC(MEDIA_OCI_CONFIG, "")
#define LAYERS "\"layers\":[" DESC(MEDIA_OCI_LAYER, "") "]"
#define V2 "{\"schemaVersion\":2,"
#define PLAT(os, arch) ",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\"}"

static void test_parse(void **state)
{
	static const struct { const char *what, *text, *want_type; int want; } cases[] = {
		{ "image", V2 CONFIG "," LAYERS "}", "", 0 },
		{ "image of its type", V2 "\"mediaType\":\"" MEDIA_OCI_MANIFEST "\"," CONFIG "," LAYERS "}", MEDIA_OCI_MANIFEST, 0 },
		{ "index", V2 "\"manifests\":[" DESC(MEDIA_OCI_MANIFEST, "") "]}", MEDIA_OCI_INDEX, 0 },
		{ "no layers", V2 CONFIG ",\"layers\":[]}", "", 0 },
		{ "other type than the descriptor", V2 "\"mediaType\":\"" MEDIA_DOCKER_MANIFEST "\"," CONFIG "," LAYERS "}",
		  MEDIA_OCI_MANIFEST, -DV_INVALID },
		{ "an index that says manifest", V2 "\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"manifests\":[]}", "", -DV_INVALID },
		{ "a manifest where an index was announced", V2 CONFIG "," LAYERS "}", MEDIA_OCI_INDEX, -DV_INVALID },
		{ "both", V2 CONFIG "," LAYERS ",\"manifests\":[]}", "", -DV_INVALID },
		{ "both by config", V2 CONFIG ",\"manifests\":[]}", "", -DV_INVALID },
		{ "schema 1", "{\"schemaVersion\":1,\"fsLayers\":[]}", "", -DV_UNSUPPORTED },
		{ "fsLayers", V2 "\"fsLayers\":[]," CONFIG "," LAYERS "}", "", -DV_INVALID },
		{ "neither", V2 "\"x\":1}", "", -DV_INVALID },
		{ "no config", V2 LAYERS "}", "", -DV_INVALID },
		{ "config of an artifact", V2 "\"config\":" DESC("application/vnd.example", "") "," LAYERS "}", "", -DV_UNSUPPORTED },
		{ "unknown type", V2 CONFIG "," LAYERS "}", "text/plain", -DV_UNSUPPORTED },
		{ "negative size", V2 CONFIG ",\"layers\":[{\"digest\":\"sha256:" HEX "\",\"size\":-1}]}", "", -DV_INVALID },
		{ "size as text", V2 CONFIG ",\"layers\":[{\"digest\":\"sha256:" HEX "\",\"size\":\"3\"}]}", "", -DV_INVALID },
		{ "no size", V2 CONFIG ",\"layers\":[{\"digest\":\"sha256:" HEX "\"}]}", "", -DV_INVALID },
		{ "path as digest", V2 CONFIG ",\"layers\":[{\"digest\":\"sha256:../../../../etc/passwd\",\"size\":3}]}", "", -DV_INVALID },
		{ "md5", V2 CONFIG ",\"layers\":[{\"digest\":\"md5:900150983cd24fb0d6963f7d28e17f72\",\"size\":3}]}", "", -DV_INVALID },
		{ "duplicate key", V2 "\"schemaVersion\":2," CONFIG "," LAYERS "}", "", -DV_INVALID },
		{ "a list", "[]", "", -DV_INVALID },
		{ "no JSON", "x", "", -DV_INVALID },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena a;
		struct manifest m;
		struct dv_err e = DV_ERR_NONE;

		arena_init(&a, 0);
		int rc = manifest_parse(&a, cases[i].text, strlen(cases[i].text), cases[i].want_type, &m, &e);
		if (rc != cases[i].want)
			fail_msg("%s: %d %s", cases[i].what, rc, e.msg);
		arena_done(&a);
	}
}

static void test_select(void **state)
{
	static const char index[] = V2 "\"manifests\":["
		DESC(MEDIA_OCI_MANIFEST, PLAT("unknown", "unknown")) ","
		DESC(MEDIA_OCI_MANIFEST, PLAT("linux", "amd64")) ","
		DESC(MEDIA_OCI_MANIFEST, ",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v6\"}") ","
		DESC(MEDIA_OCI_MANIFEST, ",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\"}") ","
		DESC(MEDIA_OCI_MANIFEST, "") "]}";
	static const struct { const char *platform; int want; } cases[] = {
		{ "linux/amd64", 1 }, { "linux/arm/v7", 3 }, { "linux/arm", 2 }, { "linux/s390x", -1 }, { "windows/amd64", -1 },
	};
	auto_arena struct arena a;
	struct manifest m;
	struct platform p;

	arena_init(&a, 0);
	assert_int_equal(manifest_parse(&a, index, strlen(index), "", &m, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct descriptor *d;

		assert_int_equal(platform_parse(&a, cases[i].platform, &p, NULL), 0);
		int rc = manifest_select(&m, &p, &d, NULL);
		assert_int_equal(rc, cases[i].want < 0 ? -DV_NOT_FOUND : 0);
		if (rc == 0)
			assert_int_equal(d - m.v, cases[i].want);
	}
	assert_fails(platform_parse(&a, "linux", &p, NULL), INVALID);
	assert_fails(platform_parse(&a, "a/b/c/d", &p, NULL), INVALID);
	assert_fails(platform_parse(&a, "linux//", &p, NULL), INVALID);
	assert_int_equal(platform_parse(&a, NULL, &p, NULL), 0);
	assert_string_equal(p.os, "linux");
	assert_true(*p.arch);
}

static void test_write(void **state)
{
	auto_arena struct arena a;
	struct manifest m;
	struct descriptor config = { .media_type = MEDIA_OCI_CONFIG, .size = 7 }, layers[2] = {
		{ .media_type = MEDIA_OCI_LAYER, .size = 1 }, { .media_type = MEDIA_OCI_LAYER "+zstd", .size = 2 } };

	arena_init(&a, 0);
	digest_of(DIGEST_SHA256, "c", 1, &config.digest);
	digest_of(DIGEST_SHA256, "1", 1, &layers[0].digest);
	digest_of(DIGEST_SHA512, "2", 1, &layers[1].digest);
	const char *text = manifest_write(&a, &config, layers, 2);
	assert_int_equal(manifest_parse(&a, text, strlen(text), MEDIA_OCI_MANIFEST, &m, NULL), 0);
	assert_int_equal(m.n, 2);
	assert_int_equal(m.config.size, 7);
	assert_true(digest_equal(&m.v[1].digest, &layers[1].digest));
	assert_string_equal(m.v[1].media_type, MEDIA_OCI_LAYER "+zstd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_select),
		cmocka_unit_test(test_write),
	};

	return unit_run(tests);
}
