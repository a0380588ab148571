/* tls_test.c - TLS streams between a client and a server in one thread, over socket pairs. */
#include <malloc.h>
#include <sys/socket.h>

#include "base/loop.h"
#include "base/str.h"
#include "base/unit.h"
#include "http/testca.h"
#include "http/tls.h"

static struct unit_tmp tmp;
static struct testca *ca, *middle, *other;

static const char *path(const char *name)
{
	static char room[8][128];
	static unsigned at;
	char *p = room[at++ % ARRAY_LEN(room)];

	(void)snprintf(p, sizeof room[0], "%s/%s", tmp.path, name);
	return p;
}

/* --- two ends --- */

struct ends {
	struct tls_server *server;
	struct tls_client *client;
	struct http_io *s, *c;
};

static void open_sockets(struct ends *x, const char *host, unsigned offers)
{
	struct dv_err e = DV_ERR_NONE;
	struct http_io_maker maker = tls_server_maker(x->server);
	int fds[2];

	assert_ok(fd_socketpair(SOCK_STREAM, fds, &e), &e);
	assert_ok(fd_set_nonblock(fds[0], true, &e), &e);
	assert_ok(fd_set_nonblock(fds[1], true, &e), &e);
	assert_ok(maker.make(maker.ctx, fds[0], &x->s, &e), &e);
	assert_ok(tls_client_io(x->client, fds[1], host, offers, &x->c, &e), &e);
}

static void close_sockets(struct ends *x)
{
	if (x->s)
		x->s->ops->close(x->s);
	if (x->c)
		x->c->ops->close(x->c);
	x->s = x->c = NULL;
}

static void open_ends(struct ends *x, const struct tls_server_conf *s, const struct tls_client_conf *c)
{
	struct dv_err e = DV_ERR_NONE;

	*x = (struct ends){ 0 };
	assert_ok(tls_server_new(s, &x->server, &e), &e);
	assert_ok(tls_client_new(c, &x->client, &e), &e);
}

static void close_ends(struct ends *x)
{
	close_sockets(x);
	tls_server_free(x->server);
	tls_client_free(x->client);
}

static ssize_t put(struct http_io *io, const char *text, struct dv_err *e)
{
	struct iovec v = { (void *)text, strlen(text) };

	return http_io_write(io, &v, 1, e);
}

/* Both ends send "hello" and read until they have it or fail. Results are 5, 0 or a negative kind. */
static void greet(struct ends *x, int *ret_server, struct dv_err *server_e, int *ret_client, struct dv_err *client_e)
{
	struct { struct http_io *io; struct dv_err *e; bool sent; ssize_t r; } side[2] = {
		{ .io = x->c, .e = client_e, .r = HTTP_IO_WAIT }, { .io = x->s, .e = server_e, .r = HTTP_IO_WAIT },
	};
	char got[8];

	for (int round = 0; round < 40; round++) {
		typeof(side[0]) *it = &side[round % 2];
		ssize_t r;

		if (it->r != HTTP_IO_WAIT)
			continue;
		r = it->sent ? 5 : put(it->io, "hello", it->e);
		it->sent |= r == 5;
		if (r > 0 || r == HTTP_IO_WAIT)
			r = http_io_read(it->io, got, sizeof got, it->e);
		it->r = r;
	}
	assert_int_not_equal(side[0].r, HTTP_IO_WAIT);
	assert_int_not_equal(side[1].r, HTTP_IO_WAIT);
	*ret_client = (int)side[0].r;
	*ret_server = (int)side[1].r;
}

static void expect_greeting(struct ends *x)
{
	struct dv_err se = DV_ERR_NONE, ce = DV_ERR_NONE;
	int s, c;

	greet(x, &s, &se, &c, &ce);
	if (s != 5 || c != 5)
		fail_msg("server: %s; client: %s", se.msg, ce.msg);
}

static int setup(void **state)
{
	unit_tmp_new(&tmp);
	ca = testca_new("test ca");
	middle = testca_below(ca, "middle ca");
	other = testca_new("other ca");
	testca_write(ca, tmp.fd, "ca.pem");
	testca_write(other, tmp.fd, "other.pem");
	testca_issue(ca, &(struct testca_want){ .name = "server", .sans = "DNS:localhost,DNS:*.pods.test,IP:127.0.0.1,IP:::1" },
		     tmp.fd, "s.pem", "s.key");
	return unit_start(state);
}

