/* base64.h - base64 (RFC 4648, with padding). */
#pragma once

#include "base/buf.h"

/* Characters for len bytes. */
#define BASE64_LEN(len) (((len) + 2) / 3 * 4)

void base64_encode(struct buf *b, const void *data, size_t len);
/* Strict: no blanks, padding complete and only at the end. INVALID; the text is not quoted (it may be
 * secret). LIMIT past b's maximum. */
int base64_decode(struct buf *b, const char *text, size_t len, struct dv_err *e) DV_MUST_USE;
