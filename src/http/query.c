/* query.c - what is inside values: parameters of queries and media types, preferences. */
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "http/chars.h"
#include "http/message.h"
#include "http/url.h"

#define PARAMS_MAX 1000

/* --- queries --- */

static int param_decode(struct arena *a, const char *s, size_t n, struct http_header *ret, struct dv_err *e)
{
	const char *eq = memchr(s, '=', n);
	size_t name_len = eq ? (size_t)(eq - s) : n;
	struct http_header h = { .value = "" };
	int r = url_decode(a, s, name_len, true, &h.name, e);

	if (r == 0 && eq)
		r = url_decode(a, eq + 1, n - name_len - 1, true, &h.value, e);
	if (r == 0)
		*ret = h;
	return r;
}

/* The next parameter that is not empty. */
static bool param_next(struct scan *s, const char **ret, size_t *ret_len)
{
	while (scan_until(s, '&', ret, ret_len))
		if (*ret_len)
			return true;
	return false;
}

int http_query_get(struct arena *a, const char *query, const char *name, const char **ret, struct dv_err *e)
{
	struct scan s = scan_of(query ? query : "", query ? strlen(query) : 0);
	struct http_header h;
	const char *one;
	size_t n;

	while (param_next(&s, &one, &n)) {
		size_t len = strcspn(one, "=&");
		int r;

		/* most names are plain: no need to decode the others */
		if (!memchr(one, '%', len) && !memchr(one, '+', len) &&
		    (strlen(name) != len || memcmp(one, name, len) != 0))
			continue;
		r = param_decode(a, one, n, &h, e);
		if (r < 0)
			return dv_wrap(e, "query parameter %s", name);
		if (streq(h.name, name)) {
			*ret = h.value;
			return 0;
		}
	}
	*ret = NULL;
	return 0;
}

int http_query_parse(struct arena *a, const char *query, struct http_header **ret, size_t *ret_n, struct dv_err *e)
{
	struct scan s = scan_of(query ? query : "", query ? strlen(query) : 0);
	struct scan count = s;
	struct http_header *list;
	const char *one;
	size_t len, n = 0;

	while (param_next(&count, &one, &len))
		n++;
	if (n > PARAMS_MAX)
		return dv_fail(e, DV_LIMIT, "a query of more than %d parameters", PARAMS_MAX);
	list = arena_array(a, struct http_header, n);
	for (size_t i = 0; param_next(&s, &one, &len); i++) {
		int r = param_decode(a, one, len, &list[i], e);

		if (r < 0)
			return dv_wrap(e, "query");
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

/* --- media types --- */

/* The part before the parameters. */
static size_t type_len(const char *s, size_t n)
{
	const char *end = memchr(s, ';', n);

	if (end)
		n = (size_t)(end - s);
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	return n;
}

bool http_type_is(const char *content_type, const char *type)
{
	size_t n = strlen(type);

	return content_type && type_len(content_type, strlen(content_type)) == n &&
	       strncasecmp(content_type, type, n) == 0;
}

/* "..." or a token at s; what follows goes to *ret_rest. NULL: neither. */
static char *param_value(struct arena *a, const char *s, const char **ret_rest)
{
	char *out = arena_alloc(a, strlen(s) + 1);
	size_t n = 0;

	if (*s != '"') {
		for (; http_token_lower[(uint8_t)*s]; s++)
			out[n++] = *s;
		*ret_rest = s;
		return n ? out : NULL;
	}
	for (s++; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1])
			s++;
		out[n++] = *s;
	}
	*ret_rest = s + 1;
	return *s == '"' ? out : NULL;
}

const char *http_param_get(struct arena *a, const char *value, const char *name)
{
	const char *s = value + strcspn(value, ";");

	while (*s == ';') {
		const char *found = NULL;
		size_t n;

		s++;
		s += strspn(s, " \t");
		n = strcspn(s, "=; \t");
		if (s[n] == '=') {
			const char *given = s;

			found = param_value(a, s + n + 1, &s);
			if (!found || (n == strlen(name) && strncasecmp(given, name, n) == 0))
				return found;
		} else {
			s += n;
		}
		s += strspn(s, " \t");
	}
	return NULL;
}

/* --- preferences --- */

/* ";q=0.5" in an element as thousandths; 1000 without one, 0 when it is malformed. */
static unsigned quality(const char *s, size_t n)
{
	const char *end = s + n;

	while ((s = memchr(s, ';', (size_t)(end - s)))) {
		unsigned q = 0, digits = 0;

		for (s++; s < end && (*s == ' ' || *s == '\t'); s++)
			;
		if (end - s < 3 || ch_lower(s[0]) != 'q' || s[1] != '=')
			continue;
		if (s[2] != '0' && s[2] != '1')
			return 0;
		q = (unsigned)(s[2] - '0') * 1000;
		if (s + 3 < end && s[3] == '.')
			for (unsigned unit = 100; s + 4 + digits < end && ch_is(s[4 + digits], CH_DIGIT) && unit;
			     unit /= 10)
				q += unit * (unsigned)(s[4 + digits++] - '0');
		return DV_MIN(q, 1000U);
	}
	return 1000;
}

/* How well an element of Accept fits a type: 0 not, 1 by star-slash-star, 2 by its first half, 3 wholly. */
static unsigned fit(const char *s, size_t n, const char *offer)
{
	size_t half = strcspn(offer, "/");

	if (n == 3 && memcmp(s, "*/*", 3) == 0)
		return 1;
	if (n == half + 2 && memcmp(s + half, "/*", 2) == 0 && strncasecmp(s, offer, half) == 0)
		return 2;
	return n == type_len(offer, strlen(offer)) && strncasecmp(s, offer, n) == 0 ? 3 : 0;
}

/* The quality the most specific element gives to the offer. */
static unsigned offer_quality(const char *accept, const char *offer, unsigned *ret_fit)
{
	unsigned q = 0;
	const char *one;
	size_t n;

	*ret_fit = 0;
	while (ch_list_next(&accept, &one, &n)) {
		unsigned f = fit(one, type_len(one, n), offer);

		if (f > *ret_fit) {
			*ret_fit = f;
			q = quality(one, n);
		}
	}
	return q;
}

int http_accept_best(const char *accept, const char *const *offers, size_t n)
{
	unsigned best_q = 0, best_fit = 0;
	int best = -1;

	if (n == 0)
		return -1;
	if (!accept || !*accept)
		return 0;
	for (size_t i = 0; i < n; i++) {
		unsigned f, q = offer_quality(accept, offers[i], &f);

		if (q > best_q || (q > 0 && q == best_q && f > best_fit)) {
			best_q = q;
			best_fit = f;
			best = (int)i;
		}
	}
	return best;
}

bool http_accepts_encoding(const char *accept, const char *coding)
{
	unsigned star = 0;
	const char *one;
	size_t n;

	if (!accept)
		return streq(coding, "identity");
	while (ch_list_next(&accept, &one, &n)) {
		size_t len = type_len(one, n);

		if (strlen(coding) == len && strncasecmp(one, coding, len) == 0)
			return quality(one, n) > 0;
		if (len == 1 && *one == '*')
			star = quality(one, n);
	}
	return star > 0 || streq(coding, "identity");
}
