/* httpd.c - a server's connection under any bytes, cuts, stalls and failures, with handlers of every kind.
 *
 * The stream is made up: it gives the input in pieces, takes output in pieces,
 * now and then neither. The first byte is the seed of that. What the server
 * sends must be a row of well-formed answers (the last one perhaps cut off),
 * and every call must end exactly once.
 */
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/loop.h"
#include "base/str.h"
#include "fuzz.h"
#include "http/h1.h"
#include "http/server.h"

#define TURNS_MAX 300
#define CALLS_MAX 2000
#define OUT_MAX ((size_t)8 << 20)

static struct {
	struct http_io io;
	struct loop *loop;
	struct http_server *server;
	struct loop_source *task;
	const char *data;
	size_t n;
	uint32_t seed;
	unsigned turns, opened, ended;
	struct buf out;
	enum http_method methods[CALLS_MAX];
	unsigned n_methods;
	bool upgraded, drained;
} f;

static uint32_t next(void)
{
	f.seed = f.seed * 1664525 + 1013904223;
	return f.seed >> 8;
}

/* --- the stream --- */

static ssize_t fake_read(struct http_io *io, void *p, size_t n, struct dv_err *e)
{
	size_t piece = 1 + next() % (next() % 8 ? 40 : 4000);

	if (next() % 4 == 0)
		return HTTP_IO_WAIT;
	piece = DV_MIN(DV_MIN(piece, n), f.n);
	if (piece == 0)
		return next() % 8 ? HTTP_IO_WAIT : 0;
	memcpy(p, f.data, piece);
	f.data += piece;
	f.n -= piece;
	return (ssize_t)piece;
}

static ssize_t take(size_t n, struct dv_err *e)
{
	size_t some = 1 + next() % (next() % 2 ? 300 : 100000);

	if (next() % 500 == 0)
		return dv_fail(e, DV_IO, "made up");
	if (next() % 4 == 0)
		return HTTP_IO_WAIT;
	return (ssize_t)DV_MIN(n, some);
}

static ssize_t fake_write(struct http_io *io, const struct iovec *v, int n, struct dv_err *e)
{
	size_t all = 0, left;
	ssize_t r;

	for (int i = 0; i < n; i++)
		all += v[i].iov_len;
	FUZZ_CHECK(all > 0);
	r = take(all, e);
	left = r > 0 ? (size_t)r : 0;
	for (int i = 0; i < n && left; i++) {
		size_t now = DV_MIN(left, v[i].iov_len);

		buf_add(&f.out, v[i].iov_base, now);
		left -= now;
	}
	return r;
}

static ssize_t fake_sendfile(struct http_io *io, int file, off_t *offset, size_t n, struct dv_err *e)
{
	ssize_t r = take(n, e);

	for (ssize_t i = 0; i < r; i++)
		buf_char(&f.out, 'f');
	if (r > 0)
		*offset += r;
	return r;
}

static void fake_close(struct http_io *io)
{
	fd_close(&io->fd);
}

static const struct http_io_ops fake_ops = {
	.read = fake_read, .write = fake_write, .sendfile = fake_sendfile, .close = fake_close, .scheme = "http",
};

static int fake_make(void *ctx, int fd, struct http_io **ret, struct dv_err *e)
{
	f.io = (struct http_io){ &fake_ops, fd };
	*ret = &f.io;
	return 0;
}

/* --- handlers --- */

struct st {
	struct http_call *call;
	struct loop_source *timer;
	char what;
	unsigned writes;
	bool closed;
};

static void st_data(void *state, struct http_call *c, const void *p, size_t n)
{
	struct st *s = state;

	FUZZ_CHECK(n > 0 && !s->closed);
	if (s->what == 'c')
		(void)http_write(c, p, n);
	if (s->what == 'd' && next() % 2) {
		http_call_pause_body(c);
		loop_arm(s->timer, 0);
	}
	if (s->what == 'q')
		http_reply(c, 403, NULL, "enough", 6);
}

static void st_end(void *state, struct http_call *c)
{
	struct st *s = state;

	FUZZ_CHECK(!s->closed);
	if (s->what == 'c')
		http_end(c);
	else if (s->what == 'd' || s->what == 'o')
		http_reply(c, 200, NULL, "end", 3);
}

static void pour(struct st *s)
{
	static const char piece[5000] = { 'x' };

	while (s->writes++ < 100)
		if (!http_write(s->call, piece, sizeof piece))
			return;
	http_end(s->call);
}

static void st_writable(void *state, struct http_call *c)
{
	pour(state);
}

static void st_close(void *state, struct http_call *c, bool complete)
{
	struct st *s = state;

	FUZZ_CHECK(!s->closed);
	s->closed = true;
	f.ended++;
	http_write(c, "late", 4);
	http_end(c);
	loop_remove(s->timer);
	free(s);
}

static const struct http_call_ops st_ops = { st_data, st_end, st_writable, st_close };

static void st_due(void *ctx)
{
	struct st *s = ctx;

	if (s->what == 'e')
		http_reply(s->call, 200, "text/plain", "later", 5);
	else
		http_call_resume_body(s->call);
}

static void upgraded(void *state, struct http_io *io, const void *left, size_t n)
{
	f.upgraded = true;
	http_io_close(io);
}

static void release(void *ctx)
{
	free(ctx);
}