static int teardown(void **state)
{
	testca_free(ca);
	testca_free(middle);
	testca_free(other);
	unit_tmp_done(&tmp);
	return 0;
}

#define SERVER_OF(cert, key, ...) (&(struct tls_server_conf){ .cert_file = path(cert), .key_file = path(key), __VA_ARGS__ })
#define SERVER(...) SERVER_OF("s.pem", "s.key", __VA_ARGS__)
#define CLIENT(...) (&(struct tls_client_conf){ .ca_file = path("ca.pem"), .no_system_cas = true, __VA_ARGS__ })

/* --- tests --- */

static void test_alpn(void **state)
{
	static const struct { bool no_h2; unsigned offers; const char *want; } cases[] = {
		{ false, TLS_OFFER_H1 | TLS_OFFER_H2, "h2" },
		{ false, TLS_OFFER_H1, "http/1.1" },
		{ true, TLS_OFFER_H1 | TLS_OFFER_H2, "http/1.1" },
		{ false, 0, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ends x;

		open_ends(&x, SERVER(.no_h2 = cases[i].no_h2), CLIENT());
		open_sockets(&x, "localhost", cases[i].offers);
		expect_greeting(&x);
		for (int side = 0; side < 2; side++) {
			struct http_io *io = side ? x.s : x.c;
			const char *got = io->ops->protocol(io);

			if (cases[i].want)
				assert_string_equal(got, cases[i].want);
			else
				assert_null(got);
		}
		close_ends(&x);
	}
}

/* A client that speaks h2 only is turned away by a server without it. */
static void test_alpn_mismatch(void **state)
{
	struct dv_err se = DV_ERR_NONE, ce = DV_ERR_NONE;
	struct ends x;
	int s, c;

	open_ends(&x, SERVER(.no_h2 = true), CLIENT());
	open_sockets(&x, "localhost", TLS_OFFER_H2);
	greet(&x, &s, &se, &c, &ce);
	assert_true(s < 0 && c < 0);
	assert_non_null(strstr(ce.msg, "no application protocol"));
	close_ends(&x);
}

static void test_refusals(void **state)
{
	const struct {
		struct testca *by;
		struct testca_want want;
		const char *host;
		bool insecure;
		const char *message;        /* NULL: accepted */
	} cases[] = {
		{ ca, { .name = "x", .sans = "DNS:localhost" }, "localhost", false, NULL },
		{ middle, { .name = "x", .sans = "DNS:localhost" }, "localhost", false, NULL },
		{ ca, { .name = "x", .sans = "DNS:*.pods.test" }, "a.pods.test", false, NULL },
		{ ca, { .name = "x", .sans = "DNS:*.pods.test" }, "a.b.pods.test", false,
		  "certificate of a.b.pods.test: not valid for host a.b.pods.test, it is for *.pods.test" },
		{ ca, { .name = "x", .sans = "IP:127.0.0.1,IP:::1" }, "127.0.0.1", false, NULL },
		{ ca, { .name = "x", .sans = "IP:127.0.0.1,IP:::1" }, "::1", false, NULL },
		{ ca, { .name = "x", .sans = "IP:127.0.0.1" }, "127.0.0.2", false,
		  "certificate of 127.0.0.2: not valid for host 127.0.0.2" },
		{ ca, { .name = "x", .sans = "DNS:127.0.0.1" }, "127.0.0.1", false, "not valid for host 127.0.0.1" },
		{ ca, { .name = "localhost" }, "localhost", false, "certificate of localhost: not valid for host localhost" },
		{ ca, { .name = "x", .sans = "DNS:a.test,DNS:b.test" }, "registry.test", false,
		  "certificate of registry.test: not valid for host registry.test, it is for a.test, b.test" },
		{ ca, { .name = "x", .sans = "DNS:localhost", .from_days = -9, .to_days = -2 }, "localhost", false,
		  "certificate of localhost: expired on 20" },
		{ ca, { .name = "x", .sans = "DNS:localhost", .from_days = 2, .to_days = 9 }, "localhost", false,
		  "certificate of localhost: not valid before 20" },
		{ other, { .name = "x", .sans = "DNS:localhost" }, "localhost", false,
		  "certificate of localhost: signed by an unknown authority (CN=other ca)" },
		{ other, { .name = "x", .sans = "DNS:else", .from_days = -9, .to_days = -2 }, "localhost", true, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dv_err se = DV_ERR_NONE, ce = DV_ERR_NONE;
		struct ends x;
		int s, c;

		testca_issue(cases[i].by, &cases[i].want, tmp.fd, "r.pem", "r.key");
		open_ends(&x, SERVER_OF("r.pem", "r.key"),
			  CLIENT(.insecure = cases[i].insecure));
		open_sockets(&x, cases[i].host, TLS_OFFER_H1);
		greet(&x, &s, &se, &c, &ce);
		if (cases[i].message) {
			assert_int_equal(c, -DV_FORBIDDEN);
			assert_true(s < 0);
			if (!strstr(ce.msg, cases[i].message))
				fail_msg("case %zu: %s", i, ce.msg);
		} else if (c != 5 || s != 5) {
			fail_msg("case %zu: %s", i, ce.msg);
		}
		/* a second try says the same */
		if (c < 0) {
			struct dv_err again = DV_ERR_NONE;
			char b;

			assert_int_equal(http_io_read(x.c, &b, 1, &again), c);
			assert_string_equal(again.msg, ce.msg);
		}
		close_ends(&x);
	}
}

static void test_ca_directory(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	auto_close int dir = -1;
	struct ends x;

	assert_ok(file_mkdirs(tmp.fd, "certs", 0700, NULL, &e), &e);
	assert_ok(file_open(tmp.fd, "certs", O_RDONLY | O_DIRECTORY, 0, &dir, &e), &e);
	testca_write(other, dir, "a.pem");
	testca_write(ca, dir, "b.crt");
	assert_ok(file_replace(dir, "readme", 0600, "x", 1, false, &e), &e);
	open_ends(&x, SERVER(), &(struct tls_client_conf){ .ca_dir = path("certs"), .no_system_cas = true });
	open_sockets(&x, "localhost", TLS_OFFER_H1);
	expect_greeting(&x);
	close_ends(&x);
	assert_ok(file_replace(dir, "c.pem", 0600, "x", 1, false, &e), &e);
	assert_fails(tls_client_new(CLIENT(.ca_dir = path("certs")), &x.client, &e), INVALID);
	assert_non_null(strstr(e.msg, "certs/c.pem: there is no certificate in it"));
}

static void test_client_certificates(void **state)
{
	const struct {
		enum tls_peer_auth auth;
		const char *cert;           /* NULL: the client has none */
		const char *message;        /* of the server; NULL: accepted */
	} cases[] = {
		{ TLS_PEER_IGNORE, "good", NULL },
		{ TLS_PEER_REQUEST, NULL, NULL },
		{ TLS_PEER_REQUEST, "good", NULL },
		{ TLS_PEER_REQUEST, "bad", "certificate of client unix: signed by an unknown authority (CN=other ca)" },
		{ TLS_PEER_REQUIRE, NULL, "peer did not return a certificate" },
		{ TLS_PEER_REQUIRE, "good", NULL },
		{ TLS_PEER_REQUIRE, "old", "certificate of client unix: expired on 20" },
	};

	testca_issue(ca, &(struct testca_want){ .name = "alice", .org = "system:masters",
		     .sans = "DNS:a.test,DNS:b.test,IP:10.0.0.1,IP:fd00::1,URI:spiffe://test/alice,email:a@a.test" },
		     tmp.fd, "good.pem", "good.pem");
	testca_issue(other, &(struct testca_want){ .name = "eve" }, tmp.fd, "bad.pem", "bad.pem");
	testca_issue(ca, &(struct testca_want){ .name = "old", .from_days = -9, .to_days = -1 }, tmp.fd, "old.pem", "old.pem");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *file = cases[i].cert ? mem_printf("%s/%s.pem", tmp.path, cases[i].cert) : NULL;
		auto_arena struct arena a = { 0 };
		struct dv_err se = DV_ERR_NONE, ce = DV_ERR_NONE;
		const struct http_peer_cert *peer;
		struct ends x;
		int s, c;

		arena_init(&a, 0);
		open_ends(&x, SERVER(.peer_auth = cases[i].auth, .peer_ca_file = path("ca.pem")), CLIENT(.cert_file = file));
		open_sockets(&x, "localhost", TLS_OFFER_H1);
		greet(&x, &s, &se, &c, &ce);
		peer = s == 5 ? x.s->ops->cert(x.s, &a) : NULL;
		if (cases[i].message) {
			assert_true(s < 0);
			if (!strstr(se.msg, cases[i].message))
				fail_msg("case %zu: %s", i, se.msg);
		} else {
			assert_int_equal(s, 5);
		}
		if (s == 5 && cases[i].cert && cases[i].auth != TLS_PEER_IGNORE) {
			assert_non_null(peer);
			assert_string_equal(peer->subject, "CN=alice,O=system:masters");
			assert_string_equal(peer->common_name, "alice");
			assert_int_equal(peer->n_organizations, 1);
			assert_string_equal(peer->organizations[0], "system:masters");
			assert_int_equal(peer->n_dns, 2);
			assert_string_equal(peer->dns[1], "b.test");
			assert_int_equal(peer->n_ips, 2);
			assert_string_equal(peer->ips[1], "fd00::1");
			assert_string_equal(peer->uris[0], "spiffe://test/alice");
			assert_string_equal(peer->emails[0], "a@a.test");
			assert_int_equal(strlen(peer->fingerprint), 64);
		} else {
			assert_null(peer);
		}
		close_ends(&x);
	}
}

static void test_broken_files(void **state)
{
	static const char phrase[] = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
	const struct { const char *cert, *key, *cas; int kind; const char *message; } cases[] = {
		{ "none", "s.key", NULL, DV_NOT_FOUND, "none" },
		{ "s.pem", "none", NULL, DV_NOT_FOUND, "none" },
		{ "empty", "s.key", NULL, DV_INVALID, "empty: there is none in it" },
		{ "torn", "s.key", NULL, DV_INVALID, "torn" },
		{ "s.pem", "empty", NULL, DV_INVALID, "key " },
		{ "s.pem", "q.key", NULL, DV_INVALID, "q.key does not belong to certificate " },
		{ "s.pem", "s.key", "empty", DV_INVALID, "empty: there is no certificate in it" },
	};
	struct dv_err e = DV_ERR_NONE;

	assert_ok(file_replace(tmp.fd, "empty", 0600, "\n", 1, false, &e), &e);
	assert_ok(file_replace(tmp.fd, "torn", 0600, phrase, strlen(phrase), false, &e), &e);
	testca_issue(ca, &(struct testca_want){ .name = "x" }, tmp.fd, "q.pem", "q.key");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tls_server *s = NULL;
		int r = tls_server_new(SERVER_OF(cases[i].cert, cases[i].key,
				       .peer_auth = cases[i].cas ? TLS_PEER_REQUIRE : TLS_PEER_IGNORE,
				       .peer_ca_file = cases[i].cas ? path(cases[i].cas) : NULL), &s, &e);

		assert_int_equal(r, -cases[i].kind);
		if (!strstr(e.msg, cases[i].message))
			fail_msg("case %zu: %s", i, e.msg);
	}
}

