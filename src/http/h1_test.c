/* h1_test.c - HTTP/1.1: what is understood, what is refused, and that cuts change nothing.
 *
 * The refusals are the list of request smuggling: each is a message that some
 * program reads in another way than its neighbour.
 */
#include "base/str.h"
#include "base/unit.h"
#include "http/h1.h"
#include "http/h1_trace.h"

#define GET "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define OK_HEAD "GET a / 1.1 keep 0 host=a; []\n"

struct c {
	const char *text, *want;
	size_t len;                        /* 0: of the string */
	enum http_method asked;            /* of responses */
};
#define T(t, w) { t, w, 0, HTTP_GET }
#define TN(t, w) { t, w, sizeof(t) - 1, HTTP_GET }

/* The trace of text in pieces of `piece` bytes, or of one cut at `cut`. */
static void trace(struct buf *out, bool response, const struct c *c, size_t len, size_t piece, size_t cut)
{
	struct h1_trace t;

	h1_trace_begin(&t, out, response, c->asked, NULL);
	for (size_t at = 0; at < len;) {
		size_t n = cut ? (at < cut ? cut : len - at) : piece;

		n = DV_MIN(n, len - at);
		/* memory of its own: the parser must not look beside a piece */
		auto_free char *copy = mem_alloc(n);
		memcpy(copy, c->text + at, n);
		h1_trace_feed(&t, copy, n);
		at += n;
	}
	h1_trace_end(&t);
}

static void check_case(bool response, const struct c *c)
{
	size_t len = c->len ? c->len : strlen(c->text);
	auto_buf struct buf whole = BUF_INIT(1 << 20);

	trace(&whole, response, c, len, len, 0);
	if (!streq(buf_cstr(&whole), c->want))
		fail_msg("%s\n gave %s\n not  %s", c->text, buf_cstr(&whole), c->want);
	for (size_t cut = 0; cut < len; cut++) {
		auto_buf struct buf out = BUF_INIT(1 << 20);

		/* cut 0: byte by byte */
		trace(&out, response, c, len, 1, cut);
		if (!streq(buf_cstr(&out), c->want))
			fail_msg("%s\n cut at %zu gave %s\n not  %s", c->text, cut, buf_cstr(&out), c->want);
	}
}

static void check_all(bool response, const struct c *table, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_case(response, &table[i]);
}

/* --- requests --- */

