/* message.h - what HTTP messages are made of, whichever version carried them.
 *
 * Requests and responses are plain structs of C strings: a NUL byte, a control
 * character or a line break in a name, a value or a target never gets past the
 * parsers, so nothing is lost by that. Everything a struct here points to
 * lives in the arena it was parsed into (a server's call, a client's exchange).
 * Names of headers are lower-case as parsed, values have no blanks around them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"

/* --- methods and statuses --- */

#define HTTP_METHODS(X) \
	X(GET) X(HEAD) X(POST) X(PUT) X(DELETE) X(CONNECT) X(OPTIONS) X(TRACE) X(PATCH)

enum http_method {
	HTTP_OTHER = 0,            /* a valid token that is none of these: see method_name */
#define X(name) HTTP_##name,
	HTTP_METHODS(X)
#undef X
	HTTP_METHOD_MAX
};

/* code, reason phrase */
#define HTTP_STATUSES(X) \
	X(100, "Continue") X(101, "Switching Protocols") X(102, "Processing") X(103, "Early Hints") \
	X(200, "OK") X(201, "Created") X(202, "Accepted") X(203, "Non-Authoritative Information") \
	X(204, "No Content") X(205, "Reset Content") X(206, "Partial Content") X(207, "Multi-Status") \
	X(300, "Multiple Choices") X(301, "Moved Permanently") X(302, "Found") X(303, "See Other") \
	X(304, "Not Modified") X(305, "Use Proxy") X(307, "Temporary Redirect") X(308, "Permanent Redirect") \
	X(400, "Bad Request") X(401, "Unauthorized") X(402, "Payment Required") X(403, "Forbidden") \
	X(404, "Not Found") X(405, "Method Not Allowed") X(406, "Not Acceptable") \
	X(407, "Proxy Authentication Required") X(408, "Request Timeout") X(409, "Conflict") X(410, "Gone") \
	X(411, "Length Required") X(412, "Precondition Failed") X(413, "Content Too Large") \
	X(414, "URI Too Long") X(415, "Unsupported Media Type") X(416, "Range Not Satisfiable") \
	X(417, "Expectation Failed") X(421, "Misdirected Request") X(422, "Unprocessable Content") \
	X(423, "Locked") X(425, "Too Early") X(426, "Upgrade Required") X(428, "Precondition Required") \
	X(429, "Too Many Requests") X(431, "Request Header Fields Too Large") \
	X(451, "Unavailable For Legal Reasons") \
	X(500, "Internal Server Error") X(501, "Not Implemented") X(502, "Bad Gateway") \
	X(503, "Service Unavailable") X(504, "Gateway Timeout") X(505, "HTTP Version Not Supported") \
	X(507, "Insufficient Storage") X(508, "Loop Detected") X(511, "Network Authentication Required")

const char *http_method_name(enum http_method m);                 /* "GET"; "" for HTTP_OTHER */
enum http_method http_method_of(const char *name, size_t len);    /* case-sensitive, as the RFC has it */
const char *http_status_reason(int status);                       /* "Not Found"; "" for an unknown one */

/* --- headers --- */

struct http_header {
	const char *name, *value;
};

/* The first one of that name (give it in lower case), or NULL. */
const char *http_header_get(const struct http_header *h, size_t n, const char *name);
/* The next one of that name from *pos on (start with 0), or NULL. */
const char *http_header_next(const struct http_header *h, size_t n, const char *name, size_t *pos);
/* Is `word` (any case) an element of the comma-separated lists in all headers of that name? */
bool http_header_lists(const struct http_header *h, size_t n, const char *name, const char *word);
/* May this be sent? A token as name; no control character but tab, no blank at the ends as value. */
bool http_name_valid(const char *name);
bool http_value_valid(const char *value);

/* --- peers --- */

/* An IPv4, IPv6 or unix socket's address, compact: connections keep one each. */
struct http_addr {
	uint16_t family;           /* AF_INET, AF_INET6, AF_UNIX */
	uint16_t port;             /* host order */
	uint32_t scope;            /* of a link-local IPv6 address */
	uint8_t ip[16];            /* 4 used with AF_INET */
};
#define HTTP_ADDR_TEXT_MAX 72
void http_addr_of(struct http_addr *a, const struct sockaddr *sa, socklen_t len);
/* "127.0.0.1:80", "[::1]:80" or "unix" into out; with_port false leaves port and brackets away. Returns out. */
char *http_addr_text(const struct http_addr *a, bool with_port, char out[HTTP_ADDR_TEXT_MAX]);

