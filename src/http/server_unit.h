/* server_unit.h - for tests: a server on a thread of its own, and raw sockets as its clients.
 *
 * What its handlers see goes as bytes into a pipe ("events"), which the tests
 * read with a deadline: nothing waits for a time to pass.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/deadline.h"
#include "base/loop.h"
#include "base/str.h"
#include "base/unit.h"
#include "http/server.h"

#define PATIENCE_MS 20000

struct served {
	struct loop *loop;
	struct http_server *server;
	pthread_t thread;
	int stop[2], events[2], tasks[2];
	uint16_t port;
	char bound[HTTP_ADDR_TEXT_MAX];
};

/* Something that must happen on the server's thread. */
struct served_task {
	void (*run)(struct served *s, void *ctx);
	void *ctx;
	int done[2];
};

static inline void served_event(struct served *s, char what)
{
	assert_int_equal(write(s->events[1], &what, 1), 1);
}

static inline void served_on_stop(void *ctx, int fd, uint32_t events)
{
	loop_stop(ctx, 0);
}

static inline void served_on_task(void *ctx, int fd, uint32_t events)
{
	struct served_task *t;

	assert_int_equal(read(fd, &t, sizeof t), sizeof t);
	t->run(ctx, t->ctx);
	assert_int_equal(write(t->done[1], "x", 1), 1);
}

static inline void *served_main(void *ctx)
{
	struct served *s = ctx;

	assert_int_equal(loop_run(s->loop, NULL), 0);
	return NULL;
}

/* Before the thread runs: a test may add listeners and the like between. */
static inline void served_init(struct served *s, const struct http_server_options *options)
{
	struct dv_err e = DV_ERR_NONE;
	const char *colon;

	memset(s, 0, sizeof *s);
	assert_ok(loop_new(&s->loop, &e), &e);
	assert_ok(fd_pipe(s->stop, &e), &e);
	assert_ok(fd_pipe(s->events, &e), &e);
	assert_ok(fd_pipe(s->tasks, &e), &e);
	assert_ok(loop_add_fd(s->loop, s->stop[0], EPOLLIN, served_on_stop, s->loop, NULL, &e), &e);
	assert_ok(loop_add_fd(s->loop, s->tasks[0], EPOLLIN, served_on_task, s, NULL, &e), &e);
	assert_ok(http_server_new(s->loop, options, &s->server, &e), &e);
	assert_ok(http_server_listen(s->server, "127.0.0.1:0", NULL, s->bound, &e), &e);
	colon = strrchr(s->bound, ':');
	assert_non_null(colon);
	for (colon++; *colon; colon++)
		s->port = (uint16_t)(s->port * 10 + (*colon - '0'));
}

static inline void served_run(struct served *s)
{
	assert_int_equal(pthread_create(&s->thread, NULL, served_main, s), 0);
}

static inline void served_start(struct served *s, const struct http_server_options *options)
{
	served_init(s, options);
	served_run(s);
}

static inline void served_stop(struct served *s)
{
	assert_int_equal(write(s->stop[1], "x", 1), 1);
	assert_int_equal(pthread_join(s->thread, NULL), 0);
}

static inline void served_end(struct served *s)
{
	served_stop(s);
	http_server_free(s->server);
	loop_free(s->loop);
	for (int i = 0; i < 2; i++) {
		fd_close(&s->stop[i]);
		fd_close(&s->events[i]);
		fd_close(&s->tasks[i]);
	}
}

/* Runs it on the server's thread and waits. */
static inline void served_call(struct served *s, void (*run)(struct served *s, void *ctx), void *ctx)
{
	struct served_task t = { run, ctx, { -1, -1 } }, *p = &t;
	char c;

	assert_int_equal(fd_pipe(t.done, NULL), 0);
	assert_int_equal(write(s->tasks[1], &p, sizeof p), sizeof p);
	assert_int_equal(read(t.done[0], &c, 1), 1);
	fd_close(&t.done[0]);
	fd_close(&t.done[1]);
}

static inline void served_get_stats(struct served *s, void *ctx)
{
	http_server_stats(s->server, ctx);
}

static inline struct http_server_stats served_stats(struct served *s)
{
	struct http_server_stats st;

	served_call(s, served_get_stats, &st);
	return st;
}

/* The next event is this one. */
static inline void expect_event(struct served *s, char what)
{
	struct pollfd pf = { .fd = s->events[0], .events = POLLIN };
	char c;

	if (poll(&pf, 1, PATIENCE_MS) != 1)
		fail_msg("waited for event %c", what);
	assert_int_equal(read(s->events[0], &c, 1), 1);
	if (c != what)
		fail_msg("event %c, not %c", c, what);
}

/* --- clients --- */

static inline int client_connect(const struct served *s)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(s->port) };
	struct dv_err e = DV_ERR_NONE;
	int fd;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_ok(fd_socket(AF_INET, SOCK_STREAM, 0, &fd, &e), &e);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static inline void client_send(int fd, const char *data, size_t n)
{
	while (n) {
		ssize_t put = send(fd, data, n, MSG_NOSIGNAL);

		assert_true(put > 0);
		data += put;
		n -= (size_t)put;
	}
}

static inline void client_text(int fd, const char *text)
{
	client_send(fd, text, strlen(text));
}

/* Some more bytes; false at the end (or at a reset, which *ret_reset tells). */
static inline bool client_more(int fd, struct buf *in, bool *ret_reset)
{
	struct pollfd pf = { .fd = fd, .events = POLLIN };
	char *room = buf_room(in, 4096);
	ssize_t n;

	if (poll(&pf, 1, PATIENCE_MS) != 1)
		fail_msg("no answer; so far: %s", buf_cstr(in));
	n = recv(fd, room, 4096, 0);
	if (n < 0)
		assert_int_equal(errno, ECONNRESET);
	if (ret_reset)
		*ret_reset = n < 0;
	if (n <= 0)
		return false;
	in->len += (size_t)n;
	in->p[in->len] = '\0';
	return true;
}

/* Until `what` is there. */
static inline void client_until(int fd, struct buf *in, const char *what)
{
	while (!strstr(buf_cstr(in), what))
		if (!client_more(fd, in, NULL))
			fail_msg("the end instead of %s; so far: %s", what, buf_cstr(in));
}

/* Until the connection ends. True: by a reset. */
static inline bool client_rest(int fd, struct buf *in)
{
	bool reset = false;

	while (client_more(fd, in, &reset))
		;
	return reset;
}

/* The Date headers out of it: they are there, and the rest can be compared. */
static inline void client_drop_dates(struct buf *in)
{
	char *at;

	while (in->p && (at = strstr(in->p, "\r\nDate: "))) {
		assert_memory_equal(at + strlen("\r\nDate: ") + HTTP_DATE_LEN, "\r\n", 2);
		memmove(at, at + strlen("\r\nDate: ") + HTTP_DATE_LEN,
			strlen(at) + 1 - strlen("\r\nDate: ") - HTTP_DATE_LEN);
		in->len = strlen(in->p);
	}
}

/* One connection: sends text, takes all that comes. Free with free(). */
static inline char *client_exchange(const struct served *s, const char *text, size_t n, size_t piece)
{
	auto_buf struct buf in = BUF_INIT(1 << 26);
	auto_close int fd = client_connect(s);

	for (size_t at = 0; at < n; at += piece)
		client_send(fd, text + at, DV_MIN(piece, n - at));
	(void)client_rest(fd, &in);
	client_drop_dates(&in);
	return buf_take(&in);
}
