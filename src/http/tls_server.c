/* tls_server.c - a server's context, and its replacement when the files change.
 *
 * A connection holds the SSL_CTX it was made from, so a reload is one pointer:
 * the new context is complete before it takes the old one's place.
 */
#include <openssl/err.h>
#include <stdio.h>

#include "base/str.h"
#include "http/tls_parts.h"

struct tls_server {
	char *cert_file, *key_file, *peer_ca_file;      /* key_file, peer_ca_file: may be NULL */
	enum tls_peer_auth peer_auth;
	bool no_h2;
	void (*on_reload)(void *ctx, const struct dv_err *e);
	void *ctx;
	struct tls_watch *watch;
	SSL_CTX *ssl;
};

static const unsigned char alpn_all[] = "\x02h2\x08http/1.1", alpn_h1[] = "\x08http/1.1";

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in,
		   unsigned inlen, void *arg)
{
	const unsigned char *ours = arg;
	unsigned char *chosen;
	unsigned len = ours == alpn_all ? sizeof alpn_all - 1 : sizeof alpn_h1 - 1;

	/* A client that speaks neither is told so: it may be meant for another service. */
	if (SSL_select_next_proto(&chosen, outlen, ours, len, in, inlen) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int set_peers(const struct tls_server *s, SSL_CTX *ctx, struct dv_err *e)
{
	int mode = SSL_VERIFY_PEER | (s->peer_auth == TLS_PEER_REQUIRE ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);

	if (s->peer_auth == TLS_PEER_IGNORE)
		return 0;
	SSL_CTX_set_verify(ctx, mode, tls_on_verify);
	/* No tickets: a resumed session would skip the look at the certificate. */
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	(void)SSL_CTX_set_num_tickets(ctx, 0);
	return tls_load_cas(ctx, s->peer_ca_file, true, e);
}

static int make_ctx(const struct tls_server *s, SSL_CTX **ret, struct dv_err *e)
{
	SSL_CTX *ctx = NULL;
	int r = tls_ctx_new(TLS_server_method(), &ctx, e);

	if (r < 0)
		return r;
	(void)SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	(void)SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, (void *)(s->no_h2 ? alpn_h1 : alpn_all));
	r = tls_load_identity(ctx, s->cert_file, s->key_file, e);
	if (r == 0)
		r = set_peers(s, ctx, e);
	if (r < 0) {
		SSL_CTX_free(ctx);
		return r;
	}
	*ret = ctx;
	return 0;
}

int tls_server_reload(struct tls_server *s, struct dv_err *e)
{
	SSL_CTX *ctx = NULL;
	int r = make_ctx(s, &ctx, e);

	if (r < 0)
		return r;
	SSL_CTX_free(s->ssl);
	s->ssl = ctx;
	return 0;
}

static void on_change(void *ctx)
{
	struct tls_server *s = ctx;
	struct dv_err e = DV_ERR_NONE;
	int r = tls_server_reload(s, &e);

	if (s->on_reload)
		s->on_reload(s->ctx, r < 0 ? &e : NULL);
}

static int watch_files(struct tls_server *s, struct loop *l, struct dv_err *e)
{
	const char *files[3] = { s->cert_file };
	size_t n = 1;

	if (s->key_file)
		files[n++] = s->key_file;
	if (s->peer_ca_file)
		files[n++] = s->peer_ca_file;
	return tls_watch_new(l, files, n, on_change, s, &s->watch, e);
}

int tls_server_new(const struct tls_server_conf *conf, struct tls_server **ret, struct dv_err *e)
{
	struct tls_server *s;
	int r = 0;

	if (conf->peer_auth != TLS_PEER_IGNORE && !conf->peer_ca_file)
		return dv_fail(e, DV_INVALID, "client certificates are asked for, but no file says who signs them");
	s = mem_new(struct tls_server);
	s->cert_file = mem_str(conf->cert_file);
	s->key_file = conf->key_file ? mem_str(conf->key_file) : NULL;
	s->peer_ca_file = conf->peer_ca_file ? mem_str(conf->peer_ca_file) : NULL;
	s->peer_auth = conf->peer_auth;
	s->no_h2 = conf->no_h2;
	s->on_reload = conf->on_reload;
	s->ctx = conf->ctx;
	/* Watched before they are read: no change is missed. */
	if (conf->loop)
		r = watch_files(s, conf->loop, e);
	if (r == 0)
		r = tls_server_reload(s, e);
	if (r < 0) {
		tls_server_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void tls_server_free(struct tls_server *s)
{
	if (!s)
		return;
	tls_watch_free(s->watch);
	SSL_CTX_free(s->ssl);
	free(s->cert_file);
	free(s->key_file);
	free(s->peer_ca_file);
	free(s);
}

static int make_io(void *ctx, int fd, struct http_io **ret, struct dv_err *e)
{
	struct tls_server *s = ctx;
	struct http_io *io = NULL;
	SSL *ssl = NULL;
	int r = tls_io_new(s->ssl, fd, NULL, &io, &ssl, e);

	if (r < 0)
		return r;
	SSL_set_accept_state(ssl);
	*ret = io;
	return 0;
}

struct http_io_maker tls_server_maker(struct tls_server *s)
{
	return (struct http_io_maker){ .make = make_io, .ctx = s, .tls = true };
}
