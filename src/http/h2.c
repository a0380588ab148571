/* h2.c - a session of nghttp2 on a stream: for the server and the client. */
#include "base/str.h"
#include "http/h2.h"

#define ROOM_BYTES 49152
#define FRAME_MAX (16384 + 10)

/* As nghttp2's own for the resets that come in (CVE-2023-44487), here also for those a peer makes us send. */
#define RESET_BURST 1000
#define RESET_PER_S 33
#define EMPTY_BURST 2000
#define EMPTY_PER_S 200

/* --- budgets --- */

bool h2_budget_take(struct h2_budget *b, uint64_t now_ms)
{
	uint64_t back = (now_ms - b->at_ms) * b->per_s / 1000;

	if (back) {
		b->left = (uint32_t)DV_MIN(b->left + back, (uint64_t)b->burst);
		b->at_ms = now_ms;
	}
	if (!b->left)
		return false;
	b->left--;
	return true;
}

static void end_badly(struct h2_wire *w)
{
	(void)nghttp2_session_terminate_session(w->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* --- what comes in --- */

static void *stream_of(struct h2_wire *w, int32_t id)
{
	return nghttp2_session_get_stream_user_data(w->session, id);
}

/* Frames that cost work and bring nothing. Data that comes in between pays for them: gRPC pings as it receives. */
static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
	struct h2_wire *w = user;

	switch (hd->type) {
	case NGHTTP2_DATA:
		if (hd->length > 0)
			w->empty_frames.left = w->empty_frames.burst;
		if (hd->length > 0 || hd->flags & NGHTTP2_FLAG_END_STREAM)
			return 0;
		break;
	case NGHTTP2_PUSH_PROMISE:
		/* We said that we want none, and nobody may send us any. */
		(void)nghttp2_session_terminate_session(session, NGHTTP2_PROTOCOL_ERROR);
		return 0;
	case NGHTTP2_HEADERS:
	case NGHTTP2_CONTINUATION:
	case NGHTTP2_WINDOW_UPDATE:
	case NGHTTP2_RST_STREAM:
		return 0;
	default:
		break;
	}
	if (!h2_budget_take(&w->empty_frames, w->now_ms))
		end_badly(w);
	return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2_wire *w = user;

	h2_head_start(&w->head);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
		     const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
	struct h2_wire *w = user;

	return h2_head_add(&w->head, name, name_len, value, value_len) ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* Upper case, connection-specific, control characters: never let through, never repaired. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
			     const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2_wire *w = user;
	int32_t id = frame->hd.stream_id;
	bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		w->ops->on_head(w, id, stream_of(w, id), frame->headers.cat, end);
		buf_done(&w->head.text);
		break;
	case NGHTTP2_DATA:
		break;
	case NGHTTP2_SETTINGS:
		if (w->ops->on_settings && !(frame->hd.flags & NGHTTP2_FLAG_ACK))
			w->ops->on_settings(w);
		return 0;
	case NGHTTP2_PING:
		if (w->ops->on_pong && frame->hd.flags & NGHTTP2_FLAG_ACK)
			w->ops->on_pong(w, frame->ping.opaque_data);
		return 0;
	case NGHTTP2_GOAWAY:
		if (w->ops->on_goaway)
			w->ops->on_goaway(w, frame->goaway.last_stream_id, frame->goaway.error_code);
		return 0;
	default:
		return 0;
	}
	if (end && stream_of(w, id))
		w->ops->on_end(w, id, stream_of(w, id));
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t n, void *user)
{
	struct h2_wire *w = user;
	void *stream = stream_of(w, id);

	if (stream)
		w->ops->on_data(w, id, stream, data, n);
	else
		h2_consume(w, id, n);
	return 0;
}

/* The end of our side, which may be the head's. */
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2_wire *w = user;
	void *stream = stream_of(w, frame->hd.stream_id);

	if (stream && frame->hd.flags & NGHTTP2_FLAG_END_STREAM && frame->hd.type <= NGHTTP2_HEADERS)
		w->ops->on_sent_end(w, frame->hd.stream_id, stream);
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
	struct h2_wire *w = user;
	void *stream = stream_of(w, id);

	if (stream)
		w->ops->on_close(w, id, stream, code);
	if (code != NGHTTP2_NO_ERROR && !h2_budget_take(&w->bad_streams, w->now_ms))
		end_badly(w);
	return 0;
}

