/* call.h - inside http: what a server, its connections and its calls look like to the protocols.
 *
 * conn.c owns a connection's stream, its epoll source and its timeout; a
 * protocol (h1_server.c, and HTTP/2 beside it) turns bytes into calls and
 * answers into bytes; call.c is what http/server.h promises about calls, the
 * same for all of them, over the operations below.
 *
 * Nobody calls back into a handler from inside a function of server.h: such a
 * function marks the connection (conn_kick), and the protocol's on_kick runs when
 * the current event was handled, or at the end of the loop's turn.
 */
#pragma once

#include "base/list.h"
#include "http/io.h"
#include "http/out.h"
#include "http/server.h"

/* --- connections --- */

/* What a connection waits for; each is a list in order of time, so that one timer serves all. */
enum conn_wait { WAIT_NONE, WAIT_HEAD, WAIT_IDLE, WAIT_BODY, WAIT_WRITE, WAIT_LINGER, WAIT_MAX };

struct conn {
	struct list link;                  /* in a list of the server's waits, [0] for none */
	struct list kick_link;             /* in server->kicked */
	struct http_server *server;
	struct http_io *io;
	struct loop_source *source;
	const struct conn_proto *proto;    /* NULL until the first bytes */
	void *p;                           /* the protocol's own */
	uint64_t since_ms;
	struct http_addr peer;
	uint32_t events;                   /* what epoll waits for now */
	uint8_t wait;                      /* enum conn_wait */
	bool running;                      /* inside on_input and so on: a kick waits */
	bool want_read, want_write;        /* set by the protocol, put to epoll by conn.c when it returned */
	bool closing;                      /* conn_close() was called: gone when the protocol has returned */
	uint8_t n_early;                   /* bytes that may be the beginning of a preface: they are its first ones */
	bool served;                       /* counted as a connection of its peer */
};

struct conn_proto {
	const char *alpn;                  /* "h2" */
	const char *preface;               /* first bytes that mean this protocol without ALPN */
	/* The connection has this protocol from now on: fill conn->p. */
	void (*start)(struct conn *c);
	/* Bytes came (n == 0: the other side will send no more). All of them are taken, or kept by the protocol. They
	 * lie in a buffer of the server's that the next connection uses again. */
	void (*on_input)(struct conn *c, const char *data, size_t n);
	/* The stream takes bytes again. */
	void (*on_output)(struct conn *c);
	/* A call of this connection changed from outside. */
	void (*on_kick)(struct conn *c);
	/* It waited too long for what conn->wait says. Usually ends in conn_close(). */
	void (*on_timeout)(struct conn *c);
	/* No new calls; close when those that are there have ended. */
	void (*drain)(struct conn *c);
	/* The connection goes: end its calls (call_finish), free conn->p. Not: io, source. */
	void (*stop)(struct conn *c);
};

extern const struct conn_proto h1_proto, h2_proto;

struct conn *conn_new(struct http_server *s, struct http_io *io, const struct http_addr *peer, struct dv_err *e);
void conn_free(struct conn *c);
void conn_run_kicked(struct http_server *s);
void conn_timed_out(struct conn *c);
/* Begin to wait for this; nothing when it does already. */
void conn_wait(struct conn *c, enum conn_wait w);
/* There was progress: wait anew. */
void conn_wait_again(struct conn *c);
/* Ask for proto->on_kick. */
void conn_kick(struct conn *c);
/* Close at once, when the protocol's function has returned: what is not sent is lost. */
void conn_close(struct conn *c);
/* Hand the stream over: takes it out of the loop; the connection goes without it (as conn_close). */
struct http_io *conn_take_io(struct conn *c);

/* --- calls --- */

struct http_call {
	const struct call_proto *proto;
	struct conn *conn;
	struct out *out;                   /* where its bytes wait */
	const struct http_call_ops *ops;   /* NULL until attached */
	void *state;
	struct http_request request;
	struct arena arena;                /* begins in the bytes after the struct: one allocation for most calls */
	uint64_t start_us;
	uint64_t body_max, body_got;
	int64_t length;                    /* announced for the answer's body, -1 unknown */
	uint64_t body_sent;                /* given to http_write by now */
	struct http_header *trailers;      /* of the request */
	size_t n_trailers;
	uint16_t status;                   /* of the answer, 0 before */
	bool responded, ended;
	bool no_body;                      /* the answer has none: HEAD, 204, 304 */
	bool overrun;                      /* more was written than was announced */
	bool wanted, paused;               /* the body: on_data or on_end is there; not now */
	bool body_ended;                   /* it has come, all of it */
	bool end_told;                     /* and on_end was called */
	bool above;                        /* out_high was passed and on_writable is owed */
	bool broken;                       /* cannot be completed: the protocol breaks it off */
	bool close_after;
	bool finished;                     /* on_close was called */
};

