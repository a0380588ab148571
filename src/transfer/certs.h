/* certs.h - whom we trust in TLS, and who we are: the system's authorities and certs.d.
 *
 * certs.d/HOST:PORT (of ~/.config/containers, /etc/containers, /etc/docker: the first that is there) may hold
 * *.crt (authorities, added to the system's), and NAME.cert with NAME.key (our certificate; the first pair by
 * name is used). $SSL_CERT_FILE and $SSL_CERT_DIR replace the system's.
 */
#pragma once

#include "base/buf.h"
#include "base/mem.h"

struct x509_store_st;

struct certs {
	struct x509_store_st *store;    /* of OpenSSL, with a reference of ours */
	struct buf cert, key;           /* PEM; empty: none */
};

/* dir: instead of certs.d, or NULL. For a host that is not verified the system's authorities, which take long to
 * parse, are left out. NOT_FOUND when dir is given and absent; INVALID names the file. */
int certs_load(const char *dir, const char *host_port, bool verified, struct certs *ret, struct dv_err *e) DV_MUST_USE;
void certs_done(struct certs *c);
