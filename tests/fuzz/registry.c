/* registry.c - any bytes as a path, a range, a content range, a scope and a manifest: what is accepted is valid, and says
 * the same when it is written and read again.
 */
#include <string.h>

#include "base/str.h"
#include "fuzz.h"
#include "registry/document.h"
#include "registry/route.h"
#include "registry/rules.h"
#include "registry/token.h"

static void check_route(const char *text)
{
	char digest[DIGEST_TEXT_SIZE], again[1024];
	struct route r, r2;
	enum problem p = route_parse(text, &r);

	FUZZ_CHECK((p == PROBLEM_NO_ROUTE) == (r.kind == ROUTE_UNKNOWN));
	FUZZ_CHECK(!r.name[0] || repo_name_valid(r.name));
	FUZZ_CHECK(!r.tag[0] || tag_valid(r.tag));
	if (p || r.kind != ROUTE_MANIFEST)
		return;
	(void)snprintf(again, sizeof again, "/v2/%s/manifests/%s", r.name, r.tag[0] ? r.tag : digest_text(&r.digest, digest));
	FUZZ_CHECK(streq(again, text));
	FUZZ_CHECK(route_parse(again, &r2) == PROBLEM_NONE && streq(r.name, r2.name) && streq(r.tag, r2.tag));
}

static void check_ranges(const char *text)
{
	uint64_t first = 0, len = 0, last = 0;

	if (blob_range_parse(text, 1000, &first, &len) == HTTP_RANGE_ONE)
		FUZZ_CHECK(len > 0 && first < 1000 && len <= 1000 - first);
	if (content_range_parse(text, &first, &last))
		FUZZ_CHECK(first <= last && last < UINT64_MAX);
}

static void check_scope(struct arena *a, const char *text)
{
	struct token_grant g;

	if (token_scope_parse(a, text, &g))
		FUZZ_CHECK((!*g.repo || repo_name_valid(g.repo)) && g.actions <= ACTION_ALL);
}

static void check_document(struct arena *a, const char *text, size_t len)
{
	struct dv_err e = DV_ERR_NONE;
	struct manifest_info m = { 0 };

	if (document_parse(a, text, len, NULL, &m, &e) < 0) {
		FUZZ_CHECK(e.kind != DV_OK && !strpbrk(e.msg, "\n\r\x1b"));
		return;
	}
	FUZZ_CHECK(*m.media_type && (m.n == 0 || m.refs));
	for (size_t i = 0; i < m.n; i++)
		FUZZ_CHECK(m.refs[i].digest.alg != DIGEST_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a;
	char *text;

	arena_init(&a, (size_t)32 << 20);
	text = arena_strn(&a, (const char *)data, size);
	check_route(text);
	check_ranges(text);
	check_scope(&a, text);
	check_document(&a, text, size);
	return 0;
}
