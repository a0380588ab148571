/* server_flow_test.c - back-pressure both ways, timeouts, limits, and what connections cost. */
#include <malloc.h>
#include <sys/resource.h>
#include <time.h>

#include "http/server_unit.h"

#define MIB ((size_t)1 << 20)

static struct served served;

static void note_close(void *state, struct http_call *c, bool complete)
{
	served_event(&served, complete ? 'c' : 'i');
}

/* --- uploads: a handler that pauses after each MiB --- */

static struct {
	struct loop_source *timer;
	struct http_call *call;
	size_t got, since_pause, most_behind;
	unsigned pauses;
} slow;

static void slow_resume(void *ctx)
{
	struct http_server_stats st;

	/* what the server has read and the handler was not given */
	http_server_stats(served.server, &st);
	slow.most_behind = DV_MAX(slow.most_behind, (size_t)st.in_bytes - slow.got);
	slow.since_pause = 0;
	http_call_resume_body(slow.call);
}

static void slow_data(void *state, struct http_call *c, const void *p, size_t n)
{
	slow.got += n;
	slow.since_pause += n;
	if (slow.since_pause < MIB)
		return;
	slow.pauses++;
	http_call_pause_body(c);
	loop_arm(slow.timer, 0);
}

static void slow_end(void *state, struct http_call *c)
{
	http_reply(c, 200, NULL, "all", 3);
}

static const struct http_call_ops slow_ops = { .on_data = slow_data, .on_end = slow_end, .on_close = note_close };

static void slow_handler(void *ctx, struct http_call *c)
{
	memset(&slow, 0, sizeof slow);
	slow.call = c;
	slow.timer = loop_add_timer(http_call_loop(c), slow_resume, NULL);
	http_call_attach(c, &slow_ops, NULL);
}

static void upload(const char *head, bool chunked, size_t total)
{
	const struct http_server_options o = { .handler = slow_handler, .body_max_bytes = UINT64_MAX };
	auto_buf struct buf in = BUF_INIT(1 << 16);
	auto_free char *piece = mem_alloc(MIB);
	auto_close int fd = -1;

	served_start(&served, &o);
	fd = client_connect(&served);
	client_text(fd, head);
	for (size_t at = 0; at < total; at += MIB) {
		if (chunked)
			client_text(fd, "100000\r\n");
		client_send(fd, piece, MIB);
		if (chunked)
			client_text(fd, "\r\n");
	}
	if (chunked)
		client_text(fd, "0\r\n\r\n");
	client_until(fd, &in, "\r\n\r\nall");
	expect_event(&served, 'c');
	served_end(&served);
}

static void test_upload_to_a_slow_handler(void **state)
{
	upload("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 104857600\r\n\r\n", false, 100 * MIB);
	assert_int_equal(slow.got, 100 * MIB);
	assert_in_range(slow.pauses, 50, 100);
	/* one reading at most, and heads of chunks */
	assert_in_range(slow.most_behind, 0, 66000);
	upload("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", true, 20 * MIB);
	assert_int_equal(slow.got, 20 * MIB);
	assert_in_range(slow.most_behind, 0, 66000);
}

/* While it is paused nothing is read at all: the sender is stopped by the kernel. */
static void pause_data(void *state, struct http_call *c, const void *p, size_t n)
{
	http_call_pause_body(c);
	served_event(&served, 'p');
}

static void pause_handler(void *ctx, struct http_call *c)
{
	static const struct http_call_ops ops = { .on_data = pause_data, .on_close = note_close };

	http_call_attach(c, &ops, NULL);
}

