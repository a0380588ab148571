/* h2_test.c - the HTTP/2 server against a peer that frames by hand: what is malformed, what is too much, and ends. */
#include <errno.h>
#include <malloc.h>
#include <nghttp2/nghttp2.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/loop.h"
#include "base/str.h"
#include "base/unit.h"
#include "http/server.h"

#define LATE_MS 60000
#define STREAMS 8192           /* by id */

enum { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

/* --- the server --- */

static struct http_call *hung;

static void echo_data(void *state, struct http_call *c, const void *p, size_t n)
{
	if (!http_write(c, p, n))
		http_call_pause_body(c);
}

static void echo_end(void *state, struct http_call *c)
{
	size_t n;
	const struct http_header *t = http_call_trailers(c, &n);

	http_end_trailers(c, t, n);
}

static void echo_writable(void *state, struct http_call *c)
{
	http_call_resume_body(c);
}

static void hung_close(void *state, struct http_call *c, bool complete)
{
	if (c == hung)
		hung = NULL;
}

static const struct http_call_ops echo_ops = { .on_data = echo_data, .on_end = echo_end, .on_writable = echo_writable };
static const struct http_call_ops hang_ops = { .on_close = hung_close };

static void handler(void *ctx, struct http_call *c)
{
	const struct http_request *r = http_call_request(c);
	char big[5000] = { 0 };

	if (streq(r->path, "/hang")) {
		http_call_attach(c, &hang_ops, NULL);
		hung = c;
	} else if (streq(r->path, "/echo")) {
		http_call_attach(c, &echo_ops, NULL);
		http_respond(c, 200, NULL, 0, -1);
	} else if (streq(r->path, "/big")) {
		http_call_attach(c, &hang_ops, NULL);
		http_respond(c, 200, NULL, 0, -1);
		for (int i = 0; i < 40; i++)
			(void)http_write(c, big, sizeof big);
	} else if (streq(r->path, "/cookie")) {
		const char *cookie = http_request_header(r, "cookie");

		http_reply(c, 200, NULL, cookie, strlen(cookie));
	} else {
		http_reply(c, 200, "text/plain", "hello", 5);
	}
}

/* --- the peer --- */

struct peer {
	struct loop *loop;
	struct http_server *server;
	struct loop_source *source, *late;
	int fd;
	struct buf out;                /* frames to send */
	size_t sent;
	struct buf in;
	nghttp2_hd_inflater *inflater;
	int status[STREAMS];
	int rst[STREAMS];              /* error code, -1: none */
	bool ended[STREAMS];
	char trailer[32];
	uint64_t data;                 /* bytes of all streams */
	char last[64];                 /* the beginning of the last DATA frame */
	int goaway;                    /* the last one's error code, -1: none came */
	uint32_t goaway_id;
	uint8_t ping[8];
	bool pinged, settled, eof, answers_pings;
	int32_t wait_stream;           /* stop when it is over; 0: at the end of the connection */
	bool wait_ping, wait_goaway;
	uint64_t wait_data;
};

static void put_frame(struct peer *p, int type, int flags, uint32_t id, const void *data, size_t n)
{
	const uint8_t head[9] = { (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, (uint8_t)type, (uint8_t)flags,
				  (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id };

	buf_add(&p->out, head, sizeof head);
	buf_add(&p->out, data, n);
}

/* A length of HPACK: a prefix of 7 bits. */
static void put_length(struct buf *b, size_t n)
{
	if (n < 127) {
		buf_char(b, (char)n);
		return;
	}
	buf_char(b, 127);
	for (n -= 127; n >= 128; n >>= 7)
		buf_char(b, (char)((n & 127) | 128));
	buf_char(b, (char)n);
}

/* A literal that is not indexed: any bytes as name and value. */
static void put_field(struct buf *b, const char *name, size_t name_len, const char *value, size_t value_len)
{
	buf_char(b, 0);
	put_length(b, name_len);
	buf_add(b, name, name_len);
	put_length(b, value_len);
	buf_add(b, value, value_len);
}

/* "name: value" lines; a name may begin with ":". "\\0" is a NUL byte. */
static void put_fields(struct buf *b, const char *lines)
{
	while (*lines) {
		const char *end = strchr(lines, '\n'), *colon = strstr(lines + 1, ": ");
		size_t value_len = (size_t)(end - colon - 2);
		char value[256];

		assert_true(value_len < sizeof value);
		memcpy(value, colon + 2, value_len);
		for (size_t i = 0; i < value_len; i++)
			if (value[i] == '~')
				value[i] = '\0';
			else if (value[i] == '|')
				value[i] = '\r';
		put_field(b, lines, (size_t)(colon - lines), value, value_len);
		lines = end + 1;
	}
}

#define GET(path) ":method: GET\n:scheme: http\n:authority: a.test\n:path: " path "\n"
#define POST(path) ":method: POST\n:scheme: http\n:authority: a.test\n:path: " path "\n"

static void put_headers(struct peer *p, uint32_t id, const char *lines, bool end)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);

	put_fields(&b, lines);
	put_frame(p, HEADERS, END_HEADERS | (end ? END_STREAM : 0), id, b.p, b.len);
}

static void take_headers(struct peer *p, uint32_t id, const uint8_t *data, size_t n, bool end)
{
	nghttp2_nv nv;
	int flags = 0;

	do {
		ssize_t r = nghttp2_hd_inflate_hd2(p->inflater, &nv, &flags, data, n, 1);

		assert_true(r >= 0);
		data += r;
		n -= (size_t)r;
		if (flags & NGHTTP2_HD_INFLATE_EMIT && streq((char *)nv.name, ":status"))
			p->status[id] = (nv.value[0] - '0') * 100 + (nv.value[1] - '0') * 10 + nv.value[2] - '0';
		else if (flags & NGHTTP2_HD_INFLATE_EMIT && streq((char *)nv.name, "x-trailer"))
			(void)snprintf(p->trailer, sizeof p->trailer, "%s", (char *)nv.value);
	} while (!(flags & NGHTTP2_HD_INFLATE_FINAL));
	(void)nghttp2_hd_inflate_end_headers(p->inflater);
	p->ended[id] |= end;
}

static uint32_t u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void take_frame(struct peer *p, const uint8_t *f, size_t n)
{
	uint32_t id = u32(f + 5) & 0x7fffffff;
	const uint8_t *data = f + 9;

	assert_true(id < STREAMS);
	switch (f[3]) {
	case DATA:
		p->data += n;
		(void)snprintf(p->last, sizeof p->last, "%.*s", (int)DV_MIN(n, sizeof p->last - 1), (const char *)data);
		p->ended[id] |= f[4] & END_STREAM;
		break;
	case HEADERS:
		assert_true(f[4] & END_HEADERS);
		take_headers(p, id, data, n, f[4] & END_STREAM);
		break;
	case RST_STREAM:
		p->rst[id] = (int)u32(data);
		break;
	case SETTINGS:
		p->settled = true;
		break;
	case PUSH_PROMISE:
		fail_msg("a push");
		break;
	case PING:
		p->pinged = true;
		memcpy(p->ping, data, 8);
		if (!(f[4] & ACK) && p->answers_pings)
			put_frame(p, PING, ACK, 0, data, 8);
		break;
	case GOAWAY:
		p->goaway_id = u32(data) & 0x7fffffff;
		p->goaway = (int)u32(data + 4);
		break;
	default:
		break;
	}
}

static bool over(const struct peer *p)
{
	int32_t s = p->wait_stream;

	if (p->eof || (p->wait_ping && p->pinged) || (p->wait_goaway && p->goaway >= 0))
		return true;
	return s ? p->ended[s] || p->rst[s] >= 0 : p->wait_data && p->data >= p->wait_data;
}

static void on_peer(void *ctx, int fd, uint32_t events)
{
	struct peer *p = ctx;
	struct dv_err e = DV_ERR_NONE;
	char *room;
	ssize_t n = -1;

	while ((room = buf_room(&p->in, 65536)) && (n = read(fd, room, 65536)) > 0)
		p->in.len += (size_t)n;
	p->eof |= n == 0 || (n < 0 && errno != EAGAIN);
	for (size_t len; p->in.len >= 9; p->in.len -= len) {
		const uint8_t *f = (const uint8_t *)p->in.p;

		len = 9 + ((size_t)f[0] << 16 | (size_t)f[1] << 8 | f[2]);
		if (p->in.len < len)
			break;
		take_frame(p, f, len - 9);
		memmove(p->in.p, p->in.p + len, p->in.len - len);
	}
	while (p->sent < p->out.len && (n = send(fd, p->out.p + p->sent, p->out.len - p->sent, MSG_NOSIGNAL)) > 0)
		p->sent += (size_t)n;
	if (over(p) || (p->sent < p->out.len && n < 0 && errno != EAGAIN))
		loop_stop(p->loop, 0);
	assert_ok(loop_change_fd(p->source, EPOLLIN | (p->sent < p->out.len ? EPOLLOUT : 0), &e), &e);
}

static void on_late(void *ctx)
{
	loop_stop(ctx, 1);
}

static void peer_open(struct peer *p, const struct http_server_options *options)
{
	struct http_server_options o = options ? *options : (struct http_server_options){ 0 };
	struct dv_err e = DV_ERR_NONE;
	int fds[2];

	*p = (struct peer){ .out = BUF_INIT((size_t)64 << 20), .in = BUF_INIT((size_t)64 << 20), .goaway = -1 };
	for (size_t i = 0; i < STREAMS; i++)
		p->rst[i] = -1;
	o.handler = handler;
	o.h2c = true;
	hung = NULL;
	assert_ok(loop_new(&p->loop, &e), &e);
	p->late = loop_add_timer(p->loop, on_late, p->loop);
	loop_arm(p->late, LATE_MS);
	assert_ok(http_server_new(p->loop, &o, &p->server, &e), &e);
	assert_ok(fd_socketpair(SOCK_STREAM, fds, &e), &e);
	assert_ok(fd_set_nonblock(fds[0], true, &e), &e);
	assert_ok(fd_set_nonblock(fds[1], true, &e), &e);
	p->fd = fds[0];
	assert_ok(http_server_serve_fd(p->server, fds[1], NULL, &e), &e);
	assert_ok(loop_add_fd(p->loop, p->fd, EPOLLIN, on_peer, p, &p->source, &e), &e);
	assert_int_equal(nghttp2_hd_inflate_new(&p->inflater), 0);
	buf_str(&p->out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	put_frame(p, SETTINGS, 0, 0, NULL, 0);
}

static void peer_close(struct peer *p)
{
	loop_remove(p->source);
	fd_close(&p->fd);
	http_server_free(p->server);
	loop_free(p->loop);
	nghttp2_hd_inflate_del(p->inflater);
	buf_done(&p->out);
	buf_done(&p->in);
}

static void run(struct peer *p)
{
	struct dv_err e = DV_ERR_NONE;
	int r;

	on_peer(p, p->fd, 0);
	if (over(p))
		return;
	r = loop_run(p->loop, &e);
	if (r == 1)
		fail_msg("nothing came in time");
	assert_int_equal(r, 0);
}

static void run_stream(struct peer *p, int32_t id)
{
	p->wait_stream = id;
	run(p);
	p->wait_stream = 0;
}

/* Until the server has seen all that was sent: it answers a ping. */
static void run_ping(struct peer *p)
{
	put_frame(p, PING, 0, 0, "are-you?", 8);
	p->pinged = false;
	p->wait_ping = true;
	run(p);
	p->wait_ping = false;
}

/* --- requests --- */

#define REFUSED 0              /* the stream is reset with PROTOCOL_ERROR */

static void test_requests(void **state)
{
	static const struct { const char *lines; int status; } cases[] = {
		{ GET("/"), 200 },
		{ GET("/?a=b&c=%20"), 200 },
		{ ":method: GET\n:scheme: http\n:path: /\nhost: a.test\n", 200 },
		{ GET("/") "host: a.test\n", 200 },
		{ GET("/") "te: trailers\n", 200 },
		{ ":method: OPTIONS\n:scheme: https\n:authority: a.test:80\n:path: *\n", 200 },
		{ ":method: CONNECT\n:authority: a.test:80\n", 200 },
		/* connection-specific, upper case, bytes that headers do not have */
		{ GET("/") "X-Upper: a\n", REFUSED },
		{ GET("/") "connection: close\n", REFUSED },
		{ GET("/") "transfer-encoding: chunked\n", REFUSED },
		{ GET("/") "upgrade: h2c\n", REFUSED },
		{ GET("/") "keep-alive: 1\n", REFUSED },
		{ GET("/") "proxy-connection: x\n", REFUSED },
		{ GET("/") "te: gzip\n", REFUSED },
		{ GET("/") "x y: a\n", REFUSED },
		{ GET("/") "x: a~b\n", REFUSED },
		{ GET("/") "x: a|b\n", REFUSED },
		/* pseudo headers */
		{ ":method: GET\n:scheme: http\n:authority: a.test\n", REFUSED },
		{ ":scheme: http\n:authority: a.test\n:path: /\n", REFUSED },
		{ ":method: GET\n:authority: a.test\n:path: /\n", REFUSED },
		{ GET("/") ":path: /b\n", REFUSED },
		{ GET("/") ":status: 200\n", REFUSED },
		{ GET("/") ":other: 200\n", REFUSED },
		{ ":method: GET\n:scheme: http\n:authority: a.test\nx: y\n:path: /\n", REFUSED },
		{ GET(""), REFUSED },
		{ GET("no-slash"), REFUSED },
		{ GET("*"), REFUSED },
		{ GET("/a#b"), 400 },
		{ GET("/") "host: b.test\n", 400 },
		{ ":method: GET\n:scheme: http\n:path: /\n", REFUSED },
		{ ":method: GET\n:scheme: ftp\n:authority: a.test\n:path: /\n", 400 },
		{ ":method: GET\n:scheme: http\n:authority: a.test/b\n:path: /\n", REFUSED },
		{ ":method: GET\n:scheme: http\n:authority: user@a.test\n:path: /\n", 400 },
		{ ":method: GET\n:scheme: http\n:authority: a.test:x\n:path: /\n", 400 },
		/* lengths */
		{ GET("/") "content-length: 0\n", 200 },
		{ GET("/") "content-length: 5\n", REFUSED },
		{ GET("/") "content-length: 0\ncontent-length: 0\n", REFUSED },
		{ GET("/") "content-length: +0\n", REFUSED },
	};
	struct peer p;
	uint32_t id = 1;

	peer_open(&p, NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++, id += 2) {
		put_headers(&p, id, cases[i].lines, true);
		run_stream(&p, (int32_t)id);
		if (p.status[id] != cases[i].status || (!cases[i].status && p.rst[id] != NGHTTP2_PROTOCOL_ERROR))
			fail_msg("%s: status %d, reset %d, goaway %d", cases[i].lines, p.status[id], p.rst[id], p.goaway);
	}
	/* and the connection has taken no harm */
	put_headers(&p, id, GET("/"), true);
	run_stream(&p, (int32_t)id);
	assert_int_equal(p.status[id], 200);
	assert_string_equal(p.last, "hello");
	assert_int_equal(p.goaway, -1);
	peer_close(&p);
}

static void test_cookies(void **state)
{
	struct peer p;

	peer_open(&p, NULL);
	put_headers(&p, 1, GET("/cookie") "cookie: a=1\nx: y\ncookie: b=2\ncookie: c=3\n", true);
	run_stream(&p, 1);
	assert_string_equal(p.last, "a=1; b=2; c=3");
	peer_close(&p);
}

static void test_bodies(void **state)
{
	struct peer p;

	peer_open(&p, NULL);
	put_headers(&p, 1, POST("/echo") "content-length: 6\n", false);
	put_frame(&p, DATA, 0, 1, "abc", 3);
	put_frame(&p, DATA, END_STREAM, 1, "def", 3);
	run_stream(&p, 1);
	assert_int_equal(p.status[1], 200);
	assert_int_equal(p.data, 6);
	put_headers(&p, 3, POST("/echo"), false);
	put_frame(&p, DATA, 0, 3, "abc", 3);
	put_headers(&p, 3, "x-trailer: t\n", true);
	run_stream(&p, 3);
	assert_int_equal(p.data, 9);
	assert_string_equal(p.trailer, "t");
	/* trailers with a pseudo header, more and less than announced */
	put_headers(&p, 5, POST("/echo"), false);
	put_headers(&p, 5, ":path: /\n", true);
	run_stream(&p, 5);
	assert_int_equal(p.rst[5], NGHTTP2_PROTOCOL_ERROR);
	put_headers(&p, 7, POST("/echo") "content-length: 2\n", false);
	put_frame(&p, DATA, END_STREAM, 7, "abc", 3);
	run_stream(&p, 7);
	assert_int_equal(p.rst[7], NGHTTP2_PROTOCOL_ERROR);
	put_headers(&p, 9, POST("/echo") "content-length: 4\n", false);
	put_frame(&p, DATA, END_STREAM, 9, "abc", 3);
	run_stream(&p, 9);
	assert_int_equal(p.rst[9], NGHTTP2_PROTOCOL_ERROR);
	/* 100-continue is said when the body is wanted, and the answer follows */
	put_headers(&p, 11, POST("/echo") "expect: 100-continue\n", false);
	put_frame(&p, DATA, END_STREAM, 11, "abc", 3);
	run_stream(&p, 11);
	assert_int_equal(p.status[11], 200);
	/* an answer before the request's end: the rest is not wanted */
	put_headers(&p, 13, POST("/"), false);
	run_stream(&p, 13);
	assert_int_equal(p.status[13], 200);
	if (p.rst[13] < 0)
		run_ping(&p);
	assert_int_equal(p.rst[13], NGHTTP2_NO_ERROR);
	assert_int_equal(p.goaway, -1);
	peer_close(&p);
}

static void test_too_many_headers(void **state)
{
	static const struct { unsigned n; size_t len; int status; int rst; } cases[] = {
		{ 90, 10, 200, -1 }, { 101, 10, 431, -1 }, { 500, 10, 0, NGHTTP2_INTERNAL_ERROR },
		{ 3, 15000, 200, -1 }, { 5, 15000, 431, -1 },
	};
	char value[16000];
	struct peer p;
	uint32_t id = 1;

	memset(value, 'v', sizeof value);
	peer_open(&p, NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++, id += 2) {
		auto_buf struct buf b = BUF_INIT(1 << 20);

		put_fields(&b, GET("/"));
		for (unsigned k = 0; k < cases[i].n; k++)
			put_field(&b, "x", 1, value, cases[i].len);
		put_frame(&p, HEADERS, END_STREAM | (b.len <= 16000 ? END_HEADERS : 0), id, b.p, DV_MIN(b.len, (size_t)16000));
		for (size_t at = 16000; at < b.len; at += 16000)
			put_frame(&p, CONTINUATION, at + 16000 >= b.len ? END_HEADERS : 0, id, b.p + at,
				  DV_MIN(b.len - at, (size_t)16000));
		run_stream(&p, (int32_t)id);
		assert_int_equal(p.status[id], cases[i].status);
		assert_int_equal(p.rst[id], cases[i].rst);
	}
	peer_close(&p);
}

/* --- floods: the connection ends, whatever is sent behind --- */

static void flood_ping(struct peer *p, unsigned i) { put_frame(p, PING, 0, 0, "12345678", 8); }
static void flood_settings(struct peer *p, unsigned i) { put_frame(p, SETTINGS, 0, 0, NULL, 0); }
static void flood_priority(struct peer *p, unsigned i) { put_frame(p, PRIORITY, 0, 2 * i + 1, "\0\0\0\0\1", 5); }

static void flood_reset(struct peer *p, unsigned i)
{
	put_headers(p, 2 * i + 1, GET("/hang"), true);
	put_frame(p, RST_STREAM, 0, 2 * i + 1, "\0\0\0\10", 4);
}

/* The server is made to send the resets. */
static void flood_made_reset(struct peer *p, unsigned i)
{
	put_headers(p, 2 * i + 1, GET("/hang") "content-length: 5\n", true);
}

static void flood_window(struct peer *p, unsigned i)
{
	put_headers(p, 2 * i + 1, GET("/hang"), true);
	put_frame(p, WINDOW_UPDATE, 0, 2 * i + 1, "\0\0\0\0", 4);
}

static void flood_empty_data(struct peer *p, unsigned i)
{
	if (i == 0)
		put_headers(p, 1, POST("/echo"), false);
	put_frame(p, DATA, 0, 1, NULL, 0);
}

static void flood_continuation(struct peer *p, unsigned i)
{
	if (i == 0)
		put_frame(p, HEADERS, 0, 1, NULL, 0);
	put_frame(p, CONTINUATION, 0, 1, NULL, 0);
}

/* One large header in the table, named again and again by a byte: 4 KB for each. */
static void flood_hpack(struct peer *p, unsigned i)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);
	char value[3900];

