/* digest.h - content digests: text parsed once into a struct, and streaming hashes.
 *
 * Nothing builds a path or a URL from a digest that came as text: digest_parse()
 * is the only way in, and digest_hex() of the struct the only way out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum digest_alg { DIGEST_NONE, DIGEST_SHA256, DIGEST_SHA512 };

#define DIGEST_BYTES_MAX 64
#define DIGEST_TEXT_SIZE (7 + 2 * DIGEST_BYTES_MAX + 1)

struct digest {
	enum digest_alg alg;
	unsigned char bytes[DIGEST_BYTES_MAX];
};

/* "sha256:" or "sha512:" and lower-case hex of the right length; INVALID otherwise. */
int digest_parse(const char *text, struct digest *ret, struct dv_err *e) DV_MUST_USE;
/* "sha256:HEX"; returns out. */
const char *digest_text(const struct digest *d, char out[DIGEST_TEXT_SIZE]);
/* HEX alone; returns out. */
const char *digest_hex(const struct digest *d, char out[DIGEST_TEXT_SIZE]);
const char *digest_alg_name(enum digest_alg alg);
size_t digest_bytes(enum digest_alg alg);
bool digest_equal(const struct digest *a, const struct digest *b);

/* A running hash; storage is the caller's, nothing to release. */
struct digest_stream {
	enum digest_alg alg;
	uint64_t state[28];
};
void digest_begin(struct digest_stream *s, enum digest_alg alg);
void digest_add(struct digest_stream *s, const void *data, size_t len);
void digest_end(struct digest_stream *s, struct digest *ret);

/* Of one piece of memory. */
void digest_of(enum digest_alg alg, const void *data, size_t len, struct digest *ret);
/* The chain id of the image specification: sha256("PARENT DIFF"); the first layer's is its diff id. */
void digest_chain(const struct digest *parent, const struct digest *diff_id, struct digest *ret);
