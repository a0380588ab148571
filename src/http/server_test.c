/* server_test.c - a server, its answers byte for byte, and how connections go on and end. */
#include "http/server_unit.h"

static struct served served;

/* --- handlers: one for each path --- */

static void on_hello(struct http_call *c)
{
	http_reply(c, 200, "text/plain", "hello\n", 6);
}

static void on_small_hello(struct http_call *c)
{
	http_call_set_body_max(c, 100);
	on_hello(c);
}

static void on_describe(struct http_call *c)
{
	const struct http_request *r = http_call_request(c);
	struct arena *a = http_call_arena(c);
	const char *q = NULL, *text;
	char peer[HTTP_ADDR_TEXT_MAX];

	assert_int_equal(http_query_get(a, r->query, "q", &q, NULL), 0);
	text = arena_printf(a, "%s %s %s %s %s q=%s %s\n", r->method_name, r->scheme, r->authority, r->path,
			    http_addr_text(&r->peer, false, peer), q ? q : "-",
			    http_request_header(r, "x") ? http_request_header(r, "x") : "-");
	http_reply(c, 200, NULL, text, strlen(text));
}

static void on_empty(struct http_call *c)
{
	http_reply(c, 204, NULL, NULL, 0);
}

static void on_not_modified(struct http_call *c)
{
	static const struct http_header h[] = { { "ETag", "\"x\"" } };

	http_respond(c, 304, h, 1, 100);
	http_end(c);
}

static void on_stream(struct http_call *c)
{
	static const struct http_header h[] = { { "Content-Type", "text/plain" } }, t[] = { { "X-Sum", "1" } };

	http_respond(c, 200, h, 1, -1);
	assert_true(http_write(c, "one,", 4));
	assert_true(http_write(c, "", 0));
	assert_true(http_write(c, "two", 3));
	http_end_trailers(c, t, 1);
	assert_false(http_write(c, "late", 4));
}

static void on_hints(struct http_call *c)
{
	static const struct http_header h[] = { { "Link", "</x>" } };

	http_respond(c, 103, h, 1, 0);
	http_reply(c, 200, NULL, "x", 1);
}

static void on_split(struct http_call *c)
{
	static const struct http_header h[] = { { "X", "y\r\nSet-Cookie: z" } };

	http_respond(c, 200, h, 1, -1);
	http_write(c, "secret", 6);
	http_end(c);
}

static void on_own_length(struct http_call *c)
{
	static const struct http_header h[] = { { "Content-length", "5" } };

	http_respond(c, 200, h, 1, -1);
	http_end(c);
}

static void on_too_little(struct http_call *c)
{
	http_respond(c, 200, NULL, 0, 10);
	http_write(c, "12345", 5);
	http_end(c);
}

static void on_too_much(struct http_call *c)
{
	http_respond(c, 200, NULL, 0, 3);
	http_write(c, "12345", 5);
	http_end(c);
}

static void on_nothing(struct http_call *c)
{
	http_end(c);
}

static void on_broken_off(struct http_call *c)
{
	http_respond(c, 200, NULL, 0, -1);
	http_write(c, "12345", 5);
	http_call_abort(c);
}

static void on_last(struct http_call *c)
{
	http_call_close_after(c);
	http_reply(c, 200, NULL, "last", 4);
}

static void on_error(struct http_call *c)
{
	struct dv_err e;

	(void)dv_fail(&e, DV_NOT_FOUND, "pod %s", "x");
	http_reply_error(c, &e);
}

/* The body is taken, and comes back at its end. */
struct kept {
	struct buf body;
};

static void kept_data(void *state, struct http_call *c, const void *p, size_t n)
{
	struct kept *k = state;

	assert_true(n > 0);
	buf_add(&k->body, p, n);
}

static void kept_end(void *state, struct http_call *c)
{
	struct kept *k = state;
	size_t n;
	const struct http_header *t = http_call_trailers(c, &n);

	for (size_t i = 0; i < n; i++)
		buf_printf(&k->body, "[%s=%s]", t[i].name, t[i].value);
	http_reply(c, 200, NULL, buf_cstr(&k->body), k->body.len);
}

