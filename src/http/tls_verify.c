/* tls_verify.c - why a certificate was refused, in words for the one who has to mend it. */
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "base/str.h"
#include "http/tls_parts.h"

#define TEXT_MAX 256
#define NAMES_TOLD 4

enum reason { REASON_OTHER, REASON_EXPIRED, REASON_EARLY, REASON_UNKNOWN_CA, REASON_HOST, REASON_PURPOSE };

static const struct {
	int code;
	enum reason reason;
} reasons[] = {
	{ X509_V_ERR_CERT_HAS_EXPIRED, REASON_EXPIRED },
	{ X509_V_ERR_CERT_NOT_YET_VALID, REASON_EARLY },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, REASON_UNKNOWN_CA },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, REASON_UNKNOWN_CA },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, REASON_UNKNOWN_CA },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, REASON_UNKNOWN_CA },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, REASON_UNKNOWN_CA },
	{ X509_V_ERR_HOSTNAME_MISMATCH, REASON_HOST },
	{ X509_V_ERR_IP_ADDRESS_MISMATCH, REASON_HOST },
	{ X509_V_ERR_INVALID_PURPOSE, REASON_PURPOSE },
};

static enum reason reason_of(int code)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].code == code)
			return reasons[i].reason;
	return REASON_OTHER;
}

/* What OpenSSL prints is escaped: no control characters of a foreign certificate get into a message. */
static void put_name(struct buf *b, const X509_NAME *name)
{
	BIO *mem = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len = 0;

	if (mem && X509_NAME_print_ex(mem, name, 0, XN_FLAG_RFC2253) >= 0)
		len = BIO_get_mem_data(mem, &text);
	buf_add(b, text, len > 0 ? (size_t)len : 0);
	BIO_free(mem);
}

static void put_time(struct buf *b, const ASN1_TIME *when)
{
	char text[32];
	struct tm tm;

	if (ASN1_TIME_to_tm(when, &tm) == 1 && strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &tm))
		buf_str(b, text);
	else
		buf_str(b, "an unreadable date");
}

/* The first names a certificate is for, those of DNS only: enough to see which one it is. */
static void put_hosts(struct buf *b, X509 *x)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	int n = names ? sk_GENERAL_NAME_num(names) : 0, told = 0;

	for (int i = 0; i < n && told < NAMES_TOLD; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const char *text = name->type == GEN_DNS ? (const char *)ASN1_STRING_get0_data(name->d.dNSName) : NULL;

		if (text && str_only(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_*"))
			buf_printf(b, "%s%s", told++ ? ", " : ", it is for ", text);
	}
	GENERAL_NAMES_free(names);
}

static void put_reason(struct buf *b, X509_STORE_CTX *store, X509 *x, const char *host)
{
	int code = X509_STORE_CTX_get_error(store);

	switch (reason_of(code)) {
	case REASON_EXPIRED:
		buf_str(b, "expired on ");
		put_time(b, X509_get0_notAfter(x));
		return;
	case REASON_EARLY:
		buf_str(b, "not valid before ");
		put_time(b, X509_get0_notBefore(x));
		return;
	case REASON_UNKNOWN_CA:
		buf_str(b, "signed by an unknown authority (");
		put_name(b, X509_get_issuer_name(x));
		buf_char(b, ')');
		return;
	case REASON_HOST:
		buf_printf(b, "not valid for host %s", host ? host : "");
		put_hosts(b, x);
		return;
	case REASON_PURPOSE:
		buf_str(b, "not meant for this use");
		return;
	case REASON_OTHER:
		buf_str(b, X509_verify_cert_error_string(code));
	}
}

int tls_on_verify(int ok, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_refusal *refusal = ssl ? SSL_get_app_data(ssl) : NULL;
	X509 *x = X509_STORE_CTX_get_current_cert(store);
	struct buf b = BUF_INIT(TEXT_MAX);

	if (ok || !refusal || refusal->why)
		return ok;
	if (X509_STORE_CTX_get_error_depth(store) > 0 && x && reason_of(X509_STORE_CTX_get_error(store)) != REASON_UNKNOWN_CA) {
		buf_str(&b, "its authority ");
		put_name(&b, X509_get_subject_name(x));
		buf_str(&b, " is ");
	}
	if (x)
		put_reason(&b, store, x, refusal->host);
	else
		buf_str(&b, X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
	refusal->why = buf_take(&b);
	return 0;
}
