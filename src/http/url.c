/* url.c - URLs, strictly; percent-encoding. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "http/chars.h"
#include "http/url.h"

static const struct {
	const char *scheme;
	uint16_t port;
} schemes[] = { { "http", 80 }, { "https", 443 } };

static uint16_t scheme_port(const char *scheme)
{
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (streq(schemes[i].scheme, scheme))
			return schemes[i].port;
	return 0;
}

/* --- percent-encoding --- */

void url_encode(struct buf *b, const char *s, size_t len, const char *keep)
{
	for (size_t i = 0; i < len; i++) {
		if (ch_is(s[i], CH_UNRESERVED) || (s[i] && strchr(keep, s[i])))
			buf_char(b, s[i]);
		else
			buf_printf(b, "%%%02X", (uint8_t)s[i]);
	}
}

/* The byte that %XX at s stands for; -1 when it is none, or NUL. */
static int triplet(const char *s, size_t n)
{
	int v;

	if (n < 3 || ch_hex(s[1]) < 0 || ch_hex(s[2]) < 0)
		return -1;
	v = ch_hex(s[1]) * 16 + ch_hex(s[2]);
	return v ? v : -1;
}

int url_decode(struct arena *a, const char *s, size_t len, bool plus, const char **ret, struct dv_err *e)
{
	char *out = arena_try(a, len + 1);
	size_t n = 0;

	if (!out)
		return dv_fail(e, DV_LIMIT, "%zu bytes to decode", len);
	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (c == '%') {
			int v = triplet(s + i, len - i);

			if (v < 0)
				return dv_fail(e, DV_INVALID, "bad percent-encoding in \"%.*s\"",
					       (int)DV_MIN(len, (size_t)200), s);
			c = (char)v;
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		out[n++] = c;
	}
	out[n] = '\0';
	*ret = out;
	return 0;
}

/* Every % of a path is the start of a triplet that is not %00. */
static bool triplets_valid(const char *s, size_t n)
{
	for (const char *p = s; (p = memchr(p, '%', n - (size_t)(p - s))); p++)
		if (triplet(p, n - (size_t)(p - s)) < 0)
			return false;
	return true;
}

bool url_path_valid(const char *s, size_t n)
{
	return n > 0 && *s == '/' && ch_all(s, n, CH_PATH) && triplets_valid(s, n);
}

/* --- authority --- */

static bool port_valid(const char *s, size_t n, uint16_t *ret)
{
	unsigned v = 0;

	if (n < 1 || n > 5 || !ch_all(s, n, CH_DIGIT))
		return false;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (unsigned)(s[i] - '0');
	*ret = (uint16_t)v;
	return v > 0 && v <= 65535;
}

/* The length of the host at the front, brackets included; 0 when there is none. */
static size_t host_len(const char *s, size_t n)
{
	char v6[INET6_ADDRSTRLEN];
	struct in6_addr in6;
	size_t len = 0;
	const char *end;

	if (n && *s == '[') {
		end = memchr(s, ']', n);
		if (!end || (size_t)(end - s) > sizeof v6)
			return 0;
		len = (size_t)(end - s) - 1;
		memcpy(v6, s + 1, len);
		v6[len] = '\0';
		return inet_pton(AF_INET6, v6, &in6) == 1 ? len + 2 : 0;
	}
	while (len < n && ch_is(s[len], CH_HOST))
		len++;
	return len <= 255 ? len : 0;
}

static bool authority_split(const char *s, size_t n, size_t *ret_host_len, uint16_t *ret_port)
{
	size_t len = host_len(s, n);

	*ret_host_len = len;
	*ret_port = 0;
	if (len == 0)
		return false;
	return len == n || (s[len] == ':' && port_valid(s + len + 1, n - len - 1, ret_port));
}

bool url_authority_valid(const char *s, size_t len)
{
	size_t host;
	uint16_t port;

	return authority_split(s, len, &host, &port);
}

static const char *lower(struct arena *a, const char *s, size_t n)
{
	char *out = arena_strn(a, s, n);

	for (size_t i = 0; i < n; i++)
		out[i] = ch_lower(out[i]);
	return out;
}

