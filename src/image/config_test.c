/* config_test.c - image configurations: times, layers, history. */
#include "base/unit.h"
#include "image/config.h"
#include "image/image.h"

#define D1 "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void test_time(void **state)
{
	static const struct { const char *text; bool ok; int64_t want; } cases[] = {
		{ "1970-01-01T00:00:00Z", true, 0 },
		{ "2000-02-29T12:34:56.789Z", true, 951827696 },
		{ "2026-11-22T03:00:00+01:00", true, 1795312800 },
		{ "2026-11-22T03:00:00-01:30", true, 1795321800 },
		{ "1969-12-31T23:59:59Z", true, -1 },
		{ "0001-01-01T00:00:00Z", true, -62135596800 },
		{ "2026-13-01T00:00:00Z", false, 0 },
		{ "2026-11-22", false, 0 },
		{ "2026-11-22T03:00:00", false, 0 },
		{ "2026-11-22T03:00:00Zx", false, 0 },
		{ "yesterday", false, 0 },
		{ "", false, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t got = 0;
		bool ok = image_time_parse(cases[i].text, &got);

		if (ok != cases[i].ok || got != cases[i].want)
			fail_msg("%s: %d, %lld", cases[i].text, ok, (long long)got);
	}
}

static void test_parse(void **state)
{
	static const struct { const char *text; int want; size_t layers; } cases[] = {
		{ "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D1 "\",\"" D1 "\"]}}", 0, 2 },
		{ "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}", 0, 0 },
		{ "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":null}}", 0, 0 },
		{ "{\"rootfs\":{\"type\":\"tree\",\"diff_ids\":[]}}", -DV_INVALID, 0 },
		{ "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:../..\"]}}", -DV_INVALID, 0 },
		{ "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[7]}}", -DV_INVALID, 0 },
		{ "{}", -DV_INVALID, 0 },
		{ "[]", -DV_INVALID, 0 },
		{ "{", -DV_INVALID, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a;
		struct image_config c = { 0 };
		struct dv_err e;

		arena_init(&a, 0);
		int rc = image_config_parse(&a, cases[i].text, strlen(cases[i].text), &c, &e);
		if (rc != cases[i].want || c.n_layers != cases[i].layers)
			fail_msg("%s: %d, %zu layers", cases[i].text, rc, c.n_layers);
	}
}

static void test_too_many_layers(void **state)
{
	auto_arena struct arena a;
	auto_buf struct buf b = BUF_INIT(1 << 20);
	struct image_config c;
	struct dv_err e;

	arena_init(&a, 0);
	buf_str(&b, "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D1 "\"");
	for (int i = 0; i < 500; i++)
		buf_str(&b, ",\"" D1 "\"");
	buf_str(&b, "]}}");
	assert_fails(image_config_parse(&a, buf_cstr(&b), b.len, &c, &e), LIMIT);
}

static void test_history(void **state)
{
	static const char config[] = "{\"history\":[{\"created_by\":\"ADD x\",\"created\":\"t\"},"
				     "{\"created_by\":\"ENV a=b\",\"empty_layer\":true},{\"comment\":\"c\"}]}";
	struct image_layer layers[3] = { { .diff_id = "1" }, { .diff_id = "2" }, { .diff_id = "3" } };
	const struct image img = { .id = "x", .config = config, .config_len = sizeof(config) - 1, .layers = layers, .n_layers = 3 };
	auto_arena struct arena a;
	struct image_history h;

	arena_init(&a, 0);
	assert_int_equal(image_history(&a, &img, &h, NULL), 0);
	assert_int_equal(h.n, 4);
	assert_string_equal(h.v[0].created_by, "ADD x");
	assert_ptr_equal(h.v[0].layer, &layers[0]);
	assert_null(h.v[1].layer);
	assert_ptr_equal(h.v[2].layer, &layers[1]);
	assert_string_equal(h.v[2].comment, "c");
	assert_ptr_equal(h.v[3].layer, &layers[2]);
	assert_string_equal(h.v[3].created_by, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_too_many_layers),
		cmocka_unit_test(test_history),
	};

	return unit_run(tests);
}
