/* client_test.c - the client against our server, over every way there is: HTTP/1.1 and HTTP/2, plain, TLS, a unix socket;
 * and against peers that misbehave.
 */
#include <arpa/inet.h>
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/loop.h"
#include "base/str.h"
#include "base/unit.h"
#include "http/client.h"
#include "http/server.h"
#include "http/testca.h"
#include "http/tls.h"
#include "http/url.h"

#define LATE_MS 60000

static struct unit_tmp tmp;
static struct testca *ca, *other;

static const char *path(const char *name)
{
	static char room[8][128];
	static unsigned at;
	char *p = room[at++ % ARRAY_LEN(room)];

	(void)snprintf(p, sizeof room[0], "%s/%s", tmp.path, name);
	return p;
}

/* --- the server of these tests --- */

enum { PATTERN = 65536 };
static char pattern[PATTERN];

/* What a call that streams has to say yet. */
struct stream {
	struct http_call *c;
	uint64_t left;
};

static void fill_stream(struct stream *s)
{
	while (s->left) {
		size_t n = (size_t)DV_MIN(s->left, (uint64_t)PATTERN);

		s->left -= n;
		if (!http_write(s->c, pattern, n) && s->left)
			return;
	}
	http_end(s->c);
}

static void stream_writable(void *state, struct http_call *c)
{
	fill_stream(state);
}

static void stream_close(void *state, struct http_call *c, bool complete)
{
	free(state);
}

static const struct http_call_ops stream_ops = { .on_writable = stream_writable, .on_close = stream_close };

static uint64_t number_of(struct http_call *c, const char *name)
{
	const char *text = NULL;
	struct dv_err e = DV_ERR_NONE;
	uint64_t n = 0;

	if (http_query_get(http_call_arena(c), http_call_request(c)->query, name, &text, &e) == 0 && text)
		(void)!str_u64(text, UINT64_MAX, name, &n, &e);
	return n;
}

static void serve_big(struct http_call *c)
{
	struct stream *s = mem_new(struct stream);

	s->c = c;
	s->left = number_of(c, "n");
	http_call_attach(c, &stream_ops, s);
	http_respond(c, 200, NULL, 0, number_of(c, "known") ? (int64_t)s->left : -1);
	fill_stream(s);
}

/* Sends back what comes, and takes no more than it can pass on. */
static void echo_data(void *state, struct http_call *c, const void *p, size_t n)
{
	if (!http_write(c, p, n))
		http_call_pause_body(c);
}

static void echo_end(void *state, struct http_call *c)
{
	struct http_header h = { "x-sum", "42" };
	size_t n;
	const struct http_header *t = http_call_trailers(c, &n);

	if (n)
		h = t[0];
	http_end_trailers(c, &h, 1);
}

static void echo_writable(void *state, struct http_call *c)
{
	http_call_resume_body(c);
}

static const struct http_call_ops echo_ops = { .on_data = echo_data, .on_end = echo_end, .on_writable = echo_writable };

static void serve_echo(struct http_call *c)
{
	struct http_header h = { "trailer", "x-sum" };

	http_call_set_body_max(c, UINT64_MAX);
	http_call_attach(c, &echo_ops, NULL);
	http_respond(c, 200, &h, 1, -1);
}

/* Counts the body; answers with the count. */
struct count {
	uint64_t n;
};

static void count_data(void *state, struct http_call *c, const void *p, size_t n)
{
	((struct count *)state)->n += n;
}

static void count_end(void *state, struct http_call *c)
{
	char text[24];

	http_reply(c, 200, "text/plain", text, (size_t)snprintf(text, sizeof text, "%llu",
								(unsigned long long)((struct count *)state)->n));
}

static void count_close(void *state, struct http_call *c, bool complete)
{
	free(state);
}

static const struct http_call_ops count_ops = { .on_data = count_data, .on_end = count_end, .on_close = count_close };

static void serve_count(struct http_call *c)
{
	http_call_set_body_max(c, UINT64_MAX);
	http_call_attach(c, &count_ops, mem_new(struct count));
}

static void serve_hello(struct http_call *c)
{
	http_reply(c, 200, "text/plain", "hello", 5);
}

/* The request in words. */
static void serve_show(struct http_call *c)
{
	const struct http_request *r = http_call_request(c);
	const char *authorization = http_request_header(r, "authorization"), *cookie = http_request_header(r, "cookie");
	auto_buf struct buf b = BUF_INIT(4096);

	buf_printf(&b, "%s %s %s %u %s auth=%s cookie=%s cn=%s", r->method_name, r->path, r->query ? r->query : "-", r->major,
		   r->scheme, authorization ? authorization : "-", cookie ? cookie : "-",
		   r->cert ? r->cert->common_name : "-");
	http_reply(c, 200, "text/plain", b.p, b.len);
}

static void serve_redirect(struct http_call *c)
{
	struct http_header h = { "location", NULL };
	struct dv_err e = DV_ERR_NONE;
	uint64_t status = number_of(c, "status");

	if (http_query_get(http_call_arena(c), http_call_request(c)->query, "to", &h.value, &e) < 0 || !h.value)
		h.value = "/hello";
	http_reply_with(c, status ? (int)status : 302, &h, 1, "elsewhere", 9);
}

static void hang_close(void *state, struct http_call *c, bool complete) {}
static const struct http_call_ops hang_ops = { .on_close = hang_close };

static void serve_hang(struct http_call *c)
{
	http_call_attach(c, &hang_ops, NULL);
}

static void serve_stall(struct http_call *c)
{
	http_call_attach(c, &hang_ops, NULL);
	http_respond(c, 200, NULL, 0, -1);
	(void)http_write(c, "begin", 5);
}

static void serve_abort(struct http_call *c)
{
	http_respond(c, 200, NULL, 0, 100);
	(void)http_write(c, "begin", 5);
	http_call_abort(c);
}

/* The server's end of an upgraded connection: the test's. */
static struct http_io *line_io;

static void on_line(void *state, struct http_io *io, const void *left, size_t n)
{
	line_io = io;
}

