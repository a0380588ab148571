/* json.c - any bytes through the JSON parser; what is accepted survives every way out and in again. */
#include <string.h>

#include "base/str.h"
#include "fuzz.h"
#include "json/json.h"
#include "json/yaml.h"

#define ARENA_MAX ((size_t)32 << 20)

static void check_failure(int r, const struct dv_err *e)
{
	FUZZ_CHECK(r == -(int)DV_INVALID || r == -(int)DV_LIMIT);
	FUZZ_CHECK(e->kind == (enum dv_kind)-r);
	FUZZ_CHECK(e->msg[0] && !strpbrk(e->msg, "\n\r\x1b"));
}

static void check_text(struct arena *a, const struct json *j, enum json_style style)
{
	char *text = json_text(a, j, style);
	struct json *again = NULL;
	struct dv_err e;

	FUZZ_CHECK(json_parse(a, text, strlen(text), &again, &e) == 0);
	FUZZ_CHECK(json_equal(j, again) && json_equal(again, j));
	FUZZ_CHECK(streq(text, json_text(a, again, style)));
}

static void check_yaml(struct arena *a, const struct json *j)
{
	auto_buf struct buf b = BUF_INIT(ARENA_MAX);
	struct json *again = NULL;
	struct dv_err e;
	int r;

	yaml_write(&b, j);
	r = yaml_parse(a, b.p, b.len, &again, &e);
	FUZZ_CHECK(r == -(int)DV_LIMIT || (r == 0 && json_equal(j, again)));
}

/* Take the members out one by one, and put them in again. */
static void check_changes(struct arena *a, struct json *j)
{
	struct json *other = json_new_object(a);
	size_t n = json_len(j);

	if (json_type(j) != JSON_OBJECT)
		return;
	for (size_t i = 0; i < n; i++) {
		const char *key = json_key(j, (i * 7919) % json_len(j));
		struct json *v = json_get_mut(j, key);

		if (!v)                 /* a key with NUL bytes */
			return;
		json_set(a, other, key, v);
		FUZZ_CHECK(json_del(j, key) && !json_get(j, key));
		FUZZ_CHECK(json_get(other, key) == v);
	}
	FUZZ_CHECK(json_len(j) == 0 && json_len(other) == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a, small;
	struct json *j = NULL;
	struct dv_err e = DV_ERR_NONE;
	int r;

	arena_init(&small, size * 3);
	r = json_parse(&small, (const char *)data, size, &j, &e);
	if (r < 0)
		check_failure(r, &e);
	arena_init(&a, ARENA_MAX);
	r = json_parse(&a, (const char *)data, size, &j, &e);
	if (r < 0) {
		check_failure(r, &e);
		return 0;
	}
	check_text(&a, j, JSON_COMPACT);
	check_text(&a, j, JSON_PRETTY);
	check_yaml(&a, j);
	FUZZ_CHECK(json_equal(json_copy(&a, j), j));
	check_changes(&a, j);
	return 0;
}
