/* client.c - whatever a server may say to our client, over HTTP/1.1 and HTTP/2; the stream is memory.
 *
 * The first byte chooses the version, how the input is cut and whether the
 * stream ends behind it. Every request gets its end, once, or is cancelled.
 */
#include <string.h>
#include <sys/eventfd.h>

#include "base/str.h"
#include "fuzz.h"
#include "http/client_parts.h"

#define FETCHES 3

struct mem_io {
	struct http_io io;
	const char *p;
	size_t left, cut;
	bool ends, open;
};

static ssize_t mem_read(struct http_io *io, void *p, size_t n, struct dv_err *e)
{
	struct mem_io *m = container_of(io, struct mem_io, io);
	size_t now = DV_MIN(DV_MIN(n, m->left), m->cut);

	if (!m->left)
		return m->ends ? 0 : HTTP_IO_WAIT;
	memcpy(p, m->p, now);
	m->p += now;
	m->left -= now;
	return (ssize_t)now;
}

static ssize_t mem_write(struct http_io *io, const struct iovec *v, int n, struct dv_err *e)
{
	size_t all = 0;

	for (int i = 0; i < n; i++)
		all += v[i].iov_len;
	return (ssize_t)all;
}

static void mem_shutdown(struct http_io *io) {}

static void mem_close(struct http_io *io)
{
	struct mem_io *m = container_of(io, struct mem_io, io);

	FUZZ_CHECK(m->open);
	m->open = false;
}

static const struct http_io_ops mem_ops = {
	.read = mem_read, .write = mem_write, .shutdown = mem_shutdown, .close = mem_close, .scheme = "http",
};

/* --- fetches --- */

struct one {
	struct http_fetch *f;       /* NULL: it has ended */
	bool has_head, streams;
	uint64_t got;
};

static void on_head(void *state, struct http_fetch *f, const struct http_response *head)
{
	struct one *o = state;

	FUZZ_CHECK(o->f == f && !o->has_head);
	FUZZ_CHECK(head->status >= 200 && head->status <= 999);
	for (size_t i = 0; i < head->n_headers; i++)
		FUZZ_CHECK(http_name_valid(head->headers[i].name) && http_value_valid(head->headers[i].value));
	o->has_head = true;
}

static void on_data(void *state, struct http_fetch *f, const void *p, size_t n)
{
	struct one *o = state;

	FUZZ_CHECK(o->f == f && o->has_head && n);
	o->got += n;
	if (n % 7 == 6)
		http_fetch_pause(f);
	if (n % 11 == 10) {
		o->f = NULL;
		http_fetch_cancel(f);
	}
}

static void on_upgrade(void *state, struct http_fetch *f, struct http_io *io, const void *left, size_t n)
{
	struct one *o = state;

	FUZZ_CHECK(o->f == f);
	o->f = NULL;
	http_io_close(io);
}

static void on_end(void *state, struct http_fetch *f, const struct dv_err *e)
{
	struct one *o = state;
	const struct http_response *r = http_fetch_response(f);

	FUZZ_CHECK(o->f == f);
	FUZZ_CHECK(e ? e->kind != DV_OK && e->msg[0] : o->has_head);
	/* complete is complete */
	FUZZ_CHECK(e || r->body_length < 0 || o->got == (uint64_t)r->body_length);
	o->f = NULL;
}

static const struct http_fetch_ops ops = {
	.on_head = on_head, .on_data = on_data, .on_upgrade = on_upgrade, .on_end = on_end,
};

static void start(struct http_client *c, struct one *o, int which)
{
	static const struct http_fetch_want wants[FETCHES] = {
		{ .url = "http://a.test/", .redirects_max = 2, .upgrade = "x" },
		{ .url = "http://a.test/", .method = "HEAD" },
		{ .url = "http://a.test/", .method = "POST", .stream = true, .stream_len = -1 },
	};

	FUZZ_CHECK(http_fetch_start(c, &wants[which], &ops, o, &o->f, NULL) == 0);
	o->streams = wants[which].stream;
}

/* --- the connection --- */

static void on_timer(void *ctx) {}

static void on_stop(void *ctx)
{
	loop_stop(ctx, 0);
}

static struct cconn *conn_make(struct origin *o, struct mem_io *m, const struct cconn_proto *proto)
{
	struct cconn *n = mem_new(struct cconn);

	n->origin = o;
	n->client = o->client;
	list_init(&n->kick);
	list_init(&n->fetches);
	list_add_tail(&o->conns, &n->link);
	o->n_conns++;
	o->client->stats.connections++;
	n->timer = loop_add_timer(o->client->loop, on_timer, n);
	n->io = &m->io;
	n->proto = proto;
	n->want_read = true;
	FUZZ_CHECK(proto->start(n, NULL) == 0);
	return n;
}

static void drive(struct cconn *n, struct one *all)
{
	struct http_client *c = n->client;

	for (int i = 0; i < 200 && !n->dead; i++) {
		bool was_read = n->want_read;

		cconn_turn(n);
		for (int k = 0; k < FETCHES; k++) {
			if (all[k].f && all[k].streams && i == 2)
				http_fetch_end(all[k].f);
			else if (all[k].f && all[k].streams && i < 2)
				(void)http_fetch_write(all[k].f, "abc", 3);
			if (all[k].f)
				http_fetch_resume(all[k].f);
		}
		if (!was_read && !n->want_read && i > 20)
			break;
	}
	cconn_close(n);
	for (int k = 0; k < FETCHES; k++) {
		http_fetch_cancel(all[k].f);
		all[k].f = NULL;
	}
	client_sweep(c);
}

static struct http_client *client_get(struct loop **ret_loop, struct loop_source **ret_stop, int *ret_fd)
{
	static struct loop *l;
	static struct http_client *c;
	static struct loop_source *stop;
	static int fd;

	if (!c) {
		fd = eventfd(0, EFD_CLOEXEC);
		FUZZ_CHECK(fd >= 0 && loop_new(&l, NULL) == 0);
		FUZZ_CHECK(http_client_new(l, &(struct http_client_options){ .conns_max = 1 }, &c, NULL) == 0);
		stop = loop_add_task(l, on_stop, l);
	}
	*ret_loop = l;
	*ret_stop = stop;
	*ret_fd = fd;
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct one all[FETCHES] = { 0 };
	struct loop_source *stop;
	struct loop *l;
	int fd;
	struct http_client *c = client_get(&l, &stop, &fd);
	unsigned how = size ? data[0] : 0;
	struct mem_io m = { .io = { .ops = &mem_ops, .fd = fd }, .p = (const char *)data + 1, .left = size ? size - 1 : 0,
			    .cut = (size_t)1 << (how >> 4), .ends = how & 2, .open = true };
	struct cconn *n = NULL;

	for (int k = 0; k < FETCHES; k++)
		if (how & 1 || k == (int)(how >> 2 & 3) % FETCHES)
			start(c, &all[k], k);
	for (int k = 0; k < FETCHES && !n; k++)
		if (all[k].f)
			n = conn_make(all[k].f->origin, &m, how & 1 ? &cconn_h2 : &cconn_h1);
	FUZZ_CHECK(n);
	origin_pump(n->origin);
	drive(n, all);
	FUZZ_CHECK(!m.open);
	FUZZ_CHECK(c->stats.fetches == 0 && c->stats.connections == 0);
	/* what is left are origins without anything */
	loop_post(stop);
	FUZZ_CHECK(loop_run(l, NULL) == 0);
	return 0;
}
