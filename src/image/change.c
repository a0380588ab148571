/* change.c - one instruction, one row, one function. */
#include <strings.h>

#include "base/str.h"
#include "image/change.h"

struct change {
	struct arena *a;
	struct json *config;
	const char *name, *key;
};

/* --- words --- */

/* Words with quotes and backslashes as in a Dockerfile: a "b c" d\ e. NULL-terminated; INVALID for an open quote. */
static int words_of(struct arena *a, const char *text, const char ***ret, size_t *ret_n, struct dv_err *e)
{
	const char **v = arena_array(a, const char *, strlen(text) / 2 + 2);
	char *out = arena_alloc(a, strlen(text) + 1), *word = out;
	bool inside = false;
	char quote = 0;
	size_t n = 0;

	for (const char *p = text;; p++) {
		if (!*p || (!quote && (*p == ' ' || *p == '\t'))) {
			if (inside)
				v[n++] = word;
			*out++ = '\0';
			word = out;
			inside = false;
			if (!*p)
				break;
			continue;
		}
		inside = true;
		if (quote ? *p == quote : *p == '"' || *p == '\'')
			quote = quote ? 0 : *p;
		else if (*p == '\\' && p[1] && quote != '\'')
			*out++ = *++p;
		else
			*out++ = *p;
	}
	if (quote)
		return dv_fail(e, DV_INVALID, "a quote is not closed");
	*ret = v;
	*ret_n = n;
	return 0;
}

static int words_wanted(struct change *c, const char *text, const char ***ret, size_t *ret_n, struct dv_err *e)
{
	int rc = words_of(c->a, text, ret, ret_n, e);

	return rc < 0 ? rc : *ret_n > 0 ? 0 : dv_fail(e, DV_INVALID, "nothing follows");
}

static struct json *member(struct change *c, enum json_type type)
{
	struct json *j = json_get_mut(c->config, c->key);

	if (json_type(j) == type)
		return j;
	j = type == JSON_ARRAY ? json_new_array(c->a) : json_new_object(c->a);
	json_set(c->a, c->config, c->key, j);
	return j;
}

/* A JSON array of strings, or NULL. */
static struct json *array_of(struct change *c, const char *text)
{
	struct json *j;

	if (*text != '[' || json_parse(c->a, text, strlen(text), &j, NULL) < 0 || json_type(j) != JSON_ARRAY)
		return NULL;
	for (JSON_EACH(it, j))
		if (!json_str(it.value))
			return NULL;
	return j;
}

/* --- instructions --- */

static int change_command(struct change *c, const char *text, struct dv_err *e)
{
	struct json *list = array_of(c, text);

	(void)e;
	if (!list) {
		list = json_new_array(c->a);
		json_append(c->a, list, json_new_str(c->a, "/bin/sh"));
		json_append(c->a, list, json_new_str(c->a, "-c"));
		json_append(c->a, list, json_new_str(c->a, text));
	}
	json_set(c->a, c->config, c->key, list);
	return 0;
}

static int change_text(struct change *c, const char *text, struct dv_err *e)
{
	(void)e;
	json_set(c->a, c->config, c->key, json_new_str(c->a, text));
	return 0;
}

static int change_workdir(struct change *c, const char *text, struct dv_err *e)
{
	const char *old = json_str(json_get(c->config, c->key));

	if (*text != '/')
		text = arena_printf(c->a, "%s/%s", old && !streq(old, "/") ? old : "", text);
	return change_text(c, text, e);
}

static int change_onbuild(struct change *c, const char *text, struct dv_err *e)
{
	(void)e;
	json_append(c->a, member(c, JSON_ARRAY), json_new_str(c->a, text));
	return 0;
}

/* {"80/tcp": {}} */
static int change_set(struct change *c, const char *text, struct dv_err *e)
{
	struct json *list = array_of(c, text), *set = member(c, JSON_OBJECT);
	const char **v;
	size_t n;
	int rc = 0;

	for (JSON_EACH(it, list))
		json_set(c->a, set, json_str(it.value), json_new_object(c->a));
	if (!list)
		rc = words_wanted(c, text, &v, &n, e);
	for (size_t i = 0; !list && rc == 0 && i < n; i++) {
		bool port = streq(c->name, "EXPOSE") && !strchr(v[i], '/');

		json_set(c->a, set, port ? arena_printf(c->a, "%s/tcp", v[i]) : v[i], json_new_object(c->a));
	}
	return rc;
}

