/* h2_head.c - header blocks of HTTP/2: collected as they are decompressed, and made for sending. */
#include "base/str.h"
#include "http/chars.h"
#include "http/h2.h"

#define FIELD_OVERHEAD 32      /* RFC 9113, 6.5.2 */
#define FLOOD_FACTOR 4         /* above that times a limit the stream is reset instead of answered */

void h2_head_start(struct h2_head *h)
{
	buf_done(&h->text);
	h->text = BUF_INIT(h->size_max + 2 * (size_t)h->n_max);
	h->n = 0;
	h->size = 0;
	h->over = false;
}

bool h2_head_add(struct h2_head *h, const uint8_t *name, size_t name_len, const uint8_t *value, size_t value_len)
{
	h->size += name_len + value_len + FIELD_OVERHEAD;
	h->n++;
	if (h->size > h->size_max || h->n > h->n_max) {
		h->over = true;
		return h->size <= FLOOD_FACTOR * h->size_max && h->n <= FLOOD_FACTOR * h->n_max;
	}
	buf_add(&h->text, name, name_len);
	buf_char(&h->text, '\0');
	buf_add(&h->text, value, value_len);
	buf_char(&h->text, '\0');
	return true;
}

size_t h2_head_room(const struct h2_head *h)
{
	return h->text.len + 64 + h->n * (sizeof(struct http_header) + 16);
}

static const char **pseudo_slot(struct h2_pseudo *p, const char *name)
{
	const struct { const char *name; const char **slot; } slots[] = {
		{ ":method", &p->method }, { ":scheme", &p->scheme }, { ":authority", &p->authority },
		{ ":path", &p->path }, { ":status", &p->status },
	};

	for (size_t i = 0; i < ARRAY_LEN(slots); i++)
		if (streq(slots[i].name, name))
			return slots[i].slot;
	return NULL;
}

/* Clients may cut cookies in crumbs (RFC 9113, 8.2.3): one header again. The text bounds what this can grow to. */
static void join_cookies(struct arena *a, struct http_header *h, size_t *n)
{
	size_t first = *n, kept = 0;
	auto_buf struct buf all = BUF_INIT(SIZE_MAX / 2);

	for (size_t i = 0; i < *n; i++) {
		bool cookie = streq(h[i].name, "cookie");

		if (cookie && all.len)
			buf_str(&all, "; ");
		if (cookie)
			buf_str(&all, h[i].value);
		if (cookie && first < *n)
			continue;
		if (cookie)
			first = i;
		h[kept++] = h[i];
	}
	if (kept < *n)
		h[first].value = arena_strn(a, buf_cstr(&all), all.len);
	*n = kept;
}

void h2_head_read(const struct h2_head *h, struct arena *a, struct h2_pseudo *ret_pseudo, struct http_header **ret,
		  size_t *ret_n)
{
	struct http_header *list = arena_array(a, struct http_header, h->n ? h->n : 1);
	char *p = arena_strn(a, h->text.len ? h->text.p : "", h->text.len), *end = p + h->text.len;
	size_t n = 0;

	*ret_pseudo = (struct h2_pseudo){ 0 };
	while (p < end) {
		const char *name = p, *value = p + strlen(p) + 1;
		const char **slot = *name == ':' ? pseudo_slot(ret_pseudo, name) : NULL;

		if (slot)
			*slot = value;
		else if (*name != ':')
			list[n++] = (struct http_header){ name, value };
		p = (char *)value + strlen(value) + 1;
	}
	join_cookies(a, list, &n);
	*ret = list;
	*ret_n = n;
}

/* What belongs to a connection of HTTP/1.1 (RFC 9113, 8.2.2). */
static bool dropped(const char *name)
{
	static const char *const names[] = {
		"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (ch_word(name, strlen(name), names[i]))
			return true;
	return false;
}

static nghttp2_nv field(struct arena *a, const struct http_header *h)
{
	nghttp2_nv nv = { .namelen = strlen(h->name), .value = (uint8_t *)h->value, .valuelen = strlen(h->value) };

	nv.name = (uint8_t *)arena_strn(a, h->name, nv.namelen);
	for (size_t i = 0; i < nv.namelen; i++)
		nv.name[i] = (uint8_t)ch_lower((char)nv.name[i]);
	return nv;
}

nghttp2_nv *h2_fields(struct arena *a, const struct http_header *pseudo, size_t n_pseudo, const struct http_header *h,
		      size_t n, size_t *ret_n)
{
	nghttp2_nv *list = arena_array(a, nghttp2_nv, n_pseudo + n + 1);
	size_t at = 0;

	for (size_t i = 0; i < n_pseudo; i++)
		list[at++] = field(a, &pseudo[i]);
	for (size_t i = 0; i < n; i++)
		if (!dropped(h[i].name))
			list[at++] = field(a, &h[i]);
	*ret_n = at;
	return list;
}
