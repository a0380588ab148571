/* digest.c - parse, print and compute content digests.
 *
 * Uses the low-level SHA256_ and SHA512_ calls on purpose: they link statically
 * without OpenSSL's provider machinery (EVP costs a static program 0.8 ms and 4 MB).
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "base/str.h"
#include "image/digest.h"

static const struct {
	const char *name;
	size_t bytes;
} algs[] = {
	[DIGEST_NONE] = { "none", 0 },
	[DIGEST_SHA256] = { "sha256", 32 },
	[DIGEST_SHA512] = { "sha512", 64 },
};

_Static_assert(sizeof(SHA512_CTX) <= sizeof(((struct digest_stream *)0)->state), "room for the largest context");
_Static_assert(sizeof(SHA256_CTX) <= sizeof(SHA512_CTX), "sha512 has the largest context");

const char *digest_alg_name(enum digest_alg alg)
{
	return algs[alg].name;
}

size_t digest_bytes(enum digest_alg alg)
{
	return algs[alg].bytes;
}

int digest_parse(const char *text, struct digest *ret, struct dv_err *e)
{
	for (size_t i = DIGEST_SHA256; i < ARRAY_LEN(algs); i++) {
		struct digest d = { .alg = i };
		const char *hex = str_after(text, algs[i].name);

		if (hex && *hex == ':' && strlen(hex + 1) == 2 * algs[i].bytes &&
		    str_unhex(hex + 1, d.bytes, algs[i].bytes)) {
			*ret = d;
			return 0;
		}
	}
	return dv_fail(e, DV_INVALID, "not a sha256 or sha512 digest: \"%.100s\"", text);
}

const char *digest_hex(const struct digest *d, char out[DIGEST_TEXT_SIZE])
{
	str_hex(d->bytes, algs[d->alg].bytes, out);
	return out;
}

const char *digest_text(const struct digest *d, char out[DIGEST_TEXT_SIZE])
{
	const char *name = algs[d->alg].name;
	size_t n = strlen(name);

	memcpy(out, name, n);
	out[n] = ':';
	str_hex(d->bytes, algs[d->alg].bytes, out + n + 1);
	return out;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return a->alg == b->alg && memcmp(a->bytes, b->bytes, algs[a->alg].bytes) == 0;
}

void digest_begin(struct digest_stream *s, enum digest_alg alg)
{
	s->alg = alg;
	if (alg == DIGEST_SHA512)
		SHA512_Init((SHA512_CTX *)s->state);
	else
		SHA256_Init((SHA256_CTX *)s->state);
}

void digest_add(struct digest_stream *s, const void *data, size_t len)
{
	if (s->alg == DIGEST_SHA512)
		SHA512_Update((SHA512_CTX *)s->state, data, len);
	else
		SHA256_Update((SHA256_CTX *)s->state, data, len);
}

void digest_end(struct digest_stream *s, struct digest *ret)
{
	*ret = (struct digest){ .alg = s->alg };
	if (s->alg == DIGEST_SHA512)
		SHA512_Final(ret->bytes, (SHA512_CTX *)s->state);
	else
		SHA256_Final(ret->bytes, (SHA256_CTX *)s->state);
}

void digest_of(enum digest_alg alg, const void *data, size_t len, struct digest *ret)
{
	struct digest_stream s;

	digest_begin(&s, alg);
	digest_add(&s, data, len);
	digest_end(&s, ret);
}

void digest_chain(const struct digest *parent, const struct digest *diff_id, struct digest *ret)
{
	struct digest_stream s;
	char text[DIGEST_TEXT_SIZE];

	if (!parent) {
		*ret = *diff_id;
		return;
	}
	digest_begin(&s, DIGEST_SHA256);
	digest_text(parent, text);
	digest_add(&s, text, strlen(text));
	digest_add(&s, " ", 1);
	digest_text(diff_id, text);
	digest_add(&s, text, strlen(text));
	digest_end(&s, ret);
}
