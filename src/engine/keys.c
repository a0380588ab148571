/* keys.c - detach keys: words to bytes, and bytes looked for in what is typed. */
#include <string.h>

#include "base/str.h"
#include "engine/keys.h"

static bool parse_key(const char *word, size_t len, unsigned char *ret)
{
	char c;

	if (len == 1) {
		*ret = (unsigned char)*word;
		return true;
	}
	if (len != 6 || memcmp(word, "ctrl-", 5) != 0)
		return false;
	c = word[5];
	if (c >= 'a' && c <= 'z')
		*ret = (unsigned char)(c - 'a' + 1);
	else if (c == '@' || (c >= '[' && c <= '_'))
		*ret = (unsigned char)(c - '@');
	else
		return false;
	return true;
}

int detach_keys_parse(struct detach_keys *k, const char *text, struct dv_err *e)
{
	struct scan s;
	const char *word;
	size_t len;

	text = text ? text : DETACH_KEYS_DEFAULT;
	s = scan_of(text, strlen(text));
	*k = (struct detach_keys){ .n = 0 };
	while (scan_until(&s, ',', &word, &len)) {
		if (k->n == DETACH_KEYS_MAX || !parse_key(word, len, &k->v[k->n]))
			return dv_fail(e, DV_INVALID, "Invalid detach keys (%.64s) provided", text);
		k->n++;
	}
	return 0;
}

size_t detach_keys_filter(struct detach_keys *k, const char *in, size_t n, char *out, bool *ret_detach)
{
	unsigned char held[DETACH_KEYS_MAX + 1];
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		size_t from = 0, end = k->typed;

		memcpy(held, k->v, end);
		held[end++] = (unsigned char)in[i];
		/* The longest end of it that the keys may begin with stays. */
		while (from < end && (end - from > k->n || memcmp(held + from, k->v, end - from) != 0))
			out[len++] = (char)held[from++];
		k->typed = end - from;
		if (k->n && k->typed == k->n) {
			*ret_detach = true;
			return len;
		}
	}
	return len;
}
