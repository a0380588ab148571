/* h1_head.c - a whole head of HTTP/1.1, taken apart in one pass over a copy.
 *
 * The copy lies in the caller's arena; names are made lower-case in it and
 * ends become NULs, so a head costs one memcpy and no other string. The first
 * violation ends it: nothing is repaired, since whoever is behind or before
 * us might have repaired it in another way.
 */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "http/chars.h"
#include "http/h1.h"
#include "http/h1_head.h"
#include "http/url.h"

/* What of the headers matters to framing. */
struct seen {
	int64_t length;                    /* of Content-Length, -1 */
	unsigned n_host, n_te;
	const char *host;
	size_t host_len;
	bool chunked, close, keep_alive, upgrade, expects, has_upgrade;
};

struct head {
	struct http_h1 *p;
	char *s, *end;                     /* what is left of the copy; it ends after the empty line */
	struct http_header *h;
	size_t n;
	uint8_t major, minor;
	struct seen seen;
};

static int bad(struct http_h1 *p, int status, const char *what, struct dv_err *e)
{
	p->status = status;
	return dv_fail(e, status == 501 ? DV_UNSUPPORTED : DV_INVALID, "%s", what);
}

/* --- headers that say where the body ends --- */

static int on_length(struct http_h1 *p, struct seen *s, const char *v, size_t n, struct dv_err *e)
{
	int64_t length = 0;

	if (s->length >= 0)
		return bad(p, 400, "more than one Content-Length", e);
	if (n == 0 || !ch_all(v, n, CH_DIGIT))
		return bad(p, 400, "Content-Length is no number", e);
	for (size_t i = 0; i < n; i++)
		if (__builtin_mul_overflow(length, 10, &length) || __builtin_add_overflow(length, v[i] - '0', &length))
			return bad(p, 400, "Content-Length is too large", e);
	s->length = length;
	return 0;
}

static int on_encoding(struct http_h1 *p, struct seen *s, const char *v, size_t n, struct dv_err *e)
{
	if (s->n_te++)
		return bad(p, 400, "more than one Transfer-Encoding", e);
	if (!ch_word(v, n, "chunked"))
		return bad(p, 501, "Transfer-Encoding is not \"chunked\"", e);
	s->chunked = true;
	return 0;
}

static int on_host(struct http_h1 *p, struct seen *s, const char *v, size_t n, struct dv_err *e)
{
	if (s->n_host++)
		return bad(p, 400, "more than one Host", e);
	if (n && !url_authority_valid(v, n))
		return bad(p, 400, "Host is no host", e);
	s->host = v;
	s->host_len = n;
	return 0;
}

static int on_connection(struct http_h1 *p, struct seen *s, const char *v, size_t n, struct dv_err *e)
{
	const char *one;
	size_t len;

	while (ch_list_next(&v, &one, &len)) {
		s->close |= ch_word(one, len, "close");
		s->keep_alive |= ch_word(one, len, "keep-alive");
		s->upgrade |= ch_word(one, len, "upgrade");
	}
	return 0;
}

static int on_expect(struct http_h1 *p, struct seen *s, const char *v, size_t n, struct dv_err *e)
{
	if (p->is_response)
		return 0;
	if (s->expects || !ch_word(v, n, "100-continue"))
		return bad(p, 417, "Expect is not \"100-continue\"", e);
	s->expects = true;
	return 0;
}

static int on_upgrade(struct http_h1 *p, struct seen *s, const char *v, size_t n, struct dv_err *e)
{
	s->has_upgrade = true;
	return 0;
}

static const struct known {
	const char *name;
	int (*take)(struct http_h1 *p, struct seen *s, const char *v, size_t n, struct dv_err *e);
	bool not_in_trailers;
} knowns[] = {
	{ "host", on_host, true },
	{ "expect", on_expect, true },
	{ "upgrade", on_upgrade, true },
	{ "connection", on_connection, true },
	{ "content-length", on_length, true },
	{ "transfer-encoding", on_encoding, true },
};