static int authority_parse(struct arena *a, const char *s, size_t n, const char **ret_host, bool *ret_v6,
			   uint16_t *ret_port, struct dv_err *e)
{
	size_t len;
	uint16_t port;

	if (!authority_split(s, n, &len, &port))
		return dv_fail(e, DV_INVALID, "\"%.*s\" is no host with a port", (int)DV_MIN(n, (size_t)200), s);
	*ret_v6 = *s == '[';
	*ret_host = *ret_v6 ? lower(a, s + 1, len - 2) : lower(a, s, len);
	*ret_port = port;
	return 0;
}

int url_authority_parse(struct arena *a, const char *text, const char **ret_host, bool *ret_v6, uint16_t *ret_port,
			struct dv_err *e)
{
	return authority_parse(a, text, strlen(text), ret_host, ret_v6, ret_port, e);
}

/* --- whole URLs --- */

/* PATH[?QUERY][#FRAGMENT] */
static int parse_tail(struct arena *a, const char *s, struct url *u, struct dv_err *e)
{
	size_t path = strcspn(s, "?#"), query = 0;

	if (s[path] == '?')
		query = strcspn(s + path + 1, "#");
	if ((path && !url_path_valid(s, path)) ||
	    !ch_all(s + path + 1, query, CH_QUERY))
		return dv_fail(e, DV_INVALID, "a character in path or query that must be percent-encoded");
	u->path = path ? arena_strn(a, s, path) : "/";
	u->query = s[path] == '?' ? arena_strn(a, s + path + 1, query) : NULL;
	return 0;
}

static bool scheme_valid(const char *s, size_t n)
{
	if (n == 0 || n > 32 || !ch_is(*s, CH_HOST) || ch_is(*s, CH_DIGIT))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!ch_is(s[i], CH_HOST) && s[i] != '+')
			return false;
	return *s != '-' && *s != '.' && *s != '_' && !memchr(s, '_', n);
}

static int parse_url(struct arena *a, const char *text, struct url *u, struct dv_err *e)
{
	const char *sep = strstr(text, "://"), *auth;
	size_t n;
	int r;

	if (!sep || !scheme_valid(text, (size_t)(sep - text)))
		return dv_fail(e, DV_INVALID, "it does not begin with a scheme");
	u->scheme = lower(a, text, (size_t)(sep - text));
	auth = sep + 3;
	n = strcspn(auth, "/?#");
	if (memchr(auth, '@', n))
		return dv_fail(e, DV_INVALID, "a user or password does not belong there");
	r = authority_parse(a, auth, n, &u->host, &u->host_is_v6, &u->port, e);
	if (r < 0)
		return r;
	if (u->port == 0)
		u->port = scheme_port(u->scheme);
	return parse_tail(a, auth + n, u, e);
}

int url_parse(struct arena *a, const char *text, struct url *ret, struct dv_err *e)
{
	struct url u = { 0 };
	int r;

	if (strlen(text) > URL_MAX)
		return dv_fail(e, DV_LIMIT, "URL %.100s...: longer than %d bytes", text, URL_MAX);
	r = parse_url(a, text, &u, e);
	if (r < 0)
		return dv_wrap(e, "URL %.200s", memchr(text, '@', strlen(text)) ? "(with a user)" : text);
	*ret = u;
	return 0;
}

const char *url_authority(struct arena *a, const struct url *u)
{
	const char *open = u->host_is_v6 ? "[" : "", *close = u->host_is_v6 ? "]" : "";

	if (u->port == 0 || u->port == scheme_port(u->scheme))
		return arena_printf(a, "%s%s%s", open, u->host, close);
	return arena_printf(a, "%s%s%s:%u", open, u->host, close, u->port);
}

const char *url_target(struct arena *a, const struct url *u)
{
	return u->query ? arena_printf(a, "%s?%s", u->path, u->query) : u->path;
}

const char *url_text(struct arena *a, const struct url *u)
{
	return arena_printf(a, "%s://%s%s", u->scheme, url_authority(a, u), url_target(a, u));
}

bool url_same_origin(const struct url *x, const struct url *y)
{
	return streq(x->scheme, y->scheme) && streq(x->host, y->host) && x->port == y->port;
}

/* --- references --- */

/* Takes the last segment off out, as ".." does. */
static size_t drop_segment(const char *out, size_t n)
{
	while (n && out[n - 1] != '/')
		n--;
	return n ? n - 1 : 0;
}

