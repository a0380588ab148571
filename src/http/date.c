/* date.c - HTTP's one form of dates, and byte ranges. */
#include <string.h>

#include "base/str.h"
#include "http/chars.h"
#include "http/message.h"

static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
				    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

static void put2(char *out, int n)
{
	out[0] = (char)('0' + n / 10 % 10);
	out[1] = (char)('0' + n % 10);
}

void http_date_format(time_t t, char out[HTTP_DATE_LEN + 1])
{
	struct tm tm = { 0 };

	/* years of four digits; what is outside is a broken clock */
	t = DV_MAX(DV_MIN(t, (time_t)253402300799), (time_t)0);
	(void)gmtime_r(&t, &tm);
	memcpy(out, "Sun, 06 Nov 1994 08:49:37 GMT", HTTP_DATE_LEN + 1);
	memcpy(out, days[tm.tm_wday], 3);
	put2(out + 5, tm.tm_mday);
	memcpy(out + 8, months[tm.tm_mon], 3);
	put2(out + 12, (tm.tm_year + 1900) / 100);
	put2(out + 14, (tm.tm_year + 1900) % 100);
	put2(out + 17, tm.tm_hour);
	put2(out + 20, tm.tm_min);
	put2(out + 23, tm.tm_sec);
}

/* The n digits at s. */
static int number(const char *s, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (!ch_is(s[i], CH_DIGIT))
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	return v;
}

static int month_of(const char *s)
{
	for (int i = 0; i < 12; i++)
		if (memcmp(months[i], s, 3) == 0)
			return i;
	return -1;
}

int http_date_parse(const char *s, time_t *ret, struct dv_err *e)
{
	struct tm tm = { 0 };
	char again[HTTP_DATE_LEN + 1];
	time_t t;

	if (strlen(s) != HTTP_DATE_LEN)
		return dv_fail(e, DV_INVALID, "\"%.40s\" is no date", s);
	tm.tm_mday = number(s + 5, 2);
	tm.tm_mon = month_of(s + 8);
	tm.tm_year = number(s + 12, 4) - 1900;
	tm.tm_hour = number(s + 17, 2);
	tm.tm_min = number(s + 20, 2);
	tm.tm_sec = number(s + 23, 2);
	/* whatever is wrong with a field or between them shows when it is written again */
	t = timegm(&tm);
	if (t < 0)
		return dv_fail(e, DV_INVALID, "\"%s\" is no date", s);
	http_date_format(t, again);
	if (!streq(again, s))
		return dv_fail(e, DV_INVALID, "\"%s\" is no date", s);
	*ret = t;
	return 0;
}

enum http_range http_range_parse(const char *range, uint64_t size, uint64_t *ret_first, uint64_t *ret_len)
{
	struct scan s = scan_of(range ? range : "", range ? strlen(range) : 0);
	uint64_t first = 0, last = UINT64_MAX;
	bool from_end;

	if (!range || !str_starts(range, "bytes="))
		return HTTP_RANGE_NONE;
	s.p += strlen("bytes=");
	from_end = scan_char(&s, '-');
	if (!scan_u64(&s, &first) || (!from_end && !scan_char(&s, '-')))
		return HTTP_RANGE_NONE;
	if (!from_end && s.p < s.end && (!scan_u64(&s, &last) || last < first))
		return HTTP_RANGE_NONE;
	if (s.p < s.end)
		return HTTP_RANGE_NONE;
	if (size == 0 || (from_end ? first == 0 : first >= size))
		return HTTP_RANGE_BAD;
	if (from_end)
		first = first >= size ? 0 : size - first;
	*ret_first = first;
	*ret_len = DV_MIN(last, size - 1) - first + 1;
	return HTTP_RANGE_ONE;
}
