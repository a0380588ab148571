/* client_parts.h - inside the HTTP client: fetches, origins and connections.
 *
 * client.c owns origins and the pool, client_fetch.c fetches; client_dial.c makes
 * connections, client_h1.c and client_h2.c carry fetches over them. A callback may cancel
 * any fetch: fetches and connections that end are marked and only freed by
 * client_sweep(), when no function of a protocol is running any more.
 */
#pragma once

#include "base/list.h"
#include "http/client.h"
#include "http/h1.h"
#include "http/h2.h"
#include "http/out.h"
#include "http/url.h"

#define CLIENT_HIGH_BYTES ((size_t)256 << 10)
#define CLIENT_LOW_BYTES ((size_t)64 << 10)
#define CLIENT_READ_BYTES ((size_t)64 << 10)

struct cconn;
struct origin;
struct dial;

enum fetch_state { FETCH_WAITING, FETCH_SENDING, FETCH_OVER };

struct http_fetch {
	struct list link;              /* in the origin's waiting, the connection's fetches, or the client's dead */
	struct http_client *client;
	struct origin *origin;
	struct cconn *conn;            /* while FETCH_SENDING */
	enum fetch_state state;
	const struct http_fetch_ops *ops;
	void *ctx;
	struct arena arena;
	struct loop_source *timer;
	uint64_t moved_ms, sent_ms;    /* the last byte in or out; the last of the request */
	uint64_t head_timeout_ms, stall_timeout_ms;

	/* the request */
	const char *method, *upgrade;
	struct url url;
	const char *unix_path;
	struct http_header *headers;
	size_t n_headers;
	const void *whole;             /* a body that can be sent again */
	size_t whole_len;
	int64_t length;                /* of the body, -1 unknown */
	uint64_t written;              /* given to http_fetch_write() */
	bool has_body, streams, idempotent;
	struct h2_body body;
	const struct http_header *trailers_out;
	size_t n_trailers_out;
	unsigned redirects_left, tries;
	bool above;                    /* on_writable is owed */
	bool sent;                     /* the request is out, to its last byte */

	/* the response */
	struct http_response head;
	bool has_head, paused, answered;       /* answered: a byte of a response came */
	struct url redirect;           /* where to go when the response is over */
	bool redirecting;
	uint64_t dropped;              /* bytes of a redirect's body */
	struct buf in;                 /* HTTP/2: what came while it was paused */
	bool in_end;
	struct http_header *trailers;
	size_t n_trailers;
};

struct cconn_proto {
	/* It is connected: fill conn->p. */
	int (*start)(struct cconn *n, struct dv_err *e);
	/* Can it carry one more fetch? */
	bool (*free)(const struct cconn *n);
	/* f->conn is n now, it is in n->fetches. */
	void (*attach)(struct cconn *n, struct http_fetch *f);
	/* Bytes came; n == 0: the end of the stream. */
	void (*on_input)(struct cconn *n, const char *data, size_t len);
	/* There may be something to send, or to hand on: a fetch changed, or the stream takes bytes again. */
	void (*on_work)(struct cconn *n);
	/* f is cancelled or has ended. */
	void (*detach)(struct cconn *n, struct http_fetch *f);
	void (*stop)(struct cconn *n);
};

extern const struct cconn_proto cconn_h1, cconn_h2;
/* f's body has more than before. */
void cconn_h2_wake(struct cconn *n, struct http_fetch *f);

struct cconn {
	struct list link;              /* of the origin's conns, or of the client's dead ones */
	struct list kick;
	struct origin *origin;
	struct http_client *client;
	struct http_io *io;
	struct loop_source *source, *timer;
	const struct cconn_proto *proto;       /* NULL: not connected */
	void *p;
	struct dial *dial;             /* NULL: connected */
	struct list fetches;
	uint32_t events;
	uint64_t n_fetches;            /* that it has carried */
	bool want_read, want_write;
	bool going;                    /* takes no new fetches: it ends with those it has */
	bool dead;
};

struct origin {
	struct http_client *client;
	char *key, *host, *unix_path;
	uint16_t port;
	bool tls, shares;              /* shares: known to speak HTTP/2 */
	bool known;                    /* shares was found out */
	struct list conns, waiting, kick;
	unsigned n_conns, n_waiting;
};

struct http_client {
	struct loop *loop;
	struct http_client_options o;
	struct job_pool *jobs, *own_jobs;
	struct tls_client *tls, *own_tls;
	struct map *origins;
	struct list dead_fetches, dead_conns;
	struct list kicked_conns, kicked_origins;      /* looked at by task, on the loop */
	struct loop_source *task;
	struct out_pool pool;
	struct http_client_stats stats;
	char input[CLIENT_READ_BYTES];
};

/* --- client.c --- */

/* Look at it soon: pump its queue, or let it work. */
void origin_kick(struct origin *o);
void cconn_kick(struct cconn *n);
/* Frees what has ended, when nothing else runs. */
void client_sweep(struct http_client *c);
/* The one that f's URL or socket leads to. */
int origin_get(struct http_client *c, const struct http_fetch *f, struct origin **ret, struct dv_err *e) DV_MUST_USE;
/* Waiting fetches to connections, and dials for the others. */
void origin_pump(struct origin *o);
/* A connection could not be made. */
void origin_failed(struct origin *o, const struct dv_err *e);

/* --- client_fetch.c --- */

void fetch_free(struct http_fetch *f);
/* The response goes on; callbacks may cancel any fetch: ask f->state afterwards. The protocol has let go of f before
 * those that detach it. */
void fetch_head(struct http_fetch *f);                                 /* f->head is filled */
void fetch_data(struct http_fetch *f, const void *p, size_t n);
void fetch_complete(struct http_fetch *f);                             /* detaches it */
void fetch_fail(struct http_fetch *f, const struct dv_err *e);         /* detaches it */
/* The connection broke: once more on another one if that is allowed, else fail. unprocessed: the server said that
 * it did nothing with it. */
void fetch_lost(struct http_fetch *f, bool unprocessed, const struct dv_err *e);
void fetch_upgraded(struct http_fetch *f, const char *left, size_t n);
/* Bytes of the request went out. all: to its last one. */
void fetch_sent(struct http_fetch *f, bool all);
/* Is the body another than was announced? Fills e. */
bool fetch_body_wrong(const struct http_fetch *f, struct dv_err *e);
/* Sets its timer anew. */
void fetch_arm(struct http_fetch *f);

/* --- client_dial.c --- */

/* A new connection for the origin, in its list. */
void dial_start(struct origin *o);
void dial_stop(struct cconn *n);
/* Waits for what conn->want_read and want_write say. */
void cconn_watch(struct cconn *n);
/* Out of the pool, freed by the next sweep. Its fetches must be gone. NULL is fine. */
void cconn_close(struct cconn *n);
/* The same after telling its fetches that they are lost. */
void cconn_break(struct cconn *n, const struct dv_err *e);
/* All events of a connected one; cconn_turn() leaves the sweep to the caller. */
void cconn_turn(struct cconn *n);
void cconn_on_event(void *ctx, int fd, uint32_t events);
/* It carries nothing any more. */
void cconn_idle(struct cconn *n);