static const char *served_name(struct ends *x, struct arena *a)
{
	const struct http_peer_cert *peer;

	open_sockets(x, "localhost", TLS_OFFER_H1);
	expect_greeting(x);
	peer = x->c->ops->cert(x->c, a);
	assert_non_null(peer);
	close_sockets(x);
	return peer->common_name;
}

static void issue_named(const char *name)
{
	testca_issue(ca, &(struct testca_want){ .name = name, .sans = "DNS:localhost" }, tmp.fd, "l.pem", "l.key");
}

static void test_reload(void **state)
{
	auto_arena struct arena a = { 0 };
	struct dv_err e = DV_ERR_NONE;
	struct ends x;

	arena_init(&a, 0);
	issue_named("one");
	open_ends(&x, SERVER_OF("l.pem", "l.key"), CLIENT());
	assert_string_equal(served_name(&x, &a), "one");
	issue_named("two");
	assert_string_equal(served_name(&x, &a), "one");
	assert_ok(tls_server_reload(x.server, &e), &e);
	assert_string_equal(served_name(&x, &a), "two");
	assert_ok(file_replace(tmp.fd, "l.key", 0600, "x", 1, false, &e), &e);
	assert_fails(tls_server_reload(x.server, &e), INVALID);
	assert_string_equal(served_name(&x, &a), "two");
	close_ends(&x);
}