static void serve_upgrade(struct http_call *c)
{
	struct http_header h = { "upgrade", "line" };
	struct dv_err e = DV_ERR_NONE;

	if (!http_call_upgrades(c, "line") || http_upgrade(c, &h, 1, on_line, NULL, &e) < 0)
		http_reply(c, 400, NULL, NULL, 0);
}

static const struct { const char *path; void (*serve)(struct http_call *c); } routes[] = {
	{ "/hello", serve_hello }, { "/big", serve_big }, { "/echo", serve_echo }, { "/count", serve_count },
	{ "/show", serve_show }, { "/redirect", serve_redirect }, { "/hang", serve_hang }, { "/stall", serve_stall },
	{ "/abort", serve_abort }, { "/upgrade", serve_upgrade },
};

static void handler(void *ctx, struct http_call *c)
{
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (streq(routes[i].path, http_call_request(c)->path)) {
			routes[i].serve(c);
			return;
		}
	http_reply(c, 404, NULL, NULL, 0);
}

/* --- ways --- */

struct way {
	const char *name, *scheme;
	enum http_versions versions;
	bool unix_socket;
	int major;
};

static const struct way ways[] = {
	{ "h1", "http", HTTP_ANY, false, 1 },
	{ "h1 unix", "http", HTTP_ANY, true, 1 },
	{ "h1 tls", "https", HTTP_ONLY_1, false, 1 },
	{ "h2", "http", HTTP_ONLY_2, false, 2 },
	{ "h2 tls", "https", HTTP_ANY, false, 2 },
};

struct world {
	struct loop *loop;
	struct http_server *server;
	struct tls_server *tls_server;
	struct tls_client *tls_client;
	struct http_client *client;
	struct http_io_maker maker;
	struct loop_source *late;
	char base[128];                 /* http://127.0.0.1:PORT */
	char bound[HTTP_ADDR_TEXT_MAX];
	const char *unix_path;
	int n_left;                     /* fetches that have not ended */
};

static void on_late(void *ctx)
{
	loop_stop(ctx, 1);
}

static void start_tls(struct world *w, const struct tls_client_conf *conf, enum tls_peer_auth auth)
{
	struct dv_err e = DV_ERR_NONE;

	assert_ok(tls_server_new(&(struct tls_server_conf){ .cert_file = path("s.pem"), .key_file = path("s.key"),
				  .peer_auth = auth, .peer_ca_file = path("ca.pem") }, &w->tls_server, &e), &e);
	assert_ok(tls_client_new(conf, &w->tls_client, &e), &e);
	w->maker = tls_server_maker(w->tls_server);
}

static void world_open(struct world *w, const struct way *way, const struct http_client_options *options)
{
	struct http_client_options o = options ? *options : (struct http_client_options){ 0 };
	struct http_server_options so = { .handler = handler, .h2c = true };
	bool tls = streq(way->scheme, "https");
	struct dv_err e = DV_ERR_NONE;
	char addr[160];

	*w = (struct world){ 0 };
	assert_ok(loop_new(&w->loop, &e), &e);
	w->late = loop_add_timer(w->loop, on_late, w->loop);
	loop_arm(w->late, LATE_MS);
	if (tls)
		start_tls(w, &(struct tls_client_conf){ .ca_file = path("ca.pem"), .no_system_cas = true }, TLS_PEER_IGNORE);
	w->unix_path = way->unix_socket ? path("sock") : NULL;
	(void)snprintf(addr, sizeof addr, way->unix_socket ? "unix:%s" : "127.0.0.1:0", w->unix_path);
	so.unix_replace = true;
	assert_ok(http_server_new(w->loop, &so, &w->server, &e), &e);
	assert_ok(http_server_listen(w->server, addr, tls ? &w->maker : NULL, w->bound, &e), &e);
	(void)snprintf(w->base, sizeof w->base, "%s://%s", way->scheme, way->unix_socket ? "localhost" : w->bound);
	o.versions = way->versions;
	o.tls = w->tls_client;
	assert_ok(http_client_new(w->loop, &o, &w->client, &e), &e);
}

static void world_close(struct world *w)
{
	http_client_free(w->client);
	http_server_free(w->server);
	tls_server_free(w->tls_server);
	tls_client_free(w->tls_client);
	loop_free(w->loop);
}

/* --- a fetch of these tests --- */

struct got {
	struct world *w;
	struct http_fetch *f;
	int status, major;
	struct buf body;                /* the first bytes */
	uint64_t n;                     /* how many there were */
	bool mismatch;                  /* they are not the pattern */
	bool ended, ok;
	struct dv_err e;
	char trailer[32];
	uint64_t to_send;               /* of the pattern */
	bool ends_upload;
	size_t pause_after;
	struct http_io *io;
};

static void got_head(void *state, struct http_fetch *f, const struct http_response *head)
{
	struct got *g = state;

	g->status = head->status;
	g->major = head->major;
}

static void got_data(void *state, struct http_fetch *f, const void *p, size_t n)
{
	struct got *g = state;
	const char *data = p;

	for (size_t i = 0; i < n;) {
		size_t at = (g->n + i) % PATTERN, now = DV_MIN(n - i, PATTERN - at);

		g->mismatch |= memcmp(data + i, pattern + at, now) != 0;
		i += now;
	}
	if (g->body.len < 4096)
		buf_add(&g->body, data, DV_MIN(n, 4096 - g->body.len));
	g->n += n;
	if (g->pause_after && g->n >= g->pause_after) {
		g->pause_after = 0;
		http_fetch_pause(f);
		loop_stop(g->w->loop, 2);
	}
}

static void send_body(struct got *g)
{
	while (g->to_send) {
		size_t n = (size_t)DV_MIN(g->to_send, (uint64_t)PATTERN);

		g->to_send -= n;
		if (!http_fetch_write(g->f, pattern, n) && g->to_send)
			return;
	}
	if (g->ends_upload)
		http_fetch_end_trailers(g->f, &(struct http_header){ "x-sum", "17" }, 1);
	g->ends_upload = false;
}

static void got_writable(void *state, struct http_fetch *f)
{
	send_body(state);
}

