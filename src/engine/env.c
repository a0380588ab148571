/* env.c - the environment of a container. */
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/request.h"

#define ENV_MAX 4096
#define ENV_FEW 32              /* the room to begin with */
#define FILE_BYTES_MAX (1 << 20)

struct env {
	struct arena *arena;
	const char **v;
	size_t n;
	struct env *gone;               /* where names go that are to be unset; NULL: nowhere */
};

static struct env env_new(struct arena *a)
{
	return (struct env){ .arena = a, .v = arena_array(a, const char *, ENV_FEW + 1) };
}

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
	if (x->n >= ENV_FEW && (x->n & (x->n - 1)) == 0) {
		const char **more = arena_array(x->arena, const char *, 2 * x->n + 1);

		memcpy(more, x->v, x->n * sizeof *more);
		x->v = more;
	}
	x->v[x->n++] = kv;
	return 0;
}

static int put_all(struct env *x, const char *const *list, struct dv_err *e)
{
	int r = 0;

	for (; r >= 0 && list && *list; list++)
		r = put(x, *list, e);
	return r;
}

static void unset(struct env *x, const char *key)
{
	size_t k = key_len(key);

	for (size_t i = 0; i < x->n; i++)
		if (key_len(x->v[i]) == k && memcmp(x->v[i], key, k) == 0) {
			memmove(&x->v[i], &x->v[i + 1], (x->n - i - 1) * sizeof *x->v);
			x->v[--x->n] = NULL;
			return;
		}
}

/* --- of the flags --- */

/* Ours that begin so. */
static int put_own(struct env *x, const char *prefix, size_t len, struct dv_err *e)
{
	int r = 0;

	for (char **own = environ; r >= 0 && own && *own; own++)
		if (strncmp(*own, prefix, len) == 0 && strchr(*own, '='))
			r = put(x, *own, e);
	return r;
}

/* K alone: our own value; where we have none the container has none either. */
static int put_user(struct env *x, const char *kv, const char *where, struct dv_err *e)
{
	size_t len = strlen(kv);
	const char *own;
	int r = 0;

	if (!len || *kv == '=')
		return dv_fail(e, DV_INVALID, "%s: invalid environment variable: %.200s", where, kv);
	if (strchr(kv, '='))
		return put(x, kv, e);
	if (kv[len - 1] == '*')
		return put_own(x, kv, len - 1, e);
	own = getenv(kv);
	if (own)
		return put(x, arena_printf(x->arena, "%s=%s", kv, own), e);
	unset(x, kv);
	if (x->gone)
		r = put(x->gone, kv, e);
	return r;
}

int lines_of_file(struct arena *a, const char *flag, const char *path, line_fn *each, void *ctx, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(FILE_BYTES_MAX);
	struct scan s;
	const char *line;
	size_t len;
	int r = file_read(AT_FDCWD, path, &b, e);

	if (r < 0)
		return dv_wrap(e, "%s", flag);
	s = scan_of(buf_cstr(&b), b.len);
	while (r >= 0 && scan_until(&s, '\n', &line, &len)) {
		while (len && (*line == ' ' || *line == '\t')) {
			line++;
			len--;
		}
		if (len && line[len - 1] == '\r')
			len--;
		if (len && *line != '#')
			r = each(ctx, arena_strn(a, line, len), e);
	}
	return r < 0 ? r : 0;
}

/* One variable a line, no quotes and no expansion: as docker reads them. */
static int put_line(void *ctx, const char *kv, struct dv_err *e)
{
	if (strcspn(kv, " \t") < key_len(kv))
		return dv_fail(e, DV_INVALID, "--env-file: variable '%.100s' contains whitespaces", kv);
	return put_user(ctx, kv, "--env-file", e);
}

static int put_proxies(struct env *x, struct dv_err *e)
{
	static const char *const names[] = { "http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
					     "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY" };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(names); i++)
		if (getenv(names[i]))
			r = put(x, arena_printf(x->arena, "%s=%s", names[i], getenv(names[i])), e);
	return r;
}

int env_resolve(struct arena *a, const struct run_request *q, const char ***ret, const char ***ret_unset, struct dv_err *e)
{
	struct env gone = env_new(a), x = env_new(a);
	int r;

	x.gone = &gone;
	r = put_all(&gone, q->unset_env, e);
	if (r >= 0 && q->env_host)
		r = put_own(&x, "", 0, e);
	if (r >= 0 && q->http_proxy)
		r = put_proxies(&x, e);
	for (const char *const *f = q->env_files; r >= 0 && f && *f; f++)
		r = lines_of_file(a, "--env-file", *f, put_line, &x, e);
	for (const char *const *v = q->env; r >= 0 && v && *v; v++)
		r = put_user(&x, *v, "--env", e);
	if (r < 0)
		return r;
	*ret = x.v;
	*ret_unset = gone.v;
	return 0;
}

int env_merge(struct arena *a, const char *const *defaults, const struct json *image, const struct run_request *q,
	      const char ***ret, struct dv_err *e)
{
	struct env x = env_new(a);
	const char **own, **gone;
	int r = q->unset_env_all ? 0 : put_all(&x, defaults, e);

	for (JSON_EACH(it, image))
		if (r >= 0 && !q->unset_env_all && json_str(it.value) && *json_str(it.value))
			r = put(&x, json_str(it.value), e);
	if (r < 0 || (r = env_resolve(a, q, &own, &gone, e)) < 0)
		return r;
	for (; *gone; gone++)
		unset(&x, *gone);
	r = put_all(&x, own, e);
	if (r < 0)
		return r;
	*ret = x.v;
	return 0;
}