static void test_a_paused_body_is_not_read(void **state)
{
	const struct http_server_options o = { .handler = pause_handler, .body_max_bytes = UINT64_MAX };
	auto_free char *piece = mem_alloc(MIB);
	const struct linger reset = { .l_onoff = 1 };
	struct pollfd pf = { .events = POLLOUT };
	struct http_server_stats st;
	size_t sent = 0;
	ssize_t n;

	served_start(&served, &o);
	pf.fd = client_connect(&served);
	client_text(pf.fd, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\nx");
	expect_event(&served, 'p');
	while ((n = send(pf.fd, piece, MIB, MSG_DONTWAIT)) > 0 || poll(&pf, 1, 100) == 1)
		sent += n > 0 ? (size_t)n : 0;
	assert_true(sent > 0 && sent < 100 * MIB);
	st = served_stats(&served);
	assert_in_range(st.in_bytes, 1, 70000);
	/* and the time it takes is nobody's fault: no timeout runs; but that it breaks off is noticed */
	assert_int_equal(setsockopt(pf.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
	fd_close(&pf.fd);
	expect_event(&served, 'i');
	served_end(&served);
}

/* --- downloads: as much as the client takes, and no more --- */

static struct {
	size_t left, most_queued;
	unsigned writables;
} big;

static void big_write(void *state, struct http_call *c)
{
	static char piece[10000];
	bool go_on = true;

	big.writables++;
	while (go_on && big.left) {
		size_t n = DV_MIN(big.left, sizeof piece);

		big.left -= n;
		go_on = http_write(c, piece, n);
		big.most_queued = DV_MAX(big.most_queued, http_call_queued(c));
	}
	if (!big.left)
		http_end(c);
}

static void big_handler(void *ctx, struct http_call *c)
{
	static const struct http_call_ops ops = { .on_writable = big_write, .on_close = note_close };
	const char *path = http_call_request(c)->path;

	memset(&big, 0, sizeof big);
	big.left = streq(path, "/endless") ? SIZE_MAX : 100 * MIB;
	http_call_attach(c, &ops, NULL);
	http_respond(c, 200, NULL, 0, -1);
	big_write(NULL, c);
}

static void test_download_in_portions(void **state)
{
	const struct http_server_options o = { .handler = big_handler };
	auto_close int fd = -1;
	static char b[1 << 18];
	size_t got = 0;
	ssize_t n;

	served_start(&served, &o);
	fd = client_connect(&served);
	client_text(fd, "GET / HTTP/1.0\r\n\r\n");
	while ((n = recv(fd, b, sizeof b, 0)) > 0)
		got += (size_t)n;
	assert_int_equal(n, 0);
	assert_in_range(got, 100 * MIB, 100 * MIB + 200);
	assert_true(big.writables > 100);
	assert_in_range(big.most_queued, 200000, (256 << 10) + 10100);
	expect_event(&served, 'c');
	served_end(&served);
}

static void test_a_client_that_does_not_read(void **state)
{
	const struct http_server_options o = { .handler = big_handler, .write_timeout_ms = 100 };
	auto_close int fd = -1;

	served_start(&served, &o);
	fd = client_connect(&served);
	client_text(fd, "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_event(&served, 'i');
	assert_in_range(big.most_queued, 200000, (256 << 10) + 10100);
	assert_int_equal(served_stats(&served).timed_out, 1);
	served_end(&served);
}

/* A handler that writes on all the same is cut off; what it lent is given back. */
static int lent;

static void give_back(void *ctx)
{
	(*(int *)ctx)--;
}

static void greedy_handler(void *ctx, struct http_call *c)
{
	static const struct http_call_ops ops = { .on_close = note_close };
	static char piece[100000];
	unsigned i;

	http_call_attach(c, &ops, NULL);
	http_respond(c, 200, NULL, 0, -1);
	for (i = 0; i < 100; i++) {
		lent++;
		http_write_shared(c, piece, sizeof piece, give_back, &lent);
	}
	/* longer than allowed: it was broken off before, and the rest went nowhere */
	assert_true(lent < 100);
}

static void test_a_handler_that_does_not_stop(void **state)
{
	const struct http_server_options o = { .handler = greedy_handler, .out_max_bytes = MIB };
	auto_buf struct buf in = BUF_INIT(1 << 24);
	auto_close int fd = -1;

	served_start(&served, &o);
	fd = client_connect(&served);
	client_text(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_event(&served, 'i');
	assert_true(client_rest(fd, &in));
	served_end(&served);
	assert_int_equal(lent, 0);
}

/* Files larger than what fits anywhere, to a reader that comes late. */
static int sparse_fd = -1;

static void file_handler(void *ctx, struct http_call *c)
{
	int fd;

	assert_int_equal(fd_dup(sparse_fd, &fd, NULL), 0);
	http_respond(c, 200, NULL, 0, 50 * MIB + 1);
	http_write_file(c, fd, 5, 50 * MIB);
	http_write(c, "e", 1);
	http_end(c);
}

static void test_files(void **state)
{
	const struct http_server_options o = { .handler = file_handler };
	static char b[1 << 18];
	char name[] = "/tmp/unit.file.XXXXXX";
	auto_close int fd = -1;
	size_t got = 0;
	ssize_t n;

	sparse_fd = mkostemp(name, O_CLOEXEC);
	assert_true(sparse_fd >= 0);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(ftruncate(sparse_fd, (off_t)(50 * MIB + 5)), 0);
	served_start(&served, &o);
	fd = client_connect(&served);
	client_text(fd, "GET / HTTP/1.0\r\n\r\n");
	while ((n = recv(fd, b, sizeof b, 0)) > 0) {
		got += (size_t)n;
		assert_true(got < 50 * MIB || b[n - 1] == 'e' || got <= 50 * MIB + 300);
	}
	assert_in_range(got, 50 * MIB + 50, 50 * MIB + 300);
	/* a file that is shorter than announced cannot look complete */
	assert_int_equal(ftruncate(sparse_fd, 1000), 0);
	fd_close(&fd);
	fd = client_connect(&served);
	client_text(fd, "GET / HTTP/1.0\r\n\r\n");
	while ((n = recv(fd, b, sizeof b, 0)) > 0)
		;
	assert_int_equal(n, -1);
	assert_int_equal(errno, ECONNRESET);
	served_end(&served);
	fd_close(&sparse_fd);
}

/* --- timeouts --- */

static void hello_handler(void *ctx, struct http_call *c)
{
	if (streq(http_call_request(c)->path, "/take"))
		slow_handler(ctx, c);
	else
		http_reply(c, 200, NULL, "hello", 5);
}

static void test_timeouts(void **state)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "", "" },
		{ "GET / HTTP/1.1\r\nHost", "HTTP/1.1 408 Request Timeout\r\n" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / H", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 408 Request Timeout\r\n" },
		{ "PUT /take HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc", "HTTP/1.1 408 Request Timeout\r\n" },
		{ "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 408 Request Timeout\r\n" },
	};
	const struct http_server_options o = {
		.handler = hello_handler, .head_timeout_ms = 600, .idle_timeout_ms = 800, .body_timeout_ms = 700,
	};
	int fds[ARRAY_LEN(cases)];

	served_start(&served, &o);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		fds[i] = client_connect(&served);
		client_text(fds[i], cases[i].text);
	}
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_buf struct buf in = BUF_INIT(1 << 16);

		(void)client_rest(fds[i], &in);
		client_drop_dates(&in);
		fd_close(&fds[i]);
		if (!str_starts(buf_cstr(&in), cases[i].want) || (!*cases[i].want && in.len))
			fail_msg("%s gave %s", cases[i].text, buf_cstr(&in));
	}
	assert_true(served_stats(&served).timed_out >= ARRAY_LEN(cases));
	served_end(&served);
}