struct watched {
	struct loop *loop;
	int good, bad;
	struct dv_err e;
};

static void on_reload(void *ctx, const struct dv_err *e)
{
	struct watched *w = ctx;

	if (e)
		w->e = *e;
	*(e ? &w->bad : &w->good) += 1;
	loop_stop(w->loop, 0);
}

static void on_late(void *ctx)
{
	loop_stop(ctx, 1);
}

static void expect_reload(struct watched *w)
{
	struct loop_source *late = loop_add_timer(w->loop, on_late, w->loop);
	struct dv_err e = DV_ERR_NONE;

	loop_arm(late, 20000);
	assert_int_equal(loop_run(w->loop, &e), 0);
	loop_remove(late);
}

static void test_watch(void **state)
{
	auto_arena struct arena a = { 0 };
	struct dv_err e = DV_ERR_NONE;
	struct watched w = { 0 };
	struct ends x;

	arena_init(&a, 0);
	assert_ok(loop_new(&w.loop, &e), &e);
	issue_named("one");
	open_ends(&x, SERVER_OF("l.pem", "l.key", .loop = w.loop, .on_reload = on_reload,
			     .ctx = &w), CLIENT());
	issue_named("two");
	expect_reload(&w);
	assert_int_equal(w.good, 1);
	assert_string_equal(served_name(&x, &a), "two");
	assert_ok(file_replace(tmp.fd, "l.pem", 0600, "x", 1, false, &e), &e);
	expect_reload(&w);
	assert_int_equal(w.bad, 1);
	assert_non_null(strstr(w.e.msg, "l.pem"));
	assert_string_equal(served_name(&x, &a), "two");
	issue_named("three");
	expect_reload(&w);
	assert_string_equal(served_name(&x, &a), "three");
	close_ends(&x);
	loop_free(w.loop);
}

