/* env.c - the environment of a container. */
#include <stdlib.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/request.h"

#define ENV_MAX 4096
#define ENV_FILE_MAX (1 << 20)

struct env {
	struct arena *arena;
	const char **v;
	size_t n;
};

static size_t key_len(const char *kv)
{
	return strcspn(kv, "=");
}

static int put(struct env *x, const char *kv, struct dv_err *e)
{
	size_t k = key_len(kv);

	for (size_t i = 0; i < x->n; i++)
		if (key_len(x->v[i]) == k && memcmp(x->v[i], kv, k) == 0) {
			x->v[i] = kv;
			return 0;
		}
	if (x->n == ENV_MAX)
		return dv_fail(e, DV_LIMIT, "more than %d environment variables", ENV_MAX);
	x->v[x->n++] = kv;
	return 0;
}

static void unset(struct env *x, const char *key)
{
	size_t k = strlen(key);

	for (size_t i = 0; i < x->n; i++)
		if (key_len(x->v[i]) == k && memcmp(x->v[i], key, k) == 0) {
			memmove(&x->v[i], &x->v[i + 1], (x->n - i) * sizeof *x->v);
			x->n--;
			return;
		}
}

/* K alone: our own value; where we have none the container has none either. */
static int put_user(struct env *x, const char *kv, const char *where, struct dv_err *e)
{
	const char *own;

	if (!*kv || *kv == '=')
		return dv_fail(e, DV_INVALID, "%s: invalid environment variable: %.200s", where, kv);
	if (strchr(kv, '='))
		return put(x, kv, e);
	own = getenv(kv);
	if (!own) {
		unset(x, kv);
		return 0;
	}
	return put(x, arena_printf(x->arena, "%s=%s", kv, own), e);
}

/* One variable a line, "#" comments, no quotes and no expansion: as docker reads them. */
static int put_file(struct env *x, const char *path, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(ENV_FILE_MAX);
	struct scan s;
	const char *line;
	size_t len;
	int r = file_read(AT_FDCWD, path, &b, e);

	if (r < 0)
		return dv_wrap(e, "--env-file");
	s = scan_of(buf_cstr(&b), b.len);
	while (r >= 0 && scan_until(&s, '\n', &line, &len)) {
		char *kv;

		while (len && (*line == ' ' || *line == '\t')) {
			line++;
			len--;
		}
		if (len && line[len - 1] == '\r')
			len--;
		if (!len || *line == '#')
			continue;
		kv = arena_strn(x->arena, line, len);
		if (strcspn(kv, " \t") < key_len(kv))
			return dv_fail(e, DV_INVALID, "--env-file %s: variable '%.100s' contains whitespaces", path, kv);
		r = put_user(x, kv, path, e);
	}
	return r;
}

int env_merge(struct arena *a, const char *const *defaults, const struct json *image, const struct run_request *q,
	      const char ***ret, struct dv_err *e)
{
	struct env x = { .arena = a, .v = arena_array(a, const char *, ENV_MAX + 1) };
	int r = 0;

	for (; r >= 0 && *defaults; defaults++)
		r = put(&x, *defaults, e);
	for (JSON_EACH(it, image))
		if (r >= 0 && json_str(it.value) && *json_str(it.value))
			r = put(&x, json_str(it.value), e);
	for (const char *const *f = q->env_files; r >= 0 && f && *f; f++)
		r = put_file(&x, *f, e);
	for (const char *const *v = q->env; r >= 0 && v && *v; v++)
		r = put_user(&x, *v, "--env", e);
	if (r < 0)
		return r;
	x.v[x.n] = NULL;
	*ret = x.v;
	return 0;
}