static void got_upgrade(void *state, struct http_fetch *f, struct http_io *io, const void *left, size_t n)
{
	struct got *g = state;

	g->io = io;
	g->ended = g->ok = true;
	if (--g->w->n_left == 0)
		loop_stop(g->w->loop, 0);
}

static void got_end(void *state, struct http_fetch *f, const struct dv_err *e)
{
	struct got *g = state;
	size_t n;
	const struct http_header *t = http_fetch_trailers(f, &n);

	g->ended = true;
	g->ok = !e;
	g->f = NULL;
	if (e)
		g->e = *e;
	for (size_t i = 0; i < n; i++)
		if (streq(t[i].name, "x-sum"))
			(void)snprintf(g->trailer, sizeof g->trailer, "%s", t[i].value);
	if (--g->w->n_left == 0)
		loop_stop(g->w->loop, 0);
}

static const struct http_fetch_ops got_ops = {
	.on_head = got_head, .on_data = got_data, .on_writable = got_writable, .on_upgrade = got_upgrade, .on_end = got_end,
};

static void begin(struct world *w, struct got *g, const char *target, struct http_fetch_want want)
{
	struct dv_err e = DV_ERR_NONE;
	auto_free char *url = mem_printf("%s%s", w->base, target);

	*g = (struct got){ .w = w, .body = BUF_INIT(8192) };
	want.url = want.url ? want.url : url;
	want.unix_path = w->unix_path;
	assert_ok(http_fetch_start(w->client, &want, &got_ops, g, &g->f, &e), &e);
	w->n_left++;
}

static void run(struct world *w)
{
	struct dv_err e = DV_ERR_NONE;
	int r = loop_run(w->loop, &e);

	if (r == 1)
		fail_msg("nothing ended in time");
	assert_int_equal(r, 0);
}

static void expect_body(struct got *g, int status, const char *body)
{
	if (!g->ok)
		fail_msg("%s", g->e.msg);
	assert_int_equal(g->status, status);
	assert_string_equal(buf_cstr(&g->body), body);
	buf_done(&g->body);
}

static void expect_error(struct got *g, enum dv_kind kind, const char *text)
{
	assert_false(g->ok);
	if (g->e.kind != kind || !strstr(g->e.msg, text))
		fail_msg("%s: %s", dv_kind_name(g->e.kind), g->e.msg);
	buf_done(&g->body);
}

/* --- tests over every way --- */

static void test_hello(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct http_client_stats stats;
		struct world w;
		struct got g;

		world_open(&w, &ways[i], NULL);
		for (int k = 0; k < 3; k++) {
			begin(&w, &g, "/hello", (struct http_fetch_want){ 0 });
			run(&w);
			expect_body(&g, 200, "hello");
			assert_int_equal(g.major, ways[i].major);
		}
		http_client_stats(w.client, &stats);
		assert_int_equal(stats.dialed, 1);
		assert_int_equal(stats.reused, 2);
		assert_int_equal(stats.idle, 1);
		world_close(&w);
	}
}

static void test_request(void **state)
{
	const struct http_header h[] = { { "Authorization", "Basic eDp5" }, { "cookie", "a=1" }, { "cookie", "b=2" } };

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		auto_free char *want = mem_printf("PUT /show a=%%20b %d %s auth=Basic eDp5 cookie=%s cn=-", ways[i].major,
						  ways[i].scheme, ways[i].major == 2 ? "a=1; b=2" : "a=1");
		struct world w;
		struct got g;

		world_open(&w, &ways[i], NULL);
		begin(&w, &g, "/show?a=%20b", (struct http_fetch_want){ .method = "PUT", .headers = h, .n_headers = 3 });
		run(&w);
		expect_body(&g, 200, want);
		begin(&w, &g, "/none", (struct http_fetch_want){ .method = "HEAD" });
		run(&w);
		expect_body(&g, 404, "");
		world_close(&w);
	}
}

static void test_bodies(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct world w;
		struct got g;

		world_open(&w, &ways[i], NULL);
		begin(&w, &g, "/count", (struct http_fetch_want){ .method = "POST", .body = "12345", .body_len = 5 });
		run(&w);
		expect_body(&g, 200, "5");
		begin(&w, &g, "/count", (struct http_fetch_want){ .method = "POST", .body = "", .body_len = 0 });
		run(&w);
		expect_body(&g, 200, "0");
		begin(&w, &g, "/echo", (struct http_fetch_want){ .method = "POST", .stream = true, .stream_len = -1 });
		(void)http_fetch_write(g.f, "one ", 4);
		(void)http_fetch_write(g.f, "two", 3);
		http_fetch_end(g.f);
		run(&w);
		expect_body(&g, 200, "one two");
		assert_string_equal(g.trailer, "42");
		begin(&w, &g, "/big?n=0&known=1", (struct http_fetch_want){ 0 });
		run(&w);
		expect_body(&g, 200, "");
		world_close(&w);
	}
}

/* What is in use for data, in bytes. */
static size_t in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

#define BULK ((uint64_t)200 << 20)
#define BULK_GROWTH ((size_t)8 << 20)

struct watch_memory {
	struct loop_source *timer;
	size_t start, most;
};

static void on_watch_memory(void *ctx)
{
	struct watch_memory *m = ctx;

	m->most = DV_MAX(m->most, in_use());
	loop_arm(m->timer, 1);
}

/* 200 MB up and down at the same time, through an echo: nothing may pile up anywhere. */
static void test_bulk(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct watch_memory m = { 0 };
		struct world w;
		struct got g;

		world_open(&w, &ways[i], NULL);
		m.start = in_use();
		m.timer = loop_add_timer(w.loop, on_watch_memory, &m);
		loop_arm(m.timer, 1);
		begin(&w, &g, "/echo", (struct http_fetch_want){ .method = "POST", .stream = true, .stream_len = -1 });
		g.to_send = BULK;
		g.ends_upload = true;
		send_body(&g);
		run(&w);
		if (!g.ok)
			fail_msg("%s: %s", ways[i].name, g.e.msg);
		assert_int_equal(g.n, BULK);
		assert_false(g.mismatch);
		assert_string_equal(g.trailer, "17");
		assert_true(m.most >= m.start);
		if (m.most - m.start > BULK_GROWTH)
			fail_msg("%s: memory grew by %zu bytes", ways[i].name, m.most - m.start);
		print_message("# %s: 200 MB each way, memory grew by %zu KiB\n", ways[i].name, (m.most - m.start) >> 10);
		buf_done(&g.body);
		world_close(&w);
	}
}