static void stream(struct http_call *c)
{
	static const struct http_header t[] = { { "X-T", "1" } };
	char *shared = mem_str("shared bytes");

	http_respond(c, 200, NULL, 0, -1);
	(void)http_write(c, "abc", 3);
	(void)http_write_shared(c, shared, strlen(shared), release, shared);
	http_end_trailers(c, t, 1);
}

static void file(struct http_call *c)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	http_respond(c, 200, NULL, 0, 3000);
	(void)http_write_file(c, fd, 0, 3000);
	http_end(c);
}

static void act(struct st *s, struct http_call *c)
{
	static const struct http_header up[] = { { "Upgrade", "x" } };

	switch (s->what) {
	case 'a': http_reply(c, 200, "text/plain", "small", 5); break;
	case 'b': stream(c); break;
	case 'c': http_respond(c, 200, NULL, 0, -1); break;
	case 'e': loop_arm(s->timer, 0); break;
	case 'f': file(c); break;
	case 'g': http_respond(c, 200, NULL, 0, -1); (void)http_write(c, "x", 1); http_call_abort(c); break;
	case 'j': dv_ignore(http_upgrade(c, up, 1, upgraded, NULL, NULL)); break;
	case 'k': http_respond(c, 200, NULL, 0, -1); pour(s); break;
	case 'l': http_respond(c, 200, NULL, 0, 9); (void)http_write(c, "x", 1); http_end(c); break;
	case 'm': http_respond(c, 103, NULL, 0, 0); http_reply(c, 204, NULL, NULL, 0); break;
	case 'n': http_call_close_after(c); http_reply(c, 200, NULL, "n", 1); break;
	case 'd': case 'h': case 'o': case 'q': break;
	default: http_reply(c, 404, NULL, NULL, 0); break;
	}
}

static void handler(void *ctx, struct http_call *c)
{
	struct st *s = mem_new(struct st);

	s->call = c;
	s->what = http_call_request(c)->path[0] ? http_call_request(c)->path[1] : 'j';
	s->timer = loop_add_timer(f.loop, st_due, s);
	f.opened++;
	FUZZ_CHECK(f.n_methods < CALLS_MAX);
	f.methods[f.n_methods++] = http_call_request(c)->method;
	if (s->what == 'o')
		http_call_set_body_max(c, 3);
	if (next() % 2) {
		act(s, c);
		http_call_attach(c, &st_ops, s);
	} else {
		http_call_attach(c, &st_ops, s);
		act(s, c);
	}
}

/* --- what was sent --- */

static void check_output(void)
{
	struct http_response r = { 0 };
	auto_arena struct arena a;
	const char *data = buf_cstr(&f.out), *piece;
	struct http_h1 p;
	size_t n = f.out.len, used, len;
	unsigned answers = 0;
	int ev;

	arena_init(&a, OUT_MAX * 4);
	http_h1_init(&p, true, NULL);
	do {
		http_h1_expect(&p, answers < f.n_methods ? f.methods[answers] : HTTP_GET);
		ev = http_h1_feed(&p, data, n, &used, &piece, &len, NULL);
		FUZZ_CHECK(ev >= 0);
		data += used;
		n -= used;
		if (ev == HTTP_H1_HEAD) {
			FUZZ_CHECK(http_h1_response(&p, &a, &r, NULL) == 0);
			answers += r.status >= 200 || r.status == 101;
		}
	} while (ev != HTTP_H1_MORE && r.status != 101);
	/* one for each call, and one more for what was no request */
	FUZZ_CHECK(answers <= f.n_methods + 1);
	http_h1_done(&p);
}

/* --- a run --- */

static void done(void *ctx)
{
	f.drained = true;
	loop_stop(f.loop, 0);
}

static void on_turn(void *ctx)
{
	struct http_server_stats st;

	http_server_stats(f.server, &st);
	if (++f.turns == TURNS_MAX || st.connections == 0)
		http_server_drain(f.server, 0, done, NULL);
	else
		loop_post(f.task);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct http_server_options o = {
		.handler = handler, .head_max_bytes = 2000, .out_high_bytes = 20000, .body_max_bytes = 100000,
	};
	static const struct http_io_maker maker = { .make = fake_make };
	int pair[2];

	if (size < 2 || size > 20000)
		return 0;
	memset(&f, 0, sizeof f);
	f.seed = data[0];
	f.data = (const char *)data + 1;
	f.n = size - 1;
	f.out = BUF_INIT(OUT_MAX);
	/* always readable and writable: what happens is up to the stream */
	FUZZ_CHECK(fd_socketpair(SOCK_STREAM, pair, NULL) == 0 && write(pair[1], "x", 1) == 1);
	FUZZ_CHECK(loop_new(&f.loop, NULL) == 0 && http_server_new(f.loop, &o, &f.server, NULL) == 0);
	FUZZ_CHECK(http_server_serve_fd(f.server, pair[0], &maker, NULL) == 0);
	f.task = loop_add_task(f.loop, on_turn, NULL);
	loop_post(f.task);
	FUZZ_CHECK(loop_run(f.loop, NULL) == 0 && f.drained);
	http_server_free(f.server);
	FUZZ_CHECK(f.opened == f.ended);
	loop_free(f.loop);
	fd_close(&pair[1]);
	check_output();
	buf_done(&f.out);
	return 0;
}
