/* h2.c - any bytes behind the preface into the HTTP/2 server; the stream is memory that takes what it likes.
 *
 * The first byte says how the input is cut, and how often the stream is full.
 * Whatever comes, every call that began has ended when the connection has.
 */
#include <string.h>

#include "base/str.h"
#include "fuzz.h"
#include "http/call.h"

struct mem_io {
	struct http_io io;
	unsigned every, n;          /* each every-th write has to wait; 0: none */
	uint64_t bytes;
};

static ssize_t mem_read(struct http_io *io, void *p, size_t n, struct dv_err *e)
{
	return HTTP_IO_WAIT;
}

static ssize_t mem_write(struct http_io *io, const struct iovec *v, int n, struct dv_err *e)
{
	struct mem_io *m = container_of(io, struct mem_io, io);

	if (m->every && ++m->n % m->every == 0)
		return HTTP_IO_WAIT;
	for (int i = 0; i < n; i++)
		if (v[i].iov_len) {
			m->bytes += v[i].iov_len / 2 + 1;
			return (ssize_t)(v[i].iov_len / 2 + 1);
		}
	return 0;
}

static void mem_shutdown(struct http_io *io) {}
static void mem_close(struct http_io *io) {}

static const struct http_io_ops mem_ops = {
	.read = mem_read, .write = mem_write, .shutdown = mem_shutdown, .close = mem_close, .scheme = "http",
};

static unsigned n_open;

static void on_data(void *state, struct http_call *c, const void *p, size_t n)
{
	if (n % 5 == 4)
		http_call_pause_body(c);
	(void)http_write(c, p, n);
}

static void on_end(void *state, struct http_call *c)
{
	http_end_trailers(c, &(struct http_header){ "x-end", "1" }, 1);
}

static void on_writable(void *state, struct http_call *c)
{
	http_call_resume_body(c);
}

static void on_close(void *state, struct http_call *c, bool complete)
{
	n_open--;
}

static const struct http_call_ops ops = { on_data, on_end, on_writable, on_close };

static void check_text(const char *s)
{
	FUZZ_CHECK(s);
	for (; *s; s++)
		FUZZ_CHECK((unsigned char)*s >= 0x20 || *s == '\t');
}

static void check_request(const struct http_request *r)
{
	FUZZ_CHECK(r->major == 2 && r->method_name[0] && http_name_valid(r->method_name));
	FUZZ_CHECK(r->path[0] == '/' || streq(r->path, "*") || r->method == HTTP_CONNECT);
	check_text(r->path);
	check_text(r->authority);
	for (size_t i = 0; i < r->n_headers; i++) {
		FUZZ_CHECK(http_name_valid(r->headers[i].name) && http_value_valid(r->headers[i].value));
		FUZZ_CHECK(!streq(r->headers[i].name, "connection") && !streq(r->headers[i].name, "transfer-encoding"));
	}
}

static void handler(void *ctx, struct http_call *c)
{
	const struct http_request *r = http_call_request(c);

	check_request(r);
	n_open++;
	http_call_attach(c, &ops, NULL);
	if (r->method == HTTP_DELETE)
		http_call_abort(c);
	else if (r->method == HTTP_GET)
		http_reply(c, 200, "text/plain", "hello", 5);
	else if (r->method != HTTP_PUT)
		http_respond(c, 200, NULL, 0, -1);
}

static struct http_server *server_get(void)
{
	static const struct http_server_options o = { .handler = handler, .streams_max = 8, .head_max_bytes = 4096 };
	static struct http_server *s;
	static struct loop *l;

	if (!s) {
		FUZZ_CHECK(loop_new(&l, NULL) == 0);
		FUZZ_CHECK(http_server_new(l, &o, &s, NULL) == 0);
	}
	return s;
}

static void feed(struct conn *c, const char *data, size_t n)
{
	if (!c->closing)
		h2_proto.on_input(c, data, n);
	if (!c->closing)
		h2_proto.on_kick(c);
	if (!c->closing && c->want_write)
		h2_proto.on_output(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mem_io m = { .io = { .ops = &mem_ops, .fd = -1 }, .every = size ? data[0] >> 4 : 0 };
	struct http_server *s = server_get();
	struct conn c = { .server = s, .io = &m.io, .proto = &h2_proto, .running = true };
	size_t cut = size ? (size_t)1 << (data[0] & 15) : 1;

	list_init(&c.link);
	list_init(&c.kick_link);
	h2_proto.start(&c);
	feed(&c, h2_proto.preface, strlen(h2_proto.preface));
	feed(&c, "\0\0\0\4\0\0\0\0\0", 9);
	for (size_t at = 1; at < size && !c.closing; at += cut)
		feed(&c, (const char *)data + at, DV_MIN(cut, size - at));
	if (!c.closing && size & 1)
		h2_proto.drain(&c);
	feed(&c, NULL, 0);
	h2_proto.stop(&c);
	list_remove(&c.link);
	list_remove(&c.kick_link);
	FUZZ_CHECK(n_open == 0);
	return 0;
}