static void test_requests(void **state)
{
	static const struct c cases[] = {
		T("", ""),
		T(GET "Host: a\r\n\r\n", OK_HEAD),
		T(GET "Host: a\r\n\r\n" GET "Host: a\r\n\r\n", OK_HEAD OK_HEAD),
		T(GET "HOST:a\r\nX-Y:  b c \t \r\nEmpty:\r\n\r\n", "GET a / 1.1 keep 0 host=a; x-y=b c; empty=; []\n"),
		TN(GET "Host: a\r\nX: \xff\xfe\r\n\r\n", "GET a / 1.1 keep 0 host=a; x=\xff\xfe; []\n"),
		T("GET /a%20b?c=d&e=/?%zz HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
		  "GET [::1]:80 /a%20b?c=d&e=/?%zz 1.1 keep 0 host=[::1]:80; []\n"),
		T("GET /?{\"a\":1} HTTP/1.1\r\nHost: a\r\n\r\n", "GET a /?{\"a\":1} 1.1 keep 0 host=a; []\n"),
		T("PURGE-it! /a//b/../c? HTTP/1.1\r\nHost: a\r\n\r\n",
		  "PURGE-it! a /a//b/../c? 1.1 keep 0 host=a; []\n"),
		T("get / HTTP/1.1\r\nHost: a\r\n\r\n", "get a / 1.1 keep 0 host=a; []\n"),
		T("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS a * 1.1 keep 0 host=a; []\n"),
		T("GET http://A.example:81/x?y HTTP/1.1\r\nHost: a.EXAMPLE:81\r\n\r\n",
		  "GET A.example:81 /x?y 1.1 keep 0 host=a.EXAMPLE:81; []\n"),
		T("GET https://a?y HTTP/1.1\r\nHost: a\r\n\r\n", "GET a /?y 1.1 keep 0 host=a; []\n"),
		T("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", OK_HEAD),
		T("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "CONNECT a:443  1.1 keep 0 host=a:443; ["),
		T("CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n\x16\x03", "CONNECT [::1]:443  1.1 keep 0 host=[::1]:443; ["),
		T(GET "Host:\r\n\r\n", "GET - / 1.1 keep 0 host=; []\n"),
		T("GET / HTTP/1.0\r\n\r\n", "GET - / 1.0 0 []\n"),
		T("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET - / 1.0 keep 0 connection=Keep-Alive; []\n"),
		T(GET "Host: a\r\nConnection: x, CLOSE\r\n\r\n", "GET a / 1.1 0 host=a; connection=x, CLOSE; []\n"),
		T(GET "Host: a\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n",
		  "GET a / 1.1 keep upgrade 0 host=a; connection=Upgrade; upgrade=SPDY/3.1; []\n"),
		T(GET "Host: a\r\nUpgrade: SPDY/3.1\r\n\r\n", "GET a / 1.1 keep 0 host=a; upgrade=SPDY/3.1; []\n"),
		T(POST "Content-Length: 3\r\nExpect: 100-Continue\r\n\r\nabc",
		  "POST a / 1.1 keep expect 3 host=a; content-length=3; expect=100-Continue; [abc]\n"),
		T("\r\n" GET "Host: a\r\n\r\n", OK_HEAD),
		T(POST "Content-Length: 1\r\n\r\nx\r\n" GET "Host: a\r\n\r\n",
		  "POST a / 1.1 keep 1 host=a; content-length=1; [x]\n" OK_HEAD),
	};

	check_all(false, cases, ARRAY_LEN(cases));
}

static void test_bodies(void **state)
{
	static const struct c cases[] = {
		T(POST "Content-Length: 0\r\n\r\n" GET "Host: a\r\n\r\n",
		  "POST a / 1.1 keep 0 host=a; content-length=0; []\n" OK_HEAD),
		T(POST "Content-Length: 005\r\n\r\nabcde" GET "Host: a\r\n\r\n",
		  "POST a / 1.1 keep 5 host=a; content-length=005; [abcde]\n" OK_HEAD),
		T(POST "Content-Length: 5\r\n\r\nab", "POST a / 1.1 keep 5 host=a; content-length=5; [ab cut"),
		T(CHUNKED "0\r\n\r\n" GET "Host: a\r\n\r\n",
		  "POST a / 1.1 keep -1 host=a; transfer-encoding=chunked; []\n" OK_HEAD),
		T(POST "Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		  "POST a / 1.1 keep -1 host=a; transfer-encoding=Chunked; [abc]\n"),
		T(CHUNKED "3;x=\"y z\"\r\nabc\r\n00A\r\n0123456789\r\n0;last\r\nX: y\r\nZ:\r\n\r\n",
		  "POST a / 1.1 keep -1 host=a; transfer-encoding=chunked; [abc0123456789] x=y; z=;\n"),
		T(CHUNKED "0\r\nX: y\r\n\r\n" GET "Host: a\r\n\r\n" CHUNKED "0\r\n\r\n",
		  "POST a / 1.1 keep -1 host=a; transfer-encoding=chunked; [] x=y;\n" OK_HEAD
		  "POST a / 1.1 keep -1 host=a; transfer-encoding=chunked; []\n"),
		T(CHUNKED "0000000000000001\r\na\r\n0\r\n\r\n",
		  "POST a / 1.1 keep -1 host=a; transfer-encoding=chunked; [a]\n"),
		T(CHUNKED "5\r\nab", "POST a / 1.1 keep -1 host=a; transfer-encoding=chunked; [ab cut"),
		T(CHUNKED "5\r\nabcde\r\n", "POST a / 1.1 keep -1 host=a; transfer-encoding=chunked; [abcde cut"),
		T(CHUNKED "0\r\n", "POST a / 1.1 keep -1 host=a; transfer-encoding=chunked; [ cut"),
		T("POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nab", "POST - / 1.0 2 content-length=2; [ab]\n"),
	};

	check_all(false, cases, ARRAY_LEN(cases));
}

static void test_refused_request_lines(void **state)
{
	static const struct c cases[] = {
		T("GET /\r\n\r\n", " !400"),                                  /* HTTP/0.9 */
		T("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", " !400"),
		T(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("\tGET / HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET / b HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET\r\nHost: a\r\n\r\n", " !400"),
		T("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("G\xc3T / HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET: / HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET / http/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET / HTTP/1.1x\r\nHost: a\r\n\r\n", " !400"),
		T("GET / HTTP/1.10\r\nHost: a\r\n\r\n", " !400"),
		T("GET / HTTP/01.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET / HTTP/11\r\nHost: a\r\n\r\n", " !400"),
		T("GET / HTTP/1,1\r\nHost: a\r\n\r\n", " !400"),
		T("GET / HTTP/x.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET / ICAP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET / HTTP/1.2\r\nHost: a\r\n\r\n", " !505"),
		T("GET / HTTP/2.0\r\nHost: a\r\n\r\n", " !505"),
		T("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", " !505"),
		T("GET / HTTP/0.9\r\nHost: a\r\n\r\n", " !505"),
		T("GET a HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET ?x HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET * HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET /#f HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET /?a#f HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET /% HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET /%GG HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		TN("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		TN("GET\0 / HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		TN("\0GET / HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET / HTTP/1.1\nHost: a\n\n", " !400"),
		T("GET / HTTP/1.1\r\nHost: a\r\n\n", " !400"),
		T("GET / HTTP/1.1\rHost: a\r\n\r\n", " !400"),
		T("GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", " !400"),
		T("\n" GET "Host: a\r\n\r\n", " !400"),
		T("\r" GET "Host: a\r\n\r\n", " !400"),
		T("\r\n\r\n" GET "Host: a\r\n\r\n", " !400"),
		T("\x16\x03\x01\x02", " !400"),                               /* TLS */
	};

	check_all(false, cases, ARRAY_LEN(cases));
}

static void test_refused_hosts(void **state)
{
	static const struct c cases[] = {
		T(GET "\r\n", " !400"),
		T(GET "X: y\r\n\r\n", " !400"),
		T(GET "Host: a\r\nHost: a\r\n\r\n", " !400"),
		T(GET "Host: a\r\nhost: b\r\n\r\n", " !400"),
		T("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", " !400"),
		T(GET "Host: a b\r\n\r\n", " !400"),
		T(GET "Host: a,b\r\n\r\n", " !400"),
		T(GET "Host: a/b\r\n\r\n", " !400"),
		T(GET "Host: a@b\r\n\r\n", " !400"),
		T(GET "Host: a#b\r\n\r\n", " !400"),
		T(GET "Host: a?b\r\n\r\n", " !400"),
		T(GET "Host: a:\r\n\r\n", " !400"),
		T(GET "Host: a:x\r\n\r\n", " !400"),
		T(GET "Host: a:0\r\n\r\n", " !400"),
		T(GET "Host: a:65536\r\n\r\n", " !400"),
		T(GET "Host: a:80:80\r\n\r\n", " !400"),
		T(GET "Host: :80\r\n\r\n", " !400"),
		T(GET "Host: ::1\r\n\r\n", " !400"),
		T(GET "Host: [::1\r\n\r\n", " !400"),
		T(GET "Host: [::1]x\r\n\r\n", " !400"),
		T(GET "Host: [a]\r\n\r\n", " !400"),
		T(GET "Host: \xc3\xa4\r\n\r\n", " !400"),
		T("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n", " !400"),
		T("GET http://a/ HTTP/1.1\r\n\r\n", " !400"),
		T("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET HTTP://a/ HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("GET //a/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET a //a/ 1.1 keep 0 host=a; []\n"),
		T("CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("CONNECT a: HTTP/1.1\r\nHost: a:\r\n\r\n", " !400"),
		T("CONNECT [::1] HTTP/1.1\r\nHost: [::1]\r\n\r\n", " !400"),
		T("CONNECT a:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", " !400"),
		T("CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n", " !400"),
		T("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 3\r\n\r\nabc", " !400"),
		T("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nTransfer-Encoding: chunked\r\n\r\n", " !400"),
	};

	check_all(false, cases, ARRAY_LEN(cases));
}

static void test_refused_headers(void **state)
{
	static const struct c cases[] = {
		T(POST "X : y\r\n\r\n", " !400"),
		T(POST "X\t: y\r\n\r\n", " !400"),
		T(POST " X: y\r\n\r\n", " !400"),
		T(POST "X: y\r\n z\r\n\r\n", " !400"),                        /* obs-fold */
		T(POST "X: y\r\n\tz\r\n\r\n", " !400"),
		T(POST "X:\r\n y\r\n\r\n", " !400"),
		T(POST " \r\n\r\n", " !400"),
		T("GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n", " !400"),
		T(POST ": y\r\n\r\n", " !400"),
		T(POST "X\r\n\r\n", " !400"),
		T(POST "X y\r\n\r\n", " !400"),
		T(POST "X(: y\r\n\r\n", " !400"),
		T(POST "X\xc3: y\r\n\r\n", " !400"),
		T(POST "X\"Y: y\r\n\r\n", " !400"),
		T(POST "X: y\nZ: a\r\n\r\n", " !400"),
		T(POST "X: y\rZ: a\r\n\r\n", " !400"),
		T(POST "X: y\r\r\n\r\n", " !400"),
		T(POST "X: y\r\n\r", " cut"),
		T(POST "X: y\r\n\rZ\r\n\r\n", " !400"),
		TN(POST "X: y\0z\r\n\r\n", " !400"),
		TN(POST "X\0: y\r\n\r\n", " !400"),
		T(POST "X: y\x01\r\n\r\n", " !400"),
		T(POST "X: y\x0b\r\n\r\n", " !400"),
		T(POST "X: y\x0c\r\n\r\n", " !400"),
		T(POST "X: y\x7f\r\n\r\n", " !400"),
		T(POST "Expect: 200-ok\r\n\r\n", " !417"),
		T(POST "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n", " !417"),
	};

	check_all(false, cases, ARRAY_LEN(cases));
}

static void test_refused_framing(void **state)
{
	static const struct c cases[] = {
		T(POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", " !400"),
		T(POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", " !400"),
		T(POST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", " !400"),
		T(POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", " !400"),
		T(POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", " !400"),
		T(POST "Content-Length: 3, 3\r\n\r\nabc", " !400"),
		T(POST "Content-Length: 3,\r\n\r\nabc", " !400"),
		T(POST "Content-Length: +3\r\n\r\nabc", " !400"),
		T(POST "Content-Length: -3\r\n\r\nabc", " !400"),
		T(POST "Content-Length: -0\r\n\r\n", " !400"),
		T(POST "Content-Length: 0x3\r\n\r\nabc", " !400"),
		T(POST "Content-Length: 3 3\r\n\r\nabc", " !400"),
		T(POST "Content-Length: 3.0\r\n\r\nabc", " !400"),
		T(POST "Content-Length: 3e0\r\n\r\nabc", " !400"),
		T(POST "Content-Length: 3_0\r\n\r\nabc", " !400"),
		T(POST "Content-Length: \"3\"\r\n\r\nabc", " !400"),
		T(POST "Content-Length: \r\n\r\n", " !400"),
		T(POST "Content-Length: \xd9\xa3\r\n\r\n", " !400"),
		T(POST "Content-Length: 9223372036854775808\r\n\r\n", " !400"),
		T(POST "Content-Length: 18446744073709551619\r\n\r\nabc", " !400"),
		T(POST "Content-Length : 3\r\n\r\nabc", " !400"),
		T(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", " !400"),
		T(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", " !400"),
		T(POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", " !501"),
		T(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", " !501"),
		T(POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", " !501"),
		T(POST "Transfer-Encoding: identity\r\n\r\n", " !501"),
		T(POST "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", " !501"),
		T(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", " !501"),
		T(POST "Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n", " !501"),
		T(POST "Transfer-Encoding: chunke\r\n\r\n0\r\n\r\n", " !501"),
		T(POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", " !501"),
		T(POST "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", " !501"),
		T(POST "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n", " !501"),
		T(POST "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n", " !501"),
		T(POST "Transfer-Encoding:\r\n\r\n0\r\n\r\n", " !501"),
		T(POST "Transfer-Encoding:\x0b" "chunked\r\n\r\n0\r\n\r\n", " !400"),
		T(POST "Transfer-Encoding: chunked\x0b\r\n\r\n0\r\n\r\n", " !400"),
		T(POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", " !400"),
		T(POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", " !501"),
		T(POST "\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", " !400"),
		T("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", " !400"),
	};

	check_all(false, cases, ARRAY_LEN(cases));
}

#define BEGUN "POST a / 1.1 keep -1 host=a; transfer-encoding=chunked; ["

static void test_refused_chunks(void **state)
{
	static const struct c cases[] = {
		T(CHUNKED "\r\n", BEGUN " !400"),
		T(CHUNKED "+3\r\nabc\r\n0\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "-3\r\nabc\r\n0\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", BEGUN " !400"),
		T(CHUNKED " 3\r\nabc\r\n0\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "3 \r\nabc\r\n0\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "3\t\r\nabc\r\n0\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "3 ;x\r\nabc\r\n0\r\n\r\n", BEGUN " !400"),
		T(CHUNKED ";x\r\n", BEGUN " !400"),
		T(CHUNKED "g\r\n", BEGUN " !400"),
		T(CHUNKED "3_0\r\n", BEGUN " !400"),
		T(CHUNKED "3,3\r\n", BEGUN " !400"),
		T(CHUNKED "3\nabc\r\n0\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "3\r\r\nabc\r\n0\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "3;x\nabc\r\n0\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "3;x\ry\r\nabc\r\n0\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "3;\x01\r\nabc\r\n0\r\n\r\n", BEGUN " !400"),
		TN(CHUNKED "3;\0\r\nabc\r\n0\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "3\r\nabcd\r\n0\r\n\r\n", BEGUN "abc !400"),
		T(CHUNKED "3\r\nabc\n0\r\n\r\n", BEGUN "abc !400"),
		T(CHUNKED "3\r\nabc\r0\r\n\r\n", BEGUN "abc !400"),
		T(CHUNKED "3\r\nabc0\r\n\r\n", BEGUN "abc !400"),
		T(CHUNKED "8000000000000000\r\n", BEGUN " !400"),
		T(CHUNKED "ffffffffffffffff\r\n", BEGUN " !400"),
		T(CHUNKED "10000000000000003\r\nabc\r\n0\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "00000000000000003\r\nabc\r\n0\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "0\r\nX: y\n\r\n", BEGUN " !400"),
		T(CHUNKED "0\r\n X: y\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "0\r\nX: y\r\n z\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "0\r\nX : y\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "0\r\nContent-Length: 3\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "0\r\nTransfer-Encoding: chunked\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "0\r\nHost: b\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "0\r\nGET / HTTP/1.1\r\n\r\n", BEGUN " !400"),
		T(CHUNKED "0\r\n\n", BEGUN " !400"),
		T(CHUNKED "0\n\r\n", BEGUN " !400"),
	};

	check_all(false, cases, ARRAY_LEN(cases));
}

/* --- limits --- */

struct limit_case {
	size_t line, headers, value;       /* bytes of the path, how many, of each value */
	const char *want;
};

static void put_case(struct buf *b, const struct limit_case *c)
{
	buf_str(b, "GET /");
	for (size_t i = 1; i < c->line; i++)
		buf_char(b, 'p');
	buf_str(b, " HTTP/1.0\r\n");
	for (size_t i = 0; i < c->headers; i++) {
		buf_str(b, "x:");
		for (size_t k = 0; k < c->value; k++)
			buf_char(b, 'v');
		buf_str(b, "\r\n");
	}
	buf_str(b, "\r\n");
}

/* How it ends: the status, or 0. */
static int limited(const struct buf *in, size_t piece)
{
	static const struct http_h1_limits limits = { .head_max_bytes = 1000, .line_max_bytes = 100, .headers_max = 10 };
	auto_buf struct buf out = BUF_INIT(1 << 20);
	struct h1_trace t;
	int status;

	h1_trace_begin(&t, &out, false, HTTP_GET, &limits);
	for (size_t at = 0; at < in->len; at += piece)
		h1_trace_feed(&t, in->p + at, DV_MIN(piece, in->len - at));
	status = t.p.status;
	h1_trace_end(&t);
	return status;
}

static void test_limits(void **state)
{
	/* 14 bytes of the first line are not path */
	static const struct {
		size_t line, headers, value;
		int want;
	} cases[] = {
		{ 87, 0, 0, 0 }, { 88, 0, 0, 414 }, { 5000, 0, 0, 414 }, { 1, 10, 5, 0 }, { 1, 11, 5, 431 },
		{ 1, 1, 978, 0 }, { 1, 1, 979, 431 }, { 1, 1, 10000, 431 }, { 1, 500, 0, 431 },
	};
	static const size_t pieces[] = { 100000, 1, 7, 64, 999, 1000, 1001 };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct limit_case c = { cases[i].line, cases[i].headers, cases[i].value, NULL };
		auto_buf struct buf in = BUF_INIT(1 << 20);

		put_case(&in, &c);
		for (size_t k = 0; k < ARRAY_LEN(pieces); k++)
			if (limited(&in, pieces[k]) != cases[i].want)
				fail_msg("case %zu in pieces of %zu: %d", i, pieces[k], limited(&in, pieces[k]));
	}
}

/* A line that never ends is refused when it passes the limit, not kept. */
static void test_endless_line(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	const char *data;
	struct http_h1 p;
	size_t used, len, fed = 0;
	int r;

	http_h1_init(&p, false, NULL);
	while ((r = http_h1_feed(&p, "xxxxxxxx", 8, &used, &data, &len, &e)) == HTTP_H1_MORE)
		fed += used;
	assert_int_equal(r, -DV_LIMIT);
	assert_int_equal(p.status, 414);
	assert_in_range(fed, 16384 - 8, 16384 + 8);
	http_h1_done(&p);
}

/* Between messages and inside bodies the parser has no memory of its own. */
static void test_memory_of_a_parser(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	auto_arena struct arena a = { 0 };
	struct http_request req = { 0 };
	const char *data, *text = POST "Content-Length: 5\r\n\r\nabcde";
	struct http_h1 p;
	size_t used, len;

	arena_init(&a, 0);
	http_h1_init(&p, false, NULL);
	assert_int_equal(http_h1_feed(&p, text, 10, &used, &data, &len, &e), HTTP_H1_MORE);
	assert_non_null(p.head.p);
	assert_int_equal(http_h1_feed(&p, text + 10, strlen(text) - 10, &used, &data, &len, &e), HTTP_H1_HEAD);
	assert_int_equal(used, strlen(text) - 15);
	assert_in_range(a.used_bytes, 0, 0);
	len = http_h1_head_room(&p);
	assert_ok(http_h1_request(&p, &a, &req, &e), &e);
	assert_in_range(a.used_bytes, 1, len);
	assert_null(p.head.p);
	assert_int_equal(req.body_length, 5);
	http_h1_done(&p);
}

/* --- responses --- */

#define R(t, w, m) { t, w, 0, HTTP_##m }

static void test_responses(void **state)
{
	static const struct c cases[] = {
		R("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 404 Not  Found\r\nContent-Length: 0\r\n\r\n",
		  "200 (OK) 1.1 keep 2 content-length=2; [ab]\n404 (Not  Found) 1.1 keep 0 content-length=0; []\n", GET),
		R("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "200 () 1.1 keep 0 content-length=0; []\n", GET),
		R("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 () 1.1 keep 0 content-length=0; []\n", GET),
		R("HTTP/1.1 200 OK\r\n\r\nto the end", "200 (OK) 1.1 close -1 [to the end]\n", GET),
		R("HTTP/1.0 200 OK\r\n\r\n", "200 (OK) 1.0 close -1 []\n", GET),
		R("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
		  "200 (OK) 1.0 keep 1 connection=keep-alive; content-length=1; [x]\n", GET),
		R("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nT: u\r\n\r\n",
		  "200 (OK) 1.1 keep -1 transfer-encoding=chunked; [ab] t=u;\n", GET),
		R("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
		  "100 (Continue) 1.1 keep 0 []\n103 (Early Hints) 1.1 keep 0 link=x; []\n204 (No Content) 1.1 keep 0 []\n", PUT),
		R("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200 (OK) 1.1 keep 0 content-length=5; []\n", HEAD),
		R("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		  "200 (OK) 1.1 keep 0 transfer-encoding=chunked; []\n", HEAD),
		R("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
		  "304 (Not Modified) 1.1 keep 0 content-length=5; []\n", GET),
		R("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\x01\x02",
		  "101 (Switching Protocols) 1.1 upgrade 0 upgrade=x; [", GET),
		R("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "200 (OK) 1.1 keep 5 content-length=5; [abc cut", GET),
		R("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
		  "200 (OK) 1.1 0 connection=close; content-length=0; []\n", GET),
		/* refused */
		R("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", " !400", GET),
		R("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n", " !400", GET),
		R("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", " !501", GET),
		R("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", " !400", GET),
		R("HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\n", " !400", GET),
		R("HTTP/1.1 20 OK\r\n\r\n", " !400", GET),
		R("HTTP/1.1 2000 OK\r\n\r\n", " !400", GET),
		R("HTTP/1.1 099 OK\r\n\r\n", " !400", GET),
		R("HTTP/1.1 2x0 OK\r\n\r\n", " !400", GET),
		R("HTTP/1.1  200 OK\r\n\r\n", " !400", GET),
		R("HTTP/1.1 200 O\x01K\r\n\r\n", " !400", GET),
		R("HTTP/1.1 200 OK\nX: y\n\n", " !400", GET),
		R("HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n", " !400", GET),
		R("HTTP/2.0 200 OK\r\n\r\n", " !505", GET),
		R("\r\nHTTP/1.1 200 OK\r\n\r\n", " !400", GET),
		R("SSH-2.0-x\r\n\r\n", " !400", GET),
	};

	check_all(true, cases, ARRAY_LEN(cases));
}

/* --- writing --- */

static void test_written_chunks(void **state)
{
	static const struct { size_t n; const char *want; } cases[] = {
		{ 1, "1\r\n" }, { 0xabc, "abc\r\n" }, { SIZE_MAX, "ffffffffffffffff\r\n" },
	};
	static const struct http_header t[] = { { "a", "b" } };
	auto_buf struct buf b = BUF_INIT(1000);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char out[HTTP_H1_CHUNK_MAX];
		size_t n = http_h1_chunk_head(out, cases[i].n);

		assert_int_equal(n, strlen(cases[i].want));
		assert_memory_equal(out, cases[i].want, n);
	}
	http_h1_put_last_chunk(&b, t, 1);
	assert_string_equal(buf_cstr(&b), "0\r\na: b\r\n\r\n");
	buf_reset(&b);
	http_h1_put_request(&b, "PUT", "/x?y", t, 1);
	assert_string_equal(buf_cstr(&b), "PUT /x?y HTTP/1.1\r\na: b\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests), cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_refused_request_lines), cmocka_unit_test(test_refused_hosts),
		cmocka_unit_test(test_refused_headers), cmocka_unit_test(test_refused_framing),
		cmocka_unit_test(test_refused_chunks), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_endless_line), cmocka_unit_test(test_memory_of_a_parser),
		cmocka_unit_test(test_responses), cmocka_unit_test(test_written_chunks),
	};

	return unit_run(tests);
}
