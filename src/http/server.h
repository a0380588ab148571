/* server.h - an HTTP server on a loop: requests in, answers out, whichever version carried them.
 *
 * A server belongs to one loop and its thread; several threads have a server
 * each and listen on the same address (reuse_port). There is no global state.
 *
 * A request is a `struct http_call`. The handler is called once its head is
 * there. It may answer at once, or attach callbacks for the body and answer
 * from them, or answer later, from anything that runs on the loop's thread (a
 * job's completion, a timer, a watch). The call lives until on_close, which
 * always comes if callbacks were attached: after that nothing of it may be
 * touched. No callback runs inside one of the functions below: what they
 * cause happens when the current callback of the loop has returned.
 *
 * A body that nobody takes (no on_data attached) is not read until the handler
 * attaches or answers; after the answer a short rest of it is read and
 * dropped, and a long one ends the connection.
 *
 * Back-pressure: http_write() takes everything and returns false once more
 * than out_high bytes wait: stop until on_writable (who goes on all the same is
 * cut off at out_max). http_call_pause_body() stops reading, and so the sender.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "http/io.h"
#include "http/message.h"

struct http_server;
struct http_call;

/* --- the server --- */

typedef void http_handler(void *ctx, struct http_call *c);

struct http_log_entry {
	const struct http_request *request;
	int status;                /* 0: closed without an answer */
	uint64_t body_bytes;       /* of the answer's body, handed to the socket */
	uint64_t usec;             /* from the head's last byte to the end */
	bool complete;
};
typedef void http_on_log(void *ctx, const struct http_log_entry *entry);

/* 0 anywhere is the default named. */
struct http_server_options {
	http_handler *handler;
	http_on_log *on_log;                       /* once for each call, at its end; NULL: none */
	void *ctx;                                 /* of both */
	const char *server_name;                   /* the Server header; NULL: none is sent */

	size_t head_max_bytes;                     /* 64 KiB: 431 */
	size_t line_max_bytes;                     /* 16 KiB, of the request line: 414 */
	unsigned headers_max;                      /* 100: 431 */
	uint64_t body_max_bytes;                   /* 64 MiB: 413; http_call_set_body_max() for one call */
	size_t out_high_bytes, out_low_bytes;      /* 256 KiB, 64 KiB: see back-pressure above */
	size_t out_max_bytes;                      /* 64 MiB: a handler that ignores it loses its connection */
	size_t call_max_bytes;                     /* 16 MiB: the limit of a call's arena */

	uint64_t head_timeout_ms;                  /* 30 s: from the first byte (or accept) to the end of the head: 408 */
	uint64_t idle_timeout_ms;                  /* 75 s: between requests */
	uint64_t body_timeout_ms;                  /* 60 s: without a byte of a body that is wanted: 408 */
	uint64_t write_timeout_ms;                 /* 60 s: without a byte taken of an answer that waits */

	unsigned connections_max;                  /* 10,000: idle ones make room, then 503 */
	unsigned per_peer_max;                     /* 0: no limit for one IP address */
	unsigned streams_max;                      /* 250: calls at a time on a connection of HTTP/2 */
	bool h2c;                                  /* HTTP/2 also without TLS, by prior knowledge */
	bool reuse_port;                           /* SO_REUSEPORT: several servers on one port */
	bool unix_replace;                         /* remove a socket that nobody listens on any more */
};

int http_server_new(struct loop *loop, const struct http_server_options *options, struct http_server **ret,
		    struct dv_err *e) DV_MUST_USE;
/* "ADDR:PORT", "[V6]:PORT", ":PORT" (all addresses), "unix:PATH". Port 0: any. maker NULL: plain sockets; otherwise it
 * must outlive the server. ret_bound (may be NULL): what it became, for people and for clients.
 * INVALID: no such form; EXISTS: taken; at most 16 addresses: LIMIT. */
int http_server_listen(struct http_server *s, const char *addr, const struct http_io_maker *maker,
		       char ret_bound[HTTP_ADDR_TEXT_MAX], struct dv_err *e) DV_MUST_USE;
/* The same on a socket that listens already (socket activation, or one shared by several servers). Takes it. */
int http_server_listen_fd(struct http_server *s, int fd, const struct http_io_maker *maker,
			  struct dv_err *e) DV_MUST_USE;
/* A connected socket as if it had been accepted. Takes it, also on failure. */
int http_server_serve_fd(struct http_server *s, int fd, const struct http_io_maker *maker,
			 struct dv_err *e) DV_MUST_USE;

typedef void http_on_drained(void *ctx);
/* Listens no more, closes idle connections, lets calls end (their connections close after the answer); after
 * timeout_ms the rest is closed. Then `done`, once (also when nothing was left: never inside this call), which may
 * free the server. */