/* A stream above the limit of streams: it is refused without ever being one. */
static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int code, void *user)
{
	struct h2_wire *w = user;

	if (code == NGHTTP2_ERR_REFUSED_STREAM && !h2_budget_take(&w->bad_streams, w->now_ms))
		end_badly(w);
	return 0;
}

int h2_wire_input(struct h2_wire *w, const char *data, size_t n, uint64_t now_ms, struct dv_err *e)
{
	ssize_t r;

	w->now_ms = now_ms;
	r = nghttp2_session_mem_recv(w->session, (const uint8_t *)data, n);
	if (r >= 0)
		return 0;
	if (r == NGHTTP2_ERR_NOMEM)
		abort();
	end_badly(w);
	return dv_fail(e, DV_INVALID, "HTTP/2: %s", nghttp2_strerror((int)r));
}

void h2_consume(struct h2_wire *w, int32_t id, size_t n)
{
	/* A stream that is gone counts for the connection. */
	if (n && nghttp2_session_consume(w->session, id, n) == NGHTTP2_ERR_NOMEM)
		abort();
}

/* --- what goes out --- */

static ssize_t on_body_read(nghttp2_session *session, int32_t id, uint8_t *unused, size_t length, uint32_t *flags,
			    nghttp2_data_source *source, void *user)
{
	struct h2_body *b = source->ptr;
	size_t n = (size_t)DV_MIN(b->out.bytes, (uint64_t)length);

	if (n == 0 && !b->ended) {
		b->asleep = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (!b->ended || n < b->out.bytes)
		return (ssize_t)n;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (b->trailers) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		if (nghttp2_submit_trailer(session, id, b->trailers, b->n_trailers) != 0)
			return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	return (ssize_t)n;
}

/* A DATA frame: its head and its bytes into the room of the flush that runs. */
static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t length,
			nghttp2_data_source *source, void *user)
{
	struct h2_wire *w = user;
	struct h2_body *b = source->ptr;
	char *p = w->room + w->room_len;
	size_t done = 0;

	/* gather() has seen to the room, which is why each frame goes back to it */
	memcpy(p, head, 9);
	w->again = true;
	while (done < length) {
		ssize_t n = out_take(&b->out, p + 9 + done, length - done, NULL);

		if (n <= 0)     /* a file that ended too soon */
			return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
		done += (size_t)n;
	}
	w->room_len += 9 + length;
	w->ops->on_framed(w, b);
	return NGHTTP2_ERR_PAUSE;
}

nghttp2_data_provider h2_body_provider(struct h2_body *b)
{
	return (nghttp2_data_provider){ .source.ptr = b, .read_callback = on_body_read };
}

void h2_body_wake(struct h2_wire *w, struct h2_body *b)
{
	if (!b->asleep)
		return;
	b->asleep = false;
	(void)nghttp2_session_resume_data(w->session, b->id);
}

/* Frames into w->room until there are no more or it is nearly full; false: there are no more. */
static bool gather(struct h2_wire *w)
{
	while (ROOM_BYTES - w->room_len >= FRAME_MAX) {
		const uint8_t *p;
		ssize_t n;

		w->again = false;
		n = nghttp2_session_mem_send(w->session, &p);
		if (n == NGHTTP2_ERR_NOMEM)
			abort();
		if (n <= 0 && w->again)
			continue;
		if (n <= 0)
			return false;
		memcpy(w->room + w->room_len, p, (size_t)n);
		w->room_len += (size_t)n;
	}
	return true;
}

/* 1: all of it; 0: io takes no more, *ret_n did it; negative: failed. */
static int write_some(struct http_io *io, const char *p, size_t n, size_t *ret_n, struct dv_err *e)
{
	size_t done = 0;

	while (done < n) {
		struct iovec v = { (void *)(p + done), n - done };
		ssize_t r = http_io_write(io, &v, 1, e);

		if (r == HTTP_IO_WAIT)
			break;
		if (r < 0)
			return (int)r;
		done += (size_t)r;
	}
	*ret_n = done;
	return done == n;
}

static int write_left(struct h2_wire *w, struct http_io *io, uint64_t *sent, struct dv_err *e)
{
	size_t n = 0;
	int r = w->left.len ? write_some(io, w->left.p, w->left.len, &n, e) : 1;

	*sent += n;
	if (r == 0 && n) {
		memmove(w->left.p, w->left.p + n, w->left.len - n);
		w->left.len -= n;
	}
	if (r == 1)
		buf_done(&w->left);
	return r;
}

