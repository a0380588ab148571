/* tls.h - TLS contexts for servers and clients, over OpenSSL 3.
 *
 * A tls_server holds a certificate chain and key read from files and follows
 * changes of them: connections made after a change use the new ones, and a new
 * file that is broken leaves the old ones in place. A tls_client holds the
 * authorities it trusts. Connections outlive both: they hold what they need.
 *
 * TLS 1.2 and 1.3 with forward secrecy only, no renegotiation, no compression;
 * the ALPN offers are h2 and http/1.1. Clients look at subject alternative
 * names only, never at the common name, and a client's certificate is checked
 * in full on every connection (no resumption).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/loop.h"
#include "http/io.h"

enum tls_peer_auth {
	TLS_PEER_IGNORE,        /* no certificate is asked for */
	TLS_PEER_REQUEST,       /* asked for; one that is sent must verify */
	TLS_PEER_REQUIRE,
};

struct tls_server_conf {
	const char *cert_file;          /* PEM: the certificate, then its intermediates */
	const char *key_file;           /* PEM; NULL: in cert_file as well */
	const char *peer_ca_file;       /* PEM: who signs clients; for REQUEST and REQUIRE */
	enum tls_peer_auth peer_auth;
	bool no_h2;                     /* offer http/1.1 only */
	struct loop *loop;              /* watches the files; NULL: only tls_server_reload() looks */
	/* What a change of the files came to: e is NULL when the new ones are in use. May be NULL. */
	void (*on_reload)(void *ctx, const struct dv_err *e);
	void *ctx;
};

struct tls_server;

/* Reads the files. INVALID names a file that is not what it should be, NOT_FOUND one that is missing. */
int tls_server_new(const struct tls_server_conf *conf, struct tls_server **ret, struct dv_err *e) DV_MUST_USE;
/* Reads the files again whether they changed or not; on failure what was there stays in use. */
int tls_server_reload(struct tls_server *s, struct dv_err *e) DV_MUST_USE;
void tls_server_free(struct tls_server *s);
/* Makes the streams of accepted sockets; valid as long as s is. */
struct http_io_maker tls_server_maker(struct tls_server *s);

struct tls_client_conf {
	const char *ca_file;            /* PEM, trusted besides the system's; NULL: none */
	const char *ca_dir;             /* its *.crt and *.pem, likewise */
	bool no_system_cas;             /* trust ca_file and ca_dir only */
	const char *cert_file, *key_file;   /* our own certificate; key_file NULL: in cert_file as well */
	bool insecure;                  /* verify nothing */
};

struct tls_client;

int tls_client_new(const struct tls_client_conf *conf, struct tls_client **ret, struct dv_err *e) DV_MUST_USE;
void tls_client_free(struct tls_client *c);

enum tls_offer { TLS_OFFER_H1 = 1, TLS_OFFER_H2 = 2 };

/* A stream over a connected socket to a server that must have a certificate for host (a name or a numeric
 * address without brackets), with these ALPN offers (or'ed; 0: none). Owns fd from now on, also on failure.
 * The handshake happens in the first reads and writes, which fail with FORBIDDEN when the certificate is refused:
 * "certificate of HOST: expired on ...", "... signed by an unknown authority", "... not valid for host HOST". */
int tls_client_io(struct tls_client *c, int fd, const char *host, unsigned offers, struct http_io **ret,
		  struct dv_err *e) DV_MUST_USE;
/* Is the handshake of such a stream over, so that http_io_protocol() knows? */
bool tls_io_ready(const struct http_io *io);