	memset(value, 'v', sizeof value);
	put_fields(&b, GET("/"));
	buf_char(&b, 0x40);
	put_length(&b, 1);
	buf_char(&b, 'x');
	put_length(&b, sizeof value);
	buf_add(&b, value, sizeof value);
	for (int k = 0; k < 10000; k++)
		buf_char(&b, (char)(0x80 | 62));
	put_frame(p, HEADERS, END_HEADERS | END_STREAM, 2 * i + 1, b.p, b.len);
}

static void test_floods(void **state)
{
	static const struct { const char *name; void (*put)(struct peer *p, unsigned i); unsigned n; } cases[] = {
		{ "ping", flood_ping, 4000 }, { "settings", flood_settings, 4000 }, { "priority", flood_priority, 4000 },
		{ "reset", flood_reset, 2500 }, { "made reset", flood_made_reset, 2500 },
		{ "window", flood_window, 2500 }, { "empty data", flood_empty_data, 4000 },
		{ "continuation", flood_continuation, 100 }, { "hpack", flood_hpack, 1500 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_server_stats stats;
		struct peer p;

		peer_open(&p, NULL);
		for (unsigned k = 0; k < cases[i].n; k++)
			cases[i].put(&p, k);
		p.wait_goaway = true;
		print_message("# %s\n", cases[i].name);
		run(&p);
		if (!p.eof && p.goaway <= 0)
			fail_msg("%s: the connection goes on", cases[i].name);
		http_server_stats(p.server, &stats);
		assert_true(stats.calls <= 250);
		peer_close(&p);
	}
}

/* --- limits --- */

static void test_streams(void **state)
{
	struct http_server_stats stats;
	struct peer p;
	int refused = 0;

	peer_open(&p, &(struct http_server_options){ .streams_max = 10 });
	run_ping(&p);
	put_frame(&p, SETTINGS, ACK, 0, NULL, 0);
	for (uint32_t i = 0; i < 15; i++)
		put_headers(&p, 2 * i + 1, GET("/hang"), true);
	run_ping(&p);
	for (uint32_t i = 0; i < 15; i++)
		refused += p.rst[2 * i + 1] >= 0;
	http_server_stats(p.server, &stats);
	assert_true(stats.calls <= 10);
	assert_true(refused == 5 || p.goaway > 0);
	peer_close(&p);
}

/* A body that nobody wants: a stream's window of it is taken, and then no more. */
static void test_unwanted_body(void **state)
{
	char data[16384] = { 0 };
	struct peer p;

	peer_open(&p, NULL);
	run_ping(&p);
	put_frame(&p, SETTINGS, ACK, 0, NULL, 0);
	put_headers(&p, 1, POST("/hang"), false);
	for (int i = 0; i < 16; i++)
		put_frame(&p, DATA, 0, 1, data, sizeof data);
	run_ping(&p);
	assert_int_equal(p.rst[1], -1);
	put_frame(&p, DATA, 0, 1, data, 1);
	run_ping(&p);
	assert_true(p.rst[1] == NGHTTP2_FLOW_CONTROL_ERROR || p.goaway == NGHTTP2_FLOW_CONTROL_ERROR);
	peer_close(&p);
}

/* What the peer's window does not take waits here, and goes as it opens. */
static void test_window(void **state)
{
	struct peer p;

	peer_open(&p, NULL);
	put_headers(&p, 1, GET("/big"), true);
	p.wait_data = 65535;
	run(&p);
	run_ping(&p);
	assert_int_equal(p.data, 65535);
	put_frame(&p, WINDOW_UPDATE, 0, 0, "\0\1\0\0", 4);
	put_frame(&p, WINDOW_UPDATE, 0, 1, "\0\1\0\0", 4);
	p.wait_data = 131071;
	run(&p);
	run_ping(&p);
	assert_int_equal(p.data, 131071);
	peer_close(&p);
}

static void test_timeouts(void **state)
{
	static const struct { struct http_server_options o; const char *lines; bool end; int rst; } cases[] = {
		{ { .write_timeout_ms = 60 }, GET("/big"), true, NGHTTP2_CANCEL },
		{ { .body_timeout_ms = 60 }, POST("/echo"), false, NGHTTP2_CANCEL },
		{ { .idle_timeout_ms = 60 }, GET("/"), true, -1 },
	};
	struct peer p;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		peer_open(&p, &cases[i].o);
		put_headers(&p, 1, cases[i].lines, cases[i].end);
		if (cases[i].rst >= 0)
			run_stream(&p, 1);
		else
			run(&p);
		assert_int_equal(p.rst[1], cases[i].rst);
		if (cases[i].rst < 0) {
			assert_true(p.eof);
			assert_int_equal(p.goaway, NGHTTP2_NO_ERROR);
		}
		peer_close(&p);
	}
	/* the preface, and nothing behind it */
	peer_open(&p, &(struct http_server_options){ .head_timeout_ms = 60 });
	p.out.len = 24;
	run(&p);
	assert_true(p.eof);
	peer_close(&p);
}