static void test_parallel(void **state)
{
	enum { N = 40 };

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct http_client_stats stats;
		struct got g[N];
		struct world w;

		world_open(&w, &ways[i], NULL);
		for (int k = 0; k < N; k++)
			begin(&w, &g[k], "/big?n=300000", (struct http_fetch_want){ 0 });
		run(&w);
		for (int k = 0; k < N; k++) {
			assert_true(g[k].ok);
			assert_int_equal(g[k].n, 300000);
			assert_false(g[k].mismatch);
			buf_done(&g[k].body);
		}
		http_client_stats(w.client, &stats);
		assert_int_equal(stats.dialed, ways[i].major == 2 ? 1 : 8);
		world_close(&w);
	}
}

static void test_pause(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct dv_err e = DV_ERR_NONE;
		struct world w;
		struct got g, other_one;
		uint64_t before;

		world_open(&w, &ways[i], NULL);
		begin(&w, &g, "/big?n=20000000", (struct http_fetch_want){ 0 });
		g.pause_after = 1000000;
		assert_int_equal(loop_run(w.loop, &e), 2);
		before = g.n;
		/* others are served meanwhile, and nothing of this one comes */
		w.n_left--;
		begin(&w, &other_one, "/big?n=3000000", (struct http_fetch_want){ 0 });
		run(&w);
		assert_int_equal(other_one.n, 3000000);
		buf_done(&other_one.body);
		assert_int_equal(g.n, before);
		w.n_left++;
		http_fetch_resume(g.f);
		run(&w);
		if (!g.ok)
			fail_msg("%s: %d %s", ways[i].name, g.ended, g.e.msg);
		assert_int_equal(g.n, 20000000);
		assert_false(g.mismatch);
		buf_done(&g.body);
		world_close(&w);
	}
}

static void test_cancel(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct http_server_stats stats;
		struct world w;
		struct got g, hung[3];

		world_open(&w, &ways[i], NULL);
		for (int k = 0; k < 3; k++)
			begin(&w, &hung[k], k ? "/hang" : "/stall", (struct http_fetch_want){ 0 });
		begin(&w, &g, "/hello", (struct http_fetch_want){ 0 });
		w.n_left -= 3;
		run(&w);
		expect_body(&g, 200, "hello");
		for (int k = 0; k < 3; k++)
			http_fetch_cancel(hung[k].f);
		begin(&w, &g, "/hello", (struct http_fetch_want){ 0 });
		run(&w);
		expect_body(&g, 200, "hello");
		for (int k = 0; k < 3; k++) {
			assert_false(hung[k].ended);
			buf_done(&hung[k].body);
		}
		http_server_stats(w.server, &stats);
		assert_true(stats.requests >= 3);
		world_close(&w);
	}
}

static void test_timeouts(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct world w;
		struct got head, body;

		world_open(&w, &ways[i], NULL);
		begin(&w, &head, "/hang", (struct http_fetch_want){ .head_timeout_ms = 50 });
		begin(&w, &body, "/stall", (struct http_fetch_want){ .stall_timeout_ms = 50 });
		run(&w);
		expect_error(&head, DV_TIMEOUT, "/hang: no response in time");
		expect_error(&body, DV_TIMEOUT, "/stall: the response stalls");
		world_close(&w);
	}
}

static void test_abort(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct world w;
		struct got g;

		world_open(&w, &ways[i], NULL);
		begin(&w, &g, "/abort", (struct http_fetch_want){ 0 });
		run(&w);
		assert_false(g.ok);
		assert_true(g.e.kind == DV_IO || g.e.kind == DV_CORRUPT);
		buf_done(&g.body);
		world_close(&w);
	}
}

/* A body that is not as long as was announced. */
static void test_wrong_length(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct world w;
		struct got g[2];

		world_open(&w, &ways[i], NULL);
		for (int k = 0; k < 2; k++) {
			begin(&w, &g[k], "/count", (struct http_fetch_want){ .method = "POST", .stream = true, .stream_len = 10 });
			(void)http_fetch_write(g[k].f, "0123456789abc", k ? 13 : 9);
			http_fetch_end(g[k].f);
		}
		run(&w);
		expect_error(&g[0], DV_INVALID, "a body of 9 bytes, announced were 10");
		expect_error(&g[1], DV_INVALID, "a body of 13 bytes, announced were 10");
		world_close(&w);
	}
}

static void test_redirects(void **state)
{
	static const struct { const char *target, *method; unsigned max; int status; const char *body; } cases[] = {
		{ "/redirect", "GET", 0, 302, "elsewhere" },
		{ "/redirect", "GET", 1, 200, "hello" },
		{ "/redirect?to=/redirect", "GET", 1, 302, "elsewhere" },
		{ "/redirect?to=/redirect", "GET", 2, 200, "hello" },
		{ "/redirect?to=/count&status=307", "POST", 1, 200, "3" },
		{ "/redirect?to=/hello&status=303", "POST", 1, 200, "hello" },
	};

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct world w;
		struct got g;

		world_open(&w, &ways[i], NULL);
		for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
			begin(&w, &g, cases[k].target, (struct http_fetch_want){ .method = cases[k].method,
			      .redirects_max = cases[k].max, .body = streq(cases[k].method, "POST") ? "abc" : NULL, .body_len = 3 });
			run(&w);
			expect_body(&g, cases[k].status, cases[k].body);
		}
		world_close(&w);
	}
}

/* --- single ones --- */

