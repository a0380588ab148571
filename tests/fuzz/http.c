/* http.c - HTTP/1.1 messages give the same at once and in pieces; URLs, queries, types, dates and ranges make sense.
 *
 * The first byte chooses: 'q' requests, 'r' responses, 'h' responses to HEAD,
 * 'u' the small parsers. The pieces follow from the bytes, so an input always does the same.
 */
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "fuzz.h"
#include "http/h1_trace.h"
#include "http/url.h"

static const struct http_h1_limits limits = { .head_max_bytes = 4096, .line_max_bytes = 1024, .headers_max = 50 };

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void trace(struct buf *out, char mode, const char *data, size_t n, uint32_t seed)
{
	struct h1_trace t;

	h1_trace_begin(&t, out, mode != 'q', mode == 'h' ? HTTP_HEAD : HTTP_GET, &limits);
	for (size_t at = 0; at < n;) {
		size_t piece = seed ? 1 + next(&seed) % (next(&seed) % 4 ? 8 : 300) : n;
		char *copy;

		piece = DV_MIN(piece, n - at);
		copy = mem_alloc(piece);
		memcpy(copy, data + at, piece);
		h1_trace_feed(&t, copy, piece);
		free(copy);
		at += piece;
	}
	h1_trace_end(&t);
}

static void messages(char mode, const char *data, size_t n)
{
	uint32_t seed = 2166136261;
	auto_buf struct buf whole = BUF_INIT(1 << 24);

	for (size_t i = 0; i < n; i++)
		seed = (seed ^ (uint8_t)data[i]) * 16777619;
	trace(&whole, mode, data, n, 0);
	for (uint32_t i = 0; i < 4; i++) {
		auto_buf struct buf cut = BUF_INIT(1 << 24);

		trace(&cut, mode, data, n, (seed + i) | 1);
		FUZZ_CHECK(cut.len == whole.len && memcmp(buf_cstr(&cut), buf_cstr(&whole), cut.len) == 0);
	}
}

/* What was taken means the same when it is written again. */
static void one_url(struct arena *a, const char *s)
{
	struct url u, again, base = { .scheme = "http", .host = "h", .port = 80, .path = "/a/b" };
	const char *text;

	if (url_parse(a, s, &u, NULL) == 0) {
		text = url_text(a, &u);
		FUZZ_CHECK(url_parse(a, text, &again, NULL) == 0);
		FUZZ_CHECK(streq(text, url_text(a, &again)));
		FUZZ_CHECK(url_authority_valid(url_authority(a, &u), strlen(url_authority(a, &u))));
	}
	if (url_resolve(a, &base, s, &u, NULL) == 0) {
		FUZZ_CHECK(*u.path == '/');
		FUZZ_CHECK(!strstr(u.path, "/../") && !strstr(u.path, "/./"));
		FUZZ_CHECK(url_path_valid(u.path, strlen(u.path)));
	}
	if (url_path_decode(a, s, &text, NULL) == 0)
		FUZZ_CHECK(!strstr(text, "/../"));
}

static void small(const char *data, size_t n)
{
	static const char *const offers[] = { "application/json", "text/plain" };
	auto_arena struct arena a;
	struct http_header *list;
	uint64_t first, len;
	const char *v;
	char *s, date[HTTP_DATE_LEN + 1];
	size_t n_list;
	time_t t;

	arena_init(&a, 0);
	s = arena_strn(&a, data, n);
	one_url(&a, s);
	if (http_query_parse(&a, s, &list, &n_list, NULL) == 0)
		for (size_t i = 0; i < n_list; i++) {
			FUZZ_CHECK(http_query_get(&a, s, list[i].name, &v, NULL) == 0);
			FUZZ_CHECK(v != NULL);
		}
	dv_ignore(http_query_get(&a, s, "a", &v, NULL));
	(void)http_param_get(&a, s, "a");
	FUZZ_CHECK(http_accept_best(s, offers, 2) < 2);
	(void)http_accepts_encoding(s, "gzip");
	if (http_date_parse(s, &t, NULL) == 0) {
		http_date_format(t, date);
		FUZZ_CHECK(streq(date, s));
	}
	if (http_range_parse(s, 1000, &first, &len) == HTTP_RANGE_ONE)
		FUZZ_CHECK(len > 0 && first < 1000 && first + len <= 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (*data == 'u')
		small((const char *)data + 1, size - 1);
	else
		messages((char)*data, (const char *)data + 1, size - 1);
	return 0;
}
