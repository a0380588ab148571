/* outlog_format.c - a line of a json-file log. */
#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "base/str.h"
#include "monitor/outlog.h"

/* Length of the UTF-8 character at p, 0 when it is none. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char first, last, low, high;   /* of the first and the second byte */
		size_t len;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		if (*p < forms[i].first || *p > forms[i].last)
			continue;
		if (left < forms[i].len || p[1] < forms[i].low || p[1] > forms[i].high)
			return 0;
		for (size_t k = 2; k < forms[i].len; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void escape(struct buf *b, unsigned char c)
{
	switch (c) {
	case '\n':
		buf_str(b, "\\n");
		return;
	case '\r':
		buf_str(b, "\\r");
		return;
	case '\t':
		buf_str(b, "\\t");
		return;
	case '"':
	case '\\':
		buf_char(b, '\\');
		buf_char(b, (char)c);
		return;
	default:
		buf_printf(b, "\\u%04x", c < 0x80 ? c : 0xfffd);
	}
}

static void put_text(struct buf *b, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + len;

	while (p < end) {
		const unsigned char *from = p;
		size_t n;

		while (p < end && (is_plain(*p) || (*p >= 0x80 && (n = utf8_len(p, (size_t)(end - p))) > 0 && (p += n - 1))))
			p++;
		if (p > from)
			buf_add(b, from, (size_t)(p - from));
		if (p < end)
			escape(b, *p++);
	}
}

void outlog_time(int64_t ns, char out[40])
{
	time_t t = (time_t)(ns / 1000000000);
	struct tm tm = { 0 };

	(void)gmtime_r(&t, &tm);
	(void)snprintf(out, 40, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ", (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
		       (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
		       (unsigned)tm.tm_sec % 100, (unsigned)(ns % 1000000000) % 1000000000);
}

void outlog_json_line(struct buf *b, const char *text, size_t len, bool complete, int stream, const char *attrs, int64_t ns)
{
	char when[40];

	outlog_time(ns, when);
	buf_str(b, "{\"log\":\"");
	put_text(b, text, len);
	if (complete)
		buf_str(b, "\\n");
	buf_printf(b, "\",\"stream\":\"%s\",", stream == 2 ? "stderr" : "stdout");
	if (attrs)
		buf_printf(b, "\"attrs\":%s,", attrs);
	buf_printf(b, "\"time\":\"%s\"}\n", when);
}
