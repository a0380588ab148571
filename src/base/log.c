/* log.c - one line per event, written with one write(2) so that lines of several processes do not mix. */
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"

#define LINE_MAX_BYTES 16384
#define VALUE_MAX_BYTES 2048

static const char *const level_names[] = { "debug", "info", "warning", "error" };

static atomic_int log_to = STDERR_FILENO;
static atomic_int log_format = LOG_PLAIN;
static atomic_int log_least = LOG_WARN;

void log_setup(int fd, enum log_format format, enum log_level least)
{
	atomic_store(&log_to, fd);
	atomic_store(&log_format, (int)format);
	atomic_store(&log_least, (int)least);
}

int log_fd(void)
{
	return atomic_load(&log_to);
}

bool log_wants(enum log_level level)
{
	return (int)level >= atomic_load(&log_least);
}

bool log_level_parse(const char *name, enum log_level *ret)
{
	for (int i = 0; i <= LOG_ERROR; i++)
		if (strcasecmp(name, level_names[i]) == 0) {
			*ret = (enum log_level)i;
			return true;
		}
	if (strcasecmp(name, "warn") != 0)
		return false;
	*ret = LOG_WARN;
	return true;
}

/* Bytes of the UTF-8 character at p: 0 when it is not valid. */
static unsigned utf8_len(const unsigned char *p, size_t left)
{
	unsigned n = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 :
		     p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;

	if (n > left)
		return 0;
	for (unsigned i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if (n >= 3 && ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
		       (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90)))
		return 0;
	return n;
}

/* C1 control characters move a terminal's cursor too. */
static bool is_control(const unsigned char *p, unsigned len)
{
	return *p < 0x20 || *p == 0x7f || (len == 2 && *p == 0xc2 && p[1] < 0xa0);
}

static void escape_control(struct buf *b, const unsigned char *p, unsigned len)
{
	if (*p == '\n')
		buf_str(b, "\\n");
	else if (*p == '\t')
		buf_str(b, "\\t");
	else
		buf_printf(b, "\\u%04x", len == 2 ? p[1] : p[0]);
}

/* The text so that it cannot end the line, nor the quotes when there are some. */
static void add_escaped(struct buf *b, const char *text, bool quotes, bool json)
{
	size_t left = strnlen(text, VALUE_MAX_BYTES + 1);
	bool cut = left > VALUE_MAX_BYTES;
	const unsigned char *p = (const unsigned char *)text;

	left = cut ? VALUE_MAX_BYTES : left;
	while (left) {
		unsigned n = utf8_len(p, left);

		if (n == 0 && json)
			buf_str(b, "\\ufffd");
		else if (n == 0)
			buf_printf(b, "\\x%02x", *p);
		else if (is_control(p, n))
			escape_control(b, p, n);
		else {
			if (quotes && (*p == '"' || *p == '\\'))
				buf_char(b, '\\');
			buf_add(b, p, n);
		}
		p += n ? n : 1;
		left -= n ? n : 1;
	}
	if (cut)
		buf_str(b, "...");
}

static void add_time(struct buf *b)
{
	struct timespec ts;
	struct tm tm;
	char text[32];

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	(void)gmtime_r(&ts.tv_sec, &tm);
	(void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(b, "%s.%03ldZ", text, ts.tv_nsec / 1000000);
}

/* logfmt: a value without blanks, quotes or control characters stands bare. */
static void add_text_value(struct buf *b, const char *value)
{
	bool bare = *value != '\0';

	for (const unsigned char *p = (const unsigned char *)value; *p; p++)
		bare = bare && *p > ' ' && *p < 0x7f && *p != '"' && *p != '=' && *p != '\\';
	if (bare) {
		add_escaped(b, value, false, false);
		return;
	}
	buf_char(b, '"');
	add_escaped(b, value, true, false);
	buf_char(b, '"');
}

static void add_json_pair(struct buf *b, const char *key, const char *value)
{
	buf_str(b, ",\"");
	add_escaped(b, key, true, true);
	buf_str(b, "\":\"");
	add_escaped(b, value, true, true);
	buf_char(b, '"');
}

static void add_pair(struct buf *b, int format, const char *key, const char *value)
{
	if (format == LOG_JSON) {
		add_json_pair(b, key, value);
		return;
	}
	buf_printf(b, " %s=", key);
	add_text_value(b, value);
}

static void add_head(struct buf *b, int format, enum log_level level, const char *msg)
{
	switch (format) {
	case LOG_JSON:
		buf_printf(b, "{\"level\":\"%s\",\"time\":\"", level_names[level]);
		add_time(b);
		buf_char(b, '"');
		add_json_pair(b, "msg", msg);
		break;
	case LOG_TEXT:
		buf_str(b, "time=");
		add_time(b);
		buf_printf(b, " level=%s msg=", level_names[level]);
		add_text_value(b, msg);
		break;
	default:
		buf_printf(b, "%s: ", level_names[level]);
		add_escaped(b, msg, false, false);
	}
}

/* A log that cannot be written has nowhere to say so. */
static void write_line(const struct buf *b)
{
	const char *p = b->p;
	size_t left = b->len;

	while (left) {
		ssize_t n = write(atomic_load(&log_to), p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		p += n;
		left -= (size_t)n;
	}
}

void log_event(enum log_level level, const char *msg, ...)
{
	auto_buf struct buf b = BUF_INIT(LINE_MAX_BYTES);
	int saved = errno, format = atomic_load(&log_format);
	const char *key, *value;
	size_t whole;
	va_list ap;

	if (!log_wants(level))
		return;
	add_head(&b, format, level, msg);
	va_start(ap, msg);
	while ((key = va_arg(ap, const char *))) {
		value = va_arg(ap, const char *);
		whole = b.len;
		add_pair(&b, format, key, value ? value : "");
		/* What does not fit is left out as a whole, with room for the end of the line. */
		if (b.over || b.len > LINE_MAX_BYTES - 8) {
			b.len = whole;
			b.over = false;
			break;
		}
	}
	va_end(ap);
	buf_str(&b, format == LOG_JSON ? "}\n" : "\n");
	write_line(&b);
	errno = saved;
}