/* Their lengths differ, so that one look at a name's is enough. */
static const struct known *known_of(const char *name, size_t len)
{
	static const uint8_t by_len[18] = { [4] = 1, [6] = 2, [7] = 3, [10] = 4, [14] = 5, [17] = 6 };
	const struct known *k;

	if (len >= ARRAY_LEN(by_len) || !by_len[len])
		return NULL;
	k = &knowns[by_len[len] - 1];
	return memcmp(k->name, name, len) == 0 ? k : NULL;
}

/* --- lines --- */

/* One "name: value" CRLF; every line ends with CRLF, as the search for the end has made sure. */
static int parse_field(struct head *d, bool trailer, struct dv_err *e)
{
	char *name = d->s, *s = name, *value, *end;
	const struct known *k;
	size_t name_len;
	char c;

	for (; (c = http_token_lower[(uint8_t)*s]); s++)
		*s = c;
	name_len = (size_t)(s - name);
	if (*s != ':' || name_len == 0)
		return bad(d->p, 400, *name == ' ' || *name == '\t' ? "a folded line" : "a bad name of a header", e);
	*s++ = '\0';
	while (*s == ' ' || *s == '\t')
		s++;
	value = s;
	while (ch_is(*s, CH_VALUE))
		s++;
	end = s;
	if (s[0] != '\r' || s[1] != '\n')
		return bad(d->p, 400, "a control character in a header", e);
	d->s = s + 2;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	d->h[d->n++] = (struct http_header){ name, value };
	k = known_of(name, name_len);
	if (k && trailer)
		return bad(d->p, 400, "a header that may not come after the body", e);
	return k ? k->take(d->p, &d->seen, value, (size_t)(end - value), e) : 0;
}

static int parse_fields(struct head *d, bool trailer, struct dv_err *e)
{
	int r = 0;

	while (r == 0 && d->s < d->end - 2)
		r = parse_field(d, trailer, e);
	return r;
}

/* "HTTP/1.1" at s */
static int parse_version(struct head *d, const char *s, struct dv_err *e)
{
	if (memcmp(s, "HTTP/", 5) != 0 || !ch_is(s[5], CH_DIGIT) || s[6] != '.' || !ch_is(s[7], CH_DIGIT))
		return bad(d->p, 400, "the first line has no version", e);
	d->major = (uint8_t)(s[5] - '0');
	d->minor = (uint8_t)(s[7] - '0');
	if (d->major != 1 || d->minor > 1)
		return bad(d->p, 505, "the version is neither HTTP/1.1 nor HTTP/1.0", e);
	return 0;
}

static int head_begin(struct head *d, struct http_h1 *p, struct arena *a, struct dv_err *e)
{
	*d = (struct head){ .p = p, .seen.length = -1 };
	d->s = arena_try(a, p->text_len + 1);
	d->h = arena_try(a, (p->n_lines + 1U) * sizeof *d->h);
	if (!d->s || !d->h) {
		p->status = 431;
		return dv_fail(e, DV_LIMIT, "no room for the headers");
	}
	memcpy(d->s, p->text, p->text_len);
	d->end = d->s + p->text_len;
	p->arena = a;
	return 0;
}

size_t http_h1_head_room(const struct http_h1 *p)
{
	return ((p->text_len + 16) & ~(size_t)15) + ((p->n_lines + 1U) * sizeof(struct http_header) + 15) / 16 * 16;
}

static int take_trailers(struct http_h1 *p, struct arena *a, struct head *d, struct dv_err *e)
{
	int r = head_begin(d, p, a, e);

	return r == 0 ? parse_fields(d, true, e) : r;
}

int h1_trailers(struct http_h1 *p, struct dv_err *e)
{
	auto_arena struct arena nobodys = { 0 };
	struct arena *a = p->arena;
	struct head d;
	int r;

	if (!a)
		arena_init(&nobodys, 0);
	r = take_trailers(p, a ? a : &nobodys, &d, e);
	p->arena = a;
	if (r < 0)
		return r;
	p->trailers = a ? d.h : NULL;
	p->n_trailers = a ? d.n : 0;
	return 0;
}

/* --- requests --- */

