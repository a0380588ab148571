/* filter.c - --filter for images: what docker's words select.
 *
 * Values of one key are alternatives, keys must all agree; but labels and times
 * must all agree, as with docker.
 */
#include <fnmatch.h>
#include <time.h>

#include "base/str.h"
#include "cli/cli.h"
#include "image/config.h"
#include "image/name.h"

enum key { KEY_DANGLING, KEY_LABEL, KEY_NOT_LABEL, KEY_REFERENCE, KEY_BEFORE, KEY_SINCE, KEY_UNTIL };

static const struct {
	const char *name;
	enum key key;
} keys[] = {
	{ "dangling", KEY_DANGLING }, { "label!", KEY_NOT_LABEL }, { "label", KEY_LABEL }, { "reference", KEY_REFERENCE },
	{ "before", KEY_BEFORE },     { "since", KEY_SINCE },      { "after", KEY_SINCE }, { "until", KEY_UNTIL },
};

struct condition {
	enum key key;
	const char *value;
	int64_t time;
	bool yes;
};
struct cli_filter {
	struct condition *v;
	size_t n;
};

/* --- parse --- */

static int parse_bool(const char *text, bool *ret, struct dv_err *e)
{
	static const char *const yes[] = { "true", "1", "True", "TRUE", "t" }, *const no[] = { "false", "0", "False", "FALSE", "f" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (streq(text, yes[i]) || streq(text, no[i])) {
			*ret = streq(text, yes[i]);
			return 0;
		}
	}
	return dv_fail(e, DV_INVALID, "Invalid filter 'dangling=%.60s'", text);
}

/* "1h30m", "24h": how long ago. */
static bool parse_duration(const char *text, int64_t *ret)
{
	static const struct { char unit; int64_t seconds; } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	struct scan s = scan_of(text, strlen(text));
	int64_t sum = 0;
	uint64_t n;

	while (scan_u64(&s, &n)) {
		size_t i = 0;

		while (i < ARRAY_LEN(units) && !scan_char(&s, units[i].unit))
			i++;
		if (i == ARRAY_LEN(units) || n > 1000000000)
			return false;
		sum += (int64_t)n * units[i].seconds;
	}
	*ret = sum;
	return s.p == s.end && *text;
}

int cli_until_parse(const char *text, int64_t *ret, struct dv_err *e)
{
	int64_t ago, n;

	if (image_time_parse(text, ret))
		return 0;
	if (str_i64(text, 0, INT64_MAX, "time", &n, NULL) == 0)
		*ret = n;
	else if (parse_duration(text, &ago))
		*ret = (int64_t)time(NULL) - ago;
	else
		return dv_fail(e, DV_INVALID, "\"%.60s\" is no time: 2026-01-02T15:04:05Z, seconds since 1970, or 24h", text);
	return 0;
}

static int parse_one(struct image_store *s, struct arena *a, const char *text, const char *allowed, struct condition *c,
		     struct dv_err *e)
{
	const char *eq = strchr(text, '=');
	struct image *img;
	size_t i = 0;
	int r = 0;

	if (!eq)
		return dv_fail(e, DV_INVALID, "invalid filter '%.60s': KEY=VALUE is wanted", text);
	const char *name = arena_strn(a, text, (size_t)(eq - text));
	while (i < ARRAY_LEN(keys) && !streq(keys[i].name, name))
		i++;
	if (i == ARRAY_LEN(keys) || !strstr(allowed, name))
		return dv_fail(e, DV_INVALID, "invalid filter '%.60s': known are %s", name, allowed);
	*c = (struct condition){ .key = keys[i].key, .value = eq + 1 };
	if (c->key == KEY_DANGLING)
		r = parse_bool(eq + 1, &c->yes, e);
	if (c->key == KEY_UNTIL)
		r = cli_until_parse(eq + 1, &c->time, e);
	if (c->key == KEY_BEFORE || c->key == KEY_SINCE) {
		r = image_resolve(s, a, eq + 1, &img, e);
		c->time = r < 0 ? 0 : img->created;
	}
	return r;
}

int cli_filter_parse(struct image_store *s, struct arena *a, const struct opt_strs *texts, const char *allowed,
		     struct cli_filter **ret, struct dv_err *e)
{
	struct cli_filter *f = arena_new(a, struct cli_filter);

	f->v = arena_array(a, struct condition, texts->n + 1);
	for (; f->n < texts->n; f->n++) {
		int r = parse_one(s, a, texts->v[f->n], allowed, &f->v[f->n], e);

		if (r < 0)
			return r;
	}
	*ret = f;
	return 0;
}

/* --- match --- */

static bool has_label(struct arena *a, const struct image *img, const char *want)
{
	const char *eq = strchr(want, '='), *value;
	struct json *config = NULL;

	if (!img->config || json_parse(a, img->config, img->config_len, &config, NULL) < 0)
		return false;
	const char *key = eq ? arena_strn(a, want, (size_t)(eq - want)) : want;
	value = json_str(json_get(json_path(config, "config.Labels"), key));
	return value && (!eq || streq(value, eq + 1));
}

/* docker's: the pattern is for the whole name, or for the repository alone. */
static bool matches_reference(struct arena *a, const char *pattern, const char *name)
{
	const char *familiar = name ? image_name_familiar(name) : NULL, *colon = familiar ? strrchr(familiar, ':') : NULL;

	if (!familiar)
		return false;
	return fnmatch(pattern, familiar, FNM_PATHNAME) == 0 || fnmatch(pattern, name, FNM_PATHNAME) == 0 ||
	       (colon && fnmatch(pattern, arena_strn(a, familiar, (size_t)(colon - familiar)), FNM_PATHNAME) == 0);
}

static bool matches(struct arena *a, const struct condition *c, const struct image *img, const char *name)
{
	switch (c->key) {
	case KEY_DANGLING: return c->yes == !img->names[0];
	case KEY_LABEL: return has_label(a, img, c->value);
	case KEY_NOT_LABEL: return !has_label(a, img, c->value);
	case KEY_REFERENCE: return matches_reference(a, c->value, name);
	case KEY_BEFORE:
	case KEY_UNTIL: return img->created < c->time;
	case KEY_SINCE: return img->created > c->time;
	}
	return false;
}

bool cli_filter_match(struct arena *a, const struct cli_filter *f, const struct image *img, const char *name)
{
	bool any = false, wanted = false;

	for (size_t i = 0; i < f->n; i++) {
		bool yes = matches(a, &f->v[i], img, name);

		if (f->v[i].key == KEY_REFERENCE) {
			any = true;
			wanted = wanted || yes;
		} else if (!yes) {
			return false;
		}
	}
	return !any || wanted;
}

bool cli_filter_wants_config(const struct cli_filter *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].key == KEY_LABEL || f->v[i].key == KEY_NOT_LABEL)
			return true;
	return false;
}

bool cli_has_label(const struct json *labels, const char *want)
{
	const char *eq = strchr(want, '=');

	for (JSON_EACH(it, labels)) {
		const char *key = json_iter_key(it);
		size_t len = eq ? (size_t)(eq - want) : strlen(want);

		if (strlen(key) == len && memcmp(key, want, len) == 0 && (!eq || streq(json_str(it.value), eq + 1)))
			return true;
	}
	return false;
}
