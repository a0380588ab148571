/* url.h - absolute URLs, percent-encoding, references against a base.
 *
 * Strict: what is not a URL by RFC 3986 is refused, never guessed at; a URL
 * has no user or password part (INVALID), since credentials do not travel in
 * names here. Scheme and host come out in lower case.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

struct url {
	const char *scheme;        /* "http", "https" */
	const char *host;          /* a name, an IPv4 address, or an IPv6 address without its brackets */
	bool host_is_v6;
	uint16_t port;             /* the scheme's own when the URL names none; 0 if that has none either */
	const char *path;          /* percent-encoded, begins with "/" */
	const char *query;         /* after "?", NULL without one */
};

#define URL_MAX 16384

/* SCHEME://HOST[:PORT][/PATH][?QUERY][#FRAGMENT], the fragment is dropped. Strings go to the arena.
 * INVALID names the URL. */
int url_parse(struct arena *a, const char *text, struct url *ret, struct dv_err *e) DV_MUST_USE;
/* HOST[:PORT] or [V6][:PORT] as in a Host header; *ret_port is 0 when there is none. */
int url_authority_parse(struct arena *a, const char *text, const char **ret_host, bool *ret_v6, uint16_t *ret_port,
			struct dv_err *e) DV_MUST_USE;
/* Is this what a Host header may hold? (The check only: no allocation, no message.) */
bool url_authority_valid(const char *s, size_t len);

/* Is this a path as it may travel: begins with "/", no character that has to be encoded, no bad triplet, no %00? */
bool url_path_valid(const char *s, size_t len);

/* The URL as text; the port is left out when it is the scheme's own. */
const char *url_text(struct arena *a, const struct url *u);
/* HOST[:PORT] of it, as for a Host header. */
const char *url_authority(struct arena *a, const struct url *u);
/* PATH[?QUERY]: the request target. */
const char *url_target(struct arena *a, const struct url *u);
/* Do both have the same scheme, host and port (so that credentials may go along)? */
bool url_same_origin(const struct url *x, const struct url *y);

/* A reference (of Location or Link: absolute, //HOST/PATH, /PATH, PATH, ?QUERY) against a base, dot segments
 * removed. INVALID for what is none, or has another scheme than http and https. */
int url_resolve(struct arena *a, const struct url *base, const char *ref, struct url *ret,
		struct dv_err *e) DV_MUST_USE;

/* Everything but letters, digits, "-._~" and the bytes of `keep` becomes %XX. */
void url_encode(struct buf *b, const char *s, size_t len, const char *keep);
/* In a query "+" is a blank (plus). INVALID on %, %X, %GG and %00. The result is a C string in the arena. */
int url_decode(struct arena *a, const char *s, size_t len, bool plus, const char **ret,
	       struct dv_err *e) DV_MUST_USE;
/* A request's path, decoded and safe to take apart at "/": INVALID where decoding makes a "/", a "." or ".." segment
 * (also undecoded ones), a control character, or bad UTF-8. */
int url_path_decode(struct arena *a, const char *path, const char **ret, struct dv_err *e) DV_MUST_USE;
