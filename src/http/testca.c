/* testca.c - an authority for tests: P-256 keys, X.509 v3, PEM files. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "http/testca.h"

#define DAY 86400L

struct testca {
	EVP_PKEY *key;
	X509 *cert;
	bool below;
};

#define MUST(cond) do { if (!(cond)) die(#cond); } while (0)

static void die(const char *what)
{
	fprintf(stderr, "testca: %s\n", what);
	ERR_print_errors_fp(stderr);
	abort();
}

static void add_name(X509_NAME *n, const char *field, const char *text)
{
	if (text)
		MUST(X509_NAME_add_entry_by_txt(n, field, MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0));
}

static void add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *ext = value ? X509V3_EXT_conf_nid(NULL, NULL, nid, value) : NULL;

	if (!value)
		return;
	MUST(ext);
	MUST(X509_add_ext(x, ext, -1));
	X509_EXTENSION_free(ext);
}

/* Everything but issuer and signature. */
static X509 *make_cert(const struct testca_want *w, EVP_PKEY *key)
{
	X509 *x = X509_new();
	uint64_t serial;
	bool dated = w->from_days || w->to_days;

	MUST(x && RAND_bytes((unsigned char *)&serial, sizeof serial) == 1);
	MUST(X509_set_version(x, X509_VERSION_3));
	MUST(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1));
	MUST(X509_gmtime_adj(X509_getm_notBefore(x), (dated ? w->from_days : -1) * DAY));
	MUST(X509_gmtime_adj(X509_getm_notAfter(x), (dated ? w->to_days : 1) * DAY));
	add_name(X509_get_subject_name(x), "O", w->org);
	add_name(X509_get_subject_name(x), "CN", w->name);
	MUST(X509_set_pubkey(x, key));
	add_extension(x, NID_subject_alt_name, w->sans);
	return x;
}

static void sign(X509 *x, X509 *issuer, EVP_PKEY *key)
{
	MUST(X509_set_issuer_name(x, X509_get_subject_name(issuer)));
	MUST(X509_sign(x, key, EVP_sha256()));
}

static struct testca *ca_new(const char *name, const struct testca *above)
{
	struct testca *ca = mem_new(struct testca);

	ca->key = EVP_EC_gen("P-256");
	MUST(ca->key);
	ca->cert = make_cert(&(struct testca_want){ .name = name }, ca->key);
	add_extension(ca->cert, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	sign(ca->cert, above ? above->cert : ca->cert, above ? above->key : ca->key);
	ca->below = above != NULL;
	return ca;
}

struct testca *testca_new(const char *name)
{
	return ca_new(name, NULL);
}

struct testca *testca_below(struct testca *above, const char *name)
{
	return ca_new(name, above);
}

void testca_free(struct testca *ca)
{
	if (!ca)
		return;
	EVP_PKEY_free(ca->key);
	X509_free(ca->cert);
	free(ca);
}

static void write_file(BIO *b, int dirfd, const char *file)
{
	struct dv_err e = DV_ERR_NONE;
	char *data;
	long len = BIO_get_mem_data(b, &data);

	if (file_replace(dirfd, file, 0600, data, (size_t)len, false, &e) < 0)
		die(e.msg);
	BIO_free(b);
}

void testca_write(const struct testca *ca, int dirfd, const char *file)
{
	BIO *b = BIO_new(BIO_s_mem());

	MUST(b && PEM_write_bio_X509(b, ca->cert));
	write_file(b, dirfd, file);
}

void testca_issue(const struct testca *ca, const struct testca_want *want, int dirfd, const char *cert_file,
		  const char *key_file)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *b = BIO_new(BIO_s_mem());
	X509 *x;

	MUST(key && b);
	x = make_cert(want, key);
	sign(x, ca->cert, ca->key);
	MUST(PEM_write_bio_X509(b, x));
	if (ca->below)
		MUST(PEM_write_bio_X509(b, ca->cert));
	if (!streq(cert_file, key_file)) {
		write_file(b, dirfd, cert_file);
		b = BIO_new(BIO_s_mem());
	}
	MUST(PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL));
	write_file(b, dirfd, key_file);
	X509_free(x);
	EVP_PKEY_free(key);
}
