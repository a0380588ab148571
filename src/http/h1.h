/* h1.h - HTTP/1.1 on the wire: an incremental parser for both directions, and what writes heads and chunks.
 *
 * Strict, because two programs that read one message differently are a hole:
 * lines end with CRLF and nothing else; no folded lines; no blank before the
 * colon; no control characters; one Content-Length at most, digits only, and
 * never with Transfer-Encoding, which must be exactly "chunked"; one Host.
 *
 * The parser is fed pieces of any size and gives the same events whatever the
 * cuts (body data comes in as many pieces as it was fed in). It holds memory
 * only while a head is incomplete: between messages and in bodies it has none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/message.h"

enum http_h1_event {
	HTTP_H1_MORE,              /* everything was taken; feed the next piece */
	HTTP_H1_HEAD,              /* the head is complete: http_h1_request() or http_h1_response() now, before the next feed */
	HTTP_H1_DATA,              /* *ret_data, *ret_len: a piece of the body, inside what was fed */
	HTTP_H1_END,               /* the message is complete; the next feed begins another one */
};

struct http_h1_limits {            /* 0 is the default */
	size_t head_max_bytes;             /* 64 KiB, with the first line; also of all trailers */
	size_t line_max_bytes;             /* 16 KiB, of the first line */
	unsigned headers_max;              /* 100; also of trailers */
};

struct http_h1 {
	/* for the caller, after an error: what a server answers (400, 414, 431, 501, 505) */
	int status;
	/* after HTTP_H1_HEAD */
	bool keep_alive;                   /* may another message follow on this connection? */
	bool chunked;
	bool expects_continue;             /* a request with Expect: 100-continue */
	bool upgrades;                     /* Connection lists "upgrade" */
	bool until_close;                  /* a response whose body ends with the connection */
	/* after HTTP_H1_END */
	struct http_header *trailers;      /* in the arena given to http_h1_request/response; NULL without */
	size_t n_trailers;

	/* inside */
	bool is_response, request_was_head, request_was_connect, skipped_line;
	uint8_t state;
	uint8_t line_bytes;                /* of a chunk's size line so far */
	uint16_t n_lines;
	uint32_t at, line_at;              /* how far the head was looked at; where its line begins */
	uint64_t left;                     /* of the body or the chunk */
	struct http_h1_limits limits;
	struct buf head;                   /* of an incomplete head (or trailers) */
	const char *text;                  /* of the head that is complete: in `head`, or in what was fed */
	size_t text_len;
	struct arena *arena;
};

void http_h1_init(struct http_h1 *p, bool is_response, const struct http_h1_limits *limits);
void http_h1_done(struct http_h1 *p);

/* For a client, before each response: what was asked decides how its body ends. */
void http_h1_expect(struct http_h1 *p, enum http_method request_method);

/* Takes some of data (*ret_used <= n bytes) up to the next event. With n == 0 it may still give END. After HEAD, go on
 * with the rest. Negative: malformed; p->status is set, and nothing more may be fed.
 * An error leaves *ret_used alone. */
int http_h1_feed(struct http_h1 *p, const char *data, size_t n, size_t *ret_used, const char **ret_data, size_t *ret_len,
		 struct dv_err *e) DV_MUST_USE;
/* The stream ended: HTTP_H1_END if that completes a message, HTTP_H1_MORE if none had begun (a clean end), negative
 * (IO) if it was cut off. */
int http_h1_eof(struct http_h1 *p, struct dv_err *e) DV_MUST_USE;

/* The arena of http_h1_request/response goes before the message's end: trailers are checked, and dropped. */
void http_h1_forget_arena(struct http_h1 *p);
/* Has nothing of a next message come yet? */
bool http_h1_idle(const struct http_h1 *p);

/* Right after HTTP_H1_HEAD: bytes that the next call needs of an arena. */
size_t http_h1_head_room(const struct http_h1 *p);
/* The head as a struct; its strings go to the arena, which must live until the message's end. scheme, peer and cert are
 * not touched. Negative: malformed, as in http_h1_feed. For a response the status 1xx (but 101) has no body and
 * is followed by another head. */
int http_h1_request(struct http_h1 *p, struct arena *a, struct http_request *ret, struct dv_err *e) DV_MUST_USE;
int http_h1_response(struct http_h1 *p, struct arena *a, struct http_response *ret, struct dv_err *e) DV_MUST_USE;

/* --- writing --- */

/* METHOD TARGET HTTP/1.1 and the headers, ended. No check of names and values: http_name_valid() and the like before. */
void http_h1_put_request(struct buf *b, const char *method, const char *target, const struct http_header *h, size_t n);
/* The size line of a chunk of n > 0 bytes into out; returns its length. The chunk is followed by CRLF. */
#define HTTP_H1_CHUNK_MAX 18
size_t http_h1_chunk_head(char out[HTTP_H1_CHUNK_MAX], size_t n);
/* The last chunk with trailers. */
void http_h1_put_last_chunk(struct buf *b, const struct http_header *trailers, size_t n);
