/* message.c - methods, statuses, headers. */
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "http/chars.h"
#include "http/message.h"

static const char *const method_names[HTTP_METHOD_MAX] = {
	[HTTP_OTHER] = "",
#define X(name) [HTTP_##name] = #name,
	HTTP_METHODS(X)
#undef X
};

const char *http_method_name(enum http_method m)
{
	return (unsigned)m < HTTP_METHOD_MAX ? method_names[m] : "";
}

enum http_method http_method_of(const char *name, size_t len)
{
	for (unsigned m = HTTP_OTHER + 1; m < HTTP_METHOD_MAX; m++)
		if (strlen(method_names[m]) == len && memcmp(method_names[m], name, len) == 0)
			return (enum http_method)m;
	return HTTP_OTHER;
}

const char *http_status_reason(int status)
{
	switch (status) {
#define X(code, reason) case code: return reason;
	HTTP_STATUSES(X)
#undef X
	default:
		return "";
	}
}

const char *http_header_get(const struct http_header *h, size_t n, const char *name)
{
	size_t pos = 0;

	return http_header_next(h, n, name, &pos);
}

const char *http_header_next(const struct http_header *h, size_t n, const char *name, size_t *pos)
{
	while (*pos < n) {
		const struct http_header *one = &h[(*pos)++];

		if (one->name[0] == name[0] && streq(one->name, name))
			return one->value;
	}
	return NULL;
}

bool http_header_lists(const struct http_header *h, size_t n, const char *name, const char *word)
{
	size_t pos = 0, len;
	const char *value, *one;

	while ((value = http_header_next(h, n, name, &pos)))
		while (ch_list_next(&value, &one, &len))
			if (strlen(word) == len && strncasecmp(one, word, len) == 0)
				return true;
	return false;
}

bool http_name_valid(const char *name)
{
	return ch_token(name, strlen(name));
}

bool http_value_valid(const char *value)
{
	size_t len = strlen(value), trimmed = len;
	const char *s = value;

	ch_trim(&s, &trimmed);
	return trimmed == len && ch_all(value, len, CH_VALUE);
}
