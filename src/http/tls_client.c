/* tls_client.c - a client's context: whom it trusts and who it is. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "http/tls_parts.h"

struct tls_client {
	SSL_CTX *ssl;
};

static int set_trust(SSL_CTX *ctx, const struct tls_client_conf *conf, struct dv_err *e)
{
	int r = 0;

	if (conf->insecure)
		return 0;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, tls_on_verify);
	/* The system's authorities are looked up by name when they are needed, not loaded. */
	if (!conf->no_system_cas && SSL_CTX_set_default_verify_paths(ctx) != 1)
		return tls_fail(e, DV_IO, "find the authorities of this system");
	if (conf->ca_file)
		r = tls_load_cas(ctx, conf->ca_file, false, e);
	if (r == 0 && conf->ca_dir)
		r = tls_load_ca_dir(ctx, conf->ca_dir, e);
	return r;
}

int tls_client_new(const struct tls_client_conf *conf, struct tls_client **ret, struct dv_err *e)
{
	struct tls_client *c = mem_new(struct tls_client);
	int r = tls_ctx_new(TLS_client_method(), &c->ssl, e);

	if (r == 0)
		r = set_trust(c->ssl, conf, e);
	if (r == 0 && conf->cert_file)
		r = tls_load_identity(c->ssl, conf->cert_file, conf->key_file, e);
	if (r < 0) {
		tls_client_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void tls_client_free(struct tls_client *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->ssl);
	free(c);
}

static bool is_numeric(const char *host)
{
	unsigned char ip[16];

	return inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1;
}

static bool expect_host(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (is_numeric(host))
		return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
	return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static bool offer(SSL *ssl, unsigned offers)
{
	static const unsigned char all[] = "\x02h2\x08http/1.1";
	const unsigned char *p = offers & TLS_OFFER_H2 ? all : all + 3;
	unsigned n = (offers & TLS_OFFER_H2 ? 3 : 0) + (offers & TLS_OFFER_H1 ? 9 : 0);

	return n == 0 || SSL_set_alpn_protos(ssl, p, n) == 0;
}

int tls_client_io(struct tls_client *c, int fd, const char *host, unsigned offers, struct http_io **ret,
		  struct dv_err *e)
{
	struct http_io *io = NULL;
	SSL *ssl = NULL;
	int r = tls_io_new(c->ssl, fd, host, &io, &ssl, e);

	if (r < 0)
		return r;
	if (!expect_host(ssl, host) || !offer(ssl, offers)) {
		http_io_close(io);
		return tls_fail(e, DV_INVALID, "TLS with %s", host);
	}
	SSL_set_connect_state(ssl);
	*ret = io;
	return 0;
}
