/* http_serve.c - our HTTP server for other people's clients: plain, TLS and mutual TLS, each at a port of the kernel's choice.
 *
 *	http-serve DIR        certificates go to DIR; DIR/ports says where it listens, once it does
 *	http-serve DIR NAME   only a new certificate with that common name, in the place of the old one
 *
 * GET /hello, /show (the request in words), /big?n=N (N bytes); POST /echo. Ends by SIGTERM.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "http/server.h"
#include "http/testca.h"
#include "http/tls.h"

struct stream {
	struct http_call *c;
	uint64_t left;
};

static void fill(struct stream *s)
{
	static const char zeros[65536];

	while (s->left) {
		size_t n = (size_t)DV_MIN(s->left, (uint64_t)sizeof zeros);

		s->left -= n;
		if (!http_write_shared(s->c, zeros, n, NULL, NULL) && s->left)
			return;
	}
	http_end(s->c);
}

static void stream_writable(void *state, struct http_call *c) { fill(state); }
static void stream_close(void *state, struct http_call *c, bool complete) { free(state); }
static const struct http_call_ops stream_ops = { .on_writable = stream_writable, .on_close = stream_close };

static void serve_big(struct http_call *c)
{
	struct stream *s = mem_new(struct stream);
	const char *n = NULL;

	s->c = c;
	if (http_query_get(http_call_arena(c), http_call_request(c)->query, "n", &n, NULL) < 0 || !n ||
	    str_u64(n, (uint64_t)1 << 40, "n", &s->left, NULL) < 0)
		s->left = 0;
	http_call_attach(c, &stream_ops, s);
	http_respond(c, 200, NULL, 0, (int64_t)s->left);
	fill(s);
}

static void echo_data(void *state, struct http_call *c, const void *p, size_t n)
{
	if (!http_write(c, p, n))
		http_call_pause_body(c);
}

static void echo_end(void *state, struct http_call *c)
{
	http_end_trailers(c, &(struct http_header){ "x-echoed", "all" }, 1);
}

static void echo_writable(void *state, struct http_call *c) { http_call_resume_body(c); }
static const struct http_call_ops echo_ops = { .on_data = echo_data, .on_end = echo_end, .on_writable = echo_writable };

static void serve_echo(struct http_call *c)
{
	http_call_set_body_max(c, UINT64_MAX);
	http_call_attach(c, &echo_ops, NULL);
	http_respond(c, 200, NULL, 0, -1);
}

static void serve_show(struct http_call *c)
{
	const struct http_request *r = http_call_request(c);
	char text[1024];
	int n = snprintf(text, sizeof text, "%s %s HTTP/%u %s %s\n", r->method_name, r->path, r->major, r->scheme,
			 r->cert ? r->cert->subject : "-");

	http_reply(c, 200, "text/plain", text, (size_t)DV_MIN(n, (int)sizeof text - 1));
}

static void handler(void *ctx, struct http_call *c)
{
	const char *path = http_call_request(c)->path;

	if (streq(path, "/big"))
		serve_big(c);
	else if (streq(path, "/echo"))
		serve_echo(c);
	else if (streq(path, "/show"))
		serve_show(c);
	else if (streq(path, "/hello"))
		http_reply(c, 200, "text/plain", "hello\n", 6);
	else
		http_reply(c, 404, NULL, NULL, 0);
}

static void on_signal(void *ctx, int signo) { loop_stop(ctx, 0); }

/* A fresh authority each time: clients trust ca.pem, which is of the one that is there now. */
static void make_files(int dir, const char *name)
{
	struct testca *ca = testca_new("http-serve ca");

	testca_write(ca, dir, "ca.pem");
	testca_issue(ca, &(struct testca_want){ .name = "alice", .org = "team" }, dir, "alice.pem", "alice.pem");
	testca_issue(ca, &(struct testca_want){ .name = name, .sans = "DNS:localhost,IP:127.0.0.1" }, dir, "s.pem", "s.pem");
	testca_free(ca);
}

static int listen_tls(struct http_server *s, struct loop *l, enum tls_peer_auth auth, struct tls_server **ret,
		      struct http_io_maker *maker, char *bound, struct dv_err *e)
{
	const struct tls_server_conf conf = { .cert_file = "s.pem", .peer_ca_file = auth ? "ca.pem" : NULL, .peer_auth = auth,
					      .loop = l };
	int r = tls_server_new(&conf, ret, e);

	if (r < 0)
		return r;
	*maker = tls_server_maker(*ret);
	return http_server_listen(s, "127.0.0.1:0", maker, bound, e);
}

static int serve(int dir, struct dv_err *e)
{
	const struct http_server_options o = { .handler = handler, .h2c = true };
	char bound[3][HTTP_ADDR_TEXT_MAX], text[256];
	struct tls_server *tls[2] = { NULL };
	struct http_io_maker makers[2];
	struct http_server *s = NULL;
	struct loop *l = NULL;
	sigset_t term;
	int r = loop_new(&l, e);

	(void)sigemptyset(&term);
	(void)sigaddset(&term, SIGTERM);
	if (r == 0)
		r = loop_add_signals(l, &term, on_signal, l, NULL, e);
	if (r == 0)
		r = http_server_new(l, &o, &s, e);
	if (r == 0)
		r = http_server_listen(s, "127.0.0.1:0", NULL, bound[0], e);
	if (r == 0)
		r = listen_tls(s, l, TLS_PEER_IGNORE, &tls[0], &makers[0], bound[1], e);
	if (r == 0)
		r = listen_tls(s, l, TLS_PEER_REQUIRE, &tls[1], &makers[1], bound[2], e);
	if (r == 0) {
		(void)snprintf(text, sizeof text, "PLAIN=%s\nTLS=%s\nMTLS=%s\n", bound[0], bound[1], bound[2]);
		r = file_replace(dir, "ports", 0600, text, strlen(text), false, e);
	}
	if (r == 0)
		r = loop_run(l, e);
	http_server_free(s);
	tls_server_free(tls[0]);
	tls_server_free(tls[1]);
	loop_free(l);
	return r;
}

int main(int argc, char **argv)
{
	struct dv_err e = DV_ERR_NONE;
	auto_close int dir = -1;
	int r = argc < 2 ? dv_fail(&e, DV_INVALID, "usage: http-serve DIR [NAME]") :
		file_open(AT_FDCWD, argv[1], O_RDONLY | O_DIRECTORY, 0, &dir, &e);

	if (r == 0 && fchdir(dir) < 0)
		r = dv_fail_errno(&e, errno, "enter %s", argv[1]);
	if (r == 0)
		make_files(dir, argc > 2 ? argv[2] : "first");
	if (r == 0 && argc == 2)
		r = serve(dir, &e);
	if (r < 0)
		fprintf(stderr, "http-serve: %s\n", e.msg);
	return r < 0 ? 1 : 0;
}
