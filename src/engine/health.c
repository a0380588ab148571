/* health.c - the flags of health checks, over what the image says. */
#include "base/str.h"
#include "engine/request.h"
#include "engine/security.h"

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)

/* Go's durations: "1m30s", "1.5s", "100ms"; a bare 0. */
int duration_parse(const char *text, int64_t *ret_ns)
{
	static const struct { const char *unit; int64_t ns; } units[] = {
		{ "ns", 1 }, { "us", 1000 }, { "ms", MS }, { "s", SECOND }, { "m", 60 * SECOND }, { "h", 3600 * SECOND },
	};
	struct scan s = scan_of(text, strlen(text));
	int64_t sum = 0;

	if (streq(text, "0")) {
		*ret_ns = 0;
		return 0;
	}
	while (s.p < s.end) {
		uint64_t whole = 0, part = 0, scale = 1;
		bool any = scan_u64(&s, &whole);
		size_t i = 0, len = 0;

		if (scan_char(&s, '.'))
			for (; s.p < s.end && *s.p >= '0' && *s.p <= '9'; s.p++, any = true)
				if (scale < 1000000) {
					part = part * 10 + (uint64_t)(*s.p - '0');
					scale *= 10;
				}
		while (s.p + len < s.end && s.p[len] >= 'a' && s.p[len] <= 'z')
			len++;
		while (i < ARRAY_LEN(units) && !(strlen(units[i].unit) == len && memcmp(units[i].unit, s.p, len) == 0))
			i++;
		if (!any || i == ARRAY_LEN(units) || whole > 1000000)
			return -DV_INVALID;
		sum += (int64_t)whole * units[i].ns + (int64_t)(part * (uint64_t)units[i].ns / scale);
		s.p += len;
	}
	*ret_ns = sum;
	return *text ? 0 : -DV_INVALID;
}

static int put_duration(struct arena *a, struct json *check, const char *flag, const char *name, const char *text,
			struct dv_err *e)
{
	int64_t ns;

	if (!text)
		return 0;
	if (duration_parse(text, &ns) < 0)
		return dv_fail(e, DV_INVALID, "invalid argument \"%.60s\" for %s: a duration is wanted, as 1m30s", text, flag);
	if (ns != 0 && ns < MS)
		return dv_fail(e, DV_INVALID, "%s cannot be less than 1ms", flag);
	json_set(a, check, name, json_new_i64(a, ns));
	return 0;
}

/* A JSON list is run as it is, a text by the shell. */
static int put_test(struct arena *a, struct json *check, const char *cmd, struct dv_err *e)
{
	struct json *list = NULL, *test = json_new_array(a);

	if (*cmd == '[' && json_parse(a, cmd, strlen(cmd), &list, NULL) == 0 && json_type(list) == JSON_ARRAY) {
		const char *first = json_str(json_at(list, 0));

		if (!first || !(str_starts(first, "CMD") || streq(first, "NONE")))
			json_append(a, test, json_new_str(a, "CMD"));
		for (JSON_EACH(it, list)) {
			if (!json_str(it.value))
				return dv_fail(e, DV_INVALID, "--health-cmd %.200s: a list of strings is wanted", cmd);
			json_append(a, test, json_copy(a, it.value));
		}
	} else if (streq(cmd, "none")) {
		json_append(a, test, json_new_str(a, "NONE"));
	} else {
		json_append(a, test, json_new_str(a, "CMD-SHELL"));
		json_append(a, test, json_new_str(a, cmd));
	}
	json_set(a, check, "Test", test);
	return 0;
}

static int without(struct arena *a, const struct run_request *q, struct json **ret, struct dv_err *e)
{
	static const char *const none[] = { "NONE", NULL };

	if (q->health_cmd || q->health_interval || q->health_timeout || q->health_retries.set || q->health_start_period ||
	    q->health_start_interval)
		return dv_fail(e, DV_INVALID, "--no-healthcheck conflicts with --health-* options");
	*ret = json_obj(a, "Test", json_new_strs(a, none), NULL);
	return 0;
}

int health_choose(struct arena *a, const struct run_request *q, const struct json *image, struct json **ret, struct dv_err *e)
{
	const struct json *base = json_get(image, "Healthcheck");
	struct json *check = json_type(base) == JSON_OBJECT ? json_copy(a, base) : json_new_object(a);
	int r;

	if (q->no_healthcheck)
		return without(a, q, ret, e);
	if (q->health_retries.v < 0)
		return dv_fail(e, DV_INVALID, "--health-retries cannot be negative");
	if ((q->health_cmd && *q->health_cmd && (r = put_test(a, check, q->health_cmd, e)) < 0) ||
	    (r = put_duration(a, check, "--health-interval", "Interval", q->health_interval, e)) < 0 ||
	    (r = put_duration(a, check, "--health-timeout", "Timeout", q->health_timeout, e)) < 0 ||
	    (r = put_duration(a, check, "--health-start-period", "StartPeriod", q->health_start_period, e)) < 0 ||
	    (r = put_duration(a, check, "--health-start-interval", "StartInterval", q->health_start_interval, e)) < 0)
		return r;
	if (q->health_retries.set)
		json_set(a, check, "Retries", json_new_i64(a, q->health_retries.v));
	*ret = json_len(check) ? check : NULL;
	return 0;
}
