/* rules.c - rules from JSON or YAML through views, and the pattern matcher. */
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "json/view.h"
#include "json/yaml.h"
#include "registry/rules.h"

#define RULES_BYTES_MAX ((size_t)1 << 20)

#define RULE_VIEW(F, c) \
	F(c, strs, repositories, "repositories", REQ, NULL) \
	F(c, strs, users,        "users",        0,   NULL) \
	F(c, strs, groups,       "groups",       0,   NULL) \
	F(c, bool, anonymous,    "anonymous",    0,   NULL) \
	F(c, strs, actions,      "actions",      REQ, NULL)
DV_VIEW(rule_view, RULE_VIEW);

#define RULES_VIEW(F, c) \
	F(c, node, groups, "groups", 0,   NULL) \
	F(c, list, rules,  "rules",  REQ, &rule_view_schema)
DV_VIEW(rules_view, RULES_VIEW);

struct rules {
	struct arena arena;
	struct rules_view v;
	unsigned *actions;              /* of each rule */
};

static const struct { const char *name; unsigned action; } names[] = {
	{ "pull", ACTION_PULL }, { "push", ACTION_PUSH }, { "delete", ACTION_DELETE }, { "*", ACTION_ALL },
};

unsigned action_parse(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strlen(names[i].name) == len && memcmp(name, names[i].name, len) == 0)
			return names[i].action;
	return 0;
}

/* --- reading --- */

static int actions_read(struct rules *r, struct dv_err *e)
{
	r->actions = arena_array(&r->arena, unsigned, r->v.rules.n + 1);
	for (size_t i = 0; i < r->v.rules.n; i++)
		for (const char **a = view_at(&r->v.rules, struct rule_view, i)->actions; *a; a++) {
			unsigned bit = action_parse(*a, strlen(*a));

			if (!bit)
				return dv_fail(e, DV_INVALID, "rules[%zu].actions: \"%.40s\" is none of pull, push, delete, *", i,
					       *a);
			r->actions[i] |= bit;
		}
	return 0;
}

static int groups_check(const struct rules *r, struct dv_err *e)
{
	if (r->v.groups && json_type(r->v.groups) != JSON_OBJECT)
		return dv_fail(e, DV_INVALID, "groups: an object is wanted, not %s", json_type_name(json_type(r->v.groups)));
	for (size_t i = 0; i < r->v.rules.n; i++)
		for (const char **g = view_at(&r->v.rules, struct rule_view, i)->groups; g && *g; g++)
			if (json_type(json_get(r->v.groups, *g)) != JSON_ARRAY)
				return dv_fail(e, DV_INVALID, "rules[%zu].groups: no group \"%.60s\"", i, *g);
	return 0;
}

int rules_parse(const char *text, size_t len, struct rules **ret, struct dv_err *e)
{
	struct rules *r = mem_new(struct rules);
	struct json *j = NULL;

	arena_init(&r->arena, 16 * RULES_BYTES_MAX);
	/* JSON is YAML as well. */
	int rc = yaml_parse(&r->arena, text, len, &j, e);
	if (rc == 0)
		rc = view_decode(&r->arena, j, &rules_view_schema, "", &r->v, e);
	if (rc == 0)
		rc = actions_read(r, e);
	if (rc == 0)
		rc = groups_check(r, e);
	if (rc < 0) {
		rules_free(r);
		return rc;
	}
	*ret = r;
	return 0;
}

int rules_read(const char *path, struct rules **ret, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(RULES_BYTES_MAX);
	int rc = file_read(AT_FDCWD, path, &b, e);

	if (rc == 0)
		rc = rules_parse(buf_cstr(&b), b.len, ret, e);
	return rc < 0 ? dv_wrap(e, "rules %s", path) : 0;
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	arena_done(&r->arena);
	free(r);
}

/* --- asking --- */

/* Each star is tried from where it stands; the last one that was passed is enough to go back to. "**" is two
 * kinds of star in one pattern, so the last of either kind is kept. */
bool rules_match(const char *p, const char *s)
{
	const char *deep_p = NULL, *deep_s = NULL, *star_p = NULL, *star_s = NULL;

	for (;;) {
		if (p[0] == '*' && p[1] == '*') {
			deep_p = p += 2;
			deep_s = s;
			star_p = NULL;
		} else if (*p == '*') {
			star_p = ++p;
			star_s = s;
		} else if (*p == *s) {
			if (!*s)
				return true;
			p++;
			s++;
		} else if (star_p && *star_s && *star_s != '/') {
			p = star_p;
			s = ++star_s;
		} else if (deep_p && *deep_s) {
			p = deep_p;
			s = ++deep_s;
			star_p = NULL;
		} else {
			return false;
		}
	}
}

static bool listed(const char *const *list, const char *word)
{
	for (; list && *list; list++)
		if (streq(*list, word))
			return true;
	return false;
}

static bool in_group(const struct rules *r, const char *group, const char *user)
{
	for (JSON_EACH(it, json_get(r->v.groups, group)))
		if (json_str(it.value) && streq(json_str(it.value), user))
			return true;
	return false;
}

static bool rule_is_for(const struct rules *r, const struct rule_view *v, const char *user)
{
	if (v->anonymous)
		return true;
	if (!user)
		return false;
	if (listed(v->users, "*") || listed(v->users, user))
		return true;
	for (const char **g = v->groups; g && *g; g++)
		if (in_group(r, *g, user))
			return true;
	return false;
}

unsigned rules_actions(const struct rules *r, const char *user, const char *repo)
{
	unsigned actions = 0;

	if (!r)
		return user ? ACTION_ALL : 0;
	for (size_t i = 0; i < r->v.rules.n; i++) {
		const struct rule_view *v = view_at(&r->v.rules, struct rule_view, i);

		if ((actions | r->actions[i]) == actions || !rule_is_for(r, v, user))
			continue;
		for (const char **p = v->repositories; *p; p++)
			if (rules_match(*p, repo)) {
				actions |= r->actions[i];
				break;
			}
	}
	return actions;
}
