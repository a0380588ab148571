/* h2.h - what the HTTP/2 server and client share: a session of nghttp2 on a stream. Inside http only.
 *
 * nghttp2 frames, compresses headers and keeps the windows; this adds what it
 * leaves open: output in large pieces, header blocks as one text, bodies from
 * a queue, and a budget for frames that make work and carry nothing, so that a
 * flood of them ends the connection.
 */
#pragma once

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/mem.h"
#include "http/io.h"
#include "http/message.h"
#include "http/out.h"

#define H2_STREAM_WINDOW (256 << 10)   /* what a peer may send before we take it: bounds what a paused body holds */
#define H2_CONN_WINDOW (1 << 20)       /* of all streams together */
#define H2_QUEUE_MAX 2000              /* frames that wait to be sent; above, nothing is read */

/* --- header blocks (h2_head.c) --- */

/* The block that comes in: one at a time on a connection. */
struct h2_head {
	struct buf text;               /* NAME NUL VALUE NUL, pseudo headers first */
	unsigned n;                    /* pseudo headers included */
	size_t size, size_max;         /* as SETTINGS_MAX_HEADER_LIST_SIZE counts */
	unsigned n_max;
	bool over;                     /* too large or too many: what passed a limit was dropped */
};

struct h2_pseudo {
	const char *method, *scheme, *authority, *path, *status;       /* NULL without */
};

void h2_head_start(struct h2_head *h);
/* False when the sender is far above the limits: it does not mean well. */
bool h2_head_add(struct h2_head *h, const uint8_t *name, size_t name_len, const uint8_t *value, size_t value_len);
/* Bytes of an arena that h2_head_read() needs. */
size_t h2_head_room(const struct h2_head *h);
/* The block in the arena, pseudo headers apart; several cookie headers become one. */
void h2_head_read(const struct h2_head *h, struct arena *a, struct h2_pseudo *ret_pseudo, struct http_header **ret,
		  size_t *ret_n);
/* Header fields for nghttp2, in the arena: the pseudo headers, then h in lower case and without what HTTP/2 does not
 * have (connection, transfer-encoding, ...). */
nghttp2_nv *h2_fields(struct arena *a, const struct http_header *pseudo, size_t n_pseudo, const struct http_header *h,
		      size_t n, size_t *ret_n);

/* --- bodies that we send --- */

struct h2_body {
	struct out out;
	int32_t id;                    /* the stream */
	bool ended;                    /* nothing follows what is in out, but trailers */
	bool asleep;                   /* nghttp2 asked and there was nothing */
	const nghttp2_nv *trailers;    /* live as long as the body; NULL: none */
	size_t n_trailers;
};

/* --- sessions --- */

/* Tokens that come back with time. */
struct h2_budget {
	uint32_t left, burst, per_s;
	uint64_t at_ms;
};
/* Takes one; false when there is none left. */
bool h2_budget_take(struct h2_budget *b, uint64_t now_ms);

struct h2_wire;

/* What happens, by stream; `stream` is what h2_stream_set() was given. None of them may flush or feed the wire. */
struct h2_ops {
	/* w->head holds a complete block. stream is NULL for a new request. */
	void (*on_head)(struct h2_wire *w, int32_t id, void *stream, nghttp2_headers_category kind, bool end);
	/* Give the bytes back by h2_consume() once they are taken. */
	void (*on_data)(struct h2_wire *w, int32_t id, void *stream, const void *data, size_t n);
	/* The peer's side of the stream is complete. */
	void (*on_end)(struct h2_wire *w, int32_t id, void *stream);
	/* The stream is gone: code is NGHTTP2_NO_ERROR when both sides completed it. */
	void (*on_close)(struct h2_wire *w, int32_t id, void *stream, uint32_t code);
	/* Some of the body went into a frame. */
	void (*on_framed)(struct h2_wire *w, struct h2_body *b);
	/* Our side of the stream is framed to its end. */
	void (*on_sent_end)(struct h2_wire *w, int32_t id, void *stream);
	void (*on_goaway)(struct h2_wire *w, int32_t last_id, uint32_t code);   /* may be NULL, as those below */
	void (*on_settings)(struct h2_wire *w);
	void (*on_pong)(struct h2_wire *w, const uint8_t data[8]);
};

struct h2_wire {
	nghttp2_session *session;
	const struct h2_ops *ops;
	struct h2_head head;
	struct buf left;               /* framed, but not taken by the stream yet */
	char *room;                    /* while flushing: where frames are gathered */
	size_t room_len;
	bool again;                    /* a DATA frame went into it: there may be more */
	uint64_t now_ms;               /* of the loop, as of the last input */
	struct h2_budget empty_frames; /* pings, settings, empty data, ... */
	struct h2_budget bad_streams;  /* that ended by a reset, whoever sent it */
};

/* w is zero but for ops. streams_max: that the peer may open. */
int h2_wire_init(struct h2_wire *w, bool server, uint32_t streams_max, size_t head_max_bytes, unsigned headers_max,
		 struct dv_err *e) DV_MUST_USE;
void h2_wire_done(struct h2_wire *w);
/* Bytes of the peer, all of them. Negative: not HTTP/2, or a flood. Flush afterwards in any case. */
int h2_wire_input(struct h2_wire *w, const char *data, size_t n, uint64_t now_ms, struct dv_err *e) DV_MUST_USE;
/* Sends what there is: 1 when nothing is left, 0 when io takes no more, negative on failure. *sent grows. */
int h2_wire_flush(struct h2_wire *w, struct http_io *io, uint64_t *sent, struct dv_err *e) DV_MUST_USE;
/* Should more be read? */
bool h2_wire_reads(const struct h2_wire *w);
/* Is everything said, on both sides? */
bool h2_wire_over(const struct h2_wire *w);
void h2_stream_set(struct h2_wire *w, int32_t id, void *stream);
void h2_stream_reset(struct h2_wire *w, int32_t id, uint32_t code);
/* n bytes of a body were taken: the peer may send as many again. */
void h2_consume(struct h2_wire *w, int32_t id, size_t n);
/* Where nghttp2 gets a body from. */
nghttp2_data_provider h2_body_provider(struct h2_body *b);
/* There is more in the body than before, or its end. */
void h2_body_wake(struct h2_wire *w, struct h2_body *b);
