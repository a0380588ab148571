/* when.c - points in time as docker takes them: --since, --until. */
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"
#include "engine/ctr.h"
#include "image/config.h"

#define SECOND INT64_C(1000000000)
#define SECONDS_MAX (INT64_MAX / SECOND - 1)

/* Up to nine digits of a fraction; false without any. */
static bool fraction(struct scan *s, int64_t *ret)
{
	int64_t unit = SECOND, sum = 0;
	bool any = false;

	for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++, any = true) {
		unit /= 10;
		sum += unit * (*s->p - '0');
	}
	*ret = sum;
	return any;
}

/* "1795339173" or "1795339173.513202121" */
static bool seconds(const char *text, int64_t *ret)
{
	struct scan s = scan_of(text, strlen(text));
	uint64_t whole;
	int64_t part = 0;

	if (!scan_u64(&s, &whole) || whole > SECONDS_MAX || (scan_char(&s, '.') && !fraction(&s, &part)) || s.p != s.end)
		return false;
	*ret = (int64_t)whole * SECOND + part;
	return true;
}

/* "1h30m", "10s", "500ms" */
static bool duration(const char *text, int64_t *ret)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = { { "ms", 1000000 }, { "us", 1000 }, { "ns", 1 }, { "h", 3600 * SECOND }, { "m", 60 * SECOND }, { "s", SECOND },
		      { "d", 86400 * SECOND } };
	int64_t sum = 0;

	if (!*text)
		return false;
	while (*text) {
		struct scan s = scan_of(text, strlen(text));
		uint64_t n;
		size_t i = 0;

		if (!scan_u64(&s, &n))
			return false;
		while (i < ARRAY_LEN(units) && !str_starts(s.p, units[i].name))
			i++;
		if (i == ARRAY_LEN(units) || n > (uint64_t)((INT64_MAX - sum) / units[i].ns))
			return false;
		sum += (int64_t)n * units[i].ns;
		text = s.p + strlen(units[i].name);
	}
	*ret = sum;
	return true;
}

/* RFC 3339, also with a fraction. */
static bool date(const char *text, int64_t *ret)
{
	const char *dot = strchr(text, '.');
	struct scan s = scan_of(dot ? dot + 1 : "", dot ? strlen(dot + 1) : 0);
	int64_t whole, part = 0;

	if (!image_time_parse(text, &whole) || whole < 0 || whole > SECONDS_MAX || (dot && !fraction(&s, &part)))
		return false;
	*ret = whole * SECOND + part;
	return true;
}

int cli_time_parse(const char *text, int64_t *ret_ns, struct dv_err *e)
{
	int64_t ns;

	if (seconds(text, ret_ns) || date(text, ret_ns))
		return 0;
	if (!duration(text, &ns))
		return dv_fail(e, DV_INVALID, "\"%.60s\" is no time: 2026-01-02T15:04:05Z, seconds since 1970, or 10m", text);
	*ret_ns = ctr_now_ns() - ns;
	return 0;
}