static void on_drained(void *ctx)
{
	*(bool *)ctx = true;
}

static void test_drain(void **state)
{
	bool drained = false;
	struct peer p;

	peer_open(&p, NULL);
	put_headers(&p, 1, GET("/hang"), true);
	run_ping(&p);
	assert_non_null(hung);
	http_server_drain(p.server, LATE_MS, on_drained, &drained);
	/* "no new ones soon": a request on its way still counts */
	p.wait_goaway = true;
	run(&p);
	assert_int_equal(p.goaway_id, 0x7fffffff);
	p.wait_goaway = false;
	put_headers(&p, 3, GET("/"), true);
	run_stream(&p, 3);
	assert_int_equal(p.status[3], 200);
	/* then the last word, by which the client knows what was served */
	p.answers_pings = true;
	put_frame(&p, PING, ACK, 0, "goodbye", 8);
	p.goaway = -1;
	p.wait_goaway = true;
	run(&p);
	assert_int_equal(p.goaway, NGHTTP2_NO_ERROR);
	assert_int_equal(p.goaway_id, 3);
	p.wait_goaway = false;
	assert_false(drained);
	http_reply(hung, 200, NULL, "done", 4);
	run_stream(&p, 1);
	assert_string_equal(p.last, "done");
	run(&p);
	assert_true(p.eof);
	peer_close(&p);
}