int h2_wire_flush(struct h2_wire *w, struct http_io *io, uint64_t *sent, struct dv_err *e)
{
	char room[ROOM_BYTES];
	int r = write_left(w, io, sent, e);
	bool more = true;

	while (r == 1 && more) {
		size_t n = 0;

		w->room = room;
		w->room_len = 0;
		more = gather(w);
		w->room = NULL;
		r = write_some(io, room, w->room_len, &n, e);
		*sent += n;
		if (r != 0)
			continue;
		w->left = BUF_INIT(ROOM_BYTES + 1);
		buf_add(&w->left, room + n, w->room_len - n);
	}
	return r;
}

/* --- the session --- */

bool h2_wire_reads(const struct h2_wire *w)
{
	return nghttp2_session_want_read(w->session) && nghttp2_session_get_outbound_queue_size(w->session) < H2_QUEUE_MAX;
}

bool h2_wire_over(const struct h2_wire *w)
{
	return !w->left.len && !nghttp2_session_want_read(w->session) && !nghttp2_session_want_write(w->session);
}

void h2_stream_set(struct h2_wire *w, int32_t id, void *stream)
{
	(void)nghttp2_session_set_stream_user_data(w->session, id, stream);
}

void h2_stream_reset(struct h2_wire *w, int32_t id, uint32_t code)
{
	if (nghttp2_submit_rst_stream(w->session, NGHTTP2_FLAG_NONE, id, code) == NGHTTP2_ERR_NOMEM)
		abort();
}

static nghttp2_session_callbacks *make_callbacks(void)
{
	nghttp2_session_callbacks *cb;

	if (nghttp2_session_callbacks_new(&cb) != 0)
		abort();
	nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(cb, on_invalid_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb, on_invalid_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
	return cb;
}

static nghttp2_option *make_options(void)
{
	nghttp2_option *o;

	if (nghttp2_option_new(&o) != 0)
		abort();
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_no_closed_streams(o, 1);
	nghttp2_option_set_max_deflate_dynamic_table_size(o, 4096);
	nghttp2_option_set_stream_reset_rate_limit(o, RESET_BURST, RESET_PER_S);
	nghttp2_option_set_max_settings(o, 32);
	return o;
}

/* Our SETTINGS, the first frame of both sides. */
static int greet(struct h2_wire *w, bool server, uint32_t streams_max, size_t head_max_bytes)
{
	nghttp2_settings_entry s[] = {
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_STREAM_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)head_max_bytes },
		{ server ? NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS : NGHTTP2_SETTINGS_ENABLE_PUSH, server ? streams_max : 0 },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
	};
	int r = nghttp2_submit_settings(w->session, NGHTTP2_FLAG_NONE, s, ARRAY_LEN(s));

	return r ? r : nghttp2_session_set_local_window_size(w->session, NGHTTP2_FLAG_NONE, 0, H2_CONN_WINDOW);
}

int h2_wire_init(struct h2_wire *w, bool server, uint32_t streams_max, size_t head_max_bytes, unsigned headers_max,
		 struct dv_err *e)
{
	nghttp2_session_callbacks *cb = make_callbacks();
	nghttp2_option *o = make_options();
	int r = server ? nghttp2_session_server_new2(&w->session, cb, w, o) :
		nghttp2_session_client_new2(&w->session, cb, w, o);

	nghttp2_option_del(o);
	nghttp2_session_callbacks_del(cb);
	w->head.size_max = head_max_bytes;
	w->head.n_max = headers_max;
	w->empty_frames = (struct h2_budget){ EMPTY_BURST, EMPTY_BURST, EMPTY_PER_S, 0 };
	w->bad_streams = (struct h2_budget){ RESET_BURST, RESET_BURST, RESET_PER_S, 0 };
	if (r == 0)
		r = greet(w, server, streams_max, head_max_bytes);
	return r ? dv_fail(e, DV_INTERNAL, "HTTP/2: %s", nghttp2_strerror(r)) : 0;
}

void h2_wire_done(struct h2_wire *w)
{
	nghttp2_session_del(w->session);
	w->session = NULL;
	buf_done(&w->head.text);
	buf_done(&w->left);
}