static void test_redirect_credentials(void **state)
{
	const struct http_header h[] = { { "authorization", "secret" }, { "cookie", "secret" } };
	char bound[HTTP_ADDR_TEXT_MAX], target[200];
	struct dv_err e = DV_ERR_NONE;
	struct world w;
	struct got g;

	world_open(&w, &ways[0], NULL);
	assert_ok(http_server_listen(w.server, "127.0.0.1:0", NULL, bound, &e), &e);
	(void)snprintf(target, sizeof target, "/redirect?to=http://%s/show", bound);
	begin(&w, &g, target, (struct http_fetch_want){ .headers = h, .n_headers = 2, .redirects_max = 3 });
	run(&w);
	expect_body(&g, 200, "GET /show - 1 http auth=- cookie=- cn=-");
	begin(&w, &g, "/redirect?to=/show", (struct http_fetch_want){ .headers = h, .n_headers = 2, .redirects_max = 3 });
	run(&w);
	expect_body(&g, 200, "GET /show - 1 http auth=secret cookie=secret cn=-");
	world_close(&w);

	world_open(&w, &ways[2], NULL);
	begin(&w, &g, "/redirect?to=http://127.0.0.1:1/", (struct http_fetch_want){ .redirects_max = 3 });
	run(&w);
	expect_error(&g, DV_FORBIDDEN, "redirect from https to http://127.0.0.1");
	world_close(&w);
}

/* What one end writes arrives at the other. */
static void expect_line(struct http_io *from, struct http_io *to)
{
	struct iovec v = { (void *)"ping", 4 };
	struct pollfd pf = { .fd = to->fd, .events = POLLIN };
	struct dv_err e = DV_ERR_NONE;
	char b[8];
	ssize_t n;

	assert_int_equal(http_io_write(from, &v, 1, &e), 4);
	do {
		assert_int_equal(poll(&pf, 1, LATE_MS), 1);
		n = http_io_read(to, b, sizeof b, &e);
	} while (n == HTTP_IO_WAIT);
	assert_int_equal(n, 4);
	assert_memory_equal(b, "ping", 4);
}

static void test_upgrade(void **state)
{
	for (size_t i = 0; i < 3; i++) {
		struct world w;
		struct got g;

		line_io = NULL;
		world_open(&w, &ways[i], NULL);
		begin(&w, &g, "/upgrade", (struct http_fetch_want){ .upgrade = "line" });
		run(&w);
		assert_non_null(g.io);
		assert_non_null(line_io);
		expect_line(g.io, line_io);
		expect_line(line_io, g.io);
		http_io_close(g.io);
		http_io_close(line_io);
		buf_done(&g.body);
		/* to another protocol than that: a response as any other */
		begin(&w, &g, "/upgrade", (struct http_fetch_want){ .upgrade = "circle" });
		run(&w);
		expect_body(&g, 400, "");
		world_close(&w);
	}
}

/* Sockets deep below: their path is longer than an address can be; and one that is not there. */
static void test_unix(void **state)
{
	auto_free char *deep = mem_printf("%s/%0100d/sock", tmp.path, 1), *none = mem_printf("%s/none", tmp.path);
	auto_free char *dir = mem_printf("%0100d", 1);
	auto_close int dirfd = -1;
	struct dv_err e = DV_ERR_NONE;
	struct world w;
	struct got g;
	int fd;

	world_open(&w, &ways[0], NULL);
	assert_ok(file_mkdirs(tmp.fd, dir, 0700, NULL, &e), &e);
	assert_ok(file_open(tmp.fd, dir, O_RDONLY | O_DIRECTORY, 0, &dirfd, &e), &e);
	assert_ok(fd_unix_listen(dirfd, "sock", 4, &fd, &e), &e);
	assert_ok(fd_set_nonblock(fd, true, &e), &e);
	assert_ok(http_server_listen_fd(w.server, fd, NULL, &e), &e);
	w.unix_path = deep;
	begin(&w, &g, "/hello", (struct http_fetch_want){ 0 });
	run(&w);
	expect_body(&g, 200, "hello");
	w.unix_path = none;
	begin(&w, &g, "/hello", (struct http_fetch_want){ 0 });
	run(&w);
	expect_error(&g, DV_UNAVAILABLE, "none: ");
	world_close(&w);
}

static void test_certificates(void **state)
{
	static const struct { const char *host, *ca, *cert; enum tls_peer_auth auth; enum dv_kind kind; const char *text; } cases[] = {
		{ "127.0.0.1", "ca.pem", NULL, TLS_PEER_IGNORE, DV_OK, "cn=-" },
		{ "localhost", "ca.pem", NULL, TLS_PEER_IGNORE, DV_OK, "cn=-" },
		{ "127.0.0.2", "ca.pem", NULL, TLS_PEER_IGNORE, DV_FORBIDDEN,
		  "certificate of 127.0.0.2: not valid for host 127.0.0.2" },
		{ "127.0.0.1", "other.pem", NULL, TLS_PEER_IGNORE, DV_FORBIDDEN,
		  "certificate of 127.0.0.1: signed by an unknown authority (CN=test ca)" },
		{ "127.0.0.1", "ca.pem", "alice.pem", TLS_PEER_REQUIRE, DV_OK, "cn=alice" },
		{ "127.0.0.1", "ca.pem", NULL, TLS_PEER_REQUIRE, DV_IO, "certificate required" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases) * 2; i++) {
		const typeof(cases[0]) *c = &cases[i / 2];
		struct world w = { 0 };
		struct dv_err e = DV_ERR_NONE;
		struct got g;
		char url[200];

		assert_ok(loop_new(&w.loop, &e), &e);
		w.late = loop_add_timer(w.loop, on_late, w.loop);
		loop_arm(w.late, LATE_MS);
		start_tls(&w, &(struct tls_client_conf){ .ca_file = path(c->ca), .no_system_cas = true,
			  .cert_file = c->cert ? path(c->cert) : NULL }, c->auth);
		assert_ok(http_server_new(w.loop, &(struct http_server_options){ .handler = handler }, &w.server, &e), &e);
		assert_ok(http_server_listen(w.server, "0.0.0.0:0", &w.maker, w.bound, &e), &e);
		assert_ok(http_client_new(w.loop, &(struct http_client_options){ .tls = w.tls_client,
					  .versions = i % 2 ? HTTP_ONLY_1 : HTTP_ANY }, &w.client, &e), &e);
		(void)snprintf(url, sizeof url, "https://%s%s/show", c->host, strchr(w.bound, ':'));
		begin(&w, &g, "", (struct http_fetch_want){ .url = url });
		run(&w);
		if (c->kind != DV_OK) {
			expect_error(&g, c->kind, c->text);
		} else {
			assert_true(g.ok);
			assert_non_null(strstr(buf_cstr(&g.body), c->text));
			buf_done(&g.body);
		}
		world_close(&w);
	}
}

