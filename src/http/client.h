/* client.h - HTTP requests from an event loop: HTTP/1.1 and HTTP/2, TCP, TLS and unix sockets.
 *
 * For daemons: agents with long watches, proxies, hooks. Connections are kept
 * in a pool per origin; names are resolved on a job pool; nothing blocks. A
 * client belongs to one loop and its thread.
 *
 * A request is a `struct http_fetch`. Its callbacks come from the loop, never
 * from inside the functions below. It is gone after on_end, after on_upgrade and
 * after http_fetch_cancel(), which may be called in its callbacks, but on_end.
 *
 * Back-pressure is that of http/server.h: http_fetch_write() takes everything
 * and returns false once more than 256 KiB wait: stop until on_writable.
 * http_fetch_pause() stops reading, and so the server.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/job.h"
#include "base/loop.h"
#include "http/io.h"
#include "http/message.h"
#include "http/tls.h"

struct http_client;
struct http_fetch;

enum http_versions {
	HTTP_ANY = 0,              /* HTTP/2 where TLS negotiates it, otherwise 1.1 */
	HTTP_ONLY_1,
	HTTP_ONLY_2,               /* also without TLS ("prior knowledge") */
};

/* 0 anywhere is the default named. */
struct http_client_options {
	struct job_pool *jobs;                     /* for names, outlives the client; NULL: one of its own */
	struct tls_client *tls;                    /* for https, outlives the client; NULL: the system's authorities */
	enum http_versions versions;
	unsigned conns_max;                        /* 8 per origin; other requests wait */
	unsigned waiting_max;                      /* 1,024 requests that wait, per origin */
	uint64_t idle_timeout_ms;                  /* 90 s: a connection without a request is closed */
	uint64_t connect_timeout_ms;               /* 30 s: name, connection, handshake */
	uint64_t head_timeout_ms;                  /* 60 s: from the request's last byte to the head */
	uint64_t stall_timeout_ms;                 /* none: without a byte of a body that is wanted, or taken */
	size_t head_max_bytes;                     /* 64 KiB, of a response */
	size_t arena_max_bytes;                    /* 16 MiB, of a fetch */
};

int http_client_new(struct loop *loop, const struct http_client_options *options, struct http_client **ret,
		    struct dv_err *e) DV_MUST_USE;
/* Closes everything; what still runs is cancelled, without a callback. Waits for a name's query that runs in a job
 * pool of its own. Not from a callback of the client. NULL is fine. */
void http_client_free(struct http_client *c);

struct http_client_stats {
	unsigned connections, idle, fetches;       /* now */
	uint64_t dialed, reused, retried;          /* in all: connections made, requests on used ones, second tries */
};
void http_client_stats(const struct http_client *c, struct http_client_stats *ret);

/* --- requests --- */

struct http_fetch_ops {            /* all optional but on_end */
	/* The head of the final response; it lives as long as the fetch. */
	void (*on_head)(void *state, struct http_fetch *f, const struct http_response *head);
	/* A piece of the body, n > 0: all of it is taken. May pause. */
	void (*on_data)(void *state, struct http_fetch *f, const void *p, size_t n);
	/* What waits fell below 64 KiB after it had been above 256 KiB. */
	void (*on_writable)(void *state, struct http_fetch *f);
	/* 101, or 2xx to CONNECT: io is yours, to be closed by http_io_close(). left: bytes of it that came already. */
	void (*on_upgrade)(void *state, struct http_fetch *f, struct http_io *io, const void *left, size_t n);
	/* Last, once: e is NULL when the response is complete. Kinds: TIMEOUT; NOT_FOUND (no such host); UNAVAILABLE (no
	 * connection); IO (it broke); FORBIDDEN (its certificate was refused); INVALID (no HTTP); LIMIT. */
	void (*on_end)(void *state, struct http_fetch *f, const struct dv_err *e);
};

struct http_fetch_want {
	const char *method;                        /* NULL: GET */
	const char *url;                           /* http or https; credentials go into a header */
	const char *unix_path;                     /* connect to this socket instead of the URL's host */
	const struct http_header *headers;         /* without host, content-length, transfer-encoding, connection, */
	size_t n_headers;                          /*   which are ours; all is copied */
	const void *body;                          /* a whole body, copied: body_len bytes */
	size_t body_len;
	bool stream;                               /* the body comes by http_fetch_write() and ends by http_fetch_end() */
	int64_t stream_len;                        /* of that: its length, -1 unknown */
	const char *upgrade;                       /* ask for this protocol (HTTP/1.1 only) */
	bool idempotent;                           /* may be sent twice although its method does not say so */
	unsigned redirects_max;                    /* 0: a redirect is a response as any other. Otherwise so many are
	                                            * followed; authorization and cookies stay with their origin,
	                                            * and https does not become http (FORBIDDEN) */
	uint64_t head_timeout_ms, stall_timeout_ms;        /* 0: the client's; UINT64_MAX: none */
};

/* INVALID: the URL, a method or a header; LIMIT: too many wait. */
int http_fetch_start(struct http_client *c, const struct http_fetch_want *want, const struct http_fetch_ops *ops,
		     void *state, struct http_fetch **ret, struct dv_err *e) DV_MUST_USE;
void http_fetch_cancel(struct http_fetch *f);                          /* NULL is fine */
struct arena *http_fetch_arena(struct http_fetch *f);                  /* lives as long as the fetch */
const struct http_response *http_fetch_response(const struct http_fetch *f);   /* NULL before on_head */
/* Trailers of the response, valid in on_end. */
const struct http_header *http_fetch_trailers(const struct http_fetch *f, size_t *ret_n);
void http_fetch_pause(struct http_fetch *f);
void http_fetch_resume(struct http_fetch *f);

/* For want->stream. Returns whether to go on. */
bool http_fetch_write(struct http_fetch *f, const void *data, size_t n);
/* n bytes of a file from offset; fd is owned. A file that ends before fails the fetch. */
bool http_fetch_write_file(struct http_fetch *f, int fd, uint64_t offset, uint64_t n);
size_t http_fetch_queued(const struct http_fetch *f);
void http_fetch_end(struct http_fetch *f);
/* With trailers: HTTP/2 and chunked bodies. */
void http_fetch_end_trailers(struct http_fetch *f, const struct http_header *h, size_t n);