/* What an idle connection costs: the figure that limits a server with many watches. */
static void test_idle_memory(void **state)
{
	enum { N = 32 };
	struct dv_err e = DV_ERR_NONE;
	struct peer p;
	int fds[N][2];
	size_t before, per;

	peer_open(&p, NULL);
	put_headers(&p, 1, GET("/"), true);
	run_stream(&p, 1);
	before = mallinfo2().uordblks;
	for (int i = 0; i < N; i++) {
		assert_ok(fd_socketpair(SOCK_STREAM, fds[i], &e), &e);
		assert_ok(fd_set_nonblock(fds[i][1], true, &e), &e);
		/* the same as the first one has sent */
		assert_int_equal(write(fds[i][0], p.out.p, p.out.len), (ssize_t)p.out.len);
		assert_ok(http_server_serve_fd(p.server, fds[i][1], NULL, &e), &e);
	}
	for (int i = 0; i < 3; i++)
		run_ping(&p);
	per = (mallinfo2().uordblks - before) / N;
	print_message("# an idle connection of HTTP/2: %zu bytes\n", per);
	for (int i = 0; i < N; i++) {
		char got[256];

		assert_true(recv(fds[i][0], got, sizeof got, MSG_DONTWAIT) > 60);      /* SETTINGS, 200, hello */
		fd_close(&fds[i][0]);
	}
	/* 0 with an allocator that does not count (sanitizers) */
	assert_true(per < 32 * 1024);
	peer_close(&p);
}