static void test_no_connection(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct world w;
	struct got g[3];

	world_open(&w, &ways[0], NULL);
	begin(&w, &g[0], "", (struct http_fetch_want){ .url = "http://no-such-host.invalid/" });
	/* a port that was bound by nobody else and is free again */
	http_server_free(w.server);
	w.server = NULL;
	begin(&w, &g[1], "/hello?token=x", (struct http_fetch_want){ 0 });
	begin(&w, &g[2], "/hello", (struct http_fetch_want){ 0 });
	run(&w);
	assert_true(g[0].e.kind == DV_NOT_FOUND || g[0].e.kind == DV_UNAVAILABLE);
	assert_non_null(strstr(g[0].e.msg, "resolve no-such-host.invalid"));
	expect_error(&g[1], DV_UNAVAILABLE, "Connection refused");
	assert_null(strstr(g[1].e.msg, "token"));
	expect_error(&g[2], DV_UNAVAILABLE, "Connection refused");
	assert_fails(http_fetch_start(w.client, &(struct http_fetch_want){ .url = "ftp://a.test/" }, &got_ops, NULL, NULL, &e),
		     INVALID);
	assert_fails(http_fetch_start(w.client, &(struct http_fetch_want){ .url = "http://a.test/", .method = "GE T" }, &got_ops,
				      NULL, NULL, &e), INVALID);
	assert_fails(http_fetch_start(w.client, &(struct http_fetch_want){ .url = "http://a.test/",
				      .headers = &(struct http_header){ "a", "b\r\nc: d" }, .n_headers = 1 }, &got_ops, NULL, NULL, &e),
		     INVALID);
	assert_fails(http_fetch_start(w.client, &(struct http_fetch_want){ .url = "http://a.test/",
				      .headers = &(struct http_header){ "Content-Length", "3" }, .n_headers = 1 }, &got_ops, NULL, NULL,
				      &e), INVALID);
	world_close(&w);
}

/* --- peers that say what they are told to --- */

struct script {
	struct loop *loop;
	int listener;
	struct loop_source *source;
	const char *const *answers;     /* one for each request, NULL at the end: then nobody answers */
	bool closes;                    /* after an answer */
	int n_requests, n_conns;
	struct { int fd; struct loop_source *source; } conns[16];
};

static void script_request(void *ctx, int fd, uint32_t events)
{
	struct script *s = ctx;
	char b[4096];
	ssize_t n = read(fd, b, sizeof b);
	const char *answer = s->answers[s->n_requests];

	if (n > 0 && answer) {
		s->n_requests++;
		(void)!write(fd, answer, strlen(answer));
	}
	if (n <= 0 || (s->closes && answer))
		for (int i = 0; i < s->n_conns; i++)
			if (s->conns[i].fd == fd) {
				loop_remove(s->conns[i].source);
				fd_close(&s->conns[i].fd);
			}
}

static void script_accept(void *ctx, int fd, uint32_t events)
{
	struct script *s = ctx;
	struct dv_err e = DV_ERR_NONE;
	int c = s->n_conns++;

	assert_true(c < 16);
	assert_ok(fd_accept(fd, &s->conns[c].fd, &e), &e);
	assert_ok(loop_add_fd(s->loop, s->conns[c].fd, EPOLLIN, script_request, s, &s->conns[c].source, &e), &e);
}

static void script_open(struct script *s, struct world *w, const char *const *answers, bool closes)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof sa;
	struct dv_err e = DV_ERR_NONE;

	*s = (struct script){ .loop = w->loop, .answers = answers, .closes = closes };
	assert_ok(fd_socket(AF_INET, SOCK_STREAM, 0, &s->listener, &e), &e);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(s->listener, 16), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&sa, &len), 0);
	assert_ok(loop_add_fd(w->loop, s->listener, EPOLLIN, script_accept, s, &s->source, &e), &e);
	(void)snprintf(w->base, sizeof w->base, "http://127.0.0.1:%u", (unsigned)ntohs(sa.sin_port));
}

static void script_close(struct script *s)
{
	loop_remove(s->source);
	fd_close(&s->listener);
	for (int i = 0; i < s->n_conns; i++) {
		if (s->conns[i].fd >= 0)
			loop_remove(s->conns[i].source);
		fd_close(&s->conns[i].fd);
	}
}

#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void test_responses(void **state)
{
	static const struct { const char *answer; int status; const char *body; enum dv_kind kind; } cases[] = {
		{ OK_2, 200, "ok", DV_OK },
		{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" OK_2, 200, "ok", DV_OK },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x\r\nk\r\n0\r\nt: u\r\n\r\n", 200, "ok", DV_OK },
		{ "HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end", DV_OK },
		{ "HTTP/1.1 204 No\r\n\r\n", 204, "", DV_OK },
		{ "HTTP/1.1 304 No\r\nContent-Length: 7\r\n\r\n", 304, "", DV_OK },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", 200, "ok", DV_IO },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", 200, "ok", DV_IO },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", 0, "", DV_INVALID },
		{ "SSH-2.0-OpenSSH\r\n\r\n", 0, "", DV_INVALID },
		{ "HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", 0, "", DV_INVALID },
		{ "", 0, "", DV_IO },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *answers[] = { cases[i].answer, NULL };
		struct script s;
		struct world w;
		struct got g;

		world_open(&w, &ways[0], NULL);
		script_open(&s, &w, answers, true);
		begin(&w, &g, "/", (struct http_fetch_want){ 0 });
		run(&w);
		if (g.ok != (cases[i].kind == DV_OK) || (!g.ok && g.e.kind != cases[i].kind))
			fail_msg("case %zu: %s", i, g.e.msg);
		assert_int_equal(g.status, cases[i].status);
		assert_string_equal(buf_cstr(&g.body), cases[i].body);
		buf_done(&g.body);
		script_close(&s);
		world_close(&w);
	}
}