static void test_end(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct ends x;
	char b;

	open_ends(&x, SERVER(), CLIENT());
	open_sockets(&x, "localhost", TLS_OFFER_H1);
	expect_greeting(&x);
	x.s->ops->shutdown(x.s);
	assert_int_equal(http_io_read(x.c, &b, 1, &e), 0);
	assert_int_equal(put(x.c, "more", &e), 4);
	close_sockets(&x);

	open_sockets(&x, "localhost", TLS_OFFER_H1);
	expect_greeting(&x);
	x.s->ops->close(x.s);
	x.s = NULL;
	assert_fails(http_io_read(x.c, &b, 1, &e), CORRUPT);
	assert_non_null(strstr(e.msg, "localhost: the connection broke off"));
	close_ends(&x);
}

static void test_no_tls(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct ends x;
	char b;

	open_ends(&x, SERVER(), CLIENT());
	open_sockets(&x, "localhost", TLS_OFFER_H1);
	assert_int_equal(write(x.c->fd, "GET / HTTP/1.1\r\n\r\n", 18), 18);
	assert_fails(http_io_read(x.s, &b, 1, &e), INVALID);
	assert_non_null(strstr(e.msg, "does not speak TLS"));
	close_ends(&x);
}

#define BULK ((size_t)3 << 20)

static unsigned char pattern(size_t at)
{
	return (unsigned char)(at * 2654435761u >> 13);
}

/* Reads what is there; checks it; returns the new position. */
static size_t drain(struct http_io *io, size_t at)
{
	struct dv_err e = DV_ERR_NONE;
	unsigned char got[5000];
	ssize_t n;

	while ((n = http_io_read(io, got, sizeof got, &e)) > 0)
		for (ssize_t i = 0; i < n; i++, at++)
			if (got[i] != pattern(at))
				fail_msg("byte %zu differs", at);
	assert_int_equal(n, HTTP_IO_WAIT);
	assert_false(io->ops->pending(io));
	return at;
}

