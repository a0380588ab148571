/* h1_write.c - heads and chunks of HTTP/1.1 as bytes. */
#include <string.h>

#include "http/h1.h"

static void put_fields(struct buf *b, const struct http_header *h, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_str(b, h[i].name);
		buf_add(b, ": ", 2);
		buf_str(b, h[i].value);
		buf_add(b, "\r\n", 2);
	}
	buf_add(b, "\r\n", 2);
}

void http_h1_put_request(struct buf *b, const char *method, const char *target, const struct http_header *h, size_t n)
{
	buf_printf(b, "%s %s HTTP/1.1\r\n", method, target);
	put_fields(b, h, n);
}

size_t http_h1_chunk_head(char out[HTTP_H1_CHUNK_MAX], size_t n)
{
	char hex[16];
	size_t len = 0, at = 0;

	do
		hex[len++] = "0123456789abcdef"[n & 15];
	while (n >>= 4);
	while (len)
		out[at++] = hex[--len];
	out[at++] = '\r';
	out[at++] = '\n';
	return at;
}

void http_h1_put_last_chunk(struct buf *b, const struct http_header *trailers, size_t n)
{
	buf_add(b, "0\r\n", 3);
	put_fields(b, trailers, n);
}
