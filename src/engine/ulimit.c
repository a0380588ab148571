/* ulimit.c - --ulimit NAME=SOFT[:HARD], cut to what this process may give. */
#include <sys/resource.h>

#include "base/log.h"
#include "base/str.h"
#include "engine/limit.h"

#define NOFILE_DEFAULT 1048576
#define UNLIMITED UINT64_MAX

static const struct kind {
	const char *name, *oci;
	int number;
} kinds[] = {
	{ "core", "RLIMIT_CORE", RLIMIT_CORE },       { "cpu", "RLIMIT_CPU", RLIMIT_CPU },
	{ "data", "RLIMIT_DATA", RLIMIT_DATA },       { "fsize", "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "locks", "RLIMIT_LOCKS", RLIMIT_LOCKS },    { "memlock", "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "msgqueue", "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE }, { "nice", "RLIMIT_NICE", RLIMIT_NICE },
	{ "nofile", "RLIMIT_NOFILE", RLIMIT_NOFILE }, { "nproc", "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "rss", "RLIMIT_RSS", RLIMIT_RSS },          { "rtprio", "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "rttime", "RLIMIT_RTTIME", RLIMIT_RTTIME }, { "sigpending", "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "stack", "RLIMIT_STACK", RLIMIT_STACK },
};

/* Without CAP_SYS_RESOURCE a hard limit can only fall: ours is what the container gets at most. */
static rlim_t cut(const struct kind *k, uint64_t want)
{
	struct rlimit own;

	if (getrlimit((__rlimit_resource_t)k->number, &own) < 0 || own.rlim_max == RLIM_INFINITY || want <= own.rlim_max)
		return want == UNLIMITED ? RLIM_INFINITY : want;
	log_debug("a resource limit is cut to our own hard limit", "limit", k->name, NULL);
	return own.rlim_max;
}

static void put(struct arena *a, struct json *list, const struct kind *k, uint64_t soft, uint64_t hard)
{
	json_append(a, list,
		    json_obj(a, "type", json_new_str(a, k->oci), "soft", json_new_u64(a, cut(k, soft)), "hard",
			     json_new_u64(a, cut(k, hard)), NULL));
}

/* The last one of a name counts. */
static struct json *without(struct arena *a, const struct json *list, const struct kind *k)
{
	struct json *out = json_new_array(a);

	for (JSON_EACH(it, list))
		if (!streq(json_str(json_get(it.value, "type")), k->oci))
			json_append(a, out, (struct json *)it.value);
	return out;
}

static const struct kind *kind_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (streq(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

static bool number(const char *text, uint64_t *ret)
{
	if (streq(text, "-1") || streq(text, "unlimited")) {
		*ret = UNLIMITED;
		return true;
	}
	return str_u64(text, INT64_MAX, "limit", ret, NULL) == 0;
}

struct ulimit {
	const struct kind *kind;
	uint64_t soft, hard;
};

static int parse(struct arena *a, const char *text, struct ulimit *ret, struct dv_err *e)
{
	const char *eq = strchr(text, '='), *colon = eq ? strchr(eq, ':') : NULL;
	struct ulimit u;

	if (!eq || eq == text)
		return dv_fail(e, DV_INVALID, "invalid ulimit argument: %.100s", text);
	u.kind = kind_named(arena_strn(a, text, (size_t)(eq - text)));
	if (!u.kind)
		return dv_fail(e, DV_INVALID, "invalid ulimit type: %.*s", (int)(eq - text), text);
	if (!number(colon ? arena_strn(a, eq + 1, (size_t)(colon - eq - 1)) : eq + 1, &u.soft) ||
	    !number(colon ? colon + 1 : eq + 1, &u.hard))
		return dv_fail(e, DV_INVALID, "--ulimit %.100s: the limits are numbers, or -1 for none", text);
	if (u.soft > u.hard)
		return dv_fail(e, DV_INVALID, "ulimit soft limit must be less than or equal to hard limit: %s",
			       eq + 1);
	*ret = u;
	return 0;
}

int limits_rlimits(struct arena *a, const struct run_request *q, struct json **ret, struct dv_err *e)
{
	struct json *list = json_new_array(a);
	bool nofile = false, host = false;

	for (const char *const *t = q->ulimits; t && *t; t++) {
		struct ulimit u;
		int r;

		if (streq(*t, "host")) {
			host = true;
			continue;
		}
		if ((r = parse(a, *t, &u, e)) < 0)
			return r;
		list = without(a, list, u.kind);
		put(a, list, u.kind, u.soft, u.hard);
		nofile = nofile || u.kind->number == RLIMIT_NOFILE;
	}
	if (!nofile && !host)
		put(a, list, kind_named("nofile"), NOFILE_DEFAULT, NOFILE_DEFAULT);
	*ret = list;
	return 0;
}

struct json *ulimits_inspect(struct arena *a, const struct run_request *q)
{
	struct json *list = json_new_array(a);
	struct ulimit u;

	for (const char *const *t = q->ulimits; t && *t; t++)
		if (!streq(*t, "host") && parse(a, *t, &u, NULL) == 0)
			json_append(a, list, json_obj(a, "Name", json_new_str(a, u.kind->name), "Hard",
						      json_new_i64(a, (int64_t)u.hard), "Soft", json_new_i64(a, (int64_t)u.soft), NULL));
	return list;
}
