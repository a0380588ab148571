/* route.c - paths into routes by a table of what stands behind a repository's name.
 *
 * A name may contain the words of the routes ("a/blobs/b"), so the table is compared from the end of the path.
 */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "registry/route.h"

/* --- tables --- */

enum rest_kind { REST_NONE, REST_DIGEST, REST_REFERENCE, REST_UPLOAD };

/* Longer ones first where one ends like the other. */
static const struct {
	const char *word;
	enum rest_kind rest;
	enum route_kind kind;
} repo_routes[] = {
	{ "/tags/list", REST_NONE, ROUTE_TAGS },
	{ "/blobs/uploads/", REST_NONE, ROUTE_UPLOADS },
	{ "/blobs/uploads", REST_NONE, ROUTE_UPLOADS },
	{ "/blobs/uploads/", REST_UPLOAD, ROUTE_UPLOAD },
	{ "/blobs/", REST_DIGEST, ROUTE_BLOB },
	{ "/manifests/", REST_REFERENCE, ROUTE_MANIFEST },
	{ "/referrers/", REST_DIGEST, ROUTE_REFERRERS },
};

static const struct {
	const char *path;
	enum route_kind kind;
} fixed_routes[] = {
	{ "/v2/", ROUTE_BASE },         { "/v2", ROUTE_BASE },        { "/v2/_catalog", ROUTE_CATALOG },
	{ "/token", ROUTE_TOKEN },      { "/metrics", ROUTE_METRICS }, { "/healthz", ROUTE_HEALTH },
};

#define M(m) (1u << HTTP_##m)
static const struct {
	const char *name;
	unsigned methods;
	const char *allow;
} kinds[ROUTE_KINDS] = {
	[ROUTE_BASE] = { "base", M(GET) | M(HEAD), "GET, HEAD" },
	[ROUTE_MANIFEST] = { "manifest", M(GET) | M(HEAD) | M(PUT) | M(DELETE), "GET, HEAD, PUT, DELETE" },
	[ROUTE_BLOB] = { "blob", M(GET) | M(HEAD) | M(DELETE), "GET, HEAD, DELETE" },
	[ROUTE_UPLOADS] = { "uploads", M(POST), "POST" },
	[ROUTE_UPLOAD] = { "upload", M(GET) | M(PATCH) | M(PUT) | M(DELETE), "GET, PATCH, PUT, DELETE" },
	[ROUTE_TAGS] = { "tags", M(GET) | M(HEAD), "GET, HEAD" },
	[ROUTE_REFERRERS] = { "referrers", M(GET) | M(HEAD), "GET, HEAD" },
	[ROUTE_CATALOG] = { "catalog", M(GET) | M(HEAD), "GET, HEAD" },
	[ROUTE_TOKEN] = { "token", M(GET), "GET" },
	[ROUTE_METRICS] = { "metrics", M(GET), "GET" },
	[ROUTE_HEALTH] = { "healthz", M(GET) | M(HEAD), "GET, HEAD" },
	[ROUTE_UNKNOWN] = { "unknown", 0, "" },
};

/* --- names --- */

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* What stands between words: one dot, one or two underscores, any number of dashes. */
static size_t separator(const char *s)
{
	size_t dashes = strspn(s, "-");

	if (dashes)
		return dashes;
	if (*s == '.')
		return 1;
	return *s == '_' ? 1 + (s[1] == '_') : 0;
}

bool repo_name_valid(const char *name)
{
	const char *s = name;

	if (strlen(name) > ROUTE_NAME_MAX)
		return false;
	for (;;) {
		if (!is_word(*s))
			return false;
		while (is_word(*s))
			s++;
		if (!*s)
			return true;
		size_t n = *s == '/' ? 1 : separator(s);
		if (!n)
			return false;
		s += n;
	}
}

bool tag_valid(const char *tag)
{
	size_t n = 0;

	for (; tag[n]; n++) {
		bool word = is_word(tag[n]) || (tag[n] >= 'A' && tag[n] <= 'Z') || tag[n] == '_';

		if (n == ROUTE_TAG_MAX || (!word && (n == 0 || (tag[n] != '.' && tag[n] != '-'))))
			return false;
	}
	return n > 0;
}

static bool upload_valid(const char *id)
{
	unsigned char bytes[(ROUTE_UPLOAD_SIZE - 1) / 2];

	return strlen(id) == ROUTE_UPLOAD_SIZE - 1 && str_unhex(id, bytes, sizeof bytes);
}

