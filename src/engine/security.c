/* security.c - --security-opt: one table of keys. */
#include "base/str.h"
#include "engine/security.h"

#define PATHS_MAX 1000

static const char *const masked[] = {
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
	"/sys/firmware", NULL
};
static const char *const readonly[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL
};

struct choice {
	struct arena *a;
	const struct run_request *q;
	struct run_config *c;
};

/* --- one key each; text is the whole option --- */

static int no_new_privileges(struct choice *x, const char *value, const char *text, struct dv_err *e)
{
	if (*value && !streq(value, "true") && !streq(value, "false"))
		return dv_fail(e, DV_INVALID, "invalid --security-opt: \"%.200s\"", text);
	x->c->sec.no_new_privs = !streq(value, "false");
	return 0;
}

static int seccomp(struct choice *x, const char *value, const char *text, struct dv_err *e)
{
	x->c->sec.unfiltered = streq(value, "unconfined");
	x->c->sec.profile = x->c->sec.unfiltered || streq(value, "builtin") || streq(value, "default") ? NULL : value;
	return 0;
}

static int apparmor(struct choice *x, const char *value, const char *text, struct dv_err *e)
{
	x->c->sec.apparmor = streq(value, "unconfined") ? NULL : value;
	return 0;
}

/* disable, or user:, role:, type: and level: of a label; this machine's kernel decides what they mean. */
static int label(struct choice *x, const char *value, const char *text, struct dv_err *e)
{
	static const char *const known[] = { "disable", "user:", "role:", "type:", "level:", "filetype:", "nested" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_starts(value, known[i]))
			return 0;
	return dv_fail(e, DV_INVALID, "invalid --security-opt: \"%.200s\"", text);
}

static int system_paths(struct choice *x, const char *value, const char *text, struct dv_err *e)
{
	if (!streq(value, "unconfined"))
		return dv_fail(e, DV_INVALID, "invalid --security-opt: \"%.200s\"", text);
	x->c->sec.masked = x->c->sec.readonly = NULL;
	return 0;
}

static int each_path(struct choice *x, const char *value, const char *text, struct json **list, bool add, struct dv_err *e)
{
	struct json *out = json_new_array(x->a);
	size_t n;
	char **paths = str_split(x->a, value, ':', &n);

	for (JSON_EACH(it, *list)) {
		bool named = false;

		for (size_t i = 0; i < n; i++)
			named = named || streq(paths[i], json_str(it.value));
		if (add || !named)
			json_append(x->a, out, (struct json *)it.value);
	}
	for (size_t i = 0; i < n; i++) {
		if (*paths[i] != '/' || json_len(out) >= PATHS_MAX)
			return dv_fail(e, DV_INVALID, "--security-opt %.200s: the paths are absolute", text);
		if (add)
			json_append(x->a, out, json_new_str(x->a, paths[i]));
	}
	*list = out;
	return 0;
}

static int mask(struct choice *x, const char *value, const char *text, struct dv_err *e)
{
	return each_path(x, value, text, &x->c->sec.masked, true, e);
}

/* ALL, or paths: shown, and writable where they were not. */
static int unmask(struct choice *x, const char *value, const char *text, struct dv_err *e)
{
	int r;

	if (streq(value, "ALL") || streq(value, "all")) {
		x->c->sec.masked = x->c->sec.readonly = NULL;
		return 0;
	}
	r = each_path(x, value, text, &x->c->sec.masked, false, e);
	return r < 0 ? r : each_path(x, value, text, &x->c->sec.readonly, false, e);
}

static int proc_opts(struct choice *x, const char *value, const char *text, struct dv_err *e)
{
	x->c->sec.proc_opts = value;
	return 0;
}

static int writable_cgroups(struct choice *x, const char *value, const char *text, struct dv_err *e)
{
	if (*value && !streq(value, "true") && !streq(value, "false"))
		return dv_fail(e, DV_INVALID, "invalid --security-opt: \"%.200s\"", text);
	x->c->sec.writable_cgroups = !streq(value, "false");
	return 0;
}

static const struct key {
	const char *name;
	bool alone;                     /* may have no value */
	int (*take)(struct choice *x, const char *value, const char *text, struct dv_err *e);
} keys[] = {
	{ "no-new-privileges", true, no_new_privileges }, { "seccomp", false, seccomp },
	{ "apparmor", false, apparmor },                  { "label", false, label },
	{ "systempaths", false, system_paths },           { "mask", false, mask },
	{ "unmask", false, unmask },                      { "proc-opts", false, proc_opts },
	{ "writable-cgroups", true, writable_cgroups },
};

/* "key=value"; ":" is its older spelling. */
static int take(struct choice *x, const char *text, struct dv_err *e)
{
	size_t len = strcspn(text, "=:");
	const char *name = arena_strn(x->a, text, len), *value = text[len] ? text + len + 1 : "";

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (streq(keys[i].name, name) && (*value || keys[i].alone))
			return keys[i].take(x, value, text, e);
	return dv_fail(e, DV_INVALID, "invalid --security-opt: \"%.200s\"", text);
}

int security_choose(struct arena *a, const struct run_request *q, struct run_config *c, struct dv_err *e)
{
	struct choice x = { a, q, c };
	int r = 0;

	c->sec = (struct run_security){ .unfiltered = q->privileged, .writable_cgroups = q->privileged };
	if (!q->privileged) {
		c->sec.masked = json_new_strs(a, masked);
		c->sec.readonly = json_new_strs(a, readonly);
	}
	for (const char *const *o = q->security_opts; r >= 0 && o && *o; o++)
		r = take(&x, *o, e);
	if (r < 0)
		return r;
	return c->sec.profile ? seccomp_profile_parse(a, c->sec.profile, c->caps, &c->sec.seccomp, e) : 0;
}