void http_server_drain(struct http_server *s, uint64_t timeout_ms, http_on_drained *done, void *ctx);
/* Closes everything; calls that are there get on_close. Not from a callback of the server. NULL is fine. */
void http_server_free(struct http_server *s);

struct http_server_stats {
	unsigned connections, calls;               /* now */
	uint64_t accepted, refused, requests, malformed, timed_out;
	uint64_t in_bytes, out_bytes;
};
void http_server_stats(const struct http_server *s, struct http_server_stats *ret);

/* --- a call: the request --- */

struct http_call_ops {             /* all optional */
	/* A piece of the body, n > 0: all of it is taken. May pause. */
	void (*on_data)(void *state, struct http_call *c, const void *p, size_t n);
	/* The body is complete. Also when it was empty. */
	void (*on_end)(void *state, struct http_call *c);
	/* What waits fell below out_low after it had been above out_high. */
	void (*on_writable)(void *state, struct http_call *c);
	/* Always last, once: free your state. complete: the whole answer was handed to the socket. */
	void (*on_close)(void *state, struct http_call *c, bool complete);
};

const struct http_request *http_call_request(const struct http_call *c);
struct arena *http_call_arena(struct http_call *c);                    /* lives as long as the call */
struct http_server *http_call_server(const struct http_call *c);
struct loop *http_call_loop(const struct http_call *c);
/* At most once, at any time before on_close would be due. With on_data or on_end the body is wanted from now on
 * (the client is told to go on if it asked). */
void http_call_attach(struct http_call *c, const struct http_call_ops *ops, void *state);
void *http_call_state(const struct http_call *c);
void http_call_pause_body(struct http_call *c);
void http_call_resume_body(struct http_call *c);
/* Before the body is wanted: a limit of its own; UINT64_MAX for none. */
void http_call_set_body_max(struct http_call *c, uint64_t max_bytes);
/* Trailers of the body, valid from on_end on. */
const struct http_header *http_call_trailers(const struct http_call *c, size_t *ret_n);

/* --- a call: the answer --- */

/* A short answer, whole: type may be NULL when n is 0. */
void http_reply(struct http_call *c, int status, const char *type, const void *data, size_t n);
/* The same with headers. */
void http_reply_with(struct http_call *c, int status, const struct http_header *h, size_t n_headers, const void *data,
		     size_t n);
/* {"status":..., "error":...} is the caller's affair; this is the kind's status and the message as text. */
void http_reply_error(struct http_call *c, const struct dv_err *e);

/* 100 < status < 200 is an interim answer: as many as you like, and no end. Otherwise once: headers without
 * content-length, transfer-encoding, connection and date, which are ours; length -1: not known before the end.
 * A name or value that may not be sent becomes a 500 without a body. */
void http_respond(struct http_call *c, int status, const struct http_header *h, size_t n, int64_t length);
/* More of the body. For HEAD, 204 and 304 it goes nowhere. Returns whether to go on (see above). */
bool http_write(struct http_call *c, const void *data, size_t n);
/* The same without a copy: `release` is called when the bytes are no longer needed, whatever happens. */
bool http_write_shared(struct http_call *c, const void *data, size_t n, void (*release)(void *ctx), void *ctx);
/* n bytes of a file from offset, by sendfile; fd is owned. A file that ends before breaks the connection. */
bool http_write_file(struct http_call *c, int fd, uint64_t offset, uint64_t n);
/* Bytes that wait to be sent. */
size_t http_call_queued(const struct http_call *c);
/* The answer is complete. With another length than announced the connection is broken off: the client must notice. */
void http_end(struct http_call *c);
/* The same with trailers (chunked answers and HTTP/2; dropped elsewhere). */
void http_end_trailers(struct http_call *c, const struct http_header *h, size_t n);
/* The connection closes after this answer; one of HTTP/2 carries others and stays. */
void http_call_close_after(struct http_call *c);
/* Break off now: the client sees an incomplete answer (or none). on_close follows. */
void http_call_abort(struct http_call *c);

/* --- upgrades --- */

/* The stream is the caller's: io is to be closed by http_io_close(). left: bytes of it that came already. The call
 * is gone when this returns (on_close follows at once). */
typedef void http_on_upgrade(void *state, struct http_io *io, const void *left, size_t n);
/* May this be upgraded: HTTP/1.1, "Connection: upgrade", this protocol in Upgrade, no body? */
bool http_call_upgrades(const struct http_call *c, const char *protocol);
/* Answers 101 with these headers (Connection: upgrade is ours, Upgrade is yours), or 200 to CONNECT, and hands over when
 * that is sent. If the client leaves before, only on_close comes. INVALID over HTTP/2 or with a body. */
int http_upgrade(struct http_call *c, const struct http_header *h, size_t n, http_on_upgrade *cb, void *state,
		 struct dv_err *e) DV_MUST_USE;