static void test_bulk(void **state)
{
	static const size_t cuts[] = { 1, 7, 100, 16383, 16384, 16385, 40000 };
	struct dv_err e = DV_ERR_NONE;
	auto_free unsigned char *data = mem_alloc(BULK);
	size_t sent = 0, offered = 0, got = 0, n_waits = 0;
	struct ends x;

	for (size_t i = 0; i < BULK; i++)
		data[i] = pattern(i);
	open_ends(&x, SERVER(), CLIENT());
	open_sockets(&x, "localhost", TLS_OFFER_H1);
	expect_greeting(&x);
	for (size_t round = 0; got < BULK; round++) {
		struct iovec v[8];
		size_t at = sent;
		ssize_t r = 1;
		int n = 0;

		/* what was offered before comes again, in other pieces, maybe with more behind */
		for (; n < 8 && at < BULK && (n < 3 || at < offered); n++) {
			size_t len = n == 7 ? DV_MAX(offered, at + 1) - at : cuts[(round + (size_t)n) % ARRAY_LEN(cuts)];

			v[n] = (struct iovec){ data + at, DV_MIN(len, BULK - at) };
			at += v[n].iov_len;
		}
		offered = at;
		if (n)
			r = http_io_write(x.c, v, n, &e);
		if (r > 0 && n)
			sent += (size_t)r;
		n_waits += r == HTTP_IO_WAIT;
		if (r < 0 && r != HTTP_IO_WAIT)
			fail_msg("%s", e.msg);
		if (r == HTTP_IO_WAIT || sent == BULK)
			got = drain(x.s, got);
	}
	assert_int_equal(got, BULK);
	assert_true(n_waits > 3);
	close_ends(&x);
}

static void test_sendfile(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	auto_free unsigned char *data = mem_alloc(BULK);
	auto_close int file = -1;
	off_t offset = 100;
	size_t got = 100;
	struct ends x;

	for (size_t i = 0; i < BULK; i++)
		data[i] = pattern(i);
	assert_ok(file_replace(tmp.fd, "bulk", 0600, data, BULK, false, &e), &e);
	assert_ok(file_open(tmp.fd, "bulk", O_RDONLY, 0, &file, &e), &e);
	open_ends(&x, SERVER(), CLIENT());
	open_sockets(&x, "localhost", TLS_OFFER_H1);
	expect_greeting(&x);
	while (offset < (off_t)BULK) {
		ssize_t r = http_io_sendfile(x.s, file, &offset, BULK, &e);

		assert_true(r > 0 || r == HTTP_IO_WAIT);
		if (r == HTTP_IO_WAIT)
			got = drain(x.c, got);
	}
	assert_int_equal(drain(x.c, got), BULK);
	assert_int_equal(http_io_sendfile(x.s, file, &offset, 10, &e), 0);
	close_ends(&x);
}

/* What an idle connection costs, both ends: the figure that limits a server with many watches. */
static void test_idle_memory(void **state)
{
	enum { N = 64 };
	struct ends x, all[N];
	size_t before, both, server;

	open_ends(&x, SERVER(), CLIENT());
	open_sockets(&x, "localhost", TLS_OFFER_H1);
	expect_greeting(&x);
	before = mallinfo2().uordblks;
	for (int i = 0; i < N; i++) {
		all[i] = x;
		open_sockets(&all[i], "localhost", TLS_OFFER_H1);
		expect_greeting(&all[i]);
	}
	both = (mallinfo2().uordblks - before) / N;
	for (int i = 0; i < N; i++) {
		all[i].c->ops->close(all[i].c);
		all[i].c = NULL;
	}
	server = (mallinfo2().uordblks - before) / N;
	print_message("# an idle TLS connection: %zu bytes at the server, %zu at the client\n", server, both - server);
	/* 0 with an allocator that does not count (sanitizers) */
	assert_true(server < 32 * 1024 && both < 64 * 1024);
	for (int i = 0; i < N; i++)
		close_sockets(&all[i]);
	close_ends(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_alpn_mismatch),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_ca_directory),
		cmocka_unit_test(test_client_certificates),
		cmocka_unit_test(test_broken_files),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_no_tls),
		cmocka_unit_test(test_bulk),
		cmocka_unit_test(test_sendfile),
		cmocka_unit_test(test_idle_memory),
	};
	int r = cmocka_run_group_tests(tests, setup, unit_end);

	(void)teardown(NULL);
	return r;
}