/* Is it what stands in Host (which HTTP/1.0 may leave out)? */
static int check_authority(struct head *d, const char *s, size_t n, struct dv_err *e)
{
	if (!url_authority_valid(s, n))
		return bad(d->p, 400, "a bad host in the request line", e);
	if (d->seen.n_host && (d->seen.host_len != n || strncasecmp(d->seen.host, s, n) != 0))
		return bad(d->p, 400, "Host is not the host of the request line", e);
	return 0;
}

static int parse_origin(struct head *d, char *path, struct http_request *r, struct dv_err *e)
{
	size_t n = strcspn(path, "?");

	if (!url_path_valid(path, n))
		return bad(d->p, 400, "a bad path in the request line", e);
	r->path = path;
	if (path[n] == '\0')
		return 0;
	path[n] = '\0';
	r->query = path + n + 1;
	if (!ch_all(r->query, strlen(r->query), CH_QUERY))
		return bad(d->p, 400, "a bad query in the request line", e);
	return 0;
}

/* A whole URL, as for proxies: the same as its path with that Host. */
static int parse_absolute(struct head *d, struct arena *a, char *target, struct http_request *r, struct dv_err *e)
{
	const char *after = str_after(target, "http://");
	char *rest;
	size_t n;
	int res;

	if (!after)
		after = str_after(target, "https://");
	if (!after)
		return bad(d->p, 400, "a bad target in the request line", e);
	n = strcspn(after, "/?");
	res = check_authority(d, after, n, e);
	if (res < 0)
		return res;
	r->authority = arena_strn(a, after, n);
	rest = target + (after - target) + n;
	if (*rest == '/')
		return parse_origin(d, rest, r, e);
	return parse_origin(d, arena_printf(a, "/%s", rest), r, e);
}

static int parse_target(struct head *d, struct arena *a, char *target, struct http_request *r, struct dv_err *e)
{
	r->authority = d->seen.host ? d->seen.host : "";
	if (r->method == HTTP_CONNECT) {
		const char *colon = strrchr(target, ':');

		if (!colon || colon[1] == '\0' || strchr(colon, ']'))
			return bad(d->p, 400, "CONNECT without a port", e);
		r->authority = target;
		r->path = "";
		return check_authority(d, target, strlen(target), e);
	}
	if (*target == '/')
		return parse_origin(d, target, r, e);
	if (streq(target, "*")) {
		r->path = target;
		return r->method == HTTP_OPTIONS ? 0 : bad(d->p, 400, "the target * is for OPTIONS only", e);
	}
	return parse_absolute(d, a, target, r, e);
}

/* METHOD SP TARGET SP VERSION CRLF, one blank each. */
static int parse_request_line(struct head *d, struct http_request *r, char **ret_target, struct dv_err *e)
{
	char *s = d->s, *target, *lf;

	r->method_name = s;
	while (http_token_lower[(uint8_t)*s])
		s++;
	if (*s != ' ' || s == d->s)
		return bad(d->p, 400, "a bad method", e);
	r->method = http_method_of(d->s, (size_t)(s - d->s));
	*s++ = '\0';
	target = s;
	while (*s > ' ' && *s < 0x7f)
		s++;
	if (*s != ' ' || s == target)
		return bad(d->p, 400, "a bad request line", e);
	*s++ = '\0';
	lf = memchr(s, '\n', (size_t)(d->end - s));
	if (lf - s != 9)
		return bad(d->p, 400, "a bad request line", e);
	d->s = lf + 1;
	*ret_target = target;
	return parse_version(d, s, e);
}

