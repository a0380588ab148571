/* tls_load.c - certificates, keys and authorities from PEM files into a context.
 *
 * Files are read by our own calls into memory and parsed there, so that errors
 * name the file and what is wrong with it. Certificates are small: this is the
 * one reading of files that happens on a loop.
 */
#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "http/tls_parts.h"

#define PEM_MAX ((size_t)4 << 20)
#define CA_FILES_MAX 1024

/* ECDHE with AEAD only: also what RFC 9113 wants of TLS 1.2. Those of TLS 1.3 are all sane. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

int tls_fail(struct dv_err *e, enum dv_kind kind, const char *fmt, ...)
{
	unsigned long code = ERR_peek_last_error();
	const char *why = code ? ERR_reason_error_string(code) : NULL;
	char text[sizeof(((struct dv_err *)NULL)->msg)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	ERR_clear_error();
	return why ? dv_fail(e, kind, "%s: %s", text, why) : dv_fail(e, kind, "%s", text);
}

int tls_ctx_new(const SSL_METHOD *method, SSL_CTX **ret, struct dv_err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx)
		return tls_fail(e, DV_INTERNAL, "make a TLS context");
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 || SSL_CTX_set_cipher_list(ctx, CIPHERS) != 1) {
		SSL_CTX_free(ctx);
		return tls_fail(e, DV_INTERNAL, "configure TLS");
	}
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	/* An idle connection keeps no record buffers. A retried write may come from another address. */
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
			       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	*ret = ctx;
	return 0;
}

static void bio_done(BIO **b) { BIO_free(*b); }
static void x509_done(X509 **x) { X509_free(*x); }
static void pkey_done(EVP_PKEY **k) { EVP_PKEY_free(*k); }
#define auto_bio __attribute__((cleanup(bio_done))) BIO
#define auto_x509 __attribute__((cleanup(x509_done))) X509
#define auto_pkey __attribute__((cleanup(pkey_done))) EVP_PKEY

/* A key that is locked with a pass phrase is refused: nobody is there to type. */
static int no_phrase(char *out, int size, int writing, void *ctx)
{
	return -1;
}

/* The next certificate; NULL at the end, or with *bad set. */
static X509 *next_cert(BIO *b, bool *bad)
{
	X509 *x = PEM_read_bio_X509(b, NULL, no_phrase, NULL);

	*bad = !x && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
	if (!*bad)
		ERR_clear_error();
	return x;
}

static int load_chain(SSL_CTX *ctx, BIO *b, const char *file, struct dv_err *e)
{
	bool bad = false;
	auto_x509 *leaf = next_cert(b, &bad);

	if (!leaf)
		return bad ? tls_fail(e, DV_INVALID, "certificate %s", file) :
		       dv_fail(e, DV_INVALID, "certificate %s: there is none in it", file);
	if (SSL_CTX_use_certificate(ctx, leaf) != 1)
		return tls_fail(e, DV_INVALID, "certificate %s", file);
	for (;;) {
		X509 *x = next_cert(b, &bad);

		if (!x)
			return bad ? tls_fail(e, DV_INVALID, "certificate %s: in its chain", file) : 0;
		if (SSL_CTX_add0_chain_cert(ctx, x) != 1) {
			X509_free(x);
			return tls_fail(e, DV_INVALID, "certificate %s: in its chain", file);
		}
	}
}

static int load_key(SSL_CTX *ctx, BIO *b, const char *file, const char *cert_file, struct dv_err *e)
{
	auto_pkey *key = PEM_read_bio_PrivateKey(b, NULL, no_phrase, NULL);

	if (!key)
		return tls_fail(e, DV_INVALID, "key %s", file);
	if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1) {
		ERR_clear_error();
		return dv_fail(e, DV_INVALID, "key %s does not belong to certificate %s", file, cert_file);
	}
	return 0;
}

/* The file in memory; the caller frees the BIO, then b. */
static int read_pem(int dirfd, const char *file, struct buf *b, BIO **ret, struct dv_err *e)
{
	int r = file_read(dirfd, file, b, e);

	if (r < 0)
		return r;
	*ret = BIO_new_mem_buf(buf_cstr(b), (int)b->len);
	return *ret ? 0 : tls_fail(e, DV_INTERNAL, "read %s", file);
}

/* Key material does not stay behind in freed memory. */
static void wipe(struct buf *b)
{
	if (b->p)
		OPENSSL_cleanse(b->p, b->len);
	buf_done(b);
}

int tls_load_identity(SSL_CTX *ctx, const char *cert_file, const char *key_file, struct dv_err *e)
{
	__attribute__((cleanup(wipe))) struct buf cert = BUF_INIT(PEM_MAX), key = BUF_INIT(PEM_MAX);
	auto_bio *cert_bio = NULL, *key_bio = NULL;
	int r = read_pem(AT_FDCWD, cert_file, &cert, &cert_bio, e);

	if (r == 0)
		r = load_chain(ctx, cert_bio, cert_file, e);
	if (r == 0)
		r = read_pem(AT_FDCWD, key_file ? key_file : cert_file, &key, &key_bio, e);
	if (r == 0)
		r = load_key(ctx, key_bio, key_file ? key_file : cert_file, cert_file, e);
	return r;
}

static int trust(SSL_CTX *ctx, X509 *x, bool names)
{
	return X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), x) == 1 && (!names || SSL_CTX_add_client_CA(ctx, x) == 1);
}

static int load_cas_at(SSL_CTX *ctx, int dirfd, const char *name, const char *what, bool names, struct dv_err *e)
{
	auto_buf struct buf text = BUF_INIT(PEM_MAX);
	auto_bio *b = NULL;
	bool bad = false;
	int r = read_pem(dirfd, name, &text, &b, e), n = 0;

	for (; r == 0; n++) {
		auto_x509 *x = next_cert(b, &bad);

		if (!x)
			break;
		if (!trust(ctx, x, names))
			return tls_fail(e, DV_INVALID, "authority %s", what);
	}
	if (bad)
		return tls_fail(e, DV_INVALID, "authority %s", what);
	if (r == 0 && n == 0)
		return dv_fail(e, DV_INVALID, "authority %s: there is no certificate in it", what);
	return r;
}

int tls_load_cas(SSL_CTX *ctx, const char *ca_file, bool names, struct dv_err *e)
{
	return load_cas_at(ctx, AT_FDCWD, ca_file, ca_file, names, e);
}

static int load_ca_entry(SSL_CTX *ctx, DIR *d, const char *dir, const char *name, struct dv_err *e)
{
	auto_free char *what = mem_printf("%s/%s", dir, name);

	return load_cas_at(ctx, dirfd(d), name, what, false, e);
}

int tls_load_ca_dir(SSL_CTX *ctx, const char *ca_dir, struct dv_err *e)
{
	auto_close int fd = -1;
	int r = file_open(AT_FDCWD, ca_dir, O_RDONLY | O_DIRECTORY, 0, &fd, e), n = 0;
	DIR *d = r == 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (r < 0)
		return r;
	if (!d)
		return dv_fail_errno(e, errno, "read directory %s", ca_dir);
	(void)take_fd(&fd);
	while (r == 0 && (entry = readdir(d))) {
		if (!str_ends(entry->d_name, ".crt") && !str_ends(entry->d_name, ".pem"))
			continue;
		r = ++n > CA_FILES_MAX ? dv_fail(e, DV_LIMIT, "more than %d authorities in %s", CA_FILES_MAX, ca_dir) :
		    load_ca_entry(ctx, d, ca_dir, entry->d_name, e);
	}
	(void)closedir(d);
	return r;
}
