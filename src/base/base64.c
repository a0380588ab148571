/* base64.c - base64 both ways. */
#include <stdint.h>
#include <string.h>

#include "base/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *b, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (; len > 0; p += 3) {
		size_t n = len < 3 ? len : 3;
		uint32_t v = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);
		char out[4] = { digits[v >> 18], digits[v >> 12 & 63], n > 1 ? digits[v >> 6 & 63] : '=',
				n > 2 ? digits[v & 63] : '=' };

		buf_add(b, out, 4);
		len -= n;
	}
}

/* 0 to 63, or -1. */
static int value_of(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

int base64_decode(struct buf *b, const char *text, size_t len, struct dv_err *e)
{
	size_t pad = len > 0 && text[len - 1] == '=' ? len > 1 && text[len - 2] == '=' ? 2 : 1 : 0;

	if (len % 4 != 0)
		return dv_fail(e, DV_INVALID, "no base64: %zu characters", len);
	for (size_t i = 0; i < len; i += 4) {
		size_t n = i + 4 == len ? 4 - pad : 4;
		uint32_t v = 0;

		for (size_t k = 0; k < 4; k++) {
			int d = k < n ? value_of(text[i + k]) : 0;

			if (d < 0)
				return dv_fail(e, DV_INVALID, "no base64: character %zu", i + k + 1);
			v = v << 6 | (uint32_t)d;
		}
		if (v & ((1u << (8 * (4 - n))) - 1))
			return dv_fail(e, DV_INVALID, "no base64: bits behind the end");
		buf_add(b, (char[3]){ (char)(v >> 16), (char)(v >> 8), (char)v }, n - 1);
	}
	return buf_check(b, "base64", e);
}