/* A kept connection that the server closes as the next request comes: a GET is sent again, a POST is not, and neither is
 * one on a fresh connection. */
static void test_stale(void **state)
{
	static const struct { const char *method; bool idempotent, ok; } cases[] = {
		{ "GET", false, true }, { "DELETE", false, true }, { "POST", false, false }, { "POST", true, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *answers[] = { OK_2, "", OK_2, NULL };
		struct http_client_stats stats;
		struct script s;
		struct world w;
		struct got g;

		world_open(&w, &ways[0], NULL);
		script_open(&s, &w, answers, false);
		begin(&w, &g, "/", (struct http_fetch_want){ 0 });
		run(&w);
		expect_body(&g, 200, "ok");
		s.closes = true;
		begin(&w, &g, "/", (struct http_fetch_want){ .method = cases[i].method, .idempotent = cases[i].idempotent });
		run(&w);
		assert_int_equal(g.ok, cases[i].ok);
		http_client_stats(w.client, &stats);
		assert_int_equal(stats.retried, cases[i].ok);
		assert_int_equal(s.n_requests, cases[i].ok ? 3 : 2);
		buf_done(&g.body);
		script_close(&s);
		world_close(&w);
	}
}

/* Bytes that nobody asked for end an idle connection: the next response is not poisoned. */
static void test_unasked(void **state)
{
	const char *answers[] = { OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", OK_2, NULL };
	struct script s;
	struct world w;
	struct got g;

	world_open(&w, &ways[0], NULL);
	script_open(&s, &w, answers, false);
	for (int i = 0; i < 2; i++) {
		begin(&w, &g, "/", (struct http_fetch_want){ 0 });
		run(&w);
		expect_body(&g, 200, "ok");
	}
	assert_int_equal(s.n_conns, 2);
	script_close(&s);
	world_close(&w);
}

/* --- peers of HTTP/2: an answer for each head that comes --- */

struct script2 {
	struct script s;
	struct buf in[4];               /* by connection */
	bool begun[4];
	const struct answer2 { const char *p; size_t n; } *answers;
};

static void script2_input(struct script2 *s, int c)
{
	struct buf *b = &s->in[c];

	if (!s->begun[c] && b->len >= 24) {
		s->begun[c] = true;
		b->len -= 24;
		memmove(b->p, b->p + 24, b->len);
		assert_int_equal(write(s->s.conns[c].fd, "\0\0\0\4\0\0\0\0\0", 9), 9);
	}
	while (s->begun[c] && b->len >= 9) {
		const unsigned char *f = (const unsigned char *)b->p;
		size_t len = 9 + ((size_t)f[0] << 16 | (size_t)f[1] << 8 | f[2]);
		bool head = f[3] == 1;

		if (b->len < len)
			return;
		b->len -= len;
		memmove(b->p, b->p + len, b->len);
		if (head && s->answers[s->s.n_requests].p) {
			const struct answer2 *a = &s->answers[s->s.n_requests++];

			assert_int_equal(write(s->s.conns[c].fd, a->p, a->n), (ssize_t)a->n);
		}
	}
}

static void script2_event(void *ctx, int fd, uint32_t events)
{
	struct script2 *s = ctx;
	char got[4096];
	ssize_t n = read(fd, got, sizeof got);

	for (int c = 0; c < s->s.n_conns; c++) {
		if (s->s.conns[c].fd != fd)
			continue;
		if (n > 0) {
			buf_add(&s->in[c], got, (size_t)n);
			script2_input(s, c);
			return;
		}
		loop_remove(s->s.conns[c].source);
		fd_close(&s->s.conns[c].fd);
	}
}

static void script2_accept(void *ctx, int fd, uint32_t events)
{
	struct script2 *s = ctx;
	struct dv_err e = DV_ERR_NONE;
	int c = s->s.n_conns++;

	assert_true(c < 4);
	s->in[c] = BUF_INIT(1 << 20);
	assert_ok(fd_accept(fd, &s->s.conns[c].fd, &e), &e);
	assert_ok(loop_add_fd(s->s.loop, s->s.conns[c].fd, EPOLLIN, script2_event, s, &s->s.conns[c].source, &e), &e);
}

#define A2(text) { text, sizeof(text) - 1 }
#define OK_1 "\0\0\1\1\5\0\0\0\1\x88"             /* :status 200, the end of stream 1 */

static void test_h2_peers(void **state)
{
	static const struct { const char *name; struct answer2 answers[4]; int conns; bool ok; enum dv_kind kind; } cases[] = {
		{ "ok", { A2(OK_1) }, 1, true, DV_OK },
		{ "100, then 200", { A2("\0\0\5\1\4\0\0\0\1\x08\x03" "100" OK_1) }, 1, true, DV_OK },
		{ "goaway before it", { A2("\0\0\x08\7\0\0\0\0\0\0\0\0\0\0\0\0\0"), A2(OK_1) }, 2, true, DV_OK },
		{ "refused", { A2("\0\0\4\3\0\0\0\0\1\0\0\0\7"), A2("\0\0\1\1\5\0\0\0\3\x88") }, 1, true, DV_OK },
		{ "refused for ever", { A2("\0\0\4\3\0\0\0\0\1\0\0\0\7"), A2("\0\0\4\3\0\0\0\0\3\0\0\0\7"),
		  A2("\0\0\4\3\0\0\0\0\5\0\0\0\7") }, 1, false, DV_UNAVAILABLE },
		{ "cancelled", { A2("\0\0\4\3\0\0\0\0\1\0\0\0\x08") }, 1, false, DV_IO },
		{ "push", { A2("\0\0\5\5\4\0\0\0\1\0\0\0\2\x82") }, 1, false, DV_IO },
		{ "no status", { A2("\0\0\5\1\5\0\0\0\1\0\1x\1y") }, 1, false, DV_IO },
		{ "a connection header", { A2("\0\0\x15\1\5\0\0\0\1\x88\0\x0a" "connection\6closed\0") }, 1, false, DV_IO },
		{ "data before the head", { A2("\0\0\1\0\1\0\0\0\1x") }, 1, false, DV_IO },
		{ "not HTTP/2", { A2("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") }, 1, false, DV_IO },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct script2 s = { .answers = cases[i].answers };
		const char *none[] = { NULL };
		struct dv_err e = DV_ERR_NONE;
		struct world w;
		struct got g;

		world_open(&w, &ways[3], NULL);
		script_open(&s.s, &w, none, false);
		loop_remove(s.s.source);
		assert_ok(loop_add_fd(w.loop, s.s.listener, EPOLLIN, script2_accept, &s, &s.s.source, &e), &e);
		begin(&w, &g, "/", (struct http_fetch_want){ .method = "POST", .body = "b", .body_len = 1 });
		run(&w);
		if (g.ok != cases[i].ok || (!g.ok && g.e.kind != cases[i].kind))
			fail_msg("%s: %s %s", cases[i].name, dv_kind_name(g.e.kind), g.e.msg);
		assert_int_equal(g.status, cases[i].ok ? 200 : 0);
		assert_int_equal(s.s.n_conns, cases[i].conns);
		buf_done(&g.body);
		script_close(&s.s);
		for (int c = 0; c < 4; c++)
			buf_done(&s.in[c]);
		world_close(&w);
	}
}

/* --- whenever it may be: cancelling in callbacks, and a client that goes --- */

static void cancel_head(void *state, struct http_fetch *f, const struct http_response *head)
{
	struct got *g = state;

	http_fetch_cancel(f);
	if (--g->w->n_left == 0)
		loop_stop(g->w->loop, 0);
}

static void cancel_data(void *state, struct http_fetch *f, const void *p, size_t n)
{
	cancel_head(state, f, NULL);
}

static void test_cancel_in_callbacks(void **state)
{
	static const struct http_fetch_ops all[] = {
		{ .on_head = cancel_head, .on_end = got_end }, { .on_data = cancel_data, .on_end = got_end },
	};

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct http_client_stats stats;
		struct dv_err e = DV_ERR_NONE;
		struct world w;
		struct got g;

		world_open(&w, &ways[i], NULL);
		for (size_t k = 0; k < ARRAY_LEN(all); k++) {
			auto_free char *url = mem_printf("%s/big?n=1000000", w.base);

			g = (struct got){ .w = &w };
			assert_ok(http_fetch_start(w.client, &(struct http_fetch_want){ .url = url, .unix_path = w.unix_path }, &all[k],
						   &g, &g.f, &e), &e);
			w.n_left++;
			run(&w);
			assert_false(g.ended);
		}
		http_client_stats(w.client, &stats);
		assert_int_equal(stats.fetches, 0);
		begin(&w, &g, "/hello", (struct http_fetch_want){ 0 });
		run(&w);
		expect_body(&g, 200, "hello");
		world_close(&w);
	}
}

static void test_client_free(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct got g[12], first;
		struct world w;

		world_open(&w, &ways[i], NULL);
		for (int k = 0; k < 12; k++)
			begin(&w, &g[k], k % 2 ? "/stall" : "/echo", (struct http_fetch_want){ .method = "POST", .stream = true,
			      .stream_len = -1 });
		w.n_left = 0;
		/* most while they run, those of the unix socket before anything has happened */
		if (!w.unix_path) {
			begin(&w, &first, "", (struct http_fetch_want){ .url = "http://127.0.0.1:1/" });
			run(&w);
			expect_error(&first, DV_UNAVAILABLE, "Connection refused");
		}
		world_close(&w);
		for (int k = 0; k < 12; k++) {
			assert_false(g[k].ended);
			buf_done(&g[k].body);
		}
	}
}

