/* ps_filter.c - --filter of containers: one table of docker's keys.
 *
 * Values of one key are alternatives, keys must all agree; labels must all be there.
 */
#include <regex.h>

#include "base/str.h"
#include "cli/ps.h"
#include "engine/pod.h"

#define PATTERN_MAX 200

struct condition;
struct key {
	const char *name;
	bool all;                       /* every value must agree, not one of them */
	int (*prepare)(struct engine *g, struct arena *a, struct condition *c, struct dv_err *e);
	bool (*match)(struct arena *a, const struct condition *c, const struct ps_item *x);
};
struct condition {
	const struct key *key;
	const char *value;
	int64_t number;                 /* exit status, time */
	const char *id;                 /* of an image, of a pod */
	regex_t *pattern;
};
struct ps_filter {
	struct condition *v;
	size_t n;
};

static const char *str_at(const struct ps_item *x, const char *path)
{
	const char *s = json_str(json_path(x->config, path));

	return s ? s : "";
}

static int bad_value(const struct condition *c, struct dv_err *e)
{
	return dv_fail(e, DV_INVALID, "invalid filter '%s=%.100s'", c->key->name, c->value);
}

/* --- identity --- */

static bool match_id(struct arena *a, const struct condition *c, const struct ps_item *x)
{
	return str_starts(x->ctr->id, c->value);
}

static int prepare_name(struct engine *g, struct arena *a, struct condition *c, struct dv_err *e)
{
	regex_t *re = arena_new(a, regex_t);

	if (strlen(c->value) > PATTERN_MAX || regcomp(re, c->value, REG_EXTENDED | REG_NOSUB) != 0)
		return bad_value(c, e);
	c->pattern = re;
	return 0;
}

/* With its slash in front or without: both are seen in scripts. */
static bool match_name(struct arena *a, const struct condition *c, const struct ps_item *x)
{
	return regexec(c->pattern, x->ctr->name, 0, NULL, 0) == 0 ||
	       regexec(c->pattern, arena_printf(a, "/%s", x->ctr->name), 0, NULL, 0) == 0;
}

static bool has_label(struct arena *a, const struct condition *c, const struct ps_item *x)
{
	const char *eq = strchr(c->value, '='), *value;
	const char *key = eq ? arena_strn(a, c->value, (size_t)(eq - c->value)) : c->value;

	value = json_str(json_get(json_path(x->config, "Config.Labels"), key));
	return value && (!eq || streq(value, eq + 1));
}

static bool lacks_label(struct arena *a, const struct condition *c, const struct ps_item *x)
{
	return !has_label(a, c, x);
}

static int prepare_ancestor(struct engine *g, struct arena *a, struct condition *c, struct dv_err *e)
{
	struct image *img;

	/* What is no image is nobody's ancestor. */
	if (image_resolve(engine_images(g), a, c->value, &img, NULL) >= 0)
		c->id = img->id;
	return 0;
}

static bool match_ancestor(struct arena *a, const struct condition *c, const struct ps_item *x)
{
	return (c->id && streq(c->id, x->ctr->image)) || streq(c->value, x->ctr->image_ref);
}

/* --- state --- */

