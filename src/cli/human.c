/* human.c - durations and times in docker's words. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

#define MINUTE 60
#define HOUR 3600
#define DAY (24 * HOUR)

/* From the row whose limit is the first above: that many units, or a phrase of its own. */
static const struct {
	int64_t below, unit;
	const char *word;
} rows[] = {
	{ 1, 0, "Less than a second" }, { 2, 0, "1 second" },           { MINUTE, 1, "seconds" },
	{ 2 * MINUTE, 0, "About a minute" }, { HOUR, MINUTE, "minutes" },  { HOUR + HOUR / 2, 0, "About an hour" },
	{ 48 * HOUR, HOUR, "hours" },   { 14 * DAY, DAY, "days" },       { 60 * DAY, 7 * DAY, "weeks" },
	{ 730 * DAY, 30 * DAY, "months" }, { INT64_MAX, 365 * DAY, "years" },
};

const char *human_duration(struct arena *a, int64_t seconds)
{
	size_t i = 0;

	while (seconds >= rows[i].below && i < ARRAY_LEN(rows) - 1)
		i++;
	if (!rows[i].unit)
		return rows[i].word;
	return arena_printf(a, "%" PRId64 " %s", seconds / rows[i].unit, rows[i].word);
}

const char *human_ago(struct arena *a, int64_t then)
{
	return then ? arena_printf(a, "%s ago", human_duration(a, (int64_t)time(NULL) - then)) : "N/A";
}

const char *human_time(struct arena *a, int64_t seconds)
{
	time_t t = (time_t)seconds;
	char text[64];
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z %Z", &tm))
		return "";
	return arena_str(a, text);
}
