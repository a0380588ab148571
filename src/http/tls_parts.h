/* tls_parts.h - what the files of TLS share among themselves. */
#pragma once

#include <openssl/ssl.h>

#include "base/buf.h"
#include "http/tls.h"

/* Fail with what OpenSSL has queued last behind the message; empties its queue. */
int tls_fail(struct dv_err *e, enum dv_kind kind, const char *fmt, ...) DV_PRINTF(3, 4);

/* What both sides start from: versions, ciphers, modes. */
int tls_ctx_new(const SSL_METHOD *method, SSL_CTX **ret, struct dv_err *e) DV_MUST_USE;
/* Certificate chain and key into the context. key_file may be NULL: it is in cert_file then. */
int tls_load_identity(SSL_CTX *ctx, const char *cert_file, const char *key_file, struct dv_err *e) DV_MUST_USE;
/* The certificates of a file become trusted ones; with names they are also those a server tells to its clients. */
int tls_load_cas(SSL_CTX *ctx, const char *ca_file, bool names, struct dv_err *e) DV_MUST_USE;
/* Every *.crt and *.pem of a directory. */
int tls_load_ca_dir(SSL_CTX *ctx, const char *ca_dir, struct dv_err *e) DV_MUST_USE;

/* What the verify callback knows of a connection: the SSL's app data. */
struct tls_refusal {
	char *host;             /* whom the certificate must be for; NULL at the server */
	char *why;              /* set by the callback, NULL while nothing was refused */
};
/* The verify callback of both sides: keeps in words why a certificate was refused. */
int tls_on_verify(int ok, X509_STORE_CTX *store);

/* A BIO over a non-blocking socket, which stays the caller's. Never NULL. */
BIO *tls_bio_new(int fd);

/* A stream over a new connection of ctx; takes fd, also on failure. *ret_ssl stays its own. host: for messages and, at a client, the certificate;
 * NULL at a server. */
int tls_io_new(SSL_CTX *ctx, int fd, const char *host, struct http_io **ret, SSL **ret_ssl,
	       struct dv_err *e) DV_MUST_USE;
/* What a verified certificate says. */
const struct http_peer_cert *tls_peer_cert(X509 *x, struct arena *a);

/* --- watching files --- */

struct tls_watch;

/* on_change when one of the files is another than before, some time after the last event. Paths are copied. */
int tls_watch_new(struct loop *l, const char *const *files, size_t n, void (*on_change)(void *ctx), void *ctx,
		  struct tls_watch **ret, struct dv_err *e) DV_MUST_USE;
void tls_watch_free(struct tls_watch *w);