struct call_proto {
	/* c->status, c->length, c->no_body are set; the headers are valid. date and server are the protocol's to add. */
	void (*respond)(struct http_call *c, const struct http_header *h, size_t n);
	void (*interim)(struct http_call *c, int status, const struct http_header *h, size_t n);
	/* Into c->out, framed where the protocol needs it; n > 0 */
	void (*write)(struct http_call *c, const void *data, size_t n);
	void (*write_shared)(struct http_call *c, const void *data, size_t n, void (*release)(void *), void *ctx);
	void (*write_file)(struct http_call *c, int fd, uint64_t offset, uint64_t n);
	void (*end)(struct http_call *c, const struct http_header *trailers, size_t n);
	/* c->wanted or c->paused changed. */
	void (*body_changed)(struct http_call *c);
	/* c->broken was set. */
	void (*abort)(struct http_call *c);
	/* NULL: no upgrades. */
	int (*upgrade)(struct http_call *c, const struct http_header *h, size_t n, http_on_upgrade *cb, void *state,
		       struct dv_err *e);
};

/* One with arena_room bytes of its arena in the same allocation; request is filled by the protocol. */
struct http_call *call_new(struct conn *conn, const struct call_proto *proto, struct out *out, size_t arena_room);
/* The head is there: the handler. */
void call_start(struct http_call *c);
/* A piece of the body. False when that was too much: the call has answered 413 or is broken. */
bool call_data(struct http_call *c, const void *p, size_t n);
/* The body is complete (trailers are set): on_end, now or once it is wanted. */
void call_end(struct http_call *c);
/* After the body became wanted, or is again: on_end if it is owed. */
void call_tell_end(struct http_call *c);
/* May body bytes be given to the handler? */
static inline bool call_takes_body(const struct http_call *c)
{
	return c->wanted && !c->paused && !c->ended && !c->broken;
}
/* After bytes went out: on_writable if it is owed. */
void call_sent(struct http_call *c);
/* on_close, the log, and free. */
void call_finish(struct http_call *c, bool complete);
/* Free one that was never started. */
void call_drop(struct http_call *c);

/* --- the server --- */

#define LISTENERS_MAX 16
#define LINGER_MS 5000
#define READ_BYTES 65536

struct http_server {
	struct loop *loop;
	struct http_server_options o;      /* defaults filled in */
	struct http_server_stats stats;
	struct list waits[WAIT_MAX];
	struct list kicked;
	struct loop_source *timer, *task;
	struct out_pool pool;
	struct map *peers;                 /* address -> count, with per_peer_max */
	struct listener *listeners[LISTENERS_MAX];
	unsigned n_listeners;
	bool draining;
	http_on_drained *drained;
	void *drained_ctx;
	struct loop_source *drain_timer, *accept_timer;
	uint64_t timer_due_ms;             /* 0: not armed */
	time_t date_s;
	char date[HTTP_DATE_LEN + 1];
	char input[READ_BYTES];            /* of whichever connection is read */
};

uint64_t server_timeout(const struct http_server *s, enum conn_wait w);
/* So that a wait that begins now is noticed when it ends. */
void server_arm(struct http_server *s, enum conn_wait w);
/* A connection more or less from this peer; false: it has too many. */
bool server_peer_add(struct http_server *s, const struct http_addr *peer);
void server_peer_remove(struct http_server *s, const struct http_addr *peer);
/* A connection has gone. */
void server_conn_gone(struct http_server *s);
void listeners_close(struct http_server *s);
void listeners_pause(struct http_server *s, uint64_t ms);
void listeners_resume(struct http_server *s);

/* The Date header's text of now; changes once a second. */
const char *server_date(struct http_server *s);
uint64_t server_now_us(void);
