/* config.c - image configurations: layers, platform, time, history. */
#include <stdio.h>

#include "base/str.h"
#include "image/config.h"
#include "image/store.h"
#include "json/view.h"

/* --- time --- */

static bool digits(const char **p, size_t n, int64_t *ret)
{
	int64_t v = 0;

	for (; n > 0; n--, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		v = v * 10 + (**p - '0');
	}
	*ret = v;
	return true;
}

static bool eat(const char **p, const char *set)
{
	if (!**p || !strchr(set, **p))
		return false;
	(*p)++;
	return true;
}

/* Days since 1970 in the proleptic Gregorian calendar; years start in March, so leap days come last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400, in_era = year - era * 400;
	int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

static bool zone(const char **p, int64_t *ret)
{
	int64_t h, m, sign = **p == '-' ? -1 : 1;

	if (eat(p, "Zz")) {
		*ret = 0;
		return true;
	}
	if (!eat(p, "+-") || !digits(p, 2, &h) || !eat(p, ":") || !digits(p, 2, &m))
		return false;
	*ret = sign * (h * 3600 + m * 60);
	return true;
}

bool image_time_parse(const char *p, int64_t *ret)
{
	int64_t year, month, day, h, m, s, offset;

	if (!digits(&p, 4, &year) || !eat(&p, "-") || !digits(&p, 2, &month) || !eat(&p, "-") || !digits(&p, 2, &day) ||
	    !eat(&p, "Tt") || !digits(&p, 2, &h) || !eat(&p, ":") || !digits(&p, 2, &m) || !eat(&p, ":") ||
	    !digits(&p, 2, &s))
		return false;
	if (eat(&p, "."))
		p += strspn(p, "0123456789");
	if (!zone(&p, &offset) || *p || month < 1 || month > 12 || day < 1 || day > 31 || h > 23 || m > 59 || s > 60)
		return false;
	*ret = days_of(year, month, day) * 86400 + h * 3600 + m * 60 + s - offset;
	return true;
}

/* --- configuration --- */

#define CONFIG_VIEW(F, c) \
	F(c, str,  created,  "created",         0,   NULL) \
	F(c, str,  arch,     "architecture",    0,   NULL) \
	F(c, str,  variant,  "variant",         0,   NULL) \
	F(c, str,  os,       "os",              0,   NULL) \
	F(c, str,  kind,     "rootfs.type",     REQ, NULL) \
	F(c, strs, diff_ids, "rootfs.diff_ids", 0,   NULL)
DV_VIEW(config_view, CONFIG_VIEW);

static int diff_ids_parse(struct arena *a, const char **texts, struct image_config *c, struct dv_err *e)
{
	while (texts && texts[c->n_layers])
		c->n_layers++;
	if (c->n_layers > IMAGE_LAYERS_MAX)
		return dv_fail(e, DV_LIMIT, "image configuration: %zu layers, at most %d are allowed", c->n_layers,
			       IMAGE_LAYERS_MAX);
	c->diff_ids = arena_array(a, struct digest, c->n_layers + 1);
	for (size_t i = 0; i < c->n_layers; i++)
		if (digest_parse(texts[i], &c->diff_ids[i], e) < 0)
			return dv_wrap(e, "image configuration: rootfs.diff_ids[%zu]", i);
	return 0;
}

int image_config_parse(struct arena *a, const char *text, size_t len, struct image_config *ret, struct dv_err *e)
{
	struct image_config c = { 0 };
	struct config_view v;
	struct json *tree;

	if (len > IMAGE_CONFIG_MAX)
		return dv_fail(e, DV_LIMIT, "image configuration is larger than %zu bytes", IMAGE_CONFIG_MAX);
	int rc = json_parse(a, text, len, &tree, e);
	if (rc == 0)
		rc = view_decode(a, tree, &config_view_schema, "", &v, e);
	if (rc < 0)
		return dv_wrap(e, "image configuration");
	if (!streq(v.kind, "layers"))
		return dv_fail(e, DV_INVALID, "image configuration: rootfs.type is not \"layers\"");
	c.tree = tree;
	c.os = v.os ? v.os : "";
	c.arch = v.arch ? v.arch : "";
	c.variant = v.variant ? v.variant : "";
	if (!v.created || !image_time_parse(v.created, &c.created))
		c.created = 0;
	rc = diff_ids_parse(a, v.diff_ids, &c, e);
	if (rc == 0)
		*ret = c;
	return rc;
}

/* --- history --- */

#define STEP_VIEW(F, c) \
	F(c, str,  created,    "created",     0, NULL) \
	F(c, str,  created_by, "created_by",  0, NULL) \
	F(c, str,  comment,    "comment",     0, NULL) \
	F(c, bool, empty,      "empty_layer", 0, NULL)
DV_VIEW(step_view, STEP_VIEW);

#define HISTORY_VIEW(F, c) F(c, list, steps, "history", 0, &step_view_schema)
DV_VIEW(history_view, HISTORY_VIEW);

int image_history(struct arena *a, const struct image *img, struct image_history *ret, struct dv_err *e)
{
	struct history_view v;
	struct json *tree;
	size_t next = 0;
	int rc = json_parse(a, img->config, img->config_len, &tree, e);

	if (rc == 0)
		rc = view_decode(a, tree, &history_view_schema, "", &v, e);
	if (rc < 0)
		return dv_wrap(e, "history of %s", img->id);
	struct image_history h = { arena_array(a, struct image_step, v.steps.n + img->n_layers + 1), 0 };
	for (size_t i = 0; i < v.steps.n; i++) {
		const struct step_view *s = view_at(&v.steps, struct step_view, i);
		bool has = !s->empty && next < img->n_layers;

		h.v[h.n++] = (struct image_step){ s->created, s->created_by ? s->created_by : "",
						  s->comment ? s->comment : "", has ? &img->layers[next++] : NULL };
	}
	while (next < img->n_layers)
		h.v[h.n++] = (struct image_step){ NULL, "", "", &img->layers[next++] };
	*ret = h;
	return 0;
}