/* A head that keeps coming a byte at a time ends when its time is over, not a byte later. */
static void test_slow_head(void **state)
{
	const struct http_server_options o = { .handler = hello_handler, .head_timeout_ms = 150 };
	auto_buf struct buf in = BUF_INIT(1 << 16);
	struct pollfd pf = { .events = POLLIN };
	int64_t end = deadline_in(PATIENCE_MS);

	served_start(&served, &o);
	pf.fd = client_connect(&served);
	client_text(pf.fd, "GET / HTTP/1.1\r\nX: ");
	/* every few milliseconds one more, until there is an answer */
	while (poll(&pf, 1, 5) == 0 && deadline_left(end) > 0)
		client_text(pf.fd, "x");
	client_until(pf.fd, &in, "408 Request Timeout");
	assert_int_equal(served_stats(&served).timed_out, 1);
	fd_close(&pf.fd);
	served_end(&served);
}

/* --- limits --- */

static void test_connections_max(void **state)
{
	const struct http_server_options o = { .handler = hello_handler, .connections_max = 2 };
	auto_buf struct buf in = BUF_INIT(1 << 16), third = BUF_INIT(1 << 16), gone = BUF_INIT(1 << 16);
	auto_close int a = -1, b = -1, c = -1, d = -1;

	served_start(&served, &o);
	a = client_connect(&served);
	client_text(a, "GET / HT");
	b = client_connect(&served);
	client_text(b, "GET / HT");
	while (served_stats(&served).connections < 2)
		;
	c = client_connect(&served);
	client_until(c, &third, "\r\n\r\n");
	assert_true(str_starts(buf_cstr(&third), "HTTP/1.1 503 Service Unavailable\r\n"));
	assert_int_equal(served_stats(&served).refused, 1);
	/* one that is idle makes room */
	client_text(a, "TP/1.1\r\nHost: a\r\n\r\n");
	client_until(a, &in, "hello");
	d = client_connect(&served);
	assert_false(client_rest(a, &gone));
	client_text(d, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	buf_reset(&in);
	client_until(d, &in, "hello");
	served_end(&served);
}

static void test_per_peer_max(void **state)
{
	const struct http_server_options o = { .handler = hello_handler, .per_peer_max = 2 };
	auto_buf struct buf in = BUF_INIT(1 << 16);
	int fds[3];

	served_start(&served, &o);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 2; i++) {
			fds[i] = client_connect(&served);
			client_text(fds[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
			buf_reset(&in);
			client_until(fds[i], &in, "200 OK");
		}
		fds[2] = client_connect(&served);
		buf_reset(&in);
		client_until(fds[2], &in, "503 Service");
		for (int i = 0; i < 3; i++)
			fd_close(&fds[i]);
		while (served_stats(&served).connections)
			;
		assert_int_equal(served_stats(&served).refused, round + 1);
	}
	served_end(&served);
}

static double thread_cpu(pthread_t t)
{
	struct timespec ts;
	clockid_t clock;

	assert_int_equal(pthread_getcpuclockid(t, &clock), 0);
	assert_int_equal(clock_gettime(clock, &ts), 0);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* No descriptor is left for a connection: it waits, the loop does not spin, and it is served when one is free. */
static void test_no_descriptors(void **state)
{
	const struct http_server_options o = { .handler = hello_handler };
	auto_buf struct buf in = BUF_INIT(1 << 16);
	struct rlimit before, low;
	struct pollfd pf = { .events = POLLIN };
	double cpu;

	served_start(&served, &o);
	/* the lowest free number is for the client's end; the next one would be the server's, and is not allowed */
	assert_int_equal(fd_dup(served.stop[0], &pf.fd, NULL), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = before;
	low.rlim_cur = (rlim_t)pf.fd + 1;
	fd_close(&pf.fd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	pf.fd = client_connect(&served);
	cpu = thread_cpu(served.thread);
	client_text(pf.fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(poll(&pf, 1, 300), 0);
	assert_true(thread_cpu(served.thread) - cpu < 0.05);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	client_until(pf.fd, &in, "hello");
	fd_close(&pf.fd);
	served_end(&served);
}

/* --- what a connection costs --- */

static void hang_handler(void *ctx, struct http_call *c)
{
	static const struct http_call_ops ops = { .on_close = note_close };

	http_call_attach(c, &ops, NULL);
	http_respond(c, 200, NULL, 0, -1);
	http_write(c, "{}\n", 3);
	served_event(&served, 'w');
}

#define WATCHES 1000

static void test_memory_of_watches(void **state)
{
	const struct http_server_options o = { .handler = hang_handler };
	const struct rlimit many = { 4096, 20000 };
	auto_buf struct buf in = BUF_INIT(1 << 16);
	static int fds[WATCHES];
	size_t before, each;

	(void)setrlimit(RLIMIT_NOFILE, &many);
	served_start(&served, &o);
	/* the pools of the server are there before the count begins */
	fds[0] = client_connect(&served);
	client_text(fds[0], "GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
	client_until(fds[0], &in, "{}\n");
	before = mallinfo2().uordblks;
	for (int i = 1; i < WATCHES; i++) {
		fds[i] = client_connect(&served);
		client_text(fds[i], "GET /api/v1/namespaces/default/pods?watch=true&resourceVersion=12345&timeoutSeconds=500 HTTP/1.1\r\n"
			    "Host: 127.0.0.1:6443\r\nUser-Agent: kubelet/v1.30.0 (linux/amd64)\r\nAccept: application/json\r\n"
			    "Accept-Encoding: gzip\r\nAuthorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789\r\n\r\n");
		buf_reset(&in);
		client_until(fds[i], &in, "{}\n");
	}
	each = (mallinfo2().uordblks - before) / (WATCHES - 1);
	for (int i = 0; i < WATCHES; i++)
		expect_event(&served, 'w');
	assert_int_equal(served_stats(&served).calls, WATCHES);
	print_message("# %zu bytes for a watch with a head of 300\n", each);
#ifndef __SANITIZE_ADDRESS__
	/* 330 of them are the request itself */
	assert_in_range(each, 300, 1400);
#endif
	for (int i = 0; i < WATCHES; i++)
		fd_close(&fds[i]);
	for (int i = 0; i < WATCHES; i++)
		expect_event(&served, 'i');
	served_end(&served);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_upload_to_a_slow_handler), cmocka_unit_test(test_a_paused_body_is_not_read),
		cmocka_unit_test(test_download_in_portions), cmocka_unit_test(test_a_client_that_does_not_read),
		cmocka_unit_test(test_a_handler_that_does_not_stop), cmocka_unit_test(test_files),
		cmocka_unit_test(test_timeouts), cmocka_unit_test(test_slow_head),
		cmocka_unit_test(test_connections_max), cmocka_unit_test(test_per_peer_max),
		cmocka_unit_test(test_no_descriptors), cmocka_unit_test(test_memory_of_watches),
	};

	/* mallinfo2() knows the main arena only: let there be no other */
	(void)mallopt(M_ARENA_MAX, 1);
	return unit_run(tests);
}