static void kept_close(void *state, struct http_call *c, bool complete)
{
	struct kept *k = state;

	/* too late for all of these: nothing happens */
	http_reply(c, 500, NULL, "x", 1);
	http_write(c, "x", 1);
	http_end(c);
	http_call_abort(c);
	served_event(&served, complete ? 'c' : 'i');
	buf_done(&k->body);
	free(k);
}

static const struct http_call_ops kept_ops = { .on_data = kept_data, .on_end = kept_end, .on_close = kept_close };

static void on_echo(struct http_call *c)
{
	struct kept *k = mem_new(struct kept);

	k->body = BUF_INIT(1 << 20);
	http_call_attach(c, &kept_ops, k);
}

static void on_small_only(struct http_call *c)
{
	http_call_set_body_max(c, 5);
	on_echo(c);
}

/* Takes the body only when the timer says so: until then nobody is told to go on. */
struct later {
	struct http_call *call;
	struct loop_source *timer;
};

static void later_due(void *ctx)
{
	struct later *l = ctx;

	loop_remove(l->timer);
	on_echo(l->call);
	free(l);
}

static void on_later(struct http_call *c)
{
	struct later *l = mem_new(struct later);

	l->call = c;
	l->timer = loop_add_timer(http_call_loop(c), later_due, l);
	loop_arm(l->timer, 1);
}

static void waits_close(void *state, struct http_call *c, bool complete)
{
	served_event(&served, complete ? 'c' : 'i');
}

static const struct http_call_ops waits_ops = { .on_close = waits_close };

static void on_wait(struct http_call *c)
{
	http_call_attach(c, &waits_ops, NULL);
	served_event(&served, 'w');
}

/* Upgrades: what comes over the stream goes back, up to a full stop. */
struct upgraded {
	struct http_io *io;
	struct loop_source *source;
};

static bool echo_back(struct upgraded *u, const void *p, size_t n)
{
	struct iovec v = { (void *)p, n };

	if (n)
		assert_int_equal(http_io_write(u->io, &v, 1, NULL), n);
	if (!memchr(p, '.', n))
		return true;
	http_io_shutdown(u->io);
	http_io_close(u->io);
	free(u);
	return false;
}

static void upgraded_readable(void *ctx, int fd, uint32_t events)
{
	struct upgraded *u = ctx;
	struct loop_source *source = u->source;
	char b[64];
	ssize_t n = http_io_read(u->io, b, sizeof b, NULL);

	assert_true(n > 0);
	if (!echo_back(u, b, (size_t)n))
		loop_remove(source);
}

static void upgraded(void *state, struct http_io *io, const void *left, size_t n)
{
	struct upgraded *u = mem_new(struct upgraded);

	u->io = io;
	assert_non_null(left);
	if (echo_back(u, left, n))
		assert_int_equal(loop_add_fd(state, io->fd, EPOLLIN, upgraded_readable, u, &u->source, NULL), 0);
}

static void on_upgrade(struct http_call *c)
{
	static const struct http_header h[] = { { "Upgrade", "echo" } };
	struct dv_err e = DV_ERR_NONE;

	if (!http_call_upgrades(c, "Echo")) {
		http_reply(c, 426, NULL, "no", 2);
		return;
	}
	http_call_attach(c, &waits_ops, NULL);
	assert_ok(http_upgrade(c, h, 1, upgraded, http_call_loop(c), &e), &e);
}

static void on_file(struct http_call *c)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	http_respond(c, 200, NULL, 0, 7);
	http_write(c, "(", 1);
	http_write_file(c, fd, 1, 5);
	http_write(c, ")", 1);
	http_end(c);
}

static const struct { const char *path; void (*handle)(struct http_call *c); } paths[] = {
	{ "/hello", on_hello }, { "/small-hello", on_small_hello }, { "/describe", on_describe }, { "/empty", on_empty }, { "/304", on_not_modified },
	{ "/stream", on_stream }, { "/hints", on_hints }, { "/split", on_split }, { "/own-length", on_own_length },
	{ "/too-little", on_too_little }, { "/too-much", on_too_much }, { "/nothing", on_nothing },
	{ "/broken-off", on_broken_off }, { "/last", on_last }, { "/error", on_error }, { "/echo", on_echo },
	{ "/small-only", on_small_only }, { "/later", on_later }, { "/wait", on_wait }, { "/upgrade", on_upgrade },
	{ "/file", on_file },
};