static int request_framing(struct head *d, struct http_request *r, struct dv_err *e)
{
	struct seen *s = &d->seen;

	if (s->n_te && (s->length >= 0 || d->minor == 0))
		return bad(d->p, 400, s->length >= 0 ? "Content-Length with Transfer-Encoding" :
			   "Transfer-Encoding in HTTP/1.0", e);
	if (d->minor == 1 && !s->n_host)
		return bad(d->p, 400, "no Host", e);
	r->body_length = s->chunked ? -1 : DV_MAX(s->length, (int64_t)0);
	if (r->method == HTTP_CONNECT && (s->chunked || s->length >= 0))
		return bad(d->p, 400, "CONNECT with a body", e);
	d->p->chunked = s->chunked;
	d->p->keep_alive = d->minor == 1 ? !s->close : s->keep_alive && !s->close;
	d->p->expects_continue = s->expects && d->minor == 1 && r->body_length != 0;
	d->p->upgrades = s->upgrade && s->has_upgrade && d->minor == 1 && r->body_length == 0;
	return 0;
}

int http_h1_request(struct http_h1 *p, struct arena *a, struct http_request *ret, struct dv_err *e)
{
	struct http_request r = *ret;
	struct head d;
	char *target = NULL;
	int res = head_begin(&d, p, a, e);

	r.query = NULL;
	if (res == 0)
		res = parse_request_line(&d, &r, &target, e);
	if (res == 0)
		res = parse_fields(&d, false, e);
	if (res == 0)
		res = request_framing(&d, &r, e);
	if (res == 0)
		res = parse_target(&d, a, target, &r, e);
	if (res < 0)
		return res;
	r.major = d.major;
	r.minor = d.minor;
	r.headers = d.h;
	r.n_headers = d.n;
	h1_begin_body(p, r.body_length);
	*ret = r;
	return 0;
}

/* --- responses --- */

/* VERSION SP 3DIGIT [SP REASON] CRLF; many leave the blank away together with the reason. */
static int parse_status_line(struct head *d, struct http_response *r, struct dv_err *e)
{
	char *s = d->s, *lf = memchr(s, '\n', (size_t)(d->end - s));
	size_t len = (size_t)(lf - s) - 1;
	int res;

	if (len < 12 || s[8] != ' ' || !ch_all(s + 9, 3, CH_DIGIT) || s[9] == '0' || (len > 12 && s[12] != ' '))
		return bad(d->p, 400, "a bad status line", e);
	res = parse_version(d, s, e);
	if (res < 0)
		return res;
	r->status = (s[9] - '0') * 100 + (s[10] - '0') * 10 + (s[11] - '0');
	r->reason = len > 13 ? s + 13 : "";
	if (!ch_all(s + 12, len - 12, CH_VALUE))
		return bad(d->p, 400, "a control character in the status line", e);
	s[len] = '\0';
	d->s = lf + 1;
	return 0;
}

static int response_framing(struct head *d, struct http_response *r, struct dv_err *e)
{
	struct http_h1 *p = d->p;
	struct seen *s = &d->seen;
	bool interim = r->status < 200, tunnel = r->status == 101 || (p->request_was_connect && r->status < 300 && !interim);
	bool none = interim || tunnel || r->status == 204 || r->status == 304 || p->request_was_head;

	if (s->n_te && (s->length >= 0 || d->minor == 0))
		return bad(p, 400, "Transfer-Encoding with Content-Length, or in HTTP/1.0", e);
	if (interim && (s->n_te || s->length > 0))
		return bad(p, 400, "an interim response with a body", e);
	p->chunked = s->chunked && !none;
	p->until_close = !none && !s->chunked && s->length < 0;
	p->upgrades = r->status == 101;
	p->keep_alive = !p->until_close && !tunnel && (d->minor == 1 ? !s->close : s->keep_alive && !s->close);
	r->body_length = none ? 0 : s->chunked ? -1 : s->length;
	return 0;
}

int http_h1_response(struct http_h1 *p, struct arena *a, struct http_response *ret, struct dv_err *e)
{
	struct http_response r = *ret;
	struct head d;
	int res = head_begin(&d, p, a, e);

	if (res == 0)
		res = parse_status_line(&d, &r, e);
	if (res == 0)
		res = parse_fields(&d, false, e);
	if (res == 0)
		res = response_framing(&d, &r, e);
	if (res < 0)
		return res;
	r.major = d.major;
	r.minor = d.minor;
	r.headers = d.h;
	r.n_headers = d.n;
	h1_begin_body(p, r.body_length);
	*ret = r;
	return 0;
}