/* "A=b C=d", or the old "A b c" of one value. */
static int pairs_of(struct change *c, const char *text, const char ***ret, size_t *ret_n, struct dv_err *e)
{
	int rc = words_wanted(c, text, ret, ret_n, e);

	if (rc < 0)
		return rc;
	if (!strchr((*ret)[0], '=')) {
		size_t len = strcspn(text, " \t");
		const char *value = text + len + strspn(text + len, " \t");

		if (!*value)
			return dv_fail(e, DV_INVALID, "NAME=VALUE is wanted");
		(*ret)[0] = arena_printf(c->a, "%.*s=%s", (int)len, text, value);
		*ret_n = 1;
	}
	for (size_t i = 0; i < *ret_n; i++)
		if (!strchr((*ret)[i], '=') || *(*ret)[i] == '=')
			return dv_fail(e, DV_INVALID, "\"%.100s\" is not NAME=VALUE", (*ret)[i]);
	return 0;
}

static int change_label(struct change *c, const char *text, struct dv_err *e)
{
	struct json *set = member(c, JSON_OBJECT);
	const char **v;
	size_t n;
	int rc = pairs_of(c, text, &v, &n, e);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		const char *eq = strchr(v[i], '=');

		json_set(c->a, set, arena_strn(c->a, v[i], (size_t)(eq - v[i])), json_new_str(c->a, eq + 1));
	}
	return rc;
}

/* A variable that is there keeps its place. */
static void env_set(struct change *c, const char *pair)
{
	size_t name = strcspn(pair, "=") + 1;
	struct json *old = member(c, JSON_ARRAY), *list = json_new_array(c->a);
	bool found = false;

	for (JSON_EACH(it, old)) {
		const char *have = json_str(it.value);
		bool same = have && strncmp(have, pair, name) == 0;

		json_append(c->a, list, same ? json_new_str(c->a, pair) : (struct json *)it.value);
		found = found || same;
	}
	if (!found)
		json_append(c->a, list, json_new_str(c->a, pair));
	json_set(c->a, c->config, c->key, list);
}

static int change_env(struct change *c, const char *text, struct dv_err *e)
{
	const char **v;
	size_t n;
	int rc = pairs_of(c, text, &v, &n, e);

	for (size_t i = 0; rc == 0 && i < n; i++)
		env_set(c, v[i]);
	return rc;
}

static const struct {
	const char *name, *key;
	int (*apply)(struct change *c, const char *text, struct dv_err *e);
} rows[] = {
	{ "CMD", "Cmd", change_command },
	{ "ENTRYPOINT", "Entrypoint", change_command },
	{ "ENV", "Env", change_env },
	{ "EXPOSE", "ExposedPorts", change_set },
	{ "LABEL", "Labels", change_label },
	{ "ONBUILD", "OnBuild", change_onbuild },
	{ "STOPSIGNAL", "StopSignal", change_text },
	{ "USER", "User", change_text },
	{ "VOLUME", "Volumes", change_set },
	{ "WORKDIR", "WorkingDir", change_workdir },
};

int image_change(struct arena *a, struct json *config, const char *instruction, struct dv_err *e)
{
	const char *p = instruction + strspn(instruction, " \t");
	size_t len = strcspn(p, " \t"), end;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct change c = { a, config, rows[i].name, rows[i].key };

		if (strlen(rows[i].name) != len || strncasecmp(rows[i].name, p, len) != 0)
			continue;
		p += len + strspn(p + len, " \t");
		end = strlen(p);
		while (end > 0 && (p[end - 1] == ' ' || p[end - 1] == '\t'))
			end--;
		int rc = end > 0 ? rows[i].apply(&c, arena_strn(a, p, end), e) : dv_fail(e, DV_INVALID, "nothing follows");
		return rc < 0 ? dv_wrap(e, "change \"%.100s\"", instruction) : 0;
	}
	return dv_fail(e, DV_INVALID, "change \"%.100s\": no instruction that changes a configuration", instruction);
}
