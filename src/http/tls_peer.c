/* tls_peer.c - what a verified certificate says about its owner.
 *
 * Names become identities (users, groups, hosts), so a text that a C string
 * cannot hold in full, or that has control characters, is left out: never cut.
 */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/str.h"
#include "http/tls_parts.h"

#define NAMES_MAX 256       /* of each kind; a certificate with more has the rest ignored */
#define TEXT_MAX 4096

static bool clean(const unsigned char *p, int len)
{
	for (int i = 0; i < len; i++)
		if (p[i] < 0x20 || p[i] == 0x7f)
			return false;
	return len > 0;
}

static const char *text_of(struct arena *a, const ASN1_STRING *s)
{
	unsigned char *utf8 = NULL;
	int len = ASN1_STRING_to_UTF8(&utf8, s);
	const char *text = len > 0 && clean(utf8, len) ? arena_strn(a, (const char *)utf8, (size_t)len) : NULL;

	OPENSSL_free(utf8);
	return text;
}

static const char *subject_of(struct arena *a, X509 *x)
{
	BIO *b = BIO_new(BIO_s_mem());
	const char *text = "";
	char *p = NULL;
	long len;

	if (b && X509_NAME_print_ex(b, X509_get_subject_name(x), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0 &&
	    (len = BIO_get_mem_data(b, &p)) > 0)
		text = arena_strn(a, p, (size_t)DV_MIN(len, (long)TEXT_MAX));
	BIO_free(b);
	return text;
}

/* Room for as many as there may be; -1 is none. */
static const char **list_new(struct arena *a, int most)
{
	return arena_array(a, const char *, (size_t)DV_MAX(DV_MIN(most, NAMES_MAX), 1));
}

/* All values of one kind in the subject. */
static const char *const *subject_values(struct arena *a, X509 *x, int nid, size_t *ret_n)
{
	const X509_NAME *name = X509_get_subject_name(x);
	const char **list = list_new(a, X509_NAME_entry_count(name));
	size_t n = 0;

	for (int at = -1; (at = X509_NAME_get_index_by_NID(name, nid, at)) >= 0 && n < NAMES_MAX;) {
		list[n] = text_of(a, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
		n += list[n] != NULL;
	}
	*ret_n = n;
	return list;
}

static const char *ip_text(struct arena *a, const ASN1_OCTET_STRING *ip)
{
	int len = ASN1_STRING_length(ip), family = len == 4 ? AF_INET : len == 16 ? AF_INET6 : AF_UNSPEC;
	char text[INET6_ADDRSTRLEN];

	return family != AF_UNSPEC && inet_ntop(family, ASN1_STRING_get0_data(ip), text, sizeof text) ?
	       arena_str(a, text) : NULL;
}

static const char *const *alternatives(struct arena *a, const GENERAL_NAMES *names, int type, size_t *ret_n)
{
	const char **list = list_new(a, sk_GENERAL_NAME_num(names));
	size_t n = 0;

	for (int i = 0; names && i < sk_GENERAL_NAME_num(names) && n < NAMES_MAX; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

		if (g->type != type)
			continue;
		list[n] = type == GEN_IPADD ? ip_text(a, g->d.iPAddress) : text_of(a, g->d.ia5);
		n += list[n] != NULL;
	}
	*ret_n = n;
	return list;
}

static const char *fingerprint_of(struct arena *a, const X509 *x)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	char *hex = arena_alloc(a, 2 * sizeof md + 1);

	if (X509_digest(x, EVP_sha256(), md, &len) == 1)
		str_hex(md, len, hex);
	return hex;
}

const struct http_peer_cert *tls_peer_cert(X509 *x, struct arena *a)
{
	struct http_peer_cert *c = arena_new(a, struct http_peer_cert);
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	const char *const *common;
	size_t n = 0;

	c->subject = subject_of(a, x);
	common = subject_values(a, x, NID_commonName, &n);
	c->common_name = n ? common[0] : "";
	c->organizations = subject_values(a, x, NID_organizationName, &c->n_organizations);
	c->dns = alternatives(a, names, GEN_DNS, &c->n_dns);
	c->ips = alternatives(a, names, GEN_IPADD, &c->n_ips);
	c->uris = alternatives(a, names, GEN_URI, &c->n_uris);
	c->emails = alternatives(a, names, GEN_EMAIL, &c->n_emails);
	c->fingerprint = fingerprint_of(a, x);
	GENERAL_NAMES_free(names);
	return c;
}