/* The preface decides, and only where it is allowed. */
static void test_not_allowed(void **state)
{
	static const char *const bytes[] = { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" };

	for (size_t i = 0; i < 2; i++) {
		struct peer p;

		peer_open(&p, NULL);
		buf_reset(&p.out);
		buf_str(&p.out, bytes[i]);
		if (i == 0)
			put_frame(&p, GOAWAY, 0, 0, "", 0);    /* too short, and no SETTINGS first */
		buf_done(&p.in);
		p.in = BUF_INIT((size_t)64 << 20);
		p.wait_goaway = true;
		/* what HTTP/1.1 answers is no frame: only look at the end */
		if (i == 0) {
			run(&p);
			assert_true(p.eof || p.goaway > 0);
		} else {
			struct dv_err e = DV_ERR_NONE;
			char got[16] = "";

			loop_remove(p.source);
			p.source = NULL;
			assert_int_equal(write(p.fd, p.out.p, p.out.len), (ssize_t)p.out.len);
			loop_arm(p.late, 100);
			assert_int_equal(loop_run(p.loop, &e), 1);
			assert_true(read(p.fd, got, 12) == 12);
			assert_memory_equal(got, "HTTP/1.1 ", 9);
		}
		peer_close(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_cookies),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_too_many_headers),
		cmocka_unit_test(test_floods),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_unwanted_body),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_idle_memory),
		cmocka_unit_test(test_not_allowed),
	};

	return unit_run(tests);
}
