/* manifest.c - any bytes as a manifest, an index, an index.json: what is accepted is inside its limits. */
#include <string.h>

#include "fuzz.h"
#include "image/manifest.h"
#include "image/store.h"
#include "transfer/layout.h"

#define ARENA_MAX ((size_t)16 << 20)

static void check_failure(int rc, const struct dv_err *e)
{
	FUZZ_CHECK(rc == -(int)DV_INVALID || rc == -(int)DV_LIMIT || rc == -(int)DV_UNSUPPORTED);
	FUZZ_CHECK(e->msg[0] && !strpbrk(e->msg, "\n\r\x1b"));
}

static void check_refs(const struct descriptor *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		FUZZ_CHECK(v[i].digest.alg == DIGEST_SHA256 || v[i].digest.alg == DIGEST_SHA512);
		FUZZ_CHECK(v[i].media_type && v[i].platform.os);
	}
}

/* An index.json that is accepted takes one more entry, and is accepted again. */
static void check_layout(struct arena *a, const char *text, size_t len)
{
	struct document doc = { .text = "{}", .len = 2, .media_type = MEDIA_OCI_MANIFEST };
	struct dv_err e = DV_ERR_NONE;
	struct layout_index x, again;
	int rc = layout_index_read(&x, a, text, len, &e);

	if (rc < 0) {
		check_failure(rc, &e);
		return;
	}
	digest_of(DIGEST_SHA256, doc.text, doc.len, &doc.digest);
	if (layout_index_add(&x, &doc, doc.media_type, "name", &e) < 0)
		return;
	text = layout_index_text(&x);
	FUZZ_CHECK(layout_index_read(&again, a, text, strlen(text), &e) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	struct dv_err e = DV_ERR_NONE;
	struct manifest_info info;
	struct manifest m;
	const char *text = (const char *)data;

	arena_init(&a, ARENA_MAX);
	int any = manifest_info_parse(&a, text, size, "", &info, &e);
	if (any < 0)
		check_failure(any, &e);
	else
		check_refs(info.refs, info.n);
	int rc = manifest_parse(&a, text, size, "", &m, &e);
	if (rc < 0) {
		check_failure(rc, &e);
	} else {
		/* What is strictly an image or an index is one for everybody. */
		FUZZ_CHECK(any == 0 && m.n <= 2000);
		check_refs(m.v, m.n);
	}
	check_layout(&a, text, size);
	return 0;
}