static int prepare_status(struct engine *g, struct arena *a, struct condition *c, struct dv_err *e)
{
	static const char *const known[] = { "created", "restarting", "running", "removing", "paused", "exited", "dead" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (streq(known[i], c->value))
			return 0;
	return bad_value(c, e);
}

static bool match_status(struct arena *a, const struct condition *c, const struct ps_item *x)
{
	return streq(ctr_state_name(x->ctr), c->value);
}

static int prepare_number(struct engine *g, struct arena *a, struct condition *c, struct dv_err *e)
{
	return str_i64(c->value, INT64_MIN, INT64_MAX, "number", &c->number, NULL) < 0 ? bad_value(c, e) : 0;
}

static bool match_exited(struct arena *a, const struct condition *c, const struct ps_item *x)
{
	return x->ctr->status == CTR_EXITED && x->ctr->has_exit && x->ctr->exit_code == c->number;
}

static int prepare_health(struct engine *g, struct arena *a, struct condition *c, struct dv_err *e)
{
	static const char *const known[] = { "none", "starting", "healthy", "unhealthy" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (streq(known[i], c->value))
			return 0;
	return bad_value(c, e);
}

static bool match_health(struct arena *a, const struct condition *c, const struct ps_item *x)
{
	return streq(ps_health(x), c->value);
}

/* --- time --- */

static int prepare_container(struct engine *g, struct arena *a, struct condition *c, struct dv_err *e)
{
	struct ctr *other;
	int r = ctr_find(g, a, c->value, &other, e);

	c->number = r < 0 ? 0 : other->created_ns;
	return r;
}

static int prepare_until(struct engine *g, struct arena *a, struct condition *c, struct dv_err *e)
{
	int r = cli_until_parse(c->value, &c->number, e);

	c->number *= 1000000000;
	return r;
}

static bool match_before(struct arena *a, const struct condition *c, const struct ps_item *x)
{
	return x->ctr->created_ns < c->number;
}

static bool match_since(struct arena *a, const struct condition *c, const struct ps_item *x)
{
	return x->ctr->created_ns > c->number;
}

/* --- what it has --- */

static bool match_network(struct arena *a, const struct condition *c, const struct ps_item *x)
{
	return streq(str_at(x, "HostConfig.NetworkMode"), c->value);
}

static bool match_volume(struct arena *a, const struct condition *c, const struct ps_item *x)
{
	static const char *const keys[] = { "Name", "Source", "Destination" };

	for (JSON_EACH(it, json_get(x->config, "Mounts")))
		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			const char *s = json_str(json_get(it.value, keys[i]));

			if (s && streq(s, c->value))
				return true;
		}
	return false;
}

/* "80", "80/udp", "80-90/tcp" */
static int prepare_port(struct engine *g, struct arena *a, struct condition *c, struct dv_err *e)
{
	struct scan s = scan_of(c->value, strlen(c->value));
	uint64_t first, last;

	if (!scan_u64(&s, &first) || first > 65535 || (scan_char(&s, '-') && (!scan_u64(&s, &last) || last < first || last > 65535)))
		return bad_value(c, e);
	return s.p == s.end || streq(s.p, "/tcp") || streq(s.p, "/udp") || streq(s.p, "/sctp") ? 0 : bad_value(c, e);
}

/* Is "80/tcp" one of "80-90/tcp"? */
static bool in_ports(const char *want, const char *port)
{
	struct scan s = scan_of(want, strlen(want)), p = scan_of(port, strlen(port));
	uint64_t first = 0, last, n = 0;

	(void)!scan_u64(&s, &first);
	last = first;
	if (scan_char(&s, '-'))
		(void)!scan_u64(&s, &last);
	(void)!scan_u64(&p, &n);
	return n >= first && n <= last && streq(s.p == s.end ? "/tcp" : s.p, p.p == p.end ? "/tcp" : p.p);
}

static bool any_port(const struct json *ports, const char *want)
{
	for (JSON_EACH(it, ports))
		if (in_ports(want, json_iter_key(it)))
			return true;
	return false;
}

/* By the container's port, or by the host's. */
static bool match_publish(struct arena *a, const struct condition *c, const struct ps_item *x)
{
	for (JSON_EACH(it, json_path(x->config, "HostConfig.PortBindings"))) {
		const char *slash = strchr(json_iter_key(it), '/');

		if (in_ports(c->value, json_iter_key(it)))
			return true;
		for (JSON_EACH(b, it.value)) {
			const char *host = json_str(json_get(b.value, "HostPort"));

			if (host && *host && in_ports(c->value, arena_printf(a, "%s%s", host, slash ? slash : "")))
				return true;
		}
	}
	return false;
}

static bool match_expose(struct arena *a, const struct condition *c, const struct ps_item *x)
{
	return any_port(json_path(x->config, "Config.ExposedPorts"), c->value) ||
	       any_port(json_path(x->config, "HostConfig.PortBindings"), c->value);
}

static int prepare_bool(struct engine *g, struct arena *a, struct condition *c, struct dv_err *e)
{
	if (!streq(c->value, "true") && !streq(c->value, "false"))
		return bad_value(c, e);
	return 0;
}

/* There are no tasks of a swarm here. */
static bool match_task(struct arena *a, const struct condition *c, const struct ps_item *x)
{
	return streq(c->value, "false");
}

/* A pod that does not exist has no containers. */
static int prepare_pod(struct engine *g, struct arena *a, struct condition *c, struct dv_err *e)
{
	struct pod *p = NULL;

	if (pod_find(g, a, c->value, &p, NULL) >= 0)
		c->id = p->id;
	return 0;
}

static bool match_pod(struct arena *a, const struct condition *c, const struct ps_item *x)
{
	return c->id && streq(x->ctr->pod, c->id);
}

static const struct key keys[] = {
	{ "id", false, NULL, match_id },
	{ "name", false, prepare_name, match_name },
	{ "label", true, NULL, has_label },
	{ "label!", true, NULL, lacks_label },
	{ "ancestor", false, prepare_ancestor, match_ancestor },
	{ "status", false, prepare_status, match_status },
	{ "exited", false, prepare_number, match_exited },
	{ "health", false, prepare_health, match_health },
	{ "before", true, prepare_container, match_before },
	{ "since", true, prepare_container, match_since },
	{ "until", true, prepare_until, match_before },
	{ "network", false, NULL, match_network },
	{ "volume", false, NULL, match_volume },
	{ "publish", false, prepare_port, match_publish },
	{ "expose", false, prepare_port, match_expose },
	{ "is-task", false, prepare_bool, match_task },
	{ "pod", false, prepare_pod, match_pod },
};

/* --- all of them --- */

static int parse_one(struct engine *g, struct arena *a, const char *text, struct condition *ret, struct dv_err *e)
{
	const char *eq = strchr(text, '='), *name;
	size_t i = 0;

	if (!eq)
		return dv_fail(e, DV_INVALID, "invalid argument \"%.100s\" for \"-f, --filter\" flag: bad format of filter "
					      "(expected name=value)", text);
	name = arena_strn(a, text, (size_t)(eq - text));
	while (i < ARRAY_LEN(keys) && !streq(keys[i].name, name))
		i++;
	if (i == ARRAY_LEN(keys))
		return dv_fail(e, DV_INVALID, "invalid filter '%.60s'", name);
	*ret = (struct condition){ .key = &keys[i], .value = eq + 1 };
	return keys[i].prepare ? keys[i].prepare(g, a, ret, e) : 0;
}

int ps_filter_parse(struct engine *g, struct arena *a, const struct opt_strs *texts, struct ps_filter **ret, struct dv_err *e)
{
	struct ps_filter *f = arena_new(a, struct ps_filter);

	f->v = arena_array(a, struct condition, texts->n + 1);
	for (; f->n < texts->n; f->n++) {
		int r = parse_one(g, a, texts->v[f->n], &f->v[f->n], e);

		if (r < 0) {
			ps_filter_done(f);
			return r;
		}
	}
	*ret = f;
	return 0;
}

void ps_filter_done(struct ps_filter *f)
{
	for (size_t i = 0; f && i < f->n; i++)
		if (f->v[i].pattern)
			regfree(f->v[i].pattern);
}

bool ps_filter_names_states(const struct ps_filter *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (streq(f->v[i].key->name, "status"))
			return true;
	return false;
}

bool ps_filter_match(struct arena *a, const struct ps_filter *f, const struct ps_item *x)
{
	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		bool asked = false, one = false;

		for (size_t i = 0; i < f->n; i++) {
			if (f->v[i].key != &keys[k])
				continue;
			bool yes = keys[k].match(a, &f->v[i], x);

			if (!yes && keys[k].all)
				return false;
			asked = true;
			one = one || yes;
		}
		if (asked && !one)
			return false;
	}
	return true;
}