static void test_idle(void **state)
{
	struct http_client_stats stats;
	struct dv_err e = DV_ERR_NONE;
	struct world w;
	struct got g;

	world_open(&w, &ways[0], &(struct http_client_options){ .idle_timeout_ms = 20 });
	begin(&w, &g, "/hello", (struct http_fetch_want){ 0 });
	run(&w);
	expect_body(&g, 200, "hello");
	do {
		loop_arm(w.late, 20);
		assert_int_equal(loop_run(w.loop, &e), 1);
		http_client_stats(w.client, &stats);
	} while (stats.connections);
	assert_int_equal(stats.idle, 0);
	world_close(&w);
}

static int setup(void **state)
{
	unit_tmp_new(&tmp);
	for (size_t i = 0; i < PATTERN; i++)
		pattern[i] = (char)(i * 2654435761u >> 11);
	ca = testca_new("test ca");
	other = testca_new("other ca");
	testca_write(ca, tmp.fd, "ca.pem");
	testca_write(other, tmp.fd, "other.pem");
	testca_issue(ca, &(struct testca_want){ .name = "server", .sans = "DNS:localhost,IP:127.0.0.1" }, tmp.fd, "s.pem", "s.key");
	testca_issue(ca, &(struct testca_want){ .name = "alice" }, tmp.fd, "alice.pem", "alice.pem");
	return unit_start(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_bulk),
		cmocka_unit_test(test_parallel),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_wrong_length),
		cmocka_unit_test(test_redirects),
		cmocka_unit_test(test_redirect_credentials),
		cmocka_unit_test(test_upgrade),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_no_connection),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_unasked),
		cmocka_unit_test(test_h2_peers),
		cmocka_unit_test(test_cancel_in_callbacks),
		cmocka_unit_test(test_client_free),
		cmocka_unit_test(test_idle),
	};
	int r = cmocka_run_group_tests(tests, setup, unit_end);

	testca_free(ca);
	testca_free(other);
	unit_tmp_done(&tmp);
	return r;
}