/* "/a/./b/../c" becomes "/a/c" (RFC 3986, 5.2.4): a segment at a time, each with the "/" before it. */
static const char *remove_dots(struct arena *a, const char *path)
{
	char *out = arena_alloc(a, strlen(path) + 2);
	size_t n = 0;

	while (*path) {
		size_t len = 1 + strcspn(path + 1, "/");
		bool last = path[len] == '\0', dot = len == 2 && path[1] == '.';
		bool dots = len == 3 && path[1] == '.' && path[2] == '.';

		if (dots)
			n = drop_segment(out, n);
		if (!dot && !dots) {
			memcpy(out + n, path, len);
			n += len;
		} else if (last) {
			out[n++] = '/';
		}
		path += len;
	}
	out[n] = '\0';
	return n ? out : "/";
}

/* A relative path: in place of what follows the last "/" of the base's. */
static const char *merge(struct arena *a, const char *base, const char *ref)
{
	const char *slash = strrchr(base, '/');

	return arena_printf(a, "%.*s%s", slash ? (int)(slash - base) + 1 : 0, base, ref);
}

static bool has_scheme(const char *ref)
{
	size_t n = strcspn(ref, ":/?#");

	return ref[n] == ':' && scheme_valid(ref, n);
}

static int resolve(struct arena *a, const struct url *base, const char *ref, struct url *u, struct dv_err *e)
{
	int r = 0;

	if (has_scheme(ref))
		r = parse_url(a, ref, u, e);
	else if (ref[0] == '/' && ref[1] == '/')
		r = parse_url(a, arena_printf(a, "%s:%s", base->scheme, ref), u, e);
	else if (*ref == '\0' || *ref == '#')
		return 0;
	else if (*ref == '?')
		r = parse_tail(a, arena_printf(a, "%s%s", base->path, ref), u, e);
	else
		r = parse_tail(a, *ref == '/' ? ref : merge(a, base->path, ref), u, e);
	if (r == 0)
		u->path = remove_dots(a, u->path);
	return r;
}

int url_resolve(struct arena *a, const struct url *base, const char *ref, struct url *ret, struct dv_err *e)
{
	struct url u = *base;
	int r;

	if (strlen(ref) > URL_MAX)
		return dv_fail(e, DV_LIMIT, "reference %.100s...: longer than %d bytes", ref, URL_MAX);
	r = resolve(a, base, ref, &u, e);
	if (r == 0 && scheme_port(u.scheme) == 0)
		r = dv_fail(e, DV_INVALID, "scheme %s", u.scheme);
	if (r < 0)
		return dv_wrap(e, "reference %.200s", memchr(ref, '@', strlen(ref)) ? "(with a user)" : ref);
	*ret = u;
	return 0;
}

/* --- paths of requests --- */

/* Well-formed, shortest UTF-8 without surrogates and control characters. */
static bool text_valid(const char *text)
{
	const uint8_t *s = (const uint8_t *)text;

	while (*s) {
		unsigned more = *s < 0x80 ? 0 : (*s & 0xe0) == 0xc0 ? 1 : (*s & 0xf0) == 0xe0 ? 2 : 3;
		static const uint32_t least[] = { 0x20, 0x80, 0x800, 0x10000 };
		uint32_t c = more ? *s & (0x3fU >> more) : *s;

		if (more == 3 && (*s & 0xf8) != 0xf0)
			return false;
		for (unsigned i = 1; i <= more; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return false;
			c = c << 6 | (s[i] & 0x3f);
		}
		if (c < least[more] || c == 0x7f || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return false;
		s += more + 1;
	}
	return true;
}

static bool has_dot_segment(const char *path)
{
	for (const char *s = path; (s = strchr(s, '/')); s++) {
		size_t n = strcspn(s + 1, "/");

		if ((n == 1 && s[1] == '.') || (n == 2 && s[1] == '.' && s[2] == '.'))
			return true;
	}
	return false;
}

int url_path_decode(struct arena *a, const char *path, const char **ret, struct dv_err *e)
{
	const char *out;
	size_t slashes = 0, decoded = 0;
	int r = url_decode(a, path, strlen(path), false, &out, e);

	if (r < 0)
		return r;
	for (const char *s = path; *s; s++)
		slashes += *s == '/';
	for (const char *s = out; *s; s++)
		decoded += *s == '/';
	if (slashes != decoded || has_dot_segment(out) || !text_valid(out))
		return dv_fail(e, DV_INVALID, "path %.200s: an encoded slash, a dot segment or no UTF-8", path);
	*ret = out;
	return 0;
}