static void handler(void *ctx, struct http_call *c)
{
	const char *path = http_call_request(c)->path;

	assert_ptr_equal(ctx, &served);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (streq(paths[i].path, path)) {
			paths[i].handle(c);
			return;
		}
	http_reply(c, 404, "text/plain", "no\n", 3);
}

static const struct http_server_options usual = { .handler = handler, .ctx = &served };

/* --- byte for byte --- */

#define CLOSE "Host: a\r\nConnection: close\r\n\r\n"
#define KEEP "Host: a\r\n\r\n"
#define CT "Content-Type: text/plain\r\n"

struct exchange {
	const char *in, *out;
	const char *events;
};

static const struct exchange exchanges[] = {
	{ "GET /hello HTTP/1.1\r\n" CLOSE,
	  "HTTP/1.1 200 OK\r\n" CT "Content-Length: 6\r\nConnection: close\r\n\r\nhello\n", "" },
	{ "HEAD /hello HTTP/1.1\r\n" CLOSE, "HTTP/1.1 200 OK\r\n" CT "Content-Length: 6\r\nConnection: close\r\n\r\n", "" },
	{ "GET /none HTTP/1.1\r\n" CLOSE,
	  "HTTP/1.1 404 Not Found\r\n" CT "Content-Length: 3\r\nConnection: close\r\n\r\nno\n", "" },
	/* pipelined: in order, one connection */
	{ "GET /hello HTTP/1.1\r\n" KEEP "HEAD /none HTTP/1.1\r\n" KEEP "GET /hello HTTP/1.1\r\n" CLOSE "GET /never HTTP/1.1\r\n" KEEP,
	  "HTTP/1.1 200 OK\r\n" CT "Content-Length: 6\r\n\r\nhello\n"
	  "HTTP/1.1 404 Not Found\r\n" CT "Content-Length: 3\r\n\r\n"
	  "HTTP/1.1 200 OK\r\n" CT "Content-Length: 6\r\nConnection: close\r\n\r\nhello\n", "" },
	{ "GET /describe?p=1&q=a%20b HTTP/1.1\r\nX:  y z \r\n" CLOSE,
	  "HTTP/1.1 200 OK\r\nContent-Length: 41\r\nConnection: close\r\n\r\nGET http a /describe 127.0.0.1 q=a b y z\n", "" },
	{ "GET /empty HTTP/1.1\r\n" CLOSE, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", "" },
	{ "GET /304 HTTP/1.1\r\n" CLOSE,
	  "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 100\r\nConnection: close\r\n\r\n", "" },
	{ "GET /error HTTP/1.1\r\n" CLOSE,
	  "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\nConnection: close\r\n\r\npod x\n", "" },
	/* of unknown length */
	{ "GET /stream HTTP/1.1\r\n" CLOSE,
	  "HTTP/1.1 200 OK\r\n" CT "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
	  "4\r\none,\r\n3\r\ntwo\r\n0\r\nX-Sum: 1\r\n\r\n", "" },
	{ "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	  "HTTP/1.1 200 OK\r\n" CT "Connection: close\r\n\r\none,two", "" },
	{ "HEAD /stream HTTP/1.1\r\n" CLOSE, "HTTP/1.1 200 OK\r\n" CT "Connection: close\r\n\r\n", "" },
	{ "GET /hello HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n" CT "Content-Length: 6\r\nConnection: close\r\n\r\nhello\n", "" },
	{ "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /hello HTTP/1.0\r\n\r\n",
	  "HTTP/1.1 200 OK\r\n" CT "Content-Length: 6\r\nConnection: keep-alive\r\n\r\nhello\n"
	  "HTTP/1.1 200 OK\r\n" CT "Content-Length: 6\r\nConnection: close\r\n\r\nhello\n", "" },
	{ "GET /hints HTTP/1.1\r\n" CLOSE,
	  "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", "" },
	{ "GET /hints HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", "" },
	{ "GET /last HTTP/1.1\r\n" KEEP, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlast", "" },
	/* handlers that are wrong */
	{ "GET /split HTTP/1.1\r\n" CLOSE, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "" },
	{ "GET /own-length HTTP/1.1\r\n" CLOSE, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "" },
	{ "GET /nothing HTTP/1.1\r\n" CLOSE, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "" },
	/* bodies */
	{ "POST /echo HTTP/1.1\r\nContent-Length: 5\r\n" CLOSE "abcde",
	  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde", "c" },
	{ "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" CLOSE "3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: u\r\n\r\n",
	  "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabcde[t=u]", "c" },
	{ "POST /echo HTTP/1.1\r\nContent-Length: 0\r\n" CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "c" },
	{ "GET /echo HTTP/1.1\r\n" CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "c" },
	{ "POST /later HTTP/1.1\r\nContent-Length: 5\r\n" KEEP "abcdePOST /later HTTP/1.1\r\n" CLOSE,
	  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde"
	  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "cc" },
	/* a body that nobody takes is read to its end, when it is short */
	{ "POST /hello HTTP/1.1\r\nContent-Length: 5\r\n" KEEP "abcdeGET /hello HTTP/1.1\r\n" CLOSE,
	  "HTTP/1.1 200 OK\r\n" CT "Content-Length: 6\r\n\r\nhello\n"
	  "HTTP/1.1 200 OK\r\n" CT "Content-Length: 6\r\nConnection: close\r\n\r\nhello\n", "" },
	/* its trailers come when the call is over */
	{ "POST /small-hello HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" KEEP "3\r\nabc\r\n0\r\nX: y\r\n\r\nGET /hello HTTP/1.1\r\n" CLOSE,
	  "HTTP/1.1 200 OK\r\n" CT "Content-Length: 6\r\n\r\nhello\n"
	  "HTTP/1.1 200 OK\r\n" CT "Content-Length: 6\r\nConnection: close\r\n\r\nhello\n", "" },
	{ "POST /hello HTTP/1.1\r\nContent-Length: 500000\r\n" KEEP "abc",
	  "HTTP/1.1 200 OK\r\n" CT "Content-Length: 6\r\nConnection: close\r\n\r\nhello\n", "" },
	/* whoever asked before sending, and was answered instead, may send or not: the connection is of no use */
	{ "POST /hello HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n" KEEP,
	  "HTTP/1.1 200 OK\r\n" CT "Content-Length: 6\r\nConnection: close\r\n\r\nhello\n", "" },
	/* too large, said and unsaid */
	{ "POST /small-only HTTP/1.1\r\nContent-Length: 6\r\n" KEEP "abcdef",
	  "HTTP/1.1 413 Content Too Large\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 22\r\n"
	  "Connection: close\r\n\r\nthe body is too large\n", "c" },
	{ "POST /small-only HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" KEEP "6\r\nabcdef\r\n0\r\n\r\n",
	  "HTTP/1.1 413 Content Too Large\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 22\r\n"
	  "Connection: close\r\n\r\nthe body is too large\n", "c" },
	{ "POST /small-only HTTP/1.1\r\nContent-Length: 5\r\n" CLOSE "abcde",
	  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde", "c" },
	/* files */
	{ "HEAD /file HTTP/1.1\r\n" CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n", "" },
	{ "GET /file HTTP/1.1\r\n" CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n(ELF\x02\x01)", "" },
	/* upgrades */
	{ "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nand on.",
	  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nand on.", "c" },
	{ "GET /upgrade HTTP/1.1\r\nUpgrade: echo\r\n" CLOSE,
	  "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno", "" },
	/* what is not HTTP */
	{ "GET /hello HTTP/1.1\r\n" KEEP "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\nGET /hello HTTP/1.1\r\n" KEEP,
	  "HTTP/1.1 200 OK\r\n" CT "Content-Length: 6\r\n\r\nhello\n"
	  "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: 36\r\n\r\n"
	  "Bad Request: a bad name of a header\n", "" },
	{ "GET / HTTP/3.0\r\n" KEEP,
	  "HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: 73\r\n\r\n"
	  "HTTP Version Not Supported: the version is neither HTTP/1.1 nor HTTP/1.0\n", "" },
	{ "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" KEEP "3\r\nabcd",
	  "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: 50\r\n\r\n"
	  "Bad Request: a chunk that is longer than its size\n", "i" },
	{ "HEAD /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" KEEP "3\r\nabcd",
	  "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: 50\r\n\r\n", "i" },
};

static void check_exchange(const struct exchange *x, size_t piece)
{
	auto_free char *got = client_exchange(&served, x->in, strlen(x->in), piece);

	if (!streq(got, x->out))
		fail_msg("%s\n-- in pieces of %zu gave\n%s\n-- not\n%s", x->in, piece, got, x->out);
	for (const char *e = x->events ? x->events : ""; *e; e++)
		expect_event(&served, *e);
}

static void test_exchanges(void **state)
{
	served_start(&served, &usual);
	for (size_t i = 0; i < ARRAY_LEN(exchanges); i++) {
		check_exchange(&exchanges[i], SIZE_MAX / 2);
		check_exchange(&exchanges[i], 1);
		check_exchange(&exchanges[i], 7);
	}
	served_end(&served);
}

/* An answer that is not what its head said ends in a reset, so that nobody takes it for complete. */
static void test_broken_answers(void **state)
{
	static const struct { const char *path; } cases[] = { { "/too-little" }, { "/too-much" }, { "/broken-off" } };

	served_start(&served, &usual);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_buf struct buf in = BUF_INIT(1 << 16), out = BUF_INIT(1000);
		auto_close int fd = client_connect(&served);

		buf_printf(&out, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", cases[i].path);
		client_text(fd, buf_cstr(&out));
		assert_true(client_rest(fd, &in));
	}
	served_end(&served);
}

static void test_continue(void **state)
{
	auto_buf struct buf in = BUF_INIT(1 << 16);
	auto_close int fd = -1;

	served_start(&served, &usual);
	fd = client_connect(&served);
	client_text(fd, "POST /later HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	client_until(fd, &in, "\r\n\r\n");
	assert_string_equal(buf_cstr(&in), "HTTP/1.1 100 Continue\r\n\r\n");
	client_text(fd, "abc");
	client_until(fd, &in, "\r\n\r\nabc");
	/* and on with it */
	client_text(fd, "GET /last HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_false(client_rest(fd, &in));
	expect_event(&served, 'c');
	served_end(&served);
}

/* Who leaves while it waits for an answer, or in the middle of a body, is gone for the handler too. */
static void test_clients_that_leave(void **state)
{
	static const char *const texts[] = {
		"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc",
		"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
	};
	const struct linger reset = { .l_onoff = 1 };

	served_start(&served, &usual);
	for (size_t i = 0; i < 2 * ARRAY_LEN(texts); i++) {
		int fd = client_connect(&served);
		bool waits = i / 2 < 2;

		client_text(fd, texts[i / 2]);
		if (waits)
			expect_event(&served, 'w');
		/* by a reset, and by an end */
		if (i % 2 || (i / 2 == 1))
			assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
		fd_close(&fd);
		/* a reset may take the request away with it */
		if (waits || i % 2 == 0)
			expect_event(&served, 'i');
	}
	served_end(&served);
}

static void test_free_with_open_calls(void **state)
{
	auto_close int fd = -1, idle = -1, partial = -1;
	auto_buf struct buf in = BUF_INIT(1 << 16);

	served_start(&served, &usual);
	fd = client_connect(&served);
	idle = client_connect(&served);
	partial = client_connect(&served);
	client_text(partial, "GET /x HT");
	client_text(fd, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_event(&served, 'w');
	served_stop(&served);
	http_server_free(served.server);
	expect_event(&served, 'i');
	(void)client_rest(fd, &in);
	(void)client_rest(idle, &in);
	(void)client_rest(partial, &in);
	assert_int_equal(in.len, 0);
	served.server = NULL;
	served_run(&served);
	served_end(&served);
}

/* --- the end --- */

static void drained(void *ctx)
{
	served_event(ctx, 'd');
}

static void drain(struct served *s, void *ctx)
{
	http_server_drain(s->server, *(uint64_t *)ctx, drained, s);
	served_event(s, 'b');
}

static void reply_waiting(struct served *s, void *ctx)
{
	http_reply(*(struct http_call **)ctx, 200, NULL, "done", 4);
}

static struct http_call *waiting;

static void waiting_handler(void *ctx, struct http_call *c)
{
	waiting = c;
	on_wait(c);
}

static void test_drain(void **state)
{
	const struct http_server_options o = { .handler = waiting_handler };
	auto_buf struct buf in = BUF_INIT(1 << 16), none = BUF_INIT(1 << 16);
	auto_close int fd = -1, idle = -1;
	struct sockaddr_in to = { .sin_family = AF_INET };
	uint64_t patience = PATIENCE_MS;
	int again;

	served_start(&served, &o);
	idle = client_connect(&served);
	fd = client_connect(&served);
	client_text(fd, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_event(&served, 'w');
	served_call(&served, drain, &patience);
	expect_event(&served, 'b');
	assert_false(client_rest(idle, &none));
	/* nobody listens any more */
	assert_int_equal(fd_socket(AF_INET, SOCK_STREAM, 0, &again, NULL), 0);
	to.sin_port = htons(served.port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(again, (struct sockaddr *)&to, sizeof to), -1);
	fd_close(&again);
	/* the call goes on, to its end */
	served_call(&served, reply_waiting, &waiting);
	assert_false(client_rest(fd, &in));
	assert_non_null(strstr(buf_cstr(&in), "Connection: close\r\n\r\ndone"));
	expect_event(&served, 'c');
	expect_event(&served, 'd');
	served_end(&served);
}

static void test_drain_ends_what_does_not(void **state)
{
	auto_buf struct buf in = BUF_INIT(1 << 16);
	auto_close int fd = -1;
	uint64_t soon = 1, zero = 0;

	served_start(&served, &usual);
	fd = client_connect(&served);
	client_text(fd, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_event(&served, 'w');
	served_call(&served, drain, &soon);
	expect_event(&served, 'b');
	expect_event(&served, 'i');
	expect_event(&served, 'd');
	(void)client_rest(fd, &in);
	assert_int_equal(in.len, 0);
	/* with nothing to wait for, `done` still does not come inside of the call */
	served_call(&served, drain, &zero);
	expect_event(&served, 'b');
	expect_event(&served, 'd');
	served_end(&served);
}

/* --- the log --- */

static struct http_log_entry logged[4];
static char logged_path[4][32];
static unsigned n_logged;

static void on_log(void *ctx, const struct http_log_entry *e)
{
	logged[n_logged] = *e;
	(void)snprintf(logged_path[n_logged++], sizeof logged_path[0], "%s", e->request->path);
	served_event(&served, 'l');
}

static void test_log(void **state)
{
	struct http_server_options o = usual;
	auto_buf struct buf in = BUF_INIT(1 << 16);
	auto_close int fd = -1;

	o.on_log = on_log;
	n_logged = 0;
	served_start(&served, &o);
	fd = client_connect(&served);
	client_text(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /too-much HTTP/1.1\r\nHost: a\r\n\r\n");
	for (int i = 0; i < 3; i++)
		expect_event(&served, 'l');
	assert_string_equal(logged_path[0], "/hello");
	assert_int_equal(logged[0].status, 200);
	assert_int_equal(logged[0].body_bytes, 6);
	assert_true(logged[0].complete);
	assert_int_equal(logged[1].body_bytes, 0);
	assert_string_equal(logged_path[2], "/too-much");
	assert_false(logged[2].complete);
	(void)client_rest(fd, &in);
	served_end(&served);
}

/* --- listening --- */

static void test_addresses(void **state)
{
	static const struct { const char *addr; int want; } cases[] = {
		{ "", -DV_INVALID }, { "80", -DV_INVALID }, { "a:80", -DV_INVALID }, { "127.0.0.1", -DV_INVALID },
		{ "127.0.0.1:65536", -DV_INVALID }, { "127.0.0.1:x", -DV_INVALID }, { "::1:80", -DV_INVALID }, { "[::1:80", -DV_INVALID },
		{ "127.0.0.1:0", 0 }, { ":0", 0 }, { "unix:/nonexistent/x", -DV_NOT_FOUND },
	};
	struct http_server *s;
	struct dv_err e = DV_ERR_NONE;
	char bound[HTTP_ADDR_TEXT_MAX];
	struct loop *l;

	assert_ok(loop_new(&l, &e), &e);
	assert_ok(http_server_new(l, &usual, &s, &e), &e);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (http_server_listen(s, cases[i].addr, NULL, bound, &e) != cases[i].want)
			fail_msg("%s: %s", cases[i].addr, e.msg);
	assert_ok(http_server_listen(s, "127.0.0.1:0", NULL, bound, &e), &e);
	assert_fails(http_server_listen(s, bound, NULL, NULL, &e), EXISTS);
	assert_non_null(strstr(e.msg, bound));
	for (int i = 0; i < 13; i++)
		assert_ok(http_server_listen(s, "127.0.0.1:0", NULL, NULL, &e), &e);
	assert_fails(http_server_listen(s, "127.0.0.1:0", NULL, NULL, &e), LIMIT);
	http_server_free(s);
	loop_free(l);
}

static void test_unix_sockets(void **state)
{
	struct http_server_options o = usual;
	auto_buf struct buf in = BUF_INIT(1 << 16);
	auto_close int stale = -1, fd = -1;
	struct dv_err e = DV_ERR_NONE;
	char addr[128];
	struct unit_tmp tmp;

	unit_tmp_new(&tmp);
	(void)snprintf(addr, sizeof addr, "unix:%s/s", tmp.path);
	assert_ok(fd_unix_listen(tmp.fd, "s", 1, &stale, &e), &e);
	o.unix_replace = true;
	served_init(&served, &o);
	/* somebody listens there; then nobody does any more */
	assert_fails(http_server_listen(served.server, addr, NULL, NULL, &e), EXISTS);
	fd_close(&stale);
	assert_ok(http_server_listen(served.server, addr, NULL, NULL, &e), &e);
	served_run(&served);
	assert_ok(fd_unix_connect(tmp.fd, "s", &fd, &e), &e);
	client_text(fd, "GET /describe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	assert_false(client_rest(fd, &in));
	assert_non_null(strstr(buf_cstr(&in), "GET http a /describe unix q=- -\n"));
	served_end(&served);
	/* it is gone with the server */
	assert_int_equal(faccessat(tmp.fd, "s", F_OK, 0), -1);
	unit_tmp_done(&tmp);
}

/* Two loops, one listening socket: each connection has an answer from one of them. */
static void test_two_servers_one_socket(void **state)
{
	auto_close int listener = -1, twice = -1;
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct dv_err e = DV_ERR_NONE;
	socklen_t len = sizeof at;
	struct served other;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_ok(fd_socket(AF_INET, SOCK_STREAM, 0, &listener, &e), &e);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(listener, 100), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	assert_ok(fd_dup(listener, &twice, &e), &e);
	served_init(&served, &usual);
	served_init(&other, &usual);
	assert_ok(http_server_listen_fd(served.server, take_fd(&listener), NULL, &e), &e);
	assert_ok(http_server_listen_fd(other.server, take_fd(&twice), NULL, &e), &e);
	served.port = ntohs(at.sin_port);
	served_run(&served);
	served_run(&other);
	for (int i = 0; i < 50; i++)
		check_exchange(&exchanges[0], SIZE_MAX / 2);
	assert_int_equal(served_stats(&served).requests + served_stats(&other).requests, 50);
	served_end(&served);
	served_end(&other);
}

static void test_refused_options(void **state)
{
	struct http_server_options none = { 0 }, name = usual;
	struct http_server *s;
	struct dv_err e = DV_ERR_NONE;

	name.server_name = "a\r\nb";
	assert_fails(http_server_new(NULL, &none, &s, &e), INVALID);
	assert_fails(http_server_new(NULL, &name, &s, &e), INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchanges), cmocka_unit_test(test_broken_answers), cmocka_unit_test(test_continue),
		cmocka_unit_test(test_clients_that_leave), cmocka_unit_test(test_free_with_open_calls),
		cmocka_unit_test(test_drain), cmocka_unit_test(test_drain_ends_what_does_not), cmocka_unit_test(test_log),
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_unix_sockets),
		cmocka_unit_test(test_two_servers_one_socket), cmocka_unit_test(test_refused_options),
	};

	return unit_run(tests);
}