/* --- routes --- */

static enum problem rest_parse(enum rest_kind rest, const char *text, struct route *r)
{
	switch (rest) {
	case REST_NONE:
		return PROBLEM_NONE;
	case REST_UPLOAD:
		if (!upload_valid(text))
			return PROBLEM_UPLOAD_UNKNOWN;
		memcpy(r->upload, text, sizeof r->upload);
		return PROBLEM_NONE;
	case REST_REFERENCE:
		if (!strchr(text, ':')) {
			if (!tag_valid(text))
				return PROBLEM_TAG_INVALID;
			memcpy(r->tag, text, strlen(text) + 1);
			return PROBLEM_NONE;
		}
		break;
	case REST_DIGEST:
		break;
	}
	return digest_parse(text, &r->digest, NULL) < 0 ? PROBLEM_DIGEST_INVALID : PROBLEM_NONE;
}

/* Where the row's word stands in path, behind a name: NULL when it is no such route. */
static const char *row_match(size_t row, const char *path)
{
	size_t len = strlen(path), n = strlen(repo_routes[row].word);

	if (repo_routes[row].rest == REST_NONE)
		return len > n && streq(path + len - n, repo_routes[row].word) ? path + len - n : NULL;
	const char *last = strrchr(path, '/');
	if (!last || !last[1] || (size_t)(last + 1 - path) <= n)
		return NULL;
	return memcmp(last + 1 - n, repo_routes[row].word, n) == 0 ? last + 1 - n : NULL;
}

static enum problem repo_route(const char *path, struct route *r)
{
	for (size_t i = 0; i < ARRAY_LEN(repo_routes); i++) {
		const char *at = row_match(i, path);

		if (!at)
			continue;
		r->kind = repo_routes[i].kind;
		if ((size_t)(at - path) > ROUTE_NAME_MAX)
			return PROBLEM_NAME_INVALID;
		memcpy(r->name, path, (size_t)(at - path));
		r->name[at - path] = '\0';
		if (!repo_name_valid(r->name)) {
			r->name[0] = '\0';
			return PROBLEM_NAME_INVALID;
		}
		return rest_parse(repo_routes[i].rest, at + strlen(repo_routes[i].word), r);
	}
	return PROBLEM_NO_ROUTE;
}

enum problem route_parse(const char *path, struct route *ret)
{
	*ret = (struct route){ .kind = ROUTE_UNKNOWN };
	for (size_t i = 0; i < ARRAY_LEN(fixed_routes); i++)
		if (streq(path, fixed_routes[i].path)) {
			ret->kind = fixed_routes[i].kind;
			return PROBLEM_NONE;
		}
	const char *rest = str_after(path, "/v2/");
	return rest ? repo_route(rest, ret) : PROBLEM_NO_ROUTE;
}

const char *route_kind_name(enum route_kind kind)
{
	return kinds[kind].name;
}

bool route_allows(enum route_kind kind, enum http_method m, const char **ret_allow)
{
	*ret_allow = kinds[kind].allow;
	return kinds[kind].methods >> m & 1;
}

/* --- ranges --- */

enum http_range blob_range_parse(const char *text, uint64_t size, uint64_t *ret_first, uint64_t *ret_len)
{
	const char *spec = text ? str_after(text, "bytes=") : NULL;
	struct scan s = scan_of(spec ? spec : "", spec ? strlen(spec) : 0);
	uint64_t first, last;

	if (scan_u64(&s, &first) && scan_char(&s, '-') && scan_u64(&s, &last) && s.p == s.end && last < first)
		return HTTP_RANGE_BAD;
	return http_range_parse(text, size, ret_first, ret_len);
}

bool content_range_parse(const char *text, uint64_t *ret_first, uint64_t *ret_last)
{
	const char *spec = str_after(text, "bytes ");
	uint64_t first, last, all;

	spec = spec ? spec : text;
	struct scan s = scan_of(spec, strlen(spec));
	if (!scan_u64(&s, &first) || !scan_char(&s, '-') || !scan_u64(&s, &last) || last < first || last == UINT64_MAX)
		return false;
	if (scan_char(&s, '/') && !scan_char(&s, '*') && !scan_u64(&s, &all))
		return false;
	if (s.p != s.end)
		return false;
	*ret_first = first;
	*ret_last = last;
	return true;
}
