/* document_test.c - manifests that are taken and manifests that are not. */
#include "base/str.h"
#include "base/unit.h"
#include "registry/document.h"

#define D "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DESC(type) "{\"mediaType\":\"" type "\",\"digest\":\"" D "\",\"size\":3}"
#define CONFIG "\"config\":" DESC(MEDIA_OCI_CONFIG)
#define V2 "{\"schemaVersion\":2,"

static void test_taken(void **state)
{
	static const struct {
		const char *text, *content_type, *media_type, *artifact_type;
		size_t n;
	} cases[] = {
		{ V2 CONFIG ",\"layers\":[]}", MEDIA_OCI_MANIFEST, MEDIA_OCI_MANIFEST, MEDIA_OCI_CONFIG, 1 },
		{ V2 CONFIG ",\"layers\":[" DESC("a/b") "]}", NULL, MEDIA_OCI_MANIFEST, MEDIA_OCI_CONFIG, 2 },
		{ V2 CONFIG ",\"layers\":[]}", MEDIA_OCI_MANIFEST "; charset=utf-8", MEDIA_OCI_MANIFEST, MEDIA_OCI_CONFIG, 1 },
		{ V2 CONFIG ",\"layers\":[]}", MEDIA_DOCKER_MANIFEST, MEDIA_DOCKER_MANIFEST, MEDIA_OCI_CONFIG, 1 },
		{ V2 "\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"artifactType\":\"x/y\"," CONFIG ",\"layers\":[]}",
		  MEDIA_OCI_MANIFEST, MEDIA_OCI_MANIFEST, "x/y", 1 },
		{ V2 "\"manifests\":[]}", MEDIA_OCI_INDEX, MEDIA_OCI_INDEX, NULL, 0 },
		{ V2 "\"manifests\":[" DESC("a/b") "]}", NULL, MEDIA_OCI_INDEX, NULL, 1 },
		{ V2 "\"artifactType\":\"x/y\",\"manifests\":[]}", MEDIA_OCI_INDEX, MEDIA_OCI_INDEX, "x/y", 0 },
		{ V2 "\"manifests\":[]}", MEDIA_DOCKER_LIST, MEDIA_DOCKER_LIST, NULL, 0 },
	};
	auto_arena struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct manifest_info m;
		struct dv_err e = DV_ERR_NONE;

		assert_ok(document_parse(&a, cases[i].text, strlen(cases[i].text), cases[i].content_type, &m, &e), &e);
		assert_string_equal(m.media_type, cases[i].media_type);
		assert_int_equal(m.n, cases[i].n);
		if (cases[i].artifact_type)
			assert_string_equal(m.artifact_type, cases[i].artifact_type);
		else
			assert_null(m.artifact_type);
	}
}

static void test_refused(void **state)
{
	static const struct { const char *text, *content_type; } cases[] = {
		{ "", NULL },
		{ "[]", NULL },
		{ "null", NULL },
		{ "{}", NULL },
		{ "{\"schemaVersion\":1,\"fsLayers\":[]}", NULL },
		{ V2 "\"layers\":[]}", MEDIA_OCI_MANIFEST },
		{ V2 CONFIG ",\"layers\":{}}", MEDIA_OCI_MANIFEST },
		{ V2 CONFIG ",\"layers\":[1]}", MEDIA_OCI_MANIFEST },
		{ V2 CONFIG ",\"layers\":[],\"manifests\":[]}", MEDIA_OCI_MANIFEST },
		{ V2 CONFIG ",\"layers\":[]}", MEDIA_OCI_INDEX },
		{ V2 "\"manifests\":[]}", MEDIA_OCI_MANIFEST },
		{ V2 "\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":[]}", MEDIA_DOCKER_LIST },
		{ V2 CONFIG ",\"layers\":[]}", "application/json" },
		{ V2 CONFIG ",\"layers\":[]}", "text/html" },
		{ V2 "\"config\":{\"mediaType\":\"a/b\",\"digest\":\"md5:00\",\"size\":1},\"layers\":[]}", MEDIA_OCI_MANIFEST },
		{ V2 "\"config\":{\"mediaType\":\"a/b\",\"digest\":\"" D "\",\"size\":-1},\"layers\":[]}", MEDIA_OCI_MANIFEST },
		{ V2 CONFIG ",\"layers\":[]} x", MEDIA_OCI_MANIFEST },
		{ V2 CONFIG ",\"layers\":[],\"subject\":{\"digest\":\"x\",\"size\":1}}", MEDIA_OCI_MANIFEST },
	};
	auto_arena struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct manifest_info m = { .n = 4711 };
		struct dv_err e = DV_ERR_NONE;

		print_message("# %s\n", cases[i].text);
		assert_true(document_parse(&a, cases[i].text, strlen(cases[i].text), cases[i].content_type, &m, &e) < 0);
		assert_true(e.kind == DV_INVALID || e.kind == DV_UNSUPPORTED);
		assert_int_equal(m.n, 4711);
	}
}

static void test_optional(void **state)
{
	static const struct { const char *type; bool want; } cases[] = {
		{ "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", true },
		{ "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", true },
		{ "application/vnd.oci.image.layer.v1.tar", false },
		{ "", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(document_optional(&(struct descriptor){ .media_type = cases[i].type }), cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken), cmocka_unit_test(test_refused), cmocka_unit_test(test_optional),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