/* The verified certificate of a TLS peer; lists are never NULL, n_* may be 0. */
struct http_peer_cert {
	const char *subject;                       /* one line, RFC 2253 */
	const char *common_name;                   /* the first CN, "" without one */
	const char *const *organizations;          /* every O, in order: Kubernetes groups */
	const char *const *dns, *const *ips, *const *uris, *const *emails;    /* subject alternative names */
	size_t n_organizations, n_dns, n_ips, n_uris, n_emails;
	const char *fingerprint;                   /* SHA-256 of the certificate, 64 hex digits */
};

/* --- messages --- */

struct http_request {
	const char *method_name;                   /* as received */
	enum http_method method;
	uint8_t major, minor;                      /* of the protocol: 1.1, 2.0 */
	const char *scheme;                        /* "http" or "https": what the connection is */
	const char *authority;                     /* Host or :authority: HOST[:PORT], valid; "" for HTTP/1.0 without */
	const char *path;                          /* as received and valid: begins with "/", or "*" (OPTIONS),
						      or "" (CONNECT); percent-encoding not touched: url_path_decode() */
	const char *query;                         /* after "?", as received; NULL without a "?" */
	const struct http_header *headers;         /* without connection-level ones taken away: all, in order */
	size_t n_headers;
	int64_t body_length;                       /* 0 without a body, -1 when it is not known before its end */
	struct http_addr peer;
	const struct http_peer_cert *cert;         /* NULL without one */
};

struct http_response {
	int status;
	uint8_t major, minor;
	const char *reason;                        /* "" in HTTP/2 */
	const struct http_header *headers;
	size_t n_headers;
	int64_t body_length;                       /* 0 without a body, -1 when it is not known before its end */
};

static inline const char *http_request_header(const struct http_request *r, const char *name)
{
	return http_header_get(r->headers, r->n_headers, name);
}

static inline const char *http_response_header(const struct http_response *r, const char *name)
{
	return http_header_get(r->headers, r->n_headers, name);
}

/* --- queries: a=1&b=%20x&c --- */

/* The value of the first parameter `name`, decoded ("+" and %20 are blanks): "" when it has none.
 * *ret is NULL when there is no such parameter. INVALID on a bad percent-encoding in name or value, or %00. */
int http_query_get(struct arena *a, const char *query, const char *name, const char **ret,
		   struct dv_err *e) DV_MUST_USE;
/* All parameters in order, decoded, as name and value. LIMIT above 1,000. query may be NULL. */
int http_query_parse(struct arena *a, const char *query, struct http_header **ret, size_t *ret_n,
		     struct dv_err *e) DV_MUST_USE;

/* --- media types --- */

/* Is the content-type's type/subtype this one (any case), whatever its parameters? NULL is none. */
bool http_type_is(const char *content_type, const char *type);
/* A parameter of a header value such as "multipart/x; boundary=b" or 'form-data; name="a b"', unquoted,
 * or NULL: in the arena. */
const char *http_param_get(struct arena *a, const char *value, const char *name);
/* Which of n offered types an Accept value prefers (quality, then specificity, then order of offers);
 * -1 for none of them. NULL or "" accepts anything: 0. */
int http_accept_best(const char *accept, const char *const *offers, size_t n);
/* Does an Accept-Encoding value allow this coding with a quality above 0? NULL allows none but identity. */
bool http_accepts_encoding(const char *accept, const char *coding);

/* --- dates: "Sun, 06 Nov 1994 08:49:37 GMT" --- */

#define HTTP_DATE_LEN 29
void http_date_format(time_t t, char out[HTTP_DATE_LEN + 1]);
/* That form only (the obsolete two are INVALID, as anything else). */
int http_date_parse(const char *s, time_t *ret, struct dv_err *e) DV_MUST_USE;

/* --- ranges: "bytes=0-99", "bytes=100-", "bytes=-5" --- */

enum http_range { HTTP_RANGE_NONE, HTTP_RANGE_ONE, HTTP_RANGE_BAD };
/* Of a Range value (NULL is NONE) and the size of the whole. Several ranges, other units or a malformed value
 * are NONE (answer 200 with the whole); BAD is 416. ONE sets *ret_first and *ret_len (at least 1). */
enum http_range http_range_parse(const char *range, uint64_t size, uint64_t *ret_first, uint64_t *ret_len);
